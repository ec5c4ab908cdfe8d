//! How the node is.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::problem::Problem;
use crate::state::AppState;
use crate::status::{require_all, writable};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(livez)).routes(routes!(readyz)).routes(routes!(metrics))
}

/// The process answers.
#[utoipa::path(get, path = "/livez", tag = "health", responses((status = 200, description = "It does")))]
async fn livez() -> &'static str {
    "ok\n"
}

/// Whether the trail can be written.
#[utoipa::path(
    get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "It can"),
        (status = 503, description = "It cannot; the problem says why"),
    ),
)]
async fn readyz(State(state): State<AppState>) -> Result<String, Problem> {
    if state.writer().is_none() {
        return Ok("ok, reading only\n".into());
    }
    writable(&state).map_err(|why| Problem::unavailable(why, 60))?;
    // Events are taken all the same; why it fails is not for everybody, who may ask here.
    let failing = state.metrics().duties().failing();
    let told = |what: &&str| format!("keeping fails: {what}; /api/status tells why\n");
    let connections = match state.failing_connections() {
        0 => String::new(),
        count => format!("connections fail: {count}; /api/status tells which\n"),
    };
    Ok(format!("ok\n{}{connections}", failing.iter().map(told).collect::<String>()))
}

/// Counters in Prometheus' text format.
#[utoipa::path(
    get, path = "/metrics", tag = "health",
    responses(
        (status = 200, description = "The counters", content_type = "text/plain", body = String),
        (status = 403, description = "A writer, or bound to trails: the counters are of all of them"),
    ),
)]
async fn metrics(
    State(state): State<AppState>,
    caller: Result<Caller, Problem>,
) -> Result<Response, Problem> {
    if !state.public_metrics() {
        require_all(&caller?)?;
    }
    if let Ok(index) = state.reader().search() {
        state.metrics().searchable_lag(index.status().lag);
    }
    let text = state.metrics().text() + &state.connections_text() + &state.watch_text();
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
