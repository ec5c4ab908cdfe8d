//! A small index and records, for the tests: a map from term to rows that hides nothing.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::{Bound, Range};
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_event::{Entry, EventId, Micros, Outcome, Source};
use roaring::RoaringBitmap;

use super::{Alarm, Record, Unit};
use crate::{Codes, Doc, Facet, Field, Frozen, Index, IndexError, Live, TermSink, terms};

/// An event, all of it chosen from little.
#[derive(Clone, Debug)]
pub struct Told {
    pub trail: u32,
    pub pos: u64,
    pub recorded_at: i64,
    pub occurred_at: Option<i64>,
    pub action: String,
    pub category: Option<String>,
    pub outcome: Outcome,
    pub reference: Option<EventId>,
    pub source: Option<Source>,
    pub parts: [Option<String>; 3],
    pub broken: bool,
}

impl Told {
    pub fn id(&self) -> EventId {
        EventId::derived("model", self.pos)
    }

    pub fn doc(&self) -> Doc<'_> {
        Doc {
            pos: self.pos,
            trail: self.trail,
            trail_name: TRAILS[self.trail as usize].1,
            entry: Entry {
                id: self.id(),
                recorded_at: Micros(self.recorded_at),
                occurred_at: self.occurred_at.map(Micros),
                action: &self.action,
                category: self.category.as_deref(),
                outcome: self.outcome,
                phase: None,
                reference: self.reference,
                source: self.source,
                recorded_by: None,
                parts_hash: [0; 32],
            },
            parts: self.parts.each_ref().map(|part| part.as_ref().map(|part| part.as_bytes())),
        }
    }

    pub fn facet(&self, facet: Facet) -> Option<String> {
        struct One(Facet, Option<String>);
        impl TermSink for One {
            fn term(&mut self, _: Field, _: &[u8]) {}
            fn facet(&mut self, facet: Facet, value: &str) {
                if facet == self.0 {
                    self.1 = Some(value.to_owned());
                }
            }
        }
        let mut one = One(facet, None);
        terms(&self.doc(), &mut one);
        one.1
    }
}

pub const TRAILS: [(u32, &str); 4] = [(0, "default"), (1, "shop"), (2, "bank"), (3, "_system")];

impl Record for Told {
    fn doc(&self) -> Doc<'_> {
        self.doc()
    }

    fn bytes(&self) -> usize {
        self.parts.iter().flatten().map(String::len).sum::<usize>() + 300
    }
}

/// Index and unit in one.
pub struct Model {
    pub told: Vec<Told>,
    pub kind: Kind,
    /// Rows of the snapshot; the index has more.
    rows: u32,
    terms: BTreeMap<(Field, Vec<u8>), RoaringBitmap>,
    partial: RoaringBitmap,
    values: Vec<Vec<String>>,
    codes: Vec<Vec<u32>>,
    packed: Vec<Vec<u8>>,
    width: usize,
    /// A map as it is used, to be asked instead.
    real: Option<Box<dyn Index + Sync>>,
    pub reads: AtomicU64,
}

/// Which index a unit has.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// The model, with facet codes of so many bytes.
    Model(usize),
    /// The map in memory.
    Live,
    /// The map in a file, of the snapshot's rows.
    Frozen,
}

fn real(kind: Kind, told: &[Told], rows: usize) -> Option<Box<dyn Index + Sync>> {
    let mut live = Live::new(7);
    for told in told {
        live.push(&told.doc());
    }
    match kind {
        Kind::Model(_) => None,
        Kind::Live => Some(Box::new(live)),
        Kind::Frozen => {
            let mut bytes = Vec::new();
            live.freeze(&mut (0..rows as u32), &mut bytes).unwrap();
            Some(Box::new(Frozen::open(bytes.into()).unwrap()))
        }
    }
}

#[derive(Default)]
struct Found(BTreeSet<(Field, Vec<u8>)>, Vec<(Facet, String)>);

impl TermSink for Found {
    fn term(&mut self, field: Field, value: &[u8]) {
        self.0.insert((field, value.to_vec()));
    }

    fn facet(&mut self, facet: Facet, value: &str) {
        self.1.push((facet, value.to_owned()));
    }
}

/// Fingerprints so short that many values share one.
fn key(field: Field, value: &[u8]) -> (Field, Vec<u8>) {
    if !field.is_unique() {
        return (field, value.to_vec());
    }
    (field, vec![value.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte)) % 3])
}

impl Model {
    /// Every seventh row is partial: of its words and paths the index has nothing.
    pub fn new(told: Vec<Told>, rows: usize, kind: Kind) -> Model {
        let width = if let Kind::Model(width) = kind { width } else { 4 };
        let mut model = Model {
            kind,
            rows: rows as u32,
            terms: BTreeMap::new(),
            partial: RoaringBitmap::new(),
            values: vec![Vec::new(); Facet::COUNT],
            codes: vec![vec![0; told.len()]; Facet::COUNT],
            packed: Vec::new(),
            width,
            real: real(kind, &told, rows),
            reads: AtomicU64::new(0),
            told,
        };
        for row in 0..model.told.len() {
            let mut found = Found::default();
            terms(&model.told[row].doc(), &mut found);
            let partial = model.told[row].pos % 7 == 3;
            if partial {
                model.partial.insert(row as u32);
            }
            for (field, value) in found.0 {
                if !(partial && matches!(field, Field::Word | Field::Path)) {
                    model.terms.entry(key(field, &value)).or_default().insert(row as u32);
                }
            }
            let trail = model.told[row].trail.to_be_bytes().to_vec();
            model.terms.entry((Field::Trail, trail)).or_default().insert(row as u32);
            for (facet, value) in found.1 {
                let values = &mut model.values[facet as usize];
                let code = values.iter().position(|known| *known == value).unwrap_or_else(|| {
                    values.push(value);
                    values.len() - 1
                });
                model.codes[facet as usize][row] = code as u32 + 1;
            }
        }
        for codes in &model.codes {
            let bytes = codes.iter().flat_map(|code| code.to_le_bytes()[..width].to_vec());
            model.packed.push(bytes.collect());
        }
        model
    }
}

