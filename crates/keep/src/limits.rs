//! Every bound of this crate, in one place.

/// Bytes of a text that somebody gives as a reason, a name or an authority.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// How long a request waits for the second person: seven days.
pub const REQUEST_MICROS: i64 = 7 * 86_400_000_000;
/// Requests that may wait at a time.
pub const REQUESTS_MAX: usize = 1_000;
/// Bytes of `backup.json`: a hundred thousand trails with some files each fit.
pub const BACKUP_JSON_BYTES_MAX: u64 = 256 << 20;
/// Bytes that a restore reads, hashes and writes at a time.
pub const COPY_BYTES: usize = 1 << 20;
/// Threads that copy and verify a restore.
pub const RESTORE_THREADS: usize = 2;
/// Trails of which an event tells what is given up.
pub const LOST_TOLD_MAX: usize = 100;
