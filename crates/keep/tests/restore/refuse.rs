//! What is refused, by name, with nothing in place touched.

use indelible_keep::KeepError;
use indelible_log::storage::Space;
use indelible_sim::{FaultStorage, PowerStorage};
use std::sync::Arc;

use super::world::{Log, Memory, real, run, seams_over};

/// A log with a backup, in a directory.
fn log(seed: u64) -> (tempfile::TempDir, Log, Arc<Memory>, String) {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), seed);
    log.init();
    log.append(&["default", "shop"], 20, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    (dir, log, target, b1)
}

fn refused(log: &Log, target: &Arc<Memory>, b1: &str) -> String {
    let before = log.trails();
    let error = run(&log.new_restore(target, b1)).unwrap_err();
    let now = log.trails();
    assert_eq!(before["default"], now["default"]);
    assert_eq!(before["shop"], now["shop"]);
    assert!(!log.names().iter().any(|name| name == "kept" || name == "RESTORE"));
    log.verify();
    error.to_string()
}

fn key_of(target: &Memory, ending: &str) -> String {
    target.keys().into_iter().find(|key| key.ends_with(ending)).unwrap()
}

#[test]
fn damaged_cut_and_missing_files_are_named() {
    for ending in [".parquet", ".rows", "level-0", "MANIFEST", ".log", "node.json"] {
        let (_dir, log, target, b1) = log(20);
        let key = key_of(&target, ending);
        let whole = target.0.lock().unwrap()[&key].clone();
        target.edit(&key, |bytes| bytes[10] ^= 0x40);
        let why = refused(&log, &target, &b1);
        assert!(why.contains(&key) && why.contains("not those that were backed up"), "{why}");
        target.edit(&key, |bytes| {
            *bytes = whole.clone();
            bytes.pop();
        });
        let why = refused(&log, &target, &b1);
        let numbers = format!("it has {} bytes, and {}", whole.len() - 1, whole.len());
        assert!(why.contains(&key) && why.contains(&numbers), "{why}");
        target.0.lock().unwrap().remove(&key);
        let why = refused(&log, &target, &b1);
        assert!(why.contains(&key) && why.contains("not at the target"), "{why}");
    }
}

#[test]
fn a_backup_that_was_made_to_fit_its_own_list_fails_verification() {
    let (_dir, log, target, b1) = log(21);
    // A record's byte is changed, and the list with it: only the tree shows it.
    let key = key_of(&target, ".parquet");
    let mut hash = String::new();
    target.edit(&key, |bytes| {
        bytes[200] ^= 1;
        hash = indelible_log::hex::encode(&indelible_log::sha256(bytes));
    });
    target.edit(&format!("{b1}/backup.json"), |bytes| {
        let mut list: serde_json::Value = serde_json::from_slice(bytes).unwrap();
        for file in list["files"].as_array_mut().unwrap() {
            if file["at"] == *key {
                file["sha256"] = hash.clone().into();
            }
        }
        *bytes = serde_json::to_vec(&list).unwrap();
    });
    let why = refused(&log, &target, &b1);
    assert!(why.contains(key.split_once('/').unwrap().1), "{why}");
}

#[test]
fn a_list_that_leads_astray_is_refused() {
    let paths =
        ["../etc/passwd", "/etc/passwd", "segments/../../x", "LOCK", "own.txt", "log//x", ""];
    for path in paths {
        let (_dir, log, target, b1) = log(22);
        target.edit(&format!("{b1}/backup.json"), |bytes| {
            let mut list: serde_json::Value = serde_json::from_slice(bytes).unwrap();
            list["files"][0]["path"] = path.into();
            list["files"][0]["at"] = format!("{b1}/{path}").into();
            *bytes = serde_json::to_vec(&list).unwrap();
        });
        let why = refused(&log, &target, &b1);
        assert!(why.contains("backup.json") && why.contains("no file of a log"), "{why}");
    }
    let (_dir, log, target, b1) = log(22);
    target.edit(&format!("{b1}/backup.json"), |bytes| bytes.truncate(bytes.len() / 2));
    assert!(refused(&log, &target, &b1).contains("backup.json"));
    let (_dir, log, target, b1) = self::log(22);
    target.edit(&format!("{b1}/backup.json"), |bytes| {
        *bytes = String::from_utf8(bytes.clone())
            .unwrap()
            .replace("\"version\": 1", "\"version\": 9")
            .into();
    });
    assert!(refused(&log, &target, &b1).contains("version 9 is not known"));
    assert!(matches!(run(&log.new_restore(&target, "nope")), Err(KeepError::NotFound(_))));
    assert!(matches!(run(&log.new_restore(&target, "../b1")), Err(KeepError::Bad(_))));
}

