//! How the log is kept, on the settings: whatever the API says of it does nothing on a page.

use serde_json::{Value, json};

use crate::fake::Fake;
use crate::hostile::HOSTILE;

fn answers(text: &str) -> Vec<(&'static str, u16, String)> {
    let policy = json!({
        "number": 2, "rules": text, "bytes_max": 1_000_000, "floor_days": 3, "existing": true,
        "set_at": text, "set_by": {"id": text, "name": text},
    });
    let retention = json!({
        "current": policy, "policies": [policy, policy], "bytes": 5,
        "next": [{"at": text, "class": text, "policy": 2, "day": text, "records": 7}],
        "clock": {"stopped": text},
    });
    let preset = json!({"name": text, "title": text, "rules": text, "why": text});
    let preview = json!({
        "records": 3, "bytes": 9, "promised": 1, "stopped": text,
        "going": [{"class": text, "policy": 1, "day": text, "reason": text, "records": 3, "bytes": 9}],
        "held": [{"name": text, "query": text, "records": 1}],
    });
    let hold = |released: bool| {
        let by = if released { json!({"id": text}) } else { Value::Null };
        json!({
            "id": text, "name": text, "query": text, "reason": text, "owner": text,
            "created_by": {"id": text}, "created_at": text, "released_by": by,
            "released_at": released.then_some(text),
        })
    };
    let request = |state: &str| {
        json!({
            "id": text, "kind": "erasure", "body": {"authority": text, text: [text], "n": 1},
            "state": state, "requested_by": text, "actor": {"name": text}, "requested_at": text,
            "expires_at": text, "ended_by": text, "ended_at": text,
        })
    };
    let erasure = json!({
        "erasure": text, "begun_at": text, "kind": text, "authority": text, "parts": [text],
        "records": 1, "done": true, "complete": false,
    });
    let backup = json!({
        "id": text, "state": text, "backup_type": text, "created_at": text, "user": text,
        "target": text, "trail": text, "with_key": false, "scheduled": false, "size_bytes": 1,
        "records": 2, "error": text, "verified": {"at": text, "holds": false, "error": text},
    });
    let settings = json!({
        "schedule": text, "target": text, "type": "full", "with_key": true, "keep": 3,
        "on_failure": "alert", "trouble": text,
    });
    let job = json!({
        "id": text, "what": text, "by": text, "state": "running", "stage": text, "done": 1, "of": 2,
        "result": {text: text, "n": 1}, "error": {"title": text, "status": 500, "detail": text},
        "started_at": text, "ended_at": null,
    });
    vec![
        ("/api/retention", 200, retention.to_string()),
        ("/api/retention/presets", 200, json!({"presets": [preset]}).to_string()),
        ("/api/retention/preview", 200, preview.to_string()),
        ("/api/holds", 200, json!({"holds": [hold(false), hold(true)]}).to_string()),
        (
            "/api/requests",
            200,
            json!({"requests": [request("waiting"), request(text)]}).to_string(),
        ),
        ("/api/erasures", 200, json!({"erasures": [erasure]}).to_string()),
        ("/api/backups", 200, json!({"backups": [backup]}).to_string()),
        ("/api/backups/settings", 200, settings.to_string()),
        ("/api/jobs", 200, json!({"jobs": [job]}).to_string()),
        ("/api/jobs/x", 200, job.to_string()),
    ]
}

#[tokio::test]
async fn nothing_that_is_told_of_keeping_acts() {
    for text in HOSTILE {
        let fake = Fake::answering(&answers(text));
        for page in [
            "/settings/retention",
            "/settings/retention?preset=x",
            "/settings/retention/confirm?rules=x&existing=yes",
            "/settings/holds",
            "/settings/requests",
            "/settings/erasures",
            "/settings/backups",
            "/settings/jobs",
            "/settings/jobs/x",
        ] {
            let shown = fake.page(page, false).await;
            assert_eq!(shown.status, 200, "{page}: {}", shown.html);
        }
    }
}

#[tokio::test]
async fn what_waits_is_for_somebody_else_to_confirm() {
    let request = |by: &str| {
        json!({
            "id": "r-1", "kind": "purge", "body": {"until": "2026-01-01"}, "state": "waiting",
            "requested_by": by, "actor": {"id": by}, "requested_at": "2026-01-31T11:00:00.000000Z",
            "expires_at": "2026-02-07T11:00:00.000000Z", "ended_by": null, "ended_at": null,
        })
    };
    for (by, may) in [("key-1", false), ("key-2", true)] {
        let body = json!({"requests": [request(by)]}).to_string();
        let fake = Fake::answering(&[("/api/requests", 200, body)]);
        let html = fake.page("/settings/requests", false).await.html;
        assert_eq!(html.contains("/settings/requests/r-1/confirm"), may, "{html}");
        assert!(html.contains("/settings/requests/r-1/withdraw"));
    }
}

#[tokio::test]
async fn a_page_of_what_runs_asks_again_until_it_has_ended() {
    let job = |state: &str| {
        json!({
            "id": "x", "what": "backup.create", "by": "key-1", "state": state, "stage": "copying",
            "done": 1, "of": 2, "result": {"size_bytes": 12}, "error": null,
            "started_at": "2026-01-31T11:00:00.000000Z", "ended_at": null,
        })
    };
    for (state, again) in [("running", true), ("done", false)] {
        let fake = Fake::answering(&[("/api/jobs/x", 200, job(state).to_string())]);
        let html = fake.page("/settings/jobs/x", false).await.html;
        assert_eq!(html.contains("hx-trigger=\"every 2s\""), again, "{html}");
    }
}
