//! An index joined with the records that it leads to.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock, RwLockWriteGuard};

use indelible_event::{EventId, Part, Source};
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
        let parts: usize =
            Part::ALL.map(|part| self.record.part(part).map_or(0, <[u8]>::len)).iter().sum();
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
    /// It was found damaged, and must not be put in charge again.
    pub thrown: AtomicBool,
}

impl FrozenUnit {
    pub fn is_thrown(&self) -> bool {
        self.thrown.load(Ordering::Relaxed)
    }
}

/// The map of records that were durable and not sealed when it was made. It goes when all of them are in
/// frozen ones.
pub(super) struct LiveUnit {
    pub first: Pos,
    /// Written by the indexer only.
    pub map: RwLock<LiveMap>,
    /// Each row's id. Written only while the map is locked; apart from it, because a query that has locked
    /// the map asks for ids.
    ids: RwLock<Vec<EventId>>,
}

pub(super) struct LiveMap {
    pub live: Live,
    /// Each row's place in its trail: with it a record is found wherever it has moved to.
    pub seqs: Vec<Seq>,
    /// Each row's source: a segment has a column of them, the active file has not.
    sources: Vec<Option<Source>>,
    pub end: Pos,
}

impl LiveUnit {
    pub fn new(first: Pos, seed: u64) -> LiveUnit {
        let (seqs, sources) = (Vec::new(), Vec::new());
        let map = LiveMap { live: Live::new(seed), seqs, sources, end: first };
        LiveUnit { first, map: RwLock::new(map), ids: RwLock::default() }
    }

    pub fn write(&self) -> Writing<'_> {
        let map = self.map.write().expect("nothing panics while holding a live map");
        Writing { map, ids: self.ids.write().expect("nothing panics while holding the ids") }
    }

    pub fn end(&self) -> Pos {
        self.map.read().expect("nothing panics while holding a live map").end
    }
}

/// A live unit locked to be added to.
pub(super) struct Writing<'a> {
    map: RwLockWriteGuard<'a, LiveMap>,
    ids: RwLockWriteGuard<'a, Vec<EventId>>,
}

impl Writing<'_> {
    pub fn push(&mut self, record: &indelible_log::record::Record<'_>) {
        self.map.live.push(&doc(record));
        self.map.seqs.push(record.seq);
        self.map.sources.push(record.entry.source);
        self.map.end = Pos(record.pos.0 + 1);
        self.ids.push(record.entry.id);
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

    /// The segment whose map it is; `None` for records that were not sealed when the map was made.
    pub fn segment(&self) -> Option<&SegmentHandle> {
        self.as_frozen().map(|unit| &unit.handle)
    }

    /// What it is, if it is frozen.
    pub(super) fn as_frozen(&self) -> Option<&Arc<FrozenUnit>> {
        match &self.map {
            Map::Frozen(unit) => Some(unit),
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
                // Where that cannot be told each row may be the one, and reading tells what is wrong.
                unit.handle.rows_of(id).unwrap_or_else(|_| (0..self.rows).collect())
            }
            // The active file's own table would not do: it goes when the file is sealed, before this unit.
            Map::Live(unit) => {
                let ids = unit.ids.read().expect("nothing panics while holding the ids");
                let rows = ids.iter().zip(0..self.rows).filter(|(known, _)| **known == id);
                rows.map(|(_, row)| row).collect()
            }
        }
    }

    fn sources(&self, rows: &[u32]) -> Result<Vec<Option<Source>>, Alarm> {
        match &self.map {
            Map::Frozen(unit) => unit.handle.sources(rows).map_err(|e| {
                let pos = rows.first().map_or(self.span.0, |row| unit.index.pos(*row));
                Alarm { trail: None, pos, seq: None, message: e.to_string() }
            }),
            Map::Live(unit) => {
                let map = unit.map.read().expect("nothing panics while holding a live map");
                let of = |row: &u32| map.sources.get(*row as usize).copied().flatten();
                Ok(rows.iter().map(of).collect())
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
                    let place =
                        |row: &u32| (TrailNo(map.live.trail(*row)), map.seqs[*row as usize]);
                    rows.iter().map(place).collect()
                };
                let records = self.view.read_each_of(&wanted).into_iter().zip(wanted);
                rows.iter()
                    .zip(records)
                    .map(|(row, (r, at))| self.found(*row, r, Some(at)))
                    .collect()
            }
        }
    }
}
