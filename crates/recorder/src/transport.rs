//! Where events go: a node, a store in this process, a file, or a test's memory.

use std::time::Duration;

use indelible_event::EventId;

/// What an event's keeper gives once it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id.
    pub id: EventId,
    /// The trail it is in; "" where events are not kept at all.
    pub trail: String,
    /// Its place in that trail, where the keeper is a node or a store.
    pub seq: Option<u64>,
    /// The hash of its leaf in the trail's tree, in hex, there too.
    pub leaf: Option<String>,
}

/// What became of one event of a batch.
#[derive(Clone, Debug)]
pub enum Sent {
    /// It is durable, now or from an earlier sending.
    Kept(Receipt),
    /// It will never be kept as it is.
    Refused(String),
    /// It was not kept this time, and may be the next.
    Failed(String),
}

/// A batch of which nothing is known.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{why}")]
pub struct SendError {
    /// What happened.
    pub why: String,
    /// Whether the batch itself was turned away (too large, say), so that sending it again is of no use, and sending
    /// its events apart may be.
    pub rejected: bool,
    /// How long the other side asks us to wait.
    pub retry_after: Option<Duration>,
}

impl SendError {
    /// Something that may pass.
    pub fn passing(why: impl Into<String>) -> SendError {
        SendError { why: why.into(), rejected: false, retry_after: None }
    }
}

/// A way to whoever keeps events. Called from the recorder's own threads, never from the application's; two may
/// call at once.
pub trait Transport: Send + Sync + 'static {
    /// Where it leads, for errors, and to tell whose a spool is. It must hold no secret.
    fn destination(&self) -> String;

    /// Sends events, each the JSON of one in nested form with an id of its own, and answers for each in order once it
    /// is durable. The same event may come again: ids make that harmless.
    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError>;

    /// Nothing more will be sent. A sending that the recorder gave up waiting for may still be going on, and if that is
    /// the one of its backlog this comes after it.
    fn close(&self) {}
}

impl Receipt {
    /// The receipt where events are left out by configuration, or not recorded at all.
    pub(crate) fn of_nothing() -> Receipt {
        Receipt { id: EventId::default(), trail: String::new(), seq: None, leaf: None }
    }
}
