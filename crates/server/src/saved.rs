//! The searches that somebody keeps. Each is an event of `_system`, as keys are; there is no second list.

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use indelible_index::query::parse;
use indelible_log::hex;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::registry::{Change, SEARCH_FORGET, SEARCH_SAVE, Saved, SavedDetails};
use crate::auth::{Caller, CallerKind};
use crate::extract::{Json, Path};
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::{AppState, EVENT};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(list, save)).routes(routes!(forget))
}

/// A search to keep.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSearch {
    /// What to call it; no two of one credential have the same name.
    name: String,
    /// The query; empty finds everything.
    #[serde(default)]
    query: String,
    /// The time that goes with it, as the query language writes one; all of it, if not given.
    #[serde(default)]
    time: String,
}

/// The searches that this credential keeps, the oldest first.
#[utoipa::path(
    get, path = "/api/saved-searches", tag = "search",
    responses(
        (status = 200, description = "The searches", content_type = "application/json", example = json!({"searches": [
            {"id": "0123456789abcdef", "name": "Refused at night", "query": "outcome:denied", "time": "-24h", "created_at": "2026-01-31T10:00:00.000000Z"},
        ]})),
        (status = 403, description = "A writer reads nothing"),
    ),
)]
async fn list(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
) -> Result<Json<Value>, Problem> {
    caller.require_read()?;
    params.finish()?;
    let saved: Vec<Value> = state.registry().saved(owner(&caller)).iter().map(shown).collect();
    Ok(Json(json!({ "searches": saved })))
}

/// Keeps a search.
#[utoipa::path(
    post, path = "/api/saved-searches", tag = "search",
    request_body(content = NewSearch, example = json!({"name": "Refused at night", "query": "outcome:denied", "time": "-24h"})),
    responses(
        (status = 201, description = "It is kept", content_type = "application/json", example = json!({
            "id": "0123456789abcdef", "name": "Refused at night", "query": "outcome:denied", "time": "-24h", "created_at": "2026-01-31T10:00:00.000000Z",
        })),
        (status = 400, description = "It cannot be searched for, or is too long"),
        (status = 403, description = "A writer reads nothing"),
        (status = 409, description = "There is one of this name, or there are too many"),
    ),
)]
async fn save(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(new): Json<NewSearch>,
) -> Result<Response, Problem> {
    caller.require_read()?;
    params.finish()?;
    check(&new, &state)?;
    let _turn = state.changing().await;
    room(&state, &caller, &new)?;
    let mut id = [0; 8];
    state.entropy().fill(&mut id);
    let id = hex::encode(&id);
    let NewSearch { name, query, time } = new;
    let target = json!({"type": "saved_search", "id": id, "name": name});
    let (name, query, time) = (name.into(), query.into(), time.into());
    let details = SavedDetails { owner: owner(&caller).into(), name, query, time };
    let told = serde_json::to_value(&details).expect("plain data");
    let receipt = state.record_deed(&caller, SEARCH_SAVE, target, told).await?;
    let (id, created_at) = (id.into(), receipt.recorded_at);
    let SavedDetails { owner, name, query, time } = details;
    let saved = Saved { id, owner, name, query, time, created_at };
    let body = shown(&saved).to_string();
    state.apply(Change::SearchSaved(Box::new(saved)));
    let headers =
        [(header::CONTENT_TYPE, "application/json".to_owned()), (EVENT, receipt.id.to_string())];
    Ok((StatusCode::CREATED, headers, body).into_response())
}

/// Keeps a search no longer.
#[utoipa::path(
    delete, path = "/api/saved-searches/{id}", tag = "search",
    params(("id" = String, Path, description = "The search's id: 16 hexadecimal digits")),
    responses(
        (status = 204, description = "It is gone"),
        (status = 403, description = "A writer reads nothing"),
        (status = 404, description = "This credential keeps none of this id"),
    ),
)]
async fn forget(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    params.finish()?;
    let _turn = state.changing().await;
    let own = state.registry().saved(owner(&caller));
    let saved = own.into_iter().find(|saved| *saved.id == *id);
    let saved = saved.ok_or_else(|| Problem::not_found("you keep no search of this id"))?;
    let target = json!({"type": "saved_search", "id": saved.id, "name": saved.name});
    let receipt = state.record_deed(&caller, SEARCH_FORGET, target, json!({})).await?;
    state.apply(Change::SearchForgotten { id: saved.id });
    Ok((StatusCode::NO_CONTENT, [(EVENT, receipt.id.to_string())]).into_response())
}

/// Who keeps a search. The sessions of one-time links come and go; who starts the node stays.
fn owner(caller: &Caller) -> &str {
    match caller.kind {
        CallerKind::Session if caller.id.starts_with("session:") => "local",
        _ => &caller.id,
    }
}

fn check(new: &NewSearch, state: &AppState) -> Result<(), Problem> {
    let bad = |field: &str, why: &str| {
        Err(Problem::bad_request(format!("{field} {why}")).with("field", field))
    };
    let name = &new.name;
    let named = !name.trim().is_empty() && name.len() <= limits::SAVED_NAME_BYTES_MAX;
    if !named || name.chars().any(char::is_control) {
        return bad("name", "must be 1 to 256 bytes of text in one line");
    }
    if new.query.len() > limits::SAVED_QUERY_BYTES_MAX {
        return bad("query", "must be at most 8 KiB of text");
    }
    if let Err(e) = parse(&new.query, state.now()) {
        return bad("query", &format!("cannot be read: {}", e.message));
    }
    let time = &new.time;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-+:.<>=".contains(&b);
    let short = time.len() <= limits::SAVED_TIME_BYTES_MAX && time.bytes().all(plain);
    if !short || !time.is_empty() && parse(&format!("created:{time}"), state.now()).is_err() {
        return bad("time", "must be a time as the query language writes one, such as -24h");
    }
    Ok(())
}

fn room(state: &AppState, caller: &Caller, new: &NewSearch) -> Result<(), Problem> {
    let registry = state.registry();
    let own = registry.saved(owner(caller));
    if own.iter().any(|saved| *saved.name == *new.name) {
        return Err(Problem::conflict("name-taken", "you keep a search of this name already"));
    }
    let full = own.len() >= limits::SAVED_SEARCHES_MAX;
    if full || registry.saved_len() >= limits::SAVED_SEARCHES_ALL_MAX {
        let (own, all) = (limits::SAVED_SEARCHES_MAX, limits::SAVED_SEARCHES_ALL_MAX);
        let detail = format!("a credential keeps at most {own} searches, and a node {all}");
        return Err(Problem::conflict("too-many-searches", detail));
    }
    Ok(())
}

fn shown(saved: &Saved) -> Value {
    json!({
        "id": saved.id,
        "name": saved.name,
        "query": saved.query,
        "time": saved.time,
        "created_at": saved.created_at.to_string(),
    })
}
