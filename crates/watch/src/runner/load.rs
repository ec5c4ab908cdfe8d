//! What is loaded: at the start, and when the folder has changed.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_log::{hex, sha256};
use indelible_rules::{Refused, RuleSet};
use serde::Deserialize;
use serde_json::{Value, json};

use super::head::SystemEvent;
use crate::folder::{Folder, Stamp};
use crate::limits::{CHANGED_NAMED_MAX, NAMED_BYTES_MAX, REFUSED_NAMED_MAX};
use crate::seam::{Deed, Found};
use crate::settings::Settings;
use crate::shared::Loaded;

/// The event that tells what was loaded.
pub(super) const LOAD: &str = "rules.load";

/// What the settings are called among what is loaded.
const SETTINGS: &str = "watch.yaml";

/// What is loaded, and what of it runs.
pub(super) struct Loading {
    pub loaded: Arc<Loaded>,
    /// The settings with those channels whose streams run.
    pub settings: Settings,
    /// Streams that run: name and how it is described.
    running: BTreeMap<Arc<str>, String>,
    /// How the folder looked when it was last read, or tried to be.
    tried: Stamp,
}

/// The rules that were loaded: ids and digests.
pub(super) type Known = BTreeMap<String, String>;

impl Loading {
    /// What the folder says at the start: its channels run.
    pub fn first(folder: Folder, now: Micros) -> Loading {
        let (running, tried) = (streams(&folder.settings), folder.stamp.clone());
        let settings = folder.settings.clone();
        Loading { loaded: Arc::new(loaded(folder, now)), settings, running, tried }
    }

    /// What the folder says by now; `None` if it has not changed. `Err` if it cannot be read.
    pub fn look(&mut self, now: Micros) -> Option<Result<Arc<Loaded>, String>> {
        let folder = &self.loaded.folder;
        let stamp = folder.look()?;
        if stamp == self.tried {
            return None;
        }
        // What cannot be read is not tried again until it changes.
        self.tried = stamp;
        let read = folder.read_again().map_err(|e| format!("the rules before go on: {e}"));
        Some(read.map(|folder| Arc::new(loaded(folder, now))))
    }

    /// What was read could not be gone on with now: it is read again at the next look.
    pub fn retry(&mut self) {
        self.tried = Stamp::default();
    }

    /// Goes on with this.
    pub fn take(&mut self, loaded: Arc<Loaded>) {
        self.settings = loaded.folder.settings.clone();
        self.settings.channels.retain(|channel| self.running.contains_key(&channel.name));
        self.loaded = loaded;
    }

    /// What of the folder's channels does not run as it says.
    pub fn other_channels(&self) -> Option<String> {
        let wanted = streams(&self.loaded.folder.settings);
        let missing = wanted.iter().filter(|(name, how)| self.running.get(*name) != Some(how));
        let left = self.running.keys().filter(|name| !wanted.contains_key(*name));
        let names: Vec<&str> =
            missing.map(|(name, _)| name).chain(left).map(|name| &**name).collect();
        (!names.is_empty()).then(|| {
            format!(
                "channels have changed ({}): where they send counts when the node is started again",
                names.join(", ")
            )
        })
    }

    /// The ids and digests of what is loaded.
    pub fn known(&self) -> Known {
        known(&self.loaded.rules, &self.loaded.folder.settings_digest)
    }

    /// The record of what is loaded, behind the one before.
    pub fn deed(&self, before: Option<&Known>, last: Option<&LastLoad>) -> Deed {
        let Loaded { folder, rules, digest, .. } = &*self.loaded;
        let now = self.known();
        let before = before.unwrap_or(&now);
        let added = now.keys().filter(|id| !before.contains_key(*id));
        let removed = before.keys().filter(|id| !now.contains_key(*id));
        let other = |id: &&String| before.get(*id).is_some_and(|was| now.get(*id) != Some(was));
        let changed = now.keys().filter(other);
        let refused: Vec<&Refused> = rules.refused.iter().take(REFUSED_NAMED_MAX).collect();
        let details = json!({
            "loaded": rules.rules.len(),
            "refused": rules.refused.len(),
            "refusals": refused,
            "added": named(added),
            "removed": named(removed),
            "changed": named(changed),
            "folder": folder.path.as_ref().map(|path| path.display().to_string()),
            "settings": hex::encode(&folder.settings_digest),
            "digest": digest,
        });
        let behind = last.map_or("", |last| &last.id);
        Deed {
            id: EventId::foreign("indelible:rules.load", &format!("{behind}\0{digest}")),
            action: LOAD,
            targets: vec![("rules", digest.clone())],
            occurred_at: None,
            details,
        }
    }
}

/// What was recorded last of what is loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct LastLoad {
    pub id: String,
    pub digest: String,
}

impl LastLoad {
    /// The last of these.
    pub fn of(told: &[Found]) -> Option<LastLoad> {
        #[derive(Deserialize)]
        struct Event {
            id: String,
            details: Value,
        }
        told.iter().rev().find_map(|found| {
            let event: Event = serde_json::from_slice(&found.json).ok()?;
            let digest = event.details["digest"].as_str()?.to_owned();
            Some(LastLoad { id: event.id, digest })
        })
    }
}

/// The period of a `review.sign`.
pub(super) fn signed<'a>(event: &'a SystemEvent<'_>) -> Option<&'a str> {
    let target = event.targets.iter().find(|target| target.kind == "review")?;
    Some(&target.id)
}

/// Whether a rule gives alerts is part of what it is, as others may silence it; the settings count as one more.
fn known(rules: &RuleSet, settings: &[u8; 32]) -> Known {
    let of = |rule: &indelible_rules::Rule| {
        let silent = if rule.alerts { "" } else { " silent" };
        (rule.id.to_string(), format!("{}{silent}", hex::encode(&rule.digest)))
    };
    let settings = (SETTINGS.to_owned(), hex::encode(settings));
    rules.rules.iter().map(of).chain([settings]).collect()
}

fn named<'a>(ids: impl Iterator<Item = &'a String>) -> Vec<&'a str> {
    let cut = |id: &'a String| &id[..id.floor_char_boundary(NAMED_BYTES_MAX)];
    ids.take(CHANGED_NAMED_MAX).map(cut).collect()
}

fn streams(settings: &Settings) -> BTreeMap<Arc<str>, String> {
    let one = |channel: &crate::settings::Channel| {
        (Arc::clone(&channel.name), format!("{:?}", channel.to))
    };
    settings.channels.iter().map(one).collect()
}

fn loaded(folder: Folder, at: Micros) -> Loaded {
    let rules = Arc::new(folder.rule_set());
    let mut all = Vec::new();
    for (id, digest) in known(&rules, &folder.settings_digest) {
        all.extend_from_slice(format!("\0{id}\0{digest}").as_bytes());
    }
    for refused in &rules.refused {
        all.extend_from_slice(format!("\0{}\0{}", refused.file, refused.reason).as_bytes());
    }
    let digest = hex::encode(&sha256(&all));
    Loaded { folder: Arc::new(folder), rules, digest, at }
}
