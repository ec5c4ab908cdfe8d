//! The directory opened for reading: records, checkpoints and proofs.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};

use indelible_event::{EventId, Part, TrailName};
use indelible_log::record::{KeptRecord, Seq, TrailNo};
use indelible_log::storage::{Storage, read_whole};
use indelible_log::trail::{DIR as TRAILS, TrailId};
use indelible_log::{SystemEntropy, TrailStatus, View};
use indelible_merkle::{Checkpoint, TreeSize, Vkey};

use crate::error::StoreError;
use crate::marks::refuse_half_restored;
use crate::node::Node;
use crate::proof::{self, Prover};
use crate::publish::checkpoint_path;
use crate::scan::Scanner;
use crate::search::Search;
use crate::tiles::{self, TileStats};

/// No signed note is larger.
const NOTE_BYTES_MAX: u64 = 1 << 20;

/// A data directory, open for reading.
pub struct Reader {
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) view: Arc<View>,
    pub(crate) node: Node,
    /// The checkpoints as they were before the view was taken; `None` beside a writer, whose view is
    /// never behind a checkpoint.
    notes: Option<BTreeMap<TrailId, Vec<u8>>>,
    /// Made when it is first needed, unless a writer keeps one up.
    search: OnceLock<Search>,
}

impl Reader {
    /// Opens a directory for reading only, as it is at this moment; another process may be writing.
    pub fn open(storage: Arc<dyn Storage>) -> Result<Reader, StoreError> {
        refuse_half_restored(&*storage)?;
        let node = Node::load(&*storage)?;
        // Checkpoints first: one that a writer signs while we open would be ahead of our records, and
        // look as if the tail had been cut.
        let notes = read_notes(&*storage)?;
        let view = Arc::new(View::open(storage.clone())?);
        Ok(Reader { storage, view, node, notes: Some(notes), search: OnceLock::new() })
    }

    pub(crate) fn of(
        storage: Arc<dyn Storage>,
        view: Arc<View>,
        node: Node,
        search: Option<Search>,
    ) -> Reader {
        let search = search.map_or_else(OnceLock::new, OnceLock::from);
        Reader { storage, view, node, notes: None, search }
    }

    /// The index. A reader of its own makes what is not on disk in memory, once.
    pub fn search(&self) -> Result<&Search, StoreError> {
        if let Some(search) = self.search.get() {
            return Ok(search);
        }
        let made = Search::of(self.view.clone(), self.storage.clone(), &SystemEntropy)?;
        Ok(self.search.get_or_init(|| made))
    }

    /// Its files.
    pub fn storage(&self) -> &Arc<dyn Storage> {
        &self.storage
    }

    /// The node that signs here.
    pub fn node(&self) -> &Node {
        &self.node
    }

    /// The log's readable side.
    pub fn view(&self) -> &View {
        &self.view
    }

    /// What reads all records in the log's order.
    pub fn scanner(&self) -> Scanner {
        Scanner::new(self.view.clone())
    }

    /// All trails, `_system` first.
    pub fn trails(&self) -> Vec<TrailStatus> {
        self.view.trails()
    }

    /// A trail by name.
    pub fn trail(&self, name: &TrailName) -> Result<TrailStatus, StoreError> {
        let no = self.view.trail_no(name);
        let no =
            no.ok_or_else(|| StoreError::NotFound(format!("there is no trail named {name}")))?;
        Ok(self.view.trail(no)?)
    }

    /// A trail's verifier key.
    pub fn vkey(&self, trail: &TrailStatus) -> Result<Vkey, StoreError> {
        self.node.vkey(trail.info.id)
    }

    /// Records by seq, each checked against its leaf.
    pub fn read(&self, trail: TrailNo, seqs: &[Seq]) -> Result<Vec<KeptRecord>, StoreError> {
        Ok(self.view.read(trail, seqs)?)
    }

    /// What `_system` says with these actions, oldest first: keys, settings and policies are nothing but that.
    pub fn told(&self, actions: &[&str]) -> Result<Vec<KeptRecord>, StoreError> {
        crate::told::told(self, actions)
    }

