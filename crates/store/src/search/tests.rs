//! The index step by step, without its threads: what a race may do between two steps is done here.

use std::path::Path;

use indelible_event::{Micros, TrailName, check};
use indelible_index::query::parse;
use indelible_index::search::{Access, Ask, Budget, Order, PageAsk, Sort, page};
use indelible_log::{Seams, SystemClock, SystemEntropy};
use indelible_sim::{Fault, FaultStorage, Plan, PowerStorage};

use super::freeze::{Staged, open_all, work};
use super::*;
use crate::{InitOptions, Item, OpenOptions, Reader, Store};

fn init(seams: &Seams) -> Store {
    Store::init(seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    open(seams)
}

fn open(seams: &Seams) -> Store {
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    Store::open(seams.clone(), options).unwrap()
}

fn id(n: u64) -> String {
    format!("019a7e00-0000-7000-8000-{n:012x}")
}

fn append(store: &Store, range: std::ops::Range<u64>) {
    let item = |n| {
        let json = format!(r#"{{"action":"parcel.sent","id":"{}","user_id":"u{n}"}}"#, id(n));
        let event = check(json.as_bytes()).unwrap();
        Item { trail: TrailName::parse("shop").unwrap(), event, recorded_by: None }
    };
    for result in store.append(&range.map(item).collect::<Vec<_>>()) {
        result.unwrap();
    }
}

/// An index that gets on only when it is told to.
fn still(store: &Store, seams: &Seams) -> Search {
    let view = store.log().view().clone();
    let mut shared = Shared::new(view, seams.storage.clone(), &SystemEntropy);
    shared.waiting_max = 45;
    let shared = Arc::new(shared);
    open_all(&shared);
    // Nobody may wait for a follower that is not there.
    shared.update(|progress| progress.ended = true);
    Search { shared, threads: Vec::new() }
}

fn follow(search: &Search) {
    follow::to_the_end(&search.shared).unwrap();
}

fn freeze(search: &Search) -> Result<(), StoreError> {
    work(&search.shared, &mut Staged::new())
}

fn now() -> Micros {
    Micros(1_790_000_000_000_000)
}

/// How many are found, how many records are missing, and the alarms.
fn count(search: &Search, text: &str) -> (usize, u64, usize) {
    let snapshot = search.snapshot();
    let query = parse(text, now()).unwrap();
    let ask = Ask { query: &query, access: &Access::All, trails: &[] };
    let wanted = PageAsk {
        order: Order::Newest,
        sort: Sort::Recorded,
        limit: 1000,
        skip: 0,
        after: None,
        count: false,
        from_pos: None,
    };
    let found = page(&snapshot.units, &ask, &wanted, &mut Budget::new(&now)).unwrap();
    (found.records.len(), snapshot.missing, found.alarms.len())
}

const ALL: &str = "action:parcel.sent";

fn dir() -> (tempfile::TempDir, Seams) {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    (dir, seams)
}

#[expect(clippy::disallowed_methods, reason = "a test makes directories of its own")]
fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).unwrap();
        }
    }
}

#[test]
fn what_the_sealer_takes_before_the_follower_is_said_to_be_missing() {
    let (_dir, seams) = dir();
    let store = init(&seams);
    let search = still(&store, &seams);
    append(&store, 0..10);
    follow(&search);
    append(&store, 10..20);
    store.log().seal().unwrap();
    append(&store, 20..25);
    follow(&search);
    let (found, missing, _) = count(&search, ALL);
    assert_eq!(found, 15);
    assert!(missing >= 10, "{missing}");
    freeze(&search).unwrap();
    assert_eq!(count(&search, ALL), (25, 0, 0));
}

#[test]
fn an_id_is_found_while_its_file_is_sealed_and_not_yet_frozen() {
    let (_dir, seams) = dir();
    let store = init(&seams);
    let search = still(&store, &seams);
    append(&store, 0..10);
    follow(&search);
    let wanted = format!("id:{}", id(3));
    assert_eq!(count(&search, &wanted), (1, 0, 0));
    store.log().seal().unwrap();
    assert_eq!(count(&search, &wanted), (1, 0, 0));
    freeze(&search).unwrap();
    assert_eq!(count(&search, &wanted), (1, 0, 0));
}

