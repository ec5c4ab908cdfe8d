//! Moves events from the outbox to the trail.
//!
//! The law: a row is deleted only after its event is known to be durable, and its event is sent with the same id and
//! bytes each time. So an event arrives at least once whatever dies in between, and is kept once. One relay works at a
//! time, so that events arrive in order; which one is a row in the database with a time, as a lock of a connection
//! would be lost or shared by poolers in between.

use std::time::Duration;

use indelible_recorder::{EventId, Prepared, RecordError, Recorder};
use sqlx::Pool;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::database::{OutboxDatabase, Row, Settled};
use crate::error::Error;
use crate::limits::{
    BATCH_SIZE, BATCH_SIZE_MAX, ERROR_CHARS_MAX, POLL_MAX, POLL_MIN, RETRY_MAX, RETRY_MIN,
    TAKEOVER_AFTER,
};

/// Settings of a relay; made by [`Outbox::relay`](crate::Outbox::relay).
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use std::time::Duration;
/// use indelible_recorder::Recorder;
/// use indelible_sqlx::Outbox;
///
/// let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
/// Outbox::migrate(&pool).await?;
/// let relay = Outbox::relay(pool, Recorder::memory())
///     .batch_size(500)
///     .poll_max(Duration::from_secs(2))
///     .start();
/// relay.stop().await;
/// # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
/// ```
#[derive(Debug)]
#[must_use = "nothing is moved until the relay is started"]
pub struct RelayBuilder<DB: OutboxDatabase> {
    pool: Pool<DB>,
    recorder: Recorder,
    batch_size: u32,
    poll_max: Duration,
    takeover_after: Duration,
}

/// A relay at work. Dropped, it ends after the batch in hand.
#[derive(Debug)]
#[must_use = "a relay ends when it is dropped"]
pub struct Relay {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl<DB: OutboxDatabase> RelayBuilder<DB> {
    pub(crate) fn new(pool: Pool<DB>, recorder: Recorder) -> RelayBuilder<DB> {
        let (batch_size, poll_max, takeover_after) = (BATCH_SIZE, POLL_MAX, TAKEOVER_AFTER);
        RelayBuilder { pool, recorder, batch_size, poll_max, takeover_after }
    }

    /// How many events are moved at once; 1 to 10,000.
    pub fn batch_size(mut self, events: u32) -> RelayBuilder<DB> {
        self.batch_size = events.clamp(1, BATCH_SIZE_MAX);
        self
    }

    /// The longest pause between looks into an outbox in which nothing happens.
    pub fn poll_max(mut self, pause: Duration) -> RelayBuilder<DB> {
        self.poll_max = pause.max(POLL_MIN);
        self
    }

    /// How long a relay that says nothing any more is left alone before another takes over. Longer than the recorder's
    /// `durable_within`, or two may work at once for a moment: each event is still kept once, their order may change.
    pub fn takeover_after(mut self, silence: Duration) -> RelayBuilder<DB> {
        self.takeover_after = silence;
        self
    }

    /// Starts it, as a task of the runtime that this is called in.
    pub fn start(self) -> Relay {
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(Mover::new(self).run(stopped));
        Relay { stop, task }
    }

    /// Moves what is in the outbox and ends, for a job or before a program ends; says how many events it moved. Where
    /// another relay is at work it waits for that one.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use indelible_recorder::{Event, Recorder};
    /// use indelible_sqlx::{Outbox, RecordIn};
    ///
    /// let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    /// Outbox::migrate(&pool).await?;
    /// let recorder = Recorder::memory();
    /// let mut tx = pool.begin().await?;
    /// recorder.record_in(&mut tx, Event::new("user.update")).await?;
    /// tx.commit().await?;
    /// assert_eq!(Outbox::relay(pool, recorder).drain().await?, 1);
    /// # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Undelivered`] if an event was not confirmed; it stays, and a later relay moves it.
    pub async fn drain(self) -> Result<u64, Error> {
        let mut mover = Mover::new(self);
        let drained = mover.drain().await;
        mover.release().await;
        drained
    }
}

impl Relay {
    /// Ends it once the batch in hand is settled, which takes no longer than the recorder waits for a durable answer.
    /// What is still in the outbox stays there for the next relay.
    pub async fn stop(self) {
        let _ = self.stop.send(true);
        // A task that panicked has said so already.
        let _ = self.task.await;
    }
}

/// What a look into the outbox led to.
enum Step {
    /// So many were moved or refused.
    Moved(u64),
    /// There was nothing.
    Empty,
    /// Another relay is at work.
    StandBy,
    /// Nothing, or not all, could be moved.
    Trouble(String),
    /// The recorder takes nothing any more.
    Closed,
}

struct Mover<DB: OutboxDatabase> {
    settings: RelayBuilder<DB>,
    /// This relay's, while it is the one at work.
    term: Option<i64>,
    /// Smaller after a failure: a batch that is turned away as a whole may be too large.
    batch_size: u32,
}

impl<DB: OutboxDatabase> Mover<DB> {
    fn new(settings: RelayBuilder<DB>) -> Mover<DB> {
        Mover { term: None, batch_size: settings.batch_size, settings }
    }

    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        let (mut pause, mut failures) = (POLL_MIN, 0u32);
        loop {
            let trouble = match self.step().await {
                Ok(Step::Moved(_)) => {
                    (pause, failures) = (POLL_MIN, 0);
                    if *stopped.borrow() || stopped.has_changed().is_err() {
                        break;
                    }
                    continue;
                }
                Ok(Step::Empty | Step::StandBy) => None,
                Ok(Step::Closed) => {
                    tracing::error!(
                        "the recorder is closed or off: events stay in the outbox, and its relay ends"
                    );
                    break;
                }
                Ok(Step::Trouble(why)) => Some(why),
                Err(error) => Some(error.to_string()),
            };
            if let Some(why) = trouble {
                if failures == 0 {
                    tracing::warn!(
                        why,
                        "audit events cannot be moved from the outbox; trying again"
                    );
                }
                pause = RETRY_MIN.saturating_mul(1 << failures.min(16)).min(RETRY_MAX);
                failures = failures.saturating_add(1);
            } else {
                failures = 0;
                pause = (pause * 2).min(self.settings.poll_max);
            }
            // An answer means that it was told to stop, or that nobody can tell it any more.
            if timeout(pause, stopped.wait_for(|stop| *stop)).await.is_ok() {
                break;
            }
        }
        self.release().await;
    }

