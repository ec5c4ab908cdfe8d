//! The seam for files. The log names files by their path inside the data directory and never touches
//! the file system in any other way, so that a test can fail the n-th call, or rebuild what a power
//! cut would have left.

use std::fs::{self, OpenOptions, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

/// Room in a file system, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// What this process may still use.
    pub free: u64,
    /// All there is.
    pub total: u64,
}

/// A directory of files.
pub trait Storage: Send + Sync + 'static {
    /// Opens an existing file for reading, and for writing if `write`.
    fn open(&self, path: &str, write: bool) -> io::Result<Arc<dyn File>>;
    /// Creates a file that must not exist yet, open for reading and writing.
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>>;
    /// Gives a finished file's bytes, mapped where the platform can.
    fn map(&self, path: &str) -> io::Result<Bytes>;
    /// The names in a directory, sorted; an absent directory is an error.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// Renames a file over whatever is at `to`, or a directory to where nothing is. Durable only after `sync_dir`
    /// of both parents.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Removes a file. Durable only after `sync_dir`.
    fn remove(&self, path: &str) -> io::Result<()>;
    /// Removes a directory that is empty. Durable only after `sync_dir` of its parent.
    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        let why = format!("{dir}: this storage removes no directories");
        Err(io::Error::new(io::ErrorKind::Unsupported, why))
    }
    /// Makes a directory and its parents; one that exists is fine.
    fn create_dir(&self, dir: &str) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
    /// Takes the exclusive lock of a file, created if absent; `WouldBlock` if another process has it.
    /// The lock lives as long as what is returned.
    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>>;
    /// The room that is left, where that can be told.
    fn space(&self) -> io::Result<Option<Space>> {
        Ok(None)
    }
}

/// One open file.
#[expect(
    clippy::len_without_is_empty,
    reason = "a length to read up to; nobody asks whether there is any"
)]
pub trait File: Send + Sync + 'static {
    /// Reads at an offset; fewer bytes than asked for mean that the file ended, or a short read.
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize>;
    /// Writes at an offset; may write less than asked for.
    fn write_at(&self, offset: u64, buf: &[u8]) -> io::Result<usize>;
    /// The file's length.
    fn len(&self) -> io::Result<u64>;
    /// Cuts or extends the file.
    fn set_len(&self, len: u64) -> io::Result<()>;
    /// Makes everything written so far durable (`fdatasync`).
    fn sync(&self) -> io::Result<()>;
}

/// Reads exactly `buf.len()` bytes, or fails with `UnexpectedEof`.
pub fn read_exact_at(file: &dyn File, offset: u64, buf: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < buf.len() {
        match file.read_at(offset + done as u64, &mut buf[done..]) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Writes all of `buf`, over as many short writes as it takes.
pub fn write_all_at(file: &dyn File, offset: u64, buf: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < buf.len() {
        match file.write_at(offset + done as u64, &buf[done..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}

/// Reads a whole file into memory, refusing one above `max` bytes.
pub fn read_whole(storage: &dyn Storage, path: &str, max: u64) -> io::Result<Vec<u8>> {
    let file = storage.open(path, false)?;
    let len = file.len()?;
    if len > max {
        let why = format!("{path} is {len} bytes long, more than the {max} allowed");
        return Err(io::Error::new(io::ErrorKind::InvalidData, why));
    }
    let mut bytes = vec![0; usize::try_from(len).map_err(io::Error::other)?];
    read_exact_at(&*file, 0, &mut bytes)?;
    Ok(bytes)
}

/// Replaces a small file so that after a crash either the old or the new content is there, whole:
/// write aside, sync, rename, sync the directory.
pub fn replace_durably(storage: &dyn Storage, path: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = format!("{path}.tmp");
    match storage.remove(&aside) {
        Ok(()) => {}
        Err(e) if e.kind() == io::ErrorKind::NotFound => {}
        Err(e) => return Err(e),
    }
    let file = storage.create(&aside)?;
    write_all_at(&*file, 0, bytes)?;
    file.sync()?;
    storage.rename(&aside, path)?;
    storage.sync_dir(parent(path))
}

/// The directory part of a path inside the data directory; empty for its top.
pub fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Whether an error says that the disk (or quota) is full: the one write error that can pass by itself.
pub fn is_full(e: &io::Error) -> bool {
    matches!(e.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Writes a file front to back through `io::Write`, hashing nothing and buffering a little.
pub struct Appender {
    file: Arc<dyn File>,
    offset: u64,
}

impl Appender {
    /// Starts at the front of a new file.
    pub fn new(file: Arc<dyn File>) -> Self {
        Appender { file, offset: 0 }
    }
}

impl io::Write for Appender {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.file.write_at(self.offset, buf)?;
        self.offset += n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A directory of the real file system.
#[derive(Clone, Debug)]
pub struct FileStorage {
    root: PathBuf,
}

impl FileStorage {
    /// Opens the directory; it need not exist before `create_dir("")`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        FileStorage { root: root.into() }
    }

    /// Where the directory is.
    pub fn root(&self) -> &Path {
        &self.root
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.root.clone() } else { self.root.join(path) }
    }
}

struct DiskFile(fs::File);

impl File for DiskFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(buf, offset)
    }
    fn write_at(&self, offset: u64, buf: &[u8]) -> io::Result<usize> {
        self.0.write_at(buf, offset)
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }
    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the seam")]
impl Storage for FileStorage {
    fn open(&self, path: &str, write: bool) -> io::Result<Arc<dyn File>> {
        let file = OpenOptions::new().read(true).write(write).open(self.at(path))?;
        Ok(Arc::new(DiskFile(file)))
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        // Records hold personal data: nobody but the owner reads them, whatever the umask says.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.at(path))?;
        Ok(Arc::new(DiskFile(file)))
    }

    #[expect(unsafe_code, reason = "mapping a file is unsafe by nature; see the comment inside")]
    fn map(&self, path: &str) -> io::Result<Bytes> {
        let mut file = OpenOptions::new().read(true).open(self.at(path))?;
        let len = file.metadata()?.len();
        if len < 64 << 10 {
            // A mapping costs more than reading a small file.
            let mut bytes = Vec::with_capacity(usize::try_from(len).unwrap_or(0));
            file.read_to_end(&mut bytes)?;
            return Ok(Bytes::from(bytes));
        }
        // SAFETY: finished files are never changed in place by this program. Somebody who truncates one
        // under us gets a SIGBUS, which stops the process and answers nothing wrong; somebody who edits
        // one is noticed by the leaf check that every record passes before it is served.
        let map = unsafe { memmap2::Mmap::map(&file)? };
        Ok(Bytes::from_owner(map))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.at(dir))? {
            let name = entry?.file_name();
            names.push(name.into_string().map_err(|n| {
                io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a name that is not UTF-8: {n:?}"),
                )
            })?);
        }
        names.sort();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.at(path))
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        fs::remove_dir(self.at(dir))
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        fs::create_dir_all(self.at(dir))?;
        // The data directory's own name is in a directory that no `sync_dir` reaches.
        match self.root.parent().filter(|parent| dir.is_empty() && !parent.as_os_str().is_empty()) {
            Some(parent) => fs::File::open(parent)?.sync_all(),
            None => Ok(()),
        }
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        fs::File::open(self.at(dir))?.sync_all()
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(self.at(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Box::new(file)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn space(&self) -> io::Result<Option<Space>> {
        let of = rustix::fs::statvfs(&self.root)?;
        let bytes = |blocks: u64| blocks.saturating_mul(of.f_frsize);
        Ok(Some(Space { free: bytes(of.f_bavail), total: bytes(of.f_blocks) }))
    }
}
