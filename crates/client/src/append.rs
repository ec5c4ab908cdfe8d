//! Sending events.

use serde::Deserialize;

use crate::backoff::{Backoff, pause};
use crate::client::{Client, Params};
use crate::error::Error;

const PATH: &str = "/api/audit/logs";
const NDJSON: &str = "application/x-ndjson";

/// What became of an event.
#[derive(Clone, Debug, Deserialize)]
#[serde(tag = "status", rename_all = "lowercase")]
pub enum Appended {
    /// It is kept.
    New(Receipt),
    /// It was kept before; this is its first receipt.
    Known(Receipt),
    /// Another event has its id.
    Conflict {
        /// The id.
        #[serde(default)]
        id: String,
        /// What differs.
        #[serde(default)]
        field: String,
    },
    /// It cannot be kept as it is.
    Refused {
        /// What is wrong.
        error: Refused,
    },
    /// It was not kept, and may be if it is sent again.
    Failed {
        /// What happened.
        #[serde(default)]
        error: Refused,
    },
}

/// What the node gives for an event that is durable.
#[derive(Clone, Debug, Deserialize)]
pub struct Receipt {
    /// The trail.
    pub trail: String,
    /// Its place there.
    pub seq: u64,
    /// Its id.
    pub id: String,
    /// The hash of its leaf, as the node writes it.
    pub leaf: String,
    /// When it was recorded.
    pub recorded_at: String,
}

/// What is wrong with an event.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Refused {
    /// The field.
    #[serde(default)]
    pub field: String,
    /// What is wrong with it.
    #[serde(default)]
    pub message: String,
    /// At which byte of the event.
    pub offset: Option<usize>,
}

impl Client {
    /// Sends events, an event a line, and gives what became of each, in their order.
    ///
    /// An error says that nothing is known: send events that have ids again.
    pub fn append(&self, events: &[u8], params: &Params) -> Result<Vec<Appended>, Error> {
        let response = self.post(PATH, params, NDJSON, events)?;
        let lines = response.body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let results = lines.map(|line| serde_json::from_slice(line).map_err(|e| self.strange(e)));
        results.collect()
    }

    /// Like [`Client::append`], and sends the batch again while that may help. The events must have ids
    /// of their own, else those that were kept but not answered for would be kept twice.
    ///
    /// `told` hears of each failure before the wait.
    pub fn append_surely(
        &self,
        events: &[u8],
        params: &Params,
        backoff: Backoff,
        mut told: impl FnMut(&Error),
    ) -> Result<Vec<Appended>, Error> {
        let mut failures = 0;
        loop {
            let error = match self.append(events, params) {
                Ok(results) => return Ok(results),
                Err(error) => error,
            };
            failures += 1;
            match backoff.wait(failures, error.retry_after()) {
                Some(wait) if error.may_pass() => {
                    told(&error);
                    pause(wait);
                }
                _ => return Err(error),
            }
        }
    }
}
