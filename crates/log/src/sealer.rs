//! From a full active file to segments, and from many small segments to few large ones.
//!
//! Promises: the active file goes only after every record of it was read back from a synced segment and
//! hashed to its leaf; a crash at any point leaves either the old files in charge or the new ones, never
//! both and never neither, because the manifest names one or the other.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};

use indelible_event::Day;
use indelible_merkle::{Hash, leaf_hash};

use crate::active;
use crate::class;
use crate::error::LogError;
use crate::frame::{self, FILE_HEADER_LEN};
use crate::manifest::{Manifest, ManifestSegment, ManifestTrail, SEGMENTS, segment_name};
use crate::merge::{debt, merge};
use crate::offload::SegmentFile;
use crate::record::{Pos, Record, Seq, TrailNo};
use crate::segment::{
    Finished, SegmentHeader, SegmentState, SegmentWriter, TrailInfo as SegmentTrail,
};
use crate::storage::{Appender, File, Storage, write_all_at};
use crate::trail::{LevelTails, write_levels};
use crate::view::{State, View};

/// What the sequencer and the sealer tell each other.
#[derive(Default)]
pub(crate) struct Sealing {
    inner: Mutex<SealingInner>,
    changed: Condvar,
}

#[derive(Default)]
struct SealingInner {
    woken: bool,
    busy: bool,
    stop: bool,
    /// Nothing was appended for a while: where the log ended then.
    quiet_at: Option<Pos>,
    /// Somebody asked for all merging to be done.
    merge_all: bool,
    /// What else the manifest is changed for, in turn.
    asked: VecDeque<Asked>,
    /// The thread is gone, and whoever waited for it would wait for ever.
    ended: bool,
    failure: Option<String>,
}

/// Something that is done on the sealer's thread.
pub(crate) type Asked = Box<dyn FnOnce(&View) + Send>;

impl Sealing {
    /// Asks for something to be done when its turn has come; dropped if it never comes.
    pub fn ask(&self, asked: Asked) {
        {
            let mut inner = self.lock();
            if inner.ended || inner.stop {
                return;
            }
            inner.asked.push_back(asked);
        }
        self.wake();
    }

    fn lock(&self) -> MutexGuard<'_, SealingInner> {
        self.inner.lock().expect("nothing panics while holding this")
    }

    /// Asks the sealer to look for work.
    pub fn wake(&self) {
        let mut inner = self.lock();
        (inner.woken, inner.busy) = (true, true);
        self.changed.notify_all();
    }

    /// Nothing was appended for a while. Merging may go on for as long as the log still ends here.
    pub fn quiet_at(&self, end: Pos) {
        self.lock().quiet_at = Some(end);
        self.wake();
    }

    /// Asks for all merging to be done now.
    pub fn merge_all(&self) {
        self.lock().merge_all = true;
        self.wake();
    }

    pub fn is_busy(&self) -> bool {
        self.lock().busy
    }

    /// Why sealing does not get on, if it does not.
    pub fn failure(&self) -> Option<String> {
        self.lock().failure.clone()
    }

    /// Waits until the sealer has nothing to do; false if it gave up on something.
    pub fn wait_idle(&self) -> bool {
        let mut inner = self.lock();
        while inner.busy && !inner.ended {
            inner = self.changed.wait(inner).expect("nothing panics while holding this");
        }
        !inner.busy && inner.failure.is_none()
    }

    /// Ends the sealer after what it is doing.
    pub fn stop(&self) {
        self.lock().stop = true;
        self.changed.notify_all();
    }

    /// Waits to be woken; false when it is time to end.
    fn wait_for_work(&self) -> bool {
        let mut inner = self.lock();
        while !inner.woken && !inner.stop {
            inner = self.changed.wait(inner).expect("nothing panics while holding this");
        }
        inner.woken = false;
        !inner.stop
    }

    fn done(&self, result: Result<(), LogError>) {
        let mut inner = self.lock();
        inner.failure = result.err().map(|e| e.to_string());
        inner.busy = inner.woken;
        self.changed.notify_all();
    }

    fn stopping(&self) -> bool {
        self.lock().stop
    }
}

