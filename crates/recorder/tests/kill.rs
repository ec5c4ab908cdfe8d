//! Processes that share a spool are killed at random moments, while their transport works and while it does not.
//! What they had recorded a moment before must arrive.
//!
//! The workers are this test binary itself, run once more with their directory in the environment. They print each
//! event's number once `record` has returned. `INDELIBLE_KILLS` is the number of rounds.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use indelible_recorder::{EventId, Receipt, Recorder, SendError, Sent, Transport};
use serde_json::Value;

use crate::harness::numbered;

const DIR: &str = "INDELIBLE_SPOOL_KILL_DIR";
const ROUND: &str = "INDELIBLE_SPOOL_KILL_ROUND";
/// Numbers of a worker begin at its round times this.
const ROUND_SIZE: u64 = 1 << 32;
/// What was recorded so many milliseconds before a kill must be there. Alone on a machine 200 is enough; beside other
/// tests a write may wait for somebody's sync.
const SAFE_AFTER: (&str, u64) = ("INDELIBLE_KILL_SAFE_MS", 1000);

/// Writes what it gets to a file, a line each; fails while there is a file `down`, and
/// takes its time while there is one `slow`, so that what waits is acknowledged in part.
struct Lines {
    dir: PathBuf,
    file: File,
}

impl Lines {
    fn open(dir: &Path) -> Lines {
        let file = OpenOptions::new().append(true).create(true).open(dir.join("received")).unwrap();
        Lines { dir: dir.to_owned(), file }
    }
}

impl Transport for Lines {
    fn destination(&self) -> String {
        "lines".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        if self.dir.join("down").exists() {
            return Err(SendError::passing("down"));
        }
        if self.dir.join("slow").exists() {
            thread::sleep(Duration::from_millis(15));
        }
        let mut lines = String::new();
        let mut sent = Vec::new();
        for event in events {
            let event: Value = serde_json::from_slice(event).unwrap();
            let text = |value: &Value| value.as_str().unwrap().to_owned();
            let (id, source) = (text(&event["id"]), text(&event["source"]["id"]));
            let (n, seq) = (&event["details"]["n"], &event["source"]["seq"]);
            lines.push_str(&format!("{id} {source} {seq} {n}\n"));
            let id = EventId::parse(&id).unwrap();
            sent.push(Sent::Kept(Receipt { id, trail: "t".into(), seq: None, leaf: None }));
        }
        (&self.file).write_all(lines.as_bytes()).unwrap();
        Ok(sent)
    }
}

fn recorder(dir: &Path) -> Recorder {
    let builder = Recorder::builder(Lines::open(dir)).flush_interval(Duration::from_millis(5));
    builder.spool(dir.join("spool")).build().unwrap()
}

