//! What comes together over time.
//!
//! **Time.** An event counts at the time it happened (`at`). Each trail has a watermark, the greatest `at` seen of it;
//! an event more than the lateness behind it goes into no window and is counted as late. *Log time* is the greatest
//! `recorded_at` that was seen, or ticked: what waits for time to pass, and what is forgotten because nothing came for
//! long, goes by log time, never by a clock. So the same log gives the same firings, wherever it is cut and taken up
//! again, and whether ticks come or not.
//!
//! **Sliding windows.** `event_count` fires when so many events of a group lie within one span (its end included), in
//! whatever order they came; those are used up then, and it counts anew. `value_count` and `temporal` count values, or
//! rules, each at its latest time; what fired is used up. `temporal_ordered` wants the rules in their order, where equal
//! times count as in the log, and uses up all until the end of the chain. Whether a group fires at all does not depend
//! on the order in which its events came (for `event_count` and `temporal_ordered`); which of them came together can.
//!
//! **First seen.** Fires for a value that a group did not have within a span before, if the group is known for long
//! enough. Its first event never fires. A group to which nothing came for span (or learning time) and lateness is not
//! known any more.
//!
//! **Absence.** With two rules, each event of the first waits for one of the second in its group that happened from the
//! lateness before it to the span behind it; one that comes earlier than the event it answers is kept for the lateness.
//! An answer ends the oldest wait that it can. With one rule, a group waits for its own next sign of life. Time is up
//! when log time passes the event's time and span (or the moment it came, if that is later, as in an import) and the
//! lateness. That is told before the record that moves log time on is taken, in order of moment, rule and group.
//!
//! **Unusual.** Spans are counted from the epoch. Fires once a span and group, when its count reaches both the least and
//! the given part of the average of the spans of the past since the group was first seen; at least half must be known.
//!
//! **Correlations of correlations.** What one finds goes at once into those that refer to it, by the values of its group
//! that have the same names, at the time of its last event (an absence: when the span was over).
//!
//! **Bounds.** Each rule has its groups in order of touch; one to which nothing came for as long as it matters is
//! forgotten, and beyond [`crate::limits`] the one that was quiet for longest, which is counted.

use std::collections::VecDeque;
use std::sync::Arc;

use indelible_event::Micros;

use crate::limits::{CASCADE_MAX, STATE_BYTES_KEPT, STATE_BYTES_MAX, TRAILS_MAX};
use crate::matching::{Feed, Looked};
use crate::model::{EventRef, Firing, Kind, RuleNo};
use crate::set::RuleSet;

use lane::Lane;
use links::{Link, links};
use table::Table;
use window::{Entry, Found, Group};

mod absence;
mod codec;
mod count;
mod first_seen;
mod lane;
mod latest;
mod links;
mod need;
mod ordered;
mod saved;
mod table;
mod unusual;
mod window;

#[cfg(test)]
#[path = "table_tests.rs"]
mod table_tests;

/// What rules of one event are grouped by: what one person does is one alert.
const ACTOR_ID: &str = "actor.id";

/// The windows of all correlations.
pub struct Windows {
    rules: Arc<RuleSet>,
    lateness: i64,
    /// Log time.
    now: i64,
    /// The place of the record taken last.
    pos: u64,
    late: u64,
    /// Each trail's watermark.
    trails: Table<Arc<str>, i64>,
    /// For each rule; those of one event have none.
    lanes: Vec<Option<Lane>>,
    /// Rules that time alone can make fire.
    timed: Vec<usize>,
    /// No moment that a rule waits for comes before this one.
    due: i64,
    /// What all windows take in memory, about, those that are over included.
    weight: usize,
    /// For each rule, the correlations that refer to it and are not fed by the matcher.
    links: Vec<Vec<Link>>,
    tallies: Vec<Tally>,
}

/// What is counted of a rule.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    matched: u64,
    fired: u64,
    last_fired_at: Option<i64>,
}

/// Saved windows that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the saved windows cannot be read: {0}")]
pub struct WindowsError(pub String);

/// What a rule has seen and done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RuleStats {
    /// How many events it matched, or went into its windows, since the start.
    pub matched: u64,
    /// How often it fired since the start; what it found for other rules alone counts, too.
    pub fired: u64,
    /// `known_at` of the last firing; over restarts, too.
    pub last_fired_at: Option<Micros>,
    /// Groups that it keeps now.
    pub groups: usize,
    /// Groups, or values and waits of them, that were forgotten for want of room; over restarts, too.
    pub groups_dropped: u64,
}

/// Something found, on its way to be told.
struct News {
    rule: usize,
    group: Group,
    found: Found,
}

