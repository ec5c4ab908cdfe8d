//! A store to keep, with a clock that can be moved.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;

use indelible_event::{Micros, Part, TrailName, check};
use indelible_keep::backup::model::Backup;
use indelible_keep::target::Target;
use indelible_keep::{Keep, Who};
use indelible_log::storage::{FileStorage, Storage, parent};
use indelible_log::{SealAt, Seams, SystemEntropy};
use indelible_sim::ManualClock;
use indelible_store::{InitOptions, Item, OpenOptions, Store, VerifyOptions, verify};
use serde_json::{Value, json};

/// 2026-01-01T00:00:00Z.
pub const NEW_YEAR: i64 = 1_767_225_600_000_000;

pub struct Place {
    /// Everything of the test: the log is in `data`.
    pub dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub keep: Arc<Keep>,
}

impl Place {
    pub fn new() -> Place {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at(NEW_YEAR));
        let seams = Seams {
            storage: Arc::new(FileStorage::new(dir.path().join("data"))),
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy),
        };
        Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
        let seal_at = SealAt { records: 400, bytes: 1 << 20, merge_debt: 1_000 };
        let options = OpenOptions { seal_at, background: false, ..OpenOptions::default() };
        let store = Arc::new(Store::open(seams.clone(), options).unwrap());
        Place { dir, clock, keep: Arc::new(Keep::new(store, seams)) }
    }

    pub fn target(&self) -> String {
        self.dir.path().join("target").to_str().unwrap().to_owned()
    }

    pub fn append(&self, trail: &str, range: std::ops::Range<u64>) {
        append(self.keep.store(), trail, range);
    }

    /// What `_system` says with an action: phase, outcome and details of each.
    pub fn told(&self, action: &str) -> Vec<(String, String, Value)> {
        let record = |r: &indelible_log::record::KeptRecord| {
            let entry = r.entry();
            let what: Value = serde_json::from_slice(r.part(Part::What).unwrap()).unwrap();
            let mut details = what["details"].clone();
            if let Some(error) = what["error"]["message"].as_str() {
                details["error"] = json!(error);
            }
            let phase = entry.phase.map(|p| format!("{p:?}")).unwrap_or_default();
            (phase, format!("{:?}", entry.outcome), details)
        };
        self.keep.told(&[action]).unwrap().iter().map(record).collect()
    }

    pub fn now(&self) -> Micros {
        self.keep.now()
    }
}

pub fn append(store: &Store, trail: &str, range: std::ops::Range<u64>) {
    let items: Vec<Item> = range
        .map(|n| Item {
            trail: TrailName::parse(trail).unwrap(),
            event: check(
                format!(r#"{{"action":"a.b","user_id":"u{n}","ip_address":"192.0.2.1","metadata":{{"n":{n}}}}}"#)
                    .as_bytes(),
            )
            .unwrap(),
            recorded_by: Some("test".into()),
        })
        .collect();
    for result in store.append(&items) {
        result.unwrap();
    }
}

pub fn admin() -> Who {
    let actor = json!({"type": "user", "id": "ada"});
    Who { id: "key-ada".into(), since: None, actor, context: None }
}

/// Puts a backup's files into a directory of their own, as restoring does, and verifies what it is.
pub fn copy_verifies(target: &dyn Target, backup: &Backup) -> u64 {
    let dir = tempfile::tempdir().unwrap();
    let storage: Arc<dyn Storage> = Arc::new(FileStorage::new(dir.path()));
    for made in ["", "log", "segments", "trails"] {
        storage.create_dir(made).unwrap();
    }
    for file in &backup.files {
        let mut bytes = Vec::new();
        target.get(&file.at).unwrap().read_to_end(&mut bytes).unwrap();
        storage.create_dir(parent(&file.path)).unwrap();
        let out = storage.create(&file.path).unwrap();
        indelible_log::storage::write_all_at(&*out, 0, &bytes).unwrap();
    }
    let report = verify(&storage, &VerifyOptions::default()).unwrap();
    assert!(report.holds(), "{:?}", report.log.findings);
    assert_eq!(report.log.records, backup.records);
    let trails: BTreeMap<_, _> =
        report.log.trails.iter().map(|t| (t.info.id.to_string(), t.size())).collect();
    for trail in &backup.trails {
        assert_eq!(trails[&trail.id], trail.size);
    }
    report.log.records
}
