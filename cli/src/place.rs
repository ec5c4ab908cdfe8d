//! The data directory that a command works on, opened for writing or for reading.

use std::io;
use std::sync::Arc;

use indelible_keep::Keep;
use indelible_keep::archive::Fetcher;
use indelible_keep::limits::CLOCK_JUMP_MICROS_MAX;
use indelible_log::active::DIR as LOG;
use indelible_log::limits::CACHE_BYTES_MAX;
use indelible_log::offload::Archived;
use indelible_log::storage::{FileStorage, Storage};
use indelible_log::{LogError, Recovery, Seams};
use indelible_store::{OpenOptions, Reader, Store, StoreError};
use serde::Serialize;

use crate::args::Global;
use crate::failure::Failure;
use crate::out;

/// The files that records are appended to, and their lengths: unlike an earlier one if there are more records.
#[derive(PartialEq, Eq)]
pub struct Grown(Vec<(String, u64)>);

/// How often something is read anew that failed while a writer may be changing files underneath.
const TRIES: u32 = 4;

#[derive(Serialize)]
struct Mended<'a> {
    torn_bytes: u64,
    torn_file: &'a str,
    removed: &'a [String],
}

impl Global {
    /// What the log in the data directory stands on.
    pub fn seams(&self) -> Seams {
        Seams::real(&self.data)
    }

    /// Where the sign guard is, if it is elsewhere.
    pub fn guard_storage(&self) -> Option<Arc<dyn Storage>> {
        let guard = self.guard.as_ref()?;
        Some(Arc::new(FileStorage::new(guard)))
    }

    /// Opens for writing, and says what had to be mended.
    pub fn writer(&self, accept_rollback: bool) -> Result<Store, Failure> {
        let options =
            OpenOptions { accept_rollback, guard: self.guard_storage(), ..OpenOptions::default() };
        let store = Store::open(self.seams(), options).map_err(|e| self.explain(e))?;
        tell_recovery(store.recovery(), self.json);
        self.watched(store)
    }

    /// A clock that jumped is noticed before anything is recorded by it: after that it could not be told from one that
    /// is right, and records would expire by it. Where no policy lets any go, nobody has to care.
    fn watched(&self, store: Store) -> Result<Store, Failure> {
        let seams = self.seams();
        let off = seams.clock.now().0.abs_diff(store.log().view().recorded_at_max().0);
        if store.log().policies().len() < 2 || off <= CLOCK_JUMP_MICROS_MAX.unsigned_abs() {
            return Ok(store);
        }
        let store = Arc::new(store);
        let keep = Keep::new(store.clone(), seams);
        keep.tick(keep.now()).map_err(Failure::cannot)?;
        drop(keep);
        Arc::into_inner(store).ok_or_else(|| Failure::cannot("the log is still held"))
    }

    /// Opens for reading.
    pub fn reader(&self) -> Result<Reader, Failure> {
        self.open_reader().map_err(|e| self.explain(e))
    }

    /// The same for whoever tells errors by himself. Segments that left the disk are fetched when they are read.
    pub fn open_reader(&self) -> Result<Reader, StoreError> {
        let reader = Reader::open(self.seams().storage)?;
        reader.view().attach(archived(), CACHE_BYTES_MAX);
        Ok(reader)
    }

    /// Reads something from a fresh view of the directory. A writer may sign, seal and delete between
    /// our opening and reading; what fails is read again from the directory as it is then, so that only
    /// what stays wrong is told.
    pub fn read<T>(
        &self,
        mut read: impl FnMut(&Reader) -> Result<T, StoreError>,
    ) -> Result<T, Failure> {
        let mut tries = 0;
        loop {
            tries += 1;
            match self.open_reader().and_then(|reader| read(&reader)) {
                Ok(value) => return Ok(value),
                Err(e) if tries == TRIES || !may_pass(&e) => return Err(self.explain(e)),
                Err(_) => {}
            }
        }
    }

    /// How far the log is by its files alone, which costs next to nothing. `None` while a writer changes them
    /// underneath.
    pub fn grown(&self) -> Option<Grown> {
        let storage = self.seams().storage;
        let len = |name: String| {
            let file = storage.open(&format!("{LOG}/{name}"), false)?;
            Ok((name, file.len()?))
        };
        let files: io::Result<Vec<_>> = storage.list(LOG).ok()?.into_iter().map(len).collect();
        files.ok().map(Grown)
    }

    /// Whether another process has the directory open for writing, as far as can be told.
    pub fn has_writer(&self) -> bool {
        let lock = self.seams().storage.lock(indelible_log::LOCK);
        lock.is_err_and(|e| e.kind() == io::ErrorKind::WouldBlock)
    }

    /// Whether there is a log in the directory, sound or not.
    pub fn has_log(&self) -> bool {
        self.data.join(indelible_store::NODE).exists()
    }

    fn explain(&self, error: StoreError) -> Failure {
        let data = self.data.display();
        match error {
            error if !self.has_log() && may_be_absence(&error) => Failure::Cannot {
                why: format!("there is no log in {data}"),
                hint: Some(format!(
                    "`indelible init --data {data}` makes one; --data names another directory"
                )),
            },
            StoreError::GuardMissing if self.guard.is_none() => Failure::Cannot {
                why: StoreError::GuardMissing.to_string(),
                hint: Some(
                    "if `init` put it elsewhere, name that place: --guard DIR or INDELIBLE_GUARD"
                        .into(),
                ),
            },
            error => match Failure::from(error) {
                Failure::Cannot { why, hint } => {
                    Failure::Cannot { why: format!("{data}: {why}"), hint }
                }
                other => other,
            },
        }
    }
}

/// Brings back what left the disk, from the archives that have it.
pub fn archived() -> Arc<dyn Archived> {
    Arc::new(Fetcher::new(None))
}

/// Whether an error can come of there being no log at all.
fn may_be_absence(error: &StoreError) -> bool {
    match error {
        StoreError::File { path, .. } => path == indelible_store::NODE,
        StoreError::Log(error) => matches!(error, LogError::Missing(_) | LogError::Io { .. }),
        _ => false,
    }
}

/// Whether a writer at work can be the reason.
fn may_pass(error: &StoreError) -> bool {
    match error {
        StoreError::File { .. } | StoreError::BadProof { .. } => true,
        StoreError::Log(error) => matches!(
            error,
            LogError::Io { .. }
                | LogError::Corrupt { .. }
                | LogError::Mismatch { .. }
                | LogError::NotFound(_)
        ),
        _ => false,
    }
}

fn tell_recovery(recovery: &Recovery, json: bool) {
    let Recovery { torn_bytes, torn_file, removed } = recovery;
    if *torn_bytes == 0 && removed.is_empty() {
        return;
    }
    if json {
        return out::note_json(&Mended { torn_bytes: *torn_bytes, torn_file, removed });
    }
    if *torn_bytes > 0 {
        out::note(format_args!(
            "recovered: {torn_bytes} bytes of a torn write were cut off {torn_file}; nothing acknowledged was in them"
        ));
    }
    if !removed.is_empty() {
        out::note(format_args!(
            "recovered: files left over by a crash were removed: {}",
            removed.join(", ")
        ));
    }
}
