//! What a stream's thread shares with those who look at it, and those who pause it or have it send again.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indelible_event::Micros;
use indelible_log::storage::Storage;

use super::place::{Last, Place};
use super::runner::rests;
use crate::limits::PLACE_EVERY_MICROS;
use crate::status::{State, StreamStatus, Trouble};

/// A stream, to be looked at and told what to do. It goes on when this is dropped.
pub struct Shared {
    /// Its name.
    pub(super) name: Arc<str>,
    pub(super) kind: &'static str,
    pub(super) to: String,
    pub(super) query: String,
    storage: Arc<dyn Storage>,
    /// Owned by whoever holds it.
    held: Mutex<Held>,
    /// Held by whoever writes the file.
    writing: Mutex<()>,
    changed: Condvar,
}

struct Held {
    place: Place,
    /// Grows when somebody moves the place, so that what was sent meanwhile does not move it back.
    epoch: u64,
    /// Whether the place differs from the one on disk.
    dirty: bool,
    saved_at: Option<Micros>,
    /// Why it cannot go on until somebody says where.
    stopped: Option<Trouble>,
    stopping: bool,
    /// Somebody wants it to try now.
    nudged: bool,
    state: State,
    oldest: Option<Micros>,
    sent: u64,
    last_at: Option<Micros>,
    trouble: Option<Trouble>,
}

/// Where it is.
pub(super) struct At {
    pub next: u64,
    pub epoch: u64,
}

/// How far it came.
pub(super) struct Moved {
    pub next: u64,
    pub sent: u64,
    pub last: Option<Last>,
    pub at: Option<Micros>,
}

