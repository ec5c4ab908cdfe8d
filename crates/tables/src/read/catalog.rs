//! What a database says of a table.

use std::fmt;

use sqlx::{AssertSqlSafe, PgConnection, SqliteConnection};

use super::Column;
use super::cells;
use crate::address::Kind;
use crate::connection::{Connection, Link};
use crate::error::{Meaning, TableError};
use crate::limits::{COLUMNS_MAX, KEY_COLUMNS_MAX, SHOWN_TABLES_MAX};
use crate::name::TableName;

/// What it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum What {
    Table,
    Partitioned,
    View,
    Foreign,
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            What::Table => "the table",
            What::Partitioned => "the partitioned table",
            What::View => "the view",
            What::Foreign => "the foreign table",
        })
    }
}

/// A table, as it was found.
pub(super) struct Found {
    pub(super) kind: Kind,
    pub(super) what: What,
    pub(super) name: TableName,
    pub(super) columns: Vec<Column>,
    /// The columns of its primary key, or of a unique one of which none can be NULL.
    pub(super) key: Option<Vec<usize>>,
    /// The database's own number of a row, where it has one that can be asked for.
    pub(super) hidden: Option<String>,
}

/// What a statement found, before it is known whether it was the right thing.
enum Answer {
    Found(Box<Found>),
    /// Names of tables that there are.
    None(Vec<String>),
}

pub(super) async fn find(
    connection: &mut Connection,
    name: &TableName,
) -> Result<Found, TableError> {
    let answer = connection.with(async |link| match link {
        Link::Postgres(link) => postgres(link, name).await,
        Link::Sqlite(link) => sqlite(link, name).await,
    });
    let found = match answer.await.map_err(Meaning::plain)? {
        Answer::Found(found) => *found,
        Answer::None(names) => {
            let why = format!("{}: there is no table {name}", connection.address);
            let hint = match names.is_empty() {
                true => {
                    "this user sees no table at all: check the database's name, and what is granted"
                        .to_owned()
                }
                false => format!("there are {}", names.join(", ")),
            };
            return Err(TableError::wrong(why, hint));
        }
    };
    if found.columns.is_empty() || found.columns.len() > COLUMNS_MAX {
        let why = format!("{name} has {} columns", found.columns.len());
        return Err(TableError::wrong(why, "name another table, or a view of what matters"));
    }
    Ok(found)
}

const PG_TABLE: &str = "\
SELECT c.oid::text, n.nspname::text, c.relname::text, c.relkind::text
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = to_regclass($1) AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

/// A domain is of the type below it.
const PG_COLUMNS: &str = "\
WITH RECURSIVE below AS (
  SELECT a.attnum, a.atttypid AS oid FROM pg_attribute a
  WHERE a.attrelid = $1::text::oid AND a.attnum > 0 AND NOT a.attisdropped
  UNION ALL
  SELECT below.attnum, t.typbasetype FROM below JOIN pg_type t ON t.oid = below.oid WHERE t.typtype = 'd')
SELECT a.attnum::int4, a.attname::text, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull, t.typname::text
FROM pg_attribute a
JOIN below ON below.attnum = a.attnum
JOIN pg_type t ON t.oid = below.oid AND t.typtype <> 'd'
WHERE a.attrelid = $1::text::oid ORDER BY a.attnum";

/// The primary key first, then the unique one of the fewest columns.
const PG_KEY: &str = "\
SELECT string_to_array(i.indkey::text, ' ')::int4[] AS key
FROM pg_index i
WHERE i.indrelid = $1::text::oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND i.indnkeyatts = i.indnatts AND i.indimmediate
  AND NOT EXISTS (SELECT 1 FROM pg_attribute a
    WHERE a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey) AND NOT a.attnotnull)
ORDER BY i.indisprimary DESC, i.indnatts, i.indexrelid LIMIT 1";

const PG_OTHERS: &str = "\
SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema')
  AND n.nspname NOT LIKE 'pg_toast%'
ORDER BY c.relname !~* 'audit|log|event|version|histor', n.nspname, c.relname LIMIT $1";

