//! Functions that give a future, by themselves or by `#[async_trait]`.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;

use async_trait::async_trait;
use futures_executor::block_on;
use indelible_macros::audited;
use indelible_recorder::Recorder;

use crate::{only, told};

#[audited(action = "a.plain", details(number), after = result, recorder = recorder)]
fn plain(
    recorder: &Recorder,
    number: u8,
) -> impl Future<Output = Result<u8, String>> + Send + use<> {
    let checked = number.checked_mul(2);
    async move { checked.ok_or_else(|| "too much".to_owned()) }
}

#[audited(action = "a.boxed", before = text, after = result, recorder = recorder)]
fn boxed<'a>(
    recorder: &'a Recorder,
    text: &'a str,
) -> Pin<Box<dyn Future<Output = Option<&'a str>> + Send + 'a>> {
    if text.is_empty() {
        return Box::pin(async { None });
    }
    Box::pin(async move { text.get(1..) })
}

type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

#[audited(action = "a.named", recorder = recorder)]
fn named(recorder: &Recorder, panics: bool) -> BoxFuture<'static, u8> {
    Box::pin(async move {
        assert!(!panics, "as asked");
        3
    })
}

#[audited(action = "a.unpin", recorder = recorder)]
fn unpin(recorder: &Recorder) -> impl Future<Output = u8> + Unpin + use<> {
    std::future::ready(4)
}

#[test]
fn the_future_is_audited_not_the_call_that_made_it() {
    let recorder = Recorder::memory();
    let future = plain(&recorder, 2);
    assert!(recorder.events().is_empty(), "nothing has happened yet");
    assert_eq!(block_on(future), Ok(4));
    assert_eq!(told(&recorder, "changes.after"), 4);
    assert_eq!(told(&recorder, "details.number"), 2);

    let recorder = Recorder::memory();
    block_on(plain(&recorder, 200)).unwrap_err();
    assert_eq!(told(&recorder, "error.message"), "too much");
    drop(plain(&recorder, 2));
    assert_eq!(recorder.events().len(), 1, "one that is not polled did not happen");
}

#[test]
fn boxed_futures() {
    let recorder = Recorder::memory();
    assert_eq!(block_on(boxed(&recorder, "abc")), Some("bc"));
    assert_eq!(told(&recorder, "changes.after"), "bc");
    assert_eq!(told(&recorder, "changes.before"), "abc");
    let recorder = Recorder::memory();
    assert_eq!(block_on(boxed(&recorder, "")), None);
    assert_eq!(told(&recorder, "outcome"), "success");
    let recorder = Recorder::memory();
    assert_eq!(block_on(named(&recorder, false)), 3);
    assert_eq!(told(&recorder, "outcome"), "success");
    let recorder = Recorder::memory();
    catch_unwind(AssertUnwindSafe(|| block_on(named(&recorder, true)))).unwrap_err();
    assert_eq!(told(&recorder, "error.code"), "panic");
    let recorder = Recorder::memory();
    assert_eq!(block_on(unpin(&recorder)), 4);
    assert_eq!(only(&recorder).action(), "a.unpin");
}

struct Disk {
    recorder: Recorder,
    size: usize,
}

fn disk() -> Disk {
    Disk { recorder: Recorder::memory(), size: 0 }
}

#[async_trait]
trait Store: Send {
    async fn put(&mut self, key: &str, bytes: Vec<u8>) -> Result<usize, String>;
    async fn size(&self) -> usize;

    #[audited(action = "store.twice", recorder = recorder)]
    async fn twice(&self, recorder: &Recorder) -> usize
    where
        Self: Sync,
    {
        self.size().await * 2
    }
}

#[async_trait]
impl Store for Disk {
    #[audited(
        action = "store.put",
        resource = "object",
        id = key,
        before = self.size,
        after = result,
        details(bytes = bytes.len()),
        recorder = self.recorder,
    )]
    async fn put(&mut self, key: &str, bytes: Vec<u8>) -> Result<usize, String> {
        if bytes.is_empty() {
            return Err("there is nothing to put".into());
        }
        std::future::ready(()).await;
        self.size += bytes.len();
        Ok(self.size)
    }

    async fn size(&self) -> usize {
        self.size
    }
}

#[test]
fn methods_under_async_trait() {
    let mut disk = disk();
    let recorder = disk.recorder.clone();
    drop(disk.put("k", vec![1]));
    assert!(recorder.events().is_empty(), "one that is not polled did not happen");
    assert_eq!(block_on(disk.put("k", vec![1, 2])), Ok(2));
    let event = only(&recorder);
    assert_eq!(event.get("targets.0.id"), Some("k".into()));
    assert_eq!(event.get("changes.before"), Some(0.into()));
    assert_eq!(event.get("changes.after"), Some(2.into()));
    assert_eq!(event.get("details.bytes"), Some(2.into()));

    block_on(disk.put("k", vec![])).unwrap_err();
    assert_eq!(recorder.events()[1].get("outcome"), Some("failure".into()));
    assert_eq!(block_on(disk.twice(&recorder)), 4);
    assert_eq!(recorder.events()[2].action(), "store.twice");
}

#[async_trait]
trait Door: Send {
    async fn open(&mut self, who: &str) -> Result<(), String>;
}

struct Above(Recorder);
struct Below(Recorder);

#[audited(prefix = "door", actor = who, recorder = self.0)]
#[async_trait]
impl Door for Above {
    async fn open(&mut self, who: &str) -> Result<(), String> {
        std::future::ready(()).await;
        Err(format!("not for {who}"))
    }
}

#[async_trait]
#[audited(prefix = "door", actor = who, recorder = self.0)]
impl Door for Below {
    async fn open(&mut self, who: &str) -> Result<(), String> {
        std::future::ready(()).await;
        Err(format!("not for {who}"))
    }
}

#[test]
fn blocks_above_and_below_async_trait() {
    let (mut above, mut below) = (Above(Recorder::memory()), Below(Recorder::memory()));
    let doors: [(&mut dyn Door, Recorder); 2] = {
        let recorders = (above.0.clone(), below.0.clone());
        [(&mut above, recorders.0), (&mut below, recorders.1)]
    };
    for (door, recorder) in doors {
        block_on(door.open("eve")).unwrap_err();
        let event = only(&recorder);
        assert_eq!(event.action(), "door.open");
        assert_eq!(event.get("actor.id"), Some("eve".into()));
        assert_eq!(event.get("error.message"), Some("not for eve".into()));
    }
}
