//! What was promised to a record: the longest that any policy since it was sealed would keep it. A policy that keeps
//! longer counts at once for everything; one that keeps shorter counts only for what is sealed under it or later,
//! unless two people let it count for what was there already.

use indelible_event::{Day, Entry, Micros};
use indelible_log::policy::{Policy, Rule};

const DAY_MICROS: i64 = 86_400_000_000;

/// The policies whose promises count for what was sealed under the policy of this number.
pub fn promising(policies: &[Policy], sealed: u32) -> &[Policy] {
    let existing = policies.iter().filter(|policy| policy.existing).map(|policy| policy.number);
    let from = existing.max().unwrap_or(0).max(sealed);
    let at = policies.iter().position(|policy| policy.number >= from);
    // A number that is not known promises what all of them do.
    at.map_or(policies, |at| &policies[at..])
}

/// When what was recorded on a day has been kept for so long; never, if that is for ever.
pub fn due_at(day: Day, days: Option<u32>) -> Option<Micros> {
    let after = i64::from(day.0).saturating_add(1).saturating_add(i64::from(days?));
    Some(Micros(after.saturating_mul(DAY_MICROS)))
}

/// When a policy lets records of a class go. Of classes that are no rule's, never.
pub fn class_due_at(policy: &Policy, class: &str, day: Day) -> Option<Micros> {
    policy.rule(class).and_then(|rule| due_at(day, rule.days))
}

/// When a policy lets a record go.
pub fn record_due_at(policy: &Policy, trail: &str, entry: &Entry<'_>, day: Day) -> Option<Micros> {
    class_due_at(policy, policy.class(trail, entry), day)
}

/// What a policy says of all records of a day, whatever they are: the earliest and the latest that any may go.
/// `system` says whether records of the node's own are among them, which most rules do not concern.
pub fn bounds(policy: &Policy, day: Day, system: bool) -> (Option<Micros>, Option<Micros>) {
    let ends: Vec<Option<Micros>> =
        policy.rules.iter().map(|rule: &Rule| due_at(day, rule.days)).collect();
    let earliest = ends.iter().copied().flatten().min();
    // One of them that is for ever makes the latest for ever.
    let latest = ends.iter().copied().collect::<Option<Vec<Micros>>>();
    (earliest, latest.filter(|_| !system).and_then(|ends| ends.into_iter().max()))
}

/// How large the log may become for the sake of records with these promises, and from when on they may go for want
/// of room; `None` if one of them says nothing of room, so that it was promised that they stay.
pub fn room(promises: &[Policy], day: Day) -> Option<(u64, Micros)> {
    let mut bytes = 0;
    let mut floor = 0;
    for policy in promises {
        bytes = bytes.max(policy.bytes_max?);
        floor = floor.max(policy.floor_days);
    }
    Some((bytes, due_at(day, Some(floor))?))
}

#[cfg(test)]
#[path = "promise_tests.rs"]
mod tests;
