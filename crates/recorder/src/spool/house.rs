//! The directory of one recorder within a spool, and those of dead ones.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::files::Files;
use super::frame::VERSION;
use crate::clock;
use crate::limits::SPOOL_NOTE_BYTES_MAX;

/// Says whose a directory is.
const OWNER: &str = "spool.json";
/// Held by the recorder that uses it.
const LOCK: &str = "lock";
/// Says how far its events are acknowledged.
const CURSOR: &str = "acked";
const SEGMENT_ENDING: &str = ".events";

#[derive(Serialize, Deserialize)]
struct Owner {
    version: u32,
    destination: String,
    /// Microseconds since 1970; only to replay the oldest first.
    created: i64,
}

/// A directory that this recorder holds.
#[derive(Debug)]
pub(super) struct House {
    pub(super) path: PathBuf,
    lock: Option<File>,
    created: i64,
    /// Something in it could not be read, so it stays as it is for the next recorder.
    pub(super) stays: bool,
}

/// Up to where a directory's events need not be sent again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub(super) struct Cursor {
    pub(super) segment: u64,
    pub(super) offset: u64,
}

/// A new directory, and those of dead recorders with the same destination, oldest first.
pub(super) fn move_in(
    files: &Files,
    root: &Path,
    destination: &str,
) -> io::Result<(House, Vec<House>)> {
    files.make_dir(root)?;
    // While one moves in nobody else does, so a directory without its note is nobody's.
    let _door = files.lock(&root.join(LOCK))?;
    let mut adopted = Vec::new();
    for name in files.names(root, true)? {
        match adopt(files, &root.join(&name), destination) {
            Ok(house) => adopted.extend(house),
            Err(error) => {
                tracing::error!(%error, dir = name, "events in the spool cannot be adopted")
            }
        }
    }
    adopted.sort_by_key(|house| house.created);
    let own = House::make(files, root, destination)?;
    Ok((own, adopted))
}

fn adopt(files: &Files, path: &Path, destination: &str) -> io::Result<Option<House>> {
    let dir = path.display();
    let known = files.names(path, false)?;
    let has = |name: &str| known.iter().any(|known| known == name);
    if !has(LOCK) {
        // Somebody else's directory, or what is left of one that was being removed.
        return Ok(None);
    }
    let Some(lock) = files.try_lock(&path.join(LOCK))? else { return Ok(None) };
    let mut house = House { path: path.to_owned(), lock: Some(lock), created: 0, stays: false };
    if !has(OWNER) {
        if known.iter().any(|name| segment_number(name).is_some()) {
            tracing::error!(%dir, "left alone, as nothing says where its events are to go");
        } else {
            house.remove(files);
        }
        return Ok(None);
    }
    let note = files.read(&path.join(OWNER), 0, SPOOL_NOTE_BYTES_MAX)?;
    let owner: Owner = match serde_json::from_slice(&note) {
        Ok(owner) => owner,
        Err(error) => {
            tracing::error!(%dir, %error, "left alone, as nothing says where its events are to go");
            return Ok(None);
        }
    };
    if owner.version != VERSION {
        tracing::error!(%dir, version = owner.version, "left alone, as it is of another version");
        return Ok(None);
    }
    if owner.destination != destination {
        tracing::warn!(%dir, to = owner.destination, "left alone, as its events are for another destination");
        return Ok(None);
    }
    house.created = owner.created;
    Ok(Some(house))
}

impl House {
    fn make(files: &Files, root: &Path, destination: &str) -> io::Result<House> {
        let name: String = clock::random::<8>().iter().map(|byte| format!("{byte:02x}")).collect();
        let path = root.join(name);
        files.make_dir(&path)?;
        let lock = files.try_lock(&path.join(LOCK))?;
        let lock = Some(lock.ok_or(io::ErrorKind::WouldBlock)?);
        let (created, destination) = (clock::now().0, destination.to_owned());
        let owner = Owner { version: VERSION, destination, created };
        let note = serde_json::to_vec(&owner)?;
        files.replace(&path.join(OWNER), &note, true)?;
        Ok(House { path, lock, created, stays: false })
    }

    pub(super) fn segment_path(&self, number: u64) -> PathBuf {
        self.path.join(format!("{number:020}{SEGMENT_ENDING}"))
    }

    /// The numbers of its segments, in order.
    pub(super) fn segments(&self, files: &Files) -> io::Result<Vec<u64>> {
        let names = files.names(&self.path, false)?;
        Ok(names.iter().filter_map(|name| segment_number(name)).collect())
    }

    /// Where its acknowledged events end. Without a readable note none is: they are sent again, which is harmless.
    pub(super) fn cursor(&self, files: &Files) -> Cursor {
        let bytes = files.read(&self.path.join(CURSOR), 0, SPOOL_NOTE_BYTES_MAX);
        bytes.ok().and_then(|bytes| Cursor::parse(&bytes)).unwrap_or_default()
    }

    pub(super) fn save_cursor(&self, files: &Files, cursor: Cursor) -> io::Result<()> {
        if self.stays {
            // What could not be read may be before this place.
            return Ok(());
        }
        files.replace(&self.path.join(CURSOR), cursor.text().as_bytes(), false)
    }

    /// Removes it. What cannot be removed is found by the next recorder.
    pub(super) fn remove(&mut self, files: &Files) {
        if self.stays {
            self.lock = None;
            return;
        }
        for name in [CURSOR, OWNER] {
            let _ = files.remove(&self.path.join(name));
        }
        // Some systems do not remove what is open.
        self.lock = None;
        let _ = files.remove(&self.path.join(LOCK));
        if let Err(error) = files.remove_dir(&self.path) {
            tracing::debug!(dir = %self.path.display(), %error, "not removed");
        }
    }
}

fn segment_number(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SEGMENT_ENDING)?;
    (digits.len() == 20).then(|| digits.parse().ok())?
}

impl Cursor {
    fn text(self) -> String {
        let text = format!("1 {} {}", self.segment, self.offset);
        let crc = crc32c::crc32c(text.as_bytes());
        format!("{text} {crc:08x}\n")
    }

    fn parse(bytes: &[u8]) -> Option<Cursor> {
        let text = std::str::from_utf8(bytes).ok()?;
        let mut words = text.split_ascii_whitespace().skip(1);
        let (segment, offset) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let cursor = Cursor { segment, offset };
        (cursor.text() == text).then_some(cursor)
    }
}
