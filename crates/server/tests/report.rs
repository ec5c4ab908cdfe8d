//! What never ended, and what never arrived.

use serde_json::{Value, json};

use crate::search::{LOGS, Tenants};

const UNFINISHED: &str = "/api/audit/reports/unfinished";
const GAPS: &str = "/api/audit/reports/gaps";
const MINUTE: i64 = 60_000_000;
const DAY: i64 = 1_440 * MINUTE;

fn id(n: u64) -> String {
    format!("0190b1a0-0000-7000-8000-{n:012}")
}

/// An event of a phase, and what it belongs to.
fn phase(trail: &str, n: u64, phase: &str, of: Option<u64>) -> Value {
    let mut event = json!({"trail": trail, "id": id(n), "action": "x.do", "phase": phase});
    if let Some(of) = of {
        event["ref"] = id(of).into();
        event["outcome"] = "success".into();
    }
    event
}

fn ids(rows: &Value) -> Vec<u64> {
    let id = |row: &Value| row["event"]["id"].as_str().unwrap()[24..].parse().unwrap();
    rows.as_array().unwrap().iter().map(id).collect()
}

#[test]
fn what_has_no_outcome_in_its_trail_never_ended() {
    let tenants = Tenants::new();
    let admin = tenants.node.admin.clone();
    let mut begun = phase("shop", 1, "intent", None);
    begun["context"] = json!({"correlation_id": "C-1", "service": "till"});
    tenants.append(&[begun, phase("shop", 2, "intent", None), phase("shop", 3, "intent", None)]);
    tenants.append(&[phase("bank", 1, "intent", None), phase("bank", 3, "outcome", Some(2))]);
    tenants.seal();
    // The outcome of an intent that is sealed, one that came before its intent, and one of another phase.
    let mut early = phase("shop", 15, "outcome", Some(5));
    early["outcome"] = "unknown".into();
    tenants.append(&[phase("shop", 13, "outcome", Some(3)), early]);
    tenants.append(&[phase("shop", 5, "intent", None), phase("shop", 11, "correction", Some(1))]);
    tenants.append(&[
        json!({"trail": "bank", "id": id(20), "action": "x.stop", "correlation_id": "c-1"}),
    ]);
    tenants.node.clock.advance(10 * MINUTE);
    tenants.append(&[phase("shop", 6, "intent", None)]);

    let all = tenants.ok(&admin, UNFINISHED);
    // Its outcome lies in another trail, which means nothing.
    assert_eq!(ids(&all["unfinished"]), [1, 2, 1]);
    assert_eq!(ids(&all["abandoned"]), [15]);
    assert_eq!(all["abandoned"][0]["intent"], id(5));
    let first = &all["unfinished"][0];
    assert_eq!((&first["event"]["trail"], &first["age_seconds"]), (&json!("shop"), &json!(605)));
    let followed = &first["followed_by"];
    assert_eq!((&followed["id"], &followed["action"]), (&json!(id(20)), &json!("x.stop")));
    assert_eq!(
        (&followed["trail"], &all["unfinished"][1]["followed_by"]),
        (&json!("bank"), &Value::Null)
    );
    assert_eq!((&all["next_cursor"], &all["incomplete"]), (&Value::Null, &Value::Null));

    // Who may read one trail is told of that alone, also as a hint.
    let own = tenants.ok(&tenants.shop, UNFINISHED);
    assert_eq!(ids(&own["unfinished"]), [1, 2]);
    assert_eq!(own["unfinished"][0]["followed_by"], Value::Null);
    assert_eq!(ids(&tenants.ok(&tenants.bank, UNFINISHED)["unfinished"]), [1]);
    assert_eq!(
        ids(&tenants.ok(&admin, &format!("{UNFINISHED}?tenant_id=bank"))["unfinished"]),
        [1]
    );
    tenants.get(&tenants.shop, &format!("{UNFINISHED}?tenant_id=bank")).problem(404, "not-found");

    // Ages are of when it was recorded, and both ends of the time count.
    let of = |parameters: &str| {
        let answer = tenants.ok(&admin, &format!("{UNFINISHED}?{parameters}"));
        (ids(&answer["unfinished"]), ids(&answer["abandoned"]))
    };
    assert_eq!(of("older_than=0s"), (vec![1, 2, 1, 6], vec![15]));
    assert_eq!(of("older_than=604s"), (vec![1, 2, 1], vec![15]));
    assert_eq!(of("older_than=605s").0, [1, 2]);
    assert_eq!(of("older_than=606s").0, [0; 0]);
    assert_eq!(of("since=605s"), (vec![1, 2, 1], vec![15]));
    assert_eq!(of("since=604s").0, [1]);
    assert_eq!(of("since=602s&older_than=0s"), (vec![6], vec![]));
}

