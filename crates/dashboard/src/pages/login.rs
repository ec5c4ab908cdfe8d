//! The ways in and out.

use axum::Router;

use crate::visit::Api;

pub fn routes() -> Router<Api> {
    Router::new()
}
