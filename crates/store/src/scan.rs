//! All records of the log in its order, as fast as they can be read: for whoever looks at every event, as rules do.
//!
//! Segments of several classes overlap, so their rows are merged by position; what is not sealed comes from the active
//! files behind them. Checksums are checked and leaves are not, as for the index: what is served to anybody is read again.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use indelible_event::{Micros, Part, view};
use indelible_log::record::{PartRef, Pos, Record, TrailNo};
use indelible_log::segment::{Segment, SegmentError};
use indelible_log::trail::TrailInfo;
use indelible_log::{LogError, SegmentHandle, TailError, View};

use crate::error::StoreError;

/// Rows of a segment that are decoded at once.
const BATCH_ROWS: u32 = 1_024;
/// Bytes that are read of an active file at once.
const TAIL_BYTES: usize = 256 << 10;
/// How often the sealer may be faster than a reader before that gives up.
const OVERTAKEN_MAX: usize = 16;

/// How far a scan came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Everything before it was looked at.
    pub next: Pos,
    /// Records before it that cannot be read. Verification tells which, and why.
    pub unreadable: u64,
}

/// Reads the log in its order, and keeps its place from one scan to the next.
pub struct Scanner {
    view: Arc<View>,
    infos: Vec<Arc<TrailInfo>>,
    /// Segments that it has come to, each at its next row.
    lanes: Vec<Lane>,
    /// Those that begin behind its place.
    waiting: VecDeque<SegmentHandle>,
    /// Everything before it is in segments.
    sealed: Pos,
    next: Pos,
    /// The segments' generation that `lanes` and `waiting` are of; none before the first scan.
    generation: Option<u64>,
}

/// A segment that is being read.
struct Lane {
    segment: Arc<Segment>,
    span: Range<u64>,
    /// The next row to decode.
    row: u32,
    /// What was decoded, and where in it.
    batch: Batch,
    at: usize,
}

/// Some records as JSON: where each ends, and its position.
#[derive(Default)]
struct Batch {
    json: Vec<u8>,
    ends: Vec<(u64, usize)>,
}

impl Scanner {
    /// One over this log.
    pub fn new(view: Arc<View>) -> Scanner {
        Scanner {
            view,
            infos: Vec::new(),
            lanes: Vec::new(),
            waiting: VecDeque::new(),
            sealed: Pos(0),
            next: Pos(0),
            generation: None,
        }
    }

