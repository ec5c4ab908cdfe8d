//! Legal holds.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indelible_keep::holds::{CREATED, NewHold, RELEASED};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{event_of, gone, require_auditor, require_keeper, told, who};
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(release))
}

/// All holds, the released ones included, oldest first.
#[utoipa::path(
    get, path = "/api/holds", tag = "keeping",
    responses(
        (status = 200, description = "The holds", content_type = "application/json", example = json!({"holds": [{
            "id": "0123456789abcdef", "name": "case 117", "query": "actor:maria", "reason": "litigation", "owner": "legal",
            "created_by": {"type": "service", "id": "key:0123456789abcdef"}, "created_at": "2026-01-31T10:00:00.000000Z",
            "released_by": null, "released_at": null,
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
    let holds = state.keeping(|keep| keep.holds()).await?;
    Ok(Json(json!({ "holds": holds })))
}

/// Holds what a query finds, now and later: it does not expire until the hold is released.
#[utoipa::path(
    post, path = "/api/holds", tag = "keeping",
    request_body(content = Value, example = json!({"name": "case 117", "query": "actor:maria", "reason": "litigation", "owner": "legal"})),
    responses(
        (status = 201, description = "It is held", content_type = "application/json", example = json!({
            "id": "0123456789abcdef", "name": "case 117", "query": "actor:maria", "reason": "litigation", "owner": "legal",
            "created_by": {"type": "service", "id": "key:0123456789abcdef"}, "created_at": "2026-01-31T10:00:00.000000Z",
            "released_by": null, "released_at": null,
        })),
        (status = 400, description = "A text is missing or too long, or the query cannot be read"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 409, description = "There are too many"),
    ),
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(new): Json<NewHold>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let (hold, event) = state
        .keeping(move |keep| {
            let hold = keep.hold(&who, &new)?;
            let event = event_of(keep, CREATED, "hold_id", &hold.id.as_str().into())?;
            Ok((hold, event))
        })
        .await?;
    Ok(told(StatusCode::CREATED, event.as_deref(), &hold))
}

/// Releases a hold: what it held goes when its time has come.
#[utoipa::path(
    delete, path = "/api/holds/{id}", tag = "keeping",
    params(("id" = String, Path, description = "The hold's id")),
    responses(
        (status = 204, description = "It is released"),
        (status = 403, description = "Not an admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It is released already"),
    ),
)]
async fn release(
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
            let hold = keep.release(&who, &id)?;
            event_of(keep, RELEASED, "hold_id", &hold.id.as_str().into())
        })
        .await?;
    Ok(gone(event))
}
