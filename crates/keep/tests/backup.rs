//! Backups to a directory.

use std::collections::BTreeMap;
use std::io::Read;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use indelible_event::Micros;
use indelible_keep::backup::model::{Backup, BackupType};
use indelible_keep::backup::{BackupSettings, NewBackup, OnFailure, State, check, load};
use indelible_keep::target::{DirTarget, Target, TargetError, open};
use indelible_keep::{KeepError, Silent};
use indelible_log::storage::{Space, Storage};
use indelible_sim::{CallKind, Fault, FaultStorage, NameOrder, Plan, PowerStorage};

use crate::support::{Place, admin, append, copy_verifies};

fn to(target: &str, backup_type: BackupType) -> NewBackup {
    NewBackup { to: Some(target.to_owned()), backup_type, ..NewBackup::default() }
}

fn full(target: &str) -> NewBackup {
    to(target, BackupType::Full)
}

fn files(target: &dyn Target) -> BTreeMap<String, u64> {
    target.list("").unwrap().into_iter().collect()
}

#[test]
fn a_backup_beside_a_writer_is_one_moment_of_the_log_and_is_told_first() {
    let place = Place::new();
    place.append("default", 0..900);
    place.append("tenant-a", 0..50);
    place.keep.store().publish().unwrap();
    let stop = AtomicBool::new(false);
    let store = place.keep.store().clone();
    let mut made = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut n = 1_000_000;
            while !stop.load(Ordering::Relaxed) {
                append(&store, "default", n..n + 37);
                store.publish().unwrap();
                n += 37;
                if n % 5 == 0 {
                    store.log().merge_now().unwrap();
                }
            }
        });
        for _ in 0..5 {
            made.push(place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap());
        }
        stop.store(true, Ordering::Relaxed);
    });
    let target = open(&place.target(), None).unwrap();
    let mut before = 0;
    for made in &made {
        let (backup, sha256) = load(&*target, &made.id).unwrap();
        assert_eq!((sha256, backup.bytes), (made.sha256.clone(), made.size_bytes));
        assert_eq!(check(&*target, &made.id, Some(&made.sha256), &Silent).unwrap(), backup);
        let records = copy_verifies(&*target, &backup);
        assert!(records > before);
        before = records;
    }
    let told = place.told("backup.create");
    assert_eq!(told.len(), 10);
    for (pair, made) in told.chunks(2).zip(&made) {
        let [(phase, _, intent), (end, outcome, result)] = pair else { panic!() };
        assert_eq!(
            (phase.as_str(), end.as_str(), outcome.as_str()),
            ("Intent", "Outcome", "Success")
        );
        assert_eq!(intent["backup_id"], made.id);
        assert_eq!(intent["backup_type"], "full");
        assert_eq!(intent["user"], "key-ada");
        assert_eq!(intent["target"], place.target());
        assert_eq!(result["size_bytes"], made.size_bytes);
        assert_eq!(result["archive_path"], format!("{}/", made.id));
        assert_eq!(result["sha256"], made.sha256);
    }
    // The backup has its own intent, as that was recorded before anything was copied.
    let listed = place.keep.backups(None).unwrap();
    assert_eq!(listed.len(), 5);
    assert!(listed.iter().all(|b| b.state == State::Complete && b.sha256.is_some()));
}

#[test]
fn the_key_is_left_out_when_asked() {
    let place = Place::new();
    let new = NewBackup { with_key: false, ..full(&place.target()) };
    let made = place.keep.create_backup(&admin(), &new, &Silent).unwrap();
    let target = open(&place.target(), None).unwrap();
    let (backup, _) = load(&*target, &made.id).unwrap();
    assert!(!backup.has_key && backup.files.iter().all(|f| f.path != "node.key"));
    assert!(files(&*target).keys().all(|key| !key.ends_with("node.key")));
}

