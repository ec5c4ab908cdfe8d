//! What a receiver is told of an alert.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_rules::model::EventText;
use indelible_rules::{EventRef, Level};
use serde::Serialize;
use serde_json::to_value;

use super::AlertDetail;
use crate::moment;
use crate::seam::Deed;

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

impl Notification {
    pub(super) fn of(
        detail: &AlertDetail,
        channel: &Arc<str>,
        reason: Reason,
        public_url: Option<&str>,
    ) -> Notification {
        let AlertDetail { alert, more } = detail;
        let at = |node: &str| format!("{}/alerts/{}", node.trim_end_matches('/'), alert.id.0);
        Notification {
            alert: Some(alert.id),
            channel: Arc::clone(channel),
            reason,
            title: Arc::clone(&alert.rule.title),
            level: alert.rule.level,
            rule: Arc::clone(&alert.rule.id),
            summary: Arc::clone(&alert.summary),
            group: alert.group.clone(),
            count: alert.count,
            first_at: alert.first_at,
            last_at: alert.last_at,
            events: more.events.clone(),
            description: more.description.clone(),
            advice: more.advice.clone(),
            url: public_url.map(at),
        }
    }
}

/// A test of a channel: recorded, it is sent.
pub(crate) fn test_deed(
    channel: &Arc<str>,
    id: EventId,
    now: Micros,
    public_url: Option<&str>,
) -> Deed {
    let notification = Notification {
        alert: None,
        channel: Arc::clone(channel),
        reason: Reason::Test,
        title: "Test".into(),
        level: Level::Informational,
        rule: "indelible-test".into(),
        summary: "Test: alerts reach this channel".into(),
        group: BTreeMap::new(),
        count: 1,
        first_at: now,
        last_at: now,
        events: Vec::new(),
        description: Some("Somebody looks whether this channel is told of alerts.".into()),
        advice: Some("Nothing is to be done.".into()),
        url: public_url.map(|node| format!("{}/alerts", node.trim_end_matches('/'))),
    };
    Deed {
        id,
        action: "alert.notify",
        targets: vec![("channel", channel.to_string())],
        occurred_at: Some(now),
        details: to_value(&notification).expect("it has string keys only"),
    }
}
