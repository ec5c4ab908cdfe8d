//! Segments that left this disk: their rows are fetched from where they are, kept in a bounded cache, and
//! believed only by their hash.
//!
//! A segment that is away keeps its row table and its index here, so that whatever asks for a seq, an id or a
//! word still knows at once where to look; only reading a row takes the whole file. Records of `_system` never
//! leave: they explain all others, and a log could not even be opened without them.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, RwLock};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::error::LogError;
use crate::follow::SegmentHandle;
use crate::log::Log;
use crate::manifest::{Manifest, ManifestSegment, SEGMENTS};
use crate::output::remove_if_there;
use crate::record::TrailNo;
use crate::segment::{RowTable, Segment};
use crate::storage::{Appender, Storage};
use crate::view::{MadeOf, View};

/// The directory of what was fetched. Whoever deletes it loses nothing.
pub const CACHE: &str = "cache";

/// Where a segment is that left this disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Away {
    /// The archive, as people name it: a directory or `s3://bucket/prefix`.
    pub target: String,
    /// The file's key there.
    pub key: String,
}

/// Brings back what is away. The log knows no network; whoever opens it brings this along.
pub trait Archived: Send + Sync {
    /// Writes the file to `out`, front to back. That it is the right one is checked by the caller.
    fn fetch(&self, away: &Away, out: &mut dyn Write) -> io::Result<()>;
}

/// What a log has sealed, at one moment.
pub struct Sealed {
    /// The manifest.
    pub manifest: Manifest,
    /// Its segments, in its order.
    pub segments: Vec<SegmentHandle>,
}

/// What leaving the disk came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offloaded {
    /// Segments that left.
    pub segments: u64,
    /// The bytes that are free for it.
    pub bytes: u64,
}

impl View {
    /// From where segments are fetched that are away, and how many bytes of them may stay here. Only the first
    /// call counts.
    pub fn attach(&self, archived: Arc<dyn Archived>, cache_bytes_max: u64) {
        self.state().cache.attach(archived, cache_bytes_max);
    }

    /// What is sealed, as one consistent set.
    pub fn sealed(&self) -> Sealed {
        let (manifest, segments) = {
            let state = self.state();
            (state.manifest.clone(), state.segments.clone())
        };
        Sealed { manifest, segments: segments.iter().cloned().map(SegmentHandle).collect() }
    }
}

impl Log {
    /// Lets segments leave this disk, by file number, for where the caller has made sure that they are. One that
    /// is no longer in charge, or is away already, is passed over; one with records of `_system` is refused.
    /// A crash leaves each either here or away.
    pub fn offload(&self, away: Vec<(u64, Away)>) -> Result<Offloaded, LogError> {
        self.sealing.ask(move |view| offload(view, &away))
    }
}

/// On the sealer's thread, which alone changes the manifest.
fn offload(view: &View, away: &[(u64, Away)]) -> Result<Offloaded, LogError> {
    let storage = &*view.storage;
    let Sealed { mut manifest, segments } = view.sealed();
    let mut leaving = Vec::new();
    for (entry, handle) in manifest.segments.iter_mut().zip(segments) {
        let Some((_, to)) = away.iter().find(|(file, _)| *file == entry.file) else { continue };
        if entry.archived.is_some() {
            continue;
        }
        if entry.trails.iter().any(|span| span.0 == 0) {
            let why = format!("{}: records of _system never leave", entry.name);
            return Err(LogError::Refused(why));
        }
        entry.archived = Some(to.clone());
        leaving.push((handle, to.clone()));
    }
    if leaving.is_empty() {
        return Ok(Offloaded::default());
    }
    // With the manifest they are away, and the files are only left over: see `sealer::clean_up`.
    manifest.store(storage)?;
    view.state_mut().manifest = manifest;
    let cache = view.state().cache.clone();
    let mut offloaded = Offloaded::default();
    for (handle, to) in leaving {
        let file = &handle.0;
        file.leave(to, cache.clone());
        let path = file.entry.parquet();
        remove_if_there(storage, &path)?;
        offloaded.segments += 1;
        offloaded.bytes += file.entry.bytes;
    }
    storage.sync_dir(SEGMENTS).map_err(LogError::io(SEGMENTS))?;
    Ok(offloaded)
}

/// A segment's rows: here, or away.
pub(crate) enum Place {
    /// The file, mapped at once so that it stays readable when a merge deletes it, and decoded when it is first
    /// needed.
    Here { parquet: Bytes, opened: OnceLock<Arc<Segment>> },
    /// Fetched when it is needed.
    Away(Away, Arc<Cache>),
}

