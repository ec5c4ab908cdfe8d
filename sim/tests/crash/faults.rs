//! Every call fails once, in every way; the log says so, loses nothing, and goes on as promised.

use indelible_sim::{Fault, NameOrder, scale};

use crate::driver::{Driver, Step, appends, expect, plan, ride_out};
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
            let case = format!("{name}: {fault:?} at call {n}{}", if sticky { " and after" } else { "" });
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
