//! A node that goes away under load and comes back.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use indelible::RecordError;
use indelible::prelude::*;
use indelible_log::Seams;
use indelible_server::{Config, NewKey, Running, Server};
use indelible_store::{InitOptions, OpenOptions, Store};

use crate::trail::{events, verified};

/// How long the node is away; a minute in the long run.
fn away() -> Duration {
    let seconds = std::env::var("INDELIBLE_OUTAGE_SECONDS").ok().and_then(|s| s.parse().ok());
    Duration::from_secs(seconds.unwrap_or(3))
}

struct Node {
    running: Running,
    store: Arc<Store>,
}

impl Node {
    fn start(dir: &Path, listen: SocketAddr) -> Node {
        let store = Arc::new(Store::open(Seams::real(dir), OpenOptions::default()).unwrap());
        let config = Config { listen, threads: Some(2), ..Config::default() };
        let running = Server::start(store.clone(), config).unwrap();
        Node { running, store }
    }

    fn key(&self) -> String {
        let new =
            NewKey { role: "writer".into(), name: "app".into(), trails: None, expires_at: None };
        self.running.make_key(&new).unwrap()
    }

    fn stop(self) {
        self.running.shutdown().unwrap();
        Arc::into_inner(self.store).unwrap().close().unwrap();
    }
}

#[test]
fn a_node_that_was_away_gets_everything_once_and_memory_stays_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let (data, spool) = (dir.path().join("node"), dir.path().join("spool"));
    Store::init(&Seams::real(&data), &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let node = Node::start(&data, "127.0.0.1:0".parse().unwrap());
    let (addr, key) = (node.running.addr, node.key());
    let recorder = indelible::remote(&format!("http://{addr}"), &key).unwrap();
    let recorder =
        recorder.spool(&spool).durable_within(Duration::from_millis(500)).build().unwrap();

    let (stop, recorded) = (AtomicBool::new(false), AtomicU64::new(0));
    let peak = thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let number = recorded.fetch_add(1, Ordering::Relaxed);
                    recorder.record(Event::new("job.run").detail("number", number));
                    thread::sleep(Duration::from_micros(500));
                }
            });
        }
        thread::sleep(Duration::from_millis(300));
        let before = memory();
        node.stop();
        let back = Instant::now() + away();
        let mut peak = 0;
        let mut asked = false;
        while Instant::now() < back {
            thread::sleep(Duration::from_millis(50));
            peak = peak.max(memory().saturating_sub(before));
            if !asked {
                asked = true;
                let error = recorder.begin(Event::new("store.drop")).wait().unwrap_err();
                assert!(matches!(error, RecordError::Unconfirmed { .. }), "{error}");
            }
        }
        stop.store(true, Ordering::Relaxed);
        peak
    });
    assert!(peak < 64 << 20, "{peak} bytes more");

    let node = Node::start(&data, addr);
    // A minute's events take longer than one flush waits for; it says so each time, and nothing stops.
    let until = Instant::now() + 3 * away() + Duration::from_secs(10);
    while recorder.flush().wait().is_err() && Instant::now() < until {}
    recorder.close().wait().unwrap();
    assert!(recorder.losses().is_empty(), "{:?}", recorder.losses());
    node.stop();
    let kept = events(&data, "default");
    let mut numbers = crate::trail::numbers(&kept, "job.run");
    assert!(numbers.len() > 1_000, "{}", numbers.len());
    numbers.sort_unstable();
    assert_eq!(numbers, Vec::from_iter(0..recorded.load(Ordering::Relaxed)));
    // The operation that was refused while the node was away: said, and said to have not been begun.
    let drops: Vec<_> = kept.iter().filter(|event| event["action"] == "store.drop").collect();
    assert_eq!(drops.len(), 2, "{drops:?}");
    assert!(drops.iter().any(|event| event["phase"] == "intent"));
    assert!(drops.iter().any(|event| event["error"]["code"] == "not_begun"));
    verified(&data);
}

/// The memory of this process that is not of files.
fn memory() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("RssAnon"));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kib| kib.parse().ok());
    kib.unwrap_or(0usize) << 10
}

#[test]
fn a_key_that_is_not_taken_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let (data, spool) = (dir.path().join("node"), dir.path().join("spool"));
    Store::init(&Seams::real(&data), &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let node = Node::start(&data, "127.0.0.1:0".parse().unwrap());
    let url = format!("http://{}", node.running.addr);
    let wrong = "idl_0000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let recorder = indelible::remote(&url, wrong).unwrap().spool(&spool).build().unwrap();
    recorder.record(Event::new("job.run").detail("number", 7));
    let left = recorder.close_within(Duration::from_millis(500)).wait().unwrap_err();
    assert!(left.spooled && left.events == 1, "{left}");
    drop(recorder);
    // The next process, with the right key, finds it.
    let recorder = indelible::remote(&url, &node.key()).unwrap().spool(&spool).build().unwrap();
    recorder.flush().wait().unwrap();
    recorder.close().wait().unwrap();
    node.stop();
    assert_eq!(crate::trail::numbers(&events(&data, "default"), "job.run"), [7]);
}

#[test]
fn what_something_else_than_a_node_turns_away_is_not_lost() {
    let dir = tempfile::tempdir().unwrap();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut request = [0; 1 << 16];
            let _ = stream.read(&mut request);
            let page = "<h1>The plain HTTP request was sent to HTTPS port</h1>";
            let head = "HTTP/1.1 400 Bad Request\r\ncontent-type: text/html\r\nconnection: close";
            let _ = write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{page}", page.len());
        }
    });
    let key = "idl_0000000000000000_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let recorder = indelible::remote(&url, key).unwrap().spool(dir.path()).build().unwrap();
    recorder.record(Event::new("job.run"));
    let left = recorder.close_within(Duration::from_secs(1)).wait().unwrap_err();
    assert!(left.spooled && left.events == 1, "{left}");
    assert_eq!(recorder.losses(), []);
}
