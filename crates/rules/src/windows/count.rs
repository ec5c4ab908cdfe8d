//! `event_count`: so many events within a span.

use std::collections::VecDeque;

use crate::limits::GROUP_ITEMS_MAX;

use super::WindowsError;
use super::codec::{self, COUNT, Reader, Writer};
use super::window::{Around, Entry, Found, Mark, Window, named, run_around};

/// The events that may yet come together with others, in order of time.
#[derive(Debug, Default)]
pub(super) struct Count {
    marks: VecDeque<Mark>,
    weight: usize,
}

impl Count {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Count, WindowsError> {
        let mut count = Count::default();
        for _ in 0..from.count(Mark::WEIGHT)? {
            let mark = Mark::read(from)?;
            count.weight += mark.weight();
            count.marks.push_back(mark);
        }
        codec::in_order(&count.marks, |mark| mark.stamp.key())?;
        Ok(count)
    }

    fn forget(&mut self, now: i64, around: &mut Around<'_>) {
        let newest = self.marks.back().map_or(0, |mark| mark.stamp.at);
        let reach = around.need.reach();
        while self.marks.front().is_some_and(|mark| mark.stamp.is_over(newest, now, reach)) {
            self.drop_oldest();
        }
        if self.marks.len() >= GROUP_ITEMS_MAX {
            self.drop_oldest();
            *around.lost += 1;
        }
    }

    fn drop_oldest(&mut self) {
        self.weight -= self.marks.pop_front().map_or(0, |mark| mark.weight());
    }
}

impl Window for Count {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        self.forget(entry.now, around);
        let (need, mark) = (around.need, Mark::of(entry));
        self.weight += mark.weight();
        let put = self.marks.partition_point(|other| other.stamp.key() <= mark.stamp.key());
        self.marks.insert(put, mark);
        let begin = run_around(self.marks.len(), put, need.at_least, need.span, |at| {
            self.marks[at].stamp.at
        })?;
        let run: Vec<Mark> = self.marks.drain(begin..begin + need.at_least).collect();
        self.weight -= run.iter().map(Mark::weight).sum::<usize>();
        let (first, last) = (run[0].stamp.at, run[run.len() - 1].stamp.at);
        let (count, events) = (run.len() as u64, named(run.iter()));
        Some(Found { count, first, last, at: last, note: None, events })
    }

    fn items(&self) -> usize {
        self.marks.len()
    }

    fn weight(&self) -> usize {
        COUNT + self.weight
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.marks.len());
        self.marks.iter().for_each(|mark| mark.write(to));
    }
}
