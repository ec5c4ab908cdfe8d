//! Taking a backup away. Files that others name stay until the last of these goes.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::json;

use super::catalog::{Catalog, Listed, State};
use super::model::Backup;
use super::{CREATE, DELETE, at_target, check, description_key};
use crate::Keep;
use crate::deed::{Begun, Who};
use crate::error::KeepError;
use crate::target::{Target, TargetError};

/// A backup that was taken away.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deleted {
    /// Its id.
    #[serde(rename = "backup_id")]
    pub id: String,
    /// Files that were deleted.
    pub files: usize,
    /// Bytes of these.
    pub freed_bytes: u64,
    /// Files that stay, as other backups name them.
    pub kept_files: usize,
    /// These backups.
    pub needed_by: Vec<String>,
}

/// What taking a backup away comes to.
struct Plan {
    /// The keys that go, the description last: while it is there, this can be done again.
    keys: Vec<(String, u64)>,
    kept: usize,
    needed_by: Vec<String>,
}

impl Keep {
    /// Takes a backup away, recorded with all that is known of it before anything goes.
    pub fn delete_backup(&self, who: &Who, id: &str) -> Result<Deleted, KeepError> {
        let _turn = self.turn()?;
        let listed = self.backup_to_work_on(id)?;
        self.take_away(who, &listed, "asked for")
    }

    /// The same, for whoever has the turn.
    pub(crate) fn take_away(
        &self,
        who: &Who,
        listed: &Listed,
        reason: &str,
    ) -> Result<Deleted, KeepError> {
        let target = self.target(Some(&listed.target))?;
        let plan = plan(&*target, listed, &Catalog::read(self)?.gone)?;
        let mut details = serde_json::to_value(listed).expect("it has string keys only");
        let members = details.as_object_mut().expect("it was made of a struct");
        members.retain(|_, value| !value.is_null());
        members.remove("id");
        members.insert("backup_id".into(), json!(listed.id));
        members.insert("reason".into(), json!(reason));
        members.insert("needed_by".into(), json!(plan.needed_by));
        let object = json!({"type": "backup", "id": listed.id});
        let begun = self.begin(who, DELETE, object, details)?;
        let deleted = delete_all(&*target, listed, &plan);
        let deleted = deleted.map(|deleted| {
            let details = serde_json::to_value(&deleted).expect("it has string keys only");
            (deleted, details)
        });
        self.end(begun, deleted)
    }

    /// A backup that something is done with, by whoever has the turn: nobody else is at work on it.
    pub(super) fn backup_to_work_on(&self, id: &str) -> Result<Listed, KeepError> {
        let mut catalog = Catalog::read(self)?;
        let missing = || KeepError::NotFound(format!("there is no backup {id}"));
        let listed = catalog.listed.remove(id).ok_or_else(missing)?;
        if listed.state == State::Unfinished {
            // Its making shows as unfinished until it is ended; nobody is at it any more.
            for broken in catalog.attempts.iter().filter(|a| a.ended.is_none()) {
                if let Some(begun) = Begun::of(&broken.event, CREATE) {
                    let why = "the process ended before it was done";
                    drop(self.end::<()>(begun, Err(KeepError::Refused(why.into()))));
                }
            }
        }
        Ok(listed)
    }
}

/// What goes: everything below the backup's own prefix, and files of others that were taken away before, as far as no
/// other backup names them.
fn plan(target: &dyn Target, listed: &Listed, gone: &[String]) -> Result<Plan, KeepError> {
    let mut named = BTreeSet::new();
    let mut needed_by = Vec::new();
    let own = format!("{}/", listed.id);
    for other in at_target(target)?.into_iter().filter(|other| *other != listed.id) {
        let backup = check::load(target, &other).map_err(|e| match e {
            // What it names cannot be told, so nothing may go that it could name.
            KeepError::Damaged { path, reason } => KeepError::Refused(format!(
                "{path} is damaged ({reason}), so it cannot be told which files that backup needs: delete it first"
            )),
            other => other,
        })?.0;
        if backup.files.iter().any(|file| file.at.starts_with(&own)) {
            needed_by.push(other);
        }
        named.extend(backup.files.into_iter().map(|file| file.at));
    }
    let description = description_key(&listed.id);
    let mut keys = Vec::new();
    let mut kept = 0;
    for (key, bytes) in target.list(&own)? {
        if named.contains(&key) {
            kept += 1;
        } else {
            keys.push((key, bytes));
        }
    }
    // Files of backups that went before, kept for this one.
    if let Some(backup) = described(target, &listed.id)? {
        let left =
            |at: &str| at.split_once('/').is_some_and(|(id, _)| gone.iter().any(|g| g == id));
        let files =
            backup.files.into_iter().filter(|file| left(&file.at) && !named.contains(&file.at));
        keys.extend(files.map(|file| (file.at, file.bytes)));
    }
    keys.sort_by_key(|(key, _)| *key == description);
    Ok(Plan { keys, kept, needed_by })
}

fn described(target: &dyn Target, id: &str) -> Result<Option<Backup>, KeepError> {
    match check::load(target, id) {
        Ok((backup, _)) => Ok(Some(backup)),
        Err(KeepError::Damaged { .. } | KeepError::Target(TargetError::Missing { .. })) => Ok(None),
        Err(e) => Err(e),
    }
}

fn delete_all(target: &dyn Target, listed: &Listed, plan: &Plan) -> Result<Deleted, KeepError> {
    target.forget(&format!("{}/", listed.id))?;
    for (key, _) in &plan.keys {
        target.delete(key)?;
    }
    Ok(Deleted {
        id: listed.id.clone(),
        files: plan.keys.len(),
        freed_bytes: plan.keys.iter().map(|(_, bytes)| bytes).sum(),
        kept_files: plan.kept,
        needed_by: plan.needed_by.clone(),
    })
}
