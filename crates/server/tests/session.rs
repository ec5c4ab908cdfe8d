//! Sessions of browsers: how they begin, whose they are, and when they end.

use serde_json::{Value, json};

use crate::node::{Answer, Node, bearer};

pub const OWN: &str = "Origin: http://node";
pub const FORM: &str = "Content-Type: application/x-www-form-urlencoded";
const JSON: &str = "Content-Type: application/json";

/// What an answer's cookie is, as a browser sends it back.
pub fn cookie_of(answer: &Answer) -> String {
    let set = &answer.headers["set-cookie"];
    format!("Cookie: a=b; {}", set.split(';').next().unwrap())
}

/// Signs in with a key, over the API.
pub fn sign_in(node: &Node, key: &str) -> Answer {
    let body = json!({"key": key}).to_string();
    node.ask("POST", "/api/session", &[JSON], body.as_bytes())
}

fn me(node: &Node, cookie: &str) -> Answer {
    node.ask("GET", "/api/me", &[cookie], b"")
}

fn link(node: &Node) -> String {
    let link = node.running().admin_link();
    link[link.find("/login").unwrap()..].to_owned()
}

#[test]
fn a_one_time_link_logs_in_once_and_its_session_changes_nothing_from_elsewhere() {
    let node = Node::new();
    let path = link(&node);
    assert_eq!(node.ask("HEAD", &path, &[], b"").status, 204, "looking does not use it up");
    let ahead = node.ask("GET", &path, &["Sec-Purpose: prefetch"], b"");
    assert_eq!(ahead.status, 204, "nor does fetching it ahead");
    // From a terminal or a chat, which is another site.
    let first = node.ask("GET", &path, &["Sec-Fetch-Site: cross-site"], b"");
    assert_eq!((first.status, &*first.headers["refresh"]), (200, "0; url=/"));
    let cookie = cookie_of(&first);
    assert_eq!(node.ask("GET", &path, &[], b"").status, 401);
    let shown = me(&node, &cookie).json();
    assert_eq!((&shown["kind"], &shown["role"]), (&json!("session"), &json!("admin")));
    let key = json!({"role": "reader", "name": "x"}).to_string();
    let make = |origin: &[&str]| {
        let headers: Vec<&str> = [&*cookie].into_iter().chain(origin.iter().copied()).collect();
        node.ask("POST", "/api/keys", &headers, key.as_bytes()).status
    };
    assert_eq!(make(&[]), 403);
    assert_eq!(make(&["Origin: http://evil.example.com"]), 403);
    assert_eq!(make(&["Origin: null"]), 403);
    assert_eq!(make(&["Sec-Fetch-Site: cross-site"]), 403);
    assert_eq!(make(&["Origin: http://node", "Sec-Fetch-Site: cross-site"]), 403);
    assert_eq!(make(&[OWN]), 201);
    assert_eq!(make(&["Sec-Fetch-Site: same-origin"]), 201);
    let out = node.ask("POST", "/logout", &[&cookie, OWN], b"");
    assert_eq!((out.status, &*out.headers["location"]), (303, "/login"));
    assert!(out.headers["set-cookie"].contains("Max-Age=0"));
    me(&node, &cookie).problem(401, "unauthorized");
    let late = link(&node);
    node.clock.advance(30 * 60_000_000);
    assert_eq!(node.ask("GET", &late, &[], b"").status, 401);
}

