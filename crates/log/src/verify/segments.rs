//! Segments: their bytes, every row of them, and what leads to a row.

use std::ops::Range;

use indelible_event::{Day, Entry, EventId, Facets, Micros, Part, RawFacets};
use indelible_merkle::{Hash, leaf_hash};

use super::gone::{GonePart, Stub};
use super::{Finding, Shared, is_told};
use crate::error::LogError;
use crate::manifest::{Left, ManifestSegment};
use crate::policy::Policy;
use crate::record::{KeptRecord, PartRef, Record, Salts, Seq, TrailNo};
use crate::segment::{RowBatch, Segment, SegmentState};
use crate::sha256;
use crate::trail::read_level;

/// The files must be the very bytes that were put in charge.
pub(super) fn check_files(shared: &Shared<'_>, index: usize) -> Result<(), LogError> {
    let entry = &shared.manifest.segments[index];
    let files = &shared.snapshot.segments[index];
    let parquet = shared.parquet(index);
    if parquet.is_err() && files.parquet.is_none() {
        // What follows from the rows cannot be told either, and is no finding of its own.
        shared.found().unread += 1;
    }
    let parquet = (entry.parquet(), parquet, entry.sha256);
    let row_table = (entry.row_table(), files.row_table.clone(), entry.rows_sha256);
    for (path, bytes, expected) in [parquet, row_table] {
        let bytes = match bytes {
            Ok(bytes) => bytes,
            Err(finding) => {
                shared.find(finding);
                continue;
            }
        };
        shared.found().bytes += bytes.len() as u64;
        if sha256(&bytes) != expected {
            let what = "the file's bytes are not those that were sealed".to_owned();
            shared.find(Finding { trail: None, seq: None, path, offset: None, what });
        }
    }
    Ok(())
}

/// The rows must be records that hash to their leaves.
pub(super) fn check_rows(
    shared: &Shared<'_>,
    index: usize,
    rows: Range<u32>,
) -> Result<(), LogError> {
    let entry = &shared.manifest.segments[index];
    let path = entry.parquet();
    let files = &shared.snapshot.segments[index];
    let (Ok(parquet), Ok(row_table)) = (shared.parquet(index), &files.row_table) else {
        // The check of the files says so.
        return Ok(());
    };
    let segment = Segment::open(parquet, row_table.clone()).map_err(LogError::segment(&path))?;
    let start = rows.start;
    if start == 0 {
        check_meta(shared, entry, &segment);
    }
    let mut rows_check = Rows {
        shared,
        path: &path,
        segment: &segment,
        leaves: Vec::new(),
        runs: Vec::new(),
        told: Vec::new(),
        gone: Vec::new(),
        keys: Vec::with_capacity(rows.len()),
        entry: Vec::with_capacity(1024),
        last_pos: None,
        last_at: Micros::MIN,
        positions: Vec::new(),
        day: Day(entry.day),
        policy: shared.policies.iter().find(|p| u64::from(p.number) == segment.meta().policy),
    };
    for batch in segment.scan(rows).map_err(LogError::segment(&path))? {
        let batch = batch.map_err(LogError::segment(&path))?;
        for i in 0..batch.len() {
            rows_check.row(&batch, i)?;
        }
        shared.count(batch.len() as u64);
        let mut found = shared.found();
        found.records += batch.len() as u64;
        found.sealed_records += batch.len() as u64;
    }
    let mut found = shared.found();
    for (no, runs) in rows_check.runs.into_iter().enumerate().filter(|(_, runs)| !runs.is_empty()) {
        found.sealed.entry(TrailNo(no as u32)).or_default().extend(runs);
    }
    found.positions.append(&mut rows_check.positions);
    found.recorded_at_max = found.recorded_at_max.max(rows_check.last_at.0);
    found.system.append(&mut rows_check.told);
    found.gone.append(&mut rows_check.gone);
    let keys = rows_check.keys;
    let of_segment = found.keys.entry(index).or_default();
    of_segment.insert(start, keys);
    // Whoever brings the last piece has them all.
    if of_segment.values().map(|keys| keys.len() as u64).sum::<u64>() < entry.rows {
        return Ok(());
    }
    let keys = found.keys.remove(&index).unwrap_or_default();
    drop(found);
    if let Err(e) = segment.check_table(keys.into_values().flatten()) {
        let (path, what) = (entry.row_table(), e.to_string());
        shared.find(Finding { trail: None, seq: None, path, offset: None, what });
    }
    Ok(())
}

/// A row's trail, seq and id.
pub(super) type RowKey = (TrailNo, Seq, EventId);

