//! Every bound of this crate, in one place.

/// Bytes of a text that somebody gives as a reason, a name or an authority.
pub const TEXT_BYTES_MAX: usize = 2_000;
/// How long a request waits for the second person: seven days.
pub const REQUEST_MICROS: i64 = 7 * 86_400_000_000;
/// Requests that may wait at a time.
pub const REQUESTS_MAX: usize = 1_000;
