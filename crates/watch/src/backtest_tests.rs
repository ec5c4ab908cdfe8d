use indelible_rules::{Engine, File, Origin};
use indelible_sim::{ManualClock, Rng};
use serde_json::json;

use super::*;
use crate::seam::{Deed, Found, Scanned};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
const START: i64 = 20_000 * DAY;

/// A log in memory: times and JSON, by position. Each third position has expired.
struct Log(Vec<(Micros, Vec<u8>)>);

impl Log {
    fn place(at: usize) -> u64 {
        at as u64 * 3 / 2
    }
}

impl Host for Log {
    fn scan(
        &self,
        from: u64,
        max: usize,
        each: &mut dyn FnMut(&Seen<'_>) -> bool,
    ) -> Result<Scanned, HostError> {
        let mut next = from;
        let records = self.0.iter().enumerate().map(|(at, (_, json))| (Log::place(at), json));
        // It ends a scan now and then for no reason, as a log may.
        for (pos, json) in records.filter(|(pos, _)| *pos >= from).take(max.min(7_001)) {
            next = pos + 1;
            if !each(&Seen { pos, json }) {
                break;
            }
        }
        Ok(Scanned { next, unreadable: 0 })
    }

    fn end(&self) -> u64 {
        Log::place(self.0.len())
    }

    fn wait(&self, _: u64) {}

    fn place_at(&self, recorded_at: Micros) -> Result<u64, HostError> {
        Ok(Log::place(self.0.partition_point(|(at, _)| *at < recorded_at)))
    }

    fn settled(&self) -> Micros {
        self.0.last().map_or(Micros(0), |(at, _)| Micros(at.0 + 1))
    }

    fn told(&self, _: &[&str]) -> Result<Vec<Found>, HostError> {
        Ok(Vec::new())
    }

    fn record(&self, _: &Deed) -> Result<(), HostError> {
        Err(HostError("a backtest records nothing".into()))
    }
}

/// Logins of a few people over four days, some of which fail.
fn log(events: usize) -> Log {
    let mut rng = Rng::new(3);
    let step = 4 * DAY / events as i64;
    let record = |at: usize| {
        let time = Micros(START + at as i64 * step);
        let json = json!({
            "trail": "acme",
            "seq": at,
            "id": format!("0190b1a0-0000-7000-8000-{at:012}"),
            "recorded_at": time.to_string(),
            "action": "user.login",
            "outcome": if rng.chance(20) { "failure" } else { "success" },
            "actor": {"id": format!("u{}", rng.below(0..5))},
            "context": {"ip": format!("203.0.113.{}", rng.below(0..3))},
        });
        (time, json.to_string().into_bytes())
    };
    Log((0..events).map(record).collect())
}

const RULES: &str = "
title: Failed login
name: failed_login
id: 6b0e2f6e-0a4c-4f5e-9b8b-9a3e1f0c7d11
logsource: { product: indelible }
detection:
  selection: { action: user.login, outcome: failure }
  condition: selection
level: low
---
title: Many failed logins
id: 6b0e2f6e-0a4c-4f5e-9b8b-9a3e1f0c7d12
correlation:
  type: event_count
  rules: [ failed_login ]
  group-by: [ context.ip ]
  timespan: 2h
  condition: { gte: 3 }
level: high
---
title: Ada logs in
id: 6b0e2f6e-0a4c-4f5e-9b8b-9a3e1f0c7d13
logsource: { product: indelible }
detection:
  selection: { actor.id: u3 }
  condition: selection
level: critical
";

fn rules() -> Arc<RuleSet> {
    let file = File { name: "a.yml".into(), text: RULES.into(), origin: Origin::Folder };
    let broken = File { name: "b.yml".into(), text: "title: [".into(), origin: Origin::Folder };
    let rules = RuleSet::read(&[file, broken], &[], &[]);
    assert_eq!((rules.rules.len(), rules.refused.len()), (3, 1), "{:?}", rules.refused);
    Arc::new(rules)
}

fn ask(since: i64, until: Option<i64>) -> Ask {
    Ask {
        rules: rules(),
        only: Vec::new(),
        lateness: Micros(15 * 60 * SECOND),
        since: Micros(since),
        until: until.map(Micros),
    }
}

fn run_it(log: &Log, ask: &Ask) -> Backtest {
    backtest(log, ask, &ManualClock::at(0), &mut |_| true).unwrap()
}

/// All firings of one engine that sees everything, event by event.
fn firings(log: &Log, rules: &Arc<RuleSet>, end: Micros) -> Vec<Firing> {
    let mut engine = Engine::new(rules, Micros(15 * 60 * SECOND));
    let mut out = Vec::new();
    for (at, (_, json)) in log.0.iter().enumerate().take_while(|(_, (time, _))| *time < end) {
        engine.see(&Seen { pos: Log::place(at), json }, &mut out);
    }
    engine.tick(end, &mut out);
    out
}

#[test]
fn what_one_engine_finds_one_event_after_the_other() {
    let log = log(20_000);
    let spans =
        [(START, None), (START + DAY, None), (START + DAY + 5, Some(START + 3 * DAY + 77))];
    for (since, until) in spans {
        let ask = ask(since, until);
        let found = run_it(&log, &ask);
        let end = until.map_or(log.settled(), Micros);
        let first = log.place_at(Micros(since)).unwrap();
        let expected = firings(&log, &ask.rules, end);
        for (tested, no) in found.rules.iter().zip(0..) {
            let of: Vec<_> =
                expected.iter().filter(|f| f.rule == RuleNo(no) && f.pos >= first).collect();
            assert_eq!(tested.fired, of.len() as u64, "{}", tested.title);
            assert_eq!(tested.per_day.iter().map(|day| day.fired).sum::<u64>(), tested.fired);
            let events = tested.examples.iter().map(|example| &example.events);
            assert!(events.eq(of.iter().take(BACKTEST_EXAMPLES_MAX).map(|f| &f.events)));
        }
        let within = log.0.iter().filter(|(at, _)| at.0 >= since && *at < end);
        assert_eq!(found.events, within.clone().count() as u64);
        let failed = within.filter(|(_, json)| String::from_utf8_lossy(json).contains("failure"));
        assert_eq!(found.rules[0].matched, failed.count() as u64);
        assert_eq!((found.unreadable, found.refused.len()), (0, 1));
    }
}

#[test]
fn firings_of_a_day_are_one_alert() {
    let found = run_it(&log(20_000), &ask(START, None));
    let ada = found.rules.iter().find(|rule| &*rule.title == "Ada logs in").unwrap();
    assert!(ada.fired > 3_000, "{}", ada.fired);
    assert_eq!(ada.alerts, 4);
    let days: Vec<_> = ada.per_day.iter().map(|day| day.day.as_str()).collect();
    assert_eq!(days, ["2024-10-04", "2024-10-05", "2024-10-06", "2024-10-07"]);
}

#[test]
fn it_tells_of_the_rules_that_were_named() {
    let ask = Ask { only: vec![RuleNo(2)], ..ask(START, None) };
    let found = run_it(&log(1_000), &ask);
    assert_eq!(found.rules.len(), 1);
    let json = serde_json::to_value(&found).unwrap();
    let example = &json["rules"][0]["examples"][0];
    assert_eq!(example["events"][0]["trail"], "acme");
    assert_eq!(json["rules"][0]["per_day"][0]["day"], "2024-10-04");
    assert_eq!(json["from"], "2024-10-04T00:00:00.000000Z");
}

#[test]
fn it_can_be_cancelled() {
    let ask = ask(START, None);
    let mut told = 0;
    let result = backtest(&log(50_000), &ask, &ManualClock::at(0), &mut |events| {
        told = events;
        events < 5_000
    });
    assert_eq!(result.unwrap_err(), BacktestError::Cancelled);
    assert!(told < 50_000, "{told}");
}

#[test]
fn a_stretch_without_length_is_an_error() {
    let ask = ask(START + DAY, Some(START + DAY));
    let result = backtest(&log(10), &ask, &ManualClock::at(0), &mut |_| true);
    assert!(matches!(result, Err(BacktestError::Empty { .. })));
}

#[test]
fn windows_reach_as_far_as_their_rules() {
    assert_eq!(reach(&rules(), Micros(5)), 7_200 * SECOND + 5);
    assert_eq!(reach(&RuleSet::default(), Micros(5)), 0);
}
