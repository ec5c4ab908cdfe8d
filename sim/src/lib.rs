//! Seeded fault simulation: storage that loses power, storage that fails, time and randomness that
//! repeat, and a model that says what a log must hold after all of it.
//!
//! Everything here is deterministic by seed, so that a failure found at night can be looked at in the
//! morning. Nothing sleeps and nothing touches the file system.

mod clock;
mod fault;
mod model;
mod power;
mod random;

pub use clock::{ManualClock, SeededEntropy};
pub use fault::{Call, CallKind, Fault, FaultStorage, Plan};
pub use model::{Model, Trouble, make_event, make_id};
pub use power::{NameOrder, PowerStorage};
pub use random::Rng;

/// A number from the environment, for tests that a long run scales up.
pub fn scale(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}
