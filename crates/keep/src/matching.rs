//! Which rows of which segments a query means, exactly: what the index leaves open is read and checked, and a segment
//! without an index is read whole.

use indelible_event::Part;
use indelible_index::plan::Scope;
use indelible_index::query::Query;
use indelible_index::search::Unit as _;
use indelible_index::{Doc, Index};
use indelible_log::SegmentHandle;
use indelible_log::record::KeptRecord;
use indelible_store::UnitAt;
use roaring::RoaringBitmap;

use crate::Keep;
use crate::error::KeepError;
use crate::limits::CHECK_ROWS;

/// Segments with what an index says of them, to be asked more than once. It shows one moment: rows of segments
/// that were sealed or rewritten since are not found by it.
pub struct Matcher<'a> {
    keep: &'a Keep,
    segments: Vec<(SegmentHandle, Option<UnitAt>)>,
    trails: Vec<(u32, String)>,
}

/// The rows of each segment, by its file number, that a query means; segments without any are left out. Records that
/// are not sealed yet are not looked at: seal first. Of stubs nothing is found.
pub fn rows(keep: &Keep, query: &Query) -> Result<Vec<(u64, RoaringBitmap)>, KeepError> {
    let whole = keep.store.log().view().segments().into_iter().filter(|s| !s.is_stub()).collect();
    let matcher = Matcher::new(keep, whole)?;
    let mut found = Vec::new();
    for at in 0..matcher.segments.len() {
        let rows = matcher.rows_of(at, query)?;
        if !rows.is_empty() {
            found.push((matcher.segments[at].0.file_no(), rows));
        }
    }
    Ok(found)
}

impl<'a> Matcher<'a> {
    /// Of these segments, whether they are still in charge or not.
    pub fn new(keep: &'a Keep, segments: Vec<SegmentHandle>) -> Result<Matcher<'a>, KeepError> {
        let reader = keep.store.reader();
        let search = reader.search()?;
        // Where no index is made in the background this fails at once, and what it lacks is read.
        let _ = search.wait_frozen();
        let mut units: Vec<UnitAt> = search.snapshot().units;
        let mut take = |segment: &SegmentHandle| {
            let is = |unit: &UnitAt| {
                unit.segment().is_some_and(|of| of.file_no() == segment.file_no())
                    && unit.with_index(|index| index.sound()).is_ok()
            };
            units.iter().position(is).map(|at| units.swap_remove(at))
        };
        let segments = segments.into_iter().map(|segment| (take(&segment), segment));
        let segments = segments.map(|(unit, segment)| (segment, unit)).collect();
        let trails = reader.view().infos();
        let trails = trails.iter().map(|info| (info.no.0, info.name.to_string())).collect();
        Ok(Matcher { keep, segments, trails })
    }

    /// The rows of one of the segments, by its file number, that the query means.
    pub fn rows(&self, file: u64, query: &Query) -> Result<RoaringBitmap, KeepError> {
        let at = self.segments.iter().position(|(segment, _)| segment.file_no() == file);
        // Nothing found would look as if nothing were meant.
        let at = at.ok_or_else(|| KeepError::NotFound(format!("no segment file {file}")))?;
        self.rows_of(at, query)
    }

    fn rows_of(&self, at: usize, query: &Query) -> Result<RoaringBitmap, KeepError> {
        let (segment, unit) = &self.segments[at];
        let all: RoaringBitmap = (0..segment.rows()).collect();
        let (mut sure, maybe) = match unit {
            Some(unit) => self.planned(unit, query, &all)?,
            None => (RoaringBitmap::new(), all),
        };
        let view = self.keep.store.reader().view();
        let mut left = maybe.iter();
        loop {
            let batch: Vec<u32> = left.by_ref().take(CHECK_ROWS).collect();
            if batch.is_empty() {
                return Ok(sure);
            }
            for (row, record) in batch.iter().zip(view.read_rows(segment, &batch)) {
                if self.means(query, &record?) {
                    sure.insert(*row);
                }
            }
        }
    }

    /// The rows that surely match, and those that may.
    fn planned(
        &self,
        unit: &UnitAt,
        query: &Query,
        all: &RoaringBitmap,
    ) -> Result<(RoaringBitmap, RoaringBitmap), KeepError> {
        let trails: Vec<(u32, &str)> =
            self.trails.iter().map(|(no, name)| (*no, name.as_str())).collect();
        let found = unit.with_index(|index: &dyn Index| {
            let scope = Scope { index, ids: &|id| unit.rows_of(id), trails: &trails };
            let found = scope.find(&query.expr, all)?;
            index.sound().map(|()| found)
        });
        match found {
            Ok(found) => Ok((found.sure, found.maybe)),
            Err(_) => {
                // It is made again; until then the records themselves tell.
                self.keep.store.reader().search()?.damaged(unit);
                Ok((RoaringBitmap::new(), all.clone()))
            }
        }
    }

    fn means(&self, query: &Query, record: &KeptRecord) -> bool {
        let known = |(no, _): &&(u32, String)| *no == record.trail.0;
        let trail_name = self.trails.iter().find(known).map_or("", |(_, name)| name);
        query.matches(&Doc {
            pos: record.pos.0,
            trail: record.trail.0,
            trail_name,
            entry: record.entry(),
            parts: Part::ALL.map(|part| record.part(part)),
        })
    }
}
