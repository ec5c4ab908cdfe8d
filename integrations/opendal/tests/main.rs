//! The layer on real backends: a directory and memory, and one that fails on purpose.
#![allow(clippy::unwrap_used, reason = "tests may stop at what they did not expect")]

mod broken;
mod deleting;
mod looking;
mod required;
mod stacking;
mod writing;

use indelible_opendal::AuditLayer;
use indelible_recorder::{Recorded, Recorder};
use opendal::{Operator, services};
use tempfile::TempDir;

/// A store in memory and the recorder of what is done with it.
fn memory() -> (Operator, Recorder) {
    let recorder = Recorder::memory();
    let storage = Operator::new(services::Memory::default()).unwrap();
    (storage.layer(AuditLayer::new(recorder.clone())), recorder)
}

/// The same on a directory, which goes with the last of the three.
fn directory() -> (Operator, Recorder, TempDir) {
    let recorder = Recorder::memory();
    let dir = tempfile::tempdir().unwrap();
    (plain(&dir).layer(AuditLayer::new(recorder.clone())), recorder, dir)
}

/// A store on a directory that nobody audits.
fn plain(dir: &TempDir) -> Operator {
    Operator::new(services::Fs::default().root(dir.path().to_str().unwrap())).unwrap()
}

/// The events of this action.
fn told(recorder: &Recorder, action: &str) -> Vec<Recorded> {
    of(recorder.events(), action)
}

fn of(mut events: Vec<Recorded>, action: &str) -> Vec<Recorded> {
    events.retain(|event| event.action() == action);
    events
}

/// The only event there is.
#[track_caller]
fn only(recorder: &Recorder) -> Recorded {
    let mut events = recorder.events();
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

/// Asserts what an event has at these paths; `null` is nothing.
#[track_caller]
fn has(event: &Recorded, wanted: serde_json::Value) {
    for (path, wanted) in wanted.as_object().unwrap() {
        let found = event.get(path).unwrap_or_default();
        assert_eq!(found, *wanted, "{path} of {:#}", event.json());
    }
}
