//! The classic audit table: who, what, when, details, changes, context, result. Rows are added, once each, and neither
//! changed nor deleted.

mod json;
mod row;
mod schema;

use sqlx::{AssertSqlSafe, Connection as _, PgConnection, SqliteConnection};

pub use row::ClassicRow;
pub use schema::schema;

use crate::address::{Address, Kind};
use crate::connection::{Connection, Link, Purpose};
use crate::error::{Meaning, TableError};
use crate::limits::{CLASSIC_NAME_BYTES_MAX, WRITE_ROWS_MAX};
use crate::name::TableName;

/// One number for whoever makes such a table, so that two do not at once: "indelibl" in ASCII.
const LOCK: i64 = 0x696e_6465_6c69_626c;

/// A classic table, opened for writing. The connection is made when it is first needed, and anew where it is lost.
pub struct Classic {
    connection: Connection,
    name: TableName,
    /// It is made where it is not there.
    migrate: bool,
    /// It was found to be there in the right layout.
    ready: bool,
    insert: String,
}

/// What was found of it.
enum There {
    Nothing,
    /// A table that is not known to be ours.
    Other,
    Layout(i32),
}

impl Classic {
    /// Nothing is asked of the database yet.
    pub fn new(address: Address, name: TableName, migrate: bool) -> Result<Classic, TableError> {
        if name.table.len() > CLASSIC_NAME_BYTES_MAX {
            let why = format!("the table's name {} is too long", name.table);
            let hint = format!(
                "at most {CLASSIC_NAME_BYTES_MAX} bytes, for its indexes are named after it"
            );
            return Err(TableError::wrong(why, hint));
        }
        let insert = match address.kind() {
            Kind::Postgres => schema::postgres_insert(&name),
            Kind::Sqlite => schema::sqlite_insert(&name),
        };
        let connection = Connection::new(address, Purpose::Write);
        Ok(Classic { connection, name, migrate, ready: false, insert })
    }

    /// Which database it is in: rows are made for it.
    pub fn kind(&self) -> Kind {
        self.connection.address.kind()
    }

    /// Makes sure that the table is there in the right layout.
    pub async fn prepare(&mut self) -> Result<(), TableError> {
        let (name, migrate) = (&self.name, self.migrate);
        let script = schema(self.connection.address.kind(), name);
        let there = self.connection.with(async |link| match link {
            Link::Postgres(link) => postgres_prepare(link, name, migrate.then_some(script)).await,
            Link::Sqlite(link) => sqlite_prepare(link, name, migrate.then_some(script)).await,
        });
        let there = there.await.map_err(Meaning::plain)?;
        self.judge(&there)?;
        self.ready = true;
        Ok(())
    }

    fn judge(&self, there: &There) -> Result<(), TableError> {
        let name = &self.name;
        let place = &self.connection.address;
        let (why, hint) = match there {
            There::Layout(version) if *version == schema::VERSION => return Ok(()),
            There::Layout(version) => (
                format!(
                    "{place}: {name} has layout {version}, this program writes {}",
                    schema::VERSION
                ),
                "name another table, or run the version of Indelible that made it".to_owned(),
            ),
            There::Other => (
                format!("{place}: there is a table {name} already, which Indelible has not made"),
                "name another with `table:`, like indelible_audit_logs".to_owned(),
            ),
            There::Nothing => {
                let kind = if self.kind() == Kind::Postgres { "postgres" } else { "sqlite" };
                let hint = format!(
                    "run what `indelible stream schema --for {kind}` prints, or set `migrate: true`"
                );
                (format!("{place}: there is no table {name}, and `migrate` is off"), hint)
            }
        };
        Err(TableError::wrong(why, hint))
    }

    /// Writes rows. Each that is there already stays, so the same ones may come again. `Ok` when all of them are
    /// committed.
    pub async fn write(&mut self, rows: &[ClassicRow]) -> Result<(), TableError> {
        for (number, rows) in rows.chunks(WRITE_ROWS_MAX).enumerate() {
            let written = self.chunk(rows).await;
            written.map_err(|error| match error {
                TableError::Row { at, why } => {
                    TableError::Row { at: at + number * WRITE_ROWS_MAX, why }
                }
                error => error,
            })?;
        }
        Ok(())
    }

