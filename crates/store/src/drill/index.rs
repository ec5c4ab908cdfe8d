//! Attacks on the index: a map that a forger wrote, whole in itself, so that a search overlooks something.

use indelible_index::{Doc, Live};
use indelible_log::{Seams, SegmentHandle, View};

use super::Stage;
use crate::error::StoreError;
use crate::search;

/// The drill's events have this word in common.
const WORD: &str = "payment";

/// Hides who did one of the drill's events: nothing finds it by its actor any more.
pub(super) fn remove_term(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |doc, nth| match nth {
        0 => Doc { parts: [None, doc.parts[1], doc.parts[2]], ..doc },
        _ => doc,
    })
}

/// Takes half of the drill's events out of what is found by their action.
pub(super) fn cut_posting(stage: &Stage, place: &Seams) -> Result<(), StoreError> {
    forge(stage, place, |mut doc, nth| {
        if nth % 2 == 0 && doc.entry.action.starts_with(WORD) {
            doc.entry.action = "payment.view";
        }
        doc
    })
}

/// Writes the map of the last segment with the drill's events anew, of records that were changed on the way.
fn forge(
    stage: &Stage,
    place: &Seams,
    change: impl for<'a> Fn(Doc<'a>, usize) -> Doc<'a>,
) -> Result<(), StoreError> {
    let view = View::open(place.storage.clone())?;
    let missing = || StoreError::NotFound("no segment holds the drill's events".into());
    let trail = view.trail_no(&stage.trail).ok_or_else(missing)?;
    let holds = |segment: &&SegmentHandle| {
        segment.segment().is_ok_and(|segment| segment.meta().trail(trail).is_some())
    };
    let handles = view.segments();
    let segment = handles.iter().rfind(holds).ok_or_else(missing)?;
    let bad = |e: &dyn std::fmt::Display| StoreError::file(segment.name(), e.to_string());
    let (mut live, mut nth) = (Live::new(0), 0);
    let rows = segment.segment()?;
    for batch in rows.scan(0..segment.rows()).map_err(|e| bad(&e))? {
        let batch = batch.map_err(|e| bad(&e))?;
        for row in 0..batch.len() {
            let record = batch.unsealed(row).map_err(|e| bad(&e))?;
            let doc = search::doc(&record);
            if record.trail == trail {
                live.push(&change(doc, nth));
                nth += 1;
            } else {
                live.push(&doc);
            }
        }
    }
    search::forge(&*place.storage, segment, &live)
}
