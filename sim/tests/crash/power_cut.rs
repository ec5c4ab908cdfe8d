//! The machine stops at every call of a workload; whatever the power cut left, the log is whole.

use indelible_log::{Log, LogError};
use indelible_sim::{Fault, Model, NameOrder, PowerStorage, scale};

use crate::driver::{Driver, Step, appends, expect, plan};

/// Trails, batches of various sizes, a repetition, a seal and a reopening.
pub const WORKLOAD: &[Step] = &[
    Step::Trail("alpha"),
    Step::Append { trail: "alpha", from: 0, count: 3, padding: 0 },
    Step::Append { trail: "beta", from: 100, count: 1, padding: 3000 },
    Step::Append { trail: "alpha", from: 1, count: 4, padding: 0 },
    Step::Seal,
    Step::Append { trail: "alpha", from: 20, count: 2, padding: 700 },
    Step::Conflict { trail: "alpha", n: 2 },
    Step::Reopen,
    Step::Append { trail: "gamma", from: 200, count: 2, padding: 0 },
    Step::Append { trail: "alpha", from: 30, count: 9, padding: 100 },
    Step::Seal,
    Step::Append { trail: "beta", from: 101, count: 1, padding: 0 },
    Step::Append { trail: "alpha", from: 50, count: 3, padding: 600 },
    Step::Append { trail: "gamma", from: 210, count: 2, padding: 1500 },
];

/// What follows seven seals: the eighth makes the neighbours one.
pub const MERGE: &[Step] = &[
    Step::Append { trail: "alpha", from: 300, count: 2, padding: 0 },
    Step::Seal,
    Step::Append { trail: "alpha", from: 310, count: 2, padding: 0 },
    Step::Reopen,
];

/// A log with seven segments of one class and day.
pub fn before_merge() -> (Driver, Vec<Step>) {
    let mut script = vec![Step::Trail("alpha")];
    for n in 0..7 {
        script.push(Step::Append { trail: "alpha", from: n * 10, count: 2, padding: 0 });
        script.push(Step::Seal);
    }
    let mut driver = Driver::new(7);
    driver.run(&script).expect("nothing fails yet");
    driver.close();
    (driver, appends(&script))
}

fn cut_at_every_call(base: &Driver, script: &[Step], before: &[Step]) -> u64 {
    let (cuts, stride) = (scale("INDELIBLE_SIM_CUTS", 2), scale("INDELIBLE_SIM_STRIDE", 1));
    let again: Vec<Step> = before.iter().copied().chain(appends(script)).collect();
    let mut n = 0;
    loop {
        let mut driver = base.fork(n);
        plan(&driver, Fault::Stop, n, false);
        // Whatever it says after the machine stopped, nobody hears it.
        let ended = driver.run(script);
        driver.close();
        if driver.faults.tripped().is_none() {
            ended.expect("nothing failed, so it ran through");
            return n;
        }
        for cut in 0..cuts {
            let order = if cut % 2 == 0 { NameOrder::Any } else { NameOrder::Journaled };
            let after = driver.crashed(n * 1000 + cut, order);
            expect(
                &format!("stopped at call {n}, cut {cut}, {order:?}"),
                &driver.faults,
                after.lives_on(&again),
            );
        }
        n += stride;
    }
}

#[test]
fn a_power_cut_at_any_call_loses_nothing_acknowledged() {
    let calls = cut_at_every_call(&Driver::new(1), WORKLOAD, &[]);
    assert!(calls > 100, "the workload makes only {calls} calls");
}

#[test]
fn a_power_cut_at_any_call_of_a_merge_loses_nothing() {
    let (base, before) = before_merge();
    let calls = cut_at_every_call(&base, MERGE, &before);
    assert!(calls > 50, "the workload makes only {calls} calls");
}

#[test]
fn a_kill_at_any_call_then_a_power_cut_loses_nothing_acknowledged() {
    let stride = scale("INDELIBLE_SIM_STRIDE", 1);
    for (base, script) in [(Driver::new(1), WORKLOAD), (before_merge().0, MERGE)] {
        for n in (0..).step_by(stride as usize) {
            let mut killed = base.fork(n);
            plan(&killed, Fault::Stop, n, false);
            let _ = killed.run(script);
            killed.close();
            if killed.faults.tripped().is_none() {
                break;
            }
            // The next process finds the page cache as it was and acknowledges on top of it; only then
            // the power goes, and with it whatever that process relied on without syncing it.
            let mut next = killed.fork(n + 1);
            let result = next
                .open()
                .and_then(|()| {
                    next.run(&[Step::Append { trail: "alpha", from: 500, count: 2, padding: 0 }])
                })
                .map_err(|e| format!("after the kill: {e:?}"))
                .and_then(|()| {
                    next.close();
                    next.crashed(n, NameOrder::Any).lives_on(&appends(script))
                });
            expect(&format!("killed at call {n}, then a power cut"), &killed.faults, result);
        }
    }
}

#[test]
fn a_power_cut_while_a_log_is_made_leaves_one_or_none() {
    for n in 0.. {
        let driver = Driver::over(PowerStorage::new(), Model::new(), n);
        plan(&driver, Fault::Stop, n, false);
        let made = Log::init(&driver.seams());
        if driver.faults.tripped().is_none() {
            made.expect("nothing failed");
            break;
        }
        for cut in 0..20 {
            for after in [driver.crashed(cut, NameOrder::Any), driver.fork(cut)] {
                match Log::init(&after.seams()) {
                    Ok(()) | Err(LogError::Exists(_)) => {}
                    Err(e) => panic!("stopped at call {n}, cut {cut}: {e}"),
                }
                expect(
                    &format!("stopped at call {n} of init, cut {cut}"),
                    &driver.faults,
                    after.lives_on(&[]),
                );
            }
        }
    }
}
