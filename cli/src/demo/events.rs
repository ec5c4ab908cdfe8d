//! Believable events of five systems, the same for the same seed.

use indelible_event::Micros;
use serde_json::{Value, json};

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
}

/// One of the five: its trail, who acts there, and what happens.
struct System {
    trail: &'static str,
    service: &'static str,
    kinds: &'static [Kind],
}

/// Something that happens in a system. `{}` in a text becomes a number.
struct Kind {
    action: &'static str,
    category: &'static str,
    outcome: &'static str,
    /// Whether the service itself acts, not a person.
    by_service: bool,
    target: (&'static str, &'static str),
    note: &'static str,
    /// Before and after, as JSON.
    change: Option<(&'static str, &'static str)>,
}

const fn by_service(
    action: &'static str,
    category: &'static str,
    outcome: &'static str,
    target: (&'static str, &'static str),
    note: &'static str,
) -> Kind {
    Kind { action, category, outcome, by_service: true, target, note, change: None }
}

const fn by_person(
    action: &'static str,
    category: &'static str,
    outcome: &'static str,
    target: (&'static str, &'static str),
    note: &'static str,
) -> Kind {
    Kind { action, category, outcome, by_service: false, target, note, change: None }
}

const fn changed(kind: Kind, before: &'static str, after: &'static str) -> Kind {
    Kind { change: Some((before, after)), ..kind }
}

const SYSTEMS: [System; 5] = [
    System {
        trail: "backup",
        service: "backup-service",
        kinds: &[
            by_service(
                "backup.create",
                "data_create",
                "success",
                ("backup", "orders-db/{}"),
                "Nightly copy of orders-db, {} GiB, checksum verified",
            ),
            by_service(
                "backup.create",
                "data_create",
                "error",
                ("backup", "mail/{}"),
                "Vault eu-2 is full: {} GiB short",
            ),
            by_service(
                "backup.expire",
                "data_delete",
                "success",
                ("backup", "orders-db/{}"),
                "Older than the {} days that the policy keeps",
            ),
            by_person(
                "backup.restore",
                "data_access",
                "success",
                ("backup", "orders-db/{}"),
                "Restored to staging for ticket OPS-{}",
            ),
            by_person(
                "backup.delete",
                "data_delete",
                "denied",
                ("backup", "payroll/{}"),
                "Under legal hold until case {} is closed",
            ),
        ],
    },
    System {
        trail: "storage",
        service: "storage-kit",
        kinds: &[
            by_person(
                "file.read",
                "data_access",
                "success",
                ("file", "contracts/2026/{}.pdf"),
                "{} KiB read",
            ),
            by_person(
                "file.write",
                "data_modify",
                "success",
                ("file", "reports/quarter-{}.xlsx"),
                "New version, {} KiB",
            ),
            by_person(
                "file.delete",
                "data_delete",
                "success",
                ("file", "inbox/scan-{}.tif"),
                "Moved to the archive as item {}",
            ),
            by_person(
                "share.create",
                "permission_denied",
                "denied",
                ("file", "hr/salaries-{}.csv"),
                "Sharing outside the company is not allowed for class {}",
            ),
            changed(
                by_person(
                    "bucket.policy_update",
                    "config_change",
                    "success",
                    ("bucket", "exports-{}"),
                    "Change request {}",
                ),
                r#"{"public":true,"versioning":false}"#,
                r#"{"public":false,"versioning":true}"#,
            ),
        ],
    },
    System {
        trail: "compute",
        service: "compute-api",
        kinds: &[
            by_person(
                "vm.create",
                "data_create",
                "success",
                ("vm", "web-{}"),
                "Image debian-13, flavour m{}",
            ),
            by_person(
                "vm.stop",
                "admin_action",
                "success",
                ("vm", "batch-{}"),
                "Idle for {} hours",
            ),
            by_person(
                "vm.console_open",
                "permission_denied",
                "denied",
                ("vm", "db-{}"),
                "Needs approval {} first",
            ),
            by_service(
                "vm.migrate",
                "backend_operation",
                "success",
                ("vm", "web-{}"),
                "Host drained for maintenance window {}",
            ),
            changed(
                by_person(
                    "vm.resize",
                    "config_change",
                    "success",
                    ("vm", "db-{}"),
                    "Slow queries, incident {}",
                ),
                r#"{"cpus":4,"memory_gib":16}"#,
                r#"{"cpus":8,"memory_gib":64}"#,
            ),
        ],
    },
    System {
        trail: "network",
        service: "config-vault",
        kinds: &[
            by_service(
                "config.collect",
                "backend_operation",
                "success",
                ("device", "sw-core-{}"),
                "{} lines, nothing new",
            ),
            by_service(
                "config.collect",
                "backend_operation",
                "failure",
                ("device", "fw-branch-{}"),
                "No answer after {} s",
            ),
            by_person(
                "secret.read",
                "data_access",
                "success",
                ("secret", "snmp/site-{}"),
                "Emergency access, incident {}",
            ),
            changed(
                by_person(
                    "config.change",
                    "config_change",
                    "success",
                    ("device", "fw-edge-{}"),
                    "Change request {}: database port no longer open to the world",
                ),
                r#"{"rule":"allow tcp any any 5432"}"#,
                r#"{"rule":"allow tcp 10.20.0.0/16 any 5432"}"#,
            ),
            by_person(
                "config.rollback",
                "config_change",
                "success",
                ("device", "sw-access-{}"),
                "Loop on port {}",
            ),
        ],
    },
    System {
        trail: "users",
        service: "user-service",
        kinds: &[
            by_person(
                "session.login",
                "login",
                "success",
                ("account", "acct-{}"),
                "Passkey, device {}",
            ),
            by_person(
                "session.login",
                "login_failed",
                "failure",
                ("account", "acct-{}"),
                "Wrong password, attempt {}",
            ),
            by_person("user.create", "user_created", "success", ("user", "u-{}"), "Joins team {}"),
            changed(
                by_person(
                    "role.grant",
                    "admin_action",
                    "success",
                    ("user", "u-{}"),
                    "Approved in request {}",
                ),
                r#"{"roles":["reader"]}"#,
                r#"{"roles":["reader","auditor"]}"#,
            ),
            by_service(
                "token.revoke",
                "authorization",
                "success",
                ("token", "tok-{}"),
                "Not used for {} days",
            ),
        ],
    },
];

