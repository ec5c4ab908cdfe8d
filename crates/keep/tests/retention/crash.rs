use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::Phase;
use indelible_keep::holds::NewHold;
use indelible_keep::purge::Purge;
use indelible_keep::requests::RequestState;
use indelible_keep::retention::{SetOutcome, SetRetention};
use indelible_keep::{Keep, KeepError, Silent};
use indelible_log::{Clock as _, Seams};
use indelible_sim::{Fault, FaultStorage, Plan, PowerStorage};

use super::world::{World, open, policy, who};

/// A log of which 300 reads are due, and 10 logins are not.
fn due() -> World {
    let world = World::bare();
    world.set("reads 1d, everything else forever");
    world.append("shop", "data_access", 300, 3);
    world.append("shop", "login", 10, 3);
    world.seal();
    world.append("bank", "data_access", 20, 3);
    world.seal();
    world.days(2);
    // A process that begins finds its last record older than a day otherwise.
    world.keep.confirm_clock(&who("bob")).unwrap();
    world
}

/// Runs something on a machine that stops at some call, and gives what is then on its disk and whether it stopped.
fn stopped_at(
    world: &World,
    call: u64,
    act: &dyn Fn(&Keep) -> Result<(), KeepError>,
) -> (PowerStorage, bool) {
    let power = world.power.kill();
    let faults = FaultStorage::over(&power);
    let seams = Seams { storage: Arc::new(faults.clone()), ..world.seams.clone() };
    let keep = open(&seams, false);
    faults.plan(Plan { fault: Fault::Stop, at: call, kind: None, sticky: true });
    let _ = act(&keep);
    let tripped = faults.tripped().is_some();
    let after = power.kill();
    drop(keep);
    (after, tripped)
}

/// Every intent has one outcome, each is told once, and what they say adds up to what is gone.
fn settled(world: &World, action: &str, expired: u64) {
    let told = world.keep.told(&[action]).unwrap();
    let mut outcomes = BTreeMap::new();
    for record in &told {
        let entry = record.entry();
        match entry.phase {
            Some(Phase::Intent) => drop(outcomes.entry(entry.id).or_insert(0)),
            Some(Phase::Outcome) => *outcomes.entry(entry.reference.unwrap()).or_insert(0) += 1,
            _ => panic!("{action} has a phase"),
        }
    }
    assert!(outcomes.values().all(|count| *count == 1), "{action}: {outcomes:?}");
    if action == "segment.expire" {
        let records = world.told(action).into_iter().filter(|(phase, _)| phase == "outcome");
        let sum: u64 = records.map(|(_, details)| details["records"].as_u64().unwrap()).sum();
        assert_eq!(sum, expired);
    }
}

fn everywhere(world: &World, act: &dyn Fn(&Keep) -> Result<(), KeepError>, purged: bool) {
    let (mut call, mut stops) = (0, 0);
    loop {
        let (power, tripped) = stopped_at(world, call, act);
        let seams = Seams { storage: Arc::new(power.clone()), ..world.seams.clone() };
        let clock = world.clock.clone();
        let again = World { clock, keep: open(&seams, false), seams, power };
        // If nobody had agreed yet, nothing goes.
        let requests = again.keep.requests().unwrap();
        let goes = !purged || requests[0].state == RequestState::Confirmed;
        again.keep.resume_retention(&Silent).unwrap();
        if !purged {
            again.run();
        }
        let (shop, bank) = (again.left("shop"), again.left("bank"));
        match goes {
            // 300 expired: the first bundle of 256 is pruned. 20 expired: all lie in the bundle of the minimum index.
            true => assert_eq!((shop, bank), ((10, 44), (0, 20)), "stopped at call {call}"),
            false => assert_eq!((shop, bank), ((310, 0), (20, 0)), "stopped at call {call}"),
        }
        for action in ["retention.run", "purge.run", "segment.expire", "trail.prune"] {
            settled(&again, action, if goes { 320 } else { 0 });
        }
        assert_eq!(again.told("trail.prune").len(), if goes { 2 } else { 0 });
        again.verify();
        stops += u64::from(tripped);
        if !tripped {
            assert!(stops > 10, "it stopped at {stops} calls only");
            return;
        }
        // Every call near the beginning; later ones differ in little.
        call += 1 + call / 8;
    }
}

