//! `absence`: what should have come and did not.

use std::collections::VecDeque;

use crate::limits::GROUP_ITEMS_MAX;

use super::WindowsError;
use super::codec::{self, COUNT, NUMBER, Reader, Writer};
use super::need::Need;
use super::window::{Around, Due, Entry, Found, Key, Mark, Stamp, TimeUp, Window};

/// When an event's time is up in log time: when what was to follow can come no more. For one that came long after it
/// happened, as in an import, what follows it needs time to come, too.
fn deadline(stamp: &Stamp, need: &Need) -> i64 {
    stamp.at.saturating_add(need.span).max(stamp.came).saturating_add(need.lateness)
}

fn found(mark: Mark, need: &Need) -> Found {
    let (at, events) = (mark.stamp.at, Vec::from_iter(mark.event));
    Found { count: 1, first: at, last: at, at: at.saturating_add(need.span), note: None, events }
}

/// When an event's time is up, as it is asked for.
fn due(mark: &Mark, around: &Around<'_>) -> Due {
    let Stamp { at, pos, .. } = mark.stamp;
    (deadline(&mark.stamp, around.need), around.group.clone(), at, pos)
}

/// The first rule without the second behind it.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// In order of time.
    waits: VecDeque<Mark>,
    /// What came before that which it answers, in order of time.
    answers: VecDeque<Stamp>,
    /// Of the waits.
    weight: usize,
}

impl Waits {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Waits, WindowsError> {
        let mut all = Waits::default();
        for _ in 0..from.count(Mark::WEIGHT)? {
            let wait = Mark::read(from)?;
            all.weight += wait.weight();
            all.waits.push_back(wait);
        }
        for _ in 0..from.count(Stamp::WEIGHT)? {
            all.answers.push_back(Stamp::read(from)?);
        }
        codec::in_order(&all.waits, |wait| wait.stamp.key())?;
        codec::in_order(&all.answers, |answer| answer.key())?;
        Ok(all)
    }

    fn wait(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) {
        let (need, mark) = (around.need, Mark::of(entry));
        let stamp = mark.stamp;
        let earliest = stamp.at.saturating_sub(need.lateness);
        let answer = self.answers.partition_point(|answer| answer.at < earliest);
        if self.answers.get(answer).is_some_and(|it| it.at <= stamp.at.saturating_add(need.span)) {
            self.answers.remove(answer);
            return;
        }
        if self.waits.len() >= GROUP_ITEMS_MAX {
            self.end(0, around);
            *around.lost += 1;
        }
        self.weight += mark.weight();
        around.due.insert(due(&mark, around));
        let put = self.waits.partition_point(|other| other.stamp.key() <= stamp.key());
        self.waits.insert(put, mark);
    }

    fn answer(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) {
        let (need, stamp) = (around.need, Mark::of(entry).stamp);
        let earliest = stamp.at.saturating_sub(need.span);
        let wait = self.waits.partition_point(|wait| wait.stamp.at < earliest);
        let latest = stamp.at.saturating_add(need.lateness);
        if self.waits.get(wait).is_some_and(|wait| wait.stamp.at <= latest) {
            self.end(wait, around);
            return;
        }
        self.answers.retain(|answer| answer.came >= entry.now.saturating_sub(need.lateness));
        if self.answers.len() >= GROUP_ITEMS_MAX {
            self.answers.pop_front();
            *around.lost += 1;
        }
        let put = self.answers.partition_point(|other| other.key() <= stamp.key());
        self.answers.insert(put, stamp);
    }

    fn end(&mut self, at: usize, around: &mut Around<'_>) -> Option<Mark> {
        let wait = self.waits.remove(at)?;
        let up = due(&wait, around);
        // Several things found with one record may wait for the same moment.
        if !self.of(wait.stamp.key()).any(|(_, other)| due(other, around) == up) {
            around.due.remove(&up);
        }
        self.weight -= wait.weight();
        Some(wait)
    }

    /// The waits of a place in time.
    fn of(&self, key: Key) -> impl Iterator<Item = (usize, &Mark)> {
        let from = self.waits.partition_point(|wait| wait.stamp.key() < key);
        (from..).zip(self.waits.range(from..)).take_while(move |(_, wait)| wait.stamp.key() == key)
    }
}

impl Window for Waits {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        match entry.member {
            0 => self.wait(entry, around),
            _ => self.answer(entry, around),
        }
        None
    }

    fn time_up(&mut self, up: &Due, around: &mut Around<'_>) -> TimeUp {
        let of_then = self.of((up.2, up.3)).find(|(_, wait)| due(wait, around) == *up);
        match of_then.map(|(at, _)| at).and_then(|at| self.end(at, around)) {
            Some(wait) => TimeUp::Fires(found(wait, around.need)),
            None => {
                around.due.remove(up);
                TimeUp::Nothing
            }
        }
    }

    fn items(&self) -> usize {
        self.waits.len() + self.answers.len()
    }

    fn weight(&self) -> usize {
        2 * COUNT + self.weight + self.answers.len() * Stamp::WEIGHT
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.waits.len());
        for wait in &self.waits {
            wait.write(to);
        }
        to.count(self.answers.len());
        self.answers.iter().for_each(|answer| answer.write(to));
    }

    fn arm(&self, around: &mut Around<'_>) {
        for wait in &self.waits {
            around.due.insert(due(wait, around));
        }
    }

    fn disarm(&self, around: &mut Around<'_>) {
        for wait in &self.waits {
            around.due.remove(&due(wait, around));
        }
    }
}

/// A rule without itself: the last sign of life of a group.
#[derive(Debug, Default)]
pub(super) struct Silence {
    last: Option<Mark>,
    /// When it is looked at next, which may be too early: to move that for each sign of life would cost more than to
    /// look once in vain.
    looked_at: i64,
}

impl Silence {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Silence, WindowsError> {
        let last = Mark::read(from)?;
        Ok(Silence { last: Some(last), looked_at: from.time()? })
    }

    fn look_at(&mut self, at: i64, around: &mut Around<'_>) {
        self.looked_at = at;
        self.arm(around);
    }

    fn due(&self, around: &Around<'_>) -> Due {
        (self.looked_at, around.group.clone(), 0, 0)
    }
}

impl Window for Silence {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        let mark = Mark::of(entry);
        match &mut self.last {
            None => {
                self.look_at(deadline(&mark.stamp, around.need), around);
                self.last = Some(mark);
            }
            Some(last) => {
                if mark.stamp.key() >= last.stamp.key() {
                    *last = mark;
                }
                last.stamp.came = entry.now;
            }
        }
        None
    }

    fn time_up(&mut self, up: &Due, around: &mut Around<'_>) -> TimeUp {
        around.due.remove(up);
        let Some(last) = &self.last else { return TimeUp::Nothing };
        let deadline = deadline(&last.stamp, around.need);
        if deadline > up.0 {
            self.look_at(deadline, around);
            return TimeUp::Nothing;
        }
        match self.last.take() {
            Some(last) => TimeUp::Fires(found(last, around.need)),
            None => TimeUp::Nothing,
        }
    }

    fn items(&self) -> usize {
        usize::from(self.last.is_some())
    }

    fn weight(&self) -> usize {
        NUMBER + self.last.as_ref().map_or(0, Mark::weight)
    }

    fn write(&self, to: &mut Writer) {
        if let Some(last) = &self.last {
            last.write(to);
            to.i64(self.looked_at);
        }
    }

    fn arm(&self, around: &mut Around<'_>) {
        around.due.insert(self.due(around));
    }

    fn disarm(&self, around: &mut Around<'_>) {
        around.due.remove(&self.due(around));
    }
}
