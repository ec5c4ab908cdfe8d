//! What a handler adds to the event of its request.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::context::{Scope, replace_current};
use crate::event::{Actor, Event, Fields, Text};
use crate::{Outcome, Target};

/// What the application says about a request while it works on it. The integration puts it where handlers find it.
/// All clones are one, and a request of which anything was noted is recorded even where it only reads.
///
/// ```
/// use indelible_recorder::Recorder;
/// use indelible_recorder::http::{HttpAudit, Incoming};
///
/// let recorder = Recorder::memory();
/// let request = Incoming::new("GET", "/reports/7", &|_, _| ());
/// let mut exchange = HttpAudit::default().begin(&recorder, request).unwrap();
/// exchange.notes().action("report.view").actor("maria").detail("pages", 12);
/// exchange.answered(200);
/// exchange.finish();
/// assert_eq!(recorder.events()[0].get("details.pages"), Some(12.into()));
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestNotes(Arc<Mutex<Noted>>);

#[derive(Debug)]
struct Noted {
    /// What surrounds the work on the request; changed by a new one in its place.
    scope: Arc<Scope>,
    /// What was said, as an event that lacks the rest.
    told: Option<Event>,
    skip: bool,
}

impl Default for Noted {
    fn default() -> Noted {
        Noted { scope: nothing_around(), told: None, skip: false }
    }
}

/// A scope that says nothing, so that none of whoever happens to be around is taken instead.
pub(super) fn nothing_around() -> Arc<Scope> {
    static NOTHING: LazyLock<Arc<Scope>> = LazyLock::new(Arc::default);
    Arc::clone(&NOTHING)
}

impl RequestNotes {
    pub(super) fn new(scope: Scope) -> RequestNotes {
        let noted = Noted { scope: Arc::new(scope), ..Noted::default() };
        RequestNotes(Arc::new(Mutex::new(noted)))
    }

    fn lock(&self) -> MutexGuard<'_, Noted> {
        // Each change is one step, so that what a panicking holder leaves is still whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the event that will tell of this request.
    pub fn note(&self, change: impl FnOnce(Event) -> Event) -> &RequestNotes {
        // Outside of the lock: what is noted may be a value whose serialising notes something.
        let told = self.lock().told.take();
        let told = change(told.unwrap_or_else(|| Event::new("")));
        let mut noted = self.lock();
        noted.told = Some(match noted.told.take() {
            // Meanwhile somebody else noted something, on another thread perhaps.
            Some(other) => joined(told, *other.0),
            None => told,
        });
        drop(noted);
        self
    }

    /// Who is acting. Everything that is recorded for this request from now on is theirs, too.
    pub fn actor(&self, actor: impl Into<Actor>) -> &RequestNotes {
        let actor = actor.into();
        self.surround(|scope| scope.actor = Some(actor.clone()));
        self.note(|event| event.actor(actor))
    }

    /// Who is acting, without that this alone has the request recorded; for middleware that authenticates.
    pub fn identify(&self, actor: impl Into<Actor>) -> &RequestNotes {
        let actor = actor.into();
        self.surround(|scope| scope.actor = Some(actor));
        self
    }

    /// The trail that the request, and all that is recorded for it from now on, belongs to.
    pub fn trail(&self, trail: impl Into<Text>) -> &RequestNotes {
        let trail = trail.into();
        self.surround(|scope| scope.trail = Some(trail));
        self
    }

    /// What was done, such as `report.view`.
    pub fn action(&self, action: impl Into<Text>) -> &RequestNotes {
        self.note(|mut event| {
            event.0.action = action.into();
            event
        })
    }

    /// Its category (event type), such as `data_access`.
    pub fn category(&self, category: impl Into<Text>) -> &RequestNotes {
        self.note(|event| event.category(category))
    }

    /// What it was done to. The targets that are named here take the place of those that the path names.
    pub fn target(&self, kind: impl Into<Text>, id: impl Into<Text>) -> &RequestNotes {
        self.note(|event| event.target(kind, id))
    }

    /// Like [`RequestNotes::target`], with a name.
    pub fn target_of(&self, target: Target) -> &RequestNotes {
        self.note(|event| event.target_of(target))
    }

