//! The rows of a term, as bytes.
//!
//! One row stands beside its term. More are written in whichever of two ways is the smaller, gaps where
//! both are the same: as gaps (the first row, then for each further one how many rows lie between, as
//! varints), or in the portable Roaring format, where a container of `r` runs is written as runs if
//! `2 + 4r` is less than what it takes otherwise. The rule is our own rather than the library's, so that
//! the same rows are the same bytes under any version of it.

use roaring::RoaringBitmap;

use super::varint;
use crate::index::IndexError;

/// How a term's rows are written. The numbers stand in index files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One row, in place of the length.
    One = 0,
    /// Gaps.
    Gaps = 1,
    /// The portable Roaring format.
    Roaring = 2,
}

impl Kind {
    /// The kind in the low two bits.
    #[inline]
    pub(crate) fn of(bits: u64) -> Result<Kind, IndexError> {
        match bits & 3 {
            0 => Ok(Kind::One),
            1 => Ok(Kind::Gaps),
            2 => Ok(Kind::Roaring),
            _ => Err(IndexError("rows are written in an unknown way".into())),
        }
    }
}

const COOKIE_PLAIN: u32 = 12_346;
const COOKIE_RUNS: u32 = 12_347;
/// With runs, the offsets of fewer containers than these are left out.
const OFFSETS_FROM: usize = 4;
const ARRAY_ROWS_MAX: usize = 4_096;
const BITMAP_BYTES: usize = 8_192;

/// Part of the rows that shares its upper 16 bits.
#[derive(Clone, Copy, Debug)]
struct Container {
    key: u16,
    /// Its rows' place in the list.
    start: usize,
    end: usize,
    runs: usize,
}

impl Container {
    fn rows(&self) -> usize {
        self.end - self.start
    }

    fn plain_bytes(&self) -> usize {
        if self.rows() <= ARRAY_ROWS_MAX { 2 * self.rows() } else { BITMAP_BYTES }
    }

    fn as_runs(&self) -> bool {
        2 + 4 * self.runs < self.plain_bytes()
    }

    fn bytes(&self) -> usize {
        self.plain_bytes().min(2 + 4 * self.runs)
    }
}

/// Writes rows; keeps its memory from one term to the next.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    containers: Vec<Container>,
}

impl Encoder {
    /// Appends more than one row, ascending.
    pub(crate) fn encode(&mut self, rows: &[u32], out: &mut Vec<u8>) -> Kind {
        let gaps_bytes = self.survey(rows);
        if gaps_bytes <= self.roaring_bytes() {
            put_gaps(rows, out);
            Kind::Gaps
        } else {
            self.put_roaring(rows, out);
            Kind::Roaring
        }
    }

    /// Appends any number of rows in the Roaring format.
    pub(crate) fn encode_roaring(&mut self, rows: &[u32], out: &mut Vec<u8>) {
        self.survey(rows);
        self.put_roaring(rows, out);
    }

    /// Finds the containers, and what the rows take as gaps.
    fn survey(&mut self, rows: &[u32]) -> usize {
        self.containers.clear();
        let mut bytes = 0;
        let mut start = 0;
        while let Some(&first) = rows.get(start) {
            let key = (first >> 16) as u16;
            let rest = &rows[start..];
            let length = match rest.last() {
                Some(last) if (last >> 16) as u16 == key => rest.len(),
                _ => rest.partition_point(|row| (row >> 16) as u16 == key),
            };
            let mut before = match start {
                0 => first,
                _ => rows[start - 1] + 1,
            };
            bytes += varint::size(if start == 0 { first } else { first - before });
            before = first;
            let mut runs = 1;
            for &row in &rest[1..length] {
                let gap = row - before - 1;
                bytes += varint::size(gap);
                runs += usize::from(gap != 0);
                before = row;
            }
            self.containers.push(Container { key, start, end: start + length, runs });
            start += length;
        }
        bytes
    }

    fn any_runs(&self) -> bool {
        self.containers.iter().any(Container::as_runs)
    }

    fn head_bytes(&self) -> usize {
        let count = self.containers.len();
        match self.any_runs() {
            true if count < OFFSETS_FROM => 4 + count.div_ceil(8) + 4 * count,
            true => 4 + count.div_ceil(8) + 8 * count,
            false => 8 + 8 * count,
        }
    }

