//! The outbox's tables, and how they come into a database.

/// The databases that can hold an outbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// A step that brings the tables from the version before to this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its version, counted from 1.
    pub version: i64,
    /// Its name, for a file.
    pub name: &'static str,
    /// Its statements. Running them again changes nothing.
    pub sql: &'static str,
}

/// All migrations of a database in order, for a migrator of your own; [`Outbox::migrate`](crate::Outbox::migrate)
/// runs them where there is none. Both may be used on one database, as a migration also says that it was applied.
///
/// ```
/// use indelible_sqlx::{Dialect, migrations};
///
/// for migration in migrations(Dialect::Postgres) {
///     println!("-- {:04}_indelible_{}.sql\n{}", migration.version, migration.name, migration.sql);
/// }
/// ```
pub fn migrations(dialect: Dialect) -> &'static [Migration] {
    match dialect {
        Dialect::Sqlite => &SQLITE,
        Dialect::Postgres => &POSTGRES,
    }
}

static SQLITE: [Migration; 1] = [Migration {
    version: 1,
    name: "outbox",
    sql: include_str!("../migrations/sqlite/0001_outbox.sql"),
}];

static POSTGRES: [Migration; 1] = [Migration {
    version: 1,
    name: "outbox",
    sql: include_str!("../migrations/postgres/0001_outbox.sql"),
}];
