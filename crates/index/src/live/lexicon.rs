//! The terms of one field in memory, each with the newest of its pairs.

use hashbrown::HashTable;

use crate::frozen::varint;

/// No pair.
pub(super) const NONE: u32 = u32::MAX;
/// Of a record in the arena: the newest pair, how many pairs. Then the text with its length.
const HEAD_BYTES: usize = 8;

/// A record's place in the arena.
pub(super) type Place = u32;

#[derive(Clone, Copy, Debug)]
struct Slot {
    /// Upper half of the text's hash, so that growing the table reads no text.
    hash: u32,
    place: Place,
}

/// A table of texts. Everything about one stands together, so that a rare term costs one cache line
/// beside its slot.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    table: HashTable<Slot>,
    arena: Vec<u8>,
}

/// What the arena has of one text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) place: Place,
    pub(super) newest: u32,
    pub(super) pairs: u32,
    pub(super) text: &'a [u8],
}

fn spread(hash: u32) -> u64 {
    // The table takes its tag from the top bits and the place from the low ones.
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl Lexicon {
    /// The record of `front ‖ rest`, if there is one.
    pub(super) fn find(&self, hash: u64, front: &[u8], rest: &[u8]) -> Option<Record<'_>> {
        let hash = (hash >> 32) as u32;
        let slot = self.table.find(spread(hash), |slot| {
            slot.hash == hash && same(&self.arena, slot.place, front, rest)
        })?;
        Some(self.record(slot.place))
    }

    /// The place of `front ‖ rest`, which is added if it is new.
    pub(super) fn find_or_add(&mut self, hash: u64, front: &[u8], rest: &[u8]) -> Place {
        let hash = (hash >> 32) as u32;
        let arena = &mut self.arena;
        let found = self
            .table
            .find(spread(hash), |slot| slot.hash == hash && same(arena, slot.place, front, rest));
        if let Some(slot) = found {
            return slot.place;
        }
        let place =
            u32::try_from(arena.len()).expect("a live map is frozen long before 4 GiB of terms");
        arena.extend_from_slice(&NONE.to_le_bytes());
        arena.extend_from_slice(&0_u32.to_le_bytes());
        varint::put(arena, (front.len() + rest.len()) as u64);
        arena.extend_from_slice(front);
        arena.extend_from_slice(rest);
        self.table.insert_unique(spread(hash), Slot { hash, place }, |slot| spread(slot.hash));
        place
    }

    /// A record's newest pair.
    #[inline]
    pub(super) fn newest(&self, place: Place) -> u32 {
        self.number(place as usize)
    }

    /// Gives a record one pair more.
    #[inline]
    pub(super) fn set_newest(&mut self, place: Place, pair: u32) {
        let at = place as usize;
        let pairs = self.number(at + 4) + 1;
        self.arena[at..at + 4].copy_from_slice(&pair.to_le_bytes());
        self.arena[at + 4..at + 8].copy_from_slice(&pairs.to_le_bytes());
    }

    #[inline]
    fn number(&self, at: usize) -> u32 {
        self.arena[at..].first_chunk().map_or(NONE, |bytes| u32::from_le_bytes(*bytes))
    }

    /// A record.
    pub(super) fn record(&self, place: Place) -> Record<'_> {
        let at = place as usize;
        let (newest, pairs) = (self.number(at), self.number(at + 4));
        Record { place, newest, pairs, text: text(&self.arena, place) }
    }

    /// All records, in the order they came.
    pub(super) fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        let mut next = 0;
        std::iter::from_fn(move || {
            if next >= self.arena.len() {
                return None;
            }
            let record = self.record(next as u32);
            next += HEAD_BYTES + varint::size(record.text.len() as u32) + record.text.len();
            Some(record)
        })
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Bytes in memory.
    pub(super) fn heap_bytes(&self) -> usize {
        self.table.allocation_size() + self.arena.len()
    }
}

#[inline]
fn text(arena: &[u8], place: Place) -> &[u8] {
    let mut at = place as usize + HEAD_BYTES;
    let length = varint::get(arena, &mut at).unwrap_or(0) as usize;
    &arena[at..at + length]
}

#[inline]
fn same(arena: &[u8], place: Place, front: &[u8], rest: &[u8]) -> bool {
    text(arena, place).strip_prefix(front) == Some(rest)
}
