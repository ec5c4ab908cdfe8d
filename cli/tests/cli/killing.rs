//! What takes long is killed in the middle, at moments all over it, and done again: nothing is lost or doubled, and
//! everything verifies.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::{Duration, Instant};

use indelible_sim::scale;

use crate::harness::{self, Log, Ran};
use crate::keeping::{admin, grep};

/// Events in the log.
const EVENTS: usize = 4000;
/// How often each is killed; `INDELIBLE_KILLS` says otherwise.
const KILLS: u64 = 4;

/// A log with segments and records that are not sealed yet.
fn filled() -> Log {
    let log = Log::new();
    let lines: String = (0..EVENTS)
        .map(|n| {
            let who = if n % 4 == 0 { "zacharias.q" } else { "jonas" };
            format!("{{\"action\":\"a.b\",\"user_id\":\"{who}\",\"details\":{{\"n\":{n},\"pad\":\"{n:0400}\"}}}}\n")
        })
        .collect();
    let (sealed, live) = lines.split_at(lines.len() / 10 * 9);
    let (sealed, rest) = sealed.rsplit_once('\n').unwrap();
    log.feed(["append", "--trail", "shop"], sealed.as_bytes()).ok();
    log.run(["seal"]).ok();
    log.feed(["append", "--trail", "shop"], format!("{rest}{live}").as_bytes()).ok();
    log
}

/// How long a command takes on a copy of what is there.
#[expect(clippy::disallowed_methods, reason = "real time, of a real process")]
fn takes(log: &Log, args: &[&str]) -> Duration {
    let data = log.data().display().to_string();
    let copy = log.path("copy");
    harness::copy(Path::new(&data), &copy);
    let begun = Instant::now();
    let ran = log.run([args, &["--data", copy.to_str().unwrap()]].concat());
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let took = begun.elapsed();
    harness::remove_dir(&copy);
    took
}

/// Starts a command again and again and kills it, each time later.
#[expect(clippy::disallowed_methods, reason = "it is killed at some time, not at some event")]
fn kill(log: &Log, args: &[&str], took: Duration) {
    let kills = scale("INDELIBLE_KILLS", KILLS) as u32;
    for n in 1..=kills {
        let mut child = log.start(args);
        std::thread::sleep(took * n / (kills + 1));
        // One that was done before then was done.
        let _ = child.kill();
        Ran::of(child.wait_with_output().unwrap());
    }
}

fn verified(log: &Log, data: &str) -> usize {
    log.run(["verify", "log", "--data", data]).ok();
    log.run(["cat", "--trail", "shop", "--data", data]).ok().stdout.lines().count()
}

/// How many intents of `_system` have no outcome.
fn unfinished(log: &Log) -> usize {
    let told = log.run(["cat", "--trail", "_system"]).ok().json();
    let ended = |id: &serde_json::Value| told.iter().any(|event| event["ref"] == *id);
    told.iter().filter(|event| event["phase"] == "intent" && !ended(&event["id"])).count()
}

#[test]
fn a_backup() {
    let log = filled();
    let create = ["backup", "create", "--to", "backups"];
    let took = takes(&log, &["backup", "create", "--to", "other"]);
    kill(&log, &create, took);
    let made = log.run([&create[..], &["--json"]].concat()).ok().json();
    let id = made[0]["backup_id"].as_str().unwrap();
    log.run(["backup", "verify", id]).ok();
    log.run(["restore", id, "--from", "backups", "--into", "new", "--accept-rollback"]).ok();
    assert_eq!((verified(&log, "new"), verified(&log, "data")), (EVENTS, EVENTS));
}

#[test]
fn a_restore() {
    let log = filled();
    let made = log.run(["backup", "create", "--to", "backups", "--json"]).ok().json();
    let id = made[0]["backup_id"].as_str().unwrap();
    log.fill("shop", 5);
    let restore = ["restore", id, "--from", "backups", "--accept-rollback"];
    let took = takes(&log, &restore);
    kill(&log, &restore, took);
    // Either nothing was exchanged yet, or it is finished.
    let ran = log.run(["restore", "--continue"]);
    assert!(ran.code <= 1, "{}", ran.stderr);
    log.run(restore).ok();
    assert_eq!(verified(&log, "data"), EVENTS);
    log.fill("shop", 1);
    assert_eq!(verified(&log, "data"), EVENTS + 1);
}

#[test]
fn a_purge() {
    let log = filled();
    let second = admin(&log, "second");
    let today = indelible_log::Clock::now(&indelible_log::SystemClock).to_string()[..10].to_owned();
    let purge =
        ["purge", "--query", "actor:zacharias.q", "--until", &today, "--reason", "r", "--json"];
    let asked = log.run(purge).ok().json();
    let confirm = ["confirm", asked[0]["request"].as_str().unwrap(), "--key", &second];
    let took = takes(&log, &confirm);
    kill(&log, &confirm, took);
    // What both agreed on is gone on with, whoever lets go what is due next.
    log.run(confirm);
    log.run(["retention", "run"]).ok();
    assert_eq!(unfinished(&log), 0);
    assert_eq!(log.run(["search", "actor:zacharias.q", "--all"]).ok().json().len(), 0);
    let left = log.run(["search", "actor:jonas", "--trail", "shop", "--all"]).ok().json();
    assert_eq!((left.len(), verified(&log, "data")), (EVENTS / 4 * 3, EVENTS));
}

#[test]
fn an_erasure() {
    let log = filled();
    let second = admin(&log, "second");
    let erase = ["erase", "--subject", "zacharias.q", "--authority", "GDPR 17", "--json"];
    let asked = log.run(erase).ok().json();
    let confirm = [
        "confirm",
        asked[0]["request"].as_str().unwrap(),
        "--subject",
        "zacharias.q",
        "--key",
        &second,
    ];
    let took = takes(&log, &confirm);
    kill(&log, &confirm, took);
    log.run(confirm);
    log.run(["retention", "run"]).ok();
    assert_eq!(unfinished(&log), 0);
    assert_eq!(grep(&log, "zacharias.q"), Vec::<std::path::PathBuf>::new());
    let done = log.run(["erase", "list"]).ok().json();
    let records: u64 = done.iter().filter_map(|erasure| erasure["records"].as_u64()).sum();
    assert_eq!((records, verified(&log, "data")), (EVENTS as u64 / 4, EVENTS));
}

#[test]
fn an_archive() {
    let log = filled();
    let archive = ["archive", "--to", "archive"];
    let took = takes(&log, &["archive", "--to", "other"]);
    kill(&log, &archive, took);
    log.run(archive).ok();
    log.run(["import", "archive", "--into", "new"]).ok();
    assert_eq!(verified(&log, "data"), EVENTS);
    let brought = log.run(["cat", "--trail", "shop", "--data", "new"]).ok().stdout;
    assert_eq!(brought.lines().count(), EVENTS);
}