#[test]
fn an_incremental_names_what_verified_ones_have_and_files_stay_for_as_long_as_they_are_named() {
    let place = Place::new();
    let target = open(&place.target(), None).unwrap();
    place.append("default", 0..900);
    let first = place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap();
    place.append("default", 900..1000);
    let incremental = to(&place.target(), BackupType::Incremental);
    let second = place.keep.create_backup(&admin(), &incremental, &Silent).unwrap();
    assert!(second.shared_bytes > 0 && second.copied_bytes < first.copied_bytes);
    assert_eq!(place.told("backup.verify").len(), 2, "the first was verified before it was named");
    let third = place.keep.create_backup(&admin(), &incremental, &Silent).unwrap();
    let (backup, _) = load(&*target, &third.id).unwrap();
    let of = |b: &Backup, id: &str| b.files.iter().filter(|f| f.at.starts_with(id)).count();
    assert!(
        of(&backup, &first.id) > 0 && of(&backup, &second.id) > 0 && of(&backup, &third.id) > 0
    );

    // The first goes; what the others name stays, and goes with the last of them.
    let deleted = place.keep.delete_backup(&admin(), &first.id).unwrap();
    assert!(deleted.needed_by.len() == 2 && !deleted.needed_by.contains(&first.id));
    assert!(deleted.kept_files > 0 && deleted.files > 0);
    for made in [&second, &third] {
        let backup = place.keep.verify_backup(&admin(), &made.id, &Silent).unwrap();
        copy_verifies(&*target, &backup);
    }
    let told = place.told("backup.delete");
    let (_, _, intent) = &told[0];
    for (name, value) in
        [("backup_id", first.id.clone()), ("archive_path", format!("{}/", first.id))]
    {
        assert_eq!(intent[name], value);
    }
    assert!(
        intent["created_at"].is_string()
            && intent["size_bytes"].is_u64()
            && intent["sha256"].is_string()
    );
    place.keep.delete_backup(&admin(), &second.id).unwrap();
    let backup = place.keep.verify_backup(&admin(), &third.id, &Silent).unwrap();
    copy_verifies(&*target, &backup);
    place.keep.delete_backup(&admin(), &third.id).unwrap();
    assert_eq!(files(&*target), BTreeMap::new());
    assert!(place.keep.backups(None).unwrap().is_empty());
    assert!(
        std::fs::read_dir(place.target()).unwrap().next().is_none(),
        "no empty directories stay"
    );
    assert!(matches!(place.keep.delete_backup(&admin(), &third.id), Err(KeepError::NotFound(_))));
}

#[test]
fn a_damaged_base_is_not_named() {
    let place = Place::new();
    place.append("default", 0..900);
    let first = place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap();
    let target = open(&place.target(), None).unwrap();
    let victim = files(&*target).into_keys().find(|key| key.ends_with(".parquet")).unwrap();
    damage(&place, &victim, |bytes| bytes[100] ^= 1);
    let incremental = to(&place.target(), BackupType::Incremental);
    let second = place.keep.create_backup(&admin(), &incremental, &Silent).unwrap();
    assert_eq!(second.shared_bytes, 0);
    let listed = place.keep.backup(&first.id).unwrap();
    let verified = listed.verified.unwrap();
    assert!(!verified.holds && verified.error.unwrap().contains(&victim));
    assert!(check(&*target, &second.id, None, &Silent).is_ok());
}

fn damage(place: &Place, key: &str, change: impl FnOnce(&mut Vec<u8>)) {
    let path = format!("{}/{key}", place.target());
    let mut bytes = std::fs::read(&path).unwrap();
    change(&mut bytes);
    std::fs::write(&path, bytes).unwrap();
}

