//! What is copied elsewhere, and what comes back.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use indelible_event::TrailName;

use super::any_trail;
use super::asking::At;
use super::keeping::{AtOnly, OfTrail, ShapeAt, day, days};

/// What a place for copies can be.
const TARGETS: &str = "\
A target is a directory or s3://bucket/prefix, with the AWS_* variables of the environment:
AWS_ENDPOINT_URL names another service than Amazon's. With --url they are the node's own.";

/// Copy the sealed segments elsewhere, with what proves them
///
/// Segments are Parquet, which DuckDB, pandas and Spark read. Their index and the trees' hashes go with them,
/// and a manifest with the SHA-256 of each file, whose own hash is recorded in `_system`. What is there
/// already is not copied again.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    after_help = TARGETS.to_owned() + "

Examples:
  indelible archive --to /mnt/archive
  indelible archive --to s3://audit-archive/node-1
  indelible archive --to s3://lake/audit --by trail,date
  indelible archive offload --older-than 90d                  free this disk of what is archived"
)]
pub struct Archive {
    #[command(subcommand)]
    pub command: Option<ArchiveCommand>,
    /// Where to
    #[arg(long, value_name = "TARGET", required = true)]
    pub to: Option<String>,
    #[command(flatten)]
    pub layout: Layout,
    /// Only this trail; with --by [default: all]
    #[arg(long, value_name = "TRAIL", value_parser = any_trail, requires = "by")]
    pub trail: Option<TrailName>,
    /// The first day (UTC), with --by: 2026-01-01
    #[arg(long, value_name = "DAY", value_parser = day, requires = "by")]
    pub since: Option<String>,
    /// The last day (UTC), with --by
    #[arg(long, value_name = "DAY", value_parser = day, requires = "by")]
    pub until: Option<String>,
    #[command(flatten)]
    pub at: At,
}

/// How an archive is laid out.
#[derive(Clone, Debug, Args)]
pub struct Layout {
    /// Lay it out anew, for a data lake: trail=…/date=…/, with statistics and bloom filters
    #[arg(long, value_name = "KEYS", value_parser = ["trail,date"])]
    pub by: Option<String>,
    /// With the exact bytes that are hashed into the tree, and their leaf hashes; with --by
    #[arg(long, requires = "by")]
    pub entries: bool,
}

/// What else about archives.
#[derive(Debug, Subcommand)]
pub enum ArchiveCommand {
    /// List the archives that were made: when, where to, how much, and the hash of the manifest
    #[command(after_help = "Example:\n  indelible archive list")]
    List(ShapeAt),
    Offload(Offload),
    /// When archives are made by themselves, and where to
    Settings {
        #[command(subcommand)]
        command: ArchiveSettingsCommand,
    },
}

/// Remove from this disk what the archive has: it is read from there from now on
///
/// It stays searchable, slower. Row tables and index stay here; what is read is kept in a cache for a while.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --older-than the rules of the policy say it (`archive 90d`).

Examples:
  indelible archive offload
  indelible archive offload --older-than 90d")]
pub struct Offload {
    /// What was recorded at least so long ago: 90d, 1y
    #[arg(long, value_name = "SPAN", value_parser = days)]
    pub older_than: Option<u32>,
    /// Where the archive is [default: the target of the settings]
    #[arg(long, value_name = "TARGET")]
    pub to: Option<String>,
    #[command(flatten)]
    pub at: At,
}

/// What about the settings of archives.
#[derive(Debug, Subcommand)]
pub enum ArchiveSettingsCommand {
    /// Show them
    #[command(after_help = "Example:\n  indelible archive settings get")]
    Get(AtOnly),
    Set(ArchiveSet),
}

/// Change the settings of archives; what is not named stays
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").required(true).multiple(true),
    after_help = "\
Examples:
  indelible archive settings set --to s3://audit-archive/node-1 --every 24h
  indelible archive settings set --off"
)]
pub struct ArchiveSet {
    /// Where to
    #[arg(long, value_name = "TARGET", group = "change")]
    pub to: Option<String>,
    /// How often: 1h, 24h, 7d
    #[arg(long, value_name = "SPAN", group = "change", value_parser = hours, conflicts_with = "off")]
    pub every: Option<u32>,
    /// Lay it out anew, for a data lake; `none` as the log lies on disk
    #[arg(long, value_name = "KEYS", group = "change", value_parser = ["trail,date", "none"], hide_possible_values = true)]
    pub by: Option<String>,
    /// What was recorded so long ago leaves this disk: 90d; `policy` as its rules say
    #[arg(long, value_name = "SPAN", group = "change", value_parser = offload)]
    pub offload: Option<OffloadAfter>,
    /// Not by itself any more
    #[arg(long, group = "change")]
    pub off: bool,
    #[command(flatten)]
    pub at: At,
}

