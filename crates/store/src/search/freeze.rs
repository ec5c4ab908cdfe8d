//! Keeps a frozen map beside every segment, and takes live units out of the way that all segments took
//! over.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use indelible_log::SegmentHandle;
use indelible_log::record::Pos;

use super::units::{FrozenUnit, LiveUnit};
use super::{Ended, Rebuilding, Shared, Units, files};
use crate::error::StoreError;

/// How long the freezer waits before it tries again what failed.
const RETRY: Duration = Duration::from_secs(1);

/// Maps by the name of their segment.
type Staged = BTreeMap<String, Arc<FrozenUnit>>;

/// Takes over the maps that are on disk.
pub(super) fn open_all(shared: &Shared) {
    let log = shared.view.snapshot();
    let (handles, sealed) = (log.segments, log.sealed_pos);
    let mut units = shared.units.write().expect("nothing panics while holding the units");
    for segment in handles {
        match files::open(&*shared.storage, &segment) {
            Some(unit) => units.frozen.push(unit),
            None => units.missing.push(segment),
        }
    }
    units.covered = sealed;
    drop(units);
    shared.update(|progress| progress.indexed = sealed);
}

/// Makes the missing maps in memory, for those who may not write.
pub(super) fn fill_in_memory(shared: &Shared) -> Result<(), StoreError> {
    let mut units = shared.units.write().expect("nothing panics while holding the units");
    for segment in std::mem::take(&mut units.missing) {
        units.frozen.push(files::in_memory(&segment, shared.seed)?);
    }
    Ok(())
}

/// The thread that freezes.
pub(super) fn run(shared: &Shared) {
    let _ended = Ended(shared);
    let mut staged = Staged::new();
    loop {
        let result = work(shared, &mut staged);
        let failed = result.is_err();
        shared.update(|progress| {
            progress.freezing = false;
            progress.rebuilt = None;
            match result {
                Ok(()) => {}
                Err(e) => progress.failure = Some(e.to_string()),
            }
        });
        let progress = shared.progress.lock().expect("nothing panics while holding the progress");
        let mut progress = if failed {
            let waited = shared.changed.wait_timeout_while(progress, RETRY, |progress| !progress.stop);
            waited.expect("nothing panics while holding the progress").0
        } else {
            let waited =
                shared.changed.wait_while(progress, |progress| !progress.again && !progress.stop);
            waited.expect("nothing panics while holding the progress")
        };
        if progress.stop {
            return;
        }
        (progress.again, progress.freezing) = (false, true);
    }
}

/// Makes what is missing, one map after the other, and lets each into the queries' sight.
fn work(shared: &Shared, staged: &mut Staged) -> Result<(), StoreError> {
    loop {
        let log = shared.view.snapshot();
    let (handles, sealed) = (log.segments, log.sealed_pos);
        {
            let units = shared.units.read().expect("nothing panics while holding the units");
            let known = |name: &str| handles.iter().any(|segment| segment.name() == name);
            staged.retain(|name, _| known(name));
            for unit in units.frozen.iter().filter(|unit| known(unit.handle.name())) {
                staged.insert(unit.handle.name().to_owned(), unit.clone());
            }
            // What was thrown away as damaged must not come back.
            for segment in &units.missing {
                staged.remove(segment.name());
            }
        }
        publish(shared, &handles, sealed, staged);
        let Some(segment) = next(shared, &handles, staged) else {
            // Maps of segments that are gone go last: queries that began earlier have them mapped.
            return files::sweep(&*shared.storage, &handles);
        };
        let made = make(shared, &segment, staged);
        if shared.stopping() {
            return Ok(());
        }
        match made {
            Ok(unit) => {
                staged.insert(segment.name().to_owned(), unit);
                let mut units = shared.units.write().expect("nothing panics while holding the units");
                units.missing.retain(|missing| missing.name() != segment.name());
                drop(units);
                publish(shared, &handles, sealed, staged);
            }
            // A merge may have deleted what was being read.
            Err(e) if shared.view.segments().iter().any(|s| s.name() == segment.name()) => {
                return Err(e);
            }
            Err(_) => {}
        }
    }
}

/// Which map to make next: those of what was just sealed first, for their live maps take memory; then what
/// cannot be found at all, newest first; merged ones last.
fn next(shared: &Shared, handles: &[SegmentHandle], staged: &Staged) -> Option<SegmentHandle> {
    let units = shared.units.read().expect("nothing panics while holding the units");
    let wanted = || handles.iter().rev().filter(|segment| !staged.contains_key(segment.name()));
    let live = wanted().find(|segment| units.live.iter().any(|live| covers(live, segment)));
    let missing = || {
        wanted().find(|segment| units.missing.iter().any(|missing| missing.name() == segment.name()))
    };
    live.or_else(missing).or_else(|| wanted().next()).cloned()
}

