//! The index beside a log that grows, is sealed and merged, and loses its index files.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use indelible_event::{Micros, TrailName, check};
use indelible_index::query::{Query, parse};
use indelible_index::search::{
    Access, Ask, Budget, Order, PageAsk, Record, Sort, StatsAsk, page, stats,
};
use indelible_log::{SealAt, Seams};
use indelible_store::{
    CaughtBy, Found, INDEX, InitOptions, Item, OpenOptions, Reader, Search, Snapshot, Store, drill,
    reindex, verify_index,
};

struct Dir {
    _dir: tempfile::TempDir,
    seams: Seams,
}

fn init() -> Dir {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    Dir { _dir: dir, seams }
}

fn open(dir: &Dir, records: u64) -> Store {
    let seal_at = SealAt { records, bytes: u64::MAX, ..SealAt::default() };
    Store::open(dir.seams.clone(), OpenOptions { seal_at, ..OpenOptions::default() }).unwrap()
}

fn item(trail: &str, n: u64) -> Item {
    let json = format!(
        r#"{{"action":"order.{}","outcome":"{}","user_id":"user-{}","resource_type":"order","resource_id":"o-{n}","correlation_id":"corr-{}","metadata":{{"n":{n},"note":"parcel number {n} left"}}}}"#,
        if n.is_multiple_of(2) { "create" } else { "cancel" },
        if n.is_multiple_of(5) { "failure" } else { "success" },
        n % 7,
        n / 4,
    );
    let event = check(json.as_bytes()).unwrap();
    Item { trail: TrailName::parse(trail).unwrap(), event, recorded_by: None }
}

fn append(store: &Store, range: std::ops::Range<u64>) {
    let items: Vec<Item> =
        range.map(|n| item(if n % 3 == 0 { "other" } else { "shop" }, n)).collect();
    for result in store.append(&items) {
        result.unwrap();
    }
}

fn now() -> Micros {
    Micros(1_790_000_000_000_000)
}

/// A snapshot that has everything. Where the sealer overtook the follower it says that something is missing
/// until that is frozen.
fn whole(search: &Search) -> Snapshot {
    let snapshots = (0..1_000_000).map(|_| {
        std::thread::yield_now();
        search.snapshot()
    });
    snapshots.into_iter().find(|snapshot| snapshot.missing == 0).expect("what is missing is made")
}

/// The numbers `n` of all events that match, read page by page, newest first.
fn numbers(search: &Search, text: &str, access: &Access) -> Vec<u64> {
    let snapshot = whole(search);
    let query = parse(text, now()).unwrap();
    let ask = Ask { query: &query, access, trails: &[] };
    let (mut after, mut numbers) = (None, Vec::new());
    loop {
        let wanted = PageAsk {
            order: Order::Newest,
            sort: Sort::Recorded,
            limit: 7,
            skip: 0,
            after,
            count: false,
            from_pos: None,
        };
        let mut budget = Budget::new(&now);
        let found = page(&snapshot.units, &ask, &wanted, &mut budget).unwrap();
        assert!(found.alarms.is_empty());
        numbers.extend(found.records.iter().map(number));
        match found.next {
            Some(next) => after = Some(next),
            None => return numbers,
        }
    }
}

fn number(found: &Found) -> u64 {
    let doc = found.doc();
    let what = String::from_utf8(doc.parts[2].unwrap().to_vec()).unwrap();
    what.split("\"n\":").nth(1).unwrap().split(',').next().unwrap().parse().unwrap()
}

fn expected(count: u64, is: impl Fn(u64) -> bool) -> Vec<u64> {
    (0..count).rev().filter(|n| is(*n)).collect()
}

/// The same questions, whatever state the index is in.
fn check_all(search: &Search, count: u64) {
    let all = &Access::All;
    assert_eq!(numbers(search, "user:user-3", all), expected(count, |n| n % 7 == 3));
    assert_eq!(numbers(search, "action:order.*", all), expected(count, |_| true));
    let is = |n: u64| n % 2 == 1 && n.is_multiple_of(5);
    assert_eq!(numbers(search, "action:order.cancel outcome:failure", all), expected(count, is));
    let is = |n: u64| (n / 4) == 9;
    assert_eq!(numbers(search, "correlation:corr-9", all), expected(count, is));
    assert_eq!(numbers(search, "\"number 17 left\"", all), expected(count, |n| n == 17));
    let is = |n: u64| (30..=39).contains(&n);
    assert_eq!(numbers(search, "details.n:30..39", all), expected(count, is));
    assert_eq!(numbers(search, "-outcome:success parcel", all), expected(count, |n| n % 5 == 0));
    // The trails were made in this order, after `_system`.
    let (other, shop) = (Access::Trails(BTreeSet::from([1])), Access::Trails(BTreeSet::from([2])));
    let is = |n: u64| n % 7 == 3 && n.is_multiple_of(3);
    assert_eq!(numbers(search, "user:user-3", &other), expected(count, is));
    let is = |n: u64| n % 7 == 3 && !n.is_multiple_of(3);
    assert_eq!(numbers(search, "user:user-3", &shop), expected(count, is));
}

