//! What events of `_system` say of alerts.

use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_rules::EventRef;
use indelible_rules::model::EventText;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Alert, AlertDetail, AlertRule, Counted, More, State, Step};
use crate::moment;
use crate::seam::Deed;

/// Who does what the watch does.
const NODE: &str = "indelible";

/// An event about an alert.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    pub id: EventId,
    pub action: String,
    pub alert: EventId,
    pub at: Micros,
    pub by: String,
    pub details: Value,
}

/// The details of an `alert.open`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Opened {
    pub rule: AlertRule,
    /// SHA-256 of what the rule said, in hex.
    pub rule_digest: String,
    pub group: BTreeMap<Arc<str>, Arc<str>>,
    pub summary: Arc<str>,
    /// What is remarkable beside the group.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// How many events, or values, came together.
    pub found: u64,
    #[serde(with = "moment")]
    pub first_at: Micros,
    #[serde(with = "moment")]
    pub last_at: Micros,
    pub events: Vec<EventRef>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Arc<str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub advice: Option<Arc<str>>,
    pub query: Arc<str>,
}

/// The details of an `alert.repeat`.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Repeated {
    pub count: u64,
    #[serde(with = "moment")]
    pub first_at: Micros,
    #[serde(with = "moment")]
    pub last_at: Micros,
    pub events: Vec<EventRef>,
}

#[derive(Deserialize)]
struct Event<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    recorded_at: Cow<'a, str>,
    #[serde(borrow, default)]
    occurred_at: Option<Cow<'a, str>>,
    action: String,
    #[serde(default)]
    outcome: Option<String>,
    #[serde(default)]
    actor: Actor,
    #[serde(default)]
    targets: Vec<Target>,
    #[serde(default)]
    details: Value,
}

#[derive(Default, Deserialize)]
struct Actor {
    id: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

#[derive(Deserialize)]
struct Target {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default)]
    id: String,
}

impl Told {
    /// Reads an event as the API shows it; `None` if it is none about an alert, or tells of something that was not done.
    pub fn parse(json: &[u8]) -> Option<Told> {
        let event: Event<'_> = serde_json::from_slice(json).ok()?;
        if event.outcome.as_deref().is_some_and(|outcome| outcome != "success") {
            return None;
        }
        let id = EventId::parse(&event.id).ok()?;
        let alert = event.targets.iter().find(|target| target.kind == "alert");
        let alert = EventId::parse(&alert?.id).ok()?;
        let at = event.occurred_at.unwrap_or(event.recorded_at);
        let Actor { id: actor, name, email } = event.actor;
        let by = name.or(email).or(actor).unwrap_or_else(|| "somebody".into());
        let (action, details) = (event.action, event.details);
        Some(Told { id, action, alert, at: Micros::parse(&at).ok()?, by, details })
    }

    /// What will be read of a deed once it is recorded; `None` if it is about no alert.
    pub fn of(deed: &Deed) -> Option<Told> {
        let (_, alert) = deed.targets.iter().find(|(kind, _)| *kind == "alert")?;
        Some(Told {
            id: deed.id,
            action: deed.action.to_owned(),
            alert: EventId::parse(alert).ok()?,
            at: deed.occurred_at?,
            by: NODE.into(),
            details: deed.details.clone(),
        })
    }

    /// The alert that it opens.
    pub(super) fn opened(&self) -> Option<AlertDetail> {
        let opened = Opened::deserialize(&self.details).ok()?;
        let alert = Alert {
            id: EventText(self.id),
            rule: opened.rule,
            state: State::Open,
            group: opened.group,
            summary: opened.summary,
            count: 1,
            opened_at: self.at,
            first_at: opened.first_at,
            last_at: opened.last_at,
            assignee: None,
            acknowledged_at: None,
            acknowledged_by: None,
            closed_at: None,
            closed_by: None,
            escalated_at: None,
            event: opened.events.last().cloned(),
        };
        let more = More {
            description: opened.description,
            advice: opened.advice,
            query: opened.query,
            events: opened.events,
            history: VecDeque::from([self.step()]),
        };
        Some(AlertDetail { alert, more })
    }

    pub(super) fn repeated(&self) -> Option<Counted> {
        let Repeated { count, first_at, last_at, events } =
            Repeated::deserialize(&self.details).ok()?;
        Some(Counted { alert: self.alert, count, first_at, last_at, events })
    }

    /// What the alert's history says of it.
    pub(super) fn step(&self) -> Step {
        let note = match &*self.action {
            "alert.notify" => self.details["channel"].as_str().map(str::to_owned),
            "alert.repeat" => self.details["count"].as_u64().map(|count| count.to_string()),
            _ => None,
        };
        let (action, by) = (self.action.as_str().into(), self.by.as_str().into());
        Step { at: self.at, action, by, note }
    }
}
