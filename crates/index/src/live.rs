//! The map of records not yet sealed: in memory, growing.

mod chains;
mod freeze;
mod lexicon;
mod names;

use std::borrow::Cow;
use std::ops::{Bound, Range};

use indelible_event::Micros;
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use self::chains::Chains;
use self::lexicon::{Lexicon, NONE, Record};
use self::names::Names;
use crate::doc::{Doc, Field};
use crate::facet::{Codes, Facet};
use crate::frozen::{PosRuns, Union, stable_hash, varint};
use crate::index::{Index, IndexError};
use crate::terms::{TermSink, terms};

/// One table for each number that a field can have.
const FIELDS: usize = 256;

/// The map of records not yet sealed.
///
/// A term's rows are a chain through an append-only log of pairs, so that adding a record touches each
/// of its terms once and moves nothing. Each field has a table of its own; looking through all values of
/// one touches no other.
#[derive(Debug)]
pub struct Live {
    seed: u64,
    fields: Vec<Lexicon>,
    /// Paths of [`Field::Path`] terms, with the zero byte that ends them. Their texts have the number.
    paths: Names,
    chains: Chains,
    columns: Columns,
    facets: [FacetColumn; Facet::COUNT],
    partial: RoaringBitmap,
}

/// What each row has besides terms.
#[derive(Debug, Default)]
struct Columns {
    pos: PosRuns,
    recorded: Vec<Micros>,
    occurred: Vec<Micros>,
    trail: Vec<u32>,
    occurred_span: Option<(Micros, Micros)>,
}

#[derive(Debug, Default)]
struct FacetColumn {
    values: Names,
    codes: Vec<u32>,
    counts: Vec<u32>,
}

/// A record's columns.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    pub(crate) pos: u64,
    pub(crate) recorded_at: Micros,
    pub(crate) occurred_at: Micros,
    pub(crate) trail: u32,
}

impl Live {
    /// An empty map. The seed must be secret, so that nobody can choose values that meet in its tables.
    pub fn new(seed: u64) -> Live {
        Live {
            seed,
            fields: (0..FIELDS).map(|_| Lexicon::default()).collect(),
            paths: Names::default(),
            chains: Chains::default(),
            columns: Columns::default(),
            facets: Default::default(),
            partial: RoaringBitmap::new(),
        }
    }

    /// Adds the next record, whose `pos` is greater and whose `recorded_at` not less than those before,
    /// with all its terms. Gives its row.
    ///
    /// # Panics
    /// With more than 4 billion pairs of row and term, or 4 GiB of values in one field: maps are frozen
    /// and begun anew long before.
    pub fn push(&mut self, doc: &Doc<'_>) -> u32 {
        let recorded_at = doc.entry.recorded_at;
        let occurred_at = doc.entry.occurred_at.unwrap_or(recorded_at);
        let row = Row { pos: doc.pos, recorded_at, occurred_at, trail: doc.trail };
        self.push_row(row, |sink| terms(doc, sink))
    }

    /// Adds the next row. `fill` says its terms, and whether those are all it has.
    pub(crate) fn push_row(&mut self, row: Row, fill: impl FnOnce(&mut Adding<'_>) -> bool) -> u32 {
        let number = self.columns.recorded.len() as u32;
        self.columns.push(row);
        self.chains.begin_row();
        let first_pair = self.chains.row_start();
        let mut adding = Adding { live: self, first_pair, codes: [0; Facet::COUNT] };
        adding.term(Field::Trail, &row.trail.to_be_bytes());
        let complete = fill(&mut adding);
        let codes = adding.codes;
        for (facet, code) in self.facets.iter_mut().zip(codes) {
            facet.push(code);
        }
        if !complete {
            self.partial.insert(number);
        }
        number
    }

    /// The trail of a row, zero if there is no such row.
    pub fn trail(&self, row: u32) -> u32 {
        self.columns.trail.get(row as usize).copied().unwrap_or(0)
    }

    /// Bytes of memory it takes: tables with their free slots, everything else as far as it was written.
    pub fn heap_bytes(&self) -> usize {
        let fields: usize = self.fields.iter().map(Lexicon::heap_bytes).sum();
        let facets: usize = self.facets.iter().map(FacetColumn::heap_bytes).sum();
        FIELDS * size_of::<Lexicon>()
            + fields
            + facets
            + self.paths.heap_bytes()
            + self.chains.heap_bytes()
            + self.columns.heap_bytes()
            + self.partial.serialized_size()
    }

    fn hash(&self, text: &[u8]) -> u64 {
        xxh3_64_with_seed(text, self.seed)
    }

    /// A term as its lexicon has it, without adding anything.
    fn find(&self, field: Field, value: &[u8]) -> Option<Record<'_>> {
        let lexicon = &self.fields[field as usize];
        if field.is_unique() {
            let hash = stable_hash(field, value).to_le_bytes();
            return lexicon.find(self.hash(&hash), &[], &hash);
        }
        if field != Field::Path {
            return lexicon.find(self.hash(value), &[], value);
        }
        let (path, rest) = split_path(value);
        let number = self.paths.find(self.hash(path), path)?;
        let front = Front::of(number);
        lexicon.find(self.path_hash(number, rest), front.bytes(), rest)
    }

