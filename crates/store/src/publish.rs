//! Signing: each trail that grew gets a new checkpoint, but only a log that fits the guard is signed,
//! and the guard is durable before the signature exists.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::{Checked, Part, check};
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_log::storage::{Storage, read_whole, write_all_at};
use indelible_log::trail::{DIR, TrailId};
use indelible_log::{Incoming, Log, TrailStatus, View};
use indelible_merkle::limits::NOTE_BYTES_MAX;
use indelible_merkle::{Checkpoint, Hash, TreeSize};

use crate::error::StoreError;
use crate::guard::Guard;
use crate::node::{Keys, Node};

/// The first event of a node: its origin and public key.
pub const NODE_CREATED: &str = "node.create";
/// A trail's checkpoint, recorded in `_system` each hour in which the trail grew.
pub const CHECKPOINT_RECORDED: &str = "trail.checkpoint";
/// Somebody let the node go on with a log that is not what it signed last.
pub const ROLLBACK_ACCEPTED: &str = "log.rollback_accept";

/// How long between two recordings of checkpoints in `_system`.
const RECORD_EVERY_MICROS: i64 = 3_600_000_000;

/// The path of a trail's latest checkpoint.
pub fn checkpoint_path(trail: TrailId) -> String {
    format!("{DIR}/{trail}/checkpoint")
}

/// Signs for a log. Owns the guard.
pub(crate) struct Publisher {
    storage: Arc<dyn Storage>,
    guard_storage: Arc<dyn Storage>,
    node: Node,
    keys: Keys,
    guard: Guard,
    next_recording: i64,
    /// The checkpoints that this process wrote, or found as they must be.
    written: BTreeMap<TrailId, TreeSize>,
}

impl Publisher {
    /// Checks the log against the guard. With `accept_rollback` a deviation is recorded and becomes the
    /// new truth; without it, it is an error.
    pub fn open(
        log: &Log,
        storage: Arc<dyn Storage>,
        guard_storage: Arc<dyn Storage>,
        node: Node,
        accept_rollback: bool,
        now: i64,
    ) -> Result<Publisher, StoreError> {
        let keys = node.signing_keys(&*storage)?;
        let view = log.view();
        let loaded = Guard::load(&*guard_storage)?;
        let missing = loaded.is_none();
        let mut guard = loaded.unwrap_or_else(|| Guard::new(&view.log_id(), &node.public_key));
        let mut deviations = guard.deviations(view, &node.public_key)?;
        if missing {
            if !accept_rollback {
                return Err(StoreError::GuardMissing);
            }
            deviations.push(("_system".into(), "the guard was missing".into()));
        }
        if let Some((trail, reason)) = deviations.first() {
            if !accept_rollback {
                return Err(StoreError::Rollback { trail: trail.clone(), reason: reason.clone() });
            }
            // Recorded and durable before the guard forgets: a crash in between asks again.
            record(log, &[rollback_event(&deviations)])?;
            let trails = view.trails();
            guard = Guard::new(&view.log_id(), &node.public_key);
            for trail in &trails {
                guard.set(trail.info.id, trail.size, &trail.root);
            }
            guard.store(&*guard_storage)?;
        }
        let next_recording =
            last_recording(view)?.map_or(now, |at| at.min(now) + RECORD_EVERY_MICROS);
        let written = BTreeMap::new();
        Ok(Publisher { storage, guard_storage, node, keys, guard, next_recording, written })
    }

    /// Signs every trail that grew since its last checkpoint, and once an hour records the checkpoints in
    /// `_system`. Gives the number of new checkpoints.
    pub fn publish(&mut self, log: &Log, now: i64) -> Result<usize, StoreError> {
        let signed = self.sign_grown(log)?;
        if now < self.next_recording {
            return Ok(signed);
        }
        self.next_recording = now + RECORD_EVERY_MICROS;
        self.record_checkpoints(log)?;
        Ok(signed + self.sign_grown(log)?)
    }

