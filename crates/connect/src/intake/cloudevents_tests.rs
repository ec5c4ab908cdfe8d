use serde_json::{Value, json};

use super::*;

const SPEC: &[u8] = include_bytes!("../../tests/intake/cloudevent.json");
const XML: &[u8] = include_bytes!("../../tests/intake/cloudevent-xml.json");
const OWN: &[u8] = include_bytes!("../../tests/intake/cloudevent-own.json");

/// The event, which the check must take.
fn taken(made: Result<Vec<u8>, Unmapped>) -> Value {
    let json = made.unwrap();
    indelible_event::check(&json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

#[test]
fn the_example_of_the_specification_becomes_an_event() {
    let event = taken(structured(SPEC));
    assert_eq!(
        event,
        json!({
            "id": foreign_id("https://github.com/cloudevents/spec/pull", "A234-1234-1234"),
            "occurred_at": "2018-04-05T17:31:00.000000Z",
            "action": "com.github.pull_request.opened",
            "targets": [{"type": "subject", "id": "123"}],
            "details": {
                "cloudevent": {
                    "specversion": "1.0", "type": "com.github.pull_request.opened",
                    "source": "https://github.com/cloudevents/spec/pull", "subject": "123", "id": "A234-1234-1234",
                    "time": "2018-04-05T17:31:00Z", "comexampleextension1": "value", "comexampleothervalue": 5,
                    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
                    "datacontenttype": "application/json",
                },
                "data": {"appinfoA": "abc", "appinfoB": 123.0, "appinfoC": true},
            },
            "context": {
                "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736", "span_id": "00f067aa0ba902b7",
                "service": "https://github.com/cloudevents/spec/pull",
            },
        })
    );
    let text = String::from_utf8(structured(SPEC).unwrap()).unwrap();
    assert!(text.contains(r#""appinfoB" : 123.0"#), "numbers stay as they were: {text}");
}

#[test]
fn bytes_stay_and_what_is_null_is_absent() {
    let event = taken(structured(XML));
    assert_eq!(event["details"]["data_base64"], "PG11Y2ggd293PSJ4bWwiLz4=");
    assert_eq!(event["occurred_at"], "2018-04-05T15:31:00.000000Z");
    assert_eq!(event["actor"], json!({"type": "user", "id": "maria"}));
    assert_eq!(event.get("targets"), None);
    assert_eq!(event["details"]["cloudevent"].get("unsetextension"), None);
}

#[test]
fn an_event_of_ours_is_kept_as_that() {
    let event = taken(structured(OWN));
    assert_eq!((&event["action"], &event["user_id"]), (&json!("invoice.delete"), &json!("maria")));
    assert_eq!(event["id"], foreign_id("/billing", "17"));
    assert_eq!(event["metadata"]["cloudevent"]["type"], "com.example.audit");
    // Others have actions too.
    let theirs = br#"{"specversion":"1.0","type":"t","source":"s","id":"1","data":{"action":"opened","number":7}}"#;
    let event = taken(structured(theirs));
    assert_eq!((&event["action"], &event["details"]["data"]["number"]), (&json!("t"), &json!(7)));
    // Who says that it is ours is told what is wrong with it.
    let said = br#"{"specversion":"1.0","type":"indelible.event","source":"s","id":"1","data":{"action":"a","number":7}}"#;
    assert!(indelible_event::check(&structured(said).unwrap()).is_err());
}

fn fields(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn attributes_in_the_header_are_decoded() {
    let pairs = [
        ("specversion", "1.0"),
        ("id", "C234-1234-1234"),
        ("source", "/mycontext"),
        ("type", "com.example.someevent"),
        ("subject", "Euro%20%E2%82%AC%20%F0%9F%98%80"),
        ("time", "2018-04-05T03:56:24Z"),
        ("comexample", "\"a \\\" b\""),
    ];
    let event = taken(binary(&fields(&pairs), Some("application/json"), br#"{"text": 1.0}"#));
    assert_eq!(event["targets"][0]["id"], "Euro € 😀");
    assert_eq!(event["details"]["cloudevent"]["comexample"], "a \" b");
    assert_eq!(event["details"]["cloudevent"]["datacontenttype"], "application/json");
    assert_eq!(event["details"]["data"], json!({"text": 1.0}));
    let of = |kind, body: &[u8]| taken(binary(&fields(&pairs), kind, body))["details"].clone();
    assert_eq!(of(Some("text/plain"), b"{}")["data"], "{}");
    assert_eq!(of(None, b"{}")["data"], json!({}));
    assert_eq!(of(None, b"hello")["data"], "hello");
    assert_eq!(of(Some("application/octet-stream"), b"\xff\x00")["data_base64"], "/wA=");
    assert_eq!(of(Some("application/json"), b"").get("data"), None);
    let broken = binary(&fields(&pairs), Some("application/json"), b"{").unwrap_err();
    assert_eq!(broken.field, "data");
    for (coded, text) in [("a%2", "a%2"), ("%zz", "%zz"), ("%25", "%"), ("é", "é"), ("\"", "\"")]
    {
        assert_eq!(attribute(coded).as_deref(), Some(text), "{coded}");
    }
    assert_eq!(attribute("%ff"), None);
}

#[test]
fn what_is_missing_or_of_another_version_is_refused_by_name() {
    let base = r#""specversion":"1.0","id":"1","source":"s","type":"t""#;
    taken(structured(format!("{{{base}}}").as_bytes()));
    for (json, field) in [
        (r#"{"id":"1","source":"s","type":"t"}"#.to_owned(), "specversion"),
        (base.replace("1.0", "0.3"), "specversion"),
        (base.replace(r#""specversion":"1.0""#, r#""specversion":1.0"#), "specversion"),
        (base.replace(r#""id":"1""#, r#""id":"""#), "id"),
        (base.replace(r#""id":"1""#, r#""id":null"#), "id"),
        (base.replace(r#","source":"s""#, ""), "source"),
        (base.replace(r#""type":"t""#, r#""type":"…""#), "type"),
        (format!(r#"{base},"time":"yesterday""#), "time"),
        (format!(r#"{base},"time":7"#), "time"),
        (format!(r#"{base},"id":"2""#), "id"),
        (format!(r#"{base},"data":1,"data_base64":"AA==""#), "data_base64"),
        (format!(r#"{base},"data_base64":"?""#), "data_base64"),
        ("[]".to_owned(), ""),
    ] {
        let json = if json.starts_with(['{', '[']) { json } else { format!("{{{json}}}") };
        assert_eq!(structured(json.as_bytes()).unwrap_err().field, field, "{json}");
    }
}
