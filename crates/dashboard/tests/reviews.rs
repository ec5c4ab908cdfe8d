//! The pages of reviews: what they show does nothing, and what is signed is what was looked at.

use axum::response::Response;
use serde_json::{Value, json};

use crate::fake::{Fake, json, problem};
use crate::hostile::{HOSTILE, harmless, hostile_event};

const HERE: &str = "/reviews";
const ONE: &str = "/reviews/2026-01-30";

fn review(state: &str) -> Value {
    let signed = state == "signed";
    let event = json!({
        "trail": "shop", "seq": 7, "id": "e-7", "recorded_at": "2026-01-30T10:00:00.000000Z", "action": "user.login",
        "outcome": "failure", "actor": {"id": "ada"},
    });
    json!({
        "period": "2026-01-30", "from": "2026-01-30T00:00:00.000000Z", "to": "2026-01-31T00:00:00.000000Z", "state": state,
        "due_at": "2026-02-01T00:00:00.000000Z", "signed_at": signed.then_some("2026-01-31T09:00:00.000000Z"),
        "signed_by": signed.then_some("Grace"), "note": signed.then_some("two of mine"), "alerts": 5, "digest": "d-1",
        "sections": [
            {"name": "failed_logins", "title": "Failed logins", "count": 1_200, "query": "category:login_failed created:2026-01-30",
                "top": [{"value": "ada", "count": 1_000}, {"value": "eve", "count": 200}], "events": [event]},
            {"name": "exports", "title": "Exports", "count": 0, "query": "action:audit.export", "top": [], "events": []},
        ],
    })
}

fn answering(review: Value) -> impl Fn(&str, &str) -> Response + Clone + Send + Sync {
    move |path, _| match path {
        "/api/reviews" => json(json!({"every": "day", "due_seconds": 86_400, "reviews": [review]})),
        "/api/reviews/2026-01-30" | "/api/reviews/2026-01-30/sign" => json(review.clone()),
        _ => problem(404, "nothing"),
    }
}

fn with(role: &'static str, state: &str) -> Fake {
    Fake::new(role, answering(review(state)))
}

#[tokio::test]
async fn nothing_that_is_told_of_reviews_acts() {
    for text in HOSTILE.iter().copied().chain([&*"W".repeat(4_000)]) {
        let mut one = review("due");
        for member in ["period", "from", "to", "due_at", "signed_at", "signed_by", "note", "digest"]
        {
            one[member] = json!(text);
        }
        one["signed_digest"] = json!("another");
        for section in one["sections"].as_array_mut().unwrap() {
            for member in ["name", "title", "query"] {
                section[member] = json!(text);
            }
            section["top"] = json!([{"value": text, "count": 1}]);
            section["events"] = json!([hostile_event(text)]);
        }
        for state in ["due", "signed", text] {
            one["state"] = json!(state);
            let fake = Fake::new("admin", answering(one.clone()));
            for page in [HERE, ONE] {
                let shown = fake.page(page, false).await;
                assert_eq!(shown.status, 200, "{page}: {}", shown.html);
            }
        }
        let refused = text.to_owned();
        let answer = answering(one);
        let fake = Fake::new("admin", move |path, query| match path.ends_with("/sign") {
            true => problem(409, &refused),
            false => answer(path, query),
        });
        let shown =
            fake.post(&format!("{ONE}/sign"), "digest=x&note=%3C%2Ftextarea%3E%3Cscript%3E").await;
        harmless(&shown.html);
    }
}

#[tokio::test]
async fn the_list_says_how_far_each_is() {
    let html = with("auditor", "overdue").page(HERE, false).await.html;
    for wanted in [
        "href=\"/reviews/2026-01-30\"",
        "<span class=\"outcome bad\">",
        "overdue",
        "signed 1 day after its day has ended",
        "2026-02-01",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    let html = with("auditor", "signed").page(HERE, false).await.html;
    for wanted in ["Grace", "two of mine", "3 hours ago"] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
}

#[tokio::test]
async fn a_review_shows_what_happened_and_how_to_find_all_of_it() {
    let html = with("auditor", "due").page(ONE, false).await.html;
    for wanted in [
        "Failed logins",
        "1,200",
        "href=\"/?q=category%3Alogin_failed+created%3A2026-01-30\"",
        "id=\"failed_logins-top\"",
        "href=\"/events/e-7?trail=shop\"",
        "<input type=\"hidden\" name=\"digest\" value=\"d-1\">",
        "action=\"/reviews/2026-01-30/sign\"",
        "data-print",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(!html.contains("action%3Aaudit.export"), "there is nothing to find");
    for state in ["running", "signed"] {
        let html = with("auditor", state).page(ONE, false).await.html;
        assert!(!html.contains("id=\"sign\""), "{state}: {html}");
    }
    let mut changed = review("signed");
    changed["signed_digest"] = json!("d-0");
    let html = Fake::new("auditor", answering(changed)).page(ONE, false).await.html;
    assert!(html.contains("id=\"changed\"") && html.contains("d-0"), "{html}");
    assert!(html.contains("Sign it as it is now"), "who signs again sees what has changed: {html}");
    let mut fired = review("due");
    fired["sections"][0]["alerts"] = json!([{
        "id": "a-1", "rule": {"id": "r-1", "title": "Password spray", "level": "high"}, "state": "closed", "closed_by": "Ada",
        "count": 3, "opened_at": "2026-01-30T10:00:00.000000Z",
    }]);
    fired["sections"][0]["alarms"] =
        json!([{"trail": "shop", "seq": 3, "message": "does not match"}]);
    let html = Fake::new("auditor", answering(fired)).page(ONE, false).await.html;
    for wanted in ["href=\"/alerts/a-1\"", "by <bdi>Ada</bdi>", "does not match"] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
}

#[tokio::test]
async fn what_is_signed_is_what_was_looked_at() {
    let fake = with("auditor", "due");
    let done = fake.post(&format!("{ONE}/sign"), "digest=d-1&note=+all+planned+").await;
    assert_eq!(done.location.as_deref(), Some(ONE), "{}", done.html);
    let told = "POST /api/reviews/2026-01-30/sign {\"digest\":\"d-1\",\"note\":\"all planned\"}";
    assert_eq!(fake.asked().last().unwrap(), told);
    let answer = answering(review("due"));
    let fake = Fake::new("auditor", move |path, query| match path.ends_with("/sign") {
        true => problem(409, "the review shows something else by now"),
        false => answer(path, query),
    });
    // Something came while they read: they see it, and what they wrote is still there.
    let shown = fake.post(&format!("{ONE}/sign"), "digest=d-0&note=all+planned").await;
    assert_eq!(shown.status, 409);
    for wanted in ["It has changed since you looked", "all planned", "value=\"d-1\""] {
        assert!(shown.html.contains(wanted), "{wanted}: {}", shown.html);
    }
    for role in ["writer", "reader"] {
        let fake = with(role, "due");
        for page in [HERE, ONE] {
            assert_eq!(fake.page(page, false).await.status, 403, "{role} {page}");
        }
        assert_eq!(fake.post(&format!("{ONE}/sign"), "digest=d-1").await.status, 403, "{role}");
        assert!(fake.asked().is_empty(), "{:?}", fake.asked());
    }
}
