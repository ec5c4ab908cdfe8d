//! Taking events from the front: from memory, from disk, and forgetting them.

use std::io;

use super::frame::Frames;
use super::house::Cursor;
use super::{Held, Segment, Spool};
use crate::clock;
use crate::limits::{
    SPOOL_CURSOR_BYTES, SPOOL_CURSOR_INTERVAL, SPOOL_IDLE_BYTES_MAX, SPOOL_READ_TRIES,
};

impl Spool {
    fn segment(&mut self, id: u64) -> &mut Segment {
        let first = self.segments.front().map_or(0, |segment| segment.id);
        let index = usize::try_from(id - first).expect("fewer segments than memory");
        self.segments.get_mut(index).expect("a segment stays until its events are acknowledged")
    }

    /// Brings the next segment's events that are only on disk to the head.
    pub(super) fn load(&mut self) -> io::Result<()> {
        let Some(segment) = self.segments.iter().find(|segment| segment.unloaded > 0) else {
            self.on_disk = 0;
            return Ok(());
        };
        let (id, wanted, from) = (segment.id, segment.unloaded, segment.load_from);
        let bytes = match self.files.read(&segment.path, from, segment.bytes) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) if self.read_failures < SPOOL_READ_TRIES => {
                self.read_failures += 1;
                return Err(error);
            }
            Err(error) => {
                tracing::error!(path = %segment.path.display(), %error, "a segment of the spool cannot be read; its events are lost");
                Vec::new()
            }
        };
        self.read_failures = 0;
        let mut got = 0;
        for frame in Frames::new(&bytes, 0).take(usize::try_from(wanted).unwrap_or(usize::MAX)) {
            let (event, end) = (frame.event(), from + frame.end as u64);
            self.head_bytes += event.json.len();
            self.head.push_back(Held { event, segment: id, end });
            got += 1;
        }
        let gone = wanted - got;
        let segment = self.segment(id);
        segment.unloaded = 0;
        segment.unacked -= gone;
        if gone > 0 {
            segment.damaged = true;
            tracing::error!(path = %segment.path.display(), events = gone, "events of the spool are not in their file any more");
        }
        self.on_disk -= wanted;
        self.waiting -= gone;
        self.damaged += gone;
        Ok(())
    }

    /// The first event is settled.
    pub(super) fn advance_one(&mut self) -> io::Result<()> {
        if self.head.is_empty() && self.on_disk > 0 {
            // It was sent from memory, and written since then.
            self.load()?;
        }
        if let Some(held) = self.head.pop_front() {
            self.head_bytes -= held.event.json.len();
            let segment = self.segment(held.segment);
            segment.unacked -= 1;
            let bytes = held.end - segment.acked_to.min(held.end);
            segment.acked_to = held.end;
            self.unsaved_bytes += bytes;
        } else if let Some(event) = self.unwritten.pop_front() {
            self.unwritten_bytes -= event.json.len();
        } else {
            return Ok(());
        }
        self.waiting -= 1;
        Ok(())
    }

    /// Removes what is acknowledged, and notes from time to time how far that is.
    pub(super) fn retire(&mut self) -> io::Result<()> {
        let mut result = Ok(());
        while let Some(segment) = self.segments.front()
            && segment.unacked == 0
        {
            let active = self.segments.len() == 1 && self.active.is_some();
            if active && segment.bytes <= SPOOL_IDLE_BYTES_MAX {
                break;
            }
            if active {
                self.active = None;
            }
            let Some(segment) = self.segments.pop_front() else { break };
            self.file_bytes -= segment.bytes;
            self.unsaved_bytes = 0;
            result = result.and(self.forget(&segment));
        }
        let first = self.segments.front().and_then(|segment| segment.house.clone());
        let files = &self.files;
        // Adopted segments come in the order of their houses, so those before the first one's are empty.
        while self.adopted.first().is_some_and(|house| first.as_ref() != Some(&house.path)) {
            self.adopted.remove(0).remove(files);
        }
        let due = self.unsaved_bytes >= SPOOL_CURSOR_BYTES
            || self.unsaved_bytes > 0
                && clock::instant().duration_since(self.saved) >= SPOOL_CURSOR_INTERVAL;
        if due {
            self.save_cursor();
        }
        result
    }

    /// Removes a segment's file, or sets it aside if there is something to look into.
    pub(super) fn forget(&self, segment: &Segment) -> io::Result<()> {
        if !segment.damaged {
            return self.files.remove(&segment.path);
        }
        let house = segment.house.as_ref().unwrap_or(&self.own.path);
        let house = house.file_name().unwrap_or_default().to_string_lossy();
        let aside = self.root.join(format!("{house}-{:020}.damaged", segment.number));
        let moved = self.files.rename(&segment.path, &aside);
        match &moved {
            Ok(()) => tracing::error!(path = %aside.display(), "set aside a damaged segment"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(_) => {}
        }
        moved
    }

    /// Notes how far the first segment is acknowledged; all before it are gone.
    pub(super) fn save_cursor(&mut self) {
        self.saved = clock::instant();
        let Some(segment) = self.segments.front().filter(|_| self.unsaved_bytes > 0) else {
            return;
        };
        let cursor = Cursor { segment: segment.number, offset: segment.acked_to };
        let adopted = self.adopted.iter().find(|house| Some(&house.path) == segment.house.as_ref());
        let house = adopted.unwrap_or(&self.own);
        match house.save_cursor(&self.files, cursor) {
            Ok(()) => self.unsaved_bytes = 0,
            // Some events would be sent again, which is harmless.
            Err(error) => tracing::debug!(%error, "the spool's cursor is not saved"),
        }
    }
}
