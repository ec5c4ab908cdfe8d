//! Values, as the two databases give them.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use super::{Key, f64Bits};
use crate::cell::{Cell, is_json, is_number, unhex};

/// What a column's values become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CellKind {
    Text,
    Number,
    Bool,
    Json,
    Time,
    Bytes,
}

impl CellKind {
    /// By the type below all domains. What is not here is a text, as PostgreSQL writes it.
    pub(super) fn postgres(base: &str) -> CellKind {
        match base {
            "int2" | "int4" | "int8" | "oid" | "numeric" | "float4" | "float8" => CellKind::Number,
            "bool" => CellKind::Bool,
            "json" | "jsonb" => CellKind::Json,
            "timestamptz" => CellKind::Time,
            "bytea" => CellKind::Bytes,
            _ => CellKind::Text,
        }
    }

    /// By what was declared; the values decide for themselves, as they do in SQLite.
    pub(super) fn sqlite(declared: &str) -> CellKind {
        let declared = declared.to_ascii_uppercase();
        if declared.starts_with("BOOL") {
            CellKind::Bool
        } else if declared.starts_with("JSON") {
            CellKind::Json
        } else {
            CellKind::Text
        }
    }
}

/// A column that was cast to text.
pub(super) fn postgres(row: &PgRow, at: usize, kind: CellKind) -> Result<Cell, sqlx::Error> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let bytes = value.as_bytes().map_err(sqlx::Error::Decode)?;
    // A database without an encoding may hold anything.
    let Ok(text) = std::str::from_utf8(bytes) else { return Ok(Cell::Bytes(bytes.to_vec())) };
    let text = text.to_owned();
    Ok(match kind {
        CellKind::Number if is_number(&text) => Cell::Number(text),
        CellKind::Bool => Cell::Bool(text == "true"),
        CellKind::Json => Cell::Json(text),
        CellKind::Time => moment(&text).map_or(Cell::Text(text), Cell::Time),
        CellKind::Bytes => match text.strip_prefix("\\x").and_then(unhex) {
            Some(bytes) => Cell::Bytes(bytes),
            None => Cell::Text(text),
        },
        _ => Cell::Text(text),
    })
}

/// `2026-01-02 03:04:05.6+00` in RFC 3339. Infinity, and years that it has no words for, stay texts.
fn moment(text: &str) -> Option<String> {
    let plain = text.strip_suffix("+00")?;
    let (date, time) = plain.split_once(' ')?;
    (date.len() == 10 && time.len() >= 8).then(|| format!("{date}T{time}Z"))
}

pub(super) fn postgres_key(row: &PgRow, at: usize) -> Result<Key, sqlx::Error> {
    row.try_get(at).map(Key::Text)
}

pub(super) fn sqlite(row: &SqliteRow, at: usize, kind: CellKind) -> Result<Cell, sqlx::Error> {
    Ok(match sqlite_value(row, at)? {
        None => Cell::Null,
        Some(Key::Integer(value @ (0 | 1))) if kind == CellKind::Bool => Cell::Bool(value == 1),
        Some(Key::Integer(value)) => Cell::Number(value.to_string()),
        Some(Key::Real(value)) => {
            let text = format!("{:?}", f64::from_bits(value.bits));
            if is_number(&text) { Cell::Number(text) } else { Cell::Text(text) }
        }
        Some(Key::Text(text)) if kind == CellKind::Json && is_json(&text) => Cell::Json(text),
        Some(Key::Text(text)) => Cell::Text(text),
        Some(Key::Bytes(bytes)) => Cell::Bytes(bytes),
    })
}

pub(super) fn sqlite_key(row: &SqliteRow, at: usize) -> Result<Key, sqlx::Error> {
    // No key is NULL: that was looked for.
    sqlite_value(row, at).map(|key| key.unwrap_or(Key::Text(String::new())))
}

fn sqlite_value(row: &SqliteRow, at: usize) -> Result<Option<Key>, sqlx::Error> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(None);
    }
    let name = value.type_info().name().to_owned();
    Ok(Some(match &*name {
        "INTEGER" => Key::Integer(row.try_get_unchecked(at)?),
        "REAL" => Key::Real(f64Bits { bits: row.try_get_unchecked::<f64, _>(at)?.to_bits() }),
        "BLOB" => Key::Bytes(row.try_get_unchecked(at)?),
        _ => {
            let bytes: Vec<u8> = row.try_get_unchecked(at)?;
            String::from_utf8(bytes).map_or_else(|e| Key::Bytes(e.into_bytes()), Key::Text)
        }
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_rfc_3339_where_it_has_words_for_them() {
        assert_eq!(moment("2026-01-02 03:04:05.6+00").unwrap(), "2026-01-02T03:04:05.6Z");
        for other in
            ["infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "12026-01-02 03:04:05+00"]
        {
            assert_eq!(moment(other), None);
        }
    }
}
