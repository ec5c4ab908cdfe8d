//! The row table: a segment's sidecar that leads from an id or a sequence number to a row.
//!
//! It is derived: everything in it can be made again from the segment's columns. It also carries the
//! checksums of the segment's footer and page index, so that these are known to be whole before a
//! parser sees them.
//!
//! All numbers are little-endian.
//!
//! ```text
//! header     136 bytes  magic, version, counts, the file it belongs to, least and greatest id, checksum
//! directory  8 a bucket end of the bucket (in entries), checksum of the bucket
//! entries    8 a row    fingerprint, row; ordered within their bucket
//! trails    40 a trail  trail number, first seq, lengths of its bitmaps, their checksum; then a checksum
//! bitmaps               two roaring bitmaps a trail: seq - first seq, and rows
//! ```

mod build;

use std::ops::Range;
use std::sync::OnceLock;

use bytes::Bytes;
use roaring::RoaringBitmap;

use super::SegmentError;
use crate::record::{Seq, TrailNo};

pub(super) use build::RowTableBuilder;

const MAGIC: &[u8; 8] = b"INDLROWS";
const VERSION: u32 = 1;
const HEADER_BYTES: usize = 136;
const BUCKET_BYTES: usize = 8;
const ENTRY_BYTES: usize = 8;
const TRAIL_BYTES: usize = 40;

/// What the row table says about the file it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileSeal {
    /// SHA-256 of the whole segment file.
    pub sha256: [u8; 32],
    /// Its length in bytes.
    pub len: u64,
    /// The least and the greatest id in it, over all trails; an id outside is not there.
    pub id_range: ([u8; 16], [u8; 16]),
    /// Where its page indexes begin.
    pub(super) index_start: u64,
    /// Where its footer begins.
    pub(super) footer_start: u64,
    /// CRC-32C of the page indexes.
    pub(super) index_crc: u32,
    /// CRC-32C of the footer, to the end of the file.
    pub(super) footer_crc: u32,
}

/// A hash of (trail, id), seeded by the file's own digest: ids are chosen by callers, who must not be
/// able to choose ones that crowd a bucket, and the digest depends on salts they never see.
struct IdHash([u64; 4]);

impl IdHash {
    fn new(seed: &[u8; 32]) -> IdHash {
        let mut words = [0; 4];
        for (word, bytes) in words.iter_mut().zip(seed.as_chunks::<8>().0) {
            *word = u64::from_le_bytes(*bytes);
        }
        IdHash(words)
    }

    fn hash(&self, trail: TrailNo, id: &[u8; 16]) -> u64 {
        let id = u128::from_le_bytes(*id);
        let first = fold(id as u64 ^ self.0[0], (id >> 64) as u64 ^ self.0[1]);
        fold(first ^ self.0[2], u64::from(trail.0) ^ self.0[3])
    }
}

/// Both halves of the product, so that every input bit reaches every output bit.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

fn bucket_of(hash: u64, bucket_count: usize) -> usize {
    (((hash >> 32) * bucket_count as u64) >> 32) as usize
}

/// A bucket's checksum covers its place and bounds too, so that a changed directory is noticed.
fn bucket_crc(bucket: usize, range: &Range<usize>, entries: &[u8]) -> u32 {
    let place = [bucket, range.start, range.end].map(|number| number as u32);
    let crc = place.iter().fold(0, |crc, number| crc32c::crc32c_append(crc, &number.to_le_bytes()));
    crc32c::crc32c_append(crc, entries)
}

/// A segment's row table, read in place.
#[derive(Debug)]
pub struct RowTable {
    bytes: Bytes,
    seal: FileSeal,
    rows: u32,
    bucket_count: usize,
    hash: IdHash,
    trails: Vec<Trail>,
}

impl std::fmt::Debug for IdHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IdHash")
    }
}

#[derive(Debug)]
struct Trail {
    no: TrailNo,
    rows: u32,
    first_seq: u64,
    seqs: Range<usize>,
    row_bits: Range<usize>,
    crc: u32,
    /// Filled by the first lookup in this trail.
    bitmaps: OnceLock<(RoaringBitmap, RoaringBitmap)>,
}

