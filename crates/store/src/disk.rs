//! How large a data directory is, and how much room there is left.

use std::io::ErrorKind;

use indelible_log::{active, manifest, trail};

use crate::error::StoreError;
use crate::reader::Reader;
use crate::search::INDEX;

/// Bytes on disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// What this process may still use, where that can be told.
    pub free: Option<u64>,
    /// The log: active files, segments and trees.
    pub log: u64,
    /// The index, which can be made again.
    pub index: u64,
}

impl Reader {
    /// How large the directory is now. A file that goes away meanwhile counts as nothing.
    pub fn disk(&self) -> Result<Disk, StoreError> {
        let space = self.storage.space().map_err(StoreError::io(""))?;
        let mut log = self.bytes_in(active::DIR)? + self.bytes_in(manifest::SEGMENTS)?;
        for name in self.names_in(trail::DIR)? {
            log += self.bytes_in(&format!("{}/{name}", trail::DIR))?;
        }
        Ok(Disk { free: space.map(|space| space.free), log, index: self.bytes_in(INDEX)? })
    }

    fn bytes_in(&self, dir: &str) -> Result<u64, StoreError> {
        let mut bytes = 0;
        for name in self.names_in(dir)? {
            let path = format!("{dir}/{name}");
            match self.storage.open(&path, false).and_then(|file| file.len()) {
                Ok(len) => bytes += len,
                Err(e) if e.kind() == ErrorKind::NotFound => {}
                Err(e) => return Err(StoreError::io(&path)(e)),
            }
        }
        Ok(bytes)
    }

    fn names_in(&self, dir: &str) -> Result<Vec<String>, StoreError> {
        match self.storage.list(dir) {
            Ok(names) => Ok(names),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
            Err(e) => Err(StoreError::io(dir)(e)),
        }
    }
}
