//! The map of records in one immutable file.
//!
//! Everything is little-endian. *varint* is a number of seven bits a byte, low ones first. The file is
//! written from front to back: a head, the sections, a CRC-32C for each 16 KiB of all that, a footer.
//! The same records give the same bytes, whether frozen at once or merged from parts.
//!
//! | part | contents |
//! |---|---|
//! | head | magic `INDLTERM`, u32 version 1, u32 zero |
//! | sections | 43, in the order of the table below, each where the one before ends |
//! | sums | u32 CRC-32C of each 16 KiB from the file's first byte on; the last may be shorter |
//! | footer | u32 version, u32 rows, u64 entries of the unique table, i64 least and i64 greatest `occurred_at` in microseconds (0 without rows), u64 end of each section as an offset in the file, u32 CRC-32C of the sums, u32 CRC-32C of the footer so far, magic |
//!
//! | section | contents |
//! |---|---|
//! | terms | blocks of 32 terms in the order of their keys (u8 field, value): first the terms, then the rows of those terms that have several. A term: varint bytes shared with the key before (the first: with the block's separator), varint (bytes that follow × 4 + kind), those bytes, and by kind: 0 varint row; 1 varint bytes of its rows as gaps; 2 varint bytes of its rows in the portable Roaring format. Gaps: varint first row, then varint (row − row before − 1). Of both the smaller, gaps if they are the same; a Roaring container of r runs is written as runs if 2 + 4r is less than it takes otherwise |
//! | directory | of each block: varint bytes shared with the separator before (0 for the first of 64), varint length, bytes; varint bytes of its terms, varint bytes of their rows. The separator is the shortest beginning of the block's first key that is greater than the key before it |
//! | groups | of each 64 blocks: u64 offset in the directory, u64 offset in the terms |
//! | unique entries | sorted by the upper 36 bits of the hash, then by row. With n entries and B = ⌊log₂(n / 8)⌋ (0 to 28) bits of bucket and R bits of row, as many as the last row needs: the lower 36 − B bits of the 36, then the row in R bits, as one number in as few bytes as hold them. The hash is XXH3-64 of the value with the field's number as seed |
//! | unique buckets | u32 of each of the 2^B buckets: its first entry; then u32 n |
//! | places | of each run of rows whose `pos` rise by one, as long as can be: u32 first row, u64 its `pos` |
//! | recorded, recorded blocks | of each 1,024 rows: `recorded_at` less the least of them in as few bytes (1 to 8) as hold the greatest; then of each such block: i64 least, u64 offset of its bytes, u8 bytes of each |
//! | occurred, occurred blocks | `occurred_at` likewise; `recorded_at` where it is absent |
//! | partial | rows with more terms than are indexed, in the Roaring format; empty if there are none |
//! | 8 × codes, values, value groups, counts | of each facet: its code of each row (0 none, else place among the sorted values + 1) in 1 to 4 bytes, as few as hold the greatest; the values in order: varint bytes shared with the one before (0 for the first of 16), varint length, bytes; u64 offset of each 16 values; u32 how often each code occurs, from 0 on |

mod columns;
mod dictionary;
mod difference;
mod facets;
mod file;
mod merge;
pub(crate) mod posting;
mod union;
mod unique;
pub(crate) mod varint;

use std::borrow::Cow;
use std::ops::{Bound, Range};
use std::sync::OnceLock;

use bytes::Bytes;
use indelible_event::Micros;
use roaring::RoaringBitmap;

pub(crate) use columns::{PosRuns, Times};
pub(crate) use dictionary::TermWriter;
pub(crate) use facets::write as write_facet;
pub(crate) use file::{Facts, FileWriter};
pub use merge::merge;
pub(crate) use merge::write_partial;
pub(crate) use union::Union;
pub(crate) use unique::{key as unique_key, stable_hash, write as write_unique};

use self::dictionary::Terms;
use self::facets::FacetColumn;
use self::file::{PagedFile, Section, bad};
use self::unique::UniqueTable;
use crate::doc::Field;
use crate::facet::{Codes, Facet};
use crate::index::{Index, IndexError};
use crate::limits::ROWS_MAX;
use crate::search::Kept;

/// The map of records in one immutable file, usually mapped into memory.
///
/// Nothing is given out of a page before its checksum was found to fit. Damage is an error; where a
/// method cannot give one (the columns), it gives a harmless value, and [`Index::sound`] and every
/// fallible method give the error from then on.
#[derive(Debug)]
pub struct Frozen {
    file: PagedFile,
    facts: Facts,
    unique: UniqueTable,
    facets: [FacetColumn; Facet::COUNT],
    /// The first damage that a column's reader met. Set by that reader.
    damage: OnceLock<IndexError>,
    /// What was counted over all rows.
    kept: Kept,
}

