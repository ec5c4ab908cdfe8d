//! The event as an application builds it. Nothing here fails: what cannot be kept is told later, and counted.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use indelible_event::{EventId, Micros, Outcome, Phase, Source, limits};
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use crate::context::{Context, Scope};
use crate::fit::Texts;
use crate::json::Json;
use crate::limits::EVENT_OVERHEAD_BYTES;

/// A short text: a constant of the program or a string of its own.
pub type Text = Cow<'static, str>;

/// What happened. Made with [`Event::new`] and filled in a chain; given to
/// [`Recorder::record`](crate::Recorder::record) and its siblings.
///
/// ```
/// use indelible_recorder::{Actor, Event, Outcome};
///
/// let event = Event::new("backup.delete")
///     .category("data_delete")
///     .actor(Actor::user("maria").email("maria@example.com"))
///     .target("backup", "b-17")
///     .before(serde_json::json!({"size": 4096}))
///     .detail("store_id", 7)
///     .outcome(Outcome::Success);
/// assert_eq!(event.action(), "backup.delete");
/// ```
#[derive(Clone, Debug)]
#[must_use = "an event is recorded only when it is given to a recorder"]
pub struct Event(pub(crate) Box<Fields>);

#[derive(Clone, Debug, Default)]
pub(crate) struct Fields {
    pub(crate) id: Option<EventId>,
    pub(crate) trail: Option<Text>,
    pub(crate) occurred_at: Option<Micros>,
    pub(crate) action: Text,
    pub(crate) category: Option<Text>,
    pub(crate) outcome: Outcome,
    pub(crate) phase: Option<Phase>,
    pub(crate) reference: Option<EventId>,
    pub(crate) actor: Option<Actor>,
    pub(crate) targets: Vec<Target>,
    pub(crate) subjects: Vec<Target>,
    pub(crate) before: Option<Json>,
    pub(crate) after: Option<Json>,
    pub(crate) details: Vec<(Text, Json)>,
    pub(crate) error: Option<Fault>,
    pub(crate) context: Option<Box<Context>>,
    pub(crate) source: Option<Source>,
    /// What surrounded the call; its fields fill those that the event has not.
    pub(crate) scope: Option<Arc<Scope>>,
    /// Made by instrumentation, so that the list of event types decides whether it is emitted.
    pub(crate) instrumented: bool,
    /// No rate leaves it out.
    pub(crate) never_sampled: bool,
}

/// What went wrong.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Fault {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) code: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<Text>,
}

impl Event {
    /// An event of this action, such as `backup.delete`; see [`actions`](crate::actions) for the common ones.
    pub fn new(action: impl Into<Text>) -> Event {
        Event(Box::new(Fields { action: action.into(), ..Fields::default() }))
    }

    /// Its action.
    pub fn action(&self) -> &str {
        &self.0.action
    }

    /// Its category, which is its event type; "" if it has none.
    pub fn event_type(&self) -> &str {
        self.0.category.as_deref().unwrap_or_default()
    }

    /// How it ended, as far as it was said.
    pub fn ended(&self) -> Outcome {
        self.0.outcome
    }

    /// Gives it an id of your own (a UUID), which is also what makes sending it again harmless.
    pub fn id(mut self, id: EventId) -> Event {
        self.0.id = Some(id);
        self
    }

    /// The trail (tenant) it belongs to; `default`, or the recorder's own, where none is named.
    pub fn trail(mut self, trail: impl Into<Text>) -> Event {
        self.0.trail = Some(trail.into());
        self
    }

    /// When it happened, if that was not just now.
    pub fn occurred_at(mut self, at: Micros) -> Event {
        self.0.occurred_at = Some(at);
        self
    }

    /// Its category (event type), such as `data_delete`.
    pub fn category(mut self, category: impl Into<Text>) -> Event {
        self.0.category = Some(category.into());
        self
    }

    /// How it ended.
    pub fn outcome(mut self, outcome: Outcome) -> Event {
        self.0.outcome = outcome;
        self
    }

    /// Which part of a story it tells; [`Recorder::begin`](crate::Recorder::begin) sets it by itself.
    pub fn phase(mut self, phase: Phase) -> Event {
        self.0.phase = Some(phase);
        self
    }

    /// The event that this one belongs to: the intent of an outcome, the mistake of a correction.
    pub fn reference(mut self, id: EventId) -> Event {
        self.0.reference = Some(id);
        self
    }

