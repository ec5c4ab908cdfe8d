//! The settings of auditing HTTP.

use std::fmt;
use std::net::IpAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use super::client::{self, Cidr};
use super::exchange::{Exchange, Incoming};
use super::limits::SETTING_SHOWN_CHARS_MAX;
use super::pattern::{Pattern, Rule, is_beneath};
use crate::event::Text;
use crate::recorder::Recorder;

/// What is left out unless said otherwise: what machines ask every few seconds.
const EXCLUDED: [&str; 6] =
    ["/health", "/healthz", "/livez", "/readyz", "/metrics", "/favicon.ico"];
const ADMIN: [&str; 2] = ["/admin", "/api/admin"];
const LOGIN: [&str; 5] = ["*/login", "*/signin", "*/session", "*/sessions", "*/token"];
const LOGOUT: [&str; 2] = ["*/logout", "*/signout"];
const SESSIONS: [&str; 2] = ["*/session", "*/sessions"];
const SIGN_UP: [&str; 2] = ["*/register", "*/signup"];
const USERS: [&str; 1] = ["*/users"];

/// How requests are audited. Cheap to clone; the default is what most applications want.
///
/// ```
/// use indelible_recorder::http::HttpAudit;
///
/// let audit = HttpAudit::builder()
///     .exclude("/static/*")
///     .trusted_proxies(["10.0.0.0/8", "::1"])
///     .rule("POST", "/backups/{id}/restore", "admin_action", "backup.restore")
///     .service("billing")
///     .build()?;
/// # Ok::<(), indelible_recorder::http::SettingError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HttpAudit(pub(super) Arc<Settings>);

pub(super) struct Settings {
    excluded: Vec<Pattern>,
    pub(super) record_reads: bool,
    trusted: Vec<Cidr>,
    client_header: Option<String>,
    pub(super) correlation_header: String,
    pub(super) service: Option<Text>,
    rules: Vec<Rule>,
    routes: Vec<(String, String)>,
    admin: Vec<String>,
    pub(super) login: Vec<Pattern>,
    pub(super) logout: Vec<Pattern>,
    pub(super) sessions: Vec<Pattern>,
    pub(super) sign_up: Vec<Pattern>,
    pub(super) users: Vec<Pattern>,
    trail: Option<TrailOf>,
    #[cfg(feature = "jwt")]
    pub(super) jwt: Option<super::jwt::Verifier>,
}

type TrailOf = Box<dyn Fn(&Incoming<'_>) -> Option<Text> + Send + Sync>;

/// A setting that cannot be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{setting} {text:?}: {why}")]
pub struct SettingError {
    setting: &'static str,
    text: String,
    why: &'static str,
}

impl SettingError {
    fn new(setting: &'static str, text: &str, why: &'static str) -> SettingError {
        let text = text.chars().take(SETTING_SHOWN_CHARS_MAX).collect();
        SettingError { setting, text, why }
    }
}

impl Default for HttpAudit {
    fn default() -> HttpAudit {
        HttpAudit::builder().build().expect("the defaults are in their form")
    }
}

impl HttpAudit {
    /// Settings to change.
    pub fn builder() -> HttpAuditBuilder {
        HttpAuditBuilder::new()
    }

    /// Begins to audit a request; nothing, if its path is left out.
    pub fn begin(&self, recorder: &Recorder, request: Incoming<'_>) -> Option<Exchange> {
        let excluded = self.0.excluded.iter().any(|pattern| pattern.matches(request.path()));
        (!excluded).then(|| Exchange::begin(self, recorder, request))
    }

    /// The header that carries correlation ids, in lower case.
    pub fn correlation_header(&self) -> &str {
        &self.0.correlation_header
    }

    /// Lists the routes that were named to the builder in the recorder's coverage, so that those show
    /// that never record anything. Integrations call it as they are set up.
    ///
    /// ```
    /// use indelible_recorder::Recorder;
    /// use indelible_recorder::http::HttpAudit;
    ///
    /// let recorder = Recorder::memory();
    /// HttpAudit::builder().routes([("PUT", "/users/{id}")]).build()?.declare(&recorder);
    /// assert_eq!(recorder.coverage().forgotten()[0].route, "/users/{id}");
    /// # Ok::<(), indelible_recorder::http::SettingError>(())
    /// ```
    pub fn declare(&self, recorder: &Recorder) {
        for (method, route) in &self.0.routes {
            recorder.coverage().declare(method, route);
        }
    }
}

impl Settings {
    pub(super) fn client(&self, request: &Incoming<'_>) -> Option<IpAddr> {
        let header = self.client_header.as_deref();
        client::client(request.peer, &self.trusted, header, request.headers)
    }

    /// Whether the other end of a connection is one of the trusted proxies.
    pub(super) fn trusts(&self, peer: Option<IpAddr>) -> bool {
        peer.is_some_and(|peer| client::is_trusted(peer, &self.trusted))
    }

    pub(super) fn rule(&self, method: &str, route: Option<&str>, path: &str) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.matches(method, route, path))
    }

    pub(super) fn is_admin(&self, path: &str) -> bool {
        self.admin.iter().any(|front| is_beneath(path, front))
    }

    /// The trail that the application's function names. One that panics must not cost the request.
    pub(super) fn trail(&self, request: &Incoming<'_>) -> Option<Text> {
        let named = self.trail.as_ref()?;
        catch_unwind(AssertUnwindSafe(|| named(request))).unwrap_or_else(|_| {
            tracing::warn!("the function that names the trail of a request panicked");
            None
        })
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("excluded", &self.excluded)
            .field("record_reads", &self.record_reads)
            .field("rules", &self.rules)
            .finish_non_exhaustive()
    }
}

