//! Which backups there are, and what became of them: folded from `_system`.

use std::collections::BTreeMap;

use indelible_event::{Micros, Outcome, Part, Phase};
use indelible_log::erasure::ERASED;
use indelible_log::record::{KeptRecord, Pos};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::BackupType;
use super::{CREATE, DELETE, VERIFY};
use crate::error::KeepError;
use crate::{Keep, deed};

/// What became of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It is being made.
    Running,
    /// It is there, whole.
    Complete,
    /// Making it was begun and not ended: by a failure, or because the process ended. The next one of the same kind
    /// goes on with its files.
    Unfinished,
    /// Taking it away was begun and not ended; to be done again.
    Deleting,
}

/// How the last reading back of a backup's files ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verification {
    /// When (RFC 3339).
    pub at: String,
    /// Whether every byte was as recorded.
    pub holds: bool,
    /// What was damaged, or why it could not be read.
    pub error: Option<String>,
}

/// A backup as `_system` tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its id.
    pub id: String,
    /// What became of it.
    pub state: State,
    /// Its kind.
    pub backup_type: BackupType,
    /// When it was begun (RFC 3339); for one that was gone on with, the last time.
    pub created_at: String,
    /// The credential that asked for it.
    pub user: String,
    /// Where it is.
    pub target: String,
    /// The directory at the target.
    pub archive_path: String,
    /// The only trail besides `_system` in it, if not all.
    pub trail: Option<String>,
    /// Whether the node's key is in it.
    pub with_key: bool,
    /// Whether the schedule made it.
    pub scheduled: bool,
    /// Bytes of all its files; once it is complete.
    pub size_bytes: Option<u64>,
    /// Records in it; once it is complete.
    pub records: Option<u64>,
    /// SHA-256 of its description; once it is complete.
    pub sha256: Option<String>,
    /// Why making it failed, if it did.
    pub error: Option<String>,
    /// Its last verification.
    pub verified: Option<Verification>,
    /// Where the intent is, which says which of two is older, whatever the clock said.
    #[serde(skip)]
    pub(super) begun: Pos,
}

/// What an intent to make a backup says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Intent {
    pub backup_id: String,
    pub backup_type: BackupType,
    pub store: String,
    pub user: String,
    pub target: String,
    pub archive_path: String,
    pub with_key: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    #[serde(default)]
    pub scheduled: bool,
    /// The intent that it goes on with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resumes: Option<String>,
}

/// One try to make a backup.
#[derive(Clone, Debug)]
pub(super) struct Attempt {
    pub event: KeptRecord,
    pub intent: Intent,
    /// When it was begun.
    pub at: Micros,
    /// How and when it ended.
    pub ended: Option<(Micros, Outcome)>,
}

/// All that is told of backups.
#[derive(Default)]
pub(super) struct Catalog {
    /// The tries, oldest first.
    pub attempts: Vec<Attempt>,
    /// By id, those that were not taken away.
    pub listed: BTreeMap<String, Listed>,
    /// Those that were taken away.
    pub gone: Vec<String>,
}

impl Catalog {
    pub fn read(keep: &Keep) -> Result<Catalog, KeepError> {
        let records = keep.told(&[CREATE, VERIFY, DELETE, ERASED])?;
        let mut catalog = Catalog::default();
        // The intents whose outcomes say nothing but how it ended: which backup, by the intent's event.
        let mut ids = BTreeMap::new();
        for record in records {
            let entry = record.entry();
            let details = deed::details(&record);
            let is_intent = entry.phase == Some(Phase::Intent);
            if entry.action == ERASED {
                catalog.erased(&details);
                continue;
            }
            let id = match entry.reference.filter(|_| !is_intent) {
                Some(intent) => ids.get(&intent).cloned(),
                None => details["backup_id"].as_str().map(str::to_owned),
            };
            let Some(id) = id else { continue };
            if is_intent {
                ids.insert(entry.id, id.clone());
            }
            match (entry.action, is_intent) {
                (CREATE, true) => catalog.begun(record.clone(), details),
                (CREATE, false) => catalog.ended(&id, &record, &details),
                (VERIFY, false) => catalog.verified(&id, &record),
                (DELETE, true) => catalog.set(&id, State::Deleting),
                (DELETE, false) if entry.outcome == Outcome::Success => {
                    catalog.listed.remove(&id);
                    catalog.gone.push(id);
                }
                _ => {}
            }
        }
        Ok(catalog)
    }

