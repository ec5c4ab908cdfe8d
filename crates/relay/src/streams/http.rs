//! What receivers that are sent to by HTTP have in common.

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use flate2::{Compression, write::GzEncoder};
use ureq::Agent;
use ureq::http::{StatusCode, Uri, header};
use ureq::tls::{Certificate, ClientCert, PrivateKey, RootCerts, TlsConfig};

use super::SinkError;
use crate::limits::{ANSWER_BYTES_MAX, CONNECT_TIMEOUT, SAID_BYTES_MAX, SEND_TIMEOUT};
use crate::seam::Outgoing;
use crate::secret::{Secret, Value};
use crate::tls::{ClientTls, TlsTrouble, bad, certificates, file};

/// A client of one receiver. Certificates are read when it is made.
pub(super) struct Http {
    agent: Agent,
    base: String,
}

/// What a receiver answered.
pub(super) struct Answer {
    pub status: StatusCode,
    /// How long it asked to wait.
    pub wait: Option<Duration>,
    pub body: Vec<u8>,
}

impl Http {
    /// To an address of the form `https://HOST[:PORT][/PATH]`.
    pub fn new(url: &Value, tls: &ClientTls) -> Result<Http, SinkError> {
        let base = base(url)?;
        let config = Agent::config_builder()
            .tls_config(tls_of(tls)?)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("indelible/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT_TIMEOUT))
            .timeout_global(Some(SEND_TIMEOUT))
            .build();
        Ok(Http { agent: config.new_agent(), base })
    }

    /// Asks for something below the address.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, SinkError> {
        let mut request = self.agent.get(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        answer(request.call())
    }

    /// Sends something, compressed where that makes it smaller.
    pub fn post(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Answer, SinkError> {
        let mut request = self.agent.post(format!("{}{path}", self.base));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let packed = gzip(body);
        if packed.len() < body.len() {
            return answer(request.header(header::CONTENT_ENCODING, "gzip").send(&packed[..]));
        }
        answer(request.send(body))
    }
}

impl Answer {
    /// What it said, cut to what can be shown.
    pub fn said(&self) -> String {
        let text = String::from_utf8_lossy(&self.body);
        let text = text.trim();
        let end = text.floor_char_boundary(SAID_BYTES_MAX.min(text.len()));
        match &text[..end] {
            "" => format!("the receiver answered {}", self.status),
            said => format!("the receiver answered {}: {said}", self.status),
        }
    }

    /// What an answer means that is none of success. That of all that was sent at once is refused is told as poison, at 0.
    pub fn refusal(&self, denied: &str, missing: &str) -> SinkError {
        let why = self.said();
        let wrong = |hint: &str| SinkError::Wrong { why: why.clone(), hint: hint.into() };
        match self.status.as_u16() {
            300..=399 => wrong("redirects are not followed: give the address that they lead to"),
            401 | 403 => wrong(denied),
            404 | 405 => wrong(missing),
            408 | 425 | 429 | 500.. => SinkError::Later { why, wait: self.wait },
            _ => SinkError::Poison { at: 0, why },
        }
    }
}

/// Bytes as one gzip member: the same bytes each time, for no time is in it.
pub(super) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = GzEncoder::new(Vec::with_capacity(bytes.len() / 4), Compression::fast());
    packed.write_all(bytes).expect("memory takes what is written");
    packed.finish().expect("memory takes what is written")
}

/// Sends all at once; what is refused as a whole (which is told as poison at 0) is sent in halves, until it is one that
/// is refused.
pub(super) fn by_halves(
    events: &[Outgoing],
    send: &mut dyn FnMut(&[Outgoing]) -> Result<(), SinkError>,
) -> Result<(), SinkError> {
    match send(events) {
        Err(SinkError::Poison { at: 0, .. }) if events.len() > 1 => {
            let half = events.len() / 2;
            by_halves(&events[..half], send)?;
            by_halves(&events[half..], send).map_err(|error| match error {
                SinkError::Poison { at, why } => SinkError::Poison { at: half + at, why },
                other => other,
            })
        }
        other => other,
    }
}

/// A secret as it is now.
pub(super) fn reveal(secret: &Secret) -> Result<String, SinkError> {
    secret.reveal().map_err(unset)
}

fn unset(why: String) -> SinkError {
    SinkError::Wrong { why, hint: "set it where the server is started".into() }
}

/// An address without whatever it may hold of secrets.
pub(super) fn place(url: &Value) -> String {
    match base(url) {
        Ok(base) => base,
        Err(_) => "an address that cannot be read".into(),
    }
}

fn base(url: &Value) -> Result<String, SinkError> {
    let wrong = |why: &str| {
        SinkError::Wrong {
        why: why.into(),
        hint: "`url` is https://HOST:PORT, without user, query and fragment; what belongs to the receiver's API is added"
            .into(),
    }
    };
    let text = url.reveal().map_err(unset)?;
    let uri: Uri = text.trim().parse().map_err(|_| wrong("the address cannot be read"))?;
    if !matches!(uri.scheme_str(), Some("http" | "https")) {
        return Err(wrong("the address is neither https:// nor http://"));
    }
    let authority = uri.authority().map_or("", |authority| authority.as_str());
    if uri.host().is_none_or(str::is_empty) || authority.contains('@') || uri.query().is_some() {
        return Err(wrong("the address has no host, or a user or a query in it"));
    }
    Ok(text.trim().trim_end_matches('/').to_owned())
}

/// TLS as the HTTP client takes it.
pub(super) fn tls_of(tls: &ClientTls) -> Result<TlsConfig, SinkError> {
    let wrong = |trouble: TlsTrouble| SinkError::Wrong { why: trouble.why, hint: trouble.hint };
    let certs = |path: &Path| -> Result<Vec<Certificate<'static>>, SinkError> {
        let certs = certificates(path).map_err(wrong)?;
        Ok(certs.iter().map(|cert| Certificate::from_der(cert).to_owned()).collect())
    };
    let roots = match &tls.ca {
        None => RootCerts::PlatformVerifier,
        Some(path) => RootCerts::new_with_certs(&certs(path)?),
    };
    let own = match (&tls.cert, &tls.key) {
        (None, None) => None,
        (Some(cert), Some(path)) => {
            let pem = file(path).map_err(wrong)?;
            let key = PrivateKey::from_pem(&pem);
            let key = key.map_err(|_| wrong(bad(path, &"no secret key is in it")))?;
            Some(ClientCert::new_with_certs(&certs(cert)?, key))
        }
        _ => {
            let why = "one of certificate and key is missing".into();
            let hint = "`cert` and `key` are our certificate and its key (PEM), both or none";
            return Err(SinkError::Wrong { why, hint: hint.into() });
        }
    };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = TlsConfig::builder().unversioned_rustls_crypto_provider(provider);
    Ok(config.root_certs(roots).client_cert(own).build())
}

fn answer(
    answered: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Answer, SinkError> {
    let mut response = answered.map_err(unreached)?;
    let status = response.status();
    let wait = response.headers().get(header::RETRY_AFTER);
    let wait = wait.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    let body = response.body_mut().with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
    Ok(Answer { status, wait: wait.map(Duration::from_secs), body: body.map_err(unreached)? })
}

/// Why there is no answer.
pub(super) fn unreached(error: ureq::Error) -> SinkError {
    let why = format!("the receiver cannot be reached: {error}");
    let tls = match &error {
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => true,
        ureq::Error::Io(inner) => inner.get_ref().is_some_and(|inner| inner.is::<rustls::Error>()),
        _ => false,
    };
    if tls {
        let hint = "the receiver's certificate does not hold: renew it there, or name its authority with `ca`";
        return SinkError::Wrong { why, hint: hint.into() };
    }
    SinkError::Later { why, wait: None }
}
