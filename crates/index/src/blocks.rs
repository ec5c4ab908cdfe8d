//! Rows by the block: what a block has in common saves looking at each of them.

use std::ops::Range;

use roaring::RoaringBitmap;

use crate::index::{BLOCK_ROWS, Index};

/// Rows of a block up to which each is looked up by itself rather than all of the block's times unpacked.
const FEW_ROWS: u64 = 16;

/// A block, and how many of the rows in question lie in it.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    /// Its number.
    pub number: u32,
    /// Its rows.
    pub rows: Range<u32>,
    /// How many of them are in question.
    pub count: u64,
}

impl Block {
    /// Whether every row is in question.
    pub(crate) fn is_whole(&self) -> bool {
        self.count == u64::from(self.rows.end - self.rows.start)
    }
}

/// Shows each block that has some of these rows.
pub(crate) fn each_block<E>(
    rows: &RoaringBitmap,
    mut show: impl FnMut(Block) -> Result<(), E>,
) -> Result<(), E> {
    let mut left = rows.iter();
    while let Some(row) = left.next() {
        let number = row / BLOCK_ROWS;
        let start = number * BLOCK_ROWS;
        let end = start.saturating_add(BLOCK_ROWS);
        let count = rows.range_cardinality(start..end);
        show(Block { number, rows: start..end, count })?;
        left.advance_to(end);
    }
    Ok(())
}

/// The times at which rows happened, one block unpacked at a time.
pub(crate) struct Occurred<'a> {
    index: &'a dyn Index,
    times: Vec<i64>,
}

impl<'a> Occurred<'a> {
    pub(crate) fn new(index: &'a dyn Index) -> Occurred<'a> {
        Occurred { index, times: Vec::with_capacity(BLOCK_ROWS as usize) }
    }

    /// Shows those of a block's rows that are in question, each with its time.
    pub(crate) fn each(
        &mut self,
        block: &Block,
        rows: &RoaringBitmap,
        mut show: impl FnMut(u32, i64),
    ) {
        if block.count <= FEW_ROWS {
            for row in rows.range(block.rows.clone()) {
                show(row, self.index.occurred_at(row).0);
            }
            return;
        }
        self.times.clear();
        self.index.occurred_block(block.number, &mut self.times);
        if block.is_whole() {
            for (row, at) in block.rows.clone().zip(&self.times) {
                show(row, *at);
            }
            return;
        }
        for row in rows.range(block.rows.clone()) {
            let at = self.times.get((row - block.rows.start) as usize).copied();
            show(row, at.unwrap_or_default());
        }
    }
}

#[cfg(test)]
#[path = "blocks_tests.rs"]
mod tests;
