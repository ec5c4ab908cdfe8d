//! The log opened for writing: what callers hold.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use indelible_event::{EventId, Micros, TrailName, is_recorded_by};
use indelible_merkle::Hash;

use crate::active;
use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::error::{AppendError, LogError};
use crate::frame::{self, FILE_HEADER_LEN, FileHeader};
use crate::limits;
use crate::manifest::{Manifest, PATH, SEGMENTS};
use crate::prepare::{Draw, Incoming, Prepared};
use crate::queue::Queue;
use crate::record::{KeptPart, KeptRecord, Pos, Seq, TrailNo};
use crate::sealer::{self, Sealing};
pub use crate::sequencer::SealAt;
use crate::sequencer::{Active, Placed, Sequencer, Submission, Work, create_active};
use crate::storage::{FileStorage, Storage, read_exact_at, write_all_at};
use crate::trail::{self, TrailId};
use crate::view::{State, View, find_in};

/// The file whose lock the writer holds.
pub const LOCK: &str = "LOCK";

/// What a log stands on.
#[derive(Clone)]
pub struct Seams {
    /// Its files.
    pub storage: Arc<dyn Storage>,
    /// Its clock.
    pub clock: Arc<dyn Clock>,
    /// Its random source.
    pub entropy: Arc<dyn Entropy>,
}

impl Seams {
    /// A real directory, the machine's clock and random source.
    pub fn real(dir: impl Into<std::path::PathBuf>) -> Seams {
        Seams {
            storage: Arc::new(FileStorage::new(dir)),
            clock: Arc::new(SystemClock),
            entropy: Arc::new(SystemEntropy),
        }
    }
}

/// What a caller gets once an event is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The event's id, as given or as made.
    pub id: EventId,
    /// Its place in its trail.
    pub seq: Seq,
    /// What it hashes to in the trail's tree.
    pub leaf: Hash,
    /// When it was recorded.
    pub recorded_at: Micros,
    /// Whether the trail had it already, so that this is the first receipt again.
    pub known: bool,
}

/// What became of one event of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Appended {
    /// It is kept.
    Kept(Receipt),
    /// The trail has another event under this id; it is refused, and the kept one stays.
    Conflict {
        /// The id.
        id: EventId,
        /// The seq of the record that has it.
        seq: Seq,
        /// The first field in which they differ.
        field: &'static str,
    },
}

/// What opening for writing had to mend.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovery {
    /// Bytes of a torn group, never acknowledged, that were cut off the last active file.
    pub torn_bytes: u64,
    /// The file they were cut off.
    pub torn_file: String,
    /// Files that a crash had left over.
    pub removed: Vec<String>,
}

/// The log, open for writing. Dropping it closes it.
pub struct Log {
    view: Arc<View>,
    seams: Seams,
    queue: Arc<Queue<Work>>,
    sealing: Arc<Sealing>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    recovery: Recovery,
    seal_at: SealAt,
    /// Held for as long as the log is open, so that nobody else writes.
    _lock: Box<dyn Send + Sync>,
}

impl Log {
    /// Makes a log in an empty or new directory.
    pub fn init(seams: &Seams) -> Result<(), LogError> {
        let storage = &*seams.storage;
        for dir in ["", active::DIR, SEGMENTS, trail::DIR] {
            storage.create_dir(dir).map_err(LogError::io(dir))?;
        }
        // The manifest must not be durable before the directories that it presumes.
        storage.sync_dir("").map_err(LogError::io(""))?;
        let _lock = lock(storage)?;
        match Manifest::load(storage) {
            Err(LogError::Missing(_)) => {}
            Ok(_) => return Err(LogError::Exists(format!("{PATH} is there"))),
            Err(e) => return Err(e),
        }
        let (mut log_id, mut system) = ([0; 16], [0; 16]);
        seams.entropy.fill(&mut log_id);
        seams.entropy.fill(&mut system);
        create_active(storage, &log_id, Pos(0)).map_err(LogError::io(&active::path(Pos(0))))?;
        // The manifest comes last: with it the log exists, without it nothing does.
        Manifest::new(log_id, TrailId(system)).store(storage)
    }

