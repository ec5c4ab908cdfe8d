//! The table of values that few records share: fingerprints, not values.
//!
//! Of a value's stable hash the upper 36 bits count, in every file alike, so that tables can be merged
//! without the values. The topmost choose a bucket of about eight entries; an entry is the other bits
//! and the row.

use std::io;

use roaring::RoaringBitmap;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::file::{Fields, FileWriter, PagedFile, Section, bad};
use crate::doc::Field;
use crate::index::IndexError;

/// Bits of a hash that count.
const HASH_BITS: u32 = 36;
/// Bits of a row in a key.
const ROW_BITS: u32 = 28;
/// Entries of a bucket, about.
const BUCKET_ENTRIES: u64 = 8;
/// Entries of a bucket start in the directory of buckets.
const START_BYTES: u64 = 4;

const _: () = assert!(HASH_BITS + ROW_BITS == 64 && crate::limits::ROWS_MAX == 1 << ROW_BITS);

/// The stable hash of a value: the same in every file.
pub(crate) fn stable_hash(field: Field, value: &[u8]) -> u64 {
    xxh3_64_with_seed(value, field as u64)
}

/// An entry while it is sorted: the bits of the hash that count, then the row.
pub(crate) fn key(hash: u64, row: u32) -> u64 {
    (hash >> (64 - HASH_BITS)) << ROW_BITS | u64::from(row)
}

/// The row of such an entry.
pub(crate) fn row_of(key: u64) -> u32 {
    (key & ((1 << ROW_BITS) - 1)) as u32
}

/// How entries are laid out, which follows from how many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Shape {
    bucket_bits: u32,
    row_bits: u32,
    width: usize,
}

impl Shape {
    fn of(entries: u64, rows: u32) -> Shape {
        let bucket_bits = (entries / BUCKET_ENTRIES).checked_ilog2().unwrap_or(0).min(ROW_BITS);
        let row_bits = 32 - rows.saturating_sub(1).leading_zeros();
        let width = (HASH_BITS - bucket_bits + row_bits).div_ceil(8) as usize;
        Shape { bucket_bits, row_bits: row_bits.min(ROW_BITS), width }
    }

    fn buckets(&self) -> u64 {
        1 << self.bucket_bits
    }

    fn rest_bits(&self) -> u32 {
        HASH_BITS - self.bucket_bits
    }

    fn bucket(&self, key: u64) -> u64 {
        key.checked_shr(ROW_BITS + self.rest_bits()).unwrap_or(0)
    }

    fn rest(&self, key: u64) -> u64 {
        key >> ROW_BITS & ((1 << self.rest_bits()) - 1)
    }
}

/// Writes the table: `entries` keys, ascending.
pub(crate) fn write(
    out: &mut FileWriter<'_>,
    entries: u64,
    rows: u32,
    keys: &mut dyn Iterator<Item = io::Result<u64>>,
) -> io::Result<()> {
    let shape = Shape::of(entries, rows);
    let mut starts = Vec::with_capacity((shape.buckets() as usize + 1) * START_BYTES as usize);
    let mut count = 0_u32;
    let mut bucket = 0;
    let put_start = |starts: &mut Vec<u8>, count: u32| {
        starts.extend_from_slice(&count.to_le_bytes());
    };
    put_start(&mut starts, 0);
    for key in keys {
        let key = key?;
        while bucket < shape.bucket(key) {
            put_start(&mut starts, count);
            bucket += 1;
        }
        let entry = shape.rest(key) << shape.row_bits | u64::from(row_of(key));
        out.write(&entry.to_le_bytes()[..shape.width])?;
        count = count.checked_add(1).ok_or_else(|| io::Error::other("too many unique values"))?;
    }
    if u64::from(count) != entries {
        return Err(io::Error::new(io::ErrorKind::InvalidData, bad("unique entries are missing")));
    }
    while bucket < shape.buckets() {
        put_start(&mut starts, count);
        bucket += 1;
    }
    out.end(Section::UniqueEntries);
    out.write(&starts)?;
    out.end(Section::UniqueBuckets);
    Ok(())
}

/// The table in a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct UniqueTable {
    shape: Shape,
    entries: u64,
    rows: u32,
}

impl UniqueTable {
    /// Of a file, whose sections must be as long as its facts say.
    pub(crate) fn open(
        file: &PagedFile,
        entries: u64,
        rows: u32,
    ) -> Result<UniqueTable, IndexError> {
        let shape = Shape::of(entries, rows);
        let bytes = entries.checked_mul(shape.width as u64);
        if bytes != Some(file.len(Section::UniqueEntries))
            || file.len(Section::UniqueBuckets) != (shape.buckets() + 1) * START_BYTES
        {
            return Err(bad("the table of unique values is not as long as it should be"));
        }
        Ok(UniqueTable { shape, entries, rows })
    }

    /// How many entries it has.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// The rows whose value may have this hash.
    pub(crate) fn candidates(
        &self,
        file: &PagedFile,
        hash: u64,
    ) -> Result<RoaringBitmap, IndexError> {
        let key = key(hash, 0);
        let wanted = self.shape.rest(key);
        let mut rows = Vec::new();
        for (rest, row) in self.bucket(file, self.shape.bucket(key))? {
            if rest == wanted {
                self.check(row)?;
                rows.push(row);
            }
        }
        RoaringBitmap::from_sorted_iter(rows).map_err(|_| bad("unique rows do not ascend"))
    }

    fn check(&self, row: u32) -> Result<(), IndexError> {
        if row < self.rows { Ok(()) } else { Err(bad("a row is beyond the last")) }
    }

    fn bucket<'a>(
        &self,
        file: &'a PagedFile,
        bucket: u64,
    ) -> Result<impl Iterator<Item = (u64, u32)> + use<'a>, IndexError> {
        let from = bucket * START_BYTES;
        let mut fields = Fields(file.part(Section::UniqueBuckets, from..from + 2 * START_BYTES)?);
        let width = self.shape.width;
        let (start, end) = (u64::from(fields.u32()), u64::from(fields.u32()));
        let bytes = start * width as u64..end * width as u64;
        let row_bits = self.shape.row_bits;
        Ok(file.part(Section::UniqueEntries, bytes)?.chunks_exact(width).map(move |entry| {
            let entry = Fields(entry).number(width);
            (entry >> row_bits, (entry & ((1 << row_bits) - 1)) as u32)
        }))
    }

    /// The keys in order, each row plus `add`.
    pub(crate) fn keys<'a>(
        self,
        file: &'a PagedFile,
        add: u32,
    ) -> impl Iterator<Item = Result<u64, IndexError>> + use<'a> {
        let shape = self.shape;
        (0..shape.buckets()).flat_map(move |bucket| {
            let (entries, error) = match self.bucket(file, bucket) {
                Ok(entries) => (Some(entries), None),
                Err(error) => (None, Some(Err(error))),
            };
            let keys = entries.into_iter().flatten().map(move |(rest, row)| {
                self.check(row)?;
                let hash = bucket << shape.rest_bits() | rest;
                Ok(hash << ROW_BITS | u64::from(row + add))
            });
            keys.chain(error)
        })
    }
}
