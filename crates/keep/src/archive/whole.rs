//! The log as it is: copied file by file beside a running writer, in such a way that what is there already is not
//! copied again.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

use bytes::Bytes;
use indelible_log::erasure;
use indelible_log::hex;
use indelible_log::manifest::PATH as MANIFEST;
use indelible_log::offload::{Away, Sealed};
use indelible_log::storage::Storage;
use indelible_log::trail::{TrailId, level_path, read_level};
use indelible_log::{SegmentHandle, sha256};
use indelible_merkle::{ConsistencyProof, Hash, TreeSize};
use indelible_store::{INDEX, NODE, checkpoint_path};

use super::model::{self, Archive, ArchivedFile, ArchivedTrail, Content};
use super::{Archived, place};
use crate::target::Target;
use crate::{Keep, KeepError, Progress, limits};

/// The directories at a target that are the archive's own.
const OURS: [&str; 5] = ["segments/", "index/", "trails/", "erasures/", "manifest/"];

/// A file, or a piece of one, that belongs into the archive.
struct Source {
    path: String,
    offset: u64,
    at: String,
    bytes: u64,
    /// Its hash, where that is known without reading it.
    sha256: Option<[u8; 32]>,
    from: From,
}

enum From {
    Bytes(Bytes),
    /// Rows, which may be away.
    Rows(SegmentHandle),
    /// Hashes of a level.
    Level(TrailId, u8, u64, usize),
}

pub(super) fn run(
    keep: &Keep,
    target: &dyn Target,
    mut archive: Archive,
    before: model::Whole,
    progress: &dyn Progress,
) -> Result<Archived, KeepError> {
    progress.stage("seal", None);
    let (sealed, trails) = sealed(keep, &before)?;
    let sources = sources(keep, &sealed, &trails)?;
    let known: BTreeMap<&str, &ArchivedFile> =
        before.files.iter().map(|file| (file.at.as_str(), file)).collect();
    let there: BTreeMap<String, u64> = target.list("")?.into_iter().collect();
    let mut files = Vec::with_capacity(sources.len());
    let mut missing = Vec::new();
    for source in &sources {
        let kept = kept(keep, target, source, &known, &there)?;
        if kept.is_none() {
            missing.push(files.len());
        }
        files.push(ArchivedFile {
            path: source.path.clone(),
            offset: source.offset,
            at: source.at.clone(),
            bytes: source.bytes,
            sha256: kept.unwrap_or_default(),
        });
    }
    let copied_bytes: u64 = missing.iter().map(|at| sources[*at].bytes).sum();
    if let Some(free) = target.free()?.filter(|free| *free < copied_bytes) {
        let place = target.name().to_owned();
        return Err(KeepError::NoRoom { place, needed: copied_bytes, free });
    }
    progress.stage("copy", Some(copied_bytes));
    let mut done = 0;
    for at in &missing {
        let source = &sources[*at];
        let bytes = source.read(keep)?;
        let hash = source.sha256.unwrap_or_else(|| sha256(&bytes));
        place::put(target, &source.at, &bytes, &hash)?;
        files[*at].sha256 = hex::encode(&hash);
        done += source.bytes;
        progress.done(done);
    }
    let bytes = files.iter().map(|file| file.bytes).sum();
    let records = sealed.manifest.sealed_pos;
    let named: BTreeSet<String> = files.iter().map(|file| file.at.clone()).collect();
    let count = files.len() as u64;
    archive.content = Content::Whole(model::Whole { records, bytes, trails, files });
    let hash = place::store(target, &archive)?;
    // Only now does nothing name them any more. What a run that was broken off left is among them.
    progress.stage("clean up", None);
    let mut removed = 0;
    for key in there.keys().filter(|key| OURS.iter().any(|dir| key.starts_with(dir))) {
        if !named.contains(key) {
            target.delete(key)?;
            removed += 1;
        }
    }
    OURS.iter().try_for_each(|dir| target.forget(dir))?;
    Ok(Archived {
        id: archive.id,
        target: target.name().to_owned(),
        sha256: hex::encode(&hash),
        records,
        files: count,
        bytes,
        copied: missing.len() as u64,
        copied_bytes,
        removed,
    })
}

