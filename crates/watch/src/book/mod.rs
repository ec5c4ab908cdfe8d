//! Alerts, and what became of them.

mod act;
mod alert;
mod notification;

pub use act::{Act, Heard, Would};
pub use alert::{Alert, AlertDetail, AlertRule, More, State, Step};
pub use notification::{Notification, Reason};
use serde::Serialize;

/// What `_system` tells of alerts: what a book is folded from.
pub const ALERT_ACTIONS: [&str; 8] = [
    "alert.open",
    "alert.repeat",
    "alert.notify",
    "alert.escalate",
    "alert.acknowledge",
    "alert.assign",
    "alert.comment",
    "alert.close",
];

/// Some alerts, in the form of the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Listed {
    /// Alerts that nobody has acknowledged.
    pub open: usize,
    /// Alerts that somebody looks at.
    pub acknowledged: usize,
    /// Those that were asked for.
    pub alerts: Vec<Alert>,
    /// What to ask for next.
    pub next: Option<String>,
}

/// All alerts.
#[derive(Clone, Debug, Default)]
pub struct Book {}