impl RowTable {
    /// Reads header and trail directory; everything else is checked when it is used.
    pub fn open(bytes: Bytes) -> Result<RowTable, SegmentError> {
        let mut header = Fields::section(&bytes, 0..HEADER_BYTES)?;
        if header.array::<8>()? != *MAGIC {
            return Err(damaged("the row table does not begin with its magic"));
        }
        let version = header.u32()?;
        if version != VERSION {
            return Err(SegmentError::Version { what: "row table", found: u64::from(version) });
        }
        if crc32c::crc32c(&bytes[..HEADER_BYTES - 4]).to_le_bytes()
            != bytes[HEADER_BYTES - 4..HEADER_BYTES]
        {
            return Err(damaged("the row table's header fails its checksum"));
        }
        let rows = header.u32()?;
        let bucket_count = header.u32()? as usize;
        let trail_count = header.u32()? as usize;
        let len = header.u64()?;
        // Fields are read in the order in which they are named here.
        let seal = FileSeal {
            sha256: header.array()?,
            len: header.u64()?,
            index_start: header.u64()?,
            footer_start: header.u64()?,
            index_crc: header.u32()?,
            footer_crc: header.u32()?,
            id_range: (header.array()?, header.array()?),
        };
        let trails_start = HEADER_BYTES + bucket_count * BUCKET_BYTES + rows as usize * ENTRY_BYTES;
        if bucket_count == 0 || len != bytes.len() as u64 {
            return Err(damaged("the row table's length is not what its header says"));
        }
        let trails = read_trails(&bytes, trails_start, trail_count)?;
        let hash = IdHash::new(&seal.sha256);
        Ok(RowTable { bytes, seal, rows, bucket_count, hash, trails })
    }

    /// The file this table belongs to.
    pub fn seal(&self) -> &FileSeal {
        &self.seal
    }

    /// The table as it is stored.
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// How many rows the segment has.
    pub fn rows(&self) -> u32 {
        self.rows
    }

    /// Rows that may hold this id of this trail. Nearly always none or the one; the caller compares
    /// the row, for two ids can share a fingerprint.
    pub fn find_id(
        &self,
        trail: TrailNo,
        id: &[u8; 16],
    ) -> Result<impl Iterator<Item = u32> + use<'_>, SegmentError> {
        let outside = *id < self.seal.id_range.0 || *id > self.seal.id_range.1;
        let hash = self.hash.hash(trail, id);
        let entries: &[u8] =
            if outside { &[] } else { self.bucket(bucket_of(hash, self.bucket_count))? };
        let fingerprint = (hash as u32).to_le_bytes();
        Ok(entries
            .as_chunks::<ENTRY_BYTES>()
            .0
            .iter()
            .filter(move |entry| entry[..4] == fingerprint)
            .map(|entry| u32::from_le_bytes([entry[4], entry[5], entry[6], entry[7]])))
    }

    /// A bucket's entries, checked.
    fn bucket(&self, bucket: usize) -> Result<&[u8], SegmentError> {
        let at = HEADER_BYTES + bucket * BUCKET_BYTES;
        let start = match bucket {
            0 => 0,
            _ => Fields::section(&self.bytes, at - BUCKET_BYTES..at)?.u32()? as usize,
        };
        let mut fields = Fields::section(&self.bytes, at..at + BUCKET_BYTES)?;
        let (end, crc) = (fields.u32()? as usize, fields.u32()?);
        if start > end || end > self.rows as usize {
            return Err(damaged("a bucket of the row table has impossible bounds"));
        }
        let base = HEADER_BYTES + self.bucket_count * BUCKET_BYTES;
        let entries = self
            .bytes
            .get(base + start * ENTRY_BYTES..base + end * ENTRY_BYTES)
            .ok_or_else(|| damaged("a bucket of the row table lies outside it"))?;
        if bucket_crc(bucket, &(start..end), entries) != crc {
            return Err(damaged("a bucket of the row table fails its checksum"));
        }
        Ok(entries)
    }

    /// The trails with rows here, with first seq and rows, by number.
    pub fn trails(&self) -> impl Iterator<Item = (TrailNo, Seq, u32)> + '_ {
        self.trails.iter().map(|trail| (trail.no, Seq(trail.first_seq), trail.rows))
    }

    /// The row of a sequence number: its rank among the trail's numbers, and the row of that rank.
    pub fn find_seq(&self, trail: TrailNo, seq: Seq) -> Result<Option<u32>, SegmentError> {
        let Some(trail) = self.trail(trail) else { return Ok(None) };
        let Some(offset) = seq.0.checked_sub(trail.first_seq) else { return Ok(None) };
        let Ok(offset) = u32::try_from(offset) else { return Ok(None) };
        let (seqs, rows) = self.bitmaps(trail)?;
        if !seqs.contains(offset) {
            return Ok(None);
        }
        let rank =
            u32::try_from(seqs.rank(offset) - 1).map_err(|_| damaged("a rank beyond 2^32"))?;
        Ok(rows.select(rank))
    }

    /// A trail's sequence numbers, less `first_seq` (see [`RowTable::trails`]).
    pub fn seqs(&self, trail: TrailNo) -> Result<Option<&RoaringBitmap>, SegmentError> {
        self.trail(trail).map(|trail| Ok(&self.bitmaps(trail)?.0)).transpose()
    }

    /// A trail's rows.
    pub fn trail_rows(&self, trail: TrailNo) -> Result<Option<&RoaringBitmap>, SegmentError> {
        self.trail(trail).map(|trail| Ok(&self.bitmaps(trail)?.1)).transpose()
    }

    fn trail(&self, no: TrailNo) -> Option<&Trail> {
        let at = self.trails.binary_search_by_key(&no, |trail| trail.no).ok()?;
        self.trails.get(at)
    }

    fn bitmaps<'a>(
        &self,
        trail: &'a Trail,
    ) -> Result<&'a (RoaringBitmap, RoaringBitmap), SegmentError> {
        if let Some(known) = trail.bitmaps.get() {
            return Ok(known);
        }
        let whole = self
            .bytes
            .get(trail.seqs.start..trail.row_bits.end)
            .ok_or_else(|| damaged("a trail's bitmaps lie outside the row table"))?;
        if crc32c::crc32c(whole) != trail.crc {
            return Err(damaged("a trail's bitmaps fail their checksum"));
        }
        let (seqs, rows) = whole.split_at(trail.seqs.len());
        let seqs = RoaringBitmap::deserialize_from(seqs)?;
        let rows = RoaringBitmap::deserialize_from(rows)?;
        let count = u64::from(trail.rows);
        if seqs.len() != count || rows.len() != count || rows.max() >= Some(self.rows) {
            return Err(damaged("a trail's bitmaps disagree with its directory"));
        }
        Ok(trail.bitmaps.get_or_init(|| (seqs, rows)))
    }
}

