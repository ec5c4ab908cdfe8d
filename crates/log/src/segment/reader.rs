//! Opening a segment and reading its rows in order.

use std::ops::Range;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use indelible_event::EventId;
use parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData, ParquetMetaDataReader};
use roaring::RoaringBitmap;

use super::batch::{RowBatch, TrailNames};
use super::decode::{Cursor, Values};
use super::meta::SegmentMeta;
use super::pages::{CheckedPages, ChunkPages, byte_range};
use super::rows::{FileSeal, RowTable, RowTableBuilder};
use super::schema::{self, COLUMNS, Col, TABLE};
use super::writer::footer_len;
use super::{SegmentError, guarded};
use crate::record::{Seq, TrailNo};

/// Rows a scan decodes at once, if it is not told otherwise.
const SCAN_ROWS: usize = 1_024;

/// A segment, open for reading. Its bytes are usually a memory map; only the footer is read at once.
pub struct Segment {
    pub(super) file: Arc<Bytes>,
    meta: SegmentMeta,
    table: RowTable,
    parquet: ParquetMetaData,
    pub(super) groups: Vec<Group>,
    pub(super) names: TrailNames,
    /// Read by the first needle or scan; a few hundred kilobytes that [`Segment::forget_pages`]
    /// gives back.
    pages: Mutex<Option<Arc<PageTable>>>,
}

/// A row group's rows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Group {
    pub first_row: u32,
    pub rows: u32,
}

/// The pages of every column chunk, each read when it is first wanted.
pub(super) struct PageTable {
    chunks: Vec<OnceLock<ChunkPages>>,
}

impl Segment {
    /// Opens a segment's file with its row table, which says whether footer and page index are whole.
    pub fn open(file: Bytes, row_table: Bytes) -> Result<Segment, SegmentError> {
        let table = RowTable::open(row_table)?;
        check_footer(&file, table.seal())?;
        let parquet = guarded(|| Ok(ParquetMetaDataReader::new().parse_and_finish(&file)?))?;
        if *parquet.file_metadata().schema() != *schema::descriptor()?.root_schema() {
            return Err(SegmentError::damaged("its schema is not a segment's"));
        }
        let pairs = parquet.file_metadata().key_value_metadata();
        let meta = SegmentMeta::from_key_values(pairs.map_or(&[][..], |pairs| pairs))?;
        let groups = groups(&file, &parquet)?;
        let rows = groups.iter().map(|group| u64::from(group.rows)).sum::<u64>();
        let trails = meta.trails.iter().map(|span| (span.trail.no, span.first_seq, span.rows));
        let indexed = table.trails().map(|(no, seq, rows)| (no, seq, u64::from(rows)));
        if rows != meta.rows || rows != u64::from(table.rows()) || !trails.eq(indexed) {
            return Err(SegmentError::damaged("columns, footer and row table disagree on rows"));
        }
        let mut names: Vec<(Box<str>, TrailNo)> = meta
            .trails
            .iter()
            .map(|span| (span.trail.name.as_str().into(), span.trail.no))
            .collect();
        names.sort_unstable();
        Ok(Segment {
            file: Arc::new(file),
            meta,
            table,
            parquet,
            groups,
            names: names.into(),
            pages: Mutex::new(None),
        })
    }

    /// What the footer says.
    pub fn meta(&self) -> &SegmentMeta {
        &self.meta
    }

    /// The row table.
    pub fn table(&self) -> &RowTable {
        &self.table
    }

    /// How many rows there are.
    pub fn len(&self) -> u32 {
        self.table.rows()
    }

    /// Never: a segment has at least one row.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The file's bytes.
    pub fn file(&self) -> &Bytes {
        &self.file
    }

