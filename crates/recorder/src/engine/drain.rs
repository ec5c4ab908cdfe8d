//! The recorder's own thread: takes events out of the queue, encodes them, fills the buffer, tells losses, and
//! keeps everybody's deadlines, as it is never blocked by a slow transport.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::{Answers, Engine, Item, give, lock};
use crate::buffer::{Encoded, Full};
use crate::clock;
use crate::ledger::Cause;
use crate::limits::{IDLE_AFTER, IDLE_NAP, LOSSES_TOLD, NAP, ROUND_BYTES_MAX, SPOOL_RETRY};

/// How many events are encoded before the buffer is locked for them.
const ROUND: u64 = 256;

/// What the drainer owns.
#[derive(Default)]
pub(super) struct Drainer {
    /// Encoded, and not yet in the buffer.
    pub(super) round: Vec<Encoded>,
    round_bytes: usize,
    /// Taken from the queue for this round, also those of which nothing is left to buffer.
    taken: u64,
    /// Flushes whose place was reached, and how many events of the round are before them.
    flushes: Vec<(u64, u64)>,
    /// Looks at the queue that found nothing.
    idle: u32,
    told: Option<Instant>,
    /// When to try again to write what could not be written.
    commit_at: Option<Instant>,
}

impl Engine {
    pub(super) fn run_drainer(&self) {
        let mut drainer = Drainer::default();
        loop {
            let more = self.drain_round(&mut drainer);
            let now = clock::instant();
            self.keep_deadlines(now);
            self.tell_losses(&mut drainer, now);
            if self.finished(&drainer) {
                break;
            }
            if more {
                continue;
            }
            thread::park_timeout(if drainer.idle >= IDLE_AFTER { IDLE_NAP } else { NAP });
        }
        self.end(&mut drainer);
    }

    /// Encodes some events and buffers them; whether to go on at once.
    pub(super) fn drain_round(&self, drainer: &mut Drainer) -> bool {
        let mut weight = 0;
        // Events that had no room stay in the round, and nothing is taken before they have it: so the queue fills,
        // and whoever pushes learns that there is no room.
        while drainer.taken < ROUND && drainer.round_bytes < ROUND_BYTES_MAX {
            if self.take_overflow(drainer) {
                continue;
            }
            match self.queue.pop() {
                None => break,
                Some(Item::Flush(number)) => {
                    // What came past the queue before it was asked for is settled before it, too.
                    while self.take_overflow(drainer) {}
                    drainer.flushes.push((number, drainer.round.len() as u64));
                }
                Some(Item::Event(event)) => {
                    weight += event.weight();
                    drainer.taken += 1;
                    if let Ok((_, encoded)) = self.encoder.encode(event) {
                        drainer.take(encoded);
                    }
                }
            }
        }
        self.queue_bytes.fetch_sub(weight, Ordering::AcqRel);
        let full = drainer.taken >= ROUND || drainer.round_bytes >= ROUND_BYTES_MAX;
        let something = drainer.taken > 0 || !drainer.flushes.is_empty();
        drainer.idle = if something { 0 } else { drainer.idle.saturating_add(1) };
        if something || drainer.commit_at.is_some_and(|at| at <= clock::instant()) {
            self.fill_buffer(drainer);
        }
        full && drainer.round.is_empty()
    }

    fn take_overflow(&self, drainer: &mut Drainer) -> bool {
        let Some(encoded) = self.overflow.pop() else { return false };
        self.awaited_bytes.fetch_sub(encoded.weight(), Ordering::AcqRel);
        drainer.taken += 1;
        drainer.take(Arc::unwrap_or_clone(encoded));
        true
    }

