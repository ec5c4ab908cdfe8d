//! Search: what happened.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use indelible_connect::Event;
use maud::html;
use serde::Deserialize;

use crate::href::Params;
use crate::page::{Nav, Page};
use crate::parts::{self, Alarm, Incomplete};
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/", get(search))
}

/// A page of events, as the API gives it.
#[derive(Debug, Deserialize)]
struct Found {
    events: Vec<Event>,
    next_cursor: Option<String>,
    incomplete: Option<Incomplete>,
    alarms: Vec<Alarm>,
}

async fn search(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    let q = visit.params.get("q").unwrap_or_default();
    let cursor = visit.params.get("cursor").unwrap_or_default();
    let params = Params::new().with("q", q).with("cursor", cursor);
    let found: Found = visit.get("/api/audit/logs", &params).await?;
    let next = found.next_cursor.map(|next| visit.params.clone().set("cursor", next).to("/"));
    let body = html! {
        h1 { "Search" }
        form.search role="search" action="/" {
            input #q type="search" name="q" value=(q) aria-label="Search" placeholder="actor:maria action:backup.*";
            button { "Search" }
        }
        (parts::notices(found.incomplete.as_ref(), &found.alarms))
        ol.rows { @for event in &found.events { (parts::row(event, visit.now)) } }
        @if let Some(next) = next { p { a rel="next" href=(next) { "Older" } } }
    };
    Ok(Page::new("Search", Nav::Search, body).with(&["search.js"]))
}
