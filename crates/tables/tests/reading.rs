//! Reading tables as people have them.

use indelible_connect::rows::{self, Cell, guess};
use indelible_event::Micros;
use indelible_tables::{Kind, Place, Row, Table, TableError, TableName, Wanted};
use serde_json::Value;

use crate::database::Database;
use crate::on_both;

on_both! {
    every_row_comes_once_and_in_order,
    what_nothing_orders_is_refused_with_what_to_do,
    a_name_is_a_name_whatever_is_in_it,
    nothing_can_be_written,
    a_place_is_gone_on_from,
    a_table_that_is_not_there_names_those_that_are,
}

pub async fn open(database: &Database, name: &str) -> Table {
    let name: TableName = name.parse().unwrap();
    Table::open(database.address(), &name, &Wanted::default()).await.unwrap()
}

pub async fn all(table: &mut Table, rows_max: u32) -> Vec<Row> {
    let (mut rows, mut after): (Vec<Row>, Option<Place>) = (Vec::new(), None);
    loop {
        let page = table.read(after.as_ref(), None, rows_max).await.unwrap();
        after = page.rows.last().map(|row| row.place.clone());
        rows.extend(page.rows);
        if page.last {
            return rows;
        }
    }
}

fn numbers(rows: &[Row]) -> Vec<String> {
    let number = |row: &Row| match &row.cells[0] {
        Cell::Number(text) | Cell::Text(text) => text.to_string(),
        other => panic!("{other:?}"),
    };
    rows.iter().map(number).collect()
}

async fn every_row_comes_once_and_in_order(database: Database) {
    let values = |make: &dyn Fn(i32) -> String| (1..=25).map(make).collect::<Vec<_>>().join(", ");
    let cases = [
        ("n integer PRIMARY KEY, t text", values(&|n| format!("({n}, 'x')")), "n"),
        ("n text PRIMARY KEY NOT NULL, t text", values(&|n| format!("('k{n:03}', 'x')")), "text"),
        (
            "n integer NOT NULL, t text NOT NULL, PRIMARY KEY (t, n)",
            values(&|n| format!("({n}, 'x')")),
            "two",
        ),
        ("n integer, t text", values(&|n| format!("({}, 'x')", n / 2)), "none"),
        ("n integer NOT NULL UNIQUE, t text", values(&|n| format!("({n}, 'x')")), "unique"),
    ];
    for (columns, values, name) in cases {
        let table = format!("t_{name}");
        database
            .run(&format!("CREATE TABLE {table} ({columns}); INSERT INTO {table} VALUES {values}"))
            .await;
        let mut table = open(&database, &table).await;
        assert_eq!(table.count().await.unwrap(), Some(25), "{name}");
        let whole = numbers(&all(&mut table, 1_000).await);
        assert_eq!(whole.len(), 25, "{name}");
        let mut sorted = whole.clone();
        sorted.sort_by_key(|n| n.trim_start_matches('k').parse::<u32>().unwrap());
        assert_eq!(whole, sorted, "{name}");
        for rows_max in [1, 3, 24, 25, 26] {
            assert_eq!(numbers(&all(&mut table, rows_max).await), whole, "{name} by {rows_max}");
        }
    }
}

async fn what_nothing_orders_is_refused_with_what_to_do(database: Database) {
    let sql = "CREATE TABLE t (id integer PRIMARY KEY, day integer, note text); \
               INSERT INTO t VALUES (1, 7, 'a'), (2, 7, 'b'), (3, NULL, 'c'); CREATE VIEW v AS SELECT * FROM t";
    database.run(sql).await;
    let with = async |name: &str, key: Option<&str>| {
        let wanted = Wanted { key: key.map(str::to_owned), follow: false };
        Table::open(database.address(), &name.parse().unwrap(), &wanted).await
    };
    let refused = |table: Result<Table, TableError>| match table.err().unwrap() {
        TableError::Wrong { why, hint } => format!("{why}; {hint}"),
        other => panic!("{other:?}"),
    };
    assert!(refused(with("v", None).await).contains("--order-by"));
    assert!(refused(with("v", Some("nothing")).await).contains("id, day, note"));
    assert!(refused(with("t", Some("day")).await).contains("have no day"));
    let mut view = with("v", Some("id")).await.unwrap();
    assert_eq!(numbers(&all(&mut view, 2).await), ["1", "2", "3"]);
    assert!(view.row_columns()[0].key);
    // What the database does not see to is looked at.
    database.run("CREATE VIEW w AS SELECT * FROM t WHERE day IS NOT NULL").await;
    let mut view = with("w", Some("day")).await.unwrap();
    let error = view.read(None, None, 1).await.unwrap_err();
    assert!(error.to_string().contains("several rows"), "{error}");
}