/// Records until it is killed, when it is told to by the environment; as a test it has nothing to do.
#[test]
fn worker() {
    let Some(dir) = std::env::var_os(DIR) else { return };
    let round: u64 = std::env::var(ROUND).unwrap().parse().unwrap();
    let recorder = recorder(Path::new(&dir));
    let mut out = std::io::stdout();
    for n in 0.. {
        let n = round * ROUND_SIZE + n;
        recorder.record(numbered(n).detail("pad", "x".repeat((n % 500) as usize)));
        out.write_all(format!("+ {n}\n").as_bytes()).and_then(|()| out.flush()).unwrap();
        if n.is_multiple_of(20) {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

struct Worker {
    child: Child,
    told: JoinHandle<Vec<(Instant, u64)>>,
}

impl Worker {
    fn start(dir: &Path, round: u64) -> Worker {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["kill::worker", "--exact", "--nocapture", "--test-threads=1"])
            .env(DIR, dir)
            .env(ROUND, round.to_string())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let number = |line: String| line.strip_prefix("+ ")?.parse().ok();
        let told = thread::spawn(move || {
            let numbers = lines.map_while(Result::ok).filter_map(number);
            numbers.map(|n| (Instant::now(), n)).collect()
        });
        Worker { child, told }
    }

    /// What it told, and when it was killed.
    fn kill(mut self) -> (Instant, Vec<(Instant, u64)>) {
        let at = Instant::now();
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        (at, self.told.join().unwrap())
    }
}

#[test]
fn what_was_recorded_a_moment_before_a_kill_arrives() {
    let rounds = std::env::var("INDELIBLE_KILLS").map_or(6, |kills| kills.parse().unwrap());
    let mut state = 0x2545_f491_u64;
    // A directory of its own for some of them, so that there is never more than a few seconds' backlog.
    for first in (0..rounds).step_by(6) {
        kill_and_restart(6.min(rounds - first), &mut state);
    }
}

fn kill_and_restart(rounds: u64, state: &mut u64) {
    let dir = tempfile::tempdir().unwrap();
    let mut must = Vec::new();
    let mut last: HashMap<u64, u64> = HashMap::new();
    let safe = std::env::var(SAFE_AFTER.0).map_or(SAFE_AFTER.1, |ms| ms.parse().unwrap());
    let safe_after = Duration::from_millis(safe);
    let slow = dir.path().join("slow");
    std::fs::write(&slow, "").unwrap();
    for round in 0..rounds {
        *state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let down = dir.path().join("down");
        // Outages begin and end while they live, too.
        if round % 3 != 2 {
            std::fs::write(&down, "").unwrap();
        } else {
            let _ = std::fs::remove_file(&down);
        }
        let workers = [2 * round, 2 * round + 1].map(|name| Worker::start(dir.path(), name));
        thread::sleep(Duration::from_millis(safe + 100 + (*state >> 33) % 400));
        if round % 2 == 1 {
            let _ = std::fs::remove_file(&down);
            thread::sleep(Duration::from_millis((*state >> 40) % 200));
        }
        for worker in workers {
            let (killed, told) = worker.kill();
            let safe = told.iter().filter(|(at, _)| killed - *at > safe_after);
            must.extend(safe.map(|(_, n)| *n));
            last.extend(told.last().map(|(_, n)| (n / ROUND_SIZE, *n)));
        }
    }
    let _ = std::fs::remove_file(dir.path().join("down"));
    std::fs::remove_file(&slow).unwrap();
    let adopting = recorder(dir.path());
    adopting.close_within(Duration::from_secs(60)).wait().unwrap();
    assert!(adopting.losses().is_empty(), "{:?}", adopting.losses());
    drop(adopting);
    assert!(must.len() > 20 * rounds as usize, "only {} to look for", must.len());
    check(&std::fs::read_to_string(dir.path().join("received")).unwrap(), &must, &last);
    let left: Vec<_> = std::fs::read_dir(dir.path().join("spool")).unwrap().collect();
    assert_eq!(left.len(), 1, "only the lock: {left:?}");
}

fn check(received: &str, must: &[u64], last: &HashMap<u64, u64>) {
    let mut ids: HashMap<&str, u64> = HashMap::new();
    let mut numbers = HashSet::new();
    let mut seqs: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for line in received.lines() {
        let [id, source, seq, n] = line.split(' ').collect::<Vec<_>>()[..] else {
            // The last line of a receiver that was killed while it wrote.
            continue;
        };
        let n: u64 = n.parse().unwrap();
        if let Some(before) = ids.insert(id, n) {
            assert_eq!(before, n, "one id is one event");
            continue;
        }
        assert!(numbers.insert(n), "{n} came under two ids");
        seqs.entry(source).or_default().push(seq.parse().unwrap());
        // The one that was recorded and not told any more is the last possible.
        let told = last.get(&(n / ROUND_SIZE)).copied().unwrap_or(n / ROUND_SIZE * ROUND_SIZE);
        assert!(n <= told + 1, "{n} was never recorded");
    }
    // Whatever the moment of the kill: what arrived is all that was recorded up to some point, without a hole.
    for worker in last.keys() {
        let first = worker * ROUND_SIZE;
        let arrived = numbers.iter().filter(|n| **n / ROUND_SIZE == *worker);
        let (count, latest) = arrived.fold((0, first), |(count, max), n| (count + 1, max.max(*n)));
        assert!(count == 0 || latest - first + 1 == count, "{worker}: {count} up to {latest}");
    }
    let lost: Vec<_> = must.iter().filter(|n| !numbers.contains(n)).collect();
    assert!(lost.is_empty(), "{} of {} are lost: {:?}…", lost.len(), must.len(), lost[0]);
    for (source, seqs) in seqs {
        assert!(seqs.is_sorted_by(|a, b| a < b), "{source} is not in order");
    }
}

const OPERATION: &str = "INDELIBLE_SPOOL_KILL_OPERATION";

/// Begins an operation and waits to be killed in it, when it is told to by the environment.
#[test]
fn operator() {
    let Some(dir) = std::env::var_os(OPERATION) else { return };
    let operation = recorder(Path::new(&dir)).begin(numbered(7)).wait().unwrap();
    println!("+ {}", operation.id());
    thread::sleep(Duration::from_secs(60));
}

#[test]
fn a_death_in_the_middle_of_an_operation_leaves_its_intent() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["kill::operator", "--exact", "--nocapture", "--test-threads=1"])
        .env(OPERATION, dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    // The harness writes its own words before it on the same line.
    let told = |line: String| line.split_once("+ ").map(|(_, id)| id.to_owned());
    let intent = lines.into_iter().find_map(told).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    recorder(dir.path()).close().wait().unwrap();
    let received = std::fs::read_to_string(dir.path().join("received")).unwrap();
    assert_eq!(received.lines().count(), 1, "the intent and no outcome");
    assert!(received.starts_with(&intent));
}
