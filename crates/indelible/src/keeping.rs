//! For how long an embedded trail keeps what is in it.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use indelible_event::Micros;
use indelible_keep::retention::{SetRetention, policy_text};
use indelible_keep::{Keep, KeepError, Silent, Who};

use crate::embedded::Trail;

/// How often the clock is looked at.
const EVERY: Duration = Duration::from_secs(60);
/// How often what is due goes.
const DAY_MICROS: i64 = 86_400_000_000;
const MB: u64 = 1_000_000;

/// For how long, and up to what size, a trail in this process keeps its records. Where neither is said, what was set
/// there before stays: at first everything is kept for ever.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Keeping {
    /// After how many days records go.
    pub retention_days: Option<u32>,
    /// How large they may become together, in megabytes of 1,000,000 bytes.
    pub max_size_mb: Option<u64>,
}

impl Keeping {
    /// Whether anything is said.
    pub(crate) fn is_any(&self) -> bool {
        *self != Keeping::default()
    }

    fn wanted(&self) -> SetRetention {
        let rules = match self.retention_days {
            Some(days) => format!("everything else {}", policy_text::period(days)),
            None => "everything else forever".into(),
        };
        let bytes_max = self.max_size_mb.map(|mb| mb.saturating_mul(MB));
        SetRetention { rules, bytes_max, floor_days: 0, existing: false }
    }

    /// Sets it as the policy, unless that is so already.
    pub(crate) fn set(&self, keep: &Keep) -> Result<(), KeepError> {
        if !self.is_any() {
            return Ok(());
        }
        let wanted = self.wanted();
        if let Some(current) = keep.policies()?.last()
            && (&current.rules, current.bytes_max, current.floor_days)
                == (&wanted.rules, wanted.bytes_max, wanted.floor_days)
        {
            return Ok(());
        }
        keep.set_retention(&Who::node(), &wanted)?;
        // The first trail is the log's own.
        if keep.store().reader().trails().iter().skip(1).any(|trail| trail.size.0 > 0) {
            tracing::warn!(
                rules = wanted.rules,
                "the audit trail keeps what is recorded from now on by this policy; what was there before keeps what it \
                 was promised. To shorten that as well, stop this program and run `indelible retention set '{}' \
                 --existing`, which a second administrator confirms",
                wanted.rules
            );
        }
        Ok(())
    }
}

/// The thread that lets go what is due. Stopping it lets it finish what it is at.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    stop: Mutex<bool>,
    changed: Condvar,
}

impl Keeper {
    /// No thread: there is nothing to let go.
    pub fn none() -> Keeper {
        Keeper { shared: Arc::default(), thread: Mutex::default() }
    }

    /// Starts it. Its first round is done even if it is stopped at once, so that a program that never runs for long
    /// keeps its word, too.
    pub fn start(trail: Arc<Trail>) -> Keeper {
        let shared = Arc::new(Shared::default());
        let of = shared.clone();
        let run = move || {
            let mut rounds = Rounds::default();
            loop {
                rounds.next(&trail);
                let stop = lock(&of.stop);
                let waited = of.changed.wait_timeout_while(stop, EVERY, |stop| !*stop);
                if *waited.unwrap_or_else(PoisonError::into_inner).0 {
                    break;
                }
            }
        };
        let thread = std::thread::Builder::new().name("indelible-keeper".into()).spawn(run);
        if let Err(error) = &thread {
            tracing::error!(%error, "no thread for retention could be started: nothing expires");
        }
        Keeper { shared, thread: Mutex::new(thread.ok()) }
    }

    /// Has it end, and waits for that.
    pub fn stop(&self) {
        *lock(&self.shared.stop) = true;
        self.shared.changed.notify_all();
        if let Some(thread) = lock(&self.thread).take() {
            // One that panicked has said so when it did.
            drop(thread.join());
        }
    }
}

/// What was done when, and what went wrong last, so that it is told once.
#[derive(Default)]
pub(crate) struct Rounds {
    ran: Option<Micros>,
    failure: Option<String>,
}

impl Rounds {
    /// Looks at the clock, and lets go what is due once a day.
    pub fn next(&mut self, trail: &Trail) {
        let Some(result) = trail.keep(|keep| self.round(keep)) else { return };
        let failure = result.err().map(|error| error.to_string());
        if let Some(why) = failure.as_ref().filter(|why| self.failure.as_ref() != Some(why)) {
            tracing::warn!(why, "the audit trail's retention does not go on; it is tried again");
        }
        self.failure = failure;
    }

    fn round(&mut self, keep: &Keep) -> Result<(), KeepError> {
        let now = keep.now();
        keep.tick(now)?;
        if self.ran.is_some_and(|ran| (0..DAY_MICROS).contains(&(now.0 - ran.0))) {
            return Ok(());
        }
        keep.run_retention(&Who::node(), &Silent)?;
        self.ran = Some(now);
        Ok(())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
