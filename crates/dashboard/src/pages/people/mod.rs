//! Who acts, and what one of them did.

mod list;
mod report;
mod usual;

use axum::Router;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::StatusCode;
use axum::response::Response;
use axum::routing::get;

use crate::visit::{Api, Problem, Visit};

pub fn routes() -> Router<Api> {
    Router::new().route("/people", get(people)).route("/people/{id}", get(person))
}

/// The list; with `id` one of them, as a path cannot hold every name: a browser takes `..` for a way up.
async fn people(visit: Visit) -> Response {
    let page = match visit.params.get("id") {
        Some(id) => report::page(&visit, id).await,
        // A piece of it; an address below would be somebody's.
        None if visit.params.get("active").is_some() => list::active(&visit).await,
        None => list::page(&visit).await,
    };
    visit.answer(page)
}

async fn person(id: Result<Path<String>, PathRejection>, visit: Visit) -> Response {
    let page = match id {
        Ok(Path(id)) => report::page(&visit, &id).await,
        Err(e) => {
            let title = "The address cannot be read";
            Err(Problem::new(StatusCode::BAD_REQUEST, title, e.body_text()))
        }
    };
    visit.answer(page)
}