/// Seals, signs, and gives what there is then. An archive that has more than that, or something else, is of a
/// log that was put back: going on with it would destroy what only the archive still has.
fn sealed(keep: &Keep, before: &model::Whole) -> Result<(Sealed, Vec<ArchivedTrail>), KeepError> {
    let (store, view) = (keep.store(), keep.store().reader().view());
    store.log().seal()?;
    store.publish()?;
    let sealed = view.sealed();
    let mut trails = Vec::new();
    for (info, on_disk) in sealed.manifest.infos()?.iter().zip(&sealed.manifest.trails) {
        let root = view.root(info.no, TreeSize(on_disk.sealed))?.to_base64();
        let (id, name) = (info.id.to_string(), info.name.to_string());
        trails.push((info.no, ArchivedTrail { id, name, size: on_disk.sealed, root }));
    }
    for was in &before.trails {
        let now = trails.iter().find(|(_, trail)| trail.id == was.id);
        let begins = match now {
            Some((no, trail)) if trail.size >= was.size => {
                view.root(*no, TreeSize(was.size))?.to_base64() == was.root
            }
            _ => false,
        };
        if !begins {
            let why = format!(
                "the archive has {} records of trail {} that this log does not begin with: an older copy of the \
                 log was put back. Give another place, or import the archive",
                was.size, was.name
            );
            return Err(KeepError::Refused(why));
        }
    }
    Ok((sealed, trails.into_iter().map(|(_, trail)| trail).collect()))
}

/// Everything that belongs into the archive.
fn sources(
    keep: &Keep,
    sealed: &Sealed,
    trails: &[ArchivedTrail],
) -> Result<Vec<Source>, KeepError> {
    let storage = &*keep.seams().storage;
    let mut out = Vec::new();
    let whole = |path: String, at: String, bytes: Bytes| {
        let sha256 = Some(sha256(&bytes));
        Source { path, offset: 0, at, bytes: bytes.len() as u64, sha256, from: From::Bytes(bytes) }
    };
    let indexes = names(storage, INDEX)?;
    for (entry, handle) in sealed.manifest.segments.iter().zip(&sealed.segments) {
        let (path, rows) = (entry.parquet(), entry.row_table());
        let (bytes, hash) = (entry.bytes, Some(entry.sha256));
        let from = From::Rows(handle.clone());
        out.push(Source { at: path.clone(), path, offset: 0, bytes, sha256: hash, from });
        let table = handle.row_table().clone();
        out.push(whole(rows.clone(), rows, table));
        let of_it = |name: &&String| {
            name.strip_prefix(&entry.name).is_some_and(|rest| rest.starts_with('.'))
                && name.ends_with(".idx")
        };
        if let Some(name) = indexes.iter().find(of_it) {
            out.extend(file(storage, format!("{INDEX}/{name}"))?);
        }
    }
    for trail in trails {
        tree(keep, trail, &mut out)?;
    }
    for name in names(storage, erasure::DIR)?.iter().filter(|name| name.ends_with(".seqs")) {
        out.extend(file(storage, format!("{}/{name}", erasure::DIR))?);
    }
    let node = storage.map(NODE).map_err(place::local(NODE))?;
    out.push(whole(NODE.to_owned(), NODE.to_owned(), node));
    // In the archive every segment is at hand.
    let mut manifest = sealed.manifest.clone();
    manifest.all_here();
    let bytes = Bytes::from(manifest.encode().into_bytes());
    let at = format!("manifest/{}", &hex::encode(&sha256(&bytes))[..16]);
    out.push(whole(MANIFEST.to_owned(), at, bytes));
    Ok(out)
}

