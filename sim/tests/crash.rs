//! The log under power cuts, failing disks and damage, on simulated storage, checked against a model.
//!
//! Every case is named by numbers that repeat it. `INDELIBLE_SIM_SEEDS` scales the random ones,
//! `INDELIBLE_SIM_CUTS` the power cuts tried at each call, `INDELIBLE_SIM_STRIDE` how many calls or
//! bytes lie between two cases (1 is all of them).

#[path = "crash/damage.rs"]
mod damage;
#[path = "crash/driver.rs"]
mod driver;
#[path = "crash/faults.rs"]
mod faults;
#[path = "crash/long_run.rs"]
mod long_run;
#[path = "crash/power_cut.rs"]
mod power_cut;
#[path = "crash/results.rs"]
mod results;
#[path = "crash/rewrite.rs"]
mod rewrite;
#[path = "crash/threads.rs"]
mod threads;
