//! How far an import is, in a file, so that it can go on. Only for speed: what is imported again is known again.

use std::path::{Path, PathBuf};

use indelible_event::{EventId, Micros};
use indelible_log::{Clock, SystemClock};
use indelible_store::NODE;
use serde::{Deserialize, Serialize};

use crate::args::{FileFormat, Import};
use crate::failure::Failure;
use crate::files;

/// How often it is written, in microseconds.
const EVERY: i64 = 2_000_000;
/// The most bytes of the file.
const BYTES_MAX: usize = 64 << 20;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Reached {
    path: String,
    bytes: Option<u64>,
    /// When it was last changed, in microseconds.
    changed: Option<i64>,
    records: u64,
}

/// The place.
pub struct Place {
    file: Option<PathBuf>,
    reached: Vec<Reached>,
    written: Micros,
}

impl Place {
    /// Finds the place of an import of these files to that log.
    pub fn open(
        args: &Import,
        format: FileFormat,
        paths: &[PathBuf],
        to: &str,
    ) -> Result<Place, Failure> {
        let mut reached: Vec<Reached> = Vec::with_capacity(paths.len());
        for path in paths {
            let whole = std::path::absolute(path).map_err(Failure::io(path.display()))?;
            let path_text = whole.display().to_string();
            let (bytes, changed) = (files::len(path), files::changed(path));
            reached.push(Reached { path: path_text, bytes, changed, records: 0 });
        }
        let resumable = paths.iter().all(|path| !files::is_standard(path));
        let file = args.files.progress.clone().or_else(|| default_file(args, format, to, &reached));
        let file = file.filter(|_| resumable);
        let before: Option<Vec<Reached>> = match &file {
            Some(file) => {
                let bytes = files::read_if_there(file).map_err(Failure::io(file.display()))?;
                bytes
                    .filter(|bytes| bytes.len() <= BYTES_MAX)
                    .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            }
            None => None,
        };
        // A file that is another by now is read from its beginning.
        for one in &mut reached {
            let about = |of: &Reached| (of.path.clone(), of.bytes, of.changed);
            let same = |was: &&Reached| about(was) == about(one);
            one.records = before.iter().flatten().find(same).map_or(0, |was| was.records);
        }
        Ok(Place { file, reached, written: SystemClock.now() })
    }

    /// How many records of each file were imported before.
    pub fn done(&self) -> Vec<u64> {
        self.reached.iter().map(|one| one.records).collect()
    }

    /// Everything up to this record of a file is durable.
    pub fn reached(&mut self, file: usize, record: u64) {
        if let Some(one) = self.reached.get_mut(file) {
            one.records = one.records.max(record);
        }
    }

    /// Whether an import before this one got anywhere.
    pub fn goes_on(&self) -> bool {
        self.reached.iter().any(|one| one.records > 0)
    }

    /// Writes it, if that was not done just now.
    pub fn write_at_times(&mut self) -> Result<(), Failure> {
        let now = SystemClock.now();
        if now.0 - self.written.0 < EVERY {
            return Ok(());
        }
        self.written = now;
        self.write()
    }

    pub fn write(&self) -> Result<(), Failure> {
        let Some(file) = &self.file else { return Ok(()) };
        let json = serde_json::to_vec(&self.reached).map_err(Failure::cannot)?;
        if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            files::make_dir(dir).map_err(Failure::io(dir.display()))?;
        }
        files::replace(file, &json).map_err(Failure::io(file.display()))
    }

    /// All is imported.
    pub fn remove(&self) {
        if let Some(file) = &self.file {
            files::remove(file);
        }
    }
}

/// A name that says which import it is of; none where there is no home.
fn default_file(
    args: &Import,
    format: FileFormat,
    to: &str,
    reached: &[Reached],
) -> Option<PathBuf> {
    let paths = reached.iter().map(|one| &*one.path);
    state_file(args, to, &std::iter::once(format.name()).chain(paths).collect::<Vec<_>>())
}

/// The same for an import of anything into that log.
pub fn state_file(args: &Import, to: &str, from: &[&str]) -> Option<PathBuf> {
    let state = std::env::var_os("XDG_STATE_HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let home = || std::env::var_os("HOME").filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let state = state.or_else(|| home().map(|home| home.join(".local/state")))?;
    let trail = args.trail.as_ref().map(ToString::to_string).unwrap_or_default();
    let to = if args.at.url.is_some() {
        to.to_owned()
    } else {
        // The log, not only where it lies: what was imported into the one before is not in a new one at its place.
        let node = files::read_if_there(&Path::new(to).join(NODE)).ok().flatten()?;
        format!("{}\n{}", std::path::absolute(to).ok()?.display(), String::from_utf8_lossy(&node))
    };
    let mut which = vec![&*to, &*trail];
    which.extend(from);
    let id = EventId::foreign("import", &which.join("\n"));
    Some(state.join("indelible").join(format!("import-{id}.json")))
}
