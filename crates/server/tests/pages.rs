//! The pages of signing in, settings, export and the API's description, over the real node: who sees which, what asks
//! before something changes, and that no other site makes anybody change anything.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use indelible_relay::Connections;
use serde_json::json;

use crate::node::{Answer, Node};
use crate::session::{FORM, OWN, cookie_of, sign_in};

/// Somebody at a browser.
struct Visitor<'a> {
    node: &'a Node,
    cookie: String,
}

impl<'a> Visitor<'a> {
    fn new(node: &'a Node, key: &str) -> Visitor<'a> {
        Visitor { node, cookie: cookie_of(&sign_in(node, key)) }
    }

    fn get(&self, path: &str) -> Answer {
        self.node.ask("GET", path, &[&self.cookie], b"")
    }

    fn page(&self, path: &str) -> String {
        let answer = self.get(path);
        assert_eq!(answer.status, 200, "{path}: {}", text(&answer));
        text(&answer)
    }

    fn post(&self, path: &str, form: &str) -> Answer {
        self.node.ask("POST", path, &[&self.cookie, FORM, OWN], form.as_bytes())
    }

    fn is_public(&self, trail: &str) -> bool {
        let trails = self.get("/api/trails").json();
        let trails = trails["trails"].as_array().unwrap();
        trails.iter().find(|of| of["name"] == trail).unwrap()["public"] == true
    }

    fn keys(&self) -> usize {
        self.get("/api/keys").json()["keys"].as_array().unwrap().len()
    }
}

fn text(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).into_owned()
}