/// A trail's levels, and a checkpoint at just its size.
fn tree(keep: &Keep, trail: &ArchivedTrail, out: &mut Vec<Source>) -> Result<(), KeepError> {
    let id = TrailId::parse(&trail.id).expect("it was made of one");
    let (mut level, mut count) = (0, trail.size);
    while count > 0 {
        let path = level_path(id, level);
        let mut start = 0;
        while start < count {
            let end = count.min(start + limits::LEVEL_PIECE_HASHES);
            out.push(Source {
                path: path.clone(),
                offset: start * Hash::BYTES as u64,
                at: format!("{path}/{start}-{end}"),
                bytes: (end - start) * Hash::BYTES as u64,
                sha256: None,
                from: From::Level(id, level, start, (end - start) as usize),
            });
            start = end;
        }
        (level, count) = (level + 1, count >> 8);
    }
    if trail.size == 0 {
        return Ok(());
    }
    let reader = keep.store().reader();
    let all = reader.trails().into_iter();
    let status = all.into_iter().find(|status| status.info.id == id);
    let status =
        status.ok_or_else(|| KeepError::NotFound(format!("trail {} is gone", trail.name)))?;
    let size = TreeSize(trail.size);
    let proof = reader.prove_consistency(&status, size, Some(size))?;
    let proof = ConsistencyProof::decode(proof.as_bytes())
        .map_err(|e| KeepError::Damaged { path: checkpoint_path(id), reason: e.to_string() })?;
    let note = Bytes::from(proof.checkpoint_note);
    let path = checkpoint_path(id);
    let (at, bytes, hash) = (format!("{path}.{size}"), note.len() as u64, Some(sha256(&note)));
    out.push(Source { path, offset: 0, at, bytes, sha256: hash, from: From::Bytes(note) });
    Ok(())
}

/// A file that never changes, mapped at once so that it may go meanwhile; `None` if it has gone.
fn file(storage: &dyn Storage, path: String) -> Result<Option<Source>, KeepError> {
    match storage.map(&path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(place::local(&path)(e)),
        Ok(bytes) => {
            let (at, len) = (path.clone(), bytes.len() as u64);
            Ok(Some(Source {
                path,
                offset: 0,
                at,
                bytes: len,
                sha256: None,
                from: From::Bytes(bytes),
            }))
        }
    }
}

fn names(storage: &dyn Storage, dir: &str) -> Result<Vec<String>, KeepError> {
    match storage.list(dir) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(Vec::new()),
        names => names.map_err(place::local(dir)),
    }
}

/// The hash of what is at the target, if that is this file.
fn kept(
    keep: &Keep,
    target: &dyn Target,
    source: &Source,
    known: &BTreeMap<&str, &ArchivedFile>,
    there: &BTreeMap<String, u64>,
) -> Result<Option<String>, KeepError> {
    if there.get(&source.at) != Some(&source.bytes) {
        return Ok(None);
    }
    if let Some(known) = known.get(source.at.as_str()).filter(|k| k.bytes == source.bytes) {
        let same = source.sha256.is_none_or(|hash| hex::encode(&hash) == known.sha256);
        return Ok(same.then(|| known.sha256.clone()));
    }
    // Of a run that was broken off: nobody has vouched for it yet.
    let hash = match source.sha256 {
        Some(hash) => hash,
        None => sha256(&source.read(keep)?),
    };
    Ok((place::hash(target, &source.at)? == hash).then(|| hex::encode(&hash)))
}

impl Source {
    fn read(&self, keep: &Keep) -> Result<Bytes, KeepError> {
        let storage = &*keep.seams().storage;
        match &self.from {
            From::Bytes(bytes) => Ok(bytes.clone()),
            From::Rows(handle) => Ok(handle.segment()?.file().clone()),
            From::Level(id, level, start, count) => {
                let hashes = read_level(storage, *id, *level, *start, *count)?;
                Ok(hashes.iter().flat_map(|hash| hash.0).collect())
            }
        }
    }
}

/// Where a segment is in an archive, if the archive has just it.
pub(super) fn away_at(
    target: &str,
    archive: &model::Whole,
    path: &str,
    sha256: &[u8; 32],
) -> Option<Away> {
    let file = archive.files.iter().find(|file| file.path == path)?;
    let same = file.sha256 == hex::encode(sha256);
    same.then(|| Away { target: target.to_owned(), key: file.at.clone() })
}
