//! A store with one person in many places, and a look for what is left of it.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_event::{Micros, Part, TrailName, check};
use indelible_keep::backup::NewBackup;
use indelible_keep::erase::{Certificate, NewErasure};
use indelible_keep::{Keep, Silent, Who};
use indelible_log::Seams;
use indelible_log::record::{KeptRecord, PartRef, Seq};
use indelible_log::segment::Segment;
use indelible_merkle::Vkey;
use indelible_store::{InitOptions, Item, OpenOptions, Store, verify_proof};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Whom it is about. Nothing else in these tests has this text in it.
pub const NAME: &str = "zq-ulrike-77";

pub fn admin(name: &str) -> Who {
    let actor = json!({"type": "user", "id": name, "name": name});
    Who { id: name.into(), since: Some(Micros(0)), actor, context: None }
}

pub fn trail(name: &str) -> TrailName {
    TrailName::parse(name).unwrap()
}

/// The `n`th event; every other is about the person, each time in another place.
pub fn event(n: u64) -> Value {
    let plain = json!({"type": "user", "id": format!("user-{n}")});
    let mut event = json!({
        "action": "file.read", "category": "data_access", "actor": plain,
        "targets": [{"type": "file", "id": format!("f-{n}")}], "details": {"n": n},
        "context": {"ip": "192.0.2.1", "user_agent": "curl/8"},
    });
    if n.is_multiple_of(2) {
        match n / 2 % 6 {
            0 => event["actor"]["id"] = NAME.into(),
            1 => event["actor"]["name"] = NAME.into(),
            2 => event["actor"]["on_behalf_of"] = json!({"type": "user", "id": NAME}),
            3 => {
                event["targets"] =
                    json!([{"type": "file", "id": "x"}, {"type": "user", "id": NAME}])
            }
            4 => event["subjects"] = json!([{"type": "person", "id": NAME}]),
            _ => event["actor"]["email"] = NAME.to_uppercase().into(),
        }
        // And all over the rest of it.
        event["details"]["note"] = format!("for {NAME}, as agreed").into();
        event["details"][NAME] = json!([{"deep": NAME}]);
        event["context"]["user_agent"] = format!("agent of {NAME}").into();
        event["changes"] = json!({"before": {"owner": NAME}, "after": {"owner": null}});
        event["error"] = json!({"message": format!("{NAME} had no room")});
    }
    event
}

pub struct World {
    pub dir: TempDir,
    keep: Option<Keep>,
    about: u64,
}

/// A proof that was given out, and what it is checked with.
pub struct Proof {
    vkey: Vkey,
    whole: String,
    redacted: String,
    trail: TrailName,
    root: (u64, String),
}

fn store(seams: &Seams) -> Keep {
    let store = Store::open(seams.clone(), OpenOptions::default()).unwrap();
    Keep::new(Arc::new(store), seams.clone())
}

impl World {
    pub fn new() -> World {
        let dir = tempfile::tempdir().unwrap();
        let seams = Seams::real(dir.path().join("data"));
        Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
        World { dir, keep: Some(store(&seams)), about: 0 }
    }

    pub fn keep(&self) -> &Keep {
        self.keep.as_ref().unwrap()
    }

    pub fn seams(&self) -> &Seams {
        self.keep().seams()
    }

    pub fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    pub fn reopen(&mut self) {
        let seams = self.seams().clone();
        self.keep = None;
        self.keep = Some(store(&seams));
    }

    /// Records events in two trails, sealed in between.
    pub fn tell(&mut self, numbers: Range<u64>) {
        let middle = (numbers.start + numbers.end) / 2;
        for n in numbers {
            let event = check(event(n).to_string().as_bytes()).unwrap();
            self.about += u64::from(n.is_multiple_of(2));
            self.append(if n % 4 < 2 { "shop" } else { "office" }, event);
            if n == middle {
                self.keep().store().log().seal().unwrap();
            }
        }
    }

    fn append(&self, name: &str, event: indelible_event::Checked) {
        let item = Item { trail: trail(name), event, recorded_by: None };
        self.keep().store().append(&[item]).pop().unwrap().unwrap();
    }

    /// Events that name the person in a text only.
    pub fn mention(&mut self, count: u64) {
        for n in 0..count {
            let mut event = event(2 * n + 1);
            event["details"]["note"] = format!("call {NAME} back").into();
            self.append("shop", check(event.to_string().as_bytes()).unwrap());
        }
    }

    /// The node's own record of somebody's search.
    pub fn read_about(&mut self, query: &str) {
        let event = json!({
            "action": "events.read", "category": "data_access", "outcome": "success",
            "actor": {"type": "user", "id": "carol"}, "details": {"query": query, "trails": ["shop"]},
        });
        let event = check(event.to_string().as_bytes()).unwrap();
        self.keep().store().append_system(&event).unwrap();
        self.about += 1;
    }

    pub fn concerned(&self) -> u64 {
        self.about
    }

    pub fn back_up(&self, to: &Path) -> String {
        let to = Some(to.to_str().unwrap().to_owned());
        let new = NewBackup { to, ..NewBackup::default() };
        self.keep().create_backup(&admin("alice"), &new, &Silent).unwrap().id
    }

    /// A copy of the data directory, as a restore keeps it.
    pub fn keep_copy(&self, id: &str) {
        self.copy_log(&self.data().join("kept").join(id));
    }

    /// A copy of the log beside the data directory.
    pub fn copy_to(&self, name: &str) -> Seams {
        let to = self.dir.path().join(name);
        self.copy_log(&to);
        Seams::real(to)
    }

