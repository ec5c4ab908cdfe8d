//! What can be said on the command line. The texts here are the manual; the man pages are made of them.

mod asking;
mod copying;
mod erasing;
mod exporting;
mod importing;
mod keeping;
mod reporting;
mod serving;
mod streaming;
mod tables;
mod watching;

use std::path::PathBuf;

use clap::{ArgGroup, Args, Parser, Subcommand};
use indelible_event::{EventId, Part, TrailName};
use indelible_merkle::Vkey;

pub use asking::{At, Search, Shape, Show, Stats, Tail, Timeline, User, Which, with_exclusions};
pub use copying::{
    Archive, ArchiveCommand, ArchiveSet, ArchiveSettingsCommand, BackupCommand, BackupCreate,
    BackupList, BackupOne, BackupSet, BackupSettingsCommand, Offload, OffloadAfter, Restore,
};
pub use erasing::{Certificate, Erase, EraseCommand};
pub use exporting::{Export, VerifyBundle};
pub use importing::{FileFormat, Import};
pub use keeping::{
    AtOnly, Bounds, Confirm, HoldCommand, HoldCreate, Purge, Requests, Retention, RetentionCommand,
    RetentionPreview, RetentionSet, ShapeAt, Withdraw,
};
pub use reporting::{Gaps, ReportCommand, Unfinished};
pub use serving::{KeyCreate, KeyList, KeyRevoke, Serve, TrailAt, Trails, TrailsCommand};
pub use streaming::{Database, StreamCheck, StreamCommand, StreamReplay, StreamSchema};
pub use watching::{
    AlertOne, AlertShow, AlertsCommand, AlertsList, ReviewShow, ReviewSign, ReviewsCommand,
    RulesBacktest, RulesCheck, RulesCommand, RulesList, RulesShow, RulesTest,
};

/// An audit trail that cannot be quietly changed.
///
/// Events go in, become durable, are hashed into a Merkle tree a trail, and can be proved to strangers
/// who trust neither you nor this program.
#[derive(Debug, Parser)]
#[command(name = "indelible", version, max_term_width = 100, after_help = AFTER)]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

const AFTER: &str = "\
First steps:
  indelible serve --demo                        a made-up day to look around in
  indelible demo                                see it work, and see it notice tampering
  indelible init                                make a log in ./indelible-data
  indelible append events.ndjson                append events
  indelible search actor:maria                  find them
  indelible prove --seq 0 --out event.proof     prove one to a stranger

Exit status:
  0  done, and everything holds
  1  something was refused, or does not verify
  2  the command line makes no sense
  3  it cannot be done: input or output, a lock, damage, or it is not there";

