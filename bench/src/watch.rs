//! What looking at every event costs: rules over generated events, beside another engine of the same language and what it
//! takes this machine to read the JSON at all; and a backtest over a whole log, beside reading that log.

mod rules;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, anyhow, ensure};
use indelible_event::Micros;
use indelible_log::record::Pos;
use indelible_log::{Clock, Seams, SystemClock};
use indelible_rules::limits::LATENESS_MICROS;
use indelible_rules::{Engine, File, Matcher, Origin, RuleNo, RuleSet, Scratch, Seen};
use indelible_store::{Reader, place_at};
use indelible_watch::backtest::{Ask, backtest};
use indelible_watch::{Deed, Found, Host, HostError, Scanned};
use rsigma_eval::event::JsonEvent;
use serde::de::IgnoredAny;
use serde_json::Value;

use crate::generator::Generator;
use crate::history::{self, History};
use crate::table::{Table, thousands};

/// Events a second of a node that is busy.
const BUSY: f64 = 20_000.0;
/// Events whose matches are compared one by one with those of the other engine.
const COMPARED: usize = 20_000;
/// Days of the log that is backtested.
const DAYS: u64 = 30;

/// So many rules over so many events.
pub fn run(seed: u64, rules: usize, count: usize) -> Result<()> {
    ensure!(rules > 0 && count > 0, "nothing to do");
    let events = events(seed, count);
    let bytes: usize = events.iter().map(Vec::len).sum();
    let text = rules::of_events(rules);
    let set = read(&text)?;
    let (matcher, other) = (Matcher::new(&set), other(&text)?);
    ensure!(other.rule_count() == set.rules.len(), "the other engine refuses some of the rules");
    println!(
        "{} events of {} bytes, {} rules, one thread\n",
        thousands(count as u64),
        bytes / count,
        set.rules.len()
    );
    let mut table = Table::new(&["what", "events/s", "µs/event", "% of a core", "matches"]);
    let mut row = |what: &str, (took, matches): (Duration, Option<u64>)| {
        let each = took.as_secs_f64() / count as f64;
        table.row(&[
            what.to_owned(),
            thousands((1.0 / each) as u64),
            format!("{:.2}", each * 1e6),
            format!("{:.1}", each * BUSY * 100.0),
            matches.map(thousands).unwrap_or_default(),
        ]);
    };
    row("ours", timed(|| ours(&matcher, &events))?);
    row("ours, with windows and firings", timed(|| judged(&set, &events))?);
    row("rsigma-eval", timed(|| others(&other, &events))?);
    row("reading the JSON into values", timed(|| parsed(&events))?);
    row("limit: reading the JSON, keeping nothing", timed(|| ignored(&events))?);
    print!("{}", table.render());
    println!("\n% of a core: at {} events/s", thousands(BUSY as u64));
    compare(&set, &matcher, &other, &events[..count.min(COMPARED)])
}

fn timed(work: impl FnOnce() -> Result<Option<u64>>) -> Result<(Duration, Option<u64>)> {
    let begun = Instant::now();
    let result = work()?;
    Ok((begun.elapsed(), result))
}

/// Events as the API shows them, one after the other.
fn events(seed: u64, count: usize) -> Vec<Vec<u8>> {
    let made = Generator::new(seed).take(count);
    let shown = |(seq, event): (usize, &[u8])| {
        let head = format!("{{\"seq\":{seq},\"recorded_at\":\"2026-12-31T00:00:00.000000Z\",");
        [head.as_bytes(), &event[1..]].concat()
    };
    made.iter().enumerate().map(shown).collect()
}

fn read(text: &str) -> Result<Arc<RuleSet>> {
    let file = File { name: "bench.yml".into(), text: text.into(), origin: Origin::Folder };
    let rules = RuleSet::read(&[file], &[], &[]);
    match rules.refused.first() {
        None => Ok(Arc::new(rules)),
        Some(refused) => Err(anyhow!("a rule was refused: {}", refused.reason)),
    }
}

fn ours(matcher: &Matcher, events: &[Vec<u8>]) -> Result<Option<u64>> {
    let (mut scratch, mut matches) = (Scratch::default(), 0);
    for (json, pos) in events.iter().zip(0..) {
        matches += matcher.look(&Seen { pos, json }, &mut scratch)?.rules.len() as u64;
    }
    Ok(Some(matches))
}

fn judged(rules: &Arc<RuleSet>, events: &[Vec<u8>]) -> Result<Option<u64>> {
    let mut engine = Engine::new(rules, Micros(LATENESS_MICROS));
    let (mut firings, mut fired) = (Vec::new(), 0);
    for (json, pos) in events.iter().zip(0..) {
        engine.see(&Seen { pos, json }, &mut firings);
        fired += firings.drain(..).count() as u64;
    }
    Ok(Some(fired))
}

fn other(text: &str) -> Result<rsigma_eval::Engine> {
    let rules = rsigma_parser::parse_sigma_yaml(text).map_err(|e| anyhow!("{e}"))?;
    let mut engine = rsigma_eval::Engine::new();
    engine.add_collection(&rules).map_err(|e| anyhow!("{e}"))?;
    Ok(engine)
}

