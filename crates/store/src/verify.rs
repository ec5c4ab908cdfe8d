//! Verification of a whole directory: the records by the log's own verifier, and on top of it key,
//! guard, and every signature.

use std::collections::BTreeMap;
use std::sync::Arc;

use indelible_event::Part;
use indelible_log::offload::Archived;
use indelible_log::record::KeptRecord;
use indelible_log::storage::Storage;
use indelible_log::trail::TrailId;
use indelible_log::verify::{self as records, CheckedTrail, Finding, Options, Report};
use indelible_merkle::{Checkpoint, Note};

use crate::error::StoreError;
use crate::guard::{self, Guard};
use crate::marks::{PARTIAL, Partial, refuse_half_restored};
use crate::node::{KEY, NODE, Node};
use crate::publish::{CHECKPOINT_RECORDED, ROLLBACK_ACCEPTED, checkpoint_path, names_node};
use crate::reader::read_notes;

/// How to verify.
pub struct VerifyOptions<'a> {
    /// Threads to use.
    pub threads: usize,
    /// Told now and then how many records were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Where the sign guard is, if not in the data directory.
    pub guard: Option<Arc<dyn Storage>>,
    /// Checkpoints that somebody else kept: the log must still be the one they were signed for. This is
    /// what catches a node that rewrote everything it has.
    pub kept: Vec<Vec<u8>>,
    /// Brings the segments that are in an archive.
    pub archived: Option<Arc<dyn Archived>>,
}

impl Default for VerifyOptions<'_> {
    fn default() -> Self {
        VerifyOptions {
            threads: 2,
            progress: &|_| {},
            guard: None,
            kept: Vec::new(),
            archived: None,
        }
    }
}

/// What verification found.
#[derive(Debug)]
pub struct VerifyReport {
    /// The records' part: counts, notes, and all findings, the first bad record first.
    pub log: Report,
    /// Signatures that were checked and hold.
    pub signatures: u64,
}

impl VerifyReport {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.log.findings.is_empty()
    }
}

/// Reads and checks everything in a directory. An error means that it could not be read at all.
pub fn verify(
    storage: &Arc<dyn Storage>,
    options: &VerifyOptions<'_>,
) -> Result<VerifyReport, StoreError> {
    refuse_half_restored(&**storage)?;
    let partial = Partial::load(&**storage)?;
    // What was signed is read before what it was signed for: beside a writer the other order would find
    // signatures ahead of their records. And the guard comes second, as it is never behind a checkpoint.
    let notes = read_notes(&**storage)?;
    let guard = Guard::load(&**options.guard.as_ref().unwrap_or(storage));
    let guarded = matches!(guard, Ok(Some(_)));
    let log = records::verify(
        storage,
        &Options {
            threads: options.threads,
            progress: options.progress,
            archived: options.archived.clone(),
        },
    )?;
    let mut check = Signatures { storage: &**storage, log, signatures: 0 };
    match Node::load(&**storage) {
        Ok(node) => {
            check.node(&node);
            // Nothing is ever signed where only some trails are.
            if partial.is_none() || guarded {
                check.guard(&node, guard, &notes);
            }
            check.checkpoints(&node, &notes);
            check.recorded(&node);
            for kept in &options.kept {
                check.kept(&node, kept);
            }
        }
        Err(e) => check.find(NODE, None, e.to_string()),
    }
    if let Some(partial) = partial {
        partial.excuse(&mut check.log);
        if guarded {
            let what = "a log that was restored in part has no sign guard: this one was whole, and somebody put this \
                        file here";
            check.find(PARTIAL, None, what);
        }
    }
    Ok(VerifyReport { log: check.log, signatures: check.signatures })
}

struct Signatures<'a> {
    storage: &'a dyn Storage,
    log: Report,
    signatures: u64,
}

