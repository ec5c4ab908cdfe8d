//! What stands on many pages: an outcome, an actor, a row of an event, a notice.

use indelible_connect::{Event, Piece, sentence};
use indelible_event::Micros;
use maud::{Markup, PreEscaped, html};
use serde::Deserialize;

use crate::{href, limits, text, time};

/// Why an answer is not all there is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Incomplete {
    /// Which bound.
    pub limit: String,
    /// What to do about it.
    pub message: String,
}

/// A record that does not match its leaf.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Alarm {
    /// Its trail.
    pub trail: Option<String>,
    /// Its place there.
    pub seq: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// A value and how often there is one.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct ValueCount {
    /// The value.
    pub value: String,
    /// How many events have it.
    pub count: u64,
}

/// How many there are.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Count {
    /// So many.
    pub value: u64,
    /// `exact` or `at_least`.
    pub relation: String,
}

impl std::fmt::Display for Count {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&text::grouped(self.value))?;
        f.write_str(if self.relation == "at_least" { "+" } else { "" })
    }
}

/// What lacks in an answer, and records that are not what they were.
pub fn notices(incomplete: Option<&Incomplete>, alarms: &[Alarm]) -> Markup {
    html! {
        @if !alarms.is_empty() {
            section.notice.bad role="alert" {
                h2 { "Records that are not what was recorded" }
                p { "They do not match their leaf in the tree, and are not shown. Have the trail verified: "
                    code { "indelible verify log" } "." }
                ul { @for alarm in alarms {
                    li { (text::short(alarm.trail.as_deref().unwrap_or("a trail")))
                        @if let Some(seq) = alarm.seq { ", record " (text::grouped(seq)) } ": " (text::short(&alarm.message)) }
                } }
            }
        }
        @if let Some(incomplete) = incomplete {
            p.notice.warn role="status" { "Not everything is here: " (text::short_to(&incomplete.message, 300)) "." }
        }
    }
}

/// How it ended: a word and a shape, so that nobody needs the colour.
pub fn outcome(outcome: Option<&str>) -> Markup {
    let (class, mark) = match outcome {
        Some("success") => ("good", "✓"),
        Some("failure") => ("bad", "✕"),
        Some("error") => ("bad", "!"),
        Some("denied") => ("denied", "⊘"),
        Some("pending") => ("pending", "…"),
        _ => ("quiet", "?"),
    };
    html! {
        span class={"outcome " (class)} { span.mark aria-hidden="true" { (mark) } " " (text::short(outcome.unwrap_or("unknown"))) }
    }
}

/// An event as a sentence, its names linked.
pub fn said(event: &Event) -> Markup {
    html! {
        @for piece in sentence(event).0 {
            @match piece {
                Piece::Words(words) => (text::short_to(&words, 200)),
                Piece::Actor(name) | Piece::Behalf(_, name) => strong { (text::short(&name)) },
                Piece::Target(_, name) => em { (text::short(&name)) },
            }
        }
    }
}

/// A row of a list of events: everything in it leads to the event; `j` and `k` walk from row to row.
pub fn row(event: &Event, now: Micros) -> Markup {
    let address = href::event(&event.trail, &event.id);
    let target = event.targets.first();
    let ip = event.context.as_ref().and_then(|context| context.ip.as_deref());
    html! {
        li.row data-row data-href=(address) {
            span.when { (time::ago(event.at(), now)) span.exact { (time::at_short(event.at())) } }
            (outcome(event.outcome.as_deref()))
            a.said href=(address) { (said(event)) }
            span.facets {
                (value("action", Some(&event.action)))
                (value("actor", event.actor.as_ref().and_then(|actor| actor.id.as_deref())))
                @if let Some(target) = target {
                    @let whole = [target.kind.as_deref(), target.id.as_deref()];
                    @let whole: Vec<&str> = whole.into_iter().flatten().collect();
                    (value("target", Some(&whole.join("/"))))
                }
                (value("ip", ip))
                (value("service", event.context.as_ref().and_then(|context| context.service.as_deref())))
                @if event.trail != "default" { (value("trail", Some(&event.trail))) }
            }
        }
    }
}

/// A value of a key, with the two ways to make it part of the search: with it, or without.
pub fn value(key: &str, value: Option<&str>) -> Markup {
    let Some(value) = value.filter(|value| !value.is_empty()) else { return html! {} };
    let shown = html! { span.key { (key) } (text::short(value)) };
    html! {
        @if value.len() <= limits::SEARCHED_BYTES_MAX {
            span.value data-key=(key) data-value=(value) { a href=(href::search_for(key, value)) { (shown) } }
        } @else { span.value { (shown) } }
    }
}

/// Where a piece of a page will be, which takes longer than the page may wait for.
pub fn later(address: &str, title: &str) -> Markup {
    let path = address.split('?').next().unwrap_or_default();
    html! {
        div.later data-piece=(path) hx-get=(address) hx-trigger="load" hx-swap="outerHTML" {
            p.quiet role="status" { (title) "…" }
        }
    }
}

/// The way to the whole page where no script brings its pieces.
pub fn at_once(address: &str) -> Markup {
    html! { noscript { p.notice { a href=(address) { "Show all of this page" } " without scripts." } } }
}

/// Nothing was found, and what to do now.
pub fn empty(title: &str, body: Markup) -> Markup {
    html! { section.empty { h2 { (title) } (body) } }
}

/// A drawing of ours, for the eye alone.
pub fn icon(name: &str) -> Markup {
    let path = match name {
        "brand" => "M5 3h10l4 4v14H5zM9 12l2.5 2.5L16 10",
        "search" => "M11 4a7 7 0 1 0 0 14a7 7 0 0 0 0-14zM16 16l5 5",
        "live" => "M3 12h4l3-8 4 16 3-8h4",
        "overview" => "M4 20V10M10 20V4M16 20v-7M22 20H2",
        "timeline" => "M4 6h10M8 12h12M5 18h8",
        "people" => {
            "M9 11a4 4 0 1 0 0-8a4 4 0 0 0 0 8zM2 21c0-4 3-7 7-7s7 3 7 7M17 3a4 4 0 0 1 0 8M18 14c3 .6 4.500 3.500 4.500 7"
        }
        "alerts" => "M5 17h14l-2-3V10a5 5 0 0 0-10 0v4zM10 20h4",
        "reviews" => "M9 3h6v3H9zM7 5H5v16h14V5h-2M9 14l2 2 4-4",
        "export" => "M12 3v12M7 10l5 5 5-5M4 20h16",
        "settings" => "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
        "person" => "M12 12a4 4 0 1 0 0-8a4 4 0 0 0 0 8zM5 21c0-4 3-7 7-7s7 3 7 7",
        "shield" => "M12 3l8 3v6c0 5-4 8-8 9c-4-1-8-4-8-9V6z",
        _ => "",
    };
    html! {
        svg.icon viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false" {
            (PreEscaped(format!("<path d=\"{path}\"/>")))
        }
    }
}