const PEOPLE: [(&str, &str); 8] = [
    ("maria.keller", "Maria Keller"),
    ("jonas.wirth", "Jonas Wirth"),
    ("aylin.demir", "Aylin Demir"),
    ("tom.okafor", "Tom Okafor"),
    ("li.na", "Li Na"),
    ("sofia.rossi", "Sofia Rossi"),
    ("pawel.nowak", "Paweł Nowak"),
    ("emma.berg", "Emma Berg"),
];

/// An event, and what a person would tell of it.
pub struct Told {
    /// The event as JSON.
    pub json: Value,
    /// Who, what, to what, how it ended, and why.
    pub cells: Vec<String>,
}

/// So many events up to `now`, round robin over the systems, a few minutes apart.
pub fn make(seed: u64, count: u64, now: Micros) -> Vec<Told> {
    let mut dice = Dice(seed);
    (0..count)
        .map(|n| {
            let system = &SYSTEMS[(n % SYSTEMS.len() as u64) as usize];
            let before = (count - n) * 90_000_000 + dice.below(60_000_000);
            event(&mut dice, system, Micros(now.0 - before as i64))
        })
        .collect()
}

fn event(dice: &mut Dice, system: &System, at: Micros) -> Told {
    let kind = dice.pick(system.kinds);
    let number =
        |dice: &mut Dice, text: &str| text.replace("{}", &(dice.below(900) + 12).to_string());
    let (target, note) = (number(dice, kind.target.1), number(dice, kind.note));
    let (login, name) = *dice.pick(&PEOPLE);
    let (who, actor) = if kind.by_service {
        (system.service, json!({"type": "service", "id": system.service}))
    } else {
        let email = format!("{login}@example.com");
        (login, json!({"type": "user", "id": login, "name": name, "email": email}))
    };
    let mut when = Vec::with_capacity(27);
    at.write_to(&mut when);
    let mut json = json!({
        "trail": system.trail,
        "occurred_at": String::from_utf8_lossy(&when),
        "action": kind.action,
        "category": kind.category,
        "outcome": kind.outcome,
        "actor": actor,
        "targets": [{"type": kind.target.0, "id": target}],
        "details": {"note": note},
        "context": {
            "ip": format!("10.20.{}.{}", dice.below(16), dice.below(250) + 2),
            "service": system.service,
            "request_id": format!("req-{:08x}", dice.next() as u32),
        },
    });
    if let Some((before, after)) = kind.change {
        let value = |text| serde_json::from_str::<Value>(text).unwrap_or(Value::Null);
        json["changes"] = json!({"before": value(before), "after": value(after)});
    }
    let cells = [who, kind.action, &target, kind.outcome, &note].map(|cell| cell.to_owned());
    Told { json, cells: cells.into() }
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
        }
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
}
