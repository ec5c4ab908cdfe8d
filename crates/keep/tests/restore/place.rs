//! Restoring in place and elsewhere, on real directories.

use std::sync::Arc;

use indelible_event::{Part, TrailName};
use indelible_keep::backup::NewBackup;
use indelible_keep::backup::model::BackupType;
use indelible_keep::deed::details;
use indelible_keep::erase::NewErasure;
use indelible_keep::restore::{Below, Lost, RestoreType, discard};
use indelible_keep::{Silent, Who, target};
use indelible_log::record::Seq;

use indelible_log::storage::Storage;
use indelible_store::{KEY, Reader, StoreError};

use super::world::{Memory, admin, real, run, told, trails, verify_dir};

#[test]
fn an_older_backup_takes_the_place_of_the_log_and_the_former_one_is_kept_whole() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), 1);
    log.init();
    log.append(&["default", "shop"], 10, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let then = log.trails();
    log.clock.advance(86_400_000_000);
    log.append(&["default", "late"], 5, false);
    let before = log.trails();

    let restored = run(&log.new_restore(&target, &b1)).unwrap();
    log.verify();
    let now = log.trails();
    assert_eq!((&now["default"], &now["shop"]), (&then["default"], &then["shop"]));
    assert!(!now.contains_key("late"));
    assert!(restored.lost.contains(&Lost { trail: "default".into(), signed: 15, restored: 10 }));
    assert!(restored.records > 20);
    assert_eq!(restored.copied, restored.bytes);
    // The restored log says so, and that the rollback was accepted.
    let events = log.told();
    let id = restored.restore_id.clone();
    assert_eq!(events.len(), 2);
    assert_eq!(events[0].0, "intent");
    assert_eq!(events[0].2, id);
    assert_eq!((events[1].0.as_str(), events[1].1.as_str()), ("outcome", "success"));
    assert_eq!(events[1].3, id);
    assert_eq!(log.reader().told(&["log.rollback_accept"]).unwrap().len(), 1);
    // What was there is a log of its own, with the intent as its last word.
    let kept: Arc<dyn Storage> =
        Arc::new(Below::new(log.seams.storage.clone(), restored.kept.as_ref().unwrap()));
    let reader = Reader::open(kept.clone()).unwrap();
    assert_eq!(trails(&reader)["default"], before["default"]);
    assert_eq!(trails(&reader)["late"], before["late"]);
    assert_eq!(told(&reader).len(), 1);
    verify_dir(&kept, false);
    assert!(!log.names().iter().any(|name| name == "RESTORE" || name == "restoring"));
    // It goes on being written to.
    log.append(&["default"], 3, true);
    log.verify();
}

#[test]
fn strict_delete_leaves_nothing_of_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), 2);
    log.init();
    log.append(&["default"], 4, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    log.append(&["gone"], 4, true);
    let mut new = log.new_restore(&target, &b1);
    new.strict_delete = true;
    let restored = run(&new).unwrap();
    assert_eq!(restored.kept, None);
    assert_eq!(log.seams.storage.list("kept").unwrap(), Vec::<String>::new());
    assert!(!log.trails().contains_key("gone"));
    log.verify();
}

#[test]
fn restoring_a_snapshot_takes_a_restore_back_to_the_same_roots() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), 3);
    log.init();
    log.append(&["default", "shop"], 8, true);
    let target = Arc::new(Memory::default());
    let old = log.back_up(&target, true);
    log.append(&["default"], 8, true);
    let before = log.trails();
    let snapshot = log.back_up(&target, true);
    run(&log.new_restore(&target, &old)).unwrap();
    assert_eq!(log.trails()["default"].0, 8);
    log.append(&["default"], 2, false);
    run(&log.new_restore(&target, &snapshot)).unwrap();
    let now = log.trails();
    assert_eq!((&now["default"], &now["shop"]), (&before["default"], &before["shop"]));
    log.verify();
}

