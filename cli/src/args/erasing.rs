//! What is erased before its time, because somebody has a right to it.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use indelible_event::{EventId, Part, TrailName};

use super::asking::{At, Shape};
use super::keeping::ShapeAt;
use super::{any_trail, part};

/// Erase somebody's data from the records, which a second administrator has to confirm
///
/// First it shows what would go. Then it makes a request, and says how the second administrator confirms.
/// Erased are parts of records: entries, hashes, roots and every proof ever given out stay as they are, and
/// `verify log` goes on holding.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    subcommand_negates_reqs = true,
    group = ArgGroup::new("what").required(true),
    after_help = "\
--subject finds it as actor, target and subject of an event: an id, an e-mail address or a name. The
trail _system is searched, too.
Nothing that is kept says the subject afterwards: the event has an HMAC of it.

Examples:
  indelible erase --trail users --subject maria --authority 'GDPR Art. 17, ticket 4711' --dry-run
  indelible erase --trail users --subject maria --authority 'GDPR Art. 17, ticket 4711'
  indelible confirm 0190b1a0-… --subject maria --key idl_…          by somebody else
  indelible erase certificate 0190b1a0-… --out erased.json"
)]
pub struct Erase {
    #[command(subcommand)]
    pub command: Option<EraseCommand>,
    /// The trail [default: all]
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
    /// Whose data: an id, as it is in the events; - is standard input
    #[arg(long, value_name = "ID", group = "what")]
    pub subject: Option<String>,
    /// What was done to this: backup/db-0417
    #[arg(long, value_name = "TYPE/ID", group = "what")]
    pub resource: Option<String>,
    /// This event; can be given several times
    #[arg(long, value_name = "ID", group = "what", value_parser = EventId::parse)]
    pub id: Vec<EventId>,
    /// What goes: who (actor, subjects), where (context), what (targets, changes, details, error) [default: all three]
    #[arg(long, value_name = "PARTS", value_delimiter = ',', value_parser = part)]
    pub parts: Vec<Part>,
    /// Also records that only mention it: in a text, in details, in changes
    #[arg(long)]
    pub mentions: bool,
    /// On whose authority: it is recorded, so it should not name the subject
    #[arg(long, value_name = "TEXT", required = true)]
    pub authority: Option<String>,
    /// Only show what would go
    #[arg(long)]
    pub dry_run: bool,
    /// Also what somebody holds; this is recorded
    #[arg(long)]
    pub despite_hold: bool,
    /// A recorder's spool on the node's machine to be looked through, too; can be given several times
    #[arg(long, value_name = "DIR")]
    pub spool: Vec<PathBuf>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// What else about erasures.
#[derive(Debug, Subcommand)]
pub enum EraseCommand {
    /// List the erasures: when, on whose authority, how many records, what is still to do
    #[command(after_help = "Example:\n  indelible erase list")]
    List(ShapeAt),
    Certificate(Certificate),
}

/// Print the certificate of an erasure, or of what of it is still to do
#[derive(Debug, Args)]
#[command(after_help = "\
It is JSON, and a text on a terminal, with the event that recorded the erasure. Copies that this node cannot reach are listed
by name; the exit status is 1 while there are any.

Example:
  indelible erase certificate 0190b1a0-0000-7000-8000-000000000000 --out erased.json")]
pub struct Certificate {
    /// The erasure's id, as `erase list` shows it
    #[arg(value_name = "ID")]
    pub id: String,
    /// Write it here, not to standard output
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}
