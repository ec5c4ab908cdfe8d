//! What two people have to agree on: one asks, another confirms within a week.

use std::sync::MutexGuard;

use indelible_event::{EventId, Micros};
use indelible_log::hex;
use indelible_log::record::KeptRecord;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::deed::{Who, details};
use crate::error::KeepError;
use crate::limits::{REQUEST_MICROS, REQUESTS_MAX};
use crate::{Keep, lock};

/// The event of somebody who asks.
pub const CREATED: &str = "request.create";
/// The event of the other, who agrees.
pub const CONFIRMED: &str = "request.confirm";
/// The event of somebody who takes a request back, or declines it.
pub const WITHDRAWN: &str = "request.withdraw";

/// What a request is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A policy that also shortens what earlier ones promised.
    Retention,
    /// Records that go before their time.
    Purge,
    /// Parts of records that are erased.
    Erasure,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RequestState {
    /// Nobody has confirmed it yet.
    Waiting,
    /// Somebody else has.
    Confirmed,
    /// It was taken back or declined.
    Withdrawn,
    /// Nobody confirmed it in time.
    Expired,
}

/// Something that one person asked for and another has to confirm.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Request {
    /// Its id.
    pub id: String,
    /// What it is for.
    pub kind: Kind,
    /// What is asked for.
    pub body: Value,
    /// What became of it.
    pub state: RequestState,
    /// Who asked, as the node knows credentials.
    pub requested_by: String,
    /// Who asked, as the event's actor.
    pub actor: Value,
    /// When.
    pub requested_at: String,
    /// Until when it can be confirmed.
    pub expires_at: String,
    /// Who confirmed, withdrew or declined it.
    pub ended_by: Option<String>,
    /// When.
    pub ended_at: Option<String>,
    /// When it was asked for, and until when it waits.
    #[serde(skip)]
    times: (Micros, Micros),
}

impl Keep {
    /// All requests, oldest first.
    pub fn requests(&self) -> Result<Vec<Request>, KeepError> {
        let mut requests: Vec<Request> = Vec::new();
        for record in self.told(&[CREATED, CONFIRMED, WITHDRAWN])? {
            let details = details(&record);
            let (action, at) = (record.entry().action, record.entry().recorded_at);
            if action == CREATED {
                requests.extend(read(&record, &details));
                continue;
            }
            let of = |request: &&mut Request| Some(&*request.id) == details["request_id"].as_str();
            let Some(request) = requests.iter_mut().find(of) else { continue };
            if request.state == RequestState::Waiting {
                let confirmed = action == CONFIRMED;
                request.state =
                    if confirmed { RequestState::Confirmed } else { RequestState::Withdrawn };
                request.ended_by = details["by"].as_str().map(str::to_owned);
                request.ended_at = Some(at.to_string());
            }
        }
        let now = self.now();
        for request in &mut requests {
            if request.state == RequestState::Waiting && request.times.1 <= now {
                request.state = RequestState::Expired;
            }
        }
        Ok(requests)
    }

    /// One request.
    pub fn request(&self, id: &str) -> Result<Request, KeepError> {
        let found = self.requests()?.into_iter().find(|request| request.id == id);
        found.ok_or_else(|| KeepError::NotFound(format!("there is no request {id}")))
    }

    /// Asks for something that another has to confirm. The body is recorded as it is.
    pub fn ask_second(&self, who: &Who, kind: Kind, body: Value) -> Result<Request, KeepError> {
        let id = self.new_id();
        {
            let _changing = lock(&self.changing);
            let waiting = |request: &&Request| request.state == RequestState::Waiting;
            if self.requests()?.iter().filter(waiting).count() >= REQUESTS_MAX {
                let why = format!("{REQUESTS_MAX} requests wait already; withdraw some first");
                return Err(KeepError::Refused(why));
            }
            let expires_at = Micros(self.now().0.saturating_add(REQUEST_MICROS));
            let details = json!({
                "request_id": id, "kind": kind, "body": body, "by": &*who.id,
                "expires_at": expires_at.to_string(),
            });
            self.record(who, CREATED, target(&id), details)?;
        }
        self.request(&id)
    }

