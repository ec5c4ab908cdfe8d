//! What must hold on each database.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use indelible_recorder::{Cause, Context, Event, Outcome, Policy, RecordError, Recorder, Scope};
use indelible_sqlx::{Error, Outbox, RecordIn, migrations};
use serde_json::json;
use sqlx::Pool;

use crate::database::{Application, migrated};
use crate::sink::Sink;

/// Does something and records it, in one transaction.
pub async fn do_something<DB: Application>(pool: &Pool<DB>, recorder: &Recorder, action: String) {
    let mut tx = DB::begin_writing(pool).await;
    DB::add_user(&mut tx).await;
    recorder.record_in(&mut tx, Event::new(action)).await.unwrap().unwrap();
    tx.commit().await.unwrap();
}

fn numbered(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("user.create_{n}")).collect()
}

pub async fn a_committed_event_arrives_once<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.patient_recorder();
    let relay = Outbox::relay(pool.clone(), recorder.clone()).start();
    do_something(&pool, &recorder, "user.create".into()).await;
    sink.wait_for(1);
    relay.stop().await;
    assert_eq!(Outbox::status(&pool).await.unwrap(), Default::default());
    assert_eq!(Outbox::relay(pool.clone(), recorder).drain().await.unwrap(), 0);
    assert_eq!(sink.get(|inner| inner.came), 1);
    assert_eq!(DB::users(&pool).await, 1);
}

pub async fn a_rollback_leaves_nothing_and_no_gap<DB: Application>(pool: Pool<DB>) {
    let (pool, recorder) = (migrated(pool).await, Recorder::memory());
    recorder.record(Event::new("before"));
    for how in 0..2 {
        let mut tx = DB::begin_writing(&pool).await;
        DB::add_user(&mut tx).await;
        recorder.record_in(&mut tx, Event::new("user.create")).await.unwrap();
        match how {
            0 => tx.rollback().await.unwrap(),
            _ => drop(tx),
        }
    }
    recorder.record(Event::new("after"));
    assert_eq!(Outbox::relay(pool.clone(), recorder.clone()).drain().await.unwrap(), 0);
    assert_eq!(DB::users(&pool).await, 0);
    let events = recorder.events();
    let numbers: Vec<_> = events.iter().map(|event| event.get("source.seq").unwrap()).collect();
    assert_eq!(numbers, [json!(0), json!(1)]);
    assert_eq!(recorder.losses(), []);
}

pub async fn what_was_recorded_is_what_arrives<DB: Application>(pool: Pool<DB>) {
    let pool = migrated(pool).await;
    let recorder = Recorder::memory_with(|builder| builder.service("billing"));
    let mut tx = DB::begin_writing(&pool).await;
    let context = Context { correlation_id: Some("c-1".into()), ..Context::default() };
    let scope = Scope { trail: Some("acme".into()), context, ..Scope::default() };
    let event = Event::new("user.update").category("data_modify").target("user", "ümlaut \u{0}");
    let event = event.before(json!({"size": 10.50, "z": 1, "a": "'; DROP"}));
    // The scope is that of the call, not that of whoever awaits it.
    let recorded = scope.run(|| recorder.record_in(&mut tx, event));
    let id = recorded.await.unwrap().unwrap();
    assert_eq!(Recorder::off().record_in(&mut tx, Event::new("left.out")).await.unwrap(), None);
    tx.commit().await.unwrap();
    let rows = DB::outbox(&pool).await;
    assert_eq!(rows, [(id.to_string(), Some("acme".into()), "data_modify".into())]);
    let status = Outbox::status(&pool).await.unwrap();

    Outbox::relay(pool.clone(), recorder.clone()).drain().await.unwrap();
    let events = recorder.events();
    assert_eq!(events.len(), 1);
    let got = |path: &str| events[0].get(path).unwrap();
    assert_eq!(got("id"), json!(id.to_string()));
    assert_eq!(got("trail"), json!("acme"));
    assert_eq!(got("context.correlation_id"), json!("c-1"));
    assert_eq!(got("context.service"), json!("billing"));
    assert_eq!(got("targets.0.id"), json!("ümlaut \u{0}"));
    assert_eq!(got("changes.before"), json!({"size": 10.50, "z": 1, "a": "'; DROP"}));
    assert_eq!(events[0].get("source"), None);

    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros();
    let age = i64::try_from(now).unwrap() - status.oldest.unwrap().0;
    assert!((-1_000..600_000_000).contains(&age), "written {age} µs ago");
}

