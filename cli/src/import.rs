//! `indelible import`: archives that come back, and what others recorded until now.
//!
//! One thread reads files, unpacks them and finds their records, one makes events of them, and this one appends; each
//! waits for the next, so that memory stays the same however long the files are.

mod mapping;
mod place;
mod read;
mod report;
mod sink;
mod state_file;
mod table;
mod table_place;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use indelible_keep::{Keep, Who};
use indelible_log::{Clock, SystemClock};
use indelible_store::Store;
use serde_json::{Value, json};

use crate::args::{FileFormat, Global, Import};
use crate::ask::change::writer;
use crate::failure::Failure;
use crate::files;
use crate::keeping::archive;
use crate::out::Out;
use crate::progress::Progress;
use mapping::{Lot, Mapped};
use place::Place;
use report::Report;
use sink::{Became, Sink};

pub fn run(global: &Global, out: &mut Out, args: &Import) -> Result<(), Failure> {
    if let Some(from) = &args.table.from {
        return table::run(global, out, args, from);
    }
    match (args.files.format, &args.what[..]) {
        (Some(format), _) => import(global, out, args, format),
        (None, [one]) if !one.is_file() => archive::import(global, out, args, one),
        (None, _) => {
            let why =
                "--format says what these files are: ndjson, csv, cloudtrail, kubernetes or github";
            Err(Failure::Usage(why.into()))
        }
    }
}

fn import(
    global: &Global,
    out: &mut Out,
    args: &Import,
    format: FileFormat,
) -> Result<(), Failure> {
    let mut paths = Vec::new();
    for path in &args.what {
        paths.extend(files::below(path)?);
    }
    let task = mapping::Task::of(args, format)?;
    let bytes: Option<u64> = paths.iter().map(|path| files::len(path)).sum();
    let progress = Progress::bytes(bytes, global.json);
    let refused = args.files.refused.as_deref();
    if args.files.dry_run {
        let report = Report::new((refused, false), &progress, global.json)?;
        return dry_run(out, task, &paths, report);
    }
    let client = args.at.client(global)?;
    let to = args.at.url.clone().unwrap_or_else(|| global.data.display().to_string());
    let place = Place::open(args, format, &paths, &to)?;
    let report = Report::new((refused, place.goes_on()), &progress, global.json)?;
    let Some(client) = client else {
        let store = Arc::new(writer(global)?);
        let result = told(global, &store, "import.files", about(&paths, format), |sink| {
            all(sink, task, &paths, place, report)
        });
        let closed = Arc::into_inner(store).map_or(Ok(()), Store::close);
        let tally = result?;
        closed?;
        return tally.end(global.json);
    };
    let sink = Sink::node(client, args.trail.as_ref());
    all(&sink, task, &paths, place, report)?.end(global.json)
}

/// What is told in `_system` of an import of files.
fn about(paths: &[PathBuf], format: FileFormat) -> (Value, Value) {
    /// Names that the event lists; of more it has the number.
    const NAMES_MAX: usize = 20;
    let names: Vec<String> =
        paths.iter().take(NAMES_MAX).map(|path| path.display().to_string()).collect();
    let details = json!({"format": format.name(), "files": paths.len(), "names": names});
    (json!({"type": "files", "id": format.name()}), details)
}

/// Records in `_system` that something is imported, before and after.
fn told(
    global: &Global,
    store: &Arc<Store>,
    action: &'static str,
    (target, details): (Value, Value),
    work: impl FnOnce(&Sink) -> Result<report::Tally, Failure>,
) -> Result<report::Tally, Failure> {
    let keep = Keep::new(store.clone(), global.seams());
    let who = Who {
        id: "local".into(),
        since: None,
        actor: json!({"type": "system", "id": "local"}),
        context: None,
    };
    let begun = keep.begin(&who, action, target, details).map_err(Failure::cannot)?;
    match work(&Sink::store(store.clone())) {
        Ok(tally) => {
            let details =
                json!({"kept": tally.kept, "known": tally.known, "refused": tally.refused});
            keep.end(begun, Ok((tally, details))).map_err(Failure::cannot)
        }
        Err(failure) => {
            // How it ended is a courtesy by now: what stopped it may stop that too.
            let why = indelible_keep::KeepError::Bad("it was broken off".into());
            let _ = keep.end::<()>(begun, Err(why));
            Err(failure)
        }
    }
}

