//! Messages of a broker: what each is, said by rules over its subject and its payload.
//!
//! A rule without an `action` takes events of ours as they are. A rule with one makes the event: its texts are templates,
//! the whole payload goes to the details, and members of it become members of the event where the rule says which.

mod template;

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use indelible_event::Micros;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::json::{Members, put};
use super::{Beside, own, wrong};
use crate::draft::{self, Draft, Text, Thing, Unmapped, Who};
use template::Found;
pub use template::{Pattern, Template};

/// What messages of some subjects are.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "Written")]
pub struct Rule {
    subject: Pattern,
    trail: Option<Template>,
    any_trail: bool,
    action: Option<Template>,
    fields: BTreeMap<Field, Template>,
}

/// A rule as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    subject: Pattern,
    #[serde(default)]
    trail: Option<Template>,
    #[serde(default)]
    any_trail: bool,
    #[serde(default)]
    action: Option<Template>,
    #[serde(default)]
    category: Option<Template>,
    #[serde(default)]
    resource_type: Option<Template>,
    #[serde(default)]
    resource_id: Option<Template>,
    #[serde(default)]
    fields: BTreeMap<Field, Template>,
}

/// A member of an event that a rule can fill, by the name that it has in either form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Field {
    #[serde(alias = "timestamp")]
    OccurredAt,
    #[serde(alias = "event_type")]
    Category,
    #[serde(alias = "status")]
    Outcome,
    #[serde(rename = "actor.type")]
    ActorType,
    #[serde(rename = "actor.id", alias = "user_id")]
    ActorId,
    #[serde(rename = "actor.name", alias = "user_name")]
    ActorName,
    #[serde(rename = "actor.email", alias = "user_email")]
    ActorEmail,
    ResourceType,
    ResourceId,
    ResourceName,
    #[serde(alias = "old_value")]
    Before,
    #[serde(alias = "new_value")]
    After,
    ErrorCode,
    ErrorMessage,
    #[serde(alias = "ip_address")]
    Ip,
    UserAgent,
    RequestId,
    CorrelationId,
    SessionId,
    TraceId,
    SpanId,
    Service,
    Host,
}

impl TryFrom<Written> for Rule {
    type Error = String;

    fn try_from(written: Written) -> Result<Rule, String> {
        let mut fields = written.fields;
        let named = [
            (Field::Category, written.category, "category"),
            (Field::ResourceType, written.resource_type, "resource_type"),
            (Field::ResourceId, written.resource_id, "resource_id"),
        ];
        for (field, template, name) in named {
            if let Some(template) = template
                && fields.insert(field, template).is_some()
            {
                return Err(format!("{name} stands beside `fields` and in it: once is enough"));
            }
        }
        if written.action.is_none() && !fields.is_empty() {
            return Err(
                "a rule without an `action` takes events as they are: `fields` and what belongs to them make no sense in it"
                    .into(),
            );
        }
        let templates = fields.values().chain(&written.action).chain(&written.trail);
        for template in templates {
            written.subject.allows(template)?;
        }
        let [action, trail] = [&written.action, &written.trail].map(Option::as_ref);
        if let Some(action) = action.and_then(Template::constant)
            && draft::action(action).is_empty()
        {
            return Err(format!("the action {action:?} has no letter and no digit"));
        }
        if trail.and_then(Template::constant) == Some("") {
            return Err("the trail is empty".into());
        }
        Ok(Rule {
            subject: written.subject,
            trail: written.trail,
            any_trail: written.any_trail,
            action: written.action,
            fields,
        })
    }
}

/// A message.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The name of the input that it came by: part of its id, since two brokers may number alike.
    pub input: &'a str,
    /// The trail of that input, where a rule names none.
    pub trail: &'a str,
    /// Its subject.
    pub subject: &'a str,
    /// What it says.
    pub payload: &'a [u8],
    /// Its headers.
    pub headers: &'a [(String, String)],
    /// Its place in a stream, where it has one.
    pub place: Option<Place<'a>>,
}

/// Where a message is kept at its broker.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The stream.
    pub stream: &'a str,
    /// Its number there.
    pub sequence: u64,
    /// When the broker took it, in nanoseconds since 1970.
    pub published: i128,
}

/// A message as an event, not checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mapped {
    /// Its trail, where the rule says so.
    pub trail: Option<String>,
    /// The event.
    pub json: Vec<u8>,
}

