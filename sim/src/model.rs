//! What a log must hold: everything that was acknowledged, at its place and byte for byte, and besides
//! that nothing that was not at least handed to it.

use std::collections::{BTreeMap, HashMap, HashSet};

use indelible_event::{Checked, EventId, Micros, Part, TrailName, check};
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_log::{Receipt, View};
use indelible_merkle::{Hash, TreeSize, leaf_hash, node_hash};

/// What a log has wrong, in words.
pub type Trouble = String;

/// The id of the n-th event of a trail.
pub fn make_id(n: u64) -> EventId {
    EventId::parse(&id_text(n)).expect("it is written as an id")
}

fn id_text(n: u64) -> String {
    format!("018f3a5c-0000-7000-8000-{n:012x}")
}

/// An event by number: the same number and variant give the same event, another variant the same id
/// with another content. `padding` bytes make it larger.
pub fn make_event(n: u64, variant: u64, padding: usize) -> Checked {
    let id = id_text(n);
    let pad = "x".repeat(padding);
    let json = format!(
        r#"{{"id":"{id}","action":"backup.create","category":"data_create","outcome":"success","actor":{{"id":"alice"}},"targets":[{{"type":"backup","id":"b-{n}"}}],"context":{{"ip":"192.0.2.1"}},"details":{{"n":{n},"variant":{variant},"pad":"{pad}"}}}}"#
    );
    check(json.as_bytes()).expect("the event keeps every rule")
}

/// What is known of one trail.
#[derive(Clone, Debug, Default)]
struct TrailModel {
    /// The number it was given, once that was acknowledged.
    no: Option<TrailNo>,
    /// Records that are there for good: acknowledged, or seen after a recovery.
    settled: BTreeMap<u64, Settled>,
    seqs: HashMap<EventId, u64>,
    /// Events whose fate the caller was not told.
    open: HashMap<EventId, Checked>,
}

#[derive(Clone, Debug)]
struct Settled {
    id: EventId,
    leaf: Hash,
    recorded_at: Micros,
    event: Checked,
}

/// What a log must hold.
#[derive(Clone, Debug, Default)]
pub struct Model {
    trails: BTreeMap<String, TrailModel>,
}

impl Model {
    /// Nothing yet.
    pub fn new() -> Model {
        Model::default()
    }

    /// A trail is about to be made.
    pub fn making_trail(&mut self, name: &str) {
        self.trails.entry(name.to_owned()).or_default();
    }

    /// The log gave a trail's number.
    pub fn made_trail(&mut self, name: &str, no: TrailNo) -> Result<(), Trouble> {
        let trail = self.trails.entry(name.to_owned()).or_default();
        match trail.no.replace(no) {
            Some(before) if before != no => {
                Err(format!("trail {name} was {before:?} and is {no:?}"))
            }
            _ => Ok(()),
        }
    }

