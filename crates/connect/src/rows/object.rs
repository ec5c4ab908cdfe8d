//! Rows that are JSON objects, and the first line of a CSV file.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::cell::{Cell, Row};
use super::map::Map;
use crate::draft::{Text, Unmapped};

/// The members of a JSON object as named values. What is nested stays JSON.
pub fn object(json: &str) -> Result<Vec<(Text<'_>, Cell<'_>)>, Unmapped> {
    struct Read<'a>(Vec<(Text<'a>, Cell<'a>)>);
    struct Members;
    impl<'de> Visitor<'de> for Members {
        type Value = Read<'de>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Read<'de>, A::Error> {
            let mut members: Vec<(Text<'de>, Cell<'de>)> = Vec::new();
            let mut seen = std::collections::HashSet::new();
            while let Some(Name(name)) = map.next_key::<Name<'de>>()? {
                if !seen.insert(name.clone()) {
                    return Err(A::Error::custom(format!("{name} is given twice")));
                }
                let raw: &'de RawValue = map.next_value()?;
                members.push((name, cell(raw.get()).map_err(A::Error::custom)?));
            }
            Ok(Read(members))
        }
    }
    impl<'de> Deserialize<'de> for Read<'de> {
        fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Read<'de>, D::Error> {
            from.deserialize_map(Members)
        }
    }
    let read: Result<Read<'_>, _> = serde_json::from_str(json);
    read.map(|read| read.0)
        .map_err(|error| Unmapped::new("", format!("is no JSON object: {error}")))
}

fn cell(raw: &str) -> serde_json::Result<Cell<'_>> {
    Ok(match raw.as_bytes().first() {
        Some(b'"') if !raw.contains('\\') => Cell::Text(Cow::Borrowed(&raw[1..raw.len() - 1])),
        Some(b'"') => Cell::Text(Cow::Owned(serde_json::from_str(raw)?)),
        Some(b'n') => Cell::Null,
        Some(b't') => Cell::Bool(true),
        Some(b'f') => Cell::Bool(false),
        Some(b'{' | b'[') => Cell::Json(Cow::Borrowed(raw)),
        _ => Cell::Number(Cow::Borrowed(raw)),
    })
}

#[derive(Deserialize)]
struct Name<'a>(#[serde(borrow)] Cow<'a, str>);

impl Map {
    /// The values of named ones as this map's columns have them, and those that have no column. The names of the
    /// latter are made different from the former's.
    pub fn arrange<'a>(
        &self,
        members: Vec<(Text<'a>, Cell<'a>)>,
    ) -> (Vec<Cell<'a>>, Vec<(Text<'a>, Cell<'a>)>) {
        let mut cells = vec![Cell::Null; self.columns.len()];
        let mut more = Vec::new();
        for (name, cell) in members {
            match self.columns.iter().position(|column| column.name == name) {
                Some(i) => cells[i] = cell,
                None => more.push((self.free_name(name), cell)),
            }
        }
        (cells, more)
    }

    fn free_name<'a>(&self, name: Text<'a>) -> Text<'a> {
        if !name.contains('\0') && !self.has_key(&name) {
            return name;
        }
        let mut free = name.replace('\0', "");
        while self.has_key(&free) {
            free.push('_');
        }
        Cow::Owned(free)
    }
}

/// The row of what [`Map::arrange`] gives.
pub fn row<'a>(position: u64, arranged: &'a (Vec<Cell<'a>>, Vec<(Text<'a>, Cell<'a>)>)) -> Row<'a> {
    Row { position, cells: &arranged.0, more: &arranged.1 }
}

/// What stands between the values of a CSV file, by its first line: the comma, the semicolon, the tab or the bar that is
/// there most often outside of quotes.
pub fn delimiter(header: &[u8]) -> u8 {
    let mut counts = [(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)];
    let mut quoted = false;
    for byte in header {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            byte if !quoted => {
                if let Some((_, count)) = counts.iter_mut().find(|(mark, _)| mark == byte) {
                    *count += 1;
                }
            }
            _ => {}
        }
    }
    // The first of equals: a comma, if there is nothing at all.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(mark, _)| *mark)
}