impl Frozen {
    /// Opens a file. Reads its footer and its checksums.
    pub fn open(bytes: Bytes) -> Result<Frozen, IndexError> {
        let (file, facts) = PagedFile::open(bytes)?;
        if facts.rows > ROWS_MAX {
            return Err(bad("it has too many rows"));
        }
        let unique = UniqueTable::open(&file, facts.unique, facts.rows)?;
        Times::Recorded.open(&file, facts.rows)?;
        Times::Occurred.open(&file, facts.rows)?;
        let mut facets = Vec::with_capacity(Facet::COUNT);
        for facet in Facet::ALL {
            facets.push(FacetColumn::open(&file, facet as usize, facts.rows)?);
        }
        let facets = facets.try_into().expect("one for each facet was pushed");
        let (damage, kept) = (OnceLock::new(), Kept::default());
        Ok(Frozen { file, facts, unique, facets, damage, kept })
    }

    /// Reads the whole file and compares every checksum.
    pub fn check(&self) -> Result<(), IndexError> {
        self.file.check()
    }

    /// How many bytes each part takes: terms with their rows, the directory, the table of unique values,
    /// the columns, the facets.
    pub fn section_bytes(&self) -> [(&'static str, u64); 5] {
        let file = &self.file;
        let sum = |sections: &[Section]| sections.iter().map(|&section| file.len(section)).sum();
        let facets = (0..Facet::COUNT).map(|facet| {
            sum(&[
                Section::Codes(facet),
                Section::Values(facet),
                Section::ValueGroups(facet),
                Section::Counts(facet),
            ])
        });
        [
            ("terms", sum(&[Section::Terms])),
            ("directory", sum(&[Section::Directory, Section::Groups])),
            ("unique", sum(&[Section::UniqueEntries, Section::UniqueBuckets])),
            (
                "columns",
                sum(&[
                    Section::PosRuns,
                    Section::Recorded,
                    Section::RecordedBlocks,
                    Section::Occurred,
                    Section::OccurredBlocks,
                    Section::Partial,
                ]),
            ),
            ("facets", facets.sum()),
        ]
    }

    fn terms(&self) -> Terms<'_> {
        Terms::first(&self.file, self.facts.rows)
    }

    fn seek(&self, key: &[u8]) -> Result<(Terms<'_>, bool), IndexError> {
        self.sound()?;
        Terms::seek(&self.file, self.facts.rows, key)
    }

    fn union(&self) -> Union {
        Union::new(self.facts.rows)
    }

    /// A column's value, or after damage, which is remembered, a harmless one.
    fn or_damage<T>(&self, value: Result<T, IndexError>, harmless: T) -> T {
        value.unwrap_or_else(|error| {
            // A second damage says nothing new.
            let _ = self.damage.set(error);
            harmless
        })
    }

    fn time(&self, times: Times, row: u32) -> Micros {
        Micros(self.or_damage(times.get(&self.file, row), 0))
    }

