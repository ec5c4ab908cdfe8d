//! The way to the log: handlers hand over what they checked, and a few threads append whatever waits together.
//! So many requests share one sync, and none needs a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use indelible_event::Checked;
use indelible_log::{AppendError, Appended, Clock, Receipt};
use indelible_store::{Item, Store};
use tokio::sync::{Notify, mpsc, oneshot};

use crate::error::ServerError;
use crate::limits;
use crate::metrics::Metrics;
use crate::problem::Problem;

/// The results of one request's events, in their order.
pub(crate) type Results = Vec<Result<Appended, AppendError>>;

enum Job {
    Items {
        items: Vec<Item>,
        reply: oneshot::Sender<Results>,
    },
    /// An event of the node's own.
    System {
        event: Checked,
        reply: oneshot::Sender<Result<Receipt, AppendError>>,
    },
}

/// The handlers' end of the queue.
pub(crate) struct Ingest {
    queue: Mutex<Option<mpsc::Sender<Job>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    shared: Arc<Shared>,
}

struct Shared {
    store: Arc<Store>,
    metrics: Arc<Metrics>,
    clock: Arc<dyn Clock>,
    /// Why nothing is acknowledged any more.
    poisoned: OnceLock<String>,
    /// The last append met a full disk.
    full: AtomicBool,
    /// Tells whoever waits for the end.
    ended: Arc<Notify>,
}

impl Ingest {
    pub fn start(
        store: Arc<Store>,
        metrics: Arc<Metrics>,
        clock: Arc<dyn Clock>,
        ended: Arc<Notify>,
    ) -> Result<Ingest, ServerError> {
        let (queue, jobs) = mpsc::channel(limits::INGEST_QUEUE_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        let (poisoned, full) = (OnceLock::new(), AtomicBool::new(false));
        let shared = Arc::new(Shared { store, metrics, clock, poisoned, full, ended });
        let mut threads = Vec::new();
        for n in 0..limits::INGEST_THREADS {
            let (shared, jobs) = (shared.clone(), jobs.clone());
            let thread = std::thread::Builder::new().name(format!("indelible-ingest-{n}"));
            let thread = thread.spawn(move || shared.run(&jobs)).map_err(ServerError::Thread)?;
            threads.push(thread);
        }
        Ok(Ingest { queue: Mutex::new(Some(queue)), threads: Mutex::new(threads), shared })
    }

    pub fn store(&self) -> &Arc<Store> {
        &self.shared.store
    }

    /// Why the log takes nothing any more, if so.
    pub fn poisoned(&self) -> Option<&String> {
        self.shared.poisoned.get()
    }

    /// Whether callers' events find no room.
    pub fn is_full(&self) -> bool {
        self.shared.full.load(Ordering::Relaxed) || !self.shared.store.log().has_room()
    }

    /// Appends a request's events and waits until they are durable. `Err` if nothing was tried.
    pub async fn append(&self, items: Vec<Item>) -> Result<Results, Problem> {
        let (reply, answer) = oneshot::channel();
        self.push(Job::Items { items, reply })?;
        let failed = AppendError::Poisoned("the thread that appends has ended".into());
        Ok(answer.await.unwrap_or_else(|_| vec![Err(failed)]))
    }

    /// Records an event of the node's own, and waits until it is durable.
    pub async fn record(&self, event: Checked) -> Result<Receipt, AppendError> {
        let (reply, answer) = oneshot::channel();
        self.push(Job::System { event, reply }).map_err(|_| AppendError::Closed)?;
        answer.await.unwrap_or(Err(AppendError::Closed))
    }

    /// Records an event of the node's own in its own time. Gives it up if the queue is full.
    pub fn record_later(&self, event: Checked) -> Result<(), Problem> {
        let (reply, _) = oneshot::channel();
        self.push(Job::System { event, reply })
    }

    fn push(&self, job: Job) -> Result<(), Problem> {
        let queue = self.queue.lock().expect("nothing panics while holding the queue");
        let queue = queue.as_ref().ok_or_else(|| Problem::unavailable("the node is closing", 5))?;
        queue.try_send(job).map_err(|_| Problem::unavailable("too many requests wait already", 1))
    }

    /// Takes nothing more, finishes what was taken, and ends the threads.
    pub fn close(&self) {
        drop(self.queue.lock().expect("nothing panics while holding the queue").take());
        let threads =
            std::mem::take(&mut *self.threads.lock().expect("nothing panics while holding them"));
        for thread in threads {
            // One that panicked has told so when it did.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn run(&self, jobs: &Mutex<mpsc::Receiver<Job>>) {
        let mut waiting = Vec::with_capacity(limits::INGEST_JOBS_MAX);
        loop {
            let taken = {
                let mut jobs = jobs.lock().expect("nothing panics while holding the queue");
                jobs.blocking_recv_many(&mut waiting, limits::INGEST_JOBS_MAX)
            };
            if taken == 0 {
                return;
            }
            self.append_all(waiting.drain(..));
        }
    }

    fn append_all(&self, jobs: impl Iterator<Item = Job>) {
        let (mut items, mut replies) = (Vec::new(), Vec::new());
        let (mut events, mut system_replies) = (Vec::new(), Vec::new());
        for job in jobs {
            match job {
                Job::Items { items: of, reply } => {
                    replies.push((of.len(), reply));
                    if items.is_empty() { items = of } else { items.extend(of) }
                }
                Job::System { event, reply } => {
                    events.push(event);
                    system_replies.push(reply);
                }
            }
        }
        if !events.is_empty() {
            let results = append_system(&self.store, &events);
            for error in results.iter().filter_map(|result| result.as_ref().err()) {
                self.note(Some(error));
            }
            for (reply, result) in system_replies.into_iter().zip(results) {
                // Nobody waits for what is recorded in its own time.
                drop(reply.send(result));
            }
        }
        if items.is_empty() {
            return;
        }
        let (count, started) = (items.len() as u64, self.clock.now());
        self.metrics.ahead().note(&items, started);
        let mut results = self.store.append(&items).into_iter();
        self.metrics.appended(count, self.clock.now().0 - started.0);
        for (len, reply) in replies {
            let of: Results = results.by_ref().take(len).collect();
            of.iter().for_each(|result| self.note(result.as_ref().err()));
            // A caller that went away is not missed: its events are kept all the same.
            drop(reply.send(of));
        }
    }

    /// Remembers what the health check tells.
    fn note(&self, error: Option<&AppendError>) {
        match error {
            Some(AppendError::Poisoned(why)) => {
                if self.poisoned.set(why.clone()).is_ok() {
                    tracing::error!(%why, "the log is poisoned");
                }
                self.ended.notify_waiters();
            }
            Some(AppendError::Full) => self.full.store(true, Ordering::Relaxed),
            Some(_) => {}
            None => {
                if self.full.load(Ordering::Relaxed) {
                    self.full.store(false, Ordering::Relaxed);
                }
            }
        }
    }
}

/// Appends events of the node's own, which may use the room that is kept for them.
fn append_system(store: &Store, events: &[Checked]) -> Vec<Result<Receipt, AppendError>> {
    let trail = indelible_log::record::TrailNo(0);
    let batch: Vec<_> = events
        .iter()
        .map(|event| indelible_log::Incoming { trail, event, recorded_by: None })
        .collect();
    let taken = AppendError::Refused("its id is taken");
    let kept = |appended| match appended {
        Appended::Kept(receipt) => Ok(receipt),
        Appended::Conflict { .. } => Err(taken.clone()),
    };
    store.log().append_own(&batch).into_iter().map(|result| result.and_then(kept)).collect()
}