impl Signatures<'_> {
    fn find(&mut self, path: &str, trail: Option<&str>, what: impl Into<String>) {
        let (trail, path, what) = (trail.map(str::to_owned), path.to_owned(), what.into());
        self.log.findings.push(Finding { trail, seq: None, path, offset: None, what });
    }

    /// The node must be the one that the first event of `_system` names.
    fn node(&mut self, node: &Node) {
        let first = self.log.system.first().filter(|r| r.seq.0 == 0);
        if !first.is_some_and(|first| names_node(first, node)) {
            self.find(NODE, None, "key or origin is not what the first event of _system names");
        }
        if let Err(e) = node.signing_keys(self.storage) {
            match e {
                // Whoever verifies a copy need not have the secret.
                StoreError::Log(_) => {
                    self.log.notes.push(format!("{KEY} cannot be read; nothing needs it here"))
                }
                e => self.find(KEY, None, e.to_string()),
            }
        }
    }

    /// The log must be what was signed last.
    fn guard(
        &mut self,
        node: &Node,
        guard: Result<Option<Guard>, StoreError>,
        notes: &BTreeMap<TrailId, Vec<u8>>,
    ) {
        let guard = match guard {
            Ok(Some(guard)) => guard,
            Ok(None) => return self.find(guard::PATH, None, "the sign guard is missing"),
            Err(e) => return self.find(guard::PATH, None, e.to_string()),
        };
        if !guard.names_key(&node.public_key) {
            self.find(guard::PATH, None, "it was kept for another key than the node's");
        }
        for (id, note) in notes {
            let size = Checkpoint::parse(text_of(note)).map_or(0, |c| c.size.0);
            let known = guard.signed(*id).map_or(0, |signed| signed.size);
            if size > known {
                let what =
                    format!("trail {id} was signed at size {size} without it: it knows of {known}");
                self.find(guard::PATH, None, what);
            }
        }
        let signed: Vec<_> = guard.trails().map(|(id, s)| (id, s.clone())).collect();
        for (id, signed) in signed {
            let Some(trail) = self.trail(id) else {
                let what =
                    format!("trail {id} was signed at size {}, and is not there", signed.size);
                self.find(guard::PATH, None, what);
                continue;
            };
            if let Some(what) = self.deviation(&trail, signed.size, &signed.root) {
                self.find(guard::PATH, Some(trail.info.name.as_str()), what);
            }
        }
    }

    /// Every trail's latest checkpoint must be signed by the node and be of these records.
    fn checkpoints(&mut self, node: &Node, notes: &BTreeMap<TrailId, Vec<u8>>) {
        for trail in self.log.trails.clone() {
            match notes.get(&trail.info.id) {
                Some(note) => {
                    self.checkpoint(node, &trail, &checkpoint_path(trail.info.id), None, note)
                }
                None => {
                    let name = &trail.info.name;
                    self.log.notes.push(format!("trail {name} has no checkpoint yet"));
                }
            }
        }
    }

    /// So must every checkpoint that was recorded in `_system`, and their sizes must never fall unless
    /// somebody accepted it.
    fn recorded(&mut self, node: &Node) {
        let mut last: BTreeMap<TrailId, u64> = BTreeMap::new();
        for record in std::mem::take(&mut self.log.system) {
            let at = format!("_system seq {}", record.seq.0);
            match record.entry().action {
                ROLLBACK_ACCEPTED => {
                    last.clear();
                    self.log.notes.push(format!("{at}: somebody accepted a rollback"));
                }
                CHECKPOINT_RECORDED => {
                    let note =
                        details(&record).and_then(|d| d["checkpoint"].as_str().map(str::to_owned));
                    let Some(note) = note else {
                        self.find(&at, Some("_system"), "the recorded checkpoint is not readable");
                        continue;
                    };
                    let Some(trail) = self.trail_of(node, note.as_bytes()) else {
                        self.find(
                            &at,
                            Some("_system"),
                            "it holds a checkpoint of a trail that is not there",
                        );
                        continue;
                    };
                    self.checkpoint(node, &trail, &at, Some(record.seq.0), note.as_bytes());
                    let size = Checkpoint::parse(text_of(note.as_bytes())).map_or(0, |c| c.size.0);
                    if last.insert(trail.info.id, size).is_some_and(|before| before > size) {
                        self.find(
                            &at,
                            Some(trail.info.name.as_str()),
                            "a recorded checkpoint is smaller than the one before",
                        );
                    }
                }
                _ => {}
            }
        }
    }

    /// A checkpoint from outside.
    fn kept(&mut self, node: &Node, bytes: &[u8]) {
        match self.trail_of(node, bytes) {
            Some(trail) => self.checkpoint(node, &trail, "the kept checkpoint", None, bytes),
            None => {
                let origin = text_of(bytes).lines().next().unwrap_or_default().to_owned();
                self.find(
                    "the kept checkpoint",
                    None,
                    format!("there is no trail with origin {origin:?} here"),
                );
            }
        }
    }

    fn checkpoint(
        &mut self,
        node: &Node,
        trail: &CheckedTrail,
        path: &str,
        seq: Option<u64>,
        bytes: &[u8],
    ) {
        let opened = node
            .vkey(trail.info.id)
            .map_err(|e| e.to_string())
            .and_then(|vkey| Checkpoint::open(bytes, &vkey).map_err(|e| e.to_string()));
        let what = match opened {
            Ok(checkpoint) => {
                self.signatures += 1;
                self.deviation(trail, checkpoint.size.0, &checkpoint.root.to_base64())
            }
            Err(e) => Some(format!("the checkpoint does not verify: {e}")),
        };
        if let Some(what) = what {
            let (trail, path) = (Some(trail.info.name.to_string()), path.to_owned());
            self.log.findings.push(Finding { trail, seq, path, offset: None, what });
        }
    }

    /// In what a trail differs from what was signed of it.
    fn deviation(&self, trail: &CheckedTrail, size: u64, root: &str) -> Option<String> {
        if trail.size() < size {
            return Some(format!("size {size} was signed, and there are {} records", trail.size()));
        }
        match trail.root(self.storage, size) {
            Ok(found) if found.to_base64() == root => None,
            Ok(found) => Some(format!(
                "at size {size} the root {root} was signed, and the records have {}",
                found.to_base64()
            )),
            Err(e) => Some(format!("the root at size {size} cannot be computed: {e}")),
        }
    }

    fn trail(&self, id: TrailId) -> Option<Arc<CheckedTrail>> {
        self.log.trails.iter().find(|t| t.info.id == id).cloned()
    }

    /// The trail that a note's first line names.
    fn trail_of(&self, node: &Node, note: &[u8]) -> Option<Arc<CheckedTrail>> {
        let origin = text_of(note).lines().next()?;
        self.log.trails.iter().find(|t| node.origin_of(t.info.id) == origin).cloned()
    }
}

/// A note's text without its signatures, to find out whose it claims to be; the signature is checked
/// afterwards.
fn text_of(note: &[u8]) -> &str {
    let text = std::str::from_utf8(note).unwrap_or_default();
    match Note::parse(note) {
        Ok(parsed) => text.get(..parsed.unverified_text().len()).unwrap_or_default(),
        Err(_) => "",
    }
}

fn details(record: &KeptRecord) -> Option<serde_json::Value> {
    let mut what: serde_json::Value = serde_json::from_slice(record.part(Part::What)?).ok()?;
    Some(what["details"].take())
}
