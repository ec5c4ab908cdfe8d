//! Events that somebody awaits: sent at once, together with the others that are awaited, past the buffer.

use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Instant;

use indelible_event::EventId;

use super::{Engine, Reply, Watched, answer, lock};
use crate::buffer::Encoded;
use crate::clock;
use crate::encode::NotEncoded;
use crate::error::RecordError;
use crate::event::Event;
use crate::ledger::Cause;
use crate::limits::{BATCH_SIZE_MAX, RETRY_MAX, RETRY_MIN};
use crate::ticket::Ticket;
use crate::transport::{Receipt, Sent};

/// What is awaited.
#[derive(Default)]
pub(super) struct Express {
    waiting: Vec<Awaited>,
    /// The same by deadline, for the thread that keeps those.
    watched: Watched,
}

struct Awaited {
    id: EventId,
    event: Encoded,
    deadline: Instant,
    reply: Reply,
    /// Whoever asked still has it and will ask again, so it is forgotten when its time is over.
    kept_elsewhere: bool,
}

impl Engine {
    /// Records an event and answers once it is durable.
    pub(crate) fn push_durable(&self, event: Event) -> Ticket<Result<Receipt, RecordError>> {
        if self.is_closed() {
            self.encoder.lost(event.event_type(), Cause::Dropped, 1);
            return Ticket::answered(Err(RecordError::Closed));
        }
        let (id, event) = match self.encoder.encode(event) {
            Ok(encoded) => encoded,
            Err(NotEncoded::Refused(why)) => {
                return Ticket::answered(Err(RecordError::Refused { why }));
            }
            Err(NotEncoded::LeftOut) => return Ticket::answered(Ok(Receipt::of_nothing())),
        };
        let mut express = lock(&self.express);
        let ticket = self.awaited(&mut express, id, event, false);
        drop(express);
        self.express_wakes.notify_one();
        ticket
    }

    /// Sends events that somebody keeps until they are known to be durable.
    pub(crate) fn push_prepared(
        &self,
        events: impl Iterator<Item = (EventId, Encoded)>,
    ) -> Vec<Ticket<Result<Receipt, RecordError>>> {
        if self.is_closed() {
            return events.map(|_| Ticket::answered(Err(RecordError::Closed))).collect();
        }
        let mut express = lock(&self.express);
        // A sending that is stuck must not gather a copy of the same events with each asking.
        express.waiting.retain(|old| !(old.kept_elsewhere && lock(&old.reply).is_none()));
        let tickets =
            events.map(|(id, event)| self.awaited(&mut express, id, event, true)).collect();
        drop(express);
        self.express_wakes.notify_one();
        tickets
    }

    fn awaited(
        &self,
        express: &mut Express,
        id: EventId,
        event: Encoded,
        kept_elsewhere: bool,
    ) -> Ticket<Result<Receipt, RecordError>> {
        let (sender, ticket) = Ticket::asked(|| Err(RecordError::Closed));
        let reply = Reply::new(std::sync::Mutex::new(Some(sender)));
        let deadline = clock::instant() + self.settings.durable_max;
        express.watched.push_back((deadline, id, reply.clone()));
        express.waiting.push(Awaited { id, event, deadline, reply, kept_elsewhere });
        ticket
    }

    pub(super) fn run_express(&self) {
        let mut open: Vec<Awaited> = Vec::new();
        let mut failures = 0u32;
        loop {
            if !self.next_awaited(&mut open, failures) {
                break;
            }
            let trouble = self.send_awaited(&mut open);
            failures = if trouble.is_some() { failures + 1 } else { 0 };
            self.give_up(&mut open, trouble);
        }
        lock(&self.state).express_done = true;
        self.wake_drainer();
    }

    /// Waits for something to send and takes it; false at the end.
    fn next_awaited(&self, open: &mut Vec<Awaited>, failures: u32) -> bool {
        let backoff =
            RETRY_MIN.saturating_mul(1 << failures.min(16).saturating_sub(1)).min(RETRY_MAX);
        let again = clock::instant() + backoff;
        let mut express = lock(&self.express);
        loop {
            let left = again.saturating_duration_since(clock::instant());
            let paused = failures > 0 && !left.is_zero() && !self.is_closed();
            let something = !open.is_empty() || !express.waiting.is_empty();
            if something && !paused {
                open.append(&mut express.waiting);
                return true;
            }
            if !something && self.is_closed() {
                return false;
            }
            let waited =
                self.express_wakes.wait_timeout(express, if paused { left } else { RETRY_MAX });
            express = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends what is open, once; what is left in it was not answered for, for the reason given.
    fn send_awaited(&self, open: &mut Vec<Awaited>) -> Option<String> {
        let batch: Vec<Awaited> = open.drain(..open.len().min(BATCH_SIZE_MAX)).collect();
        let events: Vec<&[u8]> = batch.iter().map(|awaited| &*awaited.event.json).collect();
        let results = match self.transport.send(&events) {
            Ok(results) if results.len() == batch.len() => results,
            Ok(_) => {
                open.extend(batch);
                return Some("the answer was about another number of events".into());
            }
            Err(error) if error.rejected && batch.len() == 1 => {
                vec![Sent::Refused(error.why)]
            }
            Err(error) => {
                open.extend(batch);
                return Some(error.why);
            }
        };
        let mut trouble = None;
        for (awaited, result) in batch.into_iter().zip(results) {
            match result {
                Sent::Kept(receipt) => answer(&awaited.reply, Ok(receipt)),
                Sent::Refused(why) => {
                    self.encoder.ledger.count(&awaited.event.event_type, Cause::Refused, 1);
                    answer(&awaited.reply, Err(RecordError::Refused { why }));
                }
                Sent::Failed(why) => {
                    trouble = Some(why);
                    open.push(awaited);
                }
            }
        }
        trouble
    }

    /// Hands those whose time is over to the buffer, where they are safe and sent when that is possible again.
    fn give_up(&self, open: &mut Vec<Awaited>, trouble: Option<String>) {
        let Some(why) = trouble else { return };
        lock(&self.state).trouble = Some(why.clone());
        let (now, closed) = (clock::instant(), self.is_closed());
        for late in open.extract_if(.., |awaited| closed || awaited.deadline <= now) {
            if !late.kept_elsewhere {
                self.handed.fetch_add(1, Ordering::AcqRel);
                self.overflow.push(late.event);
            }
            answer(&late.reply, Err(RecordError::Unconfirmed { id: late.id, why: why.clone() }));
        }
        self.wake_drainer();
    }

    /// Tells those who waited long enough that nothing is known yet, even if a sending is stuck.
    pub(super) fn expire_durables(&self, now: Instant) {
        let mut express = lock(&self.express);
        while let Some((deadline, _, reply)) = express.watched.front()
            && (*deadline <= now || lock(reply).is_none())
        {
            let Some((_, id, reply)) = express.watched.pop_front() else { break };
            let why = lock(&self.state).trouble.clone().unwrap_or_else(|| "no answer yet".into());
            answer(&reply, Err(RecordError::Unconfirmed { id, why }));
        }
    }
}
