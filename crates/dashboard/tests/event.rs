//! The page of one event.

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::hostile::{HOSTILE, hostile_event};

const ID: &str = "0190b1a0-0000-7000-8000-000000000001";
const LOGS: &str = "/api/audit/logs";

fn answer(event: &Value, more: Value) -> String {
    let mut answer = json!({
        "event": event, "receipt": {"leaf": "00ff"}, "diff": [], "gone": [], "published": true,
        "related": {"intent": null, "outcome": null, "corrections": [], "corrects": null}, "incomplete": null, "alarms": [],
    });
    answer.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    answer.to_string()
}

fn event(more: Value) -> Value {
    let mut event = json!({"trail": "shop", "seq": 3, "id": ID, "recorded_at": "2026-01-31T10:00:02.000000Z",
        "occurred_at": "2026-01-31T10:00:00.000000Z", "action": "order.change", "outcome": "success",
        "actor": {"type": "user", "id": "maria"}, "targets": [{"type": "order", "id": "o 1"}]});
    event.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    event
}

fn fake(answer: String) -> Fake {
    Fake::answering(&[(&format!("{LOGS}/{ID}"), 200, answer)])
}

async fn page(answer: String) -> String {
    let got = fake(answer).page(&format!("/events/{ID}?trail=shop"), false).await;
    assert_eq!(got.status, 200);
    got.html
}

#[tokio::test]
async fn hostile_events_do_nothing() {
    for text in HOSTILE {
        let event = hostile_event(text);
        let diff = json!([{"op": text, "path": format!("/{text}"), "before": text, "after": {(*text): text}},
            {"op": "change", "path": "", "before": format!("one two three {text}"), "after": format!("one two four {text}")}]);
        let related =
            json!({"intent": event, "outcome": event, "corrections": [event], "corrects": event});
        let more = json!({"diff": diff, "related": related, "gone": [text], "receipt": {"leaf": text},
            "incomplete": {"limit": text, "message": text}, "alarms": [{"trail": text, "seq": 1, "message": text}]});
        let list = json!({"events": [event, event], "total": {"value": 2, "relation": "exact"}})
            .to_string();
        let fake = Fake::answering(&[
            (&format!("{LOGS}/{ID}"), 200, answer(&event, more)),
            (LOGS, 200, list),
        ]);
        for fragment in [false, true] {
            assert_eq!(
                fake.page(&format!("/events/{ID}?trail=shop"), fragment).await.status,
                200,
                "{text}"
            );
        }
        let problem = json!({"title": text, "detail": text, "trails": [text]}).to_string();
        for status in [400, 404, 409, 500] {
            let fake = Fake::answering(&[(&format!("{LOGS}/{ID}"), status, problem.clone())]);
            fake.page(&format!("/events/{ID}"), false).await;
        }
    }
}

