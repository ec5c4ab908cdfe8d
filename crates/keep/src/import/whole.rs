//! An archive becomes a directory again, and is verified before it counts as a log.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use indelible_log::frame::FileHeader;
use indelible_log::hex;
use indelible_log::manifest::{Manifest, PATH as MANIFEST, SEGMENTS};
use indelible_log::record::Pos;
use indelible_log::storage::{Storage, parent, replace_durably, write_all_at};
use indelible_log::trail::TrailId;
use indelible_log::{active, trail, verify};
use indelible_merkle::{Checkpoint, Vkey};
use indelible_store::{KEY, Node, checkpoint_path};

use super::{NewImport, Verified, vkey};
use crate::archive::model::{Archive, ArchivedFile, Content, Whole};
use crate::archive::{place, place_local as local};
use crate::target::Target;
use crate::{KeepError, Progress, limits};

/// Says which archive a directory is being made of: without it a directory that is not empty is left alone.
const MARK: &str = "IMPORT";

/// Copies an archive into an empty directory and verifies it there. The manifest comes last: without it there
/// is no log.
pub(super) fn bring(
    storage: &Arc<dyn Storage>,
    target: &dyn Target,
    new: &NewImport,
    key: Option<&[u8]>,
    progress: &dyn Progress,
) -> Result<Verified, KeepError> {
    let vkey = vkey(new)?;
    let Some((archive, hash)) = place::load_with_hash(target)? else {
        return Err(KeepError::NotFound(format!("there is no archive at {}", target.name())));
    };
    let hash = hex::encode(&hash);
    if new.sha256.as_ref().is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&hash)) {
        let why = format!("the archive at {} has SHA-256 {hash}, not the one given", target.name());
        return Err(KeepError::Refused(why));
    }
    let Content::Whole(whole) = &archive.content else {
        let why = format!(
            "the archive at {} is one by trail and date: it has events, and no log",
            target.name()
        );
        return Err(KeepError::Refused(why));
    };
    begin(&**storage, &hash)?;
    if let Some(space) = storage.space().map_err(local(""))?.filter(|s| s.free < whole.bytes) {
        let place = "the data directory".to_owned();
        return Err(KeepError::NoRoom { place, needed: whole.bytes, free: space.free });
    }
    progress.stage("copy", Some(whole.bytes));
    let mut done = 0;
    for file in &whole.files {
        check_path(file)?;
        if file.path != MANIFEST {
            copy(&**storage, target, file)?;
        }
        done += file.bytes;
        progress.done(done);
    }
    let manifest = manifest(target, whole)?;
    finish(&**storage, &manifest)?;
    let verified = verified(storage, &archive, whole, &manifest, vkey.as_ref(), hash, progress);
    let verified = verified.inspect_err(|_| {
        // What does not verify must not be taken for a log. If this fails, it is found wanting when it is opened.
        let _ = storage.remove(MANIFEST);
    })?;
    if let Some(key) = key {
        replace_durably(&**storage, KEY, key).map_err(local(KEY))?;
    }
    storage.remove(MARK).map_err(local(MARK))?;
    storage.sync_dir("").map_err(local(""))?;
    Ok(verified)
}

/// Makes sure that nothing is there but what an earlier try with the same archive left.
fn begin(storage: &dyn Storage, hash: &str) -> Result<(), KeepError> {
    let names = match storage.list("") {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Vec::new(),
        names => names.map_err(local(""))?,
    };
    if names.iter().any(|name| name == MARK) {
        let mark = storage.map(MARK).map_err(local(MARK))?;
        if mark.as_ref() == hash.as_bytes() {
            return Ok(());
        }
        // The archive was gone on with since. What is the same in it is not fetched again.
    } else if storage.open(MANIFEST, false).is_ok()
        || names.iter().any(|name| !is_dir(storage, name))
    {
        let why = "the directory is not empty; an archive becomes a log in an empty one only";
        return Err(KeepError::Refused(why.into()));
    }
    storage.create_dir("").map_err(local(""))?;
    replace_durably(storage, MARK, hash.as_bytes()).map_err(local(MARK))
}

