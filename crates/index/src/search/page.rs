//! Pages of records.

use super::gather::{Places, each_unit, end, find, newest_first};
use super::merge::{Merge, Source, Step};
use super::read::{Candidate, Checker};
use super::sorted::Sorted;
use super::{Alarm, Ask, Budget, Cursor, Met, Record, SearchError, Total, Unit, sound};
use crate::limits::{
    COUNT_MAX, PAGE_BYTES_MAX, PAGE_EVENTS_MAX, PEEK_ROWS, READ_ROWS_MAX, READ_ROWS_MIN,
};

/// Which end comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// The newest.
    #[default]
    Newest,
    /// The oldest.
    Oldest,
}

/// What it is ordered by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// When it was recorded, which is the order of the log.
    #[default]
    Recorded,
    /// When it happened; of many matches only those nearest to that end of the log are sorted.
    Occurred,
}

/// Which page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PageAsk {
    /// Which end comes first.
    pub order: Order,
    /// What it is ordered by.
    pub sort: Sort,
    /// Records on it, at least one and at most [`PAGE_EVENTS_MAX`].
    pub limit: usize,
    /// Matches before it, at most [`COUNT_MAX`]; of no account with a cursor.
    pub skip: u64,
    /// Where the page before ended.
    pub after: Option<Cursor>,
    /// Nothing before this place of the log; for [`Sort::Recorded`], and of no account to the count.
    pub from_pos: Option<u64>,
    /// Whether to count all matches.
    pub count: bool,
}

/// A page.
#[derive(Debug)]
pub struct Page<R> {
    /// The records, in order.
    pub records: Vec<R>,
    /// Where it goes on; `None` if there is no more.
    pub next: Option<Cursor>,
    /// How many match, if that was asked.
    pub total: Option<Total>,
    /// The bound that was met, if one was. What is there is right.
    pub incomplete: Option<Met>,
    /// Records that could not be shown.
    pub alarms: Vec<Alarm>,
}

/// Finds a page of the records that match.
///
/// Going on with each page's cursor shows each match of the first page's snapshot once, in order. Every page
/// gets further, however small the budget, so that going on also comes to an end.
pub fn page<U: Unit>(
    units: &[U],
    ask: &Ask<'_>,
    want: &PageAsk,
    budget: &mut Budget<'_>,
) -> Result<Page<U::Record>, SearchError> {
    let (from, end, skip) = match &want.after {
        Some(cursor) => {
            cursor.check(ask, want)?;
            (Some((cursor.at, cursor.pos)), cursor.end, u64::from(cursor.skip))
        }
        None => (None, end(units, ask.access)?, want.skip),
    };
    if skip > COUNT_MAX {
        return Err(SearchError::Skip(COUNT_MAX));
    }
    let deadline = budget.deadline();
    let checker = Checker::new(units, ask, budget);
    let mut filled = match want.sort {
        Sort::Recorded => {
            let first = want.from_pos.unwrap_or(0);
            let places = match (from, want.order) {
                (None, _) => Places { from: first, to: end },
                (Some((_, pos)), Order::Newest) => Places { from: first, to: pos.min(end) },
                (Some((_, pos)), Order::Oldest) => Places { from: pos.max(first), to: end },
            };
            let source = Merge::new(units, ask, want.order, places, deadline);
            Fill::new(checker, source, want.limit, skip).run()?
        }
        Sort::Occurred => {
            let source = Sorted::new(units, ask, want.order, end, from, deadline)?;
            let met = source.met;
            let mut filled = Fill::new(checker, source, want.limit, skip).run()?;
            filled.incomplete = filled.incomplete.or(met);
            filled
        }
    };
    let mut total = None;
    if want.count {
        let whole = want.after.is_none() && filled.next.is_none() && filled.incomplete.is_none();
        total = Some(if whole && filled.skip == 0 {
            Total { value: want.skip + filled.records.len() as u64, exact: true }
        } else {
            count(units, ask, end, budget, &mut filled.alarms)?
        });
    }
    let next = filled.next.map(|key| {
        let skip = u32::try_from(filled.skip).unwrap_or(u32::MAX);
        Cursor::new(ask, want, key, end, skip)
    });
    let Filled { records, incomplete, alarms, .. } = filled;
    sound(units)?;
    Ok(Page { records, next, total, incomplete, alarms })
}

/// A page being filled.
struct Fill<'a, 'b, 'c, U: Unit, S> {
    checker: Checker<'a, 'b, 'c, U>,
    source: S,
    limit: usize,
    /// Matches yet to be skipped.
    skip: u64,
    records: Vec<U::Record>,
    bytes: usize,
}

struct Filled<R> {
    records: Vec<R>,
    next: Option<(i64, u64)>,
    skip: u64,
    incomplete: Option<Met>,
    alarms: Vec<Alarm>,
}

impl<'a, 'b, 'c, U: Unit, S: Source> Fill<'a, 'b, 'c, U, S> {
    fn new(checker: Checker<'a, 'b, 'c, U>, source: S, limit: usize, skip: u64) -> Self {
        let limit = limit.clamp(1, PAGE_EVENTS_MAX);
        Fill { checker, source, limit, skip, records: Vec::new(), bytes: 0 }
    }

