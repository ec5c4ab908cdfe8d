//! Requests that end in other ways than by an answer.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use actix_web::body::{BodySize, MessageBody};
use actix_web::http::StatusCode;
use actix_web::web::{self, Bytes};
use actix_web::{App, HttpResponse, HttpResponseBuilder, rt};
use indelible_actix::{Audit, AuditMiddleware, HttpAudit};
use indelible_recorder::{Event, Recorder};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::{Notify, mpsc};

use crate::site::{Site, serve, text};

/// A body whose chunks are sent to it.
struct Piped(mpsc::UnboundedReceiver<Result<&'static str, &'static str>>, BodySize);

impl MessageBody for Piped {
    type Error = Box<dyn Error>;

    fn size(&self) -> BodySize {
        self.1
    }

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Box<dyn Error>>>> {
        let bytes = |text: &'static str| Bytes::from_static(text.as_bytes());
        self.0.poll_recv(cx).map(|sent| sent.map(|sent| sent.map(bytes).map_err(Into::into)))
    }
}

type Pipe = mpsc::UnboundedSender<Result<&'static str, &'static str>>;

/// A site that answers with a body, once, and what feeds that.
fn piped(status: StatusCode, size: BodySize) -> (Pipe, Site) {
    let (pipe, chunks) = mpsc::unbounded_channel();
    let body = Arc::new(Mutex::new(Some(Piped(chunks, size))));
    let routes = move |app: &mut web::ServiceConfig| {
        let body = body.clone();
        let take = move || {
            let body = body.lock().unwrap().take().unwrap();
            std::future::ready(HttpResponseBuilder::new(status).body(body))
        };
        app.route("/stream", web::to(take));
    };
    (pipe, Site::with(routes, HttpAudit::default()))
}

fn said(event: &indelible_recorder::Recorded) -> [String; 2] {
    ["outcome", "error.code"].map(|path| text(event, path))
}

#[actix_web::test]
async fn a_client_that_goes_away_while_the_handler_runs() {
    let begun = Arc::new(Notify::new());
    let inside = begun.clone();
    let routes = move |app: &mut web::ServiceConfig| {
        let inside = inside.clone();
        let handler = move || {
            inside.notify_one();
            std::future::pending::<HttpResponse>()
        };
        app.route("/slow", web::get().to(handler));
    };
    let site = Site::with(routes, HttpAudit::default());
    let mut stream = site.connect().await;
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    begun.notified().await;
    drop(stream);
    let event = site.ended().await;
    assert_eq!(said(&event), ["unknown", "client_gone"]);
    assert_eq!(event.get("context.http.status"), None);
    assert_eq!(text(&event, "context.http.route"), "/slow");
}