    /// The seq of an event id.
    pub fn find(&self, trail: &TrailStatus, id: EventId) -> Result<Seq, StoreError> {
        let missing =
            || StoreError::NotFound(format!("trail {} has no event {id}", trail.info.name));
        self.view.find(trail.info.no, id)?.ok_or_else(missing)
    }

    /// The trail's latest signed checkpoint: its note as signed, and what it says. Its signature and its
    /// root were checked.
    pub fn checkpoint(&self, trail: &TrailStatus) -> Result<(String, Checkpoint), StoreError> {
        let path = checkpoint_path(trail.info.id);
        let bytes = match &self.notes {
            Some(notes) => notes.get(&trail.info.id).cloned(),
            None => read_note(&*self.storage, trail.info.id)?,
        };
        let bytes = bytes.ok_or_else(|| {
            let name = &trail.info.name;
            StoreError::NotFound(format!(
                "trail {name} has no checkpoint yet; the writer signs one each second"
            ))
        })?;
        let checkpoint =
            Checkpoint::open(&bytes, &self.vkey(trail)?).map_err(|e| StoreError::file(&path, e))?;
        let size = self.view.trail(trail.info.no)?.size;
        if checkpoint.size > size {
            let why = format!(
                "alarm: it was signed at size {}, but there are {size} records",
                checkpoint.size
            );
            return Err(StoreError::file(&path, why));
        }
        if self.view.root(trail.info.no, checkpoint.size)? != checkpoint.root {
            return Err(StoreError::file(
                &path,
                "alarm: its root is not the root of the records here",
            ));
        }
        let note = String::from_utf8(bytes).map_err(|_| StoreError::file(&path, "not UTF-8"))?;
        Ok((note, checkpoint))
    }

    /// A C2SP tlog-proof of one record, with its disclosure in the extra line. The parts in `redact` are
    /// withheld: only their commitments are given.
    pub fn prove(
        &self,
        trail: &TrailStatus,
        seq: Seq,
        redact: &[Part],
    ) -> Result<String, StoreError> {
        self.prover(trail)?.prove(self, seq, redact)
    }

    /// What proves records of a trail under its latest checkpoint, the same for all of them.
    pub fn prover(&self, trail: &TrailStatus) -> Result<Prover, StoreError> {
        Prover::new(self, trail)
    }

    /// The proof that the trail's first `from` records are a prefix of its first `to`; the latest
    /// checkpoint's size where `to` is not given.
    pub fn prove_consistency(
        &self,
        trail: &TrailStatus,
        from: TreeSize,
        to: Option<TreeSize>,
    ) -> Result<String, StoreError> {
        proof::prove_consistency(self, trail, from, to)
    }

    /// The bytes of one file of the trail's static C2SP tree, by its path: `checkpoint`,
    /// `tile/<level>/<index>[.p/<width>]` or `tile/entries/<index>[.p/<width>]`. `None` if the path is none of
    /// these, or names what the trail's signed checkpoint does not cover.
    pub fn tile(&self, trail: &TrailStatus, path: &str) -> Result<Option<Vec<u8>>, StoreError> {
        tiles::one(self, trail, path)
    }

    /// Gives every file of the trail's static C2SP tree: path and bytes.
    pub fn tiles(
        &self,
        trail: &TrailStatus,
        emit: &mut dyn FnMut(&str, &[u8]) -> std::io::Result<()>,
    ) -> Result<TileStats, StoreError> {
        tiles::export(self, trail, emit)
    }
}

/// A trail's latest checkpoint, if it has one.
fn read_note(storage: &dyn Storage, trail: TrailId) -> Result<Option<Vec<u8>>, StoreError> {
    let path = checkpoint_path(trail);
    match read_whole(storage, &path, NOTE_BYTES_MAX) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(StoreError::io(&path)(e)),
    }
}

/// The latest checkpoints of all trails.
pub(crate) fn read_notes(storage: &dyn Storage) -> Result<BTreeMap<TrailId, Vec<u8>>, StoreError> {
    let mut notes = BTreeMap::new();
    for name in storage.list(TRAILS).map_err(StoreError::io(TRAILS))? {
        if let Some(id) = TrailId::parse(&name)
            && let Some(note) = read_note(storage, id)?
        {
            notes.insert(id, note);
        }
    }
    Ok(notes)
}
