//! Proofs of single events.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use indelible_event::{EventId, Part};
use indelible_log::record::Seq;
use indelible_log::{LogError, TrailStatus};
use indelible_store::StoreError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::extract::Path;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(proof))
}

/// A proof of one event: a C2SP tlog-proof that a stranger can verify with the trail's key alone.
#[utoipa::path(
    get,
    path = "/api/audit/logs/{id}/proof",
    tag = "proofs",
    params(
        ("id" = String, Path, description = "The event's id, a UUID"),
        ("trail" = Option<String>, Query, description = "Its trail, where several have the id"),
        ("redact" = Option<String>, Query, description = "Parts to withhold: who, where, what, with commas"),
    ),
    responses(
        (status = 200, description = "The proof", content_type = "text/plain", body = String),
        (status = 404, description = "There is no such event"),
        (status = 409, description = "It is not published yet, or several trails have the id"),
    ),
)]
async fn proof(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let form = "some of who, where and what, with commas";
    let redact = params.read("redact", form, parts)?.unwrap_or_default();
    let trail = params.one("trail")?;
    params.finish()?;
    let id = event_id(&id)?;
    let asking = caller.clone();
    let (trail, text) = state
        .read(move |state| {
            let (trail, seq) = find_event(state, &asking, id, trail.as_deref())?;
            let text = prove(state, &trail, seq, &redact)?;
            Ok((trail.info.name.to_string(), text))
        })
        .await?;
    let details = ReadDetails {
        trails: vec![trail],
        target: Some(id.to_string()),
        results: Some(1),
        ..ReadDetails::default()
    };
    state.record_read(&caller, Read::Proof, details).await?;
    Ok(([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], text).into_response())
}

fn prove(
    state: &AppState,
    trail: &TrailStatus,
    seq: Seq,
    redact: &[Part],
) -> Result<String, Problem> {
    let later = || {
        let detail =
            "it is durable, and will be published with the next checkpoint, within a second";
        Problem::conflict("not-published", detail)
    };
    match state.reader().checkpoint(trail) {
        Ok((_, checkpoint)) if checkpoint.size.0 <= seq.0 => Err(later()),
        Err(StoreError::NotFound(_)) => Err(later()),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(state.reader().prove(trail, seq, redact)?),
    }
}

/// An event's id as part of a path: what is none names no event.
pub(crate) fn event_id(text: &str) -> Result<EventId, Problem> {
    EventId::parse(text).map_err(|e| Problem::not_found(format!("an event's id {e}")))
}

/// The one event with this id among the trails that the caller may read, or the one in the trail it names.
pub(crate) fn find_event(
    state: &AppState,
    caller: &Caller,
    id: EventId,
    trail: Option<&str>,
) -> Result<(TrailStatus, Seq), Problem> {
    let trails = match trail {
        Some(name) => vec![caller.readable_trail(state, name)?],
        None => caller.readable(state),
    };
    let mut found = Vec::new();
    for trail in trails {
        match state.reader().find(&trail, id) {
            Ok(seq) => found.push((trail, seq)),
            Err(StoreError::NotFound(_) | StoreError::Log(LogError::NotFound(_))) => {}
            Err(error) => return Err(error.into()),
        }
    }
    if found.len() > 1 {
        let names: Vec<String> = found.iter().map(|(t, _)| t.info.name.to_string()).collect();
        let detail = "several trails have an event of this id; choose one with ?trail=";
        return Err(Problem::conflict("several-trails", detail).with("trails", names));
    }
    found.pop().ok_or_else(|| Problem::not_found(format!("there is no event {id}")))
}

fn parts(text: &str) -> Option<Vec<Part>> {
    text.split(',').map(Part::from_name).collect()
}
