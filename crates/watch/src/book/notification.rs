//! What a receiver is told of an alert.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::Micros;
use indelible_rules::model::EventText;
use indelible_rules::{EventRef, Level};
use serde::Serialize;

use crate::moment;

/// Why a receiver is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Reason {
    /// An alert was opened.
    Open,
    /// It fired again.
    Repeat,
    /// Quiet hours have ended.
    QuietEnd,
    /// Nobody acknowledged it in time.
    Escalate,
    /// Somebody looks whether the receiver gets anything.
    Test,
}

/// The details of an `alert.notify`: all that a receiver needs to show it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Notification {
    /// The alert; `None` for a test.
    pub alert: Option<EventText>,
    /// The channel.
    pub channel: Arc<str>,
    /// Why.
    pub reason: Reason,
    /// The rule's title.
    pub title: Arc<str>,
    /// How bad it is.
    pub level: Level,
    /// The rule's id.
    pub rule: Arc<str>,
    /// What it says, in a line.
    pub summary: Arc<str>,
    /// The values that it is about.
    pub group: BTreeMap<Arc<str>, Arc<str>>,
    /// How often it fired.
    pub count: u64,
    /// When the first of what it is about happened.
    #[serde(with = "moment")]
    pub first_at: Micros,
    /// When the last of it happened.
    #[serde(with = "moment")]
    pub last_at: Micros,
    /// Some of the events, the newest last.
    pub events: Vec<EventRef>,
    /// What it means.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub advice: Option<Arc<str>>,
    /// Where to look at it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
}
