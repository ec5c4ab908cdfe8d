//! Events that somebody awaits: sent at once, together with the others that are awaited, past the buffer.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use futures_channel::oneshot;
use indelible_event::EventId;

use super::send::pause;
use super::{Engine, lock, take_room};
use crate::buffer::Encoded;
use crate::clock;
use crate::encode::NotEncoded;
use crate::error::RecordError;
use crate::event::Event;
use crate::ledger::Cause;
use crate::limits::{BATCH_BYTES_MAX, BATCH_SIZE_MAX, RETRY_AWAITED_MAX, RETRY_MAX};
use crate::ticket::Ticket;
use crate::transport::{Receipt, SendError, Sent};

/// What is awaited.
#[derive(Default)]
pub(super) struct Express {
    waiting: Vec<Awaited>,
    /// The same in the order of their deadlines, which is that of their asking; those that are answered leave it
    /// now and then.
    watched: VecDeque<Watched>,
    /// How many are watched when it is next looked for answered ones.
    tidy_at: usize,
    /// Nothing more is taken.
    ended: bool,
}

struct Awaited {
    event: Arc<Encoded>,
    slot: Slot,
}

struct Watched {
    deadline: Instant,
    id: EventId,
    slot: Slot,
}

/// Whoever takes what is in it answers, and sees to the event: so it is done once.
type Slot = Arc<Mutex<Option<Open>>>;

