//! A stream's thread: it reads on from the stream's place, hands what it finds to the sink, and moves the place when
//! the receiver has it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use indelible_event::Micros;
use indelible_log::{Seams, hex};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::place::Last;
use super::shared::{Moved, Shared};
use super::{Batch, Context, LATER, Sink, SinkError};
use crate::limits::{
    ALARM_TRIES, GATHER_LOOK_MICROS, LOOK_EVERY, RETRY_MICROS, RETRY_MICROS_MAX, SET_ASIDE_RUN_MAX,
    TOLD_AFTER_MICROS, TOLD_EVERY_MICROS, WAIT_MICROS_MAX, WHY_BYTES_MAX,
};
use crate::seam::{Notice, Notices, Outgoing, Page, Source, SourceError};
use crate::status::{State, Trouble};

/// What a stream has of the node.
#[derive(Clone)]
pub struct Outlet {
    /// The log.
    pub source: Arc<dyn Source>,
    /// Where notices go.
    pub notices: Arc<dyn Notices>,
    /// Files of the data directory, clock and random source.
    pub seams: Seams,
    /// Where those run that do not block.
    pub runtime: Handle,
}

/// Makes the sink, as often as it is needed.
pub(super) type Opener = Box<dyn Fn(&Context) -> Result<Box<dyn Sink>, SinkError> + Send>;

/// What the thread knows that nobody else does.
pub(super) struct Runner {
    shared: Arc<Shared>,
    outlet: Outlet,
    context: Context,
    opener: Opener,
    sink: Option<Box<dyn Sink>>,
    /// Whether the stream's start is recorded.
    announced: bool,
    /// Whether the place was found to be one of this log.
    known: bool,
    /// From when until when it waits after a failure. Both, so that a clock that is set back ends it.
    wait: Option<(Micros, Micros)>,
    /// When a notice last said that it fails.
    told_at: Option<Micros>,
    /// Whether a notice says that it has stopped.
    told_stopped: bool,
    /// Looks at one record that could not be read.
    alarms: u32,
    /// Events that were set aside, one after the other.
    run_of_asides: u32,
}

/// What is to be done next.
enum Next {
    /// There may be more.
    More,
    /// There is nothing to do for now.
    Rest,
}

/// What failed: what it was, and what to do about it.
struct Failure {
    why: String,
    hint: Option<String>,
    /// How long the receiver asked to wait, in microseconds.
    wait: i64,
    /// Whether somebody has to put it right.
    loud: bool,
}

impl Failure {
    fn later(why: impl Into<String>) -> Failure {
        Failure { why: why.into(), hint: None, wait: 0, loud: false }
    }

    fn wrong(why: impl Into<String>, hint: impl Into<String>) -> Failure {
        Failure { why: why.into(), hint: Some(hint.into()), wait: 0, loud: true }
    }
}

impl Runner {
    pub fn new(shared: Arc<Shared>, outlet: Outlet, opener: Opener) -> Runner {
        let context = Context {
            stream: Arc::clone(&shared.name),
            runtime: outlet.runtime.clone(),
            seams: outlet.seams.clone(),
        };
        Runner {
            shared,
            outlet,
            context,
            opener,
            sink: None,
            announced: false,
            known: false,
            wait: None,
            told_at: None,
            told_stopped: false,
            alarms: 0,
            run_of_asides: 0,
        }
    }

    /// Runs until the stream is to stop.
    pub fn run(mut self) {
        while !self.shared.is_stopping() {
            let step = catch_unwind(AssertUnwindSafe(|| self.step()));
            let failure = match step {
                Ok(Ok(Next::More)) => continue,
                Ok(Ok(Next::Rest)) => None,
                Ok(Err(failure)) => Some(failure),
                // What was half done in it goes with it.
                Err(_) => Some(Failure::wrong(
                    "the stream broke off, which is a fault of this program",
                    "it is tried again; the node's own messages tell more",
                )),
            };
            if let Some(failure) = failure {
                self.failed(failure);
            }
            self.shared.rest(LOOK_EVERY);
        }
        self.sink = None;
        if let Err(why) = self.shared.save() {
            // What was sent since the place was last kept is sent again.
            tracing::warn!(stream = &*self.shared.name, why, "a stream's place was not kept");
        }
    }

