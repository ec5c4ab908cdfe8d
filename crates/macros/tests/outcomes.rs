//! However a call ends, it is recorded once.

use std::future::{Future, pending};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use futures_executor::block_on;
use indelible_macros::audited;
use indelible_recorder::Recorder;

use crate::{only, told};

#[audited(action = "report.render", recorder = recorder)]
fn render(recorder: &Recorder, pages: u32) -> Result<u32, io::Error> {
    if pages == 0 {
        return Err(io::Error::other("no pages"));
    }
    assert!(pages < 100, "too many pages");
    Ok(pages * 2)
}

#[audited(action = "report.render", recorder = recorder)]
async fn render_later(recorder: &Recorder, pages: u32) -> Result<u32, io::Error> {
    if pages == 0 {
        Err(io::Error::other("no pages"))?;
    }
    assert!(pages < 100, "too many pages");
    Ok(pages * 2)
}

#[audited(action = "report.wait", recorder = recorder)]
async fn wait(recorder: &Recorder) {
    pending::<()>().await;
}

#[test]
fn success() {
    for run in [render, |recorder: &Recorder, pages| block_on(render_later(recorder, pages))] {
        let recorder = Recorder::memory();
        assert_eq!(run(&recorder, 3).unwrap(), 6);
        let event = only(&recorder);
        assert_eq!(event.action(), "report.render");
        assert_eq!(event.get("outcome"), Some("success".into()));
        assert_eq!(event.get("error"), None);
        assert!(event.get("details.duration_ms").unwrap().is_number());
    }
}

#[test]
fn failure_by_early_return_and_question_mark() {
    for run in [render, |recorder: &Recorder, pages| block_on(render_later(recorder, pages))] {
        let recorder = Recorder::memory();
        assert_eq!(run(&recorder, 0).unwrap_err().to_string(), "no pages");
        assert_eq!(told(&recorder, "outcome"), "failure");
        assert_eq!(told(&recorder, "error.message"), "no pages");
    }
}

#[test]
fn panic() {
    for run in [render, |recorder: &Recorder, pages| block_on(render_later(recorder, pages))] {
        let recorder = Recorder::memory();
        catch_unwind(AssertUnwindSafe(|| run(&recorder, 100))).unwrap_err();
        assert_eq!(told(&recorder, "outcome"), "error");
        assert_eq!(told(&recorder, "error.code"), "panic");
    }
}

#[test]
fn cancellation() {
    let recorder = Recorder::memory();
    {
        let mut future = pin!(wait(&recorder));
        let polled = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(matches!(polled, Poll::Pending));
        assert!(recorder.events().is_empty(), "it goes on");
    }
    assert_eq!(told(&recorder, "outcome"), "unknown");
    assert_eq!(told(&recorder, "error.code"), "cancelled");
}

#[test]
fn never_polled_never_happened() {
    let recorder = Recorder::memory();
    drop(wait(&recorder));
    drop(render_later(&recorder, 3));
    assert!(recorder.events().is_empty());
}

#[derive(Debug)]
enum Refused {
    NotYours,
    Full,
}

impl Refused {
    fn code(&self) -> &'static str {
        match self {
            Refused::NotYours => "not_yours",
            Refused::Full => "full",
        }
    }
}

#[audited(
    action = "door.open",
    recorder = recorder,
    denied_if = |e| matches!(e, Refused::NotYours),
    err = |e| format!("the door says {e:?}"),
    err_code = Refused::code,
)]
fn open(recorder: &Recorder, error: Refused) -> Result<(), Refused> {
    Err(error)
}

#[test]
fn denied_is_told_apart_and_the_error_told_as_asked() {
    let recorder = Recorder::memory();
    open(&recorder, Refused::NotYours).unwrap_err();
    assert_eq!(told(&recorder, "outcome"), "denied");
    assert_eq!(told(&recorder, "error.message"), "the door says NotYours");
    assert_eq!(told(&recorder, "error.code"), "not_yours");

    let recorder = Recorder::memory();
    open(&recorder, Refused::Full).unwrap_err();
    assert_eq!(told(&recorder, "outcome"), "failure");
    assert_eq!(told(&recorder, "error.code"), "full");
}

#[audited(action = "cache.read", recorder = recorder, skip_ok)]
fn cached(recorder: &Recorder, there: bool) -> Result<u8, String> {
    there.then_some(7).ok_or_else(|| "not there".to_owned())
}

#[test]
fn skip_ok_records_failures_only() {
    let recorder = Recorder::memory();
    assert_eq!(cached(&recorder, true), Ok(7));
    assert!(recorder.events().is_empty());
    cached(&recorder, false).unwrap_err();
    assert_eq!(told(&recorder, "error.message"), "not there");
}

mod texts {
    use std::error::Error;
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Outer(io::Error);

    impl fmt::Display for Outer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("the backup was not read")
        }
    }

    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }

    fn outer() -> Outer {
        Outer(io::Error::other("the disk is gone"))
    }

    #[audited(action = "a.b", recorder = recorder)]
    fn chained(recorder: &Recorder) -> Result<(), Outer> {
        Err(outer())
    }

    #[audited(action = "a.b", recorder = recorder)]
    fn boxed(recorder: &Recorder) -> Result<(), Box<dyn Error + Send + Sync>> {
        Err(outer())?
    }

    #[audited(action = "a.b", recorder = recorder)]
    fn generic<E: fmt::Display>(recorder: &Recorder, error: E) -> Result<(), E> {
        Err(error)
    }

    #[audited(action = "a.b", recorder = recorder)]
    fn mute(recorder: &Recorder) -> Result<(), Refused> {
        Err(Refused::Full)
    }

    #[test]
    fn errors_tell_their_causes() {
        let recorder = Recorder::memory();
        chained(&recorder).unwrap_err();
        assert_eq!(told(&recorder, "error.message"), "the backup was not read: the disk is gone");
        let recorder = Recorder::memory();
        boxed(&recorder).unwrap_err();
        assert_eq!(told(&recorder, "error.message"), "the backup was not read: the disk is gone");
    }

    #[test]
    fn what_is_no_error_is_shown_if_it_can_be() {
        let recorder = Recorder::memory();
        generic(&recorder, 42).unwrap_err();
        assert_eq!(told(&recorder, "error.message"), "42");
        let recorder = Recorder::memory();
        mute(&recorder).unwrap_err();
        assert!(told(&recorder, "error.message").as_str().unwrap().ends_with("Refused"));
    }
}
