//! A map as a file: written down, corrected by hand, read again.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserializer, MapAccess, Visitor};

use super::cell::Column;
use super::map::{Map, Take};
use super::members::{COUNT, Member, USUAL, named};
use super::time::Zone;
use crate::limits::MAP_BYTES_MAX;
use crate::text::is_harmful;

/// What is wrong with a map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MapError(pub String);

impl fmt::Display for MapError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MapError {}

/// A member's line: a column, or more about it.
enum Line {
    Column(String),
    Full(Full),
}

#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Full {
    column: Option<String>,
    columns: Vec<String>,
    #[serde(rename = "const")]
    constant: Option<String>,
    values: BTreeMap<String, String>,
    entity: Option<String>,
}

impl<'de> Deserialize<'de> for Line {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Line, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Line;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a column's name, or { column, columns, const, values, entity }")
            }

            fn visit_str<E>(self, text: &str) -> Result<Line, E> {
                Ok(Line::Column(text.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Line, A::Error> {
                Full::deserialize(MapAccessDeserializer::new(map)).map(Line::Full)
            }
        }
        from.deserialize_any(Either)
    }
}

impl Map {
    /// Reads a map for these columns: what the file does not name goes to `details`. `source` is the name under which
    /// ids are made, where the file names none.
    pub fn read(yaml: &str, source: &str, columns: &[Column]) -> Result<Map, MapError> {
        if yaml.len() > MAP_BYTES_MAX {
            return Err(MapError(format!("the map is longer than {MAP_BYTES_MAX} bytes")));
        }
        let lines: BTreeMap<String, Line> =
            serde_saphyr::from_str(yaml).map_err(|error| MapError(error.to_string()))?;
        let mut map = Map::empty(source, columns);
        for (name, line) in lines {
            match (&*name, line) {
                ("source", Line::Column(text)) => map.source = text,
                ("zone", Line::Column(text)) => {
                    map.zone = Zone::named(&text).ok_or_else(|| {
                        MapError(format!(
                            "zone: {text} is not known here: write Europe/Berlin or +02:00"
                        ))
                    })?;
                }
                ("source" | "zone", Line::Full(_)) => {
                    return Err(MapError(format!("{name}: must be a text")));
                }
                (_, line) => {
                    let member = named(&name).ok_or_else(|| unknown(&name))?;
                    map.set(member, take(&name, member, line, columns)?);
                }
            }
        }
        if map.source.contains('\0') {
            return Err(MapError("source: has U+0000 in it".into()));
        }
        Ok(map)
    }

    /// The map as a file, which [`Map::read`] reads.
    pub fn yaml(&self) -> String {
        let mut yaml =
            format!("source: {}\nzone: {}\n", scalar(&self.source), scalar(&self.zone.name));
        let column = |i: &usize| scalar(&self.columns[*i].name);
        for one in &USUAL {
            let Some(take) = self.take(one.0) else { continue };
            let plain = take.constant.is_none() && take.values.is_empty() && take.entity.is_none();
            let mut parts = Vec::new();
            match &take.columns[..] {
                [] => {}
                [only] if plain => {
                    yaml += &format!("{}: {}\n", one.1, column(only));
                    continue;
                }
                [only] => parts.push(format!("column: {}", column(only))),
                several => {
                    let names: Vec<String> = several.iter().map(column).collect();
                    parts.push(format!("columns: [{}]", names.join(", ")));
                }
            }
            parts.extend(take.entity.iter().map(|i| format!("entity: {}", column(i))));
            parts.extend(take.constant.iter().map(|text| format!("const: {}", scalar(text))));
            if !take.values.is_empty() {
                let values: Vec<String> = take
                    .values
                    .iter()
                    .map(|(a, b)| format!("{}: {}", quoted(a), scalar(b)))
                    .collect();
                parts.push(format!("values: {{ {} }}", values.join(", ")));
            }
            yaml += &format!("{}: {{ {} }}\n", one.1, parts.join(", "));
        }
        yaml
    }
}

fn unknown(name: &str) -> MapError {
    let names: Vec<&str> = USUAL.iter().map(|usual| usual.1).collect();
    debug_assert_eq!(names.len(), COUNT, "each member has a name");
    MapError(format!("{name}: is not a member: there are source, zone, {}", names.join(", ")))
}

fn take(name: &str, member: Member, line: Line, columns: &[Column]) -> Result<Take, MapError> {
    let place = |column: &str| {
        columns.iter().position(|one| one.name == column).ok_or_else(|| {
            let names: Vec<&str> = columns.iter().map(|column| &*column.name).collect();
            MapError(format!("{name}: there is no column {column}: there are {}", names.join(", ")))
        })
    };
    let full = match line {
        Line::Column(column) => return Ok(Take::columns(vec![place(&column)?])),
        Line::Full(full) => full,
    };
    if full.column.is_some() && !full.columns.is_empty() {
        return Err(MapError(format!("{name}: give column or columns, not both")));
    }
    if full.entity.is_some() && member != Member::Action {
        return Err(MapError(format!("{name}: entity is for the action alone")));
    }
    let whole = matches!(
        member,
        Member::Id
            | Member::OccurredAt
            | Member::Before
            | Member::After
            | Member::Changes
            | Member::Details
    );
    if whole && (full.constant.is_some() || !full.values.is_empty()) {
        return Err(MapError(format!("{name}: is taken of a column, without const or values")));
    }
    let of = full.column.iter().chain(&full.columns).map(|column| place(column));
    let take = Take {
        columns: of.collect::<Result<_, _>>()?,
        constant: full.constant,
        values: full.values,
        entity: full.entity.map(|column| place(&column)).transpose()?,
    };
    if take.columns.is_empty() && take.constant.is_none() && take.entity.is_none() {
        return Err(MapError(format!("{name}: says nothing: give column, columns or const")));
    }
    Ok(take)
}

/// A text as YAML has it: as it is where that cannot be taken for anything else.
fn scalar(text: &str) -> String {
    let mut bytes = text.bytes();
    let plain = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic())
        && bytes
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'/' | b'-'))
        && !matches!(
            &*text.to_ascii_lowercase(),
            "y" | "n" | "yes" | "no" | "on" | "off" | "true" | "false" | "null"
        );
    if plain { text.to_owned() } else { quoted(text) }
}

/// A text in quotes. What YAML does not take as it is, and what could not be seen, is escaped.
fn quoted(text: &str) -> String {
    let mut yaml = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => yaml.extend(['\\', c]),
            '\u{fffe}' | '\u{ffff}' => yaml += &format!("\\u{:04x}", u32::from(c)),
            c if is_harmful(c) => yaml += &format!("\\U{:08x}", u32::from(c)),
            c => yaml.push(c),
        }
    }
    yaml.push('"');
    yaml
}
