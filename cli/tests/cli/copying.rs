//! Backups, restoring, archives and imports.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use crate::harness::{self, Log, Node};

fn filled() -> Log {
    let log = Log::new();
    log.fill("shop", 300);
    log.run(["seal"]).ok();
    log.fill("shop", 20);
    log
}

fn count(log: &Log, data: &str) -> usize {
    log.run(["cat", "--trail", "shop", "--data", data]).ok().stdout.lines().count()
}

/// Makes a backup, and gives its id.
fn backup(log: &Log, more: &[&str]) -> String {
    let made = log.run([&["backup", "create", "--to", "backups", "--json"], more].concat()).ok();
    made.json()[0]["backup_id"].as_str().unwrap().to_owned()
}

#[test]
fn a_backup_is_made_listed_verified_restored_and_deleted() {
    let log = filled();
    let id = backup(&log, &[]);
    let list = log.run(["backup", "list"]).ok().json();
    assert_eq!((&list[0]["id"], &list[0]["state"]), (&id.as_str().into(), &"complete".into()));
    assert!(log.run(["backup", "list", "--text"]).ok().stdout.contains(&id));
    assert!(log.run(["backup", "show", &id]).ok().stdout.contains("full"));
    log.run(["backup", "verify", &id]).ok();
    let into = ["restore", &id, "--from", "backups", "--into"];
    log.run([&into[..], &["read"]].concat()).ok().says("for reading");
    assert_eq!(count(&log, "read"), 320);
    log.run([&into[..], &["new", "--accept-rollback"]].concat()).ok();
    assert_eq!(count(&log, "new"), 320);
    log.run(["verify", "log", "--data", "new"]).ok();
    // Not over what is there.
    log.run(["restore", &id, "--from", "backups", "--into", "new"]).status(1).says("not empty");

    log.fill("shop", 10);
    let more = backup(&log, &["--type", "incremental"]);
    let files = harness::files(&log.path(&format!("backups/{more}")));
    let whole = harness::files(&log.path(&format!("backups/{id}")));
    assert!(files.len() < whole.len(), "{files:?} {whole:?}");
    log.run(["restore", &more, "--from", "backups", "--into", "newer"]).ok();
    assert_eq!(count(&log, "newer"), 330);

    let segment = whole.iter().find(|f| f.to_string_lossy().ends_with(".parquet")).unwrap();
    let path = log.path(&format!("backups/{id}")).join(segment);
    let mut bytes = harness::read(&path);
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    harness::write(&path, bytes);
    let name = segment.file_name().unwrap().to_str().unwrap();
    log.run(["backup", "verify", &id]).status(1).says(name);
    log.run(["restore", &id, "--from", "backups", "--into", "bad"]).status(1).says(name);
    log.run(["backup", "delete", &id]).ok();
    assert_eq!(log.run(["backup", "verify", "nope"]).code, 3);
    log.run(["verify", "log"]).ok();
}

#[test]
fn a_restore_in_place_trips_the_guard_and_can_be_undone() {
    let log = filled();
    let id = backup(&log, &[]);
    log.fill("shop", 30);
    let restore = ["restore", &id, "--from", "backups"];
    log.run(restore).status(1).says("--accept-rollback");
    assert_eq!(count(&log, "data"), 350);
    let done = [&restore[..], &["--accept-rollback", "--create-snapshot", "--json"]].concat();
    let done = log.run(done).ok().json();
    assert_eq!(count(&log, "data"), 320);
    log.run(["verify", "log"]).ok();
    let kept = done[0]["kept"].as_str().unwrap();
    assert_eq!(count(&log, &format!("data/{kept}")), 350);
    // It goes on.
    log.fill("shop", 1);
    let snapshot = done[0]["pre_restore_snapshot_id"].as_str().unwrap();
    let undo = ["restore", snapshot, "--from", "data/snapshots", "--accept-rollback"];
    log.run([&undo[..], &["--strict-delete"]].concat()).ok();
    assert_eq!(count(&log, "data"), 350);
    log.run(["verify", "log"]).ok();
    log.run(["restore", "--continue"]).status(1).says("no restore was interrupted");
    let told = log.run(["cat", "--trail", "_system"]).ok().json();
    assert!(told.iter().any(|event| event["action"] == "restore.create"));
}

#[test]
fn a_backup_without_the_key_wants_it_back() {
    let log = filled();
    let id = backup(&log, &["--without-key"]);
    assert!(harness::files(&log.path("backups")).iter().all(|f| !f.ends_with("node.key")));
    let into = |dir: &str, more: &[&str]| {
        log.run([&["restore", &id, "--from", "backups", "--into", dir], more].concat())
    };
    into("read", &[]).ok().says("no signing key");
    assert_eq!(count(&log, "read"), 320);
    into("write", &["--node-key", "data/node.key", "--accept-rollback"]).ok();
    log.feed(["append", "--data", "write", "--trail", "shop"], b"{\"action\":\"a.b\"}").ok();
    let one = ["restore", &id, "--from", "backups", "--into", "one", "--type", "trail"];
    log.run(one).status(2).says("--trail");
    log.run([&one[..], &["--trail", "shop"]].concat()).ok();
    assert_eq!(count(&log, "one"), 320);
}

