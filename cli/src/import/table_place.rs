//! How far the import of a table is, in a file. It stays when the import is through: the next one begins there.

use std::path::PathBuf;

use indelible_event::Micros;
use indelible_log::{Clock, SystemClock};
use indelible_tables::Place;
use serde::{Deserialize, Serialize};

use super::place::state_file;
use crate::args::Import;
use crate::failure::Failure;
use crate::files;

/// How often it is written, in microseconds.
const EVERY: i64 = 2_000_000;
/// The most bytes of the file: keys may be long texts.
const BYTES_MAX: usize = 1 << 20;

#[derive(Serialize, Deserialize)]
struct Kept {
    /// Which rows, for whoever finds the file.
    source: String,
    /// A place means nothing in another order.
    order: String,
    place: Option<Place>,
}

/// The place.
pub struct TablePlace {
    file: Option<PathBuf>,
    kept: Kept,
    written: Micros,
}

impl TablePlace {
    /// Finds the place of an import of this table to that log. One of another order is passed over: what is imported
    /// again is known again.
    pub fn open(
        args: &Import,
        database: &str,
        source: &str,
        order: &str,
        to: &str,
    ) -> Result<TablePlace, Failure> {
        let from = ["table", database, source];
        let file = args.files.progress.clone().or_else(|| state_file(args, to, &from));
        let bytes = match &file {
            Some(file) => files::read_if_there(file).map_err(Failure::io(file.display()))?,
            None => None,
        };
        let bytes = bytes.filter(|bytes| bytes.len() <= BYTES_MAX);
        let before: Option<Kept> = bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let before = before.filter(|kept| kept.source == source && kept.order == order);
        let place = before.and_then(|kept| kept.place);
        let kept = Kept { source: source.to_owned(), order: order.to_owned(), place };
        Ok(TablePlace { file, kept, written: SystemClock.now() })
    }

    /// Everything up to there is durable.
    pub fn reached(&self) -> Option<&Place> {
        self.kept.place.as_ref()
    }

    /// Where it is kept, for people.
    pub fn shown(&self) -> String {
        self.file.as_ref().map(|file| file.display().to_string()).unwrap_or_default()
    }

    /// Goes on, and writes it, if that was not done just now or nothing follows.
    pub fn go_on(&mut self, place: Option<&Place>, last: bool) -> Result<(), Failure> {
        if place == self.reached() {
            return Ok(());
        }
        self.kept.place = place.cloned();
        let now = SystemClock.now();
        if !last && now.0 - self.written.0 < EVERY {
            return Ok(());
        }
        self.written = now;
        self.write()
    }

    pub fn write(&self) -> Result<(), Failure> {
        let Some(file) = self.file.as_ref().filter(|_| self.kept.place.is_some()) else {
            return Ok(());
        };
        let json = serde_json::to_vec(&self.kept).map_err(Failure::cannot)?;
        if let Some(dir) = file.parent().filter(|dir| !dir.as_os_str().is_empty()) {
            files::make_dir(dir).map_err(Failure::io(dir.display()))?;
        }
        files::replace(file, &json).map_err(Failure::io(file.display()))
    }
}
