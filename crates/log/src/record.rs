//! A record as the log keeps it, and the numbers that place it.

use indelible_event::{Entry, Part, seal};

/// An event's place in this node's whole log, over all trails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Pos(pub u64);

/// An event's place in its trail, which is its leaf index in the trail's tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Seq(pub u64);

/// A trail's short number on this node; `0` is `_system`. The registry maps it to opaque id and name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct TrailNo(pub u32);

/// What is kept of one sealed part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PartRef<'a> {
    /// The event never had this part: its commitment is 32 zero bytes.
    Absent,
    /// The canonical bytes, readable.
    Kept(&'a [u8]),
    /// Erased or expired; only the commitment stays, so that the entry can still be checked.
    Gone([u8; 32]),
}

/// The salts that are still kept for a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Salts {
    /// The event salt, from which each part's salt follows.
    Event([u8; 16]),
    /// After an erasure: only the salts of the parts that are still readable, by `Part` order.
    Parts([Option<[u8; 16]>; 3]),
}

impl Salts {
    /// The salt of one part, if it is still kept.
    pub fn of(&self, part: Part) -> Option<[u8; 16]> {
        match self {
            Salts::Event(salt) => Some(seal::part_salt(salt, part)),
            Salts::Parts(salts) => salts[part as usize],
        }
    }
}

/// A record, borrowed from wherever its bytes lie: a frame of the active file or a segment's pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// Place in the node's log.
    pub pos: Pos,
    /// The trail it belongs to.
    pub trail: TrailNo,
    /// Place in the trail.
    pub seq: Seq,
    /// The entry: the part of the event that is hashed into the tree.
    pub entry: Entry<'a>,
    /// What salts are left.
    pub salts: Salts,
    /// `who`, `where`, `what`, by `Part` order.
    pub parts: [PartRef<'a>; 3],
}

impl Record<'_> {
    /// The hash over the parts, computed from what is kept of them: from bytes and salt where the part
    /// is readable, else from the commitment that stayed. `None` if a readable part has lost its salt.
    pub fn parts_hash(&self) -> Option<[u8; 32]> {
        parts_hash(&self.salts, &self.parts)
    }
}

/// See [`Record::parts_hash`].
pub fn parts_hash(salts: &Salts, parts: &[PartRef<'_>; 3]) -> Option<[u8; 32]> {
    let mut commitments = [None; 3];
    for part in Part::ALL {
        commitments[part as usize] = match parts[part as usize] {
            PartRef::Absent => None,
            PartRef::Kept(bytes) => Some(seal::commitment(part, &salts.of(part)?, bytes)),
            PartRef::Gone(commitment) => Some(commitment),
        };
    }
    Some(seal::parts_hash(&commitments))
}

/// What is kept of one sealed part, owned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeptPart {
    /// See [`PartRef::Absent`].
    Absent,
    /// See [`PartRef::Kept`].
    Kept(Vec<u8>),
    /// See [`PartRef::Gone`].
    Gone([u8; 32]),
}

impl KeptPart {
    fn as_ref(&self) -> PartRef<'_> {
        match self {
            KeptPart::Absent => PartRef::Absent,
            KeptPart::Kept(bytes) => PartRef::Kept(bytes),
            KeptPart::Gone(commitment) => PartRef::Gone(*commitment),
        }
    }
}

/// A record taken out of the log, checked against its leaf.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptRecord {
    /// Place in the node's log.
    pub pos: Pos,
    /// The trail it belongs to.
    pub trail: TrailNo,
    /// Place in the trail.
    pub seq: Seq,
    /// The entry's exact bytes, which hash to the leaf.
    pub entry: Vec<u8>,
    /// What salts are left.
    pub salts: Salts,
    /// `who`, `where`, `what`.
    pub parts: [KeptPart; 3],
}

impl KeptRecord {
    /// Copies a record out of the file it lies in.
    pub fn copy(record: &Record<'_>) -> KeptRecord {
        let mut entry = Vec::with_capacity(512);
        record.entry.encode(&mut entry);
        KeptRecord {
            pos: record.pos,
            trail: record.trail,
            seq: record.seq,
            entry,
            salts: record.salts,
            parts: record.parts.map(|part| match part {
                PartRef::Absent => KeptPart::Absent,
                PartRef::Kept(bytes) => KeptPart::Kept(bytes.to_vec()),
                PartRef::Gone(commitment) => KeptPart::Gone(commitment),
            }),
        }
    }

    /// The entry's fields.
    pub fn entry(&self) -> Entry<'_> {
        // The one form is no question here: these bytes were encoded when the record was copied.
        Entry::read(&self.entry).expect("the bytes were made by the entry's own encoder")
    }

    /// The record, borrowed.
    pub fn as_ref(&self) -> Record<'_> {
        let [who, where_, what] = &self.parts;
        Record {
            pos: self.pos,
            trail: self.trail,
            seq: self.seq,
            entry: self.entry(),
            salts: self.salts,
            parts: [who.as_ref(), where_.as_ref(), what.as_ref()],
        }
    }

    /// See [`Record::parts_hash`].
    pub fn parts_hash(&self) -> Option<[u8; 32]> {
        let [who, where_, what] = &self.parts;
        parts_hash(&self.salts, &[who.as_ref(), where_.as_ref(), what.as_ref()])
    }

    /// A part's bytes, if they are still readable.
    pub fn part(&self, part: Part) -> Option<&[u8]> {
        match &self.parts[part as usize] {
            KeptPart::Kept(bytes) => Some(bytes),
            KeptPart::Absent | KeptPart::Gone(_) => None,
        }
    }

    /// The event as one JSON object, spliced from the very bytes that are kept.
    pub fn view(&self, trail: &str) -> Vec<u8> {
        indelible_event::view(trail, self.seq.0, &self.entry, Part::ALL.map(|p| self.part(p)))
    }
}
