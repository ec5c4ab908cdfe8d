//! API keys: made, listed, revoked. Each change is an event of `_system` first, and in force once that is durable.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use indelible_event::{EventId, Micros, TrailName};
use indelible_log::hex;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::key::{self, KeyId};
use crate::auth::registry::{Change, KEY_CREATE, KEY_REVOKE, Key, KeyDetails};
use crate::auth::{Caller, Role};
use crate::extract::{Json, Path};
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::{AppState, EVENT};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(create, list)).routes(routes!(revoke)).routes(routes!(me))
}

/// A key that somebody wants.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewKey {
    /// `writer`, `reader`, `auditor` or `admin`.
    pub role: String,
    /// What to call it.
    pub name: String,
    /// The trails it is bound to; all that its role allows, if not given.
    #[serde(default)]
    pub trails: Option<Vec<String>>,
    /// When it ends: RFC 3339.
    #[serde(default)]
    pub expires_at: Option<String>,
}

/// Makes a key. It is shown once, in this answer.
#[utoipa::path(
    post, path = "/api/keys", tag = "keys",
    params(("unique" = Option<bool>, Query, description = "Refuse if a key of this name is valid already", example = true)),
    request_body(content = NewKey, example = json!({"role": "writer", "name": "billing", "trails": ["shop"]})),
    responses(
        (status = 201, description = "The key; `key` is never shown again", content_type = "application/json", example = json!({
            "id": "0123456789abcdef", "key": "idl_…", "role": "writer", "name": "billing", "trails": ["shop"],
            "created_at": "2026-01-31T10:00:00.000000Z", "expires_at": null,
        })),
        (status = 400, description = "It cannot be made like this"),
        (status = 403, description = "Not an admin"),
        (status = 409, description = "There are too many, or one of this name"),
    ),
)]
async fn create(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    Json(new): Json<NewKey>,
) -> Result<Response, Problem> {
    caller.require_admin()?;
    let unique = params.flag("unique")?.unwrap_or(false);
    params.finish()?;
    let _turn = state.changing().await;
    let valid = |key: &Key| *key.name == *new.name && key.valid(state.now()).is_ok();
    if unique && state.registry().keys().iter().any(valid) {
        let detail = "a key of this name is valid already";
        return Err(Problem::conflict("name-taken", detail));
    }
    let (key, text, event) = make(&state, &caller, &new).await?;
    let mut shown = shown(&key);
    shown["key"] = text.into();
    for hidden in ["revoked_at", "created_by", "last_used_at"] {
        shown.as_object_mut().expect("it was made as an object").remove(hidden);
    }
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (EVENT, event.to_string())];
    Ok((StatusCode::CREATED, headers, shown.to_string()).into_response())
}

/// Makes a key in somebody's name: the key, its text, and the event that tells of it.
pub(crate) async fn make(
    state: &AppState,
    caller: &Caller,
    new: &NewKey,
) -> Result<(Key, String, EventId), Problem> {
    let bad = |field: &str, why: &str| {
        Problem::bad_request(format!("{field} {why}")).with("field", field)
    };
    let role = Role::from_name(&new.role)
        .ok_or_else(|| bad("role", "must be writer, reader, auditor or admin"))?;
    let named = !new.name.trim().is_empty() && new.name.len() <= limits::KEY_NAME_BYTES_MAX;
    if !named || new.name.chars().any(char::is_control) {
        return Err(bad("name", "must be 1 to 256 bytes of text in one line"));
    }
    let trails = match &new.trails {
        None => None,
        Some(_) if role.may_audit() => {
            return Err(bad("trails", "must be left out: this role sees all of them"));
        }
        Some(names) if names.is_empty() || names.len() > limits::CALLER_TRAILS_MAX => {
            return Err(bad("trails", "must be 1 to 256 names, or left out"));
        }
        Some(names) => {
            let parse =
                |name: &String| TrailName::parse(name).map_err(|e| bad("trails", &e.to_string()));
            Some(names.iter().map(parse).collect::<Result<Vec<_>, _>>()?)
        }
    };
    let expires_at = match new.expires_at.as_deref().map(Micros::parse) {
        None => None,
        Some(Ok(at)) if at > state.now() => Some(at),
        Some(Ok(_)) => return Err(bad("expires_at", "must lie in the future")),
        Some(Err(e)) => return Err(bad("expires_at", &e.to_string())),
    };
    if state.registry().len() >= limits::KEYS_MAX {
        let detail = format!("a node has at most {} keys, revoked ones included", limits::KEYS_MAX);
        return Err(Problem::conflict("too-many-keys", detail));
    }
    let (text, made) = key::make(state.entropy());
    let details = KeyDetails {
        id: made.id.to_string(),
        role: role.name().into(),
        name: new.name.clone(),
        trails: trails.as_ref().map(|of| of.iter().map(|name| name.to_string()).collect()),
        expires_at: expires_at.map(|at| at.to_string()),
        hash: hex::encode(&made.hash),
    };
    let details = serde_json::to_value(details).expect("plain data");
    let target = json!({"type": "api_key", "id": made.id.to_string(), "name": new.name});
    let receipt = state.record_deed(caller, KEY_CREATE, target, details).await?;
    let key = Key {
        id: made.id,
        role,
        name: new.name.as_str().into(),
        trails: trails.map(Into::into),
        created_at: receipt.recorded_at,
        expires_at,
        revoked_at: None,
        created_by: Some((&*caller.id).into()),
        hash: made.hash,
    };
    state.apply(Change::KeyCreated(Box::new(key.clone())));
    Ok((key, text, receipt.id))
}

