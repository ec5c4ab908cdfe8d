//! Files of format v1 as they were written when it was young, read and written by today's code.
//!
//! `testdata/v1` is never made again. A test that fails here says that files in the field can no longer
//! be read, or that the same input now gives other bytes; neither is mended by new golden files.

#![allow(clippy::unwrap_used, reason = "a test; its helpers too")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_event::{
    DisclosedPart, Disclosure, Entry, EventId, Micros, Part, TrailName, check, check_with_subject,
    seal,
};
use indelible_log::erasure::{self, ERASED, EXPIRED, Seqs};
use indelible_log::frame::{self, FileHeader, GroupHeader};
use indelible_log::manifest::Manifest;
use indelible_log::record::{KeptRecord, PartRef, Pos, Salts, Seq, TrailNo};
use indelible_log::segment::{Segment, SegmentHeader, SegmentState, SegmentWriter};
use indelible_log::storage::{FileStorage, Storage, replace_durably};
use indelible_log::{Appended, Seams, SystemEntropy, hex, sha256};
use indelible_merkle::{TreeSize, Vkey, leaf_hash};
use indelible_sim::ManualClock;
use indelible_store::{
    CHECKPOINT_RECORDED, GUARD, Guard, Item, KEY, NODE, NODE_CREATED, Node, OpenOptions,
    ROLLBACK_ACCEPTED, Reader, Store, VerifyOptions, VerifyReport, verify,
    verify_consistency_proof, verify_proof,
};
use serde_json::Value;

/// Saturday, 21 November 2026, noon: some days after the golden directory was made.
const LATER: i64 = 1_795_262_400_000_000;
/// The event that the erased parts in the directory point to.
const ERASURE: &str = "019a7e00-0000-7000-8000-00000000e7a5";

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/v1")
}

fn golden(name: &str) -> Vec<u8> {
    FileStorage::new(testdata()).map(name).unwrap().to_vec()
}

fn golden_json(name: &str) -> Value {
    serde_json::from_slice(&golden(name)).unwrap()
}

/// A copy of the golden directory, which a test may do with as it likes.
struct Copy {
    _dir: tempfile::TempDir,
    storage: Arc<dyn Storage>,
}

fn copy() -> Copy {
    let dir = tempfile::tempdir().unwrap();
    copy_tree(&testdata().join("dir"), dir.path());
    let storage = Arc::new(FileStorage::new(dir.path()));
    Copy { _dir: dir, storage }
}

#[expect(clippy::disallowed_methods, reason = "a test's own files, before anything is opened")]
fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn name(text: &str) -> TrailName {
    TrailName::parse(text).unwrap()
}

fn id(text: &str) -> EventId {
    EventId::parse(text).unwrap()
}

fn verified(storage: &Arc<dyn Storage>) -> VerifyReport {
    verify(storage, &VerifyOptions::default()).unwrap()
}

/// Whether a finding at this path says this.
fn complains(report: &VerifyReport, path: &str, what: &str) -> bool {
    report.log.findings.iter().any(|f| f.path.starts_with(path) && f.what.contains(what))
}

fn all_views(reader: &Reader) -> Vec<u8> {
    let mut out = Vec::new();
    for trail in reader.trails() {
        let seqs: Vec<Seq> = (0..trail.size.0).map(Seq).collect();
        for record in reader.read(trail.info.no, &seqs).unwrap() {
            out.extend_from_slice(&record.view(trail.info.name.as_str()));
            out.push(b'\n');
        }
    }
    out
}

fn segments(storage: &dyn Storage) -> Vec<Segment> {
    let manifest = Manifest::load(storage).unwrap();
    let open = |s: &indelible_log::manifest::ManifestSegment| {
        Segment::open(storage.map(&s.parquet()).unwrap(), storage.map(&s.row_table()).unwrap())
            .unwrap()
    };
    manifest.segments.iter().map(open).collect()
}

fn records(segment: &Segment) -> Vec<KeptRecord> {
    let batches = segment.scan(0..segment.len()).unwrap().map(Result::unwrap);
    batches
        .flat_map(|b| {
            (0..b.len()).map(|i| KeptRecord::copy(&b.record(i).unwrap())).collect::<Vec<_>>()
        })
        .collect()
}

