//! Values, as the two databases give them.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{Row as _, TypeInfo as _, ValueRef as _};

use indelible_connect::rows::{Cell, Kind};
use indelible_event::Micros;

use super::{Bits, Key};
use crate::cell::{is_json, is_number, unhex};

/// By the type below all domains. What is not here is a text, as PostgreSQL writes it; a moment without a zone is one
/// too, for the map says which zone was meant.
pub(super) fn postgres_kind(base: &str) -> Kind {
    match base {
        "int2" | "int4" | "int8" | "oid" | "numeric" | "float4" | "float8" => Kind::Number,
        "bool" => Kind::Bool,
        "json" | "jsonb" => Kind::Json,
        "timestamptz" => Kind::Time,
        "bytea" => Kind::Bytes,
        "text" | "varchar" | "bpchar" | "name" | "citext" => Kind::Text,
        _ => Kind::Unknown,
    }
}

/// By what was declared; the values decide for themselves, as they do in SQLite.
pub(super) fn sqlite_kind(declared: &str) -> Kind {
    let declared = declared.to_ascii_uppercase();
    match &*declared {
        declared if declared.starts_with("BOOL") => Kind::Bool,
        declared if declared.starts_with("JSON") => Kind::Json,
        declared if declared.contains("CHAR") || declared.contains("TEXT") => Kind::Text,
        declared if declared.contains("INT") => Kind::Number,
        _ => Kind::Unknown,
    }
}

/// A column that was cast to text.
pub(super) fn postgres(row: &PgRow, at: usize, kind: Kind) -> Result<Cell<'static>, sqlx::Error> {
    let value = row.try_get_raw(at)?;
    if value.is_null() {
        return Ok(Cell::Null);
    }
    let bytes = value.as_bytes().map_err(sqlx::Error::Decode)?;
    // A database without an encoding may hold anything.
    let Ok(text) = std::str::from_utf8(bytes) else {
        return Ok(Cell::Bytes(bytes.to_vec().into()));
    };
    let text = text.to_owned();
    Ok(match kind {
        Kind::Number if is_number(&text) => Cell::Number(text.into()),
        Kind::Bool => Cell::Bool(text == "true"),
        Kind::Json => Cell::Json(text.into()),
        Kind::Time => moment(&text).map_or_else(|| Cell::Text(text.clone().into()), Cell::Time),
        Kind::Bytes => match text.strip_prefix("\\x").and_then(unhex) {
            Some(bytes) => Cell::Bytes(bytes.into()),
            None => Cell::Text(text.into()),
        },
        _ => Cell::Text(text.into()),
    })
}

/// `2026-01-02 03:04:05.6+00`. Infinity, and years that RFC 3339 has no words for, stay texts.
fn moment(text: &str) -> Option<Micros> {
    let plain = text.strip_suffix("+00")?;
    let (date, time) = plain.split_once(' ')?;
    Micros::parse(&format!("{date}T{time}Z")).ok()
}

pub(super) fn postgres_key(row: &PgRow, at: usize) -> Result<Key, sqlx::Error> {
    row.try_get(at).map(Key::Text)
}

pub(super) fn sqlite(row: &SqliteRow, at: usize, kind: Kind) -> Result<Cell<'static>, sqlx::Error> {
    Ok(match sqlite_value(row, at)? {
        None => Cell::Null,
        Some(Key::Integer(value @ (0 | 1))) if kind == Kind::Bool => Cell::Bool(value == 1),
        Some(Key::Integer(value)) => Cell::Number(value.to_string().into()),
        Some(Key::Real(value)) => {
            let text = format!("{:?}", f64::from_bits(value.bits));
            if is_number(&text) { Cell::Number(text.into()) } else { Cell::Text(text.into()) }
        }
        Some(Key::Text(text)) if kind == Kind::Json && is_json(&text) => Cell::Json(text.into()),
        Some(Key::Text(text)) => Cell::Text(text.into()),
        Some(Key::Bytes(bytes)) => Cell::Bytes(bytes.into()),
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
        "REAL" => Key::Real(Bits { bits: row.try_get_unchecked::<f64, _>(at)?.to_bits() }),
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
    fn moments_are_read_where_there_are_words_for_them() {
        let at = moment("2026-01-02 03:04:05.6+00").unwrap();
        assert_eq!(at.to_string(), "2026-01-02T03:04:05.600000Z");
        for other in
            ["infinity", "-infinity", "0044-03-15 12:00:00+00 BC", "12026-01-02 03:04:05+00"]
        {
            assert_eq!(moment(other), None);
        }
    }
}
