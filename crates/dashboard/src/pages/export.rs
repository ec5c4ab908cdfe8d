//! What a search finds, as a file.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use crate::page::{Nav, Page};
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/export", get(export))
}

async fn export(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    visit.me()?;
    Ok(Page::new("Export", Nav::Export, html! { h1 { "Export" } }))
}
