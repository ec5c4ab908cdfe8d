//! Splunk's HTTP Event Collector.

use std::path::Path;
use std::time::Duration;

use indelible_event::Micros;
use indelible_log::{Entropy, hex};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use tokio::runtime::Handle;

use super::http::{self, Answer, Http, by_halves};
use super::{Context, Sink, SinkError};
use crate::limits::{ACK_POLL_FIRST, ACK_POLL_MAX, ACK_POLLS_MAX};
use crate::seam::Outgoing;
use crate::secret::{Secret, Value};
use crate::tls::ClientTls;

const DENIED: &str = "give the token of an event collector that is enabled there (Settings, Data inputs, HTTP Event Collector)";
const MISSING: &str =
    "no event collector answers at this address: its port is 8088 where nobody changed it";

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplunkTo {
    /// The address: `https://HOST:8088`.
    pub url: Value,
    /// The collector's token.
    pub token: Secret,
    /// The index; the token's own where it is not given.
    #[serde(default)]
    pub index: Option<String>,
    /// What Splunk calls the source.
    #[serde(default = "source")]
    pub source: String,
    /// By which rules Splunk reads them.
    #[serde(default = "sourcetype")]
    pub sourcetype: String,
    /// What Splunk calls the host; the receiver's own choice where it is not given.
    #[serde(default)]
    pub host: Option<String>,
    /// Waits until the indexers have them, where the token has that switched on.
    #[serde(default)]
    pub ack: bool,
    /// Whom we believe, and which certificate we show.
    #[serde(default)]
    pub tls: ClientTls,
}

fn source() -> String {
    "indelible".into()
}

fn sourcetype() -> String {
    "_json".into()
}

impl SplunkTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.token.below(dir);
        self.tls.below(dir);
    }

    /// Where to, without secrets.
    pub fn place(&self) -> String {
        let index = self.index.as_ref().map_or(String::new(), |index| format!(", index {index}"));
        format!("{}{index}", http::place(&self.url))
    }

    /// Makes the sink.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        http::reveal(&self.token)?;
        Ok(Box::new(Splunk {
            http: Http::new(&self.url, &self.tls)?,
            to: self.clone(),
            channel: channel(&*context.seams.entropy),
            runtime: context.runtime.clone(),
        }))
    }
}

/// A name of our own by which acknowledgements are asked for: a random UUID.
fn channel(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    bytes[6] = bytes[6] & 0x0F | 0x40;
    bytes[8] = bytes[8] & 0x3F | 0x80;
    let text = hex::encode(&bytes);
    let [a, b, c, d, e] = [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]];
    format!("{a}-{b}-{c}-{d}-{e}")
}

struct Splunk {
    to: SplunkTo,
    http: Http,
    channel: String,
    runtime: Handle,
}

/// An event as the collector takes it.
#[derive(Serialize)]
struct Line<'a> {
    time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<&'a str>,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<&'a str>,
    event: &'a RawValue,
    fields: Fields<'a>,
}

/// What is indexed beside it, so that it is found without reading the event.
#[derive(Serialize)]
struct Fields<'a> {
    trail: &'a str,
    seq: u64,
    leaf: String,
}

#[derive(Deserialize)]
struct When<'a> {
    #[serde(borrow, default)]
    occurred_at: Option<&'a str>,
}

/// What it answers.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    code: Option<i64>,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
    #[serde(rename = "ackId")]
    ack: Option<u64>,
}

#[derive(Deserialize)]
struct Acks {
    acks: std::collections::BTreeMap<String, bool>,
}

impl Sink for Splunk {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let token = format!("Splunk {}", http::reveal(&self.to.token)?);
        by_halves(events, &mut |events| self.post(&token, events))
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        let health = self.http.get("/services/collector/health", &[])?;
        if !health.status.is_success() {
            return Err(health.refusal(DENIED, MISSING));
        }
        let token = format!("Splunk {}", http::reveal(&self.to.token)?);
        let answer = self.http.post("/services/collector/event", &self.headers(&token), b"")?;
        match (answer.status.as_u16(), said(&answer).code) {
            // "No data": the token was taken.
            (400, Some(5)) | (200, _) => Ok(()),
            _ => Err(self.refused(&answer)),
        }
    }
}

