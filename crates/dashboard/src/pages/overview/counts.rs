//! What the API counts, and what is asked of it.

use std::collections::BTreeMap;

use indelible_event::{Micros, Outcome};
use maud::Markup;
use serde::Deserialize;

use super::period::{self, Period};
use super::zone::Zone;
use crate::chart::{Bar, Layer, Ranked, ranked};
use crate::href::{self, Params};
use crate::limits;
use crate::parts::{Alarm, Count, Incomplete, ValueCount};
use crate::text;
use crate::visit::{Problem, Visit};

/// Counts, as the API gives them.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// All that match.
    pub total: Count,
    /// The most frequent values, by facet.
    pub facets: BTreeMap<String, Values>,
    /// Those that failed.
    pub failures: Count,
    /// Those that were denied.
    pub denied: Count,
    /// By time.
    pub histogram: Option<Histogram>,
    /// The bound that was met.
    pub incomplete: Option<Incomplete>,
    /// Records that could not be counted.
    pub alarms: Vec<Alarm>,
}

/// The most frequent values of a facet.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Values {
    /// The most frequent first.
    pub values: Vec<ValueCount>,
    /// Matches with another value.
    pub other: u64,
}

/// Matches by time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Histogram {
    /// Those with a match.
    pub buckets: Vec<Bucket>,
}

/// A stretch of time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// Its first moment.
    pub start: String,
    /// The matches in it.
    pub count: u64,
    /// How they ended.
    pub outcomes: BTreeMap<String, u64>,
}

/// How events end, from the bottom of a bar up: what went wrong stands on the ground, where it is compared best.
pub const OUTCOMES: &[Layer] = &[
    Layer { class: "bad", name: "failed" },
    Layer { class: "denied", name: "denied" },
    Layer { class: "rest", name: "open or unknown" },
    Layer { class: "good", name: "succeeded" },
];

impl Counts {
    /// Asks for counts.
    pub async fn ask(visit: &Visit, params: &Params) -> Result<Counts, Problem> {
        visit.get("/api/audit/stats", params).await
    }

    /// The values of a facet.
    pub fn values(&self, facet: &str) -> &[ValueCount] {
        self.facets.get(facet).map_or(&[], |facet| &facet.values)
    }

    /// Matches with another value than those.
    pub fn other(&self, facet: &str) -> u64 {
        self.facets.get(facet).map_or(0, |facet| facet.other)
    }

    /// The buckets with their beginnings; what is no time is none.
    pub fn buckets(&self) -> impl Iterator<Item = (Micros, &Bucket)> {
        let buckets = self.histogram.iter().flat_map(|histogram| &histogram.buckets);
        buckets.filter_map(|bucket| Some((Micros::parse(&bucket.start).ok()?, bucket)))
    }

    /// A bar for each of these beginnings, by outcome.
    pub fn bars(&self, period: Period, now: Micros, zone: Zone, search: &Params) -> Vec<Bar> {
        let (_, interval) = period.interval();
        let found: BTreeMap<Micros, &Bucket> = self.buckets().collect();
        let bar = |start: Micros| {
            let tick = period.tick(start, zone);
            let counts = found.get(&start).map_or_else(|| vec![0; OUTCOMES.len()], |b| b.layers());
            Bar { counts, ..period::bar(start, interval, zone, tick, search) }
        };
        period.starts(now).into_iter().map(bar).collect()
    }

    /// The values of a facet with their bars, each leading to its events.
    pub fn ranked(&self, id: &str, title: &str, facet: &str, search: &Params) -> Markup {
        let row = |of: &ValueCount| {
            let href = narrowed(search, key(facet), &of.value);
            Ranked {
                label: text::short_to(&of.value, limits::RANKED_CHARS_MAX),
                href,
                count: of.count,
            }
        };
        let rows: Vec<Ranked> = self.values(facet).iter().map(row).collect();
        ranked(id, title, &rows, self.other(facet))
    }
}

impl Bucket {
    /// Its counts by the layers of [`OUTCOMES`].
    fn layers(&self) -> Vec<u64> {
        let of = |outcome: Outcome| self.outcomes.get(outcome.name()).copied().unwrap_or_default();
        let bad = of(Outcome::Failure).saturating_add(of(Outcome::Error));
        let (denied, good) = (of(Outcome::Denied), of(Outcome::Success));
        let known = bad.saturating_add(denied).saturating_add(good);
        vec![bad, denied, self.count.saturating_sub(known), good]
    }
}

/// The key of the query language for a facet's values.
fn key(facet: &str) -> &str {
    if facet == "resource" { "target" } else { facet }
}

/// A search narrowed to a value. `None` if it would be longer than a query may be.
pub fn narrowed(search: &Params, key: &str, value: &str) -> Option<String> {
    let clause = href::clause(key, value);
    let query = join(search.get("q").unwrap_or_default(), &clause);
    (query.len() <= limits::QUERY_BYTES_MAX).then(|| with_query(search, &query).to("/"))
}

/// A search with this query in place of its own, which stands first.
pub fn with_query(search: &Params, query: &str) -> Params {
    let rest = search.pairs().filter(|(name, _)| *name != "q");
    rest.fold(Params::new().with("q", query), |all, (name, value)| all.with(name, value))
}

/// Two conditions, both of which are to hold.
pub fn join(one: &str, other: &str) -> String {
    match (one.is_empty(), other.is_empty()) {
        (true, _) => other.to_owned(),
        (_, true) => one.to_owned(),
        _ => format!("{one} {other}"),
    }
}