/// The sealer's thread.
pub(crate) fn run(view: &View, sealing: &Sealing, merge_debt: usize) {
    let _ended = Ended(sealing);
    while sealing.wait_for_work() {
        let result = work(view, sealing, merge_debt);
        sealing.done(result);
    }
}

/// Tells when the thread ends, be it by a panic.
struct Ended<'a>(&'a Sealing);

impl Drop for Ended<'_> {
    fn drop(&mut self) {
        let mut inner = self.0.lock();
        inner.ended = true;
        inner.asked.clear();
        if std::thread::panicking() {
            inner.failure = Some("the sealer panicked".into());
        }
        self.0.changed.notify_all();
    }
}

fn work(view: &View, sealing: &Sealing, merge_debt: usize) -> Result<(), LogError> {
    let all = std::mem::take(&mut sealing.lock().merge_all);
    while !sealing.stopping() {
        let asked = sealing.lock().asked.pop_front();
        if let Some(asked) = asked {
            asked(view);
        } else if view.state().live.len() > 1 {
            seal(view)?;
        } else if !(all || may_merge(view, sealing, merge_debt)) || !merge(view)? {
            break;
        }
    }
    Ok(())
}

/// Merging reads, packs and hashes every record once more, which a running load would pay for with a core.
/// So it waits until nothing is appended, or until so many small segments wait that reading suffers more.
fn may_merge(view: &View, sealing: &Sealing, merge_debt: usize) -> bool {
    let quiet_at = sealing.lock().quiet_at;
    quiet_at == Some(view.next_pos()) || debt(&view.state().segments) > merge_debt
}

/// Seals the oldest active file.
fn seal(view: &View) -> Result<(), LogError> {
    let storage = &*view.storage;
    let job = SealJob::of(&view.state());
    let mut files = Outputs::new(storage, &job.trails, job.next_file);
    let bytes = storage.map(&job.path).map_err(LogError::io(&job.path))?;
    let (mut at, mut pos) = (FILE_HEADER_LEN, job.first);
    while pos < job.end {
        let group = frame::group_at(&bytes, at).map_err(LogError::frame(&job.path, at as u64))?;
        for framed in group.records_as_written() {
            let record = framed.map_err(LogError::frame(&job.path, at as u64))?.record;
            files.push(&record)?;
            pos = Pos(pos.0 + 1);
        }
        at = group.end() as usize;
    }
    drop(bytes);
    let sealed = files.finish()?;
    let segments = check_all(view, sealed)?;
    for tails in &job.levels {
        write_levels(storage, tails)?;
    }
    let mut manifest = job.manifest;
    manifest.next_file += segments.len() as u64;
    manifest.sealed_pos = job.end.0;
    let latest = segments.iter().map(|s| s.1.recorded_at_max.0).max().unwrap_or(0);
    manifest.recorded_at_max = manifest.recorded_at_max.max(latest);
    manifest.trails = job.sizes;
    let files: Vec<Arc<SegmentFile>> = segments.into_iter().map(|s| Arc::new(s.0)).collect();
    publish(view, manifest, &files, &[])?;
    // The side word first: left behind alone it would never be found again.
    for path in [active::mark_path(job.first), job.path] {
        remove_if_there(storage, &path)?;
    }
    storage.sync_dir(active::DIR).map_err(LogError::io(active::DIR))
}

/// What sealing needs to know of the state, taken out so that the lock is short.
struct SealJob {
    path: String,
    first: Pos,
    end: Pos,
    trails: Vec<SegmentTrail>,
    sizes: Vec<ManifestTrail>,
    levels: Vec<LevelTails>,
    manifest: Manifest,
    next_file: u64,
}

impl SealJob {
    fn of(state: &State) -> SealJob {
        let live = &state.live[0];
        let mut job = SealJob {
            path: live.path.to_string(),
            first: live.first,
            end: live.end(),
            trails: segment_trails(state),
            sizes: Vec::new(),
            levels: Vec::new(),
            manifest: state.manifest.clone(),
            next_file: state.manifest.next_file,
        };
        for trail in &state.trails {
            let sealed = match live.seqs(trail.info.no) {
                Some(seqs) => {
                    job.levels.push(trail.unsealed_levels(seqs.end));
                    seqs.end
                }
                None => trail.sealed(),
            };
            let name = trail.info.name.as_str().to_owned();
            job.sizes.push(ManifestTrail { id: trail.info.id.0, name, sealed });
        }
        job
    }
}

