//! Reading on while rows are being added.

use std::collections::BTreeMap;

use indelible_event::Micros;
use indelible_tables::{Kind, Place, Reading, Table, TableError, Wanted};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use crate::database::Database;
use crate::on_both;

on_both! {
    rows_that_are_added_come_once,
    reading_goes_on_from_its_place_after_a_stop_at_any_page,
}

const SECOND: i64 = 1_000_000;

async fn reading(database: &Database, place: Option<Place>) -> Reading {
    let wanted = Wanted { key: None, follow: true };
    let table = Table::open(database.address(), &"t".parse().unwrap(), &wanted).await.unwrap();
    Reading::new(table, place)
}

/// Reads until there is nothing more, and counts how often each came.
async fn drain(reading: &mut Reading, now: i64, seen: &mut BTreeMap<String, u32>) {
    loop {
        let page = reading.next(Micros(now)).await.unwrap();
        for row in &page.rows {
            *seen.entry(format!("{:?}", row.cells[0])).or_default() += 1;
        }
        if page.last {
            return;
        }
    }
}

async fn rows_that_are_added_come_once(database: Database) {
    database.run("CREATE TABLE t (id integer PRIMARY KEY)").await;
    let (mut reading, mut seen) = (reading(&database, None).await, BTreeMap::new());
    for step in 0..60_i64 {
        let (a, b) = (step * 3 + 1, step * 3 + 2);
        // Every third number comes 20 seconds late.
        let late = if step >= 20 { format!(", ({})", (step - 20) * 3 + 3) } else { String::new() };
        database.run(&format!("INSERT INTO t VALUES ({a}), ({b}){late}")).await;
        drain(&mut reading, step * SECOND, &mut seen).await;
    }
    assert_eq!(seen.len(), 60 * 2 + 40);
    assert!(seen.values().all(|times| *times == 1), "{seen:?}");
}

async fn reading_goes_on_from_its_place_after_a_stop_at_any_page(database: Database) {
    let numbered =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 12000) ";
    database
        .run(&format!(
            "CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t {numbered} SELECT i FROM n"
        ))
        .await;
    let (mut seen, mut place, mut read) = (BTreeMap::<String, u32>::new(), None, 0_usize);
    loop {
        // A process that ends after two pages.
        let mut reading = reading(&database, place.clone()).await;
        let mut last = false;
        for _ in 0..2 {
            let page = reading.next(Micros(0)).await.unwrap();
            read += page.rows.len();
            page.rows
                .iter()
                .for_each(|row| *seen.entry(format!("{:?}", row.cells[0])).or_default() += 1);
            last = page.last;
        }
        let before = place;
        place = reading.place().cloned();
        if last || before == place {
            drain(&mut reading, 0, &mut seen).await;
            break;
        }
    }
    assert_eq!(seen.len(), 12_000);
    // All but the last ones were read once: it does not begin at the beginning each time.
    assert!(read < 20_000, "{read}");
}

#[tokio::test(flavor = "multi_thread")]
async fn transactions_that_commit_out_of_order_lose_nothing_however_long_they_take() {
    let Some(database) = Database::new(Kind::Postgres) else { return };
    database
        .run("CREATE TABLE t (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, note text)")
        .await;
    let (mut reading, mut seen) = (reading(&database, None).await, BTreeMap::new());
    let mut slow = PgConnection::connect(&database.url()).await.unwrap();
    let insert = "INSERT INTO t (note) VALUES ('x')";
    sqlx::raw_sql(AssertSqlSafe(format!("BEGIN; {insert}"))).execute(&mut slow).await.unwrap();
    let mut now = 0;
    for _ in 0..20 {
        // More rows than are read again in any case, so that only what the server says of its transactions helps.
        let many = "INSERT INTO t (note) SELECT 'x' FROM generate_series(1, 600)";
        database.run(many).await;
        now += 60 * SECOND;
        drain(&mut reading, now, &mut seen).await;
    }
    assert_eq!(seen.len(), 12_000);
    assert!(!seen.contains_key("Number(\"1\")"));
    assert_eq!(reading.place(), None);
    sqlx::raw_sql("COMMIT").execute(&mut slow).await.unwrap();
    drain(&mut reading, now + 60 * SECOND, &mut seen).await;
    assert_eq!(seen.len(), 12_001);
    assert!(seen.values().all(|times| *times == 1));
    // Once it is over, the base moves on: what is read again does not grow for ever.
    for step in 2..6 {
        drain(&mut reading, now + step * 60 * SECOND, &mut seen).await;
    }
    assert!(reading.place().is_some());
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_at_once_are_followed_without_a_gap() {
    let Some(database) = Database::new(Kind::Postgres) else { return };
    database.run("CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), created_at timestamptz NOT NULL DEFAULT now())").await;
    let (mut reading, mut seen) = (reading(&database, None).await, BTreeMap::new());
    let mut writers = Vec::new();
    for writer in 0..4 {
        let url = database.url();
        writers.push(tokio::spawn(async move {
            let mut link = PgConnection::connect(&url).await.unwrap();
            for round in 0..30 {
                let sql = format!(
                    "BEGIN; INSERT INTO t DEFAULT VALUES; SELECT pg_sleep({}); INSERT INTO t DEFAULT VALUES; COMMIT",
                    f64::from((writer * 7 + round) % 5) / 500.0
                );
                sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut link).await.unwrap();
            }
        }));
    }
    let mut now = 0;
    while writers.iter().any(|writer| !writer.is_finished()) {
        // Faster than the real clock, so that time alone protects nothing.
        now += 40 * SECOND;
        drain(&mut reading, now, &mut seen).await;
    }
    drain(&mut reading, now + 40 * SECOND, &mut seen).await;
    assert_eq!(seen.len(), 4 * 30 * 2);
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_while_it_is_read_delays_and_loses_nothing() {
    let Some(database) = Database::new(Kind::Postgres) else { return };
    database.run("CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t SELECT generate_series(1, 9000)").await;
    let (mut reading, mut seen) = (reading(&database, None).await, BTreeMap::new());
    let page = reading.next(Micros(0)).await.unwrap();
    page.rows.iter().for_each(|row| *seen.entry(format!("{:?}", row.cells[0])).or_default() += 1);
    database.kill();
    let down = reading.next(Micros(0)).await;
    assert!(matches!(down, Err(TableError::Later { .. })), "{down:?}");
    database.start();
    drain(&mut reading, 0, &mut seen).await;
    assert_eq!(seen.len(), 9_000);
    assert!(seen.values().all(|times| *times == 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_random_key_without_a_time_is_not_followed() {
    let Some(database) = Database::new(Kind::Postgres) else { return };
    database.run("CREATE TABLE t (id uuid PRIMARY KEY, seen_by text)").await;
    let wanted = Wanted { key: None, follow: true };
    match Table::open(database.address(), &"t".parse().unwrap(), &wanted).await.err().unwrap() {
        TableError::Wrong { hint, .. } => assert!(hint.contains("--order-by"), "{hint}"),
        other => panic!("{other:?}"),
    }
}
