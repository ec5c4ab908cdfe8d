use std::collections::BTreeMap;

use crate::Event;
use crate::limits::{CEF_CUSTOM_CHARS_MAX, CEF_TEXT_CHARS_MAX};

fn line(json: &str) -> String {
    let mut out = Vec::new();
    super::line(&Event::read(json).unwrap(), "ab", &mut out);
    let line = String::from_utf8(out).unwrap();
    assert!(line.ends_with('\n') && !line.trim_end().contains(['\n', '\r']), "{line}");
    line.trim_end().to_owned()
}

/// Reads a line as its specification says: seven fields up to `|`, then keys, each a word before an `=` that no backslash
/// escapes.
fn read(line: &str) -> (Vec<String>, BTreeMap<String, String>) {
    let (mut fields, mut field, mut rest) = (Vec::new(), String::new(), line.chars());
    while fields.len() < 7 {
        match rest.next().unwrap() {
            '\\' => field.push(rest.next().unwrap()),
            '|' => fields.push(std::mem::take(&mut field)),
            c => field.push(c),
        }
    }
    let (mut keys, mut key, mut value) = (BTreeMap::new(), String::new(), String::new());
    while let Some(c) = rest.next() {
        match c {
            '\\' => value.push(match rest.next().unwrap() {
                'n' => '\n',
                'r' => '\r',
                c => c,
            }),
            '=' => {
                let (before, next) = value.rsplit_once(' ').unwrap_or(("", &value));
                let next = next.to_owned();
                if !key.is_empty() {
                    assert!(keys.insert(key, before.to_owned()).is_none());
                }
                (key, value) = (next, String::new());
            }
            c => value.push(c),
        }
    }
    keys.insert(key, value);
    (fields, keys)
}

#[test]
fn every_member_has_its_key() {
    let (fields, keys) = read(&line(
        r#"{"trail":"shop","seq":7,"id":"0190","recorded_at":"2026-01-31T10:00:00.123456Z","occurred_at":"2026-01-31T09:00:00.000000Z",
        "action":"file.delete","category":"data_delete","outcome":"failure","actor":{"type":"user","id":"7","name":"alice"},
        "targets":[{"type":"file","id":"f1","name":"a b"}],"changes":{"before":{"n":1.0}},"details":{"a":"b=c|d\\e"},
        "error":{"code":"E1","message":"line 1\nline 2"},
        "context":{"ip":"2001:db8::1","user_agent":"curl/8","request_id":"r","correlation_id":"c","session_id":"s","service":"web","host":"h",
        "http":{"method":"DELETE","path":"/f?x=1"}}}"#,
    ));
    assert_eq!(
        fields[..5],
        ["CEF:0", "Indelible", "Indelible", env!("CARGO_PKG_VERSION"), "file.delete"]
    );
    assert_eq!(
        (&*fields[5], &*fields[6]),
        ("alice tried to delete file a b, and failed (line 1 line 2)", "5")
    );
    for (key, told) in [
        ("rt", "1769853600123"),
        ("start", "1769850000000"),
        ("externalId", "0190"),
        ("act", "file.delete"),
        ("cat", "data_delete"),
        ("outcome", "failure"),
        ("reason", "line 1\nline 2"),
        ("suser", "alice"),
        ("suid", "7"),
        ("spriv", "user"),
        ("c6a2", "2001:db8::1"),
        ("c6a2Label", "Source IPv6 Address"),
        ("dvchost", "h"),
        ("destinationServiceName", "web"),
        ("requestClientApplication", "curl/8"),
        ("request", "/f?x=1"),
        ("requestMethod", "DELETE"),
        ("flexString1", "r"),
        ("flexString2", "s"),
        ("fname", "a b"),
        ("fileType", "file"),
        ("cs1", "shop"),
        ("cs1Label", "trail"),
        ("cs2", "ab"),
        ("cs2Label", "leafHash"),
        ("cs3", "c"),
        ("cs4", "file f1 a b"),
        ("cs5", r#"{"before":{"n":1.0},"after":null}"#),
        ("cs6", r#"{"a":"b=c|d\\e"}"#),
        ("cn1", "7"),
        ("cn1Label", "seq"),
    ] {
        assert_eq!(keys.get(key).map(String::as_str), Some(told), "{key}");
    }
}

#[test]
fn nobody_writes_keys_or_lines_of_their_own() {
    let evil = r#"x\\ outcome=success\n|CEF:0|\r\u0000\u2028y"#;
    let (fields, keys) = read(&line(&format!(
        r#"{{"trail":"t","action":"{evil}","outcome":"denied","actor":{{"id":"{evil}","name":"{evil}"}},"details":{{"a":"{evil}"}}}}"#
    )));
    assert_eq!((&*fields[6], &*keys["outcome"]), ("7", "denied"));
    assert_eq!(keys["suid"], "x\\ outcome=success\n|CEF:0|\r \u{2028}y");
    let long = "é".repeat(9000);
    let (_, keys) =
        read(&line(&format!(r#"{{"actor":{{"id":"{long}"}},"details":{{"a":"{long}"}}}}"#)));
    assert_eq!(keys["suid"].chars().count(), CEF_TEXT_CHARS_MAX);
    assert_eq!(keys["cs6"].chars().count(), CEF_CUSTOM_CHARS_MAX);
    assert!(keys["cs6"].ends_with('…'));
    // Nothing at all is a line too.
    assert_eq!(read(&line("{}")).0[6], "3");
}