    /// Hands over position and JSON of the records of all trails from a place on, until so many were, or `each` says
    /// `false`, or the log ends. What has expired is passed over, and of what was erased the rest is handed over. Going on
    /// where the last scan ended costs nothing; beginning elsewhere costs some milliseconds.
    pub fn scan(
        &mut self,
        from: Pos,
        records_max: usize,
        each: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Result<Scanned, StoreError> {
        let (mut unreadable, mut left, mut overtaken) = (0, records_max, 0);
        self.seek(from, &mut unreadable)?;
        while left > 0 {
            let before = self.next;
            let go_on = if self.next < self.sealed {
                self.sealed(&mut left, &mut unreadable, each)
            } else {
                match self.live(&mut left, each) {
                    Ok(go_on) => go_on && self.next > before,
                    Err(TailError::Gone { .. }) if overtaken < OVERTAKEN_MAX => {
                        overtaken += 1;
                        self.generation = None;
                        self.seek(before, &mut unreadable)?;
                        true
                    }
                    Err(TailError::Gone { first }) => {
                        let why = format!("{} is sealed and in no segment", first.0);
                        return Err(StoreError::file("segments", why));
                    }
                    Err(TailError::Log(e)) => return Err(e.into()),
                }
            };
            if !go_on {
                break;
            }
        }
        Ok(Scanned { next: self.next, unreadable })
    }

    /// Goes to a place, if it is not there already with the segments that are in charge: others may hold what was erased
    /// since, and keep deleted files on the disk.
    fn seek(&mut self, from: Pos, unreadable: &mut u64) -> Result<(), StoreError> {
        let generation = Some(self.view.seen().generation);
        if self.next == from && self.generation == generation {
            return Ok(());
        }
        let log = self.view.snapshot();
        self.lanes.clear();
        self.waiting.clear();
        (self.sealed, self.next, self.generation) = (log.sealed_pos, from, generation);
        for handle in log.segments {
            if handle.is_stub() || handle.last_pos() < from {
                continue;
            }
            if handle.first_pos() < from {
                self.enter(&handle, unreadable);
            } else {
                self.waiting.push_back(handle);
            }
        }
        Ok(())
    }

    /// Begins to read a segment. One that cannot be opened holds up no other: all its records are counted.
    fn enter(&mut self, handle: &SegmentHandle, unreadable: &mut u64) {
        match Lane::open(handle, self.next) {
            Ok(mut lane) => {
                if lane.fill(&self.view, &mut self.infos, unreadable) {
                    self.lanes.push(lane);
                }
            }
            Err(_) => *unreadable += u64::from(handle.rows()),
        }
    }

    /// Hands over the records of the segment that has the next one, up to where another has one.
    fn sealed(
        &mut self,
        left: &mut usize,
        unreadable: &mut u64,
        each: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> bool {
        let first = self.lanes.iter().map(Lane::pos).min();
        while let Some(handle) = self.waiting.front()
            && first.is_none_or(|first| handle.first_pos().0 <= first)
            && (first.is_some() || self.lanes.is_empty())
        {
            let handle = handle.clone();
            self.waiting.pop_front();
            self.enter(&handle, unreadable);
        }
        let Some(at) = (0..self.lanes.len()).min_by_key(|at| self.lanes[*at].pos()) else {
            if self.waiting.is_empty() {
                self.next = self.sealed;
            }
            return true;
        };
        let others = self.lanes.iter().enumerate().filter(|(other, _)| *other != at);
        let others = others.map(|(_, lane)| lane.pos()).min().unwrap_or(u64::MAX);
        let waiting = self.waiting.front().map_or(u64::MAX, |handle| handle.first_pos().0);
        let until = others.min(waiting);
        let lane = &mut self.lanes[at];
        while *left > 0 && lane.pos() < until {
            let (pos, json) = lane.get();
            let go_on = each(pos, json);
            *left -= 1;
            self.next = Pos(pos + 1);
            lane.at += 1;
            if lane.at == lane.batch.ends.len()
                && !lane.fill(&self.view, &mut self.infos, unreadable)
            {
                self.lanes.swap_remove(at);
                return go_on;
            }
            if !go_on {
                return false;
            }
        }
        true
    }

    /// Hands over some records of the active files; `false` if it was told to stop.
    fn live(
        &mut self,
        left: &mut usize,
        each: &mut dyn FnMut(u64, &[u8]) -> bool,
    ) -> Result<bool, TailError> {
        let (view, infos) = (&self.view, &mut self.infos);
        let (mut batch, mut next, mut stopped) = (Batch::default(), self.next, false);
        let end = view.tail(self.next, TAIL_BYTES, &mut |record| {
            if stopped || *left == 0 {
                return;
            }
            batch.clear();
            // Its trail is known before it is readable; of one that is not it would be passed over.
            if batch.push(view, infos, record) {
                stopped = !each(record.pos.0, &batch.json);
                *left -= 1;
            }
            next = Pos(record.pos.0 + 1);
        })?;
        self.next = if stopped || *left == 0 { next } else { end };
        Ok(!stopped)
    }
}

impl Lane {
    fn open(handle: &SegmentHandle, from: Pos) -> Result<Lane, LogError> {
        let segment = handle.segment()?;
        let (first, last) = (handle.first_pos().0, handle.last_pos().0);
        let row = if from.0 <= first {
            0
        } else if u64::from(handle.rows()) == last - first + 1 {
            (from.0 - first) as u32
        } else {
            handle.positions()?.partition_point(|pos| *pos < from) as u32
        };
        let span = first.max(from.0)..last + 1;
        Ok(Lane { segment, span, row, batch: Batch::default(), at: 0 })
    }

    /// Position of the record that it is at; there always is one.
    fn pos(&self) -> u64 {
        self.batch.ends[self.at].0
    }

    fn get(&self) -> (u64, &[u8]) {
        let begin = self.at.checked_sub(1).map_or(0, |before| self.batch.ends[before].1);
        let (pos, end) = self.batch.ends[self.at];
        (pos, &self.batch.json[begin..end])
    }

    /// Decodes the next rows; `false` if there are none.
    fn fill(&mut self, view: &View, infos: &mut Vec<Arc<TrailInfo>>, unreadable: &mut u64) -> bool {
        self.at = 0;
        self.batch.clear();
        while self.batch.ends.is_empty() {
            if self.row >= self.segment.len() {
                return false;
            }
            // In step with the pages, so that none is decoded twice.
            let end = (self.row / BATCH_ROWS + 1).saturating_mul(BATCH_ROWS);
            let rows = self.row..end.min(self.segment.len());
            self.row = rows.end;
            let wanted = rows.len() as u64;
            if self.decode(rows.clone(), view, infos).is_err() {
                // One damaged page must not hide the rows that do not lie in it.
                self.batch.clear();
                rows.for_each(|row| drop(self.decode_one(row, view, infos)));
            }
            *unreadable += wanted - self.batch.ends.len() as u64;
        }
        true
    }

    fn decode(
        &mut self,
        rows: Range<u32>,
        view: &View,
        infos: &mut Vec<Arc<TrailInfo>>,
    ) -> Result<(), SegmentError> {
        let segment = self.segment.clone();
        for batch in segment.scan(rows)?.without_facets().batch_rows(BATCH_ROWS as usize) {
            let batch = batch?;
            for row in 0..batch.len() {
                self.keep(&batch.unsealed(row)?, view, infos);
            }
        }
        Ok(())
    }

    fn decode_one(
        &mut self,
        row: u32,
        view: &View,
        infos: &mut Vec<Arc<TrailInfo>>,
    ) -> Result<(), SegmentError> {
        let record = self.segment.rows(&[row])?;
        record.iter().for_each(|record| self.keep(&record.as_ref(), view, infos));
        Ok(())
    }

    /// Takes a record, unless its column says a place that it cannot have: merging relies on the order.
    fn keep(&mut self, record: &Record<'_>, view: &View, infos: &mut Vec<Arc<TrailInfo>>) {
        if self.span.contains(&record.pos.0) && self.batch.push(view, infos, record) {
            self.span.start = record.pos.0 + 1;
        }
    }
}

impl Batch {
    fn clear(&mut self) {
        self.json.clear();
        self.ends.clear();
    }

    /// `false` if nobody knows its trail.
    fn push(&mut self, log: &View, infos: &mut Vec<Arc<TrailInfo>>, record: &Record<'_>) -> bool {
        let TrailNo(no) = record.trail;
        if infos.len() <= no as usize {
            *infos = log.infos();
        }
        let Some(info) = infos.get(no as usize) else { return false };
        let mut entry = Vec::new();
        record.entry.encode(&mut entry);
        let parts = Part::ALL.map(|part| match record.parts[part as usize] {
            PartRef::Kept(bytes) => Some(bytes),
            PartRef::Absent | PartRef::Gone(_) => None,
        });
        self.json.extend_from_slice(&view(info.name.as_str(), record.seq.0, &entry, parts));
        self.ends.push((record.pos.0, self.json.len()));
        true
    }
}

/// The place of the first record that was recorded at this moment or later, expired ones included; the log's end if there
/// is none.
pub fn place_at(view: &View, recorded_at: Micros) -> Result<Pos, StoreError> {
    let log = view.snapshot();
    let mut found: Option<Pos> = None;
    for handle in &log.segments {
        let known = found.is_some_and(|found| found <= handle.first_pos());
        if known || handle.day() < recorded_at.day() {
            continue;
        }
        let row = if handle.day() > recorded_at.day() {
            Some(handle.first_pos())
        } else {
            first_since(handle, recorded_at)?
        };
        found = found.into_iter().chain(row).min();
    }
    if let Some(found) = found {
        return Ok(found);
    }
    let mut next = log.sealed_pos;
    loop {
        let mut found = None;
        let end = view.tail(next, TAIL_BYTES, &mut |record| {
            if found.is_none() && record.entry.recorded_at >= recorded_at {
                found = Some(record.pos);
            }
        });
        match end {
            Ok(end) if found.is_none() && end > next => next = end,
            Ok(end) => return Ok(found.unwrap_or(end)),
            // The time that is looked for is not before what has just been sealed: all of that is passed over.
            Err(TailError::Gone { first }) => next = first,
            Err(TailError::Log(e)) => return Err(e.into()),
        }
    }
}

/// The first record of a segment since a moment: times ascend with positions.
fn first_since(handle: &SegmentHandle, recorded_at: Micros) -> Result<Option<Pos>, StoreError> {
    let segment = handle.segment()?;
    let damaged = |e: SegmentError| {
        StoreError::Log(LogError::Corrupt {
            path: handle.name().to_owned(),
            offset: 0,
            reason: e.to_string(),
        })
    };
    let at = |row: u32| {
        let rows = segment.rows(&[row]).map_err(damaged)?;
        let record = rows.first().expect("reading gives a record for each row").as_ref();
        Ok::<_, StoreError>((record.entry.recorded_at, record.pos))
    };
    let (mut low, mut high) = (0, segment.len());
    while low < high {
        let middle = low + (high - low) / 2;
        if at(middle)?.0 < recorded_at { low = middle + 1 } else { high = middle }
    }
    if low == segment.len() { Ok(None) } else { at(low).map(|(_, pos)| Some(pos)) }
}

#[cfg(test)]
#[path = "scan_tests.rs"]
mod tests;