    /// Who did it.
    pub fn actor(mut self, actor: impl Into<Actor>) -> Event {
        self.0.actor = Some(actor.into());
        self
    }

    /// What it was done to; the first one is "the resource".
    pub fn target(self, kind: impl Into<Text>, id: impl Into<Text>) -> Event {
        self.target_of(Target::new(kind, id))
    }

    /// Like [`Event::target`], with a name.
    pub fn target_of(mut self, target: Target) -> Event {
        self.0.targets.push(target);
        self
    }

    /// Whose data was touched, where that is not the actor.
    pub fn subject(mut self, kind: impl Into<Text>, id: impl Into<Text>) -> Event {
        self.0.subjects.push(Target::new(kind, id));
        self
    }

    /// The state before: anything that serialises; `()` is none. The difference to `after` is computed when it is read.
    pub fn before(mut self, value: impl Serialize) -> Event {
        self.0.before = Json::some(&value);
        self
    }

    /// The state after.
    pub fn after(mut self, value: impl Serialize) -> Event {
        self.0.after = Json::some(&value);
        self
    }

    /// A detail of your own; the same key again replaces it.
    pub fn detail(mut self, key: impl Into<Text>, value: impl Serialize) -> Event {
        let (key, value) = (key.into(), Json::of(&value));
        match self.0.details.iter_mut().find(|(known, _)| *known == key) {
            Some(known) => known.1 = value,
            None => self.0.details.push((key, value)),
        }
        self
    }

    /// Many details: each member of an object (a map, a struct) becomes one; `()` is none, and any other value is
    /// kept as `details.value`.
    pub fn details(mut self, details: impl Serialize) -> Event {
        let Some(details) = Json::some(&details) else { return self };
        match details.members() {
            Some(members) => {
                for (key, value) in members {
                    self.0.details.retain(|(known, _)| *known != key);
                    self.0.details.push((key.into(), value));
                }
                self
            }
            None => self.detail("value", details),
        }
    }

    /// The scope it happened in, such as a store: kept as `details.scope`; `()` is none.
    pub fn scope(self, scope: impl Serialize) -> Event {
        match Json::some(&scope) {
            Some(scope) => self.detail("scope", scope),
            None => self,
        }
    }

    /// What went wrong. An outcome that was not said becomes `failure`.
    pub fn error(mut self, message: impl Into<Text>) -> Event {
        self.0.error.get_or_insert_default().message = Some(message.into());
        if self.0.outcome == Outcome::Unknown {
            self.0.outcome = Outcome::Failure;
        }
        self
    }

    /// The code of what went wrong.
    pub fn error_code(mut self, code: impl Into<Text>) -> Event {
        self.0.error.get_or_insert_default().code = Some(code.into());
        self
    }

    /// Where it came from; fields that are set replace those of the surrounding scope.
    pub fn context(mut self, context: Context) -> Event {
        self.0.context = Some(Box::new(context));
        self
    }

    /// Changes the context in place.
    pub fn with_context(mut self, change: impl FnOnce(&mut Context)) -> Event {
        change(self.0.context.get_or_insert_default());
        self
    }

    /// Marks it as made by instrumentation: the configured list of event types decides whether it is
    /// emitted, except for what is never left out.
    pub fn instrumented(mut self) -> Event {
        self.0.instrumented = true;
        self
    }

    /// Says that a deed was done to many things at once: how many, and a hash that commits to the list of
    /// their keys in this order, so that the list can be checked later. The keys themselves are listed as far as
    /// they are few. See [`bulk_hash`](crate::bulk_hash).
    ///
    /// ```
    /// use indelible_recorder::Event;
    ///
    /// let event = Event::new("user.delete").bulk("user", ["u-1", "u-2", "u-3"]);
    /// ```
    pub fn bulk<K: AsRef<str>>(
        self,
        kind: impl Into<Text>,
        keys: impl IntoIterator<Item = K>,
    ) -> Event {
        self.detail("bulk", crate::bulk::Bulk::of(kind.into(), keys))
    }

