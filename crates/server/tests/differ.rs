//! Two nodes with the same trail, one of which has a large other one beside it: whoever reads the first must not be
//! able to tell which of the nodes it asks.

use serde_json::{Value, json};

use crate::node::{Answer, Node};
use crate::operations::asks;
use crate::world::{BANK, LOGS, SHOP, World};

/// Members that differ between any two nodes: random names and salts, and the places in the whole log that cursors hold.
/// Drawn by chance: of one seed, but other threads of the node draw from it too.
const RANDOM: [&str; 5] = ["next_cursor", "leaf", "origin", "vkey", "recorded_by"];
const HEADERS: [&str; 6] =
    ["date", "x-request-id", "link", "content-length", "etag", "indelible-stream-id"];

struct Pair {
    alone: Node,
    beside: Node,
}

impl Pair {
    fn new() -> Pair {
        let pair = Pair { alone: Node::new(), beside: Node::new() };
        for part in 0..4 {
            pair.each(|node| {
                node.clock.advance(1_000_000);
                let mut events = if part == 0 { SHOP.events() } else { Vec::new() };
                for (n, event) in events.iter_mut().enumerate() {
                    event["id"] =
                        format!("0190b1a0-0000-7000-8000-00000000000{}", ["a", "c", "d"][n]).into();
                }
                events.extend((0..50).map(|n| sale(part * 50 + n)));
                append(node, &events);
            });
            // More of everything, found by the same words.
            let foreign = |n: u64| foreign(part * 700 + n);
            append(&pair.beside, &(0..700).map(foreign).collect::<Vec<_>>());
            if part == 1 {
                pair.each(seal);
            }
        }
        pair
    }

    fn each(&self, work: impl Fn(&Node)) {
        work(&self.alone);
        work(&self.beside);
    }
}

fn sale(n: u64) -> Value {
    let outcome = ["success", "denied", "error"][(n % 3) as usize];
    json!({
        "trail": "shop", "id": format!("0190b1a0-0000-7000-8000-1{n:011}"), "action": format!("sale.kind_{}", n % 7),
        "outcome": outcome, "category": "data_modify",
        "actor": {"type": "user", "id": format!("user-{}", n % 13), "name": "Ada Example"},
        "targets": [{"type": "sale", "id": format!("s-{n}")}],
        "details": {"amount": n, "text": format!("report number {}", n % 5)},
        "context": {"ip": format!("192.0.2.{}", n % 9), "service": "till", "correlation_id": format!("c-{}", n % 21)},
    })
}

/// Like the other's, but of more users, kinds and words.
fn foreign(n: u64) -> Value {
    let mut event = sale(n % 11);
    event.as_object_mut().unwrap().remove("id");
    event["trail"] = "bank".into();
    event["action"] = format!("sale.kind_{}", n % 300).into();
    event["actor"]["id"] = format!("user-{n}").into();
    event["targets"][0]["id"] = format!("s-{}", n * 3).into();
    event["details"]["text"] = format!("report number word{n}").into();
    if n == 0 {
        event["id"] = BANK.id.into();
    }
    event
}

fn append(node: &Node, events: &[Value]) {
    let answer = node.post(&node.admin, LOGS, Value::from(events).to_string().as_bytes());
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let reader = node.running().state().reader();
    let search = reader.search().unwrap();
    search.wait_indexed(reader.view().next_pos(), std::time::Duration::from_secs(60));
}

fn seal(node: &Node) {
    let store = node.store.as_ref().unwrap();
    store.log().seal().unwrap();
    store.log().wait_sealed().unwrap();
    store.reader().search().unwrap().wait_frozen().unwrap();
}

/// All of an answer but for what is random.
fn told(answer: &Answer, method: &str) -> (u16, Vec<(String, String)>, String) {
    let headers = answer.headers.iter().filter(|(name, _)| !HEADERS.contains(&name.as_str()));
    let headers = headers.map(|(name, value)| (name.clone(), value.clone())).collect();
    let body = match serde_json::from_slice::<Value>(&answer.body) {
        Ok(mut json) => {
            blank(&mut json);
            // An event that brings no id is given a random one.
            let results =
                json.get_mut("results").and_then(Value::as_array_mut).filter(|_| method == "POST");
            results.into_iter().flatten().for_each(|result| result["id"] = Value::Null);
            let items = json.get_mut("items").and_then(Value::as_array_mut);
            for item in items.into_iter().flatten().filter_map(Value::as_object_mut) {
                for told in item.values_mut().filter(|told| told["receipt"].is_object()) {
                    (told["_id"], told["receipt"]["id"]) = (Value::Null, Value::Null);
                }
            }
            json.to_string()
        }
        Err(_) => String::from_utf8_lossy(&answer.body).into_owned(),
    };
    (answer.status, headers, body)
}

