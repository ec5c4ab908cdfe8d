//! Erasures as `_system` tells them: there is no other list of them.

use indelible_event::{EventId, Phase};
use indelible_log::erasure::{self, ERASED, Seqs};
use indelible_log::record::KeptRecord;
use indelible_log::storage::{Storage, read_whole};
use indelible_log::trail::TrailId;
use indelible_log::{View, hex, sha256};
use indelible_store::Reader;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::model::{Certificate, ErasedTrail, ErasureNote, ErasureSummary, Person, Place};
use super::strike::{Stroke, io};
use super::subject::{HmacKey, mask};
use crate::deed::details;
use crate::error::KeepError;
use crate::limits::DESCRIPTION_BYTES_MAX;

/// What all events of one erasure say alike.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Head {
    pub erasure: String,
    pub kind: String,
    pub hmac: String,
    pub authority: String,
    pub requested_by: Person,
    pub confirmed_by: Person,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub despite_holds: Vec<String>,
    /// The event that this one does again, in a log that was put back to before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub again: Option<String>,
}

impl Head {
    /// Adds it to an event's details.
    pub fn add_to(&self, details: &mut Value) {
        let Value::Object(mine) = serde_json::to_value(self).expect("it has only string keys")
        else {
            unreachable!("a struct becomes an object")
        };
        details.as_object_mut().expect("details are an object").extend(mine);
    }
}

/// The intent of one stroke.
#[derive(Clone, Debug)]
pub(super) struct Intent {
    pub id: EventId,
    pub seq: u64,
    pub at: String,
    pub said: IntentSaid,
    /// What its latest outcome says.
    pub outcome: Option<(String, OutcomeSaid)>,
}

/// What an intent says besides its head.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct IntentSaid {
    pub trail: String,
    pub parts: Vec<String>,
    pub seqs: Companion,
    #[serde(default)]
    pub before: Before,
}

/// The set of seqs, as an event names it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Companion {
    pub sha256: String,
    pub count: u64,
}

/// A trail before the erasure.
#[derive(Clone, Debug, Default, Deserialize)]
pub(super) struct Before {
    pub size: u64,
    pub root: String,
}

/// What an outcome says.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct OutcomeSaid {
    pub erasure: String,
    /// Records of this trail that lost a part now.
    pub erased: u64,
    /// Only in the outcome of the first event: the copies.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub done: Vec<Place>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub still_to_do: Vec<Place>,
    /// Copies that there was no room to name.
    #[serde(skip_serializing_if = "is_zero")]
    pub unnamed: u64,
}

fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// An erasure.
#[derive(Clone, Debug)]
pub(super) struct Recorded {
    pub head: Head,
    pub intents: Vec<Intent>,
}

/// All erasures, oldest first.
pub(super) fn fold(records: &[KeptRecord]) -> Vec<Recorded> {
    let mut all: Vec<Recorded> = Vec::new();
    for record in records.iter().filter(|record| record.entry().action == ERASED) {
        let (entry, said) = (record.entry(), details(record));
        match entry.phase {
            Some(Phase::Outcome) => {
                let Ok(outcome) = serde_json::from_value::<OutcomeSaid>(said) else { continue };
                let mut intents = all.iter_mut().flat_map(|erasure| &mut erasure.intents);
                if let Some(of) = intents.find(|intent| Some(intent.id) == entry.reference) {
                    of.outcome = Some((entry.recorded_at.to_string(), outcome));
                }
            }
            _ => {
                let Ok(head) = serde_json::from_value::<Head>(said.clone()) else { continue };
                let Ok(said) = serde_json::from_value::<IntentSaid>(said) else { continue };
                let (id, seq, at) = (entry.id, record.seq.0, entry.recorded_at.to_string());
                let intent = Intent { id, seq, at, said, outcome: None };
                match all.iter_mut().find(|known| known.head.erasure == head.erasure) {
                    Some(known) => known.intents.push(intent),
                    None => all.push(Recorded { head, intents: vec![intent] }),
                }
            }
        }
    }
    all
}

impl Recorded {
    /// Whether the log itself has nothing left to do.
    pub fn is_done(&self) -> bool {
        self.intents.iter().all(|intent| intent.outcome.is_some())
    }

    /// What is said of the copies.
    pub fn copies(&self) -> Option<&OutcomeSaid> {
        self.intents.first()?.outcome.as_ref().map(|(_, outcome)| outcome)
    }

    pub fn is_complete(&self) -> bool {
        let nothing = |said: &OutcomeSaid| said.still_to_do.is_empty() && said.unnamed == 0;
        self.is_done() && self.copies().is_some_and(nothing)
    }

