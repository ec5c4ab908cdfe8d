//! `POST /_bulk`: what Elasticsearch's clients, and the daemons that speak to it, send documents to. Answered as they
//! know it, and nothing else of Elasticsearch is here.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use indelible_connect::intake::bulk::{Lines, Op, Verb};
use indelible_log::hex;
use indelible_log::{Appended, Receipt};
use serde::Serialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::parse::{Form, Lot};
use super::{Asked, Told, essence, keep};
use crate::auth::Sender;
use crate::extract::Path;
use crate::metrics::Fate;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

/// Without it the official clients refuse to go on.
const PRODUCT: HeaderName = HeaderName::from_static("x-elastic-product");

/// Parameters that clients send, and that ask for nothing that could be done differently here: what is answered for is
/// durable and searchable, documents are not changed on their way, and all of an answer is always there.
const MEANT_OTHERWISE: [&str; 15] = [
    "refresh",
    "timeout",
    "wait_for_active_shards",
    "filter_path",
    "pretty",
    "human",
    "error_trace",
    "format",
    "routing",
    "pipeline",
    "require_alias",
    "require_data_stream",
    "list_executed_pipelines",
    "include_source_on_error",
    "type",
];

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(bulk)).routes(routes!(bulk_of_index))
}

/// Appends documents as Elasticsearch's `_bulk` does: lines with `index` or `create`, and behind each its document.
#[utoipa::path(
    method(post, put), path = "/_bulk", tag = "append",
    request_body(description = "Actions and documents, a line each", content((String = "application/x-ndjson"))),
    params(("trail" = Option<String>, Query, description = "The trail of all documents, whatever their index", example = "shop")),
    responses(
        (status = 200, description = "What became of each", content_type = "application/json"),
        (status = 400, description = "No bulk request; nothing was kept"),
        (status = 413, description = "Too large; nothing was kept"),
        (status = 415, description = "A type or coding that is not taken"),
        (status = 503, description = "None was kept, try again later"),
    ),
)]
async fn bulk(
    State(state): State<AppState>,
    sender: Result<Sender, Problem>,
    params: Result<Params, Problem>,
    request: Request,
) -> Response {
    answer(&state, sender, params, "", request).await
}

/// The same, with the index of actions that name none.
#[utoipa::path(
    method(post, put), path = "/{index}/_bulk", tag = "append",
    request_body(description = "Actions and documents, a line each", content((String = "application/x-ndjson"))),
    params(
        ("index" = String, Path, description = "The index of actions that name none", example = "shop"),
        ("trail" = Option<String>, Query, description = "The trail of all documents, whatever their index", example = "shop"),
    ),
    responses(
        (status = 200, description = "What became of each", content_type = "application/json"),
        (status = 400, description = "No bulk request; nothing was kept"),
        (status = 413, description = "Too large; nothing was kept"),
        (status = 415, description = "A type or coding that is not taken"),
        (status = 503, description = "None was kept, try again later"),
    ),
)]
async fn bulk_of_index(
    State(state): State<AppState>,
    sender: Result<Sender, Problem>,
    index: Result<Path<String>, Problem>,
    params: Result<Params, Problem>,
    request: Request,
) -> Response {
    match index {
        Ok(Path(index)) => answer(&state, sender, params, &index, request).await,
        Err(problem) => refuse(problem),
    }
}

async fn answer(
    state: &AppState,
    sender: Result<Sender, Problem>,
    params: Result<Params, Problem>,
    index: &str,
    request: Request,
) -> Response {
    let started = state.now();
    match take(state, sender, params, index, request).await {
        Ok(told) => {
            let millis = (state.now().0 - started.0).max(0) / 1000;
            let headers = [(header::CONTENT_TYPE, "application/json"), (PRODUCT, "Elasticsearch")];
            (headers, shown(&told, millis)).into_response()
        }
        Err(problem) => refuse(problem),
    }
}

async fn take(
    state: &AppState,
    sender: Result<Sender, Problem>,
    params: Result<Params, Problem>,
    index: &str,
    request: Request,
) -> Result<Told, Problem> {
    let (Sender(caller), mut params) = (sender?, params?);
    let trail = params.one("trail")?;
    for name in MEANT_OTHERWISE {
        params.one(name)?;
    }
    params.finish()?;
    let kind = request.headers().get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
    let kind = kind.map(essence).unwrap_or_default();
    if !kind.is_empty() && !kind.ends_with("json") && kind != "application/x-www-form-urlencoded" {
        return Err(Problem::unsupported("send application/x-ndjson"));
    }
    let asked = Asked { trail, wait: false, by_index: true };
    let told = keep(state, &caller, asked, Form::Bulk(Lines::new(index)), request).await?;
    if told.lots.is_empty() {
        return Err(Problem::bad_request("request body is required"));
    }
    Ok(told)
}

/// What became of a document, as Elasticsearch says it.
#[derive(Serialize)]
struct Shown<'a> {
    _index: &'a str,
    _id: Option<&'a str>,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    kept: Option<Kept<'a>>,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Fault>,
}

