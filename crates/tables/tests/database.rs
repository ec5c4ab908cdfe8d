//! A database of a test's own, and what is asked of it beside the library.

use indelible_tables::{Address, Kind};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

use crate::postgres_server::PostgresServer;

pub enum Database {
    Postgres(PostgresServer),
    Sqlite(tempfile::TempDir),
}

impl Database {
    /// `None` where there is no PostgreSQL and it was said that this may be.
    pub fn new(kind: Kind) -> Option<Database> {
        match kind {
            Kind::Postgres => PostgresServer::start().map(Database::Postgres),
            Kind::Sqlite => Some(Database::Sqlite(tempfile::tempdir().unwrap())),
        }
    }

    pub fn url(&self) -> String {
        match self {
            Database::Postgres(server) => {
                let socket = server.socket().display().to_string().replace('/', "%2F");
                format!("postgres://audit@{socket}/postgres")
            }
            Database::Sqlite(dir) => format!("sqlite:{}", dir.path().join("app.db").display()),
        }
    }

    pub fn address(&self) -> Address {
        Address::parse(&self.url()).unwrap()
    }

    /// Runs statements; the error is the database's own text.
    pub async fn try_run(&self, sql: &str) -> Result<(), String> {
        let sql = AssertSqlSafe(sql.to_owned());
        let done = match self {
            Database::Postgres(_) => {
                let mut link =
                    PgConnection::connect(&self.url()).await.map_err(|e| e.to_string())?;
                sqlx::raw_sql(sql).execute(&mut link).await.map(drop)
            }
            Database::Sqlite(_) => {
                let url = format!("{}?mode=rwc", self.url());
                let mut link = SqliteConnection::connect(&url).await.map_err(|e| e.to_string())?;
                sqlx::raw_sql(sql).execute(&mut link).await.map(drop)
            }
        };
        done.map_err(|e| e.to_string())
    }

    pub async fn run(&self, sql: &str) {
        self.try_run(sql).await.unwrap();
    }

    /// The one text of each row.
    pub async fn texts(&self, sql: &str) -> Vec<Option<String>> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Database::Postgres(server) => {
                sqlx::query_scalar(sql).fetch_all(&server.pool().await).await.unwrap()
            }
            Database::Sqlite(_) => {
                let mut link = SqliteConnection::connect(&self.url()).await.unwrap();
                sqlx::query_scalar(sql).fetch_all(&mut link).await.unwrap()
            }
        }
    }

    /// Ends the server as a power cut would.
    pub fn kill(&self) {
        let Database::Postgres(server) = self else { return };
        let pid = std::fs::read_to_string(server.socket().join("data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        let children = std::process::Command::new("pgrep").args(["-P", pid]).output().unwrap();
        let children = String::from_utf8(children.stdout).unwrap();
        let all: Vec<&str> = std::iter::once(pid).chain(children.split_whitespace()).collect();
        // Those that ended by themselves meanwhile are as dead.
        std::process::Command::new("kill").arg("-9").args(&all).status().unwrap();
        let alive = |pid: &&str| std::path::Path::new("/proc").join(pid).join("exe").exists();
        while all.iter().any(alive) {
            std::thread::yield_now();
        }
        // Where nobody collects the dead, the number in them still seems to be a server.
        for lock in ["data/postmaster.pid", ".s.PGSQL.5432.lock"] {
            std::fs::remove_file(server.socket().join(lock)).unwrap();
        }
    }

    pub fn start(&self) {
        if let Database::Postgres(server) = self {
            server.restart();
        }
    }
}

/// Each case on both databases.
#[macro_export]
macro_rules! on_both {
    ($($case:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let kind = indelible_tables::Kind::Sqlite;
                super::$case($crate::database::Database::new(kind).unwrap()).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let kind = indelible_tables::Kind::Postgres;
                let Some(database) = $crate::database::Database::new(kind) else { return };
                super::$case(database).await;
            })*
        }
    };
}
