//! How often each value of a facet occurs among rows of one index, by code.

use std::collections::HashSet;

use roaring::RoaringBitmap;

use crate::facet::Facet;
use crate::index::{Index, IndexError};

/// Where there are so many times more values than rows, the rows' codes are sorted rather than a count be had
/// for each value.
const SPARSE_FACTOR: u64 = 8;

/// Counts by code; code 0 is no value.
#[derive(Debug)]
pub(super) enum Counts {
    /// One for each code.
    Dense(Vec<u32>),
    /// Those of the codes that occur, by code.
    Sparse(Vec<(u32, u32)>),
}

impl Counts {
    /// Counts the codes of these rows.
    pub fn of(index: &dyn Index, rows: &RoaringBitmap, facet: Facet) -> Result<Counts, IndexError> {
        let all = u64::from(index.rows());
        if rows.len() == all {
            return Ok(Counts::Dense(index.facet_counts(facet)?.into_owned()));
        }
        let codes = index.facet_codes(facet)?;
        let len = index.facet_len(facet) as usize + 1;
        if rows.len().saturating_mul(SPARSE_FACTOR) < len as u64 {
            let mut found: Vec<u32> = rows.iter().map(|row| codes.get(row)).collect();
            found.sort_unstable();
            let runs = found.chunk_by(|a, b| a == b);
            return Ok(Counts::Sparse(runs.map(|run| (run[0], run.len() as u32)).collect()));
        }
        let mut counts = vec![0; len];
        if rows.len() <= all / 2 {
            codes.count(rows, &mut counts);
            return Ok(Counts::Dense(counts));
        }
        // Of all rows it is known, so it is enough to look at those that are not meant.
        let mut others = RoaringBitmap::new();
        others.insert_range(0..index.rows());
        others -= rows;
        codes.count(&others, &mut counts);
        for (count, whole) in counts.iter_mut().zip(&*index.facet_counts(facet)?) {
            *count = whole.saturating_sub(*count);
        }
        Ok(Counts::Dense(counts))
    }

    /// Bytes of memory they take.
    pub fn bytes(&self) -> usize {
        match self {
            Counts::Dense(counts) => size_of_val(&**counts),
            Counts::Sparse(counts) => size_of_val(&**counts),
        }
    }

    /// How often a code occurs.
    pub fn get(&self, code: u32) -> u32 {
        match self {
            Counts::Dense(counts) => counts.get(code as usize).copied().unwrap_or(0),
            Counts::Sparse(counts) => {
                let at = counts.binary_search_by_key(&code, |(code, _)| *code);
                at.map_or(0, |at| counts[at].1)
            }
        }
    }

    /// Shows each code that occurs and stands for a value.
    pub fn each(&self, mut show: impl FnMut(u32, u32)) {
        match self {
            Counts::Dense(counts) => {
                let counts = (0..).zip(counts).skip(1).filter(|(_, count)| **count > 0);
                counts.for_each(|(code, count)| show(code, *count));
            }
            Counts::Sparse(counts) => {
                let counts = counts.iter().filter(|(code, count)| *code > 0 && *count > 0);
                counts.for_each(|(code, count)| show(*code, *count));
            }
        }
    }

    /// Forgets the values that are not wanted.
    pub fn retain<E>(&mut self, keep: impl Fn(u32) -> Result<bool, E>) -> Result<(), E> {
        let check = |code: u32, count: &mut u32| {
            if code > 0 && *count > 0 && !keep(code)? {
                *count = 0;
            }
            Ok(())
        };
        match self {
            Counts::Dense(counts) => {
                (0..).zip(counts).try_for_each(|(code, count)| check(code, count))
            }
            Counts::Sparse(counts) => {
                counts.iter_mut().try_for_each(|(code, count)| check(*code, count))
            }
        }
    }

    /// So many of the codes with the greatest counts, and the greatest count of those left out.
    ///
    /// Of those that are equally frequent the ones met first are taken, from the newest row on: the order of
    /// codes may depend on rows that the asker must not know of.
    pub fn most_frequent(
        &self,
        index: &dyn Index,
        rows: &RoaringBitmap,
        facet: Facet,
        candidates: usize,
    ) -> Result<(Vec<(u32, u32)>, u32), IndexError> {
        let mut found = Vec::new();
        self.each(|_, count| found.push(count));
        let mut edge = 0;
        if found.len() > candidates {
            // The greatest count that is left out.
            edge = *found.select_nth_unstable_by(candidates, |a, b| b.cmp(a)).1;
        }
        let mut taken: Vec<(u32, u32)> = Vec::with_capacity(candidates.min(found.len()));
        self.each(|code, count| {
            if count > edge {
                taken.push((code, count));
            }
        });
        if edge > 0 && taken.len() < candidates {
            let (codes, mut met) = (index.facet_codes(facet)?, HashSet::new());
            for row in rows.iter().rev() {
                let code = codes.get(row);
                if code > 0 && self.get(code) == edge && met.insert(code) {
                    taken.push((code, edge));
                    if taken.len() == candidates {
                        break;
                    }
                }
            }
        }
        Ok((taken, edge))
    }
}

#[cfg(test)]
#[path = "codes_tests.rs"]
mod tests;
