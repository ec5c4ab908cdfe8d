//! What happened besides: somebody got in at night, and people restore what can be restored.

use indelible_event::{EventId, Micros};
use serde_json::{Value, json};

use super::{Act, Dice, HOUR, MINUTE, PEOPLE, SPAN, Told, human, service};

/// The account that was taken.
pub const TAKEN: &str = "ops.nightly";
/// From where.
const FROM: &str = "203.0.113.66";
/// When, in the night of UTC, if that was within the hours that the demo tells; else soon after they begin.
const AT: i64 = 2 * HOUR + 13 * MINUTE;
/// How long it all takes, the repair included.
const LASTS: i64 = 6 * HOUR;
/// Guesses before one is right, and copies that are gone then.
const GUESSES: u64 = 47;
const DELETED: u64 = 31;
const HELD: u64 = 3;
/// What ties together what was done with the account, and what was done about it.
const RAID: &str = "corr-7f3a";
const REPAIR: &str = "corr-91c0";

/// The story, told step by step.
struct Night<'a> {
    dice: &'a mut Dice,
    told: Vec<Told>,
    at: i64,
}

/// What is the same in several steps.
struct Step<'a> {
    system: (&'a str, &'a str),
    who: (&'a str, Value),
    ip: &'a str,
    correlation: Option<&'a str>,
}

/// What differs.
type Deed<'a> = (&'a str, &'a str, &'a str, (&'a str, &'a str), &'a str);

const USERS: (&str, &str) = ("users", "user-service");
const BACKUP: (&str, &str) = ("backup", "backup-service");
const COMPUTE: (&str, &str) = ("compute", "compute-api");
const NETWORK: (&str, &str) = ("network", "config-vault");
const STORAGE: (&str, &str) = ("storage", "storage-kit");

pub fn make(dice: &mut Dice, now: Micros) -> Vec<Told> {
    let midnight = now.0.div_euclid(24 * HOUR) * 24 * HOUR;
    let (first, last) = (now.0 - SPAN + HOUR, now.0 - LASTS);
    let begin = [midnight + AT, midnight + AT - 24 * HOUR];
    let begin = begin.into_iter().find(|at| (first..=last).contains(at)).unwrap_or(first);
    let mut night = Night { dice, told: Vec::new(), at: begin };
    night.breaks_in();
    night.deletes();
    night.at = begin + 4 * HOUR + 20 * MINUTE;
    night.is_noticed();
    night.restores();
    night.told
}

fn taken(system: (&'static str, &'static str), correlation: Option<&'static str>) -> Step<'static> {
    let actor = json!({"type": "user", "id": TAKEN, "name": "Night operations"});
    Step { system, who: (TAKEN, actor), ip: FROM, correlation }
}

fn maria(system: (&'static str, &'static str)) -> Step<'static> {
    Step { system, who: human(&PEOPLE[0]), ip: PEOPLE[0].2, correlation: Some(REPAIR) }
}

impl Night<'_> {
    /// Some seconds later.
    fn later(&mut self, seconds: u64) {
        self.at += (1 + self.dice.below(seconds)) as i64 * 1_000_000;
    }

    fn tell(
        &mut self,
        step: Step<'_>,
        (action, category, outcome, target, note): Deed<'_>,
        change: Option<(Value, Value)>,
        phase: Option<(&str, EventId)>,
    ) {
        let act = Act {
            trail: step.system.0,
            service: step.system.1,
            at: Micros(self.at),
            who: step.who,
            ip: step.ip,
            action,
            category,
            outcome,
            target,
            note,
            change,
            correlation: step.correlation,
            phase,
        };
        let told = act.tell(self.dice);
        self.told.push(told);
    }

    /// Guesses, a right one, and more rights than the account should have.
    fn breaks_in(&mut self) {
        let account = ("account", TAKEN);
        for _ in 0..GUESSES {
            self.later(9);
            let failed = ("session.login", "login_failed", "failure", account, "Wrong password");
            self.tell(taken(USERS, None), failed, None, None);
        }
        self.later(9);
        let came_in = ("session.login", "login", "success", account, "Password only, new device");
        self.tell(taken(USERS, Some(RAID)), came_in, None, None);
        self.later(90);
        let roles =
            (json!({"roles": ["operator"]}), json!({"roles": ["operator", "backup-admin"]}));
        let granted =
            ("role.grant", "admin_action", "success", ("user", TAKEN), "No request named");
        self.tell(taken(USERS, Some(RAID)), granted, Some(roles), None);
        self.later(60);
        let secret = ("secret", "backup/vault-eu-2");
        let read = ("secret.read", "data_access", "success", secret, "From a new device");
        self.tell(taken(NETWORK, Some(RAID)), read, None, None);
        self.later(60);
        let pin = ("pin", "snapshot-orders");
        let released = ("pin.release", "pin_operation", "success", pin, "Held for 9 more days");
        self.tell(taken(STORAGE, Some(RAID)), released, None, None);
    }

    /// Every copy that nothing holds.
    fn deletes(&mut self) {
        for n in 0..DELETED {
            self.later(4);
            let id = format!("orders-db/{}", 400 + n);
            let deleted =
                ("backup.delete", "data_delete", "success", ("backup", id.as_str()), "By hand");
            self.tell(taken(BACKUP, Some(RAID)), deleted, None, None);
        }
        for n in 0..HELD {
            self.later(4);
            let id = format!("payroll/{}", 12 + n);
            let why = "Under legal hold until case 118 is closed";
            let denied = ("backup.delete", "data_delete", "denied", ("backup", id.as_str()), why);
            self.tell(taken(BACKUP, Some(RAID)), denied, None, None);
        }
    }

    /// Somebody comes to work and closes the door.
    fn is_noticed(&mut self) {
        let login = ("session.login", "login", "success", ("account", "maria.keller"), "Passkey");
        self.tell(maria(USERS), login, None, None);
        self.later(300);
        let roles = (json!({"roles": ["operator", "backup-admin"]}), json!({"roles": []}));
        let revoked = ("role.revoke", "admin_action", "success", ("user", TAKEN), "Incident 2207");
        self.tell(maria(USERS), revoked, Some(roles), None);
        self.later(120);
        let rule = |text: &str| json!({"rule": text});
        let rules = (rule("allow tcp any any 443"), rule("deny ip 203.0.113.0/24 any"));
        let closed =
            ("config.change", "config_change", "success", ("device", "fw-edge-7"), "Incident 2207");
        self.tell(maria(NETWORK), closed, Some(rules), None);
    }

    /// Two restores that end, and one that nobody heard of again.
    fn restores(&mut self) {
        let machine = ("vm", "restore-1");
        let made = ("vm.create", "data_create", "success", machine, "For the restore of orders-db");
        self.later(200);
        self.tell(maria(COMPUTE), made, None, None);
        for (n, (copy, ends)) in
            [("orders-db/398", true), ("orders-db/399", true), ("mail/77", false)]
                .into_iter()
                .enumerate()
        {
            let id = EventId::foreign("indelible demo", &format!("{} {n}", self.at));
            self.later(120);
            let restore =
                |outcome, note| ("backup.restore", "data_access", outcome, ("backup", copy), note);
            let set_out = restore("pending", "To restore-1");
            self.tell(maria(BACKUP), set_out, None, Some(("intent", id)));
            if ends {
                self.at += 12 * MINUTE;
                let step =
                    Step { who: service("backup-service"), ip: "10.30.0.4", ..maria(BACKUP) };
                let done = restore("success", "Checksum verified");
                self.tell(step, done, None, Some(("outcome", id)));
            }
        }
    }
}
