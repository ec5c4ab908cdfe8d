//! What the API says of rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::pages::alerts::model::Place;

/// What the node has loaded, and what it refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rules {
    pub loaded: u64,
    pub refused: Vec<Refused>,
    pub loaded_at: Option<String>,
    pub digest: Option<String>,
    pub folder: Option<String>,
    /// Events that came too late to be counted in windows.
    pub late: u64,
    /// Records that are not looked at yet.
    pub behind: u64,
    pub rules: Vec<Rule>,
}

/// A rule that makes no sense.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refused {
    pub file: Option<String>,
    pub line: Option<u64>,
    pub rule: Option<String>,
    pub reason: String,
}

/// A rule, and how it does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub id: String,
    pub name: Option<String>,
    pub title: String,
    pub level: String,
    pub kind: String,
    pub file: Option<String>,
    /// `pack` or `folder`.
    pub from: String,
    pub description: Option<String>,
    pub advice: Option<String>,
    pub tags: Vec<String>,
    /// Whether it opens alerts, or is there for other rules only.
    pub alerts: bool,
    pub matched: u64,
    pub fired: u64,
    pub last_fired_at: Option<String>,
    pub nanos: u64,
    pub groups: u64,
    pub groups_dropped: u64,
    /// In its own page only.
    pub text: Option<String>,
}

/// What rules would have found.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Backtest {
    pub events: u64,
    pub from: String,
    pub to: String,
    pub millis: u64,
    pub late: u64,
    pub refused: Vec<Refused>,
    pub rules: Vec<Tested>,
}

/// What one of them would have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tested {
    pub id: String,
    pub title: String,
    pub level: String,
    pub matched: u64,
    pub fired: u64,
    pub alerts: u64,
    pub groups_dropped: u64,
    pub per_day: Vec<OfDay>,
    pub examples: Vec<Example>,
}

/// How often it would have fired on a day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OfDay {
    pub day: String,
    pub fired: u64,
}

/// A time that it would have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Example {
    pub at: String,
    pub group: BTreeMap<String, Value>,
    pub count: u64,
    pub events: Vec<Place>,
}
