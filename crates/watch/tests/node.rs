//! A node in memory, and a watch that looks at it.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use indelible_event::{EventId, Micros};
use indelible_log::{Clock, Seams};
use indelible_rules::Seen;
use indelible_sim::{ManualClock, PowerStorage, SeededEntropy};
use indelible_watch::limits::TICK_MICROS_MAX;
use indelible_watch::{Deed, Folder, Found, Host, HostError, Scanned, Shared, Watch};
use serde_json::{Value, json};

pub const SECOND: i64 = 1_000_000;
pub const MINUTE: i64 = 60 * SECOND;
pub const HOUR: i64 = 60 * MINUTE;
pub const DAY: i64 = 24 * HOUR;

/// What outlives a process: the log, the clock, the files.
pub struct World {
    log: Mutex<Log>,
    /// What time it was when somebody last waited for the watch.
    settled_at: AtomicI64,
    pub clock: Arc<ManualClock>,
    pub storage: Mutex<PowerStorage>,
}

#[derive(Default)]
struct Log {
    records: Vec<Record>,
    by_id: std::collections::BTreeSet<EventId>,
}

impl Log {
    fn seq(&self, trail: &str) -> usize {
        self.records.iter().filter(|record| record.trail == trail).count()
    }
}

#[derive(Clone)]
struct Record {
    action: String,
    trail: String,
    recorded_at: Micros,
    json: Vec<u8>,
}

/// A process of the node.
pub struct Process {
    world: Arc<World>,
    dead: AtomicBool,
    /// After so many deeds it dies.
    deeds_left: AtomicUsize,
    /// Whether it cannot write for now.
    pub full: AtomicBool,
    refusals: AtomicUsize,
    /// How often the watch had nothing to do.
    waits: Mutex<usize>,
    changed: Condvar,
}

impl World {
    pub fn new() -> Arc<World> {
        let clock = Arc::new(ManualClock::default());
        Arc::new(World {
            log: Mutex::default(),
            settled_at: AtomicI64::new(clock.now().0),
            clock,
            storage: Mutex::new(PowerStorage::new()),
        })
    }

    /// Records an event now; its members are added to what every event has.
    pub fn append(&self, trail: &str, members: Value) {
        let mut log = self.log.lock().unwrap();
        let id = EventId::foreign("test", &format!("{trail} {}", log.seq(trail)));
        self.push(&mut log, trail, id, members);
    }

    fn push(&self, log: &mut Log, trail: &str, id: EventId, members: Value) {
        if !log.by_id.insert(id) {
            return;
        }
        let recorded_at = self.clock.now();
        let seq = log.seq(trail);
        let head = format!(
            r#"{{"trail":"{trail}","seq":{seq},"id":"{id}","recorded_at":"{recorded_at}","#
        );
        let members_text = members.to_string();
        let json = format!("{head}{}", members_text.strip_prefix('{').unwrap()).into_bytes();
        let action = members["action"].as_str().unwrap().to_owned();
        log.records.push(Record { action, trail: trail.to_owned(), recorded_at, json });
    }

    /// A failed login.
    pub fn fail(&self, ip: &str) {
        self.append(
            "default",
            json!({"action": "user.login", "outcome": "failure", "actor": {"id": "ada"}, "context": {"ip": ip}}),
        );
    }

    /// What somebody does about an alert.
    pub fn act(&self, action: &str, alert: &str, details: Value) {
        let targets = json!([{"type": "alert", "id": alert}]);
        self.append(
            "_system",
            json!({"action": action, "outcome": "success", "actor": {"id": "k1", "name": "Ada"},
                "targets": targets, "details": details}),
        );
    }

    /// The events of `_system` with an action that begins so, in the log's order.
    pub fn told(&self, begin: &str) -> Vec<Value> {
        let log = self.log.lock().unwrap();
        let of = |record: &&Record| record.trail == "_system" && record.action.starts_with(begin);
        let found = log.records.iter().filter(of);
        found.map(|record| serde_json::from_slice(&record.json).unwrap()).collect()
    }

    pub fn len(&self) -> usize {
        self.log.lock().unwrap().records.len()
    }
}

impl Process {
    fn alive(&self) -> Result<(), HostError> {
        if self.dead.load(Ordering::SeqCst) { Err(HostError("it is dead".into())) } else { Ok(()) }
    }