    fn path_hash(&self, number: u32, rest: &[u8]) -> u64 {
        xxh3_64_with_seed(rest, self.seed ^ u64::from(number).wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    /// Shows every value of a field and gathers the rows of those that are kept.
    fn gather(&self, field: Field, keep: &mut dyn FnMut(&[u8]) -> bool) -> RoaringBitmap {
        let mut union = Union::new(self.rows());
        let mut value = Vec::new();
        for record in self.fields[field as usize].iter() {
            let kept = if field == Field::Path {
                self.whole(record.text, &mut value);
                keep(&value)
            } else {
                keep(record.text)
            };
            if kept {
                self.chains.rows(record.newest).for_each(|row| union.add(row));
            }
        }
        union.finish()
    }

    /// Puts a path's number and what follows it together again.
    fn whole(&self, text: &[u8], value: &mut Vec<u8>) {
        let (path, rest) = path_number(text);
        value.clear();
        value.extend_from_slice(self.paths.get(path).unwrap_or_default());
        value.extend_from_slice(rest);
    }
}

/// A path with the zero byte that ends it, and what follows.
fn split_path(value: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(0, value).map_or(value.len(), |zero| zero + 1);
    value.split_at(end)
}

/// The number of a path at the front of a text, and what follows it.
fn path_number(text: &[u8]) -> (u32, &[u8]) {
    let mut at = 0;
    let number = varint::get(text, &mut at).unwrap_or(0);
    (number as u32, &text[at..])
}

/// A path's number, as it stands at the front of a text.
struct Front {
    bytes: [u8; 5],
    length: usize,
}

impl Front {
    fn of(mut number: u32) -> Front {
        let length = varint::size(number);
        let mut bytes = [0; 5];
        for (place, byte) in bytes.iter_mut().enumerate().take(length) {
            *byte = number as u8 & 0x7f | if place + 1 < length { 0x80 } else { 0 };
            number >>= 7;
        }
        Front { bytes, length }
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Takes the terms of the row being added.
pub(crate) struct Adding<'a> {
    live: &'a mut Live,
    /// The row's first pair: a term whose newest pair is not before it was seen already.
    first_pair: u32,
    codes: [u32; Facet::COUNT],
}

impl TermSink for Adding<'_> {
    fn term(&mut self, field: Field, value: &[u8]) {
        let live = &mut *self.live;
        let lexicon = field as usize;
        let place = if field.is_unique() {
            let hash = stable_hash(field, value).to_le_bytes();
            let table_hash = live.hash(&hash);
            live.fields[lexicon].find_or_add(table_hash, &[], &hash)
        } else if field == Field::Path {
            let (path, rest) = split_path(value);
            let number = live.paths.find_or_add(live.hash(path), path);
            let hash = live.path_hash(number, rest);
            live.fields[lexicon].find_or_add(hash, Front::of(number).bytes(), rest)
        } else {
            let hash = live.hash(value);
            live.fields[lexicon].find_or_add(hash, &[], value)
        };
        let newest = live.fields[lexicon].newest(place);
        if newest == NONE || newest < self.first_pair {
            let pair = live.chains.push(newest);
            live.fields[lexicon].set_newest(place, pair);
        }
    }

    fn facet(&mut self, facet: Facet, value: &str) {
        let hash = self.live.hash(value.as_bytes());
        let values = &mut self.live.facets[facet as usize].values;
        self.codes[facet as usize] = values.find_or_add(hash, value.as_bytes()) + 1;
    }
}

impl Columns {
    fn push(&mut self, row: Row) {
        self.pos.push(row.pos);
        self.recorded.push(row.recorded_at);
        self.occurred.push(row.occurred_at);
        self.trail.push(row.trail);
        let (from, to) = self.occurred_span.unwrap_or((row.occurred_at, row.occurred_at));
        self.occurred_span = Some((from.min(row.occurred_at), to.max(row.occurred_at)));
    }

    fn heap_bytes(&self) -> usize {
        self.pos.heap_bytes() + self.recorded.len() * (2 * size_of::<Micros>() + 4)
    }
}

impl FacetColumn {
    fn push(&mut self, code: u32) {
        self.codes.push(code);
        let known = self.counts.len().max(self.values.len() as usize + 1);
        self.counts.resize(known, 0);
        self.counts[code as usize] += 1;
    }

    fn heap_bytes(&self) -> usize {
        self.values.heap_bytes() + 4 * (self.codes.len() + self.counts.len())
    }
}

impl Index for Live {
    fn rows(&self) -> u32 {
        self.columns.recorded.len() as u32
    }

    fn term(&self, field: Field, value: &[u8]) -> Result<RoaringBitmap, IndexError> {
        let Some(record) = self.find(field, value) else {
            return Ok(RoaringBitmap::new());
        };
        let mut rows: Vec<u32> = self.chains.rows(record.newest).collect();
        rows.reverse();
        Ok(RoaringBitmap::from_sorted_iter(rows).expect("a term has one pair a row"))
    }

    fn range(
        &self,
        field: Field,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<RoaringBitmap, IndexError> {
        Ok(self.gather(field, &mut |value| {
            let after = match from {
                Bound::Included(from) => value >= from,
                Bound::Excluded(from) => value > from,
                Bound::Unbounded => true,
            };
            after
                && match to {
                    Bound::Included(to) => value <= to,
                    Bound::Excluded(to) => value < to,
                    Bound::Unbounded => true,
                }
        }))
    }

    fn select(
        &self,
        field: Field,
        prefix: &[u8],
        keep: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<RoaringBitmap, IndexError> {
        Ok(self.gather(field, &mut |value| value.starts_with(prefix) && keep(value)))
    }

    fn partial(&self) -> Result<Cow<'_, RoaringBitmap>, IndexError> {
        Ok(Cow::Borrowed(&self.partial))
    }

    fn pos(&self, row: u32) -> u64 {
        self.columns.pos.pos(row)
    }

    fn row_at(&self, pos: u64) -> u32 {
        self.columns.pos.row_at(pos)
    }

    fn recorded_at(&self, row: u32) -> Micros {
        self.columns.recorded.get(row as usize).copied().unwrap_or_default()
    }

    fn recorded_in(&self, from: Micros, to: Micros) -> Range<u32> {
        let recorded = &self.columns.recorded;
        let start = recorded.partition_point(|&at| at < from) as u32;
        let end = recorded.partition_point(|&at| at < to) as u32;
        start..end.max(start)
    }

    fn occurred_at(&self, row: u32) -> Micros {
        self.columns.occurred.get(row as usize).copied().unwrap_or_default()
    }

    fn occurred_span(&self) -> Option<(Micros, Micros)> {
        self.columns.occurred_span
    }

    fn facet_len(&self, facet: Facet) -> u32 {
        self.facets[facet as usize].values.len()
    }

    fn facet_value(&self, facet: Facet, index: u32) -> Result<Cow<'_, str>, IndexError> {
        let value = self.facets[facet as usize].values.get(index);
        let text = value.and_then(|value| std::str::from_utf8(value).ok());
        text.map(Cow::Borrowed).ok_or_else(|| IndexError("a facet has no such value".into()))
    }

    fn facet_code(&self, facet: Facet, value: &str) -> Result<u32, IndexError> {
        let values = &self.facets[facet as usize].values;
        Ok(values.find(self.hash(value.as_bytes()), value.as_bytes()).map_or(0, |code| code + 1))
    }

    fn facet_codes(&self, facet: Facet) -> Result<Codes<'_>, IndexError> {
        Ok(Codes::Plain(&self.facets[facet as usize].codes))
    }

    fn facet_counts(&self, facet: Facet) -> Result<Cow<'_, [u32]>, IndexError> {
        let counts = &self.facets[facet as usize].counts;
        Ok(if counts.is_empty() { Cow::Owned(vec![0]) } else { Cow::Borrowed(counts) })
    }
}
