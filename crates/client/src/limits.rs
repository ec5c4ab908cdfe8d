//! How much and how long, at most.

use std::time::Duration;

/// Bytes of an answer. A page of a thousand events of the largest size would be larger; the node cuts it before.
pub const ANSWER_BYTES_MAX: u64 = 256 << 20;
/// Bytes of a line of a stream: an event and its name.
pub const LINE_BYTES_MAX: usize = 1 << 20;
/// Until a connection is there.
pub const CONNECT_MAX: Duration = Duration::from_secs(5);
/// Until a request is answered.
pub const ANSWER_MAX: Duration = Duration::from_secs(60);
/// A stream without a line, though the node sends one each 15 seconds.
pub const SILENCE_MAX: Duration = Duration::from_secs(45);
/// A download without a byte: the node may search for long before it finds the next event.
pub const DOWNLOAD_SILENCE_MAX: Duration = Duration::from_secs(600);
/// The first wait before something is tried again, and the longest.
pub const BACKOFF_FIRST: Duration = Duration::from_millis(200);
/// See [`BACKOFF_FIRST`].
pub const BACKOFF_MAX: Duration = Duration::from_secs(30);
/// How often something is tried before it is given up.
pub const TRIES_MAX: u32 = 8;
