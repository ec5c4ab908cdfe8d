//! Backups by schedule: made when they are due, tried again when they failed, taken away when there are more than are kept.

use std::sync::PoisonError;

use indelible_event::{Micros, Outcome};

use super::catalog::{Attempt, Catalog, Listed, State};
use super::settings::{BackupSettings, OnFailure};
use super::{Made, NewBackup};
use crate::deed::Who;
use crate::error::KeepError;
use crate::schedule::History;
use crate::{Keep, Progress, limits};

impl Keep {
    /// Makes the scheduled backup if one is due. To be called each minute.
    pub fn run_due(&self, now: Micros, progress: &dyn Progress) -> Result<Option<Made>, KeepError> {
        let (settings, since) = self.settings_since()?;
        let Some(schedule) = settings.schedule()? else {
            self.tell_backup_trouble(None);
            return Ok(None);
        };
        // Whoever is at work now has the turn; this comes next.
        let Ok(_turn) = self.turn() else { return Ok(None) };
        let catalog = Catalog::read(self)?;
        let history = history(&catalog, since);
        if now < schedule.next(&history) {
            // A process that has just started tells of what failed before it, too.
            self.tell_backup_trouble(told(&settings, history.failures, &catalog));
            return Ok(None);
        }
        let new = NewBackup {
            to: settings.target.clone(),
            backup_type: settings.backup_type,
            trail: None,
            with_key: settings.with_key,
        };
        let target = self.target(new.to.as_deref())?;
        let made = self.make_backup(&Who::node(), &new, &*target, true, progress);
        let made =
            made.and_then(|made| self.prune_backups(&settings, target.name()).map(|()| made));
        match made {
            Ok(made) => {
                self.tell_backup_trouble(None);
                Ok(Some(made))
            }
            Err(e) => {
                let told = told(&settings, history.failures + 1, &catalog);
                self.tell_backup_trouble(
                    told.map(|_| trouble(history.failures + 1, &e.to_string())),
                );
                Err(e)
            }
        }
    }

    /// Why scheduled backups do not get on, if they do not, and somebody wants to know.
    pub fn backup_trouble(&self) -> Option<String> {
        self.backup_trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn tell_backup_trouble(&self, trouble: Option<String>) {
        *self.backup_trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Takes away the oldest of the scheduled ones beyond those that are kept.
    fn prune_backups(&self, settings: &BackupSettings, target: &str) -> Result<(), KeepError> {
        let Some(keep) = settings.keep else { return Ok(()) };
        let catalog = Catalog::read(self)?;
        let scheduled = |b: &&Listed| {
            b.scheduled
                && b.target == target
                && matches!(b.state, State::Complete | State::Deleting)
        };
        let made: Vec<&Listed> = catalog.in_order().into_iter().filter(scheduled).collect();
        let beyond = made.len().saturating_sub(keep as usize);
        for listed in &made[..beyond] {
            self.take_away(&Who::node(), listed, "beyond those that the schedule keeps")?;
        }
        Ok(())
    }
}

/// What became of the scheduled ones under these settings.
fn history(catalog: &Catalog, since: Micros) -> History {
    let mut history = History { since, ..History::default() };
    for Attempt { at, ended, intent, .. } in &catalog.attempts {
        if !intent.scheduled {
            continue;
        }
        match ended {
            Some((_, Outcome::Success)) => {
                history.last_good = Some(*at);
                (history.failures, history.last_failure) = (0, None);
            }
            // Other settings, another chance.
            _ if *at < since => {}
            Some((ended, _)) => {
                history.failures += 1;
                history.last_failure = Some(*ended);
            }
            // The process ended in the middle: nothing stands in the way of the next.
            None => {}
        }
    }
    history
}

/// What to tell after so many failures, if anything.
fn told(settings: &BackupSettings, failures: u32, catalog: &Catalog) -> Option<String> {
    if settings.on_failure == OnFailure::Ignore || failures < limits::FAILURES_TOLD {
        return None;
    }
    let last = catalog.in_order().into_iter().rev().find(|b| b.scheduled && b.error.is_some());
    Some(trouble(failures, last.and_then(|b| b.error.as_deref()).unwrap_or("unknown")))
}

fn trouble(failures: u32, error: &str) -> String {
    format!("the scheduled backup failed {failures} times: {error}")
}
