//! Trails, and their static C2SP trees.

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use indelible_log::TrailStatus;
use indelible_merkle::TreeSize;
use indelible_merkle::limits::TREE_SIZE_MAX;
use indelible_store::StoreError;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::auth::registry::{Change, TRAIL_PUBLISH, TRAIL_UNPUBLISH, trail_name};
use crate::extract::{Json, Path};
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{Read, ReadDetails};
use crate::state::{AppState, EVENT};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(change))
        .routes(routes!(consistency))
        .routes(routes!(tree))
}

/// The trails that this credential may read.
#[utoipa::path(
    get, path = "/api/trails", tag = "proofs",
    responses(
        (status = 200, description = "The trails", content_type = "application/json", example = json!({"trails": [{
            "name": "shop", "size": 812, "published": 812, "origin": "audit.example.com/0123456789abcdef0123456789abcdef",
            "vkey": "audit.example.com/0123456789abcdef0123456789abcdef+0a1b2c3d+AQ…", "public": false,
        }]})),
        (status = 403, description = "A writer reads none"),
    ),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    caller.require_read()?;
    params.finish()?;
    let trails = state
        .read(move |state| {
            let trails = caller.readable(state);
            trails.iter().map(|trail| shown(state, trail)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    Ok(Json(json!({ "trails": trails })))
}

fn shown(state: &AppState, trail: &TrailStatus) -> Result<Value, Problem> {
    let reader = state.reader();
    // Only a size is shown here; whoever takes the checkpoint has it checked.
    let published = match reader.checkpoint(trail) {
        Ok((_, checkpoint)) => checkpoint.size.0,
        Err(StoreError::NotFound(_)) => 0,
        Err(error) => return Err(error.into()),
    };
    Ok(json!({
        "name": trail.info.name.as_str(),
        "size": trail.size.0,
        "published": published,
        "origin": reader.node().origin_of(trail.info.id),
        "vkey": reader.vkey(trail)?.to_string(),
        "public": state.registry().is_public(&trail.info.name),
    }))
}

/// What may be changed of a trail.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TrailSettings {
    /// Whether everybody may fetch its static tree: entries and hashes, never the sealed parts.
    pub public: bool,
}

/// Changes a trail's settings.
#[utoipa::path(
    put, path = "/api/trails/{name}", tag = "proofs",
    params(
        ("name" = String, Path, description = "The trail"),
        ("expected" = Option<String>, Query, description = "`public` or `private`: refuse if it is not that now"),
    ),
    request_body(content = TrailSettings, example = json!({"public": true})),
    responses(
        (status = 200, description = "The trail as it is now", content_type = "application/json", example = json!({
            "name": "shop", "size": 812, "published": 812, "origin": "audit.example.com/0123456789abcdef0123456789abcdef",
            "vkey": "audit.example.com/0123456789abcdef0123456789abcdef+0a1b2c3d+AQ…", "public": true,
        })),
        (status = 403, description = "Not an admin"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It is not what was expected"),
    ),
)]
async fn change(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    mut params: Params,
    Json(settings): Json<TrailSettings>,
) -> Result<Response, Problem> {
    caller.require_admin()?;
    let expected = params.read("expected", "public or private", |text| match text {
        "public" => Some(true),
        "private" => Some(false),
        _ => None,
    })?;
    params.finish()?;
    let _turn = state.changing().await;
    let trail = caller.readable_trail(&state, &name)?;
    let (name, public) = (trail.info.name.clone(), settings.public);
    let before = state.registry().is_public(&name);
    if expected.is_some_and(|expected| expected != before) {
        let now = if before { "public" } else { "private" };
        return Err(Problem::conflict("changed-meanwhile", format!("the trail is {now} now")));
    }
    let mut headers = HeaderMap::new();
    if before != public {
        let action = if public { TRAIL_PUBLISH } else { TRAIL_UNPUBLISH };
        let target = json!({"type": "trail", "id": name.as_str()});
        let details = json!({"public": public});
        let receipt = state.record_deed(&caller, action, target, details).await?;
        let id = HeaderValue::from_str(&receipt.id.to_string());
        headers.insert(EVENT, id.expect("an id is made of digits"));
        state.apply(Change::Public { trail: name, public });
    }
    Ok((headers, Json(state.read(move |state| shown(state, &trail)).await?)).into_response())
}