fn is_dir(storage: &dyn Storage, name: &str) -> bool {
    storage
        .list(name)
        .is_ok_and(|names| names.iter().all(|n| is_dir(storage, &format!("{name}/{n}"))))
}

/// A path from outside must stay inside, where a log has its files.
fn check_path(file: &ArchivedFile) -> Result<(), KeepError> {
    let dirs = [SEGMENTS, trail::DIR, indelible_store::INDEX, indelible_log::erasure::DIR];
    let whole = [MANIFEST, indelible_store::NODE];
    let odd = |part: &str| part.is_empty() || part.starts_with('.') || part.contains(['\\', '\0']);
    let (dir, _) = file.path.split_once('/').unwrap_or_default();
    let known = dirs.contains(&dir) || whole.contains(&file.path.as_str());
    if !known || file.path.split('/').any(odd) {
        let reason = "no log has a file of this name".to_owned();
        return Err(KeepError::Damaged { path: file.path.clone(), reason });
    }
    Ok(())
}

/// Fetches a file, or a piece of one, unless it is there.
fn copy(storage: &dyn Storage, target: &dyn Target, file: &ArchivedFile) -> Result<(), KeepError> {
    let path = &file.path;
    if is_there(storage, file)? {
        return Ok(());
    }
    let dir = parent(path);
    storage.create_dir(dir).map_err(local(dir))?;
    let opened = match storage.open(path, true) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => storage.create(path),
        opened => opened,
    };
    let opened = opened.map_err(local(path))?;
    if file.offset == 0 {
        opened.set_len(0).map_err(local(path))?;
    }
    let mut out = At { file: &*opened, offset: file.offset };
    let mut out = io::BufWriter::with_capacity(1 << 20, &mut out);
    place::fetch(target, &file.at, file.bytes, &file.sha256, &mut out)?;
    out.flush().map_err(local(path))?;
    opened.sync().map_err(local(path))
}

/// Whether an earlier try brought it whole.
fn is_there(storage: &dyn Storage, file: &ArchivedFile) -> Result<bool, KeepError> {
    let bytes = match storage.map(&file.path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(false),
        bytes => bytes.map_err(local(&file.path))?,
    };
    let start = usize::try_from(file.offset).unwrap_or(usize::MAX);
    let end = start.saturating_add(usize::try_from(file.bytes).unwrap_or(usize::MAX));
    let piece = bytes.get(start..end);
    Ok(piece.is_some_and(|piece| hex::encode(&indelible_log::sha256(piece)) == file.sha256))
}

struct At<'a> {
    file: &'a dyn indelible_log::storage::File,
    offset: u64,
}

impl Write for At<'_> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        let n = self.file.write_at(self.offset, buf)?;
        self.offset += n as u64;
        Ok(n)
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn manifest(target: &dyn Target, whole: &Whole) -> Result<Manifest, KeepError> {
    let missing = || KeepError::Damaged {
        path: target.name().to_owned(),
        reason: "the archive has no manifest of the log".into(),
    };
    let file = whole.files.iter().find(|file| file.path == MANIFEST).ok_or_else(missing)?;
    if file.bytes > limits::ARCHIVE_JSON_BYTES_MAX {
        return Err(missing());
    }
    let mut bytes = Vec::new();
    place::fetch(target, &file.at, file.bytes, &file.sha256, &mut bytes)?;
    let mut manifest = Manifest::decode(&bytes)?;
    manifest.all_here();
    Ok(manifest)
}

