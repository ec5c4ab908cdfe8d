//! Letting records go: an event for each class and day and for each trail that can be pruned then, the segments exchanged
//! for stubs or for nothing, and how it ended. What a process that has ended left half done is done first, under the
//! event that began it, so nothing is done twice.

use std::collections::BTreeMap;

use indelible_event::{Day, EventId};
use indelible_log::LogError;
use indelible_log::erasure::EXPIRED;
use indelible_log::rewrite::{Change, Fate, Rewritten};
use indelible_log::segment::SegmentState;
use serde::Serialize;
use serde_json::{Value, json};

use super::plan::{Ask, Basis, Going, Group, Kind, Plan, Reason, plan};
use super::prune::{OfExpiry, Pruning};
use super::{Sweep, merge};
use crate::archive::StillAt;
use crate::deed::{Begun, Who, details};
use crate::error::KeepError;
use crate::limits::EXCHANGE_TRIES_MAX;
use crate::progress::Progress;
use crate::requests::unfinished;
use crate::{Keep, lock};

/// The event of a run.
pub const RUN: &str = "retention.run";
/// The event by which a trail's minimum index advances.
pub const PRUNED: &str = "trail.prune";

/// What a run did.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Run {
    /// Its event, if there was anything to be done.
    pub event: Option<String>,
    /// Records that expired: a stub is left of each, or nothing.
    pub expired: u64,
    /// Records of which nothing is left but their leaf.
    pub pruned: u64,
    /// Bytes of the segments concerned, before.
    pub bytes_before: u64,
    /// After.
    pub bytes_after: u64,
    /// What went, by class and day.
    pub gone: Vec<Gone>,
    /// Records whose time had come and that stay, by the hold's id.
    pub held: BTreeMap<String, u64>,
    /// Archives that still have some of what went, by name, until they are gone on with.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub still_at: Vec<StillAt>,
}

/// A class and day that went.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gone {
    /// The class.
    pub class: String,
    /// The policy that classed the records.
    pub policy: u32,
    /// The day.
    pub day: String,
    /// Why they went.
    pub reason: Reason,
    /// How many there were.
    pub records: u64,
    /// The event that says so.
    pub event: String,
}

/// On whose behalf records go, and by which deed.
pub(crate) struct Deed<'a> {
    pub who: &'a Who,
    pub run: EventId,
    /// What else each of its events says.
    pub more: Value,
}

impl Keep {
    /// Lets go what is due. Refused while the clock is not believed. A run of the node's own that finds nothing to do is
    /// not recorded.
    pub fn run_retention(&self, who: &Who, progress: &dyn Progress) -> Result<Run, KeepError> {
        let _turn = self.turn()?;
        let now = self.believe_clock()?;
        self.resume(progress)?;
        let ask = Ask { now, sweep: None, explain: false };
        let plan = plan(self, Basis::read(self)?, &ask)?;
        let records: u64 = plan.groups.values().map(Group::records).sum();
        let nothing = records == 0 && self.prunable(&[]).is_empty();
        if nothing && *who.id == *Who::node().id {
            return Ok(Run::default());
        }
        let policy = plan.basis.policies.last().map_or(1, |policy| policy.number);
        let intent = json!({"policy": policy, "records": records, "now": now.to_string()});
        let begun = self.begin(who, RUN, json!({"type": "log", "id": "retention"}), intent)?;
        let deed = Deed { who, run: begun.id, more: json!({}) };
        let result = self.let_go(&deed, plan, &ask, progress);
        self.end(begun, result.map(|run| (run.clone(), run.told())))
    }

    /// Goes on with what a process that has ended left half done; what cannot go on now, as the clock is not believed,
    /// waits. To be called at the start.
    pub fn resume_retention(&self, progress: &dyn Progress) -> Result<(), KeepError> {
        let _turn = self.turn()?;
        self.resume(progress)
    }

    fn resume(&self, progress: &dyn Progress) -> Result<(), KeepError> {
        self.resume_policies()?;
        // Before anything else goes: that would find the same to be pruned, and tell it a second time.
        self.resume_prunings()?;
        self.resume_purges(progress)?;
        if self.believe_clock().is_err() {
            return Ok(());
        }
        let ask = Ask { now: self.now(), sweep: None, explain: false };
        self.resume_expiries(None, &ask, progress)?;
        for intent in unfinished(self.told(&[RUN])?) {
            let Some(begun) = Begun::of(&intent, RUN) else { continue };
            self.end(begun, Ok(((), json!({"resumed": true}))))?;
        }
        Ok(())
    }