fn check_meta(shared: &Shared<'_>, entry: &ManifestSegment, segment: &Segment) {
    let meta = segment.meta();
    let find = |what: String| {
        shared.find(Finding { trail: None, seq: None, path: entry.parquet(), offset: None, what });
    };
    // What the rows must be checks the footer and the row table; here the manifest must say the same, or it
    // would keep readers from looking into this segment.
    let spans = meta.trails.iter().map(|t| (t.trail.no.0, t.first_seq.0, t.last_seq.0, t.rows));
    let seal = segment.table().seal();
    let state = match meta.state {
        SegmentState::Full => Left::Full,
        SegmentState::Stub { .. } => Left::Stub,
    };
    let same = (meta.class == entry.class && state == entry.state)
        && meta.policy == u64::from(entry.policy)
        && meta.day.0 == entry.day
        && (meta.first_pos.0, meta.last_pos.0, meta.rows)
            == (entry.first_pos, entry.last_pos, entry.rows)
        && spans.eq(entry.trails.iter().copied())
        && (seal.len, seal.id_range) == (entry.bytes, (entry.id_min, entry.id_max))
        && entry.file < shared.manifest.next_file;
    if !same {
        find("its footer does not say what the manifest says of it".into());
    }
    for span in &meta.trails {
        let info = shared.infos.get(span.trail.no.0 as usize);
        if info.is_none_or(|t| t.id.0 != span.trail.opaque || t.name.as_str() != span.trail.name) {
            find(format!(
                "its footer names a trail {} that is not the manifest's",
                span.trail.name
            ));
        }
    }
    if let SegmentState::Stub { expired_by } = meta.state {
        shared.found().stubs.push(Stub {
            path: entry.parquet(),
            expired_by,
            class: meta.class.clone(),
            policy: meta.policy,
            day: meta.day,
            first_pos: meta.first_pos.0,
            last_pos: meta.last_pos.0,
            rows: meta.rows,
        });
    }
}

/// The check of one piece of a segment.
struct Rows<'a> {
    shared: &'a Shared<'a>,
    path: &'a str,
    segment: &'a Segment,
    /// By trail number, leaves from some seq on.
    leaves: Vec<(u64, Vec<Hash>)>,
    /// By trail number, runs of seqs seen.
    runs: Vec<Vec<(u64, u64)>>,
    told: Vec<KeptRecord>,
    gone: Vec<GonePart>,
    /// What leads to the rows: the row table must be made of just these.
    keys: Vec<RowKey>,
    entry: Vec<u8>,
    last_pos: Option<u64>,
    /// The latest `recorded_at` so far.
    last_at: Micros,
    /// Runs of positions seen.
    positions: Vec<(u64, u64)>,
    day: Day,
    /// The policy that classed the records.
    policy: Option<&'a Policy>,
}

