//! Deeds that are announced first, and those that must be recorded.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

use futures_executor::block_on;
use indelible_macros::audited;
use indelible_recorder::{RecordError, Recorder, SendError, Sent, Transport};
use serde_json::json;

#[derive(Debug, PartialEq)]
enum Failed {
    Audit(RecordError),
    Disk,
}

impl From<RecordError> for Failed {
    fn from(error: RecordError) -> Failed {
        Failed::Audit(error)
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the disk failed")
    }
}

#[audited(action = "backup.delete", resource = "backup", id = id, before = json!({"size": 4}), intent, recorder = recorder)]
fn delete(recorder: &Recorder, id: &str, disk: &mut dyn FnMut()) -> Result<u8, Failed> {
    disk();
    if id.is_empty() { Err(Failed::Disk) } else { Ok(1) }
}

#[audited(action = "backup.delete", resource = "backup", id = id, after = result, intent, recorder = recorder)]
async fn delete_later(recorder: &Recorder, id: &str, waits: bool) -> Result<u8, Failed> {
    if waits {
        pending::<()>().await;
    }
    if id.is_empty() { Err(Failed::Disk) } else { Ok(1) }
}

fn phases(recorder: &Recorder) -> Vec<(String, String)> {
    let text = |value: Option<serde_json::Value>| value.unwrap().as_str().unwrap().to_owned();
    let events = recorder.events();
    if let [intent, outcome] = &*events {
        assert_eq!(intent.get("id"), outcome.get("ref"));
    }
    events.iter().map(|e| (text(e.get("phase")), text(e.get("outcome")))).collect()
}

fn pairs(outcome: &str) -> Vec<(String, String)> {
    [("intent", "pending"), ("outcome", outcome)].map(|(a, b)| (a.into(), b.into())).to_vec()
}

#[test]
fn the_intent_is_kept_before_the_body_runs() {
    let recorder = Recorder::memory();
    let mut kept = 0;
    delete(&recorder, "b-17", &mut || kept = recorder.events().len()).unwrap();
    assert_eq!(kept, 1);
    assert_eq!(phases(&recorder), pairs("success"));
    assert_eq!(recorder.events()[0].get("changes.before.size"), Some(4.into()));
    assert_eq!(recorder.events()[1].get("targets.0.id"), Some("b-17".into()));
}

#[test]
fn an_intent_has_its_outcome_however_it_ends() {
    let recorder = Recorder::memory();
    assert_eq!(block_on(delete_later(&recorder, "b-17", false)), Ok(1));
    assert_eq!(phases(&recorder), pairs("success"));
    assert_eq!(recorder.events()[1].get("changes.after"), Some(1.into()));

    let recorder = Recorder::memory();
    assert_eq!(block_on(delete_later(&recorder, "", false)), Err(Failed::Disk));
    assert_eq!(phases(&recorder), pairs("failure"));

    let recorder = Recorder::memory();
    catch_unwind(AssertUnwindSafe(|| delete(&recorder, "b", &mut || panic!("as asked"))))
        .unwrap_err();
    assert_eq!(phases(&recorder), pairs("error"));
    assert_eq!(recorder.events()[1].get("error.code"), Some("panic".into()));
}

#[test]
fn a_cancelled_intent_says_so() {
    let recorder = Recorder::memory();
    {
        let mut future = pin!(delete_later(&recorder, "b-17", true));
        // Once to announce it; the memory then keeps it, and the second time the body begins.
        for _ in 0..2 {
            assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
            recorder.flush().wait().unwrap();
        }
    }
    assert_eq!(phases(&recorder), pairs("unknown"));
    assert_eq!(recorder.events()[1].get("error.code"), Some("cancelled".into()));
}

#[test]
fn what_cannot_be_announced_is_not_done() {
    let recorder = Recorder::memory();
    recorder.close().wait().unwrap();
    let mut done = false;
    let answer = delete(&recorder, "b-17", &mut || done = true);
    assert_eq!(answer, Err(Failed::Audit(RecordError::Closed)));
    assert!(!done);
    let answer = block_on(delete_later(&recorder, "b-17", false));
    assert_eq!(answer, Err(Failed::Audit(RecordError::Closed)));
}

#[audited(action = "key.issue", after = result, required, recorder = recorder)]
fn issue(recorder: &Recorder, fails: bool) -> Result<u8, Failed> {
    if fails { Err(Failed::Disk) } else { Ok(5) }
}

#[audited(action = "key.issue", after = result, required, intent, recorder = recorder)]
async fn issue_later(recorder: &Recorder) -> Result<u8, Failed> {
    Ok(5)
}

/// Keeps nothing.
struct Full;

impl Transport for Full {
    fn destination(&self) -> String {
        "nowhere".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        Ok(events.iter().map(|_| Sent::Refused("full".into())).collect())
    }
}

#[test]
fn required_events_are_durable_or_the_call_fails() {
    let recorder = Recorder::memory();
    assert_eq!(issue(&recorder, false), Ok(5));
    assert_eq!(recorder.events()[0].get("changes.after"), Some(5.into()));
    assert_eq!(recorder.events()[0].get("outcome"), Some("success".into()));
    assert_eq!(issue(&recorder, true), Err(Failed::Disk));
    assert_eq!(recorder.events()[1].get("outcome"), Some("failure".into()));

    let recorder = Recorder::memory();
    assert_eq!(block_on(issue_later(&recorder)), Ok(5));
    assert_eq!(phases(&recorder), pairs("success"));

    let full = Recorder::builder(Full).durable_within(Duration::from_secs(5)).build().unwrap();
    assert!(matches!(issue(&full, false), Err(Failed::Audit(RecordError::Refused { .. }))));
}
