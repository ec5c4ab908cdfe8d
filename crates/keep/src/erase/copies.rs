//! Backups in directories: segments in them are written anew without the parts that are erased, and their
//! descriptions name the new files.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, ErrorKind};
use std::sync::Arc;

use indelible_log::frame::{self, FILE_HEADER_LEN};
use indelible_log::manifest::Manifest;
use indelible_log::record::{Record, TrailNo};
use indelible_log::segment::{Finished, Segment, SegmentState};
use indelible_log::storage::{Appender, Storage, read_whole, replace_durably};
use indelible_log::{View, active, hex, manifest, sha256};

use super::find::{Finding, each_row, readable};
use super::model::{ErasureNote, Place, PlaceKind, Reach};
use super::remake::{Trails, compare, is_same, marks, without};
use super::strike::{Stroke, damaged, io};
use super::subject::Asked;
use crate::backup::model::{BackedFile, Backup};
use crate::error::KeepError;
use crate::limits::DESCRIPTION_BYTES_MAX;
use crate::restore::{Below, check_paths};

/// What describes a backup, and is written last.
const DESCRIPTION: &str = "backup.json";
/// Where erasures are noted that were done after backups.
pub(super) const NOTES: &str = "erasures";
/// Where in a backup the files are that were made without what was erased.
pub(crate) const REMADE: &str = "erased";

/// A directory of backups.
pub(super) struct Backups {
    pub kind: PlaceKind,
    /// What people call it.
    pub name: String,
    pub dir: Arc<dyn Storage>,
}

/// What was found in one backup.
#[derive(Clone, Copy, Default)]
pub(super) struct Looked {
    /// Records that are concerned and cannot be taken out alone: not sealed when the backup was made, or of a
    /// history that this log does not have any more.
    pub stuck: u64,
}

impl Backups {
    /// Whether the directory is not there: nothing is made in its place.
    pub fn is_missing(&self) -> bool {
        self.dir.list("").is_err_and(|e| e.kind() == ErrorKind::NotFound)
    }