#[tokio::test]
async fn the_badge_has_what_it_needs_and_says_what_to_do_without_scripts() {
    let html = page(answer(&event(json!({})), json!({}))).await;
    for wanted in [
        "id=\"verified\"",
        "data-state=\"unknown\"",
        "data-trail=\"shop\" data-seq=\"3\"",
        &format!("data-proof=\"{LOGS}/{ID}/proof?trail=shop\""),
        "data-raw=\"#raw\"",
        "indelible verify proof --key",
        "/verify.js\"",
        "<pre id=\"raw\"",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
}

#[tokio::test]
async fn values_lead_on_and_say_where_they_are_from() {
    let more = json!({"context": {"correlation_id": "c-1", "ip": "192.0.2.1"}, "details": {"a": {"b": "x y", "n": 1.50}}});
    let html = page(answer(&event(more), json!({})).replace("1.5", "1.50")).await;
    for wanted in [
        "href=\"/?q=actor%3Amaria\"",
        "href=\"/people/maria\"",
        "href=\"/timeline?resource_type=order&amp;resource_id=o+1\"",
        "href=\"/timeline?correlation_id=c-1\"",
        "href=\"/?q=details.a.b%3A%22x+y%22\"",
        "data-pointer=\"/actor/id\"",
        "data-pointer=\"/details/a/b\"",
        "data-copy=\"#f-context-correlation_id\"",
        "2 seconds later",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    // How a number is written is not what JavaScript reads, so it is not compared.
    assert!(html.contains("1.50") && !html.contains("data-pointer=\"/details/a/n\""), "{html}");
}

#[tokio::test]
async fn changes_stand_side_by_side() {
    let diff = json!([
        {"op": "change", "path": "/price", "before": 10.00, "after": 1e3},
        {"op": "remove", "path": "/a~1b/0", "before": null},
        {"op": "change", "path": "/note", "before": "ring at the door", "after": "ring at the gate"},
    ]);
    let text = answer(&event(json!({})), json!({"diff": diff})).replace("1000.0", "1.000e3");
    let html = page(text).await;
    for wanted in [
        "data-path=\"/price\"",
        "1.000e3",
        "<code><bdi>a/b</bdi></code>",
        "data-op=\"remove\"",
        ">null<",
        "<del><span class=\"text\"><bdi>door</bdi></span></del>",
        "<ins><span class=\"text\"><bdi>gate</bdi></span></ins>",
    ] {
        assert!(html.contains(wanted), "{wanted}\n{html}");
    }
}

#[tokio::test]
async fn what_lacks_is_said() {
    let intent = event(json!({"phase": "intent", "outcome": "pending"}));
    let html = page(answer(&intent, json!({"gone": ["who", "what"], "published": false}))).await;
    assert!(html.contains("id=\"unfinished\"") && html.contains("id=\"gone\""), "{html}");
    assert!(html.contains("not yet covered by a signed checkpoint"));
    // Where something may be missing, nobody says that it is.
    let unsure =
        json!({"incomplete": {"limit": "index", "message": "some records are being indexed"}});
    assert!(!page(answer(&intent, unsure)).await.contains("id=\"unfinished\""));
    let ended = json!({"related": {"outcome": event(json!({"id": "x", "phase": "outcome", "occurred_at": "2026-01-31T10:02:00.000000Z"}))}});
    let html = page(answer(&intent, ended)).await;
    assert!(
        html.contains("id=\"outcome\"") && html.contains("2 minutes from intent to outcome"),
        "{html}"
    );
}

#[tokio::test]
async fn large_events_are_folded() {
    let big = event(json!({"details": {"list": vec![0; 100_000], "text": "x".repeat(50_000)}}));
    let many: Vec<Value> =
        (0..2_000).map(|n| json!({"op": "add", "path": format!("/{n}"), "after": n})).collect();
    let html = page(answer(&big, json!({"diff": many}))).await;
    assert!(html.len() < 3 << 20, "{}", html.len());
    assert!(
        html.contains("And 99,800 more, in the raw JSON.") && html.contains("50,000 characters")
    );
    assert!(html.contains("1,980 more changes"));
    assert!(html.contains("<details class=\"raw\">"));
}

#[tokio::test]
async fn several_trails_are_a_choice() {
    let problem =
        json!({"title": "Several", "detail": "x", "trails": ["bank", "shop"]}).to_string();
    let fake = Fake::answering(&[(&format!("{LOGS}/{ID}"), 409, problem)]);
    let got = fake.page(&format!("/events/{ID}"), false).await;
    assert!(got.html.contains(&format!("href=\"/events/{ID}?trail=bank\"")), "{}", got.html);
    assert_eq!(fake.page("/events/nothing", false).await.status, 404);
}

#[tokio::test]
async fn what_expired_says_by_which_policy_and_what_was_recorded_stands_alone() {
    let event = event(json!({}));
    let expired = r#"{"class":"reads","event":"0190b1a0-0000-7000-8000-000000000009","policy":3}"#;
    let more = json!({"gone": ["who", "what"], "expired": serde_json::from_str::<Value>(expired).unwrap()});
    // The API says it behind what was recorded.
    let recorded = event.to_string();
    let shown = format!("{},\"expired\":{expired}}}", recorded.strip_suffix('}').unwrap());
    let html = page(answer(&event, more).replace(&recorded, &shown)).await;
    assert!(html.contains("by policy 3"), "{html}");
    assert!(html.contains("/events/0190b1a0-0000-7000-8000-000000000009?trail=_system"), "{html}");
    // The badge compares the raw JSON with what is proven.
    let raw = html.split("id=\"raw\"").nth(1).unwrap().split("</pre>").next().unwrap();
    assert!(raw.contains("recorded_at") && !raw.contains("expired"), "{raw}");
}
