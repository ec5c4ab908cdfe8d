//! What is not there: losses that recorders told, and numbers of recorders that never arrived.

use std::collections::BTreeSet;

use indelible_connect::Event;
use maud::{Markup, html};
use serde::Deserialize;

use super::Entry;
use crate::href::{self, Params};
use crate::visit::{Problem, Visit};
use crate::{limits, parts, text, time};

/// The action of the events in which a recorder says what it lost.
const LOSS: &str = "audit.loss";

#[derive(Default, Deserialize)]
#[serde(default)]
struct Found {
    events: Vec<Event>,
}

/// The losses that were told in the time of these entries, and are not among them.
pub async fn told(visit: &Visit, entries: &[Entry]) -> Vec<Event> {
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else { return Vec::new() };
    let params = Params::new()
        .with("action", LOSS)
        .with("start_date", &first.at)
        .with("end_date", &last.at)
        .with("sort", "occurred_at")
        .with("order", "asc")
        .with("page_size", limits::LOSSES_SHOWN_MAX.to_string());
    let found: Found = visit.get("/api/audit/logs", &params).await.unwrap_or_default();
    let known: BTreeSet<&str> = entries.iter().map(|entry| entry.event.id.as_str()).collect();
    found.events.into_iter().filter(|event| !known.contains(event.id.as_str())).collect()
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Losses {
    losses: Vec<Loss>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Loss {
    event_type: String,
    cause: String,
    count: u64,
}

pub fn row(event: &Event, drawing: &Markup) -> Markup {
    let losses: Losses = event
        .details
        .as_ref()
        .and_then(|raw| serde_json::from_str(raw.get()).ok())
        .unwrap_or_default();
    let service = event.context.as_ref().and_then(|context| context.service.as_deref());
    html! {
        li.tl-row.loss data-loss data-row data-href=(href::event(&event.trail, &event.id)) {
            span.tl-when { (time::at(event.at())) }
            (drawing)
            span.tl-what {
                strong { "Losses told" } @if let Some(service) = service { " by " (text::short(service)) } ": "
                @for (at, loss) in losses.losses.iter().take(8).enumerate() {
                    @if at > 0 { ", " }
                    (text::counted(loss.count, "event", "events"))
                    @if !loss.event_type.is_empty() { " of " (text::short_to(&loss.event_type, 40)) }
                    " " (text::short_to(&loss.cause, 40))
                }
                @if losses.losses.is_empty() { "not in words that are understood here" }
                ". " a.said href=(href::event(&event.trail, &event.id)) { "The event" }
            }
        }
    }
}

/// Where the recorders of these entries are asked about numbers that never arrived: later, as it may take a while.
pub fn look(entries: &[Entry]) -> Markup {
    let sources: BTreeSet<&str> =
        entries.iter().filter_map(|entry| entry.event.source.as_ref()?.id.as_deref()).collect();
    let since =
        entries.iter().map(|entry| entry.event.recorded_at.as_str()).min().unwrap_or_default();
    let mut params = Params::new().with("since", since);
    for source in sources.iter().take(limits::SOURCES_ASKED_MAX) {
        params = params.with("source", *source);
    }
    let address = params.to("/timeline/missing");
    html! {
        @if !sources.is_empty() {
            div #missing hx-get=(address) hx-trigger="load" aria-live="polite" {
                p.noprint { a href=(address) { "Whether events of these recorders are missing" } }
            }
        }
    }
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Gaps {
    sources: Vec<Source>,
    incomplete: Option<parts::Incomplete>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Source {
    id: String,
    service: Option<String>,
    first_seen: String,
    last_seen: String,
    missing: Option<u64>,
    explained: Option<u64>,
    ranges: Vec<Range>,
    more_ranges: u64,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Range {
    from: u64,
    to: u64,
}

/// The piece that says which numbers of the recorders never arrived.
pub async fn missing(visit: &Visit) -> Result<Markup, Problem> {
    visit.me()?;
    let since = visit.params.get("since").unwrap_or_default();
    let gaps: Gaps =
        visit.get("/api/audit/reports/gaps", &Params::new().with("since", since)).await?;
    let asked: BTreeSet<&str> = visit.params.all("source").collect();
    let lacking: Vec<&Source> = gaps
        .sources
        .iter()
        .filter(|source| asked.contains(source.id.as_str()) && source.missing != Some(0))
        .collect();
    Ok(html! {
        (parts::notices(gaps.incomplete.as_ref(), &[]))
        @if lacking.is_empty() {
            p.quiet { "No event of the recorders seen here is missing since then." }
        } @else {
            section.notice.warn #missing-events {
                h2 { "Events that never arrived" }
                p { "Recorders number their events. These numbers are not there, so something may be missing in this time:" }
                ul { @for source in lacking { (one(source)) } }
            }
        }
    })
}

fn one(source: &Source) -> Markup {
    let ranges = source.ranges.iter().take(limits::RANGES_SHOWN_MAX);
    let more =
        source.ranges.len().saturating_sub(limits::RANGES_SHOWN_MAX) as u64 + source.more_ranges;
    html! {
        li data-source=(source.id) {
            strong { (text::short(source.service.as_deref().unwrap_or("a recorder"))) } ": "
            @match source.missing { Some(missing) => (text::counted(missing, "event", "events")), None => "many" }
            " (number "
            @for (at, range) in ranges.enumerate() {
                @if at > 0 { ", " }
                (range.from) @if range.to > range.from { "–" (range.to) }
            }
            @if more > 0 { " and " (text::counted(more, "more range", "more ranges")) }
            "), between " (time::at(&source.first_seen)) " and " (time::at(&source.last_seen))
            @if let Some(explained) = source.explained.filter(|explained| *explained > 0) {
                "; it said itself that it lost " (text::grouped(explained)) " of them"
            }
            ". " a href=(href::search_for("source", &source.id)) { "Its events" }
        }
    }
}
