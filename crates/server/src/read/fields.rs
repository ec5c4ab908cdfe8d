//! The members of an event as they stand in its JSON, for those who need a few of them.

use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// A member as written, if it is there.
pub(super) type Raw<'a> = Option<&'a RawValue>;

/// An event's members. Nothing is parsed that is not asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Fields<'a> {
    #[serde(borrow)]
    pub trail: Raw<'a>,
    #[serde(borrow)]
    pub id: Raw<'a>,
    #[serde(borrow)]
    pub recorded_at: Raw<'a>,
    #[serde(borrow)]
    pub occurred_at: Raw<'a>,
    #[serde(borrow)]
    pub action: Raw<'a>,
    #[serde(borrow)]
    pub category: Raw<'a>,
    #[serde(borrow)]
    pub outcome: Raw<'a>,
    #[serde(borrow)]
    pub actor: Actor<'a>,
    #[serde(borrow)]
    pub targets: Vec<Target<'a>>,
    #[serde(borrow)]
    pub changes: Changes<'a>,
    #[serde(borrow)]
    pub details: Raw<'a>,
    #[serde(borrow)]
    pub error: Error<'a>,
    #[serde(borrow)]
    pub context: Context<'a>,
}

/// Who did it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Actor<'a> {
    #[serde(borrow)]
    pub id: Raw<'a>,
    #[serde(borrow)]
    pub email: Raw<'a>,
}

/// What it was done to.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Target<'a> {
    #[serde(borrow, rename = "type")]
    pub kind: Raw<'a>,
    #[serde(borrow)]
    pub id: Raw<'a>,
}

/// What it changed. A `null` that was written is there.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Changes<'a> {
    #[serde(borrow, deserialize_with = "written")]
    pub before: Raw<'a>,
    #[serde(borrow, deserialize_with = "written")]
    pub after: Raw<'a>,
}

/// What went wrong.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Error<'a> {
    #[serde(borrow)]
    pub message: Raw<'a>,
}

/// From where, and as part of what.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Context<'a> {
    #[serde(borrow)]
    pub ip: Raw<'a>,
    #[serde(borrow)]
    pub user_agent: Raw<'a>,
    #[serde(borrow)]
    pub request_id: Raw<'a>,
    #[serde(borrow)]
    pub correlation_id: Raw<'a>,
    #[serde(borrow)]
    pub session_id: Raw<'a>,
    #[serde(borrow)]
    pub service: Raw<'a>,
}

fn written<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Raw<'a>, D::Error> {
    <&'a RawValue>::deserialize(deserializer).map(Some)
}

impl<'a> Fields<'a> {
    /// Reads them. What has another shape than an event has no members.
    pub fn of(json: &'a str) -> Fields<'a> {
        serde_json::from_str(json).unwrap_or_default()
    }
}

/// The text that a member is.
pub(super) fn text(raw: Raw<'_>) -> Option<String> {
    raw.and_then(|raw| serde_json::from_str(raw.get()).ok())
}
