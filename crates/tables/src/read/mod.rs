//! Reading the table that somebody has.

mod catalog;
mod cells;
mod follow;
mod order;

use serde::{Deserialize, Serialize};
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, Row as _};

pub use follow::Reading;
pub use order::Order;

use crate::address::{Address, Kind};
use crate::cell::Cell;
use crate::connection::{Connection, Link, Purpose};
use crate::error::{Meaning, TableError};
use crate::limits::{PAGE_BYTES, PAGE_ROWS_MAX};
use crate::name::{TableName, quoted};
use cells::CellKind;

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database says it.
    pub type_name: String,
    pub(crate) kind: CellKind,
    pub(crate) nullable: bool,
}

impl Column {
    /// Whether it holds moments.
    pub fn is_time(&self) -> bool {
        let name = self.type_name.to_ascii_lowercase();
        name.starts_with("timestamp") || name.starts_with("datetime")
    }
}

/// How a table is to be read.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The column to page by, where the table's own key is not to be used, or there is none.
    pub key: Option<String>,
    /// Rows that are added later are wanted too, so the order must be that in which they are added.
    pub follow: bool,
}

/// Behind which row reading goes on: the values of the key, as the database writes them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place(pub(crate) Vec<Key>);

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    /// SQLite compares numbers as numbers only if they are.
    Integer(i64),
    Real(f64Bits),
    Text(String),
    Bytes(Vec<u8>),
}

/// A float that is compared and hashed by its bits.
#[allow(non_camel_case_types, reason = "it stands for the primitive")]
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct f64Bits {
    pub(crate) bits: u64,
}

/// A row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What it is known by in its table: the primary key; where there is none, its place in the file.
    pub key: String,
    /// Reading goes on behind it from here.
    pub place: Place,
    /// Its values, one for each column.
    pub cells: Vec<Cell>,
}

/// Some rows, in order.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// They.
    pub rows: Vec<Row>,
    /// Whether there are none behind them now.
    pub last: bool,
}

/// A table, opened for reading. The connection is made anew where it is lost.
pub struct Table {
    pub(crate) connection: Connection,
    name: TableName,
    columns: Vec<Column>,
    order: Order,
    /// The columns that a row is known by; `None` where only its place in the file tells it from others.
    identity: Option<Vec<usize>>,
    /// Rows asked for at a time, fewer where they are large.
    rows: u32,
}

