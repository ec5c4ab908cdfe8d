//! Candidates by when they happened, which no order of the log tells: a bounded number of them is sorted.

use std::collections::VecDeque;

use super::budget::Deadline;
use super::gather::{Places, Rows, each_unit, find, turns};
use super::merge::{Source, Step};
use super::page::Order;
use super::read::Candidate;
use super::{Ask, Met, SearchError, Unit};
use crate::limits::SORTED_ROWS_MAX;

/// By `occurred_at`, then `pos`.
pub(super) struct Sorted {
    left: VecDeque<Candidate>,
    /// Why these are not all.
    pub met: Option<Met>,
}

impl Sorted {
    /// Takes the candidates that are nearest to the end of the log that the order begins with, and sorts
    /// those that are not before `from`.
    pub fn new<U: Unit>(
        units: &[U],
        ask: &Ask<'_>,
        order: Order,
        end: u64,
        from: Option<(i64, u64)>,
        deadline: Deadline<'_>,
    ) -> Result<Sorted, SearchError> {
        let places = Places { from: 0, to: end };
        let turns = turns(units, order);
        let asked = each_unit(units.len(), |turn| {
            // The first is always asked, so that there is something to show.
            if turn > 0 && deadline.is_over() {
                return Ok(None);
            }
            find(units, turns[turn], ask, places).map(Some)
        })?;
        let mut met = asked.iter().any(Option::is_none).then_some(Met::Time);
        let rows: Vec<(usize, Rows)> =
            turns.into_iter().zip(asked).filter_map(|(unit, rows)| Some((unit, rows?))).collect();
        let (places, all) = bound(units, &rows, order, end, SORTED_ROWS_MAX as u64);
        if !all {
            met = Some(Met::Rows);
        }
        let mut found = Vec::new();
        for (unit, rows) in &rows {
            gather(&units[*unit], *unit, rows, places, &mut found);
        }
        found.retain(|candidate| match (from, order) {
            (None, _) => true,
            (Some(from), Order::Newest) => candidate.key() <= from,
            (Some(from), Order::Oldest) => candidate.key() >= from,
        });
        found.sort_unstable_by_key(Candidate::key);
        if order == Order::Newest {
            found.reverse();
        }
        Ok(Sorted { left: found.into(), met })
    }
}

impl Source for Sorted {
    fn settle(&mut self) -> Result<bool, SearchError> {
        Ok(true)
    }

    fn next(&mut self) -> Result<Step, SearchError> {
        Ok(self.left.pop_front().map_or(Step::End, Step::Next))
    }

    fn bound(&self) -> Option<(i64, u64)> {
        self.left.front().map(Candidate::key)
    }
}

fn gather<U: Unit>(unit: &U, at: usize, rows: &Rows, places: Places, found: &mut Vec<Candidate>) {
    unit.with_index(|index| {
        for row in &rows.all {
            let pos = index.pos(row);
            if (places.from..=places.to).contains(&pos) {
                let sure = !rows.maybe.contains(row);
                let occurred = index.occurred_at(row).0;
                found.push(Candidate { unit: at, row, at: occurred, pos, sure });
            }
        }
    });
}

/// The places that have no more candidates than may be sorted, and whether they are all.
pub(super) fn bound<U: Unit>(
    units: &[U],
    rows: &[(usize, Rows)],
    order: Order,
    end: u64,
    max: u64,
) -> (Places, bool) {
    let all = Places { from: 0, to: end };
    if rows.iter().map(|(_, rows)| rows.all.len()).sum::<u64>() <= max {
        return (all, true);
    }
    // How many candidates have a place below this one.
    let below = |pos: u64| -> u64 {
        let of = |(unit, rows): &(usize, Rows)| {
            let row = units[*unit].with_index(|index| index.row_at(pos));
            row.checked_sub(1).map_or(0, |last| rows.all.rank(last))
        };
        rows.iter().map(of).sum()
    };
    let total = below(u64::MAX);
    let fits = |pos: u64| match order {
        Order::Newest => total - below(pos) <= max,
        Order::Oldest => below(pos) > max,
    };
    // The first place that fits, or the first beyond those that fit.
    let (mut low, mut high) = (0, end.saturating_add(1));
    while low < high {
        let middle = low + (high - low) / 2;
        if fits(middle) { high = middle } else { low = middle + 1 }
    }
    match order {
        Order::Newest => (Places { from: low, to: end }, false),
        Order::Oldest => (Places { from: 0, to: low.saturating_sub(2) }, false),
    }
}
