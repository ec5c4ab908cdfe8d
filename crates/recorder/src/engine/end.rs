//! The end of a recorder: nothing is left without an answer or a count.

use super::drain::Drainer;
use super::{Answers, Closing, Engine, Item, give, lock};
use crate::buffer::{Buffer, Memory};
use crate::clock;
use crate::ledger::Cause;

impl Engine {
    /// What is left goes where it survives, or is counted; everybody who waits is answered; the buffer is let go,
    /// so that the next recorder may have it even while a sending of this one is stuck.
    pub(super) fn end(&self, drainer: &mut Drainer) {
        self.expire_all_awaited();
        loop {
            self.drain_round(drainer);
            let stuck = !drainer.round.is_empty();
            if stuck || self.queue.is_empty() && self.overflow.is_empty() {
                break;
            }
        }
        let mut state = lock(&self.state);
        // Whether or not it is time to: there is no other.
        let committed = state.buffer.commit();
        let left = self.unwritten(&state);
        state.ended = Some(left.clone());
        let mut answers: Answers = Vec::new();
        if let Some(closing) = &mut state.closing {
            answers.extend(closing.replies.drain(..).map(|(_, reply)| (reply, left.clone())));
        }
        answers.extend(state.waiters.drain(..).map(|waiter| (waiter.reply, left.clone())));
        let mut buffer = std::mem::replace(&mut state.buffer, Box::new(Memory::new(0)));
        drop(state);
        if let Err(error) = committed {
            tracing::error!(%error, "the spool cannot be written");
        }
        self.count_rest(drainer, &mut *buffer);
        // Its files are closed before anybody hears that it is over.
        drop(buffer);
        give(answers);
    }

    fn count_rest(&self, drainer: &mut Drainer, buffer: &mut dyn Buffer) {
        let unsent = |event_type: &str| self.encoder.ledger.count(event_type, Cause::Unsent, 1);
        for event in drainer.round.drain(..).chain(buffer.take_mortal()) {
            unsent(&event.event_type);
        }
        while let Some(event) = self.overflow.pop() {
            unsent(&event.event_type);
        }
        while let Some(item) = self.queue.pop() {
            if let Item::Event(event) = item {
                self.encoder.lost(event.event_type(), Cause::Unsent, 1);
            }
        }
        // What the trail does not hear any more is at least in the log; from a spool it will hear it later.
        if let Some(told) = self.encoder.ledger.tell()
            && buffer.survives()
            && let Ok((_, told)) = self.encoder.encode(told)
        {
            let _ = buffer.push(told);
        }
    }

    /// Nothing more is taken or sent.
    pub(super) fn break_off(&self) {
        let mut state = lock(&self.state);
        self.closed.store(true, std::sync::atomic::Ordering::SeqCst);
        let deadline = clock::instant();
        let closing = state.closing.get_or_insert_with(|| Closing {
            deadline,
            replies: Vec::new(),
            abandoned: false,
        });
        closing.abandoned = true;
        drop(state);
        self.wake_all();
    }

    /// One of the threads panicked, which is a bug of ours: what there is must not be lost in silence.
    pub(super) fn broken(&self) {
        tracing::error!("a thread of the audit recorder panicked; it records nothing more");
        self.break_off();
        let drainer = self.drainer.get().map(std::thread::Thread::id);
        if drainer.is_none_or(|id| id == std::thread::current().id()) {
            self.end(&mut Drainer::default());
        }
    }
}
