//! An act that is recorded before it is done, and again when it has ended.

use std::sync::Arc;

use indelible_event::{Checked, EventId, Micros, Part, check};
use indelible_log::Receipt;
use indelible_log::record::KeptRecord;
use serde_json::{Value, json};

use crate::Keep;
use crate::error::KeepError;

/// Who asks for something.
#[derive(Clone, Debug)]
pub struct Who {
    /// Who it is, as the node knows credentials: two that differ here are two people. `local` is whoever
    /// holds the files.
    pub id: Arc<str>,
    /// Since when that credential exists, where that is known.
    pub since: Option<Micros>,
    /// The event's `actor`.
    pub actor: Value,
    /// The event's `context`, if there is one.
    pub context: Option<Value>,
}

impl Who {
    /// The node itself, by its own schedule.
    pub fn node() -> Who {
        let actor = json!({"type": "system", "id": "indelible"});
        Who { id: "indelible".into(), since: None, actor, context: None }
    }
}

/// An act whose intent is durable. It has to be ended; what is not, shows as unfinished.
#[must_use = "what was begun has to be ended"]
#[derive(Debug)]
pub struct Begun {
    /// The intent's event.
    pub id: EventId,
    action: &'static str,
    target: Value,
    actor: Value,
    context: Option<Value>,
}

impl Keep {
    /// Records an act that is not followed by anything.
    pub fn record(
        &self,
        who: &Who,
        action: &'static str,
        target: Value,
        details: Value,
    ) -> Result<Receipt, KeepError> {
        let event = json!({
            "action": action, "category": "admin_action", "outcome": "success",
            "actor": who.actor, "targets": [target], "details": details, "context": who.context,
        });
        Ok(self.store.append_system(&checked(event)?)?)
    }

    /// Records what is about to be done, durably.
    pub fn begin(
        &self,
        who: &Who,
        action: &'static str,
        target: Value,
        details: Value,
    ) -> Result<Begun, KeepError> {
        let event = json!({
            "action": action, "category": "admin_action", "outcome": "pending", "phase": "intent",
            "actor": who.actor, "targets": [target], "details": details, "context": who.context,
        });
        let receipt = self.store.append_system(&checked(event)?)?;
        let (actor, context) = (who.actor.clone(), who.context.clone());
        Ok(Begun { id: receipt.id, action, target, actor, context })
    }

    /// Records how it ended: well with these details, or with the error, which is given back.
    pub fn end<T>(
        &self,
        begun: Begun,
        result: Result<(T, Value), KeepError>,
    ) -> Result<T, KeepError> {
        let (outcome, details, error) = match &result {
            Ok((_, details)) => ("success", details.clone(), Value::Null),
            Err(e) => ("failure", json!({}), json!({"message": cut(&e.to_string())})),
        };
        let Begun { id, action, target, actor, context } = begun;
        let event = json!({
            "action": action, "category": "admin_action", "outcome": outcome, "phase": "outcome",
            "ref": id.to_string(), "actor": actor, "targets": [target], "details": details,
            "error": error, "context": context,
        });
        let recorded = checked(event).and_then(|event| Ok(self.store.append_system(&event)?));
        let (value, _) = result?;
        recorded.map(|_| value)
    }
}

impl Begun {
    /// What was begun in a process that has ended, to be ended by this one.
    pub fn of(intent: &KeptRecord, action: &'static str) -> Option<Begun> {
        let entry = intent.entry();
        let part = |part| intent.part(part).and_then(|b| serde_json::from_slice::<Value>(b).ok());
        let who = part(Part::Who).unwrap_or_default();
        let what = part(Part::What).unwrap_or_default();
        (entry.action == action).then(|| Begun {
            id: entry.id,
            action,
            target: what["targets"][0].clone(),
            actor: who["actor"].clone(),
            context: None,
        })
    }
}

/// The `details` of a record.
pub fn details(record: &KeptRecord) -> Value {
    let what = record.part(Part::What).and_then(|b| serde_json::from_slice::<Value>(b).ok());
    what.map(|mut what| what["details"].take()).unwrap_or_default()
}

/// The `actor` of a record.
pub fn actor(record: &KeptRecord) -> Value {
    let who = record.part(Part::Who).and_then(|b| serde_json::from_slice::<Value>(b).ok());
    who.map(|mut who| who["actor"].take()).unwrap_or_default()
}

/// A text cut to what is recorded of one.
pub fn cut(text: &str) -> &str {
    cut_to(text, crate::limits::TEXT_BYTES_MAX)
}

/// A text cut to so many bytes, between two letters.
pub fn cut_to(text: &str, bytes: usize) -> &str {
    let mut end = text.len().min(bytes);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

pub(crate) fn checked(mut event: Value) -> Result<Checked, KeepError> {
    let members = event.as_object_mut().expect("it was made as an object");
    members.retain(|_, value| !value.is_null());
    check(event.to_string().as_bytes()).map_err(|e| KeepError::Bad(e.to_string()))
}
