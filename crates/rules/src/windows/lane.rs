//! All windows of one rule, and their bounds.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::limits::{GROUP_BYTES, GROUP_ITEM_BYTES, GROUPS_MAX, RULE_ITEMS_MAX};
use crate::model::Correlation;

use super::WindowsError;
use super::codec::{self, COUNT, NUMBER, Reader, Writer};
use super::need::Need;
use super::table::{Place, Table};
use super::window::{Around, Due, Entry, Found, Group, TimeUp, Window};

/// A group's window and when something came to it.
struct Kept {
    touched: i64,
    window: Box<dyn Window>,
}

/// The windows of a rule.
pub(super) struct Lane {
    need: Need,
    groups: Table<Group, Kept>,
    due: BTreeSet<Due>,
    items: usize,
    /// Of what `write` makes of the groups.
    weight: usize,
    dropped: u64,
}

/// What a group takes beside its window.
fn group_weight(group: &Group) -> usize {
    COUNT + NUMBER + group.iter().map(|value| codec::text_weight(value)).sum::<usize>()
}

impl Lane {
    pub(super) fn new(correlation: &Correlation, lateness: i64) -> Lane {
        let need = Need::new(correlation, lateness);
        let (groups, due) = (Table::default(), BTreeSet::new());
        Lane { need, groups, due, items: 0, weight: 0, dropped: 0 }
    }

    pub(super) fn need(&self) -> &Need {
        &self.need
    }

    pub(super) fn groups(&self) -> usize {
        self.groups.len()
    }

    /// How many bytes its groups take in memory, about, those that are over included.
    pub(super) fn weight(&self) -> usize {
        self.weight + self.groups.len() * GROUP_BYTES + self.items * GROUP_ITEM_BYTES
    }

    /// How many bytes `write` takes for them.
    pub(super) fn saved_weight(&self) -> usize {
        self.weight
    }

    /// Groups, values and waits that were forgotten for want of room.
    pub(super) fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Counts something that was passed over for want of room.
    pub(super) fn drop_one(&mut self) {
        self.dropped += 1;
    }

    /// The next moment at which something is to be looked at.
    pub(super) fn due(&self) -> i64 {
        self.due.first().map_or(i64::MAX, |due| due.0)
    }

    /// Takes an entry of a group.
    pub(super) fn take(&mut self, group: &Group, entry: &Entry<'_>) -> Option<Found> {
        if self.need.asks_value() && entry.value.is_none() {
            return None;
        }
        self.expire(entry.now);
        let place = match self.groups.find(group) {
            Some(place) => place,
            None => self.insert(Arc::clone(group), entry.now, self.need.window()),
        };
        self.groups.touch(place);
        self.groups.get_mut(place).1.touched = entry.now;
        let found = self.change(place, |window, around| window.take(entry, around));
        while self.groups.len() > GROUPS_MAX || self.items > RULE_ITEMS_MAX {
            self.drop_oldest();
        }
        found
    }

    /// Looks at the next thing whose moment has come.
    pub(super) fn time_up(&mut self) -> Option<(Group, Found)> {
        let due = self.due.first()?.clone();
        let Some(place) = self.groups.find(&due.1) else {
            self.due.remove(&due);
            return None;
        };
        match self.change(place, |window, around| window.time_up(&due, around)) {
            TimeUp::Fires(found) => Some((due.1, found)),
            TimeUp::Nothing => None,
        }
    }

    /// Forgets the groups to which nothing came for as long as it could matter.
    pub(super) fn expire(&mut self, now: i64) {
        while let Some(place) = self.groups.oldest() {
            if !self.is_over(self.groups.get(place).1, now) {
                break;
            }
            self.remove(place);
        }
    }

    fn is_over(&self, kept: &Kept, now: i64) -> bool {
        kept.touched.saturating_add(self.need.kept()) < now
    }

    /// Forgets the group that was quiet for longest, to make room.
    pub(super) fn drop_oldest(&mut self) {
        if let Some(place) = self.groups.oldest() {
            self.remove(place);
            self.dropped += 1;
        }
    }

    fn insert(&mut self, group: Group, touched: i64, window: Box<dyn Window>) -> Place {
        self.items += window.items();
        self.weight += group_weight(&group) + window.weight();
        self.groups.insert(group, Kept { touched, window })
    }

    fn remove(&mut self, place: Place) {
        let (need, due, dropped) = (&self.need, &mut self.due, &mut self.dropped);
        let (group, kept) = self.groups.get(place);
        kept.window.disarm(&mut Around { need, group, due, lost: dropped });
        self.items -= kept.window.items();
        self.weight -= group_weight(group) + kept.window.weight();
        self.groups.remove(place);
    }

    /// Changes a window and keeps count of what it holds; one that is empty goes.
    fn change<T>(
        &mut self,
        place: Place,
        how: impl FnOnce(&mut dyn Window, &mut Around<'_>) -> T,
    ) -> T {
        let (group, kept) = self.groups.get_mut(place);
        let before = (kept.window.items(), kept.window.weight());
        let mut around =
            Around { need: &self.need, group, due: &mut self.due, lost: &mut self.dropped };
        let result = how(&mut *kept.window, &mut around);
        let (items, weight) = (kept.window.items(), kept.window.weight());
        self.items = self.items - before.0 + items;
        self.weight = self.weight - before.1 + weight;
        if items == 0 {
            self.remove(place);
        }
        result
    }

    /// Writes down all that is not over.
    pub(super) fn write(&self, now: i64, to: &mut Writer) {
        let begin = to.0.len();
        to.u64(self.dropped);
        let over = self.groups.iter().take_while(|(_, kept)| self.is_over(kept, now)).count();
        to.count(self.groups.len() - over);
        for (group, kept) in self.groups.iter().skip(over) {
            to.count(group.len());
            group.iter().for_each(|value| to.text(value));
            to.i64(kept.touched);
            kept.window.write(to);
        }
        let written = to.0.len() - begin - NUMBER - COUNT;
        // Bounds go by weights: one that is not what is written would let windows grow.
        debug_assert!(written == self.weight || over > 0 && written < self.weight);
    }

    /// Reads what `write` has written into one that is empty.
    pub(super) fn read(&mut self, from: &mut Reader<'_>) -> Result<(), WindowsError> {
        self.dropped = from.u64()?;
        let mut newest = i64::MIN;
        for _ in 0..from.count(COUNT + NUMBER)? {
            let mut values: Vec<Box<str>> = Vec::new();
            for _ in 0..from.count(COUNT)? {
                values.push(from.text()?.into());
            }
            let group: Group = values.into();
            let touched = from.time()?;
            if touched < newest || self.groups.find(&group).is_some() {
                return Err(codec::damaged("its groups are not in order"));
            }
            newest = touched;
            let window = self.need.read(from)?;
            let (need, due, lost) = (&self.need, &mut self.due, &mut self.dropped);
            window.arm(&mut Around { need, group: &group, due, lost });
            self.insert(group, touched, window);
        }
        Ok(())
    }
}
