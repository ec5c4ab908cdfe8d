//! Writing the classic table.

use indelible_tables::{Classic, ClassicRow, Kind, TableError, TableName, schema};

use crate::database::Database;
use crate::on_both;

on_both! {
    what_is_written_is_read_with_plain_sql,
    nothing_can_be_changed_or_deleted,
    what_comes_again_is_there_once,
    values_that_the_database_cannot_take_lose_no_event,
    a_table_of_somebody_else_is_left_alone,
    without_migrate_the_statements_are_named,
    another_log_is_not_mixed_in,
    a_row_that_is_never_taken_is_found_and_those_before_it_are_there,
    a_table_that_was_dropped_is_made_again,
}

fn name() -> TableName {
    "audit_logs".parse().unwrap()
}

fn classic(database: &Database) -> Classic {
    Classic::new(database.address(), name(), true).unwrap()
}

fn event(seq: u64, more: &str) -> String {
    format!(
        r#"{{"trail":"shop","seq":{seq},"id":"01900000-0000-7000-8000-{seq:012x}","recorded_at":"2026-03-01T10:00:00.{seq:06}Z","action":"order.update"{more}}}"#
    )
}

fn row(kind: Kind, seq: u64, more: &str) -> ClassicRow {
    let mut leaf = [7; 32];
    leaf[..8].copy_from_slice(&seq.to_be_bytes());
    ClassicRow::of(kind, "shop", seq, &leaf, &event(seq, more)).unwrap()
}

async fn count(database: &Database) -> usize {
    database.texts("SELECT CAST(id AS text) FROM audit_logs").await.len()
}

const WHOLE: &str = r#","occurred_at":"2026-03-01T09:00:00.000001Z","category":"data_modify","outcome":"success",
"actor":{"type":"user","id":"u-1","name":"Maria","email":"maria@example.com","on_behalf_of":{"id":"u-2"}},
"targets":[{"type":"order","id":"o-9","name":"nine"}],"changes":{"before":{"a":1.10},"after":null},
"details":{"k":["v"]},"error":{"code":"E1","message":"no"},
"context":{"ip":"192.0.2.7","user_agent":"curl/8","request_id":"r","correlation_id":"c","session_id":"s"}"#;

async fn what_is_written_is_read_with_plain_sql(database: Database) {
    let mut classic = classic(&database);
    let kind = classic.kind();
    classic.write(&[row(kind, 1, WHOLE), row(kind, 2, "")]).await.unwrap();
    let cast = |column: &str| format!("CAST({column} AS text)");
    let at = match kind {
        Kind::Postgres => "2026-03-01 09:00:00.000001+00",
        Kind::Sqlite => "2026-03-01T09:00:00.000001Z",
    };
    for (column, expected) in [
        ("trail", "shop"),
        ("seq", "1"),
        ("id", "01900000-0000-7000-8000-000000000001"),
        ("user_id", "u-1"),
        ("user_type", "user"),
        ("user_name", "Maria"),
        ("user_email", "maria@example.com"),
        ("on_behalf_of", "u-2"),
        ("action", "order.update"),
        ("category", "data_modify"),
        ("outcome", "success"),
        ("resource_type", "order"),
        ("resource_id", "o-9"),
        ("resource_name", "nine"),
        ("new_values", "null"),
        ("ip_address", "192.0.2.7"),
        ("user_agent", "curl/8"),
        ("request_id", "r"),
        ("correlation_id", "c"),
        ("session_id", "s"),
        ("error_code", "E1"),
        ("error_message", "no"),
    ] {
        let sql = format!("SELECT {} FROM audit_logs WHERE user_id = 'u-1'", cast(column));
        assert_eq!(database.texts(&sql).await, [Some(expected.to_owned())], "{column}");
    }
    let time = match kind {
        Kind::Postgres => "CAST(occurred_at AT TIME ZONE 'UTC' AS text) || '+00'",
        Kind::Sqlite => "occurred_at",
    };
    let sql = format!("SELECT {time} FROM audit_logs WHERE seq = 1");
    assert_eq!(database.texts(&sql).await, [Some(at.to_owned())]);
    let json = database.texts("SELECT old_values ->> 'a' || ' ' || (event ->> 'action') FROM audit_logs WHERE seq = 1").await;
    // SQLite has floats alone, beside the exact text in the column.
    let expected = if kind == Kind::Postgres { "1.10 order.update" } else { "1.1 order.update" };
    assert_eq!(json, [Some(expected.to_owned())]);
    // Where nobody said when, it is when it was recorded; what is absent is NULL.
    let sql = "SELECT user_id FROM audit_logs WHERE occurred_at = recorded_at";
    assert_eq!(database.texts(sql).await, [None]);
    assert_eq!(database.texts("SELECT altered FROM audit_logs").await, [None, None]);
}

