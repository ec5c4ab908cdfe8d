//! Opening a spool: what there is of dead recorders is counted, so that what waits is known.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use super::files::Files;
use super::frame::{Frames, HEADER_BYTES, Tail, VERSION, version};
use super::house::{Cursor, House, move_in};
use super::{Segment, Spool};
use crate::clock;
use crate::limits::{SPOOL_FILE_BYTES_MAX, SPOOL_SEGMENT_BYTES_MAX, SPOOL_SEGMENT_BYTES_MIN};

impl Spool {
    pub(super) fn open_with(
        files: Files,
        root: &Path,
        destination: &str,
        bytes_max: u64,
    ) -> io::Result<Spool> {
        let (own, adopted) = move_in(&files, root, destination)?;
        // A small spool has several segments, too, so that room is given back bit by bit.
        let segment_bytes_max =
            (bytes_max / 8).clamp(SPOOL_SEGMENT_BYTES_MIN, SPOOL_SEGMENT_BYTES_MAX);
        let mut spool = Spool {
            files,
            root: root.to_owned(),
            own,
            adopted: Vec::new(),
            segments: VecDeque::new(),
            active: None,
            next_id: 0,
            next_number: 1,
            head: VecDeque::new(),
            head_bytes: 0,
            on_disk: 0,
            unwritten: VecDeque::new(),
            unwritten_bytes: 0,
            waiting: 0,
            file_bytes: 0,
            bytes_max,
            segment_bytes_max,
            unsaved_bytes: 0,
            saved: clock::instant(),
            damaged: 0,
            read_failures: 0,
            refused_full: false,
        };
        for house in adopted {
            spool.adopt(house);
        }
        spool.retire()?;
        Ok(spool)
    }

    fn adopt(&mut self, mut house: House) {
        let dir = house.path.display().to_string();
        let (before, damaged) = (self.waiting, self.damaged);
        let cursor = house.cursor(&self.files);
        let numbers = match house.segments(&self.files) {
            Ok(numbers) => numbers,
            Err(error) => {
                tracing::error!(dir, %error, "events in the spool cannot be adopted");
                return;
            }
        };
        for number in numbers {
            if let Err(error) = self.index(&house, number, cursor) {
                house.stays = true;
                tracing::error!(dir, number, %error, "a segment of the spool cannot be read");
            }
        }
        let (events, lost) = (self.waiting - before, self.damaged - damaged);
        tracing::info!(dir, events, lost, "adopted the spool of a recorder that is gone");
        self.adopted.push(house);
    }

    /// Counts the events of a segment that wait.
    fn index(&mut self, house: &House, number: u64, cursor: Cursor) -> io::Result<()> {
        let path = house.segment_path(number);
        let mut bytes = self.files.size(&path)?;
        let from = if number == cursor.segment { cursor.offset } else { 0 };
        let from = from.clamp(HEADER_BYTES as u64, bytes.max(HEADER_BYTES as u64));
        let mut segment = Segment {
            id: self.next_id,
            house: Some(house.path.clone()),
            number,
            path,
            bytes,
            unacked: 0,
            unloaded: 0,
            load_from: from,
            acked_to: from,
            damaged: false,
        };
        if number < cursor.segment {
            // It was about to be removed.
        } else if bytes > SPOOL_FILE_BYTES_MAX {
            segment.damaged = true;
            self.damaged += 1;
        } else {
            let content = self.files.read(&segment.path, 0, bytes)?;
            bytes = content.len() as u64;
            self.scan(&mut segment, &content)?;
        }
        self.next_id += 1;
        self.file_bytes += bytes;
        self.waiting += segment.unacked;
        self.on_disk += segment.unacked;
        self.segments.push_back(segment);
        Ok(())
    }

    fn scan(&mut self, segment: &mut Segment, content: &[u8]) -> io::Result<()> {
        let path = segment.path.display();
        let from = usize::try_from(segment.load_from).map_err(io::Error::other)?;
        if content.len() < HEADER_BYTES {
            return Ok(());
        }
        let mut lost = 0;
        match version(content) {
            Some(VERSION) => {}
            Some(_) => return Err(io::Error::other("it is of another version")),
            None => lost += 1,
        }
        let mut frames = Frames::new(content, from);
        segment.unacked = frames.by_ref().count() as u64;
        segment.unloaded = segment.unacked;
        lost += frames.gaps;
        if frames.tail == Tail::Torn {
            let cut = content.len() - frames.at();
            tracing::warn!(%path, at = frames.at(), bytes = cut, "cut off an event that was not written whole");
        }
        if lost > 0 {
            segment.damaged = true;
            self.damaged += lost;
            tracing::error!(%path, at_least = lost, "events in the spool are damaged; the others are sent, and the file is set aside");
        }
        Ok(())
    }
}
