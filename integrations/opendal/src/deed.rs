//! One operation of a backend: told once, however it ends, and before it begins where that is required.

use std::mem;
use std::sync::Arc;
use std::thread;

use indelible_recorder::{Call, Durability, Event, Operation, Outcome, Recorder, Scope};
use opendal_core::{Error, ErrorKind, Result};

use crate::fault::Fault;

/// An operation in progress. Dropped before its end was said, it failed if something failed, and was cancelled if
/// nothing did.
#[derive(Debug)]
pub(crate) struct Deed {
    recorder: Recorder,
    durability: Durability,
    state: State,
    /// What failed, as long as it may be made good by trying again.
    fault: Option<Fault>,
}

#[derive(Debug)]
enum State {
    /// Will be told at its end.
    Called(Call),
    /// Must be told before it begins, as a deed of this scope.
    Announced { event: Event, scope: Option<Arc<Scope>> },
    /// Was told, and may be done.
    Begun(Operation),
    /// Could not be told, and must not be done.
    Refused(String),
    /// Was told whole, or is not to be told.
    Over,
}

impl Deed {
    /// One that changes nothing in the backend.
    pub(crate) fn watched(recorder: &Recorder, durability: Durability, event: Event) -> Deed {
        let call = Call::begin(recorder, event);
        Deed { recorder: recorder.clone(), durability, state: State::Called(call), fault: None }
    }

    /// One that changes the backend, so that it may have to be told first: see [`Deed::begin`].
    pub(crate) fn guarded(recorder: &Recorder, durability: Durability, event: Event) -> Deed {
        if durability != Durability::Required {
            return Deed::watched(recorder, durability, event);
        }
        let state = State::Announced { event: event.instrumented(), scope: Scope::current() };
        Deed { recorder: recorder.clone(), durability, state, fault: None }
    }

    /// One that is not to be told.
    pub(crate) fn untold(recorder: &Recorder) -> Deed {
        let durability = Durability::Async;
        Deed { recorder: recorder.clone(), durability, state: State::Over, fault: None }
    }

    /// Whether it still must be told before it is done.
    pub(crate) fn is_announced(&self) -> bool {
        matches!(self.state, State::Announced { .. })
    }

    /// Whether there is nothing more to tell.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Tells what is about to be done, where that is required. After an error it must not be done.
    pub(crate) async fn begin(&mut self) -> Result<()> {
        if self.is_announced() {
            // Whoever gives up waiting here must find it refused, not open.
            let refused = State::Refused("it was given up while its intent was on its way".into());
            let State::Announced { event, scope } = mem::replace(&mut self.state, refused) else {
                unreachable!("it was announced a moment ago");
            };
            let recorder = self.recorder.clone();
            match within(scope, move || recorder.begin(event)).await {
                Ok(operation) => self.state = State::Begun(operation),
                Err(error) => self.state = State::Refused(error.to_string()),
            }
        }
        match &self.state {
            State::Refused(why) => {
                let message = format!("auditing failed, so nothing was done: {why}");
                Err(Error::new(ErrorKind::Unexpected, message))
            }
            _ => Ok(()),
        }
    }

    /// Adds to what will be told.
    pub(crate) fn note(&mut self, change: impl FnOnce(Event) -> Event) {
        match &mut self.state {
            State::Called(call) => call.note(change),
            State::Begun(operation) => operation.note(change),
            State::Announced { .. } => {
                let State::Announced { event, scope } = mem::replace(&mut self.state, State::Over)
                else {
                    unreachable!("it was announced a moment ago");
                };
                self.state = State::Announced { event: change(event), scope };
            }
            State::Refused(_) | State::Over => {}
        }
    }

    /// It failed, but the caller may try again: told if nothing better comes.
    pub(crate) fn remember(&mut self, error: &Error) {
        self.fault = Some(Fault::of(error));
    }

    /// What failed is made good.
    pub(crate) fn recovered(&mut self) {
        self.fault = None;
    }

    /// What failed so far.
    pub(crate) fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// It ended so; a failure that may pass waits for the next try.
    pub(crate) async fn end<T>(&mut self, result: &Result<T>) {
        match result {
            Ok(_) => self.finish(None).await,
            Err(error) if error.is_temporary() => self.remember(error),
            Err(error) => self.finish(Some(Fault::of(error))).await,
        }
    }

    /// It ended for good. Waits until that is durable, where the event's type asks for it.
    pub(crate) async fn finish(&mut self, fault: Option<Fault>) {
        if let Some(event) = self.over(fault) {
            // The deed is done, so an error could only make its caller do it again.
            let _ = self.recorder.record_durable(event).await;
        }
    }

    /// The same where nothing can wait.
    pub(crate) fn finish_now(&mut self, fault: Option<Fault>) {
        if let Some(event) = self.over(fault) {
            drop(self.recorder.record_durable(event));
        }
    }

    /// Nothing was done.
    pub(crate) fn forget(&mut self) {
        if let State::Called(call) = mem::replace(&mut self.state, State::Over) {
            call.forget();
        }
    }

    /// Ends it; the event, if it is one that is to be durable.
    fn over(&mut self, fault: Option<Fault>) -> Option<Event> {
        let tell = |event: Event, fault: Option<Fault>| match fault {
            Some(fault) => fault.tell(event),
            None => event.outcome(Outcome::Success),
        };
        match mem::replace(&mut self.state, State::Over) {
            State::Called(mut call) => {
                call.note(|event| tell(event, fault));
                if self.durability != Durability::Async {
                    return Some(call.take());
                }
                call.finish();
            }
            State::Begun(mut operation) => match fault {
                None => operation.success(()),
                Some(fault) => {
                    operation.note(|event| event.error_code(fault.code.clone()));
                    if fault.is_denied() {
                        operation.denied(fault.to_string());
                    } else {
                        operation.failure(&fault);
                    }
                }
            },
            // It ended before anything was done, so there was nothing to tell before.
            State::Announced { event, scope } => {
                return Some(
                    within(scope, || Call::begin(&self.recorder, tell(event, fault))).take(),
                );
            }
            // The recorder has told already that it was not begun.
            State::Refused(_) | State::Over => {}
        }
        None
    }
}

impl Drop for Deed {
    fn drop(&mut self) {
        if let Some(fault) = self.fault.take().filter(|_| !thread::panicking()) {
            self.finish_now(Some(fault));
            return;
        }
        match mem::replace(&mut self.state, State::Over) {
            State::Begun(mut operation) => {
                operation.note(|event| event.error_code("cancelled"));
            }
            State::Announced { event, scope } => {
                drop(within(scope, || Call::begin(&self.recorder, event)));
            }
            // A call says by itself that it was cancelled, or that it panicked.
            State::Called(_) | State::Refused(_) | State::Over => {}
        }
    }
}

/// Does something within a scope, if there is one.
pub(crate) fn within<T>(scope: Option<Arc<Scope>>, work: impl FnOnce() -> T) -> T {
    match scope {
        Some(scope) => Scope::clone(&scope).run(work),
        None => work(),
    }
}
