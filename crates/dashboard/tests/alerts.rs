//! The pages of alerts and rules: what is told of them does nothing, each sees what is theirs, and what somebody does
//! is what the API is told.

use axum::response::Response;
use serde_json::{Value, json};

use crate::fake::{Fake, json, problem};
use crate::hostile::HOSTILE;

const HERE: &str = "/alerts";
const ONE: &str = "/alerts/a-1";
const RULE: &str = "/rules/r-1";
const AT: &str = "2026-01-31T11:00:00.000000Z";

fn alert(id: &str, level: &str, state: &str) -> Value {
    json!({
        "id": id, "rule": {"id": "r-1", "title": "Password spray", "level": level}, "state": state,
        "group": {"context.ip": "203.0.113.9", "sourceIPAddress": "x y"}, "summary": "12 people from 203.0.113.9",
        "count": 1_234, "opened_at": AT, "first_at": AT, "last_at": "2026-01-31T11:58:00.000000Z", "assignee": null,
        "acknowledged_at": null, "acknowledged_by": null, "closed_at": null, "closed_by": null, "escalated_at": null,
        "event": {"trail": "_system", "seq": 4, "id": "e-4"},
        "description": "Many names from one address.", "advice": "Block the address.",
        "query": "ip:203.0.113.9 action:user.login",
        "events": [{"trail": "shop", "seq": 7, "id": "e-7", "at": AT, "action": "user.login", "actor": "ada"}],
        "history": [
            {"at": AT, "action": "alert.open", "by": null, "note": null},
            {"at": AT, "action": "alert.comment", "by": {"id": "key-1", "name": "Grace"}, "note": "I look.\nNow."},
            {"at": AT, "action": "alert.assign", "by": "key-2", "note": "Ada"},
        ],
    })
}

fn rule() -> Value {
    json!({
        "id": "r-1", "name": "spray", "title": "Password spray", "level": "high", "kind": "value_count", "file": "rules/spray.yml",
        "from": "folder", "description": "Many names.", "advice": "Block it.", "tags": ["attack.t1110"], "alerts": true,
        "matched": 99_000, "fired": 12, "last_fired_at": AT, "nanos": 1_250, "groups": 7, "groups_dropped": 3,
        "text": "title: Password spray\nlevel: high\n",
    })
}

fn rules() -> Value {
    let refused = json!({"file": "rules/bad.yml", "line": 3, "rule": "Bad one", "reason": "unknown modifier `contain`; did you mean `contains`?"});
    json!({"loaded": 31, "refused": [refused], "loaded_at": AT, "digest": "abc", "folder": "./watch", "late": 4, "behind": 0, "rules": [rule()]})
}

fn backtest() -> Value {
    json!({
        "events": 10_000_000, "from": "2026-01-29T10:00:00Z", "to": AT, "millis": 41_000, "late": 2, "refused": [],
        "rules": [{"id": "r-1", "title": "Password spray", "level": "high", "matched": 500, "fired": 12, "alerts": 3, "groups_dropped": 1,
            "per_day": [{"day": "2026-01-30", "fired": 12}],
            "examples": [{"at": AT, "group": {"context.ip": "203.0.113.9"}, "count": 10, "events": [{"trail": "shop", "seq": 7, "id": "e-7"}]}]}],
    })
}

/// An API with these alerts.
fn answering(alerts: Value) -> impl Fn(&str, &str) -> Response + Clone + Send + Sync {
    move |path, query| {
        let of = |state: &str| -> Vec<Value> {
            let all = alerts.as_array().unwrap().iter();
            all.filter(|one| !query.contains("state=") || one["state"] == state).cloned().collect()
        };
        let state = ["open", "acknowledged", "closed"].into_iter();
        let state =
            state.into_iter().find(|state| query.contains(&format!("state={state}"))).unwrap_or("");
        match path {
            "/api/alerts" => json(
                json!({"open": of("open").len(), "acknowledged": 7, "alerts": of(state), "next": null}),
            ),
            "/api/rules" => json(rules()),
            "/api/rules/r-1" => json(rule()),
            "/api/rules/backtest" => json(backtest()),
            "/api/trails" => json(json!({"trails": []})),
            _ => match path.strip_prefix("/api/alerts/a-1") {
                Some("" | "/acknowledge" | "/assign" | "/comment" | "/close") => {
                    json(alerts.as_array().and_then(|all| all.first()).cloned().unwrap())
                }
                _ => problem(404, "nothing"),
            },
        }
    }
}

fn with(role: &'static str, alerts: Value) -> Fake {
    Fake::new(role, answering(alerts))
}

