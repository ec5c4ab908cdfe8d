//! What can be taken away, and what becomes of it elsewhere.

use std::path::PathBuf;

use clap::Args;
use indelible_event::Part;
use indelible_merkle::Vkey;

use super::asking::{At, Which};
use super::part;

/// Write what matches into a file: CSV, NDJSON, OCSF, CEF, CloudEvents, Parquet, proofs
///
/// The oldest first, and all as they are when it begins. The file gets its name only when it is whole. From
/// a node (--url), who exported what is recorded before the first byte leaves, and how it ended afterwards;
/// a data directory is only read, so nothing is recorded there.
#[derive(Debug, Args)]
#[command(after_help = "\
A bundle is a ZIP file for strangers: the events, a proof of each, the signed checkpoints, and a
small verifier. It holds at most 10,000 events. `indelible verify bundle` checks it.

With --entries anybody's SQL recomputes the leaves of the tree: sha256('\\x00' || entry) = leaf.

Examples:
  indelible export --out everything.csv
  indelible export actor:maria 'action:backup.*' --since 30d --out maria.parquet
  indelible export target:backup/db-0417 --redact who,where --out db-0417.zip
  indelible export --trail default --entries --from 1000 --to 1999 --out some.parquet
  indelible export outcome:denied --format ocsf --out - | gzip > denied.ndjson.gz")]
pub struct Export {
    #[command(flatten)]
    pub which: Which,
    /// The form: csv, ndjson, ocsf, cef, cloudevents, parquet or bundle [default: by the name of the file]
    #[arg(long, value_name = "FORM", value_parser = ["csv", "ndjson", "ocsf", "cef", "cloudevents", "parquet", "bundle"], hide_possible_values = true)]
    pub format: Option<String>,
    /// The file; - is standard output
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// The newest first
    #[arg(long)]
    pub newest_first: bool,
    /// The first seq of the trail
    #[arg(long, value_name = "SEQ", requires = "trail")]
    pub from: Option<u64>,
    /// The last seq of the trail, itself included
    #[arg(long, value_name = "SEQ", requires = "trail")]
    pub to: Option<u64>,
    /// For Parquet: also the exact bytes that are hashed into the tree, and their leaf hashes
    #[arg(long)]
    pub entries: bool,
    /// For a bundle: parts to withhold: who (actor, subjects), where (context), what (targets, changes, details, error)
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_parser = part)]
    pub redact: Vec<Part>,
    #[command(flatten)]
    pub at: At,
}

/// Verify a bundle of evidence, from the file alone
///
/// Every file against its sum, every event against its proof, every proof against the signed checkpoint of
/// its trail. No data directory and no network are needed.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --vkey the keys in the bundle itself are believed, which shows only that it is of one piece: give
the key of each of its trails, as the node publishes it.

Exit status: 0 if it holds, 1 if not, 2 and 3 as ever.

Example:
  indelible verify bundle db-0417.zip --vkey 'audit.example.com/4f2a…+6c51e9d0+Aa…'")]
pub struct VerifyBundle {
    /// The bundle
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The key that a trail must be signed with; can be given several times
    #[arg(long, value_name = "VKEY")]
    pub vkey: Vec<Vkey>,
}
