//! Starting and stopping inputs. Each is watched: one that ends is opened again, one that fails is told of.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indelible_event::Micros;
use indelible_log::Seams;
use serde_json::json;
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Door, InputContext};
use crate::config::{From, InputConfig};
use crate::limits::{
    LOOK_EVERY, RETRY_MICROS, RETRY_MICROS_MAX, TOLD_AFTER_MICROS, TOLD_EVERY_MICROS,
};
use crate::seam::{Intake, Notice, Notices};
use crate::status::{InputStatus, State};
use crate::streams::said;

/// What an input has of the node.
#[derive(Clone)]
pub struct Inlet {
    /// The way into the log.
    pub intake: Arc<dyn Intake>,
    /// Where notices go.
    pub notices: Arc<dyn Notices>,
    /// Files of the data directory, clock and random source.
    pub seams: Seams,
    /// Where they run.
    pub runtime: Handle,
}

/// How one input is, to be looked at.
pub type Watched = Arc<Mutex<InputStatus>>;

/// The inputs of a node.
pub struct Inputs {
    stop: watch::Sender<bool>,
    running: Vec<(Watched, JoinHandle<()>)>,
}

impl Inputs {
    /// Starts these. What is wrong with one is told in its status, and does not keep the node from starting.
    pub fn start(configs: &[InputConfig], inlet: &Inlet) -> Inputs {
        let stop = watch::Sender::new(false);
        let start = |config: &InputConfig| {
            let door = door(config, inlet, stop.subscribe());
            let watched = Arc::clone(&door.status);
            let context =
                InputContext { input: Arc::clone(&door.name), seams: inlet.seams.clone() };
            let task = Task { from: config.from.clone(), context, door, told: Told::default() };
            (watched, inlet.runtime.spawn(task.run()))
        };
        let running = configs.iter().map(start).collect();
        Inputs { stop, running }
    }

    /// All of them, to be looked at.
    pub fn all(&self) -> Vec<Watched> {
        self.running.iter().map(|(watched, _)| Arc::clone(watched)).collect()
    }

    /// Has all of them end, and waits for that, but not longer than this. What was not acknowledged by then comes again
    /// from whoever sent it. Says whether all have ended.
    pub async fn stop(self, longest: Duration) -> bool {
        self.stop.send_replace(true);
        let mut tasks: Vec<_> = self.running.into_iter().map(|(_, task)| task).collect();
        let all = async {
            for task in &mut tasks {
                // One that panicked has told so when it did.
                drop(task.await);
            }
        };
        let ended = tokio::time::timeout(longest, all).await.is_ok();
        for task in tasks {
            task.abort();
        }
        ended
    }
}

fn door(config: &InputConfig, inlet: &Inlet, stop: watch::Receiver<bool>) -> Door {
    let status = InputStatus {
        name: config.name.clone(),
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
    };
    let trail =
        config.trail.clone().unwrap_or_else(|| indelible_event::TrailName::unnamed().to_string());
    Door {
        name: config.name.as_str().into(),
        trail: trail.into(),
        intake: Arc::clone(&inlet.intake),
        notices: Arc::clone(&inlet.notices),
        status: Arc::new(Mutex::new(status)),
        clock: Arc::clone(&inlet.seams.clock),
        stop,
    }
}

/// What the notices said.
#[derive(Default)]
struct Told {
    started: bool,
    failing: bool,
    at: Option<Micros>,
}

struct Task {
    from: From,
    context: InputContext,
    door: Door,
    told: Told,
}

impl Task {
    async fn run(mut self) {
        let mut endings = 0_u32;
        while !self.door.stopping() {
            if self.begin().await {
                let opened = self.from.open(&self.context);
                match opened {
                    Ok(input) => self.watch(tokio::spawn(input.run(self.door.clone()))).await,
                    Err(error) => {
                        let hint = Some(error.hint).filter(|hint| !hint.is_empty());
                        self.door.trouble(error.why, hint);
                    }
                }
            }
            let pause = RETRY_MICROS.saturating_mul(1 << endings.min(30)).min(RETRY_MICROS_MAX);
            endings += 1;
            self.pause(pause).await;
        }
    }

    /// Records that it begins, before anything comes in.
    async fn begin(&mut self) -> bool {
        if self.told.started {
            return true;
        }
        let (kind, from) = (self.from.kind(), self.from.place());
        let details = json!({"kind": kind, "from": from, "trail": &*self.door.trail});
        let told = self.door.tell(self.notice("input.start", "success", details)).await;
        if let Err(why) = &told {
            self.door.trouble(format!("its start could not be recorded: {why}"), None);
        }
        self.told.started = told.is_ok();
        self.told.started
    }

    /// Waits until the input has ended, and tells meanwhile how it is.
    async fn watch(&mut self, mut input: JoinHandle<()>) {
        loop {
            tokio::select! {
                ended = &mut input => {
                    if ended.is_err() {
                        self.door.trouble("it broke off, which is a fault of this program", None);
                    } else if !self.door.stopping() && self.door.status().state != State::Failing {
                        self.door.trouble("it has ended", None);
                    }
                    return;
                }
                () = tokio::time::sleep(LOOK_EVERY) => self.look().await,
            }
        }
    }

    /// Waits for so long by the clock.
    async fn pause(&mut self, micros: i64) {
        let from = self.door.clock.now();
        let waits = |now: Micros| (from.0..from.0.saturating_add(micros)).contains(&now.0);
        let clock = Arc::clone(&self.door.clock);
        while !self.door.stopping() && waits(clock.now()) {
            self.look().await;
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Tells when it has failed for a while, and when it works again.
    async fn look(&mut self) {
        let (state, trouble) = {
            let status = self.door.status.lock().unwrap_or_else(PoisonError::into_inner);
            (status.state, status.trouble.clone())
        };
        let now = self.door.clock.now();
        match trouble {
            Some(trouble) if !self.told.failing => {
                let lasts = now.0.saturating_sub(trouble.since.0) >= TOLD_AFTER_MICROS;
                let lately = |at: Micros| (0..TOLD_EVERY_MICROS).contains(&(now.0 - at.0));
                if !(lasts || trouble.hint.is_some()) || self.told.at.is_some_and(lately) {
                    return;
                }
                tracing::warn!(input = &*self.door.name, why = trouble.message, "an input fails");
                let notice = self.notice("input.fail", "failure", said(&trouble));
                // Told at the next look if not now.
                self.told.failing = self.door.tell(notice).await.is_ok();
                self.told.at = self.told.failing.then_some(now);
            }
            None if self.told.failing && state == State::Running => {
                let notice = self.notice("input.recover", "success", json!({}));
                self.told.failing = self.door.tell(notice).await.is_err();
            }
            _ => {}
        }
    }

    fn notice(
        &self,
        action: &'static str,
        outcome: &'static str,
        details: serde_json::Value,
    ) -> Notice {
        Notice { action, outcome, target: ("input", self.door.name.to_string()), details }
    }
}
