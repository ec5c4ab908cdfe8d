//! A policy's rules as text: `security 7y archive 90d, reads 30d, category:login+trail:shop 1y, everything else 90d`.
//!
//! What is printed reads back as the same rules, and a text that was printed prints as itself.

use std::fmt::{self, Write as _};

use indelible_event::{Outcome, TrailName};
use indelible_log::limits::RETENTION_DAYS_MAX;
use indelible_log::policy::{Policy, Rule, STANDARD, SYSTEM};

use crate::limits::{POLICY_TEXT_BYTES_MAX, SUGGESTION_DISTANCE_MAX};

/// A name for categories that are mostly kept alike.
pub struct Group {
    /// The name.
    pub name: &'static str,
    /// The categories.
    pub categories: &'static [&'static str],
}

/// The groups.
pub const GROUPS: [Group; 5] = [
    Group {
        name: "security",
        categories: &[
            "login",
            "login_failed",
            "authentication",
            "authorization",
            "permission_denied",
            "user_created",
            "admin_action",
            "config_change",
        ],
    },
    Group { name: "reads", categories: &["data_access"] },
    Group { name: "changes", categories: &["data_create", "data_modify", "data_delete"] },
    Group { name: "requests", categories: &["api_request", "api_request_error"] },
    Group {
        name: "operations",
        categories: &[
            "backend_operation",
            "vfs_operation",
            "wal_operation",
            "pin_operation",
            "journal_operation",
        ],
    },
];

const KEYS: [&str; 4] = ["trail", "category", "action", "outcome"];
const REST: &str = "everything else";
const FOREVER: &str = "forever";

/// Why a text is no policy, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct PolicyTextError {
    /// The first character concerned, counted from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
    /// What was perhaps meant.
    pub instead: Option<String>,
}

impl fmt::Display for PolicyTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at {}: {}", self.column, self.message)?;
        match &self.instead {
            Some(instead) => write!(f, "; perhaps {instead} was meant"),
            None => Ok(()),
        }
    }
}

/// The rules of a text. The last must be for `everything else`.
pub fn parse(text: &str) -> Result<Vec<Rule>, PolicyTextError> {
    let parser = Parser { text };
    if text.len() > POLICY_TEXT_BYTES_MAX {
        let message = format!("a policy's text is at most {POLICY_TEXT_BYTES_MAX} bytes");
        return Err(parser.error(POLICY_TEXT_BYTES_MAX, message));
    }
    let (mut rules, mut at) = (Vec::new(), 0);
    for piece in text.split(',') {
        rules.push(parser.rule(piece, at, &rules)?);
        at += piece.len() + 1;
    }
    let policy = Policy { rules, ..Policy::first() };
    // What no single rule can know: the last one, the number of them.
    match policy.check() {
        Ok(()) => Ok(policy.rules),
        Err(_) if policy.rules.last().is_some_and(|rule| !is_rest(rule)) => {
            let message = "say last what becomes of everything else".to_owned();
            let mut error = parser.error(text.trim_end().len(), message);
            error.instead = Some(format!("{}, {REST} {FOREVER}", text.trim()));
            Err(error)
        }
        Err(why) => Err(parser.error(0, why)),
    }
}

/// The text of rules, as [`parse`] reads it.
pub fn print(rules: &[Rule]) -> String {
    let mut out = String::new();
    for rule in rules {
        if !out.is_empty() {
            out.push_str(", ");
        }
        out.push_str(&what(rule));
        out.push(' ');
        out.push_str(&rule.days.map_or_else(|| FOREVER.into(), period));
        if let Some(days) = rule.archive_days {
            // Writing to a string cannot fail.
            let _ = write!(out, " archive {}", period(days));
        }
    }
    out
}

/// What a rule fits.
pub fn what(rule: &Rule) -> String {
    if is_rest(rule) {
        return REST.into();
    }
    let mut terms = Vec::new();
    let mut left: &[String] = &rule.categories;
    while let Some((first, rest)) = left.split_first() {
        let group = GROUPS.iter().find(|group| {
            let begins = left.iter().zip(group.categories).all(|(a, b)| a == b);
            left.len() >= group.categories.len() && begins
        });
        match group {
            Some(group) => {
                terms.push(group.name.to_owned());
                left = &left[group.categories.len()..];
            }
            None => {
                terms.push(format!("category:{first}"));
                left = rest;
            }
        }
    }
    terms.extend(rule.action.as_ref().map(|action| format!("action:{action}")));
    terms.extend(rule.outcome.as_ref().map(|outcome| format!("outcome:{outcome}")));
    terms.extend(rule.trail.as_ref().map(|trail| format!("trail:{trail}")));
    terms.join("+")
}

