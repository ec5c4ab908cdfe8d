//! Archives brought back: into an empty directory as the log that they are, or into a log in use as events.
//!
//! Nothing of an archive is believed. Files must have the hashes that it names, every record must hash to its
//! leaf, the leaves to the roots, and the roots must be signed: by a key that the caller trusts, or else by the
//! one that the archive brings along, which shows that it is whole and of one piece, and not who made it.

mod events;
mod under;
mod whole;

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_log::Seams;
use indelible_log::storage::Storage;
use indelible_merkle::Vkey;
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::archive::model::ArchivedTrail;
use crate::deed::Who;
use crate::restore::remove_tree;
use crate::target;
use crate::{Keep, KeepError, Progress};
use under::Under;

/// The action of the event that imports an archive.
pub const CREATE: &str = "import.create";
/// The directory in which an archive lies while its records are read.
pub const STAGE: &str = "importing";

/// An archive to bring back.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewImport {
    /// Where it is.
    pub from: String,
    /// The key that must have signed it: the vkey of any of its trails. Without it, the archive's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vkey: Option<String>,
    /// The SHA-256 that its `archive.json` must have, hex, as the log that it was made of has it recorded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Only this trail; into a log in use only. Without it every trail but `_system`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    /// The name of the trail that it goes to; with `trail` only. Without it, that of the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub into: Option<String>,
}

/// What an archive turned out to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// SHA-256 of its `archive.json`, hex.
    pub sha256: String,
    /// The event that made it.
    pub id: String,
    /// The log it is of, and who signed it.
    pub log_id: String,
    /// See `log_id`.
    pub origin: String,
    /// See `log_id`.
    pub public_key: String,
    /// Whether the key was the caller's; if not, nothing shows who made it.
    pub trusted: bool,
    /// Its records.
    pub records: u64,
    /// Its trails, with sizes and roots.
    pub trails: Vec<ArchivedTrail>,
    /// Signed checkpoints that hold.
    pub signatures: u64,
}

/// What became of the records of an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// New here, and kept.
    pub kept: u64,
    /// Here already, the same.
    pub known: u64,
    /// Not taken: there is another event of the same id, or parts of it were erased or have expired.
    pub refused: u64,
    /// Why, of the first of each reason: `reason` and how many.
    pub reasons: BTreeMap<String, u64>,
}

/// An archive brought into a log in use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// The id of its event.
    pub id: String,
    /// The archive.
    pub archive: Verified,
    /// What became of its records.
    #[serde(flatten)]
    pub counts: Counts,
}

/// Makes an empty directory the log that an archive is of, to the byte. It is a copy to read: the node's key is
/// in no archive; who has it gives it (`node.key`'s bytes), and what goes on from there is a rollback like any
/// other, that has to be accepted. What was broken off goes on when it is called again.
pub fn into_empty(
    seams: &Seams,
    new: &NewImport,
    key: Option<&[u8]>,
    progress: &dyn Progress,
) -> Result<Verified, KeepError> {
    if new.trail.is_some() || new.into.is_some() {
        let why =
            "an archive becomes the whole log that it is of; single trails go into a log in use";
        return Err(KeepError::Bad(why.into()));
    }
    let target = target::open(&new.from, None)?;
    whole::bring(&seams.storage, &*target, new, key, progress)
}

/// Removes what an import left that was cut short; the next one begins anew.
pub(crate) fn clear_stage(storage: &dyn Storage) -> Result<(), KeepError> {
    remove_tree(storage, STAGE)
}

/// The checked vkey of an import.
fn vkey(new: &NewImport) -> Result<Option<Vkey>, KeepError> {
    let parse = |text: &String| text.parse::<Vkey>();
    let vkey = new.vkey.as_ref().map(parse).transpose();
    vkey.map_err(|e| KeepError::Bad(format!("that is no vkey: {e}")))
}

impl Keep {
    /// Appends the records of an archive as events, each with its id and the time it happened, or else the one it
    /// was recorded. Done again it keeps nothing twice.
    pub fn import(
        &self,
        who: &Who,
        new: &NewImport,
        progress: &dyn Progress,
    ) -> Result<Imported, KeepError> {
        if new.into.is_some() && new.trail.is_none() {
            let why = "say which trail of the archive goes there";
            return Err(KeepError::Bad(why.into()));
        }
        vkey(new)?;
        let _turn = self.turn()?;
        let target = self.archive_target(&new.from)?;
        self.end_broken_off(CREATE)?;
        let place = json!({"type": "archive", "id": target.name()});
        let begun = self.begin(who, CREATE, place, json!(new))?;
        let id = begun.id.to_string();
        let stage: Arc<dyn Storage> = Arc::new(Under::new(self.seams().storage.clone(), STAGE));
        let done = whole::bring(&stage, &*target, new, None, progress).and_then(|archive| {
            let counts = events::append(self, &stage, new, progress)?;
            remove_tree(&*self.seams().storage, STAGE)?;
            let imported = Imported { id, archive, counts };
            let mut told = json!(imported);
            // The roots of many trails would not fit into an event; the archive's hash stands for them.
            if imported.archive.trails.len() > crate::limits::IMPORT_TRAILS_TOLD_MAX {
                told["archive"]["trails"] = json!(imported.archive.trails.len());
            }
            Ok((imported, told))
        });
        self.end(begun, done)
    }
}
