//! Pages read by their place in the file, each checked before its values are decoded.
//!
//! The Parquet library's own page reader trusts the headers of the files it reads: it allocates what
//! they claim, slices where they point and expects a dictionary where one is used. It also makes a
//! zstd context a column, for both directions, which alone takes longer than reading one record. So
//! headers are read here, strictly as our writer leaves them, and one context a thread does for all.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::index_reader::decode_offset_index;
use zstd::bulk::Decompressor;

use super::SegmentError;
use super::schema::{Coding, Column, PAGE_BYTES_MAX};

type Result<T> = std::result::Result<T, SegmentError>;

/// The Thrift numbers of the page types and encodings we write.
const DICTIONARY_PAGE: i64 = 2;
const DATA_PAGE_V2: i64 = 3;
const PLAIN: i64 = 0;
const DELTA_BINARY_PACKED: i64 = 5;
const RLE_DICTIONARY: i64 = 8;

/// A data page: where it lies in the file, and which of its row group's rows it holds.
#[derive(Clone, Copy, Debug)]
pub(super) struct PageSpan {
    pub offset: u64,
    pub len: u32,
    pub first_row: u32,
}

/// The data pages of one column chunk, in row order.
#[derive(Debug)]
pub(super) struct ChunkPages {
    pages: Box<[PageSpan]>,
    rows: u32,
}

impl ChunkPages {
    /// Reads a chunk's offset index and checks that its pages lie in the chunk, one after the other,
    /// and cover its rows.
    pub(super) fn read(file: &Bytes, chunk: &ColumnChunkMetaData, rows: u32) -> Result<ChunkPages> {
        let range = chunk.offset_index_range().ok_or_else(|| damaged("no offset index"))?;
        let bytes = slice(file, &range).ok_or_else(|| damaged("offset index outside the file"))?;
        // The library reserves memory for as many pages as the index claims.
        let claimed = list_len(bytes).ok_or_else(|| damaged("offset index malformed"))?;
        if claimed > u64::from(rows) {
            return Err(damaged("offset index of more pages than rows"));
        }
        let index = decode_offset_index(bytes)?;
        let (start, end) = byte_range(chunk, file)?;
        let mut pages = Vec::with_capacity(index.page_locations().len());
        let (mut offset, mut next_row) = (start, None);
        for location in index.page_locations() {
            let page = PageSpan {
                offset: small(location.offset)?,
                len: small(location.compressed_page_size)?,
                first_row: small(location.first_row_index)?,
            };
            let follows = match next_row {
                None => page.first_row == 0,
                Some(row) => page.first_row > row && page.offset == offset,
            };
            if !follows || page.first_row >= rows || page.offset < offset {
                return Err(damaged("offset index out of order"));
            }
            next_row = Some(page.first_row);
            offset = page.offset + u64::from(page.len);
            pages.push(page);
        }
        if pages.is_empty() || offset != end {
            return Err(damaged("offset index does not cover its column"));
        }
        Ok(ChunkPages { pages: pages.into(), rows })
    }

    /// The page that holds a row.
    pub(super) fn page_of(&self, row: u32) -> usize {
        self.pages.partition_point(|page| page.first_row <= row).saturating_sub(1)
    }

    /// Where a page begins in the file.
    pub(super) fn offset_of(&self, page: usize) -> Option<u64> {
        self.pages.get(page).map(|page| page.offset)
    }

    /// The rows of a page.
    pub(super) fn rows_of(&self, page: usize) -> Range<u32> {
        let first = |page: usize| self.pages.get(page).map_or(self.rows, |page| page.first_row);
        first(page)..first(page + 1)
    }
}

/// Reads some pages of a column chunk, in order.
pub(super) struct CheckedPages {
    file: Arc<Bytes>,
    column: &'static Column,
    /// The dictionary page, until it has been read.
    dictionary: Option<Range<u64>>,
    has_dictionary: bool,
    /// The wanted pages still to come, with their rows.
    wanted: VecDeque<(PageSpan, u32)>,
}