/// A number of days in the largest unit that says just as many.
pub fn period(days: u32) -> String {
    let years = (days / 366..=days / 365).find(|years| *years > 0 && year_days(*years) == days);
    match years {
        Some(years) => format!("{years}y"),
        None if days > 0 && days.is_multiple_of(31) => format!("{}m", days / 31),
        None => format!("{days}d"),
    }
}

/// The days of so many years, leap days included and none too few.
fn year_days(years: u32) -> u32 {
    (years * 1461).div_ceil(4)
}

fn is_rest(rule: &Rule) -> bool {
    rule.trail.is_none()
        && rule.categories.is_empty()
        && rule.action.is_none()
        && rule.outcome.is_none()
}

struct Parser<'a> {
    text: &'a str,
}

impl Parser<'_> {
    fn error(&self, at: usize, message: String) -> PolicyTextError {
        let before = &self.text[..self.text.floor_char_boundary(at)];
        PolicyTextError { column: before.chars().count() + 1, message, instead: None }
    }

    fn meant(
        &self,
        at: usize,
        message: String,
        word: &str,
        known: impl Iterator<Item = &'static str>,
    ) -> PolicyTextError {
        let near = |name: &&str| strsim::damerau_levenshtein(word, name);
        let best = known.min_by_key(near);
        let instead = best.filter(|name| near(name) <= SUGGESTION_DISTANCE_MAX);
        PolicyTextError { instead: instead.map(str::to_owned), ..self.error(at, message) }
    }

    /// One rule; `at` is where its piece begins.
    fn rule(&self, piece: &str, at: usize, before: &[Rule]) -> Result<Rule, PolicyTextError> {
        let words: Vec<(usize, &str)> = piece
            .split_whitespace()
            // Each word is a slice of the piece, so the distance of their beginnings is its place.
            .map(|word| (at + (word.as_ptr() as usize - piece.as_ptr() as usize), word))
            .collect();
        let Some(&(first_at, first)) = words.first() else {
            return Err(self.error(at, "a rule is missing here".into()));
        };
        let (mut rule, rest) = match words.as_slice() {
            [(_, "everything"), (_, "else"), rest @ ..] => (Rule::everything(), rest),
            [(_, "everything"), ..] => {
                let error = self.error(first_at, "say `everything else`".into());
                return Err(PolicyTextError { instead: Some(REST.into()), ..error });
            }
            [_, rest @ ..] => (self.terms(first, first_at)?, rest),
            [] => (Rule::everything(), &[][..]),
        };
        let end = at + piece.trim_end().len();
        let (keep, archive) = match rest {
            [keep] => (keep, None),
            [keep, (_, "archive"), archive] => (keep, Some(archive)),
            [_, (at, "archive")] => {
                let message = "say after how long it goes to the archive, such as 90d".into();
                return Err(self.error(at + "archive".len(), message));
            }
            [_, (at, word), ..] => {
                let message = format!("{word:?} is not expected here; a comma ends a rule");
                return Err(self.meant(*at, message, word, ["archive"].into_iter()));
            }
            [] => {
                let message = format!("say for how long, such as 90d, 7y or {FOREVER}");
                return Err(self.error(end, message));
            }
        };
        rule.days = if keep.1 == FOREVER { None } else { Some(self.days(keep.1, keep.0)?) };
        if let Some((at, word)) = archive {
            let days = self.days(word, *at)?;
            if rule.days.is_some_and(|keep| days >= keep) {
                let message = "it would expire before it goes to the archive".into();
                return Err(self.error(*at, message));
            }
            rule.archive_days = Some(days);
        }
        if before.iter().any(is_rest) {
            let message = format!("nothing fits after `{REST}`: it must come last");
            return Err(self.error(first_at, message));
        }
        if before.iter().any(|other| what(other) == what(&rule)) {
            return Err(self.error(first_at, format!("{} has a rule already", what(&rule))));
        }
        rule.class = class_name(&rule, before);
        Ok(rule)
    }

    /// `security`, `category:login+trail:shop`.
    fn terms(&self, text: &str, at: usize) -> Result<Rule, PolicyTextError> {
        let (mut rule, mut at) = (Rule::everything(), at);
        for term in text.split('+') {
            match term.split_once(':') {
                None => {
                    let Some(group) = GROUPS.iter().find(|group| group.name == term) else {
                        let message = format!(
                            "{term:?} is neither a group of categories nor one of trail:, category:, action: and outcome:"
                        );
                        let known = GROUPS.iter().map(|g| g.name).chain(["everything else"]);
                        return Err(self.meant(at, message, term, known));
                    };
                    for category in group.categories {
                        self.category(&mut rule, category, at)?;
                    }
                }
                Some((key, value)) => self.term(&mut rule, key, value, at)?,
            }
            at += term.len() + 1;
        }
        Ok(rule)
    }

    fn category(&self, rule: &mut Rule, name: &str, at: usize) -> Result<(), PolicyTextError> {
        if rule.categories.iter().any(|known| known == name) {
            return Err(self.error(at, format!("{name} is named twice")));
        }
        rule.categories.push(name.to_owned());
        Ok(())
    }

    fn term(
        &self,
        rule: &mut Rule,
        key: &str,
        value: &str,
        at: usize,
    ) -> Result<(), PolicyTextError> {
        let value_at = at + key.len() + 1;
        let slot = match key {
            "category" => {
                if !is_name(value, indelible_event::limits::CATEGORY_BYTES_MAX) {
                    let message = format!("{value:?} is no category: a-z, 0-9 and _");
                    return Err(self.error(value_at, message));
                }
                return self.category(rule, value, at);
            }
            "trail" => {
                if value != TrailName::system().as_str() {
                    TrailName::parse(value).map_err(|e| {
                        self.error(value_at, format!("{value:?} is no trail: it {e}"))
                    })?;
                }
                &mut rule.trail
            }
            "action" => {
                let most = indelible_event::limits::ACTION_BYTES_MAX;
                if value.len() > most || !value.split('.').all(|part| is_name(part, most)) {
                    let message =
                        format!("{value:?} is no action, such as backup or backup.delete");
                    return Err(self.error(value_at, message));
                }
                &mut rule.action
            }
            "outcome" => {
                if Outcome::from_name(value).is_none() {
                    let message = format!("{value:?} is no outcome");
                    let known = Outcome::ALL.iter().map(|outcome| outcome.name());
                    return Err(self.meant(value_at, message, value, known));
                }
                &mut rule.outcome
            }
            _ => {
                let message = format!("{key:?} is none of trail, category, action and outcome");
                return Err(self.meant(at, message, key, KEYS.into_iter()));
            }
        };
        if slot.is_some() {
            return Err(self.error(at, format!("{key}: is there twice")));
        }
        *slot = Some(value.to_owned());
        Ok(())
    }

    /// `90d`, `7y`.
    fn days(&self, text: &str, at: usize) -> Result<u32, PolicyTextError> {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let bad = |message: String| Err(self.error(at, message));
        let Ok(number) = text[..digits].parse::<u32>() else {
            let message = format!("{text:?} is no period, such as 90d, 4w, 6m, 7y or {FOREVER}");
            return Err(self.meant(at, message, text, [FOREVER, "archive"].into_iter()));
        };
        let days = match &text[digits..] {
            // So many years would not fit, and are too long in any case.
            _ if number > RETENTION_DAYS_MAX => RETENTION_DAYS_MAX + 1,
            "d" => number,
            "w" => number * 7,
            "m" => number * 31,
            "y" => year_days(number),
            "" => {
                return bad(format!("say the unit: {number}d, {number}w, {number}m or {number}y"));
            }
            unit => return bad(format!("{unit:?} is no unit: d, w, m (31 days) or y")),
        };
        if days > RETENTION_DAYS_MAX {
            let message = format!("longer than {RETENTION_DAYS_MAX} days; say {FOREVER}");
            return bad(message);
        }
        Ok(days)
    }
}

fn is_name(text: &str, bytes_max: usize) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
    (1..=bytes_max).contains(&text.len()) && text.bytes().all(plain)
}

/// A class that tells what is in it, and that no rule before has.
fn class_name(rule: &Rule, before: &[Rule]) -> String {
    const MOST: usize = indelible_log::limits::CLASS_BYTES_MAX - 4;
    if is_rest(rule) {
        return STANDARD.into();
    }
    let plain = |c: char| match c.to_ascii_lowercase() {
        c @ ('a'..='z' | '0'..='9') => c,
        _ => '_',
    };
    let words: Vec<String> = what(rule)
        .split('+')
        .map(|term| term.rsplit(':').next().unwrap_or(term).chars().map(plain).collect())
        .collect();
    let mut name = words.join("_");
    name.truncate(MOST);
    let taken = |name: &str| {
        name == SYSTEM || name == STANDARD || before.iter().any(|other| other.class == name)
    };
    if !taken(&name) {
        return name;
    }
    // A policy has fewer rules than this has numbers.
    let numbered = (2..1000).map(|n| format!("{name}_{n}")).find(|name| !taken(name));
    numbered.unwrap_or(name)
}

#[cfg(test)]
#[path = "policy_text_tests.rs"]
mod tests;
