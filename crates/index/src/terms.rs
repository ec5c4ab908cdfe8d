//! Which terms a record has.
//!
//! [`walk::walk`] reads a record once and shows its values whole; [`terms()`] makes terms of them, and the
//! query's check of a record ([`crate::query::Query::matches`]) compares them as they are. So the two
//! cannot differ over what a record says, only over what fits into a term: a long value is cut there.

mod scan;
mod text;
pub(crate) mod walk;

use std::borrow::Cow;

use crate::doc::{Doc, Field};
use crate::facet::Facet;
use crate::limits::{TERMS_MAX, VALUE_BYTES_MAX};

pub use text::{fold, is_id_like, words};
pub(crate) use text::{holds_words, is_id_value, is_plain_word, words_of_folded};
use walk::Visit;

/// Takes what [`terms()`] finds.
pub trait TermSink {
    /// The record has this term. The same one may come twice.
    fn term(&mut self, field: Field, value: &[u8]);
    /// The record's value of a facet, as written; at most once each.
    fn facet(&mut self, facet: Facet, value: &str);
}

/// A value in the parts, as a term of [`Field::Path`] has it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum PathValue<'a> {
    /// A string, folded, or a number's token verbatim.
    Text(&'a str),
    /// A number, in an encoding that sorts as numbers do.
    Number(f64),
    /// `true`, `false` or `null`.
    Literal(&'a str),
}

/// What stands after a path and its zero byte: the kind of the value. The numbers stand in index files.
const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const LITERAL: u8 = 3;

/// Stands in a cut value between its beginning and the hash of the whole.
const CUT: u8 = 1;
/// The hexadecimal digits of that hash.
const CUT_DIGITS: usize = 16;

/// A value as a term has it: whole up to [`VALUE_BYTES_MAX`], and of a longer one the beginning, a byte
/// of 1 and 16 hexadecimal digits of a hash of the whole. Records and queries cut alike.
pub fn cut(value: &str) -> Cow<'_, [u8]> {
    if value.len() <= VALUE_BYTES_MAX {
        return Cow::Borrowed(value.as_bytes());
    }
    let mut out = Vec::with_capacity(VALUE_BYTES_MAX + 1 + CUT_DIGITS);
    append_cut(value, &mut out);
    Cow::Owned(out)
}

fn append_cut(value: &str, out: &mut Vec<u8>) {
    if value.len() <= VALUE_BYTES_MAX {
        out.extend_from_slice(value.as_bytes());
        return;
    }
    let begin = value.floor_char_boundary(VALUE_BYTES_MAX);
    let hash = xxhash_rust::xxh3::xxh3_64(value.as_bytes());
    out.extend_from_slice(&value.as_bytes()[..begin]);
    out.push(CUT);
    for shift in (0..CUT_DIGITS).rev() {
        let digit = (hash >> (shift * 4) & 15) as u32;
        out.extend(char::from_digit(digit, 16).map(|digit| digit as u8));
    }
}

/// The beginning of the value that was cut to this one; `None` if the term has its value whole. A
/// prefix or a pattern cannot be decided by a cut value alone: the record has to be looked at. (A whole
/// value may look like a cut one, which costs a look.)
pub fn cut_beginning(value: &[u8]) -> Option<&[u8]> {
    let mark = value.len().checked_sub(1 + CUT_DIGITS)?;
    // The beginning ends on a character boundary, so it may be up to three bytes shorter.
    let cut = value[mark] == CUT && (VALUE_BYTES_MAX - 3..=VALUE_BYTES_MAX).contains(&mark);
    cut.then(|| &value[..mark])
}

/// Appends what the values of all [`Field::Path`] terms of a path begin with: the path, cut like a value,
/// and a zero byte.
pub fn path_prefix(path: &str, out: &mut Vec<u8>) {
    append_cut(path, out);
    out.push(0);
}

