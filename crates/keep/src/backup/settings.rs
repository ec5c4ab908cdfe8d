//! When, where and how many backups are made: the latest `backup_settings.update` in `_system`.

use std::sync::Arc;

use indelible_event::Micros;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::SETTINGS;
use super::model::BackupType;
use crate::deed::{self, Who};
use crate::error::KeepError;
use crate::schedule::Schedule;
use crate::target::{self, Target};
use crate::{Keep, limits};

/// The settings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSettings {
    /// `every 6h` or `daily at 03:30` (UTC); none is made by itself where it is not given.
    pub schedule: Option<String>,
    /// Where to.
    pub target: Option<String>,
    /// The kind.
    #[serde(rename = "type")]
    pub backup_type: BackupType,
    /// Whether the node's key is in scheduled ones.
    pub with_key: bool,
    /// How many of the scheduled ones are kept; all where it is not given.
    pub keep: Option<u32>,
    /// What becomes of a failure.
    pub on_failure: OnFailure,
}

/// What is done when scheduled backups fail again and again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// The node says that it is not well.
    #[default]
    Alert,
    /// Only the events tell.
    Ignore,
}

impl Default for BackupSettings {
    fn default() -> BackupSettings {
        BackupSettings {
            schedule: None,
            target: None,
            backup_type: BackupType::Full,
            with_key: true,
            keep: None,
            on_failure: OnFailure::Alert,
        }
    }
}

impl BackupSettings {
    /// The schedule, read.
    pub(super) fn schedule(&self) -> Result<Option<Schedule>, KeepError> {
        self.schedule.as_deref().map(Schedule::parse).transpose().map_err(KeepError::Bad)
    }
}

impl Keep {
    /// The settings in force.
    pub fn backup_settings(&self) -> Result<BackupSettings, KeepError> {
        Ok(self.settings_since()?.0)
    }

    /// The settings, and since when they are in force.
    pub(super) fn settings_since(&self) -> Result<(BackupSettings, Micros), KeepError> {
        let told = self.told(&[SETTINGS])?;
        let Some(last) = told.last() else { return Ok((BackupSettings::default(), Micros(0))) };
        let settings = serde_json::from_value(deed::details(last)["after"].take());
        let settings = settings.map_err(|e| KeepError::Damaged {
            path: format!("event {}", last.entry().id),
            reason: format!("these backup settings cannot be read: {e}"),
        })?;
        Ok((settings, last.entry().recorded_at))
    }

    /// Sets them; the event that says so is what sets them.
    pub fn set_backup_settings(
        &self,
        who: &Who,
        mut after: BackupSettings,
    ) -> Result<BackupSettings, KeepError> {
        // In the one spelling, so that what is shown is what counts.
        after.schedule = after.schedule()?.map(|schedule| schedule.to_string());
        if after.schedule.is_some() && after.target.is_none() {
            return Err(KeepError::Bad("a schedule needs a target".into()));
        }
        if after.keep.is_some_and(|keep| keep == 0 || keep > limits::KEEP_BACKUPS_MAX) {
            let why = format!("keep between 1 and {} backups", limits::KEEP_BACKUPS_MAX);
            return Err(KeepError::Bad(why));
        }
        if let Some(name) = &after.target {
            after.target = Some(target::open(name, Some(self.seams()))?.name().to_owned());
        }
        let before = self.backup_settings()?;
        let said = |settings: &BackupSettings| {
            let mut value = serde_json::to_value(settings).expect("it has string keys only");
            value.as_object_mut().expect("it was made of a struct").retain(|_, v| !v.is_null());
            value
        };
        let details = json!({"before": said(&before), "after": said(&after)});
        self.record(who, SETTINGS, json!({"type": "settings", "id": "backup"}), details)?;
        Ok(after)
    }

    /// A target by its name, or that of the settings.
    pub(super) fn target(&self, name: Option<&str>) -> Result<Arc<dyn Target>, KeepError> {
        let set = match name {
            Some(_) => None,
            None => self.backup_settings()?.target,
        };
        let none = || {
            let why = "no target was given, and none is set: `--to DIR` or `s3://BUCKET/PREFIX`";
            KeepError::Bad(why.into())
        };
        let name = name.or(set.as_deref()).ok_or_else(none)?;
        Ok(target::open(name, Some(self.seams()))?)
    }
}
