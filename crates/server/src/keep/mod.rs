//! Retention, holds, erasure, archives and backups over HTTP. Handlers only translate: what is done, and how it is
//! recorded, is `indelible_keep`'s.

mod archives;
mod backups;
mod erasures;
mod fault;
mod holds;
mod jobs;
mod looked;
mod requests;
mod retention;

use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use indelible_event::Phase;
use indelible_keep::requests::{CREATED, Request};
use indelible_keep::{Keep, KeepError, Who, deed};
use indelible_log::record::KeptRecord;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;

pub(crate) use fault::problem;
pub(crate) use jobs::{Jobs, Wait};

use crate::auth::key::KeyId;
use crate::auth::{Caller, CallerKind};
use crate::extract::Json;
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{actor, context};
use crate::state::{AppState, EVENT};

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .merge(retention::routes())
        .merge(holds::routes())
        .merge(requests::routes())
        .merge(erasures::routes())
        .merge(archives::routes())
        .merge(backups::routes())
        .merge(looked::routes())
}

/// The caller as one of two people.
pub(crate) fn who(state: &AppState, caller: &Caller) -> Who {
    // The sessions of one-time links come and go; whoever starts the node is one person.
    let link = caller.kind == CallerKind::Session && caller.id.starts_with("session:");
    let id = if link { "local".into() } else { caller.id.clone() };
    let key = caller.id.strip_prefix("key:").and_then(KeyId::parse);
    let since = key.and_then(|id| state.registry().key(id).map(|key| key.created_at));
    Who { id, since, actor: actor(caller), context: Some(context(&caller.request)) }
}

/// 403 unless it may change what is kept: an admin, of all trails.
pub(crate) fn require_keeper(caller: &Caller) -> Result<(), Problem> {
    caller.require_admin()?;
    require_unbound(caller)
}

/// 403 unless it may look at what is kept and why: an auditor or admin, of all trails.
pub(crate) fn require_auditor(caller: &Caller) -> Result<(), Problem> {
    if !caller.role.may_audit() {
        let detail = format!("the role {} does not see how the log is kept", caller.role);
        return Err(Problem::forbidden(detail));
    }
    require_unbound(caller)
}

fn require_unbound(caller: &Caller) -> Result<(), Problem> {
    if caller.trails.is_some() {
        let detail = "this is about all trails, and this credential is bound to some";
        return Err(Problem::forbidden(detail));
    }
    Ok(())
}

impl AppState {
    /// Does something with the store off the threads that serve, one after the other.
    pub(crate) async fn keeping<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Keep) -> Result<T, KeepError> + Send + 'static,
    ) -> Result<T, Problem> {
        let keep = self.keep()?;
        let done = tokio::task::spawn_blocking(move || work(&keep)).await;
        let broke = |_| Problem::internal("it broke off; this is a fault of the node");
        done.map_err(broke)?.map_err(problem)
    }
}

/// `?wait=true`: how long the answer waits for a job. Whoever asks within this process has no time limit.
pub(crate) fn wait(caller: &Caller, params: &mut Params) -> Result<Wait, Problem> {
    let longest = (caller.kind != CallerKind::Local).then_some(limits::JOB_END_WAIT);
    Ok(match params.flag("wait")? {
        Some(true) => Wait::Ended(longest),
        _ => Wait::Begun,
    })
}

/// An answer that one event tells of.
pub(crate) fn told(status: StatusCode, event: Option<&str>, body: &impl Serialize) -> Response {
    let mut headers = HeaderMap::new();
    if let Some(id) = event.and_then(|id| HeaderValue::from_str(id).ok()) {
        headers.insert(EVENT, id);
    }
    (status, headers, Json(body)).into_response()
}

/// The answer to what is there no more.
pub(crate) fn gone(event: Option<String>) -> Response {
    match event {
        Some(id) => (StatusCode::NO_CONTENT, [(EVENT, id)]).into_response(),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

/// The answer to what another person has to confirm first.
pub(crate) async fn asked(state: &AppState, request: &Request) -> Result<Response, Problem> {
    let id = request.id.clone();
    let event =
        state.keeping(move |keep| event_of(keep, CREATED, "request_id", &id.as_str().into()));
    let body = json!({
        "request": request.id,
        "confirm": format!("/api/requests/{}/confirm", request.id),
        "expires_at": request.expires_at,
        "message": "nothing has been done yet: another administrator has to confirm this within seven days",
    });
    Ok(told(StatusCode::ACCEPTED, event.await?.as_deref(), &body))
}

/// The latest event of `_system` with this action that a detail names, which is not how another ended.
pub(crate) fn event_of(
    keep: &Keep,
    action: &str,
    name: &str,
    value: &Value,
) -> Result<Option<String>, KeepError> {
    let told = keep.told(&[action])?;
    let begins = |record: &&KeptRecord| record.entry().phase != Some(Phase::Outcome);
    let names = |record: &&KeptRecord| deed::details(record)[name] == *value;
    let found = told.iter().rev().filter(begins).find(names);
    Ok(found.map(|record| record.entry().id.to_string()))
}

/// The latest event of `_system` with this action.
pub(crate) fn last_event(keep: &Keep, action: &str) -> Result<Option<String>, KeepError> {
    Ok(keep.told(&[action])?.last().map(|record| record.entry().id.to_string()))
}

/// What a job came to.
pub(crate) fn result<T: Serialize>(done: Result<T, KeepError>) -> Result<Value, KeepError> {
    Ok(serde_json::to_value(done?).expect("it has string keys only"))
}
