//! The directory opened for writing.

use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use indelible_event::{Checked, TrailName};
use indelible_log::record::{Seq, TrailNo};
use indelible_log::storage::Storage;
use indelible_log::{
    AppendError, Appended, Clock, Incoming, Log, LogError, Receipt, Recovery, SealAt, Seams,
};

use crate::error::StoreError;
use crate::guard::{self, Guard};
use crate::marks::{refuse_half_restored, refuse_partial};
use crate::node::{self, Node};
use crate::publish::{Publisher, names_node, node_created, record};
use crate::reader::Reader;
use crate::search::Search;

/// How often trails that grew are signed.
const PUBLISH_EVERY: Duration = Duration::from_secs(1);

/// How to make a store.
#[derive(Clone, Debug)]
pub struct InitOptions {
    /// The host part of every trail's origin.
    pub origin: String,
}

/// How to open a store.
#[derive(Clone)]
pub struct OpenOptions {
    /// When the active file is sealed.
    pub seal_at: SealAt,
    /// Go on although the log is not what was signed last; that is recorded.
    pub accept_rollback: bool,
    /// Sign each second and keep the index up in the background. Without it, [`Store::publish`] signs when
    /// called, and the index is made when it is first asked for, as it is then.
    pub background: bool,
    /// Where the sign guard is, if not in the data directory.
    pub guard: Option<Arc<dyn Storage>>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            seal_at: SealAt::default(),
            accept_rollback: false,
            background: true,
            guard: None,
        }
    }
}

/// An event and the trail it goes to.
#[derive(Clone, Debug)]
pub struct Item {
    /// The trail.
    pub trail: TrailName,
    /// What happened.
    pub event: Checked,
    /// The opaque id of the credential that brought it.
    pub recorded_by: Option<Arc<str>>,
}

/// A data directory, open for writing.
pub struct Store {
    log: Arc<Log>,
    clock: Arc<dyn Clock>,
    reader: Reader,
    publisher: Arc<Mutex<Publisher>>,
    /// Written by the background thread only.
    trouble: Arc<Mutex<Option<String>>>,
    background: Option<Background>,
}

/// The thread that signs each second.
struct Background {
    stop: Arc<(Mutex<bool>, Condvar)>,
    thread: JoinHandle<()>,
}

impl Store {
    /// Makes a log with its key and guard in an empty or new directory.
    pub fn init(seams: &Seams, options: &InitOptions) -> Result<(), StoreError> {
        Self::init_with_guard(seams, &seams.storage, options)
    }

    /// Like [`Store::init`], with the guard in a place of its own.
    pub fn init_with_guard(
        seams: &Seams,
        guard_storage: &Arc<dyn Storage>,
        options: &InitOptions,
    ) -> Result<(), StoreError> {
        let storage = &*seams.storage;
        let mut seed = [0; 32];
        seams.entropy.fill(&mut seed);
        // Checked before anything is made, so that a bad origin leaves nothing behind.
        Node::new(&options.origin, &seed)?;
        match Log::init(seams) {
            // The description comes last, so without it an earlier init was cut short; this one goes on.
            Err(LogError::Exists(_)) if !Node::exists(storage)? => {}
            other => other?,
        }
        let seed = match node::load_key(storage)? {
            Some(seed) => seed,
            None => {
                node::store_key(storage, &seed)?;
                seed
            }
        };
        let node = Node::new(&options.origin, &seed)?;
        let log = Log::open(seams.clone(), SealAt::default())?;
        let log_id = log.view().log_id();
        guard_storage.create_dir(guard::DIR).map_err(StoreError::io(guard::DIR))?;
        guard_storage.sync_dir("").map_err(StoreError::io(guard::DIR))?;
        // An init that was cut short left at most the node's first event. Of a log that was in use, and only
        // lost its description, the guard must not forget what was signed.
        match Guard::load(&**guard_storage)? {
            Some(guard) if !guard.is_of(&log_id) || !guard.names_key(&node.public_key) => {
                let why = "there is a guard here already, of another log or key";
                return Err(StoreError::file(guard::PATH, why));
            }
            Some(_) => {}
            None if log.view().trails().iter().any(|t| t.size.0 > 1) => {
                return Err(StoreError::GuardMissing);
            }
            None => Guard::new(&log_id, &node.public_key).store(&**guard_storage)?,
        }
        match log.view().read(TrailNo(0), &[Seq(0)]) {
            Ok(first) if first.iter().any(|r| !names_node(r, &node)) => {
                let why = "an earlier init was cut short under another origin; give that one again";
                return Err(StoreError::file(node::NODE, why));
            }
            Ok(_) => {}
            Err(LogError::NotFound(_)) => record(&log, &[node_created(&node)])?,
            Err(e) => return Err(e.into()),
        }
        node.store(storage)
    }

    /// Opens a directory for writing.
    pub fn open(seams: Seams, options: OpenOptions) -> Result<Store, StoreError> {
        refuse_half_restored(&*seams.storage)?;
        refuse_partial(&*seams.storage)?;
        Self::open_restored(seams, options)
    }

    /// Like [`Store::open`], for whoever restored the directory and has yet to say so.
    pub fn open_restored(seams: Seams, options: OpenOptions) -> Result<Store, StoreError> {
        let node = Node::load(&*seams.storage)?;
        let log = Arc::new(Log::open(seams.clone(), options.seal_at)?);
        let guard_storage = options.guard.unwrap_or_else(|| seams.storage.clone());
        let publisher = Publisher::open(
            &log,
            seams.storage.clone(),
            guard_storage,
            node.clone(),
            options.accept_rollback,
            seams.clock.now().0,
        )?;
        let publisher = Arc::new(Mutex::new(publisher));
        let search = match options.background {
            true => {
                Some(Search::start(log.view().clone(), seams.storage.clone(), &*seams.entropy)?)
            }
            false => None,
        };
        let reader = Reader::of(seams.storage.clone(), log.view().clone(), node, search);
        let trouble = Arc::default();
        let mut store =
            Store { log, clock: seams.clock, reader, publisher, trouble, background: None };
        if options.background {
            store.background = Some(store.start_background()?);
        }
        Ok(store)
    }

