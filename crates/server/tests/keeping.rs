//! Retention, holds, erasure and backups over HTTP, and what the node does by itself.
#![expect(clippy::disallowed_methods, reason = "damage is done behind the back of the node")]

use serde_json::{Value, json};

use crate::jwt;
use crate::node::{Answer, Node, bearer};

const HOUR: i64 = 3_600_000_000;

fn put(node: &Node, key: &str, path: &str, body: &Value) -> Answer {
    let headers = [&*bearer(key), "Content-Type: application/json"];
    node.ask("PUT", path, &headers, body.to_string().as_bytes())
}

fn post(node: &Node, key: &str, path: &str, body: &Value) -> Answer {
    node.post(key, path, body.to_string().as_bytes())
}

fn delete(node: &Node, key: &str, path: &str) -> Answer {
    node.ask("DELETE", path, &[&bearer(key)], b"")
}

fn append(node: &Node, user: &str) -> String {
    let event = json!({
        "action": "item.change", "trail": "shop", "user_id": user, "ip_address": "192.0.2.7",
        "new_value": {"text": format!("of {user}")},
    });
    let answer = node.append(&node.admin, &event.to_string());
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["results"][0]["id"].as_str().unwrap().to_owned()
}

fn seal(node: &Node) {
    let store = node.store.as_ref().unwrap();
    store.log().seal().unwrap();
    store.reader().search().unwrap().wait_frozen().unwrap();
}

/// Time passes, and the node looks at the clock as it does.
fn pass(node: &Node, hours: i64) {
    for at in (0..hours).step_by(20) {
        node.clock.advance((hours - at).min(20) * HOUR);
        node.running().keep();
    }
}

fn metric(node: &Node, line: &str) -> bool {
    node.running().state().metrics().text().lines().any(|l| l == line)
}

fn event(node: &Node, id: &str) -> Value {
    node.get(&node.admin, &format!("/api/audit/logs/{id}")).json()
}

fn found(node: &Node, q: &str) -> usize {
    let page = node.get(&node.admin, &format!("/api/audit/logs?q={q}")).json();
    page["events"].as_array().unwrap().len()
}

#[test]
fn what_is_due_goes_by_itself_and_what_is_held_stays() {
    let node = Node::new();
    let set = put(&node, &node.admin, "/api/retention", &json!({"rules": "everything else 2d"}));
    assert_eq!((set.status, &set.json()["number"]), (200, &json!(2)));
    let told = node.system("retention.set");
    assert_eq!(set.headers["indelible-event"], told[0]["id"].as_str().unwrap());
    let (gone, held) = (append(&node, "u-1"), append(&node, "u-2"));
    let hold = json!({"name": "case 117", "query": "actor:u-2", "reason": "law", "owner": "legal"});
    let hold = post(&node, &node.admin, "/api/holds", &hold);
    assert_eq!(hold.status, 201, "{}", String::from_utf8_lossy(&hold.body));
    seal(&node);
    let preview = post(&node, &node.admin, "/api/retention/preview", &json!({})).json();
    assert_eq!(preview["records"], 0);
    pass(&node, 80);
    node.store.as_ref().unwrap().reader().search().unwrap().wait_frozen().unwrap();
    assert_eq!((found(&node, "actor:u-1"), found(&node, "actor:u-2")), (0, 1));
    let answer = event(&node, &gone);
    assert_eq!(answer["expired"]["policy"], 2, "{answer}");
    assert_eq!(answer["event"]["expired"]["class"], answer["expired"]["class"]);
    assert_eq!(answer["event"]["actor"], json!(null));
    let by = node.system("segment.expire").remove(0);
    assert_eq!(answer["expired"]["event"], by["id"]);
    let answer = event(&node, &held);
    assert_eq!((&answer["expired"], &answer["gone"]), (&json!(null), &json!([])));
    assert!(metric(&node, "indelible_records_gone_total{how=\"expired\"} 1"));
    let status = node.get(&node.admin, "/api/status").json();
    let retention = &status["keeping"]["duties"][2];
    assert_eq!((&retention["what"], &retention["failure"]), (&json!("retention"), &json!(null)));
    let jobs = node.get(&node.admin, "/api/jobs").json();
    let run = jobs["jobs"].as_array().unwrap().iter().find(|job| job["result"]["expired"] == 1);
    assert_eq!(run.unwrap()["by"], "indelible", "{jobs}");
    // Released, it goes the next night.
    let id = hold.json()["id"].as_str().unwrap().to_owned();
    let released = delete(&node, &node.admin, &format!("/api/holds/{id}"));
    assert_eq!(released.status, 204);
    assert_eq!(
        released.headers["indelible-event"],
        node.system("hold.release")[0]["id"].as_str().unwrap()
    );
    delete(&node, &node.admin, &format!("/api/holds/{id}")).problem(409, "refused");
    pass(&node, 30);
    // Nothing of the trail is left but leaves and the stubs of its last bundle.
    assert_eq!(event(&node, &held)["expired"]["policy"], 2);
}

