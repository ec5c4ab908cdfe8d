//! The restored log put together beside the one in place, and verified there.

use std::sync::Arc;
use std::sync::mpsc::SyncSender;

use indelible_log::manifest::{self, Manifest};
use indelible_log::storage::{Storage, read_whole, replace_durably};
use indelible_log::{Log, SealAt, Seams, active, hex, trail};
use indelible_merkle::TreeSize;
use indelible_store::{GUARD, KEY, NODE, Node, Reader, VerifyOptions, verify};

use super::below::Below;
use super::plan::{Part, Plan};
use super::switch::{ASIDE, Journal, KEPT, OWN};
use super::told::{Told, append};
use super::tree::{self, io};
use super::{NewRestore, Restored, copy};
use crate::deed::Who;
use crate::erase::{self, ErasureNote};
use crate::error::KeepError;
use crate::limits::RESTORE_THREADS;
use crate::progress::Progress;

impl NewRestore<'_> {
    /// Puts the restored log together beside the one in place, verifies it, and decides the exchange.
    pub(super) fn prepare(
        &self,
        place: &Arc<dyn Storage>,
        plan: &Plan,
        told: Told,
        who: &Who,
        restored: &mut Restored,
        progress: &dyn Progress,
    ) -> Result<Journal, KeepError> {
        let aside: Arc<dyn Storage> = Arc::new(Below::new(place.clone(), ASIDE));
        for dir in ["", active::DIR, manifest::SEGMENTS, trail::DIR] {
            aside.create_dir(dir).map_err(io(dir))?;
        }
        let (copied_to, copied) = copy::unsynced();
        let (made, synced) = std::thread::scope(|scope| {
            let syncing = scope.spawn(|| copy::sync_all(copied));
            let copies = (place, &aside);
            let made = self.make(copies, plan, &told, who, restored, copied_to, progress);
            (made, syncing.join().expect("making files durable does not panic"))
        });
        // If both failed, the one because of the other.
        synced?;
        made?;
        self.decide(place, &aside, told, restored)
    }

    /// Copies, does again what was erased since, and verifies.
    #[expect(clippy::too_many_arguments, reason = "they are one restore's, taken apart")]
    fn make(
        &self,
        (place, aside): (&Arc<dyn Storage>, &Arc<dyn Storage>),
        plan: &Plan,
        told: &Told,
        who: &Who,
        restored: &mut Restored,
        copied_to: SyncSender<copy::Unsynced>,
        progress: &dyn Progress,
    ) -> Result<(), KeepError> {
        let copied = copy::all(self.target, &plan.files, &**aside, &copied_to, progress);
        // No more come.
        drop(copied_to);
        restored.copied = copied?;
        restored.has_key = self.bring_key(place, &**aside)?;
        match &plan.part {
            Some(part) => {
                self.refuse_erased(part, plan, &**aside)?;
                part.manifest.store(&**aside)?;
                part.partial.store(&**aside)?;
            }
            None => {
                let seams = Seams { storage: aside.clone(), ..self.data.clone() };
                let log = Log::open(seams.clone(), SealAt::default())?;
                let notes = self.erasures(&**aside)?;
                restored.erasures = erase::reapply(&log, &seams, who, &notes, progress)?;
                append(&log, told.intent())?;
            }
        }
        progress.stage("verify", Some(plan.backup.records));
        restored.signatures = check_restored(aside, plan, progress)?;
        match self.into.is_none() && !self.accept_rollback {
            true => self.fits_guard(aside, plan),
            false => Ok(()),
        }
    }

    /// Decides the exchange, as everything is there, verified and durable.
    fn decide(
        &self,
        place: &Arc<dyn Storage>,
        aside: &Arc<dyn Storage>,
        told: Told,
        restored: &mut Restored,
    ) -> Result<Journal, KeepError> {
        let old = tree::names(&**place, "")?;
        let old: Vec<String> =
            old.into_iter().filter(|name| OWN.contains(&name.as_str())).collect();
        let new = tree::names(&**aside, "")?;
        let new = new.into_iter().filter(|name| OWN.contains(&name.as_str())).collect();
        let kept = (!old.is_empty() && !self.strict_delete).then(|| format!("{KEPT}/{}", told.id));
        restored.kept = kept;
        tree::sync(&**place, ASIDE)?;
        let journal = Journal {
            told,
            old,
            new,
            switched: false,
            strict_delete: self.strict_delete,
            accept_rollback: self.accept_rollback,
            goes_on: self.into.is_none() || self.accept_rollback,
            restored: restored.clone(),
        };
        journal.store(&**place)?;
        Ok(journal)
    }

    /// Brings the key along: the one that was given, the backup's, or the one in place if it is the same node's.
    fn bring_key(&self, place: &Arc<dyn Storage>, aside: &dyn Storage) -> Result<bool, KeepError> {
        const KEY_BYTES_MAX: u64 = 4096;
        let node = Node::load(aside)?;
        let in_backup = read_whole(aside, KEY, KEY_BYTES_MAX).is_ok();
        let in_place = || read_whole(&**place, KEY, KEY_BYTES_MAX).ok();
        let key = match self.key {
            Some(key) => Some(key.to_vec()),
            None if in_backup => return Ok(true),
            None => in_place().filter(|key| node.check_key(key).is_ok()),
        };
        let Some(key) = key else { return Ok(false) };
        node.check_key(&key)?;
        replace_durably(aside, KEY, &key).map_err(io(KEY))?;
        Ok(true)
    }

    /// The erasures that the target has notes of, and those that the log in place tells of.
    fn erasures(&self, aside: &dyn Storage) -> Result<Vec<ErasureNote>, KeepError> {
        let mut notes = erase::noted_at(self.target, aside)?;
        match self.live {
            Some(keep) => notes.extend(erase::noted_in(keep.store().reader(), keep.seams())?),
            // One that cannot be read tells of none.
            None => {
                if let Ok(reader) = Reader::open(self.data.storage.clone()) {
                    notes.extend(erase::noted_in(&reader, self.data).unwrap_or_default());
                }
            }
        }
        Ok(notes)
    }

    /// Where only one trail is restored nothing can be rewritten, so what was erased of it since must not come back.
    fn refuse_erased(
        &self,
        part: &Part,
        plan: &Plan,
        aside: &dyn Storage,
    ) -> Result<(), KeepError> {
        let is_new = |note: &&ErasureNote| {
            part.partial.trails.contains(&note.trail) && !plan.backup.erased.contains(&note.event)
        };
        match self.erasures(aside)?.iter().find(is_new) {
            None => Ok(()),
            Some(note) => Err(KeepError::Refused(format!(
                "records of this trail were erased after backup {} was made (erasure {}): restore all of it, which \
                 erases them again",
                plan.backup.id, note.erasure
            ))),
        }
    }

    /// Compares the restored trees with what was signed last, hash by hash.
    fn fits_guard(&self, aside: &Arc<dyn Storage>, plan: &Plan) -> Result<(), KeepError> {
        let Some(guard) = self.load_guard()? else { return Ok(()) };
        let reader = Reader::open(aside.clone())?;
        let deviations = guard.deviations(reader.view(), &plan.backup.public_key)?;
        match deviations.first() {
            None => Ok(()),
            Some((trail, why)) => Err(KeepError::Refused(format!(
                "backup {} is not the log this node signed last: trail {trail}: {why}. Nothing was changed. To go on, \
                 say --accept-rollback, which is recorded",
                plan.backup.id
            ))),
        }
    }
}

