//! Archives: the sealed log copied to where it is cheap, as it is or by trail and date; and segments that leave
//! this disk for it.
//!
//! An archive at a target is of one log and follows it: what the log merged, expired or erased since is
//! exchanged by the next run. `archive.json` is written last and names every file by its hash, and its own hash
//! is recorded in the log. So whoever has the log knows whether the archive is the one that was made.

mod away;
pub(crate) mod follow;
mod lake;
pub mod model;
pub(crate) mod place;
pub mod settings;
mod whole;

use std::collections::BTreeSet;
use std::sync::Arc;

use indelible_event::{Day, Part, Phase, TrailName};
use indelible_log::hex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use place::local as place_local;

pub use away::{Fetcher, NewOffload, Offload};
pub use follow::StillAt;
pub use settings::Settings;

use crate::deed::{Begun, Who, details};
use crate::target::{self, Target};
use crate::{Keep, KeepError, Progress};
use model::{Archive, Content};

/// The action of the event that makes an archive or goes on with it.
pub const CREATE: &str = "archive.create";
/// The action of the event that lets segments leave the disk.
pub const OFFLOAD: &str = "archive.offload";

/// How an archive is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// As the log lies on disk: with trees, index and checkpoints, so that it can be brought back to the byte.
    #[default]
    Whole,
    /// `trail=<name>/date=<day>/part-<n>.parquet`, as data lakes have it.
    TrailDate,
}

/// An archive to make, or to go on with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewArchive {
    /// Where to: a directory or `s3://bucket/prefix`.
    pub target: String,
    /// How.
    #[serde(default)]
    pub by: By,
    /// Only this trail; by trail and date only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trail: Option<String>,
    /// Not what was recorded before this day (`YYYY-MM-DD`); by trail and date only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// Nor after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// With the exact entries and leaf hashes; by trail and date only, a whole archive has what they are made of.
    #[serde(default)]
    pub entries: bool,
}

/// What making an archive came to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Archived {
    /// The id of its event.
    pub id: String,
    /// Where it is.
    pub target: String,
    /// SHA-256 of its `archive.json`, hex.
    pub sha256: String,
    /// Records in it.
    pub records: u64,
    /// Its files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Files that were copied now; the others were there.
    pub copied: u64,
    /// Their bytes.
    pub copied_bytes: u64,
    /// Files that were there and belong to it no more.
    pub removed: u64,
}

/// An archive as `_system` tells of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// The id of the event.
    pub id: String,
    /// When it was begun (RFC 3339).
    pub created_at: String,
    /// Where it is.
    pub target: String,
    /// How it is laid out.
    pub by: By,
    /// `success` or `failure`; none if it has not ended, or was broken off.
    pub outcome: Option<String>,
    /// What it came to, or why it failed.
    pub result: Value,
}

/// What a run wants of an archive, checked.
pub(crate) struct Wanted {
    pub trail: Option<TrailName>,
    pub from: Option<Day>,
    pub to: Option<Day>,
    pub entries: bool,
}

impl NewArchive {
    fn check(&self) -> Result<Wanted, KeepError> {
        let bad = |e: &dyn std::fmt::Display| KeepError::Bad(e.to_string());
        let day = |text: &Option<String>| {
            text.as_deref().map(Day::parse).transpose().map_err(|e| bad(&e))
        };
        let named = |name: &str| match name == TrailName::system().as_str() {
            true => Ok(TrailName::system()),
            false => TrailName::parse(name).map_err(|e| bad(&e)),
        };
        let wanted = Wanted {
            trail: self.trail.as_deref().map(named).transpose()?,
            from: day(&self.from)?,
            to: day(&self.to)?,
            entries: self.entries,
        };
        let part = self.trail.is_some() || self.from.is_some() || self.to.is_some() || self.entries;
        if self.by == By::Whole && part {
            let why =
                "an archive of some trails or days, or with entries, is one by trail and date";
            return Err(KeepError::Bad(why.into()));
        }
        if wanted.from.zip(wanted.to).is_some_and(|(from, to)| from > to) {
            return Err(KeepError::Bad("the first day comes after the last".into()));
        }
        Ok(wanted)
    }
}

impl Keep {
    /// Makes an archive, or goes on with the one that is at the target. What an earlier run brought is kept.
    pub fn archive(
        &self,
        who: &Who,
        new: &NewArchive,
        progress: &dyn Progress,
    ) -> Result<Archived, KeepError> {
        new.check()?;
        let _turn = self.turn()?;
        self.make_archive(who, new, progress)
    }

