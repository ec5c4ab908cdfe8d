//! Every call fails once, in every way; the log says so, loses nothing, and goes on as promised.

use indelible_log::{AppendError, Log};
use indelible_sim::{CallKind, Fault, NameOrder, Plan, scale};

use crate::driver::{Driver, Failed, ON_REQUEST, Step, appends, events, expect, plan, ride_out};
use crate::power_cut::{MERGE, WORKLOAD, before_merge};

fn fail_every_call(fault: Fault, sticky: bool) {
    let stride = scale("INDELIBLE_SIM_STRIDE", 1);
    let (merging, before) = before_merge();
    for (name, base, script, before) in
        [("workload", Driver::new(1), WORKLOAD, vec![]), ("merge", merging, MERGE, before)]
    {
        let again: Vec<Step> = before.into_iter().chain(appends(script)).collect();
        for n in (0..).step_by(stride as usize) {
            let mut driver = base.fork(n);
            plan(&driver, fault, n, sticky);
            let case =
                format!("{name}: {fault:?} at call {n}{}", if sticky { " and after" } else { "" });
            let rode = ride_out(&mut driver, script, fault).and_then(|()| driver.check());
            expect(&case, &driver.faults, rode);
            if driver.faults.tripped().is_none() {
                assert!(n > 10, "{name}: only {n} calls to fail");
                break;
            }
            driver.close();
            let after = driver.crashed(n, NameOrder::Any).lives_on(&again);
            expect(&format!("{case}, then a power cut"), &driver.faults, after);
        }
    }
}

#[test]
fn an_io_error_at_any_call_poisons_or_passes_and_loses_nothing() {
    fail_every_call(Fault::Eio, false);
}

#[test]
fn an_io_error_reported_after_the_call_took_effect_loses_nothing() {
    fail_every_call(Fault::EioAfter, false);
}

#[test]
fn io_errors_that_go_on_lose_nothing() {
    fail_every_call(Fault::Eio, true);
}

#[test]
fn a_failed_sync_is_never_retried_into_a_lie() {
    fail_every_call(Fault::SyncError, false);
}

#[test]
fn a_disk_that_is_full_once_refuses_and_goes_on() {
    fail_every_call(Fault::Enospc, false);
}

#[test]
fn a_disk_that_stays_full_refuses_until_there_is_room() {
    fail_every_call(Fault::Enospc, true);
}

#[test]
fn short_reads_and_writes_are_not_noticed() {
    fail_every_call(Fault::Short, false);
    fail_every_call(Fault::Short, true);
}

#[test]
fn interrupted_reads_and_writes_are_not_noticed() {
    fail_every_call(Fault::Eintr, false);
}

/// A log with a few records that were never sealed.
fn unsealed() -> Driver {
    let mut driver = Driver::new(3);
    driver
        .run(&[Step::Append { trail: "alpha", from: 0, count: 3, padding: 0 }])
        .expect("nothing fails yet");
    driver
}

fn fail_kind(driver: &Driver, fault: Fault, kind: CallKind, at: u64) {
    driver.faults.plan(Plan { fault, at, kind: Some(kind), sticky: true });
}

#[test]
fn half_a_group_on_a_full_disk_is_no_damage_after_the_next_file_is_begun() {
    let mut driver = unsealed();
    fail_kind(&driver, Fault::Enospc, CallKind::Write, 0);
    let full = driver.append("alpha", &events(10, 2, 3000));
    assert!(matches!(full, Err(Failed::Append(AppendError::Full))), "{full:?}");
    // A new active file is begun, and the one with the half group cannot be sealed and removed.
    fail_kind(&driver, Fault::Eio, CallKind::Map, 0);
    driver.log().seal().expect_err("the active file cannot be read");
    driver.faults.heal();
    driver.append("alpha", &events(20, 2, 0)).unwrap();
    for cut in 0..40 {
        let after = driver.crashed(cut, NameOrder::Any).lives_on(&[]);
        expect(&format!("cut {cut}"), &driver.faults, after);
    }
}

#[test]
fn a_trail_made_while_an_earlier_file_waits_for_sealing_is_made_once() {
    let mut driver = unsealed();
    fail_kind(&driver, Fault::Eio, CallKind::Map, 0);
    driver.log().seal().expect_err("the active file cannot be read");
    driver.faults.heal();
    driver.append("beta", &events(20, 2, 0)).unwrap();
    driver.log().maintain().unwrap();
    driver.log().wait_sealed().unwrap();
    driver.close();
    driver.lives_on(&[]).unwrap();
}

#[test]
fn a_manifest_that_came_into_force_unnoticed_is_not_undone_by_the_next_try() {
    for kind in [CallKind::Rename, CallKind::SyncDir] {
        for n in 0..4 {
            for stop in 0.. {
                let base = unsealed();
                let mut driver = base.fork(n);
                driver.open().unwrap();
                fail_kind(&driver, Fault::EioAfter, kind, n);
                let failed = driver.log().seal().is_err();
                plan(&driver, Fault::Stop, stop, false);
                if failed {
                    let _ = driver.log().maintain();
                    let _ = driver.log().wait_sealed();
                }
                driver.close();
                for order in [NameOrder::Any, NameOrder::Journaled] {
                    let after = driver.crashed(stop, order).lives_on(&[]);
                    let case =
                        format!("{kind:?} {n} failed, then stopped at call {stop}, {order:?}");
                    expect(&case, &driver.faults, after);
                }
                if driver.faults.tripped().is_none() {
                    break;
                }
            }
        }
    }
}

#[test]
fn nobody_waits_for_a_sealer_that_has_ended() {
    let mut driver = unsealed();
    fail_kind(&driver, Fault::Eio, CallKind::Map, 0);
    driver.log().seal().expect_err("the active file cannot be read");
    driver.close();
    driver.faults.heal();
    for n in 0..50 {
        let next = driver.fork(n);
        // Opening wakes the sealer; whether it still gets to work before it is told to end is open.
        let log = Log::open(next.seams(), ON_REQUEST).unwrap();
        log.close();
        let _ = log.wait_sealed();
    }
}
