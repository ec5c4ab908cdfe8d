//! What an alert is.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_rules::model::EventText;
use indelible_rules::{EventRef, Level};
use serde::{Deserialize, Serialize};

use crate::limits::HISTORY_MAX;
use crate::moment;

/// What became of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nobody has it yet.
    Open,
    /// Somebody looks at it.
    Acknowledged,
    /// Somebody is done with it.
    Closed,
}

/// The rule that an alert is of, as it was then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertRule {
    /// Its id.
    pub id: Arc<str>,
    /// Its title.
    pub title: Arc<str>,
    /// How bad it is.
    pub level: Level,
}

/// An alert. Its JSON is what the API shows in lists.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alert {
    /// Its id: that of the event that opened it.
    pub id: EventText,
    /// The rule.
    pub rule: AlertRule,
    /// What became of it.
    pub state: State,
    /// The values that it is about, by the names of the rule.
    pub group: BTreeMap<Arc<str>, Arc<str>>,
    /// What it says, in a line.
    pub summary: Arc<str>,
    /// How often the rule fired.
    pub count: u64,
    /// When it was opened.
    #[serde(with = "moment")]
    pub opened_at: Micros,
    /// When the first of what it is about happened.
    #[serde(with = "moment")]
    pub first_at: Micros,
    /// When the last of it happened.
    #[serde(with = "moment")]
    pub last_at: Micros,
    /// Who has to see to it.
    pub assignee: Option<String>,
    /// When somebody acknowledged it.
    #[serde(with = "moment::maybe")]
    pub acknowledged_at: Option<Micros>,
    /// Who.
    pub acknowledged_by: Option<String>,
    /// When somebody closed it.
    #[serde(with = "moment::maybe")]
    pub closed_at: Option<Micros>,
    /// Who.
    pub closed_by: Option<String>,
    /// When it had waited for too long.
    #[serde(with = "moment::maybe")]
    pub escalated_at: Option<Micros>,
    /// The newest event that it is about.
    pub event: Option<EventRef>,
}

/// What lists do not show.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct More {
    /// What it means when the rule fires.
    pub description: Option<Arc<str>>,
    /// What to do then.
    pub advice: Option<Arc<str>>,
    /// What finds what it is about, in the query language.
    pub query: Arc<str>,
    /// Some of the events, the newest last.
    pub events: Vec<EventRef>,
    /// What was done, the oldest first; the newest so many.
    pub history: VecDeque<Step>,
}

/// Something that was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    #[serde(with = "moment")]
    pub at: Micros,
    /// What: an action of an event.
    pub action: Arc<str>,
    /// Who.
    pub by: Arc<str>,
    /// What they said; whom it was assigned to; which channel was told.
    pub note: Option<String>,
}

/// An alert with all there is. Its JSON is what the API shows of one; what its events were (`at`, `action`, `actor`) is
/// for those to add who can read them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertDetail {
    /// What lists show.
    #[serde(flatten)]
    pub alert: Alert,
    /// The rest.
    #[serde(flatten)]
    pub more: More,
}

impl Alert {
    /// Its id.
    pub fn id(&self) -> EventId {
        self.id.0
    }

    /// Whether it still counts up.
    pub fn is_live(&self) -> bool {
        self.state != State::Closed
    }
}

impl AlertDetail {
    pub(super) fn remember(&mut self, step: Step) {
        let history = &mut self.more.history;
        if history.len() >= HISTORY_MAX {
            // The first says why there is an alert at all.
            history.remove(1);
        }
        history.push_back(step);
    }
}
