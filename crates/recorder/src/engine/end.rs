//! The end of a recorder: nothing is left without an answer or a count.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;

use super::drain::Drainer;
use super::{Answers, Closing, Engine, Item, give, lock};
use crate::buffer::{Buffer, Encoded, Memory};
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
        // Whether or not it is time to: there is no other.
        let committed = lock(&self.state).buffer.commit();
        if let Err(error) = committed {
            tracing::error!(%error, "the spool cannot be written");
        }
        let (mut buffer, answers) = self.let_go();
        let unsent =
            |event: Encoded| self.encoder.ledger.count(&event.event_type, Cause::Unsent, 1);
        drainer.round.drain(..).chain(buffer.take_mortal()).for_each(unsent);
        self.count_queues();
        self.tell_the_last(&mut *buffer);
        // Its files are closed before anybody hears that it is over.
        drop(buffer);
        give(answers);
    }

    /// From here on there is no buffer, and everybody gets the same answer.
    fn let_go(&self) -> (Box<dyn Buffer>, Answers) {
        let mut state = lock(&self.state);
        let left = self.unwritten(&state);
        state.ended = Some(left.clone());
        let mut answers: Answers = Vec::new();
        if let Some(closing) = &mut state.closing {
            answers.extend(closing.replies.drain(..).map(|(_, reply)| (reply, left.clone())));
        }
        answers.extend(state.waiters.drain(..).map(|waiter| (waiter.reply, left.clone())));
        (std::mem::replace(&mut state.buffer, Box::new(Memory::new(0))), answers)
    }

    /// Counts what is in the queues, and gives how many.
    fn count_queues(&self) -> u64 {
        let mut count = 0;
        while let Some(event) = self.overflow.pop() {
            self.encoder.ledger.count(&event.event_type, Cause::Unsent, 1);
            count += 1;
        }
        while let Some(item) = self.queue.pop() {
            if let Item::Event(event) = item {
                self.encoder.lost(event.event_type(), Cause::Unsent, 1);
                count += 1;
            }
        }
        count
    }

    /// What the trail does not hear any more is at least in the log; from a spool it will hear it later.
    fn tell_the_last(&self, buffer: &mut dyn Buffer) {
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
        self.closed.store(true, Ordering::SeqCst);
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
        if drainer.is_some_and(|id| id != std::thread::current().id()) {
            // The drainer sees to the rest.
            return;
        }
        // It may have been the buffer, so that is not touched any more but for what it gives by itself.
        let drained = lock(&self.state).drained;
        let (mut buffer, answers) = self.let_go();
        let mortal = catch_unwind(AssertUnwindSafe(|| {
            let mortal = buffer.take_mortal();
            drop(buffer);
            mortal
        }));
        for event in mortal.unwrap_or_default() {
            self.encoder.ledger.count(&event.event_type, Cause::Unsent, 1);
        }
        self.expire_all_awaited();
        let queued = self.count_queues();
        let in_hand = self.handed.load(Ordering::Acquire).saturating_sub(drained + queued);
        if in_hand > 0 {
            self.encoder.ledger.count("", Cause::Unsent, in_hand);
        }
        give(answers);
    }
}

#[cfg(test)]
#[path = "end_tests.rs"]
mod tests;