/// Makes an event of a message by the first rule that its subject fits.
pub fn map(rules: &[Rule], message: &Message<'_>) -> Result<Mapped, Unmapped> {
    let rule = rules.iter().find(|rule| rule.subject.fits(message.subject));
    let rule = rule.ok_or_else(|| wrong("subject", format!("{} fits no rule", message.subject)))?;
    rule.map(message)
}

/// The subjects of these rules, each once, without those that another covers.
pub fn subjects(rules: &[Rule]) -> Vec<String> {
    let mut all: Vec<&Pattern> = Vec::new();
    for Rule { subject, .. } in rules {
        if all.iter().any(|other| other.covers(subject)) {
            continue;
        }
        all.retain(|other| !subject.covers(other));
        all.push(subject);
    }
    all.into_iter().map(Pattern::to_string).collect()
}

/// Whether any rule takes the trail that an event of ours names.
pub fn any_trail(rules: &[Rule]) -> bool {
    rules.iter().any(|rule| rule.any_trail)
}

impl Rule {
    fn map(&self, message: &Message<'_>) -> Result<Mapped, Unmapped> {
        let found = Found { subject: message.subject, json: json(message.payload) };
        let trail = match &self.trail {
            Some(template) => Some(template.fill(&found, "trail")?.into_owned()),
            None => None,
        };
        let json = match &self.action {
            None => self.own(message, trail.as_deref().unwrap_or(message.trail))?,
            Some(action) => self.made(message, &found, action)?.to_json(),
        };
        Ok(Mapped { trail, json })
    }

    /// An event of ours, with the id and the time of its message where it has none.
    fn own(&self, message: &Message<'_>, trail: &str) -> Result<Vec<u8>, Unmapped> {
        let members = Members::read(message.payload)?;
        if members.get("action").is_none() {
            let why = "is missing, so it is no event of ours; a rule with an `action` makes one of any message";
            return Err(wrong("action", why));
        }
        for name in ["trail", "tenant_id"] {
            let named = members.get(name).and_then(super::json::text);
            if let Some(named) = named.filter(|named| !self.any_trail && &**named != trail) {
                let why =
                    format!("is {named}, and the rule for {} does not allow that", self.subject);
                return Err(wrong(name, why));
            }
        }
        let occurred_at = message.place.map(|place| place.published_at().into());
        Ok(own(&members, &[], Beside { id: message.id(), occurred_at, details: None }))
    }

    fn made<'a>(
        &self,
        message: &Message<'a>,
        found: &Found<'a>,
        action: &Template,
    ) -> Result<Draft<'a>, Unmapped> {
        let action = draft::action(&action.fill(found, "action")?);
        if action.is_empty() {
            return Err(wrong("action", "has no letter and no digit"));
        }
        let mut draft = Draft {
            id: message.id().map(Cow::Owned),
            occurred_at: message.place.map(|place| place.published_at().into()),
            action: action.into(),
            details: Some(details(message, found.json).into()),
            ..Draft::default()
        };
        let (mut actor, mut target) = (Who::default(), Thing::default());
        for (field, template) in &self.fields {
            match field {
                Field::Before => draft.before = template.json(found),
                Field::After => draft.after = template.json(found),
                _ => {
                    let value = template.maybe(found, field.name())?;
                    set(*field, value, &mut draft, &mut actor, &mut target);
                }
            }
        }
        let said = [&actor.kind, &actor.id, &actor.name, &actor.email].iter().any(|m| m.is_some());
        draft.actor = said.then_some(actor);
        if target.kind.is_some() || target.id.is_some() || target.name.is_some() {
            draft.targets.push(target);
        }
        Ok(draft)
    }
}

fn set<'a>(
    field: Field,
    value: Option<Text<'a>>,
    draft: &mut Draft<'a>,
    actor: &mut Who<'a>,
    target: &mut Thing<'a>,
) {
    let Some(value) = value else {
        return;
    };
    let context = &mut draft.context;
    let place = match field {
        Field::OccurredAt => &mut draft.occurred_at,
        Field::Category => &mut draft.category,
        Field::Outcome => &mut draft.outcome,
        Field::ActorType => &mut actor.kind,
        Field::ActorId => &mut actor.id,
        Field::ActorName => &mut actor.name,
        Field::ActorEmail => &mut actor.email,
        Field::ResourceType => &mut target.kind,
        Field::ResourceId => &mut target.id,
        Field::ResourceName => &mut target.name,
        Field::Before => &mut draft.before,
        Field::After => &mut draft.after,
        Field::ErrorCode => &mut draft.error_code,
        Field::ErrorMessage => &mut draft.error_message,
        Field::Ip => &mut context.ip,
        Field::UserAgent => &mut context.user_agent,
        Field::RequestId => &mut context.request_id,
        Field::CorrelationId => &mut context.correlation_id,
        Field::SessionId => &mut context.session_id,
        Field::TraceId => &mut context.trace_id,
        Field::SpanId => &mut context.span_id,
        Field::Service => &mut context.service,
        Field::Host => &mut context.host,
    };
    *place = Some(value);
}

