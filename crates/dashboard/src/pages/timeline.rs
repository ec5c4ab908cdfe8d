//! What happened to something, across systems.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use crate::page::{Nav, Page};
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/timeline", get(timeline))
}

async fn timeline(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    visit.me()?;
    Ok(Page::new("Timeline", Nav::Timeline, html! { h1 { "Timeline" } }))
}
