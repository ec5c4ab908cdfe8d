//! Counts: totals, facets, histograms, suggestions.

use indelible_event::{Micros, Outcome};
use roaring::RoaringBitmap;

use super::facets::{Proposed, Proposing, combine};
use super::gather::{Places, Rows, each_unit, find, newest_first};
use super::histogram::{Buckets, by_occurred, by_recorded, outcome_rows};
use super::page::Sort;
use super::read::Checker;
use super::{Access, Alarm, Ask, Budget, Met, SearchError, Total, Unit, sound};
use crate::facet::Facet;
use crate::limits::{BUCKETS_MAX, FACET_VALUES_MAX, SUGGESTIONS_MAX};
use crate::query::{Expr, Query};
use crate::terms::fold;

/// What is to be counted.
#[derive(Clone, Copy, Debug)]
pub struct StatsAsk<'a> {
    /// Which facets.
    pub facets: &'a [Facet],
    /// How many values of each, at most [`FACET_VALUES_MAX`].
    pub top: usize,
    /// The histogram, if one is wanted.
    pub histogram: Option<HistogramAsk>,
}

/// Which histogram.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HistogramAsk {
    /// How long a bucket is, in microseconds. Buckets begin at multiples of it since 1970.
    pub interval: i64,
    /// By which time.
    pub by: Sort,
}

/// What was counted.
#[derive(Clone, Debug, PartialEq)]
pub struct Stats {
    /// The matches.
    pub total: Total,
    /// How they ended, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
    /// The facets, as asked.
    pub facets: Vec<FacetCounts>,
    /// The buckets that have a match, in order of time; empty if none were asked for.
    pub histogram: Vec<Bucket>,
    /// The bound that was met, if one was: all numbers are of what was counted until then.
    pub incomplete: Option<Met>,
    /// Records that could not be checked.
    pub alarms: Vec<Alarm>,
}

/// The most frequent values of a facet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FacetCounts {
    /// Which facet.
    pub facet: Facet,
    /// Values with their exact counts, the most frequent first, then in the order of the values.
    pub values: Vec<(String, u64)>,
    /// Matches with another value.
    pub other: u64,
    /// Matches without one.
    pub missing: u64,
    /// Whether these are surely the most frequent ones.
    pub exact: bool,
}

/// A stretch of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its first moment.
    pub start: Micros,
    /// The matches in it.
    pub count: u64,
    /// How they ended, in the order of [`Outcome::ALL`].
    pub outcomes: [u64; Outcome::ALL.len()],
}

/// What one unit has to say of one thing.
enum Part {
    Times([u64; Outcome::ALL.len()], Buckets),
    Facet(Proposed),
}

/// Counts all that match.
pub fn stats<U: Unit>(
    units: &[U],
    ask: &Ask<'_>,
    want: &StatsAsk<'_>,
    budget: &mut Budget<'_>,
) -> Result<Stats, SearchError> {
    if want.histogram.is_some_and(|histogram| histogram.interval <= 0) {
        return Err(SearchError::Interval);
    }
    let matched = matched(units, ask, budget)?;
    let top = want.top.min(FACET_VALUES_MAX);
    let proposing = Proposing::new(top, None);
    // Each facet of each unit is counted by itself, so that there is work for everybody also where most rows
    // are in one unit.
    let parts = 1 + want.facets.len();
    let counted = each_unit(parts * units.len(), |at| {
        let (part, unit) = (at / units.len(), at % units.len());
        let rows = &matched.rows[unit];
        let counted = match part.checked_sub(1).map(|part| want.facets[part]) {
            None => times(&units[unit], rows, want.histogram),
            Some(facet) => facet_of(&units[unit], rows, facet, &proposing),
        };
        counted.map_err(|error| error.of_unit(unit))
    })?;
    let mut outcomes = [0; Outcome::ALL.len()];
    let mut buckets = Buckets::default();
    let mut proposed: Vec<Vec<Proposed>> = want.facets.iter().map(|_| Vec::new()).collect();
    for (at, part) in counted.into_iter().enumerate() {
        match part {
            Part::Times(of, more) => {
                outcomes.iter_mut().zip(of).for_each(|(all, of)| *all += of);
                buckets.merge(more);
            }
            Part::Facet(of) => proposed[at / units.len() - 1].push(of),
        }
    }
    if buckets.len() > BUCKETS_MAX {
        return Err(SearchError::Buckets(BUCKETS_MAX));
    }
    let facets = combine(units, &matched.rows, want.facets, &proposed, top)?;
    let value = matched.rows.iter().map(RoaringBitmap::len).sum();
    sound(units)?;
    Ok(Stats {
        total: Total { value, exact: matched.incomplete.is_none() },
        outcomes,
        facets,
        histogram: buckets.into_sorted(),
        incomplete: matched.incomplete,
        alarms: matched.alarms,
    })
}

