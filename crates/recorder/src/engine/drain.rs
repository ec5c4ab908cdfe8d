//! The recorder's own thread: takes events out of the queue, encodes them, fills the buffer, tells losses, and
//! keeps everybody's deadlines, as it is never blocked by a slow transport.

use std::sync::atomic::Ordering;
use std::thread;
use std::time::Instant;

use super::{Engine, lock};
use crate::buffer::{Encoded, Full};
use crate::clock;
use crate::ledger::Cause;
use crate::limits::{IDLE_AFTER, IDLE_NAP, LOSSES_TOLD, NAP};

/// How many events are encoded before the buffer is locked for them.
const ROUND: usize = 256;

/// What the drainer owns.
#[derive(Default)]
struct Drainer {
    /// Encoded, and not yet in the buffer.
    round: Vec<Encoded>,
    /// Taken from the queue for this round, also those of which nothing is left to buffer.
    taken: u64,
    /// Looks at the queue that found nothing.
    idle: u32,
    told: Option<Instant>,
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
        self.transport.close();
        let mut state = lock(&self.state);
        state.ended = true;
        let left = self.unwritten(&state);
        let replies = state.closing.take().map(|closing| closing.replies);
        drop(state);
        for reply in replies.into_iter().flatten() {
            let _ = reply.send(left.clone().map_or(Ok(()), Err));
        }
    }

    /// Encodes some events and buffers them; whether to go on at once.
    fn drain_round(&self, drainer: &mut Drainer) -> bool {
        let mut weight = 0;
        // Events that had no room stay in the round, and nothing is taken before they have it: so the queue fills,
        // and whoever pushes learns that there is no room.
        while drainer.taken < ROUND as u64 {
            if let Some(encoded) = self.overflow.pop() {
                drainer.taken += 1;
                drainer.round.push(encoded);
                continue;
            }
            let Some(event) = self.queue.pop() else { break };
            weight += event.weight();
            drainer.taken += 1;
            if let Ok((_, encoded)) = self.encoder.encode(event) {
                drainer.round.push(encoded);
            }
        }
        self.queue_bytes.fetch_sub(weight, Ordering::AcqRel);
        let full = drainer.taken == ROUND as u64;
        drainer.idle = if drainer.taken == 0 { drainer.idle.saturating_add(1) } else { 0 };
        if drainer.taken > 0 || !drainer.round.is_empty() {
            self.fill_buffer(drainer);
        }
        full && drainer.round.is_empty()
    }

    fn fill_buffer(&self, drainer: &mut Drainer) {
        let mut state = lock(&self.state);
        let mut events = std::mem::take(&mut drainer.round).into_iter();
        for event in events.by_ref() {
            if let Err(Full(event)) = state.buffer.push(event) {
                drainer.round.push(event);
                break;
            }
        }
        drainer.round.extend(events);
        if let Err(error) = state.buffer.commit() {
            tracing::warn!(%error, "the spool cannot be written");
            state.trouble = Some(error.to_string());
        }
        let waiting = drainer.round.len() as u64;
        // What waits in the round is not settled, so it is not counted as taken yet.
        let settled_or_buffered = drainer.taken.saturating_sub(waiting);
        state.drained += settled_or_buffered;
        drainer.taken -= settled_or_buffered;
        if state.buffer.len() > 0 {
            state.since.get_or_insert_with(clock::instant);
        }
        state.answer_waiters();
        drop(state);
        self.sender_wakes.notify_all();
        self.room.notify_all();
    }

    fn keep_deadlines(&self, now: Instant) {
        self.expire_durables(now);
        let mut state = lock(&self.state);
        state.expire_waiters(now);
        if let Some(closing) = &mut state.closing
            && closing.deadline <= now
            && !closing.abandoned
        {
            closing.abandoned = true;
            // Whoever waits hears it now, even if the transport is stuck in a sending.
            let replies = std::mem::take(&mut closing.replies);
            let left = self.unwritten(&state);
            drop(state);
            for reply in replies {
                let _ = reply.send(left.clone().map_or(Ok(()), Err));
            }
            self.wake_all();
        }
    }

    /// Brings losses into the trail, every few seconds and before the end.
    fn tell_losses(&self, drainer: &mut Drainer, now: Instant) {
        let due = drainer.told.is_none_or(|told| now.duration_since(told) >= LOSSES_TOLD);
        if !(due || self.is_closed())
            || !drainer.round.is_empty()
            || !self.encoder.ledger.has_untold()
        {
            return;
        }
        drainer.told = Some(now);
        let event = self.encoder.ledger.tell();
        let Some(Ok((_, encoded))) = event.map(|event| self.encoder.encode(event)) else { return };
        // It takes the round's place in the queue, so that it waits for room like any other.
        self.handed.fetch_add(1, Ordering::AcqRel);
        drainer.round.push(encoded);
        drainer.taken += 1;
        self.fill_buffer(drainer);
    }

    /// Whether everything is over: closed, drained, and the senders have ended.
    fn finished(&self, drainer: &Drainer) -> bool {
        if !self.is_closed() {
            return false;
        }
        let mut state = lock(&self.state);
        let drained = state.express_done
            && self.queue.is_empty()
            && self.overflow.is_empty()
            && drainer.round.is_empty()
            && !self.encoder.ledger.has_untold();
        if !state.no_more && (drained || state.abandoned()) {
            for event in &drainer.round {
                self.encoder.ledger.count(&event.event_type, Cause::Unsent, 1);
            }
            state.no_more = true;
            self.sender_wakes.notify_all();
        }
        state.no_more && (state.sender_done || state.abandoned())
    }
}
