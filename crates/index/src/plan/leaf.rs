//! The rows of one condition.

use std::convert::Infallible;
use std::ops::Bound;

use indelible_event::Micros;
use memchr::memmem::Finder;
use roaring::RoaringBitmap;

use super::{Found, Scope};
use crate::blocks::{Occurred, each_block};
use crate::doc::Field;
use crate::index::IndexError;
use crate::limits::VALUE_BYTES_MAX;
use crate::query::{Leaf, Pattern, Span, Test, WORD_FIELDS, WORD_FIELDS_UNIQUE};
use crate::terms::{
    PathValue, cut, cut_beginning, fold, is_id_like, path_prefix, path_term, read_path_term,
};

/// A cut value's beginning has at least so many bytes, as it ends where a character does.
const BEGINNING_MIN: usize = VALUE_BYTES_MAX - 3;

impl Scope<'_> {
    pub(super) fn leaf(&self, leaf: &Leaf, within: &RoaringBitmap) -> Result<Found, IndexError> {
        let found = match leaf {
            Leaf::Field(field, test) => self.field(*field, test, within)?,
            Leaf::Path(path, test) => self.path(path, test)?,
            Leaf::Ip(from, to) => Found::sure(self.index.range(
                Field::Ip,
                Bound::Included(from),
                Bound::Included(to),
            )?),
            Leaf::Id(id) => Found::maybe((self.ids)(*id).into_iter().collect()),
            Leaf::Ref(id) => Found::maybe(self.index.term(Field::Ref, &id.0)?),
            Leaf::Trail(test) => self.trail(test)?,
            Leaf::Recorded(span) => Found::sure(self.recorded(span)),
            Leaf::Occurred(span) => Found::sure(self.occurred(span, within)),
            Leaf::Word(test) => self.word(test)?,
            Leaf::Phrase(words) => self.phrase(words, within)?,
        };
        let mut found = found.within(within);
        if !matches!(leaf, Leaf::Id(_) | Leaf::Trail(_) | Leaf::Recorded(_) | Leaf::Occurred(_)) {
            // A row with more terms than are indexed may lack any of them.
            found.add(Found::maybe(&*self.index.partial()? & within));
        }
        Ok(found)
    }

    fn field(
        &self,
        field: Field,
        test: &Test,
        within: &RoaringBitmap,
    ) -> Result<Found, IndexError> {
        if !field.is_unique() {
            return self.values(field, b"", test);
        }
        match test {
            Test::Is(value) => Ok(Found::maybe(self.index.term(field, value.as_bytes())?)),
            // Fingerprints know nothing of beginnings and patterns.
            _ => Ok(Found::maybe(within.clone())),
        }
    }

    /// The rows with a value that passes the test, of an ordinary field, after `head`.
    fn values(&self, field: Field, head: &[u8], test: &Test) -> Result<Found, IndexError> {
        match test {
            Test::Is(value) => {
                let rows = self.index.term(field, &[head, &cut(value)].concat())?;
                let whole = value.len() <= VALUE_BYTES_MAX;
                Ok(if whole { Found::sure(rows) } else { Found::maybe(rows) })
            }
            Test::Prefix(prefix) => self.prefix(field, head, prefix),
            Test::Matches(pattern) => self.matches(field, head, pattern),
            Test::Exists => Ok(Found::sure(self.beginning(field, head)?)),
            Test::Number(..) => Ok(Found::default()),
        }
    }

    fn beginning(&self, field: Field, prefix: &[u8]) -> Result<RoaringBitmap, IndexError> {
        let end = end_of(prefix);
        let to = end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        self.index.range(field, Bound::Included(prefix), to)
    }

    fn prefix(&self, field: Field, head: &[u8], prefix: &str) -> Result<Found, IndexError> {
        if prefix.len() <= BEGINNING_MIN {
            let rows = self.beginning(field, &[head, prefix.as_bytes()].concat())?;
            return Ok(Found::sure(rows));
        }
        let known = &prefix.as_bytes()[..prefix.floor_char_boundary(BEGINNING_MIN)];
        self.divide(field, head, known, &mut |value| match cut_beginning(value) {
            _ if value.starts_with(prefix.as_bytes()) => Some(true),
            Some(beginning) if prefix.as_bytes().starts_with(beginning) => None,
            _ => Some(false),
        })
    }

    fn matches(&self, field: Field, head: &[u8], pattern: &Pattern) -> Result<Found, IndexError> {
        let test = Matcher::new(pattern);
        self.divide(field, head, b"", &mut |value| match cut_beginning(value) {
            Some(_) => None,
            None => Some(test.is_match(value)),
        })
    }

    /// The rows of those values after `head` that pass (`true`), and of those that cannot be decided.
    fn divide(
        &self,
        field: Field,
        head: &[u8],
        beginning: &[u8],
        test: &mut dyn FnMut(&[u8]) -> Option<bool>,
    ) -> Result<Found, IndexError> {
        let from = [head, beginning].concat();
        let mut open = false;
        let sure = self.index.select(field, &from, &mut |term| {
            let passed = test(term.get(head.len()..).unwrap_or_default());
            open |= passed.is_none();
            passed == Some(true)
        })?;
        let mut maybe = RoaringBitmap::new();
        if open {
            maybe = self.index.select(field, &from, &mut |term| {
                test(term.get(head.len()..).unwrap_or_default()).is_none()
            })? - &sure;
        }
        Ok(Found { sure, maybe })
    }

    fn path(&self, path: &str, test: &Test) -> Result<Found, IndexError> {
        let head = |value| {
            let mut head = Vec::new();
            path_term(path, value, &mut head);
            head
        };
        let mut found = match test {
            Test::Exists => {
                let mut prefix = Vec::new();
                path_prefix(path, &mut prefix);
                Found::sure(self.beginning(Field::Path, &prefix)?)
            }
            Test::Number(from, to) => {
                let bound = |bound: &Bound<f64>, open: f64| match bound {
                    Bound::Included(number) => Bound::Included(head(PathValue::Number(*number))),
                    Bound::Excluded(number) => Bound::Excluded(head(PathValue::Number(*number))),
                    Bound::Unbounded => Bound::Included(head(PathValue::Number(open))),
                };
                let (from, to) = (bound(from, f64::NEG_INFINITY), bound(to, f64::INFINITY));
                Found::sure(self.range(&from, &to)?)
            }
            Test::Is(_) | Test::Prefix(_) | Test::Matches(_) => {
                let mut found = self.values(Field::Path, &head(PathValue::Text("")), test)?;
                found.add(self.values(Field::Path, &head(PathValue::Literal("")), test)?);
                found.add(Found::sure(self.numbers(path, test)?));
                found
            }
        };
        if path.len() > VALUE_BYTES_MAX {
            // Two long paths could share their hash.
            found = Found::maybe(found.all().into_owned());
        }
        Ok(found)
    }

    fn range(
        &self,
        from: &Bound<Vec<u8>>,
        to: &Bound<Vec<u8>>,
    ) -> Result<RoaringBitmap, IndexError> {
        // An index may well refuse a range that ends before it begins.
        if let (
            Bound::Included(low) | Bound::Excluded(low),
            Bound::Included(high) | Bound::Excluded(high),
        ) = (from, to)
        {
            let closed = matches!((from, to), (Bound::Included(_), Bound::Included(_)));
            if low > high || low == high && !closed {
                return Ok(RoaringBitmap::new());
            }
        }
        let (from, to) = (from.as_ref().map(Vec::as_slice), to.as_ref().map(Vec::as_slice));
        self.index.range(Field::Path, from, to)
    }

    /// A plain number's token is no term of its own: the number says it all.
    fn numbers(&self, path: &str, test: &Test) -> Result<RoaringBitmap, IndexError> {
        let mut head = Vec::new();
        if let Test::Is(_) = test {
            let Some(number) = test.as_number() else { return Ok(RoaringBitmap::new()) };
            path_term(path, PathValue::Number(number), &mut head);
            return self.index.term(Field::Path, &head);
        }
        path_term(path, PathValue::Number(0.0), &mut head);
        head.truncate(head.len() - size_of::<f64>());
        self.index.select(Field::Path, &head, &mut |term| match read_path_term(term) {
            Some((_, number @ PathValue::Number(_))) => test.holds_path(number),
            _ => false,
        })
    }

    fn trail(&self, test: &Test) -> Result<Found, IndexError> {
        let mut rows = RoaringBitmap::new();
        for (number, name) in self.trails {
            if test.holds(&fold(name)) {
                rows |= self.index.term(Field::Trail, &number.to_be_bytes())?;
            }
        }
        Ok(Found::sure(rows))
    }

    fn recorded(&self, span: &Span) -> RoaringBitmap {
        let from = span.from.unwrap_or(Micros(i64::MIN));
        let start = self.index.recorded_in(from, Micros(i64::MAX)).start;
        let end = match span.to {
            Some(to) => self.index.recorded_in(Micros(i64::MIN), to).end,
            None => self.index.rows(),
        };
        let mut rows = RoaringBitmap::new();
        rows.insert_range(start..end.max(start));
        rows
    }

    fn occurred(&self, span: &Span, within: &RoaringBitmap) -> RoaringBitmap {
        let Some((first, last)) = self.index.occurred_span() else { return RoaringBitmap::new() };
        if span.contains(first) && span.contains(last) {
            return within.clone();
        }
        if span.misses(first, last) {
            return RoaringBitmap::new();
        }
        self.occurred_by_block(span, within)
    }

    /// Most blocks lie wholly within a span of time, or wholly outside.
    fn occurred_by_block(&self, span: &Span, within: &RoaringBitmap) -> RoaringBitmap {
        let (mut found, mut whole) = (RoaringBitmap::new(), 0..0);
        let (mut times, mut some) = (Occurred::new(self.index), Vec::new());
        let Ok(()) = each_block(within, |block| -> Result<(), Infallible> {
            let (first, last) = self.index.occurred_bounds(block.number);
            if span.contains(first) && span.contains(last) {
                if whole.end != block.rows.start {
                    found.insert_range(std::mem::replace(&mut whole, block.rows.clone()));
                }
                whole.end = block.rows.end;
            } else if !span.misses(first, last) {
                found.insert_range(std::mem::take(&mut whole));
                times.each(&block, within, |row, at| {
                    if span.contains(Micros(at)) {
                        some.push(row);
                    }
                });
                found.append(some.drain(..)).expect("rows rise");
            }
            Ok(())
        });
        found.insert_range(whole);
        found &= within;
        found
    }

    fn word(&self, test: &Test) -> Result<Found, IndexError> {
        let mut found = self.values(Field::Word, b"", test)?;
        for field in WORD_FIELDS {
            found.add(self.values(*field, b"", test)?);
        }
        if let Test::Is(value) = test {
            for field in WORD_FIELDS_UNIQUE {
                found.add(Found::maybe(self.index.term(*field, value.as_bytes())?));
            }
        }
        Ok(found)
    }

    /// Records that have all the words, wherever they stand.
    fn phrase(&self, words: &[String], within: &RoaringBitmap) -> Result<Found, IndexError> {
        let mut rows = within.clone();
        // Ids are no words of the index; where a phrase has one, the record decides.
        for word in words.iter().filter(|word| !is_id_like(word)) {
            rows &= self.index.term(Field::Word, word.as_bytes())?;
        }
        Ok(Found::maybe(rows))
    }
}

/// The least value after all those that begin so; `None` if there is none.
fn end_of(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < u8::MAX)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// A pattern with what every match has, which is found much faster than the pattern is run.
struct Matcher<'a> {
    pattern: &'a Pattern,
    contains: Finder<'a>,
}

impl<'a> Matcher<'a> {
    fn new(pattern: &'a Pattern) -> Matcher<'a> {
        Matcher { pattern, contains: Finder::new(&pattern.contains) }
    }

    fn is_match(&self, value: &[u8]) -> bool {
        if !self.pattern.contains.is_empty() && self.contains.find(value).is_none() {
            return false;
        }
        std::str::from_utf8(value).is_ok_and(|value| self.pattern.regex.is_match(value))
    }
}
