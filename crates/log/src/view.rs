//! The log as readers see it: segments, active files and trees at one moment, and what can be asked.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockReadGuard};

use indelible_event::{EventId, Micros, Part, TrailName};
use indelible_merkle::{Hash, ReadTiles, TreeSize, leaf_hash};

use crate::active::{self, Tail};
use crate::error::LogError;
use crate::follow::Watch;
use crate::frame::{self, Framed};
use crate::limits;
use crate::live::LiveFile;
use crate::manifest::{Manifest, ManifestSegment};
use crate::offload::{Cache, SegmentFile};
use crate::policy::{self, Policy};
use crate::read::find_in;
use crate::record::{Pos, Record, Seq, TrailNo};
use crate::storage::Storage;
use crate::trail::{Trail, TrailId, TrailInfo, prove_error};

/// The action of the event in `_system` that makes a trail.
pub const TRAIL_CREATE: &str = "trail.create";

/// What this process made a segment of: whoever keeps something beside segments may make what belongs to the
/// new one of what it has for the old ones.
#[derive(Clone, Debug)]
pub enum MadeOf {
    /// It was there already, or it says less than what it was made of.
    Unknown,
    /// An active file, of whose records it has some, whole.
    Active,
    /// All records of these segments, by file number, and nothing else.
    Merged(Arc<[(u64, MadeOf)]>),
}

/// Everything that is durable. Owned by the sequencer and the sealer, who alone take the write lock.
pub(crate) struct State {
    pub manifest: Manifest,
    /// Replaced whole, so that a reader takes all of them along at the price of one.
    pub segments: Arc<Vec<Arc<SegmentFile>>>,
    pub live: Vec<LiveFile>,
    pub trails: Vec<Trail>,
    pub names: HashMap<TrailName, TrailNo>,
    pub recorded_at_max: Micros,
    /// When the group that is being written was recorded: its records can be read once it is synced.
    pub writing_at: Option<Micros>,
    /// What was fetched of segments that left this disk.
    pub cache: Arc<Cache>,
}

/// A trail and how large its tree is.
#[derive(Clone, Debug)]
pub struct TrailStatus {
    /// Who it is.
    pub info: Arc<TrailInfo>,
    /// Durable records.
    pub size: TreeSize,
    /// The root over them, as the level files have it. What they lost since they were sealed only a
    /// signed checkpoint or verification shows.
    pub root: Hash,
    /// The minimum index: every record below it has expired, and may be gone without a stub.
    pub min: u64,
}

/// The log's readable side.
pub struct View {
    pub(crate) storage: Arc<dyn Storage>,
    state: RwLock<State>,
    pub(crate) watch: Watch,
}

impl State {
    /// Rebuilds the state of a directory from the manifest, the level files and the active files. Reads
    /// only. Also gives the end of the last active file, which a writer may have to cut.
    pub fn restore(storage: &Arc<dyn Storage>) -> Result<(State, Tail), LogError> {
        let manifest = Manifest::load(&**storage)?;
        let mut state = State {
            segments: Arc::default(),
            live: Vec::new(),
            trails: Vec::new(),
            names: HashMap::new(),
            recorded_at_max: manifest.recorded_at_max(),
            writing_at: None,
            manifest,
            cache: Arc::new(Cache::new(storage.clone())),
        };
        let cache = &state.cache;
        let open = |entry: &ManifestSegment| {
            SegmentFile::open(&**storage, entry.clone(), cache).map(Arc::new)
        };
        let segments: Result<_, _> = state.manifest.segments.iter().map(open).collect();
        state.segments = Arc::new(segments?);
        for (info, on_disk) in state.manifest.infos()?.into_iter().zip(&state.manifest.trails) {
            let mut trail = Trail::restore(storage, Arc::new(info), on_disk.sealed)?;
            trail.min = on_disk.min;
            state.names.insert(trail.info.name.clone(), trail.info.no);
            state.trails.push(trail);
        }
        let tail = state.replay(storage)?;
        Ok((state, tail))
    }

