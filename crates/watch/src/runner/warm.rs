//! Windows that are filled from what was recorded before.

use std::sync::Arc;

use indelible_event::Micros;
use indelible_rules::model::{CorrelationKind, Kind};
use indelible_rules::{Engine, RuleNo, RuleSet};

use crate::limits::{SCAN_RECORDS_MAX, WARM_MICROS_MAX, WARM_RECORDS_MAX};
use crate::seam::{Host, HostError};

/// How far back each rule looks, in microseconds. Those that one refers to stand before it.
fn reaches(rules: &RuleSet) -> Vec<i64> {
    let mut reaches: Vec<i64> = Vec::with_capacity(rules.rules.len());
    for rule in &rules.rules {
        let Kind::Correlation(correlation) = &rule.kind else {
            reaches.push(0);
            continue;
        };
        let below = correlation.of.iter().filter_map(|of| reaches.get(of.0 as usize)).max();
        let span = correlation.span.0;
        let own = match &correlation.kind {
            CorrelationKind::Unusual { past, .. } => span.saturating_mul(i64::from(*past) + 1),
            CorrelationKind::FirstSeen { learn, .. } => span.max(learn.0),
            _ => span,
        };
        reaches.push(own.saturating_add(below.copied().unwrap_or(0)));
    }
    reaches
}

/// Where somebody begins to look who wants these rules' windows to be full at a place.
pub(super) struct Past {
    pub from: u64,
    pub to: u64,
    /// The time that the log had come to there.
    pub time: Micros,
}

impl Past {
    /// `None` if these rules remember nothing.
    pub fn of(
        host: &dyn Host,
        rules: &RuleSet,
        wanted: &[RuleNo],
        lateness: Micros,
        (to, time): (u64, Micros),
    ) -> Result<Option<Past>, HostError> {
        let reaches = reaches(rules);
        let reach = wanted.iter().filter_map(|no| reaches.get(no.0 as usize)).max();
        let reach = reach.copied().unwrap_or(0);
        if reach == 0 || to == 0 {
            return Ok(None);
        }
        let back = reach.saturating_add(lateness.0).min(WARM_MICROS_MAX);
        let from = host.place_at(Micros(time.0.saturating_sub(back)))?;
        let from = from.max(to.saturating_sub(WARM_RECORDS_MAX)).min(to);
        Ok(Some(Past { from, to, time }))
    }

    /// An engine that has looked at it, and told nobody. `None` if it is to stop.
    pub fn see(
        &self,
        host: &dyn Host,
        rules: &Arc<RuleSet>,
        lateness: Micros,
        stops: &dyn Fn() -> bool,
    ) -> Result<Option<Engine>, HostError> {
        let mut engine = Engine::new(rules, lateness);
        let (mut next, mut muted) = (self.from, Vec::new());
        while next < self.to {
            if stops() {
                return Ok(None);
            }
            let scanned = host.scan(next, SCAN_RECORDS_MAX, &mut |seen| {
                if seen.pos >= self.to {
                    return false;
                }
                engine.see(seen, &mut muted);
                muted.clear();
                true
            })?;
            if scanned.next <= next {
                break;
            }
            next = scanned.next;
        }
        engine.tick(self.time, &mut muted);
        Ok(Some(engine))
    }
}
