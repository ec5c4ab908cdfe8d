//! Requests and their answers.

use std::io::Read;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use ureq::http::{self, header};
use ureq::tls::{RootCerts, TlsConfig};
use ureq::{Agent, Body, RequestBuilder};

use crate::error::{Error, Problem};
use crate::limits::{ANSWER_BYTES_MAX, ANSWER_MAX, CONNECT_MAX, DOWNLOAD_SILENCE_MAX, SILENCE_MAX};
use crate::url::path_and_query;

/// Parameters of a request, in order; a name may come several times.
pub type Params = [(String, String)];

const PROBLEM: &str = "application/problem+json";

/// How long things may take.
#[derive(Clone, Copy, Debug)]
pub struct Timeouts {
    /// Until a connection is there.
    pub connect: Duration,
    /// Until a request is answered whole.
    pub answer: Duration,
    /// How long a stream may be silent before the connection counts as broken.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { connect: CONNECT_MAX, answer: ANSWER_MAX, silence: SILENCE_MAX }
    }
}

/// A node, reached over HTTP. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    base: String,
    authorization: Option<String>,
    timeouts: Timeouts,
}

/// An answer that is not a problem.
#[derive(Debug)]
pub struct Response {
    /// The HTTP status.
    pub status: u16,
    /// What the body is.
    pub content_type: String,
    /// The body, decompressed.
    pub body: Vec<u8>,
}

impl Client {
    /// A client of the node at this address, with the key that it is to show.
    pub fn new(url: &str, key: Option<&str>) -> Result<Client, Error> {
        Client::with_timeouts(url, key, Timeouts::default())
    }