    /// The backups that are whole, oldest first, and the names of directories that were never finished.
    pub fn load(&self) -> Result<(Vec<Backup>, Vec<String>), KeepError> {
        let (mut whole, mut unfinished) = (Vec::new(), Vec::new());
        for id in names(&*self.dir, "")? {
            let path = format!("{id}/{DESCRIPTION}");
            match read_whole(&*self.dir, &path, DESCRIPTION_BYTES_MAX) {
                Ok(bytes) => whole.push(self.described(&id, &path, &bytes)?),
                Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                    if !names(&*self.dir, &format!("{id}/{}", manifest::SEGMENTS))?.is_empty() {
                        unfinished.push(id);
                    }
                }
                Err(e) => return Err(io(&path)(e)),
            }
        }
        whole.sort_by(|a, b| (&a.created_at, &a.id).cmp(&(&b.created_at, &b.id)));
        Ok((whole, unfinished))
    }

    /// What a backup says of itself. Files are made and removed by it, so it must not lead anywhere else.
    fn described(&self, id: &str, path: &str, bytes: &[u8]) -> Result<Backup, KeepError> {
        let damaged =
            |reason: String| KeepError::Damaged { path: format!("{}/{path}", self.name), reason };
        let backup: Backup = serde_json::from_slice(bytes).map_err(|e| damaged(e.to_string()))?;
        if backup.id != id {
            return Err(damaged(format!("it describes another backup, {}", backup.id)));
        }
        check_paths(&backup)?;
        Ok(backup)
    }

    fn open(&self, path: &str, backup: &Backup) -> Result<Option<Segment>, KeepError> {
        let Some(stem) = path.strip_suffix(".parquet") else { return Ok(None) };
        let at = |path: &str| {
            let file = backup.files.iter().find(|file| file.path == path);
            file.map(|file| file.at.clone()).ok_or_else(|| KeepError::Damaged {
                path: format!("{}/{}/{DESCRIPTION}", self.name, backup.id),
                reason: format!("it does not name {path}"),
            })
        };
        let (parquet, rows) = (at(path)?, at(&format!("{stem}.rows"))?);
        let map = |key: &str| self.dir.map(key).map_err(io(key));
        Segment::open(map(&parquet)?, map(&rows)?).map(Some).map_err(damaged(&parquet))
    }

    /// Finds what a backup has of what is asked for, also where the log itself has nothing of it any more.
    pub fn search(
        &self,
        backup: &Backup,
        asked: &Asked,
        view: &View,
        finding: &mut Finding<'_>,
        known: &mut BTreeSet<String>,
    ) -> Result<Looked, KeepError> {
        let mut looked = Looked::default();
        for file in backup.files.iter().filter(|file| is_segment(&file.path)) {
            // What is the same as a segment of the log is looked at there.
            if known.contains(&file.sha256) {
                continue;
            }
            let Some(segment) = self.open(&file.path, backup)? else { continue };
            if segment.meta().state != SegmentState::Full {
                continue;
            }
            let trails = Trails::of(view, &segment);
            each_row(&file.at, &segment, &mut |_, record| {
                let Some((no, name)) = trails.get(record.trail) else { return Ok(()) };
                if !Finding::means(asked, no, name) {
                    return Ok(());
                }
                let here = Record { trail: no, ..*record };
                let verdict = Finding::verdict(asked, no, &record.entry, readable(record));
                if verdict.parts == [false; 3] {
                    return Ok(());
                }
                if is_same(view, &here)? {
                    finding.add(no, verdict.parts_of(asked, &here), record.seq.0);
                } else {
                    looked.stuck += 1;
                }
                Ok(())
            })?;
        }
        looked.stuck += self.unsealed(backup, |record, no, name| {
            Finding::means(asked, no, name)
                && Finding::verdict(asked, no, &record.entry, readable(record)).parts != [false; 3]
        })?;
        Ok(looked)
    }

    /// How many records in the backup's active files are meant.
    fn unsealed(
        &self,
        backup: &Backup,
        meant: impl Fn(&Record<'_>, TrailNo, &str) -> bool,
    ) -> Result<u64, KeepError> {
        let mut count = 0;
        let ending = |path: &str| path.starts_with(active::DIR) && path.ends_with(".log");
        for file in backup.files.iter().filter(|file| ending(&file.path)) {
            let manifest = self.manifest(backup)?;
            let bytes = self.dir.map(&file.at).map_err(io(&file.at))?;
            let mut at = FILE_HEADER_LEN;
            // What is not whole at its end holds nothing.
            while let Ok(group) = frame::group_at(&bytes, at) {
                for framed in group.records_as_written().filter_map(Result::ok) {
                    let no = framed.record.trail;
                    let name = manifest.trails.get(no.0 as usize).map_or("", |t| t.name.as_str());
                    count += u64::from(meant(&framed.record, no, name));
                }
                at = group.end() as usize;
            }
        }
        Ok(count)
    }

    fn manifest(&self, backup: &Backup) -> Result<Manifest, KeepError> {
        let file = backup.files.iter().find(|file| file.path == manifest::PATH);
        let dir = file.and_then(|f| f.at.strip_suffix(manifest::PATH)?.strip_suffix('/'));
        let dir = dir.ok_or_else(|| KeepError::Damaged {
            path: format!("{}/{}/{DESCRIPTION}", self.name, backup.id),
            reason: format!("it does not name {}", manifest::PATH),
        })?;
        Ok(Manifest::load(&Below::new(self.dir.clone(), dir))?)
    }

    /// How many records in a backup's segments would lose a part.
    pub fn count(
        &self,
        backup: &Backup,
        view: &View,
        strokes: &[Stroke],
    ) -> Result<u64, KeepError> {
        let mut records = 0;
        for file in backup.files.iter().filter(|file| is_segment(&file.path)) {
            if let Some(segment) = self.open(&file.path, backup)? {
                records += marks(&segment, view, strokes, &file.at)?.len() as u64;
            }
        }
        Ok(records)
    }

    /// Takes the parts out of a backup's segments. Gives how many records lost a part.
    pub fn strike(
        &self,
        backup: &mut Backup,
        view: &View,
        strokes: &[Stroke],
        erasure: &str,
    ) -> Result<u64, KeepError> {
        let mut remade = Vec::new();
        let mut records = 0;
        for file in backup.files.clone().iter().filter(|file| is_segment(&file.path)) {
            let Some(segment) = self.open(&file.path, backup)? else { continue };
            let marks = marks(&segment, view, strokes, &file.at)?;
            if marks.is_empty() {
                continue;
            }
            records += marks.len() as u64;
            let to = format!("{}/{REMADE}/{erasure}", backup.id);
            remade.push((file.path.clone(), self.remake(&segment, &marks, &to, &file.path)?));
        }
        if remade.is_empty() {
            return Ok(0);
        }
        // The description must not be durable before the names that it gives.
        let erased = format!("{}/{REMADE}", backup.id);
        let to = format!("{erased}/{erasure}");
        for dir in [&format!("{to}/{}", manifest::SEGMENTS), &to, &erased, &backup.id] {
            self.dir.sync_dir(dir).map_err(io(dir))?;
        }
        self.describe(backup, &remade, strokes, erasure)?;
        Ok(records)
    }

    fn remake(
        &self,
        segment: &Segment,
        marks: &BTreeMap<u32, [bool; 3]>,
        to: &str,
        path: &str,
    ) -> Result<Remade, KeepError> {
        let (parquet, rows) = (format!("{to}/{path}"), format!("{to}/{}", row_table(path)));
        let dir = indelible_log::storage::parent(&parquet).to_owned();
        self.dir.create_dir(&dir).map_err(io(&dir))?;
        remove(&*self.dir, &parquet)?;
        let file = self.dir.create(&parquet).map_err(io(&parquet))?;
        let out = BufWriter::with_capacity(1 << 20, Appender::new(file.clone()));
        let Finished { seal, row_table, .. } = without(segment, marks, out, &parquet)?;
        file.sync().map_err(io(&parquet))?;
        replace_durably(&*self.dir, &rows, &row_table).map_err(io(&rows))?;
        // Read back and held against what it was made of, before anything relies on it.
        let made = self.dir.map(&parquet).map_err(io(&parquet))?;
        let made = Segment::open(made, row_table.clone().into()).map_err(damaged(&parquet))?;
        compare(segment, &made, marks, &parquet)?;
        Ok(Remade {
            parquet: BackedFile {
                path: path.to_owned(),
                at: parquet,
                bytes: seal.len,
                sha256: hex::encode(&seal.sha256),
            },
            rows: BackedFile {
                path: self::row_table(path),
                at: rows,
                bytes: row_table.len() as u64,
                sha256: hex::encode(&sha256(&row_table)),
            },
            sha256: seal.sha256,
            rows_sha256: sha256(&row_table),
        })
    }

    /// Writes manifest and description anew; with the latter the new files are in charge.
    fn describe(
        &self,
        backup: &mut Backup,
        remade: &[(String, Remade)],
        strokes: &[Stroke],
        erasure: &str,
    ) -> Result<(), KeepError> {
        let mut manifest = self.manifest(backup)?;
        let mut stale: Vec<String> = Vec::new();
        for (path, new) in remade {
            let segments = &mut manifest.segments;
            let Some(entry) = segments.iter_mut().find(|entry| entry.parquet() == *path) else {
                continue;
            };
            (entry.bytes, entry.sha256) = (new.parquet.bytes, new.sha256);
            entry.rows_sha256 = new.rows_sha256;
            stale.push(format!("{}/{}.", indelible_store::INDEX, entry.name));
        }
        let to = format!("{}/{REMADE}/{erasure}", backup.id);
        manifest.store(&Below::new(self.dir.clone(), &to))?;
        let at = format!("{to}/{}", manifest::PATH);
        let bytes = read_whole(&*self.dir, &at, DESCRIPTION_BYTES_MAX).map_err(io(&at))?;
        let made = remade.iter().flat_map(|(_, new)| [new.parquet.clone(), new.rows.clone()]);
        let mut made: BTreeMap<String, BackedFile> =
            made.map(|file| (file.path.clone(), file)).collect();
        let described = BackedFile {
            path: manifest::PATH.into(),
            at,
            bytes: bytes.len() as u64,
            sha256: hex::encode(&sha256(&bytes)),
        };
        made.insert(described.path.clone(), described);
        // An index that knew the words of what is gone is made again when the backup is restored.
        backup.files.retain(|file| !stale.iter().any(|begin| file.path.starts_with(begin)));
        for file in &mut backup.files {
            if let Some(new) = made.remove(&file.path) {
                *file = new;
            }
        }
        backup.bytes = backup.files.iter().map(|file| file.bytes).sum();
        for stroke in strokes {
            let event = stroke.event.to_string();
            if !backup.erased.contains(&event) {
                backup.erased.push(event);
            }
        }
        let json = serde_json::to_vec_pretty(&*backup).expect("a backup has only string keys");
        let path = format!("{}/{DESCRIPTION}", backup.id);
        replace_durably(&*self.dir, &path, &json).map_err(io(&path))
    }

    /// How many records of a backup these strokes mean and cannot reach: those of its active files.
    pub fn out_of_reach(&self, backup: &Backup, strokes: &[Stroke]) -> Result<u64, KeepError> {
        self.unsealed(backup, |record, no, _| {
            strokes.iter().any(|s| s.trail == no && s.seqs.contains(record.seq.0))
        })
    }

    /// Notes an erasure, so that whoever restores one of these backups does it again.
    pub fn note(&self, notes: &[ErasureNote]) -> Result<(), KeepError> {
        self.dir.create_dir(NOTES).map_err(io(NOTES))?;
        for note in notes {
            let path = format!("{NOTES}/{}.json", note.event);
            let json = serde_json::to_vec(note).expect("a note has only string keys");
            replace_durably(&*self.dir, &path, &json).map_err(io(&path))?;
        }
        self.dir.sync_dir("").map_err(io(""))
    }

    /// The SHA-256 of a backup's description as it is now.
    pub fn description_sha256(&self, id: &str) -> Result<Option<String>, KeepError> {
        let path = format!("{id}/{DESCRIPTION}");
        let bytes = read_whole(&*self.dir, &path, DESCRIPTION_BYTES_MAX).map_err(io(&path))?;
        Ok(Some(hex::encode(&sha256(&bytes))))
    }

    pub fn place(&self, item: &str, records: u64, reach: Reach, to_do: Option<String>) -> Place {
        let (kind, place, item) = (self.kind, self.name.clone(), item.to_owned());
        Place { kind, place, item, records, reach, to_do, sha256: None }
    }

    /// What a backup has that cannot be taken out of it alone.
    pub fn stuck(&self, id: &str, records: u64) -> Option<Place> {
        let why = "records in it that were not sealed when it was made, or are of a history that was given up, cannot \
                   be taken out alone: make another backup and delete this one";
        (records > 0).then(|| self.place(id, records, Reach::ToDo, Some(why.into())))
    }

    /// Backups that were never finished have no description to be rewritten by.
    pub fn unfinished(&self) -> Vec<Place> {
        let why = "it was never finished: finish it or delete it";
        let names = self.load().map(|(_, unfinished)| unfinished).unwrap_or_default();
        let tell = |id: &String| self.place(id, 0, Reach::ToDo, Some(why.into()));
        names.iter().map(tell).collect()
    }

    /// Removes the files of backups that none names any more.
    pub fn sweep(&self) -> Result<(), KeepError> {
        let (backups, _) = self.load()?;
        let named: BTreeSet<&str> =
            backups.iter().flat_map(|b| &b.files).map(|file| file.at.as_str()).collect();
        for backup in &backups {
            let mut dirs = vec![
                format!("{}/{}", backup.id, manifest::SEGMENTS),
                format!("{}/{}", backup.id, indelible_store::INDEX),
                backup.id.clone(),
            ];
            for erasure in names(&*self.dir, &format!("{}/{REMADE}", backup.id))? {
                let dir = format!("{}/{REMADE}/{erasure}", backup.id);
                dirs.push(format!("{dir}/{}", manifest::SEGMENTS));
                dirs.push(dir);
            }
            for dir in dirs {
                self.sweep_dir(&dir, &named)?;
            }
        }
        Ok(())
    }

    fn sweep_dir(&self, dir: &str, named: &BTreeSet<&str>) -> Result<(), KeepError> {
        let names = names(&*self.dir, dir)?;
        for name in &names {
            let path = format!("{dir}/{name}");
            let ours = name == manifest::PATH
                || [".parquet", ".rows", ".idx", ".tmp"].iter().any(|e| name.ends_with(e));
            if ours && !named.contains(path.as_str()) {
                remove(&*self.dir, &path)?;
            }
        }
        // Also of what an earlier try removed: what is told to be gone must not come back.
        match names.is_empty() {
            true => Ok(()),
            false => self.dir.sync_dir(dir).map_err(io(dir)),
        }
    }
}

struct Remade {
    parquet: BackedFile,
    rows: BackedFile,
    sha256: [u8; 32],
    rows_sha256: [u8; 32],
}

fn is_segment(path: &str) -> bool {
    path.starts_with(manifest::SEGMENTS) && path.ends_with(".parquet")
}

fn row_table(path: &str) -> String {
    format!("{}.rows", path.strip_suffix(".parquet").unwrap_or(path))
}

fn names(storage: &dyn Storage, dir: &str) -> Result<Vec<String>, KeepError> {
    match storage.list(dir) {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            Ok(Vec::new())
        }
        other => other.map_err(io(dir)),
    }
}

fn remove(storage: &dyn Storage, path: &str) -> Result<(), KeepError> {
    match storage.remove(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(io(path)(e)),
        _ => Ok(()),
    }
}
