//! Numbered texts: the values of a facet, and the paths of terms.

use super::table::Table;

/// Texts, numbered in the order they came.
#[derive(Debug, Default)]
pub(super) struct Names {
    table: Table,
    bytes: Vec<u8>,
    ends: Vec<u32>,
}

impl Names {
    /// The text of a number.
    pub(super) fn get(&self, number: u32) -> Option<&[u8]> {
        let end = *self.ends.get(number as usize)?;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before as usize]);
        Some(&self.bytes[start as usize..end as usize])
    }

    /// The number of a text.
    pub(super) fn find(&self, hash: u32, text: &[u8]) -> Option<u32> {
        self.table.find(hash, |number| self.get(number) == Some(text))
    }

    /// The number of a text, which is added if it is new.
    pub(super) fn find_or_add(&mut self, hash: u32, text: &[u8]) -> u32 {
        if let Some(number) = self.find(hash, text) {
            return number;
        }
        let number = self.ends.len() as u32;
        self.bytes.extend_from_slice(text);
        let end = u32::try_from(self.bytes.len());
        self.ends.push(end.expect("a live map is frozen long before 4 GiB of names"));
        self.table.add(hash, number);
        number
    }

    /// How many there are.
    pub(super) fn len(&self) -> u32 {
        self.ends.len() as u32
    }

    /// All, in the order of their numbers.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u8]> {
        (0..self.len()).map(|number| self.get(number).unwrap_or_default())
    }

    /// Bytes in memory.
    pub(super) fn heap_bytes(&self) -> usize {
        self.table.heap_bytes() + self.bytes.len() + 4 * self.ends.len()
    }
}
