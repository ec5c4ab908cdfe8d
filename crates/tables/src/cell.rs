//! A value of a table, as it is kept: no number goes through a float, nothing is rounded.

use serde_json::value::RawValue;

/// A value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// None.
    Null,
    /// A text; also whatever has no kind of its own here, as the database writes it.
    Text(String),
    /// A number, as JSON writes it.
    Number(String),
    /// True or false.
    Bool(bool),
    /// JSON, as it was kept.
    Json(String),
    /// A moment, RFC 3339.
    Time(String),
    /// Bytes.
    Bytes(Vec<u8>),
}

impl Cell {
    /// How many bytes it holds.
    pub(crate) fn len(&self) -> usize {
        match self {
            Cell::Null | Cell::Bool(_) => 0,
            Cell::Text(text) | Cell::Number(text) | Cell::Json(text) | Cell::Time(text) => {
                text.len()
            }
            Cell::Bytes(bytes) => bytes.len(),
        }
    }

    /// As a part of a key; `None` for NULL.
    pub(crate) fn said(&self) -> Option<String> {
        match self {
            Cell::Null => None,
            Cell::Text(text) | Cell::Number(text) | Cell::Json(text) | Cell::Time(text) => {
                Some(text.clone())
            }
            Cell::Bool(value) => Some(value.to_string()),
            Cell::Bytes(bytes) => Some(hex(bytes)),
        }
    }
}

/// Whether JSON has this number: databases have others, as `NaN` and `Infinity`.
pub(crate) fn is_number(text: &str) -> bool {
    text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) && is_json(text)
}

pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text).is_ok()
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|digit| digit.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits.filter(|digits| digits.len() % 2 == 0)?;
    Some(digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}
