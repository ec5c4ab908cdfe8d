//! The same history gives the same firings: wherever it is cut and taken up again, and whether ticks come or not. And
//! what fires is what a plain reading of the definition says, that keeps all and forgets nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indelible_rules::model::CorrelationKind;
use indelible_rules::{Firing, RuleNo, RuleSet, Windows};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::windows::{
    BEGIN, Event, LATENESS, correlation, event, event_rule, field, looked, seconds, set, short,
};

/// Rules 3 and later are of each kind, with spans so short that histories of some dozen events go beyond them.
fn all_kinds() -> Arc<RuleSet> {
    let count = |at_least| CorrelationKind::EventCount { at_least };
    let temporal = |ordered, at_least| CorrelationKind::Temporal { ordered, at_least };
    let first = |learn| CorrelationKind::FirstSeen { field: field("ip"), learn: seconds(learn) };
    let values = |of: &str| CorrelationKind::ValueCount { field: field(of), at_least: 2 };
    let unusual = CorrelationKind::Unusual { factor_percent: 150, at_least: 2, past: 3 };
    set(vec![
        event_rule("a"),
        event_rule("b"),
        event_rule("c"),
        correlation("count", &[0, 1], &["user"], 10, count(3)),
        correlation("values", &[0], &["user"], 15, values("ip")),
        correlation("both", &[0, 1, 2], &["user"], 12, temporal(false, 3)),
        correlation("chain", &[0, 1, 2], &["user"], 14, temporal(true, 3)),
        correlation("new", &[1], &["user"], 25, first(5)),
        correlation("open", &[0, 2], &["user"], 9, CorrelationKind::Absence),
        correlation("gone", &[1], &["user"], 17, CorrelationKind::Absence),
        correlation("many", &[2], &["user"], 20, unusual),
        correlation("counts", &[3, 8], &[], 40, count(2)),
        correlation("users", &[3, 5, 8], &[], 60, values("user")),
        correlation("unanswered", &[9, 3], &["user"], 30, CorrelationKind::Absence),
        correlation("after", &[8, 9], &[], 50, temporal(true, 2)),
    ])
}

/// Time goes on by the first, and an event is as old as the second says when it comes.
fn history(delay_max: i64) -> impl Strategy<Value = Vec<Event>> {
    let step = prop_oneof![4 => 0..4_i64, 1 => 5..60_i64];
    let one = (step, 0..=delay_max, 0..3_u32, 0..3_usize, 0..4_usize, 0..2_usize);
    prop::collection::vec(one, 0..80).prop_map(|list| {
        let mut now = 0;
        let one = |(step, delay, matches, user, ip, trail)| {
            now += step;
            let (user, ip): (&str, &str) = (["u", "v", "w"][user], ["1", "2", "3", "4"][ip]);
            let trail: &str = ["s", "t"][trail];
            Event { trail, recorded_at: now, ..event(now - delay, matches, user, ip) }
        };
        list.into_iter().map(one).collect()
    })
}

fn run(
    windows: &mut Windows,
    rules: &RuleSet,
    events: &[Event],
    from: usize,
    firings: &mut Vec<Firing>,
) {
    for (at, event) in events.iter().enumerate().skip(from) {
        windows.take(&looked(rules, at as u64, event), firings);
    }
}

fn end(windows: &mut Windows, rules: &RuleSet, firings: &mut Vec<Firing>) -> Vec<String> {
    windows.tick(seconds(BEGIN + 1_000_000), firings);
    firings
        .iter()
        .map(|firing| short(rules, firing) + firing.note.as_deref().unwrap_or(""))
        .collect()
}

fn all(rules: &Arc<RuleSet>, events: &[Event]) -> Vec<String> {
    let (mut windows, mut firings) = (Windows::new(rules, seconds(LATENESS)), Vec::new());
    run(&mut windows, rules, events, 0, &mut firings);
    end(&mut windows, rules, &mut firings)
}

