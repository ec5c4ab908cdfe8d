//! What a node that serves does by itself, on a thread of its own: it watches the clock, goes on with what was cut
//! off, lets go what is due, and makes backups and archives. Nothing else waits for it.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::Duration;

use indelible_event::Micros;
use indelible_keep::Who;
use indelible_keep::backup::{self, Listed};
use serde_json::{Value, json};

use crate::error::ServerError;
use crate::keep::problem;
use crate::limits;
use crate::problem::Problem;
use crate::state::AppState;

/// The thread. Stopping it lets it finish what it is at, for a while.
pub(crate) struct Keeper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    turns: Mutex<Turns>,
    changed: Condvar,
}

/// Owned by whoever holds it; rounds are counted, so that one who asks for a round gets one that begins after.
#[derive(Default)]
struct Turns {
    stop: bool,
    ended: bool,
    asked: u64,
    done: u64,
}

impl Shared {
    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().expect("nothing panics while holding the turns")
    }
}

impl Keeper {
    /// Starts it: its first round begins at once.
    pub fn start(state: AppState) -> Result<Keeper, ServerError> {
        let shared = Arc::new(Shared::default());
        let of = shared.clone();
        let run = move || {
            let (mut memory, mut first) = (Memory::default(), true);
            while let Some(asked) = next(&of, first) {
                round(&state, &mut memory);
                first = false;
                of.turns().done = asked;
                of.changed.notify_all();
            }
            // Let go of the store before it is said to have ended.
            drop(state);
            of.turns().ended = true;
            of.changed.notify_all();
        };
        let thread = std::thread::Builder::new().name("indelible-keeper".into()).spawn(run);
        Ok(Keeper { shared, thread: Some(thread.map_err(ServerError::Thread)?) })
    }

    /// Has it look now, and waits until it has.
    pub fn look(&self) {
        let mut turns = self.shared.turns();
        turns.asked += 1;
        let asked = turns.asked;
        self.shared.changed.notify_all();
        while turns.done < asked && !turns.ended {
            turns = self.shared.changed.wait(turns).expect("nothing panics while holding it");
        }
    }

    /// Has it end. What it is at may take longer: then its intent stands, and the next start goes on with it.
    pub fn stop(&mut self, longest: Duration) -> bool {
        let mut turns = self.shared.turns();
        turns.stop = true;
        self.shared.changed.notify_all();
        let until = self.shared.changed.wait_timeout_while(turns, longest, |turns| !turns.ended);
        turns = until.expect("nothing panics while holding it").0;
        let ended = turns.ended;
        drop(turns);
        if let Some(thread) = self.thread.take().filter(|_| ended) {
            // One that panicked has told so when it did.
            drop(thread.join());
        }
        ended
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.shared.turns().stop = true;
        self.shared.changed.notify_all();
    }
}

/// Waits for the next round: up to which request it answers, or `None` at the end.
fn next(shared: &Shared, first: bool) -> Option<u64> {
    let turns = shared.turns();
    let longest = if first { Duration::ZERO } else { limits::KEEPER_EVERY };
    let rest = |turns: &mut Turns| !turns.stop && turns.asked == turns.done;
    let waited = shared.changed.wait_timeout_while(turns, longest, rest);
    let turns = waited.expect("nothing panics while holding it").0;
    (!turns.stop).then_some(turns.asked)
}

/// What it does, by the names that metrics and the status have.
pub(crate) const DUTIES: [&str; 5] = ["clock", "resume", "retention", "backup", "archive"];

/// How its duties went.
#[derive(Default)]
pub(crate) struct Duties(Mutex<BTreeMap<&'static str, Duty>>);

/// How one of them went.
#[derive(Clone, Default)]
struct Duty {
    last_success: Option<Micros>,
    failures: u64,
    failure: Option<String>,
}

impl Duties {
    /// Remembers how one went. What goes on failing is told once.
    pub fn note(&self, what: &'static str, now: Micros, result: Result<(), String>) {
        let mut duties = self.0.lock().expect("nothing panics while holding the duties");
        let duty = duties.entry(what).or_default();
        match result {
            Ok(()) => {
                if duty.failure.take().is_some() {
                    tracing::info!(what, "keeping the log goes on");
                }
                duty.last_success = Some(now);
            }
            Err(why) => {
                duty.failures += 1;
                if duty.failure.as_ref() != Some(&why) {
                    tracing::error!(what, why, "keeping the log has failed; it is tried again");
                }
                duty.failure = Some(why);
            }
        }
    }

    /// Those that fail.
    pub fn failing(&self) -> Vec<&'static str> {
        let duties = self.0.lock().expect("nothing panics while holding the duties");
        duties.iter().filter(|(_, duty)| duty.failure.is_some()).map(|(what, _)| *what).collect()
    }

    /// Name, last success in seconds since 1970, failures.
    pub fn counted(&self) -> Vec<(&'static str, Option<i64>, u64)> {
        let duties = self.0.lock().expect("nothing panics while holding the duties");
        let of = |(what, duty): (&&'static str, &Duty)| {
            (*what, duty.last_success.map(|at| at.0.div_euclid(1_000_000)), duty.failures)
        };
        duties.iter().map(of).collect()
    }

    /// As the status tells them.
    pub fn shown(&self) -> Value {
        let duties = self.0.lock().expect("nothing panics while holding the duties");
        let shown = |what: &'static str| {
            let duty = duties.get(what).cloned().unwrap_or_default();
            json!({
                "what": what, "last_success_at": duty.last_success.map(|at| at.to_string()),
                "failures": duty.failures, "failure": duty.failure,
            })
        };
        DUTIES.map(shown).to_vec().into()
    }
}

