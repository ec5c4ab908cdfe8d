//! A watch that runs, to be looked at and asked.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indelible_event::{EventId, Micros};
use indelible_rules::{Level, Origin, Refused, RuleSet};
use serde::Serialize;

use crate::book::{Act, AlertDetail, Book, Heard, Listed, State, Would};
use crate::folder::Folder;
use crate::seam::Deed;

/// What others see of it. Cheap to ask; nothing of it waits for the watch.
pub struct Shared {
    held: Mutex<Held>,
}

/// What is loaded, in the form of `GET /api/rules`.
#[derive(Clone, Debug, Serialize)]
pub struct RulesView {
    /// How many rules.
    pub loaded: usize,
    /// What is not loaded, and why.
    pub refused: Vec<Refused>,
    /// When they were loaded.
    #[serde(with = "crate::moment")]
    pub loaded_at: Micros,
    /// SHA-256 over all of them, in hex.
    pub digest: String,
    /// Where the folder is.
    pub folder: Option<String>,
    /// Events that came too late for windows.
    pub late: u64,
    /// Records that were not looked at yet.
    pub behind: u64,
    /// The rules.
    pub rules: Vec<RuleView>,
}

/// A rule, in the form of the API.
#[derive(Clone, Debug, Serialize)]
pub struct RuleView {
    /// Its id.
    pub id: Arc<str>,
    /// What correlations call it.
    pub name: Option<Arc<str>>,
    /// Its title.
    pub title: Arc<str>,
    /// How bad it is when it fires.
    pub level: Level,
    /// What it looks for.
    pub kind: &'static str,
    /// Its file.
    pub file: Arc<str>,
    /// Whether that is in the pack or in the folder.
    pub from: Origin,
    /// What it means.
    pub description: Option<Arc<str>>,
    /// What to do.
    pub advice: Option<Arc<str>>,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// Whether it gives alerts by itself.
    pub alerts: bool,
    /// How it did.
    #[serde(flatten)]
    pub stats: RuleStats,
    /// Its YAML, where one rule is asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<Arc<str>>,
}

/// How a rule did since the node started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleStats {
    /// Events that it matched.
    pub matched: u64,
    /// How often it fired.
    pub fired: u64,
    /// When it last did.
    #[serde(with = "crate::moment::maybe")]
    pub last_fired_at: Option<Micros>,
    /// What an event costs on average, in nanoseconds.
    pub nanos: u64,
    /// Groups that it keeps.
    pub groups: u64,
    /// Groups that it had to forget.
    pub groups_dropped: u64,
}

/// Which alerts are asked for. All of it must hold.
#[derive(Clone, Debug, Default)]
pub struct AlertFilter {
    /// In this state.
    pub state: Option<State>,
    /// Of the rule with this id or title.
    pub rule: Option<String>,
    /// This bad, and no other.
    pub level: Option<Level>,
    /// With whom.
    pub assignee: Option<String>,
}

/// How the watch is, in the form of `/api/status`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct WatchStatus {
    /// Rules that are loaded.
    pub rules: usize,
    /// What is not.
    pub refused: usize,
    /// Records that were not looked at yet.
    pub behind: u64,
    /// Alerts that nobody has acknowledged.
    pub open_alerts: usize,
    /// What is wrong.
    pub trouble: Option<String>,
}

pub(crate) struct Held {
    book: Book,
}

impl Shared {
    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change of it is whole by itself.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is loaded, with the log ending there; without the rules' texts.
    pub fn rules(&self, end: u64) -> RulesView {
        todo!()
    }

    /// One rule by its id, with its text.
    pub fn rule(&self, id: &str) -> Option<RuleView> {
        todo!()
    }

    /// What is loaded, for a backtest: the rules, and the folder with its own mappings and settings.
    pub fn loaded(&self) -> (Arc<RuleSet>, Arc<Folder>) {
        todo!()
    }

    /// Alerts, newest first, at most so many, behind the one that a cursor stands for. `Err` for a cursor that is none.
    pub fn alerts(
        &self,
        filter: &AlertFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listed, BadCursor> {
        todo!()
    }

    /// One alert.
    pub fn alert(&self, id: EventId) -> Option<AlertDetail> {
        todo!()
    }

    /// Alerts that were opened within a time, newest first: for reviews.
    pub fn opened(&self, from: Micros, to: Micros) -> Vec<AlertDetail> {
        todo!()
    }

    /// What would become of an act: to be asked before it is recorded.
    pub fn would(&self, alert: EventId, act: &Act) -> Would {
        todo!()
    }

    /// Somebody did something, and it is recorded. The alert as it is now.
    pub fn heard(&self, heard: &Heard) -> Option<AlertDetail> {
        todo!()
    }

    /// A test of a channel, to be recorded: that sends it. `None` if no such channel runs.
    pub fn test(&self, channel: &str, id: EventId, now: Micros) -> Option<Deed> {
        todo!()
    }

    /// How it is, with the log ending there.
    pub fn status(&self, end: u64) -> WatchStatus {
        todo!()
    }

    /// How often rules fired since the node started.
    pub fn fired(&self) -> u64 {
        todo!()
    }
}

/// A cursor that no answer gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this cursor is not one of ours; leave it out to begin at the newest alert")]
pub struct BadCursor;
