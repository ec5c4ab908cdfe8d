//! In which order a table is read: one that never changes for what is there, so that reading can stop and go on.

use std::fmt;

use super::catalog::{Found, What};
use super::{Column, Wanted};
use crate::address::Kind;
use crate::error::TableError;
use crate::name::quoted;

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    pub(crate) columns: Vec<KeyColumn>,
    /// No two rows are at one place, for the database sees to it.
    pub(crate) unique: bool,
    /// Its last column is the database's own number of a row.
    pub(crate) has_number: bool,
    /// Why it is this one, for people.
    why: &'static str,
}

/// A column of it, or what stands for one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyColumn {
    name: String,
    /// As it is compared.
    pub(crate) sql: String,
    /// As it is fetched.
    pub(crate) shown: String,
    /// The type that a text is cast to for comparing; SQLite's values have their own.
    cast: Option<String>,
    pub(crate) nullable: bool,
}

impl KeyColumn {
    fn of(column: &Column, kind: Kind) -> KeyColumn {
        // By its table: PostgreSQL takes a bare name behind ORDER BY for what was selected under it, which is text.
        let sql = format!("t.{}", quoted(&column.name));
        let (shown, cast) = match kind {
            Kind::Postgres => (format!("{sql}::text"), Some(column.type_name.clone())),
            Kind::Sqlite => (sql.clone(), None),
        };
        KeyColumn { name: column.name.clone(), sql, shown, cast, nullable: column.nullable }
    }

    fn number(name: &str, kind: Kind) -> KeyColumn {
        let (shown, cast) = match kind {
            Kind::Postgres => (format!("t.{name}::text"), Some("tid".to_owned())),
            Kind::Sqlite => (format!("t.{name}"), None),
        };
        let (name, sql) = (name.to_owned(), format!("t.{name}"));
        KeyColumn { name, sql, shown, cast, nullable: false }
    }

    pub(crate) fn bound(&self, number: usize) -> String {
        match &self.cast {
            Some(cast) => format!("${number}::text::{cast}"),
            None => format!("?{number}"),
        }
    }
}

impl Order {
    /// Why it is this one.
    pub fn why(&self) -> &'static str {
        self.why
    }
}

/// Its columns.
impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.columns.iter().map(|key| key.name.as_str()).collect();
        f.write_str(&names.join(", "))
    }
}

/// Chooses one.
pub(super) fn choose(found: &Found, wanted: &Wanted) -> Result<Order, TableError> {
    let of = |at: &usize| KeyColumn::of(&found.columns[*at], found.kind);
    let mut hidden = found.hidden.iter().map(|name| KeyColumn::number(name, found.kind));
    if let Some(key) = &wanted.key {
        return named(found, key);
    }
    let primary: Vec<KeyColumn> = found.key.iter().flatten().map(of).collect();
    let grows =
        found.key.as_ref().is_some_and(|key| key.len() == 1 && integer(&found.columns[key[0]]));
    // SQLite numbers rows as they come, so this is the order that they came in.
    if let (Kind::Sqlite, Some(rowid)) = (found.kind, hidden.next()) {
        let why = "the order in which rows were added";
        return Ok(Order { columns: vec![rowid], unique: true, has_number: true, why });
    }
    if wanted.follow && !grows {
        return by_time(found, primary);
    }
    if !primary.is_empty() {
        return Ok(Order { columns: primary, unique: true, has_number: false, why: "its key" });
    }
    match (found.what, KeyColumn::number("ctid", Kind::Postgres)) {
        (What::Table, ctid) if found.hidden.is_some() => {
            let why = "it has no key: as it lies in the file";
            Ok(Order { columns: vec![ctid], unique: true, has_number: true, why })
        }
        (what, _) => {
            let why = format!("{}: {what} has no key, so nothing orders its rows", found.name);
            let hint = "name a column with --order-by that has another value in each row, the larger the later, like an id";
            Err(TableError::wrong(why, hint))
        }
    }
}

/// By the column that somebody named, and by what tells rows apart that have the same value there.
fn named(found: &Found, name: &str) -> Result<Order, TableError> {
    let Some(at) = found.columns.iter().position(|column| column.name == name) else {
        let names: Vec<&str> = found.columns.iter().map(|column| column.name.as_str()).collect();
        let why = format!("{} has no column {name:?}", found.name);
        return Err(TableError::wrong(why, format!("its columns are {}", names.join(", "))));
    };
    let mut columns = vec![KeyColumn::of(&found.columns[at], found.kind)];
    let rest = tie_breaker(found, &[at]);
    let (unique, has_number) = (rest.is_some(), found.key.is_none() && rest.is_some());
    columns.extend(rest.into_iter().flatten());
    Ok(Order { columns, unique, has_number, why: "the column that was named" })
}

/// Keys that are random are no order to follow: what comes next may be anywhere.
fn by_time(found: &Found, primary: Vec<KeyColumn>) -> Result<Order, TableError> {
    let usual = [
        "created_at",
        "createdat",
        "created",
        "occurred_at",
        "timestamp",
        "logged_at",
        "event_time",
        "action_time",
        "inserted_at",
        "created_on",
        "date_created",
        "ts",
        "time",
    ];
    let at = usual.iter().find_map(|name| {
        found.columns.iter().position(|column| {
            column.name.eq_ignore_ascii_case(name) && (column.is_time() || integer(column))
        })
    });
    match (at, primary.is_empty() && found.hidden.is_none()) {
        (Some(at), false) => {
            let mut columns = vec![KeyColumn::of(&found.columns[at], found.kind)];
            columns.extend(tie_breaker(found, &[at]).into_iter().flatten());
            let has_number = found.key.is_none();
            Ok(Order { columns, unique: true, has_number, why: "time, for its key does not grow" })
        }
        _ => {
            let why =
                format!("{} cannot be followed: its key does not grow with each row", found.name);
            let hint =
                "name the column with --order-by by which later rows are larger, like created_at";
            Err(TableError::wrong(why, hint))
        }
    }
}

/// The key, or the place in the file: what tells rows apart that are alike in these columns.
fn tie_breaker(found: &Found, but: &[usize]) -> Option<Vec<KeyColumn>> {
    if let Some(key) = &found.key {
        let rest = key.iter().filter(|at| !but.contains(at));
        return Some(rest.map(|at| KeyColumn::of(&found.columns[*at], found.kind)).collect());
    }
    found.hidden.as_ref().map(|name| vec![KeyColumn::number(name, found.kind)])
}

/// The columns that a row is known by.
pub(super) fn identity(found: &Found, wanted: &Wanted) -> Vec<usize> {
    if let Some(key) = &found.key {
        return key.clone();
    }
    // Of a view, only whoever named the column knows.
    let named = wanted.key.as_ref().filter(|_| found.hidden.is_none());
    let at = named.and_then(|name| found.columns.iter().position(|column| column.name == *name));
    at.into_iter().collect()
}

fn integer(column: &Column) -> bool {
    let name = column.type_name.to_ascii_lowercase();
    matches!(&*name, "smallint" | "integer" | "bigint" | "int") || name.starts_with("numeric")
}