#[test]
fn whatever_is_damaged_is_named() {
    let place = Place::new();
    place.append("default", 0..450);
    place.keep.store().publish().unwrap();
    let made = place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap();
    let target = open(&place.target(), None).unwrap();
    let keys = files(&*target);
    assert!(keys.len() > 10);
    for key in keys.keys() {
        let path = format!("{}/{key}", place.target());
        let whole = std::fs::read(&path).unwrap();
        for change in 0..3 {
            damage(&place, key, |bytes| match change {
                0 => bytes[whole.len() / 2] ^= 4,
                1 => bytes.truncate(whole.len() - 1),
                _ => bytes.push(b' '),
            });
            let error = check(&*target, &made.id, Some(&made.sha256), &Silent).unwrap_err();
            let KeepError::Damaged { path, .. } = &error else { panic!("{key}: {error}") };
            assert!(path.ends_with(key.as_str()), "{key}: {error}");
            std::fs::write(format!("{}/{key}", place.target()), &whole).unwrap();
        }
        std::fs::remove_file(&path).unwrap();
        let error = check(&*target, &made.id, Some(&made.sha256), &Silent).unwrap_err();
        assert!(error.to_string().contains(key.rsplit('/').next().unwrap()), "{key}: {error}");
        std::fs::write(&path, &whole).unwrap();
    }
    // It is recorded as well, and both are named where there are two.
    let two: Vec<&String> = keys.keys().filter(|key| key.contains("/segments/")).take(2).collect();
    for key in &two {
        damage(&place, key, |bytes| bytes[10] ^= 1);
    }
    let error = place.keep.verify_backup(&admin(), &made.id, &Silent).unwrap_err().to_string();
    assert!(two.iter().all(|key| error.contains(key.as_str())), "{error}");
    let told = place.told("backup.verify");
    assert_eq!(told[1].1, "Failure");
    assert_eq!(told[1].2["error"], error);
}

#[test]
fn a_segment_that_is_damaged_here_is_not_passed_on() {
    let place = Place::new();
    place.append("default", 0..900);
    place.keep.store().log().seal().unwrap();
    let segments = place.dir.path().join("data/segments");
    let victim = std::fs::read_dir(&segments).unwrap().map(|e| e.unwrap().path());
    let victim = victim.max_by_key(|path| path.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&victim).unwrap();
    bytes[200] ^= 1;
    std::fs::write(&victim, bytes).unwrap();
    let error = place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap_err();
    let name = victim.file_name().unwrap().to_str().unwrap();
    assert!(matches!(&error, KeepError::Damaged { path, .. } if path.ends_with(name)), "{error}");
    let target = open(&place.target(), None).unwrap();
    assert!(files(&*target).keys().all(|key| !key.ends_with(name)));
    let id = &place.keep.backups(None).unwrap()[0].id;
    assert!(check(&*target, id, None, &Silent).is_err(), "it has no description");
}

fn sim_target(storage: &Arc<FaultStorage>) -> Arc<dyn Target> {
    Arc::new(DirTarget::new("/backups", storage.clone()))
}

fn sim() -> (PowerStorage, Arc<FaultStorage>) {
    let power = PowerStorage::new();
    power.create_dir("").unwrap();
    let faults = Arc::new(FaultStorage::over(&power));
    (power, faults)
}

#[test]
fn too_little_room_is_told_before_anything_is_written() {
    let place = Place::new();
    place.append("default", 0..900);
    let (power, faults) = sim();
    faults.set_space(Some(Space { free: 5_000, total: 1 << 30 }));
    let target = sim_target(&faults);
    let made = place.keep.create_backup_at(&admin(), &NewBackup::default(), target, &Silent);
    let error = made.unwrap_err();
    let KeepError::NoRoom { needed, free: 5_000, .. } = error else { panic!("{error}") };
    let text = error.to_string();
    assert!(
        needed > 50_000 && text.contains(&needed.to_string()) && text.contains("5000"),
        "{text}"
    );
    assert!(power.image().is_empty());
    let (_, outcome, details) = &place.told("backup.create")[1];
    assert_eq!((outcome.as_str(), details["error"].as_str()), ("Failure", Some(text.as_str())));
}