    /// Rows that may hold this id of this trail; see [`RowTable::find_id`].
    pub fn find_id(
        &self,
        trail: TrailNo,
        id: EventId,
    ) -> Result<impl Iterator<Item = u32> + use<'_>, SegmentError> {
        self.table.find_id(trail, &id.0)
    }

    /// The row of a trail's sequence number.
    pub fn find_seq(&self, trail: TrailNo, seq: Seq) -> Result<Option<u32>, SegmentError> {
        self.table.find_seq(trail, seq)
    }

    /// A trail's sequence numbers, less its first one here.
    pub fn seqs(&self, trail: TrailNo) -> Result<Option<&RoaringBitmap>, SegmentError> {
        self.table.seqs(trail)
    }

    /// Reads rows in order, some thousands at once.
    pub fn scan(&self, rows: Range<u32>) -> Result<Scan<'_>, SegmentError> {
        if rows.end > self.len() {
            return Err(SegmentError::refused(format!("there is no row {}", rows.end - 1)));
        }
        Ok(Scan {
            segment: self,
            next: rows.start,
            end: rows.end,
            batch_rows: SCAN_ROWS,
            facets: true,
            open: None,
        })
    }

    /// Where in the file the page with a row's part `what` begins, to tell a person where to look.
    pub fn offset_of(&self, row: u32) -> Option<u64> {
        let number = self.groups.partition_point(|group| group.first_row + group.rows <= row);
        let group = self.groups.get(number)?;
        let table = self.page_table().ok()?;
        let pages = self.chunk_pages(&table, number, Col::What).ok()?;
        pages.offset_of(pages.page_of(row - group.first_row))
    }

    /// Makes the row table again from what a scan found in the rows, all of them in order, and compares:
    /// a table that was edited, with its checksums, would hide records from those who ask for an id or a
    /// number.
    pub fn check_table(
        &self,
        rows: impl IntoIterator<Item = (TrailNo, Seq, EventId)>,
    ) -> Result<(), SegmentError> {
        let mut rebuilt = RowTableBuilder::default();
        for (trail, seq, id) in rows {
            rebuilt.push(trail, seq, &id.0)?;
        }
        let mut seal = self.table.seal().clone();
        seal.id_range = rebuilt.id_range();
        match rebuilt.finish(&seal)? == *self.table.bytes() {
            true => Ok(()),
            false => Err(SegmentError::damaged("the row table is not what the columns make")),
        }
    }

    /// Gives back the memory of the page index; the next read takes it again.
    pub fn forget_pages(&self) {
        *self.pages.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn page_table(&self) -> Result<Arc<PageTable>, SegmentError> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*pages {
            return Ok(known.clone());
        }
        let seal = self.table.seal();
        let index = self.file.get(seal.index_start as usize..seal.footer_start as usize);
        if index.map(crc32c::crc32c) != Some(seal.index_crc) {
            return Err(SegmentError::damaged("the page index fails its checksum"));
        }
        let chunks = std::iter::repeat_with(OnceLock::new).take(self.groups.len() * COLUMNS);
        Ok(pages.insert(Arc::new(PageTable { chunks: chunks.collect() })).clone())
    }

    /// The pages of a column of a row group.
    pub(super) fn chunk_pages<'a>(
        &self,
        table: &'a PageTable,
        group: usize,
        col: Col,
    ) -> Result<&'a ChunkPages, SegmentError> {
        let slot = table
            .chunks
            .get(group * COLUMNS + col as usize)
            .ok_or_else(|| SegmentError::damaged("no such row group"))?;
        if let Some(known) = slot.get() {
            return Ok(known);
        }
        let rows = self.groups[group].rows;
        let pages = guarded(|| ChunkPages::read(&self.file, self.chunk(group, col), rows))?;
        Ok(slot.get_or_init(|| pages))
    }

    fn chunk(&self, group: usize, col: Col) -> &ColumnChunkMetaData {
        self.parquet.row_group(group).column(col as usize)
    }

    /// A cursor over some pages of a column.
    pub(super) fn cursor(
        &self,
        group: usize,
        col: Col,
        pages: &ChunkPages,
        wanted: impl IntoIterator<Item = usize>,
    ) -> Result<Cursor, SegmentError> {
        let chunk = self.chunk(group, col);
        Cursor::new(CheckedPages::new(&self.file, chunk, pages, &TABLE[col as usize], wanted)?)
    }

    /// Whether a column has no value in a row group, so that it need not be read.
    pub(super) fn is_null(&self, group: usize, col: Col) -> bool {
        let nulls = self.chunk(group, col).statistics().and_then(|known| known.null_count_opt());
        nulls == Some(u64::from(self.groups[group].rows))
    }
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Segment").field("meta", &self.meta).finish_non_exhaustive()
    }
}

/// Checks what the row table says of the file's end, before a parser sees it.
fn check_footer(file: &Bytes, seal: &FileSeal) -> Result<(), SegmentError> {
    let start = usize::try_from(seal.footer_start).ok();
    let footer = start.and_then(|start| file.get(start..));
    let Some(footer) = footer.filter(|_| seal.len == file.len() as u64) else {
        return Err(SegmentError::damaged("the file is not as long as its row table says"));
    };
    if crc32c::crc32c(footer) != seal.footer_crc || footer_len(footer)? != footer.len() {
        return Err(SegmentError::damaged("the footer fails its checksum"));
    }
    if seal.index_start > seal.footer_start {
        return Err(SegmentError::damaged("the page index lies behind the footer"));
    }
    Ok(())
}

