//! The seams for time and randomness. Everything above takes them as values, so that a test can move
//! the clock and repeat a run from its seed.

use std::time::{SystemTime, UNIX_EPOCH};

use indelible_event::Micros;

/// Where the log asks what time it is.
pub trait Clock: Send + Sync + 'static {
    /// Now, in UTC microseconds since 1970. May jump; whoever needs order enforces it.
    fn now(&self) -> Micros;
}

/// Where the log gets unpredictable bytes: salts, ids, keys.
pub trait Entropy: Send + Sync + 'static {
    /// Fills the buffer with bytes nobody can guess.
    fn fill(&self, out: &mut [u8]);
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn now(&self) -> Micros {
        let micros = match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => since.as_micros(),
            // A clock before 1970 is wrong in any case; zero keeps recorded_at monotonic.
            Err(_) => 0,
        };
        Micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// The operating system's random source.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn fill(&self, out: &mut [u8]) {
        // Without randomness a salt would be guessable and a sealed part readable by trial: there is
        // no way to go on, and no caller who could do better.
        getrandom::fill(out).expect("the operating system gives random bytes");
    }
}
