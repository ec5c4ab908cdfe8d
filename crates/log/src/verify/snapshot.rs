//! All files as they are at one moment, mapped before anything is checked: a writer at work may seal,
//! merge and delete meanwhile, and that is no fault of the log's.

use bytes::Bytes;

use super::{Finding, finding_of};
use crate::active;
use crate::error::LogError;
use crate::manifest::Manifest;
use crate::record::Pos;
use crate::storage::Storage;

/// How often to look again when a writer moves files while they are being opened.
const TRIES_MAX: usize = 8;

pub(super) struct Snapshot {
    pub manifest: Manifest,
    /// In the manifest's order.
    pub segments: Vec<SegmentBytes>,
    pub active: Result<Vec<ActiveBytes>, Finding>,
}

/// A segment's two files, or why one cannot be read.
pub(super) struct SegmentBytes {
    /// None if it is away: fetched when its turn comes.
    pub parquet: Option<Result<Bytes, Finding>>,
    pub row_table: Result<Bytes, Finding>,
}

/// An active file, and the side word as it was before the file was opened.
pub(super) struct ActiveBytes {
    pub first: Pos,
    pub mark: u64,
    pub bytes: Bytes,
}

impl Snapshot {
    pub fn take(storage: &dyn Storage) -> Result<Snapshot, LogError> {
        let mut manifest = Manifest::load(storage)?;
        for _ in 1..TRIES_MAX {
            let snapshot = Snapshot::of(storage, manifest);
            let now = Manifest::load(storage)?;
            // If nothing was exchanged meanwhile, what is missing is missing.
            if now == snapshot.manifest {
                return Ok(snapshot);
            }
            manifest = now;
        }
        Ok(Snapshot::of(storage, manifest))
    }

    fn of(storage: &dyn Storage, manifest: Manifest) -> Snapshot {
        let map = |path: String| {
            storage.map(&path).map_err(|e| match e.kind() {
                std::io::ErrorKind::NotFound => {
                    let what = "missing: the manifest names this file, and it is not there".into();
                    Finding { trail: None, seq: None, path: path.clone(), offset: None, what }
                }
                _ => finding_of(LogError::io(&path)(e), &path),
            })
        };
        let active = active_files(storage, &manifest).map_err(|e| finding_of(e, active::DIR));
        let segments = manifest
            .segments
            .iter()
            .map(|s| SegmentBytes {
                parquet: s.archived.is_none().then(|| map(s.parquet())),
                row_table: map(s.row_table()),
            })
            .collect();
        Snapshot { manifest, segments, active }
    }
}

fn active_files(storage: &dyn Storage, manifest: &Manifest) -> Result<Vec<ActiveBytes>, LogError> {
    let mut files = Vec::new();
    for first in active::list(storage)?.into_iter().filter(|first| first.0 >= manifest.sealed_pos) {
        let mark = active::read_mark(storage, first);
        let path = active::path(first);
        let bytes = storage.map(&path).map_err(LogError::io(&path))?;
        files.push(ActiveBytes { first, mark, bytes });
    }
    Ok(files)
}
