//! How far the import of a table is, in a file. It stays when the import is through: the next one begins there.

use indelible_tables::Place;
use serde::{Deserialize, Serialize};

use super::state_file::StateFile;
use crate::args::Import;
use crate::failure::Failure;

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
    file: StateFile,
    kept: Kept,
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
        let file = StateFile::of(args, to, &["table", database, source]);
        let before: Option<Kept> = file.read(BYTES_MAX)?;
        let before = before.filter(|kept| kept.source == source && kept.order == order);
        let place = before.and_then(|kept| kept.place);
        let kept = Kept { source: source.to_owned(), order: order.to_owned(), place };
        Ok(TablePlace { file, kept })
    }

    /// Everything up to there is durable.
    pub fn reached(&self) -> Option<&Place> {
        self.kept.place.as_ref()
    }

    /// Where it is kept, for people.
    pub fn shown(&self) -> String {
        self.file.shown()
    }

    /// Goes on, and writes it, if that was not done just now or nothing follows.
    pub fn go_on(&mut self, place: Option<&Place>, last: bool) -> Result<(), Failure> {
        if place == self.reached() {
            return Ok(());
        }
        self.kept.place = place.cloned();
        if last { self.write() } else { self.file.write_at_times(&self.kept) }
    }

    pub fn write(&self) -> Result<(), Failure> {
        if self.kept.place.is_none() {
            return Ok(());
        }
        self.file.write(&self.kept)
    }
}