fn others(engine: &rsigma_eval::Engine, events: &[Vec<u8>]) -> Result<Option<u64>> {
    let mut matches = 0;
    for json in events {
        let value: Value = serde_json::from_slice(json)?;
        matches += engine.evaluate(&JsonEvent::borrow(&value)).len() as u64;
    }
    Ok(Some(matches))
}

fn parsed(events: &[Vec<u8>]) -> Result<Option<u64>> {
    for json in events {
        std::hint::black_box(serde_json::from_slice::<Value>(json)?);
    }
    Ok(None)
}

fn ignored(events: &[Vec<u8>]) -> Result<Option<u64>> {
    for json in events {
        std::hint::black_box(serde_json::from_slice::<IgnoredAny>(json)?);
    }
    Ok(None)
}

/// Fails unless both say the same of each event.
fn compare(
    rules: &RuleSet,
    matcher: &Matcher,
    other: &rsigma_eval::Engine,
    events: &[Vec<u8>],
) -> Result<()> {
    let mut scratch = Scratch::default();
    for (json, pos) in events.iter().zip(0..) {
        let looked = matcher.look(&Seen { pos, json }, &mut scratch)?;
        let title = |no: &RuleNo| rules.get(*no).title.to_string();
        let ours: BTreeSet<String> = looked.rules.iter().map(title).collect();
        let value: Value = serde_json::from_slice(json)?;
        let theirs = other.evaluate(&JsonEvent::borrow(&value)).into_iter();
        let theirs: BTreeSet<String> = theirs.map(|found| found.header.rule_title).collect();
        ensure!(ours == theirs, "ours: {ours:?}\ntheirs: {theirs:?}\n{value}");
    }
    println!("the same matches of each of {} events", thousands(events.len() as u64));
    Ok(())
}

/// A log of its own, as a backtest sees it.
struct Node(Reader);

impl Host for Node {
    fn scan(
        &self,
        from: u64,
        records_max: usize,
        each: &mut dyn FnMut(&Seen<'_>) -> bool,
    ) -> Result<Scanned, HostError> {
        let mut scanner = self.0.scanner();
        let each = &mut |pos, json: &[u8]| each(&Seen { pos, json });
        let scanned = scanner.scan(Pos(from), records_max, each).map_err(failed)?;
        Ok(Scanned { next: scanned.next.0, unreadable: scanned.unreadable })
    }

    fn end(&self) -> u64 {
        self.0.view().next_pos().0
    }

    fn wait(&self, _: u64) {}

    fn place_at(&self, recorded_at: Micros) -> Result<u64, HostError> {
        place_at(self.0.view(), recorded_at).map(|pos| pos.0).map_err(failed)
    }

    fn settled(&self) -> Micros {
        SystemClock.now()
    }

    fn told(&self, _: &[&str]) -> Result<Vec<Found>, HostError> {
        Ok(Vec::new())
    }

    fn record(&self, _: &Deed) -> Result<(), HostError> {
        Err(HostError("a backtest records nothing".into()))
    }
}

fn failed(error: impl std::fmt::Display) -> HostError {
    HostError(error.to_string())
}

/// A backtest of 30 rules over so many events: of a log that is made first, unless `data` names one.
pub fn history(seed: u64, events: usize, data: Option<&Path>, dir: &Path) -> Result<()> {
    let made = tempfile::tempdir_in(dir)?;
    let path = match data {
        Some(data) => data.to_owned(),
        None => {
            let path = made.path().join("data");
            history::make(&path, &History { seed, events, days: DAYS })?;
            path
        }
    };
    let reader = Reader::open(Seams::real(&path).storage).context("no log there")?;
    let node = Node(reader);
    let mut table = Table::new(&["what", "seconds", "events/s"]);
    let mut row = |what: &str, took: Duration, events: u64| {
        let rate = events as f64 / took.as_secs_f64();
        table.row(&[what.into(), format!("{:.1}", took.as_secs_f64()), thousands(rate as u64)]);
    };
    let (mut bytes, mut count) = (0, 0);
    let begun = Instant::now();
    node.scan(0, usize::MAX, &mut |seen| {
        (bytes, count) = (bytes + seen.json.len(), count + 1);
        true
    })?;
    row("reading the log", begun.elapsed(), count);
    let ask = Ask {
        rules: read(rules::OF_A_LOG)?,
        only: Vec::new(),
        lateness: Micros(LATENESS_MICROS),
        // All of it, however old.
        since: Micros(0),
        until: None,
    };
    let begun = Instant::now();
    let found = backtest(&node, &ask, &SystemClock, &mut |_| true)?;
    row("backtest", begun.elapsed(), found.events);
    println!(
        "{} events, {} MB as JSON; {} rules\n",
        thousands(count),
        bytes / 1_000_000,
        found.rules.len()
    );
    println!("{}", table.render());
    let mut table = Table::new(&["rule", "matched", "fired", "alerts"]);
    for rule in &found.rules {
        let counts = [rule.matched, rule.fired, rule.alerts].map(thousands);
        table.row(&[&[rule.title.to_string()][..], &counts[..]].concat());
    }
    print!("{}", table.render());
    Ok(())
}
