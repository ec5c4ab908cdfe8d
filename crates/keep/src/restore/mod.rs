//! Restoring a backup: copied aside and verified there in full, then exchanged with what is in place, in steps that
//! can be repeated after a crash at any of them.
//!
//! Until the journal is durable the log that was there is in charge, and nothing of it has changed but for the
//! restore's own event. From then on the restored one is, and [`resume`] finishes what was cut short. What was there
//! is kept whole in `kept/<restore id>/`, unless `strict_delete` says otherwise.

mod below;
mod copy;
mod plan;
mod prepare;
mod switch;
mod told;
mod tree;

use std::path::Path;
use std::sync::Arc;

use indelible_event::{EventId, TrailName};
use indelible_log::manifest::Manifest;
use indelible_log::storage::Storage;
use indelible_log::{Seams, hex};
use indelible_store::{GUARD, Guard, Node, OpenOptions, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub use self::below::Below;
pub use self::plan::Lost;
pub(crate) use self::plan::check_paths;
use self::plan::{Plan, lost, lost_text};
pub use self::switch::KEPT;
use self::switch::{ASIDE, Journal};
use self::told::{Former, Told};
use self::tree::io;
pub(crate) use self::tree::remove as remove_tree;
use crate::Keep;
use crate::backup::NewBackup;
use crate::deed::Who;
use crate::error::KeepError;
use crate::limits::LOST_TOLD_MAX;
use crate::progress::Progress;
use crate::target::{Target, log_around};

/// What of a backup is restored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RestoreType {
    /// All of it.
    Full,
    /// One trail and `_system`, for reading, into a new directory.
    Trail(TrailName),
}

/// Another directory than the log's own.
#[derive(Clone)]
pub struct Elsewhere {
    /// What people call it.
    pub name: String,
    /// The directory, new or empty.
    pub storage: Arc<dyn Storage>,
}

/// What to restore, and how.
pub struct NewRestore<'a> {
    /// The data directory, with or without a log in it.
    pub data: &'a Seams,
    /// Where the sign guard is, if not in the data directory.
    pub guard: Option<Arc<dyn Storage>>,
    /// The data directory's log, where this process has it open. Only a restore into another directory works then.
    pub live: Option<&'a Keep>,
    /// Where the backup is.
    pub target: &'a dyn Target,
    /// Its id.
    pub backup: &'a str,
    /// Where it goes, if not into the data directory.
    pub into: Option<Elsewhere>,
    /// What of it.
    pub restore_type: RestoreType,
    /// Where a full backup of the log as it is goes first.
    pub snapshot: Option<Arc<dyn Target>>,
    /// Remove what was there, instead of keeping it.
    pub strict_delete: bool,
    /// Go on although this node signed more than the backup has; that is recorded.
    pub accept_rollback: bool,
    /// The bytes of `node.key`, where the backup was made without.
    pub key: Option<&'a [u8]>,
}

/// What was restored.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Restored {
    /// The restore's id: that of its intent's event.
    pub restore_id: String,
    /// The backup's.
    pub backup_id: String,
    /// The backup that was made first, if one was asked for.
    pub pre_restore_snapshot_id: Option<String>,
    /// Records in it, the restore's own not counted.
    pub records: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// Of these, bytes that came from the target; the others were there from a restore that was cut short.
    pub copied: u64,
    /// Signatures that were checked.
    pub signatures: u64,
    /// Where the former files are, in the data directory.
    pub kept: Option<String>,
    /// What this node had signed, and is given up.
    pub lost: Vec<Lost>,
    /// Erasures done since the backup was made, and done again.
    pub erasures: u64,
    /// Files at the target that the backup does not name. They were left alone.
    pub extra: Vec<String>,
    /// Whether there is a key, so that the log can be written to.
    pub has_key: bool,
    /// Why the log that was there did not record it, if it did not.
    pub not_recorded: Option<String>,
}

