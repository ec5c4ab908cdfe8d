//! The page of what happened, across systems.

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::hostile::{HOSTILE, hostile_event};

const TIMELINE: &str = "/api/audit/timeline";
const LOGS: &str = "/api/audit/logs";
const GAPS: &str = "/api/audit/reports/gaps";

fn entry(id: &str, minute: u32, service: &str, more: Value) -> Value {
    let at = format!("2026-01-31T10:{minute:02}:00.000000Z");
    let mut event = json!({"trail": "shop", "seq": minute, "id": id, "recorded_at": at, "action": "x.do", "outcome": "success",
        "actor": {"type": "user", "id": "maria"}, "context": {"service": service}, "source": {"id": "00ff", "seq": 1}});
    let mut entry = json!({"at": at, "via": "resource", "gap_before_seconds": null, "outcome_ref": null, "unfinished": false});
    for (key, value) in more.as_object().unwrap() {
        let of = if entry.get(key).is_some() { &mut entry } else { &mut event };
        of[key] = value.clone();
    }
    entry["event"] = event;
    entry
}

fn answer(entries: &[Value]) -> String {
    json!({"entries": entries, "services": [], "correlations": ["c-1"], "unfinished": 1, "next_cursor": "n.1",
        "incomplete": null, "alarms": []}).to_string()
}

#[tokio::test]
async fn hostile_events_do_nothing() {
    for text in HOSTILE {
        let entries: Vec<Value> = (0..10)
            .map(|n| {
                let mut event = hostile_event(text);
                event["context"]["service"] = json!(format!("{text}{n}"));
                json!({"event": event, "at": text, "via": text, "gap_before_seconds": 4_000, "outcome_ref": text, "unfinished": n % 2 == 0})
            })
            .collect();
        let timeline = json!({"entries": entries, "correlations": [text], "unfinished": 3, "next_cursor": text,
            "incomplete": {"limit": text, "message": text}, "alarms": [{"trail": text, "message": text}]}).to_string();
        let list = json!({"events": [hostile_event(text)]}).to_string();
        let gaps = json!({"sources": [{"id": text, "service": text, "first_seen": text, "last_seen": text, "missing": 3,
            "explained": 1, "ranges": [{"from": 1, "to": 3}], "more_ranges": 2}], "incomplete": {"message": text}}).to_string();
        let fake =
            Fake::answering(&[(TIMELINE, 200, timeline), (LOGS, 200, list), (GAPS, 200, gaps)]);
        let value: String = form_urlencoded::byte_serialize(text.as_bytes()).collect();
        for path in [
            "/timeline".to_owned(),
            format!(
                "/timeline?resource_type={value}&resource_id={value}&from={value}&to={value}&cursor={value}"
            ),
            format!("/timeline?correlation_id={value}"),
            format!("/timeline?actor={value}"),
            format!("/timeline/missing?since={value}&source={value}"),
        ] {
            for fragment in [false, true] {
                assert_eq!(fake.page(&path, fragment).await.status, 200, "{path}");
            }
        }
        let problem = json!({"title": text, "detail": text}).to_string();
        Fake::answering(&[(TIMELINE, 400, problem)])
            .page(&format!("/timeline?actor={value}"), false)
            .await;
    }
}

