//! The answers of the API, as far as they are shown. What is printed as JSON is never made of these: those
//! bytes are passed on as they came.

use indelible_connect::Event;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A page of search.
#[derive(Deserialize)]
pub struct Page {
    pub events: Vec<Box<RawValue>>,
    pub next_cursor: Option<String>,
    pub total: Option<Total>,
    pub incomplete: Option<Incomplete>,
    #[serde(default)]
    pub alarms: Vec<serde_json::Value>,
}

/// How many there are, or at least.
#[derive(Deserialize)]
pub struct Total {
    pub value: u64,
    #[serde(default)]
    pub relation: String,
}

/// A budget was met.
#[derive(Deserialize)]
pub struct Incomplete {
    #[serde(default)]
    pub limit: String,
    #[serde(default)]
    pub message: String,
}

/// One event with everything about it.
#[derive(Deserialize)]
pub struct Shown {
    pub event: Box<RawValue>,
    pub receipt: Receipt,
    #[serde(default)]
    pub diff: Vec<Change>,
    #[serde(default)]
    pub published: bool,
    #[serde(default)]
    pub related: Related,
}

#[derive(Deserialize)]
pub struct Receipt {
    pub trail: String,
    pub seq: u64,
    pub leaf: String,
    pub recorded_at: String,
}

#[derive(Deserialize)]
pub struct Change {
    pub op: String,
    #[serde(default)]
    pub path: String,
    pub before: Option<Box<RawValue>>,
    pub after: Option<Box<RawValue>>,
}

/// Events that belong to it.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Related {
    pub intent: Option<Box<RawValue>>,
    pub outcome: Option<Box<RawValue>>,
    pub corrections: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
pub struct Timeline {
    pub entries: Vec<Box<RawValue>>,
    #[serde(default)]
    pub services: Vec<String>,
    #[serde(default)]
    pub correlations: Vec<String>,
    pub next_cursor: Option<String>,
    pub incomplete: Option<Incomplete>,
}

#[derive(Deserialize)]
pub struct Entry {
    pub event: Event,
    pub at: String,
    #[serde(default)]
    pub via: String,
    pub gap_before_seconds: Option<f64>,
    #[serde(default)]
    pub unfinished: bool,
}

#[derive(Deserialize)]
pub struct Stats {
    pub total: Total,
    #[serde(default)]
    pub facets: std::collections::BTreeMap<String, Facet>,
    pub failures: Option<Count>,
    pub denied: Option<Count>,
    pub histogram: Option<Histogram>,
    pub incomplete: Option<Incomplete>,
}

#[derive(Deserialize)]
pub struct Count {
    pub value: u64,
}

#[derive(Deserialize)]
pub struct Facet {
    #[serde(default)]
    pub values: Vec<Valued>,
    #[serde(default)]
    pub other: u64,
    #[serde(default)]
    pub missing: u64,
    #[serde(default = "yes")]
    pub exact: bool,
}

#[derive(Deserialize)]
pub struct Valued {
    pub value: String,
    pub count: u64,
}

#[derive(Deserialize)]
pub struct Histogram {
    #[serde(default)]
    pub time: String,
    #[serde(default)]
    pub buckets: Vec<Bucket>,
}

#[derive(Deserialize)]
pub struct Bucket {
    pub start: String,
    pub count: u64,
    #[serde(default)]
    pub outcomes: std::collections::BTreeMap<String, u64>,
}

#[derive(Deserialize)]
pub struct User {
    pub user_id: String,
    pub days: u64,
    pub total: Total,
    pub first_seen: Option<String>,
    pub last_seen: Option<String>,
    #[serde(default)]
    pub actions: Vec<Valued>,
    #[serde(default)]
    pub outcomes: Vec<Valued>,
    #[serde(default)]
    pub resources: Vec<Valued>,
    #[serde(default)]
    pub addresses: Vec<Valued>,
    pub failures: Option<Count>,
    #[serde(default)]
    pub by_day: Vec<Bucket>,
    #[serde(default)]
    pub recent: Vec<Event>,
}

#[derive(Deserialize)]
pub struct Unfinished {
    pub unfinished: Vec<Begun>,
    pub abandoned: Vec<Begun>,
    pub next_cursor: Option<String>,
    pub incomplete: Option<Incomplete>,
    #[serde(default)]
    pub alarms: Vec<serde_json::Value>,
}

/// What never ended, or not in a way that was told.
#[derive(Deserialize)]
pub struct Begun {
    pub event: Event,
    pub age_seconds: f64,
    pub followed_by: Option<Event>,
}

#[derive(Deserialize)]
pub struct Gaps {
    pub all_trails: bool,
    pub sources: Vec<SourceOf>,
    #[serde(default)]
    pub more_sources: u64,
    pub total: GapsTotal,
    #[serde(default)]
    pub losses: Vec<Loss>,
    #[serde(default)]
    pub unread_losses: u64,
    pub incomplete: Option<Incomplete>,
    #[serde(default)]
    pub alarms: Vec<serde_json::Value>,
}

#[derive(Deserialize)]
pub struct SourceOf {
    pub id: String,
    pub service: Option<String>,
    pub first_seen: String,
    pub last_seen: String,
    pub received: u64,
    #[serde(default)]
    pub doubles: u64,
    pub highest: u64,
    pub missing: Option<u64>,
    pub explained: Option<u64>,
    pub unexplained: Option<u64>,
    pub in_flight: Option<u64>,
    #[serde(default)]
    pub ranges: Vec<Range>,
    #[serde(default)]
    pub more_ranges: u64,
}

#[derive(Deserialize)]
pub struct Range {
    pub from: u64,
    pub to: u64,
}

#[derive(Deserialize)]
pub struct GapsTotal {
    pub sources: u64,
    pub received: u64,
    pub missing: u64,
    pub unexplained: u64,
}

#[derive(Deserialize)]
pub struct Loss {
    #[serde(default)]
    pub event_type: String,
    pub cause: String,
    pub count: u64,
}

impl std::fmt::Display for Total {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let more = if self.relation == "at_least" { "+" } else { "" };
        write!(f, "{}{more}", crate::out::grouped(self.value))
    }
}

/// Reads an event out of its JSON; what is not of its shape is left out rather than refused.
pub fn event(raw: &RawValue) -> Event {
    Event::read(raw.get()).unwrap_or_default()
}

fn yes() -> bool {
    true
}
