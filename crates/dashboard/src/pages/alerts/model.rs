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
    pub id: String,
    pub rule: Rule,
    pub state: String,
    pub group: BTreeMap<String, Value>,
    pub summary: Option<String>,
    pub count: u64,
    pub opened_at: String,
    pub first_at: Option<String>,
    pub last_at: Option<String>,
    pub assignee: Option<String>,
    pub acknowledged_at: Option<String>,
    pub acknowledged_by: Option<Value>,
    pub closed_at: Option<String>,
    pub closed_by: Option<Value>,
    pub escalated_at: Option<String>,
    pub event: Option<Place>,
    pub description: Option<String>,
    pub advice: Option<String>,
    pub query: Option<String>,
    pub events: Vec<Place>,
    pub history: Vec<Step>,
}

impl Alert {
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
    pub id: String,
    pub title: String,
    pub level: String,
}

/// An event that an alert is about.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Place {
    pub trail: String,
    pub seq: u64,
    pub id: String,
    pub at: Option<String>,
    pub action: Option<String>,
    pub actor: Option<Value>,
}

/// What somebody did with an alert, or the node with it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Step {
    pub at: String,
    pub action: String,
    pub by: Option<Value>,
    pub note: Option<String>,
}

/// How bad what a rule finds is, the worst first.
pub const LEVELS: [&str; 5] = ["critical", "high", "medium", "low", "informational"];
