//! Exports: all events that match a query, in a form that others read.
//!
//! `ask` says what is wanted, `pages` brings the records of one moment page by page, `encode` makes bytes of them,
//! and `run` hands these to the connection as fast as it takes them, and no faster. `told` records who exported
//! what, before the first byte leaves and again at the end; `tickets` remembers how far each is. What cannot be
//! brought to its end is broken off, so that nobody takes half of it for all.

mod ask;
mod body;
mod encode;
mod pages;
mod run;
mod tickets;
mod told;

use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use tokio::sync::mpsc;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::ask::Ask;
use self::body::Download;
use self::run::Export;
use super::filter::Filter;
use super::limits;
use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::params::Params;
use crate::problem::Problem;
use crate::state::AppState;

pub(crate) use self::tickets::Tickets;

/// How many events an export will have, where that was cheap to know.
const EVENTS: HeaderName = HeaderName::from_static("indelible-export-events");

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(progress))
}

/// All events that match, as a file. Who exported what is recorded before the first byte leaves, and how it ended
/// afterwards. A download that breaks off is not whole.
#[utoipa::path(
    get, path = "/api/audit/export", tag = "export",
    params(
        ("format" = String, Query, description = "`csv`, `ndjson`, `ocsf`, `cef`, `cloudevents`, `parquet`, or `bundle`: a ZIP file of evidence, with proofs", example = "csv"),
        Filter,
        ("order" = Option<String>, Query, description = "`asc` (default), the oldest first, or `desc`", example = "asc"),
        ("from_seq" = Option<u64>, Query, description = "Nothing before this place in the trail; with one `tenant_id`"),
        ("to_seq" = Option<u64>, Query, description = "Nothing after this place in the trail; with one `tenant_id`"),
        ("entries" = Option<bool>, Query, description = "For `parquet`: also the exact bytes that are hashed into the tree, and their leaf hashes"),
        ("redact" = Option<String>, Query, description = "For `bundle`: parts to withhold: who, where, what, with commas", example = "who,where"),
        ("ticket" = Option<String>, Query, description = "A name of your own, under which its progress can be asked: 8 to 64 of `A-Z a-z 0-9 _ -`", example = "nightly-2026-01-31"),
    ),
    responses(
        (status = 200, description = "The file, as an attachment; `Indelible-Export-Events` says how many events it will have, where that is known",
            content(
                (String = "text/csv", example = "recorded_at,trail,seq\n2026-01-31T10:00:00.000000Z,default,17\n"),
                (String = "application/x-ndjson", example = "{\"trail\":\"default\",\"seq\":17,\"action\":\"backup.delete\"}\n"),
                (Vec<u8> = "application/vnd.apache.parquet"),
                (Vec<u8> = "application/zip"),
            )),
        (status = 400, description = "A parameter or the query cannot be read"),
        (status = 403, description = "Only auditors and admins export"),
        (status = 404, description = "There is no such trail"),
        (status = 409, description = "The ticket is in use, or events for a bundle are not published yet"),
        (status = 413, description = "More events than a bundle holds"),
        (status = 503, description = "Too many exports at once, or it cannot be recorded"),
    ),
)]
async fn export(
    State(state): State<AppState>,
    method: Method,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    // A route for GET answers HEAD as well, and an export that nobody takes would be made and recorded.
    if method == Method::HEAD {
        return Err(Problem::not_allowed().header(header::ALLOW, HeaderValue::from_static("GET")));
    }
    caller.require_export()?;
    let ask = Ask::take(&mut params, &state, &caller)?;
    params.finish()?;
    let place = state.reading().exports.clone().try_take(&caller.id);
    let place = place.ok_or_else(|| Problem::unavailable("too many exports at once", 5))?;
    let ticket = state.reading().tickets.clone().begin(&caller, ask.ticket.as_deref(), &state)?;
    let (sender, pieces) = mpsc::channel(limits::EXPORT_PIECES);
    let (format, named) = (ask.format, ask.file_name(state.now()));
    let export = Export::begin(state, caller, ask, sender, ticket, place).await?;
    let events = export.of();
    tokio::spawn(export.run());
    let mut response = Body::new(Download::new(pieces)).into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(format.content_type()));
    let named = HeaderValue::from_str(&format!("attachment; filename=\"{named}\""));
    let named = named.expect("a file name of digits, letters and dots");
    headers.insert(header::CONTENT_DISPOSITION, named);
    if let Some(events) = events {
        headers.insert(EVENTS, HeaderValue::from(events));
    }
    Ok(response)
}

/// How far an export is, for the credential that asked for it. It is remembered for an hour after its end.
#[utoipa::path(
    get, path = "/api/audit/export/progress/{ticket}", tag = "export",
    params(("ticket" = String, Path, description = "The name that the export was given")),
    responses(
        (status = 200, description = "So far", body = tickets::Progress, example = json!({
            "state": "running", "events": 120000, "of": 200000, "bytes": 73400320, "message": null,
        })),
        (status = 403, description = "Only auditors and admins export"),
        (status = 404, description = "There is no such export of this credential"),
    ),
)]
async fn progress(
    State(state): State<AppState>,
    caller: Caller,
    Path(ticket): Path<String>,
    params: Params,
) -> Result<Json<tickets::Progress>, Problem> {
    caller.require_export()?;
    params.finish()?;
    let found = state.reading().tickets.progress(&caller, &ticket, state.now());
    let missing = || Problem::not_found("there is no such export of this credential");
    found.map(Json).ok_or_else(missing)
}
