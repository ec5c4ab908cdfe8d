//! Reading backups back: their descriptions, and every byte of their files.

use std::io::Read;

use indelible_log::{hex, sha256};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::VERIFY;
use super::model::{BackedFile, Backup, VERSION};
use crate::deed::Who;
use crate::error::KeepError;
use crate::target::{Target, TargetError};
use crate::{Keep, Progress, limits};

/// Where a backup's description is at its target.
pub fn description_key(id: &str) -> String {
    format!("{id}/backup.json")
}

/// Reads a backup's description; gives its SHA-256, too, which the event of its making names.
pub fn load(target: &dyn Target, id: &str) -> Result<(Backup, String), KeepError> {
    let key = description_key(id);
    let damaged = |reason: String| KeepError::Damaged { path: at(target, &key), reason };
    let mut bytes = Vec::new();
    let read = target.get(&key)?.take(limits::DESCRIPTION_BYTES_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|e| TargetError::of(e, target.name(), &key))?;
    if bytes.len() as u64 > limits::DESCRIPTION_BYTES_MAX {
        return Err(damaged("it is longer than any backup makes it".into()));
    }
    let backup: Backup = serde_json::from_slice(&bytes).map_err(|e| damaged(e.to_string()))?;
    if backup.version != VERSION {
        return Err(damaged(format!("version {} is not known", backup.version)));
    }
    if backup.id != id {
        return Err(damaged(format!("it describes another backup, {}", backup.id)));
    }
    Ok((backup, hex::encode(&sha256(&bytes))))
}

/// The ids of all backups that have a description at a target, oldest first; for whoever has no log that
/// tells of them.
pub fn at_target(target: &dyn Target) -> Result<Vec<String>, KeepError> {
    let id = |(key, _): (String, u64)| {
        let id = key.strip_suffix("/backup.json")?.to_owned();
        (!id.contains('/')).then_some(id)
    };
    Ok(target.list("")?.into_iter().filter_map(id).collect())
}

/// Reads every file of a backup and compares it with its description, and that with its own hash where it is
/// known. The error names what is damaged.
pub fn check(
    target: &dyn Target,
    id: &str,
    sha256: Option<&str>,
    progress: &dyn Progress,
) -> Result<Backup, KeepError> {
    let (backup, found) = load(target, id)?;
    if let Some(recorded) = sha256.filter(|recorded| *recorded != found) {
        let reason =
            format!("its SHA-256 is {found}, and {recorded} was recorded when it was made");
        return Err(KeepError::Damaged { path: at(target, &description_key(id)), reason });
    }
    progress.stage("verify", Some(backup.bytes));
    let mut done = 0;
    let mut damaged = Vec::new();
    for file in &backup.files {
        let before = done;
        match check_file(target, file, &mut |n| progress.done(before + n)) {
            Ok(()) => {}
            Err(KeepError::Damaged { path, reason }) => damaged.push((path, reason)),
            Err(e) => return Err(e),
        }
        done += file.bytes;
        progress.done(done);
    }
    let Some((path, reason)) = damaged.first().cloned() else { return Ok(backup) };
    let others: Vec<&str> = damaged[1..].iter().map(|(path, _)| path.as_str()).collect();
    let reason = match others.as_slice() {
        [] => reason,
        others => format!("{reason}; damaged as well: {}", others.join(", ")),
    };
    Err(KeepError::Damaged { path, reason })
}

/// Reads one file and compares it.
pub(super) fn check_file(
    target: &dyn Target,
    file: &BackedFile,
    done: &mut dyn FnMut(u64),
) -> Result<(), KeepError> {
    let damaged = |reason: String| KeepError::Damaged { path: at(target, &file.at), reason };
    let mut from = match target.get(&file.at) {
        Err(TargetError::Missing { .. }) => return Err(damaged("it is missing".into())),
        from => from?,
    };
    let mut buf = vec![0; limits::COPY_CHUNK_BYTES];
    let (mut hash, mut bytes) = (Sha256::new(), 0);
    loop {
        let n = match from.read(&mut buf) {
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => continue,
            n => n.map_err(|e| TargetError::of(e, target.name(), &file.at))?,
        };
        if n == 0 {
            break;
        }
        hash.update(&buf[..n]);
        bytes += n as u64;
        done(bytes);
    }
    if bytes != file.bytes {
        return Err(damaged(format!("it has {bytes} bytes and should have {}", file.bytes)));
    }
    let sha256: [u8; 32] = hash.finalize().into();
    if hex::encode(&sha256) != file.sha256 {
        return Err(damaged("its SHA-256 is not the one that was recorded".into()));
    }
    Ok(())
}

fn at(target: &dyn Target, key: &str) -> String {
    format!("{}/{key}", target.name())
}

impl Keep {
    /// Reads a backup's files back and records what was found.
    pub fn verify_backup(
        &self,
        who: &Who,
        id: &str,
        progress: &dyn Progress,
    ) -> Result<Backup, KeepError> {
        let _turn = self.turn()?;
        let listed = self.backup_to_work_on(id)?;
        let target = self.target(Some(&listed.target))?;
        self.verify_at(who, &*target, id, listed.sha256.as_deref(), progress)
    }

    pub(super) fn verify_at(
        &self,
        who: &Who,
        target: &dyn Target,
        id: &str,
        sha256: Option<&str>,
        progress: &dyn Progress,
    ) -> Result<Backup, KeepError> {
        let details = json!({"backup_id": id, "target": target.name()});
        let begun = self.begin(who, VERIFY, json!({"type": "backup", "id": id}), details)?;
        let checked = check(target, id, sha256, progress);
        let checked = checked.map(|backup| {
            let found = json!({"files": backup.files.len(), "size_bytes": backup.bytes});
            (backup, found)
        });
        self.end(begun, checked)
    }
}
