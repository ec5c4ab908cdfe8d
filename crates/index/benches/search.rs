//! Milliseconds a question, over ten units: `cargo bench -p indelible-index --bench search`.
//!
//! The units share one frozen map, so that it is made quickly; what is counted is counted ten times.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::collections::BTreeSet;
use std::hint::black_box;
use std::time::Instant;

use indelible_event::{Entry, EventId, Micros, Outcome, Source};
use indelible_index::query::parse;
use indelible_index::search::{
    Access, Alarm, Ask, Budget, HistogramAsk, PageAsk, Record, Sort, StatsAsk, Unit, page, stats,
    suggest,
};
use indelible_index::{Doc, Facet, Frozen, Index, Live};

const ROWS: u32 = 500_000;
const UNITS: u64 = 10;
/// The time from one event to the next, so that all are of thirty days.
const STEP: i64 = 30 * 86_400_000_000 / (ROWS as i64 * UNITS as i64);

struct Told {
    pos: u64,
    trail: u32,
    parts: [String; 3],
    action: &'static str,
    outcome: Outcome,
}

/// An event made from its place alone.
fn told(pos: u64) -> Told {
    let random = |salt: u64| {
        (pos ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xd6e8_feb8_6659_fd93) >> 32
    };
    // Few are frequent and many seldom, as it is with people and things.
    let skewed = |salt: u64, of: u64| (random(salt) % of) * (random(salt + 1) % of) / of;
    let actions = ["user.login", "file.read", "file.update", "backup.create", "backup.delete"];
    let outcome = [Outcome::Success, Outcome::Success, Outcome::Success, Outcome::Failure];
    Told {
        pos,
        trail: (random(1) % 10) as u32,
        action: actions[skewed(2, 5) as usize],
        outcome: outcome[(random(4) % 4) as usize],
        parts: [
            format!(r#"{{"actor":{{"type":"user","id":"u-{}"}}}}"#, skewed(5, 20_000)),
            format!(
                r#"{{"context":{{"ip":"10.0.{}.{}","correlation_id":"{:016x}","service":"s{}"}}}}"#,
                skewed(7, 20),
                random(9) % 256,
                random(10) << 20,
                random(11) % 12
            ),
            format!(
                r#"{{"targets":[{{"type":"file","id":"f-{}"}}],"details":{{"note":"word{} and word{}"}}}}"#,
                skewed(13, 400_000),
                random(15) % 3_000,
                random(16) % 3_000
            ),
        ],
    }
}

impl Record for Told {
    fn doc(&self) -> Doc<'_> {
        Doc {
            pos: self.pos,
            trail: self.trail,
            trail_name: "shop",
            entry: Entry {
                id: EventId::default(),
                recorded_at: Micros(self.pos as i64 * STEP),
                occurred_at: None,
                action: self.action,
                category: Some("data_access"),
                outcome: self.outcome,
                phase: None,
                reference: None,
                source: None,
                recorded_by: None,
                parts_hash: [0; 32],
            },
            parts: self.parts.each_ref().map(|part| Some(part.as_bytes())),
        }
    }

    fn bytes(&self) -> usize {
        400
    }
}

struct Shared<'a>(&'a Frozen);

impl Unit for Shared<'_> {
    type Record = Told;

    fn span(&self) -> (u64, u64) {
        (0, u64::from(ROWS) - 1)
    }

    fn rows(&self) -> u32 {
        ROWS
    }

    fn with_index<T>(&self, run: impl FnOnce(&dyn Index) -> T) -> T {
        run(self.0)
    }

    fn rows_of(&self, _: EventId) -> Vec<u32> {
        Vec::new()
    }

    fn sources(&self, rows: &[u32]) -> Result<Vec<Option<Source>>, Alarm> {
        Ok(vec![None; rows.len()])
    }

    fn read(&self, rows: &[u32]) -> Vec<Result<Told, Alarm>> {
        rows.iter().map(|row| Ok(told(u64::from(*row)))).collect()
    }
}

fn best(name: &str, mut run: impl FnMut()) {
    let mut best = f64::INFINITY;
    for _ in 0..5 {
        let start = Instant::now();
        run();
        best = best.min(start.elapsed().as_secs_f64() * 1e3);
    }
    println!("{name:60} {best:8.2} ms");
}

fn main() {
    let mut live = Live::new(7);
    for pos in 0..u64::from(ROWS) {
        live.push(&told(pos).doc());
    }
    let mut bytes = Vec::new();
    live.freeze(&mut (0..ROWS), &mut bytes).expect("memory takes it");
    let frozen = Frozen::open(bytes.into()).expect("it was just written");
    let units: Vec<Shared<'_>> = (0..UNITS).map(|_| Shared(&frozen)).collect();
    let clock = || Micros(0);
    let trails = [(1, "shop"), (2, "bank")];
    let some = Access::Trails(BTreeSet::from([1, 2, 3, 4, 5]));
    let last = i64::from(ROWS) * STEP;
    // One unit holds three days; the half of it is what a span cuts.
    let half = parse("*", Micros(0)).map(|query| {
        let span = indelible_index::query::Span { from: Some(Micros(last / 2)), to: None };
        query.and(indelible_index::query::Leaf::Recorded(span).into())
    });
    let half = half.expect("a query");
    for (who, access) in [("all trails", &Access::All), ("half of the trails", &some)] {
        for (what, query) in [
            ("everything", parse("*", Micros(0)).expect("a query")),
            ("half of the time", half.clone()),
            ("outcome:failure", parse("outcome:failure", Micros(0)).expect("a query")),
        ] {
            let ask = Ask { query: &query, access, trails: &trails };
            let histogram = Some(HistogramAsk { interval: 3_600_000_000, by: Sort::Recorded });
            let want = StatsAsk { facets: &Facet::ALL, top: 10, histogram };
            best(&format!("8 facets and hours, {what}, {who}"), || {
                black_box(stats(&units, &ask, &want, &mut Budget::new(&clock)).expect("an answer"));
            });
        }
        for text in [
            "action:backup.delete",
            "actor:u-17 outcome:failure",
            "\"word17 and word18\"",
            "*ord29*",
        ] {
            let query = parse(text, Micros(0)).expect("a query");
            let ask = Ask { query: &query, access, trails: &trails };
            for count in [false, true] {
                let want = PageAsk { limit: 50, count, ..PageAsk::default() };
                let counted = if count { "counted" } else { "not counted" };
                best(&format!("page of {text}, {counted}, {who}"), || {
                    black_box(
                        page(&units, &ask, &want, &mut Budget::new(&clock)).expect("an answer"),
                    );
                });
            }
        }
        best(&format!("suggest actor u-1, {who}"), || {
            let mut budget = Budget::new(&clock);
            black_box(suggest(&units, access, Facet::Actor, "u-1", 10, &mut budget).expect("one"));
        });
    }
}