async fn nothing_can_be_changed_or_deleted(database: Database) {
    let mut classic = classic(&database);
    let kind = classic.kind();
    classic.write(&[row(kind, 1, WHOLE)]).await.unwrap();
    let mut attacks = vec![
        "UPDATE audit_logs SET user_id = 'x'",
        "DELETE FROM audit_logs",
        "INSERT INTO audit_logs SELECT * FROM audit_logs WHERE true ON CONFLICT (trail, seq) DO UPDATE SET user_id = 'x'",
    ];
    match kind {
        Kind::Postgres => attacks.extend([
            "TRUNCATE audit_logs",
            "SET session_replication_role = replica; UPDATE audit_logs SET user_id = 'x'",
            "DELETE FROM audit_logs WHERE false",
        ]),
        Kind::Sqlite => attacks.push("UPDATE OR REPLACE audit_logs SET seq = 2"),
    }
    for attack in attacks {
        let refused = database.try_run(attack).await;
        match (kind, refused) {
            // SQLite leaves the row out before it comes to the update.
            (Kind::Sqlite, Ok(())) if attack.starts_with("INSERT") => {}
            (_, refused) => {
                let why = refused.unwrap_err();
                assert!(why.contains("append-only"), "{attack}: {why}");
            }
        }
    }
    if kind == Kind::Sqlite {
        let columns = "trail, seq, id, leaf, occurred_at, recorded_at, action, event";
        let sql = format!(
            "INSERT OR REPLACE INTO audit_logs ({columns}) VALUES ('shop', 1, 'x', 'x', 'x', 'x', 'x', 'x')"
        );
        database.run(&sql).await;
    }
    let still = "SELECT user_id || ' ' || action FROM audit_logs";
    assert_eq!(database.texts(still).await, [Some("u-1 order.update".to_owned())]);
}

async fn what_comes_again_is_there_once(database: Database) {
    let kind = database.address().kind();
    let rows: Vec<_> = (0..2_500).map(|seq| row(kind, seq, "")).collect();
    let mut first = classic(&database);
    first.write(&rows[..2_000]).await.unwrap();
    // Another process that knows only an older place, at the same time as this one.
    let mut second = classic(&database);
    second.write(&rows[500..]).await.unwrap();
    first.write(&rows[1_000..]).await.unwrap();
    assert_eq!(count(&database).await, 2_500);
}

