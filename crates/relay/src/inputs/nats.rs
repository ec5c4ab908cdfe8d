//! JetStream consumers and plain subjects.

use std::path::Path;

use serde::Deserialize;

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
}
