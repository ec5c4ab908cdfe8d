//! Values that are not written into the file, and never shown.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::limits::SECRET_BYTES_MAX;

/// Where a secret is: `{ env: NAME }` or `{ file: PATH }`. It is fetched when it is used, so that a renewed one counts at
/// the next connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Secret {
    /// The environment variable that holds it.
    Env(String),
    /// The file that holds it; a last line break is cut off.
    File(PathBuf),
}

/// A value that may be written into the file, because it need not be a secret (an address without a password, say).
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// As it is.
    Plain(String),
    /// From elsewhere.
    Secret(Secret),
}

impl Secret {
    /// What it says now. The error says where it was looked for, and never what it is.
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
