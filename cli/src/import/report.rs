//! What became of the records, told as it happens and in the end.

use std::cell::Cell;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;

use crate::failure::Failure;
use crate::files;
use crate::look::clean;
use crate::out::{self, grouped};
use crate::progress::Progress;

/// Refused records that are told one by one; of more only the number.
const SHOWN_MAX: u64 = 20;

/// How many of what.
#[derive(Default)]
pub struct Tally {
    pub kept: u64,
    pub known: u64,
    pub refused: u64,
    /// Imported before, and passed over.
    pub passed: u64,
    micros: i64,
}

/// Tells and counts.
pub struct Report<'a> {
    pub tally: Tally,
    refused: Option<(BufWriter<File>, String)>,
    progress: &'a Progress,
    json: bool,
    waits: Cell<u32>,
}

#[derive(Serialize)]
struct RefusedLine<'a> {
    file: &'a str,
    record: u64,
    field: &'a str,
    reason: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    original: Option<&'a str>,
}

#[derive(Serialize)]
struct Summary {
    kept: u64,
    known: u64,
    refused: u64,
    passed: u64,
    seconds: f64,
}

impl<'a> Report<'a> {
    pub fn new(
        (refused, goes_on): (Option<&Path>, bool),
        progress: &'a Progress,
        json: bool,
    ) -> Result<Report<'a>, Failure> {
        let refused = match refused {
            None => None,
            Some(path) => {
                // What was refused before is not looked at again, and stays there.
                let file = if goes_on { files::append(path) } else { files::create(path) };
                let file = file.map_err(Failure::io(path.display()))?;
                Some((BufWriter::new(file), path.display().to_string()))
            }
        };
        Ok(Report { tally: Tally::default(), refused, progress, json, waits: Cell::new(0) })
    }

    /// A record is not kept.
    pub fn refused(
        &mut self,
        path: &Path,
        record: u64,
        field: &str,
        reason: &str,
        original: &[u8],
    ) -> Result<(), Failure> {
        self.tally.refused += 1;
        let file = path.display().to_string();
        if let Some((to, name)) = &mut self.refused {
            let original = String::from_utf8_lossy(original);
            let line =
                RefusedLine { file: &file, record, field, reason, original: Some(&original) };
            let written = serde_json::to_writer(&mut *to, &line).map_err(std::io::Error::from);
            written.and_then(|()| to.write_all(b"\n")).map_err(Failure::io(&*name))?;
        }
        if self.tally.refused > SHOWN_MAX {
            return Ok(());
        }
        if self.json {
            out::note_json(&RefusedLine { file: &file, record, field, reason, original: None });
            return Ok(());
        }
        let field = if field.is_empty() { String::new() } else { format!("{}: ", clean(field)) };
        let line = format!("{} record {record}: {field}{}", clean(&file), clean(reason));
        self.progress.pause(|| out::note(format_args!("{line}")));
        Ok(())
    }

    /// The node does not answer.
    pub fn waiting(&self, why: &str) {
        self.waits.set(self.waits.get() + 1);
        if !self.json {
            self.progress.pause(|| out::note(format_args!("{why}; trying again")));
        }
    }

    pub fn passed(&mut self, records: u64) {
        self.tally.passed += records;
    }

    pub fn advance(&self, bytes: u64) {
        self.progress.advance(bytes);
    }

    pub fn clear(&self) {
        self.progress.clear();
    }

    /// All was read: the tally is complete.
    pub fn finish(mut self, micros: i64) -> Result<Tally, Failure> {
        self.close()?;
        self.tally.micros = micros;
        Ok(self.tally)
    }

    fn close(&mut self) -> Result<(), Failure> {
        let hidden = self.tally.refused.saturating_sub(SHOWN_MAX);
        if let Some((to, name)) = &mut self.refused {
            to.flush().map_err(Failure::io(&*name))?;
        }
        if hidden > 0 && !self.json {
            let hint = if self.refused.is_some() { "" } else { " (--refused FILE keeps them all)" };
            out::note(format_args!("and {} more were refused{hint}", grouped(hidden)));
        }
        Ok(())
    }

    /// What would have been kept.
    pub fn dry(&mut self) {
        // Nothing that could fail is left but the file of the refused, which says so by what it lacks.
        let _ = self.close();
        let Tally { kept, refused, .. } = self.tally;
        match self.json {
            true => out::note_json(&serde_json::json!({"would_be_kept": kept, "refused": refused})),
            false => out::note(format_args!(
                "{} would be kept, {} refused; nothing was imported",
                grouped(kept),
                grouped(refused)
            )),
        }
    }
}

impl Tally {
    /// Tells how many there were; refused ones make the command fail.
    pub fn end(self, json: bool) -> Result<(), Failure> {
        let Tally { kept, known, refused, passed, micros } = self;
        let seconds = micros.max(1) as f64 / 1e6;
        if json {
            out::note_json(&Summary { kept, known, refused, passed, seconds });
        } else {
            let all = kept + known + refused;
            let rate = match all {
                0..1000 => String::new(),
                _ => format!(
                    "; {seconds:.2} s, {} records/s",
                    grouped((all as f64 / seconds) as u64)
                ),
            };
            let before = match passed {
                0 => String::new(),
                _ => format!(", {} imported before", grouped(passed)),
            };
            out::note(format_args!(
                "{} kept, {} known already, {} refused{before}{rate}",
                grouped(kept),
                grouped(known),
                grouped(refused)
            ));
        }
        if refused > 0 { Err(Failure::Told) } else { Ok(()) }
    }
}
