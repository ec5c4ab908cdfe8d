//! What flows in from brokers and syslog, and out to receivers.
//!
//! An **input** ([`inputs`]) takes messages from somewhere, makes events of them, and hands them to the [`Intake`], which
//! answers when they are durable; only then the input acknowledges. A **stream** ([`streams`]) follows the log by a place
//! of its own, and hands what matches its query to a [`streams::Sink`]: in order, at least once, as slowly as the
//! receiver takes it. Neither knows the log: both see it through [`Intake`] and [`Source`], which the server is.
//! Nothing here can hold recording up.

mod broker;
pub mod check;
pub mod config;
pub mod inputs;
pub mod limits;
mod seam;
mod secret;
pub mod status;
pub mod streams;
pub mod tls;
mod x509;

pub use config::{Connections, ConnectionsError};
pub use seam::{
    Busy, Incoming, Intake, Later, Notice, Notices, Outgoing, Page, Source, SourceError, Taken,
};
pub use secret::Secret;
