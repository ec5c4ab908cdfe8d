//! Segments made of the rows of another. Rows that do not change are copied without a hash; what reads the
//! new file back hashes all of them.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use indelible_event::{EventId, Facets, Part, seal};

use super::plan::Job;
use super::{Fate, Run};
use crate::error::LogError;
use crate::limits::REWRITE_ROWS_READ;
use crate::output::{Fresh, Output};
use crate::record::{PartRef, Record, Salts, TrailNo};
use crate::segment::{RowBatch, Segment, SegmentHeader, SegmentState, to_stub};
use crate::view::MadeOf;

/// What became of rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub expired: u64,
    pub pruned: BTreeMap<TrailNo, u64>,
    pub erased: u64,
}

impl Tally {
    pub fn add(&mut self, other: Tally) {
        self.expired += other.expired;
        self.erased += other.erased;
        for (no, pruned) in other.pruned {
            *self.pruned.entry(no).or_default() += pruned;
        }
    }
}

/// Makes what some rows become, and reads it back.
pub(super) fn build(
    run: &Run<'_>,
    job: &Job,
    rows: Range<u32>,
) -> Result<(Vec<Fresh>, Tally), LogError> {
    let storage = &*run.log.view.storage;
    if job.left.as_ref().is_some_and(Vec::is_empty) {
        // Nothing is left of it, so nothing of it is read, wherever it is.
        run.read(u64::from(rows.end - rows.start));
        return Ok((Vec::new(), all_below(job)));
    }
    let mut building = Building {
        run,
        job,
        path: job.file.entry.parquet(),
        segment: job.file.get()?,
        full: None,
        stubs: None,
        tally: Tally::default(),
    };
    let read = match &job.left {
        Some(left) => building.read_alone(left),
        None => building.read(rows),
    };
    let Building { full, stubs, tally, .. } = building;
    let mut outputs = [full, stubs].into_iter().flatten();
    if let Err(e) = read {
        outputs.for_each(|output| output.give_up(storage));
        return Err(e);
    }
    let mut made = Vec::new();
    let finished = outputs.try_for_each(|output| {
        let fresh = output.finish(storage, MadeOf::Unknown)?;
        let checked = fresh.check(&run.log.view);
        made.push(fresh);
        checked
    });
    match finished {
        Ok(()) => Ok((made, tally)),
        Err(e) => {
            made.into_iter().for_each(|fresh| fresh.give_up(storage));
            Err(e)
        }
    }
}

/// What became of a segment of which nothing is left.
fn all_below(job: &Job) -> Tally {
    let of = |span: &(u32, u64, u64, u64)| (TrailNo(span.0), span.3);
    let expired = if job.fate.is_some() { job.file.entry.rows } else { 0 };
    let pruned = job.file.entry.trails.iter().map(of).collect();
    Tally { expired, pruned, erased: 0 }
}

struct Building<'a> {
    run: &'a Run<'a>,
    job: &'a Job,
    path: String,
    segment: Arc<Segment>,
    full: Option<Output>,
    stubs: Option<Output>,
    tally: Tally,
}

