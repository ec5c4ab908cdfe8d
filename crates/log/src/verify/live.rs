//! The active files: frames, checksums, order, and the leaves of records that no level file has yet.

use std::collections::{BTreeMap, HashSet};

use indelible_event::{EventId, Micros};
use indelible_merkle::leaf_hash;

use super::snapshot::ActiveBytes;
use super::{Finding, Shared, finding_of, is_told};
use crate::active;
use crate::error::LogError;
use crate::frame::{self, FILE_HEADER_LEN, FileHeader, Framed};
use crate::record::{KeptRecord, Pos, TrailNo};
use crate::trail::TrailInfo;
use crate::view::created_trail;

pub(super) fn check(shared: &Shared<'_>) -> Result<(), LogError> {
    let files = match &shared.snapshot.active {
        Ok(files) => files,
        Err(finding) => {
            shared.find(finding.clone());
            return Ok(());
        }
    };
    let mut live = Live {
        shared,
        next_pos: Pos(shared.manifest.sealed_pos),
        next_seq: shared.manifest.trails.iter().map(|t| t.sealed).collect(),
        trails: shared.infos.clone(),
        ids: HashSet::new(),
        last_at: shared.manifest.recorded_at_max(),
        leaves: BTreeMap::new(),
        told: Vec::new(),
    };
    if files.first().is_none_or(|file| file.first != live.next_pos) {
        let path = active::path(live.next_pos);
        return Err(LogError::corrupt(
            &path,
            0,
            "the active file that follows the segments is missing",
        ));
    }
    active::check_marks(shared.storage, live.next_pos)?;
    // Files at the end that were begun and hold nothing: a crash or a full disk left them, perhaps while the
    // file before went on.
    let header = FILE_HEADER_LEN as u64;
    let unused = |file: &&ActiveBytes| file.mark.max(file.bytes.len() as u64) <= header;
    let used = files.len() - files.iter().skip(1).rev().take_while(unused).count();
    for (i, file) in files[..used].iter().enumerate() {
        let is_last = i + 1 == used;
        if is_last && unused(&file) && FileHeader::decode(&file.bytes).is_err() {
            break;
        }
        if let Err(e) = live.file(file, is_last) {
            shared.find(finding_of(e, &active::path(file.first)));
            break;
        }
    }
    if let Some(gap) = files[used..].iter().find(|file| file.first > live.next_pos) {
        let what = "there is a gap before this active file";
        shared.find(finding_of(LogError::corrupt(&active::path(gap.first), 0, what), active::DIR));
    }
    let Live { leaves, told, trails, .. } = live;
    let mut found = shared.found();
    found.records += leaves.values().map(|l: &Vec<_>| l.len() as u64).sum::<u64>();
    found.live = leaves;
    found.system.extend(told);
    found.live_trails = trails.into_iter().skip(shared.infos.len()).collect();
    Ok(())
}

/// The check of all active files, in order.
struct Live<'a> {
    shared: &'a Shared<'a>,
    next_pos: Pos,
    next_seq: Vec<u64>,
    trails: Vec<TrailInfo>,
    ids: HashSet<(TrailNo, EventId)>,
    /// The latest `recorded_at` so far, beginning with the segments'.
    last_at: Micros,
    leaves: BTreeMap<TrailNo, Vec<indelible_merkle::Hash>>,
    told: Vec<KeptRecord>,
}

impl Live<'_> {
    fn file(&mut self, file: &ActiveBytes, is_last: bool) -> Result<(), LogError> {
        let ActiveBytes { first, mark, bytes } = file;
        let (first, mark) = (*first, *mark);
        let path = active::path(first);
        self.shared.found().bytes += bytes.len() as u64;
        let header = FileHeader::decode(bytes).map_err(LogError::frame(&path, 0))?;
        let expected = FileHeader { log_id: self.shared.manifest.log_id, first_pos: first };
        if header != expected || first != self.next_pos {
            return Err(LogError::corrupt(&path, 0, "this file belongs to another log or place"));
        }
        let mut at = FILE_HEADER_LEN;
        while at < bytes.len() {
            let group = match frame::group_at(bytes, at) {
                Ok(group) => group,
                Err(e) => return self.torn(&path, bytes, at, mark, is_last, &e),
            };
            if group.header.first_pos != self.next_pos || group.header.durable > at as u64 {
                return Err(LogError::corrupt(&path, at as u64, "a group is not in its place"));
            }
            for framed in group.records() {
                let framed = framed.map_err(LogError::frame(&path, at as u64))?;
                self.record(&path, &framed)?;
                self.next_pos = Pos(self.next_pos.0 + 1);
            }
            self.shared.count(u64::from(group.header.count));
            at = group.end() as usize;
        }
        if (at as u64) < mark {
            let why = format!("the file ends here, but was durable up to {mark}");
            return Err(LogError::corrupt(&path, at as u64, why));
        }
        Ok(())
    }

    /// The end of the last file may hold part of a group that nobody was told of.
    fn torn(
        &mut self,
        path: &str,
        bytes: &[u8],
        at: usize,
        mark: u64,
        is_last: bool,
        e: &frame::FrameError,
    ) -> Result<(), LogError> {
        let later = (at + 1..bytes.len()).find_map(|i| frame::header_here(&bytes[i..]));
        if is_last && (at as u64) >= mark && later.is_none() {
            let torn = bytes.len() - at;
            let note = format!(
                "{path}: {torn} bytes at offset {at} were never acknowledged; the next start cuts them off"
            );
            self.shared.found().notes.push(note);
            return Ok(());
        }
        Err(LogError::corrupt(path, at as u64, format!("{e}, where records were durable")))
    }

    fn record(&mut self, path: &str, framed: &Framed<'_>) -> Result<(), LogError> {
        let Framed { offset, frame, record } = framed;
        let no = record.trail.0 as usize;
        let find = |what: &str| {
            let trail = self.trails.get(no).map(|t| t.name.to_string());
            let (seq, offset) = (Some(record.seq.0), Some(*offset));
            self.shared.find(Finding {
                trail,
                seq,
                path: path.to_owned(),
                offset,
                what: what.into(),
            });
        };
        let Some(next) = self.next_seq.get(no).copied() else {
            return Err(LogError::corrupt(path, *offset, "its trail was never made"));
        };
        if record.seq.0 != next {
            find("its seq does not follow the one before");
        }
        if record.parts_hash() != Some(record.entry.parts_hash) {
            find("its parts are not those that its entry commits to");
        }
        if record.entry.recorded_at < self.last_at {
            find("its recorded_at is before that of an earlier record");
        }
        self.last_at = self.last_at.max(record.entry.recorded_at);
        if !self.ids.insert((record.trail, record.entry.id)) {
            find("its id occurs twice");
        }
        self.next_seq[no] = next + 1;
        self.leaves.entry(record.trail).or_default().push(leaf_hash(frame::entry_bytes(frame)));
        if is_told(record) {
            self.told.push(KeptRecord::copy(record));
        }
        match created_trail(record) {
            Ok(None) => {}
            Ok(Some(info)) if info.no.0 as usize == self.trails.len() => {
                self.trails.push(info);
                self.next_seq.push(0);
            }
            // The manifest may be newer than this file, and name the trail already.
            Ok(Some(info)) if self.trails.get(info.no.0 as usize) == Some(&info) => {}
            Ok(Some(_)) => find("it makes a trail out of turn"),
            Err(why) => find(&why),
        }
        Ok(())
    }
}