impl Table {
    /// Opens one: looks what it is, and how it can be read in an order. The error says what to do where it cannot.
    pub async fn open(
        address: Address,
        name: &TableName,
        wanted: &Wanted,
    ) -> Result<Table, TableError> {
        let mut connection = Connection::new(address, Purpose::Read);
        let found = catalog::find(&mut connection, name).await?;
        let order = order::choose(&found, wanted)?;
        let identity = order::identity(&found, wanted);
        let mut table = Table {
            connection,
            name: found.name,
            columns: found.columns,
            order,
            identity,
            rows: PAGE_ROWS_MAX,
        };
        table.no_null_in_key().await?;
        Ok(table)
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// In which order it is read.
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Its name, with its schema.
    pub fn name(&self) -> &TableName {
        &self.name
    }

    /// What its rows are said to come from: the same wherever the database is reached, so that their ids are.
    pub fn source(&self) -> String {
        format!("{}/{}", self.connection.address.database(), self.name)
    }

    /// How many rows there are; an estimate where counting takes long. `None` where nobody knows.
    pub async fn count(&mut self) -> Result<Option<u64>, TableError> {
        let sql = match self.connection.address.kind() {
            Kind::Postgres => format!(
                "SELECT CASE WHEN c.relkind IN ('r', 'm') AND c.reltuples >= 100000 THEN c.reltuples::bigint \
                 ELSE (SELECT count(*) FROM (SELECT 1 FROM {0} LIMIT 1000000) AS some) END \
                 FROM pg_class c WHERE c.oid = to_regclass('{1}')",
                self.name.sql(),
                self.name.sql().replace('\'', "''")
            ),
            Kind::Sqlite => format!("SELECT count(*) FROM {}", self.name.sql()),
        };
        let count = self
            .connection
            .with(async |link| match link {
                Link::Postgres(link) => {
                    sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql))
                        .fetch_optional(&mut **link)
                        .await
                }
                Link::Sqlite(link) => {
                    sqlx::query_scalar::<_, i64>(AssertSqlSafe(sql))
                        .fetch_optional(&mut **link)
                        .await
                }
            })
            .await;
        count.map(|count| count.map(i64::unsigned_abs)).map_err(Meaning::plain)
    }

    /// What comes behind a place, up to another one where it is given: at most so many rows.
    pub async fn read(
        &mut self,
        after: Option<&Place>,
        until: Option<&Place>,
        rows_max: u32,
    ) -> Result<Page, TableError> {
        let wanted = rows_max.clamp(1, self.rows);
        // One more than wanted: it tells whether there are more, and whether its key is that of the last one.
        let sql = self.select(after.is_some(), until.is_some(), wanted + 1);
        let bound: Vec<Key> =
            after.into_iter().chain(until).flat_map(|place| place.0.iter().cloned()).collect();
        if bound.len()
            != (usize::from(after.is_some()) + usize::from(until.is_some()))
                * self.order.columns.len()
        {
            return Err(TableError::wrong(
                "the place to go on from belongs to another order of the table",
                "begin anew: what is there already is not kept twice",
            ));
        }
        let (columns, keys) = (&self.columns, self.order.columns.len());
        let rows = self.connection.with(async |link| match link {
            Link::Postgres(link) => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
                for key in bound {
                    query = query.bind(key.text());
                }
                let rows = query.fetch_all(&mut **link).await?;
                rows.iter().map(|row| Raw::postgres(row, columns, keys)).collect()
            }
            Link::Sqlite(link) => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for key in bound {
                    query = match key {
                        Key::Integer(value) => query.bind(value),
                        Key::Real(value) => query.bind(f64::from_bits(value.bits)),
                        Key::Text(value) => query.bind(value),
                        Key::Bytes(value) => query.bind(value),
                    };
                }
                let rows = query.fetch_all(&mut **link).await?;
                rows.iter().map(|row| Raw::sqlite(row, columns, keys)).collect()
            }
        });
        let rows: Vec<Raw> = rows.await.map_err(Meaning::plain)?;
        self.page(rows, wanted as usize)
    }

    fn page(&mut self, mut rows: Vec<Raw>, wanted: usize) -> Result<Page, TableError> {
        if !self.order.unique && rows.windows(2).any(|pair| pair[0].keys == pair[1].keys) {
            let why = format!("{}: several rows have one {}", self.name, self.order);
            let hint = "name a column with --key that has another value in each row";
            return Err(TableError::wrong(why, hint));
        }
        let last = rows.len() <= wanted;
        rows.truncate(wanted);
        // Large rows must not be held by the thousand.
        let bytes: usize = rows.iter().map(|row| row.bytes).sum();
        let fitting = rows.len().saturating_mul(PAGE_BYTES) / bytes.max(1);
        self.rows = u32::try_from(fitting.saturating_mul(2)).map_or(PAGE_ROWS_MAX, |rows| {
            rows.clamp(1, (self.rows.saturating_mul(2)).min(PAGE_ROWS_MAX))
        });
        let rows = rows.into_iter().map(|raw| self.row(raw)).collect();
        Ok(Page { rows, last })
    }

    fn row(&self, raw: Raw) -> Row {
        let place = Place(raw.keys);
        let of = |columns: &[usize]| -> Option<Vec<String>> {
            columns.iter().map(|column| raw.cells[*column].said()).collect()
        };
        // SQLite lets a primary key be NULL, which is like no other NULL.
        let key = match self.identity.as_deref().and_then(of) {
            Some(values) if values.len() == 1 => values.into_iter().next().unwrap_or_default(),
            Some(values) => serde_json::to_string(&values).expect("texts are JSON"),
            None => format!("at {}", place.last()),
        };
        Row { key, place, cells: raw.cells }
    }

    /// The place so many rows before one; `None` where there are not so many.
    pub(crate) async fn back(
        &mut self,
        from: Option<&Place>,
        rows: u32,
    ) -> Result<Option<Place>, TableError> {
        let bound: Vec<Key> = from.into_iter().flat_map(|place| place.0.clone()).collect();
        let until = if from.is_some() { self.compare("<=", 0) } else { String::new() };
        let keys: Vec<String> = self.order.columns.iter().map(|key| key.shown.clone()).collect();
        let order: Vec<String> =
            self.order.columns.iter().map(|key| format!("{} DESC", key.sql)).collect();
        let sql = format!(
            "SELECT {} FROM {} {} ORDER BY {} LIMIT 1 OFFSET {rows}",
            keys.join(", "),
            self.name.sql(),
            if until.is_empty() { String::new() } else { format!("WHERE {until}") },
            order.join(", ")
        );
        let count = keys.len();
        let found = self.connection.with(async |link| match link {
            Link::Postgres(link) => {
                let mut query = sqlx::query(AssertSqlSafe(sql)).persistent(false);
                for key in bound {
                    query = query.bind(key.text());
                }
                let row = query.fetch_optional(&mut **link).await?;
                row.map(|row| (0..count).map(|at| cells::postgres_key(&row, at)).collect())
                    .transpose()
            }
            Link::Sqlite(link) => {
                let mut query = sqlx::query(AssertSqlSafe(sql));
                for key in bound {
                    query = match key {
                        Key::Integer(value) => query.bind(value),
                        Key::Real(value) => query.bind(f64::from_bits(value.bits)),
                        Key::Text(value) => query.bind(value),
                        Key::Bytes(value) => query.bind(value),
                    };
                }
                let row = query.fetch_optional(&mut **link).await?;
                row.map(|row| (0..count).map(|at| cells::sqlite_key(&row, at)).collect())
                    .transpose()
            }
        });
        let found: Option<Vec<Key>> = found.await.map_err(Meaning::plain)?;
        Ok(found.map(Place))
    }

    /// What runs in the database now: every transaction before the first is over, none from the second on had begun.
    /// `None` where there is only one writer at a time.
    pub(crate) async fn snapshot(&mut self) -> Result<Option<(i64, i64)>, TableError> {
        if self.connection.address.kind() == Kind::Sqlite {
            return Ok(None);
        }
        let sql = "SELECT txid_snapshot_xmin(now), txid_snapshot_xmax(now) FROM txid_current_snapshot() AS now";
        let found = self.connection.with(async |link| match link {
            Link::Postgres(link) => sqlx::query_as(sql).fetch_one(&mut **link).await.map(Some),
            Link::Sqlite(_) => Ok(None),
        });
        found.await.map_err(Meaning::plain)
    }

    async fn no_null_in_key(&mut self) -> Result<(), TableError> {
        let nullable: Vec<&order::KeyColumn> =
            self.order.columns.iter().filter(|key| key.nullable).collect();
        if nullable.is_empty() {
            return Ok(());
        }
        let is_null: Vec<String> =
            nullable.iter().map(|key| format!("{} IS NULL", key.sql)).collect();
        let sql =
            format!("SELECT 1 FROM {} WHERE {} LIMIT 1", self.name.sql(), is_null.join(" OR "));
        let found = self.connection.with(async |link| match link {
            Link::Postgres(link) => sqlx::query(AssertSqlSafe(sql))
                .fetch_optional(&mut **link)
                .await
                .map(|row| row.is_some()),
            Link::Sqlite(link) => sqlx::query(AssertSqlSafe(sql))
                .fetch_optional(&mut **link)
                .await
                .map(|row| row.is_some()),
        });
        if found.await.map_err(Meaning::plain)? {
            let why =
                format!("{}: some rows have no {}, so they have no order", self.name, self.order);
            return Err(TableError::wrong(why, "name a column with --key that every row has"));
        }
        Ok(())
    }

    fn select(&self, after: bool, until: bool, rows: u32) -> String {
        let columns = self.columns.iter().map(|column| match self.connection.address.kind() {
            // As text, each type is what it is, and none has to be known here.
            Kind::Postgres => format!("{}::text", quoted(&column.name)),
            Kind::Sqlite => quoted(&column.name),
        });
        let keys = self.order.columns.iter().map(|key| key.shown.clone());
        let what: Vec<String> = columns.chain(keys).collect();
        let order: Vec<&str> = self.order.columns.iter().map(|key| key.sql.as_str()).collect();
        let mut bounds = Vec::new();
        if after {
            bounds.push(self.compare(">", 0));
        }
        if until {
            bounds.push(self.compare("<=", if after { order.len() } else { 0 }));
        }
        let bounds = if bounds.is_empty() {
            String::new()
        } else {
            format!("WHERE {}", bounds.join(" AND "))
        };
        format!(
            "SELECT {} FROM {} {bounds} ORDER BY {} LIMIT {rows}",
            what.join(", "),
            self.name.sql(),
            order.join(", ")
        )
    }

    /// The key compared with bound values, the first of which has this number.
    fn compare(&self, how: &str, from: usize) -> String {
        let keys = &self.order.columns;
        let columns: Vec<&str> = keys.iter().map(|key| key.sql.as_str()).collect();
        let values: Vec<String> =
            keys.iter().enumerate().map(|(at, key)| key.bound(from + at + 1)).collect();
        match columns.len() {
            1 => format!("{} {how} {}", columns[0], values[0]),
            _ => format!("({}) {how} ({})", columns.join(", "), values.join(", ")),
        }
    }
}

