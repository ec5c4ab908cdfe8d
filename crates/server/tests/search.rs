//! What searching answers, and to whom.

use serde_json::{Value, json};

use crate::node::{Answer, Node};

pub const LOGS: &str = "/api/audit/logs";
/// The id of one event in each of the two trails.
pub const SHARED: &str = "0190b1a0-0000-7000-8000-0000000000aa";
/// An event of the bank alone.
pub const SECRET: &str = "0190b1a0-0000-7000-8000-0000000000bb";

/// A node with two tenants, half of whose records are sealed, and a reader of each.
pub struct Tenants {
    pub node: Node,
    pub shop: String,
    pub bank: String,
}

impl Tenants {
    pub fn new() -> Tenants {
        let node = Node::new();
        let (shop, bank) =
            (node.key("reader", Some(&["shop"])), node.key("reader", Some(&["bank"])));
        let tenants = Tenants { node, shop, bank };
        let sale = |n: u64| {
            json!({
                "trail": "shop",
                "action": if n.is_multiple_of(3) { "sale.cancel" } else { "sale.make" },
                "status": if n.is_multiple_of(10) { "denied" } else { "success" },
                "user_id": format!("user-{}", n % 4),
                "resource_type": "sale",
                "resource_id": format!("s-{n}"),
                "ip_address": "192.0.2.7",
                "metadata": {"amount": n},
            })
        };
        tenants.append(&(0..40).map(sale).collect::<Vec<_>>());
        tenants.append(&[
            json!({"trail": "shop", "id": SHARED, "action": "till.open", "user_id": "maria"}),
            json!({"trail": "bank", "id": SHARED, "action": "vault.open", "user_id": "victor"}),
            json!({"trail": "bank", "id": SECRET, "action": "vault.empty", "user_id": "victor",
                "correlation_id": "heist", "resource_type": "vault", "resource_id": "v-1"}),
        ]);
        tenants.seal();
        tenants.append(&(40..60).map(sale).collect::<Vec<_>>());
        tenants
    }

    pub fn append(&self, events: &[Value]) -> Value {
        self.node.clock.advance(1_000_000);
        let answer = self.node.append(&self.node.admin, &Value::from(events).to_string());
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        // A busy machine may take longer than a search waits for what is just durable.
        let reader = self.node.running().state().reader();
        let search = reader.search().unwrap();
        search.wait_indexed(reader.view().next_pos(), std::time::Duration::from_secs(60));
        answer.json()
    }

    /// Moves what there is into segments with frozen maps.
    pub fn seal(&self) {
        let store = self.node.store.as_ref().unwrap();
        store.log().seal().unwrap();
        store.log().wait_sealed().unwrap();
        store.reader().search().unwrap().wait_frozen().unwrap();
    }

    pub fn get(&self, key: &str, path: &str) -> Answer {
        self.node.get(key, path)
    }

