//! What can go wrong, told so that the caller knows what to do.

use indelible_log::{AppendError, LogError};
use indelible_store::StoreError;

use crate::target::TargetError;

/// Why something was not done, or not to its end.
#[derive(Debug, thiserror::Error)]
pub enum KeepError {
    /// The store's own reason.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What was about to be done could not be recorded first, so it was not done.
    #[error("it could not be recorded, so it was not done: {0}")]
    Record(#[from] AppendError),
    /// The place that files go to or come from.
    #[error(transparent)]
    Target(#[from] TargetError),
    /// What was asked for makes no sense; nothing was done.
    #[error("{0}")]
    Bad(String),
    /// What was asked for is not there.
    #[error("{0}")]
    NotFound(String),
    /// As things are it must not be done; the text says what would have to be otherwise.
    #[error("{0}")]
    Refused(String),
    /// Somebody else has to agree: the request that waits for it.
    #[error("another administrator has to confirm this: request {0}")]
    NeedsSecond(String),
    /// Another of the long operations runs.
    #[error(
        "a backup, an erasure, a retention run or an archiving is at work; try again when it has ended"
    )]
    Busy,
    /// Bytes are not those that were recorded.
    #[error("damaged: {path}: {reason}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// There is not enough room, and nothing was written.
    #[error(
        "not enough room in {place}: {needed} bytes are needed, {free} are free; nothing was written"
    )]
    NoRoom {
        /// Where.
        place: String,
        /// What it takes.
        needed: u64,
        /// What there is.
        free: u64,
    },
}

impl From<LogError> for KeepError {
    fn from(error: LogError) -> KeepError {
        KeepError::Store(error.into())
    }
}