impl Index for Model {
    fn rows(&self) -> u32 {
        self.told.len() as u32
    }

    fn term(&self, field: Field, value: &[u8]) -> Result<RoaringBitmap, IndexError> {
        Ok(self.terms.get(&key(field, value)).cloned().unwrap_or_default())
    }

    fn range(
        &self,
        field: Field,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<RoaringBitmap, IndexError> {
        assert!(!field.is_unique());
        let from = match from {
            Bound::Unbounded => Bound::Included((field, Vec::new())),
            bound => bound.map(|value| (field, value.to_vec())),
        };
        let of = self.terms.range((from, Bound::Unbounded)).take_while(|((of, value), _)| {
            *of == field
                && match to {
                    Bound::Included(to) => value[..] <= *to,
                    Bound::Excluded(to) => value[..] < *to,
                    Bound::Unbounded => true,
                }
        });
        Ok(of.fold(RoaringBitmap::new(), |all, (_, rows)| all | rows))
    }

    fn select(
        &self,
        field: Field,
        prefix: &[u8],
        keep: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<RoaringBitmap, IndexError> {
        assert!(!field.is_unique());
        let of = self
            .terms
            .iter()
            .filter(|((of, value), _)| *of == field && value.starts_with(prefix) && keep(value));
        Ok(of.fold(RoaringBitmap::new(), |all, (_, rows)| all | rows))
    }

    fn partial(&self) -> Result<Cow<'_, RoaringBitmap>, IndexError> {
        Ok(Cow::Borrowed(&self.partial))
    }

    fn pos(&self, row: u32) -> u64 {
        self.told[row as usize].pos
    }

    fn row_at(&self, pos: u64) -> u32 {
        self.told.partition_point(|told| told.pos < pos) as u32
    }

    fn recorded_at(&self, row: u32) -> Micros {
        Micros(self.told[row as usize].recorded_at)
    }

    fn recorded_in(&self, from: Micros, to: Micros) -> Range<u32> {
        let at =
            |bound: Micros| self.told.partition_point(|told| told.recorded_at < bound.0) as u32;
        at(from)..at(to).max(at(from))
    }

    fn occurred_at(&self, row: u32) -> Micros {
        let told = &self.told[row as usize];
        Micros(told.occurred_at.unwrap_or(told.recorded_at))
    }

    fn occurred_span(&self) -> Option<(Micros, Micros)> {
        let at = || (0..self.told.len() as u32).map(|row| self.occurred_at(row));
        Some((at().min()?, at().max()?))
    }

    fn facet_len(&self, facet: Facet) -> u32 {
        self.values[facet as usize].len() as u32
    }

    fn facet_value(&self, facet: Facet, index: u32) -> Result<Cow<'_, str>, IndexError> {
        let value = self.values[facet as usize].get(index as usize);
        value.map(|value| Cow::Borrowed(&**value)).ok_or(IndexError("no such code".to_owned()))
    }

    fn facet_code(&self, facet: Facet, value: &str) -> Result<u32, IndexError> {
        let at = self.values[facet as usize].iter().position(|known| known == value);
        Ok(at.map_or(0, |at| at as u32 + 1))
    }

    fn facet_codes(&self, facet: Facet) -> Result<Codes<'_>, IndexError> {
        Ok(match self.width {
            4 => Codes::Plain(&self.codes[facet as usize]),
            width => Codes::Packed { bytes: &self.packed[facet as usize], width },
        })
    }

    fn facet_counts(&self, facet: Facet) -> Result<Cow<'_, [u32]>, IndexError> {
        let mut counts = vec![0; self.facet_len(facet) as usize + 1];
        self.codes[facet as usize].iter().for_each(|code| counts[*code as usize] += 1);
        Ok(Cow::Owned(counts))
    }
}

impl Unit for Model {
    type Record = Told;

    fn span(&self) -> (u64, u64) {
        (self.told[0].pos, self.told[self.rows as usize - 1].pos)
    }

    fn rows(&self) -> u32 {
        self.rows
    }

    fn with_index<T>(&self, run: impl FnOnce(&dyn Index) -> T) -> T {
        match &self.real {
            Some(real) => run(&**real),
            None => run(self),
        }
    }

    fn rows_of(&self, id: EventId) -> Vec<u32> {
        let of = |row: &u32| self.told[*row as usize].id().0[15] % 4 == id.0[15] % 4;
        (0..self.told.len() as u32).filter(of).collect()
    }

    fn sources(&self, rows: &[u32]) -> Result<Vec<Option<Source>>, Alarm> {
        assert!(rows.is_sorted() && rows.iter().all(|row| *row < self.rows));
        Ok(rows.iter().map(|row| self.told[*row as usize].source).collect())
    }

    fn read(&self, rows: &[u32]) -> Vec<Result<Told, Alarm>> {
        assert!(rows.is_sorted() && rows.iter().all(|row| *row < self.rows));
        self.reads.fetch_add(rows.len() as u64, Ordering::Relaxed);
        let read = |row: &u32| {
            let told = self.told[*row as usize].clone();
            let (pos, trail) = (told.pos, Some(told.trail));
            let alarm = Alarm { trail, pos, seq: None, message: "not its leaf".to_owned() };
            if told.broken { Err(alarm) } else { Ok(told) }
        };
        rows.iter().map(read).collect()
    }
}
