//! Retention: what is kept for how long, what would go and why, and letting it go.
//!
//! `policy_text` reads and prints policies, `promise` says what each record was promised, `plan` what goes now, and `run`
//! does it: each class and day by an event of its own, recorded first. `prune` advances the trails' minimum indexes.

mod plan;
pub mod policy_text;
mod presets;
pub mod promise;
mod prune;
mod run;

use std::collections::BTreeMap;
use std::sync::MutexGuard;

use indelible_event::TrailName;
use indelible_log::policy::{Policy, Rule, SET};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::clock::ClockState;
use crate::deed::{Begun, Who, actor, details};
use crate::error::KeepError;
use crate::limits::NEXT_MAX;
use crate::requests::{Kind as Asked, Request, RequestState, unfinished};
use crate::{Keep, lock};
use plan::{Ask, Plan};

pub use plan::{Next, Reason};
pub use presets::{Preset, presets};
pub use run::{Gone, PRUNED, RUN, Run};

pub(crate) use plan::{Basis, Sweep, plan};
pub(crate) use run::{Deed, sweep_ask};

/// A policy that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SetRetention {
    /// Its rules, as [`policy_text::parse`] reads them.
    pub rules: String,
    /// How many bytes all segments may have together: beyond it the oldest go before their time.
    #[serde(default)]
    pub bytes_max: Option<u64>,
    /// What is younger, in days, does not go for want of room.
    #[serde(default)]
    pub floor_days: u32,
    /// Whether it also shortens what earlier policies promised to what is there already. That takes two people.
    #[serde(default)]
    pub existing: bool,
}

/// A policy, as people read it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PolicyView {
    /// Its number.
    pub number: u32,
    /// Its rules as text.
    pub rules: String,
    /// See [`SetRetention`].
    pub bytes_max: Option<u64>,
    /// See [`SetRetention`].
    pub floor_days: u32,
    /// See [`SetRetention`].
    pub existing: bool,
    /// When it was set; the first was there from the beginning.
    pub set_at: Option<String>,
    /// Who set it, as the event's actor.
    pub set_by: Option<Value>,
}

/// What became of a policy that somebody wants.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum SetOutcome {
    /// It is in force.
    Set(PolicyView),
    /// Another person has to confirm it.
    Asked(Request),
}

/// What is kept for how long.
#[derive(Clone, Debug, Serialize)]
pub struct Retention {
    /// The policy in force.
    pub current: PolicyView,
    /// All of them, by number.
    pub policies: Vec<PolicyView>,
    /// What goes next, the earliest first.
    pub next: Vec<Next>,
    /// Bytes of all segments.
    pub bytes: u64,
    /// Whether the clock is believed: else nothing expires.
    pub clock: ClockState,
}

/// What would go now.
#[derive(Clone, Debug, Serialize)]
pub struct Preview {
    /// Under this policy, together with what earlier ones promised.
    pub policy: PolicyView,
    /// When this was looked at.
    pub at: String,
    /// Records that would go.
    pub records: u64,
    /// About how many bytes they are.
    pub bytes: u64,
    /// Bytes of all segments now.
    pub bytes_all: u64,
    /// What would go, and what would stay though its time has come, by class and day.
    pub going: Vec<GoingView>,
    /// Who holds how much of what would go otherwise.
    pub held: Vec<HeldView>,
    /// Records that this policy alone would let go, and an earlier one promised to keep longer.
    pub promised: u64,
    /// What goes next, the earliest first.
    pub next: Vec<Next>,
    /// Why nothing goes at all, if so: the clock is not believed.
    pub stopped: Option<String>,
}

/// A class and day of a preview.
#[derive(Clone, Debug, Serialize)]
pub struct GoingView {
    /// The class.
    pub class: String,
    /// The policy that classed the records.
    pub policy: u32,
    /// The day.
    pub day: String,
    /// Why they would go.
    pub reason: Reason,
    /// How many would.
    pub records: u64,
    /// About how many bytes they are.
    pub bytes: u64,
    /// How many stay for the sake of each hold, by its id.
    pub held: BTreeMap<String, u64>,
    /// How many stay because an earlier policy promised it.
    pub promised: u64,
}

/// A hold in a preview.
#[derive(Clone, Debug, Serialize)]
pub struct HeldView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it holds.
    pub query: String,
    /// Who answers for it.
    pub owner: String,
    /// Records whose time has come and that stay for its sake.
    pub records: u64,
}

