//! The index of a whole directory, kept in step with its log.
//!
//! What is sealed is answered from frozen maps, one beside each segment; what is not yet, from live maps in
//! memory, one for each active file. Two threads keep them up: one follows the log's end, so that what is
//! durable is searchable at once; one freezes, merges and rebuilds behind it. At every moment the units
//! that a query sees hold every record once, or the answer says what is missing.

mod files;
mod follow;
mod freeze;
mod units;
mod verify;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use indelible_log::record::Pos;
use indelible_log::storage::Storage;
use indelible_log::{Entropy, SegmentHandle, View};

use crate::error::StoreError;
use units::{FrozenUnit, LiveUnit};

pub(crate) use files::forge;
pub(crate) use units::doc;

pub use files::DIR as INDEX;
pub use units::{Found, UnitAt};
pub use verify::{IndexReport, reindex, verify_index};

/// How long a query waits for what is durable to become searchable.
const CATCH_UP_MAX: Duration = Duration::from_millis(50);

/// Records that may be durable and not yet searchable before appending waits.
const LAG_RECORDS_MAX: u64 = 100_000;

/// How long appending waits for the index: whoever asks much of it must not be able to stop the log.
const ROOM_WAIT_MAX: Duration = Duration::from_secs(1);

/// Records in live maps of sealed files that wait to be frozen. Where there are more, the oldest maps are made
/// from their segments later, and are missing until then.
const WAITING_RECORDS_MAX: u64 = 1_000_000;

/// The index of a directory.
pub struct Search {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
}

/// What the threads and the queries share.
struct Shared {
    view: Arc<View>,
    storage: Arc<dyn Storage>,
    /// The seed of the live maps' hash tables: secret, so that nobody can make terms collide.
    seed: u64,
    /// [`WAITING_RECORDS_MAX`], but for tests.
    waiting_max: u64,
    /// Changed by the two threads only.
    units: RwLock<Units>,
    progress: Mutex<Progress>,
    changed: Condvar,
}

/// The units that hold all records once.
#[derive(Default)]
struct Units {
    frozen: Vec<Arc<FrozenUnit>>,
    live: Vec<Arc<LiveUnit>>,
    /// Segments whose map is still being made and that no live map covers.
    missing: Vec<SegmentHandle>,
    /// Nothing below it is waited for from the log's end: segments have it.
    covered: Pos,
}

impl Units {
    /// Records in live maps, but for the newest.
    fn waiting(&self) -> u64 {
        let before = self.live.split_last().map_or(&[][..], |(_, before)| before);
        before.iter().map(|live| live.end().0 - live.first.0).sum()
    }
}

impl Progress {
    fn failure(&self) -> Option<String> {
        self.follow_failure.clone().or_else(|| self.freeze_failure.clone())
    }
}

#[derive(Default)]
struct Progress {
    /// All records below are in a live or frozen map, but for those of missing segments.
    indexed: Pos,
    stop: bool,
    /// The follower has ended, and nobody may wait for it.
    ended: bool,
    /// Why the follower does not get on.
    follow_failure: Option<String>,
    /// Why the freezer does not.
    freeze_failure: Option<String>,
    /// The freezer is at work.
    freezing: bool,
    /// Segments have changed or a map was found damaged, and the freezer should look again.
    again: bool,
    rebuilt: Option<Rebuilding>,
    /// Files of segments that were gone at this generation of the log's are gone, too.
    swept: Option<u64>,
}

/// How far the making of a missing map is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rebuilding {
    /// The segment.
    pub segment: String,
    /// Its rows so far.
    pub done: u32,
    /// Its rows.
    pub rows: u32,
}

/// Where the index is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexStatus {
    /// Durable records that are not searchable yet at the log's end.
    pub lag: u64,
    /// Records of segments whose map is being made.
    pub missing: u64,
    /// What is being made now.
    pub rebuilding: Option<Rebuilding>,
    /// Why it does not get on, if it does not.
    pub failure: Option<String>,
}