    fn start_background(&self) -> Result<Background, StoreError> {
        let stop = Arc::new((Mutex::new(false), Condvar::new()));
        let (log, publisher, clock) =
            (self.log.clone(), self.publisher.clone(), self.clock.clone());
        let (stopped, trouble) = (stop.clone(), self.trouble.clone());
        let run = move || {
            let (flag, changed) = &*stopped;
            let mut stop = flag.lock().expect("nothing panics while holding the flag");
            while !*stop {
                (stop, _) = changed
                    .wait_timeout(stop, PUBLISH_EVERY)
                    .expect("nothing panics while holding the flag");
                // What fails here is tried again in a second, and meanwhile told by `trouble`.
                let result = log.maintain().map_err(StoreError::from);
                let result = result.and_then(|()| publish(&publisher, &log, &*clock));
                *trouble.lock().expect("nothing panics while holding it") =
                    result.err().map(|e| e.to_string());
            }
        };
        let thread = std::thread::Builder::new().name("indelible-publisher".into()).spawn(run);
        Ok(Background { stop, thread: thread.map_err(StoreError::io("publisher"))? })
    }

    /// Appends events and waits until they are durable. Each has its own result, in their order: what
    /// became of one says nothing of the others.
    pub fn append(&self, items: &[Item]) -> Vec<Result<Appended, AppendError>> {
        if self.background.is_some()
            && let Ok(search) = self.reader.search()
        {
            search.wait_for_room();
        }
        let trails = self.trails_of(items);
        let batch: Vec<Incoming<'_>> = items
            .iter()
            .zip(&trails)
            .filter_map(|(item, trail)| {
                let recorded_by = item.recorded_by.as_deref();
                Some(Incoming { trail: *trail.as_ref().ok()?, event: &item.event, recorded_by })
            })
            .collect();
        let mut appended = self.log.append(&batch).into_iter();
        let result = |trail: Result<TrailNo, AppendError>| {
            trail.and_then(|_| appended.next().expect("appending gives a result for each event"))
        };
        trails.into_iter().map(result).collect()
    }

    /// The trail of each item, made if it is new, or why the item cannot go there.
    fn trails_of(&self, items: &[Item]) -> Vec<Result<TrailNo, AppendError>> {
        let mut trails: Vec<Result<TrailNo, AppendError>> = Vec::with_capacity(items.len());
        // Each try to make a trail is a write of its own: one that stops all is not repeated.
        let mut stopped: Option<AppendError> = None;
        for (i, item) in items.iter().enumerate() {
            let trail = if i > 0 && items[i - 1].trail == item.trail {
                trails[i - 1].clone()
            } else if item.trail == TrailName::system() {
                // What the node says of itself explains missing parts, and makes trails.
                Err(AppendError::Refused("_system takes no callers' events"))
            } else if let Some(no) = self.log.view().trail_no(&item.trail) {
                Ok(no)
            } else if let Some(cause) = &stopped {
                Err(cause.clone())
            } else {
                let made = self.log.ensure_trail(&item.trail);
                stopped = made.as_ref().err().filter(|e| e.stops_all()).cloned();
                made
            };
            trails.push(trail);
        }
        trails
    }

    /// Records an event of the node's own in `_system`; it may use the room that is kept for such.
    pub fn append_system(&self, event: &Checked) -> Result<Receipt, AppendError> {
        let incoming = Incoming { trail: TrailNo(0), event, recorded_by: None };
        let mut results = self.log.append_own(&[incoming]);
        match results.pop().expect("appending gives a result for each event")? {
            Appended::Kept(receipt) => Ok(receipt),
            Appended::Conflict { .. } => Err(AppendError::Refused("its id is taken")),
        }
    }

    /// Signs every trail that grew. Gives the number of new checkpoints.
    pub fn publish(&self) -> Result<usize, StoreError> {
        publish(&self.publisher, &self.log, &*self.clock)
    }

    /// The readable side.
    pub fn reader(&self) -> &Reader {
        &self.reader
    }

    /// The log underneath.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Why signing or sealing does not get on in the background, if it does not. Appending may still work;
    /// somebody should look.
    pub fn trouble(&self) -> Option<String> {
        let signing = self.trouble.lock().expect("nothing panics while holding it").clone();
        signing.or_else(|| self.log.sealing_failure())
    }

    /// What opening had to mend.
    pub fn recovery(&self) -> &Recovery {
        self.log.recovery()
    }

    /// Signs what is not signed yet and closes everything.
    pub fn close(mut self) -> Result<(), StoreError> {
        self.stop_background();
        let result = self.publish();
        self.log.close();
        result.map(drop)
    }

    fn stop_background(&mut self) {
        if let Some(Background { stop, thread }) = self.background.take() {
            *stop.0.lock().expect("nothing panics while holding the flag") = true;
            stop.1.notify_all();
            drop(thread.join());
        }
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.stop_background();
    }
}

fn publish(
    publisher: &Mutex<Publisher>,
    log: &Log,
    clock: &dyn Clock,
) -> Result<usize, StoreError> {
    let mut publisher = publisher.lock().expect("nothing panics while holding the publisher");
    publisher.publish(log, clock.now().0)
}