impl Rows<'_> {
    const LEAVES: u64 = 2048;

    fn row(&mut self, batch: &RowBatch, i: usize) -> Result<(), LogError> {
        let row = batch.first_row() + i as u32;
        let record = match batch.record(i) {
            Ok(record) => record,
            Err(e) => {
                self.find(None, row, e.to_string());
                return Ok(());
            }
        };
        self.entry.clear();
        record.entry.encode(&mut self.entry);
        let leaf = leaf_hash(&self.entry);
        let matches = self.leaf(&record)? == Some(leaf);
        if !matches {
            let what =
                "the record does not hash to its leaf: its entry, a part or a salt was changed";
            self.find(Some(&record), row, what.into());
        }
        self.place(&record, row);
        self.facets(&record, batch, i, row);
        self.parts(&record, row);
        // What is not the accepted record tells nothing, and may not even be an entry.
        if matches && is_told(&record) && Entry::decode(&self.entry).is_ok() {
            self.told.push(KeptRecord::copy(&record));
        }
        Ok(())
    }

    /// Order, day and class.
    fn place(&mut self, record: &Record<'_>, row: u32) {
        if self.last_pos.is_some_and(|last| record.pos.0 <= last) {
            self.find(Some(record), row, "its pos does not follow the one before".into());
        }
        self.last_pos = Some(record.pos.0);
        // Times never fall: a clock that was turned back, to date something earlier, shows.
        let at = record.entry.recorded_at;
        if at < self.last_at {
            self.find(
                Some(record),
                row,
                "its recorded_at is before that of an earlier record".into(),
            );
        }
        self.last_at = self.last_at.max(at);
        match self.positions.last_mut() {
            Some((_, end)) if *end == record.pos.0 => *end = end.saturating_add(1),
            _ => self.positions.push((record.pos.0, record.pos.0.saturating_add(1))),
        }
        let meta = self.segment.meta();
        let seqs = meta.trail(record.trail).map(|t| t.first_seq..=t.last_seq);
        if !(meta.first_pos..=meta.last_pos).contains(&record.pos)
            || seqs.is_none_or(|seqs| !seqs.contains(&record.seq))
        {
            self.find(Some(record), row, "its pos or seq is not in the footer's range".into());
        }
        let no = record.trail.0 as usize;
        if no >= self.shared.infos.len() {
            // A forged number must not decide how much memory is taken.
            return self.find(Some(record), row, "its trail is not in the manifest".into());
        }
        if self.runs.len() <= no {
            self.runs.resize_with(no + 1, Vec::new);
        }
        match self.runs[no].last_mut() {
            Some((_, end)) if *end == record.seq.0 => *end = end.saturating_add(1),
            _ => self.runs[no].push((record.seq.0, record.seq.0.saturating_add(1))),
        }
        let name = self.shared.infos.get(no).map_or("", |t| t.name.as_str());
        let class = self.policy.map(|policy| policy.class(name, &record.entry));
        if class != Some(meta.class.as_str()) || record.entry.recorded_at.day() != self.day {
            let what = format!("it does not belong into class {} of day {}", meta.class, self.day);
            self.find(Some(record), row, what);
        }
        self.keys.push((record.trail, record.seq, record.entry.id));
    }

    /// The facet columns must be what the parts say.
    fn facets(&self, record: &Record<'_>, batch: &RowBatch, i: usize, row: u32) {
        let [who, where_, what] = record.parts.map(|part| match part {
            PartRef::Kept(bytes) => Some(bytes),
            PartRef::Absent | PartRef::Gone(_) => None,
        });
        // Whether the bytes are UTF-8 is the leaf's to say: parts that hash to it were checked when they
        // were accepted, and columns equal to them are no less so.
        let raw = RawFacets::read(who, where_, what);
        if raw.is_ok_and(|raw| raw.say(&batch.facet_bytes(i))) {
            return;
        }
        match (batch.facets(i), Facets::read(who, where_, what)) {
            (Ok(stored), Ok(read)) if stored == read => {}
            (Ok(stored), Ok(read)) => {
                let column = first_difference(&stored, &read);
                let what = format!("facet column {column} does not say what the record says");
                self.find(Some(record), row, what);
            }
            _ => self.find(Some(record), row, "its facets cannot be read".into()),
        }
    }

    /// A part that is gone needs a reason, and a record that expired keeps nothing.
    fn parts(&mut self, record: &Record<'_>, row: u32) {
        let stub = matches!(self.segment.meta().state, SegmentState::Stub { .. });
        for part in Part::ALL {
            match record.parts[part as usize] {
                PartRef::Gone(_) if !stub => {
                    let path = self.path.to_owned();
                    self.gone.push(GonePart {
                        trail: record.trail,
                        seq: record.seq.0,
                        part,
                        path,
                        row,
                    });
                }
                PartRef::Kept(_) if stub => {
                    self.find(
                        Some(record),
                        row,
                        format!("it expired, and part {} is still there", part.name()),
                    );
                }
                _ => {}
            }
        }
        if stub && record.salts != Salts::Parts([None; 3]) {
            self.find(Some(record), row, "it expired, and salts of it are still there".into());
        }
    }

    fn leaf(&mut self, record: &Record<'_>) -> Result<Option<Hash>, LogError> {
        let no = record.trail.0 as usize;
        let (Some(info), Some(on_disk)) =
            (self.shared.infos.get(no), self.shared.manifest.trails.get(no))
        else {
            return Ok(None);
        };
        if self.leaves.len() <= no {
            self.leaves.resize_with(no + 1, || (0, Vec::new()));
        }
        let (start, hashes) = &mut self.leaves[no];
        let seq = record.seq.0;
        if !(*start..*start + hashes.len() as u64).contains(&seq) {
            let count = on_disk.sealed.saturating_sub(seq).min(Self::LEAVES) as usize;
            *hashes = read_level(self.shared.storage, info.id, 0, seq, count)?;
            *start = seq;
        }
        Ok(hashes.get((seq - *start) as usize).copied())
    }

    fn find(&self, record: Option<&Record<'_>>, row: u32, what: String) {
        self.shared.find(Finding {
            trail: record.and_then(|r| self.shared.trail_name(r.trail)),
            seq: record.map(|r| r.seq.0),
            path: self.path.to_owned(),
            offset: self.segment.offset_of(row),
            what: format!("row {row}: {what}"),
        });
    }
}

fn first_difference(a: &Facets<'_>, b: &Facets<'_>) -> &'static str {
    let columns = [
        ("actor_type", a.actor_type == b.actor_type),
        ("actor_id", a.actor_id == b.actor_id),
        ("actor_email", a.actor_email == b.actor_email),
        ("target_type", a.target_type == b.target_type),
        ("target_id", a.target_id == b.target_id),
        ("ip", a.ip == b.ip),
        ("service", a.service == b.service),
    ];
    columns.into_iter().find(|(_, same)| !same).map_or("?", |(name, _)| name)
}
