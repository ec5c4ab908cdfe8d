//! The node, as the watch sees it.

use std::sync::{Mutex, PoisonError};

use indelible_event::{Checked, Micros, check};
use indelible_log::AppendError;
use indelible_log::record::Pos;
use indelible_rules::Seen;
use indelible_store::{Scanner, place_at};
use indelible_watch::{Deed, Found, Host, HostError, Scanned};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::limits;
use crate::state::AppState;

/// The node's own log.
pub(super) struct NodeHost {
    state: AppState,
    runtime: Handle,
    /// The watch's own: scans that follow each other go on where the last one ended.
    scanner: Mutex<Scanner>,
}

impl NodeHost {
    pub fn new(state: &AppState, runtime: &Handle) -> NodeHost {
        let scanner = Mutex::new(state.reader().scanner());
        NodeHost { state: state.clone(), runtime: runtime.clone(), scanner }
    }
}

impl Host for NodeHost {
    fn scan(
        &self,
        from: u64,
        records_max: usize,
        each: &mut dyn FnMut(&Seen<'_>) -> bool,
    ) -> Result<Scanned, HostError> {
        let mut scanner = self.scanner.lock().unwrap_or_else(PoisonError::into_inner);
        let scanned =
            scanner.scan(Pos(from), records_max, &mut |pos, json| each(&Seen { pos, json }));
        let scanned = scanned.map_err(failed)?;
        Ok(Scanned { next: scanned.next.0, unreadable: scanned.unreadable })
    }

    fn end(&self) -> u64 {
        self.state.end()
    }

    fn wait(&self, pos: u64) {
        let view = self.state.reader().view();
        let seen = view.seen();
        if seen.next_pos.0 <= pos {
            view.wait(seen, limits::WATCH_WAIT_MAX);
        }
    }

    fn place_at(&self, recorded_at: Micros) -> Result<u64, HostError> {
        let place = place_at(self.state.reader().view(), recorded_at);
        place.map(|pos| pos.0).map_err(failed)
    }

    fn settled(&self) -> Micros {
        self.state.reader().view().settled(self.state.now())
    }

    fn told(&self, actions: &[&str]) -> Result<Vec<Found>, HostError> {
        let told = self.state.reader().told(actions).map_err(failed)?;
        let found = |record: indelible_log::record::KeptRecord| Found {
            pos: record.pos.0,
            json: record.view("_system"),
        };
        Ok(told.into_iter().map(found).collect())
    }

    fn record(&self, deed: &Deed) -> Result<(), HostError> {
        let writer = self.state.writer();
        let writer = writer.ok_or_else(|| HostError("nothing is written here".into()))?;
        let event = event(deed).or_else(|why| {
            // Told in short rather than not at all: what cannot be an event must not hold up all others.
            tracing::error!(action = deed.action, id = %deed.id, why, "it is told without its details");
            let targets = deed.targets.iter().take(1).cloned().collect();
            event(&Deed { targets, details: json!({"cut": why}), ..deed.clone() })
        });
        let event = event.map_err(HostError)?;
        match self.runtime.block_on(writer.record(event)) {
            Ok(_) => Ok(()),
            Err(AppendError::Refused(why)) => {
                // What the log has counts, and it would not become another by trying again.
                tracing::error!(action = deed.action, id = %deed.id, why, "it was told otherwise before");
                Ok(())
            }
            Err(error) => Err(failed(error)),
        }
    }
}

fn failed(error: impl std::fmt::Display) -> HostError {
    HostError(error.to_string())
}

/// A deed as an event of the node's own.
fn event(deed: &Deed) -> Result<Checked, String> {
    let targets = deed.targets.iter().map(|(kind, id)| json!({"type": kind, "id": id}));
    let mut event = json!({
        "id": deed.id.to_string(),
        "action": deed.action,
        "category": "system",
        "outcome": "success",
        "actor": {"type": "system", "id": "indelible"},
        "targets": targets.collect::<Vec<Value>>(),
        "details": deed.details,
    });
    if let Some(at) = deed.occurred_at {
        event["occurred_at"] = at.to_string().into();
    }
    check(event.to_string().as_bytes()).map_err(|e| format!("{} {}", e.field, e.reason))
}

#[cfg(test)]
mod tests {
    use indelible_event::EventId;

    use super::*;

    #[test]
    fn what_the_watch_does_becomes_an_event() {
        let id = EventId::foreign("indelible:alert", "1");
        let deed = Deed {
            id,
            action: "alert.open",
            targets: vec![("alert", id.to_string()), ("rule", "spray".into())],
            occurred_at: Some(Micros(1)),
            details: json!({"count": 10}),
        };
        let checked = event(&deed).unwrap();
        assert_eq!((checked.id, &*checked.action), (Some(id), "alert.open"));
        assert_eq!(checked.occurred_at, Some(Micros(1)));
        let large = Deed { details: json!({"text": "x".repeat(1 << 20)}), ..deed };
        assert!(event(&large).is_err());
    }
}