/// A proof that a trail only grew: that its first `from` records are the beginning of its first `to`.
#[utoipa::path(
    get, path = "/api/trails/{name}/consistency", tag = "proofs",
    params(
        ("name" = String, Path, description = "The trail"),
        ("from" = u64, Query, description = "The older size, as in a checkpoint that was kept"),
        ("to" = Option<u64>, Query, description = "The newer size; that of the latest checkpoint if not given"),
    ),
    responses(
        (status = 200, description = "The proof, as docs/format.md says", content_type = "text/plain", body = String),
        (status = 400, description = "A parameter is missing or cannot be read"),
        (status = 404, description = "There is no such trail, or its checkpoint does not cover these sizes"),
    ),
)]
async fn consistency(
    State(state): State<AppState>,
    caller: Caller,
    Path(name): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let from = params.number("from", 0..=TREE_SIZE_MAX)?.map(TreeSize);
    let to = params.number("to", 0..=TREE_SIZE_MAX)?.map(TreeSize);
    params.finish()?;
    let from = from.ok_or_else(|| Problem::bad_parameter("from", "give the older size"))?;
    let trail = caller.readable_trail(&state, &name)?;
    let name = trail.info.name.to_string();
    let text =
        state.read(move |state| Ok(state.reader().prove_consistency(&trail, from, to)?)).await?;
    let to = to.map_or_else(|| "latest".to_owned(), |to| to.to_string());
    let target = Some(format!("{name}/{from}..{to}"));
    let details = ReadDetails { trails: vec![name], target, ..ReadDetails::default() };
    state.record_read(&caller, Read::Proof, details).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

/// A file of a trail's static C2SP tree: `checkpoint`, `tile/…` or `tile/entries/…`.
#[utoipa::path(
    get, path = "/trails/{name}/{*path}", tag = "proofs",
    params(
        ("name" = String, Path, description = "The trail"),
        ("path" = String, Path, description = "The file, as C2SP tlog-tiles names it"),
    ),
    responses(
        (status = 200, description = "Its bytes"),
        (status = 404, description = "There is none, or it is not for this credential"),
    ),
)]
async fn tree(
    State(state): State<AppState>,
    caller: Result<Caller, Problem>,
    Path((name, path)): Path<(String, String)>,
    params: Params,
) -> Result<Response, Problem> {
    params.finish()?;
    let public = trail_name(&name).filter(|name| state.registry().is_public(name));
    let (trail, caller) = match &public {
        Some(name) => (state.reader().trail(name)?, None),
        None => {
            let caller = caller?;
            caller.require_read()?;
            (caller.readable_trail(&state, &name)?, Some(caller))
        }
    };
    let (of, file) = (trail.clone(), path.clone());
    let bytes = state.read(move |state| Ok(state.reader().tile(&of, &file)?)).await?;
    let bytes = bytes.ok_or_else(|| Problem::not_found("the tree has no such file"))?;
    if let Some(caller) = &caller {
        let trails = vec![trail.info.name.to_string()];
        let target = Some(format!("{}/{path}", trail.info.name));
        let details = ReadDetails { trails, target, ..ReadDetails::default() };
        state.record_read(caller, Read::Tree, details).await?;
    }
    let checkpoint = path == "checkpoint";
    let kind = if checkpoint { "text/plain; charset=utf-8" } else { "application/octet-stream" };
    // A partial tile may go once the full one is there, and what one credential sees is not for shared caches.
    let cache = match (checkpoint, path.contains(".p/"), public.is_some()) {
        (true, ..) => "no-cache",
        (false, true, _) => "private, max-age=60",
        (false, false, true) => "public, max-age=31536000, immutable",
        (false, false, false) => "private, max-age=31536000, immutable",
    };
    // Who comes next at the same browser may see less.
    let vary = (header::VARY, "Authorization, Cookie");
    let headers = [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, cache), vary];
    Ok((StatusCode::OK, headers, bytes).into_response())
}
