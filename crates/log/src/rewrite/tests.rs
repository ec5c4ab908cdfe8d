use std::ops::Range;
use std::sync::Arc;

use indelible_event::{Checked, Part, TrailName, check};
use serde_json::{Value, json};

use super::*;
use crate::erasure::{self, ERASED, EXPIRED, PRUNED, Seqs};
use crate::manifest::SEGMENTS;
use crate::policy::{Rule, SET};
use crate::record::{KeptPart, Salts, Seq};
use crate::segment::SegmentState;
use crate::storage::{Storage, replace_durably};
use crate::verify::{Options, Report, verify};
use crate::{AppendError, Appended, Incoming, SealAt, Seams, SegmentHandle, hex, sha256};

const ON_REQUEST: SealAt = SealAt { records: u64::MAX, bytes: u64::MAX, merge_debt: 0 };

struct Place {
    dir: tempfile::TempDir,
    seams: Seams,
    log: Option<Log>,
    trail: TrailNo,
}

fn id(n: u64) -> String {
    format!("018f3a5c-0000-7000-8000-{n:012x}")
}

fn event(n: u64) -> Checked {
    let json = json!({
        "id": id(n), "action": "backup.create", "actor": {"id": format!("alice-{n}")},
        "targets": [{"type": "backup", "id": format!("b-{n}")}],
        "context": {"ip": "192.0.2.1"}, "details": {"n": n},
    });
    check(json.to_string().as_bytes()).unwrap()
}

fn place() -> Place {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Log::init(&seams).unwrap();
    let log = Log::open(seams.clone(), ON_REQUEST).unwrap();
    let trail = log.ensure_trail(&TrailName::unnamed()).unwrap();
    Place { dir, seams, log: Some(log), trail }
}

impl Place {
    fn log(&self) -> &Log {
        self.log.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.log = None;
        self.log = Some(Log::open(self.seams.clone(), ON_REQUEST).unwrap());
        assert_eq!(self.log().recovery(), &Default::default());
    }

    fn append(&self, numbers: Range<u64>) {
        for answer in self.send(numbers) {
            answer.unwrap();
        }
    }

    fn send(&self, numbers: Range<u64>) -> Vec<Result<Appended, AppendError>> {
        let events: Vec<_> = numbers.map(event).collect();
        let incoming = |event| Incoming { trail: self.trail, event, recorded_by: Some("test") };
        self.log().append(&events.iter().map(incoming).collect::<Vec<_>>())
    }

    fn tell(&self, action: &str, details: Value) -> EventId {
        let json = json!({"action": action, "category": "system", "details": details});
        let event = check(json.to_string().as_bytes()).unwrap();
        let incoming = Incoming { trail: TrailNo(0), event: &event, recorded_by: None };
        match self.log().append_own(&[incoming]).pop().unwrap().unwrap() {
            Appended::Kept(receipt) => receipt.id,
            other => panic!("{other:?}"),
        }
    }

    /// The segments of callers' events.
    fn segments(&self) -> Vec<SegmentHandle> {
        let all = self.log().view().segments().into_iter();
        all.filter(|s| s.class() != crate::policy::SYSTEM).collect()
    }

    fn expiry(&self, segment: &SegmentHandle, keep: impl IntoIterator<Item = u32>) -> Change {
        let details = json!({
            "class": segment.class(), "policy": segment.policy(), "day": segment.day().to_string(),
            "first_pos": segment.first_pos().0, "last_pos": segment.last_pos().0, "reason": "age",
        });
        let by = self.tell(EXPIRED, details);
        let keep = keep.into_iter().collect();
        Change { file: segment.file_no(), fate: Fate::Expire { by, keep } }
    }

    fn prune(&self, min: u64) -> Vec<(TrailNo, u64)> {
        let trail = self.log().view().info(self.trail).unwrap().id.to_string();
        self.tell(PRUNED, json!({"trail": trail, "min": min}));
        vec![(self.trail, min)]
    }