/// Between two looks of the follower a file was sealed and frozen, and the next has begun.
#[test]
fn each_active_file_has_a_unit_of_its_own() {
    let (_dir, seams) = dir();
    let store = init(&seams);
    let search = still(&store, &seams);
    for n in 0..4 {
        append(&store, n * 10..n * 10 + 10);
        follow(&search);
        store.log().seal().unwrap();
        assert!(!follow::step(&search.shared).unwrap());
        assert_eq!(search.shared.units().live.len(), 1);
        freeze(&search).unwrap();
        assert_eq!(search.shared.units().live.len(), 0);
        assert_eq!(count(&search, ALL), (n as usize * 10 + 10, 0, 0));
    }
}

#[test]
fn memory_stays_bounded_while_nothing_can_be_frozen() {
    let (dir, seams) = dir();
    let store = init(&seams);
    let search = still(&store, &seams);
    // There is a file where the directory should be.
    seams.storage.create(INDEX).unwrap();
    for n in 0..9 {
        append(&store, n * 10..n * 10 + 10);
        follow(&search);
        store.log().seal().unwrap();
        assert!(freeze(&search).is_err());
        assert!(search.shared.units().waiting() <= 45);
    }
    let (found, missing, _) = count(&search, ALL);
    assert_eq!((found as u64 + missing).max(90), found as u64 + missing);
    assert!((30..=60).contains(&found), "{found}");
    seams.storage.remove(INDEX).unwrap();
    freeze(&search).unwrap();
    assert_eq!(count(&search, ALL), (90, 0, 0));
    drop(dir);
}

