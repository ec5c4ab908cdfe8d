//! Reading everything again, and believing nothing: every byte of every record is hashed anew and
//! compared with the tree, every facet column with the parts it was taken from, every level of every
//! tree with the one below.
//!
//! It shares the codecs with the writer and nothing else: neither the sequencer nor recovery could hide
//! a fault of theirs here.

mod gone;
mod levels;
mod live;
mod places;
mod segments;
mod snapshot;

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use indelible_event::Part;
use indelible_merkle::{Hash, TileReader, TreeSize};

use self::snapshot::Snapshot;
use crate::erasure::{ERASED, EXPIRED};
use crate::error::LogError;
use crate::manifest::{Manifest, PATH};
use crate::offload::{Archived, Cache};
use crate::policy::{self, Policy};
use crate::record::{KeptRecord, Record, TrailNo};
use crate::storage::Storage;
use crate::trail::{TrailInfo, read_level};
use crate::view::{TRAIL_CREATE, created_trail};

/// Something that is not as it must be.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The trail concerned, by name.
    pub trail: Option<String>,
    /// The record concerned.
    pub seq: Option<u64>,
    /// The file, inside the data directory.
    pub path: String,
    /// Where in the file, as near as can be told.
    pub offset: Option<u64>,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(trail) = &self.trail {
            write!(f, "trail {trail} ")?;
        }
        if let Some(seq) = self.seq {
            write!(f, "seq {seq} ")?;
        }
        write!(f, "{}", self.path)?;
        if let Some(offset) = self.offset {
            write!(f, " at offset {offset}")?;
        }
        write!(f, ": {}", self.what)
    }
}

/// A trail as the records themselves show it.
#[derive(Clone, Debug)]
pub struct CheckedTrail {
    /// Who it is.
    pub info: TrailInfo,
    /// Leaves in its level files.
    pub sealed: u64,
    /// Leaf hashes of its live records, computed here.
    live: Vec<Hash>,
    /// For each level above the leaves the hashes that are not on disk yet.
    tails: Vec<Vec<Hash>>,
}

impl CheckedTrail {
    /// Records that were found.
    pub fn size(&self) -> u64 {
        self.sealed + self.live.len() as u64
    }

    /// The root of its first `size` records.
    pub fn root(&self, storage: &dyn Storage, size: u64) -> Result<Hash, LogError> {
        let tiles = CheckedTiles { storage, trail: self };
        indelible_merkle::root(&tiles, TreeSize(size)).map_err(crate::trail::prove_error)
    }
}

/// The levels of a trail: sealed hashes from disk, which were checked, live ones from memory.
struct CheckedTiles<'a> {
    storage: &'a dyn Storage,
    trail: &'a CheckedTrail,
}

impl TileReader for CheckedTiles<'_> {
    type Error = LogError;
    fn read(&self, level: u8, start: u64, count: usize) -> Result<Vec<Hash>, LogError> {
        let border = self.trail.sealed >> (8 * u32::from(level));
        let on_disk = border.saturating_sub(start).min(count as u64) as usize;
        let mut out = read_level(self.storage, self.trail.info.id, level, start, on_disk)?;
        let tail = match level {
            0 => &self.trail.live,
            _ => self.trail.tails.get(usize::from(level) - 1).map_or(&self.trail.live, |t| t),
        };
        let from = (start.max(border) - border) as usize;
        let missing = || LogError::NotFound(format!("level {level} has no hash {start}"));
        out.extend_from_slice(tail.get(from..from + (count - on_disk)).ok_or_else(missing)?);
        Ok(out)
    }
}

