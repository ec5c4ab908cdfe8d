//! Events as CEF, the Common Event Format (version 0) that ArcSight brought and most SIEMs read: one line an event.
//!
//! | key | what it holds |
//! |---|---|
//! | signature id, name | the action, and the event as a person would say it |
//! | severity | 3; 5 for what failed, 7 for what was denied |
//! | `rt`, `start` | when the node recorded it, and when it happened where that was told (milliseconds since 1970) |
//! | `externalId`, `cn1` | its id, and its seq |
//! | `cs1` to `cs6` | trail, leaf hash, correlation id, target, changes, details, each with its label |
//! | `act`, `cat`, `outcome`, `reason`, `msg` | action, category, outcome, the error, the sentence |
//! | `suser`, `suid`, `spriv` | who did it: name, id, kind |
//! | `src` or `c6a2` | the address: IPv4 or IPv6 |
//! | `request`, `requestMethod`, `requestClientApplication` | what was asked for over HTTP, and by which program |
//! | `dvchost`, `destinationServiceName` | the machine and the service that told of it |
//! | `flexString1`, `flexString2` | request and session, with their labels |
//! | `fname`, `fileType` | the first target's name or id, and its type |
//!
//! Texts are cut with `…` where the format's dictionary allows no more; the whole event is in the log, under its id.

use std::fmt::Write as _;
use std::net::IpAddr;

use serde_json::value::RawValue;

use crate::limits::{CEF_CUSTOM_CHARS_MAX, CEF_TEXT_CHARS_MAX};
use crate::{Event, sentence, time};

/// Writes an event as a line, with its end. `leaf` is its leaf hash in hex.
///
/// ```
/// use indelible_connect::{Event, cef};
///
/// let event = r#"{"trail":"shop","seq":7,"id":"0190","recorded_at":"2026-01-31T10:00:00.000000Z","action":"user.login",
///     "outcome":"denied","actor":{"type":"user","id":"a|b=c"},"context":{"ip":"192.0.2.7"}}"#;
/// let event = Event::read(event).ok_or("no event")?;
/// let mut out = Vec::new();
/// cef::line(&event, "ab", &mut out);
/// let line = String::from_utf8(out)?;
/// assert!(line.starts_with("CEF:0|Indelible|Indelible|"));
/// assert!(line.contains(r"|user.login|a\|b=c tried to sign in") && line.contains("|7|rt=1769853600000 "), "{line}");
/// assert!(line.contains(r" suid=a|b\=c ") && line.contains(" src=192.0.2.7 "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn line(event: &Event, leaf: &str, out: &mut Vec<u8>) {
    message(event, leaf, CEF_CUSTOM_CHARS_MAX, out);
    out.push(b'\n');
}

/// Writes it without a line's end, with so many characters at most of its changes and of its details.
pub(crate) fn message(event: &Event, leaf: &str, free_max: usize, out: &mut Vec<u8>) {
    let said = sentence(event).to_string();
    let mut line = String::with_capacity(1024);
    line.push_str(concat!("CEF:0|Indelible|Indelible|", env!("CARGO_PKG_VERSION"), "|"));
    header(&mut line, &event.action);
    line.push('|');
    header(&mut line, &said);
    let _ = write!(line, "|{}|", severity(event));
    Extension(&mut line).all(event, leaf, &said, free_max);
    out.extend_from_slice(line.trim_end().as_bytes());
}

/// 0 to 10. An audit trail tells what happened, not how bad it is: only what did not succeed stands out.
fn severity(event: &Event) -> u8 {
    match event.outcome.as_deref() {
        Some("denied") => 7,
        Some("failure" | "error") => 5,
        _ => 3,
    }
}

/// A field of the header: only `\` and `|` mean something there.
fn header(line: &mut String, text: &str) {
    for c in text.chars().take(CEF_TEXT_CHARS_MAX) {
        match c {
            '\\' | '|' => line.extend(['\\', c]),
            c if c.is_control() => line.push(' '),
            c => line.push(c),
        }
    }
}

struct Extension<'a>(&'a mut String);