impl Windows {
    /// Empty ones.
    pub fn new(rules: &Arc<RuleSet>, lateness: Micros) -> Windows {
        let lateness = lateness.0.clamp(0, Micros::MAX.0);
        let lane = |kind: &Kind| match kind {
            Kind::Event(_) => None,
            Kind::Correlation(correlation) => Some(Lane::new(correlation, lateness)),
        };
        let lanes: Vec<Option<Lane>> = rules.rules.iter().map(|rule| lane(&rule.kind)).collect();
        let is_timed = |no: &usize| lanes[*no].as_ref().is_some_and(|lane| lane.need().is_timed());
        Windows {
            rules: Arc::clone(rules),
            lateness,
            now: Micros::MIN.0,
            pos: 0,
            late: 0,
            trails: Table::default(),
            timed: (0..lanes.len()).filter(is_timed).collect(),
            due: i64::MAX,
            weight: 0,
            links: links(rules),
            tallies: vec![Tally::default(); lanes.len()],
            lanes,
        }
    }

    /// Takes the next event of the log, and tells what fires. All events must come here, also those that go nowhere:
    /// they move time on.
    pub fn take(&mut self, looked: &Looked, firings: &mut Vec<Firing>) {
        self.advance(sound(looked.recorded_at), firings);
        self.pos = looked.pos;
        let at = sound(looked.at);
        let in_time = self.watermark(&looked.event.trail, at);
        for no in &looked.rules {
            self.match_of_one(*no, at, looked, firings);
        }
        match in_time {
            Some(_) if looked.feeds.is_empty() => {}
            Some(trail) => {
                self.feed(looked, EventRef { trail, ..looked.event.clone() }, at, firings);
                self.keep_bounds();
            }
            None => self.late += 1,
        }
    }

    /// No record that comes later was recorded before this moment: what waits for time to pass may fire.
    pub fn tick(&mut self, now: Micros, firings: &mut Vec<Firing>) {
        self.advance(sound(now), firings);
        self.expire_all();
    }

    /// Takes over what other windows of the same rules have of these: they have seen the same log up to here.
    pub fn adopt(&mut self, mut from: Windows, rules: &[RuleNo]) {
        let digest = |rules: &RuleSet, no: usize| rules.rules.get(no).map(|rule| rule.digest);
        for no in rules.iter().map(|no| no.0 as usize) {
            let ours = digest(&self.rules, no);
            if let (true, Some(lane)) = (
                ours.is_some() && ours == digest(&from.rules, no),
                from.lanes.get_mut(no).and_then(Option::take),
            ) {
                self.lanes[no] = Some(lane);
            }
        }
        self.count_up();
        self.keep_bounds();
    }

    /// Counts anew what rules match and tell: what was seen so far has filled windows, and nobody was told of it.
    pub fn count_anew(&mut self) {
        self.tallies.fill(Tally::default());
        self.late = 0;
    }

    /// What a rule has seen and done.
    pub fn stats(&self, rule: RuleNo) -> RuleStats {
        let no = rule.0 as usize;
        let Some(tally) = self.tallies.get(no) else { return RuleStats::default() };
        let lane = self.lanes[no].as_ref();
        RuleStats {
            matched: tally.matched,
            fired: tally.fired,
            last_fired_at: tally.last_fired_at.map(Micros),
            groups: lane.map_or(0, Lane::groups),
            groups_dropped: lane.map_or(0, Lane::dropped),
        }
    }

    /// How many events came too late to be counted.
    pub fn late(&self) -> u64 {
        self.late
    }

    /// Moves log time on, and tells whose time is up.
    fn advance(&mut self, now: i64, firings: &mut Vec<Firing>) {
        while self.due < now {
            let next =
                self.timed.iter().filter_map(|no| Some((self.lanes[*no].as_ref()?.due(), *no)));
            let Some((due, no)) = next.min().filter(|(due, _)| *due < now) else {
                break;
            };
            let up = self.change(no, |lane| lane.time_up());
            if let Some((group, found)) = up {
                // Whatever it sets off happens at that moment, also if nobody looked until later.
                self.now = self.now.max(due);
                self.tell(News { rule: no, group, found }, firings);
                self.keep_bounds();
            }
        }
        let dues = self.timed.iter().filter_map(|no| self.lanes[*no].as_ref()).map(Lane::due);
        if self.due < now {
            self.due = dues.min().unwrap_or(i64::MAX);
        }
        self.now = self.now.max(now);
    }

    /// Notes a trail's time. `None` if the event is late; else the trail's name, as it is kept.
    fn watermark(&mut self, trail: &Arc<str>, at: i64) -> Option<Arc<str>> {
        let place = match self.trails.find(&**trail) {
            Some(place) => place,
            None => {
                if self.trails.len() >= TRAILS_MAX
                    && let Some(stalest) = self.trails.oldest()
                {
                    self.trails.remove(stalest);
                }
                self.trails.insert(Arc::clone(trail), at)
            }
        };
        self.trails.touch(place);
        let (name, newest) = self.trails.get_mut(place);
        *newest = at.max(*newest);
        (at >= *newest - self.lateness).then(|| Arc::clone(name))
    }

    fn match_of_one(&mut self, no: RuleNo, at: i64, looked: &Looked, firings: &mut Vec<Firing>) {
        let rules = Arc::clone(&self.rules);
        let Some(rule) = rules.rules.get(no.0 as usize) else { return };
        self.tallies[no.0 as usize].matched += 1;
        if rule.alerts && matches!(rule.kind, Kind::Event(_)) {
            let (events, at) = (vec![looked.event.clone()], at);
            let found = Found { count: 1, first: at, last: at, at, note: None, events };
            let mut firing = self.fire(no.0 as usize, &[], &found);
            let actor = looked.actor.as_deref().map(|id| (ACTOR_ID.into(), id.into()));
            firing.group = actor.into_iter().collect();
            firings.push(firing);
        }
    }