    /// Like [`Client::new`], with other patience.
    pub fn with_timeouts(
        url: &str,
        key: Option<&str>,
        timeouts: Timeouts,
    ) -> Result<Client, Error> {
        let base = url.trim_end_matches('/').to_owned();
        let wrong = |why: &str| Error::Address { url: url.to_owned(), why: why.to_owned() };
        let uri: http::Uri = base.parse().map_err(|_| wrong("is not an address"))?;
        if !matches!(uri.scheme_str(), Some("http" | "https")) || uri.host().is_none() {
            return Err(wrong("must be an address such as http://127.0.0.1:8650"));
        }
        if uri.query().is_some() {
            return Err(wrong("must not have a query"));
        }
        if key.is_some_and(|key| !key.bytes().all(|b| b.is_ascii_graphic())) {
            return Err(wrong("the key has characters that no key has"));
        }
        // A redirect to elsewhere must not carry the key there, and no node sends one.
        // The provider is named, so that no other part of the process decides it; the machine's own
        // certificates are trusted, or those that SSL_CERT_FILE names.
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = TlsConfig::builder()
            .unversioned_rustls_crypto_provider(provider)
            .root_certs(RootCerts::PlatformVerifier)
            .build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(0)
            .user_agent(concat!("indelible/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(timeouts.connect))
            .build();
        let authorization = key.map(|key| format!("Bearer {key}"));
        Ok(Client { agent: config.new_agent(), base, authorization, timeouts })
    }

    /// The address.
    pub fn url(&self) -> &str {
        &self.base
    }

    /// Asks for something.
    pub fn get(&self, path: &str, params: &Params) -> Result<Response, Error> {
        self.answered(self.authorized(self.agent.get(self.at(path, params))).call_in(self.timeouts))
    }

    /// Sends a body.
    pub fn post(
        &self,
        path: &str,
        params: &Params,
        content_type: &str,
        body: &[u8],
    ) -> Result<Response, Error> {
        let request = self.authorized(self.agent.post(self.at(path, params)));
        let request = request.header(header::CONTENT_TYPE, content_type);
        let request = request.config().timeout_global(Some(self.timeouts.answer)).build();
        self.answered(request.send(body))
    }

    /// Puts JSON somewhere.
    pub fn put(&self, path: &str, body: &[u8]) -> Result<Response, Error> {
        let request = self.authorized(self.agent.put(self.at(path, &[])));
        let request = request.header(header::CONTENT_TYPE, "application/json");
        let request = request.config().timeout_global(Some(self.timeouts.answer)).build();
        self.answered(request.send(body))
    }

    /// Removes something.
    pub fn delete(&self, path: &str) -> Result<Response, Error> {
        self.answered(self.authorized(self.agent.delete(self.at(path, &[]))).call_in(self.timeouts))
    }

    /// Opens a stream of server-sent events: its bytes as they come.
    pub(crate) fn open(
        &self,
        path: &str,
        params: &Params,
        last_id: Option<&str>,
    ) -> Result<impl Read + Send + use<>, Error> {
        let mut request = self
            .authorized(self.agent.get(self.at(path, params)))
            .header(header::ACCEPT, "text/event-stream")
            // A compressed stream would be held back until a block of it is full.
            .header(header::ACCEPT_ENCODING, "identity");
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let request = request
            .config()
            .timeout_recv_response(Some(self.timeouts.answer))
            .timeout_per_read(Some(self.timeouts.silence))
            .build();
        self.body(request.call())
    }

    /// Opens an answer of any length: its bytes as they come, decompressed. One that breaks off ends with an error.
    pub fn download(&self, path: &str, params: &Params) -> Result<impl Read + Send + use<>, Error> {
        let request = self.authorized(self.agent.get(self.at(path, params)));
        // The answer begins when the node has found the first event.
        let request = request
            .config()
            .timeout_recv_response(Some(DOWNLOAD_SILENCE_MAX))
            .timeout_per_read(Some(DOWNLOAD_SILENCE_MAX))
            .build();
        self.body(request.call())
    }

    /// The body of an answer that is as hoped.
    fn body(
        &self,
        result: Result<http::Response<Body>, ureq::Error>,
    ) -> Result<impl Read + Send + use<>, Error> {
        let response = result.map_err(|e| self.unreachable(&e))?;
        if response.status() == http::StatusCode::OK {
            return Ok(response.into_body().into_with_config().limit(u64::MAX).reader());
        }
        match self.answered(Ok(response)) {
            Err(e) => Err(e),
            Ok(other) => Err(self.strange(format_args!("status {}", other.status))),
        }
    }

    /// Reads an answer's JSON.
    pub fn json<T: DeserializeOwned>(&self, response: &Response) -> Result<T, Error> {
        serde_json::from_slice(&response.body).map_err(|e| self.strange(e))
    }

    pub(crate) fn strange(&self, why: impl std::fmt::Display) -> Error {
        Error::Strange { url: self.base.clone(), why: why.to_string() }
    }

    fn at(&self, path: &str, params: &Params) -> String {
        format!("{}{}", self.base, path_and_query(path, params))
    }

    fn authorized<B>(&self, request: RequestBuilder<B>) -> RequestBuilder<B> {
        match &self.authorization {
            Some(authorization) => request.header(header::AUTHORIZATION, authorization),
            None => request,
        }
    }

    fn answered(
        &self,
        result: Result<http::Response<Body>, ureq::Error>,
    ) -> Result<Response, Error> {
        let response = result.map_err(|e| self.unreachable(&e))?;
        let status = response.status().as_u16();
        let text = |name| {
            let value = response.headers().get(name).and_then(|value| value.to_str().ok());
            value.unwrap_or_default().to_owned()
        };
        let content_type = text(header::CONTENT_TYPE);
        let retry_after = text(header::RETRY_AFTER).parse().ok().map(Duration::from_secs);
        let body = response.into_body().into_with_config().limit(ANSWER_BYTES_MAX).read_to_vec();
        let body = body.map_err(|e| self.unreachable(&e))?;
        let is_node = content_type.starts_with(PROBLEM);
        if is_node || is_bare_failure(status, &content_type) {
            return Err(problem(status, &body, is_node, retry_after));
        }
        Ok(Response { status, content_type, body })
    }

    fn unreachable(&self, error: &ureq::Error) -> Error {
        let why = match error {
            ureq::Error::Io(e) => e.to_string(),
            ureq::Error::Timeout(_) => "no answer in time".into(),
            ureq::Error::HostNotFound => "no such host".into(),
            other => other.to_string(),
        };
        Error::Unreachable { url: self.base.clone(), why }
    }
}

/// Whether this is a failure that says nothing in our form: a proxy's, or another program's.
fn is_bare_failure(status: u16, content_type: &str) -> bool {
    status >= 300 && !content_type.contains("json")
}

fn problem(status: u16, body: &[u8], is_node: bool, retry_after: Option<Duration>) -> Error {
    let mut problem: Problem = serde_json::from_slice(body).unwrap_or_default();
    problem.status = status;
    problem.is_node = is_node;
    problem.retry_after = retry_after;
    if problem.title.is_empty() && problem.detail.is_empty() {
        let code = http::StatusCode::from_u16(status).ok();
        let reason = code.and_then(|code| code.canonical_reason()).unwrap_or("no reason given");
        problem.title = format!("status {status}: {reason}");
    }
    Error::Problem(Box::new(problem))
}

/// Requests without a body, answered whole within the time.
trait CallIn {
    fn call_in(self, timeouts: Timeouts) -> Result<http::Response<Body>, ureq::Error>;
}

impl CallIn for RequestBuilder<ureq::typestate::WithoutBody> {
    fn call_in(self, timeouts: Timeouts) -> Result<http::Response<Body>, ureq::Error> {
        self.config().timeout_global(Some(timeouts.answer)).build().call()
    }
}
