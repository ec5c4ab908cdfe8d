//! Exports are events of `_system`: the first before anything leaves, the second when it is known how it ended.

use indelible_event::EventId;
use serde_json::{Map, Value, json};

use super::ask::Ask;
use crate::auth::Caller;
use crate::limits;
use crate::problem::Problem;
use crate::read::stats::read_details;
use crate::record::{Read, actor, context, cut, event};
use crate::state::AppState;

/// How an export ended.
pub(super) struct Outcome<'a> {
    pub events: u64,
    pub bytes: u64,
    /// Of all bytes that went out, where all did.
    pub sha256: Option<String>,
    /// Of a bundle's manifest.
    pub manifest_sha256: Option<String>,
    /// A word for what went wrong, and what did.
    pub error: Option<(&'static str, &'a str)>,
}

/// Records that an export begins, durably, and gives the event's id. Where that cannot be recorded, nothing is
/// exported; a directory that is only read has nowhere to record it.
pub(super) async fn begins(
    state: &AppState,
    caller: &Caller,
    ask: &Ask,
    of: Option<u64>,
) -> Result<Option<EventId>, Problem> {
    let Some(writer) = state.writer() else { return Ok(None) };
    let trails = read_details(state, caller, &ask.filter).trails;
    let mut details = Map::new();
    let trails = trails.into_iter().take(limits::CALLER_TRAILS_MAX).collect::<Vec<_>>();
    details.insert("trails".into(), trails.into());
    details.insert("query".into(), cut(&ask.query(), limits::RECORDED_QUERY_BYTES_MAX).into());
    details.insert("format".into(), ask.format.name().into());
    details.insert("order".into(), ask.order_name().into());
    if let Some(of) = of {
        details.insert("events".into(), of.into());
    }
    if ask.entries {
        details.insert("entries".into(), true.into());
    }
    if !ask.redact.is_empty() {
        details.insert("redact".into(), ask.redact.iter().map(|part| part.name()).collect());
    }
    if let Some(ticket) = &ask.ticket {
        details.insert("ticket".into(), ticket.as_str().into());
    }
    let event = event(json!({
        "action": Read::Export.action(),
        "category": "data_access",
        "outcome": "pending",
        "phase": "intent",
        "actor": actor(caller),
        "details": details,
        "context": context(&caller.request),
    }));
    let receipt = writer.record(event).await;
    receipt.map(|receipt| Some(receipt.id)).map_err(|error| {
        let detail = format!("an export that cannot be recorded is not made: {error}");
        Problem::unavailable(detail, 5)
    })
}

/// Records how it ended.
pub(super) async fn ended(state: &AppState, caller: &Caller, begun: EventId, outcome: Outcome<'_>) {
    let Some(writer) = state.writer() else { return };
    let Outcome { events, bytes, sha256, manifest_sha256, error } = outcome;
    let mut details = json!({"events": events, "bytes": bytes});
    for (name, sum) in [("sha256", sha256), ("manifest_sha256", manifest_sha256)] {
        if let Some(sum) = sum {
            details[name] = sum.into();
        }
    }
    let mut told = json!({
        "action": Read::Export.action(),
        "category": "data_access",
        "outcome": if error.is_some() { "error" } else { "success" },
        "phase": "outcome",
        "ref": begun.to_string(),
        "actor": actor(caller),
        "details": details,
        "context": context(&caller.request),
    });
    if let Some((code, message)) = error {
        let message: Value = cut(message, limits::RECORDED_TEXT_BYTES_MAX).into();
        told["error"] = json!({"code": code, "message": message});
    }
    if let Err(error) = writer.record(event(told)).await {
        tracing::warn!(%error, "the end of an export could not be recorded");
        state.lose(1);
    }
}