#[test]
fn what_the_backup_does_not_name_is_told_and_left_alone() {
    let (_dir, log, target, b1) = log(23);
    target.0.lock().unwrap().insert(format!("{b1}/segments/stranger.parquet"), vec![1]);
    let restored = run(&log.new_restore(&target, &b1)).unwrap();
    assert_eq!(restored.extra, [format!("{b1}/segments/stranger.parquet")]);
    log.verify();
}

#[test]
fn a_backup_of_another_log_goes_into_a_new_directory_only() {
    let (_dir, log, target, b1) = log(24);
    let elsewhere = tempfile::tempdir().unwrap();
    let other = real(elsewhere.path(), 25);
    other.init();
    let before = other.trails();
    let why = run(&other.new_restore(&target, &b1)).unwrap_err().to_string();
    assert!(why.contains("another log") && why.contains("--into"), "{why}");
    assert_eq!(other.trails(), before);
    let mut new = other.new_restore(&target, &b1);
    new.into = log.elsewhere();
    assert!(run(&new).unwrap_err().to_string().contains("not empty"));
}

#[test]
fn what_was_signed_since_is_given_up_only_if_somebody_says_so() {
    let (_dir, log, target, b1) = log(26);
    log.append(&["shop", "new"], 3, false);
    let mut new = log.new_restore(&target, &b1);
    new.accept_rollback = false;
    let why = run(&new).unwrap_err().to_string();
    assert!(why.contains("3 records of trail shop (size 23 was signed, 20 are restored)"), "{why}");
    assert!(why.contains("--accept-rollback"), "{why}");
    // Nothing was begun.
    assert_eq!(log.told(), []);
    assert_eq!(log.trails()["shop"].0, 23);
}

#[test]
fn a_log_that_forked_since_is_found_by_its_roots() {
    // A copy of the directory goes on in its own way, as far as the log itself.
    let (_dir, log, target, b1) = log(27);
    let fork = tempfile::tempdir().unwrap();
    let other = real(fork.path(), 28);
    run(&other.new_restore(&target, &b1)).unwrap();
    other.append(&["default"], 5, false);
    log.append(&["default"], 2, false);
    let b2 = other.back_up(&target, true);
    // The restore's events make the fork's _system the longer one, so sizes alone say nothing.
    let mut new = log.new_restore(&target, &b2);
    new.accept_rollback = false;
    let why = run(&new).unwrap_err().to_string();
    assert!(why.contains("is not the log this node signed last"), "{why}");
    assert_eq!(log.trails()["default"].0, 22);
    log.verify();
}

#[test]
fn a_disk_without_room_is_told_with_both_numbers_before_a_byte_is_written() {
    let power = PowerStorage::new();
    let faults = FaultStorage::over(&power);
    let log = seams_over(Arc::new(faults.clone()), 29);
    log.init();
    log.append(&["default"], 10, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let before = power.image();
    faults.set_space(Some(Space { free: 1000, total: 1 << 40 }));
    match run(&log.new_restore(&target, &b1)) {
        Err(KeepError::NoRoom { needed, free: 1000, .. }) => assert!(needed > 1000),
        other => panic!("{other:?}"),
    }
    assert_eq!(power.image(), before);
}

#[test]
fn a_log_that_is_open_elsewhere_is_left_alone() {
    let (_dir, log, target, b1) = log(30);
    let store = log.try_open(false).unwrap();
    assert!(
        run(&log.new_restore(&target, &b1)).unwrap_err().to_string().contains("another process")
    );
    store.close().unwrap();
}
