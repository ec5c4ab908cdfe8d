//! Elasticsearch and OpenSearch, by their bulk API.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indelible_event::Micros;
use serde::{Deserialize, Serialize};

use super::http::{self, Http, by_halves};
use super::{Context, Sink, SinkError};
use crate::seam::Outgoing;
use crate::secret::{Secret, Value};
use crate::tls::ClientTls;

const DENIED: &str = "give credentials that may create documents in the index (privileges create_doc, and auto_configure or create_index)";
const MISSING: &str = "no such index, or no bulk API at this address: create the index or its template, or correct `url`";
/// What is wanted of the answer: it can be as long as what was sent.
const BULK: &str =
    "/_bulk?filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason";

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ElasticsearchTo {
    /// The address: `https://HOST:9200`.
    pub url: Value,
    /// The index or data stream; `{trail}` and, by the time of recording, `{yyyy}`, `{mm}` and `{dd}` are filled in.
    #[serde(default)]
    pub index: Index,
    /// An API key, as the server gives it out (`encoded`).
    #[serde(default)]
    pub api_key: Option<Secret>,
    /// The user, with `password`.
    #[serde(default)]
    pub user: Option<String>,
    /// The password, with `user`.
    #[serde(default)]
    pub password: Option<Secret>,
    /// Whom we believe, and which certificate we show.
    #[serde(default)]
    pub tls: ClientTls,
}

/// The name of an index, with holes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Index(String);

impl Default for Index {
    fn default() -> Index {
        Index("audit-{yyyy}.{mm}".into())
    }
}

impl TryFrom<String> for Index {
    type Error = String;

    fn try_from(text: String) -> Result<Index, String> {
        let bad = || {
            format!(
                "{text:?} is no index: lower case, at most 255 bytes, not beginning with - _ + or ., with {{trail}}, {{yyyy}}, {{mm}}, {{dd}} where they are wanted"
            )
        };
        let filled = Index(text.clone()).fill("t", Micros(0));
        let odd = |c: char| c.is_whitespace() || c.is_uppercase() || "\\/*?\"<>|,#:{}".contains(c);
        let begins = filled.starts_with(['-', '_', '+', '.']);
        if filled.is_empty() || begins || filled.len() > 128 || filled.contains(odd) {
            return Err(bad());
        }
        Ok(Index(text))
    }
}

impl Index {
    fn fill(&self, trail: &str, at: Micros) -> String {
        let day = at.to_string();
        // A year beyond four digits has a sign; nothing recorded is there.
        let [year, month, date] =
            [day.get(..4), day.get(5..7), day.get(8..10)].map(|part| part.unwrap_or_default());
        let plain = |c: char| match c {
            c if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') => {
                c.to_ascii_lowercase()
            }
            _ => '_',
        };
        let trail: String = trail.chars().map(plain).collect();
        let holes = [("{yyyy}", year), ("{mm}", month), ("{dd}", date), ("{trail}", &*trail)];
        holes.iter().fold(self.0.clone(), |text, (hole, value)| text.replace(hole, value))
    }
}

impl ElasticsearchTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.tls.below(dir);
        for secret in [&mut self.api_key, &mut self.password].into_iter().flatten() {
            secret.below(dir);
        }
    }

    /// Where to, without secrets.
    pub fn place(&self) -> String {
        format!("{}, {}", http::place(&self.url), self.index.0)
    }

    /// Makes the sink.
    pub fn open(&self, _: &Context) -> Result<Box<dyn Sink>, SinkError> {
        if self.user.is_some() != self.password.is_some()
            || (self.api_key.is_some() && self.user.is_some())
        {
            return Err(SinkError::Wrong {
                why: "it is not clear who we are to the receiver".into(),
                hint: "give `api_key`, or `user` with `password`, or nothing".into(),
            });
        }
        self.authorization()?;
        Ok(Box::new(Elasticsearch { to: self.clone(), http: Http::new(&self.url, &self.tls)? }))
    }

    fn authorization(&self) -> Result<Option<String>, SinkError> {
        Ok(match (&self.api_key, &self.user, &self.password) {
            (Some(key), _, _) => Some(format!("ApiKey {}", http::reveal(key)?)),
            (None, Some(user), Some(password)) => {
                let pair = format!("{user}:{}", http::reveal(password)?);
                Some(format!("Basic {}", STANDARD.encode(pair)))
            }
            _ => None,
        })
    }
}

