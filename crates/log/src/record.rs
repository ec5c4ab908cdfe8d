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
