//! From a checked event to the bytes of its frame, on the caller's thread: everything but its place.

use indelible_event::{Checked, Entry, EventId, Micros, Part};

use crate::clock::Entropy;
use crate::frame;
use crate::record::{self, PartRef, Salts, TrailNo};

/// An event on its way into a trail.
#[derive(Clone, Debug)]
pub struct Incoming<'a> {
    /// The trail it goes to.
    pub trail: TrailNo,
    /// What happened.
    pub event: &'a Checked,
    /// The opaque id of the credential that brought it.
    pub recorded_by: Option<&'a str>,
}

/// Frames in one buffer, each still without seq and `recorded_at`.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub frames: Vec<u8>,
    pub items: Vec<Item>,
}

/// One frame in the buffer of [`Prepared`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item {
    pub trail: TrailNo,
    pub id: EventId,
    pub at: usize,
    pub len: usize,
}

impl Prepared {
    /// Hashes the parts under a fresh salt and appends the frame.
    pub fn push(
        &mut self,
        incoming: &Incoming<'_>,
        id: EventId,
        salt: &[u8; 16],
        entry_buf: &mut Vec<u8>,
    ) {
        let event = incoming.event;
        let parts = Part::ALL.map(|part| event.parts.get(part));
        let entry = Entry {
            id,
            recorded_at: Micros(0),
            occurred_at: event.occurred_at,
            action: &event.action,
            category: event.category.as_deref(),
            outcome: event.outcome,
            phase: event.phase,
            reference: event.reference,
            source: event.source,
            recorded_by: incoming.recorded_by,
            parts_hash: record::parts_hash(
                &Salts::Event(*salt),
                &parts.map(|part| part.map_or(PartRef::Absent, PartRef::Kept)),
            )
            .expect("the event salt gives every part's salt"),
        };
        entry_buf.clear();
        entry.encode(entry_buf);
        let at = self.frames.len();
        let len = frame::encode_record(&mut self.frames, incoming.trail, salt, entry_buf, parts);
        self.items.push(Item { trail: incoming.trail, id, at, len });
    }
}

/// Fresh salts and ids for a batch, drawn in one call: a system call an event would cost more than all
/// of its hashing.
pub(crate) struct Draw {
    bytes: Vec<u8>,
    now: Micros,
}

impl Draw {
    const EACH: usize = 16 + 10;

    pub fn new(entropy: &dyn Entropy, now: Micros, count: usize) -> Draw {
        let mut bytes = vec![0; count * Self::EACH];
        entropy.fill(&mut bytes);
        Draw { bytes, now }
    }

    pub fn salt(&self, index: usize) -> [u8; 16] {
        let mut salt = [0; 16];
        salt.copy_from_slice(&self.bytes[index * Self::EACH..][..16]);
        salt
    }

    /// A version 7 id for an event that came without one.
    pub fn id(&self, index: usize) -> EventId {
        let mut random = [0; 10];
        random.copy_from_slice(&self.bytes[index * Self::EACH + 16..][..10]);
        EventId::v7(self.now.0.div_euclid(1000).max(0) as u64, random)
    }
}
