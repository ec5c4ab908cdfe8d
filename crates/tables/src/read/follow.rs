//! Reading on while rows are being added.
//!
//! A key is taken when a row is written and seen when its transaction commits, so a smaller one can appear after a larger
//! one. What was read last is therefore read again, from a place on that is called the base, and what was given out
//! already is left out. The base moves up to a place that was reached once, when
//!
//! - every transaction that was running then is over, as the server itself says it, and
//! - [`OVERLAP_MICROS`] have gone by, and
//! - a whole pass from the old base on was read since,
//!
//! and it stays [`OVERLAP_ROWS`] behind that place, for programs that take keys in blocks long before they use them.

use std::collections::{HashMap, VecDeque};

use indelible_event::Micros;

use super::{Page, Place, Table};
use crate::error::TableError;
use crate::limits::{MARKS_MAX, OVERLAP_MICROS, OVERLAP_ROWS, SEEN_MAX};

/// Reads a table from a place on, and goes on with what is added.
pub struct Reading {
    table: Table,
    /// Everything before it was given out, and nothing will appear there any more. What to begin with next time.
    base: Option<Place>,
    /// How far the present pass is.
    at: Option<Place>,
    stage: Stage,
    /// Rows that were given out behind the base, and in which pass they were last there.
    seen: HashMap<Place, u64>,
    pass: u64,
    marks: VecDeque<Mark>,
    /// Where the base moves when the present pass is through.
    settled: Option<Place>,
    /// Until the old rows are read: the first transaction that had not begun when they were found.
    not_begun: Option<i64>,
}

/// A place that was reached, and when.
struct Mark {
    at: Micros,
    place: Place,
    /// The first transaction that had not begun.
    not_begun: Option<i64>,
}

enum Stage {
    /// Nothing was read yet.
    Begin,
    /// The rows that are too old to be overtaken: up to here, each once.
    Old(Place),
    /// The rest, again and again.
    Pass,
    /// A pass is through; the next begins with the next call.
    Through,
}

impl Reading {
    /// Begins behind a place, or at the beginning.
    pub fn new(table: Table, from: Option<Place>) -> Reading {
        Reading {
            table,
            base: from.clone(),
            at: from,
            stage: Stage::Begin,
            seen: HashMap::new(),
            pass: 0,
            marks: VecDeque::new(),
            settled: None,
            not_begun: None,
        }
    }

    /// The table.
    pub fn table(&mut self) -> &mut Table {
        &mut self.table
    }

    /// From where to begin next time: some rows behind it were given out already, and come again.
    pub fn place(&self) -> Option<&Place> {
        self.base.as_ref()
    }

    /// The next rows. A page that says it is the last ends a pass: there is nothing more now, and whoever follows asks
    /// again after a while. After an error nothing is lost: ask again.
    pub async fn next(&mut self, now: Micros) -> Result<Page, TableError> {
        if let Stage::Begin = self.stage {
            // Found before the first row is read, so that it is behind nothing that is being written now.
            let old = self.table.back(None, OVERLAP_ROWS).await?;
            if old.is_some() && self.table.follow {
                self.not_begun = self.table.snapshot().await?.map(|(_, not_begun)| not_begun);
            }
            self.stage = old.map_or(Stage::Pass, Stage::Old);
        }
        if let Stage::Old(until) = &self.stage {
            // Each old row is read once, so whoever may still commit one of them has to be over.
            if let Some(not_begun) = self.not_begun {
                if self.table.snapshot().await?.is_some_and(|(over, _)| over < not_begun) {
                    let why = "transactions that began before are still running: their rows may come before these";
                    return Err(TableError::Later { why: why.into() });
                }
                self.not_begun = None;
            }
            let page = self.table.read(self.at.as_ref(), Some(until), u32::MAX).await?;
            if let Some(row) = page.rows.last() {
                self.base = Some(row.place.clone());
                self.at = self.base.clone();
            }
            if page.last {
                self.stage = Stage::Pass;
            }
            return Ok(Page { rows: page.rows, last: false });
        }
        if let Stage::Through = self.stage {
            self.settle(now).await?;
            self.at = self.base.clone();
            self.pass += 1;
            self.stage = Stage::Pass;
        }
        self.pass(now).await
    }

    async fn pass(&mut self, now: Micros) -> Result<Page, TableError> {
        let mut page = self.table.read(self.at.as_ref(), None, u32::MAX).await?;
        let reached = page.rows.last().map(|row| row.place.clone());
        // Asked for after the rows were read: who is running now may hold a key that is smaller than theirs.
        let running = if page.last { self.table.snapshot().await? } else { None };
        let (pass, seen) = (self.pass, &mut self.seen);
        page.rows.retain(|row| {
            if let Some(last) = seen.get_mut(&row.place) {
                *last = pass;
                return false;
            }
            if seen.len() < SEEN_MAX {
                seen.insert(row.place.clone(), pass);
            }
            true
        });
        self.at = reached.or(self.at.take());
        if page.last {
            self.through(now, running.map(|(_, not_begun)| not_begun));
        }
        Ok(page)
    }

    /// A pass was read to its end.
    fn through(&mut self, now: Micros, not_begun: Option<i64>) {
        if let Some(settled) = self.settled.take() {
            self.base = Some(settled);
            // What was not there in this pass is before the base it was read from.
            let pass = self.pass;
            self.seen.retain(|_, last| *last == pass);
        }
        if let Some(place) = self.at.clone() {
            if self.marks.len() == MARKS_MAX {
                self.marks.pop_back();
            }
            self.marks.push_back(Mark { at: now, place, not_begun });
        }
        self.stage = Stage::Through;
    }

    /// Finds the latest place that nothing can appear before any more.
    async fn settle(&mut self, now: Micros) -> Result<(), TableError> {
        let old = |mark: &Mark| now.0.saturating_sub(mark.at.0) >= OVERLAP_MICROS;
        if !self.marks.front().is_some_and(old) {
            return Ok(());
        }
        let over = self.table.snapshot().await?.map(|(over, _)| over);
        let mut latest = None;
        while let Some(mark) = self.marks.front() {
            let ended = match (mark.not_begun, over) {
                (Some(not_begun), Some(over)) => over >= not_begun,
                _ => true,
            };
            if !old(mark) || !ended {
                break;
            }
            latest = self.marks.pop_front();
        }
        if let Some(mark) = latest {
            self.settled = self.table.back(Some(&mark.place), OVERLAP_ROWS).await?;
        }
        Ok(())
    }
}
