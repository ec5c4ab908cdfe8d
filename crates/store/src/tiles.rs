//! The static C2SP tree of a trail: checkpoint, tiles and entry bundles, for other people's tools.

use indelible_log::TrailStatus;
use indelible_log::record::Seq;
use indelible_merkle::{Hash, Tree, TreeSize, bundles_for, encode_bundle, entries_path, tiles_for};

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

/// Each hash above the leaves must be the root of the tile below it. The leaves themselves were compared with
/// the records, and the root with the checkpoint.
fn check_tile(
    reader: &Reader,
    trail: &TrailStatus,
    level: u8,
    start: u64,
    hashes: &[Hash],
) -> Result<(), StoreError> {
    for (index, hash) in (start..).zip(hashes) {
        let mut tree = Tree::new();
        for child in reader.view.hashes(trail.info.no, level - 1, index * TILE, TILE as usize)? {
            tree.push(child, |_, _| {});
        }
        if tree.root() != *hash {
            let path = indelible_log::trail::level_path(trail.info.id, level);
            let what = format!("alarm: hash {index} is not the root of the tile below it");
            return Err(StoreError::file(&path, what));
        }
    }
    Ok(())
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
        if tile.level > 0 {
            check_tile(reader, trail, tile.level, tile.start(), &hashes)?;
        }
        let bytes: Vec<u8> = hashes.iter().flat_map(|Hash(h)| *h).collect();
        emit(&path, &bytes).map_err(StoreError::io(&path))?;
        stats.tiles += 1;
    }
    // The checkpoint comes last, so that whoever follows a growing tree finds all it promises.
    emit("checkpoint", note.as_bytes()).map_err(StoreError::io("checkpoint"))?;
    Ok(stats)
}
