//! Which reports there are.

use clap::{Args, Subcommand};
use indelible_event::TrailName;

use super::any_trail;
use super::asking::{At, Shape};

/// Which report.
#[derive(Debug, Subcommand)]
pub enum ReportCommand {
    Unfinished(Unfinished),
    Gaps(Gaps),
}

/// List what was begun and has no outcome, and what ended without saying how
///
/// An operation records that it begins (phase intent) before it does anything, and how it ended (phase
/// outcome) afterwards. Where the second is missing, the process died in between, or its event was lost
/// (`report gaps` tells). An outcome that is `unknown` says that somebody gave up without an answer. The
/// oldest first, with the latest event of the same correlation after it, as a hint where it stopped.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 if there is none, 1 if there is any of either kind, 2 and 3 as ever.

With --json, or in a pipe, a line is the API's answer: one a thousand rows.

Examples:
  indelible report unfinished --since 30d
  indelible report unfinished --older-than 1h --trail shop || echo 'look at these'
  indelible report unfinished --json | jq -r '.unfinished[].event.id'")]
pub struct Unfinished {
    /// Only this trail [default: all that may be read]
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
    /// What was recorded then or later: 30d, 12h, 2026-11-20, "2026-11-20 14:00" [default: all of it]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    /// What began at least so long ago: 30s, 5m, 1h
    #[arg(long, value_name = "SPAN", default_value = "5m")]
    pub older_than: String,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Tell which events of each recorder never arrived, and what explains it
///
/// Each recorder's process has a random id and counts its events from 0, so what is missing shows. What a
/// recorder could not keep or send it says itself (action audit.loss), which explains as many; the rest is
/// unexplained. What was sampled away got no number, and is only summed.
#[derive(Debug, Args)]
#[command(after_help = "\
A process may write to several trails: its numbers are looked for in all that may be read, also where
--trail says whose sources to list, and it is said where some may not be. With --since, numbers below the
first one of that time do not count as missing, and those between are looked for before it, too. What was
overtaken less than a minute ago is in flight, not missing.

Examples:
  indelible report gaps
  indelible report gaps --since 30d --trail shop
  indelible report gaps --json | jq .total.unexplained")]
pub struct Gaps {
    /// Only sources with an event in this trail [default: all that may be read]
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
    /// What was recorded then or later: 30d, 12h, 2026-11-20, "2026-11-20 14:00" [default: all of it]
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}
