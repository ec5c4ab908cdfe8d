//! The records that an erasure concerns: each candidate is read, and only what it says itself counts.

use std::collections::BTreeMap;

use indelible_event::{Entry, EventId, Micros, Part};
use indelible_index::Doc;
use indelible_index::query::Query;
use indelible_log::erasure::Seqs;
use indelible_log::record::{PartRef, Record, TrailNo};
use indelible_log::segment::{Segment, SegmentState};
use indelible_log::{LogError, SegmentHandle, TailError, View};
use roaring::RoaringBitmap;

use super::model::{HeldBack, LeftAs, TrailHits};
use super::subject::{Asked, Parts};
use crate::error::KeepError;
use crate::limits::{ERASURE_READ_ROWS, ERASURE_SAMPLE, ERASURE_TRIES_MAX};
use crate::progress::Progress;

/// Bytes of active files that are read at once.
const TAIL_BYTES: usize = 8 << 20;
const SYSTEM: TrailNo = TrailNo(0);
/// What a record of `_system` says in `what` under one of these categories explains nothing else, so it may go.
const EXPLAINS_NOTHING: [&str; 8] = [
    "data_access",
    "login",
    "login_failed",
    "permission_denied",
    "authentication",
    "authorization",
    "api_request",
    "api_request_error",
];

/// A hold that is in force.
pub(super) struct Held {
    pub id: String,
    pub reason: String,
    pub query: Query,
}

/// What was found so far.
pub(super) struct Finding<'a> {
    asked: &'a Asked,
    holds: &'a [Held],
    /// By trail and by which parts of them go.
    marks: BTreeMap<(TrailNo, [bool; 3]), Vec<u64>>,
    pub trails: BTreeMap<TrailNo, TrailHits>,
    /// Records that only mention it, and stay.
    pub mentioned: u64,
    pub mentioned_ids: Vec<String>,
    pub left: BTreeMap<(String, &'static str), LeftAs>,
    pub held: BTreeMap<String, HeldBack>,
}

/// Which rows of a segment can be what is looked for; all of them where that is not known.
pub(super) type Candidates<'a> = &'a dyn Fn(&SegmentHandle) -> Option<RoaringBitmap>;

