//! The most frequent values of a facet, over units that each count by codes of their own.
//!
//! Each unit proposes its most frequent values and says how often any other can occur. Together that
//! bounds every value's count, so that only those which can be on the list are counted everywhere, and
//! it is known whether one was missed.

use std::collections::HashMap;

use roaring::RoaringBitmap;

use super::gather::each_unit;
use super::stats::FacetCounts;
use super::{SearchError, Unit};
use crate::facet::{Codes, Facet};
use crate::index::{Index, IndexError};
use crate::limits::FACET_CANDIDATES_MIN;

/// Rows whose codes are counted at once: they stay in the processor's cache for each of the facets.
const CHUNK: usize = 2_048;

/// What a unit proposes.
#[derive(Default)]
pub(super) struct Proposed {
    /// Values with their counts.
    values: HashMap<String, u64>,
    /// How often any other value occurs at most.
    rest: u64,
    /// Rows with a value.
    with: u64,
    /// Rows without one.
    missing: u64,
}

/// Which values count.
pub(super) type Filter<'a> = &'a dyn Fn(&str) -> bool;

/// The most frequent values among the rows, for each facet.
pub(super) fn propose(
    index: &dyn Index,
    rows: &RoaringBitmap,
    facets: &[Facet],
    candidates: usize,
    filter: Option<Filter<'_>>,
) -> Result<Vec<Proposed>, IndexError> {
    let counts = counts(index, rows, facets)?;
    facets
        .iter()
        .zip(counts)
        .map(|(facet, counts)| propose_one(index, rows, *facet, counts, candidates, filter))
        .collect()
}

/// How often each code occurs among the rows.
fn counts(
    index: &dyn Index,
    rows: &RoaringBitmap,
    facets: &[Facet],
) -> Result<Vec<Vec<u32>>, IndexError> {
    if rows.len() == u64::from(index.rows()) {
        return facets.iter().map(|facet| Ok(index.facet_counts(*facet)?.into_owned())).collect();
    }
    let mut columns = Vec::with_capacity(facets.len());
    for facet in facets {
        let counts = vec![0; index.facet_len(*facet) as usize + 1];
        columns.push((index.facet_codes(*facet)?, counts));
    }
    let mut iter = rows.iter();
    let mut buffer = [0; CHUNK];
    loop {
        let chunk = &*iter.next_many(&mut buffer);
        if chunk.is_empty() {
            break;
        }
        for (codes, counts) in &mut columns {
            tally(codes, chunk, counts);
        }
    }
    Ok(columns.into_iter().map(|(_, counts)| counts).collect())
}

/// Adds one to `counts[code]` for each of the rows, as [`Codes::count`] does.
fn tally(codes: &Codes<'_>, rows: &[u32], counts: &mut [u32]) {
    let mut add = |code: usize| {
        if let Some(count) = counts.get_mut(code) {
            *count += 1;
        }
    };
    match *codes {
        Codes::Packed { bytes, width: 1 } => {
            for row in rows {
                add(bytes.get(*row as usize).copied().unwrap_or(0).into());
            }
        }
        Codes::Packed { bytes, width: 2 } => {
            let (pairs, _) = bytes.as_chunks::<2>();
            for row in rows {
                add(pairs.get(*row as usize).map_or(0, |pair| u16::from_le_bytes(*pair)).into());
            }
        }
        Codes::Packed { .. } | Codes::Plain(_) => {
            for row in rows {
                add(codes.get(*row) as usize);
            }
        }
    }
}

fn propose_one(
    index: &dyn Index,
    rows: &RoaringBitmap,
    facet: Facet,
    mut counts: Vec<u32>,
    candidates: usize,
    filter: Option<Filter<'_>>,
) -> Result<Proposed, IndexError> {
    let missing = counts.first().copied().map_or(0, u64::from);
    let with = rows.len().saturating_sub(missing);
    if let Some(missing) = counts.first_mut() {
        *missing = 0;
    }
    if let Some(filter) = filter {
        for (code, count) in counts.iter_mut().enumerate() {
            if *count > 0 && !filter(&value(index, facet, code)?) {
                *count = 0;
            }
        }
    }
    let (codes, rest) = most_frequent(index, rows, facet, &mut counts, candidates)?;
    let mut values = HashMap::with_capacity(codes.len());
    for (code, count) in codes {
        values.insert(value(index, facet, code)?, u64::from(count));
    }
    Ok(Proposed { values, rest: rest.into(), with, missing })
}

fn value(index: &dyn Index, facet: Facet, code: usize) -> Result<String, IndexError> {
    let at = u32::try_from(code.saturating_sub(1)).unwrap_or(u32::MAX);
    Ok(index.facet_value(facet, at)?.into_owned())
}

