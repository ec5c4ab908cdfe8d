//! What can go wrong with a directory opened whole.

use indelible_log::{AppendError, LogError};

/// Why a store could not be made, opened, signed for or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The log's own reason.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An event of the store's own could not be recorded.
    #[error("cannot record in _system: {0}")]
    Append(#[from] AppendError),
    /// A file beside the log is malformed.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The sign guard is not there.
    #[error(
        "the sign guard is missing, so nothing shows what this node signed last, and it must not sign: \
         put guard/guard back, or go on with --accept-rollback, which is recorded"
    )]
    GuardMissing,
    /// The log is not what this node signed last.
    #[error(
        "alarm: trail {trail} is not the log this node signed last: {reason}. If an older copy was restored \
         on purpose, go on with --accept-rollback, which is recorded"
    )]
    Rollback {
        /// The trail's name or opaque id.
        trail: String,
        /// In what it differs.
        reason: String,
    },
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// A proof that was just made does not verify, so it was not given out.
    #[error("alarm: a proof made from trail {trail} does not verify: {reason}")]
    BadProof {
        /// The trail's name.
        trail: String,
        /// What the verifier said.
        reason: String,
    },
}

impl StoreError {
    pub(crate) fn file(path: &str, reason: impl ToString) -> StoreError {
        StoreError::File { path: path.to_owned(), reason: reason.to_string() }
    }

    pub(crate) fn io(path: &str) -> impl FnOnce(std::io::Error) -> StoreError {
        let path = path.to_owned();
        move |source| StoreError::Log(LogError::Io { path, source })
    }
}