/// All keys, without their secrets, which nobody has. `last_used_at` is since the node started.
#[utoipa::path(
    get, path = "/api/keys", tag = "keys",
    responses(
        (status = 200, description = "The keys", content_type = "application/json", example = json!({"keys": [{
            "id": "0123456789abcdef", "role": "writer", "name": "billing", "trails": ["shop"],
            "created_at": "2026-01-31T10:00:00.000000Z", "expires_at": null, "revoked_at": null,
            "created_by": "key:fedcba9876543210", "last_used_at": null,
        }]})),
        (status = 403, description = "Not an admin"),
    ),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    caller.require_admin()?;
    params.finish()?;
    let used = state.last_used();
    let shown = |key: &Key| {
        let mut shown = shown(key);
        shown["last_used_at"] = used.get(&key.id).map(Micros::to_string).into();
        shown
    };
    let keys: Vec<Value> = state.registry().keys().iter().map(shown).collect();
    Ok(Json(json!({ "keys": keys })))
}

/// Revokes a key, and with it ends the sessions that began with it.
#[utoipa::path(
    delete, path = "/api/keys/{id}", tag = "keys",
    params(
        ("id" = String, Path, description = "The key's id: 16 hexadecimal digits"),
        ("expected" = Option<String>, Query, description = "`valid`: refuse if it is revoked or expired already"),
    ),
    responses(
        (status = 204, description = "It is revoked, or was already"),
        (status = 403, description = "Not an admin"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It is not what was expected"),
    ),
)]
async fn revoke(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_admin()?;
    let expected = params.read("expected", "valid", |text| (text == "valid").then_some(()))?;
    params.finish()?;
    let _turn = state.changing().await;
    let known = KeyId::parse(&id).and_then(|id| state.registry().key(id).cloned());
    let known = known.ok_or_else(|| Problem::not_found("there is no key of this id"))?;
    if expected.is_some()
        && let Err(why) = known.valid(state.now())
    {
        return Err(Problem::conflict("changed-meanwhile", format!("it is not valid: {why}")));
    }
    if known.revoked_at.is_some() {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let target = json!({"type": "api_key", "id": known.id.to_string(), "name": &*known.name});
    let receipt = state.record_deed(&caller, KEY_REVOKE, target, json!({})).await?;
    state.apply(Change::KeyRevoked { id: known.id, at: receipt.recorded_at });
    Ok((StatusCode::NO_CONTENT, [(EVENT, receipt.id.to_string())]).into_response())
}

/// What this credential is.
#[utoipa::path(
    get, path = "/api/me", tag = "keys",
    responses(
        (status = 200, description = "Kind, role, name and trails", content_type = "application/json", example = json!({
            "id": "key:0123456789abcdef", "kind": "key", "role": "auditor", "name": "maria", "trails": null,
        })),
        (status = 401, description = "Not valid"),
    ),
)]
async fn me(caller: Caller, params: Params) -> Result<Json<Value>, Problem> {
    params.finish()?;
    Ok(Json(about(&caller)))
}

/// What a credential is, as it is told.
pub(crate) fn about(caller: &Caller) -> Value {
    json!({
        "id": &*caller.id,
        "kind": caller.kind.name(),
        "role": caller.role.name(),
        "name": caller.name.as_deref().or(caller.subject.as_deref()),
        "trails": names(caller.trails.as_deref()),
    })
}

fn shown(key: &Key) -> Value {
    let time = |at: Option<Micros>| at.map(|at| at.to_string());
    json!({
        "id": key.id.to_string(),
        "role": key.role.name(),
        "name": &*key.name,
        "trails": names(key.trails.as_deref()),
        "created_at": key.created_at.to_string(),
        "expires_at": time(key.expires_at),
        "revoked_at": time(key.revoked_at),
        "created_by": key.created_by,
    })
}

fn names(trails: Option<&[TrailName]>) -> Value {
    trails.map_or(Value::Null, |trails| trails.iter().map(TrailName::as_str).collect())
}
