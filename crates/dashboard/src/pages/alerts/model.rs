//! What the API says of alerts.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// Alerts, the newest first, and how many there are that nobody has closed.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Alerts {
    /// Those that nobody has looked at.
    pub open: u64,
    /// Those that somebody has in hand.
    pub acknowledged: u64,
    /// As many as were asked for.
    pub alerts: Vec<Alert>,
    /// Where the others begin.
    pub next: Option<String>,
}

/// An alert. What only its own page knows is empty in a list.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Alert {
    /// Its id.
    pub id: String,
    /// What found it.
    pub rule: Rule,
    /// `open`, `acknowledged` or `closed`.
    pub state: String,
    /// What it is about, by the names of fields.
    pub group: BTreeMap<String, Value>,
    /// The same in a line.
    pub summary: Option<String>,
    /// How often the rule fired.
    pub count: u64,
    /// When it was opened.
    pub opened_at: String,
    /// When the first of it happened.
    pub first_at: Option<String>,
    /// When the last of it did.
    pub last_at: Option<String>,
    /// Who is to see to it.
    pub assignee: Option<String>,
    /// When somebody said that they look at it.
    pub acknowledged_at: Option<String>,
    /// Who.
    pub acknowledged_by: Option<Value>,
    /// When somebody was done with it.
    pub closed_at: Option<String>,
    /// Who.
    pub closed_by: Option<Value>,
    /// When it had waited for too long.
    pub escalated_at: Option<String>,
    /// The newest event that it is about.
    pub event: Option<Place>,
    /// What it means.
    pub description: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// What finds all of it.
    pub query: Option<String>,
    /// Some of the events.
    pub events: Vec<Place>,
    /// What was done, the oldest first.
    pub history: Vec<Step>,
}

impl Alert {
    /// What it says beside the title of its rule.
    pub fn says(&self) -> Option<&str> {
        self.summary.as_deref().filter(|says| *says != self.rule.title)
    }

    /// Whether nothing more can be done with it.
    pub fn is_closed(&self) -> bool {
        self.state == "closed"
    }

    /// Whether nobody has said that they look at it.
    pub fn is_open(&self) -> bool {
        self.state == "open"
    }
}

/// The rule that fired.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// How bad it is.
    pub level: String,
}

/// An event that an alert is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    /// Its trail.
    pub trail: String,
    /// Its place there.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// When it happened.
    pub at: Option<String>,
    /// What was done.
    pub action: Option<String>,
    /// Who did it.
    pub actor: Option<Value>,
}

/// What somebody did with an alert, or the node with it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    /// When.
    pub at: String,
    /// What: the action of its event.
    pub action: String,
    /// Who.
    pub by: Option<Value>,
    /// What they said; whom it was assigned to; which channel was told.
    pub note: Option<String>,
}

/// How bad what a rule finds is, the worst first.
pub const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "informational"];
