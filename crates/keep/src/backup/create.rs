//! Making a backup.

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::sync::Arc;

use indelible_event::{EventId, Outcome, Phase};
use indelible_log::erasure::{DIR as ERASURES, ERASED};
use indelible_log::storage::read_whole;
use indelible_log::{LogFile, LogFiles, hex, sha256};
use indelible_store::{GUARD, KEY, NODE, checkpoint_path};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::catalog::{Attempt, Catalog, Intent, State};
use super::model::{BackedFile, BackedTrail, Backup, BackupType, VERSION};
use super::{CREATE, VERIFY, check, description_key, part, send};
use crate::deed::{Begun, Who};
use crate::error::KeepError;
use crate::target::{Target, TargetError};
use crate::{Keep, Progress, limits};

/// What backup to make.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NewBackup {
    /// Where to: a directory or `s3://bucket/prefix`; the one in the settings where it is not given.
    pub to: Option<String>,
    /// Its kind.
    #[serde(rename = "type")]
    pub backup_type: BackupType,
    /// Only the segments that have records of this trail or of `_system`, which may have others' of the same days;
    /// such a backup is restored for reading, into another directory.
    pub trail: Option<String>,
    /// Whether the node's secret key is in it. Without it the log can be read and verified, and not signed.
    pub with_key: bool,
}

impl Default for NewBackup {
    fn default() -> NewBackup {
        NewBackup { to: None, backup_type: BackupType::Full, trail: None, with_key: true }
    }
}

/// A backup that was made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Made {
    /// Its id.
    #[serde(rename = "backup_id")]
    pub id: String,
    /// Bytes of all its files, shared ones included.
    pub size_bytes: u64,
    /// Where it is.
    pub target: String,
    /// The directory at the target.
    pub archive_path: String,
    /// SHA-256 of its description, which names the hash of every file.
    pub sha256: String,
    /// Its files.
    pub files: usize,
    /// Records in it.
    pub records: u64,
    /// Bytes that were sent.
    pub copied_bytes: u64,
    /// Bytes of files that earlier backups have and this one names.
    pub shared_bytes: u64,
    /// Bytes that an earlier try had sent.
    pub resumed_bytes: u64,
    /// How long it took.
    pub duration_ms: u64,
}

/// What is at the target already.
#[derive(Default)]
struct There {
    /// The files of this backup that an earlier try has sent, with their lengths.
    own: BTreeMap<String, u64>,
    /// By path and hash: the key under which a verified backup has it.
    shared: BTreeMap<(String, String), String>,
}

/// What of a file has to be done.
enum Todo {
    Send,
    /// It is there under this key.
    Named(String),
    /// An earlier try has sent it.
    Sent,
}

impl Keep {
    /// Makes a backup of the log as it is now, beside whoever writes. What an earlier try of the same kind has
    /// sent is gone on with.
    pub fn create_backup(
        &self,
        who: &Who,
        new: &NewBackup,
        progress: &dyn Progress,
    ) -> Result<Made, KeepError> {
        self.create_backup_at(who, new, self.target(new.to.as_deref())?, progress)
    }

    /// Like [`Keep::create_backup`], at a target that is open.
    pub fn create_backup_at(
        &self,
        who: &Who,
        new: &NewBackup,
        target: Arc<dyn Target>,
        progress: &dyn Progress,
    ) -> Result<Made, KeepError> {
        let _turn = self.turn()?;
        self.make_backup(who, new, &*target, false, progress)
    }

    /// The same, for whoever has the turn.
    pub(crate) fn make_backup(
        &self,
        who: &Who,
        new: &NewBackup,
        target: &dyn Target,
        scheduled: bool,
        progress: &dyn Progress,
    ) -> Result<Made, KeepError> {
        self.check_trail(new)?;
        let catalog = Catalog::read(self)?;
        self.end_broken(&catalog);
        let earlier = resumable(&catalog, new, target.name());
        let id = earlier.map_or_else(|| self.new_backup_id(), |a| a.intent.backup_id.clone());
        let intent = Intent {
            archive_path: format!("{id}/"),
            backup_id: id.clone(),
            backup_type: new.backup_type,
            store: hex::encode(&self.store().log().view().log_id()),
            user: who.id.to_string(),
            target: target.name().to_owned(),
            with_key: new.with_key,
            trail: new.trail.clone(),
            scheduled,
            resumes: earlier.map(|a| a.event.entry().id.to_string()),
        };
        let details = serde_json::to_value(&intent).expect("it has string keys only");
        let begun = self.begin(who, CREATE, json!({"type": "backup", "id": id}), details)?;
        let made = self.copy(who, new, &id, target, &catalog, progress);
        let made = made.map(|made| {
            let details = serde_json::to_value(&made).expect("it has string keys only");
            (made, details)
        });
        self.end(begun, made)
    }

