//! The rules that come with the program, and their examples.
//!
//! Each file is a rule, with those that only it refers to behind it; what several refer to is in `base.yml`. Ids are for
//! ever: alerts, `watch.yaml` and people's own rules name them.

use crate::set::{File, Origin};

/// What several rules refer to. It gives no alerts.
const BASE: (&str, &str) = ("base", include_str!("../pack/base.yml"));

macro_rules! pack {
    ($($name:literal,)*) => {
        /// The name of each, its rules and its examples.
        const PACK: &[(&str, &str, &str)] = &[$((
            $name,
            include_str!(concat!("../pack/", $name, ".yml")),
            include_str!(concat!("../pack/", $name, ".test.yml")),
        )),*];
    };
}

pack! {
    "admin-key",
    "admin-new-address",
    "backup-deleted",
    "backup-failed",
    "backup-overdue",
    "break-glass",
    "brute-force",
    "brute-force-address",
    "brute-force-success",
    "bulk-deletion",
    "clock-skew",
    "copies-changed",
    "denials",
    "disk-low",
    "erasure-requested",
    "first-deletion",
    "grant-then-export",
    "heartbeat-missed",
    "hold-released",
    "impersonation",
    "key-burst",
    "key-new-address",
    "large-export",
    "log-restored",
    "made-public",
    "many-addresses",
    "many-exports",
    "many-secrets",
    "mass-deletion",
    "mfa-disabled",
    "mfa-flood",
    "never-deleted",
    "node-down",
    "node-failing",
    "off-hours-admin",
    "password-resets",
    "password-spray",
    "privilege-grant",
    "probing",
    "recorder-losses",
    "recording-paused",
    "records-to-go",
    "retention-changed",
    "review-overdue",
    "rules-changed",
    "rules-refused",
    "self-grant",
    "settings-burst",
    "short-lived-account",
    "sign-guard",
    "source-gap",
    "stream-failing",
    "stream-paused",
    "stream-set-aside",
    "transfers-failing",
    "unfinished",
    "unusual-deletions",
    "unusual-reads",
    "verification-failed",
}

/// Its files of rules.
pub fn files() -> Vec<File> {
    let rules = PACK.iter().map(|(name, rules, _)| (*name, *rules));
    [BASE].into_iter().chain(rules).map(|(name, text)| file(name, "yml", text)).collect()
}

/// Its files of examples.
pub fn trials() -> Vec<File> {
    PACK.iter().map(|(name, _, trial)| file(name, "test.yml", trial)).collect()
}

fn file(name: &str, ending: &str, text: &str) -> File {
    let name = format!("pack/{name}.{ending}").into();
    File { name, text: text.into(), origin: Origin::Pack }
}
