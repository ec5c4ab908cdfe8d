//! Every parser with mutations of good bytes: the checks of the fuzz targets, a few seconds' worth.

#[path = "../../../../fuzz/src/checks.rs"]
mod checks;

use std::panic::{AssertUnwindSafe, catch_unwind};

use indelible_event::{DisclosedPart, Disclosure, Entry, EventId, Micros, Part, check};
use indelible_index::{Doc, Index, Live};
use indelible_merkle::TlogProof;
use indelible_sim::{Rng, scale};

use crate::directory::{Directory, event};

/// Good inputs of a check.
fn seeds(directory: &Directory, name: &str) -> Vec<Vec<u8>> {
    let files = |end: &'static str| {
        directory
            .image
            .iter()
            .filter(move |(path, _)| path.ends_with(end))
            .map(|(_, bytes)| bytes.to_vec())
    };
    let flagged = |flags: u8, bytes: Vec<u8>| [vec![flags], bytes].concat();
    let log = || files(".log").last().unwrap();
    match name {
        "active" => (0..8).map(|flags| flagged(flags, log())).collect(),
        "consistency" => directory.growth().map(String::into_bytes).take(3).collect(),
        "disclosure" => directory
            .proofs()
            .map(|text| TlogProof::decode(text.as_bytes()).unwrap().extra.unwrap())
            .chain([withheld().encode()])
            .collect(),
        "entry" => directory.entries().collect(),
        "event" => (0..5).map(|n| event("default", n)).collect(),
        "frame" => (0..2).map(|flags| flagged(flags, log()[64..].to_vec())).collect(),
        "index" => (1..4).map(|n| frozen(n * 40)).collect(),
        "items" => vec![
            b"\x01[{\"a\": [1, \"]\\\"\"]}, 2,\n{}]".to_vec(),
            b"\x02{\"a\":1}\n\n{\"b\":\"\\\"\"}\r\nxyz".to_vec(),
        ],
        "manifest" => {
            (0..2).map(|flags| flagged(flags, files("MANIFEST").next().unwrap())).collect()
        }
        "note" => files("/checkpoint").chain([directory.vkey().into_bytes()]).collect(),
        "proof" => directory.proofs().map(String::into_bytes).collect(),
        "query" => [
            "actor:maria action:order.* -outcome:success created:2026-01-01..2026-01-31",
            "details.n:>=7 (\"left at\" OR ip:10.0.0.0/8) -note* /o-[0-9]+/",
            "name:\"Ada Example\" AND NOT has:changes occurred:-7d",
        ]
        .map(Into::into)
        .to_vec(),
        "rows" => (0..2)
            .map(|flags| flagged(flags, files(".rows").min_by_key(Vec::len).unwrap()))
            .collect(),
        "segment" => {
            let (table, parquet) =
                files(".rows").zip(files(".parquet")).min_by_key(|(_, file)| file.len()).unwrap();
            let len = (table.len() as u32).to_le_bytes().to_vec();
            (0..2)
                .map(|flags| flagged(flags, [len.clone(), table.clone(), parquet.clone()].concat()))
                .collect()
        }
        "tile_path" => ["tile/0/x001/x234/067.p/8", "tile/entries/x001/000", "tile/2/003"]
            .map(Into::into)
            .to_vec(),
        other => panic!("no seeds for {other}"),
    }
}

/// An index file of so many records.
fn frozen(count: u64) -> Vec<u8> {
    let mut live = Live::new(1);
    for n in 0..count {
        let json = format!(
            r#"{{"action":"order.cancel","user_id":"u{}","resource_type":"order","resource_id":"o-{n}","correlation_id":"corr-{}","metadata":{{"n":{n}}}}}"#,
            n % 7,
            n / 4
        );
        let event = check(json.as_bytes()).unwrap();
        let entry = Entry {
            id: EventId([n as u8; 16]),
            recorded_at: Micros(1_790_000_000_000_000 + n as i64),
            occurred_at: None,
            action: &event.action,
            category: None,
            outcome: event.outcome,
            phase: None,
            reference: None,
            source: None,
            recorded_by: None,
            parts_hash: [0; 32],
        };
        live.push(&Doc { pos: n, trail: 1, trail_name: "", entry, parts: event.parts.all() });
    }
    let mut bytes = Vec::new();
    live.freeze(&mut (0..live.rows()), &mut bytes).unwrap();
    bytes
}

fn withheld() -> Disclosure {
    let commitment = [5; 32];
    let parts = Part::ALL.map(|_| DisclosedPart::Withheld { commitment });
    Disclosure { entry: b"{}".to_vec(), parts }
}

/// Changes some bytes, or moves, doubles, drops or cuts a piece.
fn mutate(seed: &[u8], rng: &mut Rng) -> Vec<u8> {
    const NUMBERS: [u64; 8] =
        [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0xffff_ffff, i64::MAX as u64, u64::MAX];
    let mut bytes = seed.to_vec();
    for _ in 0..rng.below(1..4) {
        if bytes.len() < 2 {
            return bytes;
        }
        let at = rng.below(0..bytes.len() as u64) as usize;
        let len = rng.below(1..17).min((bytes.len() - at) as u64) as usize;
        match rng.below(0..7) {
            0 | 1 => bytes[at] ^= 1 << rng.below(0..8),
            2 => bytes[at] = rng.bits() as u8,
            3 => {
                let number = NUMBERS[rng.below(0..8) as usize].to_le_bytes();
                let len = len.min(if rng.chance(50) { 4 } else { 8 });
                bytes[at..at + len].copy_from_slice(&number[..len]);
            }
            4 => drop(bytes.drain(at..at + len)),
            5 => {
                let piece = bytes[at..at + len].to_vec();
                let to = rng.below(0..bytes.len() as u64) as usize;
                bytes.splice(to..to, piece);
            }
            _ => bytes.truncate(at),
        }
    }
    bytes
}

#[test]
fn parsers_end_well_whatever_they_are_given() {
    let seed = scale("INDELIBLE_SEED", 0x1de1);
    let rounds = scale("INDELIBLE_FLIPS", 10_000);
    let directory = Directory::build(seed);
    let mut wrong = Vec::new();
    for (name, check) in checks::ALL {
        let mut rng = Rng::new(seed);
        let seeds = seeds(&directory, name);
        for (number, good) in seeds.iter().enumerate() {
            check(good);
            for round in 0..rounds / seeds.len() as u64 {
                let bytes = mutate(good, &mut rng);
                if catch_unwind(AssertUnwindSafe(|| check(&bytes))).is_err() {
                    wrong.push(format!(
                        "{name}: seed {number}, round {round}: {}",
                        bytes.escape_ascii()
                    ));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of them panicked, such as\n{}", wrong.len(), wrong[0]);
}

/// Writes the seeds of the fuzz targets; run by hand when a format is added:
/// `cargo test -p indelible-store --test flips -- --ignored seeds`.
#[test]
#[ignore = "writes into the source tree"]
#[expect(clippy::disallowed_methods, reason = "it writes into the source tree, where no seam is")]
fn seeds_are_written() {
    let directory = Directory::build(1);
    for (name, _) in checks::ALL {
        let dir =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(name);
        std::fs::create_dir_all(&dir).unwrap();
        for (number, seed) in seeds(&directory, name).iter().enumerate() {
            std::fs::write(dir.join(format!("seed-{number}")), seed).unwrap();
        }
    }
}
