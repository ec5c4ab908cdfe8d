//! Time that stands still until it is moved, and randomness that repeats.

use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, Ordering};

use indelible_event::Micros;
use indelible_log::{Clock, Entropy};

use crate::random::Rng;

/// A clock that a test moves, forwards or backwards.
#[derive(Debug)]
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// Stands at this many microseconds since 1970.
    pub fn at(micros: i64) -> ManualClock {
        ManualClock(AtomicI64::new(micros))
    }

    /// Moves by this many microseconds, which may be negative.
    pub fn advance(&self, micros: i64) {
        self.0.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Default for ManualClock {
    /// Noon of 15 November 2026, UTC.
    fn default() -> Self {
        ManualClock::at(1_794_744_000_000_000)
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Micros {
        Micros(self.0.load(Ordering::Relaxed))
    }
}

/// Bytes that repeat with the seed. With more than one caller at a time their order does not.
#[derive(Debug)]
pub struct SeededEntropy(Mutex<Rng>);

impl SeededEntropy {
    /// Starts from a seed.
    pub fn new(seed: u64) -> SeededEntropy {
        SeededEntropy(Mutex::new(Rng::new(seed)))
    }
}

impl Entropy for SeededEntropy {
    fn fill(&self, out: &mut [u8]) {
        self.0.lock().expect("filling a buffer does not panic").fill(out);
    }
}
