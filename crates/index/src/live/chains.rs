//! The log of pairs: which term was seen in which row, newest first for each term.

/// Pairs between two marks.
const MARK_PAIRS: usize = 256;
/// The upper bit of a pair's number is needed to tell it from a list's.
const PAIRS_MAX: u32 = 1 << 31;

/// Pairs in the order they came. A pair is only the number of the one before it with the same term; its
/// row follows from where each row's pairs begin.
#[derive(Debug, Default)]
pub(super) struct Chains {
    before: Vec<u32>,
    /// Each row's first pair.
    starts: Vec<u32>,
    /// The row of each 256th pair, so that a pair's row is found in a few steps.
    marks: Vec<u32>,
}

impl Chains {
    /// Begins the next row.
    pub(super) fn begin_row(&mut self) {
        self.starts.push(self.before.len() as u32);
    }

    /// The first pair of the newest row.
    pub(super) fn row_start(&self) -> u32 {
        self.starts.last().copied().unwrap_or(0)
    }

    /// Adds a pair to the newest row, after `before` of the same term.
    #[inline]
    pub(super) fn push(&mut self, before: u32) -> u32 {
        let pair = self.before.len() as u32;
        assert!(pair < PAIRS_MAX, "a live map is frozen long before 2 billion pairs");
        if (pair as usize).is_multiple_of(MARK_PAIRS) {
            self.marks.push(self.starts.len() as u32 - 1);
        }
        self.before.push(before);
        pair
    }

    /// The rows of a chain, descending.
    pub(super) fn rows(&self, newest: u32) -> impl Iterator<Item = u32> {
        let mut pair = newest;
        std::iter::from_fn(move || {
            let before = *self.before.get(pair as usize)?;
            let row = self.row(pair);
            pair = before;
            Some(row)
        })
    }

    fn row(&self, pair: u32) -> u32 {
        let mark = self.marks[pair as usize / MARK_PAIRS];
        let later = &self.starts[mark as usize + 1..];
        mark + later.iter().take_while(|&&start| start <= pair).count() as u32
    }

    /// The pair before each.
    pub(super) fn before(&self) -> &[u32] {
        &self.before
    }

    /// Each row's first pair.
    pub(super) fn starts(&self) -> &[u32] {
        &self.starts
    }

    /// Bytes in memory.
    pub(super) fn heap_bytes(&self) -> usize {
        4 * (self.before.len() + self.starts.len() + self.marks.len())
    }
}
