use indelible_event::{Checked, Entry, EventId, Micros, Part, check_with_subject, view};
use proptest::prelude::*;

use super::*;

/// An event as the node serves it, once it has been checked and kept.
fn served(json: &str) -> String {
    let Checked { action, category, outcome, phase, reference, source, occurred_at, parts, .. } =
        check_with_subject(json.as_bytes(), Some("alice")).unwrap();
    let entry = Entry {
        id: EventId([7; 16]),
        recorded_at: Micros(0),
        occurred_at,
        action: &action,
        category: category.as_deref(),
        outcome,
        phase,
        reference,
        source,
        recorded_by: Some("key:1"),
        parts_hash: [0; 32],
    };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    String::from_utf8(view("shop", u64::MAX, &bytes, Part::ALL.map(|part| parts.get(part))))
        .unwrap()
}

/// Reads it without any repair.
fn strictly(json: &str) -> Event {
    serde_json::from_str(json).unwrap_or_else(|error| panic!("{error}: {json}"))
}

#[test]
fn every_member_that_a_node_serves_is_read() {
    let event = strictly(&served(
        r#"{"occurred_at":"2026-01-31T10:00:00Z","action":"a.b","category":"c","outcome":"error","phase":"correction",
        "ref":"01908e3c-0000-7000-8000-000000000001","source":{"id":"000102030405060708090a0b0c0d0e0f","seq":18446744073709551615},
        "actor":{"type":"agent","id":7,"name":"n","email":"e","auth":{"method":"m","token_id":-1.50},
            "on_behalf_of":{"type":"user","id":"x","on_behalf_of":{"id":1e400}}},
        "targets":[{"type":"t","id":1,"name":"n"},{"id":"only"}],"subjects":[{"type":"s","id":2}],
        "changes":{"before":null,"after":1e400},"details":{"n":123456789012345678901234567890},
        "error":{"code":7,"message":"m"},
        "context":{"ip":"any","user_agent":"u","request_id":1,"correlation_id":2,"session_id":3,"trace_id":4,"span_id":5,
            "service":"s","host":"h","http":{"method":"M","path":"/p","route":"/r","status":599,"duration_ms":-1e-400}}}"#,
    ));
    let raw = |raw: &Option<Box<RawValue>>| raw.as_ref().map(|raw| raw.get().to_owned());
    let text = |text: &str| Some(text.to_owned());
    assert_eq!((&*event.trail, event.seq), ("shop", u64::MAX));
    assert_eq!(event.at(), "2026-01-31T10:00:00.000000Z");
    assert_eq!((event.recorded_by, event.credential_subject), (text("key:1"), text("alice")));
    assert_eq!(event.source.unwrap().seq, Some(u64::MAX));
    let actor = event.actor.unwrap();
    assert_eq!((actor.id, actor.auth.unwrap().token_id), (text("7"), text("-1.50")));
    assert_eq!(actor.on_behalf_of.unwrap().on_behalf_of.unwrap().id, text("1e400"));
    assert_eq!((event.targets.len(), event.subjects[0].id.as_deref()), (2, Some("2")));
    let changes = event.changes.unwrap();
    assert_eq!((raw(&changes.before), raw(&changes.after)), (text("null"), text("1e400")));
    assert_eq!(raw(&event.details), text(r#"{"n":123456789012345678901234567890}"#));
    assert_eq!(event.error.unwrap().code, text("7"));
    let context = event.context.unwrap();
    assert_eq!((context.request_id, context.span_id), (text("1"), text("5")));
    let http = context.http.unwrap();
    assert_eq!((http.status, raw(&http.duration_ms)), (Some(599), text("-1e-400")));
}

proptest! {
    #[test]
    fn whatever_a_node_takes_is_read(text in any::<String>(), status in 100..600_u16, depth in 0..28_usize) {
        let text = serde_json::to_string(&text).unwrap();
        let (open, close) = (r#"{"on_behalf_of":"#.repeat(depth), "}".repeat(depth));
        let details = format!("{}{text}{}", "[".repeat(depth), "]".repeat(depth));
        let json = format!(
            r#"{{"action":"a","actor":{open}{{"id":{text},"name":{text}}}{close},"targets":[{{"type":"t","name":{text}}}],
            "details":{{"a":{details}}},"context":{{"http":{{"path":{text},"status":{status}}}}},"error":{{"message":{text}}}}}"#
        );
        strictly(&served(&json));
    }

    #[test]
    fn no_text_makes_reading_panic(text in any::<String>()) {
        Event::read(&text);
        Event::read(&format!("{{{text}}}"));
    }
}

#[test]
fn one_odd_member_takes_no_other_with_it() {
    let event = Event::read(
        r#"{"trail":"t","seq":"7","id":3,"action":"a.b","action":"c.d","category":null,"actor":{"type":"user","id":"al","email":{},
        "on_behalf_of":[1]},"targets":[{"id":"a"},7,{"id":true,"name":"b"}],"context":{"ip":"192.0.2.1","http":
        {"method":"GET","status":-1,"duration_ms":"x"}},"error":"no","details":7,"new":{}}"#,
    );
    let event = event.unwrap();
    assert_eq!((&*event.trail, event.seq, &*event.id, &*event.action), ("t", 0, "3", "c.d"));
    let actor = event.actor.unwrap();
    assert_eq!((actor.id.as_deref(), actor.email), (Some("al"), None));
    let ids: Vec<_> = event.targets.iter().map(|target| target.id.as_deref()).collect();
    assert_eq!(ids, [Some("a"), Some("true")]);
    let context = event.context.unwrap();
    assert_eq!((context.ip.as_deref(), context.http.unwrap().status), (Some("192.0.2.1"), None));
    for json in ["", "[]", "7", "null", "\"a\"", "{", "{\"a\":}", "[{\"action\":\"a\"}]", "{}x"] {
        assert!(Event::read(json).is_none(), "{json}");
    }
    assert!(Event::read(" {}").is_some());
}