    fn fill_buffer(&self, drainer: &mut Drainer) {
        let now = clock::instant();
        let mut state = lock(&self.state);
        let entered = state.entered;
        let mut events = std::mem::take(&mut drainer.round).into_iter();
        for event in events.by_ref() {
            if let Err(Full(event)) = state.buffer.push(event) {
                drainer.round.push(event);
                break;
            }
            state.entered += 1;
        }
        drainer.round.extend(events);
        drainer.round_bytes = drainer.round.iter().map(Encoded::weight).sum();
        let committed = if drainer.commit_at.is_none_or(|at| at <= now) {
            Some(state.buffer.commit())
        } else {
            None
        };
        if let Some(Err(error)) = &committed {
            state.trouble = Some(error.to_string());
        }
        let waiting = drainer.round.len() as u64;
        // What waits in the round is not settled, so it is not counted as taken yet.
        let settled_or_buffered = drainer.taken.saturating_sub(waiting);
        state.drained += settled_or_buffered;
        drainer.taken -= settled_or_buffered;
        state.wants_room = waiting > 0;
        if state.buffer.len() > 0 {
            state.since.get_or_insert(now);
        }
        for (number, before) in drainer.flushes.drain(..) {
            let target = entered + before;
            state.waiters.iter_mut().filter(|w| w.number == number).for_each(|waiter| {
                waiter.target = Some(target);
            });
        }
        let reached = state.reached();
        drop(state);
        give(reached);
        if let Some(committed) = committed {
            drainer.committed(committed, now);
        }
        self.sender_wakes.notify_all();
        self.room.notify_all();
    }

    fn keep_deadlines(&self, now: Instant) {
        self.expire_awaited(now);
        let mut state = lock(&self.state);
        let damaged = state.buffer.take_damaged();
        let mut answers = state.reached();
        answers.extend(state.expired(now));
        let mut given_up = false;
        let left = self.unwritten(&state);
        if let Some(closing) = &mut state.closing {
            given_up = closing.deadline <= now && !closing.abandoned;
            closing.abandoned |= given_up;
            // Where it is over the end follows at once, and answers once the spool is free for others. Somebody
            // with less time hears it now, even if the transport is stuck in a sending.
            if !closing.abandoned {
                let late = closing.replies.extract_if(.., |(deadline, _)| *deadline <= now);
                answers.extend::<Answers>(late.map(|(_, reply)| (reply, left.clone())).collect());
            }
        }
        drop(state);
        if damaged > 0 {
            self.encoder.ledger.count("", Cause::Damaged, damaged);
        }
        give(answers);
        if given_up {
            self.wake_all();
        }
    }

    /// Brings losses into the trail, every few seconds and before the end.
    fn tell_losses(&self, drainer: &mut Drainer, now: Instant) {
        let due = drainer.told.is_none_or(|told| now.duration_since(told) >= LOSSES_TOLD);
        if !(due || self.is_closed())
            || !drainer.round.is_empty()
            || !self.encoder.ledger.has_untold()
            || lock(&self.state).no_more
        {
            return;
        }
        drainer.told = Some(now);
        let event = self.encoder.ledger.tell();
        let Some(Ok((_, encoded))) = event.map(|event| self.encoder.encode(event)) else { return };
        // It takes the round's place in the queue, so that it waits for room like any other.
        self.handed.fetch_add(1, Ordering::AcqRel);
        drainer.take(encoded);
        drainer.taken += 1;
        self.fill_buffer(drainer);
    }

    /// Whether everything is over: closed, drained, and the senders have ended.
    fn finished(&self, drainer: &Drainer) -> bool {
        if !self.is_closed() || self.entering.load(Ordering::SeqCst) > 0 {
            return false;
        }
        let mut state = lock(&self.state);
        if state.express_done && !state.no_more {
            // What the awaited ones left behind comes first.
            drop(state);
            self.expire_all_awaited();
            state = lock(&self.state);
        }
        let drained = state.express_done
            && self.queue.is_empty()
            && self.overflow.is_empty()
            && drainer.round.is_empty()
            && !self.encoder.ledger.has_untold();
        if !state.no_more && (drained || state.abandoned()) {
            state.no_more = true;
            self.sender_wakes.notify_all();
        }
        state.no_more && (state.sender_done || state.abandoned())
    }
}

impl Drainer {
    pub(super) fn take(&mut self, event: Encoded) {
        self.round_bytes += event.weight();
        self.round.push(event);
    }

    fn committed(&mut self, result: std::io::Result<()>, now: Instant) {
        match result {
            Ok(()) => {
                if self.commit_at.take().is_some() {
                    tracing::info!("the spool can be written again");
                }
            }
            Err(error) => {
                if self.commit_at.is_none() {
                    tracing::warn!(%error, "the spool cannot be written; trying again");
                }
                self.commit_at = Some(now + SPOOL_RETRY);
            }
        }
    }
}
