//! Streams of a node, to a receiver over a real socket; the clock is moved.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indelible_log::Clock as _;
use indelible_relay::Connections;
use indelible_server::Config;
use serde_json::{Value, json};

use crate::node::Node;

/// Ten minutes and more, in steps as long as the longest pause.
const MINUTE: i64 = 60_000_000;

/// Takes signed POSTs, while it is not down, and keeps the events in them.
struct Receiver {
    url: String,
    down: Arc<AtomicBool>,
    has: Arc<Mutex<Vec<Value>>>,
}

impl Receiver {
    fn new() -> Receiver {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/audit", listener.local_addr().unwrap());
        let (down, has) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (is_down, got) = (down.clone(), has.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A connection that closes without a word is what a receiver looks like that is being restarted.
                if !is_down.load(Ordering::SeqCst) {
                    answer(stream, &got);
                }
            }
        });
        Receiver { url, down, has }
    }

    fn set_down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn seqs(&self, trail: &str) -> Vec<u64> {
        let has = self.has.lock().unwrap();
        let of = has.iter().filter(|event| event["trail"] == trail);
        of.map(|event| event["seq"].as_u64().unwrap()).collect()
    }

    #[track_caller]
    fn until(&self, what: &str, is_so: impl Fn() -> bool) {
        for _ in 0..2000 {
            if is_so() {
                return;
            }
            std::thread::park_timeout(Duration::from_millis(10));
        }
        panic!("{what} does not come: {:?}", self.has.lock().unwrap().len());
    }
}

fn answer(stream: TcpStream, has: &Mutex<Vec<Value>>) {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line).is_ok_and(|len| len > 2) {
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let mut body: Value = serde_json::from_slice(&body).unwrap();
    has.lock().unwrap().push(body["data"].take());
    let said = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n";
    reader.into_inner().write_all(said).unwrap();
}

/// A stream of what matches a query.
#[expect(clippy::disallowed_methods, reason = "a test's own files")]
fn described(dir: &Path, url: &str, query: &str) -> Connections {
    let secret = format!("whsec_{}\n", "QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=");
    std::fs::write(dir.join("secret.txt"), secret).unwrap();
    let to = json!({"webhook": {
        "url": url, "secrets": [{"file": "secret.txt"}], "allow_http": true, "allow_private": true,
    }});
    let text = json!({"streams": [{"name": "siem", "query": query, "to": to}]}).to_string();
    Connections::parse(&text, dir).unwrap()
}

fn streams(dir: &Path, url: &str, query: &str) -> impl FnOnce(&mut Config) {
    let connections = described(dir, url, query);
    move |config| config.connections = connections
}

fn append(node: &Node, count: usize, action: &str) -> Vec<Value> {
    let event = json!({"action": action, "actor": {"type": "user", "id": "maria"}});
    let body = Value::from(vec![event; count]).to_string();
    let answer = node.append(&node.admin, &body);
    assert_eq!(answer.status, 201);
    answer.json()["results"].as_array().unwrap().clone()
}

fn siem(node: &Node) -> Value {
    node.get(&node.admin, "/api/streams/siem").json()
}

#[test]
fn a_receiver_that_is_down_for_ten_minutes_gets_everything_in_order() {
    let (receiver, files) = (Receiver::new(), tempfile::tempdir().unwrap());
    let query = "-action:secret.*";
    let mut node = Node::with(streams(files.path(), &receiver.url, query));
    let mut receipts = append(&node, 3, "a.b");
    receiver.until("the first", || receiver.seqs("default").len() == 3);
    receiver.set_down(true);
    for _ in 0..11 {
        receipts.extend(append(&node, 20, "a.b"));
        append(&node, 1, "secret.read");
        let failures = siem(&node)["trouble"]["failures"].as_u64().unwrap_or(0);
        node.clock.advance(MINUTE);
        let tried = || siem(&node)["trouble"]["failures"].as_u64().unwrap_or(0) > failures;
        receiver.until("another try", tried);
    }
    let failing = siem(&node);
    assert_eq!((&failing["state"], failing["sent"].as_u64()), (&"failing".into(), Some(3)));
    assert!(failing["lag"].as_u64().unwrap() >= 231, "{failing}");
    assert!(!failing.to_string().contains("whsec_"), "{failing}");
    receiver.until("the notice", || !node.system("stream.fail").is_empty());
    let status = node.get(&node.admin, "/api/status").json();
    let red = &status["connections"]["failing"][0];
    assert_eq!((&red["what"], &red["name"]), (&"stream".into(), &"siem".into()));
    let page = node.get(&node.admin, "/metrics").body;
    let page = String::from_utf8(page).unwrap();
    for line in [
        "indelible_stream_failing{stream=\"siem\"} 1",
        "indelible_stream_sent_total{stream=\"siem\"} 3",
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is not in\n{page}");
    }
    let ready = node.ask("GET", "/readyz", &[], b"");
    assert_eq!(
        (ready.status, &*ready.body),
        (200, &b"ok\nconnections fail: 1; /api/status tells which\n"[..])
    );

    receiver.set_down(false);
    node.clock.advance(MINUTE);
    receiver.until("the rest", || receiver.seqs("default").len() >= receipts.len());
    receiver.until("recovery", || !node.system("stream.recover").is_empty());
    let seqs: Vec<u64> = receipts.iter().map(|receipt| receipt["seq"].as_u64().unwrap()).collect();
    assert_eq!(receiver.seqs("default"), seqs, "in order, each once, none missing");
    assert!(receiver.seqs("_system").is_empty());
    for (event, receipt) in receiver.has.lock().unwrap().iter().zip(&receipts) {
        assert_eq!((&event["leaf"], &event["id"]), (&receipt["leaf"], &receipt["id"]));
    }
    for (action, count) in [("stream.start", 1), ("stream.fail", 1), ("stream.recover", 1)] {
        assert_eq!(node.system(action).len(), count, "{action}");
    }
    node.stop();
    node.start(streams(files.path(), &receiver.url, query));
    append(&node, 1, "a.b");
    receiver.until("one more", || receiver.seqs("default").len() > seqs.len());
    assert_eq!(receiver.seqs("default").len(), seqs.len() + 1, "a restart repeats nothing");
    node.stop();
}