// ---- reading -------------------------------------------------------------------------------------

#[test]
fn a_reader_sees_exactly_the_records_that_were_written() {
    let copy = copy();
    let reader = Reader::open(copy.storage.clone()).unwrap();
    let (found, expected) = (all_views(&reader), golden("records.ndjson"));
    for (line, (found, expected)) in
        found.split(|b| *b == b'\n').zip(expected.split(|b| *b == b'\n')).enumerate()
    {
        assert_eq!(
            String::from_utf8_lossy(found),
            String::from_utf8_lossy(expected),
            "line {}",
            line + 1
        );
    }
    assert_eq!(found.len(), expected.len());
}

/// The directory must keep covering what it was made for, or the other tests say less than they seem to.
#[test]
fn the_directory_holds_every_form_of_the_format() {
    let copy = copy();
    let storage = &*copy.storage;
    let manifest = Manifest::load(storage).unwrap();
    let names: Vec<&str> = manifest.trails.iter().map(|t| t.name.as_str()).collect();
    assert_eq!(names, ["_system", "acme", "ticks"]);
    let segments = segments(storage);
    let classes: std::collections::BTreeSet<&str> =
        segments.iter().map(|s| s.meta().class.as_str()).collect();
    assert_eq!(classes.into_iter().collect::<Vec<_>>(), ["standard", "system"]);
    assert!(segments.iter().any(|s| matches!(s.meta().state, SegmentState::Stub { .. })));
    let sealed: Vec<KeptRecord> = segments
        .iter()
        .filter(|s| s.meta().state == SegmentState::Full)
        .flat_map(records)
        .collect();
    let is_erased =
        |r: &&KeptRecord| r.as_ref().parts.iter().any(|p| matches!(p, PartRef::Gone(_)));
    let keeps_a_salt =
        |r: &KeptRecord| matches!(r.salts, Salts::Parts(salts) if salts != [None; 3]);
    assert_eq!(sealed.iter().filter(is_erased).count(), 4);
    assert!(sealed.iter().filter(is_erased).any(keeps_a_salt));
    for action in [ERASED, CHECKPOINT_RECORDED] {
        assert!(sealed.iter().any(|r| r.entry().action == action), "{action}");
    }
    let level_1 =
        indelible_log::trail::level_path(indelible_log::trail::TrailId(manifest.trails[2].id), 1);
    assert_eq!(storage.map(&level_1).unwrap().len(), 32);

    let first = Pos(manifest.sealed_pos);
    let active = storage.map(&indelible_log::active::path(first)).unwrap();
    let one = frame::group_at(&active, frame::FILE_HEADER_LEN).unwrap();
    let two = frame::group_at(&active, one.end() as usize).unwrap();
    assert_eq!((two.header.durable, two.end()), (one.end(), active.len() as u64));
    let told: Vec<_> = two.records().map(|r| r.unwrap().record.entry.action.to_owned()).collect();
    assert_eq!(told, [EXPIRED]);
    let mark = storage.map(&indelible_log::active::mark_path(first)).unwrap();
    assert_eq!(frame::decode_mark(&mark, first), Some(active.len() as u64));
}

#[test]
fn verification_holds_and_names_the_expired_policy() {
    let report = verified(&copy().storage);
    assert_eq!(report.log.findings, []);
    // Three latest checkpoints, and three recorded ones.
    assert_eq!(report.signatures, 6);
    let expired: Vec<&String> =
        report.log.notes.iter().filter(|n| n.contains("expired by policy #1")).collect();
    assert_eq!(expired.len(), 1, "{:?}", report.log.notes);
}

