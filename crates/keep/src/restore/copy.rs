//! Copying a backup's files, each hashed as it passes. Two threads, a file each: while one waits for the disk or
//! the network the other works. A third makes durable what was copied, also while it is verified already: nothing
//! depends on it before the exchange is decided.

use std::collections::{BTreeSet, VecDeque};
use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};

use indelible_log::hex;
use indelible_log::storage::{File, Storage, parent, read_exact_at, write_all_at};
use sha2::{Digest, Sha256};

use super::tree::{self, io};
use crate::backup::model::BackedFile;
use crate::error::KeepError;
use crate::limits::{COPY_CHUNK_BYTES, RESTORE_THREADS, UNSYNCED_FILES_MAX};
use crate::progress::Progress;
use crate::target::{Target, TargetError};

/// A file that was copied and may be in memory only.
pub(super) struct Unsynced {
    path: String,
    file: Arc<dyn File>,
}

/// Where copied files wait until they are durable, and where they come out: for [`sync_all`].
pub(super) fn unsynced() -> (SyncSender<Unsynced>, Receiver<Unsynced>) {
    sync_channel(UNSYNCED_FILES_MAX)
}

/// Makes files durable until no more come, or one cannot be: then whoever copies learns that nobody takes them.
pub(super) fn sync_all(files: Receiver<Unsynced>) -> Result<(), KeepError> {
    files.into_iter().try_for_each(|Unsynced { path, file }| file.sync().map_err(io(&path)))
}

struct Work<'a> {
    target: &'a dyn Target,
    to: &'a dyn Storage,
    copied_to: &'a SyncSender<Unsynced>,
    progress: &'a dyn Progress,
    queue: Mutex<VecDeque<&'a BackedFile>>,
    failed: Mutex<Option<KeepError>>,
    done: AtomicU64,
    copied: AtomicU64,
}

/// Makes the directory hold just these files. What is there and right is not copied again, everything else goes. They
/// are durable once they came out at the other end of `copied_to`. Gives how many bytes came from the target.
pub(super) fn all(
    target: &dyn Target,
    files: &[BackedFile],
    to: &dyn Storage,
    copied_to: &SyncSender<Unsynced>,
    progress: &dyn Progress,
) -> Result<u64, KeepError> {
    let wanted: BTreeSet<&str> = files.iter().map(|file| file.path.as_str()).collect();
    for path in tree::walk(to, "")?.files.iter().filter(|path| !wanted.contains(path.as_str())) {
        to.remove(path).map_err(io(path))?;
    }
    let dirs: BTreeSet<&str> = wanted.iter().map(|path| parent(path)).collect();
    for dir in dirs {
        to.create_dir(dir).map_err(io(dir))?;
    }
    let mut queue: Vec<&BackedFile> = files.iter().collect();
    // The largest first, so that no thread is left alone with it at the end.
    queue.sort_by_key(|file| std::cmp::Reverse(file.bytes));
    progress.stage("copy", Some(files.iter().map(|file| file.bytes).sum()));
    let work = Work {
        target,
        to,
        copied_to,
        progress,
        queue: Mutex::new(queue.into()),
        failed: Mutex::default(),
        done: AtomicU64::new(0),
        copied: AtomicU64::new(0),
    };
    std::thread::scope(|scope| {
        for _ in 1..RESTORE_THREADS {
            scope.spawn(|| work.run());
        }
        work.run();
    });
    match work.failed.into_inner().expect("nothing panics while holding it") {
        Some(error) => Err(error),
        None => Ok(work.copied.into_inner()),
    }
}

impl Work<'_> {
    fn run(&self) {
        let mut buf = vec![0; COPY_CHUNK_BYTES];
        loop {
            let next = self.queue.lock().expect("nothing panics while holding it").pop_front();
            let Some(file) = next else { return };
            if let Err(error) = self.file(file, &mut buf) {
                self.queue.lock().expect("nothing panics while holding it").clear();
                self.failed.lock().expect("nothing panics while holding it").get_or_insert(error);
                return;
            }
        }
    }

    fn file(&self, file: &BackedFile, buf: &mut [u8]) -> Result<(), KeepError> {
        if let Some(there) = self.find(file, buf).map_err(io(&file.path))? {
            self.advance(file.bytes);
            // It may have been written and never synced.
            return self.give(file, there);
        }
        let made = self.to.create(&file.path).map_err(io(&file.path))?;
        let mut from = self.target.get(&file.at).map_err(|e| missing(e, file))?;
        let (mut hash, mut at) = (Sha256::new(), 0);
        loop {
            let n = fill(&mut *from, buf)
                .map_err(|e| TargetError::of(e, self.target.name(), &file.at))?;
            if n == 0 {
                break;
            }
            if at + n as u64 > file.bytes {
                return Err(damaged(file, format!("it is longer than its {} bytes", file.bytes)));
            }
            hash.update(&buf[..n]);
            write_all_at(&*made, at, &buf[..n]).map_err(io(&file.path))?;
            at += n as u64;
            self.copied.fetch_add(n as u64, Ordering::Relaxed);
            self.advance(n as u64);
        }
        if at < file.bytes {
            return Err(damaged(file, format!("it is cut short: {at} of {} bytes", file.bytes)));
        }
        if hex::encode(&hash.finalize()) != file.sha256 {
            return Err(damaged(file, "its bytes are not those that were backed up".into()));
        }
        self.give(file, made)
    }

    /// Gives a file to whoever makes it durable.
    fn give(&self, file: &BackedFile, made: Arc<dyn File>) -> Result<(), KeepError> {
        let path = file.path.clone();
        self.copied_to.send(Unsynced { path, file: made }).map_err(|_| {
            // Why, says the other end.
            KeepError::Refused("the files that were copied could not be made durable".into())
        })
    }

    /// The file, if it is there already, every byte of it; what else is there under its name goes.
    fn find(&self, file: &BackedFile, buf: &mut [u8]) -> std::io::Result<Option<Arc<dyn File>>> {
        let there = match self.to.open(&file.path, true) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
            other => other?,
        };
        if there.len()? == file.bytes && hex::encode(&hash_of(&*there, buf)?) == file.sha256 {
            return Ok(Some(there));
        }
        self.to.remove(&file.path)?;
        Ok(None)
    }

    fn advance(&self, bytes: u64) {
        let before = self.done.fetch_add(bytes, Ordering::Relaxed);
        self.progress.done(before + bytes);
    }
}

fn hash_of(file: &dyn File, buf: &mut [u8]) -> std::io::Result<[u8; 32]> {
    let (len, mut at, mut hash) = (file.len()?, 0, Sha256::new());
    while at < len {
        let n = usize::try_from(len - at).map_or(buf.len(), |left| left.min(buf.len()));
        read_exact_at(file, at, &mut buf[..n])?;
        hash.update(&buf[..n]);
        at += n as u64;
    }
    Ok(hash.finalize().into())
}

/// Fills the buffer as far as the source goes.
pub(super) fn fill(from: &mut dyn Read, buf: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buf.len() {
        match from.read(&mut buf[filled..]) {
            Ok(0) => break,
            Ok(n) => filled += n,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(filled)
}

fn missing(error: TargetError, file: &BackedFile) -> KeepError {
    match error {
        TargetError::Missing { .. } => damaged(file, "it is not at the target".into()),
        other => other.into(),
    }
}

pub(super) fn damaged(file: &BackedFile, reason: String) -> KeepError {
    KeepError::Damaged { path: file.at.clone(), reason }
}
