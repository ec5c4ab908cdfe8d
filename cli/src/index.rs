//! `indelible reindex` and `indelible verify index`

use serde::Serialize;

use crate::args::Global;
use crate::failure::Failure;
use crate::out::{self, Out, grouped};
use crate::progress::Progress;

#[derive(Serialize)]
struct Reindexed {
    records: u64,
}

#[derive(Serialize)]
struct IndexHolds<'a> {
    holds: bool,
    segments: usize,
    records: u64,
    missing: &'a [String],
    findings: Vec<Finding<'a>>,
}

#[derive(Serialize)]
struct Finding<'a> {
    path: &'a str,
    what: &'a str,
}

/// Makes every map again.
pub fn reindex(global: &Global, out: &mut Out) -> Result<(), Failure> {
    if !global.has_log() {
        global.reader()?;
    }
    let bar = Progress::of("records", global.json);
    let made = indelible_store::reindex(&global.seams(), &mut |done, all| bar.set_of(done, all));
    bar.clear();
    let records = made?;
    if out.is_json() {
        return out.object(&Reindexed { records });
    }
    out.line(format_args!("the index was made again: {} sealed records", grouped(records)))
}

/// Compares every map with its segment.
pub fn verify(global: &Global, out: &mut Out) -> Result<(), Failure> {
    if !global.has_log() {
        global.reader()?;
    }
    let bar = Progress::of("records", global.json);
    let report =
        indelible_store::verify_index(&global.seams(), &mut |done, all| bar.set_of(done, all));
    bar.clear();
    let report = report?;
    let holds = report.faults.is_empty();
    if out.is_json() {
        let findings = report.faults.iter().map(|(path, what)| Finding { path, what }).collect();
        out.object(&IndexHolds {
            holds,
            segments: report.segments,
            records: report.rows,
            missing: &report.missing,
            findings,
        })?;
    } else {
        for segment in &report.missing {
            out.line(format_args!("note: {segment} has no index yet; whoever writes makes it"))?;
        }
        if holds {
            out.line(format_args!(
                "The index holds: every term and row of {} records in {} segments is what the records say.",
                grouped(report.rows),
                report.segments - report.missing.len()
            ))?;
        }
        for (path, what) in &report.faults {
            out::note(format_args!("ALARM: {path}: {what}"));
        }
    }
    if holds {
        return Ok(());
    }
    out.flush()?;
    Err(Failure::DoesNotHold(
        "the index does not say what the records say; `indelible reindex` makes it again".into(),
    ))
}
