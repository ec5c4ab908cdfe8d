use serde_json::{Value, json};

use super::*;

fn rules(text: &str) -> Vec<Rule> {
    serde_json::from_str(text).unwrap()
}

fn refused(text: &str) -> String {
    serde_json::from_str::<Rule>(text).map(drop).unwrap_err().to_string()
}

fn message<'a>(subject: &'a str, payload: &'a [u8]) -> Message<'a> {
    let place = Place { stream: "CONFIG", sequence: 7, published: 1_769_853_600_123_456_789 };
    Message {
        input: "devices",
        trail: "default",
        subject,
        payload,
        headers: &[],
        place: Some(place),
    }
}

fn mapped(rules: &[Rule], message: &Message<'_>) -> (Option<String>, Value) {
    let mapped = map(rules, message).unwrap();
    (mapped.trail, serde_json::from_slice(&mapped.json).unwrap())
}

#[test]
fn a_rule_makes_an_event_and_keeps_the_whole_message() {
    let rules = rules(
        r#"[{"subject":"config.*.snapshot","trail":"site-{/site}","action":"config_snapshot.create","category":"config_change",
            "resource_type":"device","resource_id":"{2}",
            "fields":{"user_id":"/by/id","actor.type":"service","occurred_at":"/at","old_value":"/old","new_value":"/list/1","ip":"/none"}}]"#,
    );
    let payload = br#"{"site":"berlin","by":{"id":12345678901234567890},"at":"2026-01-31T10:00:00Z","old":{"a":1.10},"list":[0,[1.0e30]]}"#;
    let (trail, event) = mapped(&rules, &message("config.router-1.snapshot", payload));
    assert_eq!(trail.as_deref(), Some("site-berlin"));
    assert_eq!(event["action"], "config_snapshot.create");
    assert_eq!(event["category"], "config_change");
    assert_eq!(event["targets"], json!([{"type": "device", "id": "router-1"}]));
    assert_eq!(event["actor"], json!({"type": "service", "id": "12345678901234567890"}));
    assert_eq!(event["occurred_at"], "2026-01-31T10:00:00Z");
    assert_eq!(event["details"]["nats"]["sequence"], 7);
    assert_eq!(event["details"]["nats"]["published_at"], "2026-01-31T10:00:00.123456Z");
    assert_eq!(event["context"], Value::Null);
    let text = map(&rules, &message("config.router-1.snapshot", payload)).unwrap().json;
    let text = String::from_utf8(text).unwrap();
    assert!(text.contains(r#""before":{"a":1.10},"after":[1.0e30]"#), "{text}");
    let whole = format!(r#""payload":{}"#, String::from_utf8_lossy(payload));
    assert!(text.contains(&whole), "{text}");
}

#[test]
fn text_and_bytes_are_kept_as_they_are() {
    let rules = rules(r#"[{"subject":">","action":"{1}.{2}"}]"#.replace(">", "*.*").as_str());
    let (_, event) = mapped(&rules, &message("door.Opened", b"by \xC3\xA9mile\n"));
    assert_eq!(event["details"]["payload"], "by émile\n");
    assert_eq!(event["action"], "door.opened");
    assert_eq!(event["occurred_at"], "2026-01-31T10:00:00.123456Z");
    let (_, event) = mapped(&rules, &message("a.b", &[0xFF, 0, 1]));
    assert_eq!(event["details"]["payload_base64"], "/wAB");
    let headers = [("A".into(), "1".into()), ("A".into(), "2".into()), ("B".into(), "3".into())];
    let (_, event) = mapped(&rules, &Message { headers: &headers, ..message("a.b", b"{}") });
    assert_eq!(event["details"]["nats"]["headers"], json!({"A": ["1", "2"], "B": "3"}));
}

#[test]
fn one_message_has_one_id_however_often_it_comes() {
    let rules = rules(r#"[{"subject":">","action":"x"}]"#);
    let id = |message: &Message<'_>| mapped(&rules, message).1["id"].clone();
    let first = message("a", b"1");
    assert_eq!(id(&first), id(&first));
    let place = first.place.unwrap();
    let others = [
        Message { place: Some(Place { sequence: 8, ..place }), ..first },
        Message { place: Some(Place { published: 1, ..place }), ..first },
        Message { input: "others", ..first },
    ];
    for other in others {
        assert_ne!(id(&first), id(&other));
    }
    let headers = [("nats-msg-id".to_owned(), "42".to_owned())];
    let named = Message { headers: &headers, ..first };
    let again = Message { place: Some(Place { sequence: 9, published: 2, ..place }), ..named };
    assert_eq!(id(&named), id(&again));
    assert_ne!(id(&named), id(&first));
    assert_eq!(id(&Message { place: None, ..first }), Value::Null);
}

#[test]
fn events_of_ours_go_as_they_are() {
    let rules =
        rules(r#"[{"subject":"audit.*","trail":"{2}"},{"subject":"any.>","any_trail":true}]"#);
    let payload = br#"{"action":"file.read","user_id":"u","metadata":{"n":1.50}}"#;
    let text = map(&rules, &message("audit.acme", payload)).unwrap();
    assert_eq!(text.trail.as_deref(), Some("acme"));
    let json = String::from_utf8(text.json).unwrap();
    assert!(
        json.contains(r#""occurred_at":"2026-01-31T10:00:00.123456Z","action":"file.read""#),
        "{json}"
    );
    assert!(json.ends_with(r#""user_id":"u","metadata":{"n":1.50}}"#), "{json}");
    let own = br#"{"id":"00000000-0000-8000-8000-000000000001","action":"x","timestamp":"2026-01-01T00:00:00Z","trail":"acme"}"#;
    let (_, event) = mapped(&rules, &message("audit.acme", own));
    assert_eq!(event["id"], "00000000-0000-8000-8000-000000000001");
    assert_eq!(event["occurred_at"], Value::Null);
    // Another's trail only where that is allowed.
    let error = map(&rules, &message("audit.other", own)).unwrap_err();
    assert_eq!((&*error.field, error.message.contains("acme")), ("trail", true));
    assert!(map(&rules, &message("any.thing", own)).is_ok());
    let plain: Vec<Rule> = serde_json::from_str(r#"[{"subject":">"}]"#).unwrap();
    let of = |trail| map(&plain, &Message { trail, ..message("x", own) });
    assert_eq!((of("acme").is_ok(), of("default").is_ok()), (true, false));
    for (payload, field) in [(&b"{}"[..], "action"), (b"[1]", ""), (b"text", "")] {
        assert_eq!(map(&rules, &message("audit.acme", payload)).unwrap_err().field, field);
    }
}

#[test]
fn what_cannot_be_mapped_says_why() {
    let rules = rules(
        r#"[{"subject":"a","action":"{/kind}"},{"subject":"b","action":"x","fields":{"user_id":"/user"}}]"#,
    );
    let why = |subject: &str, payload: &str| {
        let error = map(&rules, &message(subject, payload.as_bytes())).unwrap_err();
        format!("{} {}", error.field, error.message)
    };
    assert_eq!(why("c.d", "{}"), "subject c.d fits no rule");
    assert_eq!(why("a", "{}"), "action is made of /kind, and the payload has no such member");
    assert_eq!(why("a", "text"), "action is made of /kind, and the payload has no such member");
    assert_eq!(why("a", r#"{"kind":"--"}"#), "action has no letter and no digit");
    assert_eq!(
        why("b", r#"{"user":{"id":1}}"#),
        "actor.id is made of /user, which is no text and no number"
    );
}

#[test]
fn wrong_rules_are_errors_when_they_are_read() {
    let cases = [
        (r#"{"subject":"a..b"}"#, "is no subject"),
        (r#"{"subject":"a.>.b"}"#, "is no subject"),
        (r#"{"subject":"a.b*"}"#, "is no subject"),
        (r#"{"subject":"a b"}"#, "is no subject"),
        (r#"{"subject":"a","action":"{"}"#, "nothing else stands in braces"),
        (r#"{"subject":"a","action":"{0}"}"#, "nothing else stands in braces"),
        (r#"{"subject":"a","action":"{name}"}"#, "nothing else stands in braces"),
        (r#"{"subject":"a.*","action":"{3}"}"#, "need not have more than 2 tokens"),
        (r#"{"subject":"a","action":"---"}"#, "no letter and no digit"),
        (r#"{"subject":"a","fields":{"user_id":"/u"}}"#, "without an `action`"),
        (r#"{"subject":"a","action":"x","fields":{"nobody":"/u"}}"#, "unknown variant `nobody`"),
        (
            r#"{"subject":"a","action":"x","category":"c","fields":{"category":"/c"}}"#,
            "once is enough",
        ),
        (r#"{"subject":"a","actoin":"x"}"#, "unknown field `actoin`"),
    ];
    for (text, said) in cases {
        let why = refused(text);
        assert!(why.contains(said), "{text}: {why}");
    }
}

#[test]
fn subjects_are_asked_for_once() {
    let rules = rules(
        r#"[{"subject":"a.b.c"},{"subject":"a.*.c"},{"subject":"x.>"},{"subject":"x.y"},{"subject":"a.*.c"},{"subject":"x"}]"#,
    );
    assert_eq!(subjects(&rules), ["a.*.c", "x.>", "x"]);
    let fits =
        |pattern: &str, subject: &str| Pattern::try_from(pattern.to_owned()).unwrap().fits(subject);
    for (pattern, subject, said) in [
        ("a.*", "a.b", true),
        ("a.*", "a", false),
        ("a.*", "a.b.c", false),
        ("a.>", "a.b.c", true),
        ("a.>", "a", false),
        (">", "a", true),
        ("*.b", "a.b", true),
        ("a", "b", false),
    ] {
        assert_eq!(fits(pattern, subject), said, "{pattern} {subject}");
    }
}

#[test]
fn a_hundred_thousand_mutated_messages_end_well() {
    let rules = rules(
        r#"[{"subject":"a.*","action":"x.{/kind}","trail":"{/a/0/b}","fields":{"before":"/a","user_id":"/a/1","after":"{1}-{/kind}"}},{"subject":"b.>"}]"#,
    );
    let seed =
        br#"{"action":"x","kind":"k\u00e9","a":[{"b":"c~1/"},2,[null,true]],"trail":"t","id":"1"}"#;
    let mut random = 1_u64;
    let mut next = |below: usize| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) as usize % below
    };
    let (mut taken, mut left) = (0, 0);
    for _ in 0..100_000 {
        let mut payload = seed.to_vec();
        for _ in 0..=next(3) {
            let at = next(payload.len());
            match next(3) {
                0 => payload[at] = next(256) as u8,
                1 => drop(payload.remove(at)),
                _ => payload.insert(at, b"{}[]\",:0\\e"[next(10)]),
            }
        }
        let subject = ["a.b", "b.c"][next(2)];
        match map(&rules, &message(subject, &payload)) {
            Ok(mapped) => {
                serde_json::from_slice::<&RawValue>(&mapped.json).unwrap();
                taken += 1;
            }
            Err(_) => left += 1,
        }
    }
    assert!(taken > 5_000 && left > 5_000, "{taken} {left}");
}