/// What counts apart from all others: the place of the firing does not say in which order the events came.
fn by_group(firings: &[Firing]) -> BTreeSet<(RuleNo, String)> {
    let group = |firing: &Firing| firing.group.iter().map(|(_, v)| format!("{v} ")).collect();
    firings.iter().map(|firing| (firing.rule, group(firing))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_history_can_be_cut_anywhere(events in history(60), cuts in prop::collection::btree_set(0..80_usize, 0..6)) {
        let rules = all_kinds();
        let (mut windows, mut firings) = (Windows::new(&rules, seconds(LATENESS)), Vec::new());
        for (at, event) in events.iter().enumerate() {
            if cuts.contains(&at) {
                let saved = windows.save();
                let (again, taken) = Windows::restore(&rules, seconds(LATENESS), &saved).unwrap();
                prop_assert!(taken.iter().all(|taken| *taken));
                prop_assert_eq!(&again.save(), &saved);
                windows = again;
            }
            windows.take(&looked(&rules, at as u64, event), &mut firings);
        }
        prop_assert_eq!(end(&mut windows, &rules, &mut firings), all(&rules, &events));
    }

    #[test]
    fn ticks_change_nothing(events in history(60), ticks in prop::collection::vec((0..80_usize, 0..60_i64), 0..30)) {
        let rules = all_kinds();
        let (mut windows, mut firings) = (Windows::new(&rules, seconds(LATENESS)), Vec::new());
        for (at, event) in events.iter().enumerate() {
            let before = at.checked_sub(1).map_or(0, |before| events[before].recorded_at);
            for (_, later) in ticks.iter().filter(|(tick, _)| *tick == at) {
                let now = (before + later).min(event.recorded_at);
                windows.tick(seconds(BEGIN + now), &mut firings);
            }
            windows.take(&looked(&rules, at as u64, event), &mut firings);
        }
        prop_assert_eq!(end(&mut windows, &rules, &mut firings), all(&rules, &events));
    }

    #[test]
    fn counts_are_as_the_definition_says(events in history(LATENESS)) {
        let rules = all_kinds();
        let (mut windows, mut firings) = (Windows::new(&rules, seconds(LATENESS)), Vec::new());
        run(&mut windows, &rules, &events, 0, &mut firings);
        let ours = |no| -> Vec<String> {
            let of_rule = firings.iter().filter(|firing| firing.rule == RuleNo(no));
            of_rule.map(|firing| short(&rules, firing)).collect()
        };
        prop_assert_eq!(windows.late(), 0);
        prop_assert_eq!(ours(3), plain_count(&events));
        prop_assert_eq!(ours(4), plain_values(&events));
        prop_assert_eq!(ours(6), plain_chain(&events));
        prop_assert_eq!(ours(7), plain_first(&events));
    }

    #[test]
    fn whether_a_group_fires_does_not_depend_on_arrival(
        events in history(0),
        delays in prop::collection::vec(0..=LATENESS, 80),
    ) {
        let rules = all_kinds();
        let fires = |events: &[Event]| {
            let (mut windows, mut firings) = (Windows::new(&rules, seconds(LATENESS)), Vec::new());
            run(&mut windows, &rules, events, 0, &mut firings);
            firings.retain(|firing| [RuleNo(3), RuleNo(6)].contains(&firing.rule));
            by_group(&firings)
        };
        // Equal times count as in the log: so there are none here.
        let in_order: Vec<Event> = (0..).zip(&events).map(|(n, event)| {
            Event { at: event.at + n, recorded_at: event.recorded_at + n, ..event.clone() }
        }).collect();
        let mut delayed: Vec<Event> = in_order.iter().zip(&delays).map(|(event, delay)| {
            Event { recorded_at: event.at + delay, ..event.clone() }
        }).collect();
        delayed.sort_by_key(|event| event.recorded_at);
        prop_assert_eq!(fires(&in_order), fires(&delayed));
    }

    #[test]
    fn damaged_bytes_are_an_error(events in history(30), at in any::<prop::sample::Index>(), to in any::<u8>()) {
        let rules = all_kinds();
        let (mut windows, mut firings) = (Windows::new(&rules, seconds(LATENESS)), Vec::new());
        run(&mut windows, &rules, &events, 0, &mut firings);
        let whole = windows.save();
        let mut saved = whole.clone();
        let at = at.index(saved.len());
        saved[at] ^= to.max(1);
        prop_assert!(Windows::restore(&rules, seconds(LATENESS), &saved).is_err());
        prop_assert!(Windows::restore(&rules, seconds(LATENESS), &whole[..at]).is_err());
        // Whoever mends the checksum gets an error or windows that work, and never a panic.
        let body = saved.len() - 32;
        let sum = Sha256::digest(&saved[..body]);
        saved[body..].copy_from_slice(&sum);
        if let Ok((mut windows, _)) = Windows::restore(&rules, seconds(LATENESS), &saved) {
            run(&mut windows, &rules, &events, 0, &mut firings);
            windows.tick(seconds(BEGIN + 1_000_000), &mut firings);
            windows.save();
        }
    }
}

/// Whose events a rule sees, in the order they came.
fn members<'a>(events: &'a [Event], of: &'a [u32]) -> impl Iterator<Item = (u64, &'a Event)> {
    (0..).zip(events).filter(|(_, event)| of.contains(&event.matches))
}

