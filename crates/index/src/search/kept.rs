//! What was counted once over all rows of an index that does not change, kept for the next who asks.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use crate::facet::Facet;
use crate::limits::KEPT_BYTES_MAX;

/// The most frequent values of a facet among rows.
#[derive(Debug, Default)]
pub(crate) struct Leading {
    /// Values with their counts.
    pub values: HashMap<String, u64>,
    /// How often any other value occurs at most.
    pub rest: u64,
    /// Rows with a value.
    pub with: u64,
    /// Rows without one.
    pub missing: u64,
}

impl Leading {
    /// Bytes of memory it takes, about.
    fn bytes(&self) -> usize {
        let values = self.values.keys().map(String::len).sum::<usize>();
        // The table has room for twice as many at most.
        values + 2 * self.values.len() * size_of::<(String, u64)>()
    }
}

/// What is known of all rows of an index: for each facet the values that it proposes for everybody's list. It
/// takes [`KEPT_BYTES_MAX`] for each facet at most.
#[derive(Debug, Default)]
pub struct Kept {
    leading: [OnceLock<Arc<Leading>>; Facet::COUNT],
}

impl Kept {
    pub(super) fn leading(&self, facet: Facet) -> Option<Arc<Leading>> {
        self.leading[facet as usize].get().cloned()
    }

    pub(super) fn keep(&self, facet: Facet, leading: &Arc<Leading>) {
        if leading.bytes() <= KEPT_BYTES_MAX {
            // If another was first, it counted the same.
            let _ = self.leading[facet as usize].set(leading.clone());
        }
    }
}
