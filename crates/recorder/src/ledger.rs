//! What was lost: counted by event type and cause, and told in the trail itself.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use indelible_event::Micros;
use indelible_event::limits::CATEGORY_BYTES_MAX;
use serde::Serialize;

use crate::actions::AUDIT_LOSS;
use crate::event::{Actor, Event};
use crate::limits::LOSS_KINDS_MAX;
use crate::{Outcome, clock};

/// Why something was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Cause {
    /// Left out by the configured rate. The only cause that leaves no gap in the source's numbers.
    Sampled,
    /// There was no room for it.
    Dropped,
    /// It could not be kept as it was.
    Refused,
    /// The event is kept, without a part that was too large.
    Cut,
    /// It was given up when the recorder closed.
    Unsent,
    /// It was in a spool whose files were damaged. At least so many.
    Damaged,
}

/// How much was lost of one kind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Loss {
    /// The event type; "" for events that have none.
    pub event_type: String,
    /// Why.
    pub cause: Cause,
    /// How many events.
    pub count: u64,
}

/// The event type of losses beyond [`LOSS_KINDS_MAX`] kinds of a cause.
const OTHERS: &str = "others";

#[derive(Debug, Default)]
pub(crate) struct Ledger(Mutex<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// Since the recorder was opened.
    all: Table,
    /// Since they were last told.
    untold: Table,
    from: Option<Micros>,
}

/// Counts by event type within each cause: looked up without allocating, as a flood of losses is when there is
/// least to spare.
#[derive(Debug, Default)]
struct Table(BTreeMap<Cause, BTreeMap<Box<str>, u64>>);

impl Table {
    fn add(&mut self, event_type: &str, cause: Cause, count: u64) {
        let kinds = self.0.entry(cause).or_default();
        if let Some(known) = kinds.get_mut(event_type) {
            *known += count;
            return;
        }
        let name = if kinds.len() >= LOSS_KINDS_MAX { OTHERS } else { event_type };
        *kinds.entry(name.into()).or_default() += count;
    }

    fn listed(&self) -> Vec<Loss> {
        let of = |(cause, kinds): (&Cause, &BTreeMap<Box<str>, u64>)| {
            let losses = kinds.iter().map(|(event_type, count)| Loss {
                event_type: event_type.to_string(),
                cause: *cause,
                count: *count,
            });
            losses.collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of).collect()
    }
}

impl Ledger {
    pub(crate) fn count(&self, event_type: &str, cause: Cause, count: u64) {
        // The event that tells it must fit a trail, whatever an application takes for a type.
        let event_type = &event_type[..event_type.floor_char_boundary(CATEGORY_BYTES_MAX)];
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counts.from.get_or_insert_with(clock::now);
        counts.all.add(event_type, cause, count);
        counts.untold.add(event_type, cause, count);
    }

    /// All losses since the recorder was opened.
    pub(crate) fn all(&self) -> Vec<Loss> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all.listed()
    }

    pub(crate) fn has_untold(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).from.is_some()
    }

    /// The event that tells what was not told yet. Whoever takes it must bring it into the trail.
    pub(crate) fn tell(&self) -> Option<Event> {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let from = counts.from.take()?;
        let losses = std::mem::take(&mut counts.untold).listed();
        drop(counts);
        tracing::warn!(?losses, "audit events were lost or cut");
        Some(
            Event::new(AUDIT_LOSS)
                .category("system")
                .outcome(Outcome::Failure)
                .actor(Actor::system("indelible-recorder"))
                .occurred_at(clock::now())
                .detail("losses", losses)
                .detail("from", from.to_string())
                .detail("to", clock::now().to_string()),
        )
    }
}