impl SetRetention {
    fn policy(&self, number: u32) -> Result<Policy, KeepError> {
        let rules = policy_text::parse(&self.rules).map_err(|e| KeepError::Bad(e.to_string()))?;
        if self.bytes_max == Some(0) {
            return Err(KeepError::Bad("a log of no bytes keeps nothing".into()));
        }
        if self.bytes_max.is_none() && self.floor_days > 0 {
            let why = "a floor is for a log that may become only so large; give that, too";
            return Err(KeepError::Bad(why.into()));
        }
        let (bytes_max, floor_days, existing) = (self.bytes_max, self.floor_days, self.existing);
        let policy = Policy { number, rules, bytes_max, floor_days, existing };
        policy.check().map(|()| policy).map_err(KeepError::Bad)
    }
}

impl PolicyView {
    fn of(policy: &Policy) -> PolicyView {
        PolicyView {
            number: policy.number,
            rules: policy_text::print(&policy.rules),
            bytes_max: policy.bytes_max,
            floor_days: policy.floor_days,
            existing: policy.existing,
            set_at: None,
            set_by: None,
        }
    }
}

impl Keep {
    /// What is kept for how long, and what goes next.
    pub fn retention(&self) -> Result<Retention, KeepError> {
        let ask = Ask { now: self.now(), sweep: None, explain: true };
        let plan = plan(self, Basis::read(self)?, &ask)?;
        let policies = self.policies()?;
        let current = policies.last().cloned().unwrap_or_else(|| PolicyView::of(&Policy::first()));
        let (next, bytes) = (nearest(plan.next), plan.bytes);
        Ok(Retention { current, policies, next, bytes, clock: self.clock_state()? })
    }

    /// All policies, by number.
    pub fn policies(&self) -> Result<Vec<PolicyView>, KeepError> {
        let mut views: Vec<PolicyView> =
            self.store.log().policies().iter().map(PolicyView::of).collect();
        for record in self.told(&[SET])? {
            let number = details(&record)["number"].as_u64();
            let of = |view: &&mut PolicyView| Some(u64::from(view.number)) == number;
            if let Some(view) = views.iter_mut().find(of) {
                view.set_at = Some(record.entry().recorded_at.to_string());
                view.set_by = Some(actor(&record));
            }
        }
        Ok(views)
    }

    /// Sets the policy for what is sealed from now on. What keeps longer than before counts at once for everything;
    /// one that may shorten what was promised waits for a second person, and so does one that lets records of
    /// reading go: they say who looked.
    pub fn set_retention(&self, who: &Who, set: &SetRetention) -> Result<SetOutcome, KeepError> {
        let policy = set.policy(2)?;
        let system = TrailName::system();
        let watched = |rule: &Rule| rule.trail.as_deref() == Some(system.as_str());
        if set.existing || policy.rules.iter().any(watched) {
            let request = self.ask_second(who, Asked::Retention, json!(set))?;
            return Ok(SetOutcome::Asked(request));
        }
        self.put_policy(who, set, json!({}), &lock(&self.changing)).map(SetOutcome::Set)
    }

    /// Confirms a policy that shortens what was promised: it is in force then.
    pub fn confirm_retention(&self, who: &Who, request: &str) -> Result<PolicyView, KeepError> {
        let set = asked(&self.may_confirm(who, request, Asked::Retention)?)?;
        let changing = lock(&self.changing);
        let request = self.agree_locked(who, request, Asked::Retention, &changing)?;
        self.put_policy(who, &set, request.both(), &changing)
    }

    /// What would go now: under the policies as they are, or with one more.
    pub fn preview_retention(&self, set: Option<&SetRetention>) -> Result<Preview, KeepError> {
        let mut basis = Basis::read(self)?;
        if let Some(set) = set {
            let number = basis.policies.last().map_or(1, |last| last.number);
            basis.policies.push(set.policy(number + 1)?);
        }
        let ask = Ask { now: self.now(), sweep: None, explain: true };
        Ok(preview(plan(self, basis, &ask)?, self.clock_state()?))
    }