impl<'a> Finding<'a> {
    pub fn new(asked: &'a Asked, holds: &'a [Held]) -> Finding<'a> {
        Finding {
            asked,
            holds,
            marks: BTreeMap::new(),
            trails: BTreeMap::new(),
            mentioned: 0,
            mentioned_ids: Vec::new(),
            left: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    /// The records, by trail and by which parts of them go.
    pub fn seqs(&self) -> BTreeMap<(TrailNo, [bool; 3]), Seqs> {
        let seqs = |seqs: &Vec<u64>| {
            let mut seqs = seqs.clone();
            seqs.sort_unstable();
            seqs.dedup();
            Seqs::from_ascending(seqs)
        };
        self.marks.iter().map(|(key, marked)| (*key, seqs(marked))).collect()
    }

    /// A record that is concerned though this log has nothing of it any more: a copy has.
    pub fn add(&mut self, trail: TrailNo, parts: [bool; 3], seq: u64) {
        self.marks.entry((trail, parts)).or_default().push(seq);
    }

    /// Which parts of a record go, if any do; the record's trail is meant already.
    pub fn verdict(asked: &Asked, trail: TrailNo, entry: &Entry<'_>, said: Parts<'_>) -> Verdict {
        let mut verdict = Verdict { parts: [false; 3], mentioned: false, stays: false };
        let own = trail == SYSTEM;
        let explains = own && !entry.category.is_some_and(|c| EXPLAINS_NOTHING.contains(&c));
        // What explains the rest of the log is judged, and goes, without its `what`.
        let judged = if explains { [said[0], said[1], None] } else { said };
        let reading = own && entry.category == Some("data_access");
        let hit = asked.wanted.is_in(entry.id, judged)
            || (reading || asked.mentions) && asked.wanted.is_mentioned(judged);
        if hit {
            verdict.parts = std::array::from_fn(|p| asked.parts[p] && judged[p].is_some());
        }
        if explains {
            verdict.stays = asked.wanted.is_mentioned([None, None, said[2]]);
        } else if !hit {
            verdict.mentioned = asked.wanted.is_mentioned(said);
        }
        verdict
    }

    /// Whether records of a trail can be meant.
    pub fn means(asked: &Asked, trail: TrailNo, name: &str) -> bool {
        trail == SYSTEM || asked.trail.as_ref().is_none_or(|only| only.as_str() == name)
    }

    fn look(&mut self, record: &Record<'_>, trail_name: &str) {
        if !Finding::means(self.asked, record.trail, trail_name) {
            return;
        }
        let said = readable(record);
        let verdict = Finding::verdict(self.asked, record.trail, &record.entry, said);
        if verdict.stays {
            let why = "it explains the rest of the log";
            self.leave(record.entry.action, why, record.entry.id);
        }
        if record.entry.recorded_by.is_some_and(|by| self.asked.wanted.is_in_text(by)) {
            let why = "the id of the credential that wrote it is in its entry, which never changes";
            self.leave(record.entry.action, why, record.entry.id);
        }
        if verdict.mentioned {
            self.mentioned += 1;
            if self.mentioned_ids.len() < ERASURE_SAMPLE {
                self.mentioned_ids.push(record.entry.id.to_string());
            }
        }
        if verdict.parts == [false; 3] {
            return;
        }
        self.add(record.trail, verdict.parts_of(self.asked, record), record.seq.0);
        let hits = self.trails.entry(record.trail).or_insert_with(|| TrailHits::of(trail_name));
        hits.count(record.entry.id, record.entry.recorded_at);
        let doc = Doc {
            pos: record.pos.0,
            trail: record.trail.0,
            trail_name,
            entry: record.entry,
            parts: said,
        };
        for hold in self.holds.iter().filter(|hold| hold.query.matches(&doc)) {
            let held = self.held.entry(hold.id.clone()).or_insert_with(|| HeldBack {
                hold: hold.id.clone(),
                reason: hold.reason.clone(),
                records: 0,
            });
            held.records += 1;
        }
    }

    fn leave(&mut self, action: &str, why: &'static str, id: EventId) {
        let left = self.left.entry((action.to_owned(), why)).or_insert_with(|| LeftAs {
            what: action.to_owned(),
            why: why.to_owned(),
            records: 0,
            ids: Vec::new(),
        });
        left.records += 1;
        if left.ids.len() < ERASURE_SAMPLE {
            left.ids.push(id.to_string());
        }
    }

    /// Looks through a whole log, sealed or not.
    pub fn search(
        &mut self,
        view: &View,
        candidates: Candidates<'_>,
        progress: &dyn Progress,
    ) -> Result<(), KeepError> {
        for _ in 0..ERASURE_TRIES_MAX {
            if self.search_once(view, candidates, progress)? {
                self.name_trails(view);
                return Ok(());
            }
            // What was live has been sealed meanwhile, so it is not where it was looked for.
            *self = Finding::new(self.asked, self.holds);
        }
        Err(KeepError::Busy)
    }

    fn search_once(
        &mut self,
        view: &View,
        candidates: Candidates<'_>,
        progress: &dyn Progress,
    ) -> Result<bool, KeepError> {
        let snapshot = view.snapshot();
        let rows: u64 = snapshot.segments.iter().map(|s| u64::from(s.rows())).sum();
        progress.stage("looking", Some(rows));
        let mut done = 0;
        for handle in &snapshot.segments {
            let segment = handle.segment()?;
            if segment.meta().state == SegmentState::Full && self.concerns(&segment) {
                match candidates(handle) {
                    Some(rows) => self.search_rows(view, handle, &rows)?,
                    None => self.search_segment(handle.name(), &segment)?,
                }
            }
            segment.forget_pages();
            done += u64::from(handle.rows());
            progress.done(done);
        }
        let mut at = snapshot.sealed_pos;
        let names: Vec<_> = view.infos();
        loop {
            let mut each = |record: &Record<'_>| {
                if let Some(info) = names.get(record.trail.0 as usize) {
                    self.look(record, info.name.as_str());
                }
            };
            match view.tail(at, TAIL_BYTES, &mut each) {
                Ok(next) if next == at || next >= snapshot.next_pos => return Ok(true),
                Ok(next) => at = next,
                Err(TailError::Gone { .. }) => return Ok(false),
                Err(TailError::Log(e)) => return Err(e.into()),
            }
        }
    }

