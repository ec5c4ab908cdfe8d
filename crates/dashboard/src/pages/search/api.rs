//! What the API answers to a search, as far as the page shows it; and asking it.

use std::collections::BTreeMap;

use indelible_connect::Event;
use serde::Deserialize;

use super::state::{Asked, State, is_time};
use crate::href::Params;
use crate::parts::{Alarm, Count, Incomplete, ValueCount};
use crate::visit::{Problem, Visit};

/// A query's clauses, or what is wrong with it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Parsed {
    /// Whether it can be read.
    pub ok: bool,
    /// Whether `OR` joins the outermost clauses; then there is one.
    pub any: bool,
    /// The outermost clauses.
    pub clauses: Vec<Clause>,
    /// What is wrong.
    pub error: Option<Wrong>,
}

/// A condition of a query.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Clause {
    /// How many `AND` stand before it.
    pub group: usize,
    /// As it is written.
    pub text: String,
    /// Its key.
    pub key: Option<String>,
    /// What is written after the key.
    pub value: Option<String>,
    /// Whether it excludes.
    pub negated: bool,
    /// The first moment it means.
    pub from: Option<String>,
    /// The last moment it means.
    pub to: Option<String>,
}

/// Where a query cannot be read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Wrong {
    /// The first character, from 1.
    pub column: usize,
    /// How many.
    pub length: usize,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What was probably meant there.
    pub instead: Option<String>,
}

/// A page of events.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Found {
    /// The events, in order.
    pub events: Vec<Event>,
    /// Where it goes on.
    pub next_cursor: Option<String>,
    /// Why it is not all.
    pub incomplete: Option<Incomplete>,
    /// Records that are not what they were.
    pub alarms: Vec<Alarm>,
}

/// What was counted.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Stats {
    /// All.
    pub total: Count,
    /// The most frequent values, by facet.
    pub facets: BTreeMap<String, FacetValues>,
    /// By time.
    pub histogram: Option<Buckets>,
    /// Why it is not all.
    pub incomplete: Option<Incomplete>,
    /// Records that are not what they were.
    pub alarms: Vec<Alarm>,
}

/// The most frequent values of a facet.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct FacetValues {
    /// The most frequent first.
    pub values: Vec<ValueCount>,
    /// Events with another value.
    pub other: u64,
}

/// Counts by time.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Buckets {
    /// How long each is.
    pub interval_seconds: i64,
    /// Those with an event.
    pub buckets: Vec<Bucket>,
}

/// A stretch of time.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Bucket {
    /// Its first moment.
    pub start: String,
    /// Its events.
    pub count: u64,
    /// How they ended.
    pub outcomes: BTreeMap<String, u64>,
}

/// The visitor's own searches.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct SavedSearches {
    /// In their order.
    pub searches: Vec<Saved>,
}

/// A search that was kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Saved {
    /// What it is called.
    pub name: String,
    /// Its query.
    pub query: String,
    /// Its time.
    pub time: Option<String>,
}

/// The clauses of a query.
pub async fn parsed(visit: &Visit, q: &str) -> Result<Parsed, Problem> {
    visit.get("/api/audit/query", &Params::new().with("q", q)).await
}

/// What is wrong with a search, so that nothing can be asked.
pub enum Unasked {
    /// Its query.
    Query(Wrong),
    /// Its time.
    Time(String),
}

/// Understands a search.
pub async fn asked(visit: &Visit, state: State) -> Result<Result<Asked, Unasked>, Problem> {
    let query = parsed(visit, &state.q).await?;
    if let Some(wrong) = query.error {
        return Ok(Err(Unasked::Query(wrong)));
    }
    let bad = |hint: Option<String>| {
        let hint =
            hint.unwrap_or_else(|| "write -24h, 2026-01-31, or two of them with .. between".into());
        Ok(Err(Unasked::Time(hint)))
    };
    if !is_time(&state.t) {
        return bad(None);
    }
    let mut time = None;
    if !state.t.is_empty() {
        let about = parsed(visit, &format!("{}:{}", state.by.key(), state.t)).await?;
        if let Some(wrong) = about.error {
            return bad(wrong.hint.map(|hint| format!("{}: {hint}", wrong.message)));
        }
        time = about.clauses.into_iter().next();
    }
    let names_trail = query.any && state.q.contains("_system")
        || query
            .clauses
            .iter()
            .any(|clause| clause.key.as_deref() == Some("trail") && !clause.negated);
    let hides_system = !state.system && !names_trail && visit.me()?.may_audit();
    Ok(Ok(Asked { state, parsed: query, time, hides_system }))
}
