//! Who asks: what a handler sees of a credential.

use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use indelible_event::{Micros, TrailName};
use indelible_log::TrailStatus;

use super::{key, role::Role, session};
use crate::problem::Problem;
use crate::state::AppState;

/// What kind of credential it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallerKind {
    /// An API key.
    Key,
    /// A JWT.
    Jwt,
    /// A browser's session.
    Session,
    /// This process itself, which has the directory open.
    Local,
}

impl CallerKind {
    /// Its name in `GET /api/me`.
    pub fn name(self) -> &'static str {
        match self {
            CallerKind::Key => "key",
            CallerKind::Jwt => "jwt",
            CallerKind::Session => "session",
            CallerKind::Local => "local",
        }
    }
}

/// The request, as far as it is recorded.
#[derive(Clone, Debug)]
pub struct RequestInfo {
    /// Its id: the caller's own, or one we made.
    pub id: Arc<str>,
    /// Where it came from.
    pub ip: Option<IpAddr>,
    /// What sent it.
    pub user_agent: Option<Box<str>>,
    /// How.
    pub method: Method,
    /// Its path, without the query.
    pub path: Box<str>,
    /// The public id of the browser's session that it belongs to.
    pub session: Option<Arc<str>>,
}

/// The id of a request, in its extensions.
#[derive(Clone)]
pub(crate) struct RequestId(pub Arc<str>);

/// The other end of the connection, in a request's extensions.
#[derive(Clone, Copy)]
pub(crate) struct Peer(pub IpAddr);

/// In a request's extensions: it was made in this process, over no network.
#[derive(Clone, Copy)]
pub(crate) struct OwnRequest;

impl RequestInfo {
    /// Of what was asked over no network.
    pub(crate) fn none() -> RequestInfo {
        let (id, method) = ("".into(), Method::GET);
        RequestInfo { id, ip: None, user_agent: None, method, path: "".into(), session: None }
    }

    pub(crate) fn of(parts: &Parts) -> RequestInfo {
        let agent = parts.headers.get(header::USER_AGENT);
        RequestInfo {
            id: parts.extensions.get::<RequestId>().map_or_else(|| "".into(), |id| id.0.clone()),
            ip: parts.extensions.get::<Peer>().map(|peer| peer.0),
            user_agent: agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into()),
            method: parts.method.clone(),
            path: parts.uri.path().into(),
            session: None,
        }
    }
}

/// A valid credential and what it may do. What it may not see does not exist for it (404); what its role may not
/// do at all is refused as such (403).
#[derive(Clone, Debug)]
pub struct Caller {
    /// What kind of credential.
    pub kind: CallerKind,
    /// Its opaque id, which stands in `recorded_by`: `key:<16 hex>`, `jwt:<16 hex>`, `session:<16 hex>` or `local`.
    /// A session that began with a key has the key's.
    pub id: Arc<str>,
    /// What somebody called it.
    pub name: Option<Arc<str>>,
    /// What it may do.
    pub role: Role,
    /// The trails it is bound to; `None` is all that its role allows.
    pub trails: Option<Arc<[TrailName]>>,
    /// A JWT's `sub`, which is sealed into the events it brings.
    pub subject: Option<Arc<str>>,
    /// When a JWT expires; whatever else ends is known here.
    pub until: Option<Micros>,
    /// The request it came with.
    pub request: RequestInfo,
}

impl Caller {
    /// Whoever has the directory open, over no network.
    pub(crate) fn local(request: RequestInfo) -> Caller {
        Caller {
            kind: CallerKind::Local,
            id: "local".into(),
            name: None,
            role: Role::Admin,
            trails: None,
            subject: None,
            until: None,
            request,
        }
    }

    fn is_bound_to(&self, trail: &TrailName) -> bool {
        self.trails.as_ref().is_none_or(|trails| trails.contains(trail))
    }

    /// Whether it may read this trail.
    pub fn may_read(&self, trail: &TrailName) -> bool {
        let system = *trail == TrailName::system();
        self.role.may_read() && (!system || self.role.may_audit()) && self.is_bound_to(trail)
    }

    /// Whether it may append to this trail.
    pub fn may_append(&self, trail: &TrailName) -> bool {
        self.role.may_append() && *trail != TrailName::system() && self.is_bound_to(trail)
    }

    /// 403 unless its role reads.
    pub fn require_read(&self) -> Result<(), Problem> {
        self.require(self.role.may_read(), "reads")
    }

    /// 403 unless its role appends.
    pub fn require_append(&self) -> Result<(), Problem> {
        self.require(self.role.may_append(), "appends")
    }

    /// 403 unless its role exports.
    pub fn require_export(&self) -> Result<(), Problem> {
        self.require(self.role.may_audit(), "exports")
    }

    /// 403 unless it is an admin.
    pub fn require_admin(&self) -> Result<(), Problem> {
        self.require(self.role == Role::Admin, "changes keys and settings")
    }

