//! Looking, record by record.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use indelible_event::{EventId, Micros};
use indelible_log::Seams;
use indelible_rules::model::EventText;
use indelible_rules::{Engine, Firing, RuleNo, RuleSet, Seen};

use super::Control;
use super::head::{Head, SystemEvent};
use super::load::{LastLoad, Loading, signed};
use super::overdue::Overdue;
use super::state::{Last, State};
use crate::book::{Context, Decider, Told};
use crate::limits::{
    DEEDS_MAX, FOLDER_LOOK_EVERY, RETRY, RETRY_MAX, SAVE_EVERY, SCAN_RECORDS_MAX, SHOW_EVERY,
    TICK_MICROS_MAX,
};
use crate::seam::{Deed, Host, HostError};
use crate::shared::{About, Progress, RuleStats, Shared};

/// What the thread has.
pub(super) struct Runner {
    pub host: Arc<dyn Host>,
    /// How far the log's time and the log were when it was started.
    pub began: (Micros, u64),
    pub seams: Seams,
    pub shared: Arc<Shared>,
    pub control: Arc<Control>,
    pub public_url: Option<String>,
    pub loading: Loading,
}

/// How far it is.
pub(super) struct Looking {
    pub engine: Engine,
    pub decider: Decider,
    pub overdue: Overdue,
    /// Everything before it was looked at.
    pub next: u64,
    /// Which record that was.
    last: Option<(u64, EventId)>,
    /// How far the log's time has come.
    pub time: Option<Micros>,
    /// Decided, and not recorded yet.
    pub pending: VecDeque<Deed>,
    pub last_load: Option<LastLoad>,
    /// Whether how far it is has to be written down soon, however little that is.
    pub save_soon: bool,
    saved_next: u64,
    saved_at: Option<Micros>,
    shown_at: Option<Micros>,
    looked_at: Option<Micros>,
    /// What rules did before the last time that all were loaded anew.
    before: BTreeMap<Arc<str>, (u64, u64)>,
    /// Firings since the node started.
    fired: u64,
    /// The record that is looked at just now: what it was if that panics.
    at: Option<u64>,
}

impl Looking {
    pub fn new(
        engine: Engine,
        decider: Decider,
        overdue: Overdue,
        (next, last): (u64, Option<(u64, EventId)>),
    ) -> Looking {
        Looking {
            engine,
            decider,
            overdue,
            next,
            last,
            time: None,
            pending: VecDeque::new(),
            last_load: None,
            // A first place is written at once: what is recorded from now on is looked at, whatever happens.
            save_soon: true,
            saved_next: next,
            saved_at: None,
            shown_at: None,
            looked_at: None,
            before: BTreeMap::new(),
            fired: 0,
            at: None,
        }
    }

    /// Remembers what rules did, before their engine goes.
    pub fn count_stats(&mut self, rules: &RuleSet) {
        for (no, rule) in (0u32..).map(RuleNo).zip(&rules.rules) {
            let stats = self.engine.stats(no);
            let (matched, fired) = self.before.entry(Arc::clone(&rule.id)).or_default();
            *matched += stats.matched;
            *fired += stats.fired;
        }
    }

    fn stats(&self, rules: &RuleSet) -> Vec<RuleStats> {
        let one = |(no, rule): (RuleNo, &indelible_rules::Rule)| {
            let stats = self.engine.stats(no);
            let (matched, fired) = self.before.get(&rule.id).copied().unwrap_or_default();
            RuleStats {
                matched: matched + stats.matched,
                fired: fired + stats.fired,
                last_fired_at: stats.last_fired_at,
                nanos: self.engine.cost(no).average(),
                groups: stats.groups as u64,
                groups_dropped: stats.groups_dropped,
            }
        };
        (0u32..).map(RuleNo).zip(&rules.rules).map(one).collect()
    }
}

/// What is to be done next.
#[derive(PartialEq)]
enum Next {
    /// There may be more.
    More,
    /// There is nothing to do until something is recorded.
    Wait,
}

