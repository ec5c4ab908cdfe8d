//! Where the watch goes on.

use std::sync::Arc;

use indelible_event::{EventId, Micros};
use indelible_rules::{Engine, RuleNo, RuleSet};

use super::head::{Head, SystemEvent};
use super::load::{Known, LOAD, LastLoad, Loading, signed};
use super::look::{Looking, Runner};
use super::overdue::Overdue;
use super::state::{Last, State};
use super::warm::Past;
use crate::book::{ALERT_ACTIONS, Book, Decider, Told};
use crate::seam::{Found, Host, HostError};
use crate::shared::{About, Progress};

/// A place to go on from.
struct From {
    next: u64,
    last: Option<(u64, EventId)>,
    time: Option<Micros>,
    engine: Option<Vec<u8>>,
    decider: Decider,
    overdue: Overdue,
    /// What was loaded then.
    known: Option<Known>,
}

impl Runner {
    /// Finds out where it was, and what has become of alerts since. `None` if it is to stop.
    pub(super) fn begin(&self) -> Result<Option<Looking>, HostError> {
        let alerts = self.host.told(&ALERT_ACTIONS)?;
        self.shared.book(|book| {
            let told = alerts.iter().filter_map(|found| Told::parse(&found.json));
            told.for_each(|told| book.apply(&told));
        });
        let from = match self.saved()? {
            Some(state) => from(state),
            None => self.anew(&alerts)?,
        };
        self.shared.progress(Progress { next: from.next, ..Progress::default() });
        let last_load = LastLoad::of(&self.host.told(&[LOAD])?);
        let Loading { loaded, settings, .. } = &self.loading;
        let rules = Arc::clone(&loaded.rules);
        let lateness = settings.lateness();
        let (engine, taken) = match &from.engine {
            Some(saved) => match Engine::restore(&rules, lateness, saved) {
                Ok((engine, taken)) => (engine, taken),
                Err(e) => {
                    self.told_begun(format!("windows begin anew: {e}"));
                    (Engine::new(&rules, lateness), vec![false; rules.rules.len()])
                }
            },
            None => (Engine::new(&rules, lateness), vec![false; rules.rules.len()]),
        };
        let at = (from.next, from.time.unwrap_or_else(|| self.host.settled()));
        let Some(engine) = self.warmed(engine, &rules, &taken, at)? else { return Ok(None) };
        let mut decider = from.decider;
        decider.resettle(settings);
        self.shared.book(|book| {
            decider.all_counted().into_iter().for_each(|counted| book.counted(counted));
        });
        let mut looking = Looking::new(engine, decider, from.overdue, (from.next, from.last));
        looking.time = from.time;
        looking.last_load = last_load;
        self.tell_load(&mut looking, from.known.as_ref());
        self.time(&mut looking.engine);
        Ok(Some(looking))
    }

    /// What was saved, if it is of this log.
    fn saved(&self) -> Result<Option<State>, HostError> {
        let state = match State::load(&*self.seams.storage) {
            Ok(Some(state)) => state,
            Ok(None) => {
                if !self.host.told(&[LOAD])?.is_empty() {
                    self.told_begun("where it was is not known: its file is gone".into());
                }
                return Ok(None);
            }
            Err(why) => {
                self.told_begun(format!("where it was is not known: {why}"));
                return Ok(None);
            }
        };
        match another_log(&*self.host, &state)? {
            None => Ok(Some(state)),
            Some(why) => {
                self.told_begun(format!("this is not the log that it was looking at: {why}"));
                Ok(None)
            }
        }
    }

    fn told_begun(&self, why: String) {
        let why = format!("{why}; it goes on behind the last alert");
        tracing::error!(why, "the watch begins anew");
        self.shared.trouble(About::Begun, Some(why));
    }

    /// From behind the last that the watch itself has recorded on, with the alerts that were open there: nothing goes
    /// unseen because somebody took its file away. From the end of a log at which none has looked.
    fn anew(&self, alerts: &[Found]) -> Result<From, HostError> {
        let (settled, end) = self.began;
        let told = |found: &Found| Some((found.pos, Told::parse(&found.json)?));
        let alerts: Vec<(u64, Told)> = alerts.iter().filter_map(told).collect();
        let own =
            |told: &Told| matches!(&*told.action, "alert.open" | "alert.repeat" | "alert.escalate");
        let last = alerts.iter().rev().find(|(_, told)| own(told));
        let first = self.host.told(&[LOAD])?.first().map(|found| found.pos);
        let next = last.map(|(pos, _)| *pos).or(first).map_or(end, |pos| pos + 1);
        // Windows are full as of then.
        let time = last.map(|(_, told)| told.at);
        let mut book = Book::new(0);
        let then = alerts.iter().filter(|(pos, _)| *pos < next);
        then.for_each(|(_, told)| book.apply(told));
        let decider = Decider::of(&book, self.context());
        let mut overdue = Overdue::new(settled);
        for found in self.host.told(&["review.sign"])? {
            let event: Result<SystemEvent<'_>, _> = serde_json::from_slice(&found.json);
            if let Some(period) = event.ok().as_ref().and_then(signed) {
                overdue.sign(period);
            }
        }
        Ok(From { next, last: None, time, engine: None, decider, overdue, known: None })
    }

