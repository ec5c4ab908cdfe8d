//! Rewriting a segment as a forger would: new file, new row table, new hashes in the manifest.

use indelible_event::Facets;
use indelible_log::manifest::{Left, Manifest, ManifestSegment};
use indelible_log::record::{KeptRecord, Pos, TrailNo};
use indelible_log::segment::{Segment, SegmentHeader, SegmentState, SegmentWriter, TrailInfo};
use indelible_log::sha256;
use indelible_log::storage::{Storage, write_all_at};

use super::copy::replace;
use crate::error::StoreError;

/// A record of the segment being forged.
pub(super) struct Forged {
    pub record: KeptRecord,
    /// What the column for the actor's id is to say instead of the truth.
    pub actor_column: Option<&'static str>,
}

/// Rewrites the last segment that holds records of a trail; gives the finding's place a name.
pub(super) fn segment_of(
    storage: &dyn Storage,
    trail: TrailNo,
    state: Option<SegmentState>,
    change: impl FnOnce(&mut Vec<Forged>),
) -> Result<(), StoreError> {
    let mut manifest = Manifest::load(storage)?;
    let at = manifest.segments.iter().rposition(|s| s.trails.iter().any(|t| t.0 == trail.0));
    let at =
        at.ok_or_else(|| StoreError::NotFound("no segment holds the drill's events".into()))?;
    let (header, mut records) = read(storage, &manifest.segments[at])?;
    change(&mut records);
    let header = SegmentHeader { state: state.unwrap_or(header.state), ..header };
    write(storage, &mut manifest.segments[at], header, &records)?;
    manifest.store(storage)?;
    Ok(())
}

fn bad(e: impl ToString) -> StoreError {
    StoreError::file("segment", e)
}

fn read(
    storage: &dyn Storage,
    entry: &ManifestSegment,
) -> Result<(SegmentHeader, Vec<Forged>), StoreError> {
    let (parquet, rows) = (entry.parquet(), entry.row_table());
    let segment = Segment::open(
        storage.map(&parquet).map_err(StoreError::io(&parquet))?,
        storage.map(&rows).map_err(StoreError::io(&rows))?,
    )
    .map_err(bad)?;
    let mut records = Vec::new();
    for batch in segment.scan(0..segment.len()).map_err(bad)? {
        let batch = batch.map_err(bad)?;
        for i in 0..batch.len() {
            let record = KeptRecord::copy(&batch.record(i).map_err(bad)?);
            records.push(Forged { record, actor_column: None });
        }
    }
    let meta = segment.meta();
    let header = SegmentHeader {
        class: meta.class.clone(),
        policy: meta.policy,
        day: meta.day,
        state: meta.state,
        trails: meta.trails.iter().map(|s| s.trail.clone()).collect::<Vec<TrailInfo>>(),
    };
    Ok((header, records))
}

fn write(
    storage: &dyn Storage,
    entry: &mut ManifestSegment,
    header: SegmentHeader,
    records: &[Forged],
) -> Result<(), StoreError> {
    let mut writer = SegmentWriter::new(Vec::new(), header).map_err(bad)?;
    for forged in records {
        let record = forged.record.as_ref();
        match forged.actor_column {
            None => writer.push(&record).map_err(bad)?,
            Some(actor) => {
                let [who, where_, what] =
                    indelible_event::Part::ALL.map(|part| forged.record.part(part));
                let mut facets = Facets::read(who, where_, what).map_err(bad)?;
                facets.actor_id = Some(actor.into());
                writer.push_with_facets(&record, &facets).map_err(bad)?;
            }
        }
    }
    let finished = writer.finish().map_err(bad)?;
    let meta = &finished.meta;
    let old = (entry.parquet(), entry.row_table());
    entry.rows = meta.rows;
    entry.state = match meta.state {
        SegmentState::Full => Left::Full,
        SegmentState::Stub { .. } => Left::Stub,
    };
    (entry.first_pos, entry.last_pos) = (meta.first_pos.0, meta.last_pos.0);
    (entry.bytes, entry.sha256) = (finished.seal.len, finished.seal.sha256);
    entry.rows_sha256 = sha256(&finished.row_table);
    (entry.id_min, entry.id_max) = finished.seal.id_range;
    entry.trails =
        meta.trails.iter().map(|t| (t.trail.no.0, t.first_seq.0, t.last_seq.0, t.rows)).collect();
    replace(storage, &old.0, |file| write_all_at(file, 0, &finished.out))?;
    replace(storage, &old.1, |file| write_all_at(file, 0, &finished.row_table))
}

/// The position after the last one of a forged segment, where one more record could be slipped in.
pub(super) fn after(records: &[Forged]) -> Pos {
    Pos(records.last().map_or(0, |f| f.record.pos.0) + 1)
}
