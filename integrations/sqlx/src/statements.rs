//! The statements of each database.

use std::time::Duration;

use sqlx::{Pool, Transaction};

use crate::database::{Answer, New, Numbers, OutboxDatabase, Row, Settled, Statements};
use crate::limits::BATCH_CHARS_MAX;
use crate::migration::Dialect;

/// Positions as both databases take them: a JSON array.
fn listed(positions: &[i64]) -> String {
    let positions: Vec<String> = positions.iter().map(i64::to_string).collect();
    format!("[{}]", positions.join(","))
}

/// Where the two differ is in their clocks, their locks and how they take a list.
macro_rules! statements {
    (
        $database:ty, $dialect:expr,
        begin: $begin:literal, lock: $lock:literal, now: $now:literal,
        until: $until:literal, now_until: $now_until:literal, later: $later:literal, never: $never:literal,
        created_us: ($us_before:literal, $us_after:literal), listed: $listed:literal,
    ) => {
        impl OutboxDatabase for $database {
            const DIALECT: Dialect = $dialect;
        }

        impl Statements for $database {
            async fn begin(pool: &Pool<Self>) -> Answer<Transaction<'static, Self>> {
                pool.begin_with($begin).await
            }

            async fn version(conn: &mut Self::Connection) -> Answer<i64> {
                sqlx::raw_sql($lock).execute(&mut *conn).await?;
                sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM indelible_outbox_schema")
                    .fetch_one(conn)
                    .await
            }

            async fn run(conn: &mut Self::Connection, script: &'static str) -> Answer<()> {
                sqlx::raw_sql(script).execute(conn).await.map(drop)
            }

            async fn add<'a>(conn: &'a mut Self::Connection, event: New<'a>) -> Answer<()> {
                let sql = "INSERT INTO indelible_outbox (id, trail, event_type, json) VALUES ($1, $2, $3, $4)";
                let query = sqlx::query(sql).bind(event.id).bind(event.trail);
                query.bind(event.event_type).bind(event.json).execute(conn).await.map(drop)
            }

            async fn anything(conn: &mut Self::Connection) -> Answer<bool> {
                let sql = "SELECT position FROM indelible_outbox WHERE refused_at IS NULL LIMIT 1";
                let found: Option<i64> = sqlx::query_scalar(sql).fetch_optional(conn).await?;
                Ok(found.is_some())
            }

            async fn lead(
                conn: &mut Self::Connection,
                term: Option<i64>,
                takeover_after: Duration,
            ) -> Answer<Option<i64>> {
                let sql = concat!(
                    "UPDATE indelible_outbox_relay SET ", $until, " = ", $later,
                    ", term = CASE WHEN term = $2 THEN term ELSE term + 1 END",
                    " WHERE term = $2 OR ", $until, " < ", $now_until, " RETURNING term",
                );
                let ms = i64::try_from(takeover_after.as_millis()).unwrap_or(i64::MAX);
                let query = sqlx::query_scalar(sql).bind(ms).bind(term.unwrap_or(-1));
                query.fetch_optional(conn).await
            }

            async fn release(conn: &mut Self::Connection, term: i64) -> Answer<()> {
                let sql = concat!(
                    "UPDATE indelible_outbox_relay SET ", $until, " = ", $never, " WHERE term = $1",
                );
                sqlx::query(sql).bind(term).execute(conn).await.map(drop)
            }

            async fn batch(conn: &mut Self::Connection, size: u32) -> Answer<Vec<Row>> {
                let sql = "SELECT position, id, event_type, json FROM (\
                     SELECT position, id, event_type, json,\
                     sum(length(json)) OVER (ORDER BY position) - length(json) AS ahead FROM (\
                     SELECT position, id, event_type, json FROM indelible_outbox \
                     WHERE refused_at IS NULL ORDER BY position LIMIT $1) AS waiting\
                     ) AS measured WHERE ahead < $2 ORDER BY position";
                let query = sqlx::query_as(sql).bind(i64::from(size)).bind(BATCH_CHARS_MAX);
                query.fetch_all(conn).await
            }

            async fn settle<'a>(conn: &'a mut Self::Connection, settled: &'a Settled) -> Answer<()> {
                if !settled.kept.is_empty() {
                    let sql = concat!("DELETE FROM indelible_outbox WHERE position IN ", $listed);
                    sqlx::query(sql).bind(listed(&settled.kept)).execute(&mut *conn).await?;
                }
                if !settled.failed.is_empty() {
                    let sql = concat!(
                        "UPDATE indelible_outbox SET attempts = attempts + 1, last_error = $2",
                        " WHERE position IN ", $listed,
                    );
                    let query = sqlx::query(sql).bind(listed(&settled.failed));
                    query.bind(settled.why.as_deref()).execute(&mut *conn).await?;
                }
                for (position, why) in &settled.refused {
                    let sql = concat!(
                        "UPDATE indelible_outbox SET attempts = attempts + 1, last_error = $2, refused_at = ",
                        $now, " WHERE position = $1",
                    );
                    sqlx::query(sql).bind(*position).bind(why).execute(&mut *conn).await?;
                }
                Ok(())
            }

            async fn numbers(conn: &mut Self::Connection) -> Answer<Numbers> {
                let sql = concat!(
                    "SELECT count(*) FILTER (WHERE refused_at IS NULL),",
                    " count(*) FILTER (WHERE refused_at IS NOT NULL), ",
                    $us_before, "min(created_at) FILTER (WHERE refused_at IS NULL)", $us_after,
                    ", (SELECT last_error FROM indelible_outbox WHERE refused_at IS NULL",
                    " AND last_error IS NOT NULL ORDER BY position LIMIT 1) FROM indelible_outbox",
                );
                sqlx::query_as(sql).fetch_one(conn).await
            }

            async fn refused(
                conn: &mut Self::Connection,
                count_max: u32,
            ) -> Answer<Vec<(String, String, String, String)>> {
                let sql = "SELECT id, event_type, json, coalesce(last_error, '') FROM indelible_outbox \
                     WHERE refused_at IS NOT NULL ORDER BY position LIMIT $1";
                sqlx::query_as(sql).bind(i64::from(count_max)).fetch_all(conn).await
            }

            async fn retry(conn: &mut Self::Connection, id: String) -> Answer<u64> {
                let sql = "UPDATE indelible_outbox SET refused_at = NULL \
                     WHERE id = $1 AND refused_at IS NOT NULL";
                Ok(sqlx::query(sql).bind(id).execute(conn).await?.rows_affected())
            }
        }
    };
}

