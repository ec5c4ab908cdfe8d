//! A trail's tree: sealed levels on disk, and in memory the hashes that the active files will yield
//! again at the next start.

use std::fmt;
use std::sync::Arc;

use indelible_event::TrailName;
use indelible_merkle::{Hash, ProveError, TileReader, Tree, TreeSize};

use crate::error::LogError;
use crate::record::{Seq, TrailNo};
use crate::storage::{Storage, read_exact_at, write_all_at};

/// The directory of trees.
pub const DIR: &str = "trails";

/// Records in a full entry bundle.
const BUNDLE: u64 = 256;

/// A trail's random 128-bit id. It stands in the origin, and says nothing about the tenant.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TrailId(pub [u8; 16]);

impl TrailId {
    /// Reads 32 lower-case hexadecimal digits.
    pub fn parse(text: &str) -> Option<TrailId> {
        crate::hex::decode(text).map(TrailId)
    }
}

impl fmt::Display for TrailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&crate::hex::encode(&self.0))
    }
}

impl fmt::Debug for TrailId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Who a trail is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrailInfo {
    /// Its number on this node.
    pub no: TrailNo,
    /// Its opaque id.
    pub id: TrailId,
    /// Its name.
    pub name: TrailName,
}

/// The first seq of the entry bundle that a minimum index is in: so far down records stay, as stubs, since a
/// bundle is served whole.
pub fn floor(min: u64) -> u64 {
    min / BUNDLE * BUNDLE
}

/// The path of one level of a trail's tree.
pub fn level_path(id: TrailId, level: u8) -> String {
    format!("{DIR}/{id}/level-{level}")
}

/// Reads a level file. What lies beyond the sealed size is not asked for.
pub fn read_level(
    storage: &dyn Storage,
    id: TrailId,
    level: u8,
    start: u64,
    count: usize,
) -> Result<Vec<Hash>, LogError> {
    if count == 0 {
        return Ok(Vec::new());
    }
    let path = level_path(id, level);
    let file = storage.open(&path, false).map_err(LogError::io(&path))?;
    let mut bytes = vec![0; count * Hash::BYTES];
    read_exact_at(&*file, start * Hash::BYTES as u64, &mut bytes).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => LogError::corrupt(
            &path,
            start * Hash::BYTES as u64,
            "the level ends before its sealed size",
        ),
        _ => LogError::io(&path)(e),
    })?;
    Ok(bytes.as_chunks::<{ Hash::BYTES }>().0.iter().map(|h| Hash(*h)).collect())
}

/// A trail with its tree up to the last durable record.
pub(crate) struct Trail {
    pub info: Arc<TrailInfo>,
    pub tree: Tree,
    /// Leaves whose hashes are in the level files, synced.
    sealed: u64,
    /// The minimum index.
    pub min: u64,
    /// For each level the hashes from number `sealed >> 8·level` on.
    tails: Vec<Vec<Hash>>,
}

impl Trail {
    /// A trail of which `sealed` leaves are in its level files.
    pub fn restore(
        storage: &Arc<dyn Storage>,
        info: Arc<TrailInfo>,
        sealed: u64,
    ) -> Result<Trail, LogError> {
        let files = LevelFiles { storage: &**storage, id: info.id };
        let tree = Tree::restore(TreeSize(sealed), &files).map_err(prove_error)?;
        Ok(Trail { info, tree, sealed, min: 0, tails: Vec::new() })
    }

    pub fn size(&self) -> u64 {
        self.tree.size().0
    }

    pub fn sealed(&self) -> u64 {
        self.sealed
    }

    /// The first seq of which there is a stub at least: that of the entry bundle that the minimum index is in.
    pub fn floor(&self) -> u64 {
        floor(self.min)
    }

    pub fn push(&mut self, leaf: Hash) {
        let tails = &mut self.tails;
        self.tree.push(leaf, |level, hash| {
            let level = usize::from(level);
            if tails.len() <= level {
                tails.resize_with(level + 1, Vec::new);
            }
            tails[level].push(hash);
        });
    }

    /// The leaf hashes from `start` on: those in memory copied, the others still to be read.
    pub fn leaves(&self, start: Seq, count: usize) -> Result<Hashes, LogError> {
        self.hashes(0, start.0, count)
    }

    /// A view of the tree's levels for making proofs.
    pub fn tiles<'a>(&'a self, storage: &'a dyn Storage) -> Tiles<'a> {
        Tiles { storage, trail: self }
    }

