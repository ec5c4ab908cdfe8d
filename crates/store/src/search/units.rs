//! An index joined with the records that it leads to.

use std::sync::{Arc, RwLock};

use indelible_event::{EventId, Part};
use indelible_index::search::{Alarm, Record, Unit};
use indelible_index::{Doc, Frozen, Index, Live};
use indelible_log::record::{KeptRecord, PartRef, Pos, Seq, TrailNo};
use indelible_log::trail::TrailInfo;
use indelible_log::{LogError, SegmentHandle, View};

/// A record that was found, and checked against its leaf.
#[derive(Clone, Debug)]
pub struct Found {
    /// The record.
    pub record: KeptRecord,
    /// Its trail.
    pub trail: Arc<TrailInfo>,
}

impl Record for Found {
    fn doc(&self) -> Doc<'_> {
        Doc {
            pos: self.record.pos.0,
            trail: self.record.trail.0,
            trail_name: self.trail.name.as_str(),
            entry: self.record.entry(),
            parts: Part::ALL.map(|part| self.record.part(part)),
        }
    }

    fn bytes(&self) -> usize {
        let parts: usize = Part::ALL.map(|part| self.record.part(part).map_or(0, <[u8]>::len)).iter().sum();
        self.record.entry.len() + parts
    }
}

/// A record on its way into an index, as it lies in a frame or in a segment's pages.
pub(crate) fn doc<'a>(record: &indelible_log::record::Record<'a>) -> Doc<'a> {
    Doc {
        pos: record.pos.0,
        trail: record.trail.0,
        // No term is made of the name: the number stands for it.
        trail_name: "",
        entry: record.entry,
        parts: record.parts.map(|part| match part {
            PartRef::Kept(bytes) => Some(bytes),
            PartRef::Absent | PartRef::Gone(_) => None,
        }),
    }
}

/// A segment and its frozen map.
pub(super) struct FrozenUnit {
    pub handle: SegmentHandle,
    pub index: Frozen,
}

/// The map of records that were durable and not sealed when it was made. It goes when all of them are in
/// frozen ones.
pub(super) struct LiveUnit {
    pub first: Pos,
    /// Written by the indexer only.
    pub map: RwLock<LiveMap>,
}

pub(super) struct LiveMap {
    pub live: Live,
    /// Each row's place in its trail: with it a record is found wherever it has moved to.
    pub seqs: Vec<Seq>,
    pub end: Pos,
}

impl LiveUnit {
    pub fn new(first: Pos, seed: u64) -> LiveUnit {
        let map = LiveMap { live: Live::new(seed), seqs: Vec::new(), end: first };
        LiveUnit { first, map: RwLock::new(map) }
    }
}

impl LiveMap {
    pub fn push(&mut self, record: &indelible_log::record::Record<'_>) {
        self.live.push(&doc(record));
        self.seqs.push(record.seq);
        self.end = Pos(record.pos.0 + 1);
    }
}

#[derive(Clone)]
enum Map {
    Frozen(Arc<FrozenUnit>),
    Live(Arc<LiveUnit>),
}

/// A unit as a query sees it: it does not grow under it.
pub struct UnitAt {
    map: Map,
    rows: u32,
    span: (u64, u64),
    view: Arc<View>,
}

impl UnitAt {
    pub(super) fn frozen(unit: &Arc<FrozenUnit>, view: &Arc<View>) -> UnitAt {
        let span = (unit.handle.first_pos().0, unit.handle.last_pos().0);
        let rows = unit.handle.rows();
        UnitAt { map: Map::Frozen(unit.clone()), rows, span, view: view.clone() }
    }

    /// `None` as long as there is nothing in it.
    pub(super) fn live(unit: &Arc<LiveUnit>, view: &Arc<View>) -> Option<UnitAt> {
        let (rows, end) = {
            let map = unit.map.read().expect("nothing panics while holding a live map");
            (map.live.rows(), map.end)
        };
        let span = (unit.first.0, end.0.checked_sub(1)?);
        (rows > 0).then(|| UnitAt { map: Map::Live(unit.clone()), rows, span, view: view.clone() })
    }

    /// The segment that it is of, if it is frozen.
    pub(super) fn segment(&self) -> Option<&SegmentHandle> {
        match &self.map {
            Map::Frozen(unit) => Some(&unit.handle),
            Map::Live(_) => None,
        }
    }

    fn found(
        &self,
        row: u32,
        record: Result<KeptRecord, LogError>,
        at: Option<(TrailNo, Seq)>,
    ) -> Result<Found, Alarm> {
        let alarm = |e: &LogError| Alarm {
            trail: at.map(|(trail, _)| trail.0),
            pos: self.with_index(|index| index.pos(row)),
            seq: at.map(|(_, seq)| seq.0),
            message: e.to_string(),
        };
        let record = record.map_err(|e| alarm(&e))?;
        let trail = self.view.info(record.trail).map_err(|e| alarm(&e))?;
        Ok(Found { record, trail })
    }
}

impl Unit for UnitAt {
    type Record = Found;

    fn span(&self) -> (u64, u64) {
        self.span
    }

    fn rows(&self) -> u32 {
        self.rows
    }

    fn with_index<T>(&self, run: impl FnOnce(&dyn Index) -> T) -> T {
        match &self.map {
            Map::Frozen(unit) => run(&unit.index),
            Map::Live(unit) => {
                run(&unit.map.read().expect("nothing panics while holding a live map").live)
            }
        }
    }

    fn rows_of(&self, id: EventId) -> Vec<u32> {
        match &self.map {
            Map::Frozen(unit) => {
                // A segment that cannot be opened cannot be read either, and that is told then.
                let Ok(segment) = unit.handle.segment() else { return Vec::new() };
                let trails = segment.meta().trails.iter().map(|span| span.trail.no);
                let rows = trails.filter_map(|trail| segment.find_id(trail, id).ok()).flatten();
                let mut rows: Vec<u32> = rows.collect();
                rows.sort_unstable();
                rows.dedup();
                rows
            }
            Map::Live(unit) => {
                let end = unit.first.0 + u64::from(self.rows);
                let here = |pos: &Pos| (unit.first.0..end).contains(&pos.0);
                let places = self.view.unsealed_places(id).into_iter().filter(here);
                places.map(|pos| (pos.0 - unit.first.0) as u32).collect()
            }
        }
    }

    fn read(&self, rows: &[u32]) -> Vec<Result<Found, Alarm>> {
        match &self.map {
            Map::Frozen(unit) => {
                let records = self.view.read_rows(&unit.handle, rows);
                rows.iter().zip(records).map(|(row, r)| self.found(*row, r, None)).collect()
            }
            Map::Live(unit) => {
                let wanted: Vec<(TrailNo, Seq)> = {
                    let map = unit.map.read().expect("nothing panics while holding a live map");
                    let place = |row: &u32| (TrailNo(map.live.trail(*row)), map.seqs[*row as usize]);
                    rows.iter().map(place).collect()
                };
                let records = self.view.read_each_of(&wanted).into_iter().zip(wanted);
                rows.iter().zip(records).map(|(row, (r, at))| self.found(*row, r, Some(at))).collect()
            }
        }
    }
}
