//! A writer is killed at random moments, again and again: what it had acknowledged must be there, once,
//! at its place, and everything must verify.
//!
//! The writer is this test binary itself, run once more with its directory in the environment. It prints
//! a line for each receipt after it got it, so what the test has read was acknowledged before the kill.
//! `INDELIBLE_KILLS` is the number of kills, `INDELIBLE_SEED` where the random numbers start.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_event::{EventId, TrailName, check};
use indelible_log::record::Seq;
use indelible_log::{Appended, LogError, SealAt, Seams};
use indelible_merkle::{Hash, leaf_hash};
use indelible_sim::{Rng, scale};
use indelible_store::{
    InitOptions, Item, OpenOptions, Reader, Store, StoreError, VerifyOptions, verify,
};

const TRAILS: [&str; 3] = ["default", "tenant-a", "tenant-b"];
const THREADS: u64 = 3;
/// Kills of one directory before it is exchanged for a new one.
const KILLS_A_DIRECTORY: u64 = 20;
/// The environment of the worker: its directory, which round it is, and what it does.
const DIR: &str = "INDELIBLE_KILL_DIR";
const ROUND: &str = "INDELIBLE_KILL_ROUND";
const MODE: &str = "INDELIBLE_KILL_MODE";

// ---- the worker ------------------------------------------------------------------------------

/// Acts as the writer when it is told to by the environment; as a test it has nothing to do.
#[test]
fn worker() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let round = scale(ROUND, 0);
    let sealing = std::env::var(MODE).is_ok_and(|mode| mode == "sealing");
    // Sealing and merging are to happen all the time.
    let records = if sealing { 40 } else { 150 };
    let seal_at = SealAt { records, bytes: 1 << 20, merge_debt: 0 };
    let options = OpenOptions { seal_at, ..OpenOptions::default() };
    let store = Store::open(Seams::real(PathBuf::from(dir)), options).unwrap();
    let next = AtomicU64::new(0);
    let out = Mutex::new(std::io::stdout());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (store, next, out) = (&store, &next, &out);
            scope.spawn(move || {
                let mut rng = Rng::new(round * THREADS + thread);
                loop {
                    append_some(store, round, next, &mut rng, out);
                }
            });
        }
        if sealing {
            scope.spawn(|| {
                loop {
                    store.log().seal().unwrap();
                    store.publish().unwrap();
                }
            });
        }
    });
}

/// Appends a batch of random size and tells its receipts.
fn append_some(
    store: &Store,
    round: u64,
    next: &AtomicU64,
    rng: &mut Rng,
    out: &Mutex<std::io::Stdout>,
) {
    let count = if rng.chance(10) { rng.below(20..120) } else { rng.below(1..8) };
    let first = round << 32 | next.fetch_add(count, Ordering::Relaxed);
    let items: Vec<Item> = (first..first + count).map(|n| item(trail_of(n), n)).collect();
    let answers = store.append(&items);
    let mut lines = String::new();
    for (item, answer) in items.iter().zip(answers) {
        let Ok(Appended::Kept(receipt)) = answer else { panic!("{answer:?}") };
        lines.push_str(&format!(
            "+ {} {} {} {}\n",
            item.trail,
            receipt.id,
            receipt.seq.0,
            receipt.leaf.to_base64()
        ));
    }
    let mut out = out.lock().unwrap();
    out.write_all(lines.as_bytes()).and_then(|()| out.flush()).unwrap();
}

fn trail_of(n: u64) -> &'static str {
    // Batches cross trails.
    TRAILS[(n / 5 % 3) as usize]
}

fn item(trail: &str, n: u64) -> Item {
    let pad = "x".repeat((n * 37 % 700) as usize);
    let json = format!(
        r#"{{"id":"018f3a5c-0000-7000-8000-{n:012x}","action":"a.b","user_id":"u{}","metadata":{{"n":{n},"pad":"{pad}"}}}}"#,
        n % 50
    );
    Item {
        trail: TrailName::parse(trail).unwrap(),
        event: check(json.as_bytes()).unwrap(),
        recorded_by: None,
    }
}

// ---- the test's side -------------------------------------------------------------------------

/// A worker and the receipts it tells.
struct Worker {
    child: Child,
    lines: BufReader<ChildStdout>,
}

/// A receipt that was told.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Told {
    trail: String,
    id: EventId,
    seq: u64,
    leaf: Hash,
}

