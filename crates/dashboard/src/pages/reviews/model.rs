//! What the API says of reviews.

use indelible_connect::Event;
use serde::Deserialize;
use serde_json::Value;

use crate::parts::ValueCount;

/// The last reviews, the newest first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reviews {
    /// `day` or `week`.
    pub every: Option<String>,
    /// How long after its end one is to be signed.
    pub due_seconds: Option<u64>,
    pub reviews: Vec<Review>,
}

/// What happened in a day or a week, and who looked at it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Review {
    pub period: String,
    pub from: String,
    pub to: String,
    pub state: String,
    pub due_at: Option<String>,
    pub signed_at: Option<String>,
    pub signed_by: Option<Value>,
    pub note: Option<String>,
    /// What was shown when it was signed.
    pub signed_digest: Option<String>,
    pub alerts: u64,
    /// In its own page only.
    pub digest: Option<String>,
    pub sections: Vec<Section>,
}

impl Review {
    /// Whether somebody looked at it.
    pub fn is_signed(&self) -> bool {
        self.state == "signed"
    }

    /// Whether the time that it is about has ended.
    pub fn has_ended(&self) -> bool {
        self.state != "running"
    }

    /// Whether it shows something else by now than what was signed, as far as that is told.
    pub fn has_changed(&self) -> bool {
        self.is_signed()
            && self.signed_digest.is_some()
            && self.digest.is_some()
            && self.signed_digest != self.digest
    }
}

/// One kind of thing that happened.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Section {
    pub name: String,
    pub title: String,
    pub count: u64,
    pub query: Option<String>,
    pub top: Vec<ValueCount>,
    pub events: Vec<Event>,
}
