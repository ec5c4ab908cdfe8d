//! Which numbers of each source were received, and which were not.
//!
//! A source counts its events from 0, and the records may lie in any trail and come in any order. So all trails
//! that the asker may read are looked through, and what a bounded time leaves open is looked for before it, too.

mod numbers;

use std::collections::{BTreeMap, BTreeSet};

use indelible_event::{Micros, Source};
use roaring::RoaringBitmap;

use super::budget::Deadline;
use super::gather::{allowed, turns};
use super::page::Order;
use super::{Access, Alarm, Budget, SearchError, Unit, sound};
use crate::doc::Field;
use crate::index::{Index, IndexError};
use crate::limits::{SOURCE_NUMBERS_BYTES_MAX, SOURCE_ROWS, SOURCES_MAX};
use crate::{Facet, limits};
use numbers::Kept;
pub use numbers::Numbers;

/// Which sources.
#[derive(Clone, Copy, Debug)]
pub struct SourcesAsk<'a> {
    /// What was recorded then or later; all there is, if not given.
    pub since: Option<Micros>,
    /// What is missing before a record of then or later may still be on its way.
    pub recent: Micros,
    /// Only sources that have a record in one of these trails in that time.
    pub within: Option<&'a BTreeSet<u32>>,
}

/// What was received of a source.
#[derive(Clone, Debug, PartialEq)]
pub struct SourceSeen {
    /// Its id.
    pub id: [u8; 16],
    /// When its first record was recorded, in the time asked for.
    pub first: Micros,
    /// When its last was.
    pub last: Micros,
    /// Its service, as one of its records has it.
    pub service: Option<String>,
    /// Its records, each as often as it is there.
    pub records: u64,
    /// The least number of them.
    pub lowest: u64,
    /// The greatest.
    pub highest: u64,
    /// Its numbers; `None` where they are too scattered to be held.
    pub numbers: Option<Numbers>,
}

/// What was received of all sources.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sources {
    /// By id.
    pub sources: Vec<SourceSeen>,
    /// Why this is not all, if it is not: then what looks missing may be there.
    pub lacking: Option<Lacking>,
    /// What could not be read.
    pub alarms: Vec<Alarm>,
}

/// Why not every number was seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lacking {
    /// The time was over.
    Time,
    /// There are more than [`SOURCES_MAX`] sources.
    Sources,
    /// The numbers of a source are too scattered to be held.
    Numbers,
    /// Something could not be read.
    Damage,
}

/// Looks through all records of the time asked for, by their sources' columns and not by the records themselves:
/// these are not held against their leaves.
pub fn sources<U: Unit>(
    units: &[U],
    access: &Access,
    want: &SourcesAsk<'_>,
    budget: &mut Budget<'_>,
) -> Result<Sources, SearchError> {
    let deadline = budget.deadline();
    let mut tally = Tally::new(units, access, want, deadline);
    for unit in turns(units, Order::Oldest) {
        tally.gather(unit)?;
    }
    let shown = |seen: &Seen| seen.within || want.within.is_none();
    tally.seen.retain(|_, seen| shown(seen));
    tally.seen.values_mut().for_each(|seen| seen.kept.settle());
    if want.since.is_some() {
        for unit in turns(units, Order::Newest) {
            tally.fill(unit)?;
        }
    }
    sound(units)?;
    let from_zero = want.since.is_none();
    let of = |(id, seen): ([u8; 16], Seen)| SourceSeen {
        id,
        first: seen.first,
        last: seen.last,
        service: seen.service,
        records: seen.records,
        lowest: seen.kept.lowest(),
        highest: seen.kept.highest(),
        numbers: seen.kept.numbers(from_zero),
    };
    let sources = tally.seen.into_iter().map(of).collect();
    Ok(Sources { sources, lacking: tally.lacking, alarms: tally.alarms })
}

