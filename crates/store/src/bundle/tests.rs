//! Bundles that hold, and what becomes of those that were altered.

use std::io::{Cursor, Read as _, Write as _};
use std::process::Command;

use indelible_event::{Part, TrailName, check};
use indelible_log::Seams;
use indelible_log::record::{Seq, TrailNo};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use super::*;
use crate::{InitOptions, Item, OpenOptions, Store, StoreError};

/// What a hostile caller puts into every text.
const NASTY: &str = "a\"\\\n\r\u{2028}\u{7f}\u{0}</script>=cmd|' /C calc'!A0,\u{10ffff}ü";

struct Made {
    _dir: tempfile::TempDir,
    zip: Vec<u8>,
    sum: [u8; 32],
    vkeys: Vec<indelible_merkle::Vkey>,
}

/// A bundle of so many records of one trail, the newest first, and two of another.
fn make(count: u64, redact: &[Part]) -> Made {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    let store = Store::open(seams, options).unwrap();
    let item = |trail: &str, event: Value| Item {
        trail: TrailName::parse(trail).unwrap(),
        event: check(event.to_string().as_bytes()).unwrap(),
        recorded_by: Some("test".into()),
    };
    let full = |n: u64| json!({"action": "a.b", "user_id": NASTY, "ip_address": "192.0.2.1", "metadata": {"n": n, NASTY.replace('\0', ""): 1.50}});
    let mut items: Vec<Item> = (0..count).map(|n| item("shop", full(n))).collect();
    items.push(item("bank", json!({"action": "no.parts"})));
    items.push(item("bank", full(count)));
    assert!(store.append(&items).iter().all(Result::is_ok));
    store.publish().unwrap();
    let reader = store.reader();
    // Not published any more, and not asked for.
    store.append(&[item("bank", full(count))]);
    let trails = reader.trails();
    let vkeys = [1, 2].map(|at| reader.vkey(&trails[at]).unwrap()).to_vec();
    let mut places: Vec<_> = (0..count).rev().map(|n| (TrailNo(1), Seq(n))).collect();
    places.insert(3, (TrailNo(2), Seq(0)));
    places.push((TrailNo(2), Seq(1)));
    let mut out = Vec::new();
    let mut bundle = Bundle::new(reader, &mut out, about(), places, redact.to_vec()).unwrap();
    let mut done = 0;
    while let Some(events) = bundle.step(reader).unwrap() {
        assert!(events >= done);
        done = events;
    }
    assert_eq!(done, count + 2);
    let sum = bundle.finish(reader).unwrap();
    let later = Bundle::new(reader, Vec::new(), about(), vec![(TrailNo(2), Seq(2))], Vec::new());
    assert!(
        matches!(later.err(), Some(StoreError::NotFound(why)) if why.contains("not published"))
    );
    Made { _dir: dir, zip: out, sum, vkeys }
}

fn about() -> BundleAbout {
    BundleAbout {
        made_at: "2026-01-31T10:00:00.000000Z".into(),
        made_by: MadeBy { credential: "key:0123456789abcdef".into(), name: Some(NASTY.into()) },
        recorded_as: None,
        query: NASTY.into(),
        order: "desc".into(),
    }
}

type Files = Vec<(String, Vec<u8>)>;

fn unpack(zip: &[u8]) -> Files {
    let mut zip = ZipArchive::new(Cursor::new(zip)).unwrap();
    (0..zip.len())
        .map(|at| {
            let mut file = zip.by_index(at).unwrap();
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes).unwrap();
            (file.name().unwrap().into_owned(), bytes)
        })
        .collect()
}

