//! What a query may cost.

use indelible_event::Micros;

use crate::limits::{CHECKED_BYTES_MAX, CHECKED_ROWS_MAX, QUERY_MICROS_MAX};

/// Which bound of a budget was met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// Rows.
    Rows,
    /// Time.
    Time,
    /// Bytes.
    Bytes,
}

impl Met {
    /// Its name in the API.
    pub fn name(self) -> &'static str {
        match self {
            Met::Rows => "rows",
            Met::Time => "time",
            Met::Bytes => "bytes",
        }
    }
}

/// What a query may still cost: records read, their bytes, and time.
pub struct Budget<'a> {
    rows: u64,
    bytes: u64,
    deadline: Deadline<'a>,
}

/// The moment by which an answer should be there.
#[derive(Clone, Copy)]
pub(crate) struct Deadline<'a> {
    at: Micros,
    clock: &'a (dyn Fn() -> Micros + Sync),
}

impl Deadline<'_> {
    pub(crate) fn is_over(&self) -> bool {
        (self.clock)() >= self.at
    }
}

impl<'a> Budget<'a> {
    /// The usual budget.
    pub fn new(clock: &'a (dyn Fn() -> Micros + Sync)) -> Budget<'a> {
        Budget::with(CHECKED_ROWS_MAX, CHECKED_BYTES_MAX, QUERY_MICROS_MAX, clock)
    }

    /// A budget of so many records, bytes and microseconds from now.
    pub fn with(
        rows: u64,
        bytes: u64,
        micros: i64,
        clock: &'a (dyn Fn() -> Micros + Sync),
    ) -> Budget<'a> {
        let at = Micros(clock().0.saturating_add(micros));
        Budget { rows, bytes, deadline: Deadline { at, clock } }
    }

    /// Which bound is met, if one is.
    pub fn met(&self) -> Option<Met> {
        if self.rows == 0 {
            Some(Met::Rows)
        } else if self.bytes == 0 {
            Some(Met::Bytes)
        } else {
            self.deadline.is_over().then_some(Met::Time)
        }
    }

    pub(crate) fn deadline(&self) -> Deadline<'a> {
        self.deadline
    }

    pub(crate) fn rows_left(&self) -> u64 {
        self.rows
    }

    pub(crate) fn spend(&mut self, rows: u64, bytes: u64) {
        self.rows = self.rows.saturating_sub(rows);
        self.bytes = self.bytes.saturating_sub(bytes);
    }
}