    fn now(&self) -> Micros {
        self.outlet.seams.clock.now()
    }

    /// Lets the sink go, unless something would be forgotten with it.
    fn forget_sink(&mut self) {
        self.sink = self.sink.take().filter(|sink| sink.owes());
    }

    /// One batch, or less.
    fn step(&mut self) -> Result<Next, Failure> {
        let now = self.now();
        let kept = self.shared.save_if_due(now);
        kept.map_err(|why| Failure::wrong(why, "the data directory must be writable"))?;
        if self.shared.take_nudge() {
            self.wait = None;
            self.run_of_asides = 0;
            self.forget_sink();
        }
        if self.shared.is_at_rest() {
            // Somebody paused it, or has to say where it goes on.
            self.forget_sink();
            self.tell_stopped();
            return Ok(Next::Rest);
        }
        if self.wait.is_some_and(|(from, to)| (from..to).contains(&now)) {
            return Ok(Next::Rest);
        }
        self.wait = None;
        self.announce()?;
        let at = self.shared.at();
        if !self.known && !self.knows_the_log()? {
            return Ok(Next::Rest);
        }
        self.known = true;
        // Also where there is nothing to send yet: a secret that is not set is told before the first event waits for it.
        if self.sink.is_none() {
            self.sink = Some((self.opener)(&self.context).map_err(failure_of)?);
        }
        if at.next >= self.outlet.source.end() {
            self.shared.is_up_to_date();
            return Ok(Next::Rest);
        }
        let batch = self.sink.as_ref().map(|sink| sink.batch()).unwrap_or_default();
        let page = self.outlet.source.read(&self.shared.query, at.next, batch.events, batch.bytes);
        match page {
            Ok(page) if self.gathers(batch, &page, now) => Ok(Next::Rest),
            Ok(page) => self.send(&page, at.epoch, at.next),
            Err(SourceError::Later(why)) => Err(Failure::later(why)),
            Err(SourceError::Query(why)) => {
                Err(Failure::wrong(why, "put the stream's query right, and start the node again"))
            }
            Err(SourceError::Alarm { pos, why }) => self.alarm(pos, why, at.epoch),
        }
    }

    /// Whether what was read waits for more: the place stays, so that nothing is lost meanwhile.
    fn gathers(&mut self, batch: Batch, page: &Page, now: Micros) -> bool {
        let Some(first) = page.events.first() else { return false };
        let bytes: usize = page.events.iter().map(|event| event.json.len()).sum();
        let full = page.events.len() >= batch.events || bytes >= batch.bytes / 2;
        let patience = i64::try_from(batch.patience.as_micros()).unwrap_or(i64::MAX);
        let until = first.recorded_at.0.saturating_add(patience);
        // A first one that is of tomorrow is no reason to wait until then: a clock was set back.
        let waits = (first.recorded_at.0..until).contains(&now.0);
        if full || !waits || page.next < self.outlet.source.end() {
            return false;
        }
        self.wait = Some((now, Micros(until.min(now.0.saturating_add(GATHER_LOOK_MICROS)))));
        true
    }

    /// Records that the stream begins, before its first byte.
    fn announce(&mut self) -> Result<(), Failure> {
        if self.announced {
            return Ok(());
        }
        let shared = &self.shared;
        let details = json!({
            "query": cut(&shared.query), "to": cut(&shared.to), "kind": shared.kind,
            "next": shared.at().next,
        });
        self.tell("stream.start", "success", details)?;
        self.announced = true;
        Ok(())
    }

    /// Whether the place is one of this log. A log that was restored to an earlier state has others behind it.
    fn knows_the_log(&mut self) -> Result<bool, Failure> {
        let (next, last) = self.shared.last();
        let end = self.outlet.source.end();
        if next > end {
            let why = format!("it had sent everything before {next}, and the log ends at {end}");
            self.stopped(why);
            return Ok(false);
        }
        let Some(last) = last else { return Ok(true) };
        let there = match self.outlet.source.leaf_at(last.pos) {
            Ok(there) => there,
            Err(SourceError::Later(why)) => return Err(Failure::later(why)),
            // What cannot be read is told when it is its turn.
            Err(_) => return Ok(true),
        };
        // What has expired cannot be compared.
        if there.is_none_or(|leaf| hex::encode(&leaf) == last.leaf) {
            return Ok(true);
        }
        self.stopped(format!("the record at {} is not the one that it had sent", last.pos));
        Ok(false)
    }

