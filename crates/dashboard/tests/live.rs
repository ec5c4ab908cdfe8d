use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::BodyExt as _;
use http_body_util::channel::{Channel, Sender};
use serde_json::json;

use crate::fake::{Fake, HOSTILE, NOW, assert_harmless, json, problem};

fn event(seq: u64) -> String {
    json!({"trail": "default", "seq": seq, "id": format!("e-{seq}"), "recorded_at": NOW, "action": "a.b",
        "actor": {"id": HOSTILE}, "targets": [{"type": "t", "id": HOSTILE}]})
    .to_string()
}

fn answer(path: &str, _: &str) -> Response {
    match path {
        "/api/audit/logs" => {
            let events: Vec<serde_json::Value> = vec![serde_json::from_str(&event(1)).unwrap()];
            let mut answer = json(json!({"events": events}));
            let place = "000000000000002a".parse().unwrap();
            answer.headers_mut().insert("indelible-stream-id", place);
            answer
        }
        _ => problem(404, "nothing here"),
    }
}

fn stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream")], body).into_response()
}

#[tokio::test]
async fn the_page_begins_where_its_stream_goes_on() {
    let fake = Fake::new("auditor", answer);
    let html = fake.get("/live?q=actor%3Amaria", &[("hx-request", "true")]).await.html;
    assert_harmless(&html);
    // One read: the rows come with the place that they reach up to.
    let q = "?q=%28actor%3Amaria%29+AND+-trail%3A_system";
    assert_eq!(fake.asked(), [format!("/api/audit/logs{q}&page_size=50")]);
    let address = "data-stream=\"/live/stream?q=actor%3Amaria&amp;last_event_id=000000000000002a\"";
    assert!(html.contains(address), "{html}");
    assert_eq!(html.matches("data-row").count(), 1, "{html}");
    assert!(html.contains("<noscript>"), "{html}");
}

#[tokio::test]
async fn what_the_audit_system_does_itself_is_shown_on_request() {
    for (role, address, q) in [
        ("admin", "/live?system=1", ""),
        ("admin", "/live", "q=-trail%3A_system&"),
        ("admin", "/live?q=trail%3A_system", "q=trail%3A_system&"),
        ("reader", "/live", ""),
    ] {
        let fake = Fake::new(role, answer);
        fake.get(address, &[]).await;
        assert_eq!(fake.asked(), [format!("/api/audit/logs?{q}page_size=50")]);
    }
}

#[tokio::test]
async fn a_query_that_cannot_be_read_leaves_the_field_to_mend_it() {
    let fake = Fake::new("reader", |_, _| problem(400, "a parenthesis is missing"));
    let page = fake.get("/live?q=outcome%3A%28", &[]).await;
    assert_eq!(page.status, 200);
    assert!(page.html.contains("a parenthesis is missing"), "{}", page.html);
    assert!(page.html.contains("value=\"outcome:(\""), "{}", page.html);
    let refused = fake.get("/live/stream?q=outcome%3A%28", &[]).await;
    assert_eq!(refused.status, 400);
}

#[tokio::test]
async fn each_event_comes_as_a_row_as_soon_as_it_is_there() {
    let (sender, body) = Channel::<Bytes, Infallible>::new(1);
    let (body, held) = (Mutex::new(Some(body)), Arc::new(tokio::sync::Mutex::new(sender)));
    let body = Arc::new(body);
    let fake =
        Fake::new("reader", move |_, _| stream(Body::new(body.lock().unwrap().take().unwrap())));
    let response = fake.ask("/live/stream?last_event_id=0f", &[("last-event-id", "10")]).await;
    assert_eq!(response.headers()[header::CONTENT_TYPE], "text/event-stream");
    assert_eq!(fake.asked(), ["/api/audit/stream?last_event_id=0f"]);
    let mut shown = response.into_body();
    let mut sender = held.try_lock().unwrap();
    let (one, other) = (format!("id: 11\ndata: {}\n\n", event(7)), ": here\nid: 12\n\n");
    assert_eq!(next(&mut sender, &mut shown, &one[..20]).await, "retry: 1000\n\n");
    let row = next(&mut sender, &mut shown, &one[20..]).await;
    let data = row.strip_prefix("id: 11\ndata: ").unwrap().trim_end();
    let data: serde_json::Value = serde_json::from_str(data).unwrap();
    assert_eq!(data["id"], "e-7");
    assert_harmless(data["html"].as_str().unwrap());
    assert_eq!(next(&mut sender, &mut shown, other).await, other);
    // Who goes away ends the stream behind the page.
    drop(shown);
    assert!(sender.send_data(Bytes::from_static(b": here\n\n")).await.is_err());
}

/// Sends a piece, and reads what becomes of it.
async fn next(sender: &mut Sender<Bytes, Infallible>, body: &mut Body, piece: &str) -> String {
    sender.send_data(Bytes::copy_from_slice(piece.as_bytes())).await.unwrap();
    let frame = body.frame().await.unwrap().unwrap();
    String::from_utf8(frame.into_data().unwrap().into()).unwrap()
}
