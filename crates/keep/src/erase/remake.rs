//! One segment of a copy: which of its rows are meant, and the same segment without their parts.

use std::collections::BTreeMap;

use indelible_event::{Entry, Part, seal};
use indelible_log::View;
use indelible_log::record::{PartRef, Record, Salts, TrailNo};
use indelible_log::segment::{
    Finished, Segment, SegmentHeader, SegmentState, SegmentWriter, TrailInfo,
};
use indelible_log::trail::TrailId;
use indelible_merkle::leaf_hash;

use super::find::each_row;
use super::strike::{Stroke, damaged, rows_of};
use crate::error::KeepError;

/// The trails of a segment as this log numbers them.
pub(super) struct Trails(BTreeMap<TrailNo, (TrailNo, String)>);

impl Trails {
    pub fn of(view: &View, segment: &Segment) -> Trails {
        let infos = view.infos();
        let known = segment.meta().trails.iter().filter_map(|span| {
            let info = infos.iter().find(|info| info.id == TrailId(span.trail.opaque))?;
            Some((span.trail.no, (info.no, info.name.to_string())))
        });
        Trails(known.collect())
    }

    pub fn get(&self, no: TrailNo) -> Option<(TrailNo, &str)> {
        self.0.get(&no).map(|(no, name)| (*no, name.as_str()))
    }
}

/// Whether a record from elsewhere is the one that this log's tree has at its place.
pub(super) fn is_same(view: &View, record: &Record<'_>) -> Result<bool, KeepError> {
    if record.seq.0 >= view.trail(record.trail)?.size.0 {
        return Ok(false);
    }
    let Some(parts_hash) = record.parts_hash() else { return Ok(false) };
    let mut bytes = Vec::with_capacity(512);
    Entry { parts_hash, ..record.entry }.encode(&mut bytes);
    let leaf = view.hashes(record.trail, 0, record.seq.0, 1)?;
    Ok(leaf.first() == Some(&leaf_hash(&bytes)))
}

/// The rows of a segment that lose a part, and which.
pub(super) fn marks(
    segment: &Segment,
    view: &View,
    strokes: &[Stroke],
    path: &str,
) -> Result<BTreeMap<u32, [bool; 3]>, KeepError> {
    let mut wanted: BTreeMap<u32, [bool; 3]> = BTreeMap::new();
    if segment.meta().state != SegmentState::Full {
        return Ok(wanted);
    }
    let trails = Trails::of(view, segment);
    for (here, (no, _)) in &trails.0 {
        for stroke in strokes.iter().filter(|stroke| stroke.trail == *no) {
            for row in rows_of(segment, *here, &stroke.seqs).map_err(damaged(path))? {
                let parts = wanted.entry(row).or_default();
                *parts = std::array::from_fn(|p| parts[p] || stroke.parts[p]);
            }
        }
    }
    let rows: Vec<u32> = wanted.keys().copied().collect();
    for rows in rows.chunks(crate::limits::ERASURE_READ_ROWS) {
        for (row, record) in rows.iter().zip(segment.rows(rows).map_err(damaged(path))?) {
            let record = record.as_ref();
            let (no, _) = trails.get(record.trail).expect("its row was found by its trail");
            let kept = |p: usize| matches!(record.parts[p], PartRef::Kept(_));
            let loses = (0..3).any(|p| wanted[row][p] && kept(p));
            if !loses || !is_same(view, &Record { trail: no, ..record })? {
                wanted.remove(row);
            }
        }
    }
    Ok(wanted)
}

/// Writes a segment anew without these parts of these rows.
pub(super) fn without<W: std::io::Write + Send>(
    segment: &Segment,
    marks: &BTreeMap<u32, [bool; 3]>,
    out: W,
    path: &str,
) -> Result<Finished<W>, KeepError> {
    let meta = segment.meta();
    let trails: Vec<TrailInfo> = meta.trails.iter().map(|span| span.trail.clone()).collect();
    let header = SegmentHeader {
        class: meta.class.clone(),
        policy: meta.policy,
        day: meta.day,
        state: meta.state,
        trails,
    };
    let mut writer = SegmentWriter::new(out, header).map_err(damaged(path))?;
    each_row(path, segment, &mut |row, record| {
        let Some(parts) = marks.get(&row) else {
            return writer.push(record).map_err(damaged(path));
        };
        let lost = lose(record, *parts).ok_or_else(|| KeepError::Damaged {
            path: path.to_owned(),
            reason: format!("row {row}: a part has no salt"),
        })?;
        writer.push(&lost).map_err(damaged(path))
    })?;
    writer.finish().map_err(damaged(path))
}

/// A record without these parts: their commitments stay, and of the salts those of the parts that stay.
fn lose<'r>(record: &Record<'r>, lost: [bool; 3]) -> Option<Record<'r>> {
    let (mut parts, mut salts) = (record.parts, [None; 3]);
    for part in Part::ALL {
        let at = part as usize;
        if let PartRef::Kept(bytes) = record.parts[at] {
            let salt = record.salts.of(part)?;
            match lost[at] {
                true => parts[at] = PartRef::Gone(seal::commitment(part, &salt, bytes)),
                false => salts[at] = Some(salt),
            }
        }
    }
    Some(Record { parts, salts: Salts::Parts(salts), ..*record })
}

/// Fails unless the rows that were changed still make the same entries and have lost what they should.
pub(super) fn compare(
    before: &Segment,
    after: &Segment,
    marks: &BTreeMap<u32, [bool; 3]>,
    path: &str,
) -> Result<(), KeepError> {
    let rows: Vec<u32> = marks.keys().copied().collect();
    for rows in rows.chunks(crate::limits::ERASURE_READ_ROWS) {
        let old = before.rows(rows).map_err(damaged(path))?;
        let new = after.rows(rows).map_err(damaged(path))?;
        for ((old, new), row) in old.iter().zip(&new).zip(rows) {
            let (old, new) = (old.as_ref(), new.as_ref());
            let gone = (0..3).all(|p| !marks[row][p] || !matches!(new.parts[p], PartRef::Kept(_)));
            let same = old.entry == new.entry && old.parts_hash() == new.parts_hash();
            if !gone || !same {
                return Err(KeepError::Damaged {
                    path: path.to_owned(),
                    reason: format!("row {row} is not what it was made of"),
                });
            }
        }
    }
    Ok(())
}