    fn erasure(&self, seqs: impl IntoIterator<Item = u64>, parts: &[&str]) {
        let seqs = Seqs::from_ascending(seqs);
        let bytes = seqs.encode();
        let trail = self.log().view().info(self.trail).unwrap().id.to_string();
        let details = json!({
            "trail": trail, "parts": parts,
            "seqs": {"sha256": hex::encode(&sha256(&bytes)), "count": seqs.count()},
        });
        let path = erasure::path(self.tell(ERASED, details));
        self.seams.storage.create_dir(erasure::DIR).unwrap();
        replace_durably(&*self.seams.storage, &path, &bytes).unwrap();
    }

    fn rewrite(&self, changes: &[Change], prune: &[(TrailNo, u64)]) -> Rewritten {
        self.log().rewrite(changes, prune, &|_| ()).unwrap()
    }

    fn verify(&self) -> Report {
        let storage: Arc<dyn Storage> = self.seams.storage.clone();
        verify(&storage, &Options { threads: 2, progress: &|_| {}, archived: None }).unwrap()
    }

    fn holds(&self) -> Report {
        let report = self.verify();
        assert_eq!(report.findings, []);
        report
    }

    /// How many records can be read whole, as stubs, and no longer.
    fn left(&self) -> (u64, u64, u64) {
        let size = self.log().view().trail(self.trail).unwrap().size.0;
        let seqs: Vec<Seq> = (0..size).map(Seq).collect();
        let (mut whole, mut stubs, mut gone) = (0, 0, 0);
        for record in self.log().view().read_each(self.trail, &seqs) {
            match record {
                Ok(record) if record.salts == Salts::Parts([None; 3]) => stubs += 1,
                Ok(_) => whole += 1,
                Err(LogError::Expired { .. }) => gone += 1,
                Err(e) => panic!("{e}"),
            }
        }
        (whole, stubs, gone)
    }

    /// Whether some bytes are in any file of the segments.
    fn has(&self, needle: &str) -> bool {
        let storage = &self.seams.storage;
        let names = storage.list(SEGMENTS).unwrap();
        names.iter().any(|name| {
            let bytes = storage.map(&format!("{SEGMENTS}/{name}")).unwrap();
            bytes.windows(needle.len()).any(|w| w == needle.as_bytes())
        })
    }
}

#[test]
fn what_expires_becomes_stubs_but_for_what_is_kept() {
    let mut place = place();
    place.append(0..300);
    place.log().seal().unwrap();
    let before = place.log().view().trail(place.trail).unwrap();
    let changes: Vec<Change> =
        place.segments().iter().map(|s| place.expiry(s, [1, 5, s.rows() - 1])).collect();
    let count = changes.len() as u64;
    let told = AtomicU64::new(0);
    let rewritten = place
        .log()
        .rewrite(&changes, &[], &|rows| {
            told.fetch_max(rows, Ordering::Relaxed);
        })
        .unwrap();
    assert_eq!((rewritten.expired, rewritten.pruned, rewritten.erased), (300 - 3 * count, 0, 0));
    assert_eq!(told.into_inner(), 300);
    assert!(rewritten.bytes_after > 0 && rewritten.bytes_before > 0);
    for _ in 0..2 {
        assert_eq!(place.left(), (3 * count, 300 - 3 * count, 0));
        let report = place.holds();
        let notes = report.notes.iter().filter(|n| n.contains("expired by policy #1")).count();
        assert_eq!(notes as u64, count);
        let stubs: Vec<_> = place.segments().into_iter().filter(|s| s.is_stub()).collect();
        assert_eq!(stubs.len() as u64, count);
        for stub in stubs {
            let state = stub.segment().unwrap().meta().state;
            assert!(matches!(state, SegmentState::Stub { .. }));
            assert_eq!((stub.class(), stub.policy()), ("standard", 1));
        }
        place.reopen();
    }
    let after = place.log().view().trail(place.trail).unwrap();
    assert_eq!((after.size, after.root, after.min), (before.size, before.root, 0));
    // Each id is known still, also of a stub, of which only the entry can be compared.
    for answer in place.send(0..300) {
        assert!(matches!(answer.unwrap(), Appended::Kept(receipt) if receipt.known));
    }
    // The same again finds that others are in charge.
    let again = place.log().rewrite(&changes, &[], &|_| ());
    assert!(matches!(again, Err(LogError::Exchanged { .. })), "{again:?}");
}

