//! A node with two tenants whose events can be told apart in whatever is answered, and one of each credential.

use indelible_log::Clock as _;
use serde_json::{Value, json};

use crate::jwt;
use crate::node::{Answer, Node, bearer};

pub const LOGS: &str = "/api/audit/logs";
/// An event that names no trail.
pub const EVENT: &str = r#"{"action":"a.b"}"#;

/// A tenant. What is found by stands apart from the marker, which a request need not name.
#[derive(Debug, PartialEq, Eq)]
pub struct Tenant {
    pub trail: &'static str,
    pub id: &'static str,
    pub user: &'static str,
    pub resource: &'static str,
    pub correlation: &'static str,
    /// Stands in every text of its events, and in nothing else.
    pub marker: &'static str,
}

pub const SHOP: Tenant = Tenant {
    trail: "shop",
    id: "0190b1a0-0000-7000-8000-00000000000a",
    user: "u-1",
    resource: "r-1",
    correlation: "c-1",
    marker: "zebrafinch",
};

pub const BANK: Tenant = Tenant {
    trail: "bank",
    id: "0190b1a0-0000-7000-8000-00000000000b",
    user: "u-2",
    resource: "r-2",
    correlation: "c-2",
    marker: "quokkas",
};

impl Tenant {
    /// Its events: one that is asked for, one of somebody that both have, and one more.
    pub fn events(&self) -> Vec<Value> {
        let Tenant { trail, id, user, resource, correlation, marker } = self;
        let event = |user: &str| {
            json!({
                "trail": trail, "action": format!("{marker}.run"), "category": marker,
                "actor": {"type": "user", "id": user, "name": marker, "email": format!("{marker}@example.com")},
                "targets": [
                    {"type": marker, "id": resource, "name": marker},
                    {"type": "shared", "id": format!("{marker}-1"), "name": marker},
                ],
                "changes": {"before": {marker.to_owned(): 1}, "after": {"text": marker}},
                "details": {"text": marker}, "error": {"code": marker, "message": marker},
                "context": {
                    "correlation_id": correlation, "service": marker, "host": marker, "user_agent": marker,
                    "http": {"path": format!("/{marker}")},
                },
            })
        };
        let mut asked = event(user);
        asked["id"] = (*id).into();
        asked["phase"] = "intent".into();
        let mut last = event(&format!("{marker}-user"));
        // One process writes for both.
        let of = if *trail == "shop" { 1 } else { 4 };
        last["source"] = json!({"id": "5c".repeat(16), "seq": of});
        vec![asked, event("everybody"), last]
    }
}

/// A credential and what it is.
pub struct Who {
    pub name: &'static str,
    pub key: Option<String>,
    pub valid: bool,
    pub role: &'static str,
    pub bound: Option<&'static str>,
}

impl Who {
    pub fn may_read(&self, tenant: &Tenant) -> bool {
        let reads = ["reader", "auditor", "admin"].contains(&self.role);
        self.valid && reads && self.bound.is_none_or(|trail| trail == tenant.trail)
    }

    pub fn headers(&self) -> Vec<String> {
        let auth = self.key.as_deref().map(bearer);
        auth.into_iter().chain(["Content-Type: application/json".to_owned()]).collect()
    }
}

pub struct World {
    pub node: Node,
    pub who: Vec<Who>,
    _keys: tempfile::TempDir,
}

impl World {
    pub fn new() -> World {
        let (node, keys) = jwt::node_with_key();
        // One after the other, so that nobody's last event is the last of all.
        for (turn, tenant) in [&SHOP, &BANK, &SHOP, &BANK, &SHOP].into_iter().enumerate() {
            node.clock.advance(1_000_000);
            let mut events = tenant.events();
            if turn > 1 {
                events.remove(0);
            }
            let body = Value::from(events).to_string();
            // The last of each is waited for, so that both have a tree.
            let path = if turn >= 3 { format!("{LOGS}?wait=published") } else { LOGS.to_owned() };
            let answer = node.post(&node.admin, &path, body.as_bytes());
            assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        }
        let who = credentials(&node);
        World { node, who, _keys: keys }
    }

    pub fn ask(&self, who: &Who, method: &str, path: &str, body: &str) -> Answer {
        let headers = who.headers();
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        self.node.ask(method, path, &headers, body.as_bytes())
    }

    pub fn who(&self, name: &str) -> &Who {
        self.who.iter().find(|who| who.name == name).unwrap()
    }

    /// All operations that the node's own description has: method and path.
    pub fn operations(&self) -> Vec<(String, String)> {
        let api = self.node.ask("GET", "/api/openapi.json", &[], b"").json();
        let mut all = Vec::new();
        for (path, methods) in api["paths"].as_object().unwrap() {
            let methods = methods.as_object().unwrap().keys();
            let methods =
                methods.filter(|name| !["parameters", "summary"].contains(&name.as_str()));
            all.extend(methods.map(|method| (method.to_uppercase(), path.clone())));
        }
        all
    }

    /// No handler has panicked: each that does is answered with 500, which is counted.
    pub fn assert_unharmed(&self) {
        let text = self.node.running().state().metrics().text();
        assert!(!text.contains("status=\"500\""), "{text}");
    }
}

fn credentials(node: &Node) -> Vec<Who> {
    let valid =
        |name, key: String, role, bound| Who { name, key: Some(key), valid: true, role, bound };
    let no = |name, key| Who { name, key, valid: false, role: "none", bound: None };
    let made =
        |body: Value| node.post(&node.admin, "/api/keys", body.to_string().as_bytes()).json();
    let text = |made: &Value| made["key"].as_str().unwrap().to_owned();
    let until = indelible_event::Micros(node.clock.now().0 + 1_000_000).to_string();
    let expired = made(json!({"role": "admin", "name": "e", "expires_at": until}));
    let revoked = made(json!({"role": "admin", "name": "r"}));
    let path = format!("/api/keys/{}", revoked["id"].as_str().unwrap());
    assert_eq!(node.ask("DELETE", &path, &[&bearer(&node.admin)], b"").status, 204);
    node.clock.advance(1_000_000);
    let token = jwt::token(node, json!({"role": "reader", "trails": ["shop"]}));
    vec![
        no("nobody", None),
        no("expired", Some(text(&expired))),
        no("revoked", Some(text(&revoked))),
        valid("writer of shop", node.key("writer", Some(&["shop"])), "writer", Some("shop")),
        valid("writer", node.key("writer", None), "writer", None),
        valid("reader of shop", node.key("reader", Some(&["shop"])), "reader", Some("shop")),
        valid("reader of bank", node.key("reader", Some(&["bank"])), "reader", Some("bank")),
        valid("reader", node.key("reader", None), "reader", None),
        valid("auditor", node.key("auditor", None), "auditor", None),
        valid("admin", node.admin.clone(), "admin", None),
        valid("token of shop", token, "reader", Some("shop")),
    ]
}
