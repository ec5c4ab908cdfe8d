//! What a backup says of itself: `<backup id>/backup.json` at the target, written last.

use serde::{Deserialize, Serialize};

/// The version of this description.
pub const VERSION: u32 = 1;

/// A backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Backup {
    /// The version of this description.
    pub version: u32,
    /// Its id, as the event that began it says; the time is in front, so ids sort by age.
    pub id: String,
    /// `full`: every file is its own. `incremental`: files that an earlier backup at the same target has are named, not copied.
    pub backup_type: BackupType,
    /// When it was begun (RFC 3339).
    pub created_at: String,
    /// The log's own random id, 32 hex digits.
    pub log_id: String,
    /// The node's origin and public key.
    pub origin: String,
    /// See `origin`.
    pub public_key: String,
    /// Whether `node.key` is in it.
    pub has_key: bool,
    /// The trail that it was made for: of the segments only those are in it that have records of this trail or of
    /// `_system`. None if all are.
    pub trail: Option<String>,
    /// How far the log was: records over all trails.
    pub records: u64,
    /// Each trail's size, by opaque id.
    pub trails: Vec<BackedTrail>,
    /// Bytes of all files, shared ones included.
    pub bytes: u64,
    /// The files, by path in a data directory.
    pub files: Vec<BackedFile>,
    /// Erasure events whose parts are gone from its files.
    pub erased: Vec<String>,
}

/// A trail in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedTrail {
    /// Its opaque id, hex.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its records.
    pub size: u64,
    /// Its root at that size, base64.
    pub root: String,
}

/// A file in a backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackedFile {
    /// Its path in a data directory.
    pub path: String,
    /// Its key at the target: `<backup id>/<path>`, of this backup or of an earlier one.
    pub at: String,
    /// Its length.
    pub bytes: u64,
    /// Its SHA-256, hex.
    pub sha256: String,
}

/// Which kind of backup.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BackupType {
    /// It needs no other.
    #[default]
    Full,
    /// It needs those that it names.
    Incremental,
}
