//! What was begun and never ended.

use axum::response::Response;
use indelible_connect::Event;
use maud::html;
use serde::Deserialize;

use crate::href::{self, Params};
use crate::page::{Nav, Page};
use crate::parts::{self, Alarm, Incomplete};
use crate::visit::{Problem, Visit};

/// The report, as the API gives it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Report {
    unfinished: Vec<Row>,
    abandoned: Vec<Row>,
    next_cursor: Option<String>,
    incomplete: Option<Incomplete>,
    alarms: Vec<Alarm>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Row {
    event: Event,
}

pub async fn unfinished(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    let cursor = visit.params.get("cursor").unwrap_or_default();
    let params = Params::new().with("cursor", cursor);
    let report: Report = visit.get("/api/audit/reports/unfinished", &params).await?;
    let next =
        report.next_cursor.map(|next| Params::new().with("cursor", next).to("/search/unfinished"));
    let none = report.unfinished.is_empty() && report.abandoned.is_empty() && next.is_none();
    let body = html! {
        h1 { "Unfinished intents" }
        p.quiet { "What somebody was about to do, and of which no ending was recorded within five minutes; the oldest first." }
        (parts::notices(report.incomplete.as_ref(), &report.alarms))
        @if none { (parts::empty("Nothing is unfinished", html! {
            p { "What was recorded in the last five minutes may still end, and is not looked at." }
            p { a href=(href::search("phase:intent")) { "All intents" } " · " a href="/" { "To the search" } }
        })) }
        @if !report.unfinished.is_empty() {
            h2 { "Never ended" }
            ol.rows { @for row in &report.unfinished { (parts::row(&row.event, visit.now)) } }
        }
        @if !report.abandoned.is_empty() {
            h2 { "Ended, but nobody knows how" }
            ol.rows { @for row in &report.abandoned { (parts::row(&row.event, visit.now)) } }
        }
        @if let Some(next) = next { p { a rel="next" href=(next) { "Newer" } } }
    };
    Ok(Page::new("Unfinished intents", Nav::Search, body).with(&["search.js", "verify.js"]))
}