/// A node with a trail and a key that nobody needs, whose id is given too.
fn node() -> (Node, String) {
    let node = Node::new();
    node.append(&node.admin, r#"{"action":"a","trail":"shop"}"#);
    let spare = node.key("reader", None)["idl_".len()..][..16].to_owned();
    (node, spare)
}

#[test]
fn every_page_is_for_whom_it_is_for() {
    let (node, spare) = node();
    let revoke = format!("/settings/keys/{spare}/revoke");
    // Writer, reader, auditor, admin.
    let table: [(&str, [u16; 4]); 24] = [
        ("/settings", [403, 403, 403, 303]),
        ("/settings/keys", [403, 403, 403, 200]),
        ("/settings/keys/new", [403, 403, 403, 200]),
        ("/settings/keys/confirm?name=x&role=reader", [403, 403, 403, 200]),
        (&revoke, [403, 403, 403, 200]),
        ("/settings/keys/0000000000000000/revoke", [403, 403, 403, 404]),
        ("/settings/trails", [403, 403, 403, 200]),
        ("/settings/trails/shop/public?to=public", [403, 403, 403, 200]),
        ("/settings/retention", [403, 403, 403, 200]),
        ("/settings/retention/confirm?rules=everything+else+1y", [403, 403, 403, 200]),
        ("/settings/holds", [403, 403, 403, 200]),
        ("/settings/holds/0000000000000000/release", [403, 403, 403, 404]),
        ("/settings/requests", [403, 403, 403, 200]),
        ("/settings/erasures", [403, 403, 403, 200]),
        ("/settings/backups", [403, 403, 403, 200]),
        ("/settings/jobs", [403, 403, 403, 200]),
        ("/settings/connections", [403, 403, 200, 200]),
        ("/settings/connections/streams/none", [403, 403, 404, 404]),
        ("/settings/node", [403, 403, 403, 200]),
        ("/settings/searches", [403, 200, 200, 200]),
        ("/export?q=action:a", [403, 403, 200, 200]),
        ("/export/file?format=ndjson", [403, 403, 200, 200]),
        ("/login?next=/people", [303; 4]),
        ("/api/docs", [200; 4]),
    ];
    for (at, role) in ["writer", "reader", "auditor", "admin"].into_iter().enumerate() {
        let visitor = Visitor::new(&node, &node.key(role, None));
        for (path, expected) in &table {
            let answer = visitor.get(path);
            assert_eq!(answer.status, expected[at], "{role} {path}: {}", text(&answer));
            let writer = answer.status == 403 && role == "writer";
            assert_eq!(text(&answer).contains("id=\"writer\""), writer, "{role} {path}");
        }
        let home = text(&visitor.get("/api/docs"));
        assert_eq!(home.contains("href=\"/settings\""), role == "admin");
        assert_eq!(home.contains("href=\"/export\""), ["auditor", "admin"].contains(&role));
    }
    for (path, _) in table.iter().filter(|(path, _)| !["/api/docs"].contains(path)) {
        let answer = node.ask("GET", path, &[], b"");
        if path.starts_with("/login") {
            assert_eq!(answer.status, 200);
            continue;
        }
        assert_eq!(answer.status, 303, "{path}");
        assert!(answer.headers["location"].starts_with("/login?next=%2F"), "{path}");
    }
    let docs = node.ask("GET", "/api/docs", &["Accept-Encoding: identity"], b"");
    assert!(text(&docs).contains("id=\"get-api-audit-logs-id-proof\""));
}

/// The addresses that forms of a page send to.
fn actions(page: &str) -> BTreeSet<String> {
    let forms = page.split("<form").skip(1).map(|form| form.split('>').next().unwrap());
    let posts = forms.filter(|form| form.contains("method=\"post\""));
    posts
        .map(|form| form.split("action=\"").nth(1).unwrap().split('"').next().unwrap().to_owned())
        .collect()
}

#[test]
fn no_other_site_sends_a_form_of_ours() {
    let (node, spare) = node();
    let visitor = Visitor::new(&node, &node.admin);
    visitor.post("/settings/searches", "name=one&q=a&t=");
    let saved =
        visitor.get("/api/saved-searches").json()["searches"][0]["id"].as_str().unwrap().to_owned();
    let revoke = format!("/settings/keys/{spare}/revoke");
    let forget = format!("/settings/searches/{saved}/forget");
    let hold = br#"{"name":"x","query":"actor:x","reason":"y","owner":"z"}"#;
    let hold = node.post(&node.admin, "/api/holds", hold).json()["id"].as_str().unwrap().to_owned();
    let purge = br#"{"query":"actor:x","until":"2020-01-31","reason":"y"}"#;
    let asked = node.post(&node.admin, "/api/purges", purge).json()["request"].clone();
    let (release, released) =
        (format!("/settings/holds/{hold}/release"), format!("/settings/holds/{hold}/released"));
    let withdraw = format!("/settings/requests/{}/withdraw", asked.as_str().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let backup = format!("type=full&to={}", dir.path().display());
    let forms: [(&str, &str, &str); 14] = [
        ("/settings/retention", "/settings/retention/run", ""),
        (
            "/settings/retention/confirm?rules=everything+else+1y",
            "/settings/retention",
            "rules=everything+else+1y",
        ),
        ("/settings/holds", "/settings/holds", "name=x&query=actor:x&reason=y&owner=z"),
        (&release, &released, ""),
        ("/settings/requests", &withdraw, ""),
        ("/settings/erasures", "/settings/erasures/preview", "subject=u&authority=law&parts=who"),
        ("/settings/backups", "/settings/backups", &backup),
        ("/settings/backups", "/settings/backups/settings", "type=full"),
        ("/settings/keys/confirm?name=x&role=admin", "/settings/keys/new", "name=x&role=admin"),
        (&revoke, &revoke, "expected=valid"),
        (
            "/settings/trails/shop/public?to=public",
            "/settings/trails/shop/public",
            "to=public&expected=private",
        ),
        ("/settings/searches", "/settings/searches", "name=two&q=a&t="),
        (&forget, &forget, ""),
        ("/settings/node", "/logout", ""),
    ];
    // No page has a form that is not tried here.
    let known: BTreeSet<String> = forms.iter().map(|(_, action, _)| (*action).to_owned()).collect();
    let mut found = BTreeSet::new();
    let more = ["/settings/keys", "/settings/keys/new", "/settings/trails", "/export", "/api/docs"];
    for page in forms.iter().map(|(page, ..)| *page).chain(more) {
        found.extend(actions(&visitor.page(page)));
    }
    assert_eq!(found, known);
    let (keys, public) = (visitor.keys(), visitor.is_public("shop"));
    for (_, action, form) in &forms {
        for foreign in [
            &["Origin: http://evil.example.com"][..],
            &["Origin: null"],
            &["Sec-Fetch-Site: cross-site"],
            &["Sec-Fetch-Site: same-site", OWN],
            &[],
        ] {
            let headers: Vec<&str> =
                [&*visitor.cookie, FORM].into_iter().chain(foreign.iter().copied()).collect();
            let answer = node.ask("POST", action, &headers, form.as_bytes());
            assert_eq!(answer.status, 403, "{action} {foreign:?}: {}", text(&answer));
        }
    }
    assert_eq!((visitor.keys(), visitor.is_public("shop")), (keys, public));
    for kept in
        ["retention.set", "retention.run", "hold.release", "request.withdraw", "backup.create"]
    {
        assert!(node.system(kept).is_empty(), "{kept}");
    }
    let searches = visitor.get("/api/saved-searches").json();
    assert_eq!(searches["searches"].as_array().unwrap().len(), 1);
    // The same from our own pages does what it says.
    for (_, action, form) in &forms {
        let answer = visitor.post(action, form);
        assert!([200, 303].contains(&answer.status), "{action}: {}", text(&answer));
    }
    for kept in
        ["retention.set", "retention.run", "hold.release", "request.withdraw", "backup.create"]
    {
        assert!(!node.system(kept).is_empty(), "{kept}");
    }
}

#[test]
fn two_admins_change_what_was_promised_by_the_pages_alone() {
    let node = Node::new();
    let second = node.key("admin", None);
    node.clock.advance(1_000_000);
    let (first, second) = (Visitor::new(&node, &node.admin), Visitor::new(&node, &second));
    let form = "rules=everything+else+30d&existing=yes";
    let asked = first.post("/settings/retention", form);
    assert_eq!(asked.status, 303, "{}", text(&asked));
    let page = first.page(&asked.headers["location"]);
    assert!(page.contains("id=\"done\"") && !page.contains("/confirm\""), "{page}");
    let page = second.page("/settings/requests");
    let confirm = actions(&page).into_iter().find(|action| action.ends_with("/confirm")).unwrap();
    let refused = first.post(&confirm, "");
    assert_eq!(refused.status, 409, "{}", text(&refused));
    let done = second.post(&confirm, "");
    assert_eq!(done.status, 303, "{}", text(&done));
    assert!(second.page("/settings/retention").contains("everything else 30d"));
    assert_eq!(node.system("retention.set").len(), 2, "begun and ended");
}

#[test]
#[expect(clippy::disallowed_methods, reason = "how long a person would wait")]
fn a_stream_is_paused_resumed_and_replayed_by_the_pages_alone() {
    let text_of = "streams: [{ name: hooks, to: { webhook: { url: 'https://hooks.example.com/x', \
                   secrets: [{ env: INDELIBLE_TEST_NO_SUCH_VARIABLE }] } } }]";
    let described = Connections::parse(text_of, Path::new(".")).unwrap();
    let node = Node::with(|config| config.connections = described);
    node.append(&node.admin, r#"{"action":"a","trail":"shop"}"#);
    let visitor = Visitor::new(&node, &node.admin);
    let deadline = Instant::now() + Duration::from_secs(30);
    // It cannot send, and says so on the pages that people look at.
    let red = loop {
        let page = visitor.page("/overview");
        if page.contains("id=\"red-connections\"") {
            break page;
        }
        assert!(Instant::now() < deadline, "{page}");
        std::thread::yield_now();
    };
    assert!(red.contains("INDELIBLE_TEST_NO_SUCH_VARIABLE"), "{red}");
    let stream = "/settings/connections/streams/hooks";
    assert!(visitor.page("/settings/connections").contains(stream));
    for (deed, form, action) in [
        ("pause", "", "stream.pause"),
        ("resume", "", "stream.resume"),
        ("replay", "from=place&trail=shop&seq=0", "stream.replay"),
    ] {
        let address = format!("{stream}/{deed}");
        let asked = visitor.page(&format!("{address}?{form}"));
        assert_eq!(actions(&asked), BTreeSet::from(["/logout".to_owned(), address.clone()]));
        let foreign = [&*visitor.cookie, FORM, "Origin: http://evil.example.com"];
        let answer = node.ask("POST", &address, &foreign, form.as_bytes());
        assert_eq!(answer.status, 403, "{deed}: {}", text(&answer));
        assert!(node.system(action).is_empty(), "{action}");
        let done = visitor.post(&address, form);
        assert_eq!(done.status, 303, "{deed}: {}", text(&done));
        let event = node.system(action).remove(0);
        let id = event["id"].as_str().unwrap();
        assert_eq!(done.headers["location"], format!("{stream}?event={id}"));
        assert!(visitor.page(&done.headers["location"]).contains("id=\"done\""));
    }
    let missing = visitor.post(&format!("{stream}/replay"), "from=place&trail=shop&seq=7");
    assert_eq!(missing.status, 404, "{}", text(&missing));
    assert!(text(&missing).contains("Nothing was changed."));
}

#[test]
fn nobody_is_led_elsewhere() {
    let (node, _) = node();
    let visitor = Visitor::new(&node, &node.admin);
    let form = format!("key={}&next=", node.admin);
    for (next, leads) in [
        ("/people%3Fx%3D1", "/people?x=1"),
        ("//evil.example.com", "/"),
        ("https://evil.example.com", "/"),
        ("/%5Cevil.example.com", "/"),
        ("/a%0d%0aSet-Cookie:%20x=y", "/"),
        ("javascript:alert(1)", "/"),
        ("/export%3Fq%3Da", "/export?q=a"),
        ("/export/file%3Fformat%3Dcsv", "/"),
        ("/people/%2e%2e/api/audit/export%3Fformat%3Dcsv", "/"),
        ("", "/"),
    ] {
        let answer = node.ask("POST", "/login", &[FORM, OWN], format!("{form}{next}").as_bytes());
        assert_eq!((answer.status, &*answer.headers["location"]), (303, leads), "{next}");
        let answer = visitor.get(&format!("/login?next={next}"));
        assert_eq!((answer.status, &*answer.headers["location"]), (303, leads), "{next}");
        let link = node.running().admin_link();
        let path = format!("{}&next={next}", &link[link.find("/login").unwrap()..]);
        let answer = node.ask("GET", &path, &[], b"");
        assert_eq!(answer.headers["refresh"], format!("0; url={leads}"), "{next}");
        if next.is_empty() {
            continue;
        }
        let answer = visitor.post("/settings/searches", &format!("name={next}&q=a&t=&back={next}"));
        if answer.status == 303 {
            assert_eq!(answer.headers["location"], leads, "{next}");
        }
    }
}

#[test]
fn who_comes_from_another_site_comes_again_with_the_cookie() {
    let (node, _) = node();
    let from = ["Sec-Fetch-Site: cross-site"];
    let first = node.ask("GET", "/login?next=/people", &from, b"");
    assert_eq!(first.headers["refresh"], "0; url=/login?next=%2Fpeople&again=1");
    let again = node.ask("GET", "/login?next=%2Fpeople&again=1", &from, b"");
    assert!(!again.headers.contains_key("refresh"), "only once");
    assert!(text(&again).contains("name=\"key\"") && text(&again).contains("type=\"password\""));
    // What is left of a session that ended is taken away.
    let old = node.ask("GET", "/login", &["Cookie: indelible_session=x"], b"");
    assert!(old.headers["set-cookie"].starts_with("indelible_session=; "));
}

#[test]
fn a_key_is_asked_about_made_once_and_shown_once() {
    let (node, _) = node();
    let visitor = Visitor::new(&node, &node.admin);
    let before = visitor.keys();
    let asked =
        visitor.page("/settings/keys/confirm?name=bill%3Cing&role=reader&trails=shop&expires=30");
    assert!(
        asked.contains("id=\"confirm\"")
            && asked.contains("bill&lt;ing")
            && asked.contains("no such key")
    );
    for (bad, why) in [
        ("name=&role=reader", "Give it a name"),
        ("name=x&role=king", "Choose a role"),
        ("name=x&role=admin&trails=shop", "see all trails"),
        ("name=admin&role=reader", "valid already"),
    ] {
        let answer = visitor.get(&format!("/settings/keys/confirm?{bad}"));
        assert_eq!(answer.status, 400, "{bad}");
        assert!(text(&answer).contains(why), "{bad}: {}", text(&answer));
    }
    assert_eq!(visitor.keys(), before, "asking makes none");
    let form = "name=billing&role=reader&trails=shop&expires_at=2030-01-01T00:00:00.000000Z";
    let made = visitor.post("/settings/keys/new", form);
    let page = text(&made);
    assert_eq!(made.status, 200, "{page}");
    let key = page.split("id=\"key-text\">").nth(1).unwrap().split('<').next().unwrap();
    let me = node.get(key, "/api/me").json();
    assert_eq!((&me["name"], &me["trails"]), (&json!("billing"), &json!(["shop"])));
    let event = node.system("key.create").pop().unwrap();
    assert_eq!(event["details"]["expires_at"], "2030-01-01T00:00:00.000000Z");
    assert!(page.contains(&format!("/events/{}?trail=_system", event["id"].as_str().unwrap())));
    let again = visitor.post("/settings/keys/new", form);
    assert_eq!(again.status, 409, "a form that is sent twice");
    assert!(text(&again).contains("id=\"went-wrong\""));
    assert_eq!(visitor.keys(), before + 1);
    assert!(!visitor.page("/settings/keys").contains(key), "never again");
}

#[test]
fn what_somebody_else_changed_meanwhile_is_noticed() {
    let (node, spare) = node();
    let (one, other) =
        (Visitor::new(&node, &node.admin), Visitor::new(&node, &node.key("admin", None)));
    let confirm = "/settings/trails/shop/public?to=public";
    assert!(one.page(confirm).contains("name=\"expected\" value=\"private\""));
    let form = "to=public&expected=private";
    let done = other.post("/settings/trails/shop/public", form);
    assert_eq!(done.status, 303);
    let event = node.system("trail.publish").remove(0);
    let id = event["id"].as_str().unwrap();
    assert_eq!(done.headers["location"], format!("/settings/trails?event={id}"));
    let told = other.page(&done.headers["location"]);
    assert!(told.contains("id=\"done\"") && told.contains(&format!("/events/{id}?trail=_system")));
    let late = one.post("/settings/trails/shop/public", form);
    assert_eq!(late.status, 409);
    assert!(
        text(&late).contains("id=\"went-wrong\"")
            && text(&late).contains("the trail is public now")
    );
    assert_eq!(one.get(confirm).status, 409, "it is that already");
    assert_eq!(node.system("trail.publish").len(), 1);
    // Who knows that it is public may make it private.
    assert_eq!(one.post("/settings/trails/shop/public", "to=private&expected=public").status, 303);
    assert!(!one.is_public("shop"));
    assert_eq!(one.post("/settings/trails/shop/public", "to=sideways").status, 400);

    let revoke = format!("/settings/keys/{spare}/revoke");
    assert!(one.page(&revoke).contains("name=\"expected\" value=\"valid\""));
    assert_eq!(other.post(&revoke, "expected=valid").status, 303);
    assert_eq!(one.post(&revoke, "expected=valid").status, 409);
    assert_eq!(one.get(&revoke).status, 409);
    assert_eq!(node.system("key.revoke").len(), 1);
    assert_eq!(one.post("/settings/keys/0000000000000000/revoke", "expected=valid").status, 404);
    // An address cannot claim what did not happen.
    for lie in ["x", "0190b1a0-0000-7000-8000-000000000001", "%3Cscript%3E"] {
        assert!(!one.page(&format!("/settings/keys?event={lie}")).contains("id=\"done\""));
    }
}

#[test]
fn an_export_says_what_it_is_and_is_the_apis() {
    let (node, _) = node();
    node.append(&node.admin, r#"[{"action":"b","trail":"shop"},{"action":"c","trail":"shop"}]"#);
    let auditor = Visitor::new(&node, &node.key("auditor", None));
    let page = auditor.page("/export?q=action%3Aa+OR+action%3Ab&t=-24h");
    assert!(page.contains("id=\"total\">2<"), "{page}");
    assert!(page.contains("recorded in the last 24 hours"));
    assert!(page.contains("(action:a OR action:b) AND created:-24h"));
    let file = auditor.get(
        "/export/file?format=ndjson&q=action%3Aa+OR+action%3Ab&t=-24h&redact=who&ticket=abcdefgh",
    );
    assert_eq!(file.status, 200);
    assert!(file.headers["content-disposition"].starts_with("attachment"));
    assert_eq!(text(&file).lines().count(), 2);
    let progress = auditor.get("/api/audit/export/progress/abcdefgh").json();
    assert_eq!((&progress["state"], &progress["events"]), (&json!("done"), &json!(2)));
    for bad in
        ["/export?q=%28a", "/export/file?q=%28a", "/export/file?format=exe", "/export?t=whenever"]
    {
        let answer = auditor.get(bad);
        assert_eq!(answer.status, 400, "{bad}");
        assert!(answer.headers["content-type"].starts_with("text/html"), "{bad}");
    }
}

#[test]
fn an_export_leaves_out_what_the_search_leaves_out() {
    let (node, _) = node();
    let auditor = Visitor::new(&node, &node.key("auditor", None));
    assert!(auditor.page("/export").contains("-trail:_system"));
    let file = auditor.get("/export/file?format=ndjson");
    assert!(!text(&file).contains("_system"), "{}", text(&file));
    let file = auditor.get("/export/file?format=ndjson&system=1");
    assert!(text(&file).contains("\"trail\":\"_system\""), "{}", text(&file));
}

#[test]
fn an_address_without_a_page_is_a_page_for_people_and_a_problem_for_programs() {
    let (node, _) = node();
    let nobody = node.ask("GET", "/nothing", &["accept: text/html"], b"");
    assert_eq!(nobody.status, 404);
    assert!(text(&nobody).contains("There is no such page"), "{}", text(&nobody));
    for (path, accept) in [("/nothing", "*/*"), ("/api/nothing", "text/html")] {
        let answer = node.ask("GET", path, &[&format!("accept: {accept}")], b"");
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.headers["content-type"], "application/problem+json", "{path}");
    }
}
