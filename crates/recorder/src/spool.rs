//! A buffer on disk, so that events survive the process and outages. `docs/spool.md` says what it promises.
//!
//! A spool is a directory that several recorders may use at once. Each has a directory of its own in it (`house`), of a
//! random name, whose lock it holds; a recorder that opens the spool adopts those that nobody holds any more. In it
//! are segments (`frame` has their bytes), numbered files that are only appended to, and removed once they are
//! acknowledged; and a note of how far the first of them is.
//!
//! The events that wait are, in this order: those at the `head`, in memory; those that are only on disk; and those that
//! are not written yet. While the disk works and the transport keeps up there are none but the first, and nothing is
//! ever read back.

mod files;
mod frame;
mod house;
mod open;
mod read;
mod write;

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::buffer::{Buffer, Encoded, Full};
use crate::error::OpenError;
use crate::limits::{REFUSED_BYTES_MAX, SPOOL_UNWRITTEN_BYTES_MAX};

use files::Files;
use house::House;

/// The file, in the spool, of the events that were refused.
const REFUSED: &str = "refused.ndjson";

/// One recorder's part of a spool, and what it adopted.
#[derive(Debug)]
pub(crate) struct Spool {
    files: Files,
    root: PathBuf,
    /// Its own, then the adopted ones, each until its events are acknowledged.
    own: House,
    adopted: Vec<House>,
    /// Those of all houses, in the order of their events.
    segments: VecDeque<Segment>,
    /// The last of the segments, where it is open for writing.
    active: Option<File>,
    /// How many segments there were.
    next_id: u64,
    /// The number of the next file.
    next_number: u64,
    head: VecDeque<Held>,
    head_bytes: usize,
    /// Events that are only on disk.
    on_disk: u64,
    unwritten: VecDeque<Encoded>,
    unwritten_bytes: usize,
    /// How many wait, wherever.
    waiting: u64,
    /// Of all segments.
    file_bytes: u64,
    bytes_max: u64,
    segment_bytes_max: u64,
    /// Acknowledged since the cursor was saved, and when that was.
    unsaved_bytes: u64,
    saved: Instant,
    /// Events that could not be read any more, and were not told yet.
    damaged: u64,
    read_failures: u32,
    refused_full: bool,
}

/// A file of frames.
#[derive(Debug)]
struct Segment {
    /// Its place among all that this recorder ever had.
    id: u64,
    /// The adopted house it is in, by its path; `None` for the own one.
    house: Option<PathBuf>,
    number: u64,
    path: PathBuf,
    bytes: u64,
    /// Events in it that wait; those of them that are not in memory; and where these begin.
    unacked: u64,
    unloaded: u64,
    load_from: u64,
    acked_to: u64,
    /// Part of it cannot be read, so the file is kept for whoever wants to look.
    damaged: bool,
}

/// An event in memory that is also on disk.
#[derive(Debug)]
struct Held {
    event: Encoded,
    segment: u64,
    end: u64,
}

impl Spool {
    /// A place in the spool of this directory, with the events of dead recorders that sent to the same destination.
    pub(crate) fn open(dir: &Path, destination: &str, bytes_max: u64) -> Result<Spool, OpenError> {
        let failed =
            |error: io::Error| OpenError::Spool { dir: dir.to_owned(), why: error.to_string() };
        Spool::open_with(Files::default(), dir, destination, bytes_max).map_err(failed)
    }

    /// Where refused events are kept.
    fn refused_path(&self) -> PathBuf {
        self.root.join(REFUSED)
    }

    fn write_refused(&self, event: &Encoded, why: &str) -> io::Result<bool> {
        let mut line = b"{\"why\":".to_vec();
        serde_json::to_writer(&mut line, why)?;
        line.extend_from_slice(b",\"event\":");
        // Line ends can only be between an event's tokens, where a space is as good.
        let plain = |byte: &u8| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte };
        line.extend(event.json.iter().map(plain));
        line.extend_from_slice(b"}\n");
        self.files.add_line(&self.refused_path(), &line, REFUSED_BYTES_MAX)
    }
}

impl Buffer for Spool {
    fn push(&mut self, event: Encoded) -> Result<(), Full> {
        let bytes = frame::frame_bytes(&event);
        let unwritten = self.unwritten_bytes as u64 + bytes;
        let full = self.file_bytes + unwritten > self.bytes_max
            || self.unwritten_bytes + event.json.len() > SPOOL_UNWRITTEN_BYTES_MAX;
        // One that is larger than everything must not wait for ever.
        if full && self.waiting > 0 {
            return Err(Full(event));
        }
        self.unwritten_bytes += event.json.len();
        self.unwritten.push_back(event);
        self.waiting += 1;
        Ok(())
    }

    fn commit(&mut self) -> io::Result<()> {
        self.write()
    }

    fn front(&mut self, events_max: usize, bytes_max: usize) -> io::Result<Vec<Encoded>> {
        while self.on_disk > 0 && self.head.len() < events_max && self.head_bytes < bytes_max {
            match self.load() {
                Ok(()) => {}
                // What is in memory can be sent meanwhile.
                Err(_) if !self.head.is_empty() => break,
                Err(error) => return Err(error),
            }
        }
        let held = self.head.iter().map(|held| &held.event);
        let unwritten = self.unwritten.iter().filter(|_| self.on_disk == 0);
        let mut bytes = 0;
        let fits = |event: &&Encoded| {
            let first = bytes == 0;
            bytes += event.json.len();
            first || bytes <= bytes_max
        };
        Ok(held.chain(unwritten).take(events_max).take_while(fits).cloned().collect())
    }

    fn advance(&mut self, events: usize) -> io::Result<()> {
        for _ in 0..events {
            self.advance_one()?;
        }
        self.retire()
    }

    fn len(&self) -> u64 {
        self.waiting
    }

    fn survives(&self) -> bool {
        self.unwritten.is_empty()
    }

    fn take_mortal(&mut self) -> Vec<Encoded> {
        self.waiting -= self.unwritten.len() as u64;
        self.unwritten_bytes = 0;
        std::mem::take(&mut self.unwritten).into()
    }

    fn set_aside(&mut self, event: &Encoded, why: &str) {
        let path = self.refused_path();
        match self.write_refused(event, why) {
            Ok(true) => {}
            Ok(false) if self.refused_full => {}
            Ok(false) => {
                self.refused_full = true;
                tracing::error!(path = %path.display(), "the file of refused events is full; further ones are only counted");
            }
            Err(error) => {
                tracing::error!(path = %path.display(), %error, "a refused event cannot be kept");
            }
        }
    }

    fn take_damaged(&mut self) -> u64 {
        std::mem::take(&mut self.damaged)
    }
}

impl Drop for Spool {
    fn drop(&mut self) {
        if let Err(error) = self.write() {
            tracing::error!(%error, events = self.unwritten.len(), "events could not be written into the spool");
        }
        self.save_cursor();
        if self.waiting > 0 {
            return;
        }
        self.active = None;
        while let Some(segment) = self.segments.pop_front() {
            if let Err(error) = self.forget(&segment) {
                tracing::warn!(%error, path = %segment.path.display(), "not removed");
            }
        }
        for house in &mut self.adopted {
            house.remove(&self.files);
        }
        self.own.remove(&self.files);
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