fn read_trails(bytes: &Bytes, start: usize, count: usize) -> Result<Vec<Trail>, SegmentError> {
    let crc_at = start + count * TRAIL_BYTES;
    let mut fields = Fields::section(bytes, start..crc_at + 4)?;
    if crc32c::crc32c(&bytes[start..crc_at]).to_le_bytes() != bytes[crc_at..crc_at + 4] {
        return Err(damaged("the row table's trails fail their checksum"));
    }
    let base = crc_at + 4;
    let mut trails: Vec<Trail> = Vec::with_capacity(count);
    let mut expected = 0;
    for _ in 0..count {
        let (no, rows) = (TrailNo(fields.u32()?), fields.u32()?);
        let (first_seq, at) = (fields.u64()?, fields.u64()?);
        let (seqs_len, rows_len) = (fields.u32()? as usize, fields.u32()? as usize);
        let crc = fields.u32()?;
        fields.u32()?;
        if at != expected as u64 || trails.last().is_some_and(|last| last.no >= no) {
            return Err(damaged("the row table's trails are out of order"));
        }
        let from = base + expected;
        expected += seqs_len + rows_len;
        trails.push(Trail {
            no,
            rows,
            first_seq,
            seqs: from..from + seqs_len,
            row_bits: from + seqs_len..from + seqs_len + rows_len,
            crc,
            bitmaps: OnceLock::new(),
        });
    }
    if base + expected != bytes.len() {
        return Err(damaged("the row table does not end with its bitmaps"));
    }
    Ok(trails)
}

fn damaged(what: &str) -> SegmentError {
    SegmentError::Damaged(what.to_owned())
}

/// Fixed-width fields of a section, read in order.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn section(bytes: &'a [u8], range: Range<usize>) -> Result<Fields<'a>, SegmentError> {
        bytes.get(range).map(Fields).ok_or_else(|| damaged("the row table is cut short"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], SegmentError> {
        let (head, rest) =
            self.0.split_first_chunk().ok_or_else(|| damaged("the row table is cut short"))?;
        self.0 = rest;
        Ok(*head)
    }

    fn u32(&mut self) -> Result<u32, SegmentError> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, SegmentError> {
        self.array().map(u64::from_le_bytes)
    }
}
