//! What there is to do about one alert, and what it says.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::Micros;
use indelible_rules::limits::VALUE_BYTES_MAX;
use indelible_rules::model::{CorrelationKind, Kind, Path};
use indelible_rules::{Firing, Level, Rule, RuleNo, RuleSet};
use serde::{Deserialize, Serialize};

use super::decide::Context;
use super::{Alert, AlertDetail};
use crate::limits::SUMMARY_BYTES_MAX;
use crate::settings::{Channel, Only, Settings};

/// What there is to do about an alert.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Care {
    /// What the rule is called: its id, name and title.
    called: Vec<Arc<str>>,
    /// When it has waited for too long.
    #[serde(with = "crate::moment::maybe")]
    pub escalate_at: Option<Micros>,
    /// When it was last recorded how far it has counted.
    #[serde(with = "crate::moment")]
    pub repeated_at: Micros,
    /// Channels that are told when their quiet hours end: until then, in microseconds.
    #[serde(with = "held")]
    pub held: BTreeMap<Arc<str>, Micros>,
}

impl Care {
    pub fn new(alert: &Alert, rule: &Rule, settings: &Settings) -> Care {
        let called = [Some(&rule.id), rule.name.as_ref(), Some(&rule.title)];
        Care {
            called: called.into_iter().flatten().cloned().collect(),
            escalate_at: escalate_at(alert, settings),
            repeated_at: alert.opened_at,
            held: BTreeMap::new(),
        }
    }

    /// Of an alert of which nothing is known but what is recorded: channels that were not told are told soon.
    pub fn anew(detail: &AlertDetail, context: Context<'_>) -> Care {
        let (alert, history) = (&detail.alert, &detail.more.history);
        let rule = context.rules.find(&alert.rule.id).map(|no| context.rules.get(no));
        let name = rule.and_then(|rule| rule.name.clone());
        let called = [Some(Arc::clone(&alert.rule.id)), name, Some(Arc::clone(&alert.rule.title))];
        let repeats = history.iter().rev().find(|step| *step.action == *"alert.repeat");
        let mut care = Care {
            called: called.into_iter().flatten().collect(),
            escalate_at: escalate_at(alert, context.settings),
            repeated_at: repeats.map_or(alert.opened_at, |step| step.at),
            held: BTreeMap::new(),
        };
        for channel in &context.settings.channels {
            let told = history.iter().any(|step| {
                *step.action == *"alert.notify" && step.note.as_deref() == Some(&*channel.name)
            });
            let at_once = channel.only != Some(Only::Escalations);
            if !told && at_once && care.is_for(channel, alert.rule.level) {
                care.held.insert(Arc::clone(&channel.name), alert.opened_at);
            }
        }
        care
    }

    pub fn is_for(&self, channel: &Channel, level: Level) -> bool {
        channel.wants(level, self.called.iter().map(|called| &**called))
    }

    /// When there is something to do.
    pub fn next(&self) -> Option<Micros> {
        self.held.values().copied().chain(self.escalate_at).min()
    }
}

/// When an alert has waited for too long; `None` if it cannot, or has.
pub(super) fn escalate_at(alert: &Alert, settings: &Settings) -> Option<Micros> {
    let escalate = settings.escalate.as_ref()?;
    let can = alert.escalated_at.is_none() && alert.rule.level >= escalate.levels;
    can.then(|| Micros(alert.opened_at.0.saturating_add(escalate.after.0.0)))
}

/// A text's front, without what could pretend to be something else on a terminal.
pub(super) fn cut(text: &str, max: usize) -> Arc<str> {
    let end = text.floor_char_boundary(max);
    if end < text.len() { format!("{}…", &text[..end]).into() } else { text.into() }
}

/// What an alert says, in a line: the rule, its group, and what is remarkable.
pub(super) fn summary(rule: &Rule, firing: &Firing) -> String {
    let mut said = rule.title.to_string();
    let values: Vec<&str> = firing.group.iter().map(|(_, value)| &**value).collect();
    if !values.is_empty() {
        said += &format!(": {}", values.join(", "));
    }
    let counted = match &rule.kind {
        Kind::Correlation(correlation) => match &correlation.kind {
            CorrelationKind::EventCount { .. } if firing.count == 1 => None,
            CorrelationKind::EventCount { .. } => Some(format!("{} times", firing.count)),
            CorrelationKind::ValueCount { field, .. } => {
                Some(format!("{} different {}", firing.count, field.name))
            }
            _ => None,
        },
        Kind::Event(_) => None,
    };
    if let Some(remarkable) = firing.note.clone().or(counted) {
        said += &format!(" ({remarkable})");
    }
    let line: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    cut(&line, SUMMARY_BYTES_MAX).to_string()
}

/// What finds what fired, in the query language: the group in its time, or else the very events.
pub(super) fn query(rules: &RuleSet, firing: &Firing) -> String {
    if matches!(rules.get(firing.rule).kind, Kind::Event(_)) {
        return query_of_events(firing);
    }
    let conditions = firing.group.iter().map(|(name, value)| {
        let key = path(rules, firing.rule, name).and_then(|path| key(&path))?;
        // A longer one is not there as a whole.
        (value.len() < VALUE_BYTES_MAX).then(|| format!("{key}:{}", quoted(value)))
    });
    let conditions: Option<Vec<String>> = conditions.collect();
    match conditions.filter(|conditions| !conditions.is_empty()) {
        Some(conditions) => {
            let (first, last) = (firing.first, firing.last);
            format!("{} occurred:{first}..{last}", conditions.join(" "))
        }
        None => query_of_events(firing),
    }
}

/// What finds the events that are named.
pub(super) fn query_of_events(firing: &Firing) -> String {
    let ids: Vec<String> = firing.events.iter().map(|event| event.id.0.to_string()).collect();
    format!("id:{}", ids.join(","))
}

/// Where a value of a group is found in events; a correlation of correlations has it from below.
fn path(rules: &RuleSet, rule: RuleNo, name: &str) -> Option<Path> {
    let Kind::Correlation(correlation) = &rules.get(rule).kind else { return None };
    let field = correlation.group_by.iter().find(|field| *field.name == *name)?;
    let own = field.of.iter().flatten().next().cloned();
    own.or_else(|| correlation.of.iter().find_map(|below| path(rules, *below, name)))
}

/// A path as a key of the query language, where it has one.
fn key(path: &Path) -> Option<String> {
    const HEADS: [&str; 5] = ["details", "context", "error", "changes", "actor"];
    const WHOLE: [&str; 7] =
        ["action", "category", "outcome", "trail", "recorded_by", "credential_subject", "phase"];
    const DEEP: [&str; 4] = ["targets.id", "targets.type", "targets.name", "source.id"];
    let plain = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
    };
    if !path.iter().all(|part| plain(part)) {
        return None;
    }
    let joined = path.join(".");
    let known = match path.len() {
        1 => WHOLE.contains(&&*joined),
        _ => HEADS.contains(&&*path[0]) || DEEP.contains(&&*joined),
    };
    known.then_some(joined)
}

fn quoted(value: &str) -> String {
    format!("\"{}\"", value.replace('\\', "\\\\").replace('"', "\\\""))
}

/// Times as numbers: a map has them by name.
mod held {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use indelible_event::Micros;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(
        held: &BTreeMap<Arc<str>, Micros>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(held.iter().map(|(name, until)| (name, until.0)))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Arc<str>, Micros>, D::Error> {
        let read = <BTreeMap<Arc<str>, i64>>::deserialize(from)?;
        Ok(read.into_iter().map(|(name, until)| (name, Micros(until))).collect())
    }
}
