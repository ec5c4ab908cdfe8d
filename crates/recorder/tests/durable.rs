//! What is awaited: receipts, operations, and what becomes of them when nothing answers.

use std::io::{Error, ErrorKind};
use std::time::{Duration, Instant};

use indelible_recorder::{RecordError, SendError, Sent};

use crate::harness::{Node, numbered, until};

#[test]
fn an_awaited_event_does_not_wait_behind_a_backlog() {
    let node = Node::default();
    let recorder = node.recorder();
    // Everything of the backlog fails, and keeps being tried.
    let keeper = node.clone();
    node.rule(move |events| {
        let backlog = events.iter().any(|event| event["details"]["n"].as_u64() < Some(1_000));
        Some(if backlog { Err(SendError::passing("later")) } else { Ok(keeper.keep(events)) })
    });
    for n in 0..500 {
        recorder.record(numbered(n));
    }
    until("the backlog is tried", || !node.calls().is_empty());
    let begun = Instant::now();
    let receipt = recorder.record_durable(numbered(1_000)).wait().unwrap();
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(node.arrived()[0]["id"], receipt.id.to_string());
    node.up();
    recorder.close().wait().unwrap();
    assert_eq!(node.arrived().len(), 501);
}

#[test]
fn an_event_that_is_not_confirmed_in_time_arrives_later_once() {
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.durable_within(Duration::from_millis(50)));
    node.hang(true);
    let begun = Instant::now();
    let tickets: Vec<_> = (0..20).map(|n| recorder.record_durable(numbered(n))).collect();
    let mut ids = Vec::new();
    for ticket in tickets {
        let Err(RecordError::Unconfirmed { id, .. }) = ticket.wait() else { panic!("confirmed") };
        ids.push(id.to_string());
    }
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    node.hang(false);
    recorder.flush().wait().unwrap();
    recorder.close().wait().unwrap();
    let mut arrived: Vec<String> =
        node.arrived().iter().map(|event| event["id"].as_str().unwrap().to_owned()).collect();
    arrived.sort();
    ids.sort();
    assert_eq!(arrived, ids);
    assert!(recorder.losses().is_empty(), "{:?}", recorder.losses());
}

#[test]
fn an_awaited_event_is_answered_though_the_recorder_closes_with_a_stuck_transport() {
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.durable_within(Duration::MAX));
    node.hang(true);
    let ticket = recorder.record_durable(numbered(1));
    until("it is stuck", || !node.calls().is_empty());
    let left = recorder.close_within(Duration::from_millis(50)).wait();
    assert!(matches!(ticket.wait(), Err(RecordError::Unconfirmed { .. })));
    until("it is counted", || recorder.losses().iter().map(|l| l.count).sum::<u64>() == 1);
    drop(left);
    node.hang(false);
}

#[test]
fn what_is_awaited_has_a_bound() {
    let node = Node::default();
    let recorder = node.recorder_with(|builder| {
        builder.memory_bytes(64 << 10).durable_within(Duration::from_secs(60))
    });
    node.hang(true);
    let mut tickets: Vec<_> = (0..1_000).map(|n| recorder.record_durable(numbered(n))).collect();
    assert_eq!(tickets.pop().unwrap().wait(), Err(RecordError::Full));
    node.hang(false);
    let kept = tickets.into_iter().filter_map(|ticket| ticket.wait().ok()).count();
    recorder.close().wait().unwrap();
    let lost: u64 = recorder.losses().iter().map(|loss| loss.count).sum();
    assert_eq!(kept as u64 + lost, 1_000);
    assert_eq!(node.numbers().len(), kept);
}

