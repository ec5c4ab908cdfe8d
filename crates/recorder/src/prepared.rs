//! Events that are encoded now and sent later by somebody who keeps them in between: an outbox in the application's
//! own database.

use crate::buffer::Encoded;
use crate::encode::NotEncoded;
use crate::error::RecordError;
use crate::event::Event;
use crate::recorder::{Recorder, stamped};
use crate::ticket::Ticket;
use crate::transport::Receipt;
use crate::{EventId, Text};

/// An event as it will be sent: redacted, within limits, with its id and the time and scope of its making.
///
/// It has no number of this recorder (`source`): whether it will ever be sent is up to whoever keeps it, and an event
/// whose transaction was rolled back would look like a loss.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its id, by which it is kept once however often it is sent.
    pub id: EventId,
    /// Its event type; "" if it has none.
    pub event_type: Text,
    /// The event itself.
    pub json: String,
}

impl Recorder {
    /// Encodes an event as [`Recorder::record`] does, and gives it back instead of sending it; `None` if it is left
    /// out by the policy, or the recorder is off.
    ///
    /// ```
    /// use indelible_recorder::{Event, Recorder};
    ///
    /// let recorder = Recorder::memory();
    /// let prepared = recorder.prepare(Event::new("user.update").target("user", "u-1"))?;
    /// assert!(recorder.events().is_empty(), "nothing is recorded until it is delivered");
    ///
    /// recorder.deliver(prepared.into_iter().collect()).wait();
    /// assert_eq!(recorder.events()[0].action(), "user.update");
    /// # Ok::<(), indelible_recorder::RecordError>(())
    /// ```
    ///
    /// # Errors
    /// [`RecordError::Refused`] if no trail would keep it.
    pub fn prepare(&self, event: Event) -> Result<Option<Prepared>, RecordError> {
        let Some(engine) = self.engine() else { return Ok(None) };
        match engine.encoder.encode_unnumbered(stamped(event)) {
            Ok((id, Encoded { event_type, json })) => {
                let json = String::from_utf8(json).expect("JSON is written as UTF-8");
                Ok(Some(Prepared { id, event_type: Text::Owned(event_type.into()), json }))
            }
            Err(NotEncoded::LeftOut) => Ok(None),
            Err(NotEncoded::Refused(why)) => Err(RecordError::Refused { why }),
        }
    }

    /// Sends events that were prepared before, and answers for each in order once it is durable. The recorder keeps
    /// none of them: what is not confirmed is to be delivered again by whoever has it, and is still kept once.
    ///
    /// A recorder that is off keeps nothing, so it answers [`RecordError::Closed`].
    ///
    /// ```
    /// use indelible_recorder::{EventId, Prepared, Recorder};
    ///
    /// let id = EventId::v7(0, [7; 10]);
    /// let json = format!(r#"{{"id":"{id}","action":"user.update","outcome":"success"}}"#);
    /// let recorder = Recorder::memory();
    /// for _ in 0..2 {
    ///     let event = Prepared { id, event_type: "".into(), json: json.clone() };
    ///     let answers = recorder.deliver(vec![event]).wait();
    ///     assert_eq!(answers[0].as_ref().map(|receipt| receipt.id), Ok(id));
    /// }
    /// assert_eq!(recorder.events().len(), 1);
    /// ```
    pub fn deliver(&self, events: Vec<Prepared>) -> Ticket<Vec<Result<Receipt, RecordError>>> {
        let Some(engine) = self.engine() else {
            return Ticket::answered(vec![Err(RecordError::Closed); events.len()]);
        };
        let encoded = events.into_iter().map(|event| {
            let event_type = event.event_type.into();
            (event.id, Encoded { event_type, json: event.json.into_bytes() })
        });
        Ticket::all(engine.push_prepared(encoded))
    }
}
