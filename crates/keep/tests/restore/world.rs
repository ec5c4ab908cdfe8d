//! A log, backups of it in memory, and what restores ask about them.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Arc, Mutex};

use indelible_event::{Part, TrailName, check};
use indelible_keep::backup::NewBackup;
use indelible_keep::restore::{Elsewhere, NewRestore, RestoreType, Restored, restore};
use indelible_keep::target::{Target, TargetError};
use indelible_keep::{Keep, KeepError, Silent, Who};
use indelible_log::Seams;
use indelible_log::record::{Seq, TrailNo};
use indelible_log::storage::{FileStorage, Storage};
use indelible_sim::{ManualClock, SeededEntropy};
use indelible_store::{InitOptions, Item, OpenOptions, Reader, Store, VerifyOptions, verify};
use serde_json::{Value, json};

/// A target in memory, whose files a test can damage.
#[derive(Default)]
pub struct Memory(pub Mutex<BTreeMap<String, Vec<u8>>>);

impl Memory {
    pub fn edit(&self, key: &str, edit: impl FnOnce(&mut Vec<u8>)) {
        edit(self.0.lock().unwrap().get_mut(key).unwrap());
    }

    pub fn keys(&self) -> Vec<String> {
        self.0.lock().unwrap().keys().cloned().collect()
    }

    fn missing(&self, key: &str) -> TargetError {
        TargetError::Missing { target: "memory".into(), key: key.into() }
    }
}

impl Target for Memory {
    fn name(&self) -> &str {
        "memory"
    }
    fn put(&self, key: &str, _: u64, from: &mut dyn Read) -> Result<(), TargetError> {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        self.0.lock().unwrap().insert(key.into(), bytes);
        Ok(())
    }
    fn get(&self, key: &str) -> Result<Box<dyn Read + Send + '_>, TargetError> {
        let bytes = self.0.lock().unwrap().get(key).cloned();
        Ok(Box::new(std::io::Cursor::new(bytes.ok_or_else(|| self.missing(key))?)))
    }
    fn len(&self, key: &str) -> Result<Option<u64>, TargetError> {
        Ok(self.0.lock().unwrap().get(key).map(|bytes| bytes.len() as u64))
    }
    fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, TargetError> {
        let files = self.0.lock().unwrap();
        let below = files.iter().filter(|(key, _)| key.starts_with(prefix));
        Ok(below.map(|(key, bytes)| (key.clone(), bytes.len() as u64)).collect())
    }
    fn delete(&self, key: &str) -> Result<(), TargetError> {
        self.0.lock().unwrap().remove(key);
        Ok(())
    }
    fn free(&self) -> Result<Option<u64>, TargetError> {
        Ok(None)
    }
    fn forget(&self, _: &str) -> Result<(), TargetError> {
        Ok(())
    }
}

/// A log with its clock.
#[derive(Clone)]
pub struct Log {
    pub seams: Seams,
    pub clock: Arc<ManualClock>,
}

pub fn seams_over(storage: Arc<dyn Storage>, seed: u64) -> Log {
    let clock = Arc::new(ManualClock::default());
    let entropy = Arc::new(SeededEntropy::new(seed));
    Log { seams: Seams { storage, clock: clock.clone(), entropy }, clock }
}

pub fn real(dir: &std::path::Path, seed: u64) -> Log {
    seams_over(Arc::new(FileStorage::new(dir)), seed)
}

