//! The outbox on real databases: SQLite in a file, and a PostgreSQL server of each test's own.

#![allow(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and start servers and processes with the time and files of the machine"
)]

mod cases;
mod crash;
mod database;
mod postgres_server;
mod sink;

/// Each case on both databases.
macro_rules! on_both {
    ($($case:ident,)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let file = crate::database::SqliteFile::new();
                crate::cases::$case(file.pool().await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $case() {
                let Some(server) = crate::postgres_server::PostgresServer::start() else { return };
                crate::cases::$case(server.pool().await).await;
            })*
        }
    };
}

on_both! {
    a_committed_event_arrives_once,
    a_rollback_leaves_nothing_and_no_gap,
    what_was_recorded_is_what_arrives,
    what_is_left_out_or_secret_never_reaches_the_outbox,
    two_relays_send_each_event_once_and_in_order,
    an_outage_delays_and_loses_nothing,
    a_relay_overcomes_trouble_by_itself,
    a_batch_that_is_too_large_is_sent_in_parts,
    large_events_are_moved_few_at_a_time,
    a_refused_event_stays_in_sight_and_holds_nobody_up,
    many_transactions_at_once_all_arrive,
    a_relay_that_stops_lets_the_next_work_at_once,
    a_relay_without_a_recorder_keeps_the_events,
    migrating_again_and_at_once_changes_nothing,
}