/// So many of the codes with the greatest counts, and the greatest count of those left out.
///
/// Of those that are equally frequent the ones met first are taken, from the newest row on: the order of
/// codes may depend on rows that the asker must not know of.
fn most_frequent(
    index: &dyn Index,
    rows: &RoaringBitmap,
    facet: Facet,
    counts: &mut [u32],
    candidates: usize,
) -> Result<(Vec<(usize, u32)>, u32), IndexError> {
    let mut found: Vec<u32> = counts.iter().copied().filter(|count| *count > 0).collect();
    let mut edge = 0;
    if found.len() > candidates {
        // The greatest count that is left out.
        edge = *found.select_nth_unstable_by(candidates, |a, b| b.cmp(a)).1;
    }
    let mut taken: Vec<(usize, u32)> = Vec::with_capacity(candidates.min(found.len()));
    taken.extend(counts.iter().copied().enumerate().filter(|(_, count)| *count > edge));
    if edge > 0 && taken.len() < candidates {
        let codes = index.facet_codes(facet)?;
        for row in rows.iter().rev() {
            let code = codes.get(row) as usize;
            if counts.get(code) == Some(&edge) {
                counts[code] = 0;
                taken.push((code, edge));
                if taken.len() == candidates {
                    break;
                }
            }
        }
    }
    Ok((taken, edge))
}

/// What is known of a value.
struct Known {
    value: String,
    /// In the units that proposed it.
    count: u64,
    /// In all units, at most.
    most: u64,
}

/// The most frequent values of all units.
pub(super) fn combine<U: Unit>(
    units: &[U],
    rows: &[RoaringBitmap],
    facet: Facet,
    proposed: Vec<Proposed>,
    top: usize,
) -> Result<FacetCounts, SearchError> {
    let with: u64 = proposed.iter().map(|unit| unit.with).sum();
    let missing = proposed.iter().map(|unit| unit.missing).sum();
    let rest: u64 = proposed.iter().map(|unit| unit.rest).sum();
    let mut known = add_up(&proposed, rest);
    known.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    let least = known.get(top.wrapping_sub(1)).map_or(0, |known| known.count);
    // What cannot be on the list need not be counted any further.
    let mut left_out = rest;
    let room = FACET_CANDIDATES_MIN.max(4 * top);
    let mut contenders = Vec::new();
    for known in known {
        if known.most >= least && contenders.len() < room {
            contenders.push(known);
        } else {
            left_out = left_out.max(known.most);
        }
    }
    count_everywhere(units, rows, facet, &proposed, &mut contenders)?;
    contenders.sort_unstable_by(|a, b| b.count.cmp(&a.count).then_with(|| a.value.cmp(&b.value)));
    contenders.truncate(top);
    let least =
        if contenders.len() < top { 0 } else { contenders.last().map_or(0, |last| last.count) };
    let exact = left_out == 0 || left_out < least || top == 0;
    let listed: u64 = contenders.iter().map(|known| known.count).sum();
    let values = contenders.into_iter().map(|known| (known.value, known.count)).collect();
    Ok(FacetCounts { facet, values, other: with.saturating_sub(listed), missing, exact })
}

fn add_up(proposed: &[Proposed], rest: u64) -> Vec<Known> {
    let mut sums: HashMap<&str, (u64, u64)> = HashMap::new();
    for unit in proposed {
        for (value, count) in &unit.values {
            let sum = sums.entry(value).or_default();
            sum.0 += count;
            sum.1 += unit.rest;
        }
    }
    let known = |(value, (count, known)): (&str, (u64, u64))| Known {
        value: value.to_owned(),
        count,
        most: count + rest.saturating_sub(known),
    };
    sums.into_iter().map(known).collect()
}

/// Adds what the units have that did not propose a value, although they may have it.
fn count_everywhere<U: Unit>(
    units: &[U],
    rows: &[RoaringBitmap],
    facet: Facet,
    proposed: &[Proposed],
    contenders: &mut [Known],
) -> Result<(), SearchError> {
    let open: Vec<(usize, Vec<usize>)> = proposed
        .iter()
        .enumerate()
        .filter(|(_, unit)| unit.rest > 0)
        .map(|(at, unit)| {
            let lacks =
                |known: &Known| known.most > known.count && !unit.values.contains_key(&known.value);
            (at, (0..contenders.len()).filter(|&known| lacks(&contenders[known])).collect())
        })
        .filter(|(_, lacking): &(usize, Vec<usize>)| !lacking.is_empty())
        .collect();
    let counted = each_unit(open.len(), |at| {
        let (unit, lacking) = &open[at];
        let count = |index: &dyn Index| -> Result<Vec<(usize, u64)>, IndexError> {
            let counts = counts(index, &rows[*unit], &[facet])?;
            let mut found = Vec::with_capacity(lacking.len());
            for &known in lacking {
                let code = index.facet_code(facet, &contenders[known].value)?;
                let counted = counts.first().and_then(|counts| counts.get(code as usize));
                let counted = counted.filter(|_| code > 0).copied().unwrap_or(0);
                found.push((known, counted.into()));
            }
            Ok(found)
        };
        units[*unit].with_index(count).map_err(|error| SearchError::Index { unit: *unit, error })
    })?;
    for (known, count) in counted.into_iter().flatten() {
        contenders[known].count += count;
    }
    Ok(())
}
