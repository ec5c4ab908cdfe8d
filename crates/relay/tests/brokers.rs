//! What inputs and sinks of these tests have in common: a node that is not there.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use indelible_event::{EventId, Micros};
use indelible_log::{Clock, Seams};
use indelible_relay::inputs::{Door, InputContext};
use indelible_relay::status::{InputStatus, State};
use indelible_relay::streams::{Context, Sink, SinkError};
use indelible_relay::{Busy, Connections, Incoming, Intake, Later, Notice, Notices, Outgoing, Taken};
use serde_json::Value;
use tokio::sync::watch;

/// Keeps what it takes, each id once; refuses what has the action `refuse`.
#[derive(Default)]
pub struct Node {
    pub kept: Mutex<Vec<(String, Value)>>,
    pub ids: Mutex<HashSet<(String, String)>>,
    pub busy: Mutex<u32>,
    pub notices: Mutex<Vec<Notice>>,
}

impl Intake for Node {
    fn take<'a>(&'a self, _: &'a str, events: Vec<Incoming>) -> Later<'a, Result<Vec<Taken>, Busy>> {
        Box::pin(async move {
            let mut busy = self.busy.lock().unwrap();
            if *busy > 0 {
                *busy -= 1;
                return Err(Busy("the disk is full".into()));
            }
            let take = |event: Incoming| {
                let json: Value = serde_json::from_slice(&event.json).unwrap();
                if json["action"] == "refuse" {
                    return Taken::Refused { field: "action".into(), message: "is refused".into() };
                }
                let trail = json["trail"].as_str().unwrap_or(&event.trail).to_owned();
                let id = json["id"].as_str().map(str::to_owned);
                let known = id.is_some_and(|id| {
                    !self.ids.lock().unwrap().insert((trail.clone(), id))
                });
                if !known {
                    self.kept.lock().unwrap().push((trail, json));
                }
                Taken::Kept { known }
            };
            Ok(events.into_iter().map(take).collect())
        })
    }
}

impl Notices for Node {
    fn tell(&self, notice: Notice) -> Result<(), String> {
        self.notices.lock().unwrap().push(notice);
        Ok(())
    }
}

struct Still;

impl Clock for Still {
    fn now(&self) -> Micros {
        Micros(1_769_853_600_000_000)
    }
}

/// An input that runs.
pub struct Running {
    pub node: Arc<Node>,
    status: Arc<Mutex<InputStatus>>,
    stop: watch::Sender<bool>,
    task: tokio::task::JoinHandle<()>,
}

impl Running {
    /// Starts the first input of a file.
    pub fn start(file: &str, node: Arc<Node>) -> Running {
        let read = Connections::parse(file, Path::new(".")).unwrap();
        let config = &read.inputs[0];
        let name: Arc<str> = config.name.as_str().into();
        let status = Arc::new(Mutex::new(InputStatus {
            name: name.to_string(),
            kind: config.from.kind(),
            from: config.from.place(),
            state: State::Starting,
            kept: 0,
            known: 0,
            refused: 0,
            dead: 0,
            last_at: None,
            last_refused: None,
            trouble: None,
        }));
        let (stop, stopped) = watch::channel(false);
        let door = Door {
            name: Arc::clone(&name),
            trail: config.trail.as_deref().unwrap_or("default").into(),
            intake: node.clone(),
            notices: node.clone(),
            status: Arc::clone(&status),
            clock: Arc::new(Still),
            stop: stopped,
        };
        let seams = Seams::real(std::env::temp_dir());
        let input = config.from.open(&InputContext { input: name, seams }).unwrap();
        Running { node, status, stop, task: tokio::spawn(input.run(door)) }
    }

    pub fn status(&self) -> InputStatus {
        self.status.lock().unwrap().clone()
    }

    /// Waits until it is so.
    pub async fn until(&self, what: &str, so: impl Fn(&InputStatus, &Node) -> bool) {
        for _ in 0..3000 {
            if so(&self.status(), &self.node) {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(10)).await;
        }
        panic!("never: {what}: {:?}", self.status());
    }

    pub async fn end(self) {
        self.stop.send_replace(true);
        self.task.await.unwrap();
    }
}

/// The sink of the first stream of a file.
pub fn sink(file: &str, seams: Seams) -> Result<Box<dyn Sink>, SinkError> {
    let read = Connections::parse(file, Path::new(".")).unwrap();
    let runtime = tokio::runtime::Handle::current();
    read.streams[0].to.open(&Context { stream: read.streams[0].name.as_str().into(), runtime, seams })
}

/// An event on its way out.
pub fn event(pos: u64) -> Outgoing {
    let id = EventId::foreign("test", &pos.to_string());
    let action = ["file.read", "backup.delete"][(pos % 2) as usize];
    let json = format!(
        r#"{{"trail":"acme","seq":{pos},"id":"{id}","action":"{action}","occurred_at":"2026-01-31T10:00:00.000000Z","details":{{"n":1.10}},"leaf":"{}"}}"#,
        "ab".repeat(32)
    );
    Outgoing {
        pos,
        trail: "acme".into(),
        seq: pos,
        id,
        leaf: [0xAB; 32],
        recorded_at: Micros(1_769_853_600_000_000 + pos as i64),
        json: Bytes::from(json),
    }
}

/// One that no receiver takes.
pub fn poison(pos: u64) -> Outgoing {
    let event = event(pos);
    let json = String::from_utf8(event.json.to_vec()).unwrap().replace("\"n\":1.10", "\"n\":\"poison\"");
    Outgoing { json: json.into(), ..event }
}

/// Sends as a stream does: what is poison is left out, everything else is sent again until it is taken.
pub fn send_all(sink: &mut dyn Sink, events: &[Outgoing], mut failed: impl FnMut(&SinkError)) -> BTreeMap<u64, String> {
    let (mut at, mut aside) = (0, BTreeMap::new());
    while at < events.len() {
        match sink.send(&events[at..events.len().min(at + 500)]) {
            Ok(()) => at += 500,
            Err(SinkError::Poison { at: one, why }) => {
                aside.insert(events[at + one].pos, why);
                at += one + 1;
            }
            Err(error) => failed(&error),
        }
    }
    aside
}
