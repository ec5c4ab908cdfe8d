//! The classic table's layout, and how it comes into a database.

use crate::address::Kind;
use crate::name::{TableName, quoted};

/// The layout that is written.
pub(super) const VERSION: i32 = 1;
/// The table that says which layout each has. It is beside them.
const LAYOUTS: &str = "indelible_layouts";

/// The columns in the order they are written, with PostgreSQL's types.
pub(super) const COLUMNS: [(&str, &str); 29] = [
    ("trail", "text"),
    ("seq", "bigint"),
    ("id", "uuid"),
    ("leaf", "text"),
    ("occurred_at", "timestamptz"),
    ("recorded_at", "timestamptz"),
    ("user_id", "text"),
    ("user_type", "text"),
    ("user_name", "text"),
    ("user_email", "text"),
    ("on_behalf_of", "text"),
    ("action", "text"),
    ("category", "text"),
    ("outcome", "text"),
    ("resource_type", "text"),
    ("resource_id", "text"),
    ("resource_name", "text"),
    ("old_values", "jsonb"),
    ("new_values", "jsonb"),
    ("details", "jsonb"),
    ("ip_address", "text"),
    ("user_agent", "text"),
    ("request_id", "text"),
    ("correlation_id", "text"),
    ("session_id", "text"),
    ("error_code", "text"),
    ("error_message", "text"),
    ("event", "jsonb"),
    ("altered", "text"),
];

/// The statements that make the table, for whoever runs migrations himself.
///
/// ```
/// use indelible_tables::{Kind, TableName, schema};
///
/// let name: TableName = "reports.audit_logs".parse()?;
/// assert!(schema(Kind::Postgres, &name).contains(r#"CREATE TABLE "reports"."audit_logs""#));
/// # Ok::<(), indelible_tables::TableError>(())
/// ```
pub fn schema(kind: Kind, name: &TableName) -> String {
    let template = match kind {
        Kind::Postgres => include_str!("postgres.sql"),
        Kind::Sqlite => include_str!("sqlite.sql"),
    };
    let table = &name.table;
    let mut sql = template
        .replace("{table}", &name.sql())
        .replace("{name}", &quoted(table))
        .replace("{layouts}", &layouts(name).sql())
        .replace("{literal}", &format!("'{}'", table.replace('\'', "''")))
        .replace("{function}", &name.beside(&format!("{table}_append_only")).sql())
        .replace("{trigger}", &quoted(&format!("{table}_append_only")));
    for which in ["update", "delete", "replace"] {
        let trigger = name.beside(&format!("{table}_no_{which}")).sql();
        sql = sql.replace(&format!("{{trigger:{which}}}"), &trigger);
    }
    for which in ["time", "user", "resource", "action", "correlation", "id"] {
        let index = format!("{table}_by_{which}");
        // PostgreSQL puts an index where its table is, SQLite wants to be told.
        let index = match kind {
            Kind::Postgres => quoted(&index),
            Kind::Sqlite => name.beside(&index).sql(),
        };
        sql = sql.replace(&format!("{{index:{which}}}"), &index);
    }
    sql
}

pub(super) fn layouts(name: &TableName) -> TableName {
    name.beside(LAYOUTS)
}

/// One statement for any number of rows: each parameter is a column.
pub(super) fn postgres_insert(name: &TableName) -> String {
    let columns: Vec<&str> = COLUMNS.iter().map(|(column, _)| *column).collect();
    let casts: Vec<String> =
        COLUMNS.iter().map(|(column, kind)| format!("r.{column}::{kind}")).collect();
    format!(
        "INSERT INTO {} ({columns}) SELECT {} FROM unnest({}) AS r({columns}) ON CONFLICT (trail, seq) DO NOTHING",
        name.sql(),
        casts.join(", "),
        arrays(COLUMNS.len()),
        columns = columns.join(", "),
    )
}

/// Which of these places have another event than these.
pub(super) fn postgres_others(name: &TableName) -> String {
    format!(
        "SELECT t.trail, t.seq FROM unnest({}) AS r(trail, seq, leaf) \
         JOIN {} t ON t.trail = r.trail AND t.seq = r.seq::bigint WHERE t.leaf <> r.leaf ORDER BY t.seq LIMIT 1",
        arrays(3),
        name.sql()
    )
}

fn arrays(count: usize) -> String {
    let arrays: Vec<String> = (1..=count).map(|number| format!("${number}::text[]")).collect();
    arrays.join(", ")
}

pub(super) fn sqlite_insert(name: &TableName) -> String {
    let columns: Vec<&str> = COLUMNS.iter().map(|(column, _)| *column).collect();
    let values: Vec<String> = (1..=COLUMNS.len()).map(|number| format!("?{number}")).collect();
    format!(
        "INSERT INTO {} ({}) VALUES ({}) ON CONFLICT DO NOTHING",
        name.sql(),
        columns.join(", "),
        values.join(", ")
    )
}

pub(super) fn sqlite_other(name: &TableName) -> String {
    format!("SELECT trail, seq FROM {} WHERE trail = ?1 AND seq = ?2 AND leaf <> ?3", name.sql())
}
