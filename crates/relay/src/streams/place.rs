//! How far a stream is, kept in a small file of the data directory: a line of JSON, and its checksum behind it.

use indelible_log::storage::{Storage, read_whole, replace_durably};
use indelible_log::{hex, sha256};
use serde::{Deserialize, Serialize};

use crate::limits::PLACE_BYTES_MAX;

/// Where the files are.
const DIR: &str = "streams";
const VERSION: u32 = 1;

/// How far a stream is, and what somebody decided about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Place {
    version: u32,
    /// Everything before it was sent, set aside, or does not match.
    pub next: u64,
    /// Whether somebody paused it.
    pub paused: bool,
    /// Events set aside, ever.
    pub set_aside: u64,
    /// Whether a notice says that it fails, and none yet that it works again.
    pub told_failing: bool,
    /// What was sent last: by it a log is known again.
    pub last: Option<Last>,
}

/// What was sent last.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Last {
    /// Its place in the log.
    pub pos: u64,
    /// Its leaf hash.
    pub leaf: String,
}

impl Place {
    /// The place of a stream that has sent nothing yet.
    pub fn new(next: u64) -> Place {
        let (version, last) = (VERSION, None);
        Place { version, next, paused: false, set_aside: 0, told_failing: false, last }
    }

    /// Reads a stream's place; `None` if it has none yet. One that cannot be read is an error, not a new beginning:
    /// that would send everything again, or leave something out.
    pub fn load(storage: &dyn Storage, stream: &str) -> Result<Option<Place>, String> {
        let path = path(stream);
        let bad = |why: String| format!("{path}: {why}");
        let bytes = match read_whole(storage, &path, PLACE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(bad(e.to_string())),
        };
        let text = String::from_utf8(bytes).map_err(|_| bad("it is not UTF-8".into()))?;
        let (json, rest) = text.split_once('\n').ok_or_else(|| bad("it is cut short".into()))?;
        if rest != checksum(json) {
            return Err(bad("its checksum does not match: it was damaged or edited".into()));
        }
        let place: Place = serde_json::from_str(json).map_err(|e| bad(e.to_string()))?;
        if place.version != VERSION {
            return Err(bad(format!("version {} is not known", place.version)));
        }
        Ok(Some(place))
    }

    /// Makes it durable.
    pub fn store(&self, storage: &dyn Storage, stream: &str) -> Result<(), String> {
        let json = serde_json::to_string(self).expect("it has string keys only");
        let (path, text) = (path(stream), format!("{json}\n{}", checksum(&json)));
        let stored = storage.create_dir(DIR);
        let stored = stored.and_then(|()| replace_durably(storage, &path, text.as_bytes()));
        stored.map_err(|e| format!("{path}: {e}"))
    }
}

fn path(stream: &str) -> String {
    format!("{DIR}/{stream}.json")
}

fn checksum(json: &str) -> String {
    format!("sha256 {}\n", hex::encode(&sha256(json.as_bytes())))
}

#[cfg(test)]
mod tests {
    use indelible_sim::PowerStorage;

    use super::*;

    #[test]
    fn a_place_comes_back_and_a_damaged_one_is_told() {
        let storage = PowerStorage::new();
        assert_eq!(Place::load(&storage, "siem"), Ok(None));
        let mut place = Place::new(17);
        place.last = Some(Last { pos: 16, leaf: "ab".into() });
        place.store(&storage, "siem").unwrap();
        assert_eq!(Place::load(&storage, "siem"), Ok(Some(place.clone())));
        assert_eq!(Place::load(&storage, "other"), Ok(None));
        let mut bytes = storage.image()["streams/siem.json"].clone();
        let at = bytes.iter().position(|byte| *byte == b'7').unwrap();
        bytes[at] = b'8';
        storage.put("streams/siem.json", Some(&bytes));
        let why = Place::load(&storage, "siem").unwrap_err();
        assert!(why.contains("streams/siem.json") && why.contains("checksum"), "{why}");
        storage.put("streams/siem.json", Some(b""));
        assert!(Place::load(&storage, "siem").unwrap_err().contains("cut short"));
    }
}
