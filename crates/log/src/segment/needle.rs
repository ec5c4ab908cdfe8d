//! Reading single rows: through the page index, one page a column, and only the columns a record is
//! made of.

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
            if column.is_facet() || self.is_null(number, column.col) {
                continue;
            }
            let pages = self.chunk_pages(table, number, column.col)?;
            let mut needed: Vec<usize> = wanted.iter().map(|row| pages.page_of(*row)).collect();
            needed.dedup();
            let mut cursor = self.cursor(number, column.col, pages, needed.iter().copied())?;
            let mut wanted = wanted.iter().copied().peekable();
            for (at, page) in needed.iter().enumerate() {
                let rows = pages.rows_of(*page);
                let mut next = rows.start;
                while let Some(row) = wanted.next_if(|row| *row < rows.end) {
                    cursor.skip((row - next) as usize)?;
                    cursor.read(1)?;
                    next = row + 1;
                }
                // The cursor has to stand at the page's end before it goes on to the next one.
                if at + 1 < needed.len() {
                    cursor.skip((rows.end - next) as usize)?;
                }
            }
            columns[column.col as usize] = cursor.take();
        }
        let scattered: Vec<u32> = wanted.iter().map(|row| group.first_row + row).collect();
        let first_row = scattered.first().copied().unwrap_or_default();
        let (names, len) = (self.names.clone(), wanted.len());
        Ok(RowBatch { columns, names, first_row, scattered, len })
    }
}
