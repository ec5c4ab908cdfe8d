//! A directory through the store's public interface.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use indelible_event::{DisclosedPart, Part, TrailName, check};
use indelible_log::record::Seq;
use indelible_log::rewrite::{Change, Fate};
use indelible_log::{SealAt, Seams, SegmentHandle};
use indelible_store::{
    Bundle, BundleAbout, CaughtBy, InitOptions, Item, MadeBy, OpenOptions, Reader, Store,
    StoreError, VerifyOptions, drill, verify, verify_consistency_proof, verify_proof,
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

fn open(dir: &Dir) -> Store {
    Store::open(dir.seams.clone(), OpenOptions { background: false, ..OpenOptions::default() })
        .unwrap()
}

fn append(store: &Store, trail: &str, range: std::ops::Range<u64>) {
    let items: Vec<Item> = range
        .map(|n| Item {
            trail: TrailName::parse(trail).unwrap(),
            event: check(
                format!(r#"{{"action":"a.b","user_id":"u{n}","ip_address":"192.0.2.1","metadata":{{"n":{n}}}}}"#)
                    .as_bytes(),
            )
            .unwrap(),
            recorded_by: Some("test".into()),
        })
        .collect();
    for result in store.append(&items) {
        result.unwrap();
    }
}

#[test]
fn what_is_appended_is_proved_to_a_stranger_and_verifies() {
    let dir = init();
    let store = open(&dir);
    append(&store, "default", 0..500);
    append(&store, "other", 0..3);
    store.publish().unwrap();
    store.log().seal().unwrap();
    append(&store, "default", 500..700);
    store.close().unwrap();

    let reader = Reader::open(dir.seams.storage.clone()).unwrap();
    let trail = reader.trail(&TrailName::parse("default").unwrap()).unwrap();
    let vkey = reader.vkey(&trail).unwrap();
    for seq in [0, 499, 500, 699] {
        let text = reader.prove(&trail, Seq(seq), &[Part::Who]).unwrap();
        let proven = verify_proof(text.as_bytes(), &vkey).unwrap();
        assert_eq!((proven.index, proven.checkpoint.size.0), (seq, 700));
        let [who, where_, what] = &proven.disclosure.parts;
        assert!(matches!(who, DisclosedPart::Withheld { .. }));
        assert!(matches!(where_, DisclosedPart::Shown { .. }));
        assert!(matches!(what, DisclosedPart::Shown { .. }));
    }
    for (from, to) in [(0, 700), (1, 300), (499, 501), (700, 700)] {
        let (from, to) = (indelible_merkle::TreeSize(from), indelible_merkle::TreeSize(to));
        let text = reader.prove_consistency(&trail, from, Some(to)).unwrap();
        assert_eq!(verify_consistency_proof(text.as_bytes(), &vkey).unwrap().checkpoint.size, to);
    }
    let report = verify(&dir.seams.storage, &VerifyOptions::default()).unwrap();
    assert_eq!(report.log.findings, []);
    assert!(report.signatures >= 3);
    // node.create, two trail.create, and the events themselves.
    assert_eq!(report.log.records, 3 + 703);
}

#[test]
fn a_missing_guard_and_an_older_copy_are_refused_until_accepted() {
    let dir = init();
    let store = open(&dir);
    append(&store, "default", 0..10);
    store.close().unwrap();
    let guard = dir.seams.storage.map(indelible_store::GUARD).unwrap();
    dir.seams.storage.remove(indelible_store::GUARD).unwrap();
    let refused = Store::open(dir.seams.clone(), OpenOptions::default());
    assert!(matches!(refused, Err(StoreError::GuardMissing)));
    let report = verify(&dir.seams.storage, &VerifyOptions::default()).unwrap();
    assert!(report.log.findings.iter().any(|f| f.path == indelible_store::GUARD));

    let accept = OpenOptions { accept_rollback: true, background: false, ..OpenOptions::default() };
    Store::open(dir.seams.clone(), accept.clone()).unwrap().close().unwrap();
    let report = verify(&dir.seams.storage, &VerifyOptions::default()).unwrap();
    assert_eq!(report.log.findings, []);
    assert!(report.log.notes.iter().any(|n| n.contains("accepted a rollback")));

    // A guard that saw less than the log has is no deviation; one that saw more is.
    indelible_log::storage::replace_durably(&*dir.seams.storage, indelible_store::GUARD, &guard)
        .unwrap();
    open(&dir).close().unwrap();
}

#[test]
fn checkpoints_are_recorded_each_hour_and_verify() {
    let dir = init();
    let clock = std::sync::Arc::new(indelible_sim::ManualClock::at(1_700_000_000_000_000));
    let seams = Seams { clock: clock.clone(), ..dir.seams.clone() };
    // The clock stands before the time of init; recorded_at does not go back all the same.
    let store = Store::open(
        seams,
        OpenOptions { background: false, seal_at: SealAt::default(), ..OpenOptions::default() },
    )
    .unwrap();
    append(&store, "default", 0..10);
    assert_eq!(store.publish().unwrap(), 2);
    assert_eq!(store.publish().unwrap(), 0);
    clock.advance(3_600_000_000);
    // `_system` grew by the recording.
    assert_eq!(store.publish().unwrap(), 1);
    let system = store.reader().trails()[0].size.0;
    clock.advance(3_600_000_000);
    assert_eq!(store.publish().unwrap(), 0);
    assert_eq!(store.reader().trails()[0].size.0, system, "recording a recording would never end");
    store.close().unwrap();
    let report = verify(&dir.seams.storage, &VerifyOptions::default()).unwrap();
    assert_eq!(report.log.findings, []);
    assert_eq!(report.signatures, 4, "two latest checkpoints and two recorded ones");
}

#[test]
fn every_attack_of_the_drill_is_caught_by_what_should_catch_it() {
    let dir = init();
    let store = open(&dir);
    append(&store, "default", 0..50);
    store.close().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let place = |name: &str| {
        let seams = Seams::real(scratch.path().join(name));
        seams.storage.create_dir("").unwrap();
        seams
    };
    let rows = drill(&dir.seams.storage, None, &place, &|_| {}).unwrap();
    assert!(rows.len() >= 12);
    for row in &rows {
        println!("{:<55} {:<22} {}", row.attack, row.caught_by.name(), row.finding);
    }
    for row in rows {
        assert!(row.as_expected, "{}: {} ({})", row.attack, row.caught_by.name(), row.finding);
        assert_ne!(row.caught_by, CaughtBy::Nothing);
    }
}

#[test]
fn every_file_of_the_static_tree_is_served_by_its_path_and_nothing_else_is() {
    let dir = init();
    let store = open(&dir);
    append(&store, "default", 0..600);
    let trail = |store: &Store| store.reader().trail(&TrailName::unnamed()).unwrap();
    let tile = |path: &str| store.reader().tile(&trail(&store), path).unwrap();
    assert_eq!(tile("checkpoint"), None, "nothing is signed yet");
    assert_eq!(tile("tile/0/000"), None);
    store.publish().unwrap();
    store.log().seal().unwrap();
    // Durable, and not covered yet.
    append(&store, "default", 600..700);
    let mut files = 0;
    store
        .reader()
        .tiles(&trail(&store), &mut |path, bytes| {
            assert_eq!(tile(path).as_deref(), Some(bytes), "{path}");
            files += 1;
            Ok(())
        })
        .unwrap();
    assert_eq!(files, 8);
    // Whoever has an older checkpoint asks for less.
    let full = tile("tile/0/001").unwrap();
    assert_eq!(tile("tile/0/001.p/7").unwrap(), full[..7 * 32]);
    assert_eq!(tile("tile/1/000.p/1").unwrap().len(), 32);
    let none = [
        "",
        "tile",
        "/checkpoint",
        "checkpoint/",
        "tile/0/002",
        "tile/0/002.p/89",
        "tile/0/003.p/1",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/00/000",
        "tile/1/000",
        "tile/1/000.p/3",
        "tile/2/000.p/1",
        "tile/63/000.p/1",
        "tile/entries/002",
        "tile/entries/002.p/89",
        "tile/0/../checkpoint",
        "tile/entries/x018/x446/x744/x073/x709/x551/615",
    ];
    for path in none {
        assert_eq!(tile(path), None, "{path}");
    }
}

/// The names among the index files, without the endings.
fn index_files(dir: &Dir) -> Vec<String> {
    let names = dir.seams.storage.list(indelible_store::INDEX).unwrap();
    names.iter().map(|name| name.rsplitn(3, '.').last().unwrap().to_owned()).collect()
}

#[test]
fn what_was_rewritten_leaves_the_index_and_the_static_tree_and_breaks_a_bundle_off() {
    let dir = init();
    let store = Store::open(dir.seams.clone(), OpenOptions::default()).unwrap();
    append(&store, "default", 0..300);
    store.log().seal().unwrap();
    append(&store, "default", 300..400);
    // Sealed at once: what is erased may still be in the live map.
    store.log().seal().unwrap();
    store.publish().unwrap();
    let name = TrailName::parse("default").unwrap();
    let trail = store.reader().trail(&name).unwrap();
    let no = trail.info.no;
    let about = BundleAbout {
        made_at: "2026-11-21T12:00:00.000000Z".into(),
        made_by: MadeBy { credential: "test".into(), name: None },
        recorded_as: None,
        query: String::new(),
        order: "asc".into(),
    };
    let places = vec![(no, Seq(300))];
    let mut bundle = Bundle::new(store.reader(), Vec::new(), about, places, Vec::new()).unwrap();
    bundle.step(store.reader()).unwrap();

    let callers = |store: &Store| -> Vec<SegmentHandle> {
        let all = store.log().view().segments().into_iter();
        all.filter(|segment| segment.class() != "system").collect()
    };
    let changes: Vec<Change> = callers(&store)
        .iter()
        .map(|segment| {
            let first = segment.trails().find(|span| span.0 == no).unwrap().1.0;
            let by = indelible_event::EventId([7; 16]);
            let fate = match first < 300 {
                true => Fate::Expire { by, keep: Default::default() },
                false => Fate::Erase { rows: (0..5).collect(), parts: [true, false, false] },
            };
            Change { file: segment.file_no(), fate }
        })
        .collect();
    store.log().rewrite(&changes, &[(no, 300)], &|_| ()).unwrap();
    let search = store.reader().search().unwrap();
    search.wait_frozen().unwrap();
    assert_eq!(search.snapshot().missing, 0);
    let full = store.log().view().segments().into_iter().filter(|segment| !segment.is_stub());
    let mut full: Vec<String> = full.map(|segment| segment.name().to_owned()).collect();
    full.sort();
    assert_eq!(index_files(&dir), full);
    let report = indelible_store::verify_index(&dir.seams, &mut |_, _| ()).unwrap();
    assert_eq!((report.segments, report.missing.len(), report.faults.len()), (full.len(), 0, 0));

    let broken = loop {
        match bundle.step(store.reader()) {
            Ok(Some(_)) => {}
            other => break other,
        }
    };
    assert!(matches!(&broken, Err(e) if e.to_string().contains("make it again")), "{broken:?}");
    let trail = store.reader().trail(&name).unwrap();
    assert_eq!(trail.min, 300);
    let served = |path: &str| store.reader().tile(&trail, path).unwrap().is_some();
    assert!(!served("tile/entries/000") && !served("tile/0/000"));
    assert!(
        served("tile/1/000.p/1") && served("tile/0/001.p/144") && served("tile/entries/001.p/144")
    );
    assert!(!served("tile/entries/001.p/44"), "it ends at the minimum index");
    let mut paths = Vec::new();
    let mut emit = |path: &str, _: &[u8]| {
        paths.push(path.to_owned());
        Ok(())
    };
    store.reader().tiles(&trail, &mut emit).unwrap();
    assert_eq!(
        paths,
        ["tile/entries/001.p/144", "tile/0/001.p/144", "tile/1/000.p/1", "checkpoint"]
    );
    let kept = verify_proof(
        store.reader().prove(&trail, Seq(310), &[]).unwrap().as_bytes(),
        &store.reader().vkey(&trail).unwrap(),
    );
    assert!(kept.is_ok());
    let gone = store.reader().prove(&trail, Seq(3), &[]).unwrap_err();
    assert!(gone.to_string().contains("expired: seq 3 "), "{gone}");
    store.close().unwrap();
    let store = open(&dir);
    assert_eq!(store.recovery(), &Default::default());
}
