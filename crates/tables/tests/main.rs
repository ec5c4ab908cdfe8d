//! On real databases: SQLite in a file, and a PostgreSQL server of each test's own.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and start servers and processes with the time and files of the machine"
)]

mod classic;
mod database;
mod following;
#[path = "../../../integrations/sqlx/tests/postgres_server.rs"]
mod postgres_server;
mod reading;
