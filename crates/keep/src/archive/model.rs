//! What an archive says of itself: `archive.json` at its target, written last.

use serde::{Deserialize, Serialize};

/// The version of this description.
pub const VERSION: u32 = 1;
/// Its key.
pub const KEY: &str = "archive.json";

/// An archive. There is one at a target, of one log, and it grows with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Archive {
    /// The version of this description.
    pub version: u32,
    /// The id of the event that made it as it is now.
    pub id: String,
    /// When that was (RFC 3339).
    pub created_at: String,
    /// The log's own random id, 32 hex digits.
    pub log_id: String,
    /// The node's origin and public key.
    pub origin: String,
    /// See `origin`.
    pub public_key: String,
    /// How it is laid out, and what is in it.
    pub content: Content,
}

/// What is in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "snake_case")]
pub enum Content {
    /// The log as it is, but for what was not sealed.
    Whole(Whole),
    /// Its events, by trail and date.
    TrailDate(Lake),
}

/// A log as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Whole {
    /// Records: every position below it.
    pub records: u64,
    /// Bytes of all files.
    pub bytes: u64,
    /// Each trail's size and root.
    pub trails: Vec<ArchivedTrail>,
    /// The files, by path in a data directory.
    pub files: Vec<ArchivedFile>,
}

/// A trail in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedTrail {
    /// Its opaque id, hex.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its records.
    pub size: u64,
    /// Its root at that size, base64.
    pub root: String,
}

/// A file, or a piece of one, in an archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ArchivedFile {
    /// Its path in a data directory.
    pub path: String,
    /// Where in that file it begins: level files are kept in pieces, because they only grow.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub offset: u64,
    /// Its key at the target.
    pub at: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, hex.
    pub sha256: String,
}

/// Events by trail and date.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lake {
    /// Whether the exact entries and leaf hashes are in it.
    pub entries: bool,
    /// Erasures and expiries among the first so many records of `_system` are done in it.
    pub told: u64,
    /// The days, by trail and date.
    pub days: Vec<LakeDay>,
}

/// A day of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakeDay {
    /// The trail's opaque id, hex.
    pub trail: String,
    /// The trail's name.
    pub name: String,
    /// The day, `YYYY-MM-DD`.
    pub date: String,
    /// Its first record's seq.
    pub first_seq: u64,
    /// The seq after its last.
    pub end_seq: u64,
    /// Whether the day was over when this was written, so that nothing is added to it any more.
    pub finished: bool,
    /// Its files, in order.
    pub parts: Vec<LakePart>,
}

/// A file of a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LakePart {
    /// Its key at the target.
    pub at: String,
    /// Records in it.
    pub rows: u64,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, hex.
    pub sha256: String,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}