pub async fn what_is_left_out_or_secret_never_reaches_the_outbox<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let policy = Policy::default().sampling("vfs_operation", 0.0);
    let recorder = Recorder::builder(sink.clone()).policy(policy).build().unwrap();
    let mut tx = DB::begin_writing(&pool).await;
    let event = || Event::new("file.read").outcome(Outcome::Success);
    let left_out = recorder.record_in(&mut tx, event().category("vfs_operation")).await;
    assert_eq!(left_out.unwrap(), None);
    recorder.record_in(&mut tx, event().detail("password", "hunter2")).await.unwrap().unwrap();
    tx.commit().await.unwrap();
    assert_eq!(DB::outbox(&pool).await.len(), 1);
    assert_eq!(Outbox::relay(pool, recorder.clone()).drain().await.unwrap(), 1);
    let kept = sink.get(|inner| inner.kept[0].to_string());
    assert!(kept.contains("password") && !kept.contains("hunter2"), "{kept}");
    let losses = recorder.losses();
    assert_eq!((losses.len(), losses[0].cause, losses[0].count), (1, Cause::Sampled, 1));
}

pub async fn two_relays_send_each_event_once_and_in_order<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.patient_recorder();
    for action in numbered(60) {
        do_something(&pool, &recorder, action).await;
    }
    let relay = || Outbox::relay(pool.clone(), sink.patient_recorder()).batch_size(7);
    let (one, other) = tokio::join!(relay().drain(), relay().drain());
    assert_eq!(one.unwrap() + other.unwrap(), 60);
    assert_eq!(sink.actions(), numbered(60));
    assert_eq!(sink.get(|inner| inner.came), 60, "the one that stood by sent nothing");
}

pub async fn an_outage_delays_and_loses_nothing<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.recorder();
    sink.set(|inner| inner.fails = usize::MAX);
    for action in numbered(20) {
        do_something(&pool, &recorder, action).await;
    }
    let relay = || Outbox::relay(pool.clone(), recorder.clone()).batch_size(8);
    let error = relay().drain().await.unwrap_err();
    assert!(matches!(error, Error::Undelivered { .. }), "{error}");
    let status = Outbox::status(&pool).await.unwrap();
    assert_eq!((status.waiting, status.refused), (20, 0));
    assert!(status.last_error.is_some_and(|why| why.contains("out of order")));
    sink.set(|inner| inner.fails = 0);
    while relay().drain().await.is_err() {}
    assert_eq!(sink.actions(), numbered(20));
    assert_eq!(Outbox::status(&pool).await.unwrap(), Default::default());
    assert_eq!(recorder.losses(), [], "the recorder kept none of them itself");
}

pub async fn a_relay_overcomes_trouble_by_itself<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.recorder();
    sink.set(|inner| inner.fails = 3);
    let relay = Outbox::relay(pool.clone(), recorder.clone()).start();
    for action in numbered(10) {
        do_something(&pool, &recorder, action).await;
    }
    sink.wait_for(10);
    relay.stop().await;
    while Outbox::relay(pool.clone(), recorder.clone()).drain().await.is_err() {}
    assert_eq!(sink.actions(), numbered(10));
}

pub async fn a_batch_that_is_too_large_is_sent_in_parts<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.recorder();
    sink.set(|inner| inner.batch_max = Some(8));
    for action in numbered(20) {
        do_something(&pool, &recorder, action).await;
    }
    let relay = Outbox::relay(pool.clone(), recorder.clone()).batch_size(16).start();
    sink.wait_for(20);
    relay.stop().await;
    assert_eq!(Outbox::status(&pool).await.unwrap().refused, 0);
    assert_eq!(sink.actions(), numbered(20));
}

pub async fn large_events_are_moved_few_at_a_time<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.patient_recorder();
    let mut tx = DB::begin_writing(&pool).await;
    for _ in 0..8 {
        let event = Event::new("blob.put").detail("texts", vec!["x y ".repeat(250); 200]);
        recorder.record_in(&mut tx, event).await.unwrap();
    }
    tx.commit().await.unwrap();
    sink.set(|inner| inner.fails = usize::MAX);
    Outbox::relay(pool.clone(), sink.recorder()).drain().await.unwrap_err();
    // As many as begin within the first MiB.
    assert_eq!(DB::tried(&pool).await, 6);
    sink.set(|inner| inner.fails = 0);
    assert_eq!(Outbox::relay(pool, recorder).drain().await.unwrap(), 8);
}