struct Open {
    event: Arc<Encoded>,
    reply: oneshot::Sender<Result<Receipt, RecordError>>,
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
        let ticket = self.awaited(id, event, false);
        self.express_wakes.notify_one();
        ticket
    }

    /// Sends events that somebody keeps until they are known to be durable.
    pub(crate) fn push_prepared(
        &self,
        events: impl Iterator<Item = (EventId, Encoded)>,
    ) -> Vec<Ticket<Result<Receipt, RecordError>>> {
        let tickets = events.map(|(id, event)| self.awaited(id, event, true)).collect();
        self.express_wakes.notify_one();
        tickets
    }

    /// Puts an event among those that are awaited. One that is kept elsewhere is not ours to lose, nor to keep.
    fn awaited(
        &self,
        id: EventId,
        event: Encoded,
        kept_elsewhere: bool,
    ) -> Ticket<Result<Receipt, RecordError>> {
        let weight = event.weight();
        let refuse = |error: RecordError| {
            if !kept_elsewhere {
                self.encoder.ledger.count(&event.event_type, Cause::Dropped, 1);
            }
            Ticket::answered(Err(error))
        };
        if take_room(&self.awaited_bytes, weight, self.settings.queue_bytes_max).is_none() {
            return refuse(RecordError::Full);
        }
        let mut express = lock(&self.express);
        if express.ended {
            drop(express);
            self.awaited_bytes.fetch_sub(weight, Ordering::AcqRel);
            return refuse(RecordError::Closed);
        }
        let (reply, ticket) = Ticket::asked(|| Err(RecordError::Closed));
        let event = Arc::new(event);
        let open = Open { event: event.clone(), reply, kept_elsewhere };
        let slot = Slot::new(Mutex::new(Some(open)));
        let deadline = clock::after(self.settings.durable_max);
        express.watched.push_back(Watched { deadline, id, slot: slot.clone() });
        express.waiting.push(Awaited { event, slot });
        ticket
    }

    pub(super) fn run_express(&self) {
        let mut open: Vec<Awaited> = Vec::new();
        let mut failures = 0u32;
        let mut wait = Duration::ZERO;
        while self.next_awaited(&mut open, wait) {
            let trouble = self.send_awaited(&mut open);
            failures = if trouble.is_some() { failures + 1 } else { 0 };
            wait = trouble
                .as_ref()
                .map_or(Duration::ZERO, |error| pause(failures, RETRY_AWAITED_MAX, error));
            lock(&self.state).trouble = trouble.map(|error| error.why);
        }
        lock(&self.state).express_done = true;
        self.wake_drainer();
    }

    /// Waits for something to send and takes it; false at the end.
    fn next_awaited(&self, open: &mut Vec<Awaited>, wait: Duration) -> bool {
        let again = clock::after(wait);
        let mut express = lock(&self.express);
        loop {
            let closed = self.is_closed();
            let left = again.saturating_duration_since(clock::instant());
            open.append(&mut express.waiting);
            // Those whose time is over went into the buffer.
            open.retain(|awaited| lock(&awaited.slot).is_some());
            if closed && (open.is_empty() || !wait.is_zero()) {
                // What could not be sent is seen to by the drainer.
                express.ended = true;
                return false;
            }
            if !open.is_empty() && left.is_zero() {
                return true;
            }
            let wait = if open.is_empty() { RETRY_MAX } else { left };
            let waited = self.express_wakes.wait_timeout(express, wait);
            express = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Sends what is open, once, as much as makes a batch; what was not answered for stays in it.
    fn send_awaited(&self, open: &mut Vec<Awaited>) -> Option<SendError> {
        let mut bytes = 0;
        let fits = |awaited: &&Awaited| {
            let first = bytes == 0;
            bytes += awaited.event.json.len();
            first || bytes <= BATCH_BYTES_MAX
        };
        let batch = open.iter().take(BATCH_SIZE_MAX).take_while(fits).count();
        let batch: Vec<Awaited> = open.drain(..batch).collect();
        let events: Vec<&[u8]> = batch.iter().map(|awaited| &*awaited.event.json).collect();
        let delivered = self.deliver(&events);
        let mut trouble = delivered.trouble;
        let mut failed = Vec::new();
        for (awaited, result) in batch.into_iter().zip(delivered.results) {
            match result {
                Sent::Kept(receipt) => self.answer(&awaited, Ok(receipt)),
                Sent::Refused(why) => self.answer(&awaited, Err(RecordError::Refused { why })),
                Sent::Failed(why) => {
                    trouble.get_or_insert_with(|| SendError::passing(why));
                    failed.push(awaited);
                }
            }
        }
        // Behind the others, so that no few of them keep all from being tried.
        open.extend(failed);
        trouble
    }

    /// Answers, if nobody did.
    fn answer(&self, awaited: &Awaited, with: Result<Receipt, RecordError>) {
        let Some(open) = lock(&awaited.slot).take() else { return };
        self.awaited_bytes.fetch_sub(open.event.weight(), Ordering::AcqRel);
        if let Err(RecordError::Refused { why }) = &with
            && !open.kept_elsewhere
        {
            self.refused(&awaited.event, why);
        }
        let _ = open.reply.send(with);
    }

    /// Tells those who waited long enough that nothing is known yet, even if a sending is stuck, and hands their
    /// events to the buffer, where they are safe and sent when that is possible again.
    pub(super) fn expire_awaited(&self, now: Instant) {
        let mut express = lock(&self.express);
        let mut late = Vec::new();
        while let Some(watched) = express.watched.front()
            && (watched.deadline <= now || lock(&watched.slot).is_none())
        {
            late.extend(express.watched.pop_front());
        }
        if express.watched.len() > express.tidy_at {
            express.watched.retain(|watched| lock(&watched.slot).is_some());
            express.tidy_at = 2 * express.watched.len() + BATCH_SIZE_MAX;
        }
        drop(express);
        self.give_up(late);
    }

    /// The same for all, at the end.
    pub(super) fn expire_all_awaited(&self) {
        let mut express = lock(&self.express);
        express.ended = true;
        express.waiting.clear();
        let late = std::mem::take(&mut express.watched);
        drop(express);
        self.give_up(late.into());
    }

    fn give_up(&self, late: Vec<Watched>) {
        for Watched { id, slot, .. } in late {
            let Some(open) = lock(&slot).take() else { continue };
            let why = lock(&self.state).trouble.clone().unwrap_or_else(|| "no answer yet".into());
            if open.kept_elsewhere {
                self.awaited_bytes.fetch_sub(open.event.weight(), Ordering::AcqRel);
            } else {
                self.handed.fetch_add(1, Ordering::AcqRel);
                self.overflow.push(open.event);
            }
            let _ = open.reply.send(Err(RecordError::Unconfirmed { id, why }));
        }
    }
}
