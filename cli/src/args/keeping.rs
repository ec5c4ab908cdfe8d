//! How long what is kept, what is held, and what two people have to agree on.

use std::path::PathBuf;

use clap::{ArgGroup, Args, Subcommand};
use indelible_event::TrailName;

use super::any_trail;
use super::asking::{At, Shape};

/// How long records are kept: show it, change it, see what it would do
///
/// A policy is a list of rules; the first that fits a record says how long it is kept, counted from the end of
/// the day it was recorded. Then its parts go, and what proves that it was there stays. Without a policy
/// everything is kept for ever.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "\
Examples:
  indelible retention                                     what is in force, and what is due next
  indelible retention set 'security 7y, reads 30d, everything else 90d'
  indelible retention preview 'everything else 30d'       what that would remove, and when
  indelible retention run                                 now, not at the next full hour"
)]
pub struct Retention {
    #[command(subcommand)]
    pub command: Option<RetentionCommand>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// What about retention.
#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show the policy in force, those before it, and what is due next
    #[command(after_help = "\
Examples:
  indelible retention show
  indelible retention show --json | jq -r .current.rules")]
    Show(ShapeAt),
    Set(RetentionSet),
    /// List the ready-made policies, and what each is for
    #[command(after_help = "\
Examples:
  indelible retention presets
  indelible retention set --preset hipaa")]
    Presets(ShapeAt),
    Preview(RetentionPreview),
    /// Let go what is due, now
    ///
    /// A running node does it by itself. Each class and day is an event of `_system` before anything of it goes.
    /// What somebody holds stays.
    #[command(after_help = "\
Exit status: 0 if all that was due is gone, 1 if the clock has to be confirmed first, 2 and 3 as ever.

Example:
  indelible retention run")]
    Run(AtOnly),
    /// Say that the clock is right, after it jumped by more than a day
    ///
    /// Until then nothing expires, so that a wrong clock removes nothing.
    #[command(after_help = "Example:\n  date -u && indelible retention confirm-clock")]
    ConfirmClock(AtOnly),
}

/// Set the policy from now on
///
/// What is kept longer by it is so at once. What was recorded before keeps what it was promised, unless
/// --existing says otherwise; that takes a second administrator.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true),
    after_help = "\
A rule is what it fits and how long that is kept: 30d, 8w, 6m, 7y, forever. It fits by
  category:login, trail:shop, action:backup (and all below it), outcome:denied, joined by +,
or by a name: security, reads, changes, requests, operations. The last rule is for everything else.
`archive 90d` after it: its files leave this disk after 90 days, for the archive.

Examples:
  indelible retention set 'security 7y, reads 30d, everything else 90d'
  indelible retention set 'category:login+trail:shop 1y archive 90d, everything else forever'
  indelible retention set 'everything else 1y' --max-size-mb 50000 --floor 30d
  indelible retention set --preset pci-dss
  indelible retention set 'everything else 30d' --existing"
)]
pub struct RetentionSet {
    /// The policy, as a text
    #[arg(value_name = "POLICY", group = "what")]
    pub policy: Option<String>,
    /// A ready-made one; `retention presets` lists them
    #[arg(long, value_name = "NAME", group = "what")]
    pub preset: Option<String>,
    #[command(flatten)]
    pub bounds: Bounds,
    /// Also for what was recorded before, which may have been promised more: takes a second administrator
    #[arg(long)]
    pub existing: bool,
    #[command(flatten)]
    pub at: At,
}

/// How large the log may become.
#[derive(Clone, Debug, Args)]
pub struct Bounds {
    /// How large the log may become, in megabytes of 1,000,000 bytes: beyond it the oldest day goes first
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub max_size_mb: Option<u64>,
    /// What is younger does not go for want of room: 30d
    #[arg(long, value_name = "SPAN", value_parser = days, requires = "max_size_mb")]
    pub floor: Option<u32>,
}

/// Show what would go, and when, under the policy in force or another
///
/// Nothing is changed and nothing is recorded. Of each class and days: how many events, how many bytes, why,
/// and when; also what is held and so stays.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible retention preview
  indelible retention preview 'everything else 30d' --existing
  indelible retention preview --preset gdpr --json | jq '.going[].records'")]
pub struct RetentionPreview {
    /// The policy, as a text [default: the one in force]
    #[arg(value_name = "POLICY", conflicts_with = "preset")]
    pub policy: Option<String>,
    /// A ready-made one
    #[arg(long, value_name = "NAME")]
    pub preset: Option<String>,
    #[command(flatten)]
    pub bounds: Bounds,
    /// As if it were set with --existing
    #[arg(long)]
    pub existing: bool,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// What about holds.
#[derive(Debug, Subcommand)]
pub enum HoldCommand {
    Create(HoldCreate),
    /// List the holds: what, why, by whom, since when
    #[command(after_help = "\
Examples:
  indelible hold list
  indelible hold list --json | jq -r 'select(.released_at == null) | .query'")]
    List(ShapeAt),
    /// Let go of a hold: what it held expires from now on like everything else
    #[command(
        after_help = "Example:\n  indelible hold release 0190b1a0-0000-7000-8000-000000000000"
    )]
    Release(IdAt),
}

/// Hold what matches a query: it does not expire until the hold is released
///
/// What comes later and matches is held, too. A hold stops no erasure silently: erasing what is held is
/// refused and names the hold.
#[derive(Debug, Args)]
#[command(after_help = "\
The query is that of `search`: trail:, actor:, resource:, or anything else.

