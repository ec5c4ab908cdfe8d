//! Alerts, and what people do about them.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use indelible_event::EventId;
use indelible_rules::{EventRef, Level};
use indelible_watch::book::{Act, AlertDetail, Heard, Listed, State as Became, Would};
use indelible_watch::limits::NOTE_BYTES_MAX;
use indelible_watch::{AlertFilter, Deed};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Caller;
use crate::extract::{Json, Path};
use crate::keep::{require_auditor, told};
use crate::limits;
use crate::params::Params;
use crate::problem::Problem;
use crate::read::outgoing;
use crate::record::{Read, ReadDetails, actor};
use crate::state::AppState;

pub(super) fn routes() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(alerts))
        .routes(routes!(alert))
        .routes(routes!(acknowledge))
        .routes(routes!(assign))
        .routes(routes!(comment))
        .routes(routes!(close))
        .routes(routes!(test))
}

/// Alerts, the newest first, and how many of them are open and acknowledged in all.
#[utoipa::path(
    get, path = "/api/alerts", tag = "watch",
    params(
        ("state" = Option<String>, Query, description = "`open`, `acknowledged` or `closed`", example = "open"),
        ("rule" = Option<String>, Query, description = "The rule's id or title"),
        ("level" = Option<String>, Query, description = "`informational`, `low`, `medium`, `high` or `critical`", example = "high"),
        ("assignee" = Option<String>, Query, description = "Who has to see to it"),
        ("limit" = Option<u32>, Query, description = "1 to 1,000; 50 if not given", minimum = 1, maximum = 1000),
        ("cursor" = Option<String>, Query, description = "Where the page before ended"),
    ),
    responses(
        (status = 200, description = "The alerts", content_type = "application/json", example = json!({
            "open": 1, "acknowledged": 0, "next": null, "alerts": [{
                "id": "0190b1a0-0000-8000-8000-000000000000",
                "rule": {"id": "indelible-password-spray", "title": "Password spray", "level": "high"}, "state": "open",
                "group": {"context.ip": "203.0.113.9"}, "summary": "Password spray: 203.0.113.9", "count": 12,
                "opened_at": "2026-01-31T10:00:00.000000Z", "first_at": "2026-01-31T09:51:00.000000Z", "last_at": "2026-01-31T10:00:00.000000Z",
                "assignee": null, "acknowledged_at": null, "acknowledged_by": null, "closed_at": null, "closed_by": null,
                "escalated_at": null, "event": {"trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000"},
            }],
        })),
        (status = 400, description = "A parameter cannot be read"),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 503, description = "No node serves here"),
    ),
)]
async fn alerts(
    State(state): State<AppState>,
    caller: Caller,
    mut params: Params,
) -> Result<Json<Listed>, Problem> {
    require_auditor(&caller)?;
    let filter = AlertFilter {
        state: params.read("state", "open, acknowledged or closed", word::<Became>)?,
        rule: params.one("rule")?,
        level: params.read("level", LEVELS, word::<Level>)?,
        assignee: params.one("assignee")?,
    };
    let limit = params.number("limit", 1..=limits::ALERTS_PAGE_MAX)?;
    let limit = limit.unwrap_or(limits::ALERTS_PAGE) as usize;
    let cursor = params.one("cursor")?;
    params.finish()?;
    let listed = state.watch()?.alerts(&filter, cursor.as_deref(), limit);
    listed.map(Json).map_err(|e| Problem::bad_parameter("cursor", e.to_string()))
}

const LEVELS: &str = "informational, low, medium, high or critical";

/// A word that stands for one of few things.
fn word<T: serde::de::DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_value(text.into()).ok()
}

/// One alert, with what it is about and what was done.
#[utoipa::path(
    get, path = "/api/alerts/{id}", tag = "watch",
    params(("id" = String, Path, description = "The alert's id")),
    responses(
        (status = 200, description = "The alert", content_type = "application/json", example = json!({
            "id": "0190b1a0-0000-8000-8000-000000000000",
            "rule": {"id": "indelible-password-spray", "title": "Password spray", "level": "high"}, "state": "open",
            "group": {"context.ip": "203.0.113.9"}, "summary": "Password spray: 203.0.113.9", "count": 12,
            "opened_at": "2026-01-31T10:00:00.000000Z", "first_at": "2026-01-31T09:51:00.000000Z", "last_at": "2026-01-31T10:00:00.000000Z",
            "assignee": null, "acknowledged_at": null, "acknowledged_by": null, "closed_at": null, "closed_by": null,
            "escalated_at": null, "event": {"trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000"},
            "description": "Somebody tries one password with many names.", "advice": "Lock the address out.",
            "query": "ip:203.0.113.9", "events": [{
                "trail": "default", "seq": 17, "id": "0190b1a0-0000-7000-8000-000000000000", "at": "2026-01-31T10:00:00.000000Z",
                "action": "user.login", "actor": {"type": "user", "id": "maria"},
            }],
            "history": [{"at": "2026-01-31T10:00:00.000000Z", "action": "alert.open", "by": "indelible", "note": null}],
        })),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 503, description = "No node serves here"),
    ),
)]
async fn alert(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
) -> Result<Json<Value>, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let id = parse(&id)?;
    let detail = state.watch()?.alert(id).ok_or_else(missing)?;
    // Where what it is about stands, and where it stands itself.
    let mut trails: Vec<String> = detail.more.events.iter().map(|e| e.trail.to_string()).collect();
    trails.push("_system".to_owned());
    trails.sort_unstable();
    trails.dedup();
    let (target, results) = (Some(id.to_string()), Some(detail.more.events.len() as u64));
    let details = ReadDetails { trails, query: Some(format!("alert {id}")), target, results };
    let shown = state.read(move |state| Ok(shown(state, &detail))).await?;
    state.record_read(&caller, Read::Event, details).await?;
    Ok(Json(shown))
}

