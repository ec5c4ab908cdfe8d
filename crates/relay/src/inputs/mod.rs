//! What comes in: each input is a task that ends when it is told to.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indelible_event::Micros;
use indelible_log::{Clock, Seams};
use tokio::sync::watch;

use crate::config::From;
use crate::seam::{Busy, Incoming, Intake, Later, Notice, Notices, Taken};
use crate::status::{InputStatus, State, Trouble};
use crate::streams::cut;

pub mod nats;
mod running;
pub mod syslog;

pub use running::{Inlet, Inputs, Watched};

/// Where messages come from, as its task sees it.
pub trait Input: Send {
    /// Takes messages until it is told to stop. An input connects anew and waits by itself; if it ends without having
    /// been told to, it is opened and run again after a pause that doubles.
    fn run(self: Box<Self>, door: Door) -> Later<'static, ()>;
}

/// What an input may use to be made.
#[derive(Clone)]
pub struct InputContext {
    /// The input's name.
    pub input: Arc<str>,
    /// Files of the data directory, clock and random source.
    pub seams: Seams,
}

/// Why an input makes no sense, or cannot begin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct InputError {
    /// What it is.
    pub why: String,
    /// What to do about it.
    pub hint: String,
}

/// What an input has to do with the node: the way in, where it says how it is, and when it is to stop.
#[derive(Clone)]
pub struct Door {
    /// The input's name.
    pub name: Arc<str>,
    /// The trail of events that name none.
    pub trail: Arc<str>,
    /// The way into the log.
    pub intake: Arc<dyn Intake>,
    /// Where notices go. They block: [`Door::tell`] does not.
    pub notices: Arc<dyn Notices>,
    /// How it is. Its `from` may be set to what is true, the port that was taken for port 0, say.
    pub status: Arc<Mutex<InputStatus>>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// True once it is to stop.
    pub stop: watch::Receiver<bool>,
}

impl Door {
    /// An event on its way in, in this input's trail where it names none.
    pub fn incoming(&self, json: Vec<u8>, ip: Option<IpAddr>) -> Incoming {
        Incoming { json, trail: Arc::clone(&self.trail), ip }
    }

    /// Hands events in, answers when they are durable, and counts what became of them.
    pub async fn take(&self, events: Vec<Incoming>) -> Result<Vec<Taken>, Busy> {
        let taken = self.intake.take(&self.name, events).await?;
        let now = self.clock.now();
        let mut status = self.status();
        status.last_at = Some(now);
        for one in &taken {
            match one {
                Taken::Kept { known: false } => status.kept += 1,
                Taken::Kept { known: true } => status.known += 1,
                Taken::Refused { field, message } => refuse(&mut status, field, message),
                Taken::Failed(_) => {}
            }
        }
        Ok(taken)
    }

    /// Counts a message that never became an event, with what is wrong with it.
    pub fn refused(&self, field: &str, message: &str) {
        let now = self.clock.now();
        let mut status = self.status();
        status.last_at = Some(now);
        refuse(&mut status, field, message);
    }

    /// Says that it works: a trouble that was is over.
    pub fn fine(&self) {
        let mut status = self.status();
        status.state = State::Running;
        status.trouble = None;
    }

    /// Says what is wrong and, where that is known, what to do about it.
    pub fn trouble(&self, message: impl Into<String>, hint: Option<String>) {
        let now = self.clock.now();
        let mut status = self.status();
        status.state = State::Failing;
        status.trouble = Some(Trouble::again(status.trouble.take(), message.into(), hint, now));
    }

    /// Records a notice; the answer comes when it is durable.
    pub async fn tell(&self, notice: Notice) -> Result<(), String> {
        let notices = Arc::clone(&self.notices);
        let told = tokio::task::spawn_blocking(move || notices.tell(notice)).await;
        told.unwrap_or_else(|_| Err("the notice broke off".into()))
    }

    /// Whether it is to stop.
    pub fn stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Comes back when it is to stop.
    pub async fn stopped(&mut self) {
        // An error is a sender that is gone: nobody is left to stop it, so it stops itself.
        let _ = self.stop.wait_for(|stop| *stop).await;
    }

    /// How it is, to be changed.
    pub fn status(&self) -> MutexGuard<'_, InputStatus> {
        // Plain members: whoever panicked with it in hand left nothing half done.
        self.status.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn refuse(status: &mut InputStatus, field: &str, message: &str) {
    status.refused += 1;
    // Both may repeat what the sender wrote.
    let (field, message) = (cut(field), cut(message));
    status.last_refused =
        Some(if field.is_empty() { message } else { format!("{field} {message}") });
}

impl From {
    /// What kind of input it is.
    pub fn kind(&self) -> &'static str {
        match self {
            From::Syslog(_) => "syslog",
            From::Nats(_) => "nats",
        }
    }

    /// Where from, for people: without secrets.
    pub fn place(&self) -> String {
        match self {
            From::Syslog(from) => from.place(),
            From::Nats(from) => from.place(),
        }
    }

    /// Whether it could begin now, as far as can be told without connecting or listening.
    pub fn ready(&self, context: &InputContext) -> Result<(), InputError> {
        self.open(context)?;
        match self {
            From::Syslog(from) => from.ready(context),
            From::Nats(_) => Ok(()),
        }
    }

    /// Makes the input; it connects or listens when it is run. The error says what makes no sense.
    pub fn open(&self, context: &InputContext) -> Result<Box<dyn Input>, InputError> {
        match self {
            From::Syslog(from) => from.open(context),
            From::Nats(from) => from.open(context),
        }
    }
}

impl Trouble {
    /// A failure that happened now, behind those before it.
    pub fn again(
        before: Option<Trouble>,
        message: String,
        hint: Option<String>,
        at: Micros,
    ) -> Trouble {
        let (since, failures) = before.map_or((at, 0), |trouble| (trouble.since, trouble.failures));
        Trouble { message, hint, at, since, failures: failures.saturating_add(1) }
    }
}
