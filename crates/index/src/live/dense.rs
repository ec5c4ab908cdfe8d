//! The rows of terms that many records have: a list of gaps each.

use crate::frozen::posting::decode_gaps;
use crate::frozen::varint;
use crate::limits::ROWS_MAX;

/// Pairs from which a term has a list. A chain costs four bytes a pair and, read back, a cache miss each;
/// a list mostly one byte and none. But a list has a price of its own, too high for the many rare terms.
pub(super) const DENSE_FROM: u32 = 64;

/// Rows, ascending, as gaps like those in files.
#[derive(Debug, Default)]
pub(super) struct Dense {
    gaps: Vec<u8>,
    /// One more than the last row.
    next: u32,
}

impl Dense {
    /// Adds a row, unless it is the last already.
    #[inline]
    pub(super) fn push(&mut self, row: u32) {
        if row >= self.next {
            varint::put(&mut self.gaps, u64::from(row - self.next));
            self.next = row + 1;
        }
    }

    /// Any byte near where the next row goes.
    #[inline]
    pub(super) fn touch(&self) -> u8 {
        self.gaps.last().copied().unwrap_or(0)
    }

    /// Appends the rows.
    pub(super) fn append_to(&self, rows: &mut Vec<u32>) {
        decode_gaps(&self.gaps, ROWS_MAX, rows).expect("only `push` wrote the gaps");
    }

    /// Bytes in memory.
    pub(super) fn heap_bytes(&self) -> usize {
        size_of::<Dense>() + self.gaps.capacity()
    }
}
