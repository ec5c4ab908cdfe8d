//! One request and its answer, recorded once, however it ends.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use indelible_event::{EventId, Micros, Outcome};

use super::classify::{Answer, Asked, Class, Verb};
use super::headers;
use super::limits::METHOD_BYTES_MAX;
use super::notes::{RequestNotes, nothing_around};
use super::route::without_secrets;
use super::settings::HttpAudit;
use crate::clock;
use crate::context::{Context, Entered, Http, Scope};
use crate::event::{Actor, Event, Text};
use crate::recorder::Recorder;

/// A look-up in a request's headers: gives each line of the header with this name, in lower case, in order.
pub type Lines<'a> = &'a dyn Fn(&str, &mut dyn FnMut(&[u8]));

/// A request as it comes in.
#[derive(Clone)]
pub struct Incoming<'a> {
    method: &'a str,
    path: &'a str,
    route: Option<&'a str>,
    pub(super) peer: Option<IpAddr>,
    actor: Option<Actor>,
    pub(super) headers: Lines<'a>,
}

impl<'a> Incoming<'a> {
    /// A request with this method, path and headers. A query behind the path is cut off: it may hold secrets.
    pub fn new(method: &'a str, path: &'a str, headers: Lines<'a>) -> Incoming<'a> {
        let path = path.split(['?', '#']).next().unwrap_or_default();
        Incoming { method, path, route: None, peer: None, actor: None, headers }
    }

    /// The template of the route that takes it, such as `/users/{id}`, if there is one.
    pub fn route(mut self, route: Option<&'a str>) -> Incoming<'a> {
        self.route = route;
        self
    }

    /// The other end of its connection.
    pub fn peer(mut self, peer: Option<IpAddr>) -> Incoming<'a> {
        self.peer = peer;
        self
    }

    /// The user, where the application knows already.
    pub fn user(mut self, actor: Option<Actor>) -> Incoming<'a> {
        self.actor = actor;
        self
    }

    /// Its method.
    pub fn method(&self) -> &str {
        self.method
    }

    /// Its path, without a query.
    pub fn path(&self) -> &str {
        self.path
    }

    /// The first line of a header; the name in lower case.
    pub fn header(&self, name: &str) -> Option<String> {
        headers::first(self.headers, name, usize::MAX)
    }
}

impl std::fmt::Debug for Incoming<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Incoming");
        shown.field("method", &self.method).field("path", &self.path).finish_non_exhaustive()
    }
}

/// A request in progress. The integration says how it is answered; dropped before that, the client went away. It is
/// recorded in either case, once.
#[derive(Debug)]
#[must_use = "dropping an exchange records that the client went away"]
pub struct Exchange {
    recorder: Recorder,
    audit: HttpAudit,
    notes: RequestNotes,
    verb: Verb,
    /// What the client says. Only an answer with a `grpc-status` shows that it is true.
    grpc: bool,
    bad_token: bool,
    at: Micros,
    started: Instant,
    status: Option<u16>,
    grpc_status: Option<u16>,
    /// Bytes of the body that were handed out, and how many there are, if that is known.
    sent: u64,
    expected: Option<u64>,
    over: bool,
}

/// How an exchange comes to its end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ending {
    Answered,
    Gone,
    Panicked,
    Failed,
    BodyFailed,
}

impl Ending {
    fn code(self) -> Option<(&'static str, &'static str)> {
        match self {
            Ending::Answered => None,
            Ending::Gone => {
                Some(("client_gone", "nobody waits for the answer: the client went away"))
            }
            Ending::Panicked => Some(("panic", "panicked")),
            Ending::Failed => Some(("service_error", "the service failed and gave no answer")),
            Ending::BodyFailed => Some(("body_error", "the answer's body broke off")),
        }
    }

    fn outcome(self) -> Option<Outcome> {
        match self {
            Ending::Answered => None,
            Ending::Gone => Some(Outcome::Unknown),
            Ending::Panicked | Ending::Failed | Ending::BodyFailed => Some(Outcome::Error),
        }
    }
}

