//! CloudEvents 1.0: the JSON format, alone and as an element of a batch, and the binary mode of its HTTP binding.
//!
//! | CloudEvent | event |
//! |---|---|
//! | `source`, `id` | `id`: the same for the same two, so that what comes twice is kept once |
//! | `type` | `action` |
//! | `time` | `occurred_at` |
//! | `source` | `context.service` |
//! | `subject` | the target |
//! | `traceparent`, `correlationid` | `context.trace_id`, `span_id`, `correlation_id` |
//! | `authtype`, `authid` | the actor |
//! | `data`, `data_base64` | `details.data`, `details.data_base64` |
//! | all attributes, as they were | `details.cloudevent` |
//!
//! Where the data is an event of ours, it is kept as that, and only what it does not say is taken from the attributes.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use indelible_event::{Micros, limits};
use serde_json::value::RawValue;

use super::json::{Members, put, text};
use super::names::written;
use super::{Beside, is_ours, own, wrong};
use crate::draft::{Draft, Text, Thing, Unmapped, Who, action, foreign_id};

/// The type of an event whose data is an event of ours, whatever members it has.
pub const OWN_TYPE: &str = "indelible.event";

/// An event apart from its bytes.
struct Envelope<'a> {
    /// Name and JSON of each attribute.
    attributes: Vec<(Text<'a>, Text<'a>)>,
    data: Data<'a>,
}

enum Data<'a> {
    None,
    Json(Text<'a>),
    Base64(Text<'a>),
}

/// The event that a JSON object in the CloudEvents format is.
pub fn structured(json: &[u8]) -> Result<Vec<u8>, Unmapped> {
    let members = Members::read(json)?;
    if let Some(name) = members.twice() {
        return Err(wrong(name, "is given twice"));
    }
    let mut envelope = Envelope { attributes: Vec::new(), data: Data::None };
    for (name, value) in members.iter() {
        match &**name {
            "data" if matches!(envelope.data, Data::None) => {
                envelope.data = Data::Json(value.get().into());
            }
            "data_base64" if value.get() == "null" => {}
            "data_base64" if matches!(envelope.data, Data::None) => {
                let coded = text(value).filter(|text| BASE64_STANDARD.decode(&**text).is_ok());
                let coded = coded.ok_or_else(|| wrong("data_base64", "is not base64"))?;
                envelope.data = Data::Base64(coded);
            }
            "data" | "data_base64" => {
                return Err(wrong("data_base64", "must not be given together with data"));
            }
            _ if value.get() == "null" => {}
            _ => envelope.attributes.push((name.clone(), value.get().into())),
        }
    }
    event(&envelope)
}

/// The event that header fields and a body are. Of the fields, `attributes` has those that begin with `ce-`, without
/// that, in lower case and as they were sent: [`attribute`] undoes their coding.
pub fn binary(
    attributes: &[(String, String)],
    content_type: Option<&str>,
    body: &[u8],
) -> Result<Vec<u8>, Unmapped> {
    let mut envelope = Envelope { attributes: Vec::new(), data: Data::None };
    let mut said = |name: &str, value: &str| {
        let mut json = Vec::new();
        put::string(&mut json, value);
        let json = String::from_utf8(json).expect("JSON of a text is a text");
        envelope.attributes.push((name.to_owned().into(), json.into()));
    };
    for (at, (name, value)) in attributes.iter().enumerate() {
        if attributes[..at].iter().any(|(before, _)| before == name) {
            return Err(wrong(name, "is given twice"));
        }
        said(name, &attribute(value).ok_or_else(|| wrong(name, "is not UTF-8, %-encoded"))?);
    }
    if let Some(kind) = content_type {
        said("datacontenttype", kind);
    }
    envelope.data = data(content_type, body)?;
    event(&envelope)
}

/// The value of an attribute as a header field carries it: quotes and percent codes undone. `None` where that gives no
/// UTF-8.
pub fn attribute(value: &str) -> Option<String> {
    let quoted = value.len() > 1 && value.starts_with('"') && value.ends_with('"');
    let inside = if quoted { &value.as_bytes()[1..value.len() - 1] } else { value.as_bytes() };
    let digit = |byte: Option<&u8>| (*byte? as char).to_digit(16).map(|digit| digit as u8);
    let mut out = Vec::with_capacity(inside.len());
    let mut at = 0;
    while let Some(&byte) = inside.get(at) {
        match (byte, digit(inside.get(at + 1)), digit(inside.get(at + 2))) {
            (b'%', Some(high), Some(low)) => {
                out.push(high << 4 | low);
                at += 2;
            }
            (b'\\', ..) if quoted && at + 1 < inside.len() => {
                at += 1;
                out.push(inside[at]);
            }
            _ => out.push(byte),
        }
        at += 1;
    }
    String::from_utf8(out).ok()
}

/// A body by its type: JSON as it is, text as a string, and all else as base64.
fn data(content_type: Option<&str>, body: &[u8]) -> Result<Data<'static>, Unmapped> {
    if body.is_empty() {
        return Ok(Data::None);
    }
    let essence = content_type.and_then(|kind| kind.split(';').next()).unwrap_or_default();
    let essence = essence.trim().to_ascii_lowercase();
    let is_json =
        matches!(essence.as_str(), "application/json" | "text/json") || essence.ends_with("+json");
    match serde_json::from_slice::<&RawValue>(body) {
        Ok(json) if is_json || essence.is_empty() => {
            return Ok(Data::Json(json.get().to_owned().into()));
        }
        Err(e) if is_json => {
            return Err(wrong("data", format!("is not the JSON that it says it is: {e}")));
        }
        _ => {}
    }
    // A sentence that is no UTF-8 keeps its bytes.
    Ok(match std::str::from_utf8(body) {
        Ok(text) => {
            let mut json = Vec::new();
            put::string(&mut json, text);
            Data::Json(String::from_utf8(json).expect("JSON of a text is a text").into())
        }
        Err(_) => Data::Base64(BASE64_STANDARD.encode(body).into()),
    })
}

