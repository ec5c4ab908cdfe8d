//! No room: what was chosen happens, and the trail tells how much was lost.

use std::time::{Duration, Instant};

use indelible_recorder::{Cause, WhenFull};

use crate::harness::{Node, numbered, seqs, told_losses, until};

#[test]
fn what_has_no_room_is_dropped_at_once_and_told_exactly() {
    let node = Node::default();
    let recorder =
        node.recorder_with(|builder| builder.memory_bytes(256 << 10).when_full(WhenFull::Drop));
    node.hang(true);
    let total = 20_000;
    let mut longest = Duration::ZERO;
    for n in 0..total {
        let begun = Instant::now();
        recorder.record(numbered(n));
        longest = longest.max(begun.elapsed());
    }
    // Not a second, which is what waiting would take; a busy machine may need some.
    assert!(longest < Duration::from_millis(900), "{longest:?}");
    node.hang(false);
    recorder.close().wait().unwrap();
    let dropped: u64 = recorder.losses().iter().map(|loss| loss.count).sum();
    assert!(recorder.losses().iter().all(|loss| loss.cause == Cause::Dropped));
    let events = node.arrived();
    assert!(dropped > total / 2, "{dropped}");
    assert_eq!(node.numbers().len() as u64 + dropped, total);
    assert_eq!(told_losses(&events, "dropped"), dropped);
    // Each loss took a number of the source.
    let seqs = seqs(&events);
    let [numbers] = seqs.values().collect::<Vec<_>>()[..] else { panic!("one source") };
    assert!(numbers.is_sorted_by(|a, b| a < b));
    let gaps = numbers.last().unwrap() + 1 - numbers.len() as u64;
    assert_eq!(gaps, dropped);
}

#[test]
fn an_event_that_is_larger_than_the_queue_costs_no_other_one() {
    let node = Node::default();
    let recorder =
        node.recorder_with(|builder| builder.memory_bytes(64 << 10).when_full(WhenFull::Drop));
    for n in 0..50 {
        recorder.record(numbered(n));
        recorder.record(numbered(n).detail("pad", "x".repeat(60 << 10)));
        recorder.flush().wait().unwrap();
    }
    recorder.close().wait().unwrap();
    let numbers = node.numbers();
    assert!((0..50).all(|n| numbers.contains(&n)), "the small ones had room");
}

#[test]
fn whoever_chose_to_wait_waits_for_room_and_not_for_ever() {
    let node = Node::default();
    let recorder =
        node.recorder_with(|builder| builder.memory_bytes(32 << 10).when_full(WhenFull::Wait));
    node.hang(true);
    let mut n = 0;
    let waited = loop {
        let begun = Instant::now();
        recorder.record(numbered(n));
        n += 1;
        if !recorder.losses().is_empty() {
            break begun.elapsed();
        }
    };
    assert!((900..5_000).contains(&waited.as_millis()), "{waited:?}");
    // With room again it waits only as long as it must, and nothing more is lost.
    node.hang(false);
    for more in 0..2_000 {
        recorder.record(numbered(n + more));
    }
    recorder.close().wait().unwrap();
    assert_eq!(node.numbers().len() as u64, n - 1 + 2_000);
    assert_eq!(told_losses(&node.arrived(), "dropped"), 1);
}

#[test]
fn a_spool_that_is_full_drops_and_tells_and_takes_more_later() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::default();
    let recorder = node.recorder_with(|builder| {
        builder.spool(dir.path()).spool_bytes(256 << 10).memory_bytes(64 << 10)
    });
    node.down();
    let total = 5_000;
    for n in 0..total {
        recorder.record(numbered(n));
    }
    until("it is full", || !recorder.losses().is_empty());
    node.up();
    recorder.close().wait().unwrap();
    let dropped: u64 = recorder.losses().iter().map(|loss| loss.count).sum();
    assert_eq!(node.numbers().len() as u64 + dropped, total);
    assert_eq!(told_losses(&node.arrived(), "dropped"), dropped);
}