    /// The first row recorded at this time or later.
    fn row_recorded(&self, at: Micros) -> Result<u32, IndexError> {
        let (mut low, mut high) = (0, self.facts.rows);
        while low < high {
            let middle = low.midpoint(high);
            if Times::Recorded.get(&self.file, middle)? < at.0 {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

/// A term's key: its field's number and its value.
pub(crate) fn term_key(field: Field, value: &[u8]) -> Vec<u8> {
    let mut key = Vec::with_capacity(1 + value.len());
    key.push(field as u8);
    key.extend_from_slice(value);
    key
}

impl Index for Frozen {
    fn rows(&self) -> u32 {
        self.facts.rows
    }

    fn sound(&self) -> Result<(), IndexError> {
        self.damage.get().map_or(Ok(()), |error| Err(error.clone()))
    }

    fn term(&self, field: Field, value: &[u8]) -> Result<RoaringBitmap, IndexError> {
        if field.is_unique() {
            self.sound()?;
            return self.unique.candidates(&self.file, stable_hash(field, value));
        }
        let key = term_key(field, value);
        match self.seek(&key)? {
            (terms, true) if terms.key() == key => terms.rows(),
            _ => Ok(RoaringBitmap::new()),
        }
    }

    fn range(
        &self,
        field: Field,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<RoaringBitmap, IndexError> {
        let start = match from {
            Bound::Included(value) | Bound::Excluded(value) => term_key(field, value),
            Bound::Unbounded => term_key(field, &[]),
        };
        let (mut terms, mut there) = self.seek(&start)?;
        let (mut union, mut scratch) = (self.union(), Vec::new());
        while there && let Some((&tag, value)) = terms.key().split_first() {
            let beyond = match to {
                Bound::Included(to) => value > to,
                Bound::Excluded(to) => value >= to,
                Bound::Unbounded => false,
            };
            if tag != field as u8 || beyond {
                break;
            }
            if from != Bound::Excluded(value) {
                terms.add_to(&mut union, &mut scratch)?;
            }
            there = terms.next()?;
        }
        Ok(union.finish())
    }

    fn select(
        &self,
        field: Field,
        prefix: &[u8],
        keep: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<RoaringBitmap, IndexError> {
        let start = term_key(field, prefix);
        let (mut terms, mut there) = self.seek(&start)?;
        let (mut union, mut scratch) = (self.union(), Vec::new());
        while there && terms.key().starts_with(&start) {
            if keep(&terms.key()[1..]) {
                terms.add_to(&mut union, &mut scratch)?;
            }
            there = terms.next()?;
        }
        Ok(union.finish())
    }

    fn partial(&self) -> Result<Cow<'_, RoaringBitmap>, IndexError> {
        self.sound()?;
        let bytes = self.file.section(Section::Partial)?;
        if bytes.is_empty() {
            return Ok(Cow::Owned(RoaringBitmap::new()));
        }
        posting::decode_roaring(bytes, self.facts.rows).map(Cow::Owned)
    }

    fn pos(&self, row: u32) -> u64 {
        self.or_damage(columns::pos(&self.file, row), 0)
    }

    fn pos_each(&self, rows: &mut dyn Iterator<Item = u32>, out: &mut Vec<u64>) {
        let mut places = columns::Places::new(&self.file);
        out.extend(rows.map(|row| self.or_damage(places.next(row), 0)));
    }

    fn row_at(&self, pos: u64) -> u32 {
        self.or_damage(columns::row_at(&self.file, self.facts.rows, pos), 0)
    }

    fn recorded_at(&self, row: u32) -> Micros {
        self.time(Times::Recorded, row)
    }

    fn recorded_in(&self, from: Micros, to: Micros) -> Range<u32> {
        let rows = self.row_recorded(from).and_then(|start| {
            let end = self.row_recorded(to)?;
            Ok(start..end.max(start))
        });
        self.or_damage(rows, 0..self.facts.rows)
    }

    fn occurred_at(&self, row: u32) -> Micros {
        self.time(Times::Occurred, row)
    }

    fn occurred_span(&self) -> Option<(Micros, Micros)> {
        let (from, to) = self.facts.occurred;
        (self.facts.rows > 0).then_some((Micros(from), Micros(to)))
    }

    fn occurred_bounds(&self, block: u32) -> (Micros, Micros) {
        let bounds = Times::Occurred.bounds(&self.file, block);
        let (first, last) = self.or_damage(bounds, (i64::MIN, i64::MAX));
        (Micros(first), Micros(last))
    }

    fn occurred_block(&self, block: u32, out: &mut Vec<i64>) {
        let unpacked = Times::Occurred.unpack(&self.file, self.facts.rows, block, out);
        self.or_damage(unpacked, ());
    }

    fn facet_len(&self, facet: Facet) -> u32 {
        self.facets[facet as usize].len()
    }

    fn facet_value(&self, facet: Facet, index: u32) -> Result<Cow<'_, str>, IndexError> {
        self.sound()?;
        self.facets[facet as usize].value(&self.file, index)
    }

    fn facet_code(&self, facet: Facet, value: &str) -> Result<u32, IndexError> {
        self.sound()?;
        self.facets[facet as usize].code(&self.file, value.as_bytes())
    }

    fn facet_codes(&self, facet: Facet) -> Result<Codes<'_>, IndexError> {
        self.sound()?;
        self.facets[facet as usize].codes(&self.file)
    }

    fn facet_counts(&self, facet: Facet) -> Result<Cow<'_, [u32]>, IndexError> {
        self.sound()?;
        self.facets[facet as usize].counts(&self.file).map(Cow::Owned)
    }

    fn kept(&self) -> Option<&Kept> {
        Some(&self.kept)
    }
}

#[cfg(test)]
#[path = "frozen/tests.rs"]
mod tests;