/// Every text in it, whatever it says, is this one; names of members, too, where they are free.
fn hostile(value: &mut Value, text: &str) {
    match value {
        Value::String(one) => *one = text.to_owned(),
        Value::Array(all) => all.iter_mut().for_each(|one| hostile(one, text)),
        Value::Object(all) => {
            all.values_mut().for_each(|one| hostile(one, text));
            if let Some(Value::Object(group)) = all.get_mut("group") {
                group.insert(text.to_owned(), json!({text: [text]}));
            }
        }
        _ => {}
    }
}

#[tokio::test]
async fn nothing_that_is_told_of_alerts_and_rules_acts() {
    for text in HOSTILE.iter().copied().chain([&*"W".repeat(4_000)]) {
        let answers = ["open", "acknowledged", "closed"].map(|state| {
            let mut one = alert("a-1", "high", "");
            hostile(&mut one, text);
            one["state"] = json!(state);
            one
        });
        let (mut all, mut one_rule, mut tried) = (rules(), rule(), backtest());
        [&mut all, &mut one_rule, &mut tried].into_iter().for_each(|one| hostile(one, text));
        tried["rules"][0]["id"] = json!("r-1");
        (tried["from"], tried["to"]) = (json!(AT), json!(AT));
        let next = text.to_owned();
        let fake = Fake::new("admin", move |path, _| match path {
            "/api/alerts" => {
                json(json!({"open": 3, "acknowledged": 1, "alerts": answers, "next": next}))
            }
            "/api/alerts/a-1" => json(answers[0].clone()),
            "/api/rules" => json(all.clone()),
            "/api/rules/r-1" => json(one_rule.clone()),
            "/api/rules/backtest" => json(tried.clone()),
            "/api/trails" => json(json!({"trails": []})),
            _ => problem(409, &next),
        });
        let asked = "/alerts?state=a%3Cb%3E&rule=a%3Cb%3E%E2%80%AE&assignee=%E2%80%AE%22%3E&level=x&cursor=%3C";
        for page in
            [HERE, asked, ONE, "/rules", "/rules?find=%3Cb%3E%E2%80%AE", RULE, "/overview?all=1"]
        {
            let shown = fake.page(page, false).await;
            assert_eq!(shown.status, 200, "{page}: {}", shown.html);
            assert!(
                shown.html.len() < 200_000,
                "{page}: {} bytes of {}",
                shown.html.len(),
                &text[..4]
            );
        }
        let note = "note=%3C%2Ftextarea%3E%3Cscript%3E&to=%22%3E";
        for (address, status) in [
            (&*format!("{ONE}/close"), 409),
            (&format!("{RULE}/backtest"), 200),
            ("/backtest", 200),
        ] {
            let shown = fake.post(address, note).await;
            crate::hostile::harmless(&shown.html);
            assert_eq!(shown.status, status, "{address}: {}", shown.html);
        }
    }
}

