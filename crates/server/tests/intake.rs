//! The doors that others' clients know: CloudEvents, OpenTelemetry's logs, Elasticsearch's bulk lines.

use std::io::Write as _;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::node::{Answer, Node, bearer};

const EVENTS: &str = "/api/cloudevents";
const LOGS: &str = "/v1/logs";
const PROTOBUF: &str = "Content-Type: application/x-protobuf";
const CLOUDEVENT: &[u8] = include_bytes!("../../connect/tests/intake/cloudevent.json");
const OTLP: &[u8] = include_bytes!("../../connect/tests/intake/logs.binpb");
const OTLP_JSON: &[u8] = include_bytes!("../../connect/tests/intake/logs.json");
const BULK: &[u8] = include_bytes!("../../connect/tests/intake/bulk.ndjson");

fn send(node: &Node, key: &str, path: &str, kind: &str, body: &[u8]) -> Answer {
    node.ask("POST", path, &[&bearer(key), kind], body)
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(plain).unwrap();
    gzip.finish().unwrap()
}

/// What a search finds.
fn found(node: &Node, query: &str) -> Vec<Value> {
    let path = format!("/api/audit/logs?page_size=1000&q={query}");
    let answer = node.get(&node.admin, &path);
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["events"].as_array().unwrap().clone()
}

#[test]
fn cloudevents_come_in_in_all_three_modes() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let structured = "Content-Type: application/cloudevents+json; charset=UTF-8";
    let new = send(&node, &writer, EVENTS, structured, CLOUDEVENT);
    assert_eq!((new.status, &new.json()["results"][0]["status"]), (201, &json!("new")));
    let again = send(&node, &writer, EVENTS, "Content-Type: application/json", CLOUDEVENT);
    assert_eq!(again.status, 200, "also as plain JSON");
    let batch = [b"[", CLOUDEVENT, b",{\"specversion\":\"0.3\"},7]"].concat();
    let kind = "Content-Type: application/cloudevents-batch+json";
    let mixed = node.ask("POST", EVENTS, &[&bearer(&writer), kind, "Content-Encoding: gzip"], &gzip(&batch));
    assert_eq!(mixed.status, 207);
    let results = mixed.json();
    let of = |at: usize| results["results"][at]["status"].as_str().unwrap().to_owned();
    assert_eq!([of(0), of(1), of(2)], ["known", "refused", "refused"]);
    assert_eq!(results["results"][1]["error"]["field"], "specversion");
    assert_eq!(results["results"][1]["error"].get("offset"), None);
    assert_eq!(send(&node, &writer, EVENTS, kind, b"[]").status, 200, "a batch of none is one");
    let auth = bearer(&writer);
    let binary = [
        &*auth,
        "ce-specversion: 1.0",
        "ce-id: 17",
        "ce-source: /billing",
        "ce-type: com.example.Paid",
        "ce-subject: invoice%2017",
        "Content-Type: text/plain",
    ];
    assert_eq!(node.ask("POST", EVENTS, &binary, b"thanks").status, 201);
    let event = &found(&node, "action:com.example.paid")[0];
    assert_eq!(event["targets"][0]["id"], "invoice 17");
    assert_eq!((&event["details"]["data"], &event["context"]["service"]), (&json!("thanks"), &json!("/billing")));
    let waited = send(&node, &writer, &format!("{EVENTS}?wait=published"), structured, CLOUDEVENT);
    assert!(waited.json()["results"][0]["proof"].is_string());
    for kind in ["Content-Type: application/cloudevents+avro", "Content-Type: text/plain"] {
        send(&node, &writer, EVENTS, kind, b"x").problem(415, "unsupported-content");
    }
    let latin = [b"ce-subject: caf".as_slice(), b"\xe9"].concat();
    let latin = String::from_utf8_lossy(&latin).into_owned();
    assert_eq!(node.ask("POST", EVENTS, &[&auth, "ce-specversion: 1.0", &latin], b"").status, 400);
}