    #[track_caller]
    pub fn ok(&self, key: &str, path: &str) -> Value {
        let answer = self.get(key, path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer.json()
    }
}

fn seqs(page: &Value) -> Vec<u64> {
    page["events"].as_array().unwrap().iter().map(|e| e["seq"].as_u64().unwrap()).collect()
}

#[test]
fn a_page_has_the_newest_events_as_they_were_recorded() {
    let tenants = Tenants::new();
    let answer = tenants.get(&tenants.shop, &format!("{LOGS}?page_size=3&count=true"));
    let page = answer.json();
    assert_eq!(seqs(&page), [60, 59, 58]);
    assert_eq!(page["events"][0]["details"]["amount"], 59);
    assert_eq!(page["events"][0]["trail"], "shop");
    assert_eq!(page["total"], json!({"value": 61, "relation": "exact"}));
    assert_eq!((&page["incomplete"], &page["alarms"]), (&Value::Null, &json!([])));
    let next = page["next_cursor"].as_str().unwrap();
    let links = format!(
        "<{LOGS}?page_size=3&count=true>; rel=\"first\", \
         <{LOGS}?page_size=3&count=true&cursor={next}>; rel=\"next\""
    );
    assert_eq!(answer.headers["link"], links);
    assert_eq!(answer.headers["content-type"], "application/json");
}

#[test]
fn going_on_shows_everything_once_in_both_orders() {
    let tenants = Tenants::new();
    for (order, sort) in [("desc", "recorded_at"), ("asc", "recorded_at"), ("asc", "occurred_at")] {
        let path = format!("{LOGS}?page_size=7&order={order}&sort={sort}");
        let (mut all, mut at) = (Vec::new(), path.clone());
        loop {
            let page = tenants.ok(&tenants.shop, &at);
            all.extend(seqs(&page));
            // What comes meanwhile is not mixed in.
            tenants.append(&[json!({"trail": "shop", "action": "late.one"})]);
            let Some(next) = page["next_cursor"].as_str() else { break };
            at = format!("{path}&cursor={next}");
        }
        let newest = all.iter().max().copied().unwrap();
        let mut wanted: Vec<u64> = (0..=newest).collect();
        if order == "desc" {
            wanted.reverse();
        }
        assert_eq!(all, wanted, "{order} {sort}");
    }
}

#[test]
fn numbered_pages_hold_what_cursors_do() {
    let tenants = Tenants::new();
    let first = tenants.ok(&tenants.shop, &format!("{LOGS}?page_size=10&page=1"));
    let third = tenants.get(&tenants.shop, &format!("{LOGS}?page_size=10&page=3"));
    assert_eq!(seqs(&third.json()), (31..=40).rev().collect::<Vec<u64>>());
    assert_eq!(third.json()["total"], first["total"]);
    assert!(third.headers["link"].contains("page=2>; rel=\"prev\""), "{}", third.headers["link"]);
    let last = tenants.ok(&tenants.shop, &format!("{LOGS}?page_size=10&page=7"));
    assert_eq!((seqs(&last), &last["next_cursor"]), (vec![0], &Value::Null));
    assert!(seqs(&tenants.ok(&tenants.shop, &format!("{LOGS}?page_size=10&page=900"))).is_empty());
}

#[test]
fn parameters_and_the_query_are_anded() {
    let tenants = Tenants::new();
    let found =
        |query: &str| seqs(&tenants.ok(&tenants.shop, &format!("{LOGS}?order=asc&{query}")));
    assert_eq!(found("user_id=user-1&action=sale.cancel"), [9, 21, 33, 46, 58]);
    assert_eq!(found("user_id=user-1&q=action:sale.cancel").len(), 5);
    assert_eq!(found("resource_id=s-1&resource_id=S-2"), [1, 2]);
    assert_eq!(found("resource_type=sale&resource_id=s-1"), [1]);
    assert!(found("resource_type=till&resource_id=s-1").is_empty());
    assert_eq!(found("status=denied&page_size=1000").len(), 6);
    assert_eq!(found("ip_address=192.0.2.7&q=details.amount:%3E=58"), [59, 60]);
    assert!(found("ip_address=198.51.100.1").is_empty());
    assert_eq!(found("user_id=maria"), [40]);
    assert_eq!(found("q=trail:shop+user:maria").len(), 1);
    assert!(found("q=trail:bank").is_empty());
    assert_eq!(found("tenant_id=shop&user_id=maria"), [40]);
    // A type and an id of two different targets are no match.
    let targets = json!([{"type": "file", "id": "f"}, {"type": "bucket", "id": "b"}]);
    tenants.append(&[json!({"trail": "shop", "action": "file.put", "targets": targets})]);
    assert_eq!(found("resource_type=bucket&resource_id=b"), [61]);
    assert!(found("resource_type=file&resource_id=b").is_empty());
}

#[test]
fn dates_hold_both_their_ends() {
    let tenants = Tenants::new();
    let at = |at: &str| json!({"trail": "shop", "action": "dated.one", "occurred_at": at});
    tenants.append(&[
        at("2026-01-30T23:59:59.999999Z"),
        at("2026-01-31T00:00:00Z"),
        at("2026-01-31T23:59:59.999999Z"),
        at("2026-02-01T00:00:00Z"),
    ]);
    let found = |query: &str| {
        let path = format!("{LOGS}?order=asc&action=dated.one&{query}");
        seqs(&tenants.ok(&tenants.shop, &path))
    };
    assert_eq!(found("start_date=2026-01-31&end_date=2026-01-31"), [62, 63]);
    assert_eq!(found("start_date=2026-01-31"), [62, 63, 64]);
    assert_eq!(found("end_date=2026-01-31T00:00:00Z"), [61, 62]);
    assert_eq!(found("start_date=2026-02-01T01:00:00+01:00"), [64]);
}

#[test]
fn what_cannot_be_read_is_refused_by_name() {
    let tenants = Tenants::new();
    let refused = |query: &str| {
        let problem = tenants.get(&tenants.shop, &format!("{LOGS}?{query}"));
        problem.problem(400, "bad-parameter")["parameter"].as_str().unwrap().to_owned()
    };
    for bad in ["-1", "0", "1001", "x", ""] {
        assert_eq!(refused(&format!("page_size={bad}")), "page_size");
    }
    assert_eq!(refused("page=0"), "page");
    assert_eq!(refused("page=201&page_size=50"), "page");
    assert_eq!(refused("start_date=2026-02-30"), "start_date");
    assert_eq!(refused("end_date=yesterday"), "end_date");
    assert_eq!(refused("start_date=2026-02-01&end_date=2026-01-31"), "end_date");
    assert_eq!(refused("order=up"), "order");
    assert_eq!(refused("sort=action"), "sort");
    assert_eq!(refused("count=yes"), "count");
    assert_eq!(refused("status=great"), "status");
    assert_eq!(refused("user_id="), "user_id");
    assert_eq!(refused("q=a&q=b"), "q");
    assert_eq!(refused("cursor=x"), "cursor");
    let page = tenants.ok(&tenants.shop, &format!("{LOGS}?page_size=5"));
    let cursor = page["next_cursor"].as_str().unwrap();
    assert_eq!(refused(&format!("page_size=5&page=2&cursor={cursor}")), "page");
    assert_eq!(refused(&format!("page_size=5&user_id=maria&cursor={cursor}")), "cursor");
    assert_eq!(refused(&format!("page_size=5&order=asc&cursor={cursor}")), "cursor");
    for at in 0..cursor.len() {
        let mut edited = cursor.as_bytes().to_vec();
        edited[at] = if edited[at] == b'A' { b'B' } else { b'A' };
        let edited = String::from_utf8(edited).unwrap();
        assert_eq!(refused(&format!("page_size=5&cursor={edited}")), "cursor");
    }
    let problem = tenants.get(&tenants.shop, &format!("{LOGS}?colour=red"));
    let problem = problem.problem(400, "unknown-parameter");
    assert_eq!(problem["parameter"], "colour");
    let detail = problem["detail"].as_str().unwrap();
    assert!(detail.contains("page_size") && detail.contains("tenant_id"), "{detail}");
    // Another's cursor is none of ours.
    let theirs = tenants.ok(&tenants.bank, &format!("{LOGS}?page_size=1"));
    let theirs = theirs["next_cursor"].as_str().unwrap();
    assert_eq!(refused(&format!("page_size=1&cursor={theirs}")), "cursor");
}

#[test]
fn a_query_that_cannot_be_read_says_where() {
    let tenants = Tenants::new();
    let problem = tenants.get(&tenants.shop, &format!("{LOGS}?q=a+actoin:b"));
    let problem = problem.problem(400, "bad-query");
    assert_eq!(problem["query"]["column"], 3);
    assert_eq!(problem["query"]["length"], 6);
    assert!(problem["query"]["hint"].as_str().unwrap().contains("action"), "{problem}");
    for bad in ["action:/(/", "action:/a{9999}{9999}/", "(a", "\"a"] {
        let bad: String = bad.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let problem = tenants.get(&tenants.shop, &format!("{LOGS}?q={bad}"));
        assert!(problem.problem(400, "bad-query")["query"]["column"].is_u64());
    }
}

#[test]
fn a_query_is_explained_and_nothing_is_searched() {
    let tenants = Tenants::new();
    let before = tenants.node.system("audit.search").len();
    let ask = |q: &str| tenants.ok(&tenants.shop, &format!("/api/audit/query?q={q}"));
    let answer = ask("%C3%A9+-user:maria+AND+created:2026-01-01");
    let clauses = json!([
        {"start": 0, "end": 1, "group": 0, "text": "é", "key": null, "value": null, "negated": false, "from": null, "to": null},
        {"start": 2, "end": 13, "group": 0, "text": "-user:maria", "key": "actor", "value": "maria", "negated": true,
            "from": null, "to": null},
        {"start": 18, "end": 36, "group": 1, "text": "created:2026-01-01", "key": "created", "value": "2026-01-01",
            "negated": false, "from": "2026-01-01T00:00:00.000000Z", "to": "2026-01-01T23:59:59.999999Z"},
    ]);
    assert_eq!(answer, json!({"ok": true, "any": false, "error": null, "clauses": clauses}));
    let wrong = ask("a+actoin:b");
    assert_eq!((&wrong["ok"], &wrong["clauses"]), (&json!(false), &json!([])));
    assert_eq!(
        (&wrong["error"]["column"], &wrong["error"]["instead"]),
        (&json!(3), &json!("action"))
    );
    assert_eq!(ask("a+OR+b")["any"], true);
    let long = "x".repeat(9_000);
    tenants.get(&tenants.shop, &format!("/api/audit/query?q={long}")).problem(400, "bad-parameter");

    let keys = tenants.ok(&tenants.shop, "/api/audit/query/keys");
    let of = |name: &str| {
        keys["keys"].as_array().unwrap().iter().find(|key| key["name"] == name).unwrap().clone()
    };
    assert_eq!((&of("target")["field"], &of("email")["field"]), (&json!("resource"), &json!(null)));
    assert_eq!(of("phase")["values"], json!(["intent", "outcome", "correction"]));
    assert_eq!(tenants.node.system("audit.search").len(), before);
}

#[test]
fn nobody_sees_anything_of_another_tenant() {
    let tenants = Tenants::new();
    let (shop, bank) = (&tenants.shop, &tenants.bank);
    for path in [
        format!("{LOGS}/{SECRET}"),
        format!("{LOGS}/{SECRET}?trail=bank"),
        format!("{LOGS}/{SHARED}?trail=bank"),
        format!("{LOGS}/{SECRET}/proof"),
        format!("{LOGS}?tenant_id=bank"),
        format!("{LOGS}?tenant_id=none"),
        format!("{LOGS}?tenant_id=_system"),
        "/api/audit/stats?tenant_id=bank".into(),
        "/api/audit/timeline?correlation_id=heist&tenant_id=bank".into(),
        "/api/audit/stream?tenant_id=bank".into(),
    ] {
        tenants.get(shop, &path).problem(404, "not-found");
    }
    let nothing = |path: &str, list: &str| {
        let answer = tenants.ok(shop, path);
        assert_eq!(answer[list], json!([]), "{path}");
        answer
    };
    nothing(&format!("{LOGS}?q={SECRET}"), "events");
    nothing(&format!("{LOGS}?correlation_id=heist&count=true"), "events");
    nothing(&format!("{LOGS}?q=victor+OR+vault*"), "events");
    nothing("/api/audit/suggest?field=actor&prefix=vic", "values");
    nothing("/api/audit/suggest?field=action&prefix=vault", "values");
    nothing("/api/audit/timeline?correlation_id=heist", "entries");
    nothing("/api/audit/timeline?resource_id=v-1", "correlations");
    let user = nothing("/api/audit/users/victor", "recent");
    assert_eq!((&user["total"]["value"], &user["first_seen"]), (&json!(0), &Value::Null));
    assert_eq!(tenants.ok(shop, "/api/v1/audit-logs?user_id=victor"), json!([]));
    nothing("/api/v1/audit-logs/user/victor", "logs");
    let stats = tenants.ok(shop, "/api/audit/stats?interval=1d");
    assert_eq!(stats["total"]["value"], 61);
    assert!(!stats.to_string().contains("vault"), "{stats}");
    assert_eq!(stats["histogram"]["buckets"][0]["count"], 61);
    let page = tenants.ok(bank, &format!("{LOGS}?count=true"));
    assert_eq!((seqs(&page), &page["total"]["value"]), (vec![1, 0], &json!(2)));
}

#[test]
fn roles_see_what_is_theirs() {
    let tenants = Tenants::new();
    let writer = tenants.node.key("writer", None);
    for path in [
        LOGS,
        &format!("{LOGS}/{SHARED}"),
        "/api/audit/stats",
        "/api/audit/suggest?field=actor",
        "/api/audit/timeline?resource_id=x",
        "/api/audit/users/x",
        "/api/audit/stream",
        "/api/v1/audit-logs",
        "/api/v1/audit-logs/user/x",
    ] {
        tenants.get(&writer, path).problem(403, "forbidden");
        tenants.node.ask("GET", path, &[], b"").problem(401, "unauthorized");
    }
    let names = |key: &str| {
        let page = tenants.ok(key, &format!("{LOGS}?page_size=1000"));
        let names = page["events"].as_array().unwrap().iter();
        let mut names: Vec<String> =
            names.map(|e| e["trail"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        names.dedup();
        names
    };
    assert_eq!(names(&tenants.node.key("reader", None)), ["bank", "shop"]);
    assert_eq!(names(&tenants.node.key("auditor", None)), ["_system", "bank", "shop"]);
    // A trail of one's own that nothing was appended to yet has no events, and then has.
    let early = tenants.node.key("reader", Some(&["early"]));
    assert_eq!(tenants.ok(&early, &format!("{LOGS}?tenant_id=early"))["events"], json!([]));
    assert_eq!(tenants.ok(&early, "/api/audit/stats")["total"]["value"], 0);
    tenants.append(&[json!({"trail": "early", "action": "a.b"})]);
    assert_eq!(seqs(&tenants.ok(&early, LOGS)), [0]);
}

#[test]
fn a_search_is_in_the_trail_before_it_is_answered() {
    let tenants = Tenants::new();
    tenants.ok(&tenants.shop, &format!("{LOGS}?user_id=ma%22ria&q=till&start_date=2026-01-01"));
    tenants.ok(&tenants.shop, "/api/audit/stats?status=denied");
    tenants.ok(&tenants.shop, &format!("{LOGS}/{SHARED}"));
    let search = tenants.node.system("audit.search").pop().unwrap();
    let query = "actor:\"ma\\\"ria\" AND occurred:2026-01-01T00:00:00.000000Z.. AND (till)";
    assert_eq!(search["details"]["query"], query);
    assert_eq!(search["details"]["results"], 0);
    let stats = tenants.node.system("audit.stats").pop().unwrap();
    assert_eq!(stats["details"]["trails"], json!(["shop"]));
    assert_eq!(stats["details"]["query"], "outcome:\"denied\"");
    let read = tenants.node.system("audit.read").pop().unwrap();
    assert_eq!(read["targets"][0]["id"], SHARED);
}