impl Restored {
    /// What the outcome's event says.
    fn details(&self) -> Value {
        json!({
            "restore_id": self.restore_id, "backup_id": self.backup_id, "records": self.records,
            "size_bytes": self.bytes, "path": self.kept, "erasures": self.erasures,
            "lost": self.lost.iter().take(LOST_TOLD_MAX).collect::<Vec<_>>(),
        })
    }
}

/// Restores a backup. An error before the files are exchanged leaves the log that was there in charge.
pub fn restore(
    new: &NewRestore<'_>,
    who: &Who,
    progress: &dyn Progress,
) -> Result<Restored, KeepError> {
    new.check()?;
    let place = new.place();
    if let Some(journal) = Journal::load(&*place)? {
        return new.take_up(journal);
    }
    let trail = match &new.restore_type {
        RestoreType::Full => None,
        RestoreType::Trail(name) => Some(name.as_str()),
    };
    let plan = Plan::read(new.target, new.backup, trail)?;
    place.create_dir("").map_err(io(""))?;
    new.check_place(&*place, &plan)?;
    check_room(&*place, &new.place_name(), &plan)?;
    let former = Former::find(new.data, new.live)?;
    let lost = new.check_guard(&plan)?;
    let snapshot = new.make_snapshot(who, progress)?;
    if snapshot.is_some() {
        check_room(&*place, &new.place_name(), &plan)?;
    }
    // Where nobody has the place, whoever said that he restores there and no more has ended.
    let lock = || place.lock(indelible_log::LOCK).map_err(io(indelible_log::LOCK));
    let elsewhere = new.into.as_ref().map(|_| lock()).transpose()?;
    former.end_broken(new.into.as_ref().map(|into| into.name.as_str()))?;
    let id = new_id(new.data);
    let told = Told::new(id, &plan.backup.id, who, new.details(id, &snapshot, &lost));
    former.record(told.intent())?;
    let mut restored = Restored {
        restore_id: id.to_string(),
        backup_id: plan.backup.id.clone(),
        pre_restore_snapshot_id: snapshot,
        records: plan.backup.records,
        bytes: plan.bytes(),
        copied: 0,
        signatures: 0,
        kept: None,
        lost,
        erasures: 0,
        extra: plan.extra.clone(),
        has_key: false,
        not_recorded: former.silent(),
    };
    let prepared = elsewhere.map_or_else(lock, Ok).and_then(|lock| {
        let journal = new.prepare(&place, &plan, told.clone(), who, &mut restored, progress)?;
        Ok((lock, journal))
    });
    let (lock, mut journal) = match prepared {
        Ok(prepared) => prepared,
        Err(error) => {
            // What came of it is told where it was announced. The first error is the one that counts.
            former.record(told.failure(&error.to_string())).ok();
            return Err(error);
        }
    };
    progress.stage("exchange", None);
    journal.switch(&*place)?;
    drop(lock);
    let restored = journal.finish(&new.place_seams(), new.guard_storage())?;
    if new.into.is_some() {
        former.record(told.success(&restored.details()))?;
    }
    Ok(restored)
}

/// Finishes a restore that was cut short while it exchanged the files; `None` if there is none. `accept_rollback`
/// where the restore itself was not told to and its log turns out to need it.
pub fn resume(
    data: &Seams,
    guard: Option<Arc<dyn Storage>>,
    accept_rollback: bool,
) -> Result<Option<Restored>, KeepError> {
    let Some(mut journal) = Journal::load(&*data.storage)? else { return Ok(None) };
    journal.accept_rollback |= accept_rollback;
    let lock = data.storage.lock(indelible_log::LOCK).map_err(io(indelible_log::LOCK))?;
    journal.switch(&*data.storage)?;
    drop(lock);
    journal.finish(data, guard).map(Some)
}

