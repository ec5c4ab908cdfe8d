//! The rows of a timeline: events, pauses, and what recorders say they lost.

use std::collections::HashMap;

use indelible_connect::Event;
use indelible_event::Micros;
use maud::{Markup, html};

use super::Entry;
use super::lanes::{Lanes, service};
use super::losses;
use crate::{href, parts, text, time};

/// All rows. `losses` come between them by their time.
pub fn list(entries: &[Entry], losses: &[Event]) -> Markup {
    let lanes = Lanes::of(entries);
    let places: HashMap<&str, usize> =
        entries.iter().enumerate().map(|(at, entry)| (entry.event.id.as_str(), at)).collect();
    let mut losses = losses.iter().peekable();
    let mut rows = Vec::with_capacity(entries.len());
    for (at, entry) in entries.iter().enumerate() {
        while let Some(loss) = losses.next_if(|loss| loss.at() <= entry.at.as_str()) {
            rows.push(html! { (losses::row(loss, &lanes.drawing(at, None))) });
        }
        if let Some(seconds) = entry.gap_before_seconds {
            rows.push(gap(seconds, &lanes.drawing(at, None)));
        }
        rows.push(row(at, entry, entries, &places, &lanes));
    }
    for loss in losses {
        rows.push(losses::row(loss, &lanes.drawing(entries.len(), None)));
    }
    html! {
        div.timeline-box { div.timeline.(format!("lanes-{}", lanes.names.len())) {
            div.lane-heads aria-hidden="true" {
                span { "Time" }
                div.lane-names { @for name in &lanes.names {
                    span title=[(name.len() <= 256).then(|| text::named(name))] { (lane_name(name)) }
                } }
                span { "Event" }
            }
            ol #timeline-list { @for row in &rows { (row) } }
        } }
    }
}

/// A pause to the minute, where it is not of days.
fn pause(seconds: i64) -> String {
    let length = |seconds: i64| time::length(seconds.saturating_mul(1_000_000));
    match seconds % 3_600 {
        rest if seconds < 86_400 && rest >= 60 => {
            format!("{} {}", length(seconds - rest), length(rest))
        }
        _ => length(seconds),
    }
}

fn lane_name(name: &str) -> Markup {
    html! { @if name.is_empty() { span.quiet { "no service" } } @else { (text::short_to(name, 40)) } }
}

fn gap(seconds: i64, drawing: &Markup) -> Markup {
    html! {
        li.tl-row.gap data-gap=(seconds) {
            span {} (drawing)
            span.tl-what { "Nothing for " (pause(seconds)) }
        }
    }
}

fn row(
    at: usize,
    entry: &Entry,
    entries: &[Entry],
    places: &HashMap<&str, usize>,
    lanes: &Lanes,
) -> Markup {
    let event = &entry.event;
    let address = href::event(&event.trail, &event.id);
    html! {
        li.tl-row id={"e" (at)} data-row data-href=(address) data-via=(entry.via) data-lane=(lanes.lane(entry)) data-unfinished[entry.unfinished] {
            span.tl-when { (time::at(&entry.at)) }
            (lanes.drawing(at, Some((at, entry))))
            div.tl-what {
                (parts::outcome(event.outcome.as_deref())) " "
                a.said href=(address) { (parts::said(event)) }
                p.tl-more {
                    span.tl-service { (lane_name(service(entry))) }
                    (parts::value("action", Some(&event.action)))
                    @if entry.via == "correlation" { span.via { "by its correlation id" } }
                    (phase(entry, entries, places))
                }
            }
        }
    }
}

/// How an intent ended, and what an outcome ended.
fn phase(entry: &Entry, entries: &[Entry], places: &HashMap<&str, usize>) -> Markup {
    if entry.unfinished {
        return html! { strong.unfinished { "intent without an outcome" } };
    }
    let (Some(phase), Some(other)) = (entry.event.phase.as_deref(), entry.outcome_ref.as_deref())
    else {
        return html! { @if let Some(phase) = &entry.event.phase { span { (text::short(phase)) } } };
    };
    let intent = phase == "intent";
    let place = places.get(other).copied();
    let apart = place.and_then(|place| apart(&entry.at, &entries[place].at));
    html! {
        span {
            (if intent { "intent" } else { "outcome" }) ", "
            @match place {
                Some(place) => a href={"#e" (place)} { (if intent { "its outcome" } else { "its intent" }) },
                None => a href=(href::event(&entry.event.trail, other)) { (if intent { "its outcome" } else { "its intent" }) " elsewhere" },
            }
            @if let Some(apart) = apart { " " (apart) (if intent { " later" } else { " before" }) }
        }
    }
}

fn apart(one: &str, other: &str) -> Option<String> {
    let (one, other) = (Micros::parse(one).ok()?, Micros::parse(other).ok()?);
    let micros = (one.0 - other.0).abs();
    (micros >= 1_000).then(|| time::length(micros))
}
