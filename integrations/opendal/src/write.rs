//! Writers: one event for all that was written through one.

use indelible_recorder::Event;
use opendal_core::raw::{OpRead, oio};
use opendal_core::{Buffer, BytesRange, Metadata, Result};

use crate::audit::{Audit, Details};
use crate::deed::Deed;
use crate::fault::Fault;
use crate::limits::SOURCES_SHOWN_MAX;
use std::sync::Arc;

/// A writer that tells what was written when it is closed, aborted or dropped.
pub(crate) struct AuditWriter {
    inner: oio::Writer,
    audit: Arc<Audit>,
    /// What a deed of this writer begins with: some backends let a closed writer be used again.
    event: Event,
    deed: Deed,
    bytes: u64,
    sources: Vec<String>,
}

impl AuditWriter {
    pub(crate) fn new(inner: oio::Writer, audit: Arc<Audit>, event: Event) -> AuditWriter {
        let deed = audit.guarded(event.clone());
        AuditWriter { inner, audit, event, deed, bytes: 0, sources: Vec::new() }
    }

    async fn begin(&mut self) -> Result<()> {
        if self.deed.is_over() {
            self.deed = self.audit.guarded(self.event.clone());
        }
        self.deed.begin().await
    }

    fn wrote(&mut self, result: &Result<()>, bytes: u64) {
        match result {
            Ok(()) => {
                self.bytes += bytes;
                self.deed.recovered();
            }
            // The caller may try again, abort, or go: what it is, is told then.
            Err(error) => self.deed.remember(error),
        }
    }

    fn count(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        let sources = Some(std::mem::take(&mut self.sources)).filter(|paths| !paths.is_empty());
        self.deed.note(|event| event.detail("bytes", bytes).some("copied_from", sources));
    }
}

impl oio::Write for AuditWriter {
    async fn write(&mut self, buffer: Buffer) -> Result<()> {
        self.begin().await?;
        let bytes = buffer.len() as u64;
        let result = self.inner.write(buffer).await;
        self.wrote(&result, bytes);
        result
    }

    async fn copy_from(&mut self, path: &str, args: OpRead, range: BytesRange) -> Result<()> {
        self.begin().await?;
        if self.sources.len() < SOURCES_SHOWN_MAX && self.sources.iter().all(|known| known != path)
        {
            self.sources.push(path.to_owned());
        }
        let result = self.inner.copy_from(path, args, range).await;
        self.wrote(&result, range.size().unwrap_or_default());
        result
    }

    async fn close(&mut self) -> Result<Metadata> {
        // Closing may be what writes: an empty file, or all that was gathered. Twice is not a second write.
        self.deed.begin().await?;
        let result = self.inner.close().await;
        if let Err(error) = &result
            && error.is_temporary()
        {
            self.deed.remember(error);
            return result;
        }
        self.count();
        if let Ok(written) = &result {
            let (etag, version) = (written.etag(), written.version());
            self.deed.note(|event| event.some("etag", etag).some("version", version));
        }
        self.deed.end(&result).await;
        result
    }

    async fn abort(&mut self) -> Result<()> {
        let result = self.inner.abort().await;
        self.count();
        let failed = self.deed.fault().cloned();
        let left = result.as_ref().err().map(|error| Fault::of(error).code);
        self.deed.note(|event| event.detail("aborted", true).some("abort_error", left));
        self.deed.finish(Some(failed.unwrap_or_else(Fault::aborted))).await;
        result
    }
}

impl Drop for AuditWriter {
    fn drop(&mut self) {
        self.count();
    }
}
