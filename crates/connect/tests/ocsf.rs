//! Every kind of event, as a line that the published schema accepts, and in which nothing is lost.

use std::sync::LazyLock;

use indelible_connect::{Event, ocsf};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::schema::Schema;

static SCHEMA: LazyLock<Schema> = LazyLock::new(Schema::load);

const CATEGORIES: &[&str] = &[
    "login",
    "login_failed",
    "logout",
    "user_created",
    "data_access",
    "data_create",
    "data_modify",
    "data_delete",
    "admin_action",
    "permission_denied",
    "api_request",
    "api_request_error",
    "authentication",
    "authorization",
    "backend_operation",
    "vfs_operation",
    "wal_operation",
    "pin_operation",
    "journal_operation",
    "config_change",
    "system",
    "our_own",
    "",
];
const OUTCOMES: &[&str] = &["success", "failure", "denied", "error", "pending", "unknown", ""];
const ACTIONS: &[&str] = &[
    "backup.delete",
    "user.create",
    "user.password_reset",
    "user.mfa_enable",
    "user.lock",
    "role.grant",
    "role.revoke",
    "permission.grant",
    "session.login",
    "user.logout",
    "http.get",
    "http.other",
    "file.read",
    "vm.suspend",
    "config.change",
    "vault.frobnicate",
    "audit.search",
    "x",
];

fn line(event: &Value) -> Value {
    let json = event.to_string();
    let mut out = Vec::new();
    ocsf::line(&Event::read(&json).unwrap(), &json, &mut out);
    assert_eq!(out.pop(), Some(b'\n'));
    assert!(!out.contains(&b'\n') && !out.contains(&b'\r'));
    serde_json::from_slice(&out).unwrap()
}

/// An event with all members, without those that `without` names.
fn event(action: &str, category: &str, outcome: &str, without: &[&str]) -> Value {
    let mut event = json!({
        "trail": "shop", "seq": 7, "id": "01908e3c-0000-7000-8000-000000000001",
        "recorded_at": "2026-01-31T10:00:00.250000Z", "occurred_at": "2026-01-31T09:59:59.999999Z",
        "action": action, "category": category, "outcome": outcome, "phase": "outcome", "ref": "0190",
        "source": {"id": "00ff", "seq": 3}, "recorded_by": "key:1",
        "actor": {"type": "service", "id": "job", "name": "Job", "email": "j@example.com",
            "auth": {"method": "oidc", "token_id": "tok"}, "on_behalf_of": {"id": "alice", "email": "a@example.com"}},
        "targets": [{"type": "user", "id": "bob", "name": "Bob"}, {"type": "role", "id": "admin"}],
        "subjects": [{"type": "person", "id": "carol"}],
        "changes": {"before": {"roles": ["a"]}, "after": {"roles": ["a", "b"], "big": 18446744073709551615_u64}},
        "details": {"note": "because", "n": 1.5},
        "error": {"code": "E7", "message": "no\nway"},
        "context": {"ip": "192.0.2.7", "user_agent": "ua/1", "request_id": "rq", "correlation_id": "co",
            "session_id": "se", "trace_id": "tr", "span_id": "sp", "service": "web", "host": "h1",
            "http": {"method": "POST", "path": "/a?b=c", "route": "/{x}", "status": 201, "duration_ms": 12.75}},
    });
    for path in without {
        let (parent, name) = path.rsplit_once('/').unwrap();
        if let Some(Value::Object(parent)) = event.pointer_mut(parent) {
            parent.remove(name);
        }
    }
    event
}

/// What events come without, several at a time.
const WITHOUT: &[&[&str]] = &[
    &[],
    &[
        "/actor",
        "/context",
        "/targets",
        "/changes",
        "/details",
        "/error",
        "/subjects",
        "/source",
        "/phase",
        "/ref",
    ],
    &["/actor/id", "/actor/name"],
    &["/actor/id", "/actor/name", "/actor/email", "/actor/auth", "/context/session_id"],
    &["/actor/auth", "/actor/on_behalf_of", "/context/host"],
    &["/actor", "/context/session_id", "/context/host", "/occurred_at"],
    &["/targets"],
    &["/targets/0/id", "/targets/0/name", "/context/http"],
    &["/targets/0/type", "/targets/1/type", "/context/ip"],
    &["/changes/after", "/context/http/status", "/context/http/method"],
    &["/changes/before", "/context/http/path", "/context/service"],
    &["/recorded_at", "/occurred_at", "/id", "/trail", "/seq", "/action"],
];

