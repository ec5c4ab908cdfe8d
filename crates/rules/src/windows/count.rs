//! `event_count`: so many events within a span.

use std::collections::VecDeque;

use crate::limits::GROUP_ITEMS_MAX;

use super::WindowsError;
use super::codec::{self, COUNT, Reader, Writer};
use super::window::{Around, Entry, Examples, Found, Stamp, Window, run_around};

/// The events that may yet come together with others, in order of time.
#[derive(Debug, Default)]
pub(super) struct Count {
    times: VecDeque<Stamp>,
    examples: Examples,
}

impl Count {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Count, WindowsError> {
        let mut times = VecDeque::new();
        for _ in 0..from.count(Stamp::WEIGHT)? {
            times.push_back(Stamp::read(from)?);
        }
        codec::in_order(&times, |time| time.key())?;
        Ok(Count { times, examples: Examples::read(from)? })
    }

    fn forget(&mut self, now: i64, around: &mut Around<'_>) {
        let newest = self.times.back().map_or(0, |time| time.at);
        let reach = around.need.reach();
        while self.times.front().is_some_and(|time| time.is_over(newest, now, reach)) {
            self.times.pop_front();
        }
        if self.times.len() >= GROUP_ITEMS_MAX {
            self.times.pop_front();
            *around.lost += 1;
        }
    }
}

impl Window for Count {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        self.forget(entry.now, around);
        let (need, stamp) = (around.need, Stamp::of(entry));
        let put = self.times.partition_point(|time| time.key() <= stamp.key());
        self.times.insert(put, stamp);
        self.examples.add(entry, need.at_least);
        let begin = run_around(self.times.len(), put, need.at_least, need.span, |at| {
            self.times[at].at
        })?;
        let run = begin..begin + need.at_least;
        let (first, last) = (self.times[run.start].key(), self.times[run.end - 1].key());
        self.times.drain(run);
        Some(Found {
            count: need.at_least as u64,
            first: first.0,
            last: last.0,
            at: last.0,
            note: None,
            events: self.examples.take(first, last),
        })
    }

    fn items(&self) -> usize {
        self.times.len()
    }

    fn weight(&self) -> usize {
        COUNT + self.times.len() * Stamp::WEIGHT + self.examples.weight()
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.times.len());
        self.times.iter().for_each(|time| time.write(to));
        self.examples.write(to);
    }
}
