//! A message as an event.

use std::borrow::Cow;
use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::members::Members;
use super::{Element, Frame, Message, known};
use crate::draft::{self, Draft, Place, Text};
use crate::limits::{ACTION_BYTES_MAX, SYSLOG_RAW_BYTES_MAX};
use crate::own;

/// What a message becomes that cannot be read.
const UNREADABLE: &str = "syslog.unreadable";

/// What loggers write before a JSON object, by the Common Event Expression.
const CEE: &str = "@cee:";

/// Severities up to this one (err) are errors.
const ERROR_SEVERITY: u8 = 3;

/// Who sent a message, and what its events may say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Sender<'a> {
    /// Its address.
    pub address: &'a str,
    /// The name in its certificate, where it showed one.
    pub certificate: Option<&'a str>,
    /// The trails that its events may name; one that names another stays in the input's own, and says so in `details`.
    pub trails: &'a [String],
}

#[derive(Serialize)]
struct Details<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<&'a RawValue>,
    syslog: Header<'a>,
    sender: From<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_from_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
}

#[derive(Serialize)]
struct Header<'a> {
    rfc: u32,
    facility: &'static str,
    severity: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    timestamp: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    procid: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    msgid: Option<&'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    structured_data: BTreeMap<&'a str, BTreeMap<&'a str, Values<'a>>>,
}

#[derive(Serialize)]
struct Unreadable<'a> {
    raw: &'a str,
    why: &'a str,
    sender: From<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut_from_bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    raw_base64: Option<String>,
}

#[derive(Serialize)]
struct From<'a> {
    address: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate: Option<&'a str>,
}

/// What a name says: a text, or a list where it stands there several times.
#[derive(Default)]
struct Values<'a>(Vec<&'a str>);

impl Serialize for Values<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &*self.0 {
            [one] => serializer.serialize_str(one),
            all => all.serialize(serializer),
        }
    }
}

impl<'a> Sender<'a> {
    fn shown(&self) -> From<'a> {
        From { address: self.address, certificate: self.certificate }
    }
}

/// Makes an event's JSON of a message, whatever it is.
pub fn event(frame: &Frame, sender: &Sender<'_>) -> Vec<u8> {
    let text = String::from_utf8_lossy(&frame.bytes);
    let message = match Message::parse(&text) {
        Ok(message) => message,
        Err(bad) => {
            let why = format!("{} (byte {})", bad.why, bad.at);
            return unreadable(frame, sender, &why);
        }
    };
    let body = message.msg.strip_prefix(CEE).unwrap_or(message.msg).trim_ascii();
    let members = Members::read(body);
    if let Some(members) = members.as_ref().filter(|members| own::is_ours(members)) {
        let named = |name: &str, value: &RawValue| {
            matches!(name, "trail" | "tenant_id") && !is_allowed(value, sender.trails)
        };
        return own::placeless(members, body, named).into_owned().into_bytes();
    }
    mapped(frame, &text, &message, members.and(serde_json::from_str(body).ok()), sender)
}

/// The event of a message that cannot be one as it is: its text, as much as fits, and why.
pub fn unreadable(frame: &Frame, sender: &Sender<'_>, why: &str) -> Vec<u8> {
    let kept = &frame.bytes[..frame.bytes.len().min(SYSLOG_RAW_BYTES_MAX)];
    let raw = String::from_utf8_lossy(kept);
    // Half a letter at the cut is none of the sender's faults.
    let all = frame.bytes.len() as u64;
    let details = Unreadable {
        why,
        sender: sender.shown(),
        cut_from_bytes: frame.cut_from.or((kept.len() as u64 != all).then_some(all)),
        raw_base64: not_utf8(&frame.bytes).then(|| STANDARD.encode(kept)),
        raw: &raw,
    };
    let draft =
        Draft { action: UNREADABLE.into(), details: Some(json(&details)), ..Draft::default() };
    draft.to_json()
}

