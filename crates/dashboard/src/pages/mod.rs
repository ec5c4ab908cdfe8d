//! The pages, each with its own routes.

mod alerts;
mod docs;
mod event;
mod export;
mod live;
mod login;
mod overview;
mod people;
mod reviews;
mod rules;
mod search;
mod settings;
mod timeline;

use axum::Router;
use axum::routing::get;

use crate::page;
use crate::visit::Api;

/// Where the number of open alerts is, which stands in the navigation.
pub use alerts::COUNT as OPEN_ALERTS;

/// The routes of all pages.
pub fn routes() -> Router<Api> {
    Router::new()
        .merge(search::routes())
        .merge(event::routes())
        .merge(timeline::routes())
        .merge(live::routes())
        .merge(overview::routes())
        .merge(people::routes())
        .merge(alerts::routes())
        .merge(rules::routes())
        .merge(reviews::routes())
        .merge(export::routes())
        .merge(settings::routes())
        .merge(login::routes())
        .merge(docs::routes())
        .route(crate::MISSING, get(page::missing))
        .route("/theme", get(page::choose_theme))
}
