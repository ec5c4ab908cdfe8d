//! The API described for machines. The dashboard shows the same to people.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(openapi))
}

/// This description, for machines: OpenAPI 3.1. For people it is at `/api/docs`.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "health", security(()),
    responses((status = 200, description = "The document")),
)]
async fn openapi(State(state): State<AppState>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], state.api()).into_response()
}
