//! The machine stops at each call of the storage in turn, by a kill or a power cut. Whatever is found then, going on
//! leads to the one or the other log, whole.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_keep::restore::{Below, resume};
use indelible_log::storage::Storage;
use indelible_sim::{Fault, FaultStorage, NameOrder, Plan, PowerStorage, scale};
use indelible_store::Reader;

use super::world::{Log, Memory, run, seams_over, told, trails, verify_dir};

struct World {
    power: PowerStorage,
    target: Arc<Memory>,
    backup: String,
    /// The trails as they were backed up, and as they were when the restore began.
    then: BTreeMap<String, (u64, String)>,
    before: BTreeMap<String, (u64, String)>,
}

fn world() -> World {
    let power = PowerStorage::new();
    let log = seams_over(Arc::new(power.clone()), 50);
    log.init();
    log.append(&["default", "shop"], 12, true);
    let target = Arc::new(Memory::default());
    let b1 = log.back_up(&target, true);
    let then = log.trails();
    log.append(&["default", "late"], 6, true);
    let before = log.trails();
    // Long ago: everything of it has reached the disk, checkpoints too.
    for path in power.image().keys() {
        power.open(path, true).unwrap().sync().unwrap();
        power.sync_dir(indelible_log::storage::parent(path)).unwrap();
    }
    World { power, target, backup: b1, then, before }
}

impl World {
    /// Finds what a stop left, and goes on.
    fn go_on(&self, found: &PowerStorage, seed: u64, at: &str, strict: bool) {
        let log = seams_over(Arc::new(found.clone()), seed);
        let journal = log.names().iter().any(|name| name == "RESTORE");
        if journal {
            let why = log.try_open(true).err().unwrap_or_else(|| panic!("{at}: it opened"));
            assert!(why.to_string().contains("--continue"), "{at}: {why}");
            assert!(Reader::open(log.seams.storage.clone()).is_err(), "{at}");
            // Either way: by going on, or by the same command once more.
            if seed.is_multiple_of(2) {
                resume(&log.seams, None, false).unwrap_or_else(|e| panic!("{at}: {e}")).unwrap();
            } else {
                run(&log.new_restore(&self.target, &self.backup))
                    .unwrap_or_else(|e| panic!("{at}: {e}"));
            }
        }
        assert_eq!(resume(&log.seams, None, false).unwrap(), None);
        let now = log.trails();
        let is_restored = !now.contains_key("late");
        assert!(!journal || is_restored, "{at}");
        if !is_restored {
            // The log that was there is in charge, and has all it had; nothing stops it from going on.
            for name in ["default", "shop", "late"] {
                assert_eq!(now[name], self.before[name], "{at}");
            }
            sign(log.try_open(false).unwrap_or_else(|e| panic!("{at}: {e}")));
            log.verify();
            let mut again = log.new_restore(&self.target, &self.backup);
            again.strict_delete = strict;
            run(&again).unwrap_or_else(|e| panic!("{at}: again: {e}"));
        }
        self.is_restored(&log, at, strict);
    }

    fn is_restored(&self, log: &Log, at: &str, strict: bool) {
        sign(log.try_open(false).unwrap_or_else(|e| panic!("{at}: {e}")));
        log.verify();
        let now = log.trails();
        for name in ["default", "shop"] {
            assert_eq!(now[name], self.then[name], "{at}");
        }
        assert!(!now.contains_key("late"), "{at}");
        // One intent and one outcome of it, which went well.
        let events = log.told();
        assert_eq!(events.len(), 2, "{at}: {events:?}");
        assert_eq!(events[0].2, events[1].3, "{at}");
        assert_eq!(events[1].1, "success", "{at}");
        let names = log.names();
        assert!(!names.iter().any(|name| name == "RESTORE" || name == "restoring"), "{at}");
        let kept = log.seams.storage.list("kept").unwrap_or_default();
        assert_eq!(kept.len(), usize::from(!strict), "{at}: {kept:?}");
        for id in kept {
            let kept: Arc<dyn Storage> =
                Arc::new(Below::new(log.seams.storage.clone(), &format!("kept/{id}")));
            let reader = Reader::open(kept.clone()).unwrap_or_else(|e| panic!("{at}: {e}"));
            for name in ["default", "shop", "late"] {
                assert_eq!(trails(&reader)[name], self.before[name], "{at}");
            }
            // What was begun and cut short is ended there; the last one's outcome is the restored log's to tell.
            let begun = told(&reader);
            assert_eq!(begun.last().unwrap().1, "pending", "{at}");
            assert_eq!(begun.len() % 2, 1, "{at}: {begun:?}");
            verify_dir(&kept, false);
        }
        log.append(&["default"], 1, false);
        log.verify();
    }
}

