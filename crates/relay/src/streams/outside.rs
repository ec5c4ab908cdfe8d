//! Receivers anywhere outside that get one `POST` an event: where requests may go, what answers mean, and what of a batch
//! need not be sent again.

mod public;

use std::path::PathBuf;
use std::time::Duration;

use ureq::Agent;
use ureq::http::{HeaderMap, StatusCode, Uri, header};
use ureq::unversioned::transport::DefaultConnector;

use super::SinkError;
use super::http::{self, tls_of};
use crate::limits::{CONNECT_TIMEOUT, SAID_BYTES_MAX, SEND_TIMEOUT};
use crate::seam::Outgoing;
use crate::secret::Value;
use crate::tls::ClientTls;
use public::{Forbidden, PublicOnly};

/// An address that people gave, and how far it is believed.
pub(super) struct Outside<'a> {
    pub url: &'a Value,
    /// Allows `http`.
    pub allow_http: bool,
    /// Allows receivers on this machine and in private networks.
    pub allow_private: bool,
    /// The authorities that the receiver's certificate must be of; the system's where it is not given.
    pub ca: Option<&'a PathBuf>,
}

impl Outside<'_> {
    /// Where to, without secrets: many a receiver has a token in its path.
    pub fn place(&self) -> String {
        let url = self.url.reveal().ok().and_then(|url| url.parse::<Uri>().ok());
        let shown = url.and_then(|url| {
            let host = url.authority()?.as_str().rsplit('@').next()?.to_owned();
            Some(format!("{}://{host}/…", url.scheme_str()?))
        });
        shown.unwrap_or_else(|| "an address that cannot be read".into())
    }

    pub fn agent(&self) -> Result<Agent, SinkError> {
        let tls = ClientTls { ca: self.ca.cloned(), ..ClientTls::default() };
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
    pub fn url(&self) -> Result<Uri, SinkError> {
        let wrong = |why: String| SinkError::Wrong {
            why,
            hint: "`url` is `https://HOST/PATH`, without a user; `allow_http: true` allows `http`"
                .into(),
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

/// Makes sure that somebody answers, sending nothing: it need not know the method.
pub(super) fn probe(agent: &Agent, url: Uri) -> Result<(), SinkError> {
    agent.head(url).call().map(drop).map_err(unreached)
}

/// Sends one body.
pub(super) fn post(
    agent: &Agent,
    url: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    hints: &Hints,
) -> Result<(), SinkError> {
    let mut request = agent.post(url).header(header::CONTENT_TYPE, "application/json");
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let mut response = request.send(body).map_err(unreached)?;
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    let wait = response.headers().get(header::RETRY_AFTER);
    let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let said = response.body_mut().with_config().limit(SAID_BYTES_MAX as u64);
    let said = said.lossy_utf8(true).read_to_string().unwrap_or_default();
    Err(refused(status, wait.map(Duration::from_secs), said.trim(), hints))
}

/// What to do about answers that mean something else to each kind of receiver.
pub(super) struct Hints {
    /// About 401 and 403.
    pub denied: &'static str,
    /// About 404 and 405.
    pub missing: &'static str,
}

fn refused(status: StatusCode, wait: Option<Duration>, said: &str, hints: &Hints) -> SinkError {
    let why = match said {
        "" => format!("the receiver answered {status}"),
        said => format!("the receiver answered {status}: {said}"),
    };
    let wrong = |hint: &str| SinkError::Wrong { why: why.clone(), hint: hint.into() };
    match status.as_u16() {
        300..=399 => wrong("redirects are not followed: give the address that they lead to"),
        401 | 403 => wrong(hints.denied),
        404 | 405 => wrong(hints.missing),
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

/// How many of a batch (its first and last place) were taken before it broke off: they are not sent again with it.
#[derive(Default)]
pub(super) struct OneByOne(Option<(u64, u64, usize)>);

impl OneByOne {
    /// Sends each that was not taken yet. What `send` may give back although the event was taken is told, and the event
    /// is not sent again.
    pub fn send(
        &mut self,
        events: &[Outgoing],
        mut send: impl FnMut(&Outgoing) -> Result<Option<SinkError>, SinkError>,
    ) -> Result<(), SinkError> {
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Ok(()) };
        let (first, last) = (first.pos, last.pos);
        let done = self.0.take().filter(|(a, b, _)| (*a, *b) == (first, last));
        for (at, event) in events.iter().enumerate().skip(done.map_or(0, |(_, _, count)| count)) {
            let (taken, error) = match send(event) {
                Ok(None) => continue,
                Ok(Some(error)) => (at + 1, error),
                Err(SinkError::Poison { why, .. }) => return Err(SinkError::Poison { at, why }),
                Err(error) => (at, error),
            };
            self.0 = Some((first, last, taken));
            return Err(error);
        }
        Ok(())
    }
}
