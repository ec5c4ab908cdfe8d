use proptest::prelude::*;

use super::*;
use crate::{Entry, TimeError, TrailNameError, view};

/// The canonical parts of an event, each as text, empty where absent.
fn parts(json: &str) -> [String; 3] {
    let checked = check(json.as_bytes()).unwrap_or_else(|refusal| panic!("{json}: {refusal}"));
    checked.parts.all().map(|part| String::from_utf8(part.unwrap_or_default().to_vec()).unwrap())
}

fn what(json: &str) -> String {
    parts(json)[2].clone()
}

fn refusal(json: impl AsRef<[u8]>) -> Refusal {
    let json = json.as_ref();
    let Err(refusal) = check(json) else { panic!("accepted: {}", String::from_utf8_lossy(json)) };
    assert!(refusal.offset <= json.len());
    refusal
}

/// Field, sentence and byte, as a caller reads them.
fn shown(json: &str) -> String {
    refusal(json).to_string()
}

const NESTED: &str = r#" {
  "context": {"http": {"duration_ms": 1.50, "status": 200, "route": "/f/{id}", "path": "/f/9", "method": "PUT"},
    "host": "h1", "service": "files", "span_id": "s", "trace_id": "t", "session_id": "se", "correlation_id": "c",
    "request_id": 77, "user_agent": "curl/8", "ip": "203.0.113.9"},
  "error": {"message": "no \u0041", "code": 404},
  "details": {"z": 1, "a": [true, false, null, {}], "e\u0301": "\/"},
  "changes": {"after": null, "before": {"n": 12345678901234567890.0100e+05}},
  "subjects": [{"id": 7, "type": "person"}],
  "targets": [{"name": "r.pdf", "id": "9", "type": "file"}, {"type": "bucket", "id": "b"}],
  "actor": {"on_behalf_of": {"id": 1, "on_behalf_of": {"name": "N"}}, "auth": {"token_id": "k", "method": "key"},
    "email": "zoe@example.com", "name": "Zo\u00eb \"Z\"", "id": "42", "type": "agent"},
  "source": {"seq": 18446744073709551615, "id": "000102030405060708090a0b0c0d0e0f"},
  "ref": "00000000-0000-4000-8000-000000000001", "phase": "outcome", "outcome": "denied",
  "category": "data_modify", "action": "file.update", "occurred_at": "2026-11-20T10:34:05.1234567+14:00",
  "trail": "acme", "id": "0190B1A0-7C3E-7D10-8A4B-1F2E3D4C5B6A"
} "#;

#[test]
fn golden_parts() {
    let [who, where_, what] = parts(NESTED);
    assert_eq!(
        who,
        r#"{"actor":{"type":"agent","id":"42","name":"Zoë \"Z\"","email":"zoe@example.com","auth":{"method":"key","token_id":"k"},"on_behalf_of":{"type":"user","id":"1","on_behalf_of":{"name":"N"}}},"subjects":[{"type":"person","id":"7"}]}"#
    );
    assert_eq!(
        where_,
        r#"{"context":{"ip":"203.0.113.9","user_agent":"curl/8","request_id":"77","correlation_id":"c","session_id":"se","trace_id":"t","span_id":"s","service":"files","host":"h1","http":{"method":"PUT","path":"/f/9","route":"/f/{id}","status":200,"duration_ms":1.50}}}"#
    );
    assert_eq!(
        what,
        "{\"targets\":[{\"type\":\"file\",\"id\":\"9\",\"name\":\"r.pdf\"},{\"type\":\"bucket\",\"id\":\"b\"}],\"changes\":{\"before\":{\"n\":12345678901234567890.0100e+05},\"after\":null},\"details\":{\"z\":1,\"a\":[true,false,null,{}],\"e\u{301}\":\"/\"},\"error\":{\"code\":\"404\",\"message\":\"no A\"}}"
    );
}

