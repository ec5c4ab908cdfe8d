//! What people do about an alert.

use indelible_event::{EventId, Micros};
use serde_json::{Value, json};

/// What somebody does about an alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// Looks at it.
    Acknowledge {
        /// What they say.
        note: Option<String>,
    },
    /// Says who has to see to it.
    Assign {
        /// Who.
        to: String,
    },
    /// Says something.
    Comment {
        /// What.
        note: String,
    },
    /// Is done with it.
    Close {
        /// What they say.
        note: Option<String>,
    },
}

/// That somebody did something about an alert, and that it is recorded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Which alert.
    pub alert: EventId,
    /// What.
    pub act: Act,
    /// Who.
    pub by: String,
    /// When.
    pub at: Micros,
}

/// What would become of an act.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Would {
    /// It would count: to be recorded.
    Count,
    /// It is so already: nothing to record.
    BeSo,
    /// The alert is closed.
    BeClosed,
    /// There is no such alert.
    BeUnknown,
}

impl Act {
    /// The action of its event, whose first target is `alert` and the alert's id.
    pub fn action(&self) -> &'static str {
        match self {
            Act::Acknowledge { .. } => "alert.acknowledge",
            Act::Assign { .. } => "alert.assign",
            Act::Comment { .. } => "alert.comment",
            Act::Close { .. } => "alert.close",
        }
    }

    /// The details of its event.
    pub fn details(&self) -> Value {
        match self {
            Act::Acknowledge { note: Some(note) }
            | Act::Close { note: Some(note) }
            | Act::Comment { note } => json!({"note": note}),
            Act::Acknowledge { note: None } | Act::Close { note: None } => json!({}),
            Act::Assign { to } => json!({"to": to}),
        }
    }

    /// The other way round; `None` for an action that is none of people's.
    pub(super) fn of(action: &str, details: &Value) -> Option<Act> {
        let text = |name: &str| details[name].as_str().map(str::to_owned);
        Some(match action {
            "alert.acknowledge" => Act::Acknowledge { note: text("note") },
            "alert.assign" => Act::Assign { to: text("to").unwrap_or_default() },
            "alert.comment" => Act::Comment { note: text("note").unwrap_or_default() },
            "alert.close" => Act::Close { note: text("note") },
            _ => return None,
        })
    }

    pub(super) fn note(&self) -> Option<String> {
        match self {
            Act::Acknowledge { note } | Act::Close { note } => note.clone(),
            Act::Assign { to } => Some(to.clone()),
            Act::Comment { note } => Some(note.clone()),
        }
    }
}
