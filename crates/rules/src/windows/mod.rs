//! What comes together over time.

use std::sync::Arc;

use indelible_event::Micros;

use crate::matching::Looked;
use crate::model::{Firing, RuleNo};
use crate::set::RuleSet;

/// The windows of all correlations.
pub struct Windows {
    rules: Arc<RuleSet>,
    lateness: Micros,
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
    /// How often it fired since the start, told or not.
    pub fired: u64,
    /// `known_at` of the last firing; over restarts, too.
    pub last_fired_at: Option<Micros>,
    /// Groups that it keeps now.
    pub groups: usize,
    /// Groups, or values and waits of them, that were forgotten for want of room; over restarts, too.
    pub groups_dropped: u64,
}

impl Windows {
    /// Empty ones.
    pub fn new(rules: &Arc<RuleSet>, lateness: Micros) -> Windows {
        Windows { rules: Arc::clone(rules), lateness }
    }

    /// Takes the next event of the log, and tells what fires.
    pub fn take(&mut self, looked: &Looked, firings: &mut Vec<Firing>) {
        let _ = (looked, firings, self.lateness);
    }

    /// No record that comes later was recorded before this moment: what waits for time to pass may fire.
    pub fn tick(&mut self, now: Micros, firings: &mut Vec<Firing>) {
        let _ = (now, firings);
    }

    /// All state, to go on from later.
    pub fn save(&self) -> Vec<u8> {
        Vec::new()
    }

    /// Goes on from saved state. Rules whose digest is another begin anew; `true` tells of which the state was taken over.
    pub fn restore(
        rules: &Arc<RuleSet>,
        lateness: Micros,
        saved: &[u8],
    ) -> Result<(Windows, Vec<bool>), WindowsError> {
        let _ = saved;
        let windows = Windows::new(rules, lateness);
        let taken = vec![false; windows.rules.rules.len()];
        Ok((windows, taken))
    }

    /// Takes over what other windows of the same rules have of these.
    pub fn adopt(&mut self, from: Windows, rules: &[RuleNo]) {
        let _ = (from, rules);
    }

    /// What a rule has seen and done.
    pub fn stats(&self, rule: RuleNo) -> RuleStats {
        let _ = rule;
        RuleStats::default()
    }

    /// How many events came too late to be counted.
    pub fn late(&self) -> u64 {
        0
    }
}
