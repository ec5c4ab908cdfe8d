//! Records events in the application's own transaction, and moves them to the trail: a transactional outbox for
//! SQLite (feature `sqlite`) and PostgreSQL (feature `postgres`), with sqlx.
//!
//! An event that is recorded next to a transaction can be wrong about it: the transaction rolls back after the event
//! was sent, or it commits and the process dies before the event is. [`RecordIn::record_in`] writes the event into a
//! table of the same database in the same transaction, so that both are there or neither is; a [`Relay`] in the
//! background moves it to the trail, exactly once.
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use indelible_recorder::{Event, Recorder, assert_recorded};
//! use indelible_sqlx::{Outbox, RecordIn};
//! use sqlx::sqlite::SqlitePoolOptions;
//!
//! let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await?;
//! sqlx::query("CREATE TABLE users (id TEXT, name TEXT)").execute(&pool).await?;
//! Outbox::migrate(&pool).await?;
//! let recorder = Recorder::memory(); // an application's own sends to a node or a store
//! let relay = Outbox::relay(pool.clone(), recorder.clone()).start();
//!
//! let mut tx = pool.begin().await?;
//! sqlx::query("UPDATE users SET name = 'Maria' WHERE id = 'u-1'").execute(&mut *tx).await?;
//! recorder.record_in(&mut tx, Event::new("user.update").target("user", "u-1").actor("root")).await?;
//! tx.commit().await?;
//!
//! relay.stop().await;
//! Outbox::relay(pool.clone(), recorder.clone()).drain().await?; // what the relay had not seen yet
//! assert_recorded!(recorder, action = "user.update", target = "user/u-1");
//! # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
//! ```
//!
//! # What is promised
//! - A rollback leaves nothing, and a commit loses nothing. The event is redacted, sampled and brought within limits
//!   when `record_in` is called, with the time, id and [`Scope`](indelible_recorder::Scope) of that moment; one that
//!   no trail would keep is an error there, while the transaction can still be given up.
//! - A committed event is sent until it is confirmed as durable, over outages of node, database and process, and kept
//!   once by its id. Several processes may each have a relay: one works, the others stand by and take over.
//! - Events arrive in the order of their `record_in`, as far as their transactions did not overlap.
//! - An event that is refused by whoever keeps the trail stays in the outbox with the reason: [`Outbox::status`]
//!   counts it, [`Outbox::refused`] shows it, [`Outbox::retry`] sends it again. Nothing deletes it but you.
//!
//! # What is not
//! - These events have no number of their recorder (`source`): an event whose transaction rolled back would leave a gap
//!   that looks like a loss. Whoever can write to the application's database can delete an event before it
//!   is moved, and no gap tells of it; what moved is in the trail for good.
//! - An intent ([`Recorder::begin`]) has no place in a transaction: it is there to be known even if nothing comes of the
//!   deed, and a rollback would take it away. Begin outside, before the transaction.
//!
//! # Databases
//! - A relay looks into the outbox, more and more rarely while it is empty, up to twice a second. PostgreSQL's `NOTIFY`
//!   is not used: a transaction that notifies takes a lock of the whole server when it commits.
//! - SQLite has one writer. Give the pool a `busy_timeout` (five seconds is sqlx's own) and begin transactions that read
//!   before they write with `pool.begin_with("BEGIN IMMEDIATE")`: SQLite fails one that is overtaken by any other
//!   writer, such as the relay, with "database is locked", however long it would wait.
//! - The tables come by [`Outbox::migrate`], or by your own migrator from [`migrations`].

mod database;
mod error;
pub mod limits;
mod migration;
mod relay;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod statements;

use std::borrow::Cow;
use std::future::Future;

use indelible_recorder::{Event, EventId, Micros, Recorder};
use serde::Deserialize;
use sqlx::{Pool, Transaction};

use crate::database::New;
pub use crate::database::OutboxDatabase;
pub use crate::error::Error;
pub use crate::migration::{Dialect, Migration, migrations};
pub use crate::relay::{Relay, RelayBuilder};

/// Recording within a transaction.
pub trait RecordIn {
    /// Records an event in a transaction: it is recorded if that commits, and was never there if it does not. Gives
    /// the event's id; `None` if it is left out by the recorder's policy, or the recorder is off.
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
    /// recorder.record_in(&mut tx, Event::new("invoice.send").target("invoice", "i-1")).await?;
    /// tx.rollback().await?;
    /// assert_eq!(Outbox::status(&pool).await?.waiting, 0);
    /// # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// [`Error::Record`] if no trail would keep the event, [`Error::Database`] if it could not be written. Give the
    /// transaction up then, or what it does is not recorded.
    fn record_in<DB: OutboxDatabase>(
        &self,
        tx: &mut Transaction<'_, DB>,
        event: Event,
    ) -> impl Future<Output = Result<Option<EventId>, Error>> + Send;
}

impl RecordIn for Recorder {
    fn record_in<DB: OutboxDatabase>(
        &self,
        tx: &mut Transaction<'_, DB>,
        event: Event,
    ) -> impl Future<Output = Result<Option<EventId>, Error>> + Send {
        // Now and not when it is awaited: the time and the scope are those of this call.
        let prepared = self.prepare(event);
        async move {
            let Some(event) = prepared? else { return Ok(None) };
            let new = New {
                id: event.id.to_string(),
                trail: trail(&event.json),
                event_type: &event.event_type,
                json: &event.json,
            };
            DB::add(tx, new).await?;
            Ok(Some(event.id))
        }
    }
}