impl Worker {
    fn start(dir: &Path, round: u64, mode: &str) -> Worker {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["worker", "--exact", "--nocapture", "--test-threads=1"])
            .env(DIR, dir)
            .env(ROUND, round.to_string())
            .env(MODE, mode)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Worker { child, lines }
    }

    /// The next receipt; `None` once the worker is dead and all it told was read.
    fn next(&mut self) -> Option<Told> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            // The harness prints lines of its own, the first without an end. A line without its end was
            // cut by the kill, after the receipt in it was acknowledged; the store is asked about others.
            let Some(fields) =
                line.trim_end_matches('\n').split_once("+ ").filter(|_| line.ends_with('\n'))
            else {
                continue;
            };
            let fields: Vec<&str> = fields.1.split(' ').collect();
            let [trail, id, seq, leaf] = fields[..] else { panic!("not a receipt: {line:?}") };
            return Some(Told {
                trail: trail.to_owned(),
                id: EventId::parse(id).unwrap(),
                seq: seq.parse().unwrap(),
                leaf: Hash::from_base64(leaf).unwrap(),
            });
        }
    }

    /// Reads so many receipts, waits for a moment too short to plan, kills, and reads the rest.
    fn kill_after(mut self, receipts: u64, spin: u64, told: &mut Vec<Told>) {
        for _ in 0..receipts {
            told.push(self.next().expect("the worker writes until it is killed"));
        }
        for _ in 0..spin {
            std::hint::spin_loop();
        }
        // SIGKILL: it gets no chance to do anything any more.
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        while let Some(receipt) = self.next() {
            told.push(receipt);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        // A test that fails must not leave a writer behind that writes for ever.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn init(dir: &Path) -> Seams {
    let seams = Seams::real(dir);
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    seams
}

/// Kills a worker so many times and checks after each.
fn kill(kills: u64, mode: &'static str) {
    let seed = scale("INDELIBLE_SEED", 0x1de1);
    let (mut receipts, mut torn, mut removed) = (0, 0, 0);
    let mut rng = Rng::new(seed);
    let mut done = 0;
    while done < kills {
        let dir = tempfile::tempdir().unwrap();
        let seams = init(dir.path());
        let mut told: Vec<Told> = Vec::new();
        for _ in 0..KILLS_A_DIRECTORY.min(kills - done) {
            let before = told.len();
            let few = rng.chance(30);
            let wanted = if few { rng.below(1..30) } else { rng.below(1..1200) };
            let spin = rng.below(0..300_000);
            Worker::start(dir.path(), done + 1, mode).kill_after(wanted, spin, &mut told);
            let at = format!(
                "kill {done}, seed {seed}, after {wanted} receipts in {}",
                dir.path().display()
            );
            let recovery = check_all(&seams, &told, before, &at);
            torn += u64::from(recovery.torn_bytes > 0);
            removed += u64::from(!recovery.removed.is_empty());
            done += 1;
        }
        receipts += told.len();
    }
    println!(
        "{done} kills ({mode}), seed {seed}: {receipts} receipts, {torn} torn tails cut, files left over {removed} times"
    );
}

/// Everything that must hold after a kill, before and after the directory is opened for writing again.
fn check_all(seams: &Seams, told: &[Told], before: usize, at: &str) -> indelible_log::Recovery {
    let holds = |when: &str| {
        let report = verify(&seams.storage, &VerifyOptions::default()).unwrap();
        assert_eq!(report.log.findings, [], "{at}: verification {when}");
    };
    holds("before recovery");
    let options = OpenOptions { background: false, ..OpenOptions::default() };
    let store = Store::open(seams.clone(), options).unwrap_or_else(|e| panic!("{at}: {e}"));
    is_there(store.reader(), told, at);
    // The last round again, by the same ids: the same receipts, whether they had been told or not.
    let again: Vec<Item> = told[before..].iter().rev().take(150).map(item_of).collect();
    let answers = store.append(&again);
    for (receipt, answer) in told[before..].iter().rev().zip(answers) {
        let Ok(Appended::Kept(known)) = answer else { panic!("{at}: {answer:?}") };
        assert!(known.known, "{at}: {receipt:?} is not known any more");
        assert_eq!((known.seq.0, known.leaf), (receipt.seq, receipt.leaf), "{at}");
    }
    let recovery = store.recovery().clone();
    store.log().wait_sealed().unwrap_or_else(|e| panic!("{at}: {e}"));
    store.close().unwrap_or_else(|e| panic!("{at}: {e}"));
    holds("after recovery");
    recovery
}

fn item_of(told: &Told) -> Item {
    let hex: String = told.id.to_string().chars().filter(char::is_ascii_hexdigit).collect();
    item(&told.trail, u64::from_str_radix(&hex[20..], 16).unwrap())
}

/// Every receipt's record must be there as the receipt says, and every trail dense and without doubles.
fn is_there(reader: &Reader, told: &[Told], at: &str) {
    let mut by_place: HashMap<(&str, u64), &Told> = HashMap::new();
    for receipt in told {
        let before = by_place.insert((&receipt.trail, receipt.seq), receipt);
        assert!(before.is_none(), "{at}: {receipt:?} and {before:?} have one place");
    }
    let trails = reader.trails();
    for status in trails.iter().skip(1) {
        let name = status.info.name.as_str();
        let seqs: Vec<Seq> = (0..status.size.0).map(Seq).collect();
        let records = reader.read(status.info.no, &seqs).unwrap_or_else(|e| panic!("{at}: {e}"));
        let mut ids = BTreeSet::new();
        for (seq, record) in records.iter().enumerate() {
            assert_eq!(record.seq.0, seq as u64, "{at}: trail {name} is not dense");
            assert!(
                ids.insert(record.entry().id),
                "{at}: {} is twice in {name}",
                record.entry().id
            );
            if let Some(receipt) = by_place.remove(&(name, seq as u64)) {
                let here = (record.entry().id, leaf_hash(&record.entry));
                assert_eq!(here, (receipt.id, receipt.leaf), "{at}: {receipt:?}");
            }
        }
    }
    assert!(
        by_place.is_empty(),
        "{at}: {} acknowledged records are gone: {:?}",
        by_place.len(),
        by_place.values().next()
    );
}

// ---- the tests -------------------------------------------------------------------------------

#[test]
fn a_kill_at_any_moment_loses_nothing_and_doubles_nothing() {
    kill(scale("INDELIBLE_KILLS", 200), "appending");
}

#[test]
fn a_kill_while_sealing_loses_nothing_and_doubles_nothing() {
    kill(scale("INDELIBLE_KILLS", 200) / 5, "sealing");
}

#[test]
fn a_second_writer_is_refused_and_readers_see_what_was_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let seams = init(dir.path());
    let mut worker = Worker::start(dir.path(), 1, "sealing");
    let mut told = vec![worker.next().unwrap()];
    let mut sizes: BTreeMap<String, u64> = BTreeMap::new();
    for round in 0..200 {
        // Between two readers the writer gets on.
        for _ in 0..25 {
            told.push(worker.next().unwrap());
        }
        if round % 50 == 0 {
            let second = Store::open(seams.clone(), OpenOptions::default()).err();
            assert!(matches!(second, Some(StoreError::Log(LogError::Locked))), "{second:?}");
        }
        let reader =
            Reader::open(seams.storage.clone()).unwrap_or_else(|e| panic!("reader {round}: {e}"));
        for status in reader.trails() {
            let size = sizes.entry(status.info.name.to_string()).or_default();
            assert!(
                status.size.0 >= *size,
                "reader {round}: {} fell from {size}",
                status.info.name
            );
            *size = status.size.0;
            if let Err(e) = reader.checkpoint(&status)
                && !matches!(e, StoreError::NotFound(_))
            {
                panic!("reader {round}: {e}");
            }
        }
        // What was acknowledged before the reader opened is there; a few of it, and the latest.
        for receipt in told.iter().rev().step_by(told.len().div_ceil(20)) {
            let trail = reader.trail(&TrailName::parse(&receipt.trail).unwrap()).unwrap();
            let records = reader.read(trail.info.no, &[Seq(receipt.seq)]);
            let records = records.unwrap_or_else(|e| panic!("reader {round}: {receipt:?}: {e}"));
            assert_eq!(
                (records[0].entry().id, leaf_hash(&records[0].entry)),
                (receipt.id, receipt.leaf)
            );
            assert_eq!(reader.find(&trail, receipt.id).unwrap(), Seq(receipt.seq));
        }
    }
    let before = told.len();
    worker.kill_after(1, 0, &mut told);
    check_all(&seams, &told, before, "after the readers");
}
