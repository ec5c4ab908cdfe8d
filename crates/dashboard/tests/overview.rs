use axum::response::Response;
use serde_json::json;

use crate::fake::{Fake, HOSTILE, assert_harmless, json, problem};

const PIECE: &[(&str, &str)] = &[("hx-request", "true"), ("cookie", "indelible_zone=60")];

fn answer(path: &str, query: &str) -> Response {
    let values = json!({"values": [{"value": HOSTILE, "count": 7}, {"value": "a".repeat(9_000), "count": 1}],
        "other": 3, "missing": 0, "exact": true});
    match path {
        "/api/trails" => json(json!({"trails": [{"name": "default"}, {"name": "_system"}]})),
        "/api/audit/stats" => json(json!({
            "total": {"value": 1_234_567, "relation": "exact"},
            "facets": {"actor": values, "action": values, "resource": values, "ip": values},
            "failures": {"value": 2}, "denied": {"value": 1},
            "histogram": if query.contains("interval=") { json!({"buckets": [
                {"start": "2026-01-31T10:00:00.000000Z", "count": 12, "outcomes": {"failure": 1, "denied": 2, "success": 8}},
                {"start": "no time at all", "count": 5, "outcomes": {}},
                {"start": "1970-01-01T00:00:00.000000Z", "count": 5, "outcomes": {}},
            ]}) } else { json!(null) },
        })),
        "/api/audit/reports/gaps" => json(json!({
            "total": {"sources": 2, "missing": 5, "explained": 4, "unexplained": 1, "in_flight": 3},
            "losses": [{"event_type": HOSTILE, "cause": "sampled", "count": 123}],
        })),
        "/api/status" => json(json!({
            "version": HOSTILE, "disk": {"free_bytes": 1_073_741_824},
            "log": {"durable_pos": 12, "searchable_pos": 10, "writable": false, "reason": HOSTILE},
            "trails": [{"name": HOSTILE, "size": 12, "published": 9, "checkpoint_at": "2026-01-31T11:58:00Z"}],
        })),
        _ => problem(404, "nothing here"),
    }
}

#[tokio::test]
async fn the_frame_comes_without_counting_anything() {
    let fake = Fake::new("admin", answer);
    let page = fake.get("/overview?t=-7d&trail=default", &[]).await;
    assert_eq!(fake.asked(), ["/api/trails?", "/api/alerts?state=open&limit=100", "/api/streams?"]);
    for piece in ["figures", "troubles", "hours", "losses", "health"] {
        let address = format!("hx-get=\"/overview/{piece}?t=-7d&amp;trail=default\"");
        assert!(page.html.contains(&address), "{}", page.html);
    }
    assert!(
        page.html.contains("href=\"/overview?t=-7d&amp;trail=default&amp;all=1\""),
        "{}",
        page.html
    );
}

#[tokio::test]
async fn without_scripts_all_of_it_is_one_page() {
    let fake = Fake::new("admin", answer);
    let page = fake.get("/overview?all=1", &[]).await;
    assert_harmless(&page.html.replace("<script", "<x").replace("<x>", "<script>"));
    for id in
        ["events-over-time", "top-actors", "failing-actions", "hours-of-week", "losses", "health"]
    {
        assert!(page.html.contains(&format!("id=\"{id}\"")), "{id}: {}", page.html);
    }
    assert!(!page.html.contains("hx-get=\"/overview"), "{}", page.html);
}