#[test]
fn pages_of_what_never_ended_are_the_whole_of_it() {
    let tenants = Tenants::new();
    for n in (1_000..1_600).step_by(100) {
        let both = (n..n + 100).flat_map(|n| {
            let ended = (n % 40 != 0).then(|| phase("shop", n + 10_000, "outcome", Some(n)));
            [Some(phase("shop", n, "intent", None)), ended]
        });
        tenants.append(&both.flatten().collect::<Vec<_>>());
        if n == 1_200 {
            tenants.seal();
        }
    }
    let wanted: Vec<u64> = (1_000..1_600).step_by(40).collect();
    for size in [1, 7, 1_000] {
        let path = format!("{UNFINISHED}?older_than=0s&page_size={size}");
        let (mut found, mut at) = (Vec::new(), path.clone());
        loop {
            let page = tenants.ok(&tenants.shop, &at);
            assert!(page["unfinished"].as_array().unwrap().len() <= size);
            found.extend(ids(&page["unfinished"]));
            let Some(next) = page["next_cursor"].as_str() else { break };
            at = format!("{path}&cursor={next}");
        }
        assert_eq!(found, wanted, "{size}");
    }
}

#[test]
fn what_is_asked_of_reports_is_checked_and_recorded() {
    let tenants = Tenants::new();
    for (path, bad, name) in [
        (UNFINISHED, "older_than=soon", "older_than"),
        (UNFINISHED, "since=-1d", "since"),
        (UNFINISHED, "page_size=0", "page_size"),
        (UNFINISHED, "cursor=+fffffffffffffff", "cursor"),
        (UNFINISHED, "cursor=ff", "cursor"),
        (GAPS, "since=yesterdayish", "since"),
    ] {
        let problem = tenants.get(&tenants.shop, &format!("{path}?{bad}"));
        assert_eq!(problem.problem(400, "bad-parameter")["parameter"], name, "{bad}");
    }
    tenants.get(&tenants.shop, &format!("{GAPS}?page_size=1")).problem(400, "unknown-parameter");
    tenants.ok(&tenants.shop, &format!("{UNFINISHED}?tenant_id=shop&since=2026-01-31"));
    tenants.ok(&tenants.shop, &format!("{GAPS}?since=30d"));
    let reads = tenants
        .ok(&tenants.node.admin, &format!("{LOGS}?tenant_id=_system&q=details.query:report*"));
    let query = |event: &Value| event["details"]["query"].as_str().unwrap().to_owned();
    let queries: Vec<String> = reads["events"].as_array().unwrap().iter().map(query).collect();
    assert_eq!(queries.len(), 2, "{queries:?}");
    assert!(queries[0].starts_with("report gaps created:>="), "{queries:?}");
    let wanted =
        "report unfinished trail:\"shop\" created:>=2026-01-31T00:00:00.000000Z older_than:300s";
    assert_eq!(queries[1], wanted);
    assert_eq!(reads["events"][0]["details"]["trails"], json!(["shop"]));
}

const ONE: &str = "000102030405060708090a0b0c0d0e0f";
const OTHER: &str = "ffffffffffffffffffffffffffffffff";

