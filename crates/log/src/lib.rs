//! The log: append-only, durable in groups, recoverable, provable.
//!
//! One thread writes ([`Log`] hands it batches), everybody reads ([`View`]), and a second thread turns
//! full active files into segments. The way of an event, one module a stage: `prepare` (frame bytes, on
//! the caller's thread) → `queue` → `sequencer` (place, write, sync) → `live` and `trail` (readable,
//! provable) → `sealer` → `segment`. `verify` reads all of it again and shares only the codecs.

pub mod active;
mod append;
pub mod class;
mod clock;
pub mod erasure;
mod error;
pub mod export;
pub mod frame;
pub mod hex;
pub mod limits;
mod live;
mod log;
pub mod manifest;
mod prepare;
mod queue;
pub mod record;
mod sealer;
pub mod segment;
mod sequencer;
pub mod storage;
pub mod trail;
pub mod verify;
mod view;

pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use error::{AppendError, LogError};
pub use log::{Appended, LOCK, Log, Receipt, Recovery, SealAt, Seams};
pub use prepare::Incoming;
pub use view::{TRAIL_CREATE, TrailStatus, View};

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