    fn begun(&mut self, event: KeptRecord, details: Value) {
        let Ok(intent) = serde_json::from_value::<Intent>(details) else { return };
        let at = event.entry().recorded_at;
        let Intent { backup_id: id, backup_type, user, target, archive_path, trail, .. } =
            intent.clone();
        let listed = Listed {
            id: id.clone(),
            state: State::Unfinished,
            backup_type,
            created_at: at.to_string(),
            user,
            target,
            archive_path,
            trail,
            with_key: intent.with_key,
            scheduled: intent.scheduled,
            size_bytes: None,
            records: None,
            sha256: None,
            error: None,
            verified: None,
            begun: event.pos,
        };
        self.listed.insert(id, listed);
        self.attempts.push(Attempt { event, intent, at, ended: None });
    }

    fn ended(&mut self, id: &str, record: &KeptRecord, details: &Value) {
        let entry = record.entry();
        let ours = |a: &&mut Attempt| Some(a.event.entry().id) == entry.reference;
        if let Some(attempt) = self.attempts.iter_mut().rev().find(ours) {
            attempt.ended = Some((entry.recorded_at, entry.outcome));
        }
        let Some(listed) = self.listed.get_mut(id) else { return };
        if entry.outcome == Outcome::Success {
            listed.state = State::Complete;
            listed.size_bytes = details["size_bytes"].as_u64();
            listed.records = details["records"].as_u64();
            listed.sha256 = details["sha256"].as_str().map(str::to_owned);
        } else {
            listed.error = error_of(record);
        }
    }

    /// An erasure makes files of local backups anew, and says what their descriptions are since.
    fn erased(&mut self, details: &Value) {
        for place in details["done"].as_array().into_iter().flatten() {
            let listed = place["item"].as_str().and_then(|id| self.listed.get_mut(id));
            if let (Some(listed), Some(sha256)) = (listed, place["sha256"].as_str()) {
                listed.sha256 = Some(sha256.to_owned());
            }
        }
    }

    fn verified(&mut self, id: &str, record: &KeptRecord) {
        let entry = record.entry();
        if let Some(listed) = self.listed.get_mut(id) {
            listed.verified = Some(Verification {
                at: entry.recorded_at.to_string(),
                holds: entry.outcome == Outcome::Success,
                error: error_of(record),
            });
        }
    }

    fn set(&mut self, id: &str, state: State) {
        if let Some(listed) = self.listed.get_mut(id) {
            listed.state = state;
        }
    }

    /// All, oldest first.
    pub fn in_order(&self) -> Vec<&Listed> {
        let mut all: Vec<&Listed> = self.listed.values().collect();
        all.sort_by_key(|listed| listed.begun);
        all
    }

    /// Complete ones at a target, oldest first, that were not found damaged.
    pub fn sound(&self, target: &str) -> Vec<&Listed> {
        let sound = |b: &&Listed| {
            b.state == State::Complete
                && b.target == target
                && b.verified.as_ref().is_none_or(|v| v.holds)
        };
        self.in_order().into_iter().filter(sound).collect()
    }
}

/// The error that an outcome tells of.
fn error_of(record: &KeptRecord) -> Option<String> {
    let what: Value = serde_json::from_slice(record.part(Part::What)?).ok()?;
    what["error"]["message"].as_str().map(str::to_owned)
}

impl Keep {
    /// The backups that there are, oldest first: all, or those at one target.
    pub fn backups(&self, target: Option<&str>) -> Result<Vec<Listed>, KeepError> {
        let name = match target {
            Some(target) => Some(self.target(Some(target))?.name().to_owned()),
            None => None,
        };
        let mut catalog = Catalog::read(self)?;
        let last = catalog.attempts.last().filter(|a| a.ended.is_none());
        if let Some(id) = last.map(|a| a.intent.backup_id.clone())
            && matches!(self.turn(), Err(KeepError::Busy))
        {
            catalog.set(&id, State::Running);
        }
        let here = |b: &Listed| name.as_ref().is_none_or(|name| b.target == *name);
        Ok(catalog.in_order().into_iter().filter(|b| here(b)).cloned().collect())
    }

    /// One backup.
    pub fn backup(&self, id: &str) -> Result<Listed, KeepError> {
        let found = self.backups(None)?.into_iter().find(|b| b.id == id);
        found.ok_or_else(|| KeepError::NotFound(format!("there is no backup {id}")))
    }
}
