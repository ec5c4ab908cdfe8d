//! A keeper of events that behaves as it is told, with the law of a trail: an id is kept once, and the same id with
//! other content is refused.

use std::collections::HashMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use indelible_recorder::{EventId, Receipt, Recorder, SendError, Sent, Transport};
use serde_json::Value;

#[derive(Clone, Default)]
pub struct Sink(Arc<(Mutex<Inner>, Condvar)>);

#[derive(Default)]
pub struct Inner {
    pub kept: Vec<Value>,
    bytes: HashMap<EventId, Vec<u8>>,
    /// Events that came, again or not.
    pub came: usize,
    /// How many sendings fail from now on.
    pub fails: usize,
    /// Events of this action are refused.
    pub refuses: Option<&'static str>,
    /// Larger batches are turned away.
    pub batch_max: Option<usize>,
    /// Where kept events are written to; the process dies when it has kept some, before it answers.
    pub dies_after: Option<PathBuf>,
}

impl Sink {
    pub fn set(&self, change: impl FnOnce(&mut Inner)) {
        change(&mut self.0.0.lock().unwrap());
    }

    pub fn get<T>(&self, look: impl FnOnce(&Inner) -> T) -> T {
        look(&self.0.0.lock().unwrap())
    }

    /// The actions of what was kept, in order.
    pub fn actions(&self) -> Vec<String> {
        self.get(|inner| {
            inner.kept.iter().map(|event| event["action"].as_str().unwrap().to_owned()).collect()
        })
    }

    /// Waits until so many are kept.
    pub fn wait_for(&self, count: usize) {
        let (inner, changed) = &*self.0;
        let guard = inner.lock().unwrap();
        let few = |inner: &mut Inner| inner.kept.len() < count;
        let (guard, waited) =
            changed.wait_timeout_while(guard, Duration::from_secs(60), few).unwrap();
        assert!(!waited.timed_out(), "{} of {count} events came", guard.kept.len());
    }

    /// What another process kept before it died.
    pub fn load(&self, file: &Path) {
        for line in std::fs::read_to_string(file).unwrap().lines() {
            self.set(|inner| drop(inner.keep(line.as_bytes())));
        }
    }

    /// A recorder that sends here, and says soon when nothing is confirmed.
    pub fn recorder(&self) -> Recorder {
        let builder = Recorder::builder(self.clone());
        builder.durable_within(Duration::from_millis(50)).build().unwrap()
    }

    /// One that waits for as long as it takes.
    pub fn patient_recorder(&self) -> Recorder {
        let builder = Recorder::builder(self.clone());
        builder.durable_within(Duration::from_secs(60)).build().unwrap()
    }
}

impl Inner {
    fn keep(&mut self, json: &[u8]) -> Sent {
        let event: Value = serde_json::from_slice(json).unwrap();
        let id = EventId::parse(event["id"].as_str().unwrap()).unwrap();
        if self.refuses.is_some_and(|action| event["action"] == action) {
            return Sent::Refused("not this\0 one".into());
        }
        match self.bytes.insert(id, json.to_vec()) {
            Some(before) if before != json => return Sent::Refused("another by this id".into()),
            Some(_) => {}
            None => {
                if let Some(file) = &self.dies_after {
                    let mut file =
                        std::fs::OpenOptions::new().create(true).append(true).open(file).unwrap();
                    writeln!(file, "{}", String::from_utf8_lossy(json)).unwrap();
                    file.sync_all().unwrap();
                }
                self.kept.push(event);
            }
        }
        Sent::Kept(Receipt { id, trail: "default".into(), seq: None, leaf: None })
    }
}

impl Transport for Sink {
    fn destination(&self) -> String {
        "test".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let (inner, changed) = &*self.0;
        let mut inner = inner.lock().unwrap();
        inner.came += events.len();
        if inner.fails > 0 {
            inner.fails -= 1;
            return Err(SendError::passing("out of order"));
        }
        if inner.batch_max.is_some_and(|max| events.len() > max) {
            let why = "too many at once".into();
            return Err(SendError { why, rejected: true, retry_after: None });
        }
        let sent = events.iter().map(|json| inner.keep(json)).collect();
        changed.notify_all();
        if inner.dies_after.is_some() {
            std::process::abort();
        }
        Ok(sent)
    }
}
