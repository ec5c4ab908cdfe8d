//! What is imported: archives, and files of others.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use indelible_event::TrailName;

use super::asking::At;
use super::tables::FromTable;
use super::{any_trail, own_trail};

/// Bring an archive back, or import the audit log that you had until now
///
/// An ARCHIVE is verified on the way. Into a new or empty directory it becomes the log that it was, to the byte, for
/// reading; into a log in use its events come as events of trails there, with their ids and times.
///
/// With --format events are made of the records of FILEs: plain or gzip, and all files of a directory; - is standard
/// input. Times stay what they were, nothing of a record is lost (what has no place in an event goes to `details`), and
/// a record that comes again is known again.
///
/// With --from the rows of a table in PostgreSQL or SQLite come in the same way, in a session that cannot write.
#[derive(Debug, Args)]
#[command(after_help = "\
An archive is a directory or s3://bucket/prefix, with the AWS_* variables of the environment:
AWS_ENDPOINT_URL names another service than Amazon's. With --url they are the node's own. Without
--vkey the archive's own key is believed, which shows only that it is of one piece.

What is refused is told with file, record, field and reason; the exit status is 1 then, and the
others are kept. An import that was cut off goes on where it was when the same is said again.

Examples:
  indelible import /mnt/archive --into ./restored
  indelible import s3://audit-archive/node-1 --trail shop --as shop-2025
  indelible import --format cloudtrail --trail aws ./AWSLogs
  indelible import --format kubernetes --trail cluster /var/log/kubernetes/audit*.log.gz
  indelible import --format csv --dry-run audit.csv              shows what would become what
  indelible import --format csv --map audit.yaml audit.csv
  indelible import --from env:AUDIT_DB --table audit_log --trail shop --follow
  indelible import --from sqlite:app.db --table audit_log --dry-run")]
pub struct Import {
    /// The archive, or with --format the files
    #[arg(value_name = "ARCHIVE|FILE", required_unless_present = "from")]
    pub what: Vec<PathBuf>,
    /// A new or empty directory for the archive [default: into the log in use]
    #[arg(long, value_name = "DIR", conflicts_with_all = ["trail", "url"])]
    pub into: Option<PathBuf>,
    /// The trail of the archive that is wanted [default: all]; with --format or --from where events go [default: default]
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
    /// The trail that a trail of the archive becomes [default: the same name]
    #[arg(long = "as", value_name = "TRAIL", value_parser = own_trail, requires = "trail")]
    pub as_trail: Option<TrailName>,
    /// The verifier key of one of the archive's trails, with which it must be signed
    #[arg(long, value_name = "VKEY")]
    pub vkey: Option<String>,
    /// The SHA-256 of the archive's manifest, as the log has it that it was made of: `archive list`
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<String>,
    /// The signing key that the archive's log had (its node.key), to go on with it
    #[arg(long, value_name = "FILE", requires = "into")]
    pub node_key: Option<PathBuf>,
    #[command(flatten)]
    pub files: Files,
    #[command(flatten)]
    pub table: FromTable,
    #[command(flatten)]
    pub at: At,
}

/// How files are imported.
#[derive(Debug, Args)]
#[command(next_help_heading = "Files of others")]
pub struct Files {
    /// What the files are
    #[arg(long, value_name = "FORMAT", group = "foreign", conflicts_with_all = ["into", "as_trail", "vkey", "sha256", "node_key"])]
    pub format: Option<FileFormat>,
    /// Which column becomes which member, as a file; --dry-run prints one [default: guessed by the columns' names]
    #[arg(long, value_name = "FILE", requires = "foreign")]
    pub map: Option<PathBuf>,
    /// The name under which ids are made of rows: the same row is known again under it [default: the file's, the table's]
    #[arg(long, value_name = "NAME", requires = "foreign")]
    pub source: Option<String>,
    /// Only show the mapping, the first events and what would be refused
    #[arg(long, requires = "foreign")]
    pub dry_run: bool,
    /// Write what is refused here, whole, as NDJSON
    #[arg(long, value_name = "FILE", requires = "foreign")]
    pub refused: Option<PathBuf>,
    /// Where it is kept how far the import is [default: in ~/.local/state/indelible]
    #[arg(long, value_name = "FILE", requires = "foreign")]
    pub progress: Option<PathBuf>,
}

/// A format of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Events of ours, or objects whose members are mapped, one a line
    Ndjson,
    /// A header and rows: comma, semicolon, tab or bar
    Csv,
    /// AWS CloudTrail
    Cloudtrail,
    /// audit.k8s.io/v1 of the API server
    Kubernetes,
    /// The audit log of an organization or enterprise
    Github,
}

impl FileFormat {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Ndjson => "ndjson",
            FileFormat::Csv => "csv",
            FileFormat::Cloudtrail => "cloudtrail",
            FileFormat::Kubernetes => "kubernetes",
            FileFormat::Github => "github",
        }
    }
}
