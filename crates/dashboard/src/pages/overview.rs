//! How much happens, by whom, to what, and how the node is.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use crate::page::{Nav, Page};
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/overview", get(overview))
}

async fn overview(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    visit.me()?;
    Ok(Page::new("Overview", Nav::Overview, html! { h1 { "Overview" } }))
}