#[test]
fn a_clock_that_jumped_stops_expiry_until_somebody_confirms_it() {
    let node = Node::new();
    put(&node, &node.admin, "/api/retention", &json!({"rules": "everything else 1d"}));
    append(&node, "u-1");
    seal(&node);
    node.running().keep();
    node.clock.advance(100 * HOUR);
    node.running().keep();
    let run = "/api/retention/run?wait=true";
    post(&node, &node.admin, run, &json!({})).problem(409, "refused");
    assert_eq!(node.system("retention.stopped").len(), 1);
    let status = node.get(&node.admin, "/api/status").json();
    assert!(status["keeping"]["duties"][0]["failure"].is_string(), "{status}");
    let ready = node.ask("GET", "/readyz", &[], b"");
    let text = String::from_utf8(ready.body).unwrap();
    assert!(ready.status == 200 && text.contains("keeping fails: clock"), "{text}");
    let confirmed = post(&node, &node.admin, "/api/retention/clock", &json!({}));
    assert_eq!((confirmed.status, &confirmed.json()["stopped"]), (200, &json!(null)));
    assert!(confirmed.headers.contains_key("indelible-event"));
    let done = post(&node, &node.admin, run, &json!({}));
    assert_eq!((done.status, &done.json()["result"]["expired"]), (200, &json!(1)));
}

#[test]
fn what_shortens_a_promise_takes_two_people() {
    let node = Node::new();
    let other = node.key("admin", None);
    node.clock.advance(1_000_000);
    let shorter = json!({"rules": "everything else 1d", "existing": true});
    let asked = put(&node, &node.admin, "/api/retention", &shorter);
    assert_eq!(asked.status, 202);
    let event = asked.headers["indelible-event"].clone();
    assert_eq!(event, node.system("request.create")[0]["id"].as_str().unwrap());
    let path = format!("/api/requests/{}", asked.json()["request"].as_str().unwrap());
    let confirm = format!("{path}/confirm");
    let nothing = json!({});
    post(&node, &node.admin, &confirm, &nothing).problem(409, "refused");
    node.clock.advance(1_000_000);
    let younger = node.key("admin", None);
    post(&node, &younger, &confirm, &nothing).problem(409, "refused");
    let needless = json!({"subject": "u-1"});
    post(&node, &other, &confirm, &needless).problem(400, "bad-request");
    assert_eq!(node.get(&node.admin, "/api/retention").json()["current"]["number"], 1);
    let set = post(&node, &other, &confirm, &nothing);
    assert_eq!((set.status, &set.json()["number"]), (200, &json!(2)));
    let told = &node.system("retention.set")[0]["details"];
    assert!(told["requested_by"] != told["confirmed_by"] && told["confirmed_by"].is_string());
    delete(&node, &other, &path).problem(409, "refused");
    let requests = node.get(&node.admin, "/api/requests").json();
    assert_eq!(requests["requests"][0]["state"], "confirmed");
    // An admin by a token that is bound to a trail is none of the whole log.
    let (node, _keys) = jwt::node_with_key();
    let token = jwt::token(&node, json!({"role": "admin", "trails": ["shop"]}));
    put(&node, &token, "/api/retention", &shorter).problem(403, "forbidden");
    node.get(&token, "/api/retention").problem(403, "forbidden");
}

