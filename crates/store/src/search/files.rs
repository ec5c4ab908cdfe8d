//! Frozen maps as files: made from what is at hand, opened, and thrown away when they are not what they
//! should be.

use std::io::{BufWriter, ErrorKind, Write};
use std::sync::Arc;

use bytes::Bytes;
use indelible_index::{Frozen, Index, Live, merge};
use indelible_log::record::Pos;
use indelible_log::storage::{Appender, Storage};
use indelible_log::{LogError, SegmentHandle};

use super::units::{FrozenUnit, LiveUnit, doc};
use crate::error::StoreError;

/// The directory of frozen maps. Whoever deletes it loses nothing: they are made again.
pub const DIR: &str = "index";

/// Records that are taken into memory at once when a map is made from a segment.
const CHUNK_ROWS: u32 = 250_000;

/// The file of a segment's map.
pub(super) fn path(segment: &SegmentHandle) -> String {
    format!("{DIR}/{}.idx", segment.name())
}

/// Opens a segment's map if it is there and whole. What is not is made again, so no error is one here.
pub(super) fn open(storage: &dyn Storage, segment: &SegmentHandle) -> Option<Arc<FrozenUnit>> {
    let bytes = storage.map(&path(segment)).ok()?;
    unit(segment, bytes).ok()
}

fn unit(segment: &SegmentHandle, bytes: Bytes) -> Result<Arc<FrozenUnit>, StoreError> {
    let bad = |why: &dyn std::fmt::Display| StoreError::file(&path(segment), why.to_string());
    let index = Frozen::open(bytes).map_err(|e| bad(&e))?;
    let of_it = index.rows() == segment.rows()
        && index.pos(0) == segment.first_pos().0
        && index.pos(index.rows().saturating_sub(1)) == segment.last_pos().0;
    if !of_it {
        return Err(bad(&"it is the index of another segment"));
    }
    Ok(Arc::new(FrozenUnit { handle: segment.clone(), index }))
}

/// Writes a segment's map under its name and opens it. Without a sync: after a power cut a checksum
/// fails, and it is made again.
pub(super) fn write(
    storage: &dyn Storage,
    segment: &SegmentHandle,
    make: impl FnOnce(&mut dyn Write) -> Result<(), StoreError>,
) -> Result<Arc<FrozenUnit>, StoreError> {
    let path = path(segment);
    let aside = format!("{path}.tmp");
    storage.create_dir(DIR).map_err(StoreError::io(DIR))?;
    remove(storage, &aside)?;
    let file = storage.create(&aside).map_err(StoreError::io(&aside))?;
    let mut out = BufWriter::with_capacity(1 << 20, Appender::new(file));
    make(&mut out)?;
    out.flush().map_err(StoreError::io(&aside))?;
    drop(out);
    storage.rename(&aside, &path).map_err(StoreError::io(&path))?;
    unit(segment, storage.map(&path).map_err(StoreError::io(&path))?)
}

/// A segment's map in memory only, for those who may not write.
pub(super) fn in_memory(segment: &SegmentHandle, seed: u64) -> Result<Arc<FrozenUnit>, StoreError> {
    let mut bytes = Vec::new();
    from_rows(segment, seed, &mut |_| (), &mut bytes)?;
    unit(segment, bytes.into())
}

/// Freezes the rows of a live map that a segment took over.
pub(super) fn from_live(
    segment: &SegmentHandle,
    live: &LiveUnit,
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let map = live.map.read().expect("nothing panics while holding a live map");
    let rows = |pos: u64| (pos - live.first.0) as u32;
    let frozen = if u64::from(segment.rows()) == segment.last_pos().0 - segment.first_pos().0 + 1 {
        let mut all = rows(segment.first_pos().0)..rows(segment.last_pos().0) + 1;
        map.live.freeze(&mut all, out)
    } else {
        let positions = segment.positions()?;
        map.live.freeze(&mut positions.into_iter().map(|Pos(pos)| rows(pos)), out)
    };
    frozen.map_err(StoreError::io(&path(segment)))
}

/// Makes one map of those of neighbours.
pub(super) fn from_neighbours(
    segment: &SegmentHandle,
    parts: &[Arc<FrozenUnit>],
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let parts: Vec<&Frozen> = parts.iter().map(|part| &part.index).collect();
    merge(&parts, out).map_err(|e| StoreError::file(&path(segment), e.to_string()))
}

/// Makes a map from the segment's own rows, a chunk of them in memory at a time; tells how many are done.
pub(super) fn from_rows(
    segment: &SegmentHandle,
    seed: u64,
    done: &mut dyn FnMut(u32),
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let damaged = |e: &dyn std::fmt::Display| {
        StoreError::Log(LogError::Corrupt {
            path: segment.name().to_owned(),
            offset: 0,
            reason: e.to_string(),
        })
    };
    let mut chunks = Vec::new();
    let mut at = 0;
    while at < segment.rows() {
        let end = segment.rows().min(at + CHUNK_ROWS);
        let mut live = Live::new(seed);
        let scan = segment.segment()?.scan(at..end).map_err(|e| damaged(&e))?;
        for batch in scan.without_facets() {
            let batch = batch.map_err(|e| damaged(&e))?;
            for row in 0..batch.len() {
                live.push(&doc(&batch.unsealed(row).map_err(|e| damaged(&e))?));
            }
            done(batch.first_row() + batch.len() as u32);
        }
        let mut bytes = Vec::new();
        live.freeze(&mut (0..end - at), &mut bytes).map_err(StoreError::io(DIR))?;
        chunks.push(bytes);
        at = end;
    }
    if let [only] = chunks.as_slice() {
        return out.write_all(only).map_err(StoreError::io(DIR));
    }
    let open = |bytes: Vec<u8>| Frozen::open(bytes.into());
    let chunks = chunks.into_iter().map(open).collect::<Result<Vec<_>, _>>();
    let chunks = chunks.map_err(|e| damaged(&e))?;
    let parts: Vec<&Frozen> = chunks.iter().collect();
    merge(&parts, out).map_err(|e| damaged(&e))
}

/// Puts another map in the place of a segment's, for the drill.
pub(crate) fn forge(
    storage: &dyn Storage,
    segment: &SegmentHandle,
    live: &Live,
) -> Result<(), StoreError> {
    remove(storage, &path(segment))?;
    let all = |out: &mut dyn Write| live.freeze(&mut (0..live.rows()), out);
    write(storage, segment, |out| all(out).map_err(StoreError::io(DIR))).map(drop)
}

/// Deletes maps that no segment has any more.
pub(super) fn sweep(storage: &dyn Storage, keep: &[SegmentHandle]) -> Result<(), StoreError> {
    let names = match storage.list(DIR) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(StoreError::io(DIR))?,
    };
    for name in names {
        let stem = name.strip_suffix(".idx");
        if !stem.is_some_and(|stem| keep.iter().any(|segment| segment.name() == stem)) {
            remove(storage, &format!("{DIR}/{name}"))?;
        }
    }
    Ok(())
}

/// Deletes a file that may be there.
pub(super) fn remove(storage: &dyn Storage, path: &str) -> Result<(), StoreError> {
    match storage.remove(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(StoreError::io(path)(e)),
        _ => Ok(()),
    }
}

