//! Purging: records that go before their time, because two people want it. What is held stays.

use indelible_event::{Day, Micros};
use indelible_index::query;
use indelible_log::policy::SYSTEM;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Keep;
use crate::deed::{Begun, Who, details};
use crate::error::KeepError;
use crate::limits::{HOLD_QUERY_BYTES_MAX, TEXT_BYTES_MAX};
use crate::progress::Progress;
use crate::requests::{Kind, Request, RequestState, unfinished};
use crate::retention::{Basis, Deed, Preview, Run, Sweep, plan, preview, sweep_ask};

/// The event of a purge.
pub const PURGED: &str = "purge.run";

/// What somebody wants to go before its time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Purge {
    /// Which records, as a query; all, if there is none.
    #[serde(default)]
    pub query: Option<String>,
    /// Of which retention class, if not of all.
    #[serde(default)]
    pub class: Option<String>,
    /// The last day they may be of, as `YYYY-MM-DD`.
    pub until: String,
    /// Why.
    pub reason: String,
}

impl Purge {
    /// What it means if it was asked for at this time.
    fn sweep(&self, at: Micros) -> Result<Sweep, KeepError> {
        if self.reason.trim().is_empty() || self.reason.len() > TEXT_BYTES_MAX {
            let why = format!("a purge has a reason, of at most {TEXT_BYTES_MAX} bytes");
            return Err(KeepError::Bad(why));
        }
        if self.query.is_none() && self.class.is_none() {
            return Err(KeepError::Bad("say what goes: a query, or a retention class".into()));
        }
        if self.class.as_deref() == Some(SYSTEM) {
            let why = "what the node says of itself explains the rest, and is never purged";
            return Err(KeepError::Bad(why.into()));
        }
        if self.query.as_ref().is_some_and(|text| text.len() > HOLD_QUERY_BYTES_MAX) {
            let why = format!("the query is longer than {HOLD_QUERY_BYTES_MAX} bytes");
            return Err(KeepError::Bad(why));
        }
        let query = self.query.as_deref().map(|text| query::parse(text, at)).transpose();
        let query = query.map_err(|e| KeepError::Bad(e.to_string()))?;
        let until = Day::parse(&self.until);
        let until = until.map_err(|e| KeepError::Bad(format!("until {e}")))?;
        Ok(Sweep { query, class: self.class.clone(), until })
    }
}

impl Keep {
    /// What a purge would take now. Records that are not sealed yet are not looked at.
    pub fn preview_purge(&self, purge: &Purge) -> Result<Preview, KeepError> {
        let sweep = purge.sweep(self.now())?;
        let plan = plan(self, Basis::read(self)?, &sweep_ask(self, &sweep))?;
        Ok(preview(plan, self.clock_state()?))
    }

    /// Asks for a purge; another person has to confirm it.
    pub fn request_purge(&self, who: &Who, purge: &Purge) -> Result<Request, KeepError> {
        purge.sweep(self.now())?;
        self.ask_second(who, Kind::Purge, json!(purge))
    }

    /// Confirms a purge and does it.
    pub fn confirm_purge(
        &self,
        who: &Who,
        request: &str,
        progress: &dyn Progress,
    ) -> Result<Run, KeepError> {
        let _turn = self.turn()?;
        asked(&self.may_confirm(who, request, Kind::Purge)?)?;
        let request = self.agree(who, request, Kind::Purge)?;
        self.purge(who, &request, progress)
    }

    fn purge(
        &self,
        who: &Who,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Run, KeepError> {
        let (_, sweep) = asked(request)?;
        let mut intent = request.body.clone();
        crate::retention::merge(&mut intent, request.both());
        let target = json!({"type": "request", "id": request.id});
        let begun = self.begin(who, PURGED, target, intent)?;
        let result = self.swept(who, &begun, request, &sweep, progress);
        self.end(begun, result.map(|run| (run.clone(), run.told())))
    }

    fn swept(
        &self,
        who: &Who,
        begun: &Begun,
        request: &Request,
        sweep: &Sweep,
        progress: &dyn Progress,
    ) -> Result<Run, KeepError> {
        // What is not sealed yet is in no segment, and would stay.
        self.store.log().seal()?;
        let ask = sweep_ask(self, sweep);
        let plan = plan(self, Basis::read(self)?, &ask)?;
        let deed = Deed { who, run: begun.id, more: request.both() };
        self.let_go(&deed, plan, &ask, progress)
    }

    /// Goes on with purges that a process that has ended began, or had not begun though two people agreed.
    pub(crate) fn resume_purges(&self, progress: &dyn Progress) -> Result<(), KeepError> {
        let told = self.told(&[PURGED])?;
        let open = unfinished(told.clone());
        for request in self.requests()? {
            if request.kind != Kind::Purge || request.state != RequestState::Confirmed {
                continue;
            }
            let named =
                |record: &&indelible_log::record::KeptRecord| request.is_named_by(&details(record));
            if let Some(intent) = open.iter().find(named) {
                let Some(begun) = Begun::of(intent, PURGED) else { continue };
                let result = self.purge_on(&begun, &request, progress);
                self.end(begun, result.map(|run| ((), resumed(&run))))?;
            } else if !told.iter().any(|record| named(&record)) {
                self.purge(&Who::node(), &request, progress)?;
            }
        }
        Ok(())
    }

    fn purge_on(
        &self,
        begun: &Begun,
        request: &Request,
        progress: &dyn Progress,
    ) -> Result<Run, KeepError> {
        let (_, sweep) = asked(request)?;
        self.resume_expiries(Some(begun.id), &sweep_ask(self, &sweep), progress)?;
        self.swept(&Who::node(), begun, request, &sweep, progress)
    }
}

/// What was asked for, and what it means: relative times count from when it was asked.
fn asked(request: &Request) -> Result<(Purge, Sweep), KeepError> {
    let bad = |e| KeepError::Bad(format!("request {} is malformed: {e}", request.id));
    let purge: Purge = serde_json::from_value(request.body.clone()).map_err(bad)?;
    let sweep = purge.sweep(request.asked_at())?;
    Ok((purge, sweep))
}

fn resumed(run: &Run) -> Value {
    let mut told = run.told();
    told["resumed"] = json!(true);
    told
}
