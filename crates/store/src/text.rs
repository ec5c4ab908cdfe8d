//! Small files of one JSON line and one checksum line: the node's description and the sign guard.

use indelible_log::storage::{Storage, read_whole, replace_durably};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::StoreError;

/// No such file is larger.
const BYTES_MAX: u64 = 64 << 20;

/// Reads and checks a file; `None` if it does not exist.
pub(crate) fn load<T: DeserializeOwned>(
    storage: &dyn Storage,
    path: &str,
) -> Result<Option<T>, StoreError> {
    let bytes = match read_whole(storage, path, BYTES_MAX) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(StoreError::io(path)(e)),
    };
    let text = std::str::from_utf8(&bytes).map_err(|_| StoreError::file(path, "not UTF-8"))?;
    let (json, rest) =
        text.split_once('\n').ok_or_else(|| StoreError::file(path, "it is cut short"))?;
    if rest != checksum(json) {
        return Err(StoreError::file(
            path,
            "its checksum does not match: it was damaged or edited",
        ));
    }
    serde_json::from_str(json).map(Some).map_err(|e| StoreError::file(path, e))
}

/// Replaces a file durably.
pub(crate) fn store<T: Serialize>(
    storage: &dyn Storage,
    path: &str,
    value: &T,
) -> Result<(), StoreError> {
    let json = serde_json::to_string(value).expect("these structures have string keys only");
    let text = format!("{json}\n{}", checksum(&json));
    replace_durably(storage, path, text.as_bytes()).map_err(StoreError::io(path))
}

fn checksum(json: &str) -> String {
    format!("crc32c {:08x}\n", crc32c::crc32c(json.as_bytes()))
}
