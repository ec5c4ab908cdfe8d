//! Splunk's HTTP Event Collector.

use std::path::Path;

use serde::Deserialize;

use super::{Context, Sink, SinkError};
use crate::secret::Value;

/// Where to.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SplunkTo {
    /// The address.
    pub url: Value,
}

impl SplunkTo {
    /// Makes its paths ones from this directory on.
    pub fn below(&mut self, dir: &Path) {
        self.url.below(dir);
    }
    /// Where to, without secrets.
    pub fn place(&self) -> String {
        String::new()
    }

    /// Makes the sink.
    pub fn open(&self, _: &Context) -> Result<Box<dyn Sink>, SinkError> {
        Err(SinkError::Wrong { why: String::new(), hint: String::new() })
    }
}
