//! Rules, alerts and reviews.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::asking::{At, Shape};
use super::keeping::ShapeAt;

/// What about rules.
#[derive(Debug, Subcommand)]
pub enum RulesCommand {
    Check(RulesCheck),
    Test(RulesTest),
    Backtest(RulesBacktest),
    List(RulesList),
    /// Show a rule: what it means, what to do when it fires, how it did, and its YAML
    #[command(after_help = "\
Examples:
  indelible rules show indelible-password-spray
  indelible rules show 'Password spray'")]
    Show(RulesShow),
}

/// Read a folder of rules, mappings and settings, and say what is loaded, what is refused and why
///
/// No node is needed. The rules that come with the program are read, too, unless `watch.yaml` leaves them out.
#[derive(Debug, Args)]
#[command(after_help = "\
Exit status: 0 if all of it makes sense, 1 if something is refused, 3 if the folder cannot be read.

Examples:
  indelible rules check ./watch
  indelible rules check ./watch --json | jq -r '.refused[] | \"\\(.file):\\(.line): \\(.reason)\"'")]
pub struct RulesCheck {
    /// The folder [default: only the rules that come with the program]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// Run the examples beside the rules: rules/x.test.yml belongs to rules/x.yml
///
/// Each case is a history of its own. What it names under `fires` must fire, and the other rules of the file that
/// it is beside must not. Without a folder, the examples of the rules that come with the program are run.
#[derive(Debug, Args)]
#[command(after_help = "\
An example:
  - name: ten people from one address
    events:
      - { action: user.login, outcome: failure, user_id: \"u{n}\", ip_address: 203.0.113.9, times: 10, every: 10s }
    fires: [ Password spray ]

Exit status: 0 if every example holds, 1 if one does not or cannot be read.

Examples:
  indelible rules test ./watch
  indelible rules test ./watch --all              also those that hold")]
pub struct RulesTest {
    /// The folder [default: the rules that come with the program]
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// Show every case, not only those that do not hold
    #[arg(long)]
    pub all: bool,
}

/// Say what rules would have found in the past, before they are enabled
///
/// A node looks through what it has recorded. It alerts nobody, and changes nothing.
#[derive(Debug, Args)]
#[command(after_help = "\
With a folder its rules are tried, without one those that the node has loaded.

Examples:
  indelible rules backtest --since 30d ./watch
  indelible rules backtest --since 2026-11-01 --until 2026-11-15 --rule indelible-brute-force
  indelible rules backtest --since 30d ./watch --json | jq '.rules[] | {title, alerts}'")]
pub struct RulesBacktest {
    /// A folder of rules that the node does not have yet
    #[arg(value_name = "DIR")]
    pub dir: Option<PathBuf>,
    /// From when on: 30d, 12h, 2026-11-20
    #[arg(long, value_name = "TIME", default_value = "30d", allow_hyphen_values = true)]
    pub since: String,
    /// Until when; a date is meant whole [default: now]
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// Only this rule, by its id; can be given several times
    #[arg(long = "rule", value_name = "ID")]
    pub rules: Vec<String>,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// List the rules that a node has loaded: how often each fired, when last, and what it costs
///
/// What the node refused of its folder is told below, with file, line and reason.
#[derive(Debug, Args)]
#[command(after_help = "\
MATCHED and FIRED count since the node started. COST is what an event costs on average.

Examples:
  indelible rules list
  indelible rules list --all                      also those that only other rules refer to
  indelible rules list --json | jq -r 'select(.fired > 0) | [.id, .fired] | @tsv'")]
pub struct RulesList {
    /// Also rules that give no alerts, as others refer to them
    #[arg(long)]
    pub all: bool,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// A rule, and where it is.
#[derive(Debug, Args)]
pub struct RulesShow {
    /// The rule's id, name or title
    #[arg(value_name = "RULE")]
    pub rule: String,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// What about alerts.
#[derive(Debug, Subcommand)]
pub enum AlertsCommand {
    List(AlertsList),
    /// Show an alert: what it means, what to do, the events it is about, and what became of it
    #[command(after_help = "Example:\n  indelible alerts show 0192aa")]
    Show(AlertShow),
    /// Say that you look after an alert: it is not escalated any more
    #[command(
        visible_alias = "acknowledge",
        after_help = "Example:\n  indelible alerts ack 0192aa"
    )]
    Ack(AlertAck),
    /// Give an alert to somebody
    #[command(after_help = "Example:\n  indelible alerts assign 0192aa --to maria")]
    Assign(AlertAssign),
    /// Write something down about an alert
    #[command(
        after_help = "Example:\n  indelible alerts comment 0192aa --note 'asked Jonas, it was the drill'"
    )]
    Comment(AlertNote),
    /// Close an alert, with a note that says how it ended
    ///
    /// When the same rule fires again for the same group, a new alert is opened.
    #[command(
        after_help = "Example:\n  indelible alerts close 0192aa --note 'a script with an old password; it has the new one'"
    )]
    Close(AlertNote),
    /// Send a test through a channel of watch.yaml
    #[command(after_help = "Example:\n  indelible alerts test on-call")]
    Test(AlertTest),
}