/// Settings of an [`HttpAudit`] as they are put together; what is wrong with them [`build`](HttpAuditBuilder::build) says.
#[must_use = "settings do nothing until they are built"]
pub struct HttpAuditBuilder {
    settings: Settings,
    trouble: Option<SettingError>,
}

impl HttpAuditBuilder {
    fn new() -> HttpAuditBuilder {
        let settings = Settings {
            excluded: Vec::new(),
            record_reads: false,
            trusted: Vec::new(),
            client_header: None,
            correlation_header: "x-correlation-id".into(),
            service: None,
            rules: Vec::new(),
            routes: Vec::new(),
            admin: Vec::new(),
            login: Vec::new(),
            logout: Vec::new(),
            sessions: Vec::new(),
            sign_up: Vec::new(),
            users: Vec::new(),
            trail: None,
            #[cfg(feature = "jwt")]
            jwt: None,
        };
        let mut builder = HttpAuditBuilder { settings, trouble: None };
        builder.settings.excluded = builder.patterns("a path to leave out", EXCLUDED);
        builder.settings.login = builder.patterns("a login route", LOGIN);
        builder.settings.logout = builder.patterns("a logout route", LOGOUT);
        builder.settings.sessions = builder.patterns("a logout route", SESSIONS);
        builder.settings.sign_up = builder.patterns("a sign-up route", SIGN_UP);
        builder.settings.users = builder.patterns("a sign-up route", USERS);
        builder.settings.admin = ADMIN.map(str::to_owned).into();
        builder
    }

