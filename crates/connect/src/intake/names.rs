//! What members are called by those who agreed on names: OpenTelemetry's semantic conventions, the Elastic Common
//! Schema, and what syslog daemons write.

use indelible_event::{Micros, Outcome, limits};

use crate::draft::{Draft, Text, Thing, Who, action};

/// What a name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Slot {
    Action,
    Category,
    Outcome,
    ActorId,
    ActorName,
    ActorEmail,
    Ip,
    UserAgent,
    RequestId,
    CorrelationId,
    SessionId,
    TraceId,
    SpanId,
    Service,
    Host,
    Method,
    Path,
    Status,
    ErrorCode,
    ErrorMessage,
    TargetUser,
    TargetFile,
}

const SLOTS: usize = Slot::TargetFile as usize + 1;

/// The names, and where there are several for one thing, the one that is believed first.
const NAMES: &[(&str, Slot)] = &[
    ("event.action", Slot::Action),
    ("event.name", Slot::Action),
    ("log.action", Slot::Action),
    ("action", Slot::Action),
    ("event.category", Slot::Category),
    ("event.outcome", Slot::Outcome),
    ("outcome", Slot::Outcome),
    ("enduser.id", Slot::ActorId),
    ("user.id", Slot::ActorId),
    ("user_id", Slot::ActorId),
    ("user.name", Slot::ActorName),
    ("user.full_name", Slot::ActorName),
    ("user.email", Slot::ActorEmail),
    ("user_email", Slot::ActorEmail),
    ("client.address", Slot::Ip),
    ("client.ip", Slot::Ip),
    ("source.ip", Slot::Ip),
    ("source.address", Slot::Ip),
    ("ip_address", Slot::Ip),
    ("user_agent.original", Slot::UserAgent),
    ("http.user_agent", Slot::UserAgent),
    ("http.request.id", Slot::RequestId),
    ("request_id", Slot::RequestId),
    ("correlation_id", Slot::CorrelationId),
    ("session.id", Slot::SessionId),
    ("session_id", Slot::SessionId),
    ("trace.id", Slot::TraceId),
    ("trace_id", Slot::TraceId),
    ("span.id", Slot::SpanId),
    ("span_id", Slot::SpanId),
    ("service.name", Slot::Service),
    ("programname", Slot::Service),
    ("PROGRAM", Slot::Service),
    ("host.name", Slot::Host),
    ("host.hostname", Slot::Host),
    ("hostname", Slot::Host),
    ("fromhost", Slot::Host),
    ("HOST", Slot::Host),
    ("http.request.method", Slot::Method),
    ("http.method", Slot::Method),
    ("url.path", Slot::Path),
    ("http.response.status_code", Slot::Status),
    ("http.status_code", Slot::Status),
    ("error.code", Slot::ErrorCode),
    ("exception.type", Slot::ErrorCode),
    ("error.type", Slot::ErrorCode),
    ("error.message", Slot::ErrorMessage),
    ("exception.message", Slot::ErrorMessage),
    ("user.target.id", Slot::TargetUser),
    ("file.path", Slot::TargetFile),
];

/// What was found under which names.
#[derive(Debug, Default)]
pub(super) struct Found<'a>([Option<(usize, Text<'a>)>; SLOTS]);

impl<'a> Found<'a> {
    /// Looks at one member. What says nothing, or is too long for its place, is left where it is: in the details.
    pub fn see(&mut self, name: &str, value: Text<'a>) {
        let Some(at) = NAMES.iter().position(|(known, _)| *known == name) else { return };
        let slot = NAMES[at].1;
        let fits = (1..=bytes_max(slot)).contains(&written(&value));
        let found = &mut self.0[slot as usize];
        if fits && found.as_ref().is_none_or(|(before, _)| at < *before) {
            *found = Some((at, value));
        }
    }

    /// Takes over what was found elsewhere of that which was not found here.
    pub fn or(&mut self, other: Found<'a>) {
        for (own, other) in self.0.iter_mut().zip(other.0) {
            if own.is_none() {
                *own = other;
            }
        }
    }