/// A segment's files.
pub(crate) struct SegmentFile {
    pub entry: ManifestSegment,
    row_table: Bytes,
    table: OnceLock<RowTable>,
    /// Changed by the sealer only, once, when the segment leaves.
    place: RwLock<Place>,
    pub made_of: MadeOf,
}

impl SegmentFile {
    pub fn open(
        storage: &dyn Storage,
        entry: ManifestSegment,
        cache: &Arc<Cache>,
    ) -> Result<SegmentFile, LogError> {
        let (parquet, rows) = (entry.parquet(), entry.row_table());
        let Some(away) = entry.archived.clone() else {
            return SegmentFile::open_at(storage, entry, &parquet, &rows, MadeOf::Unknown);
        };
        let row_table = storage.map(&rows).map_err(LogError::io(&rows))?;
        let (table, place) = (OnceLock::new(), RwLock::new(Place::Away(away, cache.clone())));
        Ok(SegmentFile { entry, row_table, table, place, made_of: MadeOf::Unknown })
    }

    /// Opens one whose files have other names yet.
    pub fn open_at(
        storage: &dyn Storage,
        entry: ManifestSegment,
        parquet: &str,
        rows: &str,
        made_of: MadeOf,
    ) -> Result<SegmentFile, LogError> {
        let parquet = storage.map(parquet).map_err(LogError::io(parquet))?;
        let row_table = storage.map(rows).map_err(LogError::io(rows))?;
        let place = RwLock::new(Place::Here { parquet, opened: OnceLock::new() });
        Ok(SegmentFile { entry, row_table, table: OnceLock::new(), place, made_of })
    }

    /// The segment, fetched if it is away. Whoever holds it keeps its bytes.
    pub fn get(&self) -> Result<Arc<Segment>, LogError> {
        let (away, cache) = match &*self.place.read().expect("nothing panics while holding a place")
        {
            Place::Here { parquet, opened } => {
                if let Some(segment) = opened.get() {
                    return Ok(segment.clone());
                }
                let segment = Segment::open(parquet.clone(), self.row_table.clone())
                    .map_err(LogError::segment(&self.entry.parquet()))?;
                return Ok(opened.get_or_init(|| Arc::new(segment)).clone());
            }
            Place::Away(away, cache) => (away.clone(), cache.clone()),
        };
        cache.get(&self.entry, &away, &self.row_table)
    }

    /// Its row table, which is always here: what it does not lead to need not be fetched.
    pub fn table(&self) -> Result<&RowTable, LogError> {
        if let Some(table) = self.table.get() {
            return Ok(table);
        }
        let table = RowTable::open(self.row_table.clone())
            .map_err(LogError::segment(&self.entry.row_table()))?;
        Ok(self.table.get_or_init(|| table))
    }

    /// Its file, if it is here.
    pub fn mapped(&self) -> Option<Bytes> {
        match &*self.place.read().expect("nothing panics while holding a place") {
            Place::Here { parquet, .. } => Some(parquet.clone()),
            Place::Away(..) => None,
        }
    }

    /// Its row table's bytes.
    pub fn row_table(&self) -> &Bytes {
        &self.row_table
    }

    /// Where it is, if not here.
    pub fn away(&self) -> Option<Away> {
        match &*self.place.read().expect("nothing panics while holding a place") {
            Place::Here { .. } => None,
            Place::Away(away, _) => Some(away.clone()),
        }
    }

    fn leave(&self, to: Away, cache: Arc<Cache>) {
        let mut place = self.place.write().expect("nothing panics while holding a place");
        *place = Place::Away(to, cache);
    }
}

/// Segments that were fetched, least recently used first. One to a log.
pub(crate) struct Cache {
    storage: Arc<dyn Storage>,
    access: OnceLock<Access>,
    /// Whether this process may write files here; one that only reads keeps what it fetched in memory.
    writes: AtomicBool,
    inner: Mutex<Inner>,
}

struct Access {
    archived: Arc<dyn Archived>,
    bytes_max: u64,
}

#[derive(Default)]
struct Inner {
    kept: Vec<Kept>,
    /// Fetches under way, by file number: whoever comes second waits for the first.
    fetching: BTreeMap<u64, Arc<Fetching>>,
}

struct Kept {
    file: u64,
    bytes: u64,
    path: String,
    segment: Arc<Segment>,
}

