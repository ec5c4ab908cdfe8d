//! One trail of a backup, for reading.

use std::sync::Arc;

use indelible_event::TrailName;
use indelible_keep::Silent;
use indelible_keep::backup::NewBackup;
use indelible_keep::restore::RestoreType;
use indelible_log::record::Seq;

use super::world::{Memory, admin, real, run, verify_dir};

#[test]
fn one_trail_is_read_and_verified_without_the_others_segments() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, part) = (real(dir.path(), 40), real(elsewhere.path(), 41));
    log.init();
    // Each sealed on its own, so that there are segments without the one that is wanted.
    log.append(&["shop"], 30, true);
    log.append(&["other"], 30, true);
    log.append(&["other"], 30, true);
    log.append(&["shop"], 6, false);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let shop = TrailName::parse("shop").unwrap();
    let mut new = log.new_restore(&target, &b1);
    new.restore_type = RestoreType::Trail(shop.clone());
    assert!(run(&new).unwrap_err().to_string().contains("--into"));
    (new.into, new.accept_rollback) = (part.elsewhere(), false);
    let restored = run(&new).unwrap();
    assert!(restored.kept.is_none());

    let segments = |log: &super::world::Log| log.seams.storage.list("segments").unwrap().len();
    assert!(segments(&part) < segments(&log));
    let reader = part.reader();
    let status = reader.trail(&shop).unwrap();
    assert_eq!(status.size.0, 36);
    let seqs: Vec<Seq> = (0..36).map(Seq).collect();
    assert_eq!(reader.read(status.info.no, &seqs).unwrap().len(), 36);
    assert_eq!(part.trails()["shop"], log.trails()["shop"]);
    assert_eq!(part.trails()["other"], log.trails()["other"]);
    verify_dir(&part.seams.storage, true);
    let other = reader.trail(&TrailName::parse("other").unwrap()).unwrap();
    assert!(reader.read(other.info.no, &[Seq(40)]).is_err());
    // It is never written to.
    let why = part.try_open(true).err().unwrap().to_string();
    assert!(why.contains("only some trails were restored"), "{why}");
    // The log that was asked has both events; the part has none.
    assert_eq!((log.told().len(), part.told().len()), (2, 0));
}

#[test]
fn a_backup_of_one_trail_comes_back_for_reading_and_as_nothing_else() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, part) = (real(dir.path(), 44), real(elsewhere.path(), 45));
    log.init();
    log.append(&["shop"], 30, true);
    log.append(&["other"], 30, true);
    log.append(&["other"], 30, true);
    log.append(&["shop"], 6, false);
    let target = Arc::new(Memory::default());
    let (b1, whole) = {
        let keep = log.keep();
        let only = NewBackup { trail: Some("shop".into()), ..NewBackup::default() };
        let make = |new: &NewBackup| {
            keep.create_backup_at(&admin(), new, target.clone(), &Silent).unwrap().id
        };
        (make(&only), make(&NewBackup::default()))
    };
    let segments = |id: &str| {
        let of = format!("{id}/segments/");
        target.keys().iter().filter(|key| key.starts_with(&of)).count()
    };
    assert!(segments(&b1) < segments(&whole));
    // Neither in place nor whole elsewhere, nor another trail of it.
    let mut new = log.new_restore(&target, &b1);
    let why = run(&new).unwrap_err().to_string();
    assert!(why.contains("--type trail --trail shop --into DIR"), "{why}");
    (new.into, new.accept_rollback) = (part.elsewhere(), false);
    assert!(run(&new).unwrap_err().to_string().contains("--type trail"));
    new.restore_type = RestoreType::Trail(TrailName::parse("other").unwrap());
    assert!(run(&new).unwrap_err().to_string().contains("shop alone"));
    new.restore_type = RestoreType::Trail(TrailName::parse("shop").unwrap());
    run(&new).unwrap();
    let reader = part.reader();
    let shop = reader.trail(&TrailName::parse("shop").unwrap()).unwrap();
    let seqs: Vec<Seq> = (0..36).map(Seq).collect();
    assert_eq!(reader.read(shop.info.no, &seqs).unwrap().len(), 36);
    assert_eq!(part.trails(), log_trails_but_system(&log, &part));
    verify_dir(&part.seams.storage, true);
    assert!(part.try_open(true).is_err());
}

/// The trails of a log, with `_system` as far as another has it: it goes on with what is done.
fn log_trails_but_system(
    log: &super::world::Log,
    part: &super::world::Log,
) -> std::collections::BTreeMap<String, (u64, String)> {
    let mut trails = log.trails();
    trails.insert("_system".into(), part.trails()["_system"].clone());
    trails
}

#[test]
fn damage_in_the_trail_that_was_restored_is_found() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, part) = (real(dir.path(), 42), real(elsewhere.path(), 43));
    log.init();
    log.append(&["shop"], 30, true);
    log.append(&["other"], 30, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let mut new = log.new_restore(&target, &b1);
    new.restore_type = RestoreType::Trail(TrailName::parse("shop").unwrap());
    (new.into, new.accept_rollback) = (part.elsewhere(), false);
    run(&new).unwrap();
    for name in part.seams.storage.list("segments").unwrap() {
        if name.ends_with(".parquet") && name.contains("standard") {
            let path = format!("segments/{name}");
            let file = part.seams.storage.open(&path, true).unwrap();
            file.set_len(file.len().unwrap() - 1).unwrap();
            break;
        }
    }
    let options = indelible_store::VerifyOptions::default();
    let report = indelible_store::verify(&part.seams.storage, &options).unwrap();
    assert!(!report.holds());
}

/// Whoever takes away a trail's segments and says that they were never restored.
#[test]
fn a_log_that_was_whole_is_not_excused() {
    let (dir, elsewhere) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (log, part) = (real(dir.path(), 44), real(elsewhere.path(), 45));
    log.init();
    log.append(&["shop"], 30, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let mut new = log.new_restore(&target, &b1);
    new.restore_type = RestoreType::Trail(TrailName::parse("shop").unwrap());
    (new.into, new.accept_rollback) = (part.elsewhere(), false);
    run(&new).unwrap();
    std::fs::copy(elsewhere.path().join("PARTIAL"), dir.path().join("PARTIAL")).unwrap();
    let options = indelible_store::VerifyOptions::default();
    let report = indelible_store::verify(&log.seams.storage, &options).unwrap();
    let found = |f: &indelible_log::verify::Finding| f.path == indelible_store::PARTIAL;
    assert!(report.log.findings.iter().any(found), "{:#?}", report.log.findings);
    verify_dir(&part.seams.storage, true);
}
