//! The few members of an event's details that a sentence needs.

use serde::Deserialize;

use crate::Event;

/// What the node and the middleware put into the details of their own events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    /// The trails that were read.
    pub trails: Vec<String>,
    /// How many of the same followed the last that was recorded.
    pub since_last: Option<u64>,
    /// How many refused logins were only counted.
    pub suppressed: Option<u64>,
    /// How many events could not be recorded.
    pub lost: Option<u64>,
    /// The action that was not allowed.
    pub attempted: Option<String>,
}

impl Details {
    /// Those of an event, where they are as our own programs write them; others are left alone.
    pub fn of(event: &Event) -> Details {
        let ours = event.trail == super::own::TRAIL || event.action.ends_with(".denied");
        let raw = event.details.as_ref().filter(|_| ours);
        raw.and_then(|raw| serde_json::from_str(raw.get()).ok()).unwrap_or_default()
    }
}
