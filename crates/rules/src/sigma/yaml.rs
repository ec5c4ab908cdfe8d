//! YAML with the places of its values, and its keys in their order.

use std::fmt;

use serde::Deserialize;
use serde::de::{self, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::Spanned;
use serde_saphyr::options::DuplicateKeyPolicy;

use super::refusal::{Bad, meant_or_known, shown};
use crate::limits::{ALIASES_MAX, DEPTH_MAX, NODES_MAX};

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// The line of the file, from 1.
    pub line: usize,
    /// The value.
    pub value: Value,
}

/// A value.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// `null`, or nothing.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A number, in decimal.
    Number(String),
    /// A text.
    Text(String),
    /// A list.
    List(Vec<Node>),
    /// A map, in its order.
    Map(Vec<(Key, Node)>),
}

/// A member's name and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Key {
    /// The line of the file, from 1.
    pub line: usize,
    /// The name.
    pub name: String,
}

/// The documents of a file: where each begins and its text. A line that begins with `---` or `...` ends a document
/// wherever it stands, also in a quoted text (YAML 1.2.2, 9.1.2), so a broken one does not touch the others.
pub(crate) fn documents(text: &str) -> Vec<(usize, &str)> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut found, mut begin, mut begin_line, mut at) = (Vec::new(), 0, 1, 0);
    for (i, line) in text.split_inclusive('\n').enumerate() {
        let marks = |mark| {
            line.strip_prefix(mark).is_some_and(|rest: &str| {
                rest.is_empty() || rest.starts_with(|c: char| c.is_ascii_whitespace())
            })
        };
        let (begins, ends) = (marks("---"), marks("..."));
        if begins || ends {
            found.push((begin_line, &text[begin..at]));
            // What stands behind the mark belongs to the document.
            begin = at + 3;
            begin_line = i + 1;
        }
        at += line.len();
    }
    found.push((begin_line, &text[begin..]));
    found.retain(|(_, text)| !text.lines().all(is_empty));
    found
}

/// Whether a line says nothing: it is blank, a comment or a directive.
fn is_empty(line: &str) -> bool {
    let line_trimmed = line.trim_start();
    line_trimmed.is_empty() || line_trimmed.starts_with('#') || line.starts_with('%')
}

/// Reads one document, which begins at this line of its file.
pub(crate) fn parse(text: &str, first_line: usize) -> Result<Node, Bad> {
    let options = serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: DEPTH_MAX,
            max_nodes: NODES_MAX,
            max_events: 2 * NODES_MAX,
            max_anchors: ALIASES_MAX,
            max_aliases: ALIASES_MAX,
            max_documents: 1,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: NODES_MAX,
        },
        duplicate_keys: DuplicateKeyPolicy::Error,
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    let read: Result<Spanned<Raw>, _> = serde_saphyr::from_str_with_options(text, options);
    let read = read.map_err(|error| told(&error, first_line))?;
    Ok(node(read, first_line))
}

/// An error of the parser.
fn told(error: &serde_saphyr::Error, first_line: usize) -> Bad {
    let line = error.location().map(|at| first_line - 1 + at.line() as usize);
    let error = error.without_snippet();
    let said = match error {
        serde_saphyr::Error::Budget { .. } => {
            "more values, depth or aliases than a rule needs".to_owned()
        }
        other => other.to_string(),
    };
    // The place is told beside the reason.
    let said = said.split(" at line ").next().unwrap_or_default();
    Bad { line, reason: format!("the YAML cannot be read: {}", shown(said).replace("\\\"", "\"")) }
}

fn node(read: Spanned<Raw>, first_line: usize) -> Node {
    let line_of = |line: u64| first_line - 1 + (line as usize).max(1);
    let value = match read.value {
        Raw::Null => Value::Null,
        Raw::Bool(value) => Value::Bool(value),
        Raw::Number(value) => Value::Number(value),
        Raw::Text(value) => Value::Text(value),
        Raw::List(nodes) => {
            Value::List(nodes.into_iter().map(|read| node(read, first_line)).collect())
        }
        Raw::Map(members) => {
            let member = |(key, value): (Spanned<Name>, Spanned<Raw>)| {
                let line = line_of(key.referenced.line());
                (Key { line, name: key.value.0 }, node(value, first_line))
            };
            Value::Map(members.into_iter().map(member).collect())
        }
    };
    Node { line: line_of(read.referenced.line()), value }
}