#[test]
fn log_records_come_in_in_both_encodings_and_again_do_no_harm() {
    let node = Node::new();
    let writer = node.key("writer", None);
    for (kind, body, action) in [
        (PROTOBUF, OTLP, "application/x-protobuf"),
        ("Content-Type: application/json", OTLP_JSON, "application/json"),
    ] {
        let before = found(&node, "service:my.service").len();
        for _ in 0..2 {
            let answer = send(&node, &writer, LOGS, kind, body);
            assert_eq!((answer.status, &*answer.headers["content-type"]), (200, action));
            assert_eq!(answer.body, if kind == PROTOBUF { &b""[..] } else { b"{}" });
        }
        assert_eq!(found(&node, "service:my.service").len(), before + 3);
    }
    assert_eq!(found(&node, "action:user.login_failed+actor:maria+ip:192.0.2.7").len(), 2);
    let packed = [&*bearer(&writer), PROTOBUF, "Content-Encoding: gzip"];
    assert_eq!(node.ask("POST", LOGS, &packed, &gzip(OTLP)).status, 200);
    assert_eq!(send(&node, &writer, LOGS, PROTOBUF, b"").status, 200, "no records are no fault");
    let twice = r#"{"key":"a","value":{"intValue":1}}"#;
    let bad = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{{"body":{{"stringValue":"fine"}}}},{{"attributes":[{twice},{twice}]}}]}}]}}]}}"#
    );
    let partial = send(&node, &writer, LOGS, "Content-Type: application/json", bad.as_bytes());
    assert_eq!(partial.status, 200);
    let said = &partial.json()["partialSuccess"];
    assert_eq!(said["rejectedLogRecords"], "1");
    let message = said["errorMessage"].as_str().unwrap();
    assert!(message.contains("record 1: /details/attributes/a is given twice"), "{message}");
}

#[test]
fn refusals_of_log_requests_are_what_their_clients_read() {
    let node = Node::new();
    let writer = node.key("writer", Some(&["shop"]));
    let broken = send(&node, &writer, LOGS, PROTOBUF, &OTLP[..OTLP.len() - 1]);
    assert_eq!((broken.status, &*broken.headers["content-type"]), (400, "application/x-protobuf"));
    assert_eq!(broken.body[..2], [8, 3], "google.rpc.Status with INVALID_ARGUMENT");
    let json = "Content-Type: application/json";
    let foreign = send(&node, &writer, &format!("{LOGS}?trail=bank"), json, b"{}");
    assert_eq!((foreign.status, &foreign.json()["code"]), (404, &json!(5)));
    let nobody = node.ask("POST", LOGS, &[json], b"{}");
    assert_eq!((nobody.status, &nobody.json()["code"]), (401, &json!(16)));
    assert!(nobody.headers.contains_key("www-authenticate"));
    assert_eq!(send(&node, &writer, LOGS, "Content-Type: text/plain", b"").status, 415);
    assert_eq!(send(&node, &writer, &format!("{LOGS}?color=red"), json, b"{}").status, 400);
    // A few bytes that say that there is much: a large resource, taken along by each of many records.
    let resource = format!(
        r#"{{"attributes":[{{"key":"a","value":{{"stringValue":"{}"}}}}]}}"#,
        "x".repeat(100_000)
    );
    let records = vec!["{}"; 5000].join(",");
    let large = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{records}]}}],"resource":{resource}}}]}}"#
    );
    assert_eq!(send(&node, &writer, LOGS, json, large.as_bytes()).status, 413);
    let many = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        vec!["{}"; 50_001].join(",")
    );
    assert_eq!(send(&node, &writer, LOGS, json, many.as_bytes()).status, 413);
    assert_eq!(found(&node, "trail:shop").len(), 0, "nothing of it was kept");
}

