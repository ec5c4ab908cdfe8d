//! A trail in the application's own process.

use std::path::{Path, PathBuf};
use std::sync::{PoisonError, RwLock};

use indelible_event::{TrailName, check};
use indelible_log::{AppendError, Appended, LogError, Seams};
use indelible_recorder::{Receipt, SendError, Sent, Transport};
use indelible_store::{InitOptions, Item, NODE, OpenOptions, Store, StoreError};

/// A data directory that this process writes itself; the command line reads it while it does
/// (`indelible --data DIR search`), and `indelible serve` can take it over once it is closed.
pub struct Embedded {
    dir: PathBuf,
    /// The node's key: a directory that is moved, or named in another way, is still the one that events are for.
    destination: String,
    store: RwLock<State>,
}

enum State {
    Open(Box<Store>),
    /// A write failed, and it could not be opened anew yet.
    Poisoned,
    /// For good: somebody else may have it.
    Closed,
}

impl Embedded {
    /// Opens a data directory, and makes it where there is none.
    pub fn open(dir: impl Into<PathBuf>) -> Result<Embedded, StoreError> {
        let dir = dir.into();
        let seams = Seams::real(&dir);
        if !dir.join(NODE).exists() {
            match Store::init(&seams, &InitOptions { origin: origin() }) {
                // Another process was faster; whether it still writes is for `open` to say.
                Err(StoreError::Log(LogError::Exists(_))) => {}
                other => other?,
            }
        }
        let store = open(&dir)?;
        let node = store.reader().node();
        let destination = format!("embedded:{}+{}", node.origin, node.public_key);
        Ok(Embedded { dir, destination, store: RwLock::new(State::Open(Box::new(store))) })
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
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
        let opened = open(&self.dir).map_err(|e| SendError::passing(e.to_string()))?;
        *store = State::Open(Box::new(opened));
        Ok(())
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
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner);
        let State::Open(open) = &*store else {
            drop(store);
            self.reopen()?;
            return Err(SendError::passing("the log was opened again"));
        };
        let mut appended = items.iter().zip(open.append(&items));
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
            self.reopen()?;
        }
        Ok(sent)
    }

    fn close(&self) {
        let mut store = self.store.write().unwrap_or_else(PoisonError::into_inner);
        if let State::Open(open) = std::mem::replace(&mut *store, State::Closed)
            && let Err(error) = open.close()
        {
            tracing::error!(%error, "the audit trail was closed without a last checkpoint");
        }
    }
}

fn open(dir: &Path) -> Result<Store, StoreError> {
    Store::open(Seams::real(dir), OpenOptions::default())
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
