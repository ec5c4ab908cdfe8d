//! What is in an active file, by place and by id. Offsets only; the bytes stay in the file.

use std::collections::HashMap;
use std::sync::Arc;

use indelible_event::EventId;

use crate::error::LogError;
use crate::frame::{self, GROUP_HEADER_LEN};
use crate::record::{Pos, Record, Seq, TrailNo};
use crate::storage::{File, read_exact_at};

/// An active file and the map of its durable records.
pub(crate) struct LiveFile {
    pub first: Pos,
    pub path: Arc<str>,
    pub file: Arc<dyn File>,
    records: Vec<Place>,
    trails: HashMap<TrailNo, Rows>,
    ids: HashMap<(TrailNo, EventId), u32>,
}

#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    len: u32,
}

/// A trail's records in one file: seqs run on from the first without a gap.
struct Rows {
    first_seq: u64,
    rows: Vec<u32>,
}

/// Where a record's bytes lie: enough to read them without looking at the map again, also after the
/// file was deleted.
pub(crate) struct LiveRow {
    file: Arc<dyn File>,
    pub path: Arc<str>,
    pos: Pos,
    place: Place,
}

/// Whole groups of an active file that follow each other.
pub(crate) struct Stretch {
    file: Arc<dyn File>,
    pub path: Arc<str>,
    /// The first record's position.
    pub first: Pos,
    /// Where the first group's header begins.
    pub offset: u64,
    len: usize,
}

/// A record's bytes out of an active file.
pub(crate) struct LiveBytes {
    path: Arc<str>,
    pos: Pos,
    offset: u64,
    frame: Vec<u8>,
}

impl LiveFile {
    pub fn new(first: Pos, path: &str, file: Arc<dyn File>) -> LiveFile {
        LiveFile {
            first,
            path: path.into(),
            file,
            records: Vec::new(),
            trails: HashMap::new(),
            ids: HashMap::new(),
        }
    }

    pub fn count(&self) -> u64 {
        self.records.len() as u64
    }

    pub fn end(&self) -> Pos {
        Pos(self.first.0 + self.count())
    }

    /// Where the last record ends; `None` before the first.
    pub fn last_end(&self) -> Option<u64> {
        self.records.last().map(|place| place.offset + u64::from(place.len))
    }

    /// Adds the record at the end of the file's map; its id is reserved already.
    pub fn push(&mut self, trail: TrailNo, seq: Seq, offset: u64, len: usize) {
        let row = self.records.len() as u32;
        self.records.push(Place { offset, len: len as u32 });
        let rows = self.trails.entry(trail).or_insert(Rows { first_seq: seq.0, rows: Vec::new() });
        debug_assert_eq!(rows.first_seq + rows.rows.len() as u64, seq.0);
        rows.rows.push(row);
    }

    /// Takes note of an id whose record is on its way; fails with the row of the record that has it.
    pub fn reserve_id(&mut self, trail: TrailNo, id: EventId, row: u32) -> Result<(), u32> {
        match self.ids.entry((trail, id)) {
            std::collections::hash_map::Entry::Occupied(known) => Err(*known.get()),
            std::collections::hash_map::Entry::Vacant(free) => {
                free.insert(row);
                Ok(())
            }
        }
    }

    /// Takes a reservation back, because its group was not written.
    pub fn release_id(&mut self, trail: TrailNo, id: EventId) {
        self.ids.remove(&(trail, id));
    }

    pub fn row_of_id(&self, trail: TrailNo, id: EventId) -> Option<u32> {
        // A reserved id is not durable yet, and so is not there for a reader.
        self.ids.get(&(trail, id)).copied().filter(|row| (*row as usize) < self.records.len())
    }

    /// The file's first and next seq of a trail.
    pub fn seqs(&self, trail: TrailNo) -> Option<std::ops::Range<u64>> {
        self.trails.get(&trail).map(|r| r.first_seq..r.first_seq + r.rows.len() as u64)
    }

    pub fn row_of_seq(&self, trail: TrailNo, seq: Seq) -> Option<u32> {
        let rows = self.trails.get(&trail)?;
        let index = usize::try_from(seq.0.checked_sub(rows.first_seq)?).ok()?;
        rows.rows.get(index).copied()
    }

    pub fn row(&self, row: u32) -> LiveRow {
        LiveRow {
            file: self.file.clone(),
            path: self.path.clone(),
            pos: Pos(self.first.0 + u64::from(row)),
            place: self.records[row as usize],
        }
    }

    /// The groups from the one that holds this row on, until `bytes_max` are full.
    pub fn stretch(&self, row: u32, bytes_max: usize) -> Stretch {
        let end_of = |row: usize| self.records[row].offset + u64::from(self.records[row].len);
        // Records of one group touch; between two groups there is a header.
        let begins = |row: usize| row == 0 || end_of(row - 1) != self.records[row].offset;
        let mut start = row as usize;
        while !begins(start) {
            start -= 1;
        }
        let offset = self.records[start].offset - GROUP_HEADER_LEN as u64;
        let mut next = row as usize + 1;
        while next < self.records.len()
            && !(begins(next) && end_of(next - 1) - offset >= bytes_max as u64)
        {
            next += 1;
        }
        Stretch {
            file: self.file.clone(),
            path: self.path.clone(),
            first: Pos(self.first.0 + start as u64),
            offset,
            len: (end_of(next - 1) - offset) as usize,
        }
    }
}

impl LiveRow {
    pub fn read(&self) -> Result<LiveBytes, LogError> {
        let Place { offset, len } = self.place;
        let mut frame = vec![0; len as usize];
        read_exact_at(&*self.file, offset, &mut frame).map_err(LogError::io(&self.path))?;
        Ok(LiveBytes { path: self.path.clone(), pos: self.pos, offset, frame })
    }
}

impl Stretch {
    pub fn read(&self) -> Result<Vec<u8>, LogError> {
        let mut bytes = vec![0; self.len];
        read_exact_at(&*self.file, self.offset, &mut bytes).map_err(LogError::io(&self.path))?;
        Ok(bytes)
    }
}

impl LiveBytes {
    pub fn record(&self) -> Result<Record<'_>, LogError> {
        let (record, _) = frame::record_at(&self.frame, self.pos)
            .map_err(LogError::frame(&self.path, self.offset))?;
        Ok(record)
    }
}
