//! Whether the clock can be believed. Whoever sets it forward would have everything expire, so after a jump of more than
//! a day nothing does until an administrator says that the time is right.

use std::sync::{Mutex, MutexGuard};

use indelible_event::Micros;
use indelible_log::record::KeptRecord;
use serde::Serialize;
use serde_json::{Value, json};

use crate::deed::{Who, details};
use crate::error::KeepError;
use crate::limits::CLOCK_JUMP_MICROS_MAX;
use crate::{Keep, lock};

/// The event that says that expiry has stopped.
pub const STOPPED: &str = "retention.stopped";
/// The event of somebody who says that the time is right.
pub const CONFIRMED: &str = "clock.confirm";

/// What is known of the clock.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ClockState {
    /// What it says now.
    pub now: String,
    /// What it said when it was last looked at and believed.
    pub seen: String,
    /// Why nothing expires, if it jumped: until somebody confirms it.
    pub stopped: Option<String>,
}

/// The clock as it was last believed. Written by whoever looks at it.
pub(crate) struct Watch(Mutex<Seen>);

#[derive(Clone, Copy)]
struct Seen {
    at: Micros,
    /// Whether it was stopped, as far as `_system` was read for that.
    stopped: Option<bool>,
}

impl Watch {
    /// `recorded_at` is that of the last record when the process began.
    pub(crate) fn new(recorded_at: Micros) -> Watch {
        Watch(Mutex::new(Seen { at: recorded_at, stopped: None }))
    }
}

impl Keep {
    /// The clock, looked at: to be called each minute. A jump is recorded once, and stops expiry.
    pub fn tick(&self, now: Micros) -> Result<ClockState, KeepError> {
        let mut seen = self.seen()?;
        if jumped(now, *seen) && seen.stopped != Some(true) {
            let target = json!({"type": "clock", "id": "clock"});
            self.record(&Who::node(), STOPPED, target, told(now, seen.at))?;
            seen.stopped = Some(true);
        }
        if seen.stopped != Some(true) {
            seen.at = now;
        }
        Ok(state(now, *seen))
    }

    /// Says that the clock is right, so that expiry goes on.
    pub fn confirm_clock(&self, who: &Who) -> Result<ClockState, KeepError> {
        let mut seen = self.seen()?;
        let now = self.now();
        let target = json!({"type": "clock", "id": "clock"});
        self.record(who, CONFIRMED, target, told(now, seen.at))?;
        *seen = Seen { at: now, stopped: Some(false) };
        Ok(state(now, *seen))
    }

    /// What is known of the clock, without a look at it that is remembered.
    pub fn clock_state(&self) -> Result<ClockState, KeepError> {
        let (now, seen) = (self.now(), self.seen()?);
        Ok(state(now, *seen))
    }

    /// An error if the clock is not believed.
    pub(crate) fn believe_clock(&self) -> Result<Micros, KeepError> {
        let now = self.now();
        match self.tick(now)?.stopped {
            None => Ok(now),
            Some(why) => Err(KeepError::Refused(why)),
        }
    }

    fn seen(&self) -> Result<MutexGuard<'_, Seen>, KeepError> {
        let mut seen = lock(&self.clock.0);
        if seen.stopped.is_none() {
            let last = self.told(&[STOPPED, CONFIRMED])?.pop();
            seen.stopped = Some(last.as_ref().is_some_and(|r| r.entry().action == STOPPED));
            if let Some(at) = last.and_then(|record| believed(&record, seen.at)) {
                seen.at = at;
            }
        }
        Ok(seen)
    }
}

/// What the last event about the clock says of when it was last believed. `recorded_at` never goes back: as long as
/// nothing later than the event was recorded, the clock may be behind it, and the event itself knows better.
fn believed(record: &KeptRecord, recorded_at: Micros) -> Option<Micros> {
    let details = details(record);
    let time = |name: &str| Micros::parse(details[name].as_str()?).ok();
    if record.entry().action == STOPPED {
        return time("seen");
    }
    if recorded_at <= record.entry().recorded_at { time("now") } else { None }
}

fn jumped(now: Micros, seen: Seen) -> bool {
    now.0.saturating_sub(seen.at.0).saturating_abs() > CLOCK_JUMP_MICROS_MAX
}

fn told(now: Micros, seen: Micros) -> Value {
    json!({"now": now.to_string(), "seen": seen.to_string()})
}

fn state(now: Micros, seen: Seen) -> ClockState {
    let stopped = seen.stopped == Some(true) || jumped(now, seen);
    let why = || {
        format!(
            "nothing expires: the clock says {now}, and was last believed at {}, more than a day off. If it is right, an administrator confirms it",
            seen.at
        )
    };
    ClockState { now: now.to_string(), seen: seen.at.to_string(), stopped: stopped.then(why) }
}