    /// Fails unless this person may confirm this request now.
    pub fn may_confirm(&self, who: &Who, id: &str, kind: Kind) -> Result<Request, KeepError> {
        let request = self.request(id)?;
        let refuse = |why: String| Err(KeepError::Refused(why));
        if request.kind != kind {
            return Err(KeepError::Bad(format!("request {id} is for something else")));
        }
        match request.state {
            RequestState::Waiting => {}
            RequestState::Confirmed => return refuse(format!("request {id} is confirmed already")),
            RequestState::Withdrawn => return refuse(format!("request {id} was withdrawn")),
            RequestState::Expired => {
                return refuse(format!(
                    "request {id} has expired at {}; ask again",
                    request.expires_at
                ));
            }
        }
        if *request.requested_by == *who.id {
            return refuse("whoever asks cannot confirm: it takes another administrator".into());
        }
        if who.since.is_some_and(|since| since >= request.times.0) {
            return refuse(
                "your credential is younger than the request: whoever asks could have made it for this"
                    .into(),
            );
        }
        Ok(request)
    }

    /// Records that somebody else agrees; what was asked for is then to be done by the caller, who holds no turn yet or
    /// holds it already.
    pub fn agree(&self, who: &Who, id: &str, kind: Kind) -> Result<Request, KeepError> {
        self.agree_locked(who, id, kind, &lock(&self.changing))
    }

    /// The same, for whoever is the one that changes what decides what goes.
    pub(crate) fn agree_locked(
        &self,
        who: &Who,
        id: &str,
        kind: Kind,
        _changing: &MutexGuard<'_, ()>,
    ) -> Result<Request, KeepError> {
        let mut request = self.may_confirm(who, id, kind)?;
        let details = json!({"request_id": id, "kind": kind, "by": &*who.id});
        let receipt = self.record(who, CONFIRMED, target(id), details)?;
        request.state = RequestState::Confirmed;
        request.ended_by = Some(who.id.to_string());
        request.ended_at = Some(receipt.recorded_at.to_string());
        Ok(request)
    }

    /// Takes a request back or declines it: anybody who could ask may.
    pub fn withdraw(&self, who: &Who, id: &str) -> Result<Request, KeepError> {
        {
            let _changing = lock(&self.changing);
            let request = self.request(id)?;
            if request.state != RequestState::Waiting {
                return Err(KeepError::Refused(format!("request {id} waits no more")));
            }
            let details = json!({"request_id": id, "kind": request.kind, "by": &*who.id});
            self.record(who, WITHDRAWN, target(id), details)?;
        }
        self.request(id)
    }

    /// A new random id.
    pub(crate) fn new_id(&self) -> String {
        let mut id = [0; 8];
        self.seams.entropy.fill(&mut id);
        hex::encode(&id)
    }
}

impl Request {
    /// When it was asked for.
    pub fn asked_at(&self) -> Micros {
        self.times.0
    }

    /// Whether an event's details name this request.
    pub(crate) fn is_named_by(&self, details: &Value) -> bool {
        details["request_id"].as_str() == Some(&*self.id)
    }

    /// Both people, as the details of what they agreed on name them.
    pub fn both(&self) -> Value {
        json!({
            "request_id": self.id, "requested_by": self.requested_by, "confirmed_by": self.ended_by,
        })
    }
}

fn target(id: &str) -> Value {
    json!({"type": "request", "id": id})
}

fn read(record: &KeptRecord, details: &Value) -> Option<Request> {
    let entry = record.entry();
    let expires_at = details["expires_at"].as_str()?;
    Some(Request {
        id: details["request_id"].as_str()?.to_owned(),
        kind: serde_json::from_value(details["kind"].clone()).ok()?,
        body: details["body"].clone(),
        state: RequestState::Waiting,
        requested_by: details["by"].as_str()?.to_owned(),
        actor: crate::deed::actor(record),
        requested_at: entry.recorded_at.to_string(),
        expires_at: expires_at.to_owned(),
        ended_by: None,
        ended_at: None,
        times: (entry.recorded_at, Micros::parse(expires_at).ok()?),
    })
}

/// Intents with one of these actions that nobody has ended, oldest first.
pub(crate) fn unfinished(records: Vec<KeptRecord>) -> Vec<KeptRecord> {
    let ended: std::collections::HashSet<EventId> = records
        .iter()
        .filter(|record| record.entry().phase == Some(indelible_event::Phase::Outcome))
        .filter_map(|record| record.entry().reference)
        .collect();
    let open = |record: &KeptRecord| {
        let entry = record.entry();
        entry.phase == Some(indelible_event::Phase::Intent) && !ended.contains(&entry.id)
    };
    records.into_iter().filter(open).collect()
}
