//! The way of an event: queue → encoder → buffer → sender → transport.
//!
//! The application only pushes into a queue. One thread takes events out, encodes them and puts them into the buffer
//! (memory or spool), another sends batches of the buffer, in order, until each is answered for. An event that
//! somebody awaits goes past the buffer on a third thread, so that it never waits behind a backlog.

mod drain;
mod express;
mod send;

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_queue::SegQueue;
use futures_channel::oneshot;

use crate::buffer::{Buffer, Encoded};
use crate::clock;
use crate::encode::Encoder;
use crate::error::{OpenError, RecordError, Unwritten};
use crate::event::Event;
use crate::ledger::Cause;
use crate::limits::{CLOSE_MAX, WAIT_MAX};
use crate::ticket::Ticket;
use crate::transport::{Receipt, Transport};

/// What happens to an event for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum WhenFull {
    /// It goes to disk, as long as the spool has room; beyond that it is dropped and counted.
    #[default]
    Spool,
    /// It is dropped, and counted.
    Drop,
    /// `record` waits for room, for up to a second; then it is dropped and counted. For programs that would rather
    /// be slow than miss one, and that record outside of async code.
    Wait,
}

/// What the builder settled.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    pub(crate) batch_size: usize,
    pub(crate) flush_interval: Duration,
    pub(crate) queue_bytes_max: usize,
    pub(crate) when_full: WhenFull,
    pub(crate) durable_max: Duration,
}

pub(crate) struct Engine {
    pub(crate) encoder: Encoder,
    pub(crate) transport: Box<dyn Transport>,
    settings: Settings,
    /// Pushed by the application, taken by the drainer.
    queue: SegQueue<Event>,
    queue_bytes: AtomicUsize,
    /// Durable events that were not confirmed in time, on their way into the buffer.
    overflow: SegQueue<Encoded>,
    /// Events pushed so far, and those that were in the buffer at the start.
    handed: AtomicU64,
    closed: AtomicBool,
    /// The drainer, to be woken when it should not finish its nap.
    drainer: OnceLock<Thread>,
    state: Mutex<State>,
    /// Tells the sender that there may be something to do.
    sender_wakes: Condvar,
    /// Tells whoever waits for room in the queue that the drainer took some.
    room: Condvar,
    express: Mutex<express::Express>,
    express_wakes: Condvar,
}

/// What drainer and sender share.
struct State {
    buffer: Box<dyn Buffer>,
    /// Events that left the queue; those of them that are not in the buffer are settled.
    drained: u64,
    /// When the first of the buffer was seen there.
    since: Option<Instant>,
    waiters: Vec<Waiter>,
    /// The latest trouble with sending, until one succeeds.
    trouble: Option<String>,
    closing: Option<Closing>,
    /// The steps of the end, in order: durable events are answered, nothing more enters the buffer, all of it is
    /// sent, the transport is closed.
    express_done: bool,
    no_more: bool,
    sender_done: bool,
    ended: bool,
}

/// Somebody who waits until so many events are settled.
struct Waiter {
    target: u64,
    deadline: Instant,
    reply: oneshot::Sender<Result<(), Unwritten>>,
}

