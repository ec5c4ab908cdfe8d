//! `indelible search`

use indelible_connect::Event;
use serde_json::value::RawValue;

use super::answers::{self, Page};
use super::sentence::{paint, sentence};
use super::{Params, tell_incomplete};
use crate::args::{Global, Search};
use crate::failure::Failure;
use crate::look::{Look, Paint, clean, pad};
use crate::out::{self, Out};

const PATH: &str = "/api/audit/logs";
/// Events a page, at most: that of the API.
const PAGE_MAX: u64 = 1000;
/// From how many columns on the ids are shown too: they take 38 of them.
const WIDTH_WITH_IDS: usize = 140;
/// Columns of a trail's name, at least, so that pages align with each other.
const TRAIL_WIDTH: usize = 8;

pub fn run(global: &Global, out: &mut Out, args: &Search) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let mut params = args.which.params()?;
    if args.count {
        params.extend([pair("count", "true"), pair("page_size", "1")]);
        let page: Page = source.read(PATH, &params)?;
        return tell_count(out, &page);
    }
    if args.oldest_first {
        params.push(pair("order", "asc"));
    }
    if args.sort == "occurred" {
        params.push(pair("sort", "occurred_at"));
    }
    let mut left = if args.all { u64::MAX } else { args.limit };
    let mut rows = Rows::new(&look, args.ids);
    let mut cursor = None;
    let (mut alarms, mut found) = (0, 0);
    while left > 0 {
        let page: Page = source.read(PATH, &page_of(&params, left, cursor.as_deref()))?;
        let count = page.events.len() as u64;
        rows.print(out, &page.events)?;
        // A page a moment, and whoever reads in a pipe wants it then.
        out.flush()?;
        alarms += tell_alarms(&page);
        tell_incomplete(page.incomplete.as_ref(), out.is_json());
        (left, found) = (left.saturating_sub(count), found + count);
        cursor = page.next_cursor;
        if cursor.is_none() {
            break;
        }
    }
    tell_end(&look, found, cursor.is_some() && !args.all);
    if alarms > 0 { Err(Failure::Told) } else { Ok(()) }
}

fn page_of(params: &Params, left: u64, cursor: Option<&str>) -> Params {
    let mut params = params.clone();
    params.push(pair("page_size", &left.min(PAGE_MAX).to_string()));
    params.extend(cursor.map(|cursor| pair("cursor", cursor)));
    params
}

fn pair(name: &str, value: &str) -> (String, String) {
    (name.to_owned(), value.to_owned())
}

fn tell_count(out: &mut Out, page: &Page) -> Result<(), Failure> {
    let total = page.total.as_ref().ok_or_else(|| Failure::cannot("the answer has no total"))?;
    if out.is_json() {
        let object = serde_json::json!({"value": total.value, "relation": total.relation});
        return out.object(&object);
    }
    tell_incomplete(page.incomplete.as_ref(), false);
    out.line(total)
}

fn tell_end(look: &Look, found: u64, more: bool) {
    if !look.for_people {
        return;
    }
    if found == 0 {
        out::note(format_args!("nothing found"));
    } else if more {
        out::note(format_args!("there is more: --limit N, or --all"));
    }
}

/// Records that do not match their leaf: never shown, never kept quiet about either.
pub fn tell_alarms(page: &Page) -> usize {
    for alarm in &page.alarms {
        out::note(format_args!("ALARM: a record does not match its leaf: {alarm}"));
    }
    page.alarms.len()
}

/// Events, a row each.
pub struct Rows<'a> {
    look: &'a Look,
    ids: bool,
    trail_width: usize,
}

impl Rows<'_> {
    /// Rows that look so; ids where asked for, or where there is room.
    pub fn new(look: &Look, ids: bool) -> Rows<'_> {
        let roomy = look.width().is_some_and(|width| width >= WIDTH_WITH_IDS);
        Rows { look, ids: ids || roomy, trail_width: TRAIL_WIDTH }
    }

    /// Prints them: as they came where a program listens.
    pub fn print(&mut self, out: &mut Out, events: &[Box<RawValue>]) -> Result<(), Failure> {
        if !self.look.for_people {
            return events.iter().try_for_each(|event| out.line(event.get()));
        }
        let events: Vec<Event> = events.iter().map(|raw| answers::event(raw)).collect();
        let widest = events.iter().map(|event| event.trail.chars().count()).max().unwrap_or(0);
        self.trail_width = self.trail_width.max(widest);
        events.iter().try_for_each(|event| out.line(self.row(event)))
    }

    /// One of them.
    pub fn row(&self, event: &Event) -> String {
        let time = self.look.time(event.at());
        let id = if self.ids { format!("{}  ", clean(&event.id)) } else { String::new() };
        let trail = pad(&clean(&event.trail), self.trail_width);
        let taken = [&time, &trail, &id].iter().map(|text| text.chars().count()).sum::<usize>() + 4;
        let told = self.look.fit(&sentence(event), taken);
        format!(
            "{}  {}  {}{}",
            self.look.paint(Paint::Dim, &time),
            trail,
            self.look.paint(Paint::Dim, &id),
            self.look.paint(paint(event), &told)
        )
    }
}
