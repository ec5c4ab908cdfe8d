//! `POST /api/cloudevents`: CloudEvents 1.0 over HTTP, in all three modes.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::Response;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::parse::Form;
use super::{Asked, essence, keep, receipts};
use crate::auth::Sender;
use crate::extract::is_json;
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

/// What the names of header fields with attributes begin with.
const PREFIX: &str = "ce-";

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(cloudevents))
}

/// Appends CloudEvents: one in JSON, a batch, or one whose attributes are header fields. Answers as
/// `POST /api/audit/logs` does.
#[utoipa::path(
    post, path = "/api/cloudevents", tag = "append",
    request_body(
        description = "A CloudEvent, a batch of them, or the data of one whose attributes are in the header",
        content(
            (serde_json::Value = "application/cloudevents+json", example = json!({
                "specversion": "1.0", "id": "A234-1234", "source": "/billing", "type": "com.example.invoice.paid",
                "subject": "invoice-17", "time": "2026-01-31T10:00:00Z", "data": {"amount": 100},
            })),
            (serde_json::Value = "application/cloudevents-batch+json"),
            (serde_json::Value = "application/json"),
        ),
    ),
    params(
        ("trail" = Option<String>, Query, description = "The trail of events that name none", example = "shop"),
        ("wait" = Option<String>, Query, description = "published: answer once a signed checkpoint covers them, with proofs", example = "published"),
        ("ce-specversion" = Option<String>, Header, description = "1.0, where the attributes are in the header", example = "1.0"),
    ),
    responses(
        (status = 201, description = "All are new", content_type = "application/json"),
        (status = 200, description = "All were known already"),
        (status = 207, description = "Mixed; see each result"),
        (status = 400, description = "None was kept: each was refused"),
        (status = 413, description = "Too large; nothing was kept"),
        (status = 415, description = "A format that is not taken"),
        (status = 503, description = "None was kept, try again later"),
    ),
)]
async fn cloudevents(
    State(state): State<AppState>,
    Sender(caller): Sender,
    mut params: Params,
    request: Request,
) -> Result<Response, Problem> {
    let trail = params.one("trail")?;
    let wait = params.read("wait", "published", |text| (text == "published").then_some(()))?;
    params.finish()?;
    let form = form(request.headers())?;
    let asked = Asked { trail, wait: wait.is_some(), by_index: false };
    Ok(receipts(&keep(&state, &caller, asked, form, request).await?, false))
}

/// The mode of a request: in the header are attributes, or the type says that they are in the body.
fn form(headers: &HeaderMap) -> Result<Form, Problem> {
    let kind = headers.get(header::CONTENT_TYPE).map(|kind| kind.to_str().unwrap_or("?"));
    let essence = kind.map(essence).unwrap_or_default();
    if matches!(
        essence.as_str(),
        "application/cloudevents+json" | "application/cloudevents-batch+json"
    ) {
        return Ok(Form::CloudEvents);
    }
    let mut attributes = Vec::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(PREFIX) else { continue };
        let text = std::str::from_utf8(value.as_bytes());
        let text =
            text.map_err(|_| Problem::bad_request(format!("{PREFIX}{name} is not UTF-8")))?;
        attributes.push((name.to_owned(), text.to_owned()));
    }
    if essence.starts_with("application/cloudevents") {
        return Err(Problem::unsupported("of the formats of CloudEvents, only JSON is taken"));
    }
    if !attributes.is_empty() {
        return Ok(Form::CloudEvent { attributes, kind: kind.map(Into::into) });
    }
    // Nothing but the body can have the attributes now.
    if kind.is_none_or(is_json) {
        return Ok(Form::CloudEvents);
    }
    let detail = "send application/cloudevents+json, application/cloudevents-batch+json or ce- header fields";
    Err(Problem::unsupported(detail))
}
