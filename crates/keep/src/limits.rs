//! Every bound of this crate, in one place.

/// Bytes of a text that somebody gives as a reason, a name or an authority.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// How long a request waits for the second person: seven days.
pub const REQUEST_MICROS: i64 = 7 * 86_400_000_000;
/// Requests that may wait at a time.
pub const REQUESTS_MAX: usize = 1_000;

/// Bytes of a policy's text.
pub const POLICY_TEXT_BYTES_MAX: usize = 16 << 10;
/// How many letters a word may be off for another to be suggested in its place.
pub const SUGGESTION_DISTANCE_MAX: usize = 3;
/// How far the clock may be from when it was last looked at before expiry stops: a day.
pub const CLOCK_JUMP_MICROS_MAX: i64 = 86_400_000_000;
/// Holds that may be in force at a time.
pub const HOLDS_MAX: usize = 1_000;
/// Bytes of a hold's query.
pub const HOLD_QUERY_BYTES_MAX: usize = 4 << 10;
/// Rows that are read and checked at a time.
pub const CHECK_ROWS: usize = 1_024;
/// Classes and days that are told to go next.
pub const NEXT_MAX: usize = 100;
/// How often records are looked for anew because their segments were merged meanwhile.
pub const EXCHANGE_TRIES_MAX: usize = 20;
/// Bytes of `backup.json`: a hundred thousand trails with some files each fit.
pub const BACKUP_JSON_BYTES_MAX: u64 = 256 << 20;
/// Bytes that a restore reads, hashes and writes at a time.
pub const COPY_BYTES: usize = 1 << 20;
/// Threads that copy and verify a restore.
pub const RESTORE_THREADS: usize = 2;
/// Trails of which an event tells what is given up.
pub const LOST_TOLD_MAX: usize = 100;