    /// Opens a log for writing: takes the lock, recovers, and starts the sequencer and the sealer.
    pub fn open(seams: Seams, seal_at: SealAt) -> Result<Log, LogError> {
        let storage = &*seams.storage;
        let lock = lock(storage)?;
        let manifest = Manifest::load(storage)?;
        // Reading comes first: a directory that is damaged is left as it is.
        let (state, tail) = State::restore(&seams.storage)?;
        // What was just read may be names that a process left un-synced when it was killed. Nothing may
        // be deleted or acknowledged on the strength of a name that a power cut would still take back.
        for dir in ["", SEGMENTS, active::DIR] {
            storage.sync_dir(dir).map_err(LogError::io(dir))?;
        }
        let mut recovery =
            Recovery { removed: sealer::clean_up(storage, &manifest)?, ..Recovery::default() };
        for unused in active::list(storage)?.into_iter().filter(|first| !state.has_live(*first)) {
            for path in [active::mark_path(unused), active::path(unused)] {
                sealer::remove_if_there(storage, &path)?;
                recovery.removed.push(path);
            }
        }
        let first = state.live.last().expect("restoring fails without an active file").first;
        let active = reopen(storage, &manifest.log_id, first, &tail, &mut recovery)?;
        let unsealed = state.live.len() > 1;
        let view = Arc::new(View::new(seams.storage.clone(), state));
        let queue = Arc::new(Queue::new());
        let sealing = Arc::new(Sealing::default());
        let sequencer = Sequencer {
            view: view.clone(),
            queue: queue.clone(),
            clock: seams.clock.clone(),
            entropy: seams.entropy.clone(),
            sealing: sealing.clone(),
            log_id: manifest.log_id,
            active,
            seal_at,
            poisoned: None,
        };
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(run).map_err(LogError::io(name))
        };
        let sealer = {
            let (view, sealing) = (view.clone(), sealing.clone());
            spawn("indelible-sealer", Box::new(move || sealer::run(&view, &sealing)))?
        };
        let sequencer = spawn("indelible-sequencer", Box::new(move || sequencer.run()))?;
        if unsealed {
            sealing.wake();
        }
        let threads = Mutex::new(vec![sequencer, sealer]);
        Ok(Log { view, seams, queue, sealing, threads, recovery, seal_at, _lock: lock })
    }

    /// The readable side.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// What opening had to mend.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// The number of the trail with this name; made, and its making recorded, if it is new.
    pub fn ensure_trail(&self, name: &TrailName) -> Result<TrailNo, AppendError> {
        if let Some(no) = self.view.trail_no(name) {
            return Ok(no);
        }
        self.ask(|reply| Work::CreateTrail { name: name.clone(), reply })
    }

    /// Appends events and waits until they are durable. Results are in the order of the events. An error
    /// concerns the whole batch, unless it is [`AppendError::Partly`], which only a batch of more than some
    /// thousand events can meet.
    pub fn append(&self, batch: &[Incoming<'_>]) -> Result<Vec<Appended>, AppendError> {
        // A record that is no record when it is read again would keep the log from ever opening.
        if batch.iter().filter_map(|e| e.recorded_by).any(|by| !is_recorded_by(by.as_bytes())) {
            return Err(AppendError::Refused("recorded_by must be [A-Za-z0-9._:-]{1,64}"));
        }
        let trails = self.view.state().trails.len();
        if batch.iter().any(|e| e.trail.0 as usize >= trails) {
            return Err(AppendError::Refused("there is no trail of this number"));
        }
        let now = self.seams.clock.now();
        let draw = Draw::new(&*self.seams.entropy, now, batch.len());
        let ids: Vec<EventId> = batch
            .iter()
            .enumerate()
            .map(|(i, e)| e.event.id.unwrap_or_else(|| draw.id(i)))
            .collect();
        let (files_seen, known) = self.known_in_segments(batch, &ids)?;
        let placed = self.submit_all(batch, &ids, &draw, files_seen, &known)?;
        let mut results = Vec::with_capacity(batch.len());
        for ((incoming, id), placed) in batch.iter().zip(&ids).zip(placed) {
            results.push(match placed {
                Placed::New { seq, leaf, recorded_at, .. } => {
                    Appended::Kept(Receipt { id: *id, seq, leaf, recorded_at, known: false })
                }
                Placed::Known { seq } => self.compare(incoming, *id, seq)?,
            });
        }
        Ok(results)
    }

    /// Looks the callers' own ids up in the segments, on the caller's thread. Ids that we just made
    /// cannot be there.
    fn known_in_segments(
        &self,
        batch: &[Incoming<'_>],
        ids: &[EventId],
    ) -> Result<(u64, BTreeMap<usize, Seq>), AppendError> {
        let (files_seen, segments) = {
            let state = self.view.state();
            (state.manifest.next_file, state.segments.clone())
        };
        let mut known = BTreeMap::new();
        for (i, incoming) in batch.iter().enumerate().filter(|(_, e)| e.event.id.is_some()) {
            let found = find_in(&segments, incoming.trail, ids[i]);
            // An id that cannot be looked up must not be appended: it might be there twice then.
            if let Some(seq) = found.map_err(|e| AppendError::Unreadable(e.to_string()))? {
                known.insert(i, seq);
            }
        }
        Ok((files_seen, known))
    }

    /// Prepares what is not known yet and hands it to the sequencer, in pieces that fit a group.
    fn submit_all(
        &self,
        batch: &[Incoming<'_>],
        ids: &[EventId],
        draw: &Draw,
        files_seen: u64,
        known: &BTreeMap<usize, Seq>,
    ) -> Result<Vec<Placed>, AppendError> {
        let mut placed: Vec<Option<Placed>> = (0..batch.len())
            .map(|i| known.get(&i).map(|seq| Placed::Known { seq: *seq }))
            .collect();
        let (mut prepared, mut slots, mut entry) = (Prepared::default(), Vec::new(), Vec::new());
        let mut pieces = 0;
        for (i, incoming) in batch.iter().enumerate() {
            if placed[i].is_none() {
                if prepared.items.is_empty() {
                    prepared
                        .frames
                        .reserve((batch.len() - i).min(limits::GROUP_RECORDS_MAX) * 1024);
                }
                prepared.push(incoming, ids[i], &draw.salt(i), &mut entry);
                slots.push(i);
            }
            let full = prepared.frames.len() >= limits::GROUP_BYTES_MAX / 2
                || prepared.items.len() >= limits::GROUP_RECORDS_MAX / 2;
            if (full || i + 1 == batch.len()) && !slots.is_empty() {
                // One piece after the other, so that after a failure just the front is kept.
                let answers =
                    self.send(std::mem::take(&mut prepared), files_seen).map_err(|cause| {
                        let kept = slots.first().copied().unwrap_or(0);
                        if pieces == 0 {
                            cause
                        } else {
                            AppendError::Partly { kept, cause: Box::new(cause) }
                        }
                    })?;
                pieces += 1;
                for (slot, place) in slots.drain(..).zip(answers) {
                    placed[slot] = Some(place);
                }
            }
        }
        Ok(placed.into_iter().map(|p| p.expect("each event was known or submitted")).collect())
    }

    fn send(&self, prepared: Prepared, files_seen: u64) -> Result<Vec<Placed>, AppendError> {
        self.ask(|reply| Work::Append(Submission { prepared, files_seen, reply }))
    }

    fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(crate::sequencer::Reply<T>) -> Work,
    ) -> Result<T, AppendError> {
        let (tell, answer) = mpsc::sync_channel(1);
        // A caller that stopped waiting is not missed: what was asked for is done all the same.
        let work = work(Box::new(move |result| drop(tell.send(result))));
        self.queue.push(work).map_err(|_| AppendError::Closed)?;
        // A sequencer that closes answers everything first. One that ends without an answer has failed, and
        // may have written before it did.
        answer.recv().map_err(|_| AppendError::Poisoned("the sequencer has ended".into()))?
    }

    /// The same id again: the first receipt if it is the same event, a refusal that names the
    /// difference if it is not.
    fn compare(
        &self,
        incoming: &Incoming<'_>,
        id: EventId,
        seq: Seq,
    ) -> Result<Appended, AppendError> {
        let trouble = |e: LogError| AppendError::Unreadable(e.to_string());
        let kept = self.view.read(incoming.trail, &[seq]).map_err(trouble)?;
        let kept = kept.first().ok_or(AppendError::Closed)?;
        if let Some(field) = difference(kept, incoming) {
            return Ok(Appended::Conflict { id, seq, field });
        }
        let leaf = indelible_merkle::leaf_hash(&kept.entry);
        let recorded_at = kept.entry().recorded_at;
        Ok(Appended::Kept(Receipt { id, seq, leaf, recorded_at, known: true }))
    }

    /// Closes the active file and waits until it is sealed into segments.
    pub fn seal(&self) -> Result<(), LogError> {
        self.ask(|reply| Work::Rotate { reply })
            .map_err(|e| LogError::NotFound(format!("cannot seal: {e}")))?;
        self.wait_sealed()
    }

    /// Waits until the sealer has nothing to do.
    pub fn wait_sealed(&self) -> Result<(), LogError> {
        if self.sealing.wait_idle() {
            return Ok(());
        }
        let why = self.sealing.failure().unwrap_or_else(|| "the sealer has ended".into());
        Err(LogError::NotFound(format!("sealing failed: {why}")))
    }

    /// Seals the active file if its oldest record has waited long enough, and tries again what failed.
    /// To be called now and then.
    pub fn maintain(&self) -> Result<(), LogError> {
        let oldest = {
            let state = self.view.state();
            match state.live.last().filter(|live| live.count() > 0) {
                Some(live) => Some(live.read(0)?.record(&live.path)?.entry.recorded_at),
                None => None,
            }
        };
        let age = oldest.map_or(0, |at| self.seams.clock.now().0 - at.0);
        if age >= limits::ACTIVE_AGE_SEAL_MICROS {
            self.ask(|reply| Work::Rotate { reply })
                .map_err(|e| LogError::NotFound(format!("cannot seal: {e}")))?;
        } else if self.sealing.failure().is_some() {
            self.sealing.wake();
        }
        Ok(())
    }

    /// Why sealing does not get on, if it does not.
    pub fn sealing_failure(&self) -> Option<String> {
        self.sealing.failure()
    }

    /// When the active file is sealed.
    pub fn seal_at(&self) -> SealAt {
        self.seal_at
    }

    /// Takes nothing more, finishes what was taken, and ends the threads.
    pub fn close(&self) {
        self.queue.close();
        self.sealing.stop();
        let threads = std::mem::take(&mut *self.threads.lock().expect("nothing panics here"));
        for thread in threads {
            // A thread that panicked has poisoned nothing that is used after this.
            drop(thread.join());
        }
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        self.close();
    }
}

fn lock(storage: &dyn Storage) -> Result<Box<dyn Send + Sync>, LogError> {
    storage.lock(LOCK).map_err(|e| match e.kind() {
        std::io::ErrorKind::WouldBlock => LogError::Locked,
        std::io::ErrorKind::NotFound => LogError::Missing("the directory does not exist".into()),
        _ => LogError::io(LOCK)(e),
    })
}

/// Takes over the last active file: cuts its torn tail, and makes durable what was kept.
fn reopen(
    storage: &dyn Storage,
    log_id: &[u8; 16],
    first: Pos,
    tail: &active::Tail,
    recovery: &mut Recovery,
) -> Result<Active, LogError> {
    let path = active::path(first);
    let io = || LogError::io(&path);
    let file = storage.open(&path, true).map_err(io())?;
    if tail.torn > 0 {
        recovery.torn_bytes = tail.torn;
        recovery.torn_file = path.clone();
        file.set_len(tail.end).map_err(io())?;
    }
    let mut offset = tail.end;
    if offset == 0 {
        let header = FileHeader { log_id: *log_id, first_pos: first }.encode();
        write_all_at(&*file, 0, &header).map_err(io())?;
        offset = FILE_HEADER_LEN as u64;
    }
    // The last group may have been written and never synced; from here on it counts. It is written once
    // more, because a sync that failed leaves pages that look clean and are not on disk: syncing them
    // again would report success and do nothing.
    if tail.proven < tail.end {
        let mut unproven = vec![0; (tail.end - tail.proven) as usize];
        read_exact_at(&*file, tail.proven, &mut unproven).map_err(io())?;
        write_all_at(&*file, tail.proven, &unproven).map_err(io())?;
    }
    file.sync().map_err(io())?;
    let mark_path = active::mark_path(first);
    let mark = match storage.open(&mark_path, true) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => storage.create(&mark_path),
        other => other,
    }
    .map_err(LogError::io(&mark_path))?;
    write_all_at(&*mark, 0, &frame::encode_mark(first, offset))
        .map_err(LogError::io(&mark_path))?;
    Ok(Active { file, mark, first, offset, littered: false })
}

/// The first field in which an event differs from a kept record of the same id.
fn difference(kept: &KeptRecord, incoming: &Incoming<'_>) -> Option<&'static str> {
    let (entry, event) = (kept.entry(), incoming.event);
    let fields = [
        ("occurred_at", entry.occurred_at == event.occurred_at),
        ("action", entry.action == &*event.action),
        ("category", entry.category == event.category.as_deref()),
        ("outcome", entry.outcome == event.outcome),
        ("phase", entry.phase == event.phase),
        ("ref", entry.reference == event.reference),
        ("source", entry.source == event.source),
    ];
    if let Some((field, _)) = fields.into_iter().find(|(_, same)| !same) {
        return Some(field);
    }
    indelible_event::Part::ALL.into_iter().find_map(|part| {
        let new = event.parts.get(part);
        let same = match &kept.parts[part as usize] {
            KeptPart::Kept(bytes) => new == Some(bytes.as_slice()),
            KeptPart::Absent => new.is_none(),
            // The part and its salt are gone, so there is nothing left to compare with but its presence.
            KeptPart::Gone(_) => new.is_some(),
        };
        (!same).then(|| part.name())
    })
}
