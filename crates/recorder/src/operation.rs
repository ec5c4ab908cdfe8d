//! Deeds that are announced before they are done.

use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;
use std::time::Instant;

use indelible_event::{EventId, Outcome, Phase};
use serde::Serialize;

use crate::call::Call;
use crate::clock;
use crate::error::RecordError;
use crate::event::{Event, milliseconds};
use crate::recorder::Recorder;
use crate::ticket::Ticket;
use crate::transport::Receipt;

/// An operation whose intent is durable. Say how it ended; dropped, it ends as `unknown`.
#[derive(Debug)]
#[must_use = "dropping an operation records that nobody knows how it ended"]
pub struct Operation {
    recorder: Recorder,
    /// What the outcome begins with; taken when it is recorded.
    outcome: Option<Event>,
    intent: EventId,
    started: Instant,
}

/// The way to an [`Operation`]: await it, or [`wait`](Begin::wait) for it outside of async code.
#[derive(Debug)]
#[must_use = "nothing was begun until this was awaited"]
pub struct Begin {
    ticket: Ticket<Result<Receipt, RecordError>>,
    /// Taken when the ticket is answered.
    waiting: Option<(Recorder, Event)>,
}

impl Operation {
    pub(crate) fn begin(recorder: &Recorder, event: Event) -> Begin {
        let mut outcome = event.clone().phase(Phase::Outcome);
        let fields = &mut *outcome.0;
        // What the intent says of the state before is in the intent, and the outcome refers to it.
        (fields.id, fields.before, fields.after, fields.occurred_at) = (None, None, None, None);
        let id = event.0.id.unwrap_or_else(|| {
            let at = u64::try_from(clock::now().0 / 1_000).unwrap_or_default();
            EventId::v7(at, clock::random())
        });
        fields.reference = Some(id);
        let intent = event.id(id).phase(Phase::Intent).outcome(Outcome::Pending);
        let ticket = recorder.record_durable(intent);
        Begin { ticket, waiting: Some((recorder.clone(), outcome)) }
    }

    /// The id of the intent.
    pub fn id(&self) -> EventId {
        self.intent
    }

    /// Adds to what the outcome will say.
    pub fn note(&mut self, change: impl FnOnce(Event) -> Event) {
        self.outcome = self.outcome.take().map(change);
    }

    /// The same as a [`Call`], for instrumentation: dropped, that says whether it was cancelled or panicked.
    pub fn into_call(mut self) -> Call {
        let outcome = self.outcome.take().expect("an operation has its outcome until it ends");
        Call::resume(self.recorder.clone(), outcome, self.started)
    }

    /// It was done; `after` is the state now, `()` for none.
    pub fn success(mut self, after: impl Serialize) {
        self.end(|event| event.outcome(Outcome::Success).after(after));
    }

    /// It failed.
    pub fn failure(mut self, error: &(impl Error + ?Sized)) {
        self.end(|event| event.outcome(Outcome::Failure).error(told(error)));
    }

    /// It was not allowed.
    pub fn denied(mut self, why: impl Into<crate::Text>) {
        self.end(|event| event.outcome(Outcome::Denied).error(why));
    }

    /// Like [`Operation::success`], and answers once that is durable too.
    pub fn success_durable(
        mut self,
        after: impl Serialize,
    ) -> Ticket<Result<Receipt, RecordError>> {
        let event = self.ended(|event| event.outcome(Outcome::Success).after(after));
        let event = event.expect("an operation has its outcome until it ends");
        self.recorder.record_durable(event)
    }

    fn end(&mut self, how: impl FnOnce(Event) -> Event) {
        if let Some(event) = self.ended(how) {
            self.recorder.record(event);
        }
    }

    fn ended(&mut self, how: impl FnOnce(Event) -> Event) -> Option<Event> {
        let took = clock::instant().duration_since(self.started);
        self.outcome.take().map(|event| how(event.detail("duration_ms", milliseconds(took))))
    }
}

impl Drop for Operation {
    fn drop(&mut self) {
        let why = if thread::panicking() { "panicked" } else { "nobody said how it ended" };
        self.end(|event| {
            let event = event.error(why);
            let outcome = if thread::panicking() { Outcome::Error } else { Outcome::Unknown };
            event.outcome(outcome)
        });
    }
}

impl Begin {
    /// Waits on this thread until the intent is durable.
    pub fn wait(mut self) -> Result<Operation, RecordError> {
        let ticket =
            std::mem::replace(&mut self.ticket, Ticket::answered(Err(RecordError::Closed)));
        let answer = ticket.wait();
        self.begun(answer)
    }

    fn begun(&mut self, answer: Result<Receipt, RecordError>) -> Result<Operation, RecordError> {
        let (recorder, outcome) = self.waiting.take().expect("a ticket is answered once");
        let intent = outcome.0.reference.expect("set when it was begun");
        match answer {
            Ok(_) => Ok(Operation {
                recorder,
                outcome: Some(outcome),
                intent,
                started: clock::instant(),
            }),
            Err(error) => {
                // The intent may come to be kept, so the trail must also say that nothing came of it.
                not_begun(&recorder, outcome, &error.to_string());
                Err(error)
            }
        }
    }
}

fn not_begun(recorder: &Recorder, outcome: Event, why: &str) {
    let event = outcome.outcome(Outcome::Failure).error_code("not_begun");
    recorder.record(event.error(format!("not begun: {why}")));
}

impl Future for Begin {
    type Output = Result<Operation, RecordError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.ticket).poll(cx).map(|answer| self.begun(answer))
    }
}

impl Drop for Begin {
    /// Cancelled while it waited: the intent is on its way, the deed will not be done.
    fn drop(&mut self) {
        if let Some((recorder, outcome)) = self.waiting.take() {
            not_begun(&recorder, outcome, "cancelled before the intent was durable");
        }
    }
}

/// An error with what caused it, in one line.
pub(crate) fn told(error: &(impl Error + ?Sized)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let said = error.to_string();
        // Many errors repeat their cause in their own text.
        if !text.contains(&said) {
            text.push_str(": ");
            text.push_str(&said);
        }
        source = error.source();
    }
    text
}
