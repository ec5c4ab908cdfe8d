//! Follows the log's end: what becomes durable goes into the live map.

use std::cell::OnceCell;
use std::sync::Arc;
use std::time::Duration;

use indelible_log::record::Pos;
use indelible_log::{LogError, TailError};

use super::freeze::{Staged, publish};
use super::units::LiveUnit;
use super::{Ended, Shared};

/// Bytes that are read at a time.
const BATCH_BYTES: usize = 256 << 10;
/// Records that are indexed before queries get a turn at the live map.
const LOCKED_RECORDS: usize = 256;
/// How long the follower sleeps where nothing happens, and until it tries again what failed.
const IDLE: Duration = Duration::from_millis(500);

/// The thread that follows.
pub(super) fn run(shared: &Shared) {
    let _ended = Ended { shared, follower: true };
    let mut generation = 0;
    while !shared.stopping() {
        // Looked at before each step, whatever that finds: under a load that never pauses, and where
        // reading fails, what is sealed has to be frozen all the same.
        let seen = shared.view.seen();
        if seen.generation != generation {
            generation = seen.generation;
            shared.update(|progress| progress.again = true);
        }
        let result = step(shared);
        let failure = result.as_ref().err().map(ToString::to_string);
        {
            let mut progress = shared.progress();
            if progress.follow_failure != failure {
                progress.follow_failure = failure;
                shared.changed.notify_all();
            }
        }
        match result {
            Ok(true) => {}
            Ok(false) if seen.closed => return,
            Ok(false) => drop(shared.view.wait(seen, IDLE)),
            Err(_) => {
                let waits = |progress: &mut super::Progress| !progress.stop;
                drop(shared.changed.wait_timeout_while(shared.progress(), IDLE, waits));
            }
        }
    }
}

/// Follows until there is nothing more, and then no further.
pub(super) fn to_the_end(shared: &Shared) -> Result<(), LogError> {
    while step(shared)? {}
    Ok(())
}

/// Takes the next batch; false if there is none.
pub(super) fn step(shared: &Shared) -> Result<bool, LogError> {
    let before = shared.progress().indexed;
    let next = before.max(shared.units().covered);
    let (unit, mut pushed) = (OnceCell::new(), 0);
    let mut writing = None;
    let result = shared.view.tail(next, BATCH_BYTES, &mut |record| {
        // Chosen only now that there is a record: by now the log knows the file that it lies in.
        let unit: &Arc<LiveUnit> = unit.get_or_init(|| unit_for(shared, next));
        writing.get_or_insert_with(|| unit.write()).push(record);
        pushed += 1;
        if pushed % LOCKED_RECORDS == 0 {
            writing = None;
        }
    });
    drop(writing);
    let end = match result {
        Ok(end) => end,
        // The sealer was faster. What lies between is in segments, and the freezer takes it from there;
        // until it has, queries must know that it is missing.
        Err(TailError::Gone { first }) => {
            publish(shared, &Staged::new());
            first
        }
        Err(TailError::Log(e)) => return Err(e),
    };
    if let Some(unit) = unit.get() {
        let units = shared.units();
        if !units.live.iter().any(|live| Arc::ptr_eq(live, unit)) {
            // The freezer let it go meanwhile, and knew of what was in it then. The rest is taken again.
            return Ok(true);
        }
        let many = units.waiting() > shared.waiting_max;
        drop(units);
        if many {
            publish(shared, &Staged::new());
        }
    }
    if end > before {
        shared.update(|progress| progress.indexed = end);
    }
    Ok(end > before)
}

/// The live unit that the record at `next` goes to. Each active file has its own, so that a unit goes when
/// its file is sealed.
fn unit_for(shared: &Shared, next: Pos) -> Arc<LiveUnit> {
    let starts = shared.view.active_starts();
    let mut units = shared.units_mut();
    if let Some(last) = units.live.last()
        && last.end() == next
        && !starts.contains(&next)
    {
        return last.clone();
    }
    let unit = Arc::new(LiveUnit::new(next, shared.seed));
    units.live.push(unit.clone());
    unit
}
