//! What the API answers about keeping, as far as more is done with it than showing it.

use indelible_client::Problem;
use serde::Deserialize;
use serde_json::value::RawValue;

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

/// Who asks.
#[derive(Deserialize)]
pub struct Me {
    id: String,
    name: Option<String>,
}

impl Me {
    /// What somebody called the credential, or its id.
    pub fn name(self) -> String {
        self.name.unwrap_or(self.id)
    }
}
