//! The events of a restore. They go into logs that nobody has open: the one that is replaced, and the one that
//! takes its place.

use indelible_event::{EventId, Part, Phase};
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_log::{AppendError, Appended, Incoming, Log, LogError, SealAt, Seams, View};
use indelible_store::Partial;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Keep;
use crate::deed::{Who, checked, cut, details};
use crate::error::KeepError;
use crate::limits::RESTORE_LOOK_BACK;

const ACTION: &str = "restore.create";

/// Who restores what, as its events say it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Told {
    /// The restore's id, and that of its intent in every log that has it.
    pub id: String,
    pub backup: String,
    pub actor: Value,
    pub context: Option<Value>,
    /// The intent's details.
    pub details: Value,
}

impl Told {
    pub fn new(id: EventId, backup: &str, who: &Who, details: Value) -> Told {
        let (actor, context) = (who.actor.clone(), who.context.clone());
        Told { id: id.to_string(), backup: backup.to_owned(), actor, context, details }
    }

    pub fn intent(&self) -> Value {
        let mut event = self.event("pending", "intent", self.details.clone());
        event["id"] = json!(self.id);
        event
    }

    /// The same outcome twice is one event: whoever goes on after a crash may say it again.
    pub fn success(&self, details: &Value) -> Value {
        let mut event = self.event("success", "outcome", details.clone());
        event["id"] = json!(EventId::foreign(ACTION, &self.id).to_string());
        event["ref"] = json!(self.id);
        event
    }

    pub fn failure(&self, error: &str) -> Value {
        let mut event = self.event("failure", "outcome", json!({}));
        event["ref"] = json!(self.id);
        event["error"] = json!({"message": cut(error)});
        event
    }

    fn event(&self, outcome: &str, phase: &str, details: Value) -> Value {
        json!({
            "action": ACTION, "category": "admin_action", "outcome": outcome, "phase": phase,
            "actor": self.actor, "targets": [{"type": "backup", "id": self.backup}],
            "details": details, "context": self.context,
        })
    }
}

/// The log that is there already, as far as it takes records.
pub(super) enum Former<'a> {
    /// It is open in this process.
    Open(&'a Keep),
    /// It is opened for each event.
    Closed(&'a Seams),
    /// There is none, or none that can be opened: why.
    None(String),
}

impl<'a> Former<'a> {
    pub fn find(data: &'a Seams, live: Option<&'a Keep>) -> Result<Former<'a>, KeepError> {
        if let Some(keep) = live {
            return Ok(Former::Open(keep));
        }
        if let Ok(Some(_)) = Partial::load(&*data.storage) {
            return Ok(Former::None("what is there was restored in part".into()));
        }
        match Log::open(data.clone(), SealAt::default()) {
            Ok(_) => Ok(Former::Closed(data)),
            Err(LogError::Locked) => Err(KeepError::Refused(
                "the log is open in another process: stop that one first, or let it restore into a new directory"
                    .into(),
            )),
            Err(error) => Ok(Former::None(error.to_string())),
        }
    }

    /// Records an event, if there is a log to do it.
    pub fn record(&self, event: Value) -> Result<(), KeepError> {
        match self {
            Former::Open(keep) => {
                keep.store().append_system(&checked(event)?)?;
                Ok(())
            }
            Former::Closed(data) => {
                let log = Log::open((*data).clone(), SealAt::default())?;
                append(&log, event)
            }
            Former::None(_) => Ok(()),
        }
    }

    /// Ends what was begun towards the same place by a process that has ended, as far as the last records tell.
    pub fn end_broken(&self, into: Option<&str>) -> Result<(), KeepError> {
        let read = match self {
            Former::Open(keep) => last_records(keep.store().log().view())?,
            Former::Closed(data) => last_records(&View::open(data.storage.clone())?)?,
            Former::None(_) => return Ok(()),
        };
        let told: Vec<&KeptRecord> = read.iter().filter(|r| r.entry().action == ACTION).collect();
        let ended: Vec<_> = told.iter().filter_map(|r| r.entry().reference).collect();
        for record in told {
            let entry = record.entry();
            let is_open = entry.phase == Some(Phase::Intent) && !ended.contains(&entry.id);
            if !is_open || details(record)["into"].as_str() != into {
                continue;
            }
            let part = |part| record.part(part).and_then(|b| serde_json::from_slice(b).ok());
            let (who, what): (Value, Value) =
                (part(Part::Who).unwrap_or_default(), part(Part::What).unwrap_or_default());
            let told = Told {
                id: entry.id.to_string(),
                backup: what["targets"][0]["id"].as_str().unwrap_or_default().to_owned(),
                actor: who["actor"].clone(),
                context: None,
                details: Value::Null,
            };
            self.record(told.failure("the process ended before it was done"))?;
        }
        Ok(())
    }

    /// Why nothing is recorded in it.
    pub fn silent(&self) -> Option<String> {
        match self {
            Former::None(why) => Some(why.clone()),
            _ => None,
        }
    }
}

/// The newest records of `_system`.
fn last_records(view: &View) -> Result<Vec<KeptRecord>, KeepError> {
    let size = view.trail(TrailNo(0))?.size.0;
    let seqs: Vec<Seq> = (size.saturating_sub(RESTORE_LOOK_BACK)..size).map(Seq).collect();
    // One that cannot be read ends nothing.
    Ok(view.read_each(TrailNo(0), &seqs).into_iter().flatten().collect())
}

/// Records an event of the node's own. Nothing is signed: that is the store's, once it is opened again.
pub(super) fn append(log: &Log, event: Value) -> Result<(), KeepError> {
    let event = checked(event)?;
    let incoming = Incoming { trail: TrailNo(0), event: &event, recorded_by: None };
    for result in log.append_own(&[incoming]) {
        if let Appended::Conflict { .. } = result? {
            return Err(AppendError::Refused("its id is taken").into());
        }
    }
    Ok(())
}