#[test]
fn a_disk_that_fills_up_leaves_no_half_file_and_the_next_goes_on() {
    let place = Place::new();
    place.append("default", 0..2_000);
    let (power, faults) = sim();
    let target = sim_target(&faults);
    let plan = |at| Plan { fault: Fault::Enospc, at, kind: Some(CallKind::Write), sticky: true };
    let mut at = 2;
    let made = loop {
        faults.plan(plan(at));
        match place.keep.create_backup_at(&admin(), &NewBackup::default(), target.clone(), &Silent)
        {
            Ok(made) => break made,
            Err(KeepError::Target(TargetError::Io { source, .. })) => {
                assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
            }
            Err(e) => panic!("{e}"),
        }
        assert!(power.image().keys().all(|path| !path.ends_with(".part")));
        assert_eq!(place.keep.backups(None).unwrap()[0].state, State::Unfinished);
        at += 7;
    };
    faults.heal();
    assert!(made.resumed_bytes > 0, "{made:?}");
    assert_eq!(place.keep.backups(None).unwrap().len(), 1, "it is the same backup all the time");
    let backup = check(&*target, &made.id, Some(&made.sha256), &Silent).unwrap();
    copy_verifies(&*target, &backup);
}

#[test]
fn what_was_told_is_there_after_a_power_cut_and_what_was_cut_short_can_be_gone_on_with() {
    let place = Place::new();
    place.append("default", 0..1_300);
    let calls = {
        let (_, faults) = sim();
        let target = sim_target(&faults);
        place.keep.create_backup_at(&admin(), &NewBackup::default(), target, &Silent).unwrap();
        faults.calls().len() as u64
    };
    for (n, order) in
        [NameOrder::Journaled, NameOrder::Any].into_iter().cycle().take(24).enumerate()
    {
        let (power, faults) = sim();
        // The last round is not cut short.
        let at = if n == 23 { u64::MAX } else { calls * n as u64 / 23 };
        faults.plan(Plan { fault: Fault::Stop, at, kind: None, sticky: true });
        let target = sim_target(&faults);
        let made = place.keep.create_backup_at(&admin(), &NewBackup::default(), target, &Silent);
        let after = power.crash(n as u64, order);
        after.create_dir("").unwrap();
        let target: Arc<dyn Target> = Arc::new(DirTarget::new("/backups", Arc::new(after)));
        let made = match made {
            Ok(made) => made,
            Err(_) => {
                let keep = &place.keep;
                keep.create_backup_at(&admin(), &NewBackup::default(), target.clone(), &Silent)
                    .unwrap()
            }
        };
        let backup = check(&*target, &made.id, Some(&made.sha256), &Silent).unwrap();
        if n % 6 == 5 {
            copy_verifies(&*target, &backup);
        }
    }
}

/// A process that ends in the middle of the n-th file.
struct Dies {
    inner: Arc<dyn Target>,
    puts_left: AtomicUsize,
}

impl Target for Dies {
    fn name(&self) -> &str {
        self.inner.name()
    }
    fn put(&self, key: &str, bytes: u64, from: &mut dyn Read) -> Result<(), TargetError> {
        let left = self.puts_left.load(Ordering::Relaxed);
        assert!(left > 0, "the process ends here");
        self.puts_left.store(left - 1, Ordering::Relaxed);
        self.inner.put(key, bytes, from)
    }
    fn get(&self, key: &str) -> Result<Box<dyn Read + Send + '_>, TargetError> {
        self.inner.get(key)
    }
    fn len(&self, key: &str) -> Result<Option<u64>, TargetError> {
        self.inner.len(key)
    }
    fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, TargetError> {
        self.inner.list(prefix)
    }
    fn delete(&self, key: &str) -> Result<(), TargetError> {
        self.inner.delete(key)
    }
    fn free(&self) -> Result<Option<u64>, TargetError> {
        self.inner.free()
    }
    fn forget(&self, prefix: &str) -> Result<(), TargetError> {
        self.inner.forget(prefix)
    }
}

