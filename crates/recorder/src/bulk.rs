//! Deeds done to many things at once: one event with the count and a commitment to the list.

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::event::Text;
use crate::limits::{BULK_KEYS_BYTES_MAX, BULK_KEYS_SHOWN_MAX};

/// The hash of a list of keys, in hex: SHA-256 over each key's length (4 bytes, little-endian) and bytes, in order.
/// Whoever has the list can check with it that an event was about exactly these.
///
/// ```
/// use indelible_recorder::bulk_hash;
///
/// assert_ne!(bulk_hash(["a", "bc"]), bulk_hash(["ab", "c"]));
/// ```
pub fn bulk_hash<K: AsRef<str>>(keys: impl IntoIterator<Item = K>) -> String {
    Bulk::of(Text::Borrowed(""), keys).keys_sha256
}

/// What an event says of a bulk operation, under `details.bulk`.
#[derive(Debug, Serialize)]
pub(crate) struct Bulk {
    #[serde(rename = "type")]
    kind: Text,
    count: u64,
    keys_sha256: String,
    /// All of them, or as many of the first as have room; then `count` is larger.
    keys: Vec<String>,
}

impl Bulk {
    pub(crate) fn of<K: AsRef<str>>(kind: Text, keys: impl IntoIterator<Item = K>) -> Bulk {
        let (mut count, mut bytes, mut shown) = (0, 0, Vec::new());
        let mut hash = Sha256::new();
        for key in keys {
            let key = key.as_ref();
            let length = u32::try_from(key.len()).unwrap_or(u32::MAX);
            hash.update(length.to_le_bytes());
            hash.update(key);
            bytes += key.len();
            // A list with holes would mislead: once one key has no room, no later one is shown.
            let has_room = shown.len() < BULK_KEYS_SHOWN_MAX && bytes <= BULK_KEYS_BYTES_MAX;
            if has_room && shown.len() as u64 == count {
                shown.push(key.to_owned());
            }
            count += 1;
        }
        let keys_sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Bulk { kind, count, keys_sha256, keys: shown }
    }
}
