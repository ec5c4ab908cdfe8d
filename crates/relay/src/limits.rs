//! Every bound of inputs and streams, in one place.

use std::time::Duration;

/// Bytes of the file that describes them.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;
/// Inputs of a node.
pub const INPUTS_MAX: usize = 64;
/// Streams of a node: each has a thread.
pub const STREAMS_MAX: usize = 64;
/// Bytes of a name.
pub const NAME_BYTES_MAX: usize = 64;
/// Bytes of a secret's file.
pub const SECRET_BYTES_MAX: u64 = 64 << 10;
/// Bytes of a certificate or key file.
pub const PEM_BYTES_MAX: u64 = 1 << 20;

/// Events that a stream hands to its sink at a time.
pub const BATCH_EVENTS_MAX: usize = 500;
/// Bytes of them; one that is larger goes alone.
pub const BATCH_BYTES_MAX: usize = 4 << 20;

/// How long connecting to a receiver may take.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a receiver may take for an answer, or to take what is written to it.
pub const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause after the first failure; it doubles with each.
pub const RETRY_MICROS: i64 = 1_000_000;
/// The longest pause.
pub const RETRY_MICROS_MAX: i64 = 60_000_000;
/// How often a thread that waits looks whether it is to stop, or whether the clock has moved.
pub const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Bytes of what a receiver says that are shown.
pub const SAID_BYTES_MAX: usize = 512;
