//! How things look in an answer.

use axum::http::header;
use axum::response::{IntoResponse, Response};
use indelible_event::{Micros, Part};
use indelible_index::search::{Alarm, Met, Record as _, Total};
use indelible_log::record::KeptPart;
use indelible_store::Found;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use utoipa::ToSchema;

use super::engine::Session;
use crate::problem::Problem;

/// An event with its place, in the very bytes that were hashed.
#[derive(Debug, Serialize, ToSchema)]
#[schema(value_type = Object)]
pub(crate) struct Event(Box<RawValue>);

impl Event {
    /// Splices it from the record's bytes.
    pub fn of(found: &Found) -> Result<Event, Problem> {
        Event::with(found, &Value::Null)
    }

    /// The same, of a record that has expired if there is something to tell of that.
    pub fn with(found: &Found, expired: &Value) -> Result<Event, Problem> {
        let json = String::from_utf8(view(found, expired));
        let json = json.ok().and_then(|json| RawValue::from_string(json).ok());
        // It hashed to its leaf, so this is what was recorded, and should never have been.
        let bad = || {
            let (trail, seq) = (&found.trail.name, found.record.seq.0);
            Problem::internal(format!("the record {trail}/{seq} is no JSON"))
        };
        json.map(Event).ok_or_else(bad)
    }

    /// All of these.
    pub fn all(records: &[Found]) -> Result<Vec<Event>, Problem> {
        records.iter().map(Event::of).collect()
    }

    /// Its JSON.
    pub fn json(&self) -> &str {
        self.0.get()
    }
}

/// An event's bytes as they are shown: those that were recorded, and behind them what of it is gone and why.
pub(super) fn view(found: &Found, expired: &Value) -> Vec<u8> {
    let mut view = found.record.view(found.trail.name.as_str());
    let gone = gone(&found.record.parts);
    if !gone.is_empty() {
        let (name, why) = match expired.is_null() {
            true => ("erased", json!(gone)),
            false => ("expired", expired.clone()),
        };
        view.pop();
        view.extend_from_slice(format!(",\"{name}\":{why}}}").as_bytes());
    }
    view
}

/// The names of the parts of which only the commitment is left.
pub(super) fn gone(parts: &[KeptPart; 3]) -> Vec<&'static str> {
    let of = |part: Part| matches!(parts[part as usize], KeptPart::Gone(_)).then(|| part.name());
    Part::ALL.into_iter().filter_map(of).collect()
}

/// A moment, as everywhere: `YYYY-MM-DDThh:mm:ss.ffffffZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub(super) struct Time(pub Micros);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

/// When an event happened; when it was recorded, where it does not say.
pub(super) fn at(found: &Found) -> Micros {
    let entry = found.doc().entry;
    entry.occurred_at.unwrap_or(entry.recorded_at)
}

/// How many there are.
#[derive(Clone, Copy, Debug, Serialize, ToSchema)]
pub(super) struct Count {
    /// So many.
    value: u64,
    /// `exact`, or `at_least` where there are more.
    relation: &'static str,
}

impl From<Total> for Count {
    fn from(total: Total) -> Count {
        Count { value: total.value, relation: if total.exact { "exact" } else { "at_least" } }
    }
}

/// A value and how often there is one.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct ValueCount {
    /// The value.
    pub value: String,
    /// How many events have it.
    pub count: u64,
}

impl ValueCount {
    /// These values.
    pub fn all(values: Vec<(String, u64)>) -> Vec<ValueCount> {
        values.into_iter().map(|(value, count)| ValueCount { value, count }).collect()
    }
}

/// Why an answer is not all there is. What is there is right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Incomplete {
    /// Which bound: `rows`, `time`, `bytes`, `correlations`, `sources`, `numbers`, `losses`, `damage` where something
    /// cannot be read, or `index` while that is being made.
    limit: &'static str,
    /// What to do about it.
    message: String,
}

impl Incomplete {
    /// What is missing from an answer, if something is.
    pub fn of(missing: u64, met: Option<Met>) -> Option<Incomplete> {
        if missing > 0 {
            // Not how many: they may be of anybody's trail.
            let message = "some records are being indexed, and cannot be found yet".to_owned();
            return Some(Incomplete { limit: "index", message });
        }
        met.map(|met| {
            let what = match met {
                Met::Rows => "as many records were looked at as one request may",
                Met::Bytes => "as many bytes were looked at as one request may",
                Met::Time => "the time of one request was over",
            };
            let message = format!("{what}; go on with the cursor, or narrow the question");
            Incomplete { limit: met.name(), message }
        })
    }

    /// More ids than are followed.
    pub fn correlations(max: usize) -> Incomplete {
        let message = format!("only {max} correlation ids are followed; narrow the time");
        Incomplete { limit: "correlations", message }
    }

    /// Not every number of every source was seen.
    pub fn gaps(limit: &'static str, why: &str) -> Incomplete {
        let message = format!("{why}: what looks missing may be there; narrow the time");
        Incomplete { limit, message }
    }

    /// Which bound.
    pub fn limit(&self) -> &'static str {
        self.limit
    }
}

/// A record that does not match its leaf, and is therefore not shown.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct AlarmShown {
    /// Its trail, as far as that is known.
    trail: Option<String>,
    /// Its place there, as far as that is known.
    seq: Option<u64>,
    /// What is wrong.
    message: String,
}

impl AlarmShown {
    /// These alarms. All are of trails that the caller may read.
    pub fn all(session: &Session<'_>, alarms: Vec<Alarm>) -> Vec<AlarmShown> {
        let shown = |alarm: Alarm| {
            tracing::error!(pos = alarm.pos, message = alarm.message, "a record is not shown");
            let trail = alarm.trail.and_then(|number| session.trail_name(number));
            let trail = trail.map(ToString::to_string);
            AlarmShown { trail, seq: alarm.seq, message: alarm.message }
        };
        alarms.into_iter().map(shown).collect()
    }
}

/// The bytes of an answer, made where it may take its time.
pub(super) fn bytes(answer: &impl Serialize) -> Result<Vec<u8>, Problem> {
    let bad = |e| Problem::internal(format!("the answer cannot be written: {e}"));
    serde_json::to_vec(answer).map_err(bad)
}

/// An answer of these bytes.
pub(super) fn json(body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}
