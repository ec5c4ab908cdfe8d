//! Alerts, and what became of them.
//!
//! A [`Book`] is folded from what `_system` tells: the same events give the same book. There are two of them. One is what
//! people look at: up to date with all that was ever recorded. The other is what is decided by (the `Decider`), and
//! is as of the watch's place: an acknowledgement counts there once the watch has come past its record, so that a watch
//! that goes on from an earlier place decides the same again.

mod act;
mod alert;
mod care;
mod decide;
mod list;
mod notification;
mod told;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_rules::EventRef;
use indelible_rules::limits::EXAMPLES_MAX;

pub use act::{Act, Heard, Would};
pub use alert::{Alert, AlertDetail, AlertRule, More, State, Step};
pub(crate) use decide::{Context, Decider, Saved};
pub use list::{AlertFilter, BadCursor, Listed};
pub(crate) use notification::test_deed;
pub use notification::{Notification, Reason};
pub(crate) use told::Told;

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

/// Which alert counts up.
type Key = (Arc<str>, BTreeMap<Arc<str>, Arc<str>>);

/// Alerts.
#[derive(Clone, Debug, Default)]
pub struct Book {
    alerts: BTreeMap<EventId, AlertDetail>,
    /// Those that are not closed.
    live: BTreeMap<Key, EventId>,
    /// How many of a rule are not closed.
    live_of: BTreeMap<Arc<str>, usize>,
    /// All of them, by when they were opened.
    order: BTreeSet<(Micros, EventId)>,
    /// Those that are closed, the one that was closed first in front.
    closed: VecDeque<EventId>,
    /// How many closed ones are kept.
    closed_max: usize,
}

/// How far an alert has counted.
#[derive(Clone, Debug)]
pub(crate) struct Counted {
    pub alert: EventId,
    pub count: u64,
    pub first_at: Micros,
    pub last_at: Micros,
    pub events: Vec<EventRef>,
}

impl Book {
    /// An empty one that keeps so many closed alerts.
    pub fn new(closed_max: usize) -> Book {
        Book { closed_max, ..Book::default() }
    }

    /// Takes in what is recorded. What it knows already changes nothing.
    pub(crate) fn apply(&mut self, told: &Told) {
        if told.action == "alert.open" {
            if let Some(detail) = told.opened() {
                self.insert(detail);
            }
            return;
        }
        if let Some(act) = Act::of(&told.action, &told.details) {
            let (alert, by, at) = (told.alert, told.by.clone(), told.at);
            self.heard(&Heard { alert, act, by, at });
            return;
        }
        let Some(detail) = self.alerts.get_mut(&told.alert) else { return };
        let step = told.step();
        if detail.more.history.contains(&step) {
            return;
        }
        match &*told.action {
            "alert.repeat" => told.repeated().into_iter().for_each(|counted| detail.count(counted)),
            "alert.escalate" => detail.alert.escalated_at = Some(told.at),
            _ => {}
        }
        detail.remember(step);
    }

    pub(crate) fn insert(&mut self, detail: AlertDetail) {
        let (id, alert) = (detail.alert.id(), &detail.alert);
        if self.alerts.contains_key(&id) {
            return;
        }
        self.order.insert((alert.opened_at, id));
        if alert.is_live() {
            self.live.insert((Arc::clone(&alert.rule.id), alert.group.clone()), id);
            *self.live_of.entry(Arc::clone(&alert.rule.id)).or_default() += 1;
        } else {
            self.closed.push_back(id);
        }
        self.alerts.insert(id, detail);
        self.forget();
    }

    /// Somebody did something. What makes no sense by now changes nothing.
    pub fn heard(&mut self, heard: &Heard) -> Option<&AlertDetail> {
        if self.would(heard.alert, &heard.act) != Would::Count {
            return self.alerts.get(&heard.alert);
        }
        let detail = self.alerts.get_mut(&heard.alert)?;
        let action: Arc<str> = heard.act.action().into();
        let (by, note) = (heard.by.as_str().into(), heard.act.note());
        let step = Step { at: heard.at, action, by, note };
        if detail.more.history.contains(&step) {
            return self.alerts.get(&heard.alert);
        }
        let alert = &mut detail.alert;
        let (at, by) = (Some(heard.at), Some(heard.by.clone()));
        match &heard.act {
            Act::Acknowledge { .. } => {
                alert.state = State::Acknowledged;
                (alert.acknowledged_at, alert.acknowledged_by) = (at, by);
            }
            Act::Assign { to } => alert.assignee = Some(to.clone()),
            Act::Comment { .. } => {}
            Act::Close { .. } => {
                alert.state = State::Closed;
                (alert.closed_at, alert.closed_by) = (at, by);
            }
        }
        let closed = !alert.is_live();
        detail.remember(step);
        if closed {
            self.close(heard.alert);
        }
        self.alerts.get(&heard.alert)
    }

    /// What would become of it.
    pub fn would(&self, alert: EventId, act: &Act) -> Would {
        let Some(AlertDetail { alert, .. }) = self.alerts.get(&alert) else {
            return Would::BeUnknown;
        };
        match act {
            Act::Close { .. } if !alert.is_live() => Would::BeSo,
            _ if !alert.is_live() => Would::BeClosed,
            Act::Acknowledge { .. } if alert.state == State::Acknowledged => Would::BeSo,
            Act::Assign { to } if alert.assignee.as_ref() == Some(to) => Would::BeSo,
            _ => Would::Count,
        }
    }

    /// An alert.
    pub fn get(&self, id: EventId) -> Option<&AlertDetail> {
        self.alerts.get(&id)
    }

    /// How far alerts have counted: between the times at which that is recorded.
    pub(crate) fn counted(&mut self, counted: Counted) {
        if let Some(detail) = self.alerts.get_mut(&counted.alert) {
            detail.count(counted);
        }
    }

    fn close(&mut self, id: EventId) {
        let Some(AlertDetail { alert, .. }) = self.alerts.get(&id) else { return };
        let key = (Arc::clone(&alert.rule.id), alert.group.clone());
        if self.live.get(&key) == Some(&id) {
            self.live.remove(&key);
        }
        if let Some(of) = self.live_of.get_mut(&key.0) {
            *of -= 1;
            if *of == 0 {
                self.live_of.remove(&key.0);
            }
        }
        self.closed.push_back(id);
        self.forget();
    }

    fn forget(&mut self) {
        while self.closed.len() > self.closed_max {
            let gone = self.closed.pop_front().and_then(|id| self.alerts.remove(&id));
            if let Some(AlertDetail { alert, .. }) = gone {
                self.order.remove(&(alert.opened_at, alert.id()));
            }
        }
    }
}

impl AlertDetail {
    fn count(&mut self, counted: Counted) {
        let alert = &mut self.alert;
        alert.count = alert.count.max(counted.count);
        alert.first_at = alert.first_at.min(counted.first_at);
        alert.last_at = alert.last_at.max(counted.last_at);
        self.saw(counted.events);
    }

    /// Keeps the newest events.
    fn saw(&mut self, events: Vec<EventRef>) {
        let kept = &mut self.more.events;
        for event in events {
            if !kept.contains(&event) {
                kept.push(event);
            }
        }
        let too_many = kept.len().saturating_sub(EXAMPLES_MAX);
        kept.drain(..too_many);
        self.alert.event = kept.last().cloned();
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
