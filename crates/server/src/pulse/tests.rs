use super::*;

const SECOND: i64 = 1_000_000;
const GIB: u64 = 1 << 30;

/// Looks, and takes for told what is to be told, as a node does that can record it.
fn beat(pulse: &mut Pulse, look: &Look) -> Vec<Change> {
    let changes = pulse.look(look);
    for change in &changes {
        pulse.take(change.action, &change.target.1, &change.details, look.now);
    }
    changes
}

fn actions(changes: &[Change]) -> Vec<&'static str> {
    changes.iter().map(|change| change.action).collect()
}

#[test]
fn a_disk_is_told_low_once_and_well_again_when_there_is_clearly_room() {
    let mut pulse = Pulse::default();
    let mut with = |free: u64, total: u64| {
        let space = Some(Space { free, total });
        actions(&beat(&mut pulse, &Look { space, ..Look::default() }))
    };
    assert!(with(6 * GIB, 100 * GIB).is_empty());
    assert_eq!(with(4 * GIB, 100 * GIB), ["node.disk_low"]);
    assert!(with(3 * GIB, 100 * GIB).is_empty());
    // Just above it may be below it in a moment.
    assert!(with(5 * GIB + GIB / 2, 100 * GIB).is_empty());
    assert_eq!(with(7 * GIB, 100 * GIB), ["node.disk_ok"]);
    assert!(with(7 * GIB, 100 * GIB).is_empty());
    // Five of a hundred are little of a small disk, and a small disk is not low for ever.
    assert_eq!(with(GIB, 20 * GIB), ["node.disk_low"]);
    assert_eq!(with(3 * GIB, 4 * GIB), ["node.disk_ok"]);
    assert!(with(2 * GIB, 4 * GIB).is_empty());
}

#[test]
fn a_clock_that_jumps_is_told_and_one_that_goes_is_not() {
    let mut pulse = Pulse::default();
    let mut at = |now: i64, steady: i64| {
        let look =
            Look { now: Micros(now * SECOND), steady: Micros(steady * SECOND), ..Look::default() };
        beat(&mut pulse, &look)
    };
    assert!(at(1_000, 0).is_empty());
    assert!(at(1_030, 30).is_empty());
    // A machine that is slow for an hour is none whose clock jumped.
    assert!(at(4_630, 3_630).is_empty());
    let forward = at(4_700, 3_660);
    assert_eq!(forward[0].details["jumped_seconds"], 40);
    assert!(at(4_730, 3_690).is_empty());
    assert_eq!(at(4_000, 3_720)[0].details["jumped_seconds"], -760);
}

#[test]
fn events_of_the_future_are_told_once_an_hour() {
    let mut pulse = Pulse::default();
    let mut at = |seconds: i64| {
        let now = Micros(seconds * SECOND);
        let ahead = vec![("aa".to_owned(), 3, 900 * SECOND)];
        actions(&beat(&mut pulse, &Look { now, steady: now, ahead, ..Look::default() }))
    };
    assert_eq!(at(10_000), ["node.clock_skew"]);
    assert!(at(10_030).is_empty());
    assert_eq!(at(13_601), ["node.clock_skew"]);
}

#[test]
fn what_fails_is_told_when_it_lasts_and_so_is_that_it_is_well() {
    let mut pulse = Pulse::default();
    let mut with = |failing: &[&'static str]| {
        let failing = failing.iter().map(|what| (*what, "because".to_owned())).collect();
        beat(&mut pulse, &Look { failing, ..Look::default() })
    };
    assert!(with(&["signing"]).is_empty());
    assert!(with(&[]).is_empty(), "it came and went");
    assert!(with(&["signing"]).is_empty());
    let told = with(&["signing", "index"]);
    assert_eq!(told[0].details, json!({"what": "signing", "why": "because"}));
    assert_eq!(actions(&with(&["signing", "index"])), ["node.fail"], "of the index");
    assert!(with(&["index"]).is_empty());
    assert_eq!(with(&["index"])[0].details["what"], "signing");
    assert!(with(&["index"]).is_empty());
}

#[test]
fn a_gap_is_told_once_and_a_later_one_of_the_source_too() {
    let mut pulse = Pulse::default();
    let mut with = |last: u64| {
        let hole = Hole { source: [7; 16], service: Some("billing".into()), missing: 2, last };
        actions(&beat(&mut pulse, &Look { holes: vec![hole], ..Look::default() }))
    };
    assert_eq!(with(10), ["node.source_gap"]);
    assert!(with(10).is_empty());
    assert_eq!(with(30), ["node.source_gap"]);
    assert!(with(30).is_empty());
    for n in 0..3 * limits::GAPS_TOLD_MAX as u64 {
        pulse.take("node.source_gap", &format!("{n:032}"), &json!({"through": 1}), Micros(0));
    }
    assert!(pulse.gaps.len() <= limits::GAPS_TOLD_MAX);
}
