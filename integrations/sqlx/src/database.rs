//! What the outbox asks of a database, in the words of each.

use std::future::Future;
use std::time::Duration;

use sqlx::{Database, Pool, Transaction};

use crate::migration::Dialect;

/// A database that can hold an outbox: `sqlx::Sqlite` with the feature `sqlite`,
/// `sqlx::Postgres` with `postgres`.
pub trait OutboxDatabase: Statements {
    /// Which one it is.
    const DIALECT: Dialect;
}

/// An event on its way into the outbox.
pub struct New<'a> {
    pub id: String,
    pub trail: Option<String>,
    pub event_type: &'a str,
    pub json: &'a str,
}

/// An event in the outbox: its position, id, event type and JSON.
pub type Row = (i64, String, String, String);

/// What is told of the outbox: waiting, refused, microseconds of the oldest, the latest trouble.
pub type Numbers = (i64, i64, Option<i64>, Option<String>);

/// What became of a batch.
#[derive(Default)]
pub struct Settled {
    /// The positions of those that are durable.
    pub kept: Vec<i64>,
    /// Those that never will be, and why.
    pub refused: Vec<(i64, String)>,
    /// Those that are to be tried again, and the latest reason.
    pub failed: Vec<i64>,
    pub why: Option<String>,
}

pub type Answer<T> = Result<T, sqlx::Error>;

/// The statements; not to be implemented elsewhere, so nobody can name it.
pub trait Statements: Database {
    /// A transaction that will write. SQLite must hear so at its beginning: one that reads first and is overtaken by
    /// another writer could not go on.
    fn begin(pool: &Pool<Self>) -> impl Future<Output = Answer<Transaction<'static, Self>>> + Send;

    /// The version of the tables, made certain that nobody else changes it until the transaction ends.
    fn version(conn: &mut Self::Connection) -> impl Future<Output = Answer<i64>> + Send;

    fn run(
        conn: &mut Self::Connection,
        script: &'static str,
    ) -> impl Future<Output = Answer<()>> + Send;

    fn add<'a>(
        conn: &'a mut Self::Connection,
        event: New<'a>,
    ) -> impl Future<Output = Answer<()>> + Send;

    fn anything(conn: &mut Self::Connection) -> impl Future<Output = Answer<bool>> + Send;

    /// The term of this relay, if it is the one that may work now: the same one again, or the next if its time was over.
    fn lead(
        conn: &mut Self::Connection,
        term: Option<i64>,
        takeover_after: Duration,
    ) -> impl Future<Output = Answer<Option<i64>>> + Send;

    /// Lets the next relay work at once.
    fn release(conn: &mut Self::Connection, term: i64) -> impl Future<Output = Answer<()>> + Send;

    fn batch(
        conn: &mut Self::Connection,
        size: u32,
    ) -> impl Future<Output = Answer<Vec<Row>>> + Send;

    fn settle<'a>(
        conn: &'a mut Self::Connection,
        settled: &'a Settled,
    ) -> impl Future<Output = Answer<()>> + Send;

    fn numbers(conn: &mut Self::Connection) -> impl Future<Output = Answer<Numbers>> + Send;

    /// Id, event type, JSON and reason of those that were refused.
    fn refused(
        conn: &mut Self::Connection,
        count_max: u32,
    ) -> impl Future<Output = Answer<Vec<(String, String, String, String)>>> + Send;

    fn retry(conn: &mut Self::Connection, id: String) -> impl Future<Output = Answer<u64>> + Send;
}