/// Verifies all of it. Gives how many signatures hold.
fn check_restored(
    aside: &Arc<dyn Storage>,
    plan: &Plan,
    progress: &dyn Progress,
) -> Result<u64, KeepError> {
    let tell = |records| progress.done(records);
    let options =
        VerifyOptions { threads: RESTORE_THREADS, progress: &tell, ..VerifyOptions::default() };
    let mut report = verify(aside, &options)?;
    // The guard stays in its place, and is asked there.
    report.log.findings.retain(|finding| finding.path != GUARD);
    if let Some(first) = report.log.findings.first() {
        let more = report.log.findings.len() - 1;
        let more = if more > 0 { format!(" (and {more} findings more)") } else { String::new() };
        let path = format!("{}/{}", plan.backup.id, first.path);
        return Err(KeepError::Damaged { path, reason: format!("{first}{more}") });
    }
    let node = Node::load(&**aside)?;
    let bad = |path: &str, reason: String| KeepError::Damaged {
        path: format!("{}/{path}", plan.backup.id),
        reason,
    };
    if (&node.origin, &node.public_key) != (&plan.backup.origin, &plan.backup.public_key) {
        return Err(bad(NODE, "it is not the node that the backup names".into()));
    }
    if hex::encode(&Manifest::load(&**aside)?.log_id) != plan.backup.log_id {
        return Err(bad(manifest::PATH, "it is not of the log that the backup names".into()));
    }
    for wanted in &plan.backup.trails {
        let found = report.log.trails.iter().find(|t| t.info.id.to_string() == wanted.id);
        let root = found.filter(|t| t.size() >= wanted.size).map(|t| t.root(&**aside, wanted.size));
        let root = root.transpose()?.map(|root| root.to_base64());
        if root.as_ref() != Some(&wanted.root) {
            let why = format!(
                "trail {} does not have the root of its first {} records that the backup names",
                wanted.name,
                TreeSize(wanted.size)
            );
            return Err(bad("backup.json", why));
        }
    }
    Ok(report.signatures)
}
