//! One event, counts, suggestions, timelines, users, and the flat lists.

use serde_json::{Value, json};

use crate::node::Node;
use crate::search::{LOGS, SECRET, SHARED, Tenants};

fn id(n: u32) -> String {
    format!("0190b1a0-0000-7000-8000-{n:012}")
}

#[test]
fn an_event_is_shown_with_its_receipt_and_what_it_changed() {
    let node = Node::new();
    let body = format!(
        r#"{{"id":"{}","action":"item.change","changes":{{"before":{{"price":10.0,"a/b":[1,2]}},
            "after":{{"price":10.00,"a/b":[1,3],"new":null}}}}}}"#,
        id(1)
    );
    let path = format!("{LOGS}?wait=published");
    let kept = node.post(&node.admin, &path, body.as_bytes()).json();
    let answer = node.get(&node.admin, &format!("{LOGS}/{}", id(1)));
    let shown = answer.json();
    let receipt = &shown["receipt"];
    for member in ["trail", "seq", "id", "leaf", "recorded_at"] {
        assert_eq!(receipt[member], kept["results"][0][member], "{member}");
    }
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let diff = r#""diff":[{"op":"change","path":"/price","before":10.0,"after":10.00},{"op":"change","path":"/a~1b/1","before":2,"after":3},{"op":"add","path":"/new","after":null}]"#;
    assert!(text.contains(diff), "{text}");
    assert!(text.contains(r#""before":{"price":10.0,"a/b":[1,2]}"#), "{text}");
    assert_eq!((&shown["published"], &shown["gone"]), (&json!(true), &json!([])));
    let proof = shown["proof"].as_str().unwrap();
    assert_eq!(node.get(&node.admin, proof).status, 200);
    node.get(&node.admin, &format!("{LOGS}/{}", id(2))).problem(404, "not-found");
    node.get(&node.admin, &format!("{LOGS}/17")).problem(404, "not-found");
    node.get(&node.admin, &format!("{LOGS}/{}?page=1", id(1))).problem(400, "unknown-parameter");
}

#[test]
fn an_id_in_several_trails_asks_which() {
    let tenants = Tenants::new();
    let admin = &tenants.node.admin;
    let problem = tenants.get(admin, &format!("{LOGS}/{SHARED}")).problem(409, "several-trails");
    let mut trails: Vec<&str> =
        problem["trails"].as_array().unwrap().iter().map(|t| t.as_str().unwrap()).collect();
    trails.sort_unstable();
    assert_eq!(trails, ["bank", "shop"]);
    let shown = tenants.ok(admin, &format!("{LOGS}/{SHARED}?trail=bank"));
    assert_eq!(shown["event"]["action"], "vault.open");
    let own = tenants.ok(&tenants.shop, &format!("{LOGS}/{SHARED}"));
    assert_eq!(own["event"]["action"], "till.open");
}

#[test]
fn what_refers_to_each_other_is_found_both_ways() {
    let tenants = Tenants::new();
    let of = |n: u32, phase: &str, of: Option<u32>| {
        let mut event = json!({"trail": "shop", "id": id(n), "action": "x.do", "phase": phase});
        if let Some(of) = of {
            event["ref"] = id(of).into();
        }
        event
    };
    tenants.append(&[of(1, "intent", None)]);
    tenants.seal();
    tenants.append(&[of(2, "outcome", Some(1)), of(3, "correction", Some(1))]);
    // Another tenant's event that claims to belong here does not.
    let mut foreign = of(4, "correction", Some(1));
    foreign["trail"] = "bank".into();
    tenants.append(&[foreign]);
    let related =
        |n: u32| tenants.ok(&tenants.node.admin, &format!("{LOGS}/{}", id(n)))["related"].clone();
    let ids = |value: &Value| value["id"].as_str().map(str::to_owned);
    let intent = related(1);
    assert_eq!((ids(&intent["intent"]), ids(&intent["outcome"])), (None, Some(id(2))));
    assert_eq!(intent["corrections"].as_array().unwrap().len(), 1);
    assert_eq!(ids(&intent["corrections"][0]), Some(id(3)));
    assert_eq!(ids(&related(2)["intent"]), Some(id(1)));
    assert_eq!(ids(&related(3)["corrects"]), Some(id(1)));
}

#[test]
fn statistics_count_what_matches() {
    let tenants = Tenants::new();
    let all = tenants.ok(&tenants.shop, "/api/audit/stats");
    assert_eq!(all["total"], json!({"value": 61, "relation": "exact"}));
    assert_eq!(all["facets"].as_object().unwrap().len(), 8);
    assert_eq!((&all["denied"]["value"], &all["failures"]["value"]), (&json!(6), &json!(0)));
    assert_eq!((&all["histogram"], &all["incomplete"]), (&Value::Null, &Value::Null));
    let path =
        "/api/audit/stats?facets=action,actor&top=1&interval=1h&time=occurred_at&status=denied";
    let some = tenants.ok(&tenants.shop, path);
    assert_eq!(some["total"]["value"], 6);
    let action = &some["facets"]["action"];
    assert_eq!(action["values"], json!([{"value": "sale.make", "count": 4}]));
    assert_eq!(
        (&action["other"], &action["missing"], &action["exact"]),
        (&json!(2), &json!(0), &json!(true))
    );
    assert_eq!(some["facets"].as_object().unwrap().len(), 2);
    let histogram = &some["histogram"];
    assert_eq!(
        (&histogram["interval_seconds"], &histogram["time"]),
        (&json!(3600), &json!("occurred_at"))
    );
    assert_eq!(histogram["buckets"][0]["outcomes"], json!({"denied": 6}));
    for (bad, name) in [
        ("facets=colour", "facets"),
        ("top=1001", "top"),
        ("interval=1w", "interval"),
        ("interval=0s", "interval"),
        ("time=now", "time"),
    ] {
        let problem = tenants.get(&tenants.shop, &format!("/api/audit/stats?{bad}"));
        assert_eq!(problem.problem(400, "bad-parameter")["parameter"], name);
    }
    tenants.get(&tenants.shop, "/api/audit/stats?page=1").problem(400, "unknown-parameter");
}

#[test]
fn suggestions_begin_so_whatever_their_case() {
    let tenants = Tenants::new();
    let values = tenants.ok(&tenants.shop, "/api/audit/suggest?field=actor&prefix=USER&limit=2");
    assert_eq!(
        values["values"],
        json!([{"value": "user-0", "count": 15}, {"value": "user-1", "count": 15}])
    );
    for bad in ["", "?field=colour", "?field=actor&limit=0", "?field=actor&limit=101"] {
        tenants
            .get(&tenants.shop, &format!("/api/audit/suggest{bad}"))
            .problem(400, "bad-parameter");
    }
}

#[test]
fn a_timeline_follows_what_belongs_together_across_systems() {
    let tenants = Tenants::new();
    let event = |n: u32, at: &str, more: Value| {
        let mut event = json!({"trail": "shop", "id": id(n), "action": "x.do", "occurred_at": at});
        event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        event
    };
    let context = |service: &str, correlation: &str| json!({"service": service, "correlation_id": correlation});
    let file = json!([{"type": "bucket", "id": "b"}, {"type": "file", "id": "f-1"}]);
    tenants.append(&[
        event(
            3,
            "2026-01-31T12:30:00Z",
            json!({"phase": "intent", "context": context("backup", "c-1")}),
        ),
        event(
            1,
            "2026-01-31T10:00:00Z",
            json!({"targets": file, "context": context("store", "C-1")}),
        ),
    ]);
    tenants.seal();
    tenants.append(&[
        event(2, "2026-01-31T10:30:00Z",
            json!({"phase": "intent", "targets": [{"type": "file", "id": "f-1"}], "context": context("billing", "c-1")})),
        event(4, "2026-01-31T12:31:00Z",
            json!({"phase": "outcome", "ref": id(2), "context": context("billing", "c-1")})),
        event(5, "2026-01-31T12:32:00Z", json!({"context": context("other", "c-2")})),
    ]);
    // Another tenant's event under the same correlation id stays out of sight.
    tenants.append(&[json!({"trail": "bank", "action": "x.do", "correlation_id": "c-1"})]);
    let path = "/api/audit/timeline?resource_type=file&resource_id=f-1";
    let timeline = tenants.ok(&tenants.shop, path);
    let row = |entry: &Value| {
        let id = entry["event"]["id"].as_str().unwrap();
        let number: u32 = id[24..].parse().unwrap();
        (
            number,
            entry["via"].clone(),
            entry["gap_before_seconds"].clone(),
            entry["unfinished"].clone(),
        )
    };
    let rows: Vec<_> = timeline["entries"].as_array().unwrap().iter().map(row).collect();
    let (resource, correlation) = (json!("resource"), json!("correlation"));
    let (none, no, yes) = (Value::Null, json!(false), json!(true));
    assert_eq!(
        rows,
        [
            (1, resource.clone(), none.clone(), no.clone()),
            (2, resource, none.clone(), no.clone()),
            (3, correlation.clone(), json!(7200), yes),
            (4, correlation, none, no),
        ]
    );
    assert_eq!(timeline["entries"][1]["outcome_ref"], id(4));
    assert_eq!(timeline["entries"][3]["outcome_ref"], id(2));
    assert_eq!(timeline["entries"][0]["at"], "2026-01-31T10:00:00.000000Z");
    assert_eq!(timeline["services"], json!(["backup", "billing", "store"]));
    assert_eq!((&timeline["unfinished"], &timeline["incomplete"]), (&json!(1), &Value::Null));
    // Page by page it is the same, gaps between two pages included.
    let (mut all, mut at) = (Vec::new(), format!("{path}&page_size=1"));
    loop {
        let page = tenants.ok(&tenants.shop, &at);
        all.extend(page["entries"].as_array().unwrap().iter().map(row));
        let Some(next) = page["next_cursor"].as_str() else { break };
        at = format!("{path}&page_size=1&cursor={next}");
    }
    assert_eq!(all, rows);
    let by_id = tenants
        .ok(&tenants.shop, "/api/audit/timeline?correlation_id=c-1&from=2026-01-31T12:00:00Z");
    let rows: Vec<_> =
        by_id["entries"].as_array().unwrap().iter().map(|entry| row(entry).0).collect();
    assert_eq!(rows, [3, 4]);
    for bad in [
        "",
        "resource_type=file",
        "user_id=",
        "user_id=u&resource_id=f",
        "user_id=u&correlation_id=c",
        "resource_id=f&correlation_id=c",
        "resource_id=f&cursor=x",
        "resource_id=f&from=2026-02-01&to=2026-01-31",
        "resource_id=f&page_size=0",
    ] {
        tenants
            .get(&tenants.shop, &format!("/api/audit/timeline?{bad}"))
            .problem(400, "bad-parameter");
    }
}

#[test]
fn a_timeline_of_an_actor_follows_what_its_deeds_set_off() {
    let tenants = Tenants::new();
    let event = |n: u32, actor: Value, correlation: &str| {
        json!({"trail": "shop", "id": id(n), "action": "x.do", "actor": actor,
            "occurred_at": format!("2026-01-31T10:00:{n:02}Z"),
            "context": {"service": "store", "correlation_id": correlation}})
    };
    tenants.append(&[
        event(1, json!({"type": "user", "id": "nils"}), "c-1"),
        event(2, json!({"type": "service", "id": "copier"}), "c-1"),
        event(
            3,
            json!({"type": "agent", "id": "bot", "on_behalf_of": {"type": "user", "id": "nils"}}),
            "c-2",
        ),
        event(4, json!({"type": "service", "id": "copier"}), "c-3"),
    ]);
    tenants.append(&[json!({"trail": "bank", "action": "x.do", "user_id": "nils"})]);
    let timeline = tenants.ok(&tenants.shop, "/api/audit/timeline?user_id=nils");
    let rows: Vec<_> = timeline["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| (entry["event"]["id"].clone(), entry["via"].clone()))
        .collect();
    let row = |n, via: &str| (json!(id(n)), json!(via));
    assert_eq!(rows, [row(1, "actor"), row(2, "correlation"), row(3, "actor")]);
    assert_eq!(timeline["correlations"], json!(["c-1", "c-2"]));
}

#[test]
fn whoever_kept_a_checkpoint_sees_that_the_trail_only_grew() {
    let node = Node::new();
    let append = || {
        let path = format!("{LOGS}?wait=published");
        node.post(&node.admin, &path, br#"{"action":"x.do"}"#).json();
    };
    append();
    append();
    let path = "/api/trails/default/consistency";
    let text = |more: &str| {
        let answer = node.get(&node.admin, &format!("{path}{more}"));
        assert_eq!(answer.status, 200, "{more}");
        String::from_utf8(answer.body).unwrap()
    };
    let trails = node.get(&node.admin, "/api/trails").json();
    let of = |trail: &&Value| trail["name"] == "default";
    let vkey = trails["trails"].as_array().unwrap().iter().find(of).unwrap()["vkey"].clone();
    let vkey = vkey.as_str().unwrap().parse().unwrap();
    for (more, old, new) in [("?from=1", 1, 2), ("?from=0", 0, 2), ("?from=1&to=1", 1, 1)] {
        let proven =
            indelible_store::verify_consistency_proof(text(more).as_bytes(), &vkey).unwrap();
        assert_eq!((proven.old_size.0, proven.checkpoint.size.0), (old, new), "{more}");
    }
    for bad in ["", "?from=x", "?from=-1", "?from=", "?from=1&to=18446744073709551616"] {
        node.get(&node.admin, &format!("{path}{bad}")).problem(400, "bad-parameter");
    }
    for beyond in ["?from=3", "?from=1&to=3", "?from=2&to=1"] {
        node.get(&node.admin, &format!("{path}{beyond}")).problem(404, "not-found");
    }
    node.get(&node.admin, "/api/trails/nowhere/consistency?from=0").problem(404, "not-found");
    node.get(&node.admin, &format!("{path}?from=0&x=1")).problem(400, "unknown-parameter");
}

#[test]
fn a_user_has_days_and_firsts() {
    let tenants = Tenants::new();
    let user = tenants.ok(&tenants.shop, "/api/audit/users/user-1?days=2");
    assert_eq!((&user["user_id"], &user["days"]), (&json!("user-1"), &json!(2)));
    assert_eq!(user["total"], json!({"value": 15, "relation": "exact"}));
    assert_eq!(
        user["actions"],
        json!([{"value": "sale.make", "count": 10}, {"value": "sale.cancel", "count": 5}])
    );
    assert_eq!(user["addresses"], json!([{"value": "192.0.2.7", "count": 15}]));
    assert_eq!(user["by_day"].as_array().unwrap().len(), 2);
    assert_eq!((&user["by_day"][0]["count"], &user["by_day"][1]["count"]), (&json!(0), &json!(15)));
    assert_eq!(user["recent"].as_array().unwrap().len(), 15);
    assert_eq!(user["recent"][0]["seq"], 58);
    assert!(user["first_seen"].as_str().unwrap() < user["last_seen"].as_str().unwrap());
    // What is older than the days is not counted, but seen.
    tenants.node.clock.advance(10 * 86_400_000_000);
    let later = tenants.ok(&tenants.shop, "/api/audit/users/user-1?days=2");
    assert_eq!((&later["total"]["value"], &later["last_seen"]), (&json!(0), &user["last_seen"]));
    for bad in ["0", "367", "x"] {
        tenants
            .get(&tenants.shop, &format!("/api/audit/users/x?days={bad}"))
            .problem(400, "bad-parameter");
    }
}

#[test]
fn flat_rows_have_the_names_of_the_short_form() {
    let tenants = Tenants::new();
    let short = json!({
        "tenant_id": "shop", "id": id(1), "timestamp": "2026-01-31T10:00:00.000000Z", "user_id": "otto",
        "user_email": "otto@example.com", "event_type": "data_modify", "action": "item.change",
        "resource_type": "item", "resource_id": "i-1", "status": "failure", "ip_address": "192.0.2.9",
        "user_agent": "probe", "request_id": "r-1", "correlation_id": "c-1", "session_id": "s-1",
        "old_value": {"a": 1}, "new_value": null, "metadata": {"b": 2}, "error_message": "no",
    });
    tenants.append(std::slice::from_ref(&short));
    let rows = tenants.ok(&tenants.shop, "/api/v1/audit-logs?user_id=otto&resource_type=item&start_date=2026-01-31&end_date=2026-01-31");
    assert_eq!(rows, json!([short]));
    let user = tenants.ok(&tenants.shop, "/api/v1/audit-logs/user/user-1?days=90");
    assert_eq!(user["logs"].as_array().unwrap().len(), 15);
    assert_eq!(user["logs"][0]["resource_id"], "s-57");
    assert_eq!(user["logs"][0].as_object().unwrap().len(), 19, "absent members are null");
    let limited = tenants.ok(&tenants.shop, "/api/v1/audit-logs?limit=3&action=sale.make");
    assert_eq!(limited.as_array().unwrap().len(), 3);
    for bad in ["limit=0", "limit=1001", "start_date=x"] {
        tenants
            .get(&tenants.shop, &format!("/api/v1/audit-logs?{bad}"))
            .problem(400, "bad-parameter");
    }
    tenants.get(&tenants.shop, "/api/v1/audit-logs?page=1").problem(400, "unknown-parameter");
    tenants.get(&tenants.shop, "/api/v1/audit-logs/user/x?days=91").problem(400, "bad-parameter");
}

#[test]
fn a_directory_that_is_only_read_answers_the_same() {
    let tenants = Tenants::new();
    let reader = indelible_store::Reader::open(tenants.node.seams().storage).unwrap();
    let records = reader.trails().iter().map(|trail| trail.size.0).sum::<u64>();
    let local = indelible_server::Local::new(std::sync::Arc::new(reader)).unwrap();
    let ok = |path: &str| {
        let answer = local.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", String::from_utf8_lossy(&answer.body));
        answer
    };
    let json = |path: &str| serde_json::from_slice::<Value>(&ok(path).body).unwrap();
    let page = json(&format!("{LOGS}?tenant_id=shop&page_size=1000"));
    assert_eq!(page["events"].as_array().unwrap().len(), 61);
    assert_eq!(json(&format!("{LOGS}/{SECRET}"))["event"]["action"], "vault.empty");
    assert_eq!(json("/api/audit/stats")["total"]["value"], records);
    assert_eq!(json("/api/audit/suggest?field=actor&prefix=vic")["values"][0]["value"], "victor");
    assert_eq!(json("/api/audit/timeline?resource_id=v-1")["correlations"], json!(["heist"]));
    assert_eq!(json("/api/audit/users/victor")["user_id"], "victor");
    assert_eq!(json("/api/v1/audit-logs?user_id=victor").as_array().unwrap().len(), 2);
    // What does not grow is told to its end.
    let stream = ok("/api/audit/stream?last_event_id=0000000000000000&tenant_id=shop");
    let text = String::from_utf8(stream.body).unwrap();
    assert_eq!(text.matches("\ndata: ").count(), 61);
    assert_eq!(local.get("/api/audit/stats?tenant_id=none").status, 404);
}

#[test]
fn the_document_has_every_path_with_an_example() {
    let node = Node::new();
    let api = node.ask("GET", "/api/openapi.json", &[], b"").json();
    for path in [
        LOGS,
        "/api/audit/logs/{id}",
        "/api/audit/stats",
        "/api/audit/suggest",
        "/api/audit/timeline",
        "/api/audit/users/{id}",
        "/api/audit/stream",
        "/api/v1/audit-logs",
        "/api/v1/audit-logs/user/{user_id}",
    ] {
        let get = &api["paths"][path]["get"];
        let content = get["responses"]["200"]["content"].as_object().unwrap();
        assert!(content.values().all(|of| !of["example"].is_null()), "{path}: {get}");
    }
    let names = api["paths"][LOGS]["get"]["parameters"].as_array().unwrap();
    assert_eq!(names.len(), 20, "{names:?}");
}
