//! Deleters: one event for all that was deleted through one.

use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;

use opendal_core::raw::oio::{self, Delete as _};
use opendal_core::raw::{OpDelete, Operation};
use opendal_core::{Error, Result};

use crate::audit::{Audit, Details, target};
use crate::deed::Deed;
use crate::fault::Fault;
use crate::limits::{BULK_KEYS_BYTES_MAX, BULK_KEYS_MAX, FAILED_KEYS_SHOWN_MAX};

/// A deleter that tells what was deleted when it is closed or dropped.
///
/// Where the intent must be durable first, it gathers what is to be deleted, and deletes it once it is told: when
/// the deleter is closed, or when there is much of it.
pub(crate) struct AuditDeleter {
    inner: oio::Deleter,
    audit: Arc<Audit>,
    batch: Option<Batch>,
    /// Batches that were full; how they ended is known when the deleter is closed.
    full: Vec<Deed>,
}

/// What becomes one event.
struct Batch {
    deed: Deed,
    keys: Vec<Key>,
    bytes: usize,
    recursive: bool,
    /// What was told, and is still to be handed to the backend.
    waiting: VecDeque<(String, OpDelete)>,
    failed: u64,
    failed_keys: Vec<String>,
    /// How many keys its event lists, once it does; then it takes no more.
    listed: Option<usize>,
    /// Which event of this deleter it is, if that has several.
    part: usize,
}

/// What is to be deleted.
struct Key {
    path: String,
    version: Option<String>,
}

impl AuditDeleter {
    pub(crate) fn new(inner: oio::Deleter, audit: Arc<Audit>) -> AuditDeleter {
        AuditDeleter { inner, audit, batch: None, full: Vec::new() }
    }

    fn batch(&mut self) -> &mut Batch {
        let part = self.full.len() + 1;
        let audit = &self.audit;
        self.batch
            .get_or_insert_with(|| Batch::new(audit.guarded(audit.event(Operation::Delete)), part))
    }

    /// Lets a full batch make room for the next.
    async fn make_room(&mut self) -> Result<()> {
        if self.batch.as_ref().is_none_or(|batch| !batch.is_full()) {
            return Ok(());
        }
        self.hand_over().await?;
        if let Some(mut batch) = self.batch.take() {
            batch.list(&self.audit, true);
            batch.count();
            self.full.push(mem::replace(&mut batch.deed, self.audit.untold()));
        }
        Ok(())
    }

    /// Tells what was gathered and hands it to the backend.
    async fn hand_over(&mut self) -> Result<()> {
        let several = !self.full.is_empty();
        let Some(batch) = &mut self.batch else { return Ok(()) };
        if batch.waiting.is_empty() {
            return Ok(());
        }
        batch.list(&self.audit, several || batch.is_full());
        batch.deed.begin().await?;
        // What is interrupted here stays in front, so that whoever tries again goes on with it.
        while let Some((path, args)) = batch.waiting.front().cloned() {
            match self.inner.delete(&path, args).await {
                Ok(()) => batch.recovered(),
                Err(error) if error.is_temporary() => {
                    batch.deed.remember(&error);
                    return Err(error);
                }
                Err(error) => {
                    batch.waiting.pop_front();
                    batch.failed(&path, &error);
                    return Err(error);
                }
            }
            batch.waiting.pop_front();
        }
        Ok(())
    }
}

impl oio::Delete for AuditDeleter {
    async fn delete(&mut self, path: &str, args: OpDelete) -> Result<()> {
        self.make_room().await?;
        let batch = self.batch();
        let again = batch.tried(path, &args);
        if !again {
            batch.add(path, &args);
        }
        if batch.deed.is_announced() {
            batch.waiting.push_back((path.to_owned(), args));
            return Ok(());
        }
        let result = self.inner.delete(path, args).await;
        let batch = self.batch();
        match &result {
            Ok(()) if again => batch.made_good(),
            Ok(()) => {}
            Err(error) if !again => batch.failed(path, error),
            Err(error) => batch.deed.remember(error),
        }
        result
    }