    async fn chunk(&mut self, rows: &[ClassicRow]) -> Result<(), TableError> {
        if !self.ready {
            self.prepare().await?;
        }
        let refused = match self.insert(rows).await {
            Ok(()) => return Ok(()),
            Err(Meaning::Is(error)) => {
                // The table may have been dropped, or another server answer.
                self.ready = false;
                return Err(error);
            }
            Err(Meaning::Data(why)) => why,
        };
        if rows.len() == 1 {
            return Err(TableError::Row { at: 0, why: refused });
        }
        for (at, row) in rows.iter().enumerate() {
            match self.insert(std::slice::from_ref(row)).await {
                Ok(()) => {}
                Err(Meaning::Is(error)) => return Err(error),
                Err(Meaning::Data(why)) => return Err(TableError::Row { at, why }),
            }
        }
        Ok(())
    }

    async fn insert(&mut self, rows: &[ClassicRow]) -> Result<(), Meaning> {
        let (sql, name) = (self.insert.clone(), self.name.clone());
        let other = self.connection.with(async |link| match link {
            Link::Postgres(link) => postgres_insert(link, &sql, &name, rows).await,
            Link::Sqlite(link) => sqlite_insert(link, &sql, &name, rows).await,
        });
        match other.await? {
            None => Ok(()),
            Some((trail, seq)) => Err(Meaning::Is(TableError::wrong(
                format!(
                    "{}: {} has another event at {trail}/{seq}",
                    self.connection.address, self.name
                ),
                "it is the copy of another log, or of this one before an older state of it was restored: name a new table",
            ))),
        }
    }
}

async fn postgres_there(link: &mut PgConnection, name: &TableName) -> Result<There, sqlx::Error> {
    let exists = "SELECT to_regclass($1) IS NOT NULL";
    let layouts = schema::layouts(name).sql();
    let known: bool = sqlx::query_scalar(exists).bind(&layouts).fetch_one(&mut *link).await?;
    let version = match known {
        true => {
            let sql = format!("SELECT version FROM {layouts} WHERE table_name = $1");
            sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(&name.table)
                .fetch_optional(&mut *link)
                .await?
        }
        false => None,
    };
    let there: bool = sqlx::query_scalar(exists).bind(name.sql()).fetch_one(link).await?;
    Ok(judged(there, version))
}

fn judged(there: bool, version: Option<i32>) -> There {
    match (there, version) {
        (true, Some(version)) => There::Layout(version),
        (true, None) => There::Other,
        (false, _) => There::Nothing,
    }
}

async fn postgres_prepare(
    link: &mut PgConnection,
    name: &TableName,
    script: Option<String>,
) -> Result<There, sqlx::Error> {
    let there = postgres_there(link, name).await?;
    let (There::Nothing, Some(script)) = (&there, script) else { return Ok(there) };
    let mut tx = link.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *tx).await?;
    // Whoever held the lock may just have made it.
    if let There::Nothing = postgres_there(&mut tx, name).await? {
        forget(&mut tx, name).await?;
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *tx).await?;
    }
    let there = postgres_there(&mut tx, name).await?;
    tx.commit().await?;
    Ok(there)
}

/// A table that was dropped has left its layout, and its function.
async fn forget(link: &mut PgConnection, name: &TableName) -> Result<(), sqlx::Error> {
    let function = name.beside(&format!("{}_append_only", name.table)).sql();
    let layouts = schema::layouts(name).sql();
    let known: bool = sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(&layouts)
        .fetch_one(&mut *link)
        .await?;
    let sql = format!("DROP FUNCTION IF EXISTS {function}()");
    sqlx::query(AssertSqlSafe(sql)).execute(&mut *link).await?;
    if known {
        let sql = format!("DELETE FROM {layouts} WHERE table_name = $1");
        sqlx::query(AssertSqlSafe(sql)).bind(&name.table).execute(link).await?;
    }
    Ok(())
}

