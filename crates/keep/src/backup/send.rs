//! Files on their way to a target. For each, one thread reads and hashes, the other writes, a few pieces apart; and where
//! the target takes several side by side, one does not wait for another's sync.

use std::io::{self, Read};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Mutex, PoisonError};

use indelible_log::storage::is_full;
use indelible_log::{LogFile, hex};
use sha2::{Digest, Sha256};

use crate::error::KeepError;
use crate::target::{Target, TargetError};
use crate::{Progress, limits};

/// Sends files to their places below a prefix and gives the SHA-256 of each. The first that fails ends it; what others
/// are at is finished.
pub(super) fn send_all(
    target: &dyn Target,
    id: &str,
    files: &[&LogFile],
    progress: &dyn Progress,
) -> Result<Vec<String>, KeepError> {
    let (next, done) = (AtomicUsize::new(0), AtomicU64::new(0));
    let hashes = Mutex::new(vec![String::new(); files.len()]);
    let failed: Mutex<Option<KeepError>> = Mutex::new(None);
    let work = || {
        while failed.lock().unwrap_or_else(PoisonError::into_inner).is_none() {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(n) else { break };
            let mut before = 0;
            let mut tell = |sent: u64| {
                // A file that is sent again begins at its front.
                let more = sent.saturating_sub(before);
                before = before.max(sent);
                progress.done(done.fetch_add(more, Ordering::Relaxed) + more);
            };
            match send_with_care(target, &format!("{id}/{}", file.path), file, &mut tell) {
                Ok(hash) => hashes.lock().unwrap_or_else(PoisonError::into_inner)[n] = hash,
                Err(e) => {
                    failed.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(e);
                }
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..target.side_by_side().min(files.len()) {
            scope.spawn(work);
        }
        work();
    });
    match failed.into_inner().unwrap_or_else(PoisonError::into_inner) {
        Some(e) => Err(e),
        None => Ok(hashes.into_inner().unwrap_or_else(PoisonError::into_inner)),
    }
}

/// Sends a file, and once more from its front if the target failed: an upload that the service has given up in between
/// can only be begun anew, and one that is still there goes on.
fn send_with_care(
    target: &dyn Target,
    key: &str,
    file: &LogFile,
    done: &mut dyn FnMut(u64),
) -> Result<String, KeepError> {
    match send(target, key, file, done) {
        Err(KeepError::Target(TargetError::Io { source, .. })) if !is_full(&source) => {
            send(target, key, file, done)
        }
        sent => sent,
    }
}

/// Sends a file and gives its SHA-256. What is not as long as was said, or does not hash to what the manifest says,
/// is not there afterwards: the last piece is given out only when the whole was right.
fn send(
    target: &dyn Target,
    key: &str,
    file: &LogFile,
    done: &mut dyn FnMut(u64),
) -> Result<String, KeepError> {
    let from = file.open()?;
    std::thread::scope(|scope| {
        let (give, take) = sync_channel(limits::COPY_CHUNKS_WAITING);
        let reading = scope.spawn(move || read(from, file, &give));
        let mut pieces = Pieces { take, piece: Vec::new(), at: 0, sent: 0, whole: false, done };
        let put = target.put(key, file.bytes, &mut pieces);
        // A reader that still has something to give ends when nobody takes it.
        drop(pieces);
        match reading.join() {
            Ok(Ok(sha256)) => put.map(|()| sha256).map_err(|e| unwrapped(e, target, key)),
            // Why reading failed comes first; that writing then failed is its consequence. But one that
            // nobody listened to failed because of the writer.
            Ok(Err(Failed::Alone)) => Err(match put {
                Err(e) => unwrapped(e, target, key),
                Ok(()) => KeepError::Damaged {
                    path: file.path.clone(),
                    reason: "the target took less than there was".into(),
                },
            }),
            Ok(Err(Failed::Because(e))) => Err(e),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn unwrapped(error: TargetError, target: &dyn Target, key: &str) -> KeepError {
    KeepError::Target(match error {
        TargetError::Io { source, .. } => TargetError::of(source, target.name(), key),
        other => other,
    })
}

/// Why the reader ended early.
enum Failed {
    /// Nobody takes what it reads.
    Alone,
    Because(KeepError),
}

/// What the reader gives.
enum Given {
    Piece(Vec<u8>),
    /// Everything was given, and was right.
    Whole,
}

fn read(
    mut from: Box<dyn Read + Send>,
    file: &LogFile,
    give: &SyncSender<Given>,
) -> Result<String, Failed> {
    let because =
        |reason: String| Failed::Because(KeepError::Damaged { path: file.path.clone(), reason });
    let (mut hash, mut left) = (Sha256::new(), file.bytes);
    while left > 0 {
        let mut piece = vec![0; left.min(limits::COPY_CHUNK_BYTES as u64) as usize];
        let n = fill(&mut *from, &mut piece).map_err(|e| because(e.to_string()))?;
        if n < piece.len() {
            return Err(because(format!("it ends {} bytes early", left - n as u64)));
        }
        hash.update(&piece);
        left -= n as u64;
        give.send(Given::Piece(piece)).map_err(|_| Failed::Alone)?;
    }
    let sha256: [u8; 32] = hash.finalize().into();
    if file.sha256.is_some_and(|recorded| recorded != sha256) {
        return Err(because("its SHA-256 is not the one in the manifest".into()));
    }
    give.send(Given::Whole).map_err(|_| Failed::Alone)?;
    Ok(hex::encode(&sha256))
}

fn fill(from: &mut dyn Read, buf: &mut [u8]) -> io::Result<usize> {
    let mut done = 0;
    while done < buf.len() {
        match from.read(&mut buf[done..]) {
            Ok(0) => break,
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(done)
}

/// What the writer reads from.
struct Pieces<'d> {
    take: Receiver<Given>,
    piece: Vec<u8>,
    at: usize,
    sent: u64,
    whole: bool,
    done: &'d mut dyn FnMut(u64),
}

impl Read for Pieces<'_> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        while self.at == self.piece.len() && !self.whole {
            match self.take.recv() {
                Ok(Given::Piece(piece)) => {
                    self.sent += piece.len() as u64;
                    (self.piece, self.at) = (piece, 0);
                    (self.done)(self.sent);
                }
                Ok(Given::Whole) => self.whole = true,
                Err(_) => return Err(io::Error::other("what was to be sent could not be read")),
            }
        }
        let n = buf.len().min(self.piece.len() - self.at);
        buf[..n].copy_from_slice(&self.piece[self.at..self.at + n]);
        self.at += n;
        Ok(n)
    }
}
