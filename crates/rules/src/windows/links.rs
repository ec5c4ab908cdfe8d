//! Which correlations go on with what a correlation has found.

use crate::model::{Correlation, CorrelationKind, GroupField, Kind};
use crate::set::RuleSet;

use super::window::Group;

/// That a correlation refers to another.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The one that refers.
    pub(super) to: usize,
    /// As which of its rules.
    pub(super) member: usize,
    /// Where its values are in the group of the other; `None` if one of them is not there, so that nothing goes on.
    group: Option<Vec<usize>>,
    /// The same of the value that it counts.
    value: Option<usize>,
}

impl Link {
    /// The group that something found goes into, and its value.
    pub(super) fn values(&self, group: &Group) -> Option<(Group, Option<Box<str>>)> {
        let of: Option<Vec<Box<str>>> =
            self.group.as_ref()?.iter().map(|at| group.get(*at).cloned()).collect();
        Some((of?.into(), self.value.and_then(|at| group.get(at).cloned())))
    }
}

/// For each rule, the correlations that refer to it; none for those of one event, which the matcher feeds.
pub(super) fn links(rules: &RuleSet) -> Vec<Vec<Link>> {
    let mut links = vec![Vec::new(); rules.rules.len()];
    for (to, rule) in rules.rules.iter().enumerate() {
        let Kind::Correlation(correlation) = &rule.kind else { continue };
        for (member, of) in correlation.of.iter().enumerate() {
            let Some(Kind::Correlation(other)) =
                rules.rules.get(of.0 as usize).map(|rule| &rule.kind)
            else {
                continue;
            };
            links[of.0 as usize].push(link(to, member, correlation, other));
        }
    }
    links
}

fn link(to: usize, member: usize, correlation: &Correlation, other: &Correlation) -> Link {
    let place = |field: &GroupField| other.group_by.iter().position(|by| by.name == field.name);
    let value = match &correlation.kind {
        CorrelationKind::ValueCount { field, .. } | CorrelationKind::FirstSeen { field, .. } => {
            place(field)
        }
        _ => None,
    };
    Link { to, member, group: correlation.group_by.iter().map(place).collect(), value }
}