/// What a log has beside its sealed files: an active file that nothing was written to yet, and the manifest.
fn finish(storage: &dyn Storage, manifest: &Manifest) -> Result<(), KeepError> {
    let mut dirs = BTreeSet::from([String::new()]);
    for dir in [active::DIR, SEGMENTS, trail::DIR] {
        storage.create_dir(dir).map_err(local(dir))?;
        dirs.insert(dir.to_owned());
    }
    for trail in &manifest.trails {
        let dir = format!("{}/{}", trail::DIR, TrailId(trail.id));
        if storage.list(&dir).is_ok() {
            dirs.insert(dir);
        }
    }
    let first = Pos(manifest.sealed_pos);
    let path = active::path(first);
    let _ = storage.remove(&path);
    let file = storage.create(&path).map_err(local(&path))?;
    let header = FileHeader { log_id: manifest.log_id, first_pos: first }.encode();
    write_all_at(&*file, 0, &header).map_err(local(&path))?;
    file.sync().map_err(local(&path))?;
    for dir in dirs {
        storage.sync_dir(&dir).map_err(local(&dir))?;
    }
    manifest.store(storage).map_err(KeepError::from)
}

/// Reads every record of what was brought, and compares roots and signatures.
fn verified(
    storage: &Arc<dyn Storage>,
    archive: &Archive,
    whole: &Whole,
    manifest: &Manifest,
    vkey: Option<&Vkey>,
    sha256: String,
    progress: &dyn Progress,
) -> Result<Verified, KeepError> {
    let damaged = |path: &str, reason: String| KeepError::Damaged { path: path.to_owned(), reason };
    progress.stage("verify", Some(whole.records));
    let read = |records: u64| progress.done(records);
    let options = verify::Options { threads: 2, progress: &read, archived: None };
    let report = verify::verify(storage, &options)?;
    if let Some(first) = report.findings.first() {
        return Err(damaged(
            &first.path,
            format!("{first}, and {} more", report.findings.len() - 1),
        ));
    }
    let node = Node::load(&**storage)?;
    let says = (&archive.origin, &archive.public_key, &archive.log_id);
    if says != (&node.origin, &node.public_key, &hex::encode(&manifest.log_id)) {
        return Err(damaged("archive.json", "it names another log than its files are of".into()));
    }
    let named = |id: &TrailId| node.vkey(*id).is_ok_and(|own| Some(&own) == vkey);
    let trusted = vkey.is_some();
    if trusted && !report.trails.iter().any(|trail| named(&trail.info.id)) {
        let why = format!(
            "the archive is of {} with key {}; the vkey that was given is of none of its trails",
            node.origin, node.public_key
        );
        return Err(KeepError::Refused(why));
    }
    if report.trails.len() != whole.trails.len() {
        return Err(damaged("archive.json", "it names other trails than there are".into()));
    }
    let mut signatures = 0;
    for (found, said) in report.trails.iter().zip(&whole.trails) {
        let root = found.root(&**storage, found.size())?.to_base64();
        let (id, name) = (found.info.id.to_string(), found.info.name.as_str());
        if (&id, name, found.size(), &root) != (&said.id, &said.name, said.size, &said.root) {
            let why = format!("trail {name} is not what the archive says of it");
            return Err(damaged("archive.json", why));
        }
        if said.size == 0 {
            continue;
        }
        let path = checkpoint_path(found.info.id);
        let note = storage.map(&path).map_err(local(&path))?;
        let signed = Checkpoint::open(&note, &node.vkey(found.info.id)?)
            .map_err(|e| damaged(&path, e.to_string()))?;
        if (signed.size.0, signed.root.to_base64()) != (said.size, root) {
            return Err(damaged(&path, "it is signed for other records".into()));
        }
        signatures += 1;
    }
    Ok(Verified {
        sha256,
        id: archive.id.clone(),
        log_id: archive.log_id.clone(),
        origin: archive.origin.clone(),
        public_key: archive.public_key.clone(),
        trusted,
        records: whole.records,
        trails: whole.trails.clone(),
        signatures,
    })
}
