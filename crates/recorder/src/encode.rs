//! From an event as an application built it to the bytes that are sent: filled in, redacted, within limits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use indelible_event::{EventId, Source, check};

use crate::buffer::Encoded;
use crate::clock;
use crate::event::{Event, Fields, Text};
use crate::fit::{cut_free_json, fit};
use crate::ledger::{Cause, Ledger};
use crate::policy::{Policy, Verdict};
use crate::redact::Redaction;

/// Encodes events. One a recorder; any thread may use it.
pub(crate) struct Encoder {
    pub(crate) policy: Policy,
    pub(crate) redaction: Redaction,
    pub(crate) ledger: Ledger,
    /// For events that name none.
    pub(crate) trail: Option<Text>,
    pub(crate) service: Option<Text>,
    pub(crate) host: Option<Text>,
    source: [u8; 16],
    /// The number of the next event of this source. What is lost takes one too, so that the gap shows.
    next_seq: AtomicU64,
}

/// Why there are no bytes.
#[derive(Debug)]
pub(crate) enum NotEncoded {
    /// Left out, as configured. It is counted.
    LeftOut,
    /// It cannot be kept. It is counted.
    Refused(String),
}

impl Encoder {
    pub(crate) fn new(policy: Policy, redaction: Redaction) -> Encoder {
        let (source, next_seq) = (clock::random(), AtomicU64::new(0));
        let ledger = Ledger::default();
        let (trail, service, host) = (None, None, None);
        Encoder { policy, redaction, ledger, trail, service, host, source, next_seq }
    }

    /// Encodes an event and gives its id with the bytes.
    pub(crate) fn encode(&self, event: Event) -> Result<(EventId, Encoded), NotEncoded> {
        self.encode_as(event, true)
    }

    /// The same, of an event that may never be sent: without a number, so that no gap tells of a loss.
    pub(crate) fn encode_unnumbered(&self, event: Event) -> Result<(EventId, Encoded), NotEncoded> {
        self.encode_as(event, false)
    }

    fn encode_as(&self, event: Event, numbered: bool) -> Result<(EventId, Encoded), NotEncoded> {
        let event_type: Box<str> = event.event_type().into();
        // A bug in here must cost one event, counted, and not the thread that all of them go through.
        let made = catch_unwind(AssertUnwindSafe(|| self.make(event, numbered)));
        let made =
            made.unwrap_or_else(|_| Err(NotEncoded::Refused("the recorder panicked".into())));
        match made {
            Ok((id, json)) => Ok((id, Encoded { event_type, json })),
            Err(NotEncoded::Refused(why)) => {
                self.ledger.count(&event_type, Cause::Refused, 1);
                Err(NotEncoded::Refused(why))
            }
            Err(NotEncoded::LeftOut) => Err(NotEncoded::LeftOut),
        }
    }

    /// Counts events that were lost before they had a number, and leaves the gap that shows it.
    pub(crate) fn lost(&self, event_type: &str, cause: Cause, count: u64) {
        self.next_seq.fetch_add(count, Ordering::Relaxed);
        self.ledger.count(event_type, cause, count);
    }

    fn make(&self, event: Event, numbered: bool) -> Result<(EventId, Vec<u8>), NotEncoded> {
        let mut fields = *event.0;
        fields.settle();
        let ids: [u8; 18] = clock::random();
        match self.verdict(&fields, &ids) {
            Verdict::Keep => {}
            Verdict::Sampled if fields.never_sampled => {}
            Verdict::Muted => return Err(NotEncoded::LeftOut),
            Verdict::Sampled => {
                let event_type = fields.category.as_deref().unwrap_or_default();
                self.ledger.count(event_type, Cause::Sampled, 1);
                return Err(NotEncoded::LeftOut);
            }
        }
        let at = *fields.occurred_at.get_or_insert_with(clock::now);
        let random = ids.first_chunk().expect("18 bytes begin with 10");
        let id = *fields.id.get_or_insert_with(|| {
            EventId::v7(u64::try_from(at.0 / 1_000).unwrap_or_default(), *random)
        });
        fields.trail = fields.trail.or_else(|| self.trail.clone());
        if self.service.is_some() || self.host.is_some() {
            let context = fields.context.get_or_insert_default();
            context.service = context.service.take().or_else(|| self.service.clone());
            context.host = context.host.take().or_else(|| self.host.clone());
        }
        let cut = fit(&mut fields, &self.redaction);
        // The number last: an event that has one is on its way, or a loss that was counted.
        fields.source = numbered.then(|| {
            let seq = self.next_seq.fetch_add(1, Ordering::Relaxed);
            Source { id: self.source, seq }
        });
        let json = self.checked(&mut fields, cut)?;
        Ok((id, json))
    }

    fn verdict(&self, fields: &Fields, ids: &[u8; 18]) -> Verdict {
        let correlation = fields.context.as_ref().and_then(|c| c.correlation_id.as_deref());
        let chance = u64::from_le_bytes(*ids.last_chunk().expect("18 bytes end with 8"));
        let category = fields.category.as_deref().unwrap_or_default();
        self.policy.verdict(
            &fields.action,
            category,
            fields.outcome,
            fields.phase,
            fields.instrumented,
            correlation,
            chance,
        )
    }

    /// The redacted bytes, if a trail takes them; without the free JSON if it takes only that.
    fn checked(&self, fields: &mut Fields, mut cut: bool) -> Result<Vec<u8>, NotEncoded> {
        let refused = |why: &dyn std::fmt::Display| NotEncoded::Refused(why.to_string());
        let mut json = serde_json::to_string(fields).map_err(|e| refused(&e))?;
        if let Some(redacted) = self.redaction.apply(&json).0 {
            json = redacted;
        }
        if let Err(refusal) = check(json.as_bytes()) {
            cut = true;
            cut_free_json(fields, &refusal.to_string());
            json = serde_json::to_string(fields).map_err(|e| refused(&e))?;
            if let Some(redacted) = self.redaction.apply(&json).0 {
                json = redacted;
            }
            check(json.as_bytes()).map_err(|refusal| refused(&refusal))?;
        }
        if cut {
            self.ledger.count(fields.category.as_deref().unwrap_or_default(), Cause::Cut, 1);
        }
        Ok(json.into_bytes())
    }
}
