//! The way of an event: queue → encoder → buffer → sender → transport.
//!
//! The application only pushes into a queue. One thread takes events out, encodes them and puts them into the buffer
//! (memory or spool), another sends batches of the buffer, in order, until each is answered for. An event that
//! somebody awaits goes past the buffer on a third thread, so that it never waits behind a backlog.

mod deliver;
mod drain;
mod end;
mod express;
mod send;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crossbeam_queue::SegQueue;
use futures_channel::oneshot;

use crate::buffer::{Buffer, Encoded};
use crate::clock;
use crate::encode::Encoder;
use crate::error::{OpenError, Unwritten};
use crate::event::Event;
use crate::ledger::Cause;
use crate::limits::{CLOSE_MAX, WAIT_MAX};
use crate::ticket::Ticket;
use crate::transport::Transport;

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

impl WhenFull {
    /// All of them.
    pub const ALL: [WhenFull; 3] = [WhenFull::Spool, WhenFull::Drop, WhenFull::Wait];

    /// Its name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            WhenFull::Spool => "spool",
            WhenFull::Drop => "drop",
            WhenFull::Wait => "wait",
        }
    }
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
    queue: SegQueue<Item>,
    queue_bytes: AtomicUsize,
    /// Calls that are between looking whether it is closed and having pushed.
    entering: AtomicUsize,
    /// Durable events that were not confirmed in time, on their way into the buffer; they and those that are
    /// awaited have bytes of their own, so that they need not wait behind a backlog.
    overflow: SegQueue<Arc<Encoded>>,
    awaited_bytes: AtomicUsize,
    /// Events pushed so far, and those that were in the buffer at the start.
    handed: AtomicU64,
    flushes: AtomicU64,
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

/// What goes through the queue.
enum Item {
    Event(Event),
    /// Somebody waits until everything before this is settled.
    Flush(u64),
}

/// What drainer and sender share.
struct State {
    buffer: Box<dyn Buffer>,
    /// Events that entered the buffer, those that were there at the start included.
    entered: u64,
    /// Events that left the queue; those of them that are not in the buffer are settled.
    drained: u64,
    /// When the first of the buffer was seen there.
    since: Option<Instant>,
    /// The drainer has events for which there was no room.
    wants_room: bool,
    waiters: Vec<Waiter>,
    /// The latest trouble with sending, until one succeeds.
    trouble: Option<String>,
    closing: Option<Closing>,
    /// The steps of the end, in order: durable events are answered, nothing more enters the buffer, all of it is
    /// sent and the transport closed, and whoever asks is told what was left.
    express_done: bool,
    no_more: bool,
    sender_done: bool,
    ended: Option<Result<(), Unwritten>>,
}

type Reply = oneshot::Sender<Result<(), Unwritten>>;

/// Somebody who waits until the events before a place are settled.
struct Waiter {
    number: u64,
    /// How many had been handed over when it asked.
    handed: u64,
    /// How many must have entered the buffer and left it again; known once its place in the queue is reached.
    target: Option<u64>,
    deadline: Instant,
    reply: Reply,
}

struct Closing {
    /// The latest of the deadlines.
    deadline: Instant,
    replies: Vec<(Instant, Reply)>,
    /// The deadline passed: nothing more is sent.
    abandoned: bool,
}

/// Answers that are given once no lock is held: whoever is woken may do anything.
type Answers = Vec<(Reply, Result<(), Unwritten>)>;

