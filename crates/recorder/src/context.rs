//! Where an event comes from, and how a whole request hands that on to everything recorded within it.

use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task;
use std::time::Duration;

use indelible_event::limits;
use serde::Serialize;
use serde::ser::Serializer;

use crate::event::{Actor, Text, length, milliseconds};
use crate::fit::Texts;

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
    /// Takes from another what this one does not say.
    pub(crate) fn fill(&mut self, around: &Context) {
        let theirs = [&around.ip, &around.user_agent, &around.request_id, &around.correlation_id]
            .into_iter()
            .chain([&around.session_id, &around.trace_id, &around.span_id, &around.service])
            .chain([&around.host]);
        for (own, theirs) in self.texts_mut().into_iter().zip(theirs) {
            if own.is_none() {
                own.clone_from(theirs);
            }
        }
        // A request is whole or not there: half of one and half of another would be a third.
        if self.http.is_none() {
            self.http.clone_from(&around.http);
        }
    }

    fn texts_mut(&mut self) -> [&mut Option<Text>; 9] {
        [
            &mut self.ip,
            &mut self.user_agent,
            &mut self.request_id,
            &mut self.correlation_id,
            &mut self.session_id,
            &mut self.trace_id,
            &mut self.span_id,
            &mut self.service,
            &mut self.host,
        ]
    }

    pub(crate) fn visit(&mut self, texts: &mut Texts<'_>) {
        for text in self.texts_mut() {
            texts.option(text, limits::TEXT_BYTES_MAX);
        }
        if let Some(http) = &mut self.http {
            texts.option(&mut http.method, limits::KIND_BYTES_MAX);
            texts.option(&mut http.path, limits::PATH_BYTES_MAX);
            texts.option(&mut http.route, limits::PATH_BYTES_MAX);
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
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
    /// Whether no rate leaves out what is recorded within. Rates go by the correlation id: whoever may choose that
    /// could choose to be left out.
    pub never_sampled: bool,
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

/// Puts another scope in the place of this one, if it is what surrounds this call. Whoever entered it leaves it
/// as ever.
pub(crate) fn replace_current(this: &Arc<Scope>, other: Arc<Scope>) {
    CURRENT.with_borrow_mut(|current| {
        if current.as_ref().is_some_and(|current| Arc::ptr_eq(current, this)) {
            *current = Some(other);
        }
    });
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