    fn concerns(&self, segment: &Segment) -> bool {
        let spans = &segment.meta().trails;
        spans.iter().any(|span| Finding::means(self.asked, span.trail.no, &span.trail.name))
    }

    fn search_rows(
        &mut self,
        view: &View,
        handle: &SegmentHandle,
        rows: &RoaringBitmap,
    ) -> Result<(), KeepError> {
        let rows: Vec<u32> = rows.iter().collect();
        for rows in rows.chunks(ERASURE_READ_ROWS) {
            for record in view.read_rows(handle, rows) {
                let record = record?;
                let info = view.info(record.trail)?;
                self.look(&record.as_ref(), info.name.as_str());
            }
        }
        Ok(())
    }

    /// Looks through all rows of a segment, whoever's it is.
    fn search_segment(&mut self, path: &str, segment: &Segment) -> Result<(), KeepError> {
        let names: BTreeMap<TrailNo, String> =
            segment.meta().trails.iter().map(|s| (s.trail.no, s.trail.name.clone())).collect();
        each_row(path, segment, &mut |_, record| {
            self.look(record, names.get(&record.trail).map_or("", String::as_str));
            Ok(())
        })
    }

    /// Trails' names cannot be erased: they are in every proof that a trail was made.
    fn name_trails(&mut self, view: &View) {
        for info in view.infos() {
            if self.asked.wanted.is_in_text(info.name.as_str()) {
                let why = "the name of a trail is what its origin stands for";
                let left = LeftAs {
                    what: "trail".into(),
                    why: why.into(),
                    records: 1,
                    ids: vec![info.id.to_string()],
                };
                self.left.insert((info.id.to_string(), why), left);
            }
        }
    }
}

/// What is to become of one record.
pub(super) struct Verdict {
    /// The parts that go.
    pub parts: [bool; 3],
    /// It only mentions whom it is about.
    pub mentioned: bool,
    /// Its `what` says it, and stays.
    pub stays: bool,
}

impl Verdict {
    /// Which parts are recorded as erased: all that were asked for, so that few sets say it all; but of what explains
    /// the log its `what` is no part of it.
    pub fn parts_of(&self, asked: &Asked, record: &Record<'_>) -> [bool; 3] {
        let explains = record.trail == SYSTEM
            && !record.entry.category.is_some_and(|c| EXPLAINS_NOTHING.contains(&c));
        let [who, where_, what] = asked.parts;
        [who, where_, what && !explains]
    }
}

/// The parts of a record, as far as they are readable.
pub(super) fn readable<'r>(record: &Record<'r>) -> Parts<'r> {
    Part::ALL.map(|part| match record.parts[part as usize] {
        PartRef::Kept(bytes) => Some(bytes),
        PartRef::Absent | PartRef::Gone(_) => None,
    })
}

/// Shows all rows of a segment in order.
pub(super) fn each_row(
    path: &str,
    segment: &Segment,
    each: &mut dyn FnMut(u32, &Record<'_>) -> Result<(), KeepError>,
) -> Result<(), KeepError> {
    let damaged = |e: &dyn std::fmt::Display| {
        KeepError::from(LogError::Corrupt { path: path.into(), offset: 0, reason: e.to_string() })
    };
    let scan = segment.scan(0..segment.len()).map_err(|e| damaged(&e))?;
    for batch in scan.without_facets() {
        let batch = batch.map_err(|e| damaged(&e))?;
        for row in 0..batch.len() {
            // Nothing here needs the hash over the parts; what is rewritten is held against its leaf then.
            let record = batch.unsealed(row).map_err(|e| damaged(&e))?;
            each(batch.first_row() + row as u32, &record)?;
        }
    }
    Ok(())
}

impl TrailHits {
    fn of(name: &str) -> TrailHits {
        TrailHits { trail: name.to_owned(), ..TrailHits::default() }
    }

    fn count(&mut self, id: EventId, at: Micros) {
        self.records += 1;
        let text = at.to_string();
        if self.first.as_ref().is_none_or(|first| text < *first) {
            self.first = Some(text.clone());
        }
        if self.last.as_ref().is_none_or(|last| text > *last) {
            self.last = Some(text);
        }
        if self.sample.len() < ERASURE_SAMPLE {
            self.sample.push(id.to_string());
        }
    }
}
