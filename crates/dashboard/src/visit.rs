//! A visitor's request, and what is asked of the API for it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::request::Parts;
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use indelible_event::Micros;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tower::ServiceExt as _;

use crate::href::Params;
use crate::limits;
use crate::page::{self, Page};

/// What is taken along from a visitor's request to one that is made for it.
pub type Carry = fn(&Extensions, &mut Extensions);

/// The node's clock.
pub type Now = Box<dyn Fn() -> Micros + Send + Sync>;

/// The way to the API.
#[derive(Clone)]
pub struct Api(Arc<ApiInner>);

struct ApiInner {
    router: Router,
    carry: Carry,
    now: Now,
}

impl Api {
    pub fn new(router: Router, carry: Carry, now: Now) -> Api {
        Api(Arc::new(ApiInner { router, carry, now }))
    }
}

/// What the API says a credential is.
#[derive(Clone, Debug, Deserialize)]
pub struct Me {
    /// Its opaque id.
    pub id: String,
    /// What it may do.
    pub role: String,
    /// What somebody called it.
    pub name: Option<String>,
    /// The trails it is bound to.
    pub trails: Option<Vec<String>>,
}

impl Me {
    /// Whether it sees the node's own trail, and may export.
    pub fn may_audit(&self) -> bool {
        matches!(self.role.as_str(), "auditor" | "admin")
    }

    /// Whether it may change keys and settings.
    pub fn is_admin(&self) -> bool {
        self.role == "admin"
    }
}

/// Why the API gave no answer: RFC 9457, as far as pages show it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Problem {
    /// The status.
    pub status: u16,
    /// What kind of thing went wrong.
    pub title: String,
    /// What exactly.
    pub detail: String,
    /// Where in the query, if it is that.
    pub query: Option<QueryProblem>,
    /// The trails that have an event of this id, where there are several.
    pub trails: Vec<String>,
}

/// Where a query cannot be read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct QueryProblem {
    /// The column, from 1.
    pub column: usize,
    /// How many characters.
    pub length: usize,
    /// What may have been meant.
    pub hint: Option<String>,
}

impl Problem {
    /// One of ours.
    pub fn new(status: StatusCode, title: &str, detail: impl Into<String>) -> Problem {
        let (title, detail) = (title.to_owned(), detail.into());
        Problem { status: status.as_u16(), title, detail, ..Problem::default() }
    }

    pub fn broken(detail: impl Into<String>) -> Problem {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "The page cannot be shown", detail)
    }
}

/// A visitor's request. Taking one never fails; who is not signed in has no `me`.
pub struct Visit {
    api: Api,
    parts: Parts,
    /// Who it is.
    pub me: Result<Me, Problem>,
    /// The parameters of the address.
    pub params: Params,
    /// The form that was sent, if one was.
    pub form: Params,
    /// Whether only a piece of a page is wanted.
    pub fragment: bool,
    /// What it was when the visitor asked.
    pub now: Micros,
}

impl FromRequest<Api> for Visit {
    type Rejection = Infallible;

    async fn from_request(request: Request, api: &Api) -> Result<Visit, Infallible> {
        let (parts, body) = request.into_parts();
        let form = match parts.method == Method::POST {
            true => Limited::new(body, limits::FORM_BYTES_MAX).collect().await.ok(),
            false => None,
        };
        let form = form.map(|body| body.to_bytes()).unwrap_or_default();
        let mut visit = Visit {
            api: api.clone(),
            params: Params::parse(parts.uri.query().unwrap_or_default()),
            form: Params::parse(&String::from_utf8_lossy(&form)),
            // A page that the browser goes back to is wanted whole.
            fragment: parts.headers.contains_key("hx-request")
                && !parts.headers.contains_key("hx-history-restore-request"),
            me: Err(Problem::default()),
            now: (api.0.now)(),
            parts,
        };
        visit.me = visit.get("/api/me", &Params::new()).await;
        Ok(visit)
    }
}

impl Visit {
    /// The path of the address.
    pub fn path(&self) -> &str {
        self.parts.uri.path()
    }

    /// The address, to come back to.
    pub fn here(&self) -> String {
        let here = self.parts.uri.path_and_query().map_or("/", |here| here.as_str());
        if self.parts.method == Method::GET { here.to_owned() } else { "/".to_owned() }
    }

