//! A node served by the real binary, and the commands that speak to it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead, BufReader};

use serde_json::Value;

use crate::harness::{Log, Node, Ran};

#[test]
fn a_node_makes_its_log_takes_events_and_ends_in_good_order() {
    let log = Log::none();
    let node = Node::start(&log, &[]);
    assert_eq!(node.told["new"], true);
    assert!(node.told["admin_link"].as_str().unwrap().starts_with(node.url()));
    assert!(node.told["key"].is_null());
    // Without a key nobody is heard, and while it serves nobody else writes.
    log.feed(["append", "--url", node.url()], b"{\"action\":\"a.b\"}").status(3).says("--key");
    log.run(["key", "create", "--role", "reader", "--name", "r"]).status(3).says("--url");
    node.stop().ok().says("stopping").says("stopped");
    log.run(["verify", "log"]).ok();
    let again = Node::start(&log, &[]);
    assert_eq!(again.told["new"], false);
    log.run(["key", "list", "--url", again.url()]).status(3).says("--key");
    again.stop().ok();
}

#[test]
fn keys_are_made_listed_and_revoked() {
    let log = Log::new();
    let made = log.run(["key", "create", "--role", "admin", "--name", "ops"]).ok();
    made.says("shown this once");
    let key = log.run(["key", "create", "--role", "admin", "--name", "more"]).ok().stdout;
    let key = key.trim();
    assert!(key.starts_with("idl_"), "{key}");
    let offline = log.run(["key", "list", "--json"]).ok().json();
    assert_eq!(offline.iter().map(|key| &key["name"]).collect::<Vec<_>>(), ["ops", "more"]);

    // Offline it says as much as a node does, and takes effect all the same.
    let spare = log.run(["key", "create", "--role", "reader", "--name", "r", "--json"]).ok().json();
    assert_eq!((&spare[0]["role"], &spare[0]["expires_at"]), (&"reader".into(), &Value::Null));
    log.run(["key", "revoke", spare[0]["id"].as_str().unwrap()]).ok();
    log.run(["key", "revoke", "0000000000000000"]).status(3).says("no key");
    let bound = ["key", "create", "--role", "auditor", "--name", "a", "--trail", "shop"];
    log.run(bound).status(2).says("trails");

    let node = Node::start(&log, &[]);
    log.run(["trails", "--url", node.url(), "--key", spare[0]["key"].as_str().unwrap()]).status(3);
    let at =
        |args: &[&str], key: &str| log.run(args.iter().chain(&["--url", node.url(), "--key", key]));
    let writer =
        ["key", "create", "--role", "writer", "--name", "w", "--trail", "shop", "--expires", "90d"];
    let writer = at(&writer, key).ok().stdout;
    let writer = writer.trim();
    let keys = at(&["key", "list", "--json"], key).ok().json();
    assert_eq!((keys.len(), &keys[3]["trails"][0]), (4, &"shop".into()));
    let sent = log
        .feed(
            ["append", "--receipts", "--url", node.url(), "--key", writer],
            b"{\"action\":\"a.b\"}\n",
        )
        .ok();
    assert_eq!(sent.json()[0]["trail"], "shop");
    at(&["key", "list"], writer).status(3);

    at(&["key", "revoke", keys[3]["id"].as_str().unwrap()], key).ok();
    let table = at(&["key", "list"], key).ok().stdout;
    assert!(table.contains("revoked") && table.contains("good"), "{table}");
    log.feed(["append", "--url", node.url(), "--key", writer], b"{\"action\":\"a.b\"}").status(3);
    at(&["key", "revoke", "0000000000000000"], key).status(3);
    node.stop().ok();
    // The trail tells of each of them.
    let told = log.run(["cat", "--trail", "_system"]).ok().json();
    let count = |action: &str| told.iter().filter(|event| event["action"] == action).count();
    assert_eq!((count("key.create"), count("key.revoke")), (4, 2));
    assert_eq!(count("node.start"), 1, "making a key is no start");
}

#[test]
fn a_trail_is_published_offline_and_on_a_node() {
    let log = Log::new();
    log.append("{\"action\":\"a.b\"}");
    log.run(["trails", "publish", "nope"]).status(3).says("no trail named nope");
    assert!(log.run(["trails", "publish", "default"]).ok().stdout.contains("public"));
    let key = log.run(["key", "create", "--role", "admin", "--name", "ops"]).ok().stdout;
    let node = Node::start(&log, &[]);
    let at = ["--url", node.url(), "--key", key.trim()];
    let public = |args: &[&str]| {
        let told = log.run(args.iter().chain(&["--json"]).chain(&at)).ok().json();
        told.iter().find(|trail| trail["name"] == "default").unwrap()["public"].clone()
    };
    assert_eq!(public(&["trails"]), true);
    assert_eq!(public(&["trails", "unpublish", "default"]), false);
    assert_eq!(public(&["trails"]), false);
    assert_eq!(log.run(["trails", "--json"]).ok().json()[1]["public"], false);
    log.run(["trails", "publish", "default"]).status(3).says("--url");
    node.stop().ok();
}

