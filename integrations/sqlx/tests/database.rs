//! What the cases need of a database, and SQLite in a file.

use std::time::Duration;

use indelible_sqlx::{Outbox, OutboxDatabase};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};
use sqlx::{Pool, Postgres, Sqlite, SqlitePool, Transaction};

/// A database with the application's own table.
pub trait Application: OutboxDatabase {
    async fn begin_writing(pool: &Pool<Self>) -> Transaction<'static, Self>;
    async fn add_user(tx: &mut Transaction<'_, Self>);
    async fn users(pool: &Pool<Self>) -> i64;
    async fn outbox(pool: &Pool<Self>) -> Vec<(String, Option<String>, String)>;
    async fn tried(pool: &Pool<Self>) -> i64;
    async fn script(pool: &Pool<Self>, sql: &'static str);
}

macro_rules! application {
    ($database:ty, $begin:literal) => {
        impl Application for $database {
            async fn begin_writing(pool: &Pool<Self>) -> Transaction<'static, Self> {
                pool.begin_with($begin).await.unwrap()
            }

            async fn add_user(tx: &mut Transaction<'_, Self>) {
                sqlx::query("INSERT INTO users (name) VALUES ('maria')")
                    .execute(&mut **tx)
                    .await
                    .unwrap();
            }

            async fn users(pool: &Pool<Self>) -> i64 {
                sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(pool).await.unwrap()
            }

            async fn outbox(pool: &Pool<Self>) -> Vec<(String, Option<String>, String)> {
                let sql = "SELECT id, trail, event_type FROM indelible_outbox ORDER BY position";
                sqlx::query_as(sql).fetch_all(pool).await.unwrap()
            }

            async fn tried(pool: &Pool<Self>) -> i64 {
                let sql = "SELECT count(*) FROM indelible_outbox WHERE attempts > 0";
                sqlx::query_scalar(sql).fetch_one(pool).await.unwrap()
            }

            async fn script(pool: &Pool<Self>, sql: &'static str) {
                let mut conn = pool.acquire().await.unwrap();
                sqlx::raw_sql(sql).execute(&mut *conn).await.unwrap();
            }
        }
    };
}

application!(Sqlite, "BEGIN IMMEDIATE");
application!(Postgres, "BEGIN");

/// The application's and the outbox's tables.
pub async fn migrated<DB: Application>(pool: Pool<DB>) -> Pool<DB> {
    DB::script(&pool, "CREATE TABLE users (name text)").await;
    Outbox::migrate(&pool).await.unwrap();
    pool
}

pub struct SqliteFile(tempfile::TempDir);

impl SqliteFile {
    pub fn new() -> SqliteFile {
        SqliteFile(tempfile::tempdir().unwrap())
    }

    pub fn path(&self) -> String {
        self.0.path().join("application.db").display().to_string()
    }

    pub async fn pool(&self) -> SqlitePool {
        sqlite(&self.path(), Duration::from_secs(30)).await
    }
}

pub async fn sqlite(path: &str, busy_timeout: Duration) -> SqlitePool {
    let options = SqliteConnectOptions::new()
        .filename(path)
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .busy_timeout(busy_timeout);
    SqlitePoolOptions::new().max_connections(4).connect_with(options).await.unwrap()
}
