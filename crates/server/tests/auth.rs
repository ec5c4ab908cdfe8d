//! Who may do what.

use serde_json::{Value, json};

use crate::node::{Node, bearer};

#[test]
fn every_role_may_do_what_it_may_and_nothing_else() {
    let node = Node::new();
    let keys = [
        ("writer", node.key("writer", None)),
        ("reader", node.key("reader", None)),
        ("auditor", node.key("auditor", None)),
        ("admin", node.admin.clone()),
        ("nobody", "idl_nonsense".to_owned()),
    ];
    node.append(&node.admin, r#"{"action":"a"}"#);
    let key = json!({"role": "reader", "name": "new"}).to_string();
    let table: &[(&str, &str, &str, [u16; 5])] = &[
        ("POST", "/api/audit/logs", r#"{"action":"a"}"#, [201, 403, 403, 201, 401]),
        ("GET", "/api/me", "", [200, 200, 200, 200, 401]),
        ("GET", "/api/trails", "", [403, 200, 200, 200, 401]),
        ("GET", "/api/keys", "", [403, 403, 403, 200, 401]),
        ("POST", "/api/keys", &key, [403, 403, 403, 201, 401]),
        ("DELETE", "/api/keys/0123456789abcdef", "", [403, 403, 403, 404, 401]),
        ("PUT", "/api/trails/default", r#"{"public":false}"#, [403, 403, 403, 200, 401]),
        (
            "GET",
            "/api/audit/logs/0190b1a0-0000-7000-8000-000000000001/proof",
            "",
            [403, 404, 404, 404, 401],
        ),
        ("GET", "/trails/default/tile/0/000.p/1", "", [403, 404, 404, 404, 401]),
        ("GET", "/metrics", "", [403, 200, 200, 200, 401]),
        ("GET", "/livez", "", [200; 5]),
        ("GET", "/readyz", "", [200; 5]),
        ("GET", "/api/openapi.json", "", [200; 5]),
    ];
    // No checkpoint may come up meanwhile, so the tree has no file yet or has it: either is no refusal.
    for (method, path, body, expected) in table {
        for ((role, key), expected) in keys.iter().zip(expected) {
            let json = "Content-Type: application/json";
            let answer = node.ask(method, path, &[&bearer(key), json], body.as_bytes());
            let may_differ =
                path.starts_with("/trails") && answer.status == 200 && *expected == 404;
            assert!(
                answer.status == *expected || may_differ,
                "{role} {method} {path}: {}",
                answer.status
            );
            if answer.status >= 400 {
                assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
            }
            if answer.status == 401 {
                assert!(answer.headers["www-authenticate"].starts_with("Bearer "));
            }
        }
    }
    for headers in [&["Authorization: Basic eDp5"][..], &[], &["Authorization: Bearer"]] {
        node.ask("GET", "/api/me", headers, b"").problem(401, "unauthorized");
    }
}

#[test]
fn what_a_reader_is_not_bound_to_does_not_exist_for_it() {
    let node = Node::new();
    node.append(&node.admin, r#"[{"action":"a","trail":"shop"},{"action":"a","trail":"bank"}]"#);
    let names = |key: &str| -> Vec<String> {
        let json = node.get(key, "/api/trails").json();
        json["trails"]
            .as_array()
            .unwrap()
            .iter()
            .map(|t| t["name"].as_str().unwrap().into())
            .collect()
    };
    let shop = node.key("reader", Some(&["shop"]));
    assert_eq!(names(&shop), ["shop"]);
    assert_eq!(names(&node.key("reader", None)), ["shop", "bank"]);
    assert_eq!(names(&node.admin), ["_system", "shop", "bank"]);
    for trail in ["bank", "_system", "nowhere", "..%2f"] {
        let path = format!("/trails/{trail}/checkpoint");
        node.get(&shop, &path).problem(404, "not-found");
    }
    let me = node.get(&shop, "/api/me").json();
    assert_eq!(
        (&me["kind"], &me["role"], &me["trails"]),
        (&json!("key"), &json!("reader"), &json!(["shop"]))
    );
}

#[test]
fn a_key_lives_as_long_as_the_log_says() {
    let mut node = Node::new();
    let body = json!({"role": "writer", "name": "billing", "expires_at": "2026-11-16T00:00:00Z"});
    let made = node.post(&node.admin, "/api/keys", body.to_string().as_bytes());
    assert_eq!(made.status, 201);
    let made = made.json();
    let (key, id) =
        (made["key"].as_str().unwrap().to_owned(), made["id"].as_str().unwrap().to_owned());
    assert_eq!(made["created_at"].as_str().unwrap().len(), 27);
    assert_eq!(node.append(&key, r#"{"action":"a"}"#).status, 201);
    let kept = node.system("key.create");
    assert_eq!(kept.last().unwrap()["details"]["name"], "billing");
    assert!(
        !kept.iter().any(|event| event.to_string().contains(&key[21..64])),
        "no secret is kept"
    );

    node.stop();
    node.start(|_| {});
    assert_eq!(node.append(&key, r#"{"action":"a"}"#).status, 201, "the key outlives the process");
    node.clock.advance(86_400_000_000);
    node.append(&key, r#"{"action":"a"}"#).problem(401, "unauthorized");
    node.clock.advance(-86_400_000_000);

    let revoke =
        |id: &str| node.ask("DELETE", &format!("/api/keys/{id}"), &[&bearer(&node.admin)], b"");
    assert_eq!((revoke(&id).status, revoke(&id).status), (204, 204));
    node.append(&key, r#"{"action":"a"}"#).problem(401, "unauthorized");
    assert_eq!(node.system("key.revoke").len(), 1);
    let list = node.get(&node.admin, "/api/keys").json();
    let of = |list: &Value| {
        let keys = list["keys"].as_array().unwrap();
        let mut key = keys.iter().find(|k| k["id"] == *id).cloned().unwrap();
        // That alone is since the process began.
        key.as_object_mut().unwrap().remove("last_used_at");
        key
    };
    assert!(of(&list)["revoked_at"].is_string() && of(&list)["created_by"].is_string());
    assert!(of(&list).get("hash").is_none());
    node.stop();
    node.start(|_| {});
    node.append(&key, r#"{"action":"a"}"#).problem(401, "unauthorized");
    assert_eq!(of(&node.get(&node.admin, "/api/keys").json()), of(&list));
    for bad in [
        json!({"role": "king", "name": "x"}),
        json!({"role": "writer", "name": ""}),
        json!({"role": "writer", "name": "x", "trails": []}),
        json!({"role": "auditor", "name": "x", "trails": ["shop"]}),
        json!({"role": "writer", "name": "x", "trails": ["_system"]}),
        json!({"role": "writer", "name": "x", "expires_at": "2020-01-01T00:00:00Z"}),
        json!({"role": "writer", "name": "x", "color": "red"}),
    ] {
        node.post(&node.admin, "/api/keys", bad.to_string().as_bytes()).problem(400, "bad-request");
    }
}
