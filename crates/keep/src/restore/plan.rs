//! What is about to be restored: the backup's own list, checked before anything is made of it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read as _;

use indelible_log::manifest::{self, Manifest};
use indelible_log::storage::parent;
use indelible_log::trail::TrailId;
use indelible_log::{hex, sha256};
use indelible_store::{Guard, Partial};
use serde::Serialize;

use super::copy::damaged;
use super::switch::OWN;
use crate::backup::model::{BackedFile, Backup};
use crate::backup::part::Segments;
use crate::backup::{self, description_key};
use crate::erase::REMADE;
use crate::error::KeepError;
use crate::target::{Target, TargetError};

/// What is given up of a trail.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, serde::Deserialize)]
pub struct Lost {
    /// The trail's name, or its opaque id if the backup does not know it.
    pub trail: String,
    /// Its size as this node signed it last.
    pub signed: u64,
    /// Its size in the backup.
    pub restored: u64,
}

/// Of a trail alone: what marks the directory, and its manifest.
pub(super) struct Part {
    pub partial: Partial,
    pub manifest: Manifest,
}

/// A backup and what of it is wanted.
pub(super) struct Plan {
    pub backup: Backup,
    pub files: Vec<BackedFile>,
    /// Files at the target that the backup does not name.
    pub extra: Vec<String>,
    pub part: Option<Part>,
}

impl Plan {
    /// Reads what the backup says of itself, and compares it with what is at the target.
    pub fn read(target: &dyn Target, id: &str, trail: Option<&str>) -> Result<Plan, KeepError> {
        let backup = read_backup(target, id)?;
        check_paths(&backup)?;
        let extra = check_lengths(target, &backup)?;
        let (files, part) = match trail {
            Some(name) => {
                let (files, part) = part_of(target, &backup, name)?;
                (files, Some(part))
            }
            None => {
                if let Some(only) = &backup.trail {
                    return Err(KeepError::Refused(format!(
                        "backup {id} was made for trail {only} alone: it can only be restored for reading, with --type trail \
                         --trail {only} --into DIR"
                    )));
                }
                (backup.files.clone(), None)
            }
        };
        // What this node signed last is what the guard in its place says, not what a copy of it said.
        let is_guard = |file: &BackedFile| parent(&file.path) == parent(indelible_store::GUARD);
        let files = files.into_iter().filter(|file| !is_guard(file)).collect();
        Ok(Plan { backup, files, extra, part })
    }

