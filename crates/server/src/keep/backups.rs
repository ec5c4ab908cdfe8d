//! Backups, their settings, and restoring one into another directory.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indelible_event::TrailName;
use indelible_keep::backup::{self, BackupSettings, NewBackup, SETTINGS};
use indelible_keep::restore::{Elsewhere, NewRestore, RestoreType, restore};
use indelible_keep::{KeepError, target};
use indelible_log::storage::FileStorage;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Wait, last_event, require_auditor, require_keeper, result, told, wait, who};
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(settings, set_settings))
        .routes(routes!(show, delete))
        .routes(routes!(verify))
        .routes(routes!(restore_into))
}

/// The backups that there are, as the events tell, oldest first.
#[utoipa::path(
    get, path = "/api/backups", tag = "keeping",
    params(("target" = Option<String>, Query, description = "Only those at this directory or `s3://bucket/prefix`")),
    responses(
        (status = 200, description = "The backups; `state` is `running`, `complete`, `unfinished` or `deleting`", content_type = "application/json", example = json!({"backups": [{
            "id": "0190b1a0-0000-7000-8000-000000000000", "state": "complete", "backup_type": "full", "created_at": "2026-01-31T03:00:00.000000Z", "user": "indelible",
            "target": "/backups", "archive_path": "0190b1a0-0000-7000-8000-000000000000/", "trail": null, "with_key": true, "scheduled": true,
            "size_bytes": 7_340_032, "records": 812, "sha256": "…", "error": null, "verified": {"at": "2026-01-31T04:00:00.000000Z", "holds": true, "error": null},
        }]})),
        (status = 403, description = "Not an auditor or admin of all trails"),
    ),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    let target = params.one("target")?;
    params.finish()?;
    let backups = state.keeping(move |keep| keep.backups(target.as_deref())).await?;
    Ok(Json(json!({ "backups": backups })))
}

/// Makes a backup of the log as it is now, beside whoever writes. A job.
#[utoipa::path(
    post, path = "/api/backups", tag = "keeping",
    params(("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute")),
    request_body(content = Value, description = "`to`: a directory or `s3://bucket/prefix`, if not that of the settings; `type`: `full` (default) or `incremental`; `trail`: only it and `_system`; `with_key`: whether the secret key is in it (default)", example = json!({"to": "/backups", "type": "incremental"})),
    responses(
        (status = 200, description = "It is made", body = Value),
        (status = 202, description = "It is being made", body = Value),
        (status = 400, description = "It cannot be made like this"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 409, description = "`busy`: something else runs"),
        (status = 502, description = "`access-denied`, `credentials-expired` or `target-failed`: the target does not take it"),
        (status = 507, description = "There is not enough room, and nothing was written"),
    ),
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    Json(new): Json<NewBackup>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let who = who(&state, &caller);
    let work = state.begin_job(&caller, "backup.create", wait, move |keep, progress| {
        result(keep.create_backup(&who, &new, progress))
    });
    work.await
}

/// One backup, with its files where its target can be read.
#[utoipa::path(
    get, path = "/api/backups/{id}", tag = "keeping",
    params(("id" = String, Path, description = "The backup's id")),
    responses(
        (status = 200, description = "As in the list, and `description`: what lies at the target says of itself, files and hashes; or null, and `unreadable` says why", body = Value),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
    ),
)]
async fn show(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let shown = state.keeping(move |keep| {
        let listed = keep.backup(&id)?;
        let at = target::open(&listed.target, Some(keep.seams()))?;
        let (description, unreadable) = match backup::load(&*at, &id) {
            Ok((backup, _)) => (json!(backup), None),
            Err(why) => (Value::Null, Some(why.to_string())),
        };
        let mut shown = json!(listed);
        shown["description"] = description;
        shown["unreadable"] = json!(unreadable);
        Ok(shown)
    });
    Ok(Json(shown.await?))
}

/// Takes a backup away. Files that others name stay. A job that the answer waits for.
#[utoipa::path(
    delete, path = "/api/backups/{id}", tag = "keeping",
    params(("id" = String, Path, description = "The backup's id")),
    responses(
        (status = 200, description = "It is gone", body = Value),
        (status = 202, description = "It takes longer than a minute", body = Value),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "`busy`: something else runs"),
    ),
)]
async fn delete(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let wait = Wait::Ended(Some(limits::JOB_END_WAIT));
    let work = state.begin_job(&caller, "backup.delete", wait, move |keep, _| {
        result(keep.delete_backup(&who, &id))
    });
    work.await
}