    /// Waits until the watch has looked at everything and had nothing to do, or the process is dead.
    pub fn settle(&self) {
        // Where nothing is recorded, time goes on by steps.
        let now = self.world.clock.now().0;
        let passed = now - self.world.settled_at.swap(now, Ordering::SeqCst);
        let steps = usize::try_from(passed / TICK_MICROS_MAX).unwrap();
        let mut waits = self.waits.lock().unwrap();
        let wanted = *waits + 2 + steps;
        while *waits < wanted && !self.dead.load(Ordering::SeqCst) {
            waits = self.changed.wait_timeout(waits, Duration::from_millis(50)).unwrap().0;
        }
    }

    /// Waits until so many deeds could not be written.
    pub fn refused(&self, times: usize) {
        let mut waits = self.waits.lock().unwrap();
        while self.refusals.load(Ordering::SeqCst) < times {
            waits = self.changed.wait_timeout(waits, Duration::from_millis(5)).unwrap().0;
        }
    }

    pub fn is_dead(&self) -> bool {
        self.dead.load(Ordering::SeqCst)
    }
}

impl Host for Process {
    fn scan(
        &self,
        from: u64,
        records_max: usize,
        each: &mut dyn FnMut(&Seen<'_>) -> bool,
    ) -> Result<Scanned, HostError> {
        self.alive()?;
        let from = from as usize;
        let records = {
            let log = self.world.log.lock().unwrap();
            let to = log.records.len().min(from.saturating_add(records_max));
            log.records.get(from..to).unwrap_or_default().to_vec()
        };
        let mut next = from;
        for (pos, record) in (from..).zip(&records) {
            next = pos + 1;
            if !each(&Seen { pos: pos as u64, json: &record.json }) {
                break;
            }
        }
        Ok(Scanned { next: next as u64, unreadable: 0 })
    }

    fn end(&self) -> u64 {
        self.world.len() as u64
    }

    fn wait(&self, pos: u64) {
        let mut waits = self.waits.lock().unwrap();
        if pos >= self.end() {
            *waits += 1;
            self.changed.notify_all();
        }
        // Somebody who waits for the watch is let go by the next look, soon.
        drop(self.changed.wait_timeout(waits, Duration::from_millis(1)).unwrap());
    }

    fn place_at(&self, recorded_at: Micros) -> Result<u64, HostError> {
        self.alive()?;
        let log = self.world.log.lock().unwrap();
        let at = log.records.iter().position(|record| record.recorded_at >= recorded_at);
        Ok(at.unwrap_or(log.records.len()) as u64)
    }

    fn settled(&self) -> Micros {
        self.world.clock.now()
    }

    fn told(&self, actions: &[&str]) -> Result<Vec<Found>, HostError> {
        self.alive()?;
        let log = self.world.log.lock().unwrap();
        let of = |record: &Record| record.trail == "_system" && actions.contains(&&*record.action);
        let found = (0u64..).zip(&log.records).filter(|(_, record)| of(record));
        Ok(found.map(|(pos, record)| Found { pos, json: record.json.clone() }).collect())
    }

    fn record(&self, deed: &Deed) -> Result<(), HostError> {
        self.alive()?;
        if self.full.load(Ordering::SeqCst) {
            self.refusals.fetch_add(1, Ordering::SeqCst);
            return Err(HostError("the disk is full".into()));
        }
        if self.deeds_left.fetch_sub(1, Ordering::SeqCst) == 0 {
            self.dead.store(true, Ordering::SeqCst);
            self.changed.notify_all();
            return self.alive();
        }
        let mut log = self.world.log.lock().unwrap();
        let of = |(kind, id): &(&str, String)| json!({"type": kind, "id": id});
        let targets: Vec<Value> = deed.targets.iter().map(of).collect();
        let mut members = json!({
            "action": deed.action, "outcome": "success", "actor": {"type": "system", "id": "indelible"},
            "targets": targets, "details": deed.details,
        });
        if let Some(at) = deed.occurred_at {
            members["occurred_at"] = at.to_string().into();
        }
        self.world.push(&mut log, "_system", deed.id, members);
        Ok(())
    }
}

/// A watch of a process.
pub struct Running {
    pub process: Arc<Process>,
    pub shared: Arc<Shared>,
    watch: Watch,
}

impl Running {
    /// Starts one; it dies after so many deeds.
    pub fn dying(world: &Arc<World>, folder: &Path, deeds: usize) -> Running {
        let process = Arc::new(Process {
            world: Arc::clone(world),
            dead: AtomicBool::new(false),
            deeds_left: AtomicUsize::new(deeds),
            full: AtomicBool::new(false),
            refusals: AtomicUsize::new(0),
            waits: Mutex::new(0),
            changed: Condvar::new(),
        });
        let seams = Seams {
            storage: Arc::new(world.storage.lock().unwrap().clone()),
            clock: Arc::clone(&world.clock) as Arc<dyn Clock>,
            entropy: Arc::new(SeededEntropy::new(1)),
        };
        let folder = Folder::read(Some(folder)).unwrap();
        let url = Some("https://audit.example.com".to_owned());
        let host = Arc::clone(&process) as Arc<dyn Host>;
        let (watch, shared) = Watch::start(host, &seams, folder, url).unwrap();
        let running = Running { process, shared, watch };
        running.process.settle();
        running
    }

