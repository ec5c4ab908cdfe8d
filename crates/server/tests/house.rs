//! What the node tells of itself: in `_system`, in its counters, on its pages, and in this process.

use std::sync::Arc;

use indelible_server::Local;
use indelible_store::Reader;
use serde_json::json;

use crate::node::{Node, bearer};

#[test]
fn starts_stops_and_refused_logins_are_in_the_trail() {
    let mut node = Node::new();
    node.ask("GET", "/api/me", &["Authorization: Bearer idl_x", "User-Agent: probe"], b"");
    (0..100).for_each(|_| drop(node.ask("GET", "/api/me", &["Authorization: Bearer other"], b"")));
    node.stop();
    assert_eq!((node.system("node.start").len(), node.system("node.stop").len()), (1, 1));
    let refused = node.system("login.refused");
    assert_eq!(refused.len(), 61, "60 one by one, and a count of the others");
    assert_eq!(refused[0]["context"]["user_agent"], "probe");
    assert_eq!(refused[0]["context"]["ip"], "127.0.0.1");
    assert_eq!(refused[60]["details"]["suppressed"], 41);
}

#[test]
fn a_read_is_recorded_before_it_is_answered_and_reading_that_does_not_echo() {
    let mut node = Node::new();
    let auditor = node.key("auditor", None);
    let path = "/api/audit/logs?wait=published";
    let answer = node.post(&node.admin, path, br#"{"action":"a.b"}"#).json();
    let id = answer["results"][0]["id"].as_str().unwrap();
    let headers = [&*bearer(&auditor), "X-Request-Id: req-1", "User-Agent: curl"];
    let proof = node.ask("GET", &format!("/api/audit/logs/{id}/proof"), &headers, b"");
    assert_eq!((proof.status, &*proof.headers["x-request-id"]), (200, "req-1"));
    let told = node.system("audit.proof").remove(0);
    assert!(told["actor"]["id"].as_str().unwrap().starts_with("key:"));
    assert_eq!(
        (&told["targets"][0]["id"], &told["context"]["request_id"]),
        (&json!(id), &json!("req-1"))
    );
    assert_eq!(told["details"]["trails"], json!(["default"]));
    for _ in 0..10 {
        assert_eq!(node.get(&auditor, "/trails/_system/checkpoint").status, 200);
    }
    assert_eq!(node.system("audit.read").len(), 1, "once a minute");
    node.clock.advance(61_000_000);
    assert_eq!(node.get(&auditor, "/trails/_system/checkpoint").status, 200);
    let reads = node.system("audit.read");
    assert_eq!(reads[1]["details"]["since_last"], 9);
    node.get(&auditor, "/trails/_system/checkpoint");
    node.stop();
    assert_eq!(node.system("audit.read").last().unwrap()["details"]["since_last"], 1);
}

#[test]
fn a_public_tree_is_for_everybody_and_its_files_are_those_that_are_exported() {
    let mut node = Node::new();
    let events = vec![r#"{"action":"a.b"}"#; 300].join("\n");
    let kinds = [&*bearer(&node.admin), "Content-Type: application/x-ndjson"];
    let appended = node.ask("POST", "/api/audit/logs?wait=published", &kinds, events.as_bytes());
    assert_eq!(appended.status, 201);
    node.ask("GET", "/trails/default/checkpoint", &[], b"").problem(401, "unauthorized");
    let json = [&*bearer(&node.admin), "Content-Type: application/json"];
    let put = node.ask("PUT", "/api/trails/default", &json, br#"{"public":true}"#);
    assert_eq!((put.status, &put.json()["public"]), (200, &json!(true)));
    node.stop();
    node.start(|_| {});
    let reader = Reader::open(node.seams().storage).unwrap();
    let trail = reader.trails().remove(1);
    let mut files = 0;
    let mut emit = |path: &str, bytes: &[u8]| {
        let answer = node.ask("GET", &format!("/trails/default/{path}"), &[], b"");
        assert_eq!((answer.status, answer.body.as_slice()), (200, bytes), "{path}");
        let immutable = answer.headers["cache-control"].contains("immutable");
        assert_eq!(immutable, path != "checkpoint" && !path.contains(".p/"), "{path}");
        files += 1;
        Ok(())
    };
    reader.tiles(&trail, &mut emit).unwrap();
    assert_eq!(files, 6);
    for absent in [
        "tile/0/002",
        "tile/0/001",
        "tile/9/000",
        "tile/entries/001.p/45",
        "level-0",
        "../x",
        "tile/63/000",
        "tile/0/x999/x999/x999/x999/x999/999",
    ] {
        node.ask("GET", &format!("/trails/default/{absent}"), &[], b"").problem(404, "not-found");
    }
    node.ask("PUT", "/api/trails/default", &json, br#"{"public":false}"#);
    node.ask("GET", "/trails/default/checkpoint", &[], b"").problem(401, "unauthorized");
    assert_eq!((node.system("trail.publish").len(), node.system("trail.unpublish").len()), (1, 1));
}

#[test]
fn counters_count_and_pages_are_whole() {
    let node = Node::new();
    node.append(&node.admin, r#"[{"action":"a"},{"action":"!"}]"#);
    let text = String::from_utf8(node.get(&node.admin, "/metrics").body).unwrap();
    for line in [
        "indelible_events_accepted_total 2",
        "indelible_events_durable_total{result=\"new\"} 1",
        "indelible_events_durable_total{result=\"refused\"} 1",
        "indelible_batch_events_count 1",
        "indelible_http_requests_total{route=\"/api/audit/logs\",status=\"207\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text}");
    }
    let api = node.ask("GET", "/api/openapi.json", &[], b"").json();
    assert!(api["openapi"].as_str().unwrap().starts_with("3.1"));
    assert!(api["paths"]["/api/audit/logs"]["post"].is_object());
    let docs = node.ask("GET", "/api/docs", &["Accept-Encoding: identity"], b"");
    let html = String::from_utf8(docs.body).unwrap();
    assert!(html.contains("/api/audit/logs/{id}/proof") && !html.contains("<script>"));
    assert!(docs.headers["content-security-policy"].starts_with("default-src 'none'"));
    for (name, value) in [
        ("x-content-type-options", "nosniff"),
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-resource-policy", "same-origin"),
        ("referrer-policy", "same-origin"),
        ("cache-control", "no-store"),
    ] {
        assert_eq!(docs.headers[name], value, "{name}");
    }
    node.ask("GET", "/nowhere", &[], b"").problem(404, "not-found");
    node.ask("DELETE", "/livez", &[], b"").problem(405, "method-not-allowed");
    let zipped = node.ask("GET", "/api/openapi.json", &["Accept-Encoding: gzip"], b"");
    assert_eq!(zipped.headers["content-encoding"], "gzip");
}

#[test]
fn the_same_routes_answer_in_this_process() {
    let mut node = Node::new();
    let answer = node.append(&node.admin, r#"{"action":"a.b"}"#).json();
    let id = answer["results"][0]["id"].as_str().unwrap();
    node.stop();
    let reader = Reader::open(node.seams().storage).unwrap();
    let local = Local::new(Arc::new(reader)).unwrap();
    let proof = local.get(&format!("/api/audit/logs/{id}/proof"));
    assert_eq!((proof.status, &*proof.content_type), (200, "text/plain; charset=utf-8"));
    let me = local.get("/api/me");
    assert!(String::from_utf8(me.body).unwrap().contains("\"kind\":\"local\""));
    assert_eq!(local.get("/api/trails?x=1").status, 400);
    assert_eq!(local.get("/nowhere").status, 404);
    assert_eq!(local.get("no path \u{1}").status, 400);
}

#[test]
fn a_monitor_that_fetches_a_tree_is_recorded_once_a_minute_by_trail() {
    let mut node = Node::new();
    let reader = node.key("reader", None);
    for trail in ["shop", "bank"] {
        let path = format!("/api/audit/logs?wait=published&trail={trail}");
        node.post(&node.admin, &path, br#"{"action":"a.b"}"#);
        for _ in 0..3 {
            let tile = node.get(&reader, &format!("/trails/{trail}/tile/0/000.p/1"));
            assert_eq!(tile.status, 200);
        }
    }
    let trails = |node: &Node| -> Vec<(String, u64)> {
        let told = node.system("audit.read");
        let row = |event: &serde_json::Value| {
            let since = event["details"]["since_last"].as_u64().unwrap_or(0);
            (event["details"]["trails"][0].as_str().unwrap().to_owned(), since)
        };
        told.iter().map(row).collect()
    };
    assert_eq!(trails(&node), [("shop".to_owned(), 0), ("bank".to_owned(), 0)]);
    node.stop();
    let mut rest = trails(&node).split_off(2);
    rest.sort_unstable();
    assert_eq!(rest, [("bank".to_owned(), 2), ("shop".to_owned(), 2)]);
}

#[test]
fn a_signal_that_comes_before_anybody_waits_is_heard() {
    use rustix::process::{Signal, getpid, kill_process};
    let mut node = Node::new();
    kill_process(getpid(), Signal::TERM).unwrap();
    assert_eq!(node.running().wait(), indelible_server::Stopped::Asked);
    node.stop();
    assert_eq!(node.system("node.stop").len(), 1);
}

#[test]
fn who_is_bound_to_trails_does_not_see_how_busy_the_others_are() {
    let node = Node::new();
    let bound = node.key("reader", Some(&["shop"]));
    node.get(&bound, "/metrics").problem(403, "forbidden");
    let reader = node.key("reader", None);
    let all = node.store.as_ref().unwrap().reader();
    let end = all.view().next_pos();
    all.search().unwrap().wait_indexed(end, std::time::Duration::from_secs(20));
    let text = String::from_utf8(node.get(&reader, "/metrics").body).unwrap();
    assert!(text.contains("\nindelible_searchable_lag_records 0\n"), "{text}");
}