async fn values_that_the_database_cannot_take_lose_no_event(database: Database) {
    let long = "x".repeat(4_000);
    let cases = [
        (
            r#","actor":{"id":"a\u0000b","name":"\u0000"}"#.to_owned(),
            r"user_id LIKE 'a\u0000b' ESCAPE '!'",
        ),
        (r#","details":{"a\"\\":"x\u0000y \ud83d\ude00"}"#.to_owned(), "details IS NOT NULL"),
        (r#","details":{"n":1e400000,"m":-1E-99999,"ok":1e30}"#.to_owned(), "details IS NOT NULL"),
        (
            format!(
                r#","actor":{{"id":"{long}"}},"targets":[{{"type":"{0}","id":"{long}"}}]"#,
                &long[..256]
            ),
            "user_id LIKE 'xxx%…'",
        ),
        (r#","occurred_at":"0000-02-29T00:00:00.000000Z""#.to_owned(), "occurred_at < recorded_at"),
        (r#","occurred_at":"9999-12-31T23:59:59.999999Z""#.to_owned(), "occurred_at > recorded_at"),
        (
            format!(r#","details":{}1{}"#, r#"{"a":"#.repeat(28), "}".repeat(28)),
            "details IS NOT NULL",
        ),
    ];
    let mut classic = classic(&database);
    let kind = classic.kind();
    let rows: Vec<_> = cases.iter().zip(0..).map(|((more, _), seq)| row(kind, seq, more)).collect();
    classic.write(&rows).await.unwrap();
    for (seq, (more, found)) in cases.iter().enumerate() {
        let sql = format!("SELECT CAST(id AS text) FROM audit_logs WHERE seq = {seq} AND {found}");
        assert_eq!(database.texts(&sql).await.len(), 1, "{more}");
    }
    let altered = database.texts("SELECT altered FROM audit_logs ORDER BY seq").await;
    let altered: Vec<&str> =
        altered.iter().map(|text| text.as_deref().unwrap_or_default()).collect();
    let expected = match kind {
        Kind::Postgres => [
            "user_id user_name event",
            "details event",
            "details event",
            "user_id resource_id",
            "",
            "",
            "",
        ],
        Kind::Sqlite => ["user_id user_name", "", "", "user_id resource_id", "", "", ""],
    };
    assert_eq!(altered, expected);
}

fn wrong(done: Result<(), TableError>) -> (String, String) {
    match done.unwrap_err() {
        TableError::Wrong { why, hint } => (why, hint),
        other => panic!("{other:?}"),
    }
}

async fn a_table_of_somebody_else_is_left_alone(database: Database) {
    database.run("CREATE TABLE audit_logs (id integer, note text)").await;
    let (why, hint) = wrong(classic(&database).prepare().await);
    assert!(why.contains("already"), "{why}");
    assert!(hint.contains("another"), "{hint}");
    assert_eq!(database.texts("SELECT note FROM audit_logs").await, [] as [Option<String>; 0]);
}

async fn without_migrate_the_statements_are_named(database: Database) {
    database.run("CREATE TABLE something (id integer)").await;
    let mut classic = Classic::new(database.address(), name(), false).unwrap();
    let kind = classic.kind();
    let (_, hint) = wrong(classic.write(&[row(kind, 1, "")]).await);
    assert!(hint.contains("stream schema --for"), "{hint}");
    database.run(&schema(kind, &name())).await;
    classic.write(&[row(kind, 1, "")]).await.unwrap();
    assert_eq!(count(&database).await, 1);
}

async fn another_log_is_not_mixed_in(database: Database) {
    let mut classic = classic(&database);
    let kind = classic.kind();
    classic.write(&[row(kind, 1, "")]).await.unwrap();
    let other = ClassicRow::of(kind, "shop", 1, &[9; 32], &event(1, "")).unwrap();
    let (why, _) = wrong(classic.write(&[row(kind, 2, ""), other]).await);
    assert!(why.contains("another event at shop/1"), "{why}");
}

async fn a_row_that_is_never_taken_is_found_and_those_before_it_are_there(database: Database) {
    let mut classic = classic(&database);
    let kind = classic.kind();
    // A time that is none stands for whatever nobody thought of; SQLite takes any text, so it gets a check.
    classic.prepare().await.unwrap();
    if kind == Kind::Sqlite {
        let sql = "CREATE TRIGGER poison BEFORE INSERT ON audit_logs WHEN NEW.occurred_at NOT LIKE '2%' \
                   BEGIN SELECT RAISE(ABORT, 'no time'); END";
        database.run(sql).await;
    }
    let bad = row(kind, 2, r#","occurred_at":"once upon a time""#);
    let rows = [row(kind, 0, ""), row(kind, 1, ""), bad, row(kind, 3, "")];
    match classic.write(&rows).await.unwrap_err() {
        TableError::Row { at: 2, .. } => {}
        other => panic!("{other:?}"),
    }
    assert_eq!(count(&database).await, 2);
    classic.write(&rows[3..]).await.unwrap();
    assert_eq!(count(&database).await, 3);
}

async fn a_table_that_was_dropped_is_made_again(database: Database) {
    let mut classic = classic(&database);
    let kind = classic.kind();
    classic.write(&[row(kind, 1, "")]).await.unwrap();
    database.run("DROP TABLE audit_logs").await;
    assert!(classic.write(&[row(kind, 2, "")]).await.is_err());
    classic.write(&[row(kind, 2, "")]).await.unwrap();
    assert_eq!(count(&database).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_delays_and_loses_nothing() {
    let Some(database) = Database::new(Kind::Postgres) else { return };
    let mut classic = classic(&database);
    let rows: Vec<_> = (0..300).map(|seq| row(Kind::Postgres, seq, "")).collect();
    let mut sent = 0;
    for (round, rows) in rows.chunks(10).enumerate() {
        if round % 10 == 5 {
            database.kill();
            let down = classic.write(rows).await;
            assert!(matches!(down, Err(TableError::Later { .. })), "{down:?}");
            database.start();
        }
        while let Err(error) = classic.write(rows).await {
            assert!(matches!(error, TableError::Later { .. }), "{error:?}");
        }
        sent += rows.len();
    }
    let seqs = database.texts("SELECT t.seq::text FROM audit_logs t ORDER BY t.seq").await;
    assert_eq!(seqs.len(), sent);
    assert!(seqs.iter().enumerate().all(|(at, seq)| seq.as_deref() == Some(&*at.to_string())));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_have_to_put_right_is_said_with_what_to_do() {
    let Some(database) = Database::new(Kind::Postgres) else { return };
    let Database::Postgres(server) = &database else { return };
    let at = |user: &str, db: &str| {
        let socket = server.socket().display().to_string().replace('/', "%2F");
        let url = format!("postgres://{user}:s3cret@{socket}/{db}");
        Classic::new(indelible_tables::Address::parse(&url).unwrap(), name(), true).unwrap()
    };
    database.run("CREATE USER nobody").await;
    for (user, db, hint) in [
        ("audit", "nowhere", "create the database"),
        ("stranger", "postgres", "user"),
        ("nobody", "postgres", "grant"),
    ] {
        let (why, said) = wrong(at(user, db).prepare().await);
        assert!(said.contains(hint), "{why}: {said}");
        assert!(!why.contains("s3cret"), "{why}");
    }
    let nowhere = indelible_tables::Address::parse("postgres://a:s3cret@127.0.0.1:1/b").unwrap();
    match Classic::new(nowhere, name(), true).unwrap().prepare().await.unwrap_err() {
        TableError::Later { why } => {
            assert!(why.contains("127.0.0.1:1") && !why.contains("s3cret"), "{why}")
        }
        other => panic!("{other:?}"),
    }
}
