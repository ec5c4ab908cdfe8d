//! The walk over a record by a table: what is placed, and what stays.

use std::borrow::Cow;

use serde::de::{self, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::draft::{Text, Unmapped};

/// What becomes of a member of a record. `S` names the places of a format.
pub(super) enum At<S: 'static> {
    /// It moves: a text, a number or a truth of at most so many bytes.
    Move(S, usize),
    /// It moves, whatever JSON it is but null.
    MoveJson(S),
    /// It is read, and stays.
    Read(S),
    /// It is an object with members of its own to look at.
    Into(&'static [(&'static str, At<S>)]),
}

/// A table of members.
pub(super) type Table<S> = [(&'static str, At<S>)];

/// A format's places, counted.
pub(super) trait Slot: Copy {
    /// Its place among them.
    fn index(self) -> usize;
}

/// What was found in a record.
pub(super) struct Fields<'a, const N: usize> {
    found: [Option<&'a str>; N],
    /// What stays, as a JSON object.
    pub rest: String,
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Walks over a record, which has to be an object.
    pub(super) fn read<S: Slot>(
        record: &'a str,
        table: &'static Table<S>,
    ) -> Result<Fields<'a, N>, Unmapped> {
        let mut fields = Fields { found: [None; N], rest: String::with_capacity(record.len()) };
        if !record.trim_ascii_start().starts_with('{') {
            return Err(Unmapped::new("", "is not a JSON object"));
        }
        fields
            .walk(record, table)
            .map_err(|error| Unmapped::new("", format!("is not JSON: {error}")))?;
        Ok(fields)
    }

    fn walk<S: Slot>(
        &mut self,
        object: &'a str,
        table: &'static Table<S>,
    ) -> serde_json::Result<()> {
        let mut from = serde_json::Deserializer::from_str(object);
        let begin = self.rest.len();
        de::Deserializer::deserialize_map(&mut from, Walk { fields: self, table, begin })?;
        from.end()?;
        if self.rest.len() > begin {
            self.rest.push('}');
        }
        Ok(())
    }

    fn key(&mut self, begin: usize, key: &str) {
        self.rest.push(if self.rest.len() == begin { '{' } else { ',' });
        write_text(key, &mut self.rest);
        self.rest.push(':');
    }

    /// A member as it was written.
    pub(super) fn raw(&self, slot: impl Slot) -> Option<&'a str> {
        self.found[slot.index()]
    }

    /// A member's text; a number's digits. `None` for null, an empty text and whatever is no text.
    pub(super) fn text(&self, slot: impl Slot) -> Option<Text<'a>> {
        text(self.raw(slot)?)
    }

    /// Says that a member that moved has no place after all: it stays under this name.
    pub(super) fn stays(&mut self, slot: impl Slot, name: &str) {
        if let Some(raw) = self.raw(slot) {
            if self.rest.ends_with('}') {
                self.rest.pop();
            }
            self.rest.push(if self.rest.is_empty() { '{' } else { ',' });
            write_text(name, &mut self.rest);
            self.rest.push(':');
            self.rest.push_str(raw);
            self.rest.push('}');
        }
    }

    /// What stays, if anything does.
    pub(super) fn details(&mut self) -> Option<Text<'a>> {
        let rest = std::mem::take(&mut self.rest);
        (!rest.is_empty()).then_some(Cow::Owned(rest))
    }
}

/// The text of a JSON token.
pub(super) fn text(raw: &str) -> Option<Text<'_>> {
    match raw.as_bytes().first()? {
        b'"' => {
            let inner = &raw[1..raw.len().max(2) - 1];
            if inner.is_empty() {
                return None;
            }
            // Without an escape the text is what stands between the quotes.
            if !inner.contains('\\') {
                return Some(Cow::Borrowed(inner));
            }
            serde_json::from_str(raw).ok().map(Cow::Owned)
        }
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(raw)),
        _ => None,
    }
}

struct Walk<'f, 'a, S: 'static, const N: usize> {
    fields: &'f mut Fields<'a, N>,
    table: &'static Table<S>,
    begin: usize,
}

impl<'a, S: Slot, const N: usize> Visitor<'a> for Walk<'_, 'a, S, N> {
    type Value = ();

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        let Walk { fields, table, begin } = self;
        let mut guess = 0;
        while let Some(Key(key)) = map.next_key::<Key<'a>>()? {
            let raw: &'a RawValue = map.next_value()?;
            let raw = raw.get();
            let (before, after) = table.split_at(guess.min(table.len()));
            let place = after.iter().position(|(name, _)| *name == key).map(|i| i + before.len());
            let place = place.or_else(|| before.iter().position(|(name, _)| *name == key));
            if let Some(place) = place {
                guess = place + 1;
                if fields.place(&key, raw, &table[place].1, begin).map_err(de::Error::custom)? {
                    continue;
                }
            }
            fields.key(begin, &key);
            fields.rest.push_str(raw);
        }
        Ok(())
    }
}

impl<'a, const N: usize> Fields<'a, N> {
    /// Does what the table says; whether nothing is left to be kept.
    fn place<S: Slot>(
        &mut self,
        key: &str,
        raw: &'a str,
        at: &'static At<S>,
        begin: usize,
    ) -> serde_json::Result<bool> {
        match at {
            At::Move(slot, bytes_max) => {
                let found = &mut self.found[slot.index()];
                let fits = found.is_none() && raw.len() <= *bytes_max && text(raw).is_some();
                if fits {
                    *found = Some(raw);
                }
                Ok(fits)
            }
            At::MoveJson(slot) => {
                let found = &mut self.found[slot.index()];
                let fits = found.is_none() && raw != "null";
                if fits {
                    *found = Some(raw);
                }
                Ok(fits)
            }
            At::Read(slot) => {
                self.found[slot.index()].get_or_insert(raw);
                Ok(false)
            }
            At::Into(table) if raw.starts_with('{') => {
                let mark = self.rest.len();
                self.key(begin, key);
                let inner = self.rest.len();
                self.walk(raw, table)?;
                if self.rest.len() == inner {
                    // An object that had nothing in it says so itself.
                    match raw.trim_matches(['{', '}']).trim_ascii().is_empty() {
                        true => self.rest.push_str("{}"),
                        false => self.rest.truncate(mark),
                    }
                }
                Ok(true)
            }
            At::Into(_) => Ok(false),
        }
    }
}

/// A key, borrowed where it has no escape.
struct Key<'a>(Cow<'a, str>);

impl<'de> de::Deserialize<'de> for Key<'de> {
    fn deserialize<D: de::Deserializer<'de>>(from: D) -> Result<Key<'de>, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(key)))
            }
            fn visit_str<E>(self, key: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(key.to_owned())))
            }
        }
        from.deserialize_str(Either)
    }
}

/// Writes a text as JSON has it.
pub(super) fn write_text(text: &str, out: &mut String) {
    if text.bytes().all(|byte| byte >= b' ' && !matches!(byte, b'"' | b'\\')) {
        out.push('"');
        out.push_str(text);
        out.push('"');
    } else {
        out.push_str(&serde_json::to_string(text).expect("a text is written to memory"));
    }
}
