//! Rules that look, alerts that people see to, and reviews that they sign, over HTTP.

use std::path::Path;
use std::time::Duration;

use indelible_server::{Config, Server};
use indelible_store::{OpenOptions, Store};
use serde_json::{Value, json};

use crate::node::{Answer, Node};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;

const DELETED: &str = "\
title: Backup deleted by hand
id: test-deleted
description: Somebody deleted a backup.
advice: Ask who did.
logsource: { product: indelible }
detection:
  selection: { action: shop.backup.delete, outcome: success }
  condition: selection
level: high
";

const SPRAY: &str = "\
title: Wrong password
id: test-wrong
name: wrong_password
logsource: { product: indelible }
detection:
  selection: { action: shop.login, outcome: failure }
  condition: selection
---
title: Many wrong passwords
id: test-spray
correlation:
  type: value_count
  rules: [ wrong_password ]
  group-by: [ context.ip ]
  timespan: 10m
  condition: { field: actor.id, gte: 3 }
level: critical
";

/// Only the rules of the test: those that come with the node would find what tests do.
const SETTINGS: &str = "pack: { enabled: false }\n";

struct Folder(tempfile::TempDir);

#[expect(clippy::disallowed_methods, reason = "the folder of the people who run the node")]
impl Folder {
    fn new(rules: &[(&str, &str)]) -> Folder {
        let folder = Folder(tempfile::tempdir().unwrap());
        folder.write("watch.yaml", SETTINGS);
        rules.iter().for_each(|(name, text)| folder.write(&format!("rules/{name}"), text));
        folder
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.0.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn of(&self) -> impl FnOnce(&mut Config) {
        let path = self.0.path().to_owned();
        move |config| config.rules = Some(path)
    }
}

fn event(action: &str, outcome: &str, user: &str) -> Value {
    json!({
        "action": action, "outcome": outcome, "actor": {"type": "user", "id": user},
        "targets": [{"type": "backup", "id": "db-1"}], "context": {"ip": "203.0.113.9"},
    })
}

fn append(node: &Node, events: &[Value]) {
    let answer = node.append(&node.admin, &json!(events).to_string());
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
}

fn alerts(node: &Node, query: &str) -> Value {
    let answer = node.get(&node.admin, &format!("/api/alerts{query}"));
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Waits until something is so; that takes moments, and must not take long.
#[track_caller]
fn until<T>(what: &str, mut is_so: impl FnMut() -> Option<T>) -> T {
    for _ in 0..1000 {
        if let Some(found) = is_so() {
            return found;
        }
        std::thread::park_timeout(Duration::from_millis(10));
    }
    panic!("{what} does not come");
}

/// Waits until there are so many alerts, and gives them.
#[track_caller]
fn opened(node: &Node, count: usize) -> Vec<Value> {
    until(&format!("alert {count}"), || {
        let all = alerts(node, "")["alerts"].as_array().unwrap().clone();
        (all.len() >= count).then_some(all)
    })
}

fn act(node: &Node, alert: &Value, deed: &str, body: Value) -> Answer {
    let path = format!("/api/alerts/{}/{deed}", alert["id"].as_str().unwrap());
    node.post(&node.admin, &path, body.to_string().as_bytes())
}

#[test]
fn what_happens_becomes_an_alert_that_people_see_to() {
    let folder = Folder::new(&[("deleted.yml", DELETED), ("spray.yml", SPRAY)]);
    let node = Node::with(folder.of());
    append(&node, &[event("shop.backup.delete", "success", "mallory")]);
    let alert = opened(&node, 1).remove(0);
    assert_eq!(alert["rule"]["id"], "test-deleted");
    assert_eq!((&alert["rule"]["level"], &alert["state"]), (&"high".into(), &"open".into()));
    assert_eq!(alert["event"]["trail"], "default");
    let path = format!("/api/alerts/{}", alert["id"].as_str().unwrap());
    let one = node.get(&node.admin, &path).json();
    assert_eq!(one["advice"], "Ask who did.");
    assert_eq!(one["events"][0]["action"], "shop.backup.delete");
    assert_eq!(one["events"][0]["actor"]["id"], "mallory");
    assert_eq!(one["history"][0]["action"], "alert.open");
    assert!(one["query"].as_str().is_some_and(|query| !query.is_empty()), "{one}");

    let taken = act(&node, &alert, "acknowledge", json!({"note": "I look"}));
    assert_eq!((taken.status, &taken.json()["state"]), (200, &"acknowledged".into()));
    assert_eq!(taken.json()["acknowledged_by"], "admin");
    let told = &node.system("alert.acknowledge")[0];
    assert_eq!(told["id"], taken.headers["indelible-event"]);
    assert_eq!(
        (&told["details"]["note"], &told["targets"][0]["id"]),
        (&"I look".into(), &alert["id"])
    );
    let again = act(&node, &alert, "acknowledge", json!({}));
    assert_eq!((again.status, again.headers.get("indelible-event")), (200, None));
    let given = act(&node, &alert, "assign", json!({"to": "maria"}));
    assert_eq!(given.json()["assignee"], "maria");
    assert_eq!(act(&node, &alert, "comment", json!({"note": "she knows"})).status, 200);
    act(&node, &alert, "comment", json!({})).problem(400, "bad-request");
    let closed = act(&node, &alert, "close", json!({"note": "meant so"}));
    assert_eq!((closed.status, &closed.json()["state"]), (200, &"closed".into()));
    let actions: Vec<Value> = closed.json()["history"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["action"].clone())
        .collect();
    assert_eq!(
        actions,
        ["alert.open", "alert.acknowledge", "alert.assign", "alert.comment", "alert.close"]
    );
    act(&node, &alert, "acknowledge", json!({})).problem(409, "closed");
    assert_eq!(alerts(&node, "?state=open")["alerts"], json!([]));

    // What is closed opens anew, and what is not counts up.
    node.clock.advance(SECOND);
    append(&node, &[event("shop.backup.delete", "success", "mallory")]);
    let second = opened(&node, 2).remove(0);
    assert_ne!(second["id"], alert["id"]);
    append(&node, &[event("shop.backup.delete", "success", "mallory")]);
    until("the second time", || {
        (alerts(&node, "?state=open")["alerts"][0]["count"] == 2).then_some(())
    });
    assert_eq!(node.system("alert.open").len(), 2);
    // Whoever looks at an alert looks at events, and that is recorded.
    let looked = node.system("audit.read");
    assert!(
        looked
            .iter()
            .any(|event| event["details"]["query"]
                == format!("alert {}", alert["id"].as_str().unwrap())),
        "{looked:?}"
    );
}

#[test]
fn windows_and_alerts_outlast_a_restart() {
    let folder = Folder::new(&[("spray.yml", SPRAY)]);
    let mut node = Node::with(folder.of());
    append(&node, &[event("shop.login", "failure", "a"), event("shop.login", "failure", "b")]);
    until("the watch", || {
        (node.get(&node.admin, "/api/status").json()["watch"]["behind"] == 0).then_some(())
    });
    node.stop();
    node.start(folder.of());
    assert_eq!(alerts(&node, "")["alerts"], json!([]));
    append(&node, &[event("shop.login", "failure", "c")]);
    let alert = opened(&node, 1).remove(0);
    assert_eq!(
        (&alert["rule"]["title"], &alert["count"]),
        (&"Many wrong passwords".into(), &1.into())
    );
    assert_eq!(alert["group"], json!({"context.ip": "203.0.113.9"}));
    let of = |node: &Node| {
        node.get(&node.admin, &format!("/api/alerts/{}", alert["id"].as_str().unwrap())).json()
    };
    let before = of(&node);
    assert_eq!(before["events"].as_array().unwrap().len(), 3);
    assert_eq!(act(&node, &alert, "acknowledge", json!({})).status, 200);
    node.stop();
    node.start(folder.of());
    let after = of(&node);
    assert_eq!((&after["state"], &after["events"]), (&"acknowledged".into(), &before["events"]));
    assert_eq!(node.system("alert.open").len(), 1);
    // What there is to count.
    let status = node.get(&node.admin, "/api/status").json();
    assert_eq!(
        (&status["watch"]["rules"], &status["watch"]["open_alerts"]),
        (&2.into(), &0.into())
    );
    let page = String::from_utf8(node.get(&node.admin, "/metrics").body).unwrap();
    for line in [
        "indelible_watch_rules 2",
        "indelible_watch_rules_refused 0",
        "indelible_watch_alerts{state=\"acknowledged\"} 1",
    ] {
        assert!(page.lines().any(|l| l == line), "{line} is not in\n{page}");
    }
    assert_eq!(node.ask("GET", "/readyz", &[], b"").status, 200);
}

#[test]
fn a_folder_is_read_again_and_a_bad_rule_harms_no_other() {
    let folder = Folder::new(&[("spray.yml", SPRAY)]);
    let node = Node::with(folder.of());
    assert_eq!(node.get(&node.admin, "/api/rules").json()["loaded"], 2);
    folder.write("rules/bad.yml", "title: Bad\nid: bad\nlogsource: { product: indelible }\ndetection:\n  selection: { no.such.field: 1 }\n  condition: selectoin\n");
    folder.write("rules/deleted.yml", DELETED);
    let rules = until("the new rule", || {
        node.clock.advance(SECOND);
        let rules = node.get(&node.admin, "/api/rules").json();
        (rules["loaded"] == 3).then_some(rules)
    });
    let refused = &rules["refused"][0];
    assert_eq!((&refused["file"], refused["reason"].is_string()), (&"rules/bad.yml".into(), true));
    let rule = node.get(&node.admin, "/api/rules/test-deleted").json();
    assert_eq!(
        (&rule["title"], &rule["from"]),
        (&"Backup deleted by hand".into(), &"folder".into())
    );
    assert!(rule["text"].as_str().unwrap().contains("shop.backup.delete"));
    assert_eq!(rules["rules"][0].get("text"), None);
    node.get(&node.admin, "/api/rules/none").problem(404, "not-found");
    append(&node, &[event("shop.backup.delete", "success", "mallory")]);
    assert_eq!(opened(&node, 1)[0]["rule"]["id"], "test-deleted");
    // A rule that is gone finds nothing more.
    folder.write("rules/deleted.yml", "");
    until("the old rule's end", || {
        node.clock.advance(SECOND);
        (node.get(&node.admin, "/api/rules").json()["loaded"] == 2).then_some(())
    });
    let told = node.system("rules.load");
    assert!(
        told.iter().any(|event| event["details"]["refusals"].to_string().contains("rules/bad.yml")),
        "{told:?}"
    );
}

#[test]
fn nobody_waits_for_a_folder_that_makes_no_sense() {
    let node = Node::new();
    let start = |config: Config| {
        let seams = indelible_log::Seams::real(node.dir.path());
        let store = Store::open(seams, OpenOptions { background: false, ..OpenOptions::default() });
        // The store is in use; what was written is said before that matters.
        drop(store);
        let other = tempfile::tempdir().unwrap();
        let seams = indelible_log::Seams::real(other.path());
        let origin = indelible_store::InitOptions { origin: "audit.example.com".into() };
        Store::init(&seams, &origin).unwrap();
        let store = std::sync::Arc::new(Store::open(seams, OpenOptions::default()).unwrap());
        Server::start(store, config).err().map(|e| e.to_string()).unwrap_or_default()
    };
    let listen = "127.0.0.1:0".parse().unwrap();
    let missing =
        Config { listen, rules: Some(Path::new("/no/such/folder").into()), ..Config::default() };
    let why = start(missing);
    assert!(why.contains("/no/such/folder"), "{why}");
    let folder = Folder::new(&[]);
    folder.write("watch.yaml", "chanels: []\n");
    let mut config = Config { listen, ..Config::default() };
    folder.of()(&mut config);
    let why = start(config);
    assert!(why.contains("watch.yaml") && why.contains("channels"), "{why}");
    let text = json!({"streams": [{"name": "alerts-mine", "to": {"webhook": {
        "url": "https://hook.example.com/", "secrets": [{"env": "NONE"}],
    }}}]});
    let connections =
        indelible_relay::Connections::parse(&text.to_string(), Path::new("/")).unwrap();
    let why = start(Config { listen, connections, ..Config::default() });
    assert!(why.contains("alerts-mine"), "{why}");
}

#[test]
fn a_day_is_looked_at_and_signed() {
    let folder = Folder::new(&[("deleted.yml", DELETED)]);
    let node = Node::with(folder.of());
    let day = "/api/reviews/2026-11-15";
    let login = |user: &str| {
        json!({
            "action": "user.login", "category": "login_failed", "outcome": "failure", "actor": {"type": "user", "id": user},
        })
    };
    append(
        &node,
        &[
            login("maria"),
            login("maria"),
            login("joe"),
            event("shop.backup.delete", "success", "eve"),
        ],
    );
    append(&node, &[json!({"action": "role.grant", "actor": {"type": "user", "id": "root"}})]);
    append(
        &node,
        &[
            json!({"action": "report.export", "phase": "intent", "actor": {"type": "user", "id": "eve"}}),
        ],
    );
    node.key("reader", None);
    opened(&node, 1);
    let review = node.get(&node.admin, day).json();
    assert_eq!((&review["state"], &review["alerts"]), (&"running".into(), &1.into()));
    let section = |review: &Value, name: &str| {
        let all = review["sections"].as_array().unwrap().clone();
        all.into_iter().find(|section| section["name"] == name).unwrap()
    };
    let failed = section(&review, "failed_logins");
    assert_eq!(failed["count"], 3);
    assert_eq!(failed["top"][0], json!({"value": "maria", "count": 2}));
    assert_eq!(failed["events"][0]["actor"]["id"], "joe");
    let found = section(&review, "alerts");
    assert_eq!(found["top"], json!([{"value": "Backup deleted by hand", "count": 1}]));
    assert_eq!(found["alerts"][0]["state"], "open");
    assert_eq!(section(&review, "admin_actions")["events"][0]["action"], "role.grant");
    assert_eq!(section(&review, "exports")["count"], 1);
    let changes = section(&review, "audit_changes");
    let value =
        |action: &str| changes["top"].as_array().unwrap().iter().any(|of| of["value"] == action);
    assert!(value("key.create") && value("node.start"), "{changes}");
    // All of it is found by its query.
    let query: String =
        failed["query"].as_str().unwrap().bytes().map(|b| format!("%{b:02x}")).collect();
    let all = node.get(&node.admin, &format!("/api/audit/logs?q={query}&count=true")).json();
    assert_eq!(all["total"]["value"], 3);

    let sign = |digest: &Value, note: &str| {
        let body = json!({"note": note, "digest": digest}).to_string();
        node.post(&node.admin, &format!("{day}/sign"), body.as_bytes())
    };
    sign(&review["digest"], "too early").problem(409, "running");
    append(&node, &[login("maria")]);
    node.clock.advance(DAY);
    sign(&review["digest"], "what I saw before").problem(409, "changed");
    let review = node.get(&node.admin, day).json();
    assert_eq!((&review["state"], &review["signed_at"]), (&"due".into(), &Value::Null));
    let signed = sign(&review["digest"], "all mine");
    assert_eq!((signed.status, &signed.json()["state"]), (200, &"signed".into()));
    let told = &node.system("review.sign")[0];
    assert_eq!(told["id"], signed.headers["indelible-event"]);
    assert_eq!(
        (&told["details"]["note"], &told["details"]["digest"]),
        (&"all mine".into(), &review["digest"])
    );
    assert_eq!(told["details"]["counts"]["failed_logins"], 4);
    let again = sign(&review["digest"], "all mine");
    assert_eq!((again.status, again.headers.get("indelible-event")), (200, None));
    let list = node.get(&node.admin, "/api/reviews").json();
    assert_eq!((&list["every"], &list["due_seconds"]), (&"day".into(), &86_400.into()));
    let states: Vec<&Value> =
        list["reviews"].as_array().unwrap().iter().map(|of| &of["state"]).collect();
    assert_eq!(states, ["running", "signed"]);
    let one = &list["reviews"][1];
    assert_eq!((&one["period"], &one["signed_by"]), (&"2026-11-15".into(), &"admin".into()));
    assert_eq!((&one["alerts"], &one["signed_digest"]), (&1.into(), &review["digest"]));
    // Closing an alert later changes nothing of what was signed.
    let alert = opened(&node, 1).remove(0);
    assert_eq!(act(&node, &alert, "close", json!({})).status, 200);
    assert_eq!(node.get(&node.admin, day).json()["digest"], review["digest"]);
    let week = node.get(&node.admin, "/api/reviews/2026-W46").json();
    assert_eq!(
        (&week["period"], &week["to"]),
        (&"2026-W46".into(), &"2026-11-16T00:00:00.000000Z".into())
    );
    node.get(&node.admin, "/api/reviews/2026-11-17").problem(404, "not-found");
}

#[test]
fn notes_and_parameters_have_bounds() {
    let folder = Folder::new(&[("deleted.yml", DELETED)]);
    let node = Node::with(folder.of());
    append(&node, &[event("shop.backup.delete", "success", "mallory")]);
    let alert = opened(&node, 1).remove(0);
    for note in ["x".repeat(4_001), "a\u{0}b".to_owned(), "a\u{1b}[2Jb".to_owned()] {
        act(&node, &alert, "comment", json!({"note": note})).problem(400, "bad-request");
    }
    let lines = act(&node, &alert, "comment", json!({"note": " one\r\ntwo <b> \u{202e} "}));
    assert_eq!(lines.json()["history"][1]["note"], "one\ntwo <b> \u{202e}");
    for to in ["x".repeat(257), "a\nb".to_owned()] {
        act(&node, &alert, "assign", json!({"to": to})).problem(400, "bad-request");
    }
    act(&node, &alert, "close", json!({"reason": "so"})).problem(400, "bad-request");
    for bad in ["state=shut", "level=bad", "limit=0", "limit=1001", "cursor=x%20y"] {
        node.get(&node.admin, &format!("/api/alerts?{bad}")).problem(400, "bad-parameter");
    }
    for id in ["none", "0190b1a0-0000-8000-8000-000000000000"] {
        node.get(&node.admin, &format!("/api/alerts/{id}")).problem(404, "not-found");
    }
    // One page after the other.
    act(&node, &alert, "close", json!({}));
    node.clock.advance(SECOND);
    append(&node, &[event("shop.backup.delete", "success", "mallory")]);
    opened(&node, 2);
    let first = alerts(&node, "?limit=1");
    let next = first["next"].as_str().unwrap();
    let second = alerts(&node, &format!("?limit=1&cursor={next}"));
    assert_eq!((&second["alerts"][0]["id"], &second["next"]), (&alert["id"], &Value::Null));
    assert_ne!(first["alerts"][0]["id"], alert["id"]);
    assert_eq!(
        alerts(&node, "?level=high&rule=test-deleted&state=closed")["alerts"][0]["id"],
        alert["id"]
    );
    assert_eq!(alerts(&node, "?level=low")["alerts"], json!([]));
}

#[test]
fn rules_are_tried_on_the_past_before_they_count() {
    let folder = Folder::new(&[("deleted.yml", DELETED)]);
    let node = Node::with(folder.of());
    for user in ["a", "b", "c", "d"] {
        append(&node, &[event("shop.login", "failure", user)]);
        node.clock.advance(SECOND);
    }
    append(&node, &[event("shop.backup.delete", "success", "mallory")]);
    let tried = |body: &Value| {
        let answer = node.post(&node.admin, "/api/rules/backtest", body.to_string().as_bytes());
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()
    };
    node.clock.advance(SECOND);
    let loaded = tried(&json!({"since": "1d"}));
    assert_eq!(
        (&loaded["rules"][0]["id"], &loaded["rules"][0]["fired"]),
        (&"test-deleted".into(), &1.into())
    );
    let files = json!([{"name": "rules/spray.yml", "text": SPRAY}, {"name": "rules/bad.yml", "text": "title: [\n"}]);
    let sent = tried(&json!({"since": "2026-11-15", "files": files, "rules": ["test-spray"]}));
    assert_eq!(sent["refused"][0]["file"], "rules/bad.yml");
    let spray = &sent["rules"][0];
    assert_eq!(
        (sent["rules"].as_array().unwrap().len(), &spray["title"]),
        (1, &"Many wrong passwords".into())
    );
    assert!(spray["fired"].as_u64().unwrap() >= 1, "{sent}");
    assert_eq!(spray["examples"][0]["group"], json!({"context.ip": "203.0.113.9"}));
    assert_eq!(spray["per_day"][0]["day"], "2026-11-15");
    // Nobody is told of it, and who looked is.
    assert_eq!(alerts(&node, "?rule=test-spray")["alerts"], json!([]));
    let looked = node.system("audit.search");
    let told = "backtest of 2 files since 2026-11-15: test-spray";
    assert!(looked.iter().any(|event| event["details"]["query"] == told), "{looked:?}");
    let refused = |body: &str| node.post(&node.admin, "/api/rules/backtest", body.as_bytes());
    for bad in [
        r#"{"since":"soon"}"#,
        r#"{"since":"1d","until":"3d"}"#,
        r#"{"since":"1d","rules":["none"]}"#,
        r#"{"since":"1d","rule":"none"}"#,
        "{}",
    ] {
        assert_eq!(refused(bad).status, 400, "{bad}");
    }
    let large = json!({"since": "1d", "files": [{"name": "a.yml", "text": " ".repeat(9 << 20)}]});
    refused(&large.to_string()).problem(413, "too-large");
}
