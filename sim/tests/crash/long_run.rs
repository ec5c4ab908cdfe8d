//! Long lives by seed: batches, repetitions, conflicts, seals, faults, crashes, and a clock that jumps.

use std::sync::Arc;

use indelible_event::Checked;
use indelible_log::{SealAt, View};
use indelible_sim::{Fault, NameOrder, Rng, Trouble, make_event, scale};

use crate::driver::{Driver, Failed, ON_REQUEST, Step, expect, plan};

const TRAILS: [&str; 3] = ["alpha", "beta", "gamma"];
const FAULTS: [Fault; 6] =
    [Fault::Eio, Fault::EioAfter, Fault::Enospc, Fault::Short, Fault::Eintr, Fault::SyncError];

/// A batch with new events, some that were sent before, and now and then another content for an id.
fn batch(rng: &mut Rng) -> Vec<Checked> {
    let count = if rng.chance(10) { rng.below(20..60) } else { rng.below(1..8) };
    (0..count)
        .map(|_| {
            let n = rng.below(0..400);
            // By number, so that the same event again is the same.
            make_event(n, u64::from(rng.chance(3)), (n * 37 % 900) as usize)
        })
        .collect()
}

fn jump(rng: &mut Rng, driver: &Driver) {
    let by = match rng.below(0..10) {
        0 => -(rng.below(0..86_400_000_000) as i64),
        1 => rng.below(0..7_200_000_000) as i64,
        _ => rng.below(0..2_000_000) as i64,
    };
    driver.clock.advance(by);
}

/// One thing happens. A fault that it meets is survived as a caller would.
fn happen(rng: &mut Rng, driver: &mut Driver) -> Result<(), Trouble> {
    jump(rng, driver);
    let trail = TRAILS[rng.below(0..3) as usize];
    let done = match rng.below(0..20) {
        0..=13 => driver.append(trail, &batch(rng)),
        14..=15 => driver.step(Step::Seal),
        16 => driver.step(Step::Reopen),
        17 => {
            let fault = FAULTS[rng.below(0..FAULTS.len() as u64) as usize];
            plan(driver, fault, rng.below(0..120), false);
            Ok(())
        }
        _ => {
            let reader = driver.faults.paused(|| View::open(Arc::new(driver.power.clone())));
            let reader = reader.map_err(|e| format!("a reader: {e}"))?;
            driver.model.check_prefix(&reader, &driver.model.all_settled()).map_err(Failed::Wrong)
        }
    };
    match done {
        Ok(()) => Ok(()),
        Err(Failed::Wrong(trouble)) => Err(trouble),
        Err(failed) if driver.faults.tripped().is_none() => {
            Err(format!("without a fault: {failed:?}"))
        }
        Err(_) => {
            driver.faults.heal();
            driver.close();
            driver.open().map_err(|e| format!("opening after a fault: {e:?}"))
        }
    }
}

/// The process ends in some way, and the next one takes over.
fn end(rng: &mut Rng, driver: Driver) -> Driver {
    let seed = rng.bits();
    match rng.below(0..3) {
        0 => driver.fork(seed),
        1 => driver.crashed(seed, NameOrder::Any),
        _ => driver.crashed(seed, NameOrder::Journaled),
    }
}

fn life(seed: u64) {
    let mut rng = Rng::new(seed);
    let mut driver = Driver::new(seed);
    for era in 0..6 {
        if rng.chance(50) {
            driver.seal_at = SealAt { records: rng.below(5..80), ..ON_REQUEST };
        } else {
            driver.seal_at = ON_REQUEST;
        }
        let opened = driver.open().map_err(|e| format!("opening: {e:?}"));
        expect(&format!("seed {seed}, era {era}"), &driver.faults, opened);
        for turn in 0..rng.below(3..25) {
            let result = happen(&mut rng, &mut driver);
            expect(&format!("seed {seed}, era {era}, turn {turn}"), &driver.faults, result);
        }
        // The last thing may be cut short anywhere.
        plan(&driver, Fault::Stop, rng.below(0..60), false);
        let _ = driver.append(TRAILS[0], &batch(&mut rng));
        if rng.chance(50) && driver.log.is_some() {
            let _ = driver.step(Step::Seal);
        }
        if rng.chance(50) {
            driver.close();
        }
        driver = end(&mut rng, driver);
    }
    let faults = driver.faults.clone();
    expect(&format!("seed {seed}, at the end"), &faults, driver.lives_on(&[]));
}

#[test]
fn long_lives_lose_nothing_double_nothing_and_stay_in_order() {
    for seed in 0..scale("INDELIBLE_SIM_SEEDS", 60) {
        life(seed);
    }
}
