//! Answers from any number of indexes: pages, counts, facets, histograms, suggestions.
//!
//! Every question becomes sets of rows, one unit at a time ([`crate::plan`]), ANDed with the trails that
//! the asker may read. What the sets leave open is read and checked, within a budget. Nothing here knows
//! what a unit is made of, nor what time it is: both are given.

mod budget;
mod codes;
mod cursor;
mod facets;
mod gather;
mod histogram;
mod kept;
mod merge;
mod page;
mod read;
mod referred;
mod sorted;
mod sources;
mod stats;

use std::collections::BTreeSet;

use indelible_event::{EventId, Source};

use crate::doc::Doc;
use crate::index::{Index, IndexError};
use crate::query::Query;

pub use budget::{Budget, Met};
pub use cursor::{Cursor, CursorError};
pub use kept::Kept;
pub use page::{Order, Page, PageAsk, Sort, page};
pub use referred::{Referred, referred};
pub use sources::{Lacking, Numbers, SourceSeen, Sources, SourcesAsk, sources};
pub use stats::{Bucket, FacetCounts, HistogramAsk, Stats, StatsAsk, stats, suggest};

/// A record that was read and held against its leaf.
pub trait Record {
    /// What it says.
    fn doc(&self) -> Doc<'_>;
    /// The bytes it has, as far as a page is concerned.
    fn bytes(&self) -> usize;
}

/// One index and the records it leads to. Two units may have records between each other's, but none has
/// another's record.
pub trait Unit: Sync {
    /// A record of it.
    type Record: Record + Send;

    /// The places of its first and its last record in the node's log. Not asked of a unit without rows.
    fn span(&self) -> (u64, u64);

    /// How many rows this snapshot has. Those that an index has gained since are not looked at.
    fn rows(&self) -> u32;

    /// Shows the index, and locks it no longer than that if it grows.
    fn with_index<T>(&self, run: impl FnOnce(&dyn Index) -> T) -> T;

    /// The rows that may have this event's id, which is no term of an index.
    fn rows_of(&self, id: EventId) -> Vec<u32>;

    /// The sources of records, one for each row, as its columns have them: none is held against its leaf.
    /// Rows rise.
    fn sources(&self, rows: &[u32]) -> Result<Vec<Option<Source>>, Alarm>;

    /// Reads records, one result for each row. Rows rise.
    fn read(&self, rows: &[u32]) -> Vec<Result<Self::Record, Alarm>>;
}

impl<U: Unit> Unit for &U {
    type Record = U::Record;

    fn span(&self) -> (u64, u64) {
        (**self).span()
    }

    fn rows(&self) -> u32 {
        (**self).rows()
    }

    fn with_index<T>(&self, run: impl FnOnce(&dyn Index) -> T) -> T {
        (**self).with_index(run)
    }

    fn rows_of(&self, id: EventId) -> Vec<u32> {
        (**self).rows_of(id)
    }

    fn sources(&self, rows: &[u32]) -> Result<Vec<Option<Source>>, Alarm> {
        (**self).sources(rows)
    }

    fn read(&self, rows: &[u32]) -> Vec<Result<Self::Record, Alarm>> {
        (**self).read(rows)
    }
}

/// A record that could not be shown: it cannot be read, or does not hash to its leaf. Never an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// The trail's number, as far as it is known.
    pub trail: Option<u32>,
    /// Place in the node's log.
    pub pos: u64,
    /// Place in the trail, as far as it is known.
    pub seq: Option<u64>,
    /// What is wrong.
    pub message: String,
}

/// The trails that the asker may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Access {
    /// All there are.
    All,
    /// Those of these numbers.
    Trails(BTreeSet<u32>),
}

impl Access {
    /// Whether it may be read.
    pub fn allows(&self, trail: u32) -> bool {
        match self {
            Access::All => true,
            Access::Trails(trails) => trails.contains(&trail),
        }
    }
}

/// What is asked for, and who asks.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The query. Its text must say all of it, as a cursor is bound to the text.
    pub query: &'a Query,
    /// What the asker may read.
    pub access: &'a Access,
    /// The trails by number and name; those that may not be read do not count.
    pub trails: &'a [(u32, &'a str)],
}

/// How many there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Total {
    /// So many.
    pub value: u64,
    /// Whether there are no more.
    pub exact: bool,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum SearchError {
    /// A unit's index is damaged: it has to be made again.
    #[error("unit {unit}: {error}")]
    Index {
        /// Which of the units given.
        unit: usize,
        /// What is wrong with it.
        error: IndexError,
    },
    /// The cursor is of another query, or was changed.
    #[error(transparent)]
    Cursor(#[from] CursorError),
    /// A page so far from the start that a cursor has to lead to it.
    #[error("pages can be numbered within the first {0} matches only; use the cursor")]
    Skip(u64),
    /// The interval is not positive.
    #[error("the interval must be longer than nothing")]
    Interval,
    /// The histogram would have too many buckets.
    #[error("more than {0} intervals have events; ask for longer ones")]
    Buckets(usize),
}

#[cfg(test)]
mod large_tests;
#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod worlds;

/// Fails if an index was found damaged while it was asked: its columns give harmless values then, which are
/// no answer.
fn sound<U: Unit>(units: &[U]) -> Result<(), SearchError> {
    for (unit, at) in units.iter().enumerate() {
        let sound = at.with_index(|index| index.sound());
        sound.map_err(|error| SearchError::Index { unit, error })?;
    }
    Ok(())
}
