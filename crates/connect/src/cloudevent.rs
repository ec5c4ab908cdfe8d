//! Events as CloudEvents 1.0, structured: one JSON object an event.
//!
//! `data` is the whole event as the API shows it, so nothing is lost, and whoever takes such an event in has it again
//! under its own id. `type` is `indelible.` and the action, `subject` the first target as `type/id`, `source` the
//! trail's origin. The extensions `trail`, `seq` and `leaf` are where it stands in the log; `seq` is text, since a
//! CloudEvents number ends at 2³¹.

use serde::Serialize;
use serde_json::value::RawValue;

use crate::Event;

#[derive(Serialize)]
struct Line<'a> {
    specversion: &'static str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<String>,
    time: &'a str,
    datacontenttype: &'static str,
    trail: &'a str,
    seq: String,
    leaf: &'a str,
    data: &'a RawValue,
}

/// Writes an event as a line, with its end. `json` is the event as the API shows it, `leaf` its leaf hash in hex, and
/// `origin` its trail's origin. `None` if the JSON is none.
///
/// ```
/// use indelible_connect::{Event, cloudevent};
///
/// let json = r#"{"trail":"shop","seq":7,"id":"0190","recorded_at":"2026-01-31T10:00:00.000000Z","action":"file.read",
///     "targets":[{"type":"file","id":"/etc/hosts"}]}"#;
/// let event = Event::read(json).ok_or("no event")?;
/// let mut out = Vec::new();
/// cloudevent::line(&event, json, "ab", "audit.example.com/1", &mut out).ok_or("no JSON")?;
/// let line: serde_json::Value = serde_json::from_slice(&out)?;
/// assert_eq!((&line["type"], &line["subject"]), (&"indelible.file.read".into(), &"file//etc/hosts".into()));
/// assert_eq!((&line["source"], &line["data"]["seq"]), (&"//audit.example.com/1".into(), &7.into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn line(event: &Event, json: &str, leaf: &str, origin: &str, out: &mut Vec<u8>) -> Option<()> {
    let subject = event.targets.first().map(|target| {
        let words = [&target.kind, &target.id].into_iter().flatten();
        words.map(String::as_str).collect::<Vec<_>>().join("/")
    });
    let line = Line {
        specversion: "1.0",
        id: &event.id,
        source: &format!("//{origin}"),
        kind: format!("indelible.{}", event.action),
        subject: subject.filter(|subject| !subject.is_empty()),
        time: event.at(),
        datacontenttype: "application/json",
        trail: &event.trail,
        seq: event.seq.to_string(),
        leaf,
        data: serde_json::from_str(json).ok()?,
    };
    let start = out.len();
    serde_json::to_writer(&mut *out, &line).expect("plain data goes into memory");
    // Free JSON may have been written over several lines; within strings, line breaks are always escaped.
    for byte in &mut out[start..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    out.push(b'\n');
    Some(())
}

#[cfg(test)]
#[path = "cloudevent_tests.rs"]
mod tests;