#[test]
fn a_missing_reason_is_an_alarm() {
    let no_companion = copy();
    let companion = erasure::path(id(ERASURE));
    no_companion.storage.remove(&companion).unwrap();
    let report = verified(&no_companion.storage);
    assert!(
        complains(&report, &companion, "companion file cannot be read"),
        "{:?}",
        report.log.findings
    );
    assert!(complains(&report, "segments/", "no erasure was recorded"));

    let other_companion = copy();
    let seqs = Seqs::from_ascending([6, 9, 13]).encode();
    replace_durably(&*other_companion.storage, &companion, &seqs).unwrap();
    assert!(complains(
        &verified(&other_companion.storage),
        &companion,
        "not the one that was recorded"
    ));

    // The expiry event is the last group of the active file: without it the stub has no reason.
    let no_expiry = copy();
    let storage = &*no_expiry.storage;
    let first = Pos(Manifest::load(storage).unwrap().sealed_pos);
    let path = indelible_log::active::path(first);
    let active = storage.map(&path).unwrap();
    let end = frame::group_at(&active, frame::FILE_HEADER_LEN).unwrap().end();
    replace_durably(storage, &path, &active[..end as usize]).unwrap();
    let mark = frame::encode_mark(first, end);
    replace_durably(storage, &indelible_log::active::mark_path(first), &mark).unwrap();
    let report = verified(&no_expiry.storage);
    assert!(
        complains(&report, "segments/", "no event in _system says so"),
        "{:?}",
        report.log.findings
    );
}

#[test]
fn proofs_come_out_byte_for_byte_and_verify_from_the_key_alone() {
    let copy = copy();
    let reader = Reader::open(copy.storage.clone()).unwrap();
    let acme = reader.trail(&name("acme")).unwrap();
    let vkey_text = String::from_utf8(golden("acme.vkey")).unwrap();
    let vkey: Vkey = vkey_text.trim_end().parse().unwrap();
    assert_eq!(format!("{}\n", reader.vkey(&acme).unwrap()), vkey_text);
    assert_eq!(reader.checkpoint(&acme).unwrap().0.as_bytes(), golden("acme.checkpoint"));
    for (file, seq, redact) in [
        ("shown", 4, &[][..]),
        ("withheld", 4, &[Part::Who]),
        ("erased", 9, &[]),
        ("expired", 0, &[]),
    ] {
        let bytes = golden(&format!("{file}.proof"));
        let proven = verify_proof(&bytes, &vkey).unwrap();
        assert_eq!(proven.index, seq, "{file}");
        let shown = |part: &DisclosedPart| matches!(part, DisclosedPart::Shown { .. });
        assert_eq!(proven.disclosure.parts.iter().all(shown), file == "shown");
        assert_eq!(reader.prove(&acme, Seq(seq), redact).unwrap().as_bytes(), bytes, "{file}");
    }
    let bytes = golden("consistency.proof");
    assert_eq!(verify_consistency_proof(&bytes, &vkey).unwrap().old_size, TreeSize(4));
    assert_eq!(reader.prove_consistency(&acme, TreeSize(4), None).unwrap().as_bytes(), bytes);
}

// ---- writing on ----------------------------------------------------------------------------------

