//! One connection, made when it is first needed, and anew after an error.

use std::future::Future;
use std::time::Duration;

use sqlx::postgres::PgRow;
use sqlx::sqlite::{SqliteConnectOptions, SqliteRow, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::address::{Address, At};
use crate::error::{Meaning, TableError, meaning};
use crate::limits::{ANSWER_TIMEOUT, BUSY_TIMEOUT, CONNECT_TIMEOUT, STATEMENT_MILLIS};
use crate::read::Key;

/// What it is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It cannot write, whatever it is told.
    Read,
    /// What is committed is on the disk.
    Write,
}

pub(crate) enum Link {
    Postgres(Box<PgConnection>),
    Sqlite(Box<SqliteConnection>),
}

pub(crate) struct Connection {
    pub(crate) address: Address,
    purpose: Purpose,
    link: Option<Link>,
}

impl Connection {
    pub(crate) fn new(address: Address, purpose: Purpose) -> Connection {
        Connection { address, purpose, link: None }
    }

    /// Does something with it. After an error, and after an answer that did not come in time, the connection is given
    /// up: nobody knows how far it got.
    pub(crate) async fn with<T>(
        &mut self,
        deed: impl AsyncFnOnce(&mut Link) -> Result<T, sqlx::Error>,
    ) -> Result<T, Meaning> {
        let mut link = match self.link.take() {
            Some(link) => link,
            None => {
                let made = self.connect();
                self.in_time(CONNECT_TIMEOUT, "no connection", made).await?
            }
        };
        let done = self.in_time(ANSWER_TIMEOUT, "no answer", deed(&mut link)).await?;
        self.link = Some(link);
        Ok(done)
    }

    async fn in_time<T>(
        &self,
        limit: Duration,
        what: &str,
        deed: impl Future<Output = Result<T, sqlx::Error>>,
    ) -> Result<T, Meaning> {
        let place = self.address.to_string();
        match tokio::time::timeout(limit, deed).await {
            Ok(done) => done.map_err(|error| meaning(&place, &error)),
            Err(_) => {
                let why = format!("{place}: {what} within {} s", limit.as_secs());
                Err(Meaning::Is(TableError::later(why)))
            }
        }
    }

    async fn connect(&self) -> Result<Link, sqlx::Error> {
        match &self.address.0 {
            At::Postgres(options) => {
                let mut options = options.as_ref().clone();
                if options.get_application_name().is_none() {
                    options = options.application_name("indelible");
                }
                let mut link = PgConnection::connect_with(&options).await?;
                let own = match self.purpose {
                    Purpose::Read => "SET default_transaction_read_only = on;",
                    // Off would mean that a crash of the server takes back what it has confirmed.
                    Purpose::Write => {
                        "SELECT set_config('synchronous_commit', 'on', false) \
                         WHERE current_setting('synchronous_commit') = 'off';"
                    }
                };
                let session = format!(
                    "SET statement_timeout = {STATEMENT_MILLIS}; SET lock_timeout = {STATEMENT_MILLIS}; \
                     SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'iso_8601'; \
                     SET bytea_output = 'hex'; SET extra_float_digits = 1; {own}"
                );
                sqlx::raw_sql(AssertSqlSafe(session)).execute(&mut link).await?;
                Ok(Link::Postgres(Box::new(link)))
            }
            At::Sqlite(file) => {
                let options = SqliteConnectOptions::new().filename(file).busy_timeout(BUSY_TIMEOUT);
                let options = match self.purpose {
                    Purpose::Read => options.read_only(true).pragma("query_only", "ON"),
                    Purpose::Write => {
                        options.create_if_missing(true).synchronous(SqliteSynchronous::Full)
                    }
                };
                let link = SqliteConnection::connect_with(&options).await?;
                Ok(Link::Sqlite(Box::new(link)))
            }
        }
    }

    /// Asks for rows, with the values of a key bound.
    pub(crate) async fn fetch<T>(
        &mut self,
        sql: &str,
        bound: Vec<Key>,
        postgres: impl Fn(&PgRow) -> Result<T, sqlx::Error>,
        sqlite: impl Fn(&SqliteRow) -> Result<T, sqlx::Error>,
    ) -> Result<Vec<T>, Meaning> {
        let sql = AssertSqlSafe(sql.to_owned());
        let rows = self.with(async |link| match link {
            Link::Postgres(link) => {
                // Asked a few times each, so keeping them there would only cost.
                let mut query = sqlx::query(sql).persistent(false);
                for key in bound {
                    query = query.bind(key.text());
                }
                query.fetch_all(&mut **link).await?.iter().map(postgres).collect()
            }
            Link::Sqlite(link) => {
                let mut query = sqlx::query(sql);
                for key in bound {
                    query = match key {
                        Key::Integer(value) => query.bind(value),
                        Key::Real(value) => query.bind(f64::from_bits(value.bits)),
                        Key::Text(value) => query.bind(value),
                        Key::Bytes(value) => query.bind(value),
                    };
                }
                query.fetch_all(&mut **link).await?.iter().map(sqlite).collect()
            }
        });
        rows.await
    }
}
