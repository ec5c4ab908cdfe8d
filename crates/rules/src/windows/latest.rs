//! `value_count` and `temporal`: so many different values, or rules, within a span. Each counts at its latest time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use crate::limits::GROUP_ITEMS_MAX;

use super::WindowsError;
use super::codec::{self, COUNT, Reader, Writer};
use super::window::{Around, Entry, Found, Key, Mark, Window, named, run_around};

/// A value and when it came last.
#[derive(Debug)]
struct Held {
    mark: Mark,
    value: Arc<str>,
}

impl Held {
    fn weight(&self) -> usize {
        self.mark.weight() + codec::text_weight(&self.value)
    }
}

/// Values, each with the latest time it came at.
#[derive(Debug, Default)]
pub(super) struct Values {
    /// In order of time.
    held: VecDeque<Held>,
    /// Where each is there.
    keys: HashMap<Arc<str>, Key>,
    weight: usize,
}

impl Values {
    /// When a value came last.
    pub(super) fn latest(&self, value: &str) -> Option<i64> {
        self.keys.get(value).map(|key| key.0)
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.held.len()
    }

    /// Forgets what is over, and the oldest where there is no room for one more.
    pub(super) fn forget(&mut self, now: i64, around: &mut Around<'_>) {
        let newest = self.held.back().map_or(0, |held| held.mark.stamp.at);
        let reach = around.need.reach();
        while self.held.front().is_some_and(|held| held.mark.stamp.is_over(newest, now, reach)) {
            self.remove(0);
        }
        if self.held.len() >= GROUP_ITEMS_MAX {
            self.remove(0);
            *around.lost += 1;
        }
    }

    /// Puts a value where it belongs; `None` if it is known to have come later than this.
    pub(super) fn put(&mut self, mark: Mark, value: &str) -> Option<usize> {
        let key = mark.stamp.key();
        let value = match self.keys.get(value) {
            Some(known) if *known >= key => return None,
            Some(known) => {
                let at = self.held.partition_point(|held| held.mark.stamp.key() < *known);
                // Two values of one record share a place: the right one is among those behind.
                let at = at + self.held.range(at..).position(|held| *held.value == *value)?;
                self.remove(at).value
            }
            None => value.into(),
        };
        let held = Held { mark, value };
        self.weight += held.weight();
        self.keys.insert(Arc::clone(&held.value), key);
        let put = self.held.partition_point(|other| other.mark.stamp.key() <= key);
        self.held.insert(put, held);
        Some(put)
    }

    fn take(&mut self, begin: usize, count: usize) -> Vec<Held> {
        let run: Vec<Held> = self.held.drain(begin..begin + count).collect();
        for held in &run {
            self.keys.remove(&held.value);
            self.weight -= held.weight();
        }
        run
    }

    fn remove(&mut self, at: usize) -> Held {
        let held = self.held.remove(at).expect("a place of one that is held");
        self.keys.remove(&held.value);
        self.weight -= held.weight();
        held
    }

    pub(super) fn weight(&self) -> usize {
        COUNT + self.weight
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.count(self.held.len());
        for held in &self.held {
            held.mark.write(to);
            to.text(&held.value);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Values, WindowsError> {
        let mut values = Values::default();
        for _ in 0..from.count(Mark::WEIGHT)? {
            let held = Held { mark: Mark::read(from)?, value: from.text()?.into() };
            values.weight += held.weight();
            let key = held.mark.stamp.key();
            if values.keys.insert(Arc::clone(&held.value), key).is_some() {
                return Err(codec::damaged("a value is there twice"));
            }
            values.held.push_back(held);
        }
        codec::in_order(&values.held, |held| held.mark.stamp.key())?;
        Ok(values)
    }
}

/// The window: which values, or which rules.
#[derive(Debug)]
pub(super) struct Latest {
    values: Values,
    /// The values are the numbers of the rules.
    of_members: bool,
}

impl Latest {
    pub(super) fn of_values() -> Latest {
        Latest { values: Values::default(), of_members: false }
    }

    pub(super) fn of_members() -> Latest {
        Latest { values: Values::default(), of_members: true }
    }

    pub(super) fn read(from: &mut Reader<'_>, empty: Latest) -> Result<Latest, WindowsError> {
        Ok(Latest { values: Values::read(from)?, ..empty })
    }
}

impl Window for Latest {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        let (need, values) = (around.need, &mut self.values);
        values.forget(entry.now, around);
        let put = match self.of_members {
            true => values.put(Mark::of(entry), &entry.member.to_string())?,
            false => values.put(Mark::of(entry), entry.value?)?,
        };
        let begin = run_around(values.len(), put, need.at_least, need.span, |at| {
            values.held[at].mark.stamp.at
        })?;
        let run = values.take(begin, need.at_least);
        let (first, last) = (run[0].mark.stamp.at, run[run.len() - 1].mark.stamp.at);
        let (count, events) = (run.len() as u64, named(run.iter().map(|held| &held.mark)));
        Some(Found { count, first, last, at: last, note: None, events })
    }

    fn items(&self) -> usize {
        self.values.len()
    }

    fn weight(&self) -> usize {
        self.values.weight()
    }

    fn write(&self, to: &mut Writer) {
        self.values.write(to);
    }
}
