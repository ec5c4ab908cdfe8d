//! What a single trail takes of a log, to be read and verified: the segments that have any record of it or of `_system`,
//! and everything that is no segment.

use std::collections::BTreeSet;
use std::io::Read as _;

use indelible_log::manifest::{Manifest, PATH, SEGMENTS};
use indelible_log::{LogError, LogFile};

use crate::error::KeepError;

/// The segments that have records of a trail or of `_system`.
pub(crate) struct Segments(BTreeSet<String>);

impl Segments {
    pub fn of(manifest: &Manifest, trail: &str) -> Segments {
        let no = manifest.trails.iter().position(|known| known.name == trail);
        let has = |trails: &[(u32, u64, u64, u64)]| {
            trails.iter().any(|t| t.0 == 0 || no.is_some_and(|no| t.0 as usize == no))
        };
        let wanted = manifest.segments.iter().filter(|segment| has(&segment.trails));
        Segments(wanted.map(|segment| segment.name.clone()).collect())
    }

    pub fn has(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Whether a file of a log is no other segment's.
    pub fn takes(&self, path: &str) -> bool {
        match path.split_once('/') {
            Some((SEGMENTS, rest)) => rest.rsplit_once('.').is_some_and(|(stem, _)| self.has(stem)),
            Some((indelible_store::INDEX, rest)) => {
                let stem = rest.strip_suffix(".idx").and_then(|rest| rest.rsplit_once('.'));
                stem.is_some_and(|(stem, _)| self.has(stem))
            }
            _ => true,
        }
    }
}

/// Leaves out what a trail does not take. The manifest stays whole: it says what was left out.
pub(super) fn only(trail: &str, files: &mut Vec<LogFile>) -> Result<(), KeepError> {
    let mut bytes = Vec::new();
    if let Some(manifest) = files.iter().find(|file| file.path == PATH) {
        let io = |source| LogError::Io { path: PATH.to_owned(), source };
        manifest.open()?.read_to_end(&mut bytes).map_err(io)?;
    }
    let segments = Segments::of(&Manifest::decode(&bytes)?, trail);
    files.retain(|file| segments.takes(&file.path));
    Ok(())
}