/// What is known of a source so far.
struct Seen {
    first: Micros,
    last: Micros,
    service: Option<String>,
    records: u64,
    within: bool,
    kept: Kept,
    /// The first and the last of its rows in the chunk that is being looked at.
    chunk: Option<(u32, u32)>,
}

struct Tally<'a, 'c, U> {
    units: &'a [U],
    access: &'a Access,
    want: &'a SourcesAsk<'a>,
    deadline: Deadline<'c>,
    seen: BTreeMap<[u8; 16], Seen>,
    lacking: Option<Lacking>,
    alarms: Vec<Alarm>,
}

impl<'a, 'c, U: Unit> Tally<'a, 'c, U> {
    fn new(
        units: &'a [U],
        access: &'a Access,
        want: &'a SourcesAsk<'a>,
        deadline: Deadline<'c>,
    ) -> Self {
        let (seen, alarms) = (BTreeMap::new(), Vec::new());
        Tally { units, access, want, deadline, seen, lacking: None, alarms }
    }

    /// Takes a unit's records of the time asked for.
    fn gather(&mut self, unit: usize) -> Result<(), SearchError> {
        let at = &self.units[unit];
        let (access, want) = (self.access, self.want);
        let looked = at.with_index(|index| {
            let first = want.since.map_or(0, |since| row_of(index, since));
            let mut rows = allowed(index, access, first.min(at.rows())..at.rows())?;
            rows &= with_source(index)?;
            let within = match want.within {
                Some(trails) => of_trails(index, trails)?,
                None => RoaringBitmap::new(),
            };
            Ok((rows, within, row_of(index, want.recent)))
        });
        let (rows, within, recent) = looked.map_err(|error| SearchError::Index { unit, error })?;
        self.chunks(unit, &rows, |tally, rows, sources| {
            for (row, source) in rows.iter().zip(sources) {
                if let Some(source) = source {
                    tally.take(*row, source, within.contains(*row), *row >= recent);
                }
            }
            let told = tally.units[unit].with_index(|index| tally.tell(index));
            told.map_err(|error| SearchError::Index { unit, error })?;
            tally.shed();
            Ok(())
        })
    }

    fn take(&mut self, row: u32, source: Source, within: bool, recent: bool) {
        let full = self.seen.len() >= SOURCES_MAX;
        let seen = match self.seen.entry(source.id) {
            std::collections::btree_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::btree_map::Entry::Vacant(_) if full => {
                self.lacking.get_or_insert(Lacking::Sources);
                return;
            }
            std::collections::btree_map::Entry::Vacant(new) => new.insert(Seen {
                first: Micros(i64::MAX),
                last: Micros(i64::MIN),
                service: None,
                records: 0,
                within: false,
                kept: Kept::new(source.seq),
                chunk: None,
            }),
        };
        seen.records += 1;
        seen.within |= within;
        seen.chunk = Some((seen.chunk.map_or(row, |(first, _)| first), row));
        seen.kept.take(source.seq, recent);
    }

    /// Looks up what is not in the columns of sources, for the first and the last of a chunk.
    fn tell(&mut self, index: &dyn Index) -> Result<(), IndexError> {
        let services = index.facet_codes(Facet::Service)?;
        for seen in self.seen.values_mut() {
            let Some((first, last)) = seen.chunk.take() else { continue };
            seen.first = seen.first.min(index.recorded_at(first));
            seen.last = seen.last.max(index.recorded_at(last));
            if seen.service.is_none()
                && let Some(code) = [last, first].map(|row| services.get(row)).into_iter().max()
                && let Some(value) = code.checked_sub(1)
            {
                seen.service = Some(index.facet_value(Facet::Service, value)?.into_owned());
            }
        }
        Ok(())
    }

