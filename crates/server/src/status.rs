//! How the node is, for who looks after it: what `/metrics` and `/readyz` know, in one answer.

use axum::extract::State;
use indelible_event::Micros;
use indelible_log::TrailStatus;
use indelible_log::record::Seq;
use indelible_store::StoreError;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::extract::Json;
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(status))
}

/// How the node is: its log, its room, its trails, and what it could not record.
///
/// `checkpoint_at` is when the newest record that the checkpoint covers was recorded; signing takes about a second.
/// Without `writable`, `reason` says why. What is counted is counted since `started_at`.
#[utoipa::path(
    get, path = "/api/status", tag = "health",
    responses(
        (status = 200, description = "How it is", content_type = "application/json", example = json!({
            "version": "0.1.0", "started_at": "2026-01-31T10:00:00.000000Z", "now": "2026-01-31T12:00:00.000000Z",
            "public_url": "https://audit.example.com", "listen": "127.0.0.1:8650",
            "disk": {"free_bytes": 53_687_091_200_u64, "log_bytes": 7_340_032, "index_bytes": 524_288},
            "log": {"records": 3094, "durable_pos": 3094, "searchable_pos": 3094, "writable": true, "reason": null},
            "index": {"missing": 0, "failure": null},
            "trails": [{"name": "default", "size": 812, "published": 812, "checkpoint_at": "2026-01-31T11:59:58.000000Z", "witnesses": 0}],
            "more_trails": 0,
            "losses": {"reads_not_recorded": 0},
            "keeping": {
                "duties": [{"what": "backup", "last_success_at": "2026-01-31T03:00:04.000000Z", "failures": 0, "failure": null}],
                "last_backup_at": "2026-01-31T03:00:04.000000Z",
            },
            "connections": {"inputs": 1, "streams": 2, "failing": [
                {"what": "stream", "name": "siem", "state": "failing", "message": "connection refused"},
            ]},
            "watch": {"rules": 31, "refused": 0, "behind": 0, "open_alerts": 2, "trouble": null},
            "events": {"accepted": 812, "new": 811, "known": 1, "conflict": 0, "refused": 0, "failed": 0},
            "requests": {"answered": 1024, "client_errors": 3, "server_errors": 0, "connections": 2},
            "limits": {"event_bytes": 262_144, "body_bytes": 33_554_432, "events_a_request": 50_000, "connections": 12_000,
                "keys": 10_000, "session_seconds": 43_200, "saved_searches": 100},
        })),
        (status = 403, description = "A writer, or bound to trails: this is about all of them"),
    ),
)]
async fn status(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_all(&caller)?;
    params.finish()?;
    Ok(Json(state.read(move |state| shown(state, &caller)).await?))
}

/// 403 unless it reads, and is bound to no trail: what is about all trails is for nobody else.
pub(crate) fn require_all(caller: &Caller) -> Result<(), Problem> {
    caller.require_read()?;
    if caller.trails.is_some() {
        let detail = "this is about all trails, and this credential is bound to some";
        return Err(Problem::forbidden(detail));
    }
    Ok(())
}

/// Whether callers' events are taken now; else why not.
pub(crate) fn writable(state: &AppState) -> Result<(), String> {
    let Some(writer) = state.writer() else { return Err("reading only".to_owned()) };
    if let Some(why) = writer.poisoned() {
        return Err(format!("the log is poisoned: {why}"));
    }
    if writer.is_full() {
        return Err("the disk is full".to_owned());
    }
    writer.store().trouble().map_or(Ok(()), Err)
}

fn shown(state: &AppState, caller: &Caller) -> Result<Value, Problem> {
    let reader = state.reader();
    let (disk, index) = (state.disk()?, reader.search()?.status());
    let durable = reader.view().next_pos().0;
    let records: u64 = reader.trails().iter().map(|trail| trail.size.0).sum();
    let writable = writable(state);
    let seen = caller.readable(state);
    let trails = seen.iter().take(limits::STATUS_TRAILS_MAX).map(|trail| shown_trail(state, trail));
    let trails = trails.collect::<Result<Vec<Value>, Problem>>()?;
    let (metrics, limits) = (state.metrics(), limits_shown());
    Ok(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "started_at": state.started().to_string(),
        "now": state.now().to_string(),
        "public_url": state.public_url(),
        "listen": state.writer().map(|_| state.listen().to_string()),
        "disk": {"free_bytes": disk.free, "log_bytes": disk.log, "index_bytes": disk.index},
        "log": {
            "records": records,
            "durable_pos": durable,
            "searchable_pos": durable.saturating_sub(index.lag),
            "writable": writable.is_ok(),
            "reason": writable.err(),
        },
        "index": {"missing": index.missing, "failure": index.failure},
        "more_trails": seen.len() - trails.len(),
        "trails": trails,
        "losses": {"reads_not_recorded": metrics.losses()},
        "keeping": {
            "duties": metrics.duties().shown(),
            "last_backup_at": metrics.backup_at().map(|at| Micros(at * 1_000_000).to_string()),
        },
        "connections": state.connections_shown(),
        "watch": state.watch_shown(),
        "events": metrics.events_shown(),
        "requests": metrics.requests_shown(),
        "limits": limits,
    }))
}

fn shown_trail(state: &AppState, trail: &TrailStatus) -> Result<Value, Problem> {
    let reader = state.reader();
    let published = match reader.checkpoint(trail) {
        Ok((_, checkpoint)) => checkpoint.size.0,
        Err(StoreError::NotFound(_)) => 0,
        Err(error) => return Err(error.into()),
    };
    let last = match published.checked_sub(1) {
        Some(seq) => reader.read(trail.info.no, &[Seq(seq)])?.pop(),
        None => None,
    };
    Ok(json!({
        "name": trail.info.name.as_str(),
        "size": trail.size.0,
        "published": published,
        "checkpoint_at": last.map(|record| record.entry().recorded_at.to_string()),
        // Nobody cosigns yet.
        "witnesses": 0,
    }))
}

fn limits_shown() -> Value {
    json!({
        "event_bytes": indelible_event::limits::EVENT_BYTES_MAX,
        "body_bytes": limits::BODY_BYTES_MAX,
        "events_a_request": limits::EVENTS_MAX,
        "connections": limits::CONNECTIONS_MAX,
        "keys": limits::KEYS_MAX,
        "session_seconds": limits::SESSION_MICROS / 1_000_000,
        "saved_searches": limits::SAVED_SEARCHES_MAX,
    })
}
