//! Everywhere else that what is erased may be: what is reached, and what somebody has to see to.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_log::storage::{FileStorage, Storage};

use super::copies::{Backups, Looked, NOTES};
use super::find::Finding;
use super::kept;
use super::model::{ErasureNote, Place, PlaceKind, Reach};
use super::recorded::{OutcomeSaid, Recorded};
use super::segment_hashes;
use super::spools;
use super::strike::Stroke;
use super::subject::Asked;
use crate::archive::follow::{Stands, follows};
use crate::deed::Who;
use crate::error::KeepError;
use crate::limits::ERASURE_PLACES_MAX;
use crate::restore::Below;
use crate::target::SNAPSHOTS;
use crate::{Keep, target};

/// The copies that are known of.
pub(super) struct Copies {
    backups: Vec<Backups>,
    /// What was found in each backup, by place and id.
    looked: BTreeMap<(String, String), Looked>,
    /// Backups that are in no directory, by target.
    remote: BTreeMap<String, Vec<String>>,
    /// Places that could not be looked at.
    failed: Vec<Place>,
}

impl Copies {
    /// What `_system` and the data directory tell of.
    pub fn known(keep: &Keep) -> Result<Copies, KeepError> {
        let storage = keep.seams().storage.clone();
        let mut backups = Vec::new();
        if storage.list(SNAPSHOTS).is_ok() {
            let dir: Arc<dyn Storage> = Arc::new(Below::new(storage, SNAPSHOTS));
            let name = SNAPSHOTS.to_owned();
            backups.push(Backups { kind: PlaceKind::Snapshot, name, dir });
        }
        let mut targets: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for backup in keep.backups(None)? {
            targets.entry(backup.target).or_default().push(backup.id);
        }
        let (remote, local): (BTreeMap<_, _>, BTreeMap<_, _>) =
            targets.into_iter().partition(|(target, _)| target.contains("://"));
        for name in local.into_keys() {
            let dir: Arc<dyn Storage> = Arc::new(FileStorage::new(&name));
            backups.push(Backups { kind: PlaceKind::Backup, name, dir });
        }
        let (looked, failed) = Default::default();
        Ok(Copies { backups, looked, remote, failed })
    }

    /// Looks through local backups, and adds to the finding what only they still have.
    pub fn search(&mut self, keep: &Keep, asked: &Asked, finding: &mut Finding<'_>) {
        let view = keep.store().log().view();
        let mut known = segment_hashes(view);
        for place in &self.backups {
            let backups = match place.load() {
                Ok((backups, _)) => backups,
                Err(e) => {
                    self.failed.push(place.place("", 0, Reach::ToDo, Some(e.to_string())));
                    continue;
                }
            };
            for backup in backups {
                match place.search(&backup, asked, view, finding, &mut known) {
                    Ok(looked) => {
                        self.looked.insert((place.name.clone(), backup.id.clone()), looked);
                    }
                    Err(e) => {
                        let why = Some(e.to_string());
                        self.failed.push(place.place(&backup.id, 0, Reach::ToDo, why));
                    }
                }
            }
        }
    }

    /// What would become of each place, were these records struck out.
    pub fn preview(
        mut self,
        keep: &Keep,
        asked: &Asked,
        strokes: &[Stroke],
    ) -> Result<Vec<Place>, KeepError> {
        let view = keep.store().log().view();
        let mut places = std::mem::take(&mut self.failed);
        for place in &self.backups {
            // What cannot be read was told of when it was searched.
            let (backups, _) = place.load().unwrap_or_default();
            for backup in backups {
                let Some(looked) = self.looked(place, &backup.id) else { continue };
                let records = place.count(&backup, view, strokes)?;
                if records > 0 {
                    places.push(place.place(&backup.id, records, Reach::Erased, None));
                }
                places.extend(place.stuck(&backup.id, looked.stuck));
            }
            places.extend(place.unfinished());
        }
        for kept in kept::all(&keep.seams().storage) {
            match kept.preview(asked) {
                Ok(0) => {}
                Ok(records) => places.push(kept.place(records, Reach::Erased, None)),
                Err(e) => places.push(kept.place(0, Reach::ToDo, Some(e.to_string()))),
            }
        }
        self.tell_remote(&mut places, None);
        for (name, by) in keep.archived_to()? {
            places.push(match follows(&name, by) {
                true => archive_place(&name, "", Reach::Erased, None),
                false => archive_place(&name, "", Reach::ToDo, Some(ONCE_MORE.into())),
            });
        }
        for (name, spool) in spools::known(&keep.seams().storage, asked) {
            places.extend(spools::look(&name, &*spool, asked, false)?);
        }
        Ok(places)
    }