    /// Looks in a unit, before the time asked for, for what is missing in it.
    fn fill(&mut self, unit: usize) -> Result<(), SearchError> {
        let open: Vec<Source> = self
            .seen
            .iter()
            .filter(|(_, seen)| seen.kept.is_open())
            .map(|(id, _)| Source { id: *id, seq: 0 })
            .collect();
        if open.is_empty() {
            return Ok(());
        }
        let at = &self.units[unit];
        let (access, want, deadline) = (self.access, self.want, self.deadline);
        let rows = at.with_index(|index| {
            let end = want.since.map_or(0, |since| row_of(index, since));
            let within = allowed(index, access, 0..end.min(at.rows()))?;
            let mut rows = RoaringBitmap::new();
            for source in open.iter().take_while(|_| !within.is_empty() && !deadline.is_over()) {
                rows |= index.term(Field::Source, &source.id_text())?;
            }
            Ok(rows & within)
        });
        let rows = rows.map_err(|error| SearchError::Index { unit, error })?;
        if deadline.is_over() {
            self.lacking.get_or_insert(Lacking::Time);
        }
        self.chunks(unit, &rows, |tally, _, sources| {
            for source in sources.into_iter().flatten() {
                if let Some(seen) = tally.seen.get_mut(&source.id) {
                    seen.kept.fill(source.seq);
                }
            }
            tally.shed();
            Ok(())
        })
    }

    /// Shows the sources of these rows, some at a time, as long as there is time.
    fn chunks(
        &mut self,
        unit: usize,
        rows: &RoaringBitmap,
        mut show: impl FnMut(&mut Self, &[u32], Vec<Option<Source>>) -> Result<(), SearchError>,
    ) -> Result<(), SearchError> {
        let mut rows = rows.iter();
        loop {
            let chunk: Vec<u32> = rows.by_ref().take(SOURCE_ROWS).collect();
            if chunk.is_empty() {
                return Ok(());
            }
            if self.deadline.is_over() {
                self.lacking.get_or_insert(Lacking::Time);
                return Ok(());
            }
            match self.units[unit].sources(&chunk) {
                Ok(sources) => show(self, &chunk, sources)?,
                Err(alarm) => {
                    self.lacking.get_or_insert(Lacking::Damage);
                    if self.alarms.len() < limits::ALARMS_MAX {
                        self.alarms.push(alarm);
                    }
                    return Ok(());
                }
            }
        }
    }

    /// Gives up on the most scattered numbers where all together take too much memory.
    fn shed(&mut self) {
        let mut sizes: Vec<([u8; 16], usize)> =
            self.seen.iter().map(|(id, seen)| (*id, seen.kept.bytes())).collect();
        let mut all: usize = sizes.iter().map(|(_, bytes)| bytes).sum();
        if all <= SOURCE_NUMBERS_BYTES_MAX {
            return;
        }
        sizes.sort_unstable_by_key(|(_, bytes)| *bytes);
        while all > SOURCE_NUMBERS_BYTES_MAX
            && let Some((id, bytes)) = sizes.pop()
        {
            all -= bytes;
            self.lacking = Some(Lacking::Numbers);
            if let Some(seen) = self.seen.get_mut(&id) {
                seen.kept.give_up();
            }
        }
    }
}

/// The first row recorded then or later.
fn row_of(index: &dyn Index, at: Micros) -> u32 {
    index.recorded_in(at, Micros(i64::MAX)).start
}

/// The rows with a source. (It is in the entry, whose terms come first: also a record with more terms than are
/// indexed has it.)
fn with_source(index: &dyn Index) -> Result<RoaringBitmap, IndexError> {
    index.range(Field::Source, std::ops::Bound::Unbounded, std::ops::Bound::Unbounded)
}

fn of_trails(index: &dyn Index, trails: &BTreeSet<u32>) -> Result<RoaringBitmap, IndexError> {
    let mut rows = RoaringBitmap::new();
    for trail in trails {
        rows |= index.term(Field::Trail, &trail.to_be_bytes())?;
    }
    Ok(rows)
}

#[cfg(test)]
#[path = "sources_tests.rs"]
mod tests;
