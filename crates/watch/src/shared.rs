//! A watch that runs, to be looked at and asked.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indelible_event::{EventId, Micros};
use indelible_rules::{Level, Origin, Refused, Rule, RuleSet};
use serde::Serialize;

use crate::book::{self, Act, AlertDetail, AlertFilter, BadCursor, Book, Heard, Listed, Would};
use crate::folder::Folder;
use crate::limits::CLOSED_MAX;
use crate::seam::Deed;

/// What others see of it. Cheap to ask; nothing of it waits for the watch.
pub struct Shared {
    held: Mutex<Held>,
    /// Channels whose streams run: those of the settings at the start.
    channels: Vec<Arc<str>>,
    /// Where people reach the node.
    public_url: Option<String>,
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

/// What is loaded.
pub(crate) struct Loaded {
    pub folder: Arc<Folder>,
    pub rules: Arc<RuleSet>,
    /// SHA-256 over all of it, in hex.
    pub digest: String,
    pub at: Micros,
}

/// How the watch does.
#[derive(Default)]
pub(crate) struct Progress {
    /// Everything before it was looked at.
    pub next: u64,
    pub late: u64,
    /// By the rules' numbers.
    pub stats: Vec<RuleStats>,
    /// Firings since the node started, also of rules that are gone.
    pub fired: u64,
}

/// What is wrong, by what it is about: each is there until it is put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum About {
    /// The node cannot be read, or cannot write.
    Node,
    /// The folder cannot be read.
    Folder,
    /// Channels of the settings do not run.
    Channels,
    /// A fault of this program.
    Fault,
    /// Where it was is not known any more.
    Begun,
    /// How far it is cannot be written down.
    State,
}

struct Held {
    loaded: Arc<Loaded>,
    progress: Progress,
    book: Book,
    troubles: BTreeMap<About, String>,
}

impl Shared {
    pub(crate) fn new(loaded: Arc<Loaded>, public_url: Option<String>) -> Shared {
        let channels = loaded.folder.settings.channels.iter();
        let channels = channels.map(|channel| Arc::clone(&channel.name)).collect();
        let (progress, book) = (Progress::default(), Book::new(CLOSED_MAX));
        let held = Held { loaded, progress, book, troubles: BTreeMap::new() };
        Shared { held: Mutex::new(held), channels, public_url }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change of it is whole by itself.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is loaded, with the log ending there; without the rules' texts.
    pub fn rules(&self, end: u64) -> RulesView {
        let held = self.held();
        let (loaded, progress) = (&held.loaded, &held.progress);
        let set = &loaded.rules;
        let stats = |at: usize| progress.stats.get(at).copied().unwrap_or_default();
        let rules = set.rules.iter().enumerate().map(|(at, rule)| rule_view(rule, stats(at)));
        RulesView {
            loaded: set.rules.len(),
            refused: set.refused.clone(),
            loaded_at: loaded.at,
            digest: loaded.digest.clone(),
            folder: loaded.folder.path.as_ref().map(|path| path.display().to_string()),
            late: progress.late,
            behind: end.saturating_sub(progress.next),
            rules: rules.collect(),
        }
    }

    /// One rule by its id, with its text.
    pub fn rule(&self, id: &str) -> Option<RuleView> {
        let held = self.held();
        let rules = &held.loaded.rules.rules;
        let at = rules.iter().position(|rule| *rule.id == *id)?;
        let stats = held.progress.stats.get(at).copied().unwrap_or_default();
        Some(RuleView { text: Some(Arc::clone(&rules[at].text)), ..rule_view(&rules[at], stats) })
    }

    /// What is loaded, for a backtest: the rules, and the folder with its own mappings and settings.
    pub fn loaded(&self) -> (Arc<RuleSet>, Arc<Folder>) {
        let held = self.held();
        (Arc::clone(&held.loaded.rules), Arc::clone(&held.loaded.folder))
    }

    /// Alerts, newest first, at most so many, behind the one that a cursor stands for. `Err` for a cursor that is none.
    pub fn alerts(
        &self,
        filter: &AlertFilter,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Listed, BadCursor> {
        self.held().book.list(filter, cursor, limit)
    }

    /// One alert.
    pub fn alert(&self, id: EventId) -> Option<AlertDetail> {
        self.held().book.get(id).cloned()
    }

    /// Alerts that were opened within a time, newest first: for reviews.
    pub fn opened(&self, from: Micros, to: Micros) -> Vec<AlertDetail> {
        self.held().book.opened(from, to)
    }

    /// What would become of an act: to be asked before it is recorded.
    pub fn would(&self, alert: EventId, act: &Act) -> Would {
        self.held().book.would(alert, act)
    }

    /// Somebody did something, and it is recorded. The alert as it is now.
    pub fn heard(&self, heard: &Heard) -> Option<AlertDetail> {
        self.held().book.heard(heard).cloned()
    }

    /// A test of a channel, to be recorded: that sends it. `None` if no such channel runs.
    pub fn test(&self, channel: &str, id: EventId, now: Micros) -> Option<Deed> {
        let channel = self.channels.iter().find(|name| ***name == *channel)?;
        Some(book::test_deed(channel, id, now, self.public_url.as_deref()))
    }

    /// How it is, with the log ending there.
    pub fn status(&self, end: u64) -> WatchStatus {
        let held = self.held();
        let rules = &held.loaded.rules;
        let troubles: Vec<&str> = held.troubles.values().map(String::as_str).collect();
        WatchStatus {
            rules: rules.rules.len(),
            refused: rules.refused.len(),
            behind: end.saturating_sub(held.progress.next),
            open_alerts: held.book.counts().0,
            trouble: (!troubles.is_empty()).then(|| troubles.join("; ")),
        }
    }

    /// How often rules fired since the node started.
    pub fn fired(&self) -> u64 {
        self.held().progress.fired
    }

    pub(crate) fn load(&self, loaded: Arc<Loaded>) {
        self.held().loaded = loaded;
    }

    pub(crate) fn progress(&self, progress: Progress) {
        self.held().progress = progress;
    }

    /// Changes what people look at.
    pub(crate) fn book<T>(&self, change: impl FnOnce(&mut Book) -> T) -> T {
        change(&mut self.held().book)
    }

    pub(crate) fn trouble(&self, about: About, why: Option<String>) {
        let mut held = self.held();
        match why {
            Some(why) => held.troubles.insert(about, why),
            None => held.troubles.remove(&about),
        };
    }
}

fn rule_view(rule: &Rule, stats: RuleStats) -> RuleView {
    RuleView {
        id: Arc::clone(&rule.id),
        name: rule.name.clone(),
        title: Arc::clone(&rule.title),
        level: rule.level,
        kind: rule.kind.name(),
        file: Arc::clone(&rule.file),
        from: rule.origin,
        description: rule.description.clone(),
        advice: rule.advice.clone(),
        tags: rule.tags.clone(),
        alerts: rule.alerts,
        stats,
        text: None,
    }
}