#[test]
fn an_expired_prefix_goes_down_to_the_bundle_of_its_minimum() {
    let mut place = place();
    for n in 0..3 {
        place.append(n * 300..(n + 1) * 300);
        place.log().seal().unwrap();
    }
    let old = place.segments();
    let below: Vec<_> = old.iter().filter(|s| s.trails().all(|t| t.2.0 < 600)).collect();
    let min = place.prune(600);
    // Something whole would be left below it.
    let refused = place.log().rewrite(&[], &min, &|_| ());
    assert!(matches!(refused, Err(LogError::Refused(_))), "{refused:?}");
    let held: Vec<Change> = below.iter().map(|s| place.expiry(s, [0])).collect();
    let refused = place.log().rewrite(&held, &min, &|_| ());
    assert!(matches!(refused, Err(LogError::Refused(_))), "{refused:?}");
    assert_eq!(place.left(), (900, 0, 0));

    // The first becomes stubs before there is a minimum, the second with it.
    let first = [place.expiry(below[0], [])];
    place.rewrite(&first, &[]);
    assert_eq!(place.left().2, 0);
    let rest: Vec<Change> = below[1..].iter().map(|s| place.expiry(s, [])).collect();
    let rewritten = place.rewrite(&rest, &min);
    assert_eq!(rewritten.pruned, 512);
    for _ in 0..2 {
        assert_eq!(place.left(), (300, 88, 512));
        assert_eq!(place.log().view().trail(place.trail).unwrap().min, 600);
        let report = place.holds();
        assert!(report.notes.iter().any(|n| n.contains("expired below seq 600; of 512")));
        place.reopen();
    }
    let expired = place.log().view().read(place.trail, &[Seq(511)]).unwrap_err();
    assert!(expired.to_string().starts_with("expired: seq 511"), "{expired}");
    // Whose record is gone is new again; what is a stub is known.
    let answers = place.send(510..514);
    let known: Vec<bool> = answers
        .into_iter()
        .map(|a| matches!(a.unwrap(), Appended::Kept(receipt) if receipt.known))
        .collect();
    assert_eq!(known, [false, false, true, true]);
    let lower = place.log().rewrite(&[], &[(place.trail, 599)], &|_| ());
    assert!(matches!(lower, Err(LogError::Refused(_))));
    place.holds();
}

#[test]
fn of_what_lies_below_a_minimum_only_the_rows_that_stay_are_read() {
    let mut place = place();
    let other = place.log().ensure_trail(&TrailName::parse("other").unwrap()).unwrap();
    place.append(0..3000);
    for start in [3000, 6000] {
        // Two trails in one segment, row by row.
        let events: Vec<_> = (start..start + 3000).map(event).collect();
        let incoming = |(n, event): (usize, _)| Incoming {
            trail: if n % 100 == 0 { other } else { place.trail },
            event,
            recorded_by: Some("test"),
        };
        let answers =
            place.log().append(&events.iter().enumerate().map(incoming).collect::<Vec<_>>());
        assert!(answers.iter().all(Result::is_ok));
        if start == 3000 {
            place.log().seal().unwrap();
        }
    }
    place.log().seal().unwrap();
    let of = |place: &Place| place.log().view().trail(place.trail).unwrap();
    let before = of(&place);
    let segments = place.segments();
    let cut = segments.iter().map(|s| s.trails().find(|t| t.0 == place.trail).unwrap());
    let ends: Vec<u64> = cut.map(|(_, _, last, _)| last.0 + 1).collect();
    let min = place.prune(*ends.last().unwrap());
    let floor = crate::trail::floor(min[0].1);
    // What nothing is left of is not looked at, even if it cannot be read any more.
    let gone: Vec<_> = segments.iter().filter(|s| s.trails().all(|t| t.0 == place.trail)).collect();
    for segment in &gone {
        let path = place.dir.path().join(format!("{SEGMENTS}/{}.parquet", segment.name()));
        let size = segment.bytes() as usize;
        #[expect(clippy::disallowed_methods, reason = "somebody damages a file")]
        std::fs::write(path, vec![7; size]).unwrap();
    }
    let changes: Vec<Change> = segments.iter().map(|s| place.expiry(s, [])).collect();
    let rewritten = place.rewrite(&changes, &min);
    assert_eq!((rewritten.expired, rewritten.pruned), (9000, floor));
    assert_eq!(rewritten.pruned_of, BTreeMap::from([(place.trail, floor)]));
    for _ in 0..2 {
        assert_eq!(place.left(), (0, before.size.0 - floor, floor));
        let seqs: Vec<Seq> = (0..60).map(Seq).collect();
        let others = place.log().view().read(other, &seqs).unwrap();
        assert!(others.iter().all(|record| record.salts == Salts::Parts([None; 3])));
        let after = of(&place);
        assert_eq!((after.root, after.min), (before.root, min[0].1));
        place.holds();
        place.reopen();
    }
}

