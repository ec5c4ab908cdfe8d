//! Matches by time.

use std::collections::BTreeMap;

use indelible_event::{Micros, Outcome};
use roaring::RoaringBitmap;

use super::stats::{Bucket, CountError};
use crate::blocks::{Occurred, each_block};
use crate::doc::Field;
use crate::facet::Facet;
use crate::index::{Index, IndexError};
use crate::limits::BUCKETS_MAX;

const OUTCOMES: usize = Outcome::ALL.len();

/// Buckets by their start.
#[derive(Default)]
pub(super) struct Buckets(BTreeMap<i64, (u64, [u64; OUTCOMES])>);

impl Buckets {
    fn add(&mut self, start: i64, count: u64, outcomes: [u64; OUTCOMES]) {
        let bucket = self.0.entry(start).or_default();
        bucket.0 += count;
        bucket.1.iter_mut().zip(outcomes).for_each(|(all, of)| *all += of);
    }

    pub fn merge(&mut self, other: Buckets) {
        for (start, (count, outcomes)) in other.0 {
            self.add(start, count, outcomes);
        }
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn into_sorted(self) -> Vec<Bucket> {
        let bucket = |(start, (count, outcomes))| Bucket { start: Micros(start), count, outcomes };
        self.0.into_iter().map(bucket).collect()
    }

    fn check(&self) -> Result<(), CountError> {
        if self.0.len() > BUCKETS_MAX { Err(CountError::Buckets) } else { Ok(()) }
    }
}

/// The rows with each outcome.
pub(super) fn outcome_rows(
    index: &dyn Index,
    rows: &RoaringBitmap,
) -> Result<[RoaringBitmap; OUTCOMES], IndexError> {
    let mut out: [RoaringBitmap; OUTCOMES] = Default::default();
    for (rows_of, outcome) in out.iter_mut().zip(Outcome::ALL) {
        *rows_of = index.term(Field::Outcome, outcome.name().as_bytes())? & rows;
    }
    Ok(out)
}

fn start_of(at: Micros, interval: i64) -> i64 {
    at.0.div_euclid(interval).saturating_mul(interval)
}

/// `recorded_at` never falls, so each bucket is a stretch of rows.
pub(super) fn by_recorded(
    index: &dyn Index,
    rows: &RoaringBitmap,
    by_outcome: &[RoaringBitmap; OUTCOMES],
    interval: i64,
) -> Result<Buckets, CountError> {
    let mut buckets = Buckets::default();
    let mut left = rows.iter();
    while let Some(row) = left.next() {
        let start = start_of(index.recorded_at(row), interval);
        let after = Micros(start.saturating_add(interval));
        // At least this row, so that an index that contradicts itself ends the loop, too.
        let range = row..index.recorded_in(Micros(start), after).end.max(row.saturating_add(1));
        let outcomes = by_outcome.each_ref().map(|rows| rows.range_cardinality(range.clone()));
        left.advance_to(range.end);
        buckets.add(start, rows.range_cardinality(range), outcomes);
        buckets.check()?;
    }
    Ok(buckets)
}

/// `occurred_at` has no order, but neighbours mostly happened at about the same time: a block of rows that lies
/// in one bucket is counted without looking at each.
pub(super) fn by_occurred(
    index: &dyn Index,
    rows: &RoaringBitmap,
    by_outcome: &[RoaringBitmap; OUTCOMES],
    interval: i64,
) -> Result<Buckets, CountError> {
    let (codes, outcomes) = (index.facet_codes(Facet::Outcome)?, outcomes_of_codes(index)?);
    let mut times = Occurred::new(index);
    let mut tally = Tally::new(interval);
    each_block(rows, |block| {
        let (first, last) = index.occurred_bounds(block.number);
        let start = start_of(first, interval);
        if start == start_of(last, interval) {
            let in_block = |rows: &RoaringBitmap| rows.range_cardinality(block.rows.clone());
            tally.buckets.add(start, block.count, by_outcome.each_ref().map(in_block));
        } else {
            times.each(&block, rows, |row, at| {
                let outcome = outcomes.get(codes.get(row) as usize).copied().unwrap_or(OUTCOMES);
                tally.add(at, outcome);
            });
        }
        tally.buckets.check()
    })?;
    let buckets = tally.finish();
    buckets.check()?;
    Ok(buckets)
}

/// Of each code of the outcome's facet the place among [`Outcome::ALL`]; [`OUTCOMES`] if it is none of them.
fn outcomes_of_codes(index: &dyn Index) -> Result<Vec<usize>, IndexError> {
    let mut places = vec![OUTCOMES];
    for value in 0..index.facet_len(Facet::Outcome) {
        let value = index.facet_value(Facet::Outcome, value)?;
        let place = Outcome::ALL.iter().position(|outcome| outcome.name() == &*value);
        places.push(place.unwrap_or(OUTCOMES));
    }
    Ok(places)
}

/// Buckets that are counted in at once: as many as events of different delay may alternate between.
const SLOTS: usize = 64;

/// A bucket being counted: by outcome, and those with none that is known.
#[derive(Clone, Copy, Default)]
struct Slot {
    start: i64,
    counts: [u64; OUTCOMES + 1],
}

/// Counts one row after the other.
struct Tally {
    interval: i64,
    slots: [Slot; SLOTS],
    /// The one that the last row fell into.
    current: usize,
    buckets: Buckets,
}

impl Tally {
    fn new(interval: i64) -> Tally {
        let buckets = Buckets::default();
        Tally { interval, slots: [Slot::default(); SLOTS], current: 0, buckets }
    }

    #[inline]
    fn add(&mut self, at: i64, outcome: usize) {
        // Wraps round where it lies before, and is then too great.
        if at.wrapping_sub(self.slots[self.current].start) as u64 >= self.interval as u64 {
            self.turn(at);
        }
        self.slots[self.current].counts[outcome] += 1;
    }

    fn turn(&mut self, at: i64) {
        let number = at.div_euclid(self.interval);
        let start = number.saturating_mul(self.interval);
        self.current = number.rem_euclid(SLOTS as i64) as usize;
        if self.slots[self.current].start != start {
            self.flush(self.current);
            self.slots[self.current].start = start;
        }
    }

    fn flush(&mut self, slot: usize) {
        let Slot { start, counts } = self.slots[slot];
        let count = counts.iter().sum();
        if count > 0 {
            let [outcomes @ .., _] = counts;
            self.buckets.add(start, count, outcomes);
        }
        self.slots[slot].counts = Default::default();
    }

    fn finish(mut self) -> Buckets {
        (0..SLOTS).for_each(|slot| self.flush(slot));
        self.buckets
    }
}
