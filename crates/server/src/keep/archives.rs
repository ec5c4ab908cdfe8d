//! Archives: sealed segments copied elsewhere, let go here, and brought back.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indelible_keep::archive::settings::SET;
use indelible_keep::archive::{NewArchive, NewOffload, Settings};
use indelible_keep::import::NewImport;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{last_event, require_auditor, require_keeper, result, told, wait, who};
use crate::auth::Caller;
use crate::extract::Json;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(offload))
        .routes(routes!(settings, set_settings))
        .routes(routes!(import))
}

/// The archives that were made here, and what became of each run, oldest first.
#[utoipa::path(
    get, path = "/api/archives", tag = "keeping",
    responses(
        (status = 200, description = "The archives; `outcome` is null while one is being made, or if it was broken off", content_type = "application/json", example = json!({"archives": [{
            "id": "0190b1a0-0000-7000-8000-000000000000", "created_at": "2026-01-31T03:00:00.000000Z", "target": "/archive", "by": "whole",
            "outcome": "success", "result": {"sha256": "…", "records": 812, "files": 20, "bytes": 7_340_032},
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
    let archives = state.keeping(|keep| keep.archives()).await?;
    Ok(Json(json!({ "archives": archives })))
}

/// Makes an archive, or goes on with the one that is at the target. A job.
#[utoipa::path(
    post, path = "/api/archives", tag = "keeping",
    params(("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute")),
    request_body(content = Value, description = "`target`: a directory or `s3://bucket/prefix`; `by`: `whole` (default), or `trail_date` and then `trail`, `from`, `to` and `entries`", example = json!({"target": "s3://lake/audit", "by": "trail_date", "entries": true})),
    responses(
        (status = 200, description = "It is made", body = Value),
        (status = 202, description = "It is being made", body = Value),
        (status = 400, description = "It cannot be made like this"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 409, description = "`refused`: another archive is there; `busy`: something else runs"),
        (status = 502, description = "`access-denied`, `credentials-expired` or `target-failed`: the target does not take it"),
    ),
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    Json(new): Json<NewArchive>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let who = who(&state, &caller);
    let work = state.begin_job(&caller, "archive.create", wait, move |keep, progress| {
        result(keep.archive(&who, &new, progress))
    });
    work.await
}

/// Lets segments leave this disk that the archive has: they stay searchable, slower. A job.
#[utoipa::path(
    post, path = "/api/archives/offload", tag = "keeping",
    params(("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute")),
    request_body(content = Value, description = "`target`: the archive; `days`: everything older, or else what the policy's rules say", example = json!({"target": "/archive", "days": 90})),
    responses(
        (status = 200, description = "They have left", body = Value),
        (status = 202, description = "It goes on", body = Value),
        (status = 400, description = "It cannot be asked for like this"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is no archive"),
        (status = 409, description = "`busy`: something else runs"),
        (status = 500, description = "`damaged`: a file of the archive is not what it should be; nothing left"),
    ),
)]
async fn offload(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    Json(new): Json<NewOffload>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let who = who(&state, &caller);
    let work = state.begin_job(&caller, "archive.offload", wait, move |keep, progress| {
        result(keep.offload(&who, &new, progress))
    });
    work.await
}

/// When and where archives are made by themselves, and what leaves this disk.
#[utoipa::path(
    get, path = "/api/archives/settings", tag = "keeping",
    responses(
        (status = 200, description = "The settings", content_type = "application/json", example = json!({
            "target": "/archive", "every_hours": 24, "by": "whole", "entries": false, "offload_days": null,
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn settings(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    Ok(Json(json!(state.keeping(|keep| keep.archive_settings()).await?)))
}

/// Changes when and where archives are made. What is left out is as if it had never been set.
#[utoipa::path(
    put, path = "/api/archives/settings", tag = "keeping",
    request_body(content = Value, example = json!({"target": "/archive", "every_hours": 24})),
    responses(
        (status = 200, description = "The settings as they are now", body = Value),
        (status = 400, description = "They cannot be like this"),
        (status = 403, description = "Not an admin of all trails"),
    ),
)]
async fn set_settings(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(after): Json<Settings>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let _turn = state.changing().await;
    let (after, event) = state
        .keeping(move |keep| Ok((keep.set_archive_settings(&who, after)?, last_event(keep, SET)?)))
        .await?;
    Ok(told(StatusCode::OK, event.as_deref(), &after))
}

/// Brings the events of an archive into this log, verified on the way. A job.
///
/// An archive becomes a log of its own in an empty directory by `indelible import`.
#[utoipa::path(
    post, path = "/api/imports", tag = "keeping",
    params(("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute")),
    request_body(content = Value, description = "`from`: where it is; `vkey`: who must have signed it; `sha256`: what its `archive.json` must hash to; `trail`: only this one, and `into`: the name it gets here", example = json!({"from": "/archive", "trail": "shop", "into": "shop-2025"})),
    responses(
        (status = 200, description = "It is here", body = Value),
        (status = 202, description = "It is being brought", body = Value),
        (status = 400, description = "It cannot be brought like this"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is no archive"),
        (status = 409, description = "`busy`: something else runs"),
        (status = 500, description = "`damaged`: it is not what it should be; nothing was taken"),
    ),
)]
async fn import(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    Json(new): Json<NewImport>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let who = who(&state, &caller);
    let work = state.begin_job(&caller, "import.create", wait, move |keep, progress| {
        result(keep.import(&who, &new, progress))
    });
    work.await
}
