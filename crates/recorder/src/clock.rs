//! The one place of this crate that asks for the time or for randomness.

use std::cell::RefCell;
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

/// How many bytes are asked of the operating system at once: a call of it costs more than an event may.
const POOL_BYTES: usize = 512;

thread_local! {
    /// This thread's own random bytes, and how many of them were given out.
    static POOL: RefCell<([u8; POOL_BYTES], usize)> = const { RefCell::new(([0; POOL_BYTES], POOL_BYTES)) };
}

/// Bytes that nobody can guess, and that nobody was given before.
pub(crate) fn random<const N: usize>() -> [u8; N] {
    const { assert!(N <= POOL_BYTES) };
    POOL.with_borrow_mut(|(bytes, used)| {
        if *used + N > POOL_BYTES {
            fill(bytes);
            *used = 0;
        }
        let mut given = [0; N];
        let from = &mut bytes[*used..*used + N];
        given.copy_from_slice(from);
        from.fill(0);
        *used += N;
        given
    })
}

#[expect(clippy::disallowed_methods, reason = "this is the seam")]
fn fill(bytes: &mut [u8]) {
    // Whoever could guess the id of an event could take it first, and the event would be refused.
    getrandom::fill(bytes).expect("the operating system gives random bytes");
}
