//! The growing right edge of a tree.

use crate::hash::{Hash, TreeSize, fold_complete, fold_peaks, node_hash};
use crate::limits::{TILE_HEIGHT, TREE_SIZE_MAX};
use crate::prove::{ProveError, TileReader, read_exact};

/// A tree that only grows. It keeps the roots of its complete subtrees, at most 63 hashes, and
/// hands every hash that a tile level needs to its caller, once and in order.
///
/// A clone is a small copy: take one before a batch that may fail, and put it back if it does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// Roots of the complete subtrees, largest first: one for each bit set in `size`.
    peaks: Vec<Hash>,
}

impl Tree {
    /// The tree without leaves.
    pub fn new() -> Self {
        Self::default()
    }

    /// The tree of `size` leaves whose levels `reader` holds. Reads at most one partial tile a
    /// level, so opening costs the same for a thousand leaves and for a billion.
    pub fn restore<R: TileReader>(
        size: TreeSize,
        reader: &R,
    ) -> Result<Self, ProveError<R::Error>> {
        if size.0 > TREE_SIZE_MAX {
            return Err(ProveError::TooLarge { size });
        }
        let mut peaks = Vec::with_capacity(64);
        for level in (0..64 / TILE_HEIGHT).rev() {
            let end = size.0 >> (TILE_HEIGHT * level);
            let width = end % (1 << TILE_HEIGHT);
            if width == 0 {
                continue;
            }
            let mut tile =
                read_exact(reader, level as u8, end - width, width as usize)?.into_iter();
            for height in (0..TILE_HEIGHT).rev().filter(|height| width >> height & 1 == 1) {
                let subtree: Vec<Hash> = tile.by_ref().take(1 << height).collect();
                peaks.push(fold_complete(&subtree));
            }
        }
        Ok(Self { size: size.0, peaks })
    }

    /// Appends a leaf and calls `emit(level, hash)` for each hash it completes: the leaf itself at
    /// level 0, the root of 256 leaves at level 1 with every 256th leaf, and so on. Appending what
    /// is emitted to one file a level yields exactly the tiles of tlog-tiles.
    pub fn push(&mut self, leaf: Hash, mut emit: impl FnMut(u8, Hash)) {
        assert!(self.size < TREE_SIZE_MAX, "a tree cannot outgrow signed 64 bits");
        emit(0, leaf);
        let mut node = leaf;
        // Each trailing one of the size is a complete subtree that this leaf makes twice as large.
        for height in 1..=self.size.trailing_ones() {
            let left = self.peaks.pop().expect("there is a peak for each bit set in the size");
            node = node_hash(&left, &node);
            if height.is_multiple_of(TILE_HEIGHT) {
                emit((height / TILE_HEIGHT) as u8, node);
            }
        }
        self.peaks.push(node);
        self.size += 1;
    }

    /// How many leaves there are.
    pub fn size(&self) -> TreeSize {
        TreeSize(self.size)
    }

    /// The root over all leaves; that of the empty tree where there are none.
    pub fn root(&self) -> Hash {
        fold_peaks(&self.peaks)
    }
}

#[cfg(test)]
mod tests;
