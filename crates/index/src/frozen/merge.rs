//! Several neighbours become one file.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::io::{self, Write};

use super::columns::{PosRuns, Times};
use super::dictionary::{TermWriter, Terms};
use super::facets::{self, Values};
use super::file::{Facts, FileWriter, Section};
use super::posting::Encoder;
use super::{Frozen, unique};
use crate::facet::Facet;
use crate::index::{Index, IndexError};
use crate::limits::ROWS_MAX;

/// Writes the frozen map of several neighbours: the rows of the second follow those of the first, and so
/// on; `pos` must ascend throughout. Byte for byte what freezing all their records at once gives.
///
/// An error of kind [`io::ErrorKind::InvalidData`] is one of a source and carries its [`IndexError`].
pub fn merge(of: &[&Frozen], out: &mut dyn Write) -> io::Result<()> {
    let mut parts = Vec::with_capacity(of.len());
    let mut rows = 0_u32;
    for &frozen in of {
        parts.push(Part { frozen, add: rows });
        rows = rows
            .checked_add(frozen.rows())
            .filter(|&rows| rows <= ROWS_MAX)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "too many rows to merge"))?;
    }
    let mut out = FileWriter::new(out)?;
    merge_terms(&parts, &mut out)?;
    let unique = merge_unique(&parts, rows, &mut out)?;
    let mut places = PosRuns::default();
    for part in &parts {
        (0..part.frozen.rows()).for_each(|row| places.push(part.frozen.pos(row)));
        part.frozen.sound()?;
    }
    places.write(&mut out)?;
    let times = |times: Times| {
        parts.iter().flat_map(move |part| {
            let row_time = move |row| times.get(&part.frozen.file, row).map_err(io::Error::from);
            (0..part.frozen.rows()).map(row_time)
        })
    };
    Times::Recorded.write(&mut out, &mut times(Times::Recorded))?;
    let occurred = Times::Occurred.write(&mut out, &mut times(Times::Occurred))?;
    merge_partial(&parts, &mut out)?;
    for facet in Facet::ALL {
        merge_facet(&parts, facet, &mut out)?;
    }
    out.finish(&Facts { rows, unique, occurred })
}

impl From<IndexError> for io::Error {
    fn from(error: IndexError) -> io::Error {
        io::Error::new(io::ErrorKind::InvalidData, error)
    }
}

/// One of the sources: what its rows become is their number plus `add`.
#[derive(Clone, Copy, Debug)]
struct Part<'a> {
    frozen: &'a Frozen,
    add: u32,
}

/// A source at one of its terms. The heap gives the least key first, and among equal ones the earlier rows.
#[derive(Debug)]
struct Source<'a> {
    terms: Terms<'a>,
    add: u32,
}

impl Ord for Source<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        other.terms.key().cmp(self.terms.key()).then(other.add.cmp(&self.add))
    }
}

impl PartialOrd for Source<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Source<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Source<'_> {}

fn merge_terms(parts: &[Part<'_>], out: &mut FileWriter<'_>) -> io::Result<()> {
    let mut sources = BinaryHeap::with_capacity(parts.len());
    for part in parts {
        let mut terms = part.frozen.terms();
        if terms.next()? {
            sources.push(Source { terms, add: part.add });
        }
    }
    let mut writer = TermWriter::default();
    let (mut key, mut rows) = (Vec::new(), Vec::new());
    while let Some(first) = sources.peek() {
        key.clear();
        key.extend_from_slice(first.terms.key());
        rows.clear();
        while let Some(mut source) = sources.peek_mut()
            && source.terms.key() == key
        {
            source.terms.append_rows(source.add, &mut rows)?;
            if !source.terms.next()? {
                std::collections::binary_heap::PeekMut::pop(source);
            }
        }
        writer.add(out, &key, &rows)?;
    }
    writer.finish(out)
}

fn merge_unique(parts: &[Part<'_>], rows: u32, out: &mut FileWriter<'_>) -> io::Result<u64> {
    let entries = parts.iter().map(|part| part.frozen.unique.entries()).sum();
    let mut sources: Vec<_> = parts
        .iter()
        .map(|part| part.frozen.unique.keys(&part.frozen.file, part.add).peekable())
        .collect();
    let mut keys = std::iter::from_fn(|| {
        let least = (0..sources.len())
            .filter_map(|index| {
                // Damage comes first, so that it is seen at once.
                let key = sources[index].peek()?.as_ref().copied().unwrap_or(0);
                Some((key, index))
            })
            .min()?;
        sources[least.1].next().map(|key| key.map_err(io::Error::from))
    });
    unique::write(out, entries, rows, &mut keys)?;
    Ok(entries)
}

fn merge_partial(parts: &[Part<'_>], out: &mut FileWriter<'_>) -> io::Result<()> {
    let mut rows = Vec::new();
    for part in parts {
        rows.extend(part.frozen.partial()?.iter().map(|row| row + part.add));
    }
    write_partial(&rows, out)
}

/// Writes the rows that have more terms than are indexed.
pub(crate) fn write_partial(rows: &[u32], out: &mut FileWriter<'_>) -> io::Result<()> {
    if !rows.is_empty() {
        let mut bytes = Vec::new();
        Encoder::default().encode_roaring(rows, &mut bytes);
        out.write(&bytes)?;
    }
    out.end(Section::Partial);
    Ok(())
}

fn merge_facet(parts: &[Part<'_>], facet: Facet, out: &mut FileWriter<'_>) -> io::Result<()> {
    let number = facet as usize;
    let mut dictionaries = Vec::with_capacity(parts.len());
    for part in parts {
        dictionaries.push(part.frozen.facets[number].values(&part.frozen.file)?);
    }
    let values = union_of(&dictionaries);
    let mut counts = vec![0_u32; values.len() + 1];
    let mut codes_of = Vec::with_capacity(parts.len());
    for (part, dictionary) in parts.iter().zip(&dictionaries) {
        let mut codes = vec![0_u32];
        let mut next = 0;
        for value in dictionary.iter() {
            // Both are sorted, and the union has all: a walk finds each.
            next += values[next..].iter().take_while(|&&other| other != value).count() + 1;
            codes.push(next as u32);
        }
        let part_counts = part.frozen.facet_counts(facet)?;
        for (code, count) in codes.iter().zip(part_counts.iter()) {
            counts[*code as usize] += count;
        }
        codes_of.push((part.frozen.facet_codes(facet)?, part.frozen.rows(), codes));
    }
    let mut codes = codes_of.iter().flat_map(|(codes, rows, new)| {
        (0..*rows).map(move |row| {
            let code = new.get(codes.get(row) as usize).copied();
            code.ok_or_else(|| IndexError("a code has no value".into()).into())
        })
    });
    facets::write(out, number, &mut codes, values.iter().copied(), &counts)
}

fn union_of(dictionaries: &[Values]) -> Vec<&[u8]> {
    let mut values: Vec<&[u8]> = dictionaries.iter().flat_map(Values::iter).collect();
    values.sort_unstable();
    values.dedup();
    values
}
