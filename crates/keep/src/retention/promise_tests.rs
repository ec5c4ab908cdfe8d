use super::*;
use crate::retention::policy_text;

fn policies(texts: &[(&str, bool)]) -> Vec<Policy> {
    let mut all = vec![Policy::first()];
    for (text, existing) in texts {
        let (number, rules) = (all.len() as u32 + 1, policy_text::parse(text).unwrap());
        all.push(Policy { number, rules, existing: *existing, ..Policy::first() });
    }
    all
}

fn numbers(policies: &[Policy], sealed: u32) -> Vec<u32> {
    promising(policies, sealed).iter().map(|policy| policy.number).collect()
}

#[test]
fn every_policy_since_promises_and_only_two_people_take_that_back() {
    let one = policies(&[("everything else 10d", false), ("everything else 5d", false)]);
    assert_eq!(numbers(&one, 1), [1, 2, 3]);
    assert_eq!(numbers(&one, 2), [2, 3]);
    assert_eq!(numbers(&one, 3), [3]);
    let two = policies(&[
        ("everything else 10d", false),
        ("everything else 5d", true),
        ("everything else 3d", false),
    ]);
    // What the third allowed for what was there counts; what the fourth says counts for its own only.
    assert_eq!(numbers(&two, 1), [3, 4]);
    assert_eq!(numbers(&two, 2), [3, 4]);
    assert_eq!(numbers(&two, 4), [4]);
}

#[test]
fn a_day_is_kept_from_its_end() {
    let day = Day(100);
    assert_eq!(due_at(day, Some(0)), Some(Day(101).start()));
    assert_eq!(due_at(day, Some(30)), Some(Day(131).start()));
    assert_eq!(due_at(day, None), None);
    let policy = &policies(&[("reads 1d, everything else 9d", false)])[1];
    assert_eq!(class_due_at(policy, "reads", day), Some(Day(102).start()));
    assert_eq!(class_due_at(policy, "system", day), None);
    assert_eq!(bounds(policy, day, false), (Some(Day(102).start()), Some(Day(110).start())));
    assert_eq!(bounds(policy, day, true), (Some(Day(102).start()), None));
    let forever = &policies(&[("reads 1d, everything else forever", false)])[1];
    assert_eq!(bounds(forever, day, false), (Some(Day(102).start()), None));
}

#[test]
fn room_is_made_of_what_nobody_promised_to_keep_regardless() {
    let bounded = |bytes_max, floor_days| Policy { bytes_max, floor_days, ..Policy::first() };
    let day = Day(100);
    assert_eq!(room(&[bounded(None, 0), bounded(Some(5), 0)], day), None);
    // The larger bound and the longer floor count.
    let both = [bounded(Some(50), 3), bounded(Some(5), 7)];
    assert_eq!(room(&both, day), Some((50, Day(108).start())));
}
