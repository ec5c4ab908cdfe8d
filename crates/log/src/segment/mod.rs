//! A segment: an immutable, ordinary Parquet file of records, and its row table.
//!
//! Records lie in `pos` order, all of one retention class and one day. The file is complete without
//! us: DuckDB, pandas or Spark read it as it is. It holds what an entry is rebuilt from, the sealed
//! parts and their salts, and a few facets of them; entry and leaf hash are not stored, so that a
//! reader has to make them again and compare.
//!
//! - [`SegmentWriter`] writes one, and its row table, in one pass with bounded memory.
//! - [`Segment::scan`] reads rows in order, for verification, rebuilding and export.
//! - [`Segment::rows`] reads single rows, through the page index, one page a column.
//! - [`RowTable`] leads from an id or a sequence number to a row.
//!
//! Nothing here opens a file, and nothing trusts one: what is read is checked, and only the leaf hash
//! in the trail's tree says that a record is the one that was accepted.

mod batch;
mod decode;
mod meta;
mod needle;
mod packed;
mod pages;
mod reader;
mod rows;
mod schema;
mod sink;
mod writer;

pub use batch::{OwnedRecord, RowBatch};
pub use meta::{SegmentHeader, SegmentMeta, SegmentState, TrailInfo, TrailSpan};
pub use reader::{Scan, Segment};
pub use rows::{FileSeal, RowTable};
pub use writer::{Finished, SegmentWriter};

use indelible_event::Part;

use crate::record::{PartRef, Record, Salts};

/// Why a segment could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum SegmentError {
    /// The record does not belong here; nothing of it was written.
    #[error("record refused by the segment: {0}")]
    Refused(String),
    /// The bytes are not what a segment's writer leaves.
    #[error("segment damaged: {0}")]
    Damaged(String),
    /// Written by a version that this one does not know.
    #[error("{what} of version {found}, which this version cannot read")]
    Version {
        /// Which part of the format.
        what: &'static str,
        /// The version found.
        found: u64,
    },
    /// The Parquet library refused the bytes.
    #[error("segment damaged: {0}")]
    Parquet(#[from] parquet::errors::ParquetError),
    /// The bytes could not be written or read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
}

impl SegmentError {
    fn refused(why: impl Into<String>) -> SegmentError {
        SegmentError::Refused(why.into())
    }

    fn damaged(what: impl Into<String>) -> SegmentError {
        SegmentError::Damaged(what.into())
    }
}

/// Runs the Parquet library's own parsers, of the footer and of the page index. They are written for
/// files that were written well, and a panic in them is turned into an error here. What they parse has
/// passed its checksum before, so only a forged file comes so far; and whatever the closure touched is
/// dropped, so nothing half-changed is seen again.
fn guarded<T>(read: impl FnOnce() -> Result<T, SegmentError>) -> Result<T, SegmentError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .unwrap_or_else(|_| Err(SegmentError::damaged("the Parquet parser gave up")))
}

/// What stays of a record when it expires: its entry can still be rebuilt, its parts are
/// commitments, and its salts are gone, so that nothing is left to guess a part from.
///
/// `None` if a part that should be readable has no salt, so that its commitment cannot be made.
pub fn to_stub<'a>(record: &Record<'a>) -> Option<Record<'a>> {
    let mut parts = [PartRef::Absent; 3];
    for part in Part::ALL {
        parts[part as usize] = match commitment(record, part)? {
            Some(commitment) => PartRef::Gone(commitment),
            None => PartRef::Absent,
        };
    }
    Some(Record { parts, salts: Salts::Parts([None; 3]), ..*record })
}

/// The commitment to a part, made again where the part is readable: `Some(None)` if the event never
/// had it, `None` if the part is there and its salt is not.
fn commitment(record: &Record<'_>, part: Part) -> Option<Option<[u8; 32]>> {
    match record.parts[part as usize] {
        PartRef::Absent => Some(None),
        PartRef::Gone(commitment) => Some(Some(commitment)),
        PartRef::Kept(bytes) => {
            let salt = record.salts.of(part)?;
            Some(Some(indelible_event::seal::commitment(part, &salt, bytes)))
        }
    }
}

#[cfg(test)]
mod tests;