#[test]
fn a_snapshot_is_made_first_and_the_intent_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(&dir.path().join("data"), 16);
    log.init();
    log.append(&["default"], 8, true);
    let backups = target::open(dir.path().join("backups").to_str().unwrap(), None).unwrap();
    let make = |backup_type| {
        let new = NewBackup { backup_type, ..NewBackup::default() };
        log.keep().create_backup_at(&admin(), &new, backups.clone(), &Silent).unwrap().id
    };
    make(BackupType::Full);
    log.append(&["default"], 4, true);
    let old = make(BackupType::Incremental);
    log.append(&["default"], 8, true);
    let before = log.trails();

    let snapshots = dir.path().join("data/snapshots");
    let snapshots = target::open(snapshots.to_str().unwrap(), None).unwrap();
    let memory = Arc::new(Memory::default());
    let mut new = log.new_restore(&memory, &old);
    (new.target, new.snapshot) = (&*backups, Some(snapshots.clone()));
    let restored = run(&new).unwrap();
    assert_eq!(log.trails()["default"].0, 12);
    let told = log.reader().told(&["restore.create"]).unwrap();
    let details = details(&told[0]);
    let snapshot = restored.pre_restore_snapshot_id.unwrap();
    assert_eq!(details["pre_restore_snapshot_id"], *snapshot);
    assert_eq!(
        (&details["create_snapshot"], &details["strict_delete"]),
        (&true.into(), &false.into())
    );
    assert_eq!((&details["restore_type"], &details["backup_id"]), (&"full".into(), &(*old).into()));
    // And back.
    let mut new = log.new_restore(&memory, &snapshot);
    new.target = &*snapshots;
    run(&new).unwrap();
    assert_eq!(log.trails()["default"], before["default"]);
    log.verify();
    log.append(&["default"], 1, false);
}

#[test]
fn a_new_directory_gets_a_copy_for_reading_and_the_log_that_was_asked_records_it() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, copy) = (real(dir.path(), 4), real(&elsewhere.path().join("copy"), 5));
    log.init();
    log.append(&["default"], 9, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    log.append(&["default"], 1, false);
    let mut new = log.new_restore(&target, &b1);
    (new.into, new.accept_rollback) = (copy.elsewhere(), false);
    let restored = run(&new).unwrap();
    assert_eq!(log.trails()["default"].0, 10);
    assert_eq!(copy.trails()["default"].0, 9);
    verify_dir(&copy.seams.storage, false);
    let phases = |events: Vec<(String, String, String, String)>| {
        events.into_iter().map(|e| (e.0, e.2 == restored.restore_id)).collect::<Vec<_>>()
    };
    let both = [("intent".to_owned(), true), ("outcome".to_owned(), false)];
    assert_eq!(phases(log.told()), both);
    assert_eq!(phases(copy.told()), both);
    // It has no guard, so it signs nothing until somebody says so, which is recorded.
    assert!(matches!(copy.try_open(false), Err(StoreError::GuardMissing)));
    log.verify();
}

#[test]
fn an_open_log_lets_itself_be_restored_elsewhere_and_not_in_place() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, copy) = (real(dir.path(), 6), real(elsewhere.path(), 7));
    log.init();
    log.append(&["default"], 3, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let keep = log.keep();
    let mut new = log.new_restore(&target, &b1);
    new.live = Some(&keep);
    assert!(run(&new).unwrap_err().to_string().contains("stop the server"));
    (new.into, new.accept_rollback) = (copy.elsewhere(), false);
    run(&new).unwrap();
    drop(keep);
    assert_eq!(log.told().len(), 2);
    assert_eq!(copy.trails()["default"].0, 3);
}

#[test]
fn a_machine_that_lost_everything_gets_its_log_back() {
    let (dir, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = real(dir.path(), 8);
    log.init();
    log.append(&["default"], 7, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let new_machine = real(&fresh.path().join("data"), 9);
    let mut new = new_machine.new_restore(&target, &b1);
    new.accept_rollback = false;
    let refused = run(&new).unwrap_err().to_string();
    assert!(refused.contains("no sign guard") && refused.contains("--accept-rollback"));
    new.accept_rollback = true;
    let restored = run(&new).unwrap();
    assert!(restored.not_recorded.is_some() && restored.has_key);
    new_machine.verify();
    new_machine.append(&["default"], 1, false);
    assert_eq!(new_machine.told().len(), 2);
}

#[test]
fn a_damaged_log_is_replaced_although_it_records_nothing_any_more() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), 10);
    log.init();
    log.append(&["default"], 7, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    log.seams.storage.remove("MANIFEST").unwrap();
    let mut new = log.new_restore(&target, &b1);
    // The guard fits, so there is nothing to accept.
    new.accept_rollback = false;
    let restored = run(&new).unwrap();
    assert!(restored.not_recorded.unwrap().contains("MANIFEST"));
    log.verify();
    assert_eq!(log.reader().told(&["log.rollback_accept"]).unwrap().len(), 0);
}

