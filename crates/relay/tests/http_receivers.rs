use std::collections::BTreeMap;
use std::io::Read as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use flate2::read::GzDecoder;
use indelible_log::Seams;
use indelible_relay::streams::{Sink, SinkError};
use serde_json::{Value, json};

use crate::brokers::{event, poison, send_all, sink};
use crate::receiver::{Request, Response, serve};

fn open(file: &str) -> Box<dyn Sink> {
    sink(file, Seams::real(std::env::temp_dir())).unwrap()
}

fn token() -> (tempfile::TempDir, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("token");
    std::fs::write(&path, "the-token\n").unwrap();
    let file = path.display().to_string();
    (dir, file)
}

fn wrong(error: SinkError) -> (String, String) {
    match error {
        SinkError::Wrong { why, hint } => (why, hint),
        other => panic!("{other:?}"),
    }
}

/// As the documentation of the collector says it answers.
#[derive(Default)]
struct Collector {
    taken: Vec<Value>,
    acks: BTreeMap<u64, u32>,
    ack: bool,
    busy: u32,
}

impl Collector {
    fn answer(&mut self, request: &Request) -> Response {
        let said = |status, text: Value| Response(status, "", text.to_string());
        if request.line.starts_with("GET /services/collector/health ") {
            return said(200, json!({"text": "HEC is healthy", "code": 17}));
        }
        match request.header("authorization") {
            "" => return said(401, json!({"text": "Token is required", "code": 2})),
            "Splunk the-token" => {}
            _ => return said(403, json!({"text": "Invalid token", "code": 4})),
        }
        if self.busy > 0 {
            self.busy -= 1;
            let text = json!({"text": "Server is busy", "code": 9}).to_string();
            return Response(503, "Retry-After: 7\r\n", text);
        }
        if self.ack && request.header("x-splunk-request-channel").is_empty() {
            return said(400, json!({"text": "Data channel is missing", "code": 10}));
        }
        if request.line.starts_with("POST /services/collector/ack ") {
            let asked: Value = serde_json::from_slice(&request.body).unwrap();
            let id = asked["acks"][0].as_u64().unwrap();
            let left = self.acks.get_mut(&id).unwrap();
            *left = left.saturating_sub(1);
            return said(200, json!({"acks": {id.to_string(): *left == 0}}));
        }
        let events = serde_json::Deserializer::from_slice(&request.body).into_iter::<Value>();
        let events: Vec<Value> = events.map(Result::unwrap).collect();
        if events.is_empty() {
            return said(400, json!({"text": "No data", "code": 5}));
        }
        for (at, event) in events.iter().enumerate() {
            if event["index"] == "missing" {
                return said(
                    400,
                    json!({"text": "Incorrect index", "code": 7, "invalid-event-number": at}),
                );
            }
            if event["event"]["details"]["n"] == "poison" {
                return said(
                    400,
                    json!({"text": "Invalid data format", "code": 6, "invalid-event-number": at}),
                );
            }
        }
        self.taken.extend(events);
        let mut text = json!({"text": "Success", "code": 0});
        if self.ack {
            let id = self.acks.len() as u64;
            self.acks.insert(id, 3);
            text["ackId"] = id.into();
        }
        said(200, text)
    }
}

