//! What archives still have of what the log let go: those in directories are gone on with at once, of the others is
//! said which of their files it is.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{ErrorKind, Read};

use indelible_log::hex;
use indelible_log::manifest::SEGMENTS;
use indelible_log::segment::RowTable;
use indelible_log::storage::{FileStorage, Storage as _};
use indelible_store::INDEX;
use serde::{Deserialize, Serialize};

use super::model::Content;
use super::{By, NewArchive, lake, place};
use crate::deed::Who;
use crate::target::Target;
use crate::{Keep, KeepError, Silent, limits};

/// Files of an archive that have what the log let go, and that somebody has to see to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StillAt {
    /// The archive.
    pub target: String,
    /// Their keys, the first of them where there are many.
    pub objects: Vec<String>,
    /// How many there are.
    pub count: u64,
    /// Why nothing was done there, or why they are not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// How an archive stands after something went from the log.
pub(crate) enum Stands {
    /// It has nothing that the log has not.
    Current,
    /// It was gone on with, and has nothing more; the SHA-256 of its `archive.json`.
    Mended(String),
    /// These files are to go, and why they did not, if that was tried.
    Stale(Vec<String>, Option<KeepError>),
    /// It could not be looked at.
    Unknown(KeepError),
}

impl Keep {
    /// The files of archives that the log has rewritten or let go since: what was erased or has expired is still there
    /// until the archive is gone on with. By target.
    pub fn outdated(&self) -> Result<BTreeMap<String, Result<Vec<String>, KeepError>>, KeepError> {
        let of = |(name, by): (String, By)| (name.clone(), self.stale(&name, by));
        Ok(self.archived_to()?.into_iter().map(of).collect())
    }

    /// The places that archives were made at, and how they are laid out.
    pub(crate) fn archived_to(&self) -> Result<BTreeMap<String, By>, KeepError> {
        Ok(self.archives()?.into_iter().map(|listed| (listed.target, listed.by)).collect())
    }

    /// Goes on with the archives in directories that have what the log has not, and says how each stands. For whoever
    /// has the turn.
    pub(crate) fn archives_follow(&self, who: &Who) -> Result<BTreeMap<String, Stands>, KeepError> {
        let follow = |name: &str, by: By| {
            let stale = match self.stale(name, by) {
                Ok(stale) if stale.is_empty() => return Stands::Current,
                Ok(stale) => stale,
                Err(why) => return Stands::Unknown(why),
            };
            if !follows(name, by) {
                return Stands::Stale(stale, None);
            }
            let new = NewArchive { target: name.to_owned(), by, ..NewArchive::default() };
            match self.make_archive(who, &new, &Silent) {
                Ok(made) => Stands::Mended(made.sha256),
                // It may have failed when they were gone already.
                Err(why) => Stands::Stale(self.stale(name, by).unwrap_or(stale), Some(why)),
            }
        };
        let all = self.archived_to()?.into_iter();
        Ok(all.map(|(name, by)| (name.clone(), follow(&name, by))).collect())
    }

    /// The same, as a run of retention tells it.
    pub(crate) fn still_at(&self, who: &Who) -> Result<Vec<StillAt>, KeepError> {
        let all = self.archives_follow(who)?;
        let named = limits::OFFLOAD_NAMED_MAX / all.len().max(1);
        let still = |(target, stands)| {
            let (mut objects, why) = match stands {
                Stands::Current | Stands::Mended(_) => return None,
                Stands::Stale(objects, why) => (objects, why),
                Stands::Unknown(why) => (Vec::new(), Some(why)),
            };
            let count = objects.len() as u64;
            objects.truncate(named);
            let why = why.map(|why| crate::deed::cut(&why.to_string()).to_owned());
            Some(StillAt { target, objects, count, why })
        };
        Ok(all.into_iter().filter_map(still).collect())
    }

    fn stale(&self, name: &str, by: By) -> Result<Vec<String>, KeepError> {
        if is_missing(name) {
            let why = "the directory is not there; if it only is not mounted, mount it and archive to it once more";
            return Err(KeepError::Refused(why.into()));
        }
        let target = self.archive_target(name)?;
        let archive = place::load(&*target)?;
        let log_id = hex::encode(&self.store().reader().view().log_id());
        if archive.as_ref().is_some_and(|archive| archive.log_id != log_id) {
            return Err(KeepError::Refused("the archive of another log is there now".into()));
        }
        // What a run that was broken off left is named by nothing, and counts as well.
        let keys: Vec<String> = target.list("")?.into_iter().map(|(key, _)| key).collect();
        match (archive.map(|archive| archive.content), by) {
            (Some(Content::TrailDate(lake)), _) => lake::stale(self, &lake, keys),
            (None, By::TrailDate) => Ok(lake::parts(keys).collect()),
            (Some(Content::Whole(_)), _) | (None, By::Whole) => {
                let sealed = self.store().reader().view().sealed();
                let now: BTreeSet<&str> =
                    sealed.manifest.segments.iter().map(|segment| &*segment.name).collect();
                let gone = |key: &String| segment_of(key).is_some_and(|name| !now.contains(name));
                Ok(keys.into_iter().filter(gone).collect())
            }
        }
    }

    /// Whether a file of an archive has any row of which this holds, by its trail's number and its seq; what cannot be
    /// told may have one.
    pub(crate) fn may_have(
        &self,
        target: &str,
        key: &str,
        is: &dyn Fn(indelible_log::record::TrailNo, u64) -> bool,
    ) -> bool {
        let Some(name) = segment_of(key) else { return true };
        let has = || {
            let target = self.archive_target(target).ok()?;
            let table = row_table(&*target, &format!("{SEGMENTS}/{name}.rows"))?;
            for (no, first, _) in table.trails() {
                let seqs = table.seqs(no).ok()??;
                if seqs.iter().any(|offset| is(no, first.0 + u64::from(offset))) {
                    return Some(true);
                }
            }
            Some(false)
        };
        has().unwrap_or(true)
    }
}

/// Whether an archive is gone on with by itself when something went from the log. One by trail and date is of what
/// somebody asked for, which is asked for again by whoever wants it.
pub(crate) fn follows(name: &str, by: By) -> bool {
    by == By::Whole && !name.contains("://")
}

/// Whether a directory is not there: nothing is made in its place.
fn is_missing(name: &str) -> bool {
    let listed = || FileStorage::new(name).list("");
    !name.contains("://") && listed().is_err_and(|e| e.kind() == ErrorKind::NotFound)
}

/// The segment that a file has rows of, or words from them.
fn segment_of(key: &str) -> Option<&str> {
    let (dir, file) = key.split_once('/')?;
    match dir {
        SEGMENTS => file.strip_suffix(".parquet"),
        INDEX => file.strip_suffix(".idx")?.rsplit_once('.').map(|(name, _)| name),
        _ => None,
    }
}

fn row_table(target: &dyn Target, key: &str) -> Option<RowTable> {
    let mut bytes = Vec::new();
    let max = limits::ARCHIVE_JSON_BYTES_MAX;
    target.get(key).ok()?.take(max).read_to_end(&mut bytes).ok()?;
    RowTable::open(bytes.into()).ok()
}
