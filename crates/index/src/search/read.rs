//! Records read and checked, many at once.

use roaring::RoaringBitmap;

use super::gather::each_of;
use super::{Access, Alarm, Ask, Budget, Record, SearchError, Unit};
use crate::index::IndexError;
use crate::limits::{ALARMS_MAX, PAGE_BYTES_MAX, READ_ROWS_MAX, READ_TOGETHER_ROWS, THREADS_MAX};

/// A row that matches, or may.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub unit: usize,
    pub row: u32,
    /// `occurred_at` where it is sorted by that, else 0.
    pub at: i64,
    pub pos: u64,
    /// Whether it matches for sure.
    pub sure: bool,
}

impl Candidate {
    pub fn key(&self) -> (i64, u64) {
        (self.at, self.pos)
    }
}

/// Reads candidates, at a cost.
pub(super) struct Checker<'a, 'b, 'c, U> {
    pub units: &'a [U],
    pub ask: &'a Ask<'a>,
    pub budget: &'b mut Budget<'c>,
    pub alarms: Vec<Alarm>,
    /// What the records read so far had, to know what some more will have.
    rows: usize,
    bytes: usize,
}

impl<'a, 'b, 'c, U: Unit> Checker<'a, 'b, 'c, U> {
    pub fn new(units: &'a [U], ask: &'a Ask<'a>, budget: &'b mut Budget<'c>) -> Self {
        Checker { units, ask, budget, alarms: Vec::new(), rows: 0, bytes: 0 }
    }

    /// How many records have about so many bytes, as far as one can tell.
    pub fn rows_of(&self, bytes: usize) -> usize {
        bytes.saturating_mul(self.rows).checked_div(self.bytes).unwrap_or(usize::MAX)
    }

    /// Reads them, neighbours together, and gives those that match, each at its candidate's place.
    pub fn read(&mut self, wanted: &[Candidate]) -> Result<Vec<Option<U::Record>>, SearchError> {
        let mut order: Vec<usize> = (0..wanted.len()).collect();
        order.sort_unstable_by_key(|&at| (wanted[at].unit, wanted[at].row));
        let of_units = order.chunk_by(|&a, &b| wanted[a].unit == wanted[b].unit);
        let size = order.len().div_ceil(THREADS_MAX).max(READ_TOGETHER_ROWS);
        let runs: Vec<&[usize]> = of_units.flat_map(|run| run.chunks(size)).collect();
        // Threads cost more than a few records.
        let reading = if order.len() < 2 * READ_TOGETHER_ROWS { 1 } else { THREADS_MAX };
        let read = each_of(runs.len(), reading, |at| Ok(self.look(wanted, runs[at])))?;
        let mut found: Vec<Option<U::Record>> = wanted.iter().map(|_| None).collect();
        for (&at, read) in runs.into_iter().flatten().zip(read.into_iter().flatten()) {
            found[at] = self.check(&wanted[at], read)?;
        }
        Ok(found)
    }

    /// Reads candidates of one unit, and says of each whether the query matches it.
    fn look(&self, wanted: &[Candidate], run: &[usize]) -> Vec<Result<(U::Record, bool), Alarm>> {
        let Some(&first) = run.first() else { return Vec::new() };
        let rows: Vec<u32> = run.iter().map(|&at| wanted[at].row).collect();
        let read = self.units[wanted[first].unit].read(&rows);
        let is = |at: &usize, record: &U::Record| {
            wanted[*at].sure || self.ask.query.matches(&record.doc())
        };
        let look = |(at, read): (&usize, Result<U::Record, Alarm>)| {
            read.map(|record| {
                let is = is(at, &record);
                (record, is)
            })
        };
        run.iter().zip(read).map(look).collect()
    }

    /// Those of a unit's rows that match, the newest first, until the budget is met or there are enough.
    /// Whether it got to the end, too.
    pub fn resolve(
        &mut self,
        unit: usize,
        maybe: &RoaringBitmap,
        enough: u64,
    ) -> Result<(RoaringBitmap, bool), SearchError> {
        let mut matching = RoaringBitmap::new();
        let mut rows = maybe.iter();
        while rows.len() > 0 && matching.len() < enough {
            if self.budget.met().is_some() {
                return Ok((matching, false));
            }
            let left = usize::try_from(self.budget.rows_left()).unwrap_or(usize::MAX);
            let room = left.min(READ_ROWS_MAX).min(self.rows_of(PAGE_BYTES_MAX)).max(1);
            let batch: Vec<u32> = rows.by_ref().rev().take(room).collect();
            let candidates: Vec<Candidate> = self.units[unit].with_index(|index| {
                let of = |&row| Candidate { unit, row, at: 0, pos: index.pos(row), sure: false };
                batch.iter().map(of).collect()
            });
            let read = self.read(&candidates)?;
            matching.extend(
                batch.iter().zip(&read).filter(|(_, record)| record.is_some()).map(|(row, _)| *row),
            );
        }
        Ok((matching, true))
    }

    fn check(
        &mut self,
        wanted: &Candidate,
        read: Result<(U::Record, bool), Alarm>,
    ) -> Result<Option<U::Record>, SearchError> {
        let (record, is) = match read {
            Ok(read) => read,
            Err(alarm) => {
                self.budget.spend(1, 0);
                self.alarm(alarm);
                return Ok(None);
            }
        };
        let bytes = record.bytes();
        self.budget.spend(1, bytes as u64);
        self.rows += 1;
        self.bytes += bytes.max(1);
        let doc = record.doc();
        // The last line of defence: whatever an index says, no record of another trail leaves, and an
        // index that leads to one is not to be asked again.
        if !self.ask.access.allows(doc.trail) || doc.pos != wanted.pos {
            let error = IndexError(format!("row {} is not the record it should be", wanted.row));
            return Err(SearchError::Index { unit: wanted.unit, error });
        }
        Ok(is.then_some(record))
    }

    fn alarm(&mut self, alarm: Alarm) {
        let allowed = match (alarm.trail, self.ask.access) {
            (_, Access::All) => true,
            (Some(trail), access) => access.allows(trail),
            // The row is one of an allowed trail, else it would not have been read.
            (None, _) => true,
        };
        if allowed && self.alarms.len() < ALARMS_MAX && !self.alarms.contains(&alarm) {
            self.alarms.push(alarm);
        }
    }
}
