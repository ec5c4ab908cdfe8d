//! JSON as others wrote it: members in their order, values with every digit that they have.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::draft::{Text, Unmapped};

/// The members of an object, in their order; one that stands twice is there twice.
#[derive(Debug)]
pub(super) struct Members<'a>(Vec<(Text<'a>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// Reads an object.
    pub fn read(json: &'a [u8]) -> Result<Members<'a>, Unmapped> {
        serde_json::from_slice(json)
            .map_err(|e| Unmapped::new("", format!("is no JSON object: {e}")))
    }

    pub fn iter(&self) -> impl Iterator<Item = &(Text<'a>, &'a RawValue)> {
        self.0.iter()
    }

    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    /// The first of this name.
    pub fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.0.iter().find(|(of, _)| of == name).map(|(_, value)| *value)
    }

    /// The name of a member that stands twice.
    pub fn twice(&self) -> Option<&str> {
        let mut names: Vec<&str> = self.names().collect();
        names.sort_unstable();
        names.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| pair[0])
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((Said(name), value)) = map.next_entry()? {
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        from.deserialize_map(Object)
    }
}

/// A text, borrowed where it has no escapes.
struct Said<'a>(Text<'a>);

impl<'de> Deserialize<'de> for Said<'de> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;
        impl<'de> Visitor<'de> for Words {
            type Value = Said<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }

            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Said(text.into()))
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Said(Cow::Owned(text.to_owned())))
            }
        }
        from.deserialize_str(Words)
    }
}

/// The text that a value is, if it is one.
pub(super) fn text(value: &RawValue) -> Option<Text<'_>> {
    if !value.get().starts_with('"') {
        return None;
    }
    serde_json::from_str::<Said<'_>>(value.get()).ok().map(|Said(text)| text)
}

/// The text or number that a value is, or that the first of a list is.
pub(super) fn scalar(value: &RawValue) -> Option<Text<'_>> {
    match value.get().as_bytes().first()? {
        b'"' => text(value),
        b'-' | b'0'..=b'9' => Some(value.get().into()),
        b'[' => {
            let mut first = None;
            // What follows the first is not looked at.
            let _ = each(value.get(), &mut |item| {
                first = Some(item);
                false
            });
            first.filter(|item| !item.get().starts_with('[')).and_then(scalar)
        }
        _ => None,
    }
}

/// Hands over the elements of a list, one after the other, as long as they are wanted.
pub(super) fn each<'a>(
    json: &'a str,
    take: &mut dyn FnMut(&'a RawValue) -> bool,
) -> Result<(), serde_json::Error> {
    struct List<'t, 'a>(&'t mut dyn FnMut(&'a RawValue) -> bool);
    impl<'de> Visitor<'de> for List<'_, 'de> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list")
        }

        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            while let Some(item) = list.next_element()? {
                if !self.0(item) {
                    return Ok(());
                }
            }
            Ok(())
        }
    }
    let mut from = serde_json::Deserializer::from_str(json);
    from.deserialize_seq(List(take))
}

/// JSON that is being written: members of the object that was opened last.
pub(super) mod put {
    /// Begins a member, after a comma where one is needed.
    pub fn key(out: &mut Vec<u8>, name: &str) {
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        string(out, name);
        out.push(b':');
    }

    pub fn json(out: &mut Vec<u8>, name: &str, json: &[u8]) {
        key(out, name);
        out.extend_from_slice(json);
    }

    pub fn text(out: &mut Vec<u8>, name: &str, text: &str) {
        key(out, name);
        string(out, text);
    }

    pub fn number(out: &mut Vec<u8>, name: &str, number: impl std::fmt::Display) {
        json(out, name, number.to_string().as_bytes());
    }

    pub fn string(out: &mut Vec<u8>, text: &str) {
        serde_json::to_writer(out, text).expect("a text is written to memory");
    }
}