impl Shared {
    pub(super) fn new(
        name: Arc<str>,
        (kind, to, query): (&'static str, String, String),
        storage: Arc<dyn Storage>,
        place: Result<Place, Trouble>,
    ) -> Shared {
        let (place, stopped) = match place {
            Ok(place) => (place, None),
            Err(trouble) => (Place::new(0), Some(trouble)),
        };
        let held = Held {
            place,
            epoch: 0,
            // A new place is written with the first that moves.
            dirty: false,
            saved_at: None,
            stopped,
            stopping: false,
            nudged: false,
            state: State::Starting,
            oldest: None,
            sent: 0,
            last_at: None,
            trouble: None,
        };
        let (held, changed, writing) = (Mutex::new(held), Condvar::new(), Mutex::new(()));
        Shared { name, kind, to, query, storage, held, changed, writing }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        // Each change of it is whole by itself.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it sends.
    pub fn query(&self) -> &str {
        &self.query
    }

    /// How it is, with the log ending there.
    pub fn status(&self, end: u64) -> StreamStatus {
        let held = self.held();
        let next = held.place.next;
        let state = match (&held.stopped, held.place.paused) {
            (Some(_), _) => rests(false),
            (None, true) => rests(true),
            (None, false) => held.state,
        };
        StreamStatus {
            name: self.name.to_string(),
            kind: self.kind,
            to: self.to.clone(),
            query: self.query.clone(),
            state,
            next,
            lag: end.saturating_sub(next),
            oldest_unsent_at: held.oldest.filter(|_| next < end),
            sent: held.sent,
            set_aside: held.place.set_aside,
            last_at: held.last_at,
            trouble: held.stopped.clone().or_else(|| held.trouble.clone()),
        }
    }

    /// Stops sending until it is resumed, also over a restart. Durable when this returns.
    pub fn pause(&self) -> Result<(), String> {
        self.set_paused(true)
    }

    /// Goes on, and at once where it waits after a failure. Durable when this returns.
    pub fn resume(&self) -> Result<(), String> {
        self.set_paused(false)
    }

    /// Whether it can be paused and resumed: one that has stopped is to be told from where first. Writing its place
    /// would make one of what nobody decided.
    pub fn has_place(&self) -> Result<(), String> {
        match self.held().stopped.clone() {
            None => Ok(()),
            Some(Trouble { message, hint, .. }) => {
                Err(format!("{message}; {}", hint.unwrap_or_default()))
            }
        }
    }

    fn set_paused(&self, paused: bool) -> Result<(), String> {
        self.has_place()?;
        self.change(|held| held.place.paused = paused)
    }

    /// Goes on from this place of the log; what lies behind it is sent again. Durable when this returns.
    pub fn replay(&self, from: u64) -> Result<(), String> {
        self.change(|held| {
            (held.place.next, held.place.last) = (from, None);
            held.stopped = None;
            held.oldest = None;
        })
    }

    fn change(&self, change: impl FnOnce(&mut Held)) -> Result<(), String> {
        let _writing = self.writing();
        let mut held = self.held();
        let before = (held.place.clone(), held.stopped.clone());
        change(&mut held);
        held.epoch += 1;
        held.dirty = true;
        if let Err(why) = self.write(&mut held) {
            (held.place, held.stopped) = before;
            return Err(why);
        }
        held.nudged = true;
        drop(held);
        self.changed.notify_all();
        Ok(())
    }

    /// Has the thread end when it next looks.
    pub(super) fn stop(&self) {
        self.held().stopping = true;
        self.changed.notify_all();
    }

    pub(super) fn is_stopping(&self) -> bool {
        self.held().stopping
    }

    /// Waits until somebody wants something, or for so long.
    pub(super) fn rest(&self, longest: Duration) {
        let held = self.held();
        let quiet = |held: &mut Held| !held.stopping && !held.nudged;
        drop(self.changed.wait_timeout_while(held, longest, quiet));
    }

    /// Whether somebody wants it to try now.
    pub(super) fn take_nudge(&self) -> bool {
        std::mem::take(&mut self.held().nudged)
    }

    /// Whether it does nothing until somebody says so.
    pub(super) fn is_at_rest(&self) -> bool {
        let held = self.held();
        held.place.paused || held.stopped.is_some()
    }

    /// Why it cannot go on until somebody says where.
    pub(super) fn stopped_by(&self) -> Option<Trouble> {
        self.held().stopped.clone()
    }

    pub(super) fn at(&self) -> At {
        let held = self.held();
        At { next: held.place.next, epoch: held.epoch }
    }

    pub(super) fn last(&self) -> (u64, Option<Last>) {
        let held = self.held();
        (held.place.next, held.place.last.clone())
    }

    /// It cannot go on until somebody says where.
    pub(super) fn stopped(&self, why: String, now: Micros) {
        let hint = format!(
            "say from where it is to send: `indelible stream replay {} --from …`",
            self.name
        );
        self.held().stopped = Some(Trouble::again(None, why, Some(hint), now));
    }

    /// It begins to send, the oldest of it recorded then.
    pub(super) fn sends(&self, oldest: Micros) {
        let mut held = self.held();
        held.oldest = Some(oldest);
        if held.state == State::Starting {
            held.state = State::Running;
        }
    }

    /// There is nothing to send.
    pub(super) fn is_up_to_date(&self) {
        let mut held = self.held();
        held.oldest = None;
        // What fails has something to send, or could not say or keep something.
        (held.state, held.trouble) = (State::Running, None);
    }

    pub(super) fn runs(&self) {
        let mut held = self.held();
        (held.state, held.trouble) = (State::Running, None);
    }

    pub(super) fn trouble(&self) -> Option<Trouble> {
        self.held().trouble.clone()
    }

    /// It failed, one more time.
    pub(super) fn fails(&self, why: String, hint: Option<String>, now: Micros) -> Trouble {
        let mut held = self.held();
        let trouble = Trouble::again(held.trouble.take(), why, hint, now);
        (held.state, held.trouble) = (State::Failing, Some(trouble.clone()));
        trouble
    }

    pub(super) fn told_failing(&self) -> bool {
        self.held().place.told_failing
    }

    /// Remembers, over restarts too, whether a notice says that it fails.
    pub(super) fn set_told_failing(&self, told: bool) {
        let mut held = self.held();
        held.place.told_failing = told;
        held.dirty = true;
    }

    /// Moves the place on, unless somebody moved it meanwhile.
    pub(super) fn advance(&self, epoch: u64, moved: Moved) {
        let mut held = self.held();
        held.sent += moved.sent;
        held.last_at = moved.at.or(held.last_at);
        if held.epoch == epoch {
            held.place.next = moved.next.max(held.place.next);
            if moved.last.is_some() {
                held.place.last = moved.last;
            }
            held.dirty = true;
        }
    }

    /// Moves the place over one that is left out, and keeps that.
    pub(super) fn leave(&self, epoch: u64, next: u64) -> Result<(), String> {
        let _writing = self.writing();
        let mut held = self.held();
        held.place.set_aside += 1;
        if held.epoch == epoch {
            held.place.next = next.max(held.place.next);
        }
        held.dirty = true;
        self.write(&mut held)
    }

    /// Keeps the place if it moved, and was not kept just before.
    pub(super) fn save_if_due(&self, now: Micros) -> Result<(), String> {
        let mut held = self.held();
        let lately = |at: Micros| (0..PLACE_EVERY_MICROS).contains(&(now.0 - at.0));
        if held.saved_at.is_some_and(lately) {
            return Ok(());
        }
        held.saved_at = Some(now);
        drop(held);
        self.save()
    }

    /// Keeps the place if it moved. Whoever looks how the stream is does not wait for the disk meanwhile.
    pub(super) fn save(&self) -> Result<(), String> {
        let _writing = self.writing();
        let place = {
            let mut held = self.held();
            if !std::mem::take(&mut held.dirty) {
                return Ok(());
            }
            held.place.clone()
        };
        let stored = place.store(&*self.storage, &self.name);
        stored.inspect_err(|_| self.held().dirty = true)
    }

    /// The turn to write, taken before anything is looked at: an older place never goes over a newer one.
    fn writing(&self) -> MutexGuard<'_, ()> {
        self.writing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, held: &mut Held) -> Result<(), String> {
        if held.dirty {
            held.place.store(&*self.storage, &self.name)?;
            held.dirty = false;
        }
        Ok(())
    }
}
