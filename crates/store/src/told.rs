//! What `_system` says: by the index where that has everything, else by reading it all. Every recorded read is
//! one more event there, so reading it all takes longer with every day.

use std::collections::BTreeSet;
use std::time::Duration;

use indelible_event::Micros;
use indelible_index::Field;
use indelible_index::limits::PAGE_EVENTS_MAX;
use indelible_index::query::{Expr, Leaf, Query, Test};
use indelible_index::search::{self, Access, Ask, Budget, Order, PageAsk};
use indelible_log::record::{KeptRecord, Seq, TrailNo};

use crate::error::StoreError;
use crate::reader::Reader;

const SYSTEM: TrailNo = TrailNo(0);
/// Records that are read at a time where there is no index.
const CHUNK: u64 = 1024;
/// How long to wait until the index has what is durable.
const INDEX_WAIT: Duration = Duration::from_secs(10);

/// Records of `_system` with one of these actions, oldest first.
pub(crate) fn told(reader: &Reader, actions: &[&str]) -> Result<Vec<KeptRecord>, StoreError> {
    match indexed(reader, actions) {
        Some(records) => Ok(records),
        None => read(reader, actions),
    }
}

/// By the index; `None` where it may not have everything.
fn indexed(reader: &Reader, actions: &[&str]) -> Option<Vec<KeptRecord>> {
    let index = reader.search().ok()?;
    let end = reader.view().next_pos();
    if index.wait_indexed(end, INDEX_WAIT) < end {
        return None;
    }
    let snapshot = index.snapshot();
    if snapshot.missing > 0 || snapshot.end < end {
        return None;
    }
    let action = |name: &&str| Leaf::Field(Field::Action, Test::Is((*name).to_owned())).into();
    let expr = Expr::any_of(actions.iter().map(action).collect());
    let query = Query { text: String::new(), expr };
    let access = Access::Trails(BTreeSet::from([SYSTEM.0]));
    let ask = Ask { query: &query, access: &access, trails: &[] };
    let mut want = PageAsk { order: Order::Oldest, limit: PAGE_EVENTS_MAX, ..PageAsk::default() };
    let mut out = Vec::new();
    loop {
        // All of it counts, however long it takes: a clock that stands still ends no budget.
        let mut budget = Budget::with(u64::MAX, u64::MAX, i64::MAX, &|| Micros(0));
        let page = search::page(&snapshot.units, &ask, &want, &mut budget).ok()?;
        // A record that cannot be shown may be one that takes another back.
        if page.incomplete.is_some() || !page.alarms.is_empty() {
            return None;
        }
        let records = page.records.into_iter().map(|found| found.record);
        // An action stands for those that begin with it, too.
        out.extend(records.filter(|record| actions.contains(&record.entry().action)));
        want.after = page.next;
        if want.after.is_none() {
            return Some(out);
        }
    }
}

/// By reading it from its first record.
fn read(reader: &Reader, actions: &[&str]) -> Result<Vec<KeptRecord>, StoreError> {
    let size = reader.view().trail(SYSTEM)?.size.0;
    let (mut at, mut out) = (0, Vec::new());
    while at < size {
        let chunk: Vec<Seq> = (at..size.min(at + CHUNK)).map(Seq).collect();
        at += chunk.len() as u64;
        let records = reader.read(SYSTEM, &chunk)?.into_iter();
        out.extend(records.filter(|record| actions.contains(&record.entry().action)));
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use indelible_log::Seams;

    use super::*;
    use crate::publish::own_event;
    use crate::{InitOptions, OpenOptions, Store};

    #[test]
    fn the_index_says_what_the_records_say() {
        let dir = tempfile::tempdir().unwrap();
        let seams = Seams::real(dir.path());
        Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
        let store = Store::open(seams, OpenOptions::default()).unwrap();
        let tell = |action: &str| {
            let target = serde_json::json!({"type": "key", "id": "1"});
            store.append_system(&own_event(action, target, serde_json::json!({}))).unwrap();
        };
        tell("key.create");
        tell("key.create.more");
        // Some of it is found in a frozen map, some in a live one.
        store.log().seal().unwrap();
        store.reader().search().unwrap().wait_frozen().unwrap();
        tell("key.revoke");
        let actions = ["key.create", "key.revoke"];
        let found = indexed(store.reader(), &actions).expect("the index has everything");
        assert_eq!(found, read(store.reader(), &actions).unwrap());
        let names: Vec<_> = found.iter().map(|record| record.entry().action.to_owned()).collect();
        assert_eq!(names, actions);
    }
}
