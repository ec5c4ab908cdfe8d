//! Each event of a batch has its own result: what becomes of one says nothing of the others.

use indelible_event::Checked;
use indelible_log::record::TrailNo;
use indelible_log::storage::{Space, Storage};
use indelible_log::{AppendError, Appended, Incoming, Log};
use indelible_sim::{CallKind, Fault, Plan, make_event};

use crate::driver::{Driver, Failed, Step, events};

/// A log with events 0, 1 and 2 of trail alpha.
fn three() -> Driver {
    let mut driver = Driver::new(7);
    let step = Step::Append { trail: "alpha", from: 0, count: 3, padding: 0 };
    driver.run(&[step]).expect("nothing fails yet");
    driver
}

fn append(driver: &mut Driver, events: &[Checked]) -> Vec<Result<Appended, AppendError>> {
    let trail = driver.trail("alpha").expect("the trail is there");
    let incoming = |event| Incoming { trail, event, recorded_by: None };
    driver.log().append(&events.iter().map(incoming).collect::<Vec<_>>())
}

/// Opens the log anew without the model, which knows nothing of what is appended here.
fn reopen(driver: &mut Driver) {
    driver.close();
    driver.log = Some(Log::open(driver.seams(), driver.seal_at).expect("nothing fails"));
}

/// Results in short: `+5` new at seq 5, `=5` known there, `!5` another event there, else the error.
fn told(results: &[Result<Appended, AppendError>]) -> Vec<String> {
    let tell = |result: &Result<Appended, AppendError>| match result {
        Ok(Appended::Kept(r)) => format!("{}{}", if r.known { '=' } else { '+' }, r.seq.0),
        Ok(Appended::Conflict { seq, .. }) => format!("!{}", seq.0),
        Err(AppendError::Unreadable(_)) => "unreadable".into(),
        Err(e) => format!("{e:?}"),
    };
    results.iter().map(tell).collect()
}

#[test]
fn a_conflict_and_repetitions_among_good_events_concern_themselves_alone() {
    let mut driver = three();
    let batch = [(10, 0), (1, 1), (11, 0), (1, 0), (10, 0), (10, 1), (12, 0)]
        .map(|(n, variant)| make_event(n, variant, 0));
    for again in [false, true] {
        let results = append(&mut driver, &batch);
        let expected = match again {
            false => ["+3", "!1", "+4", "=1", "=3", "!3", "+5"],
            true => ["=3", "!1", "=4", "=1", "=3", "!3", "=5"],
        };
        assert_eq!(told(&results), expected);
        driver.log().seal().unwrap();
        reopen(&mut driver);
    }
}

#[test]
fn an_unreadable_twin_in_the_active_file_stops_no_other_event() {
    let mut driver = three();
    let batch = [10, 1, 11].map(|n| make_event(n, 0, 0));
    let kind = Some(CallKind::Read);
    driver.faults.plan(Plan { fault: Fault::Eio, at: 0, kind, sticky: true });
    assert_eq!(told(&append(&mut driver, &batch)), ["+3", "unreadable", "+4"]);
    driver.faults.heal();
    assert_eq!(told(&append(&mut driver, &batch)), ["=3", "=1", "=4"]);
}

#[test]
fn an_unreadable_twin_in_a_segment_stops_no_other_event() {
    let mut driver = three();
    driver.run(&[Step::Seal]).unwrap();
    driver.close();
    for name in driver.power.list("segments").unwrap() {
        if name.ends_with(".parquet") {
            let file = driver.power.open(&format!("segments/{name}"), true).unwrap();
            for at in (16..file.len().unwrap() / 3).step_by(16) {
                file.write_at(at, b"?").unwrap();
            }
        }
    }
    reopen(&mut driver);
    let batch = [10, 1, 11, 10].map(|n| make_event(n, 0, 0));
    assert_eq!(told(&append(&mut driver, &batch)), ["+3", "unreadable", "+4", "=3"]);
}

#[test]
fn a_disk_that_fills_in_the_second_piece_of_a_batch_hides_no_receipt_of_the_first() {
    let mut driver = three();
    // Two pieces: the second one begins once four megabytes are full.
    let batch = events(100, 30, 200 << 10);
    // A piece is two writes, the group and its side word.
    let kind = Some(CallKind::Write);
    driver.faults.plan(Plan { fault: Fault::Enospc, at: 2, kind, sticky: true });
    let results = append(&mut driver, &batch);
    let kept = results.iter().take_while(|result| result.is_ok()).count();
    assert!((10..25).contains(&kept), "{kept}");
    assert!(results[kept..].iter().all(|result| *result == Err(AppendError::Full)));
    driver.faults.heal();
    let again = told(&append(&mut driver, &batch));
    assert!(again[..kept].iter().all(|told| told.starts_with('=')), "{again:?}");
    assert!(again[kept..].iter().all(|told| told.starts_with('+')), "{again:?}");
}

#[test]
fn the_reserve_is_for_what_the_node_tells_of_itself() {
    let mut driver = three();
    let total = 1_000_000;
    let have = |driver: &Driver, free| {
        driver.faults.set_space(Some(Space { free, total }));
        // The last look at the room is out of date then.
        driver.clock.advance(2_000_000);
    };
    have(&driver, total / 20);
    assert_eq!(told(&append(&mut driver, &events(10, 1, 0))), ["+3"]);
    have(&driver, total / 20 - 1);
    assert!(!driver.log().has_room());
    // What is known needs no room, whether it is in the active file or in a segment.
    let batch = [1, 20, 10].map(|n| make_event(n, 0, 0));
    assert_eq!(told(&append(&mut driver, &batch)), ["=1", "Full", "=3"]);
    driver.log().seal().unwrap();
    assert_eq!(told(&append(&mut driver, &batch)), ["=1", "Full", "=3"]);
    assert!(matches!(driver.trail("beta"), Err(Failed::Append(AppendError::Full))));
    let event = make_event(30, 0, 0);
    let own = Incoming { trail: TrailNo(0), event: &event, recorded_by: None };
    assert_eq!(told(&driver.log().append_own(&[own])), ["+1"]);
    have(&driver, total / 2);
    assert_eq!(told(&append(&mut driver, &batch)), ["=1", "+4", "=3"]);
}
