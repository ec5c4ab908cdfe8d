//! The configuration as a tree of values, each of which knows where it was said.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::options::{DuplicateKeyPolicy, MergeKeyPolicy, NonFiniteFloatPolicy};
use serde_saphyr::{Error, Location, Spanned};

use super::SettingsError;
use crate::limits::{
    SETTINGS_ALIASES_MAX, SETTINGS_BYTES_MAX, SETTINGS_DEPTH_MAX, SETTINGS_NODES_MAX,
    SETTINGS_SHOWN_MAX,
};

/// Where something was said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Origin {
    /// In the file, at this line and column.
    File(u64, u64),
    /// In this environment variable.
    Variable(String),
}

impl From<Location> for Origin {
    fn from(at: Location) -> Origin {
        Origin::File(at.line(), at.column())
    }
}

#[derive(Clone)]
pub(super) struct Node {
    pub(super) origin: Origin,
    pub(super) value: Value,
}

#[derive(Clone)]
pub(super) enum Value {
    Null,
    Bool(bool),
    Whole(i128),
    Decimal(f64),
    Text(String),
    /// Of an environment variable: what it is shows only when it is asked for.
    Raw(String),
    List(Vec<Node>),
    Object(Vec<(Key, Node)>),
}

#[derive(Clone)]
pub(super) struct Key {
    pub(super) origin: Origin,
    pub(super) name: String,
}

impl Value {
    /// What is found, to be told in an error.
    pub(super) fn shown(&self) -> String {
        match self {
            Value::Bool(value) => value.to_string(),
            Value::Whole(value) => value.to_string(),
            Value::Decimal(value) => format!("{value:?}"),
            Value::Text(text) | Value::Raw(text) => quoted(text),
            Value::Null | Value::List(_) | Value::Object(_) => self.kind().to_owned(),
        }
    }

    /// What kind of thing it is.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Bool(_) => "true or false",
            Value::Whole(_) | Value::Decimal(_) => "a number",
            Value::Text(_) | Value::Raw(_) => "a text",
            Value::List(_) => "a list",
            Value::Object(_) => "an object",
        }
    }
}

/// A text as errors show it: on one line, and not all of it if it is long.
pub(super) fn quoted(text: &str) -> String {
    match text.char_indices().nth(SETTINGS_SHOWN_MAX) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The tree of a file.
pub(super) fn parse(file: &str, yaml: &str) -> Result<Node, SettingsError> {
    if yaml.len() as u64 > SETTINGS_BYTES_MAX {
        return Err(SettingsError(format!("{file}: longer than {SETTINGS_BYTES_MAX} bytes")));
    }
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: SETTINGS_DEPTH_MAX,
            max_nodes: SETTINGS_NODES_MAX,
            max_events: 2 * SETTINGS_NODES_MAX,
            max_anchors: SETTINGS_ALIASES_MAX,
            max_aliases: SETTINGS_ALIASES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: SETTINGS_NODES_MAX,
        },
        // They are told in our own words, as unknown and doubled keys.
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        // `no` as a service's name is a text.
        strict_booleans: true,
        // They are told as numbers out of bounds.
        non_finite_float_policy: NonFiniteFloatPolicy::PassThrough,
        reject_unsupported_tags: true,
        // A piece of the file in an error could show a key.
        with_snippet: false,
    };
    serde_saphyr::from_str_with_options::<Node>(yaml, options).map_err(|error| {
        // The place is told in front, as everywhere.
        let at =
            error.location().map_or(String::new(), |at| format!("{}:{}:", at.line(), at.column()));
        let said = error.to_string();
        let is_bound = matches!(error.without_snippet(), Error::Budget { .. })
            || said.starts_with("alias replay");
        let said =
            if is_bound { TOO_MUCH } else { said.split(" at line ").next().unwrap_or_default() };
        SettingsError(format!("{file}:{at} not readable as YAML: {said}"))
    })
}

const TOO_MUCH: &str = "more documents, values, depth or aliases than a configuration needs";

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Node, D::Error> {
        let spanned = Spanned::<Value>::deserialize(from)?;
        Ok(Node { origin: spanned.referenced.into(), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Whole(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Whole(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Value, E> {
        Ok(Value::Whole(value))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Value, E> {
        Ok(i128::try_from(value).map_or(Value::Decimal(f64::INFINITY), Value::Whole))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Decimal(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(one) = from.next_element()? {
            all.push(one);
        }
        Ok(Value::List(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some((key, value)) = from.next_entry::<Spanned<String>, Node>()? {
            all.push((Key { origin: key.referenced.into(), name: key.value }, value));
        }
        Ok(Value::Object(all))
    }
}