#[test]
fn what_is_durable_is_found_live_sealed_merged_and_rebuilt() {
    let dir = init();
    let store = open(&dir, 1_000_000);
    append(&store, 0..40);
    check_all(store.reader().search().unwrap(), 40);
    store.log().seal().unwrap();
    append(&store, 40..90);
    check_all(store.reader().search().unwrap(), 90);
    store.reader().search().unwrap().wait_frozen().unwrap();
    check_all(store.reader().search().unwrap(), 90);
    for n in 9..20 {
        append(&store, n * 10..n * 10 + 10);
        store.log().seal().unwrap();
    }
    store.reader().search().unwrap().wait_frozen().unwrap();
    check_all(store.reader().search().unwrap(), 200);
    store.log().merge_now().unwrap();
    check_all(store.reader().search().unwrap(), 200);
    store.reader().search().unwrap().wait_frozen().unwrap();
    check_all(store.reader().search().unwrap(), 200);
    append(&store, 200..210);
    store.close().unwrap();

    // Another process reads it, with the frozen maps and without them.
    let reader = Reader::open(dir.seams.storage.clone()).unwrap();
    check_all(reader.search().unwrap(), 210);
    assert!(verify_index(&dir.seams, &mut |_, _| ()).unwrap().faults.is_empty());
    let kept = dir.seams.storage.list(INDEX).unwrap();
    for name in &kept {
        dir.seams.storage.remove(&format!("{INDEX}/{name}")).unwrap();
    }
    let report = verify_index(&dir.seams, &mut |_, _| ()).unwrap();
    assert_eq!((report.missing.len(), report.rows), (report.segments, 0));
    check_all(Reader::open(dir.seams.storage.clone()).unwrap().search().unwrap(), 210);

    // A writer makes them again, and says so until it has.
    let store = open(&dir, 1_000_000);
    store.reader().search().unwrap().wait_frozen().unwrap();
    check_all(store.reader().search().unwrap(), 210);
    assert_eq!(store.reader().search().unwrap().status().missing, 0);
    store.close().unwrap();
    assert_eq!(dir.seams.storage.list(INDEX).unwrap(), kept);
    let rows = reindex(&dir.seams, &mut |_, _| ()).unwrap();
    assert!(rows > 200);
    assert!(verify_index(&dir.seams, &mut |_, _| ()).unwrap().faults.is_empty());
}

#[test]
fn a_damaged_map_is_made_again() {
    let dir = init();
    let store = open(&dir, 1_000_000);
    append(&store, 0..60);
    store.log().seal().unwrap();
    store.reader().search().unwrap().wait_frozen().unwrap();
    store.close().unwrap();
    for name in dir.seams.storage.list(INDEX).unwrap() {
        let path = format!("{INDEX}/{name}");
        let len = dir.seams.storage.open(&path, false).unwrap().len().unwrap();
        let file = dir.seams.storage.open(&path, true).unwrap();
        file.set_len(len / 2).unwrap();
    }
    let store = open(&dir, 1_000_000);
    let search = store.reader().search().unwrap();
    search.wait_frozen().unwrap();
    check_all(search, 60);
    let snapshot = search.snapshot();
    snapshot.units.iter().for_each(|unit| search.damaged(unit));
    search.wait_frozen().unwrap();
    check_all(search, 60);
}

/// Every answer under a running load is one consistent moment: each event up to some point once, none
/// after it.
#[test]
fn a_query_sees_each_record_once_while_it_is_sealed_frozen_and_merged() {
    let dir = init();
    let store = open(&dir, 50);
    let (count, done) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for n in 0..120 {
                append(&store, n * 10..n * 10 + 10);
                count.store(n * 10 + 10, Ordering::SeqCst);
                if n % 40 == 39 {
                    store.log().merge_now().unwrap();
                }
            }
            done.store(true, Ordering::SeqCst);
        });
        let search = store.reader().search().unwrap();
        let query = Query::all();
        let ask =
            Ask { query: &query, access: &Access::Trails(BTreeSet::from([1, 2])), trails: &[] };
        while !done.load(Ordering::SeqCst) {
            let before = count.load(Ordering::SeqCst);
            let found = numbers(search, "parcel", &Access::All);
            assert!(found.len() as u64 >= before, "{} of {before}", found.len());
            assert!(found.windows(2).all(|pair| pair[0] == pair[1] + 1), "{found:?}");
            assert_eq!(found.last().copied().unwrap_or(0), 0);
            let snapshot = whole(search);
            let asked = StatsAsk { facets: &[], top: 1, histogram: None };
            let mut budget = Budget::new(&now);
            let stats = stats(&snapshot.units, &ask, &asked, &mut budget).unwrap();
            assert!(stats.total.value >= before);
        }
    });
    store.log().seal().unwrap();
    let search = store.reader().search().unwrap();
    search.wait_frozen().unwrap();
    assert_eq!(numbers(search, "parcel", &Access::All), expected(1200, |_| true));
}

#[test]
fn the_drill_shows_that_a_removed_term_is_noticed() {
    let dir = init();
    let store = open(&dir, 1_000_000);
    append(&store, 0..30);
    store.close().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let path = scratch.path().join(name);
        Seams::real(&path)
    };
    let rows = drill(&dir.seams.storage, None, &place, &|_| ()).unwrap();
    let caught = rows.iter().filter(|row| row.caught_by == CaughtBy::IndexVerification);
    assert_eq!(caught.clone().count(), 2);
    assert!(caught.clone().all(|row| row.as_expected && !row.finding.is_empty()));
}