pub(crate) fn segment_trails(state: &State) -> Vec<SegmentTrail> {
    let trail = |t: &crate::trail::Trail| SegmentTrail {
        no: t.info.no,
        opaque: t.info.id.0,
        name: t.info.name.as_str().to_owned(),
    };
    state.trails.iter().map(trail).collect()
}

/// Segment writers, one for each class and day that comes up.
pub(crate) struct Outputs<'a> {
    storage: &'a dyn Storage,
    trails: &'a [SegmentTrail],
    next_file: u64,
    open: BTreeMap<(&'static str, Day), Output>,
}

struct Output {
    file_no: u64,
    file: Arc<dyn File>,
    aside: String,
    writer: SegmentWriter<Appender>,
}

impl<'a> Outputs<'a> {
    pub fn new(
        storage: &'a dyn Storage,
        trails: &'a [SegmentTrail],
        next_file: u64,
    ) -> Outputs<'a> {
        Outputs { storage, trails, next_file, open: BTreeMap::new() }
    }

    pub fn push(&mut self, record: &Record<'_>) -> Result<(), LogError> {
        let trail = &self.trails[record.trail.0 as usize];
        let class = class::of(class::POLICY, &trail.name, &record.entry)
            .expect("the present policy is known");
        let day = record.entry.recorded_at.day();
        let output = match self.open.entry((class, day)) {
            std::collections::btree_map::Entry::Occupied(open) => open.into_mut(),
            std::collections::btree_map::Entry::Vacant(new) => {
                let file_no = self.next_file;
                self.next_file += 1;
                new.insert(Output::create(self.storage, self.trails, class, day, file_no)?)
            }
        };
        output.writer.push(record).map_err(LogError::segment(&output.aside))
    }

    pub fn finish(self) -> Result<Vec<ManifestSegmentAndMax>, LogError> {
        self.open.into_values().map(|output| output.finish(self.storage)).collect()
    }
}

/// A finished segment's manifest entry, and its latest `recorded_at`.
pub(crate) struct ManifestSegmentAndMax {
    entry: ManifestSegment,
    recorded_at_max: indelible_event::Micros,
}

impl Output {
    fn create(
        storage: &dyn Storage,
        trails: &[SegmentTrail],
        class: &str,
        day: Day,
        file_no: u64,
    ) -> Result<Output, LogError> {
        let aside = format!("{SEGMENTS}/{file_no}.tmp");
        remove_if_there(storage, &aside)?;
        let file = storage.create(&aside).map_err(LogError::io(&aside))?;
        let header = SegmentHeader {
            class: class.to_owned(),
            policy: u64::from(class::POLICY),
            day,
            state: SegmentState::Full,
            trails: trails.to_vec(),
        };
        let writer = SegmentWriter::new(Appender::new(file.clone()), header)
            .map_err(LogError::segment(&aside))?;
        Ok(Output { file_no, file, aside, writer })
    }

