//! Segments exchanged for others that say less: expiry and erasure. The event that says so comes first, and is
//! its caller's to record; here is only what follows from it.

//!
//! The new files are written, synced and read back by the caller's threads, beside appends and sealing. Only
//! putting them in charge is the sealer's thread's, one segment at a time: so a crash loses one segment's
//! work, and the same again does what is left.

mod build;
mod plan;

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use indelible_event::EventId;
use roaring::RoaringBitmap;

use self::build::Tally;
use self::plan::{Job, Plan};
use crate::error::LogError;
use crate::limits;
use crate::log::Log;
use crate::output::Fresh;
use crate::policy::Policy;
use crate::publish::{publish, sweep};
use crate::record::TrailNo;
use crate::view::View;

/// What becomes of one segment.
#[derive(Clone, Debug)]
pub struct Change {
    /// The segment's file number. One that is no longer in charge ends the whole with an error.
    pub file: u64,
    /// What becomes of its rows.
    pub fate: Fate,
}

/// What becomes of a segment's rows.
#[derive(Clone, Debug)]
pub enum Fate {
    /// They become stubs, but for those that are kept: these stay whole, in a segment of their own.
    Expire {
        /// The event that says so.
        by: EventId,
        /// Rows that stay whole: somebody holds them, or their time has not come.
        keep: RoaringBitmap,
    },
    /// These parts of these rows go; the others stay as they are.
    Erase {
        /// The rows.
        rows: RoaringBitmap,
        /// `who`, `where`, `what`.
        parts: [bool; 3],
    },
}

/// What a rewriting did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Records that became stubs.
    pub expired: u64,
    /// Records of which not even a stub is left.
    pub pruned: u64,
    /// Records that lost a part.
    pub erased: u64,
    /// Bytes of the segments before.
    pub bytes_before: u64,
    /// Bytes of the segments after.
    pub bytes_after: u64,
}

impl Log {
    /// Exchanges segments, and lets records below a trail's new minimum index go without a stub. Works beside
    /// appends; files that are gone are deleted before it returns. After a crash in the middle the same again
    /// does what is left. What has expired already, or lost its part, stays as it is. `progress` is told how many
    /// rows have been read.
    pub fn rewrite(
        &self,
        changes: &[Change],
        prune: &[(TrailNo, u64)],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Rewritten, LogError> {
        let (wanted, mins) = (changes.to_vec(), prune.to_vec());
        let sealing = self.sealing.clone();
        // On the sealer's thread, where no merge is under way that would take these segments' place.
        let (plan, _reserved) = self.sealing.ask(move |view| {
            let plan = Plan::of(view, wanted, &mins)?;
            let reserved = sealing.reserve(plan.jobs.iter().map(|job| job.file_no()).collect())?;
            // First, so that what is missing below it is never unexplained.
            plan.raise(view)?;
            Ok((plan, reserved))
        })?;
        let run = Run {
            log: self,
            plan: &plan,
            next: AtomicUsize::new(0),
            stop: AtomicBool::new(false),
            rows: AtomicU64::new(0),
            progress,
            done: Mutex::default(),
        };
        let threads = limits::REWRITE_THREADS.min(plan.pieces.len());
        std::thread::scope(|scope| {
            for _ in 1..threads {
                scope.spawn(|| run.work());
            }
            run.work();
        });
        let Done { rewritten, failure } =
            run.done.into_inner().expect("no worker panicked while holding it");
        plan.jobs.iter().for_each(|job| job.give_up(&*self.view.storage));
        failure.map_or(Ok(rewritten), Err)
    }

    /// Seals under this policy from now on. Its number must be the next one, and its event be durable. The one
    /// that is in force already is fine.
    pub fn set_policy(&self, policy: Policy) -> Result<(), LogError> {
        policy.check().map_err(LogError::Refused)?;
        self.sealing.ask(move |view| {
            let mut manifest = view.state().manifest.clone();
            let before = manifest.policy_in_force();
            if before == policy {
                return Ok(());
            }
            if policy.number != before.number + 1 || policy.number as usize > limits::POLICIES_MAX {
                let why = format!("policy #{} does not follow #{}", policy.number, before.number);
                return Err(LogError::Refused(why));
            }
            manifest.add_policy(policy);
            publish(view, manifest, Vec::new(), &[])
        })
    }

    /// All policies so far, by number; the last is in force.
    pub fn policies(&self) -> Vec<Policy> {
        self.view.policies()
    }
}

/// What the threads share.
struct Run<'a> {
    log: &'a Log,
    plan: &'a Plan,
    /// The piece that is begun next.
    next: AtomicUsize,
    /// Something failed, and nothing more is begun.
    stop: AtomicBool,
    rows: AtomicU64,
    progress: &'a (dyn Fn(u64) + Sync),
    done: Mutex<Done>,
}

#[derive(Default)]
struct Done {
    rewritten: Rewritten,
    failure: Option<LogError>,
}

impl Run<'_> {
    fn work(&self) {
        while !self.stop.load(Ordering::Relaxed) {
            let next = self.next.fetch_add(1, Ordering::Relaxed);
            let Some((job, rows)) = self.plan.pieces.get(next) else { return };
            let job = &self.plan.jobs[*job];
            let built = build::build(self, job, rows.clone());
            let result = built.and_then(|(fresh, tally)| match job.add(fresh, tally) {
                Some((fresh, tally)) => self.exchange(job, fresh, tally),
                None => Ok(()),
            });
            if let Err(e) = result {
                self.stop.store(true, Ordering::Relaxed);
                self.done().failure.get_or_insert(e);
            }
        }
    }

    fn done(&self) -> std::sync::MutexGuard<'_, Done> {
        self.done.lock().expect("no worker panics while holding it")
    }

    /// Puts what was made of a segment in its place.
    fn exchange(&self, job: &Job, fresh: Vec<Fresh>, tally: Tally) -> Result<(), LogError> {
        if tally == Tally::default() {
            // Another try did it already, up to the event of it.
            fresh.into_iter().for_each(|fresh| fresh.give_up(&*self.log.view.storage));
            return Ok(());
        }
        let file = job.file_no();
        let after: u64 = fresh.iter().map(|fresh| fresh.segment.entry.bytes).sum();
        self.log.sealing.ask(move |view: &View| {
            let manifest = view.state().manifest.clone();
            if !manifest.segments.iter().any(|s| s.file == file) {
                return Err(LogError::Exchanged { file });
            }
            publish(view, manifest, fresh, &[file])?;
            sweep(view)
        })?;
        let rewritten = &mut self.done().rewritten;
        rewritten.expired += tally.expired;
        rewritten.pruned += tally.pruned;
        rewritten.erased += tally.erased;
        rewritten.bytes_before += job.file.entry.bytes;
        rewritten.bytes_after += after;
        Ok(())
    }

    fn read(&self, rows: u64) {
        let before = self.rows.fetch_add(rows, Ordering::Relaxed);
        (self.progress)(before + rows);
    }
}

#[cfg(test)]
mod tests;
