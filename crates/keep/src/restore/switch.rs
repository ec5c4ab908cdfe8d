//! The exchange of the files: decided by a durable journal, done by renames that can be repeated, and ended by what
//! the restored log records of it. Whoever finds the journal goes on from wherever it was.

use std::sync::Arc;

use indelible_log::storage::{Storage, parent, read_whole, replace_durably};
use indelible_log::{Log, SealAt, Seams, active, erasure, manifest, trail};
use indelible_store::{GUARD, INDEX, KEY, NODE, OpenOptions, PARTIAL, RESTORE, Store};
use serde::{Deserialize, Serialize};

use super::Restored;
use super::told::{Told, append};
use super::tree::{self, io};
use crate::error::KeepError;
use crate::limits::DESCRIPTION_BYTES_MAX;

/// Where a restore is put together.
pub(super) const ASIDE: &str = "restoring";
/// Where the former files go, by restore id.
pub const KEPT: &str = "kept";
/// What makes up a log. The guard, the lock, snapshots, and what is not ours stay where they are.
pub(super) const OWN: [&str; 10] = [
    manifest::PATH,
    active::DIR,
    manifest::SEGMENTS,
    trail::DIR,
    erasure::DIR,
    INDEX,
    NODE,
    KEY,
    PARTIAL,
    "cache",
];

/// What the journal says.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Journal {
    pub told: Told,
    /// What is moved away, and what takes its place.
    pub old: Vec<String>,
    pub new: Vec<String>,
    /// Whether everything was moved.
    pub switched: bool,
    pub strict_delete: bool,
    pub accept_rollback: bool,
    /// Whether the restored log goes on being written to.
    pub goes_on: bool,
    pub restored: Restored,
}

impl Journal {
    /// The journal, if a restore is about to exchange the files or was cut short while it did.
    pub fn load(storage: &dyn Storage) -> Result<Option<Journal>, KeepError> {
        let bytes = match read_whole(storage, RESTORE, DESCRIPTION_BYTES_MAX) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            other => other.map_err(io(RESTORE))?,
        };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|e| KeepError::Damaged { path: RESTORE.into(), reason: e.to_string() })
    }

    pub fn store(&self, storage: &dyn Storage) -> Result<(), KeepError> {
        let json = serde_json::to_vec(self).expect("a journal has string keys only");
        replace_durably(storage, RESTORE, &json).map_err(io(RESTORE))
    }

    fn kept(&self) -> String {
        format!("{KEPT}/{}", self.told.id)
    }

    /// Moves what has not been moved.
    pub fn switch(&mut self, storage: &dyn Storage) -> Result<(), KeepError> {
        if self.switched {
            return Ok(());
        }
        let kept = self.kept();
        if !self.old.is_empty() {
            storage.create_dir(&kept).map_err(io(&kept))?;
            storage.sync_dir(KEPT).map_err(io(KEPT))?;
            storage.sync_dir("").map_err(io(""))?;
            let moved = tree::names(storage, &kept)?;
            for name in self.old.iter().filter(|name| !moved.contains(name)) {
                rename(storage, name, &format!("{kept}/{name}"))?;
            }
            storage.sync_dir(&kept).map_err(io(&kept))?;
        }
        // Of each name the old goes durably before the new comes: a crash leaves one of them, or none.
        storage.sync_dir("").map_err(io(""))?;
        let waiting = tree::names(storage, ASIDE)?;
        for name in self.new.iter().filter(|name| waiting.contains(name)) {
            rename(storage, &format!("{ASIDE}/{name}"), name)?;
        }
        for dir in [ASIDE, ""] {
            storage.sync_dir(dir).map_err(io(dir))?;
        }
        self.switched = true;
        self.store(storage)
    }

    /// Lets the restored log say that it was restored, and clears up.
    pub fn finish(
        self,
        seams: &Seams,
        guard: Option<Arc<dyn Storage>>,
    ) -> Result<Restored, KeepError> {
        let storage = &*seams.storage;
        let outcome = self.told.success(&self.restored.details());
        let names = tree::names(storage, "")?;
        if names.iter().any(|name| name == PARTIAL) {
            // Nothing is written where only some trails are.
        } else if self.goes_on && names.iter().any(|name| name == KEY) {
            // A directory that had no guard gets one, if that was accepted.
            let guarded = guard.clone().unwrap_or_else(|| seams.storage.clone());
            let dir = parent(GUARD);
            guarded.create_dir(dir).and_then(|()| guarded.sync_dir("")).map_err(io(dir))?;
            let options = OpenOptions {
                accept_rollback: self.accept_rollback,
                background: false,
                guard,
                ..OpenOptions::default()
            };
            let store = Store::open_restored(seams.clone(), options)?;
            append(store.log(), outcome)?;
            store.close()?;
        } else {
            append(&Log::open(seams.clone(), SealAt::default())?, outcome)?;
        }
        if self.strict_delete {
            tree::remove(storage, &self.kept())?;
        }
        tree::remove(storage, ASIDE)?;
        storage.remove(RESTORE).map_err(io(RESTORE))?;
        storage.sync_dir("").map_err(io(""))?;
        Ok(self.restored)
    }
}

fn rename(storage: &dyn Storage, from: &str, to: &str) -> Result<(), KeepError> {
    storage.rename(from, to).map_err(io(to))
}
