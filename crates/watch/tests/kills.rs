//! The same history gives the same alerts, wherever a process was killed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use indelible_sim::Rng;
use serde_json::{Value, json};

use crate::node::{HOUR, LOGIN, MINUTE, Running, SECOND, World, brute, channel, folder, line};

/// What happens in a history.
#[derive(Clone, Debug)]
enum Step {
    Fail(String),
    Beat,
    Pass(i64),
    /// Somebody does something about the newest alert.
    Act(&'static str),
}

fn history() -> Vec<Step> {
    let mut steps = Vec::new();
    for round in 0..4 {
        for fail in 0..5 {
            steps.push(Step::Fail(format!("192.0.2.{}", (round + fail) % 3)));
            steps.push(Step::Pass(7 * SECOND));
        }
        steps.push(Step::Beat);
        steps.push(Step::Act(["alert.acknowledge", "alert.close"][round % 2]));
        steps.push(Step::Pass(23 * MINUTE));
    }
    steps.push(Step::Pass(2 * HOUR));
    steps
}

const SILENT: &str = "
title: Beat
name: beat
id: beat
logsource: { product: indelible }
detection: { s: { action: app.beat }, condition: s }
---
title: Silent
id: silent
correlation: { type: absence, rules: [ beat ], timespan: 20m }
";

fn rules() -> tempfile::TempDir {
    let settings = String::from("lateness: 1m\nescalate: { after: 10m }\nchannels:\n")
        + &channel("a", "    quiet: { from: \"12:10\", to: \"12:50\" }\n")
        + &channel("pager", "    only: escalations\n");
    folder(&settings, &[("a.yml", LOGIN), ("b.yml", &brute(2)), ("c.yml", SILENT)])
}

fn take(step: &Step, world: &World) {
    match step {
        Step::Fail(ip) => world.fail(ip),
        Step::Beat => world.append("default", json!({"action": "app.beat", "outcome": "success"})),
        Step::Pass(micros) => world.clock.advance(*micros),
        Step::Act(action) => {
            let opened = world.told("alert.open");
            let id = opened.last().unwrap()["id"].as_str().unwrap().to_owned();
            world.act(action, &id, json!({"note": "seen"}));
        }
    }
}

/// What was decided: by id, what it was. The log has each id once.
fn decided(world: &World) -> BTreeMap<String, (Value, Value, Value)> {
    let events = world.told("");
    let own = events.iter().filter(|event| event["actor"]["id"] == "indelible");
    own.map(|e| {
        let what = (e["action"].clone(), e["occurred_at"].clone(), e["details"].clone());
        (e["id"].as_str().unwrap().to_owned(), what)
    })
    .collect()
}

fn run(dir: &Path, mut kill: impl FnMut(usize, &Arc<World>, Running) -> Running) -> Arc<World> {
    let world = World::new();
    let mut watch = Running::start(&world, dir);
    for (at, step) in history().iter().enumerate() {
        take(step, &world);
        watch.settle();
        watch = kill(at, &world, watch);
    }
    watch.stop();
    world
}

#[test]
fn a_kill_behind_any_step_changes_nothing() {
    let dir = rules();
    let whole = run(dir.path(), |_, _, watch| watch);
    let expected = decided(&whole);
    let said = line(&whole.told("alert.")).join("\n");
    for part in ["open Brute force", "open Silent", "repeat 10", "escalate", "quiet_end"] {
        assert!(said.contains(part), "the history has too little in it: no {part} in\n{said}");
    }
    let again = run(dir.path(), |_, world, watch| {
        watch.kill();
        Running::start(world, dir.path())
    });
    assert_eq!(decided(&again), expected);
    for only in 0..history().len() {
        let once = run(dir.path(), |at, world, watch| {
            if at != only {
                return watch;
            }
            watch.kill();
            Running::start(world, dir.path())
        });
        assert_eq!(decided(&once), expected, "killed behind step {only}");
    }
}

#[test]
fn a_kill_between_any_two_deeds_changes_nothing() {
    let dir = rules();
    let expected = decided(&run(dir.path(), |_, _, watch| watch));
    for deeds in 1..expected.len() {
        let world = World::new();
        let mut watch = Running::dying(&world, dir.path(), deeds);
        let mut died = false;
        for step in &history() {
            if watch.process.is_dead() {
                watch.kill();
                watch = Running::start(&world, dir.path());
                died = true;
            }
            take(step, &world);
            watch.settle();
        }
        if watch.process.is_dead() {
            watch.kill();
            watch = Running::start(&world, dir.path());
            died = true;
        }
        watch.stop();
        assert!(died);
        assert_eq!(decided(&world), expected, "killed at deed {deeds}");
    }
}

#[test]
fn a_node_that_was_down_finds_what_happened_meanwhile() {
    let dir = rules();
    let expected = decided(&run(dir.path(), |_, _, watch| watch));
    let mut rng = Rng::new(7);
    for _ in 0..10 {
        let world = World::new();
        let mut watch = Some(Running::start(&world, dir.path()));
        for step in &history() {
            // Somebody acts only on what they see.
            if watch.is_none() && (matches!(step, Step::Act(_)) || rng.below(0..3) == 0) {
                watch = Some(Running::start(&world, dir.path()));
            }
            take(step, &world);
            if let Some(running) = watch.take() {
                running.settle();
                match rng.below(0..3) {
                    0 => running.stop(),
                    1 => running.kill(),
                    _ => watch = Some(running),
                }
            }
        }
        let last = watch.unwrap_or_else(|| Running::start(&world, dir.path()));
        last.settle();
        last.stop();
        assert_eq!(decided(&world), expected);
    }
}

#[test]
fn a_node_that_cannot_write_for_a_while_loses_nothing() {
    let dir = folder("", &[("b.yml", &brute(2))]);
    let world = World::new();
    let watch = Running::start(&world, dir.path());
    watch.process.full.store(true, Ordering::SeqCst);
    for ip in ["192.0.2.1", "192.0.2.1", "192.0.2.2", "192.0.2.2"] {
        world.fail(ip);
    }
    watch.process.refused(2);
    let trouble = watch.trouble();
    assert!(trouble.contains("alert.open") && trouble.contains("the disk is full"), "{trouble}");
    assert!(watch.alerts().is_empty(), "nobody is shown what is not recorded");
    watch.process.full.store(false, Ordering::SeqCst);
    watch.settle();
    assert_eq!(world.told("alert.open").len(), 2);
    assert_eq!(watch.alerts().len(), 2);
    assert_eq!(watch.trouble(), "");
    watch.stop();
}

#[test]
fn a_first_start_fills_windows_and_tells_nothing_of_the_past() {
    let dir = folder("", &[("a.yml", LOGIN), ("b.yml", &brute(4))]);
    let world = World::new();
    (0..3).for_each(|_| world.fail("192.0.2.1"));
    let watch = Running::start(&world, dir.path());
    assert!(world.told("alert.").is_empty());
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(
        line(&world.told("alert.open")),
        ["open Failed login: ada", "open Brute force: 192.0.2.1 (4 times)"]
    );
    watch.stop();
}

#[test]
fn another_log_and_a_damaged_place_are_told() {
    let dir = folder("", &[("a.yml", LOGIN)]);
    let world = World::new();
    let watch = Running::start(&world, dir.path());
    world.fail("192.0.2.1");
    watch.settle();
    watch.stop();
    let other = World::new();
    *other.storage.lock().unwrap() = world.storage.lock().unwrap().clone();
    (0..9).for_each(|_| other.append("x", json!({"action": "a.b"})));
    let watch = Running::start(&other, dir.path());
    assert!(watch.trouble().contains("not the log"), "{}", watch.trouble());
    other.fail("192.0.2.1");
    watch.settle();
    assert_eq!(other.told("alert.open").len(), 1, "it goes on none the less");
    watch.stop();
    world.storage.lock().unwrap().put("watch/state", Some(b"x"));
    let watch = Running::start(&world, dir.path());
    assert!(watch.trouble().contains("watch/state"), "{}", watch.trouble());
    // What is open is known from the log: it is opened no second time.
    world.fail("192.0.2.1");
    watch.settle();
    assert_eq!(world.told("alert.open").len(), 1);
    assert_eq!(watch.alert(&watch.alerts()[0])["count"], 2);
    watch.stop();
}
