//! The log's files as they are at one moment, for whoever copies them beside a running writer.
//!
//! Finished files are named, and stay readable when a merge deletes them meanwhile; what still grows is cut where it was
//! durable at that moment. Together they are a log directory of their own.

use std::io::{self, Read};
use std::sync::Arc;

use bytes::Bytes;
use indelible_merkle::Hash;

use crate::active;
use crate::error::LogError;
use crate::frame::{self, FILE_HEADER_LEN};
use crate::manifest::PATH;
use crate::offload::SegmentFile;
use crate::record::Pos;
use crate::storage::{File, Storage};
use crate::trail::level_path;
use crate::view::{TrailStatus, View};

/// The log's files at one moment.
pub struct LogFiles {
    /// The log's own random id.
    pub log_id: [u8; 16],
    /// Every record below is in these files, and no other.
    pub next_pos: Pos,
    /// The trails and how large they are.
    pub trails: Vec<TrailStatus>,
    /// The files, by path; the manifest comes last.
    pub files: Vec<LogFile>,
}

/// One of them.
pub struct LogFile {
    /// Its path in the data directory.
    pub path: String,
    /// How much of it counts.
    pub bytes: u64,
    /// Its SHA-256, where the manifest names it: such a file never changes.
    pub sha256: Option<[u8; 32]>,
    from: Whence,
}

enum Whence {
    /// A finished file, and its mapping for when it is gone.
    Finished(Arc<dyn Storage>, Bytes),
    /// A file that grows behind what counts.
    Growing(Arc<dyn Storage>),
    /// The same, open already, as it may go.
    Open(Arc<dyn File>),
    /// Made for the copy.
    Made(Bytes),
    /// A segment whose rows left this disk.
    Away(Arc<SegmentFile>),
}

impl LogFile {
    /// A file that is in no directory yet.
    pub fn made(path: String, bytes: impl Into<Bytes>) -> LogFile {
        let bytes = bytes.into();
        LogFile { path, bytes: bytes.len() as u64, sha256: None, from: Whence::Made(bytes) }
    }

    /// Reads it from its front: by plain reads where it is still there, so that a large file takes no memory.
    pub fn open(&self) -> Result<Box<dyn Read + Send>, LogError> {
        let io = LogError::io(&self.path);
        let file = match &self.from {
            Whence::Made(bytes) => return Ok(Box::new(io::Cursor::new(bytes.clone()))),
            Whence::Away(segment) => {
                return Ok(Box::new(io::Cursor::new(segment.get()?.file().clone())));
            }
            Whence::Open(file) => file.clone(),
            Whence::Growing(storage) => storage.open(&self.path, false).map_err(io)?,
            Whence::Finished(storage, mapped) => match storage.open(&self.path, false) {
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    return Ok(Box::new(io::Cursor::new(mapped.clone())));
                }
                other => other.map_err(io)?,
            },
        };
        Ok(Box::new(FileReader::new(file, self.bytes)))
    }
}
/// The first bytes of a file, read from its front.
pub struct FileReader {
    file: Arc<dyn File>,
    at: u64,
    end: u64,
}

impl FileReader {
    /// Starts at the front; one that ends before `bytes` is cut short.
    pub fn new(file: Arc<dyn File>, bytes: u64) -> FileReader {
        FileReader { file, at: 0, end: bytes }
    }
}

impl Read for FileReader {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let want = usize::try_from(self.end - self.at).unwrap_or(usize::MAX).min(buf.len());
        let n = self.file.read_at(self.at, &mut buf[..want])?;
        self.at += n as u64;
        Ok(n)
    }
}

impl View {
    /// The log's files at this moment. What is asked of them later does not hold the writer up.
    pub fn files(&self) -> LogFiles {
        let state = self.state();
        let mut files = Vec::new();
        let mut add = |path, bytes, sha256, from| files.push(LogFile { path, bytes, sha256, from });
        for segment in state.segments.iter() {
            let entry = &segment.entry;
            let from = match segment.mapped() {
                Some(mapped) => Whence::Finished(self.storage.clone(), mapped),
                None => Whence::Away(segment.clone()),
            };
            add(entry.parquet(), entry.bytes, Some(entry.sha256), from);
            let rows = segment.row_table();
            let from = Whence::Finished(self.storage.clone(), rows.clone());
            add(entry.row_table(), rows.len() as u64, Some(entry.rows_sha256), from);
        }
        for trail in &state.trails {
            for level in 0..=u8::MAX {
                let hashes = trail.sealed().checked_shr(8 * u32::from(level)).unwrap_or(0);
                if hashes == 0 {
                    break;
                }
                let (path, bytes) = (level_path(trail.info.id, level), hashes * Hash::BYTES as u64);
                add(path, bytes, None, Whence::Growing(self.storage.clone()));
            }
        }
        for live in &state.live {
            let bytes = live.last_end().unwrap_or(FILE_HEADER_LEN as u64);
            add(live.path.to_string(), bytes, None, Whence::Open(live.file.clone()));
            let mark = frame::encode_mark(live.first, bytes).to_vec();
            add(active::mark_path(live.first), mark.len() as u64, None, Whence::Made(mark.into()));
        }
        // In the copy every segment is at hand.
        let mut manifest = state.manifest.clone();
        manifest.all_here();
        files.push(LogFile::made(PATH.to_owned(), manifest.encode()));
        let trails = state.trails.iter().map(|t| TrailStatus {
            info: t.info.clone(),
            size: t.tree.size(),
            root: t.tree.root(),
            min: t.min,
        });
        LogFiles {
            log_id: state.manifest.log_id,
            next_pos: state.next_pos(),
            trails: trails.collect(),
            files,
        }
    }
}
