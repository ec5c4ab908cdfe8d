//! What a row is made of.

use std::borrow::Cow;

use indelible_event::Micros;

use crate::draft::Text;

/// What a column holds, as far as its owner knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Anything.
    #[default]
    Unknown,
    /// Text.
    Text,
    /// Numbers.
    Number,
    /// Truth.
    Bool,
    /// JSON.
    Json,
    /// Moments.
    Time,
    /// Bytes.
    Bytes,
}

/// A column.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Column {
    /// Its name, as it is written there.
    pub name: String,
    /// What it holds.
    pub kind: Kind,
    /// Whether it is a part of what tells one row from all others.
    pub key: bool,
}

impl Column {
    /// A column of which nothing is known but its name.
    pub fn named(name: impl Into<String>) -> Column {
        Column { name: name.into(), ..Column::default() }
    }
}

/// A value.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell<'a> {
    /// None.
    Null,
    /// Text; also a time whose zone is not known.
    Text(Text<'a>),
    /// A number, as it was written.
    Number(Text<'a>),
    /// True or false.
    Bool(bool),
    /// JSON, as it was written.
    Json(Text<'a>),
    /// A moment.
    Time(Micros),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
}

/// A row.
#[derive(Clone, Debug)]
pub struct Row<'a> {
    /// Its place in what is read, from 1. It tells equal rows without a key apart, so it has to stay the same when the
    /// same thing is read again.
    pub position: u64,
    /// A value for each column. What is missing at the end is [`Cell::Null`].
    pub cells: &'a [Cell<'a>],
    /// Values that have no column: names that none of the columns has, each once.
    pub more: &'a [(Text<'a>, Cell<'a>)],
}

impl<'a> Cell<'a> {
    /// Its text, as an id or a name would have it. `None` for what says nothing: null, and an empty text.
    pub(super) fn text(&'a self) -> Option<Text<'a>> {
        let text = match self {
            Cell::Null => return None,
            Cell::Text(text) | Cell::Number(text) => Cow::Borrowed(&**text),
            Cell::Bool(true) => Cow::Borrowed("true"),
            Cell::Bool(false) => Cow::Borrowed("false"),
            Cell::Json(json) => match json.trim_ascii() {
                "null" => return None,
                quoted if quoted.starts_with('"') => {
                    serde_json::from_str(quoted).map_or(Cow::Borrowed(quoted), Cow::Owned)
                }
                other => Cow::Borrowed(other),
            },
            Cell::Time(at) => Cow::Owned(at.to_string()),
            Cell::Bytes(bytes) => Cow::Owned(bytes_text(bytes)),
        };
        (!text.trim_ascii().is_empty()).then_some(text)
    }

    /// Whether it says nothing at all.
    pub(super) fn is_null(&self) -> bool {
        match self {
            Cell::Null => true,
            Cell::Json(json) => json.trim_ascii() == "null",
            _ => false,
        }
    }

    /// Its JSON: text that is no JSON by its kind stays text.
    pub(super) fn write_json(&self, out: &mut String) {
        match self {
            Cell::Null => out.push_str("null"),
            Cell::Number(number) if is_number(number) => out.push_str(number),
            Cell::Text(text) | Cell::Number(text) => write_text(text, out),
            Cell::Bool(true) => out.push_str("true"),
            Cell::Bool(false) => out.push_str("false"),
            Cell::Json(json) if is_fit(json) => out.push_str(json.trim_ascii()),
            Cell::Json(json) => write_text(json, out),
            Cell::Time(at) => write_text(&at.to_string(), out),
            Cell::Bytes(bytes) => write_text(&bytes_text(bytes), out),
        }
    }

    /// Its JSON where it is the state of something: a text that is an object or an array is one, as many tables keep
    /// them in columns of text.
    pub(super) fn state(&'a self) -> Option<Text<'a>> {
        match self {
            cell if cell.is_null() => None,
            Cell::Text(text) if text.trim_ascii().is_empty() => None,
            Cell::Text(json) | Cell::Json(json) if is_tree(json) && is_fit(json) => {
                Some(Cow::Borrowed(json.trim_ascii()))
            }
            cell => {
                let mut json = String::new();
                cell.write_json(&mut json);
                Some(Cow::Owned(json))
            }
        }
    }

    /// The JSON object that it is.
    pub(super) fn object(&self) -> Option<&str> {
        match self {
            Cell::Text(json) | Cell::Json(json) => {
                let json = json.trim_ascii();
                (json.starts_with('{') && is_fit(json)).then_some(json)
            }
            _ => None,
        }
    }
}

/// Bytes as text: those of a UUID as one, others in hex.
fn bytes_text(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(bytes.len() * 2 + 4);
    for (i, byte) in bytes.iter().enumerate() {
        if bytes.len() == 16 && matches!(i, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

/// Writes a text as JSON has it.
pub(super) fn write_text(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).expect("a text is written to memory"));
}

fn is_tree(json: &str) -> bool {
    json.trim_ascii_start().starts_with(['{', '['])
}

/// Whether a number is one in JSON too: databases know NaN and infinity.
fn is_number(text: &str) -> bool {
    text.starts_with(|c: char| c == '-' || c.is_ascii_digit())
        && serde_json::from_str::<&serde_json::value::RawValue>(text).is_ok()
}

/// Whether an event may hold this JSON as it is. What others take for JSON has keys twice, or half characters; such is
/// kept as text.
pub(super) fn is_fit(json: &str) -> bool {
    let json = json.trim_ascii();
    if json.len() > indelible_event::limits::EVENT_BYTES_MAX {
        return false;
    }
    let mut event = String::with_capacity(json.len() + 32);
    event.push_str(r#"{"action":"a","details":{"a":"#);
    event.push_str(json);
    event.push_str("}}");
    // Braces that close what was opened here must not pass for its own.
    serde_json::from_str::<&serde_json::value::RawValue>(json).is_ok()
        && indelible_event::check(event.as_bytes()).is_ok()
}
