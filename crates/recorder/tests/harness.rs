//! A transport that does what a test tells it to, and remembers what it kept.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use indelible_recorder::{Builder, Event, EventId, Receipt, Recorder, SendError, Sent, Transport};
use serde_json::Value;

/// What becomes of a sending; `None` keeps all of it.
type Rule = Box<dyn FnMut(&[Value]) -> Option<Result<Vec<Sent>, SendError>> + Send>;

#[derive(Clone, Default)]
pub struct Node(Arc<Inner>);

#[derive(Default)]
struct Inner {
    rule: Mutex<Option<Rule>>,
    stuck: Mutex<bool>,
    moves: Condvar,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    events: Vec<Value>,
    ids: HashSet<String>,
    twice: usize,
    /// When it was called, and with how many.
    calls: Vec<(Instant, usize)>,
    closed: usize,
}

impl Node {
    pub fn recorder(&self) -> Recorder {
        self.recorder_with(|builder| builder)
    }

    pub fn recorder_with(&self, settings: impl FnOnce(Builder) -> Builder) -> Recorder {
        let builder = Recorder::builder(self.clone()).flush_interval(Duration::from_millis(5));
        settings(builder).build().unwrap()
    }

    /// From now on each sending becomes what this says.
    pub fn rule(
        &self,
        rule: impl FnMut(&[Value]) -> Option<Result<Vec<Sent>, SendError>> + Send + 'static,
    ) {
        *self.0.rule.lock().unwrap() = Some(Box::new(rule));
    }

    pub fn up(&self) {
        *self.0.rule.lock().unwrap() = None;
    }

    pub fn down(&self) {
        self.rule(|_| Some(Err(SendError::passing("it is down"))));
    }

    /// Sendings hang until it is released.
    pub fn hang(&self, stuck: bool) {
        *self.0.stuck.lock().unwrap() = stuck;
        self.0.moves.notify_all();
    }

    /// What arrived, each once.
    pub fn arrived(&self) -> Vec<Value> {
        self.0.kept.lock().unwrap().events.clone()
    }

    pub fn actions(&self) -> Vec<String> {
        self.arrived().iter().map(|e| e["action"].as_str().unwrap().to_owned()).collect()
    }

    /// How many arrived again.
    pub fn twice(&self) -> usize {
        self.0.kept.lock().unwrap().twice
    }

    pub fn calls(&self) -> Vec<(Instant, usize)> {
        self.0.kept.lock().unwrap().calls.clone()
    }

    pub fn closed(&self) -> usize {
        self.0.kept.lock().unwrap().closed
    }

    /// The numbers that [`numbered`] gave those that arrived, in their order.
    pub fn numbers(&self) -> Vec<u64> {
        self.arrived().iter().filter_map(|event| event["details"]["n"].as_u64()).collect()
    }

    pub fn keep(&self, events: &[Value]) -> Vec<Sent> {
        let mut kept = self.0.kept.lock().unwrap();
        events.iter().map(|event| kept.keep(event)).collect()
    }
}

impl Kept {
    fn keep(&mut self, event: &Value) -> Sent {
        let id = event["id"].as_str().unwrap().to_owned();
        let receipt = Receipt {
            id: EventId::parse(&id).unwrap(),
            trail: "default".into(),
            seq: None,
            leaf: None,
        };
        if self.ids.insert(id) {
            self.events.push(event.clone());
        } else {
            self.twice += 1;
        }
        Sent::Kept(receipt)
    }
}

impl Transport for Node {
    fn destination(&self) -> String {
        "https://audit.example.com".into()
    }

    fn send(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let call = (Instant::now(), events.len());
        self.0.kept.lock().unwrap().calls.push(call);
        let mut stuck = self.0.stuck.lock().unwrap();
        while *stuck {
            stuck = self.0.moves.wait(stuck).unwrap();
        }
        drop(stuck);
        let events: Vec<Value> =
            events.iter().map(|event| serde_json::from_slice(event).unwrap()).collect();
        // A rule that panics leaves no poison behind.
        let rule = self.0.rule.lock().unwrap_or_else(|poison| poison.into_inner()).take();
        if let Some(mut rule) = rule {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| rule(&events)));
            self.0.rule.lock().unwrap().get_or_insert(rule);
            match result {
                Ok(None) => {}
                Ok(Some(result)) => return result,
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        Ok(self.keep(&events))
    }

    fn close(&self) {
        self.0.kept.lock().unwrap().closed += 1;
    }
}

/// An event that can be told from the others.
pub fn numbered(n: u64) -> Event {
    Event::new("file.read").category("data_access").detail("n", n)
}

/// Waits for something that happens by itself.
pub fn until(what: &str, mut is: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is() {
        assert!(begun.elapsed() < Duration::from_secs(30), "still waiting until {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// The numbers of each source, in the order of their arrival.
pub fn seqs(events: &[Value]) -> BTreeMap<String, Vec<u64>> {
    let mut all: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for event in events {
        let source = event["source"]["id"].as_str().unwrap().to_owned();
        all.entry(source).or_default().push(event["source"]["seq"].as_u64().unwrap());
    }
    all
}

/// The loss that the trail tells of this kind, over all events that tell any.
pub fn told_losses(events: &[Value], cause: &str) -> u64 {
    let tells = events.iter().filter(|event| event["action"] == "audit.loss");
    let losses = tells.flat_map(|event| event["details"]["losses"].as_array().unwrap().clone());
    losses.filter(|loss| loss["cause"] == cause).map(|loss| loss["count"].as_u64().unwrap()).sum()
}
