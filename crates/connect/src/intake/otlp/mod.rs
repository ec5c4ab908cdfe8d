//! OpenTelemetry's log records, as OTLP over HTTP brings them: protobuf and JSON.
//!
//! | record | event |
//! |---|---|
//! | `log.record.uid`; else the record, its scope and its resource | `id`: the same for the same record, so that a request that is sent again keeps nothing twice |
//! | `event_name`, `event.name`, `event.action`, `log.action` | `action`; else `otel.log` |
//! | `time_unix_nano`, else `observed_time_unix_nano` | `occurred_at` |
//! | a severity of ERROR or above | the outcome `error` |
//! | `trace_id`, `span_id` | `context.trace_id`, `context.span_id` |
//! | attributes of record and resource by OpenTelemetry's names | actor, `context`, `error` |
//! | all of it | `details` |
//!
//! Two records of one request that say the same are two. A record that says nothing of when it was has no id of its
//! own: there, saying the same again is more likely to mean that it happened again.

mod model;
mod walk;

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD_NO_PAD;
use indelible_event::Micros;

use super::json::put;
use super::names::Found;
use super::wrong;
use crate::draft::{Draft, Unmapped, action, foreign_id};
use crate::limits::REFUSALS_TOLD_MAX;
use model::{Any, KeyValue, LogRecord, Resource, Scope, Value};

pub use model::{PartialSuccess, Response, Status};
pub use walk::{json, protobuf};

/// The action of a record that names none.
pub const ACTION: &str = "otel.log";

/// The severity from which on something went wrong.
const SEVERITY_ERROR: i32 = 17;

/// Where the events of a request go, one after the other, as long as it answers that more are wanted: a few bytes can
/// say that there are many records, each with all of a large resource.
pub type Sink<'s> = dyn FnMut(Result<Vec<u8>, Unmapped>) -> bool + 's;

/// What a record is part of.
#[derive(Default)]
struct Origin {
    resource: Resource,
    /// Stands for the resource's bytes, however many they are, where ids are made.
    resource_key: String,
    resource_schema: String,
    scope: Scope,
    /// Stands for resource and scope.
    scope_key: String,
    scope_schema: String,
}

impl Origin {
    fn resource(&mut self, resource: Resource, bytes: &[u8]) {
        self.resource = resource;
        self.resource_key = key("", bytes);
    }

    fn scope(&mut self, scope: Scope, bytes: &[u8]) {
        self.scope = scope;
        self.scope_key = key(&self.resource_key, bytes);
    }
}

/// A text that is the same for the same bytes within the same whole.
fn key(within: &str, bytes: &[u8]) -> String {
    foreign_id("otlp", &format!("{within}.{}", BASE64_STANDARD_NO_PAD.encode(bytes)))
}

/// How often each record was there in this request.
type Seen = HashMap<String, u32>;

/// The event that a record is.
fn event(
    record: &LogRecord,
    bytes: &[u8],
    origin: &Origin,
    seen: &mut Seen,
) -> Result<Vec<u8>, Unmapped> {
    let mut draft = Draft::default();
    if !record.event_name.is_empty() {
        draft.action = action(&record.event_name).into();
    }
    if record.severity_number >= SEVERITY_ERROR {
        draft.outcome = Some("error".into());
    }
    draft.context.trace_id = hex(&record.trace_id).map(Into::into);
    draft.context.span_id = hex(&record.span_id).map(Into::into);
    let nanos = match record.time_unix_nano {
        0 => record.observed_time_unix_nano,
        nanos => nanos,
    };
    let at = Micros((nanos / 1000).cast_signed());
    draft.occurred_at = (nanos > 0).then(|| at.to_string().into());
    let mut found = Found::default();
    // The record's own come first: they are believed where both have one.
    for of in [&record.attributes, &origin.resource.attributes] {
        let mut own = Found::default();
        for KeyValue { key, value } in of {
            if let Some(text) = value.as_ref().and_then(said) {
                own.see(key, text.into());
            }
        }
        found.or(own);
    }
    found.fill(&mut draft, ACTION);
    draft.id = id(record, bytes, origin, nanos, seen).map(Into::into);
    draft.details = Some(details(record, origin).into());
    Ok(draft.to_json())
}

