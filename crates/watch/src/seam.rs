//! What the watch sees of a node.

use indelible_event::{EventId, Micros};
use indelible_rules::Seen;
use serde_json::Value;

/// Something that is to be an event of `_system`.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// Its id, which follows from what it is about: recorded again, it is known already.
    pub id: EventId,
    /// `alert.open`, say.
    pub action: &'static str,
    /// What it is about: types and ids; the first is the alert, the rule or the review.
    pub targets: Vec<(&'static str, String)>,
    /// When it happened.
    pub occurred_at: Option<Micros>,
    /// What there is to say.
    pub details: Value,
}

/// An event of `_system` that was found.
#[derive(Clone, Debug)]
pub struct Found {
    /// Its place in the log.
    pub pos: u64,
    /// As the API shows it.
    pub json: Vec<u8>,
}

/// How far a scan came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Everything before it was looked at.
    pub next: u64,
    /// Records before it that cannot be read: they are told by those who keep the log.
    pub unreadable: u64,
}

/// Why a node cannot answer now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HostError(pub String);

/// A node. Everything blocks.
pub trait Host: Send + Sync {
    /// Hands over the records of all trails from a place on in the log's order, those of `_system` too, until so many
    /// were, or `each` says `false`, or the log ends. What has expired is passed over.
    fn scan(
        &self,
        from: u64,
        records_max: usize,
        each: &mut dyn FnMut(&Seen<'_>) -> bool,
    ) -> Result<Scanned, HostError>;
    /// Behind the last record that can be read.
    fn end(&self) -> u64;
    /// Waits until there is a record at this place or behind it, or a second or so has passed.
    fn wait(&self, pos: u64);
    /// The place of the first record that was recorded at this moment or later; `end` if there is none.
    fn place_at(&self, recorded_at: Micros) -> Result<u64, HostError>;
    /// A moment before which nothing more is recorded: now, as long as nothing waits to be written.
    fn settled(&self) -> Micros;
    /// What `_system` tells by these actions, in its order.
    fn told(&self, actions: &[&str]) -> Result<Vec<Found>, HostError>;
    /// Records it, durable when this returns. One that is known already is fine.
    fn record(&self, deed: &Deed) -> Result<(), HostError>;
}