impl CheckedPages {
    /// A reader of the pages with these numbers, which ascend.
    pub(super) fn new(
        file: &Arc<Bytes>,
        chunk: &ColumnChunkMetaData,
        pages: &ChunkPages,
        column: &'static Column,
        wanted: impl IntoIterator<Item = usize>,
    ) -> Result<CheckedPages> {
        let (start, _) = byte_range(chunk, file)?;
        // What stands before the first data page is the dictionary.
        let data_start = pages.pages.first().map_or(start, |page| page.offset);
        let wanted = wanted.into_iter().filter_map(|page| {
            let rows = pages.rows_of(page);
            Some((*pages.pages.get(page)?, rows.end - rows.start))
        });
        Ok(CheckedPages {
            file: file.clone(),
            column,
            dictionary: (data_start > start).then_some(start..data_start),
            has_dictionary: false,
            wanted: wanted.collect(),
        })
    }

    /// A page's header and what follows it, which is as long as the header says.
    fn page(&self, range: &Range<u64>) -> Result<(Header, Bytes)> {
        let bytes = slice(&self.file, range).ok_or_else(|| damaged("page outside the file"))?;
        let (header, body) = Header::read(bytes).ok_or_else(|| damaged("page header malformed"))?;
        if header.compressed != body.len() || header.uncompressed > PAGE_BYTES_MAX {
            return Err(damaged("page of a wrong size"));
        }
        Ok((header, self.file.slice_ref(body)))
    }

    /// The column's layout.
    pub(super) fn column(&self) -> &'static Column {
        self.column
    }

    /// The dictionary's bytes and how many words they are, if the column has one. To be called first.
    pub(super) fn dictionary(&mut self) -> Result<Option<(Bytes, usize)>> {
        let Some(range) = self.dictionary.take() else { return Ok(None) };
        let (header, body) = self.page(&range)?;
        let [count, encoding, ..] = header.fields;
        if header.kind != DICTIONARY_PAGE || encoding != PLAIN {
            return Err(damaged("not a dictionary page"));
        }
        let buf = match self.column.is_compressed() {
            true => decompress(&[], &body, header.uncompressed)?,
            false => body,
        };
        let count: usize = small(count)?;
        // Texts take at least the four bytes of their length.
        let width = self.column.kind.width().unwrap_or(4);
        if count.saturating_mul(width) > buf.len() {
            return Err(damaged("a dictionary of more values than bytes"));
        }
        self.has_dictionary = true;
        Ok(Some((buf, count)))
    }

    /// The next wanted page.
    pub(super) fn next(&mut self) -> Result<Option<DataPage>> {
        let Some((span, rows)) = self.wanted.pop_front() else { return Ok(None) };
        let (header, body) = self.page(&(span.offset..span.offset + u64::from(span.len)))?;
        let [num_values, num_nulls, num_rows, encoding, level_bytes, rep_levels] = header.fields;
        let encoding = match (encoding, self.column.coding) {
            (RLE_DICTIONARY, Coding::Dictionary { .. }) if self.has_dictionary => {
                Encoding::Dictionary
            }
            (DELTA_BINARY_PACKED, Coding::Delta) => Encoding::Delta,
            (PLAIN, Coding::Plain | Coding::Compressed | Coding::Dictionary { .. }) => {
                Encoding::Plain
            }
            _ => return Err(damaged("a page of an encoding that is never written")),
        };
        let nulls: u32 = small(num_nulls)?;
        let level_bytes: usize = small(level_bytes)?;
        let sound = header.kind == DATA_PAGE_V2
            && num_values == i64::from(rows)
            && num_rows == i64::from(rows)
            && nulls <= rows
            && (nulls == 0 || !self.column.required)
            && rep_levels == 0
            && level_bytes <= body.len().min(header.uncompressed);
        if !sound {
            return Err(damaged("a page header contradicts its index"));
        }
        let body = if header.is_compressed && self.column.is_compressed() {
            decompress(&body[..level_bytes], &body[level_bytes..], header.uncompressed)?
        } else {
            body
        };
        Ok(Some(DataPage { body, level_bytes, rows, nulls, encoding }))
    }
}

/// A data page, decompressed.
pub(super) struct DataPage {
    /// Levels, then values.
    pub body: Bytes,
    /// How many bytes of it are levels.
    pub level_bytes: usize,
    /// How many rows it has.
    pub rows: u32,
    /// How many of them are null.
    pub nulls: u32,
    /// How its values lie.
    pub encoding: Encoding,
}

/// The encodings we write.
pub(super) enum Encoding {
    Plain,
    Dictionary,
    Delta,
}

fn small<N, V: TryInto<N>>(value: V) -> Result<N> {
    value.try_into().map_err(|_| damaged("a number out of range"))
}

