//! The terms of one field in memory, each with where its rows are.

pub(super) use super::table::NONE;
use super::table::Table;
use crate::frozen::varint;

/// Of a record in the arena: where its rows are, how many pairs. Then the text with its length.
const HEAD_BYTES: usize = 8;

/// A record's place in the arena.
pub(super) type Place = u32;

/// A table of texts. Everything about one stands together, so that a rare term costs two cache lines: its
/// slot and its record. Both can be [touched](Lexicon::touch) ahead, for many terms at once.
#[derive(Debug, Default)]
pub(super) struct Lexicon {
    table: Table,
    arena: Vec<u8>,
}

/// What the arena has of one text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) place: Place,
    /// Its newest pair, or where else its rows are.
    pub(super) newest: u32,
    pub(super) pairs: u32,
    pub(super) text: &'a [u8],
}

impl Lexicon {
    /// The place where a text of this hash most likely is.
    #[inline]
    pub(super) fn touch(&self, hash: u32) -> Place {
        self.table.touch(hash)
    }

    /// Where the rows of the record there are; `NONE` if no record begins so near the end.
    #[inline]
    pub(super) fn touch_record(&self, place: Place) -> u32 {
        let head = self.arena.get(place as usize..).and_then(<[u8]>::first_chunk);
        head.map_or(NONE, |bytes| u32::from_le_bytes(*bytes))
    }

    #[inline]
    fn find_place(&self, hash: u32, text: &[u8]) -> Option<Place> {
        self.table.find(hash, |place| text_at(&self.arena, place) == text)
    }

    /// The record of a text, if there is one.
    pub(super) fn find(&self, hash: u32, text: &[u8]) -> Option<Record<'_>> {
        self.find_place(hash, text).map(|place| self.record(place))
    }

    /// The place of a text, which is added if it is new.
    pub(super) fn find_or_add(&mut self, hash: u32, text: &[u8]) -> Place {
        if let Some(place) = self.find_place(hash, text) {
            return place;
        }
        let place = u32::try_from(self.arena.len()).ok().filter(|&place| place != NONE);
        let place = place.expect("a live map is frozen long before 4 GiB of terms");
        self.arena.extend_from_slice(&NONE.to_le_bytes());
        self.arena.extend_from_slice(&0_u32.to_le_bytes());
        varint::put(&mut self.arena, text.len() as u64);
        self.arena.extend_from_slice(text);
        self.table.add(hash, place);
        place
    }

    /// Where a record's rows are.
    #[inline]
    pub(super) fn newest(&self, place: Place) -> u32 {
        self.number(place as usize)
    }

    /// Says where a record's rows are.
    #[inline]
    pub(super) fn set_newest(&mut self, place: Place, newest: u32) {
        let at = place as usize;
        self.arena[at..at + 4].copy_from_slice(&newest.to_le_bytes());
    }

    /// Counts one pair more. Gives how many there are now.
    #[inline]
    pub(super) fn count_pair(&mut self, place: Place) -> u32 {
        let at = place as usize + 4;
        let pairs = self.number(at) + 1;
        self.arena[at..at + 4].copy_from_slice(&pairs.to_le_bytes());
        pairs
    }

    #[inline]
    fn number(&self, at: usize) -> u32 {
        self.arena[at..].first_chunk().map_or(NONE, |bytes| u32::from_le_bytes(*bytes))
    }

    /// A record.
    pub(super) fn record(&self, place: Place) -> Record<'_> {
        let at = place as usize;
        let (newest, pairs) = (self.number(at), self.number(at + 4));
        Record { place, newest, pairs, text: text_at(&self.arena, place) }
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
        self.table.heap_bytes() + self.arena.len()
    }
}

#[inline]
fn text_at(arena: &[u8], place: Place) -> &[u8] {
    let mut at = place as usize + HEAD_BYTES;
    let length = varint::get(arena, &mut at).unwrap_or(0) as usize;
    &arena[at..at + length]
}
