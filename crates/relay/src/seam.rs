//! What inputs and streams see of a node.

use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use indelible_event::{EventId, Micros};
use serde_json::Value;

/// An event on its way in: its JSON in any form that the API takes, not checked yet.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// The event.
    pub json: Vec<u8>,
    /// Its trail, where the JSON names none.
    pub trail: Arc<str>,
    /// From which address it came, for the context where the event says none.
    pub ip: Option<IpAddr>,
}

/// What became of one that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is durable; `known` if it was before.
    Kept {
        /// Whether it was there already.
        known: bool,
    },
    /// It will never be taken as it is.
    Refused {
        /// Which member.
        field: String,
        /// Why.
        message: String,
    },
    /// It was not kept for now: to be sent again.
    Failed(String),
}

/// A node that cannot take anything now: the disk is full, the log is poisoned, too much comes at once.
#[derive(Clone, Debug)]
pub struct Busy(pub String);

/// An answer that comes later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The way into the log.
pub trait Intake: Send + Sync {
    /// Takes events in the name of an input (`recorded_by` is `input:NAME`). Answers when they are durable, with one
    /// result for each.
    fn take<'a>(
        &'a self,
        input: &'a str,
        events: Vec<Incoming>,
    ) -> Later<'a, Result<Vec<Taken>, Busy>>;
}

/// An event on its way out.
#[derive(Clone, Debug)]
pub struct Outgoing {
    /// Its place in the node's whole log.
    pub pos: u64,
    /// Its trail.
    pub trail: Arc<str>,
    /// Its place there.
    pub seq: u64,
    /// Its id.
    pub id: EventId,
    /// Its leaf hash.
    pub leaf: [u8; 32],
    /// When it was recorded.
    pub recorded_at: Micros,
    /// As the API shows it, with its leaf hash as the last member `leaf` (hex): one line of JSON without the line break.
    pub json: Bytes,
}

/// What comes next.
#[derive(Clone, Debug)]
pub struct Page {
    /// Those that match, in the log's order. May be empty.
    pub events: Vec<Outgoing>,
    /// Everything before it was looked at.
    pub next: u64,
}

/// Why nothing can be read now.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SourceError {
    /// For a while.
    #[error("{0}")]
    Later(String),
    /// One record cannot be read, or does not hash to its leaf; all before it was looked at.
    #[error("the record at {pos} cannot be read: {why}")]
    Alarm {
        /// Its place.
        pos: u64,
        /// Why.
        why: String,
    },
    /// The query makes no sense.
    #[error("{0}")]
    Query(String),
}

/// The log as streams see it. Everything blocks.
pub trait Source: Send + Sync {
    /// Checks a query, so that one that makes no sense is told at the start.
    fn check(&self, query: &str) -> Result<(), String>;
    /// What matches a query from a place on: at most so many events and about so many bytes, but one at least where
    /// there is one.
    fn read(
        &self,
        query: &str,
        from: u64,
        events_max: usize,
        bytes_max: usize,
    ) -> Result<Page, SourceError>;
    /// Behind the last record that can be read.
    fn end(&self) -> u64;
    /// The place of the first record that was recorded at this moment or later; `end` if there is none.
    fn place_at(&self, recorded_at: Micros) -> Result<u64, SourceError>;
    /// The leaf hash of the record at a place, whatever it is; `None` if it has expired, or there is none.
    fn leaf_at(&self, pos: u64) -> Result<Option<[u8; 32]>, SourceError>;
    /// The place of a record; `None` if there is none.
    fn place_of(&self, trail: &str, seq: u64) -> Result<Option<u64>, SourceError>;
}

/// Something that is to be an event of `_system`.
#[derive(Clone, Debug)]
pub struct Notice {
    /// `stream.fail`, say.
    pub action: &'static str,
    /// `success` or `failure`.
    pub outcome: &'static str,
    /// `stream` or `input`, and its name.
    pub target: (&'static str, String),
    /// What there is to say.
    pub details: Value,
}

/// Where notices go. Blocks until it is durable where that is asked for.
pub trait Notices: Send + Sync {
    /// Records it, durable when this returns.
    fn tell(&self, notice: Notice) -> Result<(), String>;
}
