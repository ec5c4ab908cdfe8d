//! Events of other makes as they come in over HTTP: CloudEvents, OTLP logs, Elasticsearch's bulk lines.
//!
//! Each mapper makes the JSON that every door of a node takes, which is then checked like everybody's. An item that is
//! an event of ours already goes as it is. Of any other, what is known by name becomes a member, and all of it goes to
//! `details` as it was: nothing of the original is lost.

pub mod bulk;
pub mod cloudevents;
mod json;
pub mod message;
mod names;
pub mod otlp;

use std::borrow::Cow;

use serde_json::value::RawValue;

use crate::draft::Unmapped;
use json::{Members, put, text};

/// The members of an event of ours, in both forms.
pub(crate) const OWN_MEMBERS: &[&str] = &[
    "id",
    "trail",
    "occurred_at",
    "action",
    "category",
    "outcome",
    "phase",
    "ref",
    "actor",
    "targets",
    "subjects",
    "changes",
    "details",
    "error",
    "context",
    "source",
    "user_id",
    "user_email",
    "event_type",
    "resource_type",
    "resource_id",
    "status",
    "old_value",
    "new_value",
    "metadata",
    "ip_address",
    "user_agent",
    "timestamp",
    "request_id",
    "correlation_id",
    "session_id",
    "error_message",
    "tenant_id",
];

/// Whether an object is an event of ours: it has an action, and no member that events have not. Others have members
/// named `action` too, and are theirs.
fn is_ours(members: &Members<'_>, beside: &[&str]) -> bool {
    let known = |name: &str| OWN_MEMBERS.contains(&name) || beside.contains(&name);
    members.get("action").is_some_and(|action| text(action).is_some()) && members.names().all(known)
}

/// What an envelope says of an event of ours that does not say so itself.
struct Beside<'a> {
    id: Option<String>,
    occurred_at: Option<Cow<'a, str>>,
    /// A member of the details: its name, and its JSON.
    details: Option<(&'a str, &'a [u8])>,
}

/// Writes an event of ours with what its envelope adds. Its own members win.
fn own(members: &Members<'_>, leave: &[&str], beside: Beside<'_>) -> Vec<u8> {
    let mut out = vec![b'{'];
    let has = |names: [&str; 2]| names.iter().any(|name| members.get(name).is_some());
    if let Some(id) = beside.id.filter(|_| members.get("id").is_none()) {
        put::text(&mut out, "id", &id);
    }
    if let Some(time) = beside.occurred_at.filter(|_| !has(["occurred_at", "timestamp"])) {
        put::text(&mut out, "occurred_at", &time);
    }
    let mut added = beside.details;
    for (name, value) in members.iter().filter(|(name, _)| !leave.contains(&&**name)) {
        put::key(&mut out, name);
        let takes = matches!(&**name, "details" | "metadata");
        match added.filter(|_| takes).and_then(|(name, json)| with(value, name, json)) {
            Some(merged) => {
                out.extend_from_slice(&merged);
                added = None;
            }
            None => out.extend_from_slice(value.get().as_bytes()),
        }
    }
    if let Some((name, json)) = added.filter(|_| !has(["details", "metadata"])) {
        put::key(&mut out, "details");
        out.push(b'{');
        put::json(&mut out, name, json);
        out.push(b'}');
    }
    out.push(b'}');
    out
}

/// An object with one more member, if it is one and has none of that name.
fn with(object: &RawValue, name: &str, json: &[u8]) -> Option<Vec<u8>> {
    let members = Members::read(object.get().as_bytes()).ok()?;
    if members.get(name).is_some() {
        return None;
    }
    let inside = object.get().strip_suffix('}')?.trim_end();
    let mut out = inside.as_bytes().to_vec();
    put::json(&mut out, name, json);
    out.push(b'}');
    Some(out)
}

/// A member that is not as it has to be.
fn wrong(field: &str, message: impl Into<String>) -> Unmapped {
    Unmapped::new(field, message)
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
