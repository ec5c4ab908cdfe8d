use std::time::Duration;

use indelible_event::{TrailName, check};

use super::*;
use crate::record::{KeptRecord, Seq, TrailNo};
use crate::{Incoming, Log, SealAt, Seams};

const ON_REQUEST: SealAt = SealAt { records: u64::MAX, bytes: u64::MAX, merge_debt: 0 };
/// Longer than any test takes: who waits for it was not woken.
const LONG: Duration = Duration::from_secs(300);

struct Place {
    _dir: tempfile::TempDir,
    seams: Seams,
    log: Log,
    trail: TrailNo,
}

fn place(seal_at: SealAt) -> Place {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Log::init(&seams).unwrap();
    let log = Log::open(seams.clone(), seal_at).unwrap();
    let trail = log.ensure_trail(&TrailName::unnamed()).unwrap();
    Place { _dir: dir, seams, log, trail }
}

fn append(log: &Log, trail: TrailNo, numbers: std::ops::Range<u64>) {
    let json = |n| format!(r#"{{"action":"a.b","user_id":"u{n}","metadata":{{"n":{n}}}}}"#);
    let events: Vec<_> = numbers.map(|n| check(json(n).as_bytes()).unwrap()).collect();
    let batch: Vec<_> =
        events.iter().map(|event| Incoming { trail, event, recorded_by: None }).collect();
    for result in log.append(&batch) {
        result.unwrap();
    }
}

/// All of the tail from a position on, in steps of so many bytes.
fn tail(view: &View, mut from: Pos, bytes_max: usize) -> Vec<(Pos, Seq)> {
    let mut seen = Vec::new();
    loop {
        let next = view.tail(from, bytes_max, &mut |r| seen.push((r.pos, r.seq))).unwrap();
        if next == from {
            return seen;
        }
        from = next;
    }
}

#[test]
fn the_tail_is_given_from_any_place_in_steps_of_any_size() {
    let place = place(ON_REQUEST);
    let view = place.log.view();
    for n in 0..20 {
        append(&place.log, place.trail, n * 7..n * 7 + n % 5 + 1);
    }
    let end = view.next_pos();
    for bytes_max in [0, 1_000, 5_000, usize::MAX] {
        for from in 0..=end.0 {
            let positions: Vec<u64> =
                tail(view, Pos(from), bytes_max).iter().map(|(pos, _)| pos.0).collect();
            assert_eq!(positions, (from..end.0).collect::<Vec<_>>(), "{bytes_max} from {from}");
        }
    }
    // Position 0 is the making of the trail; from 1 on they are the trail's own.
    let all = tail(view, Pos(1), 1_000);
    assert!(all.iter().all(|(pos, seq)| pos.0 == seq.0 + 1));
    let beyond = Pos(end.0 + 5);
    assert_eq!(view.tail(beyond, 1, &mut |_| panic!("nothing is there")).unwrap(), beyond);
    place.log.seal().unwrap();
    let gone = view.tail(Pos(3), 1_000, &mut |_| panic!("it is sealed"));
    assert!(matches!(gone, Err(TailError::Gone { first }) if first == end), "{gone:?}");
    append(&place.log, place.trail, 500..501);
    assert_eq!(tail(view, end, 0).len(), 1);
}

#[test]
fn a_reader_in_another_process_has_the_same_tail_and_segments() {
    let place = place(ON_REQUEST);
    append(&place.log, place.trail, 0..10);
    place.log.seal().unwrap();
    append(&place.log, place.trail, 10..15);
    let (ours, other) = (place.log.view(), View::open(place.seams.storage.clone()).unwrap());
    let names = |view: &View| -> Vec<String> {
        view.segments().iter().map(|s| s.name().to_owned()).collect()
    };
    assert_eq!(names(ours), names(&other));
    assert_eq!(tail(ours, Pos(11), 100), tail(&other, Pos(11), 100));
    assert_eq!(other.next_pos(), Pos(16));
}

/// The positions of everything: from active files as it comes, from segments where they were sealed first.
fn follow(view: &View, until: u64) -> Vec<u64> {
    let mut from = Pos(0);
    let mut seen = Vec::new();
    let mut known = Seen::default();
    while from.0 < until {
        let next = view.tail(from, 2_000, &mut |record| seen.push(record.pos.0));
        match next {
            Ok(next) if next > from => from = next,
            Ok(_) => known = view.wait(known, LONG),
            Err(TailError::Gone { .. }) => {
                let snapshot = view.snapshot();
                assert!(snapshot.sealed_pos > from && snapshot.next_pos >= snapshot.sealed_pos);
                for handle in snapshot.segments.iter().filter(|s| s.last_pos() >= from) {
                    let rows: Vec<u32> = (0..handle.rows()).collect();
                    let records = view.read_rows(handle, &rows);
                    let positions = records.into_iter().map(|r| r.unwrap().pos);
                    seen.extend(positions.filter(|pos| *pos >= from).map(|pos| pos.0));
                }
                from = snapshot.sealed_pos;
            }
            Err(e) => panic!("{e}"),
        }
    }
    seen
}

#[test]
fn a_follower_beside_a_writer_that_seals_and_merges_gets_every_record_once() {
    let place = place(SealAt { records: 15, ..ON_REQUEST });
    let view = place.log.view();
    let mut seen = std::thread::scope(|scope| {
        let follower = scope.spawn(|| follow(view, 401));
        for n in 0..80 {
            append(&place.log, place.trail, n * 5..n * 5 + 5);
        }
        follower.join().unwrap()
    });
    seen.sort_unstable();
    assert_eq!(seen, (0..401).collect::<Vec<_>>());
}

#[test]
fn who_waits_is_woken_by_records_by_segments_and_by_the_end() {
    let place = place(ON_REQUEST);
    let view = place.log.view();
    let seen = view.seen();
    assert_eq!(view.wait(seen, Duration::ZERO), seen);
    // What came before is not waited for.
    assert_eq!(view.wait(Seen::default(), LONG), seen);
    std::thread::scope(|scope| {
        let waiter = scope.spawn(move || view.wait(seen, LONG));
        append(&place.log, place.trail, 0..3);
        assert!(waiter.join().unwrap().next_pos > seen.next_pos);
        let seen = view.seen();
        let waiter = scope.spawn(move || view.wait(seen, LONG));
        place.log.seal().unwrap();
        assert!(waiter.join().unwrap().generation > seen.generation);
        let seen = view.seen();
        let waiter = scope.spawn(move || view.wait(seen, LONG));
        place.log.close();
        assert!(waiter.join().unwrap().closed);
    });
    assert!(view.wait(view.seen(), LONG).closed);
}

#[test]
fn a_damaged_page_hides_no_row_that_does_not_lie_in_it() {
    let place = place(ON_REQUEST);
    append(&place.log, place.trail, 0..200);
    place.log.seal().unwrap();
    let storage = place.seams.storage.clone();
    let view = View::open(storage.clone()).unwrap();
    let of_trail = |view: &View| {
        let mut segments = view.segments();
        segments.retain(|s| s.rows() == 200);
        segments.pop().unwrap()
    };
    let handle = of_trail(&view);
    let (path, at) =
        (handle.0.entry.parquet(), handle.segment().unwrap().offset_of(70).unwrap() + 30);
    drop((handle, view));
    let file = storage.open(&path, true).unwrap();
    let mut byte = [0];
    crate::storage::read_exact_at(&*file, at, &mut byte).unwrap();
    file.write_at(at, &[byte[0] ^ 1]).unwrap();
    drop(place.log);

    let view = View::open(storage).unwrap();
    let failed = |results: Vec<Result<KeptRecord, LogError>>| -> Vec<usize> {
        let failed = results.iter().enumerate().filter(|(_, result)| result.is_err());
        failed.map(|(at, _)| at).collect()
    };
    let rows: Vec<u32> = (0..200).collect();
    let hidden = failed(view.read_rows(&of_trail(&view), &rows));
    assert_eq!(hidden, (64..128).collect::<Vec<_>>());
    let seqs: Vec<Seq> = (0..200).map(Seq).collect();
    assert_eq!(failed(view.read_each(place.trail, &seqs)), hidden);
    // Of several trails at once; what is not there is an error of its own.
    let system = TrailNo(0);
    let results =
        view.read_each_of(&[(place.trail, Seq(3)), (system, Seq(0)), (place.trail, Seq(200))]);
    assert_eq!(failed(results), [2]);
    assert!(view.read(place.trail, &seqs).is_err());
}

#[test]
fn nothing_settles_behind_a_group_that_is_being_written() {
    let place = place(ON_REQUEST);
    let view = place.log.view();
    append(&place.log, place.trail, 0..3);
    let (then, now) = (Micros(view.recorded_at_max().0 + 5), Micros(i64::MAX));
    assert_eq!(view.settled(now), now, "nothing is being written");
    view.state_mut().writing_at = Some(then);
    assert_eq!(view.settled(now), then);
    assert_eq!(view.settled(Micros(3)), Micros(3), "a clock that was set back");
    append(&place.log, place.trail, 3..4);
    assert_eq!(view.settled(now), now, "it is written");
}
