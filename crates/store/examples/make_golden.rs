//! Made `testdata/v1` once, and is kept to show how. Its output is never made again: a golden directory
//! that follows the code proves nothing about files that were written before.
//!
//!     cargo run -p indelible-store --example make_golden -- DIR
//!
//! Commands that erase and expire came after format v1; where their work is needed this program does it,
//! in the order that verification expects: companion file, event, rewritten segment, manifest.

#![allow(clippy::unwrap_used, reason = "a program that ran once, before people's eyes")]

use std::sync::Arc;

use indelible_event::{EventId, Part, TrailName, check, seal};
use indelible_log::erasure::{self, ERASED, EXPIRED, Seqs};
use indelible_log::manifest::{Left, Manifest, ManifestSegment, SEGMENTS, segment_name};
use indelible_log::record::{KeptPart, KeptRecord, Salts, Seq, TrailNo};
use indelible_log::segment::{Segment, SegmentHeader, SegmentState, SegmentWriter, to_stub};
use indelible_log::storage::{FileStorage, Storage, replace_durably};
use indelible_log::{Seams, hex, sha256};
use indelible_merkle::TreeSize;
use indelible_sim::{ManualClock, SeededEntropy};
use indelible_store::{InitOptions, Item, OpenOptions, Reader, Store, VerifyOptions, verify};

/// Friday, 13 November 2026, 09:30:00 UTC.
const START: i64 = 1_794_562_200_000_000;
const HOUR: i64 = 3_600_000_000;
const DAY: i64 = 24 * HOUR;

/// Ids of the node's own events, so that the golden tests can name them.
const ERASURE: &str = "019a7e00-0000-7000-8000-00000000e7a5";
const EXPIRY: &str = "019a7e00-0000-7000-8000-00000000e591";

/// What expires: a few events like any others.
const EXPIRED_EVENTS: &[&str] = &[
    r#"{"action":"session.open","user_id":"u-9","ip_address":"192.0.2.9"}"#,
    r#"{"action":"file.read","user_id":"u-9","resource_type":"file","resource_id":"f-1","metadata":{"bytes":10}}"#,
    r#"{"action":"session.close","user_id":"u-9"}"#,
    r#"{"action":"a"}"#,
];

/// The seqs of `acme` that an erasure concerns: their parts `who` and `where`, where they have them.
const ERASED_SEQS: [u64; 4] = [6, 9, 13, 14];

