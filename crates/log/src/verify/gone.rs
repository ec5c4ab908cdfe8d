//! Parts that are gone: each needs an event in `_system` that says why.

use std::collections::BTreeMap;

use indelible_event::{Day, EventId, Part, Phase};
use serde::Deserialize;

use super::{CheckedTrail, Finding, Found};
use crate::erasure::{self, ERASED, EXPIRED, PRUNED, Seqs};
use crate::manifest::{Manifest, PATH};
use crate::policy::{self, Policy};
use crate::record::{KeptRecord, TrailNo};
use crate::storage::{Storage, read_whole};
use crate::trail::TrailId;
use crate::{hex, limits, sha256};

/// A part that a record outside of a stub has lost.
pub(super) struct GonePart {
    pub trail: TrailNo,
    pub seq: u64,
    pub part: Part,
    pub path: String,
    pub row: u32,
}

/// A segment that says it expired.
pub(super) struct Stub {
    pub path: String,
    pub expired_by: EventId,
    pub class: String,
    pub policy: u64,
    pub day: Day,
    pub first_pos: u64,
    pub last_pos: u64,
    pub rows: u64,
}

#[derive(Deserialize)]
struct Erasure {
    trail: String,
    parts: Vec<String>,
    seqs: Companion,
}

#[derive(Deserialize)]
struct Companion {
    sha256: String,
    count: u64,
}

#[derive(Deserialize)]
struct Expiry {
    class: String,
    policy: u64,
    day: String,
    first_pos: u64,
    last_pos: u64,
}

#[derive(Deserialize)]
struct Details<T> {
    details: T,
}

/// Checks every missing part and every stub against the events that explain them.
pub(super) fn check(storage: &dyn Storage, trails: &[CheckedTrail], found: &mut Found) {
    let erased = erasures(storage, trails, found);
    let name = |no: TrailNo| trails.get(no.0 as usize).map(|t| t.info.name.to_string());
    for gone in std::mem::take(&mut found.gone) {
        let explained = erased
            .get(&(gone.trail, gone.part as usize))
            .is_some_and(|sets| sets.iter().any(|s| s.contains(gone.seq)));
        if !explained {
            let what = format!(
                "row {}: part {} is missing, and no erasure was recorded",
                gone.row,
                gone.part.name()
            );
            let (trail, seq) = (name(gone.trail), Some(gone.seq));
            found.findings.push(Finding { trail, seq, path: gone.path, offset: None, what });
        }
    }
    let mut stubs = std::mem::take(&mut found.stubs);
    stubs.sort_by_key(|stub| (stub.expired_by, stub.first_pos));
    let mut rows: BTreeMap<EventId, u64> = BTreeMap::new();
    for stub in stubs {
        let so_far = rows.entry(stub.expired_by).or_default();
        *so_far += stub.rows;
        if let Some(told) = expired(stub.expired_by, &found.system).filter(|told| *so_far > *told) {
            let what = format!(
                "{so_far} records have expired by the event {}, which says that {told} did",
                stub.expired_by
            );
            let path = stub.path.clone();
            found.findings.push(Finding { trail: None, seq: None, path, offset: None, what });
        }
        match explains(&stub, &found.system) {
            true => found.notes.push(format!("{}: expired by policy #{}", stub.path, stub.policy)),
            false => {
                let what = "it has expired, and no event in _system says so".to_owned();
                found.findings.push(Finding {
                    trail: None,
                    seq: None,
                    path: stub.path,
                    offset: None,
                    what,
                });
            }
        }
    }
}

/// What was erased, by trail and part.
fn erasures(
    storage: &dyn Storage,
    trails: &[CheckedTrail],
    found: &mut Found,
) -> BTreeMap<(TrailNo, usize), Vec<Seqs>> {
    let mut out: BTreeMap<(TrailNo, usize), Vec<Seqs>> = BTreeMap::new();
    // How an erasure ended is told under its name, too.
    let begun =
        |r: &&KeptRecord| r.entry().action == ERASED && r.entry().phase != Some(Phase::Outcome);
    for record in found.system.iter().filter(begun) {
        let path = erasure::path(record.entry().id);
        match erasure(storage, record, &path) {
            Ok((erasure, seqs)) => {
                let id = TrailId::parse(&erasure.trail);
                let Some(trail) = trails.iter().find(|t| Some(t.info.id) == id) else { continue };
                for part in
                    Part::ALL.into_iter().filter(|p| erasure.parts.iter().any(|n| n == p.name()))
                {
                    out.entry((trail.info.no, part as usize)).or_default().push(seqs.clone());
                }
            }
            Err(what) => found.findings.push(Finding {
                trail: trails.first().map(|t| t.info.name.to_string()),
                seq: Some(record.seq.0),
                path,
                offset: None,
                what,
            }),
        }
    }
    out
}

