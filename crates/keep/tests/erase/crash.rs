//! The machine stops at some call of an erasure; what is left is done after the next start.

use std::sync::Arc;

use indelible_event::check;
use indelible_keep::backup::NewBackup;
use indelible_keep::erase::NewErasure;
use indelible_keep::restore::Below;
use indelible_keep::target::DirTarget;
use indelible_keep::{Keep, Silent};
use indelible_log::Seams;
use indelible_log::storage::Storage;
use indelible_sim::{
    Fault, FaultStorage, ManualClock, NameOrder, Plan, PowerStorage, SeededEntropy, scale,
};
use indelible_store::{InitOptions, Item, OpenOptions, Store, VerifyOptions, verify};

use super::about;
use super::world::{admin, event, is_in, trail};

const START: i64 = 1_790_000_000_000_000;

fn seams(storage: Arc<dyn Storage>, seed: u64) -> Seams {
    let entropy = Arc::new(SeededEntropy::new(seed));
    Seams { storage, clock: Arc::new(ManualClock::at(START)), entropy }
}

fn open(seams: &Seams) -> Keep {
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    Keep::new(Arc::new(Store::open(seams.clone(), options).unwrap()), seams.clone())
}

/// A log with a person in it, a snapshot and a directory that was kept.
fn prepared() -> PowerStorage {
    let power = PowerStorage::new();
    let storage: Arc<dyn Storage> = Arc::new(power.clone());
    let seams = seams(storage.clone(), 1);
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let keep = open(&seams);
    let tell = |from: u64| {
        let item = |n: u64| {
            let event = check(event(n).to_string().as_bytes()).unwrap();
            let name = if n.is_multiple_of(4) { "shop" } else { "office" };
            Item { trail: trail(name), event, recorded_by: None }
        };
        let items: Vec<Item> = (from..from + 8).map(item).collect();
        assert!(keep.store().append(&items).iter().all(Result::is_ok));
    };
    tell(0);
    let snapshots = Arc::new(Below::new(storage.clone(), "snapshots"));
    storage.create_dir("snapshots").unwrap();
    let target = Arc::new(DirTarget::new("/nowhere/snapshots", snapshots));
    keep.create_backup_at(&admin("alice"), &NewBackup::default(), target, &Silent).unwrap();
    let before = power.image();
    tell(8);
    keep.store().publish().unwrap();
    drop(keep);
    for (path, bytes) in before.iter().filter(|(path, _)| !path.starts_with("snapshots")) {
        let to = format!("kept/r1/{path}");
        storage.create_dir(indelible_log::storage::parent(&to)).unwrap();
        power.put(&to, Some(bytes));
    }
    let mut dirs: Vec<String> = Vec::new();
    for path in power.image().keys() {
        let parents = path.match_indices('/').map(|(at, _)| path[..at].to_owned());
        dirs.extend(parents.chain([String::new()]));
    }
    dirs.iter().for_each(|dir| storage.sync_dir(dir).unwrap());
    power
}

fn traces(power: &PowerStorage) -> Vec<String> {
    let image = power.image();
    let rows = |path: &str| {
        let stem = path.strip_suffix(".parquet")?;
        image.get(&format!("{stem}.rows")).cloned()
    };
    let found = image.iter().filter(|(path, bytes)| match path.ends_with(".parquet") {
        // What has no row table was never finished, and the next start removes it.
        true => rows(path).is_some_and(|rows| is_in(bytes, Some(rows))),
        false => is_in(bytes, None),
    });
    found.map(|(path, _)| path.clone()).collect()
}

fn erase(keep: &Keep, new: &NewErasure) -> Result<(), indelible_keep::KeepError> {
    let request = keep.request_erasure(&admin("alice"), new)?;
    keep.confirm_erasure(&admin("bob"), &request, new, &Silent).map(drop)
}

#[test]
fn a_crash_at_any_call_leaves_nothing_that_the_next_start_does_not_finish() {
    let base = prepared();
    assert!(traces(&base).len() > 3);
    let power = base.kill();
    let fault = FaultStorage::over(&power);
    let keep = open(&seams(Arc::new(fault.clone()), 2));
    let before = fault.calls().len();
    erase(&keep, &about()).unwrap();
    let calls = (fault.calls().len() - before) as u64;
    drop(keep);
    assert_eq!(traces(&power), Vec::<String>::new());

    let points = scale("INDELIBLE_ERASE_CRASHES", 16);
    let mut resumed = 0;
    for point in 0..points {
        let at = point * calls / points;
        let power = base.kill();
        let fault = FaultStorage::over(&power);
        let keep = open(&seams(Arc::new(fault.clone()), 3 + point));
        fault.plan(Plan { fault: Fault::Stop, at, kind: None, sticky: true });
        let stopped = erase(&keep, &about());
        // Whoever was told that it is done was told the truth.
        assert!(stopped.is_err() || traces(&power).is_empty(), "call {at} of {calls}");
        drop(keep);
        // Half of the times only the process dies, else the machine does.
        let power = match point % 2 {
            0 => power.kill(),
            _ => power.crash(point, NameOrder::Journaled),
        };
        let after = seams(Arc::new(power.clone()), 100 + point);
        let keep = open(&after);
        let done = keep.resume_erasures(&admin("bob"), &Silent).unwrap();
        resumed += done.len();
        if !keep.erasures().unwrap().is_empty() {
            let left = traces(&power);
            let elsewhere = |path: &&String| path.starts_with("kept/");
            let told: Vec<_> = done.iter().flat_map(|c| &c.still_to_do).collect();
            assert!(
                left.iter().all(|path| elsewhere(&path)),
                "call {at} of {calls}: {left:?} {told:?}"
            );
            // What could not be searched without the name is told.
            let told = told.iter().any(|place| place.place == "kept");
            assert!(left.is_empty() || told, "call {at} of {calls}: {left:?}");
        }
        erase(&keep, &about()).unwrap();
        assert_eq!(traces(&power), Vec::<String>::new(), "call {at} of {calls}");
        keep.store().publish().unwrap();
        drop(keep);
        let report = verify(&after.storage, &VerifyOptions::default()).unwrap();
        assert!(report.log.findings.is_empty(), "call {at}: {:#?}", report.log.findings);
    }
    assert!(resumed > 0, "some of the crashes fall between intent and outcome");
}