    fn sign_grown(&mut self, log: &Log) -> Result<usize, StoreError> {
        let view = log.view();
        let mut grown: Vec<TrailStatus> = Vec::new();
        for trail in view.trails() {
            let before = self.guard.signed(trail.info.id).cloned();
            let same = before.as_ref().is_some_and(|s| s.size == trail.size.0);
            if trail.size.0 == 0 || (same && self.has_checkpoint(&trail)) {
                continue;
            }
            if let Some(reason) = before.map_or(Ok(None), |s| s.deviation(view, &trail))? {
                return Err(StoreError::Rollback { trail: trail.info.name.to_string(), reason });
            }
            grown.push(trail);
        }
        if grown.is_empty() {
            return Ok(0);
        }
        for trail in &grown {
            self.guard.set(trail.info.id, trail.size, &trail.root);
        }
        self.guard.store(&*self.guard_storage)?;
        for trail in &grown {
            let note = self.sign(trail.info.id, trail.size, trail.root)?;
            self.write_checkpoint(trail.info.id, &note)?;
            self.written.insert(trail.info.id, trail.size);
        }
        Ok(grown.len())
    }

    /// The signed note of what the guard holds of a trail.
    fn sign(&self, trail: TrailId, size: TreeSize, root: Hash) -> Result<String, StoreError> {
        let checkpoint = Checkpoint::new(&self.node.origin_of(trail), size, root);
        checkpoint.sign(&self.keys.of(trail)?).map_err(|e| StoreError::file("checkpoint", e))
    }

    /// Whether the trail's latest checkpoint is in its place. The guard is ahead of it after a write that
    /// failed, a power cut or an accepted rollback, and the trail may not grow again for long.
    fn has_checkpoint(&mut self, trail: &TrailStatus) -> bool {
        let (id, path) = (trail.info.id, checkpoint_path(trail.info.id));
        if self.written.get(&id) == Some(&trail.size) {
            return self.storage.open(&path, false).is_ok_and(|f| f.len().is_ok_and(|len| len > 0));
        }
        let note = read_whole(&*self.storage, &path, NOTE_BYTES_MAX as u64).ok();
        let key = self.node.vkey(id).ok();
        let found = note.zip(key).and_then(|(note, key)| Checkpoint::open(&note, &key).ok());
        let there = found.is_some_and(|c| (c.size, c.root) == (trail.size, trail.root));
        if there {
            self.written.insert(id, trail.size);
        }
        there
    }

    /// Replaces a trail's checkpoint. Not synced: the guard has what must survive, and a checkpoint that
    /// a power cut takes is signed again at the next start.
    fn write_checkpoint(&self, trail: TrailId, note: &str) -> Result<(), StoreError> {
        let path = checkpoint_path(trail);
        let aside = format!("{path}.tmp");
        let dir = format!("{DIR}/{trail}");
        self.storage.create_dir(&dir).map_err(StoreError::io(&dir))?;
        match self.storage.remove(&aside) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                return Err(StoreError::io(&aside)(e));
            }
            _ => {}
        }
        let file = self.storage.create(&aside).map_err(StoreError::io(&aside))?;
        write_all_at(&*file, 0, note.as_bytes()).map_err(StoreError::io(&aside))?;
        self.storage.rename(&aside, &path).map_err(StoreError::io(&path))
    }

    /// Records in `_system` the latest checkpoint of every trail that grew since the last recording, so
    /// that one witnessed origin covers all trails.
    fn record_checkpoints(&mut self, log: &Log) -> Result<(), StoreError> {
        let mut events = Vec::new();
        let mut covered = Vec::new();
        for trail in log.view().trails() {
            let id = trail.info.id;
            let Some(signed) = self.guard.signed(id) else { continue };
            if signed.size <= signed.recorded {
                continue;
            }
            // Signed once more, to the same bytes: what lies in the file may be anything, and of any size.
            let root = Hash::from_base64(&signed.root);
            let root = root.map_err(|e| StoreError::file(crate::guard::PATH, e))?;
            let note = self.sign(id, TreeSize(signed.size), root)?;
            events.push(checkpoint_event(id, trail.info.name.as_str(), &note));
            covered.push((id, signed.size));
        }
        if events.is_empty() {
            return Ok(());
        }
        record(log, &events)?;
        for (id, size) in covered {
            self.guard.set_recorded(id, size);
        }
        // The recording itself made `_system` grow; without this it would be recorded for ever.
        let system = log.view().trail(TrailNo(0))?;
        self.guard.set_recorded(system.info.id, system.size.0);
        self.guard.store(&*self.guard_storage)
    }
}

