//! What the API says of rules.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

use crate::pages::alerts::model::Place;

/// What the node has loaded, and what it refused.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rules {
    /// How many.
    pub loaded: u64,
    /// Those that are not, and why.
    pub refused: Vec<Refused>,
    /// When they were.
    pub loaded_at: Option<String>,
    /// SHA-256 over all of them.
    pub digest: Option<String>,
    /// Where those are that are not of the pack.
    pub folder: Option<String>,
    /// Events that came too late to be counted in windows.
    pub late: u64,
    /// Records that are not looked at yet.
    pub behind: u64,
    /// The rules.
    pub rules: Vec<Rule>,
}

/// A rule that makes no sense.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Refused {
    /// Its file.
    pub file: Option<String>,
    /// The line there.
    pub line: Option<u64>,
    /// Its title, where one can be read.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
}

/// A rule, and how it does.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    /// Its id.
    pub id: String,
    /// What other rules call it.
    pub name: Option<String>,
    /// What it is called.
    pub title: String,
    /// How bad it is when it fires.
    pub level: String,
    /// What it looks for.
    pub kind: String,
    /// Its file.
    pub file: Option<String>,
    /// `pack` or `folder`.
    pub from: String,
    /// What it means.
    pub description: Option<String>,
    /// What to do.
    pub advice: Option<String>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Whether it opens alerts, or is there for other rules only.
    pub alerts: bool,
    /// Events that it matched since the node started.
    pub matched: u64,
    /// How often it fired since then.
    pub fired: u64,
    /// When it last did.
    pub last_fired_at: Option<String>,
    /// What an event costs on average.
    pub nanos: u64,
    /// Groups that it keeps.
    pub groups: u64,
    /// Those that it had to forget.
    pub groups_dropped: u64,
    /// In its own page only.
    pub text: Option<String>,
}

/// What rules would have found.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Backtest {
    /// How many were looked at.
    pub events: u64,
    /// From when on.
    pub from: String,
    /// Until when.
    pub to: String,
    /// How long it took.
    pub millis: u64,
    /// Events that came too late to be counted in windows.
    pub late: u64,
    /// Rules that were not tried.
    pub refused: Vec<Refused>,
    /// Those that were.
    pub rules: Vec<Tested>,
}

/// What one of them would have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tested {
    /// Its id.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// How bad it is.
    pub level: String,
    /// Events that it matched.
    pub matched: u64,
    /// How often it would have fired.
    pub fired: u64,
    /// How many alerts that would have opened.
    pub alerts: u64,
    /// Groups that it had to forget.
    pub groups_dropped: u64,
    /// The days on which it would have.
    pub per_day: Vec<OfDay>,
    /// Some of the times.
    pub examples: Vec<Example>,
}

/// How often it would have fired on a day.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OfDay {
    /// The day, in UTC.
    pub day: String,
    /// How often.
    pub fired: u64,
}

/// A time that it would have.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Example {
    /// When.
    pub at: String,
    /// About what.
    pub group: BTreeMap<String, Value>,
    /// How many events.
    pub count: u64,
    /// Some of them.
    pub events: Vec<Place>,
}
