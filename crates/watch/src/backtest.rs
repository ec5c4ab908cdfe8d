//! What rules would have found, had they been there: a stretch of the log, judged as the watch judges it.
//!
//! One thread reads, as many as there are cores match, in lots, and the windows take the lots in the log's order. So the
//! result is that of one engine that sees one event after the other.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

use indelible_event::{Day, Micros};
use indelible_log::Clock;
use indelible_rules::model::{CorrelationKind, Kind};
use indelible_rules::{
    EventRef, Firing, Level, Looked, Matcher, Refused, RuleNo, RuleSet, RuleStats, Scratch, Seen,
    Windows,
};
use serde::Serialize;

use crate::limits::{
    BACKTEST_DAYS_MAX, BACKTEST_EXAMPLES_MAX, BACKTEST_GROUPS_MAX, BACKTEST_LOT_BYTES,
    BACKTEST_LOT_RECORDS, BACKTEST_LOTS_MAX,
};
use crate::seam::{Host, HostError};

/// Firings of one rule and group that are less than this apart from the first would be one alert.
const ALERT_MICROS: i64 = 86_400_000_000;

/// What is asked.
#[derive(Clone)]
pub struct Ask {
    /// The rules.
    pub rules: Arc<RuleSet>,
    /// Those that are told of; all where none is named. What they refer to is judged all the same.
    pub only: Vec<RuleNo>,
    /// How late an event may come.
    pub lateness: Micros,
    /// From this moment on, by when events were recorded.
    pub since: Micros,
    /// Up to this moment, which is not part of it; to the log's end where nothing is said.
    pub until: Option<Micros>,
}

/// What they would have found.
#[derive(Clone, Debug, Serialize)]
pub struct Backtest {
    /// How many events there were.
    pub events: u64,
    /// How many could not be read.
    pub unreadable: u64,
    /// The first moment.
    pub from: String,
    /// The moment at which it ends.
    pub to: String,
    /// How long it took.
    pub millis: u64,
    /// How many events came too late to be counted in windows.
    pub late: u64,
    /// What could not be loaded.
    pub refused: Vec<Refused>,
    /// Each rule.
    pub rules: Vec<Tested>,
}

/// What one rule would have found.
#[derive(Clone, Debug, Serialize)]
pub struct Tested {
    /// Its id.
    pub id: Arc<str>,
    /// Its title.
    pub title: Arc<str>,
    /// How bad it is.
    pub level: Level,
    /// How many events it matched, or went into its windows.
    pub matched: u64,
    /// How often it fired.
    pub fired: u64,
    /// How many alerts that would have been, if each is dealt with within a day.
    pub alerts: u64,
    /// Groups that were forgotten for want of room.
    pub groups_dropped: u64,
    /// How often it fired on each day on which it did.
    pub per_day: Vec<OnDay>,
    /// The first firings.
    pub examples: Vec<Example>,
}

/// How often a rule fired on a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct OnDay {
    /// As in `2026-11-21`.
    pub day: String,
    /// How often.
    pub fired: u64,
}

/// A firing.
#[derive(Clone, Debug, Serialize)]
pub struct Example {
    /// When the last of its events happened.
    pub at: String,
    /// What it is about.
    pub group: BTreeMap<Arc<str>, Arc<str>>,
    /// How many events or values came together.
    pub count: u64,
    /// Some of them.
    pub events: Vec<EventRef>,
}

/// Why there is no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BacktestError {
    /// The log cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// It ends before it begins.
    #[error("{until} is not behind {since}")]
    Empty {
        /// Where it was to begin.
        since: Micros,
        /// Where it was to end.
        until: Micros,
    },
    /// It was told to stop.
    #[error("the backtest was cancelled")]
    Cancelled,
}