/// A value as serde reads it.
enum Raw {
    Null,
    Bool(bool),
    Number(String),
    Text(String),
    List(Vec<Spanned<Raw>>),
    Map(Vec<(Spanned<Name>, Spanned<Raw>)>),
}

/// A member's name: a text, or a number or truth as one.
struct Name(String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Name, D::Error> {
        match Raw::deserialize(from)? {
            Raw::Text(name) | Raw::Number(name) => Ok(Name(name)),
            Raw::Bool(name) => Ok(Name(name.to_string())),
            _ => Err(de::Error::custom("a key is a text")),
        }
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Raw, D::Error> {
        from.deserialize_any(RawVisitor)
    }
}

struct RawVisitor;

impl<'de> Visitor<'de> for RawVisitor {
    type Value = Raw;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_none<E>(self) -> Result<Raw, E> {
        Ok(Raw::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Raw, D::Error> {
        Raw::deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Raw, E> {
        Ok(Raw::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Raw, E> {
        Ok(Raw::Number(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Raw, E> {
        Ok(Raw::Text(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Raw, E> {
        Ok(Raw::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Raw, A::Error> {
        let mut nodes = Vec::new();
        while let Some(node) = seq.next_element()? {
            nodes.push(node);
        }
        Ok(Raw::List(nodes))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = map.next_entry()? {
            members.push(member);
        }
        Ok(Raw::Map(members))
    }
}

impl Node {
    /// What kind of value it is, for people.
    pub(crate) fn kind(&self) -> &'static str {
        match self.value {
            Value::Null => "nothing",
            Value::Bool(_) => "a truth",
            Value::Number(_) => "a number",
            Value::Text(_) => "a text",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }

    /// Its members. `what` is what it stands for.
    pub(crate) fn map(&self, what: &str) -> Result<&[(Key, Node)], Bad> {
        match &self.value {
            Value::Map(members) => Ok(members),
            _ => Err(Bad::at(self.line, format!("{what} is {}; it is a map", self.kind()))),
        }
    }

    /// A member of a map.
    pub(crate) fn get(&self, name: &str) -> Option<&Node> {
        let Value::Map(members) = &self.value else { return None };
        members.iter().find(|(key, _)| key.name == name).map(|(_, node)| node)
    }

    /// Its text; a number or truth as one.
    pub(crate) fn text(&self, what: &str) -> Result<String, Bad> {
        match &self.value {
            Value::Text(text) | Value::Number(text) => Ok(text.clone()),
            Value::Bool(value) => Ok(value.to_string()),
            _ => Err(Bad::at(self.line, format!("{what} is {}; it is a text", self.kind()))),
        }
    }

    /// Its texts, where one or a list of them may stand.
    pub(crate) fn texts(&self, what: &str) -> Result<Vec<(usize, String)>, Bad> {
        match &self.value {
            Value::List(nodes) => {
                nodes.iter().map(|node| Ok((node.line, node.text(what)?))).collect()
            }
            _ => Ok(vec![(self.line, self.text(what)?)]),
        }
    }

    /// A whole number of at least 0.
    pub(crate) fn count(&self, what: &str) -> Result<u64, Bad> {
        let count = match &self.value {
            Value::Number(text) | Value::Text(text) => text.parse().ok(),
            _ => None,
        };
        count.ok_or_else(|| {
            Bad::at(self.line, format!("{what} is no whole number; one like 10 would do"))
        })
    }
}

/// Refuses a member that is none of those that are known.
pub(crate) fn known(members: &[(Key, Node)], known: &[&str], what: &str) -> Result<(), Bad> {
    let unknown = members.iter().find(|(key, _)| !known.contains(&&*key.name));
    let Some((key, _)) = unknown else { return Ok(()) };
    let (name, hint) = (shown(&key.name), meant_or_known(&key.name, known));
    Err(Bad::at(key.line, format!("{what} has no `{name}`{hint}")))
}
