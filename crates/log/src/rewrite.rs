//! Segments exchanged for others that say less: expiry and erasure. The event that says so comes first, and is
//! its caller's to record; here is only what follows from it.

use indelible_event::EventId;
use roaring::RoaringBitmap;

use crate::error::LogError;
use crate::log::Log;
use crate::policy::Policy;
use crate::record::TrailNo;

/// What becomes of one segment.
#[derive(Clone, Debug)]
pub struct Change {
    /// The segment's file number. One that is no longer in charge ends the whole with an error.
    pub file: u64,
    /// What becomes of its rows.
    pub fate: Fate,
}

/// What becomes of a segment's rows.
#[derive(Clone, Debug)]
pub enum Fate {
    /// They become stubs, but for those that are kept: these stay whole, in a segment of their own.
    Expire {
        /// The event that says so.
        by: EventId,
        /// Rows that stay whole: somebody holds them, or their time has not come.
        keep: RoaringBitmap,
    },
    /// These parts of these rows go; the others stay as they are.
    Erase {
        /// The rows.
        rows: RoaringBitmap,
        /// `who`, `where`, `what`.
        parts: [bool; 3],
    },
}

/// What a rewriting did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rewritten {
    /// Records that became stubs.
    pub expired: u64,
    /// Records of which not even a stub is left.
    pub pruned: u64,
    /// Records that lost a part.
    pub erased: u64,
    /// Bytes of the segments before.
    pub bytes_before: u64,
    /// Bytes of the segments after.
    pub bytes_after: u64,
}

impl Log {
    /// Exchanges segments, and lets records below a trail's new minimum index go without a stub. Works beside
    /// appends; files that are gone are deleted before it returns. After a crash in the middle the same again
    /// does what is left.
    pub fn rewrite(
        &self,
        changes: &[Change],
        prune: &[(TrailNo, u64)],
        progress: &(dyn Fn(u64) + Sync),
    ) -> Result<Rewritten, LogError> {
        let _ = (changes, prune, progress);
        Err(LogError::NotFound("rewriting".into()))
    }

    /// Seals under this policy from now on. Its number must be the next one, and its event be durable.
    pub fn set_policy(&self, policy: Policy) -> Result<(), LogError> {
        let _ = policy;
        Err(LogError::NotFound("policies".into()))
    }

    /// All policies so far, by number; the last is in force.
    pub fn policies(&self) -> Vec<Policy> {
        vec![Policy::first()]
    }
}