/// Options of every command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Everywhere")]
pub struct Global {
    /// The data directory
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "INDELIBLE_DATA",
        hide_env_values = true,
        default_value = "indelible-data"
    )]
    pub data: PathBuf,
    /// Where the sign guard is, if not in the data directory
    #[arg(
        long,
        global = true,
        value_name = "DIR",
        env = "INDELIBLE_GUARD",
        hide_env_values = true
    )]
    pub guard: Option<PathBuf>,
    /// Speak JSON, an object a line, on standard output and standard error
    #[arg(long, global = true)]
    pub json: bool,
    /// Whether --data was given on the command line, and so means more than an INDELIBLE_URL of the environment.
    #[arg(skip)]
    pub data_named: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    Init(Init),
    Append(Append),
    Serve(Serve),
    Search(Search),
    Show(Show),
    Timeline(Timeline),
    Stats(Stats),
    User(User),
    /// Report what never ended, and what never arrived
    Report {
        #[command(subcommand)]
        command: ReportCommand,
    },
    Tail(Tail),
    Cat(Cat),
    Trails(Trails),
    /// Print a trail's latest signed checkpoint, byte for byte
    ///
    /// It is a C2SP signed note: origin, size and root of the trail, and the node's signature. Whoever
    /// keeps it can later show that the log was changed, if it was.
    #[command(after_help = "Example:\n  indelible checkpoint --trail default > yesterday.note")]
    Checkpoint(OneTrail),
    /// Show the keys with which strangers verify, and make those with which programs come in
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    Prove(Prove),
    /// Verify a proof or a bundle offline, the whole log, or the search index
    Verify {
        #[command(subcommand)]
        command: VerifyCommand,
    },
    Tiles(Tiles),
    Export(Export),
    /// Look at what flows in and out beside the API, pause it, have it sent again
    Stream {
        #[command(subcommand)]
        command: StreamCommand,
    },
    /// Look at the rules of the watch, and try them before they are enabled
    Rules {
        #[command(subcommand)]
        command: RulesCommand,
    },
    /// Look at what the rules found, and say what became of it
    Alerts {
        #[command(subcommand)]
        command: AlertsCommand,
    },
    /// Look at what happened in a day or a week, and sign it off
    Reviews {
        #[command(subcommand)]
        command: ReviewsCommand,
    },
    Retention(Retention),
    /// Hold records for a case or an inspection: what is held does not expire
    Hold {
        #[command(subcommand)]
        command: HoldCommand,
    },
    Purge(Purge),
    Erase(Erase),
    Requests(Requests),
    Confirm(Confirm),
    Withdraw(Withdraw),
    Archive(Archive),
    Import(Import),
    /// Copy the whole log elsewhere, and look after the copies
    Backup {
        #[command(subcommand)]
        command: BackupCommand,
    },
    Restore(Box<Restore>),
    /// Seal the active file into Parquet segments now
    ///
    /// It happens by itself at 250,000 records or after an hour. Sealed segments can be read with
    /// DuckDB, pandas or Spark: they are in segments/ of the data directory.
    #[command(after_help = "Example:\n  indelible seal")]
    Seal,
    /// Throw the search index away and make it again from the log
    ///
    /// Nothing is lost by that: the index is derived. A running server makes by itself what is missing.
    #[command(after_help = "Example:\n  indelible reindex")]
    Reindex,
    Drill(Drill),
    Demo(Demo),
    /// Print the completions of a shell
    #[command(after_help = "Examples:\n  \
        indelible completions bash > ~/.local/share/bash-completion/completions/indelible\n  \
        indelible completions zsh > ~/.zfunc/_indelible")]
    Completions {
        /// Which shell
        shell: clap_complete::Shell,
    },
    /// Write the manual pages, one a command
    #[command(after_help = "Example:\n  indelible man --out ~/.local/share/man/man1")]
    Man {
        /// The directory they go to; made if it is not there
        #[arg(long, value_name = "DIR")]
        out: PathBuf,
    },
}

/// Make a log with its signing key and its sign guard
#[derive(Debug, Args)]
#[command(after_help = "\
The sign guard remembers what was signed last, so that a log that was cut, or exchanged for an older
copy, is not signed again. It protects best on another disk: give --guard now and ever after.

Examples:
  indelible init
  indelible init --data /var/lib/audit --origin audit.example.com --guard /mnt/other/audit-guard")]
pub struct Init {
    /// The name under which this node signs: a host name that you control [default: this machine's name]
    #[arg(long, value_name = "HOST")]
    pub origin: Option<String>,
}

/// Append events: NDJSON, or one JSON array
///
/// Each event is checked, and kept or refused by itself. It is durable once it is counted as kept or has
/// its receipt. Events that bring their own `id` can be sent again: what is kept already gives its first
/// receipt once more. Others are given a new id each time.
#[derive(Debug, Args)]
#[command(after_help = "\
Refused lines are told on standard error with number, field and reason; the exit status is 1 then,
and the others are kept. `action` is all that an event must have.

Examples:
  indelible append events.ndjson
  journalctl -f -o cat -u myapp | indelible append --trail myapp
  echo '{\"action\":\"backup.delete\",\"user_id\":\"maria\"}' | indelible append --receipts
  indelible append --url https://audit.example.com --key idl_… events.ndjson