/// When segments leave the disk.
#[derive(Clone, Copy, Debug)]
pub enum OffloadAfter {
    /// After what the policy's rules say.
    Policy,
    /// After so many days.
    Days(u32),
}

/// What about backups.
#[derive(Debug, Subcommand)]
pub enum BackupCommand {
    Create(BackupCreate),
    /// List the backups that this node made and still has
    #[command(after_help = "\
Examples:
  indelible backup list
  indelible backup list --from s3://audit-backup --json | jq -r .id")]
    List(BackupList),
    /// Show one backup, with all its files
    #[command(
        after_help = "Example:\n  indelible backup show 0190b1a0-0000-7000-8000-000000000000"
    )]
    Show(BackupOne),
    /// Read a backup whole, and compare each file with its sum
    #[command(after_help = "\
Exit status: 0 if it is whole, 1 if a file is damaged or missing, 2 and 3 as ever.

Example:
  indelible backup verify 0190b1a0-0000-7000-8000-000000000000")]
    Verify(BackupOne),
    /// Delete a backup
    ///
    /// Recorded with all details before anything goes. What a later incremental backup needs stays until that
    /// one goes.
    #[command(
        after_help = "Example:\n  indelible backup delete 0190b1a0-0000-7000-8000-000000000000"
    )]
    Delete(BackupOne),
    /// When backups are made by themselves, where to, and how many stay
    Settings {
        #[command(subcommand)]
        command: BackupSettingsCommand,
    },
}

/// Copy the whole log as it is at this moment, also while a node writes to it
///
/// Every file has its SHA-256 in the description, which is written last: a backup without it is none. Room is
/// counted first, and what broke off goes on where it was.
#[derive(Debug, Args)]
#[command(after_help = TARGETS.to_owned() + "

The signing key is in it, so that a restored node goes on signing: guard the backup as you guard the
key, or leave it out with --without-key and keep node.key elsewhere.

Examples:
  indelible backup create --to /mnt/backup
  indelible backup create --to s3://audit-backup/node-1 --type incremental
  indelible backup create --url https://audit.example.com --key idl_…    to the target of its settings")]
pub struct BackupCreate {
    /// Where to [default: the target of the settings]
    #[arg(long, value_name = "TARGET")]
    pub to: Option<String>,
    /// full, or incremental: only what the backups there do not have yet [default: that of the settings, or full]
    #[arg(long = "type", value_name = "TYPE", value_parser = ["full", "incremental"], hide_possible_values = true)]
    pub kind: Option<String>,
    #[command(flatten)]
    pub of: OfTrail,
    /// Leave the signing key out: a restore will need it
    #[arg(long)]
    pub without_key: bool,
    #[command(flatten)]
    pub at: At,
}

/// Which target.
#[derive(Debug, Args)]
pub struct BackupList {
    /// Only those that are there [default: all]
    #[arg(long, value_name = "TARGET")]
    pub from: Option<String>,
    #[command(flatten)]
    pub with: ShapeAt,
}

/// Which backup.
#[derive(Debug, Args)]
pub struct BackupOne {
    /// The backup's id, as `backup list` shows it
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub at: At,
}

/// What about the settings of backups.
#[derive(Debug, Subcommand)]
pub enum BackupSettingsCommand {
    /// Show them
    #[command(after_help = "Example:\n  indelible backup settings get")]
    Get(AtOnly),
    Set(BackupSet),
}

