//! Real threads: appends, sealing and readers at once, under faults and power cuts. What happens when
//! is not repeatable, what must hold is.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use indelible_event::TrailName;
use indelible_log::{AppendError, Incoming, Log, SealAt, View};
use indelible_sim::{Fault, Model, NameOrder, PowerStorage, Rng, Trouble, scale};

use crate::driver::{Driver, events, expect, judge, plan};

/// So small that sealing goes on nearly all the time.
const OFTEN: SealAt = SealAt { records: 12, bytes: u64::MAX, merge_debt: 0 };
const WRITERS: [&str; 2] = ["alpha", "beta"];

fn lock(model: &Mutex<Model>) -> MutexGuard<'_, Model> {
    model.lock().expect("whoever held it said what was wrong")
}

/// Appends until the log takes nothing more, trying again while the disk is full.
fn write(log: &Log, model: &Mutex<Model>, name: &str, heal: impl Fn()) -> Result<(), Trouble> {
    let parsed = TrailName::parse(name).map_err(|e| e.to_string())?;
    lock(model).making_trail(name);
    let trail = loop {
        match log.ensure_trail(&parsed) {
            Ok(no) => break no,
            Err(AppendError::Full) => heal(),
            Err(_) => return Ok(()),
        }
    };
    lock(model).made_trail(name, trail)?;
    let mut round = 0;
    while round < 25 {
        let sent = events(round * 3, 4, (round * 50) as usize);
        lock(model).appending(name, &sent);
        let batch: Vec<_> =
            sent.iter().map(|event| Incoming { trail, event, recorded_by: None }).collect();
        let results = log.append(&batch);
        judge(&mut lock(model), name, &sent, &results)?;
        match results.into_iter().find_map(Result::err) {
            None => {}
            Some(AppendError::Full) => {
                heal();
                continue;
            }
            Some(AppendError::Poisoned(_) | AppendError::Unreadable(_)) => return Ok(()),
            Some(e) => return Err(format!("appending: {e}")),
        }
        round += 1;
    }
    Ok(())
}

/// Opens the log again and again as another process would; each time it must be a whole prefix.
fn look(power: &PowerStorage, model: &Mutex<Model>, ended: &AtomicBool) -> Result<(), Trouble> {
    while !ended.load(Ordering::Acquire) {
        let at_least: BTreeMap<String, u64> = lock(model).all_settled();
        let view = View::open(Arc::new(power.clone())).map_err(|e| format!("a reader: {e}"))?;
        lock(model).check_prefix(&view, &at_least).map_err(|e| format!("a reader: {e}"))?;
    }
    Ok(())
}

fn run(seed: u64, fault: Option<Fault>) {
    let mut rng = Rng::new(seed);
    let mut driver = Driver::new(seed);
    let log = Log::open(driver.seams(), OFTEN).expect("nothing fails yet");
    if let Some(fault) = fault {
        plan(&driver, fault, rng.below(0..500), fault == Fault::Enospc);
    }
    let (model, ended) = (Mutex::new(Model::new()), AtomicBool::new(false));
    let result = std::thread::scope(|scope| {
        let reader = scope.spawn(|| look(&driver.power, &model, &ended));
        let writers: Vec<_> = WRITERS
            .into_iter()
            .map(|name| scope.spawn(|| write(&log, &model, name, || driver.faults.heal())))
            .collect();
        let joined = |thread: std::thread::ScopedJoinHandle<'_, Result<(), Trouble>>| {
            thread.join().unwrap_or_else(|_| Err("a thread panicked".into()))
        };
        let wrote: Vec<_> = writers.into_iter().map(joined).collect();
        ended.store(true, Ordering::Release);
        wrote.into_iter().chain([joined(reader)]).collect::<Result<Vec<()>, Trouble>>()
    });
    let case = format!("seed {seed}, {fault:?}");
    expect(&case, &driver.faults, result.map(drop));
    driver.model = model.into_inner().expect("no thread panicked");
    let order = if rng.chance(50) { NameOrder::Journaled } else { NameOrder::Any };
    // Sealing may be under way: the power goes in the middle of it.
    let cut = driver.crashed(seed, order);
    drop(log);
    let killed = driver.fork(seed);
    expect(&format!("{case}, power cut"), &driver.faults, cut.lives_on(&[]));
    expect(&format!("{case}, killed"), &driver.faults, killed.lives_on(&[]));
}

#[test]
fn appends_seals_and_readers_at_once_agree() {
    for seed in 0..scale("INDELIBLE_SIM_SEEDS", 60) / 4 {
        run(seed, None);
    }
}

#[test]
fn faults_while_sealing_runs_beside_appends_lose_nothing() {
    let faults = [Fault::Eio, Fault::Stop, Fault::Enospc, Fault::SyncError, Fault::EioAfter];
    for seed in 0..scale("INDELIBLE_SIM_SEEDS", 60) {
        run(seed, Some(faults[seed as usize % faults.len()]));
    }
}
