use axum::http::Request;
use indelible_log::Seams;
use indelible_store::{InitOptions, Reader, Store};
use tower::ServiceExt as _;

use super::*;

#[tokio::test(start_paused = true)]
async fn who_takes_nothing_is_dropped_after_a_while() {
    let (sender, mut frames) = mpsc::channel(1);
    assert!(hand_over(&sender, "a".into()).await.is_ok());
    let started = Instant::now();
    let end = hand_over(&sender, "b".into()).await;
    assert!(matches!(end, Err(End::Dropped(_))));
    assert_eq!(started.elapsed(), limits::STREAM_PATIENCE);
    // What was not taken is not half sent: the client resumes behind what it got.
    assert_eq!(frames.try_recv().unwrap(), "a");
    assert!(frames.try_recv().is_err());
    drop(frames);
    assert!(matches!(hand_over(&sender, "c".into()).await, Err(End::Over)));
}

#[tokio::test]
async fn one_stream_too_many_is_asked_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let seams = Seams::real(dir.path());
    Store::init(&seams, &InitOptions { origin: "audit.example.com".into() }).unwrap();
    let reader = Arc::new(Reader::open(seams.storage).unwrap());
    let state = AppState::of_reader(reader).unwrap();
    let router = crate::router::build(&state);
    let ask =
        || router.clone().oneshot(Request::get("/api/audit/stream").body(Body::empty()).unwrap());
    // One credential has half of the places at most.
    let take = || state.reading().streams.clone().try_take(&"local".into());
    let all: Vec<_> = std::iter::from_fn(take).collect();
    assert_eq!(all.len(), limits::STREAMS_MAX / limits::SHARE_OF);
    let refused = ask().await.unwrap();
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    drop(all);
    assert_eq!(ask().await.unwrap().status(), 200);
}
