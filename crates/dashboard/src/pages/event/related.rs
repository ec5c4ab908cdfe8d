//! What belongs to an event: its intent or outcome, corrections, and what has the same correlation id.

use indelible_connect::Event;
use indelible_event::Micros;
use maud::{Markup, html};
use serde::Deserialize;

use crate::href::{self, Params};
use crate::parts::{self, Count};
use crate::visit::Visit;
use crate::{limits, text, time};

/// What refers to it, and what it refers to.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Related {
    intent: Option<Event>,
    outcome: Option<Event>,
    corrections: Vec<Event>,
    corrects: Option<Event>,
}

/// Events of the same correlation id.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Together {
    events: Vec<Event>,
    total: Option<Count>,
}

/// The first events of the same correlation id. An event stands without them, so an error is none here.
pub async fn together(visit: &Visit, event: &Event) -> Together {
    let id = event.context.as_ref().and_then(|context| context.correlation_id.as_deref());
    let Some(id) = id.filter(|id| !id.is_empty()) else { return Together::default() };
    let params = Params::new()
        .with("correlation_id", id)
        .with("order", "asc")
        .with("count", "true")
        .with("page_size", (limits::TOGETHER_MAX + 1).to_string());
    visit.get("/api/audit/logs", &params).await.unwrap_or_default()
}

/// Intent and outcome together, and corrections. `sure` is whether nothing can be missing.
pub fn related(related: &Related, event: &Event, sure: bool, now: Micros) -> Markup {
    let intent = event.phase.as_deref() == Some("intent");
    let row = |event: &Event| html! { ul.rows { (parts::row(event, now)) } };
    html! {
        @if intent && related.outcome.is_none() && sure {
            section #unfinished.notice.warn {
                p { strong { "No outcome was recorded. " }
                    "This was announced " (time::ago(event.at(), now)) ", and nothing says how it ended. Whether it was done is not known." }
            }
        }
        @if let Some(outcome) = &related.outcome {
            section #outcome { h2 { "How it ended" (took(event, outcome)) } (row(outcome)) }
        }
        @if let Some(intent) = &related.intent {
            section #intent { h2 { "How it began" (took(intent, event)) } (row(intent)) }
        }
        @if let Some(corrects) = &related.corrects {
            section #corrects { h2 { "This corrects" } (row(corrects)) }
        }
        @if !related.corrections.is_empty() {
            section #corrections {
                h2 { "Corrected since" }
                ul.rows { @for one in &related.corrections { (parts::row(one, now)) } }
            }
        }
    }
}

fn took(intent: &Event, outcome: &Event) -> Markup {
    let times = (Micros::parse(intent.at()), Micros::parse(outcome.at()));
    html! {
        @if let (Ok(from), Ok(to)) = times && to.0 > from.0 {
            " " span.quiet { "(" (time::length(to.0 - from.0)) " from intent to outcome)" }
        }
    }
}

/// The other events of the same correlation id.
pub fn section(together: &Together, event: &Event, now: Micros) -> Markup {
    let others =
        together.events.iter().filter(|other| other.id != event.id || other.trail != event.trail);
    let others: Vec<&Event> = others.take(limits::TOGETHER_MAX).collect();
    let id = event.context.as_ref().and_then(|context| context.correlation_id.as_deref());
    html! {
        @if let Some(id) = id && !others.is_empty() {
            section #together aria-labelledby="together-title" {
                h2 #together-title { "Together with this " @if let Some(total) = &together.total {
                    span.quiet { "(" (total) " events of " (text::short_to(id, 40)) ")" } } }
                p { a href=(href::correlation_timeline(id)) { "All of it as a timeline" } }
                ul.rows { @for other in others { (parts::row(other, now)) } }
            }
        }
    }
}
