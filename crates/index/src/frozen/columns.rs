//! What each row has besides terms: its place in the log and its two times.

use std::io;

use super::file::{Fields, FileWriter, PagedFile, Section, bad};
use crate::index::{self, IndexError};

/// A run of rows whose places follow each other: first row, first place.
const RUN_BYTES: u64 = 12;
/// Rows that share a least time.
const BLOCK_ROWS: usize = index::BLOCK_ROWS as usize;
/// Of such a block: the least time, where its offsets begin, bytes of an offset.
const BLOCK_BYTES: u64 = 8 + 8 + 1;

/// The places of rows: runs without gaps, as long as can be.
#[derive(Clone, Debug, Default)]
pub(crate) struct PosRuns {
    runs: Vec<(u32, u64)>,
    rows: u32,
}

impl PosRuns {
    /// Adds the next row's place.
    pub(crate) fn push(&mut self, pos: u64) {
        match self.runs.last() {
            Some(&(row, first)) if first + u64::from(self.rows - row) == pos => {}
            _ => self.runs.push((self.rows, pos)),
        }
        self.rows += 1;
    }

    /// A row's place; zero for a row that there is not.
    pub(crate) fn pos(&self, row: u32) -> u64 {
        let after = self.runs.partition_point(|run| run.0 <= row);
        let run = after.checked_sub(1).and_then(|at| self.runs.get(at));
        run.map_or(0, |&(first_row, first)| first + u64::from(row - first_row))
    }

    /// The first row whose place is not below this one, or how many rows there are.
    pub(crate) fn row_at(&self, pos: u64) -> u32 {
        let after = self.runs.partition_point(|run| run.1 <= pos);
        let end = self.runs.get(after).map_or(self.rows, |run| run.0);
        match after.checked_sub(1).and_then(|at| self.runs.get(at)) {
            Some(&(row, first)) => u32::try_from(u64::from(row).saturating_add(pos - first))
                .map_or(end, |row| row.min(end)),
            None => 0,
        }
    }

    /// Bytes in memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.runs.len() * size_of::<(u32, u64)>()
    }

    /// Writes the runs.
    pub(crate) fn write(&self, out: &mut FileWriter<'_>) -> io::Result<()> {
        for (row, pos) in &self.runs {
            out.write(&row.to_le_bytes())?;
            out.write(&pos.to_le_bytes())?;
        }
        out.end(Section::PosRuns);
        Ok(())
    }
}

fn run(file: &PagedFile, index: u64) -> Result<(u32, u64), IndexError> {
    let from = index * RUN_BYTES;
    let mut fields = Fields(file.part(Section::PosRuns, from..from + RUN_BYTES)?);
    Ok((fields.u32(), fields.u64()))
}

/// The first run that is not `before`, and how many runs there are.
fn find_run(
    file: &PagedFile,
    before: impl Fn((u32, u64)) -> bool,
) -> Result<(u64, u64), IndexError> {
    let count = file.len(Section::PosRuns) / RUN_BYTES;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if before(run(file, middle)?) { low = middle + 1 } else { high = middle }
    }
    Ok((low, count))
}

/// A row's place.
pub(crate) fn pos(file: &PagedFile, row: u32) -> Result<u64, IndexError> {
    let (after, _) = find_run(file, |run| run.0 <= row)?;
    let index = after.checked_sub(1).ok_or_else(|| bad("a row has no place"))?;
    let (first_row, first) = run(file, index)?;
    first.checked_add(u64::from(row - first_row)).ok_or_else(|| bad("a place is too large"))
}

/// The places of rows that rise: mostly the next is of the same run.
pub(crate) struct Places<'a> {
    file: &'a PagedFile,
    /// The run of the last row: its first row and that one's place, and the first row after it.
    run: (u32, u64),
    end: u32,
}

impl<'a> Places<'a> {
    pub(crate) fn new(file: &'a PagedFile) -> Places<'a> {
        Places { file, run: (0, 0), end: 0 }
    }

    pub(crate) fn next(&mut self, row: u32) -> Result<u64, IndexError> {
        if row < self.run.0 || row >= self.end {
            let (after, count) = find_run(self.file, |run| run.0 <= row)?;
            let index = after.checked_sub(1).ok_or_else(|| bad("a row has no place"))?;
            self.run = run(self.file, index)?;
            self.end = if after < count { run(self.file, after)?.0 } else { u32::MAX };
        }
        let (first_row, first) = self.run;
        let offset = u64::from(row.saturating_sub(first_row));
        first.checked_add(offset).ok_or_else(|| bad("a place is too large"))
    }
}

/// The first row whose place is not below this one, or `rows`.
pub(crate) fn row_at(file: &PagedFile, rows: u32, pos: u64) -> Result<u32, IndexError> {
    let (after, count) = find_run(file, |run| run.1 <= pos)?;
    let end = if after < count { run(file, after)?.0 } else { rows };
    let Some(index) = after.checked_sub(1) else {
        return Ok(0);
    };
    let (row, first) = run(file, index)?;
    let place = u64::from(row).saturating_add(pos.saturating_sub(first));
    Ok(u32::try_from(place).map_or(end, |row| row.min(end)).min(rows))
}

/// A column of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Times {
    Recorded,
    Occurred,
}