impl Extension<'_> {
    fn all(&mut self, event: &Event, leaf: &str, said: &str, free_max: usize) {
        self.millis("rt", Some(&event.recorded_at));
        self.millis("start", event.occurred_at.as_deref());
        self.text("externalId", Some(&event.id));
        self.text("act", Some(&event.action));
        self.text("cat", event.category.as_deref());
        self.text("outcome", event.outcome.as_deref());
        self.who(event);
        self.place(event);
        if let Some(error) = &event.error {
            self.text("reason", error.message.as_deref().or(error.code.as_deref()));
        }
        let mut target = String::new();
        if let Some(first) = event.targets.first() {
            self.text("fname", first.name.as_deref().or(first.id.as_deref()));
            self.text("fileType", first.kind.as_deref());
            let words = [&first.kind, &first.id, &first.name];
            let words: Vec<&str> = words.into_iter().flatten().map(String::as_str).collect();
            target = words.join(" ");
        }
        self.text("msg", Some(said));
        let correlation = event.context.as_ref().and_then(|of| of.correlation_id.as_deref());
        self.labelled("cs1", "trail", Some(&event.trail), CEF_CUSTOM_CHARS_MAX);
        self.labelled("cs2", "leafHash", Some(leaf), CEF_CUSTOM_CHARS_MAX);
        self.labelled("cs3", "correlationId", correlation, CEF_CUSTOM_CHARS_MAX);
        self.labelled("cs4", "target", Some(&target), CEF_CUSTOM_CHARS_MAX);
        let changes = event.changes.as_ref().map(|of| {
            let side = |of: &Option<Box<RawValue>>| {
                of.as_deref().map_or_else(|| "null".to_owned(), |json| json.get().to_owned())
            };
            format!("{{\"before\":{},\"after\":{}}}", side(&of.before), side(&of.after))
        });
        self.labelled("cs5", "changes", changes.as_deref(), free_max);
        let details = event.details.as_deref().map(RawValue::get);
        self.labelled("cs6", "details", details, free_max);
        let _ = write!(self.0, "cn1={} cn1Label=seq", event.seq);
    }

    fn who(&mut self, event: &Event) {
        let Some(actor) = &event.actor else { return };
        let name = actor.name.as_deref().or(actor.email.as_deref()).or(actor.id.as_deref());
        self.text("suser", name);
        self.text("suid", actor.id.as_deref());
        self.text("spriv", actor.kind.as_deref());
    }

    fn place(&mut self, event: &Event) {
        let Some(context) = &event.context else { return };
        match context.ip.as_deref().map(|ip| (ip, ip.parse())) {
            Some((ip, Ok(IpAddr::V6(_)))) => {
                self.labelled("c6a2", "Source IPv6 Address", Some(ip), CEF_TEXT_CHARS_MAX);
            }
            Some((ip, Ok(IpAddr::V4(_)))) => self.text("src", Some(ip)),
            _ => {}
        }
        self.text("dvchost", context.host.as_deref());
        self.text("destinationServiceName", context.service.as_deref());
        self.text("requestClientApplication", context.user_agent.as_deref());
        if let Some(http) = &context.http {
            self.text("request", http.path.as_deref());
            self.text("requestMethod", http.method.as_deref());
        }
        let ids = [
            ("flexString1", "requestId", &context.request_id),
            ("flexString2", "sessionId", &context.session_id),
        ];
        for (key, label, id) in ids {
            self.labelled(key, label, id.as_deref(), CEF_TEXT_CHARS_MAX);
        }
    }

    fn millis(&mut self, key: &str, at: Option<&str>) {
        if let Some(millis) = at.and_then(time::millis) {
            let _ = write!(self.0, "{key}={millis} ");
        }
    }

    fn text(&mut self, key: &str, text: Option<&str>) {
        self.value(key, text.unwrap_or_default(), CEF_TEXT_CHARS_MAX);
    }

    fn labelled(&mut self, key: &str, label: &str, text: Option<&str>, chars_max: usize) {
        if self.value(key, text.unwrap_or_default(), chars_max) {
            let _ = write!(self.0, "{key}Label={label} ");
        }
    }

    /// Whether there was anything to say. `=` and `\` mean something in a value, and a line break ends the event.
    fn value(&mut self, key: &str, text: &str, chars_max: usize) -> bool {
        if text.is_empty() || chars_max == 0 {
            return false;
        }
        self.0.push_str(key);
        self.0.push('=');
        for (at, c) in text.trim().chars().enumerate() {
            if at + 1 == chars_max && text.trim().chars().nth(at + 1).is_some() {
                self.0.push('…');
                break;
            }
            match c {
                '\\' | '=' => self.0.extend(['\\', c]),
                '\n' => self.0.push_str("\\n"),
                '\r' => self.0.push_str("\\r"),
                c if c.is_control() => self.0.push(' '),
                c => self.0.push(c),
            }
        }
        self.0.push(' ');
        true
    }
}

#[cfg(test)]
#[path = "cef_tests.rs"]
mod tests;