    fn check_trail(&self, new: &NewBackup) -> Result<(), KeepError> {
        let Some(name) = &new.trail else { return Ok(()) };
        let trails = self.store().reader().trails();
        match trails.iter().any(|trail| trail.info.name.as_str() == name) {
            true => Ok(()),
            false => Err(KeepError::NotFound(format!("there is no trail named {name}"))),
        }
    }

    /// A process that ended in the middle could not say so; nobody else has the turn now.
    fn end_broken(&self, catalog: &Catalog) {
        for broken in catalog.attempts.iter().filter(|a| a.ended.is_none()) {
            if let Some(begun) = Begun::of(&broken.event, CREATE) {
                let why =
                    "the process ended before it was done; the next one goes on with what was sent";
                // Should this not be recorded, then neither is what comes next, which says so.
                drop(self.end::<()>(begun, Err(KeepError::Refused(why.into()))));
            }
        }
    }

    fn new_backup_id(&self) -> String {
        let mut random = [0; 10];
        self.seams().entropy.fill(&mut random);
        let millis = u64::try_from(self.now().0 / 1_000).unwrap_or(0);
        EventId::v7(millis, random).to_string()
    }

    fn copy(
        &self,
        who: &Who,
        new: &NewBackup,
        id: &str,
        target: &dyn Target,
        catalog: &Catalog,
        progress: &dyn Progress,
    ) -> Result<Made, KeepError> {
        let begun_at = self.now();
        progress.stage("seal", None);
        // So that little is in the active file. If it cannot be sealed, that is one more reason for a copy.
        drop(self.store().log().seal());
        let (log, files) = self.files(new)?;
        let mut there = There::default();
        if new.backup_type == BackupType::Incremental {
            there.shared =
                self.shared(who, target, catalog, &hex::encode(&log.log_id), progress)?;
        }
        there.own = clear_leftovers(target, id, &files)?;
        let todo: Vec<Todo> = files.iter().map(|file| there.todo(id, file)).collect();
        let to_send = files.iter().zip(&todo).filter(|(_, todo)| matches!(todo, Todo::Send));
        let copied_bytes = to_send.map(|(file, _)| file.bytes).sum();
        check_room(target, copied_bytes)?;
        let mut made = Made {
            id: id.to_owned(),
            size_bytes: files.iter().map(|file| file.bytes).sum(),
            target: target.name().to_owned(),
            archive_path: format!("{id}/"),
            sha256: String::new(),
            files: files.len(),
            records: log.next_pos.0,
            copied_bytes,
            shared_bytes: 0,
            resumed_bytes: 0,
            duration_ms: 0,
        };
        progress.stage("copy", Some(copied_bytes));
        let to_send = files.iter().zip(&todo).filter(|(_, todo)| matches!(todo, Todo::Send));
        let to_send: Vec<&LogFile> = to_send.map(|(file, _)| file).collect();
        let mut sent = send::send_all(target, id, &to_send, progress)?.into_iter();
        let mut backed = Vec::with_capacity(files.len());
        for (file, todo) in files.iter().zip(todo) {
            let known = || file.sha256.map(|s| hex::encode(&s)).unwrap_or_default();
            let key = format!("{id}/{}", file.path);
            let (at, sha256) = match todo {
                Todo::Named(at) => {
                    made.shared_bytes += file.bytes;
                    (at, known())
                }
                Todo::Sent => {
                    made.resumed_bytes += file.bytes;
                    (key, known())
                }
                Todo::Send => (key, sent.next().expect("each that was sent has a hash")),
            };
            backed.push(BackedFile { path: file.path.clone(), at, bytes: file.bytes, sha256 });
        }
        let description = self.describe(new, id, begun_at.to_string(), &log, backed)?;
        let text = serde_json::to_vec_pretty(&description).expect("it has string keys only");
        made.sha256 = hex::encode(&sha256(&text));
        target.put(&description_key(id), text.len() as u64, &mut text.as_slice())?;
        made.duration_ms = u64::try_from((self.now().0 - begun_at.0) / 1_000).unwrap_or(0);
        Ok(made)
    }

