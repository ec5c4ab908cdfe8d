//! Every error of the API: RFC 9457.

use axum::extract::rejection::PathRejection;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use indelible_log::LogError;
use indelible_store::StoreError;
use serde_json::{Map, Value};

/// Where the pages that explain the types would be.
const TYPES: &str = "https://example.com/problems/";

/// An answer that says what is wrong: fix it, try again, or give up.
#[derive(Clone, Debug)]
pub struct Problem(Box<Inner>);

#[derive(Clone, Debug)]
struct Inner {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    extensions: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of this type; `kind` ends its address.
    pub fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Problem {
        let (extensions, headers) = (Map::new(), Vec::new());
        Problem(Box::new(Inner { status, kind, title, detail: detail.into(), extensions, headers }))
    }

    /// The request cannot be read.
    pub fn bad_request(detail: impl Into<String>) -> Problem {
        let title = "The request cannot be read";
        Problem::new(StatusCode::BAD_REQUEST, "bad-request", title, detail)
    }

    /// A parameter has a value that it cannot have.
    pub fn bad_parameter(name: &str, detail: impl Into<String>) -> Problem {
        let title = "A parameter cannot be read";
        Problem::new(StatusCode::BAD_REQUEST, "bad-parameter", title, detail)
            .with("parameter", name)
    }

    /// The path is there, and takes other methods.
    pub fn not_allowed() -> Problem {
        let (status, title) = (StatusCode::METHOD_NOT_ALLOWED, "Not with this method");
        Problem::new(status, "method-not-allowed", title, "this path does not take that method")
    }

    /// What was asked for is not there, or the credential may not see it.
    pub fn not_found(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::NOT_FOUND, "not-found", "There is no such thing", detail)
    }

    /// No valid credential.
    pub fn unauthorized(detail: impl Into<String>, tried: bool) -> Problem {
        // RFC 6750: an error is named only where a credential was given.
        let challenge = if tried {
            HeaderValue::from_static("Bearer realm=\"indelible\", error=\"invalid_token\"")
        } else {
            HeaderValue::from_static("Bearer realm=\"indelible\"")
        };
        let title = "A valid credential is needed";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title, detail)
            .header(header::WWW_AUTHENTICATE, challenge)
    }

    /// A credential whose role may not do this kind of thing.
    pub fn forbidden(detail: impl Into<String>) -> Problem {
        let title = "This credential's role may not do that";
        Problem::new(StatusCode::FORBIDDEN, "forbidden", title, detail)
    }

    /// What is there does not allow it now.
    pub fn conflict(kind: &'static str, detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::CONFLICT, kind, "Not as things are now", detail)
    }

    /// Too much of it at once; what is right is taken all the same.
    pub fn too_many() -> Problem {
        let (status, title) = (StatusCode::TOO_MANY_REQUESTS, "Too many tries");
        let detail = "too many sign-ins from this address were refused; wait a minute";
        Problem::new(status, "too-many-tries", title, detail)
            .header(header::RETRY_AFTER, HeaderValue::from_static("60"))
    }

    /// Larger than its limit.
    pub fn too_large(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", "Too large", detail)
    }

    /// The body did not come in time.
    pub fn too_slow() -> Problem {
        let (status, title) = (StatusCode::REQUEST_TIMEOUT, "The body came too slowly");
        Problem::new(status, "too-slow", title, "the body did not come in time")
    }

    /// A type or coding of content that is not taken.
    pub fn unsupported(detail: impl Into<String>) -> Problem {
        let (status, title) = (StatusCode::UNSUPPORTED_MEDIA_TYPE, "This content is not taken");
        Problem::new(status, "unsupported-content", title, detail)
    }

    /// It cannot be done now; nothing happened, and it may be tried again.
    pub fn unavailable(detail: impl Into<String>, retry_after_seconds: u32) -> Problem {
        let title = "Not now; try again later";
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title, detail)
            .header(header::RETRY_AFTER, HeaderValue::from(retry_after_seconds))
    }

    /// Something is wrong with the node itself.
    pub fn internal(detail: impl Into<String>) -> Problem {
        let title = "The node cannot answer this";
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", title, detail)
    }

    /// With a member of its own.
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Problem {
        self.0.extensions.insert(name.to_owned(), value.into());
        self
    }

    /// With a header field.
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Problem {
        self.0.headers.push((name, value));
        self
    }

    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// What it says.
    pub fn detail(&self) -> &str {
        &self.0.detail
    }

    /// Its body.
    pub(crate) fn shown(&self) -> Value {
        let Inner { status, kind, title, detail, extensions, .. } = &*self.0;
        let mut body = Map::new();
        body.insert("type".into(), format!("{TYPES}{kind}").into());
        body.insert("title".into(), (*title).into());
        body.insert("status".into(), status.as_u16().into());
        body.insert("detail".into(), detail.as_str().into());
        body.extend(extensions.clone());
        Value::Object(body)
    }

    /// What ends its type's address.
    pub fn kind(&self) -> &'static str {
        self.0.kind
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let json = HeaderValue::from_static("application/problem+json");
        let body = self.shown().to_string();
        let Inner { status, kind, headers, .. } = *self.0;
        let mut response = (status, [(header::CONTENT_TYPE, json)], body).into_response();
        response.headers_mut().extend(headers);
        // For the metrics, which count refusals by reason.
        response.extensions_mut().insert(Refused(kind));
        response
    }
}

/// Rides on a response that is a problem: its type.
#[derive(Clone, Copy)]
pub(crate) struct Refused(pub &'static str);

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Problem {
        match &error {
            StoreError::NotFound(_) | StoreError::Log(LogError::NotFound(_)) => {
                Problem::not_found(error.to_string())
            }
            StoreError::Log(LogError::Expired { min, .. }) => {
                let title = "It has expired, and nothing is left of it but its leaf";
                Problem::new(StatusCode::GONE, "expired", title, error.to_string())
                    .with("min", *min)
            }
            _ => {
                tracing::error!(%error, "a read failed");
                Problem::internal(error.to_string())
            }
        }
    }
}

impl From<PathRejection> for Problem {
    fn from(rejection: PathRejection) -> Problem {
        Problem::not_found(format!("no such path: {rejection}"))
    }
}