struct Elasticsearch {
    to: ElasticsearchTo,
    http: Http,
}

#[derive(Serialize)]
struct Action<'a> {
    create: Create<'a>,
}

#[derive(Serialize)]
struct Create<'a> {
    #[serde(rename = "_index")]
    index: &'a str,
    #[serde(rename = "_id")]
    id: &'a str,
}

#[derive(Deserialize)]
struct When<'a> {
    #[serde(borrow, default)]
    occurred_at: Option<&'a str>,
}

#[derive(Deserialize)]
struct Bulk {
    errors: bool,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    #[serde(alias = "index")]
    create: Outcome,
}

#[derive(Deserialize)]
struct Outcome {
    status: u16,
    #[serde(default)]
    error: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    #[serde(default, rename = "type")]
    kind: String,
    #[serde(default)]
    reason: String,
}

impl Sink for Elasticsearch {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let authorization = self.to.authorization()?;
        by_halves(events, &mut |events| self.post(authorization.as_deref(), events))
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        let authorization = self.to.authorization()?;
        let headers: Vec<_> =
            authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        let answer = self.http.get("/", &headers)?;
        if answer.status.is_success() { Ok(()) } else { Err(answer.refusal(DENIED, MISSING)) }
    }
}

impl Elasticsearch {
    fn post(&self, authorization: Option<&str>, events: &[Outgoing]) -> Result<(), SinkError> {
        let mut body = Vec::new();
        for event in events {
            self.lines(event, &mut body);
        }
        let mut headers = vec![("Content-Type", "application/x-ndjson")];
        headers.extend(authorization.map(|value| ("Authorization", value)));
        let answer = self.http.post(BULK, &headers, &body)?;
        if !answer.status.is_success() {
            return Err(answer.refusal(DENIED, MISSING));
        }
        let odd = |why: String| SinkError::Wrong {
            why,
            hint: "`url` must be that of Elasticsearch or OpenSearch itself".into(),
        };
        let said: Bulk = serde_json::from_slice(&answer.body)
            .map_err(|e| odd(format!("the answer is none of a bulk API: {e}")))?;
        // Whoever answers well to everything has nothing of it.
        if said.items.len() != events.len() {
            return Err(odd("the answer does not name each document".into()));
        }
        if said.errors {
            for (at, item) in said.items.into_iter().enumerate() {
                item.create.outcome(at)?;
            }
        }
        Ok(())
    }

    /// Two lines: what is to be done, and the event.
    fn lines(&self, event: &Outgoing, body: &mut Vec<u8>) {
        // Ids are unique within a trail only, and several trails may share an index.
        let id = format!("{}.{}", event.trail, event.id);
        let index = self.to.index.fill(&event.trail, event.recorded_at);
        let action = Action { create: Create { index: &index, id: &id } };
        serde_json::to_writer(&mut *body, &action).expect("it is written to memory");
        let when = serde_json::from_slice::<When<'_>>(&event.json).ok().and_then(|w| w.occurred_at);
        let at = when.map_or_else(|| event.recorded_at.to_string(), str::to_owned);
        body.extend_from_slice(format!("\n{{\"@timestamp\":\"{at}\"").as_bytes());
        let members = event.json.strip_prefix(b"{").unwrap_or(&event.json);
        if members != b"}" {
            body.push(b',');
        }
        body.extend_from_slice(members);
        body.push(b'\n');
    }
}

impl Outcome {
    /// What became of one of them.
    fn outcome(self, at: usize) -> Result<(), SinkError> {
        let (kind, reason) =
            self.error.map_or_else(Default::default, |error| (error.kind, error.reason));
        let why = format!("{} {kind}: {reason}", self.status);
        let wrong = |hint: &str| SinkError::Wrong { why: why.clone(), hint: hint.into() };
        match self.status {
            // It is there already: it was sent before.
            200..=299 | 409 => Ok(()),
            401 | 403 => Err(wrong(DENIED)),
            404 => Err(wrong(MISSING)),
            429 | 500.. => Err(SinkError::Later { why, wait: None }),
            _ if matches!(&*kind, "invalid_index_name_exception" | "index_closed_exception") => {
                Err(wrong(MISSING))
            }
            _ => Err(SinkError::Poison { at, why }),
        }
    }
}

#[cfg(test)]
#[path = "elasticsearch_tests.rs"]
mod tests;
