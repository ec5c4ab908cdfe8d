//! Streams and inputs over HTTP.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indelible_event::Micros;
use indelible_relay::streams::Shared;
use indelible_relay::{Source as _, SourceError};
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::source::NodeSource;
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::keep::{require_auditor, require_keeper, told};
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

/// Says from where a stream goes on, so that it can also be told to one that has stopped.
const REPLAY: &str = "stream.replay";

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(streams))
        .routes(routes!(stream))
        .routes(routes!(pause))
        .routes(routes!(resume))
        .routes(routes!(replay))
        .routes(routes!(inputs))
}

/// All streams, and how they are.
///
/// `next` is the place in the node's whole log up to which a stream has sent, `lag` how many records are behind it.
#[utoipa::path(
    get, path = "/api/streams", tag = "connections",
    responses(
        (status = 200, description = "The streams", content_type = "application/json", example = json!({"streams": [{
            "name": "siem", "kind": "splunk", "to": "https://splunk.example.com:8088", "query": "-category:data_access",
            "state": "running", "next": 3094, "lag": 0, "oldest_unsent_at": null, "sent": 812, "set_aside": 0,
            "last_at": "2026-01-31T10:00:00.000000Z", "trouble": null,
        }]})),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn streams(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let streams = state.connected().streams(state.end());
    Ok(Json(json!({ "streams": streams })))
}

/// One stream, and how it is.
#[utoipa::path(
    get, path = "/api/streams/{name}", tag = "connections",
    params(("name" = String, Path, description = "The stream's name")),
    responses(
        (status = 200, description = "The stream", content_type = "application/json", example = json!({
            "name": "siem", "kind": "splunk", "to": "https://splunk.example.com:8088", "query": "",
            "state": "failing", "next": 3000, "lag": 94, "oldest_unsent_at": "2026-01-31T09:58:00.000000Z", "sent": 718,
            "set_aside": 0, "last_at": "2026-01-31T09:57:59.000000Z", "trouble": {
                "message": "connection refused", "at": "2026-01-31T10:00:00.000000Z", "since": "2026-01-31T09:58:00.000000Z",
                "failures": 7,
            },
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
    ),
)]
async fn stream(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    Ok(Json(shown(&state, &*find(&state, &name)?)))
}

/// Pauses a stream: it sends nothing until it is resumed, also after a restart. Nothing is lost by it.
#[utoipa::path(
    post, path = "/api/streams/{name}/pause", tag = "connections",
    params(("name" = String, Path, description = "The stream's name")),
    responses(
        (status = 200, description = "It is paused; this is how it is"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It has stopped, and has to be told from where it is to send"),
    ),
)]
async fn pause(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    change(&state, &caller, &name, ("stream.pause", json!({})), |stream| stream.pause()).await
}

/// Resumes a stream that was paused; one that waits after a failure tries at once.
#[utoipa::path(
    post, path = "/api/streams/{name}/resume", tag = "connections",
    params(("name" = String, Path, description = "The stream's name")),
    responses(
        (status = 200, description = "It goes on; this is how it is"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It has stopped, and has to be told from where it is to send"),
    ),
)]
async fn resume(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    change(&state, &caller, &name, ("stream.resume", json!({})), |stream| stream.resume()).await
}

/// From where a stream is to send again.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Replay {
    /// `beginning`, `now`, a time such as `2026-01-31T10:00:00Z` (by `recorded_at`), or a record: `default/17`.
    #[schema(example = "2026-01-31T10:00:00Z")]
    from: String,
}

/// Has a stream send again from a place on, through to the present, and then go on.
#[utoipa::path(
    post, path = "/api/streams/{name}/replay", tag = "connections",
    params(("name" = String, Path, description = "The stream's name")),
    request_body(content = Replay),
    responses(
        (status = 200, description = "It sends from there; this is how it is"),
        (status = 400, description = "`from` is no place"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is no such stream, or no such record"),
    ),
)]
async fn replay(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    params: Params,
    Json(replay): Json<Replay>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    find(&state, &name)?;
    let from = From::read(&replay.from)?;
    let next = state.read(move |state| from.place(state)).await?;
    let details = json!({"from": replay.from, "next": next});
    let deed = (REPLAY, details);
    change(&state, &caller, &name, deed, move |stream| stream.replay(next)).await
}