/// Judges a stretch of the log. `go_on` is told how many events were judged, now and then, and ends it by `false`.
pub fn backtest(
    host: &dyn Host,
    ask: &Ask,
    clock: &dyn Clock,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<Backtest, BacktestError> {
    let begun = clock.now();
    // Nothing is recorded any more before it; what is recorded from then on is no part of this.
    let to = ask.until.unwrap_or(Micros::MAX).min(host.settled());
    if to <= ask.since {
        return Err(BacktestError::Empty { since: ask.since, until: to });
    }
    // Windows are full when it begins.
    let before = Micros(ask.since.0.saturating_sub(reach(&ask.rules, ask.lateness)));
    let stretch = Stretch {
        first: host.place_at(before)?,
        since: host.place_at(ask.since)?,
        end: if ask.until.is_none() { host.end() } else { host.place_at(to)? },
    };
    let mut judged = Judged::new(ask, stretch.since);
    let unreadable = run(host, ask, &stretch, &mut judged, go_on)?;
    judged.end(to);
    let millis = clock.now().0.saturating_sub(begun.0).max(0) as u64 / 1_000;
    Ok(judged.result(ask, to, unreadable, millis))
}

/// How far back an event can matter to the windows of these rules, in microseconds.
pub fn reach(rules: &RuleSet, lateness: Micros) -> i64 {
    let mut reaches: Vec<i64> = Vec::with_capacity(rules.rules.len());
    for rule in &rules.rules {
        reaches.push(match &rule.kind {
            Kind::Event(_) => 0,
            Kind::Correlation(of) => {
                let span = of.span.0;
                let own = match &of.kind {
                    CorrelationKind::FirstSeen { learn, .. } => span.saturating_add(learn.0),
                    CorrelationKind::Unusual { past, .. } => {
                        span.saturating_mul(i64::from(*past) + 1)
                    }
                    CorrelationKind::EventCount { .. }
                    | CorrelationKind::ValueCount { .. }
                    | CorrelationKind::Temporal { .. }
                    | CorrelationKind::Absence => span,
                };
                // Those it refers to stand before it.
                let inner = of.of.iter().filter_map(|no| reaches.get(no.0 as usize)).max();
                own.saturating_add(inner.copied().unwrap_or(0))
            }
        });
    }
    match reaches.into_iter().max() {
        None | Some(0) => 0,
        Some(reach) => reach.saturating_add(lateness.0),
    }
}

/// Places: where it begins, where it counts, where it ends.
struct Stretch {
    first: u64,
    since: u64,
    end: u64,
}

/// Records that go from thread to thread together.
#[derive(Default)]
struct Lot {
    json: Vec<u8>,
    /// Position and end of each.
    records: Vec<(u64, usize)>,
}

impl Lot {
    fn is_full(&self) -> bool {
        self.records.len() >= BACKTEST_LOT_RECORDS || self.json.len() >= BACKTEST_LOT_BYTES
    }

    fn push(&mut self, seen: &Seen<'_>) {
        self.json.extend_from_slice(seen.json);
        self.records.push((seen.pos, self.json.len()));
    }

    /// What was seen of each, and how many are no events.
    fn look(&self, matcher: &Matcher, scratch: &mut Scratch) -> (Vec<Looked>, u64) {
        let mut out = Vec::with_capacity(self.records.len());
        let (mut begin, mut bad) = (0, 0);
        for (pos, end) in &self.records {
            let seen = Seen { pos: *pos, json: &self.json[begin..*end] };
            match matcher.look(&seen, scratch) {
                Ok(looked) => out.push(looked),
                Err(_) => bad += 1,
            }
            begin = *end;
        }
        (out, bad)
    }
}

/// A lot that was looked at, and its number.
type Done = (u64, Vec<Looked>, u64);

/// Reads, matches and judges, each on threads of its own; gives how many records could not be read.
fn run(
    host: &dyn Host,
    ask: &Ask,
    stretch: &Stretch,
    judged: &mut Judged,
    go_on: &mut dyn FnMut(u64) -> bool,
) -> Result<u64, BacktestError> {
    let matcher = Matcher::new(&ask.rules);
    let stop = AtomicBool::new(false);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let (to_match, lots) = sync_channel::<(u64, Lot)>(BACKTEST_LOTS_MAX);
    let (matched, done) = sync_channel::<Done>(BACKTEST_LOTS_MAX);
    let lots = Arc::new(Mutex::new(lots));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| read(host, stretch, to_match, &stop));
        for _ in 0..threads {
            let (lots, matched, matcher) = (lots.clone(), matched.clone(), &matcher);
            scope.spawn(move || look(&lots, matcher, &matched));
        }
        // Whoever matches has its own ends of these; the last of them to go ends what the others wait for.
        drop((lots, matched));
        let (mut bad, mut events, mut next, mut early) = (0, 0, 0, BTreeMap::new());
        for (number, looked, unread) in done {
            bad += unread;
            early.insert(number, looked);
            while let Some(looked) = early.remove(&next) {
                next += 1;
                events += looked.len() as u64;
                looked.iter().for_each(|looked| judged.take(looked));
                if !go_on(events) {
                    stop.store(true, Ordering::Relaxed);
                }
            }
        }
        let read = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        if stop.load(Ordering::Relaxed) {
            return Err(BacktestError::Cancelled);
        }
        Ok(read? + bad)
    })
}

