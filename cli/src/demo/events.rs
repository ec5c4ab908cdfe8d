//! Believable events of five systems over a day, the same for the same seed and time.

mod night;

use indelible_event::{EventId, Micros};
use serde_json::{Value, json};

use super::systems::{Kind, SYSTEMS, System};

const MINUTE: i64 = 60_000_000;
const HOUR: i64 = 60 * MINUTE;
/// How much of it the demo tells: from yesterday evening until now.
const SPAN: i64 = 18 * HOUR;
/// When people sleep, in hours of UTC, and of how many events one happens all the same.
const NIGHT: (i64, i64) = (21, 5);
const AT_NIGHT: u64 = 4;

/// SplitMix64: the events need variety, not unpredictability.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: u64) -> u64 {
        self.next() % n
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len() as u64) as usize]
    }

    fn number(&mut self, text: &str) -> String {
        text.replace("{}", &(self.below(900) + 12).to_string())
    }
}

/// Who works there: login, name, and where from.
const PEOPLE: [(&str, &str, &str); 8] = [
    ("maria.keller", "Maria Keller", "10.20.3.17"),
    ("jonas.wirth", "Jonas Wirth", "10.20.3.42"),
    ("aylin.demir", "Aylin Demir", "10.20.8.5"),
    ("tom.okafor", "Tom Okafor", "10.20.8.77"),
    ("li.na", "Li Na", "10.20.11.9"),
    ("sofia.rossi", "Sofia Rossi", "198.51.100.23"),
    ("pawel.nowak", "Paweł Nowak", "10.20.11.60"),
    ("emma.berg", "Emma Berg", "198.51.100.80"),
];

/// An event, and what a person would tell of it.
pub struct Told {
    /// The event as JSON.
    pub json: Value,
    /// Who, what, to what, how it ended, and why.
    pub cells: Vec<String>,
    at: Micros,
}

impl Told {
    /// The system that it happened in.
    pub fn trail(&self) -> &str {
        self.json["trail"].as_str().unwrap_or_default()
    }
}

