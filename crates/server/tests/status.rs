//! How the node says it is.

use serde_json::json;

use crate::node::Node;

#[test]
fn the_status_says_what_is_there() {
    let mut node = Node::new();
    let path = "/api/audit/logs?wait=published";
    node.post(
        &node.admin,
        path,
        br#"[{"action":"a","trail":"shop"},{"action":"b","trail":"shop"}]"#,
    );
    node.get("idl_wrong", "/api/me");
    let reader = node.key("reader", None);
    let status = node.get(&reader, "/api/status").json();
    assert_eq!(status["version"], env!("CARGO_PKG_VERSION"));
    let now = status["now"].as_str().unwrap();
    assert!(status["started_at"].as_str().unwrap() <= now);
    assert_eq!(status["listen"], node.running().addr.to_string());
    let trail = &status["trails"][0];
    assert_eq!(trail["name"], "shop", "_system is not for a reader");
    assert_eq!((&trail["size"], &trail["published"]), (&json!(2), &json!(2)));
    assert!(trail["checkpoint_at"].as_str().unwrap() <= now);
    let log = &status["log"];
    assert_eq!((&log["writable"], &log["reason"]), (&json!(true), &json!(null)));
    assert_eq!(log["records"], log["durable_pos"], "no gap");
    assert!(log["searchable_pos"].as_u64() <= log["durable_pos"].as_u64());
    assert!(status["disk"]["log_bytes"].as_u64().unwrap() > 0);
    assert!(status["disk"]["free_bytes"].as_u64().unwrap() > 0);
    assert_eq!(status["losses"], json!({"reads_not_recorded": 0}));
    assert_eq!((&status["events"]["accepted"], &status["events"]["new"]), (&json!(2), &json!(2)));
    assert_eq!(status["requests"]["client_errors"], 1);
    let admin = node.get(&node.admin, "/api/status").json();
    assert_eq!(
        (&admin["trails"][0]["name"], &admin["more_trails"]),
        (&json!("_system"), &json!(0))
    );
    let bound = node.key("reader", Some(&["shop"]));
    node.get(&bound, "/api/status").problem(403, "forbidden");
    // In this process too, where nothing can be written.
    node.stop();
    let reader = indelible_store::Reader::open(node.seams().storage).unwrap();
    let local = indelible_server::Local::new(std::sync::Arc::new(reader)).unwrap();
    let answer = local.get("/api/status");
    let status: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(status["log"]["reason"], "reading only");
    assert_eq!(status["listen"], json!(null));
}

#[test]
fn a_key_tells_when_it_was_last_used() {
    let node = Node::new();
    let reader = node.key("reader", None);
    let last = || {
        let list = node.get(&node.admin, "/api/keys").json();
        let keys = list["keys"].as_array().unwrap().clone();
        keys.into_iter().find(|key| key["name"] == "reader").unwrap()["last_used_at"].clone()
    };
    assert_eq!(last(), json!(null));
    node.clock.advance(1_000_000);
    node.get(&reader, "/api/me");
    let first = last();
    node.clock.advance(1_000_000);
    node.get(&reader, "/api/me");
    assert!(first.is_string() && last().as_str() > first.as_str());
}
