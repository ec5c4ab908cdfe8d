//! The one place of this crate that asks for the time or for randomness.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use indelible_event::Micros;

use crate::limits::FOREVER;

/// Now, on the wall.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn now() -> Micros {
    // A clock before 1970 is wrong in any case, and the node's own time stands beside this one.
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}

/// Now, for measuring how long something takes.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn instant() -> Instant {
    Instant::now()
}

/// When so much time has passed, also where somebody says for ever.
pub(crate) fn after(wait: Duration) -> Instant {
    instant() + wait.min(FOREVER)
}

/// Bytes that nobody can guess.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub(crate) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    // Whoever could guess the id of an event could take it first, and the event would be refused.
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}
