//! The rows of each unit that an ask means.

use std::sync::atomic::{self, AtomicUsize};
use std::thread;

use roaring::RoaringBitmap;

use super::page::Order;
use super::{Access, Ask, SearchError, Unit};
use crate::doc::Field;
use crate::index::{Index, IndexError};
use crate::limits::THREADS_MAX;
use crate::plan::Scope;

/// The rows of one unit that match, or may.
#[derive(Debug, Default)]
pub(super) struct Rows {
    /// All of them.
    pub all: RoaringBitmap,
    /// Those of them that have to be read to know.
    pub maybe: RoaringBitmap,
}

impl Rows {
    pub fn sure_len(&self) -> u64 {
        self.all.len() - self.maybe.len()
    }
}

/// Places in the log, both included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Places {
    pub from: u64,
    pub to: u64,
}

impl Places {
    /// Whether a unit has none of them.
    pub fn misses<U: Unit>(&self, unit: &U) -> bool {
        if unit.rows() == 0 {
            return true;
        }
        let (first, last) = unit.span();
        last < self.from || first > self.to
    }
}

/// The last place of any record that the asker may read.
pub(super) fn end<U: Unit>(units: &[U], access: &Access) -> Result<u64, SearchError> {
    let mut end = 0;
    for unit in turns(units, Order::Newest) {
        let at = &units[unit];
        if at.span().1 <= end {
            break;
        }
        let last = at.with_index(|index| {
            let rows = allowed(index, access, 0..at.rows())?;
            Ok(rows.max().map(|row| index.pos(row)))
        });
        let last = last.map_err(|error| SearchError::Index { unit, error })?;
        end = end.max(last.unwrap_or(0));
    }
    Ok(end)
}

/// The units with rows, as the order comes to them.
pub(super) fn turns<U: Unit>(units: &[U], order: Order) -> Vec<usize> {
    let mut turns: Vec<usize> = (0..units.len()).filter(|&at| units[at].rows() > 0).collect();
    turns.sort_by_key(|&at| {
        let (first, last) = units[at].span();
        match order {
            Order::Newest => u64::MAX - last,
            Order::Oldest => first,
        }
    });
    turns
}

/// The units with rows to be read, the one with the newest first. Where others' records lie in between is
/// of no account: what a budget leaves unread must not tell of them.
pub(super) fn newest_first<U: Unit>(units: &[U], found: &[Option<Rows>]) -> Vec<usize> {
    let mut turns: Vec<(u64, usize)> = Vec::new();
    for (at, rows) in found.iter().enumerate() {
        if let Some(last) = rows.as_ref().and_then(|rows| rows.maybe.max()) {
            turns.push((units[at].with_index(|index| index.pos(last)), at));
        }
    }
    turns.sort_unstable_by(|a, b| b.cmp(a));
    turns.into_iter().map(|(_, at)| at).collect()
}

/// The rows of a unit at these places that match, or may.
pub(super) fn find<U: Unit>(
    units: &[U],
    unit: usize,
    ask: &Ask<'_>,
    places: Places,
) -> Result<Rows, SearchError> {
    let at = &units[unit];
    if places.misses(at) {
        return Ok(Rows::default());
    }
    let trails: Vec<_> =
        ask.trails.iter().copied().filter(|(number, _)| ask.access.allows(*number)).collect();
    let found = at.with_index(|index| {
        let within = allowed(index, ask.access, row_range(index, at.rows(), places))?;
        if within.is_empty() {
            return Ok(Rows::default());
        }
        let scope = Scope { index, ids: &|id| at.rows_of(id), trails: &trails };
        let found = scope.find(&ask.query.expr, &within)?;
        Ok(Rows { all: found.all().into_owned(), maybe: found.maybe })
    });
    found.map_err(|error| SearchError::Index { unit, error })
}

fn row_range(index: &dyn Index, rows: u32, places: Places) -> std::ops::Range<u32> {
    let from = index.row_at(places.from);
    let to = match places.to.checked_add(1) {
        Some(after) => index.row_at(after).min(rows),
        None => rows,
    };
    from.min(to)..to
}

/// The rows of these that the asker may know of.
pub(super) fn allowed(
    index: &dyn Index,
    access: &Access,
    range: std::ops::Range<u32>,
) -> Result<RoaringBitmap, IndexError> {
    let mut within = RoaringBitmap::new();
    within.insert_range(range);
    if let Access::Trails(trails) = access {
        let mut readable = RoaringBitmap::new();
        for trail in trails {
            readable |= index.term(Field::Trail, &trail.to_be_bytes())?;
        }
        within &= readable;
    }
    Ok(within)
}

/// Runs something for each of the units, or of whatever is counted, on all processors. The result does not
/// depend on how many there are, nor does the error: it is that of the first that has one.
pub(super) fn each_unit<T: Send>(
    units: usize,
    run: impl Fn(usize) -> Result<T, SearchError> + Sync,
) -> Result<Vec<T>, SearchError> {
    each_of(units, THREADS_MAX, run)
}

/// Likewise, on so many threads at most.
pub(super) fn each_of<T: Send>(
    units: usize,
    threads_max: usize,
    run: impl Fn(usize) -> Result<T, SearchError> + Sync,
) -> Result<Vec<T>, SearchError> {
    let threads =
        thread::available_parallelism().map_or(1, usize::from).min(threads_max).min(units);
    if threads <= 1 {
        return (0..units).map(run).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let unit = next.fetch_add(1, atomic::Ordering::Relaxed);
            if unit >= units {
                return done;
            }
            done.push((unit, run(unit)));
        }
    };
    let mut done = thread::scope(|scope| {
        // A system that has no thread to give leaves the work to this one.
        let others: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut done = work();
        for other in others {
            match other.join() {
                Ok(more) => done.extend(more),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        done
    });
    done.sort_unstable_by_key(|(unit, _)| *unit);
    done.into_iter().map(|(_, result)| result).collect()
}
