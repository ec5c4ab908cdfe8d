//! From a full active file to segments; and the thread that alone changes which segments are in charge.
//!
//! Promises: the active file goes only after every record of it was read back from a synced segment and
//! hashed to its leaf; a crash at any point leaves either the old files in charge or the new ones, never
//! both and never neither, because the manifest names one or the other.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, mpsc};

use crate::active;
use crate::error::LogError;
use crate::frame::{self, FILE_HEADER_LEN};
use crate::manifest::{Manifest, ManifestTrail};
use crate::merge::{debt, merge};
use crate::output::{Outputs, remove_if_there, segment_trails};
use crate::policy;
use crate::publish::{publish, sweep};
use crate::record::Pos;
use crate::segment::TrailInfo as SegmentTrail;
use crate::trail::{LevelTails, write_levels};
use crate::view::{State, View};

/// Something that only the sealer's thread may do.
type Task = Box<dyn FnOnce(&View) + Send>;

/// What the sequencer and the sealer tell each other.
#[derive(Default)]
pub(crate) struct Sealing {
    inner: Mutex<SealingInner>,
    changed: Condvar,
}

#[derive(Default)]
struct SealingInner {
    woken: bool,
    busy: bool,
    stop: bool,
    /// Nothing was appended for a while: where the log ended then.
    quiet_at: Option<Pos>,
    /// Somebody asked for all merging to be done.
    merge_all: bool,
    /// What others ask of this thread, in their order.
    tasks: VecDeque<Task>,
    /// File numbers of segments that are being written anew, and must stay as they are until then.
    reserved: BTreeSet<u64>,
    /// How many files were begun by writing segments anew.
    rewrites: u64,
    /// The thread is gone, and whoever waited for it would wait for ever.
    ended: bool,
    failure: Option<String>,
}

impl Sealing {
    fn lock(&self) -> MutexGuard<'_, SealingInner> {
        self.inner.lock().expect("nothing panics while holding this")
    }

    /// Asks the sealer to look for work.
    pub fn wake(&self) {
        let mut inner = self.lock();
        (inner.woken, inner.busy) = (true, true);
        self.changed.notify_all();
    }

    /// Nothing was appended for a while. Merging may go on for as long as the log still ends here.
    pub fn quiet_at(&self, end: Pos) {
        self.lock().quiet_at = Some(end);
        self.wake();
    }

    /// Lets the sealer's thread do something between its own work, and waits for it. Fails if the log is
    /// closed before.
    pub fn ask<T: Send + 'static>(
        &self,
        task: impl FnOnce(&View) -> Result<T, LogError> + Send + 'static,
    ) -> Result<T, LogError> {
        let closed = || LogError::Refused("the log is closed".into());
        let (tell, answer) = mpsc::sync_channel(1);
        {
            let mut inner = self.lock();
            if inner.ended || inner.stop {
                return Err(closed());
            }
            inner.tasks.push_back(Box::new(move |view| drop(tell.send(task(view)))));
            (inner.woken, inner.busy) = (true, true);
            self.changed.notify_all();
        }
        answer.recv().map_err(|_| closed())?
    }

    /// A name for a segment that is written anew, until it is published.
    pub fn name_rewrite(&self) -> String {
        let mut inner = self.lock();
        inner.rewrites += 1;
        format!("rewrite-{}", inner.rewrites)
    }

    /// Keeps segments from being merged until what is returned goes. To be called on the sealer's thread, where
    /// no merge is under way.
    pub fn reserve(self: &Arc<Self>, files: Vec<u64>) -> Result<Reserved, LogError> {
        let mut inner = self.lock();
        if let Some(file) = files.iter().find(|file| inner.reserved.contains(file)) {
            let why = format!("segment file {file} is being written anew already");
            return Err(LogError::Refused(why));
        }
        inner.reserved.extend(&files);
        drop(inner);
        Ok(Reserved { sealing: self.clone(), files })
    }

    /// Asks for all merging to be done now.
    pub fn merge_all(&self) {
        self.lock().merge_all = true;
        self.wake();
    }

    pub fn is_busy(&self) -> bool {
        self.lock().busy
    }

    /// Why sealing does not get on, if it does not.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    /// Waits until the sealer has nothing to do; false if it gave up on something.
    pub fn wait_idle(&self) -> bool {
        let mut inner = self.lock();
        while inner.busy && !inner.ended {
            inner = self.changed.wait(inner).expect("nothing panics while holding this");
        }
        !inner.busy && inner.failure.is_none()
    }

    /// Ends the sealer after what it is doing.
    pub fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits to be woken; false when it is time to end.
    fn wait_for_work(&self) -> bool {
        let mut inner = self.lock();
        while !inner.woken && !inner.stop {
            inner = self.changed.wait(inner).expect("nothing panics while holding this");
        }
        inner.woken = false;
        !inner.stop
    }

    fn done(&self, result: Result<(), LogError>) {
        let mut inner = self.lock();
        inner.failure = result.err().map(|e| e.to_string());
        inner.busy = inner.woken;
        self.changed.notify_all();
    }

    fn stopping(&self) -> bool {
        self.lock().stop
    }
}

