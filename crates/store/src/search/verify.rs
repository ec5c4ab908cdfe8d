//! The index compared with the log, both ways; and made anew.

use indelible_index::Frozen;
use indelible_log::{LOCK, LogError, Seams, View};

use super::files;
use super::freeze::with_terms;
use crate::error::StoreError;

/// What comparing found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IndexReport {
    /// Segments that have not expired.
    pub segments: usize,
    /// Rows of those that have a map.
    pub rows: u64,
    /// Segments that have none yet. Nothing is lost by that: the node makes it.
    pub missing: Vec<String>,
    /// Segments whose rows are in an archive, so that their maps were compared with nothing but themselves.
    pub away: usize,
    /// What a map says otherwise than its segment: file, and what.
    pub faults: Vec<(String, String)>,
}

/// Makes every map again from its segment, in memory, and compares: a term that was removed or added, and a
/// posting that was cut, show with the record concerned. That the segments are what was recorded,
/// [`verify()`](crate::verify()) shows.
pub fn verify_index(
    seams: &Seams,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<IndexReport, StoreError> {
    let view = View::open(seams.storage.clone())?;
    let handles = with_terms(view.segments());
    let total = handles.iter().map(|segment| u64::from(segment.rows())).sum();
    let mut report = IndexReport { segments: handles.len(), ..IndexReport::default() };
    let mut before = 0;
    for segment in &handles {
        let path = files::path(segment);
        let rows = u64::from(segment.rows());
        match seams.storage.map(&path) {
            // Without its rows here the map can only be compared with itself.
            Ok(bytes) if segment.away().is_some() => {
                report.away += 1;
                if let Err(e) = Frozen::open(bytes).and_then(|kept| kept.check()) {
                    report.faults.push((path, e.to_string()));
                }
            }
            Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
                report.missing.push(segment.name().to_owned());
            }
            Err(e) => return Err(StoreError::io(&path)(e)),
            Ok(bytes) => {
                report.rows += rows;
                let mut made = Vec::new();
                let mut done = |done: u32| {
                    progress(before + u64::from(done), total);
                    true
                };
                files::from_rows(segment, seed(seams), &mut done, &mut made)?;
                let difference = Frozen::open(bytes).and_then(|kept| {
                    kept.check()?;
                    kept.difference(&Frozen::open(made.into())?)
                });
                match difference {
                    Ok(None) => {}
                    Ok(Some(what)) => report.faults.push((path, what)),
                    Err(e) => report.faults.push((path, e.to_string())),
                }
            }
        }
        before += rows;
        progress(before, total);
    }
    Ok(report)
}

/// Throws every map away and makes it again. Gives how many rows were indexed.
pub fn reindex(seams: &Seams, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, StoreError> {
    let _lock = seams.storage.lock(LOCK).map_err(|e| match e.kind() {
        std::io::ErrorKind::WouldBlock => StoreError::Log(LogError::Locked),
        _ => StoreError::io(LOCK)(e),
    })?;
    let view = View::open(seams.storage.clone())?;
    let (away, handles): (Vec<_>, Vec<_>) =
        with_terms(view.segments()).into_iter().partition(|segment| segment.away().is_some());
    // What has no rows here could not be made again.
    files::sweep(&*seams.storage, &away)?;
    let total = handles.iter().map(|segment| u64::from(segment.rows())).sum();
    let mut before = 0;
    for segment in &handles {
        let mut done = |done: u32| {
            progress(before + u64::from(done), total);
            true
        };
        files::write(&*seams.storage, segment, &|| true, |out| {
            files::from_rows(segment, seed(seams), &mut done, out)
        })?;
        before += u64::from(segment.rows());
    }
    Ok(before)
}

fn seed(seams: &Seams) -> u64 {
    let mut seed = [0; 8];
    seams.entropy.fill(&mut seed);
    u64::from_le_bytes(seed)
}