    /// The files of a data directory as they are now. What was signed is read before what it was signed
    /// for, so that a copy never has a signature ahead of its records.
    fn files(&self, new: &NewBackup) -> Result<(LogFiles, Vec<LogFile>), KeepError> {
        let mut small: Vec<String> = Vec::new();
        for trail in self.store().reader().trails() {
            small.push(checkpoint_path(trail.info.id));
        }
        small.extend([GUARD.to_owned(), NODE.to_owned()]);
        if new.with_key {
            small.push(KEY.to_owned());
        }
        let storage = &*self.seams().storage;
        let list = match storage.list(ERASURES) {
            Err(e) if e.kind() == ErrorKind::NotFound => Vec::new(),
            names => names.map_err(|e| self.io(ERASURES, e))?,
        };
        let companions = list.into_iter().filter(|name| name.ends_with(".seqs"));
        small.extend(companions.map(|name| format!("{ERASURES}/{name}")));
        let mut files = Vec::new();
        for path in small {
            match read_whole(storage, &path, limits::DESCRIPTION_BYTES_MAX) {
                Ok(bytes) => files.push(LogFile::made(path, bytes)),
                // A trail that was not signed yet; a guard that is kept elsewhere.
                Err(e) if e.kind() == ErrorKind::NotFound && path != NODE && path != KEY => {}
                Err(e) => return Err(self.io(&path, e)),
            }
        }
        let mut log = self.store().log().view().files();
        files.append(&mut log.files);
        if let Some(trail) = &new.trail {
            part::only(trail, &mut files)?;
        }
        Ok((log, files))
    }

    fn io(&self, path: &str, source: std::io::Error) -> KeepError {
        indelible_log::LogError::Io { path: path.to_owned(), source }.into()
    }

    fn describe(
        &self,
        new: &NewBackup,
        id: &str,
        created_at: String,
        log: &LogFiles,
        files: Vec<BackedFile>,
    ) -> Result<Backup, KeepError> {
        let node = self.store().reader().node();
        let trails = log.trails.iter().map(|trail| BackedTrail {
            id: trail.info.id.to_string(),
            name: trail.info.name.to_string(),
            size: trail.size.0,
            root: trail.root.to_base64(),
        });
        let erased = self.told(&[ERASED])?;
        let erased = erased.iter().map(|record| record.entry()).filter_map(|entry| {
            let ended = (entry.phase, entry.outcome) == (Some(Phase::Outcome), Outcome::Success);
            entry.reference.filter(|_| ended).map(|intent| intent.to_string())
        });
        Ok(Backup {
            version: VERSION,
            id: id.to_owned(),
            backup_type: new.backup_type,
            created_at,
            log_id: hex::encode(&log.log_id),
            origin: node.origin.clone(),
            public_key: node.public_key.clone(),
            has_key: new.with_key,
            trail: new.trail.clone(),
            records: log.next_pos.0,
            trails: trails.collect(),
            bytes: files.iter().map(|file| file.bytes).sum(),
            files,
            erased: erased.collect(),
        })
    }

