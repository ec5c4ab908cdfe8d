//! What somebody does who wants a signature, a record or a warning to go away.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use std::path::Path;

use indelible_event::{TrailName, check};
use indelible_log::manifest::Manifest;
use indelible_log::storage::replace_durably;
use indelible_log::trail::level_path;
use indelible_log::{AppendError, Appended, Seams};
use indelible_store::{
    GUARD, InitOptions, Item, NODE, OpenOptions, Store, StoreError, VerifyOptions, checkpoint_path,
    verify,
};

fn options() -> InitOptions {
    InitOptions { origin: "audit.example.com".into() }
}

fn make(dir: &Path, events: u64) -> Seams {
    let seams = Seams::real(dir);
    Store::init(&seams, &options()).unwrap();
    append(&seams, 0..events).close().unwrap();
    seams
}

fn open(seams: &Seams) -> Result<Store, StoreError> {
    Store::open(seams.clone(), OpenOptions { background: false, ..OpenOptions::default() })
}

fn append(seams: &Seams, range: std::ops::Range<u64>) -> Store {
    let store = open(seams).unwrap();
    let item = |n| Item {
        trail: TrailName::unnamed(),
        event: check(format!(r#"{{"action":"a.b","user_id":"u{n}"}}"#).as_bytes()).unwrap(),
        recorded_by: None,
    };
    for result in store.append(&range.map(item).collect::<Vec<_>>()) {
        result.unwrap();
    }
    store
}

fn findings(seams: &Seams) -> Vec<String> {
    let report = verify(&seams.storage, &VerifyOptions::default()).unwrap();
    report.log.findings.iter().map(ToString::to_string).collect()
}

fn default_trail(seams: &Seams) -> indelible_log::trail::TrailId {
    let view = indelible_log::View::open(seams.storage.clone()).unwrap();
    view.trail(view.trail_no(&TrailName::unnamed()).unwrap()).unwrap().info.id
}

#[test]
fn a_tree_that_does_not_follow_from_the_signed_one_is_not_signed() {
    let dir = tempfile::tempdir().unwrap();
    let seams = make(dir.path(), 255);
    let guard = seams.storage.map(GUARD).unwrap();
    let store = append(&seams, 255..256);
    store.log().seal().unwrap();
    store.close().unwrap();
    // As after a crash between the last record and its signature.
    replace_durably(&*seams.storage, GUARD, &guard).unwrap();
    // The root at 255 is made of level 0, the root at 256 is the hash in level 1.
    replace_durably(&*seams.storage, &level_path(default_trail(&seams), 1), &[7; 32]).unwrap();
    assert!(matches!(open(&seams), Err(StoreError::Rollback { .. })));
}

#[test]
fn a_checkpoint_that_was_not_written_is_signed_again() {
    let dir = tempfile::tempdir().unwrap();
    let seams = make(dir.path(), 3);
    let path = checkpoint_path(default_trail(&seams));
    let old = seams.storage.map(&path).unwrap();
    append(&seams, 3..5).close().unwrap();
    let new = seams.storage.map(&path).unwrap();
    for bytes in [&old[..], &[0; 300_000]] {
        replace_durably(&*seams.storage, &path, bytes).unwrap();
        open(&seams).unwrap().close().unwrap();
        assert_eq!(seams.storage.map(&path).unwrap(), new);
    }
}

#[test]
fn init_over_a_log_in_use_keeps_what_was_signed() {
    let dir = tempfile::tempdir().unwrap();
    let seams = make(dir.path(), 3);
    let guard = seams.storage.map(GUARD).unwrap();
    seams.storage.remove(NODE).unwrap();
    Store::init(&seams, &options()).unwrap();
    assert_eq!(seams.storage.map(GUARD).unwrap(), guard);
    seams.storage.remove(NODE).unwrap();
    seams.storage.remove(GUARD).unwrap();
    assert!(matches!(Store::init(&seams, &options()), Err(StoreError::GuardMissing)));
}

#[test]
fn a_manifest_that_hides_a_segment_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let seams = make(dir.path(), 3);
    let store = open(&seams).unwrap();
    store.log().seal().unwrap();
    store.close().unwrap();
    assert_eq!(findings(&seams), Vec::<String>::new());
    let good = Manifest::load(&*seams.storage).unwrap();
    let hide: [fn(&mut Manifest); 4] = [
        |m| (m.segments[1].id_min, m.segments[1].id_max) = ([0; 16], [0; 16]),
        |m| m.segments[1].trails.clear(),
        |m| m.segments[1].trails[0].2 = 0,
        |m| m.next_file = 0,
    ];
    for change in hide {
        let mut bad = good.clone();
        change(&mut bad);
        bad.store(&*seams.storage).unwrap();
        assert!(!findings(&seams).is_empty());
    }
}

#[test]
fn a_signature_that_the_guard_does_not_know_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let seams = make(dir.path(), 3);
    let guard = seams.storage.map(GUARD).unwrap();
    append(&seams, 3..5).close().unwrap();
    assert_eq!(findings(&seams), Vec::<String>::new());
    replace_durably(&*seams.storage, GUARD, &guard).unwrap();
    assert!(findings(&seams).iter().any(|f| f.contains("without it")));
}

#[test]
fn what_a_full_disk_left_of_a_new_active_file_is_no_finding() {
    let dir = tempfile::tempdir().unwrap();
    let seams = make(dir.path(), 3);
    for (name, bytes) in [("2", &b""[..]), ("5", &b"\xf5IN"[..])] {
        let path = indelible_log::active::path(indelible_log::record::Pos(name.parse().unwrap()));
        replace_durably(&*seams.storage, &path, bytes).unwrap();
        assert_eq!(findings(&seams), Vec::<String>::new());
    }
    append(&seams, 3..5).close().unwrap();
    assert_eq!(findings(&seams), Vec::<String>::new());
}

#[test]
fn a_caller_cannot_write_what_keeps_the_log_from_opening() {
    let dir = tempfile::tempdir().unwrap();
    let seams = make(dir.path(), 3);
    let store = open(&seams).unwrap();
    let event = check(br#"{"action":"trail.create"}"#).unwrap();
    let good = |n| Item {
        trail: TrailName::unnamed(),
        event: check(format!(r#"{{"action":"a.b","user_id":"{n}"}}"#).as_bytes()).unwrap(),
        recorded_by: Some("key-1".into()),
    };
    let mut items = vec![good(1)];
    for by in ["", "somebody@example.com", &"x".repeat(65)] {
        items.push(Item { recorded_by: Some(by.into()), ..good(2) });
    }
    items.push(Item { trail: TrailName::system(), event: event.clone(), recorded_by: None });
    items.push(good(3));
    // Each is refused by itself, and the good ones around them are kept.
    let results = store.append(&items);
    let seqs: Vec<Option<u64>> = results
        .iter()
        .map(|result| match result {
            Ok(Appended::Kept(receipt)) => Some(receipt.seq.0),
            Err(AppendError::Refused(_)) => None,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(seqs, [Some(3), None, None, None, None, Some(4)]);
    let trail = indelible_log::record::TrailNo(99);
    let incoming = indelible_log::Incoming { trail, event: &event, recorded_by: None };
    assert!(matches!(store.log().append(&[incoming])[..], [Err(AppendError::Refused(_))]));
    store.close().unwrap();
    append(&seams, 5..6).close().unwrap();
    assert_eq!(findings(&seams), Vec::<String>::new());
}