#[test]
fn erased_parts_are_gone_and_everything_else_is_as_it_was() {
    let mut place = place();
    place.append(0..100);
    place.log().seal().unwrap();
    place.append(100..200);
    place.log().seal().unwrap();
    assert!(place.has("b-17") || !place.has("alice-17"), "parts are compressed, ids are not");
    let seqs: Vec<Seq> = (0..200).map(Seq).collect();
    let before = place.log().view().read(place.trail, &seqs).unwrap();
    let mine = |seq: u64| seq % 10 == 7;
    place.erasure((0..200).filter(|seq| mine(*seq)), &["who", "where"]);
    let changes = |place: &Place| -> Vec<Change> {
        let rows = |s: &SegmentHandle| {
            let seqs = s.trails().find(|t| t.0 == place.trail).unwrap().1.0..;
            let rows = seqs.zip(0..s.rows()).filter(|(seq, _)| mine(*seq)).map(|(_, row)| row);
            Fate::Erase { rows: rows.collect(), parts: [true, true, false] }
        };
        let of = |s: &SegmentHandle| Change { file: s.file_no(), fate: rows(s) };
        place.segments().iter().map(of).collect()
    };
    let rewritten = place.rewrite(&changes(&place), &[]);
    assert_eq!((rewritten.expired, rewritten.pruned, rewritten.erased), (0, 0, 20));
    let files: Vec<u64> = place.segments().iter().map(SegmentHandle::file_no).collect();
    // The same again has nothing left to do, and exchanges nothing.
    assert_eq!(place.rewrite(&changes(&place), &[]), Rewritten::default());
    assert_eq!(place.segments().iter().map(SegmentHandle::file_no).collect::<Vec<_>>(), files);
    for _ in 0..2 {
        place.holds();
        let after = place.log().view().read(place.trail, &seqs).unwrap();
        for (before, after) in before.iter().zip(&after) {
            if !mine(before.seq.0) {
                assert_eq!(before, after);
                continue;
            }
            assert_eq!(before.entry, after.entry);
            assert_eq!(before.part(Part::What), after.part(Part::What));
            assert!(matches!(after.parts, [KeptPart::Gone(_), KeptPart::Gone(_), _]));
            let salts = [None, None, before.salts.of(Part::What)];
            assert_eq!(after.salts, Salts::Parts(salts));
        }
        assert!(!place.has("alice-17"), "the facet column is of the part, too");
        place.reopen();
    }
    // Compared is what is left: the entry's fields, and the parts that can be read.
    assert!(place.send(7..8).pop().unwrap().is_ok_and(|a| matches!(a, Appended::Kept(_))));
}

#[test]
fn an_erased_stub_stays_a_stub_and_what_was_erased_expires() {
    let place = place();
    place.append(0..50);
    place.log().seal().unwrap();
    place.erasure(0..10, &["who"]);
    let erase = |file| {
        let parts = [true, false, false];
        Change { file, fate: Fate::Erase { rows: (0..10).collect(), parts } }
    };
    place.rewrite(&[erase(place.segments()[0].file_no())], &[]);
    place.holds();
    let expiry = place.expiry(&place.segments()[0], []);
    assert_eq!(place.rewrite(&[expiry], &[]).expired, 50);
    assert_eq!(place.left(), (0, 50, 0));
    place.holds();
    let stub = place.segments()[0].file_no();
    assert_eq!(place.rewrite(&[erase(stub)], &[]), Rewritten::default());
    assert_eq!(place.segments()[0].file_no(), stub);
}

