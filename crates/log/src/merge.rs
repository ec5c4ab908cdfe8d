//! From many small segments to few large ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::error::LogError;
use crate::limits;
use crate::offload::SegmentFile;
use crate::output::{Output, segment_trails};
use crate::publish::{publish, sweep};
use crate::segment::SegmentHeader;
use crate::view::{MadeOf, View};

/// Merges one run of small neighbours, if there is one; none of those that are reserved.
pub(crate) fn merge(view: &View, reserved: &BTreeSet<u64>) -> Result<bool, LogError> {
    let storage = &*view.storage;
    let (run, trails, manifest) = {
        let state = view.state();
        let Some(run) = run_to_merge(&state.segments, reserved) else { return Ok(false) };
        (run, segment_trails(&state), state.manifest.clone())
    };
    let first = run[0].get()?;
    let meta = first.meta();
    let header = SegmentHeader {
        class: meta.class.clone(),
        policy: meta.policy,
        day: meta.day,
        state: meta.state,
        trails,
    };
    let mut output = Output::create(storage, "merge".into(), header)?;
    for file in &run {
        let path = file.entry.parquet();
        let segment = file.get()?;
        let scan = segment.scan(0..file.entry.rows as u32).map_err(LogError::segment(&path))?;
        for batch in scan.without_facets() {
            let batch = batch.map_err(LogError::segment(&path))?;
            for i in 0..batch.len() {
                // The merged segment is hashed when it is read back; hashing here too proves no more.
                output.push(&batch.unsealed(i).map_err(LogError::segment(&path))?)?;
            }
        }
    }
    let parts = run.iter().map(|f| (f.entry.file, f.made_of.clone())).collect();
    let merged = output.finish(storage, MadeOf::Merged(parts))?;
    merged.check(view)?;
    let gone: Vec<u64> = run.iter().map(|f| f.entry.file).collect();
    publish(view, manifest, vec![merged], &gone)?;
    sweep(view)?;
    Ok(true)
}

/// Neighbours of one policy, class and day that are worth one file: so many of about one size, so that every
/// record is rewritten a handful of times at most, however long the log grows.
fn run_to_merge(
    segments: &[Arc<SegmentFile>],
    reserved: &BTreeSet<u64>,
) -> Option<Vec<Arc<SegmentFile>>> {
    let size_class = |s: &SegmentFile| s.entry.rows.ilog2() / limits::MERGE_FAN_IN.ilog2();
    let mut runs: BTreeMap<_, Vec<&Arc<SegmentFile>>> = BTreeMap::new();
    // A stub stays as it is: it has nothing left that is worth rewriting.
    for file in segments.iter().filter(|file| !file.entry.is_stub()) {
        let run = runs.entry(file.entry.kind()).or_default();
        // What left this disk would come back by being merged.
        if file.away().is_some() || reserved.contains(&file.entry.file) {
            run.clear();
            continue;
        }
        if run.last().is_some_and(|last| size_class(last) != size_class(file)) {
            run.clear();
        }
        run.push(file);
        if run.len() < limits::MERGE_FAN_IN {
            continue;
        }
        let rows: u64 = run.iter().map(|f| f.entry.rows).sum();
        if rows <= limits::SEGMENT_ROWS_MAX {
            return Some(run.iter().map(|f| (*f).clone()).collect());
        }
        run.remove(0);
    }
    None
}

/// The most segments of one policy, class and day that are small enough to be merged with others.
pub(crate) fn debt(segments: &[Arc<SegmentFile>]) -> usize {
    let rows_max = limits::SEGMENT_ROWS_MAX / limits::MERGE_FAN_IN as u64;
    let mut waiting: BTreeMap<_, usize> = BTreeMap::new();
    let small = |f: &&Arc<SegmentFile>| {
        f.entry.rows <= rows_max && !f.entry.is_stub() && f.away().is_none()
    };
    for file in segments.iter().filter(small) {
        *waiting.entry(file.entry.kind()).or_default() += 1;
    }
    waiting.into_values().max().unwrap_or(0)
}