/// `plain`, followed by what `compressed` decompresses to, in all `len` bytes.
fn decompress(plain: &[u8], compressed: &[u8], len: usize) -> Result<Bytes> {
    thread_local! {
        /// Owned by its thread; a context takes longer to make than a page to decompress.
        static ZSTD: RefCell<Option<Decompressor<'static>>> = const { RefCell::new(None) };
    }
    let rest = len - plain.len();
    let values = match rest {
        // A page without values is written as nothing at all.
        0 => Vec::new(),
        _ => ZSTD.with_borrow_mut(|context| match context {
            Some(known) => known.decompress(compressed, rest),
            None => context.insert(Decompressor::new()?).decompress(compressed, rest),
        })?,
    };
    if values.len() != rest {
        return Err(damaged("a page decompresses to another length than it says"));
    }
    if plain.is_empty() {
        return Ok(Bytes::from(values));
    }
    let mut whole = Vec::with_capacity(len);
    whole.extend_from_slice(plain);
    whole.extend_from_slice(&values);
    Ok(Bytes::from(whole))
}

/// A page header, as far as we write one (Thrift compact protocol, `PageHeader` of parquet.thrift).
struct Header {
    kind: i64,
    uncompressed: usize,
    compressed: usize,
    /// The numbers of the inner header, in order: of a dictionary page values and encoding, of a data
    /// page values, nulls, rows, encoding and the lengths of both levels.
    fields: [i64; 6],
    /// Of a data page whether its values are compressed.
    is_compressed: bool,
}

impl Header {
    fn read(bytes: &[u8]) -> Option<(Header, &[u8])> {
        let (kind, rest) = int(bytes, 1)?;
        let (uncompressed, rest) = int(rest, 1)?;
        let (compressed, rest) = int(rest, 1)?;
        // The inner header is field 7 of a dictionary page and 8 of a data page; the one before was 3.
        let (&field, mut rest) = rest.split_first()?;
        let count = match (kind, field) {
            (DICTIONARY_PAGE, 0x4c) => 2,
            (DATA_PAGE_V2, 0x5c) => 6,
            _ => return None,
        };
        let mut fields = [0; 6];
        for value in fields.iter_mut().take(count) {
            (*value, rest) = int(rest, 1)?;
        }
        // A boolean is its own type: `is_sorted` of a dictionary, `is_compressed` of a data page. Then
        // both structures stop.
        let [flag @ (0x11 | 0x12), 0, 0, body @ ..] = rest else { return None };
        let header = Header {
            kind,
            uncompressed: usize::try_from(uncompressed).ok()?,
            compressed: usize::try_from(compressed).ok()?,
            fields,
            is_compressed: *flag == 0x11,
        };
        Some((header, body))
    }
}

/// A field of type i32 that comes so many numbers after the one before.
fn int(bytes: &[u8], delta: u8) -> Option<(i64, &[u8])> {
    let (&field, rest) = bytes.split_first()?;
    let (zigzag, rest) = varint(rest)?;
    (field == delta << 4 | 0x05).then_some(((zigzag >> 1) as i64 ^ -((zigzag & 1) as i64), rest))
}

/// The bytes of a column chunk, if they lie in the file.
pub(super) fn byte_range(chunk: &ColumnChunkMetaData, file: &Bytes) -> Result<(u64, u64)> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let (start, len): (u64, u64) = (small(start)?, small(chunk.compressed_size())?);
    match start.checked_add(len) {
        Some(end) if end <= file.len() as u64 => Ok((start, end)),
        _ => Err(damaged("a column outside the file")),
    }
}

fn slice<'a>(file: &'a Bytes, range: &Range<u64>) -> Option<&'a [u8]> {
    file.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

fn damaged(what: &str) -> SegmentError {
    SegmentError::damaged(what)
}

/// The length of the list that is an offset index's first field (Thrift compact protocol).
fn list_len(bytes: &[u8]) -> Option<u64> {
    let [field, list, rest @ ..] = bytes else { return None };
    match (field, list >> 4) {
        (0x19, 15) => varint(rest).map(|(len, _)| len),
        (0x19, short) => Some(u64::from(short)),
        _ => None,
    }
}

fn varint(bytes: &[u8]) -> Option<(u64, &[u8])> {
    let mut value = 0;
    for (at, byte) in bytes.iter().enumerate().take(5) {
        value |= u64::from(byte & 0x7f) << (7 * at);
        if byte & 0x80 == 0 {
            return Some((value, &bytes[at + 1..]));
        }
    }
    None
}