    /// The address under which the visitor asks, as far as a request tells it: for commands that are shown to be copied.
    pub fn origin(&self) -> String {
        let host = self.parts.headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = host.or_else(|| self.parts.uri.authority().map(|authority| authority.as_str()));
        let plain =
            |host: &&str| host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b));
        let host = host.filter(plain).unwrap_or("127.0.0.1:8650");
        let near = ["127.", "localhost", "[::1]"].iter().any(|near| host.starts_with(near));
        format!("{}://{host}", if near { "http" } else { "https" })
    }

    /// Who it is, or the problem that nobody is signed in.
    pub fn me(&self) -> Result<&Me, Problem> {
        self.me.as_ref().map_err(Clone::clone)
    }

    /// The value of a header field of the request.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.parts.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Who it is, if it may read at all: for pages that ask the API only later.
    pub fn reader(&self) -> Result<&Me, Problem> {
        let me = self.me()?;
        let title = "This credential's role may not do that";
        let refused =
            || Problem::new(StatusCode::FORBIDDEN, title, "Writers append, and read nothing.");
        if me.role == "writer" { Err(refused()) } else { Ok(me) }
    }

    /// The value of a cookie.
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let cookies = self.parts.headers.get_all(header::COOKIE).iter();
        let mut pairs = cookies
            .filter_map(|value| value.to_str().ok())
            .flat_map(|text| text.split(';'))
            .filter_map(|pair| pair.split_once('='));
        pairs.find(|(given, _)| given.trim() == name).map(|(_, value)| value.trim())
    }

    /// What the API answers to a `GET`, read.
    pub async fn get<T: DeserializeOwned>(
        &self,
        path: &str,
        params: &Params,
    ) -> Result<T, Problem> {
        self.get_all(path, params).await.map(|(_, answer)| answer)
    }

    /// The same, with the answer's headers.
    pub async fn get_all<T: DeserializeOwned>(
        &self,
        path: &str,
        params: &Params,
    ) -> Result<(HeaderMap, T), Problem> {
        let (headers, bytes) = self.send(Method::GET, &params.to(path), None).await?;
        let answer = serde_json::from_slice(&bytes);
        Ok((headers, answer.map_err(|e| Problem::broken(format!("{path}: {e}")))?))
    }

    /// What the API answers, as it is: headers and body.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        json: Option<serde_json::Value>,
    ) -> Result<(HeaderMap, Bytes), Problem> {
        let response = self.ask(method, path, json, HeaderMap::new()).await?;
        let headers = response.headers().clone();
        Ok((headers, body(response).await?))
    }

    /// Asks the API with the visitor's own credential; any answer but a good one is a problem. The answer's body is
    /// still to be read.
    pub async fn ask(
        &self,
        method: Method,
        address: &str,
        json: Option<serde_json::Value>,
        more: HeaderMap,
    ) -> Result<Response, Problem> {
        let bad = |e: axum::http::Error| Problem::broken(e.to_string());
        let kind = json.as_ref().map(|_| HeaderValue::from_static("application/json"));
        let sent = json.map_or_else(Body::empty, |json| Body::from(json.to_string()));
        let address: Uri = address.parse().map_err(|_| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "The address is too long",
                "Ask for less at once.",
            )
        })?;
        let request = Request::builder().method(method).uri(address).body(sent);
        let mut request = request.map_err(bad)?;
        for name in [
            header::COOKIE,
            header::AUTHORIZATION,
            header::USER_AGENT,
            header::HOST,
            header::ORIGIN,
            header::HeaderName::from_static("sec-fetch-site"),
            header::HeaderName::from_static("last-event-id"),
        ] {
            for value in self.parts.headers.get_all(&name) {
                request.headers_mut().append(&name, value.clone());
            }
        }
        request.headers_mut().extend(more);
        if let Some(kind) = kind {
            request.headers_mut().insert(header::CONTENT_TYPE, kind);
        }
        (self.api.0.carry)(&self.parts.extensions, request.extensions_mut());
        let Ok(response) = self.api.0.router.clone().oneshot(request).await;
        if response.status().is_success() {
            return Ok(response);
        }
        let status = response.status();
        let bytes = body(response).await?;
        let mut problem: Problem = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| Problem::new(status, "The node refused", status.to_string()));
        problem.status = status.as_u16();
        Err(problem)
    }

    /// The answer to the visitor: the page, or what went wrong. Who is not signed in is led to where they can.
    pub fn answer(&self, page: Result<Page, Problem>) -> Response {
        match page {
            Ok(page) if self.fragment => page.fragment(),
            Ok(page) => page.whole(self),
            Err(problem) if problem.status == 401 && !self.fragment => {
                page::see_other(&Params::new().with("next", self.here()).to("/login"))
            }
            Err(problem) => page::problem(self, &problem),
        }
    }
}

async fn body(response: Response) -> Result<Bytes, Problem> {
    let body = Limited::new(response.into_body(), limits::ANSWER_BYTES_MAX).collect().await;
    body.map(|body| body.to_bytes()).map_err(|e| Problem::broken(e.to_string()))
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        (status, self.detail).into_response()
    }
}
