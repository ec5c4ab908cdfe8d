//! The machine stops at every call of an expiry, an erasure and a pruning; whatever the power cut left, each
//! record is there once, and the same again does what is left.

use std::sync::Arc;

use indelible_event::{EventId, Part, TrailName, check};
use indelible_log::erasure::{self, ERASED, EXPIRED, PRUNED, Seqs};
use indelible_log::manifest::SEGMENTS;
use indelible_log::record::{KeptPart, KeptRecord, Salts, Seq, TrailNo};
use indelible_log::rewrite::{Change, Fate};
use indelible_log::storage::{Storage, replace_durably};
use indelible_log::verify::{Options, verify};
use indelible_log::{
    AppendError, Appended, Incoming, Log, LogError, SegmentHandle, View, hex, sha256,
};
use indelible_sim::{Fault, NameOrder, Trouble, scale};

use crate::driver::{Driver, ON_REQUEST, events, expect, plan};

/// The first seqs of the three segments, and the end of the last.
const BORDERS: [u64; 4] = [0, 260, 270, 280];
/// The second segment's records that are held, by row.
const HELD: [u32; 2] = [1, 2];
/// The third segment's of which `who` is erased, by row.
const ERASED_ROWS: [u32; 2] = [0, 3];
/// All below has expired, and all below 256 leaves no stub.
const MIN: u64 = 261;
const FLOOR: u64 = 256;
const EXPIRIES: [EventId; 2] = [EventId([1; 16]), EventId([2; 16])];

struct Case {
    driver: Driver,
    trail: TrailNo,
    before: Vec<KeptRecord>,
}

fn says(e: impl std::fmt::Display) -> Trouble {
    e.to_string()
}

fn open(driver: &Driver) -> Result<Log, LogError> {
    Log::open(driver.seams(), ON_REQUEST)
}

fn append(log: &Log, trail: TrailNo, from: u64, to: u64) -> Result<(), AppendError> {
    let events = events(from, to - from, 0);
    let batch: Vec<_> =
        events.iter().map(|event| Incoming { trail, event, recorded_by: None }).collect();
    log.append(&batch).into_iter().collect::<Result<Vec<_>, _>>().map(drop)
}