impl Field {
    fn name(self) -> &'static str {
        match self {
            Field::OccurredAt => "occurred_at",
            Field::Category => "category",
            Field::Outcome => "outcome",
            Field::ActorType => "actor.type",
            Field::ActorId => "actor.id",
            Field::ActorName => "actor.name",
            Field::ActorEmail => "actor.email",
            Field::ResourceType => "resource_type",
            Field::ResourceId => "resource_id",
            Field::ResourceName => "resource_name",
            Field::Before => "before",
            Field::After => "after",
            Field::ErrorCode => "error_code",
            Field::ErrorMessage => "error_message",
            Field::Ip => "ip",
            Field::UserAgent => "user_agent",
            Field::RequestId => "request_id",
            Field::CorrelationId => "correlation_id",
            Field::SessionId => "session_id",
            Field::TraceId => "trace_id",
            Field::SpanId => "span_id",
            Field::Service => "service",
            Field::Host => "host",
        }
    }
}

impl Message<'_> {
    /// The id of its event: the same each time it comes. A publisher's own id counts first. With the number goes the time,
    /// since a stream that is deleted and made again begins to count anew.
    fn id(&self) -> Option<String> {
        let header =
            self.headers.iter().rev().find(|(name, _)| name.eq_ignore_ascii_case("Nats-Msg-Id"));
        let stream = self.place.map_or("", |place| place.stream);
        let source = format!("nats:{}/{stream}", self.input);
        match (header, self.place) {
            (Some((_, id)), _) => Some(draft::foreign_id(&source, id)),
            (None, Some(place)) => {
                let id = format!("{}@{}", place.sequence, place.published);
                Some(draft::foreign_id(&source, &id))
            }
            (None, None) => None,
        }
    }
}

impl Place<'_> {
    fn published_at(&self) -> String {
        let micros = self.published.div_euclid(1000);
        Micros(micros.try_into().unwrap_or_default()).to_string()
    }
}

/// The payload as JSON, if it is that.
fn json(payload: &[u8]) -> Option<&RawValue> {
    serde_json::from_slice(payload).ok()
}

/// All of the message, so that nothing of it is lost.
fn details(message: &Message<'_>, payload: Option<&RawValue>) -> String {
    let mut out = vec![b'{'];
    match (payload, std::str::from_utf8(message.payload)) {
        (Some(json), _) => put::json(&mut out, "payload", json.get().as_bytes()),
        (None, Ok(text)) => put::text(&mut out, "payload", text),
        (None, Err(_)) => {
            put::text(&mut out, "payload_base64", &STANDARD.encode(message.payload));
        }
    }
    let mut nats = vec![b'{'];
    put::text(&mut nats, "subject", message.subject);
    if let Some(place) = message.place {
        put::text(&mut nats, "stream", place.stream);
        put::number(&mut nats, "sequence", place.sequence);
        put::text(&mut nats, "published_at", &place.published_at());
    }
    if !message.headers.is_empty() {
        let mut headers = vec![b'{'];
        let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (name, value) in message.headers {
            by_name.entry(name).or_default().push(value);
        }
        for (name, values) in by_name {
            match values[..] {
                [one] => put::text(&mut headers, name, one),
                _ => {
                    let list = serde_json::to_vec(&values).expect("texts are written to memory");
                    put::json(&mut headers, name, &list);
                }
            }
        }
        headers.push(b'}');
        put::json(&mut nats, "headers", &headers);
    }
    nats.push(b'}');
    put::json(&mut out, "nats", &nats);
    out.push(b'}');
    String::from_utf8(out).expect("it was made of texts")
}

#[cfg(test)]
#[path = "message_tests.rs"]
mod tests;