    fn run(mut self) -> Result<Filled<U::Record>, SearchError> {
        let mut batch = self.limit.min(READ_ROWS_MIN);
        let mut first = true;
        loop {
            let settled = self.source.settle()?;
            let bound = self.source.bound();
            if bound.is_none() {
                return Ok(self.end(None, None));
            } else if self.records.len() == self.limit {
                return self.peek();
            } else if !settled {
                return Ok(self.end(bound, Some(Met::Time)));
            }
            // Something is read whatever the budget, so that going on gets further.
            if let Some(met) = self.checker.budget.met().filter(|_| !first) {
                return Ok(self.end(bound, Some(met)));
            }
            first = false;
            let mut window = Vec::new();
            self.take(batch, &mut window)?;
            if self.skip > 0 {
                self.skip(&window)?;
            } else if let Some(next) = self.show(&window)? {
                return Ok(self.end(Some(next), None));
            }
            batch = (batch * 2).min(READ_ROWS_MAX);
        }
    }

    fn end(self, next: Option<(i64, u64)>, incomplete: Option<Met>) -> Filled<U::Record> {
        let Fill { checker, records, skip, .. } = self;
        Filled { records, next, skip, incomplete, alarms: checker.alarms }
    }

    /// Takes the next candidates, and no more than are needed if they all match.
    fn take(&mut self, batch: usize, window: &mut Vec<Candidate>) -> Result<(), SearchError> {
        let mut room = batch;
        let mut sure = self.limit - self.records.len();
        if self.skip > 0 {
            let skip = usize::try_from(self.skip).unwrap_or(usize::MAX);
            (room, sure) = (skip.min(READ_ROWS_MAX), skip);
        } else {
            let bytes = PAGE_BYTES_MAX.saturating_sub(self.bytes);
            room = room.min(self.checker.rows_of(bytes));
        }
        let budget = usize::try_from(self.checker.budget.rows_left()).unwrap_or(usize::MAX);
        room = room.min(budget).max(1);
        while window.len() < room && sure > 0 {
            match self.source.next()? {
                Step::Next(candidate) => {
                    sure -= usize::from(candidate.sure);
                    window.push(candidate);
                }
                Step::Paused | Step::End => break,
            }
        }
        Ok(())
    }

    /// Skips those that match. There are no more of them than are to be skipped.
    fn skip(&mut self, window: &[Candidate]) -> Result<(), SearchError> {
        let open: Vec<Candidate> = window.iter().filter(|row| !row.sure).copied().collect();
        let matched = self.checker.read(&open)?.iter().flatten().count();
        self.skip = self.skip.saturating_sub((window.len() - open.len() + matched) as u64);
        Ok(())
    }

    /// Puts those that match on the page. If one does not fit on it, that is where the next one begins.
    fn show(&mut self, window: &[Candidate]) -> Result<Option<(i64, u64)>, SearchError> {
        let read = self.checker.read(window)?;
        for (candidate, record) in window.iter().zip(read) {
            let Some(record) = record else { continue };
            let bytes = self.bytes + record.bytes();
            let full = self.records.len() == self.limit;
            if full || bytes > PAGE_BYTES_MAX && !self.records.is_empty() {
                return Ok(Some(candidate.key()));
            }
            self.bytes = bytes;
            self.records.push(record);
        }
        Ok(None)
    }

    /// The page is full. Looks whether there is more, as nobody likes an empty page; but not at any price.
    fn peek(mut self) -> Result<Filled<U::Record>, SearchError> {
        let mut bound = self.source.bound();
        let mut window = Vec::new();
        let mut over = self.checker.budget.met().is_some();
        while !over && window.len() < PEEK_ROWS {
            match self.source.next()? {
                Step::Next(candidate) if candidate.sure && window.is_empty() => {
                    return Ok(self.end(Some(candidate.key()), None));
                }
                Step::Next(candidate) => {
                    window.push(candidate);
                    if candidate.sure {
                        break;
                    }
                }
                Step::Paused => over = true,
                Step::End => break,
            }
        }
        if !window.is_empty() {
            bound = self.source.bound();
            let open: Vec<Candidate> = window.iter().filter(|row| !row.sure).copied().collect();
            let read = self.checker.read(&open)?;
            let first = open.iter().zip(&read).find(|(_, record)| record.is_some());
            let first = first.map(|(candidate, _)| candidate);
            if let Some(more) = first.or(window.iter().find(|candidate| candidate.sure)) {
                bound = Some(more.key());
            }
        }
        Ok(self.end(bound, None))
    }
}

/// How many match, as far as that is counted.
fn count<U: Unit>(
    units: &[U],
    ask: &Ask<'_>,
    end: u64,
    budget: &mut Budget<'_>,
    alarms: &mut Vec<Alarm>,
) -> Result<Total, SearchError> {
    let places = Places { from: 0, to: end };
    let deadline = budget.deadline();
    let asked = each_unit(units.len(), |unit| {
        if deadline.is_over() {
            return Ok(None);
        }
        find(units, unit, ask, places).map(Some)
    })?;
    let mut exact = asked.iter().all(Option::is_some);
    let mut value: u64 = asked.iter().flatten().map(|rows| rows.sure_len()).sum();
    let mut checker = Checker::new(units, ask, budget);
    for unit in newest_first(units, &asked) {
        let Some(rows) = &asked[unit] else { continue };
        if value > COUNT_MAX {
            break;
        }
        let (matching, all) = checker.resolve(unit, &rows.maybe, COUNT_MAX + 1 - value)?;
        value += matching.len();
        exact &= all;
    }
    alarms.extend(checker.alarms);
    if value > COUNT_MAX {
        return Ok(Total { value: COUNT_MAX, exact: false });
    }
    Ok(Total { value, exact })
}