#[test]
fn events_sent_twice_are_kept_once_and_refusals_name_their_line() {
    let log = Log::new();
    let key = log.run(["key", "create", "--role", "writer", "--name", "w"]).ok().stdout;
    let node = Node::start(&log, &[]);
    let send = |events: &str| {
        let args = ["append", "--receipts", "--url", node.url(), "--key", key.trim()];
        log.feed(args, events.as_bytes())
    };
    let own = "{\"id\":\"0190b1a0-0000-7000-8000-000000000001\",\"action\":\"a.b\"}\n";
    let events =
        format!("{own}{{\"action\":\"Nonsense\"}}\n{{\"action\":\"c.d\",\"trail\":\"t\"}}\n");
    let sent =
        send(&events).status(1).says("line 2: action").says("2 kept, 0 known already, 1 refused");
    let receipts = sent.json();
    assert_eq!((&receipts[0]["trail"], &receipts[1]["trail"]), (&"default".into(), &"t".into()));
    assert_eq!(send(own).ok().says("0 kept, 1 known").json()[0]["known"], true);
    send(&own.replace("a.b", "a.c")).status(1).says("is kept already");
    // An array over several lines goes too, a few thousand events as well.
    send("[\n{\n\"action\":\"x.y\"\n}\n,{\"action\":\"x.z\"}]").ok().says("2 kept");
    let many: String =
        (0..5000).map(|n| format!("{{\"action\":\"m.n\",\"details\":{{\"n\":{n}}}}}\n")).collect();
    assert_eq!(send(&many).ok().says("5,000 kept").json().len(), 5000);
    node.stop().ok();
    log.run(["verify", "log"]).ok();
}

#[test]
fn the_demo_is_a_day_in_a_directory_of_its_own() {
    let log = Log::none();
    let node = Node::start(&log, &["--demo"]);
    let data = std::path::PathBuf::from(node.told["data"].as_str().unwrap());
    assert!(data.exists() && data != log.data());
    let at = ["--url", node.url(), "--key", node.demo_key()];
    let keys = log.run(["key", "list", "--json"].iter().chain(&at)).ok().json();
    assert_eq!(keys[0]["role"], "admin");
    let args = ["trails", "--json", "--data", data.to_str().unwrap()];
    let trails = log.run(args).ok().json();
    let records =
        |name: &str| trails.iter().find(|t| t["name"] == name).unwrap()["records"].as_u64();
    for trail in ["backup", "storage", "compute", "network", "users"] {
        assert!(records(trail).unwrap() > 500, "{trail}");
    }
    node.stop().ok();
    assert!(!data.exists());
    // A directory that is named stays, and must be its own.
    let node = Node::start(&log, &["--demo", "--data", "kept"]);
    node.stop().ok();
    log.run(["verify", "log", "--data", "kept"]).ok();
    log.run(["serve", "--demo", "--data", "kept"]).status(3).says("not empty");
}

#[test]
fn what_is_printed_for_people_can_be_pasted() {
    let log = Log::none();
    let mut child = log.start(["serve", "--demo", "--listen", "127.0.0.1:0"]);
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let text: Vec<String> =
        lines.map(Result::unwrap).take_while(|line| !line.starts_with("Ctrl-C")).collect();
    let text = text.join("\n");
    let printed =
        |start: &'static str| text.lines().map(str::trim).filter(move |l| l.starts_with(start));
    let me = env!("CARGO_BIN_EXE_indelible");
    let mut asked = 0;
    for line in printed(me).filter(|line| !line.contains("tail -f")) {
        // A directory on the command line means more than a node in the environment, unless both are there.
        let script =
            format!("set -e\nunset INDELIBLE_DATA\n{}\n{line}", printed("export").next().unwrap());
        let mut shell = std::process::Command::new("sh");
        let told =
            Ran::of(shell.args(["-c", &script]).current_dir(log.path("")).output().unwrap()).ok();
        assert!(!told.stdout.is_empty(), "{line}");
        asked += 1;
    }
    assert_eq!(asked, 4);
    let _ = child.kill();
    let _ = child.wait();
    for part in ["/login?token=", "curl -H \"Authorization: Bearer idl_", "ops.nightly"] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

#[test]
fn a_node_that_is_not_there_is_told_of() {
    let log = Log::none();
    let there = ["--url", "http://127.0.0.1:1"];
    for command in ["search", "stats", "tail", "user x", "timeline --resource x"] {
        log.run(command.split(' ').chain(there)).status(3).says("http://127.0.0.1:1").says("serve");
    }
    log.run(["search", "--url", "nonsense"]).status(2).says("http://127.0.0.1:8650");
    log.run(["search", "--url", "http://x", "--data", "d"]).status(2).says("one of them");
    log.run(["search", "--limti", "3"]).status(2).says("--limti");
    log.run(["search", "--since", "whenever", "--url", "http://x"]).status(2).says("no time");
}
