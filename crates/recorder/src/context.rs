//! Where an event comes from, and how a whole request hands that on to everything recorded within it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task;
use std::time::Duration;

use serde::Serialize;
use serde::ser::Serializer;

use crate::event::{Actor, Text, length, milliseconds};

/// From where, with what, within which request.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Context {
    /// The client's address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<Text>,
    /// What the client says it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<Text>,
    /// This one request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<Text>,
    /// Everything that belongs together, across services.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub correlation_id: Option<Text>,
    /// The user's session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<Text>,
    /// The trace of `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace_id: Option<Text>,
    /// The span of `traceparent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub span_id: Option<Text>,
    /// Which service recorded it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<Text>,
    /// On which machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<Text>,
    /// The HTTP request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http: Option<Http>,
}

/// An HTTP request as events tell of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Http {
    /// `GET`, `POST`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub method: Option<Text>,
    /// The path, without its query, which may hold secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<Text>,
    /// The route's template, such as `/users/{id}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub route: Option<Text>,
    /// The status of the answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// How long it took.
    #[serde(
        rename = "duration_ms",
        skip_serializing_if = "Option::is_none",
        serialize_with = "in_milliseconds"
    )]
    pub duration: Option<Duration>,
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn in_milliseconds<S: Serializer>(value: &Option<Duration>, to: S) -> Result<S::Ok, S::Error> {
    value.map(milliseconds).serialize(to)
}

impl Context {
    /// The context of an event within a scope: its own fields, and the scope's where it has none.
    pub(crate) fn merged(own: Option<&Context>, around: Option<&Context>) -> Option<Context> {
        let (own, around) = match (own, around) {
            (None, None) => return None,
            (Some(one), None) | (None, Some(one)) => return (!one.is_empty()).then(|| one.clone()),
            (Some(own), Some(around)) => (own.clone(), around.clone()),
        };
        let merged = Context {
            ip: own.ip.or(around.ip),
            user_agent: own.user_agent.or(around.user_agent),
            request_id: own.request_id.or(around.request_id),
            correlation_id: own.correlation_id.or(around.correlation_id),
            session_id: own.session_id.or(around.session_id),
            trace_id: own.trace_id.or(around.trace_id),
            span_id: own.span_id.or(around.span_id),
            service: own.service.or(around.service),
            host: own.host.or(around.host),
            // A request is whole or not there: half of one and half of another would be a third.
            http: own.http.or(around.http),
        };
        (!merged.is_empty()).then_some(merged)
    }

    fn is_empty(&self) -> bool {
        self.weight() == 0 && self.http.is_none()
    }

    pub(crate) fn weight(&self) -> usize {
        let http = self.http.as_ref();
        [&self.ip, &self.user_agent, &self.request_id, &self.correlation_id, &self.session_id]
            .into_iter()
            .chain([&self.trace_id, &self.span_id, &self.service, &self.host])
            .map(length)
            .sum::<usize>()
            + http.map_or(0, |http| length(&http.path) + length(&http.route) + length(&http.method))
    }
}

/// What surrounds a piece of work: every event recorded within it gets these fields, unless it has its own.
///
/// ```
/// use indelible_recorder::{Actor, Context, Event, Recorder, Scope};
///
/// let recorder = Recorder::memory();
/// let request = Scope {
///     actor: Some(Actor::user("maria")),
///     context: Context { correlation_id: Some("c-1".into()), ..Context::default() },
///     ..Scope::default()
/// };
/// request.run(|| recorder.record(Event::new("cart.empty")));
/// assert_eq!(recorder.events()[0].get("context.correlation_id"), Some("c-1".into()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// The trail.
    pub trail: Option<Text>,
    /// Who is acting.
    pub actor: Option<Actor>,
    /// From where and within what.
    pub context: Context,
}

thread_local! {
    /// The scope of what this thread is doing right now.
    static CURRENT: RefCell<Option<Arc<Scope>>> = const { RefCell::new(None) };
}

impl Scope {
    /// The scope that surrounds this call, to hand to a task or thread that is spawned.
    pub fn current() -> Option<Arc<Scope>> {
        CURRENT.with_borrow(Clone::clone)
    }

    /// Runs something within this scope.
    pub fn run<T>(self, work: impl FnOnce() -> T) -> T {
        let _entered = Entered::new(Some(Arc::new(self)));
        work()
    }

    /// A future that runs within this scope, on whichever thread it is polled. What it spawns runs outside,
    /// unless that is wrapped too.
    pub fn wrap<F: Future>(self, future: F) -> Scoped<F> {
        Scoped::new(Some(Arc::new(self)), future)
    }
}

/// A scope on this thread until it is dropped; then the one before it again.
pub(crate) struct Entered(Option<Arc<Scope>>);

impl Entered {
    pub(crate) fn new(scope: Option<Arc<Scope>>) -> Entered {
        Entered(CURRENT.replace(scope))
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.0.take());
    }
}

pin_project_lite::pin_project! {
    /// A future within a [`Scope`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct Scoped<F> {
        scope: Option<Arc<Scope>>,
        #[pin]
        future: F,
    }
}

impl<F: Future> Scoped<F> {
    /// Wraps a future in the scope of another task, such as [`Scope::current`] gave it.
    pub fn new(scope: Option<Arc<Scope>>, future: F) -> Scoped<F> {
        Scoped { scope, future }
    }
}

impl<F: Future> Future for Scoped<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<F::Output> {
        let this = self.project();
        let _entered = Entered::new(this.scope.clone());
        this.future.poll(cx)
    }
}
