//! Rules as they are written, events as the API shows them, and what fires.

use std::sync::Arc;

use indelible_event::Micros;
use indelible_rules::{Engine, File, Firing, Origin, RuleNo, RuleSet, Scratch, Seen};

const RULES: &str = r#"
title: Failed login
name: failed_login
logsource: { product: indelible }
detection: { selection: { action: user.login, outcome: failure }, condition: selection }
---
title: Login
name: login
logsource: { product: indelible }
detection: { selection: { action: user.login, outcome: success }, condition: selection }
---
title: Intent
name: intent
logsource: { product: indelible }
detection: { selection: { phase: intent }, condition: selection }
---
title: Outcome
name: outcome
logsource: { product: indelible }
detection: { selection: { phase: outcome }, condition: selection }
---
title: Brute force
name: brute_force
correlation:
  type: event_count
  rules: [ failed_login ]
  group-by: [ actor.id ]
  timespan: 10m
  condition: { gte: 3 }
---
title: Password spray
correlation:
  type: value_count
  rules: [ failed_login ]
  group-by: [ context.ip ]
  timespan: 10m
  condition: { field: actor.id, gte: 3 }
---
title: Guessed
correlation:
  type: temporal_ordered
  rules: [ brute_force, login ]
  group-by: [ actor.id ]
  timespan: 20m
  generate: true
---
title: New address
correlation:
  type: first_seen
  rules: [ login ]
  group-by: [ actor.id ]
  timespan: 30d
  learn: 1h
  condition: { field: context.ip }
---
title: Unfinished
correlation:
  type: absence
  rules: [ intent, outcome ]
  group-by: [ id ]
  aliases:
    id: { intent: id, outcome: ref }
  timespan: 1h
---
title: Burst
correlation:
  type: unusual
  rules: [ failed_login, login ]
  timespan: 1h
  condition: { factor: 3, gte: 4, past: 2 }
"#;

fn rules() -> Arc<RuleSet> {
    let file = File { name: "all.yml".into(), text: RULES.into(), origin: Origin::Folder };
    let rules = RuleSet::read(&[file], &[], &[]);
    assert_eq!(rules.refused, []);
    Arc::new(rules)
}

fn time(minute: i64) -> String {
    format!(
        "2026-01-{:02}T{:02}:{:02}:00.000000Z",
        1 + minute / 1440,
        minute / 60 % 24,
        minute % 60
    )
}

fn id(n: u64) -> String {
    format!("00000000-0000-7000-8000-{n:012}")
}

/// A record, `rest` being what is in it beside its head.
fn record(n: u64, minute: i64, rest: &str) -> Vec<u8> {
    let (id, at) = (id(n), time(minute));
    format!(r#"{{"id":"{id}","trail":"default","seq":{n},"recorded_at":"{at}",{rest}}}"#).into()
}

fn login(n: u64, minute: i64, who: &str, ip: &str, outcome: &str) -> Vec<u8> {
    let rest = format!(
        r#""action":"user.login","outcome":"{outcome}","actor":{{"type":"user","id":"{who}"}},"context":{{"ip":"{ip}"}}"#
    );
    record(n, minute, &rest)
}

fn history() -> Vec<Vec<u8>> {
    let fail = |n, minute, who, ip| login(n, minute, who, ip, "failure");
    let pass = |n, minute, who, ip| login(n, minute, who, ip, "success");
    vec![
        pass(0, 0, "ada", "192.0.2.1"),
        record(1, 1, r#""action":"user.delete","phase":"intent""#),
        record(2, 2, r#""action":"user.delete","phase":"intent""#),
        record(3, 3, &format!(r#""action":"user.delete","phase":"outcome","ref":"{}""#, id(1))),
        pass(4, 70, "ada", "192.0.2.1"),
        fail(5, 121, "ada", "203.0.113.9"),
        fail(6, 122, "ada", "203.0.113.9"),
        fail(7, 123, "ada", "203.0.113.9"),
        pass(8, 124, "ada", "203.0.113.9"),
        fail(9, 125, "bob", "203.0.113.9"),
        fail(10, 126, "eve", "203.0.113.9"),
    ]
}

fn told(rules: &RuleSet, firings: &[Firing]) -> Vec<String> {
    let one = |firing: &Firing| {
        let group: Vec<&str> = firing.group.iter().map(|(_, value)| &**value).collect();
        let events: Vec<u64> = firing.events.iter().map(|event| event.seq).collect();
        format!(
            "{} [{}] {} {events:?}",
            rules.get(firing.rule).title,
            group.join(","),
            firing.count
        )
    };
    firings.iter().map(one).collect()
}

fn all_told() -> Vec<String> {
    let unfinished = format!("Unfinished [{}] 1 [2]", id(2));
    [
        &*unfinished,
        "Brute force [ada] 3 [5, 6, 7]",
        // `generate` of the one about it lets this and `login` tell of themselves, too.
        "Guessed [ada] 2 [7, 8]",
        "Login [ada] 1 [0]",
        "Login [ada] 1 [4]",
        "Login [ada] 1 [8]",
        "New address [ada] 1 [8]",
        "Burst [] 4 [5, 6, 7, 8]",
        "Password spray [203.0.113.9] 3 [7, 9, 10]",
    ]
    .map(str::to_owned)
    .to_vec()
}

#[test]
fn rules_of_every_kind_fire_as_they_are_written() {
    let rules = rules();
    let mut engine = Engine::new(&rules, Micros(15 * 60_000_000));
    let mut firings = Vec::new();
    for (pos, json) in history().iter().enumerate() {
        engine.see(&Seen { pos: pos as u64, json }, &mut firings);
    }
    let mut told = told(&rules, &firings);
    let mut expected = all_told();
    // What one record sets off stands in the order of the rules, which is the reader's.
    told.sort();
    expected.sort();
    assert_eq!(told, expected);
    let failed = rules.find("failed_login").unwrap();
    assert_eq!(engine.stats(failed).matched, 5);
    assert_eq!((engine.stats(failed).fired, engine.late()), (0, 0));
}

#[test]
fn looking_apart_and_going_on_from_saved_state_change_nothing() {
    let rules = rules();
    let lateness = Micros(15 * 60_000_000);
    let mut whole = Engine::new(&rules, lateness);
    let (mut expected, mut firings) = (Vec::new(), Vec::new());
    let history = history();
    for (pos, json) in history.iter().enumerate() {
        whole.see(&Seen { pos: pos as u64, json }, &mut expected);
    }
    let mut scratch = Scratch::default();
    let mut engine = Engine::new(&rules, lateness);
    for (pos, json) in history.iter().enumerate() {
        let looked = engine.look(&Seen { pos: pos as u64, json }, &mut scratch).unwrap();
        engine.take(&looked, &mut firings);
        let (again, taken) = Engine::restore(&rules, lateness, &engine.save()).unwrap();
        assert!(taken.iter().all(|taken| *taken));
        engine = again;
    }
    assert_eq!(firings, expected);
    assert_eq!(engine.save(), whole.save());
}

#[test]
fn what_is_no_event_is_passed_over() {
    let rules = rules();
    let mut engine = Engine::new(&rules, Micros(0));
    let mut firings = Vec::new();
    engine.see(&Seen { pos: 0, json: b"{" }, &mut firings);
    engine.tick(Micros(i64::MAX), &mut firings);
    engine.tick(Micros(i64::MIN), &mut firings);
    assert_eq!((firings, engine.stats(RuleNo(0))), (Vec::new(), Default::default()));
    assert_eq!(engine.stats(RuleNo(u32::MAX)), Default::default());
}