async fn sqlite_there(link: &mut SqliteConnection, name: &TableName) -> Result<There, sqlx::Error> {
    let schema = name.beside("sqlite_schema").sql();
    let sql =
        format!("SELECT count(*) FROM {schema} WHERE type = 'table' AND lower(name) = lower(?1)");
    let count = |table: &str| {
        sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql.clone())).bind(table.to_owned())
    };
    let layouts = schema::layouts(name);
    let known = count(&layouts.table).fetch_one(&mut *link).await? > 0;
    let version = match known {
        true => {
            let sql = format!("SELECT version FROM {} WHERE table_name = ?1", layouts.sql());
            sqlx::query_scalar(AssertSqlSafe(sql))
                .bind(&name.table)
                .fetch_optional(&mut *link)
                .await?
        }
        false => None,
    };
    Ok(judged(count(&name.table).fetch_one(link).await? > 0, version))
}

async fn sqlite_prepare(
    link: &mut SqliteConnection,
    name: &TableName,
    script: Option<String>,
) -> Result<There, sqlx::Error> {
    let there = sqlite_there(link, name).await?;
    let (There::Nothing, Some(script)) = (&there, script) else { return Ok(there) };
    let mut tx = link.begin_with("BEGIN IMMEDIATE").await?;
    if let There::Nothing = sqlite_there(&mut tx, name).await? {
        let layouts = schema::layouts(name);
        let known: i64 = sqlx::query_scalar(AssertSqlSafe(format!(
            "SELECT count(*) FROM {} WHERE name = ?1",
            name.beside("sqlite_schema").sql()
        )))
        .bind(&layouts.table)
        .fetch_one(&mut *tx)
        .await?;
        if known > 0 {
            let sql = format!("DELETE FROM {} WHERE table_name = ?1", layouts.sql());
            sqlx::query(AssertSqlSafe(sql)).bind(&name.table).execute(&mut *tx).await?;
        }
        sqlx::raw_sql(AssertSqlSafe(script)).execute(&mut *tx).await?;
    }
    let there = sqlite_there(&mut tx, name).await?;
    tx.commit().await?;
    Ok(there)
}

/// A place that has another event.
type Other = Option<(String, i64)>;

async fn postgres_insert(
    link: &mut PgConnection,
    sql: &str,
    name: &TableName,
    rows: &[ClassicRow],
) -> Result<Other, sqlx::Error> {
    let column = |at: usize| -> Vec<Option<&str>> {
        rows.iter().map(|row| row.values[at].as_deref()).collect()
    };
    let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
    for at in 0..schema::COLUMNS.len() {
        query = query.bind(column(at));
    }
    let written = query.execute(&mut *link).await?.rows_affected();
    if written == rows.len() as u64 {
        return Ok(None);
    }
    let mut query = sqlx::query_as(AssertSqlSafe(schema::postgres_others(name)));
    for at in [0, 1, 3] {
        query = query.bind(column(at));
    }
    query.fetch_optional(link).await
}

async fn sqlite_insert(
    link: &mut SqliteConnection,
    sql: &str,
    name: &TableName,
    rows: &[ClassicRow],
) -> Result<Other, sqlx::Error> {
    let mut tx = link.begin_with("BEGIN IMMEDIATE").await?;
    let mut known = Vec::new();
    for row in rows {
        let mut query = sqlx::query(AssertSqlSafe(sql.to_owned()));
        for value in &row.values {
            query = query.bind(value.as_deref());
        }
        if query.execute(&mut *tx).await?.rows_affected() == 0 {
            known.push(row);
        }
    }
    for row in known {
        let mut query = sqlx::query_as(AssertSqlSafe(schema::sqlite_other(name)));
        for at in [0, 1, 3] {
            query = query.bind(row.values[at].as_deref());
        }
        let other: Other = query.fetch_optional(&mut *tx).await?;
        if other.is_some() {
            tx.commit().await?;
            return Ok(other);
        }
    }
    tx.commit().await?;
    Ok(None)
}
