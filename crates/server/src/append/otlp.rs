//! `POST /v1/logs`: OpenTelemetry's log records over HTTP, in protobuf or JSON. The answer is in the same encoding, also
//! where it is a refusal.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use indelible_connect::intake::otlp::{PartialSuccess, Response as Export, Status, refusals};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::parse::{Form, Lot};
use super::{Asked, Told, essence, keep};
use crate::auth::Sender;
use crate::metrics::Fate;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

const PROTOBUF: &str = "application/x-protobuf";
const JSON: &str = "application/json";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(logs))
}

/// Appends OpenTelemetry log records (OTLP over HTTP). Records that are no events are counted in `partial_success`.
#[utoipa::path(
    post, path = "/v1/logs", tag = "append",
    request_body(
        description = "An ExportLogsServiceRequest",
        content(
            (Vec<u8> = "application/x-protobuf"),
            (serde_json::Value = "application/json", example = json!({"resourceLogs": [{
                "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "billing"}}]},
                "scopeLogs": [{"logRecords": [{
                    "timeUnixNano": "1769853600000000000", "eventName": "invoice.paid",
                    "attributes": [{"key": "user.id", "value": {"stringValue": "maria"}}],
                }]}],
            }]})),
        ),
    ),
    params(("trail" = Option<String>, Query, description = "The trail of the events", example = "shop")),
    responses(
        (status = 200, description = "An ExportLogsServiceResponse: what is not refused in it is durable"),
        (status = 400, description = "No request of OTLP; nothing was kept"),
        (status = 413, description = "Too large; nothing was kept"),
        (status = 415, description = "A type or coding that is not taken"),
        (status = 503, description = "Send all of it again later, which keeps nothing twice"),
    ),
)]
async fn logs(
    State(state): State<AppState>,
    sender: Result<Sender, Problem>,
    params: Result<Params, Problem>,
    request: Request,
) -> Response {
    let kind = kind(request.headers());
    let answer = match kind {
        Some(kind) => take(&state, sender, params, kind, request).await,
        None => Err(Problem::unsupported(format!("send {PROTOBUF} or {JSON}"))),
    };
    let json = kind == Some(JSON);
    match answer {
        Ok(export) => {
            let body = if json { export.json() } else { export.protobuf() };
            ([(header::CONTENT_TYPE, kind.unwrap_or(PROTOBUF))], body).into_response()
        }
        Err(problem) => refuse(problem, json),
    }
}

/// The encoding of a request.
fn kind(headers: &HeaderMap) -> Option<&'static str> {
    let kind = headers.get(header::CONTENT_TYPE)?.to_str().ok()?;
    match essence(kind).as_str() {
        JSON => Some(JSON),
        PROTOBUF | "application/protobuf" => Some(PROTOBUF),
        _ => None,
    }
}

async fn take(
    state: &AppState,
    sender: Result<Sender, Problem>,
    params: Result<Params, Problem>,
    kind: &str,
    request: Request,
) -> Result<Export, Problem> {
    let (Sender(caller), mut params) = (sender?, params?);
    let trail = params.one("trail")?;
    params.finish()?;
    let form = if kind == JSON { Form::OtlpJson } else { Form::Protobuf };
    let asked = Asked { trail, ..Asked::default() };
    let told = keep(state, &caller, asked, form, request).await?;
    if told.lots.iter().any(|lot| told.fate(lot) == Fate::Failed) {
        // Those that were kept are known when they come again.
        return Err(Problem::unavailable("not all log records could be kept; send them again", 5));
    }
    Ok(export(&told))
}

fn export(told: &Told) -> Export {
    let reasons: Vec<String> = told
        .lots
        .iter()
        .enumerate()
        .filter_map(|(at, lot)| match lot {
            Lot::Refused(refused) => {
                let field = refused.field.as_str();
                let field = if field.is_empty() { String::new() } else { format!(" {field}") };
                Some(format!("record {at}:{field} {}", refused.message))
            }
            Lot::Item(_) if told.fate(lot) == Fate::Conflict => {
                Some(format!("record {at}: its log.record.uid is taken by a different one"))
            }
            Lot::Item(_) if told.fate(lot) == Fate::Refused => {
                Some(format!("record {at}: its trail takes no events"))
            }
            Lot::Item(_) => None,
        })
        .collect();
    let partial = (!reasons.is_empty()).then(|| PartialSuccess {
        rejected_log_records: reasons.len() as i64,
        error_message: refusals(&reasons, told.lots.len()),
    });
    Export { partial_success: partial }
}

/// A problem as the protocol says it: with the same status and header fields, but as `google.rpc.Status`.
fn refuse(problem: Problem, json: bool) -> Response {
    let code = match problem.status().as_u16() {
        401 => 16,
        403 => 7,
        404 => 5,
        413 | 429 => 8,
        503 => 14,
        500 => 13,
        _ => 3,
    };
    let status = Status { code, message: problem.detail().to_owned() };
    let body = if json { status.json() } else { status.protobuf() };
    let mut response = problem.into_response();
    *response.body_mut() = Body::from(body);
    let kind = if json { JSON } else { PROTOBUF };
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}
