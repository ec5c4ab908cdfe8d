//! One event: everything that is known of it, and whether it is what was recorded.

mod badge;
mod diff;
mod emphasis;
mod fields;
mod json;
mod related;
mod tree;

use std::borrow::Cow;

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use indelible_connect::{Event, sentence};
use indelible_event::Micros;
use maud::{Markup, html};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::href::Params;
use crate::page::{Nav, Page};
use crate::parts::{self, Alarm, Incomplete};
use crate::visit::{Api, Problem, Visit};
use crate::{text, time};

pub fn routes() -> Router<Api> {
    Router::new().route("/events/{id}", get(event))
}

/// What the API says of an event.
#[derive(Deserialize)]
struct Answer {
    /// The very text: the raw JSON is made of it, and the badge compares it with what is proven.
    event: Box<RawValue>,
    receipt: Receipt,
    #[serde(default)]
    diff: Vec<diff::Difference>,
    /// Parts that were erased or have expired.
    #[serde(default)]
    gone: Vec<String>,
    #[serde(default)]
    expired: Option<Expired>,
    #[serde(default)]
    published: bool,
    #[serde(default)]
    related: related::Related,
    incomplete: Option<Incomplete>,
    #[serde(default)]
    alarms: Vec<Alarm>,
}

/// Why all of it is gone but the entry.
#[derive(Deserialize)]
struct Expired {
    policy: u32,
    class: String,
    event: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Receipt {
    leaf: String,
}

async fn event(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    visit.me()?;
    let id = visit.path().strip_prefix("/events/").unwrap_or_default();
    let trail = visit.params.get("trail").unwrap_or_default();
    // The path came encoded and goes on as it came.
    let path = format!("/api/audit/logs/{id}");
    let answer: Answer = match visit.get(&path, &Params::new().with("trail", trail)).await {
        Ok(answer) => answer,
        Err(problem) if problem.status == 409 && !problem.trails.is_empty() => {
            return Ok(Page::new("Which event", Nav::Search, which(id, &problem.trails)));
        }
        Err(problem) => return Err(problem),
    };
    let Some(event) = Event::read(answer.event.get()) else {
        let detail = "The node answered with something that is no event.";
        return Err(Problem::new(axum::http::StatusCode::BAD_GATEWAY, "No event", detail));
    };
    let together = related::together(visit, &event).await;
    let title = sentence(&event).to_string().chars().take(80).collect::<String>();
    let body = body(visit, &answer, &event, &together);
    Ok(Page::new(title, Nav::Search, body).with(&["verify.js"]))
}

/// Several trails have an event of this id.
fn which(id: &str, trails: &[String]) -> Markup {
    html! {
        h1 { "Several trails have this event" }
        ul { @for trail in trails {
            li { a href=(Params::new().with("trail", trail).to(&format!("/events/{id}"))) { (text::short(trail)) } }
        } }
    }
}

fn body(visit: &Visit, answer: &Answer, event: &Event, together: &related::Together) -> Markup {
    let recorded = recorded(answer);
    let raw = json::pretty(&recorded);
    html! {
        article.event data-event=(event.id) aria-labelledby="event-said" {
            header.event-head {
                h1 #event-said { (parts::said(event)) }
                p.event-line {
                    (parts::outcome(event.outcome.as_deref()))
                    @if let Some(phase) = &event.phase { " " span.chip { (text::short(phase)) } }
                    " " code { (text::short(&event.action)) }
                }
                p.event-line { (times(event)) }
            }
            (badge::badge(answer, event))
            (parts::notices(answer.incomplete.as_ref(), &answer.alarms))
            (gone(&answer.gone, answer.expired.as_ref()))
            (related::related(&answer.related, event, answer.incomplete.is_none(), visit.now))
            @if !answer.diff.is_empty() { (diff::section(&answer.diff)) }
            (fields::groups(event, &answer.receipt.leaf, answer.published))
            @if let Some(details) = &event.details { (tree::section(details)) }
            (related::section(together, event, visit.now))
            section #event-raw aria-labelledby="raw-title" {
                h2 #raw-title { "Raw JSON" }
                details.raw open[raw.len() <= crate::limits::RAW_OPEN_BYTES_MAX] {
                    summary { "The event as it was recorded, " (text::counted(recorded.len() as u64, "byte", "bytes")) }
                    p.noprint { button.plain type="button" data-copy="#raw" { "Copy" } }
                    pre #raw tabindex="0" dir="ltr" { (raw) }
                }
            }
        }
    }
}

/// The event as it was recorded: without what the API says behind it of parts that are gone. The badge compares it
/// with what is proven, byte for byte.
fn recorded(answer: &Answer) -> Cow<'_, str> {
    let whole = answer.event.get();
    let said = if answer.expired.is_some() { ",\"expired\":{" } else { ",\"erased\":[" };
    match whole.rfind(said).filter(|_| !answer.gone.is_empty()) {
        // What the event itself says stands before it.
        Some(at) => Cow::Owned(format!("{}}}", &whole[..at])),
        None => Cow::Borrowed(whole),
    }
}

/// When it happened, and when it was recorded where that is another moment.
fn times(event: &Event) -> Markup {
    html! {
        @match &event.occurred_at {
            Some(happened) if *happened != event.recorded_at => {
                span { "Happened " (time::at(happened)) "," }
                span { "recorded " (time::at(&event.recorded_at))
                    @if let Some(later) = between(happened, &event.recorded_at) { ", " (later) " later" } }
            }
            _ => { span { "Recorded " (time::at(&event.recorded_at)) } }
        }
    }
}

/// The time from one moment to a later one, in words.
fn between(from: &str, to: &str) -> Option<String> {
    let (from, to) = (Micros::parse(from).ok()?, Micros::parse(to).ok()?);
    (to.0 >= from.0 + 1_000).then(|| time::length(to.0 - from.0))
}

fn gone(parts: &[String], expired: Option<&Expired>) -> Markup {
    let word = |part: &String| match part.as_str() {
        "who" => "who did it and whose data it was",
        "where" => "where it came from",
        _ => "what it was done to, what it changed, and its details",
    };
    html! {
        @if !parts.is_empty() {
            section #gone.notice.warn {
                @match expired {
                    Some(by) => p { strong { "Expired" } " by policy " (by.policy) " as " (text::short(&by.class)) ": what it said is gone, as was promised. "
                        a href=(crate::href::event("_system", &by.event)) { "See when" } },
                    None => p { strong { "Erased: " } (parts.iter().map(word).collect::<Vec<_>>().join("; ")) "." },
                }
                p.quiet { "Only a commitment to it is left, so the proof of the event still holds." }
            }
        }
    }
}