/// Reads the log and makes lots of it; gives how many records could not be read.
fn read(
    host: &dyn Host,
    stretch: &Stretch,
    lots: SyncSender<(u64, Lot)>,
    stop: &AtomicBool,
) -> Result<u64, HostError> {
    let (mut at, mut number, mut unreadable) = (stretch.first, 0, 0);
    let mut lot = Lot::default();
    while at < stretch.end {
        let mut over = false;
        let scanned = host.scan(at, usize::MAX, &mut |seen| {
            over = seen.pos >= stretch.end || stop.load(Ordering::Relaxed);
            if over {
                return false;
            }
            lot.push(seen);
            if lot.is_full() {
                // Nobody takes it any more only if a thread has panicked, which is told when it is joined.
                over = lots.send((number, std::mem::take(&mut lot))).is_err();
                number += 1;
            }
            !over
        })?;
        unreadable += scanned.unreadable;
        if over || scanned.next <= at {
            break;
        }
        at = scanned.next;
    }
    if !lot.records.is_empty() {
        // See above.
        let _ = lots.send((number, lot));
    }
    Ok(unreadable)
}

/// Looks at lots until there are none.
fn look(lots: &Mutex<Receiver<(u64, Lot)>>, matcher: &Matcher, matched: &SyncSender<Done>) {
    let mut scratch = Scratch::default();
    loop {
        // Released before the work begins.
        let next = lots.lock().expect("nothing panics while it waits for a lot").recv();
        let Ok((number, lot)) = next else { return };
        let (looked, bad) = lot.look(matcher, &mut scratch);
        if matched.send((number, looked, bad)).is_err() {
            return;
        }
    }
}

/// What was found so far.
struct Judged {
    windows: Windows,
    since: u64,
    counting: bool,
    /// What the windows had told when it began to count.
    before: Vec<RuleStats>,
    late_before: u64,
    events: u64,
    tallies: Vec<Tally>,
    firings: Vec<Firing>,
}

/// What was found of one rule.
#[derive(Default)]
struct Tally {
    fired: u64,
    alerts: u64,
    days: BTreeMap<Day, u64>,
    examples: Vec<Example>,
    /// When each group's last alert was opened, and these in their order.
    opened: HashMap<u64, Micros>,
    order: VecDeque<(u64, Micros)>,
}