#[test]
fn an_end_in_the_middle_leaves_an_unfinished_intent_that_the_next_goes_on_with_or_that_is_deleted()
{
    let place = Place::new();
    place.append("default", 0..2_000);
    let target = open(&place.target(), None).unwrap();
    let die = |puts| {
        let dies = Dies { inner: target.clone(), puts_left: AtomicUsize::new(puts) };
        let new = full(&place.target());
        let made = AssertUnwindSafe(|| {
            place.keep.create_backup_at(&admin(), &new, Arc::new(dies), &Silent)
        });
        assert!(catch_unwind(made).is_err());
    };
    die(12);
    assert_eq!(place.told("backup.create").len(), 1, "an intent, and no outcome");
    let listed = place.keep.backups(None).unwrap();
    assert_eq!((listed.len(), listed[0].state), (1, State::Unfinished));
    assert!(matches!(
        load(&*target, &listed[0].id),
        Err(KeepError::Target(TargetError::Missing { .. }))
    ));

    let made = place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap();
    assert_eq!(made.id, listed[0].id);
    assert!(made.resumed_bytes > 0);
    let told = place.told("backup.create");
    let ends: Vec<(&str, &str)> = told.iter().map(|(p, o, _)| (p.as_str(), o.as_str())).collect();
    assert_eq!(
        ends,
        [
            ("Intent", "Pending"),
            ("Outcome", "Failure"),
            ("Intent", "Pending"),
            ("Outcome", "Success")
        ]
    );
    assert!(told[2].2["resumes"].is_string());
    let backup = check(&*target, &made.id, Some(&made.sha256), &Silent).unwrap();
    copy_verifies(&*target, &backup);

    // Another one that ends in the middle is not gone on with but taken away.
    die(5);
    let unfinished = place.keep.backups(None).unwrap().pop().unwrap();
    assert_ne!(unfinished.id, made.id);
    place.keep.delete_backup(&admin(), &unfinished.id).unwrap();
    assert!(files(&*target).keys().all(|key| key.starts_with(&made.id)));
    assert_eq!(place.keep.backups(None).unwrap().len(), 1);
}

#[test]
fn two_at_a_time_are_refused() {
    let place = Place::new();
    let turn = place.keep.turn().unwrap();
    let made = place.keep.create_backup(&admin(), &full(&place.target()), &Silent);
    assert!(matches!(made, Err(KeepError::Busy)));
    drop(turn);
    place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap();
}

#[test]
fn settings_are_checked_and_told_with_before_and_after() {
    let place = Place::new();
    let keep = &place.keep;
    let settings = |schedule: &str| BackupSettings {
        schedule: Some(schedule.into()),
        target: Some(place.target()),
        ..BackupSettings::default()
    };
    assert_eq!(keep.backup_settings().unwrap(), BackupSettings::default());
    for bad in [
        settings("hourly"),
        BackupSettings { target: None, ..settings("every 6h") },
        BackupSettings { keep: Some(0), ..settings("every 6h") },
        BackupSettings { target: Some("ftp://backups.example.com".into()), ..settings("every 6h") },
    ] {
        assert!(keep.set_backup_settings(&admin(), bad.clone()).is_err(), "{bad:?}");
    }
    assert!(place.told("backup_settings.update").is_empty());
    keep.set_backup_settings(&admin(), settings("every 24h")).unwrap();
    keep.set_backup_settings(&admin(), settings("daily  at 03:30")).unwrap();
    assert_eq!(keep.backup_settings().unwrap(), settings("daily at 03:30"));
    let told = place.told("backup_settings.update");
    assert_eq!(told[1].2["before"]["schedule"], "every 1d");
    assert_eq!(told[1].2["after"]["schedule"], "daily at 03:30");
}

const HOUR: i64 = 3_600_000_000;

#[test]
fn the_schedule_makes_backups_and_keeps_as_many_as_it_should() {
    let place = Place::new();
    let keep = &place.keep;
    place.append("default", 0..100);
    let by_hand = keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap();
    assert_eq!(keep.run_due(place.now(), &Silent).unwrap(), None, "there is no schedule");
    let settings = BackupSettings {
        schedule: Some("every 6h".into()),
        target: Some(place.target()),
        backup_type: BackupType::Incremental,
        keep: Some(2),
        ..BackupSettings::default()
    };
    keep.set_backup_settings(&admin(), settings).unwrap();
    let mut made = Vec::new();
    for hour in 0..30 {
        place.append("default", 100 + hour..101 + hour);
        if let Some(one) = keep.run_due(place.now(), &Silent).unwrap() {
            made.push(one.id);
        }
        assert_eq!(keep.run_due(place.now(), &Silent).unwrap(), None, "not twice");
        place.clock.advance(HOUR);
    }
    assert_eq!(made.len(), 5);
    let left: Vec<String> = keep.backups(None).unwrap().into_iter().map(|b| b.id).collect();
    assert_eq!(
        left,
        [by_hand.id.clone(), made[3].clone(), made[4].clone()],
        "what people made stays"
    );
    let target = open(&place.target(), None).unwrap();
    let mut there = at_target(&*target).unwrap();
    there.sort_by_key(|id| left.iter().position(|l| l == id));
    assert_eq!(there, left);
    for id in &left {
        let backup = keep.verify_backup(&admin(), id, &Silent).unwrap();
        copy_verifies(&*target, &backup);
    }
}