    /// Closes the segment and makes both its files durable under their names.
    fn finish(self, storage: &dyn Storage) -> Result<ManifestSegmentAndMax, LogError> {
        let finished = self.writer.finish().map_err(LogError::segment(&self.aside))?;
        let Finished { meta, seal, row_table, .. } = finished;
        self.file.sync().map_err(LogError::io(&self.aside))?;
        let (class, day) = (meta.class, meta.day);
        let name =
            segment_name(meta.first_pos, meta.last_pos, &class, &day.to_string(), self.file_no);
        let (id_min, id_max) = seal.id_range;
        let entry = ManifestSegment {
            name,
            file: self.file_no,
            first_pos: meta.first_pos.0,
            last_pos: meta.last_pos.0,
            rows: meta.rows,
            class,
            day: day.0,
            bytes: seal.len,
            sha256: seal.sha256,
            rows_sha256: crate::sha256(&row_table),
            id_min,
            id_max,
            archived: None,
            trails: meta
                .trails
                .iter()
                .map(|t| (t.trail.no.0, t.first_seq.0, t.last_seq.0, t.rows))
                .collect(),
        };
        let (parquet, rows) = (entry.parquet(), entry.row_table());
        remove_if_there(storage, &rows)?;
        let file = storage.create(&rows).map_err(LogError::io(&rows))?;
        write_all_at(&*file, 0, &row_table).map_err(LogError::io(&rows))?;
        file.sync().map_err(LogError::io(&rows))?;
        storage.rename(&self.aside, &parquet).map_err(LogError::io(&parquet))?;
        storage.sync_dir(SEGMENTS).map_err(LogError::io(SEGMENTS))?;
        Ok(ManifestSegmentAndMax { entry, recorded_at_max: meta.recorded_at_max })
    }
}

pub(crate) fn remove_if_there(storage: &dyn Storage, path: &str) -> Result<(), LogError> {
    match storage.remove(path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(LogError::io(path)(e)),
        _ => Ok(()),
    }
}

/// Opens finished segments and reads every record back.
pub(crate) fn check_all(
    view: &View,
    sealed: Vec<ManifestSegmentAndMax>,
) -> Result<Vec<(SegmentFile, ManifestSegmentAndMax)>, LogError> {
    let cache = view.state().cache.clone();
    let mut out = Vec::with_capacity(sealed.len());
    for finished in sealed {
        let file = SegmentFile::open(&*view.storage, finished.entry.clone(), &cache)?;
        check_segment(view, &file)?;
        out.push((file, finished));
    }
    Ok(out)
}

/// Reads a segment back: every record must hash to its leaf.
fn check_segment(view: &View, file: &SegmentFile) -> Result<(), LogError> {
    let path = file.entry.parquet();
    let segment = file.get()?;
    let mut leaves = LeafBlocks::new(view);
    let (mut entry, mut rows) = (Vec::with_capacity(1024), 0);
    // The facet columns are derived from the parts; verification compares them.
    let scan = segment.scan(0..file.entry.rows as u32).map_err(LogError::segment(&path))?;
    for batch in scan.without_facets() {
        let batch = batch.map_err(LogError::segment(&path))?;
        for i in 0..batch.len() {
            let record = batch.record(i).map_err(LogError::segment(&path))?;
            entry.clear();
            record.entry.encode(&mut entry);
            if leaves.leaf(record.trail, record.seq)? != leaf_hash(&entry) {
                let why = format!("record {} was not read back as it was written", record.pos.0);
                return Err(LogError::corrupt(&path, 0, why));
            }
            rows += 1;
        }
    }
    if rows != file.entry.rows {
        return Err(LogError::corrupt(
            &path,
            0,
            format!("{rows} records instead of {}", file.entry.rows),
        ));
    }
    Ok(())
}

/// Leaves of all trails, read a block at a time: a segment asks for each trail's in order.
struct LeafBlocks<'a> {
    view: &'a View,
    blocks: Vec<(u64, Vec<Hash>)>,
}

impl<'a> LeafBlocks<'a> {
    const BLOCK: u64 = 1024;

    fn new(view: &'a View) -> Self {
        LeafBlocks { view, blocks: Vec::new() }
    }

    fn leaf(&mut self, trail: TrailNo, seq: Seq) -> Result<Hash, LogError> {
        let no = trail.0 as usize;
        if self.blocks.len() <= no {
            self.blocks.resize_with(no + 1, || (0, Vec::new()));
        }
        let (start, hashes) = &mut self.blocks[no];
        let have = *start..*start + hashes.len() as u64;
        if !have.contains(&seq.0) {
            let state = self.view.state();
            let of = state.trail(trail)?;
            let count = of.size().saturating_sub(seq.0).min(Self::BLOCK) as usize;
            if count == 0 {
                return Err(LogError::NotFound(format!(
                    "trail {} has no seq {}",
                    of.info.name, seq.0
                )));
            }
            let leaves = of.leaves(seq, count)?;
            drop(state);
            *hashes = leaves.read(&*self.view.storage)?;
            *start = seq.0;
        }
        Ok(hashes[(seq.0 - *start) as usize])
    }
}