/// Appends the value of a [`Field::Path`] term.
pub fn path_term(path: &str, value: PathValue<'_>, out: &mut Vec<u8>) {
    path_prefix(path, out);
    match value {
        PathValue::Text(text) => {
            out.push(TEXT);
            append_cut(text, out);
        }
        PathValue::Number(number) => {
            out.push(NUMBER);
            out.extend_from_slice(&number_key(number));
        }
        PathValue::Literal(literal) => {
            out.push(LITERAL);
            out.extend_from_slice(literal.as_bytes());
        }
    }
}

/// The path and the value of a [`Field::Path`] term, the text cut as it is; `None` if it is not one.
pub fn read_path_term(term: &[u8]) -> Option<(&str, PathValue<'_>)> {
    let zero = memchr::memchr(0, term)?;
    let path = std::str::from_utf8(&term[..zero]).ok()?;
    let (kind, value) = term[zero + 1..].split_first()?;
    let value = match *kind {
        TEXT => PathValue::Text(std::str::from_utf8(value).ok()?),
        NUMBER => PathValue::Number(number_of(value.try_into().ok()?)),
        LITERAL => PathValue::Literal(std::str::from_utf8(value).ok()?),
        _ => return None,
    };
    Some((path, value))
}

/// Eight bytes that sort as the numbers do: the sign bit turned, and all bits of a negative number. Both
/// zeros are one.
fn number_key(number: f64) -> [u8; 8] {
    let bits = (number + 0.0).to_bits();
    let turn = if bits >> 63 == 1 { u64::MAX } else { 1 << 63 };
    (bits ^ turn).to_be_bytes()
}

fn number_of(key: [u8; 8]) -> f64 {
    let bits = u64::from_be_bytes(key);
    let turn = if bits >> 63 == 1 { 1 << 63 } else { u64::MAX };
    f64::from_bits(bits ^ turn)
}

/// Finds the terms of a record. False if it has more than are indexed, see [`crate::Index::partial`], or
/// if its parts could not be read to their end. [`Field::Trail`] is the map's own business.
pub fn terms(doc: &Doc<'_>, sink: &mut impl TermSink) -> bool {
    let mut emit = Emit { sink, left: TERMS_MAX, full: false, term: Vec::with_capacity(192) };
    walk::walk(doc, &mut emit) && !emit.full
}

/// Makes terms of the values of a record, up to their bound.
struct Emit<'s, S> {
    sink: &'s mut S,
    left: usize,
    full: bool,
    term: Vec<u8>,
}

impl<S: TermSink> Emit<'_, S> {
    #[inline]
    fn emit(&mut self, field: Field, value: &[u8]) {
        if self.left == 0 {
            self.full = true;
            return;
        }
        self.left -= 1;
        self.sink.term(field, value);
    }
}

impl<S: TermSink> Visit for Emit<'_, S> {
    #[inline]
    fn field(&mut self, field: Field, value: &str) {
        if value.len() <= VALUE_BYTES_MAX {
            return self.emit(field, value.as_bytes());
        }
        self.emit(field, &cut(value));
    }

    #[inline]
    fn bytes(&mut self, field: Field, value: &[u8; 16]) {
        self.emit(field, value);
    }

    #[inline]
    fn text(&mut self, text: &str) {
        if is_id_value(text) {
            return;
        }
        words_of_folded(text, |word| {
            if !is_id_like(word) {
                self.emit(Field::Word, word.as_bytes());
            }
        });
    }

    #[inline]
    fn path(&mut self, path: &str, value: PathValue<'_>) {
        let mut term = std::mem::take(&mut self.term);
        term.clear();
        path_term(path, value, &mut term);
        self.emit(Field::Path, &term);
        self.term = term;
    }

    #[inline]
    fn facet(&mut self, facet: Facet, value: &str) {
        self.sink.facet(facet, value);
    }

    #[inline]
    fn is_done(&self) -> bool {
        self.full
    }
}

#[cfg(test)]
#[path = "terms/tests.rs"]
mod tests;