Sent to a node (--url), events without an id get one first, so that a batch can be sent again after a
broken connection without any event being kept twice.")]
pub struct Append {
    /// The trail for events that name none; one that names another is refused [default: default]
    #[arg(long, value_name = "TRAIL", value_parser = own_trail)]
    pub trail: Option<TrailName>,
    /// Print a receipt a line, as JSON: trail, seq, id, leaf, recorded_at, known
    #[arg(long)]
    pub receipts: bool,
    /// Go on although the log is not what was signed last; this is recorded in the log
    #[arg(long)]
    pub accept_rollback: bool,
    /// The events; - is standard input
    #[arg(value_name = "FILE", default_value = "-")]
    pub file: PathBuf,
    #[command(flatten)]
    pub at: At,
}

/// Print a trail's events as NDJSON, each re-hashed first
///
/// What does not match its leaf in the tree is an alarm, never a line. Works while a writer runs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible cat | jq -r '[.recorded_at, .actor.id, .action] | @tsv'
  indelible cat --trail _system                 what the node itself did
  indelible cat --from 1000 --to 1999")]
pub struct Cat {
    #[command(flatten)]
    pub trail: OneTrail,
    /// The first seq
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    pub from: u64,
    /// The last seq, itself included [default: the newest]
    #[arg(long, value_name = "SEQ")]
    pub to: Option<u64>,
}

/// A trail, `default` where none is named.
#[derive(Debug, Args)]
pub struct OneTrail {
    /// The trail
    #[arg(long = "trail", value_name = "TRAIL", default_value = "default", value_parser = any_trail)]
    pub trail: TrailName,
}

/// What about keys.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Print the verifier key of a trail, or of all trails
    ///
    /// Publish it where your readers find it without asking this node: it is all they need to verify.
    #[command(
        after_help = "Examples:\n  indelible key show\n  indelible key show --trail default > default.vkey"
    )]
    Show {
        /// The trail; all of them as a table where none is named
        #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
        trail: Option<TrailName>,
    },
    Create(KeyCreate),
    List(KeyList),
    Revoke(KeyRevoke),
}

/// Prove that an event is in the log, or that the log only grew
///
/// The proof is a C2SP tlog-proof. Its extra line discloses the event; the parts named by --redact are
/// withheld, and the proof holds all the same. It is verified from the file and the trail's key alone.
#[derive(Debug, Args)]
#[command(
    subcommand_negates_reqs = true,
    group = ArgGroup::new("which").required(true),
    after_help = "\
Examples:
  indelible prove --seq 17 --out event.proof
  indelible prove --id 0190b1a0-0000-7000-8000-000000000000 --redact who,where
  indelible verify proof event.proof --key \"$(indelible key show --trail default)\"
  indelible prove consistency --from 1000"
)]
pub struct Prove {
    #[command(subcommand)]
    pub command: Option<ProveCommand>,
    /// The trail
    #[arg(long, global = true, value_name = "TRAIL", default_value = "default", value_parser = any_trail)]
    pub trail: TrailName,
    /// The event by its place in the trail
    #[arg(long, group = "which")]
    pub seq: Option<u64>,
    /// The event by its id
    #[arg(long, group = "which", value_parser = EventId::parse)]
    pub id: Option<EventId>,
    /// Parts to withhold: who (actor, subjects), where (context), what (targets, changes, details, error)
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_parser = part)]
    pub redact: Vec<Part>,
    /// Write the proof here, not to standard output
    #[arg(long, global = true, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// What else can be proved.
#[derive(Debug, Subcommand)]
pub enum ProveCommand {
    Consistency(ProveConsistency),
}

/// Prove that a trail's first SIZE records are still the beginning of it
#[derive(Debug, Args)]
#[command(after_help = "\
Example: you kept a checkpoint of 1000 records.
  indelible prove consistency --from 1000 --out grown.proof
  indelible verify consistency grown.proof --key \"$(indelible key show --trail default)\"")]
pub struct ProveConsistency {
    /// The older size
    #[arg(long, value_name = "SIZE")]
    pub from: u64,
    /// The newer size [default: that of the latest checkpoint]
    #[arg(long, value_name = "SIZE")]
    pub to: Option<u64>,
}