async fn postgres(link: &mut PgConnection, name: &TableName) -> Result<Answer, sqlx::Error> {
    let found: Option<(String, String, String, String)> =
        sqlx::query_as(PG_TABLE).bind(name.sql()).fetch_optional(&mut *link).await?;
    let Some((oid, schema, table, relkind)) = found else {
        let names = sqlx::query_scalar(PG_OTHERS).bind(SHOWN_TABLES_MAX as i64);
        return Ok(Answer::None(names.fetch_all(link).await?));
    };
    let rows: Vec<(i32, String, String, bool, String)> =
        sqlx::query_as(PG_COLUMNS).bind(&oid).fetch_all(&mut *link).await?;
    let key: Option<Vec<i32>> =
        sqlx::query_scalar(PG_KEY).bind(&oid).fetch_optional(&mut *link).await?;
    let at = |number: &i32| rows.iter().position(|row| row.0 == *number);
    let key = key.and_then(|key| key.iter().map(at).collect::<Option<Vec<usize>>>());
    let what = match &*relkind {
        "r" | "m" => What::Table,
        "p" => What::Partitioned,
        "f" => What::Foreign,
        _ => What::View,
    };
    let columns = rows.into_iter().map(|(_, name, type_name, nullable, base)| Column {
        name,
        type_name,
        kind: cells::postgres_kind(&base),
        nullable,
    });
    Ok(Answer::Found(Box::new(Found {
        kind: Kind::Postgres,
        what,
        name: TableName { schema: Some(schema), table },
        columns: columns.collect(),
        key: key.filter(|key| key.len() <= KEY_COLUMNS_MAX),
        // A partition's numbers are its own.
        hidden: (what == What::Table).then(|| "ctid".to_owned()),
    })))
}

async fn sqlite(link: &mut SqliteConnection, name: &TableName) -> Result<Answer, sqlx::Error> {
    let schema = name.schema.clone().unwrap_or_else(|| "main".to_owned());
    let quoted = TableName { schema: Some(schema.clone()), table: "sqlite_schema".into() }.sql();
    let sql = format!(
        "SELECT name, type FROM {quoted} WHERE type IN ('table', 'view') AND lower(name) = lower(?1)"
    );
    let found: Option<(String, String)> =
        sqlx::query_as(AssertSqlSafe(sql)).bind(&name.table).fetch_optional(&mut *link).await?;
    let Some((table, kind)) = found else {
        let sql = format!(
            "SELECT name FROM {quoted} WHERE type IN ('table', 'view') AND name NOT LIKE 'sqlite_%' \
             ORDER BY name NOT LIKE '%audit%', name NOT LIKE '%log%', name LIMIT {SHOWN_TABLES_MAX}"
        );
        return Ok(Answer::None(sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(link).await?));
    };
    let name = TableName { schema: Some(schema.clone()), table: table.clone() };
    // Generated columns are values too, so xinfo; 1 are those of virtual tables that are not to be shown.
    let rows: Vec<(String, String, i64, i64)> = sqlx::query_as(
        "SELECT name, type, \"notnull\", pk FROM pragma_table_xinfo(?1, ?2) WHERE hidden <> 1 ORDER BY cid",
    )
    .bind(&table)
    .bind(&schema)
    .fetch_all(&mut *link)
    .await?;
    let mut key: Vec<(i64, usize)> =
        rows.iter().enumerate().filter(|(_, row)| row.3 > 0).map(|(at, row)| (row.3, at)).collect();
    key.sort_unstable();
    let without_rowid: Option<i64> =
        sqlx::query_scalar("SELECT wr FROM pragma_table_list(?1) WHERE schema = ?2 COLLATE NOCASE")
            .bind(&table)
            .bind(&schema)
            .fetch_optional(&mut *link)
            .await?;
    let has_rowid = kind == "table" && without_rowid == Some(0);
    // A column of that name hides it.
    let free = ["rowid", "_rowid_", "oid"]
        .into_iter()
        .find(|rowid| !rows.iter().any(|row| row.0.eq_ignore_ascii_case(rowid)));
    let hidden = free.filter(|_| has_rowid).map(str::to_owned);
    let key: Vec<usize> = key.into_iter().map(|(_, at)| at).collect();
    let columns = rows.into_iter().map(|(name, type_name, notnull, pk)| Column {
        kind: cells::sqlite_kind(&type_name),
        // Only WITHOUT ROWID and INTEGER PRIMARY KEY keep NULL out of a key by themselves.
        nullable: notnull == 0
            && !(pk > 0 && (!has_rowid || type_name.eq_ignore_ascii_case("integer"))),
        name,
        type_name,
    });
    Ok(Answer::Found(Box::new(Found {
        kind: Kind::Sqlite,
        what: if kind == "view" { What::View } else { What::Table },
        name,
        columns: columns.collect(),
        key: (!key.is_empty()).then_some(key),
        hidden,
    })))
}