/// Half-closed connections are allowed unless told otherwise; see the crate's documentation.
#[actix_web::test]
async fn a_client_that_says_nothing_more_is_answered() {
    let recorder = Recorder::memory();
    let middleware = AuditMiddleware::new(recorder.clone());
    let (begun, go_on) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let inside = (begun.clone(), go_on.clone());
    let app = move || {
        let inside = inside.clone();
        let handler = move || {
            let (begun, go_on) = inside.clone();
            async move {
                begun.notify_one();
                go_on.notified().await;
                "done"
            }
        };
        App::new().wrap(middleware.clone()).route("/slow", web::post().to(handler))
    };
    let site = serve!(recorder, app());
    let mut stream = site.connect().await;
    stream.write_all(b"POST /slow HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
    begun.notified().await;
    stream.shutdown().await.unwrap();
    go_on.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(said(&site.ended().await), ["success", ""]);
}

#[actix_web::test]
async fn a_client_that_goes_away_amid_the_answer() {
    for size in [BodySize::Stream, BodySize::Sized(1_000)] {
        let (pipe, site) = piped(StatusCode::OK, size);
        let mut stream = site.connect().await;
        stream.write_all(b"GET /stream HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        pipe.send(Ok("0123456789")).unwrap();
        let mut answer = Vec::new();
        while !answer.windows(10).any(|window| window == b"0123456789") {
            let mut chunk = [0; 1024];
            let read = stream.read(&mut chunk).await.unwrap();
            assert_ne!(read, 0);
            answer.extend_from_slice(&chunk[..read]);
        }
        drop(stream);
        let event = site.ended().await;
        assert_eq!(said(&event), ["unknown", "client_gone"], "{size:?}");
        assert_eq!(event.get("details.response_bytes"), Some(10.into()));
        assert_eq!(event.get("context.http.status"), Some(200.into()));
        drop(pipe);
    }
}

#[actix_web::test]
async fn streams_are_recorded_when_they_end_and_not_before() {
    let (pipe, site) = piped(StatusCode::OK, BodySize::Stream);
    let mut stream = site.connect().await;
    let request = b"POST /stream HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n";
    stream.write_all(request).await.unwrap();
    pipe.send(Ok("some")).unwrap();
    let mut chunk = [0; 1024];
    assert_ne!(stream.read(&mut chunk).await.unwrap(), 0);
    assert_eq!(site.events().len(), 0);
    drop(pipe);
    assert_eq!(said(&site.ended().await), ["success", ""]);
}

#[actix_web::test]
async fn upgrades_are_recorded_as_they_begin() {
    let (pipe, site) = piped(StatusCode::SWITCHING_PROTOCOLS, BodySize::Stream);
    let mut stream = site.connect().await;
    let request =
        b"GET /stream HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let event = site.ended().await;
    assert_eq!((event.action(), said(&event)), ("http.upgrade", ["success".into(), "".into()]));
    drop(pipe);
}

#[actix_web::test]
async fn a_body_that_breaks_off_is_an_error() {
    let (pipe, site) = piped(StatusCode::OK, BodySize::Stream);
    pipe.send(Ok("some")).unwrap();
    pipe.send(Err("the disk is gone")).unwrap();
    site.ask("GET", "/stream", "").await;
    let event = site.ended().await;
    assert_eq!(said(&event), ["error", "body_error"]);
    assert_eq!(event.get("details.response_bytes"), Some(4.into()));
}

#[actix_web::test]
async fn what_a_body_records_belongs_to_its_request() {
    struct Telling(Recorder, bool);

    impl MessageBody for Telling {
        type Error = Infallible;

        fn size(&self) -> BodySize {
            BodySize::Stream
        }

        fn poll_next(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
        ) -> Poll<Option<Result<Bytes, Infallible>>> {
            let last = std::mem::replace(&mut self.1, true);
            self.0.record(Event::new("chunk"));
            Poll::Ready((!last).then(|| Ok(Bytes::from_static(b"x"))))
        }
    }

    let recorder = Recorder::memory();
    let (middleware, inner) = (AuditMiddleware::new(recorder.clone()), recorder.clone());
    let app = move || {
        let inner = inner.clone();
        let handler = move || {
            let body = Telling(inner.clone(), false);
            std::future::ready(HttpResponse::Ok().body(body))
        };
        App::new().wrap(middleware.clone()).route("/x", web::post().to(handler))
    };
    let site = serve!(recorder, app());
    site.ask("POST", "/x", "x-correlation-id: c-1\r\n").await;
    let told: Vec<_> =
        site.events().iter().map(|event| text(event, "context.correlation_id")).collect();
    assert_eq!(told, ["c-1", "c-1", "c-1"]);
}

#[actix_web::test]
async fn a_handler_that_panics() {
    let site = Site::open(|app| {
        let panics = async |audit: Audit| -> HttpResponse {
            audit.actor("maria");
            rt::task::yield_now().await;
            panic!("a test of panics")
        };
        app.route("/panic", web::get().to(panics)).route("/fine", web::get().to(async || "fine"));
    });
    assert_eq!(site.ask("GET", "/panic", "").await, "");
    let event = site.ended().await;
    assert_eq!(said(&event), ["error", "panic"]);
    assert_eq!(text(&event, "actor.id"), "maria");
    assert_eq!(site.events().len(), 1);
    assert!(site.ask("GET", "/fine", "").await.ends_with("fine"), "the worker lives on");
}

#[actix_web::test]
async fn a_future_that_nobody_polls_is_recorded_as_given_up() {
    use actix_web::test;

    let recorder = Recorder::memory();
    let middleware = AuditMiddleware::new(recorder.clone());
    let app = App::new().wrap(middleware).route("/x", web::get().to(async || "x"));
    let app = test::init_service(app).await;
    let request = test::TestRequest::get().uri("/x").to_request();
    drop(actix_web::dev::Service::call(&app, request));
    assert_eq!(said(&recorder.events()[0]), ["unknown", "client_gone"]);
}