/// Puts a new manifest in charge, on disk and then in memory: `added` segments come, `gone` ones leave.
pub(crate) fn publish(
    view: &View,
    mut manifest: Manifest,
    added: &[Arc<SegmentFile>],
    gone: &[u64],
) -> Result<(), LogError> {
    manifest.segments.retain(|s| !gone.contains(&s.file));
    manifest.segments.extend(added.iter().map(|s| s.entry.clone()));
    manifest.segments.sort_by_key(|s| (s.first_pos, s.file));
    if let Err(e) = manifest.store(&*view.storage) {
        // It may be in force on disk all the same, so the files it names must stay as they are: the next
        // try makes others.
        view.state_mut().manifest.next_file = manifest.next_file;
        return Err(e);
    }
    let mut state = view.state_mut();
    let mut segments = Vec::clone(&state.segments);
    segments.retain(|s| !gone.contains(&s.entry.file));
    segments.extend(added.iter().cloned());
    segments.sort_by_key(|s| (s.entry.first_pos, s.entry.file));
    state.segments = Arc::new(segments);
    if state.manifest.sealed_pos < manifest.sealed_pos {
        for (trail, on_disk) in state.trails.iter_mut().zip(&manifest.trails) {
            trail.set_sealed(on_disk.sealed);
        }
        state.live.remove(0);
    }
    state.manifest = manifest;
    drop(state);
    view.watch.segments_changed();
    Ok(())
}

/// Deletes what a crash left over: files that were never put in charge, or no longer are. A file that
/// is not explained this way is left alone and reported as damage.
pub(crate) fn clean_up(
    storage: &dyn Storage,
    manifest: &Manifest,
) -> Result<Vec<String>, LogError> {
    let mut removed = Vec::new();
    for name in storage.list(SEGMENTS).map_err(LogError::io(SEGMENTS))? {
        let path = format!("{SEGMENTS}/{name}");
        let stem = name.rsplit_once('.').map_or("", |(stem, _)| stem);
        let listed = manifest.segments.iter().find(|s| s.name == stem);
        let left = listed.is_some_and(|s| s.archived.is_some()) && name.ends_with(".parquet");
        if listed.is_some() && !left && (name.ends_with(".parquet") || name.ends_with(".rows")) {
            continue;
        }
        if left || name.ends_with(".tmp") || leftover(stem, manifest) {
            storage.remove(&path).map_err(LogError::io(&path))?;
            removed.push(path);
        } else {
            return Err(LogError::corrupt(&path, 0, "a segment that the manifest does not know"));
        }
    }
    for first in active::list(storage)? {
        if first.0 < manifest.sealed_pos {
            for path in [active::path(first), active::mark_path(first)] {
                remove_if_there(storage, &path)?;
                removed.push(path);
            }
        }
    }
    Ok(removed)
}

/// Whether an unlisted segment holds only what listed segments or active files hold as well.
fn leftover(stem: &str, manifest: &Manifest) -> bool {
    let mut fields = stem.split('.');
    let (Some(range), Some(class), Some(day)) = (fields.next(), fields.next(), fields.next())
    else {
        return false;
    };
    let Some((first, last)) = range.split_once('-') else { return false };
    let (Ok(first), Ok(last)) = (first.parse::<u64>(), last.parse::<u64>()) else { return false };
    if first >= manifest.sealed_pos {
        return true;
    }
    let mut of_kind: Vec<_> = manifest
        .segments
        .iter()
        .filter(|s| s.class == class && Day(s.day).to_string() == day)
        .map(|s| (s.first_pos, s.last_pos))
        .collect();
    of_kind.sort_unstable();
    // The first and the last record of the range must be in listed segments of the same kind.
    let covered = |pos: u64| of_kind.iter().any(|(a, b)| (*a..=*b).contains(&pos));
    covered(first) && covered(last)
}