    /// Events are about to be handed to the log.
    pub fn appending<'e>(&mut self, name: &str, events: impl IntoIterator<Item = &'e Checked>) {
        let trail = self.trails.entry(name.to_owned()).or_default();
        for event in events {
            let id = event.id.expect("the model's events bring their ids");
            if !trail.seqs.contains_key(&id) {
                trail.open.entry(id).or_insert_with(|| event.clone());
            }
        }
    }

    /// The log said that it kept nothing of these.
    pub fn refused<'e>(&mut self, name: &str, events: impl IntoIterator<Item = &'e Checked>) {
        let trail = self.trails.entry(name.to_owned()).or_default();
        for event in events {
            trail.open.remove(&event.id.expect("the model's events bring their ids"));
        }
    }

    /// The log acknowledged an event.
    pub fn acknowledged(
        &mut self,
        name: &str,
        event: &Checked,
        receipt: &Receipt,
    ) -> Result<(), Trouble> {
        let trail = self.trails.entry(name.to_owned()).or_default();
        let id = event.id.expect("the model's events bring their ids");
        if receipt.id != id {
            return Err(format!("asked to keep {id:?}, got a receipt for {:?}", receipt.id));
        }
        let seq = receipt.seq.0;
        if let Some(before) = trail.seqs.get(&id) {
            let kept = &trail.settled[before];
            if !receipt.known {
                return Err(format!(
                    "{name}: event {id:?} of seq {before} was taken for new, as {seq}"
                ));
            }
            if (*before, kept.leaf, kept.recorded_at) != (seq, receipt.leaf, receipt.recorded_at) {
                return Err(format!(
                    "{name}: the second receipt of {id:?} is not the first: {receipt:?}"
                ));
            }
            return Ok(());
        }
        let settled = Settled {
            id,
            leaf: receipt.leaf,
            recorded_at: receipt.recorded_at,
            event: event.clone(),
        };
        if let Some(other) = trail.settled.insert(seq, settled) {
            return Err(format!("{name}: seq {seq} was given to {id:?} and to {:?}", other.id));
        }
        trail.seqs.insert(id, seq);
        trail.open.remove(&id);
        Ok(())
    }

    /// The content that the log has, or must have, under an id.
    pub fn content(&self, name: &str, id: EventId) -> Option<&Checked> {
        let trail = self.trails.get(name)?;
        trail.seqs.get(&id).map(|seq| &trail.settled[seq].event).or_else(|| trail.open.get(&id))
    }

    /// Whether the caller was told what became of an id.
    pub fn is_settled(&self, name: &str, id: EventId) -> bool {
        self.trails.get(name).is_some_and(|trail| trail.seqs.contains_key(&id))
    }

    /// How many records each trail surely has.
    pub fn all_settled(&self) -> BTreeMap<String, u64> {
        let count = |trail: &TrailModel| trail.settled.len() as u64;
        self.trails.iter().map(|(name, trail)| (name.clone(), count(trail))).collect()
    }

    /// Checks a log that nobody writes to, and takes note of what of the open events is there: it must
    /// stay from now on.
    pub fn check_and_settle(&mut self, view: &View) -> Result<(), Trouble> {
        for (name, trail) in &mut self.trails {
            let Some(records) = trail.read(name, view, trail.no.is_some())? else { continue };
            trail.compare(name, &records)?;
            for (seq, record) in records.iter().enumerate() {
                let entry = record.entry();
                if let Some(event) = trail.open.remove(&entry.id) {
                    let (leaf, recorded_at) = (leaf_hash(&record.entry), entry.recorded_at);
                    trail.seqs.insert(entry.id, seq as u64);
                    trail
                        .settled
                        .insert(seq as u64, Settled { id: entry.id, leaf, recorded_at, event });
                }
            }
            // What is not there was lost for good; sent again it is new.
            trail.open.clear();
        }
        check_system(view)
    }

    /// Checks what a reader sees while a writer goes on: each trail is a prefix of some later state.
    /// `at_least` are the records that were acknowledged before the reader looked.
    pub fn check_prefix(
        &self,
        view: &View,
        at_least: &BTreeMap<String, u64>,
    ) -> Result<(), Trouble> {
        for (name, trail) in &self.trails {
            let must = at_least.get(name).copied().unwrap_or(0);
            // A trail may have been made after the reader looked; a record that it holds was not.
            match trail.read(name, view, must > 0)? {
                Some(records) if (records.len() as u64) < must => {
                    return Err(format!(
                        "{name}: {} records of {must} acknowledged",
                        records.len()
                    ));
                }
                Some(records) => trail.compare_known(name, &records)?,
                None => {}
            }
        }
        check_system(view)
    }
}

impl TrailModel {
    /// All records of the trail, checked as far as that needs no memory of what was appended.
    fn read(
        &self,
        name: &str,
        view: &View,
        needed: bool,
    ) -> Result<Option<Vec<KeptRecord>>, Trouble> {
        let parsed = TrailName::parse(name).map_err(|e| e.to_string())?;
        let Some(no) = view.trail_no(&parsed) else {
            return match needed {
                true => Err(format!("trail {name}, acknowledged as {:?}, is gone", self.no)),
                false => Ok(None),
            };
        };
        if self.no.is_some_and(|known| known != no) {
            return Err(format!("trail {name} was {:?} and is {no:?}", self.no));
        }
        let status = view.trail(no).map_err(|e| e.to_string())?;
        read_trail(view, no, status.size, status.root).map(Some)
    }

    /// The records are just the settled ones, and open ones at most besides.
    fn compare(&self, name: &str, records: &[KeptRecord]) -> Result<(), Trouble> {
        if let Some((seq, lost)) =
            self.settled.iter().find(|(seq, _)| **seq >= records.len() as u64)
        {
            let id = lost.id;
            return Err(format!(
                "{name}: acknowledged seq {seq}, {id:?}, is lost: {} left",
                records.len()
            ));
        }
        self.compare_known(name, records)
    }

