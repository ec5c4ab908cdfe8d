use serde_json::{Value, json};

use super::*;

const LINES: &[u8] = include_bytes!("../../tests/intake/bulk.ndjson");

fn read(index: &str, body: &[u8]) -> Result<Vec<Item>, Malformed> {
    let mut lines = Lines::new(index);
    let mut items = Vec::new();
    let each = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    for (at, line) in each.enumerate() {
        items.extend(lines.line(at as u64 + 1, Ok(line))?);
    }
    lines.finish().map(|()| items)
}

fn taken(item: &Item) -> Value {
    let json = item.1.as_ref().unwrap();
    indelible_event::check(json).unwrap();
    serde_json::from_slice(json).unwrap()
}

#[test]
fn documents_become_events_and_the_rest_is_refused_in_its_place() {
    let items = read("app", LINES).unwrap();
    let ops: Vec<_> =
        items.iter().map(|(op, _)| (op.verb.name(), &*op.index, op.id.as_deref())).collect();
    assert_eq!(
        ops,
        [
            ("index", "filebeat-8", Some("1")),
            ("create", "app", Some("2")),
            ("create", "app", None),
            ("delete", "filebeat-8", Some("1")),
            ("update", "filebeat-8", Some("1")),
        ]
    );
    let event = taken(&items[0]);
    assert_eq!(event["id"], foreign_id("filebeat-8", "1"));
    assert_eq!(event["occurred_at"], "2026-01-31T10:00:00.123456Z");
    assert_eq!(
        (&event["action"], &event["category"], &event["outcome"]),
        (&json!("user_login"), &json!("authentication"), &json!("failure"))
    );
    assert_eq!(
        event["actor"],
        json!({"type": "user", "id": "17", "name": "maria", "email": "maria@example.com"})
    );
    assert_eq!(event["error"], json!({"code": "E1", "message": "wrong password"}));
    assert_eq!(
        event["context"],
        json!({
            "ip": "192.0.2.7", "user_agent": "curl/8", "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "host": "web-1",
            "http": {"method": "POST", "path": "/login", "status": 401},
        })
    );
    let details = &event["details"];
    assert_eq!((&details["_index"], &details["_id"]), (&json!("filebeat-8"), &json!("1")));
    assert_eq!(details["message"], "login failed");
    assert_eq!(details["http"]["request"]["method"], "POST");
    let own = taken(&items[1]);
    assert_eq!(
        own,
        json!({
            "id": foreign_id("app", "2"), "occurred_at": "2026-01-31T10:00:00.000000Z",
            "action": "invoice.delete", "user_id": "maria",
        })
    );
    let syslog = taken(&items[2]);
    assert_eq!((&syslog["action"], syslog.get("id")), (&json!(ACTION), None));
    assert_eq!(syslog["occurred_at"], "2026-01-31T10:00:00.000000Z");
    assert_eq!(syslog["context"], json!({"service": "su", "host": "db-1"}));
    assert_eq!(items[3].1, Err(unchangeable()));
    assert_eq!(items[4].1, Err(unchangeable()));
}

#[test]
fn a_line_that_is_no_action_refuses_the_whole() {
    for body in [
        "{}",
        "7",
        "{\"index\":{}",
        "{\"index\":{},\"create\":{}}",
        "{\"put\":{}}\n{}",
        "{\"index\":{\"_index\":\"a\"}}",
        "{\"index\":{\"_index\":\"a\"}}\n{}\nnonsense",
    ] {
        assert!(read("", body.as_bytes()).is_err(), "{body}");
    }
    let mut lines = Lines::new("a");
    assert!(lines.line(1, Err("is longer".into())).is_err());
}

#[test]
fn a_document_is_refused_with_its_field() {
    let long = "x".repeat(513);
    for (action, document, field) in [
        ("{\"index\":{}}", "{}", "_index"),
        ("{\"index\":{\"_index\":\"A\"}}", "{}", "_index"),
        ("{\"index\":{\"_index\":\"a/b\"}}", "{}", "_index"),
        ("{\"index\":{\"_index\":7}}", "{}", "_index"),
        (&format!("{{\"index\":{{\"_index\":\"a\",\"_id\":\"{long}\"}}}}"), "{}", "_id"),
        ("{\"index\":{\"_index\":\"a\",\"_id\":{}}}", "{}", "_id"),
        ("{\"index\":{\"_index\":\"a\"}}", "{\"@timestamp\":\"soon\"}", "@timestamp"),
        ("{\"index\":{\"_index\":\"a\"}}", "{\"@timestamp\":{}}", "@timestamp"),
        ("{\"index\":{\"_index\":\"a\"}}", "[1]", ""),
        ("{\"index\":{\"_index\":\"a\"}}", "{\"a\":", ""),
    ] {
        let items = read("", format!("{action}\n{document}\n").as_bytes()).unwrap();
        assert_eq!(items[0].1.as_ref().unwrap_err().field, field, "{action} {document}");
    }
    let mut lines = Lines::new("a");
    lines.line(1, Ok(b"{\"index\":{}}")).unwrap();
    let long = lines.line(2, Err("is longer".into())).unwrap().unwrap().1;
    assert_eq!(long.unwrap_err().message, "is longer");
    // The next line is an action again.
    assert_eq!(lines.line(3, Ok(b"{\"index\":{}}")).unwrap(), None);
}

#[test]
fn times_of_all_usual_forms_are_read() {
    for (text, at) in [
        ("2026-01-31T10:00:00Z", Some("2026-01-31T10:00:00.000000Z")),
        ("2026-01-31T10:00:00.5", Some("2026-01-31T10:00:00.500000Z")),
        ("2026-01-31 10:00:00", Some("2026-01-31T10:00:00.000000Z")),
        ("2026-01-31T10:00:00+01:00", Some("2026-01-31T09:00:00.000000Z")),
        ("2026-01-31T10:00:00.123+0100", Some("2026-01-31T09:00:00.123000Z")),
        ("2026-01-31", Some("2026-01-31T00:00:00.000000Z")),
        ("1769853600123", Some("2026-01-31T10:00:00.123000Z")),
        ("-86400000", Some("1969-12-31T00:00:00.000000Z")),
        ("2026", None),
        ("99999999999999999999", None),
        ("9999999999999999", None),
        ("", None),
        ("2026-01-31T10:00:0é+0100", None),
        ("Jan 31 10:00:00", None),
    ] {
        assert_eq!(time(text).as_deref(), at, "{text}");
    }
}
