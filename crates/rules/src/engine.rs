//! A matcher and its windows.

use std::sync::Arc;

use indelible_event::Micros;

use crate::matching::{Cost, Looked, Matcher, Scratch, Unreadable};
use crate::model::{Firing, RuleNo, Seen};
use crate::set::RuleSet;
use crate::windows::{RuleStats, Windows, WindowsError};

/// Judges a history, event by event.
pub struct Engine {
    matcher: Matcher,
    windows: Windows,
    scratch: Scratch,
}

impl Engine {
    /// One that has seen nothing.
    pub fn new(rules: &Arc<RuleSet>, lateness: Micros) -> Engine {
        let (matcher, windows) = (Matcher::new(rules), Windows::new(rules, lateness));
        Engine { matcher, windows, scratch: Scratch::default() }
    }

    /// One that goes on from what another had saved; also which rules' state was taken over. Take care to hand it the
    /// records behind the last one that was seen before, and none twice.
    pub fn restore(
        rules: &Arc<RuleSet>,
        lateness: Micros,
        saved: &[u8],
    ) -> Result<(Engine, Vec<bool>), WindowsError> {
        let (windows, taken) = Windows::restore(rules, lateness, saved)?;
        let engine = Engine { matcher: Matcher::new(rules), windows, scratch: Scratch::default() };
        Ok((engine, taken))
    }

    /// All state.
    pub fn save(&self) -> Vec<u8> {
        self.windows.save()
    }

    /// Looks at the next event of the log. An event that cannot be read is passed over.
    pub fn see(&mut self, seen: &Seen<'_>, firings: &mut Vec<Firing>) {
        if let Ok(looked) = self.matcher.look(seen, &mut self.scratch) {
            self.windows.take(&looked, firings);
        }
    }

    /// Which rules an event matches, without taking it: others may do that on many threads, each with its own scratch.
    pub fn look(&self, seen: &Seen<'_>, scratch: &mut Scratch) -> Result<Looked, Unreadable> {
        self.matcher.look(seen, scratch)
    }

    /// Takes what was seen of the next event of the log.
    pub fn take(&mut self, looked: &Looked, firings: &mut Vec<Firing>) {
        self.windows.take(looked, firings);
    }

    /// No record that comes later was recorded before this moment.
    pub fn tick(&mut self, now: Micros, firings: &mut Vec<Firing>) {
        self.windows.tick(now, firings);
    }

    /// Takes over what another engine with the same rules has of these: it has seen the same log up to here, or as far
    /// back as it matters.
    pub fn adopt(&mut self, from: Engine, rules: &[RuleNo]) {
        self.windows.adopt(from.windows, rules);
    }

    /// Counts anew what rules match and tell: what was seen so far has filled windows, and nobody was told of it.
    pub fn count_anew(&mut self) {
        self.windows.count_anew();
    }

    /// Asks this clock, of nanoseconds, from now on what rules cost.
    pub fn time_by(&mut self, clock: Arc<dyn Fn() -> u64 + Send + Sync>) {
        self.scratch = Scratch::timed_by(clock);
    }

    /// What a rule has cost so far.
    pub fn cost(&self, rule: RuleNo) -> Cost {
        self.scratch.cost(rule)
    }

    /// What a rule has seen and done.
    pub fn stats(&self, rule: RuleNo) -> RuleStats {
        self.windows.stats(rule)
    }

    /// How many events came too late to be counted in windows.
    pub fn late(&self) -> u64 {
        self.windows.late()
    }
}