    /// Lets whole groups go, one after the other, then what no stub is needed for any more.
    pub(crate) fn let_go(
        &self,
        deed: &Deed<'_>,
        mut plan: Plan,
        ask: &Ask<'_>,
        progress: &dyn Progress,
    ) -> Result<Run, KeepError> {
        let mut run = Run { event: Some(deed.run.to_string()), ..Run::default() };
        progress.stage("expire", Some(plan.groups.values().map(Group::records).sum()));
        for group in plan.groups.values() {
            for (hold, count) in &group.held {
                *run.held.entry(hold.clone()).or_default() += count;
            }
        }
        loop {
            // Who changes what decides what goes waits until this group is through, and the next is planned anew.
            let _changing = lock(&self.changing);
            let basis = Basis::read(self)?;
            if basis != plan.basis {
                plan = super::plan::plan(self, basis, ask)?;
            }
            let Some((kind, group)) = plan.groups.pop_first() else { break };
            if group.records() > 0 {
                self.expire(deed, &kind, group, ask, &mut run, progress)?;
            }
        }
        self.prune(deed, &mut run, progress)?;
        if run.expired + run.pruned > 0 {
            progress.stage("archives", None);
            run.still_at = self.still_at(deed.who)?;
        }
        Ok(run)
    }

    /// One group: its event and those of what can be pruned after it, the exchange, how it ended.
    fn expire(
        &self,
        deed: &Deed<'_>,
        kind: &Kind,
        group: Group,
        ask: &Ask<'_>,
        run: &mut Run,
        progress: &dyn Progress,
    ) -> Result<(), KeepError> {
        let mut intent = json!({
            "class": kind.class, "policy": kind.policy, "day": kind.day.to_string(),
            "first_pos": group.span.0, "last_pos": group.span.1, "reason": kind.reason,
            "records": group.records(), "bytes": group.bytes(), "run": deed.run.to_string(),
        });
        merge(&mut intent, deed.more.clone());
        let target = json!({
            "type": "segment", "id": format!("{}.{}.{}", kind.class, kind.policy, kind.day),
        });
        let begun = self.begin(deed.who, EXPIRED, target, intent)?;
        let by = begun.id;
        let trails = self.prunable(&group.segments);
        let (before, prunings) = (run.expired, self.begin_prunings(deed, Some(by), trails));
        let result = prunings.and_then(|prunings| {
            let done = |done: u64| progress.done(before + done);
            let exchange = Exchange { by, kind, span: group.span, ask, progress: &done };
            self.exchange(&exchange, group.segments, prunings)
        });
        let told = result.map(|went| {
            let details = json!({"records": went.records, "stubs": went.stubs});
            (went, details)
        });
        let Went { records, done, .. } = self.end(begun, told)?;
        run.expired += records;
        run.pruned += done.pruned;
        run.bytes_before += done.bytes_before;
        run.bytes_after += done.bytes_after;
        run.gone.push(Gone {
            class: kind.class.clone(),
            policy: kind.policy,
            day: kind.day.to_string(),
            reason: kind.reason,
            records,
            event: by.to_string(),
        });
        Ok(())
    }

    /// Exchanges segments for stubs, or for nothing where that is told, too; where one was merged meanwhile, what has
    /// taken its place. Ends the prunings.
    fn exchange(
        &self,
        exchange: &Exchange<'_>,
        segments: Vec<Going>,
        prunings: Vec<Pruning>,
    ) -> Result<Went, KeepError> {
        let result = self.exchange_now(exchange, segments, &prunings);
        let pruned = result.as_ref().map(|went| went.done.pruned_of.clone()).unwrap_or_default();
        self.end_prunings(prunings, &pruned)?;
        result
    }

    fn exchange_now(
        &self,
        exchange: &Exchange<'_>,
        mut segments: Vec<Going>,
        prunings: &[Pruning],
    ) -> Result<Went, KeepError> {
        let Exchange { by, kind, span, ask, progress } = *exchange;
        for _ in 0..EXCHANGE_TRIES_MAX {
            let change = |going: &Going| Change {
                file: going.file,
                fate: Fate::Expire { by, keep: going.keep.clone() },
            };
            let changes: Vec<Change> = segments.iter().map(change).collect();
            let mins = self.reachable(prunings, &segments)?;
            // What an earlier try did.
            let before = self.gone_by(kind, by)?;
            let done = match changes.is_empty() && mins.is_empty() {
                true => Ok(Rewritten::default()),
                false => self.store.log().rewrite(&changes, &mins, progress),
            };
            match done {
                Err(LogError::Exchanged { .. }) => segments = self.within(kind, span, ask)?,
                Err(error) => return Err(error.into()),
                Ok(done) => {
                    let (records, stubs) = (before + done.expired, self.gone_by(kind, by)?);
                    return Ok(Went { records, stubs, done });
                }
            }
        }
        Err(KeepError::Refused("segments are being merged all the time; try again later".into()))
    }