    fn take(&mut self, slot: Slot) -> Option<Text<'a>> {
        self.0[slot as usize].take().map(|(_, value)| value)
    }

    /// Fills in what the draft does not have yet; `otherwise` is the action of what names none.
    pub fn fill(mut self, draft: &mut Draft<'a>, otherwise: &'static str) {
        if draft.action.is_empty() {
            let made = self.take(Slot::Action).map(|text| action(&text));
            draft.action =
                made.filter(|made| !made.is_empty()).map_or(otherwise.into(), Into::into);
        }
        let category = self.take(Slot::Category).map(|text| action(&text).replace('.', "_"));
        let legal = |word: &String| (1..=limits::CATEGORY_BYTES_MAX).contains(&word.len());
        draft.category = category.filter(legal).map(Into::into);
        if draft.outcome.is_none() {
            draft.outcome = self.take(Slot::Outcome).and_then(|text| outcome(&text));
        }
        let (id, name, email) =
            (self.take(Slot::ActorId), self.take(Slot::ActorName), self.take(Slot::ActorEmail));
        if draft.actor.is_none() && (id.is_some() || name.is_some() || email.is_some()) {
            draft.actor =
                Some(Who { kind: Some("user".into()), id, name, email, ..Who::default() });
        }
        for (slot, kind) in [(Slot::TargetUser, "user"), (Slot::TargetFile, "file")] {
            if let Some(id) = self.take(slot) {
                draft.targets.push(Thing { kind: Some(kind.into()), id: Some(id), name: None });
            }
        }
        let status = self.take(Slot::Status).and_then(|text| text.parse().ok());
        let place = &mut draft.context;
        place.http_status = status.filter(|status| (100..=599).contains(status));
        for (member, slot) in [
            (&mut place.ip, Slot::Ip),
            (&mut place.user_agent, Slot::UserAgent),
            (&mut place.request_id, Slot::RequestId),
            (&mut place.correlation_id, Slot::CorrelationId),
            (&mut place.session_id, Slot::SessionId),
            (&mut place.trace_id, Slot::TraceId),
            (&mut place.span_id, Slot::SpanId),
            (&mut place.service, Slot::Service),
            (&mut place.host, Slot::Host),
            (&mut place.http_method, Slot::Method),
            (&mut place.http_path, Slot::Path),
            (&mut draft.error_code, Slot::ErrorCode),
            (&mut draft.error_message, Slot::ErrorMessage),
        ] {
            if member.is_none() {
                *member = self.take(slot);
            }
        }
    }
}

/// The outcome that a word is.
fn outcome<'a>(text: &str) -> Option<Text<'a>> {
    let word = text.to_ascii_lowercase();
    Outcome::from_name(&word).map(|outcome| outcome.name().into())
}

fn bytes_max(slot: Slot) -> usize {
    match slot {
        Slot::Method | Slot::ErrorCode => limits::KIND_BYTES_MAX,
        Slot::Path => limits::PATH_BYTES_MAX,
        Slot::ErrorMessage => limits::MESSAGE_BYTES_MAX,
        _ => limits::TEXT_BYTES_MAX,
    }
}

/// How long a text is between its quotes, which is what the limits count.
pub(super) fn written(text: &str) -> usize {
    let escaped = |byte: u8| match byte {
        b'"' | b'\\' => 1,
        0..=0x1f => 5,
        _ => 0,
    };
    text.len() + text.bytes().map(escaped).sum::<usize>()
}

/// A time as any of the usual forms has it: RFC 3339, also without a zone (then it is UTC) or without a time of day,
/// and milliseconds since 1970. `None` if it is none of them.
pub(super) fn time(text: &str) -> Option<Text<'static>> {
    let bare = text.strip_prefix('-').unwrap_or(text);
    // Four digits would be a year.
    if bare.len() > 4 && bare.bytes().all(|byte| byte.is_ascii_digit()) {
        let at = Micros(text.parse::<i64>().ok()?.checked_mul(1000)?);
        return at.in_years().then(|| at.to_string().into());
    }
    let spaced = text.len() > 10 && text.as_bytes()[10] == b' ';
    let text = if spaced { text.replacen(' ', "T", 1) } else { text.to_owned() };
    // ISO 8601 allows an offset without its colon, and some write it so.
    let sign = text.len().checked_sub(5).filter(|at| matches!(text.as_bytes()[*at], b'+' | b'-'));
    let colon = sign.filter(|at| *at > 10 && text.is_char_boundary(at + 3));
    let colon = colon.map(|at| format!("{}:{}", &text[..at + 3], &text[at + 3..]));
    let forms =
        [Some(text.clone()), Some(format!("{text}Z")), Some(format!("{text}T00:00:00Z")), colon];
    let read = forms.into_iter().flatten().find_map(|form| Micros::parse(&form).ok());
    read.map(|at| at.to_string().into())
}
