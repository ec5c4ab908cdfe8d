//! How an input or a stream is.

use indelible_event::Micros;
use serde::{Serialize, Serializer};

/// What one is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It has not done anything yet.
    #[default]
    Starting,
    /// It works; a stream has sent everything, or is sending.
    Running,
    /// It failed, and tries again.
    Failing,
    /// Somebody paused it.
    Paused,
    /// It cannot go on until somebody does something.
    Stopped,
}

/// What went wrong, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// What.
    pub message: String,
    /// What to do about it, where that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
    /// When it was last so.
    #[serde(serialize_with = "moment")]
    pub at: Micros,
    /// Since when.
    #[serde(serialize_with = "moment")]
    pub since: Micros,
    /// How often, one after the other.
    pub failures: u32,
}

/// An input.
#[derive(Clone, Debug, Serialize)]
pub struct InputStatus {
    /// Its name.
    pub name: String,
    /// `syslog` or `nats`.
    pub kind: &'static str,
    /// Where from, without secrets.
    pub from: String,
    /// What it is doing.
    pub state: State,
    /// Events that are durable, new ones.
    pub kept: u64,
    /// Events that were known already.
    pub known: u64,
    /// Messages that will never be events as they are.
    pub refused: u64,
    /// Messages that went to the dead-letter subject.
    pub dead: u64,
    /// When the last one came in.
    #[serde(serialize_with = "maybe")]
    pub last_at: Option<Micros>,
    /// The last message that was refused: why.
    pub last_refused: Option<String>,
    /// What is wrong.
    pub trouble: Option<Trouble>,
}

/// A stream.
#[derive(Clone, Debug, Serialize)]
pub struct StreamStatus {
    /// Its name.
    pub name: String,
    /// `splunk`, say.
    pub kind: &'static str,
    /// Where to, without secrets.
    pub to: String,
    /// What it sends.
    pub query: String,
    /// What it is doing.
    pub state: State,
    /// Everything before it was sent, or does not match.
    pub next: u64,
    /// Records behind the log's end.
    pub lag: u64,
    /// When the oldest one that is not sent yet was recorded, where that is known.
    #[serde(serialize_with = "maybe")]
    pub oldest_unsent_at: Option<Micros>,
    /// Events sent since the process began.
    pub sent: u64,
    /// Events set aside, ever.
    pub set_aside: u64,
    /// When something was last sent.
    #[serde(serialize_with = "maybe")]
    pub last_at: Option<Micros>,
    /// What is wrong.
    pub trouble: Option<Trouble>,
}

fn moment<S: Serializer>(at: &Micros, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(at)
}

fn maybe<S: Serializer>(at: &Option<Micros>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(|at| at.to_string()).serialize(serializer)
}
