//! What a window is to those who keep it: something that takes events of one group and says what was found.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::limits::EXAMPLES_MAX;
use crate::model::EventRef;

use super::WindowsError;
use super::codec::{self, NUMBER, Reader, Writer};
use super::need::Need;

/// The values of a group.
pub(super) type Group = Arc<[Box<str>]>;
/// When something is looked at again because time has passed: the moment, whose it is, and of which event.
pub(super) type Due = (i64, Group, i64, u64);

/// An event, or what another correlation has found, as it goes into a window.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry<'a> {
    /// When it happened.
    pub(super) at: i64,
    /// The place of its record.
    pub(super) pos: u64,
    /// Log time when it came.
    pub(super) now: i64,
    /// Which of the rules referred to found it.
    pub(super) member: usize,
    /// The value that is counted or has to be known.
    pub(super) value: Option<&'a str>,
    /// The event; some of them, if a correlation has found it.
    pub(super) events: &'a [EventRef],
}

/// That a rule fires.
#[derive(Clone, Debug)]
pub(super) struct Found {
    /// How many came together.
    pub(super) count: u64,
    /// When the first of them happened.
    pub(super) first: i64,
    /// When the last of them happened.
    pub(super) last: i64,
    /// The time by which correlations of correlations judge it.
    pub(super) at: i64,
    /// What is remarkable.
    pub(super) note: Option<String>,
    /// Some of them, the newest last.
    pub(super) events: Vec<EventRef>,
}

/// What a window may use while it takes an entry.
pub(super) struct Around<'a> {
    /// What the rule asks for.
    pub(super) need: &'a Need,
    /// Whose window it is.
    pub(super) group: &'a Group,
    /// What the windows of the rule wait for.
    pub(super) due: &'a mut BTreeSet<Due>,
    /// How much was forgotten for want of room.
    pub(super) lost: &'a mut u64,
}

/// What came of time that has passed.
pub(super) enum TimeUp {
    /// Something had come in between.
    Nothing,
    /// Nothing had.
    Fires(Found),
}

/// What one group of a rule holds.
pub(super) trait Window: Send + Sync {
    /// Takes an entry. At most one thing is found, as what lies together is used up at once.
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found>;
    /// How many values or times it holds.
    fn items(&self) -> usize;
    /// The bytes that `write` makes of it.
    fn weight(&self) -> usize;
    /// Writes it down.
    fn write(&self, to: &mut Writer);
    /// A moment that it asked for has passed: it does not ask for this one any more.
    fn time_up(&mut self, _due: &Due, _around: &mut Around<'_>) -> TimeUp {
        TimeUp::Nothing
    }
    /// Asks for the moments that it waits for, after it was read.
    fn arm(&self, _around: &mut Around<'_>) {}
    /// Asks for none any more.
    fn disarm(&self, _around: &mut Around<'_>) {}
}

/// The place of an entry in the order of time; equal times count as in the log.
pub(super) type Key = (i64, u64);

/// When something happened and when it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp {
    pub(super) at: i64,
    pub(super) pos: u64,
    pub(super) came: i64,
}

impl Stamp {
    /// What one takes.
    pub(super) const WEIGHT: usize = 3 * NUMBER;

    pub(super) fn key(&self) -> Key {
        (self.at, self.pos)
    }

    /// Whether nothing that comes can lie together with it any more: it lies behind what is newest in its window by more
    /// than span and lateness, and came that long ago, so that a trail that is behind the others had its time, too.
    pub(super) fn is_over(&self, newest: i64, now: i64, reach: i64) -> bool {
        self.at < newest.saturating_sub(reach) && self.came < now.saturating_sub(reach)
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.i64(self.at);
        to.u64(self.pos);
        to.i64(self.came);
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Stamp, WindowsError> {
        Ok(Stamp { at: from.time()?, pos: from.u64()?, came: from.time()? })
    }
}

/// When something happened, and the event that says so; of what a correlation has found, the newest one.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    pub(super) stamp: Stamp,
    pub(super) event: Option<EventRef>,
}

impl Mark {
    /// What one takes at least.
    pub(super) const WEIGHT: usize = 3 * NUMBER + 1;

    pub(super) fn of(entry: &Entry<'_>) -> Mark {
        let stamp = Stamp { at: entry.at, pos: entry.pos, came: entry.now };
        Mark { stamp, event: entry.events.last().cloned() }
    }

    pub(super) fn weight(&self) -> usize {
        Mark::WEIGHT + self.event.as_ref().map_or(0, codec::event_weight)
    }

    pub(super) fn write(&self, to: &mut Writer) {
        self.stamp.write(to);
        to.u8(u8::from(self.event.is_some()));
        if let Some(event) = &self.event {
            to.event(event);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Mark, WindowsError> {
        let stamp = Stamp::read(from)?;
        Ok(Mark { stamp, event: if from.flag()? { Some(from.event()?) } else { None } })
    }
}

/// The events that an alert names of these: the newest, and each once.
pub(super) fn named<'a>(marks: impl Iterator<Item = &'a Mark>) -> Vec<EventRef> {
    let mut events: Vec<EventRef> = marks.filter_map(|mark| mark.event.clone()).collect();
    events.dedup();
    events.drain(..events.len().saturating_sub(EXAMPLES_MAX));
    events
}

/// The first run of `needed` neighbours with the one at `put` among them that lies within the span.
pub(super) fn run_around(
    count: usize,
    put: usize,
    needed: usize,
    span: i64,
    at: impl Fn(usize) -> i64,
) -> Option<usize> {
    let begins = (put + 1).saturating_sub(needed)..=put;
    begins
        .take_while(|begin| begin.saturating_add(needed) <= count)
        .find(|&begin| at(begin + needed - 1) - at(begin) <= span)
}