    /// What verified backups of this log have at a target. One that was never verified is now, as far as its files are
    /// not those of another that was: a backup that names a damaged file would be damaged itself.
    fn shared(
        &self,
        who: &Who,
        target: &dyn Target,
        catalog: &Catalog,
        log_id: &str,
        progress: &dyn Progress,
    ) -> Result<BTreeMap<(String, String), String>, KeepError> {
        let mut shared = BTreeMap::new();
        let mut sound = BTreeSet::new();
        for listed in catalog.sound(target.name()) {
            let (backup, sha256) = match check::load(target, &listed.id) {
                Err(KeepError::Damaged { .. } | KeepError::Target(TargetError::Missing { .. })) => {
                    continue;
                }
                loaded => loaded?,
            };
            if backup.log_id != log_id || Some(&sha256) != listed.sha256.as_ref() {
                continue;
            }
            if listed.verified.is_none() {
                let new: Vec<&BackedFile> =
                    backup.files.iter().filter(|file| !sound.contains(&file.at)).collect();
                match self.verify_base(who, target, &backup.id, &new, progress) {
                    Err(KeepError::Damaged { .. }) => continue,
                    verified => verified?,
                }
            }
            for file in backup.files {
                sound.insert(file.at.clone());
                shared.insert((file.path, file.sha256), file.at);
            }
        }
        // Somebody may have taken files away since: a length is asked for each directory at once.
        let lengths: BTreeMap<String, u64> = match shared.is_empty() {
            true => BTreeMap::new(),
            false => target.list("")?.into_iter().collect(),
        };
        shared.retain(|_, at| lengths.contains_key(at));
        Ok(shared)
    }

    fn verify_base(
        &self,
        who: &Who,
        target: &dyn Target,
        id: &str,
        files: &[&BackedFile],
        progress: &dyn Progress,
    ) -> Result<(), KeepError> {
        let details = json!({"backup_id": id, "target": target.name()});
        let begun = self.begin(who, VERIFY, json!({"type": "backup", "id": id}), details)?;
        let bytes: u64 = files.iter().map(|file| file.bytes).sum();
        progress.stage("verify what an earlier backup has", Some(bytes));
        let mut done = 0;
        let checked = files.iter().try_for_each(|file| {
            let before = done;
            done += file.bytes;
            check::check_file(target, file, &mut |n| progress.done(before + n))
        });
        let found = json!({"files": files.len(), "size_bytes": bytes});
        self.end(begun, checked.map(|()| ((), found)))
    }
}

/// The last try of the same kind, if it was not ended well and its files were not taken away.
fn resumable<'c>(catalog: &'c Catalog, new: &NewBackup, target: &str) -> Option<&'c Attempt> {
    let alike = |a: &&Attempt| {
        (a.intent.backup_type, &a.intent.trail, a.intent.with_key, a.intent.target.as_str())
            == (new.backup_type, &new.trail, new.with_key, target)
    };
    let last = catalog.attempts.iter().rev().find(alike)?;
    let listed = catalog.listed.get(&last.intent.backup_id)?;
    (listed.state == State::Unfinished).then_some(last)
}

impl There {
    /// Only files that never change are taken as they are: what is under their names is what was put there, and that
    /// was compared with the manifest before it had the name.
    fn todo(&self, id: &str, file: &LogFile) -> Todo {
        let Some(sha256) = file.sha256 else { return Todo::Send };
        if let Some(at) = self.shared.get(&(file.path.clone(), hex::encode(&sha256))) {
            return Todo::Named(at.clone());
        }
        match self.own.get(&format!("{id}/{}", file.path)) {
            Some(bytes) if *bytes == file.bytes => Todo::Sent,
            _ => Todo::Send,
        }
    }
}

/// What an earlier try has sent. Files that are not in the log any more go: there may be an erasure in between.
fn clear_leftovers(
    target: &dyn Target,
    id: &str,
    files: &[LogFile],
) -> Result<BTreeMap<String, u64>, KeepError> {
    let mut there: BTreeMap<String, u64> = target.list(&format!("{id}/"))?.into_iter().collect();
    if there.is_empty() {
        return Ok(there);
    }
    let wanted: BTreeSet<String> = files.iter().map(|f| format!("{id}/{}", f.path)).collect();
    for key in there.keys().filter(|key| !wanted.contains(*key)) {
        target.delete(key)?;
    }
    there.retain(|key, _| wanted.contains(key));
    Ok(there)
}

fn check_room(target: &dyn Target, bytes: u64) -> Result<(), KeepError> {
    let needed = bytes + limits::SLACK_BYTES;
    match target.free()? {
        Some(free) if free < needed => {
            Err(KeepError::NoRoom { place: target.name().to_owned(), needed, free })
        }
        _ => Ok(()),
    }
}
