//! A node's stand-in: what came in, in its order, under the checks that a node has.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use indelible_log::{Clock, Seams, SystemClock};
use indelible_relay::inputs::{Door, InputContext};
use indelible_relay::status::{InputStatus, State};
use indelible_relay::{Busy, Incoming, Intake, Later, Notice, Notices, Taken};
use serde_json::Value;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How long something that has to happen may take on a machine that does ten other things.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Default)]
pub struct Kept {
    pub events: Mutex<Vec<Value>>,
    ids: Mutex<HashMap<String, Vec<u8>>>,
    pub busy: AtomicBool,
}

impl Intake for Kept {
    fn take<'a>(
        &'a self,
        _: &'a str,
        events: Vec<Incoming>,
    ) -> Later<'a, Result<Vec<Taken>, Busy>> {
        Box::pin(async move {
            if self.busy.load(Ordering::SeqCst) {
                return Err(Busy("the disk is full".into()));
            }
            Ok(events.into_iter().map(|event| self.one(event)).collect())
        })
    }
}

impl Kept {
    fn one(&self, event: Incoming) -> Taken {
        let checked = match indelible_event::check(&event.json) {
            Ok(checked) => checked,
            Err(bad) => {
                return Taken::Refused { field: bad.field.clone(), message: bad.to_string() };
            }
        };
        if let Some(id) = checked.id {
            let mut ids = self.ids.lock().unwrap();
            if let Some(known) = ids.insert(id.to_string(), event.json.clone()) {
                assert_eq!(known, event.json);
                return Taken::Kept { known: true };
            }
        }
        let mut value: Value = serde_json::from_slice(&event.json).unwrap();
        value["trail"] = checked.trail.map_or(&*event.trail, |_| "named").into();
        self.events.lock().unwrap().push(value);
        Taken::Kept { known: false }
    }

    pub fn count(&self) -> usize {
        self.events.lock().unwrap().len()
    }

    pub fn texts(&self) -> Vec<String> {
        let events = self.events.lock().unwrap();
        events.iter().map(|e| e["details"]["message"].as_str().unwrap_or("?").to_owned()).collect()
    }
}

struct Deaf;

impl Notices for Deaf {
    fn tell(&self, _: Notice) -> Result<(), String> {
        Ok(())
    }
}

/// An input that runs.
pub struct Running {
    pub kept: Arc<Kept>,
    pub status: Arc<Mutex<InputStatus>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Runs the input that this YAML describes.
    pub fn start(yaml: &str) -> Running {
        Running::start_at(yaml, Arc::new(SystemClock))
    }

    pub fn start_at(yaml: &str, clock: Arc<dyn Clock>) -> Running {
        let file = format!("inputs: [ {{ name: test, from: {{ syslog: {yaml} }} }} ]");
        let read = indelible_relay::Connections::parse(&file, std::path::Path::new("/")).unwrap();
        let from = &read.inputs[0].from;
        let kept = Arc::new(Kept::default());
        let status = Arc::new(Mutex::new(InputStatus {
            name: "test".into(),
            kind: from.kind(),
            from: from.place(),
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
            name: "test".into(),
            trail: "default".into(),
            intake: kept.clone(),
            notices: Arc::new(Deaf),
            status: status.clone(),
            clock,
            stop: stopped,
        };
        let seams = Seams::real("/nonexistent");
        let input = from.open(&InputContext { input: "test".into(), seams }).unwrap();
        Running { kept, status, stop, task: tokio::spawn(input.run(door)) }
    }

    /// The port that it listens on.
    pub async fn port(&self) -> u16 {
        until("it listens", || self.status.lock().unwrap().state == State::Running).await;
        let from = self.status.lock().unwrap().from.clone();
        from.rsplit(':').next().unwrap().parse().unwrap()
    }

    /// The trouble that it ended with.
    pub async fn trouble(self) -> (String, String) {
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
        let status = self.status.lock().unwrap();
        assert_eq!(status.state, State::Failing);
        let trouble = status.trouble.clone().unwrap();
        (trouble.message, trouble.hint.unwrap())
    }

    pub async fn stop(self) -> Arc<Kept> {
        self.stop.send(true).unwrap();
        tokio::time::timeout(PATIENCE, self.task).await.unwrap().unwrap();
        self.kept
    }
}

/// Waits until it is so.
pub async fn until(what: &str, mut is: impl FnMut() -> bool) {
    let wait = async {
        while !is() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait)
        .await
        .unwrap_or_else(|_| panic!("not within a minute: {what}"));
}
