//! Streams from the command line: what the file says, how they are, and what can be done about it.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::net::TcpListener;

use crate::harness::{Log, Node, write};

/// A description in which one receiver is where nobody listens.
fn described(log: &Log) -> String {
    // A port that was free a moment ago.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    write(&log.path("secret.txt"), "whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVoxMjM0NTY=\n");
    let file = log.path("connections.yaml");
    let text = format!(
        "streams:\n  - name: siem\n    query: \"-category:data_access\"\n    to:\n      webhook:\n        \
         url: http://127.0.0.1:{port}/\n        secrets: [ {{ file: secret.txt }} ]\n        \
         allow_http: true\n        allow_private: true\n"
    );
    write(&file, text);
    file.to_str().unwrap().to_owned()
}

#[test]
fn a_description_is_checked_before_a_node_runs_with_it() {
    let log = Log::new();
    let file = described(&log);
    let good = log.run(["stream", "check", &file]).ok();
    assert!(good.stdout.contains("stream siem: webhook") && good.stdout.contains(": good"));
    let away = log.run(["stream", "check", &file, "--connect", "--json"]).status(1).json();
    assert_eq!((&away[0]["name"], away[0]["wrong"].is_string()), (&"siem".into(), true));
    let text = crate::harness::read_text(log.path("connections.yaml").as_path());
    write(&log.path("connections.yaml"), text.replace("query: \"-category", "query: \"(category"));
    let wrong = log.run(["stream", "check", &file]).status(1);
    assert!(wrong.stdout.contains("query: "), "{}", wrong.stdout);
    log.run(["serve", "--listen", "127.0.0.1:0", "--connections", &file])
        .status(3)
        .says("the stream siem: query: ");
    write(&log.path("connections.yaml"), text.replace("query:", "quary:"));
    log.run(["serve", "--listen", "127.0.0.1:0", "--connections", &file])
        .status(3)
        .says("connections.yaml:3:5: unknown field `quary`")
        .says("did you mean `query`?");
    log.run(["stream", "check", "nowhere.yaml"]).status(3).says("nowhere.yaml");
}

#[test]
fn a_stream_is_looked_at_paused_resumed_and_replayed() {
    let log = Log::new();
    log.append("{\"action\":\"a.b\"}");
    let key = log.run(["key", "create", "--role", "admin", "--name", "ops"]).ok().stdout;
    log.run(["stream", "list"]).status(2).says("--url");
    let node = Node::start(&log, &["--connections", &described(&log)]);
    let at =
        |args: &[&str]| log.run(args.iter().chain(&["--url", node.url(), "--key", key.trim()]));
    let list = at(&["stream", "list", "--json"]).ok().json();
    assert_eq!((&list[0]["name"], &list[0]["kind"]), (&"siem".into(), &"webhook".into()));
    let shown = at(&["stream", "pause", "siem"]).ok().stdout;
    assert!(shown.contains("paused"), "{shown}");
    assert_eq!(at(&["stream", "show", "siem", "--json"]).ok().json()[0]["state"], "paused");
    at(&["stream", "resume", "siem"]).ok();
    let from = at(&["stream", "replay", "siem", "--from", "default/0", "--json"]).ok().json();
    assert!(from[0]["lag"].as_u64().unwrap() > 0);
    at(&["stream", "replay", "siem", "--from", "yesterday"]).status(2).says("is no time");
    at(&["stream", "show", "none"]).status(3).says("no stream named none");
    at(&["stream", "inputs"]).ok().says("there are no inputs");
    node.stop().ok();
    let told = log.run(["cat", "--trail", "_system"]).ok().json();
    let of = |action: &str| told.iter().filter(|event| event["action"] == action).count();
    for action in ["stream.start", "stream.pause", "stream.resume", "stream.replay"] {
        assert_eq!(of(action), 1, "{action}");
    }
}
