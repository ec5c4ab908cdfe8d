//! Advancing minimum indexes: below them not even stubs are kept. What expires now and lies below what its trails then
//! reach goes without becoming a stub, so each pruning of that kind is told with its expiry, and ended with it.

use std::collections::{BTreeMap, BTreeSet};

use indelible_event::{EventId, Phase};
use indelible_log::erasure::EXPIRED;
use indelible_log::record::{KeptRecord, TrailNo};
use indelible_log::trail::{TrailId, floor};
use serde_json::{Value, json};

use super::merge;
use super::plan::Going;
use super::run::{Deed, PRUNED, Run};
use crate::Keep;
use crate::deed::{Begun, details};
use crate::error::KeepError;
use crate::progress::Progress;
use crate::requests::unfinished;

/// A trail whose minimum index can advance so far that something goes without a stub.
pub(super) struct Prunable {
    no: TrailNo,
    id: TrailId,
    name: String,
    min: u64,
}

/// A pruning that was told, and is to be ended.
pub(super) struct Pruning {
    begun: Begun,
    no: TrailNo,
    min: u64,
}

/// Prunings that an expiry was told with.
#[derive(Default)]
pub(super) struct OfExpiry {
    pub open: Vec<Pruning>,
    /// One of them is done, so all of the expiry is: both are one exchange, the last of its expiry.
    pub done: bool,
}

impl Keep {
    /// The trails that can be pruned once these segments have expired.
    pub(super) fn prunable(&self, going: &[Going]) -> Vec<Prunable> {
        let reach = self.reach(going);
        let trails = self.store.log().view().trails().into_iter();
        trails
            .filter(|trail| trail.info.no != TrailNo(0))
            .filter_map(|trail| {
                let (no, id) = (trail.info.no, trail.info.id);
                let min = *reach.get(&no).filter(|min| floor(**min) > floor(trail.min))?;
                Some(Prunable { no, id, name: trail.info.name.to_string(), min })
            })
            .collect()
    }

    /// By trail, below which seq nothing is whole once these segments have expired.
    fn reach(&self, going: &[Going]) -> BTreeMap<TrailNo, u64> {
        let goes: BTreeSet<u64> =
            going.iter().filter(|g| g.keep.is_empty()).map(|g| g.file).collect();
        let (mut whole, mut gone) = (BTreeMap::new(), BTreeMap::new());
        for segment in self.store.log().view().segments() {
            let expired = segment.is_stub() || goes.contains(&segment.file_no());
            for (trail, first, last, _) in segment.trails() {
                if expired {
                    let end: &mut u64 = gone.entry(trail).or_default();
                    *end = (*end).max(last.0 + 1);
                } else {
                    let first_whole: &mut u64 = whole.entry(trail).or_insert(u64::MAX);
                    *first_whole = (*first_whole).min(first.0);
                }
            }
        }
        gone.extend(whole);
        gone
    }

    /// Tells what is pruned, together with an expiry or alone.
    pub(super) fn begin_prunings(
        &self,
        deed: &Deed<'_>,
        expiry: Option<EventId>,
        trails: Vec<Prunable>,
    ) -> Result<Vec<Pruning>, KeepError> {
        let begin = |Prunable { no, id, name, min }| {
            let target = json!({"type": "trail", "id": id.to_string(), "name": name});
            let mut intent =
                json!({"trail": id.to_string(), "min": min, "run": deed.run.to_string()});
            if let Some(expiry) = expiry {
                intent["expiry"] = json!(expiry.to_string());
            }
            merge(&mut intent, deed.more.clone());
            Ok(Pruning { begun: self.begin(deed.who, PRUNED, target, intent)?, no, min })
        };
        trails.into_iter().map(begin).collect()
    }

    /// The minimum indexes among these that can be reached once these segments have expired.
    pub(super) fn reachable(
        &self,
        prunings: &[Pruning],
        going: &[Going],
    ) -> Result<Vec<(TrailNo, u64)>, KeepError> {
        let reach = self.reach(going);
        let mut mins = Vec::with_capacity(prunings.len());
        for pruning in prunings {
            let above = reach.get(&pruning.no).is_some_and(|min| *min >= pruning.min);
            if above && !self.is_reached(pruning.no, pruning.min)? {
                mins.push((pruning.no, pruning.min));
            }
        }
        Ok(mins)
    }