/// The row groups, if every one has all columns and every column lies in the file.
fn groups(file: &Bytes, parquet: &ParquetMetaData) -> Result<Vec<Group>, SegmentError> {
    let mut groups = Vec::with_capacity(parquet.num_row_groups());
    let mut first_row = 0u32;
    for group in parquet.row_groups() {
        let rows = u32::try_from(group.num_rows()).ok().filter(|rows| *rows > 0);
        let next = rows.and_then(|rows| first_row.checked_add(rows));
        let (Some(rows), Some(next)) = (rows, next) else {
            return Err(SegmentError::damaged("a row group of impossible size"));
        };
        if group.columns().len() != COLUMNS {
            return Err(SegmentError::damaged("a row group lacks columns"));
        }
        for (chunk, column) in group.columns().iter().zip(&TABLE) {
            byte_range(chunk, file)?;
            if chunk.column_path().parts() != [column.name.to_owned()] {
                return Err(SegmentError::damaged("a row group's columns are out of order"));
            }
        }
        groups.push(Group { first_row, rows });
        first_row = next;
    }
    Ok(groups)
}

/// Reads a range of rows in order. After an error it ends.
pub struct Scan<'a> {
    segment: &'a Segment,
    next: u32,
    end: u32,
    batch_rows: usize,
    facets: bool,
    /// The row group being read, with a cursor for every column that is read and not null throughout.
    open: Option<(usize, Vec<Option<Cursor>>)>,
}

impl Scan<'_> {
    /// Rows a batch.
    pub fn batch_rows(mut self, rows: usize) -> Self {
        self.batch_rows = rows.max(1);
        self
    }

    /// Leaves out the facet columns, which an entry does not need.
    pub fn without_facets(mut self) -> Self {
        self.facets = false;
        self
    }

    fn batch(&mut self) -> Result<RowBatch, SegmentError> {
        let segment = self.segment;
        let group = segment
            .groups
            .partition_point(|group| group.first_row <= self.next)
            .checked_sub(1)
            .ok_or_else(|| SegmentError::damaged("no row groups"))?;
        let group_end = segment.groups[group].first_row + segment.groups[group].rows;
        let len = (self.end.min(group_end) - self.next).min(self.batch_rows as u32);
        let mut cursors = match self.open.take() {
            Some((open, cursors)) if open == group => cursors,
            _ => self.open_group(group)?,
        };
        let mut columns: [Values; COLUMNS] = std::array::from_fn(|_| Values::Missing);
        for (values, cursor) in columns.iter_mut().zip(&mut cursors) {
            if let Some(cursor) = cursor {
                cursor.read(len as usize)?;
                *values = cursor.take();
            }
        }
        let first_row = self.next;
        self.next += len;
        self.open = Some((group, cursors));
        Ok(RowBatch {
            columns,
            names: segment.names.clone(),
            first_row,
            scattered: Vec::new(),
            len: len as usize,
        })
    }

    /// Cursors at `self.next`, which lies in this group.
    fn open_group(&self, group: usize) -> Result<Vec<Option<Cursor>>, SegmentError> {
        let segment = self.segment;
        let table = segment.page_table()?;
        let Group { first_row, rows } = segment.groups[group];
        let first = self.next - first_row;
        let last = (self.end - first_row).min(rows) - 1;
        let mut cursors = Vec::with_capacity(COLUMNS);
        for column in &TABLE {
            if segment.is_null(group, column.col) || (!self.facets && column.is_facet()) {
                cursors.push(None);
                continue;
            }
            let pages = segment.chunk_pages(&table, group, column.col)?;
            let wanted = pages.page_of(first)..pages.page_of(last) + 1;
            let before = first - pages.rows_of(wanted.start).start;
            let mut cursor = segment.cursor(group, column.col, pages, wanted)?;
            cursor.skip(before as usize)?;
            cursors.push(Some(cursor));
        }
        Ok(cursors)
    }
}

impl Iterator for Scan<'_> {
    type Item = Result<RowBatch, SegmentError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        let batch = self.batch();
        if batch.is_err() {
            self.next = self.end;
        }
        Some(batch)
    }
}
