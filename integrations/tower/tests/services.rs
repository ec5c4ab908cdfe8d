//! The layer around services that are not axum's: errors, readiness, gRPC.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Bytes;
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::{BodyExt, Empty, Full};
use indelible_recorder::{Recorder, assert_recorded};
use indelible_tower::AuditLayer;
use tower::{Layer, Service, ServiceExt, service_fn};

#[tokio::test]
async fn an_error_of_the_service_is_passed_on_and_recorded() {
    let recorder = Recorder::memory();
    let failing = service_fn(async |_: Request<()>| Err::<Response<Empty<Bytes>>, _>("no room"));
    let service = AuditLayer::new(recorder.clone()).layer(failing);
    let error = service.oneshot(Request::get("/x").body(()).unwrap()).await.unwrap_err();
    assert_eq!(error, "no room");
    assert_recorded!(
        recorder,
        action = "http.get",
        outcome = "error",
        "error.code" = "service_error"
    );
}

/// Never ready.
#[derive(Clone)]
struct Busy;

impl Service<Request<()>> for Busy {
    type Response = Response<Empty<Bytes>>;
    type Error = &'static str;
    type Future = std::future::Ready<Result<Self::Response, Self::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), &'static str>> {
        Poll::Ready(Err("busy"))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        unreachable!("it was never ready")
    }
}

#[tokio::test]
async fn readiness_is_that_of_the_service() {
    let mut service = AuditLayer::new(Recorder::memory()).layer(Busy);
    assert_eq!(service.ready().await.err(), Some("busy"));
}

#[tokio::test]
async fn a_future_that_nobody_polls_is_recorded_as_given_up() {
    let recorder = Recorder::memory();
    let service = service_fn(async |_: Request<()>| {
        Ok::<_, Infallible>(Response::new(Full::<Bytes>::from("x")))
    });
    let mut service = AuditLayer::new(recorder.clone()).layer(service);
    let future = service.call(Request::get("/x").body(()).unwrap());
    drop(future);
    assert_recorded!(recorder, outcome = "unknown", "error.code" = "client_gone");
}

#[tokio::test]
async fn a_panic_as_it_is_called_is_recorded() {
    let recorder = Recorder::memory();
    let panics = service_fn(|_: Request<()>| {
        assert!(std::hint::black_box(false), "a test of panics");
        std::future::ready(Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())))
    });
    let mut service = AuditLayer::new(recorder.clone()).layer(panics);
    let request = Request::get("/x").body(()).unwrap();
    let called = std::panic::AssertUnwindSafe(|| drop(service.call(request)));
    assert!(std::panic::catch_unwind(called).is_err());
    assert_recorded!(recorder, outcome = "error", "error.code" = "panic");
    assert_eq!(recorder.events().len(), 1);
}

/// A message and the trailers of gRPC behind it.
struct Reply(Vec<Frame<Bytes>>);

impl http_body::Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop().map(Ok))
    }
}

fn status(code: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        http::HeaderValue::from_static(code),
    )])
}

async fn call(path: &'static str, reply: impl Fn() -> Response<Reply>) -> Recorder {
    let recorder = Recorder::memory();
    let service = service_fn(async |_: Request<()>| Ok::<_, Infallible>(reply()));
    let service = AuditLayer::new(recorder.clone()).layer(service);
    let request = Request::post(path).header("content-type", "application/grpc").body(()).unwrap();
    let response = service.oneshot(request).await.unwrap();
    drop(response.into_body().collect().await.unwrap());
    recorder
}

#[tokio::test]
async fn grpc_says_in_its_trailers_how_it_ended() {
    let path = "/shop.v1.OrderService/CancelOrder";
    let trailing = |code| {
        move || {
            let message = Frame::data(Bytes::from_static(b"\0\0\0\0\0"));
            Response::new(Reply(vec![Frame::trailers(status(code)), message]))
        }
    };
    let recorder = call(path, trailing("0")).await;
    assert_recorded!(
        recorder,
        action = "order.cancel_order",
        outcome = "success",
        "context.http.route" = path
    );
    let recorder = call(path, trailing("7")).await;
    assert_recorded!(
        recorder,
        action = "permission.denied",
        outcome = "denied",
        "details.grpc_status" = 7
    );
    // Trailers-only: the status is among the headers.
    let recorder = call(path, || {
        let mut response = Response::new(Reply(Vec::new()));
        *response.headers_mut() = status("13");
        response
    })
    .await;
    assert_recorded!(
        recorder,
        action = "order.cancel_order",
        outcome = "error",
        category = "api_request_error"
    );
}