    /// Says once that it has stopped. Its place is left as it is: nobody has decided on another.
    fn tell_stopped(&mut self) {
        let stopped = self.shared.stopped_by();
        if let Some(trouble) = stopped.as_ref().filter(|_| !self.told_stopped) {
            // Told at the next look if not now.
            self.told_stopped = self.tell("stream.fail", "failure", said(trouble)).is_ok();
        }
        self.told_stopped &= stopped.is_some();
    }

    fn stopped(&self, why: String) {
        let why = format!("this is not the log that the stream was reading: {why}");
        tracing::error!(stream = &*self.shared.name, why, "a stream has stopped");
        self.shared.stopped(why, self.now());
    }

    /// Sends what was read, and moves the place behind it.
    fn send(&mut self, page: &Page, epoch: u64, from: u64) -> Result<Next, Failure> {
        self.alarms = 0;
        let events = &page.events;
        let Some(first) = events.first() else {
            self.shared.advance(epoch, Moved { next: page.next, sent: 0, last: None, at: None });
            let more = page.next > from;
            return Ok(if more { Next::More } else { Next::Rest });
        };
        self.shared.sends(first.recorded_at);
        let mut sink = match self.sink.take() {
            Some(sink) => sink,
            None => (self.opener)(&self.context).map_err(failure_of)?,
        };
        // Not put back where it panics.
        let sent = sink.send(events);
        match sent {
            Ok(()) => {
                self.sink = Some(sink);
                self.run_of_asides = 0;
                self.moved(epoch, page.next, events);
                self.works()?;
                Ok(Next::More)
            }
            Err(SinkError::Poison { at, why }) if at < events.len() => {
                self.sink = Some(sink);
                let (before, event) = (&events[..at], &events[at]);
                if !before.is_empty() {
                    self.run_of_asides = 0;
                    self.moved(epoch, event.pos, before);
                }
                self.set_aside(event, &why, epoch)
            }
            Err(error) => {
                // What has to be put right by people may be in what the sink read when it was made.
                let wrong = matches!(error, SinkError::Wrong { .. });
                self.sink = Some(sink).filter(|sink| !wrong || sink.owes());
                Err(failure_of(error))
            }
        }
    }

    fn moved(&self, epoch: u64, next: u64, sent: &[Outgoing]) {
        let last = sent.last().map(|event| Last { pos: event.pos, leaf: hex::encode(&event.leaf) });
        let (at, sent) = (Some(self.now()), sent.len() as u64);
        self.shared.advance(epoch, Moved { next, sent, last, at });
    }

    /// Says that it works again, if it was said that it does not.
    fn works(&mut self) -> Result<(), Failure> {
        if self.shared.told_failing() {
            let details = self.shared.trouble().map_or_else(
                || json!({}),
                |trouble| json!({"since": trouble.since.to_string(), "failures": trouble.failures}),
            );
            self.tell("stream.recover", "success", details)?;
            self.shared.set_told_failing(false);
        }
        self.shared.runs();
        Ok(())
    }

    /// Leaves an event out that the receiver will never take, after saying so.
    fn set_aside(&mut self, event: &Outgoing, why: &str, epoch: u64) -> Result<Next, Failure> {
        if self.run_of_asides >= SET_ASIDE_RUN_MAX {
            let why = format!(
                "the receiver refused {SET_ASIDE_RUN_MAX} events one after the other, the last one because: {}",
                cut(why)
            );
            let hint = "look what the receiver is set up to take; `indelible stream resume` sets as many more aside";
            return Err(Failure::wrong(why, hint));
        }
        let details = json!({
            "trail": &*event.trail, "seq": event.seq, "id": event.id.to_string(), "why": cut(why),
        });
        self.tell("stream.set_aside", "failure", details)?;
        tracing::warn!(
            stream = &*self.shared.name,
            trail = &*event.trail,
            seq = event.seq,
            why,
            "set aside"
        );
        self.run_of_asides += 1;
        let next = event.pos + 1;
        self.leave(next, epoch)
    }

