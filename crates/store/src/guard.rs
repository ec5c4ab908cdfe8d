//! The sign guard: what this node signed last, kept apart from the log and durable before a signature
//! leaves. A log that was cut, or exchanged for an older copy, no longer fits it, and is not signed.

use std::collections::BTreeMap;

use indelible_log::storage::Storage;
use indelible_log::trail::TrailId;
use indelible_log::{TrailStatus, View};
use indelible_merkle::{Hash, TreeSize, verify_consistency};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::text;

/// The guard's directory, so that it can be put on another disk.
pub const DIR: &str = "guard";
/// The guard's file.
pub const PATH: &str = "guard/guard";

const VERSION: u32 = 1;

/// The last signed size and root of every trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Guard {
    version: u32,
    log_id: String,
    public_key: String,
    trails: BTreeMap<String, Signed>,
}

/// What was signed last of one trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The tree's size.
    pub size: u64,
    /// Its root, base64.
    pub root: String,
    /// The size at which a checkpoint was last recorded in `_system`.
    pub recorded: u64,
}

impl Guard {
    /// A guard that has signed nothing yet.
    pub(crate) fn new(log_id: &[u8; 16], public_key: &str) -> Guard {
        Guard {
            version: VERSION,
            log_id: indelible_log::hex::encode(log_id),
            public_key: public_key.to_owned(),
            trails: BTreeMap::new(),
        }
    }

    /// Reads the guard; `None` if there is none.
    pub fn load(storage: &dyn Storage) -> Result<Option<Guard>, StoreError> {
        let guard: Option<Guard> = text::load(storage, PATH)?;
        match guard {
            Some(guard) if guard.version != VERSION => {
                Err(StoreError::file(PATH, format!("version {} is not known", guard.version)))
            }
            guard => Ok(guard),
        }
    }

    /// Makes the guard durable.
    pub(crate) fn store(&self, storage: &dyn Storage) -> Result<(), StoreError> {
        text::store(storage, PATH, self)
    }

    /// What was signed last of a trail.
    pub fn signed(&self, trail: TrailId) -> Option<&Signed> {
        self.trails.get(&trail.to_string())
    }

    /// Every trail that was ever signed.
    pub fn trails(&self) -> impl Iterator<Item = (TrailId, &Signed)> {
        self.trails.iter().filter_map(|(id, signed)| Some((TrailId::parse(id)?, signed)))
    }

    /// Whether it was kept for this log.
    pub fn is_of(&self, log_id: &[u8; 16]) -> bool {
        self.log_id == indelible_log::hex::encode(log_id)
    }

    /// Whether it was kept for this public key.
    pub fn names_key(&self, public_key: &str) -> bool {
        self.public_key == public_key
    }

    /// Notes what is about to be signed.
    pub(crate) fn set(&mut self, trail: TrailId, size: TreeSize, root: &Hash) {
        let signed = self.trails.entry(trail.to_string());
        let signed = signed.or_insert(Signed { size: 0, root: String::new(), recorded: 0 });
        (signed.size, signed.root) = (size.0, root.to_base64());
    }

    /// Notes up to which size a checkpoint was recorded in `_system`.
    pub(crate) fn set_recorded(&mut self, trail: TrailId, size: u64) {
        if let Some(signed) = self.trails.get_mut(&trail.to_string()) {
            signed.recorded = size;
        }
    }

    /// In what the log differs from what was signed, trail by trail; empty if it fits.
    pub fn deviations(
        &self,
        view: &View,
        public_key: &str,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let mut out = Vec::new();
        if !self.is_of(&view.log_id()) {
            out.push(("_system".into(), "the guard is of another log".into()));
        }
        if !self.names_key(public_key) {
            out.push(("_system".into(), "the node's key is not the one that signed so far".into()));
        }
        let trails = view.trails();
        for (id, signed) in self.trails() {
            match trails.iter().find(|t| t.info.id == id) {
                None => out
                    .push((id.to_string(), format!("it is gone; size {} was signed", signed.size))),
                Some(trail) => {
                    if let Some(why) = signed.deviation(view, trail)? {
                        out.push((trail.info.name.to_string(), why));
                    }
                }
            }
        }
        Ok(out)
    }
}

impl Signed {
    /// In what a trail differs from what was signed of it.
    pub fn deviation(
        &self,
        view: &View,
        trail: &TrailStatus,
    ) -> Result<Option<String>, StoreError> {
        if trail.size.0 < self.size {
            return Ok(Some(format!(
                "it has {} records, and size {} was signed",
                trail.size, self.size
            )));
        }
        let root = view.root(trail.info.no, TreeSize(self.size))?;
        if root.to_base64() != self.root {
            return Ok(Some(format!(
                "its first {} records have root {}, and {} was signed",
                self.size,
                root.to_base64(),
                self.root
            )));
        }
        // That root and the one to be signed next can be made of different stored hashes (a tile level is
        // redundant), so that the one fits does not say that the other does: one must lead to the other.
        let hashes = view.consistency_proof(trail.info.no, TreeSize(self.size), trail.size)?;
        let grew = verify_consistency(TreeSize(self.size), &root, trail.size, &trail.root, &hashes);
        Ok(grew.err().map(|e| {
            format!("size {} was signed, and does not lead to what it is now: {e}", self.size)
        }))
    }
}