/// The state of an alert.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AlertState {
    /// Nobody has looked at it
    Open,
    /// Somebody looks after it
    Acknowledged,
    /// It is over
    Closed,
}

impl AlertState {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            AlertState::Open => "open",
            AlertState::Acknowledged => "acknowledged",
            AlertState::Closed => "closed",
        }
    }
}

/// List the alerts, the newest first
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  indelible alerts list
  indelible alerts list --state open --level critical
  indelible alerts list --assignee maria --json | jq -r .summary")]
pub struct AlertsList {
    /// Only those in this state
    #[arg(long, value_name = "STATE")]
    pub state: Option<AlertState>,
    /// Only those of this rule, by its id or title
    #[arg(long, value_name = "RULE")]
    pub rule: Option<String>,
    /// Only those of this level
    #[arg(long, value_name = "LEVEL", value_parser = ["informational", "low", "medium", "high", "critical"])]
    pub level: Option<String>,
    /// Only those of this person
    #[arg(long, value_name = "NAME")]
    pub assignee: Option<String>,
    /// At most so many
    #[arg(short = 'n', long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub limit: u32,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// An alert, and how to show it.
#[derive(Debug, Args)]
pub struct AlertShow {
    /// The alert's id, or how it begins
    #[arg(value_name = "ALERT")]
    pub alert: String,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// An alert, and where it is.
#[derive(Debug, Args)]
pub struct AlertOne {
    /// The alert's id, or how it begins
    #[arg(value_name = "ALERT")]
    pub alert: String,
    #[command(flatten)]
    pub at: At,
}

/// Whom an alert is given to.
#[derive(Debug, Args)]
pub struct AlertAssign {
    #[command(flatten)]
    pub one: AlertOne,
    /// To whom
    #[arg(long, value_name = "NAME")]
    pub to: String,
}

/// Who looks after an alert.
#[derive(Debug, Args)]
pub struct AlertAck {
    #[command(flatten)]
    pub one: AlertOne,
    /// What there is to say already
    #[arg(long, value_name = "TEXT")]
    pub note: Option<String>,
}

/// What is said about an alert.
#[derive(Debug, Args)]
pub struct AlertNote {
    #[command(flatten)]
    pub one: AlertOne,
    /// What there is to say
    #[arg(long, value_name = "TEXT")]
    pub note: String,
}

/// A channel.
#[derive(Debug, Args)]
pub struct AlertTest {
    /// The channel's name in watch.yaml
    #[arg(value_name = "CHANNEL")]
    pub channel: String,
    #[command(flatten)]
    pub at: At,
}

/// What about reviews.
#[derive(Debug, Subcommand)]
pub enum ReviewsCommand {
    /// List the days or weeks that are reviewed: which are signed, which are due
    #[command(after_help = "\
Examples:
  indelible reviews list
  indelible reviews list --json | jq -r 'select(.state == \"overdue\") | .period'")]
    List(ShapeAt),
    /// Show a review: what fired, failed log-ins, what admins did, exports, changes to the audit system itself
    #[command(after_help = "\
Examples:
  indelible reviews show 2026-11-21
  indelible reviews show 2026-W47 --events        also the events of each section")]
    Show(ReviewShow),
    Sign(ReviewSign),
}

/// A review, and how to show it.
#[derive(Debug, Args)]
pub struct ReviewShow {
    /// The day (2026-11-21, UTC) or the week (2026-W47)
    #[arg(value_name = "PERIOD")]
    pub period: String,
    /// Also the newest events of each section
    #[arg(long)]
    pub events: bool,
    #[command(flatten)]
    pub shape: Shape,
    #[command(flatten)]
    pub at: At,
}

/// Sign a review off: that you looked at it is recorded, with your note and the SHA-256 of what it showed
#[derive(Debug, Args)]
#[command(after_help = "\
With --digest, as `reviews show` prints it, nothing is signed if the review shows something else by now. Without it,
what it shows now is signed.

Examples:
  indelible reviews sign 2026-11-21 --note 'two failed log-ins of mine; the rest is as planned'
  indelible reviews sign 2026-11-21 --note 'as planned' --digest 6b1f…")]
pub struct ReviewSign {
    /// The day (2026-11-21, UTC) or the week (2026-W47)
    #[arg(value_name = "PERIOD")]
    pub period: String,
    /// What there is to say
    #[arg(long, value_name = "TEXT")]
    pub note: String,
    /// The digest of what you looked at
    #[arg(long, value_name = "SHA256")]
    pub digest: Option<String>,
    #[command(flatten)]
    pub at: At,
}
