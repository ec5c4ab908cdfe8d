//! The log: append-only, durable in groups, recoverable, provable.
//!
//! One thread writes ([`Log`] hands it batches), everybody reads ([`View`]), and a second thread turns
//! full active files into segments. The way of an event, one module a stage: `append` and `prepare` (frame
//! bytes, on the caller's thread) → `queue` → `sequencer` (place, write, sync) → `live` and `trail` (readable,
//! provable) → `sealer` → `output` → `segment`; `publish` puts segments in charge, `merge` and `rewrite` exchange them. `read` checks each record before it gives it out, `follow` is for
//! whoever keeps something beside the log, such as an index. `verify` reads all of it again and shares only the codecs.

pub mod active;
mod append;
mod clock;
pub mod erasure;
mod error;
pub mod export;
mod follow;
pub mod frame;
pub mod hex;
pub mod limits;
mod live;
mod log;
pub mod manifest;
mod merge;
pub mod offload;
mod output;
pub mod policy;
mod prepare;
mod publish;
mod queue;
mod read;
pub mod record;
pub mod rewrite;
mod room;
mod sealer;
pub mod segment;
mod sequencer;
mod snapshot;
pub mod storage;
pub mod trail;
pub mod verify;
mod view;

pub use clock::{Clock, Entropy, SystemClock, SystemEntropy};
pub use error::{AppendError, LogError};
pub use follow::{Seen, SegmentHandle, Snapshot, TailError};
pub use log::{Appended, LOCK, Log, Receipt, Recovery, SealAt, Seams};
pub use prepare::Incoming;
pub use snapshot::{FileReader, LogFile, LogFiles};
pub use view::{MadeOf, TRAIL_CREATE, TrailStatus, View};

/// SHA-256 of some bytes.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).into()
}
