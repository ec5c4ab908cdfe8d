//! SQLite with the audit table that people make: one row an event, six indexes, one transaction a group.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use rusqlite::{Connection, params_from_iter};

use super::row::{COLUMNS, DETAILS, INDEXES, Row};
use crate::generator::Events;
use crate::measure::rate_since;

/// How SQLite is set up here, for the table's reader.
pub const NOTE: &str = "six indexes, WAL, synchronous=FULL, 256 MiB cache, checkpoint at 64 MiB";

/// An `audit_log` table in a directory of its own.
pub struct Sqlite {
    connection: Connection,
    insert: String,
    dir: tempfile::TempDir,
}

impl Sqlite {
    /// A new, empty table in a temporary directory under `parent`.
    pub fn create(parent: &Path) -> Result<Self> {
        let dir = tempfile::tempdir_in(parent).context("no directory for SQLite")?;
        let connection = Connection::open(dir.path().join("audit.db"))?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.pragma_update(None, "cache_size", -262_144)?;
        // The default checkpoint at 4 MiB would rewrite the indexes' pages every few groups: no one's best.
        connection.pragma_update(None, "wal_autocheckpoint", 16_384)?;
        let columns = COLUMNS.map(|name| format!("{name} TEXT")).join(", ");
        connection.execute_batch(&format!(
            "CREATE TABLE audit_log (id INTEGER PRIMARY KEY, {columns}, {DETAILS} TEXT)"
        ))?;
        for (name, columns) in INDEXES {
            connection.execute_batch(&format!("CREATE INDEX {name} ON audit_log ({columns})"))?;
        }
        let marks = vec!["?"; COLUMNS.len() + 1].join(", ");
        let insert =
            format!("INSERT INTO audit_log ({}, {DETAILS}) VALUES ({marks})", COLUMNS.join(", "));
        Ok(Self { connection, insert, dir })
    }

    /// Inserts the events in transactions of `group_size`, each durable when it is committed,
    /// and says how many a second that were.
    pub fn append(&mut self, events: &Events, group_size: usize) -> Result<f64> {
        let start = Instant::now();
        for group in events.groups(group_size) {
            let transaction = self.connection.transaction()?;
            {
                let mut insert = transaction.prepare_cached(&self.insert)?;
                for event in group {
                    insert.execute(params_from_iter(Row::parse(event)?.values))?;
                }
            }
            transaction.commit()?;
        }
        Ok(rate_since(start, events.len()))
    }

    /// How many rows there are.
    pub fn count(&self) -> Result<i64> {
        Ok(self.connection.query_row("SELECT count(*) FROM audit_log", [], |row| row.get(0))?)
    }

    /// The size of the database with its indexes, once the write-ahead log is in it.
    pub fn size_on_disk(&self) -> Result<u64> {
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
        Ok(std::fs::metadata(self.path())?.len())
    }

    fn path(&self) -> PathBuf {
        self.dir.path().join("audit.db")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_becomes_a_row_with_its_six_indexes() {
        let parent = tempfile::tempdir().expect("a temporary directory");
        let mut sqlite = Sqlite::create(parent.path()).expect("SQLite opens");
        let rate = sqlite.append(&Events::generate(1, 250), 100).expect("SQLite inserts");
        assert!(rate > 0.0);
        assert_eq!(sqlite.count().expect("SQLite counts"), 250);
        assert!(sqlite.size_on_disk().expect("the database is there") > 250 * 640);
        let query =
            "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name = 'audit_log'";
        let indexes: i64 =
            sqlite.connection.query_row(query, [], |row| row.get(0)).expect("SQLite lists");
        assert_eq!(indexes, 6);
    }
}