/// What verification found.
#[derive(Debug, Default)]
pub struct Report {
    /// Everything that is wrong, the first bad record first.
    pub findings: Vec<Finding>,
    /// What is not wrong, but worth knowing.
    pub notes: Vec<String>,
    /// Records that were read and hashed.
    pub records: u64,
    /// Of these, in segments.
    pub sealed_records: u64,
    /// Segments that were read.
    pub segments: u64,
    /// Bytes that were read.
    pub bytes: u64,
    /// Trails, by number.
    pub trails: Vec<Arc<CheckedTrail>>,
    /// The records of `_system` that speak of trails, checkpoints, erasure and expiry.
    pub system: Vec<KeptRecord>,
}

/// How to verify.
pub struct Options<'a> {
    /// Threads to use.
    pub threads: usize,
    /// Told now and then how many records were read.
    pub progress: &'a (dyn Fn(u64) + Sync),
    /// Brings the segments that are in an archive. Without it they are findings: nothing is known of them.
    pub archived: Option<Arc<dyn Archived>>,
}

/// What the workers share.
struct Shared<'a> {
    storage: &'a dyn Storage,
    snapshot: &'a Snapshot,
    manifest: &'a Manifest,
    infos: Vec<TrailInfo>,
    /// What was fetched last of what is away.
    cache: Cache,
    /// By number; that events set just these is checked at the end.
    policies: Vec<Policy>,
    jobs: Mutex<VecDeque<Job>>,
    found: Mutex<Found>,
    read: AtomicU64,
    progress: &'a (dyn Fn(u64) + Sync),
}

/// What the workers bring together.
#[derive(Default)]
struct Found {
    findings: Vec<Finding>,
    notes: Vec<String>,
    /// Runs of seqs that segments hold, by trail.
    sealed: BTreeMap<TrailNo, Vec<(u64, u64)>>,
    /// Runs of positions that segments hold.
    positions: Vec<(u64, u64)>,
    /// The latest `recorded_at` in segments, in microseconds.
    recorded_at_max: i64,
    system: Vec<KeptRecord>,
    gone: Vec<gone::GonePart>,
    stubs: Vec<gone::Stub>,
    /// By segment and first row, what leads to the rows.
    keys: BTreeMap<usize, BTreeMap<u32, Vec<segments::RowKey>>>,
    live: BTreeMap<TrailNo, Vec<Hash>>,
    live_trails: Vec<TrailInfo>,
    records: u64,
    sealed_records: u64,
    bytes: u64,
    /// Segments that are away and could not be fetched.
    unread: u64,
}

/// A piece of the work.
enum Job {
    /// Hash the files of a segment.
    Files(usize),
    /// Check some rows of a segment.
    Rows(usize, std::ops::Range<u32>),
    /// Check a trail's upper levels.
    Levels(usize),
    /// Check the active files.
    Live,
}

/// Rows in one piece of work.
const ROWS_A_JOB: u32 = 250_000;

/// Verifies a directory. An error means that it could not be read at all; what is wrong in it is in the
/// report.
pub fn verify(storage: &Arc<dyn Storage>, options: &Options<'_>) -> Result<Report, LogError> {
    let snapshot = match Snapshot::take(&**storage) {
        Ok(snapshot) => snapshot,
        Err(LogError::Corrupt { path, offset, reason }) => {
            return Ok(Report {
                findings: vec![Finding {
                    trail: None,
                    seq: None,
                    path,
                    offset: Some(offset),
                    what: reason,
                }],
                ..Report::default()
            });
        }
        Err(e) => return Err(e),
    };
    let manifest = &snapshot.manifest;
    let infos = manifest.infos()?;
    let shared = Shared {
        storage: &**storage,
        snapshot: &snapshot,
        manifest,
        infos,
        cache: Cache::new(storage.clone()),
        policies: manifest.all_policies(),
        jobs: Mutex::new(jobs(manifest)),
        found: Mutex::new(Found::default()),
        read: AtomicU64::new(0),
        progress: options.progress,
    };
    if let Some(archived) = &options.archived {
        // A segment's jobs follow each other, so one at a time will do.
        shared.cache.attach(archived.clone(), 0);
    }
    std::thread::scope(|scope| {
        for _ in 0..options.threads.max(1) {
            scope.spawn(|| shared.work());
        }
    });
    let found = shared.found.into_inner().expect("no worker panicked while holding it");
    Ok(conclude(&**storage, manifest, shared.infos, found))
}