#[tokio::test]
async fn the_list_says_what_is_open_how_bad_and_who_has_it() {
    let mut mine = alert("a-2", "low", "acknowledged");
    mine["assignee"] = json!("Grace");
    let fake = with(
        "auditor",
        json!([alert("a-1", "critical", "open"), mine, alert("a-3", "medium", "closed")]),
    );
    let html = fake.page(HERE, false).await.html;
    for wanted in [
        "href=\"/alerts/a-1\"",
        "12 people from 203.0.113.9",
        "<td class=\"n\" data-label=\"Times\">1,234</td>",
        "outcome level bad critical",
        "href=\"/?q=context.ip%3A203.0.113.9\"",
        "href=\"/?q=%22x+y%22\"",
        "href=\"/alerts?state=all&amp;assignee=Grace\"",
        "2 minutes ago",
        "1 rule was",
        "<option value=\"r-1\">",
        "aria-current=\"page\" data-key=\"a\"",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let at = |id: &str| html.find(&format!("data-alert=\"{id}\"")).unwrap();
    assert!(at("a-1") < at("a-2") && at("a-2") < at("a-3"), "what is open comes first");
    assert!(
        fake.asked().contains(&"/api/alerts?state=open&limit=50".to_owned()),
        "{:?}",
        fake.asked()
    );
    let fake = with("auditor", json!([alert("a-3", "medium", "closed")]));
    let html = fake.page("/alerts?state=closed&level=medium&rule=r-1&cursor=c", false).await.html;
    let asked = "/api/alerts?level=medium&rule=r-1&state=closed&limit=100&cursor=c";
    assert!(fake.asked().contains(&asked.to_owned()), "{:?}", fake.asked());
    assert!(html.contains("<option value=\"closed\" selected>"), "{html}");
}

#[tokio::test]
async fn where_nothing_is_open_the_page_says_what_watches() {
    let html = with("admin", json!([])).page(HERE, false).await.html;
    assert!(html.contains("Nothing is open") && html.contains("31 rules look"), "{html}");
    // The rules cannot be asked for: what was found is shown all the same.
    let fake = Fake::new("admin", |path, _| match path {
        "/api/alerts" => json(json!({"open": 0, "acknowledged": 0, "alerts": [], "next": null})),
        _ => problem(503, "not now"),
    });
    let shown = fake.page(HERE, false).await;
    assert!(shown.status == 200 && shown.html.contains("Nothing is open"), "{}", shown.html);
}

#[tokio::test]
async fn an_alert_says_what_it_means_and_what_was_done() {
    let html = with("auditor", json!([alert("a-1", "high", "open")])).page(ONE, false).await.html;
    for wanted in [
        "Many names from one address.",
        "Block the address.",
        "href=\"/events/e-7?trail=shop\"",
        "user.login",
        "href=\"/?q=ip%3A203.0.113.9+action%3Auser.login\"",
        "href=\"/rules/r-1\"",
        "href=\"/events/e-4?trail=_system\"",
        "Grace",
        "I look.\nNow.",
        "<strong><bdi>Assigned</bdi></strong> to <bdi>Ada</bdi> by <bdi>key-2</bdi>",
        "formaction=\"/alerts/a-1/acknowledge\"",
        "action=\"/alerts/a-1/close\"",
        "action=\"/alerts/a-1/assign\"",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let html =
        with("auditor", json!([alert("a-1", "high", "acknowledged")])).page(ONE, false).await.html;
    assert!(!html.contains("/acknowledge\"") && html.contains("/close\""), "{html}");
    let html = with("auditor", json!([alert("a-1", "high", "closed")])).page(ONE, false).await.html;
    assert!(!html.contains("id=\"act\""), "{html}");
}

#[tokio::test]
async fn what_somebody_does_is_told_to_the_api() {
    let fake = with("auditor", json!([alert("a-1", "high", "open")]));
    for (deed, form, told) in [
        ("acknowledge", "note=", vec!["POST /api/alerts/a-1/acknowledge {}"]),
        (
            "acknowledge",
            "note=I+look",
            vec!["POST /api/alerts/a-1/acknowledge {\"note\":\"I look\"}"],
        ),
        ("assign", "to=+Grace+", vec!["POST /api/alerts/a-1/assign {\"to\":\"Grace\"}"]),
        ("assign", "to=&myself=yes", vec!["POST /api/alerts/a-1/assign {\"to\":\"key-1\"}"]),
        ("comment", "note=so", vec!["POST /api/alerts/a-1/comment {\"note\":\"so\"}"]),
        ("close", "note=done", vec!["POST /api/alerts/a-1/close {\"note\":\"done\"}"]),
    ] {
        let before = fake.asked().len();
        let done = fake.post(&format!("{ONE}/{deed}"), form).await;
        assert_eq!(done.location.as_deref(), Some(ONE), "{}", done.html);
        assert_eq!(fake.asked()[before..], told, "{deed}");
    }
}

#[tokio::test]
async fn what_is_refused_is_said_and_what_was_written_stays() {
    let answer = answering(json!([alert("a-1", "high", "open")]));
    let fake = Fake::new("admin", move |path, query| match path {
        "/api/alerts/a-1/close" => problem(409, "the alert is closed"),
        _ => answer(path, query),
    });
    let shown = fake.post(&format!("{ONE}/close"), "note=all+in+vain").await;
    assert_eq!(shown.status, 409);
    assert!(
        shown.html.contains("the alert is closed") && shown.html.contains("all in vain"),
        "{}",
        shown.html
    );
    // One that is not there.
    assert_eq!(fake.post("/alerts/a-9/close", "note=x").await.status, 404);
}

#[tokio::test]
async fn only_auditors_and_admins_see_and_do_anything() {
    for role in ["writer", "reader"] {
        let fake = with(role, json!([alert("a-1", "high", "open")]));
        for page in [HERE, ONE, "/rules", RULE] {
            let shown = fake.page(page, false).await;
            assert_eq!(shown.status, 403, "{role} {page}");
            assert!(!shown.html.contains("href=\"/alerts\""), "{role} {page}: {}", shown.html);
        }
        for deed in ["acknowledge", "assign", "comment", "close"] {
            assert_eq!(
                fake.post(&format!("{ONE}/{deed}"), "note=x&to=y").await.status,
                403,
                "{role} {deed}"
            );
        }
        assert_eq!(fake.post(&format!("{RULE}/backtest"), "since=7d").await.status, 403, "{role}");
        assert_eq!(fake.post("/backtest", "since=7d").await.status, 403, "{role}");
        let html = fake.page("/overview", false).await.html;
        assert!(!html.contains("open-alerts") && !html.contains("/alerts"), "{role}: {html}");
        assert!(!fake.asked().iter().any(|asked| asked.contains("alerts")), "{:?}", fake.asked());
    }
    let shown = with("", json!([])).get(HERE, &[]).await;
    assert_eq!(shown.location.as_deref(), Some("/login?next=%2Falerts"));
}

#[tokio::test]
async fn rules_say_what_was_refused_and_how_each_does() {
    let fake = with("auditor", json!([alert("a-1", "high", "open")]));
    let html = fake.page("/rules", false).await.html;
    for wanted in [
        "31 rules",
        "rules/bad.yml",
        ":3<",
        "did you mean `contains`?",
        "href=\"/rules/r-1\"",
        "many values",
        "1.2 µs",
        "99,000",
        "3 groups forgotten",
        "4 events came too late",
        "action=\"/backtest\"",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(
        html.find("id=\"refused\"") < html.find("id=\"rules\""),
        "what was refused comes first"
    );
    let html = fake.page("/rules?find=nothing+like+it", false).await.html;
    assert!(html.contains("No rule is like that"), "{html}");
    let html = fake.page(RULE, false).await.html;
    for wanted in [
        "Many names.",
        "Block it.",
        "rules/spray.yml",
        "attack.t1110",
        "href=\"/alerts/a-1\"",
        "id=\"text\"><bdi>title: Password spray</bdi>\n<bdi>level: high</bdi>\n",
        "action=\"/rules/r-1/backtest\"",
        "3 groups were",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(
        fake.asked().contains(&"/api/alerts?rule=r-1&limit=10".to_owned()),
        "{:?}",
        fake.asked()
    );
}

#[tokio::test]
async fn a_backtest_says_how_often_by_day_and_on_what() {
    let fake = with("auditor", json!([]));
    let html = fake.post(&format!("{RULE}/backtest"), "since=30d").await.html;
    let asked = "POST /api/rules/backtest {\"rules\":[\"r-1\"],\"since\":\"30d\"}";
    assert!(fake.asked().contains(&asked.to_owned()), "{:?}", fake.asked());
    for wanted in [
        "10,000,000 events",
        "41 seconds",
        "2026-01-30",
        "01-29",
        "203.0.113.9",
        "href=\"/events/e-7?trail=shop\"",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let html = fake.post("/backtest", "since=never").await.html;
    let asked = "POST /api/rules/backtest {\"since\":\"7d\"}";
    assert_eq!(fake.asked().last().unwrap(), asked);
    assert!(html.contains("href=\"/rules/r-1\"") && html.contains("500"), "{html}");
    // The node looks back for somebody else already.
    let answer = answering(json!([]));
    let fake = Fake::new("admin", move |path, query| match path {
        "/api/rules/backtest" => problem(503, "one at a time"),
        _ => answer(path, query),
    });
    let shown = fake.post(&format!("{RULE}/backtest"), "since=7d").await;
    assert!(
        shown.status == 503
            && shown.html.contains("one at a time")
            && shown.html.contains("Look back again"),
        "{}",
        shown.html
    );
}

#[tokio::test]
async fn other_pages_say_how_many_are_open() {
    let fake = with(
        "admin",
        json!([
            alert("a-1", "critical", "open"),
            alert("a-2", "high", "open"),
            alert("a-3", "high", "open")
        ]),
    );
    let html = fake.page("/overview", false).await.html;
    for wanted in [
        "3 open alerts",
        "href=\"/alerts?state=open&amp;level=high\"",
        "hx-get=\"/alerts/open\" hx-trigger=\"load, every 60s\"",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let html = fake.page("/alerts/open", true).await.html;
    assert_eq!(html, "3<span class=\"sr\"> open</span>");
    let html = with("admin", json!([])).page("/alerts/open", true).await.html;
    assert_eq!(html, "");
    let html = with("admin", json!([])).page("/overview", false).await.html;
    assert!(!html.contains("open-alerts"), "{html}");
    assert_eq!(fake.get("/alerts/open", &[]).await.location.as_deref(), Some(HERE));
}