#[test]
fn a_stream_is_paused_resumed_and_sends_again_from_any_place() {
    let (receiver, files) = (Receiver::new(), tempfile::tempdir().unwrap());
    let node = Node::with(streams(files.path(), &receiver.url, "trail:default OR trail:_system"));
    let post = |path: &str, body: &str| {
        node.post(&node.admin, &format!("/api/streams/{path}"), body.as_bytes())
    };
    append(&node, 5, "a.b");
    receiver.until("the first", || receiver.seqs("default").len() == 5);
    assert!(receiver.seqs("_system").contains(&0), "the query names the trail");
    let paused = post("siem/pause", "");
    assert_eq!((paused.status, &paused.json()["state"]), (200, &"paused".into()));
    assert!(paused.headers.contains_key("indelible-event"));
    let sent = receiver.has.lock().unwrap().len();
    node.clock.advance(1);
    let at = node.clock.now().to_string();
    append(&node, 5, "a.b");
    assert!(siem(&node)["lag"].as_u64().unwrap() >= 5);
    assert_eq!(receiver.has.lock().unwrap().len(), sent);
    assert_eq!(post("siem/resume", "").status, 200);
    receiver.until("the rest", || receiver.seqs("default").len() == 10);

    let count = |seq| receiver.seqs("default").iter().filter(|of| **of == seq).count();
    assert_eq!(post("siem/replay", r#"{"from":"default/7"}"#).status, 200);
    receiver.until("the end again", || count(9) == 2);
    assert_eq!((count(6), count(7)), (1, 2));
    let from = json!({"from": at}).to_string();
    assert_eq!(post("siem/replay", &from).status, 200);
    receiver.until("the end again", || count(9) == 3);
    assert_eq!(post("siem/replay", r#"{"from":"beginning"}"#).status, 200);
    receiver.until("the end again", || count(9) == 4);
    assert!(count(0) >= 2);
    let told = node.system("stream.replay");
    assert_eq!(told.len(), 3);
    assert_eq!(told[0]["details"]["from"], "default/7");
    post("siem/replay", r#"{"from":"yesterday"}"#).problem(400, "bad-parameter");
    post("siem/replay", r#"{"from":"default/4711"}"#).problem(404, "not-found");
    post("other/pause", "").problem(404, "not-found");
    assert_eq!(node.system("stream.replay").len(), 3);
}

#[test]
fn a_receiver_that_hangs_slows_nothing_down() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let files = tempfile::tempdir().unwrap();
    let node = Node::with(streams(files.path(), &url, ""));
    append(&node, 1, "a.b");
    // It takes the connection, and never says a word.
    let (held, _) = listener.accept().unwrap();
    let seqs: BTreeSet<u64> = (0..100)
        .flat_map(|_| append(&node, 10, "a.b"))
        .map(|receipt| receipt["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs.len(), 1000, "all of them durable while one request waits");
    let stream = siem(&node);
    assert_eq!(stream["sent"], 0);
    assert!(stream["lag"].as_u64().unwrap() >= 1000, "{stream}");
    drop((held, listener));
}

#[test]
fn what_makes_no_sense_keeps_the_node_from_starting() {
    let files = tempfile::tempdir().unwrap();
    let mut node = Node::new();
    node.stop();
    let connections = described(files.path(), "https://siem.example.com/", "actor:");
    let store = indelible_store::Store::open(node.seams(), indelible_store::OpenOptions::default());
    let config = Config {
        listen: "127.0.0.1:0".parse().unwrap(),
        clock: node.clock.clone(),
        connections,
        ..Config::default()
    };
    let Err(error) = indelible_server::Server::start(Arc::new(store.unwrap()), config) else {
        panic!("it started")
    };
    assert!(error.to_string().starts_with("the stream siem: query: "), "{error}");
}
