//! Reading single rows: through the page index, one page a column, and only the columns a record is
//! made of.

use indelible_event::Source;

use super::SegmentError;
use super::batch::{OwnedRecord, RowBatch};
use super::decode::Values;
use super::reader::{Group, PageTable, Segment};
use super::schema::{COLUMNS, Col, TABLE};
use crate::record::Pos;

impl Segment {
    /// Reads the records of these rows, in the order given. Their `parts_hash` is made again from
    /// the parts, as in [`RowBatch::record`].
    pub fn rows(&self, rows: &[u32]) -> Result<Vec<OwnedRecord>, SegmentError> {
        if let Some(row) = rows.iter().find(|row| **row >= self.len()) {
            return Err(SegmentError::refused(format!("there is no row {row}")));
        }
        // Ascending, so that each page is decoded once and forwards.
        let mut order: Vec<usize> = (0..rows.len()).collect();
        order.sort_unstable_by_key(|at| rows[*at]);
        let table = self.page_table()?;
        let mut found: Vec<Option<OwnedRecord>> = vec![None; rows.len()];
        let mut rest = &order[..];
        for (number, group) in self.groups.iter().enumerate() {
            let end = group.first_row + group.rows;
            let (here, later) = rest.split_at(rest.partition_point(|at| rows[*at] < end));
            rest = later;
            let mut wanted: Vec<u32> = here.iter().map(|at| rows[*at] - group.first_row).collect();
            wanted.dedup();
            if wanted.is_empty() {
                continue;
            }
            let batch = self.pick(&table, number, group, &wanted)?;
            for at in here {
                let row = rows[*at] - group.first_row;
                let place = wanted.partition_point(|known| *known < row);
                found[*at] = Some(OwnedRecord::from(&batch.record(place)?));
            }
        }
        Ok(found.into_iter().flatten().collect())
    }

    /// Each row's place in the node's log, from that one column.
    pub fn positions(&self) -> Result<Vec<Pos>, SegmentError> {
        let table = self.page_table()?;
        let mut positions = Vec::with_capacity(self.len() as usize);
        for (number, group) in self.groups.iter().enumerate() {
            let pages = self.chunk_pages(&table, number, Col::Pos)?;
            let all = 0..pages.page_of(group.rows - 1) + 1;
            let mut cursor = self.cursor(number, Col::Pos, pages, all)?;
            cursor.read(group.rows as usize)?;
            let Values::Numbers(values) = cursor.take() else {
                return Err(SegmentError::damaged("the column pos has no numbers"));
            };
            for pos in values {
                let pos = pos.ok_or_else(|| SegmentError::damaged("a row without pos"))?;
                positions.push(Pos(pos as u64));
            }
        }
        Ok(positions)
    }

    /// The sources of these rows, which ascend, from their two columns alone: some dozens of nanoseconds a
    /// row. As they stand there: no leaf is looked at.
    pub fn sources(&self, rows: &[u32]) -> Result<Vec<Option<Source>>, SegmentError> {
        if rows.last().is_some_and(|row| *row >= self.len()) || !rows.is_sorted_by(|a, b| a < b) {
            return Err(SegmentError::refused("these are no rows in order"));
        }
        let table = self.page_table()?;
        let mut sources = Vec::with_capacity(rows.len());
        let mut rest = rows;
        for (number, group) in self.groups.iter().enumerate() {
            let end = group.first_row + group.rows;
            let (here, later) = rest.split_at(rest.partition_point(|row| *row < end));
            rest = later;
            if here.is_empty() {
                continue;
            }
            let wanted: Vec<u32> = here.iter().map(|row| row - group.first_row).collect();
            let ids = self.column(&table, number, Col::SourceId, &wanted)?;
            let seqs = self.column(&table, number, Col::SourceSeq, &wanted)?;
            for (at, row) in here.iter().enumerate() {
                sources.push(
                    source(&ids, &seqs, at).ok_or_else(|| {
                        SegmentError::damaged(format!("row {row}: half a source"))
                    })?,
                );
            }
        }
        Ok(sources)
    }

    /// The given rows of one row group, ascending, as a batch of just these.
    fn pick(
        &self,
        table: &PageTable,
        number: usize,
        group: &Group,
        wanted: &[u32],
    ) -> Result<RowBatch, SegmentError> {
        let mut columns: [Values; COLUMNS] = std::array::from_fn(|_| Values::Missing);
        for column in &TABLE {
            if column.is_facet() {
                continue;
            }
            columns[column.col as usize] = self.column(table, number, column.col, wanted)?;
        }
        let scattered: Vec<u32> = wanted.iter().map(|row| group.first_row + row).collect();
        let first_row = scattered.first().copied().unwrap_or_default();
        let (names, len) = (self.names.clone(), wanted.len());
        Ok(RowBatch { columns, names, first_row, scattered, len })
    }

    /// The values of one column in the given rows of a row group, which ascend.
    fn column(
        &self,
        table: &PageTable,
        number: usize,
        col: Col,
        wanted: &[u32],
    ) -> Result<Values, SegmentError> {
        if self.is_null(number, col) {
            return Ok(Values::Missing);
        }
        let pages = self.chunk_pages(table, number, col)?;
        let mut needed: Vec<(usize, &[u32])> = Vec::new();
        let mut rest = wanted;
        while let Some(first) = rest.first() {
            let page = pages.page_of(*first);
            let (here, later) =
                rest.split_at(rest.partition_point(|row| *row < pages.rows_of(page).end));
            needed.push((page, here));
            rest = later;
        }
        let mut cursor = self.cursor(number, col, pages, needed.iter().map(|(page, _)| *page))?;
        for (at, (page, here)) in needed.iter().enumerate() {
            let rows = pages.rows_of(*page);
            let mut next = rows.start;
            for run in here.chunk_by(|row, after| row + 1 == *after) {
                let Some(first) = run.first() else { continue };
                cursor.skip((first - next) as usize)?;
                cursor.read(run.len())?;
                next = first + run.len() as u32;
            }
            // The cursor has to stand at the page's end before it goes on to the next one.
            if at + 1 < needed.len() {
                cursor.skip((rows.end - next) as usize)?;
            }
        }
        Ok(cursor.take())
    }
}

/// A row's source, or none; `None` where one of the two columns has no fitting value.
fn source(ids: &Values, seqs: &Values, at: usize) -> Option<Option<Source>> {
    let id = match ids {
        Values::Bytes(values) => values.get(at),
        Values::Missing | Values::Numbers(_) => None,
    };
    let seq = match seqs {
        Values::Numbers(values) => values.get(at).copied().flatten(),
        Values::Missing | Values::Bytes(_) => None,
    };
    match (id, seq) {
        (None, None) => Some(None),
        (Some(id), Some(seq)) => Some(Some(Source { id: id.try_into().ok()?, seq: seq as u64 })),
        _ => None,
    }
}
