//! How long what is kept: policies, what would go, letting it go, and the clock.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use indelible_keep::clock;
use indelible_keep::purge::Purge;
use indelible_keep::retention::{Preview, SetOutcome, SetRetention, presets};
use indelible_log::policy::SET;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{asked, event_of, require_auditor, require_keeper, result, told, wait, who};
use crate::auth::Caller;
use crate::extract::Json;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(show, set))
        .routes(routes!(ready_made))
        .routes(routes!(preview))
        .routes(routes!(run))
        .routes(routes!(confirm_clock))
        .routes(routes!(purge))
        .routes(routes!(preview_purge))
}

/// The policy in force, all before it, and what goes next.
///
/// `clock.stopped` says why nothing expires: the clock has jumped by more than a day, until somebody confirms it.
#[utoipa::path(
    get, path = "/api/retention", tag = "keeping",
    responses(
        (status = 200, description = "What is kept for how long", content_type = "application/json", example = json!({
            "current": {"number": 2, "rules": "security 7y, everything else 90d", "bytes_max": null, "floor_days": 0, "existing": false,
                "set_at": "2026-01-31T10:00:00.000000Z", "set_by": {"type": "service", "id": "key:0123456789abcdef", "name": "maria"}},
            "policies": [{"number": 1, "rules": "everything else forever", "bytes_max": null, "floor_days": 0, "existing": false, "set_at": null, "set_by": null}],
            "next": [{"at": "2026-05-02T00:00:00.000000Z", "class": "standard", "policy": 2, "day": "2026-01-31", "records": 812}],
            "bytes": 7_340_032,
            "clock": {"now": "2026-02-01T10:00:00.000000Z", "seen": "2026-02-01T09:59:30.000000Z", "stopped": null},
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    Ok(Json(state.keeping(|keep| keep.retention()).await?).into_response())
}

/// Sets the policy for what is sealed from now on.
///
/// What it keeps longer is kept longer at once; what was recorded before keeps what it was promised. With `existing` it also
/// shortens that, and takes another admin.
#[utoipa::path(
    put, path = "/api/retention", tag = "keeping",
    request_body(content = Value, description = "`rules`, and if the log may become only so large `bytes_max` and `floor_days`; `existing`", example = json!({
        "rules": "security 7y, reads 30d, everything else 90d", "bytes_max": null, "floor_days": 0, "existing": false,
    })),
    responses(
        (status = 200, description = "It is in force", content_type = "application/json", example = json!({
            "number": 2, "rules": "security 7y, reads 30d, everything else 90d", "bytes_max": null, "floor_days": 0, "existing": false,
            "set_at": "2026-01-31T10:00:00.000000Z", "set_by": {"type": "service", "id": "key:0123456789abcdef", "name": "maria"},
        })),
        (status = 202, description = "Another admin has to confirm it", content_type = "application/json", example = json!({
            "request": "0123456789abcdef", "confirm": "/api/requests/0123456789abcdef/confirm", "expires_at": "2026-02-07T10:00:00.000000Z", "message": "…",
        })),
        (status = 400, description = "It is no policy; the message says where it is wrong"),
        (status = 403, description = "Not an admin of all trails"),
    ),
)]
async fn set(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(set): Json<SetRetention>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let outcome = state.keeping(move |keep| {
        let outcome = keep.set_retention(&who, &set)?;
        let event = match &outcome {
            SetOutcome::Set(view) => event_of(keep, SET, "number", &view.number.into())?,
            SetOutcome::Asked(_) => None,
        };
        Ok((outcome, event))
    });
    Ok(match outcome.await? {
        (SetOutcome::Set(view), event) => told(StatusCode::OK, event.as_deref(), &view),
        (SetOutcome::Asked(request), _) => asked(&state, &request).await?,
    })
}

/// Policies to begin with.
#[utoipa::path(
    get, path = "/api/retention/presets", tag = "keeping",
    responses(
        (status = 200, description = "The policies", content_type = "application/json", example = json!({"presets": [
            {"name": "pci-dss", "title": "PCI DSS", "rules": "everything else 12m archive 3m", "why": "…"},
        ]})),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn ready_made(caller: Caller, params: Params) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    Ok(Json(json!({ "presets": presets() })))
}

/// What would go now, and what next: under the policy in force, or with another. Nothing is changed.
#[utoipa::path(
    post, path = "/api/retention/preview", tag = "keeping",
    request_body(content = Value, description = "A policy as `PUT /api/retention` takes it; `{}` for the one in force", example = json!({"rules": "everything else 30d"})),
    responses(
        (status = 200, description = "What would go, by class and day", content_type = "application/json", example = json!({
            "policy": {"number": 3, "rules": "everything else 30d", "bytes_max": null, "floor_days": 0, "existing": false, "set_at": null, "set_by": null},
            "at": "2026-02-01T10:00:00.000000Z", "records": 812, "bytes": 262_144, "bytes_all": 7_340_032,
            "going": [{"class": "standard", "policy": 2, "day": "2025-12-31", "reason": "age", "records": 812, "bytes": 262_144, "held": {"0123456789abcdef": 3}, "promised": 0}],
            "held": [{"id": "0123456789abcdef", "name": "case 117", "query": "actor:maria", "owner": "legal", "records": 3}],
            "promised": 0, "next": [], "stopped": null,
        })),
        (status = 400, description = "It is no policy"),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(body): Json<Value>,
) -> Result<Response, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let set: Option<SetRetention> = match body.as_object().is_some_and(serde_json::Map::is_empty) {
        true => None,
        false => Some(read(body)?),
    };
    let preview: Preview = state.keeping(move |keep| keep.preview_retention(set.as_ref())).await?;
    Ok(Json(preview).into_response())
}

