//! Bringing events to disk.

use std::io;

use super::frame::{HEADER_BYTES, append, frame_bytes, header};
use super::{Held, Segment, Spool};
use crate::limits::{SPOOL_RECENT_BYTES_MAX, SPOOL_WRITE_BYTES_MAX};

impl Spool {
    /// Writes what is not written yet. What cannot be stays where it is.
    pub(super) fn write(&mut self) -> io::Result<()> {
        while let Some(first) = self.unwritten.front() {
            let next = frame_bytes(first);
            self.make_active(next)?;
            self.write_some()?;
        }
        Ok(())
    }

    /// Sees to a segment that has room for so many bytes.
    fn make_active(&mut self, bytes: u64) -> io::Result<()> {
        if self.active.is_some() {
            let segment = self.segments.back().expect("the active segment is the last");
            let empty = segment.bytes <= HEADER_BYTES as u64;
            if empty || segment.bytes + bytes <= self.segment_bytes_max {
                return Ok(());
            }
            self.close_active();
        }
        let number = self.next_number;
        let path = self.own.segment_path(number);
        self.active = Some(self.files.make(&path)?);
        self.segments.push_back(Segment {
            id: self.next_id,
            house: None,
            number,
            path,
            bytes: 0,
            unacked: 0,
            unloaded: 0,
            load_from: 0,
            acked_to: 0,
            damaged: false,
        });
        (self.next_number, self.next_id) = (number + 1, self.next_id + 1);
        Ok(())
    }

    /// Goes on to another file. While there is a backlog this one will be needed for a while, so it is made to
    /// survive a power cut; otherwise it is removed in a moment and that would be wasted.
    fn close_active(&mut self) {
        let Some(file) = self.active.take() else { return };
        if self.on_disk > 0
            && let Err(error) = file.sync_data()
        {
            tracing::warn!(%error, "a segment of the spool may not survive a power cut");
        }
    }

    /// Writes as many events as go into one write and this segment.
    fn write_some(&mut self) -> io::Result<()> {
        let file = self.active.as_ref().expect("made before");
        let segment = self.segments.back_mut().expect("the active segment is the last");
        let start = segment.bytes;
        let mut bytes = Vec::new();
        if start == 0 {
            bytes.extend_from_slice(&header());
        }
        let mut ends = Vec::new();
        for event in &self.unwritten {
            let at = start + bytes.len() as u64;
            let more = frame_bytes(event);
            let full = bytes.len() as u64 + more > SPOOL_WRITE_BYTES_MAX as u64
                || at + more > self.segment_bytes_max;
            if full && !ends.is_empty() {
                break;
            }
            append(&mut bytes, event);
            ends.push((at, at + more));
        }
        if let Err(error) = self.files.write_at(file, start, &bytes) {
            // Part of it may be there; what is written next must not come behind half a frame.
            if let Err(error) = file.set_len(start) {
                tracing::warn!(%error, "a segment of the spool ends in half an event");
                self.close_active();
            }
            return Err(error);
        }
        segment.bytes += bytes.len() as u64;
        self.file_bytes += bytes.len() as u64;
        for (at, end) in ends {
            let event = self.unwritten.pop_front().expect("it was just written");
            self.unwritten_bytes -= event.json.len();
            segment.unacked += 1;
            // Once some are only on disk those behind them are, too: the order is kept.
            if self.on_disk == 0 && self.head_bytes + event.json.len() <= SPOOL_RECENT_BYTES_MAX {
                self.head_bytes += event.json.len();
                self.head.push_back(Held { event, segment: segment.id, end });
                continue;
            }
            if segment.unloaded == 0 {
                segment.load_from = at;
            }
            segment.unloaded += 1;
            self.on_disk += 1;
        }
        Ok(())
    }
}
