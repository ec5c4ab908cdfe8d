//! What the API answers about keeping, as far as it is shown to people.

use std::collections::BTreeMap;

use indelible_client::Problem;
use serde::Deserialize;
use serde_json::value::RawValue;

/// A list among other members.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Members(pub BTreeMap<String, Box<RawValue>>);

/// The beginning of something long.
#[derive(Deserialize)]
pub struct Begun {
    pub job: Option<String>,
}

/// Something long.
#[derive(Deserialize)]
pub struct Job {
    pub state: State,
    #[serde(default)]
    pub stage: String,
    #[serde(default)]
    pub done: u64,
    pub of: Option<u64>,
    pub result: Option<Box<RawValue>>,
    pub error: Option<Problem>,
}

/// Whether it has ended.
#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    Running,
    Done,
    Failed,
}

/// Another administrator has to confirm.
#[derive(Deserialize)]
pub struct Asked {
    pub request: String,
}
