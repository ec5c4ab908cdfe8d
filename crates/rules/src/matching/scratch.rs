//! What is kept from one event to the next.

use std::sync::Arc;

use super::values::Values;
use crate::limits::TIMED_EVERY;

/// A clock that counts nanoseconds.
type Nanos = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What is kept from one event to the next so that nothing is allocated anew. One for each thread.
pub struct Scratch {
    pub(super) values: Values,
    pub(super) turn: Turn,
    pub(super) matched: Vec<usize>,
    /// That of the last event.
    pub(super) trail: Arc<str>,
    owner: u64,
    clock: Option<Nanos>,
    events: u64,
    timed: u64,
    /// By rule, of the events that were timed.
    nanos: Vec<u64>,
}

/// What a rule costs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// How many events were timed: one of 256.
    pub events: u64,
    /// What it took for all of these.
    pub nanos: u64,
}

impl Cost {
    /// Nanoseconds an event.
    pub fn average(&self) -> u64 {
        self.nanos.checked_div(self.events).unwrap_or(0)
    }
}

impl Default for Scratch {
    fn default() -> Scratch {
        Scratch {
            values: Values::default(),
            turn: Turn::default(),
            matched: Vec::new(),
            trail: "".into(),
            owner: 0,
            clock: None,
            events: 0,
            timed: 0,
            nanos: Vec::new(),
        }
    }
}

impl Scratch {
    /// One that asks this clock, of nanoseconds, what rules cost: for one event of 256.
    pub fn timed_by(clock: Arc<dyn Fn() -> u64 + Send + Sync>) -> Scratch {
        Scratch { clock: Some(clock), ..Scratch::default() }
    }

    /// What a rule has cost so far.
    pub fn cost(&self, rule: crate::model::RuleNo) -> Cost {
        let nanos = self.nanos.get(rule.0 as usize).copied().unwrap_or(0);
        Cost { events: self.timed, nanos }
    }

    /// Begins with the next event. What was kept of another matcher's rules is forgotten.
    pub(super) fn belong_to(&mut self, owner: u64, rules: usize, tests: usize) {
        if self.owner != owner {
            let clock = self.clock.take();
            *self = Scratch { owner, clock, nanos: vec![0; rules], ..Scratch::default() };
            self.turn = Turn::new(rules, tests);
        }
        self.turn.next();
        self.events += 1;
    }

    /// The clock, if this event is to be timed.
    pub(super) fn timer(&mut self) -> Option<Nanos> {
        let clock = self.clock.as_ref().filter(|_| self.events.is_multiple_of(TIMED_EVERY))?;
        self.timed += 1;
        Some(clock.clone())
    }

    pub(super) fn spend(&mut self, rule: usize, nanos: u64) {
        self.nanos[rule] = self.nanos[rule].saturating_add(nanos);
    }
}

/// Which rules are candidates and how tests came out, for one event. Nothing is cleared: what was noted in another turn
/// does not count.
#[derive(Default)]
pub(super) struct Turn {
    turn: u64,
    rules: Vec<u64>,
    called: Vec<usize>,
    /// The turn, and in the lowest bit the result.
    tests: Vec<u64>,
}

impl Turn {
    fn new(rules: usize, tests: usize) -> Turn {
        Turn { turn: 0, rules: vec![0; rules], called: Vec::new(), tests: vec![0; tests] }
    }

    fn next(&mut self) {
        self.turn += 1;
        self.called.clear();
    }

    /// Makes a rule a candidate.
    pub fn call(&mut self, rule: usize) {
        if self.rules[rule] != self.turn {
            self.rules[rule] = self.turn;
            self.called.push(rule);
        }
    }

    pub fn called(&self) -> &[usize] {
        &self.called
    }

    /// A test's result, found once.
    pub fn once(&mut self, test: usize, find: impl FnOnce() -> bool) -> bool {
        let known = self.tests[test];
        if known >> 1 == self.turn {
            return known & 1 == 1;
        }
        let result = find();
        self.tests[test] = self.turn << 1 | u64::from(result);
        result
    }
}
