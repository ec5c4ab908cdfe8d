//! Retention policies: which class a record is of, and how long a class is kept.
//!
//! A policy is a short list of rules; the first that fits a record names its class. Policies have numbers
//! and are never changed: a new one takes the place of the last, and the number stands in each segment that
//! was sealed under it, so that verification computes each class anew.

use std::fmt;

use indelible_event::{Entry, Part, Phase, TrailName};
use serde::{Deserialize, Serialize};

use crate::limits;
use crate::record::{PartRef, Record, TrailNo};

/// The class of what the node says of itself. It explains everything else and never expires.
pub const SYSTEM: &str = "system";
/// The class of what no other rule names.
pub const STANDARD: &str = "standard";

/// The action of the event in `_system` that sets a policy; its details are the policy.
pub const SET: &str = "retention.set";

/// A retention policy.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Policy {
    /// Its number: 1 is the one that every log begins with.
    pub number: u32,
    /// The rules, the first that fits counts. The last fits everything.
    pub rules: Vec<Rule>,
    /// How large the log may become: beyond it the oldest goes first, before its time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes_max: Option<u64>,
    /// What is younger, in days, does not go for want of room.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub floor_days: u32,
    /// Whether it also shortens what earlier policies promised to records that were there already.
    #[serde(default, skip_serializing_if = "is_false")]
    pub existing: bool,
}

/// One rule: what it fits, and for how long that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The class of what fits: `[a-z0-9_]`, at most 64 bytes, no two rules of a policy the same.
    pub class: String,
    /// The trail's name, if it must be this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    /// The category must be one of these, if there are any.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// The action, or what it begins with up to a dot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The outcome, if it must be this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<String>,
    /// How many days it is kept, counted from the end of the day it was recorded; for ever if none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<u32>,
    /// After how many days its segments leave this disk for the archive, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive_days: Option<u32>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

fn is_false(b: &bool) -> bool {
    !b
}

impl Policy {
    /// The policy that every log begins with: everything for ever.
    pub fn first() -> Policy {
        let rule = Rule { class: STANDARD.into(), ..Rule::everything() };
        Policy { number: 1, rules: vec![rule], bytes_max: None, floor_days: 0, existing: false }
    }

    /// The rule that a class of this policy stands for; none for [`SYSTEM`].
    pub fn rule(&self, class: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.class == class)
    }

    /// The class of a record. A record of `_system` has a class of a rule only if it is a record of reading
    /// and the rule names `_system`: all else there explains the rest of the log.
    pub fn class(&self, trail: &str, entry: &Entry<'_>) -> &str {
        if trail == TrailName::system().as_str() {
            let reading = entry.category == Some("data_access");
            let named = |rule: &&Rule| rule.trail.as_deref() == Some(trail);
            let mut rules = self.rules.iter().filter(named).filter(|_| reading);
            return rules.find(|rule| rule.fits(trail, entry)).map_or(SYSTEM, |rule| &rule.class);
        }
        let fits = self.rules.iter().find(|rule| rule.fits(trail, entry));
        fits.map_or(STANDARD, |rule| &rule.class)
    }

    /// Why it cannot be a policy, if so.
    pub fn check(&self) -> Result<(), String> {
        let Some((last, before)) = self.rules.split_last() else {
            return Err("a policy has at least one rule".into());
        };
        if self.rules.len() > limits::POLICY_RULES_MAX {
            return Err(format!("a policy has at most {} rules", limits::POLICY_RULES_MAX));
        }
        if !last.is_everything() {
            return Err("the last rule must be for everything else".into());
        }
        if let Some(early) = before.iter().find(|rule| rule.is_everything()) {
            return Err(format!("after {early} nothing else would ever fit"));
        }
        for (at, rule) in self.rules.iter().enumerate() {
            rule.check()?;
            if self.rules[..at].iter().any(|other| other.class == rule.class) {
                return Err(format!("two rules have the class {}", rule.class));
            }
        }
        Ok(())
    }
}

/// The policy that a record of `_system` sets, if it is one that does. Members beside the policy's, as who
/// asked for it, are passed over.
pub fn told(record: &Record<'_>) -> Option<Policy> {
    #[derive(Deserialize)]
    struct What {
        details: Details,
    }
    #[derive(Deserialize)]
    struct Details {
        number: u32,
        rules: Vec<Rule>,
        #[serde(default)]
        bytes_max: Option<u64>,
        #[serde(default)]
        floor_days: u32,
        #[serde(default)]
        existing: bool,
    }
    let sets = record.trail == TrailNo(0)
        && record.entry.action == SET
        && record.entry.phase != Some(Phase::Outcome);
    let PartRef::Kept(what) = record.parts[Part::What as usize] else { return None };
    let details = sets.then(|| serde_json::from_slice::<What>(what).ok()).flatten()?.details;
    let Details { number, rules, bytes_max, floor_days, existing } = details;
    let policy = Policy { number, rules, bytes_max, floor_days, existing };
    policy.check().is_ok().then_some(policy)
}

impl Rule {
    /// A rule that fits everything, of no class yet, for ever.
    pub fn everything() -> Rule {
        Rule {
            class: String::new(),
            trail: None,
            categories: Vec::new(),
            action: None,
            outcome: None,
            days: None,
            archive_days: None,
        }
    }

    fn is_everything(&self) -> bool {
        self.trail.is_none()
            && self.categories.is_empty()
            && self.action.is_none()
            && self.outcome.is_none()
    }

    /// Whether it fits a record.
    pub fn fits(&self, trail: &str, entry: &Entry<'_>) -> bool {
        let begins = |prefix: &String| {
            entry
                .action
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.trail.as_deref().is_none_or(|name| name == trail)
            && (self.categories.is_empty()
                || entry.category.is_some_and(|is| self.categories.iter().any(|c| c == is)))
            && self.action.as_ref().is_none_or(begins)
            && self.outcome.as_deref().is_none_or(|is| is == entry.outcome.name())
    }

    fn check(&self) -> Result<(), String> {
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let class = &self.class;
        if !(1..=limits::CLASS_BYTES_MAX).contains(&class.len()) || !class.bytes().all(plain) {
            return Err(format!(
                "{class:?} is no name of a class: lower-case letters, digits and _"
            ));
        }
        if class == SYSTEM {
            return Err("the class system is what the node says of itself, and has no rule".into());
        }
        if self.days.is_some_and(|days| days > limits::RETENTION_DAYS_MAX) {
            return Err(format!("{class}: more than {} days", limits::RETENTION_DAYS_MAX));
        }
        if let (Some(days), Some(archive)) = (self.days, self.archive_days)
            && archive >= days
        {
            return Err(format!("{class}: it would expire before it goes to the archive"));
        }
        Ok(())
    }
}

impl fmt::Display for Rule {
    /// What it fits and for how long, as a policy's text says it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.class)?;
        match self.days {
            Some(days) => write!(f, " {days}d")?,
            None => f.write_str(" forever")?,
        }
        match self.archive_days {
            Some(days) => write!(f, " archive {days}d"),
            None => Ok(()),
        }
    }
}
