//! Rules, alerts and reviews from the command line: a folder without a node, and a node that watches.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{Log, Node, Ran, make_dir, write};

/// How long an alert may take.
const ALERT_MAX: Duration = Duration::from_secs(30);

const SPRAY: &str = "\
title: Failed log-in of the shop
name: failed_login
logsource: { product: indelible }
detection:
  selection: { action: shop.login, outcome: failure }
  condition: selection
---
title: Shop spray
id: shop-spray
description: One address tries many names.
advice: Block it.
correlation:
  type: value_count
  rules: [ failed_login ]
  group-by: [ context.ip ]
  timespan: 10m
  condition: { field: actor.id, gte: 5 }
level: high
";
const SPRAY_TEST: &str = "\
- name: five people from one address
  events:
    - { action: shop.login, outcome: failure, user_id: \"u{n}\", ip_address: 203.0.113.9, times: 5 }
  fires: [ Shop spray ]
- name: one person, five times
  events:
    - { action: shop.login, outcome: failure, user_id: ada, ip_address: 203.0.113.9, times: 5 }
  fires: []
";
/// Five people from one address.
const EVENTS: &str = r#"{"action":"shop.login","outcome":"failure","user_id":"u1","ip_address":"203.0.113.9"}
{"action":"shop.login","outcome":"failure","user_id":"u2","ip_address":"203.0.113.9"}
{"action":"shop.login","outcome":"failure","user_id":"u3","ip_address":"203.0.113.9"}
{"action":"shop.login","outcome":"failure","user_id":"u4","ip_address":"203.0.113.9"}
{"action":"shop.login","outcome":"failure","user_id":"u5","ip_address":"203.0.113.9"}
"#;

/// A folder with one rule of its own.
fn folder(log: &Log) -> String {
    let dir = log.path("watch");
    make_dir(&dir.join("rules"));
    write(&dir.join("rules/spray.yml"), SPRAY);
    write(&dir.join("rules/spray.test.yml"), SPRAY_TEST);
    dir.to_str().unwrap().to_owned()
}

#[test]
fn a_folder_is_checked_without_a_node() {
    let log = Log::none();
    log.run(["rules", "check"]).ok();
    let dir = folder(&log);
    let good = log.run(["rules", "check", &dir]).ok().stdout;
    assert!(good.contains("2 of the folder") && good.contains("nothing is refused"), "{good}");
    let rule = Path::new(&dir).join("rules/bad.yml");
    write(
        &rule,
        "title: Bad\nlogsource: { product: indelible }\ndetection:\n  a:\n    action|frobnicate: x\n  condition: a\n",
    );
    let bad = log.run(["rules", "check", &dir]).status(1).stdout;
    assert!(bad.contains("rules/bad.yml:5: Bad: ") && bad.contains("frobnicate"), "{bad}");
    assert!(bad.contains("1 is refused"), "{bad}");
    let told = &log.run(["rules", "check", &dir, "--json"]).status(1).json()[0];
    let refused = &told["refused"][0];
    assert_eq!((&refused["file"], &refused["line"]), (&"rules/bad.yml".into(), &5.into()));
    let own = |rule: &&Value| rule["from"] == "folder" && rule["alerts"] == true;
    let own: Vec<&Value> = told["rules"].as_array().unwrap().iter().filter(own).collect();
    assert_eq!((own.len(), &own[0]["id"]), (1, &"shop-spray".into()), "the others go on");
    write(&Path::new(&dir).join("watch.yaml"), "latenes: 15m\n");
    log.run(["rules", "check", &dir]).status(1).says("watch.yaml:1:").says("latenes");
    log.run(["rules", "check", "nowhere"]).status(3).says("nowhere");
}

#[test]
fn examples_are_run_without_a_node() {
    let log = Log::none();
    let pack = log.run(["rules", "test", "--all"]).ok().stdout;
    assert!(pack.contains("pack/password-spray.test.yml:1: ten people from one address: holds"));
    let dir = folder(&log);
    let own = log.run(["rules", "test", &dir]).ok();
    assert_eq!((&*own.stdout, &*own.stderr), ("2 examples hold\n", ""));
    let cases = log.run(["rules", "test", &dir, "--json"]).ok().json();
    let fired = &cases[0]["fired"][0];
    assert_eq!((&cases[0]["holds"], &fired["id"]), (&true.into(), &"shop-spray".into()));
    assert_eq!(fired["group"]["context.ip"], "203.0.113.9");
    let tests = Path::new(&dir).join("rules/spray.test.yml");
    write(&tests, SPRAY_TEST.replace("fires: []", "fires: [ shop-spray ]"));
    let wrong = log.run(["rules", "test", &dir]).status(1).stdout;
    let says = "rules/spray.test.yml:5: one person, five times: \"shop-spray\" should have fired";
    assert!(wrong.contains(says) && wrong.contains("1 example holds, 1 does not"), "{wrong}");
    write(&tests, SPRAY_TEST.replace("[ Shop spray ]", "[]"));
    let wrong = log.run(["rules", "test", &dir]).status(1).stdout;
    assert!(wrong.contains("\"Shop spray\" fired 1 time"), "{wrong}");
    write(&tests, "- name: x\n  events: [ { outcome: success } ]\n  fires: []\n");
    let wrong = log.run(["rules", "test", &dir]).status(1).stdout;
    assert!(wrong.contains("rules/spray.test.yml:2: action"), "{wrong}");
}

#[test]
fn what_a_node_watches_is_asked_of_a_node() {
    let log = Log::new();
    for line in ["rules list", "rules show x", "rules backtest", "alerts list", "alerts ack x"] {
        log.run(line.split(' ')).status(2).says("--url");
    }
    log.run(["reviews", "sign", "2026-11-21", "--note", "x"]).status(2).says("--url");
    log.run(["alerts", "close", "x"]).status(2).says("--note");
}

/// Asks until what is asked for is there.
#[expect(clippy::disallowed_methods, reason = "real time, of a real process")]
fn until(ask: impl Fn() -> Ran, is: impl Fn(&[Value]) -> bool) -> Vec<Value> {
    let begun = Instant::now();
    loop {
        let answer = ask().ok().json();
        if is(&answer) {
            return answer;
        }
        assert!(begun.elapsed() < ALERT_MAX, "{answer:?}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn an_alert_is_opened_looked_at_and_closed() {
    let log = Log::new();
    let key = log.run(["key", "create", "--role", "admin", "--name", "ops"]).ok().stdout;
    let node = Node::start(&log, &["--rules", &folder(&log)]);
    let end = ["--url", node.url(), "--key", key.trim()];
    let at = |args: &[&str]| log.run(args.iter().chain(&end));
    let rules = at(&["rules", "list", "--json"]).ok().json();
    let own = |rule: &&Value| rule["id"] == "shop-spray";
    assert_eq!(rules.iter().filter(own).count(), 1);
    let list = at(&["rules", "list", "--text"]).ok().stdout;
    assert!(list.contains("Shop spray") && !list.contains("Failed log-in of the shop"), "{list}");
    let shown = at(&["rules", "show", "Shop spray", "--text"]).ok().stdout;
    assert!(shown.contains("what to do: Block it.") && shown.contains("group-by: [ context.ip ]"));
    at(&["rules", "show", "nothing"]).status(3);

    log.feed(["append"].iter().chain(&end), EVENTS.as_bytes()).ok();
    let of_shop = ["alerts", "list", "--rule", "shop-spray", "--json"];
    let alerts = until(|| at(&of_shop), |alerts| !alerts.is_empty());
    let alert = &alerts[0];
    assert_eq!((&alert["state"], &alert["rule"]["level"]), (&"open".into(), &"high".into()));
    assert_eq!(alert["group"]["context.ip"], "203.0.113.9");
    let id = alert["id"].as_str().unwrap();
    let shown = at(&["alerts", "show", &id[..13], "--text", "--utc"]).ok().stdout;
    for says in ["what it means: One address", "what to do: Block it.", "shop.login", id] {
        assert!(shown.contains(says), "{says:?} is not in {shown}");
    }
    let text = at(&["alerts", "ack", id]).ok();
    assert!(text.stdout.contains("is acknowledged") && text.stderr.contains("alerts close"));
    at(&["alerts", "assign", id, "--to", "maria"]).ok();
    at(&["alerts", "comment", id, "--note", "asked"]).ok();
    let with = ["alerts", "list", "--assignee", "maria", "--state", "acknowledged", "--json"];
    assert_eq!(at(&with).ok().json()[0]["id"], id);
    at(&["alerts", "close", id, "--note", "it was the drill"]).ok();
    at(&["alerts", "comment", id, "--note", "late"]).status(2).says("closed");
    let history = at(&["alerts", "show", id, "--json"]).ok().json()[0]["history"].clone();
    let steps: Vec<&str> =
        history.as_array().unwrap().iter().map(|step| step["action"].as_str().unwrap()).collect();
    assert_eq!(steps.last(), Some(&"alert.close"), "{steps:?}");
    at(&["alerts", "show", "ffffffff-ffff"]).status(3).says("no alert");
    at(&["alerts", "test", "nowhere"]).status(3);
    node.stop().ok();
    let told = log.run(["cat", "--trail", "_system"]).ok().json();
    for action in
        ["alert.open", "alert.acknowledge", "alert.assign", "alert.comment", "alert.close"]
    {
        let of_shop = |event: &&Value| event["action"] == action && event.to_string().contains(id);
        assert!(told.iter().any(|event| of_shop(&event)), "{action}");
    }
}

#[test]
fn rules_are_tried_on_the_past_and_reviews_are_shown() {
    let log = Log::new();
    log.append(EVENTS);
    let key = log.run(["key", "create", "--role", "admin", "--name", "ops"]).ok().stdout;
    let node = Node::start(&log, &[]);
    let end = ["--url", node.url(), "--key", key.trim()];
    let at = |args: &[&str]| log.run(args.iter().chain(&end));
    let dir = folder(&log);
    let found = &at(&["rules", "backtest", &dir, "--since", "1d", "--json"]).ok().json()[0];
    let rules = found["rules"].as_array().unwrap();
    assert_eq!((rules.len(), &rules[0]["id"]), (1, &"shop-spray".into()));
    assert_eq!((&rules[0]["alerts"], &rules[0]["fired"]), (&1.into(), &1.into()));
    let text = at(&["rules", "backtest", &dir, "--since", "1d", "--text"]).ok().stdout;
    assert!(text.contains("Shop spray") && text.contains("context.ip 203.0.113.9"), "{text}");
    let loaded = at(&["rules", "backtest", "--since", "1d", "--json"]).ok().json();
    assert!(loaded[0]["rules"].as_array().unwrap().len() > 25, "those that are loaded");

    let reviews = at(&["reviews", "list", "--json"]).ok().json();
    let running = reviews.iter().find(|review| review["state"] == "running").unwrap();
    let period = running["period"].as_str().unwrap();
    let shown = at(&["reviews", "show", period, "--text", "--events"]).ok().stdout;
    assert!(shown.contains(period) && shown.contains("digest"), "{shown}");
    at(&["reviews", "sign", period, "--note", "too soon"]).status(2).says("it has not ended");
    at(&["reviews", "show", "yesterday"]).status(3);
    node.stop().ok();
}