/// Checkpoints are not synced: a power cut may take some, and they are signed again at the next start.
fn sign(store: indelible_store::Store) {
    store.close().unwrap();
}

/// How many calls a restore takes, and at which of them the journal is made.
fn calls(world: &World, strict: bool) -> (u64, u64) {
    let faults = FaultStorage::over(&world.power.kill());
    let log = seams_over(Arc::new(faults.clone()), 51);
    let mut new = log.new_restore(&world.target, &world.backup);
    new.strict_delete = strict;
    run(&new).unwrap();
    let calls = faults.calls();
    let journal = calls.iter().position(|call| call.path == "RESTORE.tmp").unwrap();
    (calls.len() as u64, journal as u64)
}

fn stop_everywhere(strict: bool) {
    let world = world();
    let (all, journal) = calls(&world, strict);
    // Before the journal most calls are alike; from it on each is tried.
    let stride = scale("INDELIBLE_CRASH_STRIDE", 23);
    let mut stops: Vec<u64> = (0..journal.saturating_sub(20)).step_by(stride as usize).collect();
    stops.extend(journal.saturating_sub(20)..all + 5);
    let mut resumed = 0;
    for at in stops {
        let power = world.power.kill();
        let faults = FaultStorage::over(&power);
        let log = seams_over(Arc::new(faults.clone()), 100 + at);
        faults.plan(Plan { fault: Fault::Stop, at, kind: None, sticky: true });
        let mut new = log.new_restore(&world.target, &world.backup);
        new.strict_delete = strict;
        let ended = run(&new);
        let name = faults.tripped().map_or("the end".into(), |call| format!("call {at}, {call}"));
        resumed += u64::from(ended.is_err());
        world.go_on(&power.kill(), 10_000 + at, &format!("kill at {name}"), strict);
        let order = if at % 2 == 0 { NameOrder::Any } else { NameOrder::Journaled };
        let cut = power.crash(at, order);
        world.go_on(&cut, 20_000 + at, &format!("power cut at {name}"), strict);
    }
    assert!(resumed > 50);
}

#[test]
fn a_stop_at_any_call_is_gone_on_from() {
    stop_everywhere(false);
}

#[test]
fn a_stop_at_any_call_is_gone_on_from_where_nothing_is_kept() {
    stop_everywhere(true);
}

#[test]
fn a_crash_while_going_on_is_gone_on_from_as_well() {
    let world = world();
    let (all, journal) = calls(&world, false);
    for at in (journal..all).step_by(3) {
        let power = world.power.kill();
        let faults = FaultStorage::over(&power);
        let log = seams_over(Arc::new(faults.clone()), 30_000 + at);
        faults.plan(Plan { fault: Fault::Stop, at, kind: None, sticky: true });
        drop(run(&log.new_restore(&world.target, &world.backup)));
        // The second life stops, too, a little further on each time.
        let second = power.kill();
        let faults = FaultStorage::over(&second);
        let log = seams_over(Arc::new(faults.clone()), 40_000 + at);
        faults.plan(Plan { fault: Fault::Stop, at: (at * 7) % 60, kind: None, sticky: true });
        drop(resume(&log.seams, None, false));
        world.go_on(
            &second.crash(at, NameOrder::Any),
            50_000 + at,
            &format!("twice at {at}"),
            false,
        );
    }
}

#[test]
fn a_disk_that_fills_up_in_the_middle_leaves_the_log_that_was_there() {
    let world = world();
    let (_, journal) = calls(&world, false);
    let mut refused = 0;
    for at in (0..journal / 4).step_by(5) {
        let power = world.power.kill();
        let faults = FaultStorage::over(&power);
        let log = seams_over(Arc::new(faults.clone()), 60_000 + at);
        faults.plan(Plan { fault: Fault::Enospc, at, kind: None, sticky: true });
        let ended = run(&log.new_restore(&world.target, &world.backup));
        if faults.tripped().is_none() {
            break;
        }
        refused += u64::from(ended.is_err());
        faults.heal();
        world.go_on(&power.kill(), 70_000 + at, &format!("full at {at}"), false);
    }
    assert!(refused > 5);
}