    fn put_policy(
        &self,
        who: &Who,
        set: &SetRetention,
        more: Value,
        _changing: &MutexGuard<'_, ()>,
    ) -> Result<PolicyView, KeepError> {
        // What was recorded before it was promised what was in force then.
        self.store.log().seal()?;
        let number = self.store.log().policies().last().map_or(1, |last| last.number) + 1;
        let policy = set.policy(number)?;
        let mut told = json!(policy);
        told["text"] = json!(policy_text::print(&policy.rules));
        merge(&mut told, more);
        let begun = self.begin(who, SET, target(number), told)?;
        let result = self.store.log().set_policy(policy).map_err(KeepError::from);
        self.end(begun, result.map(|()| ((), json!({}))))?;
        let view = self.policies()?.into_iter().find(|view| view.number == number);
        view.ok_or_else(|| KeepError::NotFound(format!("there is no policy {number}")))
    }

    /// Ends what a process that has ended left half done about policies.
    fn resume_policies(&self) -> Result<(), KeepError> {
        let changing = lock(&self.changing);
        let told = self.told(&[SET])?;
        for request in self.requests()? {
            let named = |record| request.is_named_by(&details(record));
            let undone = request.state == RequestState::Confirmed && !told.iter().any(named);
            if undone && request.kind == Asked::Retention {
                self.put_policy(&Who::node(), &asked(&request)?, request.both(), &changing)?;
            }
        }
        for intent in unfinished(told) {
            let Some(begun) = Begun::of(&intent, SET) else { continue };
            let in_force = self.store.log().policies();
            let result = match indelible_log::policy::told(&intent.as_ref()) {
                Some(policy) if in_force.contains(&policy) => Ok(()),
                Some(policy) => self.store.log().set_policy(policy).map_err(KeepError::from),
                None => Err(KeepError::Bad("the event has lost its policy".into())),
            };
            self.give_up_or_end(begun, result.map(|()| ((), json!({"resumed": true}))))?;
        }
        Ok(())
    }

    /// Ends an act of a process that is gone, well or not; only that it cannot be recorded is an error.
    fn give_up_or_end<T>(
        &self,
        begun: Begun,
        result: Result<(T, Value), KeepError>,
    ) -> Result<Option<T>, KeepError> {
        match self.end(begun, result) {
            Ok(value) => Ok(Some(value)),
            Err(error @ (KeepError::Record(_) | KeepError::Store(_))) => Err(error),
            Err(_) => Ok(None),
        }
    }
}

/// What somebody asked for, out of the request.
fn asked(request: &Request) -> Result<SetRetention, KeepError> {
    let bad = |e| KeepError::Bad(format!("request {} is malformed: {e}", request.id));
    serde_json::from_value(request.body.clone()).map_err(bad)
}

fn target(number: u32) -> Value {
    json!({"type": "policy", "id": number.to_string()})
}

/// Adds the members of one object to another.
pub(crate) fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}

/// What a plan says, for people.
pub(crate) fn preview(plan: Plan, clock: ClockState) -> Preview {
    let mut held: BTreeMap<&str, u64> = BTreeMap::new();
    let mut going = Vec::with_capacity(plan.groups.len());
    for (kind, group) in &plan.groups {
        for (hold, count) in &group.held {
            *held.entry(hold).or_default() += count;
        }
        going.push(GoingView {
            class: kind.class.clone(),
            policy: kind.policy,
            day: kind.day.to_string(),
            reason: kind.reason,
            records: group.records(),
            bytes: group.bytes(),
            held: group.held.clone(),
            promised: group.promised,
        });
    }
    let view = |(hold, _): &(crate::holds::Hold, _)| HeldView {
        id: hold.id.clone(),
        name: hold.name.clone(),
        query: hold.query.clone(),
        owner: hold.owner.clone(),
        records: held.get(&*hold.id).copied().unwrap_or(0),
    };
    let held = plan.basis.holds.iter().map(view).filter(|held| held.records > 0).collect();
    let current = plan.basis.policies.last().map(PolicyView::of);
    Preview {
        policy: current.unwrap_or_else(|| PolicyView::of(&Policy::first())),
        at: clock.now,
        records: going.iter().map(|going| going.records).sum(),
        bytes: going.iter().map(|going| going.bytes).sum(),
        bytes_all: plan.bytes,
        promised: going.iter().map(|going| going.promised).sum(),
        going,
        held,
        next: nearest(plan.next),
        stopped: clock.stopped,
    }
}

/// Classes and days together, the earliest first.
fn nearest(mut next: Vec<Next>) -> Vec<Next> {
    next.dedup_by(|b, a| {
        let same = (&a.at, &a.class, a.policy, &a.day) == (&b.at, &b.class, b.policy, &b.day);
        if same {
            a.records += b.records;
        }
        same
    });
    next.truncate(NEXT_MAX);
    next
}