impl NewRestore<'_> {
    /// Finishes the same restore, that was cut short while it exchanged the files.
    fn take_up(&self, journal: Journal) -> Result<Restored, KeepError> {
        if journal.told.backup != self.backup {
            return Err(KeepError::Refused(format!(
                "a restore of backup {} was cut short while it exchanged the files here: finish it first with \
                 `indelible restore --continue`",
                journal.told.backup
            )));
        }
        let restored = resume(&self.place_seams(), self.guard_storage(), self.accept_rollback)?;
        let restored = restored.ok_or_else(|| {
            KeepError::Refused("somebody else has finished this restore meanwhile".into())
        })?;
        if self.into.is_some() {
            let former = Former::find(self.data, self.live)?;
            former.record(journal.told.success(&restored.details()))?;
        }
        Ok(restored)
    }
}

/// Removes what a restore left that was cut short before it exchanged any files. Without this, the next one takes it up.
pub fn discard(storage: &dyn Storage) -> Result<(), KeepError> {
    match Journal::load(storage)? {
        Some(_) => Err(KeepError::Refused(
            "the restore is exchanging the files already: it can only be finished".into(),
        )),
        None => tree::remove(storage, ASIDE),
    }
}

fn new_id(seams: &Seams) -> EventId {
    let mut random = [0; 10];
    seams.entropy.fill(&mut random);
    EventId::v7(u64::try_from(seams.clock.now().0 / 1000).unwrap_or(0), random)
}

fn check_room(place: &dyn Storage, name: &str, plan: &Plan) -> Result<(), KeepError> {
    let Some(space) = place.space().map_err(io(""))? else { return Ok(()) };
    let mut there = 0;
    for file in &plan.files {
        if let Ok(found) = place.open(&format!("{ASIDE}/{}", file.path), false) {
            there += found.len().unwrap_or(0).min(file.bytes);
        }
    }
    let needed = plan.bytes() - there;
    if needed > space.free {
        return Err(KeepError::NoRoom { place: name.to_owned(), needed, free: space.free });
    }
    Ok(())
}