#[tokio::test]
async fn figures_are_counted_drawn_and_lead_on() {
    let fake = Fake::new("auditor", answer);
    let page = fake.get("/overview/figures?t=-24h", PIECE).await;
    assert_harmless(&page.html);
    // The node's own trail is left out, and the time before is asked for too.
    let asked = fake.asked().join("\n");
    assert!(asked.contains("q=-trail%3A_system+occurred%3A-24h"), "{asked}");
    assert!(asked.contains("occurred%3A-48h..-24h"), "{asked}");
    let html = &page.html;
    for wanted in [
        "1,234,567",
        "as many as 2 in the 24 hours before",
        // What has another outcome is open or unknown.
        "2026-01-31 11:00–11:30: 12\n1 failed\n2 denied\n1 open or unknown\n8 succeeded",
        "href=\"/?by=happened&amp;t=2026-01-31T10%3A00%3A00Z..2026-01-31T10%3A29%3A59Z\"",
        "Times are UTC+01:00.",
        "href=\"/?q=action%3A%22%5C%22%3E%3Cscript%3E",
        "All others",
    ] {
        let t_last =
            wanted.replace("/?t=", "/?by=happened&amp;t=").replace("&amp;by=happened\"", "\"");
        assert!(html.contains(wanted) || html.contains(&t_last), "{wanted}: {html}");
    }
    // A value that no query has room for is shown, and leads nowhere.
    assert!(html.contains(&"a".repeat(48)) && !html.contains(&"a".repeat(9_000)), "{html}");
}

#[tokio::test]
async fn the_hours_are_the_viewers_or_else_utc() {
    let fake = Fake::new("reader", answer);
    let html = fake.get("/overview/hours?t=-24h", PIECE).await.html;
    assert!(html.contains("Sat 11: 12") && html.contains("UTC+01:00"), "{html}");
    let html = fake.get("/overview/hours", &[("cookie", "indelible_zone=x"), PIECE[0]]).await.html;
    assert!(html.contains("Sat 10: 12") && html.contains("Times are UTC."), "{html}");
    let half = [("cookie", "indelible_zone=330"), PIECE[0]];
    assert!(fake.get("/overview/hours?t=-90d", &half).await.html.contains("Sat 15: 12"));
    let asked = fake.asked();
    assert!(asked[2].contains("interval=30m") && asked[2].contains("-35d"), "{asked:?}");
}

#[tokio::test]
async fn health_says_what_is_known_and_hides_from_those_who_may_not_ask() {
    let fake = Fake::new("admin", answer);
    let html = fake.get("/overview/health", PIECE).await.html;
    assert_harmless(&html);
    for wanted in ["does not work", "1 GiB", "not witnessed", "everything is kept", "2 minutes ago"]
    {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let html = fake.get("/overview/losses?t=-30d", PIECE).await.html;
    assert_harmless(&html);
    assert!(html.contains("5 events are missing from 2 recorders"), "{html}");
    assert!(
        html.contains("1 is not explained") && html.contains("3 are still on the way"),
        "{html}"
    );
    assert!(fake.asked()[1].contains("since=30d"), "{:?}", fake.asked());
    for status in [403, 404] {
        let fake = Fake::new("reader", move |_, _| problem(status, "not for you"));
        for piece in ["health", "losses"] {
            let html = fake.get(&format!("/overview/{piece}"), PIECE).await.html;
            assert_eq!(html, "", "{piece} {status}");
        }
    }
    // Nothing but an empty object is an answer too.
    let fake = Fake::new("admin", |_, _| json(json!({})));
    for piece in ["figures", "troubles", "hours", "losses", "health"] {
        let page = fake.get(&format!("/overview/{piece}"), PIECE).await;
        assert_eq!(page.status, 200, "{piece}: {}", page.html);
    }
}

#[tokio::test]
async fn a_piece_that_fails_takes_no_other_with_it() {
    let fake = Fake::new("admin", |path, query| match path {
        "/api/audit/stats" => problem(503, "too many searches at once"),
        _ => answer(path, query),
    });
    let page = fake.get("/overview?all=1", &[]).await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("too many searches at once"), "{}", page.html);
    assert!(page.html.contains("5 events are missing"), "{}", page.html);
}

#[tokio::test]
async fn who_is_not_signed_in_is_led_there() {
    let fake = Fake::new("", answer);
    let page = fake.get("/overview?t=-7d", &[]).await;
    assert_eq!(page.location.as_deref(), Some("/login?next=%2Foverview%3Ft%3D-7d"));
    // A piece says so in its place.
    let piece = fake.get("/overview/figures", PIECE).await;
    assert!(piece.html.contains("href=\"/login\""), "{}", piece.html);
    assert!(fake.asked().is_empty());
}