fn jobs(manifest: &Manifest) -> VecDeque<Job> {
    let mut jobs = VecDeque::from([Job::Live]);
    for (i, segment) in manifest.segments.iter().enumerate() {
        jobs.push_back(Job::Files(i));
        let rows = u32::try_from(segment.rows).unwrap_or(u32::MAX);
        let mut start = 0;
        while start < rows {
            let end = rows.min(start + ROWS_A_JOB);
            jobs.push_back(Job::Rows(i, start..end));
            start = end;
        }
    }
    jobs.extend((0..manifest.trails.len()).map(Job::Levels));
    jobs
}

impl Shared<'_> {
    fn work(&self) {
        loop {
            let job = self.jobs.lock().expect("no worker panics while holding it").pop_front();
            let Some(job) = job else { return };
            let (path, result) = match job {
                Job::Files(i) => {
                    (self.manifest.segments[i].parquet(), segments::check_files(self, i))
                }
                Job::Rows(i, rows) => {
                    (self.manifest.segments[i].parquet(), segments::check_rows(self, i, rows))
                }
                Job::Levels(i) => (crate::trail::DIR.to_owned(), levels::check(self, i)),
                Job::Live => (crate::active::DIR.to_owned(), live::check(self)),
            };
            if let Err(e) = result {
                self.find(finding_of(e, &path));
            }
        }
    }

    /// A segment's file, fetched if it is away.
    fn parquet(&self, index: usize) -> Result<Bytes, Finding> {
        let (entry, files) = (&self.manifest.segments[index], &self.snapshot.segments[index]);
        match (&files.parquet, &entry.archived, &files.row_table) {
            (Some(here), ..) => here.clone(),
            (None, Some(away), Ok(row_table)) => {
                let segment = self.cache.get(entry, away, row_table);
                segment.map(|s| s.file().clone()).map_err(|e| finding_of(e, &entry.parquet()))
            }
            (None, _, row_table) => row_table.clone(),
        }
    }

    fn find(&self, finding: Finding) {
        self.found().findings.push(finding);
    }

    fn found(&self) -> std::sync::MutexGuard<'_, Found> {
        self.found.lock().expect("no worker panics while holding it")
    }

    fn count(&self, records: u64) {
        let before = self.read.fetch_add(records, Ordering::Relaxed);
        (self.progress)(before + records);
    }

    fn trail_name(&self, no: TrailNo) -> Option<String> {
        self.infos.get(no.0 as usize).map(|t| t.name.to_string())
    }
}

/// A thing that could not be read is a finding like any other.
fn finding_of(e: LogError, path: &str) -> Finding {
    let (path, offset, what) = match e {
        LogError::Corrupt { path, offset, reason } => (path, Some(offset), reason),
        LogError::Io { path, source } => (path, None, source.to_string()),
        other => (path.to_owned(), None, other.to_string()),
    };
    Finding { trail: None, seq: None, path, offset, what }
}

/// Whether a record of `_system` says something that the conclusion needs.
fn is_told(record: &Record<'_>) -> bool {
    // The store's own words are told as well, so that it need not read the trail a second time.
    record.trail == TrailNo(0)
        && (matches!(record.entry.action, TRAIL_CREATE | ERASED | EXPIRED | policy::SET)
            || record.entry.action.starts_with("node.")
            || record.entry.action.starts_with("trail.")
            || record.entry.action.starts_with("log."))
}

