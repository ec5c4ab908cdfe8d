//! What a query says of records that were made like all records.

use indelible_event::{Checked, Entry, EventId, Micros, check_with_subject};

use super::*;
use crate::{Doc, Field, TermSink, terms};

const UPDATE: &str = r#"{"action":"file.update","category":"data_modify","outcome":"denied",
  "occurred_at":"2026-01-31T23:59:59Z","source":{"id":"000102030405060708090a0b0c0d0e0f","seq":1},
  "actor":{"type":"agent","id":"Bot-7","name":"Zoë Example","email":"Zoe@Example.com","auth":{"method":"key"},
    "on_behalf_of":{"id":"Alice"}},
  "subjects":[{"type":"person","id":"P1"}],
  "targets":[{"type":"File","id":"f/9","name":"Quarterly report.pdf"},{"type":"bucket","id":"b-17"}],
  "changes":{"before":{"Price":19.50,"tags":["old",{"deep":1e3}]},"after":null},
  "details":{"store_id":7,"big":12345678901234567890,"open":true,"note":"Kept \"as is\" for the Quarterly review",
    "sum":"00ff00ff00ff00ff","sql":"LONG","trace":"0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a"},
  "error":{"code":"E_42","message":"no answer"},
  "context":{"ip":"10.1.2.3","request_id":"R-9","trace_id":"ABCDEF0123456789","service":"Files","host":"web-1",
    "user_agent":"Mozilla/5.0 Firefox/128.0","http":{"method":"PUT","status":503,"duration_ms":1.50}}}"#;

const LOGIN: &str = r#"{"action":"auth.login","outcome":"success","phase":"correction",
  "ref":"00000000-0000-4000-8000-000000000001","actor":{"id":"carol"},"context":{"ip":"2001:db8::7"}}"#;