    pub fn start(world: &Arc<World>, folder: &Path) -> Running {
        Running::dying(world, folder, usize::MAX)
    }

    pub fn settle(&self) {
        self.process.settle();
    }

    /// Ends it as it should be.
    pub fn stop(self) {
        assert!(self.watch.stop(Duration::from_secs(10)));
    }

    /// Ends it as a kill does: nothing more is written.
    pub fn kill(self) {
        let world = Arc::clone(&self.process.world);
        let mut storage = world.storage.lock().unwrap();
        *storage = storage.kill();
        drop(storage);
        self.process.dead.store(true, Ordering::SeqCst);
        assert!(self.watch.stop(Duration::from_secs(10)));
    }

    /// The ids of all alerts, newest first.
    pub fn alerts(&self) -> Vec<String> {
        let listed = self.shared.alerts(&Default::default(), None, 1_000).unwrap();
        listed.alerts.iter().map(|alert| alert.id().to_string()).collect()
    }

    pub fn alert(&self, id: &str) -> Value {
        let alert = self.shared.alert(EventId::parse(id).unwrap()).unwrap();
        serde_json::to_value(&alert).unwrap()
    }

    pub fn trouble(&self) -> String {
        self.shared.status(self.process.end()).trouble.unwrap_or_default()
    }
}

/// A folder with these settings and rules.
pub fn folder(settings: &str, rules: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("rules")).unwrap();
    write(&dir, "watch.yaml", &format!("pack: {{ enabled: false }}\n{settings}"));
    for (name, text) in rules {
        write(&dir, &format!("rules/{name}"), text);
    }
    dir
}

pub fn write(dir: &tempfile::TempDir, name: &str, text: &str) {
    std::fs::write(dir.path().join(name), text).unwrap();
}

/// Fires with each failed login.
pub const LOGIN: &str = "
title: Failed login
id: login
name: failed
description: Somebody could not log in.
advice: Ask them.
level: high
logsource: { product: indelible }
detection: { s: { action: user.login, outcome: failure }, condition: s }
";

/// Fires when an address fails so often within ten minutes.
pub fn brute(at_least: u32) -> String {
    format!(
        "
title: Failing
name: failing
id: failing
logsource: {{ product: indelible }}
detection: {{ s: {{ action: user.login, outcome: failure }}, condition: s }}
---
title: Brute force
id: brute
level: medium
correlation:
  type: event_count
  rules: [ failing ]
  group-by: [ context.ip ]
  timespan: 10m
  condition: {{ gte: {at_least} }}
"
    )
}

/// A channel's settings.
pub fn channel(name: &str, rest: &str) -> String {
    format!(
        "  - name: {name}\n{rest}    to: {{ webhook: {{ url: \"https://{name}.example.com\", secrets: [ {{ env: X }} ] }} }}\n"
    )
}

/// Actions and what is remarkable about them, in the log's order.
pub fn line(events: &[Value]) -> Vec<String> {
    let one = |event: &Value| {
        let details = &event["details"];
        let action = event["action"].as_str().unwrap().strip_prefix("alert.").unwrap();
        match action {
            "notify" => format!(
                "notify {} {}",
                details["channel"].as_str().unwrap(),
                details["reason"].as_str().unwrap()
            ),
            "repeat" => format!("repeat {}", details["count"]),
            "open" => format!("open {}", details["summary"].as_str().unwrap()),
            other => other.to_owned(),
        }
    };
    events.iter().map(one).collect()
}
