//! Erasing parts of records, which takes two people.

use std::path::PathBuf;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use indelible_keep::Who;
use indelible_keep::erase::NewErasure;
use serde::Deserialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::{Wait, asked, require_auditor, require_keeper, result, wait, who};
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(list, request))
        .routes(routes!(preview))
        .routes(routes!(certificate))
}

/// What would be erased, and where copies of it are. A job, as the events are looked through; nothing is changed or
/// recorded.
///
/// One of `subject` (an id, an address or a name), `resource` (`id` or `type/id`) and `ids` says what. Without a `trail` it is all
/// of them; without `parts` all three.
#[utoipa::path(
    post, path = "/api/erasures/preview", tag = "keeping",
    params(("wait" = Option<bool>, Query, description = "Answer when it has ended, or after a minute")),
    request_body(content = Value, example = json!({"subject": "u-1", "trail": "shop", "parts": ["who", "where"], "authority": "GDPR Art. 17, ticket 4711"})),
    responses(
        (status = 200, description = "The job that has ended; its `result` says what would go", body = Value),
        (status = 202, description = "The job", body = Value),
        (status = 400, description = "It cannot be asked for like this"),
        (status = 403, description = "Not an admin of all trails"),
    ),
)]
async fn preview(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
    Json(new): Json<NewErasure>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    let wait = wait(&caller, &mut params)?;
    params.finish()?;
    let work = state.begin_job(&caller, "erasure.preview", wait, move |keep, progress| {
        result(keep.preview_erasure(&new, progress))
    });
    work.await
}

/// Asks for an erasure. Another admin has to confirm it, and to say again whom it is about: the request holds only an HMAC.
#[utoipa::path(
    post, path = "/api/erasures", tag = "keeping",
    request_body(content = Value, description = "As for the preview, and `authority`, which must not name the subject; `mentions`, `despite_hold`, `spools`", example = json!({"subject": "u-1", "trail": "shop", "parts": ["who", "where"], "authority": "GDPR Art. 17, ticket 4711"})),
    responses(
        (status = 202, description = "Another admin has to confirm it", content_type = "application/json", example = json!({
            "request": "0123456789abcdef", "confirm": "/api/requests/0123456789abcdef/confirm", "expires_at": "2026-02-07T10:00:00.000000Z", "message": "…",
        })),
        (status = 400, description = "It cannot be asked for like this"),
        (status = 403, description = "Not an admin of all trails"),
    ),
)]
async fn request(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(new): Json<NewErasure>,
) -> Result<Response, Problem> {
    require_keeper(&caller)?;
    params.finish()?;
    let who = who(&state, &caller);
    let request = state.keeping(move |keep| {
        let id = keep.request_erasure(&who, &new)?;
        keep.request(&id)
    });
    asked(&state, &request.await?).await
}

/// What comes with the confirmation of an erasure, as the request does not say it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Confirmation {
    /// Whose data, once more.
    subject: Option<String>,
    /// Or which resource.
    resource: Option<String>,
    /// Or which events.
    ids: Vec<String>,
    /// Spools outside of the data directory, beside those of the request.
    #[schema(value_type = Vec<String>)]
    spools: Vec<PathBuf>,
}

impl Confirmation {
    /// Whether it says nothing.
    pub fn is_empty(&self) -> bool {
        self.subject.is_none()
            && self.resource.is_none()
            && self.ids.is_empty()
            && self.spools.is_empty()
    }
}

/// Confirms a request, and does it.
pub(super) async fn confirm(
    state: &AppState,
    caller: &Caller,
    who: Who,
    id: String,
    given: Confirmation,
    wait: Wait,
) -> Result<Response, Problem> {
    let Confirmation { subject, resource, ids, spools } = given;
    let again = NewErasure { subject, resource, ids, spools, ..NewErasure::default() };
    let work = state.begin_job(caller, "erasure", wait, move |keep, progress| {
        result(keep.confirm_erasure(&who, &id, &again, progress))
    });
    work.await
}

/// What was erased, oldest first.
#[utoipa::path(
    get, path = "/api/erasures", tag = "keeping",
    responses(
        (status = 200, description = "The erasures", content_type = "application/json", example = json!({"erasures": [{
            "erasure": "0190b1a0-0000-7000-8000-000000000000", "begun_at": "2026-01-31T10:00:00.000000Z", "kind": "subject", "hmac": "…",
            "authority": "GDPR Art. 17, ticket 4711", "parts": ["who", "where"], "records": 12, "done": true, "complete": true,
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
    let erasures = state.keeping(|keep| keep.erasures()).await?;
    Ok(Json(json!({ "erasures": erasures })))
}

/// The certificate of one: what was erased, by whom, with proofs, and what is still to do elsewhere.
#[utoipa::path(
    get, path = "/api/erasures/{id}", tag = "keeping",
    params(
        ("id" = String, Path, description = "The erasure's id"),
        ("format" = Option<String>, Query, description = "`json` (default), or `text` for people"),
    ),
    responses(
        (status = 200, description = "The certificate", body = Value),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
    ),
)]
async fn certificate(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    require_auditor(&caller)?;
    let text = params.read("format", "json or text", |text| match text {
        "json" => Some(false),
        "text" => Some(true),
        _ => None,
    })?;
    params.finish()?;
    let certificate = state.keeping(move |keep| keep.certificate(&id)).await?;
    if text == Some(true) {
        let kind = [(header::CONTENT_TYPE, "text/plain; charset=utf-8")];
        return Ok((kind, certificate.text()).into_response());
    }
    Ok(Json(certificate).into_response())
}