#[test]
fn two_sessions_of_one_time_links_are_one_person() {
    let node = Node::new();
    let link = |node: &Node| {
        let link = node.running().admin_link();
        let answer = node.ask("GET", &link[link.find("/login").unwrap()..], &[], b"");
        crate::session::cookie_of(&answer)
    };
    let own = ["Origin: http://node", "Content-Type: application/json"];
    let purge = json!({"class": "standard", "until": "2020-01-31", "reason": "test data"});
    let (first, second) = (link(&node), link(&node));
    node.clock.advance(1_000_000);
    let body = purge.to_string();
    let asked = node.ask("POST", "/api/purges", &[&first, own[0], own[1]], body.as_bytes());
    let path = format!("{}?wait=true", asked.json()["confirm"].as_str().unwrap());
    let answer = node.ask("POST", &path, &[&second, own[0], own[1]], b"{}");
    answer.problem(409, "refused");
    let done = post(&node, &node.admin, &path, &json!({}));
    assert_eq!((done.status, &done.json()["state"]), (200, &json!("done")));
}

#[test]
fn an_erasure_is_confirmed_by_saying_again_whom_it_is_about() {
    let node = Node::new();
    let other = node.key("admin", None);
    node.clock.advance(1_000_000);
    let id = append(&node, "u-secret");
    let wanted = json!({"subject": "u-secret", "trail": "shop", "parts": ["who"], "authority": "ticket 4711"});
    let preview = post(&node, &node.admin, "/api/erasures/preview?wait=true", &wanted);
    assert_eq!(preview.json()["result"]["records"], 1, "{}", preview.json());
    let asked = post(&node, &node.admin, "/api/erasures", &wanted);
    assert_eq!(asked.status, 202, "{}", String::from_utf8_lossy(&asked.body));
    let path = format!("{}?wait=true", asked.json()["confirm"].as_str().unwrap());
    post(&node, &other, &path, &json!({"subject": "u-else"})).problem(409, "refused");
    let done = post(&node, &other, &path, &json!({"subject": "u-secret"}));
    assert_eq!(done.status, 200, "{}", String::from_utf8_lossy(&done.body));
    let answer = event(&node, &id);
    assert_eq!(answer["event"]["erased"], json!(["who"]), "{answer}");
    assert_eq!((&answer["event"]["actor"], &answer["expired"]), (&json!(null), &json!(null)));
    let list = node.get(&node.admin, "/api/erasures").json();
    let erasure = list["erasures"][0]["erasure"].as_str().unwrap().to_owned();
    let path = format!("/api/erasures/{erasure}");
    assert_eq!(node.get(&node.admin, &path).json()["trails"][0]["records"], 1);
    let text = node.get(&node.admin, &format!("{path}?format=text"));
    assert!(String::from_utf8(text.body).unwrap().contains("ticket 4711"));
    assert!(metric(&node, "indelible_records_gone_total{how=\"erased\"} 1"));
}

#[test]
fn a_backup_is_made_verified_restored_and_taken_away() {
    let node = Node::new();
    append(&node, "u-1");
    seal(&node);
    let target = tempfile::tempdir().unwrap();
    let to = target.path().display().to_string();
    post(&node, &node.admin, "/api/backups", &json!({})).problem(400, "bad-request");
    let made = post(&node, &node.admin, "/api/backups?wait=true", &json!({"to": to}));
    assert_eq!(made.status, 200, "{}", String::from_utf8_lossy(&made.body));
    let id = made.json()["result"]["backup_id"].as_str().unwrap().to_owned();
    let path = format!("/api/backups/{id}");
    let shown = node.get(&node.admin, &path).json();
    assert_eq!((&shown["state"], &shown["unreadable"]), (&json!("complete"), &json!(null)));
    assert!(!shown["description"]["files"].as_array().unwrap().is_empty());
    let verify = format!("{path}/verify?wait=true");
    assert_eq!(post(&node, &node.admin, &verify, &json!({})).status, 200);
    let into = tempfile::tempdir().unwrap();
    let into = into.path().join("new").display().to_string();
    let restore = json!({"backup": id, "into": into});
    let restored = post(&node, &node.admin, "/api/restores?wait=true", &restore);
    assert_eq!(restored.status, 200, "{}", String::from_utf8_lossy(&restored.body));
    // What was done is known as a job, by what it did.
    let jobs = node.get(&node.admin, "/api/jobs").json();
    assert_eq!(jobs["jobs"][0]["what"], "restore.create");
    let job = format!("/api/jobs/{}", made.json()["job"].as_str().unwrap());
    assert_eq!(node.get(&node.admin, &job).json()["state"], "done");
    // Damage is told by the file's name.
    let files = shown["description"]["files"].as_array().unwrap();
    let parquet = |file: &&Value| file["path"].as_str().unwrap().ends_with(".parquet");
    let file = files.iter().find(parquet).unwrap()["at"].as_str().unwrap();
    let at = target.path().join(file);
    let mut bytes = std::fs::read(&at).unwrap();
    bytes[40] ^= 1;
    std::fs::write(&at, bytes).unwrap();
    let problem = post(&node, &node.admin, &verify, &json!({})).problem(500, "damaged");
    assert!(problem["path"].as_str().unwrap().contains(".parquet"), "{problem}");
    assert_eq!(delete(&node, &node.admin, &path).status, 200);
    node.get(&node.admin, &path).problem(404, "not-found");
}