/// When checkpoints were last recorded, or the node was made, as far as the newest records of `_system` tell.
/// A process that lives for less than an hour must record them too.
fn last_recording(view: &View) -> Result<Option<i64>, StoreError> {
    const LOOK_BACK: u64 = 256;
    let size = view.trail(TrailNo(0))?.size.0;
    let seqs: Vec<Seq> = (size.saturating_sub(LOOK_BACK)..size).map(Seq).collect();
    let records = view.read(TrailNo(0), &seqs)?;
    let told = |r: &&KeptRecord| matches!(r.entry().action, CHECKPOINT_RECORDED | NODE_CREATED);
    Ok(records.iter().rev().find(told).map(|r| r.entry().recorded_at.0))
}

/// Appends events of the node's own to `_system`.
pub(crate) fn record(log: &Log, events: &[Checked]) -> Result<(), StoreError> {
    let batch: Vec<_> = events
        .iter()
        .map(|event| Incoming { trail: TrailNo(0), event, recorded_by: None })
        .collect();
    log.append_own(&batch).into_iter().collect::<Result<Vec<_>, _>>()?;
    Ok(())
}

/// An event that the node tells of itself.
pub(crate) fn own_event(
    action: &str,
    target: serde_json::Value,
    details: serde_json::Value,
) -> Checked {
    let json = serde_json::json!({
        "action": action,
        "category": "system",
        "outcome": "success",
        "actor": {"type": "system", "id": "indelible"},
        "targets": [target],
        "details": details,
    });
    check(json.to_string().as_bytes()).expect("an event of our own making is within all limits")
}

fn checkpoint_event(id: TrailId, name: &str, note: &str) -> Checked {
    let target = serde_json::json!({"type": "trail", "id": id.to_string(), "name": name});
    own_event(CHECKPOINT_RECORDED, target, serde_json::json!({ "checkpoint": note }))
}

fn rollback_event(deviations: &[(String, String)]) -> Checked {
    const SHOWN_MAX: usize = 100;
    let shown: Vec<_> = deviations
        .iter()
        .take(SHOWN_MAX)
        .map(|(trail, reason)| serde_json::json!({"trail": trail, "reason": reason}))
        .collect();
    let target = serde_json::json!({"type": "log", "id": "log"});
    let details = serde_json::json!({"deviations": shown, "count": deviations.len()});
    own_event(ROLLBACK_ACCEPTED, target, details)
}

/// The first event of a node.
pub(crate) fn node_created(node: &Node) -> Checked {
    let target = serde_json::json!({"type": "node", "id": node.origin});
    let details = serde_json::json!({"origin": node.origin, "public_key": node.public_key});
    own_event(NODE_CREATED, target, details)
}

/// Whether the first event of `_system` is this node's.
pub(crate) fn names_node(first: &KeptRecord, node: &Node) -> bool {
    let details = first.part(Part::What).and_then(|what| {
        let mut what: serde_json::Value = serde_json::from_slice(what).ok()?;
        Some(what["details"].take())
    });
    first.entry().action == NODE_CREATED
        && details
            .is_some_and(|d| d["origin"] == *node.origin && d["public_key"] == *node.public_key)
}