    fn is_reached(&self, trail: TrailNo, min: u64) -> Result<bool, KeepError> {
        Ok(self.store.log().view().trail(trail)?.min >= min)
    }

    /// Tells how prunings ended, by the minimum indexes as they are now. Gives how many records went.
    pub(super) fn end_prunings(
        &self,
        prunings: Vec<Pruning>,
        pruned: &BTreeMap<TrailNo, u64>,
    ) -> Result<u64, KeepError> {
        let mut all = 0;
        for Pruning { begun, no, min } in prunings {
            let records = pruned.get(&no).copied().unwrap_or(0);
            let result = match self.is_reached(no, min)? {
                true => Ok((records, json!({"records": records}))),
                false => Err(KeepError::Refused(format!("records below {min} are still there"))),
            };
            all += self.give_up_or_end(begun, result)?.unwrap_or(0);
        }
        Ok(all)
    }

    /// Prunes what no stub is needed of any more, all trails together.
    pub(super) fn prune(
        &self,
        deed: &Deed<'_>,
        run: &mut Run,
        progress: &dyn Progress,
    ) -> Result<(), KeepError> {
        let trails = self.prunable(&[]);
        progress.stage("prune", Some(trails.len() as u64));
        if trails.is_empty() {
            return Ok(());
        }
        let count = trails.len() as u64;
        let prunings = self.begin_prunings(deed, None, trails)?;
        let mins: Vec<_> = prunings.iter().map(|pruning| (pruning.no, pruning.min)).collect();
        let result = self.store.log().rewrite(&[], &mins, &|_| {});
        let pruned = result.as_ref().map(|done| done.pruned_of.clone()).unwrap_or_default();
        run.pruned += self.end_prunings(prunings, &pruned)?;
        progress.done(count);
        result?;
        Ok(())
    }

    /// Ends prunings that were told alone; those of an expiry that goes on go on with it.
    pub(super) fn resume_prunings(&self) -> Result<(), KeepError> {
        let expiries: BTreeSet<String> =
            unfinished(self.told(&[EXPIRED])?).iter().map(|r| r.entry().id.to_string()).collect();
        for intent in unfinished(self.told(&[PRUNED])?) {
            let told = details(&intent);
            if told["expiry"].as_str().is_some_and(|expiry| expiries.contains(expiry)) {
                continue;
            }
            let Some(begun) = Begun::of(&intent, PRUNED) else { continue };
            let result = self.min_of(&told).and_then(|min| {
                self.store.log().rewrite(&[], &[min], &|_| {})?;
                Ok(((), json!({"resumed": true})))
            });
            self.give_up_or_end(begun, result)?;
        }
        Ok(())
    }

    /// The prunings that an expiry was told with.
    pub(super) fn prunings_of(&self, expiry: EventId) -> Result<OfExpiry, KeepError> {
        let told = self.told(&[PRUNED])?;
        let expiry = expiry.to_string();
        let mine = |intent: &&KeptRecord| details(intent)["expiry"].as_str() == Some(&*expiry);
        let mut of = OfExpiry::default();
        for intent in told.iter().filter(|r| r.entry().phase == Some(Phase::Intent)).filter(mine) {
            let (no, min) = self.min_of(&details(intent))?;
            of.done |= self.is_reached(no, min)?;
        }
        for intent in unfinished(told).iter().filter(mine) {
            let (no, min) = self.min_of(&details(intent))?;
            of.open.extend(Begun::of(intent, PRUNED).map(|begun| Pruning { begun, no, min }));
        }
        Ok(of)
    }

    /// What an event of pruning is about.
    fn min_of(&self, told: &Value) -> Result<(TrailNo, u64), KeepError> {
        let mut trails = self.store.log().view().trails().into_iter();
        let is = |id: TrailId| Some(&*id.to_string()) == told["trail"].as_str();
        let no = trails.find(|trail| is(trail.info.id)).map(|trail| trail.info.no);
        let bad = || KeepError::Bad("the event does not say what it prunes".into());
        no.zip(told["min"].as_u64()).ok_or_else(bad)
    }
}
