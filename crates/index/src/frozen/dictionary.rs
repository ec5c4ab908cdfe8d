//! All ordinary terms with their rows, sorted: written in one pass, read by walking.
//!
//! A term's key is its field's number and its value. Keys stand in blocks, each without what it shares
//! with the one before; the first of a block without what it shares with the block's *separator*, the
//! shortest beginning of it that is greater than the key before. The directory has the separators,
//! grouped and shortened in the same way. The rows of a block's terms follow its terms, so that walking
//! over terms reads nothing else.

use std::io;
use std::ops::Range;

use roaring::RoaringBitmap;

use super::file::{Fields, FileWriter, PagedFile, Section, bad};
use super::posting::{self, Encoder, Kind};
use super::union::Union;
use super::varint;
use crate::index::IndexError;

/// Terms of a block.
const BLOCK_TERMS: usize = 32;
/// Blocks of a group of the directory.
const GROUP_BLOCKS: usize = 64;
/// A group's entry: where its part of the directory begins, and its first block.
const GROUP_BYTES: u64 = 16;

/// How many bytes two keys have in common at their beginning.
#[inline]
pub(crate) fn shared(one: &[u8], other: &[u8]) -> usize {
    let most = one.len().min(other.len());
    let mut at = 0;
    while at + 8 <= most {
        let (Some(a), Some(b)) = (one[at..].first_chunk::<8>(), other[at..].first_chunk::<8>())
        else {
            break;
        };
        let difference = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if difference != 0 {
            return at + difference.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while at < most && one[at] == other[at] {
        at += 1;
    }
    at
}

/// Writes the dictionary.
#[derive(Debug, Default)]
pub(crate) struct TermWriter {
    encoder: Encoder,
    terms: Vec<u8>,
    postings: Vec<u8>,
    in_block: usize,
    /// The key before.
    last: Vec<u8>,
    separator: Vec<u8>,
    /// The separator before.
    last_separator: Vec<u8>,
    in_group: usize,
    directory: Vec<u8>,
    groups: Vec<u8>,
    written: u64,
}

impl TermWriter {
    /// Adds a term, greater than all before, with its rows, ascending and at least one.
    pub(crate) fn add(
        &mut self,
        out: &mut FileWriter<'_>,
        key: &[u8],
        rows: &[u32],
    ) -> io::Result<()> {
        let common = shared(&self.last, key);
        if self.in_block == BLOCK_TERMS {
            self.end_block(out)?;
        }
        let mut common_here = common;
        if self.in_block == 0 {
            self.separator.clear();
            self.separator.extend_from_slice(&key[..key.len().min(common + 1)]);
            common_here = self.separator.len();
        }
        let suffix = &key[common_here..];
        let (kind, value) = match rows {
            [row] => (Kind::One, u64::from(*row)),
            _ => {
                let before = self.postings.len();
                let kind = self.encoder.encode(rows, &mut self.postings);
                (kind, (self.postings.len() - before) as u64)
            }
        };
        varint::put(&mut self.terms, common_here as u64);
        varint::put(&mut self.terms, (suffix.len() as u64) << 2 | kind as u64);
        self.terms.extend_from_slice(suffix);
        varint::put(&mut self.terms, value);
        self.last.truncate(common);
        self.last.extend_from_slice(&key[common..]);
        self.in_block += 1;
        Ok(())
    }

    fn end_block(&mut self, out: &mut FileWriter<'_>) -> io::Result<()> {
        if self.in_group == GROUP_BLOCKS {
            self.in_group = 0;
        }
        if self.in_group == 0 {
            self.last_separator.clear();
            self.groups.extend_from_slice(&(self.directory.len() as u64).to_le_bytes());
            self.groups.extend_from_slice(&self.written.to_le_bytes());
        }
        let common = shared(&self.last_separator, &self.separator);
        varint::put(&mut self.directory, common as u64);
        varint::put(&mut self.directory, (self.separator.len() - common) as u64);
        self.directory.extend_from_slice(&self.separator[common..]);
        varint::put(&mut self.directory, self.terms.len() as u64);
        varint::put(&mut self.directory, self.postings.len() as u64);
        std::mem::swap(&mut self.last_separator, &mut self.separator);
        out.write(&self.terms)?;
        out.write(&self.postings)?;
        self.written += (self.terms.len() + self.postings.len()) as u64;
        self.terms.clear();
        self.postings.clear();
        self.in_block = 0;
        self.in_group += 1;
        Ok(())
    }

    /// Writes what is left, and the directory.
    pub(crate) fn finish(mut self, out: &mut FileWriter<'_>) -> io::Result<()> {
        if self.in_block > 0 {
            self.end_block(out)?;
        }
        out.end(Section::Terms);
        out.write(&self.directory)?;
        out.end(Section::Directory);
        out.write(&self.groups)?;
        out.end(Section::Groups);
        Ok(())
    }
}

/// Reads `shared ‖ length ‖ suffix` onto the key before.
#[inline]
fn read_key(
    bytes: &[u8],
    at: &mut usize,
    common: usize,
    length: usize,
    key: &mut Vec<u8>,
) -> Result<(), IndexError> {
    if common > key.len() {
        return Err(bad("a key shares more than there is"));
    }
    let Some(suffix) = bytes.get(*at..).and_then(|rest| rest.get(..length)) else {
        return Err(bad("a key reaches beyond its block"));
    };
    key.truncate(common);
    key.extend_from_slice(suffix);
    *at += length;
    Ok(())
}

/// Walks over the blocks, by the directory.
#[derive(Clone, Debug)]
struct Blocks<'a> {
    file: &'a PagedFile,
    next_group: u64,
    entries: &'a [u8],
    at: usize,
    separator: Vec<u8>,
    /// Where the next block begins.
    offset: u64,
}

/// A block's place: its terms, then its rows up to `end`.
#[derive(Clone, Copy, Debug)]
struct Block {
    start: u64,
    postings: u64,
    end: u64,
}

impl<'a> Blocks<'a> {
    fn groups(file: &PagedFile) -> u64 {
        file.len(Section::Groups) / GROUP_BYTES
    }

    /// Before the first block of a group.
    fn at(file: &'a PagedFile, group: u64) -> Blocks<'a> {
        let separator = Vec::new();
        Blocks { file, next_group: group, entries: &[], at: 0, separator, offset: 0 }
    }

    fn group(file: &'a PagedFile, group: u64) -> Result<(&'a [u8], u64), IndexError> {
        let from = group * GROUP_BYTES;
        let mut fields = Fields(file.part(Section::Groups, from..from + GROUP_BYTES)?);
        let (start, offset) = (fields.u64(), fields.u64());
        let end = if group + 1 < Self::groups(file) {
            Fields(file.part(Section::Groups, from + GROUP_BYTES..from + 2 * GROUP_BYTES)?).u64()
        } else {
            file.len(Section::Directory)
        };
        Ok((file.part(Section::Directory, start..end)?, offset))
    }

    /// Before the block in which a key stands, if it stands anywhere.
    fn seek(file: &'a PagedFile, key: &[u8]) -> Result<Blocks<'a>, IndexError> {
        let (mut low, mut high) = (0, Self::groups(file));
        let mut first = Vec::new();
        while low < high {
            let middle = low.midpoint(high);
            let (entries, _) = Self::group(file, middle)?;
            let mut at = 0;
            first.clear();
            read_separator(entries, &mut at, &mut first)?;
            if first.as_slice() <= key { low = middle + 1 } else { high = middle }
        }
        // The first block is the place also of keys before it.
        let group = low.saturating_sub(1);
        let mut ahead = Blocks::at(file, group);
        let mut steps = 0;
        while ahead.next_group <= group + 1 && ahead.next()?.is_some() {
            if ahead.next_group > group + 1 || ahead.separator.as_slice() > key {
                break;
            }
            steps += 1;
        }
        let mut blocks = Blocks::at(file, group);
        for _ in 1..steps {
            blocks.next()?;
        }
        Ok(blocks)
    }

    fn next(&mut self) -> Result<Option<Block>, IndexError> {
        if self.at == self.entries.len() {
            if self.next_group >= Self::groups(self.file) {
                return Ok(None);
            }
            (self.entries, self.offset) = Self::group(self.file, self.next_group)?;
            self.next_group += 1;
            self.at = 0;
            self.separator.clear();
        }
        read_separator(self.entries, &mut self.at, &mut self.separator)?;
        let start = self.offset;
        let most = usize::MAX;
        let postings = start.checked_add(varint::get_len(self.entries, &mut self.at, most)? as u64);
        let rows_bytes = varint::get_len(self.entries, &mut self.at, most)? as u64;
        let end = postings.and_then(|at| at.checked_add(rows_bytes));
        let (Some(postings), Some(end)) = (postings, end) else {
            return Err(bad("a block has no end"));
        };
        self.offset = end;
        Ok(Some(Block { start, postings, end }))
    }
}

fn read_separator(
    entries: &[u8],
    at: &mut usize,
    separator: &mut Vec<u8>,
) -> Result<(), IndexError> {
    let common = varint::get_len(entries, at, entries.len())?;
    let length = varint::get_len(entries, at, entries.len())?;
    read_key(entries, at, common, length, separator)
}

/// Walks over terms in their order.
#[derive(Clone, Debug)]
pub(crate) struct Terms<'a> {
    file: &'a PagedFile,
    rows: u32,
    blocks: Blocks<'a>,
    block: Block,
    entries: &'a [u8],
    at: usize,
    key: Vec<u8>,
    kind: Kind,
    /// The row, if it is one.
    row: u64,
    posting: Range<u64>,
}

impl<'a> Terms<'a> {
    fn before(file: &'a PagedFile, rows: u32, blocks: Blocks<'a>) -> Terms<'a> {
        Terms {
            file,
            rows,
            blocks,
            block: Block { start: 0, postings: 0, end: 0 },
            entries: &[],
            at: 0,
            key: Vec::new(),
            kind: Kind::One,
            row: 0,
            posting: 0..0,
        }
    }

    /// Before the first.
    pub(crate) fn first(file: &'a PagedFile, rows: u32) -> Terms<'a> {
        Self::before(file, rows, Blocks::at(file, 0))
    }

    /// At the first whose key is not below this one. False if there is none.
    pub(crate) fn seek(
        file: &'a PagedFile,
        rows: u32,
        key: &[u8],
    ) -> Result<(Terms<'a>, bool), IndexError> {
        let mut terms = Self::before(file, rows, Blocks::seek(file, key)?);
        while terms.next()? {
            if terms.key.as_slice() >= key {
                return Ok((terms, true));
            }
        }
        Ok((terms, false))
    }

    /// Goes to the next. False if there is none.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<bool, IndexError> {
        if self.at == self.entries.len() && !self.next_block()? {
            return Ok(false);
        }
        let most = self.entries.len();
        let common = varint::get_len(self.entries, &mut self.at, usize::MAX)?;
        let head = varint::get(self.entries, &mut self.at)?;
        let length = usize::try_from(head >> 2).unwrap_or(usize::MAX).min(most + 1);
        read_key(self.entries, &mut self.at, common, length, &mut self.key)?;
        self.kind = Kind::of(head)?;
        let value = varint::get(self.entries, &mut self.at)?;
        if self.kind == Kind::One {
            self.row = value;
        } else {
            let start = self.posting.end;
            match start.checked_add(value) {
                Some(end) if end <= self.block.end => self.posting = start..end,
                _ => return Err(bad("the rows of a term reach beyond its block")),
            }
        }
        Ok(true)
    }

    fn next_block(&mut self) -> Result<bool, IndexError> {
        let Some(block) = self.blocks.next()? else {
            return Ok(false);
        };
        self.entries = self.file.part(Section::Terms, block.start..block.postings)?;
        if self.entries.is_empty() {
            return Err(bad("a block has no terms"));
        }
        self.at = 0;
        self.key.clear();
        self.key.extend_from_slice(&self.blocks.separator);
        self.posting = block.postings..block.postings;
        self.block = block;
        Ok(true)
    }

    /// The key of the term here.
    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        &self.key
    }

    fn one(&self) -> Result<u32, IndexError> {
        match u32::try_from(self.row) {
            Ok(row) if row < self.rows => Ok(row),
            _ => Err(bad("a row is beyond the last")),
        }
    }

    fn posting(&self) -> Result<&'a [u8], IndexError> {
        self.file.part(Section::Terms, self.posting.clone())
    }

    /// Its rows as a set.
    pub(crate) fn rows(&self) -> Result<RoaringBitmap, IndexError> {
        match self.kind {
            Kind::One => Ok(RoaringBitmap::from_iter([self.one()?])),
            Kind::Gaps => {
                let mut rows = Vec::new();
                posting::decode_gaps(self.posting()?, self.rows, &mut rows)?;
                RoaringBitmap::from_sorted_iter(rows).map_err(|_| bad("rows do not ascend"))
            }
            Kind::Roaring => posting::decode_roaring(self.posting()?, self.rows),
        }
    }

    /// Appends its rows to a list, each plus `add`.
    pub(crate) fn append_rows(&self, add: u32, rows: &mut Vec<u32>) -> Result<(), IndexError> {
        let start = rows.len();
        match self.kind {
            Kind::One => rows.push(self.one()?),
            Kind::Gaps => posting::decode_gaps(self.posting()?, self.rows, rows)?,
            Kind::Roaring => rows.extend(posting::decode_roaring(self.posting()?, self.rows)?),
        }
        if add > 0 {
            rows[start..].iter_mut().for_each(|row| *row += add);
        }
        Ok(())
    }

    /// Adds its rows to a union.
    pub(crate) fn add_to(
        &self,
        union: &mut Union,
        scratch: &mut Vec<u32>,
    ) -> Result<(), IndexError> {
        match self.kind {
            Kind::One => union.add(self.one()?),
            Kind::Gaps => {
                scratch.clear();
                posting::decode_gaps(self.posting()?, self.rows, scratch)?;
                union.add_all(scratch);
            }
            Kind::Roaring => union.add_set(&posting::decode_roaring(self.posting()?, self.rows)?),
        }
        Ok(())
    }
}