impl Exchange {
    pub(super) fn begin(audit: &HttpAudit, recorder: &Recorder, request: Incoming<'_>) -> Exchange {
        let (started, at) = (clock::instant(), clock::now());
        let settings = &audit.0;
        let lines = request.headers;
        let verb = Verb::of(request.method);
        let (grpc, route) = (verb == Verb::Post && headers::is_grpc(lines), request.route);
        let method = verb.name().map_or_else(|| unknown_method(request.method), Text::Borrowed);
        let path = Text::Owned(without_secrets(route, request.path).into_owned());
        let correlation = headers::id(lines, &settings.correlation_header);
        let is_chosen = correlation.is_some();
        let (trace_id, span_id) = headers::traceparent(lines).unzip();
        let context = Context {
            ip: settings.client(&request).map(|ip| ip.to_string().into()),
            user_agent: headers::user_agent(lines),
            request_id: headers::id(lines, "x-request-id"),
            correlation_id: Some(correlation.unwrap_or_else(|| made_id(at))),
            trace_id: trace_id.map(Text::Owned),
            span_id: span_id.map(Text::Owned),
            service: settings.service.clone(),
            http: Some(Http {
                method: Some(method),
                path: Some(path),
                route: route.map(|route| route.to_owned().into()),
                ..Http::default()
            }),
            ..Context::default()
        };
        #[cfg_attr(not(feature = "jwt"), expect(unused_mut, reason = "only tokens change it"))]
        let mut scope = Scope {
            trail: settings.trail(&request),
            never_sampled: is_chosen && !settings.trusts(request.peer),
            actor: request.actor,
            context,
        };
        #[cfg(feature = "jwt")]
        let bad_token =
            settings.jwt.as_ref().is_some_and(|verifier| verifier.admit(lines, &mut scope));
        #[cfg(not(feature = "jwt"))]
        let bad_token = false;
        Exchange {
            recorder: recorder.clone(),
            audit: audit.clone(),
            notes: RequestNotes::new(scope),
            verb,
            grpc,
            bad_token,
            at,
            started,
            status: None,
            grpc_status: None,
            sent: 0,
            expected: None,
            over: false,
        }
    }

    /// What the application adds, to be put where handlers find it.
    pub fn notes(&self) -> &RequestNotes {
        &self.notes
    }

    /// The id that goes into the answer, under the [header](HttpAudit::correlation_header) for it: visible ASCII only.
    pub fn correlation_id(&self) -> Text {
        let scope = self.notes.scope();
        scope.context.correlation_id.clone().unwrap_or_default()
    }

    /// Whether the client says that this is a request of gRPC, whose outcome is in `grpc-status`.
    pub fn is_grpc(&self) -> bool {
        self.grpc
    }

    /// Does some of the work on this request: what it records gets the request's actor and context. If it panics,
    /// that is recorded, and the panic goes on.
    pub fn within<T>(&mut self, work: impl FnOnce() -> T) -> T {
        struct Armed<'a>(Option<&'a mut Exchange>);

