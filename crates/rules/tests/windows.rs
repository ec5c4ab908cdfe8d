//! Each kind of correlation, by histories that were made by hand; what is known of an event is made without a matcher.

use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_rules::limits::{GROUPS_MAX, STATE_BYTES_MAX};
use indelible_rules::model::{
    Condition, Correlation, CorrelationKind, EventText, GroupField, Kind,
};
use indelible_rules::{
    EventRef, Feed, Firing, Level, Looked, Origin, Rule, RuleNo, RuleSet, Windows,
};
use sha2::{Digest, Sha256};

/// A moment that all histories begin at: a multiple of all spans that are used.
pub const BEGIN: i64 = 1_767_225_600;
/// How late events may come here, in seconds.
pub const LATENESS: i64 = 20;

pub fn seconds(seconds: i64) -> Micros {
    Micros(seconds * 1_000_000)
}

pub fn rule(id: &str, kind: Kind) -> Rule {
    let text: Arc<str> = format!("{id} {kind:?}").into();
    Rule {
        id: id.into(),
        name: Some(id.into()),
        title: id.into(),
        description: None,
        advice: None,
        level: Level::Medium,
        tags: Vec::new(),
        file: "x.yml".into(),
        line: 1,
        origin: Origin::Folder,
        digest: Sha256::digest(text.as_bytes()).into(),
        text,
        alerts: matches!(kind, Kind::Correlation(_)),
        kind,
    }
}

pub fn event_rule(id: &str) -> Rule {
    rule(id, Kind::Event(Condition::Constant(true)))
}

pub fn field(name: &str) -> GroupField {
    GroupField { name: name.into(), of: Vec::new() }
}

pub fn correlation(
    id: &str,
    of: &[u32],
    group_by: &[&str],
    span: i64,
    kind: CorrelationKind,
) -> Rule {
    let of = of.iter().map(|no| RuleNo(*no)).collect();
    let group_by = group_by.iter().map(|name| field(name)).collect();
    rule(id, Kind::Correlation(Correlation { of, kind, group_by, span: seconds(span) }))
}

pub fn set(rules: Vec<Rule>) -> Arc<RuleSet> {
    Arc::new(RuleSet { rules, refused: Vec::new() })
}

/// An event of a history.
#[derive(Clone, Debug)]
pub struct Event {
    pub trail: &'static str,
    pub at: i64,
    pub recorded_at: i64,
    /// The rule of one event that it matches.
    pub matches: u32,
    pub user: String,
    pub ip: String,
}

/// One that came as it happened.
pub fn event(at: i64, matches: u32, user: &str, ip: &str) -> Event {
    let (user, ip) = (user.to_owned(), ip.to_owned());
    Event { trail: "t", at, recorded_at: at, matches, user, ip }
}

/// What a matcher would say of it.
pub fn looked(rules: &RuleSet, pos: u64, event: &Event) -> Looked {
    let value = |name: &str| -> Box<str> {
        if name == "user" { event.user.as_str().into() } else { event.ip.as_str().into() }
    };
    let mut feeds = Vec::new();
    for (no, rule) in rules.rules.iter().enumerate() {
        let Kind::Correlation(correlation) = &rule.kind else { continue };
        for (member, of) in correlation.of.iter().enumerate() {
            if of.0 != event.matches {
                continue;
            }
            let counted = match &correlation.kind {
                CorrelationKind::ValueCount { field, .. }
                | CorrelationKind::FirstSeen { field, .. } => Some(value(&field.name)),
                _ => None,
            };
            feeds.push(Feed {
                correlation: RuleNo(no as u32),
                member,
                group: correlation.group_by.iter().map(|by| value(&by.name)).collect(),
                value: counted,
            });
        }
    }
    let id = EventText(EventId::foreign("test", &pos.to_string()));
    Looked {
        event: EventRef { trail: event.trail.into(), seq: pos, id },
        pos,
        recorded_at: seconds(BEGIN + event.recorded_at),
        at: seconds(BEGIN + event.at),
        rules: vec![RuleNo(event.matches)],
        actor: None,
        feeds,
    }
}

/// A firing in few words: the rule, the group, how many, first and last in seconds, and the places of its events.
pub fn short(rules: &RuleSet, firing: &Firing) -> String {
    let group: Vec<&str> = firing.group.iter().map(|(_, value)| &**value).collect();
    let events: Vec<u64> = firing.events.iter().map(|event| event.seq).collect();
    let at = |time: Micros| time.0 / 1_000_000 - BEGIN;
    format!(
        "{}[{}] {} {}..{} {events:?} at {}",
        rules.get(firing.rule).id,
        group.join(","),
        firing.count,
        at(firing.first),
        at(firing.last),
        at(firing.known_at)
    )
}