/// The rich events of the trail `acme`: every field of the format, and every odd value we know of.
const RICH: &[&str] = &[
    // All entry fields and all of the parts.
    r#"{"id":"0190b1a0-0000-7000-8000-000000000001","occurred_at":"2026-11-13T09:29:59.123456Z","action":"backup.delete","category":"data_delete","outcome":"success","phase":"outcome","ref":"0190b1a0-0000-7000-8000-0000000000ff","source":{"id":"00112233445566778899aabbccddeeff","seq":18446744073709551615},"actor":{"type":"user","id":"u-1","name":"Zoë Ångström","email":"zoe@example.com","auth":{"method":"oidc","token_id":"tok-9"},"on_behalf_of":{"type":"service","id":"billing"}},"subjects":[{"type":"person","id":"p-7"},{"type":"person","id":"p-8"}],"targets":[{"type":"backup","id":"b-42","name":"nächtlich/2026-11-12"},{"type":"bucket","id":"eu-1"}],"changes":{"before":{"kept":true,"size":9007199254740993},"after":null},"details":{"why":"retention","nested":{"a":[1,2.50,-0,1e400,123456789012345678901234567890]}},"error":{"code":"E17","message":"line one\nline two"},"context":{"ip":"2001:db8::17","user_agent":"curl/8.5","request_id":"r-1","correlation_id":"c-1","session_id":"s-1","trace_id":"0af7651916cd43dd8448eb211c80319c","span_id":"b7ad6b7169203331","service":"backup-api","host":"node-3","http":{"method":"DELETE","path":"/v1/backups/42","route":"/v1/backups/:id","status":204,"duration_ms":12.75}}}"#,
    // The least an event can say.
    r#"{"action":"a"}"#,
    // No part but one, each in turn.
    r#"{"action":"only.who","user_id":"u-2"}"#,
    r#"{"action":"only.where","ip_address":"192.0.2.7"}"#,
    r#"{"action":"only.what","metadata":{}}"#,
    // Unicode: other planes, a right-to-left word, escapes that stay and escapes that go.
    r#"{"action":"unicode","user_id":"пользователь","metadata":{"😀":"🏳️‍🌈","עברית":"\u0000\u001f\"\\\/\u00e9\ud83d\ude00","empty":""}}"#,
    // Numbers that no float holds.
    r#"{"action":"numbers","old_value":0.1000000000000000055511151231257827,"new_value":[9223372036854775808,-9223372036854775809,1E-400,1.0,1.00]}"#,
    // An intent, its correction, a failure, a denial; the short form.
    r#"{"id":"0190b1a0-0000-7000-8000-000000000002","action":"pin.set","phase":"intent","category":"pin_operation","outcome":"pending"}"#,
    r#"{"action":"pin.set","phase":"correction","ref":"0190b1a0-0000-7000-8000-000000000002","status":"error","error_message":"disk full"}"#,
    r#"{"event_type":"login_failed","user_email":"mallory@example.com","status":"failure","ip_address":"203.0.113.9","user_agent":"Mozilla/5.0","timestamp":"2026-11-13T10:00:00+14:00","session_id":7,"resource_type":"session","resource_id":12345678901234567890}"#,
    r#"{"action":"vfs.read","category":"vfs_operation","outcome":"denied","actor":{"type":"anonymous"},"source":{"id":"ffffffffffffffffffffffffffffffff","seq":0},"occurred_at":"0000-01-01T00:00:00Z"}"#,
    r#"{"action":"clock.far","occurred_at":"9999-12-31T23:59:59.999999999Z","details":{"deep":[[[[[[[[{"x":[]}]]]]]]]]}}"#,
];

struct Golden {
    seams: Seams,
    clock: Arc<ManualClock>,
}

fn main() {
    let dir = std::env::args().nth(1).expect("usage: make_golden DIR");
    let out = Arc::new(FileStorage::new(&dir));
    assert!(out.list("").is_err(), "{dir} is there already, and golden files are not made again");
    let clock = Arc::new(ManualClock::at(START));
    let data: Arc<dyn Storage> = Arc::new(FileStorage::new(format!("{dir}/dir")));
    let entropy = Arc::new(SeededEntropy::new(0x1d_e11b1e));
    let golden = Golden { seams: Seams { storage: data, clock: clock.clone(), entropy }, clock };

    Store::init(&golden.seams, &InitOptions { origin: "audit.example.com/golden".into() }).unwrap();
    golden.first_day();
    golden.second_day();
    golden.third_day();
    golden.write_small_files(&*out);

    let report = verify(&golden.seams.storage, &VerifyOptions::default()).unwrap();
    println!(
        "{} records, {} signatures, notes {:#?}",
        report.log.records, report.signatures, report.log.notes
    );
    assert_eq!(report.log.findings, [], "a golden directory that does not verify");
}

impl Golden {
    fn open(&self) -> Store {
        let options = OpenOptions { background: false, ..OpenOptions::default() };
        Store::open(self.seams.clone(), options).unwrap()
    }

    fn append(&self, store: &Store, trail: &str, events: &[&str], recorded_by: Option<&str>) {
        let trail = TrailName::parse(trail).unwrap();
        let recorded_by: Option<Arc<str>> = recorded_by.map(Into::into);
        let item = |json: &&str| Item {
            trail: trail.clone(),
            event: check(json.as_bytes()).unwrap(),
            recorded_by: recorded_by.clone(),
        };
        let items: Vec<Item> = events.iter().map(item).collect();
        for result in store.append(&items) {
            result.unwrap();
        }
        self.clock.advance(1_234_567);
    }