#[test]
fn without_a_key_it_is_read_and_a_key_is_put_in_only_if_it_fits() {
    let (dir, fresh) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let log = real(dir.path(), 11);
    log.init();
    log.append(&["default"], 7, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, false);
    let key = log.seams.storage.map(KEY).unwrap().to_vec();

    let bare = real(&fresh.path().join("bare"), 12);
    let restored = run(&bare.new_restore(&target, &b1)).unwrap();
    assert!(!restored.has_key);
    assert_eq!(bare.trails()["default"].0, 7);
    assert!(bare.try_open(true).is_err());
    assert_eq!(bare.told().len(), 2);

    let keyed = real(&fresh.path().join("keyed"), 13);
    let mut new = keyed.new_restore(&target, &b1);
    let other = real(&fresh.path().join("other"), 14);
    other.init();
    let wrong = other.seams.storage.map(KEY).unwrap().to_vec();
    new.key = Some(&wrong);
    assert!(run(&new).unwrap_err().to_string().contains("not the key that node.json names"));
    new.key = Some(&key);
    assert!(run(&new).unwrap().has_key);
    keyed.append(&["default"], 1, false);
    keyed.verify();

    // In place the key that is there stays.
    assert!(run(&log.new_restore(&target, &b1)).unwrap().has_key);
    log.append(&["default"], 1, false);
}

#[test]
fn what_was_erased_since_does_not_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), 18);
    log.init();
    log.append(&["default", "shop"], 6, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let about =
        NewErasure { subject: Some("u3".into()), authority: "DPO".into(), ..NewErasure::default() };
    let keep = log.keep();
    let request = keep.request_erasure(&admin(), &about).unwrap();
    let bob = Who { id: "bob".into(), ..admin() };
    keep.confirm_erasure(&bob, &request, &about, &Silent).unwrap();
    drop(keep);
    let roots = log.trails();
    let mut part = log.new_restore(&target, &b1);
    let elsewhere = tempfile::tempdir().unwrap();
    part.restore_type = RestoreType::Trail(TrailName::parse("shop").unwrap());
    (part.into, part.accept_rollback) = (real(elsewhere.path(), 19).elsewhere(), false);
    assert!(run(&part).unwrap_err().to_string().contains("were erased after"));

    let mut new = log.new_restore(&target, &b1);
    new.strict_delete = true;
    let restored = run(&new).unwrap();
    assert!(restored.erasures > 0);
    log.verify();
    assert_eq!(log.trails()["default"], roots["default"]);
    let reader = log.reader();
    let trail = reader.trail(&TrailName::parse("default").unwrap()).unwrap();
    let records = reader.read(trail.info.no, &[2, 3].map(Seq)).unwrap();
    assert!(records[0].part(Part::Who).is_some() && records[1].part(Part::Who).is_none());
}

#[test]
fn what_was_cut_short_is_discarded_where_nobody_wants_it() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), 17);
    log.init();
    log.append(&["default"], 5, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    target.edit(&format!("{b1}/node.json"), |bytes| bytes[3] ^= 1);
    run(&log.new_restore(&target, &b1)).unwrap_err();
    assert!(log.names().contains(&"restoring".to_owned()));
    discard(&*log.seams.storage).unwrap();
    assert!(!log.names().contains(&"restoring".to_owned()));
    log.verify();
}

#[test]
fn what_was_brought_already_is_not_copied_again() {
    let dir = tempfile::tempdir().unwrap();
    let log = real(dir.path(), 15);
    log.init();
    log.append(&["default"], 50, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let segment = target.keys().into_iter().find(|key| key.ends_with(".parquet")).unwrap();
    let whole = target.0.lock().unwrap()[&segment].clone();
    target.edit(&segment, |bytes| bytes[100] ^= 1);
    run(&log.new_restore(&target, &b1)).unwrap_err();
    target.edit(&segment, |bytes| *bytes = whole);
    let restored = run(&log.new_restore(&target, &b1)).unwrap();
    assert!(restored.copied < restored.bytes);
    log.verify();
    // The first left its failure, in the log that was in charge then.
    let kept = Below::new(log.seams.storage.clone(), &restored.kept.unwrap());
    let events = told(&Reader::open(Arc::new(kept)).unwrap());
    let ends: Vec<&str> = events.iter().map(|event| event.1.as_str()).collect();
    assert_eq!(ends, ["pending", "failure", "pending"]);
}