#[test]
fn wherever_a_run_stops_the_next_ends_it_and_nothing_is_doubled() {
    let world = due();
    everywhere(&world, &|keep| keep.run_retention(&who("alice"), &Silent).map(drop), false);
}

/// A run that is stopped with everything told and nothing done: what is held before it goes on stays, and nothing
/// below it is called gone.
#[test]
fn what_is_held_after_a_stop_stays_wherever_it_stopped() {
    let world = due();
    let run = |keep: &Keep| keep.run_retention(&who("alice"), &Silent).map(drop);
    let hold = NewHold {
        name: "case 17".into(),
        query: "trail:shop actor.id:u1 category:data_access".into(),
        reason: "a claim is expected".into(),
        owner: "legal".into(),
    };
    let (mut call, mut held) = (0, 0);
    loop {
        let (power, tripped) = stopped_at(&world, call, &run);
        let seams = Seams { storage: Arc::new(power.clone()), ..world.seams.clone() };
        let keep = open(&seams, false);
        let again = World { clock: world.clock.clone(), keep, seams, power };
        let whole = again.left("shop").0 == 310;
        again.keep.hold(&who("carol"), &hold).unwrap();
        again.keep.resume_retention(&Silent).unwrap();
        again.run();
        held += u64::from(whole);
        // Held is every third of 300, from the second on: so the first alone goes from below them.
        let expected = if whole { (110, 200) } else { (10, 44) };
        assert_eq!(again.left("shop"), expected, "stopped at call {call}");
        assert_eq!(again.left("bank"), (0, 20), "stopped at call {call}");
        for action in ["retention.run", "segment.expire", "trail.prune"] {
            settled(&again, action, if whole { 220 } else { 320 });
        }
        again.verify();
        if !tripped {
            assert!(held > 5, "only {held} stops left it whole");
            return;
        }
        call += 1 + call / 8;
    }
}

#[test]
fn wherever_a_purge_stops_the_next_process_ends_it() {
    let world = World::bare();
    world.append("shop", "data_access", 300, 3);
    world.append("shop", "login", 10, 3);
    world.append("bank", "data_access", 20, 3);
    world.seal();
    let until = world.clock.now().day().to_string();
    let purge = Purge {
        query: Some("category:data_access".into()),
        class: None,
        until,
        reason: "moved".into(),
    };
    let request = world.keep.request_purge(&who("alice"), &purge).unwrap();
    everywhere(
        &world,
        &|keep| keep.confirm_purge(&who("bob"), &request.id, &Silent).map(drop),
        true,
    );
}

#[test]
fn a_policy_that_two_people_agreed_on_is_set_once_wherever_it_stops() {
    let world = World::bare();
    let set = SetRetention { existing: true, ..policy("everything else 9d") };
    let Ok(SetOutcome::Asked(request)) = world.keep.set_retention(&who("alice"), &set) else {
        panic!("it takes a second person");
    };
    let confirm = |keep: &Keep| keep.confirm_retention(&who("bob"), &request.id).map(drop);
    let mut call = 0;
    loop {
        let (power, tripped) = stopped_at(&world, call, &confirm);
        let seams = Seams { storage: Arc::new(power.clone()), ..world.seams.clone() };
        let keep = open(&seams, false);
        let again = World { clock: world.clock.clone(), keep, seams, power };
        for _ in 0..2 {
            again.keep.resume_retention(&Silent).unwrap();
            let agreed = again.keep.request(&request.id).unwrap().state == RequestState::Confirmed;
            let numbers: Vec<u32> =
                again.keep.policies().unwrap().iter().map(|policy| policy.number).collect();
            assert_eq!(numbers, if agreed { vec![1, 2] } else { vec![1] }, "call {call}");
            settled(&again, "retention.set", 0);
        }
        again.verify();
        if !tripped {
            assert!(call > 5);
            return;
        }
        call += 1;
    }
}
