//! What a node notices of its own health, and records in `_system` when it changes: so that rules find it, and people
//! are told of it as of anything else.
//!
//! What was told is what `_system` says, so a node that was started anew tells nothing twice, and tells that something
//! is well again which was not when it stopped. What comes and goes within a look is no change.

mod ahead;
mod look;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex as StdMutex;

use indelible_event::Micros;
use indelible_log::hex;
use indelible_log::storage::Space;
use serde_json::{Value, json};
use tokio::sync::{Mutex, watch};

use crate::limits;
use crate::read::Hole;
use crate::record::{cut, event};
use crate::state::AppState;
pub(crate) use ahead::Ahead;

/// The actions that this records, and nothing else does.
const ACTIONS: [&str; 6] = [
    "node.disk_low",
    "node.disk_ok",
    "node.clock_skew",
    "node.source_gap",
    "node.fail",
    "node.recover",
];

/// What may fail, by the names that events have.
const PARTS: [&str; 6] = ["writing", "signing", "index", "keeping", "connections", "gaps"];

/// How things are now.
#[derive(Default)]
struct Look {
    now: Micros,
    /// How long this process has run, whatever was done to the clock.
    steady: Micros,
    space: Option<Space>,
    /// What does not work, and why.
    failing: BTreeMap<&'static str, String>,
    /// Events of the future: whose, how many, and by how much.
    ahead: Vec<(String, u64, i64)>,
    holes: Vec<Hole>,
}

/// Something to be told.
#[derive(Clone, Debug, PartialEq)]
struct Change {
    action: &'static str,
    well: bool,
    target: (&'static str, String),
    details: Value,
}

/// Sources, up to which number their gaps were told, and when.
type Told = BTreeMap<String, (u64, Micros)>;

/// What was told, and what was seen lately.
#[derive(Default)]
struct Pulse {
    disk_low: bool,
    failing: BTreeSet<String>,
    /// Up to which number a source's gaps were told, and when.
    gaps: Told,
    /// When it was last told that events are of the future.
    ahead_at: Option<Micros>,
    /// Both times at the last look.
    last: Option<(Micros, Micros)>,
    /// At how many looks in a row something was other than what was told.
    other: BTreeMap<&'static str, u32>,
}

impl Pulse {
    /// What has to be told. It counts as told with [`Pulse::take`].
    fn look(&mut self, look: &Look) -> Vec<Change> {
        let mut changes: Vec<Change> =
            look.space.and_then(|space| self.disk(space)).into_iter().collect();
        changes.extend(self.jump(look));
        changes.extend(self.early(look));
        for part in PARTS {
            changes.extend(self.part(part, look.failing.get(part)));
        }
        changes.extend(look.holes.iter().filter_map(|hole| self.hole(hole)));
        changes
    }

    fn disk(&self, space: Space) -> Option<Change> {
        // A small disk is not low for ever.
        let least = limits::DISK_LOW_BYTES.min(space.total / 4);
        let low = least.max(space.total / 100 * limits::DISK_LOW_PERCENT);
        let enough = low.saturating_add(low / 5);
        let change = if self.disk_low { space.free >= enough } else { space.free < low };
        change.then(|| Change {
            action: if self.disk_low { "node.disk_ok" } else { "node.disk_low" },
            well: self.disk_low,
            target: ("disk", "data".into()),
            details: json!({"free": space.free, "total": space.total, "low": low}),
        })
    }

    /// Whether the clock went another way than time.
    fn jump(&mut self, look: &Look) -> Option<Change> {
        let (now, steady) = self.last.replace((look.now, look.steady))?;
        let by = (look.now.0.saturating_sub(now.0)).saturating_sub(look.steady.0 - steady.0);
        (by.saturating_abs() > limits::CLOCK_JUMP_MICROS).then(|| Change {
            action: "node.clock_skew",
            well: false,
            target: ("clock", "node".into()),
            details: json!({"jumped_seconds": by / 1_000_000, "before": now.to_string()}),
        })
    }

    /// Whether events came from the future.
    fn early(&self, look: &Look) -> Option<Change> {
        let lately = |at: Micros| (0..limits::HOUR_MICROS).contains(&(look.now.0 - at.0));
        if look.ahead.is_empty() || self.ahead_at.is_some_and(lately) {
            return None;
        }
        let shown = |(source, events, by): &(String, u64, i64)| json!({"source": source, "events": events, "ahead_seconds": by / 1_000_000});
        let sources: Vec<Value> = look.ahead.iter().map(shown).collect();
        Some(Change {
            action: "node.clock_skew",
            well: false,
            target: ("clock", "sources".into()),
            details: json!({"sources": sources}),
        })
    }

