//! Readers: one event for all that was read through one.

use std::sync::{Arc, Mutex, PoisonError};
use std::{mem, thread};

use opendal_core::raw::{RpRead, oio};
use opendal_core::{Buffer, BytesRange, Error, Result};

use crate::deed::Deed;
use crate::fault::Fault;
use crate::limits::RANGES_SHOWN_MAX;

/// A reader that tells what was read once it and all of its streams are gone.
pub(crate) struct AuditReader {
    inner: oio::Reader,
    reading: Arc<Reading>,
}

/// A stream of one of its ranges.
struct AuditStream {
    inner: Box<dyn oio::ReadStreamDyn>,
    reading: Arc<Reading>,
    range: BytesRange,
    bytes: u64,
    under_way: bool,
}

/// Shared by a reader and its streams; whoever is the last to go tells it.
struct Reading(Mutex<Progress>);

struct Progress {
    deed: Deed,
    bytes: u64,
    reads: u64,
    ranges: Vec<BytesRange>,
    /// What is missing since something failed, and was not read later.
    failed: Option<(BytesRange, Fault)>,
    interrupted: bool,
}

/// A request that is under way.
struct Flight<'a> {
    reading: &'a Reading,
    range: BytesRange,
    landed: bool,
}

impl AuditReader {
    pub(crate) fn new(inner: oio::Reader, deed: Deed) -> AuditReader {
        let ranges = Vec::new();
        let progress =
            Progress { deed, bytes: 0, reads: 0, ranges, failed: None, interrupted: false };
        AuditReader { inner, reading: Arc::new(Reading(Mutex::new(progress))) }
    }
}

impl oio::Read for AuditReader {
    async fn open(&self, range: BytesRange) -> Result<(RpRead, Box<dyn oio::ReadStreamDyn>)> {
        let flight = self.reading.starts(range);
        let result = self.inner.open(range).await;
        flight.lands(result.as_ref().map(|_| 0));
        let (response, inner) = result?;
        let reading = self.reading.clone();
        let stream = AuditStream { inner, reading, range, bytes: 0, under_way: false };
        Ok((response, Box::new(stream)))
    }

    async fn read(&self, range: BytesRange) -> Result<(RpRead, Buffer)> {
        let flight = self.reading.starts(range);
        let result = self.inner.read(range).await;
        flight.lands(result.as_ref().map(|(_, buffer)| buffer.len() as u64));
        result
    }
}

impl AuditStream {
    fn came(&mut self, result: Result<Buffer>) -> Result<Buffer> {
        self.under_way = false;
        match &result {
            Ok(buffer) => self.bytes += buffer.len() as u64,
            Err(error) => {
                let missing = rest(self.range, self.bytes);
                self.reading.with(|progress| progress.fails(missing, error));
            }
        }
        result
    }
}

impl oio::ReadStream for AuditStream {
    async fn read(&mut self) -> Result<Buffer> {
        self.under_way = true;
        let result = self.inner.read().await;
        self.came(result)
    }

    async fn read_all(&mut self) -> Result<Buffer> {
        self.under_way = true;
        let result = self.inner.read_all().await;
        self.came(result)
    }
}

impl Drop for AuditStream {
    fn drop(&mut self) {
        self.reading.with(|progress| {
            progress.bytes += self.bytes;
            progress.interrupted |= self.under_way;
        });
    }
}

impl Reading {
    fn with<T>(&self, work: impl FnOnce(&mut Progress) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn starts(&self, range: BytesRange) -> Flight<'_> {
        self.with(|progress| progress.starts(range));
        Flight { reading: self, range, landed: false }
    }
}

impl Flight<'_> {
    fn lands(mut self, result: Result<u64, &Error>) {
        self.landed = true;
        self.reading.with(|progress| match result {
            Ok(bytes) => {
                progress.bytes += bytes;
                // What was missing came: a layer above tried again.
                progress.failed.take_if(|(range, _)| *range == self.range);
            }
            Err(error) => progress.fails(self.range, error),
        });
    }
}

impl Drop for Flight<'_> {
    fn drop(&mut self) {
        if !self.landed {
            self.reading.with(|progress| progress.interrupted = true);
        }
    }
}

impl Progress {
    fn starts(&mut self, range: BytesRange) {
        self.reads += 1;
        // Chunks of one range make one range again.
        if let Some(BytesRange::Range { offset, size: Some(size) }) = self.ranges.last_mut()
            && let BytesRange::Range { offset: next, size: Some(more) } = range
            && offset.checked_add(*size) == Some(next)
            && let Some(sum) = size.checked_add(more)
        {
            *size = sum;
        } else if self.ranges.len() < RANGES_SHOWN_MAX && self.ranges.last() != Some(&range) {
            self.ranges.push(range);
        }
    }

    fn fails(&mut self, range: BytesRange, error: &Error) {
        self.failed = Some((range, Fault::of(error)));
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.reads == 0 {
            // Nothing was asked of the backend.
            self.deed.forget();
            return;
        }
        let (bytes, reads) = (self.bytes, self.reads);
        self.deed.note(|event| event.detail("bytes", bytes));
        if self.ranges.iter().any(|range| !range.is_full()) {
            let ranges: Vec<_> = mem::take(&mut self.ranges).into_iter().map(spelled).collect();
            self.deed.note(|event| event.detail("ranges", ranges).detail("reads", reads));
        }
        match self.failed.take() {
            // Whatever is being unwound says more than what was read.
            _ if thread::panicking() => {}
            Some((_, fault)) => self.deed.finish_now(Some(fault)),
            None if self.interrupted => {}
            None => self.deed.finish_now(None),
        }
    }
}

/// What is left of a range after so many bytes of it.
fn rest(range: BytesRange, bytes: u64) -> BytesRange {
    match range {
        BytesRange::Range { offset, size } => BytesRange::Range {
            offset: offset.saturating_add(bytes),
            size: size.map(|size| size.saturating_sub(bytes)),
        },
        BytesRange::Suffix { size } => BytesRange::Suffix { size: size.saturating_sub(bytes) },
    }
}

/// A range as in HTTP, and `empty` for what that cannot say: the first and the last byte, `100-199`; `100-` to the
/// end; `-100` for the last hundred.
fn spelled(range: BytesRange) -> String {
    match range {
        BytesRange::Range { size: Some(0), .. } => "empty".to_owned(),
        BytesRange::Range { offset, size: Some(size) } => {
            format!("{offset}-{}", offset.saturating_add(size - 1))
        }
        BytesRange::Range { offset, size: None } => format!("{offset}-"),
        BytesRange::Suffix { size } => format!("-{size}"),
    }
}
