//! Reading a log of which segments left the disk for an archive.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use indelible_event::{TrailName, check};
use indelible_log::Seams;
use indelible_sim::ManualClock;
use indelible_store::{InitOptions, Item, OpenOptions, Store};
use serde_json::json;

use crate::harness::{self, Log};

/// 2026-01-01T00:00:00Z.
const LONG_AGO: i64 = 1_767_225_600_000_000;

/// A log with 300 events of long ago, sealed.
fn old() -> Log {
    let log = Log::none();
    let clock = Arc::new(ManualClock::at(LONG_AGO));
    let seams = Seams { clock, ..Seams::real(log.data()) };
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    let store = Store::open(seams, options).unwrap();
    let item = |n: u64| {
        let actor = json!({"type": "user", "id": format!("u{}", n % 10)});
        let event = json!({"action": "file.read", "actor": actor, "details": {"n": n}});
        let event = check(event.to_string().as_bytes()).unwrap();
        Item { trail: TrailName::parse("shop").unwrap(), event, recorded_by: None }
    };
    let items: Vec<Item> = (0..300).map(item).collect();
    assert!(store.append(&items).iter().all(Result::is_ok));
    store.log().seal().unwrap();
    store.close().unwrap();
    log
}

fn segments(log: &Log) -> usize {
    let files = harness::files(&log.path("data/segments"));
    files.iter().filter(|path| path.extension().is_some_and(|e| e == "parquet")).count()
}

#[test]
fn what_left_the_disk_is_searched_shown_proven_and_verified() {
    let log = old();
    log.run(["archive", "--to", "archive"]).ok();
    let before = segments(&log);
    log.run(["archive", "offload", "--to", "archive", "--older-than", "1d"]).ok();
    assert!(segments(&log) < before);
    let cat = log.run(["cat", "--trail", "shop"]).ok().json();
    assert_eq!(cat.len(), 300);
    assert_eq!(cat[7]["details"]["n"], 7);
    let id = cat[7]["id"].as_str().unwrap();
    assert!(log.run(["show", id]).ok().stdout.contains("u7"));
    assert_eq!(log.run(["search", "actor:u3", "--trail", "shop"]).ok().json().len(), 30);
    log.run(["prove", "--trail", "shop", "--seq", "7", "--out", "proof"]).ok();
    log.run(["verify", "proof", "proof", "--key", log.key("shop").trim()]).ok();
    let report = log.run(["verify", "log", "--json"]).ok().json();
    assert_eq!(report[0]["holds"], true);
    assert!(report[0]["records"].as_u64().unwrap() > 300);
    log.run(["export", "--trail", "shop", "--out", "shop.ndjson"]).ok();
    assert_eq!(harness::read_text(&log.path("shop.ndjson")).lines().count(), 300);

    harness::remove_dir(&log.path("archive"));
    log.run(["verify", "log"]).status(1).says("archive");
    assert_ne!(log.run(["cat", "--trail", "shop"]).code, 0);
}
