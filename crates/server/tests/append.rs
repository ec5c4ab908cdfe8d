//! What `POST /api/audit/logs` answers.

use std::io::Write as _;

use serde_json::{Value, json};

use crate::node::{Node, bearer};

const LOGS: &str = "/api/audit/logs";
const ID: &str = "0190b1a0-0000-7000-8000-000000000001";

fn statuses(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|r| r["status"].as_str().unwrap()).collect()
}

#[test]
fn each_status_says_what_became_of_the_events() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let event = json!({"id": ID, "action": "a.b", "user_id": "maria"}).to_string();
    let new = node.append(&writer, &event);
    assert_eq!(new.status, 201);
    let result = &new.json()["results"][0];
    assert_eq!((&result["status"], &result["trail"]), (&json!("new"), &json!("default")));
    assert_eq!((&result["seq"], &result["id"]), (&json!(0), &json!(ID)));
    assert_eq!(result["leaf"].as_str().unwrap().len(), 64);
    let known = node.append(&writer, &event);
    assert_eq!(known.status, 200);
    assert_eq!(known.json()["results"][0]["leaf"], result["leaf"]);
    assert_eq!(known.json()["known"], 1);
    let other = json!({"id": ID, "action": "a.c"});
    let conflict = node.append(&writer, &other.to_string());
    assert_eq!(
        (conflict.status, conflict.json()["results"][0]["field"].as_str()),
        (400, Some("action"))
    );
    let mixed = format!(r#"[{event},{{"action":"x"}},{{"action":"!"}},{other},7]"#);
    let mixed = node.append(&writer, &mixed);
    assert_eq!(mixed.status, 207);
    let json = mixed.json();
    assert_eq!(statuses(&json), ["known", "new", "refused", "conflict", "refused"]);
    assert_eq!(json["results"][2]["error"]["field"], "action");
    assert!(json["results"][2]["error"]["offset"].is_u64());
    assert_eq!(
        (&json["new"], &json["refused"], &json["failed"]),
        (&json!(1), &json!(3), &json!(0))
    );
    assert_eq!(node.append(&writer, r#"{"action":"A"}"#).status, 400);
    assert_eq!(node.append(&writer, r#"[{"action":"a"},"#).status, 207, "the array never ends");
    for empty in ["", "  \n", "[]"] {
        node.append(&writer, empty).problem(400, "bad-request");
    }
    let many = format!("[{}]", vec![r#"{"action":"a"}"#; 50_001].join(","));
    node.append(&writer, &many).problem(413, "too-large");
    node.post(&writer, &format!("{LOGS}?wait=soon"), b"{}").problem(400, "bad-parameter");
    node.post(&writer, &format!("{LOGS}?color=red"), b"{}").problem(400, "unknown-parameter");
    let reader = node.running().state().reader();
    assert_eq!(reader.trails()[1].size.0, 3, "what was refused is not there");
}

#[test]
fn lines_answer_lines_and_curls_default_is_taken() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let lines = "{\"action\":\"a\"}\n\n{\"action\":\"A\"}\n{\"action\":\"b\"}";
    let kinds = [&*bearer(&writer), "Content-Type: application/x-ndjson; charset=utf-8"];
    let answer = node.ask("POST", LOGS, &kinds, lines.as_bytes());
    assert_eq!((answer.status, &*answer.headers["content-type"]), (207, "application/x-ndjson"));
    let text = String::from_utf8(answer.body).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|l| &l["status"]).collect::<Vec<_>>(), ["new", "refused", "new"]);
    let form = [&*bearer(&writer), "Content-Type: application/x-www-form-urlencoded"];
    let pretty = "\n{\n  \"action\": \"a.b\"\n}\n";
    assert_eq!(node.ask("POST", LOGS, &form, pretty.as_bytes()).status, 201);
    assert_eq!(node.ask("POST", LOGS, &[&bearer(&writer)], pretty.as_bytes()).status, 201);
    let xml = [&*bearer(&writer), "Content-Type: application/xml"];
    node.ask("POST", LOGS, &xml, b"<a/>").problem(415, "unsupported-content");
    let brotli = [&*bearer(&writer), "Content-Encoding: br"];
    node.ask("POST", LOGS, &brotli, b"{}").problem(415, "unsupported-content");
}

#[test]
fn compressed_bodies_of_either_coding_are_taken() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let event =
        br#"{"action":"a.b","metadata":{"text":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}"#;
    let array = [b"[".as_slice(), event, b",", event, b"]"].concat();
    for (plain, results) in [(event.as_slice(), 1), (&array, 2)] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(plain).unwrap();
        let bodies =
            [("gzip", gzip.finish().unwrap()), ("zstd", zstd::encode_all(plain, 1).unwrap())];
        for (coding, body) in bodies {
            let headers = [&*bearer(&writer), &format!("Content-Encoding: {coding}")];
            let answer = node.ask("POST", LOGS, &headers, &body);
            assert_eq!(answer.status, 201, "{coding}: {}", String::from_utf8_lossy(&answer.body));
            assert_eq!(answer.json()["new"], results);
            let cut = node.ask("POST", LOGS, &headers, &body[..body.len() - 5]);
            cut.problem(400, "bad-request");
        }
    }
}

#[test]
fn an_idempotency_key_makes_repeating_harmless() {
    let node = Node::new();
    let (one, other) = (node.key("writer", None), node.key("writer", None));
    let body = br#"[{"action":"a"},{"action":"a"}]"#;
    let send = |key: &str, idempotency: &str| {
        node.ask("POST", LOGS, &[&bearer(key), &format!("Idempotency-Key: {idempotency}")], body)
    };
    let first = send(&one, "order-7");
    assert_eq!((first.status, &first.json()["new"]), (201, &json!(2)));
    let again = send(&one, "order-7");
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["results"][1]["id"], first.json()["results"][1]["id"]);
    assert_eq!(send(&one, "order-8").status, 201);
    assert_eq!(send(&other, "order-7").status, 201, "another credential's keys are its own");
    send(&one, &"x".repeat(257)).problem(400, "bad-request");
}