/// A row as it comes.
struct Raw {
    cells: Vec<Cell>,
    keys: Vec<Key>,
    bytes: usize,
}

impl Raw {
    fn postgres(row: &PgRow, columns: &[Column], keys: usize) -> Result<Raw, sqlx::Error> {
        let mut cells = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            cells.push(cells::postgres(row, at, column.kind)?);
        }
        let keys = (columns.len()..columns.len() + keys).map(|at| cells::postgres_key(row, at));
        Raw { cells, keys: keys.collect::<Result<_, _>>()?, bytes: 0 }.weighed(row.len())
    }

    fn sqlite(row: &SqliteRow, columns: &[Column], keys: usize) -> Result<Raw, sqlx::Error> {
        let mut cells = Vec::with_capacity(columns.len());
        for (at, column) in columns.iter().enumerate() {
            cells.push(cells::sqlite(row, at, column.kind)?);
        }
        let keys = (columns.len()..columns.len() + keys).map(|at| cells::sqlite_key(row, at));
        Raw { cells, keys: keys.collect::<Result<_, _>>()?, bytes: 0 }.weighed(row.len())
    }

    fn weighed(mut self, columns: usize) -> Result<Raw, sqlx::Error> {
        self.bytes = 32 * columns + self.cells.iter().map(Cell::len).sum::<usize>();
        Ok(self)
    }
}

impl Place {
    /// Its last value, which tells rows apart that have no other key.
    fn last(&self) -> String {
        self.0.last().map(Key::text).unwrap_or_default()
    }
}

impl Key {
    fn text(&self) -> String {
        match self {
            Key::Integer(value) => value.to_string(),
            Key::Real(value) => format!("{:?}", f64::from_bits(value.bits)),
            Key::Text(value) => value.clone(),
            Key::Bytes(value) => crate::cell::hex(value),
        }
    }
}