    /// Leaves a record out that cannot be read, after trying, and saying so.
    fn alarm(&mut self, pos: u64, why: String, epoch: u64) -> Result<Next, Failure> {
        self.alarms += 1;
        let said = format!("ALARM: the record at {pos} is damaged: {why}");
        if self.alarms < ALARM_TRIES {
            return Err(Failure::wrong(said, "run `indelible verify`, and restore a backup"));
        }
        self.tell("stream.set_aside", "failure", json!({"pos": pos, "why": cut(&said)}))?;
        tracing::error!(stream = &*self.shared.name, pos, why, "a damaged record is not sent");
        self.alarms = 0;
        self.leave(pos + 1, epoch)
    }

    fn leave(&mut self, next: u64, epoch: u64) -> Result<Next, Failure> {
        let left = self.shared.leave(epoch, next);
        left.map_err(|why| Failure::wrong(why, "the data directory must be writable"))?;
        Ok(Next::More)
    }

    /// Notes a failure, says it where it is time to, and waits longer each time.
    fn failed(&mut self, failure: Failure) {
        let now = self.now();
        let trouble = self.shared.fails(cut(&failure.why), failure.hint.clone(), now);
        let doublings = (trouble.failures - 1).min(30);
        let pause = RETRY_MICROS.saturating_mul(1 << doublings).min(RETRY_MICROS_MAX);
        let pause = pause.max(failure.wait.min(WAIT_MICROS_MAX));
        self.wait = Some((now, Micros(now.0.saturating_add(pause))));
        if trouble.failures == 1 {
            let name = &*self.shared.name;
            let (why, hint) = (&trouble.message, trouble.hint.as_deref());
            tracing::warn!(stream = name, why, hint, "a stream fails; it tries again");
        }
        let due = failure.loud || now.0.saturating_sub(trouble.since.0) >= TOLD_AFTER_MICROS;
        let lately = |at: Micros| (0..TOLD_EVERY_MICROS).contains(&(now.0 - at.0));
        if !due || self.shared.told_failing() || self.told_at.is_some_and(lately) {
            return;
        }
        if self.tell("stream.fail", "failure", said(&trouble)).is_ok() {
            self.told_at = Some(now);
            self.shared.set_told_failing(true);
        }
    }

    fn tell(
        &self,
        action: &'static str,
        outcome: &'static str,
        details: Value,
    ) -> Result<(), Failure> {
        let target = ("stream", self.shared.name.to_string());
        let told = self.outlet.notices.tell(Notice { action, outcome, target, details });
        told.map_err(|why| Failure::later(format!("{action} could not be recorded: {why}")))
    }
}

fn failure_of(error: SinkError) -> Failure {
    match error {
        SinkError::Later { why, wait } => {
            let wait = wait.map_or(0, |wait| i64::try_from(wait.as_micros()).unwrap_or(i64::MAX));
            Failure { wait, hint: Some(LATER.into()), ..Failure::later(why) }
        }
        SinkError::Wrong { why, hint } => Failure::wrong(why, hint),
        // One that it was not sent.
        SinkError::Poison { why, .. } => Failure::later(why),
    }
}

/// A trouble, as a notice has it.
pub(crate) fn said(trouble: &Trouble) -> Value {
    json!({
        "why": cut(&trouble.message), "hint": trouble.hint.as_deref().map(cut),
        "since": trouble.since.to_string(), "failures": trouble.failures,
    })
}

/// The front of a text that somebody else wrote.
pub(crate) fn cut(text: &str) -> String {
    let mut end = text.len().min(WHY_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    // No event may hold it in a key, and no terminal likes it.
    text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What a stream that is at rest is.
pub(super) fn rests(paused: bool) -> State {
    if paused { State::Paused } else { State::Stopped }
}

#[cfg(test)]
#[path = "runner_tests.rs"]
mod tests;