impl Building<'_> {
    fn read(&mut self, rows: Range<u32>) -> Result<(), LogError> {
        // Apart from `self`, which the rows go through.
        let segment = self.segment.clone();
        let scan = segment.scan(rows).map_err(LogError::segment(&self.path))?;
        // A row that stays as it is takes its facets along, which costs less than to read its parts for them.
        let copies = match &self.job.fate {
            Some(Fate::Expire { keep, .. }) => !keep.is_empty(),
            Some(Fate::Erase { .. }) => true,
            None => false,
        };
        let scan = if copies { scan } else { scan.without_facets() };
        for batch in scan {
            let batch = batch.map_err(LogError::segment(&self.path))?;
            for i in 0..batch.len() {
                self.row(&batch, i)?;
            }
            self.run.read(batch.len() as u64);
            if self.run.stop.load(Ordering::Relaxed) {
                return Err(LogError::Refused("another segment could not be rewritten".into()));
            }
        }
        Ok(())
    }

    /// Reads the few rows that something is left of; all others are below the floors.
    fn read_alone(&mut self, left: &[u32]) -> Result<(), LogError> {
        let segment = self.segment.clone();
        self.tally = all_below(self.job);
        for rows in left.chunks(REWRITE_ROWS_READ) {
            let records = segment.rows(rows).map_err(LogError::segment(&self.path))?;
            for (row, record) in rows.iter().zip(&records) {
                let record = record.as_ref();
                if self.is_below(&record) {
                    return Err(LogError::corrupt(&self.path, 0, WRONG_TABLE));
                }
                if let Some(pruned) = self.tally.pruned.get_mut(&record.trail) {
                    *pruned -= 1;
                }
                match &self.job.fate {
                    Some(Fate::Expire { by, .. }) => self.expire(&record, *row, *by)?,
                    _ => self.stubs(self.segment.meta().state)?.copy(&record, &NO_FACETS)?,
                }
            }
        }
        self.tally.pruned.retain(|_, pruned| *pruned > 0);
        self.run.read(self.job.file.entry.rows);
        Ok(())
    }

    fn row(&mut self, batch: &RowBatch, i: usize) -> Result<(), LogError> {
        let row = batch.first_row() + i as u32;
        let record = batch.unsealed(i).map_err(LogError::segment(&self.path))?;
        match &self.job.fate {
            Some(Fate::Expire { keep, .. }) if keep.contains(row) => self.copy(&record, batch, i),
            Some(Fate::Expire { by, .. }) => {
                self.tally.expired += 1;
                match self.is_below(&record) {
                    true => self.prune(&record),
                    false => self.expire(&record, row, *by),
                }
            }
            Some(Fate::Erase { rows, parts }) if rows.contains(row) => {
                match erase(&record, parts).ok_or_else(|| self.unsalted(row))? {
                    Some(erased) => {
                        self.tally.erased += 1;
                        self.full()?.push(&erased)
                    }
                    None => self.copy(&record, batch, i),
                }
            }
            Some(Fate::Erase { .. }) => self.copy(&record, batch, i),
            None if self.is_below(&record) => self.prune(&record),
            None => self.stubs(self.segment.meta().state)?.copy(&record, &NO_FACETS),
        }
    }

    fn prune(&mut self, record: &Record<'_>) -> Result<(), LogError> {
        *self.tally.pruned.entry(record.trail).or_default() += 1;
        Ok(())
    }

    fn expire(&mut self, record: &Record<'_>, row: u32, by: EventId) -> Result<(), LogError> {
        let stub = to_stub(record).ok_or_else(|| self.unsalted(row))?;
        self.stubs(SegmentState::Stub { expired_by: by })?.copy(&stub, &NO_FACETS)
    }

    fn copy(&mut self, record: &Record<'_>, batch: &RowBatch, i: usize) -> Result<(), LogError> {
        let facets = batch.facets(i).map_err(LogError::segment(&self.path))?;
        self.full()?.copy(record, &facets)
    }

    fn is_below(&self, record: &Record<'_>) -> bool {
        let floor = self.run.plan.floors.get(&record.trail);
        floor.is_some_and(|floor| record.seq.0 < *floor)
    }

    fn unsalted(&self, row: u32) -> LogError {
        LogError::corrupt(&self.path, 0, format!("row {row}: a part has no salt"))
    }

    fn full(&mut self) -> Result<&mut Output, LogError> {
        if self.full.is_none() {
            self.full = Some(self.create(SegmentState::Full)?);
        }
        Ok(self.full.as_mut().expect("it was just made"))
    }

    fn stubs(&mut self, state: SegmentState) -> Result<&mut Output, LogError> {
        if self.stubs.is_none() {
            self.stubs = Some(self.create(state)?);
        }
        Ok(self.stubs.as_mut().expect("it was just made"))
    }

    fn create(&self, state: SegmentState) -> Result<Output, LogError> {
        let meta = self.segment.meta();
        let header = SegmentHeader {
            class: meta.class.clone(),
            policy: meta.policy,
            day: meta.day,
            state,
            trails: self.run.plan.trails.clone(),
        };
        let name = self.run.log.sealing.name_rewrite();
        Output::create(&*self.run.log.view.storage, name, header)
    }
}

const WRONG_TABLE: &str = "the row table leads to another record than it says";

/// The facets of a record without parts.
const NO_FACETS: Facets<'static> = Facets {
    actor_type: None,
    actor_id: None,
    actor_email: None,
    target_type: None,
    target_id: None,
    ip: None,
    service: None,
};

/// The record without these parts: their commitments stay, and of the salts those of the parts that can still
/// be read. `Some(None)` if it has none of the parts any more, `None` if one of its parts has no salt.
fn erase<'a>(record: &Record<'a>, erased: &[bool; 3]) -> Option<Option<Record<'a>>> {
    let (mut parts, mut salts) = (record.parts, [None; 3]);
    let mut changed = false;
    for part in Part::ALL {
        let PartRef::Kept(bytes) = record.parts[part as usize] else { continue };
        let salt = record.salts.of(part)?;
        if erased[part as usize] {
            parts[part as usize] = PartRef::Gone(seal::commitment(part, &salt, bytes));
            changed = true;
        } else {
            salts[part as usize] = Some(salt);
        }
    }
    Some(changed.then_some(Record { parts, salts: Salts::Parts(salts), ..*record }))
}
