//! Roots and proofs out of tile levels.
//!
//! A level's hashes are one long row: level 0 the leaf hashes, level L the roots of the complete
//! subtrees of 256^L leaves. Every hash a proof needs is either in such a row or the root of a few
//! neighbours within one tile, so a proof touches about two tiles a level, and none of them twice.

use crate::hash::{Hash, TreeSize, empty_root, node_hash};
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
    let mut tiles = ReadTiles::new(size);
    tiles.check_size()?;
    if size.0 == 0 {
        Ok(empty_root())
    } else {
        tiles.hash(reader, Leaves { start: 0, end: size.0 })
    }
}

/// The audit path of leaf `index` in the tree of the first `size` leaves, from the leaf's sibling
/// up to the root's child (RFC 6962 §2.1.1).
pub fn inclusion_proof<R: TileReader>(
    reader: &R,
    index: u64,
    size: TreeSize,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    ReadTiles::new(size).inclusion_proof(reader, index)
}

/// The proof that the first `from` leaves are a prefix of the first `to` (RFC 6962 §2.1.2). Empty
/// where the sizes are equal, and for the empty tree, which is a prefix of everything.
pub fn consistency_proof<R: TileReader>(
    reader: &R,
    from: TreeSize,
    to: TreeSize,
) -> Result<Vec<Hash>, ProveError<R::Error>> {
    let mut tiles = ReadTiles::new(to);
    tiles.check_size()?;
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
    needed.into_iter().rev().map(|leaves| tiles.hash(reader, leaves)).collect()
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

/// The tiles read so far for proofs in one tree, with the nodes above their hashes: neighbours share nearly all of
/// theirs. One proof needs a handful, so a list is searched faster than a map; whoever keeps it for many proofs sees
/// to it that it does not grow for ever.
#[derive(Debug, Clone)]
pub struct ReadTiles {
    size: TreeSize,
    read: Vec<ReadTile>,
}

#[derive(Debug, Clone)]
struct ReadTile {
    level: u8,
    index: u64,
    /// The tile's hashes, and above them the roots of complete pairs, of pairs of these, and so on.
    rows: Vec<Vec<Hash>>,
}

impl ReadTiles {
    /// None yet, of the tree of the first `size` leaves.
    pub fn new(size: TreeSize) -> Self {
        Self { size, read: Vec::new() }
    }

    /// How many there are: at the most 16 KiB each.
    pub fn count(&self) -> usize {
        self.read.len()
    }

    /// The audit path of leaf `index`, as [`inclusion_proof`] gives it.
    pub fn inclusion_proof<R: TileReader>(
        &mut self,
        reader: &R,
        index: u64,
    ) -> Result<Vec<Hash>, ProveError<R::Error>> {
        self.check_size()?;
        if index >= self.size.0 {
            return Err(ProveError::IndexOutOfRange { index, size: self.size });
        }
        let mut siblings = Vec::new();
        let mut around = Leaves { start: 0, end: self.size.0 };
        while around.count() > 1 {
            let (left, right) = around.split();
            let (inside, sibling) = if index < left.end { (left, right) } else { (right, left) };
            siblings.push(sibling);
            around = inside;
        }
        siblings.into_iter().rev().map(|leaves| self.hash(reader, leaves)).collect()
    }

    fn check_size<E>(&self) -> Result<(), ProveError<E>> {
        if self.size.0 > TREE_SIZE_MAX {
            return Err(ProveError::TooLarge { size: self.size });
        }
        Ok(())
    }

    /// The hash of the node over `leaves`, joined from complete subtrees where it is not one.
    fn hash<R: TileReader>(
        &mut self,
        reader: &R,
        leaves: Leaves,
    ) -> Result<Hash, ProveError<R::Error>> {
        if leaves.count().is_power_of_two() {
            return self.complete(reader, leaves);
        }
        // The right edge is at most 63 splits deep, so this recursion is shallow.
        let (left, right) = leaves.split();
        let left = self.complete(reader, left)?;
        Ok(node_hash(&left, &self.hash(reader, right)?))
    }

    /// The hash of a complete subtree: the root of up to 128 neighbours in one tile.
    fn complete<R: TileReader>(
        &mut self,
        reader: &R,
        leaves: Leaves,
    ) -> Result<Hash, ProveError<R::Error>> {
        let height = leaves.count().ilog2();
        let level = height / TILE_HEIGHT;
        let first = leaves.start >> (TILE_HEIGHT * level);
        let offset = (first % u64::from(TILE_WIDTH)) as usize;
        let row = height % TILE_HEIGHT;
        let rows = self.rows(reader, level as u8, first / u64::from(TILE_WIDTH))?;
        Ok(rows[row as usize][offset >> row])
    }

    /// The rows of a tile, as wide as a tree of this size has it.
    fn rows<R: TileReader>(
        &mut self,
        reader: &R,
        level: u8,
        index: u64,
    ) -> Result<&[Vec<Hash>], ProveError<R::Error>> {
        let known = self.read.iter().position(|tile| (tile.level, tile.index) == (level, index));
        let position = match known {
            Some(position) => position,
            None => {
                let width = u64::from(TILE_WIDTH);
                let start = index * width;
                let there = (self.size.0 >> (TILE_HEIGHT * u32::from(level))) - start;
                let hashes = read_exact(reader, level, start, there.min(width) as usize)?;
                self.read.push(ReadTile { level, index, rows: rows_above(hashes) });
                self.read.len() - 1
            }
        };
        Ok(&self.read[position].rows)
    }
}

/// These hashes, and above them a row of the nodes over each complete pair of the one below. What is above the last
/// is a level of its own.
fn rows_above(hashes: Vec<Hash>) -> Vec<Vec<Hash>> {
    let mut rows = vec![hashes];
    for row in 1..TILE_HEIGHT as usize {
        let pairs = rows[row - 1].as_chunks().0;
        rows.push(pairs.iter().map(|[left, right]| node_hash(left, right)).collect());
    }
    rows
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