impl Times {
    fn sections(self) -> (Section, Section) {
        match self {
            Times::Recorded => (Section::Recorded, Section::RecordedBlocks),
            Times::Occurred => (Section::Occurred, Section::OccurredBlocks),
        }
    }

    /// Writes the column; gives the least and the greatest, zero without rows.
    pub(crate) fn write(
        self,
        out: &mut FileWriter<'_>,
        times: &mut dyn Iterator<Item = io::Result<i64>>,
    ) -> io::Result<(i64, i64)> {
        let (data, directory) = self.sections();
        let mut blocks = Vec::new();
        let mut block = Vec::with_capacity(BLOCK_ROWS);
        let mut offset = 0_u64;
        let mut span: Option<(i64, i64)> = None;
        loop {
            block.clear();
            for time in (&mut *times).take(BLOCK_ROWS) {
                block.push(time?);
            }
            let (Some(&least), Some(&greatest)) = (block.iter().min(), block.iter().max()) else {
                break;
            };
            let range = greatest.wrapping_sub(least) as u64;
            let width = (8 - range.leading_zeros() as usize / 8).max(1);
            blocks.extend_from_slice(&least.to_le_bytes());
            blocks.extend_from_slice(&offset.to_le_bytes());
            blocks.push(width as u8);
            for time in &block {
                out.write(&time.wrapping_sub(least).to_le_bytes()[..width])?;
            }
            offset += (width * block.len()) as u64;
            let (from, to) = span.unwrap_or((least, greatest));
            span = Some((from.min(least), to.max(greatest)));
        }
        out.end(data);
        out.write(&blocks)?;
        out.end(directory);
        Ok(span.unwrap_or_default())
    }

    /// Refuses a column that has not a block for each of its rows.
    pub(crate) fn open(self, file: &PagedFile, rows: u32) -> Result<(), IndexError> {
        let blocks = u64::from(rows).div_ceil(BLOCK_ROWS as u64);
        if file.len(self.sections().1) != blocks * BLOCK_BYTES {
            return Err(bad("a column of times is not as long as it should be"));
        }
        Ok(())
    }

    /// Of a block: the least time, where its offsets begin, bytes of an offset.
    fn block(self, file: &PagedFile, block: u64) -> Result<(i64, u64, u64), IndexError> {
        let from = block.saturating_mul(BLOCK_BYTES);
        let to = from.saturating_add(BLOCK_BYTES);
        let mut fields = Fields(file.part(self.sections().1, from..to)?);
        let (least, offset, width) = (fields.u64() as i64, fields.u64(), fields.number(1));
        if width == 0 || width > 8 {
            return Err(bad("a time has not one to eight bytes"));
        }
        Ok((least, offset, width))
    }

    /// The least time of a block, and the greatest that it has room for.
    pub(crate) fn bounds(self, file: &PagedFile, block: u32) -> Result<(i64, i64), IndexError> {
        let (least, _, width) = self.block(file, block.into())?;
        let range = u64::MAX >> (64 - 8 * width);
        Ok((least, least.saturating_add_unsigned(range)))
    }

    /// Appends the times of a block.
    pub(crate) fn unpack(
        self,
        file: &PagedFile,
        rows: u32,
        block: u32,
        out: &mut Vec<i64>,
    ) -> Result<(), IndexError> {
        let (least, offset, width) = self.block(file, block.into())?;
        let count = u64::from(rows).saturating_sub(u64::from(block) * BLOCK_ROWS as u64);
        let length = count.min(BLOCK_ROWS as u64) * width;
        let bytes = file.part(self.sections().0, offset..offset.saturating_add(length))?;
        match width {
            1 => unpack::<1>(bytes, least, out),
            2 => unpack::<2>(bytes, least, out),
            3 => unpack::<3>(bytes, least, out),
            4 => unpack::<4>(bytes, least, out),
            5 => unpack::<5>(bytes, least, out),
            6 => unpack::<6>(bytes, least, out),
            7 => unpack::<7>(bytes, least, out),
            _ => unpack::<8>(bytes, least, out),
        }
        Ok(())
    }

    /// A row's time.
    pub(crate) fn get(self, file: &PagedFile, row: u32) -> Result<i64, IndexError> {
        let (data, _) = self.sections();
        let (least, offset, width) = self.block(file, u64::from(row) / BLOCK_ROWS as u64)?;
        let at = offset.checked_add(u64::from(row) % BLOCK_ROWS as u64 * width);
        let end = at.and_then(|at| at.checked_add(width));
        let (Some(at), Some(end)) = (at, end) else {
            return Err(bad("a time lies beyond its section"));
        };
        let bytes = file.part(data, at..end)?;
        Ok(least.wrapping_add(Fields(bytes).number(width as usize) as i64))
    }
}

fn unpack<const WIDTH: usize>(bytes: &[u8], least: i64, out: &mut Vec<i64>) {
    out.extend(bytes.as_chunks::<WIDTH>().0.iter().map(|from| {
        let mut offset = [0; 8];
        offset[..WIDTH].copy_from_slice(from);
        least.wrapping_add(u64::from_le_bytes(offset) as i64)
    }));
}
