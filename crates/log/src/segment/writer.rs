//! Writing a segment: records in, a Parquet file and its row table out.

use std::io::Write;

use indelible_event::{Facets, Micros, Part};
use parquet::file::properties::WriterPropertiesPtr;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::SchemaDescPtr;
use sha2::Digest;

use super::SegmentError;
use super::meta::{SegmentHeader, SegmentMeta, SegmentState, TrailSpan};
use super::rows::{FileSeal, RowTableBuilder};
use super::schema::{self, COLUMNS, Col, PART, PART_COMMIT, PART_SALT, TABLE};
use super::sink::{AnyLane, HashingSink};
use crate::record::{PartRef, Pos, Record, Salts};

/// Rows a row group: what is in memory at once, compressed.
const ROW_GROUP_ROWS: usize = 250_000;
/// Rows collected before the columns are encoded: small enough to stay in the cache, a multiple of
/// the rows of an exact page, so that batches do not cut pages short.
const BATCH_ROWS: usize = 2_048;
const _: () = assert!(BATCH_ROWS.is_multiple_of(schema::EXACT_PAGE_ROWS));

/// Writes one segment.
///
/// Records come in `pos` order. Nothing is readable before [`SegmentWriter::finish`]: what is left of
/// an unfinished segment has no footer and no row table.
pub struct SegmentWriter<W: Write + Send> {
    header: SegmentHeader,
    file: SerializedFileWriter<HashingSink<W>>,
    schema: SchemaDescPtr,
    properties: WriterPropertiesPtr,
    lanes: Vec<AnyLane>,
    rows: RowTableBuilder,
    /// Latest `recorded_at` of each of the header's trails, by their place there.
    recorded_at: Vec<Option<Micros>>,
    recorded_at_min: Micros,
    first_pos: Option<Pos>,
    last_pos: Pos,
    waiting: usize,
    in_group: usize,
    row_group_rows: usize,
    /// Set by the first error, after which the columns may disagree about the rows.
    failed: bool,
}

/// A segment that was written whole.
#[derive(Debug)]
pub struct Finished<W> {
    /// Where the file was written to; flushed, not synced.
    pub out: W,
    /// What the footer says.
    pub meta: SegmentMeta,
    /// The file's digest, length and range of ids.
    pub seal: FileSeal,
    /// The bytes of the row table that belongs to it.
    pub row_table: Vec<u8>,
}

