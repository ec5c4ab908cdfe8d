//! How far the watch is, kept in a file of the data directory: a line with the checksum, a line of JSON, and the windows.

use indelible_event::Micros;
use indelible_log::storage::{Storage, read_whole, replace_durably};
use indelible_log::{hex, sha256};
use indelible_rules::model::EventText;
use serde::{Deserialize, Serialize};

use super::overdue::Overdue;
use crate::book;
use crate::limits::STATE_BYTES_MAX;

const DIR: &str = "watch";
const PATH: &str = "watch/state";
const MAGIC: &str = "indelible-watch 1 sha256";

/// How far the watch is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    /// Everything before it was looked at.
    pub next: u64,
    /// What was looked at last: by it a log is known again.
    pub last: Option<Last>,
    /// How far the log's time had come.
    #[serde(with = "crate::moment::maybe")]
    pub time: Option<Micros>,
    /// What was loaded: ids and digests.
    pub rules: Vec<(String, String)>,
    /// Alerts that are not closed.
    pub decider: book::Saved,
    /// Reviews.
    pub overdue: Overdue,
    /// The windows.
    #[serde(skip)]
    pub engine: Vec<u8>,
}

/// A record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Last {
    /// Its place in the log.
    pub pos: u64,
    /// Its id.
    pub id: EventText,
}

impl State {
    /// Reads it; `None` if there is none yet.
    pub fn load(storage: &dyn Storage) -> Result<Option<State>, String> {
        let bytes = match read_whole(storage, PATH, STATE_BYTES_MAX) {
            Ok(bytes) => bytes,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(e) => return Err(format!("{PATH}: {e}")),
        };
        State::decode(&bytes).map(Some).map_err(|why| format!("{PATH}: {why}"))
    }

    fn decode(bytes: &[u8]) -> Result<State, String> {
        let (head, rest) = line(bytes).ok_or("it is cut short")?;
        if head != checksum(rest).as_bytes() {
            return Err("its checksum does not match: it was damaged or edited".into());
        }
        let (json, engine) = line(rest).ok_or("it is cut short")?;
        let mut state: State = serde_json::from_slice(json).map_err(|e| e.to_string())?;
        state.engine = engine.to_vec();
        Ok(state)
    }

    /// Makes it durable.
    pub fn store(&self, storage: &dyn Storage) -> Result<(), String> {
        let mut rest = serde_json::to_vec(self).expect("it has string keys only");
        rest.push(b'\n');
        rest.extend_from_slice(&self.engine);
        let mut bytes = checksum(&rest).into_bytes();
        bytes.push(b'\n');
        bytes.append(&mut rest);
        if bytes.len() as u64 > STATE_BYTES_MAX {
            return Err(format!("{PATH}: it would be larger than {STATE_BYTES_MAX} bytes"));
        }
        let stored = storage.create_dir(DIR);
        let stored = stored.and_then(|()| replace_durably(storage, PATH, &bytes));
        stored.map_err(|e| format!("{PATH}: {e}"))
    }
}

fn line(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|byte| *byte == b'\n')?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

fn checksum(bytes: &[u8]) -> String {
    format!("{MAGIC} {}", hex::encode(&sha256(bytes)))
}

#[cfg(test)]
mod tests {
    use indelible_sim::PowerStorage;

    use super::*;

    #[test]
    fn state_comes_back_and_damage_is_told() {
        let storage = PowerStorage::new();
        assert!(State::load(&storage).unwrap().is_none());
        let last = Some(Last { pos: 6, id: EventText(indelible_event::EventId::default()) });
        let decider = book::Decider::default().save();
        let (time, overdue) = (Some(Micros(1)), Overdue::new(Micros(5)));
        let rules = vec![("a".into(), "b".into())];
        let engine = b"win\ndows".to_vec();
        let state = State { next: 7, last, time, rules, decider, overdue, engine };
        state.store(&storage).unwrap();
        let read = State::load(&storage).unwrap().unwrap();
        assert_eq!((read.next, read.time, &*read.engine), (7, Some(Micros(1)), &b"win\ndows"[..]));
        let whole = storage.image()[PATH].clone();
        for at in 0..whole.len() {
            let mut bytes = whole.clone();
            bytes[at] ^= 1;
            storage.put(PATH, Some(&bytes));
            assert!(State::load(&storage).is_err(), "byte {at}");
            storage.put(PATH, Some(&whole[..at]));
            assert!(State::load(&storage).is_err(), "cut at {at}");
        }
    }
}
