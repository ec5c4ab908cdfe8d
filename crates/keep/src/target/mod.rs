//! Where backups and archives are: a directory or a bucket.

mod dir;
#[cfg(feature = "s3")]
mod s3;

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_log::manifest::PATH;
use indelible_log::storage::{FileStorage, Storage};
use indelible_log::{LOCK, Seams};

pub use dir::DirTarget;
#[cfg(feature = "s3")]
pub use s3::{S3Options, S3Target};

use crate::limits;

/// A place of files named by keys (`a/b/c`). Everything blocks; a file is there whole or not at all.
pub trait Target: Send + Sync {
    /// What people call it: the directory, or `s3://bucket/prefix`. Holds no secret.
    fn name(&self) -> &str;
    /// Puts a file of so many bytes under a key, over whatever is there. What failed in the middle leaves nothing
    /// under the key, and goes on where it was when it is put again, where the place can do that.
    fn put(&self, key: &str, bytes: u64, from: &mut dyn Read) -> Result<(), TargetError>;
    /// Reads a file from its front.
    fn get(&self, key: &str) -> Result<Box<dyn Read + Send + '_>, TargetError>;
    /// How long a file is; `None` if it is not there.
    fn len(&self, key: &str) -> Result<Option<u64>, TargetError>;
    /// The files below a prefix that ends in `/` or is empty, with their lengths, by key.
    fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, TargetError>;
    /// Deletes a file; one that is not there is fine.
    fn delete(&self, key: &str) -> Result<(), TargetError>;
    /// The room that is left, where that can be told.
    fn free(&self) -> Result<Option<u64>, TargetError>;
    /// How many files may well be put side by side.
    fn side_by_side(&self) -> usize {
        1
    }
    /// Takes away what puts below a prefix left that were begun and never ended: it shows under no key, and takes room.
    fn forget(&self, prefix: &str) -> Result<(), TargetError>;
}

/// Opens a target by its name: `DIR`, `file://DIR` or `s3://bucket/prefix`. The seams are those of the data directory
/// that files come from: there it is kept how far large uploads are, so that another process can go on with them.
pub fn open(name: &str, seams: Option<&Seams>) -> Result<Arc<dyn Target>, TargetError> {
    let dir = match name.split_once("://") {
        None => name,
        Some(("file", dir)) => dir,
        Some(("s3", place)) => return bucket(place, seams),
        Some((scheme, _)) => {
            let why = format!(
                "{scheme}:// is no target: give a directory, file://DIR or s3://BUCKET/PREFIX"
            );
            return Err(TargetError::Bad(why));
        }
    };
    if dir.is_empty() || dir.len() > limits::TARGET_BYTES_MAX || dir.contains('\0') {
        return Err(TargetError::Bad(
            "a target needs a name: a directory or s3://BUCKET/PREFIX".into(),
        ));
    }
    // Said in full, so that it means the same to a server that was started elsewhere.
    let full = std::path::absolute(dir).map_err(|e| TargetError::Bad(format!("{dir}: {e}")))?;
    let name = full.to_str().ok_or_else(|| TargetError::Bad(format!("{dir}: not UTF-8")))?;
    if let Some(log) = log_around(&full) {
        let why = format!("{name} is inside a log's own directory, {}", log.display());
        return Err(TargetError::Bad(why));
    }
    Ok(Arc::new(DirTarget::new(name, Arc::new(FileStorage::new(&full))).on_disk(&full)))
}

/// Where backups of what was there go before a restore, in the data directory itself.
pub const SNAPSHOTS: &str = "snapshots";

/// The data directory that a path is in, if it is in one: whatever is put there the log would take for its own.
/// Backups made before a restore have a place of theirs in it.
pub fn log_around(path: &Path) -> Option<PathBuf> {
    let is_log = |dir: &&Path| {
        let storage = FileStorage::new(*dir);
        [LOCK, PATH].iter().all(|name| storage.open(name, false).is_ok())
    };
    let log = path.ancestors().find(is_log)?;
    let own = path.strip_prefix(log).is_ok_and(|below| below.starts_with(SNAPSHOTS));
    (!own).then(|| log.to_owned())
}

#[cfg(feature = "s3")]
fn bucket(place: &str, seams: Option<&Seams>) -> Result<Arc<dyn Target>, TargetError> {
    let journal = seams.map(|seams| seams.storage.clone());
    Ok(Arc::new(S3Target::open(place, S3Options::from_env(), journal)?))
}

#[cfg(not(feature = "s3"))]
fn bucket(_: &str, _: Option<&Seams>) -> Result<Arc<dyn Target>, TargetError> {
    Err(TargetError::Bad("this program was built without buckets (feature `s3`)".into()))
}

/// A key as every target takes it.
fn check_key(key: &str) -> Result<(), TargetError> {
    let odd =
        |part: &str| part.is_empty() || part == "." || part == ".." || part.contains(['\\', '\0']);
    if key.len() > limits::KEY_BYTES_MAX || key.split('/').any(odd) {
        return Err(TargetError::Bad(format!("{key:?} is no name for a file at a target")));
    }
    Ok(())
}

/// Why a target did not do what it was asked to.
#[derive(Debug, thiserror::Error)]
pub enum TargetError {
    /// It makes no sense as a target.
    #[error("{0}")]
    Bad(String),
    /// The credentials were taken before and are not any more: renew them and go on.
    #[error(
        "{target}: the credentials have expired: {reason}. Renew them and start this again: it goes on where it was"
    )]
    Expired {
        /// The target.
        target: String,
        /// What it said.
        reason: String,
    },
    /// The credentials are not taken.
    #[error("{target}: access is denied: {reason}")]
    Denied {
        /// The target.
        target: String,
        /// What it said.
        reason: String,
    },
    /// The file is not there.
    #[error("{target}: there is no {key}")]
    Missing {
        /// The target.
        target: String,
        /// The file.
        key: String,
    },
    /// Reading or writing failed, after as many tries as make sense.
    #[error("{target}: {key}: {source}")]
    Io {
        /// The target.
        target: String,
        /// The file.
        key: String,
        /// What was said.
        source: io::Error,
    },
}

impl TargetError {
    /// The error that a reader of this target's gave: its own, where it is wrapped in it.
    pub fn of(error: io::Error, target: &str, key: &str) -> TargetError {
        match error.downcast::<TargetError>() {
            Ok(own) => own,
            Err(source) => {
                TargetError::Io { target: target.to_owned(), key: key.to_owned(), source }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use indelible_store::{InitOptions, Store};

    #[test]
    fn a_place_within_a_log_is_no_target_but_for_snapshots() {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        Store::init(&Seams::real(&log), &InitOptions { origin: "audit.example.com".into() })
            .unwrap();
        let open = |path: &str| target_of(dir.path().join(path).to_str().unwrap());
        for path in ["log", "log/segments", "log/segments/new/deeper", "log/../log/new"] {
            let why = open(path).expect_err(path);
            assert!(why.contains("inside a log's own directory"), "{path}: {why}");
        }
        for path in ["backups", "log/snapshots", "log-2"] {
            assert_eq!(open(path), Ok(()), "{path}");
        }
    }

    fn target_of(name: &str) -> Result<(), String> {
        open(name, None).map(drop).map_err(|e| e.to_string())
    }
}
