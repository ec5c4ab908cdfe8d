use serde_json::{Value as Json, json as value};

use super::*;

const PROTOBUF: &[u8] = include_bytes!("../../../tests/intake/logs.binpb");
const JSON: &[u8] = include_bytes!("../../../tests/intake/logs.json");

type Walk = fn(&[u8], &mut Sink<'_>) -> Result<(), Unmapped>;

fn all(walk: Walk, bytes: &[u8]) -> Vec<Result<Vec<u8>, Unmapped>> {
    let mut events = Vec::new();
    walk(bytes, &mut |event| {
        events.push(event);
        true
    })
    .unwrap();
    events
}

fn taken(event: &Result<Vec<u8>, Unmapped>) -> Json {
    let json = event.as_ref().unwrap();
    indelible_event::check(json).unwrap();
    serde_json::from_slice(json).unwrap()
}

#[test]
fn a_record_becomes_an_event_in_either_encoding() {
    for (walk, bytes) in [(protobuf as Walk, PROTOBUF), (json as Walk, JSON)] {
        let events = all(walk, bytes);
        assert_eq!(events.len(), 3);
        let mut event = taken(&events[0]);
        assert!(event["id"].is_string());
        event["id"].take();
        assert_eq!(
            event,
            value!({
                "id": null, "occurred_at": "2018-12-13T14:51:00.300000Z", "action": "user.login_failed",
                "outcome": "error", "actor": {"type": "user", "id": "maria"},
                "error": {"code": "Denied", "message": "no"},
                "context": {
                    "ip": "192.0.2.7", "trace_id": "5b8efff798038103d269b633813fc60c", "span_id": "eee19b7ec3c1b174",
                    "service": "my.service", "host": "web-1", "http": {"status": 403},
                },
                "details": {
                    "body": "Example log record", "event_name": "User.LoginFailed",
                    "severity_text": "Error", "severity_number": 17,
                    "attributes": {
                        "string.attribute": "some string", "boolean.attribute": true, "int.attribute": 10,
                        "double.attribute": 637.704, "array.attribute": ["many", 2, null],
                        "map.attribute": {"some.map.key": "AQI="}, "enduser.id": "maria",
                        "client.address": "192.0.2.7", "http.response.status_code": 403,
                        "exception.type": "Denied", "exception.message": "no",
                    },
                    "resource": {"service.name": "my.service", "host.name": "web-1"},
                    "scope": {
                        "name": "my.library", "version": "1.0.0",
                        "attributes": {"my.scope.attribute": "some scope attribute"},
                    },
                    "time_unix_nano": "1544712660300000000", "observed_time_unix_nano": "1544712660300000000",
                    "flags": 1,
                },
            })
        );
        assert_eq!(taken(&events[1])["action"], ACTION);
    }
}

#[test]
fn a_request_again_is_the_same_and_two_alike_are_two() {
    for (walk, bytes) in [(protobuf as Walk, PROTOBUF), (json as Walk, JSON)] {
        let events = all(walk, bytes);
        assert_eq!(events, all(walk, bytes));
        let ids: Vec<Json> = events.iter().map(|event| taken(event)["id"].clone()).collect();
        assert_ne!(ids[1], ids[2]);
        // Where it stands in a request does not matter: a collector sends what is left in other requests.
        let alone = String::from_utf8(JSON.to_vec()).unwrap();
        let at = alone.find(r#"{ "timeUnixNano": 1544712660300000001"#).unwrap();
        let first = alone.find(
            r#"            {
              "timeUnixNano": "1544712660300000000""#,
        );
        let alone = format!("{}{}", &alone[..first.unwrap()], &alone[at..]);
        let second = all(json, JSON)[1].clone();
        assert_eq!(all(json, alone.as_bytes())[0], second);
    }
    let record =
        |of: &str| format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{of}]}}]}}]}}"#);
    let one = |of: &str| taken(&all(json, record(of).as_bytes())[0]);
    assert_eq!(one(r#"{"body":{"stringValue":"x"}}"#).get("id"), None, "it says no time");
    let uid = r#"{"attributes":[{"key":"log.record.uid","value":{"stringValue":"u-1"}}]}"#;
    assert_eq!(one(uid)["id"], foreign_id("otlp/uid", "u-1"));
}

#[test]
fn one_bad_record_is_refused_alone_and_bad_framing_refuses_the_whole() {
    let request = |records: &str| {
        format!(
            r#"{{"resourceLogs":[{{"resource":null,"scopeLogs":[{{"scope":null,"logRecords":[{records}]}}]}}]}}"#
        )
    };
    let deep = format!("{}{}", r#"{"arrayValue":{"values":["#.repeat(60), "]}}".repeat(60));
    for bad in [
        "7",
        r#"{"timeUnixNano":"soon"}"#,
        r#"{"timeUnixNano":-1}"#,
        r#"{"traceId":"xyz"}"#,
        r#"{"severityNumber":"ERROR"}"#,
        r#"{"body":{"bytesValue":"?"}}"#,
        r#"{"body":{"doubleValue":"1e999"}}"#,
        &format!(r#"{{"body":{deep}}}"#),
    ] {
        let events = all(json, request(&format!(r#"{{}},{bad},{{"body":{{}}}}"#)).as_bytes());
        assert_eq!(events.len(), 3, "{bad}");
        assert!(events[1].is_err(), "{bad}");
        assert_eq!(taken(&events[0])["action"], ACTION);
        taken(&events[2]);
    }
    let odd = r#"{"body":{"doubleValue":"NaN"},"attributes":[{"key":"a"},{}]}"#;
    let event = taken(&all(json, request(odd).as_bytes())[0]);
    assert_eq!(event["details"], value!({"body": "NaN", "attributes": {"a": null, "": null}}));
    let none = &mut |_| true;
    for whole in
        ["", "[]", "{\"resourceLogs\":7}", "{\"resourceLogs\":[{\"scopeLogs\":[{\"logRecords\":[{}"]
    {
        assert!(json(whole.as_bytes(), none).is_err(), "{whole}");
    }
    for whole in ["{}", "{\"resourceLogs\":null}", "{\"other\":1}"] {
        json(whole.as_bytes(), none).unwrap();
    }
    protobuf(b"", none).unwrap();
    assert!(protobuf(&PROTOBUF[..PROTOBUF.len() - 1], none).is_err());
    assert!(protobuf(b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", none).is_err());
}

#[test]
fn a_walk_ends_when_no_more_is_wanted() {
    let many = format!(
        r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{}]}}]}}]}}"#,
        vec!["{}"; 1000].join(",")
    );
    let mut left = 3;
    json(many.as_bytes(), &mut |_| {
        left -= 1;
        left > 0
    })
    .unwrap();
    assert_eq!(left, 0);
}

#[test]
fn answers_are_what_the_protocol_says() {
    let all_kept = Response::default();
    assert_eq!((all_kept.protobuf(), all_kept.json()), (Vec::new(), b"{}".to_vec()));
    let reasons: Vec<String> = (0..5).map(|at| format!("record {at}: bad")).collect();
    let said = refusals(&reasons, 9);
    assert_eq!(
        said,
        "5 of 9 log records refused: record 0: bad; record 1: bad; record 2: bad; and others"
    );
    let partial = PartialSuccess { rejected_log_records: 5, error_message: "no".into() };
    let partial = Response { partial_success: Some(partial) };
    assert_eq!(partial.protobuf(), b"\x0a\x06\x08\x05\x12\x02no");
    assert_eq!(
        String::from_utf8(partial.json()).unwrap(),
        r#"{"partialSuccess":{"rejectedLogRecords":"5","errorMessage":"no"}}"#
    );
    let status = Status { code: 3, message: "no".into() };
    assert_eq!(status.protobuf(), b"\x08\x03\x12\x02no");
    assert_eq!(status.json(), br#"{"code":3,"message":"no"}"#);
}
