//! Recording into memory, for tests.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use indelible_event::EventId;
use serde_json::Value;

use crate::transport::{Receipt, SendError, Sent, Transport};

/// An event that was recorded in memory.
#[derive(Clone, Debug, PartialEq)]
pub struct Recorded(Value);

pub(crate) type Events = Arc<Mutex<Kept>>;

#[derive(Debug, Default)]
pub(crate) struct Kept {
    events: Vec<Recorded>,
    ids: HashSet<EventId>,
}

struct Memory(Events);

pub(crate) fn transport() -> (impl Transport, Events) {
    let events = Events::default();
    (Memory(events.clone()), events)
}

pub(crate) fn all(events: &Events) -> Vec<Recorded> {
    events.lock().unwrap_or_else(PoisonError::into_inner).events.clone()
}

impl Transport for Memory {
    fn destination(&self) -> String {
        "memory".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut keep = |json: &&[u8]| {
            let event: Value = match serde_json::from_slice(json) {
                Ok(event) => event,
                Err(error) => return Sent::Refused(error.to_string()),
            };
            let text = |name: &str| event.get(name).and_then(Value::as_str);
            let Some(id) = text("id").and_then(|id| EventId::parse(id).ok()) else {
                return Sent::Refused("it has no id".into());
            };
            let trail = text("trail").unwrap_or("default").to_owned();
            if kept.ids.insert(id) {
                kept.events.push(Recorded(event));
            }
            Sent::Kept(Receipt { id, trail, seq: None, leaf: None })
        };
        Ok(events.iter().map(&mut keep).collect())
    }
}

impl Recorded {
    /// Its action.
    pub fn action(&self) -> &str {
        self.0.get("action").and_then(Value::as_str).unwrap_or_default()
    }

    /// What is at this path, such as `actor.id`, `targets.0.id` or `details.store_id`.
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// recorder.record(Event::new("backup.delete").target("backup", "b-17"));
    /// assert_eq!(recorder.events()[0].get("targets.0.id"), Some("b-17".into()));
    /// ```
    pub fn get(&self, path: &str) -> Option<Value> {
        let mut value = &self.0;
        for name in path.split('.') {
            value = match value {
                Value::Array(items) => items.get(name.parse::<usize>().ok()?)?,
                other => other.get(name)?,
            };
        }
        Some(value.clone())
    }

    /// The whole event.
    pub fn json(&self) -> &Value {
        &self.0
    }

    /// Whether it has this value there; for [`assert_recorded!`](crate::assert_recorded), which knows short names.
    #[doc(hidden)]
    pub fn has(&self, name: &str, wanted: &Value) -> bool {
        let path = match name {
            "actor" | "user" | "user_id" => "actor.id",
            "event_type" => "category",
            "status" => "outcome",
            "resource_type" => "targets.0.type",
            "resource_id" => "targets.0.id",
            "correlation_id" => "context.correlation_id",
            "tenant_id" => "trail",
            "target" | "resource" => {
                let part = |path| self.get(path).and_then(|v| v.as_str().map(str::to_owned));
                let whole = part("targets.0.type").zip(part("targets.0.id"));
                return whole.is_some_and(|(kind, id)| *wanted == format!("{kind}/{id}"));
            }
            path => path,
        };
        self.get(path).is_some_and(|found| found == *wanted)
    }
}

/// Asserts that a recorder in memory has an event with all of these values; fails with what it has instead. Names
/// are paths (`"details.store_id"`, in quotes if they have dots) or the short ones: `action`, `outcome`, `actor`,
/// `category`, `target` (`type/id`), `resource_type`, `resource_id`, `correlation_id`.
///
/// ```
/// use indelible_recorder::{Event, Outcome, Recorder, assert_recorded};
///
/// let recorder = Recorder::memory();
/// recorder.record(Event::new("user.update").actor("maria").outcome(Outcome::Success).detail("age", 7));
/// assert_recorded!(recorder, action = "user.update", outcome = "success", "details.age" = 7);
/// ```
#[macro_export]
macro_rules! assert_recorded {
    ($recorder:expr $(, $name:tt = $value:expr)+ $(,)?) => {{
        let wanted = [$(($crate::__name!($name), $crate::__private::json($value))),+];
        $crate::__private::assert_recorded(&$recorder, &wanted);
    }};
}

#[doc(hidden)]
#[macro_export]
macro_rules! __name {
    ($name:ident) => {
        stringify!($name)
    };
    ($name:literal) => {
        $name
    };
}

#[doc(hidden)]
pub mod __private {
    use serde_json::Value;

    pub fn json(value: impl serde::Serialize) -> Value {
        serde_json::to_value(value).expect("what is compared with serialises")
    }

    #[track_caller]
    pub fn assert_recorded(recorder: &crate::Recorder, wanted: &[(&str, Value)]) {
        let events = recorder.events();
        if events.iter().any(|event| wanted.iter().all(|(name, value)| event.has(name, value))) {
            return;
        }
        let wanted: Vec<_> =
            wanted.iter().map(|(name, value)| format!("{name} = {value}")).collect();
        let events: Vec<_> = events.iter().map(|event| format!("\n  {}", event.json())).collect();
        panic!(
            "no event with {} was recorded; there are {}:{}",
            wanted.join(", "),
            events.len(),
            events.concat()
        );
    }
}
