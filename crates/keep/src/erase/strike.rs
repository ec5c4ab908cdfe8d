//! The act itself, in one log: the sets made durable, the events, and the segments rewritten.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use indelible_event::{EventId, check};
use indelible_log::erasure::{self, ERASED, Seqs};
use indelible_log::record::{Seq, TrailNo};
use indelible_log::rewrite::{Change, Fate};
use indelible_log::segment::{Segment, SegmentError, SegmentState};
use indelible_log::storage::{Storage, replace_durably};
use indelible_log::{
    Appended, Incoming, Log, LogError, Receipt, Seams, SegmentHandle, View, hex, sha256,
};
use roaring::RoaringBitmap;
use serde_json::{Value, json};

use super::recorded::Head;
use super::subject::names;
use crate::deed::Who;
use crate::error::KeepError;
use crate::limits::{ERASURE_READ_ROWS, ERASURE_TRIES_MAX};
use crate::progress::Progress;

/// The records of one trail that lose the same parts, and the event that says so.
#[derive(Clone, Debug)]
pub(super) struct Stroke {
    pub event: EventId,
    pub trail: TrailNo,
    pub parts: [bool; 3],
    pub seqs: Seqs,
}

/// Makes the sets durable, and then records all intents, in one group where that holds them.
pub(super) fn record(
    log: &Log,
    seams: &Seams,
    who: &Who,
    head: &Head,
    sets: impl IntoIterator<Item = ((TrailNo, [bool; 3]), Seqs)>,
) -> Result<Vec<Stroke>, KeepError> {
    let storage = &*seams.storage;
    storage.create_dir(erasure::DIR).map_err(io(erasure::DIR))?;
    storage.sync_dir("").map_err(io(""))?;
    let stroke = |((trail, parts), seqs)| Stroke { event: new_id(seams), trail, parts, seqs };
    let strokes: Vec<Stroke> = sets.into_iter().map(stroke).collect();
    let mut events = Vec::with_capacity(strokes.len());
    for stroke in &strokes {
        let path = erasure::path(stroke.event);
        let companion = stroke.seqs.encode();
        replace_durably(storage, &path, &companion).map_err(io(&path))?;
        let status = log.view().trail(stroke.trail)?;
        let mut details = json!({
            "trail": status.info.id.to_string(), "parts": names(stroke.parts),
            "seqs": {"sha256": hex::encode(&sha256(&companion)), "count": stroke.seqs.count()},
            "of": strokes.len(),
            "before": {"size": status.size.0, "root": status.root.to_base64()},
        });
        head.add_to(&mut details);
        let event = json!({
            "id": stroke.event.to_string(), "action": ERASED, "category": "admin_action",
            "outcome": "pending", "phase": "intent", "actor": who.actor, "details": details,
            "targets": [{"type": "erasure", "id": head.erasure}],
        });
        events.push(checked(event, who)?);
    }
    let incoming = |event| Incoming { trail: TrailNo(0), event, recorded_by: None };
    let batch: Vec<Incoming<'_>> = events.iter().map(incoming).collect();
    for appended in log.append_own(&batch) {
        kept(appended?)?;
    }
    Ok(strokes)
}

/// Records how a stroke ended.
pub(super) fn record_end(
    log: &Log,
    who: &Who,
    head: &Head,
    stroke: &Stroke,
    details: Value,
) -> Result<Receipt, KeepError> {
    let event = json!({
        "action": ERASED, "category": "admin_action", "outcome": "success", "phase": "outcome",
        "ref": stroke.event.to_string(), "actor": who.actor, "details": details,
        "targets": [{"type": "erasure", "id": head.erasure}],
    });
    let event = checked(event, who)?;
    let incoming = Incoming { trail: TrailNo(0), event: &event, recorded_by: None };
    let appended =
        log.append_own(&[incoming]).pop().expect("appending gives a result for each event");
    kept(appended?)
}

fn kept(appended: Appended) -> Result<Receipt, KeepError> {
    match appended {
        Appended::Kept(receipt) => Ok(receipt),
        Appended::Conflict { id, .. } => Err(KeepError::Bad(format!("the id {id} is taken"))),
    }
}

fn checked(mut event: Value, who: &Who) -> Result<indelible_event::Checked, KeepError> {
    if let Some(context) = &who.context {
        event["context"] = context.clone();
    }
    check(event.to_string().as_bytes()).map_err(|e| KeepError::Bad(e.to_string()))
}

pub(super) fn new_id(seams: &Seams) -> EventId {
    let mut random = [0; 10];
    seams.entropy.fill(&mut random);
    EventId::v7((seams.clock.now().0 / 1000).max(0) as u64, random)
}

/// Takes the parts out of the segments of a log that is sealed as far as these records go. Done again, it does what is
/// left. Gives how many records lost a part.
pub(super) fn strike(
    log: &Log,
    strokes: &[Stroke],
    progress: &dyn Progress,
) -> Result<u64, KeepError> {
    let masks: BTreeSet<[bool; 3]> = strokes.iter().map(|stroke| stroke.parts).collect();
    let mut erased = 0;
    for parts in masks {
        let strokes: Vec<&Stroke> = strokes.iter().filter(|s| s.parts == parts).collect();
        erased += strike_parts(log, &strokes, parts, progress)?;
    }
    Ok(erased)
}