    fn feed(&mut self, looked: &Looked, event: EventRef, at: i64, firings: &mut Vec<Firing>) {
        let events = [event];
        for (nth, feed) in looked.feeds.iter().enumerate() {
            let no = feed.correlation.0 as usize;
            let Some(Some(lane)) = self.lanes.get(no) else { continue };
            let is_same =
                |other: &Feed| other.correlation == feed.correlation && other.group == feed.group;
            if lane.need().counts_events() && looked.feeds[..nth].iter().any(is_same) {
                continue;
            }
            self.tallies[no].matched += 1;
            let entry = Entry {
                at,
                pos: looked.pos,
                now: self.now,
                member: feed.member,
                value: feed.value.as_deref(),
                events: &events,
            };
            if let Some(found) = self.change(no, |lane| lane.take(&feed.group, &entry)) {
                let group = Arc::clone(&feed.group);
                self.tell(News { rule: no, group, found }, firings);
            }
        }
    }

    /// Tells what was found, and hands it on to the correlations that refer to that rule.
    fn tell(&mut self, first: News, firings: &mut Vec<Firing>) {
        let mut queue = VecDeque::from([first]);
        let mut handed_on = 0;
        let rules = Arc::clone(&self.rules);
        while let Some(News { rule, group, found }) = queue.pop_front() {
            let firing = self.fire(rule, &group, &found);
            if rules.rules[rule].alerts {
                firings.push(firing);
            }
            for at in 0..self.links[rule].len() {
                let link = &self.links[rule][at];
                let (to, member) = (link.to, link.member);
                let Some((of, value)) = link.values(&group) else { continue };
                handed_on += 1;
                if handed_on > CASCADE_MAX {
                    self.change(to, Lane::drop_one);
                    continue;
                }
                self.tallies[to].matched += 1;
                let (pos, now, events) = (self.pos, self.now, &*found.events);
                let entry =
                    Entry { at: found.at, pos, now, member, value: value.as_deref(), events };
                if let Some(found) = self.change(to, |lane| lane.take(&of, &entry)) {
                    queue.push_back(News { rule: to, group: of, found });
                }
            }
        }
    }

    fn fire(&mut self, no: usize, group: &[Box<str>], found: &Found) -> Firing {
        let tally = &mut self.tallies[no];
        tally.fired += 1;
        tally.last_fired_at = Some(self.now);
        let names = match &self.rules.rules[no].kind {
            Kind::Event(_) => &[][..],
            Kind::Correlation(correlation) => &correlation.group_by[..],
        };
        let group = names.iter().zip(group);
        Firing {
            rule: RuleNo(no as u32),
            group: group.map(|(by, value)| (Arc::clone(&by.name), value.as_ref().into())).collect(),
            note: found.note.clone(),
            count: found.count,
            first: Micros(found.first),
            last: Micros(found.last),
            events: found.events.clone(),
            known_at: Micros(self.now),
            pos: self.pos,
        }
    }

    /// Changes a rule's windows and keeps count of what all take and wait for.
    fn change<T: Default>(&mut self, no: usize, how: impl FnOnce(&mut Lane) -> T) -> T {
        let Some(Some(lane)) = self.lanes.get_mut(no) else { return T::default() };
        let before = lane.weight();
        let result = how(lane);
        self.weight = self.weight - before + lane.weight();
        self.due = self.due.min(lane.due());
        result
    }

    fn expire_all(&mut self) {
        let now = self.now;
        for no in 0..self.lanes.len() {
            self.change(no, |lane| lane.expire(now));
        }
    }

    /// Makes room where all windows together take too much: the rule that takes most gives way.
    fn keep_bounds(&mut self) {
        if self.weight <= STATE_BYTES_MAX {
            return;
        }
        // What is over must not count, or it would matter whether a tick had come.
        self.expire_all();
        if self.weight <= STATE_BYTES_MAX {
            return;
        }
        while self.weight > STATE_BYTES_KEPT {
            let weight = |no: &usize| self.lanes[*no].as_ref().map_or(0, Lane::weight);
            let Some(heaviest) = (0..self.lanes.len()).max_by_key(weight) else { break };
            let enough = weight(&heaviest) / 2;
            self.change(heaviest, |lane| {
                while lane.weight() > enough {
                    lane.drop_oldest();
                }
            });
        }
    }

    /// Counts anew what all windows take and wait for.
    fn count_up(&mut self) {
        let lanes = || self.lanes.iter().flatten();
        (self.weight, self.due) =
            (lanes().map(Lane::weight).sum(), lanes().map(Lane::due).min().unwrap_or(i64::MAX));
    }
}

/// A time within the years that are kept, so that no span added to it overflows.
fn sound(at: Micros) -> i64 {
    at.0.clamp(Micros::MIN.0, Micros::MAX.0)
}
