//! A directory inside another, as a storage of its own.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use indelible_log::storage::{File, Space, Storage};

/// What lies below one directory of a storage.
pub struct Below {
    inner: Arc<dyn Storage>,
    dir: String,
}

impl Below {
    /// What lies below this directory, which need not be there yet.
    pub fn new(inner: Arc<dyn Storage>, dir: &str) -> Below {
        Below { inner, dir: dir.to_owned() }
    }

    fn at(&self, path: &str) -> String {
        if path.is_empty() { self.dir.clone() } else { format!("{}/{path}", self.dir) }
    }
}

impl Storage for Below {
    fn open(&self, path: &str, write: bool) -> io::Result<Arc<dyn File>> {
        self.inner.open(&self.at(path), write)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.inner.create(&self.at(path))
    }

    fn map(&self, path: &str) -> io::Result<Bytes> {
        self.inner.map(&self.at(path))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner.list(&self.at(dir))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner.rename(&self.at(from), &self.at(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.inner.remove(&self.at(path))
    }

    fn remove_dir(&self, dir: &str) -> io::Result<()> {
        self.inner.remove_dir(&self.at(dir))
    }

    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.inner.create_dir(&self.at(dir))
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.inner.sync_dir(&self.at(dir))
    }

    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        self.inner.lock(&self.at(path))
    }

    fn space(&self) -> io::Result<Option<Space>> {
        self.inner.space()
    }
}
