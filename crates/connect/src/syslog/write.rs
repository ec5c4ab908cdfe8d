//! An event as a message of RFC 5424.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::members::{Members, add};
use crate::limits::CEF_CUSTOM_CHARS_MAX;
use crate::{Event, cef};

/// What the text of a message is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Form {
    /// The event as JSON, on one line.
    #[default]
    Json,
    /// CEF.
    Cef,
}

/// What a message says of its sender, and how large it may be.
#[derive(Clone, Copy, Debug)]
pub struct Header<'a> {
    /// The facility: 0 to 23.
    pub facility: u8,
    /// The machine that sends, where the event does not say on which one it happened.
    pub host: Option<&'a str>,
    /// What the text is.
    pub form: Form,
    /// The most bytes of the whole message. What is larger goes without its largest free members.
    pub bytes_max: usize,
}

/// The name of our structured data. 32473 is the number that examples have; nobody else's is taken.
const SD_ID: &str = "indelible@32473";

/// The most bytes of a MSGID, and of a HOSTNAME.
const MSGID_BYTES_MAX: usize = 32;
const HOST_BYTES_MAX: usize = 255;

/// What may be left out of an event as JSON, where it is too large: first what is largest and says least to who only
/// looks for it.
const LEFT_OUT: [&str; 8] =
    ["changes", "details", "subjects", "targets", "error", "context", "actor", "source"];

/// Writes a message, without a count. `json` is the event as the API shows it, `leaf` its leaf hash in hex.
///
/// ```
/// use indelible_connect::{Event, syslog};
///
/// let json = r#"{"trail":"shop","seq":7,"id":"0190","recorded_at":"2026-01-31T10:00:00.000000Z","action":"user.login"}"#;
/// let event = Event::read(json).ok_or("no event")?;
/// let header = syslog::Header { facility: 13, host: None, form: syslog::Form::Json, bytes_max: 8192 };
/// let mut message = Vec::new();
/// syslog::write(&event, json, "ab", &header, &mut message);
/// let head = r#"<110>1 2026-01-31T10:00:00.000000Z - indelible - user.login [indelible@32473 trail="shop" seq="7" id="0190" leaf="ab"] {"#;
/// assert!(message.starts_with(head.as_bytes()));
/// # Ok::<(), &str>(())
/// ```
pub fn write(event: &Event, json: &str, leaf: &str, header: &Header<'_>, out: &mut Vec<u8>) {
    let start = out.len();
    let head = head(event, leaf, header);
    let room = header.bytes_max.saturating_sub(head.len());
    out.extend_from_slice(head.as_bytes());
    let text = out.len();
    match header.form {
        Form::Json => out.extend_from_slice(fitted(json, room).as_bytes()),
        Form::Cef => {
            // Custom texts of the dictionary's length, of what most receivers take, and none.
            for free_max in [CEF_CUSTOM_CHARS_MAX, 500, 0] {
                out.truncate(text);
                cef::message(event, leaf, free_max, out);
                if out.len() - text <= room {
                    break;
                }
            }
        }
    }
    for byte in &mut out[start..] {
        // Where receivers break lines; in JSON they stand between members only.
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// Writes a message with its count before it (RFC 6587).
pub fn count(message: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(message.len().to_string().as_bytes());
    out.push(b' ');
    out.extend_from_slice(message);
}

fn head(event: &Event, leaf: &str, header: &Header<'_>) -> String {
    let mut head = String::with_capacity(320);
    let priority = u32::from(header.facility.min(23)) * 8 + severity(event);
    let host = event.context.as_ref().and_then(|context| context.host.as_deref());
    let host = host.or(header.host).map(|host| plain(host, HOST_BYTES_MAX));
    let msgid = plain(&event.action, MSGID_BYTES_MAX);
    let at = if event.at().is_empty() { "-" } else { event.at() };
    let _ = write!(head, "<{priority}>1 {at} {} indelible - {msgid} [{SD_ID}", nil(host));
    for (name, value) in [
        ("trail", &*event.trail),
        ("seq", &event.seq.to_string()),
        ("id", &event.id),
        ("leaf", leaf),
    ] {
        let _ = write!(head, " {name}=\"");
        for c in value.chars() {
            if matches!(c, '"' | '\\' | ']') {
                head.push('\\');
            }
            head.push(c);
        }
        head.push('"');
    }
    head.push_str("] ");
    head
}

/// What did not succeed stands out: 3 is an error, 4 a warning, 6 for information.
fn severity(event: &Event) -> u32 {
    match event.outcome.as_deref() {
        Some("error") => 3,
        Some("denied" | "failure") => 4,
        _ => 6,
    }
}

fn nil(text: Option<String>) -> String {
    text.filter(|text| !text.is_empty()).unwrap_or_else(|| "-".into())
}

/// Printable ASCII without spaces, as the header's fields are; cut.
fn plain(text: &str, bytes_max: usize) -> String {
    let plain = |c: char| if c.is_ascii_graphic() { c } else { '_' };
    text.chars().take(bytes_max).map(plain).collect()
}

/// The JSON, without as many of its members as it takes to fit, and what was left out in `cut`.
fn fitted(json: &str, room: usize) -> Cow<'_, str> {
    if json.len() <= room {
        return json.into();
    }
    let Some(Members(mut members)) = Members::read(json) else { return json.into() };
    let (mut cut, mut said): (Vec<&str>, _) = (Vec::new(), None);
    for name in LEFT_OUT {
        let before = members.len();
        members.retain(|(member, _)| member != name);
        if members.len() == before {
            continue;
        }
        cut.push(name);
        let mut made = String::new();
        for (name, value) in &members {
            add(&mut made, name, value.get());
        }
        add(&mut made, "cut", &serde_json::to_string(&cut).expect("plain data goes into memory"));
        made.push('}');
        let fits = made.len() <= room;
        said = Some(made);
        if fits {
            break;
        }
    }
    said.map_or(json.into(), Into::into)
}