impl Runner {
    pub fn context(&self) -> Context<'_> {
        Context {
            rules: &self.loading.loaded.rules,
            settings: &self.loading.settings,
            public_url: self.public_url.as_deref(),
        }
    }

    /// Runs until it is to stop.
    pub fn run(mut self) {
        let (mut looking, mut skip, mut failures) = (None::<Looking>, BTreeSet::new(), 0u32);
        while !self.control.is_stopping() {
            let step = catch_unwind(AssertUnwindSafe(|| self.step_or_begin(&mut looking, &skip)));
            let why = match step {
                Ok(Ok(next)) => {
                    failures = 0;
                    self.shared.trouble(About::Node, None);
                    if let Some(at) = looking.as_ref().filter(|_| next == Next::Wait) {
                        self.host.wait(at.next);
                    }
                    continue;
                }
                Ok(Err(e)) => {
                    self.shared.trouble(About::Node, Some(e.0.clone()));
                    e.0
                }
                Err(_) => {
                    // What was half done goes, and that record is not looked at again.
                    let at = looking.take().and_then(|looking| looking.at);
                    skip.extend(at);
                    let at = at.map_or(String::new(), |pos| format!(" over the record at {pos}"));
                    let why = format!("the watch broke off{at}, which is a fault of this program");
                    self.shared.trouble(About::Fault, Some(why.clone()));
                    why
                }
            };
            if failures == 0 {
                tracing::warn!(why, "the watch cannot go on; it tries again");
            }
            self.control.rest(pause(failures));
            failures = failures.saturating_add(1);
        }
        if let Some(looking) = looking.as_mut() {
            self.save(looking);
        }
    }

    fn step_or_begin(
        &mut self,
        looking: &mut Option<Looking>,
        skip: &BTreeSet<u64>,
    ) -> Result<Next, HostError> {
        match looking {
            Some(looking) => self.step(looking, skip),
            None => {
                *looking = self.begin()?;
                Ok(Next::More)
            }
        }
    }

    /// One batch, or less.
    fn step(&mut self, looking: &mut Looking, skip: &BTreeSet<u64>) -> Result<Next, HostError> {
        self.record(looking)?;
        let now = self.seams.clock.now();
        if looking.save_soon || is_due(looking.saved_at, now, SAVE_EVERY) {
            self.save(looking);
            looking.saved_at = Some(now);
        }
        if is_due(looking.looked_at, now, FOLDER_LOOK_EVERY) {
            looking.looked_at = Some(now);
            if !self.reload(looking)? || !looking.pending.is_empty() {
                return Ok(Next::More);
            }
        }
        // In this order: what is recorded behind the end was recorded after this moment.
        let settled = self.host.settled();
        let end = self.host.end();
        if looking.next < end {
            self.scan(looking, skip)?;
        } else {
            self.tick(looking, settled);
        }
        let caught_up = looking.next >= end;
        if caught_up || is_due(looking.shown_at, now, SHOW_EVERY) {
            looking.shown_at = Some(now);
            self.show(looking);
        }
        Ok(if caught_up && looking.pending.is_empty() { Next::Wait } else { Next::More })
    }

    fn scan(&self, looking: &mut Looking, skip: &BTreeSet<u64>) -> Result<(), HostError> {
        let (mut stopped, from) = (false, looking.next);
        let scanned = self.host.scan(from, SCAN_RECORDS_MAX, &mut |seen| {
            if !skip.contains(&seen.pos) {
                self.see(looking, seen);
            }
            looking.next = seen.pos + 1;
            stopped = looking.pending.len() >= DEEDS_MAX || self.control.is_stopping();
            !stopped
        });
        let scanned = scanned?;
        if !stopped {
            // Behind what has expired, too.
            looking.next = looking.next.max(scanned.next);
        }
        Ok(())
    }

    fn see(&self, looking: &mut Looking, seen: &Seen<'_>) {
        looking.at = Some(seen.pos);
        let (mut firings, mut deeds) = (Vec::new(), Vec::new());
        looking.engine.see(seen, &mut firings);
        let head = Head::of(seen.json);
        if let Some(Head { id, .. }) = head {
            looking.last = Some((seen.pos, id));
        }
        let to = head.map(|head| head.recorded_at);
        self.decide(looking, &firings, to, &mut deeds);
        if head.is_some_and(|head| head.is_system) {
            self.hear(looking, seen.json);
        }
        looking.pending.extend(deeds);
        looking.at = None;
    }

    /// Time has come to this moment, with nothing recorded.
    fn tick(&self, looking: &mut Looking, to: Micros) {
        let most = looking.time.map_or(to, |time| Micros(time.0.saturating_add(TICK_MICROS_MAX)));
        let to = to.min(most);
        let (mut firings, mut deeds) = (Vec::new(), Vec::new());
        looking.engine.tick(to, &mut firings);
        self.decide(looking, &firings, Some(to), &mut deeds);
        looking.pending.extend(deeds);
    }

    fn decide(
        &self,
        looking: &mut Looking,
        firings: &[Firing],
        to: Option<Micros>,
        deeds: &mut Vec<Deed>,
    ) {
        for firing in firings {
            looking.fired += 1;
            looking.decider.fire(firing, self.context(), deeds);
        }
        let Some(to) = to else { return };
        looking.decider.advance(to, self.context(), deeds);
        looking.overdue.advance(to, &self.loading.settings.reviews, deeds);
        looking.time = looking.time.max(Some(to));
    }

    /// Takes in what people did.
    fn hear(&self, looking: &mut Looking, json: &[u8]) {
        let Ok(event) = serde_json::from_slice::<SystemEvent<'_>>(json) else { return };
        match &*event.action {
            "review.sign" => {
                signed(&event).into_iter().for_each(|period| looking.overdue.sign(period));
            }
            "alert.acknowledge" | "alert.assign" | "alert.comment" | "alert.close" => {
                if let Some(told) = Told::parse(json) {
                    looking.decider.hear(&told);
                    self.shared.book(|book| book.apply(&told));
                }
            }
            // One on which it would not decide any more, as other rules are loaded than when it did.
            "alert.open" => {
                if let Some(told) = Told::parse(json) {
                    looking.decider.adopt(&told, self.context());
                }
            }
            // What it did itself it knows.
            _ => {}
        }
    }

    /// Records what was decided, in its order. What cannot be recorded now stays, and nothing more is looked at.
    fn record(&self, looking: &mut Looking) -> Result<(), HostError> {
        while let Some(deed) = looking.pending.front() {
            self.host.record(deed).map_err(|e| {
                HostError(format!("{} cannot be recorded, and waits: {e}", deed.action))
            })?;
            let told = looking.pending.pop_front().as_ref().and_then(Told::of);
            if let Some(told) = told {
                self.shared.book(|book| book.apply(&told));
            }
        }
        let counted = looking.decider.take_counted();
        if !counted.is_empty() {
            self.shared.book(|book| counted.into_iter().for_each(|one| book.counted(one)));
        }
        Ok(())
    }

    /// Shows how it does.
    fn show(&self, looking: &Looking) {
        let stats = looking.stats(&self.loading.loaded.rules);
        let (next, late, fired) = (looking.next, looking.engine.late(), looking.fired);
        self.shared.progress(Progress { next, late, stats, fired });
    }

    /// Writes down how far it is, unless something that was decided is not recorded yet.
    fn save(&self, looking: &mut Looking) {
        let moved = looking.next != looking.saved_next || looking.save_soon;
        if !moved || !looking.pending.is_empty() {
            return;
        }
        let state = State {
            next: looking.next,
            last: looking.last.map(|(pos, id)| Last { pos, id: EventText(id) }),
            time: looking.time,
            rules: self.loading.known().into_iter().collect(),
            decider: looking.decider.save(),
            overdue: looking.overdue.clone(),
            engine: looking.engine.save(),
        };
        let stored = state.store(&*self.seams.storage);
        // What could not be written is tried again when it is time, not for each batch.
        looking.saved_next = if stored.is_ok() { looking.next } else { u64::MAX };
        looking.save_soon = false;
        let trouble = stored.err().map(|why| {
            format!("how far it is cannot be written down, so a restart looks at more again: {why}")
        });
        self.shared.trouble(About::State, trouble);
    }
}

/// Whether it is time to do again what was done then. A clock that was set back makes it so, too.
fn is_due(done: Option<Micros>, now: Micros, every: Duration) -> bool {
    let every = i64::try_from(every.as_micros()).unwrap_or(i64::MAX);
    !done.is_some_and(|done| (0..every).contains(&now.0.saturating_sub(done.0)))
}

fn pause(failures: u32) -> Duration {
    RETRY.saturating_mul(1 << failures.min(16)).min(RETRY_MAX)
}
