//! An event as the API shows it, for those who read its members.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::repair::repair;

/// An event with its place. Members that a record does not have, or that were erased, are absent. Free JSON stays as
/// it was written, so that no number goes through a float.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    /// Its trail.
    pub trail: String,
    /// Its place there.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// When the node recorded it.
    pub recorded_at: String,
    /// When it happened, where the caller said so.
    pub occurred_at: Option<String>,
    /// What was done.
    pub action: String,
    /// What kind of event it is.
    pub category: Option<String>,
    /// How it ended.
    pub outcome: Option<String>,
    /// `intent`, `outcome` or `correction`.
    pub phase: Option<String>,
    /// The event that it belongs to.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The recorder process that sent it.
    pub source: Option<Source>,
    /// The credential that wrote it.
    pub recorded_by: Option<String>,
    /// Whom the credential was given to, where it says so.
    pub credential_subject: Option<String>,
    /// Who did it.
    pub actor: Option<Actor>,
    /// What it was done to; the first is the resource.
    pub targets: Vec<Target>,
    /// Whose data was touched.
    pub subjects: Vec<Target>,
    /// What it changed.
    pub changes: Option<Changes>,
    /// Whatever else.
    pub details: Option<Box<RawValue>>,
    /// What went wrong.
    pub error: Option<Error>,
    /// From where, and as part of what.
    pub context: Option<Context>,
}

/// Who did it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Actor {
    /// `user`, `service`, `system`, `agent` or `anonymous`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
    /// Its address.
    pub email: Option<String>,
    /// How it proved who it is.
    pub auth: Option<Auth>,
    /// For whom it acted.
    pub on_behalf_of: Option<Box<Actor>>,
}

/// How an actor proved who it is.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Auth {
    /// By what method.
    pub method: Option<String>,
    /// The token's id.
    pub token_id: Option<String>,
}

/// What something was done to, or whose data it was.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Target {
    /// Its type.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its id.
    pub id: Option<String>,
    /// Its name.
    pub name: Option<String>,
}

/// The state before and after. A `null` that was written is there.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Changes {
    /// Before.
    #[serde(deserialize_with = "written")]
    pub before: Option<Box<RawValue>>,
    /// After.
    #[serde(deserialize_with = "written")]
    pub after: Option<Box<RawValue>>,
}

fn written<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(from).map(Some)
}

/// What went wrong.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Error {
    /// For programs.
    pub code: Option<String>,
    /// For people.
    pub message: Option<String>,
}

/// From where, and as part of what.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Context {
    /// The address.
    pub ip: Option<String>,
    /// The client program.
    pub user_agent: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// What belongs together, across services.
    pub correlation_id: Option<String>,
    /// The session.
    pub session_id: Option<String>,
    /// The trace.
    pub trace_id: Option<String>,
    /// The span.
    pub span_id: Option<String>,
    /// The service that recorded it.
    pub service: Option<String>,
    /// The machine.
    pub host: Option<String>,
    /// The request, as HTTP.
    pub http: Option<Http>,
}

/// A request, as HTTP.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Http {
    /// Its method.
    pub method: Option<String>,
    /// Its path.
    pub path: Option<String>,
    /// The route it took.
    pub route: Option<String>,
    /// The answer's status.
    pub status: Option<u64>,
    /// How long it took, as written.
    pub duration_ms: Option<Box<RawValue>>,
}

/// The recorder process that sent it, and its own count.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Source {
    /// The process.
    pub id: Option<String>,
    /// Its own count.
    pub seq: Option<u64>,
}

impl Event {
    /// Reads one. A member that is not as it should be is left out, and takes nothing else with it. `None` if it is no
    /// JSON object at all.
    ///
    /// ```
    /// use indelible_connect::Event;
    ///
    /// let event = Event::read(r#"{"action":"file.read","actor":{"id":7,"name":[]},"targets":"?"}"#);
    /// let event = event.ok_or("no event")?;
    /// assert_eq!((&*event.action, event.targets.len()), ("file.read", 0));
    /// assert_eq!(event.actor.and_then(|actor| actor.id).as_deref(), Some("7"));
    /// # Ok::<(), &str>(())
    /// ```
    pub fn read(json: &str) -> Option<Event> {
        // An array would be read as the members in their order.
        if !json.trim_start().starts_with('{') {
            return None;
        }
        let read = |json: &str| serde_json::from_str(json).ok();
        read(json).or_else(|| read(&repair(json, &|json| read(json).is_some_and(|_: Event| true))?))
    }

    /// When it happened; when it was recorded, where it does not say.
    pub fn at(&self) -> &str {
        self.occurred_at.as_deref().unwrap_or(&self.recorded_at)
    }
}

#[cfg(test)]
#[path = "event_tests.rs"]
mod tests;
