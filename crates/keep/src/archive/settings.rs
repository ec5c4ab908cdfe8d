//! When archives are gone on with by themselves: what `_system` says last.

use indelible_event::{Micros, Outcome};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{By, CREATE, NewArchive, NewOffload};
use crate::deed::{Who, details};
use crate::{Keep, KeepError, Progress, limits};

/// The action of the event that sets them.
pub const SET: &str = "archive_settings.update";

const HOUR_MICROS: i64 = 3_600_000_000;

/// What is done when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Where to; nothing is done by itself without it.
    #[serde(default)]
    pub target: Option<String>,
    /// Every so many hours.
    #[serde(default)]
    pub every_hours: Option<u32>,
    /// How it is laid out.
    #[serde(default)]
    pub by: By,
    /// With entries, if it is by trail and date.
    #[serde(default)]
    pub entries: bool,
    /// After how many days segments leave the disk; without it after what the policy's rules say.
    #[serde(default)]
    pub offload_days: Option<u32>,
}

impl Settings {
    fn check(&self) -> Result<(), KeepError> {
        let bad = |why: String| Err(KeepError::Bad(why));
        match (&self.target, self.every_hours) {
            (None, Some(_)) => return bad("a schedule needs a target".into()),
            (_, Some(every)) if every == 0 || every > limits::ARCHIVE_EVERY_HOURS_MAX => {
                let max = limits::ARCHIVE_EVERY_HOURS_MAX;
                return bad(format!("every {every} hours: between 1 and {max} it must be"));
            }
            _ => {}
        }
        if self.by == By::Whole && self.entries {
            return bad(
                "a whole archive has what entries are made of; they are by trail and date".into()
            );
        }
        if self.by == By::TrailDate && self.offload_days.is_some() {
            return bad("segments cannot come back from an archive by trail and date".into());
        }
        Ok(())
    }

    /// Whether it is time, if the last run was begun then. A clock that was turned back by more than the time
    /// between two runs does not put the next one off.
    pub fn is_due(&self, last: Option<Micros>, now: Micros) -> bool {
        let (Some(_), Some(every)) = (&self.target, self.every_hours) else { return false };
        let every = i64::from(every) * HOUR_MICROS;
        last.is_none_or(|last| now.0.abs_diff(last.0) >= every.unsigned_abs())
    }
}

impl Keep {
    /// The settings in force.
    pub fn archive_settings(&self) -> Result<Settings, KeepError> {
        let told = self.told(&[SET])?;
        let last = told.last().map(|record| details(record)["after"].take());
        let bad = |e: serde_json::Error| KeepError::Damaged {
            path: SET.to_owned(),
            reason: e.to_string(),
        };
        last.map_or(Ok(Settings::default()), |after| serde_json::from_value(after).map_err(bad))
    }

    /// Changes them; what they were is in the event, too.
    pub fn set_archive_settings(
        &self,
        who: &Who,
        mut after: Settings,
    ) -> Result<Settings, KeepError> {
        after.check()?;
        if let Some(name) = &after.target {
            after.target = Some(self.archive_target(name)?.name().to_owned());
        }
        let before = self.archive_settings()?;
        let place = json!({"type": "archive_settings", "id": "archive"});
        self.record(who, SET, place, json!({"before": before, "after": after}))?;
        Ok(after)
    }

    /// Goes on with the archive if it is time, and lets segments leave that are old enough. Gives whether
    /// anything was done. What fails is tried again when it is due the next time, and is told in `_system`.
    pub fn run_archive_if_due(&self, progress: &dyn Progress) -> Result<bool, KeepError> {
        let settings = self.archive_settings()?;
        let Some(target) = settings.target.clone() else { return Ok(false) };
        let runs = self.told(&[CREATE])?;
        let begun = runs.iter().rev().find(|record| {
            record.entry().outcome == Outcome::Pending
                && details(record)["target"].as_str() == Some(target.as_str())
        });
        if !settings.is_due(begun.map(|record| record.entry().recorded_at), self.now()) {
            return Ok(false);
        }
        let who = Who::node();
        let new = NewArchive {
            target: target.clone(),
            by: settings.by,
            entries: settings.entries,
            ..NewArchive::default()
        };
        self.archive(&who, &new, progress)?;
        if settings.by == By::Whole {
            self.offload(&who, &NewOffload { target, days: settings.offload_days }, progress)?;
        }
        Ok(true)
    }
}