    fn looked(&self, place: &Backups, backup: &str) -> Option<Looked> {
        self.looked.get(&(place.name.clone(), backup.to_owned())).copied()
    }

    /// Does it everywhere, as far as it goes, and says how far that is.
    pub fn strike(
        mut self,
        keep: &Keep,
        who: &Who,
        erasure: &Recorded,
        strokes: &[Stroke],
        asked: Option<&Asked>,
    ) -> Result<OutcomeSaid, KeepError> {
        let notes = erasure.notes(strokes, Some(&keep.erasure_key()?));
        let mut places = std::mem::take(&mut self.failed);
        for place in &self.backups {
            if let Err(e) = self.strike_backups(place, keep, erasure, strokes, &notes, &mut places)
            {
                places.push(place.place("", 0, Reach::ToDo, Some(e.to_string())));
            }
        }
        for kept in kept::all(&keep.seams().storage) {
            let struck = match asked {
                Some(asked) => kept.strike(keep.seams(), who, &erasure.head, asked).map(Some),
                None => kept.resume(keep.seams(), who, &erasure.head.erasure),
            };
            match struck {
                Ok(Some(0)) => {}
                Ok(Some(records)) => places.push(kept.place(records, Reach::Erased, None)),
                Ok(None) => places.push(kept.place(0, Reach::ToDo, Some(again_text("it")))),
                Err(e) => places.push(kept.place(0, Reach::ToDo, Some(e.to_string()))),
            }
        }
        self.tell_remote(&mut places, Some((keep, &notes)));
        places.extend(strike_archives(keep, who, strokes)?);
        match asked {
            Some(asked) => {
                for (name, spool) in spools::known(&keep.seams().storage, asked) {
                    match spools::look(&name, &*spool, asked, true) {
                        Ok(found) => places.extend(found),
                        Err(e) => places.push(spool_place(&name, e.to_string())),
                    }
                }
            }
            None => {
                if keep.seams().storage.list(spools::SPOOL).is_ok_and(|names| !names.is_empty()) {
                    places.push(spool_place(spools::SPOOL, again_text("it")));
                }
            }
        }
        Ok(said(places, asked))
    }

    fn strike_backups(
        &self,
        place: &Backups,
        keep: &Keep,
        erasure: &Recorded,
        strokes: &[Stroke],
        notes: &[ErasureNote],
        places: &mut Vec<Place>,
    ) -> Result<(), KeepError> {
        let view = keep.store().log().view();
        if place.is_missing() {
            let why =
                "the directory is not there; if it only is not mounted, mount it and erase again";
            places.push(place.place("", 0, Reach::ToDo, Some(why.into())));
            return Ok(());
        }
        let (backups, _) = place.load()?;
        for mut backup in backups {
            match place.strike(&mut backup, view, strokes, &erasure.head.erasure) {
                // What a crash cut short may have been done there already.
                Ok(0) if !strokes.iter().any(|s| backup.erased.contains(&s.event.to_string())) => {}
                Ok(records) => {
                    let mut done = place.place(&backup.id, records, Reach::Erased, None);
                    done.sha256 = place.description_sha256(&backup.id)?;
                    places.push(done);
                }
                Err(e) => {
                    let why = Some(e.to_string());
                    places.push(place.place(&backup.id, 0, Reach::ToDo, why));
                }
            }
            let stuck = match self.looked(place, &backup.id) {
                Some(looked) => looked.stuck,
                None => place.out_of_reach(&backup, strokes)?,
            };
            places.extend(place.stuck(&backup.id, stuck));
        }
        places.extend(place.unfinished());
        place.note(notes)?;
        place.sweep()
    }