/// What to verify.
#[derive(Debug, Subcommand)]
pub enum VerifyCommand {
    /// Verify the proof of an event, from the file and the key alone
    ///
    /// Says in plain sentences what is proven. No data directory and no network are needed.
    #[command(after_help = "\
Example:
  indelible verify proof event.proof --key 'audit.example.com/4f2a…+6c51e9d0+Aa…'")]
    Proof(VerifyFile),
    /// Verify that a log only grew, from the file and the key alone
    #[command(after_help = "\
The older size and root are stated in the file, not signed: compare them with the checkpoint that you
kept. The proof then shows that nothing under it was changed since.

Example:
  indelible verify consistency grown.proof --key 'audit.example.com/4f2a…+6c51e9d0+Aa…'")]
    Consistency(VerifyFile),
    Bundle(VerifyBundle),
    Log(VerifyLog),
    /// Make the index again in memory, and compare it with the one on disk, both ways
    ///
    /// A term that was removed, added or points elsewhere is named with its record: an edited index hides
    /// nothing for long. What the records themselves say, `verify log` checks; run both.
    #[command(after_help = "Example:\n  indelible verify log && indelible verify index")]
    Index,
}

/// Read and hash every byte of every record again
///
/// Commitments, leaves, roots, every signature, the sign guard, and each column of the segments: names
/// the first bad trail, seq, file and offset. Nothing is changed, and nothing that wrote the log is trusted.
#[derive(Debug, Args)]
#[command(after_help = "\
A node that rewrites everything it has, and has the key, is caught only by a checkpoint that somebody
else kept: give such checkpoints with --kept.

Examples:
  indelible verify log
  indelible verify log --kept yesterday.note")]
pub struct VerifyLog {
    /// A checkpoint kept elsewhere, which the log must still fit; can be given several times
    #[arg(long, value_name = "FILE")]
    pub kept: Vec<PathBuf>,
    /// How many threads read and hash [default: one a processor]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub threads: Option<u16>,
}

/// A proof file and the key.
#[derive(Debug, Args)]
pub struct VerifyFile {
    /// The proof; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The trail's verifier key, as `indelible key show` prints it
    #[arg(long, value_name = "VKEY")]
    pub key: Vkey,
}

/// Write a trail's static tree, which other people's tools can check
///
/// checkpoint, tile/… and tile/entries/… as C2SP tlog-tiles lays them out, ready for any web server or
/// bucket. A later export into the same directory adds what is new; what changed meanwhile is an alarm.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  indelible tiles --trail default --out ./public/default")]
pub struct Tiles {
    #[command(flatten)]
    pub trail: OneTrail,
    /// The directory: new, empty, or with an earlier export of this trail
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
}

/// Tamper with a copy of the log in every way we know, and show what notices
///
/// The data directory itself is only read, and must have no writer meanwhile. The attacker of the drill
/// is a good one: he knows the formats, mends checksums, and where it says so has the signing key. What
/// only a checkpoint kept outside can show is named as such.
#[derive(Debug, Args)]
#[command(after_help = "\
The copies need up to four times the space of the log. Exit status 1 if something went unnoticed that
should have been noticed.

Example:
  indelible drill")]
pub struct Drill {
    /// An existing directory for the copies [default: the place for temporary files]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

/// Show it all in a few seconds, on made-up events
///
/// Makes a log, appends events of five systems, proves one and verifies it offline, verifies everything,
/// then tampers with copies and shows what notices. The directory stays, so that you can look around.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  indelible demo\n  indelible demo --keep ./demo")]
pub struct Demo {
    /// A new or empty directory for the log [default: one among the temporary files]
    #[arg(long, value_name = "DIR")]
    pub keep: Option<PathBuf>,
}

/// A trail to write to: any but the node's own.
fn own_trail(name: &str) -> Result<TrailName, indelible_event::TrailNameError> {
    TrailName::parse(name)
}

/// A trail to read: also the node's own.
fn any_trail(name: &str) -> Result<TrailName, indelible_event::TrailNameError> {
    let system = TrailName::system();
    if name == system.as_str() { Ok(system) } else { TrailName::parse(name) }
}

fn part(name: &str) -> Result<Part, &'static str> {
    Part::from_name(name).ok_or("must be who, where or what")
}