/// Every text and number in a value.
fn leaves(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Object(members) => members.values().for_each(|value| leaves(value, into)),
        Value::Array(items) => items.iter().for_each(|item| leaves(item, into)),
        Value::String(text) => into.push(text.clone()),
        other => into.push(other.to_string()),
    }
}

/// The time of recording is told in milliseconds, and types that the schema knows are written as it writes them.
fn is_told(leaf: &str, event: &Value, told: &[String]) -> bool {
    leaf.is_empty()
        || *leaf == event["recorded_at"]
        || told.iter().any(|one| one.eq_ignore_ascii_case(leaf))
}

#[track_caller]
fn check(event: &Value) -> Value {
    let line = line(event);
    let faults = SCHEMA.faults(&line);
    assert!(faults.is_empty(), "{faults:#?}\nof {event}\nas {line:#}");
    let (mut all, mut told) = (Vec::new(), Vec::new());
    leaves(event, &mut all);
    leaves(&line, &mut told);
    let lost: Vec<_> = all.iter().filter(|leaf| !is_told(leaf, event, &told)).collect();
    assert!(lost.is_empty(), "lost {lost:?}\nof {event}\nas {line:#}");
    line
}

#[test]
fn every_kind_of_event_is_valid_and_whole() {
    assert_eq!(SCHEMA.version, ocsf::VERSION);
    let mut classes = std::collections::BTreeSet::new();
    // Their numbers have no divisor in common, so that in turn each meets each.
    let mut endings = WITHOUT.iter().cycle().zip(OUTCOMES.iter().cycle());
    for category in CATEGORIES {
        for action in ACTIONS {
            for (without, outcome) in endings.by_ref().take(3) {
                let line = check(&event(action, category, outcome, without));
                classes.insert(line["class_uid"].as_u64().unwrap());
            }
        }
        for outcome in OUTCOMES {
            check(&event("file.read", category, outcome, &[]));
        }
    }
    let known: Vec<_> = SCHEMA.classes.values().filter_map(|class| class.uid).collect();
    assert_eq!(classes.len(), known.len(), "each class comes up: {classes:?}");
}

#[test]
fn the_schema_is_heeded() {
    let good = line(&event("file.read", "api_request", "success", &[]));
    let broken: [(&str, Value); 7] = [
        ("/api", Value::Null),
        ("/time", json!("now")),
        ("/status", json!("Fine")),
        ("/activity_id", json!(5)),
        ("/metadata/product", json!({})),
        ("/src_endpoint/ip", json!("here")),
        ("/http_response", json!({"code": 200, "odd": 1})),
    ];
    for (path, value) in broken {
        let mut line = good.clone();
        *line.pointer_mut(path).unwrap() = value;
        assert!(!SCHEMA.faults(&line).is_empty(), "{path}");
    }
    let mut line = good;
    line.as_object_mut().unwrap().remove("actor");
    assert!(!SCHEMA.faults(&line).is_empty());
}