/// Change the settings of backups; what is not named stays
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("change").required(true).multiple(true),
    group = ArgGroup::new("when").multiple(false),
    after_help = "\
Examples:
  indelible backup settings set --to s3://audit-backup/node-1 --daily 02:30 --keep 14
  indelible backup settings set --every 6h --on-failure alert
  indelible backup settings set --off"
)]
pub struct BackupSet {
    /// Where to
    #[arg(long, value_name = "TARGET", group = "change")]
    pub to: Option<String>,
    /// How often: 30m, 6h, 7d
    #[arg(long, value_name = "SPAN", groups = ["change", "when"])]
    pub every: Option<String>,
    /// Each day at this time (UTC): 02:30
    #[arg(long, value_name = "HH:MM", groups = ["change", "when"], value_parser = time_of_day)]
    pub daily: Option<String>,
    /// Not by itself any more
    #[arg(long, groups = ["change", "when"])]
    pub off: bool,
    /// full or incremental
    #[arg(long = "type", value_name = "TYPE", group = "change", value_parser = ["full", "incremental"], hide_possible_values = true)]
    pub kind: Option<String>,
    /// How many of those made by themselves stay; the oldest goes when a new one is whole
    #[arg(long, value_name = "N", group = "change", value_parser = clap::value_parser!(u32).range(1..))]
    pub keep: Option<u32>,
    /// Whether the signing key is in them: yes or no
    #[arg(long, value_name = "YES|NO", group = "change", value_parser = ["yes", "no"], hide_possible_values = true)]
    pub with_key: Option<String>,
    /// What a failure does: alert or ignore
    #[arg(long, value_name = "WHAT", group = "change", value_parser = ["alert", "ignore"], hide_possible_values = true)]
    pub on_failure: Option<String>,
    #[command(flatten)]
    pub at: At,
}

/// Restore a backup, verified whole before anything changes
///
/// In place of the log in the data directory, or --into another one. What was there is kept in kept/ of the
/// data directory, unless --strict-delete. No node may run on it meanwhile. A restore that was killed is
/// taken up again by the same command, or by --continue.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("which").required(true),
    after_help = TARGETS.to_owned() + "

An older copy than what was signed last is refused, because that is what an attack looks like. If it
is yours, go on with --accept-rollback, which is recorded. Erasures that were done after the backup
are done again.

Examples:
  indelible restore 0190b1a0-… --from /mnt/backup --into ./restored
  indelible restore 0190b1a0-… --from s3://audit-backup/node-1 --create-snapshot
  indelible restore 0190b1a0-… --type trail --trail shop --into /tmp/shop
  indelible restore --continue"
)]
pub struct Restore {
    /// The backup's id, as `backup list` shows it
    #[arg(value_name = "ID", group = "which")]
    pub id: Option<String>,
    /// Where it is [default: what the log here knows of it]
    #[arg(long, value_name = "TARGET")]
    pub from: Option<String>,
    /// A new or empty directory for it [default: in place of the log in the data directory]
    #[arg(long, value_name = "DIR")]
    pub into: Option<PathBuf>,
    /// full, or one trail only (--trail)
    #[arg(long = "type", value_name = "TYPE", value_parser = ["full", "trail"], hide_possible_values = true)]
    pub kind: Option<String>,
    /// The trail to restore
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
    /// Back up what is there first, into snapshots/ of the data directory: restoring that undoes this
    #[arg(long)]
    pub create_snapshot: bool,
    /// Remove what was there and is not in the backup, instead of keeping it
    #[arg(long)]
    pub strict_delete: bool,
    /// Go on although the backup is not what was signed last; this is recorded in the log
    #[arg(long)]
    pub accept_rollback: bool,
    /// The signing key (node.key), if the backup is without it
    #[arg(long, value_name = "FILE")]
    pub node_key: Option<PathBuf>,
    /// Take up a restore that was interrupted
    #[arg(long = "continue", alias = "resume", group = "which")]
    pub go_on: bool,
    #[command(flatten)]
    pub at: At,
}

/// `24h` or `7d`, as hours.
fn hours(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is no span: say 1h, 24h or 7d");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let count: u32 = digits.parse().map_err(|_| wrong())?;
    let hours = match &text[digits.len()..] {
        "h" => Some(count),
        "d" => count.checked_mul(24),
        _ => None,
    };
    hours.filter(|hours| *hours > 0).ok_or_else(wrong)
}

fn offload(text: &str) -> Result<OffloadAfter, String> {
    if text == "policy" { Ok(OffloadAfter::Policy) } else { days(text).map(OffloadAfter::Days) }
}

fn time_of_day(text: &str) -> Result<String, String> {
    let wrong = |_| format!("{text:?} is no time of the day: say 02:30");
    let time = text.parse::<jiff::civil::Time>().map_err(wrong)?;
    Ok(format!("{:02}:{:02}", time.hour(), time.minute()))
}
