use serde_json::{Value, json};

use super::*;

fn event(action: &str, n: u8, details: Value) -> Vec<u8> {
    let alert = EventId([1; 16]).to_string();
    let id = if action == "alert.open" { alert.clone() } else { EventId([n; 16]).to_string() };
    let at = format!("2026-11-22T05:00:{n:02}.000000Z");
    json!({
        "trail": "_system", "seq": n, "id": id, "recorded_at": at, "action": action,
        "outcome": "success", "actor": {"id": "k", "email": "ada@example.com"},
        "targets": [{"type": "rule", "id": "r"}, {"type": "alert", "id": alert}], "details": details,
    })
    .to_string()
    .into_bytes()
}

fn opened() -> Vec<u8> {
    let at = "2026-11-22T04:59:00.000000Z";
    event(
        "alert.open",
        1,
        json!({
            "rule": {"id": "r", "title": "R", "level": "high"}, "rule_digest": "00",
            "group": {"context.ip": "192.0.2.1"}, "summary": "R: 192.0.2.1", "found": 3,
            "first_at": at, "last_at": at, "query": "ip:192.0.2.1",
            "events": [{"trail": "default", "seq": 7, "id": EventId([9; 16]).to_string()}],
        }),
    )
}

fn book(closed_max: usize, events: &[Vec<u8>]) -> Book {
    let mut book = Book::new(closed_max);
    events.iter().filter_map(|json| Told::parse(json)).for_each(|told| book.apply(&told));
    book
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[test]
fn the_json_is_that_of_the_api() {
    let book = book(9, &[opened()]);
    let detail = book.get(EventId([1; 16])).unwrap();
    let list = [
        "id",
        "rule",
        "state",
        "group",
        "summary",
        "count",
        "opened_at",
        "first_at",
        "last_at",
        "assignee",
        "acknowledged_at",
        "acknowledged_by",
        "closed_at",
        "closed_by",
        "escalated_at",
        "event",
    ];
    let mut expected = Vec::from(list);
    let shown = serde_json::to_value(&detail.alert).unwrap();
    let sorted = |mut keys: Vec<&'static str>| {
        keys.sort_unstable();
        keys
    };
    let mut found = keys(&shown);
    found.sort_unstable();
    assert_eq!(found, sorted(expected.clone()));
    let shown = serde_json::to_value(detail).unwrap();
    expected.extend(["description", "advice", "query", "events", "history"]);
    let mut found = keys(&shown);
    found.sort_unstable();
    assert_eq!(found, sorted(expected));
    assert_eq!((&shown["state"], &shown["closed_at"]), (&json!("open"), &Value::Null));
    // What is written down comes back.
    let read: AlertDetail = serde_json::from_value(shown).unwrap();
    assert_eq!(&read, detail);
}

#[test]
fn what_is_known_changes_nothing_and_what_makes_no_sense_neither() {
    let close = event("alert.close", 3, json!({"note": "done"}));
    let history = [
        opened(),
        event("alert.acknowledge", 2, json!({})),
        close.clone(),
        event("alert.comment", 4, json!({"note": "late"})),
        event("alert.acknowledge", 5, json!({})),
    ];
    let once = book(9, &history);
    let twice = book(9, &[history.clone(), history].concat());
    let of = |book: &Book| book.get(EventId([1; 16])).unwrap().clone();
    assert_eq!(of(&once), of(&twice));
    assert_eq!(of(&once).more.history.len(), 3);
    assert_eq!(of(&once).alert.closed_by.as_deref(), Some("ada@example.com"));
    assert_eq!(book(0, &[opened(), close]).alerts.len(), 0, "no room for closed ones");
    let failed = String::from_utf8(opened()).unwrap().replace("success", "failure");
    assert_eq!(book(9, &[failed.into_bytes(), b"{}".to_vec(), b"x".to_vec()]).alerts.len(), 0);
}

#[test]
fn the_history_keeps_its_beginning_and_its_end() {
    let mut events = vec![opened()];
    let comment = |n: u32| event("alert.comment", 2, json!({"note": n.to_string()}));
    events.extend((0..1_000).map(comment));
    let book = book(9, &events);
    let history = &book.get(EventId([1; 16])).unwrap().more.history;
    assert_eq!(history.len(), crate::limits::HISTORY_MAX);
    assert_eq!(&*history[0].action, "alert.open");
    assert_eq!(history.back().unwrap().note.as_deref(), Some("999"));
}
