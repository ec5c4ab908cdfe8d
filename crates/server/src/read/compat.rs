//! The same under names that other services know: flat rows, with the names of the short form.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue};
use axum::response::Response;
use indelible_index::query::Span;
use indelible_index::search::PageAsk;
use indelible_store::Found;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::engine::{self, Fault, Session};
use super::fields::{Fields, Raw};
use super::filter::{Filter, Made};
use super::limits;
use super::search::details;
use super::shown::{self, AlarmShown, Event};
use super::stats::day_before;
use crate::auth::Caller;
use crate::extract::Path;
use crate::params::Params;
use crate::problem::Problem;
use crate::record::{Read, ReadDetails};
use crate::state::AppState;

/// Names the bound that was met, as a bare array has no place for it.
const INCOMPLETE: HeaderName = HeaderName::from_static("indelible-incomplete");

pub(crate) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(logs)).routes(routes!(user_logs))
}

/// An event as one flat object; what it does not say is null.
#[derive(Serialize, ToSchema)]
struct Flat<'a> {
    #[schema(value_type = String)]
    id: Raw<'a>,
    #[schema(value_type = String)]
    timestamp: Raw<'a>,
    #[schema(value_type = Option<String>)]
    user_id: Raw<'a>,
    #[schema(value_type = Option<String>)]
    user_email: Raw<'a>,
    #[schema(value_type = Option<String>)]
    event_type: Raw<'a>,
    #[schema(value_type = String)]
    action: Raw<'a>,
    #[schema(value_type = Option<String>)]
    resource_type: Raw<'a>,
    #[schema(value_type = Option<String>)]
    resource_id: Raw<'a>,
    #[schema(value_type = String)]
    status: Raw<'a>,
    #[schema(value_type = Option<String>)]
    ip_address: Raw<'a>,
    #[schema(value_type = Option<String>)]
    user_agent: Raw<'a>,
    #[schema(value_type = Option<String>)]
    request_id: Raw<'a>,
    #[schema(value_type = Option<String>)]
    correlation_id: Raw<'a>,
    #[schema(value_type = Option<String>)]
    session_id: Raw<'a>,
    #[schema(value_type = Option<Object>)]
    old_value: Raw<'a>,
    #[schema(value_type = Option<Object>)]
    new_value: Raw<'a>,
    #[schema(value_type = Option<Object>)]
    metadata: Raw<'a>,
    #[schema(value_type = Option<String>)]
    error_message: Raw<'a>,
    #[schema(value_type = String)]
    tenant_id: Raw<'a>,
}

impl<'a> Flat<'a> {
    fn of(event: &'a Event) -> Flat<'a> {
        let fields = Fields::of(event.json());
        let target = fields.targets.first();
        Flat {
            id: fields.id,
            timestamp: fields.occurred_at.or(fields.recorded_at),
            user_id: fields.actor.id,
            user_email: fields.actor.email,
            event_type: fields.category,
            action: fields.action,
            resource_type: target.and_then(|target| target.kind),
            resource_id: target.and_then(|target| target.id),
            status: fields.outcome,
            ip_address: fields.context.ip,
            user_agent: fields.context.user_agent,
            request_id: fields.context.request_id,
            correlation_id: fields.context.correlation_id,
            session_id: fields.context.session_id,
            old_value: fields.changes.before,
            new_value: fields.changes.after,
            metadata: fields.details,
            error_message: fields.error.message,
            tenant_id: fields.trail,
        }
    }
}

/// Flat rows under a name.
#[derive(Serialize, ToSchema)]
struct UserLogs<'a> {
    /// The newest first.
    logs: Vec<Flat<'a>>,
}

