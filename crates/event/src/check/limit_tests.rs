//! Each limit: just kept, and one past.

use super::*;
use crate::limits::*;

fn event(members: &str) -> Result<Checked, Refusal> {
    check(format!(r#"{{"action":"a",{members}}}"#).as_bytes())
}

fn reason(members: &str) -> RefusalKind {
    event(members).expect_err("one past its limit").reason
}

#[test]
fn bytes_of_an_event() {
    let of = |bytes: usize| {
        let head = r#"{"action":"a","details":{"x":""#;
        format!("{head}{}\"}}}}", "x".repeat(bytes - head.len() - 3))
    };
    assert!(check(of(EVENT_BYTES_MAX).as_bytes()).is_ok());
    for bytes in [EVENT_BYTES_MAX + 1, 257 * 1024] {
        let refusal = check(of(bytes).as_bytes()).unwrap_err();
        assert_eq!(refusal.reason, RefusalKind::TooLong { bytes_max: EVENT_BYTES_MAX });
    }
}

#[test]
fn depth() {
    // The event and details are two levels.
    let arrays = |levels: usize| {
        format!(r#""details":{{"a":{}{}}}"#, "[".repeat(levels), "]".repeat(levels))
    };
    assert!(event(&arrays(DEPTH_MAX - 2)).is_ok());
    assert_eq!(reason(&arrays(DEPTH_MAX - 1)), RefusalKind::TooDeep);
    // The event and changes.
    let objects = |levels: usize| {
        format!(r#""changes":{{"before":{}1{}}}"#, "{\"a\":".repeat(levels), "}".repeat(levels))
    };
    assert!(event(&objects(DEPTH_MAX - 2)).is_ok());
    assert_eq!(reason(&objects(DEPTH_MAX - 1)), RefusalKind::TooDeep);
    // The short form counts as deep as the nested one that it becomes.
    let short =
        |levels: usize| format!(r#""old_value":{}{}"#, "[".repeat(levels), "]".repeat(levels));
    assert!(event(&short(DEPTH_MAX - 2)).is_ok());
    assert_eq!(reason(&short(DEPTH_MAX - 1)), RefusalKind::TooDeep);
    let actors = |levels: usize| {
        format!(
            r#""actor":{}{{"id":1}}{}"#,
            "{\"on_behalf_of\":".repeat(levels - 1),
            "}".repeat(levels - 1)
        )
    };
    assert!(event(&actors(DEPTH_MAX - 1)).is_ok());
    assert_eq!(reason(&actors(DEPTH_MAX)), RefusalKind::TooDeep);
}

#[test]
fn a_hundred_thousand_levels() {
    for opening in ["[", "{\"a\":"] {
        let deep = opening.repeat(100_000 / opening.len());
        assert_eq!(reason(&format!("\"old_value\":{deep}")), RefusalKind::TooDeep);
        assert_eq!(reason(&format!("\"details\":{{\"x\":{deep}")), RefusalKind::TooDeep);
        assert!(check(deep.as_bytes()).is_err());
        assert!(event(&format!("\"targets\":{deep}")).is_err());
    }
    let deep = "{\"on_behalf_of\":".repeat(10_000);
    assert_eq!(reason(&format!("\"actor\":{deep}")), RefusalKind::TooDeep);
}

#[test]
fn keys() {
    // `action` and `details` count too.
    let details = |keys: usize| {
        let members: Vec<String> = (0..keys).map(|i| format!("\"k{i}\":{{}}")).collect();
        format!("\"details\":{{{}}}", members.join(","))
    };
    assert!(event(&details(KEYS_MAX - 2)).is_ok());
    let refusal = event(&details(KEYS_MAX - 1)).unwrap_err();
    assert_eq!(
        (refusal.reason, refusal.field.as_str()),
        (RefusalKind::TooManyKeys, "/details/k998")
    );
}

/// Small objects are compared key by key, large ones sorted; both must see every pair.
#[test]
fn duplicates_in_objects_of_every_size() {
    for keys in 2..60_usize {
        for first in 0..keys - 1 {
            let name =
                |i: usize| if i == keys - 1 { format!("\\u006b{first}") } else { format!("k{i}") };
            let members: Vec<String> =
                (0..keys).map(|i| format!("\"{}\":{{\"k1\":{i}}}", name(i))).collect();
            let refusal = event(&format!("\"details\":{{{}}}", members.join(","))).unwrap_err();
            assert_eq!(refusal.reason, RefusalKind::DuplicateKey, "{keys} {first}");
            assert_eq!(refusal.field, format!("/details/k{first}"));
        }
    }
}

#[test]
fn lists() {
    let list = |name: &str, count: usize| {
        format!("\"{name}\":[{}]", vec![r#"{"id":"1"}"#; count].join(","))
    };
    assert!(event(&list("targets", TARGETS_MAX)).is_ok());
    assert!(event(&list("subjects", SUBJECTS_MAX)).is_ok());
    assert_eq!(
        reason(&list("targets", TARGETS_MAX + 1)),
        RefusalKind::TooMany { max: TARGETS_MAX }
    );
    assert_eq!(
        reason(&list("subjects", SUBJECTS_MAX + 1)),
        RefusalKind::TooMany { max: SUBJECTS_MAX }
    );
}

#[test]
fn texts() {
    for (path, bytes_max) in [
        ("user_id", TEXT_BYTES_MAX),
        ("user_email", TEXT_BYTES_MAX),
        ("user_agent", TEXT_BYTES_MAX),
        ("resource_type", KIND_BYTES_MAX),
        ("resource_id", TEXT_BYTES_MAX),
        ("error_message", MESSAGE_BYTES_MAX),
        ("category", CATEGORY_BYTES_MAX),
        ("trail", TRAIL_NAME_BYTES_MAX),
        ("actor.name", TEXT_BYTES_MAX),
        ("actor.auth.method", KIND_BYTES_MAX),
        ("context.trace_id", TEXT_BYTES_MAX),
        ("context.http.path", PATH_BYTES_MAX),
        ("error.code", KIND_BYTES_MAX),
    ] {
        let nested = |bytes: usize| {
            let mut json = format!("\"{}\"", "a".repeat(bytes));
            for name in path.rsplit('.') {
                json = format!("{{\"{name}\":{json}}}");
            }
            json[1..json.len() - 1].to_owned()
        };
        assert!(event(&nested(bytes_max)).is_ok(), "{path}");
        let refusal = event(&nested(bytes_max + 1)).unwrap_err();
        assert_eq!(refusal.field, path);
        let form = crate::TrailNameError::Form.into();
        assert!(
            refusal.reason == RefusalKind::TooLong { bytes_max } || refusal.reason == form,
            "{path}"
        );
    }
    let action =
        |bytes: usize| check(format!("{{\"action\":\"{}\"}}", "a".repeat(bytes)).as_bytes());
    assert!(action(ACTION_BYTES_MAX).is_ok());
    assert!(action(ACTION_BYTES_MAX + 1).is_err());
    let number = |digits: usize| {
        format!("\"context\":{{\"http\":{{\"duration_ms\":{}}}}}", "1".repeat(digits))
    };
    assert!(event(&number(NUMBER_BYTES_MAX)).is_ok());
    assert_eq!(
        reason(&number(NUMBER_BYTES_MAX + 1)),
        RefusalKind::TooLong { bytes_max: NUMBER_BYTES_MAX }
    );
    let fraction =
        |digits: usize| format!("\"occurred_at\":\"2026-01-01T00:00:00.{}Z\"", "1".repeat(digits));
    assert!(event(&fraction(TIME_BYTES_MAX - 21)).is_ok());
    assert_eq!(
        reason(&fraction(TIME_BYTES_MAX - 20)),
        RefusalKind::TooLong { bytes_max: TIME_BYTES_MAX }
    );
    let subject =
        |bytes: usize| check_with_subject(b"{\"action\":\"a\"}", Some(&"s".repeat(bytes)));
    assert!(subject(TEXT_BYTES_MAX).is_ok());
    assert_eq!(subject(TEXT_BYTES_MAX + 1).unwrap_err().field, "credential_subject");
}

/// The event that grows most: the short form, number ids, and a subject that needs escapes.
#[test]
fn parts_stay_below_their_limit() {
    let targets = vec![r#"{"id":1}"#; TARGETS_MAX].join(",");
    let head = format!(
        r#"{{"action":"a","user_id":1,"request_id":2,"targets":[{targets}],"user_agent":""}}"#
    );
    let checked =
        check_with_subject(head.as_bytes(), Some(&"\u{1}".repeat(TEXT_BYTES_MAX / 6))).unwrap();
    let bytes: usize = checked.parts.all().iter().flatten().map(|part| part.len()).sum();
    assert!(bytes <= head.len() + PART_BYTES_MAX - EVENT_BYTES_MAX);
}
