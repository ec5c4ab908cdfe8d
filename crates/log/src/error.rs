//! What can go wrong, told so that the caller knows: retry, fix, or stop; and whether the effect may
//! have happened.

use std::io;

use parquet::errors::ParquetError;

use crate::frame::FrameError;
use crate::segment::SegmentError;

/// Why the log could not be opened, read or kept up.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The file system failed.
    #[error("{path}: {source}")]
    Io {
        /// The file, inside the data directory.
        path: String,
        /// What the system said.
        source: io::Error,
    },
    /// Bytes that were durable are damaged or gone. Nothing was changed; the log does not go on.
    #[error("corrupt: {path} at offset {offset}: {reason}")]
    Corrupt {
        /// The file, inside the data directory.
        path: String,
        /// Where in it.
        offset: u64,
        /// What is wrong there.
        reason: String,
    },
    /// A record does not hash to the leaf that its trail's tree has for it. It was not served.
    #[error(
        "alarm: trail {trail} seq {seq}: the record in {path} does not match its leaf in the tree"
    )]
    Mismatch {
        /// The trail's name.
        trail: String,
        /// The record's seq.
        seq: u64,
        /// The file it was read from.
        path: String,
    },
    /// Another process has the directory open for writing.
    #[error(
        "another process is writing to this directory (it holds LOCK); readers are welcome, a second writer is not"
    )]
    Locked,
    /// There is no log in this directory.
    #[error("no log here: {0}; `indelible init` makes one")]
    Missing(String),
    /// The directory already has a log.
    #[error("there is a log here already: {0}")]
    Exists(String),
    /// The trail, seq or id that was asked for is not in the log.
    #[error("{0}")]
    NotFound(String),
    /// The rows of a segment are in an archive, and cannot be had from there now.
    #[error("segment {segment} is archived at {target}, and cannot be read from there: {source}")]
    Away {
        /// The segment's name.
        segment: String,
        /// The archive.
        target: String,
        /// What was said.
        source: io::Error,
    },
    /// The record was there, has expired, and not even a stub of it is left.
    #[error(
        "expired: seq {seq} of trail {trail} is below the trail's minimum index {min}, and nothing is left of it but its leaf"
    )]
    Expired {
        /// The trail's name.
        trail: String,
        /// The record's seq.
        seq: u64,
        /// The trail's minimum index.
        min: u64,
    },
    /// Another segment has taken its place meanwhile: what was found in it has to be found again.
    #[error("segment file {file} is no longer in charge: look again")]
    Exchanged {
        /// The segment's file number.
        file: u64,
    },
    /// What was asked for would break a rule of the log. Nothing was changed.
    #[error("refused: {0}")]
    Refused(String),
}

impl LogError {
    /// The same again, for the next one that it concerns.
    pub(crate) fn again(&self) -> LogError {
        match self {
            LogError::Io { path, source } => LogError::Io {
                path: path.clone(),
                source: io::Error::new(source.kind(), source.to_string()),
            },
            LogError::Corrupt { path, offset, reason } => {
                LogError::Corrupt { path: path.clone(), offset: *offset, reason: reason.clone() }
            }
            LogError::Mismatch { trail, seq, path } => {
                LogError::Mismatch { trail: trail.clone(), seq: *seq, path: path.clone() }
            }
            LogError::Locked => LogError::Locked,
            LogError::Missing(what) => LogError::Missing(what.clone()),
            LogError::Exists(what) => LogError::Exists(what.clone()),
            LogError::NotFound(what) => LogError::NotFound(what.clone()),
            LogError::Away { segment, target, source } => LogError::Away {
                segment: segment.clone(),
                target: target.clone(),
                source: io::Error::new(source.kind(), source.to_string()),
            },
            LogError::Expired { trail, seq, min } => {
                LogError::Expired { trail: trail.clone(), seq: *seq, min: *min }
            }
            LogError::Exchanged { file } => LogError::Exchanged { file: *file },
            LogError::Refused(why) => LogError::Refused(why.clone()),
        }
    }

    pub(crate) fn io(path: &str) -> impl FnOnce(io::Error) -> LogError {
        let path = path.to_owned();
        move |source| LogError::Io { path, source }
    }

    pub(crate) fn corrupt(path: &str, offset: u64, reason: impl ToString) -> LogError {
        LogError::Corrupt { path: path.to_owned(), offset, reason: reason.to_string() }
    }

    pub(crate) fn frame(path: &str, offset: u64) -> impl FnOnce(FrameError) -> LogError {
        let path = path.to_owned();
        move |e| LogError::Corrupt { path, offset, reason: e.to_string() }
    }

    /// Of a segment that is being written: a disk that fails is no damage.
    pub(crate) fn writing(path: &str) -> impl FnOnce(SegmentError) -> LogError {
        let path = path.to_owned();
        move |e| match e {
            SegmentError::Io(source) => LogError::Io { path, source },
            SegmentError::Parquet(ParquetError::External(e)) => match e.downcast::<io::Error>() {
                Ok(source) => LogError::Io { path, source: *source },
                Err(e) => LogError::Corrupt { path, offset: 0, reason: e.to_string() },
            },
            e => LogError::Corrupt { path, offset: 0, reason: e.to_string() },
        }
    }

    pub(crate) fn segment(path: &str) -> impl FnOnce(SegmentError) -> LogError {
        let path = path.to_owned();
        move |e| LogError::Corrupt { path, offset: 0, reason: e.to_string() }
    }
}

/// Why an event was not acknowledged. Each says whether it may be in the log all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The disk is full. The event was not kept; try again once there is room.
    #[error("the disk is full: this was not kept; writes go on by themselves once there is room")]
    Full,
    /// A write or sync failed. Nothing is acknowledged any more until the log is opened anew; the
    /// event may or may not be found in it then. Sending it again with the same id is harmless.
    #[error(
        "the log is poisoned by a failed write or sync ({0}); open it again, then send this again: the same id makes that harmless"
    )]
    Poisoned(String),
    /// A record that is needed to tell whether the event is known already cannot be read. If the event is
    /// new it was not kept; sending it again with the same id is harmless.
    #[error(
        "it cannot be told whether this event is known already: {0}; send it again with the same id"
    )]
    Unreadable(String),
    /// What the caller said beside the event cannot be kept. The event was not.
    #[error("this was not kept: {0}")]
    Refused(&'static str),
    /// The log was closed. The event was not kept.
    #[error("the log is closed: this was not kept")]
    Closed,
    /// There are as many trails as a node may have. Nothing was kept.
    #[error("a node has at most {} trails; this one would be one more", crate::limits::TRAILS_MAX)]
    TooManyTrails,
}

impl AppendError {
    /// Whether the next event would meet it too: waiting, or opening the log again, is all that helps.
    pub fn stops_all(&self) -> bool {
        matches!(self, AppendError::Full | AppendError::Poisoned(_) | AppendError::Closed)
    }
}
