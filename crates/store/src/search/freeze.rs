//! Keeps a frozen map beside every segment, and takes live units out of the way that all segments took
//! over.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use indelible_log::record::Pos;
use indelible_log::{LogError, MadeOf, SegmentHandle};

use super::units::{FrozenUnit, LiveUnit};
use super::{Ended, Progress, Rebuilding, Shared, Units, files};
use crate::error::StoreError;

/// How long the freezer waits before it tries again what failed, even if there is more to do.
const RETRY_MIN: Duration = Duration::from_secs(1);
/// And after many failures, where there is nothing new to do. Each try costs as much as one that works.
const RETRY_MAX: Duration = Duration::from_secs(32);

/// Maps by the name of their segment.
pub(super) type Staged = BTreeMap<String, Arc<FrozenUnit>>;

/// Those of which there is anything to find: of what has expired only entries are left, which nobody searches.
pub(super) fn with_terms(segments: Vec<SegmentHandle>) -> Vec<SegmentHandle> {
    segments.into_iter().filter(|segment| !segment.is_stub()).collect()
}

/// Takes over the maps that are on disk.
pub(super) fn open_all(shared: &Shared) {
    let log = shared.view.snapshot();
    let (handles, sealed) = (with_terms(log.segments), log.sealed_pos);
    let mut units = shared.units_mut();
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

/// Makes the missing maps in memory, for those who may not write. What cannot be read stays missing.
pub(super) fn fill_in_memory(shared: &Shared) {
    let missing = std::mem::take(&mut shared.units_mut().missing);
    for segment in missing {
        match files::in_memory(&segment, shared.seed) {
            Ok(unit) => shared.units_mut().frozen.push(unit),
            Err(e) => {
                shared.units_mut().missing.push(segment);
                shared.update(|progress| progress.freeze_failure = Some(e.to_string()));
            }
        }
    }
}

/// The thread that freezes.
pub(super) fn run(shared: &Shared) {
    let _ended = Ended { shared, follower: false };
    let mut staged = Staged::new();
    let mut retry = RETRY_MIN;
    loop {
        let result = work(shared, &mut staged);
        let failed = result.is_err();
        shared.update(|progress| {
            progress.freezing = false;
            progress.rebuilt = None;
            progress.freeze_failure = result.err().map(|e| e.to_string());
        });
        let stop = |progress: &mut Progress| !progress.stop;
        let idle = |progress: &mut Progress| !progress.again && !progress.stop;
        let mut progress = shared.progress();
        if failed {
            let waited = shared.changed.wait_timeout_while(progress, RETRY_MIN, stop);
            progress = waited.expect("nothing panics while holding the progress").0;
            let rest = retry.saturating_sub(RETRY_MIN);
            let waited = shared.changed.wait_timeout_while(progress, rest, idle);
            progress = waited.expect("nothing panics while holding the progress").0;
            retry = (retry * 2).min(RETRY_MAX);
        } else {
            retry = RETRY_MIN;
            let waited = shared.changed.wait_while(progress, idle);
            progress = waited.expect("nothing panics while holding the progress");
        }
        if progress.stop {
            return;
        }
        (progress.again, progress.freezing) = (false, true);
    }
}

/// Makes what is missing, one map after the other, and lets each into the queries' sight. A segment that
/// cannot be read keeps none of the others waiting.
pub(super) fn work(shared: &Shared, staged: &mut Staged) -> Result<(), StoreError> {
    let mut unreadable = BTreeSet::new();
    let mut failure = None;
    loop {
        let generation = shared.view.seen().generation;
        let handles = with_terms(shared.view.segments());
        let known: BTreeSet<&str> = handles.iter().map(SegmentHandle::name).collect();
        let of_use = |unit: &FrozenUnit| known.contains(unit.handle.name()) && !unit.is_thrown();
        for unit in &shared.units().frozen {
            staged.insert(unit.handle.name().to_owned(), unit.clone());
        }
        staged.retain(|_, unit| of_use(unit));
        publish(shared, staged);
        let Some(segment) = next(shared, &handles, staged, &unreadable) else {
            // Maps of segments that are gone go last: queries that began earlier have them mapped.
            files::sweep(&*shared.storage, &handles)?;
            shared.update(|progress| progress.swept = Some(generation));
            return failure.map_or(Ok(()), Err);
        };
        match make(shared, &segment, staged) {
            Ok(unit) => {
                staged.insert(segment.name().to_owned(), unit);
            }
            Err(_) if shared.stopping() => return Ok(()),
            // Nothing else can be written either.
            Err(e @ StoreError::Log(LogError::Io { .. })) => return Err(e),
            Err(e) => {
                // A merge may have deleted what was being read.
                if shared.view.segments().iter().any(|s| s.name() == segment.name()) {
                    failure.get_or_insert(e);
                }
                unreadable.insert(segment.name().to_owned());
            }
        }
    }
}

/// Which map to make next: those of what was just sealed first, for their live maps take memory; then what
/// cannot be found at all, newest first; merged ones last.
fn next(
    shared: &Shared,
    handles: &[SegmentHandle],
    staged: &Staged,
    unreadable: &BTreeSet<String>,
) -> Option<SegmentHandle> {
    let units = shared.units();
    let wanted = || {
        let open = |name: &str| !staged.contains_key(name) && !unreadable.contains(name);
        handles.iter().rev().filter(move |segment| open(segment.name()))
    };
    let live = wanted().find(|segment| units.live.iter().any(|live| covers(live, segment)));
    let missing = || {
        wanted()
            .find(|segment| units.missing.iter().any(|missing| missing.name() == segment.name()))
    };
    live.or_else(missing).or_else(|| wanted().next()).cloned()
}

fn make(
    shared: &Shared,
    segment: &SegmentHandle,
    staged: &Staged,
) -> Result<Arc<FrozenUnit>, StoreError> {
    let storage = &*shared.storage;
    let go_on = || !shared.stopping();
    let (live, before) = {
        let units = shared.units();
        // What was rewritten says less than the live map does.
        let whole = is_whole(segment.made_of());
        let live = units.live.iter().find(|live| whole && covers(live, segment)).cloned();
        (live, units.frozen.clone())
    };
    if let Some(live) = live {
        return files::write(storage, segment, &go_on, |out| files::from_live(segment, &live, out));
    }
    if let Some(parts) = parts_of(segment, before.iter().chain(staged.values())) {
        let merge = |out: &mut dyn Write| files::from_neighbours(segment, &parts, out);
        match files::write(storage, segment, &go_on, merge) {
            // A part that is damaged does not matter: the rows are there.
            Err(StoreError::File { .. }) => {}
            other => return other,
        }
    }
    let rows = segment.rows();
    let mut tell = |done: u32| {
        let rebuilt = Rebuilding { segment: segment.name().to_owned(), done, rows };
        shared.update(|progress| progress.rebuilt = Some(rebuilt));
        go_on()
    };
    let from_rows = |out: &mut dyn Write| files::from_rows(segment, shared.seed, &mut tell, out);
    files::write(storage, segment, &go_on, from_rows)
}

/// The maps of the segments that a segment was merged of, in order, if they are all there. That they have the
/// same extent would not do: they may be what it was before it was rewritten, and have what should be gone.
fn parts_of<'a>(
    segment: &SegmentHandle,
    units: impl Iterator<Item = &'a Arc<FrozenUnit>>,
) -> Option<Vec<Arc<FrozenUnit>>> {
    let units = units.filter(|unit| !unit.is_thrown());
    let units: BTreeMap<u64, _> = units.map(|unit| (unit.handle.file_no(), unit)).collect();
    let mut parts = Vec::new();
    gather(segment.made_of(), &units, &mut parts).then_some(parts)
}

