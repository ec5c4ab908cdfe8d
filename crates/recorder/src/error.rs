//! What can go wrong where somebody asked to hear of it.

use indelible_event::EventId;

/// Why an event is not known to be durable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// It will not be kept as it is: fix it.
    #[error("the event was refused: {why}")]
    Refused {
        /// What is wrong with it.
        why: String,
    },
    /// It was not confirmed in time. It is still being sent, so it may be kept or may come to be.
    #[error("the event {id} was not confirmed as durable in time ({why}); it may yet be kept")]
    Unconfirmed {
        /// Its id.
        id: EventId,
        /// The latest trouble.
        why: String,
    },
    /// Too many others wait to become durable. It was not taken, and is counted as lost.
    #[error("there is no room for the event")]
    Full,
    /// The recorder was closed.
    #[error("the recorder is closed")]
    Closed,
}

/// What `flush` or `close` could not write.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{events} events are not written ({why}); {}", if *.spooled { "they are in the spool and will be sent by the next recorder that uses it" } else { "they are only in this process's memory" })]
pub struct Unwritten {
    /// How many.
    pub events: u64,
    /// Whether they are on disk, to be sent later.
    pub spooled: bool,
    /// The latest trouble.
    pub why: String,
}

/// Why there is no recorder.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The threads could not be started.
    #[error("the recorder's threads cannot be started: {0}")]
    Threads(#[source] std::io::Error),
    /// The spool cannot be used.
    #[error("the spool in {} cannot be used: {why}", .dir.display())]
    Spool {
        /// Its directory.
        dir: std::path::PathBuf,
        /// What happened.
        why: String,
    },
    /// What the builder was told makes no sense.
    #[error("{0}")]
    Setting(String),
}