#[test]
fn one_that_nobody_takes_does_not_hold_up_the_others_that_are_awaited() {
    let node = Node::default();
    let recorder = node.recorder();
    let keeper = node.clone();
    node.rule(move |events| {
        let poison = events.iter().any(|event| event["details"]["n"] == 13);
        let why = "too large".into();
        Some(if poison {
            Err(SendError { why, rejected: true, retry_after: None })
        } else {
            Ok(keeper.keep(events))
        })
    });
    node.hang(true);
    let tickets: Vec<_> = (0..40).map(|n| recorder.record_durable(numbered(n))).collect();
    node.hang(false);
    for (n, ticket) in tickets.into_iter().enumerate() {
        match ticket.wait() {
            Ok(_) => assert_ne!(n, 13),
            Err(RecordError::Refused { why }) => assert_eq!((n, &*why), (13, "too large")),
            Err(error) => panic!("{n}: {error}"),
        }
    }
}

#[test]
fn an_operation_that_could_not_be_announced_is_told_as_not_begun() {
    let node = Node::default();
    let recorder = node.recorder_with(|builder| builder.durable_within(Duration::from_millis(50)));
    node.down();
    let error = recorder.begin(numbered(1).before(7)).wait().unwrap_err();
    assert!(matches!(error, RecordError::Unconfirmed { .. }), "{error}");
    drop(recorder.begin(numbered(2)));
    node.up();
    recorder.close().wait().unwrap();
    let events = node.arrived();
    assert_eq!(events.len(), 4);
    for n in [1, 2] {
        let of = |phase: &str| {
            let found =
                events.iter().find(|e| e["details"]["n"] == n && e["phase"] == phase).unwrap();
            found.clone()
        };
        let (intent, outcome) = (of("intent"), of("outcome"));
        assert_eq!(outcome["ref"], intent["id"]);
        assert_eq!(outcome["error"]["code"], "not_begun");
        assert_eq!(
            (&intent["outcome"], &outcome["outcome"]),
            (&"pending".into(), &"failure".into())
        );
    }
}

#[test]
fn operations_end_as_they_did() {
    let node = Node::default();
    let recorder = node.recorder();
    let begin = |n| recorder.begin(numbered(n)).wait().unwrap();
    begin(0).success(());
    begin(1).failure(&Error::new(ErrorKind::NotFound, "no such file"));
    drop(begin(2));
    let panicking = begin(3);
    let thread = std::thread::spawn(move || {
        let _operation = panicking;
        panic!("on purpose");
    });
    assert!(thread.join().is_err());
    let receipt = begin(4).success_durable(9).wait().unwrap();
    let last = node.arrived().pop().unwrap();
    assert_eq!(last["id"], receipt.id.to_string());
    recorder.close().wait().unwrap();
    let mut outcomes: Vec<_> = node
        .arrived()
        .iter()
        .filter(|event| event["phase"] == "outcome")
        .map(|event| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            let n = event["details"]["n"].as_u64().unwrap();
            (n, text(&event["outcome"]), text(&event["error"]["message"]))
        })
        .collect();
    outcomes.sort();
    let expected = [
        (0, "success", ""),
        (1, "failure", "no such file"),
        (2, "unknown", "nobody said how it ended"),
        (3, "error", "panicked"),
        (4, "success", ""),
    ];
    let expected: Vec<_> =
        expected.iter().map(|(n, o, e)| (*n, (*o).to_owned(), (*e).to_owned())).collect();
    assert_eq!(outcomes, expected);
}

#[test]
fn a_ticket_may_be_dropped() {
    let node = Node::default();
    let recorder = node.recorder();
    for n in 0..100 {
        drop(recorder.record_durable(numbered(n)));
        drop(recorder.flush());
    }
    recorder.close().wait().unwrap();
    assert_eq!(node.arrived().len(), 100);
}

#[test]
fn a_refusal_is_heard_by_whoever_awaits() {
    let node = Node::default();
    let recorder = node.recorder();
    node.rule(|events| Some(Ok(events.iter().map(|_| Sent::Refused("no".into())).collect())));
    let answer = recorder.record_durable(numbered(1)).wait();
    assert_eq!(answer, Err(RecordError::Refused { why: "no".into() }));
    assert_eq!(recorder.losses().len(), 1);
    node.up();
    recorder.close().wait().unwrap();
    assert_eq!(node.actions(), ["audit.loss"]);
}