    fn roaring_bytes(&self) -> usize {
        self.head_bytes() + self.containers.iter().map(Container::bytes).sum::<usize>()
    }

    fn put_roaring(&self, rows: &[u32], out: &mut Vec<u8>) {
        let count = self.containers.len();
        let any_runs = self.any_runs();
        if any_runs {
            out.extend_from_slice(&(COOKIE_RUNS | ((count as u32 - 1) << 16)).to_le_bytes());
            let flags = out.len();
            out.resize(flags + count.div_ceil(8), 0);
            for (index, container) in self.containers.iter().enumerate() {
                out[flags + index / 8] |= u8::from(container.as_runs()) << (index % 8);
            }
        } else {
            out.extend_from_slice(&COOKIE_PLAIN.to_le_bytes());
            out.extend_from_slice(&(count as u32).to_le_bytes());
        }
        for container in &self.containers {
            out.extend_from_slice(&container.key.to_le_bytes());
            out.extend_from_slice(&((container.rows() - 1) as u16).to_le_bytes());
        }
        if !any_runs || count >= OFFSETS_FROM {
            let mut offset = self.head_bytes() as u32;
            for container in &self.containers {
                out.extend_from_slice(&offset.to_le_bytes());
                offset += container.bytes() as u32;
            }
        }
        for container in &self.containers {
            put_container(container, &rows[container.start..container.end], out);
        }
    }
}

fn put_container(container: &Container, rows: &[u32], out: &mut Vec<u8>) {
    if container.as_runs() {
        out.extend_from_slice(&(container.runs as u16).to_le_bytes());
        for run in rows.chunk_by(|before, row| before + 1 == *row) {
            out.extend_from_slice(&(run[0] as u16).to_le_bytes());
            out.extend_from_slice(&((run.len() - 1) as u16).to_le_bytes());
        }
    } else if rows.len() <= ARRAY_ROWS_MAX {
        for &row in rows {
            out.extend_from_slice(&(row as u16).to_le_bytes());
        }
    } else {
        let start = out.len();
        out.resize(start + BITMAP_BYTES, 0);
        let bits = &mut out[start..];
        for &row in rows {
            bits[usize::from(row as u16 >> 3)] |= 1 << (row & 7);
        }
    }
}

fn put_gaps(rows: &[u32], out: &mut Vec<u8>) {
    let mut next = 0;
    for &row in rows {
        varint::put(out, u64::from(row - next));
        next = row + 1;
    }
}

/// Appends the rows written as gaps, all below `limit`.
pub(crate) fn decode_gaps(bytes: &[u8], limit: u32, rows: &mut Vec<u32>) -> Result<(), IndexError> {
    rows.reserve(bytes.len());
    let mut next = 0_u64;
    let mut at = 0;
    while at < bytes.len() {
        // Most gaps take one byte: eight of them are read as one word.
        while let Some(word) = bytes.get(at..).and_then(<[u8]>::first_chunk::<8>)
            && u64::from_le_bytes(*word) & 0x8080_8080_8080_8080 == 0
            && next + 8 * 0x80 <= u64::from(limit)
        {
            let mut row = next as u32;
            rows.extend(word.map(|gap| {
                let here = row + u32::from(gap);
                row = here + 1;
                here
            }));
            next = u64::from(row);
            at += 8;
        }
        if at < bytes.len() {
            let row = next.saturating_add(varint::get(bytes, &mut at)?);
            if row >= u64::from(limit) {
                return Err(beyond());
            }
            rows.push(row as u32);
            next = row + 1;
        }
    }
    Ok(())
}

/// The rows written in the Roaring format, all below `limit`.
pub(crate) fn decode_roaring(mut bytes: &[u8], limit: u32) -> Result<RoaringBitmap, IndexError> {
    let rows = RoaringBitmap::deserialize_from(&mut bytes)
        .map_err(|error| IndexError(format!("a set of rows: {error}")))?;
    if !bytes.is_empty() {
        return Err(IndexError("a set of rows is followed by more".into()));
    }
    if rows.max().is_some_and(|last| last >= limit) {
        return Err(beyond());
    }
    Ok(rows)
}

fn beyond() -> IndexError {
    IndexError("a row is beyond the last".into())
}
