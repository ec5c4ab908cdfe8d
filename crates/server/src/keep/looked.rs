//! Looking at what runs.

use axum::extract::State;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::require_auditor;
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(one))
}

/// The long operations that run or have ended since the node started, the newest first: at most a hundred.
#[utoipa::path(
    get, path = "/api/jobs", tag = "keeping",
    responses(
        (status = 200, description = "The jobs", content_type = "application/json", example = json!({"jobs": [{
            "id": "0123456789abcdef", "what": "backup.create", "by": "key:fedcba9876543210", "state": "running",
            "stage": "copying", "done": 73_400_320, "of": 1_073_741_824, "result": null, "error": null,
            "started_at": "2026-01-31T10:00:00.000000Z", "ended_at": null,
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
    Ok(Json(json!({ "jobs": state.jobs().shown() })))
}

/// How far a long operation is. What it did is in the trail `_system` all the same.
#[utoipa::path(
    get, path = "/api/jobs/{id}", tag = "keeping",
    params(
        ("id" = String, Path, description = "The job's id, as the answer to its beginning has it"),
        ("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute"),
    ),
    responses(
        (status = 200, description = "The job; `state` is `running`, `done` with a `result` or `failed` with an `error`, which is a problem", content_type = "application/json", example = json!({
            "id": "0123456789abcdef", "what": "backup.create", "by": "key:fedcba9876543210", "state": "running",
            "stage": "copying", "done": 73_400_320, "of": 1_073_741_824, "result": null, "error": null,
            "started_at": "2026-01-31T10:00:00.000000Z", "ended_at": null,
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none, or the node was started anew since"),
    ),
)]
async fn one(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    let wait = params.flag("wait")?.unwrap_or(false).then_some(limits::JOB_END_WAIT);
    params.finish()?;
    Ok(Json(state.job(&id, wait).await?))
}
