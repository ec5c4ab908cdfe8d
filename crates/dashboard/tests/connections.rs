//! The page of connections: what is said of them does nothing, each sees what is theirs, and what is asked for is
//! what the API is told.

use axum::response::Response;
use serde_json::{Value, json};

use crate::fake::{Fake, json, problem};
use crate::hostile::HOSTILE;

const HERE: &str = "/settings/connections";
const ONE: &str = "/settings/connections/streams/splunk";

fn trouble(text: &str, at: &str) -> Value {
    json!({"message": text, "hint": text, "at": at, "since": at, "failures": 7})
}

fn stream(name: &str, state: &str) -> Value {
    let bad = matches!(state, "failing" | "stopped");
    let at = "2026-01-31T11:55:00.000000Z";
    json!({
        "name": name, "kind": "splunk", "to": "https://splunk.example.com:8088", "query": "-category:data_access",
        "state": state, "next": 41_234, "lag": 1_200, "oldest_unsent_at": "2026-01-31T11:00:00.000000Z",
        "sent": 40_000, "set_aside": 2, "last_at": "2026-01-31T11:58:00.000000Z",
        "trouble": bad.then(|| trouble("connection refused", at)),
    })
}

fn input(name: &str, state: &str) -> Value {
    json!({
        "name": name, "kind": "syslog", "from": "0.0.0.0:6514", "state": state, "kept": 5_000, "known": 12, "refused": 3,
        "dead": 1, "last_at": "2026-01-31T11:59:00.000000Z", "last_refused": "no time", "trouble": null,
    })
}

/// An API with these connections.
fn answering(streams: Value, inputs: Value) -> impl Fn(&str, &str) -> Response + Clone {
    move |path, _| match path {
        "/api/streams" => json(json!({"streams": streams})),
        "/api/inputs" => json(json!({"inputs": inputs})),
        "/api/trails" => json(json!({"trails": []})),
        _ => match path.strip_prefix("/api/streams/splunk") {
            Some("" | "/pause" | "/resume" | "/replay") => json(streams[0].clone()),
            _ => problem(404, "nothing"),
        },
    }
}

fn with(role: &'static str, state: &str) -> Fake {
    let streams = json!([stream("splunk", state)]);
    Fake::new(role, answering(streams, json!([input("firewalls", "running")])))
}

#[tokio::test]
async fn nothing_that_is_told_of_connections_acts() {
    for text in HOSTILE {
        let mut out = stream(text, text);
        let mut into = input(text, text);
        for (one, members) in [
            (&mut out, ["kind", "to", "query", "oldest_unsent_at", "last_at"]),
            (&mut into, ["kind", "from", "last_refused", "state", "last_at"]),
        ] {
            members.into_iter().for_each(|member| one[member] = json!(text));
            one["trouble"] = trouble(text, text);
        }
        let mut red = out.clone();
        red["state"] = json!("failing");
        let (streams, inputs) = (json!([out, red]), json!([into]));
        let fake = Fake::new("admin", answering(streams, inputs));
        for (page, fragment) in [
            (HERE, false),
            ("/settings/connections/now", true),
            (ONE, false),
            (&format!("{ONE}/pause"), false),
            (&format!("{ONE}/replay?from=place&trail=a%3Cb%3E%E2%80%AE&seq=1"), false),
            ("/overview?all=1", false),
        ] {
            let shown = fake.page(page, fragment).await;
            assert_eq!(shown.status, 200, "{page}: {}", shown.html);
        }
    }
}

#[tokio::test]
async fn a_page_says_how_each_is_and_asks_again() {
    let fake = with("admin", "failing");
    let html = fake.page(HERE, false).await.html;
    for wanted in [
        "href=\"/settings/connections/streams/splunk\"",
        "https://splunk.example.com:8088",
        "<span class=\"outcome bad\">",
        "1,200 records",
        "1 hour ago",
        "connection refused",
        "7 failures in a row, since ",
        // What was set aside leads to why.
        "href=\"/?q=trail%3A_system+action%3Astream.set_aside+target%3Astream%2Fsplunk\"",
        "2 set aside",
        "0.0.0.0:6514",
        "12 came again",
        "1 to the dead-letter subject",
        "Refused last: ",
        "hx-get=\"/settings/connections/now\" hx-trigger=\"every 5s\"",
        "http://127.0.0.1:8650/api/cloudevents",
        "http://127.0.0.1:8650/v1/logs",
        "http://127.0.0.1:8650/shop/_bulk",
    ] {
        assert!(html.contains(wanted), "{wanted}: {html}");
    }
    assert!(html.contains("/streams/splunk/pause") && !html.contains("/streams/splunk/resume"));
    let html = with("admin", "paused").page(HERE, false).await.html;
    assert!(!html.contains("/streams/splunk/pause") && html.contains("/streams/splunk/resume"));
    // The piece is the tables alone.
    let html = fake.page("/settings/connections/now", true).await.html;
    assert!(
        html.starts_with("<div id=\"connections\"") && !html.contains("id=\"doors\""),
        "{html}"
    );
}