#[test]
fn events_are_of_the_class_that_a_siem_expects() {
    let case = |action: &str, category: &str, targets: Value, http: bool| {
        let without: &[&str] = if http { &[] } else { &["/context/http"] };
        let mut event = event(action, category, "success", without);
        event["targets"] = targets;
        check(&event)["type_uid"].as_u64().unwrap()
    };
    let of = |kind: &str| json!([{"type": kind, "id": "x"}]);
    assert_eq!(case("session.login", "login", of("account"), true), 300_201);
    assert_eq!(case("user.login_failed", "login_failed", of("user"), true), 300_201);
    assert_eq!(case("user.logout", "logout", of("session"), false), 300_202);
    assert_eq!(case("token.refresh", "authentication", of("token"), false), 300_299);
    assert_eq!(case("user.create", "user_created", of("user"), true), 300_101);
    assert_eq!(case("user.register", "user_created", json!([]), true), 300_101);
    assert_eq!(case("user.password_reset", "admin_action", of("user"), false), 300_104);
    assert_eq!(case("user.mfa_disable", "admin_action", of("user"), false), 300_111);
    assert_eq!(case("user.delete", "data_delete", of("user"), true), 300_106);
    assert_eq!(case("role.grant", "admin_action", of("user"), false), 300_501);
    assert_eq!(case("role.revoke", "admin_action", of("user"), false), 300_502);
    assert_eq!(case("backup.create", "data_create", of("backup"), true), 300_401);
    assert_eq!(case("file.write", "data_modify", of("file"), false), 300_403);
    assert_eq!(case("backup.delete", "data_delete", of("backup"), false), 300_404);
    assert_eq!(case("file.read", "data_access", of("file"), false), 300_402);
    assert_eq!(case("file.read", "data_access", of("file"), true), 600_302);
    assert_eq!(case("http.post", "api_request", json!([]), true), 600_301);
    assert_eq!(case("http.other", "api_request_error", json!([]), true), 600_301);
    assert_eq!(case("config.change", "config_change", of("device"), false), 300_403);
    assert_eq!(case("account.disable", "admin_action", of("account"), false), 300_105);
    assert_eq!(case("account.create", "data_create", of("account"), false), 300_401);
    assert_eq!(case("wal.checkpoint", "wal_operation", of("wal"), false), 99);
}

#[test]
fn what_has_a_place_is_there() {
    let told = check(&event(
        "file.read",
        "api_request",
        "denied",
        &["/actor/auth", "/actor/on_behalf_of"],
    ));
    assert_eq!(told["time"], 1_769_853_599_999_i64);
    assert_eq!(told["metadata"]["logged_time"], 1_769_853_600_250_i64);
    assert_eq!(told["http_request"]["url"], json!({"path": "/a", "query_string": "b=c"}));
    assert_eq!(told["http_response"], json!({"code": 201, "latency": 12}));
    assert_eq!(told["status_detail"], "no\nway");
    assert_eq!(told["unmapped"].get("actor"), None, "it is told in full already");
    let told = check(&event("role.grant", "admin_action", "success", &["/targets/1/type"]));
    assert_eq!(told["privileges"], json!(["b"]), "what the change added");
    let told = check(&event("role.grant", "admin_action", "success", &[]));
    assert_eq!((&told["privileges"], &told["user"]["uid"]), (&json!(["admin"]), &json!("bob")));
    let told = check(&event("file.edit", "data_modify", "success", &[]));
    assert_eq!(told["entity"]["data"], json!({"roles": ["a"]}));
    assert_eq!(told["entity_result"]["data"]["big"], 18_446_744_073_709_551_615_u64);
    assert_eq!(told["comment"], "because");
}

#[test]
fn free_json_over_several_lines_is_one_line() {
    let json = "{\"action\":\"a.edit\",\"category\":\"data_modify\",\r\n\"details\":{\n \"a\":\"x\\ny\"},\"changes\":{\"after\":[\n1]}}";
    let mut out = Vec::new();
    ocsf::line(&Event::read(json).unwrap(), json, &mut out);
    assert_eq!(out.iter().filter(|byte| matches!(byte, b'\n' | b'\r')).count(), 1);
    let line: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(line["unmapped"]["details"]["a"], "x\ny");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn any_texts_are_valid(
        action in prop_oneof![prop::sample::select(ACTIONS).prop_map(str::to_owned), any::<String>()],
        category in prop::sample::select(CATEGORIES),
        outcome in prop::sample::select(OUTCOMES),
        texts in prop::collection::vec(prop_oneof![any::<String>(), "[a-z@.:0-9/?-]{0,12}"], 12),
        without in prop::sample::subsequence(WITHOUT, 1..3),
    ) {
            let mut event = event(&action, category, outcome, &without.concat());
        let paths = ["/actor/id", "/actor/name", "/actor/email", "/actor/type", "/actor/auth/method", "/context/ip",
            "/context/http/path", "/context/http/method", "/targets/0/type", "/targets/0/name", "/occurred_at", "/error/message"];
        for (path, text) in paths.iter().zip(texts) {
            if let Some(place) = event.pointer_mut(path) {
                *place = text.into();
            }
        }
        check(&event);
    }
}