struct Closing {
    deadline: Instant,
    replies: Vec<oneshot::Sender<Result<(), Unwritten>>>,
    /// The deadline passed: nothing more is sent.
    abandoned: bool,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking holder leaves is still whole: each change below is one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Engine {
    pub(crate) fn start(
        encoder: Encoder,
        transport: Box<dyn Transport>,
        buffer: Box<dyn Buffer>,
        settings: Settings,
    ) -> Result<Arc<Engine>, OpenError> {
        let before = buffer.len();
        let state = State {
            buffer,
            drained: before,
            since: (before > 0).then(clock::instant),
            waiters: Vec::new(),
            trouble: None,
            closing: None,
            express_done: false,
            no_more: false,
            sender_done: false,
            ended: false,
        };
        let engine = Arc::new(Engine {
            encoder,
            transport,
            settings,
            queue: SegQueue::new(),
            queue_bytes: AtomicUsize::new(0),
            overflow: SegQueue::new(),
            handed: AtomicU64::new(before),
            closed: AtomicBool::new(false),
            drainer: OnceLock::new(),
            state: Mutex::new(state),
            sender_wakes: Condvar::new(),
            room: Condvar::new(),
            express: Mutex::default(),
            express_wakes: Condvar::new(),
        });
        let spawn = |name: &str, run: fn(&Engine)| {
            let engine = Arc::clone(&engine);
            let thread = thread::Builder::new().name(name.to_owned());
            thread.spawn(move || run(&engine)).map_err(OpenError::Threads)
        };
        spawn("audit-sender", Engine::run_sender)?;
        spawn("audit-express", Engine::run_express)?;
        let drainer = spawn("audit-recorder", Engine::run_drainer)?;
        let _ = engine.drainer.set(drainer.thread().clone());
        Ok(engine)
    }

    /// Takes an event, or counts it as lost. Never fails, and waits only where that was chosen.
    pub(crate) fn push(&self, event: Event) {
        let weight = event.weight();
        if self.closed.load(Ordering::Acquire) || !self.reserve(weight) {
            self.encoder.lost(event.event_type(), Cause::Dropped, 1);
            return;
        }
        self.handed.fetch_add(1, Ordering::AcqRel);
        self.queue.push(event);
    }

    /// Takes room in the queue. Whoever brings it past a quarter wakes the drainer early.
    fn reserve(&self, weight: usize) -> bool {
        let max = self.settings.queue_bytes_max;
        let before = self.queue_bytes.fetch_add(weight, Ordering::AcqRel);
        // An event larger than the whole queue goes through alone.
        if before == 0 || before + weight <= max {
            if before < max / 4 && before + weight >= max / 4 {
                self.wake_drainer();
            }
            return true;
        }
        self.queue_bytes.fetch_sub(weight, Ordering::AcqRel);
        self.settings.when_full == WhenFull::Wait && self.wait_for_room(weight)
    }

    fn wait_for_room(&self, weight: usize) -> bool {
        let deadline = clock::instant() + WAIT_MAX;
        let mut state = lock(&self.state);
        loop {
            let before = self.queue_bytes.load(Ordering::Acquire);
            let fits = before == 0 || before + weight <= self.settings.queue_bytes_max;
            if fits
                && self
                    .queue_bytes
                    .compare_exchange(before, before + weight, Ordering::AcqRel, Ordering::Acquire)
                    .is_ok()
            {
                return true;
            }
            let left = deadline.saturating_duration_since(clock::instant());
            if left.is_zero() || self.closed.load(Ordering::Acquire) {
                return false;
            }
            self.wake_drainer();
            let waited = self.room.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until everything that was pushed before is settled.
    pub(crate) fn flush(&self) -> Ticket<Result<(), Unwritten>> {
        let target = self.handed.load(Ordering::Acquire);
        let (reply, ticket) = Ticket::asked(ended);
        let deadline = clock::instant() + CLOSE_MAX;
        lock(&self.state).waiters.push(Waiter { target, deadline, reply });
        self.wake_drainer();
        self.sender_wakes.notify_all();
        ticket
    }

    /// Takes no more events, sends what there is, and ends the threads.
    pub(crate) fn close(&self, within: Duration) -> Ticket<Result<(), Unwritten>> {
        let (reply, ticket) = Ticket::asked(ended);
        let deadline = clock::instant() + within;
        let mut state = lock(&self.state);
        self.closed.store(true, Ordering::Release);
        if state.ended {
            let left = self.unwritten(&state);
            return Ticket::answered(left.map_or(Ok(()), Err));
        }
        let closing = state.closing.get_or_insert_with(|| Closing {
            deadline,
            replies: Vec::new(),
            abandoned: false,
        });
        closing.replies.push(reply);
        drop(state);
        self.wake_all();
        ticket
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// What was handed over and is not settled.
    fn unwritten(&self, state: &State) -> Option<Unwritten> {
        let handed = self.handed.load(Ordering::Acquire);
        let events = handed.saturating_sub(state.settled());
        let why = state.trouble.clone().unwrap_or_else(|| "out of time".into());
        let spooled = state.buffer.survives() && state.drained == handed;
        (events > 0).then_some(Unwritten { events, spooled, why })
    }

    fn wake_all(&self) {
        self.wake_drainer();
        self.sender_wakes.notify_all();
        self.express_wakes.notify_all();
        self.room.notify_all();
    }

    fn wake_drainer(&self) {
        if let Some(drainer) = self.drainer.get() {
            drainer.unpark();
        }
    }
}

/// The answer where the recorder's threads are gone.
fn ended() -> Result<(), Unwritten> {
    Err(Unwritten { events: 0, spooled: false, why: "the recorder has ended".into() })
}

impl State {
    /// Events that came out of the queue and are settled.
    fn settled(&self) -> u64 {
        self.drained - self.buffer.len()
    }

    /// Answers whoever waited for no more than what is settled now.
    fn answer_waiters(&mut self) {
        let settled = self.settled();
        for waiter in self.waiters.extract_if(.., |waiter| waiter.target <= settled) {
            let _ = waiter.reply.send(Ok(()));
        }
    }

    /// Tells those whose time is over how much is left.
    fn expire_waiters(&mut self, now: Instant) {
        let settled = self.settled();
        let why = self.trouble.clone().unwrap_or_else(|| "out of time".into());
        let spooled = self.buffer.survives();
        for waiter in self.waiters.extract_if(.., |waiter| waiter.deadline <= now) {
            let events = waiter.target.saturating_sub(settled);
            let _ = waiter.reply.send(Err(Unwritten { events, spooled, why: why.clone() }));
        }
    }

    fn abandoned(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.abandoned)
    }
}

/// A place for the answer about a durable event. Whoever answers first takes it.
pub(crate) type Reply = Arc<Mutex<Option<oneshot::Sender<Result<Receipt, RecordError>>>>>;

/// Answers, if nobody did.
pub(crate) fn answer(reply: &Reply, with: Result<Receipt, RecordError>) {
    if let Some(sender) = lock(reply).take() {
        let _ = sender.send(with);
    }
}

/// Replies in the order of their deadlines, which is the order of their asking.
pub(crate) type Watched = VecDeque<(Instant, indelible_event::EventId, Reply)>;