#[tokio::test]
async fn where_nothing_is_described_the_page_says_how_to_begin() {
    let fake = Fake::new("admin", answering(json!([]), json!([])));
    let html = fake.page(HERE, false).await.html;
    assert!(html.contains("indelible serve --connections connections.yaml"), "{html}");
    assert!(html.contains("id=\"doors\"") && !html.contains("<table"), "{html}");
    let fake = Fake::new("admin", answering(json!([stream("splunk", "running")]), json!([])));
    let html = fake.page(HERE, false).await.html;
    assert!(html.contains("id=\"no-inputs\"") && !html.contains("no-connections"), "{html}");
}

#[tokio::test]
async fn an_auditor_looks_and_an_admin_changes() {
    let changes = ["/pause", "/resume", "/replay"];
    for role in ["writer", "reader", "auditor"] {
        let fake = with(role, "running");
        let sees = role == "auditor";
        for page in [HERE, "/settings/connections/now", ONE, &format!("{ONE}/now")] {
            let shown = fake.page(page, false).await;
            assert_eq!(shown.status, if sees { 200 } else { 403 }, "{role} {page}");
            assert!(!changes.iter().any(|deed| shown.html.contains(deed)), "{role} {page}");
            assert!(!shown.html.contains("Keys</a>"), "{role} {page}: {}", shown.html);
        }
        for deed in changes {
            let address = format!("{ONE}{deed}");
            assert_eq!(fake.page(&address, false).await.status, 403, "{role} {deed}");
            assert_eq!(fake.post(&address, "from=beginning").await.status, 403, "{role} {deed}");
        }
        assert!(!fake.asked().iter().any(|asked| asked.starts_with("POST")), "{:?}", fake.asked());
        assert_eq!(fake.asked().is_empty(), !sees, "{role}: {:?}", fake.asked());
    }
    let shown = Fake::new("", answering(json!([]), json!([]))).get(HERE, &[]).await;
    assert_eq!(shown.location.as_deref(), Some("/login?next=%2Fsettings%2Fconnections"));
}

#[tokio::test]
async fn a_change_is_asked_first_and_told_to_the_api() {
    let fake = with("admin", "running");
    let html = fake.page(&format!("{ONE}/pause"), false).await.html;
    assert!(
        html.contains(&format!("action=\"{ONE}/pause\"")) && html.contains("Pause it"),
        "{html}"
    );
    let shown = fake.post(&format!("{ONE}/pause"), "confirm=yes").await;
    assert_eq!(shown.location.as_deref(), Some(ONE));
    assert_eq!(fake.asked().last().unwrap(), "POST /api/streams/splunk/pause ");
    // Somebody else was faster.
    let html = with("admin", "paused").page(&format!("{ONE}/pause"), false).await;
    assert!(html.status == 409 && html.html.contains("paused already"), "{}", html.html);
    // One that waits after a failure may be told to try; one that stopped, only from where.
    for (state, pauses, resumes) in
        [("running", 200, 409), ("failing", 200, 200), ("paused", 409, 200), ("stopped", 409, 409)]
    {
        let fake = with("admin", state);
        let html = fake.page(ONE, false).await.html;
        for (deed, status) in [("pause", pauses), ("resume", resumes)] {
            let address = format!("{ONE}/{deed}");
            assert_eq!(fake.page(&address, false).await.status, status, "{state} {deed}");
            let offered = html.contains(&format!("href=\"{address}\""));
            assert_eq!(offered, status == 200, "{state} {deed}");
        }
    }
    for (form, told, shown) in [
        ("from=beginning", json!("beginning"), "the first record there is"),
        ("from=now", json!("now"), "What waits is skipped"),
        (
            "from=time&time=2026-01-31T10:00",
            json!("2026-01-31T10:00:00.000000Z"),
            "2026-01-31 10:00:00 UTC",
        ),
        ("from=place&trail=shop&seq=17", json!("shop/17"), "record 17 of"),
    ] {
        let address = format!("{ONE}/replay");
        let html = fake.page(&format!("{address}?{form}"), false).await.html;
        assert!(html.contains("id=\"confirm\"") && html.contains(shown), "{html}");
        let done = fake.post(&address, form).await;
        assert_eq!(done.location.as_deref(), Some(ONE), "{}", done.html);
        let asked = fake.asked();
        let body = asked.last().unwrap().strip_prefix("POST /api/streams/splunk/replay ").unwrap();
        assert_eq!(serde_json::from_str::<Value>(body).unwrap(), json!({"from": told}));
    }
}