fn gather(
    made_of: &MadeOf,
    units: &BTreeMap<u64, &Arc<FrozenUnit>>,
    parts: &mut Vec<Arc<FrozenUnit>>,
) -> bool {
    let MadeOf::Merged(merged) = made_of else { return false };
    merged.iter().all(|(file, made_of)| match units.get(file) {
        Some(unit) => {
            parts.push(Arc::clone(unit));
            true
        }
        None => gather(made_of, units, parts),
    })
}

/// Whether its records are as they were when they were sealed.
fn is_whole(made_of: &MadeOf) -> bool {
    match made_of {
        MadeOf::Unknown => false,
        MadeOf::Active => true,
        MadeOf::Merged(parts) => parts.iter().all(|(_, made_of)| is_whole(made_of)),
    }
}

/// Puts the maps in charge that are there: at every moment each record is in one unit, or in a segment
/// that is said to be missing.
pub(super) fn publish(shared: &Shared, staged: &Staged) {
    let mut guard = shared.units_mut();
    let units: &mut Units = &mut guard;
    // Asked for under the lock, so that what one thread publishes is never older than what the other did.
    let log = shared.view.snapshot();
    let (handles, sealed) = (with_terms(log.segments), log.sealed_pos);
    let before = std::mem::take(&mut units.frozen);
    let all = before.iter().chain(staged.values()).filter(|unit| !unit.is_thrown());
    let ready: BTreeMap<&str, _> = all.map(|unit| (unit.handle.name(), unit)).collect();
    // What the follower still puts into a unit that goes here it takes again.
    units.live.retain(|live| {
        let mut over = handles.iter().filter(|segment| overlaps(live, segment));
        !is_sealed(live, sealed) || !over.all(|segment| ready.contains_key(segment.name()))
    });
    // If freezing does not get on, the oldest go all the same, so that memory stays bounded.
    while units.waiting() > shared.waiting_max
        && let Some(oldest) = units.live.iter().position(|live| is_sealed(live, sealed))
    {
        units.live.remove(oldest);
    }
    if units.live.iter().all(|live| live.first >= sealed) {
        units.covered = units.covered.max(sealed);
    }
    units.missing.clear();
    for segment in handles {
        if units.live.iter().any(|live| overlaps(live, &segment)) {
            if !units.live.iter().any(|live| covers(live, &segment)) {
                units.missing.push(segment);
            }
        } else if let Some(unit) = ready.get(segment.name()) {
            units.frozen.push(Arc::clone(unit));
        } else if let Some(parts) = parts_of(&segment, before.iter()) {
            units.frozen.extend(parts);
        } else {
            units.missing.push(segment);
        }
    }
}

/// Whether segments have all of it.
fn is_sealed(live: &LiveUnit, sealed: Pos) -> bool {
    live.first < sealed && live.end() <= sealed
}

/// Whether the live unit has every record of the segment.
fn covers(live: &LiveUnit, segment: &SegmentHandle) -> bool {
    live.first <= segment.first_pos() && segment.last_pos() < live.end()
}

/// Whether they may have a record in common.
fn overlaps(live: &LiveUnit, segment: &SegmentHandle) -> bool {
    live.first <= segment.last_pos() && segment.first_pos() < live.end()
}