/// A note, or none.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Noted {
    /// What there is to say.
    #[serde(default)]
    #[schema(example = "I call her")]
    note: Option<String>,
}

/// Who has to see to it.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Assigned {
    /// A name; empty for nobody.
    #[schema(example = "maria")]
    to: String,
}

/// Says that somebody looks at an alert.
#[utoipa::path(
    post, path = "/api/alerts/{id}/acknowledge", tag = "watch",
    params(("id" = String, Path, description = "The alert's id")),
    request_body(content = Noted),
    responses(
        (status = 200, description = "It is acknowledged; this is how it is"),
        (status = 400, description = "The note is too long, or no text"),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It is closed"),
    ),
)]
async fn acknowledge(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
    Json(Noted { note }): Json<Noted>,
) -> Result<Response, Problem> {
    params.finish()?;
    act(&state, &caller, &id, || Ok(Act::Acknowledge { note: optional(note)? })).await
}

/// Says who has to see to an alert.
#[utoipa::path(
    post, path = "/api/alerts/{id}/assign", tag = "watch",
    params(("id" = String, Path, description = "The alert's id")),
    request_body(content = Assigned),
    responses(
        (status = 200, description = "It is assigned; this is how it is"),
        (status = 400, description = "The name is too long, or no line of text"),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It is closed"),
    ),
)]
async fn assign(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
    Json(Assigned { to }): Json<Assigned>,
) -> Result<Response, Problem> {
    params.finish()?;
    act(&state, &caller, &id, || {
        let to = to.trim();
        let plain = to.len() <= limits::ASSIGNEE_BYTES_MAX && !to.chars().any(char::is_control);
        let bad = || Problem::bad_request("to must be at most 256 bytes of text in one line");
        plain.then(|| Act::Assign { to: to.to_owned() }).ok_or_else(bad)
    })
    .await
}

/// Says something about an alert.
#[utoipa::path(
    post, path = "/api/alerts/{id}/comment", tag = "watch",
    params(("id" = String, Path, description = "The alert's id")),
    request_body(content = Noted),
    responses(
        (status = 200, description = "It is said; this is how it is"),
        (status = 400, description = "The note is missing, too long, or no text"),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It is closed"),
    ),
)]
async fn comment(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
    Json(Noted { note }): Json<Noted>,
) -> Result<Response, Problem> {
    params.finish()?;
    act(&state, &caller, &id, || {
        let missing = || Problem::bad_request("note is missing: it is what there is to say");
        Ok(Act::Comment { note: optional(note)?.ok_or_else(missing)? })
    })
    .await
}

/// Closes an alert: from then on the same rule and group open another.
#[utoipa::path(
    post, path = "/api/alerts/{id}/close", tag = "watch",
    params(("id" = String, Path, description = "The alert's id")),
    request_body(content = Noted),
    responses(
        (status = 200, description = "It is closed; this is how it is"),
        (status = 400, description = "The note is too long, or no text"),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "There is none"),
        (status = 409, description = "It is closed"),
    ),
)]
async fn close(
    State(state): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    params: Params,
    Json(Noted { note }): Json<Noted>,
) -> Result<Response, Problem> {
    params.finish()?;
    act(&state, &caller, &id, || Ok(Act::Close { note: optional(note)? })).await
}

/// Which channel is to be tried.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Tried {
    /// Its name in `watch.yaml`.
    #[schema(example = "on-call")]
    channel: String,
}