    /// About how many bytes of memory it holds.
    pub(crate) fn weight(&self) -> usize {
        let f = &*self.0;
        let texts = f.action.len()
            + f.error.as_ref().map_or(0, |e| length(&e.code) + length(&e.message))
            + f.before.as_ref().map_or(0, Json::len)
            + f.after.as_ref().map_or(0, Json::len)
            + f.details.iter().map(|(key, value)| key.len() + value.len()).sum::<usize>()
            + f.targets.iter().chain(&f.subjects).map(Target::weight).sum::<usize>()
            + f.actor.as_ref().map_or(0, Actor::weight)
            + f.context.as_ref().map_or(0, |context| context.weight());
        EVENT_OVERHEAD_BYTES + texts
    }
}

pub(crate) fn length(text: &Option<Text>) -> usize {
    text.as_ref().map_or(0, |text| text.len())
}

/// What kind of actor it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum ActorType {
    /// A person.
    User,
    /// A program with an identity of its own.
    Service,
    /// The system itself: a timer, a migration.
    System,
    /// An agent that acts by its own judgement.
    Agent,
    /// Nobody who said who they are.
    Anonymous,
}

/// Who did it, and for whom.
///
/// ```
/// use indelible_recorder::Actor;
///
/// // support acts as alice: both are kept
/// let actor = Actor::user("support-7").on_behalf_of(Actor::user("alice"));
/// ```
#[derive(Clone, Debug, Serialize)]
pub struct Actor {
    #[serde(rename = "type")]
    kind: ActorType,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Text>,
    #[serde(skip_serializing_if = "Auth::is_empty")]
    auth: Auth,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_behalf_of: Option<Box<Actor>>,
}

#[derive(Clone, Debug, Default, Serialize)]
struct Auth {
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<Text>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token_id: Option<Text>,
}

impl Auth {
    fn is_empty(&self) -> bool {
        self.method.is_none() && self.token_id.is_none()
    }
}

impl Actor {
    /// An actor of this type.
    pub fn new(kind: ActorType, id: impl Into<Text>) -> Actor {
        Actor { id: Some(id.into()), ..Actor::nameless(kind) }
    }

    /// A person.
    pub fn user(id: impl Into<Text>) -> Actor {
        Actor::new(ActorType::User, id)
    }

    /// A program with an identity of its own.
    pub fn service(id: impl Into<Text>) -> Actor {
        Actor::new(ActorType::Service, id)
    }

    /// The system itself.
    pub fn system(id: impl Into<Text>) -> Actor {
        Actor::new(ActorType::System, id)
    }

    /// Nobody who said who they are.
    pub fn anonymous() -> Actor {
        Actor::nameless(ActorType::Anonymous)
    }

    fn nameless(kind: ActorType) -> Actor {
        Actor { kind, id: None, name: None, email: None, auth: Auth::default(), on_behalf_of: None }
    }

    /// Their name.
    pub fn name(mut self, name: impl Into<Text>) -> Actor {
        self.name = Some(name.into());
        self
    }

    /// Their address of mail.
    pub fn email(mut self, email: impl Into<Text>) -> Actor {
        self.email = Some(email.into());
        self
    }

    /// How they proved who they are (`password`, `api_key`, `jwt`).
    pub fn auth_method(mut self, method: impl Into<Text>) -> Actor {
        self.auth.method = Some(method.into());
        self
    }

    /// An id of the token they showed; never the token.
    pub fn token_id(mut self, id: impl Into<Text>) -> Actor {
        self.auth.token_id = Some(id.into());
        self
    }

    /// For whom they acted: the one who is impersonated.
    pub fn on_behalf_of(mut self, actor: Actor) -> Actor {
        self.on_behalf_of = Some(Box::new(actor));
        self
    }

    fn weight(&self) -> usize {
        length(&self.id)
            + length(&self.name)
            + length(&self.email)
            + length(&self.auth.method)
            + length(&self.auth.token_id)
            + self.on_behalf_of.as_ref().map_or(0, |other| size_of::<Actor>() + other.weight())
    }

    pub(crate) fn visit(&mut self, texts: &mut Texts<'_>) {
        for text in [&mut self.id, &mut self.name, &mut self.email, &mut self.auth.token_id] {
            texts.option(text, limits::TEXT_BYTES_MAX);
        }
        texts.option(&mut self.auth.method, limits::KIND_BYTES_MAX);
        if let Some(other) = &mut self.on_behalf_of {
            other.visit(texts);
        }
    }
}

impl From<&str> for Actor {
    /// A user with this id.
    fn from(id: &str) -> Actor {
        Actor::user(id.to_owned())
    }
}

