//! PostgreSQL with the same table and indexes, filled by `COPY`, one a group.
//!
//! A private server in a temporary directory, reached over a socket there and nowhere else, run as
//! an unprivileged user because PostgreSQL refuses to run as root. Only where it is installed.

use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};

use super::row::{COLUMNS, DETAILS, INDEXES, Row};
use super::wire::Wire;
use crate::generator::Events;
use crate::measure::rate_since;
use crate::questions::{POSTGRES_TEXT, quoted};

/// How PostgreSQL is set up here, for the table's reader.
pub const NOTE: &str = "six indexes, COPY a group, fsync on, 1 GiB shared buffers";

/// What is added where text is searched, for the table's reader.
pub const TEXT_NOTE: &str =
    "GIN of words and, where pg_trgm is, of trigrams over user_email and details";

/// How single rows are inserted: planned once a connection, then executed with each row's values.
pub const INSERT_NOTE: &str = "six indexes, prepared INSERT, each its own commit, fsync on";

/// Debian's `nobody`, whom PostgreSQL runs as when we are root.
const NOBODY: u32 = 65_534;

/// A private server with an empty `audit_log` table; stopped when dropped.
pub struct Postgres {
    programs: PathBuf,
    dir: tempfile::TempDir,
    as_nobody: bool,
}