fn erasure(
    storage: &dyn Storage,
    record: &KeptRecord,
    path: &str,
) -> Result<(Erasure, Seqs), String> {
    let what = record.part(Part::What).ok_or("the erasure event has lost its part `what`")?;
    let Details::<Erasure> { details } =
        serde_json::from_slice(what).map_err(|e| format!("the erasure event is malformed: {e}"))?;
    let bytes = read_whole(storage, path, limits::SMALL_FILE_BYTES_MAX)
        .map_err(|e| format!("the erasure's companion file cannot be read: {e}"))?;
    if Some(sha256(&bytes)) != hex::decode(&details.seqs.sha256) {
        return Err("the erasure's companion file is not the one that was recorded".into());
    }
    let seqs = Seqs::decode(&bytes).ok_or("the erasure's companion file is malformed")?;
    if seqs.count() != details.seqs.count {
        return Err(
            "the erasure's companion file has another number of seqs than was recorded".into()
        );
    }
    Ok((details, seqs))
}

/// The policies that the manifest has must be those that events set. One whose event is newer than the
/// manifest is in force with the next start.
pub(super) fn check_policies(manifest: &Manifest, found: &mut Found) {
    let told: Vec<Policy> = found.system.iter().filter_map(|r| policy::told(&r.as_ref())).collect();
    for policy in &manifest.policies {
        if told.iter().rev().find(|told| told.number == policy.number) != Some(policy) {
            let what = format!("policy #{} is not as an event in _system set it", policy.number);
            let path = PATH.to_owned();
            found.findings.push(Finding { trail: None, seq: None, path, offset: None, what });
        }
    }
}

#[derive(Deserialize)]
struct Pruning {
    trail: String,
    min: u64,
}

/// A minimum index must be one that an event says; `gone` records are below it.
pub(super) fn check_minimum(trail: &CheckedTrail, min: u64, gone: u64, found: &mut Found) {
    if min == 0 {
        return;
    }
    let says = |r: &KeptRecord| {
        let what = r.part(Part::What).filter(|_| r.entry().action == PRUNED);
        let told = what.and_then(|what| serde_json::from_slice::<Details<Pruning>>(what).ok());
        told.is_some_and(|Details { details: told }| {
            TrailId::parse(&told.trail) == Some(trail.info.id) && told.min >= min
        })
    };
    let name = trail.info.name.to_string();
    if found.system.iter().any(says) {
        found.notes.push(format!(
            "trail {name}: expired below seq {min}; of {gone} records nothing but their leaves is left"
        ));
    } else {
        let what = format!("its minimum index is {min}, and no event in _system says so");
        let path = PATH.to_owned();
        found.findings.push(Finding { trail: Some(name), seq: None, path, offset: None, what });
    }
}

#[derive(Deserialize)]
struct Went {
    records: u64,
    stubs: Option<u64>,
}

/// How many records an expiry left stubs of at most, as far as its outcome says so. Of what was held then it left none,
/// so whoever makes stubs of those later, and names the same event, has more than that.
fn expired(by: EventId, system: &[KeptRecord]) -> Option<u64> {
    let ended = |r: &&KeptRecord| {
        r.entry().action == EXPIRED
            && r.entry().phase == Some(Phase::Outcome)
            && r.entry().reference == Some(by)
    };
    let said = |r: &KeptRecord| {
        let told = serde_json::from_slice::<Details<Went>>(r.part(Part::What)?).ok()?.details;
        Some(told.stubs.unwrap_or(told.records))
    };
    system.iter().filter(ended).filter_map(said).max()
}

fn explains(stub: &Stub, system: &[KeptRecord]) -> bool {
    let by = |r: &&KeptRecord| r.entry().id == stub.expired_by && r.entry().action == EXPIRED;
    let Some(what) = system.iter().find(by).and_then(|r| r.part(Part::What)) else { return false };
    serde_json::from_slice::<Details<Expiry>>(what).is_ok_and(|Details { details: d }| {
        d.class == stub.class
            && d.policy == stub.policy
            && d.day == stub.day.to_string()
            && d.first_pos <= stub.first_pos
            && stub.last_pos <= d.last_pos
    })
}
