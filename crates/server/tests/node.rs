//! A node in a directory of its own, and a client that speaks HTTP/1.1 by hand, so that it can also speak it badly.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use indelible_log::{Clock, Seams};
use indelible_server::{Config, NewKey, Running, Server};
use indelible_sim::{ManualClock, SeededEntropy};
use indelible_store::{InitOptions, OpenOptions, Reader, Store};
use serde_json::Value;

pub struct Node {
    pub dir: tempfile::TempDir,
    pub clock: Arc<ManualClock>,
    pub running: Option<Running>,
    pub store: Option<Arc<Store>>,
    pub admin: String,
}

pub struct Answer {
    pub status: u16,
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// It must be a problem of this status and type.
    #[track_caller]
    pub fn problem(&self, status: u16, kind: &str) -> Value {
        let text = String::from_utf8_lossy(&self.body);
        assert_eq!(self.status, status, "{text}");
        assert_eq!(self.headers["content-type"], "application/problem+json", "{text}");
        let json = self.json();
        assert_eq!(json["type"], format!("https://example.com/problems/{kind}"), "{text}");
        assert_eq!(json["status"], status);
        json
    }
}

impl Node {
    pub fn new() -> Node {
        Node::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut Config)) -> Node {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::default());
        let mut node = Node { dir, clock, running: None, store: None, admin: String::new() };
        Store::init(&node.seams(), &InitOptions { origin: "audit.example.com".into() }).unwrap();
        node.start(change);
        node.admin = node.key("admin", None);
        node
    }

    pub fn seams(&self) -> Seams {
        let mut seams = Seams::real(self.dir.path());
        seams.clock = self.clock.clone();
        seams
    }

    pub fn start(&mut self, change: impl FnOnce(&mut Config)) {
        let store = Arc::new(Store::open(self.seams(), OpenOptions::default()).unwrap());
        let mut config = Config {
            listen: "127.0.0.1:0".parse().unwrap(),
            clock: self.clock.clone(),
            entropy: Arc::new(SeededEntropy::new(self.clock.now().0 as u64)),
            threads: Some(2),
            ..Config::default()
        };
        change(&mut config);
        self.running = Some(Server::start(store.clone(), config).unwrap());
        self.store = Some(store);
    }

    pub fn stop(&mut self) {
        self.running.take().unwrap().shutdown().unwrap();
        let store = Arc::into_inner(self.store.take().unwrap()).expect("nobody holds the store");
        store.close().unwrap();
    }

    pub fn running(&self) -> &Running {
        self.running.as_ref().unwrap()
    }

    pub fn key(&self, role: &str, trails: Option<&[&str]>) -> String {
        let trails = trails.map(|of| of.iter().map(|name| (*name).to_owned()).collect());
        let new = NewKey { role: role.into(), name: role.into(), trails, expires_at: None };
        self.running().make_key(&new).unwrap()
    }

    pub fn connect(&self) -> TcpStream {
        connect(self.running().addr)
    }

    pub fn ask(&self, method: &str, path: &str, headers: &[&str], body: &[u8]) -> Answer {
        request(self.running().addr, method, path, headers, body)
    }

    pub fn get(&self, key: &str, path: &str) -> Answer {
        self.ask("GET", path, &[&bearer(key)], b"")
    }

    pub fn post(&self, key: &str, path: &str, body: &[u8]) -> Answer {
        self.ask("POST", path, &[&bearer(key), "Content-Type: application/json"], body)
    }

    pub fn append(&self, key: &str, body: &str) -> Answer {
        self.post(key, "/api/audit/logs", body.as_bytes())
    }

    /// What `_system` holds by now: the events of one action.
    pub fn system(&self, action: &str) -> Vec<Value> {
        let reader = Reader::open(self.seams().storage).unwrap();
        let trail = reader.trails().remove(0);
        let seqs: Vec<_> = (0..trail.size.0).map(indelible_log::record::Seq).collect();
        let records = reader.read(trail.info.no, &seqs).unwrap();
        let of = records.iter().filter(|record| record.entry().action == action);
        of.map(|record| serde_json::from_slice(&record.view("_system")).unwrap()).collect()
    }
}

fn connect(addr: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(addr).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream
}

/// Sends a request with these lines of headers, and reads the answer.
pub fn request(
    addr: SocketAddr,
    method: &str,
    path: &str,
    headers: &[&str],
    body: &[u8],
) -> Answer {
    let mut stream = connect(addr);
    let mut head = format!("{method} {path} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n");
    for line in headers {
        head += &format!("{line}\r\n");
    }
    head += &format!("Content-Length: {}\r\n\r\n", body.len());
    // A server that refuses early may close before it has read all.
    let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
    answer(&mut stream)
}

pub fn bearer(key: &str) -> String {
    format!("Authorization: Bearer {key}")
}

/// Reads an answer to its end: by its length, its chunks, or the connection's.
pub fn answer(stream: &mut TcpStream) -> Answer {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    split(&bytes)
}

/// An answer of these bytes; of one whose body did not end, the chunks that came.
pub fn split(bytes: &[u8]) -> Answer {
    let head = bytes.windows(4).position(|w| w == b"\r\n\r\n");
    let head = head.unwrap_or_else(|| panic!("no answer: {:?}", String::from_utf8_lossy(bytes)));
    let text = String::from_utf8_lossy(&bytes[..head]).into_owned();
    let mut lines = text.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
    let headers: BTreeMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let mut body = bytes[head + 4..].to_vec();
    if headers.get("transfer-encoding").is_some_and(|coding| coding == "chunked") {
        body = unchunk(&body);
    }
    Answer { status, headers, body }
}

fn unchunk(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(end) = bytes.windows(2).position(|w| w == b"\r\n") {
        let len = usize::from_str_radix(std::str::from_utf8(&bytes[..end]).unwrap(), 16).unwrap();
        let rest = &bytes[end + 2..];
        out.extend_from_slice(&rest[..len.min(rest.len())]);
        bytes = rest.get(len + 2..).unwrap_or_default();
        if len == 0 {
            break;
        }
    }
    out
}
