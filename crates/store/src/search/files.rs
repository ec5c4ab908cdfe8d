//! Frozen maps as files: made from what is at hand, opened, and thrown away when they are not what they
//! should be.

use std::collections::BTreeSet;
use std::io::{BufWriter, ErrorKind, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

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

/// The file of a segment's map. Its name has the segment's hash, because after an older copy was put back
/// other records can come to be in a segment of the same name.
pub(super) fn path(segment: &SegmentHandle) -> String {
    let hash: [u8; 8] = *segment.sha256().first_chunk().expect("a hash has 32 bytes");
    format!("{DIR}/{}.{:016x}.idx", segment.name(), u64::from_be_bytes(hash))
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
    Ok(Arc::new(FrozenUnit { handle: segment.clone(), index, thrown: AtomicBool::new(false) }))
}

/// Writes a segment's map under its name and opens it. Without a sync: after a power cut a checksum
/// fails, and it is made again. Given up, and nothing left of it, as soon as `go_on` is false.
pub(super) fn write(
    storage: &dyn Storage,
    segment: &SegmentHandle,
    go_on: &dyn Fn() -> bool,
    make: impl FnOnce(&mut dyn Write) -> Result<(), StoreError>,
) -> Result<Arc<FrozenUnit>, StoreError> {
    let path = path(segment);
    let aside = format!("{path}.tmp");
    storage.create_dir(DIR).map_err(StoreError::io(DIR))?;
    remove(storage, &aside)?;
    let file = storage.create(&aside).map_err(StoreError::io(&aside))?;
    let file = UntilStopped { file: Appender::new(file), go_on };
    let mut out = BufWriter::with_capacity(1 << 20, file);
    let written = make(&mut out).and_then(|()| out.flush().map_err(StoreError::io(&aside)));
    // What is still buffered of half a file is of no use.
    drop(out.into_parts());
    let done = written.and_then(|()| storage.rename(&aside, &path).map_err(StoreError::io(&path)));
    if let Err(e) = done {
        // A full disk needs the room. If this fails too, sweeping or the next try removes it.
        let _ = remove(storage, &aside);
        return Err(e);
    }
    unit(segment, storage.map(&path).map_err(StoreError::io(&path))?)
}

/// Writes as long as it may go on, so that closing does not wait for a large map.
struct UntilStopped<'a> {
    file: Appender,
    go_on: &'a dyn Fn() -> bool,
}

impl Write for UntilStopped<'_> {
    fn write(&mut self, buf: &[u8]) -> std::io::Result<usize> {
        if !(self.go_on)() {
            return Err(std::io::Error::other("stopped"));
        }
        self.file.write(buf)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// A segment's map in memory only, for those who may not write.
pub(super) fn in_memory(segment: &SegmentHandle, seed: u64) -> Result<Arc<FrozenUnit>, StoreError> {
    let mut bytes = Vec::new();
    from_rows(segment, seed, &mut |_| true, &mut bytes)?;
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

/// Makes one map of those of neighbours. That one of them is damaged is an error of kind
/// [`StoreError::File`].
pub(super) fn from_neighbours(
    segment: &SegmentHandle,
    parts: &[Arc<FrozenUnit>],
    out: &mut dyn Write,
) -> Result<(), StoreError> {
    let parts: Vec<&Frozen> = parts.iter().map(|part| &part.index).collect();
    merge(&parts, out).map_err(|e| match e.kind() {
        ErrorKind::InvalidData => StoreError::file(&path(segment), e),
        _ => StoreError::io(&path(segment))(e),
    })
}

/// Makes a map from the segment's own rows, a chunk of them in memory at a time; tells how many are done,
/// and is told whether to go on.
pub(super) fn from_rows(
    segment: &SegmentHandle,
    seed: u64,
    done: &mut dyn FnMut(u32) -> bool,
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
        let rows = segment.segment()?;
        let scan = rows.scan(at..end).map_err(|e| damaged(&e))?;
        for batch in scan.without_facets() {
            let batch = batch.map_err(|e| damaged(&e))?;
            for row in 0..batch.len() {
                live.push(&doc(&batch.unsealed(row).map_err(|e| damaged(&e))?));
            }
            if !done(batch.first_row() + batch.len() as u32) {
                return Err(StoreError::file(&path(segment), "stopped"));
            }
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
    write(storage, segment, &|| true, |out| all(out).map_err(StoreError::io(DIR))).map(drop)
}

/// Deletes maps that no segment has any more, and what is left of half ones. Files that are no maps are
/// somebody else's.
pub(super) fn sweep(storage: &dyn Storage, keep: &[SegmentHandle]) -> Result<(), StoreError> {
    let names = match storage.list(DIR) {
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.map_err(StoreError::io(DIR))?,
    };
    let keep: BTreeSet<String> = keep.iter().map(path).collect();
    for name in names.iter().filter(|name| name.ends_with(".idx") || name.ends_with(".tmp")) {
        let path = format!("{DIR}/{name}");
        if !keep.contains(&path) {
            remove(storage, &path)?;
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