    fn part(&mut self, part: &'static str, why: Option<&String>) -> Option<Change> {
        let told = self.failing.contains(part);
        let other = self.other.entry(part).or_default();
        *other = if why.is_some() == told { 0 } else { *other + 1 };
        if *other < limits::HEALTH_LOOKS {
            return None;
        }
        let why = why.map(|why| cut(why, limits::RECORDED_TEXT_BYTES_MAX));
        Some(Change {
            action: if told { "node.recover" } else { "node.fail" },
            well: told,
            target: ("duty", part.into()),
            details: json!({"what": part, "why": why}),
        })
    }

    fn hole(&self, hole: &Hole) -> Option<Change> {
        let id = hex::encode(&hole.source);
        let told = self.gaps.get(&id).copied();
        if told.is_some_and(|(through, _)| through >= hole.last) {
            return None;
        }
        let service =
            hole.service.as_deref().map(|name| cut(name, limits::RECORDED_TEXT_BYTES_MAX));
        Some(Change {
            action: "node.source_gap",
            well: false,
            target: ("source", id),
            details: json!({"service": service, "missing": hole.missing, "through": hole.last}),
        })
    }

    /// Takes for told what an event says.
    fn take(&mut self, action: &str, target: &str, details: &Value, at: Micros) {
        match action {
            "node.disk_low" => self.disk_low = true,
            "node.disk_ok" => self.disk_low = false,
            "node.fail" => drop(self.failing.insert(target.to_owned())),
            "node.recover" => drop(self.failing.remove(target)),
            "node.clock_skew" if target == "sources" => self.ahead_at = Some(at),
            "node.source_gap" => {
                let through = details["through"].as_u64().unwrap_or(u64::MAX);
                self.gaps.insert(target.to_owned(), (through, at));
                if self.gaps.len() > limits::GAPS_TOLD_MAX {
                    // Not the least id, which whoever invents sources can choose.
                    let oldest = self.gaps.iter().min_by_key(|(_, (_, at))| *at);
                    if let Some(id) = oldest.map(|(id, _)| id.clone()) {
                        self.gaps.remove(&id);
                    }
                }
            }
            _ => {}
        }
        if let Some(part) = PARTS.into_iter().find(|part| *part == target) {
            self.other.remove(part);
        }
    }
}

/// The pulse of a node, which is felt by one at a time.
#[derive(Default)]
pub(crate) struct Heart {
    pulse: Mutex<Option<Pulse>>,
    /// How long the process has run, where a test says so.
    steady: StdMutex<Option<Micros>>,
}

impl Heart {
    /// Looks once, and records what has changed.
    pub async fn beat(&self, state: &AppState) {
        let mut held = self.pulse.lock().await;
        let steady = *self.steady.lock().expect("nothing panics while holding it");
        let steady = steady.unwrap_or_else(look::steady);
        let told = held.is_none();
        let gaps = held.as_ref().map(|pulse| pulse.gaps.clone()).unwrap_or_default();
        let seen = state.read(move |state| {
            let pulse = told.then(|| look::told(state)).transpose()?;
            let look = look::look(state, steady, pulse.as_ref().map_or(&gaps, |pulse| &pulse.gaps));
            Ok((pulse, look))
        });
        let (told, look) = match seen.await {
            Ok(seen) => seen,
            Err(why) => {
                tracing::warn!(why = why.detail(), "the node could not look at its own health");
                return;
            }
        };
        if let Some(told) = told {
            *held = Some(told);
        }
        let Some(pulse) = held.as_mut() else { return };
        for change in pulse.look(&look) {
            let Some(writer) = state.writer() else { return };
            let (target, details) = (&change.target, &change.details);
            let recorded = writer
                .record(event(json!({
                    "action": change.action,
                    "category": "system",
                    "outcome": if change.well { "success" } else { "failure" },
                    "actor": {"type": "system", "id": "indelible"},
                    "targets": [{"type": target.0, "id": target.1}],
                    "details": details,
                })))
                .await;
            match recorded {
                Ok(_) => {
                    tracing::warn!(action = change.action, %details, "the node's health has changed");
                    pulse.take(change.action, &target.1, details, look.now);
                    if target.1 == "sources" {
                        state.metrics().ahead().forget();
                    }
                }
                // It is told at the next look, unless it is a jump of the clock.
                Err(error) => {
                    tracing::warn!(%error, action = change.action, "the node's health could not be recorded");
                }
            }
        }
    }

    /// Has the process have run for so long, as a test wants it.
    pub fn ran_for(&self, steady: Micros) {
        *self.steady.lock().expect("nothing panics while holding it") = Some(steady);
    }
}

/// Looks now and then, until the node is to stop.
pub(crate) async fn run(
    heart: std::sync::Arc<Heart>,
    state: AppState,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let stop = async {
            // Whoever could tell is gone: that is a stop too.
            drop(stopped.wait_for(|stop| *stop).await);
        };
        tokio::select! {
            () = stop => return,
            () = tokio::time::sleep(limits::PULSE_EVERY) => {}
        }
        heart.beat(&state).await;
    }
}

#[cfg(test)]
#[path = "pulse/tests.rs"]
mod tests;
