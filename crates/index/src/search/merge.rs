//! The candidates of all units in the order of the log, each unit asked only when its turn comes.

use std::cmp::Ordering;
use std::collections::{BinaryHeap, VecDeque};
use std::ops::Range;

use super::budget::Deadline;
use super::gather::{Places, Rows, find};
use super::page::Order;
use super::read::Candidate;
use super::{Ask, SearchError, Unit};
use crate::limits::MERGE_ROWS;

/// What comes next.
pub(super) enum Step {
    Next(Candidate),
    /// The time is over, but there is more.
    Paused,
    End,
}

/// A sequence of candidates.
pub(super) trait Source {
    /// Looks for the next candidate, so that [`Source::bound`] tells of none but candidates. False if the
    /// time was over before one was found.
    fn settle(&mut self) -> Result<bool, SearchError>;
    fn next(&mut self) -> Result<Step, SearchError>;
    /// The key to go on with: no candidate to come is before it. `None` if there is none to come.
    fn bound(&self) -> Option<(i64, u64)>;
}

/// By `pos`.
pub(super) struct Merge<'a, 'c, U> {
    units: &'a [U],
    ask: &'a Ask<'a>,
    order: Order,
    places: Places,
    deadline: Deadline<'c>,
    /// Where it began: it does not pause before it got further, so that a reader who goes on arrives.
    start: Option<(i64, u64)>,
    heap: BinaryHeap<Head>,
    streams: Vec<Stream>,
}

/// A unit with the next place that it can have a candidate at.
#[derive(PartialEq, Eq)]
struct Head {
    /// Greater is sooner.
    turn: u64,
    /// Whether the unit is yet to be asked. If so it goes first, as it may have a candidate just there.
    unasked: bool,
    unit: usize,
    pos: u64,
}

impl Ord for Head {
    fn cmp(&self, other: &Head) -> Ordering {
        (self.turn, self.unasked, other.unit).cmp(&(other.turn, other.unasked, self.unit))
    }
}

impl PartialOrd for Head {
    fn partial_cmp(&self, other: &Head) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// What is left of a unit that was asked.
#[derive(Default)]
struct Stream {
    rows: Rows,
    left: Range<u32>,
    next: VecDeque<(u32, u64)>,
}

impl<'a, 'c, U: Unit> Merge<'a, 'c, U> {
    pub fn new(
        units: &'a [U],
        ask: &'a Ask<'a>,
        order: Order,
        places: Places,
        deadline: Deadline<'c>,
    ) -> Self {
        let streams = units.iter().map(|_| Stream::default()).collect();
        let heap = BinaryHeap::new();
        let mut merge = Merge { units, ask, order, places, deadline, start: None, heap, streams };
        for (at, unit) in units.iter().enumerate().filter(|(_, unit)| !places.misses(*unit)) {
            let (first, last) = unit.span();
            let pos = match order {
                Order::Newest => last.min(places.to),
                Order::Oldest => first.max(places.from),
            };
            merge.push(at, pos, true);
        }
        merge.start = merge.bound();
        merge
    }

    fn push(&mut self, unit: usize, pos: u64, unasked: bool) {
        let turn = match self.order {
            Order::Newest => pos,
            Order::Oldest => u64::MAX - pos,
        };
        self.heap.push(Head { turn, unasked, unit, pos });
    }

    /// Takes the next rows of a unit and their places, many at once, as each time costs a lock.
    fn refill(&mut self, unit: usize) {
        let Stream { rows, left, next } = &mut self.streams[unit];
        if left.start >= left.end {
            return;
        }
        let range = rows.all.range(left.clone());
        let taken: Vec<u32> = match self.order {
            Order::Newest => range.rev().take(MERGE_ROWS).collect(),
            Order::Oldest => range.take(MERGE_ROWS).collect(),
        };
        match (taken.last(), self.order) {
            (Some(&last), Order::Newest) => left.end = last,
            (Some(&last), Order::Oldest) => left.start = last + 1,
            (None, _) => left.end = left.start,
        }
        self.units[unit].with_index(|index| {
            next.extend(taken.into_iter().map(|row| (row, index.pos(row))));
        });
    }

    fn advance(&mut self, unit: usize) {
        if self.streams[unit].next.is_empty() {
            self.refill(unit);
        }
        if let Some(&(_, pos)) = self.streams[unit].next.front() {
            self.push(unit, pos, false);
        }
    }
}

impl<U: Unit> Source for Merge<'_, '_, U> {
    fn settle(&mut self) -> Result<bool, SearchError> {
        while let Some(&Head { unit, unasked: true, .. }) = self.heap.peek() {
            if self.bound() != self.start && self.deadline.is_over() {
                return Ok(false);
            }
            self.heap.pop();
            let rows = find(self.units, unit, self.ask, self.places)?;
            let left = 0..self.units[unit].rows();
            self.streams[unit] = Stream { rows, left, next: VecDeque::new() };
            self.advance(unit);
        }
        Ok(true)
    }

    fn next(&mut self) -> Result<Step, SearchError> {
        if !self.settle()? {
            return Ok(Step::Paused);
        }
        let Some(Head { unit, .. }) = self.heap.pop() else { return Ok(Step::End) };
        let Some((row, pos)) = self.streams[unit].next.pop_front() else { return Ok(Step::End) };
        let sure = !self.streams[unit].rows.maybe.contains(row);
        self.advance(unit);
        Ok(Step::Next(Candidate { unit, row, at: 0, pos, sure }))
    }

    fn bound(&self) -> Option<(i64, u64)> {
        self.heap.peek().map(|head| (0, head.pos))
    }
}