fn with_doc<T>(json: &str, run: impl FnOnce(&Doc<'_>) -> T) -> T {
    let long = format!("select * from t where {} and secret = 1", "x = 1 or ".repeat(40));
    let json = json.replace("LONG", &long);
    let checked: Checked = check_with_subject(json.as_bytes(), None).expect("an event");
    let entry = Entry {
        id: EventId([7; 16]),
        recorded_at: Micros::parse("2026-02-01T00:00:00Z").expect("a time"),
        occurred_at: checked.occurred_at,
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: checked.phase,
        reference: checked.reference,
        source: checked.source,
        recorded_by: Some("Key-1"),
        parts_hash: [0; 32],
    };
    run(&Doc { pos: 0, trail: 1, trail_name: "Acme", entry, parts: checked.parts.all() })
}

fn matches(text: &str, json: &str) -> bool {
    let now = Micros::parse("2026-02-02T00:00:00Z").expect("a time");
    let query = parse(text, now).unwrap_or_else(|error| panic!("{}", error.render(text)));
    with_doc(json, |doc| query.matches(doc))
}

#[test]
fn true_of_the_update() {
    for text in [
        "",
        "actor:bot-7",
        "user:alice",
        "on_behalf_of:alice",
        "actor_type:agent",
        "email:*@example.com",
        "name:\"zoë example\"",
        "name:quarterly*",
        "action:file.*",
        "action:*.update",
        "category:data_modify",
        "outcome:denied,error",
        "-outcome:success",
        "target:file/f/9",
        "target:b-17",
        "target:bucket",
        "resource_type:bucket resource_id:f/9",
        "ip:10.0.0.0/8",
        "ip:10.1.2.3",
        "ip:10.1.*",
        "ip:10.1.2.0..10.1.2.9",
        "request:r-9",
        "trace:abcdef0123456789",
        "trail:acme",
        "service:files",
        "host:web-*",
        "source:0001*",
        "key:KEY-1",
        "subject:p1",
        "subject:person/p1",
        "has:changes AND has:after",
        "has:on_behalf_of",
        "details.store_id:7",
        "details.store_id:07..7.0",
        "details.store_id:>6",
        "details.big:12345678901234567890",
        "details.big:>1e19",
        "details.open:true",
        "details.note:*quarterly*",
        "details.sum:00ff00ff00ff00ff",
        "before.Price:19.5",
        "before.Price:19.50",
        "before.Price:<20",
        "before.tags:old",
        "before.tags.deep:1000",
        "after:null",
        "error.code:e_42",
        "error_message:\"no answer\"",
        "http.status:>=500",
        "context.http.duration_ms:1.50",
        "actor.auth.method:key",
        "user_agent:*firefox*",
        "created:2026-02-01",
        "occurred:2026-01",
        "occurred:<2026-02",
        "created:-24h",
        "id:07070707-0707-0707-0707-070707070707",
        "quarterly",
        "QUARTER*",
        "rep*t",
        "/^quart.rly$/",
        "\"quarterly report\"",
        "\"report pdf\"",
        "\"as is for\"",
        "zoë",
        "bot-7",
        "b-17",
        "f/9",
        "zoe@example.com",
        "r-9",
        "abcdef0123456789",
        "10.1.2.3",
        "19.50",
        "503",
        "web-1",
        "000102030405060708090a0b0c0d0e0f",
        "07070707-0707-0707-0707-070707070707",
        "\"file update\"",
        "denied",
        "details.sql:*secret*",
        "details.sql:/secret = 1$/",
        "nothing OR quarterly",
        "-nothing",
        "NOT (nothing OR never)",
        "person/p1",
        "details.nothing:1 OR details.store_id:7",
    ] {
        assert!(matches(text, UPDATE), "{text}");
    }
}

#[test]
fn false_of_the_update() {
    for text in [
        "actor:bot",
        "actor:carol",
        "action:file",
        "action:update",
        "on_behalf_of:bot-7",
        "outcome:success",
        "-actor:bot-7",
        "target:file/b-17",
        "ip:11.0.0.0/8",
        "ip:2001:db8::/32",
        "request:r",
        "trail:acm",
        "has:subjects -subject:p1",
        "details.store_id:8",
        "details.store_id:>7",
        "details.store_id:\"07\"",
        "details.big:12345678901234567891",
        "details.Store_id:7",
        "before.price:19.5",
        "after:*.x",
        "error.code:42",
        "created:2026-01",
        "occurred:2026-02",
        "created:<2026-02-01",
        "id:07070707-0707-0707-0707-070707070708",
        "quart",
        "/^quart$/",
        "\"quarterly pdf\"",
        "\"report.pdf quarterly\"",
        "\"quarterly revie\"",
        // Id-like words are found as whole values of fields, or by their path.
        "00ff00ff00ff00ff",
        "7c3e",
        "abcdef01*",
        "quarterly -report",
        "nothing",
        "details.note:quarterly",
        "ref:*",
        // The words of one value never go on in the next.
        "\"example zoe\"",
    ] {
        assert!(!matches(text, UPDATE), "{text}");
    }
}

#[test]
fn true_of_the_login() {
    for text in [
        "ref:00000000-0000-4000-8000-000000000001",
        "00000000-0000-4000-8000-000000000001",
        "phase:correction",
        "ref:*",
        "ip:2001:db8::/32",
        "2001:db8:0::7",
        "occurred:2026-02-01",
        "-has:details",
        "-category:*",
        "login",
        "actor_type:user",
    ] {
        assert!(matches(text, LOGIN), "{text}");
    }
    assert!(!matches("ip:0.0.0.0/0", LOGIN));
    assert!(!matches("ref:00000000-0000-4000-8000-000000000002", LOGIN));
}

#[test]
fn an_unreadable_record_is_judged_by_what_is_left() {
    let query = |text: &str| parse(text, Micros(0)).expect("a query");
    with_doc(UPDATE, |doc| {
        let stub = Doc { parts: [None; 3], ..*doc };
        assert!(query("action:file.update -actor:*").matches(&stub));
        assert!(!query("quarterly").matches(&stub));
        let damaged = Doc { parts: [Some(b"{\"actor\":{\"id\":\"x\","), None, None], ..*doc };
        assert!(query("actor:x").matches(&damaged));
    });
}

/// Every term of a record is a condition that the record meets.
#[test]
fn terms_and_conditions_agree() {
    struct Terms(Vec<(Field, Vec<u8>)>);
    impl TermSink for Terms {
        fn term(&mut self, field: Field, value: &[u8]) {
            self.0.push((field, value.to_vec()));
        }
        fn facet(&mut self, _: crate::Facet, _: &str) {}
    }
    for json in [UPDATE, LOGIN] {
        with_doc(json, |doc| {
            let mut found = Terms(Vec::new());
            assert!(terms(doc, &mut found));
            for (field, value) in found.0 {
                let text = || String::from_utf8(value.clone()).expect("text");
                let leaf = match field {
                    Field::Ip => {
                        Leaf::Ip(value[..].try_into().unwrap(), value[..].try_into().unwrap())
                    }
                    Field::Ref => Leaf::Ref(EventId(value[..].try_into().unwrap())),
                    Field::Word => Leaf::Word(Test::Is(text())),
                    Field::Path => {
                        let (path, value) = crate::read_path_term(&value).expect("a path term");
                        let test = match value {
                            crate::PathValue::Number(number) => {
                                let bound = std::ops::Bound::Included(number);
                                Test::Number(bound, bound)
                            }
                            crate::PathValue::Text(text) => {
                                match crate::cut_beginning(text.as_bytes()) {
                                    Some(beginning) => {
                                        Test::Prefix(String::from_utf8_lossy(beginning).into())
                                    }
                                    None => Test::Is(text.to_owned()),
                                }
                            }
                            crate::PathValue::Literal(text) => Test::Is(text.to_owned()),
                        };
                        Leaf::Path(path.to_owned(), test)
                    }
                    _ => Leaf::Field(field, Test::Is(text())),
                };
                assert!(Expr::Leaf(leaf.clone()).matches(doc), "{leaf:?}");
            }
        });
    }
}
