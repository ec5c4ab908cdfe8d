//! Requests that end in other ways than by an answer.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::{get, post};
use http_body::Frame;
use indelible_recorder::Recorder;
use indelible_tower::AuditLayer;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::site::{Site, text};

/// A body whose frames are sent to it, of unknown length.
struct Piped(mpsc::UnboundedReceiver<Result<&'static str, &'static str>>);

impl http_body::Body for Piped {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, &'static str>>> {
        let frame = |text: &'static str| Frame::data(Bytes::from_static(text.as_bytes()));
        self.0.poll_recv(cx).map(|sent| sent.map(|sent| sent.map(frame)))
    }
}

type Pipe = mpsc::UnboundedSender<Result<&'static str, &'static str>>;

/// A handler that answers with a body, once, and what feeds that.
fn piped() -> (Pipe, impl Fn() -> std::future::Ready<Body> + Clone + Send + Sync + 'static) {
    let (pipe, frames) = mpsc::unbounded_channel();
    let body = Arc::new(Mutex::new(Some(Piped(frames))));
    let take = move || Body::new(body.lock().unwrap().take().unwrap());
    (pipe, move || std::future::ready(take()))
}

fn said(event: &indelible_recorder::Recorded) -> [String; 2] {
    ["outcome", "error.code"].map(|path| text(event, path))
}

#[tokio::test]
async fn a_client_that_goes_away_while_the_handler_runs() {
    let begun = Arc::new(Notify::new());
    let inside = begun.clone();
    let handler = async move || {
        inside.notify_one();
        std::future::pending::<()>().await;
    };
    let site = Site::open(Router::new().route("/slow", get(handler))).await;
    let mut stream = site.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    begun.notified().await;
    drop(stream);
    let event = site.ended().await;
    assert_eq!(said(&event), ["unknown", "client_gone"]);
    assert_eq!(event.get("context.http.status"), None);
}

#[tokio::test]
async fn a_client_that_goes_away_amid_the_answer() {
    let (pipe, handler) = piped();
    let site = Site::open(Router::new().route("/stream", get(handler))).await;
    let mut stream = site.connect().await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    pipe.send(Ok("0123456789")).unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"0123456789\r\n") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await.unwrap();
        answer.extend_from_slice(&chunk[..read]);
    }
    drop(stream);
    let event = site.ended().await;
    assert_eq!(said(&event), ["unknown", "client_gone"]);
    assert_eq!(event.get("details.response_bytes"), Some(10.into()));
    assert_eq!(event.get("context.http.status"), Some(200.into()));
    drop(pipe);
}

#[tokio::test]
async fn streams_are_recorded_when_they_end_and_not_before() {
    let (pipe, handler) = piped();
    let site = Site::open(Router::new().route("/stream", post(handler))).await;
    let mut stream = site.connect().await;
    stream
        .write_all(b"POST /stream HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n")
        .await
        .unwrap();
    pipe.send(Ok("some")).unwrap();
    let mut chunk = [0; 1024];
    assert_ne!(stream.read(&mut chunk).await.unwrap(), 0);
    assert_eq!(site.events().len(), 0);
    drop(pipe);
    let event = site.ended().await;
    assert_eq!(said(&event), ["success", ""]);
}

#[tokio::test]
async fn a_body_that_breaks_off_is_an_error() {
    let (pipe, handler) = piped();
    let site = Site::open(Router::new().route("/stream", get(handler))).await;
    pipe.send(Ok("some")).unwrap();
    pipe.send(Err("the disk is gone")).unwrap();
    site.ask("GET", "/stream", "").await;
    let event = site.ended().await;
    assert_eq!(said(&event), ["error", "body_error"]);
    assert_eq!(event.get("details.response_bytes"), Some(4.into()));
}

fn panicking() -> Router {
    let panics = async |audit: indelible_tower::Audit| {
        audit.actor("maria");
        tokio::task::yield_now().await;
        panic!("a test of panics")
    };
    Router::new().route("/panic", get(async move |audit| -> StatusCode { panics(audit).await }))
}

#[tokio::test]
async fn a_handler_that_panics() {
    let site = Site::open(panicking()).await;
    assert_eq!(site.ask("GET", "/panic", "").await, "");
    let event = site.ended().await;
    assert_eq!(said(&event), ["error", "panic"]);
    assert_eq!(text(&event, "actor.id"), "maria");
}

#[tokio::test]
async fn a_panic_that_is_caught_within_or_around() {
    let site = Site::open(panicking().layer(CatchPanicLayer::new())).await;
    assert!(site.ask("GET", "/panic", "").await.starts_with("HTTP/1.1 500"));
    let event = site.ended().await;
    assert_eq!(said(&event), ["error", ""]);
    assert_eq!(event.get("context.http.status"), Some(500.into()));

    let recorder = Recorder::memory();
    let app = panicking().layer(AuditLayer::new(recorder.clone())).layer(CatchPanicLayer::new());
    let site = Site::serve(recorder, app).await;
    assert!(site.ask("GET", "/panic", "").await.starts_with("HTTP/1.1 500"));
    assert_eq!(said(&site.ended().await), ["error", "panic"]);
    assert_eq!(site.events().len(), 1);
}

#[tokio::test]
async fn time_outs_within_are_answers_and_around_are_not() {
    let app = || Router::new().route("/slow", post(std::future::pending::<()>));
    let timeout =
        || TimeoutLayer::with_status_code(StatusCode::REQUEST_TIMEOUT, Duration::from_millis(5));
    let site = Site::open(app().layer(timeout())).await;
    assert!(site.ask("POST", "/slow", "").await.starts_with("HTTP/1.1 408"));
    let event = site.ended().await;
    assert_eq!(
        (said(&event), event.get("context.http.status")),
        (["failure".into(), String::new()], Some(408.into()))
    );

    let recorder = Recorder::memory();
    let app = app().layer(AuditLayer::new(recorder.clone())).layer(timeout());
    let site = Site::serve(recorder, app).await;
    assert!(site.ask("POST", "/slow", "").await.starts_with("HTTP/1.1 408"));
    assert_eq!(said(&site.ended().await), ["unknown", "client_gone"]);
}

#[tokio::test]
async fn a_body_that_declares_its_length_is_whole_once_that_is_sent() {
    let handler = async || {
        let (pipe, frames) = mpsc::unbounded_channel();
        pipe.send(Ok("0123456789")).unwrap();
        // It never ends by itself, as long as this stays.
        std::mem::forget(pipe);
        Ok::<_, Infallible>(([("content-length", "10")], Body::new(Piped(frames))))
    };
    let site = Site::open(Router::new().route("/x", post(handler))).await;
    assert!(site.ask("POST", "/x", "").await.ends_with("0123456789"));
    assert_eq!(said(&site.ended().await), ["success", ""]);
}
