//! How far an import is, in a file, so that it can go on. Only for speed: what is imported again is known again.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::state_file::StateFile;
use crate::args::{FileFormat, Import};
use crate::failure::Failure;
use crate::files;

/// The most bytes of the file.
const BYTES_MAX: usize = 64 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    path: String,
    bytes: Option<u64>,
    /// When it was last changed, in microseconds.
    changed: Option<i64>,
    records: u64,
}

/// The place.
pub struct Place {
    file: StateFile,
    reached: Vec<Reached>,
}

impl Place {
    /// Finds the place of an import of these files to that log.
    pub fn open(
        args: &Import,
        format: FileFormat,
        paths: &[PathBuf],
        to: &str,
    ) -> Result<Place, Failure> {
        let mut reached: Vec<Reached> = Vec::with_capacity(paths.len());
        for path in paths {
            let whole = std::path::absolute(path).map_err(Failure::io(path.display()))?;
            let path_text = whole.display().to_string();
            let (bytes, changed) = (files::len(path), files::changed(path));
            reached.push(Reached { path: path_text, bytes, changed, records: 0 });
        }
        let resumable = paths.iter().all(|path| !files::is_standard(path));
        let named = reached.iter().map(|one| &*one.path);
        let from: Vec<&str> = std::iter::once(format.name()).chain(named).collect();
        let file = if resumable { StateFile::of(args, to, &from) } else { StateFile::none() };
        let before: Option<Vec<Reached>> = file.read(BYTES_MAX)?;
        // A file that is another by now is read from its beginning.
        for one in &mut reached {
            let about = |of: &Reached| (of.path.clone(), of.bytes, of.changed);
            let same = |was: &&Reached| about(was) == about(one);
            one.records = before.iter().flatten().find(same).map_or(0, |was| was.records);
        }
        Ok(Place { file, reached })
    }

    /// How many records of each file were imported before.
    pub fn done(&self) -> Vec<u64> {
        self.reached.iter().map(|one| one.records).collect()
    }

    /// Everything up to this record of a file is durable.
    pub fn reached(&mut self, file: usize, record: u64) {
        if let Some(one) = self.reached.get_mut(file) {
            one.records = one.records.max(record);
        }
    }

    /// Whether an import before this one got anywhere.
    pub fn goes_on(&self) -> bool {
        self.reached.iter().any(|one| one.records > 0)
    }

    /// Writes it, if that was not done just now.
    pub fn write_at_times(&mut self) -> Result<(), Failure> {
        self.file.write_at_times(&self.reached)
    }

    pub fn write(&self) -> Result<(), Failure> {
        self.file.write(&self.reached)
    }

    /// All is imported.
    pub fn remove(&self) {
        self.file.remove();
    }
}