#[test]
fn bulk_lines_are_answered_one_by_one() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let kind = "Content-Type: application/vnd.elasticsearch+x-ndjson; compatible-with=9";
    let first = send(&node, &writer, "/app/_bulk?refresh=wait_for&timeout=1m", kind, BULK);
    assert_eq!((first.status, &*first.headers["x-elastic-product"]), (200, "Elasticsearch"));
    let body = first.json();
    assert_eq!(body["errors"], true, "two of them change or delete");
    let items = body["items"].as_array().unwrap();
    let told: Vec<(&str, u64)> = items
        .iter()
        .map(|item| item.as_object().unwrap().iter().next().unwrap())
        .map(|(verb, of)| (verb.as_str(), of["status"].as_u64().unwrap()))
        .collect();
    let expected = [("index", 201), ("create", 201), ("create", 201), ("delete", 400), ("update", 400)];
    assert_eq!(told, expected);
    assert_eq!((&items[0]["index"]["_id"], &items[0]["index"]["_index"]), (&json!("1"), &json!("filebeat-8")));
    assert_eq!((&items[0]["index"]["result"], &items[0]["index"]["_seq_no"]), (&json!("created"), &json!(0)));
    assert_eq!(items[2]["create"]["_id"], items[2]["create"]["receipt"]["id"], "it was given one");
    assert_eq!(items[3]["delete"]["error"]["type"], "illegal_argument_exception");
    let put = node.ask("PUT", "/app/_bulk", &[&bearer(&writer), kind], BULK).json();
    let again = &put["items"];
    assert_eq!((&again[0]["index"]["status"], &again[0]["index"]["result"]), (&json!(200), &json!("noop")));
    assert_eq!(again[1]["create"]["status"], 200, "the same again is no conflict");
    let other = "{\"create\":{\"_index\":\"app\",\"_id\":\"2\"}}\n{\"action\":\"invoice.pay\"}\n";
    let conflict = send(&node, &writer, "/_bulk", kind, other.as_bytes()).json();
    let conflict = &conflict["items"][0]["create"];
    assert_eq!((&conflict["status"], &conflict["_id"]), (&json!(409), &json!("2")));
    assert_eq!(conflict["error"]["type"], "version_conflict_engine_exception");
    assert_eq!(found(&node, "action:user_login+ip:192.0.2.7").len(), 1);
    let packed = [&*bearer(&writer), kind, "Content-Encoding: gzip"];
    assert_eq!(node.ask("POST", "/app/_bulk", &packed, &gzip(BULK)).json()["items"].as_array().unwrap().len(), 5);
    for (body, status) in [
        (&b""[..], 400),
        (b"[{\"index\":{}},{}]", 400),
        (b"{\"index\":{}}\n", 400),
        (b"nonsense\n", 400),
    ] {
        let refused = send(&node, &writer, "/app/_bulk", kind, body);
        assert_eq!(refused.status, status, "{}", String::from_utf8_lossy(body));
        assert_eq!(refused.json()["status"], status);
        assert_eq!(refused.headers["x-elastic-product"], "Elasticsearch");
    }
    assert_eq!(send(&node, &writer, "/_bulk", "Content-Type: text/plain", BULK).status, 415);
    assert_eq!(send(&node, &writer, "/_bulk?color=red", kind, BULK).status, 400);
}

