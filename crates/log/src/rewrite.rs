//! Segments exchanged for others that say less: expiry and erasure. The event that says so comes first, and is
//! its caller's to record; here is only what follows from it.
//!
//! The new files are written, synced and read back by the caller's threads, beside appends and sealing. Only
//! putting them in charge is the sealer's thread's, one segment at a time: so a crash loses one segment's
//! work, and the same again does what is left. Segments with records below a new minimum index come last, all of
//! them together with it: so at no moment is anything whole below a minimum, or anything missing above it. They
//! are the quick ones: what nothing is left of is not even read.

mod build;
mod plan;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

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
use crate::storage::Storage;
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
    /// Whole records that expired: each became a stub, or is among those that were pruned.
    pub expired: u64,
    /// Records of which not even a stub is left.
    pub pruned: u64,
    /// The same by trail.
    pub pruned_of: BTreeMap<TrailNo, u64>,
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
            Ok((plan, reserved))
        })?;
        let plan = Arc::new(plan);
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
        let below = std::mem::take(&mut run.done().below);
        let mut failure = run.done().failure.take();
        match failure {
            None => failure = run.raise(below).err(),
            Some(_) => below.into_iter().for_each(|gone| gone.give_up(&*self.view.storage)),
        }
        let done = run.done.into_inner().expect("no worker panicked while holding it");
        plan.jobs.iter().for_each(|job| job.give_up(&*self.view.storage));
        failure.map_or(Ok(done.rewritten), Err)
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
    plan: &'a Arc<Plan>,
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
    /// What leaves together with the raising of the minimum indexes.
    below: Vec<Going>,
    failure: Option<LogError>,
}

/// A segment of which everything is made that takes its place.
struct Going {
    file: u64,
    bytes: u64,
    fresh: Vec<Fresh>,
    tally: Tally,
}

impl Going {
    fn give_up(self, storage: &dyn Storage) {
        self.fresh.into_iter().for_each(|fresh| fresh.give_up(storage));
    }
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

    /// Puts what was made of a segment in its place, or keeps it for when all of its like are made.
    fn exchange(&self, job: &Job, fresh: Vec<Fresh>, tally: Tally) -> Result<(), LogError> {
        let (file, bytes) = (job.file_no(), job.file.entry.bytes);
        let going = Going { file, bytes, fresh, tally };
        if going.tally == Tally::default() {
            // Another try did it already, up to the event of it.
            going.give_up(&*self.log.view.storage);
            return Ok(());
        }
        if job.below {
            self.done().below.push(going);
            return Ok(());
        }
        self.publish(vec![going], false)
    }

    /// Puts the minimum indexes in charge, together with everything that leaves by them: at once, so that nothing
    /// whole is ever below one, and nothing missing above.
    fn raise(&self, below: Vec<Going>) -> Result<(), LogError> {
        let is_new = self.plan.raise(&mut self.log.view.state().manifest.clone());
        if is_new || !below.is_empty() { self.publish(below, true) } else { Ok(()) }
    }

    fn publish(&self, going: Vec<Going>, raise: bool) -> Result<(), LogError> {
        let (mut files, mut fresh, mut tally) = (Vec::new(), Vec::new(), Tally::default());
        let mut bytes_before = 0;
        for going in going {
            files.push(going.file);
            fresh.extend(going.fresh);
            tally.add(going.tally);
            bytes_before += going.bytes;
        }
        let bytes_after: u64 = fresh.iter().map(|fresh: &Fresh| fresh.segment.entry.bytes).sum();
        let plan = self.plan.clone();
        self.log.sealing.ask(move |view: &View| {
            let mut manifest = view.state().manifest.clone();
            let in_charge = |file: &&u64| manifest.segments.iter().any(|s| s.file == **file);
            if let Some(file) = files.iter().find(|file| !in_charge(file)) {
                return Err(LogError::Exchanged { file: *file });
            }
            if raise {
                plan.raise(&mut manifest);
            }
            publish(view, manifest, fresh, &files)?;
            sweep(view)
        })?;
        let rewritten = &mut self.done().rewritten;
        rewritten.expired += tally.expired;
        rewritten.pruned += tally.pruned.values().sum::<u64>();
        rewritten.erased += tally.erased;
        rewritten.bytes_before += bytes_before;
        rewritten.bytes_after += bytes_after;
        for (no, pruned) in tally.pruned {
            *rewritten.pruned_of.entry(no).or_default() += pruned;
        }
        Ok(())
    }

    fn read(&self, rows: u64) {
        let before = self.rows.fetch_add(rows, Ordering::Relaxed);
        (self.progress)(before + rows);
    }
}

#[cfg(test)]
mod tests;