#[test]
fn a_stub_that_no_event_explains_is_a_finding() {
    let place = place();
    place.append(0..10);
    place.log().seal().unwrap();
    let file = place.segments()[0].file_no();
    let by = EventId([7; 16]);
    place.rewrite(&[Change { file, fate: Fate::Expire { by, keep: RoaringBitmap::new() } }], &[]);
    assert!(place.verify().findings.iter().any(|f| f.what.contains("no event in _system")));
    place.rewrite(&[], &[(place.trail, 10)]);
    let whats: Vec<String> = place.verify().findings.into_iter().map(|f| f.what).collect();
    assert!(whats.iter().any(|w| w.contains("its minimum index is 10")), "{whats:?}");
    let path = place.dir.path().join(SEGMENTS);
    let names = place.seams.storage.list(SEGMENTS).unwrap();
    #[expect(clippy::disallowed_methods, reason = "somebody takes a file away")]
    std::fs::remove_file(path.join(&names[0])).unwrap();
    assert!(place.verify().findings.iter().any(|f| f.what.starts_with("missing: ")));
}

fn policy(number: u32, class: &str, category: &str) -> Policy {
    let reads = Rule {
        class: class.into(),
        action: Some(category.into()),
        days: Some(30),
        ..Rule::everything()
    };
    let rest = Rule { class: "standard".into(), days: Some(90), ..Rule::everything() };
    Policy { number, rules: vec![reads, rest], ..Policy::first() }
}

#[test]
fn sealing_goes_by_the_policy_in_force_and_merging_keeps_it() {
    let mut place = place();
    place.append(0..2);
    place.log().seal().unwrap();
    let second = policy(2, "backups", "backup");
    place.tell(SET, serde_json::to_value(&second).unwrap());
    assert!(place.log().set_policy(policy(3, "backups", "backup")).is_err());
    place.log().set_policy(second.clone()).unwrap();
    place.log().set_policy(second.clone()).unwrap();
    for n in 1..9 {
        place.append(n * 10..n * 10 + 2);
        place.log().seal().unwrap();
    }
    place.log().merge_now().unwrap();
    let kinds = |place: &Place| -> Vec<(String, u32, u32)> {
        let of = |s: &SegmentHandle| (s.class().to_owned(), s.policy(), s.rows());
        place.segments().iter().map(of).collect()
    };
    let expected = vec![("standard".to_owned(), 1, 2), ("backups".to_owned(), 2, 16)];
    assert_eq!(kinds(&place), expected);
    assert_eq!(place.log().policies(), [Policy::first(), second.clone()]);
    place.holds();

    // A policy whose event is durable is in force, also where the process ended before it was set: whether its
    // event is sealed by then or not.
    let third = policy(3, "archive", "backup");
    let fourth = policy(4, "more", "backup");
    place.tell(SET, serde_json::to_value(&third).unwrap());
    place.log().seal().unwrap();
    assert_eq!(place.log().policies().last(), Some(&third));
    place.tell(SET, serde_json::to_value(&fourth).unwrap());
    place.reopen();
    assert_eq!(place.log().policies().last(), Some(&fourth));
    place.append(100..101);
    place.log().seal().unwrap();
    assert_eq!(kinds(&place).last(), Some(&("more".to_owned(), 4, 1)));
    place.holds();
    // One that no event set is a finding.
    place.log().set_policy(policy(5, "none", "backup")).unwrap();
    assert!(place.verify().findings.iter().any(|f| f.what.contains("policy #5")));
}

#[test]
fn a_segment_being_rewritten_is_not_merged() {
    let place = place();
    for n in 0..7 {
        place.append(n * 10..n * 10 + 2);
        place.log().seal().unwrap();
    }
    let changes: Vec<Change> = place.segments()[..1].iter().map(|s| place.expiry(s, [0])).collect();
    place.append(200..202);
    let sealed = AtomicBool::new(false);
    let seal = |_| {
        // While the rewriting reads, the eighth neighbour comes; sealing is not held up by it.
        if !sealed.swap(true, Ordering::Relaxed) {
            place.log().seal().unwrap();
            place.log().merge_now().unwrap();
        }
    };
    place.log().rewrite(&changes, &[], &seal).unwrap();
    assert!(sealed.into_inner());
    assert_eq!(place.left(), (15, 1, 0));
    place.log().merge_now().unwrap();
    assert_eq!(place.segments().iter().map(SegmentHandle::rows).sum::<u32>(), 16);
    place.holds();
}