fn pack(files: &[(String, Vec<u8>)]) -> Vec<u8> {
    let mut zip = ZipWriter::new_stream(Vec::new());
    for (name, bytes) in files {
        zip.start_file(name.as_str(), SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn at<'a>(files: &'a mut Files, name: &str) -> &'a mut Vec<u8> {
    &mut files.iter_mut().find(|(of, _)| of == name).unwrap().1
}

/// Lists that fit again, as somebody would make them who alters a bundle with care.
fn mend(files: &mut Files) {
    let listed = |files: &Files, without: &[&str]| -> Vec<(String, u64, String)> {
        let files = files.iter().filter(|(name, _)| !without.contains(&name.as_str()));
        let sum = |bytes: &[u8]| indelible_log::hex::encode(&Sha256::digest(bytes));
        files.map(|(name, bytes)| (name.clone(), bytes.len() as u64, sum(bytes))).collect()
    };
    let mut manifest: Manifest = serde_json::from_slice(at(files, MANIFEST)).unwrap();
    let all = listed(files, &[MANIFEST, SUMS]).into_iter();
    manifest.files = all.map(|(path, bytes, sha256)| BundledFile { path, bytes, sha256 }).collect();
    *at(files, MANIFEST) = serde_json::to_vec(&manifest).unwrap();
    let lines = listed(files, &[SUMS]).into_iter().map(|(path, _, sum)| format!("{sum}  {path}\n"));
    *at(files, SUMS) = lines.collect::<String>().into_bytes();
}

#[track_caller]
fn refused(files: &[(String, Vec<u8>)]) -> BundleRefused {
    verify_bundle(Cursor::new(pack(files)), &[]).expect_err("it was altered")
}

/// What our verifier in Python says: whether it holds, and its words. It is run from the bundle itself.
fn python(zip: &[u8], verifier: &[u8], without: &str, more: &[&str]) -> (bool, String) {
    let dir = tempfile::tempdir().unwrap();
    let (script, bundle) = (dir.path().join("verify.py"), dir.path().join("b.zip"));
    write(&script, verifier);
    write(&bundle, zip);
    let code = "import runpy, sys; sys.modules[sys.argv[1]] = None; sys.argv = sys.argv[2:]; \
                runpy.run_path(sys.argv[0], run_name='__main__')";
    let mut command = Command::new("python3");
    command.args(["-I", "-c", code, without]).arg(&script).arg(&bundle).args(more);
    let done = command.output().expect("python3 is there");
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    let status = done.status.code();
    assert!(
        matches!(status, Some(0 | 1)),
        "{status:?} {said} {}",
        String::from_utf8_lossy(&done.stderr)
    );
    (status == Some(0), said)
}

#[expect(clippy::disallowed_methods, reason = "a test's own files")]
fn write(path: &std::path::Path, bytes: &[u8]) {
    std::fs::write(path, bytes).unwrap();
}

#[test]
fn a_bundle_holds_for_us_and_for_strangers() {
    for redact in [&[][..], &[Part::Who, Part::Where], &Part::ALL] {
        let made = make(70, redact);
        let proven = verify_bundle(Cursor::new(&made.zip), &made.vkeys).unwrap();
        assert_eq!((proven.manifest_sha256, proven.pinned), (made.sum, true));
        assert_eq!((proven.manifest.events, proven.manifest.trails.len()), (72, 2));
        let mut files = unpack(&made.zip);
        let events = String::from_utf8(at(&mut files, EVENTS).clone()).unwrap();
        let lines: Vec<Value> = events.lines().map(|l| serde_json::from_str(l).unwrap()).collect();
        assert_eq!(
            (lines.len(), &lines[0]["seq"], &lines[3]["trail"]),
            (72, &json!(69), &json!("bank"))
        );
        for (part, member) in
            [(Part::Who, "actor"), (Part::Where, "context"), (Part::What, "details")]
        {
            assert_eq!(lines[0].get(member).is_none(), redact.contains(&part));
        }
        if redact.contains(&Part::Where) {
            let shows = files.iter().filter(|(_, bytes)| {
                let text = String::from_utf8_lossy(bytes);
                let extra = text.lines().find_map(|line| line.strip_prefix("extra "));
                let extra = extra.map(|extra| {
                    use base64::Engine as _;
                    base64::engine::general_purpose::STANDARD.decode(extra).unwrap()
                });
                String::from_utf8_lossy(extra.as_deref().unwrap_or(bytes)).contains("192.0.2.1")
            });
            assert_eq!(shows.count(), 0, "the address is withheld everywhere");
        }
        let verifier = at(&mut files, VERIFIER).clone();
        let keys: Vec<String> = made.vkeys.iter().map(ToString::to_string).collect();
        let pins = ["--vkey", &keys[0], "--vkey", &keys[1]];
        for (without, pins) in [("nothing", &pins[..]), ("cryptography", &[])] {
            let (holds, said) = python(&made.zip, &verifier, without, pins);
            assert!(holds && said.contains("It holds: 72 events of 2 trails"), "{said}");
        }
        let (holds, said) = python(&made.zip, &verifier, "nothing", &pins[..2]);
        assert!(!holds && said.contains("keys.txt"), "{said}");
    }
}

#[test]
fn another_key_than_the_one_given_is_refused() {
    let made = make(8, &[]);
    let refused = verify_bundle(Cursor::new(&made.zip), &made.vkeys[..1]).unwrap_err();
    assert_eq!(refused.file, KEYS);
}

#[test]
fn every_file_that_is_altered_is_named() {
    let made = make(8, &[Part::Who]);
    let files = unpack(&made.zip);
    let verifier = at(&mut files.clone(), VERIFIER).clone();
    for (turn, (name, _)) in files.iter().enumerate() {
        let mut altered = files.clone();
        let bytes = at(&mut altered, name);
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        let refused = refused(&altered);
        // A sum that is altered accuses its file, or names one that is not there.
        if name != SUMS {
            assert_eq!(&refused.file, name, "{refused}");
        }
        // All kinds of files, and some of the proofs: each start of an interpreter takes its time.
        if !name.starts_with(PROOFS) || turn % 4 == 0 {
            let (holds, said) = python(&pack(&altered), &verifier, "nothing", &[]);
            assert!(!holds && (name == SUMS || said.contains(name.as_str())), "{name}: {said}");
        }
        let mut missing = files.clone();
        missing.retain(|(of, _)| of != name);
        assert!(verify_bundle(Cursor::new(pack(&missing)), &[]).is_err(), "without {name}");
    }
    let mut more = files;
    more.push(("proofs/x.txt".into(), b"x".to_vec()));
    assert_eq!(refused(&more).file, "proofs/x.txt");
}

#[test]
fn what_is_altered_with_care_is_refused_by_its_proofs() {
    let made = make(8, &[Part::Who]);
    let files = unpack(&made.zip);
    let verifier = at(&mut files.clone(), VERIFIER).clone();
    let proof = files.iter().find(|(name, _)| name.starts_with(PROOFS)).unwrap().0.clone();
    let checkpoint =
        files.iter().find(|(name, _)| name.starts_with(CHECKPOINTS)).unwrap().0.clone();
    let change = |name: &str, from: &str, to: &str| {
        let mut altered = files.clone();
        let text = String::from_utf8(at(&mut altered, name).clone()).unwrap();
        assert!(text.contains(from), "{name} has {from}");
        *at(&mut altered, name) = text.replacen(from, to, 1).into_bytes();
        mend(&mut altered);
        altered
    };
    let manifest = String::from_utf8(at(&mut files.clone(), MANIFEST).clone()).unwrap();
    let manifest: Manifest = serde_json::from_str(&manifest).unwrap();
    let (root, other) = (&manifest.trails[0].root, &manifest.trails[1].root);
    for (altered, named) in [
        (change(EVENTS, "192.0.2.1", "192.0.2.9"), EVENTS),
        (change(EVENTS, "\"seq\":7", "\"seq\":6"), EVENTS),
        (change(EVENTS, "\"trail\":\"bank\"", "\"trail\":\"shop\""), EVENTS),
        (change(&proof, "index 7", "index 6"), &proof),
        (change(&proof, root, other), &proof),
        (change(&checkpoint, root, other), &checkpoint),
        (change(&checkpoint, "\n8\n", "\n9\n"), &checkpoint),
        (change(KEYS, "+A", "+B"), KEYS),
        (change(MANIFEST, "\"events\": 10", "\"events\": 9"), EVENTS),
        (change(MANIFEST, "\"size\": 8", "\"size\": 9"), MANIFEST),
        (change(MANIFEST, root, other), MANIFEST),
        // It shows what it says it withholds.
        (change(MANIFEST, "\"who\"", "\"where\""), &proof),
        (change(MANIFEST, "indelible/evidence@v1", "indelible/evidence@v2"), MANIFEST),
    ] {
        let refused = refused(&altered);
        assert_eq!(refused.file, named, "{refused}");
        if named != MANIFEST {
            let (holds, said) = python(&pack(&altered), &verifier, "nothing", &[]);
            assert!(!holds, "{named}: {said}");
        }
    }
    // One proof for two places.
    let mut swapped = files.clone();
    let second = files.iter().filter(|(name, _)| name.starts_with(PROOFS)).nth(1).unwrap();
    *at(&mut swapped, &proof) = second.1.clone();
    mend(&mut swapped);
    assert_eq!(refused(&swapped).file, proof);
    // A line twice, and one less of another.
    let mut twice = files.clone();
    let text = String::from_utf8(at(&mut twice, EVENTS).clone()).unwrap();
    let mut lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines[1] = lines[0];
    *at(&mut twice, EVENTS) = lines.concat().into_bytes();
    mend(&mut twice);
    assert_eq!(refused(&twice).file, EVENTS);
}

#[test]
fn what_holds_vouches_for_nothing_beside_it() {
    let made = make(8, &[]);
    let mut files = unpack(&made.zip);
    let verifier = at(&mut files, VERIFIER).clone();
    for name in ["summary.txt", "../verify.py", "checkpoints/x.txt"] {
        let mut more = files.clone();
        more.push((name.into(), b"Nothing was deleted.".to_vec()));
        mend(&mut more);
        assert_eq!(refused(&more).file, name);
        let (holds, said) = python(&pack(&more), &verifier, "nothing", &[]);
        assert!(!holds && said.contains(name), "{said}");
    }
}

#[test]
fn a_strangers_words_do_not_write_to_the_screen() {
    let made = make(8, &[]);
    let files = unpack(&made.zip);
    let verifier = at(&mut files.clone(), VERIFIER).clone();
    let word = "\u{1b}[2K\rIt holds: \u{202e}10 events.";
    let mut named = files.clone();
    named.push((format!("proofs/{word}"), b"x".to_vec()));
    let mut listed = named.clone();
    mend(&mut listed);
    // Listed with another sum than it has.
    let mut altered = listed.clone();
    at(&mut altered, &format!("proofs/{word}")).push(b'y');
    for files in [named, listed, altered] {
        refused(&files);
        let (holds, said) = python(&pack(&files), &verifier, "nothing", &[]);
        assert!(!holds && !said.contains(['\u{1b}', '\r', '\u{202e}']), "{said:?}");
    }
}

#[test]
fn an_event_has_one_place() {
    let made = make(8, &[]);
    let files = unpack(&made.zip);
    let verifier = at(&mut files.clone(), VERIFIER).clone();
    let first = files.iter().find(|(name, _)| name.starts_with(PROOFS) && name.ends_with("/0.txt"));
    let (path, proof) = first.unwrap();
    // The path to the first leaf is the same for every number below it.
    for seq in ["-1", "0.5", "-1.0", "false"] {
        let mut twice = files.clone();
        let events = at(&mut twice, EVENTS);
        let text = String::from_utf8(events.clone()).unwrap();
        let line = text.lines().find(|line| line.contains("\"trail\":\"shop\",\"seq\":0,"));
        let again = line.unwrap().replace("\"seq\":0,", &format!("\"seq\":{seq},"));
        events.extend_from_slice(format!("{again}\n").as_bytes());
        let proof = String::from_utf8(proof.clone()).unwrap();
        let proof = proof.replace("\nindex 0\n", &format!("\nindex {seq}\n"));
        let path = path.replace("/0.txt", &format!("/{seq}.txt"));
        twice.push((path, proof.into_bytes()));
        let manifest = at(&mut twice, MANIFEST);
        let text = String::from_utf8(manifest.clone()).unwrap();
        *manifest = text.replace("\"events\": 10", "\"events\": 11").into_bytes();
        mend(&mut twice);
        assert_eq!(refused(&twice).file, EVENTS);
        let (holds, said) = python(&pack(&twice), &verifier, "nothing", &[]);
        assert!(!holds, "{seq}: {said}");
    }
}

#[test]
fn whoever_reads_an_archive_from_the_front_sees_the_same() {
    let made = make(8, &[]);
    let verify = |zip: &[u8]| verify_bundle(Cursor::new(zip), &made.vkeys);
    assert!(verify(&made.zip).is_ok());
    // Another name at the file itself than in the list of files.
    let mut named = made.zip.clone();
    let at = (0..named.len()).find(|at| named[*at..].starts_with(README.as_bytes())).unwrap();
    named[at] = b'r';
    assert_eq!(verify(&named).unwrap_err().file, "the archive");
    // A file that no list has, in front of all others, whose places are moved or not.
    let other = pack(&[("README.txt".into(), b"Nothing was deleted.".to_vec())]);
    let end = other.len() - 22;
    let list = u32::from_le_bytes(other[end + 16..end + 20].try_into().unwrap()) as usize;
    let front = [&other[..list], &made.zip].concat();
    assert_eq!(verify(&front).unwrap_err().file, "the archive");
    // Between the files and their list.
    let end = made.zip.len() - 22;
    let start = u32::from_le_bytes(made.zip[end + 16..end + 20].try_into().unwrap()) as usize;
    let mut between = [&made.zip[..start], &other[..list], &made.zip[start..]].concat();
    let moved = ((start + list) as u32).to_le_bytes();
    let end = between.len() - 22;
    between[end + 16..end + 20].copy_from_slice(&moved);
    assert_eq!(verify(&between).unwrap_err().file, "the archive");
}

#[test]
fn what_is_no_bundle_is_refused_without_harm() {
    let made = make(8, &[]);
    for len in [0, 1, 21, 22, 100, made.zip.len() / 2, made.zip.len() - 1] {
        assert!(verify_bundle(Cursor::new(&made.zip[..len]), &[]).is_err(), "{len} bytes");
    }
    let mut state = 17u64;
    for _ in 0..200 {
        let mut zip = made.zip.clone();
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let at = (state >> 33) as usize % zip.len();
        zip[at] ^= 1 << (state % 8);
        // The archive has fields that nobody reads, such as times: what is read must be what was written.
        if let Ok(proven) = verify_bundle(Cursor::new(&zip), &made.vkeys) {
            assert_eq!(proven.manifest_sha256, made.sum, "byte {at}");
        }
    }
    // Two files of one name: which of them is meant?
    let files = unpack(&made.zip);
    let mut named = files.clone();
    named.push(("events.ndjsoX".into(), b"{}\n".to_vec()));
    let mut zip = pack(&named);
    let name = b"events.ndjsoX";
    let places: Vec<usize> =
        (0..zip.len() - name.len()).filter(|at| zip[*at..].starts_with(name)).collect();
    for at in places {
        zip[at..at + name.len()].copy_from_slice(EVENTS.as_bytes());
    }
    let refused = verify_bundle(Cursor::new(zip), &[]).unwrap_err();
    assert!(refused.why.contains("two files of one name"), "{refused}");
}
