//! Pages read by their place in the file, each checked before the Parquet library decodes it.
//!
//! The library trusts the headers of the files it reads: it allocates what they claim, slices where
//! they point and expects a dictionary where one is used. Everything it would trust is checked here
//! against what our writer leaves, so a damaged page is an error.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use parquet::column::page::{Page, PageMetadata, PageReader};
use parquet::errors::{ParquetError, Result};
use parquet::file::metadata::ColumnChunkMetaData;
use parquet::file::page_index::index_reader::decode_offset_index;
use parquet::file::page_index::offset_index::PageLocation;
use parquet::file::serialized_reader::SerializedPageReader;

use super::schema::{Column, PAGE_BYTES_MAX};

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
    pub(super) fn read(
        file: &Bytes,
        chunk: &ColumnChunkMetaData,
        rows: u32,
    ) -> Result<ChunkPages> {
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
                offset: u64::try_from(location.offset)?,
                len: u32::try_from(location.compressed_page_size)?,
                first_row: u32::try_from(location.first_row_index)?,
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

    /// The rows of a page.
    pub(super) fn rows_of(&self, page: usize) -> Range<u32> {
        let first = |page: usize| self.pages.get(page).map_or(self.rows, |page| page.first_row);
        first(page)..first(page + 1)
    }
}

/// Reads some pages of a column chunk, in order.
pub(super) struct CheckedPages {
    inner: SerializedPageReader<Bytes>,
    file: Arc<Bytes>,
    column: &'static Column,
    /// The dictionary page, until it has been read.
    dictionary: Option<Range<u64>>,
    has_dictionary: bool,
    /// The library finds the dictionary by looking before the first page, so that page is always on
    /// its list; this says that it is not wanted and has yet to be passed over.
    pass_first: bool,
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
        let first = pages.pages.first().ok_or_else(|| damaged("a column without pages"))?;
        let wanted: VecDeque<(PageSpan, u32)> = wanted
            .into_iter()
            .filter_map(|page| {
                let rows = pages.rows_of(page);
                Some((*pages.pages.get(page)?, rows.end - rows.start))
            })
            .collect();
        let pass_first = wanted.front().is_none_or(|(page, _)| page.first_row != 0);
        let first = pass_first.then_some(first).into_iter();
        let locations = first
            .chain(wanted.iter().map(|(page, _)| page))
            .map(|page| {
                Ok(PageLocation {
                    offset: i64::try_from(page.offset)?,
                    compressed_page_size: i32::try_from(page.len)?,
                    first_row_index: i64::from(page.first_row),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        let data_start = pages.pages.first().map_or(start, |page| page.offset);
        let inner =
            SerializedPageReader::new(file.clone(), chunk, pages.rows as usize, Some(locations))?;
        Ok(CheckedPages {
            inner,
            file: file.clone(),
            column,
            dictionary: (data_start > start).then_some(start..data_start),
            has_dictionary: false,
            pass_first,
            wanted,
        })
    }

    /// Refuses a page whose header claims more memory than any page of ours takes.
    fn check_size(&self, range: &Range<u64>) -> Result<()> {
        let bytes = slice(&self.file, range).ok_or_else(|| damaged("page outside the file"))?;
        let size = uncompressed_size(bytes).ok_or_else(|| damaged("page header malformed"))?;
        if size > PAGE_BYTES_MAX as u64 { Err(damaged("page too large")) } else { Ok(()) }
    }

    fn dictionary_page(&mut self, range: &Range<u64>) -> Result<Page> {
        self.check_size(range)?;
        let page = self.inner.get_next_page()?.ok_or_else(|| damaged("no dictionary page"))?;
        let Page::DictionaryPage { buf, num_values, .. } = &page else {
            return Err(damaged("a data page where a dictionary belongs"));
        };
        // Texts take at least the four bytes of their length.
        let width = self.column.kind.width().unwrap_or(4);
        if (*num_values as usize).saturating_mul(width) > buf.len() {
            return Err(damaged("a dictionary of more values than bytes"));
        }
        self.has_dictionary = true;
        Ok(page)
    }

    fn data_page(&mut self, span: PageSpan, rows: u32) -> Result<Page> {
        self.check_size(&(span.offset..span.offset + u64::from(span.len)))?;
        let page = self.inner.get_next_page()?.ok_or_else(|| damaged("a page is missing"))?;
        let Page::DataPageV2 {
            buf,
            num_values,
            encoding,
            num_nulls,
            num_rows,
            def_levels_byte_len,
            rep_levels_byte_len,
            ..
        } = &page
        else {
            return Err(damaged("not a data page of version 2"));
        };
        use parquet::basic::Encoding::RLE_DICTIONARY;
        let sound = *num_values == rows
            && *num_rows == rows
            && *num_nulls <= rows
            && (*num_nulls == 0 || !self.column.required)
            && *rep_levels_byte_len == 0
            && *def_levels_byte_len as usize <= buf.len()
            && self.column.allows(*encoding)
            && (*encoding != RLE_DICTIONARY || self.has_dictionary);
        if sound { Ok(page) } else { Err(damaged("a page header contradicts its index")) }
    }

    fn pass_unwanted(&mut self) -> Result<()> {
        if std::mem::take(&mut self.pass_first) { self.inner.skip_next_page() } else { Ok(()) }
    }
}

impl Iterator for CheckedPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Result<Page>> {
        self.get_next_page().transpose()
    }
}

impl PageReader for CheckedPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        if let Some(range) = self.dictionary.take() {
            return self.dictionary_page(&range).map(Some);
        }
        self.pass_unwanted()?;
        let Some((span, rows)) = self.wanted.pop_front() else { return Ok(None) };
        self.data_page(span, rows).map(Some)
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        if self.dictionary.is_some() {
            return Ok(Some(PageMetadata { num_rows: None, num_levels: None, is_dict: true }));
        }
        Ok(self.wanted.front().map(|(_, rows)| {
            let rows = Some(*rows as usize);
            PageMetadata { num_rows: rows, num_levels: rows, is_dict: false }
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        if self.dictionary.take().is_none() {
            self.pass_unwanted()?;
            self.wanted.pop_front();
        }
        self.inner.skip_next_page()
    }
}

/// The bytes of a column chunk, if they lie in the file.
pub(super) fn byte_range(chunk: &ColumnChunkMetaData, file: &Bytes) -> Result<(u64, u64)> {
    let start = chunk.dictionary_page_offset().unwrap_or(chunk.data_page_offset());
    let (start, len) = (u64::try_from(start)?, u64::try_from(chunk.compressed_size())?);
    match start.checked_add(len) {
        Some(end) if end <= file.len() as u64 => Ok((start, end)),
        _ => Err(damaged("a column outside the file")),
    }
}

fn slice<'a>(file: &'a Bytes, range: &Range<u64>) -> Option<&'a [u8]> {
    file.get(usize::try_from(range.start).ok()?..usize::try_from(range.end).ok()?)
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
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

/// The second field of a page header, its decompressed size: both fields before the page's own
/// header are i32 in the Thrift compact protocol, and always there.
fn uncompressed_size(bytes: &[u8]) -> Option<u64> {
    let (field, rest) = bytes.split_first()?;
    let (_, rest) = varint(rest)?;
    let (second, rest) = rest.split_first()?;
    let (zigzag, _) = varint(rest)?;
    (*field == 0x15 && *second == 0x15 && zigzag & 1 == 0).then_some(zigzag >> 1)
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