#[test]
fn an_answer_can_wait_for_its_proof() {
    let node = Node::new();
    let writer = node.key("writer", None);
    let answer = node.post(
        &writer,
        &format!("{LOGS}?wait=published"),
        br#"[{"action":"a"},{"action":"!"}]"#,
    );
    assert_eq!(answer.status, 207);
    let json = answer.json();
    let proof = json["results"][0]["proof"].as_str().unwrap();
    let reader = node.running().state().reader();
    let trail = reader.trails().remove(1);
    let proven = indelible_store::verify_proof(proof.as_bytes(), &reader.vkey(&trail).unwrap());
    assert_eq!(proven.unwrap().index, 0);
    let auditor = node.key("auditor", None);
    let id = json["results"][0]["id"].as_str().unwrap();
    let alone = node.get(&auditor, &format!("{LOGS}/{id}/proof?redact=who,what"));
    assert_eq!((alone.status, &*alone.headers["content-type"]), (200, "text/plain; charset=utf-8"));
    node.get(&auditor, &format!("{LOGS}/{id}/proof?redact=when")).problem(400, "bad-parameter");
    node.get(&auditor, &format!("{LOGS}/nonsense/proof")).problem(404, "not-found");
    node.get(&auditor, &format!("{LOGS}/{ID}/proof")).problem(404, "not-found");
}

#[test]
fn a_bound_writer_writes_to_its_trails_only() {
    let node = Node::new();
    let bound = node.key("writer", Some(&["shop"]));
    let two = node.key("writer", Some(&["shop", "bank"]));
    let answer = node.append(
        &bound,
        r#"[{"action":"a"},{"action":"a","trail":"bank"},{"action":"a","tenant_id":"shop"}]"#,
    );
    assert_eq!(answer.status, 207);
    assert_eq!(statuses(&answer.json()), ["new", "refused", "new"]);
    assert_eq!(answer.json()["results"][0]["trail"], "shop");
    assert_eq!(answer.json()["results"][1]["error"]["field"], "trail");
    node.post(&bound, &format!("{LOGS}?trail=bank"), b"{}").problem(404, "not-found");
    assert_eq!(node.post(&bound, &format!("{LOGS}?trail=shop"), br#"{"action":"a"}"#).status, 201);
    assert_eq!(statuses(&node.append(&two, r#"{"action":"a"}"#).json()), ["refused"]);
    assert_eq!(node.post(&two, &format!("{LOGS}?trail=bank"), br#"{"action":"a"}"#).status, 201);
    for key in [&bound, &node.admin] {
        assert_eq!(node.append(key, r#"{"action":"a","trail":"_system"}"#).status, 400);
    }
}
