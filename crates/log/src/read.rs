//! Reading records: by seq, by row and by id, each checked against its leaf before anybody sees it.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::{Entry, EventId};
use indelible_merkle::{Hash, leaf_hash};

use crate::error::LogError;
use crate::follow::SegmentHandle;
use crate::limits;
use crate::live::LiveRow;
use crate::manifest;
use crate::offload::SegmentFile;
use crate::record::{KeptRecord, Seq, TrailNo};
use crate::segment::{OwnedRecord, Segment};
use crate::view::{State, View};

impl View {
    /// Records of a trail by seq, in the order asked for; each was re-hashed and compared with its leaf.
    /// The first that fails ends it.
    pub fn read(&self, trail: TrailNo, seqs: &[Seq]) -> Result<Vec<KeptRecord>, LogError> {
        self.read_each(trail, seqs).into_iter().collect()
    }

    /// Like [`View::read`], but a record that fails gives its own error, and the others their records.
    pub fn read_each(&self, trail: TrailNo, seqs: &[Seq]) -> Vec<Result<KeptRecord, LogError>> {
        self.read_each_of(&seqs.iter().map(|seq| (trail, *seq)).collect::<Vec<_>>())
    }

    /// Like [`View::read_each`], of several trails at once.
    pub fn read_each_of(&self, wanted: &[(TrailNo, Seq)]) -> Vec<Result<KeptRecord, LogError>> {
        let mut out: Vec<Option<Result<KeptRecord, LogError>>> = Vec::new();
        out.resize_with(wanted.len(), || None);
        let (mut live, mut sealed) = (Vec::new(), Vec::new());
        let mut floors = BTreeMap::new();
        let segments = {
            let state = self.state();
            for (i, (trail, seq)) in wanted.iter().enumerate() {
                match live_row(&state, *trail, *seq) {
                    Ok(Some(row)) => live.push((i, row)),
                    Ok(None) => {
                        sealed.push(i);
                        let of = state.trail(*trail).ok();
                        floors.entry(*trail).or_insert(of.map_or((0, 0), |t| (t.floor(), t.min)));
                    }
                    Err(e) => out[i] = Some(Err(e)),
                }
            }
            state.segments.clone()
        };
        let mut leaves = LeafCheck::new(self);
        for (i, row) in live {
            out[i] = Some(leaves.read_live(&row));
        }
        let mut by_segment: BTreeMap<u64, (&SegmentFile, Vec<usize>, Vec<u32>)> = BTreeMap::new();
        for i in sealed {
            let (trail, seq) = wanted[i];
            match find_seq(&segments, trail, seq) {
                Ok(Some((file, row))) => {
                    let new = || (file, Vec::new(), Vec::new());
                    let (_, items, rows) = by_segment.entry(file.entry.file).or_insert_with(new);
                    items.push(i);
                    rows.push(row);
                }
                Ok(None) => out[i] = Some(Err(self.in_no_file(trail, seq, floors[&trail]))),
                Err(e) => out[i] = Some(Err(e)),
            }
        }
        for (file, items, rows) in by_segment.into_values() {
            for (i, record) in items.into_iter().zip(leaves.read_rows(file, &rows)) {
                let (trail, seq) = wanted[i];
                out[i] = Some(match record {
                    Ok(record) if (record.trail, record.seq) != (trail, seq) => {
                        let why = format!("seq {} is not in it", seq.0);
                        Err(LogError::corrupt(&file.entry.parquet(), 0, why))
                    }
                    other => other,
                });
            }
        }
        out.into_iter().map(|r| r.expect("each was found live or sealed, or failed")).collect()
    }

    /// Why a record that was there is in no file: it has expired, or the manifest is damaged.
    fn in_no_file(&self, trail: TrailNo, seq: Seq, (floor, min): (u64, u64)) -> LogError {
        match self.info(trail) {
            Ok(info) if seq.0 < floor => {
                LogError::Expired { trail: info.name.to_string(), seq: seq.0, min }
            }
            _ => {
                let why = format!("trail number {} seq {} is in no file", trail.0, seq.0);
                LogError::corrupt(manifest::PATH, 0, why)
            }
        }
    }

    /// Rows of a segment, in the order asked for, each re-hashed and compared with its leaf. A row that
    /// fails gives its own error, and the others their records.
    pub fn read_rows(
        &self,
        segment: &SegmentHandle,
        rows: &[u32],
    ) -> Vec<Result<KeptRecord, LogError>> {
        LeafCheck::new(self).read_rows(&segment.0, rows)
    }
}

/// Where a record lies among the active files; `None` if it is in a segment.
fn live_row(state: &State, trail: TrailNo, seq: Seq) -> Result<Option<LiveRow>, LogError> {
    let of = state.trail(trail)?;
    if seq.0 >= of.size() {
        return Err(LogError::NotFound(format!(
            "trail {} has no seq {}: it has {} records",
            of.info.name,
            seq.0,
            of.size()
        )));
    }
    let files = state.live.iter().rev();
    Ok(files.filter_map(|f| f.row_of_seq(trail, seq).map(|row| f.row(row))).next())
}

