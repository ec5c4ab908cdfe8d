//! A directory in memory that is cheap to copy with one file changed.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use bytes::Bytes;
use indelible_log::storage::{File, Storage};

/// Files by path. Copies share the files' bytes until one of them writes.
#[derive(Default)]
pub struct Memory {
    files: Mutex<BTreeMap<String, Arc<MemoryFile>>>,
    locked: Arc<AtomicBool>,
    /// Whether anything may be changed. What only reads must not even try.
    pub writable: bool,
    /// While set, no file can be made in `segments`, as on a disk that is full there.
    pub segments_full: AtomicBool,
}

struct MemoryFile {
    bytes: RwLock<Bytes>,
    writable: bool,
}

impl MemoryFile {
    fn new(bytes: Bytes, writable: bool) -> Arc<MemoryFile> {
        Arc::new(MemoryFile { bytes: RwLock::new(bytes), writable })
    }

    fn get(&self) -> Bytes {
        self.bytes.read().unwrap().clone()
    }

    fn change(&self, change: impl FnOnce(&mut Vec<u8>)) -> io::Result<()> {
        if !self.writable {
            return Err(io::Error::other("something that only reads tried to write"));
        }
        let mut bytes = self.bytes.write().unwrap();
        let mut new = Vec::from(std::mem::take(&mut *bytes));
        change(&mut new);
        *bytes = Bytes::from(new);
        Ok(())
    }
}

impl Memory {
    /// An empty directory.
    pub fn new() -> Memory {
        Memory { writable: true, ..Memory::default() }
    }

    /// What is in it, by path.
    pub fn image(&self) -> BTreeMap<String, Bytes> {
        self.files().iter().map(|(path, file)| (path.clone(), file.get())).collect()
    }

    /// A directory of these files with one of them exchanged, or gone.
    pub fn with(
        image: &BTreeMap<String, Bytes>,
        path: &str,
        bytes: Option<Bytes>,
        writable: bool,
    ) -> Memory {
        let mut files: BTreeMap<_, _> = image
            .iter()
            .map(|(path, bytes)| (path.clone(), MemoryFile::new(bytes.clone(), writable)))
            .collect();
        match bytes {
            Some(bytes) => files.insert(path.to_owned(), MemoryFile::new(bytes, writable)),
            None => files.remove(path),
        };
        Memory { files: Mutex::new(files), writable, ..Memory::default() }
    }

    fn files(&self) -> MutexGuard<'_, BTreeMap<String, Arc<MemoryFile>>> {
        self.files.lock().unwrap()
    }

    fn find(&self, path: &str) -> io::Result<Arc<MemoryFile>> {
        self.files().get(path).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn must_be_writable(&self) -> io::Result<()> {
        if self.writable {
            Ok(())
        } else {
            Err(io::Error::other("something that only reads tried to write"))
        }
    }
}

impl File for MemoryFile {
    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let bytes = self.bytes.read().unwrap();
        let rest = bytes.get(offset as usize..).unwrap_or_default();
        let len = rest.len().min(buf.len());
        buf[..len].copy_from_slice(&rest[..len]);
        Ok(len)
    }
    fn write_at(&self, offset: u64, buf: &[u8]) -> io::Result<usize> {
        let (from, to) = (offset as usize, offset as usize + buf.len());
        self.change(|bytes| {
            bytes.resize(bytes.len().max(to), 0);
            bytes[from..to].copy_from_slice(buf);
        })?;
        Ok(buf.len())
    }
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.read().unwrap().len() as u64)
    }
    fn set_len(&self, len: u64) -> io::Result<()> {
        self.change(|bytes| bytes.resize(len as usize, 0))
    }
    fn sync(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Storage for Memory {
    fn open(&self, path: &str, write: bool) -> io::Result<Arc<dyn File>> {
        if write {
            self.must_be_writable()?;
        }
        Ok(self.find(path)?)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.must_be_writable()?;
        if path.starts_with("segments/") && self.segments_full.load(Ordering::Relaxed) {
            return Err(io::ErrorKind::StorageFull.into());
        }
        let file = MemoryFile::new(Bytes::new(), true);
        match self.files().entry(path.to_owned()) {
            std::collections::btree_map::Entry::Occupied(_) => {
                Err(io::ErrorKind::AlreadyExists.into())
            }
            std::collections::btree_map::Entry::Vacant(free) => Ok(free.insert(file).clone()),
        }
    }

    fn map(&self, path: &str) -> io::Result<Bytes> {
        Ok(self.find(path)?.get())
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let prefix = if dir.is_empty() { String::new() } else { format!("{dir}/") };
        let files = self.files();
        let mut names: Vec<String> = files
            .keys()
            .filter_map(|path| path.strip_prefix(&prefix)?.split('/').next())
            .map(str::to_owned)
            .collect();
        names.dedup();
        Ok(names)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.must_be_writable()?;
        let mut files = self.files();
        let file = files.remove(from).ok_or(io::ErrorKind::NotFound)?;
        files.insert(to.to_owned(), file);
        Ok(())
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.must_be_writable()?;
        self.files().remove(path).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn create_dir(&self, _dir: &str) -> io::Result<()> {
        self.must_be_writable()
    }

    fn sync_dir(&self, _dir: &str) -> io::Result<()> {
        self.must_be_writable()
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        self.must_be_writable()?;
        self.files().entry(path.to_owned()).or_insert_with(|| MemoryFile::new(Bytes::new(), true));
        struct Held(Arc<AtomicBool>);
        impl Drop for Held {
            fn drop(&mut self) {
                self.0.store(false, Ordering::Relaxed);
            }
        }
        match self.locked.swap(true, Ordering::Relaxed) {
            true => Err(io::ErrorKind::WouldBlock.into()),
            false => Ok(Box::new(Held(self.locked.clone()))),
        }
    }
}