/// Sends a test through a channel, as an alert would be sent. Its stream, `alerts-NAME`, tells whether it was taken.
#[utoipa::path(
    post, path = "/api/alerts/test", tag = "watch",
    request_body(content = Tried),
    responses(
        (status = 202, description = "It is recorded, and will be sent", content_type = "application/json", example = json!({"channel": "on-call", "stream": "/api/streams/alerts-on-call"})),
        (status = 403, description = "Not an auditor or admin of all trails"),
        (status = 404, description = "No such channel runs"),
        (status = 503, description = "No node serves here"),
    ),
)]
async fn test(
    State(state): State<AppState>,
    caller: Caller,
    params: Params,
    Json(Tried { channel }): Json<Tried>,
) -> Result<Response, Problem> {
    require_auditor(&caller)?;
    params.finish()?;
    let mut random = [0; 10];
    state.entropy().fill(&mut random);
    let now = state.now();
    let id = EventId::v7(u64::try_from(now.0 / 1_000).unwrap_or_default(), random);
    let missing = || Problem::not_found("no channel of this name runs; watch.yaml names them");
    let deed = state.watch()?.test(&channel, id, now).ok_or_else(missing)?;
    let Deed { action, targets, details, .. } = deed;
    let targets = targets.into_iter().map(|(kind, id)| json!({"type": kind, "id": id}));
    let targets = targets.collect();
    let receipt = state.record_about(&caller, (action, CATEGORY), targets, details).await?;
    let stream = format!("/api/streams/{}{channel}", indelible_watch::settings::STREAM_PREFIX);
    let body = json!({"channel": channel, "stream": stream});
    Ok(told(StatusCode::ACCEPTED, Some(&receipt.id.to_string()), &body))
}

/// Of what people do about alerts.
const CATEGORY: &str = "admin_action";

fn missing() -> Problem {
    Problem::not_found("there is no alert of this id, or it was closed long ago")
}

fn parse(id: &str) -> Result<EventId, Problem> {
    EventId::parse(id).map_err(|_| missing())
}

/// A note, if there is something in it.
fn optional(note: Option<String>) -> Result<Option<String>, Problem> {
    note.map(|note| checked_note(&note))
        .transpose()
        .map(|note| note.filter(|note| !note.is_empty()))
}

/// A note as it is kept.
pub(super) fn checked_note(note: &str) -> Result<String, Problem> {
    // What a browser's form sends ends its lines as HTTP does.
    let note = note.trim().replace("\r\n", "\n");
    let odd = |c: char| c.is_control() && c != '\n' && c != '\t';
    if note.len() > NOTE_BYTES_MAX || note.chars().any(odd) {
        let detail = format!("note must be at most {NOTE_BYTES_MAX} bytes of text");
        return Err(Problem::bad_request(detail).with("field", "note"));
    }
    Ok(note)
}

/// Records what somebody does about an alert, and has it count.
async fn act(
    state: &AppState,
    caller: &Caller,
    id: &str,
    act: impl FnOnce() -> Result<Act, Problem>,
) -> Result<Response, Problem> {
    require_auditor(caller)?;
    let (id, act, watch) = (parse(id)?, act()?, state.watch()?.clone());
    // So that of two who ask at once the second is told what the first has done.
    let turn = state.changing().await;
    match watch.would(id, &act) {
        Would::Count => {}
        Would::BeUnknown => return Err(missing()),
        Would::BeClosed => {
            let detail = "the alert is closed; if it happens again, another is opened";
            return Err(Problem::conflict("closed", detail));
        }
        Would::BeSo => {
            let detail = watch.alert(id).ok_or_else(missing)?;
            return answer(state, None, detail).await;
        }
    }
    let target = json!({"type": "alert", "id": id.to_string()});
    let receipt = state.record_act(caller, (act.action(), CATEGORY), target, act.details()).await?;
    let heard = Heard { alert: id, act, by: by(caller), at: receipt.recorded_at };
    let detail = watch.heard(&heard).ok_or_else(missing)?;
    drop(turn);
    answer(state, Some(receipt.id.to_string()), detail).await
}

/// Whoever it is, as people know them: as what is recorded of them will be read.
pub(super) fn by(caller: &Caller) -> String {
    let actor = actor(caller);
    let said = actor["name"].as_str().or_else(|| actor["id"].as_str());
    said.unwrap_or_default().to_owned()
}

async fn answer(
    state: &AppState,
    event: Option<String>,
    detail: AlertDetail,
) -> Result<Response, Problem> {
    let shown = state.read(move |state| Ok(shown(state, &detail))).await?;
    Ok(told(StatusCode::OK, event.as_deref(), &shown))
}

/// An alert with what its events were, as far as they are there. Blocks.
fn shown(state: &AppState, detail: &AlertDetail) -> Value {
    let mut shown = serde_json::to_value(detail).expect("it has string keys only");
    let events = detail.more.events.iter().map(|event| shown_event(state, event));
    shown["events"] = events.collect::<Vec<Value>>().into();
    shown
}

fn shown_event(state: &AppState, event: &EventRef) -> Value {
    let mut shown = serde_json::to_value(event).expect("it has string keys only");
    // One that has expired, or that is damaged, is still named.
    let found = outgoing::event_at(state, &event.trail, event.seq);
    let found: Map<String, Value> =
        found.and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default();
    let at = found.get("occurred_at").or_else(|| found.get("recorded_at"));
    let of = |value: Option<&Value>| value.cloned().unwrap_or_default();
    shown["at"] = of(at);
    shown["action"] = of(found.get("action"));
    shown["actor"] = of(found.get("actor"));
    shown
}
