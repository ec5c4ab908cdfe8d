//! An event being made of what somebody else wrote: the members that it was found to have, written as the JSON that
//! every door of a node takes.

use std::borrow::Cow;

use indelible_event::EventId;

use crate::limits::ACTION_BYTES_MAX;

/// A text that is borrowed where it can be.
pub type Text<'a> = Cow<'a, str>;

/// An event as far as it is known. What is absent is left out; what is too large or makes no sense is refused where it
/// is checked, with field and reason, as if its sender had written it in our own form.
#[derive(Clone, Debug, Default)]
pub struct Draft<'a> {
    /// Its id; two drafts of one foreign record have the same: [`foreign_id`].
    pub id: Option<Text<'a>>,
    /// Its trail, where the record says so.
    pub trail: Option<Text<'a>>,
    /// When it happened, RFC 3339.
    pub occurred_at: Option<Text<'a>>,
    /// What was done: [`action`] makes one of any text.
    pub action: Text<'a>,
    /// What kind of event it is.
    pub category: Option<Text<'a>>,
    /// `success`, `failure`, `denied`, `error`, `pending` or `unknown`.
    pub outcome: Option<Text<'a>>,
    /// Who did it.
    pub actor: Option<Who<'a>>,
    /// What it was done to; the first is the resource.
    pub targets: Vec<Thing<'a>>,
    /// Whose data was touched.
    pub subjects: Vec<Thing<'a>>,
    /// The state before, as JSON.
    pub before: Option<Text<'a>>,
    /// The state after, as JSON.
    pub after: Option<Text<'a>>,
    /// Whatever else, as a JSON object.
    pub details: Option<Text<'a>>,
    /// The error's code.
    pub error_code: Option<Text<'a>>,
    /// The error's message.
    pub error_message: Option<Text<'a>>,
    /// From where, and as part of what.
    pub context: Place<'a>,
}

/// Who did something.
#[derive(Clone, Debug, Default)]
pub struct Who<'a> {
    /// `user`, `service`, `system`, `agent` or `anonymous`.
    pub kind: Option<Text<'a>>,
    /// The id.
    pub id: Option<Text<'a>>,
    /// The name.
    pub name: Option<Text<'a>>,
    /// The address.
    pub email: Option<Text<'a>>,
    /// How it proved who it is.
    pub auth_method: Option<Text<'a>>,
    /// The token's id, never the token.
    pub token_id: Option<Text<'a>>,
    /// For whom it acted.
    pub on_behalf_of: Option<Box<Who<'a>>>,
}

/// What something was done to.
#[derive(Clone, Debug, Default)]
pub struct Thing<'a> {
    /// Its type.
    pub kind: Option<Text<'a>>,
    /// Its id.
    pub id: Option<Text<'a>>,
    /// Its name; a subject has none.
    pub name: Option<Text<'a>>,
}

/// From where, and as part of what.
#[derive(Clone, Debug, Default)]
pub struct Place<'a> {
    /// The address.
    pub ip: Option<Text<'a>>,
    /// The program.
    pub user_agent: Option<Text<'a>>,
    /// See `Event.context`.
    pub request_id: Option<Text<'a>>,
    /// See `Event.context`.
    pub correlation_id: Option<Text<'a>>,
    /// See `Event.context`.
    pub session_id: Option<Text<'a>>,
    /// See `Event.context`.
    pub trace_id: Option<Text<'a>>,
    /// See `Event.context`.
    pub span_id: Option<Text<'a>>,
    /// The service.
    pub service: Option<Text<'a>>,
    /// The host.
    pub host: Option<Text<'a>>,
    /// `GET`, say.
    pub http_method: Option<Text<'a>>,
    /// The path, without the query.
    pub http_path: Option<Text<'a>>,
    /// The status.
    pub http_status: Option<u16>,
}

/// Why a foreign record could not become an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmapped {
    /// The member of the foreign record, empty if it is the whole.
    pub field: String,
    /// What is wrong with it, as a sentence that goes on from the field's name.
    pub message: String,
}

impl Unmapped {
    /// A member that is not as it has to be.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Unmapped {
        Unmapped { field: field.into(), message: message.into() }
    }
}

impl Draft<'_> {
    /// Its JSON, one line without a line break, in our nested form.
    pub fn to_json(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512 + self.details.as_ref().map_or(0, |d| d.len()));
        self.write(&mut out);
        out
    }

    /// Writes that behind what is there.
    pub fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.text("id", &self.id);
        object.text("trail", &self.trail);
        object.text("occurred_at", &self.occurred_at);
        object.said("action", &self.action);
        object.text("category", &self.category);
        object.text("outcome", &self.outcome);
        if let Some(actor) = &self.actor {
            actor.write(object.member("actor"));
        }
        things("targets", &self.targets, &mut object);
        things("subjects", &self.subjects, &mut object);
        if self.before.is_some() || self.after.is_some() {
            let mut changes = Object::open(object.member("changes"));
            changes.json("before", &self.before);
            changes.json("after", &self.after);
            changes.close();
        }
        object.json("details", &self.details);
        if self.error_code.is_some() || self.error_message.is_some() {
            let mut error = Object::open(object.member("error"));
            error.text("code", &self.error_code);
            error.text("message", &self.error_message);
            error.close();
        }
        self.context.write(&mut object);
        object.close();
    }
}

