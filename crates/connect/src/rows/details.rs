//! What has no place elsewhere, put together as one JSON object.

use std::collections::HashSet;

use serde::Deserialize as _;
use serde::de::{IgnoredAny, MapAccess, Visitor};

use super::cell::{Cell, write_text};

/// `details` being written.
pub(super) struct Details {
    json: String,
}

impl Details {
    pub(super) fn new() -> Details {
        Details { json: String::new() }
    }

    fn key(&mut self, key: &str) -> &mut String {
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        write_text(key, &mut self.json);
        self.json.push(':');
        &mut self.json
    }

    /// A value under its column's name.
    pub(super) fn put(&mut self, key: &str, cell: &Cell<'_>) {
        cell.write_json(self.key(key));
    }

    /// A JSON object under a name.
    pub(super) fn nest(&mut self, key: &str, object: &str) {
        self.key(key).push_str(object);
    }

    /// The members of an object beside those that are there.
    pub(super) fn spread(&mut self, object: &str) {
        let inner = object.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
        let inner = inner.unwrap_or_default().trim_ascii();
        if inner.is_empty() {
            return;
        }
        self.json.push(if self.json.is_empty() { '{' } else { ',' });
        self.json.push_str(inner);
    }

    pub(super) fn finish(mut self) -> Option<String> {
        if self.json.is_empty() {
            return None;
        }
        self.json.push('}');
        Some(self.json)
    }
}

/// The keys of a JSON object.
pub(super) fn keys(object: &str) -> HashSet<String> {
    struct Keys;
    impl<'de> Visitor<'de> for Keys {
        type Value = HashSet<String>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut keys = HashSet::new();
            while let Some((key, IgnoredAny)) = map.next_entry::<String, IgnoredAny>()? {
                keys.insert(key);
            }
            Ok(keys)
        }
    }
    struct Read(HashSet<String>);
    impl<'de> serde::Deserialize<'de> for Read {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Read, D::Error> {
            from.deserialize_map(Keys).map(Read)
        }
    }
    let mut from = serde_json::Deserializer::from_str(object);
    Read::deserialize(&mut from).map(|read| read.0).unwrap_or_default()
}

/// What a column that says what changed has: the state before and the state after, each as a JSON object.
///
/// Two shapes are known: the two states (`{"before": …, "after": …}`, or `old` and `new`), and fields with what they
/// were and are (`{"name": ["Ann", "Anna"]}`, or `{"name": {"old": …, "new": …}}`). `None` for others.
pub(super) fn states(object: &str) -> Option<(Option<String>, Option<String>)> {
    use serde_json::value::RawValue;
    type Fields<'a> = Vec<(String, &'a RawValue)>;

    fn fields(object: &str) -> Option<Fields<'_>> {
        struct Read<'a>(Fields<'a>);
        struct Pairs;
        impl<'de> Visitor<'de> for Pairs {
            type Value = Fields<'de>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry::<String, &'de RawValue>()? {
                    fields.push(field);
                }
                Ok(fields)
            }
        }
        impl<'de> serde::Deserialize<'de> for Read<'de> {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Read<'de>, D::Error> {
                from.deserialize_map(Pairs).map(Read)
            }
        }
        serde_json::from_str::<Read<'_>>(object).ok().map(|read| read.0)
    }

    /// The two values of an object that has these and no others.
    fn pair(object: &str) -> Option<(&RawValue, &RawValue)> {
        const NAMES: [(&str, &str); 4] =
            [("before", "after"), ("old", "new"), ("from", "to"), ("old_value", "new_value")];
        let fields = fields(object)?;
        let [one, other] = &fields[..] else { return None };
        NAMES.iter().find_map(|&(before, after)| match (&*one.0, &*other.0) {
            (a, b) if a == before && b == after => Some((one.1, other.1)),
            (a, b) if a == after && b == before => Some((other.1, one.1)),
            _ => None,
        })
    }

    let given =
        |state: &RawValue| Some(state.get()).filter(|json| *json != "null").map(str::to_owned);
    if let Some((before, after)) = pair(object) {
        return Some((given(before), given(after)));
    }
    let fields = fields(object)?;
    let (mut before, mut after) = (Details::new(), Details::new());
    for (name, value) in &fields {
        let (old, new) = match value.get().as_bytes().first() {
            Some(b'[') => serde_json::from_str::<(&RawValue, &RawValue)>(value.get()).ok()?,
            Some(b'{') => pair(value.get())?,
            _ => return None,
        };
        before.nest(name, old.get());
        after.nest(name, new.get());
    }
    Some((before.finish(), after.finish())).filter(|(before, _)| before.is_some())
}