    /// The same, for whoever has the turn.
    pub(crate) fn make_archive(
        &self,
        who: &Who,
        new: &NewArchive,
        progress: &dyn Progress,
    ) -> Result<Archived, KeepError> {
        let wanted = new.check()?;
        let target = self.archive_target(&new.target)?;
        let before = place::load(&*target)?;
        if let Some(before) = &before {
            self.fits(before, new)?;
        }
        let place = json!({"type": "archive", "id": target.name()});
        let mut asked = serde_json::to_value(new).expect("it has only string keys");
        asked["target"] = json!(target.name());
        self.end_broken_off(CREATE)?;
        let begun = self.begin(who, CREATE, place, asked)?;
        let head = self.head(&begun.id.to_string());
        let before = before.map(|before| before.content);
        let made = match (new.by, before) {
            (By::Whole, Some(Content::Whole(before))) => {
                whole::run(self, &*target, head, before, progress)
            }
            (By::Whole, _) => whole::run(self, &*target, head, model::Whole::default(), progress),
            (By::TrailDate, before) => {
                let before = match before {
                    Some(Content::TrailDate(before)) => before,
                    _ => model::Lake::default(),
                };
                lake::run(self, &*target, head, before, &wanted, progress)
            }
        };
        self.end(begun, made.map(|made| (made.clone(), json!(made))))
    }

    /// The archives that were made here, and what became of each run, oldest first.
    pub fn archives(&self) -> Result<Vec<Listed>, KeepError> {
        let mut listed: Vec<Listed> = Vec::new();
        for record in self.told(&[CREATE])? {
            let (entry, said) = (record.entry(), details(&record));
            if entry.phase == Some(Phase::Intent) {
                listed.push(Listed {
                    id: entry.id.to_string(),
                    created_at: entry.recorded_at.to_string(),
                    target: said["target"].as_str().unwrap_or_default().to_owned(),
                    by: serde_json::from_value(said["by"].clone()).unwrap_or_default(),
                    outcome: None,
                    result: Value::Null,
                });
                continue;
            }
            let of = entry.reference.map(|id| id.to_string());
            if let Some(run) = listed.iter_mut().rev().find(|run| Some(&run.id) == of.as_ref()) {
                run.outcome = Some(entry.outcome.name().to_owned());
                run.result = match said.as_object().is_some_and(|said| !said.is_empty()) {
                    true => said,
                    false => error_of(&record),
                };
            }
        }
        Ok(listed)
    }

    /// Ends what a process that is no more had begun: the next run goes on with its files under an event of its own.
    pub(crate) fn end_broken_off(&self, action: &'static str) -> Result<(), KeepError> {
        let told = self.told(&[action])?;
        let ended: BTreeSet<_> = told.iter().filter_map(|r| r.entry().reference).collect();
        for intent in told.iter().filter(|r| r.entry().phase == Some(Phase::Intent)) {
            if let Some(begun) =
                Begun::of(intent, action).filter(|begun| !ended.contains(&begun.id))
            {
                let why =
                    "it was broken off when the process ended; it is gone on with by the next";
                // That it failed is what is to be recorded here.
                let failed: Result<((), Value), _> = Err(KeepError::Refused(why.into()));
                drop(self.end(begun, failed));
            }
        }
        Ok(())
    }

    /// Opens a target by name.
    pub(crate) fn archive_target(&self, name: &str) -> Result<Arc<dyn Target>, KeepError> {
        Ok(target::open(name, Some(self.seams()))?)
    }

    /// What an archive of this log says of itself first.
    fn head(&self, id: &str) -> Archive {
        let reader = self.store().reader();
        Archive {
            version: model::VERSION,
            id: id.to_owned(),
            created_at: self.now().to_string(),
            log_id: hex::encode(&reader.view().log_id()),
            origin: reader.node().origin.clone(),
            public_key: reader.node().public_key.clone(),
            content: Content::Whole(model::Whole::default()),
        }
    }

    /// Whether what is at a target can be gone on with.
    fn fits(&self, before: &Archive, new: &NewArchive) -> Result<(), KeepError> {
        if before.log_id != hex::encode(&self.store().reader().view().log_id()) {
            let why =
                format!("{} holds the archive of another log; give another place", new.target);
            return Err(KeepError::Refused(why));
        }
        match (&before.content, new.by) {
            (Content::Whole(_), By::Whole) => Ok(()),
            (Content::TrailDate(lake), By::TrailDate) if lake.entries == new.entries => Ok(()),
            (Content::TrailDate(_), By::TrailDate) => Err(KeepError::Refused(format!(
                "the archive at {} was begun {} entries; give another place, or the same again",
                new.target,
                if new.entries { "without" } else { "with" }
            ))),
            _ => Err(KeepError::Refused(format!(
                "the archive at {} is laid out in the other way; give another place",
                new.target
            ))),
        }
    }
}

fn error_of(record: &indelible_log::record::KeptRecord) -> Value {
    let what = record.part(Part::What).and_then(|what| serde_json::from_slice(what).ok());
    what.map(|mut what: Value| what["error"].take()).unwrap_or_default()
}
