//! Processes, servers and locks that get in the way.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use indelible_recorder::{Event, Recorder};
use indelible_sqlx::{Outbox, RecordIn};
use sqlx::Pool;

use crate::cases::do_something;
use crate::database::{Application, SqliteFile, migrated, sqlite};
use crate::postgres_server::{PostgresServer, connected};
use crate::sink::Sink;

const DATABASE: &str = "INDELIBLE_TEST_DATABASE";
const KEPT: &str = "INDELIBLE_TEST_KEPT";

/// Not a test by itself: what runs in the process that dies.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(database) = std::env::var(DATABASE) else { return };
    match Path::new(&database).is_dir() {
        true => dies(connected(Path::new(&database)).await).await,
        false => dies(sqlite(&database, Duration::from_secs(30)).await).await,
    }
}

/// Commits three events and dies: at once, or after the trail has them and before the outbox knows.
async fn dies<DB: Application>(pool: Pool<DB>) {
    let recorder = Recorder::memory();
    for action in ["one", "two", "three"] {
        do_something(&pool, &recorder, action.into()).await;
    }
    let Ok(kept) = std::env::var(KEPT) else { std::process::abort() };
    let sink = Sink::default();
    sink.set(|inner| inner.dies_after = Some(kept.into()));
    let relay = Outbox::relay(pool, sink.patient_recorder());
    let _ = relay.takeover_after(Duration::from_millis(1)).drain().await;
}

async fn survived<DB: Application>(pool: Pool<DB>, database: &str) {
    let pool = migrated(pool).await;
    let dir = tempfile::tempdir().unwrap();
    let kept = dir.path().join("kept");
    let run = |with_relay: bool| {
        let mut child = Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "crash::child", "--nocapture"]).env(DATABASE, database);
        if with_relay {
            child.env(KEPT, &kept);
        }
        let output = child.output().unwrap();
        assert!(!output.status.success(), "it was to die: {output:?}");
    };
    run(false);
    let sink = Sink::default();
    let drain = || Outbox::relay(pool.clone(), sink.patient_recorder()).drain();
    assert_eq!(drain().await.unwrap(), 3);
    assert_eq!(sink.actions(), ["one", "two", "three"]);

    run(true);
    sink.load(&kept);
    assert_eq!(sink.get(|inner| inner.kept.len()), 6, "the trail has them");
    assert_eq!(Outbox::status(&pool).await.unwrap().waiting, 3, "the outbox does not know");
    let came = sink.get(|inner| inner.came);
    assert_eq!(drain().await.unwrap(), 3);
    assert_eq!(sink.get(|inner| inner.came), came + 3, "they are sent again");
    assert_eq!(sink.get(|inner| inner.kept.len()), 6, "and kept once");
    assert_eq!(Outbox::status(&pool).await.unwrap(), Default::default());
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_after_a_crash_each_event_is_kept_once() {
    let file = SqliteFile::new();
    survived(file.pool().await, &file.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_after_a_crash_each_event_is_kept_once() {
    let Some(server) = PostgresServer::start() else { return };
    survived(server.pool().await, server.socket().to_str().unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_may_be_restarted() {
    let Some(server) = PostgresServer::start() else { return };
    let (pool, sink) = (migrated(server.pool().await).await, Sink::default());
    let recorder = sink.patient_recorder();
    let relay = Outbox::relay(pool.clone(), recorder.clone()).start();
    do_something(&pool, &recorder, "one".into()).await;
    sink.wait_for(1);
    server.restart();
    // The application's own connections are tested before they are used, as the relay's are.
    do_something(&pool, &recorder, "two".into()).await;
    sink.wait_for(2);
    relay.stop().await;
    assert_eq!(sink.actions(), ["one", "two"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_an_event_that_was_written_early_and_committed_late_is_not_passed_over() {
    let Some(server) = PostgresServer::start() else { return };
    let (pool, sink) = (migrated(server.pool().await).await, Sink::default());
    let recorder = sink.patient_recorder();
    let mut late = pool.begin().await.unwrap();
    recorder.record_in(&mut late, Event::new("late")).await.unwrap();
    do_something(&pool, &recorder, "early".into()).await;
    let drain = || Outbox::relay(pool.clone(), recorder.clone()).drain();
    assert_eq!(drain().await.unwrap(), 1);
    late.commit().await.unwrap();
    assert_eq!(drain().await.unwrap(), 1);
    assert_eq!(sink.actions(), ["early", "late"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sqlite_a_locked_database_is_waited_for() {
    let file = SqliteFile::new();
    let pool = migrated(sqlite(&file.path(), Duration::from_millis(10)).await).await;
    let sink = Sink::default();
    let recorder = sink.patient_recorder();
    do_something(&pool, &recorder, "one".into()).await;
    let lock = pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let drained = Outbox::relay(pool.clone(), recorder.clone()).drain().await;
    assert!(drained.unwrap_err().to_string().contains("locked"));
    let relay = Outbox::relay(pool.clone(), recorder.clone()).start();
    lock.rollback().await.unwrap();
    sink.wait_for(1);
    relay.stop().await;
    assert_eq!(sink.get(|inner| inner.came), 1);
}