fn things(key: &str, things: &[Thing<'_>], object: &mut Object<'_>) {
    if things.is_empty() {
        return;
    }
    let out = object.member(key);
    out.push(b'[');
    for (i, thing) in things.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        let mut object = Object::open(out);
        object.text("type", &thing.kind);
        object.text("id", &thing.id);
        object.text("name", &thing.name);
        object.close();
    }
    out.push(b']');
}

impl Who<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let mut object = Object::open(out);
        object.text("type", &self.kind);
        object.text("id", &self.id);
        object.text("name", &self.name);
        object.text("email", &self.email);
        if self.auth_method.is_some() || self.token_id.is_some() {
            let mut auth = Object::open(object.member("auth"));
            auth.text("method", &self.auth_method);
            auth.text("token_id", &self.token_id);
            auth.close();
        }
        if let Some(other) = &self.on_behalf_of {
            other.write(object.member("on_behalf_of"));
        }
        object.close();
    }
}

impl Place<'_> {
    fn write(&self, event: &mut Object<'_>) {
        let mut out = Vec::new();
        let mut object = Object::open(&mut out);
        object.text("ip", &self.ip);
        object.text("user_agent", &self.user_agent);
        object.text("request_id", &self.request_id);
        object.text("correlation_id", &self.correlation_id);
        object.text("session_id", &self.session_id);
        object.text("trace_id", &self.trace_id);
        object.text("span_id", &self.span_id);
        object.text("service", &self.service);
        object.text("host", &self.host);
        if self.http_method.is_some() || self.http_path.is_some() || self.http_status.is_some() {
            let mut http = Object::open(object.member("http"));
            http.text("method", &self.http_method);
            http.text("path", &self.http_path);
            http.json("status", &self.http_status.map(|status| status.to_string().into()));
            http.close();
        }
        object.close();
        if out.len() > 2 {
            event.member("context").extend_from_slice(&out);
        }
    }
}

/// A JSON object that is being written.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    begun: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>) -> Object<'a> {
        out.push(b'{');
        Object { out, begun: false }
    }

    /// Where the member's value goes. Keys are our own, and plain.
    fn member(&mut self, key: &str) -> &mut Vec<u8> {
        if std::mem::replace(&mut self.begun, true) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        self.out
    }

    fn text(&mut self, key: &str, value: &Option<Text<'_>>) {
        if let Some(value) = value {
            self.said(key, value);
        }
    }

    fn said(&mut self, key: &str, value: &str) {
        let out = self.member(key);
        serde_json::to_writer(out, value).expect("a text is written to memory");
    }

    fn json(&mut self, key: &str, value: &Option<Text<'_>>) {
        if let Some(value) = value {
            self.member(key).extend_from_slice(value.as_bytes());
        }
    }

    fn close(self) {
        self.out.push(b'}');
    }
}

/// The id of somebody else's record: the same for the same source and id, so that what comes twice is kept once.
pub fn foreign_id(source: &str, id: &str) -> String {
    EventId::foreign(source, id).to_string()
}

/// An action made of any text: words in lower case, joined by `_`, and the parts between dots, slashes and colons by
/// `.`: `CreateUser` is `create_user`, `s3:DeleteBucket` is `s3.delete_bucket`. Empty if there is no letter or digit.
pub fn action(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    let (mut gap, mut dot) = (false, false);
    let mut previous = ' ';
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_alphanumeric() {
            // A capital begins a word, and so does the last one of a run before a small letter: `MFADevice`.
            let next_small = letters.peek().is_some_and(char::is_ascii_lowercase);
            let begins = letter.is_ascii_uppercase()
                && (previous.is_ascii_lowercase()
                    || previous.is_ascii_digit()
                    || (previous.is_ascii_uppercase() && next_small));
            if !out.is_empty() && dot {
                out.push('.');
            } else if !out.is_empty() && (gap || begins) {
                out.push('_');
            }
            (gap, dot) = (false, false);
            out.push(letter.to_ascii_lowercase());
        } else if matches!(letter, '.' | '/' | ':') {
            dot = true;
        } else {
            gap = true;
        }
        previous = letter;
        if out.len() >= ACTION_BYTES_MAX {
            break;
        }
    }
    out.truncate(ACTION_BYTES_MAX);
    while out.ends_with(['.', '_']) {
        out.pop();
    }
    out
}

#[cfg(test)]
#[path = "draft_tests.rs"]
mod tests;
