//! Finds what `_system` says of keys and trails: by the index where that has everything, else by reading it all.
//! Every recorded read is one more event there, so reading it all takes longer with every day.

use std::collections::BTreeSet;

use indelible_event::Micros;
use indelible_index::Field;
use indelible_index::limits::{PAGE_EVENTS_MAX, QUERY_MICROS_MAX};
use indelible_index::query::{Expr, Leaf, Query, Test};
use indelible_index::search::{self, Access, Ask, Budget, Order, PageAsk};
use indelible_log::record::{Seq, TrailNo};
use indelible_store::{Reader, StoreError};

use super::registry::{self, Registry};
use crate::limits;

const SYSTEM: TrailNo = TrailNo(0);

/// What `_system` says until now.
pub(crate) fn fold(
    reader: &Reader,
    clock: &(dyn Fn() -> Micros + Sync),
) -> Result<Registry, StoreError> {
    match indexed(reader, clock) {
        Some(registry) => Ok(registry),
        None => read(reader),
    }
}

/// By the index; `None` where it may not have everything.
fn indexed(reader: &Reader, clock: &(dyn Fn() -> Micros + Sync)) -> Option<Registry> {
    let index = reader.search().ok()?;
    let end = reader.view().next_pos();
    if index.wait_indexed(end, limits::SYSTEM_INDEX_WAIT) < end {
        return None;
    }
    let snapshot = index.snapshot();
    if snapshot.missing > 0 || snapshot.end < end {
        return None;
    }
    let action = |name: &&str| Leaf::Field(Field::Action, Test::Is((*name).to_owned())).into();
    let expr = Expr::any_of(registry::ACTIONS.iter().map(action).collect());
    let query = Query { text: String::new(), expr };
    let access = Access::Trails(BTreeSet::from([SYSTEM.0]));
    let ask = Ask { query: &query, access: &access, trails: &[] };
    let mut want = PageAsk { order: Order::Oldest, limit: PAGE_EVENTS_MAX, ..PageAsk::default() };
    let mut registry = Registry::default();
    loop {
        let mut budget = Budget::with(u64::MAX, u64::MAX, QUERY_MICROS_MAX, clock);
        let page = search::page(&snapshot.units, &ask, &want, &mut budget).ok()?;
        // A record that cannot be shown may be a key that was revoked.
        if page.incomplete.is_some() || !page.alarms.is_empty() {
            return None;
        }
        let records = page.records.iter().map(|found| &found.record);
        records.filter_map(registry::change_of).for_each(|change| registry.apply(change));
        want.after = page.next;
        if want.after.is_none() {
            return Some(registry);
        }
    }
}

/// By reading it from its first record.
fn read(reader: &Reader) -> Result<Registry, StoreError> {
    let mut registry = Registry::default();
    let size = reader.view().trail(SYSTEM)?.size.0;
    let mut at = 0;
    while at < size {
        let chunk: Vec<Seq> = (at..size.min(at + limits::SYSTEM_CHUNK)).map(Seq).collect();
        at += chunk.len() as u64;
        let records = reader.read(SYSTEM, &chunk)?;
        records.iter().filter_map(registry::change_of).for_each(|change| registry.apply(change));
    }
    Ok(registry)
}

#[cfg(test)]
#[path = "fold_tests.rs"]
mod tests;