/// What a history of a rule's makes fire. The rules that it refers to are 0, 1 and 2; then log time goes on for long.
fn fires(rule: Rule, events: &[Event]) -> Vec<String> {
    let rules = set(vec![event_rule("a"), event_rule("b"), event_rule("c"), rule]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    for (pos, event) in events.iter().enumerate() {
        windows.take(&looked(&rules, pos as u64, event), &mut firings);
    }
    windows.tick(seconds(BEGIN + 1_000_000), &mut firings);
    firings.iter().map(|firing| short(&rules, firing)).collect()
}

fn came(trail: &'static str, at: i64, recorded_at: i64, matches: u32, user: &str) -> Event {
    Event { trail, recorded_at, ..event(at, matches, user, "-") }
}

fn of(times: &[i64], user: &str) -> Vec<Event> {
    times.iter().map(|at| event(*at, 0, user, "-")).collect()
}

fn three_in_ten(id: &str) -> Rule {
    correlation(id, &[0, 1], &["user"], 10, CorrelationKind::EventCount { at_least: 3 })
}

#[test]
fn events_are_counted_within_a_span_and_used_up() {
    let rule = || three_in_ten("count");
    assert_eq!(fires(rule(), &of(&[0, 5, 10], "u")), ["count[u] 3 0..10 [0, 1, 2] at 10"]);
    assert!(fires(rule(), &of(&[0, 5, 11], "u")).is_empty(), "a second more than the span");
    assert!(fires(rule(), &of(&[0, 1], "u")).is_empty(), "one less than it takes");
    let twice = fires(rule(), &of(&[0, 1, 2, 3, 4, 5, 6], "u"));
    assert_eq!(twice, ["count[u] 3 0..2 [0, 1, 2] at 2", "count[u] 3 3..5 [3, 4, 5] at 5"]);
    let apart: Vec<Event> = [of(&[0, 1], "u"), of(&[2, 3], "v")].concat();
    assert!(fires(rule(), &apart).is_empty(), "groups are counted apart");
    let both = [event(0, 0, "u", "-"), event(1, 1, "u", "-"), event(2, 0, "u", "-")];
    assert_eq!(fires(rule(), &both).len(), 1, "whichever of its rules matches");
    assert_eq!(fires(rule(), &of(&[-100, 0, 5, 10], "u")).len(), 1);
}

#[test]
fn an_event_that_matches_several_rules_is_one_event() {
    let twice = correlation("n", &[0, 0], &[], 10, CorrelationKind::EventCount { at_least: 2 });
    assert!(fires(twice, &of(&[0], "u")).is_empty());
}

#[test]
fn the_order_of_arrival_does_not_matter_within_lateness() {
    let late = [came("t", 10, 10, 0, "u"), came("t", 5, 11, 0, "u"), came("t", 0, 12, 0, "u")];
    assert_eq!(fires(three_in_ten("n"), &late), ["n[u] 3 0..10 [2, 1, 0] at 12"]);
    let newer = came("t", 21, 21, 2, "u");
    let too_late = [late[0].clone(), late[1].clone(), newer, came("t", 0, 22, 0, "u")];
    assert!(fires(three_in_ten("n"), &too_late).is_empty(), "21 s behind its trail");
    let other_trail = came("s", 0, 22, 0, "u");
    let of_other = [late[0].clone(), late[1].clone(), too_late[2].clone(), other_trail];
    assert_eq!(fires(three_in_ten("n"), &of_other).len(), 1, "each trail has its own watermark");
    // A trail that is an hour behind, among events of another that is not.
    let behind: Vec<Event> = (0..3)
        .flat_map(|n| {
            [came("s", 3_600 + n * 8, 3_600 + n * 8, 0, "u"), came("r", n, 3_601 + n * 8, 0, "u")]
        })
        .collect();
    assert_eq!(fires(three_in_ten("n"), &behind), ["n[u] 3 0..2 [1, 3, 5] at 3617"]);
}

#[test]
fn late_events_are_counted_and_still_match() {
    let mut one = event_rule("a");
    one.alerts = true;
    let rules = set(vec![one, event_rule("b"), three_in_ten("n")]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    for (pos, event) in
        [came("t", 30, 30, 0, "u"), came("t", 9, 31, 0, "u"), came("t", 10, 31, 0, "u")]
            .iter()
            .enumerate()
    {
        windows.take(&looked(&rules, pos as u64, event), &mut firings);
    }
    let firings: Vec<String> = firings.iter().map(|firing| short(&rules, firing)).collect();
    assert_eq!(
        firings,
        ["a[] 1 30..30 [0] at 30", "a[] 1 9..9 [1] at 31", "a[] 1 10..10 [2] at 31"]
    );
    assert_eq!(windows.late(), 1);
    let stats = windows.stats(RuleNo(0));
    assert_eq!((stats.matched, stats.fired), (3, 3));
    assert_eq!(stats.last_fired_at, Some(seconds(BEGIN + 31)));
    assert_eq!((windows.stats(RuleNo(2)).matched, windows.stats(RuleNo(2)).groups), (2, 1));
}

fn values(at_least: u64) -> Rule {
    let kind = CorrelationKind::ValueCount { field: field("ip"), at_least };
    correlation("values", &[0], &["user"], 10, kind)
}

#[test]
fn different_values_are_counted() {
    let at = |at, ip: &str| event(at, 0, "u", ip);
    let three = [at(0, "x"), at(1, "y"), at(2, "z")];
    assert_eq!(fires(values(3), &three), ["values[u] 3 0..2 [0, 1, 2] at 2"]);
    let two = [at(0, "x"), at(1, "y"), at(2, "x"), at(3, "y")];
    assert!(fires(values(3), &two).is_empty(), "the same value does not count twice");
    let again = [at(0, "x"), at(8, "x"), at(9, "y"), at(18, "z")];
    assert_eq!(fires(values(3), &again), ["values[u] 3 8..18 [1, 2, 3] at 18"]);
    let over = [at(0, "x"), at(9, "y"), at(18, "z")];
    assert!(fires(values(3), &over).is_empty());
    let anew = [at(0, "x"), at(1, "y"), at(2, "x"), at(3, "y")];
    assert_eq!(fires(values(2), &anew).len(), 2, "what has fired is used up");
}

#[test]
fn different_rules_come_together() {
    let kind = |at_least| CorrelationKind::Temporal { ordered: false, at_least };
    let rule = |at_least| correlation("both", &[0, 1, 2], &["user"], 10, kind(at_least));
    let at = |at, no| event(at, no, "u", "-");
    assert_eq!(fires(rule(3), &[at(0, 2), at(1, 0), at(2, 1)]), ["both[u] 3 0..2 [0, 1, 2] at 2"]);
    assert!(fires(rule(3), &[at(0, 2), at(1, 0), at(2, 0)]).is_empty());
    assert!(fires(rule(3), &[at(0, 2), at(1, 0), at(11, 1)]).is_empty());
    assert_eq!(fires(rule(2), &[at(0, 2), at(1, 0)]).len(), 1);
}

#[test]
fn rules_come_in_their_order() {
    let kind = CorrelationKind::Temporal { ordered: true, at_least: 3 };
    let rule = || correlation("chain", &[0, 1, 2], &["user"], 10, kind.clone());
    let at = |at, no| event(at, no, "u", "-");
    let chain = [at(0, 0), at(3, 0), at(4, 1), at(5, 1), at(9, 2)];
    assert_eq!(fires(rule(), &chain), ["chain[u] 3 3..9 [1, 3, 4] at 9"]);
    assert!(fires(rule(), &[at(0, 0), at(1, 2), at(2, 1)]).is_empty());
    assert!(fires(rule(), &[at(0, 0), at(1, 1), at(11, 2)]).is_empty());
    let at_once = [at(0, 0), at(0, 1), at(0, 2)];
    assert_eq!(fires(rule(), &at_once).len(), 1, "equal times count as in the log");
    assert!(fires(rule(), &[at(0, 2), at(0, 1), at(0, 0)]).is_empty());
    let disorder = [came("t", 9, 9, 2, "u"), came("t", 0, 10, 0, "u"), came("t", 5, 11, 1, "u")];
    assert_eq!(fires(rule(), &disorder), ["chain[u] 3 0..9 [1, 2, 0] at 11"]);
    let then_anew = [at(0, 0), at(1, 1), at(2, 2), at(3, 1), at(4, 2)];
    assert_eq!(fires(rule(), &then_anew).len(), 1, "the first is used up");
}

#[test]
fn an_event_is_not_its_own_successor() {
    let kind = CorrelationKind::Temporal { ordered: true, at_least: 2 };
    let rule = correlation("twice", &[0, 0], &[], 10, kind);
    assert_eq!(fires(rule.clone(), &of(&[0, 1], "u")).len(), 1);
    assert!(fires(rule, &of(&[0], "u")).is_empty());
}

#[test]
fn a_new_value_of_a_known_group_is_told() {
    let kind = |learn| CorrelationKind::FirstSeen { field: field("ip"), learn: seconds(learn) };
    let rule = |learn| correlation("new", &[0], &["user"], 100, kind(learn));
    let at = |at, ip: &str| event(at, 0, "u", ip);
    assert!(fires(rule(0), &[at(0, "x")]).is_empty(), "the first never is");
    assert_eq!(fires(rule(0), &[at(0, "x"), at(1, "y")]), ["new[u] 1 1..1 [1] at 1"]);
    assert!(fires(rule(50), &[at(0, "x"), at(49, "y")]).is_empty(), "still learning");
    let known = [at(0, "x"), at(49, "y"), at(60, "y"), at(70, "x"), at(71, "z")];
    assert_eq!(fires(rule(50), &known), ["new[u] 1 71..71 [4] at 71"]);
    let forgotten = [at(0, "x"), at(60, "y"), at(101, "x"), at(161, "x")];
    let firings = fires(rule(50), &forgotten);
    assert_eq!(firings, ["new[u] 1 60..60 [1] at 60", "new[u] 1 101..101 [2] at 101"]);
    assert!(fires(rule(0), &[at(0, "x"), at(121, "y")]).is_empty(), "a group is forgotten, too");
}

#[test]
fn what_is_new_is_said() {
    let kind = CorrelationKind::FirstSeen { field: field("ip"), learn: seconds(0) };
    let rules = set(vec![event_rule("a"), correlation("new", &[0], &["user"], 100, kind)]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    for (pos, ip) in ["192.0.2.1", "192.0.2.2"].iter().enumerate() {
        windows.take(&looked(&rules, pos as u64, &event(0, 0, "ada", ip)), &mut firings);
    }
    assert_eq!(firings[0].note.as_deref(), Some("ip 192.0.2.2 is new"));
    let group: Vec<(&str, &str)> = firings[0].group.iter().map(|(n, v)| (&**n, &**v)).collect();
    assert_eq!(group, [("user", "ada")]);
}

#[test]
fn an_intent_without_an_outcome_is_told() {
    let rule = || correlation("open", &[0, 1], &["user"], 100, CorrelationKind::Absence);
    let at = |at, no, user: &str| event(at, no, user, "-");
    assert_eq!(fires(rule(), &[at(0, 0, "u")]), ["open[u] 1 0..0 [0] at 120"]);
    assert!(fires(rule(), &[at(0, 0, "u"), at(100, 1, "u")]).is_empty());
    assert_eq!(fires(rule(), &[at(0, 0, "u"), at(101, 1, "u")]).len(), 1, "too late an outcome");
    assert_eq!(fires(rule(), &[at(0, 0, "u"), at(5, 1, "v")]).len(), 1, "of another");
    assert!(fires(rule(), &[at(0, 1, "u"), at(5, 0, "u")]).is_empty(), "outcome before intent");
    assert_eq!(fires(rule(), &[at(0, 1, "u"), at(21, 0, "u")]).len(), 1, "long before it");
    let two = [at(0, 0, "u"), at(10, 0, "u"), at(20, 1, "u")];
    assert_eq!(fires(rule(), &two), ["open[u] 1 10..10 [1] at 130"], "the oldest ends first");
    let in_order = [at(0, 0, "v"), at(0, 0, "u"), at(1, 0, "a"), at(500, 2, "-")];
    let firings = fires(rule(), &in_order);
    assert_eq!(
        firings,
        ["open[u] 1 0..0 [1] at 120", "open[v] 1 0..0 [0] at 120", "open[a] 1 1..1 [2] at 121"]
    );
}

#[test]
fn an_import_gives_outcomes_time_to_come() {
    let rule = || correlation("open", &[0, 1], &["user"], 100, CorrelationKind::Absence);
    let old = |at, recorded_at, no| came("t", at, recorded_at, no, "u");
    assert!(fires(rule(), &[old(0, 5_000, 0), old(50, 5_001, 1)]).is_empty());
    assert_eq!(fires(rule(), &[old(0, 5_000, 0)]), ["open[u] 1 0..0 [0] at 5020"]);
}

#[test]
fn a_source_that_went_silent_is_told_once() {
    let rule = || correlation("gone", &[0], &["user"], 100, CorrelationKind::Absence);
    let firings = fires(rule(), &of(&[0, 50, 150, 400, 401], "u"));
    assert_eq!(firings, ["gone[u] 1 150..150 [2] at 270", "gone[u] 1 401..401 [4] at 521"]);
    let steady: Vec<i64> = (0..10_000).map(|n| n * 100).collect();
    assert!(fires(rule(), &of(&steady, "u")).is_empty());
}

#[test]
fn many_more_than_usual_are_told_once_a_span() {
    let kind = CorrelationKind::Unusual { factor_percent: 300, at_least: 5, past: 4 };
    let rule = || correlation("many", &[0], &["user"], 100, kind.clone());
    let spans = |counts: &[i64]| -> Vec<Event> {
        let of_span = |(span, count): (usize, &i64)| {
            let begin = span as i64 * 100;
            (0..*count).map(|n| event(begin + n, 0, "u", "-")).collect::<Vec<_>>()
        };
        counts.iter().enumerate().flat_map(of_span).collect()
    };
    // Two on average: six are three times that.
    let firings = fires(rule(), &spans(&[2, 3, 1, 2, 9]));
    assert_eq!(firings, ["many[u] 6 400..405 [8, 9, 10, 11, 12, 13] at 405"]);
    assert!(fires(rule(), &spans(&[2, 3, 1, 2, 5])).is_empty());
    assert!(fires(rule(), &spans(&[1, 9])).is_empty(), "half of the past must be known");
    assert_eq!(fires(rule(), &spans(&[1, 1, 9])).len(), 1);
    assert_eq!(fires(rule(), &spans(&[1, 0, 0, 0, 5])).len(), 1, "spans without any count");
    assert!(fires(rule(), &spans(&[1, 0, 0, 0, 4])).is_empty(), "the least");
    assert_eq!(fires(rule(), &spans(&[0, 0, 1, 1, 9, 9, 30])).len(), 2);
}

#[test]
fn what_is_usual_is_said() {
    let kind = CorrelationKind::Unusual { factor_percent: 200, at_least: 3, past: 2 };
    let rules = set(vec![event_rule("a"), correlation("many", &[0], &[], 3_600, kind)]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    for (pos, at) in [0, 3_600, 3_601, 7_200, 7_201, 7_202].into_iter().enumerate() {
        windows.take(&looked(&rules, pos as u64, &event(at, 0, "u", "-")), &mut firings);
    }
    assert_eq!(firings.len(), 1);
    assert_eq!(firings[0].note.as_deref(), Some("3 in 1h, 1.5 are usual"));
}

#[test]
fn correlations_go_into_correlations() {
    let mut inner = three_in_ten("inner");
    inner.alerts = false;
    let kind = CorrelationKind::ValueCount { field: field("user"), at_least: 2 };
    let outer = correlation("outer", &[2], &[], 50, kind);
    let rules = set(vec![event_rule("a"), event_rule("b"), inner, outer]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    let events = [of(&[0, 1, 2, 3, 4, 5], "u"), of(&[6, 7, 8], "v")].concat();
    for (pos, event) in events.iter().enumerate() {
        windows.take(&looked(&rules, pos as u64, event), &mut firings);
    }
    let told: Vec<String> = firings.iter().map(|firing| short(&rules, firing)).collect();
    assert_eq!(told, ["outer[] 2 5..8 [5, 8] at 8"], "the inner ones stay silent");
    assert_eq!((windows.stats(RuleNo(2)).fired, windows.stats(RuleNo(3)).matched), (3, 3));
}

#[test]
fn what_waits_can_go_into_correlations() {
    let open = correlation("open", &[0, 1], &["user"], 100, CorrelationKind::Absence);
    let kind = CorrelationKind::EventCount { at_least: 2 };
    let outer = correlation("often", &[2], &["user"], 60, kind);
    let rules = set(vec![event_rule("a"), event_rule("b"), open, outer]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    for (pos, event) in of(&[0, 60, 121], "u").iter().enumerate() {
        windows.take(&looked(&rules, pos as u64, event), &mut firings);
    }
    windows.tick(seconds(BEGIN + 1_000), &mut firings);
    let told: Vec<String> = firings.iter().map(|firing| short(&rules, firing)).collect();
    assert_eq!(
        told,
        [
            "open[u] 1 0..0 [0] at 120",
            "open[u] 1 60..60 [1] at 180",
            "often[u] 2 100..160 [0, 1] at 180",
            "open[u] 1 121..121 [2] at 241",
        ]
    );
}

#[test]
fn a_lattice_of_correlations_ends() {
    let once = CorrelationKind::EventCount { at_least: 1 };
    let mut rules = vec![event_rule("a"), correlation("c1", &[0], &[], 10, once.clone())];
    let mut last = vec![1];
    // Twice as many with each level: what one event sets off would double forty times.
    for level in 0..40 {
        let next: Vec<u32> = (0..2).map(|n| rules.len() as u32 + n).collect();
        for n in 0..2 {
            rules.push(correlation(&format!("l{level}-{n}"), &last, &[], 10, once.clone()));
        }
        last = next;
    }
    let rules = set(rules);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    windows.take(&looked(&rules, 0, &event(0, 0, "u", "-")), &mut firings);
    assert!(firings.len() <= indelible_rules::limits::CASCADE_MAX + 1);
    let dropped: u64 =
        (0..rules.rules.len()).map(|no| windows.stats(RuleNo(no as u32)).groups_dropped).sum();
    assert!(dropped > 0, "what was passed over is counted");
}

#[test]
fn a_million_keys_take_bounded_room() {
    let first = CorrelationKind::FirstSeen { field: field("ip"), learn: seconds(0) };
    let rules = set(vec![
        event_rule("a"),
        correlation("count", &[0], &["user"], 3_600, CorrelationKind::EventCount { at_least: 3 }),
        correlation("new", &[0], &[], 3_600, first),
    ]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    let mut looked_at = looked(&rules, 0, &event(0, 0, "", ""));
    for n in 0..1_000_000_u32 {
        let key: Box<str> = n.to_string().into();
        looked_at.pos = u64::from(n);
        looked_at.feeds[0].group = [key.clone()].into();
        looked_at.feeds[1].value = Some(key);
        windows.take(&looked_at, &mut firings);
        firings.clear();
    }
    let stats = windows.stats(RuleNo(1));
    assert_eq!((stats.groups, stats.groups_dropped), (GROUPS_MAX, 1_000_000 - GROUPS_MAX as u64));
    assert!(windows.stats(RuleNo(2)).groups_dropped > 900_000, "values are bounded, too");
    assert!(windows.save().len() < 4 << 20);
    for (pos, event) in of(&[1, 2, 3], "ada").iter().enumerate() {
        windows.take(&looked(&rules, pos as u64, event), &mut firings);
    }
    assert!(firings.iter().any(|firing| firing.rule == RuleNo(1)), "the rule still works");
}

#[test]
fn old_groups_go_by_themselves() {
    let rules = set(vec![event_rule("a"), event_rule("b"), three_in_ten("n")]);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    for n in 0..1_000 {
        windows.take(&looked(&rules, n, &event(n as i64, 0, &format!("u{n}"), "")), &mut firings);
    }
    assert_eq!(windows.stats(RuleNo(2)).groups, 31, "those of span and lateness");
    assert_eq!(windows.stats(RuleNo(2)).groups_dropped, 0);
    windows.tick(seconds(BEGIN + 2_000), &mut firings);
    assert_eq!(windows.stats(RuleNo(2)).groups, 0);
}

#[test]
fn all_windows_together_are_bounded() {
    // Long values: each group takes sixteen kilobytes.
    let kind = CorrelationKind::EventCount { at_least: 10 };
    let by = ["user", "ip", "user", "ip", "user", "ip", "user", "ip"];
    let rules: Vec<Rule> = std::iter::once(event_rule("a"))
        .chain((0..4).map(|n| correlation(&format!("c{n}"), &[0], &by, 3_600, kind.clone())))
        .collect();
    let rules = set(rules);
    let mut windows = Windows::new(&rules, seconds(LATENESS));
    let mut firings = Vec::new();
    for n in 0..1_500 {
        let value = format!("{n:0>2000}");
        windows.take(&looked(&rules, n, &event(0, 0, &value, &value)), &mut firings);
    }
    let saved = windows.save();
    assert!(saved.len() < STATE_BYTES_MAX, "{}", saved.len());
    assert!(saved.len() > STATE_BYTES_MAX / 2, "{}", saved.len());
    let dropped: u64 = (1..5).map(|no| windows.stats(RuleNo(no)).groups_dropped).sum();
    assert!(dropped > 0);
    let (again, _) = Windows::restore(&rules, seconds(LATENESS), &saved).unwrap();
    assert_eq!(again.save().len(), saved.len());
}
