//! One event: everything that is known of it, and whether it is what was recorded.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use crate::page::{Nav, Page};
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/events/{id}", get(event))
}

async fn event(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    visit.me()?;
    Ok(Page::new("Event", Nav::Search, html! { h1 { "Event" } }))
}