/// Segments that are not merged for as long as this is there.
pub(crate) struct Reserved {
    sealing: Arc<Sealing>,
    files: Vec<u64>,
}

impl Drop for Reserved {
    fn drop(&mut self) {
        let mut inner = self.sealing.lock();
        inner.reserved.retain(|file| !self.files.contains(file));
    }
}

/// The sealer's thread.
pub(crate) fn run(view: &View, sealing: &Sealing, merge_debt: usize) {
    let _ended = Ended(sealing);
    while sealing.wait_for_work() {
        let result = work(view, sealing, merge_debt);
        sealing.done(result);
    }
}

/// Tells when the thread ends, be it by a panic.
struct Ended<'a>(&'a Sealing);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.ended = true;
        // Whoever waits for one of these learns that it will not be done.
        inner.tasks.clear();
        if std::thread::panicking() {
            inner.failure = Some("the sealer panicked".into());
        }
        self.0.changed.notify_all();
    }
}

fn work(view: &View, sealing: &Sealing, merge_debt: usize) -> Result<(), LogError> {
    let all = std::mem::take(&mut sealing.lock().merge_all);
    while !sealing.stopping() {
        let task = sealing.lock().tasks.pop_front();
        if let Some(task) = task {
            task(view);
        } else if view.state().live.len() > 1 {
            seal(view)?;
        } else if !(all || may_merge(view, sealing, merge_debt)) || !merge_some(view, sealing)? {
            break;
        }
    }
    Ok(())
}

fn merge_some(view: &View, sealing: &Sealing) -> Result<bool, LogError> {
    let reserved = sealing.lock().reserved.clone();
    merge(view, &reserved)
}

/// Merging reads, packs and hashes every record once more, which a running load would pay for with a core.
/// So it waits until nothing is appended, or until so many small segments wait that reading suffers more.
fn may_merge(view: &View, sealing: &Sealing, merge_debt: usize) -> bool {
    let quiet_at = sealing.lock().quiet_at;
    quiet_at == Some(view.next_pos()) || debt(&view.state().segments) > merge_debt
}

/// Seals the oldest active file.
fn seal(view: &View) -> Result<(), LogError> {
    let storage = &*view.storage;
    let job = SealJob::of(&view.state());
    let policy = job.manifest.policy_in_force();
    let mut files = Outputs::new(storage, &job.trails, &policy);
    let mut manifest = job.manifest;
    let bytes = storage.map(&job.path).map_err(LogError::io(&job.path))?;
    let (mut at, mut pos) = (FILE_HEADER_LEN, job.first);
    while pos < job.end {
        let group = frame::group_at(&bytes, at).map_err(LogError::frame(&job.path, at as u64))?;
        for framed in group.records_as_written() {
            let record = framed.map_err(LogError::frame(&job.path, at as u64))?.record;
            files.push(&record)?;
            // A policy whose event is sealed is in the manifest, also if the process ended before it was set.
            if let Some(policy) = policy::told(&record) {
                manifest.add_policy(policy);
            }
            pos = Pos(pos.0 + 1);
        }
        at = group.end() as usize;
    }
    drop(bytes);
    let sealed = files.finish()?;
    sealed.iter().try_for_each(|fresh| fresh.check(view))?;
    for tails in &job.levels {
        write_levels(storage, tails)?;
    }
    manifest.sealed_pos = job.end.0;
    let latest = sealed.iter().map(|fresh| fresh.recorded_at_max.0).max().unwrap_or(0);
    manifest.recorded_at_max = manifest.recorded_at_max.max(latest);
    manifest.trails = job.sizes;
    publish(view, manifest, sealed, &[])?;
    // The side word first: left behind alone it would never be found again.
    for path in [active::mark_path(job.first), job.path] {
        remove_if_there(storage, &path)?;
    }
    storage.sync_dir(active::DIR).map_err(LogError::io(active::DIR))?;
    sweep(view)
}

/// What sealing needs to know of the state, taken out so that the lock is short.
struct SealJob {
    path: String,
    first: Pos,
    end: Pos,
    trails: Vec<SegmentTrail>,
    sizes: Vec<ManifestTrail>,
    levels: Vec<LevelTails>,
    manifest: Manifest,
}

impl SealJob {
    fn of(state: &State) -> SealJob {
        let live = &state.live[0];
        let mut job = SealJob {
            path: live.path.to_string(),
            first: live.first,
            end: live.end(),
            trails: segment_trails(state),
            sizes: Vec::new(),
            levels: Vec::new(),
            manifest: state.manifest.clone(),
        };
        for trail in &state.trails {
            let sealed = match live.seqs(trail.info.no) {
                Some(seqs) => {
                    job.levels.push(trail.unsealed_levels(seqs.end));
                    seqs.end
                }
                None => trail.sealed(),
            };
            let name = trail.info.name.as_str().to_owned();
            let (id, min) = (trail.info.id.0, trail.min);
            job.sizes.push(ManifestTrail { id, name, sealed, min });
        }
        job
    }
}
