//! The one place of this crate that touches files.

#![expect(
    clippy::disallowed_methods,
    reason = "this is the seam; the log's is not to be seen from here"
)]

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

/// Files that only their owner may read, as events are about people.
#[derive(Clone, Debug, Default)]
pub(super) struct Files {
    /// Bytes that may still be written before the disk is "full"; for tests.
    #[cfg(test)]
    pub(super) room: Option<std::sync::Arc<std::sync::atomic::AtomicU64>>,
}

impl Files {
    /// Makes a directory, and those above it.
    pub(super) fn make_dir(&self, path: &Path) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }

    /// A new file, to be written.
    pub(super) fn make(&self, path: &Path) -> io::Result<File> {
        private().write(true).create_new(true).open(path)
    }

    /// A file whose lock is what it is for.
    fn lockable(&self, path: &Path) -> io::Result<File> {
        private().write(true).create(true).truncate(false).open(path)
    }

    /// The lock of this file, once nobody else has it.
    pub(super) fn lock(&self, path: &Path) -> io::Result<File> {
        let file = self.lockable(path)?;
        file.lock()?;
        Ok(file)
    }

    /// The lock of this file, unless another has it.
    pub(super) fn try_lock(&self, path: &Path) -> io::Result<Option<File>> {
        let file = self.lockable(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Writes these bytes at this place.
    pub(super) fn write_at(&self, mut file: &File, at: u64, bytes: &[u8]) -> io::Result<()> {
        file.seek(SeekFrom::Start(at))?;
        #[cfg(test)]
        if let Some(room) = &self.room {
            use std::sync::atomic::Ordering;
            let left = usize::try_from(room.load(Ordering::SeqCst)).unwrap_or(usize::MAX);
            room.fetch_sub(left.min(bytes.len()) as u64, Ordering::SeqCst);
            if left < bytes.len() {
                file.write_all(&bytes[..left])?;
                return Err(io::ErrorKind::StorageFull.into());
            }
        }
        file.write_all(bytes)
    }

    /// Adds a line to a file that several processes may add to; false if it is as large as it may become.
    pub(super) fn add_line(&self, path: &Path, line: &[u8], bytes_max: u64) -> io::Result<bool> {
        let mut file = private().append(true).create(true).open(path)?;
        if file.metadata()?.len() + line.len() as u64 > bytes_max {
            return Ok(false);
        }
        file.write_all(line)?;
        Ok(true)
    }

    /// The bytes of a file between two places, fewer where it ends before.
    pub(super) fn read(&self, path: &Path, from: u64, to: u64) -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut bytes = Vec::new();
        file.take(to.saturating_sub(from)).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    pub(super) fn size(&self, path: &Path) -> io::Result<u64> {
        Ok(fs::metadata(path)?.len())
    }

    /// Puts these bytes in a file's place, whole or not at all.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8], synced: bool) -> io::Result<()> {
        let beside = path.with_extension("tmp");
        let mut file = private().write(true).create(true).truncate(true).open(&beside)?;
        file.write_all(bytes)?;
        if synced {
            file.sync_all()?;
        }
        drop(file);
        fs::rename(&beside, path)
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    /// Removes a file; one that is gone already is as good.
    pub(super) fn remove(&self, path: &Path) -> io::Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    /// The names in a directory, in order, of its directories or of its files.
    pub(super) fn names(&self, path: &Path, dirs: bool) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_type()?.is_dir() == dirs
                && let Ok(name) = entry.file_name().into_string()
            {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }
}

fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}