/// A measurement: `EVENTS=10000000 cargo test --release -p indelible-log -- --ignored --nocapture rewriting_costs`.
#[test]
#[ignore = "a measurement, which takes a minute and a million events"]
#[expect(clippy::disallowed_methods, clippy::print_stdout, reason = "a measurement for people")]
fn rewriting_costs() {
    let count = std::env::var("EVENTS").map_or(1_000_000, |n| n.parse::<u64>().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Log::init(&seams).unwrap();
    let never = SealAt { merge_debt: usize::MAX, ..SealAt::default() };
    let log = Log::open(seams.clone(), never).unwrap();
    let trail = log.ensure_trail(&TrailName::unnamed()).unwrap();
    let large = |n: u64| {
        let json = json!({
            "id": id(n), "action": "backup.create", "category": "data_create", "outcome": "success",
            "actor": {"type": "user", "id": format!("u-{}", n % 9973), "name": "Alice Example",
                "email": format!("u-{}@example.com", n % 9973), "auth": {"method": "oidc"}},
            "targets": [{"type": "backup", "id": format!("b-{n}"), "name": "nightly"}],
            "context": {"ip": format!("192.0.2.{}", n % 251), "user_agent": "Mozilla/5.0 (X11; Linux x86_64)",
                "request_id": format!("{:016x}", n.wrapping_mul(0x9e37_79b9_7f4a_7c15)), "service": "backups"},
            "details": {"n": n, "size": n * 4096, "path": format!("/volumes/{}/{n}", n % 31)},
        });
        check(json.to_string().as_bytes()).unwrap()
    };
    for start in (0..count).step_by(10_000) {
        let events: Vec<_> = (start..count.min(start + 10_000)).map(large).collect();
        let incoming = |event| Incoming { trail, event, recorded_by: Some("test") };
        log.append(&events.iter().map(incoming).collect::<Vec<_>>());
    }
    log.seal().unwrap();
    let segments = || -> Vec<SegmentHandle> {
        let all = log.view().segments().into_iter();
        all.filter(|s| s.class() != crate::policy::SYSTEM).collect()
    };
    // Seconds of the processor, too, which others who use the machine do not change.
    let cpu = || {
        let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
        let fields = stat.rsplit(')').next().unwrap().split_whitespace().skip(11).take(2);
        fields.map(|ticks| ticks.parse::<f64>().unwrap() / 100.0).sum::<f64>()
    };
    let timed = |what: &str, changes: Vec<Change>, prune: &[(TrailNo, u64)]| {
        let (start, before) = (std::time::Instant::now(), cpu());
        let done = log.rewrite(&changes, prune, &|_| ()).unwrap();
        let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu() - before);
        let count: u64 = done.expired.max(done.pruned).max(done.erased);
        println!("{what} {count}: {seconds:.2} s, {cpu:.2} s of the processor, {done:?}");
    };
    let part = (count / 10_000).max(1) as u32;
    let erase = |s: &SegmentHandle| Fate::Erase {
        rows: (0..s.rows()).filter(|row| row % part == 0).collect(),
        parts: [true; 3],
    };
    let of = |s: &SegmentHandle| Change { file: s.file_no(), fate: erase(s) };
    timed("erase", segments().iter().map(of).collect(), &[]);
    let by = EventId([7; 16]);
    let expire = |s: &SegmentHandle| Change {
        file: s.file_no(),
        fate: Fate::Expire { by, keep: RoaringBitmap::new() },
    };
    let all = segments();
    let (first, rest) = all.split_at(all.len() / 2);
    let ends = [first, rest].map(|some| some.last().unwrap().trails().next().unwrap().2.0 + 1);
    timed("expire, to stubs", first.iter().map(expire).collect(), &[]);
    timed("prune these", Vec::new(), &[(trail, ends[0])]);
    timed("expire, to nothing", rest.iter().map(expire).collect(), &[(trail, ends[1])]);
}
