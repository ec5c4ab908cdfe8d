//! Damage: bits, bytes, lengths and whole files of a small directory are changed one at a time, and each
//! time every answer must be the undamaged one or an error, and verification must notice.
//!
//! `INDELIBLE_FLIPS` is the number of single bits, `INDELIBLE_SEED` where the random numbers start. A
//! failure names the case, which `INDELIBLE_CASE` runs alone.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[path = "flips/directory.rs"]
mod directory;
#[path = "flips/memory.rs"]
mod memory;
#[path = "flips/parsers.rs"]
mod parsers;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use directory::{Directory, Errors, TRAILS};
use indelible_log::storage::Storage;
use indelible_sim::{Rng, scale};
use indelible_store::{GUARD, KEY, NODE, OpenOptions, Reader, Store, VerifyOptions, verify};
use memory::Memory;

const MANIFEST: &str = indelible_log::manifest::PATH;

/// What is done to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Damage {
    /// One bit is inverted.
    Bit(u64),
    /// So many bytes at random places get random values.
    Bytes(u64),
    /// The file ends here.
    Cut(u64),
    /// The file is gone.
    Gone,
}

/// Damage that verification need not report, with the reason why it does no harm. Everything that is not
/// here must be reported.
fn may_be_silent(path: &str, damage: Damage, len: u64) -> Option<&'static str> {
    match damage {
        _ if path == indelible_log::LOCK => Some("it is empty; only the lock on it means anything"),
        _ if path.ends_with(".mark") => {
            Some("a side word that is not whole says nothing, and the log is whole")
        }
        Damage::Cut(at) if path == KEY && at + 1 == len => Some("the line end after the key"),
        Damage::Gone if path == KEY => Some("who verifies a copy need not have the secret"),
        Damage::Gone if path.ends_with("/checkpoint") => {
            Some("the guard has its size and root; it is signed again")
        }
        _ => None,
    }
}

/// What came of a case.
#[derive(Default)]
struct Outcome {
    /// Answers that were refused.
    refused: u64,
    /// Whether verification reported something.
    reported: bool,
    /// What must not be.
    wrong: Vec<String>,
}

/// One damage on one file, and everything that is asked then.
fn run(directory: &Directory, path: &str, damage: Damage, rng: &mut Rng) -> Outcome {
    let whole = &directory.image[path];
    let Some(bytes) = damaged(whole, damage, rng) else { return Outcome::default() };
    let storage: Arc<dyn Storage> =
        Arc::new(Memory::with(&directory.image, path, bytes.clone(), false));
    let may_be_absent = damage == Damage::Gone && path.ends_with("/checkpoint");
    let mut errors = Errors { may_be_absent, ..Errors::default() };
    match Reader::open(storage.clone()) {
        Ok(reader) => directory.ask(&reader, path, rng, &mut errors),
        Err(_) => errors.refused += 1,
    }
    let report = verify(&storage, &VerifyOptions { threads: 1, ..VerifyOptions::default() });
    let reported = report.map_or(true, |report| !report.holds());
    let mut outcome = Outcome { refused: errors.refused, reported, wrong: errors.wrong };
    if !reported && may_be_silent(path, damage, whole.len() as u64).is_none() {
        outcome
            .wrong
            .push(format!("verification says nothing ({} answers were refused)", errors.refused));
    }
    if rng.chance(1) || damage == Damage::Gone {
        let storage = Arc::new(Memory::with(&directory.image, path, bytes, true));
        write(directory, storage, errors.refused > 0, &mut outcome);
    }
    outcome
}

/// The file's bytes afterwards, `Some(None)` where it is gone, `None` where nothing would change.
fn damaged(whole: &Bytes, damage: Damage, rng: &mut Rng) -> Option<Option<Bytes>> {
    let mut bytes = whole.to_vec();
    match damage {
        Damage::Bit(at) => bytes[at as usize / 8] ^= 1 << (at % 8),
        Damage::Bytes(count) => {
            for _ in 0..count {
                let at = rng.below(0..bytes.len() as u64) as usize;
                bytes[at] = rng.bits() as u8;
            }
        }
        Damage::Cut(at) => bytes.truncate(at as usize),
        Damage::Gone => return Some(None),
    }
    (bytes != **whole).then(|| Some(Bytes::from(bytes)))
}

/// A writer opens the damaged directory: it refuses, or goes on and loses nothing.
fn write(directory: &Directory, storage: Arc<Memory>, unreadable: bool, outcome: &mut Outcome) {
    let seams = directory.seams(storage);
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    let Ok(store) = Store::open(seams.clone(), options) else { return };
    let mut errors = Errors::default();
    if store.recovery().torn_bytes > 0 {
        errors
            .wrong
            .push(format!("the writer cut off what was acknowledged: {:?}", store.recovery()));
    }
    directory.append_again(&store, &mut errors);
    // Sealing and signing may refuse, but what was there must stay.
    let _ = store.log().seal();
    let _ = store.close();
    match Reader::open(seams.storage.clone()) {
        Ok(reader) => directory.read_all(&reader, &mut errors),
        Err(e) => errors.wrong.push(format!("it could be written to, and cannot be read now: {e}")),
    }
    if errors.refused > 0 && !unreadable {
        errors.wrong.push("what was readable before a writer had it is not any more".into());
    }
    outcome.wrong.extend(errors.wrong.into_iter().map(|wrong| format!("writer: {wrong}")));
}

