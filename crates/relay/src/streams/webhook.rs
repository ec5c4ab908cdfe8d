//! Signed POSTs, as Standard Webhooks says: one event a request, in order.

use std::path::Path;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use indelible_log::Clock;
use serde::Deserialize;
use sha2::Sha256;
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderValue, Uri};

use super::outside::{self, Hints, OneByOne, Outside};
use super::{Batch, Context, Sink, SinkError};
use crate::limits::WEBHOOK_EVENTS_MAX;
use crate::seam::Outgoing;
use crate::secret::{Secret, Value};

const HINTS: Hints = Hints {
    denied: "the receiver does not believe the signature, or wants more: compare the secrets",
    missing: "nothing takes webhooks at this address: look at its path",
};

/// What a secret's text begins with.
const SECRET_PREFIX: &str = "whsec_";

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WebhookTo {
    /// The address; `https`.
    pub url: Value,
    /// What requests are signed with: `whsec_…`, base64 of 24 to 64 bytes. While one is being exchanged for another, both.
    pub secrets: Vec<Secret>,
    /// Allows `http`.
    #[serde(default)]
    pub allow_http: bool,
    /// Allows receivers on this machine and in private networks.
    #[serde(default)]
    pub allow_private: bool,
    /// The authorities that the receiver's certificate must be of (PEM); the system's where it is not given.
    #[serde(default)]
    pub ca: Option<std::path::PathBuf>,
}

impl WebhookTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
        self.secrets.iter_mut().for_each(|secret| secret.below(dir));
        if let Some(ca) = &mut self.ca {
            *ca = dir.join(&*ca);
        }
    }

    /// Where to, without secrets: many a receiver has a token in its path.
    pub fn place(&self) -> String {
        self.outside().place()
    }

    /// Makes the sink.
    pub fn open(&self, context: &Context) -> Result<Box<dyn Sink>, SinkError> {
        let wrong = |why: &str, hint: &str| SinkError::Wrong { why: why.into(), hint: hint.into() };
        if self.secrets.is_empty() {
            let hint = "give one: `secrets: [ { env: WEBHOOK_SECRET } ]`, with `whsec_` and base64 of 32 random bytes in it";
            return Err(wrong(
                "a webhook without a secret cannot be believed by its receiver",
                hint,
            ));
        }
        self.outside().url()?;
        keys(&self.secrets)?;
        let agent = self.outside().agent()?;
        let (to, clock) = (self.clone(), context.seams.clock.clone());
        Ok(Box::new(Webhook { to, agent, clock, sent: OneByOne::default() }))
    }

    fn outside(&self) -> Outside<'_> {
        Outside {
            url: &self.url,
            allow_http: self.allow_http,
            allow_private: self.allow_private,
            ca: self.ca.as_ref(),
        }
    }
}

/// A receiver of requests.
struct Webhook {
    to: WebhookTo,
    agent: Agent,
    clock: Arc<dyn Clock>,
    sent: OneByOne,
}

impl Sink for Webhook {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let url = self.to.outside().url()?;
        let keys = keys(&self.to.secrets)?;
        let (agent, clock) = (&self.agent, &*self.clock);
        self.sent.send(events, |event| post(agent, clock, &url, &keys, event).map(|()| None))
    }

    /// Few: the place moves when all of a batch are taken, and stopping waits for it.
    fn batch(&self) -> Batch {
        Batch { events: WEBHOOK_EVENTS_MAX, ..Batch::default() }
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        let url = self.to.outside().url()?;
        keys(&self.to.secrets)?;
        outside::probe(&self.agent, url)
    }
}

fn post(
    agent: &Agent,
    clock: &dyn Clock,
    url: &Uri,
    keys: &[Vec<u8>],
    event: &Outgoing,
) -> Result<(), SinkError> {
    let body = body(event);
    let id = event.id.to_string();
    let seconds = clock.now().0.div_euclid(1_000_000).to_string();
    let mut headers = HeaderMap::new();
    let signatures = signatures(keys, &id, &seconds, &body);
    for (name, value) in
        [("webhook-id", id), ("webhook-timestamp", seconds), ("webhook-signature", signatures)]
    {
        let value = HeaderValue::try_from(value).expect("ids, numbers and base64 are ASCII");
        headers.insert(name, value);
    }
    outside::post(agent, url, &headers, &body, &HINTS)
}

/// `{"type","timestamp","data"}`, as the standard recommends.
fn body(event: &Outgoing) -> Vec<u8> {
    #[derive(Deserialize)]
    struct Action<'a> {
        action: std::borrow::Cow<'a, str>,
    }
    let action = serde_json::from_slice::<Action<'_>>(&event.json);
    let action = action.map_or_else(|_| "event".into(), |read| read.action.into_owned());
    let mut body = Vec::with_capacity(event.json.len() + 128);
    body.extend_from_slice(b"{\"type\":");
    serde_json::to_writer(&mut body, &action).expect("a text is written to memory");
    body.extend_from_slice(
        format!(",\"timestamp\":\"{}\",\"data\":", event.recorded_at).as_bytes(),
    );
    body.extend_from_slice(&event.json);
    body.push(b'}');
    body
}

/// One signature a key, each over id, time and body: neither can be exchanged, and an old request is no new one.
fn signatures(keys: &[Vec<u8>], id: &str, seconds: &str, body: &[u8]) -> String {
    let sign = |key: &Vec<u8>| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
        for piece in [id.as_bytes(), b".", seconds.as_bytes(), b".", body] {
            mac.update(piece);
        }
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    keys.iter().map(sign).collect::<Vec<String>>().join(" ")
}

/// The keys as they are now, so that a renewed one counts at once.
fn keys(secrets: &[Secret]) -> Result<Vec<Vec<u8>>, SinkError> {
    let read = |secret: &Secret| {
        let wrong = |why: String| SinkError::Wrong {
            why,
            hint: "a webhook's secret is `whsec_` and base64 of 24 to 64 random bytes".into(),
        };
        let text = secret.reveal().map_err(wrong)?;
        let key = text.strip_prefix(SECRET_PREFIX).and_then(|text| STANDARD.decode(text).ok());
        key.filter(|key| (24..=64).contains(&key.len())).ok_or_else(|| {
            wrong("a webhook's secret is not of the form that the standard says".into())
        })
    };
    secrets.iter().map(read).collect()
}

#[cfg(test)]
#[path = "webhook/tests.rs"]
mod tests;