fn not_utf8(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err()
}

fn json<T: Serialize>(value: &T) -> Text<'static> {
    serde_json::to_string(value).expect("plain data goes into memory").into()
}

fn mapped(
    frame: &Frame,
    text: &str,
    message: &Message<'_>,
    data: Option<&RawValue>,
    sender: &Sender<'_>,
) -> Vec<u8> {
    let dated = message.timestamp.filter(|_| !message.old || is_dated(message.timestamp));
    let mut kept: &[u8] = &[];
    if not_utf8(&frame.bytes) {
        kept = &frame.bytes[..frame.bytes.len().min(SYSLOG_RAW_BYTES_MAX)];
    }
    let details = Details {
        message: data.is_none().then_some(message.msg).filter(|msg| !msg.is_empty()),
        data,
        syslog: Header {
            rfc: if message.old { 3164 } else { 5424 },
            facility: message.facility_name(),
            severity: message.severity_name(),
            timestamp: message.timestamp.filter(|_| dated.is_none()),
            procid: message.procid,
            msgid: message.msgid,
            structured_data: structured(&message.structured_data),
        },
        sender: sender.shown(),
        cut_from_bytes: frame.cut_from,
        raw_base64: (!kept.is_empty()).then(|| STANDARD.encode(kept)),
    };
    let mut draft = Draft {
        id: dated
            .filter(|time| is_exact(time))
            .map(|_| draft::foreign_id(&format!("syslog:{}", sender.address), text).into()),
        occurred_at: dated.map(Text::from),
        action: action(message).into(),
        outcome: (message.severity <= ERROR_SEVERITY).then(|| "error".into()),
        details: Some(json(&details)),
        context: Place {
            service: message.app_name.map(Text::from),
            host: message.hostname.map(Text::from),
            ..Place::default()
        },
        ..Draft::default()
    };
    known::say_more(message, &mut draft);
    draft.to_json()
}

fn structured<'a>(elements: &'a [Element<'a>]) -> BTreeMap<&'a str, BTreeMap<&'a str, Values<'a>>> {
    let mut all: BTreeMap<&str, BTreeMap<&str, Values<'_>>> = BTreeMap::new();
    for Element { id, params } in elements {
        let of = all.entry(*id).or_default();
        for (name, value) in params {
            of.entry(*name).or_default().0.push(value);
        }
    }
    all
}

fn is_dated(time: Option<&str>) -> bool {
    time.is_some_and(|time| indelible_event::Micros::parse(time).is_ok())
}

/// Whether a time has its microseconds: then the same message again, to the last byte, is the same one sent again, since
/// senders repeat what they cannot know to have arrived.
fn is_exact(time: &str) -> bool {
    let digits = |rest: &str| rest.bytes().take_while(u8::is_ascii_digit).count();
    time.split_once('.').is_some_and(|(_, rest)| digits(rest) >= 6)
}

/// MSGID where it is an action of dotted words, else what program it was, and MSGID behind it.
fn action(message: &Message<'_>) -> String {
    let msgid = message.msgid.map(draft::action).unwrap_or_default();
    if msgid.contains('.') && Some(&*msgid) == message.msgid {
        return msgid;
    }
    let app = message.app_name.map(draft::action).unwrap_or_default();
    let words = ["syslog", &app, &msgid].into_iter().filter(|word| !word.is_empty());
    let mut action = words.collect::<Vec<_>>().join(".");
    if action == "syslog" {
        action.push_str(".message");
    }
    action.truncate(ACTION_BYTES_MAX);
    action.truncate(action.trim_end_matches(['.', '_']).len());
    action
}

fn is_allowed(trail: &RawValue, trails: &[String]) -> bool {
    let name: Option<Cow<'_, str>> = serde_json::from_str(trail.get()).ok();
    name.is_some_and(|name| trails.iter().any(|one| *one == *name))
}