/// Runs cases on two threads and fails with all that was wrong.
fn run_all(name: &str, count: u64, case: impl Fn(&Directory, &mut Rng) -> (String, Damage) + Sync) {
    let seed = scale("INDELIBLE_SEED", 0x1de1);
    let only = std::env::var("INDELIBLE_CASE").ok().and_then(|text| text.parse::<u64>().ok());
    let directory = Directory::build(seed);
    let next = AtomicU64::new(0);
    let tally: Mutex<BTreeMap<String, [u64; 4]>> = Mutex::default();
    let wrong: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    if only.is_some_and(|only| only != number) {
                        continue;
                    }
                    let mut rng = Rng::new(seed ^ number.wrapping_mul(0x9e37_79b9));
                    let (path, damage) = case(&directory, &mut rng);
                    let outcome =
                        catch_unwind(AssertUnwindSafe(|| run(&directory, &path, damage, &mut rng)))
                            .unwrap_or_else(|_| Outcome {
                                wrong: vec!["a panic".into()],
                                ..Outcome::default()
                            });
                    let mut tally = tally.lock().unwrap();
                    let row = tally.entry(kind(&path)).or_default();
                    row[0] += 1;
                    row[1] += u64::from(outcome.reported);
                    row[2] += u64::from(outcome.refused > 0);
                    row[3] += u64::from(!outcome.reported && outcome.refused == 0);
                    let mut wrong = wrong.lock().unwrap();
                    wrong.extend(
                        outcome
                            .wrong
                            .into_iter()
                            .map(|w| format!("case {number}: {damage:?} of {path}: {w}")),
                    );
                }
            });
        }
    });
    println!("{name}: {count} cases, seed {seed}");
    println!("{:<24} {:>7} {:>9} {:>8} {:>9}", "file", "cases", "reported", "refused", "harmless");
    for (kind, [cases, reported, refused, harmless]) in tally.into_inner().unwrap() {
        println!("{kind:<24} {cases:>7} {reported:>9} {refused:>8} {harmless:>9}");
    }
    let wrong = wrong.into_inner().unwrap();
    assert!(
        wrong.is_empty(),
        "{} wrong, seed {seed}:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(40)].join("\n")
    );
}

/// A file's kind, for the table.
fn kind(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap();
    match name.rsplit_once('.') {
        Some((_, end @ ("log" | "mark" | "parquet" | "rows"))) => format!("*.{end}"),
        _ => name.to_owned(),
    }
}

/// Half the time any file with the same chance, so that small ones get their share, half the time any
/// byte with the same chance, so that large ones do.
fn some_file(directory: &Directory, rng: &mut Rng) -> (String, u64) {
    let files: Vec<_> = directory.image.iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
    let total: u64 = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
    let mut at = rng.below(0..total);
    let by_file = rng.below(0..files.len() as u64) as usize;
    let by_byte = files.iter().position(|(_, bytes)| {
        let here = at < bytes.len() as u64;
        at = at.saturating_sub(bytes.len() as u64);
        here
    });
    let (path, bytes) = if rng.chance(50) { files[by_file] } else { files[by_byte.unwrap()] };
    (path.clone(), bytes.len() as u64)
}

#[test]
fn a_flipped_bit_is_reported_or_harmless_and_never_gives_a_wrong_answer() {
    run_all("bits", scale("INDELIBLE_FLIPS", 10_000), |directory, rng| {
        let (path, len) = some_file(directory, rng);
        let bit = rng.below(0..len * 8);
        (path, Damage::Bit(bit))
    });
}

#[test]
fn changed_bytes_are_reported_or_harmless_and_never_give_a_wrong_answer() {
    run_all("bytes", scale("INDELIBLE_FLIPS", 10_000) / 20, |directory, rng| {
        let (path, _) = some_file(directory, rng);
        (path, Damage::Bytes(rng.below(2..9)))
    });
}

#[test]
fn a_cut_file_is_reported_or_harmless_and_never_gives_a_wrong_answer() {
    run_all("cuts", scale("INDELIBLE_FLIPS", 10_000) / 20, |directory, rng| {
        let (path, len) = some_file(directory, rng);
        // Near the ends there is more to get wrong than in the middle.
        let at = match rng.below(0..4) {
            0 => rng.below(0..len.min(8)),
            1 => len - 1 - rng.below(0..len.min(8)),
            _ => rng.below(0..len),
        };
        (path, Damage::Cut(at))
    });
}

#[test]
fn a_file_that_is_gone_is_reported_or_harmless_and_never_gives_a_wrong_answer() {
    let next = AtomicU64::new(0);
    let count = Directory::build(scale("INDELIBLE_SEED", 0x1de1)).image.len() as u64;
    run_all("gone", count, |directory, _| {
        let number = next.fetch_add(1, Ordering::Relaxed) as usize;
        (directory.image.keys().nth(number).unwrap().clone(), Damage::Gone)
    });
}

#[test]
fn the_directory_has_every_kind_of_file_and_verifies() {
    let directory = Directory::build(1);
    let storage: Arc<dyn Storage> = Arc::new(Memory::with(&directory.image, "", None, false));
    let report = verify(&storage, &VerifyOptions::default()).unwrap();
    assert_eq!(report.log.findings, []);
    assert!(report.signatures as usize > TRAILS.len(), "some checkpoints are recorded");
    let count = |end: &str| directory.image.keys().filter(|path| path.ends_with(end)).count();
    for name in [MANIFEST, NODE, KEY, GUARD, indelible_log::LOCK] {
        assert_eq!(count(name), 1, "{name}");
    }
    assert!(count(".parquet") >= 3 && count(".parquet") == count(".rows"));
    assert!(count("/level-0") >= 3 && count("/level-1") == 1);
    assert_eq!((count(".log"), count(".mark"), count("/checkpoint")), (2, 2, TRAILS.len() + 1));
}