    fn compare_known(&self, name: &str, records: &[KeptRecord]) -> Result<(), Trouble> {
        for (seq, record) in records.iter().enumerate() {
            let entry = record.entry();
            let event = match self.settled.get(&(seq as u64)) {
                Some(settled) => {
                    let leaf = leaf_hash(&record.entry);
                    if (settled.id, settled.leaf, settled.recorded_at)
                        != (entry.id, leaf, entry.recorded_at)
                    {
                        return Err(format!(
                            "{name}: seq {seq} is another record than was acknowledged"
                        ));
                    }
                    &settled.event
                }
                None => self.open.get(&entry.id).ok_or_else(|| {
                    format!("{name}: seq {seq} holds {:?}, which nobody may have", entry.id)
                })?,
            };
            let same = Part::ALL.into_iter().all(|part| event.parts.get(part) == record.part(part))
                && entry.action == &*event.action
                && entry.category == event.category.as_deref()
                && entry.outcome == event.outcome;
            if !same {
                return Err(format!("{name}: seq {seq} was not kept as it was sent"));
            }
        }
        Ok(())
    }
}

/// Reads a trail and checks what holds of any: places, order of time, no id twice, and the root.
fn read_trail(
    view: &View,
    no: TrailNo,
    size: TreeSize,
    root: Hash,
) -> Result<Vec<KeptRecord>, Trouble> {
    let seqs: Vec<Seq> = (0..size.0).map(Seq).collect();
    let records = view.read(no, &seqs).map_err(|e| format!("reading trail {no:?}: {e}"))?;
    if records.len() != seqs.len() {
        return Err(format!("trail {no:?} gave {} of {} records", records.len(), seqs.len()));
    }
    let (mut ids, mut before) = (HashSet::new(), None);
    for (record, seq) in records.iter().zip(&seqs) {
        let entry = record.entry();
        if (record.trail, record.seq) != (no, *seq) {
            return Err(format!("trail {no:?}: asked for {seq:?}, got {:?}", record.seq));
        }
        if !ids.insert(entry.id) {
            return Err(format!("trail {no:?} has event {:?} twice", entry.id));
        }
        let place = (entry.recorded_at, record.pos);
        if before.is_some_and(|(at, pos)| at > place.0 || pos >= place.1) {
            return Err(format!("trail {no:?}: {seq:?} was recorded before its predecessor"));
        }
        before = Some(place);
    }
    let leaves: Vec<Hash> = records.iter().map(|r| leaf_hash(&r.entry)).collect();
    if plain_root(&leaves) != root {
        return Err(format!("trail {no:?}: the root over {} records is not theirs", leaves.len()));
    }
    // The levels on disk must give the root that the tree in memory has.
    if view.root(no, size).map_err(|e| e.to_string())? != root {
        return Err(format!(
            "trail {no:?}: the level files give another root for {} records",
            size.0
        ));
    }
    for record in records.iter().rev().take(3).chain(records.first()) {
        match view.find(no, record.entry().id) {
            Ok(Some(seq)) if seq == record.seq => {}
            other => {
                return Err(format!("trail {no:?}: looking up {:?} gave {other:?}", record.seq));
            }
        }
    }
    Ok(records)
}

/// `_system` records the making of every trail, in order.
fn check_system(view: &View) -> Result<(), Trouble> {
    let trails = view.trails();
    let system = trails.first().ok_or("there is no _system trail")?;
    let records = read_trail(view, TrailNo(0), system.size, system.root)?;
    let made = records.iter().filter(|r| r.entry().action == indelible_log::TRAIL_CREATE).count();
    if made + 1 != trails.len() {
        return Err(format!("{made} trails were made, and {} are there", trails.len() - 1));
    }
    Ok(())
}

/// RFC 6962 by its definition, independent of the tree that grows.
fn plain_root(leaves: &[Hash]) -> Hash {
    match leaves {
        [] => indelible_merkle::empty_root(),
        [leaf] => *leaf,
        _ => {
            let half = leaves.len().next_power_of_two() / 2;
            node_hash(&plain_root(&leaves[..half]), &plain_root(&leaves[half..]))
        }
    }
}