    /// Reads the active files and applies every durable record, as the sequencer did when it wrote them.
    fn replay(&mut self, storage: &Arc<dyn Storage>) -> Result<Tail, LogError> {
        let sealed = Pos(self.manifest.sealed_pos);
        let mut files = active::list(&**storage)?;
        // A file that is sealed already was about to be deleted when the process ended.
        files.retain(|first| *first >= sealed);
        if files.first() != Some(&sealed) {
            let why = "the active file that follows the segments is missing";
            return Err(LogError::corrupt(&active::path(sealed), 0, why));
        }
        active::check_marks(&**storage, sealed)?;
        let mut tail = Tail { end: 0, proven: 0, torn: 0, next_pos: sealed };
        // Files at the end that nothing was written to yet: a new one, or what is left of one that could
        // not be made whole (a full disk, a crash) while the file before it went on.
        let mut used = files.len();
        while used > 1 && active::is_unused(&**storage, files[used - 1])? {
            used -= 1;
        }
        for (i, first) in files.iter().enumerate() {
            let path = active::path(*first);
            let past = *first < tail.next_pos || i >= used && tail.torn > 0;
            if i > 0 && past && active::is_unused(&**storage, *first)? {
                continue;
            }
            if *first != tail.next_pos {
                return Err(LogError::corrupt(&path, 0, "there is a gap before this active file"));
            }
            let file = storage.open(&path, false).map_err(LogError::io(&path))?;
            self.live.push(LiveFile::new(*first, &path, file));
            let log_id = self.manifest.log_id;
            let is_last = i + 1 >= used;
            tail = active::read(&**storage, &log_id, *first, is_last, |group| {
                for framed in group.records() {
                    let framed = framed.map_err(LogError::frame(&path, group.offset))?;
                    self.replay_record(storage, &path, &framed)?;
                }
                Ok(())
            })?;
        }
        Ok(tail)
    }

    fn replay_record(
        &mut self,
        storage: &Arc<dyn Storage>,
        path: &str,
        framed: &Framed<'_>,
    ) -> Result<(), LogError> {
        let Framed { offset, frame, record } = framed;
        let bad = |why: &str| LogError::corrupt(path, *offset, why);
        let trail = self
            .trails
            .get(record.trail.0 as usize)
            .ok_or_else(|| bad("its trail was never made"))?;
        if record.seq.0 != trail.size() {
            return Err(bad("a record's seq does not follow the one before"));
        }
        let live = self.live.last_mut().expect("the file being replayed was pushed");
        let row = live.count() as u32;
        live.reserve_id(record.trail, record.entry.id, row)
            .map_err(|_| bad("an event id occurs twice"))?;
        let leaf = leaf_hash(frame::entry_bytes(frame));
        self.apply(record.trail, record.seq, leaf, *offset, frame.len(), record.entry.recorded_at);
        if let Some(policy) = policy::told(record) {
            // Its event is durable, so it is in force, whether the manifest came to say so or not.
            self.manifest.add_policy(policy);
        }
        if let Some(info) = created_trail(record).map_err(|why| bad(&why))? {
            // The manifest names all trails there were when it was written, and may be newer than this
            // file: an earlier one was sealed while this one was written to.
            if self.trails.get(info.no.0 as usize).is_none_or(|known| *known.info != info) {
                self.add_trail(storage, info)?;
            }
        }
        Ok(())
    }

    /// Takes a durable record into the maps and its trail's tree: the one way in, for the sequencer and
    /// for recovery alike.
    pub fn apply(
        &mut self,
        trail: TrailNo,
        seq: Seq,
        leaf: Hash,
        offset: u64,
        len: usize,
        recorded_at: Micros,
    ) {
        self.live.last_mut().expect("there is always an active file").push(trail, seq, offset, len);
        self.trails[trail.0 as usize].push(leaf);
        self.recorded_at_max = self.recorded_at_max.max(recorded_at);
    }

    /// Adds a trail whose creation is durable.
    pub fn add_trail(
        &mut self,
        storage: &Arc<dyn Storage>,
        info: TrailInfo,
    ) -> Result<(), LogError> {
        if info.no.0 as usize != self.trails.len() || self.names.contains_key(&info.name) {
            let why = format!("trail {} was made twice or out of turn", info.name);
            return Err(LogError::corrupt(active::DIR, 0, why));
        }
        self.names.insert(info.name.clone(), info.no);
        self.trails.push(Trail::restore(storage, Arc::new(info), 0)?);
        Ok(())
    }

    pub fn trail(&self, no: TrailNo) -> Result<&Trail, LogError> {
        self.trails
            .get(no.0 as usize)
            .ok_or_else(|| LogError::NotFound(format!("no trail number {}", no.0)))
    }

    pub fn has_live(&self, first: Pos) -> bool {
        self.live.iter().any(|live| live.first == first)
    }

    /// The position the next record gets.
    pub fn next_pos(&self) -> Pos {
        self.live.last().map_or(Pos(self.manifest.sealed_pos), LiveFile::end)
    }
}

impl TrailStatus {
    fn of(t: &Trail) -> TrailStatus {
        let (size, root) = (t.tree.size(), t.tree.root());
        TrailStatus { info: t.info.clone(), size, root, min: t.min }
    }
}

/// If a record of `_system` makes a trail: which.
pub(crate) fn created_trail(record: &Record<'_>) -> Result<Option<TrailInfo>, String> {
    if record.trail != TrailNo(0) || record.entry.action != TRAIL_CREATE {
        return Ok(None);
    }
    let crate::record::PartRef::Kept(what) = record.parts[Part::What as usize] else {
        return Err("the creation of a trail has no readable part `what`".into());
    };
    TrailCreated::parse(what).map(Some)
}

/// The part `what` of a trail's creation.
pub(crate) struct TrailCreated;

