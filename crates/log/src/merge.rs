//! From many small segments to few large ones.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::LogError;
use crate::limits;
use crate::manifest::SEGMENTS;
use crate::offload::SegmentFile;
use crate::sealer::{Outputs, check_all, publish, segment_trails};
use crate::segment::SegmentState;
use crate::view::View;

/// Merges one run of small neighbours, if there is one.
pub(crate) fn merge(view: &View) -> Result<bool, LogError> {
    let storage = &*view.storage;
    let (run, trails, manifest) = {
        let state = view.state();
        let Some(run) = run_to_merge(&state.segments) else { return Ok(false) };
        (run, segment_trails(&state), state.manifest.clone())
    };
    let mut outputs = Outputs::new(storage, &trails, manifest.next_file);
    for file in &run {
        let path = file.entry.parquet();
        let segment = file.get()?;
        let scan = segment.scan(0..file.entry.rows as u32).map_err(LogError::segment(&path))?;
        for batch in scan.without_facets() {
            let batch = batch.map_err(LogError::segment(&path))?;
            for i in 0..batch.len() {
                // The merged segment is hashed when it is read back; hashing here too proves no more.
                outputs.push(&batch.unsealed(i).map_err(LogError::segment(&path))?)?;
            }
        }
    }
    let merged = check_all(view, outputs.finish()?)?;
    let mut manifest = manifest;
    manifest.next_file += merged.len() as u64;
    let files: Vec<Arc<SegmentFile>> = merged.into_iter().map(|s| Arc::new(s.0)).collect();
    let gone: Vec<u64> = run.iter().map(|f| f.entry.file).collect();
    publish(view, manifest, &files, &gone)?;
    for file in &run {
        for path in [file.entry.parquet(), file.entry.row_table()] {
            storage.remove(&path).map_err(LogError::io(&path))?;
        }
    }
    storage.sync_dir(SEGMENTS).map_err(LogError::io(SEGMENTS))?;
    Ok(true)
}

/// Neighbours of one class and day that are worth one file: so many of about one size, so that every
/// record is rewritten a handful of times at most, however long the log grows.
fn run_to_merge(segments: &[Arc<SegmentFile>]) -> Option<Vec<Arc<SegmentFile>>> {
    let size_class = |s: &SegmentFile| s.entry.rows.ilog2() / limits::MERGE_FAN_IN.ilog2();
    let mut runs: BTreeMap<(&str, i32), Vec<&Arc<SegmentFile>>> = BTreeMap::new();
    for file in segments {
        let run = runs.entry((file.entry.class.as_str(), file.entry.day)).or_default();
        // What left this disk would come back by being merged.
        let away = file.away().is_some();
        if away || run.last().is_some_and(|last| size_class(last) != size_class(file)) {
            run.clear();
        }
        if away {
            continue;
        }
        run.push(file);
        if run.len() < limits::MERGE_FAN_IN {
            continue;
        }
        let rows: u64 = run.iter().map(|f| f.entry.rows).sum();
        // A stub stays as it is: it has nothing left that is worth rewriting.
        let whole =
            |f: &&Arc<SegmentFile>| f.get().is_ok_and(|s| s.meta().state == SegmentState::Full);
        if rows <= limits::SEGMENT_ROWS_MAX && run.iter().all(whole) {
            return Some(run.iter().map(|f| (*f).clone()).collect());
        }
        run.remove(0);
    }
    None
}

/// The most segments of one class and day that are small enough to be merged with others.
pub(crate) fn debt(segments: &[Arc<SegmentFile>]) -> usize {
    let rows_max = limits::SEGMENT_ROWS_MAX / limits::MERGE_FAN_IN as u64;
    let mut waiting: BTreeMap<(&str, i32), usize> = BTreeMap::new();
    for file in segments.iter().filter(|f| f.entry.rows <= rows_max && f.away().is_none()) {
        *waiting.entry((file.entry.class.as_str(), file.entry.day)).or_default() += 1;
    }
    waiting.into_values().max().unwrap_or(0)
}