/// Puts together what the workers found: is every seq there once, does every trail have its creation,
/// does every missing part have its reason?
fn conclude(
    storage: &dyn Storage,
    manifest: &Manifest,
    infos: Vec<TrailInfo>,
    mut found: Found,
) -> Report {
    found.system.sort_by_key(|r| r.seq);
    let mut trails: Vec<CheckedTrail> = Vec::new();
    for info in infos.into_iter().chain(std::mem::take(&mut found.live_trails)) {
        let sealed = manifest.trails.get(info.no.0 as usize).map_or(0, |t| t.sealed);
        let live = found.live.remove(&info.no).unwrap_or_default();
        trails.push(CheckedTrail { info, sealed, live, tails: Vec::new() });
    }
    let mut pruned = 0;
    for trail in &mut trails {
        let min = manifest.trails.get(trail.info.no.0 as usize).map_or(0, |t| t.min);
        let runs = found.sealed.remove(&trail.info.no).unwrap_or_default();
        if found.unread == 0 {
            let gone = places::coverage(trail, runs, min, &mut found.findings);
            gone::check_minimum(trail, min, gone, &mut found);
            pruned += gone;
        }
        if let Err(e) = levels::extend(storage, trail) {
            found.findings.push(finding_of(e, PATH));
        }
    }
    if found.unread == 0 {
        places::positions(manifest.sealed_pos, pruned, &mut found);
    }
    // The latest may be among those of which nothing is left.
    let latest = found.recorded_at_max..=if pruned > 0 { i64::MAX } else { found.recorded_at_max };
    if found.unread == 0 && !latest.contains(&manifest.recorded_at_max) {
        let what = "its latest time is not that of the records".to_owned();
        let path = PATH.to_owned();
        found.findings.push(Finding { trail: None, seq: None, path, offset: None, what });
    }
    places::strays(storage, manifest, &mut found);
    gone::check_policies(manifest, &mut found);
    creations(&trails, &found.system, &mut found.findings);
    gone::check(storage, &trails, &mut found);
    found.findings.sort_by_cached_key(order);
    Report {
        findings: found.findings,
        notes: found.notes,
        records: found.records,
        sealed_records: found.sealed_records,
        segments: manifest.segments.len() as u64,
        bytes: found.bytes,
        trails: trails.into_iter().map(Arc::new).collect(),
        system: found.system,
    }
}

/// Findings in the order in which they help: first what is wrong in a record, then what is wrong with a
/// file, last what only follows from it.
fn order(f: &Finding) -> (u8, Option<String>, Option<u64>, String, Option<u64>) {
    let rank = match (f.path == PATH, f.seq) {
        (true, _) => 2,
        (false, None) => 1,
        (false, Some(_)) => 0,
    };
    (rank, f.trail.clone(), f.seq, f.path.clone(), f.offset)
}

/// Every trail but `_system` must have been made by an event, and be as that event says.
fn creations(trails: &[CheckedTrail], system: &[KeptRecord], findings: &mut Vec<Finding>) {
    let mut made: BTreeMap<TrailNo, TrailInfo> = BTreeMap::new();
    for record in system.iter().filter(|r| r.entry().action == TRAIL_CREATE) {
        if record.part(Part::What).is_none() {
            continue;
        }
        if let Ok(Some(info)) = created_trail(&record.as_ref()) {
            made.insert(info.no, info);
        }
    }
    let mut finding = |trail: &str, what: String| {
        let trail = Some(trail.to_owned());
        findings.push(Finding { trail, seq: None, path: PATH.to_owned(), offset: None, what });
    };
    for trail in trails.iter().skip(1) {
        match made.remove(&trail.info.no) {
            Some(info) if info == trail.info => {}
            Some(info) => finding(
                &info.name.to_string(),
                format!("_system says it has number {} and id {}", info.no.0, info.id),
            ),
            None => {
                finding(&trail.info.name.to_string(), "no event in _system made this trail".into())
            }
        }
    }
    for info in made.into_values() {
        finding(&info.name.to_string(), "_system says it was made, and it is not there".into());
    }
}
