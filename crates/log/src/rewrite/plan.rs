//! What is to be done, settled before anything is: which segments, in which pieces, and down to which seq.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use super::build::Tally;
use super::{Change, Fate};
use crate::error::LogError;
use crate::limits;
use crate::manifest::Manifest;
use crate::offload::SegmentFile;
use crate::output::{Fresh, segment_trails};
use crate::record::TrailNo;
use crate::segment::TrailInfo;
use crate::storage::Storage;
use crate::trail::floor;
use crate::view::{State, View};

/// Everything that one call does.
pub(super) struct Plan {
    pub jobs: Vec<Job>,
    /// Each job's rows, shared among the threads where there are few jobs.
    pub pieces: Vec<(usize, Range<u32>)>,
    /// By trail, below which seq not even a stub stays.
    pub floors: BTreeMap<TrailNo, u64>,
    /// All trails, for the headers.
    pub trails: Vec<TrailInfo>,
    mins: BTreeMap<TrailNo, u64>,
}

/// One segment's.
pub(super) struct Job {
    pub file: Arc<SegmentFile>,
    /// What becomes of its rows; of one that has expired already only what is below the floors goes.
    pub fate: Option<Fate>,
    /// Some of its rows are below the floors, so it leaves together with the raising of the minimum indexes.
    pub below: bool,
    /// The rows that something is left of, where they are so few that nothing else need be read.
    pub left: Option<Vec<u32>>,
    built: Mutex<Built>,
}

/// What is there of a job.
#[derive(Default)]
struct Built {
    fresh: Vec<Fresh>,
    tally: Tally,
    /// Pieces still to come.
    left: usize,
}

impl Plan {
    pub fn of(
        view: &View,
        changes: Vec<Change>,
        prune: &[(TrailNo, u64)],
    ) -> Result<Plan, LogError> {
        let state = view.state();
        let mins = minimums(&state, prune)?;
        let floors = mins.iter().map(|(no, min)| (*no, floor(*min))).collect();
        let mut fates: BTreeMap<u64, Fate> = BTreeMap::new();
        for Change { file, fate } in changes {
            if fates.insert(file, fate).is_some() {
                return Err(LogError::Refused(format!("two changes of segment file {file}")));
            }
        }
        let mut jobs = Vec::new();
        for file in state.segments.iter() {
            let mut fate = fates.remove(&file.entry.file);
            let stub = file.entry.is_stub();
            if stub {
                fate = None;
            } else {
                expired_below(file, fate.as_ref(), &mins)?;
            }
            let below = holds_below(file, &floors);
            if fate.is_some() || stub && below {
                let goes = match &fate {
                    Some(Fate::Expire { keep, .. }) => keep.is_empty(),
                    Some(Fate::Erase { .. }) => false,
                    None => true,
                };
                let left = if goes && below { few_left(file, &floors)? } else { None };
                let (file, built) = (file.clone(), Mutex::default());
                jobs.push(Job { file, fate, below, left, built });
            }
        }
        if let Some(file) = fates.into_keys().next() {
            return Err(LogError::Exchanged { file });
        }
        let pieces = pieces(&mut jobs);
        Ok(Plan { jobs, pieces, floors, trails: segment_trails(&state), mins })
    }

    /// Puts the minimum indexes into a manifest; false if it has them.
    pub fn raise(&self, manifest: &mut Manifest) -> bool {
        let mut is_new = false;
        for (no, min) in &self.mins {
            let known = &mut manifest.trails[no.0 as usize].min;
            is_new |= *known < *min;
            *known = (*known).max(*min);
        }
        is_new
    }
}

/// The minimum index of each trail that has one, as it will be.
fn minimums(state: &State, prune: &[(TrailNo, u64)]) -> Result<BTreeMap<TrailNo, u64>, LogError> {
    let known = state.trails.iter().filter(|t| t.min > 0).map(|t| (t.info.no, t.min));
    let mut mins: BTreeMap<TrailNo, u64> = known.collect();
    for (no, min) in prune {
        let trail = state.trail(*no)?;
        if !(trail.min..=trail.sealed()).contains(min) {
            let why = format!(
                "trail {} cannot have the minimum index {min}: it has {}, and {} sealed records",
                trail.info.name,
                trail.min,
                trail.sealed()
            );
            return Err(LogError::Refused(why));
        }
        mins.insert(*no, *min);
    }
    mins.retain(|_, min| *min > 0);
    Ok(mins)
}