#[cfg(feature = "sqlite")]
statements! {
    sqlx::Sqlite, Dialect::Sqlite,
    begin: "BEGIN IMMEDIATE",
    // The transaction itself is the lock.
    lock: "CREATE TABLE IF NOT EXISTS indelible_outbox_schema (version INTEGER PRIMARY KEY, \
           applied_at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))",
    now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
    until: "until_ms",
    now_until: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)",
    later: "CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) + $1",
    never: "0",
    created_us: ("CAST(round((julianday(", ") - 2440587.5) * 86400000) AS INTEGER) * 1000"),
    listed: "(SELECT value FROM json_each($1))",
}

#[cfg(feature = "postgres")]
statements! {
    sqlx::Postgres, Dialect::Postgres,
    begin: "BEGIN",
    // Programs that start at the same time must not make the same table at the same time.
    lock: "SELECT pg_advisory_xact_lock(8241990165287137621); \
           CREATE TABLE IF NOT EXISTS indelible_outbox_schema (version bigint PRIMARY KEY, \
           applied_at timestamptz NOT NULL DEFAULT clock_timestamp())",
    now: "clock_timestamp()",
    until: "until_time",
    now_until: "clock_timestamp()",
    later: "clock_timestamp() + $1 * interval '1 millisecond'",
    never: "'epoch'",
    created_us: ("(extract(epoch FROM ", ") * 1000000)::bigint"),
    listed: "(SELECT value::bigint FROM json_array_elements_text($1::json))",
}
