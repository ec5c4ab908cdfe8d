//! What one admin asked for and another has to confirm.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indelible_keep::requests::{Kind, WITHDRAWN};
use indelible_log::policy::SET;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::erasures::Confirmation;
use super::{event_of, gone, require_auditor, require_keeper, result, told, wait, who};
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(confirm)).routes(routes!(withdraw))
}

/// What somebody asked for, and what became of it, oldest first.
#[utoipa::path(
    get, path = "/api/requests", tag = "keeping",
    responses(
        (status = 200, description = "The requests; `state` is `waiting`, `confirmed`, `withdrawn` or `expired`", content_type = "application/json", example = json!({"requests": [{
            "id": "0123456789abcdef", "kind": "purge", "body": {"query": "trail:staging", "until": "2026-10-31", "reason": "test data"}, "state": "waiting",
            "requested_by": "key:fedcba9876543210", "actor": {"type": "service", "id": "key:fedcba9876543210", "name": "maria"},
            "requested_at": "2026-01-31T10:00:00.000000Z", "expires_at": "2026-02-07T10:00:00.000000Z", "ended_by": null, "ended_at": null,
        }]})),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let requests = state.keeping(|keep| keep.requests()).await?;
    Ok(Json(json!({ "requests": requests })))
}

/// Confirms a request of somebody else; then it is done. A purge or an erasure is a job.
#[utoipa::path(
    post, path = "/api/requests/{id}/confirm", tag = "keeping",
    params(
        ("id" = String, Path, description = "The request's id"),
        ("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute"),
    ),
    request_body(content = Confirmation, example = json!({})),
    responses(
        (status = 200, description = "It is done: the policy, or the job that has ended", body = Value),
        (status = 202, description = "A job does it", body = Value),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "`refused`: one's own, with a credential younger than it, or it waits no more; `busy`: something else runs"),
    ),
)]
async fn confirm(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
    Json(given): Json<Confirmation>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let who = who(&state, &caller);
    let of = id.clone();
    let kind = state.keeping(move |keep| Ok(keep.request(&of)?.kind)).await?;
    if !given.is_empty() && kind != Kind::Erasure {
        return Err(Problem::bad_request("only what is to be erased is said again"));
    }
    match kind {
        Kind::Retention => {
            let (view, event) = state
                .keeping(move |keep| {
                    let view = keep.confirm_retention(&who, &id)?;
                    let event = event_of(keep, SET, "number", &view.number.into())?;
                    Ok((view, event))
                })
                .await?;
            Ok(told(StatusCode::OK, event.as_deref(), &view))
        }
        Kind::Purge => {
            let work = state.begin_job(&caller, "purge.run", wait, move |keep, progress| {
                result(keep.confirm_purge(&who, &id, progress))
            });
            work.await
        }
        Kind::Erasure => super::erasures::confirm(&state, &caller, who, id, given, wait).await,
    }
}

/// Takes a request back, or declines it.
#[utoipa::path(
    delete, path = "/api/requests/{id}", tag = "keeping",
    params(("id" = String, Path, description = "The request's id")),
    responses(
        (status = 204, description = "It is withdrawn"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It waits no more"),
    ),
)]
async fn withdraw(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let event = state
        .keeping(move |keep| {
            let request = keep.withdraw(&who, &id)?;
            event_of(keep, WITHDRAWN, "request_id", &request.id.as_str().into())
        })
        .await?;
    Ok(gone(event))
}