#[test]
fn settings_are_set_and_what_is_not_named_stays() {
    let log = filled();
    let set = |args: &[&str]| log.run([&["backup", "settings", "set", "--json"], args].concat());
    set(&["--every", "6h"]).status(2).says("target");
    set(&["--to", "backups", "--daily", "02:30", "--keep", "3"]).ok();
    let settings = set(&["--type", "incremental", "--on-failure", "ignore"]).ok().json();
    assert_eq!(
        (&settings[0]["schedule"], &settings[0]["keep"]),
        (&"daily at 02:30".into(), &3.into())
    );
    assert_eq!(
        (&settings[0]["type"], &settings[0]["on_failure"]),
        (&"incremental".into(), &"ignore".into())
    );
    assert!(settings[0]["target"].as_str().unwrap().starts_with('/'));
    assert!(log.run(["backup", "settings", "get"]).ok().stdout.contains("daily at 02:30"));
    set(&["--off"]).ok();
    // Its target is where a backup goes and comes from.
    let made = log.run(["backup", "create", "--json"]).ok().json();
    let id = made[0]["backup_id"].as_str().unwrap();
    log.run(["restore", id, "--into", "new"]).ok();
    assert_eq!(count(&log, "new"), 320);

    let set = |args: &[&str]| log.run([&["archive", "settings", "set", "--json"], args].concat());
    set(&["--to", "archive", "--every", "1d", "--offload", "30d"]).ok();
    let settings = set(&["--offload", "policy"]).ok().json();
    assert_eq!(
        (&settings[0]["every_hours"], settings[0]["offload_days"].as_u64()),
        (&24.into(), None)
    );
    assert!(log.run(["archive", "settings", "get"]).ok().stdout.contains("archive"));
}

#[test]
fn an_archive_is_made_left_to_and_brought_back() {
    let log = filled();
    let done = log.run(["archive", "--to", "archive", "--json"]).ok().json();
    assert!(done[0]["files"].as_u64().unwrap() > 0);
    let again = log.run(["archive", "--to", "archive", "--json"]).ok().json();
    assert!(again[0]["copied"].as_u64() < done[0]["files"].as_u64(), "{again:?}");
    let list = log.run(["archive", "list"]).ok().json();
    assert_eq!((list.len(), &list[0]["outcome"]), (2, &"success".into()));
    log.run(["archive", "--to", "lake", "--by", "trail,date", "--entries"]).ok();
    assert!(
        harness::files(&log.path("lake"))
            .iter()
            .any(|f| f.to_string_lossy().contains("trail=shop/date="))
    );
    log.run(["archive", "offload"]).status(2).says("--to");
    log.run(["archive", "offload", "--to", "archive", "--older-than", "0d"]).ok();
    assert_eq!(count(&log, "data"), 320);
    assert_eq!(log.run(["search", "details.n:7", "--trail", "shop"]).ok().json().len(), 2);
    log.run(["import", "archive", "--into", "new"]).ok().says("--vkey");
    assert_eq!(count(&log, "new"), 320);
    let shop = ["import", "archive", "--trail", "shop", "--as", "shop-2", "--json"];
    assert_eq!(log.run(shop).ok().json()[0]["kept"], 320);
    assert_eq!(log.run(shop).ok().json()[0]["known"], 320);
    log.run(["verify", "log"]).ok();
}

#[test]
fn a_node_backs_itself_up_while_it_serves() {
    let log = filled();
    let key = crate::keeping::admin(&log, "first");
    let node = Node::start(&log, &[]);
    let at = |args: &[&str]| log.run([args, &["--url", node.url(), "--key", &key]].concat());
    let to = log.path("backups");
    let to = to.to_str().unwrap();
    let made = at(&["backup", "create", "--to", to, "--json"]).ok().json();
    let id = made[0]["backup_id"].as_str().unwrap();
    assert_eq!(at(&["backup", "list"]).ok().json()[0]["id"], id);
    at(&["backup", "verify", id]).ok();
    at(&["restore", id, "--from", to]).status(2).says("--into");
    let new = log.path("new");
    at(&["restore", id, "--from", to, "--into", new.to_str().unwrap()]).ok();
    assert_eq!(count(&log, "new"), 320);
    log.run(["restore", id, "--from", to, "--accept-rollback"]).status(1).says("another process");
    at(&["backup", "delete", id]).ok();
    node.stop().ok();
}