fn give(answers: Answers) {
    for (reply, answer) in answers {
        let _ = reply.send(answer);
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // What a panicking holder leaves is still whole: each change below is one step.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes bytes of a bounded number, if there are enough; a thing larger than all of them goes through alone. Gives
/// what was taken before.
fn take_room(bytes: &AtomicUsize, weight: usize, max: usize) -> Option<usize> {
    let fits = |before: usize| (before == 0 || before + weight <= max).then_some(before + weight);
    bytes.fetch_update(Ordering::AcqRel, Ordering::Acquire, fits).ok()
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
            entered: before,
            drained: before,
            since: (before > 0).then(clock::instant),
            wants_room: false,
            waiters: Vec::new(),
            trouble: None,
            closing: None,
            express_done: false,
            no_more: false,
            sender_done: false,
            ended: None,
        };
        let engine = Arc::new(Engine {
            encoder,
            transport,
            settings,
            queue: SegQueue::new(),
            queue_bytes: AtomicUsize::new(0),
            entering: AtomicUsize::new(0),
            overflow: SegQueue::new(),
            awaited_bytes: AtomicUsize::new(0),
            handed: AtomicU64::new(before),
            flushes: AtomicU64::new(0),
            closed: AtomicBool::new(false),
            drainer: OnceLock::new(),
            state: Mutex::new(state),
            sender_wakes: Condvar::new(),
            room: Condvar::new(),
            express: Mutex::default(),
            express_wakes: Condvar::new(),
        });
        let threads = engine.spawn("audit-sender", Engine::run_sender).and_then(|_| {
            engine.spawn("audit-express", Engine::run_express)?;
            engine.spawn("audit-recorder", Engine::run_drainer)
        });
        match threads {
            Ok(drainer) => {
                let _ = engine.drainer.set(drainer);
                Ok(engine)
            }
            Err(error) => {
                // Those that run must not do so for ever.
                engine.break_off();
                engine.end(&mut drain::Drainer::default());
                Err(OpenError::Threads(error))
            }
        }
    }

    fn spawn(self: &Arc<Engine>, name: &str, run: fn(&Engine)) -> std::io::Result<Thread> {
        let engine = Arc::clone(self);
        let body = move || {
            if catch_unwind(AssertUnwindSafe(|| run(&engine))).is_err() {
                engine.broken();
            }
        };
        let thread = thread::Builder::new().name(name.to_owned()).spawn(body)?;
        Ok(thread.thread().clone())
    }

    /// Takes an event, or counts it as lost. Never fails, and waits only where that was chosen.
    pub(crate) fn push(&self, event: Event) {
        let weight = event.weight();
        // The end waits for whoever is in here, so that what was found open is still emptied.
        self.entering.fetch_add(1, Ordering::SeqCst);
        if !self.closed.load(Ordering::SeqCst) && self.reserve(weight) {
            self.handed.fetch_add(1, Ordering::AcqRel);
            self.queue.push(Item::Event(event));
        } else {
            self.encoder.lost(event.event_type(), Cause::Dropped, 1);
        }
        self.entering.fetch_sub(1, Ordering::SeqCst);
    }

    /// Takes room in the queue. Whoever brings it past a quarter wakes the drainer early.
    fn reserve(&self, weight: usize) -> bool {
        let max = self.settings.queue_bytes_max;
        if let Some(before) = take_room(&self.queue_bytes, weight, max) {
            if before < max / 4 && before + weight >= max / 4 {
                self.wake_drainer();
            }
            return true;
        }
        self.settings.when_full == WhenFull::Wait && self.wait_for_room(weight)
    }

    fn wait_for_room(&self, weight: usize) -> bool {
        let deadline = clock::after(WAIT_MAX);
        let mut state = lock(&self.state);
        loop {
            if take_room(&self.queue_bytes, weight, self.settings.queue_bytes_max).is_some() {
                return true;
            }
            let left = deadline.saturating_duration_since(clock::instant());
            if left.is_zero() || self.is_closed() {
                return false;
            }
            self.wake_drainer();
            let waited = self.room.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Waits until everything that was pushed before is settled.
    pub(crate) fn flush(&self) -> Ticket<Result<(), Unwritten>> {
        let (reply, ticket) = Ticket::asked(ended);
        let deadline = clock::after(CLOSE_MAX);
        let number = self.flushes.fetch_add(1, Ordering::Relaxed);
        let mut state = lock(&self.state);
        if let Some(ended) = &state.ended {
            return Ticket::answered(ended.clone());
        }
        let handed = self.handed.load(Ordering::Acquire);
        state.waiters.push(Waiter { number, handed, target: None, deadline, reply });
        drop(state);
        self.queue.push(Item::Flush(number));
        self.wake_drainer();
        ticket
    }

    /// Takes no more events, sends what there is, and ends the threads. Each caller is answered within its own time.
    pub(crate) fn close(&self, within: Duration) -> Ticket<Result<(), Unwritten>> {
        let (reply, ticket) = Ticket::asked(ended);
        let deadline = clock::after(within);
        let mut state = lock(&self.state);
        self.closed.store(true, Ordering::SeqCst);
        if let Some(ended) = &state.ended {
            return Ticket::answered(ended.clone());
        }
        let closing = state.closing.get_or_insert_with(|| Closing {
            deadline,
            replies: Vec::new(),
            abandoned: false,
        });
        closing.deadline = closing.deadline.max(deadline);
        closing.replies.push((deadline, reply));
        drop(state);
        self.wake_all();
        ticket
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::SeqCst)
    }

    /// Whether this is the thread that keeps deadlines, and so must not wait for itself.
    pub(crate) fn is_here(&self) -> bool {
        self.drainer.get().is_some_and(|drainer| drainer.id() == thread::current().id())
    }

    /// What was handed over and is not settled.
    fn unwritten(&self, state: &State) -> Result<(), Unwritten> {
        let handed = self.handed.load(Ordering::Acquire);
        let events = handed.saturating_sub(state.settled());
        let why = state.trouble.clone().unwrap_or_else(|| "out of time".into());
        let spooled = state.buffer.survives() && state.drained == handed;
        if events == 0 { Ok(()) } else { Err(Unwritten { events, spooled, why }) }
    }

    fn wake_all(&self) {
        self.wake_drainer();
        // Each of them looks at what changed under its lock, and must not be between that and its sleep.
        drop(lock(&self.state));
        self.sender_wakes.notify_all();
        self.room.notify_all();
        drop(lock(&self.express));
        self.express_wakes.notify_all();
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

    /// Those who waited for no more than what is settled now.
    fn reached(&mut self) -> Answers {
        let left_buffer = self.entered - self.buffer.len();
        let reached = |waiter: &mut Waiter| waiter.target.is_some_and(|t| t <= left_buffer);
        self.waiters.extract_if(.., reached).map(|waiter| (waiter.reply, Ok(()))).collect()
    }

    /// Those whose time is over, with how much is left.
    fn expired(&mut self, now: Instant) -> Answers {
        let (settled, left_buffer) = (self.settled(), self.entered - self.buffer.len());
        let why = self.trouble.clone().unwrap_or_else(|| "out of time".into());
        let survives = self.buffer.survives();
        let late = self.waiters.extract_if(.., |waiter| waiter.deadline <= now);
        let answer = |waiter: Waiter| {
            let events = match waiter.target {
                Some(target) => target.saturating_sub(left_buffer),
                None => waiter.handed.saturating_sub(settled).max(1),
            };
            let spooled = survives && waiter.target.is_some();
            (waiter.reply, Err(Unwritten { events, spooled, why: why.clone() }))
        };
        late.map(answer).collect()
    }

    fn abandoned(&self) -> bool {
        self.closing.as_ref().is_some_and(|closing| closing.abandoned)
    }
}
