//! The most frequent values of a facet, over units that each count by codes of their own.
//!
//! Each unit proposes its most frequent values and says how often any other can occur. Together that
//! bounds every value's count, so that only those which can be on the list are counted everywhere, and
//! it is known whether one was missed.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use roaring::RoaringBitmap;

use super::codes::Counts;
use super::gather::each_unit;
use super::kept::Leading;
use super::stats::FacetCounts;
use super::{SearchError, Unit};
use crate::facet::Facet;
use crate::index::{Index, IndexError};
use crate::limits::{COUNTS_BYTES_MAX, FACET_CANDIDATES_MIN};

/// What a unit proposes.
#[derive(Default)]
pub(super) struct Proposed {
    leading: Arc<Leading>,
    /// All that it counted, where others may ask for more and there was room.
    counts: Option<Counts>,
}

/// Which values count.
pub(super) type Filter<'a> = &'a (dyn Fn(&str) -> bool + Sync);

/// What the units are asked for.
pub(super) struct Proposing<'a> {
    candidates: usize,
    filter: Option<Filter<'a>>,
    /// Bytes that counts may still take while others count.
    room: AtomicUsize,
}

impl<'a> Proposing<'a> {
    /// For a list of so many values.
    pub fn new(top: usize, filter: Option<Filter<'a>>) -> Proposing<'a> {
        let candidates = FACET_CANDIDATES_MIN.max(4 * top);
        Proposing { candidates, filter, room: AtomicUsize::new(COUNTS_BYTES_MAX) }
    }

    /// The most frequent values among the rows.
    pub fn propose(
        &self,
        index: &dyn Index,
        rows: &RoaringBitmap,
        facet: Facet,
    ) -> Result<Proposed, IndexError> {
        let usual = self.candidates == FACET_CANDIDATES_MIN && self.filter.is_none();
        let whole = usual && rows.len() == u64::from(index.rows());
        let kept = index.kept().filter(|_| whole);
        if let Some(leading) = kept.and_then(|kept| kept.leading(facet)) {
            return Ok(Proposed { leading, counts: None });
        }
        let mut counts = Counts::of(index, rows, facet)?;
        let missing = u64::from(counts.get(0));
        let with = rows.len().saturating_sub(missing);
        if let Some(filter) = self.filter {
            counts.retain(|code| Ok(filter(&value(index, facet, code)?)))?;
        }
        let (codes, rest) = counts.most_frequent(index, rows, facet, self.candidates)?;
        let mut values = HashMap::with_capacity(codes.len());
        for (code, count) in codes {
            values.insert(value(index, facet, code)?, u64::from(count));
        }
        let leading = Arc::new(Leading { values, rest: rest.into(), with, missing });
        if let Some(kept) = kept {
            index.sound()?;
            kept.keep(facet, &leading);
        }
        let counts = Some(counts).filter(|counts| rest > 0 && self.has_room(counts.bytes()));
        Ok(Proposed { leading, counts })
    }

    fn has_room(&self, bytes: usize) -> bool {
        let take = |room: usize| room.checked_sub(bytes);
        self.room.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

fn value(index: &dyn Index, facet: Facet, code: u32) -> Result<String, IndexError> {
    Ok(index.facet_value(facet, code.saturating_sub(1))?.into_owned())
}

/// The most frequent values of all units, for each facet: `proposed` has what each unit proposes.
pub(super) fn combine<U: Unit>(
    units: &[U],
    rows: &[RoaringBitmap],
    facets: &[Facet],
    proposed: &[Vec<Proposed>],
    top: usize,
) -> Result<Vec<FacetCounts>, SearchError> {
    let mut contests = each_unit(facets.len(), |at| Ok(Contest::new(&proposed[at], top)))?;
    let open: Vec<Open> =
        (0..facets.len()).flat_map(|at| contests[at].open(at, &proposed[at])).collect();
    let counted = each_unit(open.len(), |at| {
        let Open { facet, unit, lacking } = &open[at];
        let kept = proposed[*facet][*unit].counts.as_ref();
        let contenders = &contests[*facet].contenders;
        let count = |index: &dyn Index| -> Result<Vec<u64>, IndexError> {
            let counted;
            let counts = match kept {
                Some(counts) => counts,
                None => {
                    counted = Counts::of(index, &rows[*unit], facets[*facet])?;
                    &counted
                }
            };
            let count = |known: &usize| {
                let code = index.facet_code(facets[*facet], &contenders[*known].value)?;
                Ok(if code > 0 { u64::from(counts.get(code)) } else { 0 })
            };
            lacking.iter().map(count).collect()
        };
        units[*unit].with_index(count).map_err(|error| SearchError::Index { unit: *unit, error })
    })?;
    for (Open { facet, lacking, .. }, counts) in open.iter().zip(counted) {
        for (known, count) in lacking.iter().zip(counts) {
            contests[*facet].contenders[*known].count += count;
        }
    }
    Ok(contests
        .into_iter()
        .zip(facets)
        .map(|(contest, facet)| contest.finish(*facet, top))
        .collect())
}

/// What is known of a value.
struct Known {
    value: String,
    /// In the units that proposed it.
    count: u64,
    /// In all units, at most.
    most: u64,
}

/// Those values that can be on the list.
struct Contest {
    contenders: Vec<Known>,
    /// How often a value occurs at most that is not among them.
    left_out: u64,
    with: u64,
    missing: u64,
}

/// Contenders that a unit did not propose, although it may have them.
struct Open {
    facet: usize,
    unit: usize,
    lacking: Vec<usize>,
}

impl Contest {
    fn new(proposed: &[Proposed], top: usize) -> Contest {
        let sum = |of: fn(&Leading) -> u64| proposed.iter().map(|unit| of(&unit.leading)).sum();
        let rest: u64 = sum(|unit| unit.rest);
        let mut known = add_up(proposed, rest);
        let order = |a: &(&str, u64, u64), b: &(&str, u64, u64)| b.1.cmp(&a.1).then(a.0.cmp(b.0));
        known.sort_unstable_by(order);
        let least = known.get(top.wrapping_sub(1)).map_or(0, |known| known.1);
        // What cannot be on the list need not be counted any further.
        let mut left_out = rest;
        let room = FACET_CANDIDATES_MIN.max(4 * top);
        let mut contenders = Vec::new();
        for (value, count, most) in known {
            if most >= least && contenders.len() < room {
                contenders.push(Known { value: value.to_owned(), count, most });
            } else {
                left_out = left_out.max(most);
            }
        }
        let (with, missing) = (sum(|unit| unit.with), sum(|unit| unit.missing));
        Contest { contenders, left_out, with, missing }
    }

    fn open(&self, facet: usize, proposed: &[Proposed]) -> Vec<Open> {
        let lacking_in = |leading: &Leading| -> Vec<usize> {
            let lacks = |known: &Known| {
                known.most > known.count && !leading.values.contains_key(&known.value)
            };
            let contenders = self.contenders.iter().enumerate();
            contenders.filter(|(_, known)| lacks(known)).map(|(at, _)| at).collect()
        };
        let units = proposed.iter().enumerate().filter(|(_, unit)| unit.leading.rest > 0);
        units
            .map(|(unit, of)| Open { facet, unit, lacking: lacking_in(&of.leading) })
            .filter(|open| !open.lacking.is_empty())
            .collect()
    }

    fn finish(self, facet: Facet, top: usize) -> FacetCounts {
        let Contest { mut contenders, left_out, with, missing } = self;
        contenders
            .sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
        contenders.truncate(top);
        let least =
            if contenders.len() < top { 0 } else { contenders.last().map_or(0, |last| last.count) };
        let exact = left_out == 0 || left_out < least || top == 0;
        let listed: u64 = contenders.iter().map(|known| known.count).sum();
        let values = contenders.into_iter().map(|known| (known.value, known.count)).collect();
        FacetCounts { facet, values, other: with.saturating_sub(listed), missing, exact }
    }
}

/// Each proposed value with its count in the units that proposed it, and that in all units at most.
fn add_up(proposed: &[Proposed], rest: u64) -> Vec<(&str, u64, u64)> {
    let mut sums: HashMap<&str, (u64, u64)> = HashMap::new();
    for unit in proposed {
        for (value, count) in &unit.leading.values {
            let sum = sums.entry(value).or_default();
            sum.0 += count;
            sum.1 += unit.leading.rest;
        }
    }
    let known = |(value, (count, known)): (_, (u64, u64))| {
        (value, count, count + rest.saturating_sub(known))
    };
    sums.into_iter().map(known).collect()
}