Examples:
  indelible hold create actor:maria --reason 'case 2026-117' --name maria
  indelible hold create trail:shop 'action:payment.*' --reason 'tax inspection 2026'
  indelible hold create resource:backup/db-0417 --reason 'incident of 20 November'")]
pub struct HoldCreate {
    /// What to hold
    #[arg(value_name = "QUERY", required = true)]
    pub query: Vec<String>,
    /// Why: it is recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// What to call it [default: the query]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Who answers for it: somebody, or a department [default: the credential that makes it]
    #[arg(long, value_name = "NAME")]
    pub owner: Option<String>,
    #[command(flatten)]
    pub at: At,
}

/// Ask to remove records before their time, which a second administrator has to confirm
///
/// What is held stays. Nothing is removed by this command: it makes a request, good for seven days.
#[derive(Debug, Args)]
#[command(
    group = ArgGroup::new("what").required(true),
    after_help = "\
Examples:
  indelible purge --class reads --until 2026-06-30 --reason 'asked for by the works council'
  indelible purge --query trail:staging --until 2026-10-31 --reason 'test data'
  indelible confirm 0190b1a0-… --key idl_…                by somebody else"
)]
pub struct Purge {
    /// A class of the policies, as `retention preview` names them
    #[arg(long, value_name = "CLASS", group = "what")]
    pub class: Option<String>,
    /// What matches this query
    #[arg(long, value_name = "QUERY", group = "what", allow_hyphen_values = true)]
    pub query: Option<String>,
    /// The last day (UTC), itself included: 2026-06-30
    #[arg(long, value_name = "DAY", value_parser = day)]
    pub until: String,
    /// Why: it is recorded
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    #[command(flatten)]
    pub at: At,
}

/// List what waits for a second administrator
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible requests
  indelible requests --json | jq -r 'select(.state == \"waiting\") | .id'")]
pub struct Requests {
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Confirm what another administrator asked for; then it is done
///
/// Whoever asked cannot confirm, and neither can a key that was made after the request. On a data directory
/// --key says who confirms, since without it everybody there is `local`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible confirm 0190b1a0-0000-7000-8000-000000000000 --key idl_…
  indelible confirm 0190b1a0-0000-7000-8000-000000000000 --subject maria --key idl_…")]
pub struct Confirm {
    /// The request's id, as `requests` shows it
    #[arg(value_name = "ID")]
    pub id: String,
    /// For an erasure: the subject once more, because the request holds only an HMAC of it; - is standard input
    #[arg(long, value_name = "ID")]
    pub subject: Option<String>,
    /// The same where a resource is erased
    #[arg(long, value_name = "TYPE/ID", conflicts_with = "subject")]
    pub resource: Option<String>,
    /// The same where single events are
    #[arg(long, value_name = "ID", conflicts_with_all = ["subject", "resource"])]
    pub event: Vec<String>,
    /// A spool to be looked through besides those of the request; can be given several times
    #[arg(long, value_name = "DIR")]
    pub spool: Vec<PathBuf>,
    #[command(flatten)]
    pub at: At,
}

/// Withdraw a request that nobody has confirmed yet
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  indelible withdraw 0190b1a0-0000-7000-8000-000000000000")]
pub struct Withdraw {
    /// The request's id, as `requests` shows it
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub at: At,
}

/// Whom to ask, and how to show it.
#[derive(Debug, Args)]
pub struct ShapeAt {
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Whom to ask.
#[derive(Debug, Args)]
pub struct AtOnly {
    #[command(flatten)]
    pub at: At,
}

/// One of them.
#[derive(Debug, Args)]
pub struct IdAt {
    /// Its id, as the list shows it
    #[arg(value_name = "ID")]
    pub id: String,
    #[command(flatten)]
    pub at: At,
}

/// A trail to look at.
#[derive(Clone, Debug, Args)]
pub struct OfTrail {
    /// Only this trail [default: all]
    #[arg(long, value_name = "TRAIL", value_parser = any_trail)]
    pub trail: Option<TrailName>,
}

/// `30d`, `8w`, `6m`, `7y`, or a bare number, as days. Months and years are rounded up, as in a policy.
pub fn days(text: &str) -> Result<u32, String> {
    let wrong = || format!("{text:?} is no span of days: say 30d, 8w, 6m or 7y");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let count: u64 = digits.parse().map_err(|_| wrong())?;
    // A year is 365 days and a quarter.
    let days = match &text[digits.len()..] {
        "" | "d" => Some(count),
        "w" => count.checked_mul(7),
        "m" => count.checked_mul(31),
        "y" => count.checked_mul(1461).map(|quarters| quarters.div_ceil(4)),
        _ => None,
    };
    days.and_then(|days| days.try_into().ok()).ok_or_else(wrong)
}

/// A day, as it is in the API.
pub fn day(text: &str) -> Result<String, String> {
    let wrong = |_| format!("{text:?} is no day: say 2026-06-30");
    text.parse::<jiff::civil::Date>().map(|day| day.to_string()).map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::days;

    #[test]
    fn spans_of_days_are_those_of_a_policy() {
        for (text, is) in
            [("30", 30), ("30d", 30), ("8w", 56), ("6m", 186), ("7y", 2557), ("1y", 366)]
        {
            assert_eq!(days(text), Ok(is), "{text}");
        }
        for text in ["", "d", "-3d", "3h", "99999999999999999999d", "9999999999y", "3 d"] {
            assert!(days(text).is_err(), "{text}");
        }
    }
}
