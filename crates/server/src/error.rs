//! Why the server does not start, or has stopped.

use indelible_store::StoreError;

/// Why a server could not be started or closed.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// The address.
        addr: std::net::SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
    /// A thread could not be started.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
    /// A file beside the log cannot be used.
    #[error("{path}: {reason}")]
    File {
        /// The file.
        path: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Something that was configured cannot be.
    #[error("{0}")]
    Config(String),
    /// `_system` cannot be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a running server should end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stopped {
    /// Somebody asked for it: an interrupt or a termination signal.
    Asked,
    /// A write or sync failed, so nothing is acknowledged any more until the log is opened anew.
    Poisoned(String),
    /// The thread that serves has ended, which it never should.
    Failed(String),
}
