//! What the API says of reviews.

use indelible_connect::Event;
use serde::Deserialize;
use serde_json::Value;

use crate::pages::alerts::model::Alert;
use crate::parts::{Alarm, ValueCount};

/// The last reviews, the newest first.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reviews {
    /// `day` or `week`.
    pub every: Option<String>,
    /// How long after its end one is to be signed.
    pub due_seconds: Option<u64>,
    /// The reviews.
    pub reviews: Vec<Review>,
}

/// What happened in a day or a week, and who looked at it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Review {
    /// The day or the week.
    pub period: String,
    /// Its first moment.
    pub from: String,
    /// The first behind it.
    pub to: String,
    /// `running`, `due`, `overdue` or `signed`.
    pub state: String,
    /// Until when it is to be signed.
    pub due_at: Option<String>,
    /// When it was.
    pub signed_at: Option<String>,
    /// Who did.
    pub signed_by: Option<Value>,
    /// What they said.
    pub note: Option<String>,
    /// What was shown when it was signed.
    pub signed_digest: Option<String>,
    /// Alerts that were opened in it.
    pub alerts: u64,
    /// In its own page only.
    pub digest: Option<String>,
    /// What happened, by kind.
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
    /// A word for programs.
    pub name: String,
    /// What it is called.
    pub title: String,
    /// How many.
    pub count: u64,
    /// What finds all of them.
    pub query: Option<String>,
    /// The most frequent values.
    pub top: Vec<ValueCount>,
    /// The newest.
    pub events: Vec<Event>,
    /// Records that are not what they were: counted, and not shown.
    pub alarms: Vec<Alarm>,
    /// Where it is about alerts: what became of them.
    pub alerts: Option<Vec<Alert>>,
}