#[test]
fn a_session_is_the_keys_that_it_began_with() {
    let node = Node::new();
    let body = json!({"role": "reader", "name": "maria", "trails": ["shop"]}).to_string();
    let made = node.post(&node.admin, "/api/keys", body.as_bytes()).json();
    node.append(&node.admin, r#"[{"action":"a","trail":"shop"},{"action":"a","trail":"bank"}]"#);
    let answer = sign_in(&node, made["key"].as_str().unwrap());
    assert_eq!(answer.status, 200);
    let cookie = cookie_of(&answer);
    let id = format!("key:{}", made["id"].as_str().unwrap());
    let wanted =
        json!({"id": id, "kind": "session", "role": "reader", "name": "maria", "trails": ["shop"]});
    assert_eq!(answer.json(), wanted);
    assert_eq!(me(&node, &cookie).json(), wanted);
    let trails = node.ask("GET", "/api/trails", &[&cookie], b"").json();
    assert_eq!(trails["trails"].as_array().unwrap().len(), 1);
    node.ask("GET", "/api/keys", &[&cookie], b"").problem(403, "forbidden");
    assert_eq!(node.ask("GET", "/api/audit/logs", &[&cookie], b"").status, 200);
    let login = node.system("session.login").remove(0);
    let read = node.system("audit.search").remove(0);
    for event in [&login, &read] {
        assert_eq!((&event["actor"]["id"], &event["actor"]["name"]), (&json!(id), &json!("maria")));
        assert_eq!(event["context"]["session_id"], login["targets"][0]["id"]);
    }
    assert_eq!((&login["category"], &login["outcome"]), (&json!("login"), &json!("success")));
    let secret = cookie.rsplit('=').next().unwrap();
    assert!(!login.to_string().contains(secret), "no secret is kept");
    // Over the API one signs out as well.
    assert_eq!(node.ask("DELETE", "/api/session", &[&cookie], b"").status, 403);
    let out = node.ask("DELETE", "/api/session", &[&cookie, OWN], b"");
    assert_eq!(out.status, 204);
    me(&node, &cookie).problem(401, "unauthorized");
    assert_eq!(node.system("session.logout")[0]["actor"]["id"], id);
}

#[test]
fn a_session_ends_with_its_key() {
    let mut node = Node::new();
    let key = |node: &Node, more: Value| {
        let mut body = json!({"role": "auditor", "name": "x"});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        node.post(&node.admin, "/api/keys", body.to_string().as_bytes()).json()
    };
    let revoked = key(&node, json!({}));
    let cookie = cookie_of(&sign_in(&node, revoked["key"].as_str().unwrap()));
    assert_eq!(me(&node, &cookie).status, 200);
    let path = format!("/api/keys/{}", revoked["id"].as_str().unwrap());
    assert_eq!(node.ask("DELETE", &path, &[&bearer(&node.admin)], b"").status, 204);
    let told = me(&node, &cookie).problem(401, "unauthorized");
    assert_eq!(told["detail"], "revoked key");
    let until = indelible_event::Micros(indelible_log::Clock::now(&*node.clock).0 + 60_000_000);
    let expiring = key(&node, json!({"expires_at": until.to_string()}));
    let answer = sign_in(&node, expiring["key"].as_str().unwrap());
    assert!(answer.headers["set-cookie"].contains("Max-Age=60"), "{:?}", answer.headers);
    node.clock.advance(60_000_000);
    me(&node, &cookie_of(&answer)).problem(401, "unauthorized");
    node.stop();
    let refused = node.system("login.refused");
    let actors: Vec<&Value> = refused.iter().map(|event| &event["actor"]["id"]).collect();
    let revoked = format!("key:{}", revoked["id"].as_str().unwrap());
    assert_eq!(actors, [&json!(revoked), &json!(null)], "the second had ended with its key");
}

#[test]
fn what_is_not_valid_is_refused_recorded_and_in_the_end_slowed_down() {
    let mut node = Node::new();
    for body in ["{}", r#"{"key":"a","link":"b"}"#, r#"{"name":"x"}"#, "[]", ""] {
        node.ask("POST", "/api/session", &[JSON], body.as_bytes()).problem(400, "bad-request");
    }
    for n in 0..40 {
        let wrong = sign_in(&node, "idl_wrong");
        match n {
            0..20 => wrong.problem(401, "unauthorized"),
            _ => wrong.problem(429, "too-many-tries"),
        };
        assert!(!wrong.headers.contains_key("set-cookie"));
    }
    assert_eq!(sign_in(&node, &node.admin).status, 200, "nobody is locked out");
    // Nobody is signed in by another site, whatever the form is.
    let body = json!({"key": node.admin}).to_string();
    let foreign = ["Origin: http://evil.example.com", "Content-Type: text/plain"];
    assert!(node.ask("POST", "/api/session", &foreign, body.as_bytes()).status >= 400);
    let form = format!("key={}", node.admin);
    for origin in ["Origin: http://evil.example.com", "Origin: null", "Sec-Fetch-Site: cross-site"]
    {
        let answer = node.ask("POST", "/login", &[FORM, origin], form.as_bytes());
        assert_eq!(answer.status, 403, "{origin}");
        assert!(!answer.headers.contains_key("set-cookie"));
        node.ask("POST", "/api/session", &[JSON, origin], body.as_bytes())
            .problem(403, "forbidden");
    }
    node.stop();
    assert_eq!(node.system("login.refused").len(), 40);
}

#[test]
fn a_cookie_is_for_this_node_alone() {
    let node = Node::new();
    let plain = sign_in(&node, &node.admin).headers["set-cookie"].clone();
    let of = |text: &str, part: &str| text.split("; ").any(|given| given == part);
    for part in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=43200"] {
        assert!(of(&plain, part), "{plain}");
    }
    assert!(plain.starts_with("indelible_session=") && !of(&plain, "Secure"), "{plain}");

    let node = Node::with(|config| config.public_url = Some("https://audit.example.com".into()));
    let answer = sign_in(&node, &node.admin);
    let secure = &answer.headers["set-cookie"];
    assert!(secure.starts_with("__Host-indelible_session=") && of(secure, "Secure"), "{secure}");
    let cookie = cookie_of(&answer);
    assert_eq!(me(&node, &cookie).status, 200);
    // A page on a host beside it can set the plain name, and nothing comes of it.
    me(&node, &cookie.replace("__Host-", "")).problem(401, "unauthorized");
    let out = node.ask("POST", "/logout", &[&cookie, "Origin: https://audit.example.com"], b"");
    let gone = &out.headers["set-cookie"];
    assert!(gone.starts_with("__Host-indelible_session=;") && of(gone, "Secure"), "{gone}");
}

#[test]
fn a_restart_ends_sessions_and_keys_go_on() {
    let mut node = Node::new();
    let cookie = cookie_of(&sign_in(&node, &node.admin));
    node.stop();
    node.clock.advance(1);
    node.start(|_| {});
    me(&node, &cookie).problem(401, "unauthorized");
    let again = cookie_of(&sign_in(&node, &node.admin));
    assert_eq!(me(&node, &again).status, 200);
}