/// What it remembers from one round to the next.
#[derive(Default)]
struct Memory {
    /// Whether what an earlier process was cut off at is done.
    resumed: bool,
    /// When it was last let go what is due, and whether that failed.
    retention: Option<(Micros, bool)>,
}

/// One round.
fn round(state: &AppState, memory: &mut Memory) {
    let stopping = || *state.stopping().borrow();
    if let Ok(keep) = state.keep() {
        let ticked = keep.tick(state.now()).map_err(problem);
        duty(state, "clock", ticked.and_then(|clock| clock.stopped.map_or(Ok(()), stopped)));
    }
    if (!memory.resumed || has_half_erased(state)) && !stopping() {
        let resumed = state.own_job("resume", |keep, progress| {
            keep.resume_retention(progress)?;
            let erased = keep.resume_erasures(&Who::node(), progress)?;
            let whole = |backup: &Listed| backup.state == backup::State::Complete;
            let last = keep.backups(None)?.into_iter().rfind(whole);
            if let Some(at) = last.and_then(|last| Micros::parse(&last.created_at).ok()) {
                state.metrics().backed_up(at);
            }
            Ok(erased.len())
        });
        memory.resumed = resumed.is_ok();
        duty(state, "resume", resumed.map(drop));
    }
    let policies = state.keep().map(|keep| keep.store().log().policies()).unwrap_or_default();
    let bounded = policies.last().is_some_and(|policy| policy.bytes_max.is_some());
    if is_due(state.now(), memory.retention, bounded) && !stopping() {
        let now = state.now();
        let run = state
            .own_job("retention.run", |keep, progress| keep.run_retention(&Who::node(), progress));
        let busy = run.as_ref().is_err_and(is_busy);
        if !busy {
            memory.retention = Some((now, run.is_err()));
        }
        duty(state, "retention", run.map(drop));
    }
    if !stopping() {
        let made =
            state.own_job("backup.create", |keep, progress| keep.run_due(state.now(), progress));
        duty(state, "backup", made.map(drop));
    }
    if !stopping() {
        let made =
            state.own_job("archive.create", |keep, progress| keep.run_archive_if_due(progress));
        duty(state, "archive", made.map(drop));
    }
}

/// Whether an erasure was begun and not ended: by one that is at work, which has the turn, or by one that failed.
fn has_half_erased(state: &AppState) -> bool {
    let erasures = state.keep().map(|keep| keep.erasures());
    erasures.is_ok_and(|all| all.is_ok_and(|all| all.iter().any(|erasure| !erasure.done)))
}

/// Notes how a duty went. While something else is at work it is none's fault, and comes next.
fn duty(state: &AppState, what: &'static str, result: Result<(), Problem>) {
    if result.as_ref().is_err_and(is_busy) {
        return;
    }
    let result = result.map_err(|why| why.detail().to_owned());
    state.metrics().duties().note(what, state.now(), result);
}

fn is_busy(problem: &Problem) -> bool {
    problem.kind() == "busy"
}

fn stopped(why: String) -> Result<(), Problem> {
    Err(Problem::conflict("refused", why))
}

/// Whether it is time to let go what is due: once each night, and each hour where the log may become only so large, or
/// where it failed.
fn is_due(now: Micros, last: Option<(Micros, bool)>, bounded: bool) -> bool {
    let Some((at, failed)) = last else { return true };
    let night = |at: Micros| (at.0 - limits::NIGHT_MICROS).div_euclid(limits::DAY_MICROS);
    let hour = now.0.saturating_sub(at.0) >= limits::HOUR_MICROS;
    night(now) != night(at) || hour && (bounded || failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_due_goes_at_night_and_more_often_where_it_must() {
        const HOUR: i64 = limits::HOUR_MICROS;
        // 03:00 of some day.
        let night = 20_000 * limits::DAY_MICROS + limits::NIGHT_MICROS;
        let due = |hours: i64, last: Option<(i64, bool)>, bounded| {
            let last = last.map(|(hours, failed)| (Micros(night + hours * HOUR), failed));
            is_due(Micros(night + hours * HOUR), last, bounded)
        };
        assert!(due(5, None, false), "at the start");
        assert!(!due(23, Some((5, false)), false));
        assert!(due(24, Some((5, false)), false), "the next night");
        assert!(due(6, Some((5, true)), false), "it failed");
        assert!(due(6, Some((5, false)), true), "there may be too much");
        assert!(!due(5, Some((5, true)), true), "not each minute");
    }

    #[test]
    fn a_duty_is_told_with_its_failures_and_its_last_success() {
        let duties = Duties::default();
        duties.note("backup", Micros(1_000_000), Ok(()));
        duties.note("backup", Micros(2_000_000), Err("no room".into()));
        assert_eq!(duties.failing(), ["backup"]);
        assert_eq!(duties.counted(), [("backup", Some(1), 1)]);
        assert_eq!(duties.shown()[3]["failure"], "no room");
        duties.note("backup", Micros(3_000_000), Ok(()));
        assert!(duties.failing().is_empty());
        assert_eq!(duties.counted(), [("backup", Some(3), 1)]);
    }
}