    /// Backups in buckets get a note each, so that restoring one erases it again.
    fn tell_remote(&self, places: &mut Vec<Place>, act: Option<(&Keep, &[ErasureNote])>) {
        for (name, backups) in &self.remote {
            let noted = match act {
                Some((keep, notes)) => note_at(keep, name, notes),
                None => Ok(()),
            };
            let (reach, to_do) = match noted {
                Ok(()) => (
                    Reach::Noted,
                    "it still has what was erased; restoring it erases it again. Delete it, or let it expire".into(),
                ),
                Err(e) => (
                    Reach::ToDo,
                    format!("it still has what was erased, and could not be told: {e}. Delete it"),
                ),
            };
            for backup in backups {
                places.push(Place {
                    kind: PlaceKind::Backup,
                    place: name.clone(),
                    item: backup.clone(),
                    records: 0,
                    reach,
                    to_do: Some(to_do.clone()),
                    sha256: None,
                });
            }
        }
    }
}

/// What is to be done where an archive was not gone on with.
const ONCE_MORE: &str = "archive to it once more: that exchanges what was erased";

/// Archives in directories follow at once; of the others each file is named that has any of the records.
fn strike_archives(keep: &Keep, who: &Who, strokes: &[Stroke]) -> Result<Vec<Place>, KeepError> {
    let mut places = Vec::new();
    let is_meant = |no, seq| strokes.iter().any(|s| s.trail == no && s.seqs.contains(seq));
    for (name, stands) in keep.archives_follow(who)? {
        match stands {
            Stands::Current => {}
            Stands::Mended(sha256) => {
                let place = archive_place(&name, "", Reach::Erased, None);
                places.push(Place { sha256: Some(sha256), ..place });
            }
            Stands::Stale(objects, why) => {
                let to_do = match why {
                    Some(why) => format!("{ONCE_MORE}; it failed: {why}"),
                    None => ONCE_MORE.to_owned(),
                };
                for key in objects.iter().filter(|key| keep.may_have(&name, key, &is_meant)) {
                    places.push(archive_place(&name, key, Reach::ToDo, Some(to_do.clone())));
                }
            }
            Stands::Unknown(why) => {
                let to_do = format!("{ONCE_MORE}; it could not be looked at: {why}");
                places.push(archive_place(&name, "", Reach::ToDo, Some(to_do)));
            }
        }
    }
    Ok(places)
}

fn archive_place(name: &str, item: &str, reach: Reach, to_do: Option<String>) -> Place {
    Place {
        kind: PlaceKind::Archive,
        place: name.to_owned(),
        item: item.to_owned(),
        records: 0,
        reach,
        to_do,
        sha256: None,
    }
}

fn note_at(keep: &Keep, name: &str, notes: &[ErasureNote]) -> Result<(), KeepError> {
    let target = target::open(name, Some(keep.seams()))?;
    for note in notes {
        let json = serde_json::to_vec(note).expect("a note has only string keys");
        let key = format!("{NOTES}/{}.json", note.event);
        target.put(&key, json.len() as u64, &mut json.as_slice())?;
    }
    Ok(())
}

fn spool_place(name: &str, to_do: String) -> Place {
    Place {
        kind: PlaceKind::Spool,
        place: name.to_owned(),
        item: String::new(),
        records: 0,
        reach: Reach::ToDo,
        to_do: Some(to_do),
        sha256: None,
    }
}

fn again_text(what: &str) -> String {
    format!("{what} was not searched before a crash; ask for this erasure once more")
}

/// What is recorded of the places. One whose name names the subject is not named.
fn said(places: Vec<Place>, asked: Option<&Asked>) -> OutcomeSaid {
    let mut out = OutcomeSaid::default();
    let hide = |text: &mut String| {
        if asked.is_some_and(|asked| asked.wanted.is_in_text(text)) {
            *text = "(a name that names the subject)".into();
        }
    };
    let all = places.len();
    // What is still to do is told first, should there be too many.
    let (to_do, done): (Vec<_>, Vec<_>) =
        places.into_iter().partition(|place| place.reach != Reach::Erased);
    for mut place in to_do.into_iter().chain(done).take(ERASURE_PLACES_MAX) {
        hide(&mut place.place);
        hide(&mut place.item);
        if let Some(to_do) = &mut place.to_do {
            hide(to_do);
            *to_do = crate::deed::cut(to_do).to_owned();
        }
        match place.reach {
            Reach::Erased => out.done.push(place),
            Reach::Noted | Reach::ToDo => out.still_to_do.push(place),
        }
    }
    out.unnamed = all.saturating_sub(ERASURE_PLACES_MAX) as u64;
    out
}