#[test]
fn an_archive_is_made_and_what_it_has_may_leave_and_come_back_elsewhere() {
    let node = Node::new();
    let id = append(&node, "u-1");
    seal(&node);
    let target = tempfile::tempdir().unwrap();
    let to = target.path().display().to_string();
    let made = post(&node, &node.admin, "/api/archives?wait=true", &json!({"target": to}));
    assert_eq!(made.status, 200, "{}", String::from_utf8_lossy(&made.body));
    let list = node.get(&node.admin, "/api/archives").json();
    assert_eq!(list["archives"][0]["outcome"], "success", "{list}");
    pass(&node, 48);
    let offload = json!({"target": to, "days": 1});
    // What has become due with the time that passed may be at work just now.
    let asked = || post(&node, &node.admin, "/api/archives/offload?wait=true", &offload);
    let left = (0..1_000).map(|_| asked()).find(|left| left.status != 409).unwrap();
    assert_eq!(left.json()["result"]["segments"], 1, "{}", left.json());
    assert_eq!(event(&node, &id)["event"]["actor"]["id"], "u-1", "it is fetched");
    let settings = json!({"target": to, "every_hours": 24});
    let set = put(&node, &node.admin, "/api/archives/settings", &settings);
    assert_eq!((set.status, &set.json()["every_hours"]), (200, &json!(24)));
    assert!(set.headers.contains_key("indelible-event"));
    let before =
        node.get(&node.admin, "/api/archives").json()["archives"].as_array().unwrap().len();
    node.running().keep();
    let list = node.get(&node.admin, "/api/archives").json();
    assert_eq!(list["archives"].as_array().unwrap().len(), before + 1, "{list}");
    let other = Node::new();
    let import = json!({"from": to, "trail": "shop"});
    let brought = post(&other, &other.admin, "/api/imports?wait=true", &import);
    assert_eq!(brought.json()["result"]["kept"], 1, "{}", brought.json());
    assert_eq!(event(&other, &id)["event"]["actor"]["id"], "u-1");
}

#[test]
fn backups_are_made_by_the_schedule_and_their_failing_is_told() {
    let node = Node::new();
    let target = tempfile::tempdir().unwrap();
    let to = target.path().join("b").display().to_string();
    let settings = json!({"schedule": "every 6h", "target": to, "keep": 1});
    let set = put(&node, &node.admin, "/api/backups/settings", &settings);
    assert_eq!(set.status, 200, "{}", String::from_utf8_lossy(&set.body));
    assert!(set.headers.contains_key("indelible-event"));
    node.running().keep();
    pass(&node, 7);
    pass(&node, 7);
    let list = node.get(&node.admin, "/api/backups").json();
    let backups = list["backups"].as_array().unwrap();
    assert_eq!((backups.len(), &backups[0]["scheduled"]), (1, &json!(true)), "{list}");
    // The first one at once, and then two; for each that is taken away it is told before and after.
    assert_eq!(node.system("backup.delete").len(), 4, "the older ones are taken away");
    let status = node.get(&node.admin, "/api/status").json();
    assert!(status["keeping"]["last_backup_at"].is_string(), "{status}");
    // Where there is a file, no directory can be.
    let file = target.path().join("file");
    std::fs::write(&file, b"x").unwrap();
    let settings = json!({"schedule": "every 6h", "target": file.join("b").display().to_string()});
    let set = put(&node, &node.admin, "/api/backups/settings", &settings);
    if set.status == 200 {
        pass(&node, 13);
        let status = node.get(&node.admin, "/api/status").json();
        assert!(status["keeping"]["duties"][3]["failure"].is_string(), "{status}");
    }
}