/// All units at one moment, newest first.
pub struct Snapshot {
    /// The units.
    pub units: Vec<UnitAt>,
    /// Records that cannot be found yet, because their map is being made.
    pub missing: u64,
    /// Below it everything is in the units, but for what is missing.
    pub end: Pos,
}

impl Shared {
    fn new(view: Arc<View>, storage: Arc<dyn Storage>, entropy: &dyn Entropy) -> Shared {
        let mut seed = [0; 8];
        entropy.fill(&mut seed);
        Shared {
            view,
            storage,
            seed: u64::from_le_bytes(seed),
            waiting_max: WAITING_RECORDS_MAX,
            units: RwLock::default(),
            progress: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().expect("nothing panics while holding the progress")
    }

    /// The progress must not be locked while holding it; the other way round is fine.
    fn units(&self) -> RwLockReadGuard<'_, Units> {
        self.units.read().expect("nothing panics while holding the units")
    }

    fn units_mut(&self) -> RwLockWriteGuard<'_, Units> {
        self.units.write().expect("nothing panics while holding the units")
    }

    fn update(&self, change: impl FnOnce(&mut Progress)) {
        change(&mut self.progress());
        self.changed.notify_all();
    }

    fn stopping(&self) -> bool {
        self.progress().stop
    }
}

