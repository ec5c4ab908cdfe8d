//! Roots and proofs out of tile levels.
//!
//! A level's hashes are one long row: level 0 the leaf hashes, level L the roots of the complete
//! subtrees of 256^L leaves. Every hash a proof needs is either in such a row or the root of a few
//! neighbours within one tile, so a proof touches about two tiles a level, and none of them twice.

use crate::hash::{Hash, TreeSize, empty_root, fold_complete, node_hash};
use crate::limits::{TILE_HEIGHT, TILE_WIDTH, TREE_SIZE_MAX};

/// Where the hashes of the tile levels are kept.
pub trait TileReader {
    /// What can go wrong when reading.
    type Error;

    /// The `count` hashes of `level` from number `start` on. It is asked only for hashes that a
    /// tree of the size in question has, and never for more than one tile at once.
    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, Self::Error>;
}

impl<R: TileReader + ?Sized> TileReader for &R {
    type Error = R::Error;

    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, Self::Error> {
        (**self).read(level, start, count)
    }
}

/// Why a root or proof could not be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProveError<E> {
    /// The reader failed.
    #[error("cannot read tile hashes: {0}")]
    Read(E),
    /// The reader gave another number of hashes than it was asked for.
    #[error("level {level} gave {got} hashes from {start} on instead of {wanted}")]
    Short {
        /// The level that was read.
        level: u8,
        /// The first hash asked for.
        start: u64,
        /// How many were asked for.
        wanted: usize,
        /// How many came.
        got: usize,
    },
    /// There is no such leaf in a tree of that size.
    #[error("leaf {index} is not in a tree of size {size}")]
    IndexOutOfRange {
        /// The leaf asked for.
        index: u64,
        /// The tree it should be in.
        size: TreeSize,
    },
    /// A tree cannot be consistent with a smaller one.
    #[error("size {from} is beyond size {to}")]
    SizesReversed {
        /// The older size.
        from: TreeSize,
        /// The newer size.
        to: TreeSize,
    },
    /// The size is beyond [`TREE_SIZE_MAX`](crate::limits::TREE_SIZE_MAX).
    #[error("size {size} is larger than any tree")]
    TooLarge {
        /// The size asked for.
        size: TreeSize,
    },
}

/// The root of the first `size` leaves.
pub fn root<R: TileReader>(reader: &R, size: TreeSize) -> Result<Hash, ProveError<R::Error>> {
    let mut tiles = Tiles::new(reader, size)?;
    if size.0 == 0 { Ok(empty_root()) } else { tiles.hash(Leaves { start: 0, end: size.0 }) }
}

/// The audit path of leaf `index` in the tree of the first `size` leaves, from the leaf's sibling
/// up to the root's child (RFC 6962 §2.1.1).
pub fn inclusion_proof<R: TileReader>(
    reader: &R,
    index: u64,
    size: TreeSize,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    let mut tiles = Tiles::new(reader, size)?;
    if index >= size.0 {
        return Err(ProveError::IndexOutOfRange { index, size });
    }
    let mut siblings = Vec::new();
    let mut around = Leaves { start: 0, end: size.0 };
    while around.count() > 1 {
        let (left, right) = around.split();
        let (inside, sibling) = if index < left.end { (left, right) } else { (right, left) };
        siblings.push(sibling);
        around = inside;
    }
    siblings.into_iter().rev().map(|leaves| tiles.hash(leaves)).collect()
}

/// The proof that the first `from` leaves are a prefix of the first `to` (RFC 6962 §2.1.2). Empty
/// where the sizes are equal, and for the empty tree, which is a prefix of everything.
pub fn consistency_proof<R: TileReader>(
    reader: &R,
    from: TreeSize,
    to: TreeSize,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    let mut tiles = Tiles::new(reader, to)?;
    if from > to {
        return Err(ProveError::SizesReversed { from, to });
    }
    if from.0 == 0 {
        return Ok(Vec::new());
    }
    let mut needed = Vec::new();
    let mut around = Leaves { start: 0, end: to.0 };
    while around.end != from.0 {
        let (left, right) = around.split();
        let (inside, other) = if from.0 <= left.end { (left, right) } else { (right, left) };
        needed.push(other);
        around = inside;
    }
    // Starting at 0 it is the older tree itself, whose root the verifier has.
    if around.start != 0 {
        needed.push(around);
    }
    needed.into_iter().rev().map(|leaves| tiles.hash(leaves)).collect()
}

/// The leaves under one node of the tree: never empty.
#[derive(Clone, Copy)]
struct Leaves {
    start: u64,
    end: u64,
}