/// The earliest run of so many neighbours that lies within the span.
fn plain_run<T>(list: &[(i64, u64, T)], needed: usize, span: i64) -> Option<usize> {
    list.windows(needed).position(|run| run[needed - 1].0 - run[0].0 <= span)
}

fn said<T>(rule: &str, user: &str, run: &[(i64, u64, T)], at: i64) -> String {
    let events: Vec<u64> = run.iter().map(|(_, pos, _)| *pos).collect();
    let (count, first, last) = (run.len(), run[0].0, run[run.len() - 1].0);
    format!("{rule}[{user}] {count} {first}..{last} {events:?} at {at}")
}

fn plain_count(events: &[Event]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<(i64, u64, ())>> = BTreeMap::new();
    let mut fired = Vec::new();
    for (pos, event) in members(events, &[0, 1]) {
        let list = groups.entry(&event.user).or_default();
        list.push((event.at, pos, ()));
        list.sort();
        if let Some(begin) = plain_run(list, 3, 10) {
            let run: Vec<_> = list.drain(begin..begin + 3).collect();
            fired.push(said("count", &event.user, &run, event.recorded_at));
        }
    }
    fired
}

fn plain_values(events: &[Event]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<(i64, u64, &str)>> = BTreeMap::new();
    let mut fired = Vec::new();
    for (pos, event) in members(events, &[0]) {
        let list = groups.entry(&event.user).or_default();
        if list.iter().any(|(at, _, value)| *value == event.ip && *at > event.at) {
            continue;
        }
        list.retain(|(_, _, value)| *value != event.ip);
        list.push((event.at, pos, &event.ip));
        list.sort();
        if let Some(begin) = plain_run(list, 2, 15) {
            let run: Vec<_> = list.drain(begin..begin + 2).collect();
            fired.push(said("values", &event.user, &run, event.recorded_at));
        }
    }
    fired
}

fn plain_chain(events: &[Event]) -> Vec<String> {
    let mut groups: BTreeMap<&str, Vec<(i64, u64, u32)>> = BTreeMap::new();
    let mut fired = Vec::new();
    for (pos, event) in members(events, &[0, 1, 2]) {
        let list = groups.entry(&event.user).or_default();
        list.push((event.at, pos, event.matches));
        list.sort();
        // The chain that ends first, and of those the one that begins last and has the latest between.
        let mut best: Option<(usize, usize, usize)> = None;
        for c in 0..list.len() {
            for (a, b) in (0..c).flat_map(|b| (0..b).map(move |a| (a, b))) {
                let is = [list[a].2, list[b].2, list[c].2] == [0, 1, 2];
                let is_first = best.is_none_or(|best| best.2 == c && (b, a) > (best.1, best.0));
                if is && is_first && list[c].0 - list[a].0 <= 14 {
                    best = Some((a, b, c));
                }
            }
        }
        if let Some((a, b, c)) = best {
            let run = [list[a], list[b], list[c]];
            list.drain(..=c);
            fired.push(said("chain", &event.user, &run, event.recorded_at));
        }
    }
    fired
}

