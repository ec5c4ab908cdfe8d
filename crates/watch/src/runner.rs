//! The thread that looks.

/// A watch that runs.
pub struct Watch {}

/// Why it cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WatchError(pub String);
