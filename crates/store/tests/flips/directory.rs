//! A small directory with every kind of file in it, and all the questions it can be asked.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use indelible_event::{EventId, Part, TrailName, check};
use indelible_log::record::{KeptPart, KeptRecord, Pos, Salts, Seq};
use indelible_log::{Appended, Seams};
use indelible_merkle::TreeSize;
use indelible_sim::{ManualClock, Rng, SeededEntropy};
use indelible_store::{InitOptions, Item, OpenOptions, Reader, Store, StoreError};

use crate::memory::Memory;

/// The callers' trails.
pub const TRAILS: [&str; 3] = ["default", "tenant-a", "tenant-b"];

/// A directory's files, and what it answers undamaged.
pub struct Directory {
    pub image: BTreeMap<String, Bytes>,
    clock: Arc<ManualClock>,
    trails: Vec<Answers>,
}

/// What one trail answers.
struct Answers {
    name: TrailName,
    size: u64,
    checkpoint: String,
    records: Vec<KeptRecord>,
    /// By seq and what is withheld.
    proofs: Vec<(Seq, &'static [Part], String)>,
    growth: Vec<(TreeSize, TreeSize, String)>,
    tiles: Vec<(String, Vec<u8>)>,
}

/// Answers that were refused, and answers that were wrong.
#[derive(Default)]
pub struct Errors {
    /// Whether "there is no such thing" is a refusal like any other, because there is none.
    pub may_be_absent: bool,
    pub refused: u64,
    pub wrong: Vec<String>,
}

impl Errors {
    /// An answer must be the undamaged one or an error; and it is no answer to a question about
    /// something that exists that it does not.
    fn check<T: PartialEq + Debug>(
        &mut self,
        what: impl Fn() -> String,
        expected: &T,
        answer: Result<T, StoreError>,
    ) {
        match answer {
            Ok(answer) if answer == *expected => {}
            Ok(answer) => {
                let (expected, answer) = (format!("{expected:?}"), format!("{answer:?}"));
                let at = expected.bytes().zip(answer.bytes()).take_while(|(a, b)| a == b).count();
                let show = |text: &str| {
                    text.chars().skip(at.saturating_sub(60)).take(120).collect::<String>()
                };
                self.wrong.push(format!(
                    "{}: …{}… instead of …{}…",
                    what(),
                    show(&answer),
                    show(&expected)
                ));
            }
            Err(StoreError::NotFound(_)) if self.may_be_absent => self.refused += 1,
            Err(StoreError::NotFound(why)) => {
                self.wrong.push(format!("{}: called absent: {why}", what()))
            }
            Err(StoreError::Log(indelible_log::LogError::NotFound(why))) => {
                self.wrong.push(format!("{}: called absent: {why}", what()));
            }
            Err(_) => self.refused += 1,
        }
    }
}

/// Events of all shapes; the same number gives the same event.
pub fn event(trail: &str, n: u64) -> Vec<u8> {
    let id = match n % 4 {
        0 => String::new(),
        _ => format!(r#""id":"018f3a5c-0000-7000-8000-{n:012x}","#),
    };
    let action = ["user.login", "backup.delete", "a", "invoice.approve"][n as usize % 4];
    let rest = match n % 5 {
        0 => String::new(),
        1 => format!(r#","user_id":"u{}","ip_address":"192.0.2.{}""#, n % 9, n % 250),
        2 => format!(
            r#","category":"data_modify","actor":{{"type":"user","id":"u{n}","email":"u{n}@example.com"}},"targets":[{{"type":"invoice","id":"i{n}"}}],"changes":{{"before":{{"n":{n}}},"after":{{"n":{}}}}},"occurred_at":"2026-11-15T10:00:00.{:06}Z""#,
            n + 1,
            n
        ),
        3 => format!(
            r#","metadata":{{"text":"{}"}},"outcome":"failure","source":{{"id":"{:032x}","seq":{n}}}"#,
            "word ".repeat(n as usize % 60),
            n % 3
        ),
        _ => {
            r#","context":{"service":"billing","host":"h1","http":{"method":"POST","status":201}}"#
                .to_owned()
        }
    };
    format!(r#"{{{id}"action":"{action}","trail":"{trail}"{rest}}}"#).into_bytes()
}

fn items(trail: &str, range: std::ops::Range<u64>) -> Vec<Item> {
    let name = TrailName::parse(trail).unwrap();
    let item = |n| Item {
        trail: name.clone(),
        event: check(&event(trail, n)).unwrap(),
        recorded_by: Some("credential-1".into()),
    };
    range.map(item).collect()
}

fn append(store: &Store, trail: &str, range: std::ops::Range<u64>) {
    // Groups of several sizes.
    for n in range.clone().step_by(37) {
        for result in store.append(&items(trail, n..range.end.min(n + 37))) {
            result.unwrap();
        }
    }
}

impl Directory {
    /// Makes the directory: three segments at least, two active files, recorded and latest checkpoints.
    pub fn build(seed: u64) -> Directory {
        let clock = Arc::new(ManualClock::default());
        let memory = Arc::new(Memory::new());
        let seams = Seams {
            storage: memory.clone(),
            clock: clock.clone(),
            entropy: Arc::new(SeededEntropy::new(seed)),
        };
        Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
        let options = OpenOptions { background: false, ..OpenOptions::default() };
        let store = Store::open(seams, options).unwrap();
        append(&store, "default", 0..280);
        append(&store, "tenant-a", 0..9);
        store.publish().unwrap();
        store.log().seal().unwrap();
        clock.advance(3_600_000_001);
        store.publish().unwrap();
        append(&store, "default", 280..300);
        append(&store, "tenant-a", 9..20);
        store.log().seal().unwrap();
        // From here on nothing can be sealed, so two active files stay.
        memory.segments_full.store(true, Ordering::Relaxed);
        append(&store, "tenant-b", 0..15);
        append(&store, "default", 300..310);
        store.log().seal().unwrap_err();
        append(&store, "default", 310..330);
        append(&store, "tenant-a", 20..25);
        store.close().unwrap();
        let image = memory.image();
        let reader = Reader::open(Arc::new(Memory::with(&image, "", None, false))).unwrap();
        let trails = reader.trails().iter().map(|t| Answers::of(&reader, &t.info.name)).collect();
        Directory { image, clock, trails }
    }

    /// Some proofs of single records.
    pub fn proofs(&self) -> impl Iterator<Item = String> {
        self.trails[1].proofs.iter().step_by(70).map(|(_, _, text)| text.clone())
    }

    /// Some entries.
    pub fn entries(&self) -> impl Iterator<Item = Vec<u8>> {
        self.trails[1].records.iter().take(5).map(|record| record.entry.clone())
    }

    /// Proofs that trails only grew.
    pub fn growth(&self) -> impl Iterator<Item = String> {
        self.trails[1].growth.iter().rev().map(|(_, _, text)| text.clone())
    }

    /// A trail's key as text.
    pub fn vkey(&self) -> String {
        let reader = Reader::open(Arc::new(Memory::with(&self.image, "", None, false))).unwrap();
        reader.vkey(&reader.trails()[1]).unwrap().to_string()
    }

    /// What a writer of a copy stands on.
    pub fn seams(&self, storage: Arc<Memory>) -> Seams {
        Seams { storage, clock: self.clock.clone(), entropy: Arc::new(SeededEntropy::new(7)) }
    }

    /// Asks everything, or as much as time allows: all of what concerns the damaged file, and a random
    /// choice of the rest.
    pub fn ask(&self, reader: &Reader, path: &str, rng: &mut Rng, errors: &mut Errors) {
        self.read_all(reader, errors);
        for trail in &self.trails {
            let name = trail.name.as_str();
            let Ok(status) = reader.trail(&trail.name) else {
                errors.wrong.push(format!("there is no trail {name}"));
                continue;
            };
            // Not the root: it is as the level files have it, and only `checkpoint` compares it.
            errors.check(|| format!("size of {name}"), &trail.size, Ok(status.size.0));
            let note = reader.checkpoint(&status).map(|(note, _)| note);
            errors.check(|| format!("checkpoint of {name}"), &trail.checkpoint, note);
            let all = path.ends_with(".rows");
            for (seq, record) in trail.records.iter().enumerate() {
                if all || rng.chance(4) {
                    let id = record.entry().id;
                    errors.check(
                        || format!("{name}: finding {id}"),
                        &Seq(seq as u64),
                        reader.find(&status, id),
                    );
                }
            }
            let absent = EventId::parse("018f3a5c-0000-7000-8000-ffffffffffff").unwrap();
            if reader.find(&status, absent).is_ok() {
                errors.wrong.push(format!("{name}: an id that was never appended is found"));
            }
            for (seq, redact, text) in trail.proofs.iter().filter(|_| rng.chance(1)) {
                let answer = reader.prove(&status, *seq, redact);
                errors.check(|| format!("{name}: proof of seq {}", seq.0), text, answer);
            }
            // Signatures are most of what the asking costs.
            let share = if path.contains("/level-") { 30 } else { 3 };
            for (from, to, text) in trail.growth.iter().filter(|_| rng.chance(share)) {
                let answer = reader.prove_consistency(&status, *from, Some(*to));
                errors.check(|| format!("{name}: growth from {from} to {to}"), text, answer);
            }
            if rng.chance(share) {
                errors.check(|| format!("{name}: tiles"), &trail.tiles, tiles(reader, &trail.name));
            }
        }
    }

    /// Reads every record of every trail, all at once and where that is refused some alone.
    pub fn read_all(&self, reader: &Reader, errors: &mut Errors) {
        for trail in &self.trails {
            let Ok(status) = reader.trail(&trail.name) else {
                errors.wrong.push(format!("there is no trail {}", trail.name));
                continue;
            };
            let seqs: Vec<Seq> = (0..trail.size).map(Seq).collect();
            let what = || format!("records of {}", trail.name);
            let answer = reader.read(status.info.no, &seqs).map(as_shown);
            let refused = answer.is_err();
            errors.check(what, &trail.records, answer);
            for seq in seqs.iter().step_by(17).filter(|_| refused) {
                let expected = vec![trail.records[seq.0 as usize].clone()];
                let what = || format!("seq {} of {}", seq.0, trail.name);
                let answer = reader.read(status.info.no, &[*seq]).map(as_shown);
                errors.check(what, &expected, answer);
            }
        }
    }

    /// Appends events that are there already, which must give their first receipts, and a new one.
    pub fn append_again(&self, store: &Store, errors: &mut Errors) {
        for trail in self.trails.iter().skip(1) {
            let name = trail.name.as_str();
            for n in [1, trail.size - 2, trail.size - 1, trail.size + 1]
                .into_iter()
                .filter(|n| n % 4 != 0)
            {
                let answers = store.append(&items(name, n..n + 1));
                let receipt = match &answers[0] {
                    Ok(Appended::Kept(receipt)) => receipt,
                    Ok(Appended::Conflict { .. }) => {
                        errors.wrong.push(format!("{name}: event {n} again is another event"));
                        continue;
                    }
                    Err(_) => {
                        errors.refused += 1;
                        continue;
                    }
                };
                // Events are appended in the order of their numbers, so the number is the seq.
                let known = n < trail.size;
                if receipt.known != known || (known && receipt.seq != Seq(n)) {
                    errors.wrong.push(format!("{name}: event {n} again got seq {}", receipt.seq.0));
                }
            }
        }
    }
}

impl Answers {
    fn of(reader: &Reader, name: &TrailName) -> Answers {
        let status = reader.trail(name).unwrap();
        let size = status.size.0;
        let seqs: Vec<Seq> = (0..size).map(Seq).collect();
        let proofs = seqs.iter().map(|seq| {
            let redact: &[Part] = if seq.0 % 2 == 0 { &[] } else { &[Part::Who, Part::What] };
            (*seq, redact, reader.prove(&status, *seq, redact).unwrap())
        });
        let sizes: Vec<u64> = [0, 1, 7, 255, 256, 257, 290, size / 2, size - 1, size]
            .into_iter()
            .filter(|n| *n <= size)
            .collect();
        let mut growth = Vec::new();
        for to in &sizes {
            for from in sizes.iter().filter(|from| *from <= to && **from > 0) {
                let (from, to) = (TreeSize(*from), TreeSize(*to));
                growth.push((from, to, reader.prove_consistency(&status, from, Some(to)).unwrap()));
            }
        }
        Answers {
            name: name.clone(),
            size,
            checkpoint: reader.checkpoint(&status).unwrap().0,
            records: as_shown(reader.read(status.info.no, &seqs).unwrap()),
            proofs: proofs.collect(),
            growth,
            tiles: tiles(reader, name).unwrap(),
        }
    }
}

/// What of records is shown to anybody: not `pos`, which nothing commits to and only the node itself
/// counts by, and no salts where there is no part to be salted.
fn as_shown(mut records: Vec<KeptRecord>) -> Vec<KeptRecord> {
    for record in &mut records {
        record.pos = Pos(0);
        if record.parts.iter().all(|part| *part == KeptPart::Absent) {
            record.salts = Salts::Parts([None; 3]);
        }
    }
    records
}

fn tiles(reader: &Reader, name: &TrailName) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
    let mut out = Vec::new();
    let trail = reader.trail(name)?;
    reader.tiles(&trail, &mut |path, bytes| {
        out.push((path.to_owned(), bytes.to_vec()));
        Ok(())
    })?;
    Ok(out)
}