/// The id of a record that can be told from others.
fn id(
    record: &LogRecord,
    bytes: &[u8],
    origin: &Origin,
    nanos: u64,
    seen: &mut Seen,
) -> Option<String> {
    let uid = record.attributes.iter().find(|of| of.key == "log.record.uid");
    if let Some(text) = uid.and_then(|of| said(of.value.as_ref()?)) {
        return Some(foreign_id("otlp/uid", &text));
    }
    if nanos == 0 {
        return None;
    }
    let id = key(&origin.scope_key, bytes);
    let before = match seen.entry(id.clone()) {
        Entry::Occupied(mut count) => {
            *count.get_mut() += 1;
            *count.get()
        }
        Entry::Vacant(first) => *first.insert(0),
    };
    Some(if before == 0 { id } else { key(&id, &before.to_be_bytes()) })
}

fn details(record: &LogRecord, origin: &Origin) -> String {
    let mut out = vec![b'{'];
    let texts = [("event_name", &record.event_name), ("severity_text", &record.severity_text)];
    if let Some(body) = &record.body {
        put::key(&mut out, "body");
        body.write(&mut out);
    }
    for (name, text) in texts.into_iter().filter(|(_, text)| !text.is_empty()) {
        put::text(&mut out, name, text);
    }
    if record.severity_number != 0 {
        put::number(&mut out, "severity_number", record.severity_number);
    }
    attributes("attributes", &record.attributes, &mut out);
    attributes("resource", &origin.resource.attributes, &mut out);
    let scope = &origin.scope;
    if *scope != Scope::default() {
        put::key(&mut out, "scope");
        out.push(b'{');
        for (name, text) in [("name", &scope.name), ("version", &scope.version)] {
            if !text.is_empty() {
                put::text(&mut out, name, text);
            }
        }
        attributes("attributes", &scope.attributes, &mut out);
        out.push(b'}');
    }
    for (name, text) in [
        ("resource_schema_url", &origin.resource_schema),
        ("scope_schema_url", &origin.scope_schema),
    ] {
        if !text.is_empty() {
            put::text(&mut out, name, text);
        }
    }
    // As texts: nanoseconds have more digits than many readers of numbers keep.
    for (name, nanos) in [
        ("time_unix_nano", record.time_unix_nano),
        ("observed_time_unix_nano", record.observed_time_unix_nano),
    ] {
        if nanos != 0 {
            put::text(&mut out, name, &nanos.to_string());
        }
    }
    for (name, count) in [
        ("flags", record.flags),
        ("dropped_attributes_count", record.dropped_attributes_count),
        ("resource_dropped_attributes_count", origin.resource.dropped_attributes_count),
        ("scope_dropped_attributes_count", origin.scope.dropped_attributes_count),
    ] {
        if count != 0 {
            put::number(&mut out, name, count);
        }
    }
    out.push(b'}');
    String::from_utf8(out).expect("it was made of texts")
}

fn attributes(name: &str, of: &[KeyValue], out: &mut Vec<u8>) {
    if of.is_empty() {
        return;
    }
    put::key(out, name);
    model::object(of, out);
}

/// The text or number that a value is.
fn said(value: &Any) -> Option<String> {
    match value.value.as_ref()? {
        Value::Text(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An id in hexadecimal; `None` if it is only zeros, which is how none is said.
fn hex(bytes: &[u8]) -> Option<String> {
    if bytes.iter().all(|byte| *byte == 0) {
        return None;
    }
    Some(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// What the answer says of records that were refused: how many, and why, the first few.
pub fn refusals(reasons: &[String], all: usize) -> String {
    let shown: Vec<&str> = reasons.iter().take(REFUSALS_TOLD_MAX).map(String::as_str).collect();
    let more = if reasons.len() > shown.len() { "; and others" } else { "" };
    format!("{} of {all} log records refused: {}{more}", reasons.len(), shown.join("; "))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
