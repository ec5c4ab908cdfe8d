//! `indelible report unfinished`

use super::answers::{Begun, Unfinished as Answer};
use super::sentence::sentence;
use super::source::read;
use super::{report, tell_alarms, tell_incomplete};
use crate::args::{Global, Unfinished};
use crate::failure::Failure;
use crate::look::{Look, Paint, clean, pad, span};
use crate::out::{self, Out};

const PATH: &str = "/api/audit/reports/unfinished";
const PAGE: &str = "1000";
/// Columns of an age.
const AGE_WIDTH: usize = 8;

pub fn run(global: &Global, out: &mut Out, args: &Unfinished) -> Result<(), Failure> {
    let source = args.at.source(global)?;
    let look = args.shape.look(out);
    let mut params = report(args.trail.as_ref(), args.since.as_deref())?;
    params.push(("older_than".into(), args.older_than.clone()));
    params.push(("page_size".into(), PAGE.into()));
    let (mut unfinished, mut abandoned, mut alarms) = (0, 0, false);
    let mut cursor = None::<String>;
    loop {
        let mut page_params = params.clone();
        page_params.extend(cursor.iter().map(|cursor| ("cursor".to_owned(), cursor.clone())));
        let bytes = source.get(PATH, &page_params)?;
        let page: Answer = read(&bytes)?;
        if look.for_people {
            for begun in &page.unfinished {
                print(out, &look, begun, Paint::Odd)?;
            }
            for begun in &page.abandoned {
                print(out, &look, begun, Paint::Dim)?;
            }
        } else {
            out.bytes(bytes.trim_ascii_end())?;
            out.line("")?;
        }
        // What is said about it comes after it.
        out.flush()?;
        unfinished += page.unfinished.len();
        abandoned += page.abandoned.len();
        alarms |= tell_alarms(&page.alarms, out.is_json());
        let stuck = page.next_cursor.is_none() || page.next_cursor == cursor;
        let index = page.incomplete.as_ref().is_some_and(|met| met.limit == "index");
        if stuck || index {
            // Where a bound was met the next page goes on: only what nobody goes on with is lacking.
            tell_incomplete(page.incomplete.as_ref(), out.is_json());
        }
        if stuck {
            break;
        }
        cursor = page.next_cursor;
    }
    if look.for_people {
        tell_end(unfinished, abandoned);
    }
    if unfinished + abandoned > 0 || alarms { Err(Failure::Told) } else { Ok(()) }
}

fn print(out: &mut Out, look: &Look, begun: &Begun, colour: Paint) -> Result<(), Failure> {
    let event = &begun.event;
    let age = format!("{:>AGE_WIDTH$}", span(begun.age_seconds));
    let begins = format!("{age}  {}  {}  ", look.time(&event.recorded_at), clean(&event.id));
    let trail = pad(&clean(&event.trail), 8);
    let mut told = sentence(event);
    if event.phase.as_deref() == Some("outcome") {
        told.push_str(" (nobody said how it ended)");
    }
    out.line(format_args!("{begins}{trail}  {}", look.paint(colour, &told)))?;
    if let Some(after) = &begun.followed_by {
        let indent = " ".repeat(AGE_WIDTH + 2);
        let (at, action) = (look.time(&after.recorded_at), clean(&after.action));
        let line =
            format!("{indent}{at}  {}  then {action} in {}", clean(&after.id), clean(&after.trail));
        out.line(look.paint(Paint::Dim, &line))?;
    }
    Ok(())
}

fn tell_end(unfinished: usize, abandoned: usize) {
    if unfinished + abandoned == 0 {
        return out::note(format_args!("everything that was begun has ended"));
    }
    let gave_up = format!("{abandoned} ended without saying how");
    out::note(format_args!("{unfinished} begun and never ended, {gave_up}"));
}
