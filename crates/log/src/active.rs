//! Reading an active file from front to back, and deciding where what was acknowledged ends.
//!
//! The law: every group whose bytes and checksum are whole counts. At the first place where that ends,
//! either nothing behind it was ever acknowledged, and it is a torn tail that the writer may cut, or
//! something was, and it is damage that nobody may cut. Two witnesses tell which: the side word, and the
//! durable offset that each later group's header repeats.

use crate::error::LogError;
use crate::frame::{self, FILE_HEADER_LEN, FileHeader, FrameError, GROUP_HEADER_LEN, Group};
use crate::limits;
use crate::record::Pos;
use crate::storage::{File, Storage, read_exact_at};

/// The directory of active files.
pub const DIR: &str = "log";

/// An active file's path, by the position of its first record.
pub fn path(first: Pos) -> String {
    format!("{DIR}/{:020}.log", first.0)
}

/// The path of the side word beside an active file.
pub fn mark_path(first: Pos) -> String {
    format!("{DIR}/{:020}.mark", first.0)
}

/// The positions of the active files that exist, in order.
pub fn list(storage: &dyn Storage) -> Result<Vec<Pos>, LogError> {
    let names = storage.list(DIR).map_err(LogError::io(DIR))?;
    let mut found = Vec::new();
    for name in names {
        if let Some(digits) = name.strip_suffix(".log") {
            let first = digits.parse().ok().filter(|_| digits.len() == 20);
            let odd = || LogError::corrupt(&format!("{DIR}/{name}"), 0, "not a name the log gives");
            found.push(Pos(first.ok_or_else(odd)?));
        }
    }
    Ok(found)
}

/// Fails if a side word says that records were durable in a file that is not there. Without this a last
/// active file could vanish as if it had never been.
pub fn check_marks(storage: &dyn Storage, sealed: Pos) -> Result<(), LogError> {
    for name in storage.list(DIR).map_err(LogError::io(DIR))? {
        let Some(first) =
            name.strip_suffix(".mark").and_then(|digits| digits.parse().ok()).map(Pos)
        else {
            continue;
        };
        let mark = read_mark(storage, first);
        if first < sealed || mark <= FILE_HEADER_LEN as u64 {
            continue;
        }
        // Asked for by name: the list may be older than a file that a writer made meanwhile.
        let path = path(first);
        if storage.open(&path, false).is_err_and(|e| e.kind() == std::io::ErrorKind::NotFound) {
            let why = format!("this active file is missing, and was durable up to {mark}");
            return Err(LogError::corrupt(&path, 0, why));
        }
    }
    Ok(())
}

/// Reads a file group by group through one buffer.
pub struct Groups<'f> {
    file: &'f dyn File,
    len: u64,
    offset: u64,
    buf: Vec<u8>,
}

impl<'f> Groups<'f> {
    /// Starts after the file header. `len` is how far to look: a file that grows meanwhile is read up
    /// to where it ended.
    pub fn new(file: &'f dyn File, len: u64) -> Self {
        Groups { file, len, offset: FILE_HEADER_LEN as u64, buf: Vec::new() }
    }

    /// Where the next group begins, or where the last good one ended.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next group; `Ok(None)` at the very end of the file, `Ok(Some(Err))` where no whole group is.
    #[expect(
        clippy::should_implement_trait,
        reason = "a lending iterator: the group borrows the buffer"
    )]
    pub fn next(&mut self) -> std::io::Result<Option<Result<Group<'_>, FrameError>>> {
        let left = self.len - self.offset;
        if left == 0 {
            return Ok(None);
        }
        let head_len = left.min(GROUP_HEADER_LEN as u64) as usize;
        self.buf.resize(head_len, 0);
        read_exact_at(self.file, self.offset, &mut self.buf)?;
        let header = match frame::GroupHeader::decode(&self.buf) {
            Ok(header) => header,
            Err(e) => return Ok(Some(Err(e))),
        };
        let want = u64::from(header.payload_len).min(left - GROUP_HEADER_LEN as u64);
        if want > (limits::GROUP_BYTES_MAX + limits::RECORD_BYTES_MAX) as u64 {
            return Ok(Some(Err(FrameError::Field("a group is longer than any writer makes it"))));
        }
        self.buf.resize(GROUP_HEADER_LEN + want as usize, 0);
        let payload_at = self.offset + GROUP_HEADER_LEN as u64;
        read_exact_at(self.file, payload_at, &mut self.buf[GROUP_HEADER_LEN..])?;
        let group = match frame::group_at(&self.buf, 0) {
            Ok(group) => Group { offset: self.offset, ..group },
            Err(e) => return Ok(Some(Err(e))),
        };
        self.offset = group.end();
        Ok(Some(Ok(group)))
    }
}