impl NewRestore<'_> {
    fn place(&self) -> Arc<dyn Storage> {
        self.into.as_ref().map_or_else(|| self.data.storage.clone(), |into| into.storage.clone())
    }

    fn place_name(&self) -> String {
        self.into.as_ref().map_or_else(|| "the data directory".into(), |into| into.name.clone())
    }

    fn place_seams(&self) -> Seams {
        Seams { storage: self.place(), ..self.data.clone() }
    }

    /// Where the restored log's guard is. One in another directory has its own.
    fn guard_storage(&self) -> Option<Arc<dyn Storage>> {
        if self.into.is_some() { None } else { self.guard.clone() }
    }

    fn check(&self) -> Result<(), KeepError> {
        let into = self.into.as_ref().map(|into| Path::new(&into.name));
        if let Some(log) = into.and_then(Path::parent).and_then(log_around) {
            let why = format!("--into is inside a log's own directory, {}", log.display());
            return Err(KeepError::Bad(why));
        }
        let bad = |why: &str| Err(KeepError::Bad(why.into()));
        match (&self.into, &self.restore_type) {
            (None, RestoreType::Trail(_)) => {
                bad("a single trail is restored into a new directory: name one with --into")
            }
            (Some(_), RestoreType::Trail(_)) if self.accept_rollback => {
                bad("a directory of a single trail is only read, so there is no rollback to accept")
            }
            (Some(_), _) if self.strict_delete => {
                bad("--strict-delete is for restoring in place: a new directory has nothing to remove")
            }
            (Some(_), _) if self.snapshot.is_some() => {
                bad("--create-snapshot is for restoring in place: into a new directory nothing is replaced")
            }
            (None, _) if self.live.is_some() => Err(KeepError::Refused(
                "this process has the log open: stop the server and run `indelible restore`, or restore into another \
                 directory"
                    .into(),
            )),
            _ => Ok(()),
        }
    }

    /// The place must be empty, or have the same log.
    fn check_place(&self, place: &dyn Storage, plan: &Plan) -> Result<(), KeepError> {
        if let Some(key) = self.key {
            Node::described(&plan.backup.origin, &plan.backup.public_key)?.check_key(key)?;
        }
        let names = tree::names(place, "")?;
        if let Some(into) = &self.into {
            return match names.iter().find(|name| *name != ASIDE && *name != indelible_log::LOCK) {
                Some(name) => Err(KeepError::Refused(format!(
                    "{} is not empty ({name} is there): name a new directory",
                    into.name
                ))),
                None => Ok(()),
            };
        }
        let other = match Manifest::load(place) {
            Ok(manifest) => hex::encode(&manifest.log_id) != plan.backup.log_id,
            // Of a log that cannot be read the guard still knows which it was.
            Err(_) => match (self.load_guard()?, hex::decode(&plan.backup.log_id)) {
                (Some(guard), Some(id)) => !guard.is_of(&id),
                _ => false,
            },
        };
        if other {
            return Err(KeepError::Refused(format!(
                "backup {} is of another log than the one here: restore it into a new directory, with --into",
                plan.backup.id
            )));
        }
        Ok(())
    }

    fn load_guard(&self) -> Result<Option<Guard>, KeepError> {
        Ok(Guard::load(&**self.guard.as_ref().unwrap_or(&self.data.storage))?)
    }

    /// What this node signed must all be in the backup, unless somebody accepts that it is not.
    fn check_guard(&self, plan: &Plan) -> Result<Vec<Lost>, KeepError> {
        if self.into.is_some() {
            return Ok(Vec::new());
        }
        let Some(guard) = self.load_guard()? else {
            return match self.accept_rollback {
                true => Ok(Vec::new()),
                false => Err(KeepError::Refused(format!(
                    "there is no sign guard ({GUARD}) here, so nothing shows what this node signed last, and whether \
                     backup {} has all of it: put the guard back, or go on with --accept-rollback, which is recorded",
                    plan.backup.id
                ))),
            };
        };
        let lost = lost(&guard, &plan.backup);
        if lost.is_empty() || self.accept_rollback {
            return Ok(lost);
        }
        Err(KeepError::Refused(format!(
            "backup {} is older than what this node signed last. Restoring it gives up {}. Nothing was changed. To go \
             on, say --accept-rollback, which is recorded",
            plan.backup.id,
            lost_text(&lost)
        )))
    }

    fn details(&self, id: EventId, snapshot: &Option<String>, lost: &[Lost]) -> Value {
        let (restore_type, trail) = match &self.restore_type {
            RestoreType::Full => ("full", None),
            RestoreType::Trail(name) => ("trail", Some(name.as_str())),
        };
        json!({
            "restore_id": id.to_string(), "backup_id": self.backup, "restore_type": restore_type, "trail": trail,
            "from": self.target.name(), "into": self.into.as_ref().map(|into| &into.name),
            "create_snapshot": self.snapshot.is_some(), "strict_delete": self.strict_delete,
            "accept_rollback": self.accept_rollback, "pre_restore_snapshot_id": snapshot,
            "lost": lost.iter().take(LOST_TOLD_MAX).collect::<Vec<_>>(),
        })
    }

    /// A backup of the log as it is, before anything happens to it.
    fn make_snapshot(
        &self,
        who: &Who,
        progress: &dyn Progress,
    ) -> Result<Option<String>, KeepError> {
        let Some(target) = &self.snapshot else { return Ok(None) };
        let options =
            OpenOptions { background: false, guard: self.guard.clone(), ..OpenOptions::default() };
        let store = Store::open(self.data.clone(), options).map_err(|e| {
            KeepError::Refused(format!(
                "no snapshot can be made of the log that is here: {e}. Without --create-snapshot its files are kept \
                 all the same"
            ))
        })?;
        let keep = Keep::new(Arc::new(store), self.data.clone());
        // It is not closed but dropped: signing what was recorded of the snapshot would put the guard ahead of
        // a backup that has all that was signed before.
        let made = keep.create_backup_at(who, &NewBackup::default(), target.clone(), progress)?;
        Ok(Some(made.id))
    }
}
