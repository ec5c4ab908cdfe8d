//! What can go wrong.

use indelible_recorder::RecordError;

/// Why an outbox did not do what was asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The event will not be kept as it is, or the recorder takes none any more. Nothing was written.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The database did not do it.
    #[error("the outbox's database: {0}")]
    Database(#[from] sqlx::Error),
    /// Events are still in the outbox, as whoever keeps the trail did not confirm them.
    #[error("events wait in the outbox: {why}")]
    Undelivered {
        /// The latest trouble.
        why: String,
    },
}
