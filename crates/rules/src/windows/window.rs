//! What a window is to those who keep it: something that takes events of one group and says what was found.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::limits::EXAMPLES_MAX;
use crate::model::EventRef;

use super::WindowsError;
use super::codec::{self, COUNT, NUMBER, Reader, Writer};
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

    pub(super) fn of(entry: &Entry<'_>) -> Stamp {
        Stamp { at: entry.at, pos: entry.pos, came: entry.now }
    }

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

/// The newest few events of a window, in order of time.
#[derive(Debug, Default)]
pub(super) struct Examples {
    list: Vec<(Key, EventRef)>,
    weight: usize,
}

impl Examples {
    /// What one takes beside its event.
    const KEY: usize = 2 * NUMBER;

    /// Adds those of an entry. No more are kept than the rule could name.
    pub(super) fn add(&mut self, entry: &Entry<'_>, needed: usize) {
        let key = (entry.at, entry.pos);
        for event in entry.events {
            let at = self.list.partition_point(|(other, _)| *other <= key);
            self.weight += Examples::KEY + codec::event_weight(event);
            self.list.insert(at, (key, event.clone()));
            if self.list.len() > needed.min(EXAMPLES_MAX) {
                let (_, gone) = self.list.remove(0);
                self.weight -= Examples::KEY + codec::event_weight(&gone);
            }
        }
    }

    /// Takes out those from one place to another, both among them.
    pub(super) fn take(&mut self, first: Key, last: Key) -> Vec<EventRef> {
        let from = self.list.partition_point(|(key, _)| *key < first);
        let to = self.list.partition_point(|(key, _)| *key <= last).max(from);
        let taken: Vec<EventRef> = self.list.drain(from..to).map(|(_, event)| event).collect();
        let gone: usize =
            taken.iter().map(|event| Examples::KEY + codec::event_weight(event)).sum();
        self.weight -= gone;
        taken
    }

    pub(super) fn weight(&self) -> usize {
        COUNT + self.weight
    }

    pub(super) fn write(&self, to: &mut Writer) {
        to.count(self.list.len());
        for ((at, pos), event) in &self.list {
            to.i64(*at);
            to.u64(*pos);
            to.event(event);
        }
    }

    pub(super) fn read(from: &mut Reader<'_>) -> Result<Examples, WindowsError> {
        let mut examples = Examples::default();
        for _ in 0..from.count(Examples::KEY)? {
            let (key, event) = ((from.time()?, from.u64()?), from.event()?);
            examples.weight += Examples::KEY + codec::event_weight(&event);
            examples.list.push((key, event));
        }
        codec::in_order(&examples.list, |(key, _)| *key)?;
        Ok(examples)
    }
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