#[test]
fn a_map_of_other_records_under_the_same_name_is_not_taken() {
    let (from, seams) = dir();
    init(&seams).close().unwrap();
    let (other, other_seams) = dir();
    copy_tree(from.path(), other.path());
    let names = |seams: &Seams, first: u64| {
        let store = open(seams);
        append(&store, first..first + 10);
        store.log().seal().unwrap();
        store.log().view().segments().iter().map(|s| s.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(&seams, 0), names(&other_seams, 500));
    let store = open(&seams);
    freeze(&still(&store, &seams)).unwrap();
    copy_tree(&from.path().join(INDEX), &other.path().join(INDEX));
    let store = open(&other_seams);
    let search = still(&store, &other_seams);
    assert_eq!(search.shared.units().frozen.len(), 0);
    freeze(&search).unwrap();
    assert_eq!(count(&search, ALL), (10, 0, 0));
    assert_eq!(count(&search, "user:u505"), (1, 0, 0));
    // And what was not its own is gone.
    assert_eq!(
        seams.storage.list(INDEX).unwrap().len(),
        other_seams.storage.list(INDEX).unwrap().len()
    );
}

#[test]
fn a_damaged_map_is_thrown_away_once_and_by_a_writer_only() {
    let (_dir, seams) = dir();
    let store = init(&seams);
    append(&store, 0..10);
    store.log().seal().unwrap();
    freeze(&still(&store, &seams)).unwrap();
    store.close().unwrap();
    let kept = seams.storage.list(INDEX).unwrap();

    let reader = Reader::open(seams.storage.clone()).unwrap();
    let search = reader.search().unwrap();
    search.snapshot().units.iter().for_each(|unit| search.damaged(unit));
    assert_eq!(seams.storage.list(INDEX).unwrap(), kept);
    assert_eq!(count(search, ALL), (10, 0, 0));

    let store = Store::open(seams.clone(), OpenOptions::default()).unwrap();
    let search = store.reader().search().unwrap();
    search.wait_frozen().unwrap();
    let old = search.snapshot();
    old.units.iter().for_each(|unit| search.damaged(unit));
    search.wait_frozen().unwrap();
    // A query that began before says it again, of what was made again meanwhile.
    old.units.iter().for_each(|unit| search.damaged(unit));
    assert_eq!(seams.storage.list(INDEX).unwrap(), kept);
    assert_eq!(count(search, ALL), (10, 0, 0));
    // What the freezer holds on to does not bring it back either.
    let units: Vec<_> = old.units.iter().filter_map(|unit| unit.as_frozen()).collect();
    assert!(units.iter().all(|unit| unit.is_thrown()));
    let staged = units.iter().map(|u| (u.handle.name().to_owned(), Arc::clone(u))).collect();
    freeze::publish(&search.shared, &staged);
    assert!(search.shared.units().frozen.iter().all(|unit| !unit.is_thrown()));
}

#[test]
fn a_segment_that_cannot_be_read_keeps_no_other_from_being_found() {
    let (_dir, seams) = dir();
    let store = init(&seams);
    for n in 0..3 {
        append(&store, n * 10..n * 10 + 10);
        store.log().seal().unwrap();
    }
    let damaged = store.log().view().segments().iter().rfind(|s| s.rows() == 10).unwrap().clone();
    store.close().unwrap();
    let path = format!("segments/{}.parquet", damaged.name());
    let file = seams.storage.open(&path, true).unwrap();
    file.write_at(100, &[0xff; 1000]).unwrap();
    let store = open(&seams);
    let search = still(&store, &seams);
    assert!(freeze(&search).is_err());
    assert_eq!(count(&search, ALL), (20, 10, 0));
    // Neither for those who only read.
    let reader = Reader::open(seams.storage.clone()).unwrap();
    assert_eq!(count(reader.search().unwrap(), ALL), (20, 10, 0));
}

/// Whatever call fails, no half file stays, receipts are as ever, and the next try does it.
#[test]
fn what_fails_while_freezing_is_done_by_the_next_try() {
    for fault in [Fault::Enospc, Fault::Eio, Fault::EioAfter, Fault::Short] {
        for at in 0.. {
            let storage = FaultStorage::over(&PowerStorage::new());
            let seams = Seams {
                storage: Arc::new(storage.clone()),
                clock: Arc::new(SystemClock),
                entropy: Arc::new(SystemEntropy),
            };
            let store = init(&seams);
            let search = still(&store, &seams);
            append(&store, 0..20);
            store.log().seal().unwrap();
            storage.plan(Plan { fault, at, kind: None, sticky: false });
            let first = freeze(&search);
            let tripped = storage.tripped();
            storage.heal();
            assert!(count(&search, ALL).0 as u64 + count(&search, ALL).1 >= 20);
            if first.is_err() && fault == Fault::Enospc {
                let left = seams.storage.list(INDEX).unwrap_or_default();
                assert!(left.iter().all(|name| name.ends_with(".idx")), "{tripped:?}: {left:?}");
            }
            append(&store, 20..25);
            follow(&search);
            freeze(&search).unwrap();
            assert_eq!(count(&search, ALL), (25, 0, 0), "{tripped:?}");
            if tripped.is_none() {
                break;
            }
        }
    }
}

#[test]
fn stopping_ends_the_making_of_a_map() {
    let (_dir, seams) = dir();
    let store = init(&seams);
    append(&store, 0..10);
    store.log().seal().unwrap();
    let search = still(&store, &seams);
    search.shared.update(|progress| progress.stop = true);
    freeze(&search).unwrap();
    assert_eq!(seams.storage.list(INDEX).unwrap(), Vec::<String>::new());
    let waited = search.wait_frozen();
    assert!(waited.is_err());
}

/// A log that is closed for itself leaves no thread that spins or waits.
#[test]
fn the_follower_ends_with_the_log() {
    let (_dir, seams) = dir();
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let store = Store::open(seams, OpenOptions::default()).unwrap();
    append(&store, 0..10);
    store.log().close();
    let search = store.reader().search().unwrap();
    let end = search.wait_indexed(Pos(u64::MAX), Duration::from_secs(600));
    assert_eq!(end, store.log().view().next_pos());
    assert!(search.shared.progress().ended);
}

#[test]
fn erased_segments_are_indexed_and_stubs_are_not() {
    let (to, seams) = dir();
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/v1/dir");
    copy_tree(&golden, to.path());
    let rows = reindex(&seams, &mut |_, _| ()).unwrap();
    let report = verify_index(&seams, &mut |_, _| ()).unwrap();
    assert_eq!((report.rows, report.missing.len(), report.faults.len()), (rows, 0, 0));
    let reader = Reader::open(seams.storage.clone()).unwrap();
    let search = reader.search().unwrap();
    let snapshot = search.snapshot();
    assert_eq!(snapshot.missing, 0);
    let units: u64 =
        snapshot.units.iter().map(|u| u64::from(indelible_index::search::Unit::rows(u))).sum();
    let stubs = reader.view().segments().into_iter().filter(|segment| segment.is_stub());
    let expired: u64 = stubs.map(|stub| u64::from(stub.rows())).sum();
    assert!(expired > 0);
    assert_eq!(units, reader.view().next_pos().0 - expired);
    let (found, _, alarms) = count(search, "");
    assert_eq!((found as u64, alarms), (units, 0));
}