/// All inputs that listen or fetch, and how they are.
#[utoipa::path(
    get, path = "/api/inputs", tag = "connections",
    responses(
        (status = 200, description = "The inputs", content_type = "application/json", example = json!({"inputs": [{
            "name": "firewalls", "kind": "syslog", "from": "0.0.0.0:6514", "state": "running", "kept": 812, "known": 3,
            "refused": 0, "dead": 0, "last_at": "2026-01-31T10:00:00.000000Z", "last_refused": null, "trouble": null,
        }]})),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn inputs(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    Ok(Json(json!({ "inputs": state.connected().inputs() })))
}

fn find(state: &AppState, name: &str) -> Result<Arc<Shared>, Problem> {
    let shown: String = name.chars().take(128).collect();
    let missing = || Problem::not_found(format!("there is no stream named {shown}"));
    state.connected().stream(name).cloned().ok_or_else(missing)
}

fn shown(state: &AppState, stream: &Shared) -> Value {
    let shown = serde_json::to_value(stream.status(state.end()));
    shown.expect("it has string keys only")
}

/// Records what somebody does to a stream, and does it then.
async fn change(
    state: &AppState,
    caller: &Caller,
    name: &str,
    (action, details): (&str, Value),
    deed: impl FnOnce(&Shared) -> Result<(), String> + Send + 'static,
) -> Result<Response, Problem> {
    let stream = find(state, name)?;
    // So that two who ask at once are recorded in the order in which it is done.
    let turn = state.changing().await;
    // What is refused is not recorded as done.
    let refused = |why: String| Problem::conflict("refused", why);
    if action != REPLAY {
        stream.has_place().map_err(refused)?;
    }
    let target = json!({"type": "stream", "id": name});
    let receipt = state.record_deed(caller, action, target, details).await?;
    let of = Arc::clone(&stream);
    let done = tokio::task::spawn_blocking(move || deed(&of)).await;
    drop(turn);
    let done = done.unwrap_or_else(|_| Err("it broke off; this is a fault of the node".into()));
    done.map_err(refused)?;
    let event = receipt.id.to_string();
    Ok(told(StatusCode::OK, Some(&event), &shown(state, &stream)))
}

/// A place, as people say it.
enum From {
    Beginning,
    Now,
    Time(Micros),
    Record { trail: String, seq: u64 },
}

impl From {
    fn read(text: &str) -> Result<From, Problem> {
        let form = "from must be beginning, now, a time such as 2026-01-31T10:00:00Z, or a record such as default/17";
        let bad = || Problem::bad_parameter("from", form);
        Ok(match text {
            "beginning" => From::Beginning,
            "now" => From::Now,
            _ => match text.rsplit_once('/') {
                Some((trail, seq)) => {
                    let seq = seq.parse().map_err(|_| bad())?;
                    From::Record { trail: trail.to_owned(), seq }
                }
                None => From::Time(Micros::parse(text).map_err(|_| bad())?),
            },
        })
    }

    fn place(&self, state: &AppState) -> Result<u64, Problem> {
        let source = NodeSource::new(state);
        let busy = |e: SourceError| Problem::unavailable(e.to_string(), 5);
        match self {
            From::Beginning => Ok(0),
            From::Now => Ok(source.end()),
            From::Time(at) => source.place_at(*at).map_err(busy),
            From::Record { trail, seq } => {
                let missing = || Problem::not_found(format!("there is no record {trail}/{seq}"));
                source.place_of(trail, *seq).map_err(busy)?.ok_or_else(missing)
            }
        }
    }
}