fn plain_first(events: &[Event]) -> Vec<String> {
    #[derive(Default)]
    struct Known<'a> {
        since: Option<i64>,
        touched: i64,
        latest: BTreeMap<&'a str, i64>,
    }
    let mut groups: BTreeMap<&str, Known<'_>> = BTreeMap::new();
    let mut fired = Vec::new();
    for (pos, event) in members(events, &[1]) {
        let known = groups.entry(&event.user).or_default();
        if event.recorded_at - known.touched > 25 + LATENESS {
            *known = Known::default();
        }
        known.touched = event.recorded_at;
        let latest = known.latest.get(&*event.ip).copied();
        let is_new = latest.is_none_or(|latest| event.at - latest > 25);
        if is_new && known.since.is_some_and(|since| event.at - since >= 5) {
            let run = [(event.at, pos, ())];
            fired.push(said("new", &event.user, &run, event.recorded_at));
        }
        known.since = Some(known.since.map_or(event.at, |since| since.min(event.at)));
        known.latest.insert(&event.ip, latest.map_or(event.at, |latest| latest.max(event.at)));
    }
    fired
}

#[test]
fn state_goes_with_the_rule_and_not_with_its_number() {
    let count =
        |span| correlation("n", &[0], &["user"], span, CorrelationKind::EventCount { at_least: 2 });
    let before = set(vec![event_rule("a"), event_rule("b"), count(10)]);
    let after = set(vec![event_rule("a"), count(10), count(11)]);
    let (mut windows, mut firings) = (Windows::new(&before, seconds(LATENESS)), Vec::new());
    windows.take(&looked(&before, 0, &event(0, 0, "u", "")), &mut firings);
    let (mut windows, taken) =
        Windows::restore(&after, seconds(LATENESS), &windows.save()).unwrap();
    assert_eq!(taken, [true, true, false]);
    windows.take(&looked(&after, 1, &event(1, 0, "u", "")), &mut firings);
    let fired: Vec<RuleNo> = firings.iter().map(|firing| firing.rule).collect();
    assert_eq!(fired, [RuleNo(1)], "the rule that was changed begins anew");
}

#[test]
fn a_new_rule_takes_what_others_have_seen_of_it() {
    let count =
        |span| correlation("n", &[0], &["user"], span, CorrelationKind::EventCount { at_least: 2 });
    let rules = set(vec![event_rule("a"), count(10), count(11)]);
    let (mut windows, mut firings) = (Windows::new(&rules, seconds(LATENESS)), Vec::new());
    let mut warm = Windows::new(&rules, seconds(LATENESS));
    warm.take(&looked(&rules, 0, &event(0, 0, "u", "")), &mut firings);
    windows.adopt(warm, &[RuleNo(2), RuleNo(0), RuleNo(77)]);
    windows.take(&looked(&rules, 1, &event(1, 0, "u", "")), &mut firings);
    let fired: Vec<RuleNo> = firings.iter().map(|firing| firing.rule).collect();
    assert_eq!(fired, [RuleNo(2)]);
}

#[test]
fn another_lateness_keeps_what_waits() {
    let open = correlation("open", &[0, 1], &["user"], 100, CorrelationKind::Absence);
    let rules = set(vec![event_rule("a"), event_rule("b"), open]);
    let (mut windows, mut firings) = (Windows::new(&rules, seconds(900)), Vec::new());
    windows.take(&looked(&rules, 0, &event(0, 0, "u", "")), &mut firings);
    windows.take(&looked(&rules, 1, &event(500, 2, "u", "")), &mut firings);
    let (mut windows, _) = Windows::restore(&rules, seconds(1), &windows.save()).unwrap();
    windows.tick(seconds(BEGIN + 501), &mut firings);
    assert_eq!(firings.len(), 1, "its time is up by now");
}