/// The trail that an event names, for whoever looks into the table.
fn trail(json: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Named<'a> {
        #[serde(borrow)]
        trail: Option<Cow<'a, str>>,
    }
    let named: Result<Named<'_>, _> = serde_json::from_str(json);
    named.ok()?.trail.map(Cow::into_owned)
}

/// The table in the application's database in which events wait.
#[derive(Debug)]
#[non_exhaustive]
pub struct Outbox;

/// How an outbox does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// Events that are still to be moved.
    pub waiting: u64,
    /// When the one that waits longest was written. Far from now, it tells that no relay is at work or nobody keeps
    /// what it sends.
    pub oldest: Option<Micros>,
    /// Events that were refused and are not sent again by themselves.
    pub refused: u64,
    /// The latest trouble with those that wait.
    pub last_error: Option<String>,
}

/// An event that was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Refused {
    /// Its id, as it is in the table.
    pub id: String,
    /// Its event type; "" if it has none.
    pub event_type: String,
    /// The event.
    pub json: String,
    /// Why it was refused.
    pub why: String,
}

impl Outbox {
    /// Brings the outbox's tables into a database, or up to this version. Harmless where they are, and when several
    /// programs start at once.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use indelible_sqlx::Outbox;
    ///
    /// let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    /// Outbox::migrate(&pool).await?;
    /// Outbox::migrate(&pool).await?; // nothing more to do
    /// # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the database does not do it, for want of rights say; nothing was changed then.
    pub async fn migrate<DB: OutboxDatabase>(pool: &Pool<DB>) -> Result<(), Error> {
        let mut tx = DB::begin(pool).await?;
        let version = DB::version(&mut tx).await?;
        for migration in migrations(DB::DIALECT).iter().filter(|one| one.version > version) {
            DB::run(&mut tx, migration.sql).await?;
        }
        Ok(tx.commit().await?)
    }

    /// A relay that moves this database's events through this recorder; see [`RelayBuilder`] for its settings. The
    /// recorder may be another than the one that recorded them: only its transport is used.
    pub fn relay<DB: OutboxDatabase>(pool: Pool<DB>, recorder: Recorder) -> RelayBuilder<DB> {
        RelayBuilder::new(pool, recorder)
    }

    /// How many events wait, since when, and how many were refused: worth an alarm each.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use indelible_recorder::{Event, Recorder};
    /// use indelible_sqlx::{Outbox, RecordIn};
    ///
    /// let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    /// Outbox::migrate(&pool).await?;
    /// let mut tx = pool.begin().await?;
    /// Recorder::memory().record_in(&mut tx, Event::new("user.update")).await?;
    /// tx.commit().await?;
    /// let status = Outbox::status(&pool).await?;
    /// assert_eq!((status.waiting, status.refused), (1, 0));
    /// # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn status<DB: OutboxDatabase>(pool: &Pool<DB>) -> Result<Status, Error> {
        let mut conn = pool.acquire().await?;
        let (waiting, refused, oldest, last_error) = DB::numbers(&mut conn).await?;
        Ok(Status {
            waiting: waiting.unsigned_abs(),
            oldest: oldest.map(Micros),
            refused: refused.unsigned_abs(),
            last_error,
        })
    }

    /// The first so many events that were refused, with the reasons.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use indelible_sqlx::Outbox;
    ///
    /// let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    /// Outbox::migrate(&pool).await?;
    /// for event in Outbox::refused(&pool, 100).await? {
    ///     println!("{}: {}", event.id, event.why);
    /// }
    /// # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the database does not answer.
    pub async fn refused<DB: OutboxDatabase>(
        pool: &Pool<DB>,
        count_max: u32,
    ) -> Result<Vec<Refused>, Error> {
        let mut conn = pool.acquire().await?;
        let rows = DB::refused(&mut conn, count_max).await?;
        let refused = |(id, event_type, json, why)| Refused { id, event_type, json, why };
        Ok(rows.into_iter().map(refused).collect())
    }

    /// Lets the relay send a refused event again, once the reason is gone; whether there was one with this id.
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use indelible_sqlx::Outbox;
    ///
    /// let pool = sqlx::SqlitePool::connect("sqlite::memory:").await?;
    /// Outbox::migrate(&pool).await?;
    /// for event in Outbox::refused(&pool, 100).await? {
    ///     Outbox::retry(&pool, &event.id).await?;
    /// }
    /// assert!(!Outbox::retry(&pool, "01890a5d-ac96-774b-bcce-b302099a8057").await?);
    /// # Ok::<(), indelible_sqlx::Error>(()) }).unwrap();
    /// ```
    ///
    /// # Errors
    /// If the database does not do it.
    pub async fn retry<DB: OutboxDatabase>(pool: &Pool<DB>, id: &str) -> Result<bool, Error> {
        let mut conn = pool.acquire().await?;
        Ok(DB::retry(&mut conn, id.to_owned()).await? > 0)
    }
}
