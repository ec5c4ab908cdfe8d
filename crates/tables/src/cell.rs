//! What values are worth beside what rows make of them.

use indelible_connect::rows::Cell;
use serde_json::value::RawValue;

/// How many bytes a value holds.
pub(crate) fn len(cell: &Cell<'_>) -> usize {
    match cell {
        Cell::Null | Cell::Bool(_) | Cell::Time(_) => 0,
        Cell::Text(text) | Cell::Number(text) | Cell::Json(text) => text.len(),
        Cell::Bytes(bytes) => bytes.len(),
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