#[tokio::test]
async fn a_form_that_makes_no_sense_is_refused_before_anything_is_asked_for() {
    let fake = with("admin", "running");
    for form in [
        "",
        "from=x",
        "from=time&time=yesterday",
        "from=place&trail=shop&seq=-1",
        "from=place&seq=1",
    ] {
        let address = format!("{ONE}/replay");
        for shown in
            [fake.page(&format!("{address}?{form}"), false).await, fake.post(&address, form).await]
        {
            assert_eq!(shown.status, 400, "{form}");
            assert!(shown.html.contains("Nothing was changed."), "{form}: {}", shown.html);
        }
    }
    assert!(!fake.asked().iter().any(|asked| asked.starts_with("POST")), "{:?}", fake.asked());
    // What the API refuses is said, too.
    let fake = Fake::new("admin", |path, _| match path {
        "/api/streams/splunk" => json(stream("splunk", "running")),
        _ => problem(400, "there is no trail of this name"),
    });
    let shown = fake.post(&format!("{ONE}/replay"), "from=place&trail=x&seq=1").await;
    assert!(shown.status == 400 && shown.html.contains("there is no trail"), "{}", shown.html);
}

#[tokio::test]
async fn what_is_red_is_said_on_the_overview_to_those_who_may_know() {
    for (role, state, red) in [
        ("admin", "failing", true),
        ("auditor", "stopped", true),
        ("admin", "running", false),
        ("admin", "paused", false),
        ("reader", "failing", false),
    ] {
        let fake = with(role, state);
        let html = fake.page("/overview?all=1", false).await.html;
        assert_eq!(html.contains("id=\"red-connections\""), red, "{role} {state}: {html}");
        assert!(!red || html.contains("connection refused") && html.contains(ONE), "{html}");
        let asked = fake.asked().iter().any(|asked| asked.starts_with("/api/streams"));
        assert_eq!(asked, role != "reader");
    }
}

#[tokio::test]
async fn a_piece_that_cannot_be_had_says_why_and_asks_again() {
    let fake = Fake::new("admin", |_, _| problem(503, "the node is closing"));
    for piece in ["/settings/connections/now", &format!("{ONE}/now")] {
        let shown = fake.page(piece, true).await;
        assert!(
            shown.status == 200 && shown.html.contains("the node is closing"),
            "{}",
            shown.html
        );
        assert!(shown.html.contains(&format!("hx-get=\"{piece}\"")), "{}", shown.html);
    }
}

#[tokio::test]
async fn the_page_of_the_node_says_it_too() {
    let status = json!({
        "version": "1", "started_at": "2026-01-31T10:00:00Z", "public_url": "http://127.0.0.1:8650", "listen": null,
        "disk": {"free_bytes": 1, "log_bytes": 1, "index_bytes": 1},
        "log": {"records": 1, "durable_pos": 1, "searchable_pos": 1, "writable": true},
        "index": {"missing": 0}, "losses": {"reads_not_recorded": 0},
        "requests": {"answered": 1, "client_errors": 0, "server_errors": 0, "connections": 1},
        "limits": {"event_bytes": 1, "body_bytes": 1, "events_a_request": 1, "connections": 1, "keys": 1,
            "session_seconds": 3_600, "saved_searches": 1},
    });
    for (state, red) in [("running", false), ("stopped", true)] {
        let connections = answering(json!([]), json!([input("firewalls", state)]));
        let status = status.clone();
        let fake = Fake::new("admin", move |path, query| match path {
            "/api/status" => json(status.clone()),
            _ => connections(path, query),
        });
        let shown = fake.page("/settings/node", false).await;
        assert_eq!(shown.status, 200, "{}", shown.html);
        assert_eq!(shown.html.contains("id=\"red-connections\""), red, "{state}: {}", shown.html);
        assert_eq!(shown.html.contains("firewalls"), red);
    }
    // A node that cannot say how they are does say how it is.
    let fake = Fake::new("admin", move |path, _| match path {
        "/api/status" => json(status.clone()),
        _ => problem(503, "too much at once"),
    });
    let html = fake.page("/settings/node", false).await.html;
    assert!(html.contains("too much at once") && html.contains("Events are taken."), "{html}");
}