fn numbered(trail: &str, source: &str, seq: u64) -> Value {
    json!({"trail": trail, "action": "n.n", "source": {"id": source, "seq": seq},
        "context": {"service": "billing"}})
}

fn all(trail: &str, source: &str, seqs: impl IntoIterator<Item = u64>) -> Vec<Value> {
    seqs.into_iter().map(|seq| numbered(trail, source, seq)).collect()
}

fn loss(trail: &str, source: &str, seq: u64, losses: &Value) -> Value {
    json!({"trail": trail, "action": "audit.loss", "category": "system", "outcome": "failure",
        "actor": {"type": "system", "id": "indelible-recorder"},
        "details": {"losses": losses, "from": "2026-01-31T10:00:00Z", "to": "2026-01-31T10:01:00Z"},
        "source": {"id": source, "seq": seq}, "context": {"service": "billing"}})
}

fn lost(event_type: &str, cause: &str, count: u64) -> Value {
    json!({"event_type": event_type, "cause": cause, "count": count})
}

/// received, doubles, missing, explained, unexplained, in flight
fn counts(of: &Value) -> [Option<u64>; 6] {
    ["received", "doubles", "missing", "explained", "unexplained", "in_flight"]
        .map(|name| of[name].as_u64())
}

fn some(counts: [u64; 6]) -> [Option<u64>; 6] {
    counts.map(Some)
}

#[test]
fn what_no_trail_has_is_missing_and_what_was_said_lost_explains_it() {
    let tenants = Tenants::new();
    let admin = tenants.node.admin.clone();
    tenants.append(&all("shop", ONE, [0, 1, 2, 7, 4]));
    // The same process in another trail, and a number that is there twice.
    tenants.append(&all("bank", ONE, [3, 12, 1]));
    tenants.seal();
    tenants.append(&all("shop", OTHER, [1, 0]));
    let said = json!([
        lost("wal_operation", "sampled", 123),
        lost("", "dropped", 2),
        lost("", "cut", 9),
        lost("login", "refused", 1),
        lost("login", "unsent", 1)
    ]);
    let told = loss("shop", ONE, 13, &said);
    tenants.append(&[told.clone(), told]);
    tenants.append(&[loss("bank", OTHER, 2, &json!([lost("", "dropped", 5)]))]);
    tenants
        .append(&[json!({"trail": "bank", "action": "audit.loss", "details": {"losses": "many"}})]);
    tenants.node.clock.advance(2 * MINUTE);

    let answer = tenants.ok(&admin, GAPS);
    let sources = answer["sources"].as_array().unwrap();
    assert_eq!(sources.len(), 2);
    let first = &sources[0];
    assert_eq!(
        (&first["id"], &first["service"], &first["highest"]),
        (&json!(ONE), &json!("billing"), &json!(13))
    );
    // Missing are 5, 6, 8 to 11; four were said lost with a number. The loss event itself came twice.
    assert_eq!(counts(first), some([8, 2, 6, 4, 2, 0]));
    assert_eq!(first["ranges"], json!([{"from": 5, "to": 6}, {"from": 8, "to": 11}]));
    assert!(first["first_seen"].as_str() < first["last_seen"].as_str());
    // More was said lost than is missing.
    assert_eq!(counts(&sources[1]), some([3, 0, 0, 0, 0, 0]));
    assert_eq!(counts(&answer["total"]), some([11, 2, 6, 4, 2, 0]));
    let losses = json!([
        lost("wal_operation", "sampled", 123),
        lost("", "cut", 9),
        lost("", "dropped", 7),
        lost("login", "refused", 1),
        lost("login", "unsent", 1)
    ]);
    assert_eq!(answer["losses"], losses);
    assert_eq!((&answer["unread_losses"], &answer["all_trails"]), (&json!(1), &json!(true)));
    assert_eq!((&answer["incomplete"], &answer["more_sources"]), (&Value::Null, &json!(0)));

    // A trail that is named chooses sources, and the numbers are looked for in all trails.
    let named = tenants.ok(&admin, &format!("{GAPS}?tenant_id=bank"));
    assert_eq!(named["sources"], answer["sources"]);
    // Who may not read the other trail is told that it may be there.
    let own = tenants.ok(&tenants.shop, GAPS);
    assert_eq!(own["all_trails"], false);
    assert_eq!(counts(&own["sources"][0]), some([6, 1, 8, 4, 4, 0]));
    assert_eq!(counts(&own["sources"][1]), some([2, 0, 0, 0, 0, 0]));
    let own = tenants.ok(&tenants.bank, GAPS);
    assert_eq!(counts(&own["sources"][0])[..3], some([3, 0, 10, 0, 0, 0])[..3]);
    assert_eq!(own["losses"], json!([lost("", "dropped", 5)]));
}