    fn ticks(&self, store: &Store, count: usize) {
        self.append(store, "ticks", &vec![r#"{"action":"t"}"#; count], None);
    }

    /// What expires later: nearly all of `ticks`, so that its tree reaches level 1, and a few of `acme`.
    fn first_day(&self) {
        let store = self.open();
        self.append(&store, "acme", EXPIRED_EVENTS, Some("key-1"));
        self.ticks(&store, 250);
        store.publish().unwrap();
        store.log().seal().unwrap();
        store.close().unwrap();
        self.clock.advance(DAY);
    }

    /// What is partly erased later, and the checkpoints that are recorded each hour.
    fn second_day(&self) {
        let store = self.open();
        self.append(&store, "acme", RICH, Some("key:2026-11.A_b"));
        self.ticks(&store, 8);
        store.publish().unwrap();
        self.clock.advance(HOUR);
        store.publish().unwrap();
        store.log().seal().unwrap();
        store.close().unwrap();
        self.clock.advance(DAY);
    }

    /// An erasure that is sealed, and an expiry that is still in the active file.
    fn third_day(&self) {
        let store = self.open();
        // Without the two that bring ids: those are kept already.
        let again: Vec<&str> =
            RICH.iter().filter(|json| !json.starts_with(r#"{"id""#)).copied().collect();
        self.append(&store, "acme", &again, None);
        let acme = store.reader().trail(&TrailName::parse("acme").unwrap()).unwrap();
        let seqs = Seqs::from_ascending(ERASED_SEQS).encode();
        let companion = erasure::path(EventId::parse(ERASURE).unwrap());
        self.seams.storage.create_dir(erasure::DIR).unwrap();
        replace_durably(&*self.seams.storage, &companion, &seqs).unwrap();
        let details = serde_json::json!({
            "trail": acme.info.id.to_string(),
            "parts": ["who", "where"],
            "seqs": {"sha256": hex::encode(&sha256(&seqs)), "count": ERASED_SEQS.len()},
            "reason": "a person asked for it",
        });
        let target =
            serde_json::json!({"type": "trail", "id": acme.info.id.to_string(), "name": "acme"});
        self.own_event(&store, ERASURE, ERASED, target, details);
        store.log().seal().unwrap();
        store.close().unwrap();
        self.rewrite(2, SegmentState::Full, |record| erase(record, acme.info.no));

        let store = self.open();
        self.append(&store, "acme", &again[..3], Some("key-1"));
        let expiring = Manifest::load(&*self.seams.storage).unwrap().segments[self.at(1)].clone();
        let details = serde_json::json!({
            "class": expiring.class,
            "policy": 1,
            "day": indelible_event::Day(expiring.day).to_string(),
            "first_pos": expiring.first_pos,
            "last_pos": expiring.last_pos,
        });
        let target = serde_json::json!({"type": "segment", "id": expiring.name});
        self.own_event(&store, EXPIRY, EXPIRED, target, details);
        store.close().unwrap();
        let state = SegmentState::Stub { expired_by: EventId::parse(EXPIRY).unwrap() };
        self.rewrite(1, state, |record| {
            to_stub(&record.as_ref()).map(|stub| KeptRecord::copy(&stub)).unwrap()
        });
    }

    fn own_event(
        &self,
        store: &Store,
        id: &str,
        action: &str,
        target: serde_json::Value,
        details: serde_json::Value,
    ) {
        let json = serde_json::json!({
            "id": id,
            "action": action,
            "category": "system",
            "outcome": "success",
            "actor": {"type": "system", "id": "indelible"},
            "targets": [target],
            "details": details,
        });
        store.append_system(&check(json.to_string().as_bytes()).unwrap()).unwrap();
        self.clock.advance(1_000_001);
    }

    /// Where in the manifest the segment of class `standard` of the n-th day is.
    fn at(&self, day: usize) -> usize {
        let manifest = Manifest::load(&*self.seams.storage).unwrap();
        let standard = |(_, s): &(usize, &ManifestSegment)| s.class == "standard";
        manifest.segments.iter().enumerate().filter(standard).nth(day - 1).unwrap().0
    }

    /// Writes the n-th day's standard segment anew, puts it in charge and removes the old one.
    fn rewrite(&self, day: usize, state: SegmentState, change: impl Fn(KeptRecord) -> KeptRecord) {
        let storage = &*self.seams.storage;
        let mut manifest = Manifest::load(storage).unwrap();
        let old = manifest.segments[self.at(day)].clone();
        let segment = Segment::open(
            storage.map(&old.parquet()).unwrap(),
            storage.map(&old.row_table()).unwrap(),
        )
        .unwrap();
        let meta = segment.meta();
        let header = SegmentHeader {
            class: meta.class.clone(),
            policy: meta.policy,
            day: meta.day,
            state,
            trails: meta.trails.iter().map(|span| span.trail.clone()).collect(),
        };
        let mut writer = SegmentWriter::new(Vec::new(), header).unwrap();
        for batch in segment.scan(0..segment.len()).unwrap() {
            let batch = batch.unwrap();
            for row in 0..batch.len() {
                let record = change(KeptRecord::copy(&batch.record(row).unwrap()));
                writer.push(&record.as_ref()).unwrap();
            }
        }
        let finished = writer.finish().unwrap();
        let file = manifest.next_file;
        manifest.next_file += 1;
        let meta = &finished.meta;
        let name =
            segment_name(meta.first_pos, meta.last_pos, &meta.class, &meta.day.to_string(), file);
        let new = ManifestSegment {
            name,
            file,
            state: match state {
                SegmentState::Full => Left::Full,
                SegmentState::Stub { .. } => Left::Stub,
            },
            bytes: finished.seal.len,
            sha256: finished.seal.sha256,
            rows_sha256: sha256(&finished.row_table),
            ..old.clone()
        };
        replace_durably(storage, &new.row_table(), &finished.row_table).unwrap();
        replace_durably(storage, &new.parquet(), &finished.out).unwrap();
        let at = self.at(day);
        manifest.segments[at] = new;
        manifest.store(storage).unwrap();
        storage.remove(&old.parquet()).unwrap();
        storage.remove(&old.row_table()).unwrap();
        storage.sync_dir(SEGMENTS).unwrap();
    }

    /// What readers are handed: the records' views, proofs, a checkpoint and the key.
    fn write_small_files(&self, out: &dyn Storage) {
        let reader = Reader::open(self.seams.storage.clone()).unwrap();
        let put = |name: &str, bytes: &[u8]| replace_durably(out, name, bytes).unwrap();
        let mut records = Vec::new();
        for trail in reader.trails() {
            let seqs: Vec<Seq> = (0..trail.size.0).map(Seq).collect();
            for record in reader.read(trail.info.no, &seqs).unwrap() {
                records.extend_from_slice(&record.view(trail.info.name.as_str()));
                records.push(b'\n');
            }
        }
        put("records.ndjson", &records);
        let acme = reader.trail(&TrailName::parse("acme").unwrap()).unwrap();
        put("acme.vkey", format!("{}\n", reader.vkey(&acme).unwrap()).as_bytes());
        put("acme.checkpoint", reader.checkpoint(&acme).unwrap().0.as_bytes());
        let proof = |seq, redact: &[Part]| reader.prove(&acme, Seq(seq), redact).unwrap();
        put("shown.proof", proof(4, &[]).as_bytes());
        put("withheld.proof", proof(4, &[Part::Who]).as_bytes());
        put("erased.proof", proof(9, &[]).as_bytes());
        put("expired.proof", proof(0, &[]).as_bytes());
        let grown = reader.prove_consistency(&acme, TreeSize(4), None).unwrap();
        put("consistency.proof", grown.as_bytes());
    }
}

/// Erases `who` and `where` of a record that the erasure concerns: their commitments stay, and of the
/// salts only those of the parts that can still be read.
fn erase(record: KeptRecord, trail: TrailNo) -> KeptRecord {
    if record.trail != trail || !ERASED_SEQS.contains(&record.seq.0) {
        return record;
    }
    let mut salts = [None; 3];
    let mut erased = record.clone();
    for part in Part::ALL {
        let Some(bytes) = record.part(part) else { continue };
        let salt = record.salts.of(part).unwrap();
        match part {
            Part::What => salts[part as usize] = Some(salt),
            Part::Who | Part::Where => {
                erased.parts[part as usize] = KeptPart::Gone(seal::commitment(part, &salt, bytes));
            }
        }
    }
    KeptRecord { salts: Salts::Parts(salts), ..erased }
}
