//! `indelible timeline`

use super::answers::{Entry, Timeline as Answer};
use super::sentence::{paint, sentence};
use super::{Params, bounds, tell_incomplete};
use crate::args::{Global, Timeline};
use crate::failure::Failure;
use crate::look::{Look, Paint, clean, cut, pad, span};
use crate::out::{self, Out};

const PATH: &str = "/api/audit/timeline";
const PAGE: &str = "200";
/// More services than this share a column that names them; up to it each has its lane.
const LANES_MAX: usize = 6;
/// Columns of a lane.
const LANE: usize = 3;
/// Columns of the services' column, at most.
const SERVICE_WIDTH_MAX: usize = 18;

pub fn run(global: &Global, out: &mut Out, args: &Timeline) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let mut params = params(args)?;
    params.push(("page_size".into(), PAGE.into()));
    let mut services: Vec<String> = Vec::new();
    let (mut cursor, mut told, mut unfinished) = (None::<String>, 0, 0);
    loop {
        let mut page_params = params.clone();
        page_params.extend(cursor.take().map(|cursor| ("cursor".to_owned(), cursor)));
        let page: Answer = source.read(PATH, &page_params)?;
        if !look.for_people {
            page.entries.iter().try_for_each(|entry| out.line(entry.get()))?;
        } else {
            let before = services.len();
            let new = page.services.iter().filter(|service| !services.contains(service));
            let new: Vec<_> = new.cloned().collect();
            services.extend(new);
            let tells_via = args.resource.is_some();
            let lanes = Lanes { look: &look, services: &services, tells_via };
            if services.len() > before {
                lanes.heading(out)?;
            }
            for raw in &page.entries {
                let entry: Entry = super::source::read(raw.get().as_bytes())?;
                unfinished += usize::from(entry.unfinished);
                lanes.print(out, &entry)?;
            }
        }
        told += page.entries.len();
        tell_incomplete(page.incomplete.as_ref(), out.is_json());
        if page.next_cursor.is_none() {
            if look.for_people {
                // What is said about it comes after it.
                out.flush()?;
                let known = args.correlation.as_ref();
                let others = page.correlations.iter().filter(|id| Some(*id) != known);
                tell_end(told, unfinished, &others.map(|id| clean(id)).collect::<Vec<_>>());
            }
            return Ok(());
        }
        cursor = page.next_cursor;
    }
}

fn params(args: &Timeline) -> Result<Params, Failure> {
    let mut params = Params::new();
    if let Some(resource) = &args.resource {
        // An id may have slashes itself; a type never has.
        let (kind, id) = match resource.split_once('/') {
            Some((kind, id)) if is_type(kind) => (Some(kind), id),
            _ => (None, resource.as_str()),
        };
        params.extend(kind.map(|kind| ("resource_type".to_owned(), kind.to_owned())));
        params.push(("resource_id".into(), id.to_owned()));
    }
    if let Some(correlation) = &args.correlation {
        params.push(("correlation_id".into(), correlation.clone()));
    }
    bounds(&mut params, ["from", "to"], args.since.as_deref(), args.until.as_deref())?;
    Ok(params)
}

fn is_type(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

fn tell_end(told: usize, unfinished: usize, correlations: &[String]) {
    if told == 0 {
        return out::note(format_args!("nothing found"));
    }
    if unfinished > 0 {
        out::note(format_args!("{unfinished} begun and never ended, as far as the trail knows"));
    }
    if !correlations.is_empty() {
        out::note(format_args!("correlations: {}", correlations.join(", ")));
    }
}

/// Where each service's events stand.
struct Lanes<'a> {
    look: &'a Look,
    services: &'a [String],
    /// Whether events can be here by their correlation, and others not.
    tells_via: bool,
}

impl Lanes<'_> {
    fn are_columns(&self) -> bool {
        self.services.len() <= LANES_MAX
    }

    /// Each lane's service, one a line, so that lanes stay narrow.
    fn heading(&self, out: &mut Out) -> Result<(), Failure> {
        if !self.are_columns() {
            return Ok(());
        }
        let indent = " ".repeat(TIME_WIDTH + 2);
        for (i, service) in self.services.iter().enumerate() {
            let before = format!("{:<LANE$}", "│").repeat(i);
            let line = format!("{indent}{before}┌ {}", clean(service));
            out.line(self.look.paint(Paint::Dim, &line))?;
        }
        Ok(())
    }

    fn print(&self, out: &mut Out, entry: &Entry) -> Result<(), Failure> {
        if let Some(gap) = entry.gap_before_seconds {
            let line = format!("{:>TIME_WIDTH$}  {}", "⋮", format_args!("{} later", span(gap)));
            out.line(self.look.paint(Paint::Dim, &line))?;
        }
        let time = self.look.time(&entry.at);
        let context = entry.event.context.as_ref();
        let service = context.and_then(|context| context.service.as_deref());
        let lane = self.lane(service.unwrap_or_default());
        let mut told = sentence(&entry.event);
        if self.tells_via && entry.via == "correlation" {
            told.push_str(" (by its correlation)");
        }
        let taken = TIME_WIDTH + 4 + lane.chars().count();
        let told = self.look.paint(paint(&entry.event), &self.look.fit(&told, taken));
        out.line(format_args!("{}  {lane}  {told}", self.look.paint(Paint::Dim, &time)))?;
        if entry.unfinished {
            let line = format!("{:>TIME_WIDTH$}  {}", "!", "never ended: no outcome was recorded");
            out.line(self.look.paint(Paint::Odd, &line))?;
        }
        Ok(())
    }

    fn lane(&self, service: &str) -> String {
        if self.are_columns() {
            let mark = |own: &String| format!("{:<LANE$}", if own == service { "●" } else { "│" });
            return self.services.iter().map(mark).collect();
        }
        let longest = self.services.iter().map(|service| service.chars().count()).max();
        let width = longest.unwrap_or(0).min(SERVICE_WIDTH_MAX);
        pad(&cut(&clean(service), width), width)
    }
}

/// Columns of a time.
const TIME_WIDTH: usize = "2026-11-20 12:00:00".len();
