//! The bytes of a segment: a header, then frames.
//!
//! ```text
//! header  "INDSPOOL"  version u32
//! frame   length u32 of what follows the checksum
//!         CRC-32C u32 of the length's bytes and what follows
//!         length u8 and bytes of the event type (UTF-8), then the event's JSON
//! ```
//! Numbers are little-endian.

use indelible_event::limits::EVENT_BYTES_MAX;

use crate::buffer::Encoded;
use crate::limits::{SPOOL_FRAME_BYTES_MAX, SPOOL_RESYNC_BYTES_MAX};

pub(super) const VERSION: u32 = 1;
const MAGIC: [u8; 8] = *b"INDSPOOL";
pub(super) const HEADER_BYTES: usize = 12;
/// Length and checksum.
const HEAD_BYTES: usize = 8;

const _: () = assert!(EVENT_BYTES_MAX + u8::MAX as usize + HEAD_BYTES < SPOOL_FRAME_BYTES_MAX);

pub(super) fn header() -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(&MAGIC);
    header[8..].copy_from_slice(&VERSION.to_le_bytes());
    header
}

/// The version of a segment that begins like this; `None` if it is no segment.
pub(super) fn version(bytes: &[u8]) -> Option<u32> {
    let version = bytes.strip_prefix(&MAGIC)?.first_chunk()?;
    Some(u32::from_le_bytes(*version))
}

/// How much of the event type is kept: it is only for counting losses.
fn kept_type(event: &Encoded) -> &str {
    &event.event_type[..event.event_type.floor_char_boundary(usize::from(u8::MAX))]
}

pub(super) fn frame_bytes(event: &Encoded) -> u64 {
    (HEAD_BYTES + 1 + kept_type(event).len() + event.json.len()) as u64
}

/// Adds the frame of an event.
pub(super) fn append(out: &mut Vec<u8>, event: &Encoded) {
    let kind = kept_type(event);
    let length = u32::try_from(1 + kind.len() + event.json.len());
    let length = length.expect("an event was checked against its limit").to_le_bytes();
    out.extend_from_slice(&length);
    let checksum = out.len();
    out.extend_from_slice(&[0; 4]);
    out.push(u8::try_from(kind.len()).expect("cut to that"));
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(&event.json);
    let crc = crc32c::crc32c_append(crc32c::crc32c(&length), &out[checksum + 4..]);
    out[checksum..checksum + 4].copy_from_slice(&crc.to_le_bytes());
}

/// A frame whose checksum is right.
pub(super) struct Frame<'a> {
    event_type: &'a str,
    json: &'a [u8],
    /// Where the next begins.
    pub(super) end: usize,
}

impl Frame<'_> {
    pub(super) fn event(&self) -> Encoded {
        Encoded { event_type: self.event_type.into(), json: self.json.to_vec() }
    }
}

/// How a segment's bytes end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tail {
    /// With a frame.
    Whole,
    /// In the middle of a frame, as a process leaves it that is killed while it writes.
    Torn,
    /// With something that was a frame.
    Damaged,
}

/// The frames of some bytes, from front to end. What is damaged is passed over, and told.
pub(super) struct Frames<'a> {
    bytes: &'a [u8],
    at: usize,
    /// Bytes that may still be summed in search of a frame behind damage.
    search: usize,
    /// Places that were passed over, each an event or more.
    pub(super) gaps: u64,
    pub(super) tail: Tail,
}

enum Bad {
    /// The bytes end before it does.
    Short,
    /// It cannot be a frame, or its checksum is wrong.
    Wrong,
}

impl<'a> Frames<'a> {
    /// The frames from this place on, which is where one begins.
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Frames<'a> {
        Frames { bytes, at, search: SPOOL_RESYNC_BYTES_MAX, gaps: 0, tail: Tail::Whole }
    }

    /// Where the next frame would be.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn frame(&self, at: usize) -> Result<Frame<'a>, Bad> {
        let rest = &self.bytes[at..];
        let (length, after) = rest.split_first_chunk::<4>().ok_or(Bad::Short)?;
        let payload_bytes = u32::from_le_bytes(*length) as usize;
        if payload_bytes == 0 || payload_bytes > SPOOL_FRAME_BYTES_MAX {
            return Err(Bad::Wrong);
        }
        let (crc, after) = after.split_first_chunk::<4>().ok_or(Bad::Short)?;
        let payload = after.get(..payload_bytes).ok_or(Bad::Short)?;
        if crc32c::crc32c_append(crc32c::crc32c(length), payload) != u32::from_le_bytes(*crc) {
            return Err(Bad::Wrong);
        }
        let (kind_bytes, payload) = payload.split_first().ok_or(Bad::Wrong)?;
        let kind_bytes = usize::from(*kind_bytes);
        let (kind, json) = payload.split_at_checked(kind_bytes).ok_or(Bad::Wrong)?;
        let event_type = std::str::from_utf8(kind).map_err(|_| Bad::Wrong)?;
        Ok(Frame { event_type, json, end: at + HEAD_BYTES + payload_bytes })
    }

    /// The first place behind this one where there is a frame.
    fn search(&mut self, from: usize) -> Option<usize> {
        // Text has no byte below 0x20, so that hardly any place within an event looks like a length.
        for at in from..self.bytes.len().saturating_sub(HEAD_BYTES) {
            let length = self.bytes[at..].first_chunk().map_or(0, |b| u32::from_le_bytes(*b));
            let length = length as usize;
            if length == 0 || length > SPOOL_FRAME_BYTES_MAX || length > self.bytes.len() - at {
                continue;
            }
            self.search = self.search.checked_sub(length)?;
            if self.frame(at).is_ok() {
                return Some(at);
            }
        }
        None
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Frame<'a>;

    fn next(&mut self) -> Option<Frame<'a>> {
        if self.at >= self.bytes.len() || self.tail != Tail::Whole {
            return None;
        }
        let bad = match self.frame(self.at) {
            Ok(frame) => {
                self.at = frame.end;
                return Some(frame);
            }
            Err(bad) => bad,
        };
        // Also a frame that seems to go beyond the end may be one whose length was damaged.
        if let Some(at) = self.search(self.at + 1) {
            self.gaps += 1;
            let frame = self.frame(at).ok()?;
            self.at = frame.end;
            return Some(frame);
        }
        self.tail = if matches!(bad, Bad::Short) { Tail::Torn } else { Tail::Damaged };
        self.gaps += u64::from(self.tail == Tail::Damaged);
        None
    }
}

#[cfg(test)]
#[path = "frame_tests.rs"]
mod tests;