fn blank(json: &mut Value) {
    match json {
        Value::Object(members) => {
            for (name, value) in members {
                // Whether there is one is no chance.
                if RANDOM.contains(&name.as_str()) && value.is_string() {
                    *value = "random".into();
                }
                blank(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(blank),
        _ => {}
    }
}

/// More questions than the table of operations has.
fn questions() -> Vec<String> {
    let queries = [
        "",
        "report",
        "report+number",
        "%22report+number%22",
        "repo*",
        "*umber",
        "/wor(d|k)/",
        "/.*/",
        "actor:user-1*",
        "action:sale.*",
        "-outcome:success",
        "ip:192.0.2.0/24",
        "details.amount:%3E7",
        "details.amount:1..9",
        "has:details",
        "user-12",
        "word12",
        "target:sale/s-3",
        "created:-30d",
        "(report+OR+word1)+-denied",
        "trail:bank",
        "trail:*",
    ];
    let mut all: Vec<String> = Vec::new();
    for q in queries {
        all.push(format!("{LOGS}?q={q}&count=true"));
        all.push(format!("{LOGS}?q={q}&page=2&page_size=7&order=asc"));
        all.push(format!("{LOGS}?q={q}&sort=occurred_at&page_size=5"));
        all.push(format!("/api/audit/stats?q={q}&top=3&interval=30s"));
        all.push(format!("/api/audit/stats?q={q}&time=occurred_at&top=1000"));
    }
    for field in
        ["action", "category", "outcome", "actor", "resource_type", "resource", "ip", "service"]
    {
        for prefix in ["", "u", "user-1", "S", "sale", "1", "ba", "%ff"] {
            all.push(format!("/api/audit/suggest?field={field}&prefix={prefix}&limit=100"));
        }
    }
    for odd in ["bank", "shop", "none", "_system", "..", "%2e%2e", "", "x%00"] {
        all.push(format!("{LOGS}?tenant_id={odd}"));
        all.push(format!("/trails/{odd}/checkpoint?x=1"));
        all.push(format!("/trails/{odd}/tile/0/000.p/7"));
        all.push(format!("{LOGS}/{}?trail={odd}", BANK.id));
    }
    for n in [0, 6, 12] {
        all.push(format!("/api/audit/users/user-{n}?days=2"));
        all.push(format!("/api/audit/timeline?correlation_id=c-{n}"));
        all.push(format!("/api/audit/timeline?resource_type=sale&resource_id=s-{n}"));
        all.push(format!("/api/v1/audit-logs/user/user-{n}"));
    }
    all.extend(["/metrics".to_owned(), "/nowhere".to_owned(), format!("{LOGS}?cursor=AAAA")]);
    all
}

#[test]
fn nothing_tells_whether_there_is_another_trail() {
    let pair = Pair::new();
    let world = World::new();
    let mut asked: Vec<(String, String, String)> = Vec::new();
    for (method, path) in world.operations() {
        // Trees and proofs hold random salts, streams do not end; what the others do is no reader's. What is saved
        // has a random id, and is the credential's own.
        let random = ["/proof", "/consistency", "/stream"].iter().any(|end| path.ends_with(end));
        let saved = (&*method, &*path) == ("POST", "/api/saved-searches");
        if random || saved || path.starts_with("/trails/") {
            continue;
        }
        for tenant in [&SHOP, &BANK] {
            let asks = asks(&format!("{method} {path}"), tenant, "0123456789abcdef").unwrap();
            asked.extend(asks.into_iter().map(|ask| (method.clone(), ask.path, ask.body)));
        }
    }
    asked.extend(questions().into_iter().map(|path| ("GET".into(), path, String::new())));
    for role in ["reader", "writer"] {
        let keys = [&pair.alone, &pair.beside].map(|node| node.key(role, Some(&["shop"])));
        for (method, path, body) in &asked {
            let [one, other] =
                [(&pair.alone, &keys[0]), (&pair.beside, &keys[1])].map(|(node, key)| {
                    let headers = [&*crate::node::bearer(key), "Content-Type: application/json"];
                    node.ask(method, path, &headers, body.as_bytes())
                });
            let public = path == "/api/me" || path.starts_with("/trails/shop/tile");
            assert!(one.status < 500, "{role} {method} {path}: {}", one.status);
            if !public {
                let (one, other) = (told(&one, method), told(&other, method));
                assert_eq!((one.0, one.1), (other.0, other.1), "{role} {method} {path}");
                let at = one.2.bytes().zip(other.2.bytes()).take_while(|(a, b)| a == b).count();
                let from = |text: &str| {
                    text.chars().skip(at.saturating_sub(60)).take(200).collect::<String>()
                };
                assert!(
                    one.2 == other.2,
                    "{role} {method} {path}\n{}\n{}",
                    from(&one.2),
                    from(&other.2)
                );
            }
        }
    }
}