fn all(
    sink: &Sink,
    task: mapping::Task,
    paths: &[PathBuf],
    mut place: Place,
    mut report: Report<'_>,
) -> Result<report::Tally, Failure> {
    let started = SystemClock.now();
    let (lots, reading) = mapping::start(task, paths, place.done())?;
    let result = append(sink, &lots, &mut place, &mut report).and_then(|()| {
        drop(lots);
        reading.join().map_err(|_| Failure::cannot("reading the files broke off"))
    });
    report.clear();
    let kept = place.write();
    result?;
    place.remove();
    kept?;
    report.finish(SystemClock.now().0 - started.0)
}

fn append(
    sink: &Sink,
    lots: &std::sync::mpsc::Receiver<Result<Lot, Failure>>,
    place: &mut Place,
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    for lot in lots {
        let Lot { file, path, bytes, passed, last, mapped } = lot?;
        report.passed(passed);
        let (numbers, mut events): (Vec<_>, Vec<Mapped>) = mapped.into_iter().unzip();
        take(sink, &path, &numbers, &mut events, report)?;
        report.advance(bytes);
        place.reached(file, last);
        place.write_at_times()?;
    }
    Ok(())
}

/// Appends what are events, and counts what became of each.
fn take(
    sink: &Sink,
    path: &Path,
    numbers: &[u64],
    events: &mut [Mapped],
    report: &mut Report<'_>,
) -> Result<(), Failure> {
    let results = sink.append(events, |why| report.waiting(why))?;
    let mut became = results.into_iter();
    for (number, event) in numbers.iter().zip(&*events) {
        match event {
            Mapped::Refused { field, reason, original } => {
                report.refused(path, *number, field, reason, original)?;
            }
            Mapped::Event(_, json) => match became.next() {
                Some(Became::Kept) => report.tally.kept += 1,
                Some(Became::Known) => report.tally.known += 1,
                Some(Became::Refused { field, reason }) => {
                    report.refused(path, *number, &field, &reason, json)?;
                }
                None => return Err(Failure::cannot("fewer answers than events")),
            },
        }
    }
    Ok(())
}

/// Shows what would become what: the map, the first events, and everything that would be refused.
fn dry_run(
    out: &mut Out,
    task: mapping::Task,
    paths: &[PathBuf],
    mut report: Report<'_>,
) -> Result<(), Failure> {
    /// Events that are shown.
    const SHOWN: usize = 3;
    let shown = task.explain(paths)?;
    if !out.is_json() && !shown.is_empty() {
        out.line(shown.trim_end())?;
    }
    let (lots, reading) = mapping::start(task, paths, Vec::new())?;
    let mut left = SHOWN;
    for lot in lots {
        let Lot { path, mapped, bytes, .. } = lot?;
        for (number, mapped) in mapped {
            match mapped {
                Mapped::Refused { field, reason, original } => {
                    report.refused(&path, number, &field, &reason, &original)?;
                }
                Mapped::Event(_, json) => {
                    report.tally.kept += 1;
                    if left > 0 {
                        left -= 1;
                        out.bytes(&json)?;
                        out.line("")?;
                    }
                }
            }
        }
        report.advance(bytes);
    }
    reading.join().map_err(|_| Failure::cannot("reading the files broke off"))?;
    report.clear();
    out.flush()?;
    report.dry();
    if report.tally.refused > 0 { Err(Failure::Told) } else { Ok(()) }
}