        impl Drop for Armed<'_> {
            fn drop(&mut self) {
                if let Some(exchange) = self.0.take() {
                    exchange.end(Ending::Panicked);
                }
            }
        }

        let scope = self.notes.scope();
        let mut armed = Armed(Some(self));
        let _entered = Entered::new(Some(scope));
        let done = work();
        armed.0 = None;
        done
    }

    /// The head of the answer is there. It is not recorded before the whole answer is.
    pub fn answered(&mut self, status: u16) {
        self.status = Some(status);
        // There is no body, whatever its length is said to be.
        if self.verb == Verb::Head || matches!(status, 101 | 204 | 304) {
            self.expected = Some(0);
        }
    }

    /// How many bytes the answer's body will have, where that is known.
    pub fn expects(&mut self, bytes: Option<u64>) {
        self.expected = self.expected.or(bytes);
    }

    /// The code of a `grpc-status`, from the answer's headers or trailers.
    pub fn grpc_status(&mut self, code: &[u8]) {
        // One that is no number is the sender's fault, for which gRPC has the code 2.
        let code = std::str::from_utf8(code).ok().and_then(|code| code.parse().ok());
        self.grpc_status = Some(code.unwrap_or(2));
    }

    /// So many more bytes of the body were handed to the server.
    pub fn sent(&mut self, bytes: u64) {
        self.sent = self.sent.saturating_add(bytes);
    }

    /// The answer is complete.
    pub fn finish(mut self) {
        self.end(Ending::Answered);
    }

    /// The service gave an error instead of an answer.
    pub fn fail(mut self) {
        self.end(Ending::Failed);
    }

    /// The body of the answer broke off with an error.
    pub fn fail_body(mut self) {
        self.end(Ending::BodyFailed);
    }

    fn end(&mut self, ending: Ending) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let (told, skip, scope) = self.notes.settle();
        let none = Http::default();
        let http = scope.context.http.as_ref().unwrap_or(&none);
        let (method, path) = (http.method.as_deref(), http.path.as_deref());
        let answer = self.answer(ending);
        // A path of gRPC names a method as a template does.
        let method_of_grpc = path.filter(|_| matches!(answer, Answer::Grpc(_)));
        let asked = Asked {
            settings: &self.audit.0,
            method: method.unwrap_or_default(),
            verb: self.verb,
            route: http.route.as_deref().or(method_of_grpc),
            path: path.unwrap_or_default(),
            // Whoever calls a deletion of files gRPC must not have it told as one, and perhaps as a read.
            grpc: self.grpc && !matches!(answer, Answer::Status(_)),
            answer,
        };
        let outcome = asked.answer.outcome();
        // What the handler says of the outcome counts, too: a refusal may well come with a status of 200.
        let said = told.as_ref().map(Event::ended).filter(|said| *said != Outcome::Unknown);
        let fine = outcome == Outcome::Success && said.is_none_or(|said| said == Outcome::Success);
        let recorded = match fine {
            true if skip => false,
            true => told.is_some() || self.audit.0.record_reads || asked.is_always_recorded(),
            false => true,
        };
        // Made-up methods of gRPC are no routes.
        let counted = asked.route.filter(|_| asked.answer != Answer::Grpc(12));
        if let Some(route) = counted {
            self.recorder.coverage().count(asked.method, route, recorded);
        }
        if recorded {
            let class = asked.classify();
            let mut event = told.unwrap_or_else(|| Event::new("")).instrumented();
            self.place(&mut event, scope);
            let event = self.fill(event, class, outcome, ending);
            self.recorder.record(event);
        }
    }

    /// Puts the event into what surrounded it. Where nothing else was recorded there, as is most often the case, it
    /// has that for itself, and nothing is copied.
    fn place(&self, event: &mut Event, scope: Arc<Scope>) {
        let fields = &mut *event.0;
        let said = fields.context.take();
        let mut context = match Arc::try_unwrap(scope) {
            Ok(scope) => {
                fields.trail = fields.trail.take().or(scope.trail);
                fields.actor = fields.actor.take().or(scope.actor);
                fields.never_sampled |= scope.never_sampled;
                fields.scope.get_or_insert_with(nothing_around);
                scope.context
            }
            Err(shared) => fields.scope.get_or_insert(shared).context.clone(),
        };
        if let Some(mut said) = said {
            said.http = None;
            said.fill(&context);
            context = *said;
        }
        let http = context.http.get_or_insert_default();
        if self.grpc && self.grpc_status.is_some() && http.route.is_none() {
            http.route.clone_from(&http.path);
        }
        http.status = self.status.filter(is_status);
        http.duration = Some(clock::instant().saturating_duration_since(self.started));
        fields.context = Some(Box::new(context));
    }

    fn answer(&self, ending: Ending) -> Answer {
        match (ending.outcome(), self.status) {
            (Some(outcome), _) => Answer::None(outcome),
            (None, Some(status)) => match self.grpc_status.filter(|_| self.grpc && status < 400) {
                Some(code) => Answer::Grpc(code),
                None => Answer::Status(status),
            },
            (None, None) => Answer::None(Outcome::Unknown),
        }
    }

    /// Adds what is known to what was told.
    fn fill(&self, mut event: Event, class: Class, outcome: Outcome, ending: Ending) -> Event {
        let fields = &mut *event.0;
        if fields.action.is_empty() {
            fields.action = class.action;
        }
        fields.category.get_or_insert(class.category);
        if fields.targets.is_empty() {
            fields.targets = class.targets;
        }
        if fields.outcome == Outcome::Unknown || ending == Ending::Panicked {
            fields.outcome = outcome;
        }
        if let Some((code, message)) = ending.code() {
            let error = fields.error.get_or_insert_default();
            error.code = Some(code.into());
            error.message.get_or_insert(message.into());
        }
        fields.occurred_at.get_or_insert(self.at);
        self.with_details(event, class.attempted, ending)
    }

    fn with_details(&self, mut event: Event, attempted: Option<Text>, ending: Ending) -> Event {
        if let Some(attempted) = attempted {
            event = event.detail("attempted", attempted);
        }
        if self.bad_token {
            // Not a text under the name of a token, which redaction would take out.
            event = event.detail("token_valid", false);
        }
        if let Some(status) = self.status.filter(|status| !is_status(status)) {
            event = event.detail("status", status);
        }
        if let Some(code) = self.grpc_status {
            event = event.detail("grpc_status", code);
        }
        if ending != Ending::Answered && self.status.is_some() {
            event = event.detail("response_bytes", self.sent);
        }
        event
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let whole = self.status.is_some() && self.expected.is_some_and(|bytes| self.sent >= bytes);
        self.end(if whole {
            Ending::Answered
        } else if std::thread::panicking() {
            Ending::Panicked
        } else {
            Ending::Gone
        });
    }
}

/// Whether it is one that HTTP gives a meaning to, and that an event takes for one.
fn is_status(status: &u16) -> bool {
    (100..600).contains(status)
}

/// A method that HTTP does not define.
fn unknown_method(method: &str) -> Text {
    if method.len() <= METHOD_BYTES_MAX {
        method.to_owned().into()
    } else {
        Text::Borrowed("other")
    }
}

/// A new id for all that belongs to a request.
fn made_id(at: Micros) -> Text {
    let ms = u64::try_from(at.0 / 1_000).unwrap_or_default();
    EventId::v7(ms, clock::random()).to_string().into()
}
