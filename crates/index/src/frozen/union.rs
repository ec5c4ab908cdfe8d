//! A set of rows put together from many small ones.

use roaring::RoaringBitmap;

use crate::limits::UNION_LIST_ROWS;

/// Collects rows in any order: a list while they are few, one bit a row of the map when they are many.
/// Either costs far less a row than inserting into a Roaring set.
#[derive(Debug)]
pub(crate) struct Union {
    rows: u32,
    list: Vec<u32>,
    bits: Vec<u8>,
    sets: RoaringBitmap,
}

impl Union {
    /// For a map of so many rows.
    pub(crate) fn new(rows: u32) -> Union {
        Union { rows, list: Vec::new(), bits: Vec::new(), sets: RoaringBitmap::new() }
    }

    /// Adds one row, which must be below the number of rows.
    #[inline]
    pub(crate) fn add(&mut self, row: u32) {
        if self.bits.is_empty() {
            self.list.push(row);
            if self.list.len() >= UNION_LIST_ROWS {
                self.spill();
            }
        } else {
            self.bits[row as usize >> 3] |= 1 << (row & 7);
        }
    }

    /// Adds many rows.
    pub(crate) fn add_all(&mut self, rows: &[u32]) {
        for &row in rows {
            self.add(row);
        }
    }

    /// Adds a set.
    pub(crate) fn add_set(&mut self, rows: &RoaringBitmap) {
        self.sets |= rows;
    }

    fn spill(&mut self) {
        self.bits = vec![0; (self.rows as usize).div_ceil(8)];
        for row in self.list.drain(..) {
            self.bits[row as usize >> 3] |= 1 << (row & 7);
        }
    }

    /// All that were added.
    pub(crate) fn finish(mut self) -> RoaringBitmap {
        let rows = if self.bits.is_empty() {
            self.list.sort_unstable();
            self.list.dedup();
            RoaringBitmap::from_sorted_iter(self.list)
                .expect("sorted and without doubles just above")
        } else {
            RoaringBitmap::from_lsb0_bytes(0, &self.bits)
        };
        if self.sets.is_empty() { rows } else { rows | self.sets }
    }
}