impl TrailCreated {
    fn parse(what: &[u8]) -> Result<TrailInfo, String> {
        #[derive(serde::Deserialize)]
        struct Details {
            no: u32,
            id: String,
            name: String,
        }
        #[derive(serde::Deserialize)]
        struct What {
            details: Details,
        }
        let bad = |e: &dyn std::fmt::Display| format!("the creation of a trail is malformed: {e}");
        let What { details } = serde_json::from_slice(what).map_err(|e| bad(&e))?;
        let id = TrailId::parse(&details.id).ok_or_else(|| bad(&"its id is not 32 digits"))?;
        let name = TrailName::parse(&details.name).map_err(|e| bad(&e))?;
        Ok(TrailInfo { no: TrailNo(details.no), id, name })
    }
}

impl View {
    pub(crate) fn new(storage: Arc<dyn Storage>, state: State) -> View {
        let watch = Watch::new(state.next_pos());
        View { storage, state: RwLock::new(state), watch }
    }

    /// Opens a directory for reading only, while another process may be writing to it.
    pub fn open(storage: Arc<dyn Storage>) -> Result<View, LogError> {
        // Between reading the manifest and opening what it names, a seal or merge may replace it and delete
        // that. What fails twice under one manifest fails for another reason.
        let mut failed_under = None;
        for _ in 0..limits::VIEW_TRIES_MAX {
            let error = match State::restore(&storage) {
                Ok((state, _)) => return Ok(View::new(storage, state)),
                Err(error) => error,
            };
            let now = Some(Manifest::load(&*storage)?);
            if failed_under == now {
                return Err(error);
            }
            failed_under = now;
        }
        State::restore(&storage).map(|(state, _)| View::new(storage, state))
    }

    pub(crate) fn state(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().expect("nobody panics while holding the state")
    }

    pub(crate) fn state_mut(&self) -> std::sync::RwLockWriteGuard<'_, State> {
        self.state.write().expect("nobody panics while holding the state")
    }

    /// The log's own random id.
    pub fn log_id(&self) -> [u8; 16] {
        self.state().manifest.log_id
    }

    /// All trails.
    pub fn trails(&self) -> Vec<TrailStatus> {
        self.state().trails.iter().map(TrailStatus::of).collect()
    }

    /// One trail by number.
    pub fn trail(&self, no: TrailNo) -> Result<TrailStatus, LogError> {
        Ok(TrailStatus::of(self.state().trail(no)?))
    }

    /// All retention policies so far, by number; the last is in force.
    pub fn policies(&self) -> Vec<Policy> {
        self.state().manifest.all_policies()
    }

    /// A trail's number by name.
    pub fn trail_no(&self, name: &TrailName) -> Option<TrailNo> {
        self.state().names.get(name).copied()
    }

    /// A trail's seq of an event id.
    pub fn find(&self, trail: TrailNo, id: EventId) -> Result<Option<Seq>, LogError> {
        let segments = {
            let state = self.state();
            let live = state.live.iter().rev();
            match live.filter_map(|f| f.row_of_id(trail, id).map(|row| f.row(row))).next() {
                Some(row) => Err(row),
                None => Ok(state.segments.clone()),
            }
        };
        match segments {
            Ok(segments) => find_in(&segments, trail, id),
            Err(row) => Ok(Some(row.read()?.record()?.seq)),
        }
    }

    /// The root of a trail's first `size` records.
    pub fn root(&self, trail: TrailNo, size: TreeSize) -> Result<Hash, LogError> {
        let state = self.state();
        let tiles = state.trail(trail)?;
        indelible_merkle::root(&tiles.tiles(&*self.storage), size).map_err(prove_error)
    }

    /// The path from a leaf to the root of a trail's first records, as many as these tiles are of.
    pub fn inclusion_proof(
        &self,
        trail: TrailNo,
        seq: Seq,
        known: &mut ReadTiles,
    ) -> Result<Vec<Hash>, LogError> {
        let state = self.state();
        let tiles = state.trail(trail)?.tiles(&*self.storage);
        known.inclusion_proof(&tiles, seq.0).map_err(prove_error)
    }

    /// The proof that a trail's first `from` records are a prefix of its first `to`.
    pub fn consistency_proof(
        &self,
        trail: TrailNo,
        from: TreeSize,
        to: TreeSize,
    ) -> Result<Vec<Hash>, LogError> {
        let state = self.state();
        let tiles = state.trail(trail)?.tiles(&*self.storage);
        indelible_merkle::consistency_proof(&tiles, from, to).map_err(prove_error)
    }

    /// Hashes of one tile level of a trail.
    pub fn hashes(
        &self,
        trail: TrailNo,
        level: u8,
        start: u64,
        count: usize,
    ) -> Result<Vec<Hash>, LogError> {
        let hashes = self.state().trail(trail)?.hashes(level, start, count)?;
        hashes.read(&*self.storage)
    }
}
