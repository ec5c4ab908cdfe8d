//! Values that are not written into the file, and never shown.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::limits::SECRET_BYTES_MAX;

/// Where a secret is: `{ env: NAME }` or `{ file: PATH }`. It is fetched when it is used, so that a renewed one counts at
/// the next connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(remote = "Self", rename_all = "snake_case", deny_unknown_fields)]
pub enum Secret {
    /// The environment variable that holds it.
    Env(String),
    /// The file that holds it; a last line break is cut off.
    File(PathBuf),
}

/// A value that may be written into the file, because it need not be a secret (an address without a password, say).
#[derive(Clone, PartialEq, Eq)]
pub enum Value {
    /// As it is.
    Plain(String),
    /// From elsewhere.
    Secret(Secret),
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Secret, D::Error> {
        from.deserialize_any(SecretVisitor)
    }
}

/// By hand, so that a secret that somebody wrote into the file all the same is not repeated in an error.
struct SecretVisitor;

impl<'de> Visitor<'de> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{ env: NAME } or { file: PATH }")
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<Secret, E> {
        Err(E::custom(
            "a secret is not written here: { env: NAME } or { file: PATH } says where it is",
        ))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Secret, A::Error> {
        Secret::deserialize(MapAccessDeserializer::new(map))
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Value, D::Error> {
        from.deserialize_any(ValueVisitor)
    }
}

/// By hand, so that an error has its place and says what is wrong with which member.
struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, { env: NAME } or { file: PATH }")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Plain(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Value, A::Error> {
        Secret::deserialize(MapAccessDeserializer::new(map)).map(Value::Secret)
    }
}

impl Secret {
    /// What it says now. The error says where it was looked for, and never what it is.
    #[expect(
        clippy::disallowed_methods,
        reason = "a file of the people who run the node, not of the log"
    )]
    pub fn reveal(&self) -> Result<String, String> {
        match self {
            Secret::Env(name) => std::env::var(name)
                .map_err(|_| format!("the environment variable {name} is not set")),
            Secret::File(path) => {
                let mut text = String::new();
                let file = std::fs::File::open(path);
                let read = file.and_then(|f| f.take(SECRET_BYTES_MAX).read_to_string(&mut text));
                read.map_err(|e| format!("{}: {e}", path.display()))?;
                text.truncate(text.trim_end_matches(['\r', '\n']).len());
                Ok(text)
            }
        }
    }

    /// Makes its path one from this directory on.
    pub fn below(&mut self, dir: &Path) {
        if let Secret::File(path) = self {
            *path = dir.join(&*path);
        }
    }
}

impl Value {
    /// What it says now.
    pub fn reveal(&self) -> Result<String, String> {
        match self {
            Value::Plain(text) => Ok(text.clone()),
            Value::Secret(secret) => secret.reveal(),
        }
    }

    /// Makes its path one from this directory on.
    pub fn below(&mut self, dir: &Path) {
        if let Value::Secret(secret) = self {
            secret.below(dir);
        }
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            // A password may be in an address.
            Value::Plain(_) => f.write_str("[given]"),
            Value::Secret(secret) => secret.fmt(f),
        }
    }
}
