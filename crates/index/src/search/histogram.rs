//! Matches by time.

use std::collections::BTreeMap;

use indelible_event::{Micros, Outcome};
use roaring::RoaringBitmap;

use super::stats::{Bucket, CountError};
use crate::doc::Field;
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

/// `occurred_at` has no order, so that every row is looked at.
pub(super) fn by_occurred(
    index: &dyn Index,
    rows: &RoaringBitmap,
    by_outcome: &[RoaringBitmap; OUTCOMES],
    interval: i64,
) -> Result<Buckets, CountError> {
    let mut buckets = Buckets::default();
    let known = by_outcome.iter().fold(RoaringBitmap::new(), |all, rows| all | rows);
    let without = (rows - known, None);
    let with = by_outcome.iter().enumerate().map(|(at, rows)| (rows.clone(), Some(at)));
    for (rows, outcome) in with.chain([without]) {
        // Neighbours mostly fall into one bucket.
        let (mut start, mut count) = (0, 0);
        let mut flush = |start: i64, count: u64| {
            let mut outcomes = [0; OUTCOMES];
            if let Some(at) = outcome {
                outcomes[at] = count;
            }
            buckets.add(start, count, outcomes);
            buckets.check()
        };
        for row in &rows {
            let at = index.occurred_at(row);
            let is_in = count > 0 && at.0 >= start && at.0 - start < interval;
            if !is_in {
                if count > 0 {
                    flush(start, count)?;
                }
                (start, count) = (start_of(at, interval), 0);
            }
            count += 1;
        }
        if count > 0 {
            flush(start, count)?;
        }
    }
    Ok(buckets)
}
