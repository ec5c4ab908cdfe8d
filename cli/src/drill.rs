//! `indelible drill`

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use indelible_log::Seams;
use indelible_log::storage::Storage;
use indelible_store::{CaughtBy, DrillRow};
use serde::Serialize;

use crate::args::{Drill, Global};
use crate::failure::Failure;
use crate::files;
use crate::out::{Out, Table};
use crate::progress::Progress;

/// What the names of the copies begin with that are tampered with.
const ATTACK: &str = "attack-";

#[derive(Serialize)]
struct Row<'a> {
    attack: &'a str,
    needs: &'a str,
    caught_by: &'a str,
    as_expected: bool,
    finding: &'a str,
}

pub fn run(global: &Global, out: &mut Out, args: &Drill) -> Result<(), Failure> {
    let rows = drill(global, args.scratch.as_deref())?;
    if out.is_json() {
        rows.iter().try_for_each(|row| out.object(&object(row)))?;
    } else {
        print(out, &rows, true)?;
    }
    judge(&rows)
}

/// Runs the drill on copies that are gone afterwards.
pub fn drill(global: &Global, scratch: Option<&Path>) -> Result<Vec<DrillRow>, Failure> {
    // Also tells a directory without a log from one that does not verify.
    global.reader()?;
    let place = files::Scratch::new(scratch)?;
    let bar = Progress::count("attacks", global.json);
    let storage: Arc<dyn Storage> = global.seams().storage;
    // Each attack has a copy of its own, and none is needed once the next begins.
    let last = RefCell::new(None);
    let copy = |name: &str| {
        let dir = place.dir(name);
        if name.starts_with(ATTACK)
            && let Some(before) = last.replace(Some(dir.clone()))
        {
            files::discard(&before);
        }
        Seams::real(dir)
    };
    let rows = indelible_store::drill(&storage, global.guard_storage().as_ref(), &copy, &|_| {
        bar.advance(1)
    });
    bar.clear();
    Ok(rows?)
}

/// Fails if something went otherwise than it should.
pub fn judge(rows: &[DrillRow]) -> Result<(), Failure> {
    match rows.iter().filter(|row| !row.as_expected).count() {
        0 => Ok(()),
        n => Err(Failure::DoesNotHold(format!(
            "{n} of {} attacks were not caught by what should catch them",
            rows.len()
        ))),
    }
}

/// Writes the table, with what was said about each attack if there is to be room for it, and a line below.
pub fn print(out: &mut Out, rows: &[DrillRow], in_full: bool) -> Result<(), Failure> {
    let mut table = Table::new(&["WHAT WAS DONE", "ATTACKER HAS", "CAUGHT BY"], &[]);
    for row in rows {
        let wrong = if row.as_expected { "" } else { ", and that is wrong" };
        table.row(vec![
            row.attack.into(),
            row.needs.into(),
            format!("{}{wrong}", row.caught_by.name()),
        ]);
        if in_full {
            table.below(row.finding.clone());
        }
    }
    table.print(out)?;
    let count = |by| rows.iter().filter(|row| row.caught_by == by).count();
    out.line(format_args!(
        "\n{} attacks: verify log caught {}, verify index {}, the sign guard {}, only an outside witness {}, nobody {}.",
        rows.len(),
        count(CaughtBy::Verification),
        count(CaughtBy::IndexVerification),
        count(CaughtBy::SignGuard),
        count(CaughtBy::OutsideWitness),
        count(CaughtBy::Nothing)
    ))
}

fn object(row: &DrillRow) -> Row<'_> {
    Row {
        attack: row.attack,
        needs: row.needs,
        caught_by: row.caught_by.name(),
        as_expected: row.as_expected,
        finding: &row.finding,
    }
}