impl Splunk {
    fn headers<'a>(&'a self, token: &'a str) -> Vec<(&'a str, &'a str)> {
        let mut headers = vec![("Authorization", token), ("Content-Type", "application/json")];
        if self.to.ack {
            headers.push(("X-Splunk-Request-Channel", &self.channel));
        }
        headers
    }

    fn post(&self, token: &str, events: &[Outgoing]) -> Result<(), SinkError> {
        if events.is_empty() {
            return Ok(());
        }
        let mut body = Vec::new();
        for event in events {
            self.line(event, &mut body)?;
        }
        let answer = self.http.post("/services/collector/event", &self.headers(token), &body)?;
        let said = said(&answer);
        if answer.status.is_success() {
            // Whoever answers well to everything has nothing of it.
            if said.code != Some(0) {
                return Err(SinkError::Wrong { why: answer.said(), hint: MISSING.into() });
            }
            return if self.to.ack { self.acknowledged(token, said.ack) } else { Ok(()) };
        }
        let refused = self.refused(&answer);
        match (refused, said.invalid) {
            // It says which one. Those before it may have been left out with it.
            (SinkError::Poison { why, .. }, Some(at)) if at > 0 && at < events.len() => {
                self.post(token, &events[..at])?;
                // Sent alone, it is refused again if it is the one.
                self.post(token, &events[at..=at]).map_err(|error| match error {
                    SinkError::Poison { .. } => SinkError::Poison { at, why },
                    other => other,
                })?;
                self.post(token, &events[at + 1..]).map_err(|error| match error {
                    SinkError::Poison { at: next, why } => {
                        SinkError::Poison { at: at + 1 + next, why }
                    }
                    other => other,
                })
            }
            (refused, _) => Err(refused),
        }
    }

    fn line(&self, event: &Outgoing, body: &mut Vec<u8>) -> Result<(), SinkError> {
        let json: &RawValue = serde_json::from_slice(&event.json)
            .map_err(|e| SinkError::Poison { at: 0, why: format!("the event is no JSON: {e}") })?;
        let when = serde_json::from_str::<When<'_>>(json.get()).ok().and_then(|w| w.occurred_at);
        let at = when.and_then(|at| Micros::parse(at).ok()).unwrap_or(event.recorded_at);
        let (seconds, micros) = (at.0.div_euclid(1_000_000), at.0.rem_euclid(1_000_000));
        let line = Line {
            time: format!("{seconds}.{micros:06}"),
            host: self.to.host.as_deref(),
            source: &self.to.source,
            sourcetype: &self.to.sourcetype,
            index: self.to.index.as_deref(),
            event: json,
            fields: Fields { trail: &event.trail, seq: event.seq, leaf: hex::encode(&event.leaf) },
        };
        serde_json::to_writer(&mut *body, &line).expect("it is written to memory");
        body.push(b'\n');
        Ok(())
    }

    /// Asks until the indexers have what was sent.
    fn acknowledged(&self, token: &str, id: Option<u64>) -> Result<(), SinkError> {
        let Some(id) = id else {
            return Err(SinkError::Wrong {
                why: "the event collector does not acknowledge".into(),
                hint: "switch indexer acknowledgement on for this token, or take `ack` away".into(),
            });
        };
        let body = format!("{{\"acks\":[{id}]}}");
        let mut pause = ACK_POLL_FIRST;
        for _ in 0..ACK_POLLS_MAX {
            let headers = self.headers(token);
            let answer = self.http.post("/services/collector/ack", &headers, body.as_bytes())?;
            if !answer.status.is_success() {
                return Err(match self.refused(&answer) {
                    SinkError::Poison { why, .. } => SinkError::Later { why, wait: None },
                    other => other,
                });
            }
            let acks = serde_json::from_slice::<Acks>(&answer.body);
            if acks.is_ok_and(|said| said.acks.get(&id.to_string()) == Some(&true)) {
                return Ok(());
            }
            self.runtime.block_on(tokio::time::sleep(pause));
            pause = (pause * 2).min(ACK_POLL_MAX);
        }
        let why = "the indexers did not acknowledge in time".into();
        Err(SinkError::Later { why, wait: Some(Duration::from_secs(1)) })
    }

    fn refused(&self, answer: &Answer) -> SinkError {
        let wrong = |hint: &str| SinkError::Wrong { why: answer.said(), hint: hint.into() };
        match (answer.status.as_u16(), said(answer).code) {
            (400, Some(7)) => wrong("create the index there, and allow it to the token"),
            (400, Some(10 | 11)) => wrong(
                "the token wants acknowledgements: set `ack: true`, or switch them off at the token",
            ),
            (400, Some(14)) => {
                wrong("switch indexer acknowledgement on for this token, or take `ack` away")
            }
            _ => answer.refusal(DENIED, MISSING),
        }
    }
}

fn said(answer: &Answer) -> Said {
    serde_json::from_slice(&answer.body).unwrap_or_default()
}

#[cfg(test)]
#[path = "splunk_tests.rs"]
mod tests;
