//! What a message to people says of an event: of an alert what there is to know and to do, of any other event its
//! sentence.
//!
//! Much of an alert was written by whoever is the reason for it. All of it is made fit to be shown here, on one line each
//! and no longer than the limits say; what a receiver's own format would obey, that receiver takes care of.

use std::borrow::Cow;
use std::collections::BTreeMap;

use indelible_connect::{Event, sentence, shown};
use serde::Deserialize;

use crate::limits::{
    EVENTS_NAMED_MAX, FACT_CHARS_MAX, FACTS_MAX, HEADLINE_CHARS_MAX, LINK_CHARS_MAX,
    PARAGRAPH_CHARS_MAX,
};
use crate::seam::Outgoing;

/// The action of the events by which receivers are told of alerts.
const NOTIFY: &str = "alert.notify";

/// What a message says.
#[derive(Debug, PartialEq)]
pub(super) struct Message {
    /// `[high] Password spray: 203.0.113.9`.
    pub headline: String,
    /// The same in a sentence.
    pub summary: String,
    /// The values that it is about, and when.
    pub facts: Vec<(String, String)>,
    /// What it means, and what to do.
    pub paragraphs: Vec<(&'static str, String)>,
    /// Where the events are: `trail/seq`, and their id.
    pub events: Vec<String>,
    /// Where to look at it.
    pub url: Option<String>,
    /// The alert.
    pub alert: Option<String>,
}

/// An event of which only what is told is read.
#[derive(Deserialize)]
struct Head<'a> {
    #[serde(borrow)]
    action: Cow<'a, str>,
    #[serde(borrow, default)]
    trail: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Notified {
    details: Details,
}

/// As the watch writes them. Nothing but the title need be there.
#[derive(Deserialize)]
struct Details {
    alert: Option<String>,
    reason: Option<String>,
    title: String,
    level: Option<String>,
    summary: Option<String>,
    #[serde(default)]
    group: BTreeMap<String, serde_json::Value>,
    count: Option<u64>,
    first_at: Option<String>,
    last_at: Option<String>,
    #[serde(default)]
    events: Vec<Named>,
    description: Option<String>,
    advice: Option<String>,
    url: Option<String>,
}

#[derive(Deserialize)]
struct Named {
    trail: String,
    seq: u64,
    id: String,
}

impl Message {
    /// Of an event as it is sent.
    pub fn of(event: &Outgoing) -> Message {
        notified(event).map_or_else(|| plain(event), alert)
    }

    /// Of the same event, without what others wrote in it: there are receivers that take offence at a text.
    pub fn bare(event: &Outgoing) -> Message {
        let Some(details) = notified(event) else {
            let headline = "An event whose text was refused".to_owned();
            let facts = vec![
                ("Place".into(), event.seq.to_string()),
                ("Event".into(), event.id.to_string()),
            ];
            return Message { summary: headline.clone(), headline, facts, ..plain(event) };
        };
        let (group, events) = (BTreeMap::new(), Vec::new());
        let summary = Some("What it is about was refused, and is left out here.".to_owned());
        alert(Details { group, summary, events, ..details })
    }
}

/// What the watch tells by this event, if it is one of those.
fn notified(event: &Outgoing) -> Option<Details> {
    let head = serde_json::from_slice::<Head<'_>>(&event.json).ok()?;
    // Others may call an event of theirs so; only the node's own trail tells of alerts.
    let own = head.action == NOTIFY && head.trail == "_system";
    let read = own.then(|| serde_json::from_slice::<Notified>(&event.json).ok()).flatten();
    read.map(|notified| notified.details)
}

fn fact(text: &str) -> String {
    shown(text, FACT_CHARS_MAX).unwrap_or_else(|| "(empty)".into())
}

fn value(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| fact(&value.to_string()), fact)
}

/// Why it is told, where it is not told for the first time.
fn because(reason: Option<&str>) -> &'static str {
    match reason {
        Some("repeat") => "Again: ",
        Some("quiet_end") => "Still open: ",
        Some("escalate") => "Not acknowledged: ",
        Some("test") => "Test: ",
        _ => "",
    }
}

fn alert(details: Details) -> Message {
    let title = shown(&details.title, HEADLINE_CHARS_MAX).unwrap_or_else(|| "An alert".into());
    let level = details.level.as_deref().and_then(|level| shown(level, FACT_CHARS_MAX));
    let level = level.map_or(String::new(), |level| format!("[{level}] "));
    let group: Vec<String> = details.group.values().map(value).collect();
    let about = if group.is_empty() { String::new() } else { format!(": {}", group.join(", ")) };
    let because = because(details.reason.as_deref());
    let headline = format!("{level}{because}{title}{about}");
    let headline = shown(&headline, HEADLINE_CHARS_MAX).unwrap_or_default();
    let summary = details.summary.as_deref().and_then(|text| shown(text, PARAGRAPH_CHARS_MAX));
    let mut facts: Vec<(String, String)> =
        details.group.iter().map(|(name, of)| (fact(name), value(of))).collect();
    // Room for how often and when.
    facts.truncate(FACTS_MAX - 3);
    let count = details.count.map(|count| count.to_string());
    let times = [("Times", count), ("First", details.first_at), ("Last", details.last_at)];
    facts.extend(times.into_iter().filter_map(|(name, of)| Some((name.into(), fact(&of?)))));
    let paragraphs = [("What it means", details.description), ("What to do", details.advice)];
    let paragraph = |(name, text): (&'static str, Option<String>)| {
        Some((name, shown(&text?, PARAGRAPH_CHARS_MAX)?))
    };
    let skipped = details.events.len().saturating_sub(EVENTS_NAMED_MAX);
    let named = details.events.iter().skip(skipped);
    Message {
        summary: summary.unwrap_or_else(|| headline.clone()),
        headline,
        facts,
        paragraphs: paragraphs.into_iter().filter_map(paragraph).collect(),
        events: named.map(|of| fact(&format!("{}/{} {}", of.trail, of.seq, of.id))).collect(),
        url: details.url.filter(|url| is_link(url)),
        alert: details.alert.and_then(|id| shown(&id, FACT_CHARS_MAX)),
    }
}

/// Whether it is an address that a message may link to, in every format.
fn is_link(url: &str) -> bool {
    let plain = |b: u8| b.is_ascii_graphic() && !br#"<>|"'`\^{}[]()"#.contains(&b);
    let scheme = url.starts_with("https://") || url.starts_with("http://");
    scheme && url.len() <= LINK_CHARS_MAX && url.bytes().all(plain)
}

/// An event that is no alert.
fn plain(event: &Outgoing) -> Message {
    let read = std::str::from_utf8(&event.json).ok().and_then(Event::read);
    let said = read.as_ref().map(|event| sentence(event).to_string());
    let said = said.unwrap_or_else(|| "An event that cannot be read".into());
    let when = read.as_ref().map(|event| event.at().to_owned());
    let when = when.unwrap_or_else(|| event.recorded_at.to_string());
    Message {
        headline: shown(&said, HEADLINE_CHARS_MAX).unwrap_or_default(),
        summary: shown(&said, PARAGRAPH_CHARS_MAX).unwrap_or_default(),
        facts: vec![
            ("Trail".into(), fact(&event.trail)),
            ("Place".into(), event.seq.to_string()),
            ("When".into(), fact(&when)),
            ("Event".into(), event.id.to_string()),
        ],
        paragraphs: Vec::new(),
        events: Vec::new(),
        url: None,
        alert: None,
    }
}

#[cfg(test)]
#[path = "alert_tests.rs"]
mod tests;
