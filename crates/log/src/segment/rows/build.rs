//! Making a row table while a segment is written.

use roaring::RoaringBitmap;

use super::{
    BUCKET_BYTES, ENTRY_BYTES, FileSeal, HEADER_BYTES, IdHash, MAGIC, TRAIL_BYTES, VERSION,
    bucket_crc, bucket_of,
};
use crate::record::{Seq, TrailNo};
use crate::segment::SegmentError;

/// Entries a bucket holds on average: 512 bytes, which one lookup checksums and searches.
const BUCKET_ENTRIES: usize = 64;

/// Collects what the row table needs while rows are written.
#[derive(Debug, Default)]
pub(in crate::segment) struct RowTableBuilder {
    ids: Vec<(u32, [u8; 16])>,
    /// By trail number; a segment holds few trails, and neighbours are often of one.
    trails: Vec<TrailBuilder>,
    last: usize,
}

#[derive(Debug)]
struct TrailBuilder {
    no: TrailNo,
    first_seq: u64,
    last_seq: u64,
    seqs: Vec<u32>,
    rows: Vec<u32>,
}

impl RowTableBuilder {
    /// Takes the next row. Refuses a sequence number that does not grow within its trail.
    pub(in crate::segment) fn push(
        &mut self,
        trail: TrailNo,
        seq: Seq,
        id: &[u8; 16],
    ) -> Result<(), SegmentError> {
        let row = u32::try_from(self.ids.len())
            .map_err(|_| SegmentError::refused("a segment holds at most 2^32 rows"))?;
        if self.trails.get(self.last).is_none_or(|known| known.no != trail) {
            self.last = match self.trails.iter().position(|known| known.no == trail) {
                Some(at) => at,
                None => {
                    self.trails.push(TrailBuilder::new(trail, seq));
                    self.trails.len() - 1
                }
            };
        }
        self.trails[self.last].push(seq, row)?;
        self.ids.push((trail.0, *id));
        Ok(())
    }

    /// The rows taken so far.
    pub(in crate::segment) fn len(&self) -> usize {
        self.ids.len()
    }

    /// First and last sequence number and rows of a trail.
    pub(in crate::segment) fn span(&self, trail: TrailNo) -> Option<(Seq, Seq, u64)> {
        let known = self.trails.iter().find(|known| known.no == trail)?;
        Some((Seq(known.first_seq), Seq(known.last_seq), known.rows.len() as u64))
    }

    /// The least and the greatest id.
    pub(in crate::segment) fn id_range(&self) -> ([u8; 16], [u8; 16]) {
        let ids = || self.ids.iter().map(|(_, id)| *id);
        (ids().min().unwrap_or_default(), ids().max().unwrap_or_default())
    }

