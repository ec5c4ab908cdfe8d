//! Transports that fail in part, wholly, wrongly, or by panicking.

use std::time::{Duration, Instant};

use indelible_recorder::{Cause, SendError, Sent};

use crate::harness::{Node, numbered, told_losses, until};

fn rejected(why: &str) -> SendError {
    SendError { why: why.into(), rejected: true, retry_after: None }
}

#[test]
fn one_bad_event_of_a_batch_costs_only_itself() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.spool(dir.path()));
    let keeper = node.clone();
    node.rule(move |events| {
        let poison = events.iter().any(|event| event["details"]["n"] == 77);
        Some(if poison { Err(rejected("too large")) } else { Ok(keeper.keep(events)) })
    });
    for n in 0..100 {
        recorder.record(numbered(n));
    }
    recorder.close().wait().unwrap();
    assert_eq!(node.numbers(), (0..100).filter(|n| *n != 77).collect::<Vec<_>>());
    assert_eq!(node.twice(), 0);
    assert_eq!(recorder.losses().len(), 1);
    assert_eq!(recorder.losses()[0].cause, Cause::Refused);
    let text = std::fs::read_to_string(dir.path().join("refused.ndjson")).unwrap();
    let refused: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&refused["why"], &refused["event"]["details"]["n"]),
        (&"too large".into(), &77.into())
    );
}

#[test]
fn events_that_failed_are_sent_until_they_are_kept_and_refusals_are_counted_once() {
    let node = Node::default();
    let recorder = node.recorder();
    let keeper = node.clone();
    let mut calls = 0;
    node.rule(move |events| {
        calls += 1;
        let answer = |event: &serde_json::Value| match event["details"]["n"].as_u64() {
            Some(n) if n % 10 == 3 => Sent::Refused("never".into()),
            // Nobody makes progress for a while.
            Some(n) if n % 2 == 1 && calls < 5 => Sent::Failed("not now".into()),
            _ => keeper.keep(std::slice::from_ref(event)).remove(0),
        };
        Some(Ok(events.iter().map(answer).collect()))
    });
    for n in 0..50 {
        recorder.record(numbered(n));
    }
    recorder.close().wait().unwrap();
    let mut numbers = node.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..50).filter(|n| n % 10 != 3).collect::<Vec<_>>());
    assert_eq!(node.twice(), 0);
    assert_eq!(recorder.losses().iter().map(|loss| loss.count).sum::<u64>(), 5);
}

#[test]
fn an_answer_about_another_number_of_events_is_no_answer() {
    let node = Node::default();
    let recorder = node.recorder();
    let mut calls = 0;
    node.rule(move |_| {
        calls += 1;
        (calls <= 2).then(|| Ok(vec![]))
    });
    for n in 0..10 {
        recorder.record(numbered(n));
    }
    recorder.close().wait().unwrap();
    assert_eq!(node.numbers(), (0..10).collect::<Vec<_>>());
    assert!(recorder.losses().is_empty());
}

#[test]
fn the_pause_that_is_asked_for_is_kept() {
    let node = Node::default();
    let recorder = node.recorder();
    let mut calls = 0;
    let pause = Duration::from_millis(400);
    node.rule(move |_| {
        calls += 1;
        let error = SendError { why: "busy".into(), rejected: false, retry_after: Some(pause) };
        (calls == 1).then_some(Err(error))
    });
    recorder.record(numbered(1));
    // Whoever waits does not make it shorter.
    recorder.flush().wait().unwrap();
    let calls = node.calls();
    assert_eq!(calls.len(), 2);
    assert!(calls[1].0 - calls[0].0 >= pause);
}

#[test]
fn a_transport_that_panics_costs_a_sending() {
    let node = Node::default();
    let recorder = node.recorder();
    let mut calls = 0;
    node.rule(move |_| {
        calls += 1;
        assert!(calls > 2, "on purpose");
        None
    });
    for n in 0..10 {
        recorder.record(numbered(n));
    }
    recorder.flush().wait().unwrap();
    assert_eq!(node.numbers(), (0..10).collect::<Vec<_>>());
    let mut calls = 0;
    node.rule(move |_| {
        calls += 1;
        assert!(calls > 2, "on purpose");
        None
    });
    recorder.record_durable(numbered(10)).wait().unwrap();
    recorder.close().wait().unwrap();
    assert!(recorder.losses().is_empty());
}

#[test]
fn a_receiver_that_refuses_even_the_losses_does_not_keep_it_from_closing() {
    let node = Node::default();
    let recorder = node.recorder();
    node.rule(|events| Some(Ok(events.iter().map(|_| Sent::Refused("no".into())).collect())));
    for n in 0..10 {
        recorder.record(numbered(n));
    }
    let begun = Instant::now();
    recorder.close().wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert!(recorder.losses().iter().map(|loss| loss.count).sum::<u64>() >= 10);
}

#[test]
fn an_outage_under_load_loses_nothing_and_takes_no_more_memory_than_allowed() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.spool(dir.path()));
    node.down();
    let (threads, each) = (8, 2_000);
    let before = resident_bytes();
    let mut most = 0;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let recorder = &recorder;
            scope.spawn(move || {
                for n in 0..each {
                    // About a kilobyte each, 16 MB together.
                    let event = numbered(thread * each + n).detail("pad", "x".repeat(700));
                    recorder.record(event);
                    if n % 20 == 0 {
                        std::thread::sleep(Duration::from_millis(10));
                    }
                }
            });
        }
        for _ in 0..150 {
            most = most.max(resident_bytes());
            std::thread::sleep(Duration::from_millis(5));
        }
    });
    until("it was tried", || !node.calls().is_empty());
    most = most.max(resident_bytes());
    // The queue has 16 MiB, the spool 4 MiB and a segment of 8 MiB; the rest is the allocator's.
    assert!(most - before < 80 << 20, "{} bytes more", most - before);
    assert!(recorder.losses().is_empty(), "{:?}", recorder.losses());
    node.up();
    recorder.close().wait().unwrap();
    let events = node.arrived();
    assert_eq!(events.len() as u64, threads * each);
    assert_eq!(node.twice(), 0);
    for seqs in crate::harness::seqs(&events).values() {
        assert!(seqs.is_sorted_by(|a, b| a < b), "in order");
    }
    assert_eq!(told_losses(&events, "dropped"), 0);
    drop(recorder);
    let left: Vec<_> =
        std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
    assert_eq!(left, ["lock"]);
}

/// Zero where the system does not say.
fn resident_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS"));
    let kilobytes = line.and_then(|line| line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok());
    kilobytes.unwrap_or(0) << 10
}

#[test]
fn what_one_recorder_could_not_send_the_next_one_sends() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.spool(dir.path()));
    node.hang(true);
    for n in 0..1_000 {
        recorder.record(numbered(n));
    }
    let awaited = recorder.record_durable(numbered(1_000));
    until("it is stuck", || node.calls().len() == 2);
    let left = recorder.close_within(Duration::from_millis(100)).wait().unwrap_err();
    assert!(awaited.wait().is_err());
    assert!(left.events >= 1_000 && left.spooled, "{left:?}");
    assert!(recorder.losses().is_empty(), "{:?}", recorder.losses());
    // Even though a sending of the first is still stuck.
    let next = Node::default();
    let recorder = next.recorder_with(|builder| builder.spool(dir.path()));
    recorder.flush().wait().unwrap();
    let mut numbers = next.numbers();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..=1_000).collect::<Vec<_>>());
    node.hang(false);
}
