//! One call of something that is instrumented: recorded once, however it ends.

use std::thread;
use std::time::Instant;

use indelible_event::Outcome;
use serde::Serialize;

use crate::clock;
use crate::error::RecordError;
use crate::event::{Event, Text, milliseconds};
use crate::recorder::Recorder;
use crate::ticket::Ticket;
use crate::transport::Receipt;

/// A call in progress. What instruments it (the attribute, a layer) says how it ended; dropped without that, it
/// was cancelled, or it panicked.
#[derive(Debug)]
#[must_use = "dropping a call records that it was cancelled"]
pub struct Call {
    recorder: Recorder,
    event: Option<Event>,
    started: Instant,
}

impl Call {
    /// Begins a call that will be told by this event. It takes the time and scope of this moment.
    ///
    /// ```
    /// use indelible_recorder::{Call, Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// let call = Call::begin(&recorder, Event::new("report.render"));
    /// drop(call);
    /// assert_eq!(recorder.events()[0].get("error.code"), Some("cancelled".into()));
    /// ```
    pub fn begin(recorder: &Recorder, event: Event) -> Call {
        let event = crate::recorder::stamped(event.instrumented());
        Call { recorder: recorder.clone(), event: Some(event), started: clock::instant() }
    }

    /// A call that began before.
    pub(crate) fn resume(recorder: Recorder, event: Event, started: Instant) -> Call {
        Call { recorder, event: Some(event), started }
    }

    /// Adds to what will be told.
    pub fn note(&mut self, change: impl FnOnce(Event) -> Event) {
        self.event = self.event.take().map(change);
    }

    /// It succeeded.
    pub fn success(mut self) {
        self.end(|event| event.outcome(Outcome::Success));
    }

    /// It succeeded, with this state afterwards.
    pub fn success_with(mut self, after: impl Serialize) {
        self.end(|event| event.outcome(Outcome::Success).after(after));
    }

    /// It succeeded; answers once that is durable.
    pub fn success_durable(mut self) -> Ticket<Result<Receipt, RecordError>> {
        let event = self.ended().expect("a call has its event until it ends");
        self.recorder.record_durable(event.outcome(Outcome::Success))
    }

    /// It failed.
    pub fn failure(mut self, message: impl Into<Text>) {
        self.end(|event| event.outcome(Outcome::Failure).error(message));
    }

    /// It ended as the event says, which is taken as it is but for the time it took.
    pub fn finish(mut self) {
        self.end(|event| event);
    }

    /// Ends it, and gives the event instead of recording it: for those who await what becomes of it.
    pub fn take(mut self) -> Event {
        self.ended().expect("a call has its event until it ends")
    }

    /// Forgets it: it turned out not to be one that is recorded.
    pub fn forget(mut self) {
        self.event = None;
    }

    fn end(&mut self, how: impl FnOnce(Event) -> Event) {
        if let Some(event) = self.ended() {
            self.recorder.record(how(event));
        }
    }

    fn ended(&mut self) -> Option<Event> {
        let took = milliseconds(clock::instant().duration_since(self.started));
        self.event.take().map(|event| event.detail("duration_ms", took))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if thread::panicking() {
            let panicked = |event: Event| event.outcome(Outcome::Error).error_code("panic");
            self.end(|event| panicked(event).error("panicked"));
        } else {
            let cancelled = |event: Event| event.error("cancelled").error_code("cancelled");
            self.end(|event| cancelled(event).outcome(Outcome::Unknown));
        }
    }
}