impl Postgres {
    /// Where PostgreSQL's programs are, if it is installed.
    pub fn find() -> Option<PathBuf> {
        let mut places: Vec<PathBuf> = std::env::var_os("PATH")
            .map(|path| std::env::split_paths(&path).collect())
            .unwrap_or_default();
        if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
            places.extend(versions.flatten().map(|version| version.path().join("bin")));
        }
        places
            .into_iter()
            .find(|place| ["initdb", "pg_ctl", "psql"].iter().all(|name| place.join(name).exists()))
    }

    /// Starts a server in a temporary directory under `parent` and makes the table.
    pub fn start(parent: &Path) -> Result<Self> {
        let Some(programs) = Self::find() else {
            bail!("PostgreSQL is not installed (Debian: apt-get install postgresql)");
        };
        let dir = tempfile::Builder::new()
            .prefix("pg")
            .tempdir_in(parent)
            .context("no directory for PostgreSQL")?;
        let as_nobody = std::os::unix::fs::MetadataExt::uid(&std::fs::metadata(dir.path())?) == 0;
        if as_nobody {
            std::os::unix::fs::chown(dir.path(), Some(NOBODY), Some(NOBODY))?;
        }
        let server = Self { programs, dir, as_nobody };
        let data = server.data();
        server.run(
            "initdb",
            &["--auth=trust", "--username=audit", "--locale=C", "--encoding=UTF8", "-D", &data],
        )?;
        let options = format!(
            "-c listen_addresses='' -c unix_socket_directories='{}' -c shared_buffers=1GB -c max_wal_size=4GB",
            server.dir.path().display()
        );
        let log = server.dir.path().join("log").display().to_string();
        server.run("pg_ctl", &["start", "-w", "-D", &data, "-l", &log, "-o", &options])?;
        server.make_table()?;
        Ok(server)
    }

    fn make_table(&self) -> Result<()> {
        let columns = COLUMNS.map(|name| format!("{name} text")).join(", ");
        let mut script = format!(
            "CREATE TABLE audit_log (id bigserial PRIMARY KEY, {columns}, {DETAILS} text);\n"
        );
        for (name, columns) in INDEXES {
            // Writing to a String cannot fail.
            let _ = writeln!(script, "CREATE INDEX {name} ON audit_log ({columns});");
        }
        self.psql(script.as_bytes())?;
        Ok(())
    }

    /// Copies the events in, a group a transaction, and says how many a second that were.
    /// Taking the events apart is not part of the time: here that is done beforehand.
    pub fn append(&self, events: &Events, group_size: usize) -> Result<f64> {
        let mut script = Vec::with_capacity(events.total_size());
        for group in events.groups(group_size) {
            writeln!(script, "COPY audit_log ({}, {DETAILS}) FROM STDIN;", COLUMNS.join(", "))?;
            for event in group {
                put_copy_line(&mut script, &Row::parse(event)?);
            }
            script.extend_from_slice(b"\\.\n");
        }
        let start = Instant::now();
        self.psql(&script)?;
        Ok(rate_since(start, events.len()))
    }

    /// Adds what a search for text needs.
    pub fn add_text_search(&self) -> Result<()> {
        let asked = "SELECT count(*) FROM pg_available_extensions WHERE name = 'pg_trgm';";
        let mut script = format!(
            "CREATE INDEX audit_log_words ON audit_log USING gin (to_tsvector('simple', {POSTGRES_TEXT}));\n"
        );
        if self.psql(asked.as_bytes())?.trim() == "1" {
            let _ = writeln!(
                script,
                "CREATE EXTENSION pg_trgm;
                 CREATE INDEX audit_log_trigrams ON audit_log USING gin ({POSTGRES_TEXT} gin_trgm_ops);"
            );
        }
        self.psql(script.as_bytes())?;
        Ok(())
    }

    /// Lets the planner know the table and merges what GIN has pending, as autovacuum does in time.
    pub fn analyze(&self) -> Result<()> {
        self.psql(b"VACUUM ANALYZE audit_log;")?;
        Ok(())
    }

    /// A connection over the server's socket.
    pub fn connect(&self) -> Result<Wire> {
        Wire::open(&self.dir.path().join(".s.PGSQL.5432"), "audit", "postgres")
    }

    /// The statement that [`insert`](Self::insert) uses, for each connection once.
    pub fn prepare_insert() -> String {
        let marks: Vec<String> = (1..=COLUMNS.len() + 1).map(|n| format!("${n}")).collect();
        format!(
            "PREPARE add AS INSERT INTO audit_log ({}, {DETAILS}) VALUES ({})",
            COLUMNS.join(", "),
            marks.join(", ")
        )
    }

    /// One event as a row.
    pub fn insert(event: &[u8]) -> Result<String> {
        let values = Row::parse(event)?.values;
        let texts: Vec<String> =
            values.iter().map(|value| value.map_or_else(|| "NULL".to_owned(), quoted)).collect();
        Ok(format!("EXECUTE add({})", texts.join(", ")))
    }

    /// The size of the table with its indexes.
    pub fn size_on_disk(&self) -> Result<u64> {
        let answer = self.psql(b"SELECT pg_total_relation_size('audit_log');")?;
        answer
            .trim()
            .parse()
            .with_context(|| format!("PostgreSQL says its table's size is {answer:?}"))
    }

    fn data(&self) -> String {
        self.dir.path().join("data").display().to_string()
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.programs.join(program));
        command.current_dir(self.dir.path());
        if self.as_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
    }

    fn run(&self, program: &str, arguments: &[&str]) -> Result<()> {
        // Not to a pipe: the server inherits it and would hold it open for as long as it runs.
        let status = self
            .command(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .status()
            .with_context(|| format!("{program} does not start"))?;
        ensure!(status.success(), "{program} failed: {status}");
        Ok(())
    }

    fn psql(&self, script: &[u8]) -> Result<String> {
        let host = self.dir.path().display().to_string();
        let mut child = self
            .command("psql")
            .args([
                "-X",
                "-q",
                "-A",
                "-t",
                "-v",
                "ON_ERROR_STOP=1",
                "-h",
                &host,
                "-U",
                "audit",
                "-d",
                "postgres",
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("psql does not start")?;
        let sent = child.stdin.take().context("psql has no input")?.write_all(script);
        let output = child.wait_with_output()?;
        ensure!(output.status.success(), "psql failed: {}", output.status);
        sent?;
        Ok(String::from_utf8(output.stdout)?)
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        // The directory goes away right after; a server that will not stop says so itself.
        if let Err(error) =
            self.run("pg_ctl", &["stop", "-w", "-m", "immediate", "-D", &self.data()])
        {
            eprintln!("PostgreSQL did not stop: {error:#}");
        }
    }
}

/// A row as a line of COPY's text format.
fn put_copy_line(out: &mut Vec<u8>, row: &Row<'_>) {
    for (index, value) in row.values.iter().enumerate() {
        if index > 0 {
            out.push(b'\t');
        }
        let Some(text) = value else {
            out.extend_from_slice(b"\\N");
            continue;
        };
        for &byte in text.as_bytes() {
            match byte {
                b'\\' => out.extend_from_slice(b"\\\\"),
                b'\t' => out.extend_from_slice(b"\\t"),
                b'\n' => out.extend_from_slice(b"\\n"),
                b'\r' => out.extend_from_slice(b"\\r"),
                _ => out.push(byte),
            }
        }
    }
    out.push(b'\n');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_copy_would_take_for_a_sign_is_escaped() {
        let mut values = [None; 17];
        values[0] = Some("a\\b\tc\nd");
        let mut line = Vec::new();
        put_copy_line(&mut line, &Row { values });
        assert!(line.starts_with(b"a\\\\b\\tc\\nd\t\\N\t"));
        assert_eq!(line.iter().filter(|&&byte| byte == b'\t').count(), 16);
        assert_eq!(line.last(), Some(&b'\n'));
    }
}