pub async fn a_refused_event_stays_in_sight_and_holds_nobody_up<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.patient_recorder();
    sink.set(|inner| inner.refuses = Some("user.create_1"));
    for action in numbered(3) {
        do_something(&pool, &recorder, action).await;
    }
    let relay = || Outbox::relay(pool.clone(), recorder.clone()).drain();
    assert_eq!(relay().await.unwrap(), 3);
    assert_eq!(sink.actions(), ["user.create_0", "user.create_2"]);
    let status = Outbox::status(&pool).await.unwrap();
    assert_eq!((status.waiting, status.refused, status.oldest), (0, 1, None));
    assert_eq!(relay().await.unwrap(), 0, "it is not sent again by itself");
    assert_eq!(sink.get(|inner| inner.came), 3);

    let refused = Outbox::refused(&pool, 10).await.unwrap();
    assert_eq!(refused.len(), 1);
    assert!(refused[0].json.contains("user.create_1"));
    assert_eq!(refused[0].why, "not this\u{fffd} one");
    sink.set(|inner| inner.refuses = None);
    assert!(Outbox::retry(&pool, &refused[0].id).await.unwrap());
    assert_eq!(relay().await.unwrap(), 1);
    assert_eq!(sink.get(|inner| inner.kept.len()), 3);
    assert_eq!(Outbox::status(&pool).await.unwrap(), Default::default());
}

pub async fn many_transactions_at_once_all_arrive<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.patient_recorder();
    let relay = Outbox::relay(pool.clone(), recorder.clone()).batch_size(5).start();
    let worker = |worker: usize| {
        let (pool, recorder) = (pool.clone(), recorder.clone());
        async move {
            for n in 0..10 {
                do_something(&pool, &recorder, format!("user.create_{worker}_{n}")).await;
            }
        }
    };
    tokio::join!(worker(0), worker(1), worker(2), worker(3), worker(4), worker(5));
    sink.wait_for(60);
    relay.stop().await;
    assert_eq!(DB::users(&pool).await, 60);
    assert_eq!(Outbox::status(&pool).await.unwrap(), Default::default());
    for worker in 0..6 {
        let prefix = format!("user.create_{worker}_");
        let actions = sink.actions();
        let of_one = actions.iter().filter(|action| action.starts_with(&prefix));
        assert!(of_one.eq(&(0..10).map(|n| format!("{prefix}{n}")).collect::<Vec<_>>()));
    }
}

pub async fn a_relay_that_stops_lets_the_next_work_at_once<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.patient_recorder();
    let never = Duration::from_secs(3_600);
    let relay = Outbox::relay(pool.clone(), recorder.clone()).takeover_after(never).start();
    do_something(&pool, &recorder, "one".into()).await;
    sink.wait_for(1);
    relay.stop().await;
    do_something(&pool, &recorder, "two".into()).await;
    assert_eq!(Outbox::relay(pool.clone(), recorder).drain().await.unwrap(), 1);
}

pub async fn a_relay_without_a_recorder_keeps_the_events<DB: Application>(pool: Pool<DB>) {
    let (pool, sink) = (migrated(pool).await, Sink::default());
    let recorder = sink.patient_recorder();
    do_something(&pool, &recorder, "one".into()).await;
    recorder.close().await.unwrap();
    for useless in [recorder, Recorder::off()] {
        let drained = Outbox::relay(pool.clone(), useless.clone()).drain().await;
        assert!(matches!(drained, Err(Error::Record(RecordError::Closed))));
        let relay = Outbox::relay(pool.clone(), useless).start();
        relay.stop().await;
    }
    assert_eq!(Outbox::status(&pool).await.unwrap().waiting, 1);
}

pub async fn migrating_again_and_at_once_changes_nothing<DB: Application>(pool: Pool<DB>) {
    let migrate = || Outbox::migrate(&pool);
    let (a, b, c) = tokio::join!(migrate(), migrate(), migrate());
    a.and(b).and(c).unwrap();
    DB::script(&pool, "CREATE TABLE users (name text)").await;
    let (recorder, sink) = (Recorder::memory(), Sink::default());
    do_something(&pool, &recorder, "one".into()).await;
    for migration in migrations(DB::DIALECT) {
        DB::script(&pool, migration.sql).await;
    }
    migrate().await.unwrap();
    assert_eq!(Outbox::relay(pool.clone(), sink.recorder()).drain().await.unwrap(), 1);
}