#[test]
fn an_index_names_a_trail_that_there_is() {
    let node = Node::new();
    assert_eq!(node.append(&node.admin, r#"{"action":"a","trail":"shop"}"#).status, 201);
    let lines = |index: &str| format!("{{\"index\":{{\"_index\":\"{index}\"}}}}\n{{\"x\":1}}\n");
    let trail = |key: &str, path: &str, index: &str| {
        let answer = node.post(key, path, lines(index).as_bytes()).json();
        answer["items"][0]["index"]["receipt"]["trail"].as_str().unwrap_or("none").to_owned()
    };
    let (any, two) = (node.key("writer", None), node.key("writer", Some(&["shop", "new"])));
    let one = node.key("writer", Some(&["shop"]));
    assert_eq!(trail(&any, "/_bulk", "shop"), "shop");
    assert_eq!(trail(&any, "/_bulk", "logs-2026.01.31"), "default", "an index a day is no trail a day");
    assert_eq!(trail(&any, "/_bulk", "_system"), "none");
    assert_eq!(trail(&any, "/_bulk?trail=bank", "shop"), "bank", "what the request says counts more");
    assert_eq!(trail(&two, "/_bulk", "new"), "new");
    assert_eq!(trail(&two, "/_bulk", "bank"), "none", "it has several, and names none of them");
    assert_eq!(trail(&one, "/_bulk", "bank"), "shop", "it has only one");
}

#[test]
fn credentials_come_as_those_clients_can_send_them() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let coded = |text: String| BASE64_STANDARD.encode(text);
    let good = [
        format!("ApiKey {writer}"),
        format!("apikey {}", coded(format!("any:{writer}"))),
        format!("Basic {}", coded(format!("elastic:{writer}"))),
        format!("Bearer {writer}"),
    ];
    let kind = "Content-Type: application/json";
    for value in &good {
        let auth = format!("Authorization: {value}");
        for (path, body) in [("/a/_bulk", BULK), (LOGS, OTLP_JSON), (EVENTS, CLOUDEVENT)] {
            let status = node.ask("POST", path, &[&auth, kind], body).status;
            assert!([200, 201].contains(&status), "{path} {value}: {status}");
        }
        let api = node.ask("POST", "/api/audit/logs", &[&auth, kind], br#"{"action":"a"}"#).status;
        assert_eq!(api, if value.starts_with("Bearer") { 201 } else { 401 }, "{value}");
    }
    for value in ["ApiKey", "ApiKey ?", "Basic ?", "Basic bm9jb2xvbg==", "Digest x", "Basic ZWxhc3RpYzp4"] {
        let refused = node.ask("POST", "/_bulk", &[&format!("Authorization: {value}"), kind], BULK);
        assert_eq!(refused.status, 401, "{value}");
        assert_eq!(refused.json()["error"]["type"], "security_exception");
    }
    let reader = node.key("reader", None);
    assert_eq!(send(&node, &reader, "/_bulk", kind, BULK).status, 403);
}

/// Thousands of changed requests: each is answered, never with the node's own fault, and what stands beside is kept.
#[test]
fn changed_requests_are_never_the_nodes_fault() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let mut state = 0x9e37_79b9_u64;
    let mut below = |end: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % end.max(1)
    };
    let kinds = ["Content-Type: application/json", PROTOBUF];
    for turn in 0..3000 {
        let (path, kind, seed) = match turn % 4 {
            0 => (EVENTS, kinds[0], CLOUDEVENT),
            1 => (LOGS, kinds[1], OTLP),
            2 => (LOGS, kinds[0], OTLP_JSON),
            _ => ("/app/_bulk", kinds[0], BULK),
        };
        let mut body = seed.to_vec();
        for _ in 0..=below(3) {
            let at = below(body.len());
            match below(4) {
                0 => body.truncate(at),
                1 => body.insert(at, b"{}[]\",:0\n\\\xff"[below(11)]),
                2 if !body.is_empty() => body[at] ^= 1 << below(8),
                _ => {
                    let piece = body[at..(at + below(40)).min(body.len())].to_vec();
                    body.splice(at..at, piece);
                }
            }
        }
        let status = send(&node, &writer, path, kind, &body).status;
        assert!(status < 500, "{path} {status}: {}", String::from_utf8_lossy(&body));
        if turn % 100 == 3 {
            let beside = format!(
                "{{\"index\":{{\"_id\":\"n-{turn}\"}}}}\n{{\"action\":\"beside.it\"}}\n{{\"index\":{{}}}}\n{}\n{{\"index\":{{}}}}\n{{\"action\":\"beside.it\"}}\n",
                String::from_utf8_lossy(&body).replace(['\n', '\r'], " ")
            );
            let items = send(&node, &writer, "/app/_bulk", kind, beside.as_bytes()).json();
            assert_eq!((&items["items"][0]["index"]["status"], &items["items"][2]["index"]["status"]), (&json!(201), &json!(201)));
        }
    }
    assert_eq!(found(&node, "action:beside.it").len(), 60);
}