    /// What is to be struck out, from the companion files.
    pub fn strokes(&self, storage: &dyn Storage, view: &View) -> Result<Vec<Stroke>, KeepError> {
        let stroke = |intent: &Intent| {
            let trails = view.infos();
            let id = TrailId::parse(&intent.said.trail);
            let trail = trails.iter().find(|info| Some(info.id) == id).map(|info| info.no);
            let path = erasure::path(intent.id);
            let damaged =
                |reason: &str| KeepError::Damaged { path: path.clone(), reason: reason.to_owned() };
            let trail = trail.ok_or_else(|| damaged("its trail is not in this log"))?;
            let bytes = read_whole(storage, &path, DESCRIPTION_BYTES_MAX).map_err(io(&path))?;
            if hex::encode(&sha256(&bytes)) != intent.said.seqs.sha256 {
                return Err(damaged("it is not the set that was recorded"));
            }
            let seqs = Seqs::decode(&bytes).ok_or_else(|| damaged("it is malformed"))?;
            Ok(Stroke { event: intent.id, trail, parts: mask(&intent.said.parts), seqs })
        };
        self.intents.iter().map(stroke).collect()
    }

    /// What is noted beside backups.
    pub fn notes(&self, strokes: &[Stroke], key: Option<&HmacKey>) -> Vec<ErasureNote> {
        let note = |(intent, stroke): (&Intent, &Stroke)| ErasureNote {
            mac: String::new(),
            event: intent.id.to_string(),
            erasure: self.head.erasure.clone(),
            trail: intent.said.trail.clone(),
            parts: intent.said.parts.clone(),
            seqs: String::from_utf8_lossy(&stroke.seqs.encode()).into_owned(),
            at: intent.at.clone(),
            authority: self.head.authority.clone(),
        };
        let sign = |mut note: ErasureNote| {
            note.mac = key.map(|key| key.note(&note)).unwrap_or_default();
            note
        };
        self.intents.iter().zip(strokes).map(note).map(sign).collect()
    }

    pub fn summary(&self) -> ErasureSummary {
        let mut parts: Vec<String> = Vec::new();
        for part in self.intents.iter().flat_map(|intent| &intent.said.parts) {
            if !parts.contains(part) {
                parts.push(part.clone());
            }
        }
        ErasureSummary {
            erasure: self.head.erasure.clone(),
            begun_at: self.intents.first().map(|i| i.at.clone()).unwrap_or_default(),
            kind: self.head.kind.clone(),
            hmac: self.head.hmac.clone(),
            authority: self.head.authority.clone(),
            parts,
            records: self.intents.iter().map(|intent| intent.said.seqs.count).sum(),
            done: self.is_done(),
            complete: self.is_complete(),
        }
    }

    /// What can be shown to whoever asked for it.
    pub fn certificate(&self, reader: &Reader) -> Result<Certificate, KeepError> {
        let head = self.head.clone();
        let trail = |intent: &Intent| erased_trail(reader, intent);
        let copies = self.copies().cloned().unwrap_or_default();
        let ended = self.intents.iter().map(|intent| intent.outcome.as_ref().map(|(at, _)| at));
        let ended: Option<Vec<&String>> = ended.collect();
        Ok(Certificate {
            version: Certificate::VERSION.into(),
            erasure: head.erasure,
            origin: reader.node().origin.clone(),
            public_key: reader.node().public_key.clone(),
            kind: head.kind,
            hmac: head.hmac,
            authority: head.authority,
            requested_by: head.requested_by,
            confirmed_by: head.confirmed_by,
            begun_at: self.intents.first().map(|i| i.at.clone()).unwrap_or_default(),
            ended_at: ended.and_then(|all| all.into_iter().max().cloned()),
            complete: self.is_complete(),
            despite_holds: head.despite_holds,
            trails: self.intents.iter().map(trail).collect::<Result<_, _>>()?,
            done: copies.done,
            still_to_do: copies.still_to_do,
        })
    }
}

fn erased_trail(reader: &Reader, intent: &Intent) -> Result<ErasedTrail, KeepError> {
    let trails = reader.trails();
    let of = trails.iter().find(|trail| trail.info.id.to_string() == intent.said.trail);
    let system = trails.first().expect("every log has its own trail");
    let root = |size: u64| {
        of.map(|of| reader.view().root(of.info.no, indelible_merkle::TreeSize(size))).transpose()
    };
    let before = &intent.said.before;
    // A checkpoint or proof that cannot be made yet is left out: there is one in a second.
    let proof = reader.prove(system, indelible_log::record::Seq(intent.seq), &[]).ok();
    let origin = of.map(|of| reader.node().origin_of(of.info.id)).unwrap_or_default();
    Ok(ErasedTrail {
        trail: intent.said.trail.clone(),
        origin,
        parts: intent.said.parts.clone(),
        records: intent.said.seqs.count,
        seqs_sha256: intent.said.seqs.sha256.clone(),
        event: intent.id.to_string(),
        event_seq: intent.seq,
        size_before: before.size,
        root_before: before.root.clone(),
        root_now: root(before.size)?.map(|root| root.to_base64()).unwrap_or_default(),
        checkpoint: of.and_then(|of| reader.checkpoint(of).ok()).map(|(note, _)| note),
        proof,
    })
}
