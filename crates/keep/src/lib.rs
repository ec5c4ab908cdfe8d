//! Keeping the right things for the right time, and being able to prove it: retention and holds, erasure,
//! archives, backups and their restoring.
//!
//! Whatever changes or copies the log here is an event of `_system` first, with who asked for it, and another when it
//! has ended ([`deed`]). There is no second list of anything: policies, holds, requests, backups and settings
//! are what `_system` says ([`Keep::told`]). What would let records go sooner than was promised takes two
//! people ([`requests`]).

pub mod archive;
pub mod backup;
pub mod clock;
pub mod deed;
pub mod erase;
mod error;
pub mod holds;
pub mod import;
pub mod limits;
pub mod matching;
mod progress;
pub mod purge;
pub mod requests;
pub mod restore;
pub mod retention;
pub mod schedule;
pub mod target;

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};

use indelible_event::Micros;
use indelible_log::Seams;
use indelible_log::record::KeptRecord;
use indelible_store::Store;

pub use deed::{Begun, Who};
pub use error::KeepError;
pub use progress::{Progress, Silent};

/// What a store is kept with. One to a store; the long operations take turns.
pub struct Keep {
    store: Arc<Store>,
    seams: Seams,
    /// What is being done, while it is.
    busy: Mutex<()>,
    /// What decides what goes (policies, holds, requests) is changed by one at a time, and not while records go.
    changing: Mutex<()>,
    clock: clock::Watch,
    /// Why scheduled backups do not get on; written by `run_due` alone.
    backup_trouble: Mutex<Option<String>>,
}

impl Keep {
    /// Keeps a store. The seams are those that it was opened with. To be made before anything is recorded by this
    /// process: the last record tells when the clock was last right.
    pub fn new(store: Arc<Store>, seams: Seams) -> Keep {
        let recorded_at = store.log().view().recorded_at_max();
        let clock = clock::Watch::new(recorded_at);
        let (busy, changing, backup_trouble) = Default::default();
        Keep { store, seams, busy, changing, clock, backup_trouble }
    }

    /// The store.
    pub fn store(&self) -> &Arc<Store> {
        &self.store
    }

    /// Its files, clock and random source.
    pub fn seams(&self) -> &Seams {
        &self.seams
    }

    /// Now.
    pub fn now(&self) -> Micros {
        self.seams.clock.now()
    }

    /// What `_system` says with these actions, oldest first.
    pub fn told(&self, actions: &[&str]) -> Result<Vec<KeptRecord>, KeepError> {
        Ok(self.store.reader().told(actions)?)
    }

    /// The turn of one of the long operations; an error if another one runs.
    pub fn turn(&self) -> Result<MutexGuard<'_, ()>, KeepError> {
        match self.busy.try_lock() {
            Ok(turn) => Ok(turn),
            // Whoever broke off in the middle left an intent without an outcome; the next one goes on.
            Err(TryLockError::Poisoned(turn)) => Ok(turn.into_inner()),
            Err(TryLockError::WouldBlock) => Err(KeepError::Busy),
        }
    }
}

/// What is locked here is never left half changed: `_system` has what counts.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
