//! Reading the table that somebody has.

mod catalog;
mod cells;
mod follow;
mod order;

use indelible_connect::rows::{self, Cell};
use serde::{Deserialize, Serialize};
use sqlx::Row as _;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;

pub use follow::Reading;
pub use order::Order;

use crate::address::{Address, Kind};
use crate::cell;
use crate::connection::{Connection, Link, Purpose};
use crate::error::{Meaning, TableError};
use crate::limits::{PAGE_BYTES, PAGE_ROWS_MAX};
use crate::name::{TableName, quoted};

/// A column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: String,
    /// Its type, as the database says it.
    pub type_name: String,
    pub(crate) kind: rows::Kind,
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
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place(pub(crate) Vec<Key>);

/// A value of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Key {
    /// SQLite compares numbers as numbers only if they are.
    Integer(i64),
    Real(Bits),
    Text(String),
    Bytes(Vec<u8>),
}

/// A float that is compared and hashed by its bits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Bits {
    pub(crate) bits: u64,
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Reading goes on behind it from here.
    pub place: Place,
    /// Its number in the file, which tells it from others where no key does; 0 where there is none.
    pub position: u64,
    /// Its values, one for each column.
    pub cells: Vec<Cell<'static>>,
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
    /// The columns that a row is known by; none where only its number in the file tells it from others.
    identity: Vec<usize>,
    /// Rows asked for at a time, fewer where they are large.
    rows: u32,
    /// Whether rows are being added that must not be missed.
    pub(crate) follow: bool,
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
            follow: wanted.follow,
        };
        table.no_null_in_key().await?;
        Ok(table)
    }

    /// Its columns.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The same as rows have them, those that tell one row from all others marked.
    pub fn row_columns(&self) -> Vec<rows::Column> {
        let columns = self.columns.iter().enumerate().map(|(at, column)| rows::Column {
            name: column.name.clone(),
            kind: column.kind,
            key: self.identity.contains(&at),
        });
        columns.collect()
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
                 ELSE (SELECT count(*) FROM (SELECT 1 FROM {0} LIMIT 1000000) AS head) END \
                 FROM pg_class c WHERE c.oid = to_regclass('{1}')",
                self.name.sql(),
                self.name.sql().replace('\'', "''")
            ),
            Kind::Sqlite => format!("SELECT count(*) FROM {}", self.name.sql()),
        };
        let count =
            self.connection.fetch(&sql, Vec::new(), |row| row.try_get(0), |row| row.try_get(0));
        let count: Option<i64> = count.await.map_err(Meaning::plain)?.pop();
        Ok(count.map(i64::unsigned_abs))
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
        let rows = self.connection.fetch(
            &sql,
            bound,
            |row| Raw::postgres(row, columns, keys),
            |row| Raw::sqlite(row, columns, keys),
        );
        let rows = rows.await.map_err(Meaning::plain)?;
        self.page(rows, wanted as usize)
    }

    fn page(&mut self, mut rows: Vec<Raw>, wanted: usize) -> Result<Page, TableError> {
        if !self.order.unique && rows.windows(2).any(|pair| pair[0].keys == pair[1].keys) {
            let why = format!("{}: several rows have one {}", self.name, self.order);
            let hint = "name a column with --order-by that has another value in each row";
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
        let hidden = if self.order.has_number { raw.keys.last() } else { None };
        let position = hidden.map_or(0, Key::number);
        Row { place: Place(raw.keys), position, cells: raw.cells }
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
            "SELECT {} FROM {} AS t {} ORDER BY {} LIMIT 1 OFFSET {rows}",
            keys.join(", "),
            self.name.sql(),
            if until.is_empty() { String::new() } else { format!("WHERE {until}") },
            order.join(", ")
        );
        let count = keys.len();
        let found = self.connection.fetch(
            &sql,
            bound,
            |row| (0..count).map(|at| cells::postgres_key(row, at)).collect(),
            |row| (0..count).map(|at| cells::sqlite_key(row, at)).collect(),
        );
        Ok(found.await.map_err(Meaning::plain)?.pop().map(Place))
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
        let sql = format!(
            "SELECT 1 FROM {} AS t WHERE {} LIMIT 1",
            self.name.sql(),
            is_null.join(" OR ")
        );
        let found = self.connection.fetch(&sql, Vec::new(), |_| Ok(()), |_| Ok(()));
        if !found.await.map_err(Meaning::plain)?.is_empty() {
            let why =
                format!("{}: some rows have no {}, so they have no order", self.name, self.order);
            return Err(TableError::wrong(why, "name a column with --order-by that every row has"));
        }
        Ok(())
    }

    fn select(&self, after: bool, until: bool, rows: u32) -> String {
        let columns = self.columns.iter().map(|column| match self.connection.address.kind() {
            // As text, each type is what it is, and none has to be known here.
            Kind::Postgres => format!("t.{}::text", quoted(&column.name)),
            Kind::Sqlite => format!("t.{}", quoted(&column.name)),
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
            "SELECT {} FROM {} AS t {bounds} ORDER BY {} LIMIT {rows}",
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
    cells: Vec<Cell<'static>>,
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
        self.bytes = 32 * columns + self.cells.iter().map(cell::len).sum::<usize>();
        Ok(self)
    }
}

impl Key {
    /// The number of a row: SQLite's own, or PostgreSQL's `(page,line)`.
    fn number(&self) -> u64 {
        match self {
            Key::Integer(value) => value.unsigned_abs(),
            Key::Text(text) => {
                let parts = text.trim_matches(['(', ')']).split_once(',');
                let (page, line) = parts.unwrap_or(("0", text));
                page.parse::<u64>().unwrap_or(0) << 16 | line.parse::<u64>().unwrap_or(0)
            }
            Key::Real(_) | Key::Bytes(_) => 0,
        }
    }

    pub(crate) fn text(&self) -> String {
        match self {
            Key::Integer(value) => value.to_string(),
            Key::Real(value) => format!("{:?}", f64::from_bits(value.bits)),
            Key::Text(value) => value.clone(),
            Key::Bytes(value) => cell::hex(value),
        }
    }
}
