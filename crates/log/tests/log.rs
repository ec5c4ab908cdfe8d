//! The log through its public interface, on a real directory.

#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]

use indelible_event::{TrailName, check};
use indelible_log::record::{Seq, TrailNo};
use indelible_log::{Appended, Incoming, Log, LogError, SealAt, Seams, View};

fn event(n: u64) -> Vec<u8> {
    format!(
        r#"{{"id":"018f3a5c-0000-7000-8000-{n:012x}","action":"backup.create","category":"data_create","outcome":"success","actor":{{"id":"alice"}},"targets":[{{"type":"backup","id":"b-{n}"}}],"context":{{"ip":"192.0.2.1"}},"details":{{"n":{n}}}}}"#
    )
    .into_bytes()
}

fn append(log: &Log, trail: TrailNo, range: std::ops::Range<u64>) -> Vec<Appended> {
    let events: Vec<_> = range.map(|n| check(&event(n)).unwrap()).collect();
    let batch: Vec<_> =
        events.iter().map(|event| Incoming { trail, event, recorded_by: Some("test") }).collect();
    log.append(&batch).into_iter().map(Result::unwrap).collect()
}

#[test]
fn appended_records_are_read_back_over_seals_and_restarts() {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Log::init(&seams).unwrap();
    assert!(matches!(Log::init(&seams), Err(LogError::Exists(_))));
    let name = TrailName::parse("default").unwrap();
    let log = Log::open(seams.clone(), SealAt::default()).unwrap();
    let trail = log.ensure_trail(&name).unwrap();
    let first = append(&log, trail, 0..100);
    log.seal().unwrap();
    let second = append(&log, trail, 100..150);
    let all: Vec<Seq> = (0..150).map(Seq).collect();
    let before = log.view().read(trail, &all).unwrap();
    assert_eq!(before.len(), 150);
    assert!(matches!(Log::open(seams.clone(), SealAt::default()), Err(LogError::Locked)));
    let root = log.view().trail(trail).unwrap().root;
    drop(log);

    let view = View::open(seams.storage.clone()).unwrap();
    assert_eq!(view.read(trail, &all).unwrap(), before);
    assert_eq!(view.trail(trail).unwrap().root, root);

    let log = Log::open(seams.clone(), SealAt::default()).unwrap();
    assert_eq!(log.recovery(), &Default::default());
    // The same events again give the first receipts, from segment and active file alike.
    let known = |answers: Vec<Appended>| -> Vec<Appended> {
        answers
            .into_iter()
            .map(|a| match a {
                Appended::Kept(r) => {
                    assert!(r.known);
                    Appended::Kept(indelible_log::Receipt { known: false, ..r })
                }
                other => other,
            })
            .collect()
    };
    assert_eq!(known(append(&log, trail, 0..100)), first);
    assert_eq!(known(append(&log, trail, 100..150)), second);
    assert_eq!(log.view().trail(trail).unwrap().size.0, 150);
}

#[test]
fn segments_are_merged_when_nothing_is_appended_or_too_many_wait() {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Log::init(&seams).unwrap();
    let seal_at = SealAt { records: u64::MAX, bytes: u64::MAX, merge_debt: 10 };
    let log = Log::open(seams, seal_at).unwrap();
    let trail = log.ensure_trail(&TrailName::unnamed()).unwrap();
    let mut next = 0;
    let mut grow = || {
        append(&log, trail, next..next + 2);
        next += 2;
        log.seal().unwrap();
        log.view().segments().iter().filter(|s| s.class() != "system").count()
    };
    // Ten may wait; the eleventh makes a run of eight worth its price.
    let counts: Vec<usize> = (0..14).map(|_| grow()).collect();
    assert_eq!(counts, [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 4, 5, 6, 7]);
    assert_eq!((grow(), grow()), (8, 9));
    let before = log.view().segments().len();
    let maintain = |calls| {
        for _ in 0..calls {
            log.maintain().unwrap();
            log.wait_sealed().unwrap();
        }
        log.view().segments().len()
    };
    let calls = indelible_log::limits::MERGE_QUIET_CALLS;
    assert_eq!(maintain(calls), before, "the first call has nothing to compare with");
    append(&log, trail, 1000..1001);
    assert_eq!(maintain(calls), before, "something was appended");
    assert_eq!(maintain(1), before - 7);
    let mut grow = || {
        append(&log, trail, next..next + 2);
        next += 2;
        log.seal().unwrap();
    };
    // Quiet no more: what is sealed now waits again, unless somebody asks.
    (0..8).for_each(|_| grow());
    let waiting = log.view().segments().len();
    log.merge_now().unwrap();
    assert!(log.view().segments().len() < waiting);
    let seqs: Vec<Seq> = (0..log.view().trail(trail).unwrap().size.0).map(Seq).collect();
    assert_eq!(log.view().read(trail, &seqs).unwrap().len(), seqs.len());
}

#[test]
fn a_real_directory_tells_how_much_room_there_is() {
    use indelible_log::storage::{FileStorage, Storage};
    let dir = tempfile::tempdir().unwrap();
    let space = FileStorage::new(dir.path()).space().unwrap().unwrap();
    assert!(space.total >= 1 << 20 && space.free <= space.total, "{space:?}");
    assert!(FileStorage::new(dir.path().join("nowhere")).space().is_err());
}
