//! The map of records not yet sealed: in memory, growing.

mod chains;
mod dense;
mod freeze;
mod lexicon;
mod names;
mod table;

use std::borrow::Cow;
use std::ops::{Bound, Range};

use indelible_event::Micros;
use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use self::chains::Chains;
use self::dense::{DENSE_FROM, Dense};
use self::lexicon::{Lexicon, NONE, Record};
use self::names::Names;
use crate::doc::{Doc, Field};
use crate::facet::{Codes, Facet};
use crate::frozen::{PosRuns, Union, stable_hash, varint};
use crate::index::{BLOCK_ROWS, Index, IndexError};
use crate::terms::{TermSink, terms};

/// One table for each number that a field can have.
const FIELDS: usize = 256;

/// The map of records not yet sealed.
///
/// A term's rows are a chain through an append-only log of pairs, so that adding a record touches each
/// of its terms once and moves nothing; or, once there are many, a list of their own. Each field has a
/// table of its own; looking through all values of one touches no other.
#[derive(Debug)]
pub struct Live {
    hashes: Hashes,
    fields: Vec<Lexicon>,
    /// Paths of [`Field::Path`] terms, with the zero byte that ends them. Their texts have the number.
    paths: Names,
    chains: Chains,
    dense: Vec<Dense>,
    columns: Columns,
    facets: [FacetColumn; Facet::COUNT],
    partial: RoaringBitmap,
    /// Terms of the row being added, kept for its memory.
    pending: Pending,
}

