//! The pages, each with its own routes.

mod docs;
mod event;
mod export;
mod live;
mod login;
mod overview;
mod people;
mod search;
mod settings;
mod timeline;

use axum::Router;
use axum::routing::get;

use crate::page;
use crate::visit::Api;

/// The routes of all pages.
pub fn routes() -> Router<Api> {
    Router::new()
        .merge(search::routes())
        .merge(event::routes())
        .merge(timeline::routes())
        .merge(live::routes())
        .merge(overview::routes())
        .merge(people::routes())
        .merge(export::routes())
        .merge(settings::routes())
        .merge(login::routes())
        .merge(docs::routes())
        .route(crate::MISSING, get(page::missing))
        .route("/theme", get(page::choose_theme))
}