    fn copy_log(&self, to: &Path) {
        for name in ["MANIFEST", "node.json", "node.key", "log", "segments", "trails"] {
            copy(&self.data().join(name), &to.join(name));
        }
    }

    /// A spool beside the log, with refused events: one about the person, one not.
    pub fn refuse_some(&self) -> PathBuf {
        let spool = self.data().join("spool");
        std::fs::create_dir_all(&spool).unwrap();
        let line = |n| format!("{}\n", json!({"why": "too large", "event": event(n)}));
        std::fs::write(spool.join("refused.ndjson"), line(2) + &line(3)).unwrap();
        spool
    }

    /// A spool elsewhere, in which an event about the person waits.
    pub fn wait_in_spool(&self) -> PathBuf {
        let house = self.dir.path().join("spool/9f86d081884c7d65");
        std::fs::create_dir_all(&house).unwrap();
        let bytes = format!("INDSPOOL....{}", event(2));
        std::fs::write(house.join("00000000000000000001.events"), bytes).unwrap();
        self.dir.path().join("spool")
    }

    pub fn erase(&self, new: &NewErasure) -> Certificate {
        let request = self.keep().request_erasure(&admin("alice"), new).unwrap();
        self.keep().confirm_erasure(&admin("bob"), &request, new, &Silent).unwrap()
    }

    /// Proofs of records that are to be erased, as somebody may have kept them.
    pub fn proofs(&self) -> Vec<Proof> {
        let store = self.keep().store();
        store.publish().unwrap();
        let reader = store.reader();
        ["shop", "office"]
            .map(|name| {
                let status = reader.trail(&trail(name)).unwrap();
                let (_, signed) = reader.checkpoint(&status).unwrap();
                Proof {
                    vkey: reader.vkey(&status).unwrap(),
                    whole: reader.prove(&status, Seq(0), &[]).unwrap(),
                    redacted: reader.prove(&status, Seq(0), &Part::ALL).unwrap(),
                    trail: trail(name),
                    root: (signed.size.0, signed.root.to_base64()),
                }
            })
            .into()
    }

    /// They hold as they did, and new ones say the same of the same entry.
    pub fn check_proofs(&self, proofs: &[Proof]) {
        let reader = self.keep().store().reader();
        for proof in proofs {
            let before = verify_proof(proof.whole.as_bytes(), &proof.vkey).unwrap();
            verify_proof(proof.redacted.as_bytes(), &proof.vkey).unwrap();
            let status = reader.trail(&proof.trail).unwrap();
            let root = reader.view().root(status.info.no, before.checkpoint.size).unwrap();
            assert_eq!((before.checkpoint.size.0, root.to_base64()), proof.root);
            let now = reader.prove(&status, Seq(0), &[]).unwrap();
            let now = verify_proof(now.as_bytes(), &proof.vkey).unwrap();
            assert_eq!((now.index, now.leaf), (before.index, before.leaf));
            let record: &KeptRecord = &reader.read(status.info.no, &[Seq(0)]).unwrap()[0];
            assert!(Part::ALL.iter().all(|part| record.part(*part).is_none()));
        }
    }

    /// A data directory that was kept verifies by itself.
    pub fn verify_kept(&self, id: &str) {
        let seams = Seams::real(self.data().join("kept").join(id));
        let options =
            indelible_log::verify::Options { threads: 1, progress: &|_| {}, archived: None };
        let report = indelible_log::verify::verify(&seams.storage, &options).unwrap();
        assert!(report.findings.is_empty(), "{:#?}", report.findings);
    }

    /// The files below the directory in which there is anything of the person, be it compressed.
    pub fn traces(&self) -> Vec<String> {
        let mut found = Vec::new();
        look(self.dir.path(), self.dir.path(), &mut found);
        found
    }
}

pub fn lines(spool: &Path) -> usize {
    std::fs::read_to_string(spool.join("refused.ndjson")).unwrap().lines().count()
}

fn copy(from: &Path, to: &Path) {
    if from.is_file() {
        std::fs::create_dir_all(to.parent().unwrap()).unwrap();
        std::fs::copy(from, to).unwrap();
        return;
    }
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let name = entry.unwrap().file_name();
        copy(&from.join(&name), &to.join(&name));
    }
}

fn look(top: &Path, dir: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.strip_prefix(top).unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            look(top, &path, found);
            continue;
        }
        let bytes = std::fs::read(&path).unwrap();
        let rows = path
            .extension()
            .is_some_and(|e| e == "parquet")
            .then(|| std::fs::read(path.with_extension("rows")).ok())
            .flatten();
        if name.to_lowercase().contains(NAME) || is_in(&bytes, rows) {
            found.push(name);
        }
    }
}

/// Whether a file has the person in it: its bytes, and if it is a segment every part of every row and every facet.
pub fn is_in(bytes: &[u8], rows: Option<Vec<u8>>) -> bool {
    let is_in = |bytes: &[u8]| {
        let lower = bytes.to_ascii_lowercase();
        lower.windows(NAME.len()).any(|window| window == NAME.as_bytes())
    };
    let Some(rows) = rows else { return is_in(bytes) };
    let segment = Segment::open(bytes.to_vec().into(), rows.into()).unwrap();
    let mut found = is_in(bytes);
    for batch in segment.scan(0..segment.len()).unwrap() {
        let batch = batch.unwrap();
        for row in 0..batch.len() {
            let record = batch.record(row).unwrap();
            for part in record.parts {
                found |= matches!(part, PartRef::Kept(bytes) if is_in(bytes));
            }
            found |= batch.facet_bytes(row).into_iter().flatten().any(is_in);
        }
    }
    found
}
