//! One sending, whatever the transport makes of it: an answer for each event.

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::Engine;
use crate::buffer::Encoded;
use crate::ledger::Cause;
use crate::transport::{SendError, Sent};

/// What became of the events of a sending.
pub(super) struct Delivered {
    /// For each of them.
    pub(super) results: Vec<Sent>,
    /// What went wrong with the sending as a whole, so that a pause is due.
    pub(super) trouble: Option<SendError>,
}

impl Engine {
    /// Sends events. A batch that is turned away as a whole is sent in halves, until what cannot be sent is alone.
    pub(super) fn deliver(&self, events: &[&[u8]]) -> Delivered {
        let mut delivered = Delivered { results: Vec::new(), trouble: None };
        self.deliver_into(events, &mut delivered);
        delivered
    }

    fn deliver_into(&self, events: &[&[u8]], to: &mut Delivered) {
        if to.trouble.is_none() {
            match self.call(events) {
                Ok(results) if results.len() == events.len() => {
                    to.results.extend(results);
                    return;
                }
                Ok(_) => {
                    let why = "the answer was about another number of events";
                    to.trouble = Some(SendError::passing(why));
                }
                Err(error) if error.rejected && events.len() == 1 => {
                    to.results.push(Sent::Refused(error.why));
                    return;
                }
                Err(error) if error.rejected => {
                    let (front, back) = events.split_at(events.len() / 2);
                    self.deliver_into(front, to);
                    self.deliver_into(back, to);
                    return;
                }
                Err(error) => to.trouble = Some(error),
            }
        }
        let why = to.trouble.as_ref().map_or_else(String::new, |error| error.why.clone());
        to.results.extend(events.iter().map(|_| Sent::Failed(why.clone())));
    }

    /// A transport that panics must cost a sending, and not the thread that all of them go through.
    fn call(&self, events: &[&[u8]]) -> Result<Vec<Sent>, SendError> {
        let called = catch_unwind(AssertUnwindSafe(|| self.transport.send(events)));
        called.unwrap_or_else(|_| Err(SendError::passing("the transport panicked")))
    }

    /// Counts an event that will never be kept, and sets it aside where there is a place for that.
    pub(super) fn refused(&self, event: &Encoded, why: &str) {
        super::lock(&self.state).buffer.set_aside(event, why);
        let told = Told::of(event);
        // The whole of it is about people, and a log is read by others than a trail.
        tracing::error!(why, id = told.id, action = told.action, "an audit event was refused");
        self.encoder.ledger.count(&event.event_type, Cause::Refused, 1);
    }
}

/// What a log may say of an event.
#[derive(serde::Deserialize, Default)]
struct Told {
    #[serde(default)]
    id: String,
    #[serde(default)]
    action: String,
}

impl Told {
    fn of(event: &Encoded) -> Told {
        serde_json::from_slice(&event.json).unwrap_or_default()
    }
}
