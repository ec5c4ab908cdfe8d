//! Signed POSTs, as Standard Webhooks says: one event a request, in order.

mod public;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use indelible_log::Clock;
use serde::Deserialize;
use sha2::Sha256;
use ureq::Agent;
use ureq::http::{StatusCode, Uri, header};
use ureq::unversioned::transport::DefaultConnector;

use super::http::{self, tls_of};
use super::{Batch, Context, Sink, SinkError};
use crate::limits::{CONNECT_TIMEOUT, SAID_BYTES_MAX, SEND_TIMEOUT, WEBHOOK_EVENTS_MAX};
use crate::seam::Outgoing;
use crate::secret::{Secret, Value};
use crate::tls::ClientTls;
use public::{Forbidden, PublicOnly};

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
        let url = self.url.reveal().ok().and_then(|url| url.parse::<Uri>().ok());
        let shown = url.and_then(|url| {
            let host = url.authority()?.as_str().rsplit('@').next()?.to_owned();
            Some(format!("{}://{host}/…", url.scheme_str()?))
        });
        shown.unwrap_or_else(|| "an address that cannot be read".into())
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
        self.url()?;
        keys(&self.secrets)?;
        let agent = self.agent()?;
        let (to, clock) = (self.clone(), context.seams.clock.clone());
        Ok(Box::new(Webhook { to, agent, clock, done: None }))
    }

    fn agent(&self) -> Result<Agent, SinkError> {
        let tls = ClientTls { ca: self.ca.clone(), ..ClientTls::default() };
        // What the environment says of proxies would undo what the resolver makes sure of.
        let config = Agent::config_builder()
            .tls_config(tls_of(&tls)?)
            .proxy(None)
            .http_status_as_error(false)
            .max_redirects(0)
            .https_only(!self.allow_http)
            .user_agent(concat!("indelible/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(SEND_TIMEOUT))
            .build();
        let resolver = PublicOnly::new(self.allow_private);
        Ok(Agent::with_parts(config, DefaultConnector::default(), resolver))
    }

    /// The address, if it is one that requests may go to.
    fn url(&self) -> Result<Uri, SinkError> {
        let wrong = |why: String| {
            SinkError::Wrong {
            why,
            hint: "a webhook's `url` is `https://HOST/PATH`, without a user; `allow_http: true` allows `http`".into(),
        }
        };
        let text = self.url.reveal().map_err(|why| SinkError::Wrong {
            why,
            hint: "set it where the server is started".into(),
        })?;
        let url: Uri = text.parse().map_err(|_| wrong("the address cannot be read".into()))?;
        let allowed = match url.scheme_str() {
            Some("https") => true,
            Some("http") => self.allow_http,
            _ => false,
        };
        if !allowed {
            let scheme = url.scheme_str().unwrap_or_default();
            return Err(wrong(format!("{scheme}:// is not allowed here")));
        }
        let user = url.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if user || url.host().is_none_or(str::is_empty) {
            return Err(wrong("the address has a user in it, or no host".into()));
        }
        Ok(url)
    }
}

/// A receiver of requests.
struct Webhook {
    to: WebhookTo,
    agent: Agent,
    clock: Arc<dyn Clock>,
    /// How many of a batch (its first and last place) were taken before it broke off: they are not sent again with it.
    done: Option<(u64, u64, usize)>,
}

impl Sink for Webhook {
    fn send(&mut self, events: &[Outgoing]) -> Result<(), SinkError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        let (first, last) = (first.pos, last.pos);
        let done = self.done.take().filter(|(a, b, _)| (*a, *b) == (first, last));
        let url = self.to.url()?;
        let keys = keys(&self.to.secrets)?;
        for (at, event) in events.iter().enumerate().skip(done.map_or(0, |(_, _, count)| count)) {
            match self.post(&url, &keys, event) {
                Ok(()) => {}
                Err(SinkError::Poison { why, .. }) => return Err(SinkError::Poison { at, why }),
                Err(error) => {
                    self.done = Some((first, last, at));
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    /// Few: the place moves when all of a batch are taken, and stopping waits for it.
    fn batch(&self) -> Batch {
        Batch { events: WEBHOOK_EVENTS_MAX, ..Batch::default() }
    }

    fn probe(&mut self) -> Result<(), SinkError> {
        let url = self.to.url()?;
        keys(&self.to.secrets)?;
        // It need not know the method: that it answers is all that is asked.
        match self.agent.head(url).call() {
            Ok(_) => Ok(()),
            Err(error) => Err(unreached(error)),
        }
    }
}

impl Webhook {
    fn post(&self, url: &Uri, keys: &[Vec<u8>], event: &Outgoing) -> Result<(), SinkError> {
        let body = body(event);
        let id = event.id.to_string();
        let seconds = self.clock.now().0.div_euclid(1_000_000).to_string();
        let request = self
            .agent
            .post(url)
            .header(header::CONTENT_TYPE, "application/json")
            .header("webhook-id", &id)
            .header("webhook-timestamp", &seconds)
            .header("webhook-signature", signatures(keys, &id, &seconds, &body));
        let mut response = request.send(&body[..]).map_err(unreached)?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let wait = response.headers().get(header::RETRY_AFTER);
        let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
        let said = response.body_mut().with_config().limit(SAID_BYTES_MAX as u64);
        let said = said.lossy_utf8(true).read_to_string().unwrap_or_default();
        Err(refused(status, wait.map(Duration::from_secs), said.trim()))
    }
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

fn refused(status: StatusCode, wait: Option<Duration>, said: &str) -> SinkError {
    let why = match said {
        "" => format!("the receiver answered {status}"),
        said => format!("the receiver answered {status}: {said}"),
    };
    let wrong = |hint: &str| SinkError::Wrong { why: why.clone(), hint: hint.into() };
    match status.as_u16() {
        300..=399 => wrong("redirects are not followed: give the address that they lead to"),
        401 | 403 => {
            wrong("the receiver does not believe the signature, or wants more: compare the secrets")
        }
        404 | 405 => wrong("nothing takes webhooks at this address: look at its path"),
        410 => wrong(
            "the receiver says that it is gone for good: take this stream out of the file, or give its new address",
        ),
        408 | 425 | 429 | 500.. => SinkError::Later { why, wait },
        _ => SinkError::Poison { at: 0, why },
    }
}

fn unreached(error: ureq::Error) -> SinkError {
    let wrong_of = |why: &str, hint: &str| SinkError::Wrong { why: why.into(), hint: hint.into() };
    let wrong = |hint: &str| wrong_of(&error.to_string(), hint);
    match &error {
        ureq::Error::Other(other) if other.is::<Forbidden>() => wrong_of(
            &other.to_string(),
            "receivers on this machine and in private networks need `allow_private: true`; what clouds keep for themselves is never sent to",
        ),
        ureq::Error::RequireHttpsOnly(_) => wrong("`allow_http: true` allows http"),
        _ => http::unreached(error),
    }
}

#[cfg(test)]
#[path = "webhook/tests.rs"]
mod tests;
