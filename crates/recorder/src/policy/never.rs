//! What no list and no rate may leave out, in one table.

use indelible_event::{Outcome, Phase};

/// What makes an event too important to be left out: whatever is given here is true of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Its category (event type).
    pub category: Option<&'static str>,
    /// Its action. `*` stands for any characters; `*.` at the beginning also for nothing, so that `*.delete` is `delete`,
    /// too.
    pub action: Option<&'static str>,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// Which part of a story it tells.
    pub phase: Option<Phase>,
}

const ANY: Rule = Rule { category: None, action: None, outcome: None, phase: None };

const fn category(name: &'static str) -> Rule {
    Rule { category: Some(name), ..ANY }
}

const fn action(pattern: &'static str) -> Rule {
    Rule { action: Some(pattern), ..ANY }
}

const fn outcome(outcome: Outcome) -> Rule {
    Rule { outcome: Some(outcome), ..ANY }
}

const fn phase(phase: Phase) -> Rule {
    Rule { phase: Some(phase), ..ANY }
}

/// What is never muted and never sampled away: an event to which one of these rows applies.
///
/// | what | by category | by action | else |
/// |---|---|---|---|
/// | logins | `login`, `login_failed`, `logout`, `authentication` | `*.login`, `*.login_*`, `*.logout` | |
/// | what is allowed | `authorization`, `permission_denied` | `permission.*`, `role.*` | outcome denied |
/// | keys and credentials | | `api_key.*`, `key.*`, `*.revoke`, `*.password_*`, `*.mfa_*` | |
/// | administration | `admin_action`, `config_change` | `admin.*`, `config.*` | |
/// | new users | `user_created` | `user.create`, `user.register` | |
/// | acting as another | | `*.impersonate`, `*.impersonate_*` | |
/// | deletions | `data_delete` | `*.delete`, `*.delete_*`, `*_delete`, `*.remove`, `*.remove_*`, `*.purge`, `*.purge_*`, `*.erase`, `*.erase_*`, `*.destroy`, `*.drop` | |
/// | data that leaves | | `*.export`, `*.export_*` | |
/// | what went wrong | `api_request_error` | | outcome failure, error |
/// | stories of several events | | | phase intent, outcome, correction |
/// | the recorder's own | | `audit.*` | |
pub const NEVER_LEFT_OUT: &[Rule] = &[
    category("login"),
    category("login_failed"),
    category("logout"),
    category("authentication"),
    action("*.login"),
    action("*.login_*"),
    action("*.logout"),
    category("authorization"),
    category("permission_denied"),
    action("permission.*"),
    action("role.*"),
    outcome(Outcome::Denied),
    action("api_key.*"),
    action("key.*"),
    action("*.revoke"),
    action("*.password_*"),
    action("*.mfa_*"),
    category("admin_action"),
    category("config_change"),
    action("admin.*"),
    action("config.*"),
    category("user_created"),
    action("user.create"),
    action("user.register"),
    action("*.impersonate"),
    action("*.impersonate_*"),
    category("data_delete"),
    action("*.delete"),
    action("*.delete_*"),
    action("*_delete"),
    action("*.remove"),
    action("*.remove_*"),
    action("*.purge"),
    action("*.purge_*"),
    action("*.erase"),
    action("*.erase_*"),
    action("*.destroy"),
    action("*.drop"),
    action("*.export"),
    action("*.export_*"),
    category("api_request_error"),
    outcome(Outcome::Failure),
    outcome(Outcome::Error),
    phase(Phase::Intent),
    phase(Phase::Outcome),
    phase(Phase::Correction),
    action("audit.*"),
];

impl Rule {
    /// Whether it applies to an event.
    pub fn applies(
        &self,
        action: &str,
        category: &str,
        outcome: Outcome,
        phase: Option<Phase>,
    ) -> bool {
        self.category.is_none_or(|name| name == category)
            && self.outcome.is_none_or(|asked| asked == outcome)
            && self.phase.is_none_or(|asked| phase == Some(asked))
            && self.action.is_none_or(|pattern| matches(pattern, action))
    }
}

/// Whether an event must be recorded whatever list and rates say: one of [`NEVER_LEFT_OUT`] applies.
///
/// ```
/// use indelible_recorder::{Outcome, is_never_left_out};
///
/// assert!(is_never_left_out("pin.remove", "pin_operation", Outcome::Success, None));
/// assert!(is_never_left_out("file.read", "vfs_operation", Outcome::Denied, None));
/// assert!(!is_never_left_out("file.read", "vfs_operation", Outcome::Success, None));
/// ```
pub fn is_never_left_out(
    action: &str,
    category: &str,
    outcome: Outcome,
    phase: Option<Phase>,
) -> bool {
    NEVER_LEFT_OUT.iter().any(|rule| rule.applies(action, category, outcome, phase))
}

fn matches(pattern: &str, action: &str) -> bool {
    match pattern.strip_prefix("*.") {
        // At the beginning, or behind any point.
        Some(rest) => {
            follows(rest, action)
                || action.match_indices('.').any(|(point, _)| follows(rest, &action[point + 1..]))
        }
        None => follows(pattern, action),
    }
}

/// A pattern with at most one `*`, at its beginning or end.
fn follows(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => text.ends_with(end),
        (None, Some(begin)) => text.starts_with(begin),
        (None, None) => text == pattern,
    }
}
