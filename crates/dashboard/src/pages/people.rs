//! Who acts, and what one of them did.

use axum::Router;
use axum::response::Response;
use axum::routing::get;
use maud::html;

use crate::page::{Nav, Page};
use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/people", get(people))
}

async fn people(visit: Visit) -> Response {
    visit.answer(page(&visit).await)
}

async fn page(visit: &Visit) -> Result<Page, Problem> {
    visit.me()?;
    Ok(Page::new("People", Nav::People, html! { h1 { "People" } }))
}
