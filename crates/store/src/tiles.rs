//! The static C2SP tree of a trail: checkpoint, tiles and entry bundles, for other people's tools.

use indelible_log::TrailStatus;
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_merkle::{
    Hash, Tile, Tree, TreeSize, bundles_for, encode_bundle, entries_path, parse_entries_path,
    parse_tile_path, tiles_for,
};

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

/// The bytes that the trail's static tree has under one path; `None` where it has nothing, nothing any more, or
/// nothing yet that a signed checkpoint covers.
pub(crate) fn one(
    reader: &Reader,
    trail: &TrailStatus,
    path: &str,
) -> Result<Option<Vec<u8>>, StoreError> {
    enum Wanted {
        Checkpoint,
        Bundle(u64, u16),
        Tile(Tile),
    }
    let wanted = match (parse_entries_path(path), parse_tile_path(path)) {
        (Ok((index, width)), _) => Wanted::Bundle(index, width),
        (_, Ok(tile)) => Wanted::Tile(tile),
        _ if path == "checkpoint" => Wanted::Checkpoint,
        _ => return Ok(None),
    };
    let (note, checkpoint) = match reader.checkpoint(trail) {
        Err(StoreError::NotFound(_)) => return Ok(None),
        other => other?,
    };
    // Whoever holds an older checkpoint asks for less of a tile than there is by now.
    let is_there = |level: u8, index: u64, width: u16| {
        let count = checkpoint.size.0.checked_shr(8 * u32::from(level)).unwrap_or(0);
        let end = index.checked_mul(TILE).and_then(|start| start.checked_add(u64::from(width)));
        // What ends at or below the minimum index has expired; the levels above stay whole.
        let is_left = |end: u64| level > 0 || end > trail.min;
        end.is_some_and(|end| end <= count && is_left(end))
    };
    match wanted {
        Wanted::Checkpoint => Ok(Some(note.into_bytes())),
        Wanted::Bundle(index, width) if is_there(0, index, width) => {
            bundle(reader, trail.info.no, index, width).map(Some)
        }
        Wanted::Tile(tile) if is_there(tile.level, tile.index, tile.width) => {
            if tile.level == 0 {
                // Reading the records compares them with these leaves.
                records(reader, trail.info.no, tile.index, tile.width)?;
            }
            hashes(reader, trail, &tile).map(Some)
        }
        Wanted::Bundle(..) | Wanted::Tile(_) => Ok(None),
    }
}

/// The records under a tile of leaves.
fn records(
    reader: &Reader,
    trail: TrailNo,
    index: u64,
    width: u16,
) -> Result<Vec<KeptRecord>, StoreError> {
    let seqs: Vec<Seq> = (0..u64::from(width)).map(|i| Seq(index * TILE + i)).collect();
    reader.read(trail, &seqs)
}

fn bundle(reader: &Reader, trail: TrailNo, index: u64, width: u16) -> Result<Vec<u8>, StoreError> {
    let records = records(reader, trail, index, width)?;
    let entries: Vec<Vec<u8>> = records.into_iter().map(|record| record.entry).collect();
    encode_bundle(&entries).map_err(|e| StoreError::file(&entries_path(index, width), e))
}

/// A tile's bytes. Those of leaves have to be compared with the records besides.
fn hashes(reader: &Reader, trail: &TrailStatus, tile: &Tile) -> Result<Vec<u8>, StoreError> {
    let width = usize::from(tile.width);
    let hashes = reader.view.hashes(trail.info.no, tile.level, tile.start(), width)?;
    if tile.level > 0 {
        check_tile(reader, trail, tile.level, tile.start(), &hashes)?;
    }
    Ok(hashes.iter().flat_map(|Hash(h)| *h).collect())
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
    let expired = |index: u64, width: u16| index * TILE + u64::from(width) <= trail.min;
    for (index, width) in bundles_for(checkpoint.size).filter(|(i, w)| !expired(*i, *w)) {
        let path = entries_path(index, width);
        emit(&path, &bundle(reader, no, index, width)?).map_err(StoreError::io(&path))?;
        stats.bundles += 1;
    }
    let is_left = |tile: &Tile| tile.level > 0 || !expired(tile.index, tile.width);
    for tile in tiles_for(checkpoint.size).filter(is_left) {
        let path = tile.path();
        // The leaves were compared with the records for the bundles.
        emit(&path, &hashes(reader, trail, &tile)?).map_err(StoreError::io(&path))?;
        stats.tiles += 1;
    }
    // The checkpoint comes last, so that whoever follows a growing tree finds all it promises.
    emit("checkpoint", note.as_bytes()).map_err(StoreError::io("checkpoint"))?;
    Ok(stats)
}