fn strike_parts(
    log: &Log,
    strokes: &[&Stroke],
    parts: [bool; 3],
    progress: &dyn Progress,
) -> Result<u64, KeepError> {
    let view = log.view();
    let mut erased = 0;
    for _ in 0..ERASURE_TRIES_MAX {
        let segments = view.segments();
        let mut changes = Vec::new();
        for handle in &segments {
            let rows = rows_left(view, handle, strokes, parts)?;
            if !rows.is_empty() {
                changes.push(Change { file: handle.file_no(), fate: Fate::Erase { rows, parts } });
            }
        }
        if changes.is_empty() {
            return Ok(erased);
        }
        let rows = |change: &Change| {
            let of = segments.iter().find(|segment| segment.file_no() == change.file);
            of.map_or(0, |segment| u64::from(segment.rows()))
        };
        progress.stage("rewriting", Some(changes.iter().map(rows).sum()));
        match log.rewrite(&changes, &[], &|done| progress.done(done)) {
            // Looked at once more, so that what was merged meanwhile is not missed.
            Ok(rewritten) => erased += rewritten.erased,
            // Segments may have been merged between the look and the act.
            Err(_) if other_segments(view, &segments) => {}
            Err(e) => return Err(e.into()),
        }
    }
    Err(KeepError::Busy)
}

fn other_segments(view: &View, before: &[SegmentHandle]) -> bool {
    let numbers = |segments: &[SegmentHandle]| -> Vec<u64> {
        segments.iter().map(SegmentHandle::file_no).collect()
    };
    numbers(&view.segments()) != numbers(before)
}

/// The rows of a segment that these strokes mean and that still have one of the parts.
fn rows_left(
    view: &View,
    handle: &SegmentHandle,
    strokes: &[&Stroke],
    parts: [bool; 3],
) -> Result<RoaringBitmap, KeepError> {
    let segment = handle.segment()?;
    let mut left = RoaringBitmap::new();
    if segment.meta().state != SegmentState::Full {
        return Ok(left);
    }
    let mut rows = RoaringBitmap::new();
    for stroke in strokes {
        rows |= rows_of(&segment, stroke.trail, &stroke.seqs).map_err(damaged(handle.name()))?;
    }
    let rows: Vec<u32> = rows.iter().collect();
    for rows in rows.chunks(ERASURE_READ_ROWS) {
        for (row, record) in rows.iter().zip(view.read_rows(handle, rows)) {
            let record = record?;
            let has =
                |part: indelible_event::Part| parts[part as usize] && record.part(part).is_some();
            if indelible_event::Part::ALL.into_iter().any(has) {
                left.insert(*row);
            }
        }
    }
    Ok(left)
}

/// The rows of a segment that are these records of a trail, whose number is the segment's own.
pub(super) fn rows_of(
    segment: &Segment,
    trail: TrailNo,
    seqs: &Seqs,
) -> Result<RoaringBitmap, SegmentError> {
    let mut rows = RoaringBitmap::new();
    let Some(span) = segment.meta().trail(trail) else { return Ok(rows) };
    for run in seqs.runs() {
        let (from, to) = (*run.start().max(&span.first_seq.0), *run.end().min(&span.last_seq.0));
        for seq in from..=to {
            rows.extend(segment.find_seq(trail, Seq(seq))?);
        }
    }
    Ok(rows)
}

pub(super) fn damaged(path: &str) -> impl FnOnce(SegmentError) -> KeepError {
    let path = path.to_owned();
    move |e| LogError::Corrupt { path, offset: 0, reason: e.to_string() }.into()
}

pub(super) fn io(path: &str) -> impl FnOnce(std::io::Error) -> KeepError {
    let path = path.to_owned();
    move |source| LogError::Io { path, source }.into()
}

/// Where rows of segments that left the disk are kept for a while.
const CACHE: &str = "cache";

/// Removes what was made of segments that are not in charge any more: their index files, which whoever writes to a
/// directory in the background has swept already, and what was fetched of them.
pub(super) fn sweep_stale(storage: &dyn Storage, view: &View) -> Result<(), KeepError> {
    let segments = view.segments();
    for dir in [indelible_store::INDEX, CACHE] {
        let names = match storage.list(dir) {
            Err(e) if e.kind() == ErrorKind::NotFound => continue,
            other => other.map_err(io(dir))?,
        };
        for name in names.iter().filter(|n| n.ends_with(".idx") || n.ends_with(".parquet")) {
            let of = |s: &SegmentHandle| {
                name.strip_prefix(s.name()).is_some_and(|rest| rest.starts_with('.'))
            };
            if segments.iter().any(of) {
                continue;
            }
            let path = format!("{dir}/{name}");
            match storage.remove(&path) {
                Err(e) if e.kind() != ErrorKind::NotFound => return Err(io(&path)(e)),
                _ => {}
            }
        }
        storage.sync_dir(dir).map_err(io(dir))?;
    }
    Ok(())
}
