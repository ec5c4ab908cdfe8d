//! Which records others refer to.

use std::collections::BTreeSet;

use indelible_event::EventId;

use super::gather::{allowed, turns};
use super::page::Order;
use super::read::{Candidate, Checker};
use super::{Alarm, Ask, Budget, Met, Record, SearchError, Unit, sound};
use crate::doc::Field;
use crate::limits::READ_ROWS_MAX;

/// Which of some records others refer to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Referred {
    /// Those of them that a matching record of the same trail refers to.
    pub found: BTreeSet<(u32, EventId)>,
    /// The bound that was met, if one was: the others may be referred to all the same.
    pub incomplete: Option<Met>,
    /// Records that could not be checked.
    pub alarms: Vec<Alarm>,
}

/// Which of these records, by trail and id, a record of the same trail refers to that the query asks for. Each
/// that says so is read and checked. They are looked for at `near` and after it first, as what refers to
/// something mostly comes soon after it.
pub fn referred<U: Unit>(
    units: &[U],
    ask: &Ask<'_>,
    of: BTreeSet<(u32, EventId)>,
    near: u64,
    budget: &mut Budget<'_>,
) -> Result<Referred, SearchError> {
    let (later, earlier): (Vec<usize>, Vec<usize>) =
        turns(units, Order::Oldest).into_iter().partition(|&unit| units[unit].span().1 >= near);
    let mut checker = Checker::new(units, ask, budget);
    let (mut open, mut found, mut incomplete) = (of, BTreeSet::new(), None);
    for unit in later.into_iter().chain(earlier.into_iter().rev()) {
        if open.is_empty() {
            break;
        }
        let candidates = candidates(&units[unit], unit, ask, &open)?;
        for batch in candidates.chunks(READ_ROWS_MAX) {
            incomplete = incomplete.or(checker.budget.met());
            if incomplete.is_some() {
                break;
            }
            for record in checker.read(batch)?.into_iter().flatten() {
                let doc = record.doc();
                let refers = doc.entry.reference.map(|id| (doc.trail, id));
                found.extend(refers.and_then(|of| open.take(&of)));
            }
        }
        incomplete = incomplete.or(checker.budget.met());
        if incomplete.is_some() {
            break;
        }
    }
    let alarms = checker.alarms;
    sound(units)?;
    // With nothing left to look for it does not matter that no more could be looked at.
    Ok(Referred { found, incomplete: incomplete.filter(|_| !open.is_empty()), alarms })
}

/// The rows of a unit that may refer to any of these. (A reference is in the entry, whose terms come first: also
/// a record with more terms than are indexed has it.)
fn candidates<U: Unit>(
    at: &U,
    unit: usize,
    ask: &Ask<'_>,
    of: &BTreeSet<(u32, EventId)>,
) -> Result<Vec<Candidate>, SearchError> {
    let rows = at.with_index(|index| {
        let within = allowed(index, ask.access, 0..at.rows())?;
        let mut rows = BTreeSet::new();
        for (_, id) in of {
            let refer = index.term(Field::Ref, &id.0)?;
            rows.extend(refer.into_iter().filter(|row| within.contains(*row)));
        }
        let candidate = |row| Candidate { unit, row, at: 0, pos: index.pos(row), sure: false };
        Ok(rows.into_iter().map(candidate).collect())
    });
    rows.map_err(|error| SearchError::Index { unit, error })
}