impl Judged {
    fn new(ask: &Ask, since: u64) -> Judged {
        let count = ask.rules.rules.len();
        let mut tallies = Vec::new();
        tallies.resize_with(count, Tally::default);
        Judged {
            windows: Windows::new(&ask.rules, ask.lateness),
            since,
            counting: false,
            before: Vec::new(),
            late_before: 0,
            events: 0,
            tallies,
            firings: Vec::new(),
        }
    }

    fn take(&mut self, looked: &Looked) {
        if !self.counting && looked.pos >= self.since {
            self.count();
        }
        self.windows.take(looked, &mut self.firings);
        self.events += u64::from(self.counting);
        self.tell();
    }

    /// Begins to count.
    fn count(&mut self) {
        self.counting = true;
        let rules = (0..self.tallies.len()).map(|no| RuleNo(no as u32));
        self.before = rules.map(|no| self.windows.stats(no)).collect();
        self.late_before = self.windows.late();
    }

    /// The time that was asked for is over.
    fn end(&mut self, to: Micros) {
        if !self.counting {
            self.count();
        }
        self.windows.tick(to, &mut self.firings);
        self.tell();
    }

    fn tell(&mut self) {
        for firing in self.firings.drain(..) {
            if self.counting {
                self.tallies[firing.rule.0 as usize].add(firing);
            }
        }
    }

    fn result(self, ask: &Ask, to: Micros, unreadable: u64, millis: u64) -> Backtest {
        let Judged { windows, before, events, mut tallies, late_before, .. } = self;
        let told = |no: &u32| ask.only.is_empty() || ask.only.contains(&RuleNo(*no));
        let rules = (0..tallies.len() as u32).filter(told).map(|no| {
            let (rule, now) = (ask.rules.get(RuleNo(no)), windows.stats(RuleNo(no)));
            let (then, tally) = (before[no as usize], std::mem::take(&mut tallies[no as usize]));
            let on_day = |(day, fired): (Day, u64)| OnDay { day: day.to_string(), fired };
            Tested {
                id: rule.id.clone(),
                title: rule.title.clone(),
                level: rule.level,
                matched: now.matched - then.matched,
                fired: tally.fired,
                alerts: tally.alerts,
                groups_dropped: now.groups_dropped - then.groups_dropped,
                per_day: tally.days.into_iter().map(on_day).collect(),
                examples: tally.examples,
            }
        });
        Backtest {
            events,
            unreadable,
            from: ask.since.to_string(),
            to: to.to_string(),
            millis,
            late: windows.late() - late_before,
            refused: ask.rules.refused.clone(),
            rules: rules.collect(),
        }
    }
}

impl Tally {
    fn add(&mut self, firing: Firing) {
        self.fired += 1;
        if self.days.len() < BACKTEST_DAYS_MAX || self.days.contains_key(&firing.last.day()) {
            *self.days.entry(firing.last.day()).or_default() += 1;
        }
        self.alert(group_number(&firing), firing.last);
        if self.examples.len() < BACKTEST_EXAMPLES_MAX {
            self.examples.push(Example {
                at: firing.last.to_string(),
                group: firing.group.into_iter().collect(),
                count: firing.count,
                events: firing.events,
            });
        }
    }

    /// Counts it as an alert unless it is part of one.
    fn alert(&mut self, group: u64, at: Micros) {
        let part = |opened: &Micros| at.0.saturating_sub(opened.0) < ALERT_MICROS;
        if self.opened.get(&group).is_some_and(part) {
            return;
        }
        self.alerts += 1;
        self.opened.insert(group, at);
        self.order.push_back((group, at));
        while let Some((group, opened)) = self.order.front()
            && (self.order.len() > BACKTEST_GROUPS_MAX || !part(opened))
        {
            if self.opened.get(group) == Some(opened) {
                self.opened.remove(group);
            }
            self.order.pop_front();
        }
    }
}

/// Stands for a group: two with the same are so unlikely that counting them as one does no harm.
fn group_number(firing: &Firing) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    firing.group.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
#[path = "backtest_tests.rs"]
mod tests;
