//! A trail in this process.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use indelible::prelude::*;
use indelible::{Error, RecordError};

use crate::trail::{events, numbers, verified};

#[test]
fn what_is_recorded_is_in_a_provable_trail() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("audit");
    let recorder = Recorder::open(&data).unwrap();
    for number in 0..1_000 {
        recorder.record(Event::new("job.run").detail("number", number));
    }
    let receipt = recorder.record_durable(Event::new("key.make").actor("root")).wait().unwrap();
    assert_eq!(receipt.trail, "default");
    assert!(receipt.seq.is_some() && receipt.leaf.is_some());
    recorder.close().wait().unwrap();

    let kept = events(&data, "default");
    assert_eq!(numbers(&kept, "job.run"), Vec::from_iter(0..1_000));
    let key = kept.iter().find(|event| event["action"] == "key.make").unwrap();
    assert_eq!(key["seq"], receipt.seq.unwrap());
    assert_eq!(key["id"], receipt.id.to_string());
    verified(&data);
}

#[test]
fn a_closed_trail_is_opened_again_and_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    for number in 0..3 {
        let recorder = Recorder::open(dir.path()).unwrap();
        recorder.record(Event::new("job.run").detail("number", number));
        recorder.close().wait().unwrap();
    }
    assert_eq!(numbers(&events(dir.path(), "default"), "job.run"), [0, 1, 2]);
}

#[test]
fn two_at_once_cannot_write_one_directory() {
    let dir = tempfile::tempdir().unwrap();
    let first = Recorder::open(dir.path()).unwrap();
    let second = Recorder::open(dir.path()).unwrap_err();
    assert!(matches!(second, Error::Embedded { .. }), "{second}");
    assert!(second.to_string().contains("another process"), "{second}");
    drop(first);
}

#[test]
fn an_intent_is_durable_before_the_deed() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(dir.path()).unwrap();
    let event = Event::new("backup.delete").target("backup", "b-17").actor("maria");
    let operation = recorder.begin(event.before(serde_json::json!({"size": 4096}))).wait().unwrap();
    // Seen by another reader while nothing is closed or flushed.
    let seen = events(dir.path(), "default");
    assert_eq!(seen[0]["phase"], "intent");
    assert_eq!(seen[0]["changes"]["before"]["size"], 4096);
    let intent = operation.id().to_string();
    assert_eq!(seen[0]["id"], intent);
    operation.failure(&std::io::Error::other("disk on fire"));
    recorder.close().wait().unwrap();
    let kept = events(dir.path(), "default");
    assert_eq!(kept[1]["phase"], "outcome");
    assert_eq!(kept[1]["ref"], intent);
    assert_eq!(kept[1]["outcome"], "failure");
    assert_eq!(kept[1]["error"]["message"], "disk on fire");
    assert_eq!(kept[1]["actor"]["id"], "maria");
    let late = recorder.record_durable(Event::new("job.run")).wait();
    assert_eq!(late.unwrap_err(), RecordError::Closed);
}

#[test]
fn hostile_texts_cost_their_tail_and_never_the_event() {
    let dir = tempfile::tempdir().unwrap();
    let recorder = Recorder::open(dir.path()).unwrap();
    let huge = "\u{1}\"é".repeat(100_000);
    let deep = "[".repeat(200) + &"]".repeat(200);
    let deep: Box<serde_json::value::RawValue> =
        serde_json::value::RawValue::from_string(deep).unwrap();
    let events_made = [
        Event::new("Benutzer gelöscht!").actor(huge.clone()).target("x", huge.clone()),
        Event::new("").category("Ü").trail("_system").error(huge.clone()),
        Event::new("a..b").before(&huge).after(&huge).detail("password", &huge),
        Event::new("deep").after(&deep).detail("x", &deep),
        Event::new("many").target("x", ""),
        (0..100).fold(Event::new("many"), |event, n| event.target("x", n.to_string())),
        (0..2000).fold(Event::new("keys"), |event, n| event.detail(format!("k{n}"), n)),
        Event::new("nul").detail("\0", "\0").actor("\0"),
        Event::new("agent").with_context(|c| c.user_agent = Some(huge.clone().into())),
        Event::new("empty")
            .actor("")
            .target("", "")
            .category("")
            .trail("")
            .error("")
            .error_code(""),
    ];
    let count = events_made.len();
    for event in events_made {
        recorder.record(event);
    }
    recorder.close().wait().unwrap();
    let kept = events(dir.path(), "default");
    let kept: Vec<_> = kept.iter().filter(|event| event["action"] != "audit.loss").collect();
    assert_eq!(kept.len(), count, "{:?} {kept:?}", recorder.losses());
    assert_eq!(kept[0]["details"]["_action"], "Benutzer gelöscht!");
    verified(dir.path());
}

/// The child of the test below: records for ever, and says on its standard output what it handed over.
const CHILD: &str = "INDELIBLE_TEST_RECORDS_INTO";

#[test]
fn a_child_that_records_until_it_is_killed() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let recorder = Recorder::open(Path::new(&dir)).unwrap();
    let first = events(Path::new(&dir), "default").len();
    println!("\nopen {first}");
    for number in first as u64.. {
        recorder.record(Event::new("job.run").detail("number", number));
        // Not faster than it can be encoded, so that nothing is dropped and each hole is a fault.
        if number % 20 == 0 {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

#[test]
fn killed_in_full_flight_nothing_comes_twice_or_out_of_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "embedded::a_child_that_records_until_it_is_killed", "--nocapture"])
            .env(CHILD, dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // Long enough that it is in the middle of things, at another place each time.
        let until = Instant::now() + Duration::from_secs(20);
        let before = events_or_none(dir.path());
        while events_or_none(dir.path()) < before + 2_000 * (round + 1) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(20));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    // What the spool had is replayed by whoever opens the trail next.
    Recorder::open(dir.path()).unwrap().close().wait().unwrap();
    let kept = events(dir.path(), "default");
    let ids: std::collections::HashSet<_> = kept.iter().map(|e| e["id"].to_string()).collect();
    assert_eq!(ids.len(), kept.len(), "an event came twice");
    // Each source's numbers are whole up to the kill: nothing in the middle is missing.
    let mut sources = std::collections::BTreeMap::<String, Vec<u64>>::new();
    for event in kept.iter().filter(|event| event["source"].is_object()) {
        let source = event["source"]["id"].as_str().unwrap().to_owned();
        sources.entry(source).or_default().push(event["source"]["seq"].as_u64().unwrap());
    }
    assert!(sources.len() >= 3);
    for (source, mut seqs) in sources {
        seqs.sort_unstable();
        let hole = seqs.iter().zip(0..).find(|(seq, at)| *seq != at);
        assert_eq!(hole, None, "{source} has a hole");
    }
    verified(dir.path());
}

fn events_or_none(dir: &Path) -> usize {
    if dir.join("node.json").exists() { events(dir, "default").len() } else { 0 }
}
