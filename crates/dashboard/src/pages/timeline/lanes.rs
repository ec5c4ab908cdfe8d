//! A lane for each service, drawn beside the rows: a mark for each event, a line from each intent to its outcome.
//!
//! Each row draws its own piece in percents of its height, so that the pieces meet whatever stands in the rows.

use std::collections::HashMap;

use maud::{Markup, html};

use super::Entry;
use crate::limits;

/// How far below a row's top its mark is, in pixels.
const MARK_Y: u32 = 19;
/// How far apart lines of intents are that run beside each other.
const SLOT: u32 = 7;

/// The lanes of a page.
pub struct Lanes {
    /// The services in the order in which they come; the last lane may be of all others.
    pub names: Vec<String>,
    by_name: HashMap<String, usize>,
    spans: Vec<Span>,
}

/// From an intent to its outcome, or to nothing.
struct Span {
    from: usize,
    to: Option<usize>,
    from_lane: usize,
    to_lane: usize,
    /// How many lines are to the left of its own.
    slot: u32,
}

/// The service of an entry; empty where it names none.
pub fn service(entry: &Entry) -> &str {
    let context = entry.event.context.as_ref();
    context.and_then(|context| context.service.as_deref()).unwrap_or_default()
}

impl Lanes {
    pub fn of(entries: &[Entry]) -> Lanes {
        let mut names: Vec<String> = Vec::new();
        let mut by_name = HashMap::new();
        for entry in entries {
            let name = service(entry);
            if !by_name.contains_key(name) {
                by_name.insert(name.to_owned(), names.len().min(limits::LANES_MAX - 1));
                names.push(name.to_owned());
            }
        }
        let many = names.len() > limits::LANES_MAX;
        names.truncate(limits::LANES_MAX);
        if many && let Some(last) = names.last_mut() {
            "others".clone_into(last);
        }
        let mut lanes = Lanes { names, by_name, spans: Vec::new() };
        lanes.join(entries);
        lanes
    }

    /// The lane of an entry.
    pub fn lane(&self, entry: &Entry) -> usize {
        self.by_name.get(service(entry)).copied().unwrap_or_default()
    }

    fn join(&mut self, entries: &[Entry]) {
        let places: HashMap<&str, usize> =
            entries.iter().enumerate().map(|(at, entry)| (entry.event.id.as_str(), at)).collect();
        for (from, entry) in entries.iter().enumerate() {
            let intent = entry.event.phase.as_deref() == Some("intent");
            let outcome = entry.outcome_ref.as_deref().and_then(|id| places.get(id)).copied();
            let to = outcome.filter(|to| *to > from);
            if !intent || to.is_none() && !entry.unfinished {
                continue;
            }
            let lane = self.lane(entry);
            let busy = |slot: u32| {
                self.spans.iter().any(|span| {
                    span.slot == slot
                        && span.from_lane == lane
                        && span.to.is_some_and(|end| end >= from)
                })
            };
            let Some(slot) = (0..limits::LANE_SLOTS_MAX).find(|slot| !busy(*slot)) else {
                continue;
            };
            let to_lane = to.map_or(lane, |to| self.lane(&entries[to]));
            self.spans.push(Span { from, to, from_lane: lane, to_lane, slot });
        }
    }

    /// How far apart lanes are: the fewer, the wider.
    fn step(&self) -> u32 {
        match self.names.len() {
            0..=3 => 112,
            4..=5 => 84,
            _ => 60,
        }
    }

    fn x(&self, lane: usize) -> u32 {
        u32::try_from(lane).unwrap_or_default() * self.step() + 14
    }

    /// How wide all lanes are.
    pub fn width(&self) -> u32 {
        u32::try_from(self.names.len()).unwrap_or_default() * self.step()
    }

    /// The drawing of one row; of what stands between two rows where `entry` is none.
    pub fn drawing(&self, before: usize, entry: Option<(usize, &Entry)>) -> Markup {
        let width = self.width();
        html! {
            svg.lanes width=(width) height="100%" aria-hidden="true" focusable="false" {
                @for lane in 0..self.names.len() {
                    line.guide x1=(self.x(lane)) x2=(self.x(lane)) y1="0" y2="100%" {}
                }
                @for span in &self.spans { (self.piece(span, before, entry.is_some())) }
                @if let Some((_, entry)) = entry { (self.mark(entry)) }
            }
        }
    }

    /// A span's piece in row `at`, or before it.
    fn piece(&self, span: &Span, at: usize, is_row: bool) -> Markup {
        let x = self.x(span.from_lane) + 14 + span.slot * SLOT;
        let line = |class: &str, y1: String, y2: String| html! { line.(class) x1=(x) x2=(x) y1=(y1) y2=(y2) {} };
        let across = |to: u32| html! { line.span x1=(x) x2=(to) y1=(MARK_Y) y2=(MARK_Y) {} };
        let (mark, top, end) = (MARK_Y.to_string(), "0".to_owned(), "100%".to_owned());
        match span.to {
            _ if at < span.from || at == span.from && !is_row => html! {},
            None if at == span.from => {
                html! { (across(self.x(span.from_lane))) (line("span open", mark, end)) }
            }
            None => html! {},
            Some(_) if at == span.from => {
                html! { (across(self.x(span.from_lane))) (line("span", mark, end)) }
            }
            Some(to) if at == to && is_row => {
                html! { (line("span", top, mark)) (across(self.x(span.to_lane))) }
            }
            Some(to) if at <= to => line("span", top, end),
            Some(_) => html! {},
        }
    }

    fn mark(&self, entry: &Entry) -> Markup {
        let class = match entry.event.outcome.as_deref() {
            Some("success") => "good",
            Some("failure" | "error") => "bad",
            Some("denied") => "denied",
            Some("pending") => "pending",
            _ => "quiet",
        };
        let x = self.x(self.lane(entry));
        let intent = entry.event.phase.as_deref() == Some("intent");
        html! {
            @if class == "bad" || class == "denied" {
                rect.mark.(class) x=(x - 6) y=(MARK_Y - 6) width="12" height="12" rx="2" {}
            } @else {
                circle.mark.(class).intent[intent] cx=(x) cy=(MARK_Y) r=(if entry.via == "correlation" { 5 } else { 7 }) {}
            }
        }
    }
}