#[test]
fn the_edge_of_the_time_and_what_is_on_its_way_are_no_gaps() {
    let tenants = Tenants::new();
    let path = format!("{GAPS}?since=1d");
    let first = |path: &str| tenants.ok(&tenants.node.admin, path)["sources"][0].clone();
    // 8 overtook what was before it; 4 was really lost.
    tenants.append(&all("shop", ONE, [0, 1, 2, 3, 5, 8]));
    tenants.seal();
    tenants.node.clock.advance(DAY);
    tenants.append(&all("shop", ONE, [6, 7, 9, 11]));
    tenants.node.clock.advance(2 * MINUTE);
    let since = first(&path);
    assert_eq!(counts(&since), some([4, 0, 1, 0, 1, 0]));
    assert_eq!(since["ranges"], json!([{"from": 10, "to": 10}]));
    let whole = first(GAPS);
    assert_eq!(whole["ranges"], json!([{"from": 4, "to": 4}, {"from": 10, "to": 10}]));
    // 2 minutes later nothing in front of it is on its way any more.
    tenants.append(&all("shop", ONE, [15]));
    assert_eq!(counts(&first(&path)), some([5, 0, 1, 0, 1, 3]));
    tenants.append(&all("shop", ONE, [13]));
    assert_eq!(counts(&first(&path)), some([6, 0, 1, 0, 1, 2]));
    tenants.node.clock.advance(2 * MINUTE);
    assert_eq!(counts(&first(&path)), some([6, 0, 3, 0, 3, 0]));
    // A spool that comes late, long after what followed it.
    tenants.append(&all("shop", ONE, [4, 10, 12, 14]));
    assert_eq!(counts(&first(&path)), some([10, 0, 0, 0, 0, 0]));
    // Nothing of that time is nothing lost.
    tenants.node.clock.advance(2 * DAY);
    assert_eq!(tenants.ok(&tenants.node.admin, &path)["sources"], json!([]));
}

#[test]
fn many_sources_and_many_gaps_are_listed_as_far_as_one_may_read() {
    let tenants = Tenants::new();
    tenants.append(&all("shop", ONE, (0..500).map(|n| n * 2)));
    let id = |n: u64| format!("{n:032x}");
    let many: Vec<Value> = (1..1_100).map(|n| numbered("shop", &id(n), n % 2)).collect();
    tenants.append(&many);
    tenants.node.clock.advance(2 * MINUTE);
    let answer = tenants.ok(&tenants.shop, GAPS);
    assert_eq!(
        (answer["sources"].as_array().unwrap().len(), &answer["more_sources"]),
        (1_000, &json!(100))
    );
    let first = &answer["sources"][0];
    assert_eq!(
        (first["ranges"].as_array().unwrap().len(), &first["more_ranges"]),
        (100, &json!(399))
    );
    assert_eq!(counts(first), some([500, 0, 499, 0, 499, 0]));
    assert_eq!(answer["total"]["sources"], 1_100);
    assert_eq!(answer["total"]["missing"], 499 + 550);
}