    fn require(&self, may: bool, what: &str) -> Result<(), Problem> {
        let refused = || Problem::forbidden(format!("the role {} never {what}", self.role));
        may.then_some(()).ok_or_else(refused)
    }

    /// The trails it may read, `_system` first if it is among them.
    pub fn readable(&self, state: &AppState) -> Vec<TrailStatus> {
        let mut trails = state.reader().trails();
        trails.retain(|trail| self.may_read(&trail.info.name));
        trails
    }

    /// A trail by its name, if there is one that it may read; else 404, which does not tell the two apart.
    pub fn readable_trail(&self, state: &AppState, name: &str) -> Result<TrailStatus, Problem> {
        let shown: String = name.chars().take(128).collect();
        let missing = || Problem::not_found(format!("there is no trail named {shown}"));
        let name = super::registry::trail_name(name).filter(|name| self.may_read(name));
        state.reader().trail(&name.ok_or_else(missing)?).map_err(|_| missing())
    }
}

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Caller, Problem> {
        admit(parts, state, Schemes::Bearer).await
    }
}

/// A caller at a door that others' clients know: some of them can send a credential only in the way of the system that
/// they were made for.
pub(crate) struct Sender(pub Caller);

impl FromRequestParts<AppState> for Sender {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &AppState) -> Result<Sender, Problem> {
        admit(parts, state, Schemes::All).await.map(Sender)
    }
}

/// How a credential may be sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schemes {
    Bearer,
    /// Also as the password of `Basic`, and as an `ApiKey`.
    All,
}

async fn admit(parts: &Parts, state: &AppState, schemes: Schemes) -> Result<Caller, Problem> {
    let request = RequestInfo::of(parts);
    if state.is_local() || parts.extensions.get::<OwnRequest>().is_some() {
        return Ok(Caller::local(request));
    }
    match credential(&parts.headers, state.is_secure(), schemes)? {
        Credential::Bearer(token) if key::looks_like(&token) => state.admit_key(&token, request),
        Credential::Bearer(token) => state.admit_jwt(&token, request).await,
        Credential::Cookie(value) => {
            if !parts.method.is_safe() && !from_own_page(parts, state) {
                let refused = "a session may change something only from this node's own pages";
                return Err(Problem::forbidden(refused));
            }
            state.admit_session(value, request)
        }
        Credential::None => {
            let detail = "send an API key as Authorization: Bearer, or open the one-time link";
            Err(Problem::unauthorized(detail, false))
        }
    }
}

enum Credential<'a> {
    Bearer(Cow<'a, str>),
    Cookie(&'a str),
    None,
}

fn credential(
    headers: &HeaderMap,
    secure: bool,
    schemes: Schemes,
) -> Result<Credential<'_>, Problem> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    if let Some(value) = given.next() {
        let bad = || Problem::unauthorized("Authorization must be one Bearer credential", true);
        let text = value.to_str().map_err(|_| bad())?;
        let (scheme, token) = text.split_once(' ').ok_or_else(bad)?;
        let token = token.trim();
        let token = match scheme.to_ascii_lowercase().as_str() {
            _ if given.next().is_some() => None,
            "bearer" => Some(token.into()),
            "apikey" if schemes == Schemes::All && key::looks_like(token) => Some(token.into()),
            "apikey" | "basic" if schemes == Schemes::All => second(token).map(Cow::Owned),
            _ => None,
        };
        return token.map(Credential::Bearer).ok_or_else(bad);
    }
    Ok(session_cookie(headers, secure).map_or(Credential::None, Credential::Cookie))
}

/// What stands behind the colon of a coded pair: the password of `Basic`, and the key of an `ApiKey` with its id.
fn second(coded: &str) -> Option<String> {
    let text = String::from_utf8(BASE64_STANDARD.decode(coded).ok()?).ok()?;
    text.split_once(':').map(|(_, secret)| secret.to_owned())
}

/// The value of the session's cookie.
pub(crate) fn session_cookie(headers: &HeaderMap, secure: bool) -> Option<&str> {
    let wanted = session::cookie_name(secure);
    let cookies = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs =
        cookies.flat_map(|text| text.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(name, _)| name.trim() == wanted).map(|(_, value)| value.trim())
}

/// Whether a page of this node made a browser send this. A browser sends its cookie with whatever another site makes it
/// send, so what changes something must come from our own pages.
pub(crate) fn from_own_page(parts: &Parts, state: &AppState) -> bool {
    let text = |name: &str| parts.headers.get(name).and_then(|value| value.to_str().ok());
    let own = |origin: &str| {
        let host = origin.split_once("://").map(|(_, host)| host);
        origin == state.public_url() || host.is_some() && host == text("host")
    };
    let fetch = text("sec-fetch-site");
    match text("origin") {
        Some(origin) => own(origin) && fetch.is_none_or(|site| site == "same-origin"),
        None => fetch == Some("same-origin"),
    }
}