    /// The bytes of the files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}

/// What a log that this guard was kept for loses when the backup takes its place.
pub(super) fn lost(guard: &Guard, backup: &Backup) -> Vec<Lost> {
    let of = |(id, signed): (TrailId, &indelible_store::Signed)| {
        let here = backup.trails.iter().find(|trail| trail.id == id.to_string());
        let (trail, restored) =
            here.map_or((id.to_string(), 0), |trail| (trail.name.clone(), trail.size));
        Lost { trail, signed: signed.size, restored }
    };
    guard.trails().map(of).filter(|lost| lost.signed > lost.restored).collect()
}

/// The first few of what is lost, as a text.
pub(super) fn lost_text(lost: &[Lost]) -> String {
    const SHOWN_MAX: usize = 5;
    let one = |lost: &Lost| {
        let count = lost.signed - lost.restored;
        format!(
            "{count} records of trail {} (size {} was signed, {} are restored)",
            lost.trail, lost.signed, lost.restored
        )
    };
    let mut text = lost.iter().take(SHOWN_MAX).map(one).collect::<Vec<_>>().join(", ");
    if lost.len() > SHOWN_MAX {
        text.push_str(&format!(" and records of {} trails more", lost.len() - SHOWN_MAX));
    }
    text
}

fn read_backup(target: &dyn Target, id: &str) -> Result<Backup, KeepError> {
    if !is_name(id) {
        return Err(KeepError::Bad(format!("{id:?} is not the id of a backup")));
    }
    match backup::load(target, id) {
        Err(KeepError::Target(TargetError::Missing { .. })) => {
            let why = format!("there is no finished backup {id} at {}", target.name());
            Err(KeepError::NotFound(why))
        }
        loaded => Ok(loaded?.0),
    }
}

/// The list comes from outside: nothing in it may lead out of the directory, or to what is not a log's.
pub(crate) fn check_paths(backup: &Backup) -> Result<(), KeepError> {
    let path = description_key(&backup.id);
    let bad = |reason: String| KeepError::Damaged { path: path.clone(), reason };
    let mut seen = BTreeSet::new();
    for file in &backup.files {
        let parts: Vec<&str> = file.path.split('/').collect();
        let ours = OWN.contains(&parts[0]) || parts[0] == parent(indelible_store::GUARD);
        let whole = parts.len() <= 3 && parts.iter().all(|part| is_name(part));
        let at = file.at.strip_suffix(&file.path).and_then(|rest| rest.strip_suffix('/'));
        if !ours || !whole || !at.is_some_and(is_place) {
            return Err(bad(format!("{:?} is no file of a log", file.path)));
        }
        if !seen.insert(&file.path) {
            return Err(bad(format!("it names {} twice", file.path)));
        }
        if hex::decode::<32>(&file.sha256).is_none() {
            return Err(bad(format!("the SHA-256 of {} is none", file.path)));
        }
    }
    Ok(())
}

/// A backup's directory, or where in it an erasure put what it made anew.
fn is_place(at: &str) -> bool {
    let parts: Vec<&str> = at.split('/').collect();
    parts.iter().all(|part| is_name(part)) && matches!(parts[..], [_] | [_, REMADE, _])
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('.')
        && text.len() <= 255
        && text.bytes().all(|b| b.is_ascii_graphic() && b != b'/' && b != b'\\')
}

/// Every file must be at the target, and as long as it was. Gives what else is there.
fn check_lengths(target: &dyn Target, backup: &Backup) -> Result<Vec<String>, KeepError> {
    let owner = |file: &BackedFile| file.at.split('/').next().unwrap_or_default().to_owned();
    let owners: BTreeSet<String> = backup.files.iter().map(owner).collect();
    let mut there: BTreeMap<String, u64> = BTreeMap::new();
    for owner in &owners {
        there.extend(target.list(&format!("{owner}/"))?);
    }
    for file in &backup.files {
        match there.remove(&file.at) {
            Some(bytes) if bytes == file.bytes => {}
            Some(bytes) => {
                let why = format!("it has {bytes} bytes, and {} were backed up", file.bytes);
                return Err(damaged(file, why));
            }
            None => return Err(damaged(file, "it is not at the target".into())),
        }
    }
    let own = format!("{}/", backup.id);
    let known = description_key(&backup.id);
    Ok(there.into_keys().filter(|key| key.starts_with(&own) && *key != known).collect())
}

/// The files that a trail takes: its segments and those of `_system`, all trees, and what is not sealed.
fn part_of(
    target: &dyn Target,
    backup: &Backup,
    name: &str,
) -> Result<(Vec<BackedFile>, Part), KeepError> {
    let wanted = backup.trails.iter().find(|trail| trail.name == name);
    let wanted = wanted.ok_or_else(|| {
        KeepError::NotFound(format!("backup {} has no trail named {name}", backup.id))
    })?;
    if let Some(only) = backup.trail.as_ref().filter(|only| *only != name) {
        let why = format!("backup {} was made for trail {only} alone", backup.id);
        return Err(KeepError::NotFound(why));
    }
    let mut manifest = read_manifest(target, backup)?;
    let segments = Segments::of(&manifest, name);
    let all = manifest.segments.len();
    manifest.segments.retain(|segment| segments.has(&segment.name));
    let left_out = (all - manifest.segments.len()) as u64;
    // The manifest is made anew, of the segments that come along.
    let is_wanted = |file: &&BackedFile| file.path != manifest::PATH && segments.takes(&file.path);
    let files: Vec<BackedFile> = backup.files.iter().filter(is_wanted).cloned().collect();
    let system = manifest.trails.first().map(|trail| TrailId(trail.id));
    let ids: Vec<TrailId> = system.into_iter().chain(TrailId::parse(&wanted.id)).collect();
    Ok((files, Part { partial: Partial::new(&backup.id, &ids, left_out), manifest }))
}

fn read_manifest(target: &dyn Target, backup: &Backup) -> Result<Manifest, KeepError> {
    let file = backup.files.iter().find(|file| file.path == manifest::PATH);
    let file = file.ok_or_else(|| KeepError::Damaged {
        path: description_key(&backup.id),
        reason: format!("it names no {}", manifest::PATH),
    })?;
    let mut bytes = Vec::new();
    let read = target.get(&file.at)?.take(file.bytes).read_to_end(&mut bytes);
    read.map_err(|e| TargetError::of(e, target.name(), &file.at))?;
    if hex::encode(&sha256(&bytes)) != file.sha256 {
        return Err(damaged(file, "its bytes are not those that were backed up".into()));
    }
    // Its own checks follow when it is read again from where it goes.
    let json = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    serde_json::from_slice(json).map_err(|e| damaged(file, e.to_string()))
}