#[test]
fn a_writer_opens_it_and_writes_on() {
    let copy = copy();
    let clock = Arc::new(ManualClock::at(LATER));
    let seams = Seams { storage: copy.storage.clone(), clock, entropy: Arc::new(SystemEntropy) };
    let open = || {
        let options = OpenOptions { background: false, ..OpenOptions::default() };
        Store::open(seams.clone(), options).unwrap()
    };
    let store = open();
    assert_eq!(store.recovery(), &indelible_log::Recovery::default());
    let event = |json: &[u8]| check(json).unwrap();
    let fresh = event(br#"{"action":"written.on","user_id":"later"}"#);
    // An event that the directory has already, in a segment: the first receipt again.
    let known = event(br#"{"id":"0190b1a0-0000-7000-8000-000000000002","action":"pin.set","phase":"intent","category":"pin_operation","outcome":"pending"}"#);
    let other = event(br#"{"id":"0190b1a0-0000-7000-8000-000000000002","action":"pin.unset"}"#);
    let recorded_by = Some("key:2026-11.A_b".into());
    let items = [fresh.clone(), known, other].map(|event| Item {
        trail: name("acme"),
        event,
        recorded_by: recorded_by.clone(),
    });
    let appended: Vec<_> = store.append(&items).into_iter().map(Result::unwrap).collect();
    assert!(
        matches!(&appended[0], Appended::Kept(r) if !r.known && r.recorded_at == Micros(LATER))
    );
    assert!(
        matches!(&appended[1], Appended::Kept(r) if r.known && r.seq == Seq(11)),
        "{:?}",
        appended[1]
    );
    assert!(
        matches!(&appended[2], Appended::Conflict { seq: Seq(11), field: "action", .. }),
        "{:?}",
        appended[2]
    );
    let first = Item { trail: name("brand-new"), event: fresh, recorded_by: None };
    store.append(&[first])[0].as_ref().unwrap();
    store.log().seal().unwrap();
    store.close().unwrap();
    open().close().unwrap();

    let report = verified(&copy.storage);
    assert_eq!(report.log.findings, []);
    let reader = Reader::open(copy.storage.clone()).unwrap();
    let found = String::from_utf8(all_views(&reader)).unwrap();
    let expected = String::from_utf8(golden("records.ndjson")).unwrap();
    assert!(
        expected.lines().all(|line| found.lines().any(|l| l == line)),
        "what was there is there still"
    );
    assert_eq!(
        found.lines().count(),
        expected.lines().count() + 6,
        "two events, the making of a trail, and the checkpoints of the trails that grew since the last hour"
    );
}

// ---- today's encoders ----------------------------------------------------------------------------

/// Sixteen bytes and the like.
fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    hex::decode(value.as_str().unwrap()).unwrap()
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn parts_of(vector: &Value) -> [Option<&str>; 3] {
    Part::ALL.map(|part| text(&vector["parts"][part.name()]))
}

#[test]
fn the_same_event_still_gives_the_same_entry_and_disclosure() {
    for vector in golden_json("entries.json").as_array().unwrap() {
        let case = text(&vector["name"]).unwrap();
        let received = text(&vector["received"]).unwrap();
        let event =
            check_with_subject(received.as_bytes(), text(&vector["credential_subject"])).unwrap();
        let golden_entry = text(&vector["entry"]).unwrap();
        let decoded = Entry::decode(golden_entry.as_bytes()).unwrap();
        let event_salt = bytes(&vector["event_salt"]);
        let (mut commitments, mut shown) = ([None; 3], [const { DisclosedPart::Absent }; 3]);
        for part in Part::ALL {
            let kept = event.parts.get(part);
            let expected = parts_of(vector)[part as usize];
            assert_eq!(kept.map(String::from_utf8_lossy).as_deref(), expected, "{case}");
            let Some(kept) = kept else { continue };
            let salt = seal::part_salt(&event_salt, part);
            assert_eq!(salt, bytes(&vector["part_salts"][part.name()]), "{case}");
            let commitment = seal::commitment(part, &salt, kept);
            assert_eq!(commitment, bytes(&vector["commitments"][part.name()]), "{case}");
            commitments[part as usize] = Some(commitment);
            shown[part as usize] = DisclosedPart::Shown { salt, bytes: kept.to_vec() };
        }
        let entry = Entry {
            id: event.id.unwrap_or(decoded.id),
            recorded_at: decoded.recorded_at,
            occurred_at: event.occurred_at,
            action: &event.action,
            category: event.category.as_deref(),
            outcome: event.outcome,
            phase: event.phase,
            reference: event.reference,
            source: event.source,
            recorded_by: decoded.recorded_by,
            parts_hash: seal::parts_hash(&commitments),
        };
        let mut encoded = Vec::new();
        entry.encode(&mut encoded);
        assert_eq!(String::from_utf8_lossy(&encoded), golden_entry, "{case}");
        assert_eq!(leaf_hash(&encoded).0, bytes(&vector["leaf"]), "{case}");

        let mut disclosure = Disclosure { entry: encoded, parts: shown };
        let encoded = |d: &Disclosure| String::from_utf8(d.encode()).unwrap();
        assert_eq!(encoded(&disclosure), text(&vector["disclosure"]).unwrap(), "{case}");
        assert_eq!(Disclosure::decode(&disclosure.encode()).unwrap(), disclosure, "{case}");
        if let Some(commitment) = commitments[Part::Who as usize] {
            disclosure.parts[Part::Who as usize] = DisclosedPart::Withheld { commitment };
        }
        assert_eq!(
            encoded(&disclosure),
            text(&vector["disclosure_who_withheld"]).unwrap(),
            "{case}"
        );
        disclosure.verify().unwrap();
    }
}

#[test]
fn the_same_records_still_give_the_same_active_file() {
    let (entries, file) = (golden_json("entries.json"), golden_json("group.json"));
    let header = &file["file_header"];
    let first_pos = Pos(header["first_pos"].as_u64().unwrap());
    let file_header = FileHeader { log_id: bytes(&header["log_id"]), first_pos };
    assert_eq!(hex::encode(&file_header.encode()), text(&header["hex"]).unwrap());

    let mut payload = Vec::new();
    let group = &file["group"];
    let list = group["records"].as_array().unwrap();
    for (place, vector) in list.iter().zip(entries.as_array().unwrap()) {
        assert_eq!(place["entry"], vector["name"]);
        let at = payload.len();
        let trail = TrailNo(place["trail"].as_u64().unwrap() as u32);
        let entry = text(&vector["entry"]).unwrap().as_bytes();
        let parts = parts_of(vector).map(|part| part.map(str::as_bytes));
        frame::encode_record(&mut payload, trail, &bytes(&vector["event_salt"]), entry, parts);
        frame::set_seq(&mut payload[at..], Seq(place["seq"].as_u64().unwrap()));
    }
    let header = GroupHeader {
        payload_len: payload.len() as u32,
        count: list.len() as u32,
        first_pos,
        durable: group["durable"].as_u64().unwrap(),
        payload_crc: crc32c::crc32c(&payload),
    };
    let encoded = [&header.encode()[..], &payload].concat();
    assert_eq!(hex::encode(&encoded), text(&group["hex"]).unwrap());
    let whole = [&file_header.encode()[..], &encoded].concat();
    let read = frame::group_at(&whole, frame::FILE_HEADER_LEN).unwrap();
    for (record, (place, vector)) in
        read.records().zip(list.iter().zip(entries.as_array().unwrap()))
    {
        let record = record.unwrap().record;
        let seq = Seq(place["seq"].as_u64().unwrap());
        assert_eq!((Some(record.pos.0), record.seq), (place["pos"].as_u64(), seq));
        assert_eq!(record.parts_hash(), Some(bytes(&vector["parts_hash"])));
        assert_eq!(record.parts_hash(), Some(record.entry.parts_hash));
    }
    let word = &file["side_word"];
    let mark = frame::encode_mark(first_pos, word["durable"].as_u64().unwrap());
    assert_eq!(hex::encode(&mark), text(&word["hex"]).unwrap());
}

#[test]
fn small_files_are_still_written_as_they_were() {
    let copy = copy();
    let storage = &*copy.storage;
    let before = storage.map(indelible_log::manifest::PATH).unwrap();
    Manifest::load(storage).unwrap().store(storage).unwrap();
    assert_eq!(storage.map(indelible_log::manifest::PATH).unwrap(), before);

    let one_line = |path: &str, json: String| {
        let text = format!("{json}\ncrc32c {:08x}\n", crc32c::crc32c(json.as_bytes()));
        assert_eq!(text.as_bytes(), storage.map(path).unwrap(), "{path}");
    };
    let guard = Guard::load(storage).unwrap().unwrap();
    one_line(GUARD, serde_json::to_string(&guard).unwrap());
    one_line(NODE, serde_json::to_string(&Node::load(storage).unwrap()).unwrap());

    let companion = storage.map(&erasure::path(id(ERASURE))).unwrap();
    assert_eq!(Seqs::from_ascending([6, 9, 13, 14]).encode(), companion);
    assert_eq!(&companion[..], b"indelible/seqs@v1\n6\n9\n13-14\n");
}

/// A page that says something else than the code does is worse than none.
#[test]
fn the_format_page_names_the_constants_of_the_code() {
    use indelible_event::limits::*;
    use indelible_log::limits::*;
    let page = include_str!("../../../docs/format.md");
    let says = |text: String| assert!(page.contains(&text), "docs/format.md does not say {text:?}");
    let grouped = |n: usize| format!("{},{:03}", n / 1000, n % 1000);
    let at = indelible_event::ENTRY_RECORDED_AT;
    says(format!("`recorded_at` always stands at bytes {} to {}.", at.start, at.end - 1));
    says(format!("Compact JSON, at most {} bytes", grouped(ENTRY_BYTES_MAX)));
    says(format!("`, at most {ACTION_BYTES_MAX} bytes"));
    says(format!("`, at most {CATEGORY_BYTES_MAX} bytes"));
    says(format!("`[A-Za-z0-9._:-]{{1,{RECORDED_BY_BYTES_MAX}}}`"));
    says(format!("| file header, {} bytes |", frame::FILE_HEADER_LEN));
    says(format!("| group header, {} bytes |", frame::GROUP_HEADER_LEN));
    says(format!("| {} | | the entry, then", frame::RECORD_HEADER_LEN));
    says(format!("| side word (`.mark`), {} bytes |", frame::MARK_LEN));
    says(format!("at most {} MiB + {} KiB", GROUP_BYTES_MAX >> 20, RECORD_BYTES_MAX >> 10));
    says(format!("length of the whole record, at most {} KiB", RECORD_BYTES_MAX >> 10));
    says(format!(
        "A proof is at most {} MiB long",
        indelible_merkle::limits::PROOF_BYTES_MAX >> 20
    ));
    says(format!("zero to {} lines", indelible_merkle::limits::PROOF_HASHES_MAX));
    says(format!("{} bytes each and nothing else", indelible_merkle::Hash::BYTES));
    for action in [
        NODE_CREATED,
        indelible_log::TRAIL_CREATE,
        CHECKPOINT_RECORDED,
        ROLLBACK_ACCEPTED,
        ERASED,
        EXPIRED,
        erasure::PRUNED,
        indelible_log::policy::SET,
    ] {
        says(format!("| `{action}` |"));
    }
    let paths = [indelible_log::LOCK, indelible_log::manifest::PATH, NODE, KEY, GUARD];
    paths.iter().for_each(|path| says(format!("`{path}`")));
    let dirs = [
        indelible_log::active::DIR,
        indelible_log::manifest::SEGMENTS,
        indelible_log::trail::DIR,
        erasure::DIR,
    ];
    dirs.iter().for_each(|dir| says(format!("| `{dir}/<")));
}

/// The Parquet library and zstd may well compress otherwise one day, so a segment's own bytes are not
/// compared; but its row table is ours, and must be what `docs/format.md` says for whatever file it
/// belongs to, then and now.
#[test]
fn row_tables_are_still_written_as_the_format_says() {
    let copy = copy();
    let storage = &*copy.storage;
    for (entry, segment) in Manifest::load(storage).unwrap().segments.iter().zip(segments(storage))
    {
        let records = records(&segment);
        let parquet = storage.map(&entry.parquet()).unwrap();
        let table = storage.map(&entry.row_table()).unwrap();
        assert_eq!(row_table(&parquet, &records, &table), table, "{}", entry.name);

        let meta = segment.meta();
        let header = SegmentHeader {
            class: meta.class.clone(),
            policy: meta.policy,
            day: meta.day,
            state: meta.state,
            trails: meta.trails.iter().map(|span| span.trail.clone()).collect(),
        };
        let mut writer = SegmentWriter::new(Vec::new(), header).unwrap();
        for record in &records {
            writer.push(&record.as_ref()).unwrap();
        }
        let today = writer.finish().unwrap();
        assert_eq!(&today.meta, meta, "{}", entry.name);
        let expected = row_table(&today.out, &records, &today.row_table);
        assert_eq!(today.row_table, expected, "{}", entry.name);
    }
}

/// A row table made from its description alone. Only where the page indexes begin is taken from the
/// table itself: that is Parquet's to say.
fn row_table(parquet: &[u8], records: &[KeptRecord], given: &[u8]) -> Vec<u8> {
    let u64_at = |at: usize| u64::from_le_bytes(given[at..at + 8].try_into().unwrap());
    let index_start = u64_at(72) as usize;
    let footer_len =
        u32::from_le_bytes(parquet[parquet.len() - 8..][..4].try_into().unwrap()) as usize + 8;
    let footer_start = parquet.len() - footer_len;
    let digest = sha256(parquet);

    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let seed = |i: usize| u64::from_le_bytes(digest[8 * i..8 * i + 8].try_into().unwrap());
    let hash = |record: &KeptRecord| {
        let id = record.entry().id.0;
        let half = |at: usize| u64::from_le_bytes(id[at..at + 8].try_into().unwrap());
        let first = fold(half(0) ^ seed(0), half(8) ^ seed(1));
        fold(first ^ seed(2), u64::from(record.trail.0) ^ seed(3))
    };
    let bucket_count = records.len().div_ceil(64).max(1);
    let mut slots: Vec<(u64, u32, u32)> = (0u32..)
        .zip(records)
        .map(|(row, record)| {
            let hash = hash(record);
            (((hash >> 32) * bucket_count as u64) >> 32, hash as u32, row)
        })
        .collect();
    slots.sort_unstable();
    let (mut directory, mut entries) = (Vec::new(), Vec::new());
    let mut end = 0u32;
    for bucket in 0..bucket_count as u64 {
        let (start, from) = (end, entries.len());
        for (_, fingerprint, row) in slots.iter().filter(|slot| slot.0 == bucket) {
            entries.extend([*fingerprint, *row].map(u32::to_le_bytes).concat());
            end += 1;
        }
        let place = [bucket as u32, start, end].map(u32::to_le_bytes).concat();
        let crc = crc32c::crc32c(&[&place, &entries[from..]].concat());
        directory.extend([end, crc].map(u32::to_le_bytes).concat());
    }

    let mut numbers: Vec<TrailNo> = records.iter().map(|r| r.trail).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let (mut trails, mut bitmaps) = (Vec::new(), Vec::new());
    for no in &numbers {
        let of = || (0u32..).zip(records).filter(|(_, r)| r.trail == *no);
        let first_seq = of().next().unwrap().1.seq.0;
        let start = bitmaps.len();
        let mut lens = Vec::new();
        for numbers in [
            of().map(|(_, r)| (r.seq.0 - first_seq) as u32).collect::<Vec<u32>>(),
            of().map(|(row, _)| row).collect(),
        ] {
            let mut bitmap = roaring::RoaringBitmap::from_sorted_iter(numbers).unwrap();
            bitmap.optimize();
            let before = bitmaps.len();
            bitmap.serialize_into(&mut bitmaps).unwrap();
            lens.push((bitmaps.len() - before) as u32);
        }
        trails.extend([no.0, of().count() as u32].map(u32::to_le_bytes).concat());
        trails.extend([first_seq, start as u64].map(u64::to_le_bytes).concat());
        let crc = crc32c::crc32c(&bitmaps[start..]);
        trails.extend([lens[0], lens[1], crc, 0].map(u32::to_le_bytes).concat());
    }
    trails.extend(crc32c::crc32c(&trails).to_le_bytes());

    let len = 136 + directory.len() + entries.len() + trails.len() + bitmaps.len();
    let ids = || records.iter().map(|r| r.entry().id.0);
    let counts = [1, records.len() as u32, bucket_count as u32, numbers.len() as u32];
    let mut out = [&b"INDLROWS"[..], &counts.map(u32::to_le_bytes).concat()].concat();
    out.extend((len as u64).to_le_bytes());
    out.extend(digest);
    out.extend(
        [parquet.len(), index_start, footer_start].map(|n| (n as u64).to_le_bytes()).concat(),
    );
    let crcs = [&parquet[index_start..footer_start], &parquet[footer_start..]].map(crc32c::crc32c);
    out.extend(crcs.map(u32::to_le_bytes).concat());
    out.extend(ids().min().unwrap());
    out.extend(ids().max().unwrap());
    out.extend([0; 4]);
    out.extend(crc32c::crc32c(&out).to_le_bytes());
    [out, directory, entries, trails, bitmaps].concat()
}