#[derive(Serialize)]
struct Kept<'a> {
    _version: u8,
    result: &'a str,
    _shards: Shards,
    _seq_no: u64,
    _primary_term: u8,
    /// Where it is, which is ours to say.
    receipt: Place<'a>,
}

#[derive(Serialize)]
struct Shards {
    total: u8,
    successful: u8,
    failed: u8,
}

#[derive(Serialize)]
struct Place<'a> {
    trail: &'a str,
    seq: u64,
    id: &'a str,
    leaf: String,
    recorded_at: String,
}

#[derive(Serialize)]
struct Fault {
    #[serde(rename = "type")]
    kind: &'static str,
    reason: String,
}

fn shown(told: &Told, millis: i64) -> Vec<u8> {
    let errors = told.lots.iter().any(|lot| !matches!(told.fate(lot), Fate::New | Fate::Known));
    let mut out = format!("{{\"took\":{millis},\"errors\":{errors},\"items\":[").into_bytes();
    for (at, (lot, op)) in told.lots.iter().zip(&told.ops).enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(format!("{{\"{}\":", op.verb.name()).as_bytes());
        item(told, lot, op, &mut out);
        out.push(b'}');
    }
    out.extend_from_slice(b"]}");
    out
}

fn item(told: &Told, lot: &Lot, op: &Op, out: &mut Vec<u8>) {
    let (_index, _id) = (&*op.index, op.id.as_deref());
    let fault = |kind, reason| Some(Fault { kind, reason });
    let mut shown = Shown { _index, _id, kept: None, status: 400, error: None };
    let id;
    match lot {
        Lot::Refused(refused) => {
            let unchangeable = matches!(op.verb, Verb::Update | Verb::Delete);
            let kind = match &*refused.field {
                _ if unchangeable => "illegal_argument_exception",
                "_index" => "invalid_index_name_exception",
                _ => "document_parsing_exception",
            };
            let reason = format!("{} {}", refused.field, refused.message);
            shown.error = fault(kind, reason.trim_start().to_owned());
        }
        Lot::Item(at) => match told.results.get(*at) {
            Some(Ok(Appended::Kept(receipt))) => {
                id = receipt.id.to_string();
                shown._id = shown._id.or(Some(&id));
                // That it was kept before is no fault of whoever sends it again.
                shown.status = if receipt.known { 200 } else { 201 };
                shown.kept = Some(kept(receipt, told.trails[*at].as_str(), &id));
            }
            Some(Ok(Appended::Conflict { field, seq, .. })) => {
                shown.status = 409;
                let reason = format!(
                    "document already exists (seq {}), with another {field}; nothing that is kept is changed",
                    seq.0
                );
                shown.error = fault("version_conflict_engine_exception", reason);
            }
            Some(Err(error)) if told.fate(lot) == Fate::Refused => {
                shown.error = fault("illegal_argument_exception", format!("trail: {error}"));
            }
            Some(Err(error)) => {
                shown.status = 429;
                shown.error = fault("es_rejected_execution_exception", error.to_string());
            }
            None => {
                shown.status = 429;
                let reason = "it cannot be told whether it was kept; send it again".to_owned();
                shown.error = fault("es_rejected_execution_exception", reason);
            }
        },
    }
    serde_json::to_writer(out, &shown).expect("it is written to memory");
}

fn kept<'a>(receipt: &Receipt, trail: &'a str, id: &'a str) -> Kept<'a> {
    let (leaf, recorded_at) = (hex::encode(&receipt.leaf.0), receipt.recorded_at.to_string());
    Kept {
        _version: 1,
        result: if receipt.known { "noop" } else { "created" },
        _shards: Shards { total: 1, successful: 1, failed: 0 },
        _seq_no: receipt.seq.0,
        _primary_term: 1,
        receipt: Place { trail, seq: receipt.seq.0, id, leaf, recorded_at },
    }
}

/// A problem as Elasticsearch says it, with the same status and header fields.
fn refuse(problem: Problem) -> Response {
    let kind = match problem.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "security_exception",
        StatusCode::NOT_FOUND => "index_not_found_exception",
        StatusCode::PAYLOAD_TOO_LARGE => "circuit_breaking_exception",
        StatusCode::UNSUPPORTED_MEDIA_TYPE => "media_type_header_exception",
        StatusCode::SERVICE_UNAVAILABLE => "es_rejected_execution_exception",
        StatusCode::INTERNAL_SERVER_ERROR => "exception",
        _ => "illegal_argument_exception",
    };
    let reason = problem.detail();
    let body = serde_json::json!({
        "error": {"root_cause": [{"type": kind, "reason": reason}], "type": kind, "reason": reason},
        "status": problem.status().as_u16(),
    });
    let mut response = problem.into_response();
    *response.body_mut() = Body::from(body.to_string());
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(PRODUCT, HeaderValue::from_static("Elasticsearch"));
    response
}