async fn a_name_is_a_name_whatever_is_in_it(database: Database) {
    let sql = r#"CREATE TABLE "au""dit; DROP" ("select" integer PRIMARY KEY, "a""b" text, "Ä" text);
                 INSERT INTO "au""dit; DROP" VALUES (1, 'x''y', 'ß')"#;
    database.run(sql).await;
    let mut table = open(&database, r#""au""dit; DROP""#).await;
    let names: Vec<&str> = table.columns().iter().map(|column| &*column.name).collect();
    assert_eq!(names, ["select", "a\"b", "Ä"]);
    let rows = all(&mut table, 10).await;
    assert_eq!(rows[0].cells[1..], [Cell::Text("x'y".into()), Cell::Text("ß".into())]);
}

async fn nothing_can_be_written(database: Database) {
    database.run("CREATE TABLE t (id integer PRIMARY KEY)").await;
    let body = match database.address().kind() {
        Kind::Postgres => {
            "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql VOLATILE AS 'INSERT INTO t VALUES (9) RETURNING 1::bigint'; \
             CREATE VIEW v AS SELECT f() AS id"
        }
        // No statement of ours can be made to write there, and the file is opened so that none could.
        Kind::Sqlite => "CREATE VIEW v AS SELECT 1 AS id",
    };
    database.run(body).await;
    let wanted = Wanted { key: Some("id".into()), follow: false };
    let table = Table::open(database.address(), &"v".parse().unwrap(), &wanted).await;
    if database.address().kind() == Kind::Postgres {
        let error = match table {
            Ok(mut table) => table.read(None, None, 10).await.unwrap_err(),
            Err(error) => error,
        };
        assert!(error.to_string().contains("read-only"), "{error}");
    }
    assert_eq!(database.texts("SELECT CAST(id AS text) FROM t").await.len(), 0);
}

async fn a_place_is_gone_on_from(database: Database) {
    database
        .run("CREATE TABLE t (id integer PRIMARY KEY); INSERT INTO t VALUES (1), (2), (3)")
        .await;
    let mut table = open(&database, "t").await;
    let page = table.read(None, None, 2).await.unwrap();
    let kept = serde_json::to_string(&page.rows[1].place).unwrap();
    // The row it names may be gone.
    database.run("DELETE FROM t WHERE id = 2").await;
    let place: Place = serde_json::from_str(&kept).unwrap();
    let mut again = open(&database, "t").await;
    assert_eq!(numbers(&again.read(Some(&place), None, 10).await.unwrap().rows), ["3"]);
    let other: Place = serde_json::from_str(r#"["1","2"]"#).unwrap();
    assert!(matches!(again.read(Some(&other), None, 10).await, Err(TableError::Wrong { .. })));
}

async fn a_table_that_is_not_there_names_those_that_are(database: Database) {
    database.run("CREATE TABLE users (id integer); CREATE TABLE my_audit_trail (id integer)").await;
    let missing =
        Table::open(database.address(), &"audit".parse().unwrap(), &Wanted::default()).await;
    match missing.err().unwrap() {
        TableError::Wrong { hint, .. } => assert!(hint.contains("my_audit_trail"), "{hint}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_of_postgresql_arrives_as_what_it_is() {
    let Some(database) = Database::new(Kind::Postgres) else { return };
    let cases = [
        ("smallint", "-7", Cell::Number("-7".into())),
        (
            "numeric",
            "12345678901234567890.123456789",
            Cell::Number("12345678901234567890.123456789".into()),
        ),
        ("numeric", "'NaN'", Cell::Text("NaN".into())),
        ("double precision", "0.1", Cell::Number("0.1".into())),
        ("double precision", "'-Infinity'", Cell::Text("-Infinity".into())),
        ("boolean", "true", Cell::Bool(true)),
        ("json", r#"'{"b": 1.10,  "a":null}'"#, Cell::Json(r#"{"b": 1.10,  "a":null}"#.into())),
        ("jsonb", "'[1.10]'", Cell::Json("[1.10]".into())),
        (
            "timestamptz",
            "'2026-01-02 03:04:05.678901+02'",
            Cell::Time(Micros::parse("2026-01-02T01:04:05.678901Z").unwrap()),
        ),
        ("timestamptz", "'infinity'", Cell::Text("infinity".into())),
        ("timestamp", "'2026-01-02 03:04:05.6'", Cell::Text("2026-01-02 03:04:05.6".into())),
        ("date", "'2026-01-02'", Cell::Text("2026-01-02".into())),
        ("interval", "'1 day 2 hours'", Cell::Text("P1DT2H".into())),
        (
            "uuid",
            "'A0EEBC99-9c0b-4ef8-bb6d-6bb9bd380a11'",
            Cell::Text("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11".into()),
        ),
        ("bytea", r"'\x00ff10'", Cell::Bytes(vec![0, 255, 16].into())),
        ("inet", "'2001:db8::1/64'", Cell::Text("2001:db8::1/64".into())),
        ("text[]", "'{a,\"b,c\"}'", Cell::Text("{a,\"b,c\"}".into())),
        ("mood", "'ok'", Cell::Text("ok".into())),
        ("small", "3", Cell::Number("3".into())),
        ("point", "'(1,2)'", Cell::Text("(1,2)".into())),
        ("char(5)", "'ab'", Cell::Text("ab".into())),
        ("text", "NULL", Cell::Null),
        ("xml", "'<a/>'", Cell::Text("<a/>".into())),
        ("money", "'1.5'", Cell::Text("$1.50".into())),
    ];
    database
        .run("CREATE TYPE mood AS ENUM ('ok'); CREATE DOMAIN small AS integer CHECK (value < 10)")
        .await;
    let columns: Vec<String> =
        cases.iter().enumerate().map(|(at, case)| format!("c{at} {}", case.0)).collect();
    let values: Vec<&str> = cases.iter().map(|case| case.1).collect();
    let sql = format!(
        "CREATE TABLE t (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), {}); \
        INSERT INTO t VALUES (DEFAULT, {})",
        columns.join(", "),
        values.join(", ")
    );
    database.run(&sql).await;
    let mut table = open(&database, "public.t").await;
    let rows = all(&mut table, 5).await;
    for (case, cell) in cases.iter().zip(&rows[0].cells[1..]) {
        let same = cell == &case.2 || matches!((case.0, cell), ("money", Cell::Text(_)));
        assert!(same, "{}: {cell:?}", case.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn values_of_sqlite_are_what_each_of_them_is() {
    let database = Database::new(Kind::Sqlite).unwrap();
    let sql = "CREATE TABLE t (a, b BOOLEAN, c JSON, d DATETIME, rowid text); \
        INSERT INTO t VALUES (9007199254740993, 1, '{\"a\":1}', '2026-01-02 03:04:05', 'r'), (1.5, 7, 'no', 1700000000, NULL), \
        (x'00ff', NULL, 5, CAST(x'ff' AS text), 'r'), (1e999, 0, NULL, 'a' || char(0) || 'b', 'r')";
    database.run(sql).await;
    let mut table = open(&database, "t").await;
    let rows = all(&mut table, 2).await;
    let text = |text: &'static str| Cell::Text(text.into());
    let number = |text: &'static str| Cell::Number(text.into());
    assert_eq!(
        rows[0].cells[..4],
        [
            number("9007199254740993"),
            Cell::Bool(true),
            Cell::Json("{\"a\":1}".into()),
            text("2026-01-02 03:04:05")
        ]
    );
    assert_eq!(rows[1].cells[..4], [number("1.5"), number("7"), text("no"), number("1700000000")]);
    assert_eq!(
        rows[2].cells[..4],
        [Cell::Bytes(vec![0, 255].into()), Cell::Null, number("5"), Cell::Bytes(vec![255].into())]
    );
    assert_eq!(rows[3].cells[..4], [text("inf"), Cell::Bool(false), Cell::Null, text("a\0b")]);
    assert_eq!(rows.iter().map(|row| row.position).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

/// Tables as frameworks make them, and one made by hand.
const LAYOUTS: [(&str, &str, &str); 5] = [
    (
        "audits", // Rails: audited
        "id bigint PRIMARY KEY, auditable_id integer, auditable_type text, user_id integer, user_type text, username text, \
         action text, audited_changes text, version integer, comment text, remote_address text, request_uuid text, created_at timestamp",
        "(1, 42, 'Order', 7, 'User', NULL, 'update', '{\"total\":[100,120]}', 3, 'phone', '192.0.2.1', 'req-1', '2026-01-02 03:04:05.123456')",
    ),
    (
        "versions", // Rails: paper_trail
        "id bigint PRIMARY KEY, item_type varchar(191), item_id bigint, event text, whodunnit text, object text, object_changes text, created_at timestamp",
        "(1, 'Order', 42, 'destroy', '7', '{\"total\":100}', '{\"total\":[100,null]}', '2026-01-02 03:04:05.123456')",
    ),
    (
        "auditlog_logentry", // Django
        "id integer PRIMARY KEY, object_pk varchar(255), object_id bigint, object_repr text, action smallint, changes text, \
         timestamp timestamp, actor_id integer, content_type_id integer, remote_addr text, additional_data text, cid text",
        "(1, '42', 42, 'Order 42', 1, '{\"total\": [\"100\", \"120\"]}', '2026-01-02 03:04:05.123456', 7, 12, '192.0.2.1', '{\"k\": 1}', 'corr-1')",
    ),
    (
        "laravel_audits", // Laravel: owen-it/auditing
        "id bigint PRIMARY KEY, user_type text, user_id bigint, event text, auditable_type text, auditable_id bigint, \
         old_values text, new_values text, url text, ip_address text, user_agent text, tags text, created_at timestamp, updated_at timestamp",
        "(1, 'App\\Models\\User', 7, 'updated', 'App\\Models\\Order', 42, '{\"total\":100}', '{\"total\":120}', 'https://shop.example.com/orders/42', \
         '192.0.2.1', 'curl/8', 'a,b', '2026-01-02 03:04:05.123456', '2026-01-02 03:04:06')",
    ),
    (
        "audit_log", // by hand
        "id bigint PRIMARY KEY, user_id integer, action text, entity_type text, entity_id integer, old_value text, new_value text, ip text, created_at timestamp",
        "(1, 7, 'order.update', 'Order', 42, '{\"total\":100}', '{\"total\":120}', '192.0.2.1', '2026-01-02 03:04:05.123456')",
    ),
];

mod layouts {
    use super::*;

    on_both! { tables_of_frameworks_lose_nothing, }

    async fn tables_of_frameworks_lose_nothing(database: Database) {
        for (name, columns, values) in LAYOUTS {
            database
                .run(&format!(
                    "CREATE TABLE {name} ({columns}); INSERT INTO {name} VALUES {values}"
                ))
                .await;
            let mut table = open(&database, name).await;
            let rows = all(&mut table, 10).await;
            let map = guess(&table.source(), &table.row_columns());
            assert_eq!(map.missing(), None, "{name}");
            let row = rows::Row { position: rows[0].position, cells: &rows[0].cells, more: &[] };
            let json = map.event(&row).unwrap().to_json();
            let text = String::from_utf8(json.clone()).unwrap();
            let checked = indelible_event::check(&json);
            assert!(checked.is_ok(), "{name}: {text}");
            let event: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(event["occurred_at"], "2026-01-02T03:04:05.123456Z", "{name}: {text}");
            assert_eq!(event["actor"]["id"], "7", "{name}: {text}");
            assert_eq!(event["targets"][0]["id"], "42", "{name}: {text}");
            let mut leaves = Vec::new();
            texts(&event, &mut leaves);
            for (column, cell) in table.columns().iter().zip(&rows[0].cells) {
                let said = match cell {
                    Cell::Null => continue,
                    Cell::Bool(value) => value.to_string(),
                    Cell::Text(text) | Cell::Number(text) => text.to_string(),
                    other => format!("{other:?}"),
                };
                let tree: Option<Value> =
                    serde_json::from_str(&said).ok().filter(|tree: &Value| !tree.is_null());
                let time = said.replacen(' ', "T", 1) + "Z";
                let there = leaves.iter().any(|leaf| *leaf == said || *leaf == time)
                    || tree.is_some_and(|tree| {
                        within(&event, &tree)
                            || within_halves(&event, &tree)
                            || members_within(&event["details"], &tree)
                    });
                assert!(there, "{name}.{}: {said:?} is lost: {text}", column.name);
            }
        }
    }

    /// Whether what was before and what was after are there, each for itself.
    fn within_halves(event: &Value, tree: &Value) -> bool {
        let half = |at: usize| {
            let members = tree.as_object()?.iter();
            members
                .map(|(key, pair)| Some((key.clone(), pair.get(at)?.clone())))
                .collect::<Option<serde_json::Map<_, _>>>()
        };
        let there = |at: usize| half(at).is_some_and(|half| within(event, &Value::Object(half)));
        there(0) && there(1)
    }

    /// Whether the members of an object are those of another among others.
    fn members_within(value: &Value, tree: &Value) -> bool {
        tree.as_object()
            .is_some_and(|members| members.iter().all(|(key, one)| value.get(key) == Some(one)))
    }

    fn texts(value: &Value, out: &mut Vec<String>) {
        match value {
            Value::Object(members) => members.values().for_each(|value| texts(value, out)),
            Value::Array(values) => values.iter().for_each(|value| texts(value, out)),
            Value::String(text) => out.push(text.clone()),
            other => out.push(other.to_string()),
        }
    }

    /// Whether a tree is somewhere in another.
    fn within(value: &Value, tree: &Value) -> bool {
        value == tree
            || match value {
                Value::Object(members) => members.values().any(|value| within(value, tree)),
                Value::Array(values) => values.iter().any(|value| within(value, tree)),
                _ => false,
            }
    }
}
