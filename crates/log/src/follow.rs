//! Reading the log by place, for whoever keeps something beside it: what is sealed segment by segment, what
//! is not from the active files, and a way to wait for more.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use indelible_event::{Day, Micros, Source};

use crate::error::LogError;
use crate::frame;
use crate::manifest::ManifestSegment;
use crate::offload::SegmentFile;
use crate::record::{Pos, Record, Seq, TrailNo};
use crate::segment::Segment;
use crate::trail::TrailInfo;
use crate::view::{MadeOf, View};

/// A segment that is in charge, or was when it was handed out: its bytes stay readable after a merge
/// has deleted it.
#[derive(Clone)]
pub struct SegmentHandle(pub(crate) Arc<SegmentFile>);

impl SegmentHandle {
    /// The name its files have.
    pub fn name(&self) -> &str {
        &self.0.entry.name
    }

    /// Its number among all segments ever made here; never used again.
    pub fn file_no(&self) -> u64 {
        self.0.entry.file
    }

    /// Position of its first record.
    pub fn first_pos(&self) -> Pos {
        Pos(self.0.entry.first_pos)
    }

    /// Position of its last record. Records of other classes and days may lie in between.
    pub fn last_pos(&self) -> Pos {
        Pos(self.0.entry.last_pos)
    }

    /// How many records it has.
    pub fn rows(&self) -> u32 {
        self.0.entry.rows as u32
    }

    /// Retention class.
    pub fn class(&self) -> &str {
        &self.0.entry.class
    }

    /// The day of its records' `recorded_at`.
    pub fn day(&self) -> Day {
        Day(self.0.entry.day)
    }

    /// SHA-256 of its file.
    pub fn sha256(&self) -> [u8; 32] {
        self.0.entry.sha256
    }

    /// The number of the policy that classed its records.
    pub fn policy(&self) -> u32 {
        self.0.entry.policy
    }

    /// Whether its records have expired: they are stubs.
    pub fn is_stub(&self) -> bool {
        self.0.entry.is_stub()
    }

    /// Length of its Parquet file.
    pub fn bytes(&self) -> u64 {
        self.0.entry.bytes
    }

    /// Each trail in it, by number: first seq, last seq, records.
    pub fn trails(&self) -> impl Iterator<Item = (TrailNo, Seq, Seq, u64)> + '_ {
        let spans = self.0.entry.trails.iter();
        spans.map(|&(no, first, last, rows)| (TrailNo(no), Seq(first), Seq(last), rows))
    }

    /// What this process made it of.
    pub fn made_of(&self) -> &MadeOf {
        &self.0.made_of
    }

    /// What the manifest says of it.
    pub fn entry(&self) -> &ManifestSegment {
        &self.0.entry
    }

    /// Its rows; opened when first asked for, and fetched if they are away. Whoever holds them keeps them.
    pub fn segment(&self) -> Result<Arc<Segment>, LogError> {
        self.0.get()
    }
}

impl std::fmt::Debug for SegmentHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("SegmentHandle").field(&self.name()).finish()
    }
}

/// The log's extent at one moment.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// The segments in charge, by first position.
    pub segments: Vec<SegmentHandle>,
    /// Every record below is in just one of these segments.
    pub sealed_pos: Pos,
    /// Every record below is durable; those from `sealed_pos` on are in active files.
    pub next_pos: Pos,
}

/// How far the log was when somebody looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// The durable end: the position that the next record gets.
    pub next_pos: Pos,
    /// Counts the changes of the set of segments since the log was opened.
    pub generation: u64,
    /// The log was closed: nothing changes any more.
    pub closed: bool,
}

/// Why records could not be read from the active files.
#[derive(Debug, thiserror::Error)]
pub enum TailError {
    /// They are sealed, and so have to be read from segments.
    #[error("records before position {} are in segments", first.0)]
    Gone {
        /// The first position that is still in an active file.
        first: Pos,
    },
    /// Reading failed.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl SegmentHandle {
    /// Each row's position, in order.
    pub fn positions(&self) -> Result<Vec<Pos>, LogError> {
        self.segment()?.positions().map_err(LogError::segment(&self.0.entry.parquet()))
    }

    /// The sources of these rows, which ascend; from the columns alone, without a look at any leaf.
    pub fn sources(&self, rows: &[u32]) -> Result<Vec<Option<Source>>, LogError> {
        self.segment()?.sources(rows).map_err(LogError::segment(&self.0.entry.parquet()))
    }
}

impl View {
    /// The segments with what they cover: one consistent set.
    pub fn snapshot(&self) -> Snapshot {
        let (segments, sealed_pos, next_pos) = {
            let state = self.state();
            (state.segments.clone(), Pos(state.manifest.sealed_pos), state.next_pos())
        };
        let segments = segments.iter().cloned().map(SegmentHandle).collect();
        Snapshot { segments, sealed_pos, next_pos }
    }

    /// The segments in charge, by first position.
    pub fn segments(&self) -> Vec<SegmentHandle> {
        self.snapshot().segments
    }

    /// The durable end: the position that the next record gets. Costs one load.
    pub fn next_pos(&self) -> Pos {
        self.watch.seen().next_pos
    }

    /// The latest `recorded_at` of any record.
    pub fn recorded_at_max(&self) -> Micros {
        self.state().recorded_at_max
    }