#[tokio::test]
async fn intents_are_joined_with_their_outcomes() {
    let entries = [
        entry("i", 0, "billing", json!({"phase": "intent", "outcome_ref": "o"})),
        entry("x", 1, "web", json!({"via": "correlation"})),
        entry("o", 5, "billing", json!({"phase": "outcome", "outcome_ref": "i"})),
        entry("u", 6, "web", json!({"phase": "intent", "unfinished": true})),
        entry(
            "e",
            59,
            "web",
            json!({"phase": "outcome", "outcome_ref": "elsewhere", "gap_before_seconds": 3_720}),
        ),
    ];
    let loss = json!({"events": [{"trail": "shop", "id": "l", "recorded_at": "2026-01-31T10:03:00.000000Z", "action": "audit.loss",
        "context": {"service": "billing"}, "details": {"losses": [{"event_type": "payment", "cause": "dropped", "count": 2}]}}]});
    let fake = Fake::answering(&[(TIMELINE, 200, answer(&entries)), (LOGS, 200, loss.to_string())]);
    let html = fake.page("/timeline?resource_type=order&resource_id=o-1", false).await.html;
    for wanted in [
        "lanes-2",
        "<a href=\"#e2\">its outcome</a> 5 minutes later",
        "<a href=\"#e0\">its intent</a> 5 minutes before",
        "its intent elsewhere",
        "intent without an outcome",
        "1 intent has no outcome.",
        "by its correlation id",
        "Nothing for 1 hour 2 minutes",
        "2 events of <bdi>payment</bdi> <bdi>dropped</bdi>",
        "class=\"span open\"",
        "href=\"/timeline?resource_type=order&amp;resource_id=o-1&amp;cursor=n.1\"",
        "hx-get=\"/timeline/missing?since=2026-01-31T10%3A00%3A00.000000Z&amp;source=00ff\"",
        "href=\"/timeline?correlation_id=c-1\"",
    ] {
        assert!(html.contains(wanted), "{wanted}\n{html}");
    }
    // The loss stands where it was told: after the second event, before the third.
    let place = |what: &str| html.find(what).unwrap();
    assert!(place("id=\"e1\"") < place("data-loss") && place("data-loss") < place("id=\"e2\""));
    // An intent's row, each row and loss between, and the outcome's row have a piece of the line.
    assert_eq!(html.matches("class=\"span\"").count(), 2 + 1 + 1 + 2 + 1, "{html}");
}

#[tokio::test]
async fn the_page_asks_for_what_the_address_says() {
    let fake = Fake::answering(&[(
        TIMELINE,
        200,
        answer(&[entry("a", 1, "web", json!({"via": "actor"}))]),
    )]);
    fake.page("/timeline?actor=a+b&from=2026-01-01&to=2026-01-31&cursor=z", false).await;
    let wanted = format!("{TIMELINE}?user_id=a+b&from=2026-01-01&to=2026-01-31&cursor=z");
    assert!(fake.asked().contains(&wanted), "{:?}", fake.asked());
}

#[tokio::test]
async fn numbers_that_never_arrived_are_named() {
    let gaps = json!({"sources": [
        {"id": "00ff", "service": "billing", "first_seen": "2026-01-31T10:00:00.000000Z", "last_seen": "2026-01-31T11:00:00.000000Z",
         "missing": 4, "explained": 3, "ranges": [{"from": 17, "to": 17}, {"from": 20, "to": 22}], "more_ranges": 0},
        {"id": "00aa", "missing": 0, "ranges": []}, {"id": "00bb", "missing": 9, "ranges": []},
    ]}).to_string();
    let fake = Fake::answering(&[(GAPS, 200, gaps)]);
    let html = fake
        .page("/timeline/missing?since=2026-01-31T10:00:00Z&source=00ff&source=00aa", true)
        .await
        .html;
    assert!(
        html.contains("4 events (number 17, 20–22)") && html.contains("lost 3 of them"),
        "{html}"
    );
    assert!(!html.contains("00bb") && !html.contains("00aa"), "{html}");
    let html =
        fake.page("/timeline/missing?since=2026-01-31T10:00:00Z&source=00aa", true).await.html;
    assert!(html.contains("No event of the recorders seen here is missing"), "{html}");
}

#[tokio::test]
async fn an_empty_timeline_offers_a_choice() {
    let list = json!({"events": [{"trail": "shop", "id": "a", "action": "x.do", "actor": {"id": "maria"},
        "targets": [{"type": "order", "id": "o-1"}], "context": {"correlation_id": "c-9"}}]});
    let fake = Fake::answering(&[(LOGS, 200, list.to_string())]);
    let html = fake.page("/timeline", false).await.html;
    for wanted in [
        "resource_type=order&amp;resource_id=o-1",
        "/timeline?actor=maria",
        "/timeline?correlation_id=c-9",
        "id=\"of-resource\"",
    ] {
        assert!(html.contains(wanted), "{wanted}");
    }
    // Without suggestions the forms are there all the same.
    assert!(Fake::answering(&[]).page("/timeline", false).await.html.contains("id=\"of-actor\""));
    let none = Fake::answering(&[(TIMELINE, 200, json!({"entries": []}).to_string())]);
    assert!(none.page("/timeline?actor=nobody", false).await.html.contains("Nothing found"));
}