/// Why a unit could not be counted.
pub(super) enum CountError {
    Index(crate::index::IndexError),
    Buckets,
}

impl From<crate::index::IndexError> for CountError {
    fn from(error: crate::index::IndexError) -> CountError {
        CountError::Index(error)
    }
}

impl CountError {
    fn of_unit(self, unit: usize) -> SearchError {
        match self {
            CountError::Index(error) => SearchError::Index { unit, error },
            CountError::Buckets => SearchError::Buckets(BUCKETS_MAX),
        }
    }
}

fn times<U: Unit>(
    unit: &U,
    rows: &RoaringBitmap,
    histogram: Option<HistogramAsk>,
) -> Result<Part, CountError> {
    if rows.is_empty() {
        return Ok(Part::Times(Default::default(), Buckets::default()));
    }
    unit.with_index(|index| {
        let by_outcome = outcome_rows(index, rows)?;
        let buckets = match histogram {
            None => Buckets::default(),
            Some(HistogramAsk { interval, by: Sort::Recorded }) => {
                by_recorded(index, rows, &by_outcome, interval)?
            }
            Some(HistogramAsk { interval, by: Sort::Occurred }) => {
                by_occurred(index, rows, &by_outcome, interval)?
            }
        };
        Ok(Part::Times(by_outcome.each_ref().map(RoaringBitmap::len), buckets))
    })
}

fn facet_of<U: Unit>(
    unit: &U,
    rows: &RoaringBitmap,
    facet: Facet,
    proposing: &Proposing<'_>,
) -> Result<Part, CountError> {
    if rows.is_empty() {
        return Ok(Part::Facet(Proposed::default()));
    }
    Ok(Part::Facet(unit.with_index(|index| proposing.propose(index, rows, facet))?))
}

/// The rows of each unit that surely match.
struct Matched {
    rows: Vec<RoaringBitmap>,
    incomplete: Option<Met>,
    alarms: Vec<Alarm>,
}

fn matched<U: Unit>(
    units: &[U],
    ask: &Ask<'_>,
    budget: &mut Budget<'_>,
) -> Result<Matched, SearchError> {
    let places = Places { from: 0, to: u64::MAX };
    let deadline = budget.deadline();
    let mut asked = each_unit(units.len(), |unit| {
        if deadline.is_over() {
            return Ok(None);
        }
        find(units, unit, ask, places).map(Some)
    })?;
    let mut incomplete = asked.iter().any(Option::is_none).then_some(Met::Time);
    let mut checker = Checker::new(units, ask, budget);
    let mut rows = vec![RoaringBitmap::new(); units.len()];
    let turns = newest_first(units, &asked);
    for (rows, found) in rows.iter_mut().zip(&mut asked) {
        *rows = found.as_mut().map(|found| std::mem::take(&mut found.all)).unwrap_or_default();
    }
    for unit in turns {
        let Some(Rows { maybe, .. }) = &asked[unit] else { continue };
        let (matching, done) = checker.resolve(unit, maybe, u64::MAX)?;
        rows[unit] -= maybe;
        rows[unit] |= matching;
        if !done {
            incomplete = incomplete.or(checker.budget.met());
        }
    }
    Ok(Matched { rows, incomplete, alarms: checker.alarms })
}

/// The values of a facet that begin so, whatever their case, the most frequent first: only those that the
/// asker's own trails have.
pub fn suggest<U: Unit>(
    units: &[U],
    access: &Access,
    facet: Facet,
    prefix: &str,
    limit: usize,
    budget: &mut Budget<'_>,
) -> Result<Vec<(String, u64)>, SearchError> {
    let query = Query { text: String::new(), expr: Expr::All };
    let ask = Ask { query: &query, access, trails: &[] };
    let matched = matched(units, &ask, budget)?;
    let prefix = fold(prefix);
    let begins = |value: &str| fold(value).starts_with(&*prefix);
    let limit = limit.min(SUGGESTIONS_MAX);
    let proposing = Proposing::new(limit, Some(&begins));
    let deadline = budget.deadline();
    let proposed = each_unit(units.len(), |unit| {
        let rows = &matched.rows[unit];
        if rows.is_empty() || deadline.is_over() {
            return Ok(Proposed::default());
        }
        let proposed = units[unit].with_index(|index| proposing.propose(index, rows, facet));
        proposed.map_err(|error| SearchError::Index { unit, error })
    })?;
    let combined = combine(units, &matched.rows, &[facet], &[proposed], limit)?;
    let values = combined.into_iter().next().map(|counts| counts.values).unwrap_or_default();
    sound(units)?;
    Ok(values)
}
