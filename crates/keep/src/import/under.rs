//! A directory inside of a directory, as storage of its own.

use std::io;
use std::sync::Arc;

use bytes::Bytes;
use indelible_log::storage::{File, Space, Storage};

/// Part of a storage.
pub(super) struct Under {
    storage: Arc<dyn Storage>,
    dir: String,
}

impl Under {
    pub fn new(storage: Arc<dyn Storage>, dir: &str) -> Under {
        Under { storage, dir: dir.to_owned() }
    }

    fn at(&self, path: &str) -> String {
        if path.is_empty() { self.dir.clone() } else { format!("{}/{path}", self.dir) }
    }
}

impl Storage for Under {
    fn open(&self, path: &str, write: bool) -> io::Result<Arc<dyn File>> {
        self.storage.open(&self.at(path), write)
    }
    fn create(&self, path: &str) -> io::Result<Arc<dyn File>> {
        self.storage.create(&self.at(path))
    }
    fn map(&self, path: &str) -> io::Result<Bytes> {
        self.storage.map(&self.at(path))
    }
    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.storage.list(&self.at(dir))
    }
    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.storage.rename(&self.at(from), &self.at(to))
    }
    fn remove(&self, path: &str) -> io::Result<()> {
        self.storage.remove(&self.at(path))
    }
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.storage.create_dir(&self.at(dir))
    }
    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.storage.sync_dir(&self.at(dir))
    }
    fn lock(&self, path: &str) -> io::Result<Box<dyn Send + Sync>> {
        self.storage.lock(&self.at(path))
    }
    fn space(&self) -> io::Result<Option<Space>> {
        self.storage.space()
    }
}
