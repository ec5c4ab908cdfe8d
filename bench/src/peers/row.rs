//! An event as a row of the classic `audit_log` table, for the databases.

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::value::RawValue;

/// The columns, in the order every statement here names them.
pub const COLUMNS: [&str; 16] = [
    "event_id",
    "tenant",
    "created_at",
    "user_id",
    "user_email",
    "action",
    "category",
    "outcome",
    "resource_type",
    "resource_id",
    "ip",
    "user_agent",
    "request_id",
    "correlation_id",
    "old_values",
    "new_values",
];

/// The column for what is left; the table has it last.
pub const DETAILS: &str = "details";

/// The six indexes that such a table usually has: a name and its columns.
pub const INDEXES: [(&str, &str); 6] = [
    ("audit_log_created", "created_at"),
    ("audit_log_tenant", "tenant, created_at"),
    ("audit_log_user", "user_id, created_at"),
    ("audit_log_action", "action, created_at"),
    ("audit_log_resource", "resource_type, resource_id"),
    ("audit_log_correlation", "correlation_id"),
];

/// The values of one row, still in the event's own bytes.
#[derive(Debug)]
pub struct Row<'a> {
    /// One for each of [`COLUMNS`], then the details.
    pub values: [Option<&'a str>; 17],
}

#[derive(Deserialize)]
struct Parsed<'a> {
    id: &'a str,
    trail: &'a str,
    occurred_at: &'a str,
    action: &'a str,
    category: &'a str,
    outcome: &'a str,
    #[serde(borrow)]
    actor: Actor<'a>,
    #[serde(borrow)]
    targets: [Target<'a>; 1],
    #[serde(borrow)]
    context: Surroundings<'a>,
    #[serde(borrow, default)]
    changes: Changes<'a>,
    #[serde(borrow, default)]
    details: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Actor<'a> {
    id: &'a str,
    #[serde(default)]
    email: Option<&'a str>,
}

#[derive(Deserialize)]
struct Target<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    id: &'a str,
}

#[derive(Deserialize)]
struct Surroundings<'a> {
    ip: &'a str,
    user_agent: &'a str,
    request_id: &'a str,
    correlation_id: &'a str,
}

#[derive(Default, Deserialize)]
struct Changes<'a> {
    #[serde(borrow, default)]
    before: Option<&'a RawValue>,
    #[serde(borrow, default)]
    after: Option<&'a RawValue>,
}

impl<'a> Row<'a> {
    /// Takes an event apart, as an application that fills such a table has to.
    pub fn parse(event: &'a [u8]) -> Result<Self> {
        let e: Parsed<'a> = serde_json::from_slice(event)
            .context("the generator made an event that does not parse")?;
        let [target] = e.targets;
        Ok(Self {
            values: [
                Some(e.id),
                Some(e.trail),
                Some(e.occurred_at),
                Some(e.actor.id),
                e.actor.email,
                Some(e.action),
                Some(e.category),
                Some(e.outcome),
                Some(target.kind),
                Some(target.id),
                Some(e.context.ip),
                Some(e.context.user_agent),
                Some(e.context.request_id),
                Some(e.context.correlation_id),
                e.changes.before.map(RawValue::get),
                e.changes.after.map(RawValue::get),
                e.details.map(RawValue::get),
            ],
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::generator::Events;

    #[test]
    fn every_event_of_the_generator_fits_the_table() {
        let events = Events::generate(1, 2_000);
        let (mut changed, mut mailed) = (0, 0);
        for event in events.iter() {
            let row = Row::parse(event).expect("an event fits");
            changed += usize::from(row.values[14].is_some() || row.values[15].is_some());
            mailed += usize::from(row.values[4].is_some());
            assert!(row.values[16].is_some_and(|details| details.starts_with('{')));
        }
        assert!(
            changed > 1_000 && mailed > 1_000,
            "{changed} with changes, {mailed} with an address"
        );
    }
}