/// What happened, before it is an event.
struct Act<'a> {
    trail: &'a str,
    service: &'a str,
    at: Micros,
    who: (&'a str, Value),
    ip: &'a str,
    action: &'a str,
    category: &'a str,
    outcome: &'a str,
    target: (&'a str, &'a str),
    note: &'a str,
    change: Option<(Value, Value)>,
    correlation: Option<&'a str>,
    phase: Option<(&'a str, EventId)>,
}

/// About so many ordinary events up to `now`, and what happened besides, by time.
pub fn make(seed: u64, count: u64, now: Micros) -> Vec<Told> {
    let mut dice = Dice(seed);
    let mut day: Vec<Told> = (0..count)
        .map(|n| {
            // Round robin, so that even a short day has something of every system.
            let system = &SYSTEMS[(n % SYSTEMS.len() as u64) as usize];
            let at = moment(&mut dice, now);
            ordinary(&mut dice, system, at)
        })
        .collect();
    day.extend(night::make(&mut dice, now));
    day.sort_by_key(|told| told.at);
    day
}

/// A time of the day, rarely one at night.
fn moment(dice: &mut Dice, now: Micros) -> Micros {
    loop {
        let at = now.0 - 1 - dice.below(SPAN as u64) as i64;
        let hour = at.div_euclid(HOUR).rem_euclid(24);
        let is_night = hour >= NIGHT.0 || hour < NIGHT.1;
        if !is_night || dice.below(AT_NIGHT) == 0 {
            return Micros(at);
        }
    }
}

fn ordinary(dice: &mut Dice, system: &System, at: Micros) -> Told {
    let kind: &Kind = dice.pick(system.kinds);
    let (target, note) = (dice.number(kind.target.1), dice.number(kind.note));
    let person = dice.pick(&PEOPLE);
    let (who, ip) = if kind.by_service {
        (service(system.service), format!("10.30.0.{}", dice.below(20) + 2))
    } else {
        (human(person), person.2.to_owned())
    };
    let value = |text| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
    let act = Act {
        trail: system.trail,
        service: system.service,
        at,
        who,
        ip: &ip,
        action: kind.action,
        category: kind.category,
        outcome: kind.outcome,
        target: (kind.target.0, &target),
        note: &note,
        change: kind.change.map(|(before, after)| (value(before), value(after))),
        correlation: None,
        phase: None,
    };
    act.tell(dice)
}

/// One of the people, as the actor of an event.
fn human((login, name, _): &(&'static str, &'static str, &str)) -> (&'static str, Value) {
    let email = format!("{login}@example.com");
    (login, json!({"type": "user", "id": login, "name": name, "email": email}))
}

fn service(name: &str) -> (&str, Value) {
    (name, json!({"type": "service", "id": name}))
}

impl Act<'_> {
    fn tell(self, dice: &mut Dice) -> Told {
        let Act { at, who: (who, actor), target, note, .. } = self;
        let mut when = Vec::with_capacity(27);
        at.write_to(&mut when);
        let mut json = json!({
            "trail": self.trail,
            "occurred_at": String::from_utf8_lossy(&when),
            "action": self.action,
            "category": self.category,
            "outcome": self.outcome,
            "actor": actor,
            "targets": [{"type": target.0, "id": target.1}],
            "context": {
                "ip": self.ip,
                "service": self.service,
                "request_id": format!("req-{:08x}", dice.next() as u32),
            },
        });
        if ["failure", "error", "denied"].contains(&self.outcome) {
            json["error"] = json!({"message": note});
        } else {
            json["details"] = json!({"note": note});
        }
        if let Some((before, after)) = self.change {
            json["changes"] = json!({"before": before, "after": after});
        }
        if let Some(correlation) = self.correlation {
            json["context"]["correlation_id"] = correlation.into();
        }
        match self.phase {
            // The intent's own id is what its outcome names.
            Some(("intent", id)) => {
                json["phase"] = "intent".into();
                json["id"] = id.to_string().into();
            }
            Some((phase, id)) => {
                json["phase"] = phase.into();
                json["ref"] = id.to_string().into();
            }
            None => {}
        }
        let cells = [who, self.action, target.1, self.outcome, note].map(str::to_owned);
        Told { json, cells: cells.into(), at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_is_one_and_a_seed_repeats_itself() {
        let now = Micros::parse("2026-11-20T12:00:00Z").unwrap();
        let events = make(7, 500, now);
        for told in &events {
            let checked = indelible_event::check(told.json.to_string().as_bytes());
            assert!(checked.is_ok(), "{checked:?}: {}", told.json);
            assert!(told.at < now);
        }
        assert!(events.is_sorted_by_key(|told| told.at));
        let again = make(7, 500, now);
        assert!(events.iter().zip(&again).all(|(a, b)| a.json == b.json));
        for system in &SYSTEMS {
            for (before, after) in system.kinds.iter().filter_map(|kind| kind.change) {
                assert!(
                    serde_json::from_str::<Value>(before).is_ok()
                        && serde_json::from_str::<Value>(after).is_ok()
                );
            }
        }
    }

    #[test]
    fn there_is_a_night_worth_finding_whatever_the_time() {
        for hour in 0..24 {
            let now = Micros::parse(&format!("2026-11-20T{hour:02}:00:00Z")).unwrap();
            let events = make(7, 50, now);
            let count = |action: &str, outcome: &str| {
                let is =
                    |told: &&Told| told.json["action"] == action && told.json["outcome"] == outcome;
                events
                    .iter()
                    .filter(is)
                    .filter(|told| told.json["actor"]["id"] == night::TAKEN)
                    .count()
            };
            assert_eq!((count("role.grant", "success"), count("backup.delete", "denied")), (1, 3));
            assert!(
                count("session.login", "failure") > 30 && count("backup.delete", "success") > 20
            );
            assert!(events.iter().all(|told| told.at < now), "{hour}");
            let intents: Vec<_> =
                events.iter().filter(|told| told.json["phase"] == "intent").collect();
            let ended = |id: &Value| events.iter().any(|told| &told.json["ref"] == id);
            let open = intents.iter().filter(|told| !ended(&told.json["id"])).count();
            assert_eq!((intents.len(), open), (3, 1));
        }
    }
}