impl Log {
    pub fn init(&self) {
        Store::init(&self.seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    }

    pub fn try_open(&self, accept_rollback: bool) -> Result<Store, indelible_store::StoreError> {
        let options = OpenOptions { background: false, accept_rollback, ..OpenOptions::default() };
        Store::open(self.seams.clone(), options)
    }

    /// Appends so many events to each trail, signed; the first half of them sealed if asked.
    pub fn append(&self, trails: &[&str], count: u64, seal: bool) {
        let store = self.try_open(false).unwrap();
        for n in 0..count {
            self.clock.advance(1_000_000);
            let item = |trail: &&str| Item {
                trail: TrailName::parse(trail).unwrap(),
                event: check(format!(r#"{{"action":"a.b","user_id":"u{n}"}}"#).as_bytes()).unwrap(),
                recorded_by: None,
            };
            let items: Vec<Item> = trails.iter().map(item).collect();
            for kept in store.append(&items) {
                kept.unwrap();
            }
            if seal && n == count / 2 {
                store.log().seal().unwrap();
            }
        }
        store.close().unwrap();
    }

    pub fn reader(&self) -> Reader {
        Reader::open(self.seams.storage.clone()).unwrap()
    }

    /// Size and root of each trail, by name.
    pub fn trails(&self) -> BTreeMap<String, (u64, String)> {
        trails(&self.reader())
    }

    /// The restore events: phase and outcome, id, ref.
    pub fn told(&self) -> Vec<(String, String, String, String)> {
        told(&self.reader())
    }

    pub fn verify(&self) {
        verify_dir(&self.seams.storage, true);
    }

    pub fn names(&self) -> Vec<String> {
        self.seams.storage.list("").unwrap()
    }

    /// Backs the log up and gives the backup's id. Nothing is signed meanwhile.
    pub fn back_up(&self, target: &Arc<Memory>, with_key: bool) -> String {
        let keep = self.keep();
        let new = NewBackup { with_key, ..NewBackup::default() };
        keep.create_backup_at(&admin(), &new, target.clone(), &Silent).unwrap().id
    }

    pub fn keep(&self) -> Keep {
        Keep::new(Arc::new(self.try_open(false).unwrap()), self.seams.clone())
    }

    /// A restore in place that accepts what is lost.
    pub fn new_restore<'a>(&'a self, target: &'a Arc<Memory>, backup: &'a str) -> NewRestore<'a> {
        NewRestore {
            data: &self.seams,
            guard: None,
            live: None,
            target: &**target,
            backup,
            into: None,
            restore_type: RestoreType::Full,
            snapshot: None,
            strict_delete: false,
            accept_rollback: true,
            key: None,
        }
    }

    pub fn elsewhere(&self) -> Option<Elsewhere> {
        Some(Elsewhere { name: "elsewhere".into(), storage: self.seams.storage.clone() })
    }
}

pub fn run(new: &NewRestore<'_>) -> Result<Restored, KeepError> {
    restore(new, &admin(), &Silent)
}

pub fn admin() -> Who {
    let actor = json!({"type": "user", "id": "alice"});
    Who { id: "alice".into(), since: None, actor, context: None }
}

pub fn verify_dir(storage: &Arc<dyn Storage>, guarded: bool) {
    let mut report = verify(storage, &VerifyOptions::default()).unwrap();
    if !guarded {
        report.log.findings.retain(|finding| finding.path != indelible_store::GUARD);
    }
    assert_eq!(report.log.findings, []);
}

pub fn trails(reader: &Reader) -> BTreeMap<String, (u64, String)> {
    let one =
        |t: indelible_log::TrailStatus| (t.info.name.to_string(), (t.size.0, t.root.to_base64()));
    reader.trails().into_iter().map(one).collect()
}

pub fn told(reader: &Reader) -> Vec<(String, String, String, String)> {
    let size = reader.view().trail(TrailNo(0)).unwrap().size.0;
    let seqs: Vec<Seq> = (0..size).map(Seq).collect();
    let mut out = Vec::new();
    for record in reader.read(TrailNo(0), &seqs).unwrap() {
        let entry = record.entry();
        if entry.action != "restore.create" {
            continue;
        }
        let who: Value = serde_json::from_slice(record.part(Part::Who).unwrap()).unwrap();
        assert_eq!(who["actor"]["id"], "alice");
        out.push((
            entry.phase.unwrap().name().to_owned(),
            entry.outcome.name().to_owned(),
            entry.id.to_string(),
            entry.reference.map(|id| id.to_string()).unwrap_or_default(),
        ));
    }
    out
}