#[derive(Default)]
struct Fetching {
    done: Mutex<Option<Result<Arc<Segment>, LogError>>>,
    changed: Condvar,
}

impl Cache {
    pub fn new(storage: Arc<dyn Storage>) -> Cache {
        let (access, writes, inner) = (OnceLock::new(), AtomicBool::new(false), Mutex::default());
        Cache { storage, access, writes, inner }
    }

    pub fn attach(&self, archived: Arc<dyn Archived>, bytes_max: u64) {
        // A second one would have to be told of what the first one brought; nobody needs that.
        let _ = self.access.set(Access { archived, bytes_max });
    }

    /// Lets this process write files, and removes those of earlier ones that no segment has any more.
    pub fn own(&self, manifest: &Manifest) -> Result<(), LogError> {
        self.writes.store(true, Ordering::Relaxed);
        let names = match self.storage.list(CACHE) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
            other => other.map_err(LogError::io(CACHE))?,
        };
        let away = |name: &str| {
            let of = |s: &&ManifestSegment| format!("{}.parquet", s.name) == name;
            manifest.segments.iter().find(of).is_some_and(|s| s.archived.is_some())
        };
        // What an earlier process left is within its bound, not within this one's: it is fetched again.
        for name in names.iter().filter(|name| name.ends_with(".tmp") || !away(name)) {
            remove_if_there(&*self.storage, &format!("{CACHE}/{name}"))?;
        }
        Ok(())
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while holding the cache")
    }

    pub fn get(
        &self,
        entry: &ManifestSegment,
        away: &Away,
        row_table: &Bytes,
    ) -> Result<Arc<Segment>, LogError> {
        let fetching = {
            let mut inner = self.inner();
            if let Some(at) = inner.kept.iter().position(|kept| kept.file == entry.file) {
                let kept = inner.kept.remove(at);
                let segment = kept.segment.clone();
                inner.kept.push(kept);
                return Ok(segment);
            }
            match inner.fetching.get(&entry.file) {
                Some(fetching) => Err(fetching.clone()),
                None => {
                    let new = Arc::<Fetching>::default();
                    inner.fetching.insert(entry.file, new.clone());
                    Ok(new)
                }
            }
        };
        let mut turn = match fetching {
            Err(other) => return other.wait(),
            Ok(fetching) => Turn { cache: self, file: entry.file, fetching, result: None },
        };
        let fetched = self.fetch(entry, away, row_table);
        turn.result = Some(copy(&fetched));
        fetched
    }

    /// Makes room, fetches the file, checks it and opens it.
    fn fetch(
        &self,
        entry: &ManifestSegment,
        away: &Away,
        row_table: &Bytes,
    ) -> Result<Arc<Segment>, LogError> {
        let gone = |source: io::Error| LogError::Away {
            segment: entry.name.clone(),
            target: away.target.clone(),
            source,
        };
        let Some(access) = self.access.get() else {
            return Err(gone(io::Error::other("no access to archives was set up here")));
        };
        let path = format!("{CACHE}/{}.parquet", entry.name);
        self.make_room(access.bytes_max.saturating_sub(entry.bytes));
        let writes = self.writes.load(Ordering::Relaxed);
        let kept = writes.then(|| self.storage.map(&path).ok()).flatten();
        let bytes = match kept.filter(|bytes| crate::sha256(bytes) == entry.sha256) {
            Some(bytes) => bytes,
            None if writes => self.fetch_to_file(access, entry, away, &path).map_err(gone)?,
            None => {
                let mut out = Hashing::new(Vec::new(), entry.bytes);
                access.archived.fetch(away, &mut out).map_err(gone)?;
                Bytes::from(out.finish(&entry.sha256).map_err(gone)?)
            }
        };
        let segment =
            Segment::open(bytes, row_table.clone()).map_err(LogError::segment(&entry.parquet()))?;
        let segment = Arc::new(segment);
        let kept = Kept { file: entry.file, bytes: entry.bytes, path, segment: segment.clone() };
        self.inner().kept.push(kept);
        // Several may have been fetched at a time.
        self.make_room(access.bytes_max.max(entry.bytes));
        Ok(segment)
    }

    fn fetch_to_file(
        &self,
        access: &Access,
        entry: &ManifestSegment,
        away: &Away,
        path: &str,
    ) -> io::Result<Bytes> {
        let aside = format!("{CACHE}/{}.tmp", entry.name);
        self.storage.create_dir(CACHE)?;
        remove(&*self.storage, &aside)?;
        let file = self.storage.create(&aside)?;
        let buffer = io::BufWriter::with_capacity(1 << 20, Appender::new(file));
        let mut out = Hashing::new(buffer, entry.bytes);
        let fetched = access.archived.fetch(away, &mut out);
        let written = fetched.and_then(|()| out.finish(&entry.sha256)?.flush());
        // Not synced: what a power cut leaves of it does not have the hash.
        if let Err(e) = written.and_then(|()| self.storage.rename(&aside, path)) {
            // A full disk needs the room; if this fails, the next start removes it.
            let _ = self.storage.remove(&aside);
            return Err(e);
        }
        self.storage.map(path)
    }

    /// Lets go of what was not used for longest until the rest fits. Whoever reads it still has it mapped.
    fn make_room(&self, bytes_max: u64) {
        let mut gone = Vec::new();
        {
            let mut inner = self.inner();
            let mut bytes: u64 = inner.kept.iter().map(|kept| kept.bytes).sum();
            while bytes > bytes_max && !inner.kept.is_empty() {
                let kept = inner.kept.remove(0);
                bytes -= kept.bytes;
                gone.push(kept.path);
            }
        }
        if self.writes.load(Ordering::Relaxed) {
            for path in gone {
                // If it stays, the next start removes it or finds it whole.
                let _ = self.storage.remove(&path);
            }
        }
    }
}