#[test]
fn fields_of_the_entry() {
    let checked = check(NESTED.as_bytes()).unwrap();
    assert_eq!(checked.id.unwrap().to_string(), "0190b1a0-7c3e-7d10-8a4b-1f2e3d4c5b6a");
    assert_eq!(checked.trail.unwrap().as_str(), "acme");
    assert_eq!(checked.occurred_at.unwrap().to_string(), "2026-11-19T20:34:05.123456Z");
    assert_eq!(
        (&*checked.action, checked.category.as_deref()),
        ("file.update", Some("data_modify"))
    );
    assert_eq!((checked.outcome, checked.phase), (Outcome::Denied, Some(Phase::Outcome)));
    assert_eq!(checked.reference.unwrap().0[15], 1);
    assert_eq!(
        checked.source.unwrap(),
        Source { id: std::array::from_fn(|i| i as u8), seq: u64::MAX }
    );
}

#[test]
fn the_least_and_the_absent() {
    let checked = check(br#"{"action":"a"}"#).unwrap();
    assert_eq!(
        (checked.outcome, checked.occurred_at, checked.category),
        (Outcome::Unknown, None, None)
    );
    assert_eq!(checked.parts.all(), [None; 3]);
    let checked = check(br#"{"event_type":"login"}"#).unwrap();
    assert_eq!((&*checked.action, checked.category.as_deref()), ("login", Some("login")));
    let nulls = r#"{"action":"a","id":null,"actor":null,"targets":null,"subjects":[],"context":{"http":{"status":null},"ip":null},
        "error":{},"changes":{},"details":null,"source":null,"phase":null,"ref":null,"user_id":null,"outcome":null}"#;
    assert_eq!(parts(nulls), ["", "", ""]);
    assert_eq!(what(r#"{"action":"a","details":{}}"#), r#"{"details":{}}"#);
    assert_eq!(what(r#"{"action":"a","old_value":null}"#), r#"{"changes":{"before":null}}"#);
    let checked = check_with_subject(br#"{"action":"a"}"#, Some("s\"1\n")).unwrap();
    assert_eq!(checked.parts.get(Part::Where).unwrap(), br#"{"credential_subject":"s\"1\n"}"#);
}

#[test]
fn short_form() {
    let short = r#"{"user_id":42,"user_email":"e@x","event_type":"data_modify","resource_type":"file","resource_id":9,
        "status":"success","old_value":1,"new_value":[2],"metadata":{"k":"v"},"ip_address":"::1","user_agent":"ua",
        "timestamp":"2026-01-01T00:00:00Z","request_id":"r","correlation_id":"c","session_id":"s",
        "error_message":"m","tenant_id":17}"#;
    let nested = r#"{"actor":{"type":"user","id":"42","email":"e@x"},"action":"data_modify","category":"data_modify",
        "targets":[{"type":"file","id":"9"}],"outcome":"success","changes":{"before":1,"after":[2]},"details":{"k":"v"},
        "context":{"ip":"::1","user_agent":"ua","request_id":"r","correlation_id":"c","session_id":"s"},
        "occurred_at":"2026-01-01T00:00:00.000000Z","error":{"message":"m"},"trail":"17"}"#;
    let checked = check(short.as_bytes()).unwrap();
    assert_eq!(checked, check(nested.as_bytes()).unwrap());
    // Both at once, with the same values.
    let both = format!("{},{}", &short[..short.len() - 1], &nested[1..]);
    assert_eq!(checked, check(both.as_bytes()).unwrap());
    let joined = r#"{"action":"a","resource_type":"file","targets":[{"id":"1"},{"id":"2"}]}"#;
    assert_eq!(what(joined), r#"{"targets":[{"type":"file","id":"1"},{"id":"2"}]}"#);
}

#[test]
fn two_forms_that_differ() {
    for (members, expected) in [
        (r#""user_id":"1","actor":{"id":"2"}"#, "actor.id: differs from user_id, which"),
        (r#""actor":{"id":"2"},"user_id":"1""#, "user_id: differs from actor.id, which"),
        (r#""status":"success","outcome":"error""#, "outcome: differs from status, which"),
        (
            r#""timestamp":"2026-01-01T00:00:00Z","occurred_at":"2026-01-01T00:00:01Z""#,
            "occurred_at: differs from timestamp,",
        ),
        (r#""metadata":{"a":1},"details":{"a":1.0}"#, "details: differs from metadata,"),
        (r#""changes":{"before":null},"old_value":0"#, "old_value: differs from changes.before,"),
        (
            r#""context":{"request_id":"1"},"request_id":"2""#,
            "request_id: differs from context.request_id,",
        ),
        (r#""tenant_id":"x","trail":"y""#, "trail: differs from tenant_id,"),
        (r#""resource_id":"x","targets":[{"id":"y"}]"#, "resource_id: differs from targets[0].id,"),
    ] {
        let text = shown(&format!(r#"{{"action":"a",{members}}}"#));
        assert!(text.starts_with(expected), "{text}");
    }
}

#[test]
fn refusals_name_field_and_byte() {
    for (json, expected) in [
        (
            r#"{"action":"a","actor":{"id":{}}}"#,
            "actor.id: must be a string, found an object (byte 28)",
        ),
        (
            r#"{"action":"a","targets":[{"id":"1"},{"id":[]}]}"#,
            "targets[1].id: must be a string, found an array (byte 42)",
        ),
        (
            r#"{"action":"a","actor":{"auth":{"metod":1}}}"#,
            "actor.auth.metod: is not a member of an event; what is your own goes into details (byte 31)",
        ),
        (
            r#"{"action":"a","details":{"a":[1,{"b/c~":01}]}}"#,
            "/details/a/1/b~1c~0: is not a number as JSON writes it (no leading zeros, plus signs, NaN or hex) (byte 40)",
        ),
        (
            r#"{"action":"a","changes":{"before":{"x":1,"\u0078":2}}}"#,
            "/changes/before/x: is given twice (byte 41)",
        ),
        (r#"{"action":"a","actor":{"id":"1","id":"1"}}"#, "actor.id: is given twice (byte 32)"),
        (r#"{"action":"a","action":null}"#, "action: is given twice (byte 14)"),
        (
            r#"{"action":"A"}"#,
            "action: must be words of a-z, 0-9 and _ joined by dots, such as backup.delete (byte 10)",
        ),
        ("{}", "action: is missing (or give a category, which then names the action too) (byte 2)"),
        ("[]", "event: must be an object, found an array (byte 0)"),
        ("", "event: the JSON ends too early (byte 0)"),
        (r#"{"action":"a"} x"#, "event: something follows the end of the event (byte 15)"),
        (
            r#"{"action":"a","id":"42"}"#,
            "id: must be a UUID such as 0190b1a0-0000-7000-8000-000000000000 (foreign ids must be mapped first, or left out) (byte 19)",
        ),
        (
            r#"{"action":"a" "id":1}"#,
            "event: expected a comma or the end of the object, found `\"` (byte 14)",
        ),
        (
            r#"{"action":"a","actor":{"type":"bot"}}"#,
            "actor.type: must be one of user, service, system, agent, anonymous (byte 30)",
        ),
        (
            r#"{"action":"a","targets":[{}]}"#,
            "targets[0]: must be an object with a type, an id or a name (byte 25)",
        ),
    ] {
        assert_eq!(shown(json), expected);
    }
    assert_eq!(refusal("{\"\u{9b}2J\u{7f}\\n\":1}").field, "\u{fffd}2J\u{fffd}\\n");
    let long = format!(r#"{{"{}":1}}"#, "é".repeat(1000));
    assert_eq!(refusal(long).field, format!("{}…", "é".repeat(32)));
}

#[test]
fn forms_of_known_members() {
    let reason = |members: &str| refusal(format!(r#"{{"action":"a",{members}}}"#)).reason;
    assert_eq!(reason(r#""trail":"_system""#), TrailNameError::Reserved.into());
    assert_eq!(reason(r#""occurred_at":"300000-01-01T00:00:00Z""#), TimeError::Form.into());
    assert_eq!(reason(r#""occurred_at":"2026-06-30T23:59:60Z""#), TimeError::LeapSecond.into());
    assert_eq!(reason(r#""id":42"#), crate::IdError.into());
    for members in [
        r#""context":{"http":{"status":99}}"#,
        r#""context":{"http":{"status":600}}"#,
        r#""context":{"http":{"status":2e2}}"#,
        r#""source":{"id":"00","seq":1}"#,
        r#""source":{"id":"000102030405060708090A0B0C0D0E0F","seq":1}"#,
        r#""source":{"id":"000102030405060708090a0b0c0d0e0f","seq":18446744073709551616}"#,
        r#""source":{"id":"000102030405060708090a0b0c0d0e0f","seq":1.0}"#,
        r#""category":"a.b""#,
        r#""category":"""#,
    ] {
        assert!(matches!(reason(members), RefusalKind::Form { .. }), "{members}");
    }
    for members in [
        r#""details":[]"#,
        r#""details":"x""#,
        r#""actor":"ada""#,
        r#""targets":{}"#,
        r#""targets":[1]"#,
        r#""user_email":1"#,
        r#""user_id":true"#,
        r#""context":{"http":{"duration_ms":"1"}}"#,
        r#""source":1"#,
        r#""outcome":1"#,
        r#""context":{"http":{"status":"200"}}"#,
        r#""occurred_at":1767225600"#,
    ] {
        assert!(matches!(reason(members), RefusalKind::WrongType { .. }), "{members}");
    }
    assert!(matches!(reason(r#""outcome":"ok""#), RefusalKind::NotOneOf { .. }));
    let one = r#""ref":"00000000-0000-4000-8000-000000000001""#;
    for members in [
        r#""phase":"outcome""#,
        r#""phase":"correction""#,
        one,
        r#""source":{"seq":1}"#,
        r#""source":{"id":"000102030405060708090a0b0c0d0e0f"}"#,
    ] {
        assert!(matches!(reason(members), RefusalKind::Missing { .. }), "{members}");
    }
    assert!(matches!(reason(&format!(r#""phase":"intent",{one}"#)), RefusalKind::Unwanted { .. }));
    let own = format!(r#""phase":"correction",{one},{}"#, one.replace("ref", "id"));
    assert!(matches!(reason(&own), RefusalKind::Unwanted { .. }));
}

#[test]
fn numbers_stay_as_they_are() {
    let numbers = "[9007199254740993,-0,0.10,1E400,1e-07,123456789012345678901234567890]";
    assert_eq!(
        what(&format!(r#"{{"action":"a","details":{{"n":{numbers}}}}}"#)),
        format!(r#"{{"details":{{"n":{numbers}}}}}"#)
    );
    for number in [
        "01",
        "-",
        "+1",
        ".5",
        "1.",
        "1e",
        "1e+",
        "0x1",
        "1_000",
        "NaN",
        "-Infinity",
        "00",
        "1.2.3",
        "--1",
    ] {
        let refusal = refusal(format!(r#"{{"action":"a","details":{{"n":{number}}}}}"#));
        assert_eq!(refusal.field, "/details/n", "{number}");
    }
}

#[test]
fn strings_have_one_form() {
    let json = r#"{"action":"a","details":{"s":"\u0000\u0008\b\u001F\u007f\u00e9\/\"\\\uD83D\uDE00\u2028 é😀"}}"#;
    let expected = "{\"details\":{\"s\":\"\\u0000\\b\\b\\u001f\u{7f}é/\\\"\\\\😀\u{2028} é😀\"}}";
    assert_eq!(what(json), expected);
    assert_eq!(
        what(r#"{"action":"a","details":{ "\u0061\n" : [ "x\u0079" , 1 ] , "b" : 2 } }"#),
        r#"{"details":{"a\n":["xy",1],"b":2}}"#
    );
}

#[test]
fn strings_that_are_none() {
    let reason = |string: &str| {
        refusal(format!("{{\"action\":\"a\",\"details\":{{\"s\":\"{string}\"}}}}")).reason
    };
    for string in
        ["\\ud800", "\\udc00", "\\ud800\\ud800", "\\ud800x", "\\ud800\\n", "\\udfff\\ud800"]
    {
        assert_eq!(reason(string), RefusalKind::LoneSurrogate, "{string}");
        assert!(matches!(
            refusal(format!("{{\"user_id\":\"{string}\"}}")).reason,
            RefusalKind::LoneSurrogate
        ));
    }
    for string in ["\\x", "\\u12g4", "\\U0041", "\\'", "\\u+123"] {
        assert_eq!(reason(string), RefusalKind::BadEscape, "{string}");
    }
    for string in ["\0", "\n", "\t", "\u{1f}", "0123456\0", "\\n\0"] {
        assert_eq!(reason(string), RefusalKind::ControlCharacter, "{string:?}");
    }
}

#[test]
fn nul_and_bytes_that_are_no_text() {
    for json in [
        r#"{"action":"a","details":{"a\u0000":1}}"#,
        r#"{"a\u0000":1}"#,
        r#"{"action":"a","details":{"x":[{"\u0000":1}]}}"#,
    ] {
        assert_eq!(refusal(json).reason, RefusalKind::NulInKey, "{json}");
    }
    assert_eq!(what(r#"{"action":"a","details":{"a\\u0000":1}}"#), r#"{"details":{"a\\u0000":1}}"#);
    assert!(matches!(refusal("{\"action\":\"a\"\0}").reason, RefusalKind::Syntax { found: 0, .. }));
    assert!(matches!(refusal("\0").reason, RefusalKind::Syntax { found: 0, .. }));
    assert_eq!(refusal("{\"action\":\"a\"}\0").reason, RefusalKind::TrailingBytes);
    assert_eq!(
        refusal(b"{\"action\":\"\xff\"}"),
        Refusal { field: String::new(), reason: RefusalKind::NotUtf8, offset: 11 }
    );
    // A surrogate, and an overlong form of `/`.
    assert_eq!(refusal(b"{\"action\":\"\xed\xa0\x80\"}").reason, RefusalKind::NotUtf8);
    assert_eq!(refusal(b"{\"action\":\"\xc0\xaf\"}").reason, RefusalKind::NotUtf8);
    assert_eq!(refusal("\u{feff}{\"action\":\"a\"}").reason, RefusalKind::ByteOrderMark);
}

#[test]
fn truncated_anywhere() {
    let json = NESTED.trim();
    for len in 0..json.len() {
        let refusal = refusal(&json.as_bytes()[..len]);
        let cut_in_character = refusal.reason == RefusalKind::NotUtf8;
        assert!(refusal.reason == RefusalKind::Truncated || cut_in_character, "{len}: {refusal}");
    }
}

#[test]
fn broken_structure() {
    for details in [
        "{,}",
        "{1:2}",
        "{a:1}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{\"a\":[,]}",
        "{\"a\":[1 2]}",
        "{\"a\":1]",
        "{\"a\":[1}}",
        "{\"a\":tru}",
        "{\"a\":nul}",
        "{\"a\":True}",
        "{'a':1}",
        "{\"a\":1//\n}",
        "{\"a\":\u{a0}1}",
        "{\"a\":\u{c}1}",
    ] {
        let refusal = refusal(format!("{{\"action\":\"a\",\"details\":{details}}}"));
        assert!(matches!(refusal.reason, RefusalKind::Syntax { .. }), "{details}: {refusal}");
        assert!(refusal.field.starts_with("/details"), "{details}: {refusal}");
    }
}

/// What a view of the event would be, sent in again.
fn again(checked: &Checked) -> Vec<u8> {
    let entry = Entry {
        id: checked.id.unwrap_or_default(),
        recorded_at: Micros(0),
        occurred_at: checked.occurred_at,
        action: &checked.action,
        category: checked.category.as_deref(),
        outcome: checked.outcome,
        phase: checked.phase,
        reference: checked.reference,
        source: checked.source,
        recorded_by: None,
        parts_hash: [0; 32],
    };
    let mut bytes = Vec::new();
    entry.encode(&mut bytes);
    assert_eq!(Entry::decode(&bytes), Ok(entry));
    let json = String::from_utf8(view("t", 0, &bytes, checked.parts.all())).unwrap();
    json.replacen("\"seq\":0,", "", 1)
        .replacen(",\"recorded_at\":\"1970-01-01T00:00:00.000000Z\"", "", 1)
        .into_bytes()
}

#[test]
fn canonical_parts_stay_as_they_are() {
    let checked = check(NESTED.as_bytes()).unwrap();
    assert_eq!(check(&again(&checked)).unwrap().parts, checked.parts);
}

/// Any JSON, written with odd spaces and needless escapes.
fn any_json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        any_string(),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5)
                .prop_map(|items| format!("[ {}]", items.join("\n,"))),
            object_of(inner),
        ]
    })
}

fn any_string() -> impl Strategy<Value = String> {
    "\"([a-z 0-9é😀]|\\\\[\"\\\\/bfnrt]|\\\\u00[0-7][0-9a-fA-F]|\\\\uD83D\\\\uDE0[0-9A-F]){0,8}\""
}

fn object_of(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    proptest::collection::vec(value, 0..5).prop_map(|values| {
        let members: Vec<String> = values
            .iter()
            .enumerate()
            .map(|(i, value)| format!("\"k\\u002f\\n{i}\"\t:{value}"))
            .collect();
        format!("{{{} }}", members.join(" ,"))
    })
}

proptest! {
    #[test]
    fn canonicalisation_is_idempotent(
        details in object_of(any_json()),
        before in any_json(),
        name in any_string(),
    ) {
        let json = format!(r#"{{"old_value":{before},"actor":{{"name":{name}}},"metadata":{details},"action":"a"}}"#);
        let checked = check(json.as_bytes()).unwrap();
        let second = check(&again(&checked)).unwrap();
        prop_assert_eq!(&second.parts, &checked.parts);
        let text = String::from_utf8(checked.parts.get(Part::What).unwrap().to_vec()).unwrap();
        prop_assert!(!text.contains(['\n', '\t']));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in any::<Vec<u8>>(), cut in 0..NESTED.len()) {
        let _ = check(&bytes);
        let _ = check(&[&NESTED.as_bytes()[..cut], &bytes].concat());
    }

    #[test]
    fn arbitrary_json_like_text_never_panics(
        text in "([\\[\\]{},: \n]|\"(details|actor|id|targets|a|on_behalf_of|changes|before)\"|\\\\u00|-?[0-9]|null){0,40}",
        at in 0..NESTED.len(),
    ) {
        let _ = check(text.as_bytes());
        let head = NESTED.get(..at).unwrap_or_default();
        let _ = check(format!("{head}{text}{}", &NESTED[head.len()..]).as_bytes());
    }

    #[test]
    fn a_changed_byte_never_panics(at in 0..NESTED.len(), value in any::<u8>()) {
        let mut bytes = NESTED.as_bytes().to_vec();
        bytes[at] = value;
        if let Ok(checked) = check(&bytes) {
            prop_assert_eq!(&check(&again(&checked)).unwrap().parts, &checked.parts);
        }
    }
}