    /// Whose data was touched, where that is not the actor.
    pub fn subject(&self, kind: impl Into<Text>, id: impl Into<Text>) -> &RequestNotes {
        self.note(|event| event.subject(kind, id))
    }

    /// The state before.
    pub fn before(&self, value: impl Serialize) -> &RequestNotes {
        self.note(|event| event.before(value))
    }

    /// The state after.
    pub fn after(&self, value: impl Serialize) -> &RequestNotes {
        self.note(|event| event.after(value))
    }

    /// A detail; the same key again replaces it.
    pub fn detail(&self, key: impl Into<Text>, value: impl Serialize) -> &RequestNotes {
        self.note(|event| event.detail(key, value))
    }

    /// Many details: the members of an object.
    pub fn details(&self, details: impl Serialize) -> &RequestNotes {
        self.note(|event| event.details(details))
    }

    /// How it ended, where the status does not say it.
    pub fn outcome(&self, outcome: Outcome) -> &RequestNotes {
        self.note(|event| event.outcome(outcome))
    }

    /// What went wrong. The outcome is what the status says, unless [`outcome`](RequestNotes::outcome) is said, too.
    pub fn error(&self, message: impl Into<Text>) -> &RequestNotes {
        self.note(|mut event| {
            event.0.error.get_or_insert_default().message = Some(message.into());
            event
        })
    }

    /// Leaves this request out, if it succeeds; one that is denied or fails is recorded nevertheless.
    pub fn skip(&self) -> &RequestNotes {
        self.lock().skip = true;
        self
    }

    /// The route's template, for integrations that learn it only within.
    pub fn route(&self, route: impl Into<Text>) -> &RequestNotes {
        let route = route.into();
        self.surround(|scope| {
            let Some(http) = &mut scope.context.http else { return };
            if let Some(path) = &http.path {
                let path = super::route::without_secrets(Some(&route), path).into_owned();
                http.path = Some(path.into());
            }
            http.route = Some(route);
        });
        self
    }

    /// Whether the route's template is known.
    pub fn has_route(&self) -> bool {
        self.lock().scope.context.http.as_ref().is_some_and(|http| http.route.is_some())
    }

    pub(super) fn scope(&self) -> Arc<Scope> {
        Arc::clone(&self.lock().scope)
    }

    /// The end: what was told, whether to leave it out, and what surrounded it.
    pub(super) fn settle(&self) -> (Option<Event>, bool, Arc<Scope>) {
        let mut noted = self.lock();
        let scope = std::mem::replace(&mut noted.scope, nothing_around());
        (noted.told.take(), noted.skip, scope)
    }

    /// Changes what surrounds the work, for what is running right now as well as for what comes.
    fn surround(&self, change: impl FnOnce(&mut Scope)) {
        let mut noted = self.lock();
        let mut scope = Scope::clone(&noted.scope);
        change(&mut scope);
        let scope = Arc::new(scope);
        let before = std::mem::replace(&mut noted.scope, Arc::clone(&scope));
        drop(noted);
        replace_current(&before, scope);
    }
}

/// What was noted twice at once, in one event. What can be said only once is as the first of them says it.
fn joined(mut event: Event, other: Fields) -> Event {
    let fields = &mut *event.0;
    if fields.action.is_empty() {
        fields.action = other.action;
    }
    if fields.outcome == Outcome::Unknown {
        fields.outcome = other.outcome;
    }
    fields.id = fields.id.or(other.id);
    fields.trail = fields.trail.take().or(other.trail);
    fields.occurred_at = fields.occurred_at.or(other.occurred_at);
    fields.category = fields.category.take().or(other.category);
    fields.phase = fields.phase.or(other.phase);
    fields.reference = fields.reference.or(other.reference);
    fields.actor = fields.actor.take().or(other.actor);
    fields.before = fields.before.take().or(other.before);
    fields.after = fields.after.take().or(other.after);
    fields.error = fields.error.take().or(other.error);
    fields.context = fields.context.take().or(other.context);
    fields.targets.extend(other.targets);
    fields.subjects.extend(other.subjects);
    for (key, value) in other.details {
        if fields.details.iter().all(|(known, _)| *known != key) {
            fields.details.push((key, value));
        }
    }
    event
}