/// Reads every file of a backup back and compares it with its hash. A job.
#[utoipa::path(
    post, path = "/api/backups/{id}/verify", tag = "keeping",
    params(
        ("id" = String, Path, description = "The backup's id"),
        ("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute"),
    ),
    responses(
        (status = 200, description = "It holds", body = Value),
        (status = 202, description = "It is being read", body = Value),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 500, description = "`damaged`: `path` names the file"),
    ),
)]
async fn verify(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let who = who(&state, &caller);
    let work = state.begin_job(&caller, "backup.verify", wait, move |keep, progress| {
        let backup = keep.verify_backup(&who, &id, progress)?;
        Ok(json!({
            "backup_id": backup.id, "files": backup.files.len(), "size_bytes": backup.bytes,
            "records": backup.records,
        }))
    });
    work.await
}

/// When, where and how many backups are made by themselves.
#[utoipa::path(
    get, path = "/api/backups/settings", tag = "keeping",
    responses(
        (status = 200, description = "The settings; `trouble` says why the scheduled ones fail, if they do", content_type = "application/json", example = json!({
            "schedule": "daily at 03:30", "target": "/backups", "type": "incremental", "with_key": true, "keep": 14, "on_failure": "alert", "trouble": null,
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
    let shown = state.keeping(|keep| {
        let mut shown = json!(keep.backup_settings()?);
        shown["trouble"] = json!(keep.backup_trouble());
        Ok(shown)
    });
    Ok(Json(shown.await?))
}

/// Changes when, where and how many backups are made. What is left out is as if it had never been set.
#[utoipa::path(
    put, path = "/api/backups/settings", tag = "keeping",
    request_body(content = Value, description = "`schedule`: `every 6h` or `daily at 03:30` (UTC), null for none; `target`; `type`; `with_key`; `keep`: how many of the scheduled ones stay; `on_failure`: `alert` or `ignore`", example = json!({
        "schedule": "daily at 03:30", "target": "/backups", "type": "incremental", "keep": 14,
    })),
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
    Json(after): Json<BackupSettings>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let _turn = state.changing().await;
    let (after, event) = state
        .keeping(move |keep| {
            Ok((keep.set_backup_settings(&who, after)?, last_event(keep, SETTINGS)?))
        })
        .await?;
    Ok(told(StatusCode::OK, event.as_deref(), &after))
}

/// What to restore, and where.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRestored {
    /// The backup's id.
    backup: String,
    /// Where it is, if the events of this node do not tell.
    #[serde(default)]
    from: Option<String>,
    /// A new or empty directory on the node's machine.
    into: String,
    /// Only this trail and `_system`.
    #[serde(default)]
    trail: Option<String>,
}

/// Restores a backup into another directory, verified in full. A job.
///
/// A directory that a node serves is restored in place with the node stopped: `indelible restore`.
#[utoipa::path(
    post, path = "/api/restores", tag = "keeping",
    params(("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute")),
    request_body(content = NewRestored, example = json!({"backup": "0190b1a0-0000-7000-8000-000000000000", "into": "/restored"})),
    responses(
        (status = 200, description = "It is restored", body = Value),
        (status = 202, description = "It is being restored", body = Value),
        (status = 400, description = "It cannot be restored like this"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is no such backup"),
        (status = 500, description = "`damaged`: `path` names the file; nothing is restored"),
        (status = 507, description = "There is not enough room, and nothing was written"),
    ),
)]
async fn restore_into(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    Json(new): Json<NewRestored>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    if !std::path::Path::new(&new.into).is_absolute() {
        let detail =
            "into must be an absolute path of a new or empty directory on the node's machine";
        return Err(Problem::bad_request(detail).with("field", "into"));
    }
    let who = who(&state, &caller);
    let work = state.begin_job(&caller, "restore.create", wait, move |keep, progress| {
        let from = match &new.from {
            Some(from) => from.clone(),
            None => keep.backup(&new.backup)?.target,
        };
        let bad = |e| KeepError::Bad(format!("trail {e}"));
        let trail = new.trail.as_deref().map(TrailName::parse).transpose().map_err(bad)?;
        let into =
            Elsewhere { name: new.into.clone(), storage: Arc::new(FileStorage::new(&new.into)) };
        let restored = restore(
            &NewRestore {
                data: keep.seams(),
                guard: None,
                live: Some(keep),
                target: &*target::open(&from, Some(keep.seams()))?,
                backup: &new.backup,
                into: Some(into),
                restore_type: trail.map_or(RestoreType::Full, RestoreType::Trail),
                snapshot: None,
                strict_delete: false,
                accept_rollback: false,
                key: None,
            },
            &who,
            progress,
        );
        result(restored)
    });
    work.await
}
