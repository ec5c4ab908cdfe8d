//! The log opened for writing: what callers hold.

use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use indelible_event::{EventId, Micros, TrailName};
use indelible_merkle::Hash;

use crate::active;
use crate::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use crate::error::{AppendError, LogError};
use crate::frame::{self, FILE_HEADER_LEN, FileHeader};
use crate::limits;
use crate::manifest::{Manifest, PATH, SEGMENTS};
use crate::output::remove_if_there;
use crate::publish::clean_up;
use crate::queue::Queue;
use crate::record::{Pos, Seq, TrailNo};
use crate::room::Room;
use crate::sealer::{self, Sealing};
pub use crate::sequencer::SealAt;
use crate::sequencer::{Active, Sequencer, Work, create_active};
use crate::storage::{FileStorage, Storage, read_exact_at, write_all_at};
use crate::trail::{self, TrailId};
use crate::view::{State, View};

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
    pub(crate) view: Arc<View>,
    pub(crate) seams: Seams,
    queue: Arc<Queue<Work>>,
    pub(crate) sealing: Arc<Sealing>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    recovery: Recovery,
    seal_at: SealAt,
    /// Where the log ended when `maintain` was last called, and for how many calls it has.
    quiet: Mutex<(Pos, u32)>,
    pub(crate) room: Room,
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
        // Reading comes first: a directory that is damaged is left as it is.
        let (mut state, tail) = State::restore(&seams.storage)?;
        // What was just read may be names that a process left un-synced when it was killed. Nothing may
        // be deleted or acknowledged on the strength of a name that a power cut would still take back.
        for dir in ["", SEGMENTS, active::DIR] {
            storage.sync_dir(dir).map_err(LogError::io(dir))?;
        }
        let mut recovery =
            Recovery { removed: clean_up(storage, &mut state.manifest)?, ..Recovery::default() };
        for unused in active::list(storage)?.into_iter().filter(|first| !state.has_live(*first)) {
            for path in [active::mark_path(unused), active::path(unused)] {
                remove_if_there(storage, &path)?;
                recovery.removed.push(path);
            }
        }
        let first = state.live.last().expect("restoring fails without an active file").first;
        let active = reopen(storage, &state.manifest.log_id, first, &tail, &mut recovery)?;
        state.cache.own(&state.manifest)?;
        let unsealed = state.live.len() > 1;
        let log_id = state.manifest.log_id;
        let view = Arc::new(View::new(seams.storage.clone(), state));
        let queue = Arc::new(Queue::new());
        let sealing = Arc::new(Sealing::default());
        let sequencer = Sequencer {
            view: view.clone(),
            queue: queue.clone(),
            clock: seams.clock.clone(),
            entropy: seams.entropy.clone(),
            sealing: sealing.clone(),
            log_id,
            active,
            seal_at,
            poisoned: None,
        };
        let spawn = |name: &str, run: Box<dyn FnOnce() + Send>| {
            std::thread::Builder::new().name(name.into()).spawn(run).map_err(LogError::io(name))
        };
        let sealer = {
            let (view, sealing) = (view.clone(), sealing.clone());
            spawn(
                "indelible-sealer",
                Box::new(move || sealer::run(&view, &sealing, seal_at.merge_debt)),
            )?
        };
        let sequencer = spawn("indelible-sequencer", Box::new(move || sequencer.run()))?;
        if unsealed {
            sealing.wake();
        }
        let threads = Mutex::new(vec![sequencer, sealer]);
        Ok(Log {
            view,
            seams,
            queue,
            sealing,
            threads,
            recovery,
            seal_at,
            quiet: Mutex::default(),
            room: Room::default(),
            _lock: lock,
        })
    }

    /// The readable side.
    pub fn view(&self) -> &Arc<View> {
        &self.view
    }

    /// What opening had to mend.
    pub fn recovery(&self) -> &Recovery {
        &self.recovery
    }

    /// Whether callers' events are taken, as far as room goes: more than the reserve is free.
    pub fn has_room(&self) -> bool {
        !self.room.is_short(&*self.seams.storage, self.seams.clock.now())
    }

    /// The number of the trail with this name; made, and its making recorded, if it is new.
    pub fn ensure_trail(&self, name: &TrailName) -> Result<TrailNo, AppendError> {
        if let Some(no) = self.view.trail_no(name) {
            return Ok(no);
        }
        if !self.has_room() {
            return Err(AppendError::Full);
        }
        self.ask(|reply| Work::CreateTrail { name: name.clone(), reply })
    }

    pub(crate) fn ask<T: Send + 'static>(
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

    /// Merges small segments as far as they go, though events may be appended meanwhile, and waits for it.
    pub fn merge_now(&self) -> Result<(), LogError> {
        self.sealing.merge_all();
        self.wait_sealed()
    }

    /// Seals the active file if its oldest record has waited long enough, tries again what failed, and lets
    /// segments be merged if nothing was appended for a few calls. To be called each second.
    pub fn maintain(&self) -> Result<(), LogError> {
        let oldest = {
            let state = self.view.state();
            state.live.last().filter(|live| live.count() > 0).map(|live| live.row(0))
        };
        let oldest = match oldest {
            Some(row) => Some(row.read()?.record()?.entry.recorded_at),
            None => None,
        };
        let age = oldest.map_or(0, |at| self.seams.clock.now().0 - at.0);
        if age >= limits::ACTIVE_AGE_SEAL_MICROS {
            self.ask(|reply| Work::Rotate { reply })
                .map_err(|e| LogError::NotFound(format!("cannot seal: {e}")))?;
        } else if self.sealing.failure().is_some() {
            self.sealing.wake();
        }
        let end = self.view.next_pos();
        let mut quiet = self.quiet.lock().expect("nothing panics while holding this");
        *quiet = if quiet.0 == end { (end, quiet.1.saturating_add(1)) } else { (end, 0) };
        if quiet.1 == limits::MERGE_QUIET_CALLS {
            self.sealing.quiet_at(end);
        }
        Ok(())
    }

    /// Why sealing does not get on, if it does not.
    pub fn sealing_failure(&self) -> Option<String> {
        self.sealing.failure()
    }

    /// When the active file is sealed, and segments are merged.
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
        self.view.watch.close();
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
