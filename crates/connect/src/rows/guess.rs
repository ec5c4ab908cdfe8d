//! Which column is what, by its name.

use crate::draft::action;

use super::cell::{Column, Kind};
use super::map::{Map, Take};
use super::members::{Member, USUAL};

/// What values are here.
type Values = &'static [(&'static str, &'static str)];

/// Values of well-known libraries that are numbers or signs there: the column, another one that has to be there with it,
/// and what its values mean.
const CODES: [(&str, &str, Values); 3] = [
    // Django's admin.
    ("action_flag", "object_repr", &[("1", "create"), ("2", "update"), ("3", "delete")]),
    // django-auditlog.
    ("action", "object_repr", &[("0", "create"), ("1", "update"), ("2", "delete"), ("3", "read")]),
    // django-simple-history.
    ("history_type", "history_id", &[("+", "create"), ("~", "update"), ("-", "delete")]),
];

/// Guesses what each column is. Names are compared without regard to case and to how words are joined. `source` is the
/// name under which ids are made: what is read again under the same name is known again.
///
/// ```
/// use indelible_connect::rows::{Cell, Column, Row, guess};
///
/// let columns = ["id", "userId", "action", "entityType", "entity_id", "createdAt"].map(Column::named);
/// let map = guess("billing.audit_log", &columns);
/// let cells = ["7", "anna", "UPDATE", "Invoice", "4711", "2026-01-31 10:00:00"].map(|text| Cell::Text(text.into()));
/// let row = Row { position: 1, cells: &cells, more: &[] };
/// let draft = map.event(&row).map_err(|unmapped| unmapped.message)?;
/// assert_eq!(draft.action, "invoice.update");
/// assert_eq!(draft.occurred_at.as_deref(), Some("2026-01-31T10:00:00.000000Z"));
/// # Ok::<(), String>(())
/// ```
pub fn guess(source: &str, columns: &[Column]) -> Map {
    let names: Vec<String> = columns.iter().map(|column| plain(&column.name)).collect();
    let mut map = Map::empty(source, columns);
    let mut free = vec![true; columns.len()];
    let keys: Vec<usize> = (0..columns.len()).filter(|&i| columns[i].key).collect();
    if !keys.is_empty() {
        map.set(Member::Id, Take::columns(keys));
    }
    for usual in &USUAL {
        if map.has(usual.0) {
            continue;
        }
        let found = usual.3.split_ascii_whitespace().find_map(|wanted| {
            let found = names.iter().position(|name| name == wanted)?;
            let fits = free[found] && may_be(usual.0, columns[found].kind);
            fits.then_some(found)
        });
        if let Some(found) = found {
            free[found] = false;
            map.set(usual.0, Take::columns(vec![found]));
        }
    }
    let of = |wanted: &str| names.iter().any(|name| name == wanted);
    for (column, beside, values) in CODES {
        if let Some(take) = map.take_mut(Member::Action)
            && take.columns.first().is_some_and(|&i| names[i] == column)
            && of(beside)
        {
            take.values = values.iter().map(|&(from, to)| (from.into(), to.into())).collect();
        }
    }
    complete(&mut map, &names);
    map
}

/// What follows from what was found.
fn complete(map: &mut Map, names: &[String]) {
    let first = |map: &Map, member| map.take(member).and_then(|take| take.columns.first().copied());
    let entity = first(map, Member::TargetType);
    match map.take_mut(Member::Action) {
        Some(take) => take.entity = entity,
        // What was done shows in what was there before and after.
        None if entity.is_some() => map.set(Member::Action, Take { entity, ..Take::default() }),
        None => {}
    }
    let is_user = |name: &str| name.contains("user") || name.contains("login");
    let users = [Member::ActorId, Member::ActorName, Member::ActorEmail]
        .iter()
        .any(|&member| first(map, member).is_some_and(|i| is_user(&names[i])));
    if users && !map.has(Member::ActorType) {
        map.set(Member::ActorType, Take { constant: Some("user".into()), ..Take::default() });
    }
}

/// Whether a column of this kind can be that.
fn may_be(member: Member, kind: Kind) -> bool {
    match member {
        Member::Id | Member::Before | Member::After => true,
        Member::Changes | Member::Details => {
            !matches!(kind, Kind::Number | Kind::Bool | Kind::Time)
        }
        Member::OccurredAt => !matches!(kind, Kind::Bool | Kind::Json | Kind::Bytes),
        Member::Outcome => !matches!(kind, Kind::Json | Kind::Time | Kind::Bytes),
        Member::ActorId | Member::TargetId => !matches!(kind, Kind::Json | Kind::Time | Kind::Bool),
        _ => !matches!(kind, Kind::Json | Kind::Time | Kind::Bytes | Kind::Bool),
    }
}

/// A column's name in small letters, its words joined by `_`.
fn plain(name: &str) -> String {
    action(name).replace('.', "_")
}
