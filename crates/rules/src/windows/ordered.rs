//! `temporal_ordered`: events of all rules, in the order of the rules, within a span.

use std::cmp::Reverse;
use std::collections::VecDeque;

use crate::limits::ORDERED_ITEMS_MAX;

use super::WindowsError;
use super::codec::{self, COUNT, NUMBER, Reader, Writer};
use super::window::{Around, Entry, Found, Key, Mark, Window, named};

/// An event of one of the rules.
#[derive(Debug)]
struct Step {
    mark: Mark,
    member: usize,
}

impl Step {
    /// An event that several rules match is not its own successor: so the later rule stands first.
    fn key(&self) -> (Key, Reverse<usize>) {
        (self.mark.stamp.key(), Reverse(self.member))
    }

    fn weight(&self) -> usize {
        self.mark.weight() + NUMBER
    }
}

/// The events that may yet be part of a chain, in order of time.
#[derive(Debug, Default)]
pub(super) struct Ordered {
    steps: VecDeque<Step>,
    /// For each rule, the latest that a chain up to it can begin. Follows from the steps.
    begins: Vec<Option<i64>>,
    weight: usize,
}

impl Ordered {
    pub(super) fn read(from: &mut Reader<'_>, members: usize) -> Result<Ordered, WindowsError> {
        let mut ordered = Ordered::default();
        for _ in 0..from.count(Mark::WEIGHT)? {
            let (mark, member) = (Mark::read(from)?, from.u64()?);
            let member = usize::try_from(member).unwrap_or(usize::MAX);
            if member >= members {
                return Err(codec::damaged("it names a rule that is not there"));
            }
            ordered.steps.push_back(Step { mark, member });
        }
        codec::in_order(&ordered.steps, |step| step.key())?;
        ordered.weight = ordered.steps.iter().map(Step::weight).sum();
        // No chain is complete, or it would have been used up: so this finds none.
        ordered.walk_all(members, i64::MIN);
        Ok(ordered)
    }

    fn forget(&mut self, now: i64, around: &mut Around<'_>) {
        let newest = self.steps.back().map_or(0, |step| step.mark.stamp.at);
        let (need, reach) = (around.need, around.need.reach());
        // A chain that begins with one of these lies beyond the span of all that comes behind the newest: so what is
        // known of where chains begin may stay.
        while self.steps.front().is_some_and(|it| it.mark.stamp.is_over(newest, now, reach)) {
            self.drop_oldest(1);
        }
        if self.steps.len() >= ORDERED_ITEMS_MAX {
            *around.lost += self.thin() as u64;
            self.walk_all(need.at_least, i64::MIN);
        }
        if self.steps.len() >= ORDERED_ITEMS_MAX {
            // Half at once, as all that is left has to be walked through anew.
            self.drop_oldest(ORDERED_ITEMS_MAX / 2);
            *around.lost += (ORDERED_ITEMS_MAX / 2) as u64;
            self.walk_all(need.at_least, i64::MIN);
        }
    }

    /// Of neighbours of one rule the last does for whatever comes in time: the others go. Says how many.
    fn thin(&mut self) -> usize {
        let before = self.steps.len();
        let members: Vec<usize> = self.steps.iter().map(|step| step.member).collect();
        let mut at = 0;
        self.steps.retain(|step| {
            at += 1;
            members.get(at) != Some(&step.member)
        });
        self.weight = self.steps.iter().map(Step::weight).sum();
        before - self.steps.len()
    }

    fn drop_oldest(&mut self, count: usize) {
        let gone: usize = self.steps.drain(..count).map(|step| step.weight()).sum();
        self.weight -= gone;
    }

    /// Goes one step on, and says whether a chain ends there.
    fn walk(begins: &mut [Option<i64>], step: &Step, span: i64) -> bool {
        let begin = match step.member {
            0 => Some(step.mark.stamp.at),
            later => begins[later - 1],
        };
        begins[step.member] = begin;
        step.member + 1 == begins.len()
            && begin.is_some_and(|begin| step.mark.stamp.at.saturating_sub(begin) <= span)
    }

    /// Goes all steps anew, up to the end of the first chain that lies within the span.
    fn walk_all(&mut self, members: usize, span: i64) -> Option<usize> {
        self.begins.clear();
        self.begins.resize(members, None);
        let begins = &mut self.begins;
        self.steps.iter().position(|step| Ordered::walk(begins, step, span))
    }

    /// The chain that ends there and begins latest.
    fn chain(&self, end: usize) -> Vec<&Step> {
        let mut chain = vec![&self.steps[end]];
        for step in self.steps.range(..end).rev() {
            let after = chain[chain.len() - 1];
            if step.member + 1 == after.member && step.mark.stamp.key() < after.mark.stamp.key() {
                chain.push(step);
            }
        }
        chain.reverse();
        chain
    }
}

impl Window for Ordered {
    fn take(&mut self, entry: &Entry<'_>, around: &mut Around<'_>) -> Option<Found> {
        self.forget(entry.now, around);
        let need = around.need;
        if entry.member >= need.at_least {
            return None;
        }
        let step = Step { mark: Mark::of(entry), member: entry.member };
        self.weight += step.weight();
        let put = self.steps.partition_point(|other| other.key() <= step.key());
        let is_newest = put == self.steps.len() && self.begins.len() == need.at_least;
        let ends = is_newest && Ordered::walk(&mut self.begins, &step, need.span);
        self.steps.insert(put, step);
        let end = match is_newest {
            true => ends.then_some(put)?,
            false => self.walk_all(need.at_least, need.span)?,
        };
        let chain = self.chain(end);
        let (count, first) = (chain.len() as u64, chain[0].mark.stamp.at);
        let last = self.steps[end].mark.stamp.at;
        let events = named(chain.iter().map(|step| &step.mark));
        self.drop_oldest(end + 1);
        self.walk_all(need.at_least, i64::MIN);
        Some(Found { count, first, last, at: last, note: None, events })
    }

    fn items(&self) -> usize {
        self.steps.len()
    }

    fn weight(&self) -> usize {
        COUNT + self.weight
    }

    fn write(&self, to: &mut Writer) {
        to.count(self.steps.len());
        for step in &self.steps {
            step.mark.write(to);
            to.u64(step.member as u64);
        }
    }
}