/// This bit of where a record's rows are says: in a list.
const IN_LIST: u32 = 1 << 31;

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
            hashes: Hashes { seed },
            fields: (0..FIELDS).map(|_| Lexicon::default()).collect(),
            paths: Names::default(),
            chains: Chains::default(),
            dense: Vec::new(),
            columns: Columns::default(),
            facets: Default::default(),
            partial: RoaringBitmap::new(),
            pending: Pending::default(),
        }
    }

    /// Adds the next record, whose `pos` is greater and whose `recorded_at` not less than those before,
    /// with all its terms. Gives its row.
    ///
    /// # Panics
    /// With more than 2 billion pairs of row and rare term, or 4 GiB of values in one field: maps are frozen
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
        let mut adding = Adding {
            hashes: self.hashes,
            paths: &mut self.paths,
            facets: &mut self.facets,
            pending: &mut self.pending,
            codes: [0; Facet::COUNT],
        };
        adding.term(Field::Trail, &row.trail.to_be_bytes());
        let complete = fill(&mut adding);
        let codes = adding.codes;
        for (facet, code) in self.facets.iter_mut().zip(codes) {
            facet.push(code);
        }
        self.columns.push(row);
        self.add_pending(number);
        if !complete {
            self.partial.insert(number);
        }
        number
    }

    /// Adds the gathered terms to the newest row. Memory is slow and terms are many: the slots of all are
    /// touched first, then their records, then their lists, so that the waits for them overlap.
    fn add_pending(&mut self, row: u32) {
        let mut pending = std::mem::take(&mut self.pending);
        for term in &mut pending.terms {
            term.ahead = self.fields[usize::from(term.field)].touch(term.hash);
        }
        for term in &mut pending.terms {
            term.ahead = self.fields[usize::from(term.field)].touch_record(term.ahead);
        }
        let lists = pending.terms.iter().filter_map(|term| self.list_at(term.ahead));
        std::hint::black_box(lists.fold(0, |all, list| all ^ list.touch()));

        self.chains.begin_row();
        let first_pair = self.chains.row_start();
        let mut start = 0;
        for term in &pending.terms {
            let text = &pending.texts[start..term.end];
            start = term.end;
            let lexicon = &mut self.fields[usize::from(term.field)];
            let place = lexicon.find_or_add(term.hash, text);
            let newest = lexicon.newest(place);
            if newest != NONE && newest & IN_LIST != 0 {
                self.dense[(newest & !IN_LIST) as usize].push(row);
            } else if newest == NONE || newest < first_pair {
                let pair = self.chains.push(newest);
                lexicon.set_newest(place, pair);
                if lexicon.count_pair(place) == DENSE_FROM {
                    lexicon.set_newest(place, IN_LIST | self.dense.len() as u32);
                    self.dense.push(list_of(self.chains.rows(pair)));
                }
            }
        }
        pending.terms.clear();
        pending.texts.clear();
        self.pending = pending;
    }

    /// Appends the rows of a record, in any order.
    fn append_rows(&self, record: &Record<'_>, rows: &mut Vec<u32>) {
        match self.list(record) {
            Some(list) => list.append_to(rows),
            None => rows.extend(self.chains.rows(record.newest)),
        }
    }

    /// The list of a record's rows, if it has one.
    fn list(&self, record: &Record<'_>) -> Option<&Dense> {
        self.list_at(record.newest)
    }

    fn list_at(&self, newest: u32) -> Option<&Dense> {
        // `NONE` has the bit too, but there are never so many lists.
        if newest & IN_LIST != 0 { self.dense.get((newest & !IN_LIST) as usize) } else { None }
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
            + self.dense.iter().map(Dense::heap_bytes).sum::<usize>()
            + self.columns.heap_bytes()
            + self.partial.serialized_size()
    }

    /// A term as its lexicon has it, without adding anything.
    fn find(&self, field: Field, value: &[u8]) -> Option<Record<'_>> {
        let mut text = Vec::with_capacity(value.len() + 8);
        let hash = if field == Field::Path {
            let (path, rest) = split_path(value);
            let number = self.paths.find(self.hashes.of(path), path)?;
            self.hashes.of_path(number, rest, &mut text)
        } else {
            self.hashes.of_term(field, value, &mut text)
        };
        self.fields[field as usize].find(hash, &text)
    }

    /// Shows every value of a field and gathers the rows of those that are kept.
    fn gather(&self, field: Field, keep: &mut dyn FnMut(&[u8]) -> bool) -> RoaringBitmap {
        let mut union = Union::new(self.rows());
        let (mut value, mut rows) = (Vec::new(), Vec::new());
        for record in self.fields[field as usize].iter() {
            let kept = if field == Field::Path {
                self.whole(record.text, &mut value);
                keep(&value)
            } else {
                keep(record.text)
            };
            if kept {
                rows.clear();
                self.append_rows(&record, &mut rows);
                union.add_all(&rows);
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

/// The list of a chain's rows, which descend.
fn list_of(rows: impl Iterator<Item = u32>) -> Dense {
    let mut rows: Vec<u32> = rows.collect();
    rows.reverse();
    let mut list = Dense::default();
    rows.into_iter().for_each(|row| list.push(row));
    list
}

/// The hashes of a map's tables, all of a secret seed.
#[derive(Clone, Copy, Debug)]
struct Hashes {
    seed: u64,
}

impl Hashes {
    fn of(self, text: &[u8]) -> u32 {
        (xxh3_64_with_seed(text, self.seed) >> 32) as u32
    }

    /// Appends a term's text as its lexicon has it, and gives its hash there.
    fn of_term(self, field: Field, value: &[u8], text: &mut Vec<u8>) -> u32 {
        if field.is_unique() {
            let stable = stable_hash(field, value).to_le_bytes();
            text.extend_from_slice(&stable);
            return self.of(&stable);
        }
        text.extend_from_slice(value);
        self.of(value)
    }

    /// Likewise of a path's number and what follows.
    fn of_path(self, path: u32, rest: &[u8], text: &mut Vec<u8>) -> u32 {
        let start = text.len();
        varint::put(text, u64::from(path));
        text.extend_from_slice(rest);
        self.of(&text[start..])
    }
}

/// Terms of a row before they are added.
#[derive(Debug, Default)]
struct Pending {
    terms: Vec<PendingTerm>,
    texts: Vec<u8>,
}

#[derive(Debug)]
struct PendingTerm {
    field: u8,
    hash: u32,
    /// What is known ahead: where its record most likely is, then where the rows of that are.
    ahead: u32,
    /// Where its text ends.
    end: usize,
}

/// Takes the terms of the row being added.
pub(crate) struct Adding<'a> {
    hashes: Hashes,
    paths: &'a mut Names,
    facets: &'a mut [FacetColumn; Facet::COUNT],
    pending: &'a mut Pending,
    codes: [u32; Facet::COUNT],
}

impl TermSink for Adding<'_> {
    fn term(&mut self, field: Field, value: &[u8]) {
        let texts = &mut self.pending.texts;
        let hash = if field == Field::Path {
            let (path, rest) = split_path(value);
            let number = self.paths.find_or_add(self.hashes.of(path), path);
            self.hashes.of_path(number, rest, texts)
        } else {
            self.hashes.of_term(field, value, texts)
        };
        let (field, end) = (field as u8, texts.len());
        self.pending.terms.push(PendingTerm { field, hash, ahead: NONE, end });
    }

    fn facet(&mut self, facet: Facet, value: &str) {
        let values = &mut self.facets[facet as usize].values;
        let hash = self.hashes.of(value.as_bytes());
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

    /// When the rows of a block happened.
    fn occurred_of(&self, block: u32) -> &[Micros] {
        let start = (block as usize).saturating_mul(BLOCK_ROWS as usize);
        let end = start.saturating_add(BLOCK_ROWS as usize).min(self.occurred.len());
        self.occurred.get(start..end).unwrap_or_default()
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
        let mut rows = Vec::new();
        self.append_rows(&record, &mut rows);
        if self.list(&record).is_none() {
            rows.reverse();
        }
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

    fn occurred_bounds(&self, block: u32) -> (Micros, Micros) {
        let times = self.columns.occurred_of(block);
        let bounds = times.iter().min().zip(times.iter().max());
        bounds.map_or_else(Default::default, |(first, last)| (*first, *last))
    }

    fn occurred_block(&self, block: u32, out: &mut Vec<i64>) {
        out.extend(self.columns.occurred_of(block).iter().map(|at| at.0));
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
        Ok(values
            .find(self.hashes.of(value.as_bytes()), value.as_bytes())
            .map_or(0, |code| code + 1))
    }

    fn facet_codes(&self, facet: Facet) -> Result<Codes<'_>, IndexError> {
        Ok(Codes::Plain(&self.facets[facet as usize].codes))
    }

    fn facet_counts(&self, facet: Facet) -> Result<Cow<'_, [u32]>, IndexError> {
        let counts = &self.facets[facet as usize].counts;
        Ok(if counts.is_empty() { Cow::Owned(vec![0]) } else { Cow::Borrowed(counts) })
    }
}
