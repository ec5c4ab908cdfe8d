//! What can be asked of the trail, and of whom.

use std::ffi::OsString;

use clap::{ArgGroup, Args};
use indelible_event::{EventId, TrailName};

use super::any_trail;

/// Whom to ask: the data directory, or a node over HTTP.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Whom to ask")]
pub struct At {
    /// Ask the node at this address, not the data directory
    #[arg(long, value_name = "URL", env = "INDELIBLE_URL", hide_env_values = true)]
    pub url: Option<String>,
    /// The API key for the node
    #[arg(long, value_name = "KEY", env = "INDELIBLE_KEY", hide_env_values = true)]
    pub key: Option<String>,
}

/// How to show it.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "How to show it")]
pub struct Shape {
    /// Lines for people also into a pipe, where JSON is what comes otherwise
    #[arg(long)]
    pub text: bool,
    /// Times in UTC, not in the local zone
    #[arg(long)]
    pub utc: bool,
}

/// Which events.
#[derive(Clone, Debug, Args)]
pub struct Which {
    /// The query: words, and fields such as actor:maria action:backup.* outcome:denied
    #[arg(value_name = "QUERY")]
    pub query: Vec<String>,
    /// Only this trail [default: all that may be read]
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
    /// What happened then or later: 7d, 12h, 2026-11-20, "2026-11-20 14:00"
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub since: Option<String>,
    /// What happened until then, the same way; a date is meant whole
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
}

/// Search the events
///
/// A sentence an event on a terminal, the events themselves as NDJSON in a pipe or with --json. Every
/// record is hashed and compared with its leaf before it is shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Without --url the data directory is read, also while a server runs on it.

Examples:
  indelible search                                         the newest fifty
  indelible search actor:maria 'action:backup.*' --since 7d
  indelible search outcome:denied,failure --count
  indelible search wrong password --trail users --all --json | jq -r .context.ip | sort | uniq -c
  indelible search --url https://audit.example.com --key idl_… ip:192.0.2.0/24")]
pub struct Search {
    #[command(flatten)]
    pub which: Which,
    /// At most so many events
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50)]
    pub limit: u64,
    /// All of them, page by page
    #[arg(long, conflicts_with = "limit")]
    pub all: bool,
    /// The oldest first
    #[arg(long)]
    pub oldest_first: bool,
    /// By which time they are sorted
    #[arg(long, value_name = "TIME", value_parser = ["recorded", "occurred"], default_value = "recorded")]
    pub sort: String,
    /// Only say how many there are; beyond 10,000 only that there are more
    #[arg(long)]
    pub count: bool,
    /// Show the ids also where the terminal is narrow
    #[arg(long)]
    pub ids: bool,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Show one event: what happened, what it changed, its receipt and what belongs to it
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible show 0190b1a0-0000-7000-8000-000000000000
  indelible show 0190b1a0-0000-7000-8000-000000000000 --trail shop --json | jq .diff")]
pub struct Show {
    /// The event's id
    #[arg(value_name = "ID", value_parser = EventId::parse)]
    pub id: EventId,
    /// Its trail; needed only where several have that id
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Tell what happened to one thing, or in one correlated request, across all systems
///
/// By the time it happened, a lane a service. Long silences are marked, and intents that were never
/// followed by an outcome.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("of").required(true),
    after_help = "\
Examples:
  indelible timeline --resource backup/db-0417
  indelible timeline --resource db-0417 --since 30d
  indelible timeline --correlation corr-5f2a"
)]
pub struct Timeline {
    /// The thing: its id, or type/id
    #[arg(long, value_name = "[TYPE/]ID", group = "of")]
    pub resource: Option<String>,
    /// The correlation id that the events share
    #[arg(long, value_name = "ID", group = "of")]
    pub correlation: Option<String>,
    /// What happened then or later: 7d, 12h, 2026-11-20, "2026-11-20 14:00"
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What happened until then, the same way; a date is meant whole
    #[arg(long, value_name = "TIME")]
    pub until: Option<String>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Count the events by action, outcome, actor, resource and more, and over time
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible stats --since 24h
  indelible stats outcome:failure --facets actor,ip --top 20
  indelible stats --trail users --interval 1h --json | jq .histogram.buckets")]
pub struct Stats {
    #[command(flatten)]
    pub which: Which,
    /// Which facets: category, action, outcome, actor, resource_type, resource, ip, service [default: all]
    #[arg(long, value_name = "FACETS", value_delimiter = ',')]
    pub facets: Vec<String>,
    /// How many values a facet
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1000))]
    pub top: u64,
    /// The width of the histogram's bars: 30s, 5m, 1h, 1d
    #[arg(long, value_name = "SPAN", default_value = "1h")]
    pub interval: String,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Tell what somebody did: how much, what, to what, from where, and when
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible user maria
  indelible user maria --days 7 --json | jq .addresses")]
pub struct User {
    /// The actor's id
    #[arg(value_name = "ID")]
    pub id: String,
    /// How many days back
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(u64).range(1..=366))]
    pub days: u64,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Print the newest events, and with -f those that come
#[derive(Debug, Args)]
#[command(after_help = "\
Ctrl-C ends it. From a node it comes as a live stream, which is resumed where it broke off.

Examples:
  indelible tail -f
  indelible tail -f -outcome:success
  indelible tail -f --json | jq -r .action")]
pub struct Tail {
    #[command(flatten)]
    pub which: Which,
    /// Go on with what is recorded from now on
    #[arg(short, long)]
    pub follow: bool,
    /// How many of the newest to begin with
    #[arg(short = 'n', long, value_name = "N", default_value_t = 20, value_parser = clap::value_parser!(u64).range(0..=1000))]
    pub lines: u64,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// The options of one letter that these commands have.
const LETTERS: &[u8] = b"fnhV";

/// The command line with its excluding terms (`-outcome:success`) marked by a space before them, since what
/// begins with a hyphen is taken for an option otherwise. The query is not changed by it.
pub fn with_exclusions(args: impl Iterator<Item = OsString>) -> impl Iterator<Item = OsString> {
    let mut asks = false;
    args.map(move |arg| {
        asks |= ["search", "stats", "tail", "export", "hold"].iter().any(|command| arg == *command);
        match arg.to_str().filter(|_| asks) {
            Some(text) if excludes(text.as_bytes()) => format!(" {text}").into(),
            _ => arg,
        }
    })
}

fn excludes(arg: &[u8]) -> bool {
    match arg {
        [b'-', b'-', ..] => false,
        [b'-', first, _, ..] => !LETTERS.contains(first) || arg.contains(&b':'),
        _ => false,
    }
}
