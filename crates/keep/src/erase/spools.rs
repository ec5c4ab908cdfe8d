//! Spools of recorders: events that wait there come into the log later, and bytes of those that came may linger.
//!
//! A spool belongs to its recorder, which may be alive. Only the file of refused events is changed here; what else names
//! the subject is told, with what makes it go.

use std::io::ErrorKind;
use std::sync::Arc;

use indelible_log::storage::{FileStorage, Storage, read_whole, replace_durably};
use serde_json::Value;

use super::model::{Place, PlaceKind, Reach};
use super::strike::io;
use super::subject::Asked;
use crate::error::KeepError;
use crate::limits::SPOOL_FILE_BYTES_MAX;
use crate::restore::Below;

/// Where an embedded recorder keeps its spool: beside the log.
pub(super) const SPOOL: &str = "spool";
const REFUSED: &str = "refused.ndjson";
const CURSOR: &str = "acked";

/// The spools that are known: the data directory's own, and those that were named.
pub(super) fn known(storage: &Arc<dyn Storage>, asked: &Asked) -> Vec<(String, Arc<dyn Storage>)> {
    let own: Arc<dyn Storage> = Arc::new(Below::new(storage.clone(), SPOOL));
    let named = asked.spools.iter().map(|dir| {
        let storage: Arc<dyn Storage> = Arc::new(FileStorage::new(dir));
        (dir.display().to_string(), storage)
    });
    std::iter::once((SPOOL.to_owned(), own)).chain(named).collect()
}

/// Looks through a spool. With `act` refused events that match are taken out.
pub(super) fn look(
    name: &str,
    spool: &dyn Storage,
    asked: &Asked,
    act: bool,
) -> Result<Vec<Place>, KeepError> {
    let mut places = Vec::new();
    let files = match spool.list("") {
        Err(e) if e.kind() == ErrorKind::NotFound && name == SPOOL => return Ok(places),
        other => other.map_err(io(name))?,
    };
    let mut tell = |item: &str, records: u64, to_do: Option<&str>| {
        if records > 0 {
            let reach = if to_do.is_some() { Reach::ToDo } else { Reach::Erased };
            places.push(Place {
                kind: PlaceKind::Spool,
                place: name.to_owned(),
                item: item.to_owned(),
                records,
                reach,
                to_do: to_do.map(str::to_owned),
                sha256: None,
            });
        }
    };
    for file in &files {
        if file == REFUSED {
            let (taken, left) = refused(spool, asked, act)?;
            tell(file, taken, None);
            let to_do = "refused events mention it in a text; look at them and remove the file";
            tell(file, left, Some(to_do));
        } else if file.ends_with(".damaged") {
            let count = asked.wanted.places_in(&read(spool, file)?).len() as u64;
            tell(
                file,
                count,
                Some("it was set aside as damaged and names it: look at it and remove it"),
            );
        } else if let Ok(segments) = spool.list(file) {
            let (waiting, lingering) = recorder(spool, file, &segments, asked)?;
            let deliver = "events that wait to be delivered name it: let the recorder deliver them, then erase again";
            tell(file, waiting, Some(deliver));
            let close = "delivered events that name it are still in its file: close the recorder (restart the \
                         application), then erase again";
            tell(file, lingering, Some(close));
        }
    }
    Ok(places)
}

fn read(spool: &dyn Storage, path: &str) -> Result<Vec<u8>, KeepError> {
    match read_whole(spool, path, SPOOL_FILE_BYTES_MAX) {
        // Its recorder was faster.
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        other => other.map_err(io(path)),
    }
}

/// Takes the events that match out of the refused ones: they are in no log, and so nobody's evidence. Gives how many
/// went, and how many only mention it.
fn refused(spool: &dyn Storage, asked: &Asked, act: bool) -> Result<(u64, u64), KeepError> {
    let bytes = read(spool, REFUSED)?;
    let (mut taken, mut left) = (0, 0);
    let mut stay = Vec::with_capacity(bytes.len());
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let said: Option<Value> = serde_json::from_slice(line).ok();
        let named = said.is_some_and(|said| asked.wanted.is_in_event(&said["event"]));
        let mentioned = !asked.wanted.places_in(line).is_empty();
        if named || mentioned && asked.mentions {
            taken += 1;
            continue;
        }
        left += u64::from(mentioned);
        stay.extend_from_slice(line);
    }
    if taken > 0 && act {
        replace_durably(spool, REFUSED, &stay).map_err(io(REFUSED))?;
    }
    Ok((taken, left))
}

/// How often a recorder's files name it: in events that wait, and in those that were acknowledged.
fn recorder(
    spool: &dyn Storage,
    dir: &str,
    names: &[String],
    asked: &Asked,
) -> Result<(u64, u64), KeepError> {
    // Without a readable note nothing is acknowledged.
    let cursor = read(spool, &format!("{dir}/{CURSOR}"))?;
    let cursor = String::from_utf8(cursor).ok().and_then(|text| {
        let mut words = text.split_ascii_whitespace().skip(1);
        Some((words.next()?.parse::<u64>().ok()?, words.next()?.parse::<usize>().ok()?))
    });
    let (segment, offset) = cursor.unwrap_or_default();
    let (mut waiting, mut lingering) = (0, 0);
    for name in names {
        let Some(number) = name.strip_suffix(".events").and_then(|n| n.parse::<u64>().ok()) else {
            continue;
        };
        let bytes = read(spool, &format!("{dir}/{name}"))?;
        for at in asked.wanted.places_in(&bytes) {
            if number < segment || number == segment && at < offset {
                lingering += 1;
            } else {
                waiting += 1;
            }
        }
    }
    Ok((waiting, lingering))
}