impl From<String> for Actor {
    /// A user with this id.
    fn from(id: String) -> Actor {
        Actor::user(id)
    }
}

impl From<&String> for Actor {
    /// A user with this id.
    fn from(id: &String) -> Actor {
        Actor::user(id.clone())
    }
}

/// A thing that something was done to.
#[derive(Clone, Debug, Serialize)]
pub struct Target {
    #[serde(rename = "type")]
    kind: Text,
    /// Empty where it is not known which one it was.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub(crate) id: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Text>,
}

impl Target {
    /// A thing of this type with this id.
    pub fn new(kind: impl Into<Text>, id: impl Into<Text>) -> Target {
        Target { kind: kind.into(), id: id.into(), name: None }
    }

    /// Its name.
    pub fn name(mut self, name: impl Into<Text>) -> Target {
        self.name = Some(name.into());
        self
    }

    fn weight(&self) -> usize {
        self.kind.len() + self.id.len() + length(&self.name) + size_of::<Target>()
    }

    pub(crate) fn visit(&mut self, texts: &mut Texts<'_>) {
        texts.text(&mut self.kind, limits::KIND_BYTES_MAX);
        texts.text(&mut self.id, limits::TEXT_BYTES_MAX);
        texts.option(&mut self.name, limits::TEXT_BYTES_MAX);
    }
}

impl Fields {
    /// Takes from the scope what the event did not say itself.
    pub(crate) fn settle(&mut self) {
        let Some(scope) = self.scope.take() else { return };
        self.trail = self.trail.take().or_else(|| scope.trail.clone());
        self.actor = self.actor.take().or_else(|| scope.actor.clone());
        self.never_sampled |= scope.never_sampled;
        if !scope.context.is_empty() {
            self.context.get_or_insert_default().fill(&scope.context);
        }
    }
}

/// The JSON of an event, nested as the HTTP API takes it.
impl Serialize for Fields {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(id) = &self.id {
            map.serialize_entry("id", &id.to_string())?;
        }
        if let Some(trail) = &self.trail {
            map.serialize_entry("trail", trail)?;
        }
        if let Some(at) = self.occurred_at {
            map.serialize_entry("occurred_at", &at.to_string())?;
        }
        map.serialize_entry("action", &self.action)?;
        if let Some(category) = &self.category {
            map.serialize_entry("category", category)?;
        }
        map.serialize_entry("outcome", self.outcome.name())?;
        if let Some(phase) = self.phase {
            map.serialize_entry("phase", phase.name())?;
        }
        if let Some(id) = &self.reference {
            map.serialize_entry("ref", &id.to_string())?;
        }
        if let Some(actor) = &self.actor {
            map.serialize_entry("actor", actor)?;
        }
        if !self.targets.is_empty() {
            map.serialize_entry("targets", &self.targets)?;
        }
        if !self.subjects.is_empty() {
            map.serialize_entry("subjects", &self.subjects)?;
        }
        if self.before.is_some() || self.after.is_some() {
            map.serialize_entry("changes", &Changes(&self.before, &self.after))?;
        }
        if !self.details.is_empty() {
            map.serialize_entry("details", &Members(&self.details))?;
        }
        if let Some(error) = &self.error {
            map.serialize_entry("error", error)?;
        }
        if let Some(context) = self.context.as_ref().filter(|context| !context.is_empty()) {
            map.serialize_entry("context", context)?;
        }
        if let Some(source) = &self.source {
            map.serialize_entry("source", &SourceText(source))?;
        }
        map.end()
    }
}

struct Changes<'a>(&'a Option<Json>, &'a Option<Json>);

impl Serialize for Changes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(before) = self.0 {
            map.serialize_entry("before", before)?;
        }
        if let Some(after) = self.1 {
            map.serialize_entry("after", after)?;
        }
        map.end()
    }
}

struct Members<'a>(&'a [(Text, Json)]);

impl Serialize for Members<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

struct SourceText<'a>(&'a Source);

impl Serialize for SourceText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.id_text();
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("id", &String::from_utf8_lossy(&text))?;
        map.serialize_entry("seq", &self.0.seq)?;
        map.end()
    }
}

/// How long something took, as events say it: milliseconds with up to three digits behind the point.
pub(crate) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1_000_000.0).round() / 1_000.0
}
