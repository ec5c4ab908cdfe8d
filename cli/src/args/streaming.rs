//! Streams and inputs.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::asking::At;
use super::keeping::ShapeAt;

/// What about streams and inputs.
#[derive(Debug, Subcommand)]
pub enum StreamCommand {
    /// List the streams: where each sends, what it is doing, how far it is behind
    #[command(after_help = "\
Examples:
  indelible stream list
  indelible stream list --json | jq -r 'select(.state != \"running\") | .name'")]
    List(ShapeAt),
    /// List the inputs that listen or fetch: what came in, and what was refused
    #[command(after_help = "\
Examples:
  indelible stream inputs
  indelible stream inputs --json | jq '{name, state, refused, last_refused}'")]
    Inputs(ShapeAt),
    /// Show how a stream is, what is wrong with it, and what to do about it
    #[command(after_help = "Example:\n  indelible stream show siem")]
    Show(StreamOne),
    /// Have a stream send nothing until it is resumed, also after a restart
    ///
    /// Nothing is lost by it: the stream keeps its place in the log.
    #[command(after_help = "Example:\n  indelible stream pause siem")]
    Pause(StreamOne),
    /// Have a stream go on that was paused, or try at once that waits after a failure
    #[command(after_help = "Example:\n  indelible stream resume siem")]
    Resume(StreamOne),
    Replay(StreamReplay),
    Check(StreamCheck),
    Schema(StreamSchema),
}

/// Print the SQL that makes the table which a stream sends to
///
/// The stream makes it by itself, unless it is told not to (`migrate: false`).
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible stream schema --for postgres | psql reports
  indelible stream schema --for sqlite --table audit_copy | sqlite3 reports.db")]
pub struct StreamSchema {
    /// For which database
    #[arg(long = "for", value_name = "DATABASE")]
    pub database: Database,
    /// The table: `table` or `schema.table`
    #[arg(long, value_name = "TABLE", default_value = "audit_logs")]
    pub table: indelible_tables::TableName,
}

/// A database that a stream can send to.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Database {
    /// PostgreSQL
    Postgres,
    /// SQLite
    Sqlite,
}

/// A stream, and where it is.
#[derive(Debug, Args)]
pub struct StreamOne {
    /// The stream's name
    #[arg(value_name = "STREAM")]
    pub name: String,
    #[command(flatten)]
    pub at: At,
}

/// Have a stream send again from a place on, through to the present
///
/// The receiver gets again what it had; it knows repetitions by trail and seq, or by the event's id.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible stream replay siem --from beginning
  indelible stream replay siem --from 2026-01-31T10:00:00Z
  indelible stream replay siem --from default/1700
  indelible stream replay siem --from now            leave out what it has not sent yet")]
pub struct StreamReplay {
    /// The stream's name
    #[arg(value_name = "STREAM")]
    pub name: String,
    /// From where: `beginning`, `now`, when it was recorded, or a record
    #[arg(long, value_name = "beginning|now|TIME|TRAIL/SEQ")]
    pub from: String,
    #[command(flatten)]
    pub at: At,
}

/// Read the file that describes inputs and streams, and say what is wrong with it
///
/// Secrets are looked up, files of certificates read, queries checked. No event is sent.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 if all of it would work, 1 if something would not, 3 if the file cannot be read.

Examples:
  indelible stream check connections.yaml
  indelible stream check connections.yaml --connect      also knock at each receiver's door")]
pub struct StreamCheck {
    /// The file
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// Connect to each receiver, without sending an event
    #[arg(long)]
    pub connect: bool,
}
