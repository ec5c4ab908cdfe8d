//! The static C2SP tree of a trail: checkpoint, tiles and entry bundles, for other people's tools.

use indelible_log::TrailStatus;
use indelible_log::record::Seq;
use indelible_merkle::{Hash, TreeSize, bundles_for, encode_bundle, entries_path, tiles_for};

use crate::error::StoreError;
use crate::reader::Reader;

/// Leaves in a full tile.
const TILE: u64 = 256;

/// What an export wrote.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TileStats {
    /// The tree's size.
    pub size: TreeSize,
    /// Tiles of hashes.
    pub tiles: u64,
    /// Entry bundles.
    pub bundles: u64,
}

pub(crate) fn export(
    reader: &Reader,
    trail: &TrailStatus,
    emit: &mut dyn FnMut(&str, &[u8]) -> std::io::Result<()>,
) -> Result<TileStats, StoreError> {
    let (note, checkpoint) = reader.checkpoint(trail)?;
    let no = trail.info.no;
    let mut stats = TileStats { size: checkpoint.size, ..TileStats::default() };
    for (index, width) in bundles_for(checkpoint.size) {
        let seqs: Vec<Seq> = (0..u64::from(width)).map(|i| Seq(index * TILE + i)).collect();
        let entries: Vec<Vec<u8>> = reader.read(no, &seqs)?.into_iter().map(|r| r.entry).collect();
        let path = entries_path(index, width);
        let bundle = encode_bundle(&entries).map_err(|e| StoreError::file(&path, e))?;
        emit(&path, &bundle).map_err(StoreError::io(&path))?;
        stats.bundles += 1;
    }
    for tile in tiles_for(checkpoint.size) {
        let path = tile.path();
        let hashes = reader.view.hashes(no, tile.level, tile.start(), usize::from(tile.width))?;
        let bytes: Vec<u8> = hashes.iter().flat_map(|Hash(h)| *h).collect();
        emit(&path, &bytes).map_err(StoreError::io(&path))?;
        stats.tiles += 1;
    }
    // The checkpoint comes last, so that whoever follows a growing tree finds all it promises.
    emit("checkpoint", note.as_bytes()).map_err(StoreError::io("checkpoint"))?;
    Ok(stats)
}