#[test]
fn failures_are_tried_again_later_and_later_and_then_told() {
    let place = Place::new();
    let keep = &place.keep;
    std::fs::write(place.target(), "a file where the directory should be").unwrap();
    let settings = BackupSettings {
        schedule: Some("every 6h".into()),
        target: Some(place.target()),
        ..BackupSettings::default()
    };
    keep.set_backup_settings(&admin(), settings.clone()).unwrap();
    let mut tried = Vec::new();
    for minute in 0..60 {
        if keep.run_due(place.now(), &Silent).is_err() {
            tried.push(minute);
        }
        assert_eq!(keep.backup_trouble().is_some(), tried.len() >= 3, "minute {minute}");
        place.clock.advance(HOUR / 60);
    }
    assert_eq!(tried, [0, 5, 15, 35]);
    let trouble = keep.backup_trouble().unwrap();
    assert!(trouble.contains("failed 4 times") && trouble.contains(&place.target()), "{trouble}");
    let ignore = BackupSettings { on_failure: OnFailure::Ignore, ..settings };
    keep.set_backup_settings(&admin(), ignore).unwrap();
    assert!(keep.run_due(place.now(), &Silent).is_err(), "other settings are tried at once");
    assert_eq!(keep.backup_trouble(), None);
    std::fs::remove_file(place.target()).unwrap();
    place.clock.advance(6 * HOUR);
    assert!(keep.run_due(place.now(), &Silent).unwrap().is_some());
    assert_eq!(keep.run_due(Micros(place.now().0 + HOUR), &Silent).unwrap(), None);
}

#[test]
fn a_backup_of_one_trail_has_its_segments_and_those_of_the_node() {
    let place = Place::new();
    let seal = || place.keep.store().log().seal().unwrap();
    place.append("default", 0..10);
    seal();
    for day in 1..3 {
        place.clock.advance(24 * HOUR);
        place.append("tenant-a", 100 * day..100 * day + 20);
        seal();
    }
    let to = |trail: &str| NewBackup { trail: Some(trail.into()), ..full(&place.target()) };
    let made = place.keep.create_backup(&admin(), &to("default"), &Silent).unwrap();
    let whole = place.keep.create_backup(&admin(), &full(&place.target()), &Silent).unwrap();
    let target = open(&place.target(), None).unwrap();
    let files = |id: &str| load(&*target, id).unwrap().0.files;
    let segments = |id: &str| -> Vec<String> {
        let paths = files(id).into_iter().map(|file| file.path);
        paths.filter(|path| path.starts_with("segments/")).collect()
    };
    let (some, all) = (segments(&made.id), segments(&whole.id));
    assert!(some.len() < all.len() && some.iter().all(|path| all.contains(path)));
    let manifest = |id: &str| files(id).into_iter().any(|file| file.path == "MANIFEST");
    assert!(manifest(&made.id) && manifest(&whole.id));
    assert_eq!(load(&*target, &made.id).unwrap().0.trail.as_deref(), Some("default"));
    place.keep.verify_backup(&admin(), &made.id, &Silent).unwrap();
    let missing = place.keep.create_backup(&admin(), &to("tenant-b"), &Silent);
    assert!(matches!(missing, Err(KeepError::NotFound(_))));
    // Another of the same has next to nothing to send.
    let more = NewBackup { backup_type: BackupType::Incremental, ..to("default") };
    let more = place.keep.create_backup(&admin(), &more, &Silent).unwrap();
    assert!(more.shared_bytes > 0);
}
