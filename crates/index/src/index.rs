//! What a planner asks of an index, be it in memory or in a file.

use std::borrow::Cow;
use std::ops::{Bound, Range};

use indelible_event::Micros;
use roaring::RoaringBitmap;

use crate::doc::Field;
use crate::facet::{Codes, Facet};
use crate::search::Kept;

/// Rows of a block: what [`Index::occurred_bounds`] and [`Index::occurred_block`] speak of.
pub const BLOCK_ROWS: u32 = 1_024;

/// The bytes are not an index, or not one of this version. It is derived: make it again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the index is damaged or of another version: {0}")]
pub struct IndexError(pub String);

/// A map from terms to rows. Rows are in `pos` order; `recorded_at` never falls from one row to the next.
pub trait Index {
    /// How many rows there are.
    fn rows(&self) -> u32;

    /// Whether everything given so far by the methods without a `Result` was read from sound bytes. Ask
    /// before an answer made of it leaves.
    fn sound(&self) -> Result<(), IndexError> {
        Ok(())
    }

    /// The rows with this term. For a unique field ([`Field::is_unique`]) candidates: a few may not have it.
    fn term(&self, field: Field, value: &[u8]) -> Result<RoaringBitmap, IndexError>;

    /// The rows with any term of an ordinary field whose value lies between the bounds, in byte order.
    fn range(
        &self,
        field: Field,
        from: Bound<&[u8]>,
        to: Bound<&[u8]>,
    ) -> Result<RoaringBitmap, IndexError>;

    /// Shows every distinct value of an ordinary field that begins with `prefix`, and gives the rows of
    /// those that were kept.
    fn select(
        &self,
        field: Field,
        prefix: &[u8],
        keep: &mut dyn FnMut(&[u8]) -> bool,
    ) -> Result<RoaringBitmap, IndexError>;

    /// Rows that have more terms than are indexed ([`crate::limits::TERMS_MAX`]), so that any query by
    /// word or path has to look at them.
    fn partial(&self) -> Result<Cow<'_, RoaringBitmap>, IndexError>;

    /// A row's place in the node's log.
    fn pos(&self, row: u32) -> u64;
    /// Appends the places of rows, which rise.
    fn pos_each(&self, rows: &mut dyn Iterator<Item = u32>, out: &mut Vec<u64>) {
        out.extend(rows.map(|row| self.pos(row)));
    }
    /// The first row whose `pos` is not below this one; [`Index::rows`] if there is none.
    fn row_at(&self, pos: u64) -> u32;
    /// When a row was recorded.
    fn recorded_at(&self, row: u32) -> Micros;
    /// The rows recorded in `from..to`.
    fn recorded_in(&self, from: Micros, to: Micros) -> Range<u32>;
    /// When it happened; `recorded_at` where the event did not say.
    fn occurred_at(&self, row: u32) -> Micros;
    /// The least and the greatest `occurred_at`; `None` without rows.
    fn occurred_span(&self) -> Option<(Micros, Micros)>;
    /// No row of a block of [`BLOCK_ROWS`] happened before the first of these, and none after the last. They
    /// may be further apart than need be.
    fn occurred_bounds(&self, block: u32) -> (Micros, Micros) {
        let _ = block;
        (Micros(i64::MIN), Micros(i64::MAX))
    }
    /// Appends when the rows of a block happened, one after the other.
    fn occurred_block(&self, block: u32, out: &mut Vec<i64>) {
        let start = block.saturating_mul(BLOCK_ROWS);
        let end = start.saturating_add(BLOCK_ROWS).min(self.rows());
        out.extend((start..end).map(|row| self.occurred_at(row).0));
    }

    /// The values of a facet in this index, in the order of their codes.
    fn facet_len(&self, facet: Facet) -> u32;
    /// The value of code `index + 1`.
    fn facet_value(&self, facet: Facet, index: u32) -> Result<Cow<'_, str>, IndexError>;
    /// The code of a value, as written; 0 if no row has it.
    fn facet_code(&self, facet: Facet, value: &str) -> Result<u32, IndexError>;
    /// Each row's code.
    fn facet_codes(&self, facet: Facet) -> Result<Codes<'_>, IndexError>;
    /// How often each code occurs over all rows, `[0]` being those without a value.
    fn facet_counts(&self, facet: Facet) -> Result<Cow<'_, [u32]>, IndexError>;
    /// Where what was counted over all rows is kept; `None` where rows are still added.
    fn kept(&self) -> Option<&Kept> {
        None
    }
}
