//! `absence`: what should have come and did not.

use std::collections::VecDeque;

use crate::limits::GROUP_ITEMS_MAX;
use crate::model::EventRef;

use super::WindowsError;
use super::codec::{self, COUNT, NUMBER, Reader, Writer};
use super::need::Need;
use super::window::{Around, Due, Entry, Found, Key, Stamp, TimeUp, Window};

/// When an event's time is up in log time: when what was to follow can come no more. For one that came long after it
/// happened, as in an import, what follows it needs time to come, too.
fn deadline(stamp: &Stamp, need: &Need) -> i64 {
    stamp.at.saturating_add(need.span).max(stamp.came).saturating_add(need.lateness)
}

fn found(stamp: &Stamp, event: Option<EventRef>, need: &Need) -> Found {
    let (at, events) = (stamp.at, Vec::from_iter(event));
    Found { count: 1, first: at, last: at, at: at.saturating_add(need.span), note: None, events }
}

fn event_weight(event: &Option<EventRef>) -> usize {
    1 + event.as_ref().map_or(0, codec::event_weight)
}

fn write_event(event: &Option<EventRef>, to: &mut Writer) {
    to.u8(u8::from(event.is_some()));
    if let Some(event) = event {
        to.event(event);
    }
}

fn read_event(from: &mut Reader<'_>) -> Result<Option<EventRef>, WindowsError> {
    Ok(if from.flag()? { Some(from.event()?) } else { None })
}

/// An event that waits for its answer.
#[derive(Debug)]
struct Wait {
    stamp: Stamp,
    event: Option<EventRef>,
}

impl Wait {
    fn weight(&self) -> usize {
        Stamp::WEIGHT + event_weight(&self.event)
    }

    fn due(&self, around: &Around<'_>) -> Due {
        let Stamp { at, pos, .. } = self.stamp;
        (deadline(&self.stamp, around.need), around.group.clone(), at, pos)
    }
}

/// The first rule without the second behind it.
#[derive(Debug, Default)]
pub(super) struct Waits {
    /// In order of time.
    waits: VecDeque<Wait>,
    /// What came before that which it answers, in order of time.
    answers: VecDeque<Stamp>,
    /// Of the waits.
    weight: usize,
}

impl Waits {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Waits, WindowsError> {
        let mut all = Waits::default();
        for _ in 0..from.count(Stamp::WEIGHT)? {
            let wait = Wait { stamp: Stamp::read(from)?, event: read_event(from)? };
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
        let (need, stamp) = (around.need, Stamp::of(entry));
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
        let wait = Wait { stamp, event: entry.events.last().cloned() };
        self.weight += wait.weight();
        around.due.insert(wait.due(around));
        let put = self.waits.partition_point(|other| other.stamp.key() <= stamp.key());
        self.waits.insert(put, wait);
    }

    fn answer(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) {
        let (need, stamp) = (around.need, Stamp::of(entry));
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

    fn end(&mut self, at: usize, around: &mut Around<'_>) -> Option<Wait> {
        let wait = self.waits.remove(at)?;
        let due = wait.due(around);
        // Several things found with one record may wait for the same moment.
        if !self.of(wait.stamp.key()).any(|(_, other)| other.due(around) == due) {
            around.due.remove(&due);
        }
        self.weight -= wait.weight();
        Some(wait)
    }

    /// The waits of a place in time.
    fn of(&self, key: Key) -> impl Iterator<Item = (usize, &Wait)> {
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

    fn time_up(&mut self, due: &Due, around: &mut Around<'_>) -> TimeUp {
        let of_then = self.of((due.2, due.3)).find(|(_, wait)| wait.due(around) == *due);
        match of_then.map(|(at, _)| at).and_then(|at| self.end(at, around)) {
            Some(wait) => TimeUp::Fires(found(&wait.stamp, wait.event, around.need)),
            None => {
                around.due.remove(due);
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
            wait.stamp.write(to);
            write_event(&wait.event, to);
        }
        to.count(self.answers.len());
        self.answers.iter().for_each(|answer| answer.write(to));
    }

    fn arm(&self, around: &mut Around<'_>) {
        for wait in &self.waits {
            around.due.insert(wait.due(around));
        }
    }

    fn disarm(&self, around: &mut Around<'_>) {
        for wait in &self.waits {
            around.due.remove(&wait.due(around));
        }
    }
}

/// A rule without itself: the last sign of life of a group.
#[derive(Debug, Default)]
pub(super) struct Silence {
    last: Option<Wait>,
    /// When it is looked at next, which may be too early: to move that for each sign of life would cost more than to
    /// look once in vain.
    looked_at: i64,
}

impl Silence {
    pub(super) fn read(from: &mut Reader<'_>) -> Result<Silence, WindowsError> {
        let last = Wait { stamp: Stamp::read(from)?, event: read_event(from)? };
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
        let stamp = Stamp::of(entry);
        match &mut self.last {
            None => {
                let wait = Wait { stamp, event: entry.events.last().cloned() };
                self.look_at(deadline(&wait.stamp, around.need), around);
                self.last = Some(wait);
            }
            Some(last) => {
                if stamp.key() >= last.stamp.key() {
                    (last.stamp, last.event) = (stamp, entry.events.last().cloned());
                }
                last.stamp.came = entry.now;
            }
        }
        None
    }

    fn time_up(&mut self, due: &Due, around: &mut Around<'_>) -> TimeUp {
        around.due.remove(due);
        let Some(last) = &self.last else { return TimeUp::Nothing };
        let deadline = deadline(&last.stamp, around.need);
        if deadline > due.0 {
            self.look_at(deadline, around);
            return TimeUp::Nothing;
        }
        match self.last.take() {
            Some(last) => TimeUp::Fires(found(&last.stamp, last.event, around.need)),
            None => TimeUp::Nothing,
        }
    }

    fn items(&self) -> usize {
        usize::from(self.last.is_some())
    }

    fn weight(&self) -> usize {
        Stamp::WEIGHT + NUMBER + self.last.as_ref().map_or(1, |last| event_weight(&last.event))
    }

    fn write(&self, to: &mut Writer) {
        if let Some(last) = &self.last {
            last.stamp.write(to);
            write_event(&last.event, to);
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