    /// Fills the windows of rules whose state was not taken over from what was recorded before.
    pub(super) fn warmed(
        &self,
        mut engine: Engine,
        rules: &Arc<RuleSet>,
        taken: &[bool],
        at: (u64, Micros),
    ) -> Result<Option<Engine>, HostError> {
        let lateness = self.loading.settings.lateness();
        let numbers = (0u32..).map(RuleNo).zip(taken);
        let cold: Vec<RuleNo> = numbers.filter(|(_, taken)| !**taken).map(|(no, _)| no).collect();
        let Some(past) = Past::of(&*self.host, rules, &cold, lateness, at)? else {
            return Ok(Some(engine));
        };
        let stops = || self.control.is_stopping();
        let Some(warm) = past.see(&*self.host, rules, lateness, &stops)? else { return Ok(None) };
        if cold.len() == taken.len() {
            return Ok(Some(warm));
        }
        engine.adopt(warm, &cold);
        Ok(Some(engine))
    }

    /// Has what is loaded recorded, if that is not what was recorded last.
    pub(super) fn tell_load(&self, looking: &mut Looking, before: Option<&Known>) {
        let digest = &self.loading.loaded.digest;
        if looking.last_load.as_ref().is_some_and(|last| last.digest == *digest) {
            return;
        }
        let deed = self.loading.deed(before, looking.last_load.as_ref());
        let id = deed.id.to_string();
        looking.last_load = Some(LastLoad { id, digest: digest.clone() });
        looking.pending.push_back(deed);
    }

    /// Reloads: what has not changed goes on, and what is new has looked at the past. `false` if it is to stop.
    pub(super) fn reload(&mut self, looking: &mut Looking) -> Result<bool, HostError> {
        let Some(loaded) = self.loading.look(self.seams.clock.now()) else { return Ok(true) };
        let loaded = match loaded {
            Ok(loaded) => loaded,
            Err(why) => {
                self.shared.trouble(About::Folder, Some(why));
                return Ok(true);
            }
        };
        let (rules, lateness) = (Arc::clone(&loaded.rules), loaded.folder.settings.lateness());
        let saved = looking.engine.save();
        let (engine, taken) = Engine::restore(&rules, lateness, &saved)
            .unwrap_or_else(|_| (Engine::new(&rules, lateness), vec![false; rules.rules.len()]));
        let at = (looking.next, looking.time.unwrap_or_else(|| self.host.settled()));
        let warmed = self.warmed(engine, &rules, &taken, at).inspect_err(|_| self.loading.retry());
        let Some(engine) = warmed? else { return Ok(false) };
        let before = self.loading.known();
        looking.count_stats(&self.loading.loaded.rules);
        looking.engine = engine;
        self.time(&mut looking.engine);
        self.loading.take(loaded);
        looking.decider.resettle(&self.loading.settings);
        looking.overdue.resettle();
        self.shared.load(Arc::clone(&self.loading.loaded));
        self.shared.trouble(About::Folder, None);
        self.shared.trouble(About::Channels, self.loading.other_channels());
        self.tell_load(looking, Some(&before));
        looking.save_soon = true;
        Ok(true)
    }

    /// What rules cost is told by the node's clock: too coarse for one of them, and right on average.
    fn time(&self, engine: &mut Engine) {
        let clock = Arc::clone(&self.seams.clock);
        engine.time_by(Arc::new(move || clock.now().0.unsigned_abs().saturating_mul(1_000)));
    }
}

fn from(mut state: State) -> From {
    From {
        next: state.next,
        last: state.last.map(|Last { pos, id }| (pos, id.0)),
        time: state.time,
        engine: Some(std::mem::take(&mut state.engine)),
        decider: Decider::restore(state.decider),
        overdue: state.overdue,
        known: Some(state.rules.into_iter().collect()),
    }
}

/// Why this is another log than the one that was looked at; `None` if it is the same. A log that was restored to an
/// earlier state has others behind it.
fn another_log(host: &dyn Host, state: &State) -> Result<Option<String>, HostError> {
    let end = host.end();
    if state.next > end {
        let next = state.next;
        return Ok(Some(format!(
            "it had looked at everything before {next}, and the log ends at {end}"
        )));
    }
    let Some(last) = &state.last else { return Ok(None) };
    let mut there = None;
    host.scan(last.pos, 1, &mut |seen| {
        there = (seen.pos == last.pos).then(|| Head::of(seen.json)).flatten();
        false
    })?;
    // What has expired cannot be compared.
    let other = there.is_some_and(|head| head.id != last.id.0);
    Ok(other.then(|| format!("the record at {} is another one", last.pos)))
}
