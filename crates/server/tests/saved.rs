//! Searches that somebody keeps.

use serde_json::{Value, json};

use crate::node::{Answer, Node, bearer};
use crate::session::{cookie_of, sign_in};

const PATH: &str = "/api/saved-searches";

fn save(node: &Node, key: &str, name: &str, query: &str, time: &str) -> Answer {
    let body = json!({"name": name, "query": query, "time": time}).to_string();
    node.post(key, PATH, body.as_bytes())
}

fn names(node: &Node, key: &str) -> Vec<String> {
    let list = node.get(key, PATH).json();
    let name = |search: &Value| search["name"].as_str().unwrap().to_owned();
    list["searches"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn a_search_is_kept_over_a_restart_by_whom_it_belongs_to() {
    let mut node = Node::new();
    let (maria, jonas) = (node.key("reader", Some(&["shop"])), node.key("auditor", None));
    let kept = save(&node, &maria, "nights", "outcome:denied", "-24h");
    assert_eq!(kept.status, 201);
    let kept = kept.json();
    assert_eq!((&kept["query"], &kept["time"]), (&json!("outcome:denied"), &json!("-24h")));
    let gone = save(&node, &maria, "gone", "", "").json();
    save(&node, &jonas, "mine", "actor:maria", "2026-01-01..2026-01-31");
    let path = format!("{PATH}/{}", gone["id"].as_str().unwrap());
    node.ask("DELETE", &path, &[&bearer(&jonas)], b"").problem(404, "not-found");
    let forgot = node.ask("DELETE", &path, &[&bearer(&maria)], b"");
    assert_eq!(forgot.status, 204);
    let event = node.system("search.forget").remove(0);
    assert_eq!(event["id"], forgot.headers["indelible-event"]);
    node.ask("DELETE", &path, &[&bearer(&maria)], b"").problem(404, "not-found");
    for _ in 0..2 {
        assert_eq!(names(&node, &maria), ["nights"]);
        assert_eq!(names(&node, &jonas), ["mine"]);
        assert_eq!(node.get(&maria, PATH).json()["searches"][0], kept);
        if node.system("node.stop").is_empty() {
            node.stop();
            node.start(|_| {});
        }
    }
    // A session has what its key keeps, and one of a link what the one before it kept.
    let cookie = cookie_of(&sign_in(&node, &maria));
    assert_eq!(node.ask("GET", PATH, &[&cookie], b"").json()["searches"][0], kept);
    let link = |node: &Node| {
        let link = node.running().admin_link();
        cookie_of(&node.ask("GET", &link[link.find("/login").unwrap()..], &[], b""))
    };
    let own = ["Origin: http://node", "Content-Type: application/json"];
    let first = link(&node);
    node.ask("POST", PATH, &[&first, own[0], own[1]], br#"{"name":"by link"}"#);
    let list = node.ask("GET", PATH, &[&link(&node)], b"").json();
    assert_eq!(list["searches"][0]["name"], "by link");
}

#[test]
fn what_cannot_be_searched_for_or_is_too_much_is_refused() {
    let node = Node::new();
    let reader = node.key("reader", None);
    let long = "x".repeat(300);
    let query = "a ".repeat(5000);
    for (name, text, time) in [
        ("", "", ""),
        ("a\nb", "", ""),
        (&*long, "", ""),
        ("x", "(a", ""),
        ("x", "nosuchkey:1", ""),
        ("x", &*query, ""),
        ("x", "", "whenever"),
        ("x", "", "-24h OR actor:x"),
        ("x", "", "\"-24h\""),
    ] {
        save(&node, &reader, name, text, time).problem(400, "bad-request");
    }
    for n in 0..100 {
        assert_eq!(save(&node, &reader, &n.to_string(), "", "").status, 201);
    }
    save(&node, &reader, "7", "", "").problem(409, "name-taken");
    save(&node, &reader, "one more", "", "").problem(409, "too-many-searches");
    let other = node.key("reader", None);
    assert_eq!(save(&node, &other, "7", "", "").status, 201, "each has its own");
    assert_eq!(node.system("search.save").len(), 101);
}
