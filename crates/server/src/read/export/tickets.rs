//! How far exports are, for whoever gave them a name.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};

use indelible_event::Micros;
use serde::Serialize;
use utoipa::ToSchema;

use crate::auth::Caller;
use crate::problem::Problem;
use crate::read::limits;
use crate::state::AppState;

/// How far an export is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Progress {
    /// `running`, `done` or `failed`.
    state: &'static str,
    /// So many events went out.
    events: u64,
    /// Of so many, where that is known.
    of: Option<u64>,
    /// So many bytes went out.
    bytes: u64,
    /// Why it failed.
    message: Option<String>,
}

const RUNNING: &str = "running";

/// The exports that have a name, by credential and name. Only the credential itself sees them.
#[derive(Default)]
pub(crate) struct Tickets(Mutex<HashMap<Name, Entry>>);

/// A credential's opaque id, and the ticket.
type Name = (Arc<str>, String);

struct Entry {
    progress: Progress,
    ended: Option<Micros>,
}

impl Tickets {
    fn lock(&self) -> MutexGuard<'_, HashMap<Name, Entry>> {
        self.0.lock().expect("counting does not panic")
    }

    /// Begins to count, under a name if there is one.
    pub(super) fn begin(
        self: Arc<Self>,
        caller: &Caller,
        ticket: Option<&str>,
        state: &AppState,
    ) -> Result<Ticket, Problem> {
        let name = ticket.map(|ticket| (caller.id.clone(), ticket.to_owned()));
        let progress = Progress { state: RUNNING, events: 0, of: None, bytes: 0, message: None };
        if let Some(name) = &name {
            let mut entries = self.lock();
            let used = entries.get(name).is_some_and(|entry| entry.ended.is_none());
            if used {
                let detail = "this ticket is in use; give each export one of its own";
                return Err(Problem::conflict("ticket-in-use", detail));
            }
            entries.remove(name);
            make_room(&mut entries, state.now());
            entries.insert(name.clone(), Entry { progress, ended: None });
        }
        Ok(Ticket { tickets: self, name, state: state.clone() })
    }

    /// How far one is.
    pub(super) fn progress(&self, caller: &Caller, ticket: &str, now: Micros) -> Option<Progress> {
        let entries = self.lock();
        let entry = entries.get(&(caller.id.clone(), ticket.to_owned()))?;
        (!is_over(entry, now)).then(|| entry.progress.clone())
    }
}

fn is_over(entry: &Entry, now: Micros) -> bool {
    entry.ended.is_some_and(|at| now.0.saturating_sub(at.0) >= limits::TICKET_MICROS)
}

/// Forgets what is long over, and if that is not enough, what ended first. Those that run are fewer than fit.
fn make_room(entries: &mut HashMap<Name, Entry>, now: Micros) {
    entries.retain(|_, entry| !is_over(entry, now));
    while entries.len() >= limits::TICKETS_MAX {
        let ended = entries.iter().filter_map(|(name, entry)| Some((entry.ended?, name)));
        let Some(first) = ended.min_by_key(|(at, _)| *at).map(|(_, name)| name.clone()) else {
            return;
        };
        entries.remove(&first);
    }
}

/// An export's own side of it. What goes away without saying how it ended has failed.
pub(super) struct Ticket {
    tickets: Arc<Tickets>,
    name: Option<Name>,
    state: AppState,
}

impl Ticket {
    fn update(&self, change: impl FnOnce(&mut Entry)) {
        let Some(name) = &self.name else { return };
        if let Some(entry) = self.tickets.lock().get_mut(name) {
            change(entry);
        }
    }

    /// How many there will be.
    pub fn of(&self, of: Option<u64>) {
        self.update(|entry| entry.progress.of = of);
    }

    /// So much went out.
    pub fn sent(&self, events: u64, bytes: u64) {
        self.update(|entry| (entry.progress.events, entry.progress.bytes) = (events, bytes));
    }

    /// All went out.
    pub fn done(&self) {
        self.end("done", None);
    }

    /// It ended before.
    pub fn failed(&self, why: &str) {
        self.end("failed", Some(why.to_owned()));
    }

    fn end(&self, state: &'static str, message: Option<String>) {
        let now = self.state.now();
        self.update(|entry| {
            if entry.ended.is_none() {
                (entry.progress.state, entry.progress.message) = (state, message);
                entry.ended = Some(now);
            }
        });
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.failed("it broke off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_first_makes_room_and_what_runs_stays() {
        let entry = |ended| {
            let progress =
                Progress { state: RUNNING, events: 0, of: None, bytes: 0, message: None };
            Entry { progress, ended }
        };
        let name = |n: usize| (Arc::from("key:0"), format!("ticket-{n}"));
        let ended = |n: usize| (n > 7).then_some(Micros(n as i64));
        let mut entries: HashMap<Name, Entry> =
            (0..limits::TICKETS_MAX + 3).map(|n| (name(n), entry(ended(n)))).collect();
        make_room(&mut entries, Micros(5_000));
        assert_eq!(entries.len(), limits::TICKETS_MAX - 1);
        assert!((0..12).all(|n| entries.contains_key(&name(n)) == (n < 8)));
        // An hour after all of them ended, only those that run are left.
        make_room(&mut entries, Micros(limits::TICKET_MICROS + 5_000));
        assert_eq!(entries.len(), 8);
    }
}
