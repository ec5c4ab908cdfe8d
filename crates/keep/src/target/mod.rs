//! Where backups and archives are: a directory or a bucket.

use std::io::{self, Read};

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