    async fn drain(&mut self) -> Result<u64, Error> {
        let (mut moved, mut pause) = (0, POLL_MIN);
        loop {
            match self.step().await? {
                Step::Moved(more) => moved += more,
                Step::Empty => return Ok(moved),
                Step::StandBy => {
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(self.settings.poll_max);
                }
                Step::Trouble(why) => return Err(Error::Undelivered { why }),
                Step::Closed => return Err(Error::Record(RecordError::Closed)),
            }
        }
    }

    /// Moves one batch.
    async fn step(&mut self) -> Result<Step, sqlx::Error> {
        let mut conn = self.settings.pool.acquire().await?;
        // A look costs no more than a read, so that an idle outbox leaves SQLite's one writer alone.
        if !DB::anything(&mut conn).await? {
            return Ok(Step::Empty);
        }
        self.term = DB::lead(&mut conn, self.term, self.settings.takeover_after).await?;
        if self.term.is_none() {
            return Ok(Step::StandBy);
        }
        let rows = DB::batch(&mut conn, self.batch_size).await?;
        // The application may need this connection while we wait.
        drop(conn);
        if rows.is_empty() {
            return Ok(Step::Empty);
        }
        let (settled, closed) = self.deliver(rows).await;
        if closed {
            return Ok(Step::Closed);
        }
        let mut tx = DB::begin(&self.settings.pool).await?;
        DB::settle(&mut tx, &settled).await?;
        tx.commit().await?;
        let moved = (settled.kept.len() + settled.refused.len()) as u64;
        let (max, size) = (self.settings.batch_size, self.batch_size);
        self.batch_size =
            if moved > 0 { size.saturating_mul(2).min(max) } else { (size / 2).max(1) };
        Ok(settled.why.map_or(Step::Moved(moved), Step::Trouble))
    }

    /// Sends the events of a batch and says what became of each; and whether the recorder takes none any more.
    async fn deliver(&self, rows: Vec<Row>) -> (Settled, bool) {
        let mut settled = Settled::default();
        let mut sent = Vec::with_capacity(rows.len());
        let mut events = Vec::with_capacity(rows.len());
        for (position, id, event_type, json) in rows {
            match EventId::parse(&id) {
                Ok(id) => {
                    sent.push((position, id));
                    events.push(Prepared { id, event_type: event_type.into(), json });
                }
                Err(error) => {
                    settled.refused.push((position, kept_error(&format!("its id {id}: {error}"))));
                }
            }
        }
        let mut closed = false;
        let answers = self.settings.recorder.deliver(events).await;
        for ((position, id), answer) in sent.into_iter().zip(answers) {
            match answer {
                Ok(_) => settled.kept.push(position),
                Err(RecordError::Refused { why }) => {
                    tracing::error!(%id, why, "an audit event was refused; it stays in the outbox");
                    settled.refused.push((position, kept_error(&why)));
                }
                Err(error) => {
                    closed |= error == RecordError::Closed;
                    settled.failed.push(position);
                    settled.why = Some(kept_error(&error.to_string()));
                }
            }
        }
        // What was kept before the recorder closed is still to be settled.
        let closed = closed && settled.kept.is_empty() && settled.refused.is_empty();
        (settled, closed)
    }

    /// Lets another relay work at once.
    async fn release(&mut self) {
        let Some(term) = self.term.take() else { return };
        let released = async {
            let mut conn = self.settings.pool.acquire().await?;
            DB::release(&mut conn, term).await
        };
        if let Err(error) = released.await {
            // It is theirs in any case once its time is over.
            tracing::debug!(%error, "the outbox's relay could not say that it ends");
        }
    }
}

/// An error as the database takes it: not of any length, and PostgreSQL's texts have no NUL.
fn kept_error(why: &str) -> String {
    why.chars().take(ERROR_CHARS_MAX).map(|c| if c == '\0' { '\u{fffd}' } else { c }).collect()
}
