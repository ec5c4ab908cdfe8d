//! A directory as a target, through the seam for files.

use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_log::FileReader;
use indelible_log::storage::{Storage, parent, write_all_at};

use super::{Target, TargetError, check_key};
use crate::limits;

/// What a file is called while it is written.
const ASIDE: &str = ".part";

/// A directory.
pub struct DirTarget {
    name: String,
    storage: Arc<dyn Storage>,
    /// Where it is on a real disk, so that directories that became empty can go.
    disk: Option<PathBuf>,
}

impl DirTarget {
    /// A directory of this name; made when something is first put there.
    pub fn new(name: &str, storage: Arc<dyn Storage>) -> DirTarget {
        DirTarget { name: name.to_owned(), storage, disk: None }
    }

    pub(super) fn on_disk(mut self, path: &Path) -> DirTarget {
        self.disk = Some(path.to_owned());
        self
    }

    fn io(&self, key: &str) -> impl FnOnce(io::Error) -> TargetError {
        let (target, key) = (self.name.clone(), key.to_owned());
        move |source| match source.kind() {
            ErrorKind::NotFound => TargetError::Missing { target, key },
            ErrorKind::PermissionDenied => {
                TargetError::Denied { target, reason: format!("{key}: {source}") }
            }
            _ => TargetError::Io { target, key, source },
        }
    }

    /// Makes a directory and those it lies in.
    fn make_dir(&self, dir: &str) -> io::Result<()> {
        if self.storage.list(dir).is_ok() {
            return Ok(());
        }
        if dir.is_empty() {
            return self.storage.create_dir("");
        }
        self.make_dir(parent(dir))?;
        self.storage.create_dir(dir)
    }

    fn write(&self, key: &str, bytes: u64, from: &mut dyn Read) -> io::Result<()> {
        self.make_dir(parent(key))?;
        let aside = format!("{key}{ASIDE}");
        remove_if_there(&*self.storage, &aside)?;
        let written = self.write_aside(&aside, bytes, from);
        let written = written.and_then(|()| self.storage.rename(&aside, key));
        if let Err(e) = written {
            // The room that it took is what others may be waiting for.
            drop(self.storage.remove(&aside));
            return Err(e);
        }
        // All the way up: an earlier process may have made these directories and ended before their names
        // were durable. Where they are, this costs next to nothing.
        let mut dir = key;
        while !dir.is_empty() {
            dir = parent(dir);
            self.storage.sync_dir(dir)?;
        }
        Ok(())
    }

    fn write_aside(&self, aside: &str, bytes: u64, from: &mut dyn Read) -> io::Result<()> {
        let file = self.storage.create(aside)?;
        let mut buf = vec![0; limits::COPY_CHUNK_BYTES];
        let mut at = 0;
        loop {
            match from.read(&mut buf) {
                Ok(0) => break,
                Ok(n) => {
                    write_all_at(&*file, at, &buf[..n])?;
                    at += n as u64;
                }
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        if at != bytes {
            let why = format!("it has {at} bytes and should have {bytes}");
            return Err(io::Error::new(ErrorKind::UnexpectedEof, why));
        }
        file.sync()
    }

    /// Gives the files below a directory; those that are being written only to `with_parts`.
    fn walk(
        &self,
        dir: &str,
        with_parts: bool,
        out: &mut Vec<(String, u64)>,
    ) -> Result<(), TargetError> {
        let names = match self.storage.list(dir) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            names => names.map_err(self.io(dir))?,
        };
        for name in names {
            let path = if dir.is_empty() { name } else { format!("{dir}/{name}") };
            match self.storage.list(&path) {
                Ok(_) => self.walk(&path, with_parts, out)?,
                Err(_) if path.ends_with(ASIDE) != with_parts => {}
                Err(_) => {
                    let file = self.storage.open(&path, false).map_err(self.io(&path))?;
                    out.push((path.clone(), file.len().map_err(self.io(&path))?));
                }
            }
        }
        Ok(())
    }
}

impl Target for DirTarget {
    fn name(&self) -> &str {
        &self.name
    }

    fn put(&self, key: &str, bytes: u64, from: &mut dyn Read) -> Result<(), TargetError> {
        check_key(key)?;
        // What is not found while writing is the directory's own trouble, and not a missing file.
        self.write(key, bytes, from).map_err(|source| TargetError::Io {
            target: self.name.clone(),
            key: key.to_owned(),
            source,
        })
    }

    fn get(&self, key: &str) -> Result<Box<dyn Read + Send + '_>, TargetError> {
        check_key(key)?;
        let file = self.storage.open(key, false).map_err(self.io(key))?;
        let bytes = file.len().map_err(self.io(key))?;
        Ok(Box::new(FileReader::new(file, bytes)))
    }

    fn len(&self, key: &str) -> Result<Option<u64>, TargetError> {
        check_key(key)?;
        match self.storage.open(key, false) {
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
            file => file.and_then(|file| file.len()).map(Some).map_err(self.io(key)),
        }
    }

    fn list(&self, prefix: &str) -> Result<Vec<(String, u64)>, TargetError> {
        let mut out = Vec::new();
        self.walk(prefix.trim_end_matches('/'), false, &mut out)?;
        out.sort();
        Ok(out)
    }

    fn delete(&self, key: &str) -> Result<(), TargetError> {
        check_key(key)?;
        if !remove_if_there(&*self.storage, key).map_err(self.io(key))? {
            return Ok(());
        }
        self.storage.sync_dir(parent(key)).map_err(self.io(key))?;
        if let Some(disk) = &self.disk {
            let mut dir = parent(key);
            // One that is not empty stays, and so do those above it.
            while !dir.is_empty() && std::fs::remove_dir(disk.join(dir)).is_ok() {
                dir = parent(dir);
            }
        }
        Ok(())
    }

    fn side_by_side(&self) -> usize {
        // Most of the time goes into waiting for the disk to sync, which many can do at once.
        limits::FILES_AT_ONCE
    }

    fn free(&self) -> Result<Option<u64>, TargetError> {
        self.make_dir("").map_err(self.io(""))?;
        Ok(self.storage.space().map_err(self.io(""))?.map(|space| space.free))
    }

    fn forget(&self, prefix: &str) -> Result<(), TargetError> {
        let mut parts = Vec::new();
        self.walk(prefix.trim_end_matches('/'), true, &mut parts)?;
        parts.iter().try_for_each(|(path, _)| self.delete(path))
    }
}

/// Whether there was something to remove.
fn remove_if_there(storage: &dyn Storage, path: &str) -> io::Result<bool> {
    match storage.remove(path) {
        Ok(()) => Ok(true),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(e),
    }
}
