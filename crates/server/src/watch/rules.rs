//! What is loaded, and what is not.

use axum::extract::State;
use indelible_watch::{RuleView, RulesView};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::keep::require_auditor;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(rules)).routes(routes!(rule))
}

/// All rules that are loaded, and what could not be loaded and why.
///
/// `matched` and `fired` count since the node started, `nanos` is what an event costs on average. `behind` is how many
/// records were not looked at yet, `late` how many came too late for windows.
#[utoipa::path(
    get, path = "/api/rules", tag = "watch",
    responses(
        (status = 200, description = "The rules, without their texts", content_type = "application/json", example = json!({
            "loaded": 1, "refused": [{"file": "rules/spray.yml", "line": 7, "rule": "Password spray", "reason": "there is no field `actor.idd`; did you mean `actor.id`?"}],
            "loaded_at": "2026-01-31T10:00:00.000000Z", "digest": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
            "folder": "/etc/indelible/watch", "late": 0, "behind": 0, "rules": [{
                "id": "indelible-backup-deleted", "name": null, "title": "Backup deleted", "level": "high", "kind": "event",
                "file": "pack/backup-deleted.yml", "from": "pack", "description": "Somebody deleted a backup.",
                "advice": "Ask who deleted it whether that was meant.", "tags": ["attack.t1490"], "alerts": true,
                "matched": 3, "fired": 3, "last_fired_at": "2026-01-31T09:58:00.000000Z", "nanos": 210, "groups": 0, "groups_dropped": 0,
            }],
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 503, description = "No node serves here"),
    ),
)]
async fn rules(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<RulesView>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    Ok(Json(state.watch()?.rules(state.end())))
}

/// One rule, with its text.
#[utoipa::path(
    get, path = "/api/rules/{id}", tag = "watch",
    params(("id" = String, Path, description = "The rule's id")),
    responses(
        (status = 200, description = "The rule", content_type = "application/json", example = json!({
            "id": "indelible-backup-deleted", "name": null, "title": "Backup deleted", "level": "high", "kind": "event",
            "file": "pack/backup-deleted.yml", "from": "pack", "description": "Somebody deleted a backup.",
            "advice": "Ask who deleted it whether that was meant.", "tags": ["attack.t1490"], "alerts": true,
            "matched": 3, "fired": 3, "last_fired_at": "2026-01-31T09:58:00.000000Z", "nanos": 210, "groups": 0, "groups_dropped": 0,
            "text": "title: Backup deleted\nid: indelible-backup-deleted\n",
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 503, description = "No node serves here"),
    ),
)]
async fn rule(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<RuleView>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let missing = || Problem::not_found("there is no rule of this id");
    state.watch()?.rule(&id).map(Json).ok_or_else(missing)
}