    /// What of a kind goes now, of segments that lie in a stretch of the log.
    fn within(
        &self,
        kind: &Kind,
        span: (u64, u64),
        ask: &Ask<'_>,
    ) -> Result<Vec<Going>, KeepError> {
        let group = plan(self, Basis::read(self)?, ask)?.groups.remove(kind);
        let inside = |going: &Going| span.0 <= going.span.0 && going.span.1 <= span.1;
        Ok(group.map_or_else(Vec::new, |group| group.segments).into_iter().filter(inside).collect())
    }

    /// How many records there are stubs of by an event.
    fn gone_by(&self, kind: &Kind, by: EventId) -> Result<u64, KeepError> {
        let mut records = 0;
        for segment in self.store.log().view().segments() {
            let of = (segment.class(), segment.policy(), segment.day());
            if !segment.is_stub() || of != (&*kind.class, kind.policy, kind.day) {
                continue;
            }
            if segment.segment()?.meta().state == (SegmentState::Stub { expired_by: by }) {
                records += u64::from(segment.rows());
            }
        }
        Ok(records)
    }

    /// Goes on with expiries that were begun, under the events that began them: those of one purge, or those of none.
    pub(crate) fn resume_expiries(
        &self,
        purge: Option<EventId>,
        ask: &Ask<'_>,
        progress: &dyn Progress,
    ) -> Result<(), KeepError> {
        for intent in unfinished(self.told(&[EXPIRED])?) {
            let told = details(&intent);
            let reason = serde_json::from_value::<Reason>(told["reason"].clone()).ok();
            let of = told["run"].as_str().and_then(|id| EventId::parse(id).ok());
            let mine = match purge {
                Some(_) => of == purge,
                // Of a purge that has ended nothing goes any more.
                None => true,
            };
            let Some(begun) = Begun::of(&intent, EXPIRED).filter(|_| mine) else { continue };
            let _changing = lock(&self.changing);
            let result = expiry(&told, reason).and_then(|(kind, span)| {
                let left = match (kind.reason, purge) {
                    (Reason::Purge, None) => Vec::new(),
                    _ => self.within(&kind, span, ask)?,
                };
                let OfExpiry { open, done } = self.prunings_of(begun.id)?;
                let done_so_far = |done: u64| progress.done(done);
                let exchange =
                    Exchange { by: begun.id, kind: &kind, span, ask, progress: &done_so_far };
                let Went { mut records, stubs, .. } = self.exchange(&exchange, left, open)?;
                if done {
                    // Of those that became no stubs nothing can be counted any more.
                    records = told["records"].as_u64().unwrap_or(records);
                }
                Ok(((), json!({"records": records, "stubs": stubs, "resumed": true})))
            });
            self.give_up_or_end(begun, result)?;
        }
        Ok(())
    }
}

/// What one expiry exchanges.
#[derive(Clone, Copy)]
struct Exchange<'a> {
    by: EventId,
    kind: &'a Kind,
    span: (u64, u64),
    ask: &'a Ask<'a>,
    progress: &'a (dyn Fn(u64) + Sync),
}

/// What became of an expiry's records.
struct Went {
    /// How many expired.
    records: u64,
    /// Of how many of them a stub is left.
    stubs: u64,
    done: Rewritten,
}

impl Run {
    /// What its outcome tells; the events of its groups tell the rest.
    pub(crate) fn told(&self) -> Value {
        let mut told = json!({
            "expired": self.expired, "pruned": self.pruned, "bytes_before": self.bytes_before,
            "bytes_after": self.bytes_after, "held": self.held, "groups": self.gone.len(),
        });
        if !self.still_at.is_empty() {
            told["still_at"] = json!(self.still_at);
        }
        told
    }
}

/// What an event of expiry is about.
fn expiry(told: &Value, reason: Option<Reason>) -> Result<(Kind, (u64, u64)), KeepError> {
    let read = || {
        let kind = Kind {
            day: Day::parse(told["day"].as_str()?).ok()?,
            class: told["class"].as_str()?.to_owned(),
            policy: u32::try_from(told["policy"].as_u64()?).ok()?,
            reason: reason?,
        };
        Some((kind, (told["first_pos"].as_u64()?, told["last_pos"].as_u64()?)))
    };
    read().ok_or_else(|| KeepError::Bad("the event does not say what expires".into()))
}

/// What a purge asks for, to be planned.
pub(crate) fn sweep_ask<'a>(keep: &Keep, sweep: &'a Sweep) -> Ask<'a> {
    Ask { now: keep.now(), sweep: Some(sweep), explain: false }
}