impl<W: Write + Send> SegmentWriter<W> {
    /// Begins a segment.
    pub fn new(out: W, header: SegmentHeader) -> Result<SegmentWriter<W>, SegmentError> {
        let mut names: Vec<&str> = header.trails.iter().map(|trail| trail.name.as_str()).collect();
        names.sort_unstable();
        let mut numbers: Vec<_> = header.trails.iter().map(|trail| trail.no).collect();
        numbers.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1])
            || numbers.windows(2).any(|pair| pair[0] == pair[1])
        {
            return Err(SegmentError::refused("two trails of one name or number"));
        }
        let schema = schema::descriptor()?;
        let properties = schema::writer_properties();
        let file = SerializedFileWriter::new(
            HashingSink::new(out),
            schema.root_schema_ptr(),
            properties.clone(),
        )?;
        let recorded_at = vec![None; header.trails.len()];
        Ok(SegmentWriter {
            header,
            file,
            lanes: lanes(&schema, &properties),
            schema,
            properties,
            rows: RowTableBuilder::default(),
            recorded_at,
            recorded_at_min: Micros(i64::MAX),
            first_pos: None,
            last_pos: Pos(0),
            waiting: 0,
            in_group: 0,
            row_group_rows: ROW_GROUP_ROWS,
            failed: false,
        })
    }

    /// Smaller row groups, so that a test reaches the second one.
    #[cfg(test)]
    pub(crate) fn with_row_group_rows(mut self, rows: usize) -> SegmentWriter<W> {
        self.row_group_rows = rows;
        self
    }

    /// Appends a record. A record that is refused leaves the segment as it was; after any other
    /// error the segment cannot be finished.
    pub fn push(&mut self, record: &Record<'_>) -> Result<(), SegmentError> {
        let kept = |part: Part| match record.parts[part as usize] {
            PartRef::Kept(bytes) => Some(bytes),
            PartRef::Absent | PartRef::Gone(_) => None,
        };
        let facets = Facets::read(kept(Part::Who), kept(Part::Where), kept(Part::What))
            .map_err(|error| SegmentError::refused(error.to_string()))?;
        self.push_with_facets(record, &facets)
    }

    /// Appends a record with facet columns that say what they are told to, true or not: what somebody
    /// would do who wants a record to be overlooked. Drills and tests need such a segment; verification
    /// tells it from an honest one.
    pub fn push_with_facets(
        &mut self,
        record: &Record<'_>,
        facets: &Facets<'_>,
    ) -> Result<(), SegmentError> {
        let trail = self.check(record)?;
        // The last thing that can refuse, so that a refused record leaves nothing behind.
        self.rows.push(record.trail, record.seq, &record.entry.id.0)?;

        let recorded_at = record.entry.recorded_at;
        self.recorded_at[trail] = self.recorded_at[trail].max(Some(recorded_at));
        self.recorded_at_min = self.recorded_at_min.min(recorded_at);
        self.first_pos.get_or_insert(record.pos);
        self.last_pos = record.pos;
        self.put_entry(record, trail);
        self.put_facets(facets);
        self.put_parts(record);
        self.waiting += 1;
        self.in_group += 1;
        if self.waiting == BATCH_ROWS || self.in_group == self.row_group_rows {
            let flushed = self.flush_batch();
            self.failed |= flushed.is_err();
            flushed?;
        }
        Ok(())
    }

    /// The place of the record's trail in the header, if the record belongs here.
    fn check(&self, record: &Record<'_>) -> Result<usize, SegmentError> {
        if self.failed {
            return Err(SegmentError::refused("writing this segment has failed before"));
        }
        let pos = record.pos.0;
        if self.first_pos.is_some() && pos <= self.last_pos.0 {
            let last = self.last_pos.0;
            return Err(SegmentError::refused(format!("pos {pos} comes after pos {last}")));
        }
        if i64::try_from(pos).is_err() || i64::try_from(record.seq.0).is_err() {
            return Err(SegmentError::refused("pos or seq beyond 2^63"));
        }
        if record.entry.recorded_at.day() != self.header.day {
            return Err(SegmentError::refused(format!(
                "recorded at {}, in a segment of {}",
                record.entry.recorded_at, self.header.day
            )));
        }
        let stub = matches!(self.header.state, SegmentState::Stub { .. });
        for part in Part::ALL {
            let kept = matches!(record.parts[part as usize], PartRef::Kept(_));
            let salted = match record.salts {
                Salts::Event(_) => true,
                Salts::Parts(salts) => salts[part as usize].is_some(),
            };
            if kept && (stub || !salted) {
                return Err(SegmentError::refused(format!(
                    "its part {} is kept, which a stub or a lost salt forbids",
                    part.name()
                )));
            }
        }
        if stub && record.salts != Salts::Parts([None; 3]) {
            return Err(SegmentError::refused("a stub with salts"));
        }
        // Trails usually come in the order of their numbers; a node may have very many.
        let trails = &self.header.trails;
        let at = record.trail.0 as usize;
        let straight = trails.get(at).is_some_and(|trail| trail.no == record.trail).then_some(at);
        straight
            .or_else(|| trails.iter().position(|trail| trail.no == record.trail))
            .ok_or_else(|| SegmentError::refused("its trail is not in the segment's header"))
    }

    fn put_entry(&mut self, record: &Record<'_>, trail: usize) {
        let entry = &record.entry;
        let lanes = &mut self.lanes;
        let mut int = |col: Col, value: Option<i64>| lanes[col as usize].put_int(value);
        // Both were checked to fit; a source's own number keeps its bits, its column is unsigned.
        int(Col::Pos, Some(record.pos.0 as i64));
        int(Col::Seq, Some(record.seq.0 as i64));
        int(Col::RecordedAt, Some(entry.recorded_at.0));
        int(Col::OccurredAt, entry.occurred_at.map(|at| at.0));
        int(Col::SourceSeq, entry.source.map(|source| source.seq as i64));
        let mut bytes = |col: Col, value: Option<&[u8]>| lanes[col as usize].put_bytes(value);
        bytes(Col::Trail, Some(self.header.trails[trail].name.as_bytes()));
        bytes(Col::Id, Some(&entry.id.0));
        bytes(Col::Action, Some(entry.action.as_bytes()));
        bytes(Col::Category, entry.category.map(str::as_bytes));
        bytes(Col::Outcome, Some(entry.outcome.name().as_bytes()));
        bytes(Col::Phase, entry.phase.map(|phase| phase.name().as_bytes()));
        bytes(Col::Ref, entry.reference.as_ref().map(|id| &id.0[..]));
        bytes(Col::SourceId, entry.source.as_ref().map(|source| &source.id[..]));
        bytes(Col::RecordedBy, entry.recorded_by.map(str::as_bytes));
    }

    fn put_facets(&mut self, facets: &Facets<'_>) {
        let columns = [
            (Col::ActorType, &facets.actor_type),
            (Col::ActorId, &facets.actor_id),
            (Col::ActorEmail, &facets.actor_email),
            (Col::TargetType, &facets.target_type),
            (Col::TargetId, &facets.target_id),
            (Col::Ip, &facets.ip),
            (Col::Service, &facets.service),
        ];
        for (col, value) in columns {
            self.lanes[col as usize].put_bytes(value.as_deref().map(str::as_bytes));
        }
    }

    fn put_parts(&mut self, record: &Record<'_>) {
        let (event_salt, part_salts) = match &record.salts {
            Salts::Event(salt) => (Some(&salt[..]), &[None; 3]),
            Salts::Parts(salts) => (None, salts),
        };
        self.lanes[Col::Salt as usize].put_bytes(event_salt);
        for part in 0..3 {
            let (kept, gone) = match &record.parts[part] {
                PartRef::Absent => (None, None),
                PartRef::Kept(bytes) => (Some(*bytes), None),
                PartRef::Gone(commitment) => (None, Some(&commitment[..])),
            };
            self.lanes[PART[part] as usize].put_bytes(kept);
            self.lanes[PART_COMMIT[part] as usize].put_bytes(gone);
            let salt = part_salts[part].as_ref().map(|salt| &salt[..]);
            self.lanes[PART_SALT[part] as usize].put_bytes(salt);
        }
        // Null says that every stored part is plain; another codec does not exist yet.
        self.lanes[Col::Codec as usize].put_null();
    }

    fn flush_batch(&mut self) -> Result<(), SegmentError> {
        for lane in &mut self.lanes {
            lane.flush()?;
        }
        self.waiting = 0;
        if self.in_group == self.row_group_rows {
            self.close_group()?;
        }
        Ok(())
    }

    fn close_group(&mut self) -> Result<(), SegmentError> {
        let fresh = lanes(&self.schema, &self.properties);
        let full = std::mem::replace(&mut self.lanes, fresh);
        let mut group = self.file.next_row_group()?;
        for lane in full {
            let (bytes, closed) = lane.close()?;
            group.append_column(&bytes, closed)?;
        }
        group.close()?;
        self.in_group = 0;
        Ok(())
    }

    /// Writes what waits, page indexes and footer, and makes the row table.
    pub fn finish(mut self) -> Result<Finished<W>, SegmentError> {
        if self.failed {
            return Err(SegmentError::refused("writing this segment has failed before"));
        }
        if self.waiting > 0 {
            self.flush_batch()?;
        }
        if self.in_group > 0 {
            self.close_group()?;
        }
        let meta = self.meta()?;
        for pair in meta.to_key_values()? {
            self.file.append_key_value_metadata(pair);
        }
        // The library's buffer is emptied first, so that the tail begins with the page indexes.
        self.file.flush()?;
        let index_start = self.file.bytes_written() as u64;
        self.file.inner_mut().tail = Some(Vec::new());
        let mut sink = self.file.into_inner()?;
        sink.flush()?;
        let tail = sink.tail.take().unwrap_or_default();
        let footer_len = footer_len(&tail)?;
        let (index, footer) = tail.split_at(tail.len() - footer_len);
        let seal = FileSeal {
            sha256: sink.sha256.finalize().into(),
            len: sink.len,
            id_range: self.rows.id_range(),
            index_start,
            footer_start: index_start + index.len() as u64,
            index_crc: crc32c::crc32c(index),
            footer_crc: crc32c::crc32c(footer),
        };
        let row_table = self.rows.finish(&seal)?;
        Ok(Finished { out: sink.inner, meta, seal, row_table })
    }

    fn meta(&self) -> Result<SegmentMeta, SegmentError> {
        let first_pos =
            self.first_pos.ok_or_else(|| SegmentError::refused("a segment without records"))?;
        let header = &self.header;
        let mut trails: Vec<TrailSpan> = header
            .trails
            .iter()
            .zip(&self.recorded_at)
            .filter_map(|(trail, recorded_at)| {
                let (first_seq, last_seq, rows) = self.rows.span(trail.no)?;
                let recorded_at_max = (*recorded_at)?;
                Some(TrailSpan { trail: trail.clone(), first_seq, last_seq, rows, recorded_at_max })
            })
            .collect();
        trails.sort_by_key(|span| span.trail.no);
        Ok(SegmentMeta {
            class: header.class.clone(),
            policy: header.policy,
            day: header.day,
            state: header.state,
            first_pos,
            last_pos: self.last_pos,
            rows: self.rows.len() as u64,
            recorded_at_min: self.recorded_at_min,
            recorded_at_max: self.recorded_at.iter().flatten().max().copied().unwrap_or_default(),
            trails,
        })
    }
}

fn lanes(schema: &SchemaDescPtr, properties: &WriterPropertiesPtr) -> Vec<AnyLane> {
    let lanes: Vec<AnyLane> = TABLE
        .iter()
        .zip(schema.columns())
        .map(|(column, descr)| AnyLane::new(column, descr.clone(), properties.clone()))
        .collect();
    debug_assert_eq!(lanes.len(), COLUMNS);
    lanes
}

/// How many bytes of the tail are footer: the length that stands before the last four bytes, and
/// these eight themselves.
pub(super) fn footer_len(tail: &[u8]) -> Result<usize, SegmentError> {
    let (rest, magic) =
        tail.split_last_chunk::<4>().ok_or_else(|| SegmentError::damaged("no footer"))?;
    let (rest, len) =
        rest.split_last_chunk::<4>().ok_or_else(|| SegmentError::damaged("no footer"))?;
    let len = u32::from_le_bytes(*len) as usize;
    if magic != b"PAR1" || len > rest.len() {
        return Err(SegmentError::damaged("the file does not end with a Parquet footer"));
    }
    Ok(len + 8)
}