fn tell(log: &Log, id: Option<EventId>, action: &str, details: &str) -> EventId {
    let id = id.map_or(String::new(), |id| format!(r#""id":"{id}","#));
    let json = format!(r#"{{{id}"action":"{action}","category":"system","details":{details}}}"#);
    let event = check(json.as_bytes()).expect("it keeps every rule");
    let incoming = Incoming { trail: TrailNo(0), event: &event, recorded_by: None };
    match log.append_own(&[incoming]).pop() {
        Some(Ok(Appended::Kept(receipt))) => receipt.id,
        other => panic!("nothing fails yet: {other:?}"),
    }
}

fn of_callers(view: &View) -> Vec<SegmentHandle> {
    view.segments().into_iter().filter(|s| s.class() != "system").collect()
}

/// Three sealed segments, and every event that what follows needs.
fn before() -> Case {
    let driver = Driver::new(11);
    let log = open(&driver).expect("nothing fails yet");
    let name = TrailName::parse("alpha").expect("a name");
    let trail = log.ensure_trail(&name).expect("nothing fails yet");
    for pair in BORDERS.windows(2) {
        append(&log, trail, pair[0], pair[1]).expect("nothing fails yet");
        log.seal().expect("nothing fails yet");
    }
    for (segment, id) in of_callers(log.view()).iter().zip(EXPIRIES) {
        let details = format!(
            r#"{{"class":"{}","policy":{},"day":"{}","first_pos":{},"last_pos":{}}}"#,
            segment.class(),
            segment.policy(),
            segment.day(),
            segment.first_pos().0,
            segment.last_pos().0
        );
        tell(&log, Some(id), EXPIRED, &details);
    }
    let opaque = log.view().info(trail).expect("it is there").id;
    tell(&log, None, PRUNED, &format!(r#"{{"trail":"{opaque}","min":{MIN}}}"#));
    let seqs = Seqs::from_ascending(ERASED_ROWS.map(|row| BORDERS[2] + u64::from(row))).encode();
    let (sha, count) = (hex::encode(&sha256(&seqs)), ERASED_ROWS.len());
    let erasure = tell(
        &log,
        None,
        ERASED,
        &format!(
            r#"{{"trail":"{opaque}","parts":["who"],"seqs":{{"sha256":"{sha}","count":{count}}}}}"#
        ),
    );
    driver.power.create_dir(erasure::DIR).expect("nothing fails yet");
    driver.power.sync_dir("").expect("nothing fails yet");
    replace_durably(&driver.power, &erasure::path(erasure), &seqs).expect("nothing fails yet");
    log.seal().expect("nothing fails yet");
    let all: Vec<Seq> = (0..BORDERS[3]).map(Seq).collect();
    let before = log.view().read(trail, &all).expect("nothing fails yet");
    drop(log);
    Case { driver, trail, before }
}

/// What is still to be done, from what the log says now.
fn changes(log: &Log, trail: TrailNo) -> Vec<Change> {
    let change = |segment: &SegmentHandle| {
        let first = segment.trails().find(|span| span.0 == trail)?.1.0;
        let file = segment.file_no();
        let fate = match BORDERS.iter().position(|border| *border == first)? {
            _ if segment.is_stub() => return None,
            0 => Fate::Expire { by: EXPIRIES[0], keep: Default::default() },
            1 => Fate::Expire { by: EXPIRIES[1], keep: HELD.into_iter().collect() },
            _ => {
                Fate::Erase { rows: ERASED_ROWS.into_iter().collect(), parts: [true, false, false] }
            }
        };
        Some(Change { file, fate })
    };
    of_callers(log.view()).iter().filter_map(change).collect()
}

/// Everything in one call, or each change in its own, which makes the calls come in the same order every time.
fn rewrite(log: &Log, trail: TrailNo, at_once: bool) -> Result<(), LogError> {
    let changes = changes(log, trail);
    if at_once {
        return log.rewrite(&changes, &[(trail, MIN)], &|_| ()).map(drop);
    }
    for change in changes {
        log.rewrite(&[change], &[], &|_| ())?;
    }
    log.rewrite(&[], &[(trail, MIN)], &|_| ()).map(drop)
}

/// What may have become of a record: whole, a stub, without `who`, nothing.
fn check_one(
    seq: u64,
    before: &KeptRecord,
    now: &Result<KeptRecord, LogError>,
    done: bool,
) -> bool {
    let held = HELD.iter().any(|row| BORDERS[1] + u64::from(*row) == seq);
    let erased = ERASED_ROWS.iter().any(|row| BORDERS[2] + u64::from(*row) == seq);
    let expires = seq < BORDERS[2] && !held;
    match now {
        Err(LogError::Expired { .. }) => seq < FLOOR,
        Err(_) => false,
        Ok(now) if now == before => !done || !expires && !erased,
        Ok(now) if now.entry != before.entry || now.pos != before.pos => false,
        Ok(now) if erased => {
            matches!(now.parts[0], KeptPart::Gone(_))
                && now.part(Part::Where) == before.part(Part::Where)
                && now.part(Part::What) == before.part(Part::What)
                && now.salts
                    == Salts::Parts([
                        None,
                        before.salts.of(Part::Where),
                        before.salts.of(Part::What),
                    ])
        }
        Ok(now) => expires && !(done && seq < FLOOR) && now.salts == Salts::Parts([None; 3]),
    }
}

impl Case {
    fn check(&self, driver: &Driver, log: &Log, done: bool) -> Result<(), Trouble> {
        let seqs: Vec<Seq> = (0..BORDERS[3]).map(Seq).collect();
        let now = log.view().read_each(self.trail, &seqs);
        for ((seq, before), now) in (0..).zip(&self.before).zip(&now) {
            if !check_one(seq, before, now, done) {
                return Err(format!("seq {seq} became {now:?}"));
            }
        }
        let storage: Arc<dyn Storage> = Arc::new(driver.power.clone());
        let options = Options { threads: 1, progress: &|_| {}, archived: None };
        let findings = verify(&storage, &options).map_err(says)?.findings;
        if !findings.is_empty() {
            return Err(format!("verification: {findings:?}"));
        }
        Ok(())
    }

    /// After whatever happened everything is there once, and the same again does the rest.
    fn lives_on(&self, driver: &Driver, at_once: bool) -> Result<(), Trouble> {
        let log = open(driver).map_err(|e| format!("opening again: {e}"))?;
        self.check(driver, &log, false).map_err(|e| format!("before the rest: {e}"))?;
        rewrite(&log, self.trail, at_once).map_err(|e| format!("doing the rest: {e}"))?;
        self.check(driver, &log, true).map_err(|e| format!("after the rest: {e}"))?;
        let files = driver.power.list(SEGMENTS).map_err(says)?;
        if files.len() != 2 * log.view().segments().len() {
            return Err(format!("files are left over: {files:?}"));
        }
        append(&log, self.trail, 900, 903).map_err(|e| format!("going on: {e}"))?;
        log.seal().map_err(|e| format!("sealing later: {e}"))?;
        drop(log);
        let log = open(driver).map_err(|e| format!("opening once more: {e}"))?;
        self.check(driver, &log, true).map_err(|e| format!("in the end: {e}"))
    }

    fn cut_at_every_call(&self, at_once: bool, stride: u64) -> u64 {
        let cuts = scale("INDELIBLE_SIM_CUTS", 2);
        let mut n = 0;
        loop {
            let driver = self.driver.fork(n);
            let log = open(&driver).expect("nothing fails yet");
            plan(&driver, Fault::Stop, n, false);
            // Whatever it says after the machine stopped, nobody hears it.
            let ended = rewrite(&log, self.trail, at_once);
            drop(log);
            if driver.faults.tripped().is_none() {
                ended.expect("nothing failed, so it ran through");
                return n;
            }
            for cut in 0..cuts {
                let order = if cut % 2 == 0 { NameOrder::Any } else { NameOrder::Journaled };
                let after = driver.crashed(n * 1000 + cut, order);
                let case = format!("stopped at call {n}, cut {cut}, {order:?}");
                expect(&case, &driver.faults, self.lives_on(&after, at_once));
            }
            let killed = driver.fork(n + 1);
            let case = format!("killed at call {n}");
            expect(&case, &driver.faults, self.lives_on(&killed, at_once));
            n += stride;
        }
    }
}

#[test]
fn a_power_cut_at_any_call_of_a_rewriting_leaves_each_record_once() {
    let calls = before().cut_at_every_call(false, scale("INDELIBLE_SIM_STRIDE", 1));
    assert!(calls > 80, "the rewriting makes only {calls} calls");
}

#[test]
fn a_power_cut_while_segments_are_rewritten_side_by_side_leaves_each_record_once() {
    before().cut_at_every_call(true, scale("INDELIBLE_SIM_STRIDE", 3));
}

/// Every call fails once in each way; what was not done is done by the same again, in the same process.
#[test]
fn a_rewriting_that_fails_anywhere_can_be_done_again() {
    let case = before();
    for fault in [Fault::Eio, Fault::EioAfter, Fault::Enospc, Fault::Short, Fault::Eintr] {
        for n in (0..).step_by(scale("INDELIBLE_SIM_STRIDE", 1) as usize) {
            let driver = case.driver.fork(n);
            let log = open(&driver).expect("nothing fails yet");
            plan(&driver, fault, n, false);
            let ended = rewrite(&log, case.trail, false);
            let tripped = driver.faults.tripped();
            driver.faults.heal();
            let result = match (ended, &tripped) {
                (Err(e), None) => Err(format!("it failed without a fault: {e}")),
                (Err(LogError::Corrupt { path, reason, .. }), _) => {
                    Err(format!("a passing fault was taken for damage: {path}: {reason}"))
                }
                _ => rewrite(&log, case.trail, false)
                    .map_err(says)
                    .and_then(|()| case.check(&driver, &log, true)),
            };
            drop(log);
            let result = result.and_then(|()| case.lives_on(&driver.fork(n), false));
            expect(&format!("{fault:?} at call {n}"), &driver.faults, result);
            if tripped.is_none() {
                break;
            }
        }
    }
}