impl<'a> Envelope<'a> {
    fn raw(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(of, _)| of == name).map(|(_, json)| &**json)
    }

    /// The text of an attribute, where it is one and fits its place.
    fn text(&self, name: &str) -> Option<String> {
        let text: String = serde_json::from_str(self.raw(name)?).ok()?;
        (1..=limits::TEXT_BYTES_MAX).contains(&written(&text)).then_some(text)
    }

    fn required(&self, name: &str) -> Result<String, Unmapped> {
        let raw = self.raw(name).ok_or_else(|| wrong(name, "is missing"))?;
        let text: Result<String, _> = serde_json::from_str(raw);
        let text = text.map_err(|_| wrong(name, "must be a string"))?;
        if text.is_empty() {
            return Err(wrong(name, "is empty"));
        }
        Ok(text)
    }

    /// Its attributes, as one object.
    fn whole(&self) -> Vec<u8> {
        let mut out = vec![b'{'];
        for (name, value) in &self.attributes {
            put::json(&mut out, name, value.as_bytes());
        }
        out.push(b'}');
        out
    }
}

fn event(envelope: &Envelope<'_>) -> Result<Vec<u8>, Unmapped> {
    let version = envelope.required("specversion")?;
    if version != "1.0" {
        let shown: String = version.chars().take(16).collect();
        return Err(wrong("specversion", format!("must be 1.0, not {shown}")));
    }
    let (id, source) = (envelope.required("id")?, envelope.required("source")?);
    let kind = envelope.required("type")?;
    if source.contains('\0') {
        return Err(wrong("source", "has a U+0000"));
    }
    let id = foreign_id(&source, &id);
    let time = match envelope.raw("time") {
        Some(raw) => {
            let text: String =
                serde_json::from_str(raw).map_err(|_| wrong("time", "must be a string"))?;
            Some(Micros::parse(&text).map_err(|e| wrong("time", e.to_string()))?.to_string())
        }
        None => None,
    };
    let whole = envelope.whole();
    // An event that a node sent says there where it stood in that node's log.
    let data = match &envelope.data {
        Data::Json(json) => Some(crate::own::without_place(json)),
        _ => None,
    };
    if let Some(json) = &data
        && let Ok(members) = Members::read(json.as_bytes())
        && (kind == OWN_TYPE || is_ours(&members, &[]))
    {
        let occurred_at = time.map(Into::into);
        let details = Some(("cloudevent", &*whole));
        return Ok(own(&members, &[], Beside { id: Some(id), occurred_at, details }));
    }
    let mut draft =
        Draft { id: Some(id.into()), occurred_at: time.map(Into::into), ..Draft::default() };
    draft.action = action(&kind).into();
    if draft.action.is_empty() {
        return Err(wrong("type", "has no letter or digit of which an action could be made"));
    }
    let subject = envelope.text("subject").map(Into::into);
    let thing = |id| Thing { kind: Some("subject".into()), id: Some(id), name: None };
    draft.targets.extend(subject.map(thing));
    draft.context.service = envelope.text("source").map(Into::into);
    draft.context.correlation_id = envelope.text("correlationid").map(Into::into);
    let trace = envelope.text("traceparent").and_then(|text| trace(&text));
    if let Some((trace, span)) = trace {
        draft.context.trace_id = Some(trace.into());
        draft.context.span_id = Some(span.into());
    }
    draft.actor = actor(envelope);
    draft.details = Some(details(envelope, &whole).into());
    Ok(draft.to_json())
}

fn details(envelope: &Envelope<'_>, whole: &[u8]) -> String {
    let mut out = vec![b'{'];
    put::json(&mut out, "cloudevent", whole);
    match &envelope.data {
        Data::None => {}
        Data::Json(json) => put::json(&mut out, "data", json.as_bytes()),
        Data::Base64(coded) => put::text(&mut out, "data_base64", coded),
    }
    out.push(b'}');
    String::from_utf8(out).expect("it was made of texts")
}

/// The two ids of a W3C `traceparent`.
fn trace(text: &str) -> Option<(String, String)> {
    let mut parts = text.split('-').skip(1);
    let (trace, span) = (parts.next()?, parts.next()?);
    let hex =
        |text: &str, digits| text.len() == digits && text.bytes().all(|b| b.is_ascii_hexdigit());
    (hex(trace, 32) && hex(span, 16)).then(|| (trace.to_owned(), span.to_owned()))
}

/// Who did it, by the extension for that.
fn actor(envelope: &Envelope<'_>) -> Option<Who<'static>> {
    let kind = match envelope.text("authtype")?.as_str() {
        "app_user" | "user" => "user",
        "service_account" | "api_key" => "service",
        "system" => "system",
        "unauthenticated" => "anonymous",
        _ => return None,
    };
    let id = envelope.text("authid").map(Into::into);
    Some(Who { kind: Some(kind.into()), id, ..Who::default() })
}

#[cfg(test)]
#[path = "cloudevents_tests.rs"]
mod tests;