fn find_seq(
    segments: &[Arc<SegmentFile>],
    trail: TrailNo,
    seq: Seq,
) -> Result<Option<(&SegmentFile, u32)>, LogError> {
    for file in segments.iter().rev().filter(|f| f.entry.may_hold_seq(trail, seq.0)) {
        let path = file.entry.parquet();
        if let Some(row) = file.table()?.find_seq(trail, seq).map_err(LogError::segment(&path))? {
            return Ok(Some((file, row)));
        }
    }
    Ok(None)
}

/// Looks an id up in segments, newest first.
pub(crate) fn find_in(
    segments: &[Arc<SegmentFile>],
    trail: TrailNo,
    id: EventId,
) -> Result<Option<Seq>, LogError> {
    for file in segments.iter().rev().filter(|f| f.entry.may_hold_id(trail, id)) {
        let path = file.entry.parquet();
        let rows: Vec<u32> =
            file.table()?.find_id(trail, &id.0).map_err(LogError::segment(&path))?.collect();
        if rows.is_empty() {
            // So a segment that left this disk is fetched for hardly any id that it does not have.
            continue;
        }
        let segment = file.get()?;
        // A fingerprint can be another id's: only the row itself tells. But the row may be damaged, and an
        // id that is then called absent would be appended a second time: so the table that led here must
        // lead here from what the row says, too.
        let records = segment.rows(&rows).map_err(LogError::segment(&path))?;
        for (row, record) in rows.into_iter().zip(&records) {
            let record = record.as_ref();
            let mut by_id =
                segment.find_id(record.trail, record.entry.id).map_err(LogError::segment(&path))?;
            let by_seq =
                segment.find_seq(record.trail, record.seq).map_err(LogError::segment(&path))?;
            if by_seq != Some(row) || !by_id.any(|found| found == row) {
                return Err(LogError::corrupt(
                    &path,
                    0,
                    format!("row {row} is not what the row table says"),
                ));
            }
            if record.trail == trail && record.entry.id == id {
                return Ok(Some(record.seq));
            }
        }
    }
    Ok(None)
}

/// Compares records with the leaves of their trails' trees, reading neighbours' leaves together.
struct LeafCheck<'a> {
    view: &'a View,
    blocks: BTreeMap<(TrailNo, u64), Vec<Hash>>,
}

impl<'a> LeafCheck<'a> {
    fn new(view: &'a View) -> Self {
        LeafCheck { view, blocks: BTreeMap::new() }
    }

    fn read_live(&mut self, row: &LiveRow) -> Result<KeptRecord, LogError> {
        let bytes = row.read()?;
        self.check(KeptRecord::copy(&bytes.record()?), &row.path)
    }

    fn read_rows(&mut self, file: &SegmentFile, rows: &[u32]) -> Vec<Result<KeptRecord, LogError>> {
        let path = file.entry.parquet();
        let segment = match file.get() {
            Ok(segment) => segment,
            Err(e) => return rows.iter().map(|_| Err(e.again())).collect(),
        };
        let mut check =
            |record: &OwnedRecord| self.check(KeptRecord::copy(&record.as_ref()), &path);
        match segment.rows(rows) {
            Ok(records) => records.iter().map(check).collect(),
            // One damaged page must not hide the rows that do not lie in it.
            Err(_) => rows
                .iter()
                .map(|row| one_row(&segment, *row, &path).and_then(|r| check(&r)))
                .collect(),
        }
    }

    fn leaf(&mut self, trail: TrailNo, seq: Seq, path: &str) -> Result<Hash, LogError> {
        const BLOCK: u64 = limits::LEAF_BLOCK;
        let start = seq.0 / BLOCK * BLOCK;
        let index = (seq.0 - start) as usize;
        if let Some(hash) = self.blocks.get(&(trail, start)).and_then(|block| block.get(index)) {
            return Ok(*hash);
        }
        let leaves = {
            let state = self.view.state();
            let of = state.trail(trail)?;
            if seq.0 >= of.size() {
                let why = format!("a record says it is seq {} of trail {}", seq.0, of.info.name);
                return Err(LogError::corrupt(path, 0, why));
            }
            of.leaves(Seq(start), (of.size() - start).min(BLOCK) as usize)?
        };
        let hashes = leaves.read(&*self.view.storage)?;
        let leaf = hashes[index];
        self.blocks.insert((trail, start), hashes);
        Ok(leaf)
    }

    /// Fails unless the entry hashes to its leaf and commits to just these parts.
    fn check(&mut self, record: KeptRecord, path: &str) -> Result<KeptRecord, LogError> {
        let leaf = self.leaf(record.trail, record.seq, path)?;
        // Of damaged columns an entry may have been encoded that is none, so it is decoded with care.
        let commits = |entry: Entry<'_>| record.parts_hash() == Some(entry.parts_hash);
        if leaf == leaf_hash(&record.entry) && Entry::decode(&record.entry).is_ok_and(commits) {
            return Ok(record);
        }
        Err(LogError::Mismatch {
            trail: self.view.state().trail(record.trail)?.info.name.to_string(),
            seq: record.seq.0,
            path: path.to_owned(),
        })
    }
}

fn one_row(segment: &Segment, row: u32, path: &str) -> Result<OwnedRecord, LogError> {
    let records = segment.rows(&[row]).map_err(LogError::segment(path))?;
    Ok(records.into_iter().next().expect("reading gives a record for each row"))
}
