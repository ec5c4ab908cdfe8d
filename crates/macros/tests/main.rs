//! What `#[audited]` promises, each promise by functions that it stands on.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

// The attribute's code names the facade crate, which these tests stand in for.
extern crate indelible_recorder as indelible;

mod blocks;
mod durable;
mod functions;
mod futures;
mod outcomes;
mod told;
mod ui;

use indelible_recorder::{Recorded, Recorder};
use serde_json::Value;

/// The one event that was recorded.
#[track_caller]
fn only(recorder: &Recorder) -> Recorded {
    let mut events = recorder.events();
    assert_eq!(events.len(), 1, "{events:?}");
    events.remove(0)
}

/// What the one event has at this path.
#[track_caller]
fn told(recorder: &Recorder, path: &str) -> Value {
    only(recorder).get(path).unwrap_or_default()
}
