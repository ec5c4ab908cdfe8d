//! Putting other segments in charge. Only the sealer's thread does it, so that the manifest has one owner.

use std::sync::Arc;

use crate::active;
use crate::error::LogError;
use crate::manifest::{Manifest, SEGMENTS, segment_name};
use crate::offload::SegmentFile;
use crate::output::{Fresh, half_made, remove_if_there};
use crate::record::Pos;
use crate::storage::Storage;
use crate::view::View;

/// Puts a new manifest in charge, on disk and then in memory: `fresh` segments come, `gone` ones leave, and
/// are deleted by [`sweep`].
pub(crate) fn publish(
    view: &View,
    mut manifest: Manifest,
    mut fresh: Vec<Fresh>,
    gone: &[u64],
) -> Result<(), LogError> {
    let storage = &*view.storage;
    let asides: Vec<[String; 2]> = fresh.iter().map(|f| half_made(&f.segment.entry)).collect();
    for entry in fresh.iter_mut().map(|f| &mut f.segment.entry) {
        entry.file = manifest.next_file;
        manifest.next_file += 1;
        let (first, last) = (Pos(entry.first_pos), Pos(entry.last_pos));
        let day = indelible_event::Day(entry.day).to_string();
        entry.name = segment_name(first, last, &entry.class, &day, entry.file);
    }
    let added: Vec<Arc<SegmentFile>> = fresh.into_iter().map(|f| Arc::new(f.segment)).collect();
    let leaves = manifest.segments.iter().filter(|s| gone.contains(&s.file));
    let leaves: Vec<String> = leaves.map(|s| s.name.clone()).collect();
    manifest.leaving.extend(leaves);
    manifest.segments.retain(|s| !gone.contains(&s.file));
    manifest.segments.extend(added.iter().map(|s| s.entry.clone()));
    manifest.segments.sort_by_key(|s| (s.first_pos, s.file));
    let placed = place(storage, &asides, &added).and_then(|()| manifest.store(storage));
    let mut state = view.state_mut();
    if let Err(e) = placed {
        // It may be in force on disk all the same, so the files it names must stay as they are until another
        // one is: the next try makes others.
        state.manifest.next_file = manifest.next_file;
        state.manifest.leaving.extend(added.iter().map(|s| s.entry.name.clone()));
        return Err(e);
    }
    let mut segments = Vec::clone(&state.segments);
    segments.retain(|s| !gone.contains(&s.entry.file));
    segments.extend(added);
    segments.sort_by_key(|s| (s.entry.first_pos, s.entry.file));
    state.segments = Arc::new(segments);
    let sealed_more = state.manifest.sealed_pos < manifest.sealed_pos;
    for (trail, on_disk) in state.trails.iter_mut().zip(&manifest.trails) {
        trail.min = on_disk.min;
        if sealed_more {
            trail.set_sealed(on_disk.sealed);
        }
    }
    if sealed_more {
        state.live.remove(0);
    }
    state.manifest = manifest;
    drop(state);
    view.watch.segments_changed();
    Ok(())
}

/// Gives finished files their names, durably.
fn place(
    storage: &dyn Storage,
    asides: &[[String; 2]],
    added: &[Arc<SegmentFile>],
) -> Result<(), LogError> {
    for ([parquet, rows], file) in asides.iter().zip(added) {
        for (from, to) in [(rows, file.entry.row_table()), (parquet, file.entry.parquet())] {
            storage.rename(from, &to).map_err(LogError::io(&to))?;
        }
    }
    match added {
        [] => Ok(()),
        _ => storage.sync_dir(SEGMENTS).map_err(LogError::io(SEGMENTS)),
    }
}

/// Deletes what the manifest on disk says is leaving. What cannot be deleted is said again by the next one.
pub(crate) fn sweep(view: &View) -> Result<(), LogError> {
    let storage = &*view.storage;
    let leaving = view.state().manifest.leaving.clone();
    if leaving.is_empty() {
        return Ok(());
    }
    for name in &leaving {
        for ending in ["parquet", "rows"] {
            remove_if_there(storage, &format!("{SEGMENTS}/{name}.{ending}"))?;
        }
    }
    storage.sync_dir(SEGMENTS).map_err(LogError::io(SEGMENTS))?;
    view.state_mut().manifest.leaving.clear();
    Ok(())
}

/// Deletes what a crash left over: files that were never put in charge, or no longer are. A file that
/// is not explained this way is left alone and reported as damage.
pub(crate) fn clean_up(
    storage: &dyn Storage,
    manifest: &mut Manifest,
) -> Result<Vec<String>, LogError> {
    let mut removed = Vec::new();
    for name in storage.list(SEGMENTS).map_err(LogError::io(SEGMENTS))? {
        let path = format!("{SEGMENTS}/{name}");
        if manifest.names(&name) {
            continue;
        }
        if manifest.is_over(&name) {
            storage.remove(&path).map_err(LogError::io(&path))?;
            removed.push(path);
        } else {
            return Err(LogError::corrupt(&path, 0, "a segment that the manifest does not know"));
        }
    }
    if !removed.is_empty() {
        storage.sync_dir(SEGMENTS).map_err(LogError::io(SEGMENTS))?;
    }
    manifest.leaving.clear();
    for first in active::list(storage)? {
        if first.0 < manifest.sealed_pos {
            for path in [active::path(first), active::mark_path(first)] {
                remove_if_there(storage, &path)?;
                removed.push(path);
            }
        }
    }
    Ok(removed)
}
