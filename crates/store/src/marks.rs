//! Files that say that a directory is not a whole log: a restore that was cut short, or one of a single trail.

use std::io::ErrorKind;

use indelible_event::TrailName;
use indelible_log::storage::Storage;
use indelible_log::trail::TrailId;
use indelible_log::verify::{Finding, Report};
use serde::{Deserialize, Serialize};

use crate::error::StoreError;
use crate::text;

/// The journal of a restore that is exchanging the files. While it is there, nobody else opens the log.
pub const RESTORE: &str = "RESTORE";
/// Names the trails that can be read in a directory that was restored in part.
pub const PARTIAL: &str = "PARTIAL";

const VERSION: u32 = 1;

/// What a directory has that was restored in part: the segments of some trails, and all trees. It is read and
/// verified, never written to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partial {
    version: u32,
    /// The backup that it was restored from.
    pub backup: String,
    /// Opaque ids of the trails whose records are all here.
    pub trails: Vec<String>,
    /// Segments that were left out.
    pub segments_left_out: u64,
}

impl Partial {
    /// Of a backup these trails.
    pub fn new(backup: &str, trails: &[TrailId], segments_left_out: u64) -> Partial {
        let trails = trails.iter().map(TrailId::to_string).collect();
        Partial { version: VERSION, backup: backup.to_owned(), trails, segments_left_out }
    }

    /// Reads the file; `None` if the directory is a whole log.
    pub fn load(storage: &dyn Storage) -> Result<Option<Partial>, StoreError> {
        let partial: Option<Partial> = text::load(storage, PARTIAL)?;
        match partial {
            Some(partial) if partial.version != VERSION => {
                Err(StoreError::file(PARTIAL, format!("version {} is not known", partial.version)))
            }
            partial => Ok(partial),
        }
    }

    /// Writes the file.
    pub fn store(&self, storage: &dyn Storage) -> Result<(), StoreError> {
        text::store(storage, PARTIAL, self)
    }

    /// Takes what only says that the other trails were not restored out of what verification found.
    pub(crate) fn excuse(&self, report: &mut Report) {
        let here: Vec<String> = report
            .trails
            .iter()
            .filter(|trail| self.trails.contains(&trail.info.id.to_string()))
            .map(|trail| trail.info.name.to_string())
            .collect();
        // It always comes along, and explains the rest, whatever the file says.
        let system = TrailName::system();
        let system = system.as_str();
        // What the manifest lacks is told of the manifest: of a trail's seqs, or of all positions.
        let excused = |finding: &Finding| {
            finding.path == indelible_log::manifest::PATH
                && finding
                    .trail
                    .as_ref()
                    .is_none_or(|trail| trail != system && !here.contains(trail))
        };
        report.findings.retain(|finding| !excused(finding));
        report.notes.push(format!(
            "restored in part, from backup {}: of the trails only {} are whole here; {} segments of others were \
             left out",
            self.backup,
            here.join(", "),
            self.segments_left_out
        ));
    }
}

/// Fails while a restore has not exchanged all files.
pub(crate) fn refuse_half_restored(storage: &dyn Storage) -> Result<(), StoreError> {
    match storage.open(RESTORE, false) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        Err(e) => Err(StoreError::io(RESTORE)(e)),
        Ok(_) => Err(StoreError::file(
            RESTORE,
            "a restore was cut short while it exchanged the files; nothing is lost. `indelible restore --continue` \
             finishes it",
        )),
    }
}

/// Fails for a directory that was restored in part.
pub(crate) fn refuse_partial(storage: &dyn Storage) -> Result<(), StoreError> {
    match Partial::load(storage)? {
        None => Ok(()),
        Some(_) => Err(StoreError::file(
            PARTIAL,
            "only some trails were restored here: it can be read and verified, and not be written to",
        )),
    }
}
