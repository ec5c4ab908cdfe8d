//! JetStream consumers and plain subjects.

use std::path::Path;

use serde::Deserialize;

use super::{Input, InputContext, InputError};
use crate::secret::Value;

/// What to fetch.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NatsFrom {
    /// The server.
    pub url: Value,
}

impl NatsFrom {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
    }

    /// Where from, without secrets.
    pub fn place(&self) -> String {
        String::new()
    }

    /// Makes the input.
    pub fn open(&self, _: &InputContext) -> Result<Box<dyn Input>, InputError> {
        Err(InputError { why: String::new(), hint: String::new() })
    }
}