impl Search {
    /// The index of a directory that this process writes to: follows it in the background.
    pub(crate) fn start(
        view: Arc<View>,
        storage: Arc<dyn Storage>,
        entropy: &dyn Entropy,
    ) -> Result<Search, StoreError> {
        let shared = Arc::new(Shared::new(view, storage, entropy));
        freeze::open_all(&shared);
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(name.into());
            thread.spawn(move || run(&shared)).map_err(StoreError::io(name))
        };
        let threads = vec![
            spawn("indelible-indexer", follow::run)?,
            spawn("indelible-freezer", freeze::run)?,
        ];
        Ok(Search { shared, threads })
    }

    /// The index of a directory as it is now, made in memory where it is not on disk.
    pub(crate) fn of(
        view: Arc<View>,
        storage: Arc<dyn Storage>,
        entropy: &dyn Entropy,
    ) -> Result<Search, StoreError> {
        let shared = Arc::new(Shared::new(view, storage, entropy));
        freeze::open_all(&shared);
        freeze::fill_in_memory(&shared);
        follow::to_the_end(&shared)?;
        let swept = Some(shared.view.seen().generation);
        shared.update(|progress| (progress.ended, progress.swept) = (true, swept));
        Ok(Search { shared, threads: Vec::new() })
    }

    /// All units as they are now. What was durable when this was called is in them, unless the follower is
    /// further behind than a moment.
    pub fn snapshot(&self) -> Snapshot {
        let wanted = self.shared.view.next_pos();
        let end = self.wait_indexed(wanted, CATCH_UP_MAX);
        let units = self.shared.units();
        let view = &self.shared.view;
        let frozen = units.frozen.iter().map(|unit| UnitAt::frozen(unit, view));
        let live = units.live.iter().filter_map(|unit| UnitAt::live(unit, view));
        let mut all: Vec<UnitAt> = live.chain(frozen).collect();
        all.sort_by_key(|unit| std::cmp::Reverse(indelible_index::search::Unit::span(unit).1));
        let missing = units.missing.iter().map(|segment| u64::from(segment.rows())).sum();
        Snapshot { units: all, missing, end }
    }

    /// Waits until everything before `pos` is searchable, but not for ever; gives how far it is.
    pub fn wait_indexed(&self, pos: Pos, timeout: Duration) -> Pos {
        let progress = self.shared.progress();
        let waits = |progress: &mut Progress| progress.indexed < pos && !progress.ended;
        let waited = self.shared.changed.wait_timeout_while(progress, timeout, waits);
        waited.expect("nothing panics while holding the progress").0.indexed
    }

    /// Waits a moment while the index is far behind, so that what is durable is searchable soon. An index
    /// that has failed holds nobody up.
    pub(crate) fn wait_for_room(&self) {
        let far = |progress: &Progress| {
            let lag = self.shared.view.next_pos().0.saturating_sub(progress.indexed.0);
            let many = self.shared.units().waiting() > self.shared.waiting_max;
            (lag > LAG_RECORDS_MAX || many) && !progress.ended && progress.follow_failure.is_none()
        };
        let progress = self.shared.progress();
        let far = |progress: &mut Progress| far(progress);
        drop(self.shared.changed.wait_timeout_while(progress, ROOM_WAIT_MAX, far));
    }

    /// Where it is.
    pub fn status(&self) -> IndexStatus {
        let units = self.shared.units();
        let missing = units.missing.iter().map(|segment| u64::from(segment.rows())).sum();
        drop(units);
        let next = self.shared.view.next_pos().0;
        let progress = self.shared.progress();
        IndexStatus {
            lag: next.saturating_sub(progress.indexed.0),
            missing,
            rebuilding: progress.rebuilt.clone(),
            failure: progress.failure(),
        }
    }

    /// Waits until every segment that has not expired has its map, nothing is being made, and the maps of
    /// segments that are gone are gone as well.
    pub fn wait_frozen(&self) -> Result<(), StoreError> {
        let sealed = |progress: &Progress| {
            let units = self.shared.units();
            let log = self.shared.view.snapshot();
            let (handles, sealed) = (freeze::with_terms(log.segments), log.sealed_pos);
            let swept = progress.swept >= Some(self.shared.view.seen().generation);
            let all = handles.iter().all(|segment| {
                units.frozen.iter().any(|unit| unit.handle.name() == segment.name())
            });
            !progress.freezing && swept && all && units.live.iter().all(|live| live.first >= sealed)
        };
        let mut progress = self.shared.progress();
        while !sealed(&progress) {
            if let Some(why) = progress.failure() {
                return Err(StoreError::file(INDEX, why));
            }
            if progress.ended || progress.stop {
                return Err(StoreError::file(INDEX, "the indexer has ended"));
            }
            let waited = self.shared.changed.wait_timeout(progress, Duration::from_millis(100));
            progress = waited.expect("nothing panics while holding the progress").0;
        }
        Ok(())
    }

    /// Throws a unit's map away that was found damaged; it is made again.
    pub fn damaged(&self, unit: &UnitAt) {
        let Some(unit) = unit.as_frozen() else { return };
        let segment = &unit.handle;
        // Whoever only reads the directory leaves the file alone.
        let writes = !self.threads.is_empty();
        let remade = if writes { None } else { files::in_memory(segment, self.shared.seed).ok() };
        let mut units = self.shared.units_mut();
        if unit.thrown.swap(true, Ordering::Relaxed) {
            // Another query found it first. The file may be a new one by now.
            return;
        }
        if writes {
            // If the file stays, it is found damaged again when it is next opened.
            let _ = files::remove(&*self.shared.storage, &files::path(segment));
        }
        if let Some(at) = units.frozen.iter().position(|frozen| Arc::ptr_eq(frozen, unit)) {
            match remade {
                Some(remade) => units.frozen[at] = remade,
                None => {
                    units.frozen.remove(at);
                    units.missing.push(segment.clone());
                }
            }
        }
        drop(units);
        self.shared.update(|progress| progress.again = true);
    }

    pub(crate) fn stop(&mut self) {
        self.shared.update(|progress| progress.stop = true);
        for thread in self.threads.drain(..) {
            // A thread that panicked has poisoned nothing that is used after this.
            drop(thread.join());
        }
    }
}

impl Drop for Search {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Tells when a thread ends, be it by a panic. After that the other ends as well: a follower without a
/// freezer would fill the memory.
struct Ended<'a> {
    shared: &'a Shared,
    follower: bool,
}

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        self.shared.update(|progress| {
            progress.ended |= self.follower;
            if std::thread::panicking() {
                progress.stop = true;
                let why = Some("the indexer panicked".into());
                match self.follower {
                    true => progress.follow_failure = why,
                    false => progress.freeze_failure = why,
                }
            }
        });
    }
}

#[cfg(test)]
mod tests;
