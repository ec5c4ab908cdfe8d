//! SQLite with the audit table that people make: one row an event, six indexes, one transaction a group.

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result};
use regex::Regex;
use rusqlite::functions::{Context as Call, FunctionFlags};
use rusqlite::{Connection, params_from_iter};

use super::row::{COLUMNS, DETAILS, INDEXES, Row};
use crate::generator::Events;
use crate::measure::rate_since;

/// How SQLite is set up here, for the table's reader.
pub const NOTE: &str = "six indexes, WAL, synchronous=FULL, 256 MiB cache, checkpoint at 64 MiB";

/// What is added where text is searched, for the table's reader.
pub const TEXT_NOTE: &str = "FTS5 words and FTS5 trigrams over user_email and details";

/// Both text indexes take their text from the table, and triggers keep them: the table stays as it is.
const TEXT_TABLES: &str = "
    CREATE VIRTUAL TABLE audit_words USING fts5(
        user_email, details, content='audit_log', content_rowid='id');
    CREATE VIRTUAL TABLE audit_trigrams USING fts5(
        user_email, details, content='audit_log', content_rowid='id', tokenize='trigram');
    CREATE TRIGGER audit_log_text AFTER INSERT ON audit_log BEGIN
        INSERT INTO audit_words (rowid, user_email, details)
            VALUES (new.id, new.user_email, new.details);
        INSERT INTO audit_trigrams (rowid, user_email, details)
            VALUES (new.id, new.user_email, new.details);
    END;";

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

    /// Adds what a search for text needs; to be called while the table is empty.
    pub fn add_text_search(&self) -> Result<()> {
        self.connection.execute_batch(TEXT_TABLES)?;
        let flags = FunctionFlags::SQLITE_UTF8 | FunctionFlags::SQLITE_DETERMINISTIC;
        self.connection.create_scalar_function("regexp", 2, flags, regexp)?;
        Ok(())
    }

    /// Lets the planner know the table, as one does after a load.
    pub fn analyze(&self) -> Result<()> {
        Ok(self.connection.execute_batch("ANALYZE")?)
    }

    /// Reads every value of every row of an answer: how many rows, and the first column of the first
    /// one, if it is a number.
    pub fn ask(&self, statement: &str) -> Result<(u64, Option<i64>)> {
        let mut statement = self.connection.prepare_cached(statement)?;
        let columns = statement.column_count();
        let mut rows = statement.query([])?;
        let (mut count, mut number) = (0, None);
        while let Some(row) = rows.next()? {
            for column in 0..columns {
                let value = std::hint::black_box(row.get_ref(column)?);
                if (count, column) == (0, 0) {
                    number = value.as_i64().ok();
                }
            }
            count += 1;
        }
        Ok((count, number))
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

/// `value REGEXP pattern`, which SQLite itself leaves to whoever uses it; compiled once a statement.
fn regexp(call: &Call<'_>) -> rusqlite::Result<bool> {
    let pattern = call.get_or_create_aux(0, |value| -> Result<Regex, AnyError> {
        Ok(Regex::new(value.as_str()?)?)
    })?;
    let text = call.get_raw(1).as_str_or_null();
    let text = text.map_err(|error| rusqlite::Error::UserFunctionError(error.into()))?;
    Ok(text.is_some_and(|text| pattern.is_match(text)))
}

/// What may go wrong in a function of SQLite.
type AnyError = Box<dyn std::error::Error + Send + Sync>;

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