fn make(
    shared: &Shared,
    segment: &SegmentHandle,
    staged: &Staged,
) -> Result<Arc<FrozenUnit>, StoreError> {
    let storage = &*shared.storage;
    let (live, mut parts) = {
        let units = shared.units.read().expect("nothing panics while holding the units");
        let live = units.live.iter().find(|live| covers(live, segment)).cloned();
        let within = |unit: &&Arc<FrozenUnit>| is_part(&unit.handle, segment);
        (live, units.frozen.iter().filter(within).cloned().collect::<Vec<_>>())
    };
    if let Some(live) = live {
        return files::write(storage, segment, |out| files::from_live(segment, &live, out));
    }
    for unit in staged.values().filter(|unit| is_part(&unit.handle, segment)) {
        if !parts.iter().any(|part| part.handle.name() == unit.handle.name()) {
            parts.push(unit.clone());
        }
    }
    parts.sort_by_key(|part| part.handle.first_pos());
    let rows: u64 = parts.iter().map(|part| u64::from(part.handle.rows())).sum();
    // A single one of the same extent is not its neighbours merged but something rewritten.
    if parts.len() > 1 && rows == u64::from(segment.rows()) {
        let merged =
            files::write(storage, segment, |out| files::from_neighbours(segment, &parts, out));
        // A part that is damaged does not matter: the rows are there.
        if merged.is_ok() {
            return merged;
        }
    }
    let rows = segment.rows();
    let mut tell = |done: u32| {
        let rebuilt = Rebuilding { segment: segment.name().to_owned(), done, rows };
        shared.update(|progress| progress.rebuilt = Some(rebuilt));
    };
    files::write(storage, segment, |out| files::from_rows(segment, shared.seed, &mut tell, out))
}

/// Puts the maps in charge that are there: at every moment each record is in one unit, or in a segment
/// that is said to be missing.
fn publish(shared: &Shared, handles: &[SegmentHandle], sealed: Pos, staged: &Staged) {
    let mut guard = shared.units.write().expect("nothing panics while holding the units");
    let units: &mut Units = &mut guard;
    let ready = |segment: &SegmentHandle| staged.contains_key(segment.name());
    // What the follower still puts into a unit that goes here is in the segments, too: it goes on at `covered`.
    units.live.retain(|live| {
        let end = end(live);
        let taken_over =
            || handles.iter().filter(|segment| overlaps(live, segment)).all(ready);
        live.first >= sealed || end > sealed || !taken_over()
    });
    if units.live.iter().all(|live| live.first >= sealed) {
        units.covered = units.covered.max(sealed);
    }
    let before = std::mem::take(&mut units.frozen);
    units.missing.clear();
    for segment in handles {
        if units.live.iter().any(|live| overlaps(live, segment)) {
            if !units.live.iter().any(|live| covers(live, segment)) {
                units.missing.push(segment.clone());
            }
        } else if let Some(unit) = staged.get(segment.name()) {
            units.frozen.push(unit.clone());
        } else {
            let parts: Vec<_> =
                before.iter().filter(|unit| is_part(&unit.handle, segment)).cloned().collect();
            let rows: u64 = parts.iter().map(|part| u64::from(part.handle.rows())).sum();
            if rows == u64::from(segment.rows()) {
                units.frozen.extend(parts);
            } else {
                units.missing.push(segment.clone());
            }
        }
    }
}

fn end(live: &LiveUnit) -> Pos {
    live.map.read().expect("nothing panics while holding a live map").end
}

/// Whether the live unit has every record of the segment.
fn covers(live: &LiveUnit, segment: &SegmentHandle) -> bool {
    live.first <= segment.first_pos() && segment.last_pos() < end(live)
}

/// Whether they may have a record in common.
fn overlaps(live: &LiveUnit, segment: &SegmentHandle) -> bool {
    live.first <= segment.last_pos() && segment.first_pos() < end(live)
}

/// Whether one segment's records are some of the other's, made earlier.
fn is_part(part: &SegmentHandle, of: &SegmentHandle) -> bool {
    (part.class(), part.day()) == (of.class(), of.day())
        && of.first_pos() <= part.first_pos()
        && part.last_pos() <= of.last_pos()
        && part.name() != of.name()
}
