//! Follows the log's end: what becomes durable goes into the live map.

use std::sync::Arc;
use std::time::Duration;

use indelible_log::record::Pos;
use indelible_log::{LogError, Seen, TailError};

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
    let _ended = Ended(shared);
    let mut seen = Seen::default();
    while !shared.stopping() {
        match step(shared) {
            Ok(true) => {}
            Ok(false) => {
                let now = shared.view.wait(seen, IDLE);
                if now.generation != seen.generation {
                    shared.update(|progress| progress.again = true);
                }
                seen = now;
            }
            Err(e) => {
                shared.update(|progress| progress.failure = Some(e.to_string()));
                let progress = shared.progress.lock().expect("nothing panics while holding it");
                drop(shared.changed.wait_timeout_while(progress, IDLE, |progress| !progress.stop));
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
fn step(shared: &Shared) -> Result<bool, LogError> {
    let before = shared.progress.lock().expect("nothing panics while holding the progress").indexed;
    let unit = unit_for(shared, before);
    let next = unit.map.read().expect("nothing panics while holding a live map").end;
    let (mut map, mut pushed) = (None, 0);
    let result = shared.view.tail(next, BATCH_BYTES, &mut |record| {
        // The lock is taken with the first record, so that an empty look at the file holds nobody up.
        map.get_or_insert_with(|| unit.map.write().expect("nothing panics while holding a live map"))
            .push(record);
        pushed += 1;
        if pushed % LOCKED_RECORDS == 0 {
            map = None;
        }
    });
    drop(map);
    let end = match result {
        Ok(end) => end,
        // The sealer was faster: what lies between is in segments, and the freezer takes it from there.
        Err(TailError::Gone { first }) => first,
        Err(TailError::Log(e)) => return Err(e),
    };
    if end > before {
        shared.update(|progress| {
            progress.indexed = end;
            progress.failure = None;
        });
    }
    Ok(end > before)
}

/// The live unit that the record at `next` goes to. Each active file has its own, so that a unit goes when
/// its file is sealed.
fn unit_for(shared: &Shared, next: Pos) -> Arc<LiveUnit> {
    let starts = shared.view.active_starts();
    let mut units = shared.units.write().expect("nothing panics while holding the units");
    let next = next.max(units.covered);
    if let Some(last) = units.live.last() {
        let end = last.map.read().expect("nothing panics while holding a live map").end;
        if end == next && (last.first == next || !starts.contains(&next)) {
            return last.clone();
        }
    }
    let unit = Arc::new(LiveUnit::new(next, shared.seed));
    units.live.push(unit.clone());
    unit
}