    /// A moment before which no record becomes readable any more: `now`, which the clock says, unless a group is being
    /// written. Those that are readable by then are below [`View::next_pos`] when it is asked for after this.
    pub fn settled(&self, now: Micros) -> Micros {
        let writing_at = self.state().writing_at;
        writing_at.map_or(now, |at| at.min(now))
    }

    /// The positions at which active files begin, in order.
    pub fn active_starts(&self) -> Vec<Pos> {
        self.state().live.iter().map(|live| live.first).collect()
    }

    /// Who a trail is.
    pub fn info(&self, trail: TrailNo) -> Result<Arc<TrailInfo>, LogError> {
        Ok(self.state().trail(trail)?.info.clone())
    }

    /// Who all trails are, by number.
    pub fn infos(&self) -> Vec<Arc<TrailInfo>> {
        self.state().trails.iter().map(|trail| trail.info.clone()).collect()
    }

    /// How far the log is now.
    pub fn seen(&self) -> Seen {
        self.watch.seen()
    }

    /// Waits until the log is further than `seen`, or has other segments, or is closed, or the time is over;
    /// says how far it is then. A view that was opened for reading only never changes.
    pub fn wait(&self, seen: Seen, timeout: Duration) -> Seen {
        self.watch.wait(seen, timeout)
    }

    /// Gives the records from `from` on that lie in active files, in order, up to about `bytes_max`, and
    /// always whole groups. Gives the position after the last one, which is `from` if there is none yet.
    /// Only the groups' checksums are checked, not the leaves: for what is derived from the log. Whoever
    /// serves a record reads it by [`View::read_each`].
    pub fn tail(
        &self,
        from: Pos,
        bytes_max: usize,
        each: &mut dyn FnMut(&Record<'_>),
    ) -> Result<Pos, TailError> {
        let stretch = {
            let state = self.state();
            let first = state.live.first().map_or_else(|| state.next_pos(), |live| live.first);
            if from < first {
                return Err(TailError::Gone { first });
            }
            match state.live.iter().find(|live| from < live.end()) {
                Some(live) => live.stretch((from.0 - live.first.0) as u32, bytes_max),
                None => return Ok(from),
            }
        };
        let bytes = stretch.read()?;
        let mut next = stretch.first;
        match give_groups(&bytes, from, &mut next, each) {
            // What was given stays given; the damage is met again by the next call.
            Err(_) if next > from => Ok(next),
            Err((at, why)) => {
                Err(LogError::corrupt(&stretch.path, stretch.offset + at as u64, why).into())
            }
            Ok(()) => Ok(next),
        }
    }
}

/// Gives the records of whole groups that are not before `from`; `next` is the position of the next one.
fn give_groups(
    bytes: &[u8],
    from: Pos,
    next: &mut Pos,
    each: &mut dyn FnMut(&Record<'_>),
) -> Result<(), (usize, String)> {
    let mut at = 0;
    while at < bytes.len() {
        let group = frame::group_at(bytes, at).map_err(|e| (at, e.to_string()))?;
        if group.header.first_pos != *next {
            return Err((at, "a group that does not follow the one before".into()));
        }
        for framed in group.records_as_written() {
            let record = framed.map_err(|e| (at, e.to_string()))?.record;
            if record.pos >= from {
                each(&record);
            }
            *next = Pos(record.pos.0 + 1);
        }
        at = group.end() as usize;
    }
    Ok(())
}

/// Says how far the log is, and wakes who waits. Costs the writer two atomic operations a group while
/// nobody does.
pub(crate) struct Watch {
    next_pos: AtomicU64,
    generation: AtomicU64,
    closed: AtomicBool,
    waiting: AtomicUsize,
    lock: Mutex<()>,
    changed: Condvar,
}

impl Watch {
    pub fn new(next_pos: Pos) -> Watch {
        Watch {
            next_pos: AtomicU64::new(next_pos.0),
            generation: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            waiting: AtomicUsize::new(0),
            lock: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub fn seen(&self) -> Seen {
        Seen {
            next_pos: Pos(self.next_pos.load(Ordering::SeqCst)),
            generation: self.generation.load(Ordering::SeqCst),
            closed: self.closed.load(Ordering::SeqCst),
        }
    }

    /// A group is durable, and readable already.
    pub fn durable_up_to(&self, next_pos: Pos) {
        self.next_pos.store(next_pos.0, Ordering::SeqCst);
        self.wake();
    }

    /// Other segments are in charge.
    pub fn segments_changed(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.wake();
    }

    pub fn close(&self) {
        self.closed.store(true, Ordering::SeqCst);
        self.wake();
    }

    /// Whoever waits counted itself before it looked, and here the look follows the change: so either it
    /// saw the change, or it is seen here.
    fn wake(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            // Whoever has looked and not begun to wait holds this.
            drop(self.lock());
            self.changed.notify_all();
        }
    }

    fn wait(&self, seen: Seen, timeout: Duration) -> Seen {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        let nothing_new = |_: &mut ()| {
            let now = self.seen();
            now == seen && !now.closed
        };
        let waited = self.changed.wait_timeout_while(self.lock(), timeout, nothing_new);
        drop(waited.expect("nothing panics while holding this"));
        self.waiting.fetch_sub(1, Ordering::SeqCst);
        self.seen()
    }

    fn lock(&self) -> MutexGuard<'_, ()> {
        self.lock.lock().expect("nothing panics while holding this")
    }
}

#[cfg(test)]
#[path = "follow_tests.rs"]
mod tests;