    async fn close(&mut self) -> Result<()> {
        let handed = self.hand_over().await;
        let result = match handed {
            Ok(()) => self.inner.close().await,
            Err(error) => Err(error),
        };
        if let Err(error) = &result
            && error.is_temporary()
        {
            if let Some(batch) = &mut self.batch {
                batch.deed.remember(error);
            }
            return result;
        }
        let several = !self.full.is_empty();
        let fault = result.as_ref().err().map(Fault::of);
        for mut deed in mem::take(&mut self.full) {
            let fault = deed.fault().cloned().or_else(|| fault.clone());
            deed.finish(fault).await;
        }
        if let Some(mut batch) = self.batch.take() {
            batch.list(&self.audit, several);
            batch.count();
            // What failed on the way counts, even if the backend closes without complaint.
            let failed = batch.deed.fault().filter(|_| batch.failed > 0).cloned();
            batch.deed.finish(fault.or(failed)).await;
        }
        result
    }
}

impl Drop for AuditDeleter {
    fn drop(&mut self) {
        let several = !self.full.is_empty();
        if let Some(batch) = &mut self.batch {
            batch.list(&self.audit, several);
            batch.count();
        }
    }
}

impl Batch {
    fn new(deed: Deed, part: usize) -> Batch {
        let (keys, waiting, failed_keys) = (Vec::new(), VecDeque::new(), Vec::new());
        let (bytes, recursive, failed, listed) = (0, false, 0, None);
        Batch { deed, keys, bytes, recursive, waiting, failed, failed_keys, listed, part }
    }

    fn is_full(&self) -> bool {
        let many = self.keys.len() >= BULK_KEYS_MAX || self.bytes >= BULK_KEYS_BYTES_MAX;
        many || self.listed.is_some()
    }

    fn add(&mut self, path: &str, args: &OpDelete) {
        self.bytes += path.len() + args.version().map_or(0, str::len);
        self.recursive |= args.recursive();
        self.keys.push(Key { path: path.to_owned(), version: args.version().map(str::to_owned) });
    }

    /// Whether this is the one that just failed, and a layer above tries it again.
    fn tried(&self, path: &str, args: &OpDelete) -> bool {
        let same = |key: &Key| key.path == path && key.version.as_deref() == args.version();
        self.deed.fault().is_some() && self.keys.last().is_some_and(same)
    }

    fn failed(&mut self, path: &str, error: &Error) {
        self.deed.remember(error);
        self.failed += 1;
        if self.failed_keys.len() < FAILED_KEYS_SHOWN_MAX {
            self.failed_keys.push(path.to_owned());
        }
    }

    /// The last one that failed was deleted after all.
    fn made_good(&mut self) {
        self.failed -= 1;
        if self.failed < FAILED_KEYS_SHOWN_MAX as u64 {
            self.failed_keys.pop();
        }
        self.recovered();
    }

    fn recovered(&mut self) {
        if self.failed == 0 {
            self.deed.recovered();
        }
    }

    /// Adds to the event what is deleted.
    fn list(&mut self, audit: &Audit, several: bool) {
        if self.listed.is_some() {
            return;
        }
        let keys = mem::take(&mut self.keys);
        self.listed = Some(keys.len());
        let (part, recursive) = (several.then_some(self.part), self.recursive);
        self.deed.note(|event| {
            let event = event.flag("recursive", recursive).some("part", part);
            match &*keys {
                [key] => {
                    let event = audit.contained(event.target_of(target(&key.path)));
                    event.some("version", key.version.as_deref())
                }
                _ => audit.contained(event).bulk("file", keys.iter().map(Key::spelled)),
            }
        });
    }

    /// Adds to the event how many of them were not.
    fn count(&mut self) {
        if self.listed == Some(1) {
            return;
        }
        let failed = Some(self.failed).filter(|failed| *failed > 0);
        let keys = Some(mem::take(&mut self.failed_keys)).filter(|keys| !keys.is_empty());
        let untried = Some(self.waiting.len()).filter(|waiting| *waiting > 0);
        self.deed.note(|event| {
            event.some("failed", failed).some("failed_keys", keys).some("not_tried", untried)
        });
    }
}

impl Key {
    fn spelled(&self) -> String {
        match &self.version {
            Some(version) => format!("{}?version={version}", self.path),
            None => self.path.clone(),
        }
    }
}
