//! A trail in the application's own process.

use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use indelible_event::{TrailName, check};
use indelible_keep::{Keep, KeepError};
use indelible_log::{AppendError, Appended, LogError, Seams};
use indelible_recorder::{Receipt, SendError, Sent, Transport};
use indelible_store::{InitOptions, Item, NODE, OpenOptions, Store, StoreError};

use crate::keeping::{Keeper, Keeping};

/// A data directory that this process writes itself; the command line reads it while it does
/// (`indelible --data DIR search`), and `indelible serve` can take it over once it is closed.
pub struct Embedded {
    /// The node's key: a directory that is moved, or named in another way, is still the one that events are for.
    destination: String,
    trail: Arc<Trail>,
    keeper: Keeper,
}

/// What is written, and kept meanwhile.
pub(crate) struct Trail {
    dir: PathBuf,
    seams: Seams,
    keeping: Keeping,
    store: RwLock<State>,
}

enum State {
    Open(Open),
    /// A write failed, and it could not be opened anew yet.
    Poisoned,
    /// For good: somebody else may have it.
    Closed,
}

struct Open {
    keep: Keep,
    store: Arc<Store>,
}

impl Embedded {
    /// Opens a data directory, and makes it where there is none. What is in it stays, unless a policy was set there.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Embedded, StoreError> {
        let opened = Embedded::keeping(dir, Keeping::default());
        opened.map_err(|error| match error {
            KeepError::Store(error) => error,
            // Nothing is asked of the log but to be opened.
            other => StoreError::from(LogError::NotFound(other.to_string())),
        })
    }

    /// Like [`Embedded::open`], for as long and as much as is said: a policy for everything that is recorded from now
    /// on. What is due goes at once and then each day, on a thread of its own.
    pub fn keeping(dir: impl Into<PathBuf>, keeping: Keeping) -> Result<Embedded, KeepError> {
        let dir = dir.into();
        let seams = Seams::real(&dir);
        Embedded::on(dir, seams, keeping)
    }

    fn on(dir: PathBuf, seams: Seams, keeping: Keeping) -> Result<Embedded, KeepError> {
        if !dir.join(NODE).exists() {
            match Store::init(&seams, &InitOptions { origin: origin() }) {
                // Another process was faster; whether it still writes is for `open` to say.
                Err(StoreError::Log(LogError::Exists(_))) => {}
                other => other?,
            }
        }
        let open = open(&seams, &keeping)?;
        let node = open.store.reader().node();
        let destination = format!("embedded:{}+{}", node.origin, node.public_key);
        let keeps = keeping.is_any() || open.store.log().policies().len() > 1;
        let store = RwLock::new(State::Open(open));
        let trail = Arc::new(Trail { dir, seams, keeping, store });
        let keeper = if keeps { Keeper::start(trail.clone()) } else { Keeper::none() };
        Ok(Embedded { destination, trail, keeper })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.trail.dir
    }
}

impl Trail {
    /// Does something with what keeps the trail, while it is open.
    pub(crate) fn keep<T>(&self, work: impl FnOnce(&Keep) -> T) -> Option<T> {
        match &*self.store.read().unwrap_or_else(PoisonError::into_inner) {
            State::Open(open) => Some(work(&open.keep)),
            State::Poisoned | State::Closed => None,
        }
    }

    /// Opens the log again after a write failed: what was acknowledged is found in it, and the rest is sent again.
    fn reopen(&self) -> Result<(), SendError> {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        // A sending that nobody waits for any more may come after the end.
        if matches!(*store, State::Closed) {
            return Err(SendError::passing("the trail is closed"));
        }
        // The old one holds the lock of the directory.
        *store = State::Poisoned;
        let opened =
            open(&self.seams, &self.keeping).map_err(|e| SendError::passing(e.to_string()))?;
        *store = State::Open(opened);
        Ok(())
    }

    fn close(&self) {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        let State::Open(Open { keep, store }) = std::mem::replace(&mut *store, State::Closed)
        else {
            return;
        };
        drop(keep);
        if let Some(Err(error)) = Arc::into_inner(store).map(Store::close) {
            tracing::error!(%error, "the audit trail was closed without a last checkpoint");
        }
    }
}

impl Transport for Embedded {
    fn destination(&self) -> String {
        self.destination.clone()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let mut items: Vec<Item> = Vec::with_capacity(events.len());
        // For each event why it is no item; those that are, are in the same order in `items`.
        let refused: Vec<Option<String>> =
            events.iter().map(|json| item(json).map(|item| items.push(item)).err()).collect();
        let store = self.trail.store.read().unwrap_or_else(PoisonError::into_inner);
        let State::Open(open) = &*store else {
            drop(store);
            self.trail.reopen()?;
            return Err(SendError::passing("the log was opened again"));
        };
        let mut appended = items.iter().zip(open.store.append(&items));
        drop(store);
        let mut poisoned = false;
        let sent = refused.into_iter().map(|refused| match refused {
            Some(why) => Sent::Refused(why),
            None => {
                let (item, result) = appended.next().expect("appending answers for each event");
                poisoned |= matches!(result, Err(AppendError::Poisoned(_)));
                sent(item, result)
            }
        });
        let sent = sent.collect();
        if poisoned {
            self.trail.reopen()?;
        }
        Ok(sent)
    }

    fn close(&self) {
        // What is going is let go of first: it works with the store.
        self.keeper.stop();
        self.trail.close();
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        // The thread would hold the directory for ever.
        self.keeper.stop();
    }
}

fn open(seams: &Seams, keeping: &Keeping) -> Result<Open, KeepError> {
    let store = Arc::new(Store::open(seams.clone(), OpenOptions::default())?);
    let keep = Keep::new(store.clone(), seams.clone());
    keeping.set(&keep)?;
    Ok(Open { keep, store })
}

/// The name under which a new log signs: that of the machine, as `indelible init` does it.
fn origin() -> String {
    let name = crate::host_name();
    if name.is_empty() { "localhost".into() } else { name }
}

fn item(json: &[u8]) -> Result<Item, String> {
    let event = check(json).map_err(|refusal| refusal.to_string())?;
    let trail = event.trail.clone().unwrap_or_else(TrailName::unnamed);
    Ok(Item { trail, event, recorded_by: None })
}

fn sent(item: &Item, result: Result<Appended, AppendError>) -> Sent {
    match result {
        Ok(Appended::Kept(receipt)) => Sent::Kept(Receipt {
            id: receipt.id,
            trail: item.trail.as_str().to_owned(),
            seq: Some(receipt.seq.0),
            leaf: Some(receipt.leaf.to_string()),
        }),
        Ok(Appended::Conflict { id, field, .. }) => {
            Sent::Refused(format!("the id {id} is taken by an event with another {field}"))
        }
        Err(error @ (AppendError::Refused(_) | AppendError::TooManyTrails)) => {
            Sent::Refused(error.to_string())
        }
        Err(error) => Sent::Failed(error.to_string()),
    }
}

#[cfg(test)]
#[path = "embedded_tests.rs"]
mod tests;
