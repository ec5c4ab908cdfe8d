use axum::response::Response;
use serde_json::json;

use crate::fake::{Fake, HOSTILE, NOW, assert_harmless, json, problem};

fn answer(path: &str, query: &str) -> Response {
    let event = |actor: &str| {
        json!({"trail": "default", "seq": 1, "id": "0190b1a0-0000-7000-8000-000000000000", "recorded_at": NOW,
            "action": "backup.delete", "outcome": "denied", "actor": {"type": "user", "id": actor, "name": HOSTILE}})
    };
    let values = |values: &[&str]| {
        let values: Vec<_> =
            values.iter().map(|value| json!({"value": value, "count": 2})).collect();
        json!({"values": values, "other": 0})
    };
    match path {
        "/api/audit/stats" if query.contains("on_behalf_of") => json(json!({
            "total": {"value": if query.contains("has%3A") { 0 } else { 4 }, "relation": "exact"},
            "facets": {"actor": values(&["helper-bot"])},
        })),
        // The last week, then the weeks before it.
        "/api/audit/stats" if query.contains("user_id") && !query.contains("-63d") => json(json!({
            "total": {"value": 210, "relation": "exact"},
            "facets": {"ip": values(&["192.0.2.1", "198.51.100.80", HOSTILE]), "action": values(&["backup.delete"])},
            "histogram": {"buckets": [{"start": "2026-01-30T03:00:00Z", "count": 210}]},
        })),
        "/api/audit/stats" if query.contains("user_id") => json(json!({
            "total": {"value": 560, "relation": "exact"},
            "facets": {"ip": values(&["192.0.2.1"]), "action": values(&["backup.delete"])},
            "histogram": {"buckets": (1..9).map(|week| json!({
                "start": format!("{}T10:00:00Z", indelible_event::Day(20_484 - 7 * week)), "count": 70,
            })).collect::<Vec<_>>()},
        })),
        "/api/audit/stats" => json(json!({
            "total": {"value": 4, "relation": "exact"}, "facets": {"actor": values(&["maria", HOSTILE, "..", "a/b c"])},
        })),
        "/api/audit/logs" => json(json!({"events": [event("maria")], "next_cursor": null})),
        "/api/audit/suggest" if query.contains("prefix=zz") => json(json!({"values": []})),
        "/api/audit/suggest" => json(json!({"values": [{"value": HOSTILE, "count": 2}]})),
        _ if path.starts_with("/api/audit/users/") => json(json!({
            "user_id": HOSTILE, "days": 30, "total": {"value": 560, "relation": "exact"},
            "first_seen": "2024-01-01T00:00:00Z", "last_seen": NOW, "failures": {"value": 3},
            "actions": [{"value": HOSTILE, "count": 2}], "outcomes": [{"value": "denied", "count": 5}],
            "by_day": [{"start": "2026-01-30T00:00:00Z", "count": 0}, {"start": "2026-01-31T00:00:00Z", "count": 9}],
            "recent": [event("maria"), event("helper-bot")],
        })),
        _ => problem(404, "nothing here"),
    }
}

#[tokio::test]
async fn the_list_names_people_and_leads_to_each() {
    let fake = Fake::new("reader", answer);
    let html = fake.get("/people?active=1", &[("hx-request", "true")]).await.html;
    assert_harmless(&html);
    for wanted in [
        "href=\"/people/maria\"",
        "href=\"/people?id=..\"",
        "href=\"/people/a%2Fb%20c\"",
        "just now",
        "before <time",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(
        fake.asked().iter().all(|asked| asked.contains("occurred%3A-30d")),
        "{:?}",
        fake.asked()
    );
}

#[tokio::test]
async fn people_are_found_by_the_beginning_of_their_id() {
    let fake = Fake::new("reader", answer);
    let html = fake.get("/people?find=%22%3E%3Cscript%3E", &[("hx-request", "true")]).await.html;
    assert_harmless(&html);
    assert!(html.contains("href=\"/people/%22%3E%3Cscript%3E"), "{html}");
    let html = fake.get("/people?find=zz", &[("hx-request", "true")]).await.html;
    assert!(
        html.contains("Nobody is called that") && html.contains("href=\"/?q=name%3Azz\""),
        "{html}"
    );
}

#[tokio::test]
async fn a_report_compares_somebody_with_their_own_usual() {
    let fake = Fake::new("reader", answer);
    let page = fake.get("/people/maria?days=30", &[("hx-request", "true")]).await;
    assert_harmless(&page.html);
    for wanted in [
        "3 times their usual",
        "2 new addresses for the first time in 9 weeks",
        "198.51.100.80",
        "from 03:00 (210)",
        "Done by others on their behalf",
        "asked for by <bdi>key-1</bdi>",
        "data-print",
        "href=\"/timeline?resource_id=maria\"",
        "href=\"/?q=actor%3Amaria+outcome%3Adenied&amp;t=-30d&amp;by=happened\"",
    ] {
        assert!(page.html.contains(wanted), "{wanted}: {}", page.html);
    }
    assert!(!page.html.contains("Done by them on behalf"), "{}", page.html);
    // What others did for them stands apart from what they did.
    assert_eq!(page.html.matches("data-row").count(), 1, "{}", page.html);
}

#[tokio::test]
async fn whatever_an_id_holds_it_is_asked_for_as_it_is() {
    for (address, asked) in [
        ("/people/a%2Fb%20c%3Fd%23e", "/api/audit/users/a%2Fb%20c%3Fd%23e?days=30"),
        ("/people/%E5%90%8D%20%E2%80%AE", "/api/audit/users/%E5%90%8D%20%E2%80%AE?days=30"),
        ("/people/100%252F", "/api/audit/users/100%252F?days=30"),
        ("/people?id=..&days=7", "/api/audit/users/..?days=7"),
        ("/people/x?days=99999999999999999999", "/api/audit/users/x?days=30"),
    ] {
        let fake = Fake::new("reader", answer);
        let page = fake.get(address, &[]).await;
        assert_eq!((page.status.as_u16(), fake.asked()[0].as_str()), (200, asked));
        assert_harmless(&page.html);
    }
    let fake = Fake::new("reader", answer);
    assert_eq!(fake.get("/people/%FF%FE", &[]).await.status, 400);
    // Longer than an address or a query may be: shown, or refused in words, and nothing breaks.
    for length in [5_000, 20_000, 60_000] {
        let page = fake.get(&format!("/people/{}", "x".repeat(length)), &[]).await;
        assert_eq!(page.status, 200, "{length}");
        assert!(!page.html.contains("href=\"/?q=actor%3Ax") || length < 8_000, "{length}");
    }
    let page = fake.get(&format!("/people/{}", "%2F".repeat(21_000)), &[]).await;
    assert!(page.status == 400 || page.status == 200, "{}", page.status);
}

#[tokio::test]
async fn a_report_stands_where_the_comparison_fails() {
    let fake = Fake::new("reader", |path, query| match path {
        "/api/audit/stats" => problem(503, "too many searches at once"),
        _ => answer(path, query),
    });
    let page = fake.get("/people/maria", &[]).await;
    assert_eq!(page.status, 200);
    assert!(
        page.html.contains("too many searches") && page.html.contains("id=\"recent-title\""),
        "{}",
        page.html
    );
}
