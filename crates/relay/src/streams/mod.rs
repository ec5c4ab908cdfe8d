//! What goes out.

use std::sync::Arc;
use std::time::Duration;

use indelible_log::Seams;
use tokio::runtime::Handle;

use crate::config::To;
use crate::limits::{BATCH_BYTES_MAX, BATCH_EVENTS_MAX};
use crate::seam::Outgoing;

mod alert;
pub mod elasticsearch;
mod http;
pub mod nats;
mod outside;
mod place;
mod runner;
mod running;
pub mod s3;
mod shared;
pub mod slack;
pub mod smtp;
pub mod splunk;
pub mod syslog;
pub mod table;
pub mod webhook;

pub use runner::Outlet;
pub(crate) use runner::{cut, said};
pub use running::Streams;
pub use shared::Shared;

/// A receiver, as the thread of its stream sees it. Everything blocks, within the limits' times.
pub trait Sink: Send {
    /// Sends these, in order. `Ok` when the receiver has all of them as surely as its protocol can tell. What was sent
    /// before an error may come again.
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError>;

    /// Makes sure that the receiver can be reached and is as it should be, sending no event: what `stream check
    /// --connect` does.
    fn probe(&mut self) -> Result<(), SinkError>;

    /// Whether it knows of something that may have to be sent again, which would be forgotten with it.
    fn owes(&self) -> bool {
        false
    }

    /// How much it wants at a time.
    fn batch(&self) -> Batch {
        Batch::default()
    }
}

/// How much a sink wants at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batch {
    /// At most so many events.
    pub events: usize,
    /// About so many bytes of them.
    pub bytes: usize,
    /// How long the first of them may wait for others, where there are fewer.
    pub patience: Duration,
}

impl Default for Batch {
    fn default() -> Batch {
        Batch { events: BATCH_EVENTS_MAX, bytes: BATCH_BYTES_MAX, patience: Duration::ZERO }
    }
}

/// What to do about a receiver that cannot be reached, does not answer or asks to wait.
pub(crate) const LATER: &str = "see that the receiver runs and can be reached from here at this address; it is tried again by itself";

/// What a sink may use.
#[derive(Clone)]
pub struct Context {
    /// The stream's name.
    pub stream: Arc<str>,
    /// Where those run that do not block. A sink's own thread is none of its, so it may wait for it.
    pub runtime: Handle,
    /// Files of the data directory, clock and random source.
    pub seams: Seams,
}

impl To {
    /// What kind of receiver it is.
    pub fn kind(&self) -> &'static str {
        match self {
            To::Syslog(_) => "syslog",
            To::Splunk(_) => "splunk",
            To::Elasticsearch(_) => "elasticsearch",
            To::S3(_) => "s3",
            To::Nats(_) => "nats",
            To::Table(_) => "table",
            To::Webhook(_) => "webhook",
            To::Slack(_) => "slack",
            To::Smtp(_) => "smtp",
        }
    }

    /// Where to, for people: without secrets.
    pub fn place(&self) -> String {
        match self {
            To::Syslog(to) => to.place(),
            To::Splunk(to) => to.place(),
            To::Elasticsearch(to) => to.place(),
            To::S3(to) => to.place(),
            To::Nats(to) => to.place(),
            To::Table(to) => to.place(),
            To::Webhook(to) => to.place(),
            To::Slack(to) => to.place(),
            To::Smtp(to) => to.place(),
        }
    }

    /// Makes the sink; it connects when it first has to. The error says what makes no sense.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        match self {
            To::Syslog(to) => to.open(context),
            To::Splunk(to) => to.open(context),
            To::Elasticsearch(to) => to.open(context),
            To::S3(to) => to.open(context),
            To::Nats(to) => to.open(context),
            To::Table(to) => to.open(context),
            To::Webhook(to) => to.open(context),
            To::Slack(to) => to.open(context),
            To::Smtp(to) => to.open(context),
        }
    }
}

/// Why a receiver does not have them.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SinkError {
    /// It cannot be reached, does not answer, or asks to wait: the same again after a pause.
    #[error("{why}")]
    Later {
        /// What it was.
        why: String,
        /// How long it asked to wait.
        wait: Option<Duration>,
    },
    /// Something has to be put right by people: a certificate, a password, a table that is not there. Tried again too, for
    /// it may have been; said loudly at once.
    #[error("{why}")]
    Wrong {
        /// What it was.
        why: String,
        /// What to do about it.
        hint: String,
    },
    /// The receiver will never take this one; those before it, it has.
    #[error("{why}")]
    Poison {
        /// Which one of those that were to be sent.
        at: usize,
        /// Why.
        why: String,
    },
}