    fn patterns<'a>(
        &mut self,
        setting: &'static str,
        texts: impl IntoIterator<Item = &'a str>,
    ) -> Vec<Pattern> {
        let mut patterns = Vec::new();
        for text in texts {
            match Pattern::parse(text) {
                Ok(pattern) => patterns.push(pattern),
                Err(why) => self.refuse(setting, text, why),
            }
        }
        patterns
    }

    fn refuse(&mut self, setting: &'static str, text: &str, why: &'static str) {
        self.trouble.get_or_insert_with(|| SettingError::new(setting, text, why));
    }

    /// Leaves out another path: `/ping` is that path, `/static/*` all beneath it, `*/ping` all that end so.
    pub fn exclude(mut self, path: &str) -> Self {
        let more = self.patterns("a path to leave out", [path]);
        self.settings.excluded.extend(more);
        self
    }

    /// Leaves out nothing, not even the paths that are left out unless said otherwise (`/health`, `/metrics`, …).
    pub fn exclude_nothing(mut self) -> Self {
        self.settings.excluded.clear();
        self
    }

    /// Whether reads (GET, HEAD, OPTIONS, TRACE) that succeed are recorded, too. Those that fail always are.
    pub fn record_reads(mut self, record: bool) -> Self {
        self.settings.record_reads = record;
        self
    }

    /// The proxies and services whose word about a client's address is taken: ranges such as `10.0.0.0/8`, or
    /// addresses. Theirs are also the only correlation ids by which rates leave requests out; they should hand on
    /// none that a client of theirs chose.
    pub fn trusted_proxies<'a>(mut self, ranges: impl IntoIterator<Item = &'a str>) -> Self {
        for text in ranges {
            match Cidr::parse(text) {
                Ok(range) => self.settings.trusted.push(range),
                Err(why) => self.refuse("a trusted proxy", text, why),
            }
        }
        self
    }

    /// The one header in which trusted proxies name the client; `X-Forwarded-For`, or `Forwarded` where there is
    /// none, unless said otherwise. Name it if your proxies do not overwrite or extend `X-Forwarded-For`:
    /// what they pass on untouched their clients may have made up.
    pub fn client_address_header(mut self, name: &str) -> Self {
        let name = self.header("a client address header", name);
        self.settings.client_header = name;
        self
    }

    /// The header that carries correlation ids; `X-Correlation-ID` unless said otherwise.
    pub fn correlation_header(mut self, name: &str) -> Self {
        if let Some(name) = self.header("a correlation header", name) {
            self.settings.correlation_header = name;
        }
        self
    }

    /// A header's name in lower case, if it can be one.
    fn header(&mut self, setting: &'static str, name: &str) -> Option<String> {
        let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if name.is_empty() || name.len() > 128 || !name.bytes().all(token) {
            self.refuse(setting, name, "it cannot be the name of a header");
            return None;
        }
        Some(name.to_ascii_lowercase())
    }

    /// The service that answers the requests.
    pub fn service(mut self, service: impl Into<Text>) -> Self {
        self.settings.service = Some(service.into());
        self
    }

    /// What requests of a route are: their category and action, where they succeed; those that are denied
    /// or fail keep the category that says so. They are recorded even where they read. `*` is every method.
    pub fn rule(
        mut self,
        method: &str,
        route: &str,
        category: impl Into<Text>,
        action: impl Into<Text>,
    ) -> Self {
        if !route.starts_with('/') {
            self.refuse("a rule's route", route, "a route begins with /");
        }
        let method = (method != "*").then(|| method.to_owned());
        let (category, action) = (category.into(), action.into());
        self.settings.rules.push(Rule { method, route: route.to_owned(), category, action });
        self
    }

    /// Names routes, so that the recorder's coverage lists them even if they are never requested.
    pub fn routes<'a>(mut self, routes: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let owned = |(method, route): (&str, &str)| (method.to_owned(), route.to_owned());
        self.settings.routes.extend(routes.into_iter().map(owned));
        self
    }

    /// Another path beneath which everything is the work of administrators, beside `/admin` and `/api/admin`.
    pub fn admin_prefix(mut self, prefix: &str) -> Self {
        if !prefix.starts_with('/') {
            self.refuse("an admin prefix", prefix, "a path begins with /");
        }
        self.settings.admin.push(super::pattern::trimmed(prefix).to_owned());
        self
    }

    /// Another route to which users POST to log in, beside `*/login`, `*/signin`, `*/session`, `*/sessions`, `*/token`.
    pub fn login_route(mut self, path: &str) -> Self {
        let more = self.patterns("a login route", [path]);
        self.settings.login.extend(more);
        self
    }

    /// Another route on which users log out, beside `*/logout`, `*/signout`, and DELETE of `*/session` and `*/sessions`.
    pub fn logout_route(mut self, path: &str) -> Self {
        let more = self.patterns("a logout route", [path]);
        self.settings.logout.extend(more);
        self
    }

    /// Another route to which users POST to register, beside `*/register` and `*/signup`; a POST to `*/users` creates one, too.
    pub fn sign_up_route(mut self, path: &str) -> Self {
        let more = self.patterns("a sign-up route", [path]);
        self.settings.sign_up.extend(more);
        self
    }

    /// Which trail (tenant) a request belongs to, from what it says. It must not be a thing that
    /// callers can make up, unless they may choose.
    ///
    /// ```
    /// use indelible_recorder::http::HttpAudit;
    ///
    /// let audit = HttpAudit::builder().trail_from(|request| Some(request.header("x-tenant")?.into()));
    /// ```
    pub fn trail_from(
        mut self,
        named: impl Fn(&Incoming<'_>) -> Option<Text> + Send + Sync + 'static,
    ) -> Self {
        self.settings.trail = Some(Box::new(named));
        self
    }

    /// Takes the user from the `Authorization: Bearer` token, if this verifies it.
    #[cfg(feature = "jwt")]
    pub fn jwt(mut self, verifier: super::jwt::Verifier) -> Self {
        self.settings.jwt = Some(verifier);
        self
    }

    /// The settings, or the first that cannot be.
    ///
    /// ```
    /// use indelible_recorder::http::HttpAudit;
    ///
    /// let error = HttpAudit::builder().trusted_proxies(["10.0.0.0/33"]).build().unwrap_err();
    /// assert!(error.to_string().contains("10.0.0.0/33"));
    /// ```
    pub fn build(self) -> Result<HttpAudit, SettingError> {
        match self.trouble {
            Some(trouble) => Err(trouble),
            None => Ok(HttpAudit(Arc::new(self.settings))),
        }
    }
}
