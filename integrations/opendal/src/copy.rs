//! Copies and compositions: one event each.

use std::{mem, thread};

use opendal_core::raw::{OpRead, oio};
use opendal_core::{Metadata, Result};

use crate::deed::Deed;
use crate::fault::Fault;

/// A copy that is told when it is done, aborted or dropped.
pub(crate) struct AuditCopier {
    inner: oio::Copier,
    deed: Deed,
    bytes: u64,
    done: bool,
}

impl AuditCopier {
    pub(crate) fn new(inner: oio::Copier, deed: Deed) -> AuditCopier {
        AuditCopier { inner, deed, bytes: 0, done: false }
    }

    fn count(&mut self) {
        // Backends that copy in one step do not say how much that was.
        if self.bytes > 0 {
            let bytes = self.bytes;
            self.deed.note(|event| event.detail("bytes", bytes));
        }
    }
}

impl oio::Copy for AuditCopier {
    async fn next(&mut self) -> Result<Option<usize>> {
        self.deed.begin().await?;
        let result = self.inner.next().await;
        match &result {
            Ok(Some(bytes)) => {
                self.bytes += *bytes as u64;
                self.deed.recovered();
            }
            Ok(None) => {
                self.done = true;
                self.deed.recovered();
            }
            // The caller tries again, aborts, or goes.
            Err(error) => self.deed.remember(error),
        }
        result
    }

    async fn close(&mut self) -> Result<Metadata> {
        self.deed.begin().await?;
        let result = self.inner.close().await;
        self.count();
        self.deed.end(&result).await;
        result
    }

    async fn abort(&mut self) -> Result<()> {
        let result = self.inner.abort().await;
        self.count();
        // After a failure the operator aborts by itself: that is told as the failure that it was.
        let fault = self.deed.fault().cloned().unwrap_or_else(Fault::aborted);
        self.deed.finish(Some(fault)).await;
        result
    }
}

impl Drop for AuditCopier {
    fn drop(&mut self) {
        self.count();
        // Whoever drives a copier as a stream learns that it is done, and does not close it.
        if self.done && self.deed.fault().is_none() && !thread::panicking() {
            self.deed.finish_now(None);
        }
    }
}

/// A composition that is told when it is closed or dropped.
pub(crate) struct AuditComposer {
    inner: oio::Composer,
    /// Keeps the event, which lists the sources only at its end.
    deed: Deed,
    sources: Vec<String>,
}

impl AuditComposer {
    pub(crate) fn new(inner: oio::Composer, deed: Deed) -> AuditComposer {
        AuditComposer { inner, deed, sources: Vec::new() }
    }

    fn list(&mut self) {
        let sources = mem::take(&mut self.sources);
        if !sources.is_empty() {
            self.deed.note(|event| event.bulk("file", sources));
        }
    }
}

impl oio::Compose for AuditComposer {
    async fn compose(&mut self, path: &str, args: OpRead) -> Result<()> {
        self.deed.begin().await?;
        let result = self.inner.compose(path, args).await;
        match &result {
            Ok(()) => {
                self.sources.push(path.to_owned());
                self.deed.recovered();
            }
            Err(error) => self.deed.remember(error),
        }
        result
    }

    async fn close(&mut self) -> Result<Metadata> {
        self.deed.begin().await?;
        let result = self.inner.close().await;
        self.list();
        self.deed.end(&result).await;
        result
    }
}

impl Drop for AuditComposer {
    fn drop(&mut self) {
        self.list();
    }
}