fn collector(state: Collector) -> (Arc<Mutex<Collector>>, String) {
    let state = Arc::new(Mutex::new(state));
    let shared = Arc::clone(&state);
    (state, serve(move |request| shared.lock().unwrap().answer(request)))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn splunk_gets_everything_but_what_it_refuses() {
    let (_dir, token) = token();
    let (state, url) = collector(Collector { ack: true, busy: 1, ..Collector::default() });
    let file = format!(
        "streams: [ {{ name: splunk, to: {{ splunk: {{ url: \"{url}/\", token: {{ file: \"{token}\" }}, index: audit, ack: true }} }} }} ]"
    );
    tokio::task::block_in_place(|| {
        let mut out = open(&file);
        match out.send(&[event(0)]).unwrap_err() {
            SinkError::Later { wait, why } => {
                assert_eq!(wait, Some(Duration::from_secs(7)));
                assert!(why.contains("Server is busy"), "{why}");
            }
            other => panic!("{other:?}"),
        }
        out.probe().unwrap();
        let mut events: Vec<_> = (0..40).map(event).collect();
        events[7] = poison(7);
        events[30] = poison(30);
        let aside = send_all(&mut *out, &events, |error| panic!("{error:?}"));
        assert_eq!(aside.keys().copied().collect::<Vec<_>>(), [7, 30]);
        assert!(aside[&7].contains("Invalid data format"), "{aside:?}");
    });
    let taken = state.lock().unwrap().taken.clone();
    let mut seqs: Vec<_> = taken.iter().map(|one| one["fields"]["seq"].as_u64().unwrap()).collect();
    // At least once, in order: repeats go.
    let mut seen = std::collections::HashSet::new();
    seqs.retain(|seq| seen.insert(*seq));
    assert_eq!(seqs, (0..40).filter(|seq| ![7, 30].contains(seq)).collect::<Vec<_>>());
    let one = &taken[0];
    assert_eq!(one["time"], "1769853600.000000");
    assert_eq!((&one["index"], &one["sourcetype"]), (&json!("audit"), &json!("_json")));
    assert_eq!(one["fields"]["leaf"], "ab".repeat(32));
    assert_eq!(one["event"]["action"], "file.read");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn splunk_says_what_has_to_be_put_right() {
    let (_dir, token) = token();
    let (_, url) = collector(Collector::default());
    let (_, acking) = collector(Collector { ack: true, ..Collector::default() });
    let refused = |url: &str, more: &str| {
        let file =
            format!("streams: [ {{ name: s, to: {{ splunk: {{ url: \"{url}\", {more} }} }} }} ]");
        wrong(open(&file).send(&[event(1)]).unwrap_err())
    };
    tokio::task::block_in_place(|| {
        let good = format!("token: {{ file: \"{token}\" }}");
        let (why, hint) = refused(&url, &format!("{good}, index: missing"));
        assert!(why.contains("Incorrect index") && hint.contains("create the index"), "{why}");
        let (_, hint) = refused(&url, &format!("{good}, ack: true"));
        assert!(hint.contains("take `ack` away"), "{hint}");
        let (_, hint) = refused(&acking, &good);
        assert!(hint.contains("set `ack: true`"), "{hint}");
        let other = token.replace("token", "other");
        std::fs::write(&other, "another").unwrap();
        let (why, hint) = refused(&url, &format!("token: {{ file: \"{other}\" }}"));
        assert!(why.contains("Invalid token") && hint.contains("token"), "{why}");
        assert!(!why.contains("another"), "{why}");
    });
}

/// As the bulk API's documentation says.
#[derive(Default)]
struct Documents {
    taken: BTreeMap<String, Value>,
    order: Vec<String>,
    busy_at: Option<usize>,
    bytes_max: usize,
}

impl Documents {
    fn answer(&mut self, request: &Request) -> Response {
        if request.header("authorization") != "ApiKey the-token" {
            return Response(
                401,
                "",
                json!({"error": {"type": "security_exception"}, "status": 401}).to_string(),
            );
        }
        if request.line.starts_with("GET / ") {
            return Response(200, "", json!({"version": {"number": "9.0.0"}}).to_string());
        }
        assert!(request.line.starts_with("POST /_bulk"), "{}", request.line);
        assert_eq!(request.header("content-type"), "application/x-ndjson");
        if request.body.len() > self.bytes_max {
            return Response(413, "", String::new());
        }
        let lines: Vec<Value> =
            request.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let mut items = Vec::new();
        for (at, pair) in lines.chunks(2).enumerate() {
            let id = pair[0]["create"]["_id"].as_str().unwrap().to_owned();
            let (status, error) = if self.busy_at == Some(at) {
                (429, json!({"type": "es_rejected_execution_exception", "reason": "full"}))
            } else if pair[1]["details"]["n"] == "poison" {
                (
                    400,
                    json!({"type": "document_parsing_exception", "reason": "failed to parse field [details.n]"}),
                )
            } else if self.taken.contains_key(&id) {
                (409, json!({"type": "version_conflict_engine_exception", "reason": "exists"}))
            } else {
                self.order.push(id.clone());
                let mut document = pair[1].clone();
                document["_index"] = pair[0]["create"]["_index"].clone();
                self.taken.insert(id, document);
                (201, Value::Null)
            };
            let mut item = json!({"status": status});
            if !error.is_null() {
                item["error"] = error;
            }
            items.push(json!({"create": item}));
        }
        self.busy_at = None;
        let errors = items.iter().any(|item| !item["create"]["error"].is_null());
        Response(200, "", json!({"errors": errors, "items": items}).to_string())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elasticsearch_gets_each_event_once() {
    let (_dir, token) = token();
    let state = Arc::new(Mutex::new(Documents {
        busy_at: Some(5),
        bytes_max: 6_000,
        ..Documents::default()
    }));
    let shared = Arc::clone(&state);
    let url = serve(move |request| shared.lock().unwrap().answer(request));
    let file = format!(
        "streams: [ {{ name: es, to: {{ elasticsearch: {{ url: \"{url}\", api_key: {{ file: \"{token}\" }}, index: \"audit-{{trail}}-{{yyyy}}\" }} }} }} ]"
    );
    tokio::task::block_in_place(|| {
        let mut out = open(&file);
        out.probe().unwrap();
        let mut events: Vec<_> = (0..60).map(event).collect();
        events[20] = poison(20);
        let mut later = 0;
        let aside = send_all(&mut *out, &events, |error| {
            assert!(matches!(error, SinkError::Later { .. }), "{error:?}");
            later += 1;
        });
        assert_eq!((aside.keys().copied().collect::<Vec<_>>(), later), (vec![20], 1));
        assert!(aside[&20].contains("details.n"), "{aside:?}");
        // What was sent before is there already, and that is fine.
        out.send(&events[..20]).unwrap();
    });
    let state = state.lock().unwrap();
    assert_eq!(state.taken.len(), 59);
    let one = &state.taken[&format!("acme.{}", event(3).id)];
    assert_eq!(one["@timestamp"], "2026-01-31T10:00:00.000000Z");
    assert_eq!(one["_index"], "audit-acme-2026");
    assert_eq!((&one["seq"], &one["leaf"]), (&json!(3), &json!("ab".repeat(32))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn elasticsearch_says_what_has_to_be_put_right() {
    let (_dir, token) = token();
    let url = serve(|request| match request.line.contains("/proxy") {
        true => Response(200, "", "<html>".into()),
        false => Response(401, "", String::new()),
    });
    let refused = |url: &str| {
        let file = format!(
            "streams: [ {{ name: es, to: {{ elasticsearch: {{ url: \"{url}\", user: u, password: {{ file: \"{token}\" }} }} }} }} ]"
        );
        wrong(open(&file).send(&[event(1)]).unwrap_err())
    };
    tokio::task::block_in_place(|| {
        let (why, hint) = refused(&url);
        assert!(why.contains("401") && hint.contains("credentials"), "{why} {hint}");
        let (why, _) = refused(&format!("{url}/proxy"));
        assert!(why.contains("none of a bulk API"), "{why}");
    });
    let gone = "streams: [ { name: es, to: { elasticsearch: { url: \"http://127.0.0.1:9\" } } } ]";
    tokio::task::block_in_place(|| {
        let error = open(gone).send(&[event(1)]).unwrap_err();
        assert!(matches!(error, SinkError::Later { .. }), "{error:?}");
    });
    for bad in ["ftp://x", "https://u:p@x", "https://x?q=1", "nonsense"] {
        let file =
            format!("streams: [ {{ name: es, to: {{ elasticsearch: {{ url: \"{bad}\" }} }} }} ]");
        let error = sink(&file, Seams::real(std::env::temp_dir())).map(drop).unwrap_err();
        let (why, _) = wrong(error);
        assert!(!why.contains("u:p"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_is_one_file_and_the_same_one_again() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().join("archive");
    let file =
        format!("streams: [ {{ name: files, to: {{ s3: {{ url: \"{}\" }} }} }} ]", place.display());
    let events: Vec<_> = (0..100).map(event).collect();
    tokio::task::block_in_place(|| {
        let mut out = open(&file);
        out.probe().unwrap();
        assert!(out.batch().patience > Duration::ZERO);
        out.send(&events).unwrap();
        out.send(&events).unwrap();
    });
    let day = place.join("files/2026/01/31");
    let names: Vec<_> =
        std::fs::read_dir(&day).unwrap().map(|one| one.unwrap().file_name()).collect();
    let name = "00000000000000000000-00000000000000000099-";
    assert!(names.len() == 1 && names[0].to_string_lossy().starts_with(name), "{names:?}");
    let mut text = String::new();
    let packed = std::fs::read(day.join(&names[0])).unwrap();
    GzDecoder::new(&packed[..]).read_to_string(&mut text).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 100);
    assert_eq!(lines[42].as_bytes(), &events[42].json[..]);
}