/// The side word's durable offset; 0 if there is none to be read.
pub fn read_mark(storage: &dyn Storage, first: Pos) -> u64 {
    let Ok(file) = storage.open(&mark_path(first), false) else { return 0 };
    let mut bytes = [0; frame::MARK_LEN];
    match read_exact_at(&*file, 0, &mut bytes) {
        Ok(()) => frame::decode_mark(&bytes, first).unwrap_or(0),
        Err(_) => 0,
    }
}

/// The highest durable offset claimed by any intact group header at or after `from`.
pub fn durable_claim_after(file: &dyn File, from: u64, len: u64) -> std::io::Result<u64> {
    const CHUNK: usize = 1 << 20;
    let mut buf = Vec::new();
    let (mut at, mut claim) = (from, 0);
    while at < len {
        let take = (len - at).min(CHUNK as u64) as usize;
        buf.resize(take, 0);
        read_exact_at(file, at, &mut buf)?;
        for i in 0..take.saturating_sub(GROUP_HEADER_LEN - 1) {
            if let Some(header) = frame::header_here(&buf[i..]) {
                // A true header never claims more than its own place; a forged one must not either.
                claim = claim.max(header.durable.min(at + i as u64));
            }
        }
        // Step so that a header over the border is seen whole the next time.
        at += (take - (GROUP_HEADER_LEN - 1).min(take - 1)) as u64;
    }
    Ok(claim)
}

/// Where an active file's good groups end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The end of the last whole group.
    pub end: u64,
    /// Where what is surely on disk ends, which may be before the last whole group: that one was written,
    /// and perhaps never synced.
    pub proven: u64,
    /// Bytes behind `end` that were never acknowledged.
    pub torn: u64,
    /// The position after the last record.
    pub next_pos: Pos,
}

/// Whether a file surely never held a group: making it was begun, and perhaps not ended.
pub fn is_unused(storage: &dyn Storage, first: Pos) -> Result<bool, LogError> {
    let path = path(first);
    let file = storage.open(&path, false).map_err(LogError::io(&path))?;
    let len = file.len().map_err(LogError::io(&path))?;
    Ok(len.max(read_mark(storage, first)) <= FILE_HEADER_LEN as u64)
}

/// Reads a whole active file, giving each group to `each`, and decides about its end.
///
/// `is_last` says that no later active file was ever written to: only then can there be a torn tail at all, since a
/// file is left behind only after its last group was durable.
pub fn read(
    storage: &dyn Storage,
    log_id: &[u8; 16],
    first: Pos,
    is_last: bool,
    mut each: impl FnMut(&Group<'_>) -> Result<(), LogError>,
) -> Result<Tail, LogError> {
    let path = path(first);
    // The side word is read before the file's length: what it promises is then surely within it.
    let mark = read_mark(storage, first);
    let file = storage.open(&path, false).map_err(LogError::io(&path))?;
    let len = file.len().map_err(LogError::io(&path))?;
    if len <= FILE_HEADER_LEN as u64 && mark <= FILE_HEADER_LEN as u64 && is_last {
        // A crash between making the file and its first group: the header may be torn, and holds nothing.
        if read_header(&*file, &path, len).is_err() {
            return Ok(Tail { end: 0, proven: 0, torn: len, next_pos: first });
        }
    }
    let header = read_header(&*file, &path, len)?;
    if header != (FileHeader { log_id: *log_id, first_pos: first }) {
        return Err(LogError::corrupt(&path, 0, "this file belongs to another log or place"));
    }
    let mut groups = Groups::new(&*file, len);
    let (mut next_pos, mut claimed) = (first, 0);
    let damage = loop {
        let offset = groups.offset();
        match groups.next().map_err(LogError::io(&path))? {
            None => break None,
            Some(Err(e)) => break Some((offset, e)),
            Some(Ok(group)) => {
                if group.header.first_pos != next_pos || group.header.durable > offset {
                    return Err(LogError::corrupt(&path, offset, "a group is not in its place"));
                }
                each(&group)?;
                claimed = group.header.durable;
                next_pos = Pos(next_pos.0 + u64::from(group.header.count));
            }
        }
    };
    let end = groups.offset();
    if let Some((offset, e)) = damage {
        let claim = durable_claim_after(&*file, offset + 1, len).map_err(LogError::io(&path))?;
        if !is_last || offset < mark.max(claim) {
            return Err(LogError::corrupt(
                &path,
                offset,
                format!("{e}, where records were durable"),
            ));
        }
    } else if end < mark {
        let why = format!("the file ends here, but was durable up to {mark}");
        return Err(LogError::corrupt(&path, end, why));
    }
    Ok(Tail { end, proven: mark.max(claimed), torn: len - end, next_pos })
}

fn read_header(file: &dyn File, path: &str, len: u64) -> Result<FileHeader, LogError> {
    let mut bytes = vec![0; len.min(FILE_HEADER_LEN as u64) as usize];
    read_exact_at(file, 0, &mut bytes).map_err(LogError::io(path))?;
    FileHeader::decode(&bytes).map_err(LogError::frame(path, 0))
}
