use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

/// `{"alg":"HS256","typ":"JWT"}` and so on, signed with nothing of anybody's.
const JWT: &str = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0In0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
const PEM: &str = "-----BEGIN RSA PRIVATE KEY-----\nMIIBOgIBAAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf9Cnzj4p4WGeKLs1Pt8Qu\n-----END RSA PRIVATE KEY-----";
const OWN_KEY: &str = "idl_0123456789abcdef_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA_bcdefg";

fn apply(event: &str) -> String {
    Redaction::default().apply(event).0.unwrap_or_else(|| event.to_owned())
}

/// What becomes of a text in the details.
fn text(text: &str) -> String {
    let event = json!({"details": {"note": text}}).to_string();
    let redacted: Value = serde_json::from_str(&apply(&event)).unwrap();
    redacted["details"]["note"].as_str().unwrap().to_owned()
}

#[test]
fn keys_that_name_a_secret() {
    for key in [
        "password",
        "PASSWORD",
        "user_password",
        "userPassword",
        "passwordHash",
        "password_2",
        "db-password",
        "dbpassword",
        "newPassword",
        "password_confirmation",
        "passwd",
        "pwd",
        "passphrase",
        "X-Api-Key",
        "apiKey",
        "APIKey",
        "APIKEY",
        "api_key",
        "api.key",
        "client_secret",
        "CLIENT_SECRET",
        "secret",
        "Set-Cookie",
        "cookie",
        "cookie_header",
        "authorization",
        "Proxy-Authorization",
        "access_token",
        "refreshToken",
        "token",
        "csrf_token",
        "token_hash",
        "private_key",
        "privateKeyPem",
        "cvv",
        "CVV2",
        "card_number",
        "cardNumber",
        "pin_code",
        "pincode",
        "ssn",
        "SSN",
        "aws_secret_access_key",
        "encryption_key",
        "otp",
        "credentials",
        "pass\\u0077ord",
    ] {
        for value in [r#""hunter2""#, "12345", "1.50e3", r#"{"a":["hunter2"]}"#, "[1,2]", r#""""#] {
            let event = format!(r#"{{"details":{{"a":1,"{key}":{value},"z":1.50}}}}"#);
            let expected = format!(r#"{{"details":{{"a":1,"{key}":"[redacted]","z":1.50}}}}"#);
            assert_eq!(Redaction::default().apply(&event), (Some(expected), 1), "{event}");
        }
        for value in ["null", "true", "false", r#""[redacted]""#] {
            let event = format!(r#"{{"changes":{{"after":{{"{key}":{value}}}}}}}"#);
            assert_eq!(Redaction::default().apply(&event), (None, 0), "{event}");
        }
    }
}

#[test]
fn keys_that_name_none() {
    for key in [
        "tokens_used",
        "token_count",
        "tokens",
        "token_type",
        "keyboard",
        "key",
        "storage_key",
        "secretary",
        "secret_name",
        "authorized",
        "author",
        "cookie_banner_seen",
        "pin",
        "pins",
        "pin_id",
        "pinned",
        "password_policy",
        "password_changed_at",
        "passwordLength",
        "pass",
        "passenger",
        "compass",
        "card",
        "card_id",
        "public_key",
        "encryption_key_id",
        "access_key_id",
        "page_token",
        "next_page_token",
        "fencing_token",
        "credential_id",
        "session_id",
        "",
        "_",
        "é",
        "bucket",
    ] {
        let event = json!({"details": {key: "value", "nested": [{key: 1}]}}).to_string();
        assert_eq!(Redaction::default().apply(&event), (None, 0), "{event}");
    }
}

#[test]
fn keys_of_the_schema_are_no_patterns() {
    let event = r#"{"id":"x","actor":{"type":"user","id":"u","auth":{"method":"token","token_id":"t-1"}},
        "context":{"session_id":"s-1","http":{"status":200}},"error":{"code":"token"},
        "changes":{"before":"a","after":null},"targets":[{"type":"token","id":"token-1"}]}"#;
    assert_eq!(Redaction::default().apply(event), (None, 0));
}

#[test]
fn shapes_in_a_text() {
    let pem = format!("key: {PEM} end");
    let cases = [
        (JWT, "[redacted]"),
        (&format!("got {JWT}, gone"), "got [redacted], gone"),
        (
            &format!("https://example.com/cb#id={JWT}&x=1"),
            "https://example.com/cb#id=[redacted]&x=1",
        ),
        ("eyJhbGciOiJub25lIn0.eyJhIjoxfQ.", "[redacted]"),
        (&pem, "key: [redacted] end"),
        ("x -----BEGIN PRIVATE KEY-----\nMIIB", "x [redacted]"),
        ("AKIAIOSFODNN7EXAMPLE", "[redacted]"),
        ("id=ASIAIOSFODNN7EXAMPLE;", "id=[redacted];"),
        ("use ghp_abcdefghijklmnopqrstuvwxyz0123456789.", "use [redacted]."),
        ("github_pat_11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "[redacted]"),
        ("xoxb-123456789012-abcdefABCDEF", "[redacted]"),
        ("AIzaSyA-1234567890abcdefghijklmnopqrstu", "[redacted]"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "[redacted]"),
        (OWN_KEY, "idl_0123456789abcdef_[redacted]"),
        ("Bearer xyz", "Bearer [redacted]"),
        ("bearer AbCdEf0123", "bearer [redacted]"),
        (
            "sent Authorization: Bearer xyz\nHost: example.com",
            "sent Authorization: [redacted]\nHost: example.com",
        ),
        ("the Bearer mF_9.B5f-4.1JqM was refused", "the Bearer [redacted] was refused"),
        ("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", "Basic [redacted]"),
        ("Set-Cookie: a=b; Path=/", "Set-Cookie: [redacted]"),
        ("postgres://app:hunter2@db.example.com/x", "postgres://app:[redacted]@db.example.com/x"),
        ("redis://:p@ss@cache/0", "redis://:[redacted]@cache/0"),
        ("/login?token=abc&x=1", "/login?token=[redacted]&x=1"),
        ("/f?a=1&X-Amz-Signature=00ff&b", "/f?a=1&X-Amz-Signature=[redacted]&b"),
        ("host=db password=hunter2 user=app", "host=db password=[redacted] user=app"),
        ("password='hunter 2' x", "password='[redacted]' x"),
        ("authorization=Bearer abc x", "authorization=[redacted] x"),
        (r#"body {"password": "hun\"ter2", "a": 1}"#, r#"body {"password": "[redacted]", "a": 1}"#),
        (
            r#"{"pin_code":1234,"a":{"token":null}}"#,
            r#"{"pin_code":[redacted],"a":{"token":null}}"#,
        ),
        (r#""{\"password\":\"hunter2\"}""#, r#""{\"password\":\"[redacted]\"}""#),
        ("4111111111111111", "[redacted]"),
        ("card 4111 1111 1111 1111 until 12/29", "card [redacted] until 12/29"),
        ("5500-0055-5555-5559.", "[redacted]."),
        ("12 4111 1111 1111 1111 2026", "12 [redacted] 2026"),
        ("3782 822463 10005", "[redacted]"),
        (&format!("{JWT} and AKIAIOSFODNN7EXAMPLE"), "[redacted] and [redacted]"),
    ];
    for (before, after) in cases {
        assert_eq!(text(before), after);
    }
}

#[test]
fn what_only_looks_like_a_secret() {
    for kept in [
        "a.b.c",
        "www.example.com",
        "eyJ.eyJ.eyJ",
        "eyJhIjoxfQ.eyJhIjoxfQ.x",
        "-----BEGIN CERTIFICATE-----\nMIIB",
        "-----BEGIN PUBLIC KEY-----",
        "AKIA",
        "ghp_short",
        "task_live_abcdefghijkl",
        "Basic authentication failed",
        "Basic plan",
        "a bearer of bad news",
        "Bearer token missing",
        "forbearer 1234567890",
        "Bearer realm=\"x\"",
        "https://example.com/a:b@c",
        "https://user@example.com/",
        "mailto:a@example.com",
        "/files?key=a/b.txt&page=2",
        "tokens_used=17",
        "a == b",
        "4111111111111112",
        "1767225600000000",
        "2026-01-02T03:04:05.123456Z",
        "0192aa00-4111-7111-8111-111111111111",
        "x4111111111111111",
        "0.4111111111111111",
        "order_4111111111111111",
        "41111111111111110000000",
        "idl_0123456789abcdef",
        "",
        "=",
        ":",
        "\"",
        "'':",
        "{\"token\": null}",
        "status: ok",
        "signature=abc",
    ] {
        assert_eq!(text(kept), kept);
    }
}

#[test]
fn cards_are_no_ids() {
    let card = "4111111111111111";
    let event = json!({
        "actor": {"type": "user", "id": card}, "targets": [{"type": "order", "id": card, "name": card}],
        "subjects": [{"type": "p", "id": card}], "trail": JWT, "id": JWT,
        "context": {"request_id": card, "http": {"route": card}}, "error": {"code": card},
    });
    assert_eq!(Redaction::default().apply(&event.to_string()), (None, 0));
    for pointer in [
        "/error/message",
        "/context/user_agent",
        "/context/http/path",
        "/changes/after",
        "/details/a",
    ] {
        let mut event = json!({"details": {}, "error": {}, "context": {"http": {}}, "changes": {}});
        let (parent, last) = pointer.rsplit_once('/').unwrap();
        event.pointer_mut(parent).unwrap()[last] = json!(format!("x {card} y"));
        let redacted: Value = serde_json::from_str(&apply(&event.to_string())).unwrap();
        assert_eq!(redacted.pointer(pointer).unwrap(), "x [redacted] y", "{pointer}");
    }
}

#[test]
fn the_keys_of_a_bulk_operation_are_ids() {
    let card = "4111111111111111";
    let bulk = json!({"type": card, "count": 2, "keys_sha256": "00", "keys": [card, JWT, {"password": card}]});
    let redacted: Value =
        serde_json::from_str(&apply(&json!({"details": {"bulk": bulk}}).to_string())).unwrap();
    let keys = json!([card, "[redacted]", {"password": "[redacted]"}]);
    assert_eq!(redacted["details"]["bulk"]["keys"], keys);
    assert_eq!(redacted["details"]["bulk"]["type"], "[redacted]");
    let denied = Redaction::default().deny("details.bulk.keys");
    let redacted = denied.apply(r#"{"details":{"bulk":{"keys":["a"]}}}"#).0.unwrap();
    assert_eq!(redacted, r#"{"details":{"bulk":{"keys":"[redacted]"}}}"#);
}

#[test]
fn tokens_are_found_in_the_schema_too() {
    let event = json!({
        "actor": {"type": "user", "id": JWT, "auth": {"token_id": JWT}, "on_behalf_of": {"type": "user", "name": JWT}},
        "targets": [{"type": "x", "id": JWT}], "context": {"session_id": JWT, "http": {"route": JWT}},
        "error": {"code": JWT},
    });
    let (redacted, count) = Redaction::default().apply(&event.to_string());
    assert_eq!(count, 7);
    assert!(!redacted.unwrap().contains("eyJ"));
}

#[test]
fn paths() {
    let event = r#"{"actor":{"type":"user","id":"u-1","email":"m@example.com"},"targets":[{"type":"t","id":"1","name":"n"}],"details":{"token":"demo","a":{"b":[{"c":1,"d":true},{"c":"x"}],"e":null}},"context":{"http":{"status":200,"path":"/x"}}}"#;
    let cases: [(Redaction, &str, &str); 8] = [
        (Redaction::default().allow("details.token"), "", ""),
        (
            Redaction::default().allow("details.token").deny("details.token"),
            r#""token":"demo""#,
            r#""token":"[redacted]""#,
        ),
        (
            Redaction::default().allow("details").deny("details.a.b.*.c"),
            r#"[{"c":1,"d":true},{"c":"x"}]"#,
            r#"[{"c":"[redacted]","d":true},{"c":"[redacted]"}]"#,
        ),
        (
            Redaction::default().allow("details.*").deny("details.a"),
            r#"{"b":[{"c":1,"d":true},{"c":"x"}],"e":null}"#,
            r#""[redacted]""#,
        ),
        (
            Redaction::default().allow("details.token").deny("actor"),
            r#""id":"u-1","email":"m@example.com""#,
            r#""id":"[redacted]","email":"[redacted]""#,
        ),
        (
            Redaction::default().allow("details.token").deny("targets.*.name"),
            r#""name":"n""#,
            r#""name":"[redacted]""#,
        ),
        (
            Redaction::default().allow("details.token").deny("context"),
            r#""path":"/x""#,
            r#""path":"[redacted]""#,
        ),
        (
            Redaction::default().key_pattern("a").allow("details.token").allow("details.a.b.*.d"),
            r#"[{"c":1,"d":true},{"c":"x"}]"#,
            r#"[{"c":"[redacted]","d":true},{"c":"[redacted]"}]"#,
        ),
    ];
    for (redaction, from, to) in cases {
        let redacted = redaction.apply(event).0.unwrap_or_else(|| event.to_owned());
        assert_eq!(redacted, event.replace(from, to));
    }
    // Members of the entry keep their form, whatever is asked.
    let entry = r#"{"id":"x","action":"a.b","source":{"id":"00","seq":1},"actor":{"type":"user"}}"#;
    let redaction = Redaction::default()
        .deny("id")
        .deny("action")
        .deny("source.id")
        .deny("actor.type")
        .deny("*");
    assert_eq!(redaction.apply(entry), (None, 0));
}

#[test]
fn hmacs_are_equal_for_equal_values() {
    let redaction = Redaction::default()
        .hmac("details.a.email")
        .hmac("iban")
        .hmac("actor.email")
        .hmac_key([1; 32]);
    let event = r#"{"actor":{"type":"user","email":"m@example.com"},"details":{"a":{"email":"\u006d@example.com"},"iban":"m@example.com","b":{"userIban":[1]}}}"#;
    let (redacted, count) = redaction.apply(event);
    let redacted = redacted.unwrap();
    let value: Value = serde_json::from_str(&redacted).unwrap();
    // echo -n m@example.com | openssl dgst -sha256 -mac hmac -macopt hexkey:0101…01
    let expected = "hmac-sha256:2a1a309870909a6179b749921b2be9e274dce9bbf02c53f93ff277e15c5bb26b";
    assert_eq!(value["actor"]["email"], expected);
    assert_eq!(value["details"]["a"]["email"], expected);
    assert_eq!(value["details"]["iban"], expected);
    assert_ne!(value["details"]["b"]["userIban"], expected);
    assert_eq!(count, 4);
    assert_eq!(redaction.apply(&redacted), (None, 0));
    // Without a key nothing stays either.
    let keyless = Redaction::default().hmac("details.email").apply(r#"{"details":{"email":"m"}}"#);
    assert_eq!(keyless.0.unwrap(), r#"{"details":{"email":"[redacted]"}}"#);
    assert!(!format!("{redaction:?}").contains('1'));
}

#[test]
fn keys_that_are_secrets_stay_apart() {
    let event = format!(r#"{{"details":{{"{JWT}":{{"b":1}},"x {JWT}":2}}}}"#);
    let expected = r#"{"details":{"[redacted key 1]":{"b":1},"[redacted key 2]":2}}"#;
    assert_eq!(apply(&event), expected);
    assert_eq!(apply(expected), expected);
}

#[test]
fn everything_else_stays_as_it_was() {
    let event = "{ \"details\" : {\"a\":1.50 , \"a\":-0e-7,\"password\"\t:\"x\", \"n\":123456789012345678901234567890 ,\"\\u0061\":\"\\u00e9\\/\"} }\n";
    assert_eq!(apply(event), event.replace("\"x\"", "\"[redacted]\""));
}

#[test]
fn what_is_no_event_is_left() {
    let redaction = Redaction::default();
    let deep = format!("{}\"{JWT}\"{}", "[".repeat(100_000), "]".repeat(100_000));
    for text in [
        "",
        "{",
        "{\"details\":{\"password\":\"x\"",
        "{\"details\":{\"password\" \"x\"}}",
        "nul",
        &deep,
    ] {
        assert_eq!(redaction.apply(text), (None, 0));
    }
}

#[test]
fn the_tables_hold_no_double() {
    let all: BTreeSet<_> = SECRET_KEYS.iter().chain(NO_SECRETS).collect();
    assert_eq!(all.len(), SECRET_KEYS.len() + NO_SECRETS.len());
}

/// Secrets, as they may stand anywhere, and the part of each that must never stay.
fn secrets() -> impl Strategy<Value = (&'static str, &'static str)> {
    prop::sample::select(vec![
        (JWT, "dozjgNryP4J3jVmNHl0w5N"),
        (PEM, "MIIBOgIBAAJBAKj34"),
        ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
        ("ghp_abcdefghijklmnopqrstuvwxyz0123456789", "mnopqrst"),
        ("xoxb-123456789012-abcdefABCDEF", "abcdefABCDEF"),
        ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39HqL"),
        (OWN_KEY, "AAAAAAAAAAAA"),
        ("Bearer mF_9.B5f-4.1JqM", "B5f-4"),
        ("https://u:hunter2@example.com", "hunter2"),
        ("?access_token=hunter2", "hunter2"),
        ("4111 1111 1111 1111", "1111 1111"),
    ])
}

fn free_json(leaf: impl Strategy<Value = Value> + 'static) -> impl Strategy<Value = Value> {
    let key = prop_oneof!["[a-z]{0,5}", Just("password".to_owned()), "\\PC{0,3}"];
    leaf.prop_recursive(5, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The JSON of a text with characters escaped that need not be.
fn escaped(text: &str, which: u64) -> String {
    let mut out = String::from("\"");
    for (at, unit) in text.encode_utf16().enumerate() {
        if which >> (at % 64) & 1 == 1
            || !(0x20..0x7f).contains(&unit)
            || matches!(unit, 0x22 | 0x5c)
        {
            out += &format!("\\u{unit:04X}");
        } else {
            out.push(char::from_u32(unit.into()).unwrap());
        }
    }
    out + "\""
}

fn written(value: &Value, which: u64) -> String {
    match value {
        Value::String(text) => escaped(text, which),
        Value::Array(all) => {
            format!(
                "[{}]",
                all.iter().map(|one| written(one, which)).collect::<Vec<_>>().join(" ,")
            )
        }
        Value::Object(all) => {
            let members = all
                .iter()
                .map(|(key, one)| format!("{}: {}", escaped(key, which), written(one, which)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
        plain => plain.to_string(),
    }
}

proptest! {
    #[test]
    fn any_text_is_survived_and_twice_is_once(text in "\\PC{0,80}") {
        let redaction = Redaction::default();
        let once = redaction.apply(&text).0.unwrap_or(text);
        prop_assert_eq!(redaction.apply(&once), (None, 0));
    }

    #[test]
    fn json_stays_json(
        value in free_json(prop_oneof![
            Just(Value::Null), any::<bool>().prop_map(Value::from), any::<i64>().prop_map(Value::from),
            "[-:=?&@/'\" a-z0-9.{}]{0,24}".prop_map(Value::from),
            (secrets(), "[-:=\"a. ]{0,4}", secrets()).prop_map(|(a, between, b)| Value::from([a.0, &between, b.0].concat())),
        ]),
        which: u64,
    ) {
        let redaction = Redaction::default();
        let event = format!(r#"{{"details":{{"x":{}}}}}"#, written(&value, which));
        let once = redaction.apply(&event).0.unwrap_or(event);
        prop_assert!(serde_json::from_str::<Value>(&once).is_ok(), "{}", once);
        prop_assert_eq!(redaction.apply(&once).0, None);
    }

    #[test]
    fn no_planted_secret_stays(
        (secret, part) in secrets(),
        before in "(.{0,8}[ ,;(])?", after in "([ ,;)].{0,8})?",
        depth in 0_usize..20, which: u64, place in 0_usize..5,
    ) {
        let mut value = escaped(&[&*before, secret, &*after].concat(), which);
        for level in 0..if place < 3 { depth } else { 0 } {
            value = if level % 2 == 0 { format!("[1.0,{value}]") } else { format!(r#"{{"k":{value},"z":""}}"#) };
        }
        let event = match place {
            0 => format!(r#"{{"details":{{"x":{value}}}}}"#),
            1 => format!(r#"{{"changes":{{"before":{value}}}}}"#),
            2 => format!(r#"{{"changes":{{"after":{value}}},"details":{{}}}}"#),
            3 => format!(r#"{{"error":{{"message":{value}}}}}"#),
            _ => format!(r#"{{"context":{{"http":{{"path":{value}}}}}}}"#),
        };
        let (redacted, count) = Redaction::default().apply(&event);
        let redacted = redacted.expect("something was replaced");
        let said = serde_json::from_str::<Value>(&redacted).unwrap().to_string();
        prop_assert!(count == 1 && !said.contains(part), "{}", redacted);
    }

    #[test]
    fn a_secret_below_a_key_goes_whole(value in free_json("[a-z]{1,8}".prop_map(Value::from))) {
        let event = format!(r#"{{"details":{{"a":1.00,"apiKey":{value},"b":"\u0062"}}}}"#);
        prop_assert_eq!(apply(&event), r#"{"details":{"a":1.00,"apiKey":"[redacted]","b":"\u0062"}}"#);
    }
}

/// Long texts of what is looked at most closely: a quadratic way through them would take minutes.
#[test]
fn adverse_texts_take_linear_time() {
    let redaction = Redaction::default();
    for piece in [
        "eyJ",
        "eyJ.",
        "-eyJ",
        "=",
        "a=",
        "token=",
        "?",
        "://",
        ":",
        "\"a\":",
        "-----BEGIN ",
        "-----BEGIN PRIVATE KEY",
        "Bearer ",
        "Bearer",
        " ",
        "1234 ",
        "1",
        "AIza",
        "ya29.",
        "SG.",
        "token_",
        "token_hash_",
        "\\",
        "'",
        "AKIA ",
        "[",
    ] {
        let long = piece.repeat(200_000 / piece.len());
        for event in [json!({"details": {"a": long}}), json!({"details": {long: 1}})] {
            redaction.apply(&event.to_string());
        }
    }
}

#[test]
fn a_cut_hides_no_secret_from_being_found() {
    let secrets = [
        "postgres://app:hunter2hunter2@db.example.com/app",
        "password=hunter2hunter2",
        "4111 1111 1111 1111",
        "AKIAIOSFODNN7EXAMPLE",
    ];
    let recorder = crate::Recorder::memory();
    for secret in secrets {
        // Wherever the cut is.
        for front in indelible_event::limits::MESSAGE_BYTES_MAX - 60
            ..indelible_event::limits::MESSAGE_BYTES_MAX
        {
            let message = format!("{} {secret} {}", "x".repeat(front), "y".repeat(80));
            recorder.record(crate::Event::new("a.b").error(message));
        }
    }
    for event in recorder.events() {
        let message = event.get("error.message").unwrap_or_default().to_string();
        for part in ["hunter2", "4111 1111 1", "AKIAIOSF"] {
            assert!(!message.contains(part), "{}", &message[message.len() - 100..]);
        }
    }
}
