//! A disk that is full, and one that fails.

use std::sync::Arc;

use indelible_log::Seams;
use indelible_log::storage::Space;
use indelible_server::{Config, NewKey, Running, Server, Stopped};
use indelible_sim::{
    CallKind, Fault, FaultStorage, ManualClock, Plan, PowerStorage, SeededEntropy,
};
use indelible_store::{InitOptions, OpenOptions, Store};

use crate::node::{Answer, request};

struct Disk {
    storage: FaultStorage,
    clock: Arc<ManualClock>,
    running: Running,
    key: String,
}

fn disk() -> Disk {
    let storage = FaultStorage::over(&PowerStorage::new());
    let clock = Arc::new(ManualClock::default());
    let entropy = Arc::new(SeededEntropy::new(9));
    let seams = Seams { storage: Arc::new(storage.clone()), clock: clock.clone(), entropy };
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    let store = Arc::new(Store::open(seams, options).unwrap());
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: clock.clone(),
        ..Config::default()
    };
    let running = Server::start(store, config).unwrap();
    let new = NewKey { role: "admin".into(), name: "admin".into(), trails: None, expires_at: None };
    let key = running.make_key(&new).unwrap();
    Disk { storage, clock, running, key }
}

impl Disk {
    fn append(&self, body: &str) -> Answer {
        let auth = crate::node::bearer(&self.key);
        request(self.running.addr, "POST", "/api/audit/logs", &[&auth], body.as_bytes())
    }

    fn ready(&self) -> u16 {
        request(self.running.addr, "GET", "/readyz", &[], b"").status
    }
}

#[test]
fn a_full_disk_refuses_events_and_goes_on_by_itself_while_keys_use_the_reserve() {
    let disk = disk();
    let known = r#"{"id":"0190b1a0-0000-7000-8000-000000000001","action":"a"}"#;
    assert_eq!(disk.append(known).status, 201);
    assert_eq!(disk.ready(), 200);
    disk.storage.set_space(Some(Space { free: 1 << 20, total: 1 << 40 }));
    disk.clock.advance(2_000_000);
    let refused = disk.append(r#"[{"action":"a"},{"action":"!"}]"#);
    assert_eq!((refused.status, &*refused.headers["retry-after"]), (503, "5"));
    assert_eq!(refused.json()["failed"], 1);
    assert_eq!(disk.append(&format!(r#"[{known},{{"action":"a"}}]"#)).status, 207);
    assert_eq!(disk.ready(), 503);
    let new = NewKey { role: "reader".into(), name: "x".into(), trails: None, expires_at: None };
    disk.running.make_key(&new).unwrap();
    disk.storage.set_space(None);
    disk.clock.advance(2_000_000);
    assert_eq!(disk.append(r#"{"action":"a"}"#).status, 201);
    assert_eq!(disk.ready(), 200);
}

#[test]
fn a_failed_sync_stops_the_node() {
    let disk = disk();
    assert_eq!(disk.append(r#"{"action":"a"}"#).status, 201);
    let kind = Some(CallKind::Sync);
    disk.storage.plan(Plan { fault: Fault::Eio, at: 0, kind, sticky: false });
    assert_eq!(disk.append(r#"{"action":"a"}"#).status, 503);
    assert!(matches!(disk.running.wait(), Stopped::Poisoned(_)));
    assert_eq!(disk.ready(), 503);
    disk.append(r#"{"action":"a"}"#).problem(503, "unavailable");
    let new = NewKey { role: "reader".into(), name: "x".into(), trails: None, expires_at: None };
    assert!(disk.running.make_key(&new).is_err());
}