/// The newest events as flat rows.
#[utoipa::path(
    get, path = "/api/v1/audit-logs", tag = "search",
    params(
        ("user_id" = Option<String>, Query, description = "Who did it", example = "maria"),
        ("action" = Option<String>, Query, description = "The action", example = "backup.delete"),
        ("resource_type" = Option<String>, Query, description = "The type of any target", example = "backup"),
        ("start_date" = Option<String>, Query, description = "Happened then or later: a date or a time"),
        ("end_date" = Option<String>, Query, description = "Happened then or before: a date, all of it, or a time"),
        ("limit" = Option<u32>, Query, description = "1 to 1,000; 100 if not given", minimum = 1, maximum = 1000),
    ),
    responses(
        (status = 200, description = "The rows; `indelible-incomplete` names the bound that was met, if one was",
            body = Vec<Flat>, example = json!([{
                "id": "0190b1a0-0000-7000-8000-000000000000", "timestamp": "2026-01-31T10:00:00.000000Z",
                "user_id": "maria", "user_email": null, "event_type": null, "action": "backup.delete",
                "resource_type": "backup", "resource_id": "db-0417", "status": "success", "ip_address": null,
                "user_agent": null, "request_id": null, "correlation_id": null, "session_id": null,
                "old_value": null, "new_value": null, "metadata": null, "error_message": null, "tenant_id": "default",
            }])),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
    ),
)]
async fn logs(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let mut made = Made::take(&mut params, &state, &["user_id", "action", "resource_type"])?;
    made.dates(&mut params, ["start_date", "end_date"])?;
    let limit = params.number("limit", 1..=limits::FLAT_ROWS_MAX)?.unwrap_or(limits::FLAT_ROWS);
    params.finish()?;
    answer(&state, &caller, made.into_filter(None), limit, |rows| shown::bytes(&rows)).await
}

/// A user's newest events as flat rows.
#[utoipa::path(
    get, path = "/api/v1/audit-logs/user/{user_id}", tag = "search",
    params(
        ("user_id" = String, Path, description = "The user", example = "maria"),
        ("days" = Option<u32>, Query, description = "How many, today included: 1 to 90; 30 if not given", minimum = 1, maximum = 90),
    ),
    responses(
        (status = 200, description = "The newest rows, at most 1,000", body = UserLogs, example = json!({"logs": []})),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "A writer reads nothing"),
    ),
)]
async fn user_logs(
    State(state): State<AppState>,
    caller: Caller,
    Path(user): Path<String>,
    mut params: Params,
) -> Result<Response, Problem> {
    caller.require_read()?;
    let days = params.number("days", 1..=limits::FLAT_DAYS_MAX)?.unwrap_or(limits::USER_DAYS);
    params.finish()?;
    let mut made = Made::default();
    made.any("user_id", "actor", &[user], state.now())?;
    made.occurred(Span { from: Some(day_before(state.now(), days - 1)), to: None });
    let filter = made.into_filter(None);
    answer(&state, &caller, filter, limits::FLAT_ROWS_MAX, |logs| shown::bytes(&UserLogs { logs }))
        .await
}

async fn answer(
    state: &AppState,
    caller: &Caller,
    filter: Filter,
    limit: u64,
    show: fn(Vec<Flat<'_>>) -> Result<Vec<u8>, Problem>,
) -> Result<Response, Problem> {
    let (body, incomplete, details) =
        engine::run(state, caller, None, move |session| rows(session, &filter, limit, show))
            .await?;
    state.record_read(caller, Read::Search, details).await?;
    let mut response = shown::json(body);
    if let Some(limit) = incomplete {
        response.headers_mut().insert(INCOMPLETE, HeaderValue::from_static(limit));
    }
    Ok(response)
}

fn rows(
    session: &mut Session<'_>,
    filter: &Filter,
    limit: u64,
    show: fn(Vec<Flat<'_>>) -> Result<Vec<u8>, Problem>,
) -> Result<(Vec<u8>, Option<&'static str>, ReadDetails), Fault> {
    let limit = limit as usize;
    let mut records: Vec<Found> = Vec::new();
    let mut want = PageAsk { limit, ..PageAsk::default() };
    let mut incomplete = session.incomplete(None);
    loop {
        let page = session.page(&filter.query, &want)?;
        records.extend(page.records);
        incomplete = session.incomplete(page.incomplete).or(incomplete);
        if !AlarmShown::all(session, page.alarms).is_empty() {
            let detail = "a record does not match its leaf, and these rows have no place to say so";
            return Err(Problem::internal(detail).into());
        }
        // A page ends early when its events are large; there is no cursor here to go on with.
        want.limit = limit - records.len().min(limit);
        want.after = page.next;
        if want.limit == 0 || page.next.is_none() || page.incomplete.is_some() {
            break;
        }
    }
    let events = Event::all(&records)?;
    let body = show(events.iter().map(Flat::of).collect())?;
    let limit = incomplete.map(|incomplete| incomplete.limit());
    Ok((body, limit, details(filter, &records)))
}