/// Lets go what is due, as the node does each night. A job.
#[utoipa::path(
    post, path = "/api/retention/run", tag = "keeping",
    params(("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute")),
    responses(
        (status = 200, description = "It has ended", body = Value),
        (status = 202, description = "It runs", body = Value),
        (status = 403, description = "Not an admin of all trails"),
        (status = 409, description = "`refused`: the clock is not believed; `busy`: something else runs"),
    ),
)]
async fn run(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let who = who(&state, &caller);
    let work = state.begin_job(&caller, "retention.run", wait, move |keep, progress| {
        result(keep.run_retention(&who, progress))
    });
    work.await
}

/// Says that the clock is right, after it jumped by more than a day.
#[utoipa::path(
    post, path = "/api/retention/clock", tag = "keeping",
    responses(
        (status = 200, description = "The clock is believed from now on", content_type = "application/json", example = json!({
            "now": "2026-02-01T10:00:00.000000Z", "seen": "2026-02-01T10:00:00.000000Z", "stopped": null,
        })),
        (status = 403, description = "Not an admin of all trails"),
    ),
)]
async fn confirm_clock(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let (clock, event) = state
        .keeping(move |keep| {
            let clock = keep.confirm_clock(&who)?;
            let event = event_of(keep, clock::CONFIRMED, "now", &clock.now.as_str().into())?;
            Ok((clock, event))
        })
        .await?;
    Ok(told(StatusCode::OK, event.as_deref(), &clock))
}

/// What a purge would take now. Nothing is changed.
#[utoipa::path(
    post, path = "/api/purges/preview", tag = "keeping",
    request_body(content = Value, example = json!({"query": "trail:staging", "until": "2026-10-31", "reason": "test data"})),
    responses(
        (status = 200, description = "As `POST /api/retention/preview` answers", body = Value),
        (status = 400, description = "It cannot be asked for like this"),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn preview_purge(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(purge): Json<Purge>,
) -> Result<Response, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let preview = state.keeping(move |keep| keep.preview_purge(&purge)).await?;
    Ok(Json(preview).into_response())
}

/// Asks for records to go before their time. Another admin has to confirm it.
#[utoipa::path(
    post, path = "/api/purges", tag = "keeping",
    request_body(content = Value, description = "`query`, `class` or both; `until`, the last day; `reason`", example = json!({"query": "trail:staging", "until": "2026-10-31", "reason": "test data"})),
    responses(
        (status = 202, description = "Another admin has to confirm it", content_type = "application/json", example = json!({
            "request": "0123456789abcdef", "confirm": "/api/requests/0123456789abcdef/confirm", "expires_at": "2026-02-07T10:00:00.000000Z", "message": "…",
        })),
        (status = 400, description = "It cannot be asked for like this"),
        (status = 403, description = "Not an admin of all trails"),
    ),
)]
async fn purge(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(purge): Json<Purge>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let request = state.keeping(move |keep| keep.request_purge(&who, &purge)).await?;
    asked(&state, &request).await
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, Problem> {
    serde_json::from_value(body).map_err(|e| Problem::bad_request(e.to_string()))
}