/// The fetch that others wait for; told to them however it ends.
struct Turn<'a> {
    cache: &'a Cache,
    file: u64,
    fetching: Arc<Fetching>,
    result: Option<Result<Arc<Segment>, LogError>>,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.cache.inner().fetching.remove(&self.file);
        let ended = || Err(LogError::NotFound("fetching a segment was broken off".into()));
        let result = self.result.take().unwrap_or_else(ended);
        *self.fetching.done.lock().expect("nothing panics while holding this") = Some(result);
        self.fetching.changed.notify_all();
    }
}

impl Fetching {
    fn wait(&self) -> Result<Arc<Segment>, LogError> {
        let done = self.done.lock().expect("nothing panics while holding this");
        let done = self.changed.wait_while(done, |done| done.is_none());
        let done = done.expect("nothing panics while holding this");
        copy(done.as_ref().expect("it was waited for"))
    }
}

fn copy(result: &Result<Arc<Segment>, LogError>) -> Result<Arc<Segment>, LogError> {
    result.as_ref().map(Arc::clone).map_err(LogError::again)
}

fn remove(storage: &dyn Storage, path: &str) -> io::Result<()> {
    match storage.remove(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

/// Hashes what goes through, and takes no more than there should be.
struct Hashing<W> {
    out: W,
    left: u64,
    sha256: Sha256,
}

impl<W> Hashing<W> {
    fn new(out: W, bytes: u64) -> Hashing<W> {
        Hashing { out, left: bytes, sha256: Sha256::new() }
    }

    fn finish(self, sha256: &[u8; 32]) -> io::Result<W> {
        let found: [u8; 32] = self.sha256.finalize().into();
        if self.left > 0 || found != *sha256 {
            let why = "alarm: what is there is not the segment that was archived";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        Ok(self.out)
    }
}

impl<W: Write> Write for Hashing<W> {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        if buf.len() as u64 > self.left {
            let why = "alarm: what is there is longer than the segment that was archived";
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let n = self.out.write(buf)?;
        self.sha256.update(&buf[..n]);
        self.left -= n as u64;
        Ok(n)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl SegmentHandle {
    /// Where it is, if it left this disk.
    pub fn away(&self) -> Option<Away> {
        self.0.away()
    }

    /// Its row table, which is always here.
    pub fn table(&self) -> Result<&RowTable, LogError> {
        self.0.table()
    }

    /// Its row table's bytes.
    pub fn row_table(&self) -> &Bytes {
        self.0.row_table()
    }

    /// The rows that may be of this event, whatever its trail, in order.
    pub fn rows_of(&self, id: indelible_event::EventId) -> Result<Vec<u32>, LogError> {
        let path = self.0.entry.row_table();
        let table = self.0.table()?;
        let trails: Vec<TrailNo> = table.trails().map(|(no, _, _)| no).collect();
        let mut rows = Vec::new();
        for no in trails {
            rows.extend(table.find_id(no, &id.0).map_err(LogError::segment(&path))?);
        }
        rows.sort_unstable();
        rows.dedup();
        Ok(rows)
    }
}