    /// Copies the hashes that sealing up to `size` adds, by level: what [`write_levels`] takes.
    pub fn unsealed_levels(&self, size: u64) -> LevelTails {
        let levels = self
            .tails
            .iter()
            .enumerate()
            .map(|(level, tail)| {
                let from = self.sealed >> (8 * level);
                let to = size >> (8 * level);
                (from, tail[..(to - from) as usize].to_vec())
            })
            .collect();
        LevelTails { id: self.info.id, levels }
    }

    /// Forgets the hashes that are in the level files now.
    pub fn set_sealed(&mut self, size: u64) {
        for (level, tail) in self.tails.iter_mut().enumerate() {
            let gone = (size >> (8 * level)) - (self.sealed >> (8 * level));
            tail.drain(..gone as usize);
            tail.shrink_to_fit();
        }
        self.sealed = size;
    }

    /// Hashes of one level.
    pub fn hashes(&self, level: u8, start: u64, count: usize) -> Result<Hashes, LogError> {
        let border = self.sealed >> (8 * u32::from(level));
        let on_disk = border.saturating_sub(start).min(count as u64) as usize;
        let mut live = Vec::new();
        if on_disk < count {
            let from = (start.max(border) - border) as usize;
            let tail = self.tails.get(usize::from(level)).map_or(&[][..], Vec::as_slice);
            let rest = tail.get(from..from + (count - on_disk)).ok_or_else(|| {
                LogError::NotFound(format!(
                    "level {level} of trail {} has no hash {start}",
                    self.info.id
                ))
            })?;
            live.extend_from_slice(rest);
        }
        Ok(Hashes { id: self.info.id, level, start, on_disk, live })
    }
}

/// Hashes of one level that follow each other: the sealed ones, which never change, are in a file, so that
/// nothing needs to be held still while it is read.
pub(crate) struct Hashes {
    id: TrailId,
    level: u8,
    start: u64,
    on_disk: usize,
    live: Vec<Hash>,
}

impl Hashes {
    pub fn read(self, storage: &dyn Storage) -> Result<Vec<Hash>, LogError> {
        let mut hashes = read_level(storage, self.id, self.level, self.start, self.on_disk)?;
        hashes.extend(self.live);
        Ok(hashes)
    }
}

/// Hashes on their way from memory into level files.
pub(crate) struct LevelTails {
    id: TrailId,
    levels: Vec<(u64, Vec<Hash>)>,
}

/// Appends hashes to a trail's level files and makes them durable.
pub(crate) fn write_levels(storage: &dyn Storage, tails: &LevelTails) -> Result<(), LogError> {
    let dir = format!("{DIR}/{}", tails.id);
    storage.create_dir(&dir).map_err(LogError::io(&dir))?;
    let mut begun = false;
    for (level, (start, hashes)) in tails.levels.iter().enumerate() {
        if hashes.is_empty() {
            continue;
        }
        // Not whether the file is made here: an earlier try may have made it and ended before its name
        // was durable.
        begun |= *start == 0;
        let path = level_path(tails.id, level as u8);
        let file = match storage.open(&path, true) {
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => storage.create(&path),
            other => other,
        }
        .map_err(LogError::io(&path))?;
        let bytes: Vec<u8> = hashes.iter().flat_map(|h| h.0).collect();
        write_all_at(&*file, start * Hash::BYTES as u64, &bytes).map_err(LogError::io(&path))?;
        file.sync().map_err(LogError::io(&path))?;
    }
    if begun {
        storage.sync_dir(&dir).map_err(LogError::io(&dir))?;
        storage.sync_dir(DIR).map_err(LogError::io(DIR))?;
    }
    Ok(())
}

/// The sealed levels of a trail as they lie on disk.
pub struct LevelFiles<'a> {
    /// Where the files are.
    pub storage: &'a dyn Storage,
    /// Which trail's.
    pub id: TrailId,
}

impl TileReader for LevelFiles<'_> {
    type Error = LogError;
    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, LogError> {
        read_level(self.storage, self.id, level, start, count)
    }
}

/// A trail's levels, sealed and live together.
pub(crate) struct Tiles<'a> {
    storage: &'a dyn Storage,
    trail: &'a Trail,
}

impl TileReader for Tiles<'_> {
    type Error = LogError;
    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, LogError> {
        self.trail.hashes(level, start, count)?.read(self.storage)
    }
}

/// A proof fails for the reader's reason, or because what was asked for is not there.
pub(crate) fn prove_error(e: ProveError<LogError>) -> LogError {
    match e {
        ProveError::Read(e) => e,
        other => LogError::NotFound(other.to_string()),
    }
}
