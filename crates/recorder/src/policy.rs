//! Which events are recorded, and how surely.
//!
//! **Muting** concerns only what instrumentation emits by itself: with a list of event types, the others are not
//! emitted. What an application records by hand is never muted.
//!
//! **Sampling** keeps a share of an event type. It decides by the correlation id, without a key and without chance, so
//! that every service of a request decides alike, today and tomorrow, and a request is kept whole or not at all:
//!
//! ```text
//! hash     = SHA-256("indelible/sample/v1" ‖ 0x00 ‖ correlation id)
//! fraction = (first 8 bytes of the hash, big-endian, shifted right by 11) / 2^53        0 ≤ fraction < 1
//! kept       if fraction < rate
//! ```
//!
//! The event type is not part of the hash: what is kept at a rate of 0.1 is also kept at any higher one, and of a
//! request whose event types have different rates the rarer ones are always seen with the others. An event without
//! correlation id is decided by itself, over a number of its own behind `0x01` in place of `0x00`.
//!
//! Whoever may choose a correlation id could look for one that is left out. So a rate leaves out nothing of a request
//! whose id came from a client that is not trusted ([`Scope::never_sampled`](crate::Scope::never_sampled)).
//!
//! **Never left out**, whatever list and rates say, is [`NEVER_LEFT_OUT`].

use std::collections::{BTreeMap, BTreeSet};

use indelible_event::{Outcome, Phase};
use sha2::{Digest, Sha256};

mod never;

pub use never::{NEVER_LEFT_OUT, Rule, is_never_left_out};

/// What is to be done with an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is recorded.
    Keep,
    /// Instrumentation made it, and its event type is not on the list.
    Muted,
    /// It is among those that its event type's rate leaves out.
    Sampled,
}

/// How surely an event must be kept when the call that records it returns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Durability {
    /// It is queued: the call never waits.
    #[default]
    Async,
    /// The call waits until it is durable, and says if it is not known to be.
    Durable,
    /// Like `Durable`, and what it tells of must not be done if it cannot be recorded.
    Required,
}

impl Durability {
    /// All of them.
    pub const ALL: [Durability; 3] = [Durability::Async, Durability::Durable, Durability::Required];

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Durability::Async => "async",
            Durability::Durable => "durable",
            Durability::Required => "required",
        }
    }
}

/// What is emitted, at which rate, and how surely. By default everything, and nothing waits.
///
/// ```
/// use indelible_recorder::{Durability, Outcome, Policy, Verdict};
///
/// let policy = Policy::default()
///     .event_types(["backend_operation"])
///     .sampling("backend_operation", 0.0)
///     .durability_of("data_delete", Durability::Required);
/// let asked = |action, event_type| {
///     policy.verdict(action, event_type, Outcome::Success, None, true, Some("c-1"), 0)
/// };
/// assert_eq!(asked("wal.append", "wal_operation"), Verdict::Muted);
/// assert_eq!(asked("file.read", "backend_operation"), Verdict::Sampled);
/// assert_eq!(asked("file.delete", "backend_operation"), Verdict::Keep); // never left out
/// assert_eq!(policy.durability("data_delete"), Durability::Required);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Policy {
    event_types: Option<BTreeSet<String>>,
    rates: BTreeMap<String, f64>,
    durability: BTreeMap<String, Durability>,
    durability_otherwise: Durability,
}

impl Policy {
    /// Only these event types are emitted by instrumentation.
    pub fn event_types<T: Into<String>>(mut self, all: impl IntoIterator<Item = T>) -> Policy {
        self.event_types = Some(all.into_iter().map(Into::into).collect());
        self
    }

    /// Keeps this share of an event type, from 0.0 (none) to 1.0 (all). What is beyond counts as the nearer of the two,
    /// and what is no number as 1.0: rather too much is kept than too little.
    pub fn sampling(mut self, event_type: impl Into<String>, rate: f64) -> Policy {
        let rate = if rate.is_nan() { 1.0 } else { rate.clamp(0.0, 1.0) };
        self.rates.insert(event_type.into(), rate);
        self
    }

    /// How surely events of this type are kept.
    pub fn durability_of(mut self, event_type: impl Into<String>, how: Durability) -> Policy {
        self.durability.insert(event_type.into(), how);
        self
    }

    /// How surely all others are kept.
    pub fn durability_otherwise(mut self, how: Durability) -> Policy {
        self.durability_otherwise = how;
        self
    }

    /// How surely an event of this type must be kept.
    pub fn durability(&self, event_type: &str) -> Durability {
        self.durability.get(event_type).copied().unwrap_or(self.durability_otherwise)
    }

    /// What is to be done with an event. `category` is its event type, "" if it has none; `instrumented` says that
    /// instrumentation made it; `otherwise` is a number of this event alone, for one without correlation id.
    #[expect(clippy::too_many_arguments, reason = "these are the facts it goes by, all of them")]
    pub fn verdict(
        &self,
        action: &str,
        category: &str,
        outcome: Outcome,
        phase: Option<Phase>,
        instrumented: bool,
        correlation_id: Option<&str>,
        otherwise: u64,
    ) -> Verdict {
        let is_listed = |all: &BTreeSet<String>| all.contains(category);
        let verdict = if instrumented && !self.event_types.as_ref().is_none_or(is_listed) {
            Verdict::Muted
        } else if self
            .rates
            .get(category)
            .is_some_and(|rate| fraction(correlation_id, otherwise) >= *rate)
        {
            Verdict::Sampled
        } else {
            return Verdict::Keep;
        };
        if is_never_left_out(action, category, outcome, phase) { Verdict::Keep } else { verdict }
    }
}

/// Where between 0 and 1 sampling puts it.
fn fraction(correlation_id: Option<&str>, otherwise: u64) -> f64 {
    let hash = Sha256::new_with_prefix(b"indelible/sample/v1");
    let hash = match correlation_id.filter(|id| !id.is_empty()) {
        Some(id) => hash.chain_update([0]).chain_update(id),
        None => hash.chain_update([1]).chain_update(otherwise.to_be_bytes()),
    };
    let first = hash.finalize().first_chunk().map_or(0, |first| u64::from_be_bytes(*first));
    (first >> 11) as f64 / (1_u64 << 53) as f64
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