    /// The sidecar's bytes.
    pub(in crate::segment) fn finish(mut self, seal: &FileSeal) -> Result<Vec<u8>, SegmentError> {
        self.trails.sort_by_key(|trail| trail.no);
        let bucket_count = self.ids.len().div_ceil(BUCKET_ENTRIES).max(1);
        let (directory, entries) = self.hash_table(bucket_count, &seal.sha256);
        let mut trails = Vec::with_capacity(self.trails.len() * TRAIL_BYTES + 4);
        let mut bitmaps = Vec::new();
        for trail in &self.trails {
            trail.write(&mut trails, &mut bitmaps)?;
        }
        trails.extend_from_slice(&crc32c::crc32c(&trails).to_le_bytes());
        let len = HEADER_BYTES + directory.len() + entries.len() + trails.len() + bitmaps.len();

        let mut out = Vec::with_capacity(len);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&(self.ids.len() as u32).to_le_bytes());
        out.extend_from_slice(&(bucket_count as u32).to_le_bytes());
        out.extend_from_slice(&(self.trails.len() as u32).to_le_bytes());
        out.extend_from_slice(&(len as u64).to_le_bytes());
        out.extend_from_slice(&seal.sha256);
        out.extend_from_slice(&seal.len.to_le_bytes());
        out.extend_from_slice(&seal.index_start.to_le_bytes());
        out.extend_from_slice(&seal.footer_start.to_le_bytes());
        out.extend_from_slice(&seal.index_crc.to_le_bytes());
        out.extend_from_slice(&seal.footer_crc.to_le_bytes());
        out.extend_from_slice(&seal.id_range.0);
        out.extend_from_slice(&seal.id_range.1);
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&crc32c::crc32c(&out).to_le_bytes());
        debug_assert_eq!(out.len(), HEADER_BYTES);
        for section in [directory, entries, trails, bitmaps] {
            out.extend_from_slice(&section);
        }
        Ok(out)
    }

    /// Directory and entries, by counting sort over the buckets.
    fn hash_table(&self, bucket_count: usize, seed: &[u8; 32]) -> (Vec<u8>, Vec<u8>) {
        let hasher = IdHash::new(seed);
        let hashes: Vec<u64> =
            self.ids.iter().map(|(trail, id)| hasher.hash(TrailNo(*trail), id)).collect();
        let mut starts = vec![0u32; bucket_count + 1];
        for hash in &hashes {
            starts[bucket_of(*hash, bucket_count) + 1] += 1;
        }
        for bucket in 0..bucket_count {
            starts[bucket + 1] += starts[bucket];
        }
        let mut next = starts.clone();
        // Fingerprint above row in one number, so that sorting a bucket orders by both.
        let mut slots = vec![0u64; hashes.len()];
        for (row, hash) in hashes.iter().enumerate() {
            let slot = &mut next[bucket_of(*hash, bucket_count)];
            slots[*slot as usize] = (*hash << 32) | row as u64;
            *slot += 1;
        }
        let mut directory = Vec::with_capacity(bucket_count * BUCKET_BYTES);
        let mut entries = Vec::with_capacity(slots.len() * ENTRY_BYTES);
        for bucket in 0..bucket_count {
            let range = starts[bucket] as usize..starts[bucket + 1] as usize;
            let slots = &mut slots[range.clone()];
            slots.sort_unstable();
            let from = entries.len();
            for slot in slots {
                entries.extend_from_slice(&((*slot >> 32) as u32).to_le_bytes());
                entries.extend_from_slice(&(*slot as u32).to_le_bytes());
            }
            directory.extend_from_slice(&(range.end as u32).to_le_bytes());
            directory
                .extend_from_slice(&bucket_crc(bucket, &range, &entries[from..]).to_le_bytes());
        }
        (directory, entries)
    }
}

impl TrailBuilder {
    fn new(no: TrailNo, seq: Seq) -> TrailBuilder {
        TrailBuilder { no, first_seq: seq.0, last_seq: seq.0, seqs: Vec::new(), rows: Vec::new() }
    }

    fn push(&mut self, seq: Seq, row: u32) -> Result<(), SegmentError> {
        if !self.rows.is_empty() && seq.0 <= self.last_seq {
            return Err(SegmentError::refused(format!(
                "seq {} of trail {} comes after seq {}",
                seq.0, self.no.0, self.last_seq
            )));
        }
        let offset = u32::try_from(seq.0 - self.first_seq).map_err(|_| {
            SegmentError::refused("a trail's sequence numbers span more than 2^32 in one segment")
        })?;
        self.last_seq = seq.0;
        self.seqs.push(offset);
        self.rows.push(row);
        Ok(())
    }

    fn write(&self, directory: &mut Vec<u8>, bitmaps: &mut Vec<u8>) -> Result<(), SegmentError> {
        let start = bitmaps.len();
        let seqs_len = write_bitmap(&self.seqs, bitmaps)?;
        let rows_len = write_bitmap(&self.rows, bitmaps)?;
        directory.extend_from_slice(&self.no.0.to_le_bytes());
        directory.extend_from_slice(&(self.rows.len() as u32).to_le_bytes());
        directory.extend_from_slice(&self.first_seq.to_le_bytes());
        directory.extend_from_slice(&(start as u64).to_le_bytes());
        directory.extend_from_slice(&seqs_len.to_le_bytes());
        directory.extend_from_slice(&rows_len.to_le_bytes());
        directory.extend_from_slice(&crc32c::crc32c(&bitmaps[start..]).to_le_bytes());
        directory.extend_from_slice(&[0; 4]);
        Ok(())
    }
}

/// Appends the sorted numbers as a roaring bitmap and says how many bytes that took.
fn write_bitmap(sorted: &[u32], out: &mut Vec<u8>) -> Result<u32, SegmentError> {
    let mut bitmap = RoaringBitmap::from_sorted_iter(sorted.iter().copied())
        .map_err(|_| SegmentError::refused("rows out of order"))?;
    bitmap.optimize();
    let start = out.len();
    bitmap.serialize_into(&mut *out)?;
    u32::try_from(out.len() - start)
        .map_err(|_| SegmentError::refused("a bitmap of more than 4 GiB"))
}