impl Leaves {
    fn count(self) -> u64 {
        self.end - self.start
    }

    /// The node's children. The left one is the largest complete subtree that leaves some for the
    /// right one, which is how RFC 6962 defines the tree.
    fn split(self) -> (Self, Self) {
        debug_assert!(self.count() > 1);
        let middle = self.start + (1 << (self.count() - 1).ilog2());
        (Self { end: middle, ..self }, Self { start: middle, ..self })
    }
}

/// The tiles read so far for one proof: a handful, so a list is searched faster than a map.
struct Tiles<'r, R> {
    reader: &'r R,
    size: TreeSize,
    read: Vec<(u8, u64, Vec<Hash>)>,
}

impl<'r, R: TileReader> Tiles<'r, R> {
    fn new(reader: &'r R, size: TreeSize) -> Result<Self, ProveError<R::Error>> {
        if size.0 > TREE_SIZE_MAX {
            return Err(ProveError::TooLarge { size });
        }
        Ok(Self { reader, size, read: Vec::new() })
    }

    /// The hash of the node over `leaves`, joined from complete subtrees where it is not one.
    fn hash(&mut self, leaves: Leaves) -> Result<Hash, ProveError<R::Error>> {
        if leaves.count().is_power_of_two() {
            return self.complete(leaves);
        }
        // The right edge is at most 63 splits deep, so this recursion is shallow.
        let (left, right) = leaves.split();
        let left = self.complete(left)?;
        Ok(node_hash(&left, &self.hash(right)?))
    }

    /// The hash of a complete subtree: the root of up to 128 neighbours in one tile.
    fn complete(&mut self, leaves: Leaves) -> Result<Hash, ProveError<R::Error>> {
        let height = leaves.count().ilog2();
        let level = height / TILE_HEIGHT;
        let first = leaves.start >> (TILE_HEIGHT * level);
        let offset = (first % u64::from(TILE_WIDTH)) as usize;
        let count = 1 << (height % TILE_HEIGHT);
        let tile = self.tile(level as u8, first / u64::from(TILE_WIDTH))?;
        Ok(fold_complete(&tile[offset..offset + count]))
    }

    /// A tile, as wide as a tree of this size has it.
    fn tile(&mut self, level: u8, index: u64) -> Result<&[Hash], ProveError<R::Error>> {
        let known = self.read.iter().position(|tile| (tile.0, tile.1) == (level, index));
        let position = match known {
            Some(position) => position,
            None => {
                let width = u64::from(TILE_WIDTH);
                let start = index * width;
                let there = (self.size.0 >> (TILE_HEIGHT * u32::from(level))) - start;
                let hashes = read_exact(self.reader, level, start, there.min(width) as usize)?;
                self.read.push((level, index, hashes));
                self.read.len() - 1
            }
        };
        Ok(&self.read[position].2)
    }
}

/// Reads and checks that the reader kept its promise about the number of hashes.
pub(crate) fn read_exact<R: TileReader>(
    reader: &R,
    level: u8,
    start: u64,
    wanted: usize,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    let hashes = reader.read(level, start, wanted).map_err(ProveError::Read)?;
    let got = hashes.len();
    if got == wanted { Ok(hashes) } else { Err(ProveError::Short { level, start, wanted, got }) }
}

/// Tile levels held in memory, filled by [`Tree::push`](crate::Tree::push): for checking a whole
/// log at once, and for tests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct MemoryTiles {
    levels: Vec<Vec<Hash>>,
}

impl MemoryTiles {
    /// No hashes yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends the next hash of `level`.
    pub fn append(&mut self, level: u8, hash: Hash) {
        let level = usize::from(level);
        if self.levels.len() <= level {
            self.levels.resize_with(level + 1, Vec::new);
        }
        self.levels[level].push(hash);
    }

    /// All hashes of `level`.
    pub fn level(&self, level: u8) -> &[Hash] {
        self.levels.get(usize::from(level)).map_or(&[], Vec::as_slice)
    }
}

/// Memory does not hold the hashes asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("level {level} has no {count} hashes from {start} on")]
pub struct NotInMemory {
    level: u8,
    start: u64,
    count: usize,
}

impl TileReader for MemoryTiles {
    type Error = NotInMemory;

    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, NotInMemory> {
        usize::try_from(start)
            .ok()
            .and_then(|from| self.level(level).get(from..from.checked_add(count)?))
            .map(<[Hash]>::to_vec)
            .ok_or(NotInMemory { level, start, count })
    }
}

#[cfg(test)]
mod tests;
