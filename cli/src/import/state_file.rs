//! A file that tells how far an import is, so that the next one can go on.

use std::path::{Path, PathBuf};

use indelible_event::{EventId, Micros};
use indelible_log::{Clock, SystemClock};
use indelible_store::NODE;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::args::Import;
use crate::failure::Failure;
use crate::files;

/// How often it is written, in microseconds.
const EVERY: i64 = 2_000_000;

/// The file, where there is one.
pub struct StateFile {
    path: Option<PathBuf>,
    written: Micros,
}

impl StateFile {
    /// The one that was asked for, or else one with a name that says which import into that log it is of; none where
    /// there is no home.
    pub fn of(args: &Import, to: &str, from: &[&str]) -> StateFile {
        let path = args.files.progress.clone().or_else(|| default_path(args, to, from));
        StateFile { path, written: SystemClock.now() }
    }

    /// None: what comes from a pipe cannot be gone on with.
    pub fn none() -> StateFile {
        StateFile { path: None, written: SystemClock.now() }
    }

    /// What is in it. One that cannot be understood is as none: what is imported again is known again.
    pub fn read<T: DeserializeOwned>(&self, bytes_max: usize) -> Result<Option<T>, Failure> {
        let Some(path) = &self.path else { return Ok(None) };
        let bytes = files::read_if_there(path).map_err(Failure::io(path.display()))?;
        let bytes = bytes.filter(|bytes| bytes.len() <= bytes_max);
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Writes it, if that was not done just now.
    pub fn write_at_times(&mut self, state: &impl Serialize) -> Result<(), Failure> {
        let now = SystemClock.now();
        if now.0 - self.written.0 < EVERY {
            return Ok(());
        }
        self.written = now;
        self.write(state)
    }

    pub fn write(&self, state: &impl Serialize) -> Result<(), Failure> {
        let Some(path) = &self.path else { return Ok(()) };
        let json = serde_json::to_vec(state).map_err(Failure::cannot)?;
        if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            files::make_dir(dir).map_err(Failure::io(dir.display()))?;
        }
        files::replace(path, &json).map_err(Failure::io(path.display()))
    }

    pub fn remove(&self) {
        if let Some(path) = &self.path {
            files::remove(path);
        }
    }

    /// Where it is, for people.
    pub fn shown(&self) -> String {
        self.path.as_ref().map(|path| path.display().to_string()).unwrap_or_default()
    }
}

fn default_path(args: &Import, to: &str, from: &[&str]) -> Option<PathBuf> {
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
