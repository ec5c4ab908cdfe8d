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