/// Fails if a record stays whole that is below its trail's minimum.
fn expired_below(
    file: &SegmentFile,
    fate: Option<&Fate>,
    mins: &BTreeMap<TrailNo, u64>,
) -> Result<(), LogError> {
    for (no, first, _, _) in &file.entry.trails {
        let no = TrailNo(*no);
        let Some(min) = mins.get(&no).filter(|min| first < *min) else { continue };
        let stays = match fate {
            Some(Fate::Expire { keep, .. }) if keep.is_empty() => false,
            Some(Fate::Expire { keep, .. }) => {
                let path = file.entry.parquet();
                let table = file.table()?;
                let seqs = table.seqs(no).map_err(LogError::segment(&path))?;
                let rows = table.trail_rows(no).map_err(LogError::segment(&path))?;
                let below = u32::try_from(min - first - 1).unwrap_or(u32::MAX);
                let count = seqs.map_or(0, |seqs| seqs.rank(below));
                // A trail's rows ascend as its seqs do.
                rows.is_some_and(|rows| rows.iter().take(count as usize).any(|r| keep.contains(r)))
            }
            Some(Fate::Erase { .. }) | None => true,
        };
        if stays {
            let why = format!(
                "records of trail number {} below {min} stay in {}, so that cannot be its minimum index",
                no.0, file.entry.name
            );
            return Err(LogError::Refused(why));
        }
    }
    Ok(())
}

fn holds_below(file: &SegmentFile, floors: &BTreeMap<TrailNo, u64>) -> bool {
    let below = |(no, first, _, _): &(u32, u64, u64, u64)| {
        floors.get(&TrailNo(*no)).is_some_and(|floor| first < floor)
    };
    file.entry.trails.iter().any(below)
}

/// The rows that are not below the floors, if they are few.
fn few_left(
    file: &SegmentFile,
    floors: &BTreeMap<TrailNo, u64>,
) -> Result<Option<Vec<u32>>, LogError> {
    let few = file.entry.rows / limits::REWRITE_ROWS_SCANNED;
    let path = file.entry.parquet();
    let mut left = Vec::new();
    for (no, first, last, _) in &file.entry.trails {
        let floor = floors.get(&TrailNo(*no)).copied().unwrap_or(0);
        if *last < floor {
            continue;
        }
        let table = file.table()?;
        let seqs = table.seqs(TrailNo(*no)).map_err(LogError::segment(&path))?;
        let rows = table.trail_rows(TrailNo(*no)).map_err(LogError::segment(&path))?;
        let (Some(seqs), Some(rows)) = (seqs, rows) else {
            let why = format!("trail number {no} is not in the row table");
            return Err(LogError::corrupt(&file.entry.row_table(), 0, why));
        };
        let gone = match floor.checked_sub(*first + 1) {
            Some(before) => seqs.rank(u32::try_from(before).unwrap_or(u32::MAX)),
            None => 0,
        };
        if left.len() as u64 + (rows.len() - gone) > few {
            return Ok(None);
        }
        // A trail's rows ascend as its seqs do.
        left.extend(rows.iter().skip(gone as usize));
    }
    left.sort_unstable();
    Ok(Some(left))
}

/// One piece a segment, but where a large one would leave the other threads idle.
fn pieces(jobs: &mut [Job]) -> Vec<(usize, Range<u32>)> {
    let few = jobs.len() < limits::REWRITE_THREADS;
    let mut pieces = Vec::new();
    for (at, job) in jobs.iter_mut().enumerate() {
        let rows = job.file.entry.rows as u32;
        let share = match few && job.left.is_none() && rows > limits::REWRITE_ROWS_SPLIT {
            true => rows.div_ceil(limits::REWRITE_THREADS as u32),
            false => rows,
        };
        let mut start = 0;
        let built = job.built.get_mut().expect("nobody else knows of it yet");
        while start < rows {
            let end = rows.min(start + share);
            pieces.push((at, start..end));
            built.left += 1;
            start = end;
        }
    }
    pieces
}

impl Job {
    pub fn file_no(&self) -> u64 {
        self.file.entry.file
    }

    /// Takes what was made of a piece; gives everything once it was the last.
    pub fn add(&self, fresh: Vec<Fresh>, tally: Tally) -> Option<(Vec<Fresh>, Tally)> {
        let mut built = self.built.lock().expect("nothing panics while holding it");
        built.fresh.extend(fresh);
        built.tally.add(tally);
        built.left -= 1;
        (built.left == 0)
            .then(|| std::mem::take(&mut *built))
            .map(|built| (built.fresh, built.tally))
    }

    /// Removes what was made of some pieces and never of all.
    pub fn give_up(&self, storage: &dyn Storage) {
        let mut built = self.built.lock().expect("nothing panics while holding it");
        built.fresh.drain(..).for_each(|fresh| fresh.give_up(storage));
    }
}
