//! Candidates by when they happened, which no order of the log tells: a bounded number of them is sorted.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::convert::Infallible;

use super::budget::Deadline;
use super::gather::{Places, Rows, each_unit, find, turns};
use super::merge::{Source, Step};
use super::page::Order;
use super::read::Candidate;
use super::{Ask, Met, SearchError, Unit};
use crate::blocks::{Occurred, each_block};
use crate::limits::SORTED_ROWS_MAX;

/// By `occurred_at`, then `pos`. A unit's candidates are sorted when the turn of the first that it can have
/// comes: what happened long after is mostly recorded long after, and the page is full before.
pub(super) struct Sorted<'a, U> {
    units: &'a [U],
    rows: Vec<(usize, Rows)>,
    order: Order,
    places: Places,
    from: Option<(i64, u64)>,
    /// The first of it is a candidate's, or there is none.
    heap: BinaryHeap<Head>,
    /// The sorted candidates of each of the units in `rows`.
    left: Vec<VecDeque<Candidate>>,
    /// Why these are not all.
    pub met: Option<Met>,
}

/// The next candidate of a unit; as long as it is not sorted, what none of them is before.
#[derive(PartialEq, Eq)]
struct Head {
    order: Order,
    key: (i64, u64),
    is_sorted: bool,
    /// Its place in `rows`.
    at: usize,
}

impl Ord for Head {
    /// Greater is sooner.
    fn cmp(&self, other: &Head) -> Ordering {
        let by_key = match self.order {
            Order::Newest => self.key.cmp(&other.key),
            Order::Oldest => other.key.cmp(&self.key),
        };
        by_key.then(other.is_sorted.cmp(&self.is_sorted)).then(other.at.cmp(&self.at))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<'a, U: Unit> Sorted<'a, U> {
    /// Takes the candidates that are nearest to the end of the log that the order begins with, to sort those
    /// that are not before `from`.
    pub fn new(
        units: &'a [U],
        ask: &Ask<'_>,
        order: Order,
        end: u64,
        from: Option<(i64, u64)>,
        deadline: Deadline<'_>,
    ) -> Result<Sorted<'a, U>, SearchError> {
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
        let left = rows.iter().map(|_| VecDeque::new()).collect();
        let heap = BinaryHeap::with_capacity(rows.len());
        let mut sorted = Sorted { units, rows, order, places, from, heap, left, met };
        for at in 0..sorted.rows.len() {
            sorted.enter(at);
        }
        sorted.sort_first();
        Ok(sorted)
    }

    /// Lets a unit wait for its turn, if it can have one.
    fn enter(&mut self, at: usize) {
        let (unit, rows) = &self.rows[at];
        let span = self.units[*unit].with_index(|index| index.occurred_span());
        let Some((first, last)) = span.filter(|_| !rows.all.is_empty()) else { return };
        let (is_before, key) = match self.order {
            Order::Newest => (self.from.is_some_and(|from| first.0 > from.0), (last.0, u64::MAX)),
            Order::Oldest => (self.from.is_some_and(|from| last.0 < from.0), (first.0, 0)),
        };
        if !is_before {
            self.heap.push(Head { order: self.order, key, is_sorted: false, at });
        }
    }

    /// Sorts the candidates of units until a candidate is first.
    fn sort_first(&mut self) {
        while self.heap.peek().is_some_and(|head| !head.is_sorted) {
            let Some(Head { at, .. }) = self.heap.pop() else { return };
            let (unit, rows) = &self.rows[at];
            let mut found = gather(&self.units[*unit], *unit, rows, self.places);
            found.retain(|candidate| match (self.from, self.order) {
                (None, _) => true,
                (Some(from), Order::Newest) => candidate.key() <= from,
                (Some(from), Order::Oldest) => candidate.key() >= from,
            });
            found.sort_unstable_by_key(Candidate::key);
            if self.order == Order::Newest {
                found.reverse();
            }
            self.left[at] = found.into();
            self.advance(at);
        }
    }

    fn advance(&mut self, at: usize) {
        if let Some(next) = self.left[at].front() {
            let head = Head { order: self.order, key: next.key(), is_sorted: true, at };
            self.heap.push(head);
        }
    }
}

impl<U: Unit> Source for Sorted<'_, U> {
    fn settle(&mut self) -> Result<bool, SearchError> {
        Ok(true)
    }

    fn next(&mut self) -> Result<Step, SearchError> {
        let Some(Head { at, .. }) = self.heap.pop() else { return Ok(Step::End) };
        let Some(next) = self.left[at].pop_front() else { return Ok(Step::End) };
        self.advance(at);
        self.sort_first();
        Ok(Step::Next(next))
    }

    fn bound(&self) -> Option<(i64, u64)> {
        self.heap.peek().map(|head| head.key)
    }
}

fn gather<U: Unit>(unit: &U, at: usize, rows: &Rows, places: Places) -> Vec<Candidate> {
    unit.with_index(|index| {
        let taken = index.row_at(places.from)..match places.to.checked_add(1) {
            Some(after) => index.row_at(after),
            None => index.rows(),
        };
        let mut of = rows.all.clone();
        of.remove_range(..taken.start);
        of.remove_range(taken.end.max(taken.start)..);
        let (mut found, mut times) = (Vec::with_capacity(of.len() as usize), Occurred::new(index));
        let Ok(()) = each_block(&of, |block| -> Result<(), Infallible> {
            times.each(&block, &of, |row, occurred| {
                let sure = !rows.maybe.contains(row);
                found.push(Candidate { unit: at, row, at: occurred, pos: 0, sure });
            });
            Ok(())
        });
        let mut places = Vec::with_capacity(found.len());
        index.pos_each(&mut of.iter(), &mut places);
        found.iter_mut().zip(places).for_each(|(candidate, pos)| candidate.pos = pos);
        found
    })
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
